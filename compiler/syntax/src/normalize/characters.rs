//! Characters that stand for others: letters of other alphabets that look Latin, quotes, dashes and
//! arrows as word processors set them, spaces that are none of the keyboard.

/// The Latin letter that a letter of another alphabet looks like, and that alphabet.
#[must_use]
pub fn latin_twin(c: char) -> Option<(char, &'static str)> {
    const CYRILLIC: [(char, char); 39] = [
        ('а', 'a'),
        ('в', 'b'),
        ('с', 'c'),
        ('ԁ', 'd'),
        ('е', 'e'),
        ('һ', 'h'),
        ('і', 'i'),
        ('ј', 'j'),
        ('к', 'k'),
        ('м', 'm'),
        ('п', 'n'),
        ('о', 'o'),
        ('р', 'p'),
        ('ԛ', 'q'),
        ('г', 'r'),
        ('ѕ', 's'),
        ('т', 't'),
        ('ѵ', 'v'),
        ('ԝ', 'w'),
        ('х', 'x'),
        ('у', 'y'),
        ('А', 'A'),
        ('В', 'B'),
        ('С', 'C'),
        ('Е', 'E'),
        ('Н', 'H'),
        ('І', 'I'),
        ('Ј', 'J'),
        ('К', 'K'),
        ('М', 'M'),
        ('О', 'O'),
        ('Р', 'P'),
        ('Ѕ', 'S'),
        ('Т', 'T'),
        ('Х', 'X'),
        ('У', 'Y'),
        ('З', '3'),
        ('Ԍ', 'G'),
        ('ё', 'e'),
    ];
    const GREEK: [(char, char); 18] = [
        ('α', 'a'),
        ('ο', 'o'),
        ('ρ', 'p'),
        ('ν', 'v'),
        ('υ', 'u'),
        ('ι', 'i'),
        ('κ', 'k'),
        ('τ', 't'),
        ('Α', 'A'),
        ('Β', 'B'),
        ('Ε', 'E'),
        ('Η', 'H'),
        ('Ι', 'I'),
        ('Κ', 'K'),
        ('Μ', 'M'),
        ('Ο', 'O'),
        ('Ρ', 'P'),
        ('Τ', 'T'),
    ];
    let find = |table: &[(char, char)], name| {
        let found = table.iter().find(|(other, _)| *other == c);
        found.map(|(_, latin)| (*latin, name))
    };
    find(&CYRILLIC, "Cyrillic")
        .or_else(|| find(&GREEK, "Greek"))
        .or_else(|| {
            full_width(c)
                .filter(char::is_ascii_alphanumeric)
                .map(|latin| (latin, "full-width"))
        })
}

/// The ASCII character of a full-width form (U+FF01 to U+FF5E).
pub(crate) fn full_width(c: char) -> Option<char> {
    let code = u32::from(c);
    (0xFF01..=0xFF5E)
        .contains(&code)
        .then(|| char::from_u32(code - 0xFEE0))
        .flatten()
}

/// Whether word processors and web pages write this for a quote.
pub(crate) const fn is_typographic_quote(c: char) -> bool {
    matches!(
        c,
        '“' | '”' | '„' | '«' | '»' | '‟' | '″' | '‘' | '’' | '‚' | '‹' | '›' | '‛'
    )
}

/// Whether this is a dash or minus that is not the keyboard's.
pub(crate) const fn is_dash(c: char) -> bool {
    matches!(c, '–' | '—' | '−' | '‐' | '‑' | '‒' | '―')
}

/// What a space or mark that is not the keyboard's stands for: a space, or nothing.
pub(crate) fn blank(c: char) -> Option<&'static str> {
    match c {
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}'
        | '\u{ad}' => Some(""),
        c if c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}') => Some(""),
        c if c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r') => Some(" "),
        _ => None,
    }
}

/// A name for a blank that people know.
pub(crate) fn blank_name(c: char) -> String {
    let name = match c {
        '\u{a0}' => "a space that does not break, U+00A0,",
        '\u{202f}' => "a narrow space that does not break, U+202F,",
        '\u{200b}' => "a space of no width, U+200B,",
        '\u{200e}' | '\u{200f}' => "an invisible mark of writing direction",
        '\u{feff}' => "an invisible byte order mark, U+FEFF,",
        '\u{ad}' => "an invisible soft hyphen, U+00AD,",
        '\u{b}' => "a vertical tab, U+000B,",
        '\u{c}' => "a form feed, U+000C,",
        c if c.is_control() => return format!("the control character U+{:04X}", u32::from(c)),
        c => return format!("the invisible character U+{:04X}", u32::from(c)),
    };
    name.to_owned()
}

/// What a sign of mathematics or typography is written as in the language.
pub(crate) const fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '→' | '⟶' | '➔' | '➜' => "->",
        '⇒' | '⟹' => "=>",
        '…' => "..",
        '×' => "*",
        '÷' => "/",
        '≤' => "<=",
        '≥' => ">=",
        '≠' => "!=",
        _ => return None,
    })
}

/// A character as HTML writes it, at the start of a text, with the length of the writing.
pub(crate) fn entity(text: &str) -> Option<(&'static str, usize)> {
    const ENTITIES: [(&str, &str); 8] = [
        ("&gt;", ">"),
        ("&lt;", "<"),
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
    ];
    ENTITIES
        .iter()
        .find(|(written, _)| text.starts_with(written))
        .map(|(written, meant)| (*meant, written.len()))
}
