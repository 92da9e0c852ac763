//! The chart's `files/`: for each kind a list of its objects, less what the templates write and
//! what is a value. A template adds the two together; it names no object.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::{End, Mode, Platform, Scaling, ServiceId, Spread};
use erpc_policy::{Derived, Implied, NAME_LABEL, WorkloadPolicy, policies};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::values::pull;
use crate::kubernetes::{budget, network_policy, pod, services};
use crate::yaml;

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

type Entries = BTreeMap<&'static str, Vec<Value>>;

/// The text of each file by the name of its kind.
pub(super) fn of(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
) -> Vec<(&'static str, String)> {
    let mut entries: Entries = KINDS.map(|kind| (kind, Vec::new())).into();
    let facts = Facts::of(platform, derived);
    for file in crate::objects(platform, derived, sources) {
        let owner = facts.owner(&file.path);
        for object in &file.objects {
            // Typed objects are always JSON.
            let value = serde_json::to_value(object).unwrap_or_default();
            facts.add(&mut entries, object.kind(), owner, value);
        }
    }
    facts.add_what_replicas_make(&mut entries);
    entries.insert("requirements", facts.requirements());
    entries
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(kind, list)| (kind, text(&list)))
        .collect()
}

fn text(value: &impl Serialize) -> String {
    let mut out = String::new();
    // JSON has string keys only, which is all that could fail to be written.
    let _ = yaml::write(&mut out, value);
    out
}

