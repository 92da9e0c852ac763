//! What in the cluster differs from the source, in the source's terms: which line says what, what the
//! cluster has, and who changed it. And what is there beside it, in namespaces of the platform.

use std::collections::BTreeSet;
use std::fmt::Write;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::client::Cluster;
use crate::diff::{differences, shown};
use crate::failure::{ApiError, Failure};
use crate::flows;
use crate::kind::{Kind, root};
use crate::live::Live;
use crate::manager::FieldManager;
use crate::object::{Desired, ObjectId, Packed, Program};
use crate::plan::{body_for, uid};
use crate::render::Paint;
use crate::request::Call;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Drift {
    /// A field has another value.
    Changed {
        /// The object.
        object: String,
        /// The field.
        field: String,
        /// The line that says it.
        source: Option<String>,
        /// What the source says; `None` where it says nothing.
        says: Option<Value>,
        /// What the cluster has.
        has: Option<Value>,
        /// Who wrote it, and when.
        by: Option<String>,
    },
    /// An object is not there.
    Missing {
        /// The object.
        object: String,
        /// The line that says it.
        source: Option<String>,
    },
    /// A connection that is open or closed against the source.
    Flow {
        /// `shop-front.web → shop-back.api:8080/TCP`
        flow: String,
        /// Whether the cluster lets it through.
        is_open: bool,
    },
    /// Something that the source does not know.
    Extra {
        /// The object.
        object: String,
        /// Why it matters.
        why: String,
    },
}

/// All that differs, in the order of the objects; extras last.
///
/// # Errors
///
/// The cluster's.
pub async fn drift(cluster: &Cluster, program: &Program<'_>) -> Result<Vec<Drift>, Failure> {
    let live = Live::read(cluster, program).await?;
    let mut doubtful = Vec::new();
    let mut found = Vec::new();
    for desired in &program.objects {
        if !live.is_equal(&desired.id) {
            doubtful.push(desired);
        }
    }
    let mut judged = stream::iter(doubtful)
        .map(|desired| async {
            let result = judge(cluster, program, desired, live.get(&desired.id)).await;
            (desired.id.clone(), result)
        })
        .buffered(16);
    while let Some((_, result)) = judged.next().await {
        found.extend(result?);
    }
    drop(judged);
    found.extend(flows(cluster, program, &live).await?);
    found.extend(extras(cluster, program, &live).await?);
    Ok(found)
}

/// The connections that the live policies give the declared workloads, against the declared ones.
async fn flows(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<Vec<Drift>, Failure> {
    let policies = match flows::live_policies(cluster, program, live).await {
        Ok(policies) => policies,
        Err(error) if error.code() == Some(403) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if live.inventory.is_none() {
        return Ok(Vec::new());
    }
    let matters = |object: &&Desired| flows::matters(object.id.kind);
    let says = program.objects.iter().filter(matters);
    let declared = says
        .clone()
        .filter(|object| object.id.kind != Kind::NetworkPolicy);
    let has: Vec<Packed> = declared
        .map(flows::desired)
        .chain(policies.into_iter().map(|(_, policy)| policy))
        .collect();
    let says: Vec<Packed> = says.map(flows::desired).collect();
    let changes = flows::compare(&says, &has);
    let opened = changes.opened.into_iter().map(|flow| Drift::Flow {
        flow,
        is_open: true,
    });
    let closed = changes.closed.into_iter().map(|flow| Drift::Flow {
        flow,
        is_open: false,
    });
    Ok(opened.chain(closed).collect())
}

async fn judge(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    live: Option<Value>,
) -> Result<Vec<Drift>, Failure> {
    let missing = || {
        vec![Drift::Missing {
            object: desired.id.to_string(),
            source: program.place(desired, ""),
        }]
    };
    let live = match live {
        Some(live) => live,
        None => match cluster.call(Call::get(desired.id.path())).await {
            Ok(answer) => answer.body,
            Err(error) if error.is_not_found() => return Ok(missing()),
            Err(error) => return Err(error.into()),
        },
    };
    // By force, because the question is what differs, not whether it may be taken.
    let body = body_for(&desired.body.value(), uid(&live).as_deref());
    let manager = program.manager().acting(Some(&live));
    let call = Call::apply(&desired.id, &body, manager).dry_run().forced();
    let answer = match cluster.call(call).await {
        Ok(answer) => answer.body,
        // What cannot be changed in place differs all the same.
        Err(ApiError::Refused(refusal)) if refusal.code == 422 => {
            merged(&live, &desired.body.value())
        }
        Err(error) => return Err(error.into()),
    };
    let changes = differences(&live, &answer);
    Ok(changes
        .into_iter()
        .map(|change| Drift::Changed {
            object: desired.id.to_string(),
            source: program.place(desired, &change.path),
            by: who(program.manager(), &live, &change.path),
            field: change.path,
            says: change.new,
            has: change.old,
        })
        .collect())
}

/// The live object with the fields of the desired one, as deep as both are maps.
fn merged(live: &Value, desired: &Value) -> Value {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => {
            let mut out = live.clone();
            for (key, value) in desired {
                let old = live.get(key).unwrap_or(&Value::Null);
                out.insert(key.clone(), merged(old, value));
            }
            Value::Object(out)
        }
        (_, desired) => desired.clone(),
    }
}

/// The last manager other than us that owns a field, with the time of its last write.
fn who(manager: &FieldManager, live: &Value, path: &str) -> Option<String> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let segments = segments(path);
    let mut owners: Vec<(&str, &str)> = entries
        .iter()
        .filter(|entry| !manager.is_of(live, entry))
        .filter(|entry| owns(&entry["fieldsV1"], &segments))
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            (text("time"), text("manager"))
        })
        .collect();
    owners.sort_unstable();
    let (time, manager) = owners.pop()?;
    Some(if time.is_empty() {
        manager.to_owned()
    } else {
        format!("{manager} at {time}")
    })
}

