//! Every name that ERP/1 refers to, misspelt: one error, on its line, with the right name first.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::{FileId, Severity};
use erpc_syntax::tree::{
    Arg, Block, Call, Expr, ExprKind, Path, PathPort, SegmentKind, Statement, StringPart,
};
use erpc_tests::{Memory, files_below, repository};

/// Statements whose second word is a name that they declare.
const DECLARATIONS: [&str; 16] = [
    "namespace",
    "service",
    "secret",
    "port",
    "cluster",
    "component",
    "let",
    "external",
    "volume",
    "config",
    "platform",
    "profile",
    "sidecar",
    "job",
    "rule",
    "test",
];

/// Names by where they stand in a text: what a statement's head is, the name, its offset.
#[derive(Default)]
struct Names {
    declared: BTreeSet<String>,
    used: Vec<(String, String, usize)>,
    /// Words that a place has beside names, such as `optional`.
    head: String,
}

impl Names {
    fn block(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let Some(Arg::Expr(first)) = statement.args.first() else {
            return;
        };
        let ExprKind::Path(path) = &first.kind else {
            return;
        };
        let head = word(path);
        let mut rest = &statement.args[1..];
        if DECLARATIONS.contains(&head.as_str())
            && let Some(Arg::Expr(second)) = rest.first()
        {
            match &second.kind {
                ExprKind::Path(path) => {
                    self.declared.insert(word(path));
                }
                ExprKind::Call(call) => {
                    self.declared.insert(word(&call.callee));
                    self.head.clone_from(&head);
                    self.arguments(call);
                }
                _ => {}
            }
            rest = &rest[1..];
        }
        for arg in rest {
            self.head.clone_from(&head);
            match arg {
                Arg::Expr(expr) => self.expr(expr),
                Arg::Block(Block { statements, .. }) => self.block(statements),
                Arg::Sign(..) => {}
            }
        }
    }

    fn arguments(&mut self, call: &Call) {
        for argument in &call.args {
            self.expr(&argument.value);
            argument
                .default
                .iter()
                .for_each(|default| self.expr(default));
        }
    }

    fn use_of(&mut self, text: &str, offset: u32) {
        self.used
            .push((self.head.clone(), text.to_owned(), offset as usize));
    }

    fn path(&mut self, path: &Path) {
        for segment in &path.segments {
            if let SegmentKind::Name(name) = &segment.kind {
                self.use_of(name, segment.span.start);
            }
        }
        if let Some(PathPort::Name(port)) = &path.port {
            self.use_of(&port.text, port.span.start);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Path(path) => self.path(path),
            ExprKind::Pair(a, b) | ExprKind::Range(a, b) | ExprKind::Binary(_, a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Ported(of, port) => {
                self.expr(of);
                if let PathPort::Name(port) = port {
                    self.use_of(&port.text, port.span.start);
                }
            }
            ExprKind::List(all) | ExprKind::Set(all) => all.iter().for_each(|one| self.expr(one)),
            ExprKind::Call(call) => {
                self.path(&call.callee);
                self.arguments(call);
            }
            ExprKind::Unary(_, of) | ExprKind::Member(of, _) => self.expr(of),
            ExprKind::If(parts) => parts.iter().for_each(|part| self.expr(part)),
            ExprKind::String(text) => {
                for part in &text.parts {
                    if let StringPart::Expr(expr) = part {
                        self.expr(expr);
                    }
                }
            }
            _ => {}
        }
    }
}

fn word(path: &Path) -> String {
    match path.segments.first().map(|segment| &segment.kind) {
        Some(SegmentKind::Name(name)) => name.to_string(),
        _ => String::new(),
    }
}

/// Two letters swapped, one dropped, one doubled.
fn misspellings(word: &str) -> Vec<String> {
    let middle = word.len() / 2;
    let mut swapped: Vec<char> = word.chars().collect();
    swapped.swap(middle - 1, middle);
    let mut dropped = word.to_owned();
    dropped.remove(middle);
    let mut doubled = word.to_owned();
    doubled.insert_str(middle, &word[middle..=middle]);
    vec![swapped.into_iter().collect(), dropped, doubled]
}

#[test]
fn a_misspelt_name_gives_one_error_on_its_line_with_the_right_name_first() {
    let root = repository();
    let text = std::fs::read_to_string(root.join("platform.erp")).expect("the source");
    let parsed = erpc_syntax::parse(FileId(0), &text);
    let mut names = Names::default();
    names.block(&parsed.file.statements);
    // Declared by statements that are lists: the tiers, and what is used of the library.
    for line in text.lines() {
        if line.starts_with("tiers ") || line.starts_with("use ") {
            let words = line.split([' ', '<', ',', '.', '{', '}']).skip(1);
            names.declared.extend(words.map(str::to_owned));
        }
    }
    // Once for each kind of statement, and every place in a flow.
    let mut references = BTreeMap::new();
    for (head, name, at) in names.used {
        let is_name = names.declared.contains(&name) && name.len() > 2 && head != "tiers";
        if is_name {
            references.entry(format!("{head} {name}")).or_insert(at);
        }
    }
    assert!(
        references.len() > 90,
        "{}: {references:?}",
        references.len()
    );
    let mut program = Memory::default();
    for (path, bytes) in files_below(&root.join("config")) {
        program = program.with(&format!("config/{path}"), bytes);
    }
    let policies = std::fs::read(root.join("policies.erp")).expect("the policies");
    program = program.with("policies.erp", policies);
    let (mut tried, mut failures, mut others) = (0, Vec::new(), Vec::new());
    for (reference, at) in &references {
        let word = reference.split(' ').next_back().expect("a word");
        assert_eq!(&text[*at..at + word.len()], word, "{reference}");
        for misspelt in misspellings(word) {
            if misspelt == word || names.declared.contains(&misspelt) {
                continue;
            }
            tried += 1;
            let broken = format!("{}{misspelt}{}", &text[..*at], &text[at + word.len()..]);
            let line = broken[..*at].matches('\n').count() + 1;
            let compiled = program.clone().with("platform.erp", broken).compile();
            let errors: Vec<_> = compiled
                .diagnostics
                .as_slice()
                .iter()
                .filter(|d| d.severity() == Severity::Error)
                .collect();
            let place = errors
                .first()
                .and_then(|error| compiled.sources.place(error.span()));
            if errors.len() != 1 || place != Some(format!("platform.erp:{line}")) {
                let said: Vec<_> = errors.iter().map(|error| &error.message).collect();
                failures.push(format!(
                    "{reference} as {misspelt} in line {line}: {said:?}"
                ));
                continue;
            }
            let is_first = errors[0]
                .help
                .first()
                .is_some_and(|help| help.contains(&format!("{word}`")));
            if !is_first {
                others.push(format!(
                    "{reference} as {misspelt}: {} {:?}",
                    errors[0].message, errors[0].help
                ));
            }
        }
    }
    let right = tried - others.len();
    println!(
        "{right} of {tried} misspelt names ({} references) are suggested first",
        references.len()
    );
    for other in &others {
        println!("not first: {other}");
    }
    assert!(
        failures.is_empty(),
        "{} of {tried}: {failures:#?}",
        failures.len()
    );
    assert!(right * 100 >= tried * 95, "{right} of {tried}: {others:#?}");
}
