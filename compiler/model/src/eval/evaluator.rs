//! The state of the evaluation of a program: what names mean, what was read, what is used up.

use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Expr, Ident, Statement, StringPart};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::arithmetic::Stop;
use super::budget::{self, Budget, Resource};
use super::sink::Sink;
use crate::ids::{NamespaceId, ServiceId};
use crate::program::{Files, Loaded};
use crate::statements::RawObject;
use crate::value::{Type, Value};

/// The state of the evaluation of a program. It is a [`Sink`] too, as everything that evaluates reports.
pub(crate) struct Evaluator<'a> {
    pub(super) sink: Sink<'a>,
    pub(super) files: &'a dyn Files,
    /// `platform.version` and the like.
    pub(crate) facts: Vec<(&'static str, Value)>,
    pub(crate) constants: FxHashMap<ConstantKey, Constant<'a>>,
    /// Files read by `file` and `template`; `None` where that failed and was reported.
    pub(super) texts: FxHashMap<String, Option<Rc<str>>>,
    /// The objects of manifests by the path of their file.
    pub(super) manifests: FxHashMap<String, Rc<[RawObject]>>,
    /// The templates that were evaluated.
    pub(crate) templates: Vec<Template>,
    /// The place of each by its path.
    pub(super) template_places: FxHashMap<String, usize>,
    pub(super) budget: Budget,
    /// How many evaluations are open, one inside the other.
    pub(super) depth: usize,
    /// Whether it was reported that something nests too deep.
    pub(super) is_too_deep: bool,
    /// Whether what is evaluated may name addresses of services, and those that were.
    pub(super) takes_addresses: bool,
    pub(crate) addresses: Vec<Asked>,
}

impl<'a> Deref for Evaluator<'a> {
    type Target = Sink<'a>;

    fn deref(&self) -> &Sink<'a> {
        &self.sink
    }
}

impl DerefMut for Evaluator<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.sink
    }
}

/// The namespace and the service in which a statement stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standpoint {
    pub(crate) namespace: Option<NamespaceId>,
    pub(crate) service: Option<ServiceId>,
}

impl Standpoint {
    pub(crate) fn in_namespace(namespace: Option<NamespaceId>) -> Self {
        Self {
            namespace,
            service: None,
        }
    }
}

/// The names that an expression can see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Parameters and loop variables, innermost last.
    pub(crate) bindings: Vec<(SmolStr, Value)>,
    /// Parameters to which whoever uses the component gives a value, and where it does.
    pub(crate) given: Vec<(SmolStr, Span)>,
    /// Where the statement stands.
    pub(crate) at: Standpoint,
    /// Name and namespace of the service that is being resolved.
    pub(crate) service: Option<(SmolStr, SmolStr)>,
    /// The module whose constants are visible; the program's own where `None`.
    pub(crate) module: Option<SmolStr>,
}

/// How deep evaluations may nest: operators, brackets, and templates in templates.
const MAX_DEPTH: usize = 400;
/// How deep lists may nest.
const MAX_LIST_DEPTH: usize = 16;

impl<'a> Evaluator<'a> {
    pub(crate) fn new(loaded: &'a Loaded, files: &'a dyn Files) -> Self {
        Self {
            sink: Sink::new(loaded),
            files,
            facts: Vec::new(),
            constants: FxHashMap::default(),
            texts: FxHashMap::default(),
            manifests: FxHashMap::default(),
            templates: Vec::new(),
            template_places: FxHashMap::default(),
            budget: Budget::new(&budget::OF_VALUES),
            depth: 0,
            is_too_deep: false,
            takes_addresses: false,
            addresses: Vec::new(),
        }
    }

    /// An evaluation of the same program, which uses up the same budget and does not read files again.
    pub(crate) fn again(&mut self) -> Self {
        Self {
            texts: std::mem::take(&mut self.texts),
            manifests: std::mem::take(&mut self.manifests),
            templates: std::mem::take(&mut self.templates),
            template_places: std::mem::take(&mut self.template_places),
            budget: self.budget,
            ..Self::new(self.sink.loaded, self.files)
        }
    }

    /// Where a value stands that an expression hands on: the argument of the component, where the
    /// expression is no more than its parameter.
    pub(crate) fn given_at(expr: &Expr, scope: &Scope) -> Span {
        let given = expr.as_word().and_then(|word| {
            let mut given = scope.given.iter();
            given.find(|(name, _)| name == word)
        });
        given.map_or(expr.span, |(_, span)| *span)
    }

    pub(super) fn report_stop(&mut self, stop: Stop) {
        if !stop.is_repeated {
            self.report(Diagnostic::new(stop.code, stop.message).at(stop.span, stop.label));
        }
    }

