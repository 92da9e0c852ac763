//! The fields in which two versions of an object differ, each by its path.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::path::{FieldPath, Segment, plain};

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The path from the root.
    pub path: FieldPath,
    /// What it is; `None` where it is not there.
    pub old: Option<Value>,
    /// What it becomes; `None` where it goes.
    pub new: Option<Value>,
}

/// What the server keeps about an object, and no declaration says.
pub(crate) const SERVERS_METADATA: [&str; 7] = [
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
    let mut walk = Walk::default();
    walk.compare(&declared(old), &declared(new));
    walk.changes
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

/// The comparison at one path, and what was found so far.
#[derive(Default)]
struct Walk {
    path: FieldPath,
    changes: Vec<FieldChange>,
}

impl Walk {
    fn compare(&mut self, old: &Value, new: &Value) {
        match (old, new) {
            _ if old == new => {}
            (Value::Object(old), Value::Object(new)) => self.compare_maps(old, new),
            (Value::Array(old), Value::Array(new)) if let Some(key) = key_of(old, new) => {
                self.compare_lists(key, old, new);
            }
            (old, new) => self.differs(present(old), present(new)),
        }
    }

    fn differs(&mut self, old: Option<Value>, new: Option<Value>) {
        self.changes.push(FieldChange {
            path: self.path.clone(),
            old,
            new,
        });
    }

    fn below(&mut self, segment: Segment, old: Option<&Value>, new: Option<&Value>) {
        self.path.push(segment);
        self.compare(old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
        self.path.pop();
    }

    fn compare_maps(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.below(Segment::Field(name.clone()), old.get(name), new.get(name));
        }
    }

    fn compare_lists(&mut self, key: &str, old: &[Value], new: &[Value]) {
        let named = |items: &[Value]| -> Vec<String> {
            let names = items.iter().map(|item| plain(key_value(item, key)));
            names.collect()
        };
        let (old_names, new_names) = (named(old), named(new));
        let old_at: HashMap<&String, &Value> = old_names.iter().zip(old).collect();
        let new_at: HashMap<&String, &Value> = new_names.iter().zip(new).collect();
        let added = new_names.iter().filter(|name| !old_at.contains_key(name));
        let before = self.changes.len();
        for name in old_names.iter().chain(added) {
            let item = Segment::Item(vec![(key.to_owned(), name.clone())]);
            self.below(item, old_at.get(name).copied(), new_at.get(name).copied());
        }
        if self.changes.len() == before {
            let order = |items: &[Value]| {
                let keys = items.iter().map(|item| key_value(item, key).clone());
                Some(Value::Array(keys.collect()))
            };
            self.path.push(Segment::Order);
            self.differs(order(old), order(new));
            self.path.pop();
        }
    }
}

fn present(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
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
        changes.map(|change| change.path.to_string()).collect()
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
