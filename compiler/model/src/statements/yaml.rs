//! Documents of YAML and JSON as values, each with the line that it stands on.

use erpc_diagnostics::{FileId, Span};
use erpc_yaml::{At, Document, Lines, Node, Read};

use super::PatchValue;
use crate::origin::{Origin, Sourced, Via};

/// Where the lines of a text stand, without the blanks around them.
pub(crate) fn lines_of(file: FileId, start: usize, text: &str) -> Vec<Span> {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut at = start;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let trimmed = line.trim_start();
        let from = at + line.len() - trimmed.len();
        let to = from + trimmed.trim_end().len();
        lines.push(Span::new(file, offset(from), offset(to)));
        at += line.len() + 1;
    }
    lines
}

/// The value of a document, and how many values are in it. `line` has the place of a line of the document, from 1.
pub(crate) fn value_of(
    document: &Document<'_>,
    read: &Read,
    via: Via,
    line: &dyn Fn(usize) -> Span,
) -> (Sourced<PatchValue>, usize) {
    let lines = Lines::of(document);
    let mut values = Values {
        via,
        line,
        count: 0,
    };
    let value = values.value(&read.node, lines.root());
    (value, values.count)
}

struct Values<'v> {
    via: Via,
    line: &'v dyn Fn(usize) -> Span,
    /// How many there are.
    count: usize,
}

impl Values<'_> {
    /// A value with the line that it stands on. `erpc_yaml` limits its depth.
    fn value(&mut self, node: &Node, at: Option<At<'_>>) -> Sourced<PatchValue> {
        self.count += 1;
        let mut places = at.map(|at| at.parts(node)).unwrap_or_default().into_iter();
        let value = match node {
            Node::Null => PatchValue::Null,
            Node::Bool(value) => PatchValue::Bool(*value),
            Node::Int(number) => PatchValue::Int(*number),
            Node::Float(number) => PatchValue::Float(*number),
            Node::Text(text) => PatchValue::Text(text.to_string()),
            Node::List(items) => {
                let items = items.iter();
                PatchValue::List(items.map(|item| self.value(item, places.next())).collect())
            }
            Node::Map(entries) => {
                let entries = entries.iter();
                let entry = |(name, value): &(smol_str::SmolStr, Node)| {
                    (name.clone(), self.value(value, places.next()))
                };
                PatchValue::Map(entries.map(entry).collect())
            }
        };
        let span = (self.line)(at.map_or(0, |at| at.line));
        let origin = Origin {
            span,
            via: self.via,
        };
        Sourced { value, origin }
    }
}
