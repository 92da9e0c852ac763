//! Rollout: while objects are written one by one, nothing is open that is open neither before nor
//! after, nothing is closed that pods which run need, and no Service has an endpoint on a port that its
//! pod does not declare, nor loses all of them. Each step is replayed; only the pods that it touches are
//! looked at again. Between the write of a workload and its settlement, pods of both versions run.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::claims::Claims;
use crate::classes::{ClassId, ClusterAddresses, Partition};
use crate::manifest::{Direction, Manifests, TargetPort, Workload};
use crate::matrix::{Evaluation, Reading, Side};
use crate::ports::{PortSet, Ports, Protocol};

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made or changed. Pods of a workload's earlier version stay until it is settled.
    Put,
    /// The last pod of a workload's earlier version has ended.
    Settle,
    /// It is deleted.
    Delete,
}

/// One step of a list. Objects that have no say in the matrix may be left out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RolloutStep {
    /// What is done.
    pub action: Action,
    /// `NetworkPolicy`, `Service`, or the kind of a workload.
    pub kind: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// For [`Action::Put`], which of the versions it becomes, by its place in the list of them.
    pub version: usize,
}

/// What is wrong after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// After how many steps.
    pub after: usize,
    /// Who calls, in words.
    pub from: String,
    /// Who is called, in words.
    pub to: String,
    /// On which ports.
    pub ports: Vec<Ports>,
    /// Whether it is open and should not be; else it is closed and should not be.
    pub is_open: bool,
}

/// The replay of a list of steps.
#[derive(Clone, Debug, Default)]
pub struct Rollout {
    /// How many steps were replayed.
    pub steps: usize,
    /// How many pairs were compared.
    pub compared: usize,
    /// What was wrong on the way.
    pub violations: Vec<Violation>,
    /// What was wrong with the endpoints of Services, in words.
    pub endpoints: Vec<String>,
    /// Steps about objects that no version has.
    pub unknown: Vec<RolloutStep>,
}

impl Rollout {
    /// Whether the list is safe at every step.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.endpoints.is_empty() && self.unknown.is_empty()
    }

    /// Replays a list of steps. The first version is what there is before, the last one what there is
    /// afterwards; those between have the objects as they are on the way only.
    #[must_use]
    pub fn of(versions: &[&Manifests], steps: &[RolloutStep], cluster: &ClusterAddresses) -> Self {
        let union = Union::of(versions);
        let partition = Partition::of(&union.manifests, &Claims::new(), cluster);
        let mut replay = Replay::of(&union, &partition, cluster);
        let mut out = Self {
            steps: steps.len(),
            ..Self::default()
        };
        for (at, step) in steps.iter().enumerate() {
            let Some(touched) = replay.step(step) else {
                out.unknown.push(step.clone());
                continue;
            };
            for class in &touched {
                replay.check(*class, at + 1, &mut out);
            }
            replay.check_endpoints(step, &touched, at + 1, &mut out);
        }
        out
    }
}

/// By kind, namespace and name.
type Key = (String, String, String);

/// All versions of the manifests together; what is the same in two of them is there once.
struct Union {
    manifests: Manifests,
    /// How many versions there are.
    versions: usize,
    /// For each workload, which it is in each version.
    workloads: FxHashMap<Key, Vec<Option<usize>>>,
    /// The same for policies, by namespace and name.
    policies: FxHashMap<(String, String), Vec<Option<usize>>>,
    /// The same for Services.
    services: FxHashMap<(String, String), Vec<Option<usize>>>,
}

/// Notes the place of an object in one version: that of an earlier version if it is the same there.
fn note<T: Clone>(
    known: &mut Vec<Option<usize>>,
    versions: usize,
    version: usize,
    all: &mut Vec<T>,
    object: &T,
    is_same: impl Fn(&T, &T) -> bool,
) {
    known.resize(versions, None);
    let mut earlier = known.iter().flatten().copied();
    let same = earlier.find(|at| is_same(&all[*at], object));
    known[version] = same.or_else(|| {
        all.push(object.clone());
        Some(all.len() - 1)
    });
}

