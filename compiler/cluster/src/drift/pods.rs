//! Which objects made which, up to the workload that a pod belongs to in the end.

use std::collections::HashMap;

use serde_json::Value;

use crate::managed::Owner;
use crate::object::MANAGED_BY;

/// What is known of a live object by its metadata alone.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) metadata: Value,
    /// Its path in the API.
    pub(super) path: String,
}

impl Found {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.metadata["labels"][name].as_str()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata["annotations"][name].as_str()
    }

    pub(super) fn uid(&self) -> &str {
        self.metadata["uid"].as_str().unwrap_or_default()
    }

    pub(super) fn is_deleting(&self) -> bool {
        !self.metadata["deletionTimestamp"].is_null()
    }

    pub(super) fn is_by_erpc(&self) -> bool {
        self.label(MANAGED_BY) == Some("erpc")
    }

    /// The object that controls it, or else the only one that owns it: kind, name, uid.
    pub(super) fn owner(&self) -> Option<(&str, &str, &str)> {
        let owners = self.metadata["ownerReferences"].as_array()?;
        let mut controllers = owners.iter().filter(|owner| owner["controller"] == true);
        let owner = controllers.next().or(owners.first())?;
        let text = |key: &str| owner[key].as_str().unwrap_or_default();
        Some((text("kind"), text("name"), text("uid")))
    }

    /// Who wrote more than its status, the latest first.
    pub(super) fn writers(&self) -> Vec<Owner> {
        let entries = self.metadata["managedFields"].as_array();
        let mut writers: Vec<Owner> = entries
            .into_iter()
            .flatten()
            .filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty())
            .map(|entry| Owner {
                time: entry["time"].as_str().unwrap_or_default().to_owned(),
                manager: entry["manager"].as_str().unwrap_or_default().to_owned(),
            })
            .collect();
        writers.sort_unstable();
        writers.dedup_by(|a, b| a.manager == b.manager);
        writers.reverse();
        writers
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What Kubernetes' controllers make, with the kind that they make it for.
const MADE: [(&str, &str); 9] = [
    ("Deployment", "ReplicaSet"),
    ("ReplicaSet", "Pod"),
    ("StatefulSet", "Pod"),
    ("DaemonSet", "Pod"),
    ("ReplicationController", "Pod"),
    ("Job", "Pod"),
    ("CronJob", "Job"),
    ("Service", "EndpointSlice"),
    ("Service", "Endpoints"),
];

/// Kinds that run, open or permit something: an owner alone does not explain them.
const GRAVE: [&str; 16] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Endpoints",
    "Ingress",
    "Job",
    "NetworkPolicy",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];

/// No object is so many owners away from its root.
const DEEPEST: usize = 16;

/// The objects of the platform's namespaces.
pub(super) struct Family<'f> {
    by_uid: HashMap<&'f str, &'f Found>,
    /// By namespace and name.
    services: HashMap<(&'f str, &'f str), &'f Found>,
}

impl<'f> Family<'f> {
    pub(super) fn of(objects: impl Iterator<Item = &'f Found> + Clone) -> Self {
        let services = objects.clone().filter(|object| object.kind == "Service");
        let by_name = services.filter_map(|service| {
            let namespace = service.namespace.as_deref()?;
            Some(((namespace, service.name.as_str()), service))
        });
        Self {
            services: by_name.collect(),
            by_uid: objects.map(|object| (object.uid(), object)).collect(),
        }
    }

    /// The object at the top of the owners of this one, as far as they exist; itself without any.
    pub(super) fn root(&self, object: &'f Found) -> &'f Found {
        let mut at = object;
        for _ in 0..DEEPEST {
            match self.parent(at) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        at
    }

    /// The live owner of an object. One that names an owner of another name or kind than that uid
    /// has, is owned by nothing.
    fn parent(&self, object: &Found) -> Option<&'f Found> {
        if object.kind == "Endpoints" {
            // The older form of EndpointSlices has no owner but the Service of its name.
            let name = (object.namespace.as_deref()?, object.name.as_str());
            return self.services.get(&name).copied();
        }
        let (kind, name, uid) = object.owner()?;
        let parent = self.by_uid.get(uid).copied()?;
        let is_it =
            parent.kind == kind && parent.name == name && parent.namespace == object.namespace;
        is_it.then_some(parent)
    }

    /// Whether an object is explained by the object that owns it.
    pub(super) fn is_made_by_owner(&self, object: &Found) -> bool {
        let Some(parent) = self.parent(object) else {
            return false;
        };
        if matches!(object.kind.as_str(), "EndpointSlice" | "Endpoints") {
            // Whoever writes addresses into them sends a service's traffic there.
            let mut writers = object.writers().into_iter();
            return parent.kind == "Service"
                && writers.all(|writer| writer.manager == "kube-controller-manager");
        }
        let pair = (parent.kind.as_str(), object.kind.as_str());
        MADE.contains(&pair) || !GRAVE.contains(&object.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, Found};
    use serde_json::json;

    fn found(kind: &str, name: &str, owner: Option<(&str, &str)>) -> Found {
        let owners = owner.map(|(kind, name)| {
            json!([{ "kind": kind, "name": name, "uid": format!("{kind}-{name}"), "controller": true }])
        });
        Found {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: Some("n".to_owned()),
            name: name.to_owned(),
            metadata: json!({ "uid": format!("{kind}-{name}"), "ownerReferences": owners }),
            path: String::new(),
        }
    }

    #[test]
    fn the_root_of_a_pod_is_found_at_any_depth() {
        let objects = [
            found("CronJob", "nightly", None),
            found("Job", "nightly-1", Some(("CronJob", "nightly"))),
            found("Pod", "nightly-1-x", Some(("Job", "nightly-1"))),
            found("ReplicaSet", "by-hand", None),
            found("Pod", "by-hand-x", Some(("ReplicaSet", "by-hand"))),
            found("Pod", "orphan", Some(("ReplicaSet", "gone"))),
        ];
        let family = Family::of(objects.iter());
        let root = |at: usize| family.root(&objects[at]).to_string();
        assert_eq!(root(2), "CronJob n/nightly");
        assert_eq!(root(4), "ReplicaSet n/by-hand");
        assert_eq!(root(5), "Pod n/orphan");
    }

    #[test]
    fn an_owner_explains_what_its_controller_makes_and_nothing_grave_else() {
        let objects = [
            found("Deployment", "web", None),
            found("ReplicaSet", "web-1", Some(("Deployment", "web"))),
            found("RoleBinding", "admin", Some(("Deployment", "web"))),
            found("Pod", "web", Some(("Deployment", "web"))),
            found("Checkpoint", "web", Some(("Deployment", "web"))),
        ];
        let family = Family::of(objects.iter());
        let made: Vec<bool> = objects
            .iter()
            .map(|object| family.is_made_by_owner(object))
            .collect();
        assert_eq!(made, [false, true, false, false, true]);
    }

    #[test]
    fn a_circle_of_owners_ends() {
        let objects = [
            found("A", "a", Some(("B", "b"))),
            found("B", "b", Some(("A", "a"))),
        ];
        let family = Family::of(objects.iter());
        assert!(!family.root(&objects[0]).name.is_empty());
    }
}
