//! What a difference between the source and the cluster means: whether it opens the network,
//! changes permissions or a security context. Those three are errors.

use serde_json::Value;

use crate::path::{FieldPath, Segment};
use crate::workload;
use erpc_emit::Kind;

/// The severity of a difference, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may let through connections that the source does not declare.
    OpensNetwork,
    /// It changes what an account may do, or which account a pod has.
    ChangesPermissions,
    /// It changes what code runs in a pod, or what that code may do to its node.
    ChangesSecurityContext,
    /// None of these.
    Other,
}

impl Severity {
    /// As text and JSON have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpensNetwork => "opens-network",
            Self::ChangesPermissions => "changes-permissions",
            Self::ChangesSecurityContext => "changes-security-context",
            Self::Other => "other",
        }
    }

    /// Whether it is an error, and not a warning.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::Other)
    }

    /// Of a field that differs; of one with parts, the gravest of them.
    #[must_use]
    pub fn of_field(kind: Kind, path: &FieldPath, value: Option<&Value>) -> Self {
        let mut names: Vec<&str> = path
            .segments()
            .iter()
            .filter_map(Segment::as_field)
            .collect();
        let is_container = matches!(
            path.segments(),
            [.., Segment::Field(list), Segment::Item(_)] if CONTAINERS.contains(&list.as_str())
        ) || names.last().is_some_and(|name| CONTAINERS.contains(name));
        let own = if is_container {
            // Code that the source does not have runs with the pod's account and flows.
            Self::ChangesSecurityContext
        } else {
            of_names(kind, &names)
        };
        own.min(of_parts(kind, &mut names, value.unwrap_or(&Value::Null)))
    }

    /// Of a declared object that is not there.
    pub(crate) fn of_missing(kind: Kind) -> Self {
        match kind {
            // Without it, more is open: the other policies of a namespace do not deny.
            Kind::NetworkPolicy => Self::OpensNetwork,
            Kind::Role
            | Kind::RoleBinding
            | Kind::ClusterRole
            | Kind::ClusterRoleBinding
            | Kind::ServiceAccount => Self::ChangesPermissions,
            _ => Self::Other,
        }
    }
}

const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The gravest of the parts of a value. Its depth is limited by the parser that read it.
fn of_parts<'v>(kind: Kind, names: &mut Vec<&'v str>, value: &'v Value) -> Severity {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| {
                names.push(name);
                let severity = of_names(kind, names).min(of_parts(kind, names, value));
                names.pop();
                severity
            })
            .min()
            .unwrap_or(Severity::Other),
        Value::Array(items) => items
            .iter()
            .map(|item| of_parts(kind, names, item))
            .min()
            .unwrap_or(Severity::Other),
        _ => Severity::Other,
    }
}

/// Of a field by the names on its path.
fn of_names(kind: Kind, names: &[&str]) -> Severity {
    use Severity::{ChangesPermissions, ChangesSecurityContext, OpensNetwork, Other};
    match (kind, names) {
        (Kind::NetworkPolicy | Kind::Ingress, ["spec", ..])
        // Controllers read them: an internal load balancer becomes a public one.
        | (Kind::Ingress | Kind::Service, ["metadata", "annotations", ..]) => OpensNetwork,
        (Kind::Service, ["spec", field, ..]) if !HARMLESS.contains(field) => OpensNetwork,
        (
            Kind::Role | Kind::ClusterRole | Kind::RoleBinding | Kind::ClusterRoleBinding,
            ["rules" | "aggregationRule" | "subjects" | "roleRef", ..],
        ) => ChangesPermissions,
        (Kind::ClusterRole, ["metadata", "labels", label, ..])
            if label.starts_with("rbac.authorization.k8s.io/aggregate-to-") =>
        {
            ChangesPermissions
        }
        // Annotations of an account give it a role of the cloud.
        (Kind::ServiceAccount, ["metadata", "labels" | "finalizers" | "ownerReferences", ..]) => Other,
        (Kind::ServiceAccount, _) => ChangesPermissions,
        (Kind::Namespace, ["metadata", "labels", label, ..])
            if label.starts_with("pod-security.kubernetes.io/") =>
        {
            ChangesSecurityContext
        }
        (kind, ["spec", "selector", ..]) if workload::is_serving(kind) => OpensNetwork,
        (kind, names) if kind.is_workload() => {
            let at = names.iter().position(|name| *name == "template");
            at.map_or(Other, |at| of_pod(&names[at + 1..]))
        }
        _ => Other,
    }
}

/// Fields of a Service that change how it is reached, and not from where.
const HARMLESS: [&str; 10] = [
    "allocateLoadBalancerNodePorts",
    "clusterIP",
    "clusterIPs",
    "healthCheckNodePort",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "sessionAffinity",
    "sessionAffinityConfig",
    "trafficDistribution",
];

