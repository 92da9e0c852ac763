//! Findings for people. The line with the code is ours; the picture of the source is miette's, one
//! for each file that is involved, the file of the primary place first.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteSpanContents, ThemeCharacters,
    ThemeStyles,
};

use crate::{Diagnostic, Diagnostics, FileId, Label, Severity, Sources, Span};

/// What the place that shows the text can do.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether colours are shown.
    pub color: bool,
    /// Whether a place is a link to its file (the terminal's escape sequence OSC 8).
    pub links: bool,
    /// Whether a file has the name that opens it from the working folder; else that which it
    /// has in its program.
    pub from_here: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Style {
    /// For files that are read anywhere: no colours, 80 columns.
    pub const PLAIN: Self = Self {
        color: false,
        links: false,
        from_here: false,
        width: 80,
    };
}

/// How many warnings of one code are shown in full; of more, as many places.
const MAX_ALIKE: usize = 3;

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
    let texts = texts(diagnostics, sources);
    let units = units(diagnostics);
    for unit in units.iter().take(max) {
        match unit.as_slice() {
            [diagnostic] => one(diagnostic, (sources, &texts), style, &mut out),
            many => several(many, sources, style, &mut out),
        }
        out.push('\n');
    }
    let cut = units.len().saturating_sub(max);
    if cut > 0 {
        let _ = writeln!(out, "… and {cut} more\n");
    }
    if let Some(summary) = super::summary(diagnostics) {
        out.push_str(&summary);
        out.push('\n');
    }
    out
}

/// The sources that are shown otherwise than they are, with what findings hide in them.
type Texts = BTreeMap<FileId, Arc<str>>;

/// The texts of files in which a finding hides something: an asterisk for each of its bytes, so that
/// every place stays where it is.
fn texts(diagnostics: &Diagnostics, sources: &Sources) -> Texts {
    let mut spans: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
    let hidden = diagnostics.as_slice().iter().flat_map(|one| &one.hidden);
    for span in hidden.filter(|span| !span.is_none()) {
        spans.entry(span.file).or_default().push(*span);
    }
    let masked = spans.into_iter().filter_map(|(file, spans)| {
        let mut text = sources.get(file)?.text.as_bytes().to_vec();
        for span in spans {
            let range = span.start as usize..(span.end as usize).min(text.len());
            for byte in text.get_mut(range).into_iter().flatten() {
                if !matches!(byte, b'\n' | b'\r' | b'"' | b',' | b' ') {
                    *byte = b'*';
                }
            }
        }
        // Whole characters are replaced, byte by byte. A file that is left out here would be shown as it is.
        Some((file, String::from_utf8_lossy(&text).into_owned().into()))
    });
    masked.collect()
}

/// What is shown as one: an error is, and more than [`MAX_ALIKE`] warnings of a code are.
fn units(diagnostics: &Diagnostics) -> Vec<Vec<&Diagnostic>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in diagnostics.as_slice() {
        *counts.entry(diagnostic.code.id).or_default() += 1;
    }
    let mut units: Vec<Vec<&Diagnostic>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in diagnostics.as_slice() {
        let id = diagnostic.code.id;
        let is_alone =
            diagnostic.severity() == Severity::Error || counts.get(id) <= Some(&MAX_ALIKE);
        match places.get(id) {
            Some(at) if !is_alone => units[*at].push(diagnostic),
            _ => {
                places.insert(id, units.len());
                units.push(vec![diagnostic]);
            }
        }
    }
    units
}

/// Warnings of one code: how many there are, and the places of the first.
fn several(diagnostics: &[&Diagnostic], sources: &Sources, style: Style, out: &mut String) {
    let Some(first) = diagnostics.first() else {
        return;
    };
    let title = format!("{} ({} times)", first.code.title, diagnostics.len());
    head(first, &title, style, out);
    for diagnostic in diagnostics.iter().take(MAX_ALIKE) {
        let place = sources.get(diagnostic.span().file).map(|source| {
            let path = match style.from_here {
                true => source.path_from_here(),
                false => &source.path,
            };
            let at = source.line_column(diagnostic.span().start);
            format!("{path}:{}:{}: ", at.line, at.column)
        });
        let line = format!("   at {}{}", place.unwrap_or_default(), diagnostic.message);
        out.extend([wrap(&line, style.width, 6).as_str(), "\n"]);
    }
    let more = diagnostics.len() - MAX_ALIKE.min(diagnostics.len());
    let line = format!("   … and {more} more: `--format json` lists all of them");
    out.extend([wrap(&line, style.width, 6).as_str(), "\n"]);
    for help in &first.help {
        // What differs between them is about the first.
        if diagnostics.iter().all(|one| one.help.contains(help)) {
            let help = wrap(&format!("   help: {help}"), style.width, 9);
            out.extend([help.as_str(), "\n"]);
        }
    }
    let help = format!("   help: `erpc explain {}` says what to do", first.code.id);
    out.extend([help.as_str(), "\n"]);
}

