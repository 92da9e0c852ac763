//! Health checks. A component says how often, a service says where: probes merge by probe and by
//! field, so that `health tcp on dns-tcp` keeps the timings of the component.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{Arg, Block, Ident};

use super::{Port, Probe, ProbeCheck, Probes, Reader};
use crate::eval::{Evaluator, Sink};
use crate::ids::{PortId, ServiceId};
use crate::origin::{Origin, Sourced, Via};
use crate::units::Duration;

/// What is asked, before its port is known.
#[derive(Clone)]
enum Ask {
    Http(String),
    Tcp,
    Exec(Vec<String>),
}

/// A probe under construction: what no layer sets stays open.
#[derive(Clone, Default)]
struct Draft {
    is_wanted: bool,
    ask: Option<Sourced<Ask>>,
    port: Option<Sourced<Ident>>,
    after: Option<Sourced<Duration>>,
    every: Option<Sourced<Duration>>,
    fails: Option<Sourced<u32>>,
    within: Option<Sourced<Duration>>,
    origin: Option<Origin>,
}

/// The probes of a container under construction.
#[derive(Clone, Default)]
pub(crate) struct Drafts {
    ready: Draft,
    live: Draft,
    startup: Draft,
}

impl Drafts {
    /// Reads a layer over those below it.
    pub(crate) fn read(&mut self, form_of_probe: &'static str, reader: &mut Reader<'_, '_>) {
        if let Some(block) = reader.block() {
            reader.finish();
            self.read_block(block, form_of_probe, false, reader);
            return;
        }
        if reader.peek_word("https") {
            reader.report(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "the language has no health check over HTTPS",
                )
                .at(reader.here(), "expected `http`, `tcp` or `exec`")
                .help("whether the port accepts connections: `health tcp`")
                .help("a request that a program in the container makes: `health exec \"…\"`"),
            );
            return;
        }
        let Some(ask) = Ask::read(reader) else {
            if !reader.is_empty() {
                reader.expected("`http`, `tcp` or `exec`");
            }
            return;
        };
        let mut port = None;
        if reader.word("on") {
            let Some(name) = reader.name("the port's name") else {
                return;
            };
            port = Some(reader.sourced(name.clone(), name.span));
        }
        let origin = reader.origin(reader.statement());
        self.ready.is_wanted = true;
        self.live.is_wanted = true;
        for draft in [&mut self.ready, &mut self.live, &mut self.startup] {
            draft.ask = Some(reader.sourced(ask.clone(), origin.span));
            draft.port.clone_from(&port);
            draft.origin = Some(origin);
        }
        if let Some(block) = reader.block() {
            self.read_block(block, form_of_probe, true, reader);
        }
        reader.finish();
    }

    fn read_block<'a>(
        &mut self,
        block: &'a Block,
        form: &'static str,
        has_default: bool,
        reader: &mut Reader<'_, 'a>,
    ) {
        for statement in &block.statements {
            let (head, span) = match statement.head() {
                Some((head, span)) => (head.as_str(), span),
                None => ("", statement.span),
            };
            let draft = match head {
                "ready" => &mut self.ready,
                "live" => &mut self.live,
                "startup" => &mut self.startup,
                _ => {
                    let (code, known) = (&codes::UNKNOWN_STATEMENT, ["ready", "live", "startup"]);
                    reader.report(Diagnostic::unknown(code, "probe", head, span, known));
                    continue;
                }
            };
            if let [Arg::Expr(only)] = &statement.args[1..]
                && only.as_word().is_some_and(|word| word == "off")
            {
                *draft = Draft::default();
                continue;
            }
            reader.inner(statement, form, |line| draft.read(has_default, line));
        }
    }

    /// The probes of a container whose ports are `ports`; those of a component by itself have no service.
    pub(crate) fn probes(
        self,
        service: Option<ServiceId>,
        ports: &[Port],
        sink: &mut Sink<'_>,
    ) -> Probes {
        Probes {
            ready: self.ready.probe(service, ports, sink),
            live: self.live.probe(service, ports, sink),
            startup: self.startup.probe(service, ports, sink),
        }
    }
}

impl Ask {
    /// `http "/path"`, `tcp` or `exec "…", …`, if one of them is next.
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        if reader.word("http") {
            let expr = reader.expr("the path in quotes")?;
            let path = reader.get(expr, Evaluator::text)?;
            if let Some(wrong) = wrong_path(&path, expr.span) {
                return reader.refuse(wrong);
            }
            Some(Self::Http(path))
        } else if reader.word("tcp") {
            Some(Self::Tcp)
        } else if reader.word("exec") {
            Some(Self::Exec(reader.texts_next("the command in quotes")?.0))
        } else {
            None
        }
    }
}

/// Why a text is no path of a URL.
fn wrong_path(path: &str, span: Span) -> Option<Diagnostic> {
    if !path.starts_with('/') {
        return Some(
            Diagnostic::new(
                &codes::BAD_PATH,
                format!("the path `{path}` does not start with `/`"),
            )
            .at(span, "no leading `/`")
            .fix("add the `/`", span, format!("\"/{path}\"")),
        );
    }
    let name = match path.chars().find(|c| c.is_whitespace() || c.is_control())? {
        ' ' => "a space".to_owned(),
        '\t' => "a tab".to_owned(),
        c => format!("U+{:04X}", u32::from(c)),
    };
    let message = format!("the path `{}` has {name} in it", path.escape_debug());
    Some(Diagnostic::new(&codes::BAD_PATH, message).at(span, "no path of a URL"))
}

