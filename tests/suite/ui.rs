//! What is true of all language cases, `tests/ui/<what-happens>/platform.erp`. What `erpc check` prints about
//! each is in `tests/cases`.

use std::collections::BTreeSet;

use erpc_diagnostics::codes;
use erpc_tests::{compile_folder, folders_below};

/// Codes that no check of a text triggers: `bad_input.rs`, `formatting.rs` and `prove.rs` do, and `rules.rs` with
/// `erpc test`.
const NOT_FROM_TEXT: [&str; 8] = [
    "E0001", "E0002", "E0003", "W0017", "E0601", "E0602", "E0603", "E0805",
];

#[test]
fn every_code_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in folders_below("tests/ui") {
        let compiled = compile_folder(&case);
        seen.extend(compiled.diagnostics.as_slice().iter().map(|d| d.code.id));
    }
    let missing: Vec<&str> = codes::ALL
        .iter()
        .map(|code| code.id)
        // What an import finds is tried in `import.rs`.
        .filter(|id| {
            !seen.contains(id) && !NOT_FROM_TEXT.contains(id) && !id[1..].starts_with("09")
        })
        .collect();
    assert!(
        missing.is_empty(),
        "no case in tests/ui triggers {missing:?}"
    );
}

#[test]
fn every_place_of_a_finding_is_in_its_file() {
    for case in folders_below("tests/ui") {
        let compiled = compile_folder(&case);
        for diagnostic in compiled.diagnostics.as_slice() {
            for label in &diagnostic.labels {
                let Some(source) = compiled.sources.get(label.span.file) else {
                    continue;
                };
                let range = label.span.start as usize..label.span.end as usize;
                assert!(
                    source.text.get(range.clone()).is_some(),
                    "{}: {range:?} of {diagnostic:?}",
                    case.display()
                );
            }
        }
    }
}
