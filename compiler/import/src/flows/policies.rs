//! Policies for exactly one pair of workloads, written because one calls the other.

use serde_json::Value;

use std::collections::BTreeSet;

use super::{AllowedOnly, Flow, Found, Grade};
use crate::compare::Key;
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

/// What policies allow beyond the flows: rules for more than one pair, and for addresses.
pub(crate) fn allowed_only(facts: &Facts<'_>, flows: &[Flow]) -> Vec<AllowedOnly> {
    let known: BTreeSet<(&Key, &Key)> = flows.iter().map(|flow| (&flow.from, &flow.to)).collect();
    let mut found = Vec::new();
    let policies = facts.objects.iter();
    for object in policies.filter(|object| object.value["kind"] == "NetworkPolicy") {
        let spec = &object.value["spec"];
        let namespace = text(&object.value["metadata"]["namespace"]);
        let own = facts.selected(namespace, &spec["podSelector"]);
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for (number, rule) in items(&spec[direction]).iter().enumerate() {
                let line = object.line_of(&["spec", direction, &number.to_string()]);
                let everywhere = [Value::Null];
                let peers = match items(&rule[peers]) {
                    [] => &everywhere[..],
                    peers => peers,
                };
                for peer in peers {
                    let others = pods_of_peer(facts, namespace, peer);
                    let (count, shown) = counted(facts, &known, (&own, &others), direction);
                    if count == shown && count > 0 || own.is_empty() {
                        continue;
                    }
                    let (pods, other) = (named(facts, namespace, &own), describe(peer));
                    found.push(AllowedOnly {
                        policy: Key::of(&object.value),
                        place: Place {
                            file: object.place.file.clone(),
                            line,
                        },
                        allows: match direction {
                            "ingress" => format!("{other} -> {pods}"),
                            _ => format!("{pods} -> {other}"),
                        },
                        pairs: count,
                        shown,
                    });
                }
            }
        }
    }
    found
}

/// How many pairs there are, and how many of them have a flow.
fn counted(
    facts: &Facts<'_>,
    known: &BTreeSet<(&Key, &Key)>,
    (own, others): (&[usize], &[usize]),
    direction: &str,
) -> (usize, usize) {
    let of_own: BTreeSet<&Key> = own.iter().map(|place| &facts.pods[*place].key).collect();
    let of_others: BTreeSet<&Key> = others.iter().map(|place| &facts.pods[*place].key).collect();
    let both = of_own.intersection(&of_others).count();
    // The flows are few, and the pairs may be many.
    let is_shown = |(from, to): &&(&Key, &Key)| match direction {
        "ingress" => from != to && of_others.contains(from) && of_own.contains(to),
        _ => from != to && of_own.contains(from) && of_others.contains(to),
    };
    let shown = known.iter().filter(is_shown).count();
    (of_own.len() * of_others.len() - both, shown)
}

/// The pods that a peer selects, by labels or all of its namespaces; none for addresses.
fn pods_of_peer(facts: &Facts<'_>, namespace: &str, peer: &Value) -> Vec<usize> {
    if !peer["ipBlock"].is_null() {
        return Vec::new();
    }
    let selects = |name: &&str| match (&peer["namespaceSelector"], peer) {
        (_, Value::Null) => true,
        (Value::Null, _) => *name == namespace,
        (selector, _) => is_empty(selector) || selects_namespace(facts, selector, name),
    };
    let namespaces = facts.namespaces().filter(selects);
    namespaces
        .flat_map(|name| facts.selected(name, &peer["podSelector"]))
        .collect()
}

/// How many names are written out.
const MOST_NAMES: usize = 4;

fn named(facts: &Facts<'_>, namespace: &str, pods: &[usize]) -> String {
    match pods {
        many if many.len() > MOST_NAMES => format!("{} workloads of {namespace}", many.len()),
        few => {
            let names = few.iter();
            let names = names.map(|place| format!("{namespace}.{}", facts.pods[*place].key.name));
            Vec::from_iter(names).join(", ")
        }
    }
}

/// A peer in words.
fn describe(peer: &Value) -> String {
    let selector = |of: &Value| match is_empty(of) {
        true => "all".to_owned(),
        false => match of["matchLabels"].as_object() {
            Some(labels) if items(&of["matchExpressions"]).is_empty() => {
                let labels = labels.iter();
                let labels = labels.map(|(key, value)| format!("{key}={}", text(value)));
                Vec::from_iter(labels).join(",")
            }
            _ => of.to_string(),
        },
    };
    match peer {
        Value::Null => "everything".to_owned(),
        peer if !peer["ipBlock"].is_null() => text(&peer["ipBlock"]["cidr"]).to_owned(),
        peer => {
            let pods = format!("pods ({})", selector(&peer["podSelector"]));
            match &peer["namespaceSelector"] {
                Value::Null => pods,
                namespaces => format!("{pods} of namespaces ({})", selector(namespaces)),
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
