//! `erpc why`: the flow, policies and rules that allow it one end may talk to another, or which side forbids
//! it and the statement that would allow it.

mod rules;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_answers::{Asked, AskedEnd, AskedPort, Opening, Why, opening, statement};
use erpc_diagnostics::{Severity, Sources};
use erpc_model::{Peer, Platform, ServiceId};
use erpc_policy::{Connection, Connections, Derived, Party};
use erpc_prove::Direction;
use serde::Serialize;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Answer, Output, Plain};
use crate::project::{Checked, Overlay, Project};
use crate::text::push_line;
use crate::{Exit, Failure, names};
use rules::RuleOrigin;

/// Explain why a connection is allowed, or why not and which statement would allow it.
///
/// FROM and TO are a service, an external, internet, cluster.dns|api|nodes, ingress (a controller
/// outside the platform), an IP address or a CIDR block. The exit code is 0 for both answers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc why hl7-health kvs-database:kvs         the flow, policies and rules that allow it
  erpc why hl7-health ldap-directory           which side blocks it, and what would allow it
  erpc why internet erp-telemetry.grafana      whether the internet reaches a service
  erpc why 203.0.113.7 traefik-ingress:web     whether an IP address reaches a service")]
pub(crate) struct Arguments {
    /// Caller.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    from: String,
    /// Callee, optionally with a port: `orders:http`, `orders:8080`.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    to: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let project = self.input.find()?;
        let Checked {
            platform,
            derived,
            sources,
            ..
        } = project.compile().checked()?;
        let (from, to) = self.peers(&platform).map_err(Failure::Usage)?;
        let connections = Connections::of(&platform, &derived);
        let why = Why::of(&platform, &derived, &connections, &from, &to);
        let asking = Asking {
            project: &project,
            platform: &platform,
            derived: &derived,
            sources: &sources,
        };
        let answer = asking.answer(&from, &to, &connections, &why);
        self.output.write(&answer, console);
        Ok(Exit::Done)
    }

    /// The two peers that the question is about.
    fn peers(&self, platform: &Platform) -> Result<(AskedEnd, AskedEnd), String> {
        let from = AskedEnd::read(platform, &self.from)?;
        let to = AskedEnd::read(platform, &self.to)?;
        sole(&from)?;
        sole(&to)?;
        port_is_there(platform, &to)?;
        match from.port {
            None => Ok((from, to)),
            Some(_) => Err("the port belongs to the callee: `erpc why A B:PORT`".to_owned()),
        }
    }
}

/// Each side of the question is one end.
fn sole(end: &AskedEnd) -> Result<(), String> {
    match &end.what {
        Asked::Parties(parties) if parties.len() > 1 => Err(format!(
            "`{}` means {} services; `why` is about one, `erpc flows` about many",
            end.text,
            parties.len()
        )),
        Asked::Parties(_) | Asked::Addresses(_) => Ok(()),
    }
}

/// A port that is named is one of the callee.
fn port_is_there(platform: &Platform, to: &AskedEnd) -> Result<(), String> {
    let (Some(AskedPort::Named(name)), Some(Party::Peer(end))) = (&to.port, to.single()) else {
        return Ok(());
    };
    if !matches!(end, Peer::Service(_) | Peer::External(_)) {
        return Err(format!("`{}` has no named ports: say a number", to.text));
    }
    let names = platform.port_names(end);
    if names.contains(&name.as_str()) {
        return Ok(());
    }
    Err(match erpc_model::nearest(name, names.iter().copied()) {
        Some(near) => format!("`{}` has no port `{name}`; did you mean `{near}`?", to.text),
        None => format!(
            "`{}` has no port `{name}`; it has {}",
            to.text,
            erpc_model::listed(names, 12)
        ),
    })
}

#[derive(Serialize)]
struct Answered {
    from: String,
    to: String,
    port: Option<String>,
    allowed: bool,
    /// What allows it.
    through: Vec<Through>,
    /// What else is open between the two.
    also_open: Vec<Through>,
    /// Where the world may not come itself: the routes by which it comes through the ingress
    /// controller.
    routes: Vec<Through>,
    /// Where it is not allowed: the sides whose policy forbids it.
    forbidden_by: Vec<Forbidding>,
    /// The statement that would allow it, and the line of the block that it goes into. None is given
    /// where a `never` forbids what it would open.
    fix: Option<Fix>,
    /// The `never` that forbids it.
    never: Option<Never>,
    /// The `network open` for which no policy has a say in it.
    unenforced: Option<Unenforced>,
}

