//! How large the evaluation of arbitrary manifests may become. Policies can name every pair of pods, and a
//! selector of namespaces can stand for a pod in each of them, so that work and answer grow with the square, or
//! worse, of what was read. It is counted before it is done.

use rustc_hash::FxHashMap;

use crate::classes::{Partition, Selected};
use crate::manifest::{Direction, Origin, PolicyPeer, PortRange, Rule};

/// The most of each; what a platform declares has its own limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Classes of pods.
    classes: usize,
    /// Pods that selectors are compared with, and blocks that ranges of addresses are in.
    steps: usize,
    /// Pods of a policy, each with what its rules name.
    pairs: usize,
}

impl Limits {
    pub(crate) const NONE: Self = Self {
        classes: usize::MAX,
        steps: usize::MAX,
        pairs: usize::MAX,
    };
    /// Of manifests of any origin.
    pub(crate) const MANIFESTS: Self = Self {
        classes: 100_000,
        steps: 20_000_000,
        pairs: 2_500_000,
    };
}

/// A limit that manifests exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Classes,
    Steps,
    Pairs,
}

impl Exceeded {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Classes => {
                "selectors tell apart more than 100,000 groups of pods: evaluate fewer namespaces at a time"
            }
            Self::Steps => {
                "selectors and blocks are compared with more than 20,000,000 pods and addresses: evaluate fewer namespaces at a time"
            }
            Self::Pairs => {
                "rules name more than 2,500,000 pairs of pods or addresses: evaluate fewer namespaces at a time"
            }
        }
    }
}

/// What an evaluation takes.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    limits: Limits,
    steps: usize,
    pairs: usize,
    /// The limit that was exceeded first, and the policy that did.
    pub(crate) exceeded: Option<(Exceeded, Origin)>,
    /// The policy whose work is counted.
    pub(crate) policy: Origin,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            steps: 0,
            pairs: 0,
            exceeded: None,
            policy: Origin::default(),
        }
    }

    /// How many steps are left.
    pub(crate) fn left(&self) -> usize {
        self.limits.steps.saturating_sub(self.steps)
    }

    fn exceeds(&mut self, what: Exceeded) {
        self.exceeded.get_or_insert((what, self.policy));
    }

    pub(crate) fn classes(&mut self, count: usize) {
        if count > self.limits.classes {
            self.exceeds(Exceeded::Classes);
        }
    }

    pub(crate) fn steps(&mut self, count: usize) {
        self.steps = self.steps.saturating_add(count);
        if self.steps > self.limits.steps {
            self.exceeds(Exceeded::Steps);
        }
    }

    fn pairs(&mut self, count: usize) {
        self.pairs = self.pairs.saturating_add(count);
        if self.pairs > self.limits.pairs {
            self.exceeds(Exceeded::Pairs);
        }
    }
}

/// Counts what the matrix of a partition takes.
pub(crate) fn measure(partition: &Partition<'_>, limits: Limits) -> Result<(), (Exceeded, Origin)> {
    let mut meter = Meter::new(limits);
    // What peers mean is found once.
    let mut sizes: FxHashMap<(&str, &PolicyPeer), usize> = FxHashMap::default();
    for policy in &partition.manifests().policies {
        meter.policy = policy.place;
        meter.steps(partition.candidates(&policy.namespace, &policy.selector));
        if let Some(exceeded) = meter.exceeded {
            return Err(exceeded);
        }
        let selected = partition.selected(policy).len();
        for direction in Direction::BOTH {
            for rule in policy.rules(direction).unwrap_or_default() {
                let calls_by_name = direction == Direction::Egress && has_named_port(rule);
                // A port that a rule calls by a name is another number on each pod.
                let all = if calls_by_name {
                    partition.workload_classes().count()
                } else {
                    1
                };
                if rule.peers.is_none() {
                    meter.pairs(selected.saturating_mul(all));
                }
                for peer in rule.peers.iter().flatten() {
                    let namespace = match peer {
                        PolicyPeer::Pods {
                            namespaces: None, ..
                        } => policy.namespace.as_str(),
                        PolicyPeer::Pods { .. } | PolicyPeer::Block { .. } => "",
                    };
                    let size = match sizes.get(&(namespace, peer)) {
                        Some(size) => *size,
                        None => {
                            meter.steps(partition.candidates_of_peer(&policy.namespace, peer));
                            if let Some(exceeded) = meter.exceeded {
                                return Err(exceeded);
                            }
                            let size = match partition.peer(&policy.namespace, peer) {
                                Selected::AllPods => usize::MAX,
                                Selected::Classes(classes) => classes.len(),
                            };
                            sizes.insert((namespace, peer), size);
                            size
                        }
                    };
                    let size = if size == usize::MAX { all } else { size };
                    meter.pairs(selected.saturating_mul(size));
                }
                if let Some(exceeded) = meter.exceeded {
                    return Err(exceeded);
                }
            }
        }
    }
    Ok(())
}

fn has_named_port(rule: &Rule) -> bool {
    let mut ports = rule.ports.iter().flatten();
    ports.any(|port| matches!(port.port, PortRange::Named(_)))
}
