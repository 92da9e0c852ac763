//! Findings as workflow commands of GitHub Actions, which shows them at their lines in a pull request.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use std::fmt::Write;

use crate::{Diagnostics, Severity, Sources};

/// One command for each finding.
#[must_use]
pub fn render_github(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.as_slice() {
        let level = match diagnostic.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut text = diagnostic.message.clone();
        for help in diagnostic.help_lines() {
            text.push_str("\nhelp: ");
            text.push_str(&help);
        }
        let span = diagnostic.span();
        let place = sources.get(span.file).map_or_else(String::new, |source| {
            let (start, end) = (source.line_column(span.start), source.line_column(span.end));
            let mut place = format!(
                "file={},line={}",
                property(source.path_for_tools()),
                start.line
            );
            // GitHub draws columns only where the finding is on one line.
            if start.line == end.line {
                // Writing to a string cannot fail.
                let _ = write!(place, ",col={},endColumn={}", start.column, end.column);
            } else {
                let _ = write!(place, ",endLine={}", end.line);
            }
            place + ","
        });
        let title = format!("{} {}", diagnostic.code.id, diagnostic.code.title);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "::{level} {place}title={}::{}",
            property(&title),
            data(&text)
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
