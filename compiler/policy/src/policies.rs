//! The contract of each workload with the network, exact and minimal: both sides of every edge,
//! on container ports, peers that share namespace and ports in one rule.

use std::collections::{BTreeMap, BTreeSet};

use erpc_model::units::Protocol;
use erpc_model::{DnsFlavour, ExternalPort, IngressController, Peer, Platform, Port, ServiceId};
use ipnet::IpNet;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::blocks::{self, Block};
use crate::edges::{Edges, dns_ports};
use crate::implied::{Implied, RoutedPort, controller_of};
use crate::mesh;

/// Ports of one protocol in a row, as the pod sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyPort {
    /// The protocol.
    pub protocol: Protocol,
    /// The first.
    pub port: u16,
    /// The last; equal to `port` for one.
    pub last: u16,
}

impl PolicyPort {
    /// One port.
    #[must_use]
    pub const fn single(protocol: Protocol, port: u16) -> Self {
        Self {
            protocol,
            port,
            last: port,
        }
    }

    /// What a declared port is inside its pod.
    #[must_use]
    pub fn of(port: &Port) -> Self {
        Self {
            protocol: port.protocol,
            port: port.container,
            last: port.container + (port.last - port.number.value),
        }
    }

    /// What a declared port of an external is.
    #[must_use]
    pub const fn of_external(port: &ExternalPort) -> Self {
        Self {
            protocol: port.protocol,
            port: port.number,
            last: port.last,
        }
    }
}

impl PolicyPort {
    /// Whether a port is in both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.port <= other.last && other.port <= self.last
    }

    /// Whether every port of `other` is in this one.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.port <= other.port && other.last <= self.last
    }
}

impl std::fmt::Display for PolicyPort {
    /// `443/tcp`, `9000..9003/udp`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.last == self.port {
            write!(f, "{}/{}", self.port, self.protocol.as_suffix())
        } else {
            let suffix = self.protocol.as_suffix();
            write!(f, "{}..{}/{suffix}", self.port, self.last)
        }
    }
}

/// Which pods of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodSelector {
    /// Those of these services, sorted, at least one.
    Services(Vec<SmolStr>),
    /// Those of a service whose `identity` has a selector, by its name, with the labels of the selector, sorted.
    OfService(SmolStr, Vec<(SmolStr, SmolStr)>),
    /// Those of a workload among the manifests, by its name, with the labels that select them, sorted.
    Raw(SmolStr, Vec<(SmolStr, SmolStr)>),
    /// Those that carry all of these labels, sorted.
    Labels(Vec<(SmolStr, SmolStr)>),
}

impl PodSelector {
    /// The names of the services whose pods it selects; none for pods that are not the platform's.
    #[must_use]
    pub fn services(&self) -> &[SmolStr] {
        match self {
            Self::Services(names) => names,
            Self::OfService(name, _) | Self::Raw(name, _) => std::slice::from_ref(name),
            Self::Labels(_) => &[],
        }
    }
}

/// Pods, always with their namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selected {
    /// Their namespace, by its name.
    pub namespace: SmolStr,
    /// Which of them.
    pub pods: PodSelector,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyPeer {
    /// Pods of the cluster.
    Pods(Selected),
    /// Addresses: a CIDR without the ones of the list, which are strictly inside it.
    Block(IpNet, Vec<IpNet>),
}

/// Who may come on which ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IngressRule {
    /// At least one.
    pub from: Vec<PolicyPeer>,
    /// At least one, sorted.
    pub ports: Vec<PolicyPort>,
}

/// Where a workload may go on which ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EgressRule {
    /// At least one.
    pub to: Vec<PolicyPeer>,
    /// At least one, sorted.
    pub ports: Vec<PolicyPort>,
}

/// The whole contract of a workload; what is not in it is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadPolicy {
    /// Whose.
    pub service: ServiceId,
    /// Who may come.
    pub ingress: Vec<IngressRule>,
    /// Where it may go; DNS last.
    pub egress: Vec<EgressRule>,
}

