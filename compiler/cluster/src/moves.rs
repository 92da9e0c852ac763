//! `moved OLD to NEW`: which objects of an earlier run are those of a service or namespace that has
//! another name now. They go when the service under its new name is ready, and their volumes go
//! over to it: the volume is kept, the claim is made anew under the name that the new pods look for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use erpc_model::{MovedTo, ServiceId, Workload};
use serde_json::{Value, json};

use crate::call::Call;
use crate::change::{Moved, VOLUMES, VolumeMove};
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::live::Live;
use crate::object::{NAME, ObjectId, uid};
use crate::program::Program;
use erpc_emit::Kind;

/// The names that the source says to be of the past.
pub(crate) struct Moves {
    /// New services by old namespace and name.
    services: HashMap<(String, String), ServiceId>,
    /// The one-off jobs by namespace and name: an earlier Job of one is superseded.
    jobs: HashMap<(String, String), ServiceId>,
    /// New namespaces by old ones.
    namespaces: BTreeMap<String, String>,
}

impl Moves {
    pub(crate) fn of(program: &Program<'_>) -> Self {
        let platform = program.platform;
        let (mut services, mut namespaces) = (HashMap::new(), BTreeMap::new());
        for (id, namespace) in platform.namespaces() {
            for old in platform.old_names(MovedTo::Namespace(id)) {
                namespaces.insert(old.to_string(), namespace.name.value.to_string());
                for service in &namespace.services {
                    let name = platform[*service].name.value.to_string();
                    services.insert((old.to_string(), name), *service);
                }
            }
        }
        let mut jobs = HashMap::new();
        for (id, service) in platform.services() {
            if matches!(service.workload, Workload::Job) {
                let namespace = platform[service.namespace].name.value.to_string();
                jobs.insert((namespace, service.name.value.to_string()), id);
            }
            for old in platform.old_names(MovedTo::Service(id)) {
                if let Some((namespace, name)) = old.split_once('.') {
                    services.insert((namespace.to_owned(), name.to_owned()), id);
                }
            }
        }
        Self {
            services,
            jobs,
            namespaces,
        }
    }

    /// Each service that has another name now, by its old namespace and name.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&str, &str, ServiceId)> {
        let services = self.services.iter();
        services.map(|((namespace, name), id)| (namespace.as_str(), name.as_str(), *id))
    }

    /// The namespaces in which something of the past may be, sorted.
    pub(crate) fn old_namespaces(&self) -> BTreeSet<String> {
        let of_services = self.services.keys().map(|(namespace, _)| namespace);
        of_services.chain(self.namespaces.keys()).cloned().collect()
    }

    /// Whether a claim may have to go over.
    pub(crate) fn has_volumes(&self, program: &Program<'_>) -> bool {
        let mut services = self.services.values();
        services.any(|id| !program.platform[*id].volumes.is_empty())
    }

    /// What an object of an earlier run has become.
    pub(crate) fn target(
        &self,
        program: &Program<'_>,
        id: &ObjectId,
        live: &Value,
    ) -> Option<Moved> {
        let name = live["metadata"]["labels"][NAME].as_str();
        let namespace = id.home()?.to_owned();
        let known = |name: &str| {
            let key = (namespace.clone(), name.to_owned());
            let job = self.jobs.get(&key).filter(|_| id.kind == Kind::Job);
            self.services.get(&key).or(job).copied()
        };
        // The source may set the label of a workload, whose name is then that of the service by default.
        let of_name = || known(&id.name).filter(|_| id.kind.is_workload());
        let service = name.and_then(|name| known(name).or_else(of_name));
        let moved = |to: String| Moved {
            to,
            service,
            volumes: Vec::new(),
        };
        match service {
            Some(service) => {
                let model = &program.platform[service];
                let namespace = &program.platform[model.namespace].name.value;
                let name = match program.workload(service) {
                    Some(workload) if workload.id.kind == Kind::Job => &workload.id.name,
                    _ => &model.workload_name().value,
                };
                Some(moved(format!("{namespace}/{name}")))
            }
            // What is a namespace's own has moved with it; a service that is gone has not.
            None if name.is_none() => self.namespaces.get(&namespace).cloned().map(moved),
            None => None,
        }
    }
}

