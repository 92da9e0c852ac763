//! From the expressions of rules and tests to typed terms: names become elements, members and
//! variables, numbers get their units, and what has no type is reported here, once, whether or not
//! the platform has an element that it would be asked of.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{
    BinaryOp, Call, Comprehension, Expr, ExprKind, Ident, NumberLiteral, Path, PathPort,
    Quantified, Segment, StringLiteral, StringPart, UnaryOp,
};
use smol_str::SmolStr;

use super::ends::{Network, Standpoint};
use super::state::Resolver;
use crate::elements::{Element, Kind};
use crate::eval::Scope;
use crate::platform::{End, Ends, FlowPort};
use crate::platform::{Function, PathQuery, Term, TermKind};
use crate::rules::{member, member_names};
use crate::ty::Ty;
use crate::units::{Cpu, Duration, Memory, Percent};
use crate::value::{Type, Value, number_as};

/// The lowering of one rule or test.
pub(super) struct Lowering<'r, 'a, 'n> {
    pub(super) resolver: &'r mut Resolver<'a>,
    pub(super) network: &'n Network<'n>,
    /// Where constants are looked up.
    pub(super) scope: Scope,
    /// Parameters, the rule's element and variables of loops, outer first.
    pub(super) variables: Vec<(SmolStr, Ty)>,
    /// The rules that a test may ask; `None` in a rule, so that rules never ask each other.
    pub(super) rules: Option<&'n [(SmolStr, Kind)]>,
    /// Paths that were compared with `off`, so that they have a value here.
    present: Vec<String>,
    /// Whether anything of the platform was named.
    pub(super) names_platform: bool,
}

type Typed = (Term, Ty);

const FUNCTIONS: [(&str, &str); 13] = [
    ("calls", "calls(FROM, TO[:PORT])"),
    ("contains", "contains(TEXT, PART)"),
    ("count", "count(LIST)"),
    ("ends-with", "ends-with(TEXT, END)"),
    ("holds", "holds(RULE) or holds(RULE, ELEMENT)"),
    ("lower", "lower(TEXT)"),
    ("reaches", "reaches(FROM, TO[:PORT])"),
    ("replace", "replace(TEXT, FROM, TO)"),
    ("sha256", "sha256(TEXT)"),
    ("starts-with", "starts-with(TEXT, START)"),
    ("sum", "sum(LIST)"),
    ("violations", "violations(RULE)"),
    ("wave", "wave(SERVICE)"),
];

impl<'r, 'a, 'n> Lowering<'r, 'a, 'n> {
    pub(super) fn new(
        resolver: &'r mut Resolver<'a>,
        network: &'n Network<'n>,
        module: Option<SmolStr>,
    ) -> Self {
        Self {
            resolver,
            network,
            scope: Scope {
                module,
                ..Scope::default()
            },
            variables: Vec::new(),
            rules: None,
            present: Vec::new(),
            names_platform: false,
        }
    }

    /// A condition: a term that is true or false.
    pub(super) fn condition(&mut self, expr: &'a Expr) -> Option<Term> {
        let lowered = self.term(expr)?;
        self.fit(lowered, &Ty::Plain(Type::Bool))
    }

    /// A term that messages show.
    pub(super) fn message(&mut self, expr: &'a Expr) -> Option<Term> {
        let lowered = self.term(expr)?;
        self.fit(lowered, &Ty::Plain(Type::String))
    }

    /// Holds a term to a type; a number takes its unit.
    fn fit(&mut self, (term, ty): Typed, expected: &Ty) -> Option<Term> {
        if let (Ty::Number, Ty::Plain(plain)) = (&ty, expected) {
            return self.decide(term, plain);
        }
        if ty.meets(expected) && !matches!(ty, Ty::Optional(_) | Ty::Off) {
            return Some(term);
        }
        if let Ty::Optional(inner) = &ty
            && inner.meets(expected)
        {
            self.report_maybe_off(term.span);
            return None;
        }
        self.resolver.report(
            Diagnostic::new(
                &codes::WRONG_TYPE,
                format!("{expected} is expected, not {ty}"),
            )
            .at(term.span, ty.to_string()),
        );
        None
    }

    fn report_maybe_off(&mut self, span: Span) {
        let written = self.resolver.loaded.sources.text(span).to_owned();
        self.resolver.report(
            Diagnostic::new(
                &codes::MAYBE_OFF,
                format!("`{written}` may be missing, and then there is nothing to compare"),
            )
            .at(span, "may be `off`")
            .help(format!(
                "say what holds without it: `{written} == off or …`, or `{written} != off and …`"
            )),
        );
    }

    /// A number without a unit as one of a type.
    fn decide(&mut self, term: Term, plain: &Type) -> Option<Term> {
        let TermKind::Value(Value::Number(number)) = &term.kind else {
            return Some(term);
        };
        let value = self
            .resolver
            .coerce(Value::Number(number.clone()), term.span, plain)?;
        Some(Term {
            kind: TermKind::Value(value),
            span: term.span,
        })
    }

