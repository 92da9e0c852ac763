//! What is certainly meant: before the grammar sees a text, this pass over it finds characters that
//! stand for others, quotes and parentheses that are missing on their line, habits of other languages.
//! Each is reported once, with the edit that removes it, and the rest of the compiler reads the text as
//! if the edit had been made: one mistake never causes another message.

mod bare;
mod brackets;
mod characters;
mod numbers;
mod signs;
mod strings;

pub use characters::latin_twin;

use std::borrow::Cow;

use erpc_diagnostics::{Code, Diagnostic, Diagnostics, Edit, FileId, Span, codes};

/// How many places are normalized; what is behind them is read as it stands.
const MAX_EDITS: usize = 2_000;

/// How far a line is looked at around a place, so that a long one costs no more than a short one.
const MAX_LOOK: usize = 2_000;

/// A text with what was certainly meant in it.
pub(crate) struct Normalized<'t> {
    source: &'t str,
    pub(crate) text: Cow<'t, str>,
    replaced: Vec<Replaced>,
    /// Where something stands that was reported and has no meaning, in the normalized text.
    pub(crate) reported: Vec<usize>,
}

/// A stretch of the normalized text, and what stands in its place in the source.
struct Replaced {
    at: usize,
    length: usize,
    from: usize,
    to: usize,
}

/// Stands where something was reported that nothing can be made of. The grammar takes it for junk.
const LOST: &str = "\u{1}";

impl<'t> Normalized<'t> {
    /// A text as it stands.
    pub(crate) fn unchanged(text: &'t str) -> Self {
        Self {
            source: text,
            text: Cow::Borrowed(text),
            replaced: Vec::new(),
            reported: Vec::new(),
        }
    }

    pub(crate) fn is_unchanged(&self) -> bool {
        self.replaced.is_empty()
    }

    /// The offset in the source of an offset of the normalized text.
    pub(crate) fn original(&self, offset: usize) -> usize {
        let before = self.replaced.partition_point(|r| r.at < offset);
        let Some(last) = before.checked_sub(1).map(|n| &self.replaced[n]) else {
            return offset;
        };
        if offset >= last.at + last.length {
            offset - (last.at + last.length) + last.to
        } else {
            // A sign may stand in the place of one that has more bytes: none is cut in two.
            let mut at = last.from + (offset - last.at).min(last.to - last.from);
            while !self.source.is_char_boundary(at) {
                at += 1;
            }
            at
        }
    }

    /// The stretches of the source that are read as something else.
    pub(crate) fn spans(&self, file: FileId) -> Vec<Span> {
        let spans = self.replaced.iter();
        spans.map(|r| span(file, r.from, r.to)).collect()
    }
}

fn span(file: FileId, start: usize, end: usize) -> Span {
    // A text is at most 4 GiB: its reader refuses more than 16 MiB.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(file, offset(start), offset(end))
}

/// Reads a text; what is certainly meant otherwise is reported and normalized.
pub(crate) fn normalize<'t>(file: FileId, text: &'t str, out: &mut Diagnostics) -> Normalized<'t> {
    let mut normalizer = Normalizer {
        file,
        text,
        at: 0,
        line: 0,
        stack: Vec::new(),
        quotes: Vec::new(),
        edits: Vec::new(),
        out,
    };
    while normalizer.at < text.len() && normalizer.edits.len() < MAX_EDITS {
        match normalizer.stack.last() {
            Some(Open::Line(_)) => normalizer.in_line_string(),
            Some(Open::Block(_)) => normalizer.in_block_string(),
            Some(Open::Interpolation(_) | Open::Bracket(..)) | None => normalizer.in_code(),
        }
    }
    if normalizer.edits.len() < MAX_EDITS {
        normalizer.end_of_line();
    }
    apply(text, normalizer.edits)
}

fn apply(text: &str, mut edits: Vec<(usize, usize, String)>) -> Normalized<'_> {
    if edits.is_empty() {
        return Normalized::unchanged(text);
    }
    edits.sort_by_key(|(from, to, _)| (*from, *to));
    let mut made = String::with_capacity(text.len() + edits.len());
    let mut replaced: Vec<Replaced> = Vec::with_capacity(edits.len());
    let mut reported = Vec::new();
    let mut done = 0;
    for (from, to, new) in edits {
        if from < done {
            continue;
        }
        made.push_str(&text[done..from]);
        if new == LOST {
            reported.push(made.len());
        }
        replaced.push(Replaced {
            at: made.len(),
            length: new.len(),
            from,
            to,
        });
        made.push_str(&new);
        done = to;
    }
    made.push_str(&text[done..]);
    Normalized {
        source: text,
        text: Cow::Owned(made),
        replaced,
        reported,
    }
}

