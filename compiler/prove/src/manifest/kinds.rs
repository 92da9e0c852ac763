//! Which kinds of objects are evaluated, which have no effect on the network, and which may have one
//! that is not evaluated: policies of other APIs, and what makes pods in ways of its own.

use serde::Serialize;

use erpc_yaml::Node;

/// What an object of a kind that is not evaluated may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It allows or denies traffic.
    Policy,
    /// It creates pods.
    Pods,
    /// Not known.
    Unknown,
}

pub(super) enum Found {
    /// A kind that is read.
    Evaluated,
    /// A kind of Kubernetes without a say in who reaches whom.
    Neutral,
    /// An API server would reject it, with the reason.
    Unknown(String),
    /// A kind of another API.
    NotEvaluated(Effect),
}

/// The API groups that consist of these kinds only, and the version that servers have.
const CLOSED: [(&str, &[&str], &[&str]); 4] = [
    (
        "v1",
        &["Namespace", "Pod", "ReplicationController", "Service"],
        &[
            "Binding",
            "ComponentStatus",
            "Config",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "List",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "PodTemplate",
            "ResourceQuota",
            "Secret",
            "ServiceAccount",
            "Status",
        ],
    ),
    (
        "apps/v1",
        &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
        &["ControllerRevision"],
    ),
    ("batch/v1", &["CronJob", "Job"], &[]),
    (
        "networking.k8s.io/v1",
        &["NetworkPolicy"],
        &["IPAddress", "Ingress", "IngressClass", "ServiceCIDR"],
    ),
];

/// Other groups of Kubernetes itself, none of which makes pods or policies.
const NEUTRAL_GROUPS: [&str; 19] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "kustomize.config.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Kinds of other APIs that allow or deny traffic and are not called `…NetworkPolicy`.
const POLICIES: [&str; 10] = [
    "AuthorizationPolicy",
    "EgressFirewall",
    "EgressQoS",
    "MeshTrafficPermission",
    "NetworkPolicySet",
    "PeerAuthentication",
    "Server",
    "ServerAuthorization",
    "ServiceIntentions",
    "TrafficTarget",
];

/// What a kind is to the prover.
pub(super) fn find(version: &str, kind: &str) -> Found {
    if version.is_empty() {
        let is_evaluated = CLOSED.iter().any(|(_, kinds, _)| kinds.contains(&kind));
        return if is_evaluated {
            Found::Evaluated
        } else {
            Found::Neutral
        };
    }
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    for (known, evaluated, neutral) in CLOSED {
        let known_group = known.rsplit_once('/').map_or("", |(group, _)| group);
        if known_group != group {
            continue;
        }
        if evaluated.contains(&kind) {
            if version == known {
                return Found::Evaluated;
            }
            return Found::Unknown(format!(
                "no current version of Kubernetes has `{version}` for {kind}: use `{known}`"
            ));
        }
        if neutral.contains(&kind) {
            return Found::Neutral;
        }
        return Found::Unknown(unknown(version, kind));
    }
    let has_moved = group == "extensions" || group == "policy" && kind == "PodSecurityPolicy";
    if has_moved {
        return Found::Unknown(unknown(version, kind));
    }
    if NEUTRAL_GROUPS.contains(&group) {
        return Found::Neutral;
    }
    let is_policy = kind.ends_with("NetworkPolicy") || POLICIES.contains(&kind);
    Found::NotEvaluated(if is_policy {
        Effect::Policy
    } else {
        Effect::Unknown
    })
}

fn unknown(version: &str, kind: &str) -> String {
    let other = CLOSED
        .iter()
        .find(|(_, evaluated, neutral)| evaluated.contains(&kind) || neutral.contains(&kind));
    match other {
        Some((right, ..)) => {
            format!("Kubernetes has no {kind} in `{version}`: use `{right}`")
        }
        None => format!("Kubernetes has no {kind} in `{version}`"),
    }
}

/// What an object may change: one with a template of pods makes pods.
pub(super) fn effect(effect: Effect, node: &Node) -> Effect {
    if effect != Effect::Unknown {
        return effect;
    }
    let template = |spec: &Node| {
        let pod = spec
            .get("template")
            .and_then(|template| template.get("spec"));
        pod.is_some_and(|pod| pod.get("containers").is_some())
    };
    let makes_pods = node.get("spec").is_some_and(|spec| {
        template(spec)
            || ["jobTemplate", "workload", "workloadRef"]
                .iter()
                .any(|key| spec.get(key).is_some())
            || ["jobTemplate", "workload"]
                .iter()
                .filter_map(|key| spec.get(key).and_then(|below| below.get("spec")))
                .any(template)
    });
    if makes_pods {
        Effect::Pods
    } else {
        Effect::Unknown
    }
}
