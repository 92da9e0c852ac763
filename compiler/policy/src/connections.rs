//! Who may talk to whom, declared or implied, as one graph: what the proofs of `never` and
//! `always` and every question about reach are answered from. Services and the ingress controller
//! are passed through; `internet`, externals and `cluster.*` are peers too.

use erpc_diagnostics::Span;
use erpc_model::{FlowId, IngressController, Peer, Platform, ServiceId};
use rustc_hash::FxHashMap;

use crate::Derived;
use crate::blocks::{self, Block};
use crate::edges::dns_ports;
use crate::implied::{RoutedPort, controller_of, needs_dns};
use crate::mesh;
use crate::policies::PolicyPort;

/// A peer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// A peer that the language names.
    Peer(Peer),
    /// An ingress controller that is no service of the platform.
    Controller,
}

/// One caller, one called, the ports in a row that are open between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who calls.
    pub from: Party,
    /// Who is called.
    pub to: Party,
    /// On which ports, as the callee sees them.
    pub port: PolicyPort,
    /// Who says so.
    pub reason: Reason,
}

/// What opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A flow.
    Flow(FlowId),
    /// Names are looked up because of this flow, the first that needs it; `None` for an ingress
    /// controller that looks up what it serves.
    Dns(Option<FlowId>),
    /// A route from the ingress controller to a service.
    Route(Span),
    /// The tunnel of the service mesh carries what this statement opens.
    Mesh(Span),
    /// The world comes to the ingress controller or to a layer-4 address: this place in
    /// `Implied::world`, or a controller outside the platform.
    Exposure(Option<u32>, Span),
}

/// All connections of a platform, sorted by caller, called and port.
#[derive(Clone, Debug)]
pub struct Connections {
    list: Vec<Connection>,
    /// The positions in `list`, sorted by called.
    by_called: Vec<u32>,
}

impl Connections {
    /// Gathers the declared and the implied connections. Linear in them.
    #[must_use]
    pub fn of(platform: &Platform, derived: &Derived) -> Self {
        let mut list = Vec::with_capacity(derived.edges.as_slice().len() * 2);
        declared(platform, derived, &mut list);
        routes(platform, derived, &mut list);
        tunnels(platform, &mut list);
        asks_dns(platform, derived, &mut list);
        exposures(platform, derived, &mut list);
        Self::sorted(list)
    }

    /// These and more, which a question supposes.
    #[must_use]
    pub fn and(&self, platform: &Platform, more: &[Connection]) -> Self {
        let mut list = more.to_vec();
        tunnels(platform, &mut list);
        let own = self.list.iter().copied();
        Self::sorted(own.chain(list).collect())
    }

    fn sorted(mut list: Vec<Connection>) -> Self {
        list.sort_by_key(|c| (c.from, c.to, c.port));
        // A flow that somebody wrote says more than what is implied; it was gathered first, and
        // the sort is stable.
        list.dedup_by_key(|c| (c.from, c.to, c.port));
        let mut by_called: Vec<u32> = (0..).take(list.len()).collect();
        by_called.sort_by_key(|at| list[*at as usize].to);
        Self { list, by_called }
    }

    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[Connection] {
        &self.list
    }

    /// Those that a party opens.
    #[must_use]
    pub fn from(&self, party: Party) -> &[Connection] {
        let start = self.list.partition_point(|c| c.from < party);
        let end = self.list.partition_point(|c| c.from <= party);
        &self.list[start..end]
    }

    /// Those that lead to a party.
    pub fn to(&self, party: Party) -> impl Iterator<Item = &Connection> {
        let called = |at: &u32| self.list[*at as usize].to;
        let start = self.by_called.partition_point(|at| called(at) < party);
        let end = self.by_called.partition_point(|at| called(at) <= party);
        self.by_called[start..end]
            .iter()
            .map(|at| &self.list[*at as usize])
    }

    /// Those between two parties.
    #[must_use]
    pub fn between(&self, from: Party, to: Party) -> &[Connection] {
        let of_caller = self.from(from);
        let start = of_caller.partition_point(|c| c.to < to);
        let end = of_caller.partition_point(|c| c.to <= to);
        &of_caller[start..end]
    }
}

fn declared(platform: &Platform, derived: &Derived, list: &mut Vec<Connection>) {
    for edge in derived.edges.as_slice() {
        list.extend(edge.ports(platform).into_iter().map(|port| Connection {
            from: Party::Peer(edge.from),
            to: Party::Peer(edge.to),
            port,
            reason: Reason::Flow(edge.flow),
        }));
    }
}

