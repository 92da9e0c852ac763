//! `never` and `always`, proven: over every declared and implied connection, `=>` also through
//! services between. A broken one shows a shortest path, hop by hop.

use std::collections::BTreeSet;

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{Assertion, FlowPort, Peer, Platform, listed};
use erpc_policy::{
    Addresses, Connection, Connections, Derived, Overlaps, Party, PolicyPort, Search, unenforced,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// How many missing pairs of an `always` are named.
const NAMED_PAIRS: usize = 3;

/// All assertions of a platform. Each is linear in the connections; an `always` through other
/// services is so for each of its callers.
pub(crate) fn assertions(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    if platform.assertions.is_empty() {
        return;
    }
    let connections = Connections::of(platform, derived);
    let mut prover = Prover::new(platform, derived, &connections);
    for assertion in &platform.assertions {
        let Some(targets) = prover.targets(assertion, out) else {
            continue;
        };
        if assertion.always {
            prover.always(assertion, &targets, out);
        } else {
            prover.never(assertion, &targets, out);
        }
    }
}

/// The first `never` of a platform that these connections would break, which a question supposes.
#[must_use]
pub fn forbidding<'p>(
    platform: &'p Platform,
    derived: &'p Derived,
    connections: &'p Connections,
) -> Option<&'p Assertion> {
    let mut prover = Prover::new(platform, derived, connections);
    let mut nevers = platform.assertions.iter().filter(|one| !one.always);
    nevers.find(|never| {
        let mut found = Diagnostics::new();
        if let Some(targets) = prover.targets(never, &mut found) {
            prover.never(never, &targets, &mut found);
        }
        found.has_errors()
    })
}

/// The callers and the callees that are known by addresses.
fn with_addresses(connections: &Connections) -> (Vec<Party>, Vec<Party>) {
    let is_pod = |party: &Party| matches!(party, Party::Peer(Peer::Service(_) | Peer::ClusterDns));
    let (mut callers, mut called) = (BTreeSet::new(), FxHashSet::default());
    for connection in connections.as_slice() {
        callers.insert(connection.from);
        called.insert(connection.to);
    }
    let callers = callers.into_iter().filter(|p| !is_pod(p)).collect();
    let mut called: Vec<Party> = called.into_iter().filter(|p| !is_pod(p)).collect();
    called.sort_unstable();
    (callers, called)
}

/// A callee of an assertion, with its port where one is said.
#[derive(Clone, Copy)]
struct Target {
    party: Party,
    port: Option<PolicyPort>,
}

/// For each party that stands for a target: on which ports, any where `None`.
type Goals = FxHashMap<Party, Vec<Option<PolicyPort>>>;

struct Prover<'p> {
    platform: &'p Platform,
    derived: &'p Derived,
    connections: &'p Connections,
    with_addresses: (Vec<Party>, Vec<Party>),
    overlaps: Overlaps,
    /// Whether some namespace has no policies.
    has_open: bool,
}

impl<'p> Prover<'p> {
    fn new(platform: &'p Platform, derived: &'p Derived, connections: &'p Connections) -> Self {
        Self {
            platform,
            derived,
            with_addresses: with_addresses(connections),
            connections,
            overlaps: Overlaps::default(),
            has_open: platform
                .namespaces()
                .any(|(_, namespace)| namespace.is_open()),
        }
    }

    /// What the right side means; of a wildcard those that have the port.
    fn targets(&self, assertion: &Assertion, out: &mut Diagnostics) -> Option<Vec<Target>> {
        let mut targets = Vec::with_capacity(assertion.to.peers.len());
        for end in &assertion.to.peers {
            let party = Party::Peer(*end);
            let port = match &assertion.port {
                None | Some(FlowPort::Implied) => None,
                Some(FlowPort::Number(number, protocol, _)) => {
                    Some(PolicyPort::single(*protocol, *number))
                }
                Some(FlowPort::Named(name, span)) => match self.named_port(*end, name) {
                    Some(port) => Some(port),
                    None if assertion.to.is_pattern => continue,
                    None => {
                        out.push(self.unknown_port(*end, name, *span));
                        return None;
                    }
                },
            };
            targets.push(Target { party, port });
        }
        if targets.is_empty() {
            out.push(
                Diagnostic::new(
                    &codes::EMPTY_WILDCARD,
                    "nothing that this wildcard means has the port",
                )
                .at(assertion.to.span, "matches nothing"),
            );
            return None;
        }
        Some(targets)
    }

    fn named_port(&self, end: Peer, name: &str) -> Option<PolicyPort> {
        match end {
            Peer::Service(id) => {
                let index = self.platform[id].port(name)?;
                let port = &self.platform[id].ports[index as usize];
                Some(PolicyPort::of(port))
            }
            Peer::External(id) => {
                let mut ports = self.platform[id].ports.iter();
                let port = ports.find(|port| port.name.value == *name)?;
                Some(PolicyPort::of_external(port))
            }
            Peer::Internet | Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => None,
        }
    }

