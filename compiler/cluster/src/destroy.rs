//! Takes a platform off a cluster, clients before what they need, and never what is not the platform's.
//!
//! [`Destruction`] is the plan: what goes, in which order, and what stays. [`destroy`] confirms it, makes it
//! again under the lock, and carries it out. Volumes stay unless `--delete-data` says otherwise, namespaces
//! unless erpc made them and nothing else is in them. The inventory goes last, so that the next run goes on
//! from where one ended.

mod run;
mod survey;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::Failure;
use crate::inventory::Inventory;
use crate::live::Live;
use crate::object::{ObjectId, is_labelled, uid};
use crate::owner;
use crate::program::Program;
use crate::selection::unknown;
use crate::workload::takes_claims_along;
use erpc_emit::{DEFAULT_DENY, Kind, Stage};
use erpc_model::kubernetes::is_system_namespace;

pub use run::{Destroyed, destroy};
pub use survey::Foreign;
use survey::{Catalogue, Own, Survey, survey};

/// What the user allows beyond the objects themselves.
#[derive(Clone, Debug)]
pub struct DestroyOptions {
    /// `--delete-data`: the volumes, too.
    pub data: bool,
    /// `--take-over`: a platform that another source has applied.
    pub take_over: bool,
    /// `--namespace N`: this namespace with all that is in it but data.
    pub namespaces: Vec<String>,
    /// `--timeout TIME`: how long pods and namespaces may take to end, beside the grace period of the pods.
    pub timeout: Duration,
}

/// An object that is deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Which.
    pub id: ObjectId,
    /// Only if it is still this one.
    pub uid: String,
}

/// A claim of the platform.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Which.
    pub target: Target,
    /// What it asks for: `1Gi`.
    pub size: String,
}

/// A namespace that is deleted.
#[derive(Clone, Debug)]
pub struct DoomedNamespace {
    /// The namespace.
    pub target: Target,
    /// With `--namespace`: what is in it and not the platform's, and goes along.
    pub along: Vec<Foreign>,
    /// With `--namespace`: the kinds of which more may be in it, because they cannot be listed.
    pub unlisted: Vec<String>,
    is_named: bool,
}

/// What would be destroyed, and what stays.
#[derive(Debug)]
pub struct Destruction {
    /// What lets traffic and pods in, then workloads, clients before what they need. Each wave waits until the
    /// pods of the one before have ended.
    pub waves: Vec<Vec<Target>>,
    /// What pods need, by namespace and in order: it goes when no pod of the platform is left in the namespace.
    pub rest: BTreeMap<String, Vec<Vec<Target>>>,
    /// What is in no namespace.
    pub cluster_wide: Vec<Target>,
    /// The platform's claims: deleted or kept as the options say.
    pub volumes: Vec<Volume>,
    /// Namespaces that are deleted.
    pub namespaces: Vec<DoomedNamespace>,
    /// What stays, and why.
    pub kept: Vec<String>,
    /// Whether there is an inventory, which goes last.
    has_inventory: bool,
    deletes_data: bool,
    catalogue: Catalogue,
    /// What belongs to the platform in each namespace that is deleted.
    own: BTreeMap<String, Own>,
}

impl Destruction {
    /// Reads the cluster. Changes nothing.
    ///
    /// # Errors
    ///
    /// The cluster's, that another source has applied the platform, or that data would go without leave.
    pub async fn plan(
        cluster: &Cluster,
        program: &Program<'_>,
        options: &DestroyOptions,
    ) -> Result<Self, Failure> {
        let live = Live::read(cluster, program).await?;
        let inventory = live.inventory.as_ref();
        if !options.take_over
            && let Some(failure) = owner::other_source(program, inventory)
        {
            return Err(failure);
        }
        let known = namespaces(program, inventory);
        if let Some(name) = options
            .namespaces
            .iter()
            .find(|name| !known.contains(*name))
        {
            let known = known.iter().map(String::as_str);
            return Err(unknown(
                "--namespace",
                name,
                "namespace of the platform",
                known,
            ));
        }
        if let Some(name) = options
            .namespaces
            .iter()
            .find(|name| is_system_namespace(name))
        {
            return Err(
                Failure::new(format!("--namespace {name}: every cluster has this namespace"))
                    .help("leave it out: the platform's objects in it are deleted without it, and the namespace stays")
                    .usage(),
            );
        }
        let mut destruction = Self {
            waves: Vec::new(),
            rest: BTreeMap::new(),
            cluster_wide: Vec::new(),
            volumes: Vec::new(),
            namespaces: Vec::new(),
            kept: Vec::new(),
            has_inventory: inventory.is_some(),
            deletes_data: options.data,
            catalogue: Catalogue::read(cluster).await?,
            own: BTreeMap::new(),
        };
        let found = destruction
            .objects(cluster, program, &live, options)
            .await?;
        destruction.arrange(program, found);
        let names = namespaces(program, inventory);
        let present = names.iter().filter(|name| live.has_namespace(name));
        for name in present.clone() {
            destruction.add_volumes(cluster, program, name).await?;
        }
        for name in present {
            destruction
                .judge_namespace(cluster, program, &live, name, options)
                .await?;
        }
        Ok(destruction)
    }

