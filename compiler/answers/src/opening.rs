//! The statement that would open what a question asks for, as it can be written: of the kind that the
//! two peers need, with a mode under which the platform still starts and tiers still hold.

use erpc_diagnostics::Span;
use erpc_model::units::Protocol;
use erpc_model::{ExternalPort, Peer, Platform, Port, PortId, ProbeCheck, ServiceId};
use erpc_policy::{
    Connection, Derived, Party, PolicyPort, Reason, dns_ports, needs_names, predecessors,
};

use crate::AskedPort;

/// The statement that would open a connection, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The statement, as the block of a service says it; that of the program where no service does.
    pub statement: String,
    /// The service whose block it goes into; `None` where it stands outside of all blocks.
    pub block: Option<ServiceId>,
    /// The same as it stands outside of all blocks.
    pub declaration: String,
    /// What would be open then and is not: by it a `never` can be held against the statement.
    pub opens: Vec<Connection>,
}

/// What to write so that one party may reach another on a port of it; `None` where no statement of
/// the language opens it, or where the port is not known that is to be opened.
#[must_use]
pub fn opening(
    platform: &Platform,
    derived: &Derived,
    from: Party,
    to: Party,
    port: Option<&AskedPort>,
) -> Option<Opening> {
    let asking = Asking {
        platform,
        derived,
        port,
    };
    match (from, to) {
        (Party::Peer(Peer::Internet), Party::Peer(Peer::Service(called))) => {
            asking.exposure(called)
        }
        (Party::Peer(Peer::Service(caller)), Party::Peer(called)) => asking.call(caller, called),
        (Party::Peer(caller), Party::Peer(Peer::Service(called))) => asking.called(caller, called),
        _ => None,
    }
}

struct Asking<'a> {
    platform: &'a Platform,
    derived: &'a Derived,
    port: Option<&'a AskedPort>,
}

