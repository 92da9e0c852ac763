//! Rules and tests over a platform: the elements that break a rule, the expectations that do not hold, and the parts of
//! a condition that decide.

use erpc_diagnostics::Span;

use super::FlowGraph;
use super::members::View;
use crate::elements::{Element, Kind};
use crate::eval::{self, Budget, Machine, OF_CONDITIONS, Resource, Stop, Subject};
use crate::functions::Meaning;
use crate::ids::number;
use crate::platform::{
    Expectation, MemberId, PathQuery, Platform, Require, Rule, ServiceId, Term, TermKind, Test,
};
use crate::value::Value;

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
pub struct Evaluation<'p>(Machine<View<'p>>);

impl<'p> Evaluation<'p> {
    /// An evaluation over a platform and what is derived from it.
    #[must_use]
    pub fn new(platform: &'p Platform, flows: &'p dyn FlowGraph) -> Self {
        let view = View { platform, flows };
        Self(Machine::new(view, Budget::new(&OF_CONDITIONS)))
    }

    /// Where a rule is broken; stops at the first condition without a value.
    ///
    /// # Errors
    ///
    /// The element at which a condition has no value, and why.
    pub fn rule(&mut self, rule: &Rule) -> Result<Vec<Broken>, (String, Span, Stop)> {
        let mut broken = Vec::new();
        for element in self.0.subject.elements(rule.kind) {
            broken.extend(self.0.rule_of(rule, element).map_err(|stop| {
                let (name, span, _) = self.0.subject.place(element);
                (name, span, stop)
            })?);
        }
        Ok(broken)
    }

    /// The outcome of each expectation of a test.
    pub fn test(&mut self, test: &Test) -> Vec<Outcome> {
        let one = |expectation: &Expectation| {
            self.0.variables.clear();
            let outcome = match self.0.holds(&expectation.condition) {
                Ok(true) => return Outcome::Holds,
                Ok(false) => self.0.sides(&expectation.condition),
                Err(stop) => Err(stop),
            };
            outcome.map_or_else(Outcome::Stops, Outcome::Fails)
        };
        test.expectations.iter().map(one).collect()
    }
}

impl View<'_> {
    /// All elements of a kind that rules may be about.
    fn elements(&self, kind: Kind) -> Vec<Element> {
        let platform = self.platform;
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
                let count = number(self.flows.edges().len());
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
            | Kind::Peer => Vec::new(),
        }
    }

    /// How messages name an element, where it is declared, and the service around it.
    fn place(&self, element: Element) -> (String, Span, Span) {
        let platform = self.platform;
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
                let edge = &self.flows.edges()[at as usize];
                let statement = platform.flows[edge.flow.index()].span;
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
            | Element::Peer(_) => (
                self.show(&Value::Element(element)),
                platform.name.span(),
                Span::NONE,
            ),
        }
    }

    fn path(&self, query: &PathQuery) -> Option<Vec<String>> {
        self.flows.path(
            &query.from.peers,
            &query.to.peers,
            query.port.as_ref(),
            query.is_direct,
        )
    }

    fn member_text(&self, element: Element, name: &str) -> String {
        super::member(element.kind(), name).map_or_else(String::new, |(_, member)| {
            self.show(&member.get(*self, element))
        })
    }
}

impl Subject for View<'_> {
    fn show(&self, value: &Value) -> String {
        let platform = self.platform;
        match value {
            Value::Element(element) => match *element {
                Element::Platform => platform.name.value.to_string(),
                Element::Namespace(id) => platform[id].name.value.to_string(),
                Element::Service(id) => platform.path(id),
                Element::Flow(at) => {
                    let edge = &self.flows.edges()[at as usize];
                    format!(
                        "{} -> {}:{}",
                        platform.peer_name(edge.from),
                        platform.peer_name(edge.to),
                        edge.port
                    )
                }
                Element::Peer(end) => platform.peer_name(end),
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

    fn member(&self, element: Element, member: MemberId) -> Value {
        super::member_of(member).map_or(Value::Off, |member| member.get(*self, element))
    }

    fn ask(machine: &mut Machine<Self>, term: &Term) -> Result<Value, Stop> {
        Ok(match &term.kind {
            TermKind::Path(query) => {
                let edges = machine.subject.flows.edges().len();
                machine.take(Resource::Steps, 1 + edges, term.span)?;
                Value::Bool(machine.subject.path(query).is_some())
            }
            TermKind::Wave(service) => match machine.value(service)? {
                Value::Element(Element::Service(id)) => {
                    Value::Int(i64::from(machine.subject.flows.wave(id)))
                }
                _ => Value::Off,
            },
            TermKind::Holds(rule, of) => machine.rule_holds(*rule, of.as_deref(), term.span)?,
            TermKind::Violations(rule) => {
                let platform = machine.subject.platform;
                let broken = machine.all_broken(&platform.rules[*rule], None)?;
                let messages = broken
                    .into_iter()
                    .map(|broken| Value::Text(broken.message.into()));
                Value::List(messages.collect())
            }
            // Others do not ask the platform.
            _ => Value::Off,
        })
    }
}

impl Machine<View<'_>> {
    fn rule_of(&mut self, rule: &Rule, element: Element) -> Result<Vec<Broken>, Stop> {
        let outer = std::mem::take(&mut self.variables);
        self.variables.extend(rule.arguments.iter().cloned());
        self.variables.push(Value::Element(element));
        let requires = rule.requires.iter();
        let broken = requires.filter_map(|require| self.require(require, element).transpose());
        let broken = broken.collect();
        self.variables = outer;
        broken
    }

    fn require(&mut self, require: &Require, element: Element) -> Result<Option<Broken>, Stop> {
        if self.holds(&require.condition)? {
            return Ok(None);
        }
        let message = self.text(&require.message)?;
        let sides = self.sides(&require.condition)?;
        let (name, element_span, service_span) = self.subject.place(element);
        Ok(Some(Broken {
            message,
            element: name,
            element_span,
            service_span,
            require_span: require.span,
            sides,
        }))
    }

    fn all_broken(&mut self, rule: &Rule, of: Option<Element>) -> Result<Vec<Broken>, Stop> {
        let elements = of.map_or_else(|| self.subject.elements(rule.kind), |element| vec![element]);
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
        self.take(Resource::Steps, 1, span)?;
        let platform = self.subject.platform;
        let broken = self.all_broken(&platform.rules[rule], of)?;
        Ok(Value::Bool(broken.is_empty()))
    }

    /// The element that decides a condition about each, and what decides there.
    fn sides_of_each(
        &mut self,
        is_all: bool,
        variable: &str,
        collection: &Term,
        predicate: &Term,
    ) -> Result<Vec<Side>, Stop> {
        let Some(item) = self.decisive(is_all, collection, predicate)? else {
            return Ok(vec![self.side(collection)?]);
        };
        let value = format!("{variable} is {}", self.subject.show(&item));
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
            } => self.sides_of_each(*is_all, variable, collection, predicate),
            TermKind::Path(query) => {
                let value = match self.subject.path(query) {
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
                let platform = self.subject.platform;
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
            TermKind::Call(function, arguments) if matches!(function.meaning, Meaning::Sum) => {
                Ok(vec![self.side(&arguments[0])?])
            }
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
