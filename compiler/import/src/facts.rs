//! What objects are to each other: which pods a Service selects, which ConfigMaps a pod reads, where they are.

use std::collections::{BTreeMap, HashMap};

use erpc_emit::schema::{self, Scope, Version};
use serde_json::{Map, Value};

use crate::compare::Key;
use crate::read::Object;

/// The kinds that make pods, with the path of the template.
const POD_MAKERS: [(&str, &[&str]); 8] = [
    ("Pod", &[]),
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
];

/// The path of the pod template of a kind.
pub(crate) fn template_path(kind: &str) -> Option<&'static [&'static str]> {
    let mut makers = POD_MAKERS.iter();
    makers.find(|(known, _)| *known == kind).map(|row| row.1)
}

/// The value at a path.
pub(crate) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(*name))
}

/// The elements of a list; none for another value.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Its text; empty for another value.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Puts objects without a namespace into the default one, unless their kind has none.
pub(crate) fn place(objects: &mut [Object], default_namespace: &str) {
    let custom: HashMap<(String, String), bool> = objects
        .iter()
        .filter(|object| object.value["kind"] == "CustomResourceDefinition")
        .map(|object| {
            let spec = &object.value["spec"];
            let key = (
                text(&spec["group"]).to_owned(),
                text(&spec["names"]["kind"]).to_owned(),
            );
            (key, text(&spec["scope"]) == "Namespaced")
        })
        .collect();
    for object in objects {
        let (api_version, kind) = (
            text(&object.value["apiVersion"]).to_owned(),
            text(&object.value["kind"]).to_owned(),
        );
        let group = api_version.split('/').next().unwrap_or_default();
        let has_namespace = match schema::kind(Version::NEWEST, &api_version, &kind) {
            Some(known) => known.scope == Scope::Namespaced,
            None => custom
                .get(&(group.to_owned(), kind.clone()))
                .copied()
                .unwrap_or_else(|| is_old_and_namespaced(&kind)),
        };
        let Some(metadata) = object.value["metadata"].as_object_mut() else {
            continue;
        };
        let is_missing = metadata
            .get("namespace")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty);
        if has_namespace && is_missing {
            metadata.insert("namespace".to_owned(), default_namespace.into());
        }
    }
}

/// Kinds with a namespace of which a version that is gone is still written.
fn is_old_and_namespaced(kind: &str) -> bool {
    template_path(kind).is_some()
        || [
            "Ingress",
            "PodDisruptionBudget",
            "HorizontalPodAutoscaler",
            "NetworkPolicy",
            "Role",
            "RoleBinding",
            "EndpointSlice",
            "Event",
        ]
        .contains(&kind)
}

/// A workload with its pods.
pub(crate) struct Pods<'o> {
    /// The object that makes them.
    pub(crate) object: &'o Object,
    pub(crate) key: Key,
    /// `template` in [`POD_MAKERS`].
    pub(crate) path: &'static [&'static str],
    pub(crate) labels: Option<&'o Map<String, Value>>,
    pub(crate) spec: &'o Value,
}

impl<'o> Pods<'o> {
    fn of(object: &'o Object) -> Option<Self> {
        let key = Key::of(&object.value);
        let path = template_path(&key.kind)?;
        let template = at(&object.value, path)?;
        Some(Self {
            labels: template["metadata"]["labels"].as_object(),
            spec: template.get("spec")?,
            object,
            key,
            path,
        })
    }

    /// Every container with its list and its place in it.
    pub(crate) fn containers(&self) -> impl Iterator<Item = (&'static str, usize, &'o Value)> {
        let spec = self.spec;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |list| {
                let all = items(&spec[list]).iter().enumerate();
                all.map(move |(place, container)| (list, place, container))
            })
    }

    /// The line of a field below the spec of the pods.
    pub(crate) fn line(&self, below: &[&str]) -> usize {
        let mut path: Vec<&str> = self.path.to_vec();
        path.push("spec");
        path.extend(below);
        self.object.line_of(&path)
    }

    /// Whether one of its containers declares a port of this number or name.
    pub(crate) fn declares(&self, port: &Value) -> bool {
        self.port_number(port).is_some()
    }

    /// The number of a port that is named or numbered.
    pub(crate) fn port_number(&self, port: &Value) -> Option<u64> {
        let mut declared = self
            .containers()
            .flat_map(|(_, _, container)| items(&container["ports"]));
        let found = declared.find(|declared| match port {
            Value::String(name) => {
                declared["name"] == *port
                    || name
                        .parse::<u64>()
                        .is_ok_and(|number| declared["containerPort"] == number)
            }
            other => declared["containerPort"] == *other,
        });
        found.and_then(|found| found["containerPort"].as_u64())
    }

    /// Whether a container declares ports at all: one that does not may listen on any.
    pub(crate) fn declares_ports(&self) -> bool {
        self.containers()
            .any(|(_, _, container)| !items(&container["ports"]).is_empty())
    }
}

