//! Evaluation of expressions: strict, total, without side effects beyond reading files of the
//! program. The expected type travels down, so that `5m` is a time where a time is expected.

use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{
    Comprehension, Expr, ExprKind, Path, Quantified, StringLiteral, StringPart,
};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::literals::are_alike;
use crate::program::{Files, Loaded};
use crate::value::{Type, Value};

mod address;
mod constants;
mod convert;
mod files;
mod operators;
mod sink;
mod typed;

pub(crate) use address::{Asked, END, START};
pub(crate) use constants::Constant;
use constants::ConstantKey;
pub(crate) use files::Template;
pub(crate) use operators::{compare, like, steps};
pub(crate) use sink::Sink;

/// The state of the evaluation of a program. It is a [`Sink`] too, as everything that evaluates reports.
pub(crate) struct Evaluator<'a> {
    sink: Sink<'a>,
    files: &'a dyn Files,
    /// `platform.version` and the like.
    pub(crate) facts: Vec<(&'static str, Value)>,
    pub(crate) constants: FxHashMap<ConstantKey, Constant<'a>>,
    /// Files read by `file` and `template`; `None` where that failed and was reported.
    texts: FxHashMap<String, Option<Rc<str>>>,
    /// The templates that were evaluated.
    pub(crate) templates: Vec<Template>,
    /// The place of each by its path.
    template_places: FxHashMap<String, usize>,
    budget: Budget,
    /// How many evaluations are open, one inside the other.
    depth: usize,
    /// Whether what is evaluated may name addresses of services, and those that were.
    takes_addresses: bool,
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

/// The names that an expression can see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Parameters and loop variables, innermost last.
    pub(crate) bindings: Vec<(SmolStr, Value)>,
    /// Parameters to which whoever uses the component gives a value, and where it does.
    pub(crate) given: Vec<(SmolStr, Span)>,
    /// Name and namespace of the service that is being resolved.
    pub(crate) service: Option<(SmolStr, SmolStr)>,
    /// The module whose constants are visible; the program's own where `None`.
    pub(crate) module: Option<SmolStr>,
}

/// How many steps the evaluation of a program may take.
pub(crate) const MAX_STEPS: u64 = 10_000_000;
/// How many bytes of text a program may make.
pub(crate) const MAX_TEXT_BYTES: u64 = 64 << 20;
/// How many elements lists may have, together and with every copy.
pub(crate) const MAX_ELEMENTS: u64 = 1_000_000;
/// How deep evaluations may nest: operators, brackets, and templates in templates.
const MAX_DEPTH: usize = 400;
/// How deep lists may nest.
const MAX_LIST_DEPTH: usize = 16;

