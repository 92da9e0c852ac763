//! The files that `file` and `template` read.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, FileId, Span, codes};
use erpc_syntax::tree::StringPart;

use super::budget::Resource;
use super::evaluator::{Evaluator, Template};
use super::lowering::{Lowering, Typed};
use super::pattern::{Pattern, is_manifest};
use super::values::Values;
use crate::program::ReadError;
use crate::statements::{RawObject, objects_of};

/// How deep templates may use each other.
const MAX_TEMPLATE_DEPTH: usize = 16;

impl Evaluator<'_> {
    /// The id of a template among the sources.
    pub(crate) fn template_id(&self, at: usize) -> FileId {
        FileId(u32::try_from(self.loaded.sources.count() + at).unwrap_or(u32::MAX))
    }

    fn template_of(&self, file: FileId) -> Option<&Template> {
        let first = self.template_id(0).0;
        self.templates.get(file.0.checked_sub(first)? as usize)
    }

    /// The source under a span, also of a template.
    pub(crate) fn written(&self, span: Span) -> &str {
        match self.template_of(span.file) {
            Some(template) => template
                .text
                .get(span.start as usize..span.end as usize)
                .unwrap_or_default(),
            None => self.loaded.sources.text(span),
        }
    }

    /// The path of a file from which others are seen.
    pub(crate) fn path_of(&self, file: FileId) -> String {
        match self.template_of(file) {
            Some(template) => template.from.clone(),
            None => {
                let source = self.loaded.sources.get(file);
                source.map_or_else(String::new, |source| source.path.clone())
            }
        }
    }

    /// The text of a file of the program; `path` is seen from the file that names it.
    pub(crate) fn read_text(&mut self, path: &str, span: Span) -> Option<Rc<str>> {
        let joined = self.joined(path, span)?;
        self.read_joined(joined, span)
    }

    /// The path of a file of the program; `path` is seen from the file that names it.
    fn joined(&mut self, path: &str, span: Span) -> Option<String> {
        let from = self.path_of(span.file);
        let joined = crate::program::join(&from, path, self.loaded.above);
        if joined.is_none() && crate::program::is_whole_folder(&from, path) {
            self.report(
                Diagnostic::new(
                    &codes::SOURCE_UNREADABLE,
                    format!("`{path}` is the folder of the program, with its sources and output"),
                )
                .at(span, "not a folder of its own")
                .help("name the files, `\"*.yaml\"`, or move them to a folder: `\"manifests\"`"),
            );
        } else if joined.is_none() {
            self.report(
                Diagnostic::new(
                    &codes::SOURCE_UNREADABLE,
                    format!("`{path}` is outside the folder of the program"),
                )
                .at(span, "leaves the folder")
                .help("`root \"..\"` in the root file lets the program read files of the folder above"),
            );
        }
        joined
    }

    fn read_joined(&mut self, joined: String, span: Span) -> Option<Rc<str>> {
        if let Some(known) = self.texts.get(&joined) {
            return known.clone();
        }
        if self.budget.is_spent(Resource::Files) {
            return None;
        }
        let text = match self.files.read(&joined) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("`{joined}` is not UTF-8")),
            Err(ReadError::NotFound) => Err(format!("file `{joined}` not found")),
            Err(ReadError::TooLarge(bytes)) => {
                Err(format!("`{joined}` has {bytes} bytes, more than 16 MiB"))
            }
            Err(ReadError::Other(why)) => Err(format!("`{joined}` cannot be read: {why}")),
        };
        let text = match text {
            Ok(text) => {
                let is_left = self.count(Resource::Files, text.len(), span);
                is_left.then(|| Rc::from(text))
            }
            Err(message) => {
                self.report(
                    Diagnostic::new(&codes::SOURCE_UNREADABLE, message).at(span, "named here"),
                );
                None
            }
        };
        self.texts.insert(joined, text.clone());
        text
    }

    /// The files that a path names: one file, all manifests below a folder, or those that fit a pattern.
    pub(crate) fn files_of(&mut self, path: &str, span: Span) -> Option<Vec<String>> {
        let wanted = self.joined(path, span)?;
        let is_pattern = Pattern::is_one(&wanted);
        let folder = match is_pattern {
            true => Pattern::folder(&wanted),
            false => wanted.as_str(),
        };
        let mut files = match self.files.below(folder) {
            Ok(files) => files,
            // What is not a folder is read as a file, and reading it says what is wrong with it.
            Err(ReadError::NotFound) if !is_pattern => return Some(vec![wanted]),
            Err(ReadError::NotFound) => Vec::new(),
            Err(ReadError::TooLarge(_)) => Vec::new(),
            Err(ReadError::Other(why)) => {
                let message = format!("`{folder}` cannot be read: {why}");
                self.report(
                    Diagnostic::new(&codes::SOURCE_UNREADABLE, message).at(span, "named here"),
                );
                return None;
            }
        };
        if is_pattern {
            let pattern = Pattern::of(&wanted);
            files.retain(|file| pattern.fits(file));
        } else {
            files.retain(|file| is_manifest(file));
        }
        files.sort_unstable();
        if files.is_empty() {
            let message = match is_pattern {
                true => format!("no file matches `{wanted}`"),
                false => format!("there is no `.yaml`, `.yml` or `.json` file below `{wanted}`"),
            };
            self.report(
                Diagnostic::new(&codes::SOURCE_UNREADABLE, message).at(span, "names no file"),
            );
        }
        Some(files)
    }

    /// The objects of a file of manifests; `by` names it.
    pub(crate) fn raw_objects(&mut self, path: &str, by: Span) -> Option<Rc<[RawObject]>> {
        if let Some(known) = self.manifests.get(path) {
            return Some(Rc::clone(known));
        }
        let text = self.read_joined(path.to_owned(), by)?;
        let place = self.template_place(path.to_owned(), path.to_owned(), &text);
        let file = self.template_id(place);
        let objects = objects_of(self, (file, path, &text), by);
        self.manifests.insert(path.to_owned(), Rc::clone(&objects));
        Some(objects)
    }

    /// A template as a source of the program and its parts; it is parsed once for each file that names
    /// it from another folder.
    fn template_parts(
        &mut self,
        path: String,
        from: String,
        text: &Rc<str>,
        call: Span,
    ) -> Option<(FileId, Rc<[StringPart]>)> {
        let at = self.template_place(path, from, text);
        let file = self.template_id(at);
        if self.templates[at].parts.is_none() {
            let parsed = erpc_syntax::parse_template(file, text);
            let parts = match parsed {
                Ok(parts) => Some(parts.into()),
                Err(offset) => {
                    let start = u32::try_from(offset.min(text.len())).unwrap_or(u32::MAX);
                    self.report(
                        Diagnostic::new(
                            &codes::BROKEN_STATEMENT,
                            "this `${…}` cannot be parsed",
                        )
                        .at(Span::new(file, start, start), "in this template")
                        .also(call, "the template is used here")
                        .help("a literal `${` is written `$${` in a template; `file(…)` takes a file as it is"),
                    );
                    None
                }
            };
            self.templates[at].parts = Some(parts);
        }
        let parts = self.templates[at].parts.clone()??;
        Some((file, parts))
    }

    /// The place of a file among those whose lines diagnostics may show.
    fn template_place(&mut self, path: String, from: String, text: &Rc<str>) -> usize {
        if let Some(known) = self.template_places.get(&path) {
            return *known;
        }
        let place = self.templates.len();
        self.template_places.insert(path.clone(), place);
        self.templates.push(Template {
            path,
            from,
            text: Rc::clone(text),
            parts: None,
        });
        place
    }

    /// The text of a file of the program as it is, and its id among the sources.
    pub(crate) fn read_source(&mut self, path: &str, span: Span) -> Option<(FileId, Rc<str>)> {
        let text = self.read_text(path, span)?;
        let from = self.path_of(span.file);
        // What was read is in the folder of the program.
        let shown = crate::program::join(&from, path, self.loaded.above)?;
        let place = self.template_place(shown, from, &text);
        Some((self.template_id(place), text))
    }
}

impl<'a> Lowering<'_, 'a, Values<'_, 'a>> {
    /// The text of a file whose `${…}` are evaluated here.
    pub(super) fn template(&mut self, path: &str, span: Span) -> Option<Typed> {
        let text = self.context.0.read_text(path, span)?;
        let from = self.context.0.path_of(span.file);
        // What was read is in the folder of the program.
        let shown = crate::program::join(&from, path, self.context.0.loaded.above)?;
        let (file, parts) = self.context.0.template_parts(shown, from, &text, span)?;
        if self.context.0.template_calls.len() >= MAX_TEMPLATE_DEPTH {
            let message = format!("templates nest more than {MAX_TEMPLATE_DEPTH} deep");
            self.context.0.report_too_deep(span, &message);
            return None;
        }
        self.context.0.template_calls.push((file, span));
        let made = self.text(&parts, span);
        self.context.0.template_calls.pop();
        made
    }
}
