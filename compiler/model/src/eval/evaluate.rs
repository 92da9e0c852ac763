//! The meaning of terms. Types are settled before, so that what can still go wrong is arithmetic (a division by zero,
//! a result out of range) and the budget; each stops the evaluation.

use erpc_diagnostics::{Code, Span, codes};
use erpc_syntax::tree::BinaryOp;

use super::budget::{Budget, Exceeded, Resource};
use super::operators::{arithmetic, compares, negated};
use super::show;
use crate::elements::Element;
use crate::functions::{Function, Meaning};
use crate::platform::{MemberId, Term, TermKind};
use crate::value::Value;

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

/// What terms are about: a platform, for those of rules and tests.
pub(crate) trait Subject: Sized {
    /// A value as text.
    fn show(&self, value: &Value) -> String;
    /// A member of an element.
    fn member(&self, element: Element, member: MemberId) -> Value;
    /// The value of a term that asks the subject: about paths, waves and rules.
    fn ask(machine: &mut Machine<Self>, term: &Term) -> Result<Value, Stop>;
}

/// The subject of values, which ask nothing.
pub(crate) struct Nothing;

impl Subject for Nothing {
    fn show(&self, value: &Value) -> String {
        show(value)
    }

    fn member(&self, _: Element, _: MemberId) -> Value {
        Value::Off
    }

    fn ask(_: &mut Machine<Self>, _: &Term) -> Result<Value, Stop> {
        Ok(Value::Off)
    }
}

/// The evaluation of terms about a subject.
pub(crate) struct Machine<S> {
    pub(crate) subject: S,
    /// The values of the variables that are bound, outer first.
    pub(crate) variables: Vec<Value>,
    pub(crate) budget: Budget,
}

impl<S: Subject> Machine<S> {
    pub(crate) fn new(subject: S, budget: Budget) -> Self {
        Self {
            subject,
            variables: Vec::new(),
            budget,
        }
    }

    /// Counts what is about to be used.
    pub(crate) fn take(&mut self, resource: Resource, amount: usize, at: Span) -> Result<(), Stop> {
        let taken = self.budget.take(resource, amount);
        taken.map_err(|exceeded| Stop::from_budget(exceeded, at))
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&mut self, condition: &Term) -> Result<bool, Stop> {
        Ok(self.value(condition)? == Value::Bool(true))
    }

    /// A term's value as text.
    pub(crate) fn text(&mut self, term: &Term) -> Result<String, Stop> {
        let value = self.value(term)?;
        Ok(self.subject.show(&value))
    }

    fn items(&mut self, list: &Term) -> Result<Vec<Value>, Stop> {
        Ok(match self.value(list)? {
            Value::List(items) => items,
            // The type checker lets nothing else come here.
            other => vec![other],
        })
    }

    /// The value of a term. The elements of a list are steps, so that a list costs what it holds.
    pub(crate) fn value(&mut self, term: &Term) -> Result<Value, Stop> {
        self.take(Resource::Steps, 1, term.span)?;
        let value = self.value_within(term)?;
        if let Value::List(items) = &value {
            self.take(Resource::Steps, items.len(), term.span)?;
        }
        Ok(value)
    }