#[derive(Serialize)]
struct Unenforced {
    namespace: String,
    place: Option<String>,
    statement: Option<String>,
}

#[derive(Serialize)]
struct Through {
    from: String,
    to: String,
    port: String,
    place: Option<String>,
    statement: Option<String>,
    rules: Vec<RuleOrigin>,
}

#[derive(Serialize)]
struct Forbidding {
    file: String,
    direction: &'static str,
}

#[derive(Serialize)]
struct Fix {
    statement: String,
    /// The service whose block it goes into; none where it stands outside of all blocks.
    service: Option<String>,
    place: Option<String>,
    /// The same as it stands outside of all blocks.
    declaration: String,
    /// What the program lacks for it: a reason that a rule asks for, a fact of the cluster.
    needs: Vec<String>,
}

#[derive(Serialize)]
struct Never {
    place: Option<String>,
    statement: Option<String>,
}

struct Asking<'p> {
    project: &'p Project,
    platform: &'p Platform,
    derived: &'p Derived,
    sources: &'p Sources,
}

impl Asking<'_> {
    fn answer(
        &self,
        from: &AskedEnd,
        to: &AskedEnd,
        connections: &Connections,
        why: &Why<'_>,
    ) -> Answered {
        let name = |end: &AskedEnd| match end.single() {
            Some(party) => party.name(self.platform),
            None => end.text.clone(),
        };
        let is_declared = !why.allowed.is_empty();
        let parties = from.single().zip(to.single());
        let unenforced = parties.and_then(|(from, to)| self.unenforced(from, to));
        let is_allowed = is_declared || unenforced.is_some();
        let sides = [(from, Direction::Egress), (to, Direction::Ingress)];
        let forbidding = sides.into_iter().filter_map(|(end, direction)| {
            let id = end.single()?.service()?;
            if self.platform[self.platform[id].namespace].is_open() {
                return None;
            }
            Some(Forbidding {
                file: self.policy_file(id),
                direction: direction.field(),
            })
        });
        let opening = match (from.single(), to.single()) {
            (Some(from), Some(called)) if !is_declared && why.routes.is_empty() => {
                let port = to.port.as_ref();
                opening(self.platform, self.derived, from, called, port)
            }
            _ => None,
        };
        let never = opening.as_ref().and_then(|o| self.never(connections, o));
        let opening = opening.filter(|_| never.is_none());
        Answered {
            from: name(from),
            to: name(to),
            port: to.port.as_ref().map(|port| match port {
                AskedPort::Named(name) => name.to_string(),
                AskedPort::Number(port) => port.to_string(),
            }),
            allowed: is_allowed,
            through: why.allowed.iter().map(|c| self.through(c)).collect(),
            also_open: why.others.iter().map(|c| self.through(c)).collect(),
            routes: why.routes.iter().map(|c| self.through(c)).collect(),
            forbidden_by: match is_allowed {
                true => Vec::new(),
                false => forbidding.collect(),
            },
            fix: opening.map(|opening| self.fix(opening)),
            never,
            unenforced,
        }
    }

    fn unenforced(&self, from: Party, to: Party) -> Option<Unenforced> {
        let namespace = erpc_policy::unenforced(self.platform, from, to)?;
        let namespace = &self.platform[namespace];
        let span = namespace.opened()?.span();
        Some(Unenforced {
            namespace: namespace.name.value.to_string(),
            place: self.sources.place(span),
            statement: statement(self.sources, span),
        })
    }

    fn fix(&self, opening: Opening) -> Fix {
        let name = |id: ServiceId| self.platform[id].name.span();
        Fix {
            statement: opening.statement,
            service: opening.block.map(|id| self.platform.path(id)),
            place: opening.block.and_then(|id| self.sources.place(name(id))),
            needs: self.needs(&opening.declaration),
            declaration: opening.declaration,
        }
    }

    /// What would be wrong with the program if it said this too.
    fn needs(&self, declaration: &str) -> Vec<String> {
        let root = &self.project.root;
        let source = self.sources.iter().find(|(_, source)| source.path == *root);
        let text = source.map_or("", |(_, source)| &source.text);
        let mut overlay = Overlay::of(self.project);
        let text = format!("{text}\n{declaration}\n");
        overlay.texts.insert(root.clone(), text);
        let compiled = overlay.compile();
        let found = compiled.diagnostics.as_slice().iter();
        found
            .filter(|found| found.severity() == Severity::Error)
            .map(|found| match found.help.first() {
                Some(help) => format!("{} ({}); {help}", found.message, found.code.id),
                None => format!("{} ({})", found.message, found.code.id),
            })
            .collect()
    }

    /// The `never` that what would be opened breaks.
    fn never(&self, connections: &Connections, opening: &Opening) -> Option<Never> {
        let supposed = connections.and(self.platform, &opening.opens);
        let never = erpc_check::forbidding(self.platform, self.derived, &supposed)?;
        Some(Never {
            place: self.sources.place(never.span),
            statement: statement(self.sources, never.span),
        })
    }

    fn through(&self, connection: &Connection) -> Through {
        let span = connection.reason.span(self.platform);
        let sides = [
            (connection.from, connection.to, Direction::Egress),
            (connection.to, connection.from, Direction::Ingress),
        ];
        let rules = sides.into_iter().filter_map(|(own, other, direction)| {
            self.rule(own.service()?, other, connection, direction)
        });
        Through {
            from: connection.from.name(self.platform),
            to: connection.to.name(self.platform),
            port: match connection.port_name(self.platform) {
                name if name == connection.port.to_string() => name,
                name => format!("{name} ({})", connection.port),
            },
            place: self.sources.place(span),
            statement: statement(self.sources, span),
            rules: rules.collect(),
        }
    }

    fn policy_file(&self, id: ServiceId) -> String {
        let service = &self.platform[id];
        let namespace = &self.platform[service.namespace].name.value;
        format!("lib/{namespace}/{}/networkpolicy.yaml", service.name.value)
    }
}

