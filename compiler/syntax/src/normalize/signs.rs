//! Signs of other languages, of consoles, of YAML and of HTML.

use erpc_diagnostics::{Diagnostic, codes};

use super::{Normalizer, characters};

impl Normalizer<'_, '_> {
    /// An ASCII character that is no letter, digit, bracket or white space.
    pub(super) fn ascii_sign(&mut self) {
        let rest = self.rest();
        let is_line_start = self.before().trim().is_empty();
        match rest.as_bytes() {
            [b'/' | b':' | b'@', ..] if self.bare_text() => {}
            [b'`', b'`', b'`', ..] => self.fence(),
            [b'\'', ..] => self.other_quote_or_skip("'"),
            [b'`', ..] => self.other_quote_or_skip("`"),
            [b'&', ..] => self.ampersand(),
            [b'|', b'|', ..] => {
                self.sign("`or` is written out", "not a sign of the language", 2, "or");
            }
            [b'!', b'=', ..] => self.at += 2,
            [b'!', ..] => self.exclamation(),
            [b'/', b'/', ..] if self.is_apart() => {
                self.sign("a comment starts with `#`", "not a comment here", 2, "#");
            }
            [b'/', b'*', ..] if self.is_apart() => self.comment_of_c(),
            [b'-', ..] if is_line_start => self.dash_at_line_start(),
            [b'-', b' ' | b'{', ..] if self.ends_name() => self.dash_behind_name(),
            [b'-', b'0'..=b'9', ..] if self.ends_quantity() || self.ends_least() => {
                let message = "a range is written with `..`, not with a `-`".to_owned();
                let end = self.at + 1;
                self.replace(
                    &codes::STRAY_CHARACTER,
                    message,
                    "between two ends",
                    end,
                    "..",
                );
            }
            [b':', b'a'..=b'z', ..] if self.is_apart() && !is_line_start => self.apart_from_port(),
            [b'-', b'-', b'>', ..] => self.sign("an arrow is written `->`", "too long", 3, "->"),
            [b'=', b'=', b'>', ..] => self.sign(
                "an arrow over services is written `=>`",
                "too long",
                3,
                "=>",
            ),
            [b'-' | b'=', b'>', ..] => {
                self.close_set();
                self.at += 2;
            }
            [b'*', ..] if self.before().trim_start().starts_with("job ") => self.bare_schedule(),
            [b'$', b' ', ..] if is_line_start => {
                self.sign("unexpected shell prompt", "not part of the program", 2, "");
            }
            [b'$', ..] => self.dollar(),
            [b'%', b'0'..=b'9', ..] if self.is_apart() => self.percent(),
            [b'.', b'.', ..] => self.dots(),
            [b'.', b'0'..=b'9', ..] if self.ends_version_letter() => self.version_letter(),
            [b':', b':', ..] if !self.is_in_address() => {
                self.sign("the port stands behind one `:`", "one too many", 2, ":");
            }
            [b':', b'=', ..] => self.defined(),
            [b, ..] => match characters::blank(char::from(*b)) {
                Some(meant) => self.blanks(char::from(*b), meant),
                None => self.at += 1,
            },
            [] => {}
        }
    }

    /// Whether white space, or nothing, stands before the current place on its line.
    fn is_apart(&self) -> bool {
        !self.before().ends_with(|c: char| !c.is_whitespace())
    }

    fn sign(&mut self, message: &str, label: &str, length: usize, new: &str) {
        let end = self.at + length;
        self.replace(&codes::STRAY_CHARACTER, message.to_owned(), label, end, new);
    }

    fn other_quote_or_skip(&mut self, quote: &str) {
        let shown = if quote == "`" { "``" } else { quote };
        let message = format!("text is written between two `\"`, not between two {shown}");
        let message = if quote == "`" {
            "text is written between two `\"`, not between backticks".to_owned()
        } else {
            message
        };
        if !self.other_quote(quote, quote, &codes::STRAY_CHARACTER, message) {
            self.at += 1;
        }
    }

    /// The fence of a code block, with the rest of its line.
    fn fence(&mut self) {
        let end = self.line_end();
        let message = "unexpected fence of a code block".to_owned();
        self.replace(
            &codes::STRAY_CHARACTER,
            message,
            "not part of the program",
            end,
            "",
        );
    }

