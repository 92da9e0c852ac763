//! What a platform claims of its network, in the prover's words: each flow as the model has it,
//! and what flows and routes imply by the rules of the language reference. No function of the crate
//! that derives policies takes part, so that a mistake there cannot hide itself here.

use erpc_diagnostics::Span;
use erpc_model::units::Protocol;
use erpc_model::{
    DnsFlavour, Flow, FlowPort, IngressController, Mesh, Mode, Peer, Platform, Port, PortId,
};
use erpc_prove::{Claims, ClusterAddresses, EndId, Enforcement, LabelId, Ports};
use ipnet::IpNet;

/// The claims of a platform.
#[derive(Debug)]
pub struct Claimed {
    /// For the prover.
    pub claims: Claims,
    /// Where each label's statement stands, by the label's number.
    pub spans: Vec<Span>,
    /// For each label: whether it is a dependency, which the order of tiers binds.
    pub binds: Vec<bool>,
}

/// What a platform claims.
pub fn of_platform(platform: &Platform) -> Claimed {
    let mut claiming = Claiming {
        platform,
        out: Claimed {
            claims: Claims::new(),
            spans: Vec::new(),
            binds: Vec::new(),
        },
        services: Vec::with_capacity(platform.services.len()),
        asks_dns: vec![None; platform.services.len()],
    };
    for (id, service) in platform.workloads() {
        let namespace = platform[service.namespace].name.value.clone();
        // Without an identity, pods are those of the workload with the name of the service.
        let end = match &service.properties.identity {
            // Nothing selects them, and no flow is theirs.
            Some(_) if service.has_no_selector() => {
                let name = service.workload_name().value.clone();
                erpc_prove::Peer::workload(namespace, name)
            }
            Some(_) => erpc_prove::Peer::pods(namespace, service.selector_labels()),
            None => erpc_prove::Peer::workload(namespace, service.name.value.clone()),
        };
        let end = claiming.out.claims.end(end);
        debug_assert_eq!(claiming.services.len(), id.index());
        claiming.services.push(end);
    }
    for (_, namespace) in platform.namespaces() {
        let enforcement = match (namespace.opened(), namespace.reserved()) {
            (Some(_), _) => Enforcement::Nothing,
            (None, Some(_)) => Enforcement::Workloads,
            (None, None) => continue,
        };
        let claims = &mut claiming.out.claims;
        claims.enforce(namespace.name.value.clone(), enforcement);
    }
    for flow in &platform.flows {
        claiming.flow(flow);
    }
    claiming.exposures();
    claiming.dns();
    claiming.out
}

/// What the chosen cluster's block says of addresses.
pub fn cluster_addresses(platform: &Platform) -> ClusterAddresses {
    let cluster = platform.cluster();
    let values = |cidrs: &[erpc_model::Sourced<IpNet>]| cidrs.iter().map(|c| c.value).collect();
    ClusterAddresses {
        pods: values(&cluster.pod_cidrs),
        services: values(&cluster.service_cidrs),
        nodes: node_cidrs(platform),
        api: cluster
            .api
            .iter()
            .map(|api| IpNet::from(api.value.ip))
            .collect(),
    }
}

fn node_cidrs(platform: &Platform) -> Vec<IpNet> {
    let nodes = platform.cluster().nodes.as_ref();
    nodes.map_or_else(Vec::new, |nodes| nodes.value.cidrs.clone())
}

/// Not of the internet: RFC 1918, 6598, 3927, 4193 and link-local IPv6.
const NOT_INTERNET: [&str; 7] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

struct Claiming<'p> {
    platform: &'p Platform,
    out: Claimed,
    /// The end of each service.
    services: Vec<EndId>,
    /// For each service the statement for which it looks up names.
    asks_dns: Vec<Option<Span>>,
}

