//! Brackets whose content no rule takes: where they end, and what is missing inside.

use erpc_diagnostics::{Diagnostic, Edit, codes};
use pest::Parser;
use pest::error::InputLocation;
use pest::iterators::Pair;

use super::Builder;
use crate::grammar::{Grammar, Rule};

impl Builder<'_> {
    /// The finding for a stretch that starts with a `(` or `[`, at the place in the bracket where reading stops;
    /// `is_call` where a name stands right before it.
    pub(super) fn unreadable_bracket(&self, pair: &Pair<'_, Rule>, is_call: bool) -> Diagnostic {
        let start = pair.as_span().start();
        let end = end_of_bracket(pair).unwrap_or(pair.as_span().end());
        let text = &pair.get_input()[start..end];
        let rule = match (text.starts_with('['), is_call) {
            (true, _) => Rule::list,
            (false, true) => Rule::arguments,
            (false, false) => Rule::group,
        };
        let stop = stop_of(rule, text).unwrap_or(text.len());
        let next = stop + (text[stop..].len() - text[stop..].trim_start().len());
        let token: String = text[next..]
            .chars()
            .take_while(|c| c.is_alphanumeric())
            .collect();
        let width = token
            .len()
            .max(text[next..].chars().next().map_or(0, char::len_utf8));
        let at = self.span_of(start + next, start + next + width);
        if rule != Rule::group
            && let Some(gaps) = missing_commas(rule, text)
        {
            let edits = gaps.into_iter().map(|gap| Edit {
                span: self.span_of(start + gap, start + gap),
                text: ",".to_owned(),
            });
            return Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                format!("expected `,` before `{}`", shown(&text[next..next + width])),
            )
            .at(at, "the next value starts here")
            .help("separate values by `,`")
            .fix_all("add a `,`", edits.collect());
        }
        let opened = self.span_of(start, start + 1);
        if next + width >= text.len() {
            let close = if text.starts_with('[') { "]" } else { ")" };
            return Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                format!("expected a value before this `{close}`"),
            )
            .at(at, "nothing before it")
            .also(opened, "opened here");
        }
        Diagnostic::new(
            &codes::BROKEN_STATEMENT,
            format!(
                "expected a value, found `{}`",
                shown(&text[next..next + width])
            ),
        )
        .at(at, "cannot be read")
        .also(opened, "in this bracket")
    }
}

/// Where a rule stops reading a text; `None` if it takes it.
fn stop_of(rule: Rule, text: &str) -> Option<usize> {
    let error = Grammar::parse(rule, text).err()?;
    Some(match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    })
}

/// The most commas that are added to a bracket.
const MAX_COMMAS: usize = 16;

/// Where commas are missing: with them a rule takes the text.
fn missing_commas(rule: Rule, text: &str) -> Option<Vec<usize>> {
    let mut gaps: Vec<usize> = Vec::new();
    let mut whole = text.to_owned();
    while let Some(stop) = stop_of(rule, &whole) {
        let behind = whole.get(..stop)?.trim_end().len();
        let is_new = gaps.last().is_none_or(|last| behind > last + gaps.len());
        if behind <= 1 || !is_new || gaps.len() == MAX_COMMAS {
            return None;
        }
        whole.insert(behind, ',');
        gaps.push(behind - gaps.len());
    }
    Some(gaps)
}

/// Where the bracket that starts a stretch ends, in the input of the pair. Strings are passed over.
pub(super) fn end_of_bracket(pair: &Pair<'_, Rule>) -> Option<usize> {
    let start = pair.as_span().start();
    let text = pair.get_input().get(start..)?;
    let mut depth = 0usize;
    let mut is_text = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if is_text => drop(chars.next()),
            '"' => is_text = !is_text,
            '(' | '[' if !is_text => depth += 1,
            ')' | ']' if !is_text => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(start + at + c.len_utf8());
                }
            }
            _ => {}
        }
    }
    None
}

/// A stretch of source as a message quotes it.
fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}
