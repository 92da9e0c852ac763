//! Objects of Kubernetes as others write them: by what they are told apart, and how two sets of them differ.

use std::collections::BTreeMap;

use serde_json::Value;

/// The kind, the namespace and the name of an object; the namespace of one without is empty.
pub type ObjectKey = (String, String, String);

/// Objects by their keys.
pub type Objects = BTreeMap<ObjectKey, Value>;

/// By what an object of Kubernetes is told from others.
#[must_use]
pub fn object_key(object: &Value) -> ObjectKey {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    (
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"]),
    )
}

/// Objects by their keys; panics if one is there twice.
#[must_use]
pub fn by_key(objects: impl IntoIterator<Item = Value>) -> Objects {
    let mut all = Objects::new();
    for object in objects {
        let key = object_key(&object);
        let before = all.insert(key.clone(), object);
        assert!(before.is_none(), "{} is there twice", name_of(&key));
    }
    all
}

/// `Deployment shop/web`; `Namespace shop`.
fn name_of((kind, namespace, name): &ObjectKey) -> String {
    match namespace.as_str() {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}

/// How the objects of a target differ from those that are wanted: a line for each object.
#[must_use]
pub fn differences(wanted: &Objects, found: &Objects) -> Vec<String> {
    let missing = wanted.keys().filter(|key| !found.contains_key(*key));
    let missing = missing.map(|key| format!("{} is missing", name_of(key)));
    let more = found.keys().filter(|key| !wanted.contains_key(*key));
    let more = more.map(|key| format!("{} is not of the platform", name_of(key)));
    let changed = wanted.iter().filter_map(|(key, object)| {
        let at = first_difference(object, found.get(key)?, "")?;
        Some(format!("{} differs at {at}", name_of(key)))
    });
    missing.chain(more).chain(changed).collect()
}

/// Asserts that a target has the objects that are wanted, and no others.
pub fn assert_same_objects(what: &str, wanted: &Objects, found: &Objects) {
    let all = differences(wanted, found);
    assert!(all.is_empty(), "{what}:\n{}", all.join("\n"));
}

fn first_difference(wanted: &Value, found: &Value, at: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let mut keys: Vec<&String> = keys.collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().find_map(|key| {
                let at = format!("{at}/{key}");
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => first_difference(one, other, &at),
                    (Some(one), None) => Some(format!("{at}: expected {one}, found nothing")),
                    (None, other) => {
                        let other = other.cloned().unwrap_or_default();
                        Some(format!("{at}: expected nothing, found {other}"))
                    }
                }
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs
                .map(|(place, (one, other))| first_difference(one, other, &format!("{at}/{place}")))
                .find_map(|found| found)
        }
        _ => (wanted != found).then(|| format!("{at}: expected {wanted}, found {found}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Objects, by_key, differences};

    fn deployment(name: &str, replicas: u32) -> Value {
        json!({
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": replicas, "args": ["a", "b"]},
        })
    }

    #[test]
    fn each_object_that_is_dropped_added_or_changed_is_named() {
        let namespace = json!({"kind": "Namespace", "metadata": {"name": "shop"}});
        let wanted = by_key([namespace.clone(), deployment("web", 2)]);
        let different = |found: Vec<Value>| differences(&wanted, &by_key(found)).join("; ");
        let mut longer = deployment("web", 2);
        longer["spec"]["args"] = json!(["a", "b", "c"]);
        let mut marked = deployment("web", 2);
        marked["metadata"]["annotations"] = json!({"a": "b"});
        let mut bare = deployment("web", 2);
        bare["spec"] = json!({"args": ["a", "b"]});
        for (found, expected) in [
            (vec![namespace.clone(), deployment("web", 2)], ""),
            (vec![deployment("web", 2)], "Namespace shop is missing"),
            (
                vec![namespace.clone(), deployment("api", 2)],
                "Deployment shop/web is missing; Deployment shop/api is not of the platform",
            ),
            (
                vec![namespace.clone(), deployment("web", 3)],
                "Deployment shop/web differs at /spec/replicas: expected 2, found 3",
            ),
            (
                vec![namespace.clone(), longer],
                "Deployment shop/web differs at /spec/args: expected [\"a\",\"b\"], found [\"a\",\"b\",\"c\"]",
            ),
            (
                vec![namespace.clone(), marked],
                "Deployment shop/web differs at /metadata/annotations: expected nothing, found {\"a\":\"b\"}",
            ),
            (
                vec![namespace.clone(), bare],
                "Deployment shop/web differs at /spec/replicas: expected 2, found nothing",
            ),
        ] {
            assert_eq!(different(found), expected);
        }
        assert_eq!(differences(&Objects::new(), &wanted).len(), 2);
    }

    #[test]
    #[should_panic(expected = "Deployment shop/web is there twice")]
    fn an_object_that_is_there_twice_is_named() {
        let _ = by_key([deployment("web", 1), deployment("web", 2)]);
    }
}
