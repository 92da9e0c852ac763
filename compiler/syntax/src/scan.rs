//! One linear pass over the bytes of a file, before the grammar sees them. It finds the top-level
//! declarations, so that each is parsed on its own; it finds brackets that do not match, and inserts what they lack
//! so that the rest can be parsed; and it bounds nesting, so that no input overflows a stack.

use std::borrow::Cow;

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Span, codes};

use crate::normalize::Normalized;

/// How deep brackets, interpolations and conditions may nest.
pub(crate) const MAX_DEPTH: usize = 64;
/// How many missing braces are inserted; past it the rest of the file is one statement.
const MAX_INSERTED: usize = 16;

/// A text whose brackets match, in pieces.
pub(crate) struct Scanned<'t> {
    /// The text that was scanned.
    pub(crate) normalized: &'t Normalized<'t>,
    /// The text with what was missing put in.
    pub(crate) text: Cow<'t, str>,
    /// What was put in: where, as offsets of the normalized text, rising, and how long.
    pub(crate) insertions: Vec<(usize, usize)>,
    /// The starts of the top-level pieces in the normalized text; the first is 0.
    pub(crate) starts: Vec<usize>,
    /// Opening brackets that are reported and stand unclosed in the text, rising.
    pub(crate) reported: Vec<usize>,
    /// Whether the last piece cannot be parsed; what is wrong with it is reported.
    pub(crate) last_is_lost: bool,
}

/// What is put in for a missing brace at the end of a block, and at its start.
const INSERTED: &str = "};";
const OPENING: &str = " {";

impl Scanned<'_> {
    /// The offset in the source of an offset of the normalized text.
    pub(crate) fn original(&self, offset: usize) -> u32 {
        let mut shifted = offset;
        for (at, length) in self.insertions.iter().rev() {
            if *at < shifted {
                shifted -= (*length).min(shifted - at);
            }
        }
        u32::try_from(self.normalized.original(shifted)).unwrap_or(u32::MAX)
    }

    /// The place in the source of a stretch of the normalized text; empty where it was put in.
    fn span(&self, file: FileId, start: usize, end: usize) -> Span {
        Span::new(file, self.original(start), self.original(end))
    }

    fn insert(&mut self, at: usize, new: &'static str) {
        let mut text = std::mem::take(&mut self.text).into_owned();
        text.insert_str(at, new);
        for (insertion, _) in &mut self.insertions {
            if *insertion >= at {
                *insertion += new.len();
            }
        }
        for reported in &mut self.reported {
            if *reported >= at {
                *reported += new.len();
            }
        }
        self.insertions.push((at, new.len()));
        self.insertions.sort_unstable();
        self.text = Cow::Owned(text);
    }

    /// Whether every offset is one of the source.
    pub(crate) fn is_original(&self) -> bool {
        self.insertions.is_empty() && self.normalized.is_unchanged()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Frame {
    Brace,
    Paren,
    Bracket,
    Interpolation,
    Line,
    Block,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    frame: Frame,
    at: usize,
    /// Indentation of the line on which it stands.
    indent: usize,
    /// Conditions (`if`, `all`, `any`) seen inside, which nest without brackets.
    conditions: usize,
}

/// What one pass found.
#[derive(Default)]
struct Pass {
    starts: Vec<usize>,
    stray: Vec<usize>,
    /// Parentheses and brackets that a `}` or the end closed.
    unclosed: Vec<usize>,
    too_deep: Option<usize>,
    /// A `"""` without its end.
    endless_string: Option<usize>,
    /// The brace to blame for what is missing, with its indentation.
    culprit: Option<(usize, usize)>,
    /// The first `}` that closes a block which, by its indentation, goes on behind it.
    suspect: Option<usize>,
    /// Whether a `}` stands elsewhere than its block's indentation says, so that it is not certain
    /// which one closes what.
    is_ragged: bool,
    /// Ends of lines on which a string without its closing quote stands.
    broken_lines: Vec<usize>,
    /// Braces still open at the end, outermost first, with their indentation.
    left_open: Vec<(usize, usize)>,
}

/// Scans a text; what does not match is reported, and what is missing is inserted.
pub(crate) fn scan<'t>(
    file: FileId,
    normalized: &'t Normalized<'t>,
    out: &mut Diagnostics,
) -> Scanned<'t> {
    let mut scanned = Scanned {
        normalized,
        text: Cow::Borrowed(&normalized.text),
        insertions: Vec::new(),
        starts: Vec::new(),
        reported: normalized.reported.clone(),
        last_is_lost: false,
    };
    let mut pass = Scanner::new(&scanned.text, &scanned.insertions).run();
    for _ in 0..MAX_INSERTED {
        let Some(stray) = pass.stray.first().copied() else {
            break;
        };
        let is_normalized = recover_opening(file, &mut scanned, stray, out)
            || recover_suspect(file, &mut scanned, &pass, stray, out);
        if !is_normalized {
            break;
        }
        pass = Scanner::new(&scanned.text, &scanned.insertions).run();
    }
    // Indentation only tells which brace to blame: a text whose braces match means what it says.
    while let Some(innermost) = pass.left_open.last().copied() {
        let (at, indent) = pass.culprit.unwrap_or(innermost);
        if pass.too_deep.is_some() || pass.endless_string.is_some() {
            break;
        }
        let end = insertion_point(&scanned.text, at, indent);
        // A quote that is missing swallows the rest of its line, braces included.
        let is_swallowed = pass
            .broken_lines
            .iter()
            .any(|end| at < *end && !scanned.text[at..*end].contains('\n'));
        if !is_swallowed {
            let open = scanned.span(file, at, at + 1);
            report_unclosed(open, scanned.original(end), out);
        }
        scanned.insert(end, INSERTED);
        if scanned.insertions.len() >= MAX_INSERTED {
            close_all(&mut scanned);
        }
        pass = Scanner::new(&scanned.text, &scanned.insertions).run();
        if scanned.insertions.len() >= MAX_INSERTED {
            break;
        }
    }
    report_pass(file, &pass, &mut scanned, out);
    scanned.last_is_lost = pass.too_deep.is_some() || pass.endless_string.is_some();
    scanned.starts = pass.starts;
    scanned.reported.sort_unstable();
    scanned
}

