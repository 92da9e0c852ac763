//! What server-side apply would make of a live object, computed here for an account that may not ask the
//! server by a dry run. The live object's `managedFields` say which of its lists are lists of items with
//! keys and which fields only erpc owns. What it cannot know: defaults and normalized values of fields
//! that are new, admission, whether a field may be changed in place, and conflicts with other managers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::equal::is_item;

/// The live object after an apply of `desired`; `entry` is what our last apply left in `managedFields`.
#[must_use]
pub(crate) fn applied(desired: &Value, live: &Value, entry: Option<&Value>) -> Value {
    let mut owned = Owned {
        own: entry.map(|entry| &entry["fieldsV1"]),
        all: Vec::new(),
    };
    let entries = live["metadata"]["managedFields"].as_array();
    owned.all = entries
        .into_iter()
        .flatten()
        .map(|entry| &entry["fieldsV1"])
        .collect();
    // The identity is in no entry, and stays.
    owned.merge(desired, live)
}

/// Who owns what, below one field.
struct Owned<'v> {
    /// What our last apply owns.
    own: Option<&'v Value>,
    /// What each manager owns, us included.
    all: Vec<&'v Value>,
}

impl<'v> Owned<'v> {
    fn below(&self, key: &str) -> Self {
        let below = |fields: &&'v Value| fields.get(key);
        Self {
            own: self.own.as_ref().and_then(below),
            all: self.all.iter().filter_map(below).collect(),
        }
    }

    /// Whether an apply that does not say a field removes it: only erpc owns it.
    fn is_ours_alone(&self, key: &str) -> bool {
        let owners = self
            .all
            .iter()
            .filter(|fields| fields.get(key).is_some())
            .count();
        self.own.is_some_and(|own| own.get(key).is_some()) && owners == 1
    }

    fn merge(&self, desired: &Value, live: &Value) -> Value {
        match (desired, live) {
            (Value::Object(desired), Value::Object(live)) => {
                Value::Object(self.merge_map(desired, live))
            }
            (Value::Array(desired), Value::Array(live)) => self.merge_list(desired, live),
            (desired, _) => desired.clone(),
        }
    }

    fn merge_map(
        &self,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut merged = live.clone();
        merged.retain(|name, _| {
            desired.contains_key(name) || !self.is_ours_alone(&format!("f:{name}"))
        });
        for (name, value) in desired {
            let new = match live.get(name) {
                Some(old) => self.below(&format!("f:{name}")).merge(value, old),
                None => value.clone(),
            };
            merged.insert(name.clone(), new);
        }
        merged
    }

    fn merge_list(&self, desired: &[Value], live: &[Value]) -> Value {
        let keys: BTreeSet<&str> = self
            .all
            .iter()
            .filter_map(|fields| fields.as_object())
            .flat_map(Map::keys)
            .map(String::as_str)
            .filter(|key| key.starts_with("k:") || key.starts_with("v:"))
            .collect();
        if keys.is_empty() {
            return Self::replace_list(desired, live);
        }
        let key_of = |item: &Value| keys.iter().copied().find(|key| is_item(key, item));
        let mut merged: Vec<Value> = Vec::new();
        for item in live {
            let Some(key) = key_of(item) else {
                merged.push(item.clone());
                continue;
            };
            match desired.iter().find(|wanted| is_item(key, wanted)) {
                Some(wanted) => merged.push(self.below(key).merge(wanted, item)),
                None if self.is_ours_alone(key) => {}
                None => merged.push(item.clone()),
            }
        }
        let is_live = |wanted: &Value| {
            key_of(wanted).is_some_and(|key| live.iter().any(|item| is_item(key, item)))
        };
        merged.extend(desired.iter().filter(|wanted| !is_live(wanted)).cloned());
        Value::Array(merged)
    }

    /// A list without keys is replaced as a whole. Items of the same number keep what the server added
    /// to them as defaults.
    fn replace_list(desired: &[Value], live: &[Value]) -> Value {
        if desired.len() != live.len() {
            return Value::from(desired);
        }
        let whole = Owned {
            own: None,
            all: Vec::new(),
        };
        let items = desired.iter().zip(live);
        Value::Array(
            items
                .map(|(wanted, item)| whole.merge(wanted, item))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn applied(desired: &Value, live: &Value) -> Value {
        super::applied(desired, live, live["metadata"]["managedFields"].get(0))
    }

    fn live() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "a", "uid": "u", "labels": { "ours": "1", "theirs": "1" },
                "managedFields": [
                    { "manager": "erpc", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": {
                        "f:metadata": { "f:labels": { "f:ours": {} } },
                        "f:spec": {
                            "f:replicas": {}, "f:paused": {},
                            "f:containers": {
                                "k:{\"name\":\"a\"}": { ".": {}, "f:image": {}, "f:name": {} },
                                "k:{\"name\":\"old\"}": { ".": {}, "f:name": {} },
                            },
                            "f:rules": {},
                        },
                    } },
                    { "manager": "kubectl", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {
                        "f:metadata": { "f:labels": { "f:theirs": {} } },
                        "f:spec": { "f:containers": { "k:{\"name\":\"sidecar\"}": { ".": {}, "f:name": {} } } },
                    } },
                ],
            },
            "spec": {
                "replicas": 2, "paused": true, "defaulted": "by the server",
                "containers": [
                    { "name": "a", "image": "a:1", "pullPolicy": "Always" },
                    { "name": "old" },
                    { "name": "sidecar" },
                ],
                "rules": [{ "port": 1, "protocol": "TCP" }],
            },
            "status": { "ready": 2 },
        })
    }

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "a", "labels": { "ours": "1" } },
            "spec": {
                "replicas": 2, "paused": true,
                "containers": [{ "name": "a", "image": "a:1" }, { "name": "old" }],
                "rules": [{ "port": 1 }],
            },
        })
    }

    #[test]
    fn what_the_source_says_already_stays_as_it_is() {
        assert_eq!(applied(&desired(), &live()), live());
    }

    #[test]
    fn changes_removals_and_additions_are_those_of_server_side_apply() {
        let mut wanted = desired();
        wanted["spec"] = json!({
            "replicas": 3,
            "containers": [{ "name": "a", "image": "a:2" }, { "name": "new" }],
            "rules": [{ "port": 1 }, { "port": 2 }],
        });
        let mut expected = live();
        expected["spec"] = json!({
            "replicas": 3, "defaulted": "by the server",
            "containers": [
                { "name": "a", "image": "a:2", "pullPolicy": "Always" },
                { "name": "sidecar" },
                { "name": "new" },
            ],
            "rules": [{ "port": 1 }, { "port": 2 }],
        });
        assert_eq!(applied(&wanted, &live()), expected);
    }
}
