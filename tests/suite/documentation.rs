//! Documents that are made from the code: `docs/words.md`. `UPDATE_DOCS=1` writes them.

use std::fmt::Write;

use erpc_model::properties::{Merge, Place, WORDS};
use erpc_model::rules::Kind;
use erpc_tests::repository;

const PLACES: [Place; 11] = [
    Place::Program,
    Place::Platform,
    Place::NamespaceDefaults,
    Place::Cluster,
    Place::Namespace,
    Place::Service,
    Place::Job,
    Place::Sidecar,
    Place::Init,
    Place::External,
    Place::Secret,
];

fn words() -> String {
    let mut text = String::from(
        "# The words of the language\n\n\
         Made from the table in `compiler/model/src/properties.rs`; a test holds it to that.\n\
         *Layers* says what a service does with what its component says: **replaces** it, replaces it **by key**\n\
         (the first argument), **merges** what is inside, or **adds** to it.\n",
    );
    for place in PLACES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", capitalised(place.name()));
        text.push_str("| written | says | layers |\n|---|---|---|\n");
        for word in WORDS.iter().filter(|word| word.places.contains(&place)) {
            let merge = match word.merge {
                Merge::Replace => "replaces",
                Merge::ByKey => "by key",
                Merge::Inside => "merges",
                Merge::Append => "adds",
            };
            let form = word.form.replace('|', "\\|");
            let _ = writeln!(text, "| `{form}` | {} | {merge} |", word.doc);
        }
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn members() -> String {
    let mut text = String::from(
        "# What rules and tests can ask\n\n\
         Made from the table in `compiler/model/src/rules/members.rs`; a test holds it to that.\n\
         *Or `off`* means that it may be missing. A range has `min` and `max`.\n",
    );
    for kind in Kind::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", capitalised(kind.name()));
        text.push_str("| member | type | says |\n|---|---|---|\n");
        for row in kind.members() {
            let _ = writeln!(text, "| `{}` | {} | {} |", row.name, row.ty, row.doc);
        }
    }
    text
}

#[test]
fn the_reference_of_members_is_the_table() {
    is_made("members.md", &members());
}

#[test]
fn the_reference_of_words_is_the_table() {
    is_made("words.md", &words());
}

fn is_made(name: &str, made: &str) {
    let path = repository().join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/{name} is old: UPDATE_DOCS=1 cargo test -p erpc-tests documentation"
    );
}

/// Every example of the language reference is a program without errors.
#[test]
fn the_examples_of_the_language_compile() {
    let text =
        std::fs::read_to_string(repository().join("docs/language.md")).expect("the document");
    let mut examples = 0;
    for block in text.split("```erp\n").skip(1) {
        let Some((program, _)) = block.split_once("```") else {
            continue;
        };
        let compiled = erpc_tests::Memory::of(program).compile();
        let shown = erpc_diagnostics::render_human(
            &compiled.diagnostics,
            &compiled.sources,
            erpc_diagnostics::Style::PLAIN,
            None,
        );
        assert!(!compiled.diagnostics.has_errors(), "{program}\n{shown}");
        examples += 1;
    }
    assert!(examples > 0);
}