/// The volumes of a `StatefulSet` of the past that its successor must find.
///
/// # Errors
///
/// What forbids it, with the fix; within it the cluster's own errors.
pub(crate) async fn volumes(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
    old: &ObjectId,
    service: ServiceId,
) -> Result<Result<Vec<VolumeMove>, Failure>, Failure> {
    let model = &program.platform[service];
    let new_namespace = program.platform[model.namespace].name.value.as_str();
    let old_namespace = old.namespace.as_deref().unwrap_or_default();
    let own = model.volumes.iter().filter(|volume| !volume.is_single());
    let own: Vec<&str> = own.map(|volume| volume.name.value.as_str()).collect();
    if own.is_empty() || !matches!(model.workload, erpc_model::Workload::StatefulSet) {
        return Ok(Ok(Vec::new()));
    }
    let claims = |namespace: &str| Kind::PersistentVolumeClaim.collection(Some(namespace));
    let found = cluster.list(&claims(old_namespace), "").await?;
    let taken: BTreeSet<String> = match live.has_namespace(new_namespace) {
        true => cluster
            .list(&claims(new_namespace), "")
            .await?
            .iter()
            .filter_map(|claim| claim["metadata"]["name"].as_str().map(str::to_owned))
            .collect(),
        false => BTreeSet::new(),
    };
    let mut moves = Vec::new();
    for claim in &found {
        let Some((volume, number)) = of_template(claim, &own, &old.name) else {
            continue;
        };
        let name = format!("{volume}-{}-{number}", model.workload_name().value);
        if taken.contains(&name) {
            return Ok(Err(Failure::new(format!(
                "the volume of {old_namespace}/{} cannot go over to {new_namespace}/{name}: there is such a claim already",
                claim["metadata"]["name"].as_str().unwrap_or_default()
            ))
            .help("delete the claim that is not wanted, or drop the `moved`: then the service starts beside the old one")));
        }
        let new = successor(program, claim, service, &name);
        match one(cluster, claim, new).await? {
            Ok(Some(one)) => moves.push(one),
            Ok(None) => {}
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(moves))
}

/// The template and the number that a claim is of: `data-db-0` of `db` gives `data`, `0`.
fn of_template<'c>(claim: &'c Value, volumes: &[&'c str], set: &str) -> Option<(&'c str, u32)> {
    let name = claim["metadata"]["name"].as_str()?;
    volumes.iter().find_map(|volume| {
        let rest = name.strip_prefix(volume)?.strip_prefix('-')?;
        let number = rest.strip_prefix(set)?.strip_prefix('-')?;
        Some((*volume, number.parse().ok()?))
    })
}

/// The claim under its new name: it asks for the same, and its labels are those that the controller
/// of the new set would give it.
fn successor(program: &Program<'_>, claim: &Value, service: ServiceId, name: &str) -> Value {
    let model = &program.platform[service];
    let labels: BTreeMap<String, String> = model
        .selector_labels()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let mut spec = json!({});
    for key in [
        "accessModes",
        "resources",
        "storageClassName",
        "volumeMode",
        "volumeName",
    ] {
        if !claim["spec"][key].is_null() {
            spec[key] = claim["spec"][key].clone();
        }
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": program.platform[model.namespace].name.value.as_str(),
            "labels": labels,
        },
        "spec": spec,
    })
}

/// The move of one claim; `None` for one that has no volume yet.
async fn one(
    cluster: &Cluster,
    claim: &Value,
    new: Value,
) -> Result<Result<Option<VolumeMove>, Failure>, Failure> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let volume = text(&claim["spec"]["volumeName"]);
    if volume.is_empty() {
        return Ok(Ok(None));
    }
    let found = match cluster.call(Call::get(format!("{VOLUMES}/{volume}"))).await {
        Ok(answer) => answer.body,
        Err(ApiError::Refused(refusal)) => {
            return Ok(Err(Failure::new(format!(
                "the volume {volume} of claim {} cannot be looked at: {}",
                text(&claim["metadata"]["name"]),
                refusal.message.trim()
            ))
            .help("`erpc rbac` prints the rights that a move of volumes needs")));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Ok(Some(VolumeMove {
        uid: uid(&found).unwrap_or_default(),
        policy: text(&found["spec"]["persistentVolumeReclaimPolicy"]),
        volume,
        namespace: text(&claim["metadata"]["namespace"]),
        claim: text(&claim["metadata"]["name"]),
        claim_uid: uid(claim).unwrap_or_default(),
        new,
    })))
}

#[cfg(test)]
mod tests {
    use super::of_template;
    use serde_json::json;

    #[test]
    fn a_claim_is_told_by_the_template_the_set_and_the_number() {
        let of = |name: &str| {
            let claim = json!({ "metadata": { "name": name } });
            let found = of_template(&claim, &["data", "data-log"], "db");
            found.map(|(volume, number)| format!("{volume} {number}"))
        };
        assert_eq!(of("data-db-0").as_deref(), Some("data 0"));
        assert_eq!(of("data-log-db-12").as_deref(), Some("data-log 12"));
        assert_eq!(of("data-db-backup"), None);
        assert_eq!(of("data-other-0"), None);
        assert_eq!(of("other-db-0"), None);
    }
}
