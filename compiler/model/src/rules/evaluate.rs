//! The meaning of terms over a platform. Types are settled before, so that what can still go wrong
//! is arithmetic (a division by zero, a result out of range) and the budget; each stops the one
//! condition that it is found in.

use erpc_diagnostics::{Code, Span, codes};
use erpc_syntax::tree::BinaryOp;
use smol_str::SmolStr;

use super::Facts;
use crate::elements::{Element, Kind};
use crate::eval;
use crate::ids::number;
use crate::platform::{
    Expectation, Function, PathQuery, Platform, Require, Rule, ServiceId, Term, TermKind, Test,
};
use crate::value::Value;

/// How many steps all rules and tests of a program may take.
const MAX_STEPS: u64 = 30_000_000;
/// How many bytes of text they may make.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// A platform with what is derived from it.
#[derive(Clone, Copy)]
pub(crate) struct View<'p> {
    pub(crate) platform: &'p Platform,
    pub(crate) facts: &'p dyn Facts,
}

/// Why a condition has no value.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The kind of finding.
    pub code: &'static Code,
    /// The fact.
    pub message: String,
    /// The part of the condition.
    pub span: Span,
}

/// A part of a condition with the value that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The part.
    pub span: Span,
    /// Its value, as the language writes it.
    pub value: String,
}

/// A condition that does not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What the rule says of it.
    pub message: String,
    /// `erp-apps.hl7-health`, as messages name the element.
    pub element: String,
    /// Where the element is declared.
    pub element_span: Span,
    /// The service that a part from a component belongs to.
    pub service_span: Span,
    /// The `require`.
    pub require_span: Span,
    /// What both sides were.
    pub sides: Vec<Side>,
}

/// What became of an expectation.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not, with what its parts were.
    Fails(Vec<Side>),
    /// It has no value.
    Stops(Stop),
}

/// An evaluation of a platform's rules and tests, with one budget for all.
pub struct Evaluation<'p> {
    view: View<'p>,
    variables: Vec<Value>,
    steps: u64,
    text_bytes: u64,
}

impl<'p> Evaluation<'p> {
    /// An evaluation over a platform and what is derived from it.
    #[must_use]
    pub fn of(platform: &'p Platform, facts: &'p dyn Facts) -> Self {
        Self {
            view: View { platform, facts },
            variables: Vec::new(),
            steps: 0,
            text_bytes: 0,
        }
    }

    /// Where a rule is broken; stops at the first condition without a value.
    ///
    /// # Errors
    ///
    /// The element at which a condition has no value, and why.
    pub fn rule(&mut self, rule: &Rule) -> Result<Vec<Broken>, (String, Span, Stop)> {
        let mut broken = Vec::new();
        for element in self.elements(rule.kind) {
            broken.extend(self.rule_of(rule, element).map_err(|stop| {
                let (name, span, _) = self.place(element);
                (name, span, stop)
            })?);
        }
        Ok(broken)
    }