impl Union {
    fn of(versions: &[&Manifests]) -> Self {
        let mut union = Self {
            manifests: Manifests::default(),
            versions: versions.len(),
            workloads: FxHashMap::default(),
            policies: FxHashMap::default(),
            services: FxHashMap::default(),
        };
        let (all, count) = (&mut union.manifests, versions.len());
        for (version, manifests) in versions.iter().enumerate() {
            for namespace in &manifests.namespaces {
                // The labels of the last version count.
                match all
                    .namespaces
                    .iter_mut()
                    .find(|one| one.name == namespace.name)
                {
                    Some(known) => known.clone_from(namespace),
                    None => all.namespaces.push(namespace.clone()),
                }
            }
            for workload in &manifests.workloads {
                let key = (
                    workload.kind.to_string(),
                    workload.namespace.to_string(),
                    workload.name.to_string(),
                );
                let known = union.workloads.entry(key).or_default();
                note(known, count, version, &mut all.workloads, workload, is_same);
            }
            for policy in &manifests.policies {
                let key = (policy.namespace.to_string(), policy.name.to_string());
                let known = union.policies.entry(key).or_default();
                note(known, count, version, &mut all.policies, policy, |a, b| {
                    let mut a = a.clone();
                    a.place = b.place;
                    a == *b
                });
            }
            for service in &manifests.services {
                let key = (service.namespace.to_string(), service.name.to_string());
                let known = union.services.entry(key).or_default();
                note(known, count, version, &mut all.services, service, |a, b| {
                    let mut a = a.clone();
                    a.place = b.place;
                    a == *b
                });
            }
        }
        union
    }
}

/// Whether pods of two workloads are the same to every policy.
fn is_same(a: &Workload, b: &Workload) -> bool {
    a.labels == b.labels
        && a.ports == b.ports
        && a.listens == b.listens
        && a.is_on_host == b.is_on_host
}

/// The sides of all pods, and which pods there are.
#[derive(Clone)]
struct State {
    sides: [Vec<Side>; 2],
    exists: Vec<bool>,
}

impl State {
    fn side(&self, class: ClassId, direction: Direction) -> Option<&Side> {
        self.sides[direction as usize].get(class.index())
    }

    fn exists(&self, class: ClassId) -> bool {
        self.exists.get(class.index()).copied().unwrap_or(true)
    }
}

struct Replay<'u, 'm> {
    union: &'u Union,
    partition: &'u Partition<'m>,
    evaluation: Evaluation<'u, 'm>,
    active: Vec<bool>,
    /// For each pod the policies that select it.
    selecting: Vec<Vec<usize>>,
    /// The class of each workload; `None` on the network of its node.
    classes: Vec<Option<ClassId>>,
    /// For each class of a workload those of all its versions.
    kin: FxHashMap<ClassId, Vec<ClassId>>,
    /// Which version of each Service there is.
    services: FxHashMap<&'u (String, String), usize>,
    /// The pods behind each version of a Service, whether they exist or not.
    behind: FxHashMap<usize, Vec<ClassId>>,
    /// The Services that lead to a pod.
    leading: FxHashMap<ClassId, Vec<&'u (String, String)>>,
    /// The ports of Services that a pod has served, so that one must go on to.
    served: FxHashSet<(&'u (String, String), u16, Protocol)>,
    old: State,
    new: State,
    now: State,
    /// For each pod the others whose sides name it, before or after.
    named_by: Vec<Vec<ClassId>>,
}

impl<'u, 'm> Replay<'u, 'm> {
    fn of(union: &'u Union, partition: &'u Partition<'m>, cluster: &ClusterAddresses) -> Self {
        let policies = &partition.manifests().policies;
        let mut selecting = vec![Vec::new(); partition.pods()];
        for (at, policy) in policies.iter().enumerate() {
            for class in partition.selected(policy) {
                selecting[class.index()].push(at);
            }
        }
        let mut classes = vec![None; union.manifests.workloads.len()];
        for class in partition.workload_classes() {
            if let Some(index) = partition.workload_index(class) {
                classes[index] = Some(class);
            }
        }
        let mut kin = FxHashMap::default();
        for versions in union.workloads.values() {
            let mut all: Vec<ClassId> = versions
                .iter()
                .flatten()
                .filter_map(|index| classes[*index])
                .collect();
            all.sort_unstable();
            all.dedup();
            for class in &all {
                kin.insert(*class, all.clone());
            }
        }
        let mut behind: FxHashMap<usize, Vec<ClassId>> = FxHashMap::default();
        let mut leading: FxHashMap<ClassId, Vec<_>> = FxHashMap::default();
        for (key, versions) in &union.services {
            for at in versions.iter().flatten() {
                let service = &union.manifests.services[*at];
                let Some(selector) = &service.selector else {
                    continue;
                };
                let mut pods = partition.pods_of(&service.namespace, selector);
                pods.retain(|class| partition.workload(*class).is_some());
                for class in &pods {
                    let services = leading.entry(*class).or_default();
                    if !services.contains(&key) {
                        services.push(key);
                    }
                }
                behind.insert(*at, pods);
            }
        }
        let services = union.services.iter();
        let services = services.filter_map(|(key, versions)| Some((key, versions[0]?)));
        let empty = State {
            sides: [Vec::new(), Vec::new()],
            exists: Vec::new(),
        };
        let mut replay = Self {
            union,
            partition,
            evaluation: Evaluation::new(partition, Reading::STANDARD, cluster),
            active: vec![false; policies.len()],
            selecting,
            classes,
            kin,
            services: services.collect(),
            behind,
            leading,
            served: FxHashSet::default(),
            old: empty.clone(),
            new: empty.clone(),
            now: empty,
            named_by: vec![Vec::new(); partition.pods()],
        };
        replay.new = replay.state(union.versions.saturating_sub(1));
        // The last state that is made is the one to start from.
        replay.old = replay.state(0);
        replay.now = replay.old.clone();
        for key in union.services.keys() {
            for (port, protocol, _) in replay.endpoints(key) {
                replay.served.insert((key, port, protocol));
            }
        }
        for state in [&replay.old, &replay.new] {
            for (at, side) in state
                .sides
                .iter()
                .flat_map(|sides| sides.iter().enumerate())
            {
                for (other, _) in side.named() {
                    if let Some(list) = replay.named_by.get_mut(other.index()) {
                        list.push(ClassId(u32::try_from(at).unwrap_or(u32::MAX)));
                    }
                }
            }
        }
        replay
    }

