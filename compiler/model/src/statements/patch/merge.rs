//! A strategic merge patch as YAML, in the source or in a file: its values, each with the line that it stands on. What
//! its lists and directives mean is the emitter's business, which has the schemas.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Expr, ExprKind};
use erpc_yaml::{Document, Node};

use super::PatchValue;
use crate::eval::Evaluator;
use crate::origin::Sourced;
use crate::statements::Reader;
use crate::statements::yaml::{lines_of, value_of};

/// `patch KIND from "patches/x.yaml"`.
pub(super) fn from_file(reader: &mut Reader<'_, '_>) -> Option<Sourced<PatchValue>> {
    let expr = reader.last("the path of a file in quotes")?;
    let path = reader.get(expr, Evaluator::text)?;
    let (file, text) = reader.get(expr, |it, expr, _| it.read_source(&path, expr.span))?;
    let places = Places {
        lines: lines_of(file, 0, &text),
        whole: expr.span,
    };
    read(&text, &places, reader)
}

/// `patch KIND """…"""`.
pub(super) fn from_text(reader: &mut Reader<'_, '_>) -> Option<Sourced<PatchValue>> {
    let expr = reader.last("a strategic merge patch in quotes")?;
    let text = reader.get(expr, Evaluator::text)?;
    let places = Places::of_literal(expr, reader.written(expr.span), &text);
    read(&text, &places, reader)
}

/// Where the lines of a text stand in the sources.
struct Places {
    lines: Vec<Span>,
    /// The whole text, or what names it.
    whole: Span,
}

impl Places {
    /// Of a text between quotes. Its lines are those of the source, unless a value in it has line breaks of its own.
    fn of_literal(expr: &Expr, written: &str, text: &str) -> Self {
        let unknown = Self {
            lines: Vec::new(),
            whole: expr.span,
        };
        let is_block = matches!(&expr.kind, ExprKind::String(string) if string.is_block);
        let inside = written
            .strip_prefix("\"\"\"")
            .and_then(|rest| rest.strip_suffix("\"\"\""));
        let (true, Some(inside)) = (is_block, inside) else {
            return unknown;
        };
        // The line break behind the quotes is not a part of the text.
        let below = inside.strip_prefix('\n').unwrap_or(inside);
        if below.split('\n').count() != text.split('\n').count() {
            return unknown;
        }
        let before = written.len() - below.len() - "\"\"\"".len();
        let start = expr.span.start as usize + before;
        Self {
            lines: lines_of(expr.span.file, start, below),
            whole: expr.span,
        }
    }

    /// A line, from 1.
    fn line(&self, line: usize) -> Span {
        let known = line.checked_sub(1).and_then(|line| self.lines.get(line));
        known.copied().unwrap_or(self.whole)
    }
}

/// The one mapping that a text is.
fn read(text: &str, places: &Places, reader: &mut Reader<'_, '_>) -> Option<Sourced<PatchValue>> {
    let bad = |message: String, span: Span, label: &str| {
        Diagnostic::new(&codes::BAD_PATCH, message).at(span, label.to_owned())
    };
    let text = erpc_yaml::text(text.as_bytes());
    let mut documents = Vec::new();
    for document in erpc_yaml::documents(&text) {
        match document {
            Ok(document) => documents.push(document),
            Err(broken) => {
                let span = places.line(broken.line);
                return reader.refuse(bad(invalid(&broken.message), span, "not read from here"));
            }
        }
    }
    let document: &Document<'_> = match documents.as_slice() {
        [document] => document,
        [] => return reader.refuse(empty(places.whole)),
        [_, second, ..] => {
            let message = format!("expected one YAML document, found {}", documents.len());
            let span = places.line(second.line);
            return reader.refuse(
                bad(message, span, "the second starts here").help("write a patch for each"),
            );
        }
    };
    // Lines of a document count from its first one.
    let line = |line: usize| places.line(document.line + line.saturating_sub(1));
    let read = match erpc_yaml::read(document) {
        Ok(read) => read,
        Err(broken) => {
            let (message, span) = (invalid(&broken.message), line(broken.line));
            let found = bad(message, span, "not read from here");
            let is_template = document.text.contains("{{");
            return reader.refuse(match is_template {
                true => found.help("a template of another tool is not YAML: write what it becomes"),
                false => found,
            });
        }
    };
    if let Some(dropped) = read.dropped.first() {
        let (message, span) = (invalid(&dropped.message), line(dropped.line));
        return reader.refuse(bad(message, span, "not applied"));
    }
    match &read.node {
        Node::Null => return reader.refuse(empty(places.whole)),
        Node::Map(_) => {}
        other => {
            let message = format!(
                "a strategic merge patch is a mapping of fields, found {}",
                other.what()
            );
            return reader.refuse(bad(message, line(1), "not a mapping"));
        }
    }
    let (value, count) = value_of(document, &read, reader.origin(places.whole).via, &line);
    let is_left = reader.get_steps(count, places.whole);
    is_left.then_some(value)
}

fn invalid(message: &str) -> String {
    format!("invalid YAML: {message}")
}

fn empty(span: Span) -> Diagnostic {
    Diagnostic::new(&codes::BAD_PATCH, "the patch sets no field")
        .at(span, "no YAML document")
        .help("write fields below their names, such as `spec:`, or remove the patch")
}
