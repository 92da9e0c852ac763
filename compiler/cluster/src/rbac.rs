//! The permissions that a platform needs, as objects that an administrator applies. They cannot be
//! escalated by who holds them: neither `escalate` nor `bind` is among them, since the deployer holds the
//! very rules that the platform's own roles grant, which is what Kubernetes asks of who writes a role.
//! Roles, bindings and everything without a namespace are restricted to their names. That works for
//! `create` too, because server-side apply authorizes the creation with the name of the object
//! (`createAuthorizerAttributes` in kube-apiserver's `patch.go`); a POST has no name and is refused.
//!
//! Namespaces are the administrator's: their labels decide whether Pod Security lets a pod have the node.

mod needs;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub(crate) use needs::of_plan;
pub use table::{Task, rights};

use crate::object::MANAGED_BY;
use crate::program::Program;
use crate::state::name;
use erpc_emit::Kind;

/// Who gets the permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user by name.
    User(String),
    /// A group by name.
    Group(String),
    /// A ServiceAccount: namespace and name.
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

/// The rules that the platform's own roles grant, by namespace. Kubernetes lets a role be written only by
/// who holds what it grants (or may `escalate`), and be bound only by who holds it (or may `bind`).
fn granted(program: &Program<'_>) -> BTreeMap<Option<String>, Vec<Value>> {
    let mut granted: BTreeMap<Option<String>, Vec<Value>> = BTreeMap::new();
    for object in &program.objects {
        if !matches!(object.id.kind, Kind::Role | Kind::ClusterRole) {
            continue;
        }
        let namespace = object.id.namespace.as_ref().map(ToString::to_string);
        let rules = granted.entry(namespace).or_default();
        let mut body = object.body.value();
        if let Value::Array(own) = body["rules"].take() {
            rules.extend(own);
        }
    }
    granted
}

/// The namespaces that an administrator makes: those of the platform with their labels, and that of
/// inventories and locks.
fn namespaces(program: &Program<'_>) -> Vec<Value> {
    let own = program
        .objects
        .iter()
        .filter(|object| object.id.kind == Kind::Namespace);
    let mut namespaces: Vec<Value> = own.map(|object| object.body.value()).collect();
    namespaces.push(crate::state::namespace());
    namespaces
}

/// The objects that grant the permissions: namespaces, roles, bindings.
#[must_use]
pub fn rbac(program: &Program<'_>, subject: &Subject, tasks: &BTreeSet<Task>) -> Vec<Value> {
    let mut by_namespace: BTreeMap<Option<String>, Vec<Value>> = BTreeMap::new();
    for right in rights(program, tasks) {
        let mut rule = json!({
            "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs,
        });
        if !right.names.is_empty() {
            rule["resourceNames"] = json!(right.names);
        }
        by_namespace.entry(right.namespace).or_default().push(rule);
    }
    let mut objects = Vec::new();
    if tasks.contains(&Task::Apply) {
        objects.extend(namespaces(program));
        for (namespace, rules) in granted(program) {
            let own = by_namespace.entry(namespace).or_default();
            for rule in rules {
                if !own.contains(&rule) {
                    own.push(rule);
                }
            }
        }
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

/// What these permissions allow beyond their rules, because Kubernetes has no finer ones. Each is one
/// paragraph.
#[must_use]
pub fn limits(program: &Program<'_>, tasks: &BTreeSet<Task>) -> Vec<String> {
    let mut limits = Vec::new();
    if tasks.contains(&Task::Destroy) {
        limits.push(
            "Before it deletes a namespace, `erpc destroy` lists everything in it, Secrets too. Who may list \
             Secrets can read their values."
                .to_owned(),
        );
    }
    if !tasks.contains(&Task::Apply) {
        return limits;
    }
    limits.push(
        "Who creates workloads in a namespace can read every Secret and ConfigMap in it and act as \
         every ServiceAccount in it, because a pod may use them. Keep nothing in the platform's \
         namespaces that the deployer must not have."
            .to_owned(),
    );
    let privileged = privileged(program);
    if !privileged.is_empty() {
        limits.push(format!(
            "Pod Security does not restrict pods in {}: who creates workloads there controls the nodes \
             that run them.",
            privileged.join(", ")
        ));
    }
    let roles: Vec<String> = program
        .objects
        .iter()
        .filter(|object| matches!(object.id.kind, Kind::Role | Kind::ClusterRole))
        .map(|object| object.id.to_string())
        .collect();
    if !roles.is_empty() {
        limits.push(format!(
            "The deployer holds what the platform's own roles grant, because Kubernetes requires that of \
             who writes them: {}.",
            roles.join(", ")
        ));
    }
    let patches_volumes = rights(program, tasks)
        .iter()
        .any(|right| right.resource == "persistentvolumes" && right.verbs.contains(&"patch"));
    if patches_volumes {
        limits.push(
            "`moved` lets volumes go over to new claims, so every PersistentVolume may be patched: their \
             names are not known in advance. Remove the `moved` once it is applied, and print the \
             permissions again."
                .to_owned(),
        );
    }
    limits
}

/// The namespaces in which a pod may have the node.
fn privileged(program: &Program<'_>) -> Vec<String> {
    let namespaces = program.objects.iter().filter(|object| {
        let body = object.body.value();
        let level = &body["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        object.id.kind == Kind::Namespace
            && !matches!(level.as_str(), Some("baseline" | "restricted"))
    });
    namespaces
        .map(|object| object.id.name.to_string())
        .collect()
}
