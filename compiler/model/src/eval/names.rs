//! Names that are declared: what Kubernetes and the language allow.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::Ident;

use super::sink::Sink;

impl Sink<'_> {
    /// Checks a name that is being declared: a DNS label (RFC 1123 §2.1) of at most 63 characters
    /// that starts with a letter.
    pub(crate) fn check_name(&mut self, name: &Ident, what: &str) {
        let text = name.text.as_str();
        if RESERVED.contains(&text) {
            self.report(
                Diagnostic::new(
                    &codes::RESERVED_NAME,
                    format!("`{text}` cannot be the name of a {what}"),
                )
                .at(name.span, "a word of the language")
                .help(format!("{} mean something themselves", listed(RESERVED, 9))),
            );
        } else if text.len() > 63 {
            let shown: String = text.chars().take(24).collect();
            self.report(
                Diagnostic::new(
                    &codes::NAME_TOO_LONG,
                    format!(
                        "the {what} `{shown}…` has a name of {} characters; Kubernetes takes 63",
                        text.chars().count()
                    ),
                )
                .at(name.span, format!("{} characters", text.chars().count())),
            );
        } else if let Some((bad, at)) = first_bad_character(text) {
            let start = name.span.start + u32::try_from(at).unwrap_or(0);
            let end = start + u32::try_from(bad.len_utf8()).unwrap_or(1);
            let mut diagnostic = Diagnostic::new(
                &codes::BAD_NAME,
                format!("invalid {what} name `{text}`: {}", describe(bad, at, text)),
            )
            .at(Span::new(name.span.file, start, end), "this character")
            .help("a name has lower-case letters a to z, digits and `-`; it starts with a letter and does not end with `-`");
            let corrected = corrected(text);
            // Others call it by the name that it should have.
            self.broken_names.insert(corrected.as_str().into());
            if first_bad_character(&corrected).is_none() && !corrected.is_empty() {
                diagnostic = diagnostic.fix(format!("write `{corrected}`"), name.span, corrected);
            }
            self.report(diagnostic);
        }
    }
}

/// Names that the language keeps for itself.
const RESERVED: [&str; 7] = [
    "internet", "cluster", "tier", "self", "off", "true", "false",
];

/// The first character that makes a text no DNS label, with its offset.
fn first_bad_character(text: &str) -> Option<(char, usize)> {
    let last = text.len().checked_sub(1)?;
    text.char_indices()
        .find(|(at, c)| {
            !(c.is_ascii_lowercase()
                || (*at > 0 && (c.is_ascii_digit() || (*c == '-' && *at < last))))
        })
        .map(|(at, c)| (c, at))
}

fn describe(bad: char, at: usize, text: &str) -> String {
    if let Some((latin, alphabet)) = erpc_syntax::latin_twin(bad) {
        return format!(
            "the `{bad}` is {alphabet} U+{:04X}, not the Latin letter `{latin}`",
            u32::from(bad)
        );
    }
    if bad.is_ascii_uppercase() {
        return format!("`{bad}` is upper case");
    }
    if at == 0 {
        return format!("it starts with `{bad}`");
    }
    if bad == '-' && at + 1 == text.len() {
        return "it ends with `-`".to_owned();
    }
    format!("it has a `{bad}`")
}

/// The name that was probably meant.
fn corrected(text: &str) -> String {
    let mapped: String = text
        .chars()
        .map(|c| match erpc_syntax::latin_twin(c) {
            Some((latin, _)) => latin,
            None if c == '_' => '-',
            None => c.to_ascii_lowercase(),
        })
        .collect();
    mapped.trim_end_matches('-').to_owned()
}
