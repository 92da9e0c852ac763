//! The change of one field as lines: both values on one line where they are short, else a diff by
//! lines, so that both sides never read the same.

use serde_json::Value;
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff};

use crate::diff::FieldChange;
use crate::paint::Detail;

/// Values up to this many characters stand on the line of their field.
const WIDEST: usize = 72;
/// Lines of a diff that are shown without `--verbose`.
const MOST_LINES: usize = 12;
/// A longer line is cut around its difference without `--verbose`.
const LONGEST_LINE: usize = 120;
/// Unchanged characters before the difference in a line that is cut.
const BEFORE_DIFFERENCE: usize = 24;
/// Unchanged lines around a changed one.
const CONTEXT: usize = 1;
/// Beyond so many lines, only a common start and end are looked for: a minimal diff takes quadratic time.
const MOST_COMPARED: usize = 5_000;

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `+`, `-`, or a space for an unchanged line.
    pub(super) sign: char,
    pub(super) text: String,
}

/// How the change of a field is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// On the line of the field.
    Inline(String),
    /// Below it; then how many lines are left out.
    Below(Vec<Line>, usize),
}

/// How the change of a field is shown.
pub(super) fn shown(change: &FieldChange, detail: Detail) -> Shown {
    let is_short = |value: &Option<Value>| {
        value.as_ref().is_none_or(|value| {
            !is_multiline(value) && value.to_string().chars().take(WIDEST + 1).count() <= WIDEST
        })
    };
    if is_short(&change.old) && is_short(&change.new) {
        return Shown::Inline(match (&change.old, &change.new) {
            (Some(old), Some(new)) => format!("{old} → {new}"),
            (None, Some(new)) => format!("+ {new}"),
            (Some(old), None) => format!("- {old}"),
            (None, None) => String::new(),
        });
    }
    let mut lines = diff(change);
    if detail == Detail::Full {
        return Shown::Below(lines, 0);
    }
    let left_out = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    cut_around_differences(&mut lines);
    Shown::Below(lines, left_out)
}

/// The whole change as the lines of a diff.
pub(super) fn diff(change: &FieldChange) -> Vec<Line> {
    let (old, new) = (as_lines(&change.old), as_lines(&change.new));
    if old.len() + new.len() > MOST_COMPARED {
        return coarse(&old, &new);
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (
        old.iter().map(String::as_str).collect(),
        new.iter().map(String::as_str).collect(),
    );
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .diff_slices(&old, &new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(CONTEXT) {
        let changes = group.iter().flat_map(|op: &DiffOp| diff.iter_changes(op));
        lines.extend(changes.map(|change| Line {
            sign: match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Insert => '+',
                ChangeTag::Delete => '-',
            },
            text: change.value().to_owned(),
        }));
    }
    lines
}

/// What is left of both sides without their common start and end.
fn coarse(old: &[String], new: &[String]) -> Vec<Line> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[start..], &new[start..]);
    let ends = old.iter().rev().zip(new.iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let of = |sign: char, lines: &[String]| -> Vec<Line> {
        let texts = lines[..lines.len() - end].iter();
        texts
            .map(|text| Line {
                sign,
                text: text.clone(),
            })
            .collect()
    };
    let mut lines = of('-', old);
    lines.extend(of('+', new));
    lines
}

fn is_multiline(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.trim_end_matches('\n').contains('\n'))
}

/// Text by its lines, anything else as indented JSON. Control characters never reach a terminal.
fn as_lines(value: &Option<Value>) -> Vec<String> {
    match value {
        None => Vec::new(),
        Some(Value::String(text)) => text.lines().map(visible).collect(),
        Some(value) => format!("{value:#}").lines().map(str::to_owned).collect(),
    }
}

fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\t' => out.push('\t'),
            control if control.is_control() => out.extend(control.escape_default()),
            other => out.push(other),
        }
    }
    out
}

/// Cuts long lines, each removed line and its successor at the same place, so that the difference is seen.
fn cut_around_differences(lines: &mut [Line]) {
    let mut at = 0;
    while at < lines.len() {
        let removed = run(&lines[at..], '-');
        let added = run(&lines[at + removed..], '+');
        if removed + added == 0 {
            cut(&mut lines[at].text, 0);
            at += 1;
            continue;
        }
        for pair in 0..removed.max(added) {
            let old = (pair < removed).then_some(at + pair);
            let new = (pair < added).then_some(at + removed + pair);
            let from = match (old, new) {
                (Some(old), Some(new)) => first_difference(&lines[old].text, &lines[new].text),
                _ => 0,
            };
            for line in [old, new].into_iter().flatten() {
                cut(&mut lines[line].text, from);
            }
        }
        at += removed + added;
    }
}

