//! Rollout: while objects are applied one by one, nothing is open that is open neither before nor
//! after, and nothing is closed that is open before and after. Each step is replayed; only the pods
//! that it touches are looked at again.

use rustc_hash::FxHashMap;

use crate::claims::Claims;
use crate::manifest::{Direction, Manifests, Workload};
use crate::matrix::{Evaluation, Reading, Side};
use crate::ports::{PortSet, Ports};
use crate::world::{AtomId, Facts, World};

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made or changed.
    Put,
    /// It is deleted.
    Delete,
}

/// One step of a plan. Objects that have no say in the matrix may be left out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// `NetworkPolicy`, or the kind of a workload.
    pub kind: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
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

/// The replay of a plan.
#[derive(Clone, Debug, Default)]
pub struct Rollout {
    /// How many steps were replayed.
    pub steps: usize,
    /// How many pairs were compared.
    pub compared: usize,
    /// What was wrong on the way.
    pub violations: Vec<Violation>,
    /// Steps about objects that neither side has.
    pub unknown: Vec<Step>,
}

/// The order that loses and opens nothing: first the policies of single workloads, then those that
/// deny by default, then workloads; what goes, goes in the opposite order.
#[must_use]
pub fn plan(old: &Manifests, new: &Manifests) -> Vec<Step> {
    let policies = |manifests: &Manifests| -> Vec<(bool, String, String)> {
        let all = manifests.policies.iter();
        all.map(|one| {
            (
                one.selector.is_empty(),
                one.namespace.to_string(),
                one.name.to_string(),
            )
        })
        .collect()
    };
    let workloads = |manifests: &Manifests| -> Vec<(String, String, String)> {
        let all = manifests.workloads.iter();
        all.map(|one| {
            (
                one.kind.to_string(),
                one.namespace.to_string(),
                one.name.to_string(),
            )
        })
        .collect()
    };
    let (mut put, mut kept) = (policies(new), workloads(new));
    put.sort_unstable();
    kept.sort_unstable();
    let mut gone = policies(old);
    gone.retain(|(_, namespace, name)| {
        !put.iter()
            .any(|(_, other, of)| (other, of) == (namespace, name))
    });
    let mut leaving = workloads(old);
    leaving.retain(|one| kept.binary_search(one).is_err());
    gone.sort_unstable();
    leaving.sort_unstable();
    let step = |action, kind: &str, namespace, name| Step {
        action,
        kind: kind.to_owned(),
        namespace,
        name,
    };
    let policy = "NetworkPolicy";
    let mut steps = Vec::new();
    steps.extend(
        put.into_iter()
            .map(|(_, ns, name)| step(Action::Put, policy, ns, name)),
    );
    steps.extend(
        kept.into_iter()
            .map(|(kind, ns, name)| step(Action::Put, &kind, ns, name)),
    );
    let leaving = leaving.into_iter();
    steps.extend(leaving.map(|(kind, ns, name)| step(Action::Delete, &kind, ns, name)));
    steps.extend(
        gone.into_iter()
            .map(|(_, ns, name)| step(Action::Delete, policy, ns, name)),
    );
    steps
}

impl Rollout {
    /// Whether the plan is safe at every step.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.unknown.is_empty()
    }

    /// Replays a plan from one set of manifests to another.
    #[must_use]
    pub fn of(old: &Manifests, new: &Manifests, plan: &[Step], facts: &Facts) -> Self {
        let union = Union::of(old, new);
        let world = World::of(&union.manifests, &Claims::new(), facts);
        let mut replay = Replay::of(&union, &world, facts);
        let mut out = Self {
            steps: plan.len(),
            ..Self::default()
        };
        for (at, step) in plan.iter().enumerate() {
            let Some(touched) = replay.step(step) else {
                out.unknown.push(step.clone());
                continue;
            };
            for atom in touched {
                replay.check(atom, at + 1, &mut out);
            }
        }
        out
    }
}

/// Both sets of manifests together; what is the same in both is there once.
struct Union {
    manifests: Manifests,
    /// By kind, namespace and name: the old and the new one among the workloads.
    workloads: FxHashMap<(String, String, String), [Option<usize>; 2]>,
    /// By namespace and name: the old and the new one among the policies.
    policies: FxHashMap<(String, String), [Option<usize>; 2]>,
}

