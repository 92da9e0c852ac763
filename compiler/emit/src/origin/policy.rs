//! Fields of NetworkPolicies. A rule joins many edges, so that a line of it follows from every
//! flow, route or implied need that has its peer and its port.

use std::net::IpAddr;

use erpc_model::units::Protocol;
use erpc_model::{IngressController, Mode, Peer, Platform, Port, Route, ServiceId};
use erpc_policy::{Edge, NAME_LABEL, PolicyPort, needs_dns};
use ipnet::IpNet;
use serde_json::Value;

use super::network::{declared, route_cause};
use super::{
    Answer, Cause, Context,
    Part::{Item as I, Key as K},
    Path, always, by_name, metadata, one,
};

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    one(match context.of_service() {
        Some(service) => Cause::said(
            "each service has a contract: what no flow needs is denied",
            &service.name,
        ),
        None => Cause::said(
            "a pod that no other policy selects speaks to nobody",
            &metadata::namespace(context)?.1.name,
        ),
    })
}

pub(super) fn of(context: &Context<'_>, path: Path<'_>) -> Answer {
    match path {
        [K("spec"), K("podSelector"), ..] => match context.of_service() {
            Some(service) => one(by_name(service)),
            None => always("every pod of the namespace"),
        },
        [K("spec"), K("policyTypes"), ..] => {
            always("both directions are closed but for what the rules open")
        }
        [
            K("spec"),
            K(direction @ ("ingress" | "egress")),
            I(_),
            rest @ ..,
        ] => {
            let rule = Rule {
                context,
                service: context.service?,
                is_ingress: *direction == "ingress",
                rule: context.value_at(&path[..3])?,
            };
            rule.of(rest)
        }
        _ => None,
    }
}

/// One rule of a service's policy.
struct Rule<'r> {
    context: &'r Context<'r>,
    service: ServiceId,
    is_ingress: bool,
    rule: &'r Value,
}

/// The other side of a rule, as its YAML says it.
enum Other<'v> {
    Services(&'v str, Vec<&'v str>),
    Pods(&'v str),
    Block(&'v str),
}

/// First number, last number, protocol.
#[derive(Clone, Copy)]
struct Numbers<'v>(u64, u64, &'v str);

impl Numbers<'_> {
    fn meets(self, port: PolicyPort) -> bool {
        port.protocol.as_str() == self.2
            && u64::from(port.port) <= self.1
            && self.0 <= u64::from(port.last)
    }
}

impl<'r> Rule<'r> {
    fn of(&self, path: Path<'_>) -> Answer {
        match path {
            [K("ports"), I(place), K(_)] => {
                let ports: Vec<Numbers<'_>> = self.ports().skip(*place).take(1).collect();
                let mut causes = self.causes(&self.others()?, &ports);
                causes.extend(self.numbers(&self.others()?, &ports));
                causes.extend(self.tunnel(&ports));
                Some(causes)
            }
            [K("to" | "from"), I(place), rest @ ..] => {
                let peer = self.peers()?.get(*place)?;
                self.of_peer(peer, rest)
            }
            _ => None,
        }
    }

    fn of_peer(&self, peer: &'r Value, path: Path<'_>) -> Answer {
        let ports: Vec<Numbers<'_>> = self.ports().collect();
        let mut other = other(peer)?;
        match path {
            [K("ipBlock"), K("except"), I(place)] => {
                let hole = peer.pointer("/ipBlock/except")?.get(*place)?.as_str()?;
                return Some(vec![hole_cause(self.context.platform, hole)]);
            }
            [
                K("podSelector"),
                K("matchExpressions"),
                I(_),
                K("values"),
                I(place),
            ] => {
                if let Other::Services(_, names) = &mut other {
                    *names = names.get(*place).copied().into_iter().collect();
                }
            }
            [K("namespaceSelector"), K("matchLabels"), K(_)]
            | [K("podSelector"), K("matchLabels"), K(_)]
            | [
                K("podSelector"),
                K("matchExpressions"),
                I(_),
                K("key" | "operator"),
            ]
            | [K("ipBlock"), K("cidr")] => {}
            _ => return None,
        }
        Some(self.causes(&[other], &ports))
    }