    fn unknown_port(&self, end: Peer, name: &str, span: Span) -> Diagnostic {
        let known = self.platform.port_names(end);
        let diagnostic = Diagnostic::new(
            &codes::UNKNOWN_PORT,
            format!("`{}` has no port `{name}`", self.platform.peer_name(end)),
        )
        .at(span, "declared nowhere");
        diagnostic.did_you_mean(name, span, known.clone(), |diagnostic| {
            if known.is_empty() {
                diagnostic.help("it declares no port at all")
            } else {
                diagnostic.help(format!("it has {}", listed(known, 12)))
            }
        })
    }

    /// The connections that callers open, each with the caller that is meant: for one that is
    /// known by addresses also those of callers that share some.
    fn first_hops(&mut self, assertion: &Assertion) -> Vec<(Party, &'p Connection)> {
        let connections = self.connections;
        let mut hops = Vec::new();
        for end in &assertion.from.peers {
            let caller = Party::Peer(*end);
            let Some(addresses) = self.overlaps.addresses(self.platform, caller).cloned() else {
                hops.extend(connections.from(caller).iter().map(|c| (caller, c)));
                continue;
            };
            for other in &self.with_addresses.0 {
                let comes = |c: &&Connection| {
                    let sources = c.sources(self.platform, self.derived);
                    sources.is_some_and(|sources| sources.meets(&addresses))
                };
                let theirs = connections.from(*other).iter().filter(comes);
                hops.extend(theirs.map(|c| (caller, c)));
            }
        }
        hops
    }

    /// For each party that stands for a target: on which ports, any where `None`.
    fn goals(&mut self, targets: &[Target]) -> Goals {
        let mut goals = Goals::default();
        for target in targets {
            goals.entry(target.party).or_default().push(target.port);
            if self
                .overlaps
                .addresses(self.platform, target.party)
                .is_none()
            {
                continue;
            }
            // The API server is a port of an address, not the whole machine.
            let ports: Vec<Option<PolicyPort>> = match target.party {
                Party::Peer(Peer::ClusterApi) => {
                    let api = self.platform.cluster().api.iter();
                    let tcp = erpc_model::units::Protocol::Tcp;
                    api.map(|api| Some(PolicyPort::single(tcp, api.value.port)))
                        .collect()
                }
                _ => vec![target.port],
            };
            for other in &self.with_addresses.1 {
                if *other != target.party && self.overlaps.meet(self.platform, *other, target.party)
                {
                    goals.entry(*other).or_default().extend(&ports);
                }
            }
        }
        goals
    }

    fn never(&mut self, assertion: &Assertion, targets: &[Target], out: &mut Diagnostics) {
        let goals = self.goals(targets);
        let found = out.as_slice().len();
        let first = self.first_hops(assertion);
        self.never_declared(assertion, &goals, first, out);
        if out.as_slice().len() == found && self.has_open {
            self.never_unenforced(assertion, &goals, out);
        }
    }

    /// A `never` between ends that no policy separates, because of `network open`: nothing enforces it.
    fn never_unenforced(&self, assertion: &Assertion, goals: &Goals, out: &mut Diagnostics) {
        let platform = self.platform;
        let is_pattern = assertion.from.is_pattern || assertion.to.is_pattern;
        let callers = assertion.from.peers.iter().map(|peer| Party::Peer(*peer));
        let mut called: Vec<Party> = goals.keys().copied().collect();
        called.sort_unstable();
        let between = |from: Party, to: Party| match is_pattern && from == to {
            true => None,
            false => unenforced(platform, from, to),
        };
        let (mut from, mut to) = (callers.clone().collect::<Vec<_>>(), called);
        if assertion.transitive {
            // From any open service on the way everything is reached that is open, and what such services may call.
            let hops = |parties: &[Party]| {
                let all = parties.iter();
                all.flat_map(|party| self.connections.from(*party).iter().map(|c| (*party, c)))
                    .collect::<Vec<_>>()
            };
            let search = Search::run(self.connections, hops(&from));
            from.extend(search.arrivals().iter().map(|a| a.connection.to));
            let open: Vec<Party> = platform
                .services()
                .map(|(id, _)| Party::Peer(Peer::Service(id)))
                .filter(|party| unenforced(platform, *party, *party).is_some())
                .collect();
            let search = Search::run(self.connections, hops(&open));
            let mut arrivals = search.arrivals().iter();
            if arrivals.any(|a| goals.contains_key(&a.connection.to)) {
                to.extend(open);
            }
        }
        let open_to: Option<Party> = to
            .iter()
            .copied()
            .find(|to| unenforced(platform, *to, *to).is_some());
        let pair = from.iter().find_map(|from| {
            // One open caller meets every callee that no policy binds; any other needs an open callee.
            let met = match unenforced(platform, *from, *from).is_some() {
                true => to.iter().copied().find(|to| between(*from, *to).is_some()),
                false => open_to.filter(|to| between(*from, *to).is_some()),
            };
            Some((*from, met?))
        });
        let Some((from, to)) = pair else {
            return;
        };
        let opened = between(from, to).and_then(|id| platform[id].opened());
        let message = format!(
            "no policy keeps `{}` from `{}`",
            from.name(platform),
            to.name(platform)
        );
        let found = Diagnostic::new(&codes::BROKEN_NEVER, message)
            .at(assertion.span, "nothing enforces this");
        let found = match opened {
            Some(opened) => found.also(opened.span(), "no policies in this namespace"),
            None => found,
        };
        out.push(found.help("remove `network open`, or the assertion"));
    }

