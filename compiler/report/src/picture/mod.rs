//! The platform as a picture: what is in it ([`View`]), where everything stands (`layout`), and how
//! it is written: SVG, Mermaid, DOT, JSON, or the explorer in one HTML file.

mod explorer;
mod layout;
mod routes;
mod svg;
mod text;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use erpc_model::{Mode, NamespaceId, Peer, Platform, ServiceId};
use erpc_policy::Derived;

pub use explorer::explorer;
pub use svg::svg;
pub use text::{dot, json, mermaid};

/// What a picture shows.
#[derive(Clone, Debug)]
pub struct View<'p> {
    pub(crate) platform: &'p Platform,
    pub(crate) derived: &'p Derived,
    /// Services and other ends, sorted.
    pub(crate) nodes: Vec<Peer>,
    /// The places of its edges, sorted.
    pub(crate) edges: Vec<usize>,
}

/// What a line is drawn from or to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Anchor {
    /// A box of its own.
    Node(Peer),
    /// All services of a namespace.
    Namespace(NamespaceId),
}

/// Edges that are drawn as one line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) from: Anchor,
    pub(crate) to: Anchor,
    pub(crate) mode: Mode,
    /// The places of the edges.
    pub(crate) edges: Vec<usize>,
}

/// From how many callers of one namespace on a line is drawn from the namespace itself.
const BUNDLE: usize = 3;

impl<'p> View<'p> {
    /// All of a platform.
    #[must_use]
    pub fn whole(platform: &'p Platform, derived: &'p Derived) -> Self {
        let mut nodes: BTreeSet<Peer> = platform
            .workloads()
            .map(|(id, _)| Peer::Service(id))
            .collect();
        let edges = derived.edges.as_slice();
        nodes.extend(edges.iter().flat_map(|edge| [edge.from, edge.to]));
        Self {
            platform,
            derived,
            nodes: nodes.into_iter().collect(),
            edges: (0..edges.len()).collect(),
        }
    }

    /// What a service calls and who calls it, up to `depth` steps away.
    #[must_use]
    pub fn around(
        platform: &'p Platform,
        derived: &'p Derived,
        focus: ServiceId,
        depth: usize,
    ) -> Self {
        let edges = derived.edges.as_slice();
        let mut out: BTreeMap<Peer, Vec<usize>> = BTreeMap::new();
        let mut back: BTreeMap<Peer, Vec<usize>> = BTreeMap::new();
        for (at, edge) in edges.iter().enumerate() {
            out.entry(edge.from).or_default().push(at);
            back.entry(edge.to).or_default().push(at);
        }
        let mut nodes = BTreeSet::from([Peer::Service(focus)]);
        let mut shown = BTreeSet::new();
        for (steps, is_forward) in [(&out, true), (&back, false)] {
            let mut distance = BTreeMap::from([(Peer::Service(focus), 0)]);
            let mut queue = VecDeque::from([Peer::Service(focus)]);
            while let Some(at) = queue.pop_front() {
                let here = distance[&at];
                if here == depth {
                    continue;
                }
                for edge in steps.get(&at).into_iter().flatten() {
                    let next = if is_forward {
                        edges[*edge].to
                    } else {
                        edges[*edge].from
                    };
                    shown.insert(*edge);
                    nodes.insert(next);
                    if let std::collections::btree_map::Entry::Vacant(entry) = distance.entry(next)
                    {
                        entry.insert(here + 1);
                        queue.push_back(next);
                    }
                }
            }
        }
        Self {
            platform,
            derived,
            nodes: nodes.into_iter().collect(),
            edges: shown.into_iter().collect(),
        }
    }

