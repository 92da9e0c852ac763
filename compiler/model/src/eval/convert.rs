//! From a value as written to one of the expected type.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::NumberLiteral;

use super::evaluator::Evaluator;
use crate::literals::{meant, reads_as};
use crate::ty::Ty;
use crate::units::Protocol;
use crate::value::{NumberError, Type, Value, number_as};

impl Evaluator<'_> {
    /// Makes a value one of the type, or reports why it is none.
    pub(crate) fn coerce(&mut self, value: Value, span: Span, expected: &Type) -> Option<Value> {
        let value = match (value, expected) {
            (Value::Unknown, _) => return None,
            (Value::Range(min, max), Type::Range(inner)) => {
                let min = self.coerce(*min, span, inner)?;
                let max = self.coerce(*max, span, inner)?;
                return Some(Value::Range(Box::new(min), Box::new(max)));
            }
            (value, Type::Range(inner)) => {
                let single = self.coerce(value, span, inner)?;
                return Some(Value::Range(Box::new(single.clone()), Box::new(single)));
            }
            (Value::Number(number), _) => return self.number(&number, span, expected),
            (Value::List(items), Type::List(inner)) => {
                if !self.steps(items.len(), span) {
                    return None;
                }
                let items = items.into_iter().map(|item| self.coerce(item, span, inner));
                return items.collect::<Option<Vec<_>>>().map(Value::List);
            }
            (Value::Address(ip, None), Type::Cidr) => return Some(Value::Cidr(ip.into())),
            (Value::Int(n), Type::Port) => match u16::try_from(n) {
                Ok(port) if port > 0 => return Some(Value::Port(port, Protocol::Tcp)),
                _ => Value::Int(n),
            },
            (value, _) if Ty::of_value(&value).meets(&Ty::from(expected)) => return Some(value),
            (value, _) => value,
        };
        let mut diagnostic = Diagnostic::new(
            &codes::WRONG_TYPE,
            format!("expected {expected}, found {}", value.kind()),
        )
        .at(span, value.kind());
        if !matches!(value, Value::Text(_)) && !expected.units().is_empty() {
            diagnostic = diagnostic.help(format!(
                "{} is written with {}",
                bare(expected),
                expected.units()
            ));
        }
        if let Value::Text(text) = &value {
            if !expected.units().is_empty() {
                diagnostic = diagnostic.help(format!(
                    "numbers are written without quotes: {}",
                    expected.units()
                ));
            } else if matches!(expected, Type::Cidr | Type::Address) {
                diagnostic = diagnostic.help("addresses are written without quotes");
            }
            let is_literal = self.written(span) == format!("\"{text}\"");
            if is_literal && reads_as(text, expected) {
                diagnostic = diagnostic.fix("remove the quotes", span, text.clone());
            }
        }
        self.report(diagnostic);
        None
    }

    fn number(&mut self, number: &NumberLiteral, span: Span, expected: &Type) -> Option<Value> {
        let error = match number_as(number, expected) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let written = format!("{}{}", number.digits, number.suffix);
        let units = expected.units();
        let (code, message, label) = match error {
            NumberError::Unit if units.is_empty() => (
                &codes::WRONG_TYPE,
                format!("expected {expected}, found the number `{written}`"),
                "a number".to_owned(),
            ),
            NumberError::Unit => (
                &codes::WRONG_UNIT,
                format!("expected {}, found `{written}`", bare(expected)),
                Value::Number(number.clone()).kind().to_owned(),
            ),
            NumberError::MissingUnit => (
                &codes::MISSING_UNIT,
                format!("expected {} with a unit, found `{written}`", bare(expected)),
                "no unit".to_owned(),
            ),
            NumberError::TooLarge => (
                &codes::OUT_OF_RANGE,
                format!("`{written}` is out of range for {}", bare(expected)),
                "out of range".to_owned(),
            ),
            NumberError::TooFine => (
                &codes::OUT_OF_RANGE,
                format!("`{written}` is finer than {} can be", bare(expected)),
                "too many digits".to_owned(),
            ),
            NumberError::Digits => (
                &codes::WRONG_TYPE,
                format!("`{written}` is not one number"),
                "more than one point".to_owned(),
            ),
        };
        let mut diagnostic = Diagnostic::new(code, message).at(span, label);
        let meant = meant(number, expected);
        let is_literal = self.written(span) == written;
        if let Some((meant, is_same)) = meant {
            diagnostic = diagnostic.help(if is_same {
                format!("write `{meant}`")
            } else {
                format!("did you mean `{meant}`?")
            });
            if is_same && is_literal {
                diagnostic = diagnostic.fix(format!("write `{meant}`"), span, meant);
            }
        } else if units.is_empty() && is_literal {
            diagnostic = diagnostic
                .help(format!("text is written in quotes: `\"{written}\"`"))
                .fix("put it in quotes", span, format!("\"{written}\""));
        }
        if !units.is_empty() {
            diagnostic = diagnostic.help(format!("{} is written with {units}", bare(expected)));
        }
        self.report(diagnostic);
        None
    }
}

/// The type as a noun for the middle of a sentence.
fn bare(expected: &Type) -> String {
    match expected {
        Type::Range(inner) | Type::List(inner) => bare(inner),
        other => other.to_string(),
    }
}
