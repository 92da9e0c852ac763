//! Health checks. A component says how often, a service says where: probes merge by probe and by
//! field, so that `health tcp on dns-tcp` keeps the timings of the component.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{Arg, Block, Ident, Sign, Statement};

use super::settings::{Setting, Settings};
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{Port, PortId, Probe, ProbeCheck, Probes, ServiceId};
use crate::properties::form_of_part;
use crate::units::Duration;

/// What is asked, before its port is known.
#[derive(Clone)]
enum Ask {
    Http(String),
    Tcp,
    Exec(Vec<String>),
}

/// A probe under construction: what no layer says stays open.
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

#[derive(Clone, Default)]
struct Drafts {
    ready: Draft,
    live: Draft,
    startup: Draft,
}

impl Drafts {
    fn each(&mut self) -> [&mut Draft; 3] {
        [&mut self.ready, &mut self.live, &mut self.startup]
    }
}

impl<'a> Resolver<'a> {
    /// The probes of a container whose ports are `ports`.
    pub(super) fn probes(
        &mut self,
        settings: &Settings<'a>,
        service: Option<ServiceId>,
        ports: &[Port],
    ) -> Probes {
        let layers: Vec<Setting<'a>> = settings.of("health").flatten().cloned().collect();
        let mut drafts = Drafts::default();
        for layer in &layers {
            self.health_layer(layer, &mut drafts);
        }
        let Drafts {
            ready,
            live,
            startup,
        } = drafts;
        if settings.is_partial {
            // The ports that they ask may be those of a component that could not be read.
            return Probes::default();
        }
        Probes {
            ready: self.probe(ready, service, ports),
            live: self.probe(live, service, ports),
            startup: self.probe(startup, service, ports),
        }
    }

