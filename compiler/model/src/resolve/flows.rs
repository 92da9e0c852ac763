//! Flows: `calls` in a service, `allow` beside them, and the port that each names.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{Ident, NumberLiteral, PathPort, Sign, Statement};

use super::container::reason;
use super::settings::{Setting, Settings};
use super::state::Resolver;
use crate::args::Args;
use crate::eval::{Scope, Standpoint};
use crate::platform::{Flow, FlowPort, Mode, Peer, Peers, Port, PortId, Service, ServiceId};
use crate::properties::{self, BlockKind};
use crate::value::{Type, Value, number_as};

impl<'a> Resolver<'a> {
    /// A peer with an `except` behind it, if one follows.
    pub(super) fn need_peers(
        &mut self,
        args: &mut Args<'a>,
        what: &str,
        at: Standpoint,
    ) -> Option<(Peers, Option<&'a PathPort>)> {
        let expr = args.need_expr(what, &mut self.diagnostics)?;
        let found = self.peers(expr, at);
        let mut port_behind = None;
        let mut without = Some(Vec::new());
        while args.word("except").is_some() {
            let expr = args.need_expr("what is excepted", &mut self.diagnostics)?;
            match (self.peers(expr, at), &mut without) {
                (Some((peers, port)), Some(without)) => {
                    without.extend(peers.peers);
                    port_behind = port.or(port_behind);
                }
                _ => without = None,
            }
        }
        let (mut peers, port) = found?;
        let without = without?;
        peers.peers.retain(|end| !without.contains(end));
        if peers.peers.is_empty() {
            self.report(
                Diagnostic::new(&codes::EMPTY_WILDCARD, "`except` leaves no peer")
                    .at(peers.span, "matches nothing"),
            );
            return None;
        }
        Some((peers, port.or(port_behind)))
    }

