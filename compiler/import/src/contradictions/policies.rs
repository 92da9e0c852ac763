//! NetworkPolicies against the pods and the flows that they are about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Findings, shown, title};
use crate::compare::Key;
use crate::facts::{Facts, items, text};
use crate::flows::{Flow, Grade, is_empty, peer_pods, selects_namespace};
use crate::read::{FindingKind, Object};

pub(super) fn find(facts: &Facts<'_>, flows: &[Flow], found: &mut Findings) {
    let policies: Vec<&Object> = facts
        .objects
        .iter()
        .filter(|object| object.value["kind"] == "NetworkPolicy")
        .collect();
    for policy in &policies {
        one(facts, policy, found);
    }
    without_effect(&policies, found);
    blocked(facts, &policies, flows, found);
}

/// The directions in which a policy isolates.
pub(super) fn directions(spec: &Value) -> Vec<&'static str> {
    let types = items(&spec["policyTypes"]);
    let has = |name: &str| types.iter().any(|one| one == name);
    let mut directions = Vec::new();
    if types.is_empty() || has("Ingress") {
        directions.push("ingress");
    }
    if has("Egress") || types.is_empty() && !spec["egress"].is_null() {
        directions.push("egress");
    }
    directions
}

pub(super) const fn peers_of(direction: &str) -> &'static str {
    match direction.as_bytes() {
        b"ingress" => "from",
        _ => "to",
    }
}

fn one(facts: &Facts<'_>, policy: &Object, found: &mut Findings) {
    let spec = &policy.value["spec"];
    let namespace = text(&policy.value["metadata"]["namespace"]);
    let own = facts.selected(namespace, &spec["podSelector"]);
    let has_pods = !facts.in_namespace(namespace).is_empty();
    if own.is_empty() && has_pods && !is_empty(&spec["podSelector"]) {
        let message = format!("the selector of {} matches no pod", title(policy));
        found.at(
            FindingKind::SelectsNothing,
            policy,
            &["spec", "podSelector"],
            message,
        );
    }
    for direction in ["ingress", "egress"] {
        for (number, rule) in items(&spec[direction]).iter().enumerate() {
            let number = number.to_string();
            let peers = peers_of(direction);
            for (place, peer) in items(&rule[peers]).iter().enumerate() {
                let place = place.to_string();
                let path = ["spec", direction, &number, peers, &place];
                peer_findings(facts, policy, peer, &path, found);
            }
            ports(facts, policy, (direction, &number), &own, found);
        }
    }
}

fn peer_findings(
    facts: &Facts<'_>,
    policy: &Object,
    peer: &Value,
    path: &[&str],
    found: &mut Findings,
) {
    let selector = &peer["namespaceSelector"];
    if selector.is_object() && is_empty(selector) && peer["podSelector"].is_null() {
        let message = format!(
            "{} opens a port to the pods of every namespace, and to no address outside",
            title(policy)
        );
        found.at(FindingKind::PeerInEveryNamespace, policy, path, message);
    }
    let labels = selector["matchLabels"].as_object();
    for (label, value) in labels.into_iter().flatten() {
        // A namespace of the input has it, so that another one may get it.
        let mut namespaces = facts
            .objects
            .iter()
            .filter(|one| one.value["kind"] == "Namespace");
        let is_own =
            namespaces.any(|one| one.value["metadata"]["labels"][label.as_str()] == *value);
        if label != "kubernetes.io/metadata.name" && is_own {
            let message = format!("{} finds a namespace by its label `{label}`", title(policy));
            found.at(FindingKind::NamespaceByOwnLabel, policy, path, message);
        }
    }
}

/// The pods of the manifests that a peer selects: those of whole namespaces, too.
pub(super) fn peers_among(facts: &Facts<'_>, namespace: &str, peer: &Value) -> Vec<usize> {
    let is_every_pod = peer["podSelector"].is_null() || is_empty(&peer["podSelector"]);
    if !is_every_pod {
        return peer_pods(facts, namespace, peer);
    }
    if peer["namespaceSelector"].is_null() {
        return facts.in_namespace(namespace).to_vec();
    }
    facts
        .namespaces()
        .filter(|name| selects_namespace(facts, &peer["namespaceSelector"], name))
        .flat_map(|name| facts.in_namespace(name).to_vec())
        .collect()
}