fn run(lines: &[Line], sign: char) -> usize {
    lines.iter().take_while(|line| line.sign == sign).count()
}

fn first_difference(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// Cuts a line to what stands around its character `difference`.
fn cut(text: &mut String, difference: usize) {
    let length = text.chars().count();
    if length <= LONGEST_LINE {
        return;
    }
    let latest = length - LONGEST_LINE;
    let start = difference.saturating_sub(BEFORE_DIFFERENCE).min(latest);
    let part: String = text.chars().skip(start).take(LONGEST_LINE).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start < latest { "…" } else { "" };
    *text = format!("{before}{part}{after}");
}

#[cfg(test)]
mod tests {
    use super::{Detail, Shown, diff, shown};
    use crate::diff::FieldChange;
    use serde_json::{Value, json};

    fn change(old: Value, new: Value) -> FieldChange {
        FieldChange {
            path: crate::path::FieldPath::from_names(&["data", "app.yml"]),
            old: Some(old),
            new: Some(new),
        }
    }

    fn text(change: &FieldChange, detail: Detail) -> String {
        match shown(change, detail) {
            Shown::Inline(text) => text,
            Shown::Below(lines, left_out) => {
                let lines: Vec<String> = lines
                    .iter()
                    .map(|line| format!("{}{}", line.sign, line.text))
                    .collect();
                format!("{}\n({left_out} left out)", lines.join("\n"))
            }
        }
    }

    #[test]
    fn short_values_stand_on_one_line() {
        assert_eq!(
            text(&change(json!("a:1"), json!("a:2")), Detail::Short),
            r#""a:1" → "a:2""#
        );
        assert_eq!(text(&change(json!(1), json!(2)), Detail::Short), "1 → 2");
    }

    #[test]
    fn a_text_of_several_lines_is_a_diff_with_one_line_of_context() {
        let old = json!("a: 1\nb: 2\nc: 3\nport: 8080\nd: 4\ne: 5\n");
        let new = json!("a: 1\nb: 2\nc: 3\nport: 8090\nd: 4\ne: 5\n");
        assert_eq!(
            text(&change(old, new), Detail::Short),
            " c: 3\n-port: 8080\n+port: 8090\n d: 4\n(0 left out)"
        );
    }

    #[test]
    fn a_long_line_is_cut_where_it_differs() {
        let old = json!(format!("{}OLD{}", "a".repeat(400), "b".repeat(400)));
        let new = json!(format!("{}NEW{}", "a".repeat(400), "b".repeat(400)));
        let shown = text(&change(old, new), Detail::Short);
        assert!(
            shown.contains("-…aaaaaaaaaaaaaaaaaaaaaaaaOLDbbb"),
            "{shown}"
        );
        assert!(
            shown.contains("+…aaaaaaaaaaaaaaaaaaaaaaaaNEWbbb"),
            "{shown}"
        );
        let full = text(
            &change(json!("x".repeat(500)), json!("y".repeat(500))),
            Detail::Full,
        );
        assert_eq!(full.matches('x').count(), 500);
    }

    #[test]
    fn a_long_diff_says_how_much_is_left_out() {
        let text_of =
            |word: &str| json!((0..40).map(|n| format!("{word} {n}\n")).collect::<String>());
        let shown = text(&change(text_of("old"), text_of("new")), Detail::Short);
        assert!(shown.ends_with("(68 left out)"), "{shown}");
    }

    #[test]
    fn a_list_is_a_diff_of_its_json() {
        let old = json!((0..30).collect::<Vec<_>>());
        let new = json!((0..31).collect::<Vec<_>>());
        let lines = diff(&change(old, new));
        assert!(
            lines
                .iter()
                .any(|line| line.sign == '+' && line.text.trim() == "30")
        );
    }

    #[test]
    fn a_very_long_text_is_compared_in_linear_time() {
        let text_of = |word: &str| {
            json!(
                (0..200_000)
                    .map(|n| format!("{word}{n}\n"))
                    .collect::<String>()
            )
        };
        assert_eq!(diff(&change(text_of("a"), text_of("b"))).len(), 400_000);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let shown = text(
            &change(json!("a\nb\u{1b}[2J\n"), json!("a\nc\n")),
            Detail::Short,
        );
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
