//! Versions of the API, rights, Secrets, storage, routes, and how all of it is delivered.

use std::collections::BTreeSet;

use erpc_emit::schema::{self, Version};
use serde_json::Value;

use super::{Findings, title};
use crate::facts::{Facts, items, text};
use crate::normal;
use crate::read::{FindingKind, Object};

/// Roles that every cluster has.
const OWN_ROLES: [&str; 4] = ["cluster-admin", "admin", "edit", "view"];
/// Groups of the API without current versions.
const GONE_GROUPS: [&str; 1] = ["extensions"];

pub(super) fn find(facts: &Facts<'_>, found: &mut Findings) {
    let namespaces: BTreeSet<&str> = facts
        .objects
        .iter()
        .flat_map(|object| {
            let metadata = &object.value["metadata"];
            let own = (object.value["kind"] == "Namespace").then(|| text(&metadata["name"]));
            [text(&metadata["namespace"]), own.unwrap_or_default()]
        })
        .filter(|name| !name.is_empty())
        .collect();
    for object in facts.objects {
        version(object, found);
        folder(object, &namespaces, found);
        match text(&object.value["kind"]) {
            "Role" | "ClusterRole" => role(object, found),
            "RoleBinding" | "ClusterRoleBinding" => binding(facts, object, found),
            "Secret" => secret(object, found),
            "PersistentVolumeClaim" => claim(facts, object, found),
            "Ingress" => ingress(facts, object, found),
            "Application" => application(object, found),
            _ => {}
        }
    }
}

/// The names of groups of Kubernetes itself.
fn is_own_group(group: &str) -> bool {
    group.is_empty()
        || group.ends_with(".k8s.io") && !group.contains("gateway") && schema_has(group)
        || ["apps", "batch", "autoscaling", "policy", "extensions"].contains(&group)
}

/// Whether one of the kinds that are known is of the group.
fn schema_has(group: &str) -> bool {
    [
        "networking.k8s.io",
        "rbac.authorization.k8s.io",
        "storage.k8s.io",
        "apiextensions.k8s.io",
        "scheduling.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "node.k8s.io",
        "admissionregistration.k8s.io",
        "certificates.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "apiregistration.k8s.io",
    ]
    .contains(&group)
}

fn version(object: &Object, found: &mut Findings) {
    let (api_version, kind) = (
        text(&object.value["apiVersion"]),
        text(&object.value["kind"]),
    );
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    if !is_own_group(group) || schema::kind(Version::NEWEST, api_version, kind).is_some() {
        return;
    }
    let is_old = normal::is_replaced(api_version, kind) || is_old_version(api_version);
    let (code, message) = match is_old {
        true => (
            FindingKind::OldApiVersion,
            format!(
                "{} has `{api_version}`, which current clusters do not serve",
                title(object)
            ),
        ),
        false => (
            FindingKind::UnknownObjectKind,
            format!("Kubernetes has no kind `{kind}` in `{api_version}`"),
        ),
    };
    found.at(code, object, &["apiVersion"], message);
}

/// Whether a version is one before the first stable one of its group, or of a group that is gone.
fn is_old_version(api_version: &str) -> bool {
    let version = api_version.rsplit('/').next().unwrap_or(api_version);
    version.contains("alpha") || version.contains("beta") || api_version.starts_with("extensions/")
}

/// A file in the folder of another namespace.
fn folder(object: &Object, namespaces: &BTreeSet<&str>, found: &mut Findings) {
    let own = text(&object.value["metadata"]["namespace"]);
    let mut folders: Vec<&str> = object.place.file.split(['/', '\\']).collect();
    folders.pop();
    let of_folder = folders
        .into_iter()
        .rev()
        .find(|folder| namespaces.contains(folder));
    if let Some(folder) = of_folder
        && !own.is_empty()
        && folder != own
    {
        let message = format!("{} is in the folder of namespace `{folder}`", title(object));
        let path = ["metadata", "namespace"];
        found.at(
            FindingKind::NamespaceOfAnotherFolder,
            object,
            &path,
            message,
        );
    }
}

fn has(list: &Value, wanted: &[&str]) -> bool {
    items(list)
        .iter()
        .any(|one| one.as_str().is_some_and(|one| wanted.contains(&one)))
}

