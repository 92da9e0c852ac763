//! Whether two sets of objects mean the same to an API server, and in which fields they differ.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::normal;

/// What an object is told by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Key {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for an object without one.
    pub namespace: String,
    /// Its name; empty if the server makes it.
    pub name: String,
}

impl Key {
    /// Of an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        Self {
            kind: text(&object["kind"]),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
        }
    }
}

/// `Deployment shop/web`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// A field in which two objects differ in meaning.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The object.
    pub object: Key,
    /// The path of the field, with merge keys for elements: `spec.template.spec.containers[name=web].image`. Empty
    /// if the whole object is missing or added.
    pub path: String,
    /// What the original has, as its normal form.
    pub original: Option<Value>,
    /// What the other has.
    pub ours: Option<Value>,
}

/// The differences between two sets of objects, by object and path. Objects of one identity are those of one
/// [`Key`]; of several in a set the last counts.
#[must_use]
pub fn compare(original: &[Value], ours: &[Value]) -> Vec<Difference> {
    let by_key = |objects: &[Value]| -> BTreeMap<Key, Value> {
        let objects = objects.iter();
        objects
            .map(|object| (Key::of(object), normal::of(object)))
            .collect()
    };
    let (original, mut ours) = (by_key(original), by_key(ours));
    let mut found = Vec::new();
    for (key, value) in original {
        match ours.remove(&key) {
            Some(other) => {
                let mut path = String::new();
                differ(&key, &mut path, Some(&value), Some(&other), &mut found);
            }
            None => found.push(Difference {
                object: key,
                path: String::new(),
                original: Some(value),
                ours: None,
            }),
        }
    }
    found.extend(ours.into_iter().map(|(object, value)| Difference {
        object,
        path: String::new(),
        original: None,
        ours: Some(value),
    }));
    found.sort_by(|a, b| (&a.object, &a.path).cmp(&(&b.object, &b.path)));
    found
}

/// Adds the fields in which two values differ. Normal forms have a limited depth.
fn differ(
    object: &Key,
    path: &mut String,
    original: Option<&Value>,
    ours: Option<&Value>,
    into: &mut Vec<Difference>,
) {
    if original == ours {
        return;
    }
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (original, ours) {
        let added = b.keys().filter(|key| !a.contains_key(*key));
        for key in a.keys().chain(added) {
            let length = path.len();
            push(path, key);
            differ(object, path, a.get(key), b.get(key), into);
            path.truncate(length);
        }
        return;
    }
    into.push(Difference {
        object: object.clone(),
        path: path.clone(),
        original: original.cloned(),
        ours: ours.cloned(),
    });
}

