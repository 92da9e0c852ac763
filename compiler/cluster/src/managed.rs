//! Who wrote a field of a live object, by the entries of `metadata.managedFields`.

use serde_json::Value;

use crate::equal::is_item;
use crate::manager::FieldManager;
use crate::path::{FieldPath, Segment, plain};

/// A field manager, with the time of its last write to the object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// When it last wrote, in RFC 3339; empty if the server does not say.
    pub time: String,
    /// Its name.
    pub manager: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.manager)?;
        if self.time.is_empty() {
            return Ok(());
        }
        write!(f, " at {}", self.time)
    }
}

/// The managers other than us that own a field or a part of it, the latest writer first.
pub(crate) fn owners(own: &FieldManager, live: &Value, path: &FieldPath) -> Vec<Owner> {
    let entries = live["metadata"]["managedFields"].as_array();
    let mut owners: Vec<Owner> = entries
        .into_iter()
        .flatten()
        .filter(|entry| !own.is_of(live, entry))
        .filter(|entry| fields_at(&entry["fieldsV1"], live, path.segments()).is_some())
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            Owner {
                time: text("time"),
                manager: text("manager"),
            }
        })
        .collect();
    owners.sort_unstable();
    owners.reverse();
    // One manager may have an entry for each version and subresource.
    let mut seen = std::collections::BTreeSet::new();
    owners.retain(|owner| seen.insert(owner.manager.clone()));
    owners
}

/// The fields of an entry at a path: those of the value that it owns as a whole, or of its parts.
fn fields_at<'f>(fields: &'f Value, live: &Value, path: &[Segment]) -> Option<&'f Value> {
    let map = fields.as_object()?;
    let mut steps = path.iter();
    let Some(first) = steps.next() else {
        return Some(fields);
    };
    let (_, below) = map.iter().find(|(key, _)| is_step(key, first, live))?;
    let is_whole = below.as_object().is_some_and(serde_json::Map::is_empty);
    if is_whole || *first == Segment::Order {
        return Some(below);
    }
    let live = first.step(live).unwrap_or(&Value::Null);
    fields_at(below, live, steps.as_slice())
}

/// Whether a key of an entry is this step of a path.
pub(crate) fn is_step(key: &str, segment: &Segment, live: &Value) -> bool {
    match segment {
        Segment::Field(name) => key.strip_prefix("f:") == Some(name),
        Segment::Member(member) => key
            .strip_prefix("v:")
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .is_some_and(|value| plain(&value) == *member),
        Segment::Index(index) => key == format!("i:{index}"),
        // The keys of a path may be others than those of the schema: the live item has both.
        Segment::Item(keys) => match segment.step(live) {
            Some(item) => key.starts_with("k:") && is_item(key, item),
            None => key
                .strip_prefix("k:")
                .and_then(|text| serde_json::from_str::<Value>(text).ok())
                .is_some_and(|of| keys.iter().all(|(name, value)| plain(&of[name]) == *value)),
        },
        Segment::Order => true,
    }
}

#[cfg(test)]
mod tests {
    use super::owners;
    use crate::manager::FieldManager;
    use crate::path::FieldPath;
    use serde_json::{Value, json};

    fn live() -> Value {
        json!({
            "spec": {
                "replicas": 1,
                "containers": [{ "name": "a", "image": "x" }],
                "ports": [{ "containerPort": 80, "protocol": "TCP", "name": "http" }],
            },
            "data": { "app.yml": "x" },
            "metadata": { "managedFields": [
                { "manager": "erpc:p", "time": "3", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
                { "manager": "kubectl-edit", "time": "2", "fieldsV1": { "f:spec": {
                    "f:containers": { "k:{\"name\":\"a\"}": { "f:image": {} } } } } },
                { "manager": "other", "time": "1", "fieldsV1": {
                    "f:data": { ".": {}, "f:app.yml": {} },
                    "f:spec": {
                        "f:containers": { "k:{\"name\":\"a\"}": { "f:image": {} } },
                        "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { "f:name": {} } },
                    } } },
                { "manager": "empty", "fieldsV1": {} },
            ] },
        })
    }

    fn owners_of(path: &str) -> Vec<String> {
        let live = live();
        let path = FieldPath::of_server(path, &[&live]);
        owners(&FieldManager::of("p"), &live, &path)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_other_owners_of_a_field_are_named_the_latest_first() {
        assert_eq!(
            owners_of("spec.containers[name=\"a\"].image"),
            ["kubectl-edit at 2", "other at 1"]
        );
        assert_eq!(
            owners_of("spec.containers[name=\"a\"]"),
            ["kubectl-edit at 2", "other at 1"]
        );
        assert_eq!(owners_of("spec.replicas"), [""; 0]);
        assert_eq!(owners_of("metadata"), [""; 0]);
    }

    #[test]
    fn keys_with_dots_and_keys_that_the_schema_does_not_name_are_found() {
        assert_eq!(owners_of("data.app.yml"), ["other at 1"]);
        assert_eq!(owners_of("spec.ports[name=\"http\"].name"), ["other at 1"]);
    }
}
