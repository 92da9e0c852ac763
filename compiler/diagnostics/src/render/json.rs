//! Findings for tools: one JSON object, whose shape is stable within its `version`.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Diagnostic, Diagnostics, Severity, Sources, Span};

#[derive(Serialize)]
struct Document<'a, M: Serialize> {
    version: u32,
    diagnostics: Vec<Finding<'a>>,
    summary: Summary,
    #[serde(flatten)]
    more: Option<&'a M>,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    help: Vec<Cow<'a, str>>,
    labels: Vec<Location<'a>>,
    fixes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Location<'a> {
    file: &'a str,
    message: &'a str,
    primary: bool,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Change<'a> {
    title: &'a str,
    edits: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
struct Replacement<'a> {
    file: &'a str,
    start: Position,
    end: Position,
    text: &'a str,
}

/// Line and column from 1, the column in characters; the offset in bytes from 0.
#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
    offset: u32,
}

/// The findings as one JSON object with a line break at its end.
#[must_use]
pub fn render_json(diagnostics: &Diagnostics, sources: &Sources) -> String {
    render::<()>(diagnostics, sources, None)
}

/// The same object with the fields of `more`, which a command found out beside the findings.
#[must_use]
pub fn render_json_with<M: Serialize>(
    diagnostics: &Diagnostics,
    sources: &Sources,
    more: &M,
) -> String {
    render(diagnostics, sources, Some(more))
}

fn render<M: Serialize>(diagnostics: &Diagnostics, sources: &Sources, more: Option<&M>) -> String {
    let report = Document {
        version: 1,
        diagnostics: diagnostics
            .as_slice()
            .iter()
            .map(|d| finding(d, sources))
            .collect(),
        summary: Summary {
            errors: diagnostics.count(Severity::Error),
            warnings: diagnostics.count(Severity::Warning),
        },
        more,
    };
    // Strings, numbers and lists of them always serialise.
    let mut out = serde_json::to_string_pretty(&report).unwrap_or_default();
    out.push('\n');
    out
}

fn finding<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Finding<'a> {
    let labels = diagnostic.labels.iter().filter_map(|label| {
        let (file, start, end) = place(label.span, sources)?;
        Some(Location {
            file,
            message: &label.message,
            primary: label.primary,
            start,
            end,
        })
    });
    let fixes = diagnostic.fixes.iter().map(|fix| Change {
        title: &fix.title,
        edits: fix
            .edits
            .iter()
            .filter_map(|edit| {
                let (file, start, end) = place(edit.span, sources)?;
                Some(Replacement {
                    file,
                    start,
                    end,
                    text: &edit.text,
                })
            })
            .collect(),
    });
    Finding {
        code: diagnostic.code.id,
        severity: match diagnostic.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        message: &diagnostic.message,
        help: diagnostic.help_lines().collect(),
        labels: labels.collect(),
        fixes: fixes.collect(),
    }
}

fn place(span: Span, sources: &Sources) -> Option<(&str, Position, Position)> {
    let source = sources.get(span.file)?;
    let position = |offset| {
        let at = source.line_column(offset);
        Position {
            line: at.line,
            column: at.column,
            offset,
        }
    };
    Some((
        source.path.as_str(),
        position(span.start),
        position(span.end),
    ))
}
