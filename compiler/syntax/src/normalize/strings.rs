//! Texts whose quotes are missing, typographic, or those of another language.

use erpc_diagnostics::{Diagnostic, codes};

use super::{MAX_LOOK, Normalizer, Open, characters};

impl Normalizer<'_, '_> {
    pub(super) fn in_line_string(&mut self) {
        let rest = self.rest().as_bytes();
        let skipped = rest
            .iter()
            .position(|b| matches!(b, b'"' | b'\n' | b'\\' | b'$'));
        self.at += skipped.unwrap_or(rest.len());
        let rest = self.rest();
        match rest.as_bytes() {
            [b'"', ..] => {
                if let Some(Open::Line(start)) = self.stack.pop() {
                    self.quotes.push((start, self.at));
                }
                self.at += 1;
            }
            [b'\n', ..] => self.end_of_line(),
            [b'\\', ..] => {
                let escaped = rest.chars().nth(1).filter(|c| *c != '\n');
                self.at += 1 + escaped.map_or(0, char::len_utf8);
            }
            [b'$', ..] => self.dollar_in_text(),
            _ => {}
        }
    }

    pub(super) fn in_block_string(&mut self) {
        let rest = self.rest().as_bytes();
        let skipped = rest.iter().position(|b| matches!(b, b'"' | b'\n' | b'$'));
        self.at += skipped.unwrap_or(rest.len());
        let rest = self.rest();
        match rest.as_bytes() {
            [b'"', b'"', b'"', ..] => {
                self.stack.pop();
                self.at += 3;
            }
            [b'"', ..] => self.at += 1,
            // A text of one line has no room for one of several lines.
            [b'\n', ..] if self.outer_line_string().is_some() => {
                self.stack.pop();
                self.end_of_line();
            }
            [b'\n', ..] => {
                self.at += 1;
                self.line = self.at;
                self.quotes.clear();
            }
            [b'$', ..] => self.dollar_in_text(),
            _ => {}
        }
    }

    fn dollar_in_text(&mut self) {
        let rest = self.rest();
        if rest.starts_with("$${") {
            self.at += 3;
        } else if rest.starts_with("${") {
            self.stack.push(Open::Interpolation(self.at));
            self.at += 2;
        } else {
            self.at += 1;
        }
    }

    /// The line ends: whatever text is open on it lacks something.
    pub(super) fn end_strings(&mut self) {
        // What is open above a text of one line belongs to it.
        let Some(outer) = self.outer_line_string() else {
            return;
        };
        let dollars = self.stack[outer..]
            .iter()
            .rev()
            .filter_map(|open| match open {
                Open::Interpolation(dollar) => Some(*dollar),
                Open::Line(_) | Open::Block(_) | Open::Bracket(..) => None,
            });
        let dollar = dollars.clone().next();
        match (self.stack.last().copied(), dollar) {
            (Some(Open::Line(start)), dollar) => {
                let is_empty = self.text[start + 1..self.at]
                    .trim_matches([' ', '\t', '\r', ')', ']', '{', '}'])
                    .is_empty();
                match dollar.filter(|_| is_empty) {
                    Some(dollar) => self.open_interpolation(dollar, start, "}"),
                    None => self.missing_quote(start),
                }
            }
            (_, Some(dollar)) => {
                let end = self.value_end(dollar, dollar + 2);
                self.open_interpolation(dollar, end, "}\"");
            }
            (_, None) => {}
        }
    }

    /// A `${` without its `}`, which is put in at `at`.
    fn open_interpolation(&mut self, dollar: usize, at: usize, new: &str) {
        let is_it = |open: &Open| *open == Open::Interpolation(dollar);
        if let Some(depth) = self.stack.iter().rposition(is_it) {
            self.stack.truncate(depth);
        }
        self.go_back(at);
        let diagnostic = Diagnostic::new(&codes::UNCLOSED_BRACKET, "unclosed `${`")
            .at(self.span(dollar, dollar + 2), "opened here")
            .help("add a `}` behind the value; a literal `${` is written `$${`");
        self.normalize(diagnostic, &format!("add `{new}`"), &[(at, at, new)]);
        if new.len() > 1 {
            // The text around it is closed with it.
            self.stack.pop();
        }
    }

    /// Where the value of a line ends that is opened at `start`, begins at `behind`, and is not closed: before the brackets
    /// that close what was opened before it, and before the brace that opens a block.
    fn value_end(&self, start: usize, behind: usize) -> usize {
        let before = &self.text[self.line..start];
        let end = self.line_end();
        let content = self.text.get(behind..end).unwrap_or_default().trim_end();
        let mut kept = content;
        if let Some(rest) = kept.strip_suffix('{') {
            kept = rest.trim_end();
        }
        for (open, close) in [('(', ')'), ('[', ']'), ('{', '}'), ('(', ')')] {
            let is_open = before.matches(open).count() > before.matches(close).count();
            if let Some(rest) = kept.strip_suffix(close).filter(|_| is_open) {
                kept = rest.trim_end();
            }
        }
        let kept = if kept.is_empty() { content } else { kept };
        behind + kept.len()
    }