impl Asking<'_> {
    /// A service calls.
    fn call(&self, caller: ServiceId, called: Peer) -> Option<Opening> {
        let (port, ports) = self.port_of(called)?;
        let mode = match called {
            Peer::Service(called) if self.is_higher(caller, called) => " observes",
            Peer::Service(called) if self.waits(called, caller) => " optional",
            _ => "",
        };
        let target = format!("{}{port}{mode}", self.platform.peer_name(called));
        let from = Peer::Service(caller);
        let mut opens = self.connections(from, called, &ports);
        if needs_names(self.platform, called) {
            opens.extend(self.connections(from, Peer::ClusterDns, &dns_ports(self.platform)));
        }
        Some(Opening {
            statement: format!("calls {target}"),
            block: Some(caller),
            declaration: format!("allow {} -> {target}", self.platform.path(caller)),
            opens,
        })
    }

    /// A client outside of the platform calls a service.
    fn called(&self, caller: Peer, called: ServiceId) -> Option<Opening> {
        let (port, ports) = self.port_of(Peer::Service(called))?;
        let statement = format!(
            "allow {} -> {}{port}",
            self.platform.peer_name(caller),
            self.platform.path(called)
        );
        Some(Opening {
            declaration: statement.clone(),
            statement,
            block: None,
            opens: self.connections(caller, Peer::Service(called), &ports),
        })
    }

    /// The world calls a service: by a route where there is a controller and the port speaks HTTP, else
    /// by an address of its own.
    fn exposure(&self, called: ServiceId) -> Option<Opening> {
        let platform = self.platform;
        let port = found(&platform[called].ports, self.port)?;
        let index = platform[called].port(&port.name.value)?;
        let id = PortId {
            service: called,
            index,
        };
        let name = &port.name.value;
        let to = Party::Peer(Peer::Service(called));
        let connection = |from: Party, to: Party, port: PolicyPort| Connection {
            from,
            to,
            port,
            reason: match from {
                Party::Peer(Peer::Internet) => Reason::Exposure(None, Span::NONE),
                _ => Reason::Route(Span::NONE),
            },
        };
        let own = PolicyPort::of(port);
        let controller = Party::controller(platform);
        let (how, opens) = match controller {
            Some(controller) if controller != to && self.speaks_http(id) => {
                let world = Party::Peer(Peer::Internet);
                let mut opens = vec![connection(controller, to, own)];
                if controller == Party::Controller {
                    let tcp = |port| PolicyPort::single(Protocol::Tcp, port);
                    opens.extend([80, 443].map(|port| connection(world, controller, tcp(port))));
                }
                (format!("at \"{}\"", self.free_host(called)), opens)
            }
            _ => {
                let world = Party::Peer(Peer::Internet);
                let opens = vec![connection(world, to, own)];
                ("as loadbalancer".to_owned(), opens)
            }
        };
        Some(Opening {
            statement: format!("expose {name} {how}"),
            block: Some(called),
            declaration: format!("expose {}:{name} {how}", platform.path(called)),
            opens,
        })
    }

    fn connections(&self, from: Peer, to: Peer, ports: &[PolicyPort]) -> Vec<Connection> {
        ports
            .iter()
            .map(|port| Connection {
                from: Party::Peer(from),
                to: Party::Peer(to),
                port: *port,
                // Which statement it is nobody has written yet.
                reason: Reason::Dns(None),
            })
            .collect()
    }

    /// The port as a flow says it, and on the wire.
    fn port_of(&self, called: Peer) -> Option<(String, Vec<PolicyPort>)> {
        let platform = self.platform;
        Some(match called {
            Peer::Service(id) => {
                let port = found(&platform[id].ports, self.port)?;
                (format!(":{}", port.name()), vec![PolicyPort::of(port)])
            }
            Peer::External(id) => {
                let port = found(&platform[id].ports, self.port)?;
                let wire = PolicyPort::of_external(port);
                (format!(":{}", port.name()), vec![wire])
            }
            Peer::Internet | Peer::ClusterNodes => match self.port? {
                AskedPort::Number(port) if port.protocol == Protocol::Tcp => {
                    (format!(":{}", port.port), vec![*port])
                }
                AskedPort::Number(port) => (
                    format!(":{}/{}", port.port, port.protocol.as_suffix()),
                    vec![*port],
                ),
                AskedPort::Named(_) => return None,
            },
            Peer::ClusterDns => (String::new(), dns_ports(platform)),
            Peer::ClusterApi => {
                let api = platform.cluster().api.iter();
                let ports = api.map(|api| PolicyPort::single(Protocol::Tcp, api.value.port));
                (String::new(), ports.collect())
            }
        })
    }

    /// Whether a port is asked by HTTP for the service's health, or is called so.
    fn speaks_http(&self, id: PortId) -> bool {
        let (service, port) = (&self.platform[id.service], &self.platform[id]);
        let is_one = port.last == port.number.value && port.protocol == Protocol::Tcp;
        let probes = &service.main.probes;
        let asked = [&probes.ready, &probes.live, &probes.startup];
        let is_asked = asked
            .into_iter()
            .flatten()
            .any(|probe| matches!(&probe.value.check.value, ProbeCheck::Http(_, of) if *of == id));
        let name = port.name.value.as_str();
        is_one && (is_asked || name.starts_with("http") || matches!(name, "web" | "www" | "ui"))
    }

    /// A host below the platform's domain that no route has yet.
    fn free_host(&self, called: ServiceId) -> String {
        let platform = self.platform;
        let domain = platform.domain.as_ref();
        let domain = domain.map_or("example.org", |domain| domain.value.as_str());
        let service = &platform[called];
        let name = service.name.value.as_str();
        let is_free = |host: &String| {
            let mut routes = platform.routes.iter();
            !routes.any(|route| route.host.value == *host)
        };
        let namespace = &platform[service.namespace].name.value;
        let first = format!("{name}.{domain}");
        let others = (1u32..).map(|number| match number {
            1 => format!("{name}.{namespace}.{domain}"),
            _ => format!("{name}.{number}.{namespace}.{domain}"),
        });
        // There are more numbers than routes.
        std::iter::once(first.clone())
            .chain(others)
            .find(is_free)
            .unwrap_or(first)
    }

    /// Whether a dependency would not point to the same or a lower tier: then only `observes` is allowed.
    fn is_higher(&self, caller: ServiceId, called: ServiceId) -> bool {
        let platform = self.platform;
        let tier = |id: ServiceId| platform.tier_of(&platform[id]).value;
        let (own, other) = (tier(caller), tier(called));
        own != other && !platform.tiers[own.index()].below.contains(&other)
    }

    /// Whether a service starts only after another: then that one can do no more than use it.
    fn waits(&self, service: ServiceId, other: ServiceId) -> bool {
        if service == other {
            return false;
        }
        let before = predecessors(self.platform, &self.derived.edges);
        let mut seen = vec![false; before.len()];
        let mut open = vec![service.index()];
        while let Some(at) = open.pop() {
            if at == other.index() {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(&before[at]);
            }
        }
        false
    }
}

/// The requested port, else the first.
fn found<'p, P: Named>(ports: &'p [P], asked: Option<&AskedPort>) -> Option<&'p P> {
    match asked {
        None => ports.first(),
        Some(AskedPort::Named(name)) => ports.iter().find(|port| port.name() == name.as_str()),
        Some(AskedPort::Number(asked)) => ports.iter().find(|port| port.has(asked)),
    }
}

/// A port with a name, of a service or an external.
trait Named {
    fn name(&self) -> &str;
    fn has(&self, asked: &PolicyPort) -> bool;
}

impl Named for Port {
    fn name(&self) -> &str {
        &self.name.value
    }

    /// By the pod's number or by the Service's.
    fn has(&self, asked: &PolicyPort) -> bool {
        let own = PolicyPort::of(self);
        let of_service = PolicyPort::single(self.protocol, self.number.value);
        own.holds(asked) || of_service == *asked
    }
}

impl Named for ExternalPort {
    fn name(&self) -> &str {
        &self.name.value
    }

    fn has(&self, asked: &PolicyPort) -> bool {
        PolicyPort::of_external(self).holds(asked)
    }
}
