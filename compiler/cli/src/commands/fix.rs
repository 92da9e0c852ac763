//! `erpc check --fix`: applies the edits that findings carry, as long as each round leaves fewer
//! errors than it found.

use std::collections::BTreeMap;
use std::fs;

use erpc_diagnostics::{Edit, FileId, Severity};
use erpc_model::{Files, ReadError};
use similar::TextDiff;

use super::show_findings;
use crate::Exit;
use crate::arguments::{Check, Common};
use crate::console::Console;
use crate::project::{Compiled, Project, compile, describe};

/// How often fixes may uncover further ones.
const MAX_ROUNDS: usize = 10;

/// A program with some of its files replaced.
struct Overlay<'p> {
    project: &'p Project,
    texts: BTreeMap<String, String>,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        match self.texts.get(path) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.project.read(path),
        }
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        self.project.library(module)
    }
}

pub(super) fn run(
    command: &Check,
    project: &Project,
    common: &Common,
    console: &mut Console<'_>,
) -> Exit {
    let mut overlay = Overlay {
        project,
        texts: BTreeMap::new(),
    };
    let mut compiled = compile(&project.root, &overlay, project.profile.as_deref());
    let mut applied = 0;
    for _ in 0..MAX_ROUNDS {
        let before = overlay.texts.clone();
        let count = apply_all(&compiled, &mut overlay);
        if count == 0 {
            break;
        }
        let next = compile(&project.root, &overlay, project.profile.as_deref());
        let errors = |of: &Compiled| of.diagnostics.count(Severity::Error);
        if errors(&next) >= errors(&compiled) {
            overlay.texts = before;
            break;
        }
        applied += count;
        compiled = next;
    }
    if let Err(message) = settle(&overlay, command.diff, console) {
        console.fail(&message);
        return Exit::Failed;
    }
    show_findings(
        &compiled.diagnostics,
        &compiled.sources,
        Some(command.max_errors),
        common,
        console,
    );
    console.note(&format!(
        "{} {}",
        if applied == 1 {
            "1 fix".to_owned()
        } else {
            format!("{applied} fixes")
        },
        if command.diff { "shown" } else { "applied" }
    ));
    if compiled.result.is_none() {
        Exit::Failed
    } else if command.diff && applied > 0 {
        Exit::Differs
    } else {
        Exit::Done
    }
}

/// Applies the first fix of every error, leaving out edits that overlap one that is applied.
fn apply_all(compiled: &Compiled, overlay: &mut Overlay<'_>) -> usize {
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    let findings = compiled.diagnostics.as_slice().iter();
    for finding in findings.filter(|finding| finding.severity() == Severity::Error) {
        if let Some(fix) = finding.fixes.first()
            && let [edit] = fix.edits.as_slice()
        {
            by_file.entry(edit.span.file).or_default().push(edit);
        }
    }
    let mut applied = 0;
    for (file, mut edits) in by_file {
        let Some(source) = compiled.sources.get(file) else {
            continue;
        };
        // What the library says is not the user's to change.
        if source.path.starts_with("stdlib/") {
            continue;
        }
        edits.sort_by_key(|edit| edit.span);
        edits.dedup();
        let mut text = source.text.to_string();
        let mut limit = text.len();
        for edit in edits.into_iter().rev() {
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            if end <= limit && text.get(start..end).is_some() {
                text.replace_range(start..end, &edit.text);
                limit = start;
                applied += 1;
            }
        }
        overlay.texts.insert(source.path.clone(), text);
    }
    applied
}

/// Writes the changed files, or shows what would change in them.
fn settle(overlay: &Overlay<'_>, is_diff: bool, console: &mut Console<'_>) -> Result<(), String> {
    for (path, text) in &overlay.texts {
        let full = overlay.project.folder.join(path);
        let fail = |error: &std::io::Error| format!("{}: {}", full.display(), describe(error));
        if is_diff {
            let old = fs::read_to_string(&full).map_err(|error| fail(&error))?;
            let diff = TextDiff::from_lines(old.as_str(), text.as_str());
            let header = (format!("a/{path}"), format!("b/{path}"));
            console.result(&diff.unified_diff().header(&header.0, &header.1).to_string());
        } else {
            fs::write(&full, text).map_err(|error| fail(&error))?;
        }
    }
    Ok(())
}
