//! The operators in the lowering: which operands they take and what type they give.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{BinaryOp, Expr, UnaryOp};

use super::arithmetic::{element_unit, has_order, unit, with_unit};
use super::lowering::{Context, Lowering, Sides, Typed, is_unknown, known, present_where};
use crate::platform::{Term, TermKind};
use crate::ty::Ty;
use crate::value::{Type, Value, number_as};

impl<'a, C: Context<'a>> Lowering<'_, 'a, C> {
    pub(super) fn unary(
        &mut self,
        op: UnaryOp,
        operand: &Expr,
        span: Span,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        match op {
            UnaryOp::Not => {
                let operand = Box::new(self.fitted(operand, &Type::Bool)?);
                self.computed(TermKind::Not(operand), span, Ty::Plain(Type::Bool))
            }
            UnaryOp::Negate => {
                if expected.is_some_and(|ty| *ty != Type::Int) {
                    self.evaluator().report(
                        Diagnostic::new(&codes::OUT_OF_RANGE, "a quantity cannot be negative")
                            .at(span, "negative"),
                    );
                    return None;
                }
                let operand = Box::new(self.fitted(operand, &Type::Int)?);
                self.computed(TermKind::Negate(operand), span, Ty::Plain(Type::Int))
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        sides: Sides<'_>,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        match op {
            BinaryOp::And | BinaryOp::Or => self.connective(op, sides),
            BinaryOp::In => self.membership(sides),
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual => self.comparison(op, sides),
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => {
                // An operand is never a range, where a single value stands for one.
                let expected = match expected {
                    Some(Type::Range(inner)) => Some(&**inner),
                    other => other,
                };
                self.arithmetic(op, sides, expected)
            }
        }
    }

    fn connective(&mut self, op: BinaryOp, sides: Sides<'_>) -> Option<Typed> {
        let Sides { left, right, span } = sides;
        let truth = Ty::Plain(Type::Bool);
        let first = self.fitted(left, &Type::Bool);
        if C::IS_KNOWN {
            let first = first?;
            if first.value() == Some(&Value::Bool(op == BinaryOp::Or)) {
                return Some((first, truth));
            }
            return Some((self.fitted(right, &Type::Bool)?, truth));
        }
        let outside = self.present.len();
        present_where(left, op == BinaryOp::And, &mut self.present);
        let second = self.fitted(right, &Type::Bool);
        self.present.truncate(outside);
        let (first, second) = (Box::new(first?), Box::new(second?));
        let kind = if op == BinaryOp::And {
            TermKind::And(first, second)
        } else {
            TermKind::Or(first, second)
        };
        Some((Term { kind, span }, truth))
    }

    fn membership(&mut self, Sides { left, right, span }: Sides<'_>) -> Option<Typed> {
        let (needle, list) = (self.term(left, None), self.term(right, None));
        let (needle, list) = (needle?, list?);
        if is_unknown(&needle) || is_unknown(&list) {
            return Some(known(Value::Unknown, span));
        }
        let (mut needle, mut list) = (needle, list);
        let is_one_unit = in_one_unit(&mut needle, &mut list);
        let Ty::List(of) = list.1 else {
            self.evaluator().report(
                Diagnostic::new(&codes::WRONG_TYPE, "expected a list after `in`")
                    .at(right.span, list.1.to_string()),
            );
            return None;
        };
        if !is_one_unit || !needle.1.meets(&of) {
            return self.report_mixed(&needle, &(list.0, *of), "compared");
        }
        let kind = TermKind::In(Box::new(needle.0), Box::new(list.0));
        self.computed(kind, span, Ty::Plain(Type::Bool))
    }

    fn comparison(&mut self, op: BinaryOp, sides: Sides<'_>) -> Option<Typed> {
        let Sides { left, right, span } = sides;
        let (a, b) = (self.term(left, None), self.term(right, None));
        let (a, b) = (a?, b?);
        if is_unknown(&a) || is_unknown(&b) {
            return Some(known(Value::Unknown, span));
        }
        let (a, b) = self.unified(a, b, "compared")?;
        if !matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) {
            for (term, ty) in [&a, &b] {
                self.not_off(term, ty)?;
                if !has_order(ty) {
                    self.evaluator().report(
                        Diagnostic::new(&codes::WRONG_TYPE, format!("{ty} has no order"))
                            .at(term.span, "cannot be ordered"),
                    );
                    return None;
                }
            }
        }
        self.known_word(&a, &b)?;
        self.known_word(&b, &a)?;
        let kind = TermKind::Compare(op, Box::new(a.0), Box::new(b.0));
        self.computed(kind, span, Ty::Plain(Type::Bool))
    }