/// Of a field of a pod template.
pub(crate) fn of_pod(names: &[&str]) -> Severity {
    use Severity::{ChangesPermissions, ChangesSecurityContext, OpensNetwork, Other};
    match names {
        // Policies and Services select pods by them.
        ["metadata", "labels", ..] | ["spec", "hostNetwork", ..] => OpensNetwork,
        ["metadata", "annotations", name, ..]
            if name.contains("apparmor") || name.contains("seccomp") =>
        {
            ChangesSecurityContext
        }
        [
            "spec",
            "serviceAccountName" | "serviceAccount" | "automountServiceAccountToken",
            ..,
        ]
        | [
            "spec",
            "volumes",
            "projected",
            "sources",
            "serviceAccountToken",
            ..,
        ] => ChangesPermissions,
        [
            "spec",
            "hostPID"
            | "hostIPC"
            | "hostUsers"
            | "shareProcessNamespace"
            | "securityContext"
            | "runtimeClassName",
            ..,
        ]
        | ["spec", "volumes", "hostPath", ..] => ChangesSecurityContext,
        ["spec", list, "ports", "hostPort" | "hostIP", ..] if CONTAINERS.contains(list) => {
            OpensNetwork
        }
        ["spec", list, "securityContext" | "volumeDevices", ..] if CONTAINERS.contains(list) => {
            ChangesSecurityContext
        }
        _ => Other,
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;
    use crate::path::FieldPath;
    use erpc_emit::Kind;
    use serde_json::{Value, json};

    fn severity_of(kind: Kind, path: &str, value: &Value) -> &'static str {
        let path = FieldPath::of_server(
            path,
            &[&json!({
                "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "x", "rbac.authorization.k8s.io/aggregate-to-admin": "true" } },
            })],
        );
        Severity::of_field(kind, &path, Some(value)).as_str()
    }

    #[test]
    fn each_field_has_the_severity_of_what_it_does() {
        let pod = "spec.template.spec";
        for (kind, path, value, wanted) in [
            (
                Kind::Deployment,
                format!("{pod}.hostNetwork"),
                json!(true),
                "opens-network",
            ),
            (
                Kind::Deployment,
                format!("{pod}.hostPID"),
                json!(true),
                "changes-security-context",
            ),
            (
                Kind::Deployment,
                format!("{pod}.serviceAccountName"),
                json!("admin"),
                "changes-permissions",
            ),
            (
                Kind::Deployment,
                format!("{pod}.containers[name=\"b\"]"),
                json!({ "name": "b" }),
                "changes-security-context",
            ),
            (
                Kind::StatefulSet,
                format!("{pod}.initContainers"),
                json!([{ "name": "b" }]),
                "changes-security-context",
            ),
            (
                Kind::Deployment,
                format!("{pod}.containers[name=\"b\"]"),
                json!({ "ports": [{ "hostPort": 1 }] }),
                "opens-network",
            ),
            (
                Kind::Deployment,
                format!("{pod}.containers[name=\"a\"].env"),
                json!([{ "name": "A" }]),
                "other",
            ),
            (
                Kind::Deployment,
                format!("{pod}.volumes[name=\"v\"]"),
                json!({ "name": "v", "hostPath": { "path": "/" } }),
                "changes-security-context",
            ),
            (
                Kind::Deployment,
                format!("{pod}.tolerations"),
                json!([{ "operator": "Exists" }]),
                "other",
            ),
            (
                Kind::Deployment,
                "spec.template.metadata.labels.x".to_owned(),
                json!("1"),
                "opens-network",
            ),
            (
                Kind::CronJob,
                "spec.jobTemplate.spec.template.spec.hostNetwork".to_owned(),
                json!(true),
                "opens-network",
            ),
            (
                Kind::Service,
                "spec.externalIPs".to_owned(),
                json!(["1.2.3.4"]),
                "opens-network",
            ),
            (
                Kind::Service,
                "spec.sessionAffinity".to_owned(),
                json!("ClientIP"),
                "other",
            ),
            (
                Kind::Role,
                "rules".to_owned(),
                json!([]),
                "changes-permissions",
            ),
            (
                Kind::ClusterRole,
                "metadata.labels.rbac.authorization.k8s.io/aggregate-to-admin".to_owned(),
                json!("true"),
                "changes-permissions",
            ),
            (
                Kind::ServiceAccount,
                "metadata.annotations.x".to_owned(),
                json!("1"),
                "changes-permissions",
            ),
            (
                Kind::Namespace,
                "metadata.labels.pod-security.kubernetes.io/enforce".to_owned(),
                json!("privileged"),
                "changes-security-context",
            ),
            (Kind::ConfigMap, "data.key".to_owned(), json!("1"), "other"),
            (
                Kind::NetworkPolicy,
                "spec.ingress".to_owned(),
                json!([{}]),
                "opens-network",
            ),
        ] {
            assert_eq!(severity_of(kind, &path, &value), wanted, "{kind} {path}");
        }
    }
}
