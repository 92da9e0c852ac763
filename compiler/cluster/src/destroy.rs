//! Takes a platform off a cluster, clients before what they need. Volumes stay unless they are named,
//! namespaces unless they are empty and erpc made them. The inventory goes last, so that a run that is
//! killed is ended by the next one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::inventory::{self, Inventory, is_labelled};
use crate::kind::{Kind, root};
use crate::live::Live;
use crate::lock::{self, Lock};
use crate::object::{ObjectId, Program};
use crate::owner;
use crate::plan::Action;
use crate::plan::{explain, uid};
use crate::progress::{Event, Progress};
use crate::request::Call;
use crate::stop::Stop;

/// What the user allows beyond the objects themselves.
#[derive(Clone, Debug, Default)]
pub struct DestroyOptions {
    /// `--delete-data`: the volumes, too.
    pub data: bool,
    /// `--take-over`: a platform that another source has applied.
    pub take_over: bool,
    /// `--namespace N`: this namespace with all that is in it.
    pub namespaces: Vec<String>,
}

/// What would be destroyed, and what stays.
#[derive(Debug)]
pub struct Destruction {
    /// What is deleted, in this order; each group waits for the one before.
    pub groups: Vec<Vec<(ObjectId, String)>>,
    /// Volumes, with their sizes: deleted or kept as the options say.
    pub volumes: Vec<(ObjectId, String, String)>,
    /// Namespaces that are deleted.
    pub namespaces: Vec<String>,
    /// What stays, and why.
    pub kept: Vec<String>,
    inventory: Option<Inventory>,
}

impl Destruction {
    /// Reads the cluster. Changes nothing.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub async fn plan(
        cluster: &Cluster,
        program: &Program<'_>,
        options: &DestroyOptions,
    ) -> Result<Self, Failure> {
        let live = Live::read(cluster, program).await?;
        let inventory = live.inventory.clone();
        if !options.take_over
            && let Some(failure) = owner::other_source(program, inventory.as_ref())
        {
            return Err(failure);
        }
        let listed: BTreeSet<ObjectId> = inventory
            .iter()
            .flat_map(|inventory| inventory.objects.iter().cloned())
            .collect();
        let mut kept = Vec::new();
        let mut found: Vec<(ObjectId, String)> = Vec::new();
        for id in &listed {
            let Some(object) = live.get(id) else {
                continue;
            };
            if matches!(id.kind, Kind::Namespace | Kind::PersistentVolumeClaim) {
                continue;
            }
            if id.kind == Kind::StorageClass && !options.data {
                kept.push(format!("{id}: volumes that stay are of it"));
                continue;
            }
            if !is_labelled(&object, program.name()) {
                kept.push(format!(
                    "{id}: it does not carry the platform's label any more"
                ));
                continue;
            }
            if let Some(uid) = uid(&object) {
                found.push((id.clone(), uid));
            }
        }
        let groups = in_order(program, found);
        let volumes = volumes(cluster, program, &live, options, &mut kept).await?;
        let mut destruction = Self {
            groups,
            volumes,
            namespaces: Vec::new(),
            kept,
            inventory,
        };
        destruction
            .choose_namespaces(cluster, program, &live, options)
            .await?;
        Ok(destruction)
    }

    /// Whether there is nothing to delete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inventory.is_none() && self.groups.is_empty() && self.namespaces.is_empty()
    }

    /// How many objects are deleted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(Vec::len).sum::<usize>() + self.namespaces.len()
    }

    async fn choose_namespaces(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
        live: &Live,
        options: &DestroyOptions,
    ) -> Result<(), Failure> {
        let deleted: BTreeSet<&ObjectId> = self.groups.iter().flatten().map(|(id, _)| id).collect();
        let made = self.inventory.as_ref().map(|i| i.meta.namespaces.clone());
        let made = made.unwrap_or_default();
        let mut names: BTreeSet<String> = program
            .platform
            .namespaces()
            .map(|(_, namespace)| namespace.name.value.to_string())
            .collect();
        names.extend(made.iter().cloned());
        let mut chosen = Vec::new();
        let mut kept = Vec::new();
        for name in names {
            if !live.has_namespace(&name) {
                continue;
            }
            if options.namespaces.contains(&name) {
                chosen.push(name);
                continue;
            }
            if !made.contains(&name) {
                kept.push(format!("Namespace {name}: erpc did not make it"));
                continue;
            }
            let foreign = foreign(cluster, &name, &deleted, options.data).await?;
            match foreign {
                Some(what) => kept.push(format!("Namespace {name}: {what} is in it")),
                None => chosen.push(name),
            }
        }
        self.namespaces = chosen;
        self.kept.extend(kept);
        Ok(())
    }
}