fn asks_dns(platform: &Platform, derived: &Derived, list: &mut Vec<Connection>) {
    let ports = dns_ports(platform);
    for service in &derived.implied.dns {
        let edges = derived.edges.from(*service).iter();
        let because = edges
            .filter(|edge| needs_dns(platform, edge))
            .map(|edge| edge.flow)
            .min();
        list.extend(ports.iter().map(|port| Connection {
            from: Party::Peer(Peer::Service(*service)),
            to: Party::Peer(Peer::ClusterDns),
            port: *port,
            reason: Reason::Dns(because),
        }));
    }
}

fn routes(platform: &Platform, derived: &Derived, list: &mut Vec<Connection>) {
    let controller = controller(platform);
    for routed in &derived.implied.controller {
        list.push(Connection {
            from: controller,
            to: Party::Peer(Peer::Service(routed.port.service)),
            port: PolicyPort::of(&platform[routed.port]),
            reason: Reason::Route(routed.span),
        });
    }
}

/// What the service mesh adds to connections between services.
fn tunnels(platform: &Platform, list: &mut Vec<Connection>) {
    let carried = list.iter().filter_map(|carried| {
        let (from, to) = (carried.from.service()?, carried.to.service()?);
        // A controller that is routed to itself calls nobody.
        let calls = from != to || !matches!(carried.reason, Reason::Route(_));
        let port = mesh::tunnel(platform, carried.port).filter(|_| calls)?;
        let reason = Reason::Mesh(carried.reason.span(platform));
        Some(Connection {
            port,
            reason,
            ..*carried
        })
    });
    let carried: Vec<Connection> = carried.collect();
    list.extend(carried);
}

fn exposures(platform: &Platform, derived: &Derived, list: &mut Vec<Connection>) {
    for (at, routed) in (0..).zip(&derived.implied.world) {
        list.push(Connection {
            from: Party::Peer(Peer::Internet),
            to: Party::Peer(Peer::Service(routed.port.service)),
            port: PolicyPort::of(&platform[routed.port]),
            reason: Reason::Exposure(Some(at), routed.span),
        });
    }
    if controller(platform) == Party::Controller
        && let Some(first) = derived.implied.controller.iter().map(|r| r.span).min()
    {
        // Which ports it serves on is not the platform's to say; these two are what routes mean.
        list.extend([80, 443].map(|port| Connection {
            from: Party::Peer(Peer::Internet),
            to: Party::Controller,
            port: PolicyPort::single(erpc_model::units::Protocol::Tcp, port),
            reason: Reason::Exposure(None, first),
        }));
    }
}

/// Who serves the routes.
fn controller(platform: &Platform) -> Party {
    controller_of(platform).map_or(Party::Controller, |id| Party::Peer(Peer::Service(id)))
}

impl Party {
    /// Who serves the routes; `None` on a cluster without an ingress controller.
    #[must_use]
    pub fn controller(platform: &Platform) -> Option<Self> {
        let is_there = platform.cluster().ingress.is_some();
        is_there.then(|| controller(platform))
    }

    /// Whether a path may go on from here.
    #[must_use]
    pub const fn is_transit(self) -> bool {
        matches!(self, Self::Peer(Peer::Service(_)) | Self::Controller)
    }

    /// The service, if it is one.
    #[must_use]
    pub const fn service(self) -> Option<ServiceId> {
        match self {
            Self::Peer(Peer::Service(id)) => Some(id),
            Self::Peer(_) | Self::Controller => None,
        }
    }

    /// As the language writes it; the controller by its class.
    #[must_use]
    pub fn name(self, platform: &Platform) -> String {
        match self {
            Self::Peer(end) => platform.peer_name(end),
            Self::Controller => match &platform.cluster().ingress {
                Some(ingress) => format!("the ingress controller `{}`", ingress.class.value),
                None => "the ingress controller".to_owned(),
            },
        }
    }

    /// The addresses that a NetworkPolicy knows it by; `None` for pods.
    #[must_use]
    pub fn addresses(self, platform: &Platform) -> Option<Addresses> {
        let blocks = match self {
            Self::Peer(Peer::External(id)) => {
                let cidrs = platform[id].cidrs.iter();
                cidrs
                    .map(|cidr| blocks::outside(platform, cidr.value))
                    .collect()
            }
            Self::Peer(Peer::Internet) => blocks::internet(platform),
            Self::Peer(Peer::ClusterApi) => {
                let api = platform.cluster().api.iter();
                api.map(|api| Block::whole(ipnet::IpNet::from(api.value.ip)))
                    .collect()
            }
            Self::Peer(Peer::ClusterNodes) => {
                let nodes = blocks::nodes(platform).into_iter();
                nodes.map(|cidr| blocks::outside(platform, cidr)).collect()
            }
            Self::Controller => match platform.cluster().ingress.as_ref()?.controller {
                IngressController::Nodes => {
                    return Self::Peer(Peer::ClusterNodes).addresses(platform);
                }
                IngressController::Service(..) | IngressController::Pods { .. } => return None,
            },
            Self::Peer(Peer::Service(_) | Peer::ClusterDns) => return None,
        };
        Some(Addresses(blocks))
    }
}

