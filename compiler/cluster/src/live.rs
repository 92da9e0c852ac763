//! What the cluster holds of a platform, read in a few lists instead of a request for each object.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::additions::{Addition, additions};
use crate::call::Call;
use crate::client::Cluster;
use crate::equal::is_certainly_equal;
use crate::failure::{ApiError, Failure};
use crate::inventory::Inventory;
use crate::known::Table;
use crate::object::{ObjectId, Packed};
use crate::permissions::Right;
use crate::program::Program;
use crate::ready;
use crate::state::STATE_NAMESPACE;
use erpc_emit::Kind;

/// What was found.
#[derive(Debug, Default)]
pub struct Live {
    /// The platform's objects, and every namespace.
    objects: BTreeMap<ObjectId, Found>,
    /// What erpc applied earlier.
    pub inventory: Option<Inventory>,
    /// The custom kinds that the server does not serve, as their definitions are not there.
    unserved: BTreeSet<Kind>,
}

/// An object of the cluster.
#[derive(Debug)]
struct Found {
    object: Packed,
    /// Whether it certainly is as the platform says: then little of it is kept.
    is_equal: bool,
    /// Whether an earlier version of erpc wrote it, under a name that all platforms shared.
    is_former: bool,
    /// What others added to one that is as the platform says.
    additions: Vec<Addition>,
}

impl Found {
    fn of(kind: Kind, mut live: Value, program: &Program<'_>) -> (ObjectId, Self) {
        let id = ObjectId::of(kind, &live);
        let desired = program.object(&id);
        let is_equal = desired.is_some_and(|desired| {
            is_certainly_equal(program.manager(), &desired.body.value(), &live)
        });
        let is_former = program.manager().is_former(&live);
        let mut found = Vec::new();
        if let Some(desired) = desired.filter(|_| is_equal) {
            let body = desired.body.value();
            found = additions(program.manager(), kind, &body, &live, Table::whole());
            shorten(&mut live);
        }
        let found = Self {
            object: Packed::of(&live),
            is_equal,
            is_former,
            additions: found,
        };
        (id, found)
    }
}

/// Leaves out of an object what is not needed of one that stays as it is: its status, and which manager has
/// which field but for the metadata, where the marks of other tools are.
fn shorten(live: &mut Value) {
    if let Some(root) = live.as_object_mut() {
        root.remove("status");
    }
    let entries = live["metadata"]["managedFields"].as_array_mut();
    for entry in entries.into_iter().flatten() {
        if let Some(fields) = entry["fieldsV1"].as_object_mut() {
            fields.retain(|key, _| key == "f:metadata");
        }
    }
}

