//! The identity of services: selectors that tell pods apart, labels that agree with them, Services that routes lead to,
//! accounts that several services share.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{NamespaceId, Peer, Platform, Service, ServiceId, Sourced, kubernetes};
use erpc_policy::{Derived, Edge, Edges};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::of_service;

/// Pods of one service that another one selects: its Service would send them requests, its policy would open them, and
/// the controllers of both would count them.
pub(crate) fn overlaps(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    let mut raw: BTreeMap<NamespaceId, Vec<ServiceId>> = BTreeMap::new();
    for (id, service) in platform.raw_workloads() {
        raw.entry(service.namespace).or_default().push(id);
    }
    for (id, namespace) in platform.namespaces() {
        let raw = raw.get(&id).into_iter().flatten();
        let workloads: Vec<ServiceId> = namespace.services.iter().chain(raw).copied().collect();
        // By their names alone, services are told apart.
        let mut all = workloads.iter().map(|id| &platform[*id]);
        if all.any(Service::has_own_selector) {
            // Workloads among the manifests run as they do already; what selects their pods matters once a policy
            // follows from it.
            let is_raw = |id: &ServiceId| platform[*id].raw.is_some();
            let has_policy = |id: &ServiceId| {
                let policy = derived.policies.get(id.index());
                !is_raw(id) || policy.is_some_and(|policy| !policy.is_empty())
            };
            for (selecting, selected) in overlapping(platform, &workloads) {
                let concerns_raw = is_raw(&selecting) || is_raw(&selected);
                if !concerns_raw || !namespace.is_open() && has_policy(&selecting) {
                    out.push(overlap(platform, selecting, selected));
                }
            }
        }
    }
}

/// Pairs of workloads of a namespace of which the first selects pods of the second, each pair once.
fn overlapping(platform: &Platform, workloads: &[ServiceId]) -> BTreeSet<(ServiceId, ServiceId)> {
    let pods: Vec<(ServiceId, BTreeMap<SmolStr, SmolStr>)> = workloads
        .iter()
        .map(|id| (*id, platform.pod_labels(*id).into_iter().collect()))
        .collect();
    let mut with_key: FxHashMap<&SmolStr, Vec<usize>> = FxHashMap::default();
    for (at, (_, labels)) in pods.iter().enumerate() {
        for key in labels.keys() {
            with_key.entry(key).or_default().push(at);
        }
    }
    // By the keys of the selectors and then by their values, so that the labels of a pod find the selectors that take it.
    let mut selectors: BTreeMap<Vec<SmolStr>, FxHashMap<Vec<SmolStr>, Vec<ServiceId>>> =
        BTreeMap::new();
    for id in workloads
        .iter()
        .filter(|id| !platform[**id].has_no_selector())
    {
        let mut selector = platform[*id].selector();
        selector.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (keys, values) = selector
            .into_iter()
            .map(|(key, value)| (key, value.value))
            .unzip();
        let of_keys: &mut FxHashMap<Vec<SmolStr>, Vec<ServiceId>> =
            selectors.entry(keys).or_default();
        of_keys.entry(values).or_default().push(*id);
    }
    let mut found = BTreeSet::new();
    for (keys, by_values) in &selectors {
        let with = keys
            .iter()
            .map(|key| with_key.get(key).map_or(&[][..], Vec::as_slice));
        let rarest = with.min_by_key(|with| with.len()).unwrap_or_default();
        for at in rarest {
            let (selected, labels) = &pods[*at];
            let values: Option<Vec<SmolStr>> =
                keys.iter().map(|key| labels.get(key).cloned()).collect();
            let owners = values.and_then(|values| by_values.get(&values));
            let mut others = owners.into_iter().flatten();
            if let Some(selecting) = others.find(|owner| *owner != selected)
                && !found.contains(&(*selected, *selecting))
            {
                found.insert((*selecting, *selected));
            }
        }
    }
    found
}

