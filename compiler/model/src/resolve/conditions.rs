//! What the names of rules and tests mean: elements of the platform with their members, parameters and variables, and
//! the functions that ask about paths, waves and rules.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{Expr, Ident, Path, PathPort, Segment};
use smol_str::SmolStr;

use super::state::Resolver;
use crate::elements::{Element, Kind};
use crate::eval::{Binding, Context, Evaluator, Lowering, Standpoint, Typed, decided, known};
use crate::functions::{Function, FunctionPlace, Meaning};
use crate::platform::{FlowPort, PathQuery, Peer, Peers, Term, TermKind};
use crate::rules::{member, member_names};
use crate::ty::Ty;
use crate::value::{Type, Value};

/// The names of the platform.
pub(super) struct Conditions<'r, 'a, 'n> {
    pub(super) resolver: &'r mut Resolver<'a>,
    /// The rules that a test may ask; `None` in a rule, so that rules never ask each other.
    pub(super) rules: Option<&'n [(SmolStr, Kind)]>,
    /// Whether anything of the platform was named.
    pub(super) names_platform: bool,
}

impl<'a> Context<'a> for Conditions<'_, 'a, '_> {
    const IS_KNOWN: bool = false;
    const PLACES: &'static [FunctionPlace] = &[
        FunctionPlace::Everywhere,
        FunctionPlace::Conditions,
        FunctionPlace::Tests,
    ];

    fn evaluator(&mut self) -> &mut Evaluator<'a> {
        self.resolver
    }

    fn path(
        lowering: &mut Lowering<'_, 'a, Self>,
        path: &Path,
        span: Span,
        _: Option<&Type>,
    ) -> Option<Typed> {
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
            lowering.evaluator().report(
                Diagnostic::new(&codes::WRONG_TYPE, "expected a value")
                    .at(span, "a wildcard or a port")
                    .help("wildcards and ports can be used in `reaches(…)` and `calls(…)`"),
            );
            return None;
        };
        let (mut typed, mut used) = lowering.start(&names)?;
        let mut key = names[..used]
            .iter()
            .map(|name| name.text.as_str())
            .collect::<Vec<_>>()
            .join(".");
        while used < names.len() {
            let so_far = names[0].span.to(names[used].span);
            typed = lowering.member(typed, &path.segments[used], so_far)?;
            key = format!("{key}.{}", names[used].text);
            if lowering.present.contains(&key)
                && let Ty::Optional(inner) = typed.1
            {
                typed.1 = *inner;
            }
            used += 1;
        }
        Some(typed)
    }

    fn member(
        lowering: &mut Lowering<'_, 'a, Self>,
        inner: &Expr,
        segment: &Segment,
        span: Span,
        _: Option<&Type>,
    ) -> Option<Typed> {
        let inner = lowering.term(inner, None)?;
        lowering.member(inner, segment, span)
    }

    fn call(
        lowering: &mut Lowering<'_, 'a, Self>,
        function: &'static Function,
        arguments: &[&Expr],
        span: Span,
    ) -> Option<Typed> {
        match (&function.meaning, arguments) {
            (Meaning::Reaches, [from, to]) => lowering.path_query(from, to, false, span),
            (Meaning::Calls, [from, to]) => lowering.path_query(from, to, true, span),
            (Meaning::Wave, [service]) => lowering.wave(service, span),
            (Meaning::Holds, [rule]) => lowering.holds(rule, None, span),
            (Meaning::Holds, [rule, element]) => lowering.holds(rule, Some(element), span),
            (Meaning::Violations, [rule]) => lowering.violations(rule, span),
            // Others are no functions of conditions, or take other arguments.
            _ => None,
        }
    }
}

impl<'a> Lowering<'_, 'a, Conditions<'_, 'a, '_>> {
    /// What a path starts with, and how many of its names that takes.
    fn start(&mut self, names: &[Ident]) -> Option<(Typed, usize)> {
        let first = &names[0];
        let known = |value| Some((known(value, first.span), 1));
        let mut variables = self.variables.iter().enumerate().rev();
        let bound = variables.find_map(|(at, (name, binding))| match binding {
            Binding::Any(ty) if *name == first.text => Some((at, ty.clone())),
            Binding::Any(_) | Binding::Value(_) => None,
        });
        if let Some((at, ty)) = bound {
            let term = Term {
                kind: TermKind::Variable(at),
                span: first.span,
            };
            return Some(((term, ty), 1));
        }
        match first.text.as_str() {
            "true" => return known(Value::Bool(true)),
            "false" => return known(Value::Bool(false)),
            "off" => return known(Value::Off),
            "platform" => {
                self.context.names_platform = true;
                return known(Value::Element(Element::Platform));
            }
            _ => {}
        }
        let scope = self.scope;
        if let Some(constant) = self.evaluator().constant(&first.text, scope) {
            return known(decided(constant?));
        }
        self.element(names)
    }

