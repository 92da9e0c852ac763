//! Evaluation of expressions: strict, total, without side effects beyond reading files of the
//! program. The expected type travels down, so that `5m` is a time where a time is expected.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, FileId, Span, codes};
use erpc_syntax::tree::{
    BinaryOp, Call, Comprehension, Expr, ExprKind, NumberLiteral, Path, Quantified, StringLiteral,
    StringPart, UnaryOp,
};
use smol_str::SmolStr;

use crate::literals::{are_alike, meant, reads_as};
use crate::names::{listed, nearest};
use crate::resolve::{Resolver, Template};
use crate::units::{Cpu, Duration, Memory, Percent};
use crate::value::{NumberError, Type, Value, number_as};

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
/// How many bytes of files `file` and `template` may read.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// How many bytes of text the properties of all services may have.
const MAX_MODEL_BYTES: u64 = 256 << 20;
/// How deep evaluations may nest: operators, brackets, and constants that are defined by others.
const MAX_DEPTH: usize = 400;
/// How deep templates may use each other.
const MAX_TEMPLATE_DEPTH: usize = 16;
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

impl<'a> Resolver<'a> {
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

    pub(crate) fn text(&mut self, expr: &Expr, scope: &Scope) -> Option<String> {
        match self.eval(expr, scope, &Type::String)? {
            Value::Text(text) => {
                let limit = (MAX_MODEL_BYTES, "256 MiB of text in properties");
                self.count(
                    |budget| &mut budget.model_bytes,
                    text.len(),
                    limit,
                    expr.span,
                )
                .then(|| text.into())
            }
            _ => None,
        }
    }

