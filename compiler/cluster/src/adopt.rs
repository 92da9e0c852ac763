//! Takes over what `kubectl apply`, Helm or a script made: their entries in `managedFields` become ours,
//! and nothing else of an object changes. Without that, a field that left the source would stay for
//! ever, because server-side apply removes only what its own manager owned. What differs from the source
//! is the next plan's business.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::Failure;
use crate::manager::merged;
use crate::object::ObjectId;
use crate::owner;
use crate::program::Program;
use crate::takeover::patch_each;

/// The managers of tools that apply what people wrote. Controllers are none of them.
pub const TOOLS: [&str; 6] = [
    "kubectl-client-side-apply",
    "kubectl",
    "kubectl-create",
    "kubectl-edit",
    "helm",
    "argocd-controller",
];
/// kubectl's own copy of what was applied; a copy that is not kept up to date misleads.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// An object that is there and not ours.
#[derive(Clone, Debug)]
pub struct Adoptable {
    /// Which.
    pub id: ObjectId,
    /// Whose fields they are.
    pub managers: Vec<String>,
}

/// The objects of a platform that these managers hold.
///
/// # Errors
///
/// The cluster's.
pub async fn adoptable(
    cluster: &Cluster,
    program: &Program<'_>,
    managers: &[String],
) -> Result<Vec<Adoptable>, Failure> {
    let mut found = Vec::new();
    let mut answers = stream::iter(program.objects.iter().map(|object| object.id.clone()))
        .map(|id| async move {
            let answer = cluster.call(Call::get(id.path())).await;
            (id, answer)
        })
        .buffered(16);
    while let Some((id, answer)) = answers.next().await {
        let live = match answer {
            Ok(answer) => answer.body,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let of = entries_of(&live, managers);
        // What another platform owns is not to be had by way of a tool that wrote to it.
        if !of.is_empty() && owner::other(program.manager(), &live).is_none() {
            let mut managers: Vec<String> = of
                .iter()
                .filter_map(|(_, entry)| entry["manager"].as_str().map(str::to_owned))
                .collect();
            managers.dedup();
            found.push(Adoptable { id, managers });
        }
    }
    Ok(found)
}

/// The entries of these managers, with their places.
fn entries_of<'v>(live: &'v Value, managers: &[String]) -> Vec<(usize, &'v Value)> {
    let entries = live["metadata"]["managedFields"].as_array();
    entries
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, entry)| {
            let manager = entry["manager"].as_str().unwrap_or_default();
            entry["subresource"].as_str().unwrap_or_default().is_empty()
                && managers.iter().any(|of| of == manager)
        })
        .collect()
}

/// Makes the entries ours. Pods notice nothing: no field of a spec changes.
///
/// # Errors
///
/// The cluster's; what was adopted stays so, and the next run goes on.
pub async fn adopt(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    found: &[Adoptable],
    managers: &[String],
) -> Result<usize, Failure> {
    let ids = found.iter().map(|one| &one.id);
    let manager = program.manager().name();
    patch_each(cluster, program, ids, "adopted", |id, live| {
        let operations = operations(manager, live, managers);
        Ok(operations.map(|operations| Call::json_patch(&id.path(), &operations, manager)))
    })
    .await
}

/// The patch: one entry of ours with all their fields, theirs gone, guarded by the version.
fn operations(manager: &str, live: &Value, managers: &[String]) -> Option<Value> {
    let entries = given_to(manager, live, managers)?;
    let mut operations = vec![
        json!({ "op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] }),
        json!({ "op": "replace", "path": "/metadata/managedFields", "value": entries }),
    ];
    if !live["metadata"]["annotations"][LAST_APPLIED].is_null() {
        let path = format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1"));
        operations.push(json!({ "op": "remove", "path": path }));
    }
    Some(Value::Array(operations))
}

/// The entries of an object where one manager has what others had; `None` where they had nothing.
pub(crate) fn given_to(manager: &str, live: &Value, others: &[String]) -> Option<Vec<Value>> {
    let theirs = entries_of(live, others);
    if theirs.is_empty() {
        return None;
    }
    let places: Vec<usize> = theirs.iter().map(|(at, _)| *at).collect();
    let all = live["metadata"]["managedFields"].as_array();
    let all = all.into_iter().flatten();
    let own = all.clone().find(|entry| is_applied_by(manager, entry));
    let mut fields = own.map_or(json!({}), |entry| entry["fieldsV1"].clone());
    for (_, entry) in &theirs {
        fields = merged(&fields, &entry["fieldsV1"]);
    }
    let mut entries: Vec<Value> = all
        .enumerate()
        .filter(|(at, entry)| !places.contains(at) && !is_applied_by(manager, entry))
        .map(|(_, entry)| entry.clone())
        .collect();
    entries.push(json!({
        "manager": manager,
        "operation": "Apply",
        "apiVersion": live["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }));
    Some(entries)
}

fn is_applied_by(manager: &str, entry: &Value) -> bool {
    entry["manager"] == manager
        && entry["operation"] == "Apply"
        && entry["subresource"].as_str().unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use super::operations;
    use serde_json::json;

    #[test]
    fn their_entries_become_one_of_ours_and_others_stay() {
        let live = json!({
            "apiVersion": "apps/v1",
            "metadata": {
                "resourceVersion": "7",
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
                "managedFields": [
                    { "manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": { "f:spec": { "f:a": {} } } },
                    { "manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {} },
                    { "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:spec": { "f:b": {} } } },
                ],
            },
        });
        let managers = [
            "kubectl-client-side-apply".to_owned(),
            "kubectl-edit".to_owned(),
        ];
        let operations =
            operations("erpc:p", &live, &managers).expect("there is something to adopt");
        assert_eq!(operations[0]["value"], "7");
        let entries = operations[1]["value"].as_array().expect("a list");
        assert_eq!(entries.len(), 2);
        assert_eq!(
            entries[1]["fieldsV1"],
            json!({ "f:spec": { "f:a": {}, "f:b": {} } })
        );
        assert_eq!(operations[2]["op"], "remove");
        assert!(super::operations("erpc:p", &live, &["helm".to_owned()]).is_none());
    }
}
