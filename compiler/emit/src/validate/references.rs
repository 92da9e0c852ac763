//! What pods refer to: ConfigMaps, Secrets and claims of their namespace. A server accepts a pod whose references lead
//! nowhere, and its containers never start.

use crate::kind::Kind;
use crate::view::{FieldPath, View};

/// A reference of a pod to an object of its namespace, which must exist before its containers start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// To what.
    pub target: Target,
    /// The name of the object.
    pub name: String,
    /// The key of the object that is needed, with the field that names it.
    pub key: Option<(String, FieldPath)>,
    /// The field that names the object.
    pub path: FieldPath,
    /// Whether a container reads it as variables, and not as files.
    pub is_variable: bool,
}

/// A kind of object that pods refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A PersistentVolumeClaim.
    Claim,
}

impl Target {
    /// The kind as Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::Claim => "PersistentVolumeClaim",
        }
    }
}

impl Reference {
    /// The state in which the pod stays without the object.
    #[must_use]
    pub const fn stuck_in(&self) -> &'static str {
        match (self.target, self.is_variable) {
            (Target::Claim, _) => "Pending",
            (_, true) => "CreateContainerConfigError",
            (_, false) => "ContainerCreating",
        }
    }
}

/// What the pods of a workload refer to, without what is `optional`.
#[must_use]
pub fn references(workload: &impl View) -> Vec<Reference> {
    let kind = workload.field("kind").and_then(View::text);
    let names = kind.and_then(Kind::named).and_then(Kind::pod_path);
    let Some((names, spec)) = names.and_then(|names| Some((names, workload.at(names)?))) else {
        return Vec::new();
    };
    let mut found = Found::default();
    let path = FieldPath::default().fields(names);
    let volumes = spec.field("volumes").map_or(&[][..], View::items);
    for (place, volume) in volumes.iter().enumerate() {
        found.volume(volume, &path.field("volumes").item(place));
    }
    for list in ["containers", "initContainers"] {
        let containers = spec.field(list).map_or(&[][..], View::items);
        for (place, container) in containers.iter().enumerate() {
            found.container(container, &path.field(list).item(place));
        }
    }
    found.references
}

#[derive(Default)]
struct Found {
    references: Vec<Reference>,
}

impl Found {
    fn volume(&mut self, volume: &impl View, path: &FieldPath) {
        self.files(volume, path, "secretName");
        if let Some(claim) = volume.field("persistentVolumeClaim") {
            let path = path.field("persistentVolumeClaim");
            self.add(Target::Claim, claim, &path, "claimName", false);
        }
        let sources = volume.at(&["projected", "sources"]);
        let sources = sources.map_or(&[][..], View::items);
        let path = path.fields(&["projected", "sources"]);
        for (place, source) in sources.iter().enumerate() {
            self.files(source, &path.item(place), "name");
        }
    }

    /// The ConfigMap or the Secret of a volume or of a part of one, whose `items` name keys.
    fn files(&mut self, source: &impl View, path: &FieldPath, of_secret: &str) {
        for (field, target, name) in [
            ("configMap", Target::ConfigMap, "name"),
            ("secret", Target::Secret, of_secret),
        ] {
            let Some(source) = source.field(field) else {
                continue;
            };
            let path = path.field(field);
            let items = source.field("items").map_or(&[][..], View::items);
            if items.is_empty() {
                self.add(target, source, &path, name, false);
            }
            for (place, item) in items.iter().enumerate() {
                let path_of_key = path.field("items").item(place).field("key");
                let key = item.field("key").and_then(View::text);
                let key = key.map(|key| (key.to_owned(), path_of_key));
                self.add_key(target, source, &path, name, key, false);
            }
        }
    }

