//! Facts of the cluster that flows need: one that is missing is an error that names it, and so is a
//! flow that the cluster's network plugin cannot judge.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::units::Protocol;
use erpc_model::{CniAbility, DnsFlavour, End, Platform, PortId, ServiceId};
use ipnet::IpNet;
use rustc_hash::FxHashSet;

use crate::blocks::{self, Block};
use crate::cni;
use crate::edges::{Edge, EdgePort, Edges};
use crate::implied::{Implied, RoutedPort, controller_of, needs_dns};
use crate::policies::PolicyPort;

/// Reports what is missing and what cannot be judged. Linear in the edges.
pub(crate) fn check(platform: &Platform, edges: &Edges, implied: &Implied, out: &mut Diagnostics) {
    let mut facts = Facts {
        platform,
        edges,
        implied,
        out,
    };
    facts.overlaps();
    facts.dns();
    facts.api_and_nodes();
    facts.addresses_of_the_cluster();
    facts.externals();
    facts.sources();
    facts.plugin();
}

struct Facts<'p> {
    platform: &'p Platform,
    edges: &'p Edges,
    implied: &'p Implied,
    out: &'p mut Diagnostics,
}

impl Facts<'_> {
    fn missing(&mut self, fact: &str, needed_by: Span, why: &str, example: &'static str) {
        let cluster = self.platform.cluster();
        if !cluster.is_whole {
            return;
        }
        self.out.push(
            Diagnostic::new(
                &codes::MISSING_CLUSTER_FACT,
                format!("the cluster `{}` does not say {fact}", cluster.name.value),
            )
            .at(cluster.name.span(), "not said here")
            .unless_said(
                cluster.name.span(),
                example.split(' ').next().unwrap_or(example),
            )
            .also(needed_by, why)
            .help(format!("add `{example}`")),
        );
    }

    /// The first flow with an edge that is wanted.
    fn flow_with(&self, wanted: impl Fn(&Edge) -> bool) -> Option<Span> {
        let mut edges = self.edges.as_slice().iter();
        let edge = edges.find(|edge| wanted(edge))?;
        Some(self.platform.flows[edge.flow.index()].span)
    }

    fn dns(&mut self) {
        let platform = self.platform;
        let cluster = platform.cluster();
        let needed = self.flow_with(|edge| {
            edge.to == End::ClusterDns
                || edge.from == End::ClusterDns
                || matches!(edge.from, End::Service(_)) && needs_dns(platform, edge)
        });
        let Some(span) = needed else {
            return;
        };
        let why = "this flow needs names to be looked up";
        let Some(dns) = &cluster.dns else {
            self.missing("who answers DNS in it", span, why, "dns kube-dns");
            return;
        };
        if dns.value == DnsFlavour::NodeLocal
            && cluster.dns_at.is_empty()
            && cluster.service_cidrs.is_empty()
        {
            self.missing(
                "which address the Service of its DNS has",
                span,
                why,
                "services 10.96.0.0/16` or `dns node-local at 10.96.0.10",
            );
        }
    }

    fn api_and_nodes(&mut self) {
        let cluster = self.platform.cluster();
        let is_api = |edge: &Edge| edge.to == End::ClusterApi || edge.from == End::ClusterApi;
        if cluster.api.is_empty()
            && let Some(span) = self.flow_with(is_api)
        {
            let fact = "where its API server listens";
            self.missing(fact, span, "this flow needs it", "api 10.0.0.1:6443");
        }
        if !blocks::nodes(self.platform).is_empty() {
            return;
        }
        let needed = match self.flow_with(is_of_nodes) {
            Some(span) => Some((span, "this flow needs them")),
            None => self
                .routes_from_nodes()
                .map(|routed| (routed.span, "the controller that serves this runs on them")),
        };
        if let Some((span, why)) = needed {
            self.missing(
                "which addresses its nodes have",
                span,
                why,
                "nodes 3 of cpu 4, memory 16Gi, in 10.0.0.0/16",
            );
        }
    }

    /// The first route, where the controller runs on the nodes' own network.
    fn routes_from_nodes(&self) -> Option<&RoutedPort> {
        let routes = self.implied.controller.iter();
        routes
            .filter(|_| blocks::controller_is_on_nodes(self.platform))
            .min_by_key(|routed| routed.span)
    }

    /// Addresses that cannot be both: a policy would mean the one and open the other. Pods and nodes may
    /// share theirs, as they do where pods are addressed by the cloud's own network.
    fn overlaps(&mut self) {
        let cluster = self.platform.cluster();
        let meet = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let mut found = Vec::new();
        for service in &cluster.service_cidrs {
            for pod in cluster
                .pod_cidrs
                .iter()
                .filter(|pod| meet(&pod.value, &service.value))
            {
                found.push(
                    Diagnostic::new(
                        &codes::SHARED_ADDRESSES,
                        format!("pods and Services of `{}` share addresses", cluster.name.value),
                    )
                    .at(service.span(), "of Services")
                    .also(pod.span(), "of pods")
                    .help("each has a range of its own: `--service-cluster-ip-range` and `--cluster-cidr`"),
                );
            }
            if let Some(nodes) = &cluster.nodes
                && nodes
                    .value
                    .cidrs
                    .iter()
                    .any(|node| meet(node, &service.value))
            {
                found.push(
                    Diagnostic::new(
                        &codes::SHARED_ADDRESSES,
                        format!(
                            "nodes and Services of `{}` share addresses",
                            cluster.name.value
                        ),
                    )
                    .at(service.span(), "of Services")
                    .also(nodes.span(), "of nodes"),
                );
            }
            for api in cluster
                .api
                .iter()
                .filter(|api| service.value.contains(&api.value.ip))
            {
                found.push(
                    Diagnostic::new(
                        &codes::SHARED_ADDRESSES,
                        format!("{} is the address of a Service, not of an API server", api.value.ip),
                    )
                    .at(api.span(), "an API server listens elsewhere")
                    .also(service.span(), "of Services")
                    .help("most plugins judge behind a Service's translation; `kubectl get endpoints kubernetes` shows the servers' own addresses"),
                );
            }
        }
        for finding in found {
            self.out.push(finding);
        }
    }

    fn addresses_of_the_cluster(&mut self) {
        let outside = self
            .flow_with(|edge| edge.to == End::Internet)
            .map(|span| (span, "this flow leaves the cluster"))
            .or_else(|| {
                let mut exposed = self.implied.world.iter().chain(&self.implied.controller);
                let routed = exposed.next()?;
                Some((routed.span, "this lets the outside in"))
            });
        let Some((span, why)) = outside else {
            return;
        };
        let cluster = self.platform.cluster();
        if cluster.pod_cidrs.is_empty() {
            let fact = "which addresses its pods have";
            self.missing(fact, span, why, "pods 10.244.0.0/16");
        }
        if cluster.service_cidrs.is_empty() {
            let fact = "which addresses its Services have";
            self.missing(fact, span, why, "services 10.96.0.0/16");
        }
    }

    /// Externals without addresses, with those of the cluster, or of a family that it lacks.
    fn externals(&mut self) {
        let mut seen = FxHashSet::default();
        for edge in self.edges.as_slice() {
            for end in [edge.from, edge.to] {
                let End::External(id) = end else {
                    continue;
                };
                if !seen.insert(id) {
                    continue;
                }
                let external = &self.platform[id];
                let flow = self.platform.flows[edge.flow.index()].span;
                if external.cidrs.is_empty() {
                    self.out.push(
                        Diagnostic::new(
                            &codes::MISSING_CLUSTER_FACT,
                            format!(
                                "`{}` has no addresses, and a NetworkPolicy knows no names",
                                external.name.value
                            ),
                        )
                        .at(external.name.span(), "no `cidr` here")
                        .unless_said(external.name.span(), "cidr")
                        .also(flow, "this flow needs them")
                        .help("add `cidr 203.0.113.0/24`"),
                    );
                }
                for cidr in &external.cidrs {
                    self.inside(
                        cidr.value,
                        cidr.span(),
                        &format!("`{}`", external.name.value),
                    );
                }
                let cidrs = external.cidrs.iter().map(|cidr| cidr.value);
                self.family(cidrs, external.name.span(), &external.name.value, flow);
            }
        }
        let nodes = blocks::nodes(self.platform);
        if let Some(flow) = self.flow_with(is_of_nodes) {
            for cidr in nodes {
                self.inside(cidr, flow, "`cluster.nodes`");
            }
        }
    }

    /// `from` of exposures.
    fn sources(&mut self) {
        let platform = self.platform;
        let routes = platform.routes.iter().flat_map(|route| &route.from);
        let addresses = platform.addresses.iter().flat_map(|address| &address.from);
        let mut seen = FxHashSet::default();
        for cidr in routes.chain(addresses) {
            if seen.insert(cidr.span()) {
                self.inside(cidr.value, cidr.span(), "this `from`");
            }
        }
    }

    /// Addresses outside the cluster that are inside it: whether a block of addresses means pods is
    /// decided by each network plugin for itself.
    fn inside(&mut self, cidr: IpNet, span: Span, whose: &str) {
        let cluster = self.platform.cluster();
        let own = [
            (&cluster.pod_cidrs, "pods"),
            (&cluster.service_cidrs, "Services"),
        ];
        for (cidrs, what) in own {
            let around = cidrs
                .iter()
                .find(|own| Block::whole(own.value).holds(&Block::whole(cidr)));
            if let Some(around) = around {
                self.out.push(
                    Diagnostic::new(
                        &codes::ADDRESS_OF_THE_CLUSTER,
                        format!("all addresses {cidr} of {whose} are those of the cluster's {what}"),
                    )
                    .at(span, "nobody outside has them")
                    .also(around.span(), format!("the {what}"))
                    .help("plugins disagree about blocks of addresses that mean pods: name the service instead, or correct the block"),
                );
                return;
            }
        }
    }

    /// The families of addresses that the cluster has are those of its pods.
    fn family(
        &mut self,
        cidrs: impl Iterator<Item = IpNet> + Clone,
        span: Span,
        name: &str,
        flow: Span,
    ) {
        let pods = &self.platform.cluster().pod_cidrs;
        let is_v4 = |cidr: &IpNet| matches!(cidr, IpNet::V4(_));
        let has = |v4: bool| pods.iter().any(|own| is_v4(&own.value) == v4);
        let mut all = cidrs.clone();
        if pods.is_empty() || cidrs.count() == 0 || all.any(|cidr| has(is_v4(&cidr))) {
            return;
        }
        let (theirs, ours) = if has(true) {
            ("IPv6", "IPv4")
        } else {
            ("IPv4", "IPv6")
        };
        self.out.push(
            Diagnostic::new(
                &codes::WRONG_FAMILY,
                format!("`{name}` has {theirs} addresses only, and the cluster's pods {ours} ones"),
            )
            .at(span, format!("no {ours} address"))
            .also(pods[0].span(), "the pods of the cluster")
            .also(flow, "so this flow joins nothing")
            .help(format!(
                "add its {ours} addresses, or the {theirs} ones of the pods"
            )),
        );
    }

    /// What the network plugin must be able to do.
    fn plugin(&mut self) {
        let cluster = self.platform.cluster();
        if let Some(cni) = &cluster.cni
            && cni::enforces_nothing(cluster)
        {
            self.out.push(
                Diagnostic::new(
                    &codes::NOTHING_ENFORCED,
                    format!("`{}` enforces no NetworkPolicy: every connection is open", cni.value),
                )
                .at(cni.span(), "connects pods and judges nothing")
                .help("add a plugin that does beside it, and name that one: `cni canal` for flannel with Calico's policies"),
            );
            return;
        }
        let uses = |port: &PolicyPort, ability: CniAbility| match ability {
            CniAbility::Ranges => port.last > port.port,
            CniAbility::Sctp => port.protocol == Protocol::Sctp,
            CniAbility::Nodes | CniAbility::Translation => false,
        };
        for ability in [CniAbility::Ranges, CniAbility::Sctp] {
            let of_flow = self.flow_with(|edge| {
                let ports = edge.ports(self.platform);
                ports.iter().any(|port| uses(port, ability))
            });
            let exposed = self.implied.world.iter().chain(&self.implied.controller);
            let needed = of_flow.or_else(|| {
                let mut exposed = exposed
                    .filter(|routed| uses(&PolicyPort::of(&self.platform[routed.port]), ability));
                exposed.next().map(|routed| routed.span)
            });
            if let Some(span) = needed {
                self.needs(ability, span);
            }
        }
        self.nodes_by_address();
        self.translated();
    }

    /// Only where a plugin is known not to mean nodes by blocks of addresses: most do.
    fn nodes_by_address(&mut self) {
        let platform = self.platform;
        if cni::can(platform.cluster(), CniAbility::Nodes) != Some(false) {
            return;
        }
        let nodes: Vec<Block> = blocks::nodes(platform)
            .into_iter()
            .map(Block::whole)
            .collect();
        let is_on_node = |ip: std::net::IpAddr| {
            let api = Block::whole(IpNet::from(ip));
            nodes.iter().any(|node| node.holds(&api))
        };
        let api_is_on_nodes = platform
            .cluster()
            .api
            .iter()
            .any(|api| is_on_node(api.value.ip));
        let of_flow = self.flow_with(|edge| {
            let is_api = edge.to == End::ClusterApi || edge.from == End::ClusterApi;
            is_of_nodes(edge) || is_api && api_is_on_nodes
        });
        let of_route = self.routes_from_nodes().map(|routed| routed.span);
        if let Some(span) = of_flow.or(of_route) {
            self.needs(CniAbility::Nodes, span);
        }
    }

    /// Calls of pods to a port that the Service translates: a plugin that judges before that sees
    /// the Service's number, which no policy names.
    fn translated(&mut self) {
        let platform = self.platform;
        if cni::can(platform.cluster(), CniAbility::Translation) == Some(true) {
            return;
        }
        let is_translated = |id: PortId| {
            let port = &platform[id];
            port.number.value != port.container && !platform[id.service].is_stateful()
        };
        let mut calls: Vec<(PortId, Span)> = Vec::new();
        for edge in self.edges.as_slice() {
            if let (End::Service(_), End::Service(service), EdgePort::Declared(index)) =
                (edge.from, edge.to, edge.port)
            {
                let port = PortId { service, index };
                if is_translated(port) {
                    calls.push((port, platform.flows[edge.flow.index()].span));
                }
            }
        }
        let is_other = |id: &ServiceId, routed: &&RoutedPort| *id != routed.port.service;
        if let Some(controller) = controller_of(platform) {
            let routes = self.implied.controller.iter();
            let others = routes.filter(|routed| is_other(&controller, routed));
            let translated = others.filter(|routed| is_translated(routed.port));
            calls.extend(translated.map(|routed| (routed.port, routed.span)));
        }
        calls.sort_unstable();
        calls.dedup_by_key(|(port, _)| *port);
        let is_known = cni::can(platform.cluster(), CniAbility::Translation).is_some();
        for (id, flow) in calls {
            if !is_known {
                self.needs(CniAbility::Translation, flow);
                return;
            }
            let (port, service) = (&platform[id], &platform[id.service]);
            let name = self.plugin_name();
            self.out.push(
                Diagnostic::new(
                    &codes::UNJUDGED_FLOW,
                    format!(
                        "`{name}` judges before a Service translates: calls of `{}` have the port {}, and policies name {}",
                        platform.path(id.service), port.number.value, port.container
                    ),
                )
                .at(flow, "so this flow is dropped")
                .also(port.number.span(), "the two numbers differ here")
                .help(format!(
                    "let the Service have the container's number: `port {} {}`",
                    port.name.value, port.container
                ))
                .help(format!("`{}` is found in DNS by its name, so clients need the new number only where they spell it", service.name.value)),
            );
        }
    }

    fn plugin_name(&self) -> String {
        let cni = self.platform.cluster().cni.as_ref();
        cni.map_or_else(String::new, |cni| cni.value.to_string())
    }

    fn needs(&mut self, ability: CniAbility, flow: Span) {
        let cluster = self.platform.cluster();
        let can = cni::can(cluster, ability);
        if can == Some(true) {
            return;
        }
        let (what, how) = match ability {
            CniAbility::Ranges => (
                "honours ranges of ports (`endPort`)",
                "declare the ports one by one",
            ),
            CniAbility::Sctp => ("judges SCTP", "use another protocol"),
            CniAbility::Nodes => (
                "means the nodes by blocks of addresses",
                "for Cilium that is `policy-cidr-match-mode: nodes`",
            ),
            CniAbility::Translation => (
                "judges behind the translation of a Service",
                "let the Service's port and the container's be one number",
            ),
        };
        let Some(cni) = &cluster.cni else {
            self.missing(
                "what enforces its NetworkPolicies",
                flow,
                "whether this flow can be judged depends on it",
                "cni calico",
            );
            return;
        };
        let name = &cni.value;
        let diagnostic = if can.is_none() {
            Diagnostic::new(
                &codes::MISSING_CLUSTER_FACT,
                format!(
                    "the cluster `{}` does not say whether `{name}` {what}",
                    cluster.name.value
                ),
            )
            .at(cni.span(), "not said here")
            .also(flow, "this flow needs it")
        } else {
            let not = match ability {
                CniAbility::Ranges => "honours no ranges of ports (`endPort`)",
                CniAbility::Sctp => "does not judge SCTP",
                CniAbility::Nodes => "does not mean the nodes by blocks of addresses",
                CniAbility::Translation => "judges before a Service translates",
            };
            Diagnostic::new(
                &codes::UNJUDGED_FLOW,
                format!("`{name}` {not} unless told otherwise"),
            )
            .at(flow, "so this flow is dropped")
            .also(cni.span(), "the plugin is named here")
        };
        self.out.push(diagnostic.help(format!(
            "if it does, write `cni {name} with {ability}`; else {how}"
        )));
    }
}

fn is_of_nodes(edge: &Edge) -> bool {
    edge.to == End::ClusterNodes || edge.from == End::ClusterNodes
}
