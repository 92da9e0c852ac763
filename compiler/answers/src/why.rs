//! Why two ends may talk, or why not: the connections that answer the question, what else is open
//! between the two, and the statement that would open what is asked for.

use erpc_diagnostics::Span;
use erpc_model::{End, FlowPort, Platform, Port};
use erpc_policy::{Addresses, Connection, Connections, Derived, Party, Reason};

use crate::{Asked, AskedEnd, AskedPort};

/// The answer to a question about one caller and one called.
#[derive(Clone, Debug)]
pub struct Why<'c> {
    /// The connections that let the one reach the other as asked; none where it may not.
    pub allowed: Vec<&'c Connection>,
    /// What else is open between the two.
    pub others: Vec<&'c Connection>,
    /// Where the world is the caller and may not come itself: the routes by which it comes through
    /// the ingress controller.
    pub routes: Vec<&'c Connection>,
}

impl<'c> Why<'c> {
    /// Looks at every connection once.
    #[must_use]
    pub fn of(
        platform: &Platform,
        derived: &Derived,
        connections: &'c Connections,
        from: &AskedEnd,
        to: &AskedEnd,
    ) -> Self {
        let callers = Side::of(platform, from);
        let called = Side::of(platform, to);
        let between = connections.as_slice().iter().filter(|connection| {
            let sources = || connection.sources(platform, derived);
            callers.means(connection.from, sources)
                && called.means(connection.to, || connection.to.addresses(platform))
        });
        let is_asked = |connection: &Connection| match &to.port {
            None => true,
            Some(AskedPort::Named(name)) => connection.port_name(platform) == name.as_str(),
            Some(AskedPort::Number(port)) => connection.port.holds(port),
        };
        let (allowed, others) = between.partition(|connection| is_asked(connection));
        let mut why = Self {
            allowed,
            others,
            routes: Vec::new(),
        };
        if why.allowed.is_empty() && from.single() == Some(Party::End(End::Internet)) {
            let routes = connections.as_slice().iter();
            why.routes = routes
                .filter(|c| matches!(c.reason, Reason::Route(_)) && is_asked(c))
                .filter(|c| called.means(c.to, || None))
                .collect();
        }
        why
    }
}

/// One side of a question.
struct Side<'a> {
    asked: &'a AskedEnd,
    addresses: Option<Addresses>,
}

impl<'a> Side<'a> {
    fn of(platform: &Platform, asked: &'a AskedEnd) -> Self {
        Self {
            asked,
            addresses: asked.addresses(platform),
        }
    }

    /// Whether a party is meant, or has all addresses that are meant.
    fn means(&self, party: Party, addresses: impl Fn() -> Option<Addresses>) -> bool {
        let is_named = match &self.asked.what {
            Asked::Parties(parties) => parties.contains(&party),
            Asked::Addresses(_) => false,
        };
        is_named
            || self
                .addresses
                .as_ref()
                .is_some_and(|meant| addresses().is_some_and(|all| all.holds(meant)))
    }
}

/// The statement that would open a connection, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The statement.
    pub statement: String,
    /// The service whose block it goes into.
    pub block: erpc_model::ServiceId,
    /// The `never` that it would break.
    pub forbidden: Option<Span>,
}

/// The first `never` that a connection between two ends on a port of this name would break.
fn forbidden(platform: &Platform, from: End, to: End, port: Option<&str>) -> Option<Span> {
    let mut nevers = platform
        .assertions
        .iter()
        .filter(|assertion| !assertion.always);
    let is_meant = |said: &Option<FlowPort>| match (said, port) {
        (Some(FlowPort::Named(name, _)), Some(port)) => name == port,
        (Some(FlowPort::Named(..)), None) => false,
        (Some(FlowPort::Number(..)), _) => false,
        (Some(FlowPort::Implied) | None, _) => true,
    };
    let broken = nevers.find(|never| {
        never.from.ends.contains(&from) && never.to.ends.contains(&to) && is_meant(&never.port)
    });
    broken.map(|never| never.span)
}

/// What to write so that one party may reach another on a port of it; `None` where no statement of
/// the language opens it.
#[must_use]
pub fn opening(
    platform: &Platform,
    from: Party,
    to: Party,
    port: Option<&AskedPort>,
) -> Option<Opening> {
    match (from, to) {
        (Party::End(End::Service(caller)), Party::End(called)) => {
            let name = match called {
                End::Service(id) => Some(port_of(&platform[id].ports, port)?),
                End::External(id) => Some(port_of(&platform[id].ports, port)?),
                _ => None,
            };
            let forbidden = forbidden(platform, End::Service(caller), called, name.as_deref());
            let port = match called {
                End::Service(_) | End::External(_) => format!(":{}", name.unwrap_or_default()),
                End::Internet | End::ClusterNodes => match port? {
                    AskedPort::Number(port) => format!(":{}", port.port),
                    AskedPort::Named(_) => return None,
                },
                End::ClusterDns | End::ClusterApi => String::new(),
            };
            let is_upwards = called_is_higher(platform, caller, called);
            Some(Opening {
                statement: format!(
                    "calls {}{port}{}",
                    platform.end_name(called),
                    if is_upwards { " observes" } else { "" }
                ),
                block: caller,
                forbidden,
            })
        }
        (Party::End(End::Internet), Party::End(End::Service(called))) => {
            let port = port_of(&platform[called].ports, port)?;
            let host = platform.domain.as_ref().map_or("HOST", |d| &d.value);
            Some(Opening {
                statement: format!("expose {port} at \"{host}/…\""),
                block: called,
                forbidden: forbidden(platform, End::Internet, End::Service(called), Some(&port)),
            })
        }
        _ => None,
    }
}

/// The name of the port that is asked for, else of the first.
fn port_of<P: Named>(ports: &[P], asked: Option<&AskedPort>) -> Option<String> {
    let found = match asked {
        None => ports.first(),
        Some(AskedPort::Named(name)) => ports.iter().find(|port| port.name() == name.as_str()),
        Some(AskedPort::Number(number)) => ports
            .iter()
            .find(|port| port.numbers().contains(&number.port)),
    };
    found.map(|port| port.name().to_owned())
}

/// A port with a name, of a service or an external.
trait Named {
    fn name(&self) -> &str;
    fn numbers(&self) -> [u16; 2];
}

impl Named for Port {
    fn name(&self) -> &str {
        &self.name.value
    }

    fn numbers(&self) -> [u16; 2] {
        [self.number.value, self.container]
    }
}

impl Named for erpc_model::ExternalPort {
    fn name(&self) -> &str {
        &self.name.value
    }

    fn numbers(&self) -> [u16; 2] {
        [self.number, self.last]
    }
}

/// Whether a dependency would point upwards: then only `observes` is allowed.
fn called_is_higher(platform: &Platform, caller: erpc_model::ServiceId, called: End) -> bool {
    let End::Service(called) = called else {
        return false;
    };
    let tier = |id: erpc_model::ServiceId| platform[platform[id].namespace].tier.value;
    let (own, other) = (tier(caller), tier(called));
    own != other && !platform.tiers[own.index()].below.contains(&other)
}
