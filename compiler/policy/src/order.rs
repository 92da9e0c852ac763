//! When each service starts: the graph of conditions (a lower tier, a namespace or service named
//! with `after`, a service that is required) and the waves, which are its longest paths.

use std::collections::VecDeque;

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{FlowId, Mode, NamespaceId, Peer, Platform, ServiceId, TierId, chained};
use petgraph::Direction;
use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::edges::Edges;

/// Why one thing waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It requires it.
    Requires(FlowId),
    /// It says `after`.
    After(Span),
    /// Its namespace says `after`.
    NamespaceAfter(NamespaceId, Span),
    /// Its tier is higher.
    Tier(TierId),
}

/// The order of deployment.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// The wave of each service, from 0.
    pub wave: Vec<u32>,
    /// The services of each wave, sorted by id: by namespace, then by name.
    pub waves: Vec<Vec<ServiceId>>,
    /// For each service the last that it waits for, with the reason; `None` in the first wave.
    pub waits_for: Vec<Option<(ServiceId, Condition)>>,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Service(ServiceId),
    NamespaceStart(NamespaceId),
    NamespaceReady(NamespaceId),
    TierStart,
    TierReady,
}

/// An arrow from what must be ready to what waits; `None` where one is merely a part of the other.
type Graph = DiGraph<Node, Option<Condition>>;

impl Order {
    /// Computes the waves. A cycle is a diagnostic, and there are no waves then.
    #[must_use]
    pub fn of(platform: &Platform, edges: &Edges, out: &mut Diagnostics) -> Self {
        let graph = conditions(platform, edges);
        match toposort(&graph, None) {
            Ok(sorted) => waves(platform, &graph, &sorted),
            Err(_) => {
                report_cycles(platform, &graph, out);
                Self::default()
            }
        }
    }
}

/// For each thing that starts, what must be done before it: services first, by their ids, then the
/// joints of namespaces and tiers, which start and are done without an act of their own.
#[must_use]
pub fn predecessors(platform: &Platform, edges: &Edges) -> Vec<Vec<usize>> {
    let graph = conditions(platform, edges);
    graph
        .node_indices()
        .map(|node| {
            let before = graph.edges_directed(node, Direction::Incoming);
            before.map(|edge| edge.source().index()).collect()
        })
        .collect()
}

/// The chain of services that a start of everything takes longest for, first to last, each with the
/// reason why it waits for the one before. `time` is how long each service takes; of chains that
/// take the same time the one with most services counts.
#[must_use]
pub fn critical_path(
    platform: &Platform,
    edges: &Edges,
    time: impl Fn(ServiceId) -> u64,
) -> Vec<(ServiceId, Option<Condition>)> {
    let graph = conditions(platform, edges);
    // A circle is an error of its own.
    let Ok(sorted) = toposort(&graph, None) else {
        return Vec::new();
    };
    // What a node costs with all before it, and the service that was last on the way, with the reason.
    let mut cost: Vec<(u64, u32)> = vec![(0, 0); graph.node_count()];
    let mut last: Vec<Option<(ServiceId, Option<Condition>)>> = vec![None; graph.node_count()];
    for node in sorted {
        let at = node.index();
        for edge in graph.edges_directed(node, Direction::Incoming) {
            let before = edge.source().index();
            let via = match graph[edge.source()] {
                Node::Service(id) => Some((id, *edge.weight())),
                _ => last[before].map(|(id, condition)| (id, condition.or(*edge.weight()))),
            };
            let known = last[at].map(|(id, _)| id);
            let is_first = via.map(|(id, _)| id) < known;
            if cost[before] > cost[at]
                || cost[before] == cost[at] && (known.is_none() || is_first && via.is_some())
            {
                cost[at] = cost[before];
                last[at] = via;
            }
        }
        if let Node::Service(id) = graph[node] {
            cost[at] = (cost[at].0.saturating_add(time(id)), cost[at].1 + 1);
        }
    }
    // Services were the first nodes, in the order of their ids. A job ends no start.
    let services = platform
        .workloads()
        .filter(|(_, service)| !service.is_job());
    let services = services.map(|(id, _)| id);
    let end = services.max_by_key(|id| (cost[id.index()], std::cmp::Reverse(*id)));
    let mut path = Vec::new();
    let mut next = end;
    while let Some(id) = next {
        let before = last[id.index()];
        path.push((id, before.and_then(|(_, condition)| condition)));
        next = before.map(|(id, _)| id);
    }
    path.reverse();
    path
}