    /// Whether there is nothing to delete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.has_inventory && self.len() == 0
    }

    /// How many objects are deleted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets().count()
    }

    /// Everything that is deleted, in the order of deletion.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        let rest = self.rest.values().flatten().flatten();
        let volumes = self.volumes.iter().map(|volume| &volume.target);
        let namespaces = self.namespaces.iter().map(|namespace| &namespace.target);
        let waves = self.waves.iter().flatten();
        waves
            .chain(rest)
            .chain(volumes.filter(|_| self.deletes_data))
            .chain(namespaces)
            .chain(&self.cluster_wide)
    }

    /// Whether another plan deletes and keeps the very same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.signature() == other.signature()
    }

    fn signature(&self) -> (BTreeSet<&Target>, BTreeSet<&str>, BTreeSet<&str>) {
        let along = self.namespaces.iter().flat_map(|namespace| {
            let unlisted = namespace.unlisted.iter().map(String::as_str);
            let along = namespace.along.iter().map(|foreign| foreign.uid.as_str());
            along.chain(unlisted)
        });
        let kept = self.kept.iter().map(String::as_str);
        (self.targets().collect(), along.collect(), kept.collect())
    }

    /// The objects of the inventory that are still the platform's, but for claims and namespaces.
    async fn objects(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
        live: &Live,
        options: &DestroyOptions,
    ) -> Result<Vec<Target>, Failure> {
        let inventory = live.inventory.as_ref();
        let listed = inventory.iter().flat_map(|inventory| &inventory.objects);
        let listed =
            listed.filter(|id| !matches!(id.kind, Kind::Namespace | Kind::PersistentVolumeClaim));
        let mut reads = stream::iter(listed)
            .map(|id| async move {
                if let Some(object) = live.get(id) {
                    return Ok(Some((id, object)));
                }
                // One that has lost the platform's label is in no list of the platform's objects.
                match cluster.call(Call::get(id.path())).await {
                    Ok(answer) => Ok(Some((id, answer.body))),
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .buffered(16);
        let mut found = Vec::new();
        while let Some(read) = reads.next().await {
            let Some((id, object)) = read? else { continue };
            if let Some(why) = why_kept(program, id, &object, options) {
                self.kept.push(format!("{id}: {why}"));
                continue;
            }
            if !options.data && takes_claims_along(&object) {
                return Err(Failure::new(format!(
                    "the claims of {id} would be deleted with it: its `persistentVolumeClaimRetentionPolicy` is `Delete`"
                ))
                .help("nothing was deleted; set the policy to `Retain`, or delete the data with --delete-data"));
            }
            found.extend(uid(&object).map(|uid| Target {
                id: id.clone(),
                uid,
            }));
        }
        Ok(found)
    }

    /// Puts what goes into its order.
    fn arrange(&mut self, program: &Program<'_>, found: Vec<Target>) {
        let order = &program.derived.order;
        let wave_of = |id: &ObjectId| {
            let service = program.object(id).and_then(|object| object.service);
            service.and_then(|service| order.wave.get(service.index()).copied())
        };
        let last = u32::try_from(order.waves.len()).unwrap_or(u32::MAX);
        let mut waves: BTreeMap<u32, Vec<Target>> = BTreeMap::new();
        let mut rest: BTreeMap<String, BTreeMap<u8, Vec<Target>>> = BTreeMap::new();
        for target in found {
            let id = &target.id;
            let wave = match id.kind.stage() {
                // What acts on the end of a custom resource may be a workload.
                Stage::Autoscalers | Stage::Routes | Stage::Custom | Stage::Admission => Some(0),
                Stage::Workloads if id.kind == Kind::CronJob => Some(0),
                // What has left the source needs nothing that is known: it goes with the first.
                Stage::Workloads => {
                    Some(1 + wave_of(id).map_or(0, |wave| last.saturating_sub(wave + 1)))
                }
                _ => None,
            };
            match (wave, &id.namespace) {
                (Some(wave), _) => waves.entry(wave).or_default().push(target),
                (None, Some(namespace)) => {
                    let groups = rest.entry(namespace.to_string()).or_default();
                    groups.entry(rank(id)).or_default().push(target);
                }
                (None, None) => self.cluster_wide.push(target),
            }
        }
        // A binding goes before its role.
        self.cluster_wide.sort_by_key(|target| rank(&target.id));
        self.waves = waves.into_values().collect();
        let rest = rest.into_iter();
        self.rest = rest
            .map(|(namespace, groups)| (namespace, groups.into_values().collect()))
            .collect();
    }

    async fn add_volumes(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
        namespace: &str,
    ) -> Result<(), Failure> {
        let path = Kind::PersistentVolumeClaim.collection(Some(namespace));
        for claim in cluster.list(&path, "").await? {
            if !is_of_platform(program, &claim) {
                continue;
            }
            let id = ObjectId::of(Kind::PersistentVolumeClaim, &claim);
            let size = claim["spec"]["resources"]["requests"]["storage"].as_str();
            let size = size.unwrap_or("?").to_owned();
            if !self.deletes_data {
                self.kept.push(format!(
                    "{id}, {size}: data is deleted with --delete-data only"
                ));
            }
            self.volumes.extend(uid(&claim).map(|uid| Volume {
                target: Target { id, uid },
                size,
            }));
        }
        Ok(())
    }

    /// Decides about a namespace that exists.
    async fn judge_namespace(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
        live: &Live,
        name: &str,
        options: &DestroyOptions,
    ) -> Result<(), Failure> {
        let id = namespace_id(name);
        let Some(object) = live.get(&id) else {
            return Ok(());
        };
        if is_system_namespace(name) {
            self.kept.push(format!("{id}: every cluster has it"));
            return Ok(());
        }
        let is_named = options.namespaces.iter().any(|named| named == name);
        let inventory = live.inventory.as_ref();
        let is_made = inventory.is_some_and(|inventory| inventory.meta.namespaces.contains(name));
        if let Some(owner) = owner::other(program.manager(), &object) {
            self.kept
                .push(format!("{id}: it belongs to platform `{}`", owner.platform));
            return Ok(());
        }
        if !is_named && !is_made {
            self.kept.push(format!("{id}: erpc did not make it"));
            return Ok(());
        }
        let (own, found) = self.survey(cluster, name).await?;
        if let Some(why) = why_stays(&found, is_named, options.data) {
            self.kept.push(format!("{id}: {why}"));
            return Ok(());
        }
        let uids = own.uids.union(&found.uids).cloned().collect();
        self.own.insert(name.to_owned(), Own { uids, ..own });
        self.namespaces
            .extend(uid(&object).map(|uid| DoomedNamespace {
                target: Target { id, uid },
                unlisted: found.unlisted.into_values().flatten().collect(),
                along: found.foreign,
                is_named,
            }));
        Ok(())
    }

    /// What is in a namespace now, seen against what is to be deleted in it.
    async fn survey(&self, cluster: &Cluster, name: &str) -> Result<(Own, Survey), Failure> {
        let mut own = Own::in_namespace(
            name,
            self.targets()
                .map(|target| (&target.id, target.uid.as_str())),
        );
        if let Some(known) = self.own.get(name) {
            own.uids.extend(known.uids.iter().cloned());
        }
        let found = survey(cluster, &self.catalogue, name, &own).await?;
        Ok((own, found))
    }
}

/// The namespaces in which the platform has or had something.
///
/// # Errors
///
/// The cluster's.
pub async fn known_namespaces(
    cluster: &Cluster,
    program: &Program<'_>,
) -> Result<BTreeSet<String>, Failure> {
    let inventory = Inventory::read(cluster, program.name()).await?;
    Ok(namespaces(program, inventory.as_ref()))
}

fn namespaces(program: &Program<'_>, inventory: Option<&Inventory>) -> BTreeSet<String> {
    let own = program.platform.namespaces();
    let mut names: BTreeSet<String> = own
        .map(|(_, namespace)| namespace.name.value.to_string())
        .collect();
    if let Some(inventory) = inventory {
        names.extend(inventory.meta.namespaces.iter().cloned());
        let of_objects = inventory
            .objects
            .iter()
            .filter_map(|id| id.namespace.as_ref());
        names.extend(of_objects.map(ToString::to_string));
    }
    names
}

fn namespace_id(name: &str) -> ObjectId {
    ObjectId {
        namespace: None,
        kind: Kind::Namespace,
        name: name.into(),
    }
}

/// The place of what pods need, after the workloads. A namespace stays closed until nothing else is left in it.
fn rank(id: &ObjectId) -> u8 {
    match id.kind.stage() {
        Stage::Policies if id.name == DEFAULT_DENY => u8::MAX,
        stage => stage.removal(),
    }
}

/// Why an object of the inventory stays.
fn why_kept(
    program: &Program<'_>,
    id: &ObjectId,
    object: &Value,
    options: &DestroyOptions,
) -> Option<String> {
    if let Some(owner) = owner::other(program.manager(), object) {
        return Some(format!("it belongs to platform `{}`", owner.platform));
    }
    if !is_labelled(object, program.name()) {
        return Some("it does not carry the platform's label any more".to_owned());
    }
    if id.kind == Kind::StorageClass && !options.data {
        return Some("volumes that stay are of it".to_owned());
    }
    if id.kind.holds_data() && !options.data {
        return Some("data is deleted with --delete-data only".to_owned());
    }
    None
}

/// Why a namespace is not deleted, seen what is in it.
fn why_stays(found: &Survey, is_named: bool, deletes_data: bool) -> Option<String> {
    if !is_named {
        return found.summary();
    }
    if deletes_data {
        return None;
    }
    let claims = found.foreign.iter().filter(|foreign| foreign.is_claim);
    let claims: Vec<&str> = claims.map(|foreign| foreign.what.as_str()).collect();
    if !claims.is_empty() {
        let claims = survey::listed(&claims);
        return Some(format!(
            "{claims} would be deleted with it, and data is deleted with --delete-data only"
        ));
    }
    let why = "this account may not list claims, and data is deleted with --delete-data only";
    found.hides_claims.then(|| why.to_owned())
}

/// Whether a claim is of a service of the platform: by its own label, or by that of its template.
fn is_of_platform(program: &Program<'_>, claim: &Value) -> bool {
    if is_labelled(claim, program.name()) {
        return true;
    }
    // Its controller gives a claim the labels of the selector.
    let (labels, namespace) = (
        &claim["metadata"]["labels"],
        &claim["metadata"]["namespace"],
    );
    let service = program.service_of_pod(namespace.as_str().unwrap_or_default(), labels);
    let name = claim["metadata"]["name"].as_str().unwrap_or_default();
    service.is_some_and(|id| {
        let of = &program.platform[id];
        let mut volumes = of.volumes.iter();
        volumes.any(|volume| {
            let workload = &of.workload_name().value;
            name.starts_with(&format!("{}-{workload}-", volume.name.value))
        })
    })
}

/// What has come into a namespace since it was confirmed that it goes.
fn news<'s>(found: &'s Survey, confirmed: &DoomedNamespace) -> Vec<&'s str> {
    let known: HashSet<&str> = confirmed.along.iter().map(|one| one.uid.as_str()).collect();
    let foreign = found.foreign.iter();
    foreign
        .filter(|one| !known.contains(one.uid.as_str()))
        .map(|one| one.what.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::survey::{Foreign, Survey};
    use super::why_stays;

    fn found(what: &str, is_claim: bool) -> Survey {
        let foreign = Foreign {
            what: what.to_owned(),
            uid: "u".to_owned(),
            is_claim,
        };
        Survey {
            foreign: vec![foreign],
            ..Survey::default()
        }
    }

    #[test]
    fn data_stays_whatever_is_named() {
        let claim = || found("PersistentVolumeClaim n/data", true);
        let secret = || found("Secret n/s", false);
        let hidden = || Survey {
            hides_claims: true,
            ..Survey::default()
        };
        let stays = |found: Survey, is_named, data| why_stays(&found, is_named, data).is_some();
        assert!(stays(claim(), false, true) && stays(claim(), false, false));
        assert!(stays(claim(), true, false) && !stays(claim(), true, true));
        assert!(stays(secret(), false, true) && !stays(secret(), true, false));
        assert!(stays(hidden(), true, false) && !stays(hidden(), true, true));
        assert!(!stays(Survey::default(), false, false));
    }
}