    /// How it is in a version.
    fn state(&mut self, version: usize) -> State {
        self.active.fill(false);
        for versions in self.union.policies.values() {
            if let Some(policy) = versions.get(version).copied().flatten() {
                self.active[policy] = true;
            }
        }
        let mut exists = vec![true; self.partition.pods()];
        for class in self.partition.workload_classes() {
            exists[class.index()] = false;
        }
        for versions in self.union.workloads.values() {
            let of_version = versions.get(version).copied().flatten();
            if let Some(class) = of_version.and_then(|index| self.classes[index]) {
                exists[class.index()] = true;
            }
        }
        let pods: Vec<ClassId> = self
            .partition
            .classes()
            .take(self.partition.pods())
            .collect();
        let mut sides = [
            Vec::with_capacity(pods.len()),
            Vec::with_capacity(pods.len()),
        ];
        for class in pods {
            let [ingress, egress] = self.sides_of(class);
            sides[Direction::Ingress as usize].push(ingress);
            sides[Direction::Egress as usize].push(egress);
        }
        State { sides, exists }
    }

    fn sides_of(&mut self, class: ClassId) -> [Side; 2] {
        let policies = &self.partition.manifests().policies;
        let active = self.selecting[class.index()].iter();
        let active = active
            .filter(|at| self.active[**at])
            .map(|at| &policies[*at]);
        self.evaluation.sides_of(class, active)
    }

    /// Does a step; the classes that it touches, or nothing where no such object is known.
    fn step(&mut self, step: &RolloutStep) -> Option<Vec<ClassId>> {
        let key = (step.namespace.clone(), step.name.clone());
        match step.kind.as_str() {
            "NetworkPolicy" => self.policy(step, &key),
            "Service" => {
                let (key, versions) = self.union.services.get_key_value(&key)?;
                match step.action {
                    Action::Put => {
                        let new = versions.get(step.version).copied().flatten()?;
                        self.services.insert(key, new);
                    }
                    Action::Delete => {
                        self.services.remove(key);
                        self.served.retain(|(service, ..)| *service != key);
                    }
                    Action::Settle => return None,
                }
                Some(Vec::new())
            }
            _ => self.workload(step, key),
        }
    }

    fn policy(&mut self, step: &RolloutStep, key: &(String, String)) -> Option<Vec<ClassId>> {
        let union = self.union;
        let versions = union.policies.get(key)?;
        for version in versions.iter().flatten() {
            self.active[*version] = false;
        }
        if step.action == Action::Put {
            let new = versions.get(step.version).copied().flatten()?;
            self.active[new] = true;
        }
        let mut touched = Vec::new();
        for version in versions.iter().flatten() {
            let policy = &self.partition.manifests().policies[*version];
            touched.extend(self.partition.selected(policy));
        }
        touched.sort_unstable();
        touched.dedup();
        for class in &touched {
            let [ingress, egress] = self.sides_of(*class);
            self.now.sides[Direction::Ingress as usize][class.index()] = ingress;
            self.now.sides[Direction::Egress as usize][class.index()] = egress;
        }
        Some(touched)
    }

