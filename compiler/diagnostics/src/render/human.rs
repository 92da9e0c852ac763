//! Findings for people. The line with the code is ours; the picture of the source is miette's, one
//! for each file that is involved, the file of the primary place first.

use std::fmt::Write;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteSpanContents, ThemeCharacters,
    ThemeStyles,
};

use crate::{Diagnostic, Diagnostics, FileId, Label, Severity, Sources};

/// What the place that shows the text can do.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether colours are shown.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Style {
    /// For files and pipes: no colours, 80 columns.
    pub const PLAIN: Self = Self {
        color: false,
        width: 80,
    };
}

/// The findings as text, at most `max` of them in full, with a line at the end that counts them
/// all; empty where there is none.
#[must_use]
pub fn render_human(
    diagnostics: &Diagnostics,
    sources: &Sources,
    style: Style,
    max: Option<usize>,
) -> String {
    let mut out = String::new();
    let max = max.unwrap_or(usize::MAX);
    for diagnostic in diagnostics.as_slice().iter().take(max) {
        one(diagnostic, sources, style, &mut out);
        out.push('\n');
    }
    let cut = diagnostics.as_slice().len().saturating_sub(max);
    if cut > 0 {
        let _ = writeln!(out, "… and {cut} more\n");
    }
    if let Some(summary) = super::summary(diagnostics) {
        out.push_str(&summary);
        out.push('\n');
    }
    out
}

fn one(diagnostic: &Diagnostic, sources: &Sources, style: Style, out: &mut String) {
    let (word, color) = match diagnostic.severity() {
        Severity::Error => ("error", "\u{1b}[1;31m"),
        Severity::Warning => ("warning", "\u{1b}[1;33m"),
        Severity::Note => ("note", "\u{1b}[1;36m"),
    };
    // Writing to a string cannot fail.
    let _ = if style.color {
        writeln!(
            out,
            "{color}{word}[{}]\u{1b}[0m\u{1b}[1m: {}\u{1b}[0m",
            diagnostic.code.id, diagnostic.message
        )
    } else {
        writeln!(
            out,
            "{word}[{}]: {}",
            diagnostic.code.id, diagnostic.message
        )
    };
    for (file, labels) in by_file(diagnostic) {
        picture(file, &labels, sources, style, out);
    }
    for help in &diagnostic.help {
        wrapped("   help: ", help, style.width, out);
    }
}

/// The labels by file, the primary one's file first, then in the order of mention.
fn by_file(diagnostic: &Diagnostic) -> Vec<(FileId, Vec<&Label>)> {
    let mut groups: Vec<(FileId, Vec<&Label>)> = Vec::new();
    let primary = diagnostic.labels.iter().filter(|l| l.primary);
    let others = diagnostic.labels.iter().filter(|l| !l.primary);
    for label in primary.chain(others).filter(|l| !l.span.is_none()) {
        match groups.iter_mut().find(|(file, _)| *file == label.span.file) {
            Some((_, labels)) => labels.push(label),
            None => groups.push((label.span.file, vec![label])),
        }
    }
    groups
}

/// What miette draws: labels in one file.
#[derive(Debug)]
struct Picture {
    labels: Vec<LabeledSpan>,
    source: WholeLines,
}

/// A source that shows whole lines: miette itself shows, without context, only what is labelled.
#[derive(Debug)]
struct WholeLines {
    path: String,
    text: Arc<str>,
}

impl miette::SourceCode for WholeLines {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        _before: usize,
        _after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let text = self.text.as_bytes();
        let is_newline = |b: &u8| *b == b'\n';
        if span.offset() + span.len() > text.len() {
            return Err(miette::MietteError::OutOfBounds);
        }
        let start = text[..span.offset()]
            .iter()
            .rposition(is_newline)
            .map_or(0, |at| at + 1);
        // A span that ends with its newline does not show the line behind it.
        let last = (span.offset() + span.len())
            .saturating_sub(1)
            .max(span.offset());
        let end = text[last..]
            .iter()
            .position(is_newline)
            .map_or(text.len(), |at| last + at);
        let line = text[..start].iter().filter(|b| is_newline(b)).count();
        let lines = text[start..end].iter().filter(|b| is_newline(b)).count() + 1;
        // With the line's break, so that something can be missing behind its last character.
        let end = (end + 1).min(text.len());
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            &text[start..end],
            (start, end - start).into(),
            line,
            0,
            lines,
        )))
    }
}