impl Connection {
    /// The addresses that the caller comes from; `None` for pods.
    #[must_use]
    pub fn sources(&self, platform: &Platform, derived: &Derived) -> Option<Addresses> {
        match self.reason {
            Reason::Exposure(Some(at), _) => Some(Addresses::exposed(
                platform,
                &derived.implied.world[at as usize],
            )),
            Reason::Exposure(None, _) => Some(Addresses(blocks::world(platform))),
            Reason::Flow(_) | Reason::Dns(_) | Reason::Route(_) | Reason::Mesh(_) => {
                self.from.addresses(platform)
            }
        }
    }
}

impl Connection {
    /// The ports as the callee names them: `http`, `443/tcp`, `9000..9003/udp`.
    #[must_use]
    pub fn port_name(&self, platform: &Platform) -> String {
        let name = match self.to {
            Party::Peer(Peer::Service(id)) => {
                let mut ports = platform[id].ports.iter();
                let port = ports.find(|port| PolicyPort::of(port) == self.port);
                port.map(|port| &port.name)
            }
            Party::Peer(Peer::External(id)) => {
                let mut ports = platform[id].ports.iter();
                let port = ports.find(|port| PolicyPort::of_external(port) == self.port);
                port.map(|port| &port.name)
            }
            Party::Peer(_) | Party::Controller => None,
        };
        name.map_or_else(|| self.port.to_string(), |name| name.value.to_string())
    }

    /// `from → to:port`.
    #[must_use]
    pub fn describe(&self, platform: &Platform) -> String {
        format!("{} → {}", self.from.name(platform), self.called(platform))
    }

    /// `to:port`.
    #[must_use]
    pub fn called(&self, platform: &Platform) -> String {
        format!("{}:{}", self.to.name(platform), self.port_name(platform))
    }
}

impl Reason {
    /// The statement.
    #[must_use]
    pub fn span(self, platform: &Platform) -> Span {
        match self {
            Self::Flow(flow) | Self::Dns(Some(flow)) => platform.flows[flow.index()].span,
            Self::Route(span) | Self::Mesh(span) | Self::Exposure(_, span) => span,
            Self::Dns(None) => Span::NONE,
        }
    }
}

/// A set of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(Vec<Block>);

impl Addresses {
    /// One CIDR.
    #[must_use]
    pub fn cidr(cidr: ipnet::IpNet) -> Self {
        Self(vec![Block::whole(cidr)])
    }

    /// Who may come to an exposed port.
    #[must_use]
    pub fn exposed(platform: &Platform, routed: &RoutedPort) -> Self {
        if routed.from.is_empty() {
            Self(blocks::world(platform))
        } else {
            let from = routed.from.iter();
            Self(from.map(|cidr| blocks::outside(platform, *cidr)).collect())
        }
    }

    /// Whether an address is in both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let mut pairs = self
            .0
            .iter()
            .flat_map(|a| other.0.iter().map(move |b| (a, b)));
        pairs.any(|(a, b)| a.meets(b))
    }

    /// Whether every address of `other`, of which there is at least one, is in this one, and a
    /// single block shows it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        !other.0.is_empty() && other.0.iter().all(|b| self.0.iter().any(|a| a.holds(b)))
    }
}

/// Which parties share addresses with which, worked out once for each.
#[derive(Debug, Default)]
pub struct Overlaps {
    known: FxHashMap<Party, Option<Addresses>>,
}

impl Overlaps {
    /// The addresses of a party.
    pub fn addresses(&mut self, platform: &Platform, party: Party) -> Option<&Addresses> {
        let entry = self.known.entry(party);
        entry.or_insert_with(|| party.addresses(platform)).as_ref()
    }

    /// Whether two parties are the same or share an address.
    pub fn meet(&mut self, platform: &Platform, a: Party, b: Party) -> bool {
        if a == b {
            return true;
        }
        let Some(of_a) = self.addresses(platform, a).cloned() else {
            return false;
        };
        let of_b = self.addresses(platform, b);
        of_b.is_some_and(|of_b| of_a.meets(of_b))
    }
}
