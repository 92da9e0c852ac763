//! The tokens of a text: what formatting must keep. Tokens are found without the grammar, so that they
//! exist in any text, also where nothing can be parsed.

/// White space between tokens. Other characters that look blank are tokens: they are mistakes of the
/// author, which `fmt` keeps.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether two texts have the same tokens and comments, disregarding `;` and line breaks.
pub(super) fn are_same(before: &str, after: &str) -> bool {
    let written = |text| {
        Tokens::new(text)
            .map(|(_, token)| token)
            .filter(|token| *token != ";")
    };
    written(before).eq(written(after))
}

/// An expression with one space where it has white space, and the usual spaces around commas, brackets
/// and the `=` of a default value.
pub(super) fn spaced(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut end = 0;
    let mut before = "";
    for (start, token) in Tokens::new(source) {
        let is_default = |text| text == "=";
        let is_apart = match (before, token) {
            ("" | "(" | "[" | "{", _) | (_, ")" | "]" | "}" | ",") => false,
            (",", _) => true,
            (left, right) => start > end || is_default(left) || is_default(right),
        };
        if is_apart {
            out.push(' ');
        }
        out.push_str(token);
        end = start + token.len();
        before = token;
    }
    out
}

/// Comments, strings, words, operators of more than one character, and every other character by itself,
/// each with the place where it starts.
struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let written = rest.trim_start_matches(BLANKS);
        let start = self.at + rest.len() - written.len();
        let length = match written.chars().next()? {
            '#' => line_of(written).trim_end_matches(BLANKS).len(),
            '"' => string_length(written),
            '=' | '!' | '<' | '>' if written[1..].starts_with(['=', '>']) => 2,
            c if is_word(c) => written.find(|c| !is_word(c)).unwrap_or(written.len()),
            c => c.len_utf8(),
        };
        self.at = start + length;
        Some((start, &written[..length]))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(text: &str) -> &str {
    text.find('\n').map_or(text, |end| &text[..end])
}

/// What is open inside a string.
enum Open {
    /// `"…"`.
    Line,
    /// `"""…"""`.
    Block,
    /// `${…}`, with this many braces open in it.
    Interpolation(usize),
}

/// The length of the string at the start of a text. One without its closing quote ends with its line.
fn string_length(text: &str) -> usize {
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let step = match open.last_mut() {
            None | Some(Open::Interpolation(_)) if rest.starts_with("\"\"\"") => {
                open.push(Open::Block);
                3
            }
            None | Some(Open::Interpolation(_)) if rest.starts_with('"') => {
                open.push(Open::Line);
                1
            }
            None => return at,
            Some(Open::Interpolation(braces)) => match rest.as_bytes()[0] {
                b'#' => line_of(rest).len(),
                b'{' => {
                    *braces += 1;
                    1
                }
                b'}' => {
                    *braces -= 1;
                    if *braces == 0 {
                        open.pop();
                    }
                    1
                }
                _ => width(rest),
            },
            Some(Open::Line | Open::Block) if rest.starts_with("$${") => 3,
            Some(Open::Line | Open::Block) if rest.starts_with("${") => {
                open.push(Open::Interpolation(1));
                2
            }
            Some(Open::Block) if rest.starts_with("\"\"\"") => {
                open.pop();
                3
            }
            Some(Open::Block) => width(rest),
            Some(Open::Line) => match rest.as_bytes()[0] {
                b'"' => {
                    open.pop();
                    1
                }
                b'\\' if !rest[1..].starts_with('\n') => 1 + width(&rest[1..]),
                b'\n' => {
                    while matches!(open.last(), Some(Open::Line | Open::Interpolation(_))) {
                        open.pop();
                    }
                    if open.is_empty() {
                        return at;
                    }
                    1
                }
                _ => width(rest),
            },
        };
        at += step;
        if open.is_empty() {
            return at;
        }
    }
    text.len()
}

/// The width of the first character; 0 of an empty text.
fn width(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
