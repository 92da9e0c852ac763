//! The functions of expressions, and the files that `file` and `template` read.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, FileId, Span, codes};
use erpc_syntax::tree::{Call, StringPart};

use super::{Evaluator, Scope};
use crate::value::Value;

/// How many bytes of files `file` and `template` may read.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// How deep templates may use each other.
const MAX_TEMPLATE_DEPTH: usize = 16;

/// A file that `template` evaluates.
pub(crate) struct Template {
    pub(crate) path: String,
    /// The file that names it: paths in the template are seen from there.
    pub(crate) from: String,
    pub(crate) text: Rc<str>,
    /// `None` if it cannot be parsed, which was reported.
    pub(crate) parts: Option<Rc<[StringPart]>>,
}

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

    pub(super) fn call(&mut self, call: &Call, span: Span, scope: &Scope) -> Option<Value> {
        const FUNCTIONS: [&str; 7] = [
            "file", "template", "replace", "lower", "sha256", "host", "address",
        ];
        let name = call.callee.as_word().cloned().unwrap_or_default();
        let arity = match name.as_str() {
            "file" | "template" | "lower" | "sha256" | "host" | "address" => 1,
            "replace" => 3,
            _ => {
                self.report(Diagnostic::unknown(
                    &codes::UNKNOWN_NAME,
                    "function",
                    &name,
                    call.callee_span,
                    FUNCTIONS,
                ));
                return None;
            }
        };
        if call.args.len() != arity || call.args.iter().any(|a| a.name.is_some()) {
            self.report(
                Diagnostic::new(
                    &codes::WRONG_ARGUMENTS,
                    format!(
                        "`{name}` takes {arity} value{} without names",
                        if arity == 1 { "" } else { "s" }
                    ),
                )
                .at(span, format!("{} given", call.args.len())),
            );
            return None;
        }
        if matches!(name.as_str(), "host" | "address") {
            return self.address_of(&name, call, span, scope);
        }
        // What they are made of is looked at, and an address is not known yet.
        let texts = self.with_addresses(false, |it| {
            let texts = call.args.iter().map(|arg| it.text(&arg.value, scope));
            texts.collect::<Option<Vec<_>>>()
        })?;
        let result: String = match (name.as_str(), texts.as_slice()) {
            ("file", [path]) => {
                let text = self.read_text(path, span)?;
                return self
                    .count_text(text.len(), span)
                    .then(|| Value::Text(text.as_ref().into()));
            }
            ("template", [path]) => {
                let text = self.template(path, span, scope)?;
                return Some(Value::Text(text.into()));
            }
            ("replace", [text, from, to]) if !from.is_empty() => {
                // What becomes larger is counted before it is made.
                let more = text.matches(from.as_str()).count().saturating_mul(to.len());
                return self
                    .count_text(text.len().saturating_add(more), span)
                    .then(|| Value::Text(text.replace(from.as_str(), to).into()));
            }
            ("lower", [text]) => text.to_lowercase(),
            ("sha256", [text]) => crate::digest::sha256_hex(text.as_bytes()),
            _ => texts.into_iter().next().unwrap_or_default(),
        };
        self.count_text(result.len(), span)
            .then(|| Value::Text(result.into()))
    }

    /// The text of a file of the program; `path` is seen from the file that names it.
    pub(crate) fn read_text(&mut self, path: &str, span: Span) -> Option<Rc<str>> {
        let from = self.path_of(span.file);
        let Some(joined) = crate::program::join(&from, path) else {
            self.report(
                Diagnostic::new(
                    &codes::SOURCE_UNREADABLE,
                    format!("`{path}` is outside the folder of the program"),
                )
                .at(span, "leaves the folder"),
            );
            return None;
        };
        if let Some(known) = self.texts.get(&joined) {
            return known.clone();
        }
        if self.budget.file_bytes > MAX_FILE_BYTES {
            return None;
        }
        let text = match self.files.read(&joined) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("`{joined}` is not UTF-8")),
            Err(crate::program::ReadError::NotFound) => Err(format!("there is no file `{joined}`")),
            Err(crate::program::ReadError::TooLarge(bytes)) => {
                Err(format!("`{joined}` has {bytes} bytes, more than 16 MiB"))
            }
            Err(crate::program::ReadError::Other(why)) => {
                Err(format!("`{joined}` cannot be read: {why}"))
            }
        };
        let text = match text {
            Ok(text) => {
                let limit = (MAX_FILE_BYTES, "64 MiB of files");
                self.count(|budget| &mut budget.file_bytes, text.len(), limit, span)
                    .then(|| Rc::from(text))
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

    /// A file whose `${…}` are evaluated here.
    fn template(&mut self, path: &str, span: Span, scope: &Scope) -> Option<String> {
        let text = self.read_text(path, span)?;
        let from = self.path_of(span.file);
        // What was read is in the folder of the program.
        let shown = crate::program::join(&from, path)?;
        let (file, parts) = self.template_parts(shown, from, &text, span)?;
        if self.template_calls.len() >= MAX_TEMPLATE_DEPTH {
            if !std::mem::replace(&mut self.budget.is_too_deep, true) {
                let message = format!("templates nest more than {MAX_TEMPLATE_DEPTH} deep");
                self.report_budget(span, &message);
            }
            return None;
        }
        self.template_calls.push((file, span));
        let made = self.template_text(&parts, span, scope);
        self.template_calls.pop();
        made
    }

    fn template_text(&mut self, parts: &[StringPart], span: Span, scope: &Scope) -> Option<String> {
        let mut out = String::new();
        for part in parts {
            match part {
                StringPart::Text(piece) => {
                    self.count_text(piece.len(), span)
                        .then(|| out.push_str(piece))?;
                }
                StringPart::Expr(expr) => {
                    let value = self.raw(expr, scope, None)?;
                    self.push_shown(&mut out, &value, expr.span)?;
                }
            }
        }
        Some(out)
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
        let known = self.template_places.get(&path).copied();
        let at = known.unwrap_or_else(|| {
            let place = self.templates.len();
            self.template_places.insert(path.clone(), place);
            self.templates.push(Template {
                path,
                from,
                text: Rc::clone(text),
                parts: None,
            });
            place
        });
        let file = self.template_id(at);
        if known.is_none() {
            match erpc_syntax::parse_template(file, text) {
                Ok(parts) => self.templates[at].parts = Some(parts.into()),
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
                }
            }
        }
        let parts = self.templates[at].parts.clone()?;
        Some((file, parts))
    }
}
