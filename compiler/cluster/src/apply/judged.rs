//! The list of steps as the prover judges it. Whatever `apply` would write for a change of a cluster is
//! one step after the other here: the same list, made by the same code, with pods of two versions side by
//! side from the write of a workload to the moment before something closes.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;
use erpc_prove::{Action as ProvenAction, Change, File, Manifests, RolloutStep};

use super::steps::{Basis, Closing, Steps, Write};
use crate::change::{Action, ObjectChange, step};
use crate::object::{ObjectId, Packed};
use crate::program::Program;
use erpc_emit::Kind;

/// Of the versions of a change: before it, on the way, and afterwards.
const BETWEEN: usize = 1;
const AFTER: usize = 2;
/// How far every port is moved.
const MOVED_BY: u16 = 20_000;

/// The changes that a platform is judged by: it comes to an empty cluster, to one that runs open; every
/// port of it moves; and it is removed.
#[must_use]
pub fn changes(platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<Change> {
    let program = Program::of(platform, derived, sources, None);
    let moved = ports_moved(platform);
    let (of_moved, diagnostics) = Derived::of(&moved);
    let every = |program: &Program<'_>| -> Objects {
        let objects = program.objects.iter();
        objects
            .map(|object| (object.id.clone(), object.body.clone()))
            .collect()
    };
    let all = every(&program);
    let mut open = all.clone();
    open.retain(|id, _| id.kind != Kind::NetworkPolicy);
    let mut out = vec![
        change("empty cluster", &program, &Objects::new()),
        change("running open cluster", &program, &open),
    ];
    if !diagnostics.has_errors() {
        let before = every(&Program::of(&moved, &of_moved, sources, None));
        out.push(change("every port moves", &program, &before));
    }
    out.push(removal(&program, &all));
    out
}

type Objects = BTreeMap<ObjectId, Packed>;

/// The same platform on other ports. Ranges stay: their container ports have no names, so that no
/// Service can serve two of them.
fn ports_moved(platform: &Platform) -> Platform {
    let mut moved = platform.clone();
    for service in &mut moved.services {
        for port in &mut service.statements.ports {
            if port.last != port.number.value {
                continue;
            }
            let shifted = |number: u16| match number.checked_add(MOVED_BY) {
                Some(number) => number,
                None => number - MOVED_BY,
            };
            port.number.value = shifted(port.number.value);
            port.last = port.number.value;
            port.container = shifted(port.container);
        }
    }
    moved
}

/// The step for an object of which there is this before.
fn planned(id: &ObjectId, body: &Packed, before: &Objects) -> Option<ObjectChange> {
    match before.get(id) {
        None => Some(step(id, Action::Create)),
        Some(old) if old == body => None,
        Some(_) => Some(step(id, Action::Update)),
    }
}

fn change(name: &'static str, program: &Program<'_>, before: &Objects) -> Change {
    let mut steps: Vec<ObjectChange> = program
        .objects
        .iter()
        .filter_map(|object| planned(&object.id, &object.body, before))
        .collect();
    let gone = before.keys().filter(|id| program.object(id).is_none());
    steps.extend(gone.map(|id| step(id, Action::Prune)));
    let has_policies = before.keys().any(|id| id.kind == Kind::NetworkPolicy);
    let running = before.keys().filter(|id| id.kind.is_workload());
    let open: BTreeSet<String> = match has_policies {
        true => BTreeSet::new(),
        false => running
            .filter_map(|id| id.namespace.as_ref().map(ToString::to_string))
            .collect(),
    };
    let after: Objects = program
        .objects
        .iter()
        .map(|object| (object.id.clone(), object.body.clone()))
        .collect();
    let list = Steps::of(&Basis {
        program,
        steps,
        body: &|id| after.get(id).cloned().unwrap_or_else(Packed::nothing),
        live: &|id| before.get(id).map(Packed::value),
        open: &open,
        lost: &BTreeSet::new(),
    });
    let mut judged = Judged {
        after: &after,
        between: Objects::new(),
        steps: Vec::new(),
    };
    judged.list(program, list);
    judged.change(name, before)
}

