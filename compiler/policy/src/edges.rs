//! From flows with wildcards to edges: one caller, one called, one port. Linear in the edges.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::units::Protocol;
use erpc_model::{
    DnsFlavour, ExternalPort, Flow, FlowId, FlowPort, Mode, Peer, Peers, Platform, ServiceId,
    ServiceName, listed, nearest,
};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::policies::PolicyPort;

/// How many edges the flows of a program may make, an edge as often as flows name it.
pub const MAX_EDGES: usize = 10_000_000;

/// So few edges of a flow are never too many.
const FEW_EDGES: usize = 20;
/// So many of one flow with stars on both sides always are, unless its author accepts them. Between the
/// two it is a matter of their share: a tenth of all pairs of services.
const MANY_EDGES: usize = 500;

/// One caller, one called, one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who calls.
    pub from: Peer,
    /// Who is called.
    pub to: Peer,
    /// On which port.
    pub port: EdgePort,
    /// The strongest mode of the flows that say it.
    pub mode: Mode,
    /// The flow that says so.
    pub flow: FlowId,
}

/// The port of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgePort {
    /// The port at this place among those of the callee.
    Declared(u32),
    /// A number, of a peer without declared ports.
    Number(u16, Protocol),
    /// What the cluster block says: of `cluster.api` and `cluster.dns`.
    Implied,
}

/// All edges, sorted by caller, called and port, each once.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    list: Vec<Edge>,
    /// By service: whether a flow observes it.
    observed: Vec<bool>,
}

impl Edges {
    /// Expands the flows of a platform.
    #[must_use]
    pub fn of(platform: &Platform, out: &mut Diagnostics) -> Self {
        Self::within(MAX_EDGES, platform, out)
    }

    /// Expands the flows of a platform to at most so many edges; more are an error.
    #[must_use]
    pub fn within(limit: usize, platform: &Platform, out: &mut Diagnostics) -> Self {
        let mut expansion = Expansion {
            platform,
            out,
            index: FxHashMap::default(),
            edges: Vec::new(),
            expanded: 0,
            limit,
            by_flow: Vec::with_capacity(platform.flows.len()),
        };
        for (number, flow) in (0..).zip(&platform.flows) {
            expansion.flow(FlowId(number), flow);
            if expansion.expanded > limit {
                expansion.out.push(
                    Diagnostic::new(
                        &codes::EVALUATION_BUDGET,
                        format!("the flows make more than {limit} edges"),
                    )
                    .at(flow.span, "with this one"),
                );
                break;
            }
        }
        expansion.report_redundant();
        expansion.report_wide();
        let mut list = expansion.edges;
        list.sort_unstable_by_key(|edge| (edge.from, edge.to, edge.port));
        let mut observed = vec![false; platform.services.len()];
        for edge in &list {
            if let (Peer::Service(id), Mode::Observes) = (edge.to, edge.mode) {
                observed[id.index()] = true;
            }
        }
        Self { list, observed }
    }

    /// The edges.
    #[must_use]
    pub fn as_slice(&self) -> &[Edge] {
        &self.list
    }

    /// Whether replicas of a service talk to each other.
    #[must_use]
    pub fn finds_itself(&self, id: ServiceId) -> bool {
        let own = self.from(id).iter();
        own.into_iter().any(|edge| edge.to == Peer::Service(id))
    }

    /// Whether a client has to find each of several pods of a service that has one address for all:
    /// who observes it, since behind that address every scrape would meet another pod, and its
    /// replicas themselves. It then has a headless Service `NAME-pods` beside its own.
    #[must_use]
    pub fn is_found_by_replica(&self, platform: &Platform, id: ServiceId) -> bool {
        platform[id].scaling.has_several() && self.would_be_found_by_replica(platform, id)
    }

    /// Whether it has as soon as it has several pods.
    #[must_use]
    pub fn would_be_found_by_replica(&self, platform: &Platform, id: ServiceId) -> bool {
        let service = &platform[id];
        let is_headless = |of: &ServiceName| of.is_headless;
        !service.service_names().iter().any(is_headless)
            && !service.ports.is_empty()
            && (self.is_observed(id) || self.finds_itself(id))
    }

