//! Operators on values.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{BinaryOp, Expr, UnaryOp};

use super::{Evaluator, Scope, is_plain};
use crate::units::{Cpu, Duration, Memory, Percent};
use crate::value::{Type, Value, number_as};

impl Evaluator<'_> {
    pub(super) fn unary(
        &mut self,
        op: UnaryOp,
        operand: &Expr,
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        match op {
            UnaryOp::Not => match self.eval(operand, scope, &Type::Bool)? {
                Value::Bool(b) => Some(Value::Bool(!b)),
                _ => Some(Value::Unknown),
            },
            UnaryOp::Negate => {
                if expected.is_some_and(|t| *t != Type::Int) {
                    self.report(
                        Diagnostic::new(&codes::OUT_OF_RANGE, "a quantity cannot be negative")
                            .at(span, "negative"),
                    );
                    return None;
                }
                self.int(operand, scope).map(|n| Value::Int(-n))
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let Value::Bool(first) = self.eval(left, scope, &Type::Bool)? else {
                    return Some(Value::Unknown);
                };
                if first == (op == BinaryOp::Or) {
                    return Some(Value::Bool(first));
                }
                self.eval(right, scope, &Type::Bool)
            }
            BinaryOp::In => {
                let needle = self.raw(left, scope, None)?;
                let Value::List(items) = self.raw(right, scope, None)? else {
                    self.report(
                        Diagnostic::new(&codes::WRONG_TYPE, "`in` looks into a list")
                            .at(right.span, "no list"),
                    );
                    return None;
                };
                self.steps(items.len(), right.span)
                    .then(|| Value::Bool(items.contains(&needle)))
            }
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual => self.comparison(op, left, right, span, scope),
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => {
                self.arithmetic(op, left, right, span, scope, expected)
            }
        }
    }

    fn comparison(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
        scope: &Scope,
    ) -> Option<Value> {
        use std::cmp::Ordering;
        let a = self.raw(left, scope, None);
        let b = self.raw(right, scope, None);
        let (a, b) = (a?, b?);
        if a == Value::Unknown || b == Value::Unknown {
            return Some(Value::Unknown);
        }
        let Some((a, b)) = unify(a.clone(), b.clone()) else {
            self.report_mixed(&a, left.span, &b, right.span, "compared");
            return None;
        };
        let ordering = compare(&a, &b);
        let result = match (op, ordering) {
            (BinaryOp::Equal, _) => a == b,
            (BinaryOp::NotEqual, _) => a != b,
            (BinaryOp::Less, Some(o)) => o == Ordering::Less,
            (BinaryOp::LessEqual, Some(o)) => o != Ordering::Greater,
            (BinaryOp::Greater, Some(o)) => o == Ordering::Greater,
            (BinaryOp::GreaterEqual, Some(o)) => o != Ordering::Less,
            _ => {
                self.report(
                    Diagnostic::new(&codes::WRONG_TYPE, format!("{} has no order", a.kind()))
                        .at(span, "cannot be ordered"),
                );
                return None;
            }
        };
        Some(Value::Bool(result))
    }

    fn report_mixed(&mut self, a: &Value, a_span: Span, b: &Value, b_span: Span, verb: &str) {
        self.report(
            Diagnostic::new(
                &codes::MIXED_UNITS,
                format!("{} and {} cannot be {verb}", a.kind(), b.kind()),
            )
            .at(b_span, b.kind())
            .also(a_span, a.kind()),
        );
    }

    fn arithmetic(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        let a = self.raw(left, scope, expected);
        let b = self.raw(right, scope, expected);
        let (mut a, mut b) = (a?, b?);
        if a == Value::Unknown || b == Value::Unknown {
            return Some(Value::Unknown);
        }
        if let (Value::Text(x), Value::Text(y), BinaryOp::Add) = (&a, &b, op) {
            let joined = format!("{x}{y}");
            return self
                .count_text(joined.len(), span)
                .then(|| Value::Text(joined.into()));
        }
        let scales = matches!(op, BinaryOp::Multiply | BinaryOp::Divide);
        let quantity = expected.filter(|t| **t != Type::Int).cloned();
        if scales && let Some(quantity) = &quantity {
            // One side counts, the other is counted: `2 * 250m`, `1Gi / 4`.
            let left_counts = op == BinaryOp::Multiply && is_plain(&a) && !is_plain(&b);
            let (count, count_span, amount, amount_span) = if left_counts {
                (&mut a, left.span, &mut b, right.span)
            } else {
                (&mut b, right.span, &mut a, left.span)
            };
            *count = self.coerce(count.clone(), count_span, &Type::Int)?;
            *amount = self.coerce(amount.clone(), amount_span, quantity)?;
        } else if let Some(quantity) = expected {
            a = self.coerce(a, left.span, quantity)?;
            b = self.coerce(b, right.span, quantity)?;
        } else {
            let Some(same) = unify(a.clone(), b.clone()) else {
                self.report_mixed(&a, left.span, &b, right.span, "combined");
                return None;
            };
            (a, b) = same;
        }
        let (Some(x), Some(y)) = (steps(&a), steps(&b)) else {
            self.report(
                Diagnostic::new(
                    &codes::WRONG_TYPE,
                    format!("{} cannot be computed with", a.kind()),
                )
                .at(span, "not numbers"),
            );
            return None;
        };
        let result = match op {
            BinaryOp::Add => x.checked_add(y),
            BinaryOp::Subtract => x.checked_sub(y),
            BinaryOp::Multiply => x.checked_mul(y),
            _ if y == 0 => {
                self.report(
                    Diagnostic::new(&codes::DIVISION_BY_ZERO, "a number is divided by zero")
                        .at(right.span, "zero"),
                );
                return None;
            }
            _ => x.checked_div(y),
        };
        let model = if matches!(a, Value::Int(_)) { &b } else { &a };
        let Some(value) = result.and_then(|n| like(model, n)) else {
            self.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, "the result is negative or too large")
                    .at(span, "does not fit"),
            );
            return None;
        };
        Some(value)
    }
}