fn conditions(platform: &Platform, edges: &Edges) -> Graph {
    let services = platform.services.len();
    let namespaces = platform.namespaces.len();
    let tiers = platform.tiers.len();
    let mut graph = Graph::with_capacity(
        services + 2 * namespaces + 2 * tiers,
        4 * services + edges.as_slice().len(),
    );
    let of_service: Vec<NodeIndex> = platform
        .workloads()
        .map(|(id, _)| graph.add_node(Node::Service(id)))
        .collect();
    let of_namespace: Vec<(NodeIndex, NodeIndex)> = platform
        .namespaces()
        .map(|(id, _)| {
            (
                graph.add_node(Node::NamespaceStart(id)),
                graph.add_node(Node::NamespaceReady(id)),
            )
        })
        .collect();
    let of_tier: Vec<(NodeIndex, NodeIndex)> = platform
        .tiers
        .iter()
        .map(|_| {
            (
                graph.add_node(Node::TierStart),
                graph.add_node(Node::TierReady),
            )
        })
        .collect();
    for (at, tier) in platform.tiers.iter().enumerate() {
        for below in &tier.below {
            let condition = Some(Condition::Tier(*below));
            graph.add_edge(of_tier[below.index()].1, of_tier[at].0, condition);
        }
    }
    for (id, namespace) in platform.namespaces() {
        let (start, _) = of_namespace[id.index()];
        for after in &namespace.after {
            let condition = Condition::NamespaceAfter(id, after.span());
            graph.add_edge(of_namespace[after.value.index()].1, start, Some(condition));
        }
    }
    for (id, service) in platform.workloads() {
        let (start, ready) = of_namespace[service.namespace.index()];
        let node = of_service[id.index()];
        graph.add_edge(start, node, None);
        graph.add_edge(node, ready, None);
        let tier = of_tier[platform.tier_of(service).value.index()];
        graph.add_edge(tier.0, node, None);
        graph.add_edge(node, tier.1, None);
        for after in &service.after {
            let condition = Condition::After(after.span());
            let (from, to) = (of_service[after.value.index()], of_service[id.index()]);
            graph.add_edge(from, to, Some(condition));
        }
    }
    for edge in edges.as_slice() {
        if let (Peer::Service(client), Peer::Service(server), Mode::Requires) =
            (edge.from, edge.to, edge.mode)
            && client != server
            && !points_upwards(platform, client, server)
        {
            let condition = Condition::Requires(edge.flow);
            let (from, to) = (of_service[server.index()], of_service[client.index()]);
            graph.add_edge(from, to, Some(condition));
        }
    }
    graph
}

/// Whether the server's tier stands above the client's: reported as that, not as a cycle.
pub(crate) fn points_upwards(platform: &Platform, client: ServiceId, server: ServiceId) -> bool {
    let tier = |id: ServiceId| platform.tier_of(&platform[id]).value;
    platform.tiers[tier(server).index()]
        .below
        .contains(&tier(client))
}

fn waves(platform: &Platform, graph: &Graph, sorted: &[NodeIndex]) -> Order {
    // The number of services on the longest path to a node, itself included, and the last of them.
    let mut depth: Vec<u32> = vec![0; graph.node_count()];
    let mut last: Vec<Option<(ServiceId, Option<Condition>)>> = vec![None; graph.node_count()];
    for node in sorted {
        let at = node.index();
        for edge in graph.edges_directed(*node, Direction::Incoming) {
            let before = edge.source().index();
            let via = match graph[edge.source()] {
                Node::Service(id) => Some((id, *edge.weight())),
                _ => last[before].map(|(id, condition)| (id, condition.or(*edge.weight()))),
            };
            // The first of equals stays, in a fixed order of names, so that reasons are stable.
            let is_better = depth[before] > depth[at]
                || depth[before] == depth[at]
                    && match (via, last[at]) {
                        (Some((new, Some(_))), Some((old, Some(_)))) => new < old,
                        (Some((_, Some(_))), _) => true,
                        (Some((new, None)), Some((old, None))) => new < old,
                        (Some(_), None) => true,
                        (None | Some((_, None)), _) => false,
                    };
            if is_better {
                depth[at] = depth[before];
                last[at] = via;
            }
        }
        if let Node::Service(_) = graph[*node] {
            depth[at] += 1;
        }
    }
    let mut order = Order {
        wave: Vec::with_capacity(platform.services.len()),
        waves: Vec::new(),
        waits_for: Vec::with_capacity(platform.services.len()),
    };
    // Services were the first nodes, in the order of their ids.
    for (id, _) in platform.workloads() {
        let wave = depth[id.index()] - 1;
        order.wave.push(wave);
        while order.waves.len() <= wave as usize {
            order.waves.push(Vec::new());
        }
        order.waves[wave as usize].push(id);
        order.waits_for.push(
            last[id.index()].and_then(|(before, why)| why.map(|condition| (before, condition))),
        );
    }
    order
}

