//! How findings are shown: to people in a terminal, to tools as JSON. This is the only place that
//! knows of terminals; it returns text and prints nothing.

mod github;
mod human;
mod json;
mod sarif;

pub use github::render_github;
pub use human::{Style, render_human};
pub use json::{render_json, render_json_with};
pub use sarif::render_sarif;

use crate::{Diagnostics, Severity};

/// `2 errors, 1 warning`; `None` where there is neither.
#[must_use]
pub fn summary(diagnostics: &Diagnostics) -> Option<String> {
    let counted = |severity, one: &str, many: &str| {
        let n = diagnostics.count(severity);
        (n > 0).then(|| format!("{n} {}", if n == 1 { one } else { many }))
    };
    let parts: Vec<String> = [
        counted(Severity::Error, "error", "errors"),
        counted(Severity::Warning, "warning", "warnings"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A path as a URL has it (RFC 3986, 3.3): letters of other scripts, spaces and signs are encoded.
#[must_use]
pub fn percent_encoded(path: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