impl Answer for Answered {
    type Format = Plain;

    fn text(&self, _: Plain) -> String {
        let mut out = String::new();
        let port = self
            .port
            .as_ref()
            .map_or(String::new(), |p| format!(":{p}"));
        let verb = if self.allowed { "may" } else { "may not" };
        push_line!(out, "{} {verb} talk to {}{port}\n", self.from, self.to);
        for through in &self.through {
            through.write(&mut out);
        }
        for side in &self.forbidden_by {
            push_line!(out, "  {}: no {} rule for it", side.file, side.direction);
        }
        if let Some(open) = &self.unenforced {
            let flow = if self.through.is_empty() {
                "no flow declares it; "
            } else {
                ""
            };
            push_line!(
                out,
                "  {flow}no policy enforces it in `{}`:",
                open.namespace
            );
            if let (Some(place), Some(statement)) = (&open.place, &open.statement) {
                push_line!(out, "    {place}: {statement}");
            }
        }
        if !self.allowed && self.forbidden_by.is_empty() {
            push_line!(
                out,
                "  neither is a service of this platform: it has no say in it"
            );
        }
        if !self.routes.is_empty() {
            out.push_str("\n  it comes through the ingress controller:\n");
            for route in &self.routes {
                route.write(&mut out);
            }
        }
        if let Some(fix) = &self.fix {
            let at = match (&fix.service, &fix.place) {
                (Some(service), Some(place)) => format!("in {service} ({place})"),
                (Some(service), None) => format!("in {service}"),
                (None, _) => "outside of all blocks".to_owned(),
            };
            let what = if self.allowed { "declare" } else { "allow" };
            push_line!(out, "\n  to {what} it, {at}:\n    {}", fix.statement);
            if !fix.needs.is_empty() {
                let needs = fix.needs.join("\n    ");
                push_line!(out, "  the program then asks for more:\n    {needs}");
            }
        }
        if let Some(never) = &self.never {
            let place = never.place.as_deref().unwrap_or_default();
            let statement = never.statement.as_deref().unwrap_or_default();
            push_line!(
                out,
                "\n  the platform says that it must not be, in {place}:\n    {statement}"
            );
        }
        if !self.also_open.is_empty() {
            out.push_str("\n  open between them:\n");
            for through in &self.also_open {
                through.write(&mut out);
            }
        }
        out
    }
}

impl Through {
    fn write(&self, out: &mut String) {
        push_line!(out, "  {} → {}:{}", self.from, self.to, self.port);
        if let (Some(place), Some(statement)) = (&self.place, &self.statement) {
            push_line!(out, "    {place}: {statement}");
        }
        for rule in &self.rules {
            push_line!(
                out,
                "    {}: {} rule {}",
                rule.file,
                rule.direction,
                rule.rule
            );
        }
    }
}
