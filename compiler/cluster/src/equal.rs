//! Whether a live object is what the platform says, decided from `managedFields` without a schema
//! and without a request.
//!
//! Our own entry, the body to be applied and the live object are walked together: every field of
//! the body must be one that we own, every field that we own must be in the body, and the values
//! must be the same. Whatever is ambiguous is not equal, and the server is asked by a dry run.
//! The format of the entries is that of structured-merge-diff: `f:` a field, `k:` an item of a
//! list by its keys, `v:` a member of a set, `{}` a leaf or a value that is compared whole.

use serde_json::{Map, Value};

use crate::manager::FieldManager;
use erpc_emit::Kind;

/// Whether applying `desired` would change nothing, for certain.
#[must_use]
pub fn is_certainly_equal(manager: &FieldManager, desired: &Value, live: &Value) -> bool {
    if !live["metadata"]["deletionTimestamp"].is_null() {
        return false;
    }
    let Some(entry) = manager.entry(live) else {
        return false;
    };
    if entry["apiVersion"] != desired["apiVersion"] {
        return false;
    }
    let (Some(fields), Some(body)) = (entry["fieldsV1"].as_object(), desired.as_object()) else {
        return false;
    };
    // The identity is in no entry.
    let mut body = body.clone();
    body.remove("apiVersion");
    body.remove("kind");
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("name");
        metadata.remove("namespace");
        if metadata.is_empty() {
            body.remove("metadata");
        }
    }
    is_equal_map(fields, &body, live)
}

/// What our last apply said of a live object: the fields that our entry names, with the values that
/// they have. Applied again it changes nothing, and over a later version it brings this one back.
#[must_use]
pub(crate) fn owned(manager: &FieldManager, kind: Kind, live: &Value) -> Option<Value> {
    let entry = manager.entry(live)?;
    let mut body = owned_value(entry["fieldsV1"].as_object()?, live);
    body["apiVersion"] = entry["apiVersion"].clone();
    body["kind"] = Value::from(kind.as_str());
    for key in ["name", "namespace"] {
        if let Some(value) = live["metadata"].get(key) {
            body["metadata"][key] = value.clone();
        }
    }
    Some(body)
}

fn owned_value(fields: &Map<String, Value>, live: &Value) -> Value {
    if fields.keys().all(|key| key == ".") {
        return live.clone();
    }
    match live {
        Value::Object(live) => {
            let mut body = Map::new();
            for (key, below) in fields {
                let name = key.strip_prefix("f:");
                let found = name.and_then(|name| Some((name, live.get(name)?, below.as_object()?)));
                if let Some((name, value, below)) = found {
                    body.insert(name.to_owned(), owned_value(below, value));
                }
            }
            Value::Object(body)
        }
        Value::Array(items) => {
            let owned = items.iter().filter_map(|item| {
                fields.iter().find_map(|(key, below)| {
                    is_item(key, item).then(|| below.as_object().map(|b| owned_value(b, item)))?
                })
            });
            Value::Array(owned.collect())
        }
        leaf => leaf.clone(),
    }
}

/// Whether an entry's `k:{"name":"a"}` or `v:"a"` means this item of a list.
pub(crate) fn is_item(key: &str, item: &Value) -> bool {
    if let Some(keys) = key.strip_prefix("k:") {
        let keys: Option<Map<String, Value>> = serde_json::from_str(keys).ok();
        return keys.is_some_and(|keys| keys.iter().all(|(name, value)| item[name] == *value));
    }
    let value = key.strip_prefix("v:");
    let value = value.and_then(|value| serde_json::from_str::<Value>(value).ok());
    value.is_some_and(|value| value == *item)
}

fn is_equal_map(fields: &Map<String, Value>, desired: &Map<String, Value>, live: &Value) -> bool {
    let owns_only_desired = fields.keys().all(|key| match key.strip_prefix("f:") {
        Some(name) => desired.contains_key(name),
        None => key == ".",
    });
    owns_only_desired
        && desired.iter().all(|(name, value)| {
            let live = &live[name.as_str()];
            match fields.get(&format!("f:{name}")) {
                Some(Value::Object(below)) => is_equal_value(name, below, value, live),
                _ => false,
            }
        })
}