/// Ingresses, schedules and autoscalers; workloads, clients first; then what they used; policies, and
/// at the very end those that close their namespaces.
fn in_order(program: &Program<'_>, found: Vec<(ObjectId, String)>) -> Vec<Vec<(ObjectId, String)>> {
    let order = &program.derived.order;
    let wave_of = |id: &ObjectId| {
        let service = program.object(id).and_then(|object| object.service);
        service.and_then(|service| order.wave.get(service.index()).copied())
    };
    let waves = u32::try_from(order.waves.len()).unwrap_or(u32::MAX);
    let rank = |id: &ObjectId| -> u32 {
        match id.kind {
            Kind::Ingress | Kind::CronJob | Kind::HorizontalPodAutoscaler => 0,
            kind if kind.is_workload() => 1 + waves - wave_of(id).map_or(waves, |wave| wave + 1),
            Kind::Service | Kind::PodDisruptionBudget => waves + 1,
            Kind::NetworkPolicy if id.name != "default-deny" => waves + 2,
            Kind::ConfigMap | Kind::ResourceQuota | Kind::LimitRange => waves + 3,
            Kind::RoleBinding | Kind::ClusterRoleBinding => waves + 4,
            Kind::NetworkPolicy => waves + 6,
            _ => waves + 5,
        }
    };
    let mut groups: std::collections::BTreeMap<u32, Vec<(ObjectId, String)>> =
        std::collections::BTreeMap::new();
    for (id, uid) in found {
        groups.entry(rank(&id)).or_default().push((id, uid));
    }
    groups.into_values().collect()
}

async fn volumes(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
    options: &DestroyOptions,
    kept: &mut Vec<String>,
) -> Result<Vec<(ObjectId, String, String)>, Failure> {
    let mut out = Vec::new();
    for (_, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        if !live.has_namespace(name) {
            continue;
        }
        let path = Kind::PersistentVolumeClaim.collection(Some(name));
        for claim in cluster.list(&path, "").await? {
            let id = ObjectId::of(Kind::PersistentVolumeClaim, &claim);
            if !is_of_platform(program, &claim) {
                continue;
            }
            let size = claim["spec"]["resources"]["requests"]["storage"].as_str();
            let size = size.unwrap_or("?").to_owned();
            if !options.data {
                kept.push(format!(
                    "{id}, {size}: data is deleted with --delete-data only"
                ));
            }
            if let Some(uid) = uid(&claim) {
                out.push((id, size, uid));
            }
        }
    }
    Ok(out)
}

/// Whether a claim is of a service of the platform: by its own label, or by that of its template.
fn is_of_platform(program: &Program<'_>, claim: &Value) -> bool {
    if is_labelled(claim, program.name()) {
        return true;
    }
    let service = claim["metadata"]["labels"]["app.kubernetes.io/name"].as_str();
    let namespace = claim["metadata"]["namespace"].as_str();
    program.platform.services().any(|(_, of)| {
        Some(of.name.value.as_str()) == service
            && Some(program.platform[of.namespace].name.value.as_str()) == namespace
            && of.volumes.iter().any(|volume| {
                let start = format!("{}-{}-", volume.name.value, of.name.value);
                claim["metadata"]["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with(&start))
            })
    })
}

/// Something in a namespace that is not the platform's, and not Kubernetes' own.
async fn foreign(
    cluster: &Cluster,
    namespace: &str,
    deleted: &BTreeSet<&ObjectId>,
    deletes_data: bool,
) -> Result<Option<String>, Failure> {
    let kinds: [(&str, &str, &str); 12] = [
        ("", "persistentvolumeclaims", "PersistentVolumeClaim"),
        ("apps", "deployments", "Deployment"),
        ("apps", "statefulsets", "StatefulSet"),
        ("apps", "daemonsets", "DaemonSet"),
        ("batch", "jobs", "Job"),
        ("batch", "cronjobs", "CronJob"),
        ("", "services", "Service"),
        ("", "secrets", "Secret"),
        ("", "configmaps", "ConfigMap"),
        ("", "serviceaccounts", "ServiceAccount"),
        ("networking.k8s.io", "ingresses", "Ingress"),
        ("", "pods", "Pod"),
    ];
    for (group, plural, kind) in kinds {
        if kind == "PersistentVolumeClaim" && deletes_data {
            continue;
        }
        let path = format!("{}/namespaces/{namespace}/{plural}", root(group, "v1"));
        let objects = match cluster.list(&path, "").await {
            Ok(objects) => objects,
            // What may not be seen may be there.
            Err(ApiError::Refused(refusal)) if refusal.code == 403 => {
                return Ok(Some(format!(
                    "perhaps a {kind}, which this account may not list"
                )));
            }
            Err(error) => return Err(error.into()),
        };
        for object in objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let is_own = Kind::named(kind)
                .is_some_and(|kind| deleted.contains(&ObjectId::of(kind, &object)));
            let is_kubernetes = matches!(name, "kube-root-ca.crt" | "default")
                && matches!(kind, "ConfigMap" | "ServiceAccount");
            let owners = object["metadata"]["ownerReferences"].as_array();
            let is_owned = owners.is_some_and(|owners| !owners.is_empty());
            if !is_own && !is_kubernetes && !is_owned {
                return Ok(Some(format!("{kind} {name}")));
            }
        }
    }
    Ok(None)
}