/// Past the limit of single insertions: closes at the end whatever is still open.
fn close_all(scanned: &mut Scanned<'_>) {
    let pass = Scanner::new(&scanned.text, &scanned.insertions).run();
    let mut text = std::mem::take(&mut scanned.text).into_owned();
    for _ in &pass.left_open {
        scanned.insertions.push((text.len(), INSERTED.len()));
        text.push_str(INSERTED);
    }
    scanned.text = Cow::Owned(text);
}

fn report_pass(file: FileId, pass: &Pass, scanned: &mut Scanned<'_>, out: &mut Diagnostics) {
    for at in &pass.stray {
        report_stray(scanned.span(file, *at, at + 1), !pass.is_ragged, out);
    }
    let unclosed = if pass.too_deep.is_some() {
        &[]
    } else {
        pass.unclosed.as_slice()
    };
    for at in unclosed {
        let open = &scanned.text[*at..=*at];
        let close = if open == "(" { ")" } else { "]" };
        out.push(
            Diagnostic::new(&codes::UNCLOSED_BRACKET, format!("unclosed `{open}`"))
                .at(scanned.span(file, *at, at + 1), "opened here")
                .help(format!("add a `{close}`")),
        );
        scanned.reported.push(*at);
    }
    if let Some(at) = pass.too_deep {
        out.push(
            Diagnostic::new(
                &codes::NESTED_TOO_DEEP,
                format!("brackets nest deeper than {MAX_DEPTH}"),
            )
            .at(scanned.span(file, at, at + 1), "one too deep"),
        );
    }
    if let Some(at) = pass.endless_string {
        out.push(
            Diagnostic::new(
                &codes::UNCLOSED_STRING,
                "unterminated string: missing `\"\"\"`",
            )
            .at(scanned.span(file, at, at + 3), "opened here")
            .help("add `\"\"\"` where the text ends"),
        );
    }
    if !pass.stray.is_empty() {
        blank(scanned, &pass.stray);
    }
}

/// Words whose block spans lines.
const DECLARATIONS: [&str; 10] = [
    "service ",
    "namespace ",
    "platform ",
    "external ",
    "cluster ",
    "job ",
    "sidecar ",
    "init ",
    "component ",
    "profile ",
];