    fn value_within(&mut self, term: &Term) -> Result<Value, Stop> {
        Ok(match &term.kind {
            TermKind::Value(value) => value.clone(),
            TermKind::Variable(at) => self.variables.get(*at).cloned().unwrap_or(Value::Off),
            TermKind::Member(inner, member) => match self.value(inner)? {
                Value::Element(element) => self.subject.member(element, *member),
                // Only where the type checker saw that it is there.
                _ => Value::Off,
            },
            TermKind::RangeEnd(inner, is_max) => match self.value(inner)? {
                Value::Range(min, max) => *if *is_max { max } else { min },
                other => other,
            },
            TermKind::List(items) => {
                let values = items.iter().map(|item| self.value(item));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            TermKind::Text(parts) => self.joined(parts, term.span)?,
            TermKind::Not(inner) => Value::Bool(!self.holds(inner)?),
            TermKind::Negate(inner) => {
                let value = self.value(inner)?;
                negated(&value, term.span)?
            }
            TermKind::And(left, right) => Value::Bool(self.holds(left)? && self.holds(right)?),
            TermKind::Or(left, right) => Value::Bool(self.holds(left)? || self.holds(right)?),
            TermKind::Compare(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Value::Bool(compares(*op, &left, &right))
            }
            TermKind::In(needle, list) => {
                let needle = self.value(needle)?;
                let items = self.items(list)?;
                self.take(Resource::Steps, items.len(), term.span)?;
                Value::Bool(items.contains(&needle))
            }
            TermKind::Arithmetic(op, left, right) => {
                let (a, b) = (self.value(left)?, self.value(right)?);
                let length = text_length(&a).saturating_add(text_length(&b));
                self.take(Resource::Text, length, term.span)?;
                arithmetic(*op, &a, &b, right.span, term.span)?
            }
            TermKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let holds = self.holds(condition)?;
                self.value(if holds { then } else { otherwise })?
            }
            TermKind::Quantified {
                is_all,
                collection,
                predicate,
                ..
            } => {
                let found = self.decisive(*is_all, collection, predicate)?;
                Value::Bool(found.is_some() != *is_all)
            }
            TermKind::Comprehension {
                element,
                collection,
                condition,
            } => self.comprehension(element, collection, condition.as_deref())?,
            TermKind::Call(function, arguments) => self.call(function, arguments, term.span)?,
            TermKind::Path(_)
            | TermKind::Wave(_)
            | TermKind::Holds(..)
            | TermKind::Violations(_) => S::ask(self, term)?,
        })
    }

    /// The text of a string with `${…}`.
    fn joined(&mut self, parts: &[Term], span: Span) -> Result<Value, Stop> {
        let mut text = String::new();
        for part in parts {
            let value = self.value(part)?;
            self.take(Resource::Text, text_length(&value), span)?;
            match &value {
                Value::Text(part) => text.push_str(part),
                other => text.push_str(&self.subject.show(other)),
            }
        }
        Ok(Value::Text(text.into()))
    }

    /// The first item that decides: for `all` one for which the predicate does not hold, for `any` one for which it
    /// does.
    pub(crate) fn decisive(
        &mut self,
        is_all: bool,
        collection: &Term,
        predicate: &Term,
    ) -> Result<Option<Value>, Stop> {
        for item in self.items(collection)? {
            self.variables.push(item);
            let holds = self.holds(predicate);
            let item = self.variables.pop();
            if holds? != is_all {
                return Ok(item);
            }
        }
        Ok(None)
    }

    fn comprehension(
        &mut self,
        element: &Term,
        collection: &Term,
        condition: Option<&Term>,
    ) -> Result<Value, Stop> {
        let mut out = Vec::new();
        for item in self.items(collection)? {
            self.variables.push(item);
            let one = match condition.map_or(Ok(true), |condition| self.holds(condition)) {
                Ok(true) => self.value(element).map(Some),
                Ok(false) => Ok(None),
                Err(stop) => Err(stop),
            };
            self.variables.pop();
            out.extend(one?);
        }
        Ok(Value::List(out))
    }

    fn call(
        &mut self,
        function: &'static Function,
        arguments: &[Term],
        span: Span,
    ) -> Result<Value, Stop> {
        let values = arguments.iter().map(|argument| self.value(argument));
        let values: Vec<Value> = values.collect::<Result<_, _>>()?;
        let items = match values.first() {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        self.take(Resource::Steps, items.len(), span)?;
        match &function.meaning {
            Meaning::Texts { compute, cost, .. } => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => text.as_str(),
                    // The type checker lets nothing else come here.
                    _ => "",
                });
                let texts: Vec<&str> = texts.collect();
                self.take(Resource::Text, cost(&texts), span)?;
                Ok(compute(&texts))
            }
            Meaning::Count => Ok(Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX))),
            Meaning::Sum => {
                // The second argument is zero in the unit of the list.
                let zero = values.get(1).cloned().unwrap_or(Value::Int(0));
                items.iter().try_fold(zero, |sum, item| {
                    arithmetic(BinaryOp::Add, &sum, item, span, span)
                })
            }
            Meaning::File
            | Meaning::Template
            | Meaning::Host
            | Meaning::Address
            | Meaning::Reaches
            | Meaning::Calls
            | Meaning::Wave
            | Meaning::Holds
            | Meaning::Violations => Ok(Value::Off),
        }
    }
}

/// How much text a value is made of; other values are short.
fn text_length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items
            .iter()
            .fold(0, |sum, item| sum.saturating_add(2 + text_length(item))),
        _ => 0,
    }
}
