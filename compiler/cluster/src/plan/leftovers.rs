//! What an earlier run applied and the source does not have any more: pruned, kept, or moved.

use serde_json::Value;

use super::{Action, Plan, Step, blocked, fingerprint, step, uid};
use crate::client::Cluster;
use crate::equal::own_entry;
use crate::failure::Failure;
use crate::inventory::is_labelled;
use crate::kind::Kind;
use crate::moves::{self, Moved, Moves};
use crate::object::{ObjectId, Program};

impl Plan {
    /// Adds what the inventory lists and the program does not.
    pub(super) async fn find_leftovers(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
    ) -> Result<(), Failure> {
        let Some(inventory) = &self.live.inventory else {
            return Ok(());
        };
        if program.objects.is_empty() {
            return Ok(());
        }
        let moves = Moves::of(program);
        let left: Vec<ObjectId> = inventory
            .objects
            .iter()
            .filter(|id| program.object(id).is_none())
            .cloned()
            .collect();
        for id in left {
            let Some(live) = self.live.get(&id) else {
                continue;
            };
            let target = moves.target(program, &id, &live);
            if id.kind == Kind::PersistentVolumeClaim
                && let Some(target) = &target
            {
                self.steps.push(blocked(&id, left_behind(&id, target)));
                continue;
            }
            if let Some(why) = why_kept(&id, &live, program.name()) {
                self.notes.push(format!(
                    "{id} is not in the source any more and stays: {why}"
                ));
                continue;
            }
            let planned = Step {
                uid: uid(&live),
                fingerprint: Some(fingerprint(&live)),
                ..step(&id, Action::Prune)
            };
            let step = match target {
                Some(target) => self.moved(cluster, program, planned, target).await?,
                None => planned,
            };
            self.steps.push(step);
        }
        Ok(())
    }

    /// The step for an object that has another name now.
    async fn moved(
        &self,
        cluster: &Cluster,
        program: &Program<'_>,
        planned: Step,
        mut target: Moved,
    ) -> Result<Step, Failure> {
        let id = planned.id.clone();
        let mut consequences = Vec::new();
        if id.kind == Kind::Job {
            consequences.push(format!("{} runs, as a new job does", target.to));
        }
        if let (Kind::StatefulSet, Some(service)) = (id.kind, target.service) {
            match moves::volumes(cluster, program, &self.live, &id, service).await? {
                Ok(volumes) => target.volumes = volumes,
                Err(failure) => return Ok(blocked(&id, failure)),
            }
            if !target.volumes.is_empty() {
                let volumes: Vec<String> = target
                    .volumes
                    .iter()
                    .map(moves::VolumeMove::describe)
                    .collect();
                let volumes = volumes.join(", ");
                if !self.allowed.move_volumes {
                    return Ok(blocked(
                        &id,
                        Failure::new(format!(
                            "it is {} now, and its data goes over with its volumes: {volumes}. Its pods stop first, and it is down until the new ones are ready",
                            target.to
                        ))
                        .help("allow it with --move-volumes, or drop the `moved`: then a service without data starts beside this one"),
                    ));
                }
                consequences.push(format!("down until {} is ready", target.to));
                consequences.push(format!("volumes go over: {volumes}"));
            }
        }
        Ok(Step {
            action: Action::Move,
            consequences,
            moved: Some(target),
            ..planned
        })
    }
}

/// A claim that all replicas share has its name from the volume, so only its namespace can have
/// changed; and a claim is one of the workload's own objects, not a template that we can fill.
fn left_behind(id: &ObjectId, target: &Moved) -> Failure {
    Failure::new(format!(
        "a shared volume cannot go over to another namespace, and {} would start with an empty one",
        target.to
    ))
    .help(format!(
        "keep the namespace; or drop the `moved`, apply, copy the data of {} while both are there, and remove the old service last",
        id.place()
    ))
}

/// Why something that is not in the source any more is not pruned.
fn why_kept(id: &ObjectId, live: &Value, platform: &str) -> Option<&'static str> {
    match id.kind {
        Kind::Namespace => return Some("namespaces are never pruned; `erpc destroy` removes them"),
        Kind::PersistentVolumeClaim => return Some("volumes are never pruned"),
        Kind::StorageClass => return Some("storage classes are never pruned"),
        _ => {}
    }
    if !is_labelled(live, platform) {
        return Some("it does not carry the platform's label any more");
    }
    if own_entry(live).is_none() {
        return Some("no field of it is erpc's any more");
    }
    if live["metadata"]["ownerReferences"]
        .as_array()
        .is_some_and(|owners| !owners.is_empty())
    {
        return Some("another object owns it");
    }
    if !live["metadata"]["annotations"]["erpc.dev/keep"].is_null() {
        return Some("it is annotated `erpc.dev/keep`");
    }
    None
}