    /// Whether a flow that `observes` leads to this service.
    #[must_use]
    pub fn is_observed(&self, service: ServiceId) -> bool {
        self.observed[service.index()]
    }

    /// The edges whose caller is this service.
    #[must_use]
    pub fn from(&self, service: ServiceId) -> &[Edge] {
        let end = Peer::Service(service);
        let start = self.list.partition_point(|edge| edge.from < end);
        let stop = self.list.partition_point(|edge| edge.from <= end);
        &self.list[start..stop]
    }
}

impl Edge {
    /// The ports on the wire, as the pod of the callee sees them: container ports.
    #[must_use]
    pub fn ports(&self, platform: &Platform) -> Vec<PolicyPort> {
        match (self.to, self.port) {
            (Peer::Service(id), EdgePort::Declared(index)) => {
                vec![PolicyPort::of(&platform[id].ports[index as usize])]
            }
            (Peer::External(id), EdgePort::Declared(index)) => {
                let port = &platform[id].ports[index as usize];
                vec![PolicyPort::of_external(port)]
            }
            (_, EdgePort::Number(number, protocol)) => vec![PolicyPort::single(protocol, number)],
            (Peer::ClusterApi, _) => {
                let servers = platform.cluster().api.iter();
                let mut numbers: Vec<u16> = servers.map(|api| api.value.port).collect();
                numbers.sort_unstable();
                numbers.dedup();
                let single = |number| PolicyPort::single(Protocol::Tcp, number);
                numbers.into_iter().map(single).collect()
            }
            (Peer::ClusterDns, _) => dns_ports(platform),
            (Peer::Service(_) | Peer::External(_) | Peer::Internet | Peer::ClusterNodes, _) => {
                Vec::new()
            }
        }
    }

    /// The port as the language names it: `http`, `443/tcp`.
    #[must_use]
    pub fn port_name(&self, platform: &Platform) -> String {
        match (self.to, self.port) {
            (Peer::Service(id), EdgePort::Declared(index)) => {
                platform[id].ports[index as usize].name.value.to_string()
            }
            (Peer::External(id), EdgePort::Declared(index)) => {
                platform[id].ports[index as usize].name.value.to_string()
            }
            (_, EdgePort::Number(number, protocol)) => {
                format!("{number}/{}", protocol.as_suffix())
            }
            _ => {
                let ports = self.ports(platform);
                let names: Vec<String> = ports
                    .iter()
                    .map(|p| format!("{}/{}", p.port, p.protocol.as_suffix()))
                    .collect();
                names.join(", ")
            }
        }
    }
}

/// The ports on which the cluster's DNS pods answer.
#[must_use]
pub fn dns_ports(platform: &Platform) -> Vec<PolicyPort> {
    let cluster = platform.cluster();
    let number = match (cluster.dns_pods(), cluster.dns_flavour()) {
        (Some(pods), _) => pods.port,
        (None, Some(DnsFlavour::OpenShift)) => 5353,
        (None, Some(DnsFlavour::KubeDns | DnsFlavour::NodeLocal) | None) => 53,
    };
    vec![
        PolicyPort::single(Protocol::Tcp, number),
        PolicyPort::single(Protocol::Udp, number),
    ]
}

struct Expansion<'p, 'o> {
    platform: &'p Platform,
    out: &'o mut Diagnostics,
    index: FxHashMap<(Peer, Peer, EdgePort), u32>,
    edges: Vec<Edge>,
    /// How many edges all flows made, each as often as it was named.
    expanded: usize,
    limit: usize,
    /// For each flow that was expanded: its edges.
    by_flow: Vec<(FlowId, Vec<u32>)>,
}

