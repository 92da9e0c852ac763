//! Fields that other managers own: whether they may be taken, and what is said of those that may not.

use std::collections::{BTreeSet, HashSet};

use erpc_emit::Kind;
use serde_json::Value;

use crate::allowed::Allowed;
use crate::diff::shown;
use crate::failure::{Cause, Failure, Refusal};
use crate::live::Live;
use crate::manager::SCALE_MANAGER;
use crate::object::ObjectId;
use crate::owner::Owner;
use crate::path::FieldPath;
use crate::program::{Desired, Program};
use crate::taking::{CONTROLLERS, may_take};

/// To whom the server gives the fields of an object whose managers were removed.
const UNTRACKED: &str = "before-first-apply";

/// The workloads whose number of replicas is an autoscaler's, by namespace and name.
pub(super) struct Autoscalers {
    /// As the platform says it.
    pub(super) desired: HashSet<(String, String)>,
    /// In the cluster, and still there when this plan is done.
    staying: HashSet<(String, String)>,
}

pub(super) fn workload(id: &ObjectId) -> (String, String) {
    let namespace = id.namespace.as_deref().unwrap_or_default();
    (namespace.to_owned(), id.name.to_string())
}

fn scaled_by(id: &ObjectId, autoscaler: &Value) -> (String, String) {
    let target = autoscaler["spec"]["scaleTargetRef"]["name"].as_str();
    (workload(id).0, target.unwrap_or_default().to_owned())
}

impl Autoscalers {
    pub(super) fn of(program: &Program<'_>, live: &Live, allowed: &Allowed) -> Self {
        let is_one = |id: &ObjectId| id.kind == Kind::HorizontalPodAutoscaler;
        let desired = program.objects.iter().filter(|object| is_one(&object.id));
        let found = live.of_kind(Kind::HorizontalPodAutoscaler);
        Self {
            desired: desired
                .map(|object| scaled_by(&object.id, &object.body.value()))
                .collect(),
            staying: found
                .filter(|(id, _)| !(allowed.prune && program.object(id).is_none()))
                .map(|(id, live)| scaled_by(id, &live))
                .collect(),
        }
    }
}

/// Whether the only conflict is about the number that an autoscaler wrote, and it is or will be
/// gone.
pub(super) fn is_left_by_autoscaler(
    desired: &Desired,
    found: Option<&Value>,
    refusal: &Refusal,
    autoscalers: &Autoscalers,
) -> bool {
    let is_scale_of = |manager: &str| {
        let entries = found.and_then(|live| live["metadata"]["managedFields"].as_array());
        let mut entries = entries.into_iter().flatten();
        entries.any(|entry| entry["manager"] == manager && entry["subresource"] == "scale")
    };
    let target = workload(&desired.id);
    !autoscalers.desired.contains(&target)
        && !autoscalers.staying.contains(&target)
        && conflicts(refusal).all(|cause| {
            let manager = manager_of(cause);
            // An autoscaler that never wrote a number has left it with the one that held it meanwhile.
            let is_its =
                manager == SCALE_MANAGER || CONTROLLERS.contains(&manager) && is_scale_of(manager);
            cause.field == ".spec.replicas" && is_its
        })
}

/// `conflict with "kubectl-edit" using apps/v1` gives `kubectl-edit`.
fn manager_of(cause: &Cause) -> &str {
    cause.message.split('"').nth(1).unwrap_or(&cause.message)
}

fn conflicts(refusal: &Refusal) -> impl Iterator<Item = &Cause> {
    let causes = refusal.causes.iter();
    causes.filter(|cause| cause.reason == "FieldManagerConflict")
}

pub(super) fn may_take_all(
    refusal: &Refusal,
    id: &ObjectId,
    allowed: &Allowed,
    owner: Option<&Owner>,
) -> bool {
    conflicts(refusal).all(|cause| {
        let manager = manager_of(cause);
        let is_taken_over = owner.is_some() && manager == UNTRACKED;
        is_taken_over || may_take(&allowed.take_from, id, manager)
    })
}

pub(super) fn conflict(
    program: &Program<'_>,
    desired: &Desired,
    found: Option<&Value>,
    refusal: &Refusal,
) -> Failure {
    let mut lines = Vec::new();
    let mut managers = BTreeSet::new();
    let body = desired.body.value();
    let objects: Vec<&Value> = std::iter::once(&body).chain(found).collect();
    for cause in conflicts(refusal) {
        let field = FieldPath::of_server(&cause.field, &objects);
        let value = |object| field.get(object).map_or("nothing".to_owned(), shown);
        let manager = manager_of(cause);
        managers.insert(manager.to_owned());
        let ours = value(&body);
        let theirs = found.map_or("?".to_owned(), value);
        let place = program.place(desired, &field).unwrap_or_default();
        let since = found.and_then(|live| since(live, manager));
        let since = since.map_or_else(String::new, |time| format!(" since {time}"));
        lines.push(format!(
            "{field} is {manager}'s{since}: the cluster has {theirs}, the source says {ours} ({place})"
        ));
    }
    let is_controllers = managers.iter().any(|m| CONTROLLERS.contains(&m.as_str()));
    let failure = Failure::new(lines.join("; "));
    if is_controllers {
        return failure.help("a controller keeps it: leave the field out of the source, or remove the controller; an autoscaler that left the source goes with --prune");
    }
    let takes: Vec<String> = managers
        .iter()
        .map(|manager| format!("--take-from {manager}={}", desired.id.argument()))
        .collect();
    failure.help(format!(
        "take it with {}, or let the source say what the cluster has",
        takes.join(" ")
    ))
}

fn since(live: &Value, manager: &str) -> Option<String> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let entry = entries.iter().find(|entry| entry["manager"] == manager)?;
    entry["time"].as_str().map(str::to_owned)
}