fn push(path: &mut String, key: &str) {
    if key.starts_with('[') {
        path.push_str(key);
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    if key.contains(['.', '/']) {
        path.push('"');
        path.push_str(key);
        path.push('"');
    } else {
        path.push_str(key);
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use serde_json::{Value, json};

    fn deployment(pod: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod}
            }
        })
    }

    /// The paths in which two pods differ.
    fn paths(a: &Value, b: &Value) -> Vec<String> {
        let found = compare(&[deployment(a)], &[deployment(b)]);
        let pod = "spec.template.spec.";
        let paths = found.into_iter();
        paths
            .map(|found| {
                found
                    .path
                    .strip_prefix(pod)
                    .unwrap_or(&found.path)
                    .to_owned()
            })
            .collect()
    }

    fn container(fields: &Value) -> Value {
        let mut container = json!({"name": "web", "image": "a:1"});
        for (key, value) in fields.as_object().expect("fields") {
            container[key] = value.clone();
        }
        json!({"containers": [container]})
    }

    #[test]
    fn what_the_server_sets_by_default_is_the_same_as_nothing() {
        for (written, left_out) in [
            (
                json!({"ports": [{"containerPort": 80, "protocol": "TCP"}]}),
                json!({"ports": [{"containerPort": 80}]}),
            ),
            (json!({"imagePullPolicy": "IfNotPresent"}), json!({})),
            (
                json!({"image": "a", "imagePullPolicy": "Always"}),
                json!({"image": "a"}),
            ),
            (
                json!({"image": "r:5000/a:latest", "imagePullPolicy": "Always"}),
                json!({"image": "r:5000/a:latest"}),
            ),
            (
                json!({"resources": {}, "env": [], "securityContext": {}}),
                json!({}),
            ),
            (
                json!({"env": [{"name": "A", "value": ""}]}),
                json!({"env": [{"name": "A"}]}),
            ),
            (
                json!({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1000m"}}}),
                json!({"resources": {"limits": {"cpu": 1}}}),
            ),
            (
                json!({"livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1}}),
                json!({"livenessProbe": {"httpGet": {"port": 80}}}),
            ),
        ] {
            assert_eq!(
                paths(&container(&written), &container(&left_out)),
                [""; 0],
                "{written}"
            );
        }
        let pod = json!({"containers": [], "dnsPolicy": "ClusterFirst", "serviceAccount": "a", "terminationGracePeriodSeconds": 30});
        assert_eq!(
            paths(&pod, &json!({"containers": [], "serviceAccountName": "a"})),
            [""; 0]
        );
    }

    #[test]
    fn what_means_something_else_differs() {
        for (a, b, path) in [
            (
                json!({"imagePullPolicy": "Always"}),
                json!({}),
                "imagePullPolicy",
            ),
            (
                json!({"image": "a@sha256:0", "imagePullPolicy": "Always"}),
                json!({"image": "a@sha256:0"}),
                "imagePullPolicy",
            ),
            (
                json!({"args": ["a", "b"]}),
                json!({"args": ["b", "a"]}),
                "args",
            ),
            (
                json!({"securityContext": {"runAsNonRoot": false}}),
                json!({}),
                "securityContext",
            ),
            (
                json!({"ports": [{"containerPort": 80, "protocol": "UDP"}]}),
                json!({"ports": [{"containerPort": 80}]}),
                "ports[containerPort=80,protocol=UDP]",
            ),
            (
                json!({"resources": {"limits": {"cpu": "1"}}}),
                json!({"resources": {"limits": {"cpu": "2"}}}),
                "resources.limits.cpu",
            ),
        ] {
            let found = paths(&container(&a), &container(&b));
            let path = format!("containers[name=web].{path}");
            assert!(found.contains(&path), "{found:?}");
        }
        let empty_dir = json!({"containers": [], "volumes": [{"name": "a", "emptyDir": {}}]});
        let no_source = json!({"containers": [], "volumes": [{"name": "a"}]});
        assert_eq!(paths(&empty_dir, &no_source), ["volumes[name=a].emptyDir"]);
    }

    #[test]
    fn quantities_are_numbers() {
        let volume = |size: &str| json!({"containers": [], "volumes": [{"name": "a", "emptyDir": {"sizeLimit": size}}]});
        for (a, b) in [
            ("1Gi", "1024Mi"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1e3", "1k"),
        ] {
            assert_eq!(paths(&volume(a), &volume(b)), [""; 0], "{a}");
        }
        assert_eq!(paths(&volume("1G"), &volume("1Gi")).len(), 1);
    }

    #[test]
    fn the_order_of_elements_with_keys_matters_only_to_references() {
        let env = |names: [&str; 2], value: &str| {
            let env = names.map(|name| json!({"name": name, "value": value}));
            container(&json!({ "env": env }))
        };
        assert_eq!(paths(&env(["A", "B"], "x"), &env(["B", "A"], "x")), [""; 0]);
        let found = paths(&env(["A", "B"], "$(A)"), &env(["B", "A"], "$(A)"));
        assert_eq!(found, ["containers[name=web].env[order]"]);
    }

    #[test]
    fn an_object_that_is_missing_or_added_is_one_difference() {
        let object = deployment(&json!({}));
        let found = compare(std::slice::from_ref(&object), &[]);
        assert_eq!((found.len(), found[0].path.as_str()), (1, ""));
        assert_eq!(found[0].object.to_string(), "Deployment shop/web");
        let found = compare(&[], &[object]);
        assert!(found[0].original.is_none() && found[0].ours.is_some());
    }

    #[test]
    fn versions_that_are_gone_mean_what_took_their_place() {
        let mut old = deployment(&json!({}));
        old["apiVersion"] = "extensions/v1beta1".into();
        old["spec"]
            .as_object_mut()
            .expect("fields")
            .remove("selector");
        assert_eq!(compare(&[old], &[deployment(&json!({}))]), []);
    }

    #[test]
    fn a_custom_resource_is_compared_as_it_is() {
        let object = |size: &str| json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "a"}, "spec": {"size": size, "list": []}});
        assert_eq!(compare(&[object("1")], &[object("1")]), []);
        assert_eq!(
            compare(&[object("1")], &[object("1000m")])[0].path,
            "spec.size"
        );
    }

    #[test]
    fn values_of_any_depth_are_compared() {
        let mut deep = json!("x");
        for _ in 0..120 {
            deep = json!({ "a": [deep] });
        }
        let object = |value: &Value| json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "a"}, "spec": value});
        assert_eq!(compare(&[object(&deep)], &[object(&deep)]), []);
        assert_eq!(compare(&[object(&deep)], &[object(&json!({}))]).len(), 1);
    }
}