impl Union {
    fn of(old: &Manifests, new: &Manifests) -> Self {
        let mut union = Self {
            manifests: Manifests::default(),
            workloads: FxHashMap::default(),
            policies: FxHashMap::default(),
        };
        union.manifests.namespaces.clone_from(&new.namespaces);
        for namespace in &old.namespaces {
            if !new.namespaces.iter().any(|one| one.name == namespace.name) {
                union.manifests.namespaces.push(namespace.clone());
            }
        }
        for (side, manifests) in [old, new].into_iter().enumerate() {
            for workload in &manifests.workloads {
                let (kind, namespace) = (workload.kind.to_string(), workload.namespace.to_string());
                let key = (kind, namespace, workload.name.to_string());
                let known = union.workloads.entry(key).or_default();
                let all = &mut union.manifests.workloads;
                known[side] = known[0]
                    .filter(|old| is_same(&all[*old], workload))
                    .or_else(|| {
                        all.push(workload.clone());
                        Some(all.len() - 1)
                    });
            }
            for policy in &manifests.policies {
                let key = (policy.namespace.to_string(), policy.name.to_string());
                let known = union.policies.entry(key).or_default();
                let all = &mut union.manifests.policies;
                let says_same = |old: &usize| {
                    let mut old = all[*old].clone();
                    old.place = policy.place;
                    old == *policy
                };
                known[side] = known[0].filter(says_same).or_else(|| {
                    all.push(policy.clone());
                    Some(all.len() - 1)
                });
            }
        }
        union
    }
}

/// Whether pods of two workloads are the same to every policy.
fn is_same(a: &Workload, b: &Workload) -> bool {
    a.labels == b.labels && a.ports == b.ports && a.is_on_host == b.is_on_host
}

/// The sides of all pods, and which pods there are.
#[derive(Clone)]
struct State {
    sides: [Vec<Side>; 2],
    exists: Vec<bool>,
}

impl State {
    fn side(&self, atom: AtomId, direction: Direction) -> Option<&Side> {
        self.sides[direction as usize].get(atom.index())
    }

    fn exists(&self, atom: AtomId) -> bool {
        self.exists.get(atom.index()).copied().unwrap_or(true)
    }
}

struct Replay<'u, 'm> {
    union: &'u Union,
    world: &'u World<'m>,
    evaluation: Evaluation<'u, 'm>,
    active: Vec<bool>,
    /// For each pod the policies that select it.
    selecting: Vec<Vec<usize>>,
    /// The atom of each workload; `None` on the network of its node.
    atoms: Vec<Option<AtomId>>,
    old: State,
    new: State,
    now: State,
    /// For each pod the others whose sides name it, before or after.
    named_by: Vec<Vec<AtomId>>,
}

impl<'u, 'm> Replay<'u, 'm> {
    fn of(union: &'u Union, world: &'u World<'m>, facts: &Facts) -> Self {
        let policies = &world.manifests().policies;
        let mut selecting = vec![Vec::new(); world.pods()];
        for (at, policy) in policies.iter().enumerate() {
            for atom in world.selected(policy) {
                selecting[atom.index()].push(at);
            }
        }
        let mut atoms = vec![None; union.manifests.workloads.len()];
        for atom in world.workload_atoms() {
            if let Some(index) = world.workload_index(atom) {
                atoms[index] = Some(atom);
            }
        }
        let empty = State {
            sides: [Vec::new(), Vec::new()],
            exists: Vec::new(),
        };
        let mut replay = Self {
            union,
            world,
            evaluation: Evaluation::of(world, Reading::STANDARD, facts),
            active: vec![false; policies.len()],
            selecting,
            atoms,
            old: empty.clone(),
            new: empty.clone(),
            now: empty,
            named_by: vec![Vec::new(); world.pods()],
        };
        replay.new = replay.state(1);
        // The last state that is made is the one to start from.
        replay.old = replay.state(0);
        replay.now = replay.old.clone();
        for state in [&replay.old, &replay.new] {
            for (at, side) in state
                .sides
                .iter()
                .flat_map(|sides| sides.iter().enumerate())
            {
                for (other, _) in side.named() {
                    if let Some(list) = replay.named_by.get_mut(other.index()) {
                        list.push(AtomId(u32::try_from(at).unwrap_or(u32::MAX)));
                    }
                }
            }
        }
        replay
    }

    /// How it is before (0) or after (1) all steps.
    fn state(&mut self, side: usize) -> State {
        self.active.fill(false);
        for versions in self.union.policies.values() {
            if let Some(policy) = versions[side] {
                self.active[policy] = true;
            }
        }
        let mut exists = vec![true; self.world.pods()];
        for atom in self.world.workload_atoms() {
            exists[atom.index()] = false;
        }
        for versions in self.union.workloads.values() {
            if let Some(atom) = versions[side].and_then(|index| self.atoms[index]) {
                exists[atom.index()] = true;
            }
        }
        let pods: Vec<AtomId> = self.world.atoms().take(self.world.pods()).collect();
        let mut sides = [
            Vec::with_capacity(pods.len()),
            Vec::with_capacity(pods.len()),
        ];
        for atom in pods {
            let [ingress, egress] = self.sides_of(atom);
            sides[Direction::Ingress as usize].push(ingress);
            sides[Direction::Egress as usize].push(egress);
        }
        State { sides, exists }
    }