impl Expansion<'_, '_> {
    fn flow(&mut self, id: FlowId, flow: &Flow) {
        if let Some(end) = flow.from.peers.iter().find(|end| **end == Peer::Internet) {
            self.report_internet(*end, flow);
            return;
        }
        let Some(targets) = self.targets(flow) else {
            return;
        };
        let is_pattern = flow.from.is_pattern || flow.to.is_pattern;
        let count = flow.from.peers.len().saturating_mul(targets.len());
        let mut edges = Vec::with_capacity(count.min(self.limit));
        for from in &flow.from.peers {
            for (to, port) in &targets {
                // A wildcard means the others; what a service says to itself is said by its name.
                if from == to && is_pattern {
                    continue;
                }
                edges.push(self.add(*from, *to, *port, flow.mode, id));
            }
            if self.expanded > self.limit {
                return;
            }
        }
        if edges.is_empty() {
            self.out.push(
                Diagnostic::new(&codes::EMPTY_WILDCARD, "this flow joins nothing")
                    .at(flow.to.span, "only the caller itself")
                    .help("a wildcard never means the caller itself; name it on both sides for a flow between its replicas"),
            );
            return;
        }
        self.by_flow.push((id, edges));
    }

    fn add(&mut self, from: Peer, to: Peer, port: EdgePort, mode: Mode, flow: FlowId) -> u32 {
        self.expanded += 1;
        let next = u32::try_from(self.edges.len()).unwrap_or(u32::MAX);
        let index = *self.index.entry((from, to, port)).or_insert(next);
        if index == next {
            self.edges.push(Edge {
                from,
                to,
                port,
                mode,
                flow,
            });
        } else {
            let edge = &mut self.edges[index as usize];
            if mode < edge.mode {
                edge.mode = mode;
                edge.flow = flow;
            }
        }
        index
    }

    /// What a flow's right side means: the callees and their ports.
    fn targets(&mut self, flow: &Flow) -> Option<Vec<(Peer, EdgePort)>> {
        match &flow.port {
            FlowPort::Implied => {
                let peers = flow.to.peers.iter();
                Some(peers.map(|end| (*end, EdgePort::Implied)).collect())
            }
            FlowPort::Number(number, protocol, span) => {
                let port = PolicyPort::single(*protocol, *number);
                let peers = flow.to.peers.iter();
                peers
                    .map(|end| Some((*end, self.numbered(*end, port, *span)?)))
                    .collect()
            }
            FlowPort::Named(name, span) => self.named_targets(&flow.to, name, *span),
        }
    }

    /// A number, which an external that declares ports has to have among them.
    fn numbered(&mut self, end: Peer, port: PolicyPort, span: Span) -> Option<EdgePort> {
        let number = EdgePort::Number(port.port, port.protocol);
        let Peer::External(id) = end else {
            return Some(number);
        };
        let external = &self.platform[id];
        let declared = |declared: &ExternalPort| PolicyPort {
            protocol: declared.protocol,
            port: declared.number,
            last: declared.last,
        };
        let mut ports = (0..).zip(&external.ports);
        match ports.find(|(_, known)| declared(known).holds(&port)) {
            Some((index, known)) if declared(known) == port => Some(EdgePort::Declared(index)),
            Some(_) => Some(number),
            None if external.ports.is_empty() => Some(number),
            None => {
                let name = &external.name.value;
                let ports = external.ports.iter();
                let known: Vec<String> = ports
                    .map(|known| format!("`{}` {}", known.name.value, declared(known)))
                    .collect();
                self.out.push(
                    Diagnostic::new(
                        &codes::UNKNOWN_PORT,
                        format!("`{name}` declares no port {port}"),
                    )
                    .at(span, "not one of its ports")
                    .also(
                        external.name.span(),
                        format!("its ports: {}", known.join(", ")),
                    )
                    .help("name one of them, or declare this one there: `port NAME NUMBER`"),
                );
                None
            }
        }
    }

