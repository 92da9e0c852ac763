//! Flows: `calls` in a service, `allow` beside services; and the assertions `never` and `always` about them.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{NumberLiteral, PathPort, Sign};

use super::{DeclaredPort, FlowPort, Layers, Lookup, Peers, Reader, Statement, Statements};
use crate::choice::choices;
use crate::ids::{Peer, ServiceId};
use crate::value::{Type, Value, number_as};
use crate::word::{BlockKind, Merge, Word};

choices! {
    /// What a flow means beside the network.
    Mode {
        /// The client cannot work without it: orders deployment, counts in SLOs, tier rule, no cycle.
        Requires = "requires",
        /// The client works without it: tier rule only.
        Optional = "optional",
        /// Monitoring or callbacks: network only.
        Observes = "observes",
    }
}

/// `allow FROM -> TO:PORT [mode] [because "…"]`, or `calls TO:PORT` of a service.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The callers.
    pub from: Peers,
    /// The callees.
    pub to: Peers,
    /// The port.
    pub port: FlowPort,
    /// The mode [default: `requires`].
    pub mode: Mode,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub span: Span,
}

/// `never FROM => TO[:PORT]`, `never FROM -> TO[:PORT]`, `always FROM -> TO[:PORT]`.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Whether it is `always`.
    pub always: bool,
    /// Whether it is `=>`: through other services too.
    pub transitive: bool,
    /// From.
    pub from: Peers,
    /// To.
    pub to: Peers,
    /// The port, any where `None`.
    pub port: Option<FlowPort>,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub span: Span,
}

/// The parts of a flow.
const PARTS: &[(&str, &str)] = &[
    (
        "NAMESPACE.SERVICE:PORT",
        "The callee and the name of its port; in the same namespace, or if no other service has its name, without the namespace. `cluster.api` and `cluster.dns` take no port, `internet` and `cluster.nodes` a number.",
    ),
    (
        "{A, B} | NAMESPACE.* | *.* | tier(NAME).*",
        "Several peers. A wildcard means the services that have the port, and never the caller itself.",
    ),
    ("PEERS except PEERS", "The first without the second."),
    (
        "optional",
        "The caller works without the callee: it may start before it, and keeps its promises without it.",
    ),
    (
        "observes",
        "Monitoring or a callback: the callee may be in a higher tier.",
    ),
];

/// A statement of flows or assertions.
const fn statement<O>(word: Word, read: fn(&mut O, &mut Reader<'_, '_>)) -> Statement<O> {
    Statement {
        word,
        members: &[],
        read: Some(read),
        of: Layers::All,
        facts: |_, _| Vec::new(),
        origin: |_| None,
    }
}

impl Statements for Vec<Flow> {
    const ALL: &'static [Statement<Self>] = &[
        statement(
            Word {
                name: "allow",
                form: "allow FROM -> TO:PORT [optional|observes] [because \"…\"]",
                doc: "A permitted flow.",
                parts: PARTS,
                merge: Merge::Append,
                places: &[BlockKind::Program, BlockKind::Namespace],
            },
            |flows, reader| flows.extend(Flow::read(reader)),
        ),
        statement(
            Word {
                name: "calls",
                form: "calls TO:PORT [optional|observes] [because \"…\"]",
                doc: "A permitted flow, declared at its caller.",
                parts: PARTS,
                merge: Merge::Append,
                places: &[BlockKind::Service, BlockKind::Job],
            },
            |flows, reader| flows.extend(Flow::read(reader)),
        ),
    ];
}

impl Statements for Vec<Assertion> {
    const ALL: &'static [Statement<Self>] = &[
        statement(
            Word {
                name: "never",
                form: "never FROM ->|=> TO[:PORT] [because \"…\"]",
                doc: "Asserts that no flow, with `=>` no path, leads there.",
                parts: &[],
                merge: Merge::Append,
                places: &[BlockKind::Program],
            },
            |assertions, reader| assertions.extend(Assertion::read(reader, false)),
        ),
        statement(
            Word {
                name: "always",
                form: "always FROM -> TO[:PORT] [because \"…\"]",
                doc: "Asserts that a flow is allowed.",
                parts: &[],
                merge: Merge::Append,
                places: &[BlockKind::Program],
            },
            |assertions, reader| assertions.extend(Assertion::read(reader, true)),
        ),
    ];
}

/// Peers with the port behind them.
type Ported<'a> = (Peers, Option<&'a PathPort>);

impl Peers {
    /// A peer or several, with what is excepted behind them.
    fn read<'a>(what: &str, reader: &mut Reader<'_, 'a>) -> Option<Ported<'a>> {
        let expr = reader.expr(what)?;
        let found = reader.refer(|names, at| names.peers(expr, at));
        let mut port_behind = None;
        let mut without = Some(Vec::new());
        while reader.word("except") {
            let expr = reader.expr("what is excepted")?;
            match (
                reader.refer(|names, at| names.peers(expr, at)),
                &mut without,
            ) {
                (Some((peers, port)), Some(without)) => {
                    without.extend(peers.peers);
                    port_behind = port.or(port_behind);
                }
                _ => without = None,
            }
        }
        let (mut peers, port) = found?;
        let without = without?;
        peers.peers.retain(|peer| !without.contains(peer));
        if peers.peers.is_empty() {
            return reader.refuse(
                Diagnostic::new(&codes::EMPTY_WILDCARD, "`except` leaves no peer")
                    .at(peers.span, "matches nothing"),
            );
        }
        Some((peers, port.or(port_behind)))
    }