fn is_equal_value(name: &str, fields: &Map<String, Value>, desired: &Value, live: &Value) -> bool {
    let is_whole = fields.keys().all(|key| key == ".");
    if is_whole {
        return if name == "volumeClaimTemplates" {
            are_equal_claims(desired, live)
        } else {
            desired == live
        };
    }
    match (desired, live) {
        (Value::Object(body), Value::Object(_)) => is_equal_map(fields, body, live),
        (Value::Array(items), Value::Array(live)) => is_equal_list(fields, items, live),
        _ => false,
    }
}

fn is_equal_list(fields: &Map<String, Value>, desired: &[Value], live: &[Value]) -> bool {
    let owned: Vec<(&String, &Value)> = fields.iter().filter(|(key, _)| *key != ".").collect();
    if owned.len() != desired.len() {
        return false;
    }
    // The order of ours among themselves is part of the value.
    let mut last: Option<usize> = None;
    let mut is_later = |at: usize| {
        let later = last.is_none_or(|last| at > last);
        last = Some(at);
        later
    };
    for item in desired {
        let found = owned
            .iter()
            .find_map(|(key, below)| find_item(key, item, live).map(|at| (at, *below)));
        let Some((at, below)) = found else {
            return false;
        };
        if !is_later(at) {
            return false;
        }
        let is_equal = match (below, item) {
            (Value::Object(below), Value::Object(body)) if !body.is_empty() => {
                is_equal_map(below, body, &live[at])
            }
            _ => *item == live[at],
        };
        if !is_equal {
            return false;
        }
    }
    true
}

/// The position in the live list of the item that `key` names, if `item` is that item.
fn find_item(key: &str, item: &Value, live: &[Value]) -> Option<usize> {
    if let Some(member) = key.strip_prefix("v:") {
        let member: Value = serde_json::from_str(member).ok()?;
        return (member == *item)
            .then(|| live.iter().position(|live| *live == member))
            .flatten();
    }
    let keys: Map<String, Value> = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
    let has_keys = |value: &Value| keys.iter().all(|(name, key)| value[name.as_str()] == *key);
    has_keys(item)
        .then(|| live.iter().position(has_keys))
        .flatten()
}

/// Claim templates are one atomic list into which the server writes defaults: what it writes by
/// itself is left out of the comparison.
fn are_equal_claims(desired: &Value, live: &Value) -> bool {
    let (Some(desired), Some(live)) = (desired.as_array(), live.as_array()) else {
        return false;
    };
    desired.len() == live.len()
        && desired
            .iter()
            .zip(live)
            .all(|(desired, live)| without_defaults(desired) == without_defaults(live))
}

fn without_defaults(claim: &Value) -> Value {
    let mut claim = claim.clone();
    if let Some(root) = claim.as_object_mut() {
        root.remove("apiVersion");
        root.remove("kind");
        if root.get("status") == Some(&serde_json::json!({ "phase": "Pending" })) {
            root.remove("status");
        }
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut)
            && metadata.get("creationTimestamp") == Some(&Value::Null)
        {
            metadata.remove("creationTimestamp");
        }
        if let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut)
            && spec.get("volumeMode") == Some(&Value::from("Filesystem"))
        {
            spec.remove("volumeMode");
        }
    }
    claim
}

