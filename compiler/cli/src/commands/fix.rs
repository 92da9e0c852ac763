//! `erpc check --fix`: applies the edits that findings carry, as long as each round leaves fewer
//! errors than it found.

use std::collections::BTreeMap;
use std::fs;

use erpc_diagnostics::{Edit, FileId, Severity};
use similar::TextDiff;

use super::check::Arguments;
use crate::console::Console;
use crate::project::{Compiled, Overlay, Project};
use crate::{Exit, Failure};

/// How often fixes may uncover further ones.
const MAX_ROUNDS: usize = 10;

pub(super) fn run(
    command: &Arguments,
    project: &Project,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let mut overlay = Overlay::of(project);
    let mut compiled = overlay.compile();
    let mut applied = 0;
    for _ in 0..MAX_ROUNDS {
        let before = overlay.texts.clone();
        let count = apply_all(&compiled, &mut overlay);
        if count == 0 {
            break;
        }
        let next = overlay.compile();
        let errors = |of: &Compiled| of.diagnostics.count(Severity::Error);
        if errors(&next) >= errors(&compiled) {
            overlay.texts = before;
            break;
        }
        applied += count;
        compiled = next;
    }
    settle(&overlay, command.diff, console)?;
    let max = Some(command.max_errors);
    console.findings(&compiled.diagnostics, &compiled.sources, max);
    console.note(&format!(
        "{} {}",
        if applied == 1 {
            "1 fix".to_owned()
        } else {
            format!("{applied} fixes")
        },
        if command.diff { "shown" } else { "applied" }
    ));
    Ok(match compiled.exit() {
        Exit::Done if command.diff && applied > 0 => Exit::Differs,
        exit => exit,
    })
}

/// Applies the first fix of every error, whole or not at all: one that overlaps another waits for the
/// next round.
fn apply_all(compiled: &Compiled, overlay: &mut Overlay<'_>) -> usize {
    let findings = compiled.diagnostics.as_slice().iter();
    let errors = findings.filter(|finding| finding.severity() == Severity::Error);
    let mut accepted: BTreeMap<FileId, BTreeMap<(u32, u32), &Edit>> = BTreeMap::new();
    let mut applied = 0;
    for fix in errors.filter_map(|finding| finding.fixes.first()) {
        let is_possible = fix.edits.iter().all(|edit| {
            is_own(compiled, edit.span.file) && is_free(accepted.get(&edit.span.file), edit)
        });
        if is_possible && !fix.edits.is_empty() {
            for edit in &fix.edits {
                let edits = accepted.entry(edit.span.file).or_default();
                edits.insert((edit.span.start, edit.span.end), edit);
            }
            applied += 1;
        }
    }
    for (file, edits) in accepted {
        let Some(source) = compiled.sources.get(file) else {
            continue;
        };
        let mut text = source.text.to_string();
        for edit in edits.values().rev() {
            let range = edit.span.start as usize..edit.span.end as usize;
            if text.get(range.clone()).is_some() {
                text.replace_range(range, &edit.text);
            }
        }
        overlay.texts.insert(source.path.clone(), text);
    }
    applied
}

/// Whether a file is the user's to change: what the library says is not.
fn is_own(compiled: &Compiled, file: FileId) -> bool {
    let source = compiled.sources.get(file);
    source.is_some_and(|source| !source.path.starts_with("stdlib/"))
}

/// Whether an edit touches none that is accepted. Two insertions at one place would have no order.
fn is_free(accepted: Option<&BTreeMap<(u32, u32), &Edit>>, edit: &Edit) -> bool {
    let (start, end) = (edit.span.start, edit.span.end);
    let Some(accepted) = accepted else {
        return true;
    };
    let before = accepted.range(..=(start, end)).next_back();
    let behind = accepted.range((start, end)..).next();
    before.is_none_or(|((from, to), _)| *to <= start && (*from, *to) != (start, end))
        && behind.is_none_or(|((from, _), _)| end <= *from)
}

/// Writes the changed files, or shows what would change in them.
fn settle(overlay: &Overlay<'_>, is_diff: bool, console: &mut Console<'_>) -> Result<(), Failure> {
    for (path, text) in &overlay.texts {
        let full = overlay.project.folder.join(path);
        let fail = |error: std::io::Error| Failure::io(&full, &error);
        if is_diff {
            let old = fs::read_to_string(&full).map_err(fail)?;
            let diff = TextDiff::from_lines(old.as_str(), text.as_str());
            let header = (format!("a/{path}"), format!("b/{path}"));
            console.result(&diff.unified_diff().header(&header.0, &header.1).to_string());
        } else {
            fs::write(&full, text).map_err(fail)?;
        }
    }
    Ok(())
}