impl Live {
    /// Reads everything that a plan needs.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub async fn read(cluster: &Cluster, program: &Program<'_>) -> Result<Self, Failure> {
        let inventory = Inventory::read(cluster, program.name()).await?;
        let mut kinds: BTreeSet<Kind> = program.kinds().into_iter().collect();
        kinds.extend(inventory.iter().flat_map(|i| &i.objects).map(|id| id.kind));
        kinds.remove(&Kind::Namespace);
        let wanted = of_platform(program, inventory.as_ref());
        let mut asked = wanted.clone();
        asked.insert(STATE_NAMESPACE.to_owned());
        let namespaces = namespaces(cluster, &asked)
            .await
            .map_err(|error| not_listed(Kind::Namespace, error))?;
        let names: Vec<String> = namespaces
            .iter()
            .filter_map(|namespace| namespace["metadata"]["name"].as_str())
            .filter(|name| wanted.contains(*name))
            .map(str::to_owned)
            .collect();
        let mut objects: BTreeMap<ObjectId, Found> = namespaces
            .into_iter()
            .map(|live| Found::of(Kind::Namespace, live, program))
            .collect();
        let selector = program.selector();
        let lists = kinds.iter().map(|kind| {
            let found = |live| Found::of(*kind, live, program);
            list_as(cluster, *kind, &selector, &names, found)
        });
        let mut unserved = BTreeSet::new();
        for (kind, found) in kinds.iter().zip(join_all(lists).await) {
            match found {
                Err(error) if !kind.is_builtin() && error.is_not_found() => {
                    unserved.insert(*kind);
                }
                found => objects.extend(found.map_err(|error| not_listed(*kind, error))?),
            }
        }
        let listed = inventory.as_ref().map(|inventory| &inventory.objects);
        let unlabelled = match listed {
            Some(listed) => unlabelled(cluster, program, &objects, listed).await?,
            None => Vec::new(),
        };
        objects.extend(unlabelled);
        Ok(Self {
            objects,
            inventory,
            unserved,
        })
    }

    /// Whether the server serves a kind.
    #[must_use]
    pub fn serves(&self, kind: Kind) -> bool {
        !self.unserved.contains(&kind)
    }

    /// What others added to an object that is as the platform says.
    #[must_use]
    pub fn additions(&self, id: &ObjectId) -> &[Addition] {
        let found = self.objects.get(id);
        found.map_or(&[], |found| &found.additions)
    }

    /// An object that was found. Of one that is as the platform says, its status and most of what is
    /// known of its managers are left out.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<Value> {
        Some(self.objects.get(id)?.object.value())
    }

    /// Whether an object was found.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.objects.contains_key(id)
    }

    /// Whether an object certainly is as the platform says.
    #[must_use]
    pub fn is_equal(&self, id: &ObjectId) -> bool {
        self.objects.get(id).is_some_and(|found| found.is_equal)
    }

    /// The objects whose fields are still those of the manager that all platforms shared.
    pub(crate) fn former(&self) -> impl Iterator<Item = &ObjectId> {
        let former = self.objects.iter().filter(|(_, found)| found.is_former);
        former.map(|(id, _)| id)
    }

    /// All objects, one after the other.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectId, Value)> {
        let objects = self.objects.iter();
        objects.map(|(id, found)| (id, found.object.value()))
    }

    /// All objects of a kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&ObjectId, Value)> {
        let objects = self.objects.iter().filter(move |(id, _)| id.kind == kind);
        objects.map(|(id, found)| (id, found.object.value()))
    }

    /// The namespaces of the platform that exist.
    pub(crate) fn namespaces_of(&self, program: &Program<'_>) -> Vec<String> {
        program
            .platform
            .namespaces()
            .map(|(_, namespace)| namespace.name.value.to_string())
            .filter(|name| self.has_namespace(name))
            .collect()
    }

    /// Whether a namespace exists.
    #[must_use]
    pub fn has_namespace(&self, name: &str) -> bool {
        self.contains(&ObjectId {
            namespace: None,
            kind: Kind::Namespace,
            name: name.into(),
        })
    }
}

/// So many declared objects of a kind and namespace are asked for by name; more are listed.
const MOST_BY_NAME: usize = 4;

