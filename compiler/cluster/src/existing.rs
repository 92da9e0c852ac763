//! What is in a cluster as it would have been applied: without what controllers made, and without the fields that the
//! server and controllers wrote. Values of Secrets are dropped as they are read.

use erpc_emit::Kind;
use erpc_model::kubernetes::is_system_namespace;
use serde_json::{Map, Value};

use crate::adopt::LAST_APPLIED;
use crate::call::Call;
use crate::client::Cluster;
use crate::diff::SERVERS_METADATA;
use crate::discovery::{Discovery, Resource};
use crate::doctor::network::ENFORCING;
use crate::failure::Failure;
use crate::known::{By, Node, Table, Usual};
use crate::object::{MANAGED_BY, TOOL};
use crate::path::Segment;
use crate::state::STATE_NAMESPACE;

/// What is in a cluster.
#[derive(Debug, Default)]
pub struct Existing {
    /// The objects, by kind.
    pub objects: Vec<Value>,
    /// Kinds that may not be read, with the reason.
    pub unread: Vec<String>,
    /// A chosen namespace that does not exist, with the names of those that do, as far as they may be listed.
    pub missing: Option<(String, Vec<String>)>,
    /// The version of the server: `1.37`.
    pub version: String,
    /// The addresses of Services.
    pub services: Vec<String>,
    /// The network plugin, by the name that a cluster block has for it.
    pub cni: Option<&'static str>,
    /// Storage classes, each with whether it is the default.
    pub storage_classes: Vec<(String, bool)>,
}

/// Kinds that the server and controllers keep, or that are about nodes.
const KEPT_BY_OTHERS: [&str; 20] = [
    "APIService",
    "Binding",
    "CSIDriver",
    "CSINode",
    "CSIStorageCapacity",
    "CertificateSigningRequest",
    "ComponentStatus",
    "ControllerRevision",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "FlowSchema",
    "IPAddress",
    "Lease",
    "Node",
    "NodeMetrics",
    "PersistentVolume",
    "PodMetrics",
    "PriorityLevelConfiguration",
    "ServiceCIDR",
];
/// Objects that every namespace or cluster has.
const OF_CLUSTER: [(&str, &str); 4] = [
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ServiceAccount", "default"),
    ("Service", "kubernetes"),
];

/// Reads what is in a cluster: in some namespaces, or everywhere but in those of the system.
///
/// # Errors
///
/// The server does not answer, or refuses to say which kinds it has.
pub async fn existing(cluster: &Cluster, namespaces: &[String]) -> Result<Existing, Failure> {
    let discovery = Discovery::read(cluster).await?;
    let mut found = Existing {
        version: version(cluster).await?,
        services: services(cluster).await,
        cni: plugin(cluster).await,
        ..Existing::default()
    };
    for resource in &discovery.resources {
        let is_wanted = resource.can("list")
            && resource.can("get")
            && !KEPT_BY_OTHERS.contains(&resource.kind.as_str())
            && resource.group != "metrics.k8s.io"
            && resource.group != "events.k8s.io";
        if !is_wanted {
            continue;
        }
        if resource.kind == "StorageClass" {
            found.read_classes(cluster, resource).await;
        }
        if resource.kind == "Namespace" && !namespaces.is_empty() {
            found.read_namespaces(cluster, resource, namespaces).await;
            if found.missing.is_some() {
                return Ok(found);
            }
        }
        match (resource.is_namespaced, namespaces) {
            (false, []) => found.read(cluster, resource, None).await,
            // What has no namespace is not only of this one.
            (false, _) => {}
            (true, []) => found.read(cluster, resource, None).await,
            (true, namespaces) => {
                for namespace in namespaces {
                    found.read(cluster, resource, Some(namespace)).await;
                }
            }
        }
    }
    Ok(found)
}

/// The ranges of Services; none if the server is older than ServiceCIDRs, or does not show them.
async fn services(cluster: &Cluster) -> Vec<String> {
    let path = "/apis/networking.k8s.io/v1/servicecidrs";
    let ranges = |one: Value| {
        let ranges = one["spec"]["cidrs"].as_array().into_iter().flatten();
        let ranges = ranges.filter_map(|range| range.as_str().map(str::to_owned));
        ranges.collect::<Vec<String>>()
    };
    match cluster.list_as(path, "", ranges).await {
        Ok(found) => found.into_iter().flatten().collect(),
        // The addresses of Services are optional in the cluster block.
        Err(_) => Vec::new(),
    }
}