    /// Reports a text that can never equal one of a few words.
    fn known_word(&mut self, (_, ty): &Typed, (text, _): &Typed) -> Option<()> {
        let words = match ty {
            Ty::Word(words) => *words,
            Ty::Optional(inner) => match &**inner {
                Ty::Word(words) => *words,
                _ => return Some(()),
            },
            _ => return Some(()),
        };
        let TermKind::Value(Value::Text(written)) = &text.kind else {
            return Some(());
        };
        if words.contains(&written.as_str()) {
            return Some(());
        }
        let mut diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, format!("this is never `{written}`"))
                .at(text.span, "equals nothing");
        diagnostic = match nearest(written, words.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("write `\"{near}\"`"),
                text.span,
                format!("\"{near}\""),
            ),
            None => diagnostic.help(format!("it is one of {}", listed(words.iter().copied(), 9))),
        };
        self.evaluator().report(diagnostic);
        None
    }

    /// Two terms of one type, where a number takes the other's unit.
    pub(super) fn unified(
        &mut self,
        mut a: Typed,
        mut b: Typed,
        verb: &str,
    ) -> Option<(Typed, Typed)> {
        if in_one_unit(&mut a, &mut b) && a.1.meets(&b.1) {
            return Some((a, b));
        }
        self.report_mixed(&a, &b, verb)
    }

    fn report_mixed<T>(&mut self, a: &Typed, b: &Typed, verb: &str) -> Option<T> {
        let name = |(term, ty): &Typed| match &term.kind {
            TermKind::Value(value @ Value::Number(_)) => value.kind().to_owned(),
            _ => ty.to_string(),
        };
        let (x, y) = (name(a), name(b));
        self.evaluator().report(
            Diagnostic::new(&codes::MIXED_UNITS, format!("{x} and {y} cannot be {verb}"))
                .at(b.0.span, y)
                .also(a.0.span, x),
        );
        None
    }

    fn arithmetic(
        &mut self,
        op: BinaryOp,
        sides: Sides<'_>,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        let Sides { left, right, span } = sides;
        let (a, b) = (self.term(left, expected), self.term(right, expected));
        let (a, b) = (a?, b?);
        if is_unknown(&a) || is_unknown(&b) {
            return Some(known(Value::Unknown, span));
        }
        for (term, ty) in [&a, &b] {
            self.not_off(term, ty)?;
        }
        let is_text = op == BinaryOp::Add && a.1.is_text() && b.1.is_text();
        let (a, b) = match expected {
            _ if is_text => (a, b),
            Some(expected) => self.of_expected(op, a, b, expected)?,
            None => self.of_one_unit_or_counted(op, a, b)?,
        };
        for (term, ty) in [&a, &b] {
            if unit(ty).is_none() && !is_text {
                self.evaluator().report(
                    Diagnostic::new(&codes::WRONG_TYPE, format!("{ty} cannot be computed with"))
                        .at(term.span, "not a number"),
                );
                return None;
            }
        }
        let int = Ty::Plain(Type::Int);
        let ty = match op {
            _ if is_text => Ty::Plain(Type::String),
            BinaryOp::Divide if b.1 != int => int,
            BinaryOp::Multiply if b.1 != int && a.1 != int => {
                return self.report_mixed(&a, &b, "multiplied");
            }
            _ if a.1 == int => b.1,
            _ => a.1,
        };
        let kind = TermKind::Arithmetic(op, Box::new(a.0), Box::new(b.0));
        self.computed(kind, span, ty)
    }

    /// The operands of a result that must be of a type: one side of a product counts, the other has the type.
    fn of_expected(
        &mut self,
        op: BinaryOp,
        a: Typed,
        b: Typed,
        expected: &Type,
    ) -> Option<(Typed, Typed)> {
        let mut fit = |typed: Typed, ty: &Type| Some((self.fit(typed, ty)?, Ty::from(ty)));
        let scales = matches!(op, BinaryOp::Multiply | BinaryOp::Divide);
        if !scales || *expected == Type::Int {
            let a = fit(a, expected)?;
            Some((a, fit(b, expected)?))
        } else if op == BinaryOp::Multiply && is_count(&a.0) && !is_count(&b.0) {
            let a = fit(a, &Type::Int)?;
            Some((a, fit(b, expected)?))
        } else {
            let b = fit(b, &Type::Int)?;
            Some((fit(a, expected)?, b))
        }
    }

    /// The operands of a result of any type. A plain number counts: `2 * s.memory.max`, `1Gi / 4`.
    fn of_one_unit_or_counted(
        &mut self,
        op: BinaryOp,
        a: Typed,
        b: Typed,
    ) -> Option<(Typed, Typed)> {
        if !matches!(op, BinaryOp::Multiply | BinaryOp::Divide) {
            return self.unified(a, b, "combined");
        }
        let int = Ty::Plain(Type::Int);
        let b = self.counted(b)?;
        let may_count = op == BinaryOp::Multiply || b.1 == int;
        let a = if may_count { self.counted(a)? } else { a };
        if b.1 == int || (op == BinaryOp::Multiply && a.1 == int) {
            Some((self.any_unit(a)?, self.any_unit(b)?))
        } else {
            self.unified(a, b, "combined")
        }
    }

    /// A plain number as a whole number.
    fn counted(&mut self, typed: Typed) -> Option<Typed> {
        if !is_count(&typed.0) {
            return Some(typed);
        }
        Some((self.fit(typed, &Type::Int)?, Ty::Plain(Type::Int)))
    }

    /// A number that stands alone, in the first unit that its suffix may mean.
    pub(super) fn any_unit(&mut self, typed: Typed) -> Option<Typed> {
        let TermKind::Value(Value::Number(number)) = &typed.0.kind else {
            return Some(typed);
        };
        let mut units = Type::NUMERIC.iter();
        let unit = units.find(|ty| number_as(number, ty).is_ok());
        let unit = unit.unwrap_or(&Type::Int);
        Some((self.fit(typed, unit)?, Ty::Plain(unit.clone())))
    }

    /// Reports an operand that may be `off`.
    fn not_off(&mut self, term: &Term, ty: &Ty) -> Option<()> {
        if matches!(ty, Ty::Optional(_) | Ty::Off) {
            self.report_maybe_off(term.span);
            return None;
        }
        Some(())
    }
}

