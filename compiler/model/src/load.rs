//! From a root file to all files of a program: reading, decoding, parsing, following `use`.
//! The disk itself is behind [`Files`], so that this crate has no I/O of its own.

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Span, chained, codes};
use erpc_syntax::tree::{Arg, Expr, ExprKind, Path, Statement, StringPart};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::args::plain_text;
use crate::program::{Files, Import, Loaded, LoadedFile, MAX_SOURCE_BYTES, ReadError, join};

/// Reads and parses the root file and everything that it uses.
pub fn load(root: &str, files: &dyn Files) -> (Loaded, Diagnostics) {
    let mut loader = Loader {
        files,
        loaded: Loaded::default(),
        diagnostics: Diagnostics::new(),
        known: FxHashMap::default(),
        open: Vec::new(),
    };
    loader.project_file(root, None);
    loader.widen();
    loader.follow();
    (loader.loaded, loader.diagnostics)
}

/// How many folders above its own a program may read.
const MAX_ABOVE: usize = 8;

struct Loader<'a> {
    files: &'a dyn Files,
    loaded: Loaded,
    diagnostics: Diagnostics,
    /// Paths of files and modules that were read, and whether what they use is being read; modules
    /// start with `std.`.
    known: FxHashMap<String, bool>,
    /// The chain of `use` that led here. It is a list and no recursion, so that no chain is too long.
    open: Vec<Open>,
}

/// A file of which some targets of `use` are still to be read.
struct Open {
    /// As in [`Loader::known`].
    key: String,
    path: String,
    id: FileId,
    in_library: bool,
    used_at: Span,
    targets: std::vec::IntoIter<Expr>,
}

