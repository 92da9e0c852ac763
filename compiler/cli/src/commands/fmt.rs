//! `erpc fmt`: the one style.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Sources, Span, codes};
use erpc_model::{MAX_SOURCE_BYTES, ReadError};
use similar::TextDiff;

use super::check::FORMATS;
use super::{count, find, has_format, show_findings};
use crate::Exit;
use crate::arguments::{Common, Fmt, Format};
use crate::console::Console;
use crate::project::{describe, read_limited};

pub(crate) fn run(command: &Fmt, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("fmt", &FORMATS, common, console) {
        return Exit::Usage;
    }
    if command.stdin {
        return stdin(console);
    }
    let paths = match sources(command, common, console) {
        Ok(paths) => paths,
        Err(exit) => return exit,
    };
    let mut changed = 0;
    let mut is_failed = false;
    let mut findings = (Sources::new(), Diagnostics::new());
    for path in &paths {
        match file(path, command, common, &mut findings, console) {
            Ok(is_changed) => changed += usize::from(is_changed),
            Err(message) => {
                console.fail(&message);
                is_failed = true;
            }
        }
    }
    let is_dry = command.check || command.diff;
    if common.format != Format::Human {
        show_findings(&findings.1, &findings.0, None, common, console);
    }
    console.note(&format!(
        "{}: {changed} {}",
        count(paths.len(), "file"),
        if is_dry { "not formatted" } else { "changed" }
    ));
    if is_failed {
        Exit::Failed
    } else if is_dry && changed > 0 {
        Exit::Differs
    } else {
        Exit::Done
    }
}

fn stdin(console: &mut Console<'_>) -> Exit {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        console.fail(&format!("standard input: {}", describe(&error)));
        return Exit::Failed;
    }
    let made = formatted("standard input", &text);
    console.diagnostics(&made.diagnostics, &made.sources, None);
    // An editor that pipes its text through must not lose it: a guess is the text as it was.
    console.result(&made.text);
    if made.is_guess {
        Exit::Failed
    } else {
        Exit::Done
    }
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

/// Formats one file; whether it was not in the style.
fn file(
    path: &Path,
    command: &Fmt,
    common: &Common,
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
    if common.format != Format::Human {
        findings.1.push(not_formatted(
            &shown.to_string(),
            &text,
            &formatted,
            &mut findings.0,
        ));
    } else if command.diff {
        let diff = TextDiff::from_lines(text.as_str(), formatted.as_str());
        let name = in_patch(path);
        let header = (format!("a/{name}"), format!("b/{name}"));
        console.result(&diff.unified_diff().header(&header.0, &header.1).to_string());
    } else {
        console.result(&format!("{shown}\n"));
    }
    if !command.check && !command.diff {
        fs::write(path, &formatted).map_err(|error| format!("{shown}: {}", describe(&error)))?;
    }
    Ok(true)
}

/// How a patch names a file: from where the user stands, without a `/` at its start.
fn in_patch(path: &Path) -> String {
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

/// The files that are meant, sorted.
fn sources(
    command: &Fmt,
    common: &Common,
    console: &mut Console<'_>,
) -> Result<Vec<PathBuf>, Exit> {
    let mut paths = Vec::new();
    if command.paths.is_empty() {
        let project = find(None, common, console).ok_or(Exit::Failed)?;
        let (loaded, _) = erpc_model::load(&project.root, &project);
        let own = loaded.files.iter().filter(|file| file.module.is_none());
        paths.extend(own.map(|file| project.folder.join(&file.path)));
    }
    for path in &command.paths {
        if let Err(error) = search(path, true, &mut paths) {
            console.fail(&format!("{}: {}", path.display(), describe(&error)));
            return Err(Exit::Failed);
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
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