/// A Service.
pub(crate) struct Service<'o> {
    pub(crate) object: &'o Object,
    pub(crate) key: Key,
    /// The places of its workloads among [`Facts::pods`].
    pub(crate) pods: Vec<usize>,
}

impl<'o> Service<'o> {
    pub(crate) fn ports(&self) -> &'o [Value] {
        items(&self.object.value["spec"]["ports"])
    }

    pub(crate) fn selector(&self) -> Option<&'o Map<String, Value>> {
        let selector = self.object.value["spec"]["selector"].as_object();
        selector.filter(|selector| !selector.is_empty())
    }
}

/// All objects, found by what refers to them.
pub(crate) struct Facts<'o> {
    pub(crate) objects: &'o [Object],
    pub(crate) pods: Vec<Pods<'o>>,
    pub(crate) services: Vec<Service<'o>>,
    by_key: HashMap<Key, &'o Object>,
    /// The Service of a namespace and name, among [`Facts::services`].
    service: HashMap<(&'o str, &'o str), usize>,
    /// The pods of a namespace that have a label.
    by_label: HashMap<(&'o str, &'o str, &'o str), Vec<usize>>,
    by_namespace: BTreeMap<&'o str, Vec<usize>>,
    /// The first Service of each workload, among [`Facts::services`].
    first_service: HashMap<usize, usize>,
}

impl<'o> Facts<'o> {
    pub(crate) fn of(objects: &'o [Object]) -> Self {
        let mut facts = Self {
            objects,
            pods: objects.iter().filter_map(Pods::of).collect(),
            services: Vec::new(),
            by_key: objects
                .iter()
                .map(|object| (Key::of(&object.value), object))
                .collect(),
            service: HashMap::new(),
            by_label: HashMap::new(),
            by_namespace: BTreeMap::new(),
            first_service: HashMap::new(),
        };
        for (place, pods) in facts.pods.iter().enumerate() {
            let namespace = text(&pods.object.value["metadata"]["namespace"]);
            facts.by_namespace.entry(namespace).or_default().push(place);
            for (label, value) in pods.labels.into_iter().flatten() {
                let key = (namespace, label.as_str(), text(value));
                facts.by_label.entry(key).or_default().push(place);
            }
        }
        for object in objects {
            let key = Key::of(&object.value);
            if key.kind != "Service" {
                continue;
            }
            let metadata = &object.value["metadata"];
            let name = (text(&metadata["namespace"]), text(&metadata["name"]));
            facts.service.insert(name, facts.services.len());
            let mut service = Service {
                object,
                key,
                pods: Vec::new(),
            };
            if let Some(selector) = service.selector() {
                service.pods = facts.with_labels(&service.key.namespace, selector);
            }
            for pods in &service.pods {
                let number = facts.services.len();
                facts.first_service.entry(*pods).or_insert(number);
            }
            facts.services.push(service);
        }
        facts
    }

    /// The pods of a namespace that have all of some labels.
    fn with_labels(&self, namespace: &str, labels: &Map<String, Value>) -> Vec<usize> {
        let candidates = labels.iter().map(|(label, value)| {
            let found = self.by_label.get(&(namespace, label.as_str(), text(value)));
            found.map_or(&[][..], Vec::as_slice)
        });
        // The rarest label decides, so that one that all pods have costs nothing.
        let Some(fewest) = candidates.min_by_key(|found| found.len()) else {
            return Vec::new();
        };
        let has_all = |place: &&usize| {
            labels.iter().all(|(label, value)| {
                let own = self.pods[**place].labels;
                own.and_then(|own| own.get(label)) == Some(value)
            })
        };
        fewest.iter().filter(has_all).copied().collect()
    }

