//! What a run writes, in its order: one list, which `apply` executes. What opens comes before the pods
//! that need it; the objects of a service change at its turn, together with its workload; what closes
//! comes after the last pod that no longer needs it.

use std::collections::{BTreeMap, BTreeSet};

use erpc_model::ServiceId;
use serde_json::{Value, json};

use super::neighbours::Neighbours;
use crate::change::{Action, ObjectChange};
use crate::object::{ObjectId, Packed};
use crate::ports::transition;
use crate::program::Program;
use crate::ready::workload_of;
use erpc_emit::{DEFAULT_DENY, Kind, Stage};

/// One write: the step of the plan that it belongs to, and the body that is sent.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub step: ObjectChange,
    pub body: Packed,
}

/// What is written of a service at its turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    /// Its Services, ConfigMaps, claims and disruption budget.
    pub before: Vec<Write>,
    /// Its workload.
    pub workload: Option<Write>,
    /// Its autoscaler and Ingress, once it is ready.
    pub after: Vec<Write>,
}

/// A write that takes something away, and so waits until no pod needs it any more.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    pub write: Write,
    /// The services whose pods of the earlier revision may need what closes.
    pub waits_for: BTreeSet<ServiceId>,
}

/// Writes that do not need each other.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub name: &'static str,
    pub writes: Vec<Write>,
}

impl Batch {
    fn of(stage: Stage) -> Self {
        Self {
            name: stage.as_str(),
            writes: Vec::new(),
        }
    }
}

/// All writes of a run, in its order: the stages of [`Stage`], those of a service at its turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    /// Namespaces, classes, quotas, accounts and permissions.
    pub foundation: Vec<Batch>,
    /// Policies with the rules of both versions, then what belongs to services that are new: no pod and
    /// no caller knows it yet. Autoscalers that go do so before the workloads that they scale change. Then what belongs
    /// to no service, stage by stage.
    pub opening: Vec<Batch>,
    /// The services, each at its turn.
    pub turns: BTreeMap<ServiceId, Turn>,
    /// Policies and Services without what only the earlier version needed; `default-deny` of namespaces that
    /// ran without one; and what is not in the source any more, in the order of its [`rank`].
    pub closing: Vec<Closing>,
}

/// When something is deleted: the autoscalers of rank 0 before the services take their turns, the rest
/// afterwards.
pub(super) fn rank(step: &ObjectChange) -> u8 {
    let stage = step.id.kind.stage();
    match stage {
        // One that was renamed serves until its successor is ready.
        Stage::Autoscalers if step.action == Action::Move => Stage::Workloads.removal(),
        // A namespace that opens does so before the policies go that its pods need while it is closed.
        Stage::Policies if step.opens && step.id.name == DEFAULT_DENY => {
            Stage::Configuration.removal()
        }
        // A namespace that was closed stays closed until nothing of it is left.
        Stage::Policies if step.id.name == DEFAULT_DENY => u8::MAX,
        _ => stage.removal(),
    }
}

/// What the list is made from.
pub(crate) struct Basis<'b> {
    pub program: &'b Program<'b>,
    pub steps: Vec<ObjectChange>,
    /// What is written of an object.
    pub body: &'b dyn Fn(&ObjectId) -> Packed,
    /// What the cluster has.
    pub live: &'b dyn Fn(&ObjectId) -> Option<Value>,
    /// The namespaces that have pods and no `default-deny`.
    pub open: &'b BTreeSet<String>,
    /// What an earlier run has applied and another deleted: it comes back before any service takes its turn.
    pub lost: &'b BTreeSet<ObjectId>,
}

impl Steps {
    pub(crate) fn of(basis: &Basis<'_>) -> Self {
        let (removed, kept): (Vec<&ObjectChange>, Vec<&ObjectChange>) =
            basis.steps.iter().partition(|step| step.action.deletes());
        let removal = |step: &ObjectChange| Write {
            step: step.clone(),
            body: Packed::nothing(),
        };
        let (autoscalers, mut removed): (Vec<&ObjectChange>, Vec<&ObjectChange>) =
            removed.into_iter().partition(|step| rank(step) == 0);
        removed.sort_by_key(|step| rank(step));
        let neighbours = Neighbours::of(basis.program);
        let removals = removed.into_iter().map(|step| Closing {
            write: removal(step),
            waits_for: neighbours.needing(step, basis.live),
        });
        let removals: Vec<Closing> = removals.collect();
        let mut sorting = Sorting {
            basis,
            made: basis.made(),
            neighbours,
            steps: Self {
                foundation: Stage::FOUNDATION.map(Batch::of).into(),
                ..Self::default()
            },
            denies: Vec::new(),
            policies: Vec::new(),
            lost_denies: Vec::new(),
            early: Vec::new(),
            alone: BTreeMap::new(),
            last: Vec::new(),
        };
        for step in kept {
            sorting.sort(step);
        }
        sorting.take_quiet_turns();
        let mut steps = sorting.steps;
        steps.opening = vec![
            Batch {
                name: "closing namespaces",
                writes: sorting.denies,
            },
            Batch {
                name: "policies",
                writes: sorting.policies,
            },
            Batch {
                name: "closing namespaces again",
                writes: sorting.lost_denies,
            },
            Batch {
                name: "what is new",
                writes: sorting.early,
            },
            Batch {
                name: "removing",
                writes: autoscalers.into_iter().map(removal).collect(),
            },
        ];
        steps.opening.extend(sorting.alone.into_values());
        // What has been open until now closes last.
        let neighbours = sorting.neighbours;
        steps
            .closing
            .extend(sorting.last.into_iter().map(|write| Closing {
                waits_for:
                    neighbours.around(write.step.id.namespace.as_deref().unwrap_or_default()),
                write,
            }));
        steps.closing.extend(removals);
        steps
    }
}

