//! Expands the written form of a statement: of `storage NAME [default] [of SIZE]` one of the statements that it
//! stands for.

/// What a form leaves open.
pub(super) trait Open {
    /// Whether an optional part is there, or a list goes on.
    fn is_there(&mut self) -> bool;
    /// Which of several parts is chosen.
    fn one_of(&mut self, parts: usize) -> usize;
    /// The text of a placeholder: a word in capitals, or what stands in quotes, with its quotes.
    fn value(&mut self, placeholder: &str) -> String;
}

/// One statement of a form.
pub(super) fn expand(form: &str, open: &mut dyn Open) -> String {
    let ways: Vec<&str> = top_level(form, " | ");
    let way = ways[open.one_of(ways.len())];
    let mut text = String::new();
    sequence(way, open, &mut text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(" ,", ",")
}

/// The parts of a form between separators that stand in no brackets.
fn top_level<'f>(form: &'f str, separator: &str) -> Vec<&'f str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in form.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && form[at..].starts_with(separator) && at >= start => {
                parts.push(&form[start..at]);
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&form[start..]);
    parts
}

fn sequence(form: &str, open: &mut dyn Open, text: &mut String) {
    let mut rest = form;
    // What `, …` repeats: the form of the part before it.
    let mut part_start = 0;
    while let Some(first) = rest.chars().next() {
        let at = form.len() - rest.len();
        let length = match first {
            '[' => {
                let end = closing(rest);
                if open.is_there() {
                    sequence(&rest[1..end], open, text);
                }
                end + 1
            }
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                text.push_str(&open.value(&rest[..end]));
                end
            }
            ',' if rest.starts_with(", …") => {
                let part = form[part_start..at].trim_start();
                while open.is_there() {
                    text.push_str(", ");
                    sequence(part, open, text);
                }
                ", …".len()
            }
            c if is_of_word(c) => {
                let end = rest
                    .find(|c| !is_of_word(c) && c != '|')
                    .unwrap_or(rest.len());
                let ways: Vec<&str> = rest[..end].split('|').collect();
                let way = ways[open.one_of(ways.len())];
                let is_placeholder = way.chars().all(|c| !c.is_lowercase());
                if is_placeholder && way.chars().any(char::is_uppercase) {
                    text.push_str(&open.value(way));
                } else {
                    text.push_str(way);
                }
                end
            }
            c => {
                text.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
        // A list repeats what is behind the last separator; a `=` separates nothing.
        let is_separator = first == ' ' && !rest.starts_with('=') && !form[..at].ends_with('=');
        if is_separator || (first == ',' && length == 1) {
            part_start = at + length;
        }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// Where the bracket at the start of a form is closed.
fn closing(form: &str) -> usize {
    let mut depth = 0;
    for (at, c) in form.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    form.len() - 1
}

#[cfg(test)]
mod tests {
    use super::{Open, expand};

    /// Takes all optional parts, each list twice, and the ways in turn.
    struct All(usize, bool);

    impl Open for All {
        fn is_there(&mut self) -> bool {
            self.1 = !self.1;
            self.1
        }

        fn one_of(&mut self, parts: usize) -> usize {
            self.0.min(parts - 1)
        }

        fn value(&mut self, placeholder: &str) -> String {
            format!("<{}>", placeholder.trim_matches('"'))
        }
    }

    #[test]
    fn forms_are_expanded() {
        for (form, way, expected) in [
            ("replicas N", 0, "replicas <N>"),
            ("spread by node|zone", 1, "spread by zone"),
            ("writable \"/path\", …", 0, "writable </path>, </path>"),
            ("cpu REQUEST..LIMIT", 0, "cpu <REQUEST>..<LIMIT>"),
            (
                "env NAME = VALUE | env NAME from secret S",
                1,
                "env <NAME> from secret <S>",
            ),
            ("run as UID[:GID]", 0, "run as <UID>:<GID>"),
            (
                "labels KEY = \"value\", …",
                0,
                "labels <KEY> = <value>, <KEY> = <value>",
            ),
        ] {
            assert_eq!(expand(form, &mut All(way, false)), expected, "{form}");
        }
    }
}