/// Everything goes, as `--prune` deletes it.
fn removal(program: &Program<'_>, all: &Objects) -> Change {
    let list = Steps::of(&Basis {
        program,
        steps: all.keys().map(|id| step(id, Action::Prune)).collect(),
        body: &|_| Packed::nothing(),
        live: &|id| all.get(id).map(Packed::value),
        open: &BTreeSet::new(),
        lost: &BTreeSet::new(),
    });
    let mut after = all.clone();
    after.retain(|id, _| id.kind == Kind::Namespace);
    let mut judged = Judged {
        after: &after,
        between: Objects::new(),
        steps: Vec::new(),
    };
    judged.list(program, list);
    judged.change("removal", all)
}

struct Judged<'a> {
    after: &'a Objects,
    /// What objects are on the way and neither before nor afterwards.
    between: Objects,
    steps: Vec<RolloutStep>,
}

impl Judged<'_> {
    /// The order in which `apply` takes the parts of its list: the services in their waves, and whatever
    /// closes as soon as the last service that it waits for runs as one version.
    fn list(&mut self, program: &Program<'_>, mut list: Steps) {
        let opening = list.foundation.into_iter().chain(list.opening);
        for write in opening.flat_map(|batch| batch.writes) {
            self.write(&write);
        }
        let mut rolling: BTreeSet<ServiceId> = list.turns.keys().copied().collect();
        let mut closings = self.close(list.closing, &rolling);
        for wave in &program.derived.order.waves {
            let mut rolled = Vec::new();
            for service in wave {
                let Some(turn) = list.turns.remove(service) else {
                    continue;
                };
                let writes = turn.before.into_iter().chain(turn.workload);
                for write in writes.chain(turn.after) {
                    self.write(&write);
                    if write.step.id.kind.is_workload() {
                        rolled.push(write.step.id);
                    }
                }
                rolling.remove(service);
            }
            for id in &rolled {
                self.push(id, ProvenAction::Settle, AFTER);
            }
            closings = self.close(closings, &rolling);
        }
    }

    /// Closes what waits for no service that is still rolling; what has to wait stays, in its order.
    fn close(&mut self, closings: Vec<Closing>, rolling: &BTreeSet<ServiceId>) -> Vec<Closing> {
        let (waiting, due) = closings
            .into_iter()
            .partition::<Vec<_>, _>(|closing| !closing.waits_for.is_disjoint(rolling));
        for closing in due {
            self.write(&closing.write);
        }
        waiting
    }

    fn write(&mut self, write: &Write) {
        let id = &write.step.id;
        if write.step.action.deletes() {
            self.push(id, ProvenAction::Delete, AFTER);
        } else if self.after.get(id) == Some(&write.body) {
            self.push(id, ProvenAction::Put, AFTER);
        } else {
            self.between.insert(id.clone(), write.body.clone());
            self.push(id, ProvenAction::Put, BETWEEN);
        }
    }

    fn push(&mut self, id: &ObjectId, action: ProvenAction, version: usize) {
        let is_judged =
            id.kind.is_workload() || matches!(id.kind, Kind::NetworkPolicy | Kind::Service);
        if is_judged {
            self.steps.push(RolloutStep {
                action,
                kind: id.kind.as_str().to_owned(),
                namespace: id.namespace.as_deref().unwrap_or_default().to_owned(),
                name: id.name.to_string(),
                version,
            });
        }
    }

    fn change(self, name: &'static str, before: &Objects) -> Change {
        Change {
            name,
            versions: [before, &self.between, self.after].map(read).into(),
            steps: self.steps,
        }
    }
}

/// Objects as the prover reads them: from their bytes.
fn read(objects: &Objects) -> Manifests {
    let files: Vec<File<'_>> = objects
        .values()
        .map(|body| File {
            path: "object",
            bytes: body.text().as_bytes(),
        })
        .collect();
    Manifests::read(&files)
}