    fn never_declared(
        &self,
        assertion: &Assertion,
        goals: &Goals,
        first: Vec<(Party, &'p Connection)>,
        out: &mut Diagnostics,
    ) {
        let is_pattern = assertion.from.is_pattern || assertion.to.is_pattern;
        let breaks = |origin: Party, c: &Connection| {
            // A wildcard means the others; what a service says to itself is meant by its name.
            !(is_pattern && origin == c.to)
                && goals.get(&c.to).is_some_and(|ports| {
                    let mut ports = ports.iter();
                    ports.any(|port| port.is_none_or(|port| port.meets(&c.port)))
                })
        };
        let search = if assertion.transitive {
            Search::run(self.connections, first)
        } else {
            Search::direct(first)
        };
        let mut arrivals = search.arrivals().iter().enumerate();
        let mut broken = arrivals
            .by_ref()
            .filter(|(_, a)| breaks(a.origin, a.connection));
        let Some((at, arrival)) = broken.next() else {
            return;
        };
        let mut reached = BTreeSet::from([arrival.connection.to]);
        reached.extend(broken.map(|(_, a)| a.connection.to));
        let path = search.path(at);
        let others = reached.len() - 1;
        out.push(self.broken_never(assertion, arrival.origin, &path, others));
    }

    fn broken_never(
        &self,
        assertion: &Assertion,
        origin: Party,
        path: &[&Connection],
        others: usize,
    ) -> Diagnostic {
        let name = |party: Party| party.name(self.platform);
        let reached = path.last().map_or(origin, |c| c.to);
        let how = match path.len() {
            1 => "directly".to_owned(),
            hops => format!("in {hops} hops"),
        };
        let mut diagnostic = Diagnostic::new(
            &codes::BROKEN_NEVER,
            format!("`{}` reaches `{}` {how}", name(origin), name(reached)),
        )
        .at(assertion.span, "this does not hold");
        for (span, hops) in by_place(self.platform, path) {
            diagnostic = diagnostic.also(span, hops);
        }
        let mut shown = name(path.first().map_or(origin, |c| c.from));
        for connection in path {
            shown.push_str(" → ");
            shown.push_str(&connection.called(self.platform));
        }
        diagnostic = diagnostic.help(format!("shortest path: {shown}"));
        if others > 0 {
            let verb = if others == 1 { "is" } else { "are" };
            diagnostic = diagnostic.help(format!("{others} more {verb} reached too"));
        }
        let start = path.first().map_or(origin, |c| c.from);
        for (meant, is) in [
            (Some(origin), start),
            (self.meant(assertion, reached), reached),
        ] {
            if let Some(meant) = meant.filter(|meant| *meant != is) {
                diagnostic = diagnostic.help(format!(
                    "addresses of `{}` are among those of `{}`",
                    name(meant),
                    name(is)
                ));
            }
        }
        diagnostic.help(match path {
            [_] => "take away the flow, or the assertion",
            _ => "take away one of the hops, or write `->` to forbid only the direct path",
        })
    }

    /// The callee that a party stands for.
    fn meant(&self, assertion: &Assertion, reached: Party) -> Option<Party> {
        let mut peers = assertion.to.peers.iter().map(|end| Party::Peer(*end));
        if peers.clone().any(|party| party == reached) {
            return Some(reached);
        }
        let addresses = reached.addresses(self.platform)?;
        peers.find(|party| {
            let own = party.addresses(self.platform);
            own.is_some_and(|own| own.meets(&addresses))
        })
    }

    fn always(&mut self, assertion: &Assertion, targets: &[Target], out: &mut Diagnostics) {
        let mut missing: Vec<(Party, Target)> = Vec::new();
        let mut count = 0usize;
        let is_pattern = assertion.from.is_pattern || assertion.to.is_pattern;
        for end in &assertion.from.peers {
            let caller = Party::Peer(*end);
            let reached = self.reached_by(caller, assertion.transitive);
            let found = targets
                .iter()
                .filter(|target| !(is_pattern && target.party == caller))
                .filter(|target| !self.is_reached(&reached, **target));
            for target in found {
                count += 1;
                if missing.len() < NAMED_PAIRS {
                    missing.push((caller, *target));
                }
            }
        }
        let Some((caller, target)) = missing.first() else {
            return;
        };
        let name = |party: Party| party.name(self.platform);
        let called = |target: &Target| {
            let port = target
                .port
                .map_or_else(String::new, |port| match &assertion.port {
                    Some(FlowPort::Named(name, _)) => format!(":{name}"),
                    _ => format!(":{port}"),
                });
            format!("{}{port}", name(target.party))
        };
        let mut diagnostic = Diagnostic::new(
            &codes::BROKEN_ALWAYS,
            format!("`{}` may not reach `{}`", name(*caller), called(target)),
        )
        .at(assertion.span, "this does not hold");
        if count > 1 {
            let pairs: Vec<String> = missing
                .iter()
                .map(|(caller, target)| format!("{} → {}", name(*caller), called(target)))
                .collect();
            diagnostic = diagnostic.help(format!(
                "{count} pairs are closed: {}",
                listed_of(&pairs, count)
            ));
        }
        let wanted = match (&target.port, target.party.service()) {
            (None, Some(_)) => format!("{}:PORT", name(target.party)),
            _ => called(target),
        };
        diagnostic = match caller {
            Party::Peer(Peer::Internet) => diagnostic.help(format!(
                "open it with `expose {wanted} at \"host.example\"`, or take away the assertion"
            )),
            _ => diagnostic.help(format!(
                "open it with `allow {} -> {wanted}`, or take away the assertion",
                name(*caller)
            )),
        };
        out.push(diagnostic);
    }

    /// What a caller reaches: by party, the connections that arrive there.
    fn reached_by(&self, caller: Party, transitive: bool) -> FxHashMap<Party, Vec<&'p Connection>> {
        let addresses = caller.addresses(self.platform);
        let mut first: Vec<(Party, &'p Connection)> = Vec::new();
        let own = self.connections.from(caller).iter();
        first.extend(own.map(|c| (caller, c)));
        if let Some(addresses) = &addresses {
            for other in self.with_addresses.0.iter().filter(|p| **p != caller) {
                let comes = |c: &&Connection| {
                    let sources = c.sources(self.platform, self.derived);
                    sources.is_some_and(|sources| sources.holds(addresses))
                };
                let theirs = self.connections.from(*other).iter().filter(comes);
                first.extend(theirs.map(|c| (caller, c)));
            }
        }
        let search = if transitive {
            Search::run(self.connections, first)
        } else {
            Search::direct(first)
        };
        let mut reached: FxHashMap<Party, Vec<&'p Connection>> = FxHashMap::default();
        for arrival in search.arrivals() {
            reached
                .entry(arrival.connection.to)
                .or_default()
                .push(arrival.connection);
        }
        reached
    }

    fn is_reached(&self, reached: &FxHashMap<Party, Vec<&'p Connection>>, target: Target) -> bool {
        let fits = |list: &Vec<&Connection>| {
            list.iter()
                .any(|c| target.port.is_none_or(|port| c.port.holds(&port)))
        };
        if reached.get(&target.party).is_some_and(fits) {
            return true;
        }
        let Some(addresses) = target.party.addresses(self.platform) else {
            return false;
        };
        let holds = |party: Party, all: &Addresses| {
            let other = party.addresses(self.platform);
            other.is_some_and(|other| other.holds(all))
        };
        reached
            .iter()
            .any(|(party, list)| fits(list) && holds(*party, &addresses))
    }
}

/// What the hops of a path are, by the statement that opens them.
fn by_place(platform: &Platform, path: &[&Connection]) -> Vec<(Span, String)> {
    let mut places: Vec<(Span, String)> = Vec::new();
    for (number, connection) in (1..).zip(path) {
        let span = connection.reason.span(platform);
        let hop = format!("{number}. {}", connection.describe(platform));
        match places.iter_mut().find(|(known, _)| *known == span) {
            Some((_, hops)) => *hops = format!("{hops}, {hop}"),
            None => places.push((span, hop)),
        }
    }
    places
}

fn listed_of(pairs: &[String], count: usize) -> String {
    let more = count - pairs.len();
    if more == 0 {
        pairs.join(", ")
    } else {
        format!("{} and {more} more", pairs.join(", "))
    }
}
