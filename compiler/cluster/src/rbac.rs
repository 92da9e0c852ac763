//! The least rights that a platform needs, as objects to be applied by who may grant them: derived
//! from the objects themselves, so that a kind that the platform does not have is in no rule.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::inventory::{STATE_NAMESPACE, name};
use crate::kind::Kind;
use crate::moves::Moves;
use crate::object::{MANAGED_BY, Program};

/// Who gets the rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user by name.
    User(String),
    /// A group by name.
    Group(String),
    /// A service account: namespace and name.
    ServiceAccount(String, String),
}

impl Subject {
    fn to_json(&self) -> Value {
        const GROUP: &str = "rbac.authorization.k8s.io";
        match self {
            Self::User(name) => json!({ "apiGroup": GROUP, "kind": "User", "name": name }),
            Self::Group(name) => json!({ "apiGroup": GROUP, "kind": "Group", "name": name }),
            Self::ServiceAccount(namespace, name) => {
                json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
            }
        }
    }
}

/// One right: what may be done to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// In which namespace; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// API group.
    pub group: String,
    /// Resource, with a subresource: `pods/log`.
    pub resource: String,
    /// Only objects of these names; all where empty.
    pub names: Vec<String>,
    /// `get`, `list`, …
    pub verbs: Vec<&'static str>,
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["get", "list", "watch", "create", "patch"];
const OWN: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// What an account does beside plan, apply, status, drift and doctor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Powers {
    /// `erpc destroy`.
    pub destroys: bool,
    /// `erpc probe --run`.
    pub probes: bool,
}

/// What a right is about: namespace, group, resource, names.
type Of = (Option<String>, String, String, Vec<String>);

/// Every right that plan, apply, status, drift and doctor need, and what else is asked for, sorted.
#[must_use]
pub fn rights(program: &Program<'_>, powers: Powers) -> Vec<Right> {
    let Powers { destroys, probes } = powers;
    let mut rights: BTreeMap<Of, BTreeSet<&'static str>> = BTreeMap::new();
    // What is needed for two reasons is one right.
    let mut add = |namespace: Option<&str>,
                   group: &str,
                   resource: &str,
                   names: &[String],
                   verbs: &[&'static str]| {
        let key = (
            namespace.map(str::to_owned),
            group.to_owned(),
            resource.to_owned(),
            names.to_vec(),
        );
        rights.entry(key).or_default().extend(verbs);
    };
    add(
        None,
        "",
        "namespaces",
        &[],
        if destroys { OWN } else { WRITE },
    );
    add(None, "", "nodes", &[], &["get", "list"]);
    add(None, "storage.k8s.io", "storageclasses", &[], READ);
    add(None, "networking.k8s.io", "ingressclasses", &[], READ);
    let kinds = program.kinds();
    for kind in kinds
        .iter()
        .filter(|kind| !kind.is_namespaced() && **kind != Kind::Namespace)
    {
        let verbs = if destroys || !matches!(kind, Kind::StorageClass) {
            OWN
        } else {
            WRITE
        };
        add(None, kind.group(), kind.plural(), &[], verbs);
    }
    granted(program, None, Kind::ClusterRole, &mut add);
    let moves = Moves::of(program);
    let moves_volumes = moves.has_volumes(program);
    if moves_volumes {
        add(None, "", "persistentvolumes", &[], &["get", "patch"]);
    }
    let mut namespaces = moves.old_namespaces();
    let own = program.platform.namespaces();
    namespaces.extend(own.map(|(_, namespace)| namespace.name.value.to_string()));
    let stateful: BTreeSet<&str> = program
        .objects
        .iter()
        .filter(|object| object.id.kind == Kind::StatefulSet)
        .filter_map(|object| object.id.namespace.as_deref())
        .collect();
    for namespace in &namespaces {
        let namespace = namespace.as_str();
        for kind in kinds.iter().filter(|kind| kind.is_namespaced()) {
            let verbs = match kind {
                Kind::PersistentVolumeClaim if !destroys && !moves_volumes => WRITE,
                _ => OWN,
            };
            add(Some(namespace), kind.group(), kind.plural(), &[], verbs);
        }
        for (group, resource) in [
            ("", "pods"),
            ("", "events"),
            ("", "services"),
            ("", "persistentvolumeclaims"),
            ("", "resourcequotas"),
            ("", "limitranges"),
            ("apps", "deployments"),
            ("apps", "statefulsets"),
            ("apps", "replicasets"),
            ("apps", "daemonsets"),
            ("batch", "jobs"),
            ("discovery.k8s.io", "endpointslices"),
            ("networking.k8s.io", "networkpolicies"),
            ("autoscaling", "horizontalpodautoscalers"),
        ] {
            add(Some(namespace), group, resource, &[], READ);
        }
        add(Some(namespace), "", "pods/log", &[], &["get"]);
        if stateful.contains(namespace) {
            // A pod of a failed revision blocks its StatefulSet until it is deleted.
            add(Some(namespace), "", "pods", &[], &["delete"]);
        }
        if moves_volumes {
            let verbs = &["create", "patch", "delete"];
            add(Some(namespace), "", "persistentvolumeclaims", &[], verbs);
        }
        if probes {
            let verbs = &["create", "patch", "delete"];
            add(Some(namespace), "batch", "jobs", &[], verbs);
        }
        granted(program, Some(namespace), Kind::Role, &mut add);
        let secrets = secrets(program, namespace);
        if !secrets.is_empty() {
            add(Some(namespace), "", "secrets", &secrets, &["get"]);
        }
    }
    let lock = vec![name(program.name())];
    let mut state = lock.clone();
    state.extend(crate::history::part_names(program.name()));
    for (group, resource, names) in [
        ("", "configmaps", &state),
        ("coordination.k8s.io", "leases", &lock),
    ] {
        add(Some(STATE_NAMESPACE), group, resource, &[], &["create"]);
        add(
            Some(STATE_NAMESPACE),
            group,
            resource,
            names,
            &["get", "update", "delete"],
        );
    }
    add(
        Some("default"),
        "",
        "services",
        &["kubernetes".to_owned()],
        &["get"],
    );
    add(
        Some("default"),
        "discovery.k8s.io",
        "endpointslices",
        &[],
        &["list"],
    );
    rights
        .into_iter()
        .map(|((namespace, group, resource, names), verbs)| Right {
            namespace,
            group,
            resource,
            names,
            verbs: verbs.into_iter().collect(),
        })
        .collect()
}