/// The network plugin, by its agents; `None` if none is known, or if they may not be read.
async fn plugin(cluster: &Cluster) -> Option<&'static str> {
    let name = |one: Value| one["metadata"]["name"].as_str().map(str::to_owned);
    let path = "/apis/apps/v1/daemonsets";
    // Without it the cluster block has an assumption, with a comment that it is one.
    let found = cluster.list_as(path, "", name).await.ok()?;
    let mut names = found.iter().flatten();
    names.find_map(|name| {
        let mut agents = ENFORCING.iter();
        Some(agents.find(|(agent, _)| agent == name)?.1)
    })
}

async fn version(cluster: &Cluster) -> Result<String, Failure> {
    let answer = cluster.call(Call::get("/version")).await?;
    let text = answer.body["gitVersion"].as_str().unwrap_or_default();
    let text = text.trim_start_matches('v');
    let parts: Vec<&str> = text.split('.').take(2).collect();
    Ok(parts.join("."))
}

impl Existing {
    async fn read(&mut self, cluster: &Cluster, resource: &Resource, namespace: Option<&str>) {
        let path = resource.collection(namespace);
        let of = |object| applied(object, resource, namespace.is_some());
        match cluster.list_as(&path, "", of).await {
            Ok(found) => self.objects.extend(found.into_iter().flatten()),
            Err(error) => self.unread.push(format!("{}: {error}", resource.kind)),
        }
    }

    /// Reads the Namespace objects of chosen namespaces.
    async fn read_namespaces(&mut self, cluster: &Cluster, resource: &Resource, names: &[String]) {
        let collection = resource.collection(None);
        for name in names {
            match cluster
                .call(Call::get(format!("{collection}/{name}")))
                .await
            {
                Ok(answer) => self.objects.extend(applied(answer.body, resource, true)),
                Err(error) if error.is_not_found() => {
                    let name_of = |one: Value| one["metadata"]["name"].as_str().map(str::to_owned);
                    let known = match cluster.list_as(&collection, "", name_of).await {
                        Ok(known) => known.into_iter().flatten().collect(),
                        // They are for a suggestion alone.
                        Err(_) => Vec::new(),
                    };
                    self.missing = Some((name.clone(), known));
                    return;
                }
                // Objects of the namespace may be readable all the same.
                Err(error) => self.unread.push(format!("Namespace {name}: {error}")),
            }
        }
    }

    async fn read_classes(&mut self, cluster: &Cluster, resource: &Resource) {
        let default = "storageclass.kubernetes.io/is-default-class";
        let class = |object: Value| {
            let metadata = &object["metadata"];
            let name = metadata["name"].as_str().unwrap_or_default().to_owned();
            (name, metadata["annotations"][default] == "true")
        };
        match cluster.list_as(&resource.collection(None), "", class).await {
            Ok(classes) => self.storage_classes = classes,
            Err(error) => self.unread.push(format!("{}: {error}", resource.kind)),
        }
    }
}

/// An object as it would have been applied; `None` if it was not applied.
fn applied(mut object: Value, resource: &Resource, is_chosen: bool) -> Option<Value> {
    let metadata = &object["metadata"];
    let (name, namespace) = (
        metadata["name"].as_str()?.to_owned(),
        metadata["namespace"].as_str().unwrap_or_default(),
    );
    let owners = metadata["ownerReferences"].as_array();
    let is_made = owners.is_some_and(|owners| !owners.is_empty());
    let is_system = |name: &str| is_system_namespace(name) || name == STATE_NAMESPACE;
    // Every cluster has `default`, and users have objects in it.
    let is_of_system = !is_chosen && is_system(namespace) && namespace != "default"
        || name.starts_with("system:")
        || !metadata["labels"]["kubernetes.io/bootstrapping"].is_null()
        || resource.kind == "PriorityClass" && name.starts_with("system-")
        || resource.kind == "Namespace" && is_system(&name);
    let is_of_cluster = OF_CLUSTER.contains(&(resource.kind.as_str(), name.as_str()));
    let of_tool = ["helm.sh/release.v1", "kubernetes.io/service-account-token"];
    let is_of_tool = object["type"]
        .as_str()
        .is_some_and(|own| of_tool.contains(&own));
    if is_made || is_of_system || is_of_cluster || is_of_tool {
        return None;
    }
    let api_version = match resource.group.as_str() {
        "" => resource.version.clone(),
        group => format!("{group}/{}", resource.version),
    };
    object["apiVersion"] = api_version.into();
    object["kind"] = resource.kind.as_str().into();
    if resource.kind == "Secret" {
        without_values(&mut object);
    }
    without_servers(&mut object, &name);
    Some(object)
}

