//! Minimality: whatever is dropped from a policy, a rule, a peer, a name of a peer's list or a port,
//! takes something away from a side of some pod. Policies without rules, which deny by default,
//! are exempt: they are there for undeclared pods.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::classes::{ClassId, Partition, Selected};
use crate::manifest::{Direction, Manifests, Policy, PolicyPeer, Rule};
use crate::matrix::port_set;
use crate::ports::{PortSet, PortSets};
use crate::selector::{Operator, Selector, value_of};

/// A part of a policy without which every side of every pod stays the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Redundant {
    /// The policy, by its place among those of the manifests.
    pub policy: usize,
    /// The field: `spec.ingress[0].from[1]`.
    pub field: String,
}

/// What could be dropped.
#[derive(Clone, Debug, Default)]
pub struct Minimality {
    /// How many parts were tried.
    pub tried: usize,
    /// Those that could be dropped.
    pub redundant: Vec<Redundant>,
}

/// A part of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    policy: usize,
    direction: Direction,
    rule: usize,
    item: Item,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Item {
    Rule,
    Peer(usize),
    /// A value of a requirement of a peer's pod selector.
    Value(usize, usize, usize),
    Port(usize),
}

impl Part {
    fn field(&self, policy: &Policy) -> String {
        let rule = format!("spec.{}[{}]", self.direction.field(), self.rule);
        let peers = match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        match self.item {
            Item::Rule => rule,
            Item::Peer(peer) => format!("{rule}.{peers}[{peer}]"),
            Item::Port(port) => format!("{rule}.ports[{port}]"),
            Item::Value(peer, requirement, value) => {
                let rules = policy.rules(self.direction).unwrap_or_default();
                let of_peer = rules[self.rule].peers.as_deref().unwrap_or_default();
                let shown = match &of_peer[peer] {
                    PolicyPeer::Pods {
                        pods: Some(selector),
                        ..
                    } => match &selector.requirements()[requirement].operator {
                        Operator::In(values) => values[value].to_string(),
                        _ => value.to_string(),
                    },
                    _ => value.to_string(),
                };
                format!("{rule}.{peers}[{peer}].podSelector ({shown})")
            }
        }
    }
}

/// What a peer of a rule gives to a pod for one other class; `None` stands for all pods or all
/// addresses at once.
#[derive(Clone, Copy)]
struct Grant {
    other: Option<ClassId>,
    policy: usize,
    rule: usize,
    peer: usize,
}

impl Minimality {
    /// Whether nothing can be dropped.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.redundant.is_empty()
    }

    /// Tries every part of every policy but for those that are taken as they are written.
    #[must_use]
    pub fn of(partition: &Partition<'_>, is_taken: &dyn Fn(&Policy) -> bool) -> Self {
        let manifests = partition.manifests();
        let mut search = Search {
            partition,
            manifests,
            sets: PortSets::default(),
            needed: FxHashSet::default(),
            peers: FxHashMap::default(),
        };
        let mut of_pod: [Vec<Vec<usize>>; 2] = [
            vec![Vec::new(); partition.pods()],
            vec![Vec::new(); partition.pods()],
        ];
        let own = manifests.policies.iter().enumerate();
        let own = own.filter(|(_, policy)| !is_taken(policy));
        for (at, policy) in own.clone() {
            for direction in Direction::BOTH {
                if policy.isolates(direction) {
                    for class in partition.selected(policy) {
                        of_pod[direction as usize][class.index()].push(at);
                    }
                }
            }
        }
        for direction in Direction::BOTH {
            for class in partition.classes().take(partition.pods()) {
                search.pod(class, direction, &of_pod[direction as usize][class.index()]);
            }
        }
        let mut out = Self::default();
        for (at, policy) in own {
            for part in parts(at, policy) {
                out.tried += 1;
                if !search.needed.contains(&part) {
                    out.redundant.push(Redundant {
                        policy: at,
                        field: part.field(policy),
                    });
                }
            }
        }
        out
    }
}

struct Search<'w, 'm> {
    partition: &'w Partition<'m>,
    manifests: &'m Manifests,
    sets: PortSets,
    needed: FxHashSet<Part>,
    peers: FxHashMap<(usize, Direction, usize, usize), std::rc::Rc<Selected>>,
}

