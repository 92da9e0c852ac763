//! Objects that the server does not take: what that means for the plan.

use std::collections::BTreeMap;

use erpc_emit::Kind;
use serde_json::Value;

use super::conflict::conflict;
use super::replace::{immutable, replace};
use crate::allowed::Allowed;
use crate::call::Call;
use crate::change::{Action, ObjectChange, blocked, body_for, step};
use crate::client::Cluster;
use crate::equal::fingerprint;
use crate::explain::explain;
use crate::failure::{ApiError, Failure, Refusal};
use crate::live::Live;
use crate::node_ports;
use crate::object::{ObjectId, is_labelled, uid};
use crate::program::{Desired, Program};

/// The step for an object that the server does not take.
pub(super) async fn refused(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    found: Option<&Value>,
    refusal: &Refusal,
    allowed: &Allowed,
) -> Result<ObjectChange, Failure> {
    let id = &desired.id;
    if refusal.is_field_conflict() {
        return Ok(ObjectChange {
            changes_pods: changes_pods(cluster, program, desired, found).await?,
            ..blocked(id, conflict(program, desired, found, refusal))
        });
    }
    if refusal.code == 422
        && let Some(live) = found
        && is_labelled(live, program.name())
        && let Some(immutable) = immutable(desired, live, refusal)
    {
        return Ok(ObjectChange {
            fingerprint: Some(fingerprint(program.manager(), id.kind, live)),
            ..replace(cluster, desired, live, immutable, allowed).await?
        });
    }
    if let Some(port) = node_ports::taken(refusal) {
        return Ok(match node_ports::owner(cluster, port, id).await? {
            node_ports::Owner::Service(name) => blocked(id, node_ports::belongs_to(port, &name)),
            node_ports::Owner::Nobody | node_ports::Owner::Unknown => ObjectChange {
                warnings: vec![node_ports::waits_for(port)],
                uid: found.and_then(uid),
                fingerprint: found.map(|live| fingerprint(program.manager(), id.kind, live)),
                ..step(
                    id,
                    match found {
                        Some(_) => Action::Update,
                        None => Action::Create,
                    },
                )
            },
        });
    }
    Ok(ObjectChange {
        // What the account may not do is not found out object by object.
        blocks_all: refusal.is_rbac(),
        ..blocked(id, explain(refusal, id))
    })
}

/// Whether the pods of a workload would change if its conflict was won: one that has another number of
/// replicas runs the same revision, and what requires it need not wait.
async fn changes_pods(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    found: Option<&Value>,
) -> Result<bool, Failure> {
    let (true, Some(live)) = (desired.id.kind.is_workload(), found) else {
        return Ok(desired.id.kind.is_workload());
    };
    let body = body_for(&desired.body.value(), uid(live).as_deref());
    let manager = program.manager().acting(found);
    let call = Call::apply(&desired.id, &body, manager).dry_run().forced();
    match cluster.call(call).await {
        Ok(answer) => Ok(answer.body["spec"]["template"] != live["spec"]["template"]),
        Err(ApiError::Refused(_)) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether a binding is refused only because its role is not there yet. The server resolves the role of a
/// binding to see whether the account holds what it grants, and roles are written first.
pub(super) fn awaits_role(desired: &Desired, refusal: &Refusal, program: &Program<'_>) -> bool {
    let is_binding = matches!(
        desired.id.kind,
        Kind::RoleBinding | Kind::ClusterRoleBinding
    );
    if !is_binding || refusal.code != 404 {
        return false;
    }
    let body = desired.body.value();
    let role = &body["roleRef"];
    let kind = role["kind"].as_str().and_then(Kind::named);
    let (Some(kind), Some(name)) = (kind, role["name"].as_str()) else {
        return false;
    };
    let namespace = desired.id.namespace.clone();
    let role = ObjectId {
        namespace: namespace.filter(|_| kind.is_namespaced()),
        kind,
        name: name.into(),
    };
    program.object(&role).is_some()
}

pub(super) fn terminating(id: &ObjectId, live: &Value) -> Option<Failure> {
    if live["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let mut finalizers: Vec<String> = ["metadata", "spec"]
        .into_iter()
        .flat_map(|part| live[part]["finalizers"].as_array().into_iter().flatten())
        .filter_map(|finalizer| finalizer.as_str().map(str::to_owned))
        .collect();
    finalizers.dedup();
    let conditions = live["status"]["conditions"].as_array();
    let mut remaining = conditions
        .into_iter()
        .flatten()
        .filter(|c| c["status"] == "True")
        .filter_map(|c| c["message"].as_str());
    let held = match remaining.find(|text| text.contains("finalizer") || text.contains("remain")) {
        Some(text) => format!(": {text}"),
        None if finalizers.is_empty() => String::new(),
        None => format!(": it waits for {}", finalizers.join(", ")),
    };
    Some(
        Failure::new(format!("{id} is being deleted{held}"))
            .help("wait until it is gone, or find out who removes the finalizer; erpc never does"),
    )
}

/// The platform's namespaces that are being deleted: one line for each, whatever lies in it.
pub(super) fn terminating_namespaces(
    program: &Program<'_>,
    live: &Live,
) -> BTreeMap<String, (ObjectId, Failure)> {
    let names = program.platform.namespaces();
    let names = names.map(|(_, namespace)| &namespace.name.value);
    names
        .filter(|name| program.touches(name))
        .filter_map(|name| {
            let id = ObjectId {
                namespace: None,
                kind: Kind::Namespace,
                name: name.clone(),
            };
            let failure = terminating(&id, &live.get(&id)?)?;
            Some((name.to_string(), (id, failure)))
        })
        .collect()
}