impl WorkloadPolicy {
    /// Whether it has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ingress.is_empty() && self.egress.is_empty()
    }
}

/// What is known of the other sides while the edges are gathered.
#[derive(Clone, Debug, Default)]
struct Side {
    services: BTreeMap<ServiceId, BTreeSet<PolicyPort>>,
    pods: BTreeMap<Selected, BTreeSet<PolicyPort>>,
    blocks: BTreeMap<Block, BTreeSet<PolicyPort>>,
}

/// Derives the contracts, in the order of the services. `implied` and the cluster block hold every
/// fact that the edges need, which [`Implied::of`] has made sure of.
#[must_use]
pub fn policies(platform: &Platform, edges: &Edges, implied: &Implied) -> Vec<WorkloadPolicy> {
    let mut gathered: Vec<(Side, Side)> = vec![Default::default(); platform.services.len()];
    for edge in edges.as_slice() {
        for port in edge.ports(platform) {
            // Who asks DNS anyway has its rule already.
            let has_rule = |from: &ServiceId| {
                edge.to == Peer::ClusterDns && implied.dns.binary_search(from).is_ok()
            };
            if let Peer::Service(from) = edge.from
                && !has_rule(&from)
            {
                gathered[from.index()].1.add(platform, edge.to, port);
            }
            if let Peer::Service(to) = edge.to {
                gathered[to.index()].0.add(platform, edge.from, port);
            }
            if let (Peer::Service(from), Peer::Service(to), Some(tunnel)) =
                (edge.from, edge.to, mesh::tunnel(platform, port))
            {
                gathered[from.index()].1.add(platform, edge.to, tunnel);
                gathered[to.index()].0.add(platform, edge.from, tunnel);
            }
        }
    }
    for routed in &implied.controller {
        add_controller(platform, routed, &mut gathered);
    }
    let world = blocks::world(platform);
    for routed in &implied.world {
        let port = PolicyPort::of(&platform[routed.port]);
        let side = &mut gathered[routed.port.service.index()].0;
        if routed.from.is_empty() {
            for block in &world {
                side.block(block.clone(), port);
            }
        }
        for cidr in &routed.from {
            side.block(blocks::outside(platform, *cidr), port);
        }
    }
    let dns = dns_rule(platform);
    // What a service may do depends on no other one's rules.
    let gathered: Vec<(ServiceId, (Side, Side))> = platform
        .workloads()
        .map(|(service, _)| service)
        .zip(gathered)
        .collect();
    gathered
        .into_par_iter()
        .with_min_len(32)
        .map(|(service, (ingress, egress))| {
            let mut egress: Vec<EgressRule> = egress.egress_rules(platform);
            if implied.dns.binary_search(&service).is_ok() {
                egress.push(dns.clone());
            }
            WorkloadPolicy {
                service,
                ingress: ingress.ingress_rules(platform),
                egress,
            }
        })
        .collect()
}

fn add_controller(platform: &Platform, routed: &RoutedPort, gathered: &mut [(Side, Side)]) {
    let port = PolicyPort::of(&platform[routed.port]);
    let target = routed.port.service;
    if let Some(controller) = controller_of(platform) {
        if controller != target {
            let to = &mut gathered[controller.index()].1;
            to.add(platform, Peer::Service(target), port);
        }
        let from = &mut gathered[target.index()].0;
        from.add(platform, Peer::Service(controller), port);
        if controller != target
            && let Some(tunnel) = mesh::tunnel(platform, port)
        {
            from.add(platform, Peer::Service(controller), tunnel);
            let to = &mut gathered[controller.index()].1;
            to.add(platform, Peer::Service(target), tunnel);
        }
    } else if blocks::controller_is_on_nodes(platform) {
        gathered[target.index()]
            .0
            .add(platform, Peer::ClusterNodes, port);
    } else if let Some(IngressController::Pods { namespace, labels }) =
        platform.cluster().ingress.as_ref().map(|i| &i.controller)
    {
        let mut labels = labels.clone();
        labels.sort_unstable();
        let selected = Selected {
            namespace: namespace.clone(),
            pods: PodSelector::Labels(labels),
        };
        let side = &mut gathered[target.index()].0;
        side.pods.entry(selected).or_default().insert(port);
    }
}

