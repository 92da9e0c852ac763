//! NetworkPolicies: one default-deny for each namespace, one contract for each workload.

use std::collections::BTreeMap;

use erpc_model::kubernetes::NAME_LABEL;
use erpc_model::{Platform, ServiceId};
use erpc_policy::{
    Derived, EgressRule, IngressRule, PodSelector, PolicyPeer, PolicyPort, Selected, WorkloadPolicy,
};
use smol_str::SmolStr;

use super::policy_causes::{Reasons, Rule};
use super::{metadata, namespaces};
use crate::cause::{Cause, Causes};
use crate::kind::DEFAULT_DENY;
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map, Node};

/// How many bytes of JSON one object may have. etcd refuses a request over 1.5 MiB, and a client
/// that keeps what it last applied in an annotation may keep 256 KiB there.
const MAX_BYTES: usize = 200 * 1024;
/// How many names of peers a part of a split object holds.
const NAMES_OF_A_PART: usize = 1000;
/// What an object has beside its rules: metadata, the pod selector.
const BYTES_OF_AN_OBJECT: usize = 2048;

/// A pod that no other policy selects has no connections.
pub(super) fn default_denies(platform: &Platform) -> Vec<Object> {
    platform
        .namespaces()
        .filter(|(_, namespace)| namespace.denies_by_default())
        .map(|(id, namespace)| {
            let why = "a pod that no other policy selects has no connections";
            let cause = Cause::said(why, &namespace.name);
            let every = Cause::always("every pod of the namespace");
            let metadata = namespaces::meta_in(platform, id, DEFAULT_DENY, cause);
            let spec = closed(Map::new(), every);
            Object::new(Kind::NetworkPolicy, metadata, cause).with_spec(spec)
        })
        .collect()
}

/// A policy that allows nothing.
fn closed(pods: Map, causes: impl Into<Causes>) -> Map {
    let mut spec = Map::new();
    spec.set("podSelector", pods, causes);
    spec.set(
        "policyTypes",
        Node::texts(["Ingress", "Egress"]),
        Cause::always("both directions are closed but for what the rules open"),
    );
    spec
}

/// Whether policies of its own bind a workload. One among the manifests without a flow has none: it has no connections
/// where its namespace denies by default, and elsewhere it is as open as it was.
pub(crate) fn has_contract(platform: &Platform, derived: &Derived, id: ServiceId) -> bool {
    let service = &platform[id];
    let is_left_alone = service.raw.is_some() && derived.policies[id.index()].is_empty();
    !platform[service.namespace].is_open() && !service.has_no_selector() && !is_left_alone
}

/// The contract of a workload: one object, or several whose union it is where one would be too
/// large.
pub(super) fn of_workload(
    platform: &Platform,
    derived: &Derived,
    id: ServiceId,
    reasons: Option<&Reasons<'_>>,
) -> Vec<Object> {
    if !has_contract(platform, derived, id) {
        return Vec::new();
    }
    parts(&derived.policies[id.index()])
        .into_iter()
        .map(|part| {
            let name = format!("{}{}", platform[id].name.value, part.suffix);
            let mut policy = of_pods(platform, id, name);
            let Some(spec) = policy.fields_mut().map_mut("spec") else {
                return policy;
            };
            let ingress = part.ingress.iter();
            let ingress = ingress.map(|rule| Rule::new(reasons, true, &rule.from, &rule.ports));
            set_rules(spec, "ingress", "from", ingress);
            let egress = part.egress.iter();
            let egress = egress.map(|rule| Rule::new(reasons, false, &rule.to, &rule.ports));
            set_rules(spec, "egress", "to", egress);
            policy
        })
        .collect()
}

/// Sets the rules of one direction, if there are any.
fn set_rules<'r>(
    spec: &mut Map,
    direction: &'static str,
    side: &'static str,
    rules: impl Iterator<Item = Rule<'r>>,
) {
    let rules: Vec<Field> = rules
        .map(|rule| Field::plain(self::rule(&rule, side)))
        .collect();
    if !rules.is_empty() {
        spec.block(direction, rules);
    }
}

/// A policy of a workload's pods that allows nothing yet.
pub(crate) fn of_pods(platform: &Platform, id: ServiceId, name: impl Into<SmolStr>) -> Object {
    let service = &platform[id];
    let why = "each service has a contract: what no flow needs is denied";
    let cause = Cause::said(why, &service.name);
    let name = name.into();
    let name_cause = if name == service.name.value {
        Cause::name(service)
    } else {
        cause
    };
    let metadata = metadata::named(platform, id, name, name_cause);
    let pods = metadata::selector(service);
    let spec = closed(pods, metadata::selector_cause(service));
    Object::new(Kind::NetworkPolicy, metadata, cause).with_spec(spec)
}

