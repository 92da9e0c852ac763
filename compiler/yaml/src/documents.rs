//! Cuts a file into documents as kubectl does (`k8s.io/apimachinery/pkg/util/yaml`, decoder.go).

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::{Broken, Node};

/// A document of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Document<'t> {
    /// Its text, with the marker before it.
    pub text: &'t str,
    /// Its place in the file, from 1.
    pub number: usize,
    /// The line on which it starts, from 1.
    pub line: usize,
    /// Whether it is an object of a stream of JSON.
    pub is_json: bool,
    /// Whether kubectl drops the first line, which is the `---` behind another document. A `---` at the start
    /// of a file is part of its document.
    pub(super) is_marked: bool,
}

impl<'t> Document<'t> {
    /// A text that is one document of YAML.
    #[must_use]
    pub const fn whole(text: &'t str) -> Self {
        Self {
            text,
            number: 1,
            line: 1,
            is_json: false,
            is_marked: false,
        }
    }

    /// The text that kubectl reads as YAML. An empty line stands for a marker that is dropped.
    pub(super) fn yaml(&self) -> &'t str {
        if self.is_marked {
            let marker = self.text.find('\n').unwrap_or(self.text.len());
            &self.text[marker..]
        } else {
            self.text
        }
    }
}

/// The documents of a text, and what stands in place of one that cannot be cut out.
#[must_use]
pub fn documents(text: &str) -> Vec<Result<Document<'_>, Broken>> {
    let mut cutter = Cutter {
        text,
        out: Vec::new(),
        number: 0,
        counted: (0, 1),
    };
    let mut start = 0;
    // Here kubectl skips what Unicode calls white space, and the decoder of JSON only what JSON calls so.
    if text.trim_start().starts_with('{') {
        start = cutter.json();
    }
    if start < text.len() {
        cutter.yaml(start);
    }
    cutter.out
}

/// White space between values of JSON.
const JSON_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
/// How many bytes kubectl has to find behind an object of JSON before it tries YAML.
const LEAST_YAML: usize = 4;

/// Reads one object of a stream of JSON.
pub(super) fn json(text: &str) -> Result<Node, Broken> {
    serde_json::from_str(&without_lone_surrogates(text)).map_err(|error| Broken {
        line: error.line(),
        message: "invalid JSON".to_owned(),
    })
}

/// The decoder of Go reads half of a surrogate pair (`\ud83d`) as U+FFFD; to serde_json it is an error.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| -> Option<u16> {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        let escape = at + found;
        at = match (unit(escape), unit(escape + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => escape + 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str(&text[copied..escape]);
                out.push_str("\\ufffd");
                copied = escape + 6;
                copied
            }
            // The escaped character is ASCII, or the text is not JSON.
            _ => (escape + 2).min(text.len()),
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

struct Cutter<'t> {
    text: &'t str,
    out: Vec<Result<Document<'t>, Broken>>,
    number: usize,
    /// A place in the text and its line, from which lines are counted on.
    counted: (usize, usize),
}

impl<'t> Cutter<'t> {
    fn line_at(&mut self, at: usize) -> usize {
        let (from, line) = self.counted;
        let between = self.text.get(from..at).unwrap_or_default();
        let line = line + memchr::memchr_iter(b'\n', between.as_bytes()).count();
        self.counted = (at, line);
        line
    }

    fn push(&mut self, from: usize, to: usize, is_json: bool, is_marked: bool) {
        self.number += 1;
        let line = self.line_at(from);
        self.out.push(Ok(Document {
            text: &self.text[from..to],
            number: self.number,
            line,
            is_json,
            is_marked,
        }));
    }

    /// Reads objects of JSON for as long as there are some; gives where YAML starts. Behind two
    /// objects there is no way back to YAML.
    fn json(&mut self) -> usize {
        let (mut at, mut found) = (0, 0);
        loop {
            let rest = &self.text[at..];
            let start = at + (rest.len() - rest.trim_start_matches(JSON_SPACE).len());
            if start == self.text.len() {
                return start;
            }
            let mut stream =
                serde_json::Deserializer::from_str(&self.text[start..]).into_iter::<IgnoredAny>();
            match stream.next() {
                Some(Ok(IgnoredAny)) => {
                    let end = start + stream.byte_offset();
                    self.push(start, end, true, false);
                    found += 1;
                    at = end;
                }
                Some(Err(error)) if found > 1 => {
                    let line = error.line().saturating_sub(1);
                    return self.no_yaml(start, line, "a stream of JSON cannot continue as YAML");
                }
                Some(Err(_)) | None => match self.behind_line(at) {
                    Some(yaml) => return yaml,
                    None => {
                        return self.no_yaml(start, 0, "too short for kubectl to continue as YAML");
                    }
                },
            }
        }
    }