/// The namespace of the pods that answer DNS, and the labels by which they are known.
#[must_use]
pub fn dns_pods(platform: &Platform) -> (SmolStr, Vec<(SmolStr, SmolStr)>) {
    if let Some(pods) = platform.cluster().dns_pods() {
        return (pods.namespace.clone(), pods.labels.clone());
    }
    let (namespace, key, value) = match platform.cluster().dns_flavour() {
        Some(DnsFlavour::OpenShift) => (
            "openshift-dns",
            "dns.operator.openshift.io/daemonset-dns",
            "default",
        ),
        Some(DnsFlavour::KubeDns | DnsFlavour::NodeLocal) | None => {
            ("kube-system", "k8s-app", "kube-dns")
        }
    };
    (namespace.into(), vec![(key.into(), value.into())])
}

fn selected_dns(platform: &Platform) -> Selected {
    let (namespace, labels) = dns_pods(platform);
    Selected {
        namespace,
        pods: PodSelector::Labels(labels),
    }
}

fn dns_rule(platform: &Platform) -> EgressRule {
    let mut to = vec![PolicyPeer::Pods(selected_dns(platform))];
    to.extend(
        dns_blocks(platform)
            .into_iter()
            .map(|block| PolicyPeer::Block(block.cidr, block.except)),
    );
    EgressRule {
        to,
        ports: dns_ports(platform),
    }
}

/// The addresses of DNS beside its pods: with a cache on each node, the cache's own address and
/// the ClusterIP of kube-dns, which the cache takes over (KEP-1024).
fn dns_blocks(platform: &Platform) -> Vec<Block> {
    let cluster = platform.cluster();
    if cluster.dns_flavour() != Some(DnsFlavour::NodeLocal) {
        return Vec::new();
    }
    let cache = std::net::IpAddr::from([169, 254, 20, 10]);
    let said = cluster.dns_at().iter().map(|at| at.value);
    // The tenth address of the Service range is the one that kubeadm gives to DNS.
    let usual = cluster
        .service_cidrs
        .iter()
        .filter(|_| cluster.dns_at().is_empty())
        .filter_map(|cidr| cidr.value.hosts().nth(9));
    let others = said.chain(usual).filter(|ip| *ip != cache);
    let whole = |ip| Block::whole(IpNet::from(ip));
    std::iter::once(cache).chain(others).map(whole).collect()
}

impl Side {
    fn add(&mut self, platform: &Platform, end: Peer, port: PolicyPort) {
        let blocks: Vec<Block> = match end {
            Peer::Service(id) => {
                self.services.entry(id).or_default().insert(port);
                return;
            }
            Peer::ClusterDns => {
                self.pods
                    .entry(selected_dns(platform))
                    .or_default()
                    .insert(port);
                dns_blocks(platform)
            }
            Peer::External(id) => {
                let cidrs = platform[id].cidrs.iter();
                cidrs
                    .map(|cidr| blocks::outside(platform, cidr.value))
                    .collect()
            }
            Peer::Internet => blocks::internet(platform),
            Peer::ClusterApi => {
                let addresses = platform.cluster().api.iter();
                addresses
                    .filter(|api| api.value.port == port.port)
                    .map(|api| Block::whole(IpNet::from(api.value.ip)))
                    .collect()
            }
            Peer::ClusterNodes => {
                let nodes = blocks::nodes(platform).into_iter();
                nodes.map(|cidr| blocks::outside(platform, cidr)).collect()
            }
        };
        for block in blocks {
            self.block(block, port);
        }
    }

    fn block(&mut self, block: Block, port: PolicyPort) {
        self.blocks.entry(block).or_default().insert(port);
    }

