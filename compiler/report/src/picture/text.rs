//! The picture as text that other programs draw or read: Mermaid, Graphviz's DOT, JSON.

use std::fmt::Write;

use erpc_diagnostics::Sources;
use erpc_model::{Mode, Peer};
use serde_json::{Value, json};

use super::{Anchor, View};

/// An identifier that both languages take.
fn identifier(view: &View<'_>, anchor: Anchor) -> String {
    let name = match anchor {
        Anchor::Node(end) => view.platform.peer_name(end),
        Anchor::Namespace(id) => format!("all.{}", view.platform[id].name.value),
    };
    name.replace(['.', '-'], "_")
}

fn label(view: &View<'_>, end: Peer) -> String {
    let name = super::layout::short_name(view, end);
    let doors = match end {
        Peer::Service(id) => view.exposures(id).len(),
        Peer::External(_)
        | Peer::Internet
        | Peer::ClusterDns
        | Peer::ClusterApi
        | Peer::ClusterNodes => 0,
    };
    if doors > 0 {
        format!("{name} ↗")
    } else {
        name
    }
}

/// Ends that are no services.
fn others<'v>(view: &'v View<'_>) -> impl Iterator<Item = Peer> + 'v {
    view.nodes
        .iter()
        .copied()
        .filter(|end| !matches!(end, Peer::Service(_)))
}

/// A flowchart in Mermaid.
#[must_use]
pub fn mermaid(view: &View<'_>) -> String {
    let mut out = String::from("flowchart BT\n");
    // Writing to a string cannot fail, here and below.
    for (id, services) in view.namespaces() {
        let name = &view.platform[id].name.value;
        let _ = writeln!(
            out,
            "  subgraph {}[\"{name}\"]",
            identifier(view, Anchor::Namespace(id))
        );
        for service in services {
            let end = Peer::Service(service);
            let id = identifier(view, Anchor::Node(end));
            let _ = writeln!(out, "    {id}[\"{}\"]", label(view, end));
        }
        out.push_str("  end\n");
    }
    for end in others(view) {
        let id = identifier(view, Anchor::Node(end));
        let _ = writeln!(out, "  {id}([\"{}\"])", label(view, end));
    }
    for line in view.lines() {
        // Mermaid has two kinds of line; the third is told by its arrow.
        let arrow = match line.mode {
            Mode::Requires => "-->",
            Mode::Optional => "-.->",
            Mode::Observes => "-.-o",
        };
        let (from, to) = (identifier(view, line.from), identifier(view, line.to));
        let _ = writeln!(out, "  {from} {arrow} {to}");
    }
    out
}

/// A graph for Graphviz.
#[must_use]
pub fn dot(view: &View<'_>) -> String {
    let mut out = format!(
        "digraph \"{}\" {{\n  rankdir=TB; compound=true; node [shape=box, fontname=\"sans-serif\"];\n",
        view.platform.name.value
    );
    for (id, services) in view.namespaces() {
        let space = identifier(view, Anchor::Namespace(id));
        let _ = writeln!(
            out,
            "  subgraph cluster_{space} {{\n    label=\"{}\";",
            view.platform[id].name.value
        );
        for service in services {
            let end = Peer::Service(service);
            let color = if view.exposures(service).is_empty() {
                ""
            } else {
                ", color=\"#c2500a\", penwidth=2"
            };
            let id = identifier(view, Anchor::Node(end));
            let _ = writeln!(out, "    {id} [label=\"{}\"{color}];", label(view, end));
        }
        out.push_str("  }\n");
    }
    for end in others(view) {
        let id = identifier(view, Anchor::Node(end));
        let _ = writeln!(
            out,
            "  {id} [label=\"{}\", shape=ellipse];",
            label(view, end)
        );
    }
    let namespaces = view.namespaces();
    for line in view.lines() {
        let style = match line.mode {
            Mode::Requires => "solid",
            Mode::Optional => "dashed",
            Mode::Observes => "dotted",
        };
        // Graphviz joins boxes only; a line of a namespace is cut at its frame.
        let end = |anchor: Anchor, side: &str| match anchor {
            Anchor::Node(_) => (identifier(view, anchor), String::new()),
            Anchor::Namespace(id) => {
                let first = namespaces[&id]
                    .first()
                    .map(|s| Anchor::Node(Peer::Service(*s)));
                let node = first.map_or_else(String::new, |first| identifier(view, first));
                (
                    node,
                    format!(", {side}=cluster_{}", identifier(view, anchor)),
                )
            }
        };
        let ((from, tail), (to, head)) = (end(line.from, "ltail"), end(line.to, "lhead"));
        let _ = writeln!(out, "  {from} -> {to} [style={style}{tail}{head}];");
    }
    out.push_str("}\n");
    out
}

/// Nodes and edges, each edge by itself.
#[must_use]
pub fn json(view: &View<'_>, sources: &Sources) -> Value {
    let platform = view.platform;
    let tiers: Vec<_> = platform
        .tiers
        .iter()
        .map(|tier| tier.name.value.as_str())
        .collect();
    let namespaces: Vec<Value> = view
        .namespaces()
        .keys()
        .map(|id| {
            let namespace = &platform[*id];
            let tier = &platform.tiers[namespace.tier.value.index()].name.value;
            json!({ "name": namespace.name.value.as_str(), "tier": tier.as_str(),
                    "title": namespace.title.as_ref().map(|t| t.value.as_str()) })
        })
        .collect();
    let nodes: Vec<Value> = view
        .nodes
        .iter()
        .map(|end| match end {
            Peer::Service(id) => {
                let service = &platform[*id];
                json!({ "name": platform.path(*id), "kind": "service",
                        "namespace": platform[service.namespace].name.value.as_str(),
                        "title": service.properties.title.as_ref().map(|t| t.value.as_str()),
                        "wave": view.derived.order.wave.get(id.index()).map(|wave| wave + 1),
                        "exposed": view.exposures(*id), "place": sources.place(service.name.span()) })
            }
            Peer::External(_) => json!({ "name": platform.peer_name(*end), "kind": "external" }),
            Peer::Internet => json!({ "name": "internet", "kind": "internet" }),
            Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => {
                json!({ "name": platform.peer_name(*end), "kind": "cluster" })
            }
        })
        .collect();
    let all = view.derived.edges.as_slice();
    let edges: Vec<Value> = view
        .edges
        .iter()
        .map(|at| {
            let edge = &all[*at];
            let flow = &platform.flows[edge.flow.index()];
            json!({ "from": platform.peer_name(edge.from), "to": platform.peer_name(edge.to),
                    "port": edge.port_name(platform), "mode": edge.mode.as_str(),
                    "because": flow.because, "place": sources.place(flow.span) })
        })
        .collect();
    json!({ "version": 1, "platform": platform.name.value.as_str(), "tiers": tiers,
            "namespaces": namespaces, "nodes": nodes, "edges": edges })
}