/// Kubernetes lets nobody grant what he does not hold, unless he may `escalate` and `bind` just
/// these roles.
fn granted(
    program: &Program<'_>,
    namespace: Option<&str>,
    kind: Kind,
    add: &mut impl FnMut(Option<&str>, &str, &str, &[String], &[&'static str]),
) {
    let names: Vec<String> = program
        .objects
        .iter()
        .filter(|object| object.id.kind == kind && object.id.namespace.as_deref() == namespace)
        .map(|object| object.id.name.to_string())
        .collect();
    if !names.is_empty() {
        add(
            namespace,
            kind.group(),
            kind.plural(),
            &names,
            &["escalate", "bind"],
        );
    }
}

fn secrets(program: &Program<'_>, namespace: &str) -> Vec<String> {
    let platform = program.platform;
    let mut names: Vec<String> = platform
        .secrets
        .iter()
        .filter(|secret| {
            let of = |id: &erpc_model::NamespaceId| platform[*id].name.value == namespace;
            secret.namespace.iter().any(of) || secret.used_in.iter().any(of)
        })
        .map(|secret| secret.name.value.to_string())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The objects that grant the rights: namespaces, roles, bindings.
#[must_use]
pub fn rbac(program: &Program<'_>, subject: &Subject, powers: Powers) -> Vec<Value> {
    let mut by_namespace: BTreeMap<Option<String>, Vec<Value>> = BTreeMap::new();
    for right in rights(program, powers) {
        let mut rule = json!({
            "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs,
        });
        if !right.names.is_empty() {
            rule["resourceNames"] = json!(right.names);
        }
        by_namespace.entry(right.namespace).or_default().push(rule);
    }
    let mut objects = Vec::new();
    for namespace in by_namespace
        .keys()
        .flatten()
        .filter(|name| *name != "default")
    {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": namespace },
        }));
    }
    let role_name = name(program.name());
    for (namespace, rules) in by_namespace {
        let (role, binding) = match namespace {
            Some(_) => ("Role", "RoleBinding"),
            None => ("ClusterRole", "ClusterRoleBinding"),
        };
        let mut metadata = json!({ "name": role_name, "labels": { MANAGED_BY: "erpc" } });
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        objects.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": role,
            "metadata": metadata, "rules": rules,
        }));
        objects.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": binding,
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": role_name },
            "subjects": [subject.to_json()],
        }));
    }
    objects
}
