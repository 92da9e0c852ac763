//! The matrix: which ports each class may reach on each other class. It is kept as the two sides of
//! every pod, what may leave it and what may enter it, each with the few classes that it names; a
//! table of all pairs is never made.

use rustc_hash::FxHashMap;

use crate::address::{Block, overlap};
use crate::classes::{ClassId, ClusterAddresses, Partition, Selected};
use crate::manifest::{Direction, Policy, PolicyPeer, PolicyPort, PortRange, Rule, Workload};
use crate::ports::{PortSet, PortSets, Ports};

/// How a cluster reads policies where the API leaves it open, or where some get it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whether an `ipBlock` means pods too, by their addresses.
    pub blocks_match_pods: bool,
    /// Whether `endPort` is honoured.
    pub end_port: bool,
    /// Whether an empty list says the same as an absent one, as the API has it.
    pub empty_is_absent: bool,
}

impl Reading {
    /// As the API reference says.
    pub const STANDARD: Self = Self {
        blocks_match_pods: false,
        end_port: true,
        empty_is_absent: true,
    };
}

/// What may leave a pod, or enter it.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Whether a policy isolates it; all is open where none does.
    pub isolated: bool,
    /// To or from every pod.
    pods: PortSet,
    /// To or from every address.
    addresses: PortSet,
    /// To or from these classes, sorted.
    some: Vec<(ClassId, PortSet)>,
}

impl Default for PortSet {
    fn default() -> Self {
        Self::NONE
    }
}

impl Side {
    const OPEN: Self = Self {
        isolated: false,
        pods: PortSet::ALL,
        addresses: PortSet::ALL,
        some: Vec::new(),
    };

    /// The ports that are open to every pod, and those to every address.
    #[must_use]
    pub fn everywhere(&self) -> (PortSet, PortSet) {
        (self.pods, self.addresses)
    }

    /// The ports that are open to one other class.
    pub(crate) fn toward(&self, other: ClassId, is_pod: bool, sets: &mut PortSets) -> PortSet {
        let base = if is_pod { self.pods } else { self.addresses };
        match self.some.binary_search_by_key(&other, |(class, _)| *class) {
            Ok(at) => sets.union(base, self.some[at].1),
            Err(_) => base,
        }
    }

    /// The classes that the side names, with their ports, sorted.
    #[must_use]
    pub fn named(&self) -> &[(ClassId, PortSet)] {
        &self.some
    }
}

/// An entry of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Who calls.
    pub from: ClassId,
    /// Who is called.
    pub to: ClassId,
    /// On which ports; never none.
    pub ports: PortSet,
}

/// Who may reach whom on which ports.
#[derive(Clone, Debug)]
pub struct Matrix {
    sets: PortSets,
    egress: Vec<Side>,
    ingress: Vec<Side>,
}

/// Ports of a rule; names mean something only together with the pod of the callee.
#[derive(Clone, Debug, Default)]
struct RulePorts {
    numbers: PortSet,
    names: Vec<PolicyPort>,
}

impl Matrix {
    /// Evaluates all policies of a partition.
    #[must_use]
    pub fn of(partition: &Partition<'_>, reading: Reading, cluster: &ClusterAddresses) -> Self {
        let mut evaluation = Evaluation::new(partition, reading, cluster);
        for policy in &partition.manifests().policies {
            evaluation.policy(policy, &partition.selected(policy));
        }
        let Evaluation {
            mut sets, sides, ..
        } = evaluation;
        let [ingress, egress] = sides.map(|mut sides| {
            for side in &mut sides {
                side.settle(&mut sets);
            }
            sides
        });
        Self {
            sets,
            egress,
            ingress,
        }
    }

    /// The sets of ports of its cells.
    #[must_use]
    pub fn sets(&self) -> &PortSets {
        &self.sets
    }

    pub(crate) fn sets_mut(&mut self) -> &mut PortSets {
        &mut self.sets
    }

    /// One side of a class; addresses are open.
    #[must_use]
    pub fn side(&self, class: ClassId, direction: Direction) -> &Side {
        static OPEN: Side = Side::OPEN;
        let sides = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        sides.get(class.index()).unwrap_or(&OPEN)
    }

    /// What one side of a class says of another class.
    pub(crate) fn of_side(
        &mut self,
        class: ClassId,
        direction: Direction,
        other: ClassId,
    ) -> PortSet {
        let is_pod = other.index() < self.egress.len();
        let sides = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        match sides.get(class.index()) {
            Some(side) => side.toward(other, is_pod, &mut self.sets),
            None => PortSet::ALL,
        }
    }

    /// The ports on which one class may reach another. Between two classes of addresses the cluster
    /// has no say.
    pub fn get(&mut self, from: ClassId, to: ClassId) -> PortSet {
        if from.index() >= self.egress.len() && to.index() >= self.egress.len() {
            return PortSet::NONE;
        }
        let out = self.of_side(from, Direction::Egress, to);
        if out.is_empty() {
            return out;
        }
        let into = self.of_side(to, Direction::Ingress, from);
        self.sets.intersection(out, into)
    }

