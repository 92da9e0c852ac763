//! Brackets that are missing or of the wrong kind on one line. What is missing over several lines is
//! found by the scanner, which knows where each block was probably meant to end.

use erpc_diagnostics::{Diagnostic, codes};

use super::{Normalizer, Open};

/// Words whose block spans lines: a bracket behind one of them is meant to be a brace.
const DECLARATIONS: [&str; 10] = [
    "service",
    "namespace",
    "platform",
    "external",
    "cluster",
    "job",
    "sidecar",
    "init",
    "component",
    "profile",
];

impl Normalizer<'_, '_> {
    pub(super) fn open_bracket(&mut self) {
        let rest = self.rest();
        let bracket = rest.as_bytes()[0];
        let is_last = rest[1..self.line_end() - self.at]
            .trim_start()
            .starts_with('#')
            || rest[1..self.line_end() - self.at].trim().is_empty();
        if ["{{ ", "{{-", "{{."]
            .iter()
            .any(|open| rest.starts_with(open))
        {
            self.template();
            return;
        }
        if bracket == b'{' && is_last {
            self.close_on_line();
        }
        if bracket == b'{' && self.before().trim().is_empty() && !self.is_in_parens() {
            self.join_to_head();
        }
        let head = self
            .before()
            .trim_start()
            .split(' ')
            .next()
            .unwrap_or_default();
        if bracket != b'{'
            && is_last
            && self.before().ends_with(' ')
            && DECLARATIONS.contains(&head)
        {
            let (open, at) = (char::from(bracket), self.at);
            let diagnostic = Diagnostic::new(
                &codes::STRAY_BRACKET,
                format!("expected `{{`, found `{open}`"),
            )
            .at(self.span(at, at + 1), "another bracket");
            self.normalize(diagnostic, "write `{`", &[(at, at + 1, "{")]);
            self.stack.push(Open::Bracket(b'{', at));
        } else {
            self.stack.push(Open::Bracket(bracket, self.at));
        }
        self.at += 1;
    }

    pub(super) fn close_bracket(&mut self) {
        let bracket = self.rest().as_bytes()[0];
        if let (b')', Some(Open::Bracket(b'(', open))) = (bracket, self.stack.last().copied()) {
            self.missing_argument(open);
        }
        match (bracket, self.stack.last()) {
            (b'}', Some(Open::Interpolation(_)))
            | (b')', Some(Open::Bracket(b'(', _)))
            | (b']', Some(Open::Bracket(b'[', _))) => {
                self.stack.pop();
            }
            (b'}', _) => {
                while let Some(Open::Bracket(open, _)) = self.stack.last().copied() {
                    self.stack.pop();
                    if open == b'{' {
                        break;
                    }
                }
            }
            (b')', _) => self.missing_parenthesis(),
            _ => {}
        }
        self.at += 1;
    }

    pub(super) fn is_in_parens(&self) -> bool {
        matches!(self.stack.last(), Some(Open::Bracket(b'(' | b'[', _)))
    }

