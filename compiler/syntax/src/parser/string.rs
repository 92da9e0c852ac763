//! Strings: escapes, interpolation, and the indentation of `"""` blocks.

use erpc_diagnostics::{Diagnostic, codes};
use pest::iterators::{Pair, Pairs};

use super::Builder;
use crate::grammar::Rule;
use crate::tree::{StringLiteral, StringPart};

impl Builder<'_> {
    pub(super) fn string(&mut self, pair: Pair<'_, Rule>) -> StringLiteral {
        let Some(inner) = pair.into_inner().next() else {
            return StringLiteral {
                parts: Vec::new(),
                is_block: false,
            };
        };
        let is_block = inner.as_rule() == Rule::block_string;
        let mut parts = self.parts(inner.into_inner());
        if is_block {
            dedent(&mut parts);
        }
        StringLiteral { parts, is_block }
    }

    /// The parts of a string, neighbouring texts joined.
    pub(super) fn parts(&mut self, pairs: Pairs<'_, Rule>) -> Vec<StringPart> {
        let mut parts: Vec<StringPart> = Vec::new();
        let mut text = String::new();
        for pair in pairs {
            match pair.as_rule() {
                Rule::text | Rule::block_text | Rule::template_text => text.push_str(pair.as_str()),
                Rule::dollar => text.push_str("${"),
                Rule::escape => text.extend(self.escape(&pair)),
                Rule::interpolation => {
                    if !text.is_empty() {
                        parts.push(StringPart::Text(std::mem::take(&mut text).into()));
                    }
                    for inner in pair.into_inner() {
                        if inner.as_rule() == Rule::comment {
                            let comment = self.comment(&inner);
                            self.inner.push(comment);
                        } else {
                            parts.push(StringPart::Expr(self.expr(inner)));
                        }
                    }
                }
                Rule::broken_interpolation => {
                    let span = self.span(&pair);
                    self.diagnostics.push(
                        Diagnostic::new(
                            &codes::BROKEN_STATEMENT,
                            "what stands in this `${…}` cannot be read",
                        )
                        .at(span, "not one value")
                        .help("a literal `${` is written `$${`"),
                    );
                }
                _ => {}
            }
        }
        if !text.is_empty() {
            parts.push(StringPart::Text(text.into()));
        }
        parts
    }

    fn escape(&mut self, pair: &Pair<'_, Rule>) -> Option<char> {
        let c = pair.as_str().chars().nth(1)?;
        Some(match c {
            'n' => '\n',
            't' => '\t',
            '"' => '"',
            '\\' => '\\',
            '$' => '$',
            other => {
                let span = self.span(pair);
                self.diagnostics.push(
                    Diagnostic::new(&codes::BAD_ESCAPE, format!("unknown escape `\\{other}`"))
                        .at(span, "unknown escape")
                        .help("the escapes are `\\n`, `\\t`, `\\\"` and `\\\\`; a backslash itself is `\\\\`")
                        .fix("write a backslash", span, format!("\\\\{other}")),
                );
                return None;
            }
        })
    }
}

/// Removes the first line break and the indentation that all lines of a block share, which the
/// line of the closing quotes decides with them.
fn dedent(parts: &mut [StringPart]) {
    let mut shared: Option<usize> = None;
    let mut at_line_start = false;
    for part in parts.iter() {
        match part {
            StringPart::Text(text) => {
                let mut lines = text.split('\n').peekable();
                let mut is_first = true;
                while let Some(line) = lines.next() {
                    let starts_line = !is_first || at_line_start;
                    let width = line.len() - line.trim_start_matches([' ', '\t']).len();
                    let is_last = lines.peek().is_none();
                    if starts_line && (width < line.len() || is_last) {
                        shared = Some(shared.map_or(width, |s| s.min(width)));
                    }
                    is_first = false;
                }
                at_line_start = false;
            }
            StringPart::Expr(_) => at_line_start = false,
        }
    }
    let shared = shared.unwrap_or(0);
    for (n, part) in parts.iter_mut().enumerate() {
        let StringPart::Text(text) = part else {
            continue;
        };
        let mut out = String::with_capacity(text.len());
        for (k, line) in text.split('\n').enumerate() {
            if k > 0 {
                out.push('\n');
                let width = line.len() - line.trim_start_matches([' ', '\t']).len();
                out.push_str(&line[width.min(shared)..]);
            } else {
                out.push_str(line);
            }
        }
        if n == 0 && out.starts_with('\n') {
            out.remove(0);
        }
        *text = out.into();
    }
}