    fn rule_of(&mut self, rule: &Rule, element: Element) -> Result<Vec<Broken>, Stop> {
        let outer = std::mem::take(&mut self.variables);
        self.variables.extend(rule.arguments.iter().cloned());
        self.variables.push(Value::Element(element));
        let mut broken = Ok(Vec::new());
        for require in &rule.requires {
            match self.require(require, element) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    if let Ok(all) = &mut broken {
                        all.push(found);
                    }
                }
                Err(stop) => {
                    broken = Err(stop);
                    break;
                }
            }
        }
        self.variables = outer;
        broken
    }

    fn require(&mut self, require: &Require, element: Element) -> Result<Option<Broken>, Stop> {
        if self.holds(&require.condition)? {
            return Ok(None);
        }
        let message = self.text(&require.message)?;
        let sides = self.sides(&require.condition)?;
        let (name, element_span, service_span) = self.place(element);
        Ok(Some(Broken {
            message,
            element: name,
            element_span,
            service_span,
            require_span: require.span,
            sides,
        }))
    }

    /// What becomes of each expectation of a test.
    pub fn test(&mut self, test: &Test) -> Vec<Outcome> {
        let one = |expectation: &Expectation| {
            self.variables.clear();
            let outcome = match self.holds(&expectation.condition) {
                Ok(true) => return Outcome::Holds,
                Ok(false) => self.sides(&expectation.condition),
                Err(stop) => Err(stop),
            };
            outcome.map_or_else(Outcome::Stops, Outcome::Fails)
        };
        test.expectations.iter().map(one).collect()
    }

    /// All elements of a kind that rules may be about.
    fn elements(&self, kind: Kind) -> Vec<Element> {
        let platform = self.view.platform;
        let of_services = |count: fn(&crate::Service) -> usize,
                           make: fn(ServiceId, u32) -> Element| {
            let all = platform.services().flat_map(move |(id, service)| {
                let count = number(count(service));
                (0..count).map(move |at| make(id, at))
            });
            all.collect()
        };
        match kind {
            Kind::Service => platform
                .services()
                .map(|(id, _)| Element::Service(id))
                .collect(),
            Kind::Namespace => {
                let all = platform.namespaces().map(|(id, _)| Element::Namespace(id));
                all.collect()
            }
            Kind::Volume => of_services(|s| s.volumes.len(), Element::Volume),
            Kind::Container => of_services(|s| s.containers().count(), Element::Container),
            Kind::Flow => {
                let count = number(self.view.facts.flows().len());
                (0..count).map(Element::Flow).collect()
            }
            // Resolution refuses rules about others.
            Kind::Platform
            | Kind::Image
            | Kind::Env
            | Kind::Probe
            | Kind::Port
            | Kind::Config
            | Kind::Route
            | Kind::Grant
            | Kind::End => Vec::new(),
        }
    }

    /// How messages name an element, where it is declared, and the service around it.
    fn place(&self, element: Element) -> (String, Span, Span) {
        let platform = self.view.platform;
        let service = |id: ServiceId| platform[id].name.span();
        match element {
            Element::Service(id) => (platform.path(id), service(id), Span::NONE),
            Element::Namespace(id) => {
                let name = &platform[id].name;
                (name.value.to_string(), name.span(), Span::NONE)
            }
            Element::Volume(id, at) => {
                let name = &platform[id].volumes[at as usize].name;
                let shown = format!("{}, volume {}", platform.path(id), name.value);
                (shown, name.span(), service(id))
            }
            Element::Container(id, at) => {
                let container = platform[id].containers().nth(at as usize);
                let name = container.map_or(&platform[id].name, |container| &container.name);
                let is_main = name.value == platform[id].name.value;
                let shown = if is_main {
                    platform.path(id)
                } else {
                    format!("{}, container {}", platform.path(id), name.value)
                };
                (
                    shown,
                    name.span(),
                    if is_main { Span::NONE } else { service(id) },
                )
            }
            Element::Flow(at) => {
                let flow = &self.view.facts.flows()[at as usize];
                let statement = platform.flows[flow.flow.index()].span;
                (self.show(&Value::Element(element)), statement, Span::NONE)
            }
            Element::Platform
            | Element::Image(..)
            | Element::Env(..)
            | Element::Probe(..)
            | Element::Port(_)
            | Element::Config(..)
            | Element::Route(_)
            | Element::Grant(..)
            | Element::End(_) => (
                self.show(&Value::Element(element)),
                platform.name.span(),
                Span::NONE,
            ),
        }
    }

    fn holds(&mut self, term: &Term) -> Result<bool, Stop> {
        Ok(self.value(term)? == Value::Bool(true))
    }

    fn text(&mut self, term: &Term) -> Result<String, Stop> {
        let value = self.value(term)?;
        Ok(self.show(&value))
    }

    fn items(&mut self, term: &Term) -> Result<Vec<Value>, Stop> {
        Ok(match self.value(term)? {
            Value::List(items) => items,
            // The type checker lets nothing else come here.
            other => vec![other],
        })
    }

    fn count_step(&mut self, span: Span, steps: u64) -> Result<(), Stop> {
        self.steps += steps;
        if self.steps < MAX_STEPS && self.text_bytes < MAX_TEXT_BYTES {
            return Ok(());
        }
        let budget = if self.steps < MAX_STEPS {
            "64 MiB of text"
        } else {
            "30,000,000 steps"
        };
        Err(Stop {
            code: &codes::EVALUATION_BUDGET,
            message: format!("the rules and tests need more than {budget}"),
            span,
        })
    }

    /// Counts text that is about to be made.
    fn count_text(&mut self, span: Span, bytes: u64) -> Result<(), Stop> {
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        self.count_step(span, 0)
    }

    /// The value of a term. The elements of a list are steps, so that a list costs what it holds.
    fn value(&mut self, term: &Term) -> Result<Value, Stop> {
        self.count_step(term.span, 1)?;
        let value = self.value_within(term)?;
        if let Value::List(items) = &value {
            self.count_step(term.span, items.len() as u64)?;
        }
        Ok(value)
    }

    fn value_within(&mut self, term: &Term) -> Result<Value, Stop> {
        Ok(match &term.kind {
            TermKind::Value(value) => value.clone(),
            TermKind::Variable(at) => self.variables.get(*at).cloned().unwrap_or(Value::Off),
            TermKind::Member(of, member) => match self.value(of)? {
                Value::Element(element) => super::member_of(*member)
                    .map_or(Value::Off, |member| member.get(self.view, element)),
                // Only where the type checker saw that it is there.
                _ => Value::Off,
            },
            TermKind::RangeEnd(of, is_max) => match self.value(of)? {
                Value::Range(min, max) => *if *is_max { max } else { min },
                other => other,
            },
            TermKind::List(items) => {
                let values = items.iter().map(|item| self.value(item));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            TermKind::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    let value = self.value(part)?;
                    self.count_text(term.span, text_length(&value))?;
                    text.push_str(&self.show(&value));
                }
                Value::Text(text.into())
            }
            TermKind::Not(inner) => Value::Bool(!self.holds(inner)?),
            TermKind::Negate(inner) => match self.value(inner)? {
                Value::Int(n) => Value::Int(n.saturating_neg()),
                other => other,
            },
            TermKind::And(left, right) => Value::Bool(self.holds(left)? && self.holds(right)?),
            TermKind::Or(left, right) => Value::Bool(self.holds(left)? || self.holds(right)?),
            TermKind::Compare(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Value::Bool(compares(*op, &left, &right))
            }
            TermKind::In(needle, list) => {
                let needle = self.value(needle)?;
                let items = self.items(list)?;
                self.count_step(term.span, items.len() as u64)?;
                Value::Bool(items.contains(&needle))
            }
            TermKind::Arithmetic(op, left, right) => {
                let (a, b) = (self.value(left)?, self.value(right)?);
                self.count_text(term.span, text_length(&a) + text_length(&b))?;
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
            TermKind::Call(function, arguments) => self.call(*function, arguments, term.span)?,
            TermKind::Path(query) => {
                self.count_step(term.span, 1 + self.view.facts.flows().len() as u64)?;
                Value::Bool(self.path(query).is_some())
            }
            TermKind::Wave(service) => match self.value(service)? {
                Value::Element(Element::Service(id)) => {
                    Value::Int(i64::from(self.view.facts.wave(id)))
                }
                _ => Value::Off,
            },
            TermKind::Holds(rule, of) => self.rule_holds(*rule, of.as_deref(), term.span)?,
            TermKind::Violations(rule) => {
                let platform = self.view.platform;
                let broken = self.all_broken(&platform.rules[*rule], None)?;
                let says = broken
                    .into_iter()
                    .map(|broken| Value::Text(broken.message.into()));
                Value::List(says.collect())
            }
        })
    }

    fn all_broken(&mut self, rule: &Rule, of: Option<Element>) -> Result<Vec<Broken>, Stop> {
        let elements = of.map_or_else(|| self.elements(rule.kind), |element| vec![element]);
        let mut all = Vec::new();
        for element in elements {
            all.extend(self.rule_of(rule, element)?);
        }
        Ok(all)
    }

    fn rule_holds(&mut self, rule: usize, of: Option<&Term>, span: Span) -> Result<Value, Stop> {
        let of = match of.map(|term| self.value(term)).transpose()? {
            Some(Value::Element(element)) => Some(element),
            _ => None,
        };
        self.count_step(span, 1)?;
        let platform = self.view.platform;
        let broken = self.all_broken(&platform.rules[rule], of)?;
        Ok(Value::Bool(broken.is_empty()))
    }

    fn path(&self, query: &PathQuery) -> Option<Vec<String>> {
        self.view.facts.path(
            &query.from.ends,
            &query.to.ends,
            query.port.as_ref(),
            query.is_direct,
        )
    }

    /// The first item that decides: for `all` one of which the predicate does not hold, for `any`
    /// one of which it does.
    fn decisive(
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

    fn call(&mut self, function: Function, arguments: &[Term], span: Span) -> Result<Value, Stop> {
        let values = arguments.iter().map(|argument| self.value(argument));
        let values: Vec<Value> = values.collect::<Result<_, _>>()?;
        let text = |at: usize| match values.get(at) {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        let items = match values.first() {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        self.count_step(span, items.len() as u64)?;
        self.count_text(span, text_length(values.first().unwrap_or(&Value::Off)))?;
        let made = |text: String| Value::Text(text.into());
        Ok(match function {
            Function::Count => Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)),
            Function::Sum => {
                // The second argument is nothing, in the unit of the list.
                let nothing = values.get(1).cloned().unwrap_or(Value::Int(0));
                items.iter().try_fold(nothing, |sum, item| {
                    arithmetic(BinaryOp::Add, &sum, item, span, span)
                })?
            }
            Function::Lower => made(text(0).to_lowercase()),
            Function::Replace if text(1).is_empty() => made(text(0).to_owned()),
            Function::Replace => {
                let places = text(0).matches(text(1)).count() as u64;
                self.count_text(span, places.saturating_mul(text(2).len() as u64))?;
                made(text(0).replace(text(1), text(2)))
            }
            Function::Sha256 => made(crate::digest::sha256_hex(text(0).as_bytes())),
            Function::Contains => Value::Bool(text(0).contains(text(1))),
            Function::StartsWith => Value::Bool(text(0).starts_with(text(1))),
            Function::EndsWith => Value::Bool(text(0).ends_with(text(1))),
        })
    }

    /// A value as messages show it.
    fn show(&self, value: &Value) -> String {
        let platform = self.view.platform;
        match value {
            Value::Element(element) => match *element {
                Element::Platform => platform.name.value.to_string(),
                Element::Namespace(id) => platform[id].name.value.to_string(),
                Element::Service(id) => platform.path(id),
                Element::Flow(at) => {
                    let flow = &self.view.facts.flows()[at as usize];
                    format!(
                        "{} -> {}:{}",
                        platform.end_name(flow.from),
                        platform.end_name(flow.to),
                        flow.port
                    )
                }
                Element::End(end) => platform.end_name(end),
                Element::Image(..) => self.member_text(*element, "reference"),
                Element::Route(_) => format!(
                    "{}{}",
                    self.member_text(*element, "host"),
                    self.member_text(*element, "path")
                ),
                Element::Probe(..) => self.member_text(*element, "kind"),
                Element::Grant(..) => self.member_text(*element, "resources"),
                Element::Container(..)
                | Element::Env(..)
                | Element::Port(_)
                | Element::Volume(..)
                | Element::Config(..) => self.member_text(*element, "name"),
            },
            Value::Range(min, max) if min != max => {
                format!("{}..{}", self.show(min), self.show(max))
            }
            Value::List(items) => {
                let shown: Vec<String> = items.iter().map(|item| self.show(item)).collect();
                format!("[{}]", shown.join(", "))
            }
            other => eval::show(other),
        }
    }

    fn member_text(&self, element: Element, name: &str) -> String {
        super::member(element.kind(), name).map_or_else(String::new, |(_, member)| {
            self.show(&member.get(self.view, element))
        })
    }

    /// The parts that decide a condition which does not hold, with their values.
    fn sides(&mut self, term: &Term) -> Result<Vec<Side>, Stop> {
        match &term.kind {
            TermKind::Not(inner) => self.sides(inner),
            TermKind::And(left, right) => {
                let first = if self.holds(left)? { right } else { left };
                self.sides(first)
            }
            TermKind::Or(left, right) => {
                let mut sides = self.sides(left)?;
                sides.extend(self.sides(right)?);
                Ok(sides)
            }
            TermKind::Compare(_, left, right) | TermKind::In(left, right) => {
                Ok(vec![self.side(left)?, self.side(right)?])
            }
            TermKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let taken = if self.holds(condition)? {
                    then
                } else {
                    otherwise
                };
                let mut sides = vec![self.side(condition)?];
                sides.extend(self.sides(taken)?);
                Ok(sides)
            }
            TermKind::Quantified {
                is_all,
                variable,
                collection,
                predicate,
            } => {
                let Some(item) = self.decisive(*is_all, collection, predicate)? else {
                    return Ok(vec![self.side(collection)?]);
                };
                let value = format!("{variable} is {}", self.show(&item));
                let mut sides = vec![Side {
                    span: collection.span,
                    value,
                }];
                self.variables.push(item);
                let inner = self.sides(predicate);
                self.variables.pop();
                sides.extend(inner?);
                Ok(sides)
            }
            TermKind::Path(query) => {
                let value = match self.path(query) {
                    Some(path) => path.join(" → "),
                    None => "no path".to_owned(),
                };
                Ok(vec![Side {
                    span: term.span,
                    value,
                }])
            }
            TermKind::Holds(rule, of) => {
                let of = match of.as_deref().map(|term| self.value(term)).transpose()? {
                    Some(Value::Element(element)) => Some(element),
                    _ => None,
                };
                let platform = self.view.platform;
                let broken = self.all_broken(&platform.rules[*rule], of)?;
                let value = match broken.first() {
                    Some(first) => format!("{}: {}", first.element, first.message),
                    None => "nothing breaks it".to_owned(),
                };
                Ok(vec![Side {
                    span: term.span,
                    value,
                }])
            }
            TermKind::Call(Function::Sum, arguments) => Ok(vec![self.side(&arguments[0])?]),
            TermKind::Call(_, arguments) => arguments
                .iter()
                .map(|argument| self.side(argument))
                .collect(),
            TermKind::Value(_)
            | TermKind::Variable(_)
            | TermKind::Member(..)
            | TermKind::RangeEnd(..)
            | TermKind::List(_)
            | TermKind::Text(_)
            | TermKind::Negate(_)
            | TermKind::Arithmetic(..)
            | TermKind::Comprehension { .. }
            | TermKind::Wave(_)
            | TermKind::Violations(_) => Ok(vec![self.side(term)?]),
        }
    }

    fn side(&mut self, term: &Term) -> Result<Side, Stop> {
        Ok(Side {
            span: term.span,
            value: self.text(term)?,
        })
    }
}