    /// Starts an evaluation inside another one; `false` past the limits of steps and depth.
    pub(super) fn enter(&mut self, span: Span) -> bool {
        if !self.steps(1, span) {
            return false;
        }
        if self.depth >= MAX_DEPTH {
            self.report_too_deep(
                span,
                &format!("evaluations nest more than {MAX_DEPTH} deep"),
            );
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Reports once that something nests too deep.
    pub(super) fn report_too_deep(&mut self, span: Span, message: &str) {
        if !std::mem::replace(&mut self.is_too_deep, true) {
            self.report_budget(span, message);
        }
    }

    /// Counts steps; `false` past the budget, which is reported once.
    pub(crate) fn steps(&mut self, steps: usize, span: Span) -> bool {
        self.count(Resource::Steps, steps, span)
    }

    /// Counts the elements of a value that is made or copied.
    pub(super) fn count_elements(&mut self, value: &Value, span: Span) -> bool {
        let Value::List(items) = value else {
            return true;
        };
        self.count(Resource::Elements, items.len(), span)
            && items.iter().all(|item| self.count_elements(item, span))
    }

    /// Adds to a budget; `false` past its limit, which is reported once.
    pub(super) fn count(&mut self, resource: Resource, amount: usize, span: Span) -> bool {
        match self.budget.take(resource, amount) {
            Ok(()) => true,
            Err(exceeded) => {
                self.report_stop(Stop::from_budget(exceeded, span));
                false
            }
        }
    }

    pub(crate) fn report_budget(&mut self, span: Span, message: &str) {
        self.report(
            Diagnostic::new(&codes::EVALUATION_BUDGET, message).at(span, "the budget ends here"),
        );
    }

    /// A list of these, if it is neither too large nor nested too deep.
    pub(super) fn list(&mut self, items: Vec<Value>, span: Span) -> Option<Value> {
        let list = Value::List(items);
        if list_depth(&list) > MAX_LIST_DEPTH {
            self.report_too_deep(span, &format!("lists nest more than {MAX_LIST_DEPTH} deep"));
            return None;
        }
        self.count_elements(&list, span).then_some(list)
    }

    /// A name with a port, a peer of a flow or the like where a value stands.
    pub(super) fn report_no_value(&mut self, span: Span, expected: Option<&Type>) {
        let written = self.written(span).to_owned();
        let message = match expected {
            Some(expected) => format!("expected {expected}, found the name `{written}`"),
            None => format!("expected a value, found the name `{written}`"),
        };
        let mut diagnostic = Diagnostic::new(&codes::WRONG_TYPE, message).at(span, "a name");
        if matches!(expected, Some(Type::String | Type::Image)) && !written.contains(['"', '\n']) {
            diagnostic = diagnostic
                .help(format!("text is written in quotes: `\"{written}\"`"))
                .fix("put it in quotes", span, format!("\"{written}\""));
        }
        self.report(diagnostic);
    }

    /// Reports a range where there is none of the expected type.
    pub(super) fn report_range(&mut self, span: Span, expected: &Type) {
        let mut diagnostic = Diagnostic::new(
            &codes::WRONG_TYPE,
            format!("expected {expected}, found a range"),
        )
        .at(span, "a range");
        if self.is_setting("replicas", span) {
            let range = self.written(span);
            let help = format!("a number that changes with the load: `scale {range} on cpu 75%`");
            diagnostic = diagnostic.help(help).help("a fixed number: `replicas 2`");
        }
        self.report(diagnostic);
    }

    /// Makes one diagnostic of the last two, whose fixes are made together.
    pub(super) fn join_fixes(&mut self) {
        if let Some(second) = self.diagnostics.pop()
            && let Some(first) = self.diagnostics.last_mut()
        {
            match (first.fixes.first_mut(), second.fixes.into_iter().next()) {
                (Some(first), Some(second)) => first.edits.extend(second.edits),
                _ => first.fixes.clear(),
            }
        }
    }

    /// Whether a place is the value of a statement that starts with this word.
    fn is_setting(&self, word: &str, span: Span) -> bool {
        let Some(source) = self.loaded.sources.get(span.file) else {
            return false;
        };
        let before = source.text.get(..span.start as usize).unwrap_or_default();
        before.trim_end().ends_with(word)
    }

    pub(super) fn address(&mut self, text: &str, span: Span) -> Option<Value> {
        let bare = text
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(net) = text.parse::<ipnet::IpNet>() {
            return Some(Value::Cidr(net));
        }
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(Value::Address(ip, None));
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Some(Value::Address(socket.ip(), Some(socket.port())));
        }
        self.report(
            Diagnostic::new(&codes::OUT_OF_RANGE, format!("invalid IP address `{text}`"))
                .at(span, "a part is out of range")
                .help("each part of an IPv4 address is 0 to 255; a prefix length is at most 32, for IPv6 128"),
        );
        None
    }
}

/// How deep lists nest in a value.
fn list_depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(list_depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The module of a constant, `None` for the program's own, and its name.
pub(crate) type ConstantKey = (Option<SmolStr>, SmolStr);

/// A `let`.
pub(crate) struct Constant<'a> {
    pub(crate) name: Ident,
    pub(crate) statement: &'a Statement,
    pub(super) state: State,
    pub(super) is_used: bool,
}

pub(super) enum State {
    New,
    Open,
    Done(Option<Value>),
}

impl<'a> Constant<'a> {
    /// A constant that was not evaluated yet.
    pub(crate) fn new(name: Ident, statement: &'a Statement) -> Self {
        Self {
            name,
            statement,
            state: State::New,
            is_used: false,
        }
    }

    pub(super) fn is_new(&self) -> bool {
        matches!(self.state, State::New)
    }
}

/// An address that a text asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Whether it is `address(SERVICE:PORT)`.
    pub(crate) has_port: bool,
    /// `SERVICE` or `SERVICE:PORT`.
    pub(crate) name: Expr,
    /// The namespace of the service that asks.
    pub(crate) namespace: Option<NamespaceId>,
    /// The call.
    pub(crate) span: Span,
}

/// A file that `template` evaluates.
pub(crate) struct Template {
    pub(crate) path: String,
    /// The file that names it: paths in the template are seen from there.
    pub(crate) from: String,
    pub(crate) text: Rc<str>,
    /// What is between and in its `${…}`, once `template` has used it; `None` in it if it cannot be parsed, which was
    /// reported.
    pub(crate) parts: Option<Option<Rc<[StringPart]>>>,
}