impl Loader<'_> {
    fn project_file(&mut self, path: &str, used_at: Option<Span>) {
        match self.known.get(path) {
            Some(true) => self.report_cycle(path, used_at.unwrap_or(Span::NONE)),
            Some(false) => {}
            None => {
                let bytes = self.files.read(path);
                let index = self.add(path, None, bytes, used_at);
                self.open(path.to_owned(), index, used_at);
            }
        }
    }

    fn module(&mut self, module: &str, used_at: Span) {
        let key = format!("std.{module}");
        if self.known.contains_key(&key) {
            return;
        }
        let Some(bytes) = self.files.library(module) else {
            let nearest = erpc_diagnostics::nearest(module, crate::modules());
            let mut diagnostic = Diagnostic::new(
                &codes::UNKNOWN_IMPORT,
                format!("the library has no module `{module}`"),
            )
            .at(used_at, "not in the library");
            if let Some(nearest) = nearest {
                diagnostic = diagnostic
                    .help(format!("did you mean `std.{nearest}`?"))
                    .fix(format!("write `{nearest}`"), used_at, nearest);
            } else {
                let all: Vec<_> = crate::modules().map(|m| format!("`std.{m}`")).collect();
                diagnostic = diagnostic.help(format!("the library has {}", all.join(", ")));
            }
            self.diagnostics.push(diagnostic);
            return;
        };
        let path = format!("stdlib/{module}.erp");
        let index = self.add(&path, Some(module.into()), bytes, Some(used_at));
        self.open(key, index, Some(used_at));
    }

    /// Follows what the `use` statements of a file name next.
    fn open(&mut self, key: String, index: Option<usize>, used_at: Option<Span>) {
        self.known.insert(key.clone(), index.is_some());
        let Some(file) = index.map(|index| &self.loaded.files[index]) else {
            return;
        };
        let is_use = |s: &&Statement| s.head().is_some_and(|(word, _)| word == "use");
        let uses = file.tree.statements.iter().filter(is_use);
        let targets = uses.flat_map(|statement| &statement.args[1..]);
        let targets = targets.filter_map(|arg| match arg {
            Arg::Expr(expr) => Some(expr.clone()),
            Arg::Sign(..) | Arg::Block(_) => None,
        });
        self.open.push(Open {
            key,
            path: file.path.clone(),
            id: file.id,
            in_library: file.module.is_some(),
            used_at: used_at.unwrap_or(Span::NONE),
            targets: targets.collect::<Vec<_>>().into_iter(),
        });
    }

    /// Decodes and parses a file; `None` where it cannot be.
    fn add(
        &mut self,
        path: &str,
        module: Option<SmolStr>,
        bytes: Result<Vec<u8>, ReadError>,
        used_at: Option<Span>,
    ) -> Option<usize> {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                self.report_unreadable(path, &error, used_at);
                return None;
            }
        };
        if bytes.len() as u64 > MAX_SOURCE_BYTES {
            self.report_unreadable(path, &ReadError::TooLarge(bytes.len() as u64), used_at);
            return None;
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                self.report_not_utf8(path, &error);
                return None;
            }
        };
        // A byte order mark is no part of the text; editors on Windows write one.
        let text = text
            .strip_prefix('\u{feff}')
            .map_or(text.clone(), str::to_owned);
        let id = self.loaded.sources.add(path, text.as_str());
        let mut parsed = erpc_syntax::parse(id, &text);
        // What has a fix is read as if the fix had been made; the rest is lost.
        let found = parsed.diagnostics.as_slice().iter();
        let lost = found.filter(|finding| finding.fixes.is_empty());
        let mut broken: Vec<Span> = lost.map(Diagnostic::span).collect();
        broken.append(&mut parsed.file.lost.clone());
        self.diagnostics.extend(parsed.diagnostics);
        broken.extend(crate::normalize::normalize(
            id,
            &mut parsed.file,
            &text,
            &mut self.diagnostics,
        ));
        self.loaded.files.push(LoadedFile {
            id,
            path: path.to_owned(),
            module,
            tree: parsed.file,
            broken,
        });
        Some(self.loaded.files.len() - 1)
    }

    /// Reads `root "…"` of the root file: how far above its folder the program may read.
    fn widen(&mut self) {
        let Some(root) = self.loaded.files.first() else {
            return;
        };
        let is_root = |s: &&Statement| s.head().is_some_and(|(word, _)| word == "root");
        let Some(statement) = root.tree.statements.iter().find(is_root) else {
            return;
        };
        let [_, Arg::Expr(expr)] = statement.args.as_slice() else {
            let found = Diagnostic::new(&codes::WRONG_SHAPE, "`root` takes a folder in quotes");
            let found = found.at(statement.span, "not such a statement");
            self.diagnostics.push(found.help("write `root \"..\"`"));
            return;
        };
        let text = plain_text(expr).unwrap_or_default();
        let steps: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        let is_above = steps.iter().all(|step| *step == "..") && steps.len() <= MAX_ABOVE;
        if is_above {
            self.loaded.above = steps.len();
            return;
        }
        let message = format!("invalid root `{text}`: expected `..`, or `../..` and so on");
        self.diagnostics.push(
            Diagnostic::new(&codes::BAD_PATH, message)
                .at(expr.span, "not a folder above this one")
                .help("`root` names the folder above the program whose files it may read"),
        );
    }

    /// Loads what is named, the targets of a file before those of the file that names it.
    fn follow(&mut self) {
        while let Some(innermost) = self.open.last_mut() {
            if let Some(target) = innermost.targets.next() {
                let (by, in_library) = (innermost.id, innermost.in_library);
                let path = innermost.path.clone();
                self.follow_one(by, &path, in_library, &target);
            } else if let Some(done) = self.open.pop() {
                self.known.insert(done.key, false);
            }
        }
    }

    fn follow_one(&mut self, by: FileId, path: &str, in_library: bool, target: &Expr) {
        match &target.kind {
            ExprKind::String(string) if !in_library => {
                let text = match string.parts.as_slice() {
                    [] => "",
                    [StringPart::Text(text)] => text.as_str(),
                    _ => {
                        self.diagnostics.push(
                            Diagnostic::new(
                                &codes::UNKNOWN_IMPORT,
                                "the path of a `use` is plain text",
                            )
                            .at(target.span, "has `${…}`"),
                        );
                        return;
                    }
                };
                match join(path, text, self.loaded.above) {
                    Some(joined) => self.project_file(&joined, Some(target.span)),
                    None => self.diagnostics.push(
                        Diagnostic::new(
                            &codes::UNKNOWN_IMPORT,
                            format!("`{text}` is outside the folder of the program"),
                        )
                        .at(target.span, "leaves the folder")
                        .help(
                            "a program consists of files in and below the folder of its root file; `root \"..\"` in the root file adds those of the folder above",
                        ),
                    ),
                }
            }
            ExprKind::Path(name) => self.library_name(by, name, target.span),
            _ => self.diagnostics.push(
                Diagnostic::new(
                    &codes::UNKNOWN_IMPORT,
                    "`use` takes a file in quotes or a name of the library",
                )
                .at(target.span, "neither")
                .help("write `use \"apps.erp\"` or `use std.beam.Release`"),
            ),
        }
    }

    fn library_name(&mut self, by: FileId, path: &Path, span: Span) {
        let names: Vec<&SmolStr> = path.segments.iter().filter_map(|s| s.as_name()).collect();
        match names.as_slice() {
            [library, module, name] if path.port.is_none() => {
                let (module, name) = ((*module).clone(), (*name).clone());
                let is_ours = *library == "std";
                if !is_ours {
                    let span = path.segments[0].span;
                    self.diagnostics.push(
                        Diagnostic::new(
                            &codes::UNKNOWN_IMPORT,
                            format!("unknown library `{library}`"),
                        )
                        .at(span, "not `std`")
                        .help("did you mean `std`?")
                        .fix("write `std`", span, "std"),
                    );
                }
                // What a misspelt library would bring is known all the same.
                if is_ours || self.files.library(&module).is_some() {
                    self.module(&module, path.segments[1].span);
                }
                self.loaded.imports.push(Import {
                    by,
                    module,
                    name,
                    span: path.segments[2].span,
                });
            }
            _ => self.diagnostics.push(
                Diagnostic::new(
                    &codes::UNKNOWN_IMPORT,
                    "a name of the library is `std.module.Name`",
                )
                .at(span, "not such a name")
                .help("a file of the program goes in quotes: `use \"apps.erp\"`"),
            ),
        }
    }

    fn report_cycle(&mut self, path: &str, at: Span) {
        let start = self.open.iter().position(|open| open.key == path);
        let circle = &self.open[start.unwrap_or(0)..];
        let names = circle.iter().map(|open| open.path.as_str());
        let mut diagnostic = Diagnostic::new(
            &codes::IMPORT_CYCLE,
            format!("cyclic `use` of files: {}", chained(names.chain([path]))),
        )
        .at(at, "this closes the circle");
        for open in &circle[1..] {
            diagnostic = diagnostic.also(open.used_at, format!("`{}` is used here", open.path));
        }
        self.diagnostics
            .push(diagnostic.help("everything that a program declares is known in all of its files: name each file once, from the root"));
    }

    fn report_unreadable(&mut self, path: &str, error: &ReadError, used_at: Option<Span>) {
        let (code, message) = match error {
            ReadError::NotFound => (
                &codes::SOURCE_UNREADABLE,
                format!("file `{path}` not found"),
            ),
            ReadError::TooLarge(bytes) => (
                &codes::SOURCE_TOO_LARGE,
                format!(
                    "`{path}` has {bytes} bytes; a source may have {MAX_SOURCE_BYTES} (16 MiB)"
                ),
            ),
            ReadError::Other(why) => (
                &codes::SOURCE_UNREADABLE,
                format!("`{path}` cannot be read: {why}"),
            ),
        };
        let mut diagnostic = Diagnostic::new(code, message);
        if let Some(span) = used_at {
            diagnostic = diagnostic.at(span, "used here");
            if *error == ReadError::NotFound {
                diagnostic =
                    diagnostic.help("a path is seen from the folder of the file that says it");
            }
        }
        self.diagnostics.push(diagnostic);
    }

    fn report_not_utf8(&mut self, path: &str, error: &std::string::FromUtf8Error) {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        self.diagnostics.push(
            Diagnostic::new(
                &codes::NOT_UTF8,
                format!(
                    "`{path}` is not UTF-8: byte {valid}, in line {line}, belongs to no character"
                ),
            )
            .help("save the file as UTF-8"),
        );
    }
}
