//! The explorer: the picture in one HTML file that needs no network, with everything that is known
//! of each service beside it. The page is `explorer.html`, with its style and script put in.

use erpc_diagnostics::Sources;
use erpc_model::facts::{Fact, of_service};
use erpc_model::{Peer, ServiceId};
use erpc_reliability::promise::{Promise, minutes, seconds, tenths};
use serde_json::{Value, json};

use super::{View, escaped, svg};

const PAGE: &str = include_str!("explorer.html");
const STYLE: &str = include_str!("explorer.css");
const SCRIPT: &str = include_str!("explorer.js");

/// The page.
#[must_use]
pub fn explorer(view: &View<'_>, sources: &Sources) -> String {
    let ((width, height), picture) = svg::inner(view);
    let platform = view.platform;
    let title = platform
        .title
        .as_ref()
        .map_or(platform.name.value.as_str(), |title| title.value.as_str());
    // `<` never stands in the data as it is, so that no text of a program ends the script.
    let data = data(view, sources).to_string().replace('<', "\\u003c");
    let parts = [
        ("{{title}}", escaped(title)),
        ("{{version}}", escaped(&platform.version.value)),
        // As the script decides it for a window of ordinary size, so that nothing is drawn twice.
        (
            "{{far}}",
            if width > 3600 || height > 2700 {
                "far"
            } else {
                ""
            }
            .to_owned(),
        ),
        ("{{width}}", width.to_string()),
        ("{{height}}", height.to_string()),
        ("{{style}}", STYLE.to_owned()),
        ("{{picture}}", picture),
        ("{{data}}", data),
        ("{{script}}", SCRIPT.to_owned()),
    ];
    // One pass from left to right: what is put in is never looked at again.
    let mut out = String::new();
    let mut rest = PAGE;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let part = parts.iter().find(|(name, _)| rest.starts_with(name));
        let (name, text) = part.map_or(("{{", "{{"), |(name, text)| (*name, text.as_str()));
        out.push_str(text);
        rest = &rest[name.len()..];
    }
    out.push_str(rest);
    out
}

/// What the script knows: ends, edges by the places of their ends, namespaces, tiers.
fn data(view: &View<'_>, sources: &Sources) -> Value {
    let platform = view.platform;
    let place_of = |end: Peer| view.nodes.binary_search(&end).ok();
    let all = view.derived.edges.as_slice();
    let edges: Vec<Value> = view
        .edges
        .iter()
        .map(|at| {
            let edge = &all[*at];
            let flow = &platform.flows[edge.flow.index()];
            json!([
                at,
                place_of(edge.from),
                place_of(edge.to),
                edge.port_name(platform),
                edge.mode.as_str(),
                flow.because,
                sources.place(flow.span)
            ])
        })
        .collect();
    let nodes: Vec<Value> = view
        .nodes
        .iter()
        .map(|end| match end {
            Peer::Service(id) => service(view, sources, *id),
            Peer::External(_)
            | Peer::Internet
            | Peer::ClusterDns
            | Peer::ClusterApi
            | Peer::ClusterNodes => {
                json!({ "path": platform.peer_name(*end) })
            }
        })
        .collect();
    let tiers: Vec<&str> = platform
        .tiers
        .iter()
        .map(|tier| tier.name.value.as_str())
        .collect();
    json!({ "nodes": nodes, "edges": edges, "tiers": tiers })
}

fn service(view: &View<'_>, sources: &Sources, id: ServiceId) -> Value {
    let platform = view.platform;
    let service = &platform[id];
    let namespace = &platform[service.namespace];
    let mut facts = Vec::new();
    for fact in of_service(platform, id) {
        flatten(&fact, "", sources, &mut facts);
    }
    json!({
        "path": platform.path(id),
        "namespace": namespace.name.value.as_str(),
        "tier": platform.tiers[namespace.tier.value.index()].name.value.as_str(),
        "title": service.properties.title.as_ref().map(|title| title.value.as_str()),
        "doc": service.doc,
        "place": sources.place(service.name.span()),
        "wave": view.derived.order.wave.get(id.index()).map(|wave| wave + 1),
        "exposed": view.exposures(id),
        "facts": facts,
        "promise": promise(view, id),
    })
}

/// Facts as rows: the dotted word, the value, the line.
fn flatten(fact: &Fact, before: &str, sources: &Sources, out: &mut Vec<Value>) {
    // A long text, such as a file of a config, is shown by its first line.
    const MOST: usize = 160;
    let name = if before.is_empty() {
        fact.name.clone()
    } else {
        format!("{before}.{}", fact.name)
    };
    if let Some(value) = &fact.value {
        let text = value.to_string();
        let first = text.lines().next().unwrap_or_default();
        let mut shown: String = first.chars().take(MOST).collect();
        if shown.len() < text.trim_end().len() {
            shown.push('…');
        }
        let place = fact.origin.and_then(|origin| sources.place(origin.span));
        out.push(json!([name, shown, place]));
    } else {
        for child in &fact.children {
            flatten(child, &name, sources, out);
        }
    }
}

/// The arithmetic of a promise, a sentence each.
fn promise(view: &View<'_>, id: ServiceId) -> Vec<String> {
    let platform = view.platform;
    let Some(promise) = Promise::of(platform, view.derived, id) else {
        return Vec::new();
    };
    let over = promise.availability.over;
    let mut lines = vec![format!(
        "promises {} over {over}: {} min of errors",
        promise.availability.share,
        minutes(promise.budget_ms())
    )];
    if !promise.requires.is_empty() {
        let names: Vec<&str> = promise
            .requires
            .iter()
            .map(|term| platform[term.service].name.value.as_str())
            .collect();
        lines.push(format!("requires {}", names.join(", ")));
        lines.push(format!("can give {}", promise.product()));
        lines.push(format!(
            "slack {} s over {over}",
            seconds(promise.slack_ms())
        ));
    }
    if let Some(rto) = &platform[id].properties.rto
        && let Some(share) = promise.share_of_budget(rto.value)
    {
        lines.push(format!(
            "one recovery of {} costs {} of the budget",
            rto.value,
            tenths(share)
        ));
    }
    lines
}
