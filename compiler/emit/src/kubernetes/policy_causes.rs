//! Why a NetworkPolicy allows what it allows. A rule joins many edges, so that a line of it follows from every
//! flow, route or implied need that has its peer and its port.

use std::collections::HashMap;
use std::net::IpAddr;

use erpc_model::units::Protocol;
use erpc_model::{IngressController, Mode, Peer, Platform, Port, Route, ServiceId};
use erpc_policy::{Derived, Edge, PodSelector, PolicyPeer, PolicyPort, Selected, needs_dns};
use ipnet::IpNet;
use smol_str::SmolStr;

use super::ingress;
use crate::cause::{Cause, Causes};

/// What the rules of a service's policy follow from.
pub(super) struct Reasons<'r> {
    platform: &'r Platform,
    derived: &'r Derived,
    service: ServiceId,
    edges_in: &'r [Edge],
    /// The services of the platform by their namespaces and names.
    services: HashMap<(&'r str, &'r str), ServiceId>,
}

/// One rule of a service's policy.
pub(super) struct Rule<'r> {
    /// `None` if no causes are wanted.
    reasons: Option<&'r Reasons<'r>>,
    is_ingress: bool,
    pub(super) peers: &'r [PolicyPeer],
    pub(super) ports: &'r [PolicyPort],
}

impl<'r> Reasons<'r> {
    pub(super) fn new(
        platform: &'r Platform,
        derived: &'r Derived,
        service: ServiceId,
        edges_in: &'r [Edge],
    ) -> Self {
        let services = platform.workloads().map(|(id, service)| {
            let namespace = platform[service.namespace].name.value.as_str();
            ((namespace, service.name.value.as_str()), id)
        });
        Self {
            platform,
            derived,
            service,
            edges_in,
            services: services.collect(),
        }
    }
}

impl<'r> Rule<'r> {
    pub(super) const fn new(
        reasons: Option<&'r Reasons<'r>>,
        is_ingress: bool,
        peers: &'r [PolicyPeer],
        ports: &'r [PolicyPort],
    ) -> Self {
        Self {
            reasons,
            is_ingress,
            peers,
            ports,
        }
    }

    fn reasons(&self, ports: &'r [PolicyPort]) -> Option<Search<'r>> {
        Some(Search {
            reasons: self.reasons?,
            is_ingress: self.is_ingress,
            ports,
        })
    }

    /// Why the rule has this peer.
    pub(super) fn causes_of_peer(&self, peer: &PolicyPeer) -> Causes {
        let search = self.reasons(self.ports);
        search.map_or(Causes::None, |search| {
            search.peer(peer).into_iter().collect()
        })
    }

    /// Why this service is among the peers.
    pub(super) fn causes_of_service(&self, namespace: &str, name: &SmolStr) -> Causes {
        let search = self.reasons(self.ports);
        search.map_or(Causes::None, |search| {
            let names = std::slice::from_ref(name);
            search.named(namespace, names).into_iter().collect()
        })
    }

    /// Why a block leaves addresses out.
    pub(super) fn causes_of_hole(&self, hole: &IpNet) -> Causes {
        self.reasons
            .map(|reasons| hole_cause(reasons.platform, hole))
            .into()
    }

    /// Why the rule has this port.
    pub(super) fn causes_of_port(&self, port: &'r PolicyPort) -> Causes {
        let Some(search) = self.reasons(std::slice::from_ref(port)) else {
            return Causes::None;
        };
        let peers = self.peers.iter();
        let of_peers = peers.flat_map(|peer| search.peer(peer));
        let numbers = search.numbers(self.peers);
        of_peers.chain(numbers).chain(search.tunnel()).collect()
    }
}

/// The search for what joins peers on these ports.
#[derive(Clone, Copy)]
struct Search<'r> {
    reasons: &'r Reasons<'r>,
    is_ingress: bool,
    ports: &'r [PolicyPort],
}

impl<'r> Search<'r> {
    fn peer(self, peer: &PolicyPeer) -> Vec<Cause> {
        match peer {
            PolicyPeer::Pods(Selected { namespace, pods }) => match pods {
                PodSelector::Services(_) | PodSelector::OfService(..) | PodSelector::Raw(..) => {
                    self.named(namespace, pods.services())
                }
                PodSelector::Labels(_) => self.pods(namespace),
            },
            PolicyPeer::Block(cidr, _) => self.block(cidr),
        }
    }

    fn named(self, namespace: &str, names: &[SmolStr]) -> Vec<Cause> {
        let mut namespaces = self.reasons.platform.namespaces.iter();
        // Pods outside the platform may carry the same label.
        if namespaces.any(|known| known.name.value == namespace) {
            self.services(namespace, names)
        } else {
            self.pods(namespace)
        }
    }