    fn of_service(service: ServiceId, span: Span) -> Self {
        Self {
            peers: vec![Peer::Service(service)],
            is_pattern: false,
            span,
        }
    }
}

impl Flow {
    /// `FROM -> TO:PORT …`, or `TO:PORT …` in a service.
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let from = match reader.at().service {
            Some(service) => Some((Peers::of_service(service, reader.head("calls")), None)),
            None => {
                let from = Peers::read("who calls", reader);
                if !reader.sign(Sign::Arrow) {
                    if from.is_some() || !reader.is_empty() {
                        reader.expected("`->`");
                    }
                    return None;
                }
                from
            }
        };
        let to = Peers::read("who is called", reader);
        let mode = if reader.word("optional") {
            Mode::Optional
        } else if reader.word("observes") {
            Mode::Observes
        } else {
            reader.word("requires");
            Mode::Requires
        };
        let because = reader.because();
        reader.finish();
        let ((from, from_port), (to, port)) = (from?, to?);
        if let Some(port) = from_port {
            return reader.refuse(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "the caller has no port: a flow names the port that is called",
                )
                .at(port_span(port), "a port at the caller"),
            );
        }
        let port = reader.refer(|names, _| FlowPort::read(&to, port, names))?;
        Some(Self {
            from,
            to,
            port,
            mode,
            because,
            span: reader.statement(),
        })
    }
}

impl Assertion {
    /// `FROM -> TO[:PORT]`, `FROM => TO[:PORT]`.
    fn read(reader: &mut Reader<'_, '_>, always: bool) -> Option<Self> {
        let from = Peers::read("who calls", reader);
        let transitive = reader.sign(Sign::Implies);
        if !transitive && !reader.sign(Sign::Arrow) {
            if from.is_some() || !reader.is_empty() {
                reader.expected("`->` or `=>`");
            }
            return None;
        }
        let to = Peers::read("who is called", reader);
        let because = reader.because();
        reader.finish();
        let ((from, _), (to, port)) = (from?, to?);
        let port = match port {
            Some(port) => Some(reader.refer(|names, _| FlowPort::read(&to, Some(port), names))?),
            None => None,
        };
        Some(Self {
            always,
            transitive,
            from,
            to,
            port,
            because,
            span: reader.statement(),
        })
    }
}

impl FlowPort {
    /// The port of a flow, as the kind of its target wants it.
    pub(crate) fn read(
        to: &Peers,
        port: Option<&PathPort>,
        names: &mut dyn Lookup<'_>,
    ) -> Option<Self> {
        let wants_none = to
            .peers
            .iter()
            .all(|e| matches!(e, Peer::ClusterApi | Peer::ClusterDns));
        let wants_number = to
            .peers
            .iter()
            .all(|e| matches!(e, Peer::Internet | Peer::ClusterNodes));
        match port {
            None if wants_none => Some(Self::Implied),
            Some(port) if wants_none => {
                let span = port_span(port);
                names.report(
                    Diagnostic::new(
                        &codes::WRONG_SHAPE,
                        "`cluster.api` and `cluster.dns` take no port: the cluster block says it",
                    )
                    .at(span, "a port"),
                );
                None
            }
            None => {
                names.report(
                    Diagnostic::new(&codes::MISSING_VALUE, "missing port of the callee")
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
                    names.report(
                        Diagnostic::new(
                            &codes::WRONG_TYPE,
                            "this peer declares no ports: write a number",
                        )
                        .at(name.span, "a name")
                        .help("for example `internet:443`"),
                    );
                    return None;
                }
                Some(Self::Named(name.text.clone(), name.span))
            }
            Some(PathPort::Number(number, span)) => {
                Self::read_number(number, *span, wants_number, to, names)
            }
        }
    }

    fn read_number(
        number: &NumberLiteral,
        span: Span,
        wants_number: bool,
        to: &Peers,
        names: &mut dyn Lookup<'_>,
    ) -> Option<Self> {
        if !wants_number && !to.peers.iter().any(|e| matches!(e, Peer::External(_))) {
            let diagnostic = Diagnostic::new(
                &codes::WRONG_TYPE,
                format!("expected a port name, found the number {}", number.digits),
            )
            .at(span, "a number");
            let called = match to.peers.as_slice() {
                [Peer::Service(id)] => names.ports(*id),
                _ => None,
            };
            let diagnostic = named_instead(diagnostic, number, span, called);
            names.report(diagnostic);
            return None;
        }
        match number_as(number, &Type::Port) {
            Ok(Value::Port(port, protocol)) => Some(Self::Number(port, protocol, span)),
            _ => {
                names.report(
                    Diagnostic::new(
                        &codes::OUT_OF_RANGE,
                        format!(
                            "invalid port {}: must be between 1 and 65535",
                            number.digits
                        ),
                    )
                    .at(span, "out of range"),
                );
                None
            }
        }
    }
}

pub(crate) fn port_span(port: &PathPort) -> Span {
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
    called: Option<(Span, Vec<DeclaredPort<'_>>)>,
) -> Diagnostic {
    let Some((called, ports)) = called else {
        return diagnostic.help("the number stands once, where the service declares the port");
    };
    let has_number = |port: &&DeclaredPort<'_>| {
        let numbers = [port.number, port.container];
        numbers.iter().any(|own| own.to_string() == number.digits)
    };
    let mut found = ports.iter().filter(has_number);
    match (found.next(), found.next()) {
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
            let names = ports.iter().map(|port| port.name.value.as_str());
            diagnostic
                .also(called, format!("its ports: {}", listed(names, 9)))
                .help("the number stands once, where the service declares the port")
        }
    }
}