    fn sides_of(&mut self, atom: AtomId) -> [Side; 2] {
        let policies = &self.world.manifests().policies;
        let active = self.selecting[atom.index()].iter();
        let active = active
            .filter(|at| self.active[**at])
            .map(|at| &policies[*at]);
        self.evaluation.sides_of(atom, active)
    }

    /// Does a step; the atoms that it touches, or nothing where no such object is known.
    fn step(&mut self, step: &Step) -> Option<Vec<AtomId>> {
        let (namespace, name) = (step.namespace.clone(), step.name.clone());
        if step.kind == "NetworkPolicy" {
            let [old, new] = *self.union.policies.get(&(namespace, name))?;
            for version in [old, new].into_iter().flatten() {
                self.active[version] = false;
            }
            if step.action == Action::Put {
                self.active[new?] = true;
            }
            let mut touched = Vec::new();
            for version in [old, new].into_iter().flatten() {
                touched.extend(
                    self.world
                        .selected(&self.world.manifests().policies[version]),
                );
            }
            touched.sort_unstable();
            touched.dedup();
            for atom in &touched {
                let [ingress, egress] = self.sides_of(*atom);
                self.now.sides[Direction::Ingress as usize][atom.index()] = ingress;
                self.now.sides[Direction::Egress as usize][atom.index()] = egress;
            }
            return Some(touched);
        }
        let versions = *self
            .union
            .workloads
            .get(&(step.kind.clone(), namespace, name))?;
        let mut touched = Vec::new();
        for (side, version) in versions.into_iter().enumerate() {
            if let Some(atom) = version.and_then(|index| self.atoms[index]) {
                // Of a workload that changes, the old pods go and the new ones come.
                let is_of_new = side == 1 || versions[0] == versions[1];
                self.now.exists[atom.index()] = step.action == Action::Put && is_of_new;
                touched.push(atom);
            }
        }
        Some(touched)
    }

    fn check(&mut self, atom: AtomId, after: usize, out: &mut Rollout) {
        let mut others: Vec<AtomId> = self.named_by[atom.index()].clone();
        for state in [&self.old, &self.new, &self.now] {
            for direction in Direction::BOTH {
                let side = state.side(atom, direction);
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
            self.compare(atom, other, after, out);
            self.compare(other, atom, after, out);
        }
        for direction in Direction::BOTH {
            self.compare_open(atom, direction, after, out);
        }
    }

    fn compare(&mut self, from: AtomId, to: AtomId, after: usize, out: &mut Rollout) {
        let [old, new, now] = [0, 1, 2].map(|which| self.cell(which, from, to));
        let sets = self.evaluation.sets();
        let may_be = sets.union(old, new);
        let opened = sets.difference(now, may_be);
        let must_be = sets.intersection(old, new);
        let closed = sets.difference(must_be, now);
        for (ports, is_open) in [(opened, true), (closed, false)] {
            if !ports.is_empty() {
                out.violations.push(Violation {
                    after,
                    from: self.world.show(from),
                    to: self.world.show(to),
                    ports: self.evaluation.sets().list(ports),
                    is_open,
                });
            }
        }
    }

    fn cell(&mut self, which: usize, from: AtomId, to: AtomId) -> PortSet {
        let state = [&self.old, &self.new, &self.now][which];
        let pods = self.world.pods();
        if !state.exists(from) || !state.exists(to) || from.index() >= pods && to.index() >= pods {
            return PortSet::NONE;
        }
        let sets = self.evaluation.sets();
        let mut ports = PortSet::ALL;
        for (atom, direction, other) in [
            (from, Direction::Egress, to),
            (to, Direction::Ingress, from),
        ] {
            if let Some(side) = state.side(atom, direction) {
                let of_side = side.toward(other, other.index() < pods, sets);
                ports = sets.intersection(ports, of_side);
            }
        }
        ports
    }

    /// Nobody is open to everybody on the way who is neither before nor after.
    fn compare_open(
        &mut self,
        atom: AtomId,
        direction: Direction,
        after: usize,
        out: &mut Rollout,
    ) {
        if !self.now.exists(atom) || !self.world.is_known(atom) {
            return;
        }
        let everywhere = |state: &State| match state.side(atom, direction) {
            Some(side) if state.exists(atom) => side.everywhere(),
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
        let (shown, everybody) = (self.world.show(atom), "everybody".to_owned());
        let (from, to) = match direction {
            Direction::Ingress => (everybody, shown),
            Direction::Egress => (shown, everybody),
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