fn role(object: &Object, found: &mut Findings) {
    for (number, rule) in items(&object.value["rules"]).iter().enumerate() {
        let number = number.to_string();
        let is_of_core = has(&rule["apiGroups"], &["", "*"]);
        let reads = has(&rule["verbs"], &["get", "list", "watch", "*"]);
        let is_all = items(&rule["resourceNames"]).is_empty();
        if is_of_core && reads && is_all && has(&rule["resources"], &["secrets", "*"]) {
            let what = match text(&object.value["kind"]) {
                "ClusterRole" => {
                    "may read every Secret that its bindings reach, up to the whole cluster"
                }
                _ => "may read every Secret of its namespace",
            };
            let message = format!("{} {what}", title(object));
            found.at(
                FindingKind::ReadsAllSecrets,
                object,
                &["rules", &number],
                message,
            );
        }
        for group in GONE_GROUPS {
            if has(&rule["apiGroups"], &[group]) {
                let message = format!(
                    "{} names the group `{group}`, which current clusters do not serve",
                    title(object)
                );
                let path = ["rules", &number, "apiGroups"];
                found.at(FindingKind::OldApiVersion, object, &path, message);
            }
        }
    }
}

fn binding(facts: &Facts<'_>, object: &Object, found: &mut Findings) {
    let reference = &object.value["roleRef"];
    let (kind, name) = (text(&reference["kind"]), text(&reference["name"]));
    let namespace = match kind {
        "ClusterRole" => "",
        _ => text(&object.value["metadata"]["namespace"]),
    };
    let is_own = OWN_ROLES.contains(&name) || name.starts_with("system:");
    if !is_own && facts.find(kind, namespace, name).is_none() {
        let message = format!(
            "{} binds the {kind} `{name}`, which is not among the manifests",
            title(object)
        );
        found.at(FindingKind::MissingReference, object, &["roleRef"], message);
    }
}

fn secret(object: &Object, found: &mut Findings) {
    for field in ["data", "stringData"] {
        let values = object.value[field].as_object().into_iter().flatten();
        let has_value = values
            .into_iter()
            .any(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty()));
        if has_value && text(&object.value["type"]) != "kubernetes.io/service-account-token" {
            let message = format!("{} has its values in the manifest", title(object));
            found.at(FindingKind::SecretValues, object, &[field], message);
        }
    }
}

fn claim(facts: &Facts<'_>, object: &Object, found: &mut Findings) {
    let name = text(&object.value["spec"]["storageClassName"]);
    let class = facts.find("StorageClass", "", name);
    // Manifests without classes are for a cluster that has them.
    let has_classes = || {
        let mut objects = facts.objects.iter();
        objects.any(|one| one.value["kind"] == "StorageClass")
    };
    if class.is_none() && !name.is_empty() && has_classes() {
        let message = format!(
            "{} wants the storage class `{name}`, which the manifests do not define beside the others",
            title(object)
        );
        let path = ["spec", "storageClassName"];
        found.at(FindingKind::UnknownStorageClass, object, &path, message);
    }
    let is_deleted = |class: &&Object| matches!(text(&class.value["reclaimPolicy"]), "" | "Delete");
    if let Some(class) = class.filter(is_deleted) {
        let message = format!(
            "the data of {} is deleted with it: {} deletes",
            title(object),
            title(class)
        );
        let path = ["spec", "storageClassName"];
        found.at(FindingKind::DataDeletedWithClaim, object, &path, message);
    }
}

fn ingress(facts: &Facts<'_>, object: &Object, found: &mut Findings) {
    let spec = &object.value["spec"];
    let namespace = text(&object.value["metadata"]["namespace"]);
    let mut backends: Vec<(Vec<String>, &Value)> = Vec::new();
    for field in ["defaultBackend", "backend"] {
        backends.push((vec!["spec".into(), field.into()], &spec[field]));
    }
    for (number, rule) in items(&spec["rules"]).iter().enumerate() {
        for (place, path) in items(&rule["http"]["paths"]).iter().enumerate() {
            let at = [
                "spec",
                "rules",
                &number.to_string(),
                "http",
                "paths",
                &place.to_string(),
            ];
            backends.push((at.map(str::to_owned).to_vec(), &path["backend"]));
        }
    }
    for (path, backend) in backends {
        let name = backend["service"]["name"]
            .as_str()
            .or(backend["serviceName"].as_str());
        let Some(name) = name else {
            continue;
        };
        if facts.service(namespace, name).is_none() {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let message = format!(
                "{} routes to the Service `{name}`, which namespace `{namespace}` does not have",
                title(object)
            );
            found.at(FindingKind::MissingReference, object, &path, message);
        }
    }
}

/// An application of Argo CD.
fn application(object: &Object, found: &mut Findings) {
    let spec = &object.value["spec"];
    let revision = text(&spec["source"]["targetRevision"]);
    let is_moving = matches!(revision, "" | "HEAD" | "main" | "master");
    if text(&object.value["apiVersion"]).starts_with("argoproj.io/")
        && is_moving
        && spec["syncPolicy"]["automated"]["prune"] == true
    {
        let message = format!("{} follows a moving revision, and prunes", title(object));
        let path = ["spec", "source", "targetRevision"];
        found.at(FindingKind::UnpinnedDelivery, object, &path, message);
    }
}