    fn peers(&self) -> Option<&'r Vec<Value>> {
        let side = if self.is_ingress { "from" } else { "to" };
        self.rule.get(side)?.as_array()
    }

    fn others(&self) -> Option<Vec<Other<'r>>> {
        Some(self.peers()?.iter().filter_map(other).collect())
    }

    fn ports(&self) -> impl Iterator<Item = Numbers<'r>> + use<'r> {
        let ports = self.rule.get("ports").and_then(Value::as_array);
        ports.into_iter().flatten().filter_map(|port| {
            let first = port.get("port")?.as_u64()?;
            let last = port.get("endPort").and_then(Value::as_u64).unwrap_or(first);
            Some(Numbers(first, last, port.get("protocol")?.as_str()?))
        })
    }

    /// Why these peers are joined on these ports, each reason once.
    fn causes(&self, others: &[Other<'_>], ports: &[Numbers<'_>]) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for other in others {
            let found = match other {
                // Pods outside the platform may carry the same label.
                Other::Services(namespace, _) if !self.has_namespace(namespace) => {
                    self.of_pods(namespace, ports)
                }
                Other::Services(namespace, names) => self.of_services(namespace, names, ports),
                Other::Pods(namespace) => self.of_pods(namespace, ports),
                Other::Block(cidr) => self.of_block(cidr, ports),
            };
            for cause in found {
                if !causes.contains(&cause) {
                    causes.push(cause);
                }
            }
        }
        causes
    }

    fn has_namespace(&self, name: &str) -> bool {
        let mut namespaces = self.context.platform.namespaces.iter();
        namespaces.any(|namespace| namespace.name.value == name)
    }

    fn edges(&self) -> &'r [Edge] {
        if self.is_ingress {
            self.context.edges_in
        } else {
            self.context.derived.edges.from(self.service)
        }
    }

    /// The end of an edge that the peer is.
    fn end(&self, edge: &Edge) -> Peer {
        if self.is_ingress { edge.from } else { edge.to }
    }

    /// The flows on these ports whose other end is wanted.
    fn flows(&self, ports: &[Numbers<'_>], is_wanted: impl Fn(Peer) -> bool) -> Vec<Cause> {
        let platform = self.context.platform;
        let edges = self.edges().iter().filter(|edge| is_wanted(self.end(edge)));
        let edges = edges.filter(|edge| meet(ports, &edge.ports(platform)));
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
                Cause::at(why, declared(platform.flows[flow.index()].span))
            })
            .collect()
    }

    fn of_services(&self, namespace: &str, names: &[&str], ports: &[Numbers<'_>]) -> Vec<Cause> {
        let platform = self.context.platform;
        let is_named = |id: ServiceId| {
            let service = &platform[id];
            platform[service.namespace].name.value == namespace
                && names.contains(&service.name.value.as_str())
        };
        let mut causes = self.flows(
            ports,
            |end| matches!(end, Peer::Service(id) if is_named(id)),
        );
        let controller = platform.cluster().ingress.as_ref();
        let Some(controller) = controller.and_then(|ingress| ingress.controller.service()) else {
            return causes;
        };
        let routes = platform.routes.iter().filter(|route| {
            let target = route.port.service;
            if self.is_ingress {
                target == self.service && is_named(controller)
            } else {
                self.service == controller && target != controller && is_named(target)
            }
        });
        causes.extend(self.routes(routes, ports));
        causes
    }

    fn routes<'p>(
        &self,
        routes: impl Iterator<Item = &'p Route>,
        ports: &[Numbers<'_>],
    ) -> Vec<Cause> {
        let platform = self.context.platform;
        routes
            .filter(|route| meet(ports, &[PolicyPort::of(&platform[route.port])]))
            .map(|route| route_cause("the ingress controller serves a route", route))
            .collect()
    }

    /// Pods that are no service's: those of DNS, or an ingress controller's.
    fn of_pods(&self, namespace: &str, ports: &[Numbers<'_>]) -> Vec<Cause> {
        let platform = self.context.platform;
        let ingress = platform.cluster().ingress.as_ref();
        if self.is_ingress
            && let Some(ingress) = ingress
            && let IngressController::Pods { namespace: of, .. } = &ingress.controller
            && of == namespace
        {
            let mut causes = self.routes(platform.routes_to(self.service).iter(), ports);
            causes.push(Cause::said(
                "the pods of the ingress controller",
                &ingress.class,
            ));
            return causes;
        }
        self.of_dns(ports)
    }

    fn of_dns(&self, ports: &[Numbers<'_>]) -> Vec<Cause> {
        let platform = self.context.platform;
        let mut causes = self.flows(ports, |end| end == Peer::ClusterDns);
        if !self.is_ingress {
            let mut by_name = self.edges().iter().filter(|edge| needs_dns(platform, edge));
            if let Some(edge) = by_name.next() {
                let span = platform.flows[edge.flow.index()].span;
                let why = "who calls by name asks DNS; the first flow that does";
                causes.push(Cause::at(why, declared(span)));
            } else if let Some(route) = platform.routes.iter().min_by_key(|route| route.span)
                && causes.is_empty()
            {
                causes.push(route_cause(
                    "the controller finds what it serves by name",
                    route,
                ));
            }
        }
        let dns = platform.cluster().dns.as_ref();
        causes.extend(dns.map(|dns| Cause::said("who answers DNS", dns)));
        causes
    }

    fn of_block(&self, cidr: &str, ports: &[Numbers<'_>]) -> Vec<Cause> {
        let platform = self.context.platform;
        let is = |net: &IpNet| net.trunc().to_string() == cidr;
        let cluster = platform.cluster();
        let is_node = || {
            let nodes = cluster.nodes.as_ref();
            nodes.is_some_and(|nodes| nodes.value.cidrs.iter().any(is))
        };
        let is_api = |ip: IpAddr| is(&IpNet::from(ip));
        let is_all = ["0.0.0.0/0", "::/0"].contains(&cidr);
        let mut causes = self.flows(ports, |end| match end {
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
            causes.extend(self.of_world(cidr, ports));
        }
        if causes.is_empty() {
            // With a cache on each node, DNS has addresses beside its pods.
            causes = self.of_dns(ports);
        }
        causes
    }

    /// Who lets addresses outside the cluster in.
    fn of_world(&self, cidr: &str, ports: &[Numbers<'_>]) -> Vec<Cause> {
        let platform = self.context.platform;
        let mut causes = Vec::new();
        for routed in &self.context.derived.implied.world {
            let is_from = |net: &IpNet| net.trunc().to_string() == cidr;
            let has_port = meet(ports, &[PolicyPort::of(&platform[routed.port])]);
            let is_from = routed.from.is_empty() || routed.from.iter().any(is_from);
            if routed.port.service == self.service && has_port && is_from {
                causes.push(Cause::at("it lets the outside in", declared(routed.span)));
            }
        }
        let ingress = platform.cluster().ingress.as_ref();
        if ingress.is_some_and(|i| matches!(i.controller, IngressController::Nodes)) {
            causes.extend(self.routes(platform.routes_to(self.service).iter(), ports));
        }
        causes
    }

    /// The service mesh, where its tunnel is among the ports.
    fn tunnel(&self, ports: &[Numbers<'_>]) -> Option<Cause> {
        let mesh = self.context.platform.cluster().mesh.as_ref()?;
        let port = PolicyPort::single(Protocol::Tcp, mesh.value.tunnel());
        meet(ports, &[port]).then(|| Cause::said("the tunnel of the service mesh", mesh))
    }

    /// The declarations of the ports that a rule names.
    fn numbers(&self, others: &[Other<'_>], ports: &[Numbers<'_>]) -> Vec<Cause> {
        let platform = self.context.platform;
        let mine = |id: ServiceId| platform[id].ports.iter();
        let mut found: Vec<&Port> = Vec::new();
        if self.is_ingress {
            found.extend(mine(self.service));
        } else {
            for other in others {
                let Other::Services(namespace, names) = other else {
                    continue;
                };
                let called = platform.services().filter(|(_, service)| {
                    platform[service.namespace].name.value == *namespace
                        && names.contains(&service.name.value.as_str())
                });
                found.extend(called.flat_map(|(id, _)| mine(id)));
            }
        }
        let mut causes: Vec<Cause> = Vec::new();
        for port in found {
            let cause = Cause::said("the number of the port", &port.number);
            if meet(ports, &[PolicyPort::of(port)]) && !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes
    }
}

fn meet(ports: &[Numbers<'_>], of: &[PolicyPort]) -> bool {
    ports
        .iter()
        .any(|wanted| of.iter().any(|port| wanted.meets(*port)))
}

fn other(peer: &Value) -> Option<Other<'_>> {
    if let Some(block) = peer.get("ipBlock") {
        return Some(Other::Block(block.get("cidr")?.as_str()?));
    }
    let labels = peer.pointer("/namespaceSelector/matchLabels")?;
    let namespace = labels.get("kubernetes.io/metadata.name")?.as_str()?;
    let pods = peer.get("podSelector")?;
    if let Some(name) = pods
        .get("matchLabels")
        .and_then(|labels| labels.get(NAME_LABEL))
    {
        return Some(Other::Services(namespace, vec![name.as_str()?]));
    }
    let values = pods
        .pointer("/matchExpressions/0/values")
        .and_then(Value::as_array);
    Some(match values {
        Some(values) => {
            let names = values.iter().filter_map(Value::as_str);
            Other::Services(namespace, names.collect())
        }
        None => Other::Pods(namespace),
    })
}

/// Why a block leaves addresses out.
fn hole_cause(platform: &Platform, hole: &str) -> Cause {
    let cluster = platform.cluster();
    let is = |net: &IpNet| net.trunc().to_string() == hole;
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
