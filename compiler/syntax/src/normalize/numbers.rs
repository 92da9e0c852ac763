//! Numbers as other places write them.

use erpc_diagnostics::{Diagnostic, codes};

use super::Normalizer;

impl Normalizer<'_, '_> {
    /// Whether digits alone stand before the current place, so that a comma is one of decimals.
    pub(super) fn ends_whole_number(&self) -> bool {
        let before = self.before();
        let front = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_whole = front.is_empty() || front.ends_with(char::is_whitespace);
        front.len() < before.len() && (is_whole || front.ends_with(".."))
    }

    /// `99,95%`, as most of Europe writes it.
    pub(super) fn decimal_comma(&mut self) {
        let end = self.at + 1;
        let digits = self.before().trim_end_matches(|c: char| c.is_ascii_digit());
        let start = self.line_start() + digits.len();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '%';
        let rest = &self.text[end..];
        let last = end + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let written = &self.text[start..last];
        let meant = written.replacen(',', ".", 1);
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            format!("the decimals of a number stand behind a point: `{meant}`"),
        )
        .at(self.span(start, last), "a decimal comma");
        self.normalize(
            diagnostic,
            &format!("write `{meant}`"),
            &[(self.at, end, ".")],
        );
        self.at = last;
    }

    /// `%70` for `70%`.
    pub(super) fn percent(&mut self) {
        let digits: &str = &self.rest()[1..];
        let digits = &digits[..digits
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(digits.len())];
        let message = "the `%` stands behind its number".to_owned();
        let end = self.at + 1 + digits.len();
        self.replace(
            &codes::STRAY_CHARACTER,
            message,
            "the other way round",
            end,
            &format!("{digits}%"),
        );
    }
}