/// A `}` that closes nothing may belong to a declaration whose `{` is missing: one without a block,
/// with lines below it that are indented deeper.
fn recover_opening(
    file: FileId,
    scanned: &mut Scanned<'_>,
    stray: usize,
    out: &mut Diagnostics,
) -> bool {
    let text = scanned.text[..stray].to_owned();
    let code = |line: &str| line.split(" #").next().unwrap_or_default().trim_end().len();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = None;
    let mut before: Option<(usize, &str)> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            if let Some((at, head)) = before
                && indent(line) > indent(head)
            {
                found = Some(at + code(head));
            }
            let is_head = DECLARATIONS.iter().any(|word| trimmed.starts_with(word))
                && !trimmed.contains('{')
                && !trimmed.ends_with([',', '=', '>', '<', '(', '[']);
            before = is_head.then_some((start, line));
        }
        start += line.len();
    }
    let Some(at) = found else {
        return false;
    };
    let place = scanned.original(at);
    out.push(
        Diagnostic::new(&codes::MISSING_VALUE, "missing `{` of this block")
            .at(Span::new(file, place, place), "missing here")
            .help("a block stands between `{` and `}`")
            .fix("write `{`", Span::new(file, place, place), OPENING),
    );
    scanned.insert(at, OPENING);
    true
}

/// Of several `}` the one is too many that closes a block which goes on behind it.
fn recover_suspect(
    file: FileId,
    scanned: &mut Scanned<'_>,
    pass: &Pass,
    stray: usize,
    out: &mut Diagnostics,
) -> bool {
    let Some(at) = pass.suspect.filter(|suspect| *suspect < stray) else {
        return false;
    };
    report_stray(scanned.span(file, at, at + 1), true, out);
    blank(scanned, &[at]);
    true
}

/// Puts a space for each of these braces, which keeps every offset.
fn blank(scanned: &mut Scanned<'_>, braces: &[usize]) {
    let mut bytes = std::mem::take(&mut scanned.text).into_owned().into_bytes();
    for at in braces {
        bytes[*at] = b' ';
    }
    // One ASCII byte was replaced by another, so the text is UTF-8 as before.
    scanned.text = Cow::Owned(String::from_utf8(bytes).unwrap_or_default());
}

/// A `}` too many; it is removed for certain only where no other one may be the surplus.
fn report_stray(span: Span, is_certain: bool, out: &mut Diagnostics) {
    let diagnostic = Diagnostic::new(&codes::STRAY_BRACKET, "this `}` closes nothing")
        .at(span, "no `{` before it is open");
    out.push(if is_certain {
        diagnostic.fix("remove it", span, "")
    } else {
        diagnostic.help("one of the `}` before it may be the one too many: a `}` stands on a line of its own, indented as the line that opens its block")
    });
}

fn report_unclosed(open: Span, end: u32, out: &mut Diagnostics) {
    out.push(
        Diagnostic::new(&codes::UNCLOSED_BRACKET, "unclosed `{`")
            .at(open, "opened here")
            .also(
                Span::new(open.file, end, end),
                "by its indentation it ends before this",
            )
            .help("add a `}` where the block ends"),
    );
}

/// Where the block opened at `open` was probably meant to end: before the next line that is
/// indented no deeper than the line that opens it.
fn insertion_point(text: &str, open: usize, indent: usize) -> usize {
    let mut at = open;
    while let Some(newline) = text[at..].find('\n') {
        let line = at + newline + 1;
        let rest = &text[line..];
        let width = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let first = rest[width..].bytes().next();
        if width <= indent && first.is_some_and(|b| b != b'\n' && b != b'\r' && b != b'#') {
            return line;
        }
        at = line;
    }
    text.len()
}

