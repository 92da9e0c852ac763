//! Names that the command line gives: an unknown one ends the command before anything is written.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::allowed::Allowed;
use crate::change::{Action, ObjectChange};
use crate::client::Cluster;
use crate::failure::Failure;
use crate::live::Live;
use crate::program::Program;
use crate::selection::unknown;

/// Fails for a name of `--only` or `--replace` that neither the platform nor the cluster has.
pub(super) fn check(program: &Program<'_>, live: &Live, allowed: &Allowed) -> Result<(), Failure> {
    program.check_selection(live)?;
    let objects: BTreeSet<&str> = program.objects.iter().map(|o| o.id.name.as_str()).collect();
    match allowed
        .replace
        .iter()
        .find(|name| !objects.contains(name.as_str()))
    {
        Some(name) => Err(unknown("--replace", name, "object", objects)),
        None => Ok(()),
    }
}

/// Fails for a name of `--take-from` that has written no field of the platform's objects.
pub(super) async fn check_managers(
    cluster: &Cluster,
    live: &Live,
    steps: &[ObjectChange],
    allowed: &Allowed,
) -> Result<(), Failure> {
    let mut known = BTreeSet::new();
    let is_unknown = |known: &BTreeSet<String>| {
        let mut names = allowed.take_from.iter().map(|taking| &taking.manager);
        names.find(|name| !known.contains(*name)).cloned()
    };
    if is_unknown(&known).is_none() {
        return Ok(());
    }
    for (_, object) in live.objects() {
        add_managers(&object, &mut known);
    }
    // What does not carry the platform's label yet is in no list.
    let unlisted = steps.iter().filter(|step| !live.contains(&step.id));
    for step in unlisted.filter(|step| step.uid.is_some() || step.action == Action::Blocked) {
        if is_unknown(&known).is_none() {
            return Ok(());
        }
        if let Some(live) = cluster.find(step.id.path()).await? {
            add_managers(&live, &mut known);
        }
    }
    match is_unknown(&known) {
        Some(name) => {
            let known = known.iter().map(String::as_str);
            Err(unknown("--take-from", &name, "field manager", known))
        }
        None => Ok(()),
    }
}

fn add_managers(object: &Value, managers: &mut BTreeSet<String>) {
    let entries = object["metadata"]["managedFields"].as_array();
    let names = entries.into_iter().flatten();
    managers.extend(names.filter_map(|entry| entry["manager"].as_str().map(str::to_owned)));
}