/// The declared objects that an earlier apply made and no list by label has: they are gone, or they
/// have lost the label. Of others, a dry run tells whether they exist.
async fn unlabelled(
    cluster: &Cluster,
    program: &Program<'_>,
    objects: &BTreeMap<ObjectId, Found>,
    listed: &BTreeSet<ObjectId>,
) -> Result<Vec<(ObjectId, Found)>, Failure> {
    let mut missing: BTreeMap<(Kind, Option<&str>), Vec<&ObjectId>> = BTreeMap::new();
    for desired in &program.objects {
        let id = &desired.id;
        let namespace = id.namespace.as_deref();
        let can_exist = namespace.is_none_or(|name| {
            objects.contains_key(&ObjectId {
                namespace: None,
                kind: Kind::Namespace,
                name: name.into(),
            })
        });
        if can_exist && listed.contains(id) && !objects.contains_key(id) {
            missing.entry((id.kind, namespace)).or_default().push(id);
        }
    }
    let mut reads = stream::iter(missing)
        .map(|((kind, namespace), ids)| async move {
            if ids.len() > MOST_BY_NAME {
                let of = |live: Value| {
                    let is_declared = program.object(&ObjectId::of(kind, &live)).is_some();
                    is_declared.then(|| Found::of(kind, live, program))
                };
                let found = cluster.list_as(&kind.collection(namespace), "", of).await?;
                return Ok(found.into_iter().flatten().collect());
            }
            let mut found = Vec::new();
            for id in ids {
                match cluster.call(Call::get(id.path())).await {
                    Ok(answer) => found.push(Found::of(kind, answer.body, program)),
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
        .buffer_unordered(16);
    let mut all = Vec::new();
    while let Some(found) = reads.next().await {
        match found {
            Ok(found) => all.extend::<Vec<(ObjectId, Found)>>(found),
            // The dry run of such an object tells what the account lacks.
            Err(error) if error.code() == Some(403) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Those that the lists have already are as they have them.
    all.retain(|(id, _)| !objects.contains_key(id));
    Ok(all)
}

/// The namespaces in which the platform has or had something, whether they exist or not.
fn of_platform(program: &Program<'_>, inventory: Option<&Inventory>) -> BTreeSet<String> {
    let mut wanted: BTreeSet<String> = program
        .platform
        .namespaces()
        .map(|(_, namespace)| namespace.name.value.to_string())
        .collect();
    wanted.extend(program.namespaces_of_objects().map(str::to_owned));
    let known = inventory.into_iter().flat_map(|i| &i.objects);
    wanted.extend(known.filter_map(|id| id.namespace.as_ref().map(ToString::to_string)));
    wanted
}

/// All namespaces, or, for an account that may not list them, those of these names that exist.
async fn namespaces(cluster: &Cluster, wanted: &BTreeSet<String>) -> Result<Vec<Value>, ApiError> {
    let list = Right::of_kind(None, Kind::Namespace, "list");
    if cluster.missing(&[list]).await?.is_empty() {
        return cluster.list_kind(Kind::Namespace, "").await;
    }
    let paths = wanted
        .iter()
        .map(|name| format!("{}/{name}", Kind::Namespace.collection(None)));
    let answers = join_all(paths.map(|path| cluster.call(Call::get(path)))).await;
    let mut found = Vec::new();
    for answer in answers {
        match answer {
            Ok(answer) => found.push(answer.body),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The pods of a platform in a namespace that have not ended.
pub(crate) async fn running_pods(
    cluster: &Cluster,
    program: &Program<'_>,
    namespace: &str,
) -> Result<Vec<Value>, ApiError> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let selector = program.selector_of_pods();
    let mut pods = cluster.list(&path, &selector).await?;
    pods.retain(|pod| !ready::has_ended(pod));
    Ok(pods)
}

/// What keeps an object from being deleted.
pub(crate) fn finalizers(live: &Value) -> Vec<&str> {
    let finalizers = live["metadata"]["finalizers"].as_array();
    let finalizers = finalizers.into_iter().flatten();
    finalizers.filter_map(Value::as_str).collect()
}

/// One list for the whole cluster, or, for an account that may not have it, one for each namespace.
pub(crate) async fn list(
    cluster: &Cluster,
    kind: Kind,
    selector: &str,
    namespaces: &[String],
) -> Result<Vec<Value>, ApiError> {
    list_as(cluster, kind, selector, namespaces, |object| object).await
}

/// The same, with what becomes of each object.
async fn list_as<T>(
    cluster: &Cluster,
    kind: Kind,
    selector: &str,
    namespaces: &[String],
    of: impl Fn(Value) -> T,
) -> Result<Vec<T>, ApiError> {
    let everywhere = kind.collection(None);
    if !kind.is_namespaced() {
        return cluster.list_as(&everywhere, selector, &of).await;
    }
    if cluster.lists_everywhere().await? {
        match cluster.list_as(&everywhere, selector, &of).await {
            // It may list pods everywhere, and not this kind.
            Err(error) if error.code() == Some(403) => {}
            found => return found,
        }
    }
    let paths: Vec<String> = namespaces
        .iter()
        .map(|namespace| kind.collection(Some(namespace)))
        .collect();
    let lists = paths
        .iter()
        .map(|path| cluster.list_as(path, selector, &of));
    let mut objects = Vec::new();
    for found in join_all(lists).await {
        objects.extend(found?);
    }
    Ok(objects)
}

fn not_listed(kind: Kind, error: ApiError) -> Failure {
    let what = kind.plural();
    match &error {
        ApiError::Refused(refusal) if refusal.code == 404 => Failure::new(format!(
            "the cluster does not serve {what} of {}",
            kind.api_version()
        ))
        .help("it is older than what the platform needs, or the API is switched off"),
        ApiError::Refused(refusal) if refusal.code == 403 => Failure::new(format!(
            "{what} may not be listed: {}",
            refusal.message.trim()
        ))
        .help("`erpc rbac` prints the permissions that this platform needs"),
        _ => error.into(),
    }
}

/// A Secret that the platform declares and the cluster lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The keys that are missing; all of them where there is no such Secret.
    pub keys: Vec<String>,
    /// Whether the Secret is there, without these keys.
    pub is_there: bool,
    /// Where the source declares it.
    pub place: Option<String>,
    /// The commands that make it.
    pub commands: Vec<String>,
}

/// Which declared Secrets the cluster lacks, and what could not be looked at. Only the names of
/// keys are kept; values never leave the answer that they came in.
pub(crate) async fn missing_secrets(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> (Vec<MissingSecret>, Vec<String>) {
    let platform = program.platform;
    let mut asked = Vec::new();
    for secret in &platform.secrets {
        let namespaces = match secret.namespace {
            Some(id) => vec![id],
            None => secret.used_in.clone(),
        };
        let of_selection =
            |id: &erpc_model::NamespaceId| program.touches(&platform[*id].name.value);
        for id in namespaces.into_iter().filter(of_selection) {
            asked.push((secret, platform[id].name.value.to_string()));
        }
    }
    let answers = asked.iter().map(|(secret, namespace)| async move {
        if !live.has_namespace(namespace) {
            return Ok(None);
        }
        let path = format!(
            "/api/v1/namespaces/{namespace}/secrets/{}",
            secret.name.value
        );
        match cluster.call(Call::get(path)).await {
            Ok(answer) => Ok(Some(keys_of(&answer.body))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    });
    let answers = join_all(answers).await;
    let (mut missing, mut unchecked) = (Vec::new(), Vec::new());
    for ((secret, namespace), answer) in asked.into_iter().zip(answers) {
        let name = secret.name.value.to_string();
        let found = match answer {
            Ok(found) => found,
            Err(error) => {
                let why = match error.code() {
                    Some(403) => "this account may not read it".to_owned(),
                    _ => error.to_string(),
                };
                unchecked.push(format!(
                    "whether Secret {namespace}/{name} exists is unchecked: {why}"
                ));
                continue;
            }
        };
        let is_there = found.is_some();
        let has = found.unwrap_or_default();
        let keys: Vec<String> = secret
            .keys
            .iter()
            .map(|key| key.value.to_string())
            .filter(|key| !has.contains(key))
            .collect();
        if is_there && keys.is_empty() {
            continue;
        }
        let has_namespace = live.has_namespace(&namespace);
        missing.push(MissingSecret {
            commands: commands(&namespace, &name, &keys, is_there, has_namespace),
            place: program.sources.place(secret.name.span()),
            namespace,
            name,
            keys,
            is_there,
        });
    }
    (missing, unchecked)
}

pub(crate) fn keys_of(secret: &Value) -> BTreeSet<String> {
    let data = secret["data"].as_object();
    data.into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect()
}

fn commands(
    namespace: &str,
    name: &str,
    keys: &[String],
    is_there: bool,
    has_namespace: bool,
) -> Vec<String> {
    let mut commands = Vec::new();
    if !has_namespace {
        commands.push(format!("kubectl create namespace {namespace}"));
    }
    let is_certificate = ["tls.crt", "tls.key"]
        .iter()
        .all(|key| keys.iter().any(|has| has == key));
    if is_there {
        for key in keys {
            commands.push(format!(
                "kubectl -n {namespace} patch secret {name} --type merge -p '{{\"stringData\":{{\"{key}\":\"…\"}}}}'"
            ));
        }
    } else if is_certificate && keys.len() == 2 {
        commands.push(format!(
            "kubectl -n {namespace} create secret tls {name} --cert=tls.crt --key=tls.key"
        ));
    } else if keys == [".dockerconfigjson"] {
        commands.push(format!(
            "kubectl -n {namespace} create secret docker-registry {name} --docker-server=… --docker-username=… --docker-password=…"
        ));
    } else {
        let literals: Vec<String> = keys
            .iter()
            .map(|key| format!("--from-literal={key}=…"))
            .collect();
        commands.push(format!(
            "kubectl -n {namespace} create secret generic {name} {}",
            literals.join(" ")
        ));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn a_certificate_has_a_command_of_its_own() {
        let keys = ["tls.crt".to_owned(), "tls.key".to_owned()];
        assert_eq!(
            commands("a", "b", &keys, false, false),
            [
                "kubectl create namespace a",
                "kubectl -n a create secret tls b --cert=tls.crt --key=tls.key"
            ]
        );
        assert_eq!(
            commands("a", "b", &keys[..1], false, true),
            ["kubectl -n a create secret generic b --from-literal=tls.crt=…"]
        );
    }

    #[test]
    fn so_has_the_login_of_a_registry() {
        let keys = [".dockerconfigjson".to_owned()];
        assert_eq!(
            commands("a", "b", &keys, false, true),
            [
                "kubectl -n a create secret docker-registry b --docker-server=… --docker-username=… --docker-password=…"
            ]
        );
    }
}