impl Claiming<'_> {
    fn label(&mut self, span: Span, text: String, binds: bool) -> LabelId {
        self.out.spans.push(span);
        self.out.binds.push(binds);
        self.out.claims.label(text)
    }

    fn flow(&mut self, flow: &Flow) {
        let binds = matches!(flow.mode, Mode::Requires | Mode::Optional);
        let label = self.label(flow.span, "a flow".to_owned(), binds);
        let is_pattern = flow.from.is_pattern || flow.to.is_pattern;
        let callers: Vec<(Peer, Vec<EndId>)> = flow
            .from
            .peers
            .iter()
            .map(|end| (*end, self.peers(*end, None)))
            .collect();
        for to in &flow.to.peers {
            let ports = self.ports(*to, &flow.port);
            if ports.is_empty() {
                continue;
            }
            for port in ports {
                let called = self.peers(*to, Some(port));
                for (from, callers) in &callers {
                    // A wildcard on either side means the others.
                    if from == to && is_pattern {
                        continue;
                    }
                    if let Peer::Service(id) = from
                        && self.needs_names(*to)
                    {
                        self.asks_dns[id.index()].get_or_insert(flow.span);
                    }
                    let is_between = matches!((from, to), (Peer::Service(_), Peer::Service(_)));
                    let tunnel = self.tunnel(port).filter(|_| is_between);
                    for caller in callers {
                        for called in &called {
                            for port in std::iter::once(port).chain(tunnel) {
                                self.out.claims.add(*caller, *called, port, label);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Where a service mesh carries TCP between pods of the platform: Istio's ambient mode to port
    /// 15008 of the callee, Linkerd to 4143.
    fn tunnel(&self, port: Ports) -> Option<Ports> {
        let mesh = self.platform.cluster().mesh.as_ref()?;
        let number = match mesh.value {
            Mesh::IstioAmbient => 15_008,
            Mesh::Linkerd => 4_143,
        };
        let tcp = erpc_prove::Protocol::Tcp;
        (port.protocol == tcp).then(|| Ports::one(tcp, number))
    }

    /// Whether a caller looks up the name of an end.
    fn needs_names(&self, to: Peer) -> bool {
        match to {
            Peer::Service(_) | Peer::Internet => true,
            Peer::External(id) => !self.platform[id].dns_names.is_empty(),
            Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => false,
        }
    }

    /// An end in the prover's words. The API server may have several addresses with ports of their
    /// own, so `port` chooses among them where it is that of the callee.
    fn peers(&mut self, end: Peer, port: Option<Ports>) -> Vec<EndId> {
        let platform = self.platform;
        let whole = |cidr: IpNet| erpc_prove::Peer::addresses(cidr, &[]);
        let outside = |cidr: IpNet| outside(platform, cidr);
        let peers: Vec<erpc_prove::Peer> = match end {
            Peer::Service(id) => return vec![self.services[id.index()]],
            Peer::External(id) => {
                let cidrs = platform[id].cidrs.iter();
                cidrs.map(|cidr| outside(cidr.value)).collect()
            }
            Peer::Internet => self.internet(),
            Peer::ClusterDns => self.dns_ends(),
            Peer::ClusterApi => platform
                .cluster()
                .api
                .iter()
                .filter(|api| port.is_none_or(|port| port.first == api.value.port))
                .map(|api| whole(IpNet::from(api.value.ip)))
                .collect(),
            Peer::ClusterNodes => node_cidrs(platform).into_iter().map(outside).collect(),
        };
        let claims = &mut self.out.claims;
        peers.into_iter().map(|end| claims.end(end)).collect()
    }

    /// The ports of a flow as the callee sees them; none where a wildcard's member lacks it.
    fn ports(&self, to: Peer, port: &FlowPort) -> Vec<Ports> {
        match (port, to) {
            (FlowPort::Named(name, _), Peer::Service(id)) => self.platform[id]
                .ports
                .iter()
                .filter(|port| port.name.value == *name)
                .map(inside)
                .collect(),
            (FlowPort::Named(name, _), Peer::External(id)) => self.platform[id]
                .ports
                .iter()
                .filter(|port| port.name.value == *name)
                .map(|port| Ports::range(protocol(port.protocol), port.number, port.last))
                .collect(),
            (FlowPort::Number(number, of, _), _) => vec![Ports::one(protocol(*of), *number)],
            (_, Peer::ClusterApi) => {
                let mut ports: Vec<u16> = Vec::new();
                ports.extend(self.platform.cluster().api.iter().map(|api| api.value.port));
                ports.sort_unstable();
                ports.dedup();
                let tcp = |port| Ports::one(erpc_prove::Protocol::Tcp, port);
                ports.into_iter().map(tcp).collect()
            }
            (_, Peer::ClusterDns) => self.dns_ports(),
            (FlowPort::Named(..), Peer::Internet | Peer::ClusterNodes)
            | (
                FlowPort::Implied,
                Peer::Service(_) | Peer::External(_) | Peer::Internet | Peer::ClusterNodes,
            ) => Vec::new(),
        }
    }

    fn dns_ports(&self) -> Vec<Ports> {
        let port = match (self.platform.cluster().dns_pods(), self.dns_flavour()) {
            (Some(pods), _) => pods.port,
            (None, DnsFlavour::OpenShift) => 5353,
            (None, DnsFlavour::KubeDns | DnsFlavour::NodeLocal) => 53,
        };
        let one = |protocol| Ports::one(protocol, port);
        [erpc_prove::Protocol::Tcp, erpc_prove::Protocol::Udp]
            .map(one)
            .to_vec()
    }

    fn dns_flavour(&self) -> DnsFlavour {
        let flavour = self.platform.cluster().dns_flavour();
        flavour.unwrap_or(DnsFlavour::KubeDns)
    }

    /// The pods that answer, and, with a cache on the nodes, its address and that of the Service
    /// that the cache answers for: as said, else the tenth of the range (KEP-1024, kubeadm).
    fn dns_ends(&self) -> Vec<erpc_prove::Peer> {
        if let Some(pods) = self.platform.cluster().dns_pods() {
            let labels = pods.labels.iter().cloned();
            return vec![erpc_prove::Peer::pods(pods.namespace.clone(), labels)];
        }
        let flavour = self.dns_flavour();
        let mut peers = vec![match flavour {
            DnsFlavour::OpenShift => erpc_prove::Peer::pods(
                "openshift-dns",
                [("dns.operator.openshift.io/daemonset-dns", "default")],
            ),
            DnsFlavour::KubeDns | DnsFlavour::NodeLocal => {
                erpc_prove::Peer::pods("kube-system", [("k8s-app", "kube-dns")])
            }
        }];
        if flavour == DnsFlavour::NodeLocal {
            let cache = IpNet::from(std::net::IpAddr::from([169, 254, 20, 10]));
            peers.push(erpc_prove::Peer::addresses(cache, &[]));
            let cluster = self.platform.cluster();
            for at in cluster.dns_at() {
                peers.push(erpc_prove::Peer::addresses(IpNet::from(at.value), &[]));
            }
            let usual = cluster.service_cidrs.iter();
            for cidr in usual.filter(|_| cluster.dns_at().is_empty()) {
                let tenth: std::net::IpAddr = match cidr.value.network() {
                    std::net::IpAddr::V4(ip) => {
                        std::net::Ipv4Addr::from(u32::from(ip).saturating_add(10)).into()
                    }
                    std::net::IpAddr::V6(ip) => {
                        std::net::Ipv6Addr::from(u128::from(ip).saturating_add(10)).into()
                    }
                };
                peers.push(erpc_prove::Peer::addresses(IpNet::from(tenth), &[]));
            }
        }
        peers
    }

    /// Who looks up names asks DNS.
    fn dns(&mut self) {
        let called = self.peers(Peer::ClusterDns, None);
        let ports = self.dns_ports();
        for service in 0..self.services.len() {
            let Some(span) = self.asks_dns[service] else {
                continue;
            };
            let label = self.label(span, "names are looked up for this flow".to_owned(), false);
            for port in &ports {
                for to in &called {
                    let from = self.services[service];
                    self.out.claims.add(from, *to, *port, label);
                }
            }
        }
    }

    /// Routes open the controller to the service and, where the controller is of the platform, the
    /// world to the controller; an address of a service opens the world to it.
    fn exposures(&mut self) {
        let platform = self.platform;
        let controller = platform.cluster().ingress.as_ref().map(|i| &i.controller);
        for route in &platform.routes {
            let label = self.label(route.span, "a route".to_owned(), false);
            let port = inside(&platform[route.port]);
            let to = self.services[route.port.service.index()];
            match controller {
                Some(IngressController::Service(id, ports)) => {
                    if *id != route.port.service {
                        let from = self.services[id.index()];
                        for port in std::iter::once(port).chain(self.tunnel(port)) {
                            self.out.claims.add(from, to, port, label);
                        }
                        self.asks_dns[id.index()].get_or_insert(route.span);
                    }
                    for port in ports {
                        self.open_to_world(*port, &route.from, label);
                    }
                }
                Some(IngressController::Pods { namespace, labels }) => {
                    let end = erpc_prove::Peer::pods(namespace.clone(), labels.iter().cloned());
                    let from = self.out.claims.end(end);
                    self.out.claims.add(from, to, port, label);
                }
                Some(IngressController::Nodes) => {
                    for from in self.peers(Peer::ClusterNodes, None) {
                        self.out.claims.add(from, to, port, label);
                    }
                }
                None => {}
            }
        }
        for address in &platform.addresses {
            let label = self.label(address.span, "an exposed port".to_owned(), false);
            self.open_to_world(address.port, &address.from, label);
        }
    }

    fn open_to_world(&mut self, port: PortId, from: &[erpc_model::Sourced<IpNet>], label: LabelId) {
        let to = self.services[port.service.index()];
        let ports = inside(&self.platform[port]);
        let peers: Vec<erpc_prove::Peer> = if from.is_empty() {
            let cluster = self.platform.cluster();
            let pods: Vec<IpNet> = cluster.pod_cidrs.iter().map(|cidr| cidr.value).collect();
            everything_without(&pods)
        } else {
            let narrowed = from.iter();
            narrowed
                .map(|cidr| outside(self.platform, cidr.value))
                .collect()
        };
        for end in peers {
            let end = self.out.claims.end(end);
            self.out.claims.add(end, to, ports, label);
        }
    }

    fn internet(&self) -> Vec<erpc_prove::Peer> {
        let cluster = self.platform.cluster();
        // All are literals that parse.
        let mut holes: Vec<IpNet> = NOT_INTERNET.iter().filter_map(|c| c.parse().ok()).collect();
        holes.extend(cluster.pod_cidrs.iter().map(|cidr| cidr.value));
        holes.extend(cluster.service_cidrs.iter().map(|cidr| cidr.value));
        holes.extend(node_cidrs(self.platform));
        everything_without(&holes)
    }
}

/// A block of addresses outside the cluster: whether one means pods and Services too is decided by
/// each network plugin for itself, so theirs are no part of it.
fn outside(platform: &Platform, cidr: IpNet) -> erpc_prove::Peer {
    let cluster = platform.cluster();
    let own = cluster.pod_cidrs.iter().chain(&cluster.service_cidrs);
    let holes: Vec<IpNet> = own
        .map(|own| own.value)
        .filter(|own| *own != cidr && cidr.contains(own))
        .collect();
    erpc_prove::Peer::addresses(cidr, &holes)
}

/// Both families without some blocks.
fn everything_without(holes: &[IpNet]) -> Vec<erpc_prove::Peer> {
    let of_family = |is_v4: bool| -> Vec<IpNet> {
        let holes = holes.iter().copied();
        holes
            .filter(|hole| matches!(hole, IpNet::V4(_)) == is_v4)
            .collect()
    };
    [("0.0.0.0/0", true), ("::/0", false)]
        .into_iter()
        .filter_map(|(all, is_v4)| Some((all.parse().ok()?, of_family(is_v4))))
        .filter(|(all, holes)| !holes.contains(all))
        .map(|(all, holes)| erpc_prove::Peer::addresses(all, &holes))
        .collect()
}

/// A declared port inside its pod.
fn inside(port: &Port) -> Ports {
    let length = port.last - port.number.value;
    let last = port.container.saturating_add(length);
    Ports::range(protocol(port.protocol), port.container, last)
}

const fn protocol(protocol: Protocol) -> erpc_prove::Protocol {
    match protocol {
        Protocol::Tcp => erpc_prove::Protocol::Tcp,
        Protocol::Udp => erpc_prove::Protocol::Udp,
        Protocol::Sctp => erpc_prove::Protocol::Sctp,
    }
}
