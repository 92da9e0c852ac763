//! What the declared flows would close: the program is built once more without `network open`, and what its policies
//! let through is compared with what the input lets through.

use std::collections::BTreeSet;

use erpc_prove::Open;
use serde::Serialize;
use serde_json::Value;

use crate::import::open;
use crate::program::{Compiler, Files, namespace_of_line};

/// What removing `network open` from a namespace would close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closing {
    /// The namespace.
    pub namespace: String,
    /// What its pods would be left with, a line each.
    pub left: Vec<String>,
    /// What would be closed.
    pub closes: Vec<String>,
    /// Why the line cannot be removed yet.
    pub refused: Option<String>,
}

/// Whether a line of a formatted source opens its namespace.
fn opens(line: &str) -> bool {
    let mut words = line.split_whitespace();
    line.starts_with("  n") && words.next() == Some("network") && words.next() == Some("open")
}

/// For each namespace that is `network open`, what removing the line closes. `before` is what the input lets through.
pub(crate) fn of(files: &Files, before: &Open, compiler: &dyn Compiler) -> Vec<Closing> {
    let mut closing: Vec<Closing> = namespaces(files)
        .into_iter()
        .map(|namespace| Closing {
            namespace,
            left: Vec::new(),
            closes: Vec::new(),
            refused: None,
        })
        .collect();
    let Some(made) = isolated(files, &mut closing, compiler) else {
        return closing;
    };
    let after = open(made.iter());
    let (closed, left) = (before.without(&after), after.without(&Open::default()));
    for one in closing.iter_mut().filter(|one| one.refused.is_none()) {
        let of_namespace = |line: &&String| is_of(line, &one.namespace);
        one.closes = closed.iter().filter(of_namespace).cloned().collect();
        one.left = left.iter().filter(of_namespace).cloned().collect();
    }
    closing
}

/// The namespaces with a line that opens them.
fn namespaces(files: &Files) -> BTreeSet<String> {
    let sources = files.iter().filter(|(path, _)| is_source(path));
    let of_source = |text: &String| -> Vec<String> {
        let mut found = Vec::new();
        let mut namespace = "";
        for line in text.lines() {
            namespace = namespace_of_line(line).unwrap_or(namespace);
            if opens(line) {
                found.push(namespace.to_owned());
            }
        }
        found
    };
    sources.flat_map(|(_, text)| of_source(text)).collect()
}

fn is_source(path: &str) -> bool {
    path.ends_with(".erp") && !path.contains('/')
}

/// What the program makes without the lines. A namespace for which that is refused keeps its line.
fn isolated(files: &Files, closing: &mut [Closing], compiler: &dyn Compiler) -> Option<Vec<Value>> {
    // Each round refuses one namespace more, or is the last.
    for _ in 0..=closing.len() {
        let kept: BTreeSet<&str> = closing
            .iter()
            .filter(|one| one.refused.is_some())
            .map(|one| one.namespace.as_str())
            .collect();
        if kept.len() == closing.len() {
            return None;
        }
        let without = without_lines(files, &kept);
        let problems = match compiler.build(&without) {
            Ok(made) => return Some(made),
            Err(problems) => problems,
        };
        let mut is_changed = false;
        for problem in &problems {
            let text = without.get(&problem.file).map_or("", String::as_str);
            let lines = text.lines().take(problem.line);
            let namespace = lines.filter_map(namespace_of_line).last();
            let found = closing.iter_mut().find(|one| {
                one.refused.is_none()
                    && namespace.is_none_or(|namespace| one.namespace == namespace)
            });
            if let Some(one) = found {
                one.refused = Some(problem.message.clone());
                is_changed = true;
            }
        }
        if !is_changed {
            let message = problems.into_iter().next().map(|problem| problem.message);
            for one in closing.iter_mut().filter(|one| one.refused.is_none()) {
                one.refused.clone_from(&message);
            }
            return None;
        }
    }
    None
}

fn without_lines(files: &Files, kept: &BTreeSet<&str>) -> Files {
    let mut files = files.clone();
    for (_, text) in files.iter_mut().filter(|(path, _)| is_source(path)) {
        let mut namespace = String::new();
        let mut out = String::with_capacity(text.len());
        for line in text.lines() {
            if let Some(name) = namespace_of_line(line) {
                name.clone_into(&mut namespace);
            }
            // An empty line keeps the numbers of the others.
            if !opens(line) || kept.contains(namespace.as_str()) {
                out.push_str(line);
            }
            out.push('\n');
        }
        *text = out;
    }
    files
}

/// Whether a line is about pods of a namespace.
fn is_of(line: &str, namespace: &str) -> bool {
    let words = line.split(|c: char| c.is_whitespace() || c == ',');
    let mut words = words.map(|word| word.trim_matches('`'));
    words.any(|word| {
        word.strip_prefix(namespace)
            .is_some_and(|rest| rest.starts_with(['/', '.']))
    })
}
