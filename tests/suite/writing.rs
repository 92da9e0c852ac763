//! The wording of string literals, doc comments and documents: `tests/writing/phrases.txt` has what no text
//! uses, `allowed.txt` what is still to be rewritten. That list only shrinks: `UPDATE_WRITING=1` removes from it
//! what is gone, and adds nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use erpc_tests::{files_below, repository};
use proc_macro2::{TokenStream, TokenTree};
use regex::Regex;

/// The folders with texts, and the texts beside them.
const FOLDERS: [&str; 4] = ["compiler", "docs", "examples", "stdlib"];
const FILES: [&str; 3] = ["README.md", "platform.erp", "policies.erp"];

/// A text and the line where it begins.
type Text = (usize, String);

/// How often the texts have each phrase.
type Counts = BTreeMap<String, usize>;

struct Phrase {
    pattern: Regex,
    instead: String,
}

fn phrases() -> Vec<Phrase> {
    let list = std::fs::read_to_string(repository().join("tests/writing/phrases.txt"));
    let list = list.expect("the list of phrases");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (pattern, instead) = line.split_once('\t').expect("a pattern, a tab, a hint");
            Phrase {
                pattern: Regex::new(pattern).expect("a regular expression"),
                instead: instead.to_owned(),
            }
        })
        .collect()
}

/// The string literals and doc comments of Rust source.
fn of_rust(source: &str) -> Vec<Text> {
    let mut texts = Vec::new();
    let mut streams: Vec<TokenStream> = vec![source.parse().expect("Rust source")];
    while let Some(stream) = streams.pop() {
        for token in stream {
            match token {
                TokenTree::Group(group) => streams.push(group.stream()),
                // A doc comment is `#[doc = "…"]` here.
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if text.ends_with(['"', '#']) {
                        texts.push((literal.span().start().line, text));
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
    texts
}

/// The texts of a file, by its name.
fn texts(name: &str, bytes: Vec<u8>) -> Vec<Text> {
    let source = || String::from_utf8(bytes).expect("UTF-8");
    match name.rsplit_once('.') {
        Some((_, "rs")) => of_rust(&source()),
        Some((_, "md" | "erp")) => vec![(1, source())],
        _ => Vec::new(),
    }
}

/// The files with texts, by their paths from the root of the repository.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in FOLDERS {
        let below = files_below(&repository().join(folder));
        assert!(!below.is_empty(), "{folder}");
        let below = below.into_iter();
        files.extend(below.map(|(path, bytes)| (format!("{folder}/{path}"), bytes)));
    }
    for name in FILES {
        let bytes = std::fs::read(repository().join(name)).expect(name);
        files.insert(name.to_owned(), bytes);
    }
    files
}

/// The phrases of the list in all texts, and a line for each.
fn found() -> (Counts, BTreeMap<String, String>) {
    let (mut counts, mut places) = (Counts::new(), BTreeMap::new());
    let phrases = phrases();
    for (name, bytes) in files() {
        for (first, text) in texts(&name, bytes) {
            for (number, line) in text.lines().enumerate() {
                for phrase in &phrases {
                    let line = line.trim_end_matches(['"', '\\', '#']);
                    let found = phrase.pattern.find_iter(line).count();
                    if found == 0 {
                        continue;
                    }
                    let key = phrase.pattern.to_string();
                    *counts.entry(key.clone()).or_default() += found;
                    let place: &mut String = places.entry(key).or_default();
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        place,
                        "{name}:{}: {}\n    write {}",
                        first + number,
                        line.trim(),
                        phrase.instead
                    );
                }
            }
        }
    }
    (counts, places)
}

fn allowed(list: &str) -> Counts {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (count, phrase) = line.split_once('\t').expect("a count, a tab, a phrase");
            (phrase.to_owned(), count.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn texts_have_no_phrase_of_the_list() {
    let path = repository().join("tests/writing/allowed.txt");
    let list = std::fs::read_to_string(&path).expect("the list of what is left");
    let allowed = allowed(&list);
    let (counts, places) = found();
    let new: Vec<&str> = counts
        .iter()
        .filter(|(phrase, count)| **count > allowed.get(*phrase).copied().unwrap_or(0))
        .map(|(phrase, _)| places[phrase].as_str())
        .collect();
    assert!(new.is_empty(), "{}", new.concat());
    let mut shrunk = String::from(
        "# How often each phrase is still to be rewritten. `UPDATE_WRITING=1` shrinks the list.\n",
    );
    for (phrase, count) in &counts {
        // Writing to a string cannot fail.
        let _ = writeln!(shrunk, "{count}\t{phrase}");
    }
    if std::env::var_os("UPDATE_WRITING").is_some() {
        std::fs::write(&path, &shrunk).expect("the list can be written");
    } else {
        assert_eq!(list, shrunk, "shrink the list: UPDATE_WRITING=1");
    }
}

#[test]
fn phrases_are_found_in_literals_and_doc_comments_alone() {
    let source =
        "/// Nobody reads it.\nfn f() {\n    // somebody\n    let anybody = r#\"a\nroom\"#;\n}\n";
    let texts = of_rust(source);
    let lines: Vec<usize> = texts.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines.len(), 2, "{texts:?}");
    assert!(lines.contains(&1) && lines.contains(&4), "{texts:?}");
}