/// A part of a contract, with what its object's name has behind the workload's.
#[derive(Default)]
pub(crate) struct Part {
    pub(crate) suffix: String,
    pub(crate) ingress: Vec<IngressRule>,
    pub(crate) egress: Vec<EgressRule>,
}

/// How many names a peer holds.
fn names_of(peer: &PolicyPeer) -> usize {
    match peer {
        PolicyPeer::Pods(Selected {
            pods: PodSelector::Services(names),
            ..
        }) => names.len(),
        PolicyPeer::Pods(_) => 1,
        PolicyPeer::Block(_, except) => 1 + except.len(),
    }
}

/// How many bytes of JSON a peer has, with some to spare.
fn bytes_of_peer(peer: &PolicyPeer) -> usize {
    /// `"…",` around a name or a CIDR.
    const QUOTES: usize = 4;
    /// Both selectors, with their keys and operator.
    const SELECTORS: usize = 256;
    /// `{"ipBlock":{"cidr":…,"except":[…]}},`
    const BLOCK: usize = 64;
    /// The longest CIDR of IPv6.
    const CIDR: usize = 43 + QUOTES;
    match peer {
        PolicyPeer::Pods(selected) => {
            let pods: usize = match &selected.pods {
                PodSelector::Services(names) => names.iter().map(|n| n.len() + QUOTES).sum(),
                PodSelector::OfService(_, labels)
                | PodSelector::Raw(_, labels)
                | PodSelector::Labels(labels) => {
                    let label = |(key, value): &(SmolStr, SmolStr)| key.len() + value.len();
                    labels.iter().map(|l| label(l) + 2 * QUOTES).sum()
                }
            };
            SELECTORS + selected.namespace.len() + pods
        }
        PolicyPeer::Block(_, except) => BLOCK + CIDR * (1 + except.len()),
    }
}

/// How many bytes of JSON a rule has, with some to spare.
fn bytes_of_rule(peers: &[PolicyPeer], ports: &[PolicyPort]) -> usize {
    /// `{"endPort":…,"port":…,"protocol":"SCTP"},`
    const PORT: usize = 56;
    /// `{"from":[…],"ports":[…]},`
    const RULE: usize = 32;
    let of_peers: usize = peers.iter().map(bytes_of_peer).sum();
    RULE + of_peers + PORT * ports.len()
}

/// Policies are unions, so any division by direction and peers says the same: first by direction,
/// then by the peers' namespace, then by so many names.
pub(crate) fn parts(policy: &WorkloadPolicy) -> Vec<Part> {
    let ingress = policy.ingress.iter().map(|rule| (&rule.from, &rule.ports));
    let egress = policy.egress.iter().map(|rule| (&rule.to, &rule.ports));
    let bytes: usize = ingress
        .clone()
        .chain(egress.clone())
        .map(|(peers, ports)| bytes_of_rule(peers, ports))
        .sum();
    if BYTES_OF_AN_OBJECT + bytes <= MAX_BYTES {
        return vec![Part {
            suffix: String::new(),
            ingress: policy.ingress.clone(),
            egress: policy.egress.clone(),
        }];
    }
    let mut parts = Vec::new();
    for (suffix, rules) in chunks(ingress) {
        parts.push(Part {
            suffix: format!("-ingress{suffix}"),
            ingress: rules
                .into_iter()
                .map(|(from, ports)| IngressRule { from, ports })
                .collect(),
            egress: Vec::new(),
        });
    }
    for (suffix, rules) in chunks(egress) {
        parts.push(Part {
            suffix: format!("-egress{suffix}"),
            ingress: Vec::new(),
            egress: rules
                .into_iter()
                .map(|(to, ports)| EgressRule { to, ports })
                .collect(),
        });
    }
    parts
}

type Rules = Vec<(Vec<PolicyPeer>, Vec<PolicyPort>)>;

fn chunks<'r>(
    rules: impl Iterator<Item = (&'r Vec<PolicyPeer>, &'r Vec<PolicyPort>)>,
) -> Vec<(String, Rules)> {
    let mut by_namespace: BTreeMap<SmolStr, Vec<(PolicyPeer, &Vec<PolicyPort>)>> = BTreeMap::new();
    for (peers, ports) in rules {
        for peer in peers {
            let namespace = match peer {
                PolicyPeer::Pods(selected) => selected.namespace.clone(),
                // No namespace has this name, so addresses have a part of their own.
                PolicyPeer::Block(..) => SmolStr::new_static("addresses."),
            };
            for piece in pieces(peer) {
                by_namespace
                    .entry(namespace.clone())
                    .or_default()
                    .push((piece, ports));
            }
        }
    }
    let mut out = Vec::new();
    for (namespace, pieces) in by_namespace {
        let namespace = namespace.trim_end_matches('.');
        let mut rules: Rules = Vec::new();
        let (mut names, mut bytes) = (0, BYTES_OF_AN_OBJECT);
        let mut number = 1;
        for (peer, ports) in pieces {
            let more_names = names_of(&peer);
            let more_bytes = bytes_of_rule(std::slice::from_ref(&peer), ports);
            let is_full = names + more_names > NAMES_OF_A_PART || bytes + more_bytes > MAX_BYTES;
            if names > 0 && is_full {
                out.push((part_suffix(namespace, number), std::mem::take(&mut rules)));
                number += 1;
                (names, bytes) = (0, BYTES_OF_AN_OBJECT);
            }
            names += more_names;
            bytes += more_bytes;
            rules.push((vec![peer], ports.clone()));
        }
        out.push((part_suffix(namespace, number), rules));
    }
    out
}