    /// The cells that some rule names, sorted. What is open to every pod or address alike, which
    /// is all that is open where nothing isolates, is on the sides only.
    pub fn cells(&mut self) -> Vec<Cell> {
        let mut pairs: Vec<(ClassId, ClassId)> = Vec::new();
        for (at, side) in self.egress.iter().enumerate() {
            let from = ClassId(u32::try_from(at).unwrap_or(u32::MAX));
            pairs.extend(side.some.iter().map(|(to, _)| (from, *to)));
        }
        for (at, side) in self.ingress.iter().enumerate() {
            let to = ClassId(u32::try_from(at).unwrap_or(u32::MAX));
            for (from, _) in &side.some {
                // A caller that names nobody reaches only what is open to it everywhere.
                let (pods, _) = self.side(*from, Direction::Egress).everywhere();
                if !pods.is_empty() {
                    pairs.push((*from, to));
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut cells = Vec::with_capacity(pairs.len());
        for (from, to) in pairs {
            let ports = self.get(from, to);
            if !ports.is_empty() {
                cells.push(Cell { from, to, ports });
            }
        }
        cells
    }
}

impl Side {
    fn add(&mut self, classes: &Selected, ports: PortSet, sets: &mut PortSets) {
        if ports.is_empty() {
            return;
        }
        match classes {
            Selected::AllPods => self.pods = sets.union(self.pods, ports),
            Selected::Classes(classes) => self
                .some
                .extend(classes.iter().map(|class| (*class, ports))),
        }
    }

    /// One entry for each class.
    fn settle(&mut self, sets: &mut PortSets) {
        self.some.sort_unstable();
        self.some.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 = sets.union(kept.1, next.1);
            }
            is_same
        });
    }
}

/// Evaluates policies one by one.
pub(crate) struct Evaluation<'w, 'm> {
    partition: &'w Partition<'m>,
    reading: Reading,
    pods_at: Vec<Block>,
    sets: PortSets,
    /// What peers mean, by the namespace of their policy where they are of it.
    peers: FxHashMap<(&'m str, &'m PolicyPeer), std::rc::Rc<Selected>>,
    /// Ingress and egress, by class.
    sides: [Vec<Side>; 2],
    isolated: Side,
}

impl<'w, 'm> Evaluation<'w, 'm> {
    pub(crate) fn new(
        partition: &'w Partition<'m>,
        reading: Reading,
        cluster: &ClusterAddresses,
    ) -> Self {
        Self {
            partition,
            reading,
            pods_at: pod_blocks(cluster),
            sets: PortSets::default(),
            peers: FxHashMap::default(),
            sides: [
                vec![Side::OPEN; partition.pods()],
                vec![Side::OPEN; partition.pods()],
            ],
            isolated: Side {
                isolated: true,
                ..Side::default()
            },
        }
    }

    pub(crate) fn sets(&mut self) -> &mut PortSets {
        &mut self.sets
    }

    /// The sides of one pod, ingress and egress, under these policies, all of which select it.
    pub(crate) fn sides_of(
        &mut self,
        class: ClassId,
        policies: impl Iterator<Item = &'m Policy>,
    ) -> [Side; 2] {
        for policy in policies {
            self.policy(policy, &[class]);
        }
        Direction::BOTH.map(|direction| {
            let side = &mut self.sides[direction as usize][class.index()];
            let mut side = std::mem::replace(side, Side::OPEN);
            side.settle(&mut self.sets);
            side
        })
    }

    fn policy(&mut self, policy: &'m Policy, selected: &[ClassId]) {
        for direction in Direction::BOTH {
            if !self.isolates(policy, direction) {
                continue;
            }
            for class in selected {
                let side = &mut self.sides[direction as usize][class.index()];
                if !side.isolated {
                    *side = self.isolated.clone();
                }
            }
            for rule in policy.rules(direction).unwrap_or_default() {
                self.rule(&policy.namespace, rule, direction, selected);
            }
        }
    }

    fn isolates(&self, policy: &Policy, direction: Direction) -> bool {
        let has_types = policy.types.as_ref().is_some_and(|types| !types.is_empty());
        let is_written = direction == Direction::Egress && policy.egress.is_some();
        policy.isolates(direction) || !self.reading.empty_is_absent && !has_types && is_written
    }