    /// All `allow`s and `calls`, sorted by place.
    pub(super) fn flows(&mut self, settings: &[(ServiceId, Settings<'a>)]) -> Vec<Flow> {
        let mut flows = Vec::new();
        for (namespace, statement) in self.index.allows.clone() {
            let namespace = namespace.and_then(|n| self.names.namespace_ids.get(&n).copied());
            let at = Standpoint {
                namespace,
                service: None,
            };
            flows.extend(self.allow(statement, at));
        }
        for (service, settings) in settings {
            let at = Standpoint {
                namespace: self.names.homes.get(service.index()).copied(),
                service: Some(*service),
            };
            let all: Vec<Setting<'a>> = settings.of("calls").flatten().cloned().collect();
            for setting in all {
                flows.extend(self.calls(&setting, *service, at));
            }
        }
        flows.retain_mut(|flow| self.keep_read(&mut flow.from) && self.keep_read(&mut flow.to));
        flows.sort_by_key(|flow| flow.span);
        flows
    }

    /// Removes the services that could not be read, of which nothing is known that a flow could break; whether any peer
    /// is left.
    pub(super) fn keep_read(&self, peers: &mut Peers) -> bool {
        let services = &self.parts.services;
        let is_missing = |id: &ServiceId| services.get(id.index()).is_some_and(Option::is_none);
        peers
            .peers
            .retain(|peer| !matches!(peer, Peer::Service(id) if is_missing(id)));
        !peers.peers.is_empty()
    }

    fn allow(&mut self, statement: &'a Statement, at: Standpoint) -> Option<Flow> {
        let form = properties::word("allow", BlockKind::Program).map_or("", |w| w.form);
        let mut args = Args::new(&statement.args[1..], statement.span, form);
        let from = self.need_peers(&mut args, "who calls", at);
        if args.sign(Sign::Arrow).is_none() {
            if from.is_some() || !args.is_empty() {
                args.expected("`->`", &mut self.diagnostics);
            }
            return None;
        }
        let to = self.need_peers(&mut args, "who is called", at);
        let (mode, because) = self.mode(&mut args);
        let ((from, from_port), (to, port)) = (from?, to?);
        if let Some(port) = from_port {
            let span = port_span(port);
            self.report(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "the caller has no port: a flow names the port that is called",
                )
                .at(span, "a port at the caller"),
            );
            return None;
        }
        let port = self.flow_port(&to, port)?;
        Some(Flow {
            from,
            to,
            port,
            mode,
            because,
            span: statement.span,
        })
    }

    fn calls(&mut self, setting: &Setting<'a>, service: ServiceId, at: Standpoint) -> Option<Flow> {
        let mut args = setting.args();
        let to = self.need_peers(&mut args, "who is called", at);
        let (mode, because) = self.mode(&mut args);
        let (to, port) = to?;
        let port = self.flow_port(&to, port)?;
        Some(Flow {
            from: Peers {
                peers: vec![Peer::Service(service)],
                is_pattern: false,
                span: setting.statement.args[0].span(),
            },
            to,
            port,
            mode,
            because,
            span: setting.statement.span,
        })
    }

    /// `[requires|optional|observes] [because "…"]`.
    fn mode(&mut self, args: &mut Args<'a>) -> (Mode, Option<String>) {
        let mode = if args.word("optional").is_some() {
            Mode::Optional
        } else if args.word("observes").is_some() {
            Mode::Observes
        } else {
            args.word("requires");
            Mode::Requires
        };
        let because = reason(self, args, &Scope::default());
        args.finish(&mut self.diagnostics);
        (mode, because)
    }

    /// The port of a flow, as the kind of its target wants it.
    pub(super) fn flow_port(&mut self, to: &Peers, port: Option<&PathPort>) -> Option<FlowPort> {
        let wants_none = to
            .peers
            .iter()
            .all(|e| matches!(e, Peer::ClusterApi | Peer::ClusterDns));
        let wants_number = to
            .peers
            .iter()
            .all(|e| matches!(e, Peer::Internet | Peer::ClusterNodes));
        match port {
            None if wants_none => Some(FlowPort::Implied),
            Some(port) if wants_none => {
                let span = port_span(port);
                self.report(
                    Diagnostic::new(
                        &codes::WRONG_SHAPE,
                        "`cluster.api` and `cluster.dns` take no port: the cluster block says it",
                    )
                    .at(span, "a port"),
                );
                None
            }
            None => {
                self.report(
                    Diagnostic::new(&codes::MISSING_VALUE, "the port that is called is missing")
                        .at(to.span.after(), "missing here")
                        .help(if wants_number {
                            "write the number behind a colon: `internet:443`"
                        } else {
                            "write the port's name behind a colon: `kvs-database:kvs`"
                        }),
                );
                None
            }
            Some(PathPort::Name(name)) => {
                if wants_number {
                    self.report(
                        Diagnostic::new(
                            &codes::WRONG_TYPE,
                            "this peer declares no ports: write a number",
                        )
                        .at(name.span, "a name")
                        .help("for example `internet:443`"),
                    );
                    return None;
                }
                Some(FlowPort::Named(name.text.clone(), name.span))
            }
            Some(PathPort::Number(number, span)) => self.numbered(number, *span, wants_number, to),
        }
    }

    fn numbered(
        &mut self,
        number: &NumberLiteral,
        span: Span,
        wants_number: bool,
        to: &Peers,
    ) -> Option<FlowPort> {
        if !wants_number && !to.peers.iter().any(|e| matches!(e, Peer::External(_))) {
            let diagnostic = Diagnostic::new(
                &codes::WRONG_TYPE,
                format!("a flow names the port, not its number {}", number.digits),
            )
            .at(span, "a number");
            let called = match to.peers.as_slice() {
                [Peer::Service(id)] => self.parts.services.get(id.index()),
                _ => None,
            };
            let called = called.and_then(Option::as_ref);
            let diagnostic = named_instead(diagnostic, number, span, called);
            self.report(diagnostic);
            return None;
        }
        match number_as(number, &Type::Port) {
            Ok(Value::Port(port, protocol)) => Some(FlowPort::Number(port, protocol, span)),
            _ => {
                self.report(
                    Diagnostic::new(
                        &codes::OUT_OF_RANGE,
                        format!("{} is no port: 1 to 65535", number.digits),
                    )
                    .at(span, "out of range"),
                );
                None
            }
        }
    }

    /// The port of a service by its name; reports one that is not there.
    pub(super) fn port_of(&mut self, service: ServiceId, name: &Ident) -> Option<PortId> {
        // A service that is broken was reported itself.
        let found = self.parts.services.get(service.index())?.as_ref()?;
        if let Some(index) = found.port(&name.text) {
            return Some(PortId { service, index });
        }
        let names: Vec<&str> = found.ports.iter().map(|p| p.name.value.as_str()).collect();
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_PORT,
            format!("`{}` has no port `{}`", found.name.value, name.text),
        )
        .at(name.span, "no such port")
        .also(
            found.name.span(),
            format!("its ports: {}", listed(names.iter().copied(), 9)),
        );
        diagnostic =
            diagnostic.did_you_mean(&name.text, name.span, names.iter().copied(), |diagnostic| {
                diagnostic.unless_said(found.name.span(), "port")
            });
        self.report(diagnostic);
        None
    }
}

fn port_span(port: &PathPort) -> Span {
    match port {
        PathPort::Name(name) => name.span,
        PathPort::Number(_, span) => *span,
    }
}

/// Says which port of the service that is called has the number that a flow gives.
fn named_instead(
    diagnostic: Diagnostic,
    number: &NumberLiteral,
    span: Span,
    called: Option<&Service>,
) -> Diagnostic {
    let Some(called) = called else {
        return diagnostic.help("the number stands once, where the service declares the port");
    };
    let has_number = |port: &&Port| {
        let numbers = [port.number.value, port.container];
        numbers.iter().any(|own| own.to_string() == number.digits)
    };
    let mut ports = called.ports.iter().filter(has_number);
    match (ports.next(), ports.next()) {
        (Some(port), None) => {
            let name = &port.name.value;
            diagnostic
                .also(port.name.span(), "the port with this number")
                .help(format!(
                    "write `{name}`: the number stands once, where the service declares the port"
                ))
                .fix(format!("write `{name}`"), span, name.as_str())
        }
        _ => {
            let names = called.ports.iter().map(|port| port.name.value.as_str());
            diagnostic
                .also(
                    called.name.span(),
                    format!("its ports: {}", listed(names, 9)),
                )
                .help("the number stands once, where the service declares the port")
        }
    }
}
