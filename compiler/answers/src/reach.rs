//! Which peers a service reaches, and which reach it, directly and through others: a shortest path for each,
//! and the sizes of all blast radiuses at once.

use std::collections::VecDeque;

use erpc_model::units::Protocol;
use erpc_model::{Peer, Platform};
use erpc_policy::{
    Addresses, Connection, Connections, Derived, Overlaps, Party, PolicyPort, Search,
};
use petgraph::Graph;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{Asked, AskedEnd};

/// The connections of a shortest path, first hop first.
pub type ConnectionPath<'c> = Vec<&'c Connection>;

/// The peer at the other side of a path.
#[derive(Clone, Debug)]
pub struct Reached<'c> {
    /// Who.
    pub party: Party,
    /// How.
    pub path: ConnectionPath<'c>,
}

/// Whom these callers reach, nearest first.
#[must_use]
pub fn from<'c>(
    platform: &Platform,
    derived: &Derived,
    connections: &'c Connections,
    asked: &AskedEnd,
) -> Vec<Reached<'c>> {
    let mut known: FxHashSet<Party> = FxHashSet::default();
    let mut first = Vec::new();
    if let Asked::Parties(parties) = &asked.what {
        known.extend(parties);
    }
    match (&asked.what, asked.addresses(platform)) {
        (Asked::Parties(parties), None) => {
            for party in parties {
                first.extend(connections.from(*party).iter().map(|c| (*party, c)));
            }
        }
        (_, Some(addresses)) => {
            first.extend(
                connections
                    .as_slice()
                    .iter()
                    .filter(|c| comes_from(platform, derived, c, &addresses))
                    .map(|c| (c.from, c)),
            );
        }
        (Asked::Addresses(_), None) => {}
    }
    // One origin for all: what one of them reaches, they reach.
    let origin = asked.single().unwrap_or(Party::Controller);
    let first = first.into_iter().map(|(_, c)| (origin, c)).collect();
    let search = Search::run(connections, first);
    let mut reached = Vec::new();
    for (at, arrival) in search.arrivals().iter().enumerate() {
        if known.insert(arrival.connection.to) {
            reached.push(Reached {
                party: arrival.connection.to,
                path: search.path(at),
            });
        }
    }
    reached
}

fn comes_from(
    platform: &Platform,
    derived: &Derived,
    connection: &Connection,
    addresses: &Addresses,
) -> bool {
    let sources = connection.sources(platform, derived);
    sources.is_some_and(|sources| sources.meets(addresses))
}

/// Who reaches these called, nearest first.
#[must_use]
pub fn to<'c>(
    platform: &Platform,
    connections: &'c Connections,
    asked: &AskedEnd,
) -> Vec<Reached<'c>> {
    let goals = match &asked.what {
        Asked::Parties(parties) => parties.clone(),
        Asked::Addresses(_) => Vec::new(),
    };
    let mut last: Vec<&Connection> = Vec::new();
    for goal in &goals {
        last.extend(connections.to(*goal));
    }
    if let Some(addresses) = asked.addresses(platform) {
        let ports = match asked.single() {
            // The API server is a port of an address, not the whole machine.
            Some(Party::Peer(Peer::ClusterApi)) => Some(api_ports(platform)),
            _ => None,
        };
        let mut overlaps = Overlaps::default();
        last.extend(connections.as_slice().iter().filter(|c| {
            let fits = |ports: &Vec<PolicyPort>| ports.iter().any(|port| port.meets(&c.port));
            let own = overlaps.addresses(platform, c.to);
            !goals.contains(&c.to)
                && own.is_some_and(|own| own.meets(&addresses))
                && ports.as_ref().is_none_or(fits)
        }));
    }
    let mut onward: FxHashMap<Party, &'c Connection> = FxHashMap::default();
    let mut known: FxHashSet<Party> = goals.into_iter().collect();
    let mut queue: VecDeque<&'c Connection> = last.into();
    let mut reached = Vec::new();
    while let Some(connection) = queue.pop_front() {
        if !known.insert(connection.from) {
            continue;
        }
        let mut path = vec![connection];
        let mut next = connection.to;
        while let Some(step) = onward.get(&next) {
            path.push(step);
            next = step.to;
        }
        reached.push(Reached {
            party: connection.from,
            path,
        });
        if connection.from.is_transit() {
            onward.insert(connection.from, connection);
            queue.extend(connections.to(connection.from));
        }
    }
    reached
}

fn api_ports(platform: &Platform) -> Vec<PolicyPort> {
    let api = platform.cluster().api.iter();
    api.map(|api| PolicyPort::single(Protocol::Tcp, api.value.port))
        .collect()
}

/// For each caller, all peers that it reaches: worked out for all at once, over the strongly
/// connected components.
#[derive(Clone, Debug)]
pub struct Radius {
    /// All peers that may be reached, sorted.
    parties: Vec<Party>,
    component: FxHashMap<Party, usize>,
    /// By component: a bit for each of `parties`.
    reached: Vec<Vec<u64>>,
}

impl Radius {
    /// Of all callers. Takes a bit for each pair of a component and a party.
    #[must_use]
    pub fn of(connections: &Connections) -> Self {
        let mut parties: Vec<Party> = Vec::new();
        for connection in connections.as_slice() {
            parties.extend([connection.from, connection.to]);
        }
        parties.sort_unstable();
        parties.dedup();
        let index = |party: Party| parties.binary_search(&party).unwrap_or(0);
        let mut graph: Graph<(), ()> = Graph::with_capacity(parties.len(), 0);
        for _ in &parties {
            graph.add_node(());
        }
        for c in connections.as_slice() {
            // A path ends at a peer that is not passed through, so that it joins no component.
            if c.to.is_transit() {
                let (from, to) = (index(c.from), index(c.to));
                graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
            }
        }
        let mut component = FxHashMap::default();
        let mut reached: Vec<Vec<u64>> = Vec::new();
        // The components come in reverse topological order: those that one calls are done.
        for members in kosaraju_scc(&graph) {
            let mut bits = vec![0u64; parties.len().div_ceil(64)];
            let number = reached.len();
            for member in &members {
                component.insert(parties[member.index()], number);
            }
            for member in &members {
                for c in connections.from(parties[member.index()]) {
                    let to = index(c.to);
                    bits[to / 64] |= 1 << (to % 64);
                    let next = component.get(&c.to).filter(|_| c.to.is_transit());
                    if let Some(done) = next.and_then(|next| reached.get(*next)) {
                        for (word, theirs) in bits.iter_mut().zip(done) {
                            *word |= theirs;
                        }
                    }
                }
            }
            reached.push(bits);
        }
        Self {
            parties,
            component,
            reached,
        }
    }

    /// All peers with a radius, sorted.
    #[must_use]
    pub fn callers(&self) -> &[Party] {
        &self.parties
    }

    /// Whom a party reaches, sorted, without itself.
    pub fn reached_by(&self, party: Party) -> impl Iterator<Item = Party> {
        let bits = self.component.get(&party).map(|c| &self.reached[*c]);
        let all = self.parties.iter().enumerate();
        all.filter(move |(at, other)| {
            **other != party && bits.is_some_and(|bits| bits[at / 64] >> (at % 64) & 1 == 1)
        })
        .map(|(_, other)| *other)
    }

    /// How many services a party reaches.
    #[must_use]
    pub fn services_reached_by(&self, party: Party) -> usize {
        let reached = self.reached_by(party);
        let services = reached.filter(|other| matches!(other, Party::Peer(Peer::Service(_))));
        services.count()
    }
}