fn part_suffix(namespace: &str, number: u32) -> String {
    if number == 1 {
        format!(".{namespace}")
    } else {
        format!(".{namespace}.{number}")
    }
}

/// A peer with more names than a part holds, divided.
fn pieces(peer: &PolicyPeer) -> Vec<PolicyPeer> {
    match peer {
        PolicyPeer::Pods(Selected {
            namespace,
            pods: PodSelector::Services(names),
        }) => names
            .chunks(NAMES_OF_A_PART)
            .map(|names| {
                PolicyPeer::Pods(Selected {
                    namespace: namespace.clone(),
                    pods: PodSelector::Services(names.to_vec()),
                })
            })
            .collect(),
        PolicyPeer::Pods(_) | PolicyPeer::Block(..) => vec![peer.clone()],
    }
}

fn rule(rule: &Rule<'_>, side: &'static str) -> Map {
    let peers = rule
        .peers
        .iter()
        .map(|peer| Field::plain(self::peer(rule, peer)));
    let ports = rule.ports.iter();
    let ports = ports.map(|port| Field::new(self::port(port), rule.causes_of_port(port)));
    let mut fields = Map::new();
    fields.block(side, peers.collect::<Vec<_>>());
    fields.block("ports", ports.collect::<Vec<_>>());
    fields
}

/// Numbers and protocols, never names: a named port is resolved differently by every CNI.
pub(crate) fn port(port: &PolicyPort) -> Map {
    let mut fields = Map::new();
    if port.last > port.port {
        fields.block("endPort", port.last);
    }
    fields.block("port", port.port);
    fields.block("protocol", port.protocol.as_str());
    fields
}

fn peer(rule: &Rule<'_>, peer: &PolicyPeer) -> Map {
    let mut fields = Map::new();
    let causes = rule.causes_of_peer(peer);
    match peer {
        PolicyPeer::Pods(selected) => {
            let namespace = SmolStr::new_static("kubernetes.io/metadata.name");
            fields.block(
                "namespaceSelector",
                equals([(namespace, selected.namespace.clone())], &causes),
            );
            let pods = match &selected.pods {
                PodSelector::Services(names) => match names.as_slice() {
                    [name] => equals([(SmolStr::new_static(NAME_LABEL), name.clone())], &causes),
                    names => any_of(rule, &selected.namespace, names, &causes),
                },
                PodSelector::OfService(_, labels)
                | PodSelector::Raw(_, labels)
                | PodSelector::Labels(labels) => equals(labels.iter().cloned(), &causes),
            };
            fields.block("podSelector", pods);
        }
        PolicyPeer::Block(cidr, except) => {
            let mut block = Map::new();
            block.set("cidr", cidr.to_string(), causes);
            if !except.is_empty() {
                let holes = except.iter();
                let holes =
                    holes.map(|hole| Field::new(hole.to_string(), rule.causes_of_hole(hole)));
                block.block("except", holes.collect::<Vec<_>>());
            }
            fields.block("ipBlock", block);
        }
    }
    fields
}

/// A selector of labels that have these values.
fn equals(labels: impl IntoIterator<Item = (SmolStr, SmolStr)>, causes: &Causes) -> Map {
    let labels = labels.into_iter();
    let labels: Map = labels
        .map(|(key, value)| (key, Field::new(value, causes.clone())))
        .collect();
    let mut selector = Map::new();
    selector.block("matchLabels", labels);
    selector
}

/// A selector of services by their names.
fn any_of(rule: &Rule<'_>, namespace: &str, names: &[SmolStr], causes: &Causes) -> Map {
    let values = names.iter();
    let values = values.map(|name| Field::new(name, rule.causes_of_service(namespace, name)));
    let mut expression = Map::new();
    expression.set("key", NAME_LABEL, causes.clone());
    expression.set("operator", "In", causes.clone());
    expression.block("values", values.collect::<Vec<_>>());
    let mut selector = Map::new();
    selector.block("matchExpressions", vec![Field::plain(expression)]);
    selector
}