/// What is open around a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `"`, from there.
    Line(usize),
    /// `"""`, from there.
    Block(usize),
    /// `${` in a string, from there.
    Interpolation(usize),
    /// `{`, `(` or `[`, from there.
    Bracket(u8, usize),
}

impl Open {
    fn at(self) -> usize {
        match self {
            Self::Line(at) | Self::Block(at) | Self::Interpolation(at) | Self::Bracket(_, at) => at,
        }
    }
}

struct Normalizer<'t, 'o> {
    file: FileId,
    text: &'t str,
    at: usize,
    /// Where the current line starts.
    line: usize,
    stack: Vec<Open>,
    /// Where strings of the current line start and end.
    quotes: Vec<(usize, usize)>,
    edits: Vec<(usize, usize, String)>,
    out: &'o mut Diagnostics,
}

impl<'t> Normalizer<'t, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The text of the current line up to the current place; of a long line the end.
    fn before(&self) -> &'t str {
        &self.text[self.line_start()..self.at]
    }

    /// Where [`Self::before`] starts.
    fn line_start(&self) -> usize {
        let mut start = self.line.max(self.at.saturating_sub(MAX_LOOK));
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        start
    }

    fn next(&self) -> char {
        // Asked for only inside the text.
        self.rest().chars().next().unwrap_or('\n')
    }

    fn span(&self, start: usize, end: usize) -> Span {
        span(self.file, start, end)
    }

    /// The end of the current line; of a long line a place on it.
    fn line_end(&self) -> usize {
        let mut end = self.text.len().min(self.at + MAX_LOOK);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let near = &self.text[self.at..end];
        self.at + near.find('\n').unwrap_or(near.len())
    }

    /// Reports a mistake and reads on as if the edits had been made.
    fn normalize(&mut self, diagnostic: Diagnostic, title: &str, edits: &[(usize, usize, &str)]) {
        let fix = edits.iter().map(|(start, end, new)| Edit {
            span: self.span(*start, *end),
            text: (*new).to_owned(),
        });
        let fix: Vec<Edit> = fix.collect();
        // The same on the same line is one mistake, made several times.
        let line = u32::try_from(self.line).unwrap_or(u32::MAX);
        let again = self.out.last_mut().filter(|last| {
            let span = last.span();
            last.message == diagnostic.message && span.file == self.file && span.start >= line
        });
        match again.and_then(|last| last.fixes.first_mut()) {
            Some(last) => last.edits.extend(fix),
            None => self.out.push(diagnostic.fix_all(title, fix)),
        }
        let edits = edits.iter();
        self.edits
            .extend(edits.map(|(start, end, new)| (*start, *end, (*new).to_owned())));
    }

    /// Reports a mistake that nothing can be made of.
    fn lose(&mut self, diagnostic: Diagnostic, start: usize, end: usize) {
        self.out.push(diagnostic);
        self.edits.push((start, end, LOST.to_owned()));
    }

    /// Reports one stretch that is written otherwise.
    fn replace(
        &mut self,
        code: &'static Code,
        message: String,
        label: &str,
        end: usize,
        new: &str,
    ) {
        let diagnostic = Diagnostic::new(code, message).at(self.span(self.at, end), label);
        let title = match new {
            "" => "remove it".to_owned(),
            " " => "write a space".to_owned(),
            _ => format!("write `{new}`"),
        };
        self.normalize(diagnostic, &title, &[(self.at, end, new)]);
        self.at = end;
    }

    fn in_code(&mut self) {
        let c = self.next();
        match c {
            '\n' => self.end_of_line(),
            '#' => {
                let rest = self.rest();
                self.at += rest.find('\n').unwrap_or(rest.len());
            }
            '"' if self.rest().starts_with("\"\"\"") => {
                self.stack.push(Open::Block(self.at));
                self.at += 3;
            }
            '"' => {
                self.stack.push(Open::Line(self.at));
                self.at += 1;
            }
            '{' | '(' | '[' => self.open_bracket(),
            '}' | ')' | ']' => self.close_bracket(),
            ' ' if self.before().ends_with(|c: char| c.is_ascii_digit()) => {
                self.space_before_unit();
            }
            ',' => self.comma(),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ' ' | '\t' | '\r' | ';' => self.at += 1,
            c if c.is_ascii() => self.ascii_sign(),
            c => self.foreign(c),
        }
    }

    /// A character beyond ASCII outside texts and comments.
    fn foreign(&mut self, c: char) {
        if c.is_alphabetic() || characters::full_width(c).is_some_and(|c| c.is_ascii_alphanumeric())
        {
            self.word_with_twins();
        } else if characters::is_typographic_quote(c) {
            self.typographic_quote(c);
        } else if characters::is_dash(c) {
            self.dash(c);
        } else if let Some(meant) = characters::blank(c) {
            self.blanks(c, meant);
        } else if let Some(meant) = characters::sign(c) {
            let end = self.at + c.len_utf8();
            let message = format!("`{c}` is written `{meant}`");
            self.replace(
                &codes::STRAY_CHARACTER,
                message,
                "not a sign of the language",
                end,
                meant,
            );
        } else {
            self.at += c.len_utf8();
        }
    }

    /// A word with letters that look Latin: all of them at once, if it has no others.
    fn word_with_twins(&mut self) {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let before = self.before();
        let start = self.line
            + before
                .trim_end_matches(|c: char| c.is_ascii() && is_part(c))
                .len();
        let rest = &self.text[start..];
        let word = rest.find(|c| !is_part(c)).map_or(rest, |end| &rest[..end]);
        let end = start + word.len();
        let foreign = || word.char_indices().filter(|(_, c)| !c.is_ascii());
        let twins: Option<Vec<(usize, char, char, &str)>> = foreign()
            .map(|(at, c)| characters::latin_twin(c).map(|(latin, of)| (start + at, c, latin, of)))
            .collect();
        self.at = end;
        let Some(twins) = twins else {
            return;
        };
        let Some((first, c, latin, alphabet)) = twins.first().copied() else {
            return;
        };
        let meant: String = word
            .chars()
            .map(|c| characters::latin_twin(c).map_or(c, |(latin, _)| latin))
            .collect();
        let others = match twins.len() {
            1 => String::new(),
            2 => ", and one more letter is not Latin either".to_owned(),
            n => format!(", and {} more letters are not Latin either", n - 1),
        };
        let diagnostic = Diagnostic::new(
            &codes::LOOKALIKE_LETTER,
            format!(
                "the `{c}` in `{word}` is {alphabet} U+{:04X}, not the Latin letter `{latin}`{others}",
                u32::from(c)
            ),
        )
        .at(self.span(first, first + c.len_utf8()), alphabet.to_string())
        .help(format!("write `{meant}` in Latin letters"));
        self.normalize(
            diagnostic,
            &format!("write `{meant}` in Latin letters"),
            &[(start, end, meant.as_str())],
        );
    }

    /// A dash for `-`, `->` or `..`.
    fn dash(&mut self, c: char) {
        let end = self.at + c.len_utf8();
        let behind = self.text[end..].chars().next();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
        let before = self.before();
        let word = &before[before.trim_end_matches(is_name).len()..];
        let is_range = word.starts_with(|c: char| c.is_ascii_digit())
            && behind.is_some_and(|c| c.is_ascii_digit());
        let meant = if is_range { ".." } else { "-" };
        let message = if is_range {
            format!("a range is written with `..`, not with a dash `{c}`")
        } else {
            format!("`{c}` is a dash, not the `-` of the keyboard")
        };
        let label = format!("U+{:04X}", u32::from(c));
        self.replace(&codes::STRAY_CHARACTER, message, &label, end, meant);
    }

    /// Spaces and marks that are not the keyboard's, as many as there are in a row.
    fn blanks(&mut self, c: char, meant: &str) {
        let rest = self.rest();
        let end = self.at + rest.find(|other| other != c).unwrap_or(rest.len());
        let name = characters::blank_name(c);
        let message = if meant.is_empty() {
            format!("there is {name} here")
        } else {
            format!("there is {name} where a space is meant")
        };
        let label = if meant.is_empty() {
            "between these characters"
        } else {
            "looks like a space"
        };
        self.replace(&codes::STRAY_CHARACTER, message, label, end, meant);
    }

    /// The place in the stack of the outermost string of one line. It can only be on this line, so that what is open
    /// from lines before is not searched.
    fn outer_line_string(&self) -> Option<usize> {
        let before = self.stack.iter().rposition(|open| open.at() < self.line);
        let first = before.map_or(0, |before| before + 1);
        let found = self.stack[first..].iter();
        let found = found.clone().position(|open| matches!(open, Open::Line(_)));
        found.map(|place| first + place)
    }

    fn end_of_line(&mut self) {
        let end = self.at;
        // Each round closes at least the innermost text.
        while self.outer_line_string().is_some() {
            self.end_strings();
            if self.at != end {
                return;
            }
        }
        if self.at >= self.text.len() {
            return;
        }
        self.at += 1;
        self.line = self.at;
        self.quotes.clear();
    }
}