impl std::fmt::Display for Picture {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Picture {}

impl miette::Diagnostic for Picture {
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }
}

fn picture(file: FileId, labels: &[&Label], sources: &Sources, style: Style, out: &mut String) {
    let Some(source) = sources.get(file) else {
        return;
    };
    let spans = labels
        .iter()
        .map(|label| {
            let start = visible(&source.text, label.span.start as usize);
            let length = (label.span.end - label.span.start) as usize;
            let message = (!label.message.is_empty()).then(|| label.message.clone());
            if label.primary {
                LabeledSpan::new_primary_with_span(message, (start, length))
            } else {
                LabeledSpan::new_with_span(message, (start, length))
            }
        })
        .collect();
    if labels.iter().any(|label| is_long(&source.text, label)) {
        for label in labels {
            let place = source.line_column(label.span.start);
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "   at {}:{}:{}: {}",
                source.path, place.line, place.column, label.message
            );
        }
        return;
    }
    let picture = Picture {
        labels: spans,
        source: WholeLines {
            path: source.path.clone(),
            text: Arc::clone(&source.text),
        },
    };
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: if style.color {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_context_lines(0)
        .with_links(false);
    let mut drawn = String::new();
    if handler.render_report(&mut drawn, &picture).is_err() {
        // A place outside its file is a bug of the stage that made it; the message still stands.
        return;
    }
    // miette starts with a line for the message, which is ours.
    let lines = drawn.lines().skip_while(|line| !line.contains(TOP));
    let place = labels.first().map(|label| {
        let place = source.line_column(label.span.start);
        format!("{}:{}:{}", source.path, place.line, place.column)
    });
    join(lines, &place.unwrap_or_default(), out);
}

const TOP: &str = "╭─";
const BOTTOM: &str = "╰────";

/// Puts the pictures that miette draws of distant lines under one heading, in one column.
fn join<'l>(lines: impl Iterator<Item = &'l str>, place: &str, out: &mut String) {
    let lines: Vec<(usize, &str)> = lines
        .map(str::trim_end)
        .filter_map(|line| Some((line.chars().position(|c| "│·╭╰".contains(c))?, line)))
        .collect();
    let gutter = lines.iter().map(|(gutter, _)| *gutter).max().unwrap_or(0);
    let last = lines.len().saturating_sub(1);
    for (index, (own, line)) in lines.into_iter().enumerate() {
        let indent = " ".repeat(gutter - own);
        let is_top = line.contains(TOP) && line.trim_start().starts_with(TOP);
        if is_top && index == 0 {
            out.extend([" ".repeat(gutter).as_str(), TOP, "[", place, "]\n"]);
        } else if is_top {
            out.extend([" ".repeat(gutter).as_str(), "⋮\n"]);
        } else if line.trim_start() != BOTTOM || index == last {
            out.extend([indent.as_str(), line, "\n"]);
        }
    }
}

/// Whether a label stands on a line that no terminal shows: miette pads with its width.
fn is_long(text: &str, label: &Label) -> bool {
    const MAX_COLUMNS: usize = 400;
    let start = visible(text, label.span.start as usize);
    let end = (label.span.end as usize).max(start).min(text.len());
    let before = text.as_bytes()[..start].iter().rev();
    let after = text.as_bytes()[end..].iter();
    let is_break = |b: &&u8| **b != b'\n';
    before.take(MAX_COLUMNS).take_while(is_break).count()
        + after.take(MAX_COLUMNS).take_while(is_break).count()
        + (end - start)
        >= MAX_COLUMNS
}

/// The end of a text that ends with line breaks is shown behind its last line.
fn visible(text: &str, offset: usize) -> usize {
    if offset < text.len() {
        offset
    } else {
        text.trim_end_matches(['\n', '\r']).len()
    }
}

/// Text behind a heading, broken at spaces; the following lines stand under the first.
fn wrapped(heading: &str, text: &str, width: usize, out: &mut String) {
    let indent = heading.chars().count();
    let room = width.saturating_sub(indent).max(20);
    out.push_str(heading);
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
}
