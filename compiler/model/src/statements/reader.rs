//! What stands behind the word of a statement, and how its declaration reads it.

use std::ops::RangeInclusive;

use erpc_diagnostics::{Diagnostic, Span, alternatives};
use erpc_syntax::tree::{Expr, Sign};

use crate::args::Args;
use crate::choice::Choice;
use crate::eval::{Evaluator, Scope};
use crate::origin::{Origin, Sourced, Via};
use crate::units::Duration;

/// The arguments of a statement with the scope in which they are evaluated. Each method takes the next argument and
/// gives `None` after an error, which it has reported.
pub(crate) struct Reader<'r, 'a> {
    args: &'r mut Args<'a>,
    evaluator: &'r mut Evaluator<'a>,
    scope: &'r Scope,
    via: Via,
    /// The whole statement.
    span: Span,
    /// Whether a profile sets it: `PATH = VALUE` may leave keywords out.
    is_override: bool,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(crate) fn new(
        evaluator: &'r mut Evaluator<'a>,
        args: &'r mut Args<'a>,
        span: Span,
        scope: &'r Scope,
        via: Via,
    ) -> Self {
        let is_override = matches!(via, Via::Profile(_));
        Self {
            args,
            evaluator,
            scope,
            via,
            span,
            is_override,
        }
    }

    /// The value of a statement that stands at `span`.
    pub(crate) fn sourced<T>(&self, value: T, span: Span) -> Sourced<T> {
        let origin = Origin {
            span,
            via: self.via,
        };
        Sourced { value, origin }
    }

    pub(crate) fn statement(&self) -> Span {
        self.span
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.evaluator.report(diagnostic);
    }

    /// A keyword of the statement.
    pub(crate) fn keyword(&mut self, word: &str) -> Option<()> {
        if self.is_override {
            self.args.word(word);
            return Some(());
        }
        self.args
            .need_word(word, &mut self.evaluator.diagnostics)
            .map(|_| ())
    }

    pub(crate) fn comma(&mut self) -> bool {
        self.args.sign(Sign::Comma).is_some()
    }

    /// Reports what is left of the statement.
    pub(crate) fn finish(&mut self) {
        self.args.finish(&mut self.evaluator.diagnostics);
    }

    /// An expression, which `what` describes.
    pub(crate) fn expr(&mut self, what: &str) -> Option<&'a Expr> {
        self.args.need_expr(what, &mut self.evaluator.diagnostics)
    }

    /// The last argument, an expression.
    pub(crate) fn last(&mut self, what: &str) -> Option<&'a Expr> {
        let expr = self.expr(what)?;
        self.finish();
        Some(expr)
    }

    /// The number that an expression has.
    pub(crate) fn count_of(&mut self, expr: &Expr, within: &RangeInclusive<u32>) -> Option<u32> {
        let (min, max) = (*within.start(), *within.end());
        self.evaluator.int_within(expr, self.scope, min, max)
    }

    /// Whether a word stands for a value, as a parameter or a constant.
    pub(crate) fn has_value(&self, expr: &Expr) -> bool {
        let is_constant = |word: &_| self.evaluator.is_constant(word);
        !self.scope.bindings.is_empty() || expr.as_word().is_none_or(is_constant)
    }

    /// The last argument, a whole number.
    pub(crate) fn count(
        &mut self,
        what: &str,
        within: RangeInclusive<u32>,
    ) -> Option<Sourced<u32>> {
        let expr = self.last(what)?;
        let count = self.count_of(expr, &within)?;
        Some(self.sourced(count, expr.span))
    }

    /// The last argument, a word of a choice.
    pub(crate) fn choice<T: Choice>(&mut self) -> Option<Sourced<T>> {
        let span = self.args.here();
        let mut all = T::ALL.iter();
        let Some((choice, _)) = all.find(|(_, word)| self.args.word(word).is_some()) else {
            self.args
                .expected(&T::expected(), &mut self.evaluator.diagnostics);
            return None;
        };
        self.finish();
        Some(self.sourced(*choice, span))
    }

    /// The next argument, one of these words, which name parts of `whole`.
    pub(crate) fn part(&mut self, whole: &str, parts: &[&'static str]) -> Option<&'static str> {
        let diagnostics = &mut self.evaluator.diagnostics;
        let expected = alternatives(parts.iter().copied());
        let name = self.args.need_name(&expected, diagnostics)?;
        let known = parts.iter().find(|part| **part == name.text);
        if known.is_none() {
            self.evaluator
                .report_not_in(whole, &name.text, name.span, parts);
        }
        known.copied()
    }
}

/// A text as the only argument.
pub(crate) fn text(reader: &mut Reader<'_, '_>) -> Option<Sourced<String>> {
    let expr = reader.last("text in quotes")?;
    let text = reader.evaluator.text(expr, reader.scope)?;
    Some(reader.sourced(text, expr.span))
}

/// A time as the only argument.
pub(crate) fn duration(reader: &mut Reader<'_, '_>) -> Option<Sourced<Duration>> {
    let expr = reader.last("a time such as `5m`")?;
    let time = reader.evaluator.duration(expr, reader.scope)?;
    Some(reader.sourced(time, expr.span))
}
