//! The sessions of the documents, run: every ```console block of the README and of chapters, in
//! order, in one folder for each document, by a shell whose `erpc` is the one of these sources.
//! A block with `file=PATH` behind its language is written to that file first; a `diff` with one is applied to it. A
//! line `…` of an output stands for any lines. `UPDATE_DOCS=1` writes the outputs of blocks that differ.

use std::path::Path;
use std::process::Command;

use erpc_tests::repository;
use tempfile::TempDir;

/// A fenced block of a document.
struct Block {
    /// What stands behind its opening fence.
    info: String,
    /// Its lines, without the fences.
    text: String,
    /// Where the lines start in the document.
    start: usize,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    let mut at = 0;
    for line in document.split_inclusive('\n') {
        at += line.len();
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(info) => {
                is_open = true;
                blocks.push(Block {
                    info: info.trim().to_owned(),
                    text: String::new(),
                    start: at,
                });
            }
            None => {
                if let Some(block) = blocks.last_mut().filter(|_| is_open) {
                    block.text.push_str(line);
                }
            }
        }
    }
    blocks
}

/// What a shell prints for a command, both streams as they come.
fn run(command: &str, folder: &Path, variables: &[(&str, &Path)]) -> String {
    let programs = folder.join(".programs");
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder.join("work"))
        .env_remove("COLUMNS")
        .env("PATH", format!("{}:{path}", programs.display()))
        .envs(variables.iter().copied())
        .output()
        .expect("bash");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// The commands of a block with their expected outputs; a command goes on behind a `\`.
fn commands(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (_, Some((command, _))) if goes_on => command.push_str(line),
            (Some(command), _) => found.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => output.push_str(line),
            (None, None) => panic!("a session starts with a command: {line}"),
        }
        goes_on = line.trim_end().ends_with('\\');
    }
    found
}

/// Whether an output is the expected one, where a line `…` is any number of lines.
fn fits(expected: &[&str], output: &[&str]) -> bool {
    match (expected, output) {
        (["…"], _) | ([], []) => true,
        (["…", rest @ ..], _) => (0..=output.len()).any(|skip| fits(rest, &output[skip..])),
        ([first, rest @ ..], [line, others @ ..]) => first == line && fits(rest, others),
        _ => false,
    }
}

/// A text after a diff without line numbers: its old lines occur once, and its new lines replace them.
fn edited(text: &str, diff: &str) -> String {
    let side = |other: char| -> String {
        let lines = diff
            .split_inclusive('\n')
            .filter(|line| !line.starts_with(other));
        lines.map(|line| &line[1..]).collect()
    };
    let (old, new) = (side('+'), side('-'));
    assert_eq!(text.matches(&old).count(), 1, "{old}");
    text.replace(&old, &new)
}

/// What a session has besides `erpc`.
#[derive(Default)]
pub(crate) struct Tools<'t> {
    /// Programs, each with what runs it.
    pub(crate) scripts: &'t [(&'t str, String)],
    pub(crate) variables: &'t [(&'t str, &'t Path)],
}

/// Runs a document; its text with the outputs that there were.
fn played(document: &str, tools: &Tools<'_>) -> String {
    let folder = TempDir::new().expect("a folder");
    let programs = folder.path().join(".programs");
    std::fs::create_dir_all(&programs).expect("a folder");
    std::fs::create_dir_all(folder.path().join("work")).expect("a folder");
    let program = env!("CARGO_BIN_EXE_erpc-under-test");
    std::os::unix::fs::symlink(program, programs.join("erpc")).expect("a link");
    for (name, command) in tools.scripts {
        let path = programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\nexec {command} \"$@\"\n")).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("executable");
    }
    let mut out = String::with_capacity(document.len());
    let mut copied = 0;
    for block in blocks(document) {
        if let Some((_, file)) = block.info.split_once(" file=") {
            let path = folder.path().join("work").join(file);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).expect("a folder");
            }
            let text = if block.info.starts_with("diff ") {
                let old = std::fs::read_to_string(&path).expect("a file of an earlier block");
                edited(&old, &block.text)
            } else {
                block.text.clone()
            };
            std::fs::write(path, text).expect("a file");
        }
        if block.info != "console" {
            continue;
        }
        out.push_str(&document[copied..block.start]);
        let all = commands(&block.text);
        for (at, (command, expected)) in all.iter().enumerate() {
            let output = run(command, folder.path(), tools.variables);
            out.push_str("$ ");
            out.push_str(command);
            let blank = expected.ends_with("\n\n") || expected == "\n";
            let is_last = at + 1 == all.len();
            let wanted: Vec<&str> = expected.trim_end_matches('\n').lines().collect();
            let lines: Vec<&str> = output.trim_end_matches('\n').lines().collect();
            if fits(&wanted, &lines) {
                out.push_str(expected);
            } else {
                for line in lines {
                    out.push_str(line);
                    out.push('\n');
                }
                if blank || !is_last {
                    out.push('\n');
                }
            }
        }
        copied = block.start + block.text.len();
    }
    out.push_str(&document[copied..]);
    out
}

fn plays(name: &str) {
    plays_with(name, &Tools::default());
}

pub(crate) fn plays_with(name: &str, tools: &Tools<'_>) {
    let path = repository().join(name);
    let document = std::fs::read_to_string(&path).expect("the document");
    let played = played(&document, tools);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &played).expect("the document can be written");
        return;
    }
    let expected: Vec<&str> = document.lines().collect();
    for (at, line) in played.lines().enumerate() {
        assert_eq!(
            expected.get(at).copied(),
            Some(line),
            "{name}:{}: the session prints something else; UPDATE_DOCS=1 writes it",
            at + 1
        );
    }
    assert_eq!(played, document, "{name}");
}

#[test]
fn the_session_of_the_readme_is_what_it_shows() {
    plays("README.md");
}

#[test]
fn the_chapter_on_the_network_is_what_it_shows() {
    plays("docs/answers.md");
}

#[test]
fn the_chapter_on_the_graph_is_what_it_shows() {
    plays("docs/graph.md");
}

#[test]
fn the_tutorial_is_what_it_shows() {
    plays("docs/tutorial.md");
}

#[test]
fn the_chapter_on_imports_is_what_it_shows() {
    plays("docs/import.md");
}

/// Every program of the documents that is a whole file is formatted.
#[test]
fn the_programs_of_the_documents_are_formatted() {
    for name in ["docs/tutorial.md", "docs/language.md", "docs/graph.md"] {
        let document = std::fs::read_to_string(repository().join(name)).expect("the document");
        for block in blocks(&document) {
            if block.info == "erp" || block.info.starts_with("erp file=") {
                let parsed = erpc_syntax::parse(erpc_diagnostics::FileId(0), &block.text);
                let made = erpc_syntax::format(&block.text, &parsed.file);
                assert_eq!(made, block.text, "{name}");
            }
        }
    }
}

#[test]
fn a_diff_replaces_its_old_lines() {
    assert_eq!(edited("a\nb\nc\n", " a\n-b\n+x\n+y\n"), "a\nx\ny\nc\n");
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    assert!(fits(&["a", "…", "d"], &["a", "b", "c", "d"]));
    assert!(fits(&["a", "…", "d"], &["a", "d"]));
    assert!(!fits(&["a", "…", "d"], &["a", "b"]));
    assert!(!fits(&[], &["a"]));
}