/// One diagnostic for each knot, with a shortest cycle in it, hop by hop.
fn report_cycles(platform: &Platform, graph: &Graph, out: &mut Diagnostics) {
    for component in tarjan_scc(graph) {
        let mut services: Vec<NodeIndex> = component
            .iter()
            .copied()
            .filter(|node| matches!(graph[*node], Node::Service(_)))
            .collect();
        services.sort_unstable();
        let Some(first) = services.first().copied() else {
            continue;
        };
        let is_knot = component.len() > 1 || graph.find_edge(first, first).is_some();
        if is_knot {
            report_cycle(platform, graph, first, &component, out);
        }
    }
}

fn report_cycle(
    platform: &Platform,
    graph: &Graph,
    start: NodeIndex,
    component: &[NodeIndex],
    out: &mut Diagnostics,
) {
    let hops = shortest_cycle(graph, start, component);
    let mut names: Vec<String> = Vec::new();
    let mut labels: Vec<(Span, String)> = Vec::new();
    // The cycle runs from what is ready to what waits; people read it the other way.
    for (from, to, condition) in hops.iter().rev() {
        let name = |node: NodeIndex| match graph[node] {
            Node::Service(id) => Some(platform.path(id)),
            Node::NamespaceStart(id) | Node::NamespaceReady(id) => {
                Some(platform[id].name.value.to_string())
            }
            Node::TierStart | Node::TierReady => None,
        };
        if let Some(name) = name(*to)
            && names.last() != Some(&name)
        {
            names.push(name);
        }
        let what = |node: NodeIndex| name(node).unwrap_or_else(|| "a tier".to_owned());
        match condition {
            Some(Condition::Requires(flow)) => labels.push((
                platform.flows[flow.index()].span,
                format!("{} requires {}", what(*to), what(*from)),
            )),
            Some(Condition::After(span)) => {
                labels.push((*span, format!("{} is after {}", what(*to), what(*from))));
            }
            Some(Condition::NamespaceAfter(id, span)) => labels.push((
                *span,
                format!(
                    "all of {} is after all of {}",
                    platform[*id].name.value,
                    what(*from)
                ),
            )),
            Some(Condition::Tier(tier)) => labels.push((
                platform.tiers[tier.index()].name.span(),
                "a higher tier is after all of a lower one".to_owned(),
            )),
            None => {}
        }
    }
    if let Some(first) = names.first().cloned() {
        names.push(first);
    }
    names.dedup();
    let mut labels = labels.into_iter();
    let mut diagnostic = Diagnostic::new(
        &codes::DEPENDENCY_CYCLE,
        match names.as_slice() {
            [one] => format!("`{one}` requires itself"),
            names => format!(
                "cyclic start order: {}",
                chained(names.iter().map(String::as_str))
            ),
        },
    );
    if let Some((span, text)) = labels.next() {
        diagnostic = diagnostic.at(span, text);
    }
    for (span, text) in labels {
        diagnostic = diagnostic.also(span, text);
    }
    out.push(diagnostic.help(
        "break the cycle where a client can do without: say `optional`, or `observes` for a callback",
    ));
}

/// A shortest cycle through `start`, as arrows in their direction, by breadth-first search.
fn shortest_cycle(
    graph: &Graph,
    start: NodeIndex,
    component: &[NodeIndex],
) -> Vec<(NodeIndex, NodeIndex, Option<Condition>)> {
    let mut is_inside = vec![false; graph.node_count()];
    for node in component {
        is_inside[node.index()] = true;
    }
    let mut came_from: Vec<Option<(NodeIndex, Option<Condition>)>> = vec![None; graph.node_count()];
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in graph.edges(node) {
            let next = edge.target();
            if !is_inside[next.index()] || came_from[next.index()].is_some() {
                continue;
            }
            came_from[next.index()] = Some((node, *edge.weight()));
            if next == start {
                let mut hops = Vec::new();
                let mut at = start;
                while let Some((before, condition)) = came_from[at.index()] {
                    hops.push((before, at, condition));
                    at = before;
                    if at == start {
                        break;
                    }
                }
                hops.reverse();
                return hops;
            }
            queue.push_back(next);
        }
    }
    Vec::new()
}