    fn term(&mut self, expr: &'a Expr) -> Option<Typed> {
        let span = expr.span;
        let of = |kind, ty| Some((Term { kind, span }, ty));
        match &expr.kind {
            ExprKind::Number(number) => {
                of(TermKind::Value(Value::Number(number.clone())), Ty::Number)
            }
            ExprKind::String(string) => self.string(string, span),
            ExprKind::Path(path) => self.path(path, span),
            ExprKind::Member(inner, segment) => {
                let inner = self.term(inner)?;
                self.member(inner, segment, span)
            }
            ExprKind::Address(_) | ExprKind::Range(..) => {
                let scope = self.scope.clone();
                let value = self.resolver.raw(expr, &scope, None)?;
                let value = decided(value);
                let ty = type_of(&value);
                of(TermKind::Value(value), ty)
            }
            ExprKind::List(items) => self.list(items, span),
            ExprKind::Call(call) => self.call(call, span),
            ExprKind::Unary(UnaryOp::Not, inner) => {
                let inner = self.condition(inner)?;
                of(TermKind::Not(Box::new(inner)), Ty::Plain(Type::Bool))
            }
            ExprKind::Unary(UnaryOp::Negate, inner) => {
                let inner = self.term(inner)?;
                let inner = self.fit(inner, &Ty::Plain(Type::Int))?;
                of(TermKind::Negate(Box::new(inner)), Ty::Plain(Type::Int))
            }
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, span),
            ExprKind::If(parts) => self.choice(parts, span),
            ExprKind::Quantified(quantified) => self.quantified(quantified, span),
            ExprKind::Comprehension(comprehension) => self.comprehension(comprehension, span),
            ExprKind::Pair(..)
            | ExprKind::Ported(..)
            | ExprKind::Set(_)
            | ExprKind::Subresource(..) => {
                self.resolver.report(
                    Diagnostic::new(&codes::WRONG_TYPE, "this is no value").at(span, "no value"),
                );
                None
            }
        }
    }

    fn string(&mut self, string: &'a StringLiteral, span: Span) -> Option<Typed> {
        let mut parts = Vec::with_capacity(string.parts.len());
        for part in &string.parts {
            parts.push(match part {
                StringPart::Text(text) => Term {
                    kind: TermKind::Value(Value::Text(text.clone())),
                    span,
                },
                StringPart::Expr(expr) => self.term(expr)?.0,
            });
        }
        let kind = match parts.as_slice() {
            [] => TermKind::Value(Value::Text(SmolStr::default())),
            [one] if matches!(string.parts[0], StringPart::Text(_)) => one.kind.clone(),
            _ => TermKind::Text(parts),
        };
        Some((Term { kind, span }, Ty::Plain(Type::String)))
    }

    // ---- names

    fn path(&mut self, path: &'a Path, span: Span) -> Option<Typed> {
        let names: Option<Vec<Ident>> = path
            .segments
            .iter()
            .map(|segment| {
                segment.as_name().map(|text| Ident {
                    text: text.clone(),
                    span: segment.span,
                })
            })
            .collect();
        let (Some(names), None) = (names, &path.port) else {
            self.resolver.report(
                Diagnostic::new(&codes::WRONG_TYPE, "this is no value")
                    .at(span, "no value")
                    .help("wildcards and ports stand in `reaches(…)` and `calls(…)`"),
            );
            return None;
        };
        let (mut typed, mut used) = self.start(&names)?;
        let mut key = names[..used]
            .iter()
            .map(|name| name.text.as_str())
            .collect::<Vec<_>>()
            .join(".");
        while used < names.len() {
            let so_far = names[0].span.to(names[used].span);
            typed = self.member(typed, &path.segments[used], so_far)?;
            key = format!("{key}.{}", names[used].text);
            if self.present.contains(&key)
                && let Ty::Optional(inner) = typed.1
            {
                typed.1 = *inner;
            }
            used += 1;
        }
        Some(typed)
    }

    /// What a path starts with, and how many of its names that takes.
    fn start(&mut self, names: &[Ident]) -> Option<(Typed, usize)> {
        let first = &names[0];
        let term = |kind| Term {
            kind,
            span: first.span,
        };
        let bound = self
            .variables
            .iter()
            .rposition(|(name, _)| *name == first.text);
        if let Some(at) = bound {
            let ty = self.variables[at].1.clone();
            return Some(((term(TermKind::Variable(at)), ty), 1));
        }
        match first.text.as_str() {
            "true" | "false" => {
                let value = Value::Bool(first.text == "true");
                let typed = (term(TermKind::Value(value)), Ty::Plain(Type::Bool));
                return Some((typed, 1));
            }
            "off" => return Some(((term(TermKind::Value(Value::Off)), Ty::Off), 1)),
            "platform" => {
                self.names_platform = true;
                let value = Value::Element(Element::Platform);
                let typed = (term(TermKind::Value(value)), Ty::Element(Kind::Platform));
                return Some((typed, 1));
            }
            _ => {}
        }
        let scope = self.scope.clone();
        if let Some(constant) = self.resolver.constant(&first.text, &scope) {
            let value = decided(constant?);
            let ty = type_of(&value);
            return Some(((term(TermKind::Value(value)), ty), 1));
        }
        self.element(names)
    }

    /// A namespace or service by its name.
    fn element(&mut self, names: &[Ident]) -> Option<(Typed, usize)> {
        let first = &names[0];
        let of = |element: Element, used: usize| {
            let term = Term {
                kind: TermKind::Value(Value::Element(element)),
                span: first.span.to(names[used - 1].span),
            };
            Some(((term, Ty::Element(element.kind())), used))
        };
        self.names_platform = true;
        if let Some(id) = self.resolver.names.namespace_ids.get(&first.text).copied() {
            let service = names.get(1).and_then(|name| {
                self.resolver
                    .names
                    .service_ids
                    .get(&(id, name.text.clone()))
            });
            if let Some(service) = service.copied() {
                return of(Element::Service(service), 2);
            }
            if let Some(name) = names.get(1)
                && member(Kind::Namespace, &name.text).is_none()
            {
                self.resolver.report_unknown_service(first, id, name);
                return None;
            }
            return of(Element::Namespace(id), 1);
        }
        if self
            .resolver
            .names
            .services_by_name
            .contains_key(&first.text)
        {
            let service = self.resolver.bare_service(first, None)?;
            return of(Element::Service(service), 1);
        }
        self.report_unknown_start(names);
        None
    }

    fn report_unknown_start(&mut self, names: &[Ident]) {
        let first = &names[0];
        if self.resolver.broken_names.contains(&first.text) {
            return;
        }
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("there is no value named `{}`", first.text),
        )
        .at(first.span, "declared nowhere");
        let resolver = &mut *self.resolver;
        let declared = resolver.constants.len()
            + resolver.names.namespace_ids.len()
            + resolver.names.services_by_name.len();
        if !resolver.may_compare(declared) {
            resolver.report(diagnostic);
            return;
        }
        let mut known: Vec<String> = self.variables.iter().map(|(n, _)| n.to_string()).collect();
        let scope = self.scope.clone();
        known.extend(self.resolver.constant_names(&scope).map(str::to_owned));
        known.push("platform".to_owned());
        known.extend(
            self.resolver
                .names
                .namespace_ids
                .keys()
                .map(SmolStr::to_string),
        );
        known.extend(
            self.resolver
                .names
                .services_by_name
                .keys()
                .map(SmolStr::to_string),
        );
        known.sort_unstable();
        diagnostic = diagnostic.did_you_mean(
            &first.text,
            first.span,
            known.iter().map(String::as_str),
            |diagnostic| {
                if names.len() == 1 {
                    diagnostic.help(format!("text is written in quotes: `\"{}\"`", first.text))
                } else {
                    let variables: Vec<&str> =
                        self.variables.iter().map(|(n, _)| n.as_str()).collect();
                    diagnostic.help(format!(
                        "known here: {}, `platform`, namespaces, services and constants",
                        listed(variables, 8)
                    ))
                }
            },
        );
        self.resolver.report(diagnostic);
    }

    /// `inner.segment`.
    fn member(&mut self, (inner, ty): Typed, segment: &Segment, span: Span) -> Option<Typed> {
        let Some(name) = segment.as_name() else {
            self.resolver.report(
                Diagnostic::new(&codes::WRONG_TYPE, "a member is a plain name")
                    .at(segment.span, "not a name"),
            );
            return None;
        };
        match &ty {
            Ty::Element(kind) => {
                if let Some((id, found)) = member(*kind, name) {
                    let kind = TermKind::Member(Box::new(inner), id);
                    return Some((Term { kind, span }, (found.ty)()));
                }
                let members = member_names(*kind);
                self.report_unknown_member(&ty, name, segment.span, &members);
            }
            Ty::Range(of) => {
                if name == "min" || name == "max" {
                    let kind = TermKind::RangeEnd(Box::new(inner), name == "max");
                    return Some((Term { kind, span }, (**of).clone()));
                }
                self.report_unknown_member(&ty, name, segment.span, &["min", "max"]);
            }
            Ty::Optional(of) if matches!(**of, Ty::Element(_) | Ty::Range(_)) => {
                self.report_maybe_off(inner.span);
            }
            Ty::Plain(_)
            | Ty::Word(_)
            | Ty::List(_)
            | Ty::Optional(_)
            | Ty::Off
            | Ty::Number
            | Ty::Never => self.report_unknown_member(&ty, name, segment.span, &[]),
        }
        None
    }

    fn report_unknown_member(&mut self, ty: &Ty, name: &str, span: Span, members: &[&str]) {
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_MEMBER,
            format!("{ty} has no member `{name}`"),
        )
        .at(span, "not a member");
        diagnostic = diagnostic.did_you_mean(name, span, members.iter().copied(), |diagnostic| {
            if members.is_empty() {
                match ty {
                    Ty::List(_) => diagnostic
                        .help("ask each of its elements: `all x in LIST: …`, `count(LIST)`"),
                    _ => diagnostic.help("it has no members at all"),
                }
            } else {
                diagnostic.help(format!("it has {}", listed(members.iter().copied(), 40)))
            }
        });
        self.resolver.report(diagnostic);
    }

    // ---- operators

    fn binary(
        &mut self,
        op: BinaryOp,
        left: &'a Expr,
        right: &'a Expr,
        span: Span,
    ) -> Option<Typed> {
        let truth = Ty::Plain(Type::Bool);
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let first = self.condition(left);
                let known = self.present.len();
                present_where(left, op == BinaryOp::And, &mut self.present);
                let second = self.condition(right);
                self.present.truncate(known);
                let (first, second) = (Box::new(first?), Box::new(second?));
                let kind = if op == BinaryOp::And {
                    TermKind::And(first, second)
                } else {
                    TermKind::Or(first, second)
                };
                Some((Term { kind, span }, truth))
            }
            BinaryOp::In => {
                let needle = self.term(left);
                let list = self.term(right);
                let (needle, (list, list_ty)) = (needle?, list?);
                let Ty::List(of) = &list_ty else {
                    self.resolver.report(
                        Diagnostic::new(&codes::WRONG_TYPE, "`in` looks into a list")
                            .at(right.span, list_ty.to_string()),
                    );
                    return None;
                };
                let element = Term {
                    kind: TermKind::Value(Value::Off),
                    span: list.span,
                };
                let (needle, _) = self.unified(needle, (element, (**of).clone()), "compared")?;
                let kind = TermKind::In(Box::new(needle.0), Box::new(list));
                Some((Term { kind, span }, truth))
            }
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual => self.comparison(op, left, right, span),
            BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide => {
                self.arithmetic(op, left, right, span)
            }
        }
    }

    fn comparison(
        &mut self,
        op: BinaryOp,
        left: &'a Expr,
        right: &'a Expr,
        span: Span,
    ) -> Option<Typed> {
        let (a, b) = (self.term(left), self.term(right));
        let (a, b) = (a?, b?);
        let (a, b) = self.unified(a, b, "compared")?;
        if !matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) {
            for (term, ty) in [&a, &b] {
                let span = term.span;
                if matches!(ty, Ty::Optional(_) | Ty::Off) {
                    self.report_maybe_off(span);
                    return None;
                }
                if !has_order(ty) {
                    self.resolver.report(
                        Diagnostic::new(&codes::WRONG_TYPE, format!("{ty} has no order"))
                            .at(span, "cannot be ordered"),
                    );
                    return None;
                }
            }
        }
        self.known_word(&a, &b)?;
        self.known_word(&b, &a)?;
        let kind = TermKind::Compare(op, Box::new(a.0), Box::new(b.0));
        Some((Term { kind, span }, Ty::Plain(Type::Bool)))
    }

    /// Reports a text that can never equal one of a few words.
    fn known_word(&mut self, (_, ty): &Typed, (text, _): &Typed) -> Option<()> {
        let words = match ty {
            Ty::Word(words) => *words,
            Ty::Optional(inner) => match &**inner {
                Ty::Word(words) => *words,
                _ => return Some(()),
            },
            _ => return Some(()),
        };
        let TermKind::Value(Value::Text(written)) = &text.kind else {
            return Some(());
        };
        if words.contains(&written.as_str()) {
            return Some(());
        }
        let mut diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, format!("this is never `{written}`"))
                .at(text.span, "equals nothing");
        diagnostic = match nearest(written, words.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                format!("write `\"{near}\"`"),
                text.span,
                format!("\"{near}\""),
            ),
            None => diagnostic.help(format!("it is one of {}", listed(words.iter().copied(), 9))),
        };
        self.resolver.report(diagnostic);
        None
    }

    /// Two terms of one type, where a number takes the other's unit.
    fn unified(&mut self, a: Typed, b: Typed, verb: &str) -> Option<(Typed, Typed)> {
        match (&a.1, &b.1) {
            (Ty::Number, Ty::Number) => {
                let (Some(x), Some(y)) = (literal(&a.0), literal(&b.0)) else {
                    return Some((a, b));
                };
                let fits = |t: &&Type| number_as(x, t).is_ok() && number_as(y, t).is_ok();
                let Some(plain) = Type::NUMERIC.iter().find(fits) else {
                    return self.report_mixed(&a, &b, verb);
                };
                let (x, y) = (self.decide(a.0, plain)?, self.decide(b.0, plain)?);
                let ty = Ty::Plain(plain.clone());
                Some(((x, ty.clone()), (y, ty)))
            }
            (Ty::Number, other) => match numeric(other) {
                Some(plain) if self.fits(&a.0, &plain) => {
                    let term = self.decide(a.0, &plain)?;
                    Some(((term, Ty::Plain(plain)), b))
                }
                _ => self.report_mixed(&a, &b, verb),
            },
            (other, Ty::Number) => match numeric(other) {
                Some(plain) if self.fits(&b.0, &plain) => {
                    let term = self.decide(b.0, &plain)?;
                    Some((a, (term, Ty::Plain(plain))))
                }
                _ => self.report_mixed(&a, &b, verb),
            },
            (x, y) if x.meets(y) => Some((a, b)),
            _ => self.report_mixed(&a, &b, verb),
        }
    }

    fn fits(&self, term: &Term, plain: &Type) -> bool {
        literal(term).is_none_or(|number| number_as(number, plain).is_ok())
    }

    fn report_mixed<T>(&mut self, a: &Typed, b: &Typed, verb: &str) -> Option<T> {
        let name = |(term, ty): &Typed| match (&term.kind, ty) {
            (TermKind::Value(value @ Value::Number(_)), Ty::Number) => value.kind().to_owned(),
            (_, Ty::Plain(Type::Cpu | Type::Memory | Type::Duration | Type::Percent)) => {
                ty.to_string()
            }
            _ => ty.to_string(),
        };
        let (x, y) = (name(a), name(b));
        self.resolver.report(
            Diagnostic::new(&codes::MIXED_UNITS, format!("{x} and {y} cannot be {verb}"))
                .at(b.0.span, y)
                .also(a.0.span, x),
        );
        None
    }

    fn arithmetic(
        &mut self,
        op: BinaryOp,
        left: &'a Expr,
        right: &'a Expr,
        span: Span,
    ) -> Option<Typed> {
        let (a, b) = (self.term(left), self.term(right));
        let (a, b) = (a?, b?);
        for (term, ty) in [&a, &b] {
            if matches!(ty, Ty::Optional(_) | Ty::Off) {
                self.report_maybe_off(term.span);
                return None;
            }
        }
        let int = Ty::Plain(Type::Int);
        let (a, b) = match op {
            BinaryOp::Multiply | BinaryOp::Divide => {
                // A plain number counts: `2 * s.memory.max`, `1Gi / 4`.
                let b = if is_plain_number(&b.0) {
                    (self.decide(b.0, &Type::Int)?, int.clone())
                } else {
                    b
                };
                let may_count = op == BinaryOp::Multiply || b.1 == int;
                let a = if is_plain_number(&a.0) && may_count {
                    (self.decide(a.0, &Type::Int)?, int.clone())
                } else {
                    a
                };
                let counts = b.1 == int || (op == BinaryOp::Multiply && a.1 == int);
                if counts {
                    (self.any_unit(a)?, self.any_unit(b)?)
                } else {
                    self.unified(a, b, "combined")?
                }
            }
            _ => self.unified(a, b, "combined")?,
        };
        let is_text = op == BinaryOp::Add && a.1.is_text() && b.1.is_text();
        for (term, ty) in [&a, &b] {
            if numeric(ty).is_none() && !is_text {
                self.resolver.report(
                    Diagnostic::new(&codes::WRONG_TYPE, format!("{ty} cannot be computed with"))
                        .at(term.span, "not a number"),
                );
                return None;
            }
        }
        let ty = match op {
            _ if is_text => Ty::Plain(Type::String),
            BinaryOp::Divide if b.1 != int => int,
            BinaryOp::Multiply if b.1 != int && a.1 != int => {
                return self.report_mixed(&a, &b, "multiplied");
            }
            _ if a.1 == int => b.1,
            _ => a.1,
        };
        let kind = TermKind::Arithmetic(op, Box::new(a.0), Box::new(b.0));
        Some((Term { kind, span }, ty))
    }

    /// A number beside a count, in the first unit that its suffix may mean.
    fn any_unit(&mut self, (term, ty): Typed) -> Option<Typed> {
        let Some(number) = literal(&term) else {
            return Some((term, ty));
        };
        let plain = Type::NUMERIC
            .iter()
            .find(|t| number_as(number, t).is_ok())
            .unwrap_or(&Type::Int);
        let term = self.decide(term, plain)?;
        Some((term, Ty::Plain(plain.clone())))
    }

    fn choice(&mut self, parts: &'a [Expr; 3], span: Span) -> Option<Typed> {
        let [condition, then, otherwise] = parts;
        let first = self.condition(condition);
        let known = self.present.len();
        present_where(condition, true, &mut self.present);
        let a = self.term(then);
        self.present.truncate(known);
        present_where(condition, false, &mut self.present);
        let b = self.term(otherwise);
        self.present.truncate(known);
        let (a, b) = self.unified(a?, b?, "alternatives")?;
        let ty = if matches!(b.1, Ty::Optional(_)) {
            b.1
        } else {
            a.1
        };
        let kind = TermKind::If(Box::new([first?, a.0, b.0]));
        Some((Term { kind, span }, ty))
    }

    // ---- lists

    fn list(&mut self, items: &'a [Expr], span: Span) -> Option<Typed> {
        let mut terms: Vec<Typed> = Vec::with_capacity(items.len());
        for item in items {
            let next = self.term(item)?;
            let next = match terms.last().cloned() {
                Some(before) => self.unified(before, next, "in one list")?.1,
                None => self.any_unit(next)?,
            };
            terms.push(next);
        }
        let of = terms.first().map_or(Ty::Never, |(_, ty)| ty.clone());
        let kind = TermKind::List(terms.into_iter().map(|(term, _)| term).collect());
        Some((Term { kind, span }, Ty::list(of)))
    }

    fn collection(&mut self, expr: &'a Expr) -> Option<(Term, Ty)> {
        let (term, ty) = self.term(expr)?;
        if let Ty::List(of) = ty {
            return Some((term, *of));
        }
        self.resolver.report(
            Diagnostic::new(&codes::WRONG_TYPE, format!("a list is expected, not {ty}"))
                .at(expr.span, ty.to_string()),
        );
        None
    }

    fn quantified(&mut self, quantified: &'a Quantified, span: Span) -> Option<Typed> {
        let (collection, of) = self.collection(&quantified.collection)?;
        let variable = quantified.variable.text.clone();
        self.variables.push((variable.clone(), of));
        let predicate = self.condition(&quantified.predicate);
        self.variables.pop();
        let kind = TermKind::Quantified {
            is_all: quantified.is_all,
            variable,
            collection: Box::new(collection),
            predicate: Box::new(predicate?),
        };
        Some((Term { kind, span }, Ty::Plain(Type::Bool)))
    }

    fn comprehension(&mut self, written: &'a Comprehension, span: Span) -> Option<Typed> {
        let (collection, of) = self.collection(&written.collection)?;
        self.variables.push((written.variable.text.clone(), of));
        let known = self.present.len();
        let condition = match &written.condition {
            Some(condition) => {
                let term = self.condition(condition);
                present_where(condition, true, &mut self.present);
                term.map(Some)
            }
            None => Some(None),
        };
        let element = self.term(&written.element);
        let element = element.and_then(|element| self.any_unit(element));
        self.present.truncate(known);
        self.variables.pop();
        let (element, ty) = element?;
        let kind = TermKind::Comprehension {
            element: Box::new(element),
            collection: Box::new(collection),
            condition: condition?.map(Box::new),
        };
        Some((Term { kind, span }, Ty::list(ty)))
    }

    // ---- functions

    fn call(&mut self, call: &'a Call, span: Span) -> Option<Typed> {
        let name = call.callee.as_word().cloned().unwrap_or_default();
        let Some((_, form)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let known = FUNCTIONS.iter().map(|(name, _)| *name);
            let (code, span) = (&codes::UNKNOWN_NAME, call.callee_span);
            let unknown = Diagnostic::unknown(code, "function", &name, span, known);
            self.resolver.report(unknown);
            return None;
        };
        if call.args.iter().any(|argument| argument.name.is_some()) {
            return self.wrong_arguments(span, form);
        }
        let args: Vec<&'a Expr> = call.args.iter().map(|argument| &argument.value).collect();
        let text = Type::String;
        let (function, types, result) = match (name.as_str(), args.as_slice()) {
            ("reaches" | "calls", [from, to]) => {
                return self.path_query(from, to, name == "calls", span);
            }
            ("wave", [service]) => return self.wave(service, span),
            ("holds" | "violations", [rule, of @ ..])
                if of.len() <= usize::from(name == "holds") =>
            {
                return self.of_rule(&name, rule, of.first().copied(), span);
            }
            ("count" | "sum", [list]) => return self.of_list(&name, list, span),
            ("lower", [_]) => (Function::Lower, [text].to_vec(), Type::String),
            ("sha256", [_]) => (Function::Sha256, [text].to_vec(), Type::String),
            ("replace", [_, _, _]) => (Function::Replace, vec![text; 3], Type::String),
            ("contains", [_, _]) => (Function::Contains, vec![text; 2], Type::Bool),
            ("starts-with", [_, _]) => (Function::StartsWith, vec![text; 2], Type::Bool),
            ("ends-with", [_, _]) => (Function::EndsWith, vec![text; 2], Type::Bool),
            _ => return self.wrong_arguments(span, form),
        };
        let mut terms = Vec::with_capacity(args.len());
        for (argument, ty) in args.iter().zip(types) {
            let term = self.term(argument)?;
            terms.push(self.fit(term, &Ty::Plain(ty))?);
        }
        let kind = TermKind::Call(function, terms);
        Some((Term { kind, span }, Ty::Plain(result)))
    }

    fn wrong_arguments<T>(&mut self, span: Span, form: &str) -> Option<T> {
        self.resolver.report(
            Diagnostic::new(
                &codes::WRONG_ARGUMENTS,
                "these are not the values that the function takes",
            )
            .at(span, "called here")
            .help(format!("it is written `{form}`")),
        );
        None
    }

    fn of_list(&mut self, name: &str, list: &'a Expr, span: Span) -> Option<Typed> {
        let (term, of) = self.collection(list)?;
        let int = Ty::Plain(Type::Int);
        if name == "count" {
            let kind = TermKind::Call(Function::Count, vec![term]);
            return Some((Term { kind, span }, int));
        }
        let zero = match &of {
            Ty::Plain(plain) => zero(plain),
            Ty::Word(_)
            | Ty::Range(_)
            | Ty::List(_)
            | Ty::Optional(_)
            | Ty::Element(_)
            | Ty::Off
            | Ty::Number
            | Ty::Never => None,
        };
        let Some(zero) = zero else {
            self.resolver.report(
                Diagnostic::new(&codes::WRONG_TYPE, format!("`sum` adds numbers, not {of}"))
                    .at(list.span, "not numbers"),
            );
            return None;
        };
        let zero = Term {
            kind: TermKind::Value(zero),
            span,
        };
        let kind = TermKind::Call(Function::Sum, vec![term, zero]);
        Some((Term { kind, span }, of))
    }

    fn path_query(
        &mut self,
        from: &'a Expr,
        to: &'a Expr,
        is_direct: bool,
        span: Span,
    ) -> Option<Typed> {
        self.names_platform = true;
        let at = Standpoint::default();
        let from = self.resolver.ends(from, at, self.network);
        let to = self.resolver.ends(to, at, self.network);
        let ((from, from_port), (to, port)) = (from?, to?);
        if let Some(port) = from_port {
            let at = match port {
                PathPort::Name(name) => name.span,
                PathPort::Number(_, span) => *span,
            };
            self.resolver.report(
                Diagnostic::new(&codes::WRONG_SHAPE, "the port stands behind the called")
                    .at(at, "of the caller"),
            );
            return None;
        }
        let port: Option<FlowPort> = match port {
            Some(port) => Some(self.resolver.flow_port(&to, Some(port), self.network)?),
            None => None,
        };
        if let Some(FlowPort::Named(name, span)) = &port {
            self.known_port(&to, name, *span)?;
        }
        let query = PathQuery {
            from,
            to,
            port,
            is_direct,
        };
        let kind = TermKind::Path(Box::new(query));
        Some((Term { kind, span }, Ty::Plain(Type::Bool)))
    }

    /// Reports a port that none of the called services has.
    fn known_port(&mut self, to: &Ends, name: &str, span: Span) -> Option<()> {
        let mut known: Vec<&str> = Vec::new();
        for end in &to.ends {
            let End::Service(id) = end else {
                return Some(());
            };
            // Of a service that could not be resolved nothing is known.
            let service = self.network.services.get(id.index())?.as_ref()?;
            if service.port(name).is_some() {
                return Some(());
            }
            known.extend(service.ports.iter().map(|port| port.name.value.as_str()));
        }
        let diagnostic = Diagnostic::new(
            &codes::UNKNOWN_PORT,
            format!("nothing that is called here has a port `{name}`"),
        )
        .at(span, "declared nowhere")
        .candidates(name, span, known);
        self.resolver.report(diagnostic);
        None
    }

    fn wave(&mut self, service: &'a Expr, span: Span) -> Option<Typed> {
        let term = self.term(service)?;
        let term = self.fit(term, &Ty::Element(Kind::Service))?;
        let kind = TermKind::Wave(Box::new(term));
        Some((Term { kind, span }, Ty::Plain(Type::Int)))
    }

    fn of_rule(
        &mut self,
        name: &str,
        rule: &'a Expr,
        of: Option<&'a Expr>,
        span: Span,
    ) -> Option<Typed> {
        let Some(rules) = self.rules else {
            self.resolver.report(
                Diagnostic::new(&codes::WRONG_SHAPE, "a rule cannot ask another rule")
                    .at(span, "asked here")
                    .help("`holds` and `violations` stand in tests"),
            );
            return None;
        };
        self.names_platform = true;
        let written = rule.as_word().cloned().unwrap_or_default();
        let Some(at) = rules.iter().position(|(known, _)| *known == written) else {
            let known = rules.iter().map(|(name, _)| name.as_str());
            let code = &codes::UNKNOWN_NAME;
            let unknown = Diagnostic::unknown(code, "rule", &written, rule.span, known);
            self.resolver.report(unknown);
            return None;
        };
        if name == "violations" {
            let kind = TermKind::Violations(at);
            let ty = Ty::list(Ty::Plain(Type::String));
            return Some((Term { kind, span }, ty));
        }
        let of = match of {
            Some(of) => {
                let term = self.term(of)?;
                Some(Box::new(self.fit(term, &Ty::Element(rules[at].1))?))
            }
            None => None,
        };
        let kind = TermKind::Holds(at, of);
        Some((Term { kind, span }, Ty::Plain(Type::Bool)))
    }
}