    pub(crate) fn int(&mut self, expr: &Expr, scope: &Scope) -> Option<i64> {
        match self.eval(expr, scope, &Type::Int)? {
            Value::Int(int) => Some(int),
            _ => None,
        }
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn int_within(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        min: u32,
        max: u32,
    ) -> Option<u32> {
        let int = self.int(expr, scope)?;
        match u32::try_from(int) {
            Ok(n) if (min..=max).contains(&n) => Some(n),
            _ => {
                self.report(
                    Diagnostic::new(
                        &codes::OUT_OF_RANGE,
                        format!("{int} is not from {min} to {max}"),
                    )
                    .at(expr.span, format!("must be {min} to {max}")),
                );
                None
            }
        }
    }

    pub(crate) fn duration(&mut self, expr: &Expr, scope: &Scope) -> Option<Duration> {
        match self.eval(expr, scope, &Type::Duration)? {
            Value::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    pub(crate) fn memory(&mut self, expr: &Expr, scope: &Scope) -> Option<Memory> {
        match self.eval(expr, scope, &Type::Memory)? {
            Value::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    pub(crate) fn percent(&mut self, expr: &Expr, scope: &Scope) -> Option<Percent> {
        match self.eval(expr, scope, &Type::Percent)? {
            Value::Percent(percent) => Some(percent),
            _ => None,
        }
    }

    pub(crate) fn cpu(&mut self, expr: &Expr, scope: &Scope) -> Option<Cpu> {
        match self.eval(expr, scope, &Type::Cpu)? {
            Value::Cpu(cpu) => Some(cpu),
            _ => None,
        }
    }

    pub(crate) fn cidr(&mut self, expr: &Expr, scope: &Scope) -> Option<ipnet::IpNet> {
        match self.eval(expr, scope, &Type::Cidr)? {
            Value::Cidr(net) => Some(net),
            _ => None,
        }
    }

    /// Both ends of a range of the type; one value counts as both.
    pub(crate) fn range(&mut self, expr: &Expr, scope: &Scope, of: Type) -> Option<(Value, Value)> {
        match self.eval(expr, scope, &Type::Range(Box::new(of)))? {
            Value::Range(min, max) => Some((*min, *max)),
            _ => None,
        }
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

    fn report_budget(&mut self, span: Span, message: &str) {
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
            None => format!("`{written}` is no value"),
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
                self.report(if is_replicas {
                    let range = self.loaded.sources.text(span);
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
        // What is wrong with one part says nothing about the others.
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
        let mut known: Vec<String> = scope
            .bindings
            .iter()
            .map(|(name, _)| name.to_string())
            .collect();
        known.extend(self.constant_names(scope).map(str::to_owned));
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
            diagnostic = diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("write `{near}`"),
                span,
                near,
            );
        } else if matches!(expected, Some(Type::String | Type::Image)) {
            diagnostic = diagnostic.help(format!("text is written in quotes: `\"{written}\"`"));
            // An image without a version would be the next mistake.
            if matches!(expected, Some(Type::String)) {
                diagnostic = diagnostic.fix("put it in quotes", span, format!("\"{written}\""));
            }
        } else if !known.is_empty() {
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

    fn unary(
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

    fn binary(
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
        let model = if steps_kind(&a) == "Int" { &b } else { &a };
        let Some(value) = result.and_then(|n| like(model, n)) else {
            self.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, "the result is negative or too large")
                    .at(span, "does not fit"),
            );
            return None;
        };
        Some(value)
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

    fn call(&mut self, call: &Call, span: Span, scope: &Scope) -> Option<Value> {
        const FUNCTIONS: [&str; 7] = [
            "file", "template", "replace", "lower", "sha256", "host", "address",
        ];
        let name = call.callee.as_word().cloned().unwrap_or_default();
        let arity = match name.as_str() {
            "file" | "template" | "lower" | "sha256" | "host" | "address" => 1,
            "replace" => 3,
            _ => {
                let mut diagnostic = Diagnostic::new(
                    &codes::UNKNOWN_NAME,
                    format!("there is no function `{name}`"),
                )
                .at(call.callee_span, "not a function");
                diagnostic = match nearest(&name, FUNCTIONS) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                        format!("write `{near}`"),
                        call.callee_span,
                        near,
                    ),
                    None => diagnostic.help(format!("the functions are {}", listed(FUNCTIONS, 9))),
                };
                self.report(diagnostic);
                return None;
            }
        };
        if call.args.len() != arity || call.args.iter().any(|a| a.name.is_some()) {
            self.report(
                Diagnostic::new(
                    &codes::WRONG_ARGUMENTS,
                    format!(
                        "`{name}` takes {arity} value{} without names",
                        if arity == 1 { "" } else { "s" }
                    ),
                )
                .at(span, format!("{} given", call.args.len())),
            );
            return None;
        }
        if matches!(name.as_str(), "host" | "address") {
            return self.address_of(&name, call, span, scope);
        }
        // What they are made of is looked at, and an address is not known yet.
        let texts = self.with_addresses(false, |it| {
            let texts = call.args.iter().map(|arg| it.text(&arg.value, scope));
            texts.collect::<Option<Vec<_>>>()
        })?;
        let result: String = match (name.as_str(), texts.as_slice()) {
            ("file", [path]) => {
                let text = self.read_text(path, span)?;
                return self
                    .count_text(text.len(), span)
                    .then(|| Value::Text(text.as_ref().into()));
            }
            ("template", [path]) => {
                let text = self.template(path, span, scope)?;
                return Some(Value::Text(text.into()));
            }
            ("replace", [text, from, to]) if !from.is_empty() => {
                // What becomes larger is counted before it is made.
                let more = text.matches(from.as_str()).count().saturating_mul(to.len());
                return self
                    .count_text(text.len().saturating_add(more), span)
                    .then(|| Value::Text(text.replace(from.as_str(), to).into()));
            }
            ("lower", [text]) => text.to_lowercase(),
            ("sha256", [text]) => crate::digest::sha256_hex(text.as_bytes()),
            _ => texts.into_iter().next().unwrap_or_default(),
        };
        self.count_text(result.len(), span)
            .then(|| Value::Text(result.into()))
    }

    /// The text of a file of the program; `path` is seen from the file that names it.
    pub(crate) fn read_text(&mut self, path: &str, span: Span) -> Option<Rc<str>> {
        let from = self.path_of(span.file);
        let Some(joined) = crate::load::join(&from, path) else {
            self.report(
                Diagnostic::new(
                    &codes::SOURCE_UNREADABLE,
                    format!("`{path}` is outside the folder of the program"),
                )
                .at(span, "leaves the folder"),
            );
            return None;
        };
        if let Some(known) = self.texts.get(&joined) {
            return known.clone();
        }
        if self.budget.file_bytes > MAX_FILE_BYTES {
            return None;
        }
        let text = match self.files.read(&joined) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("`{joined}` is not UTF-8")),
            Err(crate::ReadError::NotFound) => Err(format!("there is no file `{joined}`")),
            Err(crate::ReadError::TooLarge(bytes)) => {
                Err(format!("`{joined}` has {bytes} bytes, more than 16 MiB"))
            }
            Err(crate::ReadError::Other(why)) => Err(format!("`{joined}` cannot be read: {why}")),
        };
        let text = match text {
            Ok(text) => {
                let limit = (MAX_FILE_BYTES, "64 MiB of files");
                self.count(|budget| &mut budget.file_bytes, text.len(), limit, span)
                    .then(|| Rc::from(text))
            }
            Err(message) => {
                self.report(
                    Diagnostic::new(&codes::SOURCE_UNREADABLE, message).at(span, "named here"),
                );
                None
            }
        };
        self.texts.insert(joined, text.clone());
        text
    }

    /// A file whose `${…}` are evaluated here.
    fn template(&mut self, path: &str, span: Span, scope: &Scope) -> Option<String> {
        let text = self.read_text(path, span)?;
        let from = self.path_of(span.file);
        // What was read is in the folder of the program.
        let shown = crate::load::join(&from, path)?;
        let (file, parts) = self.template_parts(shown, from, &text, span)?;
        if self.template_calls.len() >= MAX_TEMPLATE_DEPTH {
            if !std::mem::replace(&mut self.budget.is_too_deep, true) {
                let message = format!("templates nest more than {MAX_TEMPLATE_DEPTH} deep");
                self.report_budget(span, &message);
            }
            return None;
        }
        self.template_calls.push((file, span));
        let made = self.template_text(&parts, span, scope);
        self.template_calls.pop();
        made
    }

    fn template_text(&mut self, parts: &[StringPart], span: Span, scope: &Scope) -> Option<String> {
        let mut out = String::new();
        for part in parts {
            match part {
                StringPart::Text(piece) => {
                    self.count_text(piece.len(), span)
                        .then(|| out.push_str(piece))?;
                }
                StringPart::Expr(expr) => {
                    let value = self.raw(expr, scope, None)?;
                    self.push_shown(&mut out, &value, expr.span)?;
                }
            }
        }
        Some(out)
    }

    /// A template as a source of the program and its parts; it is parsed once for each file that names
    /// it from another folder.
    fn template_parts(
        &mut self,
        path: String,
        from: String,
        text: &Rc<str>,
        call: Span,
    ) -> Option<(FileId, Rc<[StringPart]>)> {
        let known = self.template_places.get(&path).copied();
        let at = known.unwrap_or_else(|| {
            let place = self.templates.len();
            self.template_places.insert(path.clone(), place);
            self.templates.push(Template {
                path,
                from,
                text: Rc::clone(text),
                parts: None,
            });
            place
        });
        let file = self.template_id(at);
        if known.is_none() {
            match erpc_syntax::parse_template(file, text) {
                Ok(parts) => self.templates[at].parts = Some(parts.into()),
                Err(offset) => {
                    let start = u32::try_from(offset.min(text.len())).unwrap_or(u32::MAX);
                    self.report(
                        Diagnostic::new(
                            &codes::BROKEN_STATEMENT,
                            "this `${…}` cannot be parsed",
                        )
                        .at(Span::new(file, start, start), "in this template")
                        .also(call, "the template is used here")
                        .help("a literal `${` is written `$${` in a template; `file(…)` takes a file as it is"),
                    );
                }
            }
        }
        let parts = self.templates[at].parts.clone()?;
        Some((file, parts))
    }

    /// Makes a value one of the type, or reports why it is none.
    pub(crate) fn coerce(&mut self, value: Value, span: Span, expected: &Type) -> Option<Value> {
        let fits = match (&value, expected) {
            (Value::Unknown, _) => return None,
            (Value::Number(number), Type::Range(inner)) => {
                let number = number.clone();
                let single = self.number(&number, span, inner)?;
                return Some(Value::Range(Box::new(single.clone()), Box::new(single)));
            }
            (Value::Number(number), _) => {
                let number = number.clone();
                return self.number(&number, span, expected);
            }
            (Value::Range(min, max), Type::Range(inner)) => {
                let (min, max) = (min.clone(), max.clone());
                let min = self.coerce(*min, span, inner)?;
                let max = self.coerce(*max, span, inner)?;
                return Some(Value::Range(Box::new(min), Box::new(max)));
            }
            (_, Type::Range(inner)) => {
                let single = self.coerce(value, span, inner)?;
                return Some(Value::Range(Box::new(single.clone()), Box::new(single)));
            }
            (Value::List(items), Type::List(inner)) => {
                if !self.steps(items.len(), span) {
                    return None;
                }
                let items = items.clone();
                let items = items.into_iter().map(|item| self.coerce(item, span, inner));
                return items.collect::<Option<Vec<_>>>().map(Value::List);
            }
            (Value::Int(n), Type::Port) => match u16::try_from(*n) {
                Ok(port) if port > 0 => {
                    return Some(Value::Port(port, crate::units::Protocol::Tcp));
                }
                _ => false,
            },
            (Value::Address(ip, None), Type::Cidr) => return Some(Value::Cidr((*ip).into())),
            (Value::Text(_), Type::String | Type::Name | Type::Image | Type::Version)
            | (Value::Int(_), Type::Int)
            | (Value::Bool(_), Type::Bool)
            | (Value::Port(..), Type::Port)
            | (Value::Cpu(_), Type::Cpu)
            | (Value::Memory(_), Type::Memory)
            | (Value::Duration(_), Type::Duration)
            | (Value::Percent(_), Type::Percent)
            | (Value::Cidr(_), Type::Cidr)
            | (Value::Address(..), Type::Address) => true,
            _ => false,
        };
        if fits {
            return Some(value);
        }
        let mut diagnostic = Diagnostic::new(
            &codes::WRONG_TYPE,
            format!("{expected} is expected, not {}", value.kind()),
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
                format!("{expected} is expected, not the number `{written}`"),
                "a number".to_owned(),
            ),
            NumberError::Unit => (
                &codes::WRONG_UNIT,
                format!("`{written}` is not {}", bare(expected)),
                Value::Number(number.clone()).kind().to_owned(),
            ),
            NumberError::MissingUnit => (
                &codes::MISSING_UNIT,
                format!("`{written}` needs a unit to be {}", bare(expected)),
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

fn steps_kind(value: &Value) -> &'static str {
    if matches!(value, Value::Int(_)) {
        "Int"
    } else {
        ""
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
fn unify(a: Value, b: Value) -> Option<(Value, Value)> {
    const NUMERIC: [Type; 6] = [
        Type::Int,
        Type::Cpu,
        Type::Memory,
        Type::Duration,
        Type::Percent,
        Type::Port,
    ];
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => NUMERIC
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

fn type_of(value: &Value) -> Option<Type> {
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

/// `DB_HOST`: constants of the language are not written so.
fn is_shell_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