fn overlap(platform: &Platform, selecting: ServiceId, selected: ServiceId) -> Diagnostic {
    let service = &platform[selecting];
    let both = [selecting, selected].map(|id| &platform[id]);
    let help = match both.iter().find(|service| service.raw.is_some()) {
        Some(_) => {
            "give the pods of one of them a label that the others do not have, and select by it: in the manifest, or with `identity`"
        }
        None => {
            "add a label to the selector that the pods of the other service do not have, or move one of them to another namespace"
        }
    };
    let shown: Vec<String> = service
        .selector()
        .iter()
        .map(|(key, value)| format!("{key}={}", value.value))
        .collect();
    let message = format!(
        "the selector of `{}` selects the pods of `{}`",
        platform.path(selecting),
        platform.path(selected)
    );
    Diagnostic::new(&codes::SELECTORS_OVERLAP, message)
        .at(place_of(service), shown.join(", "))
        .also(place_of(&platform[selected]), "its pods have these labels")
        .help(help)
}

/// Where the selector of a service is set, or the service.
fn place_of(service: &Service) -> Span {
    let selector = service.selector();
    let first = selector.first();
    first.map_or(service.name.span(), |(_, value)| value.span())
}

/// Labels that contradict the selector: no pod would be one of its workload.
pub(crate) fn labels_against_selectors(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let Some(identity) = &service.properties.identity else {
            continue;
        };
        let selector = service.selector();
        for (key, value) in &service.properties.labels {
            let mut of_selector = selector.iter();
            let other =
                of_selector.find(|(known, selected)| known == key && selected.value != value.value);
            let Some((_, selected)) = other else {
                continue;
            };
            let message = format!(
                "the label `{key}` has another value than in the selector of `{}`",
                service.name.value
            );
            let place = match identity.selector.is_some() {
                true => selected.span(),
                false => identity.origin.span,
            };
            let found = Diagnostic::new(&codes::CONTRADICTION, message)
                .at(value.span(), format!("`{}`", value.value.escape_debug()))
                .also(place, format!("`{}`", selected.value));
            out.push(of_service(found, value.origin, service));
        }
    }
}

/// Names of StatefulSets with dots, which those of other workloads may have: the names of pods and claims follow from them.
pub(crate) fn names_of_sets(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let name = service.workload_name();
        if service.workload.kind().name != "StatefulSet" {
            continue;
        }
        if let Some(problem) = kubernetes::not_a_label(&name.value) {
            let message = format!("invalid name of a StatefulSet `{}`: {problem}", name.value);
            let found = Diagnostic::new(&codes::BAD_NAME, message).at(name.span(), "here");
            out.push(of_service(found, name.origin, service));
        }
    }
}

/// Pods that nothing selects: only a job may have them, and no policy can open a flow for them.
pub(crate) fn without_selector(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        let identity = service.properties.identity.as_ref();
        let Some(identity) = identity.filter(|_| service.has_no_selector()) else {
            continue;
        };
        let name = &service.name.value;
        let kind = service.workload.kind().name;
        if !service.is_job() {
            let message = format!("`{name}` has no selector: a {kind} needs one");
            let found = Diagnostic::new(&codes::CONTRADICTION, message)
                .at(identity.origin.span, "`selector off`")
                .help("only a job can have pods that nothing selects");
            out.push(found);
            continue;
        }
        let is_open = platform[service.namespace].is_open();
        let to = |edge: &&Edge| edge.to == Peer::Service(id);
        let of_others = edges.as_slice().iter().find(to);
        let is_closed = |edge: &&Edge| {
            let to = match edge.to {
                Peer::Service(to) => !platform[platform[to].namespace].is_open(),
                _ => false,
            };
            to || !is_open
        };
        let edge = edges.from(id).iter().find(is_closed);
        if let Some(edge) = edge.or(of_others) {
            let message =
                format!("no policy can open a flow for `{name}`: nothing selects its pods");
            let found = Diagnostic::new(&codes::CONTRADICTION, message)
                .at(identity.origin.span, "`selector off`")
                .also(platform.flows[edge.flow.index()].span, "the flow")
                .help("give its pods a label: `selector job = \"NAME\"`; for a CronJob that changes nothing but its next runs");
            out.push(found);
        }
    }
}