    fn container(&mut self, container: &impl View, path: &FieldPath) {
        const SOURCES: [(&str, &str, Target); 2] = [
            ("configMapKeyRef", "configMapRef", Target::ConfigMap),
            ("secretKeyRef", "secretRef", Target::Secret),
        ];
        let env = container.field("env").map_or(&[][..], View::items);
        for (place, variable) in env.iter().enumerate() {
            for (field, _, target) in SOURCES {
                let names = ["valueFrom", field];
                if let Some(source) = variable.at(&names) {
                    let path = path.field("env").item(place).fields(&names);
                    let key = source.field("key").and_then(View::text);
                    let key = key.map(|key| (key.to_owned(), path.field("key")));
                    self.add_key(target, source, &path, "name", key, true);
                }
            }
        }
        let from = container.field("envFrom").map_or(&[][..], View::items);
        for (place, source) in from.iter().enumerate() {
            for (_, field, target) in SOURCES {
                if let Some(source) = source.field(field) {
                    let path = path.field("envFrom").item(place).field(field);
                    self.add(target, source, &path, "name", true);
                }
            }
        }
    }

    fn add(
        &mut self,
        target: Target,
        source: &impl View,
        path: &FieldPath,
        name: &str,
        is_variable: bool,
    ) {
        self.add_key(target, source, path, name, None, is_variable);
    }

    fn add_key(
        &mut self,
        target: Target,
        source: &impl View,
        path: &FieldPath,
        field: &str,
        key: Option<(String, FieldPath)>,
        is_variable: bool,
    ) {
        let is_optional = source.field("optional").is_some_and(View::is_true);
        // A name that is missing is another fault.
        let name = source.field(field).and_then(View::text);
        if let Some(name) = name.filter(|name| !name.is_empty() && !is_optional) {
            self.references.push(Reference {
                target,
                name: name.to_owned(),
                key,
                path: path.field(field),
                is_variable,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::references;

    /// `SECRET login.token at spec…` of each reference of a pod.
    fn of_pod(spec: &Value) -> Vec<String> {
        let workload = json!({"kind": "Deployment", "spec": {"template": {"spec": spec}}});
        let all = references(&workload).into_iter();
        let texts = all.map(|one| {
            let key = one.key.as_ref().map(|(key, _)| format!(".{key}"));
            let (kind, state) = (one.target.as_str(), one.stuck_in());
            format!("{kind} {}{}: {state}", one.name, key.unwrap_or_default())
        });
        texts.collect()
    }

    #[test]
    fn volumes_and_variables_refer_to_objects_of_the_namespace() {
        let secret = |name: &str| json!({"secret": {"secretName": name}});
        let env = |source: Value| json!({"containers": [{"env": [{"valueFrom": source}]}]});
        for (spec, expected) in [
            (
                json!({"volumes": [secret("tls")]}),
                "Secret tls: ContainerCreating",
            ),
            (
                json!({"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}),
                "PersistentVolumeClaim data: Pending",
            ),
            (
                json!({"volumes": [{"configMap": {"name": "ca", "items": [{"key": "ca.crt"}]}}]}),
                "ConfigMap ca.ca.crt: ContainerCreating",
            ),
            (
                json!({"volumes": [{"projected": {"sources": [{"secret": {"name": "tls"}}]}}]}),
                "Secret tls: ContainerCreating",
            ),
            (
                env(json!({"secretKeyRef": {"name": "login", "key": "token"}})),
                "Secret login.token: CreateContainerConfigError",
            ),
            (
                json!({"initContainers": [{"envFrom": [{"configMapRef": {"name": "env"}}]}]}),
                "ConfigMap env: CreateContainerConfigError",
            ),
            // Of what is optional a pod starts without.
            (
                json!({"volumes": [{"configMap": {"name": "ca", "optional": true}}]}),
                "",
            ),
            (
                env(json!({"secretKeyRef": {"name": "login", "key": "a", "optional": true}})),
                "",
            ),
            (env(json!({"fieldRef": {"fieldPath": "metadata.name"}})), ""),
            (json!({"volumes": [{"emptyDir": {}}]}), ""),
        ] {
            assert_eq!(of_pod(&spec).join("; "), expected, "{spec}");
        }
    }
}
