//! From the bytes of a file to trees of values, one for each document, as kubectl reads it: a byte
//! order mark chooses the encoding, a file that starts with `{` is a stream of JSON as long as it can
//! be, everything else is YAML 1.1 cut at lines that start with `---`.

mod compose;
mod documents;
mod resolve;
mod scan;
mod tree;

use std::borrow::Cow;

use compose::{Composed, Id, Kind};
pub use documents::{Document, documents};
use rustc_hash::FxHashMap;
use tree::Segment;
pub use tree::{Node, Path};

/// What is wrong with a document as YAML or JSON.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The line in the document, from 1; 0 where it is not known.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// A document as values.
pub struct Read {
    /// Its value.
    pub node: Node,
    /// What kubectl leaves out in silence: the first of two equal keys, and what stands behind the
    /// end of the document.
    pub dropped: Vec<Broken>,
}

impl From<Node> for Read {
    fn from(node: Node) -> Self {
        Self {
            node,
            dropped: Vec::new(),
        }
    }
}

/// Reads a document of any origin.
///
/// # Errors
///
/// The document is not what kubectl takes for YAML or JSON.
pub fn read(document: &Document<'_>) -> Result<Read, Broken> {
    if document.is_json {
        return documents::json(document.text).map(Read::from);
    }
    // Files that were joined may have a byte order mark behind a `---`.
    let mut text = Cow::Borrowed(document.yaml().trim_start_matches('\u{feff}'));
    if let Some(rest) = text.strip_prefix("\n\u{feff}") {
        text = Cow::Owned(format!("\n{rest}"));
    }
    if !text.ends_with('\n') {
        // The last line of a file ends, as far as kubectl is concerned.
        text.to_mut().push('\n');
    }
    let composed = compose::compose(&text)?;
    let (node, mut dropped) = resolve::resolve(&composed)?;
    dropped.extend(composed.ignored_from.map(|line| Broken {
        line,
        message:
            "kubectl ignores the rest of this document: separate documents with `---`".to_owned(),
    }));
    Ok(Read { node, dropped })
}

/// The text of a file as kubectl has it: bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| unit(*pair));
        let mut text: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        if !rest.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        Cow::Owned(text)
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// Where the values of a document stand.
pub struct Lines {
    composed: Option<Composed>,
}

impl Lines {
    /// Reads a document once more, for its lines.
    #[must_use]
    pub fn of(document: &Document<'_>) -> Self {
        Self {
            // A stream of JSON is not always YAML; messages then name the line of the document.
            composed: compose::compose(document.yaml()).ok(),
        }
    }

    /// The line of a value, or of the nearest one above it, from 1.
    #[must_use]
    pub fn line_of(&self, path: Path<'_>) -> usize {
        let Some(composed) = &self.composed else {
            return 1;
        };
        let Some(root) = composed.root else {
            return 1;
        };
        let (mut id, mut line) = (root, composed.trees[root].line);
        for segment in path.segments() {
            let found = match (&composed.trees[follow(composed, id)].kind, segment) {
                (Kind::Map(entries), Segment::Key(wanted)) => {
                    let is_it = |id: &Id| matches!(&composed.trees[*id].kind, Kind::Scalar { value, .. } if value == wanted);
                    let found = entries.iter().rev().find(|(key, _)| is_it(key));
                    found.map(|(key, value)| (composed.trees[*key].line, *value))
                }
                (Kind::List(items), Segment::Index(index)) => {
                    let item = items.get(index);
                    item.map(|item| (composed.trees[*item].line, *item))
                }
                _ => None,
            };
            let Some((at, below)) = found else {
                break;
            };
            (line, id) = (at, below);
        }
        line
    }
}

/// A value of a document with its line.
#[derive(Clone, Copy)]
pub struct At<'l> {
    composed: &'l Composed,
    id: Id,
    /// The line of the value, or of its key, from 1.
    pub line: usize,
}

impl Lines {
    /// The value of the whole document; `None` for one whose lines are not known.
    #[must_use]
    pub fn root(&self) -> Option<At<'_>> {
        let composed = self.composed.as_ref()?;
        let id = composed.root?;
        let line = composed.trees[id].line;
        Some(At { composed, id, line })
    }
}

