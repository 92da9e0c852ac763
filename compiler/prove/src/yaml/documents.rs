//! Cuts a file into documents as kubectl does (`k8s.io/apimachinery/pkg/util/yaml`, decoder.go).

use serde::de::IgnoredAny;

use super::{Broken, Node};

/// A document of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'t> {
    pub(crate) text: &'t str,
    /// Its place in the file, from 1.
    pub(crate) number: usize,
    /// The line on which it starts, from 1.
    pub(crate) line: usize,
    /// Whether it is an object of a stream of JSON.
    pub(crate) is_json: bool,
}

/// The documents of a text, and what stands in place of one that cannot be cut out.
pub(crate) fn documents(text: &str) -> Vec<Result<Document<'_>, Broken>> {
    let mut cutter = Cutter {
        text,
        out: Vec::new(),
        number: 0,
        counted: (0, 1),
    };
    let mut start = 0;
    if text.trim_start().starts_with('{') {
        start = cutter.json();
    }
    if start < text.len() {
        cutter.yaml(start);
    }
    cutter.out
}

/// Reads one object of a stream of JSON.
pub(super) fn json(text: &str) -> Result<Node, Broken> {
    serde_json::from_str(text).map_err(|error| Broken {
        line: error.line(),
        message: "invalid JSON".to_owned(),
    })
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

    fn push(&mut self, from: usize, to: usize, is_json: bool) {
        self.number += 1;
        let line = self.line_at(from);
        self.out.push(Ok(Document {
            text: &self.text[from..to],
            number: self.number,
            line,
            is_json,
        }));
    }

    /// Reads objects of JSON for as long as there are some; gives where YAML starts. Behind two
    /// objects there is no way back to YAML.
    fn json(&mut self) -> usize {
        let (mut at, mut found) = (0, 0);
        loop {
            let rest = &self.text[at..];
            let start = at + (rest.len() - rest.trim_start().len());
            if start == self.text.len() {
                return start;
            }
            let mut stream =
                serde_json::Deserializer::from_str(&self.text[start..]).into_iter::<IgnoredAny>();
            match stream.next() {
                Some(Ok(IgnoredAny)) => {
                    let end = start + stream.byte_offset();
                    self.push(start, end, true);
                    found += 1;
                    at = end;
                }
                Some(Err(error)) if found > 1 => {
                    let line = self.line_at(start) + error.line().saturating_sub(1);
                    self.out.push(Err(Broken {
                        line,
                        message: "invalid JSON behind the objects before it: a stream of JSON cannot continue as YAML".to_owned(),
                    }));
                    return self.text.len();
                }
                Some(Err(_)) | None => return self.behind_line(at),
            }
        }
    }

    /// Behind the spaces at a place, up to the end of its line.
    fn behind_line(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let blank = rest.len() - rest.trim_start().len();
        match rest[..blank].find('\n') {
            Some(end) => at + end + 1,
            None => at + blank,
        }
    }

    fn yaml(&mut self, start: usize) {
        let (mut from, mut at) = (start, start);
        let text = self.text;
        for line in text[start..].split_inclusive('\n') {
            if let Some(rest) = line.strip_prefix("---") {
                self.document(from, at);
                let rest = rest.trim();
                if rest.is_empty() || rest.starts_with('#') {
                    from = at;
                } else {
                    let line = self.line_at(at);
                    self.out.push(Err(Broken {
                        line,
                        message: "kubectl takes only a comment on the line of `---`: start the document on the next line".to_owned(),
                    }));
                    // kubectl stops here; what follows is read so that it hides nothing.
                    from = at + line_length(text, at);
                }
            }
            at += line.len();
        }
        self.document(from.min(text.len()), text.len());
    }

    fn document(&mut self, from: usize, to: usize) {
        let text = self.text.get(from..to).unwrap_or_default();
        let has_content = text.lines().any(|line| {
            let line = line.strip_prefix("---").unwrap_or(line);
            let line = line.trim_matches([' ', '\r']);
            !line.is_empty() && (!line.starts_with('#') || !line.is_ascii())
        });
        if has_content {
            self.push(from, to, false);
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
