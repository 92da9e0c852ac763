//! Scalars: plain, quoted, and blocks behind `|` and `>`.

use super::{Scanned, Scanner, Style, Token, text};

/// What separates the words and lines of a scalar: it becomes part of the value only when more of
/// the value follows.
#[derive(Default)]
struct Gap {
    spaces: Vec<u8>,
    first_break: Vec<u8>,
    more_breaks: Vec<u8>,
    has_break: bool,
}

impl Gap {
    fn is_empty(&self) -> bool {
        !self.has_break && self.spaces.is_empty()
    }

    /// Writes the gap folded: one end of a line is a space, more are one less.
    fn fold_into(&mut self, value: &mut Vec<u8>) {
        if !self.has_break {
            value.append(&mut self.spaces);
            return;
        }
        if self.first_break.first() == Some(&b'\n') {
            if self.more_breaks.is_empty() {
                value.push(b' ');
            }
        } else {
            value.append(&mut self.first_break);
        }
        value.append(&mut self.more_breaks);
        self.first_break.clear();
        self.has_break = false;
    }
}

impl Scanner<'_> {
    pub(super) fn fetch_plain_scalar(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.allows_simple_key = false;
        let line = self.mark.line;
        let indent = self.indent + 1;
        let mut value = Vec::new();
        let mut gap = Gap::default();
        loop {
            if self.mark.column == 0 && self.is_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            while !self.is_blankz() {
                let byte = self.byte(0);
                let ends = byte == b':' && self.is_blankz_at(1)
                    || self.is_flow() && matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}');
                if ends {
                    break;
                }
                if !gap.is_empty() {
                    gap.fold_into(&mut value);
                }
                self.read(&mut value);
            }
            if !self.is_blank() && !self.is_break() {
                break;
            }
            while self.is_blank() || self.is_break() {
                if gap.has_break && self.byte(0) == b'\t' && self.column() < indent {
                    return Err(self.broken("indentation must be spaces, found a tab"));
                }
                self.gap(&mut gap);
            }
            if !self.is_flow() && self.column() < indent {
                break;
            }
        }
        let value = text(value);
        self.push(
            Token::Scalar {
                value,
                style: Style::Plain,
            },
            line,
        );
        if gap.has_break {
            self.allows_simple_key = true;
        }
        Ok(())
    }

    /// Reads a space or an end of a line between the words of a scalar.
    fn gap(&mut self, gap: &mut Gap) {
        match (self.is_blank(), gap.has_break) {
            (true, true) => self.skip(),
            (true, false) => self.read(&mut gap.spaces),
            (false, true) => self.read_line(&mut gap.more_breaks),
            (false, false) => {
                gap.spaces.clear();
                self.read_line(&mut gap.first_break);
                gap.has_break = true;
            }
        }
    }

    pub(super) fn fetch_flow_scalar(&mut self, is_single: bool) -> Scanned<()> {
        self.save_simple_key()?;
        self.allows_simple_key = false;
        let start = self.mark.line;
        let quote = if is_single { b'\'' } else { b'"' };
        self.skip();
        let mut value = Vec::new();
        let mut gap = Gap::default();
        loop {
            if self.mark.column == 0 && self.is_document_indicator() || self.is_end() {
                let mut broken = self.broken("this quote is not closed");
                broken.line = start + 1;
                return Err(broken);
            }
            gap.has_break = false;
            while !self.is_blankz() {
                let byte = self.byte(0);
                if is_single && byte == quote && self.byte(1) == quote {
                    value.push(quote);
                    self.skip();
                    self.skip();
                } else if byte == quote {
                    break;
                } else if !is_single && byte == b'\\' && self.break_at(1) > 0 {
                    self.skip();
                    self.skip_line();
                    gap.has_break = true;
                    break;
                } else if !is_single && byte == b'\\' {
                    self.escape(&mut value)?;
                } else {
                    self.read(&mut value);
                }
            }
            if self.byte(0) == quote && !self.is_end() {
                break;
            }
            // After an escaped end of a line `first_break` is empty, and nothing stands for it.
            while self.is_blank() || self.is_break() {
                self.gap(&mut gap);
            }
            gap.fold_into(&mut value);
        }
        self.skip();
        let value = text(value);
        let style = Style::Quoted;
        self.push(Token::Scalar { value, style }, start);
        Ok(())
    }

    fn escape(&mut self, value: &mut Vec<u8>) -> Scanned<()> {
        let digits = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let simple = match self.byte(1) {
            b'0' => '\0',
            b'a' => '\x07',
            b'b' => '\x08',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\x0B',
            b'f' => '\x0C',
            b'r' => '\r',
            b'e' => '\x1B',
            b' ' => ' ',
            b'"' => '"',
            b'\'' => '\'',
            b'\\' => '\\',
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' | b'u' | b'U' => '\0',
            _ => return Err(self.broken("unknown escape after `\\`")),
        };
        let mut character = simple;
        if digits > 0 {
            let mut code: u32 = 0;
            for ahead in 2..2 + digits {
                let Some(digit) = char::from(self.byte(ahead)).to_digit(16) else {
                    return Err(self.broken("expected hexadecimal digits in this escape"));
                };
                code = code.wrapping_mul(16).wrapping_add(digit);
            }
            character = match char::from_u32(code) {
                Some(character) => character,
                None => return Err(self.broken("this escape is not a Unicode character")),
            };
        }
        value.extend(character.encode_utf8(&mut [0; 4]).bytes());
        for _ in 0..2 + digits {
            self.skip();
        }
        Ok(())
    }

    pub(super) fn fetch_block_scalar(&mut self, is_literal: bool) -> Scanned<()> {
        self.remove_simple_key()?;
        self.allows_simple_key = true;
        let line = self.mark.line;
        self.skip();
        let (keep, increment) = self.block_header()?;
        let mut indent = match increment {
            0 => 0,
            _ => self.indent.max(0) + increment,
        };
        let mut value = Vec::new();
        let mut first_break = Vec::new();
        let mut breaks = Vec::new();
        self.block_breaks(&mut indent, &mut breaks)?;
        let mut was_blank = false;
        while self.column() == indent && !self.is_end() {
            let is_blank = self.is_blank();
            let folds =
                !is_literal && !was_blank && !is_blank && first_break.first() == Some(&b'\n');
            if folds {
                if breaks.is_empty() {
                    value.push(b' ');
                }
                first_break.clear();
            } else {
                value.append(&mut first_break);
            }
            value.append(&mut breaks);
            was_blank = is_blank;
            while !self.is_breakz() {
                self.read(&mut value);
            }
            self.read_line(&mut first_break);
            self.block_breaks(&mut indent, &mut breaks)?;
        }
        if keep != Keep::None {
            value.append(&mut first_break);
        }
        if keep == Keep::All {
            value.append(&mut breaks);
        }
        let value = text(value);
        let style = Style::Block;
        self.push(Token::Scalar { value, style }, line);
        Ok(())
    }

    /// `|`, `|-`, `|+2` and so on, up to the end of the line.
    fn block_header(&mut self) -> Scanned<(Keep, isize)> {
        let mut keep = None;
        let mut increment = None;
        loop {
            match self.byte(0) {
                sign @ (b'+' | b'-') if keep.is_none() => {
                    keep = Some(if sign == b'+' { Keep::All } else { Keep::None });
                }
                b'0' if increment.is_none() => {
                    return Err(self.broken("the indentation of a block must be from 1 to 9"));
                }
                digit @ b'1'..=b'9' if increment.is_none() => {
                    increment = Some(isize::from(digit - b'0'));
                }
                _ => break,
            }
            self.skip();
        }
        self.skip_blanks();
        self.skip_comment();
        if !self.is_breakz() {
            return Err(self.broken("the text of a block must start on the next line"));
        }
        self.skip_line();
        Ok((keep.unwrap_or(Keep::One), increment.unwrap_or(0)))
    }

    fn block_breaks(&mut self, indent: &mut isize, breaks: &mut Vec<u8>) -> Scanned<()> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.column() < *indent) && self.byte(0) == b' ' {
                self.skip();
            }
            deepest = deepest.max(self.column());
            if (*indent == 0 || self.column() < *indent) && self.byte(0) == b'\t' {
                return Err(self.broken("indentation must be spaces, found a tab"));
            }
            if !self.is_break() {
                break;
            }
            self.read_line(breaks);
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}

/// Which ends of lines at the end of a block belong to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    None,
    One,
    All,
}
