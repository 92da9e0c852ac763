//! What the source does not declare: every object of the platform's namespaces, of every kind that
//! the API server serves, and in the whole cluster what refers to the platform's accounts, Services
//! and classes or carries its label.

mod own;
mod references;
mod sight;
mod why;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use own::Own;
use sight::Sight;

use super::difference::{Difference, Drift};
use super::pods::{Family, Found};
use crate::call::Call;
use crate::claims::Claims;
use crate::client::Cluster;
use crate::discovery::{Discovery, Resource};
use crate::failure::{ApiError, Failure};
use crate::live::Live;
use crate::managed::Owner;
use crate::object::{ObjectId, PART_OF};
use crate::program::Program;
use crate::severity::Severity;
use erpc_emit::Kind;

/// How many lists are under way; the limiter may allow fewer.
const IN_FLIGHT: usize = 16;

/// Kinds whose objects come and go by themselves and change nothing.
const IGNORED: [(&str, &str); 4] = [
    ("", "events"),
    ("events.k8s.io", "events"),
    ("coordination.k8s.io", "leases"),
    ("metrics.k8s.io", "pods"),
];

pub(super) async fn find(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<(Vec<Drift>, Vec<String>), Failure> {
    let namespaces: BTreeSet<String> = live.namespaces_of(program).into_iter().collect();
    let own = Own {
        program,
        live,
        sight: Sight::query(cluster, &namespaces).await?,
        namespaces,
        secrets: secrets(program),
        mounted: mounted(program),
        claims: Claims::of(program),
    };
    let discovery = match Discovery::read(cluster).await {
        Ok(discovery) => discovery,
        Err(ApiError::Refused(refusal)) => {
            let why = refusal.message.trim();
            let what = format!("the kinds that the API server serves are unknown: {why}");
            return Ok((Vec::new(), vec![what]));
        }
        Err(error) => return Err(error.into()),
    };
    let (objects, mut unchecked) = own.read(cluster, &discovery).await?;
    unchecked.extend(discovery.stale.iter().map(|group| {
        format!("the API group {group} does not answer: its objects are not looked at")
    }));
    let family = Family::of(objects.iter());
    let (impersonating, pods) = own.impersonations(cluster, &objects, &family).await?;
    let mut found = Vec::new();
    let mut unmanaged = Vec::new();
    for object in &objects {
        if own.is_known(object) || family.is_made_by_owner(object) {
            continue;
        }
        match impersonating.get(object.uid()) {
            Some((pods, service)) => found.push(Drift {
                severity: Severity::OpensNetwork,
                source: own.place_of_service(service),
                by: object.writers(),
                what: Difference::Impersonation {
                    object: object.to_string(),
                    pods: *pods,
                    service: service.clone(),
                },
            }),
            None if own.is_of_others(object) => {}
            None => unmanaged.push(object),
        }
    }
    found.extend(pods);
    let mut described = stream::iter(unmanaged)
        .map(|object| own.describe(cluster, object))
        .buffered(IN_FLIGHT);
    while let Some(drift) = described.next().await {
        found.push(drift?);
    }
    drop(described);
    let (references, unseen) = own.references(cluster, &discovery).await?;
    found.extend(references);
    unchecked.extend(unseen);
    Ok((found, unchecked))
}

/// What was listed; `None` if the account may not list it.
fn permitted<T>(listed: Result<Vec<T>, ApiError>) -> Result<Option<Vec<T>>, ApiError> {
    match listed {
        Err(error) if error.code() == Some(403) => Ok(None),
        listed => listed.map(Some),
    }
}

/// The Secrets that the source declares, by namespace and name.
fn secrets(program: &Program<'_>) -> HashSet<(String, String)> {
    let platform = program.platform;
    let mut out = HashSet::new();
    for secret in &platform.secrets {
        for namespace in secret.namespace.iter().chain(&secret.used_in) {
            let namespace = platform[*namespace].name.value.to_string();
            out.insert((namespace, secret.name.value.to_string()));
        }
    }
    out
}

/// The claims and ConfigMaps that services mount and the platform does not make, by kind, namespace and name.
fn mounted(program: &Program<'_>) -> HashSet<(Kind, String, String)> {
    let platform = program.platform;
    let mut out = HashSet::new();
    for (_, service) in platform.services() {
        let namespace = &platform[service.namespace].name.value;
        let claims = service.claims.iter();
        let claims = claims.map(|claim| (Kind::PersistentVolumeClaim, &claim.claim.value));
        let configs = service
            .configs
            .iter()
            .filter_map(|config| config.existing.as_ref());
        let configs = configs.map(|name| (Kind::ConfigMap, &name.value));
        let all = claims.chain(configs);
        out.extend(all.map(|(kind, name)| (kind, namespace.to_string(), name.clone())));
    }
    out
}

impl Own<'_> {
    /// The metadata of all that matters, and what may not be read.
    async fn read(
        &self,
        cluster: &Cluster,
        discovery: &Discovery,
    ) -> Result<(Vec<Found>, Vec<String>), Failure> {
        let is_of_interest = |resource: &&Resource| {
            let name = (resource.group.as_str(), resource.plural.as_str());
            resource.can("list") && !IGNORED.contains(&name)
        };
        let resources = discovery.resources.iter().filter(is_of_interest);
        let mut lists = stream::iter(resources)
            .map(|resource| async move { (resource, self.list(cluster, resource).await) })
            .buffered(IN_FLIGHT);
        let (mut objects, mut forbidden) = (Vec::new(), BTreeSet::new());
        let mut unchecked = Vec::new();
        while let Some((resource, listed)) = lists.next().await {
            match listed {
                Ok(Some(found)) => objects.extend(found),
                Ok(None) => {
                    forbidden.insert(resource.plural.as_str());
                }
                // It was served a moment ago, or an aggregated server is broken.
                Err(ApiError::Refused(refusal)) => unchecked.push(format!(
                    "{} are not looked at: {}",
                    resource.plural,
                    refusal.message.trim()
                )),
                Err(error) => return Err(error.into()),
            }
        }
        if !forbidden.is_empty() {
            let names: Vec<&str> = forbidden.into_iter().collect();
            unchecked.push(format!(
                "this account may not list {}: unmanaged objects of these kinds are not looked for",
                names.join(", ")
            ));
        }
        Ok((objects, unchecked))
    }

    /// One list for the whole cluster, or, if that is forbidden, one for each namespace; `None` if the
    /// account may not list the kind.
    async fn list(
        &self,
        cluster: &Cluster,
        resource: &Resource,
    ) -> Result<Option<Vec<Found>>, ApiError> {
        let of = |object: Value| self.interesting(resource, &object);
        let selector = match resource.is_namespaced {
            true => String::new(),
            // Of the cluster's own objects only a label tells that they are the platform's.
            false => self.program.selector(),
        };
        if self.sight.everywhere(resource) {
            let path = resource.collection(None);
            match permitted(cluster.list_metadata(&path, &selector, of).await)? {
                Some(found) => return Ok(Some(found.into_iter().flatten().collect())),
                None if !resource.is_namespaced => return Ok(None),
                None => {}
            }
        } else if !resource.is_namespaced {
            return Ok(None);
        }
        let mut all = Vec::new();
        for namespace in &self.namespaces {
            if !self.sight.within(namespace, resource) {
                return Ok(None);
            }
            let path = resource.collection(Some(namespace));
            let Some(found) = permitted(cluster.list_metadata(&path, "", of).await)? else {
                return Ok(None);
            };
            all.extend(found.into_iter().flatten());
        }
        Ok(Some(all))
    }

    /// An object of the platform's namespaces, or one elsewhere that carries its label.
    fn interesting(&self, resource: &Resource, object: &Value) -> Option<Found> {
        let metadata = &object["metadata"];
        let namespace = metadata["namespace"].as_str();
        let is_ours = namespace.is_some_and(|namespace| self.namespaces.contains(namespace));
        if !is_ours && metadata["labels"][PART_OF] != self.program.name() {
            return None;
        }
        let name = metadata["name"].as_str()?;
        Some(Found {
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            path: format!("{}/{name}", resource.collection(namespace)),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            metadata: metadata.clone(),
        })
    }

    /// Whether the source declares an object, or it is in every namespace.
    fn is_known(&self, object: &Found) -> bool {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let name = object.name.as_str();
        if object.is_deleting() || self.is_declared(object) {
            return true;
        }
        let is_mounted = |kind| {
            let key = (kind, namespace.to_owned(), name.to_owned());
            self.mounted.contains(&key)
        };
        match (object.group.as_str(), object.kind.as_str()) {
            ("", "ConfigMap") => name == "kube-root-ca.crt" || is_mounted(Kind::ConfigMap),
            ("", "ServiceAccount") => name == "default",
            ("", "Secret") => self
                .secrets
                .contains(&(namespace.to_owned(), name.to_owned())),
            ("", "PersistentVolumeClaim") => {
                self.claims.template_of(namespace, name).is_some()
                    || is_mounted(Kind::PersistentVolumeClaim)
            }
            ("", "PersistentVolume") => true,
            // What `erpc rbac` prints for whoever applies the platform.
            ("rbac.authorization.k8s.io", _) => {
                name == crate::state::name(self.program.name()) && object.is_by_erpc()
            }
            _ => false,
        }
    }

    /// Whether an object is in a namespace that the platform shares with the cluster, and nothing says that it is the
    /// platform's.
    fn is_of_others(&self, object: &Found) -> bool {
        let namespace = object.namespace.as_deref();
        namespace.is_some_and(|name| erpc_model::kubernetes::reserved_namespace(name).is_some())
            && object.metadata["labels"][PART_OF] != self.program.name()
    }

    fn is_declared(&self, object: &Found) -> bool {
        let id = id(self.program, object);
        id.is_some_and(|id| self.program.object(&id).is_some())
    }

    /// Whether an earlier apply made an object that the source does not declare any more.
    fn is_listed(&self, object: &Found) -> bool {
        let inventory = self.live.inventory.as_ref();
        inventory.is_some_and(|inventory| {
            id(self.program, object).is_some_and(|id| inventory.objects.contains(&id))
        })
    }

    /// The service whose pods have these labels.
    fn service_of(&self, namespace: &str, labels: &Value) -> Option<String> {
        let id = self.program.service_of_pod(namespace, labels)?;
        Some(self.program.platform.path(id))
    }

    fn place_of_service(&self, path: &str) -> Option<String> {
        let platform = self.program.platform;
        let (id, _) = platform
            .services()
            .find(|(id, _)| platform.path(*id) == path)?;
        self.program.place_of_service(id)
    }

    /// The pods that carry the labels of a service and are no workload's of the platform, counted by
    /// the uid of what is at their root; and what was changed on pods of the platform themselves.
    async fn impersonations<'f>(
        &self,
        cluster: &Cluster,
        objects: &'f [Found],
        family: &Family<'f>,
    ) -> Result<(BTreeMap<String, (usize, String)>, Vec<Drift>), Failure> {
        let mut roots: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let pods = objects.iter().filter(|object| {
            object.kind == "Pod" && object.group.is_empty() && !object.is_deleting()
        });
        let mut own = BTreeSet::new();
        for pod in pods {
            let namespace = pod.namespace.as_deref().unwrap_or_default();
            let Some(service) = self.service_of(namespace, &pod.metadata["labels"]) else {
                continue;
            };
            let root = family.root(pod);
            if root.kind != "Pod" && (self.is_declared(root) || self.is_listed(root)) {
                own.insert(pod.uid());
                continue;
            }
            let entry = roots.entry(root.uid().to_owned());
            entry.or_insert((0, service)).0 += 1;
        }
        Ok((roots, self.debugged(cluster, &own).await?))
    }

    /// Ephemeral containers in the platform's own pods.
    async fn debugged(
        &self,
        cluster: &Cluster,
        own: &BTreeSet<&str>,
    ) -> Result<Vec<Drift>, Failure> {
        let mut found = Vec::new();
        for namespace in &self.namespaces {
            let path = format!("/api/v1/namespaces/{namespace}/pods");
            let of = |pod: Value| {
                let has = pod["spec"]["ephemeralContainers"].as_array();
                (has.is_some_and(|has| !has.is_empty())).then_some(pod)
            };
            let pods = match cluster.list_as(&path, "", of).await {
                Ok(pods) => pods,
                // That pods may not be listed is said already.
                Err(error) if error.code() == Some(403) => continue,
                Err(error) => return Err(error.into()),
            };
            for pod in pods.iter().flatten() {
                if !pod["metadata"]["uid"]
                    .as_str()
                    .is_some_and(|uid| own.contains(uid))
                {
                    continue;
                }
                let field = crate::path::FieldPath::from_names(&["spec", "ephemeralContainers"]);
                let service = self.service_of(namespace, &pod["metadata"]["labels"]);
                found.push(Drift {
                    severity: Severity::ChangesSecurityContext,
                    source: service.and_then(|service| self.place_of_service(&service)),
                    by: crate::managed::owners(self.program.manager(), pod, &field),
                    what: Difference::Added {
                        object: format!(
                            "Pod {namespace}/{}",
                            pod["metadata"]["name"].as_str().unwrap_or_default()
                        ),
                        has: pod["spec"]["ephemeralContainers"].clone(),
                        field,
                        usual: None,
                    },
                });
            }
        }
        Ok(found)
    }

    /// What an object is that the source does not declare.
    async fn describe(&self, cluster: &Cluster, object: &Found) -> Result<Drift, Failure> {
        let whole = match why::needs_whole(&object.kind) {
            true => match cluster.call(Call::get(&object.path)).await {
                Ok(answer) => answer.body,
                // What may be listed may not be read, or it is gone: its metadata is what is known.
                Err(ApiError::Refused(_)) => json!({ "metadata": object.metadata }),
                Err(error) => return Err(error.into()),
            },
            false => json!({ "metadata": object.metadata }),
        };
        let (why, severity) = self.why(object, &whole);
        let namespace = object.namespace.as_deref().unwrap_or_default();
        Ok(Drift {
            severity,
            source: self.place_of_namespace(namespace),
            by: object.writers(),
            what: Difference::Unmanaged {
                object: object.to_string(),
                why,
            },
        })
    }

    fn place_of_namespace(&self, name: &str) -> Option<String> {
        let mut namespaces = self.program.platform.namespaces();
        let (_, namespace) = namespaces.find(|(_, namespace)| namespace.name.value == name)?;
        self.program.sources.place(namespace.name.span())
    }
}

/// The id of an object of a kind that erpc applies.
fn id(program: &Program<'_>, object: &Found) -> Option<ObjectId> {
    let kind = program.kind(&object.group, &object.kind)?;
    Some(ObjectId {
        namespace: object.namespace.as_deref().map(Into::into),
        kind,
        name: object.name.as_str().into(),
    })
}

/// Of whom a live object is, whole.
fn writers(object: &Value) -> Vec<Owner> {
    let found = Found {
        group: String::new(),
        kind: String::new(),
        namespace: None,
        name: String::new(),
        metadata: object["metadata"].clone(),
        path: String::new(),
    };
    found.writers()
}
