//! The chart's `files/`: for each kind a list of its objects, less what the templates write and
//! what is a value. A template adds the two together; it names no object. What is otherwise on
//! another cluster, or only there under a profile, says so.

mod network;
pub(super) mod profiles;
mod scaling;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::{End, Mode, Platform, ServiceId};
use erpc_policy::{Derived, PodSecurity};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::network::Sites;
use super::Variants;
use super::values::{Shape, hosts};
use crate::kubernetes::{self, classes, namespaces};
use crate::{Object, yaml};

/// Every kind that a template reads, in the order of their names.
const KINDS: [&str; 21] = [
    "clusterrolebindings",
    "clusterroles",
    "configmaps",
    "cronjobs",
    "deployments",
    "horizontalpodautoscalers",
    "ingressclasses",
    "ingresses",
    "jobs",
    "limitranges",
    "namespaces",
    "networkpolicies",
    "persistentvolumeclaims",
    "poddisruptionbudgets",
    "resourcequotas",
    "rolebindings",
    "roles",
    "serviceaccounts",
    "services",
    "statefulsets",
    "storageclasses",
];

/// What would be values, but is set by a patch: `erp-apps.hl7-health.resources`.
#[derive(Default)]
pub(super) struct Fixed(BTreeSet<String>);

impl Fixed {
    pub(super) fn has(&self, service: &str, value: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&format!("{service}.{value}"))
    }
}

/// The lists by kind.
type Entries = BTreeMap<&'static str, Vec<Value>>;

/// The text of each file by the name of its kind, and what is no value.
pub(super) fn of(
    variants: &Variants<'_>,
    sources: &Sources,
    shape: &Shape,
) -> (Vec<(&'static str, String)>, Fixed) {
    let facts = Facts::of(variants, shape);
    let mut list = List::default();
    facts.shared(sources, &mut list);
    let services: Vec<ServiceId> = variants.platform.services().map(|(id, _)| id).collect();
    let mut of_services: Vec<List> = services
        .into_par_iter()
        .map(|id| {
            let mut list = List::default();
            facts.service(sources, id, &mut list);
            list
        })
        .collect();
    if !shape.reshaping.is_empty() {
        let services = variants.platform.services();
        let paths = services.map(|(id, _)| variants.platform.path(id));
        let mut by_path = paths.zip(&mut of_services).collect();
        profiles::add(variants, sources, shape, &mut by_path);
    }
    for of_service in of_services {
        list.entries.extend(of_service.entries);
        list.fixed.extend(of_service.fixed);
    }
    let mut entries: Entries = KINDS.map(|kind| (kind, Vec::new())).into();
    for (kind, entry) in list.entries {
        entries.entry(kind).or_default().push(entry);
    }
    entries.insert("requirements", facts.requirements());
    let entries: Vec<_> = entries
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .collect();
    let files = entries
        .par_iter()
        .map(|(kind, list)| (*kind, text(list)))
        .collect();
    (files, Fixed(list.fixed))
}

fn text(value: &impl Serialize) -> String {
    let mut out = String::new();
    // JSON has string keys only, which is all that could fail to be written.
    let _ = yaml::write(&mut out, value);
    out
}

/// The file of a kind.
fn plural(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ClusterRole" => "clusterroles",
        "ClusterRoleBinding" => "clusterrolebindings",
        "ConfigMap" => "configmaps",
        "CronJob" => "cronjobs",
        "Deployment" => "deployments",
        "HorizontalPodAutoscaler" => "horizontalpodautoscalers",
        "Ingress" => "ingresses",
        "IngressClass" => "ingressclasses",
        "Job" => "jobs",
        "LimitRange" => "limitranges",
        "Namespace" => "namespaces",
        "NetworkPolicy" => "networkpolicies",
        "PersistentVolumeClaim" => "persistentvolumeclaims",
        "PodDisruptionBudget" => "poddisruptionbudgets",
        "ResourceQuota" => "resourcequotas",
        "Role" => "roles",
        "RoleBinding" => "rolebindings",
        "Service" => "services",
        "ServiceAccount" => "serviceaccounts",
        "StatefulSet" => "statefulsets",
        "StorageClass" => "storageclasses",
        _ => return None,
    })
}

/// Takes a member out of an object.
fn take(value: &mut Value, key: &str) -> Option<Value> {
    value.as_object_mut()?.remove(key)
}