    fn no_yaml(&mut self, start: usize, lines: usize, why: &str) -> usize {
        let line = self.line_at(start) + lines;
        self.out.push(Err(Broken {
            line,
            message: format!("invalid JSON behind the objects before it: {why}"),
        }));
        self.text.len()
    }

    /// Behind the spaces at a place, up to the end of its line: where kubectl goes on to read YAML, if it does.
    /// For each character it looks at four bytes.
    fn behind_line(&self, start: usize) -> Option<usize> {
        let mut at = start;
        for character in self.text[start..].chars() {
            if self.text.len() - at < LEAST_YAML || character == char::REPLACEMENT_CHARACTER {
                return None;
            }
            if !character.is_whitespace() {
                return Some(at);
            }
            at += character.len_utf8();
            if character == '\n' {
                return Some(at);
            }
        }
        None
    }

    fn yaml(&mut self, start: usize) {
        let (mut from, mut at) = (start, start);
        // Whether the line at `from` is a marker that kubectl drops.
        let mut is_marked = false;
        let text = self.text;
        for line in text[start..].split_inclusive('\n') {
            if let Some(rest) = line.strip_prefix("---") {
                let body = if is_marked {
                    from + line_length(text, from)
                } else {
                    from
                };
                self.document(from, at, is_marked);
                let rest = rest.trim();
                if rest.is_empty() || rest.starts_with('#') {
                    is_marked = body < at;
                    from = at;
                } else {
                    let line = self.line_at(at);
                    self.out.push(Err(Broken {
                        line,
                        message: "kubectl takes only a comment on the line of `---`: start the document on the next line".to_owned(),
                    }));
                    // kubectl stops here; what follows is read so that it hides nothing.
                    is_marked = false;
                    from = at + line_length(text, at);
                }
            }
            at += line.len();
        }
        self.document(from.min(text.len()), text.len(), is_marked);
    }

    fn document(&mut self, from: usize, to: usize, is_marked: bool) {
        let text = self.text.get(from..to).unwrap_or_default();
        let has_content = text.split('\n').enumerate().any(|(number, line)| {
            if number == 0 && is_marked {
                return false;
            }
            let line = line.strip_prefix("---").unwrap_or(line);
            let line = line.trim_matches([' ', '\r']);
            // A carriage return ends a comment.
            let is_comment = line.starts_with('#') && line.is_ascii() && !line.contains('\r');
            !line.is_empty() && !is_comment
        });
        if has_content {
            self.push(from, to, false, is_marked);
        }
    }
}

fn line_length(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    rest.find('\n').map_or(rest.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::documents;

    fn cut(text: &str) -> Vec<(usize, usize)> {
        let documents = documents(text).into_iter().flatten();
        documents.map(|one| (one.number, one.line)).collect()
    }

    #[test]
    fn documents_end_at_markers_and_empty_ones_do_not_count() {
        let text = "# head\n---\n---\na: 1\n--- # two\n# only a comment\n---\nb: |\n  ---\n";
        assert_eq!(cut(text), [(1, 3), (2, 7)]);
    }

    #[test]
    fn a_document_on_the_line_of_its_marker_is_refused_as_by_kubectl() {
        let found = documents("a: 1\n--- {b: 1}\n---\nc: 1\n");
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[1].as_ref().map(|_| ()).map_err(|broken| broken.line),
            Err(2)
        );
    }

    #[test]
    fn objects_of_a_stream_of_json_are_documents() {
        assert_eq!(
            cut("{\"a\": 1}\n\n{\"b\": 2}{\"c\": 3}"),
            [(1, 1), (2, 3), (3, 3)]
        );
        // One object of JSON may be followed by YAML, or be a flow mapping of YAML.
        assert_eq!(cut("{\"a\": 1}\n---\nb: 2\n"), [(1, 1), (2, 2)]);
        assert_eq!(cut("{a: 1}\n---\nb: 2\n"), [(1, 1), (2, 2)]);
    }
}
