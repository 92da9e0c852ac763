//! What stands behind the word of a statement, and how its declaration reads it.

use std::ops::{DerefMut, RangeInclusive};

use erpc_diagnostics::{Diagnostic, Span, alternatives, codes};
use erpc_syntax::tree::{Arg, Block, Expr, ExprKind, Ident, PathPort, Sign, Statement};
use ipnet::IpNet;
use smol_str::SmolStr;

use super::Peers;
use crate::args::{Args, plain_text};
use crate::choice::Choice;
use crate::eval::{Evaluator, Scope, Standpoint};
use crate::ids::{NamespaceId, PortId, SecretId, ServiceId, TierId};
use crate::kubernetes;
use crate::origin::{Origin, Sourced, Via};
use crate::units::{Cpu, Duration, Memory, Range};
use crate::value::{Type, Value};

/// What statements refer to by name. Each method reports a name that means nothing.
pub(crate) trait Lookup<'a>: DerefMut<Target = Evaluator<'a>> {
    fn tier(&mut self, name: &Ident) -> Option<TierId>;
    fn namespace(&mut self, name: &Ident) -> Option<NamespaceId>;
    fn name_of_namespace(&self, id: NamespaceId) -> Option<SmolStr>;
    fn service(&mut self, expr: &Expr, at: Standpoint) -> Option<ServiceId>;
    /// `service:port`.
    fn service_and_port(&mut self, expr: &Expr, at: Standpoint) -> Option<(ServiceId, Ident)>;
    fn port(&mut self, service: ServiceId, name: &Ident) -> Option<PortId>;
    /// A secret, which counts as used in the namespace of the statement.
    fn secret(&mut self, name: &Ident, at: Standpoint) -> Option<SecretId>;
    /// `secret.key`.
    fn secret_key(&mut self, expr: &Expr, at: Standpoint) -> Option<(SecretId, SmolStr)>;
    /// Peers of a flow, and the port behind them.
    fn peers(&mut self, expr: &'a Expr, at: Standpoint) -> Option<(Peers, Option<&'a PathPort>)>;
    /// The namespace of a service.
    fn home(&self, service: ServiceId) -> Option<NamespaceId>;
    /// Where a service is declared, and its ports; `None` if it could not be read.
    fn ports(&self, service: ServiceId) -> Option<(Span, Vec<DeclaredPort<'_>>)>;
    /// Where a secret is declared, and its keys.
    fn keys(&self, secret: SecretId) -> (Span, &[Sourced<SmolStr>]);
}

/// A port of a service, as other statements refer to it.
pub(crate) struct DeclaredPort<'p> {
    pub(crate) name: &'p Sourced<SmolStr>,
    pub(crate) number: u16,
    pub(crate) last: u16,
    pub(crate) container: u16,
}