impl At<'_> {
    /// Where the parts of this value are, which is `node`: one for each of its elements or entries. An entry of a
    /// merged mapping is where the mapping is that it is merged into.
    #[must_use]
    pub fn parts(self, node: &Node) -> Vec<Self> {
        let at = |id: Id, line: usize| Self { id, line, ..self };
        match (
            &self.composed.trees[follow(self.composed, self.id)].kind,
            node,
        ) {
            (Kind::Map(entries), Node::Map(wanted)) => {
                let mut places: FxHashMap<&str, Self> = FxHashMap::default();
                for (key, value) in entries {
                    let key = &self.composed.trees[*key];
                    if let Kind::Scalar { value: name, .. } = &key.kind {
                        places.insert(name, at(*value, key.line));
                    }
                }
                let place = |name: &str| places.get(name).copied().unwrap_or(self);
                wanted.iter().map(|(name, _)| place(name)).collect()
            }
            (Kind::List(items), Node::List(_)) => items
                .iter()
                .map(|item| at(*item, self.composed.trees[*item].line))
                .collect(),
            (_, Node::Map(entries)) => vec![self; entries.len()],
            (_, Node::List(items)) => vec![self; items.len()],
            _ => Vec::new(),
        }
    }
}

/// What an alias stands for.
fn follow(composed: &Composed, id: Id) -> Id {
    match composed.trees[id].kind {
        // An alias leads to what stands before it, which is never an alias itself.
        Kind::Alias(target) => target,
        Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => id,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Node, documents, read, text};

    /// Texts with what kubectl's decoder makes of them, from `tests/cluster/decode`.
    const KUBECTL: &str = include_str!("kubectl.jsonl");

    /// The values of a text up to the first error, and whether there is one.
    fn values(text: &str) -> (Vec<Node>, bool) {
        let mut values = Vec::new();
        for document in documents(text) {
            match document.and_then(|document| read(&document)) {
                Ok(read) if read.node == Node::Null => {}
                Ok(read) => values.push(read.node),
                Err(_) => return (values, true),
            }
        }
        (values, false)
    }

    fn is_same(ours: &Node, theirs: &Value) -> bool {
        match (ours, theirs) {
            (Node::Null, Value::Null) => true,
            (Node::Bool(a), Value::Bool(b)) => a == b,
            (Node::Int(a), Value::Number(b)) => {
                b.as_i64() == Some(*a) || b.as_f64().is_some_and(|b| b.to_string() == a.to_string())
            }
            (Node::Float(a), Value::Number(b)) => b.as_f64() == Some(*a),
            (Node::Text(a), Value::String(b)) => a == b.as_str(),
            (Node::List(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
            }
            (Node::Map(a), Value::Object(b)) => {
                let in_other = |key: &str, value| b.get(key).is_some_and(|b| is_same(value, b));
                a.len() == b.len() && a.iter().all(|(key, value)| in_other(key, value))
            }
            _ => false,
        }
    }

    /// The lines of [`KUBECTL`] that are read differently.
    fn differing(lines: &str) -> Vec<String> {
        let mut out = Vec::new();
        for line in lines.lines() {
            let case: Value = serde_json::from_str(line).expect("JSON");
            let text = case["text"].as_str().expect("a text");
            let theirs = case["values"].as_array().expect("values");
            let (ours, has_failed) = values(&super::text(text.as_bytes()));
            // At such a marker kubectl drops the document before it too; here it is read.
            let drops = case["error"]
                .as_str()
                .is_some_and(|error| error.contains("document separator"));
            let is_alike = case["failed"] == has_failed
                && (ours.len() == theirs.len() || drops && ours.len() == theirs.len() + 1)
                && ours.iter().zip(theirs).all(|(a, b)| is_same(a, b));
            if !is_alike {
                out.push(format!(
                    "{text:?}\n  ours {has_failed} {ours:?}\n  theirs {} {theirs:?} {}",
                    case["failed"], case["error"]
                ));
            }
        }
        out
    }

    #[test]
    fn every_text_means_what_it_means_to_kubectl() {
        let differing = differing(KUBECTL);
        assert!(differing.is_empty(), "{}", differing.join("\n"));
    }

    /// `ERPC_KUBECTL` names a file of more such lines.
    #[test]
    #[ignore = "needs lines that tests/cluster/decode made"]
    fn more_texts_mean_what_they_mean_to_kubectl() {
        let path = std::env::var("ERPC_KUBECTL").expect("ERPC_KUBECTL");
        let lines = std::fs::read_to_string(path).expect("read");
        let differing = differing(&lines);
        let shown: Vec<&str> = differing.iter().take(4000).map(String::as_str).collect();
        assert!(
            differing.is_empty(),
            "{} differ\n{}",
            differing.len(),
            shown.join("\n")
        );
    }

    #[test]
    fn a_byte_order_mark_chooses_the_encoding() {
        let bytes = |units: &[u16], order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            units.iter().flat_map(|unit| order(*unit)).collect()
        };
        let units: Vec<u16> = "\u{feff}a: б\n".encode_utf16().collect();
        for bytes in [
            bytes(&units, u16::to_le_bytes),
            bytes(&units, u16::to_be_bytes),
            "\u{feff}a: б\n".as_bytes().to_vec(),
        ] {
            assert_eq!(text(&bytes), "a: б\n");
        }
        assert_eq!(text(b"a: \xff\n"), "a: \u{fffd}\n");
    }
}