/// The paths that have a value where a condition is `holds`: those that it compares with `off`.
fn present_where(condition: &Expr, holds: bool, out: &mut Vec<String>) {
    match &condition.kind {
        ExprKind::Unary(UnaryOp::Not, inner) => present_where(inner, !holds, out),
        ExprKind::Binary(BinaryOp::And, left, right) if holds => {
            present_where(left, true, out);
            present_where(right, true, out);
        }
        ExprKind::Binary(BinaryOp::Or, left, right) if !holds => {
            present_where(left, false, out);
            present_where(right, false, out);
        }
        ExprKind::Binary(op @ (BinaryOp::Equal | BinaryOp::NotEqual), left, right) => {
            let is_off = |expr: &Expr| expr.as_word().is_some_and(|word| word == "off");
            let path = match (is_off(left), is_off(right)) {
                (false, true) => left,
                (true, false) => right,
                _ => return,
            };
            if (*op == BinaryOp::NotEqual) == holds
                && let ExprKind::Path(path) = &path.kind
            {
                let names = path.segments.iter().filter_map(Segment::as_name);
                out.push(names.map(SmolStr::as_str).collect::<Vec<_>>().join("."));
            }
        }
        _ => {}
    }
}

fn literal(term: &Term) -> Option<&NumberLiteral> {
    match &term.kind {
        TermKind::Value(Value::Number(number)) => Some(number),
        _ => None,
    }
}