    /// The services that are shown.
    pub(crate) fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.nodes.iter().filter_map(|end| match end {
            Peer::Service(id) => Some(*id),
            Peer::External(_)
            | Peer::Internet
            | Peer::ClusterDns
            | Peer::ClusterApi
            | Peer::ClusterNodes => None,
        })
    }

    /// The namespaces with shown services, each with these, in the order of names.
    pub(crate) fn namespaces(&self) -> BTreeMap<NamespaceId, Vec<ServiceId>> {
        let mut namespaces: BTreeMap<NamespaceId, Vec<ServiceId>> = BTreeMap::new();
        for id in self.services() {
            namespaces
                .entry(self.platform[id].namespace)
                .or_default()
                .push(id);
        }
        namespaces
    }

    /// The lines: edges between the same two in the same mode are one, and so are those that all
    /// services of a namespace have in common.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let sizes: BTreeMap<NamespaceId, usize> = self
            .namespaces()
            .iter()
            .map(|(id, services)| (*id, services.len()))
            .collect();
        let edges = self.derived.edges.as_slice();
        let mut lines: BTreeMap<(Anchor, Anchor, Mode), Vec<usize>> = BTreeMap::new();
        for at in &self.edges {
            let edge = &edges[*at];
            let key = (Anchor::Node(edge.from), Anchor::Node(edge.to), edge.mode);
            lines.entry(key).or_default().push(*at);
        }
        for is_caller in [true, false] {
            lines = self.bundled(lines, &sizes, is_caller);
        }
        let made = lines.into_iter().map(|((from, to, mode), mut edges)| {
            edges.sort_unstable();
            Line {
                from,
                to,
                mode,
                edges,
            }
        });
        made.collect()
    }

    fn bundled(
        &self,
        lines: BTreeMap<(Anchor, Anchor, Mode), Vec<usize>>,
        sizes: &BTreeMap<NamespaceId, usize>,
        is_caller: bool,
    ) -> BTreeMap<(Anchor, Anchor, Mode), Vec<usize>> {
        let home = |anchor: Anchor| match anchor {
            Anchor::Node(Peer::Service(id)) => Some(self.platform[id].namespace),
            Anchor::Node(_) | Anchor::Namespace(_) => None,
        };
        let split = |(from, to, mode): (Anchor, Anchor, Mode)| {
            if is_caller {
                (from, to, mode)
            } else {
                (to, from, mode)
            }
        };
        let mut groups: BTreeMap<(NamespaceId, Anchor, Mode), usize> = BTreeMap::new();
        for key in lines.keys() {
            let (many, one, mode) = split(*key);
            if let Some(namespace) = home(many)
                && home(one) != Some(namespace)
            {
                *groups.entry((namespace, one, mode)).or_default() += 1;
            }
        }
        groups.retain(|(namespace, ..), count| {
            *count >= BUNDLE && sizes.get(namespace) == Some(count)
        });
        let mut out: BTreeMap<(Anchor, Anchor, Mode), Vec<usize>> = BTreeMap::new();
        for (key, edges) in lines {
            let (many, one, mode) = split(key);
            let bundle = home(many).filter(|home| groups.contains_key(&(*home, one, mode)));
            let many = bundle.map_or(many, Anchor::Namespace);
            let (from, to) = if is_caller { (many, one) } else { (one, many) };
            out.entry((from, to, mode)).or_default().extend(edges);
        }
        out
    }

    /// The name of an anchor, as the language writes it.
    pub(crate) fn name(&self, anchor: Anchor) -> String {
        match anchor {
            Anchor::Node(end) => self.platform.peer_name(end),
            Anchor::Namespace(id) => format!("{}.*", self.platform[id].name.value),
        }
    }

    /// Where a service is reached from outside the cluster: hosts with paths, then addresses.
    pub(crate) fn exposures(&self, id: ServiceId) -> Vec<String> {
        let platform = self.platform;
        let routes = platform.routes_to(id).iter().map(|route| {
            let path = if route.path == "/" { "" } else { &route.path };
            format!("{}{path}", route.host.value)
        });
        let addresses = platform.addresses_of(id).iter().map(|address| {
            let port = &platform[address.port].name.value;
            match address.kind {
                erpc_model::AddressKind::LoadBalancer => format!("{port} as loadbalancer"),
                erpc_model::AddressKind::NodePort(Some(number)) => {
                    format!("{port} as nodeport {number}")
                }
                erpc_model::AddressKind::NodePort(None) => format!("{port} as nodeport"),
            }
        });
        routes.chain(addresses).collect()
    }
}

/// Text as XML and HTML take it, in content and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