/// The arguments of a statement with the scope in which they are evaluated. Each method takes the next argument and
/// gives `None` after an error, which it has reported.
pub(crate) struct Reader<'r, 'a> {
    args: &'r mut Args<'a>,
    lookup: &'r mut (dyn Lookup<'a> + 'r),
    scope: &'r Scope,
    via: Via,
    /// The whole statement.
    span: Span,
    /// The key by which it merges; empty for a word without keys.
    key: &'r str,
    /// The part of it that a path of a profile sets, empty for all of it. A path may leave keywords out.
    part: Option<&'r str>,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub(crate) fn new(
        lookup: &'r mut (dyn Lookup<'a> + 'r),
        args: &'r mut Args<'a>,
        span: Span,
        scope: &'r Scope,
        via: Via,
    ) -> Self {
        Self {
            args,
            lookup,
            scope,
            via,
            span,
            key: "",
            part: None,
        }
    }

    /// Of a statement with a key.
    pub(crate) fn keyed(self, key: &'r str) -> Self {
        Self { key, ..self }
    }

    /// Of the value that stands behind the `=` of a path, which sets a part of a statement.
    pub(crate) fn of_path(self, part: &'r str) -> Self {
        Self {
            span: self.args.here(),
            part: Some(part),
            ..self
        }
    }

    pub(crate) fn key(&self) -> &'r str {
        self.key
    }

    /// The part that a path of a profile sets, empty for all of the statement; `None` for a statement.
    pub(crate) fn path_part(&self) -> Option<&'r str> {
        self.part
    }

    /// The value of a statement that stands at `span`.
    pub(crate) fn sourced<T>(&self, value: T, span: Span) -> Sourced<T> {
        Sourced {
            value,
            origin: self.origin(span),
        }
    }

    /// The origin of what stands at `span`.
    pub(crate) fn origin(&self, span: Span) -> Origin {
        Origin {
            span,
            via: self.via,
        }
    }

    pub(crate) fn statement(&self) -> Span {
        self.span
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.lookup.report(diagnostic);
    }

    /// Reports why there is no value.
    pub(crate) fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.report(diagnostic);
        None
    }

    /// Reports that something else should stand here.
    pub(crate) fn expected(&mut self, what: &str) {
        self.args.expected(what, &mut self.lookup.diagnostics);
    }

    /// Reports a text that Kubernetes does not accept as what it is used for.
    pub(crate) fn check_text(
        &mut self,
        what: &str,
        text: &str,
        span: Span,
        rule: impl Fn(&str) -> Option<String>,
    ) {
        self.lookup.check_text(what, text, span, rule);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Where the next argument stands, or would stand.
    pub(crate) fn here(&self) -> Span {
        self.args.here()
    }

    /// As the source writes it.
    pub(crate) fn written(&self, span: Span) -> &'a str {
        self.lookup.loaded.sources.text(span)
    }

    /// A keyword of the statement.
    pub(crate) fn keyword(&mut self, word: &str) -> Option<()> {
        if self.part.is_some() {
            self.args.word(word);
            return Some(());
        }
        self.need_keyword(word)
    }

    /// A keyword that a path of a profile does not leave out.
    pub(crate) fn need_keyword(&mut self, word: &str) -> Option<()> {
        let found = self.args.need_word(word, &mut self.lookup.diagnostics);
        found.map(|_| ())
    }

    /// Takes a word, where it is next.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        self.args.word(word).is_some()
    }

    /// Whether a word is next.
    pub(crate) fn peek_word(&self, word: &str) -> bool {
        self.args.peek_word(word)
    }

    /// Takes a sign, where it is next.
    pub(crate) fn sign(&mut self, sign: Sign) -> bool {
        self.args.sign(sign).is_some()
    }

    /// A sign of the statement, which messages call `what`.
    pub(crate) fn need_sign(&mut self, sign: Sign, what: &str) -> Option<()> {
        if !self.sign(sign) {
            self.expected(what);
            return None;
        }
        Some(())
    }

    pub(crate) fn comma(&mut self) -> bool {
        self.sign(Sign::Comma)
    }

    /// `10.0.0.0/8, 2001:db8::/32`; each with no bits behind its prefix, as Kubernetes asks.
    pub(crate) fn cidrs(&mut self) -> Vec<Sourced<IpNet>> {
        self.list(|reader| {
            let expr = reader.expr("a block of addresses such as `10.0.0.0/8`")?;
            let net = reader.value(expr, Evaluator::cidr)?;
            let start = net.value.trunc();
            if net.value == start {
                return Some(net);
            }
            let message = format!("`{}` has bits behind its prefix", net.value);
            reader.refuse(
                Diagnostic::new(&codes::OUT_OF_RANGE, message)
                    .at(expr.span, "not the start of a block")
                    .help(format!("the block is `{start}`"))
                    .fix(format!("write `{start}`"), expr.span, start.to_string()),
            )
        })
    }

    /// What `read` gives, as often as a comma follows.
    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Vec<T> {
        let mut all = Vec::new();
        loop {
            all.extend(read(self));
            if !self.comma() {
                return all;
            }
        }
    }

    /// Whether a block is next.
    pub(crate) fn peek_block(&self) -> bool {
        self.args.peek_block()
    }

    /// Whether a text in quotes is the last argument, and next.
    pub(crate) fn is_last_text(&self) -> bool {
        let next = self.args.peek_expr().map(|expr| &expr.kind);
        matches!(next, Some(ExprKind::String(_))) && self.args.left() == 1
    }

    /// The name of an object, in quotes if it is not one of the language.
    pub(crate) fn object_name(&mut self, what: &str) -> Option<Ident> {
        let quoted = self.args.peek_expr().and_then(|expr| {
            let text = plain_text(expr)?.into();
            let span = expr.span;
            Some(Ident { text, span })
        });
        if quoted.is_some() {
            self.args.expr();
            return quoted;
        }
        self.name(what)
    }

    /// Uses up steps of the evaluation; `false` past their limit, which is reported.
    pub(crate) fn get_steps(&mut self, steps: usize, span: Span) -> bool {
        self.lookup.steps(steps, span)
    }

    /// Takes a block, if it is next.
    pub(crate) fn block(&mut self) -> Option<&'a Block> {
        self.args.block()
    }

    /// A block, which messages call `what`.
    pub(crate) fn need_block(&mut self, what: &str) -> Option<&'a Block> {
        let block = self.block();
        if block.is_none() {
            self.expected(what);
        }
        block
    }

    /// Reads a line of a block of the statement.
    pub(crate) fn line<T>(
        &mut self,
        line: &'a Statement,
        form: &'static str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        self.inside(&line.args, line.span, form, read)
    }

    /// Reads a statement with a word of its own in a block of the statement.
    pub(crate) fn inner<T>(
        &mut self,
        inner: &'a Statement,
        form: &'static str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        self.inside(&inner.args[1..], inner.span, form, read)
    }

    fn inside<T>(
        &mut self,
        args: &'a [Arg],
        span: Span,
        form: &'static str,
        read: impl FnOnce(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Option<T> {
        let mut args = Args::new(args, span, form);
        let (scope, via) = (self.scope, self.via);
        read(&mut Reader::new(self.lookup, &mut args, span, scope, via))
    }

    /// Reports what is left of the statement.
    pub(crate) fn finish(&mut self) {
        self.args.finish(&mut self.lookup.diagnostics);
    }

    /// A plain name, which `what` describes.
    pub(crate) fn name(&mut self, what: &str) -> Option<Ident> {
        self.args.need_name(what, &mut self.lookup.diagnostics)
    }

    /// An expression, which `what` describes.
    pub(crate) fn expr(&mut self, what: &str) -> Option<&'a Expr> {
        self.args.need_expr(what, &mut self.lookup.diagnostics)
    }

    /// The last argument, an expression.
    pub(crate) fn last(&mut self, what: &str) -> Option<&'a Expr> {
        let expr = self.expr(what)?;
        self.finish();
        Some(expr)
    }

    /// A plain name that the statement declares for a `kind` of object.
    pub(crate) fn new_name(&mut self, what: &str, kind: &str) -> Option<Sourced<SmolStr>> {
        let name = self.name(what)?;
        self.lookup.check_name(&name, kind);
        Some(self.sourced(name.text, name.span))
    }

    /// The name of a class of the cluster, which `what` describes: a DNS subdomain, so that dots are part of it.
    pub(crate) fn class_name(&mut self, what: &str, kind: &str) -> Option<Sourced<SmolStr>> {
        let span = self.here();
        let text = self.written(span);
        let is_part = |part: &str| {
            let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !part.is_empty()
                && part.bytes().all(is_allowed)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        let is_subdomain = text.contains('.') && text.split('.').all(is_part);
        let name = if is_subdomain && self.next_expr().is_some() {
            self.sourced(text.into(), span)
        } else {
            let name = self.name(what)?;
            self.sourced(name.text, name.span)
        };
        self.check_text(kind, &name.value, name.span(), kubernetes::not_a_subdomain);
        Some(name)
    }

    /// `because "…"`, where it is next.
    pub(crate) fn because(&mut self) -> Option<String> {
        let expr = self.args.because(&mut self.lookup.diagnostics)?;
        self.lookup.text(expr, self.scope)
    }

    /// What the evaluator makes of something that is not an expression.
    pub(crate) fn evaluate<T>(&mut self, of: impl FnOnce(&mut Evaluator<'a>) -> T) -> T {
        of(&mut *self.lookup)
    }

    /// What an expression is evaluated to.
    pub(crate) fn get<T>(
        &mut self,
        expr: &Expr,
        evaluate: impl FnOnce(&mut Evaluator<'a>, &Expr, &Scope) -> Option<T>,
    ) -> Option<T> {
        evaluate(&mut *self.lookup, expr, self.scope)
    }

    /// The same with its origin.
    pub(crate) fn value<T>(
        &mut self,
        expr: &Expr,
        evaluate: impl FnOnce(&mut Evaluator<'a>, &Expr, &Scope) -> Option<T>,
    ) -> Option<Sourced<T>> {
        let value = self.get(expr, evaluate)?;
        Some(self.sourced(value, expr.span))
    }

    /// The number that an expression has.
    pub(crate) fn count_of(&mut self, expr: &Expr, within: &RangeInclusive<u32>) -> Option<u32> {
        let (min, max) = (*within.start(), *within.end());
        self.lookup.int_within(expr, self.scope, min, max)
    }

    /// Whether a word stands for a value, as a parameter or a constant.
    pub(crate) fn has_value(&self, expr: &Expr) -> bool {
        let is_constant = |word: &_| self.lookup.is_constant(word);
        !self.scope.bindings.is_empty() || expr.as_word().is_none_or(is_constant)
    }

    /// The last argument, a whole number.
    pub(crate) fn count(
        &mut self,
        what: &str,
        within: RangeInclusive<u32>,
    ) -> Option<Sourced<u32>> {
        let expr = self.last(what)?;
        let count = self.count_of(expr, &within)?;
        Some(self.sourced(count, expr.span))
    }

    /// Texts with commas between them, the last arguments, which may hold addresses of services.
    pub(crate) fn texts(&mut self, what: &str) -> Option<Sourced<Vec<String>>> {
        let start = self.here();
        let (args, scope) = (&mut *self.args, self.scope);
        let texts = self
            .lookup
            .with_addresses(true, |evaluator| evaluator.texts_of(args, scope, what));
        let (texts, end) = texts?;
        self.finish();
        Some(self.sourced(texts, start.to(end)))
    }

    /// Texts with commas between them, the last arguments, each with the origin of all.
    pub(crate) fn each_of_texts(&mut self, what: &str) -> Option<Vec<Sourced<String>>> {
        let start = self.here();
        let (texts, _) = self.texts_next(what)?;
        self.finish();
        let each = texts.into_iter().map(|text| self.sourced(text, start));
        Some(each.collect())
    }

    /// Texts with commas between them, and where the last of them stands.
    pub(crate) fn texts_next(&mut self, what: &str) -> Option<(Vec<String>, Span)> {
        self.lookup.texts_of(self.args, self.scope, what)
    }

    /// What a name or an expression refers to.
    pub(crate) fn refer<T>(
        &mut self,
        find: impl FnOnce(&mut dyn Lookup<'a>, Standpoint) -> Option<T>,
    ) -> Option<T> {
        find(self.lookup, self.scope.at)
    }

    /// The same with the origin of what stands at `span`.
    pub(crate) fn refer_at<T>(
        &mut self,
        span: Span,
        find: impl FnOnce(&mut dyn Lookup<'a>, Standpoint) -> Option<T>,
    ) -> Option<Sourced<T>> {
        let found = self.refer(find)?;
        Some(self.sourced(found, span))
    }

    /// Where the statement stands.
    pub(crate) fn at(&self) -> Standpoint {
        self.scope.at
    }

    /// Where the word stands that starts the statement.
    pub(crate) fn head(&self, word: &str) -> Span {
        let start = self.span.start;
        let length = u32::try_from(word.len()).unwrap_or_default();
        Span::new(self.span.file, start, start + length)
    }

    /// The ports of a service, none of one that could not be read.
    pub(crate) fn ports(&self, service: ServiceId) -> Vec<DeclaredPort<'_>> {
        self.lookup
            .ports(service)
            .map_or_else(Vec::new, |(_, ports)| ports)
    }

    /// Where a secret is declared, and its keys.
    pub(crate) fn keys(&self, secret: SecretId) -> (Span, &[Sourced<SmolStr>]) {
        self.lookup.keys(secret)
    }

    /// Whether something is reported at a place.
    pub(crate) fn is_reported(&self, span: Span) -> bool {
        let mut found = self.lookup.diagnostics.as_slice().iter();
        found.any(|found| found.span() == span)
    }

    /// Takes an expression, if it is next.
    pub(crate) fn next_expr(&mut self) -> Option<&'a Expr> {
        self.args.expr()
    }

    /// The last argument, a word of a choice.
    pub(crate) fn choice<T: Choice>(&mut self) -> Option<Sourced<T>> {
        let span = self.args.here();
        let mut all = T::ALL.iter();
        let Some((choice, _)) = all.find(|(_, word)| self.args.word(word).is_some()) else {
            self.expected(&T::expected());
            return None;
        };
        self.finish();
        Some(self.sourced(*choice, span))
    }

    /// The next argument, a word of a choice that `whole` offers.
    pub(crate) fn choice_of<T: Choice>(&mut self, whole: &str) -> Option<Sourced<T>> {
        let (choice, span) = self.lookup.choice(self.args, whole)?;
        Some(self.sourced(choice, span))
    }

    /// The next argument, one of these words, which name parts of `whole`.
    pub(crate) fn part(&mut self, whole: &str, parts: &[&'static str]) -> Option<&'static str> {
        let name = self.name(&alternatives(parts.iter().copied()))?;
        let known = parts.iter().find(|part| **part == name.text);
        if known.is_none() {
            self.report_not_in(whole, &name, parts);
        }
        known.copied()
    }

    pub(crate) fn report_not_in(&mut self, whole: &str, name: &Ident, parts: &[&str]) {
        self.lookup
            .report_not_in(whole, &name.text, name.span, parts);
    }

    /// `NAME VALUE, …`, the last arguments: what `set` does with each of these parts of `whole`.
    pub(crate) fn parts(
        &mut self,
        whole: &str,
        parts: &[&str],
        mut set: impl FnMut(&mut Self, &str, &'a Expr),
    ) {
        self.each_part(|reader, name, value| {
            if parts.contains(&name.text.as_str()) {
                set(reader, &name.text, value);
            } else {
                reader.report_not_in(whole, name, parts);
            }
        });
    }

    /// `NAME VALUE, …`, the last arguments: what `set` does with each.
    pub(crate) fn each_part(&mut self, mut set: impl FnMut(&mut Self, &Ident, &'a Expr)) {
        let mut values = Vec::new();
        while let Some(name) = self.name("a name") {
            let Some(value) = self.expr(&format!("the value of `{}`", name.text)) else {
                break;
            };
            values.push((name, value));
            if !self.comma() {
                break;
            }
        }
        self.finish();
        for (name, value) in values {
            set(self, &name, value);
        }
    }
}

/// A text as the only argument.
pub(crate) fn text(reader: &mut Reader<'_, '_>) -> Option<Sourced<String>> {
    let expr = reader.last("text in quotes")?;
    reader.value(expr, Evaluator::text)
}

/// A time as the only argument.
pub(crate) fn duration(reader: &mut Reader<'_, '_>) -> Option<Sourced<Duration>> {
    let expr = reader.last("a time such as `5m`")?;
    reader.value(expr, Evaluator::duration)
}

/// A plain name as the only argument.
pub(crate) fn name(reader: &mut Reader<'_, '_>, what: &str) -> Option<Sourced<SmolStr>> {
    let name = reader.name(what)?;
    reader.finish();
    Some(reader.sourced(name.text, name.span))
}

/// Texts with commas between them as the only arguments, each with its origin.
pub(crate) fn each_text(reader: &mut Reader<'_, '_>, what: &str) -> Option<Vec<Sourced<String>>> {
    let texts = reader.list(|reader| {
        let expr = reader.expr(what)?;
        reader.value(expr, Evaluator::text)
    });
    reader.finish();
    Some(texts)
}

/// Request and limit.
pub(crate) fn cpu_range(
    evaluator: &mut Evaluator<'_>,
    expr: &Expr,
    scope: &Scope,
) -> Option<Range<Cpu>> {
    match evaluator.range(expr, scope, Type::Cpu)? {
        (Value::Cpu(min), Value::Cpu(max)) => Some(Range { min, max }),
        _ => None,
    }
}

/// Request and limit.
pub(crate) fn memory_range(
    evaluator: &mut Evaluator<'_>,
    expr: &Expr,
    scope: &Scope,
) -> Option<Range<Memory>> {
    match evaluator.range(expr, scope, Type::Memory)? {
        (Value::Memory(min), Value::Memory(max)) => Some(Range { min, max }),
        _ => None,
    }
}

/// Blocks of addresses as the last arguments.
pub(crate) fn cidrs(reader: &mut Reader<'_, '_>) -> Option<Vec<Sourced<IpNet>>> {
    let blocks = reader.cidrs();
    reader.finish();
    Some(blocks)
}