    fn health_layer(&mut self, layer: &Setting<'a>, drafts: &mut Drafts) {
        let mut args = layer.args();
        let origin = layer.origin(layer.statement.span);
        if let Some(block) = args.block() {
            args.finish(&mut self.diagnostics);
            self.health_block(block, layer, drafts, false);
            return;
        }
        if args.peek_word("https") {
            self.report(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "the language has no health check over HTTPS",
                )
                .at(args.here(), "expected `http`, `tcp` or `exec`")
                .help("whether the port accepts connections: `health tcp`")
                .help("a request that a program in the container makes: `health exec \"…\"`"),
            );
            return;
        }
        let Some(ask) = self.ask(&mut args, &layer.scope) else {
            if !args.is_empty() {
                args.expected("`http`, `tcp` or `exec`", &mut self.diagnostics);
            }
            return;
        };
        let port = match args.word("on") {
            Some(_) => match args.need_name("the port's name", &mut self.diagnostics) {
                Some(port) => Some(layer.sourced(port.span, port)),
                None => return,
            },
            None => None,
        };
        drafts.ready.is_wanted = true;
        drafts.live.is_wanted = true;
        for draft in drafts.each() {
            draft.ask = Some(Sourced {
                value: ask.clone(),
                origin,
            });
            draft.port.clone_from(&port);
            draft.origin = Some(origin);
        }
        if let Some(block) = args.block() {
            self.health_block(block, layer, drafts, true);
        }
        args.finish(&mut self.diagnostics);
    }

    /// `http "/path"`, `tcp` or `exec "…", …`, where one of them is next.
    fn ask(&mut self, args: &mut Args<'a>, scope: &Scope) -> Option<Ask> {
        if args.word("http").is_some() {
            let expr = args.need_expr("the path in quotes", &mut self.diagnostics)?;
            let path = self.text(expr, scope)?;
            if !path.starts_with('/') {
                self.report(
                    Diagnostic::new(
                        &codes::BAD_PATH,
                        format!("the path `{path}` does not start with `/`"),
                    )
                    .at(expr.span, "no leading `/`")
                    .fix("add the `/`", expr.span, format!("\"/{path}\"")),
                );
                return None;
            }
            if let Some(c) = path.chars().find(|c| c.is_whitespace() || c.is_control()) {
                let name = match c {
                    ' ' => "a space".to_owned(),
                    '\t' => "a tab".to_owned(),
                    c => format!("U+{:04X}", u32::from(c)),
                };
                self.report(
                    Diagnostic::new(
                        &codes::BAD_PATH,
                        format!("the path `{}` has {name} in it", path.escape_debug()),
                    )
                    .at(expr.span, "no path of a URL"),
                );
                return None;
            }
            Some(Ask::Http(path))
        } else if args.word("tcp").is_some() {
            Some(Ask::Tcp)
        } else if args.word("exec").is_some() {
            let (command, _) = self.texts_of(args, scope, "the command in quotes")?;
            Some(Ask::Exec(command))
        } else {
            None
        }
    }

    fn health_block(
        &mut self,
        block: &'a Block,
        layer: &Setting<'a>,
        drafts: &mut Drafts,
        has_default: bool,
    ) {
        for statement in &block.statements {
            let Some((head, span)) = statement.head() else {
                self.report_unknown_probe("", statement.span);
                continue;
            };
            let draft = match head.as_str() {
                "ready" => &mut drafts.ready,
                "live" => &mut drafts.live,
                "startup" => &mut drafts.startup,
                other => {
                    self.report_unknown_probe(other, span);
                    continue;
                }
            };
            self.probe_line(statement, layer, draft, has_default);
        }
    }

    fn report_unknown_probe(&mut self, word: &str, span: Span) {
        const PROBES: [&str; 3] = ["ready", "live", "startup"];
        self.report(Diagnostic::unknown(
            &codes::UNKNOWN_STATEMENT,
            "probe",
            word,
            span,
            PROBES,
        ));
    }

    fn probe_line(
        &mut self,
        statement: &'a Statement,
        layer: &Setting<'a>,
        draft: &mut Draft,
        has_default: bool,
    ) {
        let mut args = Args::new(
            &statement.args[1..],
            statement.span,
            form_of_part("health", 0),
        );
        if let [Arg::Expr(only)] = &statement.args[1..]
            && only.as_word().is_some_and(|w| w == "off")
        {
            *draft = Draft::default();
            return;
        }
        draft.is_wanted = true;
        draft.origin = Some(layer.origin(statement.span));
        if let Some(ask) = self.ask(&mut args, &layer.scope) {
            draft.ask = Some(layer.sourced(statement.span, ask));
            draft.port = None;
        } else if !has_default && draft.ask.is_none() && !args.peek_word("on") {
            args.expected("`http`, `tcp` or `exec`", &mut self.diagnostics);
            return;
        }
        while !args.is_empty() {
            if args.word("on").is_some() {
                let port = args.need_name("the port's name", &mut self.diagnostics);
                draft.port = port.map(|port| layer.sourced(port.span, port));
            } else if args.word("after").is_some() {
                draft.after = self.time(&mut args, layer).or(draft.after.take());
            } else if args.word("every").is_some() {
                draft.every = self.time(&mut args, layer).or(draft.every.take());
            } else if args.word("within").is_some() {
                draft.within = self.time(&mut args, layer).or(draft.within.take());
            } else if args.word("fails").is_some() {
                let expr = args.need_expr("a number", &mut self.diagnostics);
                let fails = expr.and_then(|expr| {
                    let number = self.int_within(expr, &layer.scope, 1, 1000)?;
                    Some(layer.sourced(expr.span, number))
                });
                draft.fails = fails.or(draft.fails.take());
            } else if args.sign(Sign::Comma).is_none() {
                args.finish(&mut self.diagnostics);
            }
        }
    }

    fn time(&mut self, args: &mut Args<'a>, layer: &Setting<'a>) -> Option<Sourced<Duration>> {
        let expr = args.need_expr("a time such as `5s`", &mut self.diagnostics)?;
        let time = self.duration(expr, &layer.scope)?;
        if time.0.is_multiple_of(1000) {
            return Some(layer.sourced(expr.span, time));
        }
        self.report(
            Diagnostic::new(
                &codes::OUT_OF_RANGE,
                "Kubernetes counts probes in whole seconds",
            )
            .at(expr.span, "not whole seconds"),
        );
        None
    }

    fn probe(
        &mut self,
        draft: Draft,
        service: Option<ServiceId>,
        ports: &[Port],
    ) -> Option<Sourced<Probe>> {
        let origin = draft.origin.filter(|_| draft.is_wanted)?;
        let named = draft.port.as_ref().map(|port| &port.value);
        let ask = draft.ask?;
        let check = match ask.value {
            Ask::Exec(command) => ProbeCheck::Exec(command),
            Ask::Http(path) => {
                ProbeCheck::Http(path, self.probe_port(named, origin, service, ports)?)
            }
            Ask::Tcp => ProbeCheck::Tcp(self.probe_port(named, origin, service, ports)?),
        };
        let time = |said: Option<Sourced<Duration>>, milliseconds| {
            said.unwrap_or(Sourced::default_of_language(Duration(milliseconds)))
        };
        Some(Sourced {
            value: Probe {
                check: Sourced {
                    value: check,
                    origin: ask.origin,
                },
                on: draft.port.as_ref().map(|port| port.origin),
                after: time(draft.after, 0),
                every: time(draft.every, 10_000),
                fails: draft.fails.unwrap_or(Sourced::default_of_language(3)),
                within: time(draft.within, 1000),
            },
            origin,
        })
    }

    /// The named port; without a name the one named `http`, else the first that the service
    /// itself declares.
    fn probe_port(
        &mut self,
        named: Option<&Ident>,
        origin: Origin,
        service: Option<ServiceId>,
        ports: &[Port],
    ) -> Option<PortId> {
        let found = match named {
            Some(name) => ports.iter().position(|p| p.name.value == name.text),
            None => ports
                .iter()
                .position(|p| p.name.value == "http")
                .or_else(|| {
                    ports
                        .iter()
                        .position(|p| p.name.origin.via == Via::Declared)
                })
                .or(if ports.is_empty() { None } else { Some(0) }),
        };
        if let Some(index) = found.and_then(|at| u32::try_from(at).ok()) {
            return service.map(|service| PortId { service, index });
        }
        let names: Vec<&str> = ports.iter().map(|p| p.name.value.as_str()).collect();
        // A place in the block around the health check.
        let at = origin.span.start.saturating_sub(1);
        let owner = erpc_diagnostics::Span::new(origin.span.file, at, at);
        let mut diagnostic = match named {
            Some(name) => Diagnostic::new(
                &codes::HEALTH_PORT,
                format!(
                    "the health check asks the port `{}`, which the service does not have",
                    name.text
                ),
            )
            .at(name.span, "no such port"),
            None => Diagnostic::new(
                &codes::HEALTH_PORT,
                "the health check has no port to ask: the service declares none",
            )
            .at(origin.span, "no port"),
        };
        if let Some(near) =
            named.and_then(|n| nearest(&n.text, names.iter().copied()).map(|near| (n, near)))
        {
            diagnostic = diagnostic.help(format!("did you mean `{}`?", near.1)).fix(
                format!("write `{}`", near.1),
                near.0.span,
                near.1,
            );
        } else {
            // It may be the port of a statement that could not be read.
            diagnostic = diagnostic
                .help(format!("its ports: {}", listed(names.iter().copied(), 9)))
                .unless_said(owner, "port");
        }
        self.report(diagnostic);
        None
    }
}
