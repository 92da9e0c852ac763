//! The normal form of an object: two objects mean the same to an API server if theirs are equal. Fields that have their
//! default are left out, quantities are written in one way, and lists with merge keys are maps by these keys.

use std::collections::BTreeMap;

use erpc_emit::quantity;
use erpc_emit::schema::{self, Merging, Typed, Version};
use serde_json::{Map, Value};

use crate::defaults;

/// Versions of the API that are gone, with those that took their place with the same fields.
const REPLACED: [(&str, &str, &str); 9] = [
    ("extensions/v1beta1", "Deployment", "apps/v1"),
    ("extensions/v1beta1", "DaemonSet", "apps/v1"),
    ("extensions/v1beta1", "ReplicaSet", "apps/v1"),
    ("apps/v1beta1", "Deployment", "apps/v1"),
    ("apps/v1beta1", "StatefulSet", "apps/v1"),
    ("apps/v1beta2", "Deployment", "apps/v1"),
    ("apps/v1beta2", "StatefulSet", "apps/v1"),
    ("apps/v1beta2", "DaemonSet", "apps/v1"),
    ("batch/v1beta1", "CronJob", "batch/v1"),
];

/// Whether another version took the place of a kind's.
pub(crate) fn is_replaced(api_version: &str, kind: &str) -> bool {
    let mut rows = REPLACED.iter();
    rows.any(|(old, of, _)| *old == api_version && *of == kind)
}

/// Annotations that clients and controllers write.
pub(crate) const NOISE: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
];

/// The entry of a keyed list that has the order of its elements, where it matters.
const ORDER: &str = "[order]";

/// How deep values are looked at; those of Kubernetes have some twenty levels, and a schema of a custom resource more.
const MAX_DEPTH: usize = 256;

/// The normal form of an object.
pub(crate) fn of(object: &Value) -> Value {
    let object = current(object);
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let typed = schema::typed(Version::NEWEST, text("apiVersion"), text("kind"));
    value(&object, typed, "", 0).unwrap_or(Value::Null)
}

/// The same object in a version of the API that is served, without what the server writes and without old names of
/// fields.
pub(crate) fn current(object: &Value) -> Value {
    let mut object = object.clone();
    let text = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object, "apiVersion"), text(&object, "kind"));
    let replaced = REPLACED
        .iter()
        .find(|(old, of, _)| *old == api_version && *of == kind);
    if let Some((_, _, new)) = replaced {
        object["apiVersion"] = Value::from(*new);
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if ["Deployment", "DaemonSet", "StatefulSet"].contains(&kind.as_str()) {
        default_selector(&mut object);
    }
    let pod: &[&str] = match kind.as_str() {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    };
    let pod = pod
        .iter()
        .try_fold(&mut object, |at, name| at.get_mut(*name));
    if let Some(pod) = pod.and_then(Value::as_object_mut)
        && let Some(account) = pod.remove("serviceAccount")
    {
        pod.entry("serviceAccountName").or_insert(account);
    }
    object
}

/// The versions before `apps/v1` took the labels of the pods for a missing selector.
fn default_selector(object: &mut Value) {
    if !object["spec"]["selector"].is_null() {
        return;
    }
    let labels = object["spec"]["template"]["metadata"]["labels"].clone();
    if labels.is_object() {
        object["spec"]["selector"] = serde_json::json!({ "matchLabels": labels });
    }
}

/// The normal form of the value of a field; `None` if it means the same as no value.
fn value(of: &Value, typed: Option<Typed>, field: &str, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return Some(of.clone());
    }
    match of {
        Value::Null => None,
        Value::Number(_) | Value::String(_) if typed.is_some_and(Typed::is_quantity) => {
            Some(amount(of))
        }
        Value::Number(number) => Some(match number.as_f64() {
            // `1.0` is `1`.
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => of.clone(),
        }),
        Value::Bool(_) | Value::String(_) => Some(of.clone()),
        Value::Array(items) => list(items, typed, field, depth),
        Value::Object(fields) => map(fields, typed, depth),
    }
}