impl Draft {
    /// Reads a line of a block.
    fn read(&mut self, has_default: bool, reader: &mut Reader<'_, '_>) -> Option<()> {
        let span = reader.statement();
        self.is_wanted = true;
        self.origin = Some(reader.origin(span));
        if let Some(ask) = Ask::read(reader) {
            self.ask = Some(reader.sourced(ask, span));
            self.port = None;
        } else if !has_default && self.ask.is_none() && !reader.peek_word("on") {
            reader.expected("`http`, `tcp` or `exec`");
            return None;
        }
        while !reader.is_empty() {
            if reader.word("on") {
                let port = reader.name("the port's name");
                self.port = port.map(|port| reader.sourced(port.clone(), port.span));
            } else if reader.word("after") {
                self.after = seconds(reader, 0).or(self.after.take());
            } else if reader.word("every") {
                self.every = seconds(reader, 1).or(self.every.take());
            } else if reader.word("within") {
                self.within = seconds(reader, 1).or(self.within.take());
            } else if reader.word("fails") {
                let expr = reader.expr("a number");
                let fails = expr.and_then(|expr| {
                    let count = reader.count_of(expr, &(1..=1000))?;
                    Some(reader.sourced(count, expr.span))
                });
                self.fails = fails.or(self.fails.take());
            } else if !reader.comma() {
                reader.finish();
            }
        }
        Some(())
    }

    fn probe(
        self,
        service: Option<ServiceId>,
        ports: &[Port],
        sink: &mut Sink<'_>,
    ) -> Option<Sourced<Probe>> {
        let origin = self.origin.filter(|_| self.is_wanted)?;
        let named = self.port.as_ref().map(|port| &port.value);
        let ask = self.ask?;
        let mut port = || probe_port(named, origin, service, ports, sink);
        let check = match ask.value {
            Ask::Exec(command) => ProbeCheck::Exec(command),
            Ask::Http(path) => ProbeCheck::Http(path, port()?),
            Ask::Tcp => ProbeCheck::Tcp(port()?),
        };
        let time = |set: Option<Sourced<Duration>>, milliseconds| {
            set.unwrap_or(Sourced::default_of_language(Duration(milliseconds)))
        };
        let probe = Probe {
            check: Sourced {
                value: check,
                origin: ask.origin,
            },
            on: self.port.as_ref().map(|port| port.origin),
            after: time(self.after, 0),
            every: time(self.every, 10_000),
            fails: self.fails.unwrap_or(Sourced::default_of_language(3)),
            within: time(self.within, 1000),
        };
        Some(Sourced {
            value: probe,
            origin,
        })
    }
}

/// A time in whole seconds, at least so many.
fn seconds(reader: &mut Reader<'_, '_>, least: u64) -> Option<Sourced<Duration>> {
    let expr = reader.expr("a time such as `5s`")?;
    let time = reader.value(expr, Evaluator::duration)?;
    let refused =
        |message: &str, label| Diagnostic::new(&codes::OUT_OF_RANGE, message).at(expr.span, label);
    if !time.value.0.is_multiple_of(1000) {
        let message = "Kubernetes counts probes in whole seconds";
        return reader.refuse(refused(message, "not whole seconds"));
    }
    if time.value.0 < least * 1000 {
        // An API server replaces 0 by its default.
        return reader.refuse(refused("this time of a probe is at least 1s", "too short"));
    }
    Some(time)
}

/// The named port; without a name the one named `http`, else the first that the service
/// itself declares.
fn probe_port(
    named: Option<&Ident>,
    origin: Origin,
    service: Option<ServiceId>,
    ports: &[Port],
    sink: &mut Sink<'_>,
) -> Option<PortId> {
    let position = |is_it: &dyn Fn(&Port) -> bool| ports.iter().position(is_it);
    let found = match named {
        Some(name) => position(&|port| port.name.value == name.text),
        None => position(&|port| port.name.value == "http")
            .or_else(|| position(&|port| port.name.origin.via == Via::Declared))
            .or(if ports.is_empty() { None } else { Some(0) }),
    };
    if let Some(index) = found.and_then(|at| u32::try_from(at).ok()) {
        return service.map(|service| PortId { service, index });
    }
    // A place in the block around the health check.
    let at = origin.span.start.saturating_sub(1);
    let owner = Span::new(origin.span.file, at, at);
    let names: Vec<&str> = ports.iter().map(|port| port.name.value.as_str()).collect();
    // It may be the port of a statement that could not be read.
    let other = |diagnostic: Diagnostic| {
        let known = listed(names.iter().copied(), 9);
        diagnostic
            .help(format!("its ports: {known}"))
            .unless_said(owner, "port")
    };
    sink.report(match named {
        Some(name) => Diagnostic::new(
            &codes::HEALTH_PORT,
            format!("the health check uses an unknown port `{}`", name.text),
        )
        .at(name.span, "no such port")
        .did_you_mean(&name.text, name.span, names.iter().copied(), other),
        None => other(
            Diagnostic::new(
                &codes::HEALTH_PORT,
                "the health check requires a port, but the service declares none",
            )
            .at(origin.span, "no port"),
        ),
    });
    None
}