/// The ports of a rule, and who listens on them.
fn ports(
    facts: &Facts<'_>,
    policy: &Object,
    (direction, number): (&str, &str),
    own: &[usize],
    found: &mut Findings,
) {
    let namespace = text(&policy.value["metadata"]["namespace"]);
    let spec = &policy.value["spec"];
    let rule_number: usize = number.parse().unwrap_or_default();
    let rule = &spec[direction][rule_number];
    let ports = items(&rule["ports"]);
    let is_dns = |port: &&Value, protocol: &str| {
        port["port"] == 53
            && (port["protocol"] == protocol || protocol == "TCP" && port["protocol"].is_null())
    };
    if direction == "egress"
        && ports.iter().any(|port| is_dns(&port, "UDP"))
        && !ports.iter().any(|port| is_dns(&port, "TCP"))
    {
        let message = format!("{} allows DNS over UDP and not over TCP", title(policy));
        let path = ["spec", direction, number, "ports"];
        found.at(FindingKind::DnsWithoutTcp, policy, &path, message);
    }
    let others: Vec<usize> = match direction {
        "ingress" => own.to_vec(),
        _ => {
            let peers = items(&rule["to"]);
            let is_named = |peer: &&Value| {
                peer["podSelector"].is_object() || peer["namespaceSelector"].is_object()
            };
            if peers.is_empty() || !peers.iter().all(|peer| is_named(&peer)) {
                return;
            }
            let pods = |peer: &Value| peers_among(facts, namespace, peer);
            peers.iter().flat_map(pods).collect()
        }
    };
    // Pods that are not among the manifests may listen on anything.
    if others.is_empty()
        || others
            .iter()
            .any(|place| !facts.pods[*place].declares_ports())
    {
        return;
    }
    for (place, port) in ports.iter().enumerate() {
        let number_of = &port["port"];
        let is_range = !port["endPort"].is_null();
        let is_served = others
            .iter()
            .any(|place| facts.pods[*place].declares(number_of));
        if !number_of.is_null() && !is_range && !is_served {
            let message = format!(
                "{} opens port {}, on which nothing listens",
                title(policy),
                shown(number_of)
            );
            let path = ["spec", direction, number, "ports", &place.to_string()];
            found.at(
                FindingKind::PolicyPortWithoutListener,
                policy,
                &path,
                message,
            );
        }
    }
}

/// Policies without rules beside others of the same pods.
fn without_effect(policies: &[&Object], found: &mut Findings) {
    let mut by_pods: BTreeMap<(String, String), Vec<&Object>> = BTreeMap::new();
    for policy in policies {
        let namespace = text(&policy.value["metadata"]["namespace"]).to_owned();
        let selector = policy.value["spec"]["podSelector"].to_string();
        by_pods
            .entry((namespace, selector))
            .or_default()
            .push(policy);
    }
    let has_rules =
        |policy: &Object, direction: &str| !items(&policy.value["spec"][direction]).is_empty();
    for policies in by_pods.values() {
        for policy in policies {
            let own = directions(&policy.value["spec"]);
            if own.iter().any(|direction| has_rules(policy, direction)) {
                continue;
            }
            let mut others = policies.iter();
            let other = others.find(|other| {
                let others = directions(&other.value["spec"]);
                own.iter().all(|direction| others.contains(direction))
                    && others.iter().any(|direction| has_rules(other, direction))
            });
            if let Some(other) = other {
                let message = format!(
                    "{} changes nothing: {} isolates the same pods",
                    title(policy),
                    title(other)
                );
                found.at(FindingKind::PolicyWithoutEffect, policy, &["spec"], message);
            }
        }
    }
}

