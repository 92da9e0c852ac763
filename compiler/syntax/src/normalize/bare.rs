//! Texts without quotes that no rule of the grammar could read: image references with a path, addresses
//! with a scheme. Most other languages of configuration take them as they stand.

use erpc_diagnostics::{Diagnostic, codes};

use super::Normalizer;

/// Words that are followed by one text.
const TEXT_WORDS: [&str; 6] = [
    "image",
    "registry",
    "registries",
    "domain",
    "version",
    "title",
];

/// Where a text without quotes stands.
struct Bare {
    /// `image`, or `env NAME`.
    head: String,
    /// Where the head ends.
    head_end: usize,
    start: usize,
    end: usize,
    /// The sign between head and text that is not the language's: `:`.
    has_colon: bool,
    /// What stands between the head and the text in the language.
    between: &'static str,
}

impl Normalizer<'_, '_> {
    /// At a `/`, `:` or `@`: the rest of a text that stands without quotes, which is put into them;
    /// `false` where it is none.
    pub(super) fn bare_text(&mut self) -> bool {
        let Some(bare) = self.find_bare() else {
            return false;
        };
        let written = &self.text[bare.start..bare.end];
        let (head, between) = (&bare.head, bare.between);
        let meant = format!("{between}\"");
        let (code, message, label, from) = if bare.has_colon {
            (
                &codes::BROKEN_STATEMENT,
                format!("unexpected `:` after `{head}`"),
                "as YAML writes it",
                bare.head_end,
            )
        } else {
            (
                &codes::WRONG_TYPE,
                format!("the text behind `{head}` stands in quotes"),
                "expected quotes around this string",
                bare.start,
            )
        };
        let diagnostic = Diagnostic::new(code, message)
            .at(self.span(from, bare.end), label)
            .help(format!("write `{head}{between}\"{written}\"`"));
        let open = if bare.has_colon {
            (bare.head_end, bare.start, meant.as_str())
        } else {
            (bare.start, bare.start, "\"")
        };
        self.normalize(
            diagnostic,
            "put it in quotes",
            &[open, (bare.end, bare.end, "\"")],
        );
        self.at = bare.end;
        true
    }

    fn find_bare(&self) -> Option<Bare> {
        let rest = self.rest();
        let before = self.before();
        let sign = rest.chars().next()?;
        let is_url = rest.starts_with("://");
        let is_inside = before.ends_with(|c: char| c.is_ascii_alphanumeric());
        if !is_inside
            || (sign == ':' && !is_url && !rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            return None;
        }
        let statement = before.rfind(['{', ';']).map_or(0, |at| at + 1);
        let indent = before[statement..].len() - before[statement..].trim_start().len();
        let from = self.line_start() + statement + indent;
        let code = &before[statement + indent..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let word = &code[..code.find(|c| !is_name(c)).unwrap_or(code.len())];
        let (head, value) = if TEXT_WORDS.contains(&word) {
            (word, &code[word.len()..])
        } else if word == "env" {
            let name = code[3..].trim_start();
            let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
            (&code[..code.len() - name.len() + length], &name[length..])
        } else {
            return None;
        };
        let is_env = word == "env";
        let has_colon = value.trim_start().starts_with(':');
        let sign = if is_env { [":", "="] } else { [":", ":"] };
        let after = value.trim_start();
        let unsigned = sign.iter().find_map(|sign| after.strip_prefix(*sign));
        let start_of = unsigned.unwrap_or(value).trim_start();
        let needs_sign = is_env && unsigned.is_none();
        let is_apart = unsigned.is_some() || value.starts_with([' ', '\t']);
        if start_of.is_empty()
            || needs_sign
            || !is_apart
            || start_of.contains([' ', '\t', '"', '(', '\''])
        {
            return None;
        }
        let start = self.at - start_of.len();
        let end = self.bare_end(start)?;
        Some(Bare {
            head: head.split_whitespace().collect::<Vec<_>>().join(" "),
            head_end: from + head.len(),
            start,
            end,
            has_colon,
            between: if is_env { " = " } else { " " },
        })
    }

    /// Where the text ends that starts there, if nothing but the end of its statement follows.
    fn bare_end(&self, start: usize) -> Option<usize> {
        let line = &self.text[start..self.line_end()];
        let length = line
            .find([' ', '\t', '\r', ';', '"', ','])
            .unwrap_or(line.len());
        let mut text = &line[..length];
        while text.ends_with('}') && text.matches('}').count() > text.matches('{').count() {
            text = &text[..text.len() - 1];
        }
        let behind = line[text.len()..].trim_start();
        let is_end = behind.is_empty() || behind.starts_with([';', '}', '#']);
        let is_name_with_port = !text.contains(['/', '@'])
            && text
                .split_once(':')
                .is_some_and(|(_, tag)| !tag.contains(['.', ':', '-']));
        // A name with a port is read by the grammar, and a better judge of what it means.
        (is_end && !is_name_with_port).then_some(start + text.len())
    }
}
