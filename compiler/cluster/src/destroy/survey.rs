//! What is in a namespace: every object of every kind that the server serves, told apart into what the
//! platform owns at any depth, what Kubernetes makes by itself, and the rest.
//!
//! A namespace takes everything in it along when it is deleted. So only the kinds count that deleting a
//! namespace deletes, those with the verb `delete`; virtual ones such as `PodMetrics` lack it. A kind that
//! cannot be listed may have objects in the namespace.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::client::Cluster;
use crate::discovery::{Discovery, Resource};
use crate::failure::{ApiError, Failure};
use crate::object::ObjectId;
use erpc_emit::Kind;

/// Every kind that deleting a namespace deletes.
#[derive(Debug)]
pub(super) struct Catalogue {
    kinds: Vec<Resource>,
    /// Groups whose kinds the server does not know at the moment, because another server has them.
    unknown: Vec<String>,
}

impl Catalogue {
    /// Asks the server for its kinds, those of custom resources and of aggregated servers included.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(super) async fn read(cluster: &Cluster) -> Result<Self, Failure> {
        let catalogue = Self::of(Discovery::read(cluster).await?);
        // An empty answer would make every namespace look empty.
        if catalogue.kinds.iter().any(|served| is(served, "", "Pod")) {
            return Ok(catalogue);
        }
        Err(
            Failure::new("the API server does not list the kinds that it serves").help(
                "aggregated discovery (Kubernetes 1.27) must be enabled: without it, what is in a namespace is not known",
            ),
        )
    }

    fn of(discovery: Discovery) -> Self {
        let Discovery { resources, stale } = discovery;
        let is_deleted = |served: &Resource| {
            served.is_namespaced
                && served.can("delete")
                && served.kind != "Event"
                && !stale.contains(&served.group)
        };
        Self {
            kinds: resources.into_iter().filter(is_deleted).collect(),
            unknown: stale,
        }
    }
}

fn is(served: &Resource, group: &str, kind: &str) -> bool {
    served.group == group && served.kind == kind
}

/// `Secret`, or `Database of example.com` for a kind that is not Kubernetes' own.
fn name_of(served: &Resource) -> String {
    match served.group.contains('.') && !served.group.ends_with(".k8s.io") {
        true => format!("{} of {}", served.kind, served.group),
        false => served.kind.clone(),
    }
}

/// What is known of the platform's own objects in a namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// The uids of what goes, and later of what belonged to it.
    pub(super) uids: HashSet<String>,
    /// The names of its Services, whose Endpoints carry no owner.
    pub(super) services: BTreeSet<String>,
    /// The names of its workloads, whose pods hold Leases.
    pub(super) workloads: BTreeSet<String>,
}

impl Own {
    /// What of the things to be deleted is in this namespace.
    pub(super) fn in_namespace<'i>(
        namespace: &str,
        deleted: impl Iterator<Item = (&'i ObjectId, &'i str)>,
    ) -> Self {
        let mut own = Self::default();
        for (id, uid) in deleted.filter(|(id, _)| id.namespace.as_deref() == Some(namespace)) {
            own.uids.insert(uid.to_owned());
            if id.kind == Kind::Service {
                own.services.insert(id.name.to_string());
            }
            if id.kind.is_workload() {
                own.workloads.insert(id.name.to_string());
            }
        }
        own
    }
}

/// Something that is not the platform's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreign {
    /// `PersistentVolumeClaim shop/data`.
    pub what: String,
    /// Its uid.
    pub uid: String,
    /// Whether it is a claim, whose data goes with it.
    pub is_claim: bool,
}

/// What a namespace holds beside the platform's own objects.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Sorted.
    pub(super) foreign: Vec<Foreign>,
    /// Kinds of which there may be something, because they cannot be listed, and why.
    pub(super) unlisted: BTreeMap<String, Vec<String>>,
    /// Whether claims cannot be listed.
    pub(super) hides_claims: bool,
    /// The uids of all that belongs to the platform, at any depth.
    pub(super) uids: HashSet<String>,
}