fn plural(kind: &str) -> Option<&'static str> {
    let lower = kind.to_ascii_lowercase();
    KINDS.into_iter().find(|plural| {
        *plural == format!("{lower}s")
            || *plural == format!("{lower}es")
            || lower
                .strip_suffix('y')
                .is_some_and(|stem| *plural == format!("{stem}ies"))
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

struct Facts<'p> {
    platform: &'p Platform,
    derived: &'p Derived,
    by_path: BTreeMap<String, ServiceId>,
    /// The contracts where no Ingress is installed.
    without_routes: Vec<WorkloadPolicy>,
}

impl<'p> Facts<'p> {
    fn of(platform: &'p Platform, derived: &'p Derived) -> Self {
        let implied = Implied::without_routes(platform, &derived.edges);
        Self {
            platform,
            derived,
            by_path: platform
                .services()
                .map(|(id, _)| (platform.path(id), id))
                .collect(),
            without_routes: policies(platform, &derived.edges, &implied),
        }
    }

    /// Whose a file is: `lib/<namespace>/<service>/…`.
    fn owner(&self, path: &str) -> Option<ServiceId> {
        let mut parts = path.strip_prefix("lib/")?.split('/');
        let (namespace, service) = (parts.next()?, parts.next()?);
        self.by_path.get(&format!("{namespace}.{service}")).copied()
    }

    /// What every entry has: who it is and whose.
    fn entry(&self, owner: Option<ServiceId>, object: &mut Value) -> Map<String, Value> {
        let mut entry = Map::new();
        let mut metadata = take(object, "metadata").unwrap_or_default();
        for key in ["name", "namespace", "labels", "annotations"] {
            if let Some(value) = take(&mut metadata, key) {
                entry.insert(key.to_owned(), value);
            }
        }
        if let Some(id) = owner {
            if !entry.contains_key("namespace") {
                entry.insert("isClusterWide".to_owned(), json!(true));
            }
            entry.extend(self.place(id));
        }
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

    fn add(&self, entries: &mut Entries, kind: &str, owner: Option<ServiceId>, object: Value) {
        let Some(plural) = plural(kind) else {
            return;
        };
        let mut object = object;
        let mut owner = owner;
        take(&mut object, "apiVersion");
        take(&mut object, "kind");
        if kind == "IngressClass" {
            let ingress = self.platform.cluster().ingress.as_ref();
            owner = ingress.and_then(|ingress| ingress.controller.service());
        }
        let mut entry = self.entry(owner, &mut object);
        if matches!(kind, "ClusterRole" | "ClusterRoleBinding") && owner.is_none() {
            // Of a namespace's account; both are named `<namespace>-role`.
            let name = entry
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let namespace = name.strip_suffix("-role").unwrap_or(name).to_owned();
            entry.insert("namespace".to_owned(), json!(namespace));
            entry.insert("isClusterWide".to_owned(), json!(true));
        }
        match kind {
            "NetworkPolicy" => {
                if owner.is_some() {
                    // Added from the contracts, with and without routes.
                    return self.add_contract(entries, owner, &entry, &object);
                }
            }
            "StorageClass" => {
                entry.insert("fields".to_owned(), object);
            }
            "Ingress" => Self::ingress(&mut entry, &object),
            "HorizontalPodAutoscaler" => self.autoscaler(&mut entry, &object, owner),
            "Deployment" | "StatefulSet" | "Job" | "CronJob" => {
                if let Some(id) = owner {
                    self.workload(&mut entry, &object, id);
                }
            }
            "PersistentVolumeClaim" => {
                let mut spec = take(&mut object, "spec").unwrap_or_default();
                strip_claim(&mut spec);
                entry.insert("spec".to_owned(), spec);
            }
            "Service" => {
                if let Some(id) = owner
                    && self
                        .derived
                        .edges
                        .would_be_found_by_replica(self.platform, id)
                    && entry.get("name")
                        == Some(&json!(format!("{}-pods", self.platform[id].name.value)))
                {
                    entry.insert("whenReplicated".to_owned(), json!(true));
                }
                entry.insert("spec".to_owned(), object["spec"].clone());
            }
            _ => {
                if let Value::Object(rest) = object {
                    entry.extend(rest);
                }
            }
        }
        entries
            .entry(plural)
            .or_default()
            .push(Value::Object(entry));
    }

    /// A contract, and where it is another without routes, that too.
    fn add_contract(
        &self,
        entries: &mut Entries,
        owner: Option<ServiceId>,
        entry: &Map<String, Value>,
        object: &Value,
    ) {
        let Some(id) = owner else {
            return;
        };
        let list = entries.entry("networkpolicies").or_default();
        let name = entry.get("name").cloned().unwrap_or_default();
        let with = self.rules(object);
        let others = network_policy::contract(self.platform, &self.without_routes[id.index()], id);
        let other = others.iter().find(|other| name == other.name());
        let without =
            other.map(|other| self.rules(&serde_json::to_value(other).unwrap_or_default()));
        let mut push = |rules: Map<String, Value>, routes: Option<bool>| {
            let mut entry = entry.clone();
            entry.extend(rules);
            if let Some(routes) = routes {
                entry.insert("routes".to_owned(), json!(routes));
            }
            list.push(Value::Object(entry));
        };
        match without {
            Some(without) if without == with => push(with, None),
            Some(without) => {
                push(with, Some(true));
                push(without, Some(false));
            }
            None => push(with, Some(true)),
        }
    }

    /// The rules of a policy with services by their names, which a template can leave out.
    fn rules(&self, object: &Value) -> Map<String, Value> {
        let mut out = Map::new();
        for (direction, side) in [("ingress", "from"), ("egress", "to")] {
            let rules = object["spec"][direction].as_array();
            let rules: Vec<Value> = rules
                .into_iter()
                .flatten()
                .map(|rule| {
                    let peers = rule[side].as_array().into_iter().flatten();
                    json!({
                        "peers": peers.map(|peer| self.peer(peer)).collect::<Vec<_>>(),
                        "ports": rule["ports"],
                    })
                })
                .collect();
            if !rules.is_empty() {
                out.insert(direction.to_owned(), json!(rules));
            }
        }
        out
    }

    fn peer(&self, peer: &Value) -> Value {
        if !peer["ipBlock"].is_null() {
            return peer["ipBlock"].clone();
        }
        let namespace = &peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
        let labels = &peer["podSelector"]["matchLabels"];
        let names: Vec<&str> = match peer["podSelector"]["matchExpressions"][0]["values"].as_array()
        {
            Some(names) => names.iter().filter_map(Value::as_str).collect(),
            None => match labels.as_object() {
                Some(map) if map.len() == 1 => labels[NAME_LABEL].as_str().into_iter().collect(),
                _ => Vec::new(),
            },
        };
        let namespace_name = namespace.as_str().unwrap_or_default();
        let are_ours = !names.is_empty()
            && names.iter().all(|name| {
                self.by_path
                    .contains_key(&format!("{namespace_name}.{name}"))
            });
        if are_ours {
            json!({"namespace": namespace, "services": names})
        } else {
            json!({"namespace": namespace, "labels": labels})
        }
    }

    /// The rules without their hosts, which are values, in the hosts' order.
    fn ingress(entry: &mut Map<String, Value>, object: &Value) {
        let mut spec = object["spec"].clone();
        let rules = take(&mut spec, "rules").unwrap_or_default();
        let rules = rules.as_array().cloned().unwrap_or_default();
        let place = |host: &Value| rules.iter().position(|rule| rule["host"] == *host);
        let tls: Vec<Value> = take(&mut spec, "tls")
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|tls| {
                let hosts = tls["hosts"].as_array().into_iter().flatten();
                json!({
                    "secretName": tls["secretName"],
                    "rules": hosts.filter_map(place).collect::<Vec<_>>(),
                })
            })
            .collect();
        if !tls.is_empty() {
            entry.insert("tls".to_owned(), json!(tls));
        }
        let paths: Vec<&Value> = rules.iter().map(|rule| &rule["http"]).collect();
        entry.insert("rules".to_owned(), json!(paths));
        if !is_empty(&spec) {
            entry.insert("spec".to_owned(), spec);
        }
    }

    fn autoscaler(&self, entry: &mut Map<String, Value>, object: &Value, owner: Option<ServiceId>) {
        let mut spec = object["spec"].clone();
        take(&mut spec, "minReplicas");
        take(&mut spec, "maxReplicas");
        let scaling = owner.map(|id| &self.platform[id].scaling);
        let targets = match scaling {
            Some(Scaling::Auto(scale)) => [scale.value.cpu, scale.value.memory],
            Some(Scaling::Fixed(_)) | None => [None, None],
        };
        let said: Vec<u64> = targets.into_iter().flatten().map(u64::from).collect();
        let metrics = spec["metrics"].as_array().into_iter().flatten();
        let has: Vec<u64> = metrics
            .filter_map(|metric| metric["resource"]["target"]["averageUtilization"].as_u64())
            .collect();
        // A patch may have put others there.
        if said == has && spec["metrics"].as_array().map(Vec::len) == Some(has.len()) {
            take(&mut spec, "metrics");
        }
        entry.insert("spec".to_owned(), spec);
    }

    fn workload(&self, entry: &mut Map<String, Value>, object: &Value, id: ServiceId) {
        let mut spec = object["spec"].clone();
        let template = match take(&mut spec, "jobTemplate") {
            Some(mut job) => {
                let mut inner = take(&mut job, "spec").unwrap_or_default();
                let template = take(&mut inner, "template").unwrap_or_default();
                if !is_empty(&inner) {
                    put(&mut job, "spec", inner);
                }
                entry.insert("jobTemplate".to_owned(), job);
                template
            }
            None => take(&mut spec, "template").unwrap_or_default(),
        };
        if let Scaling::Fixed(count) = &self.platform[id].scaling
            && spec["replicas"] == json!(count.value)
        {
            take(&mut spec, "replicas");
        }
        if let Some(claims) = take(&mut spec, "volumeClaimTemplates") {
            let mut claims = claims;
            for claim in claims.as_array_mut().into_iter().flatten() {
                if let Some(spec) = claim.get_mut("spec") {
                    strip_claim(spec);
                }
            }
            entry.insert("claims".to_owned(), claims);
        }
        entry.insert("pod".to_owned(), self.pod(&template, id));
        if !is_empty(&spec) {
            entry.insert("spec".to_owned(), spec);
        }
    }

    fn pod(&self, template: &Value, id: ServiceId) -> Value {
        let service = &self.platform[id];
        let mut spec = template["spec"].clone();
        let mut pod = json!({"metadata": template["metadata"]});
        let containers = take(&mut spec, "containers").unwrap_or_default();
        put(
            &mut pod,
            "container",
            self.container(containers[0].clone(), id),
        );
        if let Some(list) = take(&mut spec, "initContainers") {
            let list = list.as_array().into_iter().flatten();
            let list: Vec<Value> = list.map(|one| self.container(one.clone(), id)).collect();
            put(&mut pod, "initContainers", json!(list));
        }
        let derived = pod::with_replicas(self.platform, service);
        let mut derived = serde_json::to_value(derived).unwrap_or_default();
        let is_spread = service.scaling.bounds().max > 1;
        let expected = if is_spread {
            json!([derived])
        } else {
            Value::Null
        };
        if !service.is_job() && spec["topologySpreadConstraints"] == expected {
            take(&mut spec, "topologySpreadConstraints");
            take(&mut derived, "whenUnsatisfiable");
            let by_node = service
                .spread
                .as_ref()
                .is_none_or(|over| over.value == Spread::Node);
            put(
                &mut pod,
                "spread",
                json!({"byNode": by_node, "constraint": derived}),
            );
        }
        put(&mut pod, "spec", spec);
        pod
    }

    /// A container without what is a value; what a patch has changed of that stays.
    fn container(&self, container: Value, id: ServiceId) -> Value {
        let mut container = container;
        let name = container["name"].as_str().unwrap_or_default();
        let declared = self.platform[id]
            .containers()
            .find(|declared| declared.name.value == name);
        if let Some(declared) = declared
            && container["image"] == json!(declared.image.value.to_string())
        {
            take(&mut container, "image");
        }
        if container["imagePullPolicy"] == json!(pull(self.platform.pull.value)) {
            take(&mut container, "imagePullPolicy");
        }
        take(&mut container, "resources");
        container
    }

    /// What there is only from two pods on, of the services that have fewer.
    fn add_what_replicas_make(&self, entries: &mut Entries) {
        for (id, service) in self.platform.services() {
            if service.is_job() {
                continue;
            }
            let bounds = service.scaling.bounds();
            let has_pods = self
                .derived
                .edges
                .would_be_found_by_replica(self.platform, id);
            if bounds.min < 2 {
                let object = serde_json::to_value(budget::with_replicas(self.platform, id));
                let object = object.unwrap_or_default();
                self.add(entries, "PodDisruptionBudget", Some(id), object);
            }
            if bounds.max < 2 && has_pods {
                let object =
                    serde_json::to_value(services::every_pod(self.platform, self.derived, id));
                self.add(entries, "Service", Some(id), object.unwrap_or_default());
            }
        }
    }

    /// Who cannot work without whom.
    fn requirements(&self) -> Vec<Value> {
        let ingress = self.platform.cluster().ingress.as_ref();
        let controller = ingress.and_then(|ingress| ingress.controller.service());
        let mut list = Vec::new();
        for (id, _) in self.platform.services() {
            let required: BTreeSet<ServiceId> = self
                .derived
                .edges
                .from(id)
                .iter()
                .filter(|edge| edge.mode == Mode::Requires)
                .filter_map(|edge| match edge.to {
                    End::Service(to) if to != id => Some(to),
                    _ => None,
                })
                .collect();
            let routed_by =
                controller.filter(|by| *by != id && !self.platform.routes_to(id).is_empty());
            if required.is_empty() && routed_by.is_none() {
                continue;
            }
            let mut entry = self.place(id);
            let required: Vec<_> = required.into_iter().map(|to| self.place(to)).collect();
            entry.insert("requires".to_owned(), json!(required));
            if let Some(by) = routed_by {
                entry.insert("routedBy".to_owned(), json!(self.place(by)));
            }
            list.push(Value::Object(entry));
        }
        list
    }
}

/// A claim without its size and its class, which are values.
fn strip_claim(spec: &mut Value) {
    take(spec, "resources");
    take(spec, "storageClassName");
}

#[cfg(test)]
mod tests {
    use super::{KINDS, plural};

    #[test]
    fn every_kind_has_its_file() {
        for kind in [
            "Ingress",
            "IngressClass",
            "NetworkPolicy",
            "Service",
            "StorageClass",
        ] {
            assert!(plural(kind).is_some(), "{kind}");
        }
        assert!(KINDS.is_sorted());
    }
}