struct Scanner<'t> {
    bytes: &'t [u8],
    /// Where a brace was put in, rising: it stands at no indentation.
    insertions: &'t [(usize, usize)],
    at: usize,
    stack: Vec<Open>,
    /// Indentation of the current line.
    indent: usize,
    /// Whether only white space stands before on the line.
    at_line_start: bool,
    /// Where the current line starts.
    line: usize,
    /// The `}` of this line behind something else that close a block of a line before, with the
    /// indentation of that line.
    closed_inline: Vec<(usize, usize)>,
    /// The last byte that is no white space or comment, outside strings.
    last: u8,
    /// Conditions on the current line outside all brackets.
    conditions: usize,
    pass: Pass,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str, insertions: &'t [(usize, usize)]) -> Self {
        Self {
            bytes: text.as_bytes(),
            insertions,
            at: 0,
            stack: Vec::new(),
            indent: 0,
            at_line_start: true,
            line: 0,
            closed_inline: Vec::new(),
            last: b'\n',
            conditions: 0,
            pass: Pass {
                starts: vec![0],
                ..Pass::default()
            },
        }
    }

    fn run(mut self) -> Pass {
        self.measure_indent();
        while self.at < self.bytes.len() && self.pass.too_deep.is_none() {
            match self.stack.last().map(|open| open.frame) {
                Some(Frame::Line) => self.in_line_string(),
                Some(Frame::Block) => self.in_block_string(),
                _ => self.in_code(),
            }
        }
        for open in &self.stack {
            match open.frame {
                Frame::Brace => self.pass.left_open.push((open.at, open.indent)),
                Frame::Paren | Frame::Bracket => self.pass.unclosed.push(open.at),
                Frame::Block => self.pass.endless_string = Some(open.at),
                Frame::Interpolation | Frame::Line => {}
            }
        }
        self.pass
    }

    /// Whether a closing brace was put in at a place.
    fn is_put_in(&self, at: usize) -> bool {
        let found = self.insertions.binary_search_by_key(&at, |(at, _)| *at);
        found.is_ok_and(|n| self.bytes[at] == b'}' && self.insertions[n].1 == INSERTED.len())
    }

    fn measure_indent(&mut self) {
        let mut start = self.at;
        while self.is_put_in(start) {
            start += INSERTED.len();
        }
        let rest = &self.bytes[start..];
        self.indent = rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        self.at_line_start = true;
        self.line = self.at;
        self.judge_inline(rest.get(self.indent).copied());
    }

    /// A block that was closed behind something else on a line, and of which the next line is a part
    /// by its indentation, was not meant to be closed there.
    fn judge_inline(&mut self, first: Option<u8>) {
        if self.closed_inline.is_empty() || matches!(first, Some(b'\n' | b'\r' | b'#')) {
            return;
        }
        let goes_on = |of: usize| self.indent > of || (self.indent == of && first == Some(b'}'));
        let found = self.closed_inline.iter().find(|(_, of)| goes_on(*of));
        if let Some((at, _)) = found.filter(|_| first.is_some()) {
            self.pass.suspect.get_or_insert(*at);
        }
        self.closed_inline.clear();
    }

    fn push(&mut self, frame: Frame, width: usize) {
        let nested = self.stack.len() + self.stack.last().map_or(self.conditions, |o| o.conditions);
        if nested >= MAX_DEPTH {
            self.pass.too_deep = Some(self.at);
        }
        self.stack.push(Open {
            frame,
            at: self.at,
            indent: self.indent,
            conditions: self.stack.last().map_or(self.conditions, |o| o.conditions),
        });
        self.at += width;
    }

    fn in_code(&mut self) {
        let byte = self.bytes[self.at];
        match byte {
            b'\n' => return self.newline(),
            b'#' => {
                let rest = &self.bytes[self.at..];
                self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                return;
            }
            b'"' => {
                let is_block = self.bytes[self.at..].starts_with(b"\"\"\"");
                let frame = if is_block { Frame::Block } else { Frame::Line };
                self.push(frame, if is_block { 3 } else { 1 });
            }
            b'{' => self.push(Frame::Brace, 1),
            b'(' => self.push(Frame::Paren, 1),
            b'[' => self.push(Frame::Bracket, 1),
            b'}' => self.close_brace(),
            b';' => {
                self.end_statement();
                self.at += 1;
            }
            b')' => self.close(Frame::Paren),
            b']' => self.close(Frame::Bracket),
            b' ' | b'\t' | b'\r' => {
                self.at += 1;
                return;
            }
            _ => {
                self.condition_word();
                self.at += 1;
            }
        }
        self.last = byte;
        self.at_line_start = false;
    }

    /// The conditions of a statement are over with it.
    fn end_statement(&mut self) {
        match self.stack.last_mut() {
            Some(open) if open.frame == Frame::Brace => open.conditions = 0,
            Some(_) => {}
            None => self.conditions = 0,
        }
    }

    fn newline(&mut self) {
        self.at += 1;
        self.measure_indent();
        self.end_statement();
        let starts_word = self.bytes.get(self.at).is_some_and(u8::is_ascii_alphabetic);
        let continues = matches!(
            self.last,
            b',' | b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/'
        );
        if self.stack.is_empty() && starts_word && !continues {
            self.pass.starts.push(self.at);
        }
    }

    /// `if`, `all` and `any` nest without brackets, so they count as depth up to the statement's end.
    fn condition_word(&mut self) {
        let rest = &self.bytes[self.at..];
        let is_start = self.at == 0 || !is_name_byte(self.bytes[self.at - 1]);
        if !is_start {
            return;
        }
        let words: [&[u8]; 3] = [b"if ", b"all ", b"any "];
        if words.iter().any(|word| rest.starts_with(word)) {
            let depth = self.stack.len();
            let conditions = match self.stack.last_mut() {
                Some(open) => &mut open.conditions,
                None => &mut self.conditions,
            };
            *conditions += 1;
            if depth + *conditions > MAX_DEPTH {
                self.pass.too_deep = Some(self.at);
            }
        }
    }

    fn close(&mut self, frame: Frame) {
        if self.stack.last().is_some_and(|open| open.frame == frame) {
            self.stack.pop();
        }
        // One that closes nothing is left to the grammar, which reports it in its statement.
        self.at += 1;
    }

    fn close_brace(&mut self) {
        while let Some(open) = self.stack.last().copied() {
            match open.frame {
                Frame::Brace => {
                    let is_put_in = self.is_put_in(self.at);
                    let is_of_this_line = open.at >= self.line;
                    let is_inline = !is_put_in && !self.at_line_start && !is_of_this_line;
                    if is_inline && self.indent > open.indent {
                        self.closed_inline.push((self.at, open.indent));
                    }
                    self.pass.is_ragged |= is_inline
                        || (!is_put_in && self.at_line_start && self.indent != open.indent);
                    let closes_early =
                        !is_put_in && self.at_line_start && self.indent < open.indent;
                    let closes_late = !is_put_in && self.at_line_start && self.indent > open.indent;
                    if closes_late && self.pass.suspect.is_none() {
                        self.pass.suspect = Some(self.at);
                    }
                    if closes_early && self.pass.culprit.is_none() {
                        self.pass.culprit = Some((open.at, open.indent));
                    }
                    self.stack.pop();
                    self.at += 1;
                    return;
                }
                Frame::Interpolation => {
                    self.stack.pop();
                    self.at += 1;
                    return;
                }
                Frame::Paren | Frame::Bracket => {
                    self.pass.unclosed.push(open.at);
                    self.stack.pop();
                }
                Frame::Line | Frame::Block => {
                    self.stack.pop();
                }
            }
        }
        self.pass.stray.push(self.at);
        self.at += 1;
    }

    fn in_line_string(&mut self) {
        let rest = &self.bytes[self.at..];
        match rest[0] {
            b'"' => {
                self.stack.pop();
                self.at += 1;
            }
            // Without its closing quote a string ends with its line.
            b'\n' => self.end_broken_strings(),
            b'\\' if rest.len() > 1 && rest[1] != b'\n' => self.at += 2,
            b'$' if rest.starts_with(b"$${") => self.at += 3,
            b'$' if rest.starts_with(b"${") => self.push(Frame::Interpolation, 2),
            _ => self.at += 1,
        }
    }

    fn in_block_string(&mut self) {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"\"\"\"") {
            self.stack.pop();
            self.at += 3;
        } else if rest.starts_with(b"$${") {
            self.at += 3;
        } else if rest.starts_with(b"${") {
            self.push(Frame::Interpolation, 2);
        } else {
            self.at += 1;
        }
    }

    /// The line ends inside a string: it and the interpolations around it on the line are over.
    fn end_broken_strings(&mut self) {
        self.pass.broken_lines.push(self.at);
        while let Some(open) = self.stack.last() {
            match open.frame {
                Frame::Line | Frame::Interpolation => {
                    self.stack.pop();
                }
                Frame::Brace | Frame::Paren | Frame::Bracket | Frame::Block => break,
            }
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte >= 0x80
}
