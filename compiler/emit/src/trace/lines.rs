//! From the lines of a YAML text to the paths of the fields that they say.

use granit_parser::{Event, Parser, ScalarStyle};

use smol_str::SmolStr;

use crate::tree::PathSegment;

/// What a line belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The document, from 0.
    pub(crate) document: usize,
    /// The path of the deepest field that starts or goes on here.
    pub(crate) path: Vec<PathSegment>,
    /// Which line of a text over several lines this is, from 1; 0 where the field starts.
    pub(crate) of_text: usize,
}

/// An open collection.
enum Open {
    /// With the key whose value comes next, and its line.
    Map(Option<(SmolStr, usize)>),
    /// With the place of the next element.
    List(usize),
}

/// What each line of a text says, by its place from 0; `None` for comments and separators.
/// The text is YAML that the serialiser wrote.
pub(crate) fn lines_of(text: &str) -> Vec<Option<Line>> {
    let mut walk = Walk {
        lines: vec![None; text.lines().count()],
        open: Vec::new(),
        document: 0,
    };
    let mut documents = 0;
    for next in Parser::new_from_str(text) {
        let Ok((event, span)) = next else { break };
        let first = span.start.line().saturating_sub(1);
        match event {
            Event::DocumentStart(..) => {
                walk.document = documents;
                documents += 1;
            }
            Event::Scalar(value, style, ..) => {
                // A block text starts behind the line of its `|`.
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let first = first.saturating_sub(usize::from(is_block));
                // The end of a block text is the start of the line behind it.
                let ends_before = span.end.col() == 0 && span.end.line() > span.start.line();
                let last = span
                    .end
                    .line()
                    .saturating_sub(if ends_before { 2 } else { 1 });
                walk.scalar(&value, first, last.max(first));
            }
            Event::MappingStart(..) => walk.enter(Open::Map(None), first),
            Event::SequenceStart(..) => walk.enter(Open::List(0), first),
            Event::MappingEnd | Event::SequenceEnd => {
                walk.open.pop();
                walk.step();
            }
            _ => {}
        }
    }
    walk.lines
}

struct Walk {
    lines: Vec<Option<Line>>,
    open: Vec<Open>,
    document: usize,
}

impl Walk {
    fn path(&self) -> Vec<PathSegment> {
        self.open
            .iter()
            .filter_map(|open| match open {
                Open::Map(key) => key.clone().map(|(key, _)| PathSegment::Key(key)),
                Open::List(place) => Some(PathSegment::Item(*place)),
            })
            .collect()
    }

    fn mark(&mut self, line: usize, of_text: usize) {
        let path = self.path();
        let document = self.document;
        if let Some(slot) = self.lines.get_mut(line) {
            *slot = Some(Line {
                document,
                path,
                of_text,
            });
        }
    }

    fn enter(&mut self, open: Open, line: usize) {
        // An empty or nested collection of a list starts on a line that no key marks.
        if matches!(self.open.last(), Some(Open::List(_))) {
            self.mark(line, 0);
        }
        self.open.push(open);
    }

    fn scalar(&mut self, value: &str, first: usize, last: usize) {
        if let Some(Open::Map(key @ None)) = self.open.last_mut() {
            *key = Some((value.into(), first));
            self.mark(first, 0);
            return;
        }
        let first = match self.open.last() {
            Some(Open::Map(Some((_, line)))) => *line,
            _ => first,
        };
        if matches!(self.open.last(), Some(Open::List(_))) {
            self.mark(first, 0);
        }
        for line in first + 1..=last {
            self.mark(line, line - first);
        }
        self.step();
    }

    /// A value is complete: the next key or element follows.
    fn step(&mut self) {
        match self.open.last_mut() {
            Some(Open::Map(key)) => *key = None,
            Some(Open::List(place)) => *place += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PathSegment, lines_of};

    fn paths(text: &str) -> Vec<String> {
        let shown = |path: &[PathSegment]| {
            let steps = path.iter().map(|step| match step {
                PathSegment::Key(key) => key.to_string(),
                PathSegment::Item(place) => place.to_string(),
            });
            steps.collect::<Vec<_>>().join("/")
        };
        lines_of(text)
            .iter()
            .map(|line| match line {
                Some(line) => format!("{}:{}+{}", line.document, shown(&line.path), line.of_text),
                None => "-".to_owned(),
            })
            .collect()
    }

    #[test]
    fn each_line_has_the_path_of_its_deepest_field() {
        let text = "# head\na:\n- b: 1\n  c:\n  - x\n  - y\nd: {}\n---\ne: f\n";
        assert_eq!(
            paths(text),
            [
                "-",
                "0:a+0",
                "0:a/0/b+0",
                "0:a/0/c+0",
                "0:a/0/c/0+0",
                "0:a/0/c/1+0",
                "0:d+0",
                "-",
                "1:e+0"
            ]
        );
    }

    #[test]
    fn the_lines_of_a_text_are_counted() {
        let text = "data:\n  one: |\n    first\n\n    third\n  two: |-\n    only\nlast: 1\n";
        assert_eq!(
            paths(text),
            [
                "0:data+0",
                "0:data/one+0",
                "0:data/one+1",
                "0:data/one+2",
                "0:data/one+3",
                "0:data/two+0",
                "0:data/two+1",
                "0:last+0"
            ]
        );
    }
}