fn put(value: &mut Value, key: &str, member: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), member);
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// Typed objects are always JSON.
fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// What is gathered, in its order.
#[derive(Default)]
struct List {
    entries: Vec<(&'static str, Value)>,
    fixed: BTreeSet<String>,
}

impl List {
    fn push(&mut self, kind: &str, entry: Map<String, Value>) {
        if let Some(plural) = plural(kind) {
            self.entries.push((plural, Value::Object(entry)));
        }
    }
}

struct Facts<'p> {
    variants: &'p Variants<'p>,
    platform: &'p Platform,
    derived: &'p Derived,
    shape: &'p Shape,
    sites: Sites<'p>,
    /// Who observes each service; `None` where somebody does who is never off.
    observers: Vec<Option<BTreeSet<ServiceId>>>,
}

impl<'p> Facts<'p> {
    fn of(variants: &'p Variants<'p>, shape: &'p Shape) -> Self {
        let Variants {
            platform, derived, ..
        } = variants;
        let mut observers = vec![Some(BTreeSet::new()); platform.services.len()];
        for edge in derived.edges.as_slice() {
            if let (End::Service(id), Mode::Observes) = (edge.to, edge.mode) {
                let known = &mut observers[id.index()];
                match (edge.from, known.as_mut()) {
                    (End::Service(from), Some(list)) => {
                        list.insert(from);
                    }
                    (End::Service(_), None) => {}
                    _ => *known = None,
                }
            }
        }
        Self {
            variants,
            platform,
            derived,
            shape,
            sites: Sites::of(variants),
            observers,
        }
    }

    /// What every entry has: who it is.
    fn entry(object: &mut Value) -> Map<String, Value> {
        let mut entry = Map::new();
        let mut metadata = take(object, "metadata").unwrap_or_default();
        for key in ["name", "namespace", "labels", "annotations"] {
            if let Some(value) = take(&mut metadata, key) {
                entry.insert(key.to_owned(), value);
            }
        }
        take(object, "apiVersion");
        take(object, "kind");
        entry
    }

    /// The entry of an object that belongs to a service.
    fn owned(&self, id: ServiceId, object: &mut Value) -> Map<String, Value> {
        let mut entry = Self::entry(object);
        if !entry.contains_key("namespace") {
            entry.insert("isClusterWide".to_owned(), json!(true));
        }
        entry.extend(self.place(id));
        entry
    }

    fn place(&self, id: ServiceId) -> Map<String, Value> {
        let service = &self.platform[id];
        let namespace = &self.platform[service.namespace].name.value;
        Map::from_iter([
            ("namespace".to_owned(), json!(namespace.as_str())),
            ("service".to_owned(), json!(service.name.value.as_str())),
        ])
    }

    /// What the platform has as a whole.
    fn shared(&self, sources: &Sources, list: &mut List) {
        for file in kubernetes::shared(self.platform, self.derived, sources) {
            for object in &file.objects {
                let mut value = json_of(object);
                let kind = object.kind();
                let mut entry = Self::entry(&mut value);
                match kind {
                    // Of each cluster, below.
                    "IngressClass" | "StorageClass" | "ResourceQuota" => continue,
                    "Namespace" => self.pod_security(&mut entry),
                    "ClusterRole" | "ClusterRoleBinding" => {
                        // Of a namespace's account; both are named `<namespace>-role`.
                        let name = object.name();
                        let namespace = name.strip_suffix("-role").unwrap_or(name);
                        entry.insert("namespace".to_owned(), json!(namespace));
                        entry.insert("isClusterWide".to_owned(), json!(true));
                    }
                    _ => {}
                }
                if kind != "NetworkPolicy"
                    && let Value::Object(rest) = value
                {
                    entry.extend(rest);
                }
                list.push(kind, entry);
            }
        }
        self.quotas(list);
        self.classes(list);
    }

