//! Words and signs that are missing between values, or stand there as other languages have them: `of`
//! behind the number of nodes, commas between limits, `every` before a schedule.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, ExprKind, Sign, Statement};

use smol_str::SmolStr;

use super::{Normalizer, arg_word, word_expr};
use crate::properties::Word;
use crate::word::form_words;

/// Words before a schedule elsewhere.
const FOR_EVERY: [&str; 6] = ["schedule", "cron", "at", "on", "when", "runs"];

impl Normalizer<'_, '_> {
    /// `nodes 4x cpu 4`, `nodes 4x of cpu 4`: the sign of a product where `of` stands. Whether it was that.
    fn times_without_space(&mut self, statement: &mut Statement) -> bool {
        let [_, Arg::Expr(count), rest @ ..] = statement.args.as_mut_slice() else {
            return false;
        };
        let ExprKind::Number(number) = &mut count.kind else {
            return false;
        };
        if number.suffix != "x" {
            return false;
        }
        number.suffix = SmolStr::default();
        let digits = number.digits.clone();
        let next = rest.first();
        let has_of = next.and_then(arg_word).is_some_and(|word| word == "of");
        let (start, end) = (count.span.start, count.span.end);
        let sign = self.span(end - 1, end);
        let size = rest.get(usize::from(has_of)).and_then(arg_word).cloned();
        let gap = match next {
            Some(next) if !has_of => self.span(sign.start, next.span().start),
            _ => sign,
        };
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            "between how many nodes there are and what each has stands `of`, not `x`",
        )
        .at(sign, "a sign of a product")
        .help(format!(
            "write `nodes {digits} of {} …`",
            size.as_deref().unwrap_or("cpu")
        ));
        let meant = if has_of { "" } else { " of " };
        self.report(diagnostic, "write `of`", &[(gap, meant)]);
        if let Some(Arg::Expr(count)) = statement.args.get_mut(1) {
            count.span = self.span(start, end - 1);
        }
        if !has_of {
            statement.args.insert(2, Arg::Expr(word_expr("of", sign)));
        }
        true
    }

    /// `nodes 4 x cpu 4`, `nodes 4 cpu 4`.
    pub(super) fn missing_of(&mut self, statement: &mut Statement) {
        if self.times_without_space(statement) {
            return;
        }
        let is_size = |arg: Option<&Arg>| {
            arg.and_then(arg_word)
                .is_some_and(|word| word == "cpu" || word == "memory")
        };
        let Some(Arg::Expr(count)) = statement.args.get(1) else {
            return;
        };
        if !matches!(count.kind, ExprKind::Number(_)) {
            return;
        }
        let shown = self.slice(count.span.start, count.span.end).to_owned();
        let size = |at: usize| statement.args.get(at).and_then(arg_word).cloned();
        let third = statement.args.get(2).and_then(arg_word).cloned();
        if is_size(statement.args.get(2)) {
            let gap = self.span(count.span.end, statement.args[2].span().start);
            let at = self.span(gap.end, gap.end);
            let diagnostic = Diagnostic::new(
                &codes::MISSING_VALUE,
                "missing `of` between the number of nodes and their size",
            )
            .at(at, "missing here")
            .help(format!(
                "write `nodes {shown} of {} …`",
                size(2).unwrap_or_default()
            ));
            self.report(diagnostic, "write `of`", &[(gap, " of ")]);
            statement.args.insert(2, Arg::Expr(word_expr("of", at)));
        } else if let Some(third) = third.filter(|word| word != "of")
            && is_size(statement.args.get(3))
        {
            let diagnostic = Diagnostic::new(
                &codes::WRONG_SHAPE,
                format!(
                    "between how many nodes there are and what each has stands `of`, not `{third}`"
                ),
            )
            .at(statement.args[2].span(), "another word")
            .help(format!(
                "write `nodes {shown} of {} …`",
                size(3).unwrap_or_default()
            ));
            self.replace_word(statement, 2, "of", diagnostic);
        }
    }

    /// `quota cpu 8..16 memory 8Gi..16Gi`: a comma stands before each further word of the form.
    pub(super) fn missing_commas(&mut self, statement: &mut Statement, word: &Word) {
        let is_value = |arg: &Arg| matches!(arg, Arg::Expr(expr) if matches!(expr.kind, ExprKind::Number(_) | ExprKind::Range(..)));
        let is_next = |arg: &Arg| {
            arg_word(arg).is_some_and(|next| {
                next != "of" && form_words(word.form).skip(1).any(|known| known == next)
            })
        };
        let args = &statement.args;
        let places: Vec<usize> = (2..args.len())
            .filter(|at| is_value(&args[at - 1]) && is_next(&args[*at]))
            .collect();
        let (Some(first), spans) = (places.first(), self.gaps(statement, &places)) else {
            return;
        };
        let next = arg_word(&args[*first]).cloned().unwrap_or_default();
        let at = self.span(spans[0].start, spans[0].start);
        let diagnostic = Diagnostic::new(
            &codes::MISSING_VALUE,
            format!("missing `,` before `{next}`"),
        )
        .at(at, "missing here")
        .help(format!("it is written `{}`", word.form));
        let edits: Vec<(Span, &str)> = spans.iter().map(|span| (*span, ", ")).collect();
        self.report(diagnostic, "write `,`", &edits);
        for (at, span) in places.iter().zip(&spans).rev() {
            let comma = self.span(span.start, span.start);
            statement.args.insert(*at, Arg::Sign(Sign::Comma, comma));
        }
    }

    /// What stands before these arguments, up to the ones before them.
    fn gaps(&self, statement: &Statement, places: &[usize]) -> Vec<Span> {
        let args = &statement.args;
        places
            .iter()
            .map(|at| self.span(args[at - 1].span().end, args[*at].span().start))
            .collect()
    }

    /// `job nightly schedule "30 2 * * *"`, `job nightly "30 2 * * *"`.
    pub(super) fn missing_every(&mut self, statement: &mut Statement) {
        let is_text = |arg: Option<&Arg>| matches!(arg, Some(Arg::Expr(expr)) if matches!(expr.kind, ExprKind::String(_)));
        let third = statement.args.get(2).and_then(arg_word).cloned();
        match third {
            Some(third)
                if FOR_EVERY.contains(&third.as_str()) && is_text(statement.args.get(3)) =>
            {
                let diagnostic = Diagnostic::new(
                    &codes::UNKNOWN_STATEMENT,
                    format!("the schedule of a job stands behind `every`, not behind `{third}`"),
                )
                .at(statement.args[2].span(), "a word of other languages");
                self.replace_word(statement, 2, "every", diagnostic);
            }
            None if is_text(statement.args.get(2)) && arg_word(&statement.args[1]).is_some() => {
                let gap = self.span(statement.args[1].span().end, statement.args[2].span().start);
                let at = self.span(gap.end, gap.end);
                let diagnostic = Diagnostic::new(
                    &codes::MISSING_VALUE,
                    "missing `every` before the schedule of this job",
                )
                .at(at, "missing here");
                self.report(diagnostic, "write `every`", &[(gap, " every ")]);
                statement.args.insert(2, Arg::Expr(word_expr("every", at)));
            }
            _ => {}
        }
    }
}