    /// A namespace or service by its name.
    fn element(&mut self, names: &[Ident]) -> Option<(Typed, usize)> {
        let first = &names[0];
        let of = |element: Element, used: usize| {
            let span = first.span.to(names[used - 1].span);
            Some((known(Value::Element(element), span), used))
        };
        self.context.names_platform = true;
        let resolver = &mut *self.context.resolver;
        if let Some(id) = resolver.names.namespace_ids.get(&first.text).copied() {
            let Some(name) = names.get(1) else {
                return of(Element::Namespace(id), 1);
            };
            let service = resolver.names.service_ids.get(&(id, name.text.clone()));
            if let Some(service) = service.copied() {
                return of(Element::Service(service), 2);
            }
            if member(Kind::Namespace, &name.text).is_none() {
                resolver.report_unknown_service(first, id, name);
                return None;
            }
            return of(Element::Namespace(id), 1);
        }
        if resolver.names.services_by_name.contains_key(&first.text) {
            let service = resolver.bare_service(first, None)?;
            return of(Element::Service(service), 1);
        }
        self.report_unknown_start(names);
        None
    }

    fn report_unknown_start(&mut self, names: &[Ident]) {
        let first = &names[0];
        if self.context.resolver.broken_names.contains(&first.text) {
            return;
        }
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("unknown name `{}`", first.text),
        )
        .at(first.span, "declared nowhere");
        let resolver = &mut *self.context.resolver;
        let declared = resolver.constants.len()
            + resolver.names.namespace_ids.len()
            + resolver.names.services_by_name.len();
        if !resolver.may_compare(declared) {
            resolver.report(diagnostic);
            return;
        }
        let mut known: Vec<String> = self.variables.iter().map(|(n, _)| n.to_string()).collect();
        known.extend(resolver.constant_names(self.scope).map(str::to_owned));
        known.push("platform".to_owned());
        let names_of_platform = resolver.names.namespace_ids.keys();
        let names_of_platform = names_of_platform.chain(resolver.names.services_by_name.keys());
        known.extend(names_of_platform.map(SmolStr::to_string));
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
        self.evaluator().report(diagnostic);
    }

    /// `inner.segment`.
    fn member(&mut self, (inner, ty): Typed, segment: &Segment, span: Span) -> Option<Typed> {
        let Some(name) = segment.as_name() else {
            self.evaluator().report(
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
        self.evaluator().report(diagnostic);
    }

    fn path_query(&mut self, from: &Expr, to: &Expr, is_direct: bool, span: Span) -> Option<Typed> {
        self.context.names_platform = true;
        let at = Standpoint::default();
        let from = self.context.resolver.peers_named(from, at);
        let to = self.context.resolver.peers_named(to, at);
        let ((from, from_port), (to, port)) = (from?, to?);
        if let Some(port) = from_port {
            let at = match port {
                PathPort::Name(name) => name.span,
                PathPort::Number(_, span) => *span,
            };
            self.evaluator().report(
                Diagnostic::new(&codes::WRONG_SHAPE, "the port is written after the callee")
                    .at(at, "of the caller"),
            );
            return None;
        }
        let port: Option<FlowPort> = match port {
            Some(port) => Some(FlowPort::read(&to, Some(port), self.context.resolver)?),
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

    /// Reports a port that none of the callees has.
    fn known_port(&mut self, to: &Peers, name: &str, span: Span) -> Option<()> {
        let mut known: Vec<&str> = Vec::new();
        for end in &to.peers {
            let Peer::Service(id) = end else {
                return Some(());
            };
            // Of a service that could not be resolved nothing is known.
            let service = self
                .context
                .resolver
                .parts
                .services
                .get(id.index())?
                .as_ref()?;
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
        self.evaluator().report(diagnostic);
        None
    }

    fn wave(&mut self, service: &Expr, span: Span) -> Option<Typed> {
        let service = self.element_of_kind(service, Kind::Service)?;
        let kind = TermKind::Wave(Box::new(service));
        Some((Term { kind, span }, Ty::Plain(Type::Int)))
    }

    fn element_of_kind(&mut self, expr: &Expr, kind: Kind) -> Option<Term> {
        let (term, ty) = self.term(expr, None)?;
        self.checked(term, &ty, &Ty::Element(kind))
    }

    /// The place of a rule among those that a test may ask, and what it is about.
    fn rule(&mut self, rule: &Expr, span: Span) -> Option<(usize, Kind)> {
        let Some(rules) = self.context.rules else {
            self.evaluator().report(
                Diagnostic::new(&codes::WRONG_SHAPE, "a rule cannot ask another rule")
                    .at(span, "asked here")
                    .help("`holds` and `violations` can be called in tests"),
            );
            return None;
        };
        self.context.names_platform = true;
        let written = rule.as_word().cloned().unwrap_or_default();
        let Some(at) = rules.iter().position(|(known, _)| *known == written) else {
            let known = rules.iter().map(|(name, _)| name.as_str());
            let code = &codes::UNKNOWN_NAME;
            let unknown = Diagnostic::unknown(code, "rule", &written, rule.span, known);
            self.evaluator().report(unknown);
            return None;
        };
        Some((at, rules[at].1))
    }

    fn holds(&mut self, rule: &Expr, element: Option<&Expr>, span: Span) -> Option<Typed> {
        let (rule, kind) = self.rule(rule, span)?;
        let element = match element {
            Some(element) => Some(Box::new(self.element_of_kind(element, kind)?)),
            None => None,
        };
        let kind = TermKind::Holds(rule, element);
        Some((Term { kind, span }, Ty::Plain(Type::Bool)))
    }

    fn violations(&mut self, rule: &Expr, span: Span) -> Option<Typed> {
        let (rule, _) = self.rule(rule, span)?;
        let kind = TermKind::Violations(rule);
        Some((Term { kind, span }, Ty::list(Ty::Plain(Type::String))))
    }
}