// ---- types

/// Whether a term is a number without a unit.
fn is_count(term: &Term) -> bool {
    match &term.kind {
        TermKind::Value(Value::Number(number)) => number.suffix.is_empty(),
        TermKind::Value(Value::Int(_)) => true,
        _ => false,
    }
}

/// Gives numbers that have no unit yet that of the other side; `false` if no unit fits both.
fn in_one_unit(a: &mut Typed, b: &mut Typed) -> bool {
    match (a.1.is_undecided(), b.1.is_undecided()) {
        (true, true) => {
            let mut units = Type::NUMERIC.iter();
            let both =
                units.find_map(|unit| Some((typed_with_unit(a, unit)?, typed_with_unit(b, unit)?)));
            if let Some((x, y)) = both {
                (*a, *b) = (x, y);
                return true;
            }
            false
        }
        (true, false) => take_unit(a, &b.1),
        (false, true) => take_unit(b, &a.1),
        (false, false) => true,
    }
}

/// Gives numbers the unit of a type, if it has one.
fn take_unit(typed: &mut Typed, of: &Ty) -> bool {
    let Some(unit) = element_unit(of) else {
        return true;
    };
    let Some(decided) = typed_with_unit(typed, &unit) else {
        return false;
    };
    *typed = decided;
    true
}

fn typed_with_unit((term, _): &Typed, unit: &Type) -> Option<Typed> {
    let value = with_unit(term.value()?, unit)?;
    Some(known(value, term.span))
}
