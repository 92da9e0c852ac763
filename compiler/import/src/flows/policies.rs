//! Policies for exactly one pair of workloads, written because one calls the other.

use serde_json::Value;

use super::{Found, Grade};
use crate::facts::{Facts, items, text};
use crate::read::{Object, Place};

/// Adds the flows that policies show.
pub(super) fn flows(facts: &Facts<'_>, into: &mut Found<'_, '_>) {
    for object in facts.objects {
        match text(&object.value["kind"]) {
            "NetworkPolicy" => network_policy(facts, object, into),
            "AuthorizationPolicy" => authorization_policy(facts, object, into),
            _ => {}
        }
    }
}

fn network_policy(facts: &Facts<'_>, object: &Object, into: &mut Found<'_, '_>) {
    let spec = &object.value["spec"];
    let namespace = text(&object.value["metadata"]["namespace"]);
    if is_empty(&spec["podSelector"]) {
        return;
    }
    let own = facts.selected(namespace, &spec["podSelector"]);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (number, rule) in items(&spec[direction]).iter().enumerate() {
            let line = object.line_of(&["spec", direction, &number.to_string()]);
            for peer in items(&rule[peers]) {
                let others = peer_pods(facts, namespace, peer);
                let ([own], [other]) = (own.as_slice(), others.as_slice()) else {
                    continue;
                };
                let (caller, callee) = match direction {
                    "ingress" => (*other, *own),
                    _ => (*own, *other),
                };
                add(object, line, (caller, callee), &rule["ports"], into);
            }
        }
    }
}

/// The pods that a peer selects by their labels; none if it selects all of a namespace.
pub(crate) fn peer_pods(facts: &Facts<'_>, namespace: &str, peer: &Value) -> Vec<usize> {
    if peer["podSelector"].is_null() || is_empty(&peer["podSelector"]) {
        return Vec::new();
    }
    if peer["namespaceSelector"].is_null() {
        return facts.selected(namespace, &peer["podSelector"]);
    }
    let namespaces = facts
        .namespaces()
        .filter(|name| selects_namespace(facts, &peer["namespaceSelector"], name));
    namespaces
        .flat_map(|name| facts.selected(name, &peer["podSelector"]))
        .collect()
}

/// Whether a selector selects a namespace, by the label with its name and those of its object.
pub(crate) fn selects_namespace(facts: &Facts<'_>, selector: &Value, namespace: &str) -> bool {
    let object = facts.find("Namespace", "", namespace);
    let labels = object.and_then(|object| object.value["metadata"]["labels"].as_object());
    let value = |key: &str| match key {
        "kubernetes.io/metadata.name" => Some(namespace),
        _ => labels
            .and_then(|labels| labels.get(key))
            .and_then(Value::as_str),
    };
    let mut wanted = selector["matchLabels"].as_object().into_iter().flatten();
    let matches = wanted.all(|(key, wanted)| value(key) == wanted.as_str());
    let mut expressions = items(&selector["matchExpressions"]).iter();
    matches
        && expressions.all(|expression| {
            let own = value(text(&expression["key"]));
            let is_in = || {
                items(&expression["values"])
                    .iter()
                    .any(|value| own == value.as_str())
            };
            match text(&expression["operator"]) {
                "In" => own.is_some() && is_in(),
                "NotIn" => own.is_none() || !is_in(),
                "Exists" => own.is_some(),
                "DoesNotExist" => own.is_none(),
                _ => false,
            }
        })
}

pub(crate) fn is_empty(selector: &Value) -> bool {
    let labels = selector["matchLabels"].as_object();
    labels.is_none_or(serde_json::Map::is_empty) && items(&selector["matchExpressions"]).is_empty()
}

/// The workloads of an Istio policy are named by their accounts: `cluster.local/ns/shop/sa/web`.
fn authorization_policy(facts: &Facts<'_>, object: &Object, into: &mut Found<'_, '_>) {
    let spec = &object.value["spec"];
    if !matches!(text(&spec["action"]), "" | "ALLOW") || is_empty(&spec["selector"]) {
        return;
    }
    let namespace = text(&object.value["metadata"]["namespace"]);
    let [callee] = facts.selected(namespace, &spec["selector"])[..] else {
        return;
    };
    for (number, rule) in items(&spec["rules"]).iter().enumerate() {
        let line = object.line_of(&["spec", "rules", &number.to_string()]);
        for from in items(&rule["from"]) {
            for principal in items(&from["source"]["principals"]) {
                let mut parts = text(principal).rsplit('/');
                let (account, namespace) = (parts.next(), parts.nth(1));
                let (Some(account), Some(namespace)) = (account, namespace) else {
                    continue;
                };
                let has_account =
                    |place: &&usize| facts.pods[**place].spec["serviceAccountName"] == account;
                let callers: Vec<usize> = facts
                    .in_namespace(namespace)
                    .iter()
                    .filter(has_account)
                    .copied()
                    .collect();
                if let [caller] = callers[..] {
                    add(object, line, (caller, callee), &Value::Null, into);
                }
            }
        }
    }
}

/// Adds a pair, for each port that a rule names.
fn add(
    object: &Object,
    line: usize,
    (caller, callee): (usize, usize),
    ports: &Value,
    into: &mut Found<'_, '_>,
) {
    let place = Place {
        file: object.place.file.clone(),
        line,
    };
    let facts = into.facts;
    let kind = text(&object.value["kind"]);
    let evidence = format!("{kind} {}", text(&object.value["metadata"]["name"]));
    let service = facts.service_of(callee);
    let numbers: Vec<Option<u64>> = match items(ports) {
        [] => vec![None],
        ports => {
            let ports = ports.iter();
            ports
                .map(|port| {
                    facts.pods[callee]
                        .port_number(&port["port"])
                        .or(port["port"].as_u64())
                })
                .collect()
        }
    };
    for port in numbers {
        match service {
            Some(service) => into.call(caller, service, port, Grade::Certain, &evidence, &place),
            None => into.add(
                (caller, callee, port),
                String::new(),
                Grade::Certain,
                &evidence,
                &place,
            ),
        }
    }
}