    fn ampersand(&mut self) {
        let rest = self.rest();
        if rest.starts_with("&&") {
            self.sign(
                "`and` is written out",
                "not a sign of the language",
                2,
                "and",
            );
            return;
        }
        let Some((meant, length)) = characters::entity(rest) else {
            self.at += 1;
            return;
        };
        let written = &rest[..length];
        let message = format!("unexpected HTML entity `{written}`: expected `{meant}`");
        if meant == "\""
            && self.other_quote(written, written, &codes::STRAY_CHARACTER, message.clone())
        {
            return;
        }
        let end = self.at + length;
        self.replace(
            &codes::STRAY_CHARACTER,
            message,
            "pasted from a page",
            end,
            meant,
        );
    }

    fn exclamation(&mut self) {
        let behind = self.text[self.at + 1..].chars().next();
        if self.is_apart() && behind.is_some_and(|c| c.is_ascii_alphabetic() || c == '(') {
            self.sign(
                "`not` is written out",
                "not a sign of the language",
                1,
                "not ",
            );
        } else if self.is_apart() {
            self.at += 1;
        } else {
            self.sign("nothing is said with a `!`", "no meaning here", 1, "");
        }
    }

    /// `/* … */`, on one line or on several.
    fn comment_of_c(&mut self) {
        let start = self.at;
        let end = self.text[start..].find("*/").map(|at| start + at);
        let Some(end) = end else {
            self.sign("a comment starts with `#`", "not a comment here", 2, "#");
            return;
        };
        let mut edits = vec![(start, start + 2, "#")];
        let breaks = self.text[start..end].match_indices('\n');
        edits.extend(breaks.map(|(at, _)| (start + at + 1, start + at + 1, "# ")));
        let rest = self.text[end + 2..].split('\n').next().unwrap_or_default();
        edits.push((end, end + 2, if rest.trim().is_empty() { "" } else { "\n" }));
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "a comment starts with `#` and ends with its line",
        )
        .at(self.span(start, start + 2), "not a comment here");
        self.normalize(diagnostic, "write `#`", &edits);
        self.at = end + 2;
        self.line = self.text[..self.at].rfind('\n').map_or(0, |at| at + 1);
    }

    /// `---`, `-- a comment`, or the `-` of a list in YAML.
    fn dash_at_line_start(&mut self) {
        let line = &self.text[self.at..self.line_end()];
        if line.starts_with("---") && line.trim_end().bytes().all(|b| b == b'-') {
            let end = self.at + line.trim_end().len();
            let message = "a program has no separators such as `---`".to_owned();
            self.replace(
                &codes::STRAY_CHARACTER,
                message,
                "not part of the program",
                end,
                "",
            );
        } else if line.starts_with("-- ") {
            self.sign("a comment starts with `#`", "not a comment here", 2, "#");
        } else if line.starts_with("- ") {
            self.yaml_list();
        } else {
            self.at += 1;
        }
    }

    /// Whether `::` may be the middle of an IPv6 address: only hexadecimal digits around it.
    fn is_in_address(&self) -> bool {
        let is_other = |c: char| c.is_ascii_alphabetic() && !c.is_ascii_hexdigit();
        let before = self.before();
        let word = &before[before
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == ':')
            .len()..];
        let behind = self.rest()[2..]
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next();
        !word.contains(is_other) && !behind.is_some_and(|behind| behind.contains(is_other))
    }

    /// Whether a number with a unit ends here: `250m`.
    fn ends_quantity(&self) -> bool {
        let before = self.before();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let word = &before[before.trim_end_matches(is_part).len()..];
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.ends_with(|c: char| c.is_ascii_alphabetic())
            && !word.contains('-')
    }

    /// Whether the least number of pods ends here: `scale 2`.
    fn ends_least(&self) -> bool {
        let before = self.before();
        let front = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let head = front[front.rfind(['{', ';']).map_or(0, |at| at + 1)..].trim();
        front.len() < before.len() && matches!(head, "scale" | "scale:" | "scale =")
    }

    /// Whether the first number of a version ends here that is written as a tag of Git: `kubernetes v1`.
    fn ends_version_letter(&self) -> bool {
        let digits = |c: char| c.is_ascii_digit();
        let before = self.before();
        let front = before.trim_end_matches(digits);
        let head = front.strip_suffix(['v', 'V']).unwrap_or_default();
        let head = head[head.rfind(['{', ';']).map_or(0, |at| at + 1)..].trim();
        front.len() < before.len() && matches!(head, "kubernetes" | "kubernetes:" | "kubernetes =")
    }

    /// `kubernetes v1.34`.
    fn version_letter(&mut self) {
        let before = self.before();
        let front = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let start = self.line_start() + front.len() - 1;
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        let end = self.at + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let meant = &self.text[start + 1..end];
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            format!("the version of Kubernetes is a number, without a `v`: `{meant}`"),
        )
        .at(self.span(start, start + 1), "not part of the number");
        self.normalize(
            diagnostic,
            &format!("write `{meant}`"),
            &[(start, start + 1, "")],
        );
        self.at = end;
    }

    /// `orders :http`.
    fn apart_from_port(&mut self) {
        let before = self.before();
        let end = self.line_start() + before.trim_end().len();
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "the `:` of a port stands right behind the name, without a space",
        )
        .at(self.span(end, self.at), "not here");
        self.normalize(diagnostic, "remove the space", &[(end, self.at, "")]);
        self.at += 1;
    }

    /// Whether the name of a declaration ends here.
    fn ends_name(&self) -> bool {
        const DECLARATIONS: [&str; 7] = [
            "service",
            "job",
            "namespace",
            "external",
            "cluster",
            "sidecar",
            "init",
        ];
        let mut words = self.before().split_whitespace();
        let is_declaration = words
            .next()
            .is_some_and(|word| DECLARATIONS.contains(&word));
        is_declaration && words.next().is_some() && words.next().is_none() && !self.is_apart()
    }

    fn dash_behind_name(&mut self) {
        let before = self.before();
        let name = &before[before.rfind(' ').map_or(0, |at| at + 1)..];
        let message = format!("invalid name `{name}-`: ends with `-`");
        let end = self.at + 1;
        self.replace(&codes::BAD_NAME, message, "at the end", end, "");
    }

    /// Values on lines of their own behind `-`, below a single word; or one `-` before a statement.
    fn yaml_list(&mut self) {
        let first = self.at;
        let above = self.text[..self.line].trim_end();
        let word = above.rsplit('\n').next().unwrap_or_default().trim_start();
        let word = word.strip_suffix(':').unwrap_or(word);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if word.is_empty() || !word.chars().all(is_name) {
            self.sign(
                "a statement starts with its word, without a `-`",
                "not needed",
                2,
                "",
            );
            return;
        }
        let word_end = above.strip_suffix(':').unwrap_or(above).len();
        let mut edits = vec![(word_end, first + 2, " ")];
        let mut end = self.line_end();
        loop {
            let rest = &self.text[end..];
            let next = rest.trim_start();
            let item = end + rest.len() - next.len();
            if !next.starts_with("- ") || self.text[end..item].matches('\n').count() != 1 {
                break;
            }
            edits.push((end, item + 2, ", "));
            end = item + next.find('\n').unwrap_or(next.len());
        }
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            format!("the values of `{word}` follow it on its line, with commas between them"),
        )
        .at(self.span(first, first + 1), "a list as YAML writes it")
        .help(format!("write `{word} A, B`"));
        let last = edits.last().map_or(first + 2, |(_, to, _)| *to);
        self.normalize(diagnostic, "write the values on one line", &edits);
        // The lines between are read as they stand, in order.
        self.skip_items(first + 2, last);
    }

    /// Goes on behind the last `-` of a list; what stands in its items is read with the others only
    /// where the list has one.
    fn skip_items(&mut self, first: usize, last: usize) {
        self.at = if first == last { first } else { last };
        self.line = self.text[..self.at].rfind('\n').map_or(0, |at| at + 1);
    }

    /// `$NAME`, `${NAME}` outside a text.
    fn dollar(&mut self) {
        let rest = self.rest();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
        let braced = rest
            .strip_prefix("${")
            .and_then(|rest| rest.split_once('}'));
        if let Some((name, _)) =
            braced.filter(|(name, _)| !name.is_empty() && name.chars().all(is_name))
        {
            let (start, end) = (self.at, self.at + 3 + name.len());
            let diagnostic = Diagnostic::new(
                &codes::STRAY_CHARACTER,
                "`${` and `}` are only allowed in a string",
            )
            .at(self.span(start, start + 2), "only allowed in a string");
            let edits = [(start, start + 2, ""), (end - 1, end, "")];
            self.normalize(diagnostic, &format!("write `{name}`"), &edits);
            self.at = end;
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            self.sign(
                "a name is written without `$`",
                "not part of the name",
                1,
                "",
            );
        } else {
            self.at += 1;
        }
    }

    /// `every 0 3 * * *`, in which `*` would be read as an operator.
    fn bare_schedule(&mut self) {
        const EVERY: &str = " every ";
        let before = self.before();
        let Some(at) = before.find(EVERY).filter(|_| !before.contains('"')) else {
            self.at += 1;
            return;
        };
        let start = self.line_start() + at + EVERY.len();
        let rest = &self.text[start..self.line_end()];
        let end = [" is ", " {", " #"]
            .iter()
            .filter_map(|end| rest.find(end))
            .min();
        let written = rest[..end.unwrap_or(rest.len())].trim_end();
        let end = start + written.len();
        let diagnostic = Diagnostic::new(&codes::WRONG_TYPE, "a schedule is written in quotes")
            .at(self.span(start, end), "words without quotes")
            .help(format!("write `\"{written}\"`"));
        self.normalize(
            diagnostic,
            "put it in quotes",
            &[(start, start, "\""), (end, end, "\"")],
        );
        self.at = end;
    }

    /// `256 Mi`: a unit adjoins its number.
    pub(super) fn space_before_unit(&mut self) {
        const SURE: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "%", "ms"];
        const AT_END: [&str; 4] = ["m", "s", "h", "d"];
        let behind = self.rest().trim_start_matches(' ');
        let spaces = self.rest().len() - behind.len();
        let before = self.before();
        let is_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        let number = &before[before.trim_end_matches(is_name).len()..];
        let is_number = number.starts_with(|c: char| c.is_ascii_digit())
            || number.contains("..") && number.ends_with(|c: char| c.is_ascii_digit());
        let ends = |unit: &str| {
            let rest = &behind[unit.len()..];
            rest.is_empty()
                || rest.starts_with([' ', '\n', '\r', ',', ';', '}', ')'])
                || rest.starts_with("..")
        };
        let is_last = |unit: &str| {
            behind[unit.len()..].starts_with(['\n', '\r', ';'])
                || behind[unit.len()..].starts_with("..")
        };
        let sure = SURE
            .into_iter()
            .find(|unit| behind.starts_with(unit) && ends(unit));
        let unit = sure.or_else(|| {
            AT_END
                .into_iter()
                .find(|unit| behind.starts_with(unit) && is_last(unit))
        });
        match unit.filter(|_| is_number) {
            Some(_) => {
                let end = self.at + spaces;
                let message = "a unit stands right behind its number, without a space".to_owned();
                self.replace(&codes::STRAY_CHARACTER, message, "not here", end, "");
            }
            None => self.at += spaces,
        }
    }

    /// `,,`: one is enough.
    pub(super) fn comma(&mut self) {
        let behind = &self.rest()[1..];
        if behind.starts_with(|c: char| c.is_ascii_digit())
            && self.ends_whole_number()
            && !self.is_in_parens()
        {
            self.decimal_comma();
            return;
        }
        let next = behind.trim_start_matches(' ');
        let end = self.at + 1 + behind.len() - next.len();
        if next.starts_with(',') {
            self.at = end;
            self.sign("one `,` is enough", "one too many", 1, "");
        } else {
            self.at += 1;
        }
    }

    /// `...`, or `..` with spaces around it.
    fn dots(&mut self) {
        let before = self.before();
        let count = self.rest().bytes().take_while(|b| *b == b'.').count();
        let behind = &self.rest()[count..];
        let (spaces_before, spaces_behind) = (
            before.len() - before.trim_end().len(),
            behind.len() - behind.trim_start_matches([' ', '\t']).len(),
        );
        let is_value = |c: char| c.is_ascii_alphanumeric() || matches!(c, '"' | '%' | ')');
        let low = before.trim_end();
        let low = &low[low.rfind([' ', '\t', '(', ',']).map_or(0, |at| at + 1)..];
        let is_low = low.ends_with(is_value)
            && (spaces_before == 0 || low.starts_with(|c: char| c.is_ascii_digit()));
        let has_both = is_low && behind.trim_start_matches([' ', '\t']).starts_with(is_value);
        if !has_both || (count == 2 && spaces_before + spaces_behind == 0) {
            self.at += count;
            return;
        }
        let (start, end) = (self.at - spaces_before, self.at + count + spaces_behind);
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "a range is written with two dots, without spaces",
        )
        .at(
            self.span(self.at, self.at + count),
            if count > 2 {
                "one too many"
            } else {
                "spaces around it"
            },
        );
        self.normalize(diagnostic, "write `..`", &[(start, end, "..")]);
        self.at = end;
    }

    /// `name := value`.
    fn defined(&mut self) {
        let before = self.before();
        let indent = before.len() - before.trim_start().len();
        let word = before.trim();
        let at = self.at;
        let diagnostic = Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "a constant is written `let NAME = VALUE`",
        )
        .at(self.span(at, at + 2), "not a sign of the language");
        let is_word = !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let start = self.line_start() + indent;
        if is_word {
            self.normalize(
                diagnostic,
                "write `let` and `=`",
                &[(start, start, "let "), (at, at + 2, "=")],
            );
        } else {
            self.normalize(diagnostic, "write `=`", &[(at, at + 2, "=")]);
        }
        self.at = at + 2;
    }
}
