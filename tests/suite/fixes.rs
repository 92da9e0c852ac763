//! Fixes change no meaning: after a fix its diagnostic is gone and there is no new one, and a fix of a warning
//! leaves everything that the program compiles to as it was.

use std::collections::BTreeMap;

use erpc_cli::project::Compiled;
use erpc_diagnostics::{Diagnostic, Edit, Fix, Severity, Sources};
use erpc_tests::{Memory, files_below, folders_below};

use crate::mistakes;

/// A program with one fix applied.
fn with_fix(program: &Memory, sources: &Sources, fix: &Fix) -> Memory {
    let mut files: BTreeMap<u32, Vec<&Edit>> = BTreeMap::new();
    for edit in &fix.edits {
        files.entry(edit.span.file.0).or_default().push(edit);
    }
    let mut fixed = program.clone();
    for mut edits in files.into_values() {
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let source = sources.get(edits[0].span.file).expect("the file");
        let mut text = source.text.to_string();
        for edit in edits.into_iter().rev() {
            text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        }
        fixed = fixed.with(&source.path, text);
    }
    fixed
}

/// All that a program compiles to, without the lines that count or hash its sources.
fn output(compiled: &Compiled) -> Option<Vec<String>> {
    let (platform, derived) = compiled.result.as_ref()?;
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    let texts = files.into_iter().map(|file| {
        let lines = file.text.lines().filter(|line| !line.starts_with('#'));
        format!("{}\n{}", file.path, lines.collect::<Vec<_>>().join("\n"))
    });
    Some(texts.collect())
}

fn said(diagnostic: &Diagnostic) -> (&'static str, String) {
    (diagnostic.code.id, diagnostic.message.clone())
}

/// Whether a finding has a place that a fix changed.
fn is_at(diagnostic: &Diagnostic, fix: &Fix) -> bool {
    let span = diagnostic.span();
    fix.edits.iter().any(|edit| {
        edit.span.file == span.file && edit.span.start <= span.end && span.start <= edit.span.end
    })
}

/// Whether a finding shows a place that a fix changed.
fn shows(diagnostic: &Diagnostic, fix: &Fix) -> bool {
    fix.edits.iter().any(|edit| {
        diagnostic.labels.iter().any(|label| {
            let span = label.span;
            edit.span.file == span.file
                && span.start <= edit.span.start
                && edit.span.start <= span.end
        })
    })
}

/// What is wrong with the fixes of a program.
fn wrong_fixes(name: &str, program: &Memory, tried: &mut usize) -> Vec<String> {
    let before = program.compile();
    let mut wrong = Vec::new();
    let known: Vec<_> = before.diagnostics.as_slice().iter().map(said).collect();
    for diagnostic in before.diagnostics.as_slice() {
        for fix in &diagnostic.fixes {
            *tried += 1;
            let after = with_fix(program, &before.sources, fix).compile();
            let found: Vec<_> = after.diagnostics.as_slice().iter().map(said).collect();
            let this = said(diagnostic);
            let count = |all: &[(&str, String)]| all.iter().filter(|one| **one == this).count();
            if count(&found) >= count(&known) {
                wrong.push(format!(
                    "{name}: {this:?} is still there after `{}`",
                    fix.title
                ));
            }
            // The stages behind an error report nothing until it is gone.
            let hides_others = diagnostic.severity() == Severity::Error
                && before.diagnostics.count(Severity::Error) == 1;
            for one in after.diagnostics.as_slice() {
                let is_new = !known.contains(&said(one));
                // The arguments of a component can be checked once its name is known.
                let is_of_component = one.code.id == "E0113" && is_at(one, fix);
                // An assertion judges a flow once it can be read.
                let is_of_flow = one.code.id == "E0440" && shows(one, fix);
                let is_behind = is_of_component || is_of_flow || hides_others && !is_at(one, fix);
                if is_new && !is_behind {
                    wrong.push(format!(
                        "{name}: `{}` of {this:?} causes {:?}",
                        fix.title,
                        said(one)
                    ));
                }
            }
            if diagnostic.severity() == Severity::Warning && output(&before) != output(&after) {
                wrong.push(format!(
                    "{name}: `{}` of {this:?} changes the output",
                    fix.title
                ));
            }
        }
    }
    wrong
}

#[test]
fn fixes_of_the_language_cases_change_no_meaning() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for case in folders_below("tests/ui") {
        let mut program = Memory::default();
        for (path, bytes) in files_below(&case) {
            program = program.with(&path, bytes);
        }
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        wrong.extend(wrong_fixes(&name, &program, &mut tried));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 70, "{tried}");
}

#[test]
fn fixes_of_the_mistakes_change_no_meaning() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for (title, text) in mistakes::programs() {
        wrong.extend(wrong_fixes(&title, &Memory::of(text), &mut tried));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 250, "{tried}");
}

/// What looks like a word of this language but means something else has no fix.
#[test]
fn a_daemonset_is_not_made_a_service() {
    let base = std::fs::read_to_string(erpc_tests::repository().join("tests/mistakes/base.erp"))
        .expect("the base");
    for kind in ["daemonset", "DaemonSet"] {
        let changed = base.replacen("  service ", &format!("  {kind} "), 1);
        let compiled = Memory::of(changed).compile();
        let found = compiled.diagnostics.as_slice().first().expect("an error");
        assert!(found.fixes.is_empty(), "{found:?}");
        assert!(found.message.contains("DaemonSet"), "{found:?}");
    }
}
