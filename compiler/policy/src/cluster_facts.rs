//! Facts of the cluster that flows need: one that is missing is an error that names it, and so is a
//! flow that the cluster's network plugin cannot judge.

mod plugin;

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{DnsFlavour, Peer, Platform};
use ipnet::IpNet;
use rustc_hash::FxHashSet;

use crate::blocks::{self, Block};
use crate::edges::{Edge, Edges};
use crate::implied::{Implied, RoutedPort, needs_dns};

/// Reports what is missing and what cannot be judged. Linear in the edges.
pub(crate) fn check(platform: &Platform, edges: &Edges, implied: &Implied, out: &mut Diagnostics) {
    let mut check = ClusterFactCheck {
        platform,
        edges,
        implied,
        out,
    };
    check.overlaps();
    check.dns();
    check.api_and_nodes();
    check.addresses_of_the_cluster();
    check.externals();
    check.sources();
    check.plugin();
}

struct ClusterFactCheck<'p> {
    platform: &'p Platform,
    edges: &'p Edges,
    implied: &'p Implied,
    out: &'p mut Diagnostics,
}

impl ClusterFactCheck<'_> {
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
            .at(cluster.name.span(), "not defined here")
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
            edge.to == Peer::ClusterDns
                || edge.from == Peer::ClusterDns
                || matches!(edge.from, Peer::Service(_)) && needs_dns(platform, edge)
        });
        let Some(span) = needed else {
            return;
        };
        let why = "this flow needs names to be looked up";
        let Some(dns) = &cluster.dns else {
            self.missing("who answers DNS in it", span, why, "dns kube-dns");
            return;
        };
        if dns.value.flavour == DnsFlavour::NodeLocal
            && dns.value.at.is_empty()
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
        let is_api = |edge: &Edge| edge.to == Peer::ClusterApi || edge.from == Peer::ClusterApi;
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
            .flow_with(|edge| edge.to == Peer::Internet)
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
                let Peer::External(id) = end else {
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
                                "`{}` has no addresses, and a NetworkPolicy cannot match names",
                                external.name.value
                            ),
                        )
                        .at(
                            external
                                .dns_names
                                .first()
                                .map_or(external.name.span(), erpc_model::Sourced::span),
                            "no `cidr` beside it",
                        )
                        .unless_said(external.name.span(), "cidr")
                        .also(flow, "this flow needs them")
                        .help(format!(
                            "add the addresses of `{}` as `cidr`: ask its operator, or look them up with `dig`",
                            external.dns_names.first().map_or(&*external.name.value, |name| &*name.value)
                        ))
                        .help("if they are not fixed, call `internet:PORT` instead"),
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
                        format!("the addresses {cidr} of {whose} belong to the {what} of the cluster"),
                    )
                    .at(span, "no client outside of the cluster has them")
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
}

fn is_of_nodes(edge: &Edge) -> bool {
    edge.to == Peer::ClusterNodes || edge.from == Peer::ClusterNodes
}