/// The number of smallest steps of a quantity.
pub(crate) fn steps(value: &Value) -> Option<i128> {
    Some(match value {
        Value::Int(n) => i128::from(*n),
        Value::Cpu(cpu) => i128::from(cpu.0),
        Value::Memory(memory) => i128::from(memory.0),
        Value::Duration(duration) => i128::from(duration.0),
        Value::Percent(percent) => i128::from(percent.0),
        Value::Port(port, _) => i128::from(*port),
        _ => return None,
    })
}

/// A quantity of the same unit as `model`.
pub(crate) fn like(model: &Value, n: i128) -> Option<Value> {
    let unsigned = u64::try_from(n).ok();
    match model {
        Value::Int(_) => i64::try_from(n).ok().map(Value::Int),
        Value::Cpu(_) => unsigned.map(|n| Value::Cpu(Cpu(n))),
        Value::Memory(_) => unsigned.map(|n| Value::Memory(Memory(n))),
        Value::Duration(_) => unsigned.map(|n| Value::Duration(Duration(n))),
        Value::Percent(_) => unsigned.map(|n| Value::Percent(Percent(n))),
        Value::Port(_, protocol) => match u16::try_from(n) {
            Ok(port) if port > 0 => Some(Value::Port(port, *protocol)),
            _ => None,
        },
        _ => None,
    }
}

/// The order of two values of one type, where it has one.
pub(crate) fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Text(x), Value::Text(y)) => Some(x.cmp(y)),
        _ if std::mem::discriminant(a) == std::mem::discriminant(b) => {
            Some(steps(a)?.cmp(&steps(b)?))
        }
        _ => None,
    }
}

/// Two values as ones of the same type, where a number takes the other's unit.
pub(super) fn unify(a: Value, b: Value) -> Option<(Value, Value)> {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => Type::NUMERIC
            .iter()
            .find_map(|t| Some((number_as(&x, t).ok()?, number_as(&y, t).ok()?))),
        (Value::Number(x), y) => {
            let t = type_of(&y)?;
            number_as(&x, &t).ok().map(|x| (x, y))
        }
        (x, Value::Number(y)) => {
            let t = type_of(&x)?;
            number_as(&y, &t).ok().map(|y| (x, y))
        }
        (x, y) if std::mem::discriminant(&x) == std::mem::discriminant(&y) => Some((x, y)),
        _ => None,
    }
}

pub(super) fn type_of(value: &Value) -> Option<Type> {
    Some(match value {
        Value::Int(_) => Type::Int,
        Value::Cpu(_) => Type::Cpu,
        Value::Memory(_) => Type::Memory,
        Value::Duration(_) => Type::Duration,
        Value::Percent(_) => Type::Percent,
        Value::Port(..) => Type::Port,
        _ => return None,
    })
}
