//! What an earlier run applied and the source does not have any more: pruned, kept, or moved.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Plan;
use crate::change::{Action, Moved, ObjectChange, VolumeMove, blocked, step};
use crate::client::Cluster;
use crate::equal::fingerprint;
use crate::failure::Failure;
use crate::moves::{self, Moves};
use crate::object::{NAME, ObjectId, is_labelled, uid};
use crate::owner;
use crate::program::Program;
use crate::workload::{self, takes_claims_along};
use erpc_emit::{Kind, Stage};

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
        if program.objects.is_empty() && program.only().is_empty() {
            return Ok(());
        }
        let moves = Moves::of(program);
        let left: Vec<ObjectId> = inventory
            .objects
            .iter()
            .filter(|id| !program.declares(id))
            .cloned()
            .collect();
        for id in left {
            let Some(live) = self.live.get(&id) else {
                continue;
            };
            let target = moves.target(program, &id, &live);
            if !program.selects_leftover(&id, &live, target.as_ref()) {
                continue;
            }
            if id.kind == Kind::PersistentVolumeClaim
                && let Some(target) = &target
            {
                self.steps.push(ObjectChange {
                    moved: Some(target.clone()),
                    ..blocked(&id, left_behind(&id, target))
                });
                continue;
            }
            if let Some(owner) = owner::other(program.manager(), &live) {
                self.notes.push(format!(
                    "{id} is not in the source any more and stays: it belongs to platform `{}` now",
                    owner.platform
                ));
                continue;
            }
            if target.is_none() && takes_claims_along(&live) {
                self.notes.push(format!(
                    "{id} is not in the source any more and stays: its claims would be deleted with it, because its `persistentVolumeClaimRetentionPolicy` is `Delete`"
                ));
                continue;
            }
            if let Some(why) = why_kept(&id, &live, program) {
                self.notes.push(format!(
                    "{id} is not in the source any more and stays: {why}"
                ));
                continue;
            }
            let planned = ObjectChange {
                opens: id.kind == Kind::NetworkPolicy && program.leaves_open(&id),
                uid: uid(&live),
                fingerprint: Some(fingerprint(program.manager(), id.kind, &live)),
                ..step(&id, Action::Prune)
            };
            let step = match target {
                Some(target) => self.moved(cluster, program, planned, target).await?,
                None => planned,
            };
            self.steps.push(step);
        }
        self.hint_at_renames(program);
        Ok(())
    }

    /// A StatefulSet that was renamed without a `moved` is a new one to the plan, and starts empty beside the
    /// volumes of the old one.
    fn hint_at_renames(&mut self, program: &Program<'_>) {
        let of = |action| {
            let steps = self.steps.iter();
            steps.filter(move |step: &&ObjectChange| {
                step.action == action && step.id.kind == Kind::StatefulSet
            })
        };
        let mut hints = Vec::new();
        for old in of(Action::Prune) {
            let Some(live) = self
                .live
                .get(&old.id)
                .as_ref()
                .and_then(Stateful::from_object)
            else {
                continue;
            };
            let alike = of(Action::Create).find(|new| {
                let body = program.object(&new.id).map(|object| object.body.value());
                let new_one = body.as_ref().and_then(Stateful::from_object);
                let is_near = new.id.namespace == old.id.namespace || new.id.name == old.id.name;
                is_near && new_one.is_some_and(|new| new.looks_like(&live))
            });
            let path = |id: &ObjectId| id.place().replace('/', ".");
            hints.extend(alike.map(|new| {
                format!(
                    "{} is new and starts with an empty volume; did you mean `moved {} to {}`?",
                    new.id,
                    path(&old.id),
                    path(&new.id)
                )
            }));
        }
        self.notes.extend(hints);
    }

    /// The step for an object that has another name now.
    async fn moved(
        &self,
        cluster: &Cluster,
        program: &Program<'_>,
        planned: ObjectChange,
        mut target: Moved,
    ) -> Result<ObjectChange, Failure> {
        let id = planned.id.clone();
        let mut consequences = Vec::new();
        if id.kind == Kind::Job {
            let live = self.live.get(&id).unwrap_or_default();
            let service = live["metadata"]["labels"][NAME].as_str();
            let may_stop = |name: &&String| Some(name.as_str()) == service || **name == id.name;
            if is_at_work(&live) && !self.allowed.replace.iter().any(|name| may_stop(&name)) {
                return Ok(blocked(&id, at_work(&id, service, &target)));
            }
            if !has_ended(&live) {
                consequences.push(format!("stopped before {} starts", target.to));
            }
            consequences.push(format!("{} runs, as a new job does", target.to));
        }
        let of_target = |failure, target| ObjectChange {
            moved: Some(target),
            ..blocked(&id, failure)
        };
        if let (Kind::StatefulSet, Some(service)) = (id.kind, target.service) {
            match moves::volumes(cluster, program, &self.live, &id, service).await? {
                Ok(volumes) => target.volumes = volumes,
                Err(failure) => return Ok(of_target(failure, target)),
            }
            if !target.volumes.is_empty() {
                let volumes: Vec<String> =
                    target.volumes.iter().map(VolumeMove::describe).collect();
                let volumes = volumes.join(", ");
                if !self.allowed.move_volumes {
                    let failure = Failure::new(format!(
                            "it is {} now, and its data goes over with its volumes: {volumes}. Its pods stop first, and it is down until the new ones are ready",
                            target.to
                        ))
                        .help("allow it with --move-volumes, or drop the `moved`: then a service without data starts beside this one");
                    return Ok(of_target(failure, target));
                }
                consequences.push(format!("down until {} is ready", target.to));
                consequences.push(format!("volumes go over: {volumes}"));
            }
        }
        if workload::is_serving(id.kind) && target.volumes.is_empty() {
            consequences.push(format!("no downtime: it goes once {} is ready", target.to));
        }
        Ok(ObjectChange {
            action: Action::Move,
            consequences,
            moved: Some(target),
            ..planned
        })
    }
}