/// Keeps the names of the keys.
fn without_values(secret: &mut Value) {
    for field in ["data", "stringData"] {
        if let Some(values) = secret[field].as_object_mut() {
            for value in values.values_mut() {
                *value = "".into();
            }
        } else if let Some(fields) = secret.as_object_mut() {
            fields.remove(field);
        }
    }
}

/// Drops what the server and controllers wrote.
fn without_servers(object: &mut Value, name: &str) {
    let kind = object["kind"].as_str().and_then(Kind::named);
    // The table says "any" of an address that is chosen; that there is none is declared.
    let is_headless = object["spec"]["clusterIP"] == "None";
    let storage_class = object["spec"]["storageClassName"].clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|key, _| !SERVERS_METADATA.contains(&key.as_str()));
            without(metadata, "annotations", |key, _| key == LAST_APPLIED);
            without(metadata, "labels", |key, value| {
                key == MANAGED_BY && value == TOOL
            });
        }
        if let Some(root) = kind.and_then(|kind| Table::whole().root(kind)) {
            strip(fields, root, name);
        }
    }
    match kind {
        Some(Kind::Service) if is_headless => object["spec"]["clusterIP"] = "None".into(),
        Some(Kind::PersistentVolumeClaim) if !storage_class.is_null() => {
            object["spec"]["storageClassName"] = storage_class;
        }
        _ => {}
    }
}

/// Drops what tools mark objects with: the label of erpc, and kubectl's copy of what was applied, which has the values
/// of a Secret.
fn without(metadata: &mut Map<String, Value>, field: &str, is_mark: fn(&str, &Value) -> bool) {
    let Some(Value::Object(entries)) = metadata.get_mut(field) else {
        return;
    };
    entries.retain(|key, value| !is_mark(key, value));
    if entries.is_empty() {
        metadata.remove(field);
    }
}

/// Drops the fields of a map that the table knows.
fn strip(fields: &mut Map<String, Value>, node: &Node, name: &str) {
    let beside = Value::Object(fields.clone());
    let mut dropped = Vec::new();
    for (key, value) in fields.iter_mut() {
        let Some(node) = node.step(&Segment::Field(key.clone())) else {
            continue;
        };
        match value {
            Value::Object(below) => {
                strip(below, node, name);
            }
            Value::Array(items) => {
                for item in items {
                    if let (Value::Object(below), Some(node)) = (item, node.item()) {
                        strip(below, node, name);
                    }
                }
            }
            _ => {}
        }
        let Some(row) = node.row() else {
            continue;
        };
        let is_written = !matches!(row.by, By::Anyone);
        let is_usual = match row.value {
            Usual::Map => value.as_object().is_some_and(Map::is_empty),
            usual => usual.is(value, &beside, name),
        };
        // A port of the nodes that is in use stays the same.
        if is_written && is_usual && key != "nodePort" {
            dropped.push(key.clone());
        }
    }
    for key in dropped {
        fields.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::without_servers;
    use serde_json::json;

    #[test]
    fn defaults_and_addresses_are_dropped_and_settings_stay() {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "status": { "loadBalancer": {} },
            "metadata": { "name": "web", "uid": "1", "resourceVersion": "2", "labels": { "app": "web" } },
            "spec": {
                "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "type": "ClusterIP",
                "selector": { "app": "web" }, "sessionAffinity": "None",
                "ports": [{ "port": 80, "protocol": "TCP", "targetPort": 8080 }]
            }
        });
        without_servers(&mut service, "web");
        let expected = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "labels": { "app": "web" } },
            "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "targetPort": 8080 }] }
        });
        assert_eq!(service, expected);
    }

    #[test]
    fn the_copy_of_kubectl_is_dropped_with_the_values_in_it() {
        let copy = "kubectl.kubernetes.io/last-applied-configuration";
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "login", "annotations": { copy: "{\"data\":{\"a\":\"aHVudGVyMg==\"}}" } },
            "data": { "a": "" },
        });
        without_servers(&mut secret, "login");
        assert_eq!(secret["metadata"], json!({ "name": "login" }));
    }

    #[test]
    fn a_service_without_an_address_keeps_having_none() {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
            "spec": { "clusterIP": "None", "clusterIPs": ["None"] }
        });
        without_servers(&mut service, "web");
        assert_eq!(service["spec"], json!({ "clusterIP": "None" }));
    }
}
