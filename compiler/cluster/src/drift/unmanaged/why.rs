//! Why an object that the source does not declare matters, kind by kind.

use serde_json::Value;

use super::own::Own;
use crate::drift::pods::Found;
use crate::path::{FieldPath, plain};
use crate::severity::Severity;
use erpc_emit::Kind;

/// Kinds of which more than the metadata is read.
pub(super) fn needs_whole(kind: &str) -> bool {
    pod_of(kind).is_some()
        || is_route(kind)
        || matches!(
            kind,
            "NetworkPolicy"
                | "Service"
                | "Ingress"
                | "RoleBinding"
                | "ClusterRoleBinding"
                | "HorizontalPodAutoscaler"
                | "PodDisruptionBudget"
        )
}

/// `HTTPRoute`, `GRPCRoute`, … of the Gateway API.
pub(super) fn is_route(kind: &str) -> bool {
    kind.ends_with("Route")
}

/// Where a kind has its pod.
fn pod_of(kind: &str) -> Option<&'static str> {
    match kind {
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "Job"
        | "ReplicationController" => Some("/spec/template"),
        "CronJob" => Some("/spec/jobTemplate/spec/template"),
        "Pod" => Some(""),
        _ => None,
    }
}

impl Own<'_> {
    pub(super) fn why(&self, object: &Found, whole: &Value) -> (String, Severity) {
        use Severity::{ChangesPermissions, OpensNetwork, Other};
        let namespace = object.namespace.as_deref().unwrap_or_default();
        if self.is_listed(object) {
            let why = "an earlier apply made it, and the source does not declare it any more: `erpc apply --prune` deletes it";
            return (why.to_owned(), Other);
        }
        let kind = object.kind.as_str();
        let spec = &whole["spec"];
        match kind {
            "NetworkPolicy" => of_policy(spec),
            "Service" => self.of_service(namespace, spec),
            "Ingress" => {
                let to = self.backends(namespace, spec);
                let why = match to.is_empty() {
                    true => "it routes traffic into the namespace".to_owned(),
                    false => format!("it routes traffic to {}", to.join(", ")),
                };
                (why, OpensNetwork)
            }
            kind if is_route(kind) => ("it routes traffic".to_owned(), OpensNetwork),
            "EndpointSlice" | "Endpoints" => {
                let of = object
                    .label("kubernetes.io/service-name")
                    .unwrap_or(&object.name);
                (
                    format!("it puts addresses behind the Service {namespace}/{of}"),
                    OpensNetwork,
                )
            }
            "Role" | "ClusterRole" => (
                "it may be bound to the platform's accounts".to_owned(),
                ChangesPermissions,
            ),
            "RoleBinding" | "ClusterRoleBinding" => (self.of_binding(whole), ChangesPermissions),
            "Secret" => match object.annotation("kubernetes.io/service-account.name") {
                Some(account) => (
                    format!("it is a token of the ServiceAccount {namespace}/{account}"),
                    ChangesPermissions,
                ),
                None => (NOT_DECLARED.to_owned(), Other),
            },
            "HorizontalPodAutoscaler" => {
                let target = &spec["scaleTargetRef"];
                let target = format!("{} {}", plain(&target["kind"]), plain(&target["name"]));
                (
                    format!("it changes the number of replicas of {target}"),
                    Other,
                )
            }
            "PodDisruptionBudget" => {
                let of = self.service_of(namespace, &spec["selector"]["matchLabels"]);
                let of = of.unwrap_or_else(|| "pods of the namespace".to_owned());
                (
                    format!("it limits how many pods of {of} may be evicted"),
                    Other,
                )
            }
            "ResourceQuota" | "LimitRange" => (
                "it limits what pods of the namespace may use".to_owned(),
                Other,
            ),
            kind => match pod_of(kind) {
                Some(at) => self.of_workload(namespace, whole.pointer(at).unwrap_or(&Value::Null)),
                None => (NOT_DECLARED.to_owned(), Other),
            },
        }
    }

    fn of_service(&self, namespace: &str, spec: &Value) -> (String, Severity) {
        let to = self.service_of(namespace, &spec["selector"]);
        let kind = spec["type"].as_str().unwrap_or("ClusterIP");
        let is_open = kind != "ClusterIP" || !spec["externalIPs"].is_null();
        let why = match &to {
            Some(service) => format!("of type {kind}, it sends traffic to the pods of {service}"),
            None => format!("of type {kind}; {NOT_DECLARED}"),
        };
        let severity = match to.is_some() || is_open {
            true => Severity::OpensNetwork,
            false => Severity::Other,
        };
        (why, severity)
    }

    /// The declared Services that an Ingress routes to.
    fn backends(&self, namespace: &str, spec: &Value) -> Vec<String> {
        let rules = spec["rules"].as_array().into_iter().flatten();
        let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
        let backends = paths.map(|path| &path["backend"]);
        let mut names: Vec<String> = backends
            .chain([&spec["defaultBackend"]])
            .filter_map(|backend| backend["service"]["name"].as_str())
            .map(|name| format!("{namespace}/{name}"))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// `it gives ClusterRole cluster-admin to ServiceAccount shop/web`
    pub(super) fn of_binding(&self, binding: &Value) -> String {
        let role = &binding["roleRef"];
        let namespace = binding["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default();
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let whom: Vec<String> = subjects
            .map(|subject| {
                let of = subject["namespace"].as_str().unwrap_or(namespace);
                let name = plain(&subject["name"]);
                match subject["kind"].as_str() {
                    Some("ServiceAccount") => format!("ServiceAccount {of}/{name}"),
                    kind => format!("{} {name}", kind.unwrap_or_default()),
                }
            })
            .collect();
        format!(
            "it gives {} {} to {}",
            plain(&role["kind"]),
            plain(&role["name"]),
            whom.join(", ")
        )
    }

    fn of_workload(&self, namespace: &str, pod: &Value) -> (String, Severity) {
        let path = FieldPath::from_names(&["spec", "template"]);
        let severity = Severity::of_field(Kind::Deployment, &path, Some(&without_labels(pod)));
        match self.service_of(namespace, &pod["metadata"]["labels"]) {
            Some(service) => (
                format!(
                    "its pods carry the labels of {service}, so that Services and policies take them for that service"
                ),
                Severity::OpensNetwork,
            ),
            None => (NOT_DECLARED.to_owned(), severity),
        }
    }
}

const NOT_DECLARED: &str = "the source does not declare it";

/// A pod of another's has labels of its own, which are no difference.
fn without_labels(pod: &Value) -> Value {
    let mut pod = pod.clone();
    if let Some(pod) = pod.as_object_mut() {
        pod.retain(|key, _| key == "spec");
    }
    if let Some(spec) = pod["spec"].as_object_mut() {
        spec.retain(|key, value| match key.as_str() {
            "securityContext" => false,
            "serviceAccount" | "serviceAccountName" | "automountServiceAccountToken" => false,
            _ => !value.is_null(),
        });
    }
    pod
}

fn of_policy(spec: &Value) -> (String, Severity) {
    let rules = |key: &str| spec[key].as_array().map_or(0, Vec::len);
    let (ingress, egress) = (rules("ingress"), rules("egress"));
    let whom = match spec["podSelector"]["matchLabels"].as_object() {
        Some(labels) if !labels.is_empty() => {
            let labels: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}={}", plain(value)))
                .collect();
            format!("pods with {}", labels.join(", "))
        }
        _ => "every pod of the namespace".to_owned(),
    };
    if ingress + egress == 0 {
        return (
            format!("it selects {whom} and opens nothing"),
            Severity::Other,
        );
    }
    let why = format!(
        "policies are unions: it opens {ingress} ingress and {egress} egress rules for {whom}"
    );
    (why, Severity::OpensNetwork)
}