    /// The pods of a namespace that a label selector selects; all if it is empty.
    pub(crate) fn selected(&self, namespace: &str, selector: &Value) -> Vec<usize> {
        let labels = selector["matchLabels"].as_object();
        let expressions = items(&selector["matchExpressions"]);
        let all = match labels.filter(|labels| !labels.is_empty()) {
            Some(labels) => self.with_labels(namespace, labels),
            None => self.in_namespace(namespace).to_vec(),
        };
        let matches = |place: &usize| {
            let labels = self.pods[*place].labels;
            expressions.iter().all(|expression| {
                let value = labels.and_then(|labels| labels.get(text(&expression["key"])));
                let is_in =
                    || value.is_some_and(|value| items(&expression["values"]).contains(value));
                match text(&expression["operator"]) {
                    "In" => is_in(),
                    "NotIn" => !is_in(),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
        };
        all.into_iter().filter(matches).collect()
    }

    /// The pods of a namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> &[usize] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The namespaces that have pods.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &'o str> {
        self.by_namespace.keys().copied()
    }

    /// The object of a kind, namespace and name.
    pub(crate) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&'o Object> {
        let key = Key {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.by_key.get(&key).copied()
    }

    /// The first Service that selects the pods of a workload.
    pub(crate) fn service_of(&self, pods: usize) -> Option<&Service<'o>> {
        self.services.get(*self.first_service.get(&pods)?)
    }

    /// The Service of a namespace and name.
    pub(crate) fn service(&self, namespace: &str, name: &str) -> Option<&Service<'o>> {
        let place = self.service.get(&(namespace, name))?;
        self.services.get(*place)
    }
}

/// What refers to a ConfigMap or a Secret in the pods of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference<'v> {
    /// `ConfigMap` or `Secret`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'v str,
    /// The only key that is read; all without one.
    pub(crate) key: Option<&'v str>,
    /// The variable that has its value.
    pub(crate) variable: Option<&'v str>,
    pub(crate) is_optional: bool,
    pub(crate) line: usize,
}

/// The ConfigMaps and Secrets that the pods of a workload read.
pub(crate) fn references<'o>(pods: &Pods<'o>) -> Vec<Reference<'o>> {
    let mut found = Vec::new();
    let optional = |value: &Value| value["optional"] == true;
    for (list, place, container) in pods.containers() {
        let place = place.to_string();
        for (number, variable) in items(&container["env"]).iter().enumerate() {
            for (kind, field) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                let of = &variable["valueFrom"][field];
                if let Some(name) = of["name"].as_str() {
                    let line = pods.line(&[list, &place, "env", &number.to_string()]);
                    found.push(Reference {
                        kind,
                        name,
                        key: of["key"].as_str(),
                        variable: variable["name"].as_str(),
                        is_optional: optional(of),
                        line,
                    });
                }
            }
        }
        for (number, source) in items(&container["envFrom"]).iter().enumerate() {
            for (kind, field) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                if let Some(name) = source[field]["name"].as_str() {
                    let line = pods.line(&[list, &place, "envFrom", &number.to_string()]);
                    found.push(Reference {
                        kind,
                        name,
                        key: None,
                        variable: None,
                        is_optional: optional(&source[field]),
                        line,
                    });
                }
            }
        }
    }
    for (number, volume) in items(&pods.spec["volumes"]).iter().enumerate() {
        let line = pods.line(&["volumes", &number.to_string()]);
        let projected = items(&volume["projected"]["sources"]).iter();
        for source in std::iter::once(volume).chain(projected) {
            let names = [
                ("ConfigMap", &source["configMap"], "name"),
                ("Secret", &source["secret"], "secretName"),
                ("Secret", &source["secret"], "name"),
            ];
            for (kind, of, field) in names {
                if let Some(name) = of[field].as_str() {
                    found.push(Reference {
                        kind,
                        name,
                        key: None,
                        variable: None,
                        is_optional: optional(of),
                        line,
                    });
                }
            }
        }
    }
    found
}