    /// Which services a namespace has its level of Pod Security for: without them it has a
    /// stricter one.
    fn pod_security(&self, entry: &mut Map<String, Value>) {
        let name = entry.get("name").and_then(Value::as_str);
        let mut namespaces = self.platform.namespaces();
        let Some((id, namespace)) = namespaces.find(|(_, n)| Some(n.name.value.as_str()) == name)
        else {
            return;
        };
        let level = PodSecurity::of_namespace(self.platform, id);
        let is_said = |label: &str| label.starts_with("pod-security.kubernetes.io/");
        let by_hand = namespace.labels.iter().any(|(label, _)| is_said(label));
        if level == PodSecurity::Restricted || by_hand {
            return;
        }
        let mut services: Map<String, Value> = Map::new();
        for id in &namespace.services {
            let service = &self.platform[*id];
            let needs = PodSecurity::of_service(service);
            if needs > PodSecurity::Restricted {
                let list = services.entry(needs.as_str()).or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(json!(service.name.value.as_str()));
                }
            }
        }
        if let Some(labels) = entry.get_mut("labels").and_then(Value::as_object_mut) {
            labels.retain(|label, _| !is_said(label));
        }
        entry.insert("podSecurity".to_owned(), Value::Object(services));
    }

    /// The quotas that the platform or a profile says; how much is a value.
    fn quotas(&self, list: &mut List) {
        let mut seen = BTreeSet::new();
        for platform in self.variants.all() {
            for object in namespaces::quotas(platform) {
                if object.kind() != "ResourceQuota" {
                    continue;
                }
                let mut entry = Self::entry(&mut json_of(&object));
                entry.remove("spec");
                if seen.insert(object.metadata().namespace.clone()) {
                    list.push("ResourceQuota", entry);
                }
            }
        }
    }

    /// The classes, each with the clusters that have it.
    fn classes(&self, list: &mut List) {
        let mut known: Vec<(&'static str, Map<String, Value>, BTreeSet<String>)> = Vec::new();
        for site in self.sites.all() {
            let platform = site.platform();
            let mut objects = classes::ingress_class(platform);
            objects.extend(classes::storage_classes(platform));
            for object in objects {
                let kind = object.kind();
                let mut value = json_of(&object);
                let mut entry = Self::entry(&mut value);
                if kind == "StorageClass" {
                    entry.insert("fields".to_owned(), value);
                } else if let Value::Object(rest) = value {
                    entry.extend(rest);
                    entry.extend(site.controller());
                    entry.insert("isClusterWide".to_owned(), json!(true));
                }
                match known.iter_mut().find(|(k, e, _)| *k == kind && *e == entry) {
                    Some((_, _, on)) => {
                        on.insert(site.name().to_owned());
                    }
                    None => known.push((kind, entry, BTreeSet::from([site.name().to_owned()]))),
                }
            }
        }
        for (kind, mut entry, on) in known {
            self.sites.only_on(&on, &mut entry);
            list.push(kind, entry);
        }
    }

    /// All that one service has.
    fn service(&self, sources: &Sources, id: ServiceId, list: &mut List) {
        let (files, _) = kubernetes::service(self.platform, self.derived, sources, id);
        for object in files.iter().flat_map(|file| &file.objects) {
            self.object(id, object, list);
        }
        self.policies(id, list);
        self.what_replicas_make(id, list);
    }

    fn object(&self, id: ServiceId, object: &Object, list: &mut List) {
        if matches!(object, Object::NetworkPolicy(_)) {
            // No patch changes one; they come from the contracts, on each cluster.
            return;
        }
        let mut value = json_of(object);
        let mut entry = self.owned(id, &mut value);
        match object {
            Object::Ingress(_) => return self.ingress(id, entry, &value, list),
            Object::HorizontalPodAutoscaler(_) => self.autoscaler(id, &mut entry, &value, list),
            Object::PodDisruptionBudget(_) => self.budget(id, &mut entry, value, list),
            Object::Deployment(_)
            | Object::StatefulSet(_)
            | Object::Job(_)
            | Object::CronJob(_) => self.workload(id, &mut entry, &value, list),
            Object::PersistentVolumeClaim(_) => {
                let name = object.name().to_owned();
                self.claim(id, &name, &mut value, list);
                entry.insert("spec".to_owned(), value["spec"].take());
            }
            Object::Service(_) => {
                self.when_replicated(id, &mut entry);
                entry.insert("spec".to_owned(), value["spec"].take());
            }
            _ => {
                if let Value::Object(rest) = value {
                    entry.extend(rest);
                }
            }
        }
        list.push(object.kind(), entry);
    }

    /// The rules without their hosts, which are values, in the hosts' order; an entry for each
    /// class that clusters say.
    fn ingress(&self, id: ServiceId, entry: Map<String, Value>, object: &Value, list: &mut List) {
        let mut entry = entry;
        let mut spec = object["spec"].clone();
        let said = spec["rules"].as_array().into_iter().flatten();
        let said: BTreeSet<&str> = said.filter_map(|rule| rule["host"].as_str()).collect();
        let hosts = hosts(self.platform, id);
        if said == hosts.iter().copied().collect() {
            let rules = take(&mut spec, "rules").unwrap_or_default();
            let of_host = |host: &&str| {
                let mut rules = rules.as_array().into_iter().flatten();
                let rule = rules.find(|rule| rule["host"] == **host);
                rule.map(|rule| rule["http"]["paths"].clone())
            };
            let paths: Vec<_> = hosts.iter().filter_map(of_host).collect();
            let place = |host: &Value| hosts.iter().position(|known| *host == **known);
            let tls = take(&mut spec, "tls").unwrap_or_default();
            let tls: Vec<Value> = tls
                .as_array()
                .into_iter()
                .flatten()
                .map(|tls| {
                    let hosts = tls["hosts"].as_array().into_iter().flatten();
                    json!({
                        "secretName": tls["secretName"],
                        "hosts": hosts.filter_map(place).collect::<Vec<_>>(),
                    })
                })
                .collect();
            entry.insert("paths".to_owned(), json!(paths));
            if !tls.is_empty() {
                entry.insert("tls".to_owned(), json!(tls));
            }
        } else {
            self.fix(id, "hosts", list);
        }
        let own = self.platform.cluster().ingress.as_ref();
        let own = json!(own.map(|ingress| ingress.class.value.as_str()));
        if spec["ingressClassName"] != own {
            entry.insert("spec".to_owned(), spec);
            return list.push("Ingress", entry);
        }
        for (class, on) in self.sites.ingress_classes() {
            let mut entry = entry.clone();
            let mut spec = spec.clone();
            put(&mut spec, "ingressClassName", json!(class));
            entry.insert("spec".to_owned(), spec);
            self.sites.only_on(&on, &mut entry);
            list.push("Ingress", entry);
        }
    }

    fn fix(&self, id: ServiceId, value: &str, list: &mut List) {
        let path = self.platform.path(id);
        list.fixed.insert(format!("{path}.{value}"));
    }

    /// What each service cannot work without: what it requires, and the controller that serves it.
    fn requirements(&self) -> Vec<Value> {
        let mut list = Vec::new();
        for (id, _) in self.platform.services() {
            let edges = self.derived.edges.from(id).iter();
            let required: BTreeSet<ServiceId> = edges
                .filter(|edge| edge.mode == Mode::Requires)
                .filter_map(|edge| match edge.to {
                    End::Service(to) if to != id => Some(to),
                    _ => None,
                })
                .collect();
            let mut entry = self.place(id);
            if !required.is_empty() {
                let required: Vec<_> = required.into_iter().map(|to| self.place(to)).collect();
                entry.insert("requires".to_owned(), json!(required));
            }
            let mut controllers: Vec<Map<String, Value>> = Vec::new();
            if !self.platform.routes_to(id).is_empty() {
                for site in self.sites.all() {
                    let mut by = site.controller();
                    if by.is_empty() || by == self.place(id) {
                        continue;
                    }
                    let on = self.sites.with_controller(&by);
                    self.sites.only_on(&on, &mut by);
                    if !controllers.contains(&by) {
                        controllers.push(by);
                    }
                }
            }
            if !controllers.is_empty() {
                entry.insert("routedBy".to_owned(), json!(controllers));
            }
            let possible = self.sites.possible(id);
            self.sites.only_on(&possible, &mut entry);
            if entry.len() > 2 {
                list.push(Value::Object(entry));
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, plural};

    #[test]
    fn every_kind_has_its_file() {
        let kinds = [
            "ClusterRole",
            "ClusterRoleBinding",
            "ConfigMap",
            "CronJob",
            "Deployment",
            "HorizontalPodAutoscaler",
            "Ingress",
            "IngressClass",
            "Job",
            "LimitRange",
            "Namespace",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "PodDisruptionBudget",
            "ResourceQuota",
            "Role",
            "RoleBinding",
            "Service",
            "ServiceAccount",
            "StatefulSet",
            "StorageClass",
        ];
        let files: Vec<&str> = kinds.into_iter().filter_map(plural).collect();
        assert_eq!(files.len(), KINDS.len());
        assert!(KINDS.iter().all(|file| files.contains(file)));
        assert_eq!(plural("Pod"), None);
        assert!(KINDS.is_sorted());
    }
}
