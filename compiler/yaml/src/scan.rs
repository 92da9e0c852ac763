//! The tokens of a YAML document, as go-yaml v2 finds them, which reads manifests for kubectl: YAML
//! 1.1, where U+0085, U+2028 and U+2029 end a line as well. The scanner follows `scannerc.go` of
//! go-yaml v2.4 (a port of libyaml, MIT licence), so that a text is cut here exactly as it is there.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::Broken;

/// How deep flow collections and indentation may nest in a document.
const MAX_LEVELS: usize = 1_000;
/// How many characters a key may have when it stands without `?` (YAML 1.1, 7.3.3).
const MAX_KEY: usize = 1_024;

/// The way a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Block,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    StreamEnd,
    Version { major: u32, minor: u32 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { value: String, style: Style },
}

/// A position in the text.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// In characters from the start of the text.
    index: usize,
    /// From 0.
    line: usize,
    /// In characters, from 0.
    column: usize,
}

/// Where a key without `?` may have started.
#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    is_possible: bool,
    is_required: bool,
    token: usize,
    mark: Mark,
}

pub(super) struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    mark: Mark,
    /// Each token with its line, from 0.
    tokens: VecDeque<(Token, usize)>,
    tokens_parsed: usize,
    has_ended: bool,
    /// -1 outside of every block collection.
    indent: isize,
    indents: Vec<isize>,
    allows_simple_key: bool,
    simple_keys: Vec<SimpleKey>,
    /// The level of the simple key that a token may be.
    level_by_token: FxHashMap<usize, usize>,
}