/// Flows that the configuration of a workload shows and the policies do not let through.
fn blocked(facts: &Facts<'_>, policies: &[&Object], flows: &[Flow], found: &mut Findings) {
    if policies.is_empty() {
        return;
    }
    // What isolates each pod, by direction.
    let mut isolating: BTreeMap<(usize, &'static str), Vec<&Object>> = BTreeMap::new();
    for policy in policies {
        let spec = &policy.value["spec"];
        let namespace = text(&policy.value["metadata"]["namespace"]);
        let own = facts.selected(namespace, &spec["podSelector"]);
        for direction in directions(spec) {
            for place in &own {
                isolating
                    .entry((*place, direction))
                    .or_default()
                    .push(policy);
            }
        }
    }
    let places = facts.pods.iter().enumerate();
    let places: BTreeMap<&Key, usize> = places.map(|(place, pods)| (&pods.key, place)).collect();
    for flow in flows.iter().filter(|flow| flow.grade == Grade::Certain) {
        let (Some(&caller), Some(&callee)) = (places.get(&flow.from), places.get(&flow.to)) else {
            continue;
        };
        if caller == callee {
            continue;
        }
        let ports = container_ports(facts, flow, callee);
        for (pods, direction, other) in [(callee, "ingress", caller), (caller, "egress", callee)] {
            let Some(policies) = isolating.get(&(pods, direction)) else {
                continue;
            };
            let lets =
                |policy: &&Object| lets_through(facts, policy, direction, (other, callee), &ports);
            if !policies.iter().any(lets) {
                let message = format!(
                    "{} needs {} ({}), and {} blocks it",
                    flow.from,
                    flow.to,
                    flow.evidence,
                    title(policies[0])
                );
                found.at(
                    FindingKind::PolicyBlocksFlow,
                    policies[0],
                    &["spec", direction],
                    message,
                );
            }
        }
    }
}

/// The ports of the pods to which a flow leads; none if they are not known.
fn container_ports(facts: &Facts<'_>, flow: &Flow, callee: usize) -> Vec<u64> {
    let service = facts.service(&flow.to.namespace, &flow.service);
    let ports = service.map_or(&[][..], |service| service.ports());
    let ports = ports
        .iter()
        .filter(|port| flow.port.is_none_or(|number| port["port"] == number));
    ports
        .filter_map(|port| match &port["targetPort"] {
            Value::Null => port["port"].as_u64(),
            target => facts.pods[callee].port_number(target).or(target.as_u64()),
        })
        .collect()
}

pub(super) fn lets_through(
    facts: &Facts<'_>,
    policy: &Object,
    direction: &str,
    (other, callee): (usize, usize),
    ports: &[u64],
) -> bool {
    let namespace = text(&policy.value["metadata"]["namespace"]);
    items(&policy.value["spec"][direction]).iter().any(|rule| {
        let peers = items(&rule[peers_of(direction)]);
        let is_peer = |peer: &Value| {
            let other = &facts.pods[other];
            // An address may be that of anything.
            peer["ipBlock"].is_object()
                || match peer["namespaceSelector"].is_null() {
                    true => other.key.namespace == namespace,
                    false => {
                        selects_namespace(facts, &peer["namespaceSelector"], &other.key.namespace)
                    }
                } && (peer["podSelector"].is_null() || {
                    let selected = facts.selected(&other.key.namespace, &peer["podSelector"]);
                    selected
                        .iter()
                        .any(|place| facts.pods[*place].key == other.key)
                })
        };
        let is_port = |port: &Value| {
            let number = facts.pods[callee]
                .port_number(&port["port"])
                .or(port["port"].as_u64());
            let end = port["endPort"].as_u64();
            let is_in = |wanted: &u64| {
                number.is_none_or(|first| first <= *wanted && *wanted <= end.unwrap_or(first))
            };
            port["port"].is_null() || ports.is_empty() || ports.iter().any(is_in)
        };
        let own = items(&rule["ports"]);
        (peers.is_empty() || peers.iter().any(is_peer))
            && (own.is_empty() || own.iter().any(is_port))
    })
}