impl Survey {
    /// `Secret shop/a, PersistentVolumeClaim shop/b and 3 more`; `None` where there is nothing.
    pub(super) fn summary(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.foreign.is_empty() {
            let names: Vec<&str> = self.foreign.iter().map(|one| one.what.as_str()).collect();
            parts.push(format!("{} is in it", listed(&names)));
        }
        for (why, kinds) in &self.unlisted {
            let names: Vec<&str> = kinds.iter().map(String::as_str).collect();
            parts.push(format!("{} may be in it: {why}", listed(&names)));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// More than that are counted.
const MOST_NAMED: usize = 12;

pub(super) fn listed(names: &[&str]) -> String {
    match names.len().checked_sub(MOST_NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MOST_NAMED].join(", ")),
    }
}

/// An object of the namespace.
struct Item {
    what: String,
    name: String,
    uid: String,
    owners: Vec<String>,
    is_claim: bool,
    /// Whether Kubernetes makes it by itself, in every namespace or for an object of the platform.
    is_kubernetes: bool,
}

/// How many lists are under way at once.
const AT_ONCE: usize = 16;

/// Looks through a namespace.
///
/// # Errors
///
/// The cluster's.
pub(super) async fn survey(
    cluster: &Cluster,
    catalogue: &Catalogue,
    namespace: &str,
    own: &Own,
) -> Result<Survey, Failure> {
    let mut survey = Survey::default();
    let mut unlisted = |kind: String, why: &str| {
        survey
            .unlisted
            .entry(why.to_owned())
            .or_default()
            .push(kind);
    };
    for group in &catalogue.unknown {
        unlisted(
            format!("objects of {group}"),
            "the server that serves them does not answer",
        );
    }
    let mut lists = stream::iter(&catalogue.kinds)
        .map(|served| async move {
            match served.can("list") {
                true => (served, Some(list(cluster, served, namespace).await)),
                false => (served, None),
            }
        })
        .buffered(AT_ONCE);
    let mut items: HashMap<String, Item> = HashMap::new();
    let mut hides_claims = false;
    while let Some((served, answer)) = lists.next().await {
        let why = match answer {
            Some(Ok(objects)) => {
                for object in objects {
                    let item = item(served, namespace, &object, own);
                    // One object may be served by several groups.
                    items.entry(item.uid.clone()).or_insert(item);
                }
                continue;
            }
            Some(Err(error)) => match error.code() {
                // It was removed meanwhile, with all its objects.
                Some(404) => continue,
                Some(403) => "this account may not list them",
                Some(405 | 406) => "they cannot be listed",
                _ => return Err(error.into()),
            },
            None => "they cannot be listed",
        };
        hides_claims |= is(served, "", "PersistentVolumeClaim");
        unlisted(name_of(served), why);
    }
    drop(lists);
    survey.hides_claims = hides_claims;
    survey.uids = belonging(&items, own);
    survey.foreign = items
        .into_values()
        .filter(|item| !item.is_kubernetes && !survey.uids.contains(&item.uid))
        .map(|item| Foreign {
            what: item.what,
            uid: item.uid,
            is_claim: item.is_claim,
        })
        .collect();
    survey.foreign.sort();
    Ok(survey)
}

/// The metadata alone, so that neither the values of Secrets nor much else comes along; of a Lease, all.
async fn list(
    cluster: &Cluster,
    served: &Resource,
    namespace: &str,
) -> Result<Vec<Value>, ApiError> {
    let path = served.collection(Some(namespace));
    match is(served, "coordination.k8s.io", "Lease") {
        true => cluster.list(&path, "").await,
        false => cluster.list_metadata(&path, "", |object| object).await,
    }
}

fn item(served: &Resource, namespace: &str, object: &Value, own: &Own) -> Item {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&metadata["name"]);
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let annotation = |key: &str| metadata["annotations"][key].as_str();
    let is_kubernetes = match served.kind.as_str() {
        "ConfigMap" => name == "kube-root-ca.crt",
        "ServiceAccount" => name == "default",
        "Endpoints" => own.services.contains(&name),
        // The token of an account goes with the account.
        "Secret" => {
            annotation("kubernetes.io/service-account.name") == Some("default")
                || annotation("kubernetes.io/service-account.uid")
                    .is_some_and(|uid| own.uids.contains(uid))
        }
        // Replicas that elect a leader: the holder is the name of a pod.
        "Lease" => {
            let holder = object["spec"]["holderIdentity"]
                .as_str()
                .unwrap_or_default();
            own.workloads.iter().any(|workload| {
                holder
                    .strip_prefix(workload.as_str())
                    .is_some_and(|rest| rest.starts_with('-'))
            })
        }
        _ => false,
    };
    Item {
        what: format!("{} {namespace}/{name}", name_of(served)),
        uid: text(&metadata["uid"]),
        owners: owners.map(|owner| text(&owner["uid"])).collect(),
        is_claim: is(served, "", "PersistentVolumeClaim"),
        is_kubernetes: is_kubernetes && is_builtin(served),
        name,
    }
}

/// A custom resource may have the name of a kind of Kubernetes.
fn is_builtin(served: &Resource) -> bool {
    matches!(served.group.as_str(), "" | "coordination.k8s.io")
}

