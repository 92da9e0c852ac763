//! Numbers and their units: what operators compute, and which type has which unit.

use std::cmp::Ordering;

use erpc_diagnostics::{Code, Span, codes};
use erpc_syntax::tree::BinaryOp;
use smol_str::SmolStr;

use super::budget::Exceeded;
use crate::ty::Ty;
use crate::units::{Cpu, Duration, Memory, Percent};
use crate::value::{Type, Value, number_as};

/// Why a term has no value.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The kind of finding.
    pub code: &'static Code,
    /// The fact.
    pub message: String,
    /// The part of the term.
    pub span: Span,
    /// What is at the part.
    pub(crate) label: &'static str,
    /// Whether an earlier evaluation stopped for the same reason: at the end of the same budget.
    pub(crate) is_repeated: bool,
}

impl Stop {
    pub(super) fn new(
        code: &'static Code,
        message: impl Into<String>,
        label: &'static str,
        span: Span,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            span,
            label,
            is_repeated: false,
        }
    }

    pub(super) fn from_budget(exceeded: Exceeded, at: Span) -> Self {
        let message = exceeded.to_string();
        Self {
            is_repeated: !exceeded.is_first,
            ..Self::new(
                &codes::EVALUATION_BUDGET,
                message,
                "the budget ends here",
                at,
            )
        }
    }
}

/// The number of smallest steps of a quantity.
fn steps(value: &Value) -> Option<i128> {
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
fn like(model: &Value, n: i128) -> Option<Value> {
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

/// The order of two values of one type, if it has one.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Text(x), Value::Text(y)) => Some(x.cmp(y)),
        _ if std::mem::discriminant(a) == std::mem::discriminant(b) => {
            Some(steps(a)?.cmp(&steps(b)?))
        }
        _ => None,
    }
}

/// Whether a comparison of two values of one type holds.
pub(super) fn compares(op: BinaryOp, left: &Value, right: &Value) -> bool {
    match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        _ => match order(left, right) {
            Some(Ordering::Less) => matches!(op, BinaryOp::Less | BinaryOp::LessEqual),
            Some(Ordering::Greater) => matches!(op, BinaryOp::Greater | BinaryOp::GreaterEqual),
            Some(Ordering::Equal) => matches!(op, BinaryOp::LessEqual | BinaryOp::GreaterEqual),
            None => false,
        },
    }
}

fn out_of_range(span: Span) -> Stop {
    let message = "the result is negative or too large";
    Stop::new(&codes::OUT_OF_RANGE, message, "does not fit", span)
}

/// A whole number with the other sign.
pub(super) fn negated(value: &Value, span: Span) -> Result<Value, Stop> {
    let negative = steps(value).and_then(|n| like(value, -n));
    negative.ok_or_else(|| out_of_range(span))
}

/// One operation on numbers, or the sum of two texts. A quantity times or by a whole number keeps its unit; a quantity
/// by one of the same unit is a whole number.
pub(super) fn arithmetic(
    op: BinaryOp,
    a: &Value,
    b: &Value,
    right: Span,
    whole: Span,
) -> Result<Value, Stop> {
    if let (Value::Text(x), Value::Text(y)) = (a, b) {
        return Ok(Value::Text(SmolStr::from(format!("{x}{y}"))));
    }
    let (Some(x), Some(y)) = (steps(a), steps(b)) else {
        return Err(out_of_range(whole));
    };
    let result = match op {
        BinaryOp::Add => x.checked_add(y),
        BinaryOp::Subtract => x.checked_sub(y),
        BinaryOp::Multiply => x.checked_mul(y),
        _ if y == 0 => {
            let message = "division by zero";
            return Err(Stop::new(&codes::DIVISION_BY_ZERO, message, "zero", right));
        }
        _ => x.checked_div(y),
    };
    let is_int = |value: &Value| matches!(value, Value::Int(_));
    let model = if op == BinaryOp::Divide && !is_int(b) {
        &Value::Int(0)
    } else if is_int(a) {
        b
    } else {
        a
    };
    let value = result.and_then(|n| like(model, n));
    value.ok_or_else(|| out_of_range(whole))
}

// ---- units

/// The unit that numbers of a type have.
pub(super) fn unit(ty: &Ty) -> Option<Type> {
    match ty {
        Ty::Plain(plain) if Type::NUMERIC.contains(plain) => Some(plain.clone()),
        Ty::Optional(inner) => unit(inner),
        _ => None,
    }
}

/// The unit of the numbers in a range or list, or of a number.
pub(super) fn element_unit(ty: &Ty) -> Option<Type> {
    match ty {
        Ty::Range(inner) | Ty::List(inner) => element_unit(inner),
        other => unit(other),
    }
}

pub(super) fn has_order(ty: &Ty) -> bool {
    ty.is_text() || unit(ty).is_some()
}

/// A number, or each in a range or list, in a unit; `None` if one does not fit.
pub(super) fn with_unit(value: &Value, unit: &Type) -> Option<Value> {
    match value {
        Value::Number(number) => number_as(number, unit).ok(),
        Value::Range(min, max) => {
            let (min, max) = (with_unit(min, unit)?, with_unit(max, unit)?);
            Some(Value::Range(Box::new(min), Box::new(max)))
        }
        Value::List(items) => {
            let items = items.iter().map(|item| with_unit(item, unit));
            items.collect::<Option<Vec<_>>>().map(Value::List)
        }
        _ => None,
    }
}

/// A value whose numbers have the first unit that all of them may have.
pub(crate) fn decided(value: Value) -> Value {
    if matches!(value, Value::Number(_)) {
        return value;
    }
    let mut units = Type::NUMERIC.iter();
    let decided = units.find_map(|unit| with_unit(&value, unit));
    decided.unwrap_or(value)
}

/// Zero of a unit that can be added.
pub(super) fn zero(ty: &Ty) -> Option<Value> {
    Some(match ty {
        Ty::Plain(Type::Int) => Value::Int(0),
        Ty::Plain(Type::Cpu) => Value::Cpu(Cpu(0)),
        Ty::Plain(Type::Memory) => Value::Memory(Memory(0)),
        Ty::Plain(Type::Duration) => Value::Duration(Duration(0)),
        Ty::Plain(Type::Percent) => Value::Percent(Percent(0)),
        _ => return None,
    })
}