type Scanned<T> = Result<T, Broken>;

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            mark: Mark::default(),
            tokens: VecDeque::new(),
            tokens_parsed: 0,
            has_ended: false,
            indent: -1,
            indents: Vec::new(),
            allows_simple_key: true,
            simple_keys: vec![SimpleKey::default()],
            level_by_token: FxHashMap::default(),
        }
    }

    /// The next token and its line, from 0, without taking it.
    pub(super) fn peek(&mut self) -> Scanned<&(Token, usize)> {
        loop {
            if !self.tokens.is_empty() {
                // The token may turn out to be a key once what follows it is known.
                let level = self.level_by_token.get(&self.tokens_parsed).copied();
                let is_open = match level {
                    None => false,
                    Some(level) => self.is_valid(level)?,
                };
                if !is_open {
                    break;
                }
            }
            self.fetch()?;
        }
        // The loop ends only with a token at the front.
        self.tokens
            .front()
            .ok_or_else(|| self.broken("the document ends unexpectedly"))
    }

    /// Takes the token that [`Self::peek`] showed.
    pub(super) fn next(&mut self) -> Scanned<(Token, usize)> {
        self.peek()?;
        self.tokens_parsed += 1;
        match self.tokens.pop_front() {
            Some(token) => Ok(token),
            None => Err(self.broken("the document ends unexpectedly")),
        }
    }

    fn broken(&self, message: &str) -> Broken {
        Broken {
            line: self.mark.line + 1,
            message: message.to_owned(),
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn is_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// How many bytes the end of a line at a place has; 0 where there is none. `\r\n` is one.
    fn break_at(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\r' if self.byte(ahead + 1) == b'\n' => 2,
            b'\r' | b'\n' => 1,
            0xC2 if self.byte(ahead + 1) == 0x85 => 2,
            0xE2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9) => {
                3
            }
            _ => 0,
        }
    }

    fn is_break(&self) -> bool {
        self.break_at(0) > 0
    }

    fn is_blank(&self) -> bool {
        matches!(self.byte(0), b' ' | b'\t')
    }

    fn is_breakz(&self) -> bool {
        self.is_end() || self.is_break()
    }

    fn is_blankz_at(&self, ahead: usize) -> bool {
        self.at + ahead >= self.bytes.len()
            || matches!(self.byte(ahead), b' ' | b'\t')
            || self.break_at(ahead) > 0
    }

    fn is_blankz(&self) -> bool {
        self.is_blankz_at(0)
    }

    fn is_alpha(&self) -> bool {
        self.byte(0).is_ascii_alphanumeric() || matches!(self.byte(0), b'_' | b'-')
    }

    fn width(&self) -> usize {
        match self.byte(0) {
            0..=0x7F => 1,
            0x80..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
        }
    }

    fn skip(&mut self) {
        self.at += self.width();
        self.mark.index += 1;
        self.mark.column += 1;
    }

    fn skip_line(&mut self) {
        let length = self.break_at(0);
        if length > 0 {
            self.mark.index += if self.byte(0) == b'\r' { length } else { 1 };
            self.at += length;
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }

    fn read(&mut self, into: &mut Vec<u8>) {
        let from = self.at;
        self.skip();
        into.extend(self.bytes.get(from..self.at).unwrap_or_default());
    }

    /// Reads the end of a line; U+2028 and U+2029 stay what they are, the others become `\n`.
    fn read_line(&mut self, into: &mut Vec<u8>) {
        match self.break_at(0) {
            0 => return,
            3 => into.extend(self.bytes.get(self.at..self.at + 3).unwrap_or_default()),
            _ => into.push(b'\n'),
        }
        self.skip_line();
    }

    fn skip_blanks(&mut self) {
        while self.is_blank() {
            self.skip();
        }
    }

    fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            while !self.is_breakz() {
                self.skip();
            }
        }
    }

    fn push(&mut self, token: Token, line: usize) {
        self.tokens.push_back((token, line));
    }

    /// Puts a token before one that was found earlier.
    fn insert(&mut self, number: usize, token: Token, line: usize) {
        // go-yaml takes an empty flow collection before it knows that it is a key (`[]: x`), and then
        // adds what belongs before it at the end.
        let position = match number.checked_sub(self.tokens_parsed) {
            Some(position) => position.min(self.tokens.len()),
            None => self.tokens.len(),
        };
        self.tokens.insert(position, (token, line));
    }

    fn fetch(&mut self) -> Scanned<()> {
        if self.has_ended {
            let line = self.mark.line;
            self.push(Token::StreamEnd, line);
            return Ok(());
        }
        self.skip_to_token();
        self.unroll_indent(self.column());
        if self.is_end() {
            return self.fetch_stream_end();
        }
        let is_at_start = self.mark.column == 0;
        if is_at_start && self.byte(0) == b'%' {
            return self.fetch_directive();
        }
        if is_at_start && self.is_document_indicator() {
            let token = if self.byte(0) == b'-' {
                Token::DocumentStart
            } else {
                Token::DocumentEnd
            };
            return self.fetch_document_indicator(token);
        }
        let is_flow = self.is_flow();
        let before_blank = self.is_blankz_at(1);
        match self.byte(0) {
            b'[' => self.fetch_flow_start(Token::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Token::FlowMappingStart),
            b']' => self.fetch_flow_end(Token::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Token::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if before_blank => self.fetch_block_entry(),
            b'?' if is_flow || before_blank => self.fetch_key(),
            b':' if is_flow || before_blank => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(),
            b'!' => self.fetch_tag(),
            b'|' if !is_flow => self.fetch_block_scalar(true),
            b'>' if !is_flow => self.fetch_block_scalar(false),
            b'\'' => self.fetch_flow_scalar(true),
            b'"' => self.fetch_flow_scalar(false),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => {
                Err(self.broken("this character cannot start a value: quote the value"))
            }
            _ => self.fetch_plain_scalar(),
        }
    }

    fn column(&self) -> isize {
        isize::try_from(self.mark.column).unwrap_or(isize::MAX)
    }

    fn is_flow(&self) -> bool {
        self.simple_keys.len() > 1
    }

    fn is_document_indicator(&self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        (rest.starts_with(b"---") || rest.starts_with(b"...")) && self.is_blankz_at(3)
    }

    fn is_valid(&mut self, level: usize) -> Scanned<bool> {
        let key = self.simple_keys[level];
        if !key.is_possible {
            return Ok(false);
        }
        if key.mark.line < self.mark.line || key.mark.index + MAX_KEY < self.mark.index {
            if key.is_required {
                return Err(no_colon(key));
            }
            self.simple_keys[level].is_possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn last_level(&self) -> usize {
        // There is always one level, that of the document.
        self.simple_keys.len().saturating_sub(1)
    }

    fn save_simple_key(&mut self) -> Scanned<()> {
        if !self.allows_simple_key {
            return Ok(());
        }
        let key = SimpleKey {
            is_possible: true,
            is_required: !self.is_flow() && self.indent == self.column(),
            token: self.tokens_parsed + self.tokens.len(),
            mark: self.mark,
        };
        self.remove_simple_key()?;
        let level = self.last_level();
        self.simple_keys[level] = key;
        self.level_by_token.insert(key.token, level);
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scanned<()> {
        let level = self.last_level();
        let key = self.simple_keys[level];
        if key.is_possible {
            if key.is_required {
                return Err(no_colon(key));
            }
            self.simple_keys[level].is_possible = false;
            self.level_by_token.remove(&key.token);
        }
        Ok(())
    }

    fn roll_indent(&mut self, column: isize, number: Option<usize>, token: Token) -> Scanned<()> {
        if self.is_flow() || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_LEVELS {
            return Err(self.broken(&format!("blocks nest more than {MAX_LEVELS} deep")));
        }
        let line = self.mark.line;
        match number {
            Some(number) => self.insert(number, token, line),
            None => self.push(token, line),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: isize) {
        if self.is_flow() {
            return;
        }
        while self.indent > column {
            let line = self.mark.line;
            self.push(Token::BlockEnd, line);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Scanned<()> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        // At the end of a text a flow collection may still be open; the parser reports it.
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.allows_simple_key = false;
        self.has_ended = true;
        let line = self.mark.line.saturating_sub(1);
        self.push(Token::StreamEnd, line);
        Ok(())
    }

    fn fetch_document_indicator(&mut self, token: Token) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.allows_simple_key = false;
        let line = self.mark.line;
        for _ in 0..3 {
            self.skip();
        }
        self.push(token, line);
        Ok(())
    }

    fn fetch_flow_start(&mut self, token: Token) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey {
            token: self.tokens_parsed + self.tokens.len(),
            ..SimpleKey::default()
        });
        if self.simple_keys.len() > MAX_LEVELS {
            return Err(self.broken(&format!(
                "flow collections nest more than {MAX_LEVELS} deep"
            )));
        }
        self.allows_simple_key = true;
        self.one_character(token)
    }

    fn one_character(&mut self, token: Token) -> Scanned<()> {
        let line = self.mark.line;
        self.skip();
        self.push(token, line);
        Ok(())
    }

    fn fetch_flow_end(&mut self, token: Token) -> Scanned<()> {
        self.remove_simple_key()?;
        if self.is_flow()
            && let Some(key) = self.simple_keys.pop()
        {
            self.level_by_token.remove(&key.token);
        }
        self.allows_simple_key = false;
        self.one_character(token)
    }

    fn fetch_flow_entry(&mut self) -> Scanned<()> {
        self.remove_simple_key()?;
        self.allows_simple_key = true;
        self.one_character(Token::FlowEntry)
    }

    fn fetch_block_entry(&mut self) -> Scanned<()> {
        if !self.is_flow() {
            if !self.allows_simple_key {
                return Err(self.broken("a list item must start on its own line"));
            }
            self.roll_indent(self.column(), None, Token::BlockSequenceStart)?;
        }
        self.remove_simple_key()?;
        self.allows_simple_key = true;
        self.one_character(Token::BlockEntry)
    }

    fn fetch_key(&mut self) -> Scanned<()> {
        if !self.is_flow() {
            if !self.allows_simple_key {
                return Err(self.broken("a key is not allowed here"));
            }
            self.roll_indent(self.column(), None, Token::BlockMappingStart)?;
        }
        self.remove_simple_key()?;
        self.allows_simple_key = !self.is_flow();
        self.one_character(Token::Key)
    }

    fn fetch_value(&mut self) -> Scanned<()> {
        let level = self.last_level();
        if self.is_valid(level)? {
            let key = self.simple_keys[level];
            self.insert(key.token, Token::Key, key.mark.line);
            let column = isize::try_from(key.mark.column).unwrap_or(isize::MAX);
            self.roll_indent(column, Some(key.token), Token::BlockMappingStart)?;
            self.simple_keys[level].is_possible = false;
            self.level_by_token.remove(&key.token);
            self.allows_simple_key = false;
        } else {
            if !self.is_flow() {
                if !self.allows_simple_key {
                    return Err(self.broken(
                        "a `key: value` pair cannot start here: quote a value that contains `: `, and check the indentation",
                    ));
                }
                self.roll_indent(self.column(), None, Token::BlockMappingStart)?;
            }
            self.allows_simple_key = !self.is_flow();
        }
        self.one_character(Token::Value)
    }

    fn fetch_anchor(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.allows_simple_key = false;
        let line = self.mark.line;
        let is_anchor = self.byte(0) == b'&';
        self.skip();
        let mut name = Vec::new();
        while self.is_alpha() {
            self.read(&mut name);
        }
        let is_closed = self.is_blankz()
            || matches!(
                self.byte(0),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !is_closed {
            return Err(self.broken(
                "expected the name of an anchor: letters, digits, `-` and `_`; quote a value that starts with `&` or `*`",
            ));
        }
        let name = text(name);
        let token = if is_anchor {
            Token::Anchor(name)
        } else {
            Token::Alias(name)
        };
        self.push(token, line);
        Ok(())
    }

    /// Spaces, comments and ends of lines before a token.
    fn skip_to_token(&mut self) {
        loop {
            while self.byte(0) == b' '
                || self.byte(0) == b'\t' && (self.is_flow() || !self.allows_simple_key)
            {
                self.skip();
            }
            self.skip_comment();
            if !self.is_break() {
                return;
            }
            self.skip_line();
            if !self.is_flow() {
                self.allows_simple_key = true;
            }
        }
    }
}

fn no_colon(key: SimpleKey) -> Broken {
    Broken {
        line: key.mark.line + 1,
        message: "expected `:` after this key, or a line that belongs to the value above it"
            .to_owned(),
    }
}

/// The first character that go-yaml rejects wherever it stands, in comments too, with its line from 1.
pub(super) fn control_character(text: &str) -> Option<usize> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let at = text.find(|c: char| !is_allowed(c))?;
    Some(1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..at]).count())
}

/// Bytes that came from a text in whole characters, or from escapes that name one.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

mod directive;
mod scalar;