/// Routes to ports that no Service has.
pub(crate) fn routes(platform: &Platform, out: &mut Diagnostics) {
    for route in &platform.routes {
        let service = &platform[route.port.service];
        let port = &platform[route.port].name.value;
        if service.service_name(Some(port)).is_some() {
            continue;
        }
        let message = format!(
            "no Service of `{}` has the port `{port}`",
            service.name.value
        );
        let identity = service.properties.identity.as_ref();
        let help = match service.raw {
            Some(_) => {
                "its Services are manifests: take one that selects its pods and has the port"
            }
            None => "add the port to a `service` of its `identity`",
        };
        let found = Diagnostic::new(&codes::UNKNOWN_PORT, message)
            .at(route.span, "a route leads to a Service")
            .help(help);
        out.push(match identity {
            Some(identity) => found.also(identity.origin.span, "its Services"),
            None => found,
        });
    }
}

/// Flows of workloads among the manifests whose pods nothing tells from others, or that are on the network of their node.
pub(crate) fn unselectable(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    for (id, service) in platform.raw_workloads() {
        let edges = derived.edges.as_slice().iter();
        let is_its = |edge: &&Edge| [edge.from, edge.to].contains(&Peer::Service(id));
        if !service.has_no_selector() || platform[service.namespace].is_open() {
            continue;
        }
        if let Some(edge) = edges.clone().find(is_its) {
            let message = format!(
                "no policy can open a flow for `{}`: its pods have no labels",
                platform.path(id)
            );
            out.push(
                Diagnostic::new(&codes::CONTRADICTION, message)
                    .at(platform.flows[edge.flow.index()].span, "the flow")
                    .also(service.name.span(), "its manifest")
                    .help("give its pods a label, in the manifest"),
            );
        }
    }
}

/// Workloads among the manifests that no flow names, in a namespace where what no flow opens is denied.
pub(crate) fn cut_off(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    for (id, service) in platform.raw_workloads() {
        let namespace = &platform[service.namespace];
        let is_on_host = service.raw.as_ref().is_some_and(|raw| raw.is_on_host);
        let has_flow = derived.policies.get(id.index());
        let has_flow = has_flow.is_some_and(|policy| !policy.is_empty());
        if !namespace.denies_by_default() || is_on_host || has_flow {
            continue;
        }
        let path = platform.path(id);
        let message = format!("`{path}` has no connections: its namespace denies by default");
        let port = service.ports.first();
        let port = port.map_or("port-NUMBER", |port| port.name.value.as_str());
        let mut found = Diagnostic::new(&codes::CUT_OFF_WORKLOAD, message)
            .at(service.name.span(), "no flow names this workload")
            .also(
                namespace.name.span(),
                "the network of this namespace is isolated",
            )
            .help(format!(
                "declare its flows: `allow CALLER -> {path}:{port}`, `allow {path} -> CALLEE:PORT`"
            ))
            .help(format!(
                "or leave the namespace without policies: `network open because \"…\"` in `{}`",
                namespace.name.value
            ));
        found = found.about(path);
        out.push(found);
    }
}

/// Annotations of one account that services set differently.
pub(crate) fn accounts(platform: &Platform, out: &mut Diagnostics) {
    let mut set: FxHashMap<(u32, &str, &str), &Sourced<String>> = FxHashMap::default();
    for (_, service) in platform.services() {
        let Some(account) = service.account() else {
            continue;
        };
        for (key, value) in &account.annotations {
            let place = (
                service.namespace.0,
                account.name.value.as_str(),
                key.as_str(),
            );
            let first = *set.entry(place).or_insert(value);
            if first.value == value.value {
                continue;
            }
            let message = format!(
                "two services give the ServiceAccount `{}` different annotations `{key}`",
                account.name.value
            );
            let found = Diagnostic::new(&codes::CONTRADICTION, message)
                .at(value.span(), "one value")
                .also(first.span(), "another value")
                .help("set the annotations of a shared account in one of the services");
            out.push(found);
        }
    }
}