/// `spec.containers[a].image` in parts: `spec`, `containers`, `a`, `image`.
fn segments(path: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut part = String::new();
    let mut is_key = false;
    for character in path.chars() {
        match character {
            '.' | '[' if !is_key => {
                if !part.is_empty() {
                    out.push(std::mem::take(&mut part));
                }
                is_key = character == '[';
            }
            ']' if is_key => {
                out.push(std::mem::take(&mut part));
                is_key = false;
            }
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        out.push(part);
    }
    out
}

fn owns(fields: &Value, segments: &[String]) -> bool {
    let Some((first, rest)) = segments.split_first() else {
        return true;
    };
    let Some(fields) = fields.as_object() else {
        return false;
    };
    // A value that is owned as a whole owns all that is in it.
    if fields.is_empty() {
        return true;
    }
    fields.iter().any(|(key, below)| {
        let is_it = match key.split_once(':') {
            Some(("f", name)) => name == first,
            Some(("k", keys)) => serde_json::from_str::<Value>(keys)
                .ok()
                .and_then(|keys| keys.as_object().cloned())
                .is_some_and(|keys| {
                    keys.values()
                        .any(|value| crate::diff::plain(value) == *first)
                }),
            _ => false,
        };
        is_it && owns(below, rest)
    })
}

/// The kinds of what runs or opens something, with their places in the API.
const FOREIGN: [(&str, &str, &str, &str); 7] = [
    (
        "NetworkPolicy",
        "networking.k8s.io",
        "v1",
        "networkpolicies",
    ),
    ("Deployment", "apps", "v1", "deployments"),
    ("StatefulSet", "apps", "v1", "statefulsets"),
    ("DaemonSet", "apps", "v1", "daemonsets"),
    ("Job", "batch", "v1", "jobs"),
    ("Service", "", "v1", "services"),
    ("Pod", "", "v1", "pods"),
];

async fn extras(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<Vec<Drift>, Failure> {
    let known: BTreeSet<&ObjectId> = program.objects.iter().map(|object| &object.id).collect();
    let mut found = Vec::new();
    for (_, namespace) in program.platform.namespaces() {
        let namespace = namespace.name.value.as_str();
        if !live.has_namespace(namespace) {
            continue;
        }
        for (kind, group, version, plural) in FOREIGN {
            let path = format!("{}/namespaces/{namespace}/{plural}", root(group, version));
            let objects = match cluster.list(&path, "").await {
                Ok(objects) => objects,
                Err(error) if error.code() == Some(403) => continue,
                Err(error) => return Err(error.into()),
            };
            for object in objects {
                let is_known = Kind::named(kind)
                    .is_some_and(|kind| known.contains(&ObjectId::of(kind, &object)));
                let owners = object["metadata"]["ownerReferences"].as_array();
                if is_known || owners.is_some_and(|owners| !owners.is_empty()) {
                    continue;
                }
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let why = why_extra(kind, &object, program, live);
                found.push(Drift::Extra {
                    object: format!("{kind} {namespace}/{name}"),
                    why,
                });
            }
        }
    }
    Ok(found)
}

fn why_extra(kind: &str, object: &Value, program: &Program<'_>, live: &Live) -> String {
    if let Some(kind) = Kind::named(kind) {
        let id = ObjectId::of(kind, object);
        let inventory = live.inventory.as_ref();
        if inventory.is_some_and(|inventory| inventory.objects.contains(&id)) {
            return "applied earlier, and not in the source any more: `erpc apply --prune`"
                .to_owned();
        }
    }
    match kind {
        "NetworkPolicy" => {
            let rules = |key: &str| object["spec"][key].as_array().map_or(0, Vec::len);
            let (ingress, egress) = (rules("ingress"), rules("egress"));
            let selector = &object["spec"]["podSelector"];
            let whom = match selector["matchLabels"].as_object() {
                Some(labels) if !labels.is_empty() => {
                    let labels: Vec<String> = labels
                        .iter()
                        .map(|(key, value)| format!("{key}={}", crate::diff::plain(value)))
                        .collect();
                    format!("pods with {}", labels.join(", "))
                }
                _ => "every pod of the namespace".to_owned(),
            };
            if ingress + egress == 0 {
                format!("it selects {whom} and opens nothing")
            } else {
                format!(
                    "policies are unions: it opens {ingress} ingress and {egress} egress rules for {whom}"
                )
            }
        }
        "Pod" => {
            let label = &object["metadata"]["labels"]["app.kubernetes.io/name"];
            let namespace = &object["metadata"]["namespace"];
            let service = program.platform.services().find(|(_, service)| {
                service.name.value.as_str() == label.as_str().unwrap_or_default()
                    && program.platform[service.namespace].name.value.as_str()
                        == namespace.as_str().unwrap_or_default()
            });
            match service {
                Some((id, _)) => format!(
                    "its labels make it a member of {}: it has that service's flows",
                    program.platform.path(id)
                ),
                None => "not of the platform".to_owned(),
            }
        }
        _ => "not of the platform".to_owned(),
    }
}

/// For people: a line for each difference.
#[must_use]
pub fn drift_text(found: &[Drift], paint: Paint) -> String {
    let mut out = String::new();
    for drift in found {
        // Writing to a string cannot fail.
        let _ = match drift {
            Drift::Changed {
                object,
                field,
                source,
                says,
                has,
                by,
            } => {
                let value =
                    |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), shown);
                let by = by
                    .as_ref()
                    .map_or_else(String::new, |by| format!(", changed by {by}"));
                writeln!(
                    out,
                    "{} {} {object}\n    {field}: the source says {}, the cluster has {}{by}",
                    paint.with("33", "~"),
                    paint.with("1", source.as_deref().unwrap_or("-")),
                    value(says),
                    paint.with("1", &value(has)),
                )
            }
            Drift::Missing { object, source } => writeln!(
                out,
                "{} {} {object} is not in the cluster",
                paint.with("31", "-"),
                paint.with("1", source.as_deref().unwrap_or("-")),
            ),
            Drift::Flow {
                flow,
                is_open: true,
            } => writeln!(
                out,
                "{} flow {flow}: the cluster lets it through, the source does not",
                paint.with("31", "+")
            ),
            Drift::Flow {
                flow,
                is_open: false,
            } => writeln!(
                out,
                "{} flow {flow}: the source declares it, the cluster does not let it through",
                paint.with("31", "-")
            ),
            Drift::Extra { object, why } => {
                writeln!(out, "{} {object}: {why}", paint.with("36", "+"))
            }
        };
    }
    out
}

