//! Directives and tags, which manifests hardly ever have.

use super::{Scanned, Scanner, Token, text};

impl Scanner<'_> {
    pub(super) fn fetch_directive(&mut self) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.allows_simple_key = false;
        let line = self.mark.line;
        self.skip();
        let mut name = Vec::new();
        while self.is_alpha() {
            self.read(&mut name);
        }
        if name.is_empty() || !self.is_blankz() {
            return Err(self.broken("expected the name of a directive after `%`"));
        }
        self.skip_blanks();
        let token = match name.as_slice() {
            b"YAML" => {
                let major = self.version_number()?;
                if self.byte(0) != b'.' {
                    return Err(self.broken("expected a version such as `1.1` after `%YAML`"));
                }
                self.skip();
                let minor = self.version_number()?;
                Token::Version { major, minor }
            }
            b"TAG" => {
                let handle = self.tag_handle(true)?;
                if !self.is_blank() {
                    return Err(self.broken("expected a space after the handle of a `%TAG`"));
                }
                self.skip_blanks();
                let prefix = self.tag_uri(None)?;
                if !self.is_blankz() {
                    return Err(self.broken("expected the end of the line after a `%TAG`"));
                }
                Token::TagDirective { handle, prefix }
            }
            _ => return Err(self.broken("unknown directive: YAML has `%YAML` and `%TAG`")),
        };
        self.skip_blanks();
        self.skip_comment();
        if !self.is_breakz() {
            return Err(self.broken("expected the end of the line after a directive"));
        }
        self.skip_line();
        self.push(token, line);
        Ok(())
    }

    fn version_number(&mut self) -> Scanned<u32> {
        let (mut value, mut length) = (0, 0);
        while self.byte(0).is_ascii_digit() {
            value = value * 10 + u32::from(self.byte(0) - b'0');
            length += 1;
            self.skip();
            if length > 2 {
                break;
            }
        }
        if (1..=2).contains(&length) {
            Ok(value)
        } else {
            Err(self.broken("expected a version such as `1.1` after `%YAML`"))
        }
    }

    pub(super) fn fetch_tag(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.allows_simple_key = false;
        let line = self.mark.line;
        let (handle, suffix) = if self.byte(1) == b'<' {
            self.skip();
            self.skip();
            let suffix = self.tag_uri(None)?;
            if self.byte(0) != b'>' {
                return Err(self.broken("expected `>` at the end of this tag"));
            }
            self.skip();
            (String::new(), suffix)
        } else {
            let handle = self.tag_handle(false)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri(None)?;
                (handle, suffix)
            } else {
                let suffix = self.tag_uri(Some(&handle))?;
                if suffix.is_empty() {
                    (String::new(), "!".to_owned())
                } else {
                    ("!".to_owned(), suffix)
                }
            }
        };
        if !self.is_blankz() {
            return Err(self.broken("expected a space after this tag"));
        }
        self.push(Token::Tag { handle, suffix }, line);
        Ok(())
    }

    fn tag_handle(&mut self, is_directive: bool) -> Scanned<String> {
        if self.byte(0) != b'!' {
            return Err(self.broken("expected `!` at the start of a tag"));
        }
        let mut handle = Vec::new();
        self.read(&mut handle);
        while self.is_alpha() {
            self.read(&mut handle);
        }
        if self.byte(0) == b'!' {
            self.read(&mut handle);
        } else if is_directive && handle != b"!" {
            return Err(self.broken("expected `!` at the end of the handle of a `%TAG`"));
        }
        Ok(text(handle))
    }

    fn tag_uri(&mut self, head: Option<&str>) -> Scanned<String> {
        let mut uri: Vec<u8> = Vec::new();
        let mut has_tag = false;
        if let Some(head) = head {
            has_tag = !head.is_empty();
            uri.extend(head.bytes().skip(1));
        }
        while self.is_alpha() || !self.is_end() && b";/?:@&=+$,.!~*'()[]%".contains(&self.byte(0)) {
            if self.byte(0) == b'%' {
                let hex = |byte: u8| char::from(byte).to_digit(16);
                let octet = hex(self.byte(1)).zip(hex(self.byte(2)));
                let Some((high, low)) = octet else {
                    return Err(self.broken("expected two hexadecimal digits after `%` in a tag"));
                };
                // Two hexadecimal digits are at most 255.
                uri.push(u8::try_from(high * 16 + low).unwrap_or(u8::MAX));
                for _ in 0..3 {
                    self.skip();
                }
            } else {
                self.read(&mut uri);
            }
            has_tag = true;
        }
        if !has_tag {
            return Err(self.broken("expected the name of a tag"));
        }
        String::from_utf8(uri).map_err(|_| self.broken("a tag must be UTF-8"))
    }
}
