//! Fields that cannot be changed on a live object: which they are, and what making it anew means.

use serde_json::Value;

use crate::allowed::Allowed;
use crate::change::{Action, ObjectChange, blocked, step};
use crate::client::Cluster;
use crate::diff::differences;
use crate::dry_run::new_body;
use crate::explain::explain;
use crate::failure::{ApiError, Failure, Refusal};
use crate::object::uid;
use crate::program::Desired;
use crate::workload;
use erpc_emit::Kind;

/// What can only be changed by a new object.
pub(super) struct Immutable {
    field: &'static str,
    consequence: String,
}

/// Whether a refusal is about a field of the table of immutable fields; a 422 alone does not tell.
pub(super) fn immutable(desired: &Desired, live: &Value, refusal: &Refusal) -> Option<Immutable> {
    let body = desired.body.value();
    // What we leave out stays as it is.
    let differs = |path: &str| {
        let wanted = body.pointer(path);
        wanted.is_some() && wanted != live.pointer(path)
    };
    let says = |field: &str| refusal.causes.iter().any(|c| c.field.starts_with(field));
    let back_to_back = |field| Immutable {
        field,
        consequence: "deleted and made anew at once".to_owned(),
    };
    let by_selector = || Immutable {
        field: "selector",
        consequence: "down until the new pods are ready".to_owned(),
    };
    match desired.id.kind {
        Kind::StatefulSet if says("spec") => {
            let fields = ["volumeClaimTemplates", "serviceName", "podManagementPolicy"];
            let field = fields
                .into_iter()
                .find(|field| differs(&format!("/spec/{field}")));
            match field {
                // Its pods would be no pods of a set with another selector, and have the names of the new ones.
                _ if differs("/spec/selector") => Some(by_selector()),
                Some(field) => Some(Immutable {
                    field,
                    consequence: "made anew without touching its pods".to_owned(),
                }),
                None => None,
            }
        }
        kind if workload::is_serving(kind) && says("spec.selector") => Some(by_selector()),
        Kind::Service if says("spec.clusterIP") => Some(Immutable {
            field: "clusterIP",
            consequence:
                "deleted and made anew at once; down until its callers know the new address"
                    .to_owned(),
        }),
        Kind::RoleBinding | Kind::ClusterRoleBinding if says("roleRef") => {
            Some(back_to_back("roleRef"))
        }
        Kind::ConfigMap if says("data") => Some(back_to_back("data")),
        Kind::StorageClass => Some(back_to_back("parameters")),
        _ => None,
    }
}

pub(super) async fn replace(
    cluster: &Cluster,
    desired: &Desired,
    live: &Value,
    immutable: Immutable,
    allowed: &Allowed,
) -> Result<ObjectChange, Failure> {
    let id = &desired.id;
    if let Some(failure) = judge_new_body(cluster, desired).await? {
        return Ok(blocked(id, failure));
    }
    if immutable.field == "volumeClaimTemplates" && !grows_only(&desired.body.value(), live) {
        return Ok(blocked(
            id,
            Failure::new("a volume cannot become smaller or change its class or mode").help(
                "make a new volume under another name, copy the data, then remove the old one",
            ),
        ));
    }
    if immutable.field == "selector" && workload::takes_claims_along(live) {
        return Ok(blocked(
            id,
            Failure::new("its claims would be deleted with it, because its `persistentVolumeClaimRetentionPolicy` is `Delete`")
                .help("set `whenDeleted` to `Retain` first, or keep the selector"),
        ));
    }
    let name = id.name.as_str();
    if !allowed.replace.iter().any(|allowed| allowed == name) {
        return Ok(blocked(
            id,
            Failure::new(format!(
                "{} cannot be changed on a live {}, which must be replaced: {}",
                immutable.field, id.kind, immutable.consequence
            ))
            .help(format!("allow it with --replace {name}")),
        ));
    }
    Ok(ObjectChange {
        changes: differences(live, &desired.body.value())
            .into_iter()
            .filter(|change| change.path.has(immutable.field))
            .collect(),
        consequences: vec![immutable.consequence],
        uid: uid(live),
        ..step(id, Action::Replace)
    })
}

/// Whether a replacement leaves the pods: those of a StatefulSet, unless it has another selector now.
pub(crate) fn is_orphaning(step: &ObjectChange) -> bool {
    let mut changes = step.changes.iter();
    step.id.kind == Kind::StatefulSet && !changes.any(|change| change.path.has("selector"))
}

fn grows_only(desired: &Value, live: &Value) -> bool {
    let templates = |object: &Value| {
        let templates = object["spec"]["volumeClaimTemplates"].as_array();
        templates.cloned().unwrap_or_default()
    };
    let (desired, live) = (templates(desired), templates(live));
    live.iter().all(|old| {
        let name = &old["metadata"]["name"];
        match desired.iter().find(|new| new["metadata"]["name"] == *name) {
            None => true,
            Some(new) => {
                let same = |key: &str| new["spec"][key] == old["spec"][key];
                let size = |claim: &Value| {
                    crate::quantity::parse(
                        claim["spec"]["resources"]["requests"]["storage"].as_str()?,
                    )
                };
                same("storageClassName")
                    && same("accessModes")
                    && size(new)
                        .zip(size(old))
                        .is_some_and(|(new, old)| new >= old)
            }
        }
    })
}

/// Whether the server would take the new object.
async fn judge_new_body(cluster: &Cluster, desired: &Desired) -> Result<Option<Failure>, Failure> {
    match new_body(cluster, desired).await {
        Ok(_) => Ok(None),
        Err(ApiError::Refused(refusal)) => Ok(Some(explain(&refusal, &desired.id))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::grows_only;
    use serde_json::json;

    #[test]
    fn a_volume_may_grow_and_nothing_else() {
        let set = |size: &str, class: &str| {
            json!({ "spec": { "volumeClaimTemplates": [{
                "metadata": { "name": "data" },
                "spec": { "storageClassName": class, "resources": { "requests": { "storage": size } } },
            }] } })
        };
        assert!(grows_only(&set("10Gi", "a"), &set("5Gi", "a")));
        assert!(!grows_only(&set("5Gi", "a"), &set("10Gi", "a")));
        assert!(!grows_only(&set("5Gi", "b"), &set("5Gi", "a")));
    }
}
