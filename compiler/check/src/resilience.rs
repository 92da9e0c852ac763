//! What one failure or one drain takes away: single pods that many stand on, budgets that let no pod
//! go, replicas without nodes of their own, autoscalers that see nothing.

use std::collections::BTreeMap;

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{
    Container, FlowId, Nodes, Origin, Platform, Scaling, Service, ServiceId, Sourced, Spread, Via,
};
use erpc_policy::Derived;
use erpc_reliability::promise::required;

use crate::of_service;

/// From how many services that require it a single pod is worth a warning. Every service that is
/// required by one or two would be noise: most are, and their clients are lost with them by intent.
const REQUIRED_BY: usize = 3;
/// How many of several places are shown.
const SHOWN: usize = 3;

/// Services with one pod that several others cannot work without, where another node could hold a
/// second pod.
pub(crate) fn single_points(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    let nodes = platform.cluster().nodes.as_ref();
    if nodes.is_some_and(|nodes| nodes.value.count < 2) {
        return;
    }
    let mut clients: Vec<Vec<(ServiceId, FlowId)>> = vec![Vec::new(); platform.services.len()];
    for (id, service) in platform.services() {
        // A job that fails runs again.
        if service.is_job() {
            continue;
        }
        for (server, flow) in required(derived, id) {
            clients[server.index()].push((id, flow));
        }
    }
    for (id, service) in platform.services() {
        let clients = &clients[id.index()];
        let is_single = !service.scaling.has_several();
        // A profile that says so makes the platform small on purpose.
        if clients.len() < REQUIRED_BY || !is_single || is_of_profile(service) {
            continue;
        }
        out.push(single_point(platform, id, clients));
    }
}

fn single_point(platform: &Platform, id: ServiceId, clients: &[(ServiceId, FlowId)]) -> Diagnostic {
    let service = &platform[id];
    let name = platform.path(id);
    let mut by_flow: BTreeMap<FlowId, Vec<ServiceId>> = BTreeMap::new();
    for (client, flow) in clients {
        by_flow.entry(*flow).or_default().push(*client);
    }
    let mut flows: Vec<(FlowId, Vec<ServiceId>)> = by_flow.into_iter().collect();
    flows.sort_by_key(|(flow, by)| (std::cmp::Reverse(by.len()), *flow));
    let mut diagnostic = Diagnostic::new(
        &codes::SINGLE_POINT,
        format!(
            "`{name}` runs as a single pod, but {} services require it",
            clients.len()
        ),
    )
    .at(service.name.span(), "one pod");
    let span = scaling(service).span;
    if span != service.name.span() {
        diagnostic = diagnostic.also(span, "one pod");
    }
    for (flow, by) in flows.iter().take(SHOWN) {
        let label = match by.as_slice() {
            [one] => format!("`{}` requires it", platform.path(*one)),
            several => format!("{} services require it", several.len()),
        };
        diagnostic = diagnostic.also(platform.flows[flow.index()].span, label);
    }
    diagnostic.about(name).help(
        "give it `replicas 2` or a `scale` from 2; where it can only be one, accept this with the reason",
    )
}

/// Where the number of pods is set; the service by default.
fn scaling(service: &Service) -> Origin {
    let origin = service.scaling.origin();
    if origin.span.is_none() {
        Origin {
            span: service.name.span(),
            ..origin
        }
    } else {
        origin
    }
}

fn is_of_profile(service: &Service) -> bool {
    matches!(scaling(service).via, Via::Profile(_))
}

/// `disruption min` that keeps every pod, so that a node is never empty.
pub(crate) fn budgets(platform: &Platform, out: &mut Diagnostics) {
    let mut kept: Vec<(ServiceId, &Sourced<u32>)> = Vec::new();
    for (id, service) in platform.services() {
        let Some(min) = service
            .properties
            .disruption
            .as_ref()
            .filter(|min| min.value > 0)
        else {
            continue;
        };
        let least = service.scaling.bounds().min;
        if !service.has_replicas() || least == 0 {
            continue;
        }
        if min.value < least {
            kept.push((id, min));
            continue;
        }
        if least == 1 && is_of_profile(service) {
            continue;
        }
        out.push(blocks(platform, id, min, least));
    }
    if let Some(nodes) = &platform.cluster().nodes
        && nodes.value.count == 1
        && !kept.is_empty()
    {
        out.push(one_node(platform, nodes, &kept));
    }
}

fn blocks(platform: &Platform, id: ServiceId, min: &Sourced<u32>, least: u32) -> Diagnostic {
    let service = &platform[id];
    let name = platform.path(id);
    let (message, way_out) = if least == 1 {
        (
            format!(
                "`{name}` may be one pod, so `disruption min {}` would block every drain of its node: no budget is made",
                min.value
            ),
            "give it two pods or more, or leave the line out".to_owned(),
        )
    } else {
        (
            format!(
                "`{name}` may have {least} pods, and `disruption min {}` lets none of them go: no drain of their nodes ends",
                min.value
            ),
            format!("say `disruption min {}`, or have more pods", least - 1),
        )
    };
    let diagnostic = Diagnostic::new(&codes::DRAIN_BLOCKED, message)
        .at(min.span(), format!("{} stay", min.value))
        .also(scaling(service).span, format!("{least} there are"))
        .about(name)
        .help(way_out);
    of_service(diagnostic, min.origin, service)
}