/// Gives each write its place.
struct Sorting<'s, 'b> {
    basis: &'s Basis<'b>,
    /// The services whose workload is made by this run.
    made: BTreeSet<ServiceId>,
    neighbours: Neighbours,
    steps: Steps,
    denies: Vec<Write>,
    policies: Vec<Write>,
    /// Those that another deleted: pods run there, whose policies may be lost too.
    lost_denies: Vec<Write>,
    early: Vec<Write>,
    /// What belongs to no service: manifests of the source, stage by stage.
    alone: BTreeMap<Stage, Batch>,
    last: Vec<Write>,
}

impl Sorting<'_, '_> {
    fn sort(&mut self, step: &ObjectChange) {
        let program = self.basis.program;
        let service = program.object(&step.id).and_then(|object| object.service);
        let write = Write {
            step: step.clone(),
            body: (self.basis.body)(&step.id),
        };
        let is_lost = self.basis.lost.contains(&step.id);
        match (step.id.kind.stage(), service) {
            (Stage::Policies, _) => self.policy(write, service),
            (Stage::Workloads, Some(id)) => {
                self.steps.turns.entry(id).or_default().workload = Some(write);
            }
            (Stage::Autoscalers | Stage::Routes, Some(_)) if is_lost => self.early.push(write),
            (Stage::Autoscalers | Stage::Routes, Some(id)) => {
                self.steps.turns.entry(id).or_default().after.push(write);
            }
            (Stage::Configuration, Some(id)) => {
                let is_new = step.action == Action::Create && self.made.contains(&id);
                // A claim that grows is waited for before its StatefulSet is replaced.
                let is_early = is_new || step.action == Action::Grow;
                let is_service = step.id.kind == Kind::Service;
                if is_early || is_lost && !is_service {
                    self.early.push(write);
                } else if is_service {
                    self.service(write, id);
                } else {
                    self.steps.turns.entry(id).or_default().before.push(write);
                }
            }
            (
                stage @ (Stage::Configuration
                | Stage::Workloads
                | Stage::Autoscalers
                | Stage::Routes
                | Stage::Custom
                | Stage::Admission),
                None,
            ) => {
                let of_stage = self.alone.entry(stage);
                of_stage
                    .or_insert_with(|| Batch::of(stage))
                    .writes
                    .push(write);
            }
            (stage, _) => {
                let mut foundation = Stage::FOUNDATION.iter().zip(&mut self.steps.foundation);
                match foundation.find(|(of, _)| **of == stage) {
                    Some((_, batch)) => batch.writes.push(write),
                    None => self.early.push(write),
                }
            }
        }
    }

    /// A policy that loses a rule keeps it until no pod needs it. `default-deny` closes a namespace that
    /// runs open last, and one that another opened as soon as its policies are back.
    fn policy(&mut self, write: Write, service: Option<ServiceId>) {
        let id = &write.step.id;
        if id.name == DEFAULT_DENY {
            let namespace = id.namespace.as_deref().unwrap_or_default();
            if self.basis.open.contains(namespace) {
                self.last.push(write);
            } else if self.basis.lost.contains(id) {
                self.lost_denies.push(write);
            } else {
                self.denies.push(write);
            }
            return;
        }
        let live = (self.basis.live)(id).unwrap_or_default();
        let desired = write.body.value();
        match union(&live, &desired) {
            Some(both) => {
                self.policies.push(Write {
                    body: Packed::of(&both),
                    ..write.clone()
                });
                let mut waits_for = self.neighbours.lost(&live, &desired);
                waits_for.extend(service);
                self.steps.closing.push(Closing { write, waits_for });
            }
            None => self.policies.push(write),
        }
    }