    fn edges(self) -> &'r [Edge] {
        if self.is_ingress {
            self.reasons.edges_in
        } else {
            self.reasons.derived.edges.from(self.reasons.service)
        }
    }

    /// The end of an edge that the peer is.
    const fn end(self, edge: &Edge) -> Peer {
        if self.is_ingress { edge.from } else { edge.to }
    }

    fn has(self, ports: &[PolicyPort]) -> bool {
        self.ports.iter().any(|a| ports.iter().any(|b| a.meets(b)))
    }

    /// The flows on these ports whose other end is wanted.
    fn flows(self, is_wanted: impl Fn(Peer) -> bool) -> Vec<Cause> {
        let platform = self.reasons.platform;
        let edges = self.edges().iter().filter(|edge| is_wanted(self.end(edge)));
        let edges = edges.filter(|edge| self.has(&edge.ports(platform)));
        let mut flows: Vec<_> = edges.map(|edge| (edge.flow, edge.mode)).collect();
        flows.sort_unstable();
        flows.dedup();
        flows
            .into_iter()
            .map(|(flow, mode)| {
                let why = match mode {
                    Mode::Requires => "a flow",
                    Mode::Optional => "a flow that is optional",
                    Mode::Observes => "a flow that observes",
                };
                Cause::declared(why, platform.flows[flow.index()].span)
            })
            .collect()
    }

    fn services(self, namespace: &str, names: &[SmolStr]) -> Vec<Cause> {
        let Reasons {
            platform, services, ..
        } = self.reasons;
        let ids = names.iter();
        let mut ids: Vec<ServiceId> = ids
            .filter_map(|name| services.get(&(namespace, name.as_str())).copied())
            .collect();
        ids.sort_unstable();
        let is_named = |id: ServiceId| ids.binary_search(&id).is_ok();
        let mut causes = self.flows(|end| matches!(end, Peer::Service(id) if is_named(id)));
        let controller = platform.cluster().ingress.as_ref();
        let Some(controller) = controller.and_then(|ingress| ingress.controller.service()) else {
            return causes;
        };
        let own = self.reasons.service;
        let routes = platform.routes.iter().filter(|route| {
            let target = route.port.service;
            if self.is_ingress {
                target == own && is_named(controller)
            } else {
                own == controller && target != controller && is_named(target)
            }
        });
        causes.extend(self.routes(routes));
        causes
    }

    fn routes(self, routes: impl Iterator<Item = &'r Route>) -> Vec<Cause> {
        let platform = self.reasons.platform;
        routes
            .filter(|route| self.has(&[PolicyPort::of(&platform[route.port])]))
            .map(|route| ingress::said("the ingress controller serves a route", route))
            .collect()
    }

    /// Pods that are no service's: those of DNS, or an ingress controller's.
    fn pods(self, namespace: &str) -> Vec<Cause> {
        let platform = self.reasons.platform;
        let ingress = platform.cluster().ingress.as_ref();
        if self.is_ingress
            && let Some(ingress) = ingress
            && let IngressController::Pods { namespace: of, .. } = &ingress.controller
            && of == namespace
        {
            let mut causes = self.routes(platform.routes_to(self.reasons.service).iter());
            causes.push(Cause::said(
                "the pods of the ingress controller",
                &ingress.class,
            ));
            return causes;
        }
        self.dns()
    }

    fn dns(self) -> Vec<Cause> {
        let platform = self.reasons.platform;
        let mut causes = self.flows(|end| end == Peer::ClusterDns);
        if !self.is_ingress {
            let mut by_name = self.edges().iter().filter(|edge| needs_dns(platform, edge));
            if let Some(edge) = by_name.next() {
                let span = platform.flows[edge.flow.index()].span;
                let why = "who calls by name asks DNS; the first flow that does";
                causes.push(Cause::declared(why, span));
            } else if let Some(route) = platform.routes.iter().min_by_key(|route| route.span)
                && causes.is_empty()
            {
                causes.push(ingress::said(
                    "the controller finds what it serves by name",
                    route,
                ));
            }
        }
        let dns = platform.cluster().dns.as_ref();
        causes.extend(dns.map(|dns| Cause::said("who answers DNS", dns)));
        causes
    }

    fn block(self, cidr: &IpNet) -> Vec<Cause> {
        let platform = self.reasons.platform;
        let is = |net: &IpNet| net.trunc() == *cidr;
        let cluster = platform.cluster();
        let is_node = || {
            let nodes = cluster.nodes.as_ref();
            nodes.is_some_and(|nodes| nodes.value.cidrs.iter().any(is))
        };
        let is_api = |ip: IpAddr| is(&IpNet::from(ip));
        let is_all = cidr.prefix_len() == 0;
        let mut causes = self.flows(|end| match end {
            Peer::External(id) => platform[id].cidrs.iter().any(|cidr| is(&cidr.value)),
            Peer::Internet => is_all,
            Peer::ClusterApi => cluster.api.iter().any(|api| is_api(api.value.ip)),
            Peer::ClusterNodes => is_node(),
            Peer::Service(_) | Peer::ClusterDns => false,
        });
        let apis = cluster.api.iter().filter(|api| is_api(api.value.ip));
        causes.extend(apis.map(|api| Cause::said("where the API server listens", api)));
        let of_nodes = cluster.nodes.as_ref().filter(|_| is_node());
        causes.extend(of_nodes.map(|nodes| Cause::said("the addresses of the nodes", nodes)));
        let external = platform
            .externals
            .iter()
            .flat_map(|external| &external.cidrs);
        let external = external.filter(|address| is(&address.value));
        causes.extend(external.map(|address| Cause::said("the addresses of an external", address)));
        if self.is_ingress {
            causes.extend(self.world(cidr));
        }
        if causes.is_empty() {
            // With a cache on each node, DNS has addresses beside its pods.
            causes = self.dns();
        }
        causes
    }

    /// Who lets addresses outside the cluster in.
    fn world(self, cidr: &IpNet) -> Vec<Cause> {
        let Reasons {
            platform,
            derived,
            service,
            ..
        } = self.reasons;
        let mut causes = Vec::new();
        for routed in &derived.implied.world {
            let is_from = |net: &IpNet| net.trunc() == *cidr;
            let has_port = self.has(&[PolicyPort::of(&platform[routed.port])]);
            let is_from = routed.from.is_empty() || routed.from.iter().any(is_from);
            if routed.port.service == *service && has_port && is_from {
                causes.push(Cause::declared("it lets the outside in", routed.span));
            }
        }
        let ingress = platform.cluster().ingress.as_ref();
        if ingress.is_some_and(|i| matches!(i.controller, IngressController::Nodes)) {
            causes.extend(self.routes(platform.routes_to(*service).iter()));
        }
        causes
    }

    /// The service mesh, where its tunnel is among the ports.
    fn tunnel(self) -> Option<Cause> {
        let mesh = self.reasons.platform.cluster().mesh.as_ref()?;
        let port = PolicyPort::single(Protocol::Tcp, mesh.value.tunnel());
        self.has(&[port])
            .then(|| Cause::said("the tunnel of the service mesh", mesh))
    }

    /// The declarations of the ports of these peers.
    fn numbers(self, peers: &[PolicyPeer]) -> Vec<Cause> {
        let platform = self.reasons.platform;
        let ports_of = |id: ServiceId| platform[id].ports.iter();
        let found: Vec<&Port> = if self.is_ingress {
            ports_of(self.reasons.service).collect()
        } else {
            let called = peers.iter().flat_map(|peer| self.called(peer));
            called.flat_map(ports_of).collect()
        };
        let found = found.into_iter();
        found
            .filter(|port| self.has(&[PolicyPort::of(port)]))
            .map(|port| Cause::said("the number of the port", &port.number))
            .collect()
    }

    /// The services of the platform that a peer is.
    fn called(self, peer: &PolicyPeer) -> Vec<ServiceId> {
        let PolicyPeer::Pods(Selected { namespace, pods }) = peer else {
            return Vec::new();
        };
        let services = &self.reasons.services;
        let names = pods.services().iter();
        names
            .filter_map(|name| services.get(&(namespace.as_str(), name.as_str())).copied())
            .collect()
    }
}

/// Why a block leaves addresses out.
fn hole_cause(platform: &Platform, hole: &IpNet) -> Cause {
    let cluster = platform.cluster();
    let is = |net: &IpNet| net.trunc() == *hole;
    let pods = cluster.pod_cidrs.iter().find(|cidr| is(&cidr.value));
    let services = cluster.service_cidrs.iter().find(|cidr| is(&cidr.value));
    if let Some(cidr) = pods {
        return Cause::said("pods are not outside", cidr);
    }
    if let Some(cidr) = services {
        return Cause::said("Services are not outside", cidr);
    }
    match &cluster.nodes {
        Some(nodes) if nodes.value.cidrs.iter().any(is) => {
            Cause::said("nodes are not the internet", nodes)
        }
        _ => Cause::always(
            "private, shared and link-local addresses are not the internet (RFC 1918, 4193, 6598, 3927)",
        ),
    }
}