    fn workload(
        &mut self,
        step: &RolloutStep,
        (namespace, name): (String, String),
    ) -> Option<Vec<ClassId>> {
        let union = self.union;
        let versions = union.workloads.get(&(step.kind.clone(), namespace, name))?;
        let of_version = |version: usize| {
            let index = versions.get(version).copied().flatten()?;
            self.classes[index]
        };
        let new = of_version(match step.action {
            Action::Put => step.version,
            Action::Settle | Action::Delete => union.versions - 1,
        });
        let mut touched: Vec<ClassId> = versions
            .iter()
            .flatten()
            .filter_map(|index| self.classes[*index])
            .collect();
        touched.sort_unstable();
        touched.dedup();
        for class in &touched {
            let exists = &mut self.now.exists[class.index()];
            match step.action {
                Action::Put => *exists |= Some(*class) == new,
                Action::Settle => *exists &= Some(*class) == new,
                Action::Delete => *exists = false,
            }
        }
        Some(touched)
    }

    /// What is behind a Service now: its port, and the class with the number in it.
    fn endpoints(&self, key: &(String, String)) -> Vec<(u16, Protocol, (ClassId, u16))> {
        let Some(at) = self.services.get(key) else {
            return Vec::new();
        };
        let service = &self.partition.manifests().services[*at];
        let mut out = Vec::new();
        for class in self.behind.get(at).into_iter().flatten().copied() {
            let Some(workload) = self
                .partition
                .workload(class)
                .filter(|_| self.now.exists(class))
            else {
                continue;
            };
            for port in &service.ports {
                let number = match &port.target {
                    TargetPort::Number(number) => Some(*number),
                    // As the EndpointSlice controller looks it up: a pod without it is left out.
                    TargetPort::Name(name) => {
                        let mut named = workload.ports.iter();
                        let found =
                            named.find(|one| one.name == *name && one.protocol == port.protocol);
                        found.map(|one| one.number)
                    }
                };
                out.extend(number.map(|number| (port.port, port.protocol, (class, number))));
            }
        }
        out
    }

    /// Every endpoint is a port that its pod declares, and a port that was served is served still, for
    /// the Services that a step may have changed.
    fn check_endpoints(
        &mut self,
        step: &RolloutStep,
        touched: &[ClassId],
        after: usize,
        out: &mut Rollout,
    ) {
        let mut all: Vec<&'u (String, String)> = match step.kind.as_str() {
            "NetworkPolicy" => return,
            "Service" => {
                let key = (step.namespace.clone(), step.name.clone());
                let known = self.union.services.get_key_value(&key);
                known.into_iter().map(|(key, _)| key).collect()
            }
            _ => touched
                .iter()
                .filter_map(|class| self.leading.get(class))
                .flatten()
                .copied()
                .collect(),
        };
        all.sort_unstable();
        all.dedup();
        for key in all {
            let endpoints = self.endpoints(key);
            let show = |port: u16, protocol: Protocol| {
                format!(
                    "Service {}.{} on {}",
                    key.0,
                    key.1,
                    Ports::one(protocol, port)
                )
            };
            for (port, protocol, (class, number)) in &endpoints {
                let declared = self
                    .partition
                    .workload(*class)
                    .map(|workload| &workload.listens);
                let is_deaf = declared.is_some_and(|declared| {
                    !declared.is_empty() && !declared.contains(&(*number, *protocol))
                });
                if is_deaf {
                    out.endpoints.push(format!(
                        "after step {after}: {} leads to {} at {number}, which it does not declare",
                        show(*port, *protocol),
                        self.partition.show(*class)
                    ));
                }
                self.served.insert((key, *port, *protocol));
            }
            let Some(at) = self.services.get(key) else {
                continue;
            };
            let service = &self.partition.manifests().services[*at];
            let mut pods = self.behind.get(at).into_iter().flatten();
            let has_pods = pods.any(|class| self.now.exists(*class));
            for port in service.ports.iter().filter(|_| has_pods) {
                let is_served = endpoints.iter().any(|(number, protocol, _)| {
                    (*number, *protocol) == (port.port, port.protocol)
                });
                if !is_served && self.served.contains(&(key, port.port, port.protocol)) {
                    out.endpoints.push(format!(
                        "after step {after}: {} has no endpoint left",
                        show(port.port, port.protocol)
                    ));
                }
            }
        }
    }