impl<'m> Search<'_, 'm> {
    fn rule(&self, policy: usize, direction: Direction, rule: usize) -> &'m Rule {
        let rules = self.manifests.policies[policy].rules(direction);
        &rules.unwrap_or_default()[rule]
    }

    fn pod(&mut self, class: ClassId, direction: Direction, policies: &[usize]) {
        let mut grants: Vec<Grant> = Vec::new();
        for policy in policies {
            let of_policy = &self.manifests.policies[*policy];
            let rules = of_policy.rules(direction).unwrap_or_default();
            for (at, rule) in rules.iter().enumerate() {
                let mut grant = Grant {
                    other: None,
                    policy: *policy,
                    rule: at,
                    peer: 0,
                };
                let peers = rule.peers.as_deref().unwrap_or_default();
                if peers.is_empty() {
                    grants.push(grant);
                }
                for (number, peer) in peers.iter().enumerate() {
                    grant.peer = number;
                    let key = (*policy, direction, at, number);
                    let partition = self.partition;
                    let selected = self.peers.entry(key).or_insert_with(|| {
                        std::rc::Rc::new(partition.peer(&of_policy.namespace, peer))
                    });
                    match &**selected {
                        Selected::AllPods => grants.push(Grant {
                            other: None,
                            ..grant
                        }),
                        Selected::Classes(classes) => {
                            grants.extend(classes.iter().map(|other| Grant {
                                other: Some(*other),
                                ..grant
                            }));
                        }
                    }
                }
            }
        }
        grants.sort_unstable_by_key(|grant| grant.other);
        for group in grants.chunk_by(|a, b| a.other == b.other) {
            self.group(class, direction, group);
        }
    }

    /// All grants of a pod for one other class: which of them, and which of their ports, are needed.
    fn group(&mut self, class: ClassId, direction: Direction, group: &[Grant]) {
        let called = match direction {
            Direction::Ingress => Some(class),
            Direction::Egress => group[0].other,
        };
        let sets: Vec<PortSet> = group
            .iter()
            .map(|grant| {
                let rule = self.rule(grant.policy, direction, grant.rule);
                self.ports_of(rule, called, None)
            })
            .collect();
        for (at, grant) in group.iter().enumerate() {
            let is_of_rule =
                |other: &Grant| (other.policy, other.rule) == (grant.policy, grant.rule);
            let mut others = PortSet::NONE;
            let mut other_rules = PortSet::NONE;
            for (number, other) in group.iter().enumerate() {
                if number != at {
                    others = self.sets.union(others, sets[number]);
                }
                if !is_of_rule(other) {
                    other_rules = self.sets.union(other_rules, sets[number]);
                }
            }
            let part = |item| Part {
                policy: grant.policy,
                direction,
                rule: grant.rule,
                item,
            };
            if self.sets.difference(sets[at], other_rules) != PortSet::NONE {
                self.needed.insert(part(Item::Rule));
                self.ports(grant, direction, called, other_rules);
            }
            if self.sets.difference(sets[at], others) != PortSet::NONE {
                self.needed.insert(part(Item::Peer(grant.peer)));
                self.values(grant, direction);
            }
        }
    }

    fn ports(
        &mut self,
        grant: &Grant,
        direction: Direction,
        called: Option<ClassId>,
        other_rules: PortSet,
    ) {
        let rule = self.rule(grant.policy, direction, grant.rule);
        for number in 0..rule.ports.as_ref().map_or(0, Vec::len) {
            let item = Item::Port(number);
            let part = Part {
                policy: grant.policy,
                direction,
                rule: grant.rule,
                item,
            };
            if self.needed.contains(&part) {
                continue;
            }
            let all = self.ports_of(rule, called, None);
            let rest = self.ports_of(rule, called, Some(number));
            let rest = self.sets.union(rest, other_rules);
            if self.sets.difference(all, rest) != PortSet::NONE {
                self.needed.insert(part);
            }
        }
    }

    /// The ports of a rule, perhaps without one of them.
    fn ports_of(
        &mut self,
        rule: &Rule,
        called: Option<ClassId>,
        without: Option<usize>,
    ) -> PortSet {
        let Some(list) = rule.ports.as_deref().filter(|list| !list.is_empty()) else {
            return PortSet::ALL;
        };
        let workload = called.and_then(|class| self.partition.workload(class));
        let mut all = PortSet::NONE;
        for (at, port) in list.iter().enumerate() {
            if Some(at) != without {
                let set = port_set(port, workload, &mut self.sets);
                all = self.sets.union(all, set);
            }
        }
        all
    }

    /// A name of a list is needed for the pods that carry it.
    fn values(&mut self, grant: &Grant, direction: Direction) {
        let rule = self.rule(grant.policy, direction, grant.rule);
        let peer = rule.peers.as_deref().unwrap_or_default().get(grant.peer);
        let (
            Some(other),
            Some(PolicyPeer::Pods {
                pods: Some(selector),
                ..
            }),
        ) = (grant.other, peer)
        else {
            return;
        };
        for (requirement, values) in lists(selector) {
            let key = &selector.requirements()[requirement].key;
            let carried = value_of(self.partition.labels(other), key);
            if let Some(value) = carried.and_then(|value| values.binary_search(value).ok()) {
                self.needed.insert(Part {
                    policy: grant.policy,
                    direction,
                    rule: grant.rule,
                    item: Item::Value(grant.peer, requirement, value),
                });
            }
        }
    }
}

/// The requirements of a selector that list several values.
fn lists(selector: &Selector) -> impl Iterator<Item = (usize, &[smol_str::SmolStr])> {
    let all = selector.requirements().iter().enumerate();
    all.filter_map(|(at, one)| match &one.operator {
        Operator::In(values) if values.len() > 1 => Some((at, values.as_slice())),
        _ => None,
    })
}

/// Everything in a policy that can be dropped.
fn parts(at: usize, policy: &Policy) -> Vec<Part> {
    let mut parts = Vec::new();
    for direction in Direction::BOTH {
        let rules = policy.rules(direction).unwrap_or_default();
        for (number, rule) in rules.iter().enumerate() {
            let mut push = |item| {
                parts.push(Part {
                    policy: at,
                    direction,
                    rule: number,
                    item,
                });
            };
            push(Item::Rule);
            for (number, peer) in rule.peers.iter().flatten().enumerate() {
                push(Item::Peer(number));
                if let PolicyPeer::Pods {
                    pods: Some(selector),
                    ..
                } = peer
                {
                    for (requirement, values) in lists(selector) {
                        (0..values.len())
                            .for_each(|value| push(Item::Value(number, requirement, value)));
                    }
                }
            }
            let ports = rule.ports.as_ref().map_or(0, Vec::len);
            (0..ports).for_each(|port| push(Item::Port(port)));
        }
    }
    parts
}