/// What tells one StatefulSet with volumes from another, whatever its name.
struct Stateful {
    volumes: BTreeSet<String>,
    images: BTreeSet<String>,
}

impl Stateful {
    fn from_object(object: &Value) -> Option<Self> {
        let texts = |list: &Value, pointer: &str| -> BTreeSet<String> {
            let items = list.as_array().into_iter().flatten();
            items
                .filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned))
                .collect()
        };
        let spec = &object["spec"];
        let volumes = texts(&spec["volumeClaimTemplates"], "/metadata/name");
        let images = texts(&spec["template"]["spec"]["containers"], "/image");
        (!volumes.is_empty()).then(|| Self {
            volumes,
            images: images.iter().map(|image| repository(image)).collect(),
        })
    }

    fn looks_like(&self, other: &Self) -> bool {
        self.volumes == other.volumes || !self.images.is_disjoint(&other.images)
    }
}

/// An image without its tag and digest, which a release changes.
fn repository(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name.to_owned(),
        _ => name.to_owned(),
    }
}

/// Whether a Job has run to its end, well or not.
pub(crate) fn has_ended(job: &Value) -> bool {
    let conditions = job["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        matches!(condition["type"].as_str(), Some("Complete" | "Failed"))
            && condition["status"] == "True"
    })
}

/// Whether a pod of a Job runs: one that cannot start, or that crashes again and again, is not at work.
fn is_at_work(job: &Value) -> bool {
    !has_ended(job) && job["status"]["ready"].as_u64().unwrap_or(0) > 0
}

fn at_work(id: &ObjectId, service: Option<&str>, target: &Moved) -> Failure {
    Failure::new(format!(
        "{id} is still running, and {} would run beside it",
        target.to
    ))
    .help(format!(
        "wait until it has ended, then plan again; to stop it, allow it with --replace {}",
        service.unwrap_or(&id.name)
    ))
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
fn why_kept(id: &ObjectId, live: &Value, program: &Program<'_>) -> Option<&'static str> {
    match id.kind {
        Kind::Namespace => return Some("namespaces are never pruned; `erpc destroy` removes them"),
        Kind::PersistentVolumeClaim => return Some("volumes are never pruned"),
        Kind::StorageClass => return Some("storage classes are never pruned"),
        kind if kind.stage() == Stage::Definitions => {
            return Some(
                "definitions are never pruned: all objects of their kind would go with them",
            );
        }
        kind if kind.holds_data() => return Some("what holds data is never pruned"),
        _ => {}
    }
    if !is_labelled(live, program.name()) {
        return Some("it does not carry the platform's label any more");
    }
    if program.manager().entry(live).is_none() {
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

#[cfg(test)]
mod tests {
    use super::{Stateful, repository};
    use serde_json::json;

    #[test]
    fn a_release_changes_the_tag_and_not_the_repository() {
        for image in [
            "host:5000/shop/db",
            "host:5000/shop/db:2",
            "host:5000/shop/db:2@sha256:0",
        ] {
            assert_eq!(repository(image), "host:5000/shop/db");
        }
        assert_eq!(repository("redis"), "redis");
    }

    #[test]
    fn two_sets_look_alike_by_their_volumes_or_their_image() {
        let of = |volume: &str, image: &str| {
            let set = json!({ "spec": {
                "volumeClaimTemplates": [{ "metadata": { "name": volume } }],
                "template": { "spec": { "containers": [{ "image": image }] } },
            } });
            Stateful::from_object(&set).expect("it has a volume")
        };
        assert!(of("data", "a:1").looks_like(&of("data", "b:1")));
        assert!(of("data", "a:1").looks_like(&of("files", "a:2")));
        assert!(!of("data", "a:1").looks_like(&of("files", "b:1")));
        let without =
            json!({ "spec": { "template": { "spec": { "containers": [{ "image": "a" }] } } } });
        assert!(Stateful::from_object(&without).is_none());
    }
}
