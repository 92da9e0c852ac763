//! Whose an object is, and whose a platform is. Several platforms share a cluster, and two sources may use
//! one name: neither may replace or delete what is the other's without `--take-over`.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::call::{Answer, Call};
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::inventory::Inventory;
use crate::manager::{self, FieldManager};
use crate::object::{MANAGED_BY, ObjectId, PART_OF, TOOL, uid};
use crate::program::Program;

/// Another platform that owns an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Its name.
    pub(crate) platform: String,
    /// The manager of its fields, which a take-over renames.
    pub(crate) manager: String,
}

impl Owner {
    fn of(platform: &str, live: &Value) -> Self {
        let own = FieldManager::of(platform);
        let manager = match manager::platforms(live).any(|name| name == platform) {
            true => own.name(),
            false => TOOL,
        };
        Self {
            platform: platform.to_owned(),
            manager: manager.to_owned(),
        }
    }

    /// Why the object is not written.
    pub(crate) fn refusal(&self, id: &ObjectId) -> Failure {
        let platform = &self.platform;
        Failure::new(format!("{id} belongs to platform `{platform}`")).help(format!(
            "rename it here, or remove it from `{platform}` first; --take-over makes it this platform's"
        ))
    }
}

/// The platform that owns an object, if it is another: the one whose manager applied it, else the one that
/// its labels name. An object that several platforms have applied belongs to the one that its labels name.
pub(crate) fn other(own: &FieldManager, live: &Value) -> Option<Owner> {
    let own = own.platform();
    let labels = &live["metadata"]["labels"];
    let labelled = labels[PART_OF]
        .as_str()
        .filter(|_| labels[MANAGED_BY] == TOOL);
    let managers: Vec<&str> = manager::platforms(live).collect();
    let owner = match (managers.as_slice(), labelled) {
        ([], Some(label)) => label,
        ([], None) => return None,
        (several, Some(label)) if several.contains(&label) => label,
        (several, _) if several.contains(&own) => own,
        ([first, ..], _) => first,
    };
    (owner != own).then(|| Owner::of(owner, live))
}

/// The inventories of all other platforms, read once and only if an object has no mark of an owner.
#[derive(Default)]
pub(crate) struct Inventories {
    read: OnceCell<Vec<(String, BTreeSet<ObjectId>)>>,
}

impl Inventories {
    /// The platform that owns an object: by its own marks, or because its inventory lists it.
    pub(crate) async fn owner(
        &self,
        cluster: &Cluster,
        program: &Program<'_>,
        id: &ObjectId,
        live: &Value,
    ) -> Result<Option<Owner>, Failure> {
        if let Some(owner) = other(program.manager(), live) {
            return Ok(Some(owner));
        }
        let is_own = program.manager().entry(live).is_some();
        if is_own || crate::object::is_labelled(live, program.name()) {
            return Ok(None);
        }
        let others = || Inventory::all_but(cluster, program.name());
        let others = self.read.get_or_try_init(others).await?;
        let lister = others.iter().find(|(_, objects)| objects.contains(id));
        Ok(lister.map(|(platform, _)| Owner::of(platform, live)))
    }
}

/// Why this source may not touch the platform in the cluster: another source has applied it.
pub(crate) fn other_source(
    program: &Program<'_>,
    inventory: Option<&Inventory>,
) -> Option<Failure> {
    let recorded = inventory?.meta.id.as_deref()?;
    let name = program.name();
    let message = format!("platform `{name}` in this cluster belongs to another source");
    match program.source_id() {
        Some(id) if id == recorded => None,
        Some(id) => Some(
            Failure::new(format!("{message}: its id is `{recorded}`, and this source has `{id}`"))
                .help("give this platform another name; --take-over makes the platform in the cluster this source's"),
        ),
        None => Some(
            Failure::new(format!("{message}: its id is `{recorded}`, and this source has none"))
                .help(format!(
                    "if this is the source, add `id \"{recorded}\"` to its platform block; --take-over applies it as it is"
                )),
        ),
    }
}

/// What came of a deletion.
pub(crate) enum Deleted {
    /// The server took it.
    Now(Answer),
    /// The object was gone, or is another by now.
    Before,
    /// Another platform owns it by now, and it stays.
    Others(Owner),
}

/// How often an object is looked at again that is written to all the time.
const TRIES: usize = 5;

/// Deletes the object with this uid, unless another platform owns it by now.
///
/// # Errors
///
/// The cluster's.
pub(crate) async fn delete(
    cluster: &Cluster,
    own: &FieldManager,
    id: &ObjectId,
    expected: &str,
) -> Result<Deleted, ApiError> {
    let mut tries = 0;
    loop {
        let Some(live) = cluster.find(id.path()).await? else {
            return Ok(Deleted::Before);
        };
        if uid(&live).as_deref() != Some(expected) {
            return Ok(Deleted::Before);
        }
        if let Some(owner) = other(own, &live) {
            return Ok(Deleted::Others(owner));
        }
        tries += 1;
        // A controller may write its status faster than that. The last try takes what was just read for true.
        let version = live["metadata"]["resourceVersion"].as_str();
        let version = version.filter(|_| tries < TRIES);
        let call = Call::delete_version(&id.path(), expected, version, "Background");
        match cluster.call(call).await {
            Ok(answer) => return Ok(Deleted::Now(answer)),
            Err(error) if error.is_not_found() => return Ok(Deleted::Before),
            Err(error) if error.code() == Some(409) && tries < TRIES => {}
            Err(error) if error.code() == Some(409) => return Ok(Deleted::Before),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::manager;
    use serde_json::json;

    #[test]
    fn the_managers_of_platforms_are_told_from_others() {
        let entry =
            |manager: &str, operation: &str| json!({ "manager": manager, "operation": operation });
        let live = json!({ "metadata": { "managedFields": [
            entry("erpc:shop", "Apply"), entry("erpc:x", "Update"), entry("erpc", "Apply"),
            entry("erpc-scale", "Apply"), entry("kubectl", "Apply"),
        ] } });
        assert_eq!(manager::platforms(&live).collect::<Vec<_>>(), ["shop"]);
    }
}