    /// `{{ … }}`.
    fn template(&mut self) {
        let line = &self.text[self.at..self.line_end()];
        let Some(length) = line.find("}}").map(|at| at + 2) else {
            self.stack.push(Open::Bracket(b'{', self.at));
            self.at += 1;
            return;
        };
        let (start, end) = (self.at, self.at + length);
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "a template such as `{{ … }}` has no meaning here",
        )
        .at(self.span(start, end), "as Helm writes it")
        .help("a value is put into text with `${…}`: `\"shop/web:${platform.version}\"`");
        self.lose(diagnostic, start, end);
        self.at = end;
    }

    /// A parenthesis that was opened on this line, before the brace that opens a block at its end.
    fn close_on_line(&mut self) {
        let Some(Open::Bracket(open @ (b'(' | b'['), at)) = self.stack.last().copied() else {
            return;
        };
        if at < self.line {
            return;
        }
        let close = if open == b'(' { ")" } else { "]" };
        let end = self.line_start() + self.before().trim_end().len();
        let open = char::from(open);
        let diagnostic = Diagnostic::new(&codes::UNCLOSED_BRACKET, format!("unclosed `{open}`"))
            .at(self.span(at, at + 1), "opened here")
            .help(format!("add a `{close}` before the `{{`"));
        self.normalize(diagnostic, &format!("add `{close}`"), &[(end, end, close)]);
        self.stack.pop();
    }

    /// A set of ends that is open before the arrow of its flow.
    pub(super) fn close_set(&mut self) {
        let head = self
            .before()
            .trim_start()
            .split(' ')
            .next()
            .unwrap_or_default();
        let Some(Open::Bracket(b'{', at)) = self.stack.last().copied() else {
            return;
        };
        if at < self.line || !["allow", "never", "always"].contains(&head) {
            return;
        }
        let end = self.line_start() + self.before().trim_end().len();
        let diagnostic = Diagnostic::new(&codes::UNCLOSED_BRACKET, "unclosed `{`")
            .at(self.span(at, at + 1), "opened here")
            .help("add a `}` before the arrow: a set is written `{a, b}`");
        self.normalize(diagnostic, "add `}`", &[(end, end, "}")]);
        self.stack.pop();
    }

    /// `Name(key: )`: an argument without its value. The whole call is lost with it.
    fn missing_argument(&mut self, open: usize) {
        let before = self.before().trim_end();
        let Some(key) = before.strip_suffix(':').filter(|_| open >= self.line) else {
            return;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = key[key.trim_end_matches(is_name).len()..].to_owned();
        let at = self.line_start() + before.len();
        let diagnostic =
            Diagnostic::new(&codes::MISSING_VALUE, format!("missing value of `{name}`"))
                .at(self.span(at, at), "missing here");
        self.edits.retain(|(from, ..)| *from < open);
        self.lose(diagnostic, open, self.at + 1);
    }

    /// A `{` on a line of its own belongs to the statement above.
    fn join_to_head(&mut self) {
        let above = self.text[..self.line].trim_end();
        let line = above.rsplit('\n').next().unwrap_or_default();
        let head = line.trim_start().split(' ').next().unwrap_or_default();
        let is_head = head.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_open = line.contains(['{', '#'])
            || line.ends_with([',', '=', '>', '<', '+', '-', '*', '/', '(', '[', ';']);
        if !is_head || is_open {
            return;
        }
        let at = self.at;
        let diagnostic = Diagnostic::new(
            &codes::BROKEN_STATEMENT,
            "a block starts on the line of its statement",
        )
        .at(self.span(at, at + 1), "on a line of its own")
        .also(
            self.span(above.len() - line.trim_start().len(), above.len()),
            "its statement ends here",
        );
        self.normalize(
            diagnostic,
            "put the `{` on the line above",
            &[(above.len(), at, " ")],
        );
    }

    /// A `)` that nothing on its line opened, behind `Component name: value`.
    fn missing_parenthesis(&mut self) {
        let before = self.before();
        if before.contains('(') {
            return;
        }
        let Some(colon) = before.find(": ") else {
            return;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = before[..colon].trim_end_matches(is_name).len();
        let callee = before[..name].trim_end().len();
        if callee == name || !before[..callee].ends_with(is_name) {
            return;
        }
        let at = self.at;
        let (from, to) = (self.line_start() + callee, self.line_start() + name);
        let diagnostic = Diagnostic::new(&codes::STRAY_BRACKET, "this `)` closes nothing")
            .at(self.span(at, at + 1), "no `(` before it is open")
            .help(format!(
                "add a `(` behind `{}`",
                before[..callee].rsplit(' ').next().unwrap_or_default()
            ));
        self.normalize(diagnostic, "add `(`", &[(from, to, "(")]);
    }
}
