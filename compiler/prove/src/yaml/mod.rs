//! From the bytes of a file to trees of values, one for each document. Which reader made a tree
//! never shows: the fast one takes only what both read alike.

mod fast;
mod library;
mod tree;

use std::borrow::Cow;

use memchr::memmem;

pub(crate) use tree::{Node, Path};

/// A document of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'t> {
    pub(crate) text: &'t str,
    /// Its place in the file, from 1.
    pub(crate) number: usize,
    /// The line on which it starts, from 1.
    pub(crate) line: usize,
}

/// What is wrong with a document as YAML.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// The line in the document, from 1; 0 where it is not known.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Cuts a text at its document markers. A marker stands at the start of a line, where no scalar
/// of a block can, so that a document which cannot be read hides no other.
pub(crate) fn documents(text: &str) -> Vec<Document<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Vec::new();
    let has_marker = |marker: &str| memmem::find(text.as_bytes(), marker.as_bytes()).is_some();
    if !has_marker("\n---") && !has_marker("\n...") {
        push(&mut out, text, 1);
        return out;
    }
    let (mut start, mut start_line, mut at) = (0, 1, 0);
    for (line, content) in text.split_inclusive('\n').enumerate() {
        if is_marker(content) {
            push(&mut out, &text[start..at], start_line);
            start = at;
            start_line = line + 1;
        }
        at += content.len();
    }
    push(&mut out, &text[start..], start_line);
    out
}

fn is_marker(line: &str) -> bool {
    let rest = line
        .strip_prefix("---")
        .or_else(|| line.strip_prefix("..."));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn push<'t>(out: &mut Vec<Document<'t>>, text: &'t str, line: usize) {
    // A marker's own line may carry content: `--- {a: b}`.
    let has_content = text.lines().any(|line| {
        let line = if is_marker(line) { &line[3..] } else { line };
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && !line.starts_with('%')
    });
    if has_content {
        out.push(Document {
            text,
            number: out.len() + 1,
            line,
        });
    }
}

/// Reads a document that anybody may have written.
pub(crate) fn read(document: &Document<'_>) -> Result<Node, Broken> {
    library::read(document.text)
}

/// Reads what a document that the compiler wrote says about the network.
pub(crate) fn read_ours(document: &Document<'_>) -> Result<Node, Broken> {
    fast::read_network(document.text).map_or_else(|| library::read(document.text), Ok)
}

/// The text of a file, and whether all of its bytes were one.
pub(crate) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Broken> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => Err(Broken {
            line: 1 + bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count(),
            message: "this is not UTF-8".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn documents_end_at_markers_and_empty_ones_do_not_count() {
        let text = "# head\n---\n---\na: 1\n---\n# only a comment\n---\nb: |\n  ---\n--- {c: 1}\n";
        let found: Vec<(usize, usize)> = documents(text)
            .iter()
            .map(|document| (document.number, document.line))
            .collect();
        assert_eq!(found, [(1, 3), (2, 7), (3, 10)]);
    }
}