/// How much text a value is made of; other values are short.
fn text_length(value: &Value) -> u64 {
    match value {
        Value::Text(text) => text.len() as u64,
        Value::List(items) => items.iter().map(|item| 2 + text_length(item)).sum(),
        _ => 0,
    }
}

fn compares(op: BinaryOp, left: &Value, right: &Value) -> bool {
    use std::cmp::Ordering;
    match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        _ => match eval::compare(left, right) {
            Some(Ordering::Less) => matches!(op, BinaryOp::Less | BinaryOp::LessEqual),
            Some(Ordering::Greater) => matches!(op, BinaryOp::Greater | BinaryOp::GreaterEqual),
            Some(Ordering::Equal) => matches!(op, BinaryOp::LessEqual | BinaryOp::GreaterEqual),
            None => false,
        },
    }
}

/// One operation on numbers. A quantity times or by a whole number keeps its unit; a quantity by
/// one of the same unit is a whole number.
fn arithmetic(op: BinaryOp, a: &Value, b: &Value, right: Span, whole: Span) -> Result<Value, Stop> {
    if let (Value::Text(x), Value::Text(y)) = (a, b) {
        return Ok(Value::Text(SmolStr::from(format!("{x}{y}"))));
    }
    let stop = |code, message: &str, span| Stop {
        code,
        message: message.to_owned(),
        span,
    };
    let out_of_range = || {
        stop(
            &codes::OUT_OF_RANGE,
            "the result is negative or too large",
            whole,
        )
    };
    let (Some(x), Some(y)) = (eval::steps(a), eval::steps(b)) else {
        return Err(out_of_range());
    };
    let result = match op {
        BinaryOp::Add => x.checked_add(y),
        BinaryOp::Subtract => x.checked_sub(y),
        BinaryOp::Multiply => x.checked_mul(y),
        _ if y == 0 => {
            return Err(stop(
                &codes::DIVISION_BY_ZERO,
                "a number is divided by zero",
                right,
            ));
        }
        _ => x.checked_div(y),
    };
    let is_int = |value: &Value| matches!(value, Value::Int(_));
    let of_one_unit = op == BinaryOp::Divide && !is_int(b);
    let model = if of_one_unit {
        &Value::Int(0)
    } else if is_int(a) {
        b
    } else {
        a
    };
    result
        .and_then(|n| eval::like(model, n))
        .ok_or_else(out_of_range)
}