fn is_plain_number(term: &Term) -> bool {
    literal(term).is_some_and(|number| number.suffix.is_empty())
}

/// The unit that numbers of a type have.
fn numeric(ty: &Ty) -> Option<Type> {
    match ty {
        Ty::Plain(plain) if Type::NUMERIC.contains(plain) => Some(plain.clone()),
        Ty::Optional(inner) => numeric(inner),
        Ty::Plain(_)
        | Ty::Word(_)
        | Ty::Range(_)
        | Ty::List(_)
        | Ty::Element(_)
        | Ty::Off
        | Ty::Number
        | Ty::Never => None,
    }
}

/// Nothing of a unit that can be added.
fn zero(plain: &Type) -> Option<Value> {
    Some(match plain {
        Type::Int => Value::Int(0),
        Type::Cpu => Value::Cpu(Cpu(0)),
        Type::Memory => Value::Memory(Memory(0)),
        Type::Duration => Value::Duration(Duration(0)),
        Type::Percent => Value::Percent(Percent(0)),
        Type::Bool
        | Type::String
        | Type::Name
        | Type::Port
        | Type::Cidr
        | Type::Address
        | Type::Version
        | Type::Image
        | Type::Range(_)
        | Type::List(_) => return None,
    })
}

fn has_order(ty: &Ty) -> bool {
    ty.is_text() || numeric(ty).is_some()
}