/// What an evaluation has used up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    steps: u64,
    text_bytes: u64,
    elements: u64,
    file_bytes: u64,
    model_bytes: u64,
    is_too_deep: bool,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(loaded: &'a Loaded, files: &'a dyn Files) -> Self {
        Self {
            sink: Sink::new(loaded),
            files,
            facts: Vec::new(),
            constants: FxHashMap::default(),
            texts: FxHashMap::default(),
            templates: Vec::new(),
            template_places: FxHashMap::default(),
            budget: Budget::default(),
            depth: 0,
            takes_addresses: false,
            addresses: Vec::new(),
        }
    }

    /// Evaluates to a value of the type; `None` where that was reported or cannot be known.
    pub(crate) fn eval(&mut self, expr: &Expr, scope: &Scope, expected: &Type) -> Option<Value> {
        let value = self.raw(expr, scope, Some(expected))?;
        self.coerce(value, expr.span, expected)
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

    /// Counts steps; `false` past the budget, which is reported once.
    pub(crate) fn steps(&mut self, steps: usize, span: Span) -> bool {
        self.count(
            |budget| &mut budget.steps,
            steps,
            (MAX_STEPS, "10,000,000 steps"),
            span,
        )
    }

    fn count_text(&mut self, bytes: usize, span: Span) -> bool {
        let limit = (MAX_TEXT_BYTES, "64 MiB of text");
        self.count(|budget| &mut budget.text_bytes, bytes, limit, span)
    }

    /// Counts the elements of a value that is made or copied.
    fn count_elements(&mut self, value: &Value, span: Span) -> bool {
        let Value::List(items) = value else {
            return true;
        };
        let limit = (MAX_ELEMENTS, "1,000,000 elements of lists");
        self.count(|budget| &mut budget.elements, items.len(), limit, span)
            && items.iter().all(|item| self.count_elements(item, span))
    }

    /// Adds to a budget; `false` past its limit, which is reported once.
    fn count(
        &mut self,
        of: impl Fn(&mut Budget) -> &mut u64,
        amount: usize,
        (limit, name): (u64, &str),
        span: Span,
    ) -> bool {
        let used = of(&mut self.budget);
        let before = *used;
        *used = before.saturating_add(amount as u64);
        let is_left = *used <= limit;
        if before <= limit && !is_left {
            self.report_budget(span, &format!("the program needs more than {name}"));
        }
        is_left
    }

    pub(crate) fn report_budget(&mut self, span: Span, message: &str) {
        self.report(
            Diagnostic::new(&codes::EVALUATION_BUDGET, message).at(span, "the budget ends here"),
        );
    }

    /// A list of these, if it is neither too large nor nested too deep.
    fn list(&mut self, items: Vec<Value>, span: Span) -> Option<Value> {
        let list = Value::List(items);
        if list_depth(&list) > MAX_LIST_DEPTH {
            if !std::mem::replace(&mut self.budget.is_too_deep, true) {
                let message = format!("lists nest more than {MAX_LIST_DEPTH} deep");
                self.report_budget(span, &message);
            }
            return None;
        }
        self.count_elements(&list, span).then_some(list)
    }

    /// Evaluates without the last word on the type: a number may still be without one.
    pub(crate) fn raw(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        if !self.steps(1, expr.span) {
            return None;
        }
        if self.depth >= MAX_DEPTH {
            if !std::mem::replace(&mut self.budget.is_too_deep, true) {
                let message = format!("evaluations nest more than {MAX_DEPTH} deep");
                self.report_budget(expr.span, &message);
            }
            return None;
        }
        self.depth += 1;
        let value = self.raw_within(expr, scope, expected);
        self.depth -= 1;
        value
    }

    fn raw_within(&mut self, expr: &Expr, scope: &Scope, expected: Option<&Type>) -> Option<Value> {
        match &expr.kind {
            ExprKind::Number(number) => Some(Value::Number(number.clone())),
            ExprKind::String(string) => self.string(string, expr.span, scope).map(Value::Text),
            ExprKind::Path(path) => self.variable(path, expr.span, scope, expected),
            ExprKind::Address(text) => self.address(text, expr.span),
            ExprKind::Range(min, max) => self.range_value(min, max, scope, expected),
            ExprKind::List(items) => {
                let inner = match expected {
                    Some(Type::List(inner)) => Some(&**inner),
                    _ => None,
                };
                let values = items
                    .iter()
                    .map(|item| self.raw_or_eval(item, scope, inner));
                let values = values.collect::<Option<Vec<_>>>()?;
                self.list(values, expr.span)
            }
            ExprKind::Call(call) => self.call(call, expr.span, scope),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, expr.span, scope, expected),
            ExprKind::Binary(op, left, right) => self.with_addresses(false, |it| {
                it.binary(*op, left, right, expr.span, scope, expected)
            }),
            ExprKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let Value::Bool(holds) = self.eval(condition, scope, &Type::Bool)? else {
                    return Some(Value::Unknown);
                };
                self.raw(if holds { then } else { otherwise }, scope, expected)
            }
            ExprKind::Quantified(quantified) => self.quantified(quantified, scope),
            ExprKind::Comprehension(comprehension) => {
                self.comprehension(comprehension, scope, expected)
            }
            ExprKind::Pair(..)
            | ExprKind::Ported(..)
            | ExprKind::Set(_)
            | ExprKind::Member(..)
            | ExprKind::Subresource(..) => {
                self.report_no_value(expr.span, expected);
                None
            }
        }
    }

    /// A name with a port, an end of a flow or the like where a value stands.
    fn report_no_value(&mut self, span: Span, expected: Option<&Type>) {
        let written = self.written(span).to_owned();
        let message = match expected {
            Some(expected) => format!("{expected} is expected, not the name `{written}`"),
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

    fn raw_or_eval(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        match expected {
            Some(expected) => self.eval(expr, scope, expected),
            None => self.raw(expr, scope, None),
        }
    }

    fn range_value(
        &mut self,
        min: &Expr,
        max: &Expr,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        let inner = match expected {
            Some(Type::Range(inner)) => Some(&**inner),
            Some(other) => {
                let span = min.span.to(max.span);
                let diagnostic = Diagnostic::new(
                    &codes::WRONG_TYPE,
                    format!("{other} is expected, not a range"),
                )
                .at(span, "a range");
                let is_replicas = self.is_setting("replicas", span);
                let loaded = self.loaded;
                self.report(if is_replicas {
                    let range = loaded.sources.text(span);
                    let help =
                        format!("a number that changes with the load: `scale {range} on cpu 75%`");
                    diagnostic.help(help).help("a fixed number: `replicas 2`")
                } else {
                    diagnostic
                });
                return None;
            }
            None => None,
        };
        let low = self.raw_or_eval(min, scope, inner);
        if low.is_none() && are_alike(min, max) {
            // One mistake, made at both ends, whose fix is made at both.
            if self.raw_or_eval(max, scope, inner).is_none()
                && let Some(second) = self.diagnostics.pop()
                && let Some(first) = self.diagnostics.last_mut()
            {
                match (first.fixes.first_mut(), second.fixes.into_iter().next()) {
                    (Some(first), Some(second)) => first.edits.extend(second.edits),
                    _ => first.fixes.clear(),
                }
            }
            return None;
        }
        let high = self.raw_or_eval(max, scope, inner);
        let (low, high) = (low?, high?);
        if compare(&low, &high) == Some(std::cmp::Ordering::Greater) {
            let (a, b) = (show(&low), show(&high));
            self.report(
                Diagnostic::new(
                    &codes::REVERSED_RANGE,
                    format!("the range starts at {a}, above its end {b}"),
                )
                .at(min.span.to(max.span), format!("{a} is more than {b}"))
                .help(
                    "the first value is the request or the least, the second the limit or the most",
                ),
            );
            return None;
        }
        Some(Value::Range(Box::new(low), Box::new(high)))
    }

    fn string(&mut self, string: &StringLiteral, span: Span, scope: &Scope) -> Option<SmolStr> {
        if let [StringPart::Text(text)] = string.parts.as_slice() {
            return Some(text.clone());
        }
        let mut out = String::new();
        let mut is_whole = true;
        // An error in one part does not end the check of the others.
        for part in &string.parts {
            match part {
                StringPart::Text(text) => {
                    if !self.count_text(text.len(), span) {
                        return None;
                    }
                    out.push_str(text);
                }
                StringPart::Expr(expr) => match self.raw(expr, scope, None) {
                    Some(Value::Unknown) | None => is_whole = false,
                    Some(value) => self.push_shown(&mut out, &value, span)?,
                },
            }
        }
        is_whole.then(|| out.into())
    }

    /// Whether a place is the value of a statement that starts with this word.
    fn is_setting(&self, word: &str, span: Span) -> bool {
        let Some(source) = self.loaded.sources.get(span.file) else {
            return false;
        };
        let before = source.text.get(..span.start as usize).unwrap_or_default();
        before.trim_end().ends_with(word)
    }

    /// Whether a place is in `${…}`.
    fn is_interpolated(&self, span: Span) -> bool {
        let Some(source) = self.loaded.sources.get(span.file) else {
            return false;
        };
        let before = source.text.get(..span.start as usize).unwrap_or_default();
        before.ends_with("${")
    }

    /// Adds a value to a text as interpolation shows it; `None` past the budget. A text or a list may be
    /// shared by many values, so that each is counted before it is copied.
    fn push_shown(&mut self, out: &mut String, value: &Value, span: Span) -> Option<()> {
        match value {
            Value::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.count_text(2, span).then(|| out.push_str(", "))?;
                    }
                    self.push_shown(out, item, span)?;
                }
                Some(())
            }
            Value::Text(text) => self
                .count_text(text.len(), span)
                .then(|| out.push_str(text)),
            other => {
                let shown = show(other);
                self.count_text(shown.len(), span)
                    .then(|| out.push_str(&shown))
            }
        }
    }

    fn variable(
        &mut self,
        path: &Path,
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        let names: Option<Vec<&SmolStr>> = path.segments.iter().map(|s| s.as_name()).collect();
        let (Some(names), None) = (names, &path.port) else {
            self.report_no_value(span, expected);
            return None;
        };
        if let [name] = names.as_slice() {
            if let Some((_, value)) = scope
                .bindings
                .iter()
                .rev()
                .find(|(bound, _)| bound == *name)
            {
                return self.count_elements(value, span).then(|| value.clone());
            }
            match name.as_str() {
                "true" => return Some(Value::Bool(true)),
                "false" => return Some(Value::Bool(false)),
                _ => {}
            }
            if let Some(value) = self.constant(name, scope) {
                return value.filter(|value| self.count_elements(value, span));
            }
            if matches!(expected, Some(Type::Name)) {
                return Some(Value::Text((*name).clone()));
            }
        }
        let value = match (names.as_slice(), &scope.service) {
            ([owner, member], _) if *owner == "platform" => self
                .facts
                .iter()
                .find(|(name, _)| name == *member)
                .map(|(_, value)| value.clone()),
            ([owner, member], Some((name, _))) if *owner == "service" && *member == "name" => {
                Some(Value::Text(name.clone()))
            }
            ([owner, member], Some((_, namespace)))
                if *owner == "service" && *member == "namespace" =>
            {
                Some(Value::Text(namespace.clone()))
            }
            _ => None,
        };
        if value.is_none() {
            self.report_unknown_variable(&names, span, scope, expected);
        }
        value
    }

    fn report_unknown_variable(
        &mut self,
        names: &[&SmolStr],
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) {
        if self.is_broken_name(names[0]) {
            return;
        }
        let written = names
            .iter()
            .map(|n| n.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let declared = scope.bindings.len() + self.constants.len();
        let is_compared = self.may_compare(declared);
        let mut known: Vec<String> = Vec::new();
        if is_compared {
            known.extend(scope.bindings.iter().map(|(name, _)| name.to_string()));
            known.extend(self.constant_names(scope).map(str::to_owned));
        }
        known.extend(
            self.facts
                .iter()
                .map(|(name, _)| format!("platform.{name}")),
        );
        if scope.service.is_some() {
            known.push("service.name".to_owned());
            known.push("service.namespace".to_owned());
        }
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("there is no value named `{written}`"),
        )
        .at(span, "declared nowhere");
        let elsewhere = match written.as_str() {
            "null" | "nil" | "none" | "undefined" | "None" => {
                Some("what has no value is not said at all: remove the statement")
            }
            "yes" | "on" | "True" => Some("the truth values are `true` and `false`"),
            "no" | "False" => Some(
                "the truth values are `true` and `false`; a property that a component sets is removed with `off`",
            ),
            _ => None,
        };
        if let Some(elsewhere) = elsewhere {
            diagnostic = diagnostic.help(elsewhere);
        } else if is_shell_variable(&written) && self.is_interpolated(span) {
            diagnostic = diagnostic
                .help(format!(
                    "for a variable of this container, which Kubernetes inserts: `$({written})`"
                ))
                .help(format!(
                    "for a variable that a shell or the program inserts: `$${{{written}}}`"
                ));
        } else if let Some(near) = nearest(&written, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.suggest(Some(near), span, |diagnostic| diagnostic);
        } else if matches!(expected, Some(Type::String | Type::Image)) {
            diagnostic = diagnostic.help(format!("text is written in quotes: `\"{written}\"`"));
            // An image without a version would be the next mistake.
            if matches!(expected, Some(Type::String)) {
                diagnostic = diagnostic.fix("put it in quotes", span, format!("\"{written}\""));
            }
        } else if is_compared {
            diagnostic = diagnostic.help(format!(
                "known here: {}",
                listed(known.iter().map(String::as_str), 8)
            ));
        }
        self.report(diagnostic);
    }

    fn address(&mut self, text: &str, span: Span) -> Option<Value> {
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
            Diagnostic::new(&codes::OUT_OF_RANGE, format!("`{text}` is no IP address"))
                .at(span, "a part is out of range")
                .help("each part of an IPv4 address is 0 to 255; a prefix length is at most 32, for IPv6 128"),
        );
        None
    }

    fn items(&mut self, collection: &Expr, scope: &Scope) -> Option<Vec<Value>> {
        match self.raw(collection, scope, None)? {
            Value::List(items) => Some(items),
            Value::Unknown => None,
            other => {
                self.report(
                    Diagnostic::new(
                        &codes::WRONG_TYPE,
                        format!("a list is expected, not {}", other.kind()),
                    )
                    .at(collection.span, "no list"),
                );
                None
            }
        }
    }

    fn quantified(&mut self, quantified: &Quantified, scope: &Scope) -> Option<Value> {
        let items = self.items(&quantified.collection, scope)?;
        let mut inner = self.inner_scope(scope, quantified.collection.span)?;
        for item in items {
            inner
                .bindings
                .push((quantified.variable.text.clone(), item));
            let holds = self.eval(&quantified.predicate, &inner, &Type::Bool)?;
            inner.bindings.pop();
            if holds == Value::Bool(!quantified.is_all) {
                return Some(holds);
            }
        }
        Some(Value::Bool(quantified.is_all))
    }

    fn comprehension(
        &mut self,
        comprehension: &Comprehension,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        let items = self.items(&comprehension.collection, scope)?;
        let element_type = match expected {
            Some(Type::List(inner)) => Some(&**inner),
            _ => None,
        };
        let span = comprehension.collection.span;
        let mut inner = self.inner_scope(scope, span)?;
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            inner
                .bindings
                .push((comprehension.variable.text.clone(), item));
            let keep = match &comprehension.condition {
                Some(condition) => self.eval(condition, &inner, &Type::Bool)? == Value::Bool(true),
                None => true,
            };
            if keep {
                out.push(self.raw_or_eval(&comprehension.element, &inner, element_type)?);
            }
            inner.bindings.pop();
        }
        self.list(out, span)
    }

    /// A copy of a scope for one more variable.
    fn inner_scope(&mut self, scope: &Scope, span: Span) -> Option<Scope> {
        let mut bindings = scope.bindings.iter();
        let is_left = self.steps(scope.bindings.len(), span)
            && bindings.all(|(_, value)| self.count_elements(value, span));
        is_left.then(|| scope.clone())
    }
}

/// How deep lists nest in a value.
fn list_depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(list_depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A value as text, as interpolation and messages show it.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{}{}", number.digits, number.suffix),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Port(port, _) => port.to_string(),
        Value::Cpu(cpu) => cpu.to_string(),
        Value::Memory(memory) => memory.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Percent(percent) => percent.to_string(),
        Value::Cidr(net) => net.to_string(),
        Value::Address(ip, None) => ip.to_string(),
        Value::Address(ip, Some(port)) => SocketAddr::new(*ip, *port).to_string(),
        Value::Range(min, max) if min == max => show(min),
        Value::Range(min, max) => format!("{}..{}", show(min), show(max)),
        Value::List(items) => items.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Off => "off".to_owned(),
        // What a rule shows of an element is said where the platform is at hand.
        Value::Element(element) => element.kind().name().to_owned(),
        Value::Unknown => String::new(),
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Int(_) => true,
        Value::Number(number) => number.suffix.is_empty(),
        _ => false,
    }
}

/// `DB_HOST`: constants of the language are not written so.
fn is_shell_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