    fn named_targets(
        &mut self,
        to: &Peers,
        name: &SmolStr,
        span: Span,
    ) -> Option<Vec<(Peer, EdgePort)>> {
        let mut targets = Vec::with_capacity(to.peers.len());
        for end in &to.peers {
            let port = match end {
                Peer::Service(id) => self.platform[*id].port(name),
                Peer::External(id) => self.platform[*id]
                    .ports
                    .iter()
                    .position(|port| port.name.value == *name)
                    .and_then(|index| u32::try_from(index).ok()),
                Peer::Internet | Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => None,
            };
            match port {
                Some(index) => targets.push((*end, EdgePort::Declared(index))),
                None if to.is_pattern => {}
                None => {
                    self.report_unknown_port(*end, name, span);
                    return None;
                }
            }
        }
        if targets.is_empty() {
            let names: Vec<&str> = to
                .peers
                .iter()
                .flat_map(|end| self.platform.port_names(*end))
                .collect();
            let mut diagnostic = Diagnostic::new(
                &codes::EMPTY_WILDCARD,
                format!("no service that this wildcard matches has a port `{name}`"),
            )
            .at(to.span, "matches nothing");
            if let Some(near) = nearest(name, names.iter().copied()) {
                diagnostic = diagnostic.help(format!("did you mean the port `{near}`?"));
            }
            self.out.push(diagnostic);
            return None;
        }
        Some(targets)
    }