fn one(
    diagnostic: &Diagnostic,
    (sources, texts): (&Sources, &Texts),
    style: Style,
    out: &mut String,
) {
    head(diagnostic, &diagnostic.message, style, out);
    for (file, labels) in by_file(diagnostic) {
        picture(file, &labels, (sources, texts), style, out);
    }
    for help in diagnostic.help_lines() {
        let help = wrap(&format!("   help: {help}"), style.width, 9);
        out.extend([help.as_str(), "\n"]);
    }
}

/// The line with the code.
fn head(diagnostic: &Diagnostic, message: &str, style: Style, out: &mut String) {
    let (word, color) = match diagnostic.severity() {
        Severity::Error => ("error", "\u{1b}[1;31m"),
        Severity::Warning => ("warning", "\u{1b}[1;33m"),
        Severity::Note => ("note", "\u{1b}[1;36m"),
    };
    let head = format!("{word}[{}]", diagnostic.code.id);
    let message = wrap(&format!("{head}: {message}"), style.width, 3);
    if style.color {
        let message = &message[head.len()..];
        out.extend([color, &head, "\u{1b}[0m\u{1b}[1m", message, "\u{1b}[0m\n"]);
    } else {
        out.extend([message.as_str(), "\n"]);
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

fn picture(
    file: FileId,
    labels: &[&Label],
    (sources, texts): (&Sources, &Texts),
    style: Style,
    out: &mut String,
) {
    let Some(source) = sources.get(file) else {
        return;
    };
    let path = match style.from_here {
        true => source.path_from_here(),
        false => &source.path,
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
                "   at {path}:{}:{}: {}",
                place.line, place.column, label.message
            );
        }
        return;
    }
    let picture = Picture {
        labels: spans,
        source: WholeLines {
            path: path.to_owned(),
            text: Arc::clone(texts.get(&file).unwrap_or(&source.text)),
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
        let shown = format!("{path}:{}:{}", place.line, place.column);
        match &source.located.url {
            // <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda>
            Some(url) if style.links => format!("\u{1b}]8;;{url}\u{1b}\\{shown}\u{1b}]8;;\u{1b}\\"),
            _ => shown,
        }
    });
    join(lines, &place.unwrap_or_default(), out);
}

const TOP: &str = "╭─";

/// Puts the pictures that miette draws of distant lines under one heading, in one column.
fn join<'l>(lines: impl Iterator<Item = &'l str>, place: &str, out: &mut String) {
    let lines: Vec<(usize, char, &str)> = lines
        .map(str::trim_end)
        .filter_map(|line| gutter(line).map(|(column, sign)| (column, sign, line)))
        .collect();
    let gutter = lines.iter().map(|(column, ..)| *column).max().unwrap_or(0);
    let last = lines.len().saturating_sub(1);
    for (index, (own, sign, line)) in lines.into_iter().enumerate() {
        let indent = " ".repeat(gutter - own);
        let is_top = sign == '╭';
        if is_top && index == 0 {
            out.extend([" ".repeat(gutter).as_str(), TOP, "[", place, "]\n"]);
        } else if is_top {
            out.extend([" ".repeat(gutter).as_str(), "⋮\n"]);
        } else if sign != '╰' || index == last {
            out.extend([indent.as_str(), line, "\n"]);
        }
    }
}

/// The column of the line that miette draws beside a source, and the sign there; colours take no
/// column.
fn gutter(line: &str) -> Option<(usize, char)> {
    let mut column = 0;
    let mut is_escape = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => is_escape = true,
            'm' if is_escape => is_escape = false,
            _ if is_escape => {}
            '│' | '·' | '╭' | '╰' => return Some((column, c)),
            _ => column += 1,
        }
    }
    None
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

/// Text broken at spaces; the lines behind the first are indented. Its own spaces at the start stay.
fn wrap(text: &str, width: usize, indent: usize) -> String {
    let width = width.max(indent + 20);
    let start = text.len() - text.trim_start().len();
    let mut out = text[..start].to_owned();
    let mut used = start;
    for (index, word) in text[start..].split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && used + 1 + length > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        } else if index > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}