    /// Takes from a block the ports that a wider one has too: a rule without them says the same.
    fn drop_covered_blocks(&mut self) {
        if self.blocks.len() < 2 {
            return;
        }
        let all = std::mem::take(&mut self.blocks);
        let mut by_cidr: FxHashMap<IpNet, Vec<(&Block, &BTreeSet<PolicyPort>)>> =
            FxHashMap::default();
        for (block, ports) in &all {
            by_cidr.entry(block.cidr).or_default().push((block, ports));
        }
        for (block, ports) in &all {
            let mut left = ports.clone();
            // A wider block starts at one of the prefixes of this one.
            let mut around = Some(block.cidr);
            while let Some(cidr) = around {
                let wider = by_cidr.get(&cidr).into_iter().flatten();
                for (other, theirs) in wider.filter(|(other, _)| *other != block) {
                    if other.holds(block) {
                        left.retain(|port| !theirs.contains(port));
                    }
                }
                around = cidr.supernet();
            }
            if !left.is_empty() {
                self.blocks.insert(block.clone(), left);
            }
        }
    }

    /// Peers by the set of ports that they share. Services of one namespace are one peer.
    fn grouped(mut self, platform: &Platform) -> BTreeMap<Vec<PolicyPort>, Vec<PolicyPeer>> {
        self.drop_covered_blocks();
        let mut groups: BTreeMap<Vec<PolicyPort>, Vec<PolicyPeer>> = BTreeMap::new();
        let mut by_namespace: BTreeMap<(Vec<PolicyPort>, SmolStr), Vec<SmolStr>> = BTreeMap::new();
        for (id, ports) in self.services {
            let service = &platform[id];
            // That no flow is theirs is checked.
            if service.has_no_selector() {
                continue;
            }
            let namespace = platform[service.namespace].name.value.clone();
            if service.has_own_selector() {
                let mut labels = Vec::from_iter(service.selector_labels());
                labels.sort_unstable();
                let name = service.name.value.clone();
                let pods = match service.raw {
                    Some(_) => PodSelector::Raw(name, labels),
                    None => PodSelector::OfService(name, labels),
                };
                let peer = PolicyPeer::Pods(Selected { namespace, pods });
                groups
                    .entry(ports.into_iter().collect())
                    .or_default()
                    .push(peer);
                continue;
            }
            by_namespace
                .entry((ports.into_iter().collect(), namespace))
                .or_default()
                .push(service.name.value.clone());
        }
        for ((ports, namespace), mut services) in by_namespace {
            services.sort_unstable();
            groups
                .entry(ports)
                .or_default()
                .push(PolicyPeer::Pods(Selected {
                    namespace,
                    pods: PodSelector::Services(services),
                }));
        }
        for (selected, ports) in self.pods {
            let ports = ports.into_iter().collect();
            groups
                .entry(ports)
                .or_default()
                .push(PolicyPeer::Pods(selected));
        }
        for (block, ports) in self.blocks {
            let ports = ports.into_iter().collect();
            let peer = PolicyPeer::Block(block.cidr, block.except);
            groups.entry(ports).or_default().push(peer);
        }
        for peers in groups.values_mut() {
            peers.sort_unstable();
        }
        groups
    }

    fn ingress_rules(self, platform: &Platform) -> Vec<IngressRule> {
        let mut rules: Vec<IngressRule> = self
            .grouped(platform)
            .into_iter()
            .map(|(ports, from)| IngressRule { from, ports })
            .collect();
        rules.sort_unstable();
        rules
    }

    /// One rule for each target namespace and set of ports; addresses last.
    fn egress_rules(self, platform: &Platform) -> Vec<EgressRule> {
        let mut rules: Vec<EgressRule> = Vec::new();
        for (ports, peers) in self.grouped(platform) {
            let (pods, blocks): (Vec<PolicyPeer>, Vec<PolicyPeer>) = peers
                .into_iter()
                .partition(|peer| matches!(peer, PolicyPeer::Pods(_)));
            for peer in pods {
                rules.push(EgressRule {
                    to: vec![peer],
                    ports: ports.clone(),
                });
            }
            if !blocks.is_empty() {
                rules.push(EgressRule { to: blocks, ports });
            }
        }
        rules.sort_unstable();
        rules
    }
}