/// How long pods may take to end beside their own grace period.
const ENDING: Duration = Duration::from_secs(120);

/// Does it.
///
/// # Errors
///
/// The cluster's; what is gone is gone, and the next run goes on.
pub async fn destroy(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    destruction: &Destruction,
    options: &DestroyOptions,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let mut stop = Stop::on_signals(cluster);
    inventory::prepare(cluster).await?;
    let lock = Lock::take(cluster, program.name(), Duration::ZERO, |text| {
        progress.say(&Event::Note(text));
    })
    .await?;
    progress.expect(destruction.len(), 0);
    for group in &destruction.groups {
        if stop.is_asked() || !lock.is_ours() {
            lock.release().await;
            return Err(Failure::new("stopped").help("`erpc destroy` goes on from here"));
        }
        for (id, uid) in group {
            delete(cluster, id, uid, progress).await?;
        }
        await_end(cluster, program, group, &mut stop, progress).await?;
    }
    if options.data {
        for (id, _, uid) in &destruction.volumes {
            delete(cluster, id, uid, progress).await?;
        }
    }
    for name in &destruction.namespaces {
        delete_namespace(cluster, name, progress).await?;
    }
    await_namespaces(cluster, &destruction.namespaces, &mut stop, progress).await?;
    progress.clear();
    Inventory::delete(cluster, program.name()).await?;
    lock::delete(cluster, lock).await;
    Ok(())
}

async fn delete(
    cluster: &Cluster,
    id: &ObjectId,
    uid: &str,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    match cluster
        .call(Call::delete(&id.path(), uid, "Background"))
        .await
    {
        Ok(_) => {}
        // Gone, or another object by now, which is not ours.
        Err(error) if error.is_not_found() || error.code() == Some(409) => return Ok(()),
        Err(ApiError::Refused(refusal)) => return Err(explain(&refusal, id)),
        Err(error) => return Err(error.into()),
    }
    progress.say(&Event::Wrote {
        object: id.to_string(),
        action: Action::Prune,
    });
    progress.tick();
    Ok(())
}

/// Waits until the pods of deleted workloads have ended: what they need goes after them.
async fn await_end(
    cluster: &Cluster,
    program: &Program<'_>,
    group: &[(ObjectId, String)],
    stop: &mut Stop,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let workloads: Vec<&ObjectId> = group
        .iter()
        .map(|(id, _)| id)
        .filter(|id| id.kind.is_workload() && id.kind != Kind::CronJob)
        .collect();
    let deadline = tokio::time::Instant::now() + ENDING;
    for id in workloads {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let selector = format!("{},app.kubernetes.io/name={}", program.selector(), id.name);
        loop {
            let pods = cluster.list(&path, &selector).await?;
            let running = pods
                .iter()
                .filter(|pod| {
                    !matches!(
                        pod["status"]["phase"].as_str(),
                        Some("Succeeded" | "Failed")
                    )
                })
                .count();
            if running == 0 || stop.is_asked() || tokio::time::Instant::now() > deadline {
                break;
            }
            progress.tick();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    Ok(())
}

async fn delete_namespace(
    cluster: &Cluster,
    name: &str,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let id = ObjectId {
        namespace: None,
        kind: Kind::Namespace,
        name: name.into(),
    };
    let live = match cluster.call(Call::get(id.path())).await {
        Ok(answer) => answer.body,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    delete(cluster, &id, &uid(&live).unwrap_or_default(), progress).await
}

/// A namespace takes a quarter of a minute to go; one that does not go says what holds it.
async fn await_namespaces(
    cluster: &Cluster,
    names: &[String],
    stop: &mut Stop,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + ENDING;
    for name in names {
        let path = format!("{}/{name}", Kind::Namespace.collection(None));
        loop {
            let live = match cluster.call(Call::get(&path)).await {
                Ok(answer) => answer.body,
                Err(error) if error.is_not_found() => break,
                Err(error) => return Err(error.into()),
            };
            if stop.is_asked() {
                return Err(Failure::new("stopped").help("`erpc destroy` goes on from here"));
            }
            if tokio::time::Instant::now() > deadline {
                let conditions = live["status"]["conditions"].as_array();
                let held: Vec<&str> = conditions
                    .into_iter()
                    .flatten()
                    .filter(|c| c["status"] == "True")
                    .filter_map(|c| c["message"].as_str())
                    .collect();
                return Err(Failure::new(format!(
                    "namespace {name} does not go: {}",
                    held.join("; ")
                ))
                .help("find out who removes the finalizer, then run `erpc destroy` again"));
            }
            progress.tick();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}