    fn rule(
        &mut self,
        namespace: &'m str,
        rule: &'m Rule,
        direction: Direction,
        selected: &[ClassId],
    ) {
        let ports = self.ports(rule);
        let is_for_all = match &rule.peers {
            None => true,
            Some(peers) => peers.is_empty() && self.reading.empty_is_absent,
        };
        if is_for_all {
            self.open(&Selected::AllPods, &ports, direction, selected);
            for class in selected {
                // An address calls no port by a name, and nobody calls an address by one.
                let numbers = match direction {
                    Direction::Egress => ports.numbers,
                    Direction::Ingress => self.of_called(&ports, *class),
                };
                let side = &mut self.sides[direction as usize][class.index()];
                side.addresses = self.sets.union(side.addresses, numbers);
            }
        }
        for peer in rule.peers.iter().flatten() {
            let key = match peer {
                PolicyPeer::Pods {
                    namespaces: None, ..
                } => namespace,
                PolicyPeer::Pods { .. } | PolicyPeer::Block { .. } => "",
            };
            let partition = self.partition;
            let classes = self
                .peers
                .entry((key, peer))
                .or_insert_with(|| std::rc::Rc::new(partition.peer(namespace, peer)));
            let classes = std::rc::Rc::clone(classes);
            self.open(&classes, &ports, direction, selected);
            if let PolicyPeer::Block { cidr, except } = peer
                && self.reading.blocks_match_pods
            {
                let block = Block::of(*cidr, except);
                if self.pods_at.iter().any(|pods| overlap(pods, &block)) {
                    self.open(&Selected::AllPods, &ports, direction, selected);
                }
            }
        }
    }

    /// Opens a side of the selected pods to others.
    fn open(
        &mut self,
        others: &Selected,
        ports: &RulePorts,
        direction: Direction,
        selected: &[ClassId],
    ) {
        for class in selected {
            match direction {
                Direction::Ingress => {
                    let set = self.of_called(ports, *class);
                    let side = &mut self.sides[direction as usize][class.index()];
                    side.add(others, set, &mut self.sets);
                }
                Direction::Egress => {
                    let side = &mut self.sides[direction as usize][class.index()];
                    side.add(others, ports.numbers, &mut self.sets);
                    if !ports.names.is_empty() {
                        self.open_by_name(others, ports, *class);
                    }
                }
            }
        }
    }

    /// Names of ports in an egress rule: each called pod has its own number.
    fn open_by_name(&mut self, others: &Selected, ports: &RulePorts, class: ClassId) {
        let all: Vec<ClassId>;
        let called: &[ClassId] = match others {
            Selected::AllPods => {
                all = self.partition.workload_classes().collect();
                &all
            }
            Selected::Classes(classes) => classes,
        };
        for other in called {
            let set = self.named(ports, *other);
            if !set.is_empty() {
                let side = &mut self.sides[Direction::Egress as usize][class.index()];
                side.some.push((*other, set));
            }
        }
    }

    fn of_called(&mut self, ports: &RulePorts, called: ClassId) -> PortSet {
        if ports.names.is_empty() {
            return ports.numbers;
        }
        let named = self.named(ports, called);
        self.sets.union(ports.numbers, named)
    }

    /// The ports that a pod calls by the names of a rule; the first of a name counts.
    fn named(&mut self, ports: &RulePorts, called: ClassId) -> PortSet {
        let workload = self.partition.workload(called);
        let mut all = PortSet::NONE;
        for port in &ports.names {
            let set = port_set(port, workload, &mut self.sets);
            all = self.sets.union(all, set);
        }
        all
    }

    fn ports(&mut self, rule: &Rule) -> RulePorts {
        let list = match &rule.ports {
            None => {
                return RulePorts {
                    numbers: PortSet::ALL,
                    names: Vec::new(),
                };
            }
            Some(list) if list.is_empty() && self.reading.empty_is_absent => {
                return RulePorts {
                    numbers: PortSet::ALL,
                    names: Vec::new(),
                };
            }
            Some(list) => list,
        };
        let mut numbers = Vec::with_capacity(list.len());
        let mut names = Vec::new();
        for port in list {
            match &port.port {
                PortRange::All => numbers.push(Ports::all(port.protocol)),
                PortRange::Numbers(first, last) => {
                    let last = if self.reading.end_port { *last } else { *first };
                    numbers.push(Ports::range(port.protocol, *first, last));
                }
                PortRange::Named(_) => names.push(port.clone()),
            }
        }
        RulePorts {
            numbers: self.sets.intern(&numbers),
            names,
        }
    }
}

/// The ports that one entry of a rule means; a name is a port of the workload of the callee, the first
/// of its ports that does.
pub(crate) fn port_set(
    port: &PolicyPort,
    called: Option<&Workload>,
    sets: &mut PortSets,
) -> PortSet {
    let ports = match &port.port {
        PortRange::All => Some(Ports::all(port.protocol)),
        PortRange::Numbers(first, last) => Some(Ports::range(port.protocol, *first, *last)),
        PortRange::Named(name) => called.and_then(|workload| {
            let mut ports = workload.ports.iter();
            let found = ports.find(|one| one.name == *name && one.protocol == port.protocol)?;
            Some(Ports::one(found.protocol, found.number))
        }),
    };
    ports.map_or(PortSet::NONE, |ports| sets.intern(&[ports]))
}

/// Where pods may have their addresses: where the cluster say so, else in the private ranges.
fn pod_blocks(cluster: &ClusterAddresses) -> Vec<Block> {
    if !cluster.pods.is_empty() {
        return cluster
            .pods
            .iter()
            .map(|cidr| Block::of(*cidr, &[]))
            .collect();
    }
    [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    ]
    .iter()
    // All are literals that parse.
    .filter_map(|cidr| cidr.parse().ok())
    .map(|cidr| Block::of(cidr, &[]))
    .collect()
}
