//! The fields in which two versions of an object differ, by paths that people read:
//! `spec.template.spec.containers[hl7-health].image`.

use serde_json::{Map, Value};

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The path from the root.
    pub path: String,
    /// What it is; `None` where it is not there.
    pub old: Option<Value>,
    /// What it becomes; `None` where it goes.
    pub new: Option<Value>,
}

/// What the server keeps about an object, and no declaration says.
const SERVERS_METADATA: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// All fields in which two objects differ, without what the server keeps.
#[must_use]
pub fn differences(old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", &declared(old), &declared(new), &mut changes);
    changes
}

fn declared(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
        root.remove("apiVersion");
        root.remove("kind");
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            for key in SERVERS_METADATA {
                metadata.remove(key);
            }
            if let Some(annotations) = metadata
                .get_mut("annotations")
                .and_then(Value::as_object_mut)
            {
                // The controller counts revisions there.
                annotations.remove("deployment.kubernetes.io/revision");
            }
        }
    }
    object
}

fn compare(path: &str, old: &Value, new: &Value, into: &mut Vec<FieldChange>) {
    match (old, new) {
        _ if old == new => {}
        (Value::Object(old), Value::Object(new)) => compare_maps(path, old, new, into),
        (Value::Array(old), Value::Array(new)) if let Some(key) = key_of(old, new) => {
            compare_lists(path, key, old, new, into);
        }
        (old, new) => into.push(FieldChange {
            path: path.to_owned(),
            old: present(old),
            new: present(new),
        }),
    }
}

fn present(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}

fn compare_maps(
    path: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    into: &mut Vec<FieldChange>,
) {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let at = match (path, name.contains(['.', '/'])) {
            ("", _) => name.clone(),
            (_, true) => format!("{path}[{name}]"),
            (_, false) => format!("{path}.{name}"),
        };
        let value = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
        compare(&at, &value(old), &value(new), into);
    }
}

/// The field by which the items of two lists are told apart.
fn key_of(old: &[Value], new: &[Value]) -> Option<&'static str> {
    let items = || old.iter().chain(new);
    [
        "name",
        "metadata/name",
        "mountPath",
        "containerPort",
        "port",
        "host",
        "path",
        "topologyKey",
    ]
    .into_iter()
    .find(|key| {
        let has_key = items().all(|item| {
            item.pointer(&format!("/{key}"))
                .is_some_and(|value| value.is_string() || value.is_number())
        });
        has_key && is_unique(old, key) && is_unique(new, key) && items().next().is_some()
    })
}

fn key_value<'v>(item: &'v Value, key: &str) -> &'v Value {
    item.pointer(&format!("/{key}")).unwrap_or(&Value::Null)
}

fn is_unique(items: &[Value], key: &str) -> bool {
    let mut keys: Vec<String> = items
        .iter()
        .map(|item| plain(key_value(item, key)))
        .collect();
    keys.sort_unstable();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

fn compare_lists(path: &str, key: &str, old: &[Value], new: &[Value], into: &mut Vec<FieldChange>) {
    let find = |items: &[Value], name: &str| {
        let mut items = items.iter();
        items
            .find(|item| plain(key_value(item, key)) == name)
            .cloned()
    };
    let mut names: Vec<String> = Vec::new();
    for item in old.iter().chain(new) {
        let name = plain(key_value(item, key));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let before = into.len();
    for name in names {
        let at = format!("{path}[{name}]");
        let (old, new) = (find(old, &name), find(new, &name));
        compare(
            &at,
            &old.unwrap_or(Value::Null),
            &new.unwrap_or(Value::Null),
            into,
        );
    }
    if into.len() == before {
        let order = |items: &[Value]| {
            items
                .iter()
                .map(|item| key_value(item, key).clone())
                .collect()
        };
        into.push(FieldChange {
            path: format!("{path} (order)"),
            old: Some(Value::Array(order(old))),
            new: Some(Value::Array(order(new))),
        });
    }
}

/// A value on one line, text without quotes.
#[must_use]
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

const WIDEST: usize = 72;

/// A value as a plan shows it: text quoted, long ones cut.
#[must_use]
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= WIDEST {
        return text;
    }
    let start: String = text.chars().take(WIDEST - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::differences;
    use serde_json::json;

    fn paths(old: &serde_json::Value, new: &serde_json::Value) -> Vec<String> {
        let changes = differences(old, new).into_iter();
        changes.map(|change| change.path).collect()
    }

    #[test]
    fn items_of_lists_have_names() {
        let old =
            json!({ "spec": { "containers": [{ "name": "a", "image": "x:1" }, { "name": "b" }] } });
        let new = json!({ "spec": { "containers": [{ "name": "a", "image": "x:2" }] } });
        assert_eq!(
            paths(&old, &new),
            ["spec.containers[a].image", "spec.containers[b]"]
        );
    }

    #[test]
    fn keys_with_dots_stand_in_brackets_and_order_is_a_difference() {
        let old = json!({ "metadata": { "labels": { "a.b/c": "1" } }, "list": [{ "name": "a" }, { "name": "b" }] });
        let new = json!({ "metadata": { "labels": { "a.b/c": "2" } }, "list": [{ "name": "b" }, { "name": "a" }] });
        assert_eq!(
            paths(&old, &new),
            ["list (order)", "metadata.labels[a.b/c]"]
        );
    }

    #[test]
    fn what_the_server_keeps_is_no_difference() {
        let old = json!({ "metadata": { "name": "a", "uid": "1", "resourceVersion": "5" }, "status": { "x": 1 } });
        let new = json!({ "metadata": { "name": "a" } });
        assert!(differences(&old, &new).is_empty());
    }
}