/// The uids of what belongs to the platform: what goes, and whatever has no owner that does not belong to
/// it. Each reference is followed once.
fn belonging(items: &HashMap<String, Item>, own: &Own) -> HashSet<String> {
    let mut owned_by: HashMap<&str, Vec<&Item>> = HashMap::new();
    let mut missing: HashMap<&str, usize> = HashMap::new();
    for item in items.values() {
        let owners: BTreeSet<&String> = item.owners.iter().collect();
        missing.insert(&item.uid, owners.len());
        for owner in owners {
            owned_by.entry(owner).or_default().push(item);
        }
    }
    let made_for = items.values().filter(|item| {
        item.is_kubernetes && item.owners.is_empty() && own.services.contains(&item.name)
    });
    let mut known = own.uids.clone();
    known.extend(made_for.map(|item| item.uid.clone()));
    let mut next: Vec<String> = known.iter().cloned().collect();
    while let Some(uid) = next.pop() {
        for item in owned_by.get(uid.as_str()).into_iter().flatten() {
            let Some(left) = missing.get_mut(item.uid.as_str()) else {
                continue;
            };
            *left -= 1;
            if *left == 0 && known.insert(item.uid.clone()) {
                next.push(item.uid.clone());
            }
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::{Catalogue, Item, Own, belonging, item, listed, name_of};
    use crate::discovery::{Discovery, Resource};

    fn items(edges: &[(&str, &[&str])]) -> HashMap<String, Item> {
        let one = |(uid, owners): &(&str, &[&str])| {
            let item = Item {
                what: (*uid).to_owned(),
                name: (*uid).to_owned(),
                uid: (*uid).to_owned(),
                owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
                is_claim: false,
                is_kubernetes: false,
            };
            ((*uid).to_owned(), item)
        };
        edges.iter().map(one).collect()
    }

    #[test]
    fn ownership_is_followed_to_its_root() {
        let own = Own {
            uids: ["deployment".to_owned(), "gone".to_owned()].into(),
            ..Own::default()
        };
        let items = items(&[
            ("deployment", &[]),
            ("set", &["deployment"]),
            ("pod", &["set"]),
            ("endpoint", &["pod", "pod"]),
            // Its owner went before it.
            ("late", &["gone"]),
            ("database", &[]),
            ("claim", &["database"]),
            ("volume", &["claim"]),
            ("orphan", &["unknown"]),
            // Half of it is another's.
            ("shared", &["pod", "database"]),
            // Owners in a circle have no root.
            ("a", &["b"]),
            ("b", &["a"]),
        ]);
        let known = belonging(&items, &own);
        let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["deployment", "endpoint", "gone", "late", "pod", "set"]
        );
    }

    #[test]
    fn what_deleting_a_namespace_deletes_is_in_the_catalogue() {
        let of = |kind: &str, is_namespaced, verbs: &[&str]| {
            Resource::new("example.com", "v1", kind, is_namespaced, verbs)
        };
        let stale = Resource::new("stale.io", "v1", "Stale", true, &["delete", "list"]);
        let catalogue = Catalogue::of(Discovery {
            resources: vec![
                of("Database", true, &["delete", "get", "list"]),
                of("Cluster", false, &["delete", "get", "list"]),
                of("Metric", true, &["get", "list"]),
                of("WriteOnly", true, &["create", "delete"]),
                stale,
            ],
            stale: vec!["stale.io".to_owned()],
        });
        let kinds: Vec<String> = catalogue.kinds.iter().map(name_of).collect();
        assert_eq!(
            kinds,
            ["Database of example.com", "WriteOnly of example.com"]
        );
        assert_eq!(catalogue.unknown, ["stale.io"]);
    }

    #[test]
    fn what_kubernetes_makes_is_told_from_what_only_looks_like_it() {
        let own = Own {
            uids: ["account".to_owned()].into(),
            services: ["web".to_owned()].into(),
            workloads: ["web".to_owned()].into(),
        };
        let is_kubernetes = |group: &str, kind: &str, object: serde_json::Value| {
            let served = Resource::new(group, "v1", kind, true, &[]);
            item(&served, "n", &object, &own).is_kubernetes
        };
        let named = |name: &str| json!({ "metadata": { "name": name } });
        let token =
            |key: &str, value: &str| json!({ "metadata": { "annotations": { key: value } } });
        let lease = |holder: &str| json!({ "spec": { "holderIdentity": holder } });
        assert!(is_kubernetes("", "ConfigMap", named("kube-root-ca.crt")));
        assert!(!is_kubernetes("", "ConfigMap", named("default")));
        assert!(!is_kubernetes(
            "example.com",
            "ConfigMap",
            named("kube-root-ca.crt")
        ));
        assert!(is_kubernetes("", "ServiceAccount", named("default")));
        assert!(is_kubernetes("", "Endpoints", named("web")));
        assert!(!is_kubernetes("", "Endpoints", named("theirs")));
        let uid = "kubernetes.io/service-account.uid";
        assert!(is_kubernetes("", "Secret", token(uid, "account")));
        assert!(!is_kubernetes("", "Secret", token(uid, "theirs")));
        assert!(is_kubernetes(
            "coordination.k8s.io",
            "Lease",
            lease("web-6b-x_1")
        ));
        assert!(!is_kubernetes(
            "coordination.k8s.io",
            "Lease",
            lease("webhook-0")
        ));
    }

    #[test]
    fn many_are_counted() {
        let names: Vec<String> = (0..15).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(listed(&names[..2]), "0, 1");
        assert!(listed(&names).ends_with("11 and 3 more"));
    }
}
