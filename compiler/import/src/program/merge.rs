//! The strategic merge patch that makes one object of another, in the form that `patch KIND` reads: what differs in
//! meaning, and nothing else.

use erpc_emit::schema::{Merging, Typed};
use serde_json::{Map, Value, json};

use crate::normal;

/// What a patch may do to what the compiler makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everything.
    All,
    /// It adds what is missing, and takes back nothing that the compiler adds by itself.
    Additions,
}

/// What has to be merged into `ours` so that it means `original`; `None` if it does already.
pub(super) fn between(
    ours: &Value,
    original: &Value,
    typed: Option<Typed>,
    reach: Reach,
) -> Option<Value> {
    let merger = Merger { reach };
    let patch = merger.of_maps(ours.as_object()?, original.as_object()?, typed, "")?;
    Some(Value::Object(patch))
}

struct Merger {
    reach: Reach,
}

/// Labels and annotations of the object itself that only ours has stay: they tell what the object is a part of.
fn keeps_ours(path: &str) -> bool {
    matches!(path, "metadata.labels" | "metadata.annotations")
}

/// Fields that tell which object is meant, and what the server writes.
fn is_given(path: &str) -> bool {
    matches!(
        path,
        "apiVersion" | "kind" | "status" | "metadata.name" | "metadata.namespace"
    )
}

/// Whether the elements of a list of a pod, and of the lists below it, are in the same order, if they have names.
fn is_in_order(ours: Option<&Value>, original: &Value, field: &str) -> bool {
    match (ours, original) {
        (Some(Value::Object(ours)), Value::Object(original)) => original
            .iter()
            .all(|(key, value)| is_in_order(ours.get(key), value, key)),
        (Some(Value::Array(ours)), Value::Array(original)) if POD_LISTS.contains(&field) => {
            let mut pairs = ours.iter().zip(original);
            let is_same = |(ours, original): (&Value, &Value)| {
                let keys = ["name", "containerPort", "mountPath"];
                let mut names = keys.iter();
                names.all(|key| ours[*key].is_null() || ours[*key] == original[*key])
                    && is_in_order(Some(ours), original, "")
            };
            ours.len() != original.len() || pairs.all(is_same)
        }
        _ => true,
    }
}

fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// Lists of pods: their order changes nothing in a pod, but another order is another template, and pods start anew.
const POD_LISTS: [&str; 6] = [
    "containers",
    "env",
    "initContainers",
    "ports",
    "volumeMounts",
    "volumes",
];

impl Merger {
    fn adds(&self) -> bool {
        self.reach == Reach::Additions
    }

    fn of_maps(
        &self,
        ours: &Map<String, Value>,
        original: &Map<String, Value>,
        typed: Option<Typed>,
        path: &str,
    ) -> Option<Map<String, Value>> {
        let wanted = normal::fields(original, typed);
        let made = normal::fields(ours, typed);
        let mut patch = Map::new();
        for (key, value) in original.iter().filter(|(_, value)| !value.is_null()) {
            let below = below(path, key);
            // The label by which the objects of a platform are found.
            if below == "metadata.labels.app.kubernetes.io/part-of" && ours.contains_key(key) {
                continue;
            }
            let is_same = wanted.get(key) == made.get(key)
                && (self.adds() || is_in_order(ours.get(key), value, key));
            if is_given(&below) || is_same {
                continue;
            }
            let typed = typed.and_then(|typed| typed.field(key));
            // A value that means the same as none is not set where there is none.
            let change = match (ours.get(key), wanted.get(key)) {
                (Some(ours), _) if !ours.is_null() => self.of_values(ours, value, typed, &below),
                (_, None) => None,
                (_, Some(_)) => Some(without_nulls(value)),
            };
            if let Some(change) = change {
                patch.insert(key.clone(), change);
            }
        }
        if self.adds() {
            return (!patch.is_empty()).then_some(patch);
        }
        let is_original = |key: &str| original.get(key).is_some_and(|value| !value.is_null());
        for key in ours.keys().filter(|key| !is_original(key)) {
            let is_added = made.get(key).is_some() && made.get(key) != wanted.get(key);
            let below = below(path, key);
            if is_added && !is_given(&below) && !keeps_ours(path) && !keeps_ours(&below) {
                patch.insert(key.clone(), Value::Null);
            }
        }
        (!patch.is_empty()).then_some(patch)
    }