/// What an object was, as far as it is ours: the values of the fields that our own entry in `managedFields`
/// names. What an autoscaler or a controller writes does not count. Of an object that is not ours yet, the
/// changes of its step say what it was.
pub(crate) fn fingerprint(manager: &FieldManager, kind: Kind, live: &Value) -> String {
    use sha2::{Digest, Sha256};
    let ours = owned(manager, kind, live).unwrap_or(Value::Null);
    crate::object::hex(&Sha256::digest(ours.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{is_certainly_equal, owned};
    use crate::manager::FieldManager;
    use erpc_emit::Kind;
    use serde_json::{Value, json};

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "a", "namespace": "n", "labels": { "x": "1" } },
            "spec": {
                "replicas": 2,
                "ports": [{ "port": 1, "protocol": "TCP" }, { "port": 2, "protocol": "TCP" }],
                "finalizers": ["one"],
                "atomic": { "a": [1, 2] },
            },
        })
    }

    fn live() -> Value {
        let mut live = desired();
        live["spec"]["added"] = json!("by the server");
        live["metadata"]["managedFields"] = json!([{
            "manager": "erpc:p", "operation": "Apply", "apiVersion": "apps/v1",
            "fieldsV1": {
                "f:metadata": { "f:labels": { "f:x": {} } },
                "f:spec": {
                    "f:replicas": {},
                    "f:ports": {
                        "k:{\"port\":1,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {}, "f:protocol": {} },
                        "k:{\"port\":2,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {}, "f:protocol": {} },
                    },
                    "f:finalizers": { "v:\"one\"": {} },
                    "f:atomic": {},
                },
            },
        }]);
        live
    }

    #[test]
    fn what_was_applied_is_equal_whatever_the_server_added() {
        assert!(is_certainly_equal(
            &FieldManager::of("p"),
            &desired(),
            &live()
        ));
    }

    #[test]
    fn what_is_owned_is_what_was_applied() {
        let mut live = live();
        if let Some(ports) = live["spec"]["ports"].as_array_mut() {
            ports.insert(0, json!({ "port": 9, "protocol": "TCP" }));
            ports[1]["name"] = json!("by another");
        }
        live["metadata"]["uid"] = json!("u");
        live["metadata"]["labels"]["theirs"] = json!("2");
        live["spec"]["finalizers"] = json!(["one", "theirs"]);
        assert_eq!(
            owned(&FieldManager::of("p"), Kind::Deployment, &live),
            Some(desired())
        );
        live["metadata"]["managedFields"][0]["operation"] = json!("Update");
        assert_eq!(owned(&FieldManager::of("p"), Kind::Deployment, &live), None);
    }

    #[test]
    fn every_difference_is_seen() {
        let changes: [fn(&mut Value, &mut Value); 11] = [
            |d, _| d["spec"]["replicas"] = json!(3),
            |_, l| l["spec"]["replicas"] = json!(3),
            |d, _| d["spec"]["new"] = json!(1),
            |d, _| {
                d["spec"]
                    .as_object_mut()
                    .map(|spec| spec.remove("replicas"));
            },
            |d, _| d["spec"]["atomic"]["a"] = json!([2, 1]),
            |_, l| l["spec"]["atomic"]["b"] = json!(1),
            |d, _| {
                if let Some(ports) = d["spec"]["ports"].as_array_mut() {
                    ports.swap(0, 1);
                }
            },
            |d, _| {
                d["spec"]["ports"].as_array_mut().map(Vec::pop);
            },
            |d, _| d["spec"]["finalizers"] = json!(["two"]),
            |d, _| d["apiVersion"] = json!("apps/v2"),
            |_, l| l["metadata"]["managedFields"][0]["manager"] = json!("kubectl"),
        ];
        for (index, change) in changes.iter().enumerate() {
            let (mut desired, mut live) = (desired(), live());
            change(&mut desired, &mut live);
            assert!(
                !is_certainly_equal(&FieldManager::of("p"), &desired, &live),
                "change {index}"
            );
        }
    }

    #[test]
    fn defaults_inside_claim_templates_are_the_servers() {
        let claim =
            json!({ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"] } });
        let desired = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "a" },
            "spec": { "volumeClaimTemplates": [claim] },
        });
        let mut live = desired.clone();
        let template = &mut live["spec"]["volumeClaimTemplates"][0];
        template["spec"]["volumeMode"] = json!("Filesystem");
        template["status"] = json!({ "phase": "Pending" });
        template["kind"] = json!("PersistentVolumeClaim");
        template["apiVersion"] = json!("v1");
        live["metadata"]["managedFields"] = json!([{
            "manager": "erpc:p", "operation": "Apply", "apiVersion": "apps/v1",
            "fieldsV1": { "f:spec": { "f:volumeClaimTemplates": {} } },
        }]);
        assert!(is_certainly_equal(&FieldManager::of("p"), &desired, &live));
        live["spec"]["volumeClaimTemplates"][0]["spec"]["volumeMode"] = json!("Block");
        assert!(!is_certainly_equal(&FieldManager::of("p"), &desired, &live));
    }
}
