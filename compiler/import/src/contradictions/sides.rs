//! Connections that the policies of one side allow and those of the other do not: they are closed, whatever either says.

use std::collections::HashMap;

use serde_json::Value;

use super::policies::{directions, lets_through, peers_among, peers_of};
use super::{Findings, title};
use crate::facts::{Facts, items, text};
use crate::read::{FindingKind, Object};

/// So many pairs of pods of a rule are tried; of a wider rule, none is reported.
const MAX_PAIRS: usize = 4096;

pub(super) fn find(facts: &Facts<'_>, found: &mut Findings) {
    let policies = facts.objects.iter();
    let policies: Vec<&Object> = policies
        .filter(|object| object.value["kind"] == "NetworkPolicy")
        .collect();
    let mut isolating: HashMap<(usize, &'static str), Vec<&Object>> = HashMap::new();
    for policy in &policies {
        let namespace = text(&policy.value["metadata"]["namespace"]);
        let own = facts.selected(namespace, &policy.value["spec"]["podSelector"]);
        for direction in directions(&policy.value["spec"]) {
            for pods in &own {
                isolating
                    .entry((*pods, direction))
                    .or_default()
                    .push(policy);
            }
        }
    }
    for policy in &policies {
        for direction in ["ingress", "egress"] {
            let rules = items(&policy.value["spec"][direction]).iter().enumerate();
            for (number, rule) in rules {
                let peers = items(&rule[peers_of(direction)]).iter().enumerate();
                for (place, peer) in peers {
                    let pair = Pair {
                        policy,
                        direction,
                        rule,
                        peer,
                    };
                    if let Some(message) = pair.one_sided(facts, &isolating) {
                        let path = [
                            "spec",
                            direction,
                            &number.to_string(),
                            peers_of(direction),
                            &place.to_string(),
                        ];
                        found.at(FindingKind::OneSidedPolicy, policy, &path, message);
                    }
                }
            }
        }
    }
}

/// A peer of a rule.
struct Pair<'p> {
    policy: &'p Object,
    direction: &'static str,
    rule: &'p Value,
    peer: &'p Value,
}

impl Pair<'_> {
    /// What is wrong if no pod of the policy and no peer are let through by the other side.
    fn one_sided(
        &self,
        facts: &Facts<'_>,
        isolating: &HashMap<(usize, &'static str), Vec<&Object>>,
    ) -> Option<String> {
        if self.peer["ipBlock"].is_object() {
            return None;
        }
        let namespace = text(&self.policy.value["metadata"]["namespace"]);
        let own = facts.selected(namespace, &self.policy.value["spec"]["podSelector"]);
        let peers = peers_among(facts, namespace, self.peer);
        if own.is_empty() || peers.is_empty() || own.len().saturating_mul(peers.len()) > MAX_PAIRS {
            return None;
        }
        let other = match self.direction {
            "ingress" => "egress",
            _ => "ingress",
        };
        let is_open = |pods: usize, peer: usize| {
            let Some(policies) = isolating.get(&(peer, other)) else {
                return true;
            };
            let callee = match self.direction {
                "ingress" => pods,
                _ => peer,
            };
            let ports = items(&self.rule["ports"]).iter();
            let ports: Vec<u64> = ports
                .filter_map(|port| {
                    let number = facts.pods[callee].port_number(&port["port"]);
                    number.or(port["port"].as_u64())
                })
                .collect();
            policies
                .iter()
                .any(|policy| lets_through(facts, policy, other, (pods, callee), &ports))
        };
        let mut pairs = own
            .iter()
            .flat_map(|pods| peers.iter().map(|peer| (*pods, *peer)))
            .filter(|(pods, peer)| pods != peer);
        let (_, first) = pairs.clone().next()?;
        if pairs.any(|(pods, peer)| is_open(pods, peer)) {
            return None;
        }
        let other_policy = isolating.get(&(first, other))?.first()?;
        let what = match self.direction {
            "ingress" => "lets them in",
            _ => "lets its pods call them",
        };
        Some(format!(
            "{} {what}, and {} closes their side",
            title(self.policy),
            title(other_policy)
        ))
    }
}