/// A quantity in thousandths.
fn amount(of: &Value) -> Value {
    let text = match of {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let plain = text.strip_prefix('+').unwrap_or(&text);
    match quantity::parse(plain) {
        Some(milli) if milli % 1000 == 0 => Value::from((milli / 1000).to_string()),
        Some(milli) => Value::from(format!("{milli}m")),
        None => Value::from(text),
    }
}

/// The normal forms of the fields of a part of an object, without those that mean the same as none.
pub(crate) fn fields(fields: &Map<String, Value>, typed: Option<Typed>) -> Map<String, Value> {
    match map(fields, typed, 1) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn map(fields: &Map<String, Value>, typed: Option<Typed>, depth: usize) -> Option<Value> {
    let name = typed.and_then(Typed::name);
    let mut fields = fields.clone();
    if let Some((_, name)) = name {
        conditional(name, &mut fields, depth);
    }
    let mut normal = Map::new();
    for (key, of) in &fields {
        let below = typed.and_then(|typed| typed.field(key));
        let Some(of) = value(of, below, key, depth + 1) else {
            continue;
        };
        let is_default = name
            .and_then(|name| defaults::default_of(name, key))
            .and_then(|default| serde_json::from_str::<Value>(default).ok())
            .is_some_and(|default| default == of);
        let is_empty = match &of {
            Value::String(text) => {
                text.is_empty() && name.is_some() && !defaults::may_be_empty(key)
            }
            Value::Array(items) => items.is_empty() && below.is_some_and(Typed::is_list),
            Value::Object(fields) => fields.is_empty() && below.is_some_and(Typed::is_collection),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        };
        if !is_default && !is_empty {
            normal.insert(key.clone(), of);
        }
    }
    let is_nothing = normal.is_empty() && depth > 0 && name.is_some_and(defaults::is_nothing);
    (!is_nothing).then_some(Value::Object(normal))
}

/// Defaults that depend on other fields of an object.
fn conditional(name: &str, fields: &mut Map<String, Value>, depth: usize) {
    match name {
        "Container" => {
            let image = fields.get("image").and_then(Value::as_str).unwrap_or("");
            let usual = erpc_model::kubernetes::usual_pull_policy(image);
            remove_if(fields, "imagePullPolicy", &Value::from(usual));
        }
        "ResourceRequirements" => {
            let limits = fields.get("limits").and_then(Value::as_object).cloned();
            let requests = fields
                .entry("requests")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(requests) = requests.as_object_mut() {
                for (resource, limit) in limits.into_iter().flatten() {
                    requests.entry(resource).or_insert(limit);
                }
            }
        }
        "JobSpec" => {
            let is_one = |value: Option<&Value>| value == Some(&Value::from(1));
            let has_completions = fields.contains_key("completions");
            if is_one(fields.get("parallelism")) && has_completions {
                fields.remove("parallelism");
            }
            if is_one(fields.get("completions")) && !fields.contains_key("parallelism") {
                fields.remove("completions");
            }
        }
        "ServicePort" => {
            let port = fields.get("port").cloned().unwrap_or_default();
            remove_if(fields, "targetPort", &port);
        }
        "ObjectMeta" => {
            fields.remove("creationTimestamp");
            if let Some(Value::Object(annotations)) = fields.get_mut("annotations") {
                annotations.retain(|key, _| !NOISE.contains(&key.as_str()));
            }
        }
        // A template of claims may repeat what it is.
        "PersistentVolumeClaim" if depth > 0 => {
            for key in ["apiVersion", "kind", "status"] {
                fields.remove(key);
            }
        }
        _ => {}
    }
}

fn remove_if(fields: &mut Map<String, Value>, key: &str, value: &Value) {
    if fields.get(key) == Some(value) {
        fields.remove(key);
    }
}

fn list(items: &[Value], typed: Option<Typed>, field: &str, depth: usize) -> Option<Value> {
    let element = typed.and_then(Typed::element);
    let mut normal: Vec<Value> = items
        .iter()
        .map(|item| value(item, element, "", depth + 1).unwrap_or(Value::Null))
        .collect();
    Some(match typed.map(Typed::merging) {
        Some(Merging::Keys(keys)) => match keyed(field, items, &normal, keys) {
            Some(keyed) => keyed,
            None => Value::Array(normal),
        },
        Some(Merging::Set) => {
            normal.sort_by_key(Value::to_string);
            Value::Array(normal)
        }
        Some(Merging::Atomic) | None => Value::Array(normal),
    })
}

/// A list as a map by its merge keys; `None` if two of its elements have the same.
fn keyed(
    field: &str,
    items: &[Value],
    normal: &[Value],
    keys: &[(&'static str, Option<&'static str>)],
) -> Option<Value> {
    let mut map = BTreeMap::new();
    let mut order = Vec::new();
    for (item, normal) in items.iter().zip(normal) {
        let name = key(item, keys)?;
        order.push(Value::from(name.clone()));
        if map.insert(name, normal.clone()).is_some() {
            return None;
        }
    }
    if has_order(field, items) && order.len() > 1 {
        map.insert(ORDER.to_owned(), Value::Array(order));
    }
    Some(Value::Object(map.into_iter().collect()))
}

/// The merge keys of an element; `None` if it lacks one.
pub(crate) fn key(item: &Value, keys: &[(&'static str, Option<&'static str>)]) -> Option<String> {
    let mut name = Vec::new();
    for (key, default) in keys {
        let value = match &item[*key] {
            Value::String(text) => text.clone(),
            Value::Null => (*default)?.to_owned(),
            other => other.to_string(),
        };
        // Only the first key is shown where the others have their defaults.
        if name.is_empty() || Some(value.as_str()) != *default {
            name.push(format!("{key}={value}"));
        }
    }
    Some(format!("[{}]", name.join(",")))
}

/// Whether the order of the elements of a keyed list means something: init containers run in theirs, and variables may
/// refer to earlier ones.
pub(crate) fn has_order(field: &str, items: &[Value]) -> bool {
    let refers = |item: &Value| {
        item["value"]
            .as_str()
            .is_some_and(|text| text.contains("$("))
    };
    field == "initContainers" || items.iter().any(refers)
}