/// The same for programs.
#[must_use]
pub fn drift_json(found: &[Drift]) -> Value {
    let drifts: Vec<Value> = found
        .iter()
        .map(|drift| match drift {
            Drift::Changed {
                object,
                field,
                source,
                says,
                has,
                by,
            } => json!({
                "type": "changed", "object": object, "field": field, "source": source,
                "says": says, "has": has, "by": by,
            }),
            Drift::Missing { object, source } => {
                json!({ "type": "missing", "object": object, "source": source })
            }
            Drift::Flow { flow, is_open } => {
                json!({ "type": "flow", "flow": flow, "open": is_open })
            }
            Drift::Extra { object, why } => {
                json!({ "type": "extra", "object": object, "why": why })
            }
        })
        .collect();
    json!({ "version": 1, "drift": drifts })
}

#[cfg(test)]
mod tests {
    use super::{segments, who};
    use crate::manager::FieldManager;
    use serde_json::json;

    #[test]
    fn a_path_has_names_and_keys() {
        assert_eq!(
            segments("spec.containers[a.b/c].image"),
            ["spec", "containers", "a.b/c", "image"]
        );
    }

    #[test]
    fn the_last_other_owner_of_a_field_is_named() {
        let live = json!({ "metadata": { "managedFields": [
            { "manager": "erpc:p", "time": "3", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
            { "manager": "kubectl-edit", "time": "2", "fieldsV1": { "f:spec": {
                "f:containers": { "k:{\"name\":\"a\"}": { "f:image": {} } } } } },
            { "manager": "other", "time": "1", "fieldsV1": { "f:spec": {
                "f:containers": { "k:{\"name\":\"a\"}": { "f:image": {} } } } } },
        ] } });
        assert_eq!(
            who(&FieldManager::of("p"), &live, "spec.containers[a].image").as_deref(),
            Some("kubectl-edit at 2")
        );
        assert_eq!(who(&FieldManager::of("p"), &live, "spec.replicas"), None);
    }
}