/// A range or list of bare numbers takes the first unit that all of them may have.
fn decided(value: Value) -> Value {
    let as_one = |values: &[&Value], plain: &Type| -> Option<Vec<Value>> {
        let numbers = values.iter().map(|value| match value {
            Value::Number(number) => number_as(number, plain).ok(),
            _ => None,
        });
        numbers.collect()
    };
    match &value {
        Value::Range(min, max) => {
            let both = Type::NUMERIC
                .iter()
                .find_map(|t| as_one(&[&**min, &**max], t));
            match both.as_deref() {
                Some([min, max]) => Value::Range(Box::new(min.clone()), Box::new(max.clone())),
                _ => value,
            }
        }
        Value::List(items) => {
            let items: Vec<&Value> = items.iter().collect();
            match Type::NUMERIC.iter().find_map(|t| as_one(&items, t)) {
                Some(items) => Value::List(items),
                None => value,
            }
        }
        _ => value,
    }
}

/// The type of a constant.
fn type_of(value: &Value) -> Ty {
    let plain = match value {
        Value::Number(_) => return Ty::Number,
        Value::Range(min, _) => return Ty::Range(Box::new(type_of(min))),
        Value::List(items) => return Ty::list(items.first().map_or(Ty::Never, type_of)),
        Value::Off => return Ty::Off,
        Value::Element(element) => return Ty::Element(element.kind()),
        // A constant without a value was reported; it meets anything.
        Value::Unknown => return Ty::Never,
        Value::Int(_) => Type::Int,
        Value::Bool(_) => Type::Bool,
        Value::Text(_) => Type::String,
        Value::Port(..) => Type::Port,
        Value::Cpu(_) => Type::Cpu,
        Value::Memory(_) => Type::Memory,
        Value::Duration(_) => Type::Duration,
        Value::Percent(_) => Type::Percent,
        Value::Cidr(_) => Type::Cidr,
        Value::Address(..) => Type::Address,
    };
    Ty::Plain(plain)
}
