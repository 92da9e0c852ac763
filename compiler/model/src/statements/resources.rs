//! Resources of the Kubernetes API as RBAC names them: in the plural, with the group behind a dot.

use erpc_diagnostics::{Diagnostic, Span, codes, nearest};

/// Those of the core group.
const CORE: [&str; 17] = [
    "bindings",
    "componentstatuses",
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "serviceaccounts",
    "services",
];

/// Those of other groups that are often written without theirs.
const GROUPED: [(&str, &str); 20] = [
    ("clusterrolebindings", "rbac.authorization.k8s.io"),
    ("clusterroles", "rbac.authorization.k8s.io"),
    ("cronjobs", "batch"),
    ("customresourcedefinitions", "apiextensions.k8s.io"),
    ("daemonsets", "apps"),
    ("deployments", "apps"),
    ("endpointslices", "discovery.k8s.io"),
    ("horizontalpodautoscalers", "autoscaling"),
    ("ingressclasses", "networking.k8s.io"),
    ("ingresses", "networking.k8s.io"),
    ("jobs", "batch"),
    ("leases", "coordination.k8s.io"),
    ("networkpolicies", "networking.k8s.io"),
    ("poddisruptionbudgets", "policy"),
    ("replicasets", "apps"),
    ("rolebindings", "rbac.authorization.k8s.io"),
    ("roles", "rbac.authorization.k8s.io"),
    ("statefulsets", "apps"),
    ("storageclasses", "storage.k8s.io"),
    ("volumeattachments", "storage.k8s.io"),
];

/// Those without a namespace.
const OF_CLUSTER: [&str; 10] = [
    "clusterrolebindings",
    "clusterroles",
    "componentstatuses",
    "customresourcedefinitions",
    "ingressclasses",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "storageclasses",
    "volumeattachments",
];

/// What stands behind the slash of a resource of Kubernetes.
const SUBRESOURCES: [&str; 18] = [
    "approval",
    "attach",
    "binding",
    "configz",
    "ephemeralcontainers",
    "eviction",
    "exec",
    "finalize",
    "healthz",
    "log",
    "metrics",
    "portforward",
    "proxy",
    "resize",
    "scale",
    "stats",
    "status",
    "token",
];

/// Whether a resource is in no namespace.
pub(super) fn is_of_cluster(name: &str, group: &str) -> bool {
    let name = name.split('/').next().unwrap_or_default();
    let is_known = group.is_empty() && CORE.contains(&name) || GROUPED.contains(&(name, group));
    is_known && OF_CLUSTER.contains(&name)
}

/// What is wrong with a resource of Kubernetes; those of other APIs are not known here.
pub(super) fn finding(
    plural: &str,
    group: &str,
    sub: Option<&str>,
    span: Span,
) -> Option<Diagnostic> {
    let is_core = group.is_empty() && CORE.contains(&plural);
    let is_grouped = GROUPED.contains(&(plural, group));
    if is_core || is_grouped {
        let sub = sub.filter(|sub| !SUBRESOURCES.contains(sub))?;
        return Some(
            Diagnostic::new(
                &codes::UNKNOWN_NAME,
                format!("unknown subresource `{sub}` of `{plural}`"),
            )
            .at(span, "grants nothing")
            .help(format!(
                "rights are on all objects of a kind: write `{plural}`; one object by its name cannot be granted here"
            )),
        );
    }
    if !group.is_empty() {
        return None;
    }
    let behind = sub.map_or(String::new(), |sub| format!("/{sub}"));
    let diagnostic = Diagnostic::new(
        &codes::UNKNOWN_NAME,
        format!("the core API has no resource `{plural}`"),
    )
    .at(span, "grants nothing");
    let right = right_name(plural)?;
    let written = format!("{right}{behind}");
    Some(diagnostic.help(format!("write `{written}`")).fix(
        format!("write `{written}`"),
        span,
        written,
    ))
}

/// The resource that is meant: in the plural, with its group, with typos corrected.
fn right_name(name: &str) -> Option<String> {
    let plurals = [
        name.to_owned(),
        format!("{name}s"),
        format!("{name}es"),
        name.strip_suffix('y')
            .map_or(String::new(), |stem| format!("{stem}ies")),
    ];
    let grouped = |plural: &str| {
        let found = GROUPED.iter().find(|(known, _)| *known == plural);
        found.map(|(known, group)| format!("{known}.{group}"))
    };
    for plural in &plurals {
        if CORE.contains(&plural.as_str()) {
            return Some(plural.clone());
        }
        if let Some(found) = grouped(plural) {
            return Some(found);
        }
    }
    let known = CORE
        .into_iter()
        .chain(GROUPED.iter().map(|(known, _)| *known));
    let near = nearest(name, known)?;
    grouped(near).or_else(|| Some(near.to_owned()))
}