    fn of_values(
        &self,
        ours: &Value,
        original: &Value,
        typed: Option<Typed>,
        path: &str,
    ) -> Option<Value> {
        match (ours, original) {
            (Value::Object(ours), Value::Object(original)) => {
                self.of_maps(ours, original, typed, path).map(Value::Object)
            }
            (Value::Array(ours), Value::Array(original)) => {
                self.of_lists(ours, original, typed, path)
            }
            _ if self.adds() => None,
            _ => Some(without_nulls(original)),
        }
    }

    fn of_lists(
        &self,
        ours: &[Value],
        original: &[Value],
        typed: Option<Typed>,
        path: &str,
    ) -> Option<Value> {
        let whole = || {
            let all = Value::Array(original.iter().map(without_nulls).collect());
            (!self.adds() || ours.is_empty()).then_some(all)
        };
        let keys = match typed.map(Typed::merging) {
            Some(Merging::Keys(keys)) => keys,
            Some(Merging::Set | Merging::Atomic) | None => return whole(),
        };
        let replaced = || {
            let all = original.iter().map(without_nulls);
            let directive = json!({ "$patch": "replace" });
            let all = Value::Array(std::iter::once(directive).chain(all).collect());
            (!self.adds()).then_some(all)
        };
        let key_of = |item: &Value| normal::key(item, keys);
        let of = |items: &[Value]| -> Option<Vec<String>> { items.iter().map(key_of).collect() };
        let (Some(our_keys), Some(original_keys)) = (of(ours), of(original)) else {
            return replaced();
        };
        // Merged elements keep their places, and new ones are behind them.
        let kept = our_keys.iter().filter(|key| original_keys.contains(key));
        let added = original_keys.iter().filter(|key| !our_keys.contains(key));
        let merged: Vec<&String> = kept.chain(added).collect();
        let is_ordered = original_keys.iter().eq(merged);
        let field = path.rsplit('.').next().unwrap_or(path);
        let is_of_pod = POD_LISTS.contains(&field);
        if !is_ordered && !self.adds() && (is_of_pod || normal::has_order(field, original)) {
            return replaced();
        }
        let element = typed.and_then(Typed::element);
        let mut patch = Vec::new();
        for (item, key) in original.iter().zip(&original_keys) {
            let known = our_keys.iter().position(|ours| ours == key);
            let Some(known) = known else {
                patch.push(without_nulls(item));
                continue;
            };
            if let Some(mut change) = self.of_values(&ours[known], item, element, path) {
                with_keys(&mut change, item, keys);
                patch.push(change);
            }
        }
        for (item, key) in ours.iter().zip(&our_keys) {
            if !self.adds() && !original_keys.contains(key) {
                let mut removed = json!({ "$patch": "delete" });
                with_keys(&mut removed, item, keys);
                patch.push(removed);
            }
        }
        (!patch.is_empty()).then_some(Value::Array(patch))
    }
}

/// Adds the merge keys of an element to what is merged into it.
fn with_keys(change: &mut Value, item: &Value, keys: &[(&'static str, Option<&'static str>)]) {
    for (key, _) in keys {
        if !item[*key].is_null() {
            change[*key] = item[*key].clone();
        }
    }
}

/// A value as a patch sets it: `null` would remove a field.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.iter().filter(|(_, value)| !value.is_null());
            let set = set.map(|(key, value)| (key.clone(), without_nulls(value)));
            Value::Object(set.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