    /// A text that its line does not close: the quote may be missing at its end, at the end of a
    /// text before it, or at its start.
    fn missing_quote(&mut self, start: usize) {
        let content = &self.text[start + 1..self.at];
        self.stack.pop();
        if let Some((at, c)) = content
            .char_indices()
            .rev()
            .find(|(_, c)| characters::is_typographic_quote(*c))
        {
            let at = start + 1 + at;
            let diagnostic = typographic(c).at(
                self.span(at, at + c.len_utf8()),
                format!("U+{:04X}", u32::from(c)),
            );
            self.normalize(diagnostic, "write `\"`", &[(at, at + c.len_utf8(), "\"")]);
            self.quotes.push((start, at));
            self.at = at + c.len_utf8();
        } else if let Some((before, end)) = self.closed_by_a_word() {
            let kept = self.text[before + 1..end]
                .trim_end_matches([' ', ','])
                .len();
            self.go_back(before);
            self.unclosed(before, before + 1 + kept);
            self.at = before + 1 + kept;
        } else if let Some(value) = self.value_start(start) {
            self.edits.retain(|(from, ..)| *from < value);
            let diagnostic =
                Diagnostic::new(&codes::UNCLOSED_STRING, "this text has no opening quote")
                    .at(self.span(start, start + 1), "closed here")
                    .help(format!(
                        "add a `\"` before `{}`",
                        self.text[value..start].trim()
                    ));
            self.normalize(diagnostic, "add `\"`", &[(value, value, "\"")]);
            self.at = start + 1;
        } else {
            let end = self.value_end(start, start + 1);
            self.go_back(end);
            self.unclosed(start, end);
        }
    }

    fn unclosed(&mut self, start: usize, end: usize) {
        let diagnostic = Diagnostic::new(&codes::UNCLOSED_STRING, "unterminated string")
            .at(self.span(start, start + 1), "opened here")
            .help("a string ends on its line; write several lines between `\"\"\"` and `\"\"\"`");
        self.normalize(diagnostic, "add `\"`", &[(end, end, "\"")]);
    }

    /// Reads on from a place before the current one, as if nothing behind it had been seen.
    fn go_back(&mut self, at: usize) {
        while self.stack.last().is_some_and(|open| open.at() >= at) {
            self.stack.pop();
        }
        self.edits.retain(|(from, ..)| *from < at);
        self.quotes.retain(|(start, _)| *start < at);
        self.at = at;
        if at < self.line {
            self.line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        }
    }

    /// A text of this line that ends right before a word: its own closing quote is missing, and it
    /// took the opening one of the next.
    fn closed_by_a_word(&self) -> Option<(usize, usize)> {
        let is_word = |end: usize| {
            // The quote itself may be a typographic one, of several bytes.
            let behind = self.text[end..].chars().nth(1);
            behind.is_some_and(|c| c.is_alphanumeric() || c == '/')
        };
        // A long line is read once.
        let is_short = self.at - self.line < MAX_LOOK;
        let found = self
            .quotes
            .iter()
            .find(|(_, end)| is_short && is_word(*end));
        found.copied().filter(|(start, end)| {
            !self.text[start + 1..*end]
                .trim_matches([' ', ','])
                .is_empty()
        })
    }

    /// Where the value starts whose closing quote stands at `quote`, if it is one: a quote right
    /// behind a word closes.
    fn value_start(&self, quote: usize) -> Option<usize> {
        let before = &self.text[self.line..quote];
        let closes =
            before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '!' | '?'));
        let is_last = self.text[quote + 1..self.at]
            .trim_matches([' ', '\t', '\r', '{', '}', ')', ','])
            .is_empty();
        if !closes || !is_last {
            return None;
        }
        let behind_sign = ["= ", ", ", "(", ": ", "[", "{ "]
            .iter()
            .filter_map(|sign| before.rfind(sign).map(|at| at + sign.len()))
            .max();
        let behind_head = || {
            let indent = before.len() - before.trim_start().len();
            let head = before[indent..].find([' ', '\t'])?;
            let gap = before[indent + head..].len() - before[indent + head..].trim_start().len();
            Some(indent + head + gap)
        };
        behind_sign
            .or_else(behind_head)
            .map(|at| self.line + at)
            .filter(|at| *at < quote)
    }

    /// A quote as web pages write it, with the one that closes it.
    pub(super) fn typographic_quote(&mut self, c: char) {
        let (start, behind) = (self.at, self.at + c.len_utf8());
        let line = &self.text[behind..self.line_end()];
        let diagnostic =
            typographic(c).at(self.span(start, behind), format!("U+{:04X}", u32::from(c)));
        let close = line
            .char_indices()
            .find(|(_, c)| *c == '"' || characters::is_typographic_quote(*c));
        match close {
            Some((at, close)) => {
                let (from, to) = (behind + at, behind + at + close.len_utf8());
                self.normalize(
                    diagnostic,
                    "write `\"`",
                    &[(start, behind, "\""), (from, to, "\"")],
                );
                self.at = to;
            }
            None => {
                let end = self.value_end(start, behind);
                self.normalize(
                    diagnostic,
                    "write `\"`",
                    &[(start, behind, "\""), (end, end, "\"")],
                );
                self.at = end;
            }
        }
    }

    /// A quote of another language, with the one that closes it; `false` where none does.
    pub(super) fn other_quote(
        &mut self,
        open: &str,
        close: &str,
        code: &'static erpc_diagnostics::Code,
        message: String,
    ) -> bool {
        let (start, behind) = (self.at, self.at + open.len());
        let line = &self.text[behind..self.line_end()];
        let Some(at) = line.find(close) else {
            return false;
        };
        let (from, to) = (behind + at, behind + at + close.len());
        let diagnostic = Diagnostic::new(code, message)
            .at(self.span(start, behind), "not a quote of the language");
        self.normalize(
            diagnostic,
            "write `\"`",
            &[(start, behind, "\""), (from, to, "\"")],
        );
        self.at = to;
        true
    }
}

fn typographic(quote: char) -> Diagnostic {
    Diagnostic::new(
        &codes::STRAY_CHARACTER,
        format!("`{quote}` is a typographic quote; text is written between two `\"`"),
    )
}
