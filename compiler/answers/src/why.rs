//! Why two peers may talk, or why not: the connections that answer the question, and what else is
//! open between the two.

use erpc_model::{Peer, Platform};
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
        if why.allowed.is_empty() && from.single() == Some(Party::Peer(Peer::Internet)) {
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
