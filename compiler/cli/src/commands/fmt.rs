//! `erpc fmt`: the one style.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Sources, Span, codes};
use erpc_model::{MAX_SOURCE_BYTES, ReadError};
use similar::TextDiff;

use crate::arguments::Library;
use crate::console::Console;
use crate::format::{Findings, Output};
use crate::project::{describe, read_limited};
use crate::text::count;
use crate::{Exit, Failure};

/// Format source files.
///
/// Statements with syntax errors are left as they are. Without paths, formats all files of the nearest
/// platform.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc fmt                         all files of the platform
  erpc fmt apps.erp stdlib         a file, and every .erp file in a directory
  erpc fmt --check                 write nothing; list unformatted files and exit 2
  erpc fmt --stdin < platform.erp  from standard input to standard output")]
pub(crate) struct Arguments {
    /// Files, and directories that are searched for `.erp` files.
    paths: Vec<PathBuf>,
    /// Write nothing; list unformatted files and exit 2 if there are any.
    #[arg(long)]
    check: bool,
    /// Write nothing; print the changes and exit 2 if there are any.
    #[arg(long)]
    diff: bool,
    /// Read from standard input and write to standard output.
    #[arg(long, conflicts_with_all = ["paths", "check", "diff"])]
    stdin: bool,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    output: Output<Findings>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        if self.stdin {
            return stdin(console);
        }
        let paths = self.sources()?;
        let mut changed = 0;
        let mut is_failed = false;
        let mut findings = (Sources::new(), Diagnostics::new());
        for path in &paths {
            match self.file(path, &mut findings, console) {
                Ok(is_changed) => changed += usize::from(is_changed),
                Err(message) => {
                    console.fail(&message);
                    is_failed = true;
                }
            }
        }
        let is_dry = self.check || self.diff;
        if !self.output.is_human() {
            console.findings(&findings.1, &findings.0, None);
        }
        console.note(&format!(
            "{}: {changed} {}",
            count(paths.len(), "file"),
            if is_dry { "not formatted" } else { "changed" }
        ));
        Ok(if is_failed {
            Exit::Failed
        } else if is_dry && changed > 0 {
            Exit::Differs
        } else {
            Exit::Done
        })
    }

    /// The files that are meant, sorted.
    fn sources(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut paths = Vec::new();
        if self.paths.is_empty() {
            let project = self.library.find(None)?;
            // What is wrong with them is for `check`; a file that is missing cannot be formatted.
            let (loaded, _) = erpc_model::load(&project.root, &project);
            let own = loaded.files.iter().filter(|file| file.module.is_none());
            paths.extend(own.map(|file| project.folder.join(&file.path)));
        }
        for path in &self.paths {
            search(path, true, &mut paths).map_err(|error| Failure::io(path, &error))?;
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// Formats one file; whether it was not in the style.
    fn file(
        &self,
        path: &Path,
        findings: &mut (Sources, Diagnostics),
        console: &mut Console<'_>,
    ) -> Result<bool, String> {
        let shown = path.display();
        let bytes = read_limited(path).map_err(|error| match error {
            ReadError::NotFound => format!("{shown}: there is no such file"),
            ReadError::TooLarge(bytes) => {
                format!("{shown}: it has {bytes} bytes, more than {MAX_SOURCE_BYTES}")
            }
            ReadError::Other(why) => format!("{shown}: {why}"),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{shown}: it is not UTF-8"))?;
        let Formatted {
            text: formatted,
            is_guess,
            sources,
            diagnostics,
        } = formatted(&shown.to_string(), &text);
        if is_guess {
            console.diagnostics(&diagnostics, &sources, None);
            return Err(format!(
                "{shown} cannot be read as a whole and stays as it is"
            ));
        }
        for diagnostic in diagnostics.as_slice() {
            let place = sources.place(diagnostic.span()).unwrap_or_default();
            console.note(&format!("{place} stays as it is: {}", diagnostic.message));
        }
        if formatted == text {
            return Ok(false);
        }
        if !self.output.is_human() {
            findings.1.push(not_formatted(
                &shown.to_string(),
                &text,
                &formatted,
                &mut findings.0,
            ));
        } else if self.diff {
            let diff = TextDiff::from_lines(text.as_str(), formatted.as_str());
            let name = in_patch(path);
            let header = (format!("a/{name}"), format!("b/{name}"));
            console.result(&diff.unified_diff().header(&header.0, &header.1).to_string());
        } else {
            console.result(&format!("{shown}\n"));
        }
        if !self.check && !self.diff {
            fs::write(path, &formatted)
                .map_err(|error| format!("{shown}: {}", describe(&error)))?;
        }
        Ok(true)
    }
}

fn stdin(console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Failed(format!("standard input: {}", describe(&error))))?;
    let made = formatted("standard input", &text);
    console.diagnostics(&made.diagnostics, &made.sources, None);
    // An editor that pipes its text through must not lose it: a guess is the text as it was.
    console.result(&made.text);
    Ok(if made.is_guess {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// A text in the one style, with what could not be read.
pub(super) struct Formatted {
    pub(super) text: String,
    /// Whether brackets do not match, so that the text stays as it is.
    is_guess: bool,
    sources: Sources,
    diagnostics: Diagnostics,
}

pub(super) fn formatted(path: &str, text: &str) -> Formatted {
    let mut sources = Sources::new();
    let id: FileId = sources.add(path, text);
    let parsed = erpc_syntax::parse(id, text);
    Formatted {
        text: erpc_syntax::format(text, &parsed.file),
        is_guess: parsed.file.is_guess,
        sources,
        diagnostics: parsed.diagnostics.sorted(),
    }
}

/// How a patch names a file: from where the user stands, without a `/` at its start.
fn in_patch(path: &Path) -> String {
    // Without a working directory the path stays as it was given.
    let here = std::env::current_dir().ok();
    let below = here
        .as_deref()
        .and_then(|here| path.strip_prefix(here).ok());
    let shown = below.unwrap_or(path).display().to_string();
    let shown = shown.trim_start_matches("./");
    shown.trim_start_matches('/').to_owned()
}

/// A finding at the first line that differs.
fn not_formatted(path: &str, text: &str, formatted: &str, sources: &mut Sources) -> Diagnostic {
    let file = sources.add(path, text);
    let same: usize = text
        .split_inclusive('\n')
        .zip(formatted.split_inclusive('\n'))
        .take_while(|(a, b)| a == b)
        .map(|(line, _)| line.len())
        .sum();
    let end = text[same..].find('\n').map_or(text.len(), |at| same + at);
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Diagnostic::new(&codes::NOT_FORMATTED, format!("`{path}` is not formatted"))
        .at(
            Span::new(file, offset(same), offset(end)),
            "the first difference",
        )
        .help("`erpc fmt` writes the one style")
}

/// A file, or every `.erp` file below a folder; hidden folders are left out.
fn search(path: &Path, is_named: bool, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        if is_named || path.extension().is_some_and(|extension| extension == "erp") {
            into.push(path.to_path_buf());
        }
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && !entry.file_type()?.is_symlink() {
            search(&entry.path(), false, into)?;
        }
    }
    Ok(())
}