    fn check(&mut self, class: ClassId, after: usize, out: &mut Rollout) {
        let mut others: Vec<ClassId> = self.named_by[class.index()].clone();
        for state in [&self.old, &self.new, &self.now] {
            for direction in Direction::BOTH {
                let side = state.side(class, direction);
                others.extend(
                    side.into_iter()
                        .flat_map(Side::named)
                        .map(|(other, _)| *other),
                );
            }
        }
        others.sort_unstable();
        others.dedup();
        for other in others {
            out.compared += 2;
            self.compare(class, other, after, out);
            self.compare(other, class, after, out);
        }
        for direction in Direction::BOTH {
            self.compare_open(class, direction, after, out);
        }
    }

    fn compare(&mut self, from: ClassId, to: ClassId, after: usize, out: &mut Rollout) {
        if !self.now.exists(from) || !self.now.exists(to) {
            return;
        }
        let [old, new, now] = [0, 1, 2].map(|which| self.cell(which, from, to));
        let pairs = [&self.old, &self.new].map(|state| state.exists(from) && state.exists(to));
        // A pod that leaves for good takes its connections along; one that is replaced keeps them.
        let stays = [from, to].map(|class| self.exists_as(&self.new, class));
        let sets = self.evaluation.sets();
        let may_be = sets.union(old, new);
        let opened = sets.difference(now, may_be);
        let must_be = match pairs {
            [true, false] if stays == [true, true] => old,
            [false, true] => new,
            [true, true] => sets.intersection(old, new),
            _ => PortSet::NONE,
        };
        let closed = sets.difference(must_be, now);
        for (ports, is_open) in [(opened, true), (closed, false)] {
            if !ports.is_empty() {
                out.violations.push(Violation {
                    after,
                    from: self.partition.show(from),
                    to: self.partition.show(to),
                    ports: self.evaluation.sets().list(ports),
                    is_open,
                });
            }
        }
    }

    /// Whether a state has the pods of a class, in whatever version.
    fn exists_as(&self, state: &State, class: ClassId) -> bool {
        match self.kin.get(&class) {
            Some(kin) => kin.iter().any(|other| state.exists(*other)),
            None => state.exists(class),
        }
    }

    fn cell(&mut self, which: usize, from: ClassId, to: ClassId) -> PortSet {
        let state = [&self.old, &self.new, &self.now][which];
        let pods = self.partition.pods();
        let is_there = |class| self.exists_as(state, class);
        if !is_there(from) || !is_there(to) || from.index() >= pods && to.index() >= pods {
            return PortSet::NONE;
        }
        let sets = self.evaluation.sets();
        let mut ports = PortSet::ALL;
        for (class, direction, other) in [
            (from, Direction::Egress, to),
            (to, Direction::Ingress, from),
        ] {
            if let Some(side) = state.side(class, direction) {
                let of_side = side.toward(other, other.index() < pods, sets);
                ports = sets.intersection(ports, of_side);
            }
        }
        ports
    }

    /// No side is open to all peers during the rollout that is so neither before nor after.
    fn compare_open(
        &mut self,
        class: ClassId,
        direction: Direction,
        after: usize,
        out: &mut Rollout,
    ) {
        if !self.now.exists(class) || !self.partition.is_known(class) {
            return;
        }
        let everywhere = |state: &State| match state.side(class, direction) {
            Some(side) if self.exists_as(state, class) => side.everywhere(),
            _ => (PortSet::NONE, PortSet::NONE),
        };
        let (old, new, now) = (
            everywhere(&self.old),
            everywhere(&self.new),
            everywhere(&self.now),
        );
        let sets = self.evaluation.sets();
        let mut opened = PortSet::NONE;
        for (old, new, now) in [(old.0, new.0, now.0), (old.1, new.1, now.1)] {
            let may_be = sets.union(old, new);
            let more = sets.difference(now, may_be);
            opened = sets.union(opened, more);
        }
        if opened.is_empty() {
            return;
        }
        let (shown, all) = (self.partition.show(class), "all".to_owned());
        let (from, to) = match direction {
            Direction::Ingress => (all, shown),
            Direction::Egress => (shown, all),
        };
        out.violations.push(Violation {
            after,
            from,
            to,
            ports: self.evaluation.sets().list(opened),
            is_open: true,
        });
    }
}
