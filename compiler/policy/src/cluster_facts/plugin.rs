//! What the cluster's network plugin must be able to do: a flow that needs it of a plugin that cannot is
//! an error, and one that needs it of an unknown plugin asks for the fact.

use std::net::IpAddr;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_model::units::Protocol;
use erpc_model::{Peer, PortId, ServiceId};
use ipnet::IpNet;

use super::ClusterFactCheck;
use crate::blocks::{self, Block};
use crate::cni::{self, Need};
use crate::edges::{Edge, EdgePort};
use crate::implied::{RoutedPort, controller_of};
use crate::policies::PolicyPort;

impl ClusterFactCheck<'_> {
    pub(super) fn plugin(&mut self) {
        let cluster = self.platform.cluster();
        if let Some(cni) = &cluster.cni
            && cni::enforces_nothing(cluster)
        {
            self.out.push(
                Diagnostic::new(
                    &codes::NOTHING_ENFORCED,
                    format!("`{}` does not enforce NetworkPolicies: every connection is allowed", cni.value.name),
                )
                .at(cni.span(), "connects pods and judges nothing")
                .help("name what enforces them beside it: `cni canal` for Calico's policies, `cni kube-network-policies` for flannel's own (`netpol.enabled`), `cni kube-router` on K3s"),
            );
            return;
        }
        for need in [Need::Ranges, Need::Sctp] {
            let first = self.first_port_with(need);
            if first.is_some_and(|span| !self.has(need, span)) && cluster.cni.is_none() {
                return;
            }
        }
        let to_nodes = self.first_with_node(|edge| edge.to);
        let from_nodes = self
            .first_with_node(|edge| edge.from)
            .or_else(|| self.routes_from_nodes().map(|routed| routed.span));
        // One word says both, so that one finding is enough.
        let is_fine = to_nodes.is_none_or(|span| self.has(Need::ToNodes, span))
            && from_nodes.is_none_or(|span| self.has(Need::FromNodes, span));
        if !is_fine && cluster.cni.is_none() {
            return;
        }
        self.translated();
    }

    /// The first flow or exposure with a port that asks something of the plugin.
    fn first_port_with(&self, need: Need) -> Option<Span> {
        let asks = |port: &PolicyPort| match need {
            Need::Ranges => port.last > port.port,
            Need::Sctp => port.protocol == Protocol::Sctp,
            Need::ToNodes | Need::FromNodes | Need::Translation => false,
        };
        let of_flow = self.flow_with(|edge| edge.ports(self.platform).iter().any(asks));
        of_flow.or_else(|| {
            let exposed = self.implied.world.iter().chain(&self.implied.controller);
            let mut asked =
                exposed.filter(|routed| asks(&PolicyPort::of(&self.platform[routed.port])));
            asked.next().map(|routed| routed.span)
        })
    }

    /// The first flow with a peer that a policy means by the addresses of nodes.
    fn first_with_node(&self, side: fn(&Edge) -> Peer) -> Option<Span> {
        let api_is_on_nodes = self.api_is_on_nodes();
        self.flow_with(|edge| match side(edge) {
            Peer::ClusterNodes => true,
            Peer::ClusterApi => api_is_on_nodes,
            Peer::Service(_) | Peer::External(_) | Peer::Internet | Peer::ClusterDns => false,
        })
    }

    /// Whether an API server has the address of a node, so that a policy means it by one.
    fn api_is_on_nodes(&self) -> bool {
        let nodes: Vec<Block> = blocks::nodes(self.platform)
            .into_iter()
            .map(Block::whole)
            .collect();
        let is_on_node = |ip: IpAddr| {
            let api = Block::whole(IpNet::from(ip));
            nodes.iter().any(|node| node.holds(&api))
        };
        let mut servers = self.platform.cluster().api.iter();
        servers.any(|api| is_on_node(api.value.ip))
    }

    /// Calls of pods to a port that the Service translates: a plugin that judges before that sees
    /// the Service's number, which no policy names.
    fn translated(&mut self) {
        let platform = self.platform;
        let can = cni::can(platform.cluster(), Need::Translation);
        if can == Some(true) {
            return;
        }
        for (id, flow) in self.translated_calls() {
            if can.is_none() {
                self.has(Need::Translation, flow);
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

    /// The translated ports that pods call, each with the first flow that does.
    fn translated_calls(&self) -> Vec<(PortId, Span)> {
        let platform = self.platform;
        let is_translated = |id: PortId| {
            let port = &platform[id];
            port.number.value != port.container
                && !platform[id.service].is_reached_itself(&port.name.value)
        };
        let mut calls: Vec<(PortId, Span)> = Vec::new();
        for edge in self.edges.as_slice() {
            if let (Peer::Service(_), Peer::Service(service), EdgePort::Declared(index)) =
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
        calls
    }

    fn plugin_name(&self) -> String {
        let cni = self.platform.cluster().cni.as_ref();
        cni.map_or_else(String::new, |cni| cni.value.name.to_string())
    }

    /// Whether the plugin can do what a flow needs; what it cannot, or is not said to, is reported.
    fn has(&mut self, need: Need, flow: Span) -> bool {
        let cluster = self.platform.cluster();
        let can = cni::can(cluster, need);
        if can == Some(true) {
            return true;
        }
        let Some(cni) = &cluster.cni else {
            self.missing(
                "what enforces its NetworkPolicies",
                flow,
                "whether this flow can be judged depends on it",
                "cni calico",
            );
            return false;
        };
        let name = &cni.value.name;
        let words = words(need);
        let diagnostic = if can.is_none() {
            Diagnostic::new(
                &codes::MISSING_CLUSTER_FACT,
                format!(
                    "the cluster `{}` does not say whether `{name}` {}",
                    cluster.name.value, words.does
                ),
            )
            .at(cni.span(), "not defined here")
            .also(flow, "this flow needs it")
        } else {
            Diagnostic::new(
                &codes::UNJUDGED_FLOW,
                format!("`{name}` {} unless told otherwise", words.does_not),
            )
            .at(flow, "so this flow is dropped")
            .also(cni.span(), "the plugin is named here")
        };
        self.out.push(
            diagnostic
                .help(format!(
                    "if it does, write `cni {name} with {}`",
                    need.ability()
                ))
                .help(format!("else {}", words.way_out)),
        );
        false
    }
}

/// How a need is said.
struct Words {
    does: &'static str,
    does_not: &'static str,
    way_out: &'static str,
}

const fn words(need: Need) -> Words {
    match need {
        Need::Ranges => Words {
            does: "honours ranges of ports (`endPort`)",
            does_not: "honours no ranges of ports (`endPort`)",
            way_out: "declare the ports one by one",
        },
        Need::Sctp => Words {
            does: "judges SCTP",
            does_not: "does not judge SCTP",
            way_out: "use another protocol",
        },
        Need::ToNodes => Words {
            does: "means the nodes by blocks of addresses",
            does_not: "does not mean the nodes by blocks of addresses",
            way_out: "let it: for Cilium that is `policyCIDRMatchMode: nodes`",
        },
        Need::FromNodes => Words {
            does: "means the nodes by blocks of addresses where they call pods",
            does_not: "does not mean the nodes by blocks of addresses where they call pods",
            way_out: "route between nodes without a tunnel (VXLAN, IP-in-IP), whose own address is what a pod sees; or let a pod call instead of the node",
        },
        Need::Translation => Words {
            does: "judges behind the translation of a Service",
            does_not: "judges before a Service translates",
            way_out: "let the Service's port and the container's be one number",
        },
    }
}