    /// What changes nothing for a pod or a caller needs no turn, and nothing waits for it.
    fn take_quiet_turns(&mut self) {
        let changes_ports = |write: &Write| {
            write.step.id.kind == Kind::Service
                && (write.step.action != Action::Update
                    || write
                        .step
                        .changes
                        .iter()
                        .any(|c| c.path.starts_with(&["spec"])))
        };
        let quiet: Vec<ServiceId> = self
            .steps
            .turns
            .iter()
            .filter(|(_, turn)| turn.workload.is_none() && turn.after.is_empty())
            .filter(|(_, turn)| !turn.before.iter().any(changes_ports))
            .map(|(id, _)| *id)
            .collect();
        for id in quiet {
            let turn = self.steps.turns.remove(&id).unwrap_or_default();
            self.early.extend(turn.before);
        }
    }

    /// A Service changes with its workload: at its turn it serves pods of both revisions, and afterwards
    /// those of the new one.
    fn service(&mut self, write: Write, id: ServiceId) {
        let basis = self.basis;
        let before = match basis.lost.contains(&write.step.id) {
            true => &mut self.early,
            false => &mut self.steps.turns.entry(id).or_default().before,
        };
        let desired = write.body.value();
        let live = match write.step.action {
            // A Service that is made anew keeps nothing of what it was.
            Action::Replace => None,
            _ => Some((basis.live)(&write.step.id).unwrap_or(Value::Null)),
        };
        let Some(between) = live
            .as_ref()
            .and_then(|live| basis.between(live, &desired, id))
        else {
            before.push(write);
            return;
        };
        let is_there = live.is_some_and(|live| serves(&live, &between));
        if !is_there {
            let mut body = desired;
            body["spec"]["ports"] = json!(between);
            before.push(Write {
                body: Packed::of(&body),
                ..write.clone()
            });
        }
        let waits_for = self.neighbours.with_callers(id);
        self.steps.closing.push(Closing { write, waits_for });
    }
}

impl Basis<'_> {
    /// The services whose workload is made by this run.
    fn made(&self) -> BTreeSet<ServiceId> {
        let workloads = self.steps.iter().filter(|step| step.id.kind.is_workload());
        workloads
            .filter(|step| step.action == Action::Create)
            .filter_map(|step| self.program.object(&step.id)?.service)
            .collect()
    }

    /// The ports of a Service while pods of both revisions run, where the new ones do not serve both.
    fn between(&self, live: &Value, desired: &Value, id: ServiceId) -> Option<Vec<Value>> {
        let workload = workload_of(self.program, id);
        let old = (self.live)(&workload).unwrap_or(Value::Null);
        let new = (self.body)(&workload).value();
        transition(
            live,
            desired,
            &old["spec"]["template"],
            &new["spec"]["template"],
        )
        .between
    }
}

/// Whether a live Service has these ports already.
fn serves(live: &Value, ports: &[Value]) -> bool {
    let found = live["spec"]["ports"].as_array();
    let found = found.map_or(&[][..], Vec::as_slice);
    let is_same = |a: &Value, b: &Value| {
        ["name", "port", "protocol", "targetPort"]
            .iter()
            .all(|key| a[key] == b[key])
    };
    found.len() == ports.len()
        && ports
            .iter()
            .all(|port| found.iter().any(|other| is_same(port, other)))
}

/// The rules of both, where the new policy lacks a rule of the live one: while pods of both
/// versions run, each keeps the flows that its own version declared.
pub(super) fn union(live: &Value, desired: &Value) -> Option<Value> {
    if live["spec"]["podSelector"] != desired["spec"]["podSelector"] {
        return None;
    }
    let mut body = desired.clone();
    let mut has_lost = false;
    for direction in ["ingress", "egress"] {
        let rules = |object: &Value| {
            let rules = object["spec"][direction].as_array();
            rules.cloned().unwrap_or_default()
        };
        let mut both = rules(desired);
        for rule in rules(live) {
            if !both.contains(&rule) {
                has_lost = true;
                both.push(rule);
            }
        }
        if !both.is_empty() {
            body["spec"][direction] = json!(both);
        }
    }
    has_lost.then_some(body)
}

#[cfg(test)]
mod tests {
    use super::union;
    use serde_json::json;

    #[test]
    fn a_policy_that_loses_a_rule_keeps_it_until_the_pods_have_moved() {
        let policy =
            |ingress: &[&str]| json!({ "spec": { "podSelector": {}, "ingress": ingress } });
        let both = union(&policy(&["a", "b"]), &policy(&["b", "c"]));
        assert_eq!(
            both.map(|both| both["spec"]["ingress"].clone()),
            Some(json!(["b", "c", "a"]))
        );
        assert_eq!(union(&policy(&["a"]), &policy(&["a", "b"])), None);
    }
}