fn one_node(
    platform: &Platform,
    nodes: &Sourced<Nodes>,
    kept: &[(ServiceId, &Sourced<u32>)],
) -> Diagnostic {
    let cluster = platform.cluster().name.value.as_str();
    let budgets = match kept.len() {
        1 => "a budget keeps".to_owned(),
        several => format!("{several} budgets keep"),
    };
    let mut diagnostic = Diagnostic::new(
        &codes::DRAIN_BLOCKED,
        format!(
            "no drain of the only node of `{cluster}` ends: {budgets} pods that have nowhere to go"
        ),
    )
    .at(nodes.span(), "one node")
    .about(cluster);
    for (id, min) in kept.iter().take(SHOWN) {
        let label = format!("{} of `{}` stay", min.value, platform.path(*id));
        diagnostic = diagnostic.also(min.span(), label);
    }
    diagnostic.help("a second node, or `disruption = off` in the profile of this cluster")
}

/// `spread by node` with more pods than nodes.
pub(crate) fn spreads(platform: &Platform, out: &mut Diagnostics) {
    let Some(nodes) = &platform.cluster().nodes else {
        return;
    };
    let count = nodes.value.count;
    let by_node = |service: &Service| {
        let spread = service
            .properties
            .spread
            .as_ref()
            .map(|spread| spread.value);
        spread == Some(Spread::Node) && service.has_replicas()
    };
    let crowded: Vec<(ServiceId, &Service)> = platform
        .services()
        .filter(|(_, service)| by_node(service) && service.scaling.bounds().min > count)
        .collect();
    let Some((first, service)) = crowded.first() else {
        return;
    };
    let cluster = platform.cluster().name.value.as_str();
    let who = match crowded.len() - 1 {
        0 => format!("`{}` is", platform.path(*first)),
        more => format!("`{}` and {more} more are", platform.path(*first)),
    };
    let noun = if count == 1 { "node" } else { "nodes" };
    let pods = |service: &Service| format!("{} pods", service.scaling.bounds().min);
    let mut diagnostic = Diagnostic::new(
        &codes::SPREAD_NOT_MET,
        format!(
            "{who} spread by node, and `{cluster}` has {count} {noun}: some of the pods share one"
        ),
    )
    .at(nodes.span(), format!("{count} {noun}"));
    for (_, service) in crowded.iter().take(SHOWN) {
        diagnostic = diagnostic.also(scaling(service).span, pods(service));
    }
    let said = service
        .properties
        .spread
        .as_ref()
        .map_or(Span::NONE, Sourced::span);
    diagnostic = diagnostic.also(said, "spread by node");
    out.push(
        diagnostic
            .about(cluster)
            .help("take more nodes, or fewer pods; the loss of a node takes all that stand on it"),
    );
}

/// The name of a container that requests nothing, and where that is said; `request` is what it sets.
fn requests_none(container: &Container, request: Option<(u64, Origin)>) -> Option<(&str, Origin)> {
    let name = &container.name;
    match request {
        Some((0, origin)) => Some((&name.value, origin)),
        Some(_) => None,
        None => Some((&name.value, name.origin)),
    }
}

/// An autoscaler that aims at a share of a request of nothing.
pub(crate) fn autoscalers(platform: &Platform, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        let Scaling::Auto(scale) = &service.scaling else {
            continue;
        };
        let together = || service.sidecars.iter().chain([&service.main]);
        let requests = |c: &Container| c.cpu.as_ref().map(|cpu| (cpu.value.min.0, cpu.origin));
        let cpu = together().find_map(|c| requests_none(c, requests(c)));
        let requests = |c: &Container| c.memory.as_ref().map(|it| (it.value.min.0, it.origin));
        let memory = together().find_map(|c| requests_none(c, requests(c)));
        let cases = [
            ("cpu", scale.value.cpu, cpu),
            ("memory", scale.value.memory, memory),
        ];
        for (word, aim, container) in cases {
            let (Some(aim), Some((container, origin))) = (aim, container) else {
                continue;
            };
            let diagnostic = Diagnostic::new(
                &codes::SCALE_WITHOUT_REQUEST,
                format!(
                    "`{}` scales on {aim}% of its {word} request, and `{container}` requests none",
                    platform.path(id)
                ),
            )
            .at(origin.span, "requests nothing")
            .also(scale.span(), format!("on {word} {aim}%"))
            .help(format!(
                "request some: `{word} {}`",
                if word == "cpu" {
                    "100m..500m"
                } else {
                    "64Mi..128Mi"
                }
            ));
            out.push(of_service(diagnostic, origin, service));
        }
    }
}