    fn report_unknown_port(&mut self, end: Peer, name: &str, span: Span) {
        let known = self.platform.port_names(end);
        let declared = match end {
            Peer::Service(id) => self.platform[id].name.span(),
            Peer::External(id) => self.platform[id].name.span(),
            Peer::Internet | Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => Span::NONE,
        };
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_PORT,
            format!("`{}` has no port `{name}`", self.platform.peer_name(end)),
        )
        .at(span, "no such port");
        diagnostic = diagnostic.did_you_mean(name, span, known.iter().copied(), |diagnostic| {
            if known.is_empty() {
                diagnostic
                    .unless_said(declared, "port")
                    .help("a port is declared with `port NAME NUMBER`")
            } else {
                match known.as_slice() {
                    [only] => diagnostic
                        .unless_said(declared, "port")
                        .help(format!("write `{only}`, the only one that it has")),
                    _ => diagnostic.unless_said(declared, "port"),
                }
            }
        });
        let ports = match known.is_empty() {
            true => "it declares no port".to_owned(),
            false => format!("its ports: {}", listed(known, 12)),
        };
        self.out.push(diagnostic.also(declared, ports));
    }

    fn report_internet(&mut self, _: Peer, flow: &Flow) {
        let targets: Vec<String> = flow
            .to
            .peers
            .iter()
            .map(|end| self.platform.peer_name(*end))
            .collect();
        let port = match &flow.port {
            FlowPort::Named(name, _) => format!(":{name}"),
            FlowPort::Number(number, ..) => format!(":{number}"),
            FlowPort::Implied => String::new(),
        };
        let target = targets.first().map_or("SERVICE", String::as_str);
        self.out.push(
            Diagnostic::new(
                &codes::FLOW_FROM_INTERNET,
                "a flow cannot start at `internet`: use `expose` with a host or a node port",
            )
            .at(flow.from.span, "comes from outside")
            .help(format!(
                "for example `expose {target}{port} at \"host.example\"`, or `expose {target}{port} as loadbalancer`"
            )),
        );
    }

    /// A flow is redundant if every edge of it is said by another flow that is as strong; of two
    /// that say the same, the later one is.
    fn report_redundant(&mut self) {
        let flows = &self.platform.flows;
        let mut said_by: Vec<Vec<FlowId>> = vec![Vec::new(); self.edges.len()];
        for (flow, edges) in &self.by_flow {
            for edge in edges {
                said_by[*edge as usize].push(*flow);
            }
        }
        for (flow, edges) in self.by_flow.iter().rev() {
            let mode = flows[flow.index()].mode;
            // How many of its edges each other flow says, the first one to say an edge.
            let mut covering: Vec<(FlowId, usize)> = Vec::new();
            let mut place: FxHashMap<FlowId, usize> = FxHashMap::default();
            for edge in edges {
                let mut others = said_by[*edge as usize].iter();
                let is_as_strong = |other: &FlowId| flows[other.index()].mode <= mode;
                let Some(other) = others.find(|other| *other != flow && is_as_strong(other)) else {
                    covering.clear();
                    break;
                };
                let at = *place.entry(*other).or_insert(covering.len());
                match covering.get_mut(at) {
                    Some((_, count)) => *count += 1,
                    None => covering.push((*other, 1)),
                }
            }
            if covering.is_empty() {
                continue;
            }
            for edge in edges {
                said_by[*edge as usize].retain(|other| other != flow);
            }
            let diagnostic = self.redundant(*flow, edges.len(), &covering);
            self.out.push(diagnostic);
        }
    }

    /// What there is to say of a flow whose edges are all said by others: by one that says no more
    /// it is declared twice, by wider ones it is shadowed.
    fn redundant(&self, flow: FlowId, edges: usize, covering: &[(FlowId, usize)]) -> Diagnostic {
        let flows = &self.platform.flows;
        let says = |flow: FlowId| {
            let found = self.by_flow.binary_search_by_key(&flow, |(flow, _)| *flow);
            found.map_or(0, |at| self.by_flow[at].1.len())
        };
        let span = flows[flow.index()].span;
        if let [(other, _)] = covering
            && says(*other) == edges
        {
            return Diagnostic::new(&codes::DUPLICATE_FLOW, "duplicate flow")
                .at(span, "adds nothing")
                .also(flows[other.index()].span, "defined here")
                .help("remove one of the two");
        }
        let (message, all) = match edges {
            1 => (
                "redundant flow: another flow already allows it",
                "its one edge".to_owned(),
            ),
            _ => (
                "redundant flow: other flows already allow all of it",
                format!("its {edges} edges"),
            ),
        };
        let mut diagnostic = Diagnostic::new(&codes::SHADOWED_FLOW, message).at(
            span,
            format!("{all} are said elsewhere").replace("edge are", "edge is"),
        );
        for (other, count) in covering.iter().take(3) {
            let of = says(*other);
            let label = match (count, of) {
                (1, 1) => "the same edge".to_owned(),
                _ => format!("{count} of the {of} edges of this flow"),
            };
            diagnostic = diagnostic.also(flows[other.index()].span, label);
        }
        diagnostic.help("remove it, or narrow the flow that opens more; without the wider one this flow would be needed")
    }

    /// A flow with stars on both sides opens every pair between them, on every service that happens
    /// to have a port of that name.
    fn report_wide(&mut self) {
        let services = self.platform.services.len();
        let pairs = services * services.saturating_sub(1);
        for (flow, edges) in &self.by_flow {
            let said = &self.platform.flows[flow.index()];
            let is_open = said.from.is_pattern && said.to.is_pattern && said.mode != Mode::Observes;
            let count = edges.len();
            if !is_open || count < FEW_EDGES || (count < MANY_EDGES && count * 10 < pairs) {
                continue;
            }
            let (callers, called) = self.sides(edges);
            self.out.push(
                Diagnostic::new(
                    &codes::WIDE_FLOW,
                    format!(
                        "this flow opens {count} edges: {callers} callers to {called} called services"
                    ),
                )
                .at(
                    said.span,
                    format!("{} of all pairs of services", percentage(count, pairs)),
                )
                .help("name the services of one side, or `{a, b}` for some; every service that gets a port of this name is opened too"),
            );
        }
    }

    /// How many callers and how many called some edges have.
    fn sides(&self, edges: &[u32]) -> (usize, usize) {
        let count = |end: fn(&Edge) -> Peer| {
            let mut peers: Vec<Peer> = edges
                .iter()
                .map(|e| end(&self.edges[*e as usize]))
                .collect();
            peers.sort_unstable();
            peers.dedup();
            peers.len()
        };
        (count(|edge| edge.from), count(|edge| edge.to))
    }
}

/// A share in whole percent.
fn percentage(part: usize, whole: usize) -> String {
    match part * 100 / whole.max(1) {
        0 => "less than 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}
