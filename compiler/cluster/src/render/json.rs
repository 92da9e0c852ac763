//! A plan as one JSON document.

use serde_json::{Value, json};

use crate::change::{Action, ObjectChange};
use crate::client::Cluster;
use crate::plan::Plan;
use crate::program::Program;

/// A plan as one JSON document, in the order of the text.
#[must_use]
pub fn to_json(plan: &Plan, program: &Program<'_>, cluster: &Cluster) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| step_json(step, program))
        .collect();
    let secrets: Vec<Value> = plan
        .missing_secrets
        .iter()
        .map(|secret| {
            json!({
                "namespace": secret.namespace,
                "name": secret.name,
                "missing": secret.keys,
                "exists": secret.is_there,
                "source": secret.place,
                "commands": secret.commands,
            })
        })
        .collect();
    json!({
        "version": 1,
        "platform": program.name(),
        "profile": program.profile,
        "cluster": { "uid": cluster.uid, "context": cluster.context, "url": cluster.url, "version": cluster.version },
        "digest": program.digest(),
        "steps": steps,
        "missingSecrets": secrets,
        "refused": plan.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unenforced": super::unenforced::json(program),
        "notes": plan.notes,
        "flows": plan.flows.as_ref().map(|flows| json!({
            "opened": flows.opened, "closed": flows.closed, "same": flows.same,
        })),
        "unchanged": plan.unchanged,
        "additions": super::additions::json(plan, program),
        "summary": {
            "create": plan.count(Action::Create),
            "update": plan.count(Action::Update),
            "replace": plan.count(Action::Replace),
            "grow": plan.count(Action::Grow),
            "adopt": plan.count(Action::Adopt),
            "move": plan.count(Action::Move),
            "prune": plan.count(Action::Prune),
            "blocked": plan.count(Action::Blocked),
        },
    })
}

fn step_json(step: &ObjectChange, program: &Program<'_>) -> Value {
    let object = program.object(&step.id);
    let changes: Vec<Value> = step
        .changes
        .iter()
        .map(|change| {
            json!({
                "field": change.path.to_string(),
                "old": change.old,
                "new": change.new,
                "source": object.and_then(|object| program.place(object, &change.path)),
            })
        })
        .collect();
    json!({
        "action": step.action.as_str(),
        "kind": step.id.kind.as_str(),
        "namespace": step.id.namespace.as_deref(),
        "name": step.id.name.as_str(),
        "source": object.and_then(|object| program.place_of(object)),
        "service": object.and_then(|object| object.service).map(|id| program.platform.path(id)),
        "uid": step.uid,
        "fingerprint": step.fingerprint,
        "changes": changes,
        "consequences": step.consequences,
        "movedTo": step.moved.as_ref().map(|moved| moved.to.clone()),
        "blocked": step.blocked.as_ref().map(|failure| json!({ "message": failure.message, "help": failure.help })),
        "warnings": step.warnings,
        "judged": if step.is_unjudged { "schema" } else { "server" },
    })
}
