//! NetworkPolicies: one default-deny for each namespace, one contract for each workload.

use std::collections::BTreeMap;

use erpc_model::{Platform, ServiceId};
use erpc_policy::{
    Derived, EgressRule, IngressRule, NAME_LABEL, PodSelector, PolicyPeer, PolicyPort, Selected,
    WorkloadPolicy,
};
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use smol_str::SmolStr;

use super::{metadata, namespaces};
use crate::Object;

/// How many bytes of JSON one object may have. etcd refuses a request over 1.5 MiB, and a client
/// that keeps what it last applied in an annotation may keep 256 KiB there.
const MAX_BYTES: usize = 200 * 1024;
/// How many names of peers a part of a split object holds.
const NAMES_OF_A_PART: usize = 1000;
/// What an object has beside its rules: metadata, the pod selector.
const BYTES_OF_AN_OBJECT: usize = 2048;

/// A pod that no other policy selects speaks to nobody.
pub(super) fn default_denies(platform: &Platform) -> Vec<Object> {
    platform
        .namespaces()
        .map(|(id, _)| {
            Object::from(networking::NetworkPolicy {
                metadata: namespaces::meta_in(platform, id, "default-deny"),
                spec: Some(networking::NetworkPolicySpec {
                    pod_selector: Some(LabelSelector::default()),
                    policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
                    ..networking::NetworkPolicySpec::default()
                }),
            })
        })
        .collect()
}

/// The contract of a workload: one object, or several whose union it is where one would be too
/// large.
pub(super) fn of_workload(platform: &Platform, derived: &Derived, id: ServiceId) -> Vec<Object> {
    parts(&derived.policies[id.index()])
        .into_iter()
        .map(|part| {
            let name = format!("{}{}", platform[id].name.value, part.suffix);
            let mut policy = of_pods(platform, id, &name);
            if let Some(spec) = &mut policy.spec {
                spec.ingress = (!part.ingress.is_empty())
                    .then(|| part.ingress.iter().map(ingress_rule).collect());
                spec.egress = (!part.egress.is_empty())
                    .then(|| part.egress.iter().map(egress_rule).collect());
            }
            Object::from(policy)
        })
        .collect()
}

/// A policy of a workload's pods that allows nothing yet.
pub(crate) fn of_pods(platform: &Platform, id: ServiceId, name: &str) -> networking::NetworkPolicy {
    networking::NetworkPolicy {
        metadata: metadata::named(platform, id, name),
        spec: Some(networking::NetworkPolicySpec {
            pod_selector: Some(metadata::selector(&platform[id])),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ..networking::NetworkPolicySpec::default()
        }),
    }
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
                PodSelector::Labels(labels) => {
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

fn ingress_rule(rule: &IngressRule) -> networking::NetworkPolicyIngressRule {
    networking::NetworkPolicyIngressRule {
        from: Some(rule.from.iter().map(peer).collect()),
        ports: Some(rule.ports.iter().map(port).collect()),
    }
}

fn egress_rule(rule: &EgressRule) -> networking::NetworkPolicyEgressRule {
    networking::NetworkPolicyEgressRule {
        to: Some(rule.to.iter().map(peer).collect()),
        ports: Some(rule.ports.iter().map(port).collect()),
    }
}

/// Numbers and protocols, never names: a named port is resolved differently by every CNI.
pub(crate) fn port(port: &PolicyPort) -> networking::NetworkPolicyPort {
    networking::NetworkPolicyPort {
        protocol: Some(port.protocol.as_str().to_owned()),
        port: Some(IntOrString::Int(i32::from(port.port))),
        end_port: (port.last > port.port).then(|| i32::from(port.last)),
    }
}

fn peer(peer: &PolicyPeer) -> networking::NetworkPolicyPeer {
    match peer {
        PolicyPeer::Pods(selected) => networking::NetworkPolicyPeer {
            namespace_selector: Some(equals("kubernetes.io/metadata.name", &selected.namespace)),
            pod_selector: Some(match &selected.pods {
                PodSelector::Services(names) => match names.as_slice() {
                    [name] => equals(NAME_LABEL, name),
                    names => LabelSelector {
                        match_labels: None,
                        match_expressions: Some(vec![LabelSelectorRequirement {
                            key: NAME_LABEL.to_owned(),
                            operator: "In".to_owned(),
                            values: Some(names.iter().map(ToString::to_string).collect()),
                        }]),
                    },
                },
                PodSelector::Labels(labels) => LabelSelector {
                    match_labels: Some(
                        labels
                            .iter()
                            .map(|(key, value)| (key.to_string(), value.to_string()))
                            .collect(),
                    ),
                    match_expressions: None,
                },
            }),
            ip_block: None,
        },
        PolicyPeer::Block(cidr, except) => networking::NetworkPolicyPeer {
            ip_block: Some(networking::IPBlock {
                cidr: cidr.to_string(),
                except: (!except.is_empty())
                    .then(|| except.iter().map(ToString::to_string).collect()),
            }),
            ..networking::NetworkPolicyPeer::default()
        },
    }
}

fn equals(key: &str, value: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
        match_expressions: None,
    }
}
