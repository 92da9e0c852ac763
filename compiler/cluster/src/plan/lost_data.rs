//! What would start empty although its data is there: a volume that turns from one claim for each replica into one
//! claim of the service, or the other way round. Nothing deletes the old claims, but nothing would read them either.

use serde_json::Value;

use super::Plan;
use crate::change::{Action, ObjectChange, blocked};
use crate::failure::Failure;
use crate::object::ObjectId;
use crate::program::Program;
use erpc_emit::Kind;

impl Plan {
    /// Blocks what would leave data behind.
    pub(super) fn refuse_lost_data(&mut self, program: &Program<'_>) {
        let made = self.steps.iter().enumerate();
        let made = made.filter(|(_, step)| step.action == Action::Create);
        let refused: Vec<(usize, Failure)> = made
            .filter_map(|(at, step)| Some((at, self.lost_data(program, step)?)))
            .collect();
        for (at, failure) in refused {
            self.steps[at] = blocked(&self.steps[at].id, failure);
        }
    }

    fn lost_data(&self, program: &Program<'_>, step: &ObjectChange) -> Option<Failure> {
        let desired = program.object(&step.id)?;
        let body = desired.body.value();
        match step.id.kind {
            Kind::StatefulSet => {
                let mut templates = templates(&body);
                let left = templates.find_map(|name| {
                    let claim = ObjectId {
                        kind: Kind::PersistentVolumeClaim,
                        name: name.into(),
                        ..step.id.clone()
                    };
                    (self.live.contains(&claim) && program.object(&claim).is_none())
                        .then_some(claim)
                })?;
                Some(
                    Failure::new(format!("{} would start with empty volumes: the data is in {left}", step.id))
                        .help(format!(
                            "keep `once` or `shared` at the volume; or mount the claim as it is, `volume {0} from claim \"{0}\"`; or give the new volume another name to start empty",
                            left.name
                        )),
                )
            }
            Kind::PersistentVolumeClaim => {
                let set = self.set_of(program, step)?;
                let is_of = templates(&self.live.get(&set)?).any(|name| name == step.id.name);
                is_of.then(|| {
                    let first = format!("{}-{}-0", step.id.name, set.name);
                    Failure::new(format!(
                        "{} would be empty: the data is in the claims of {set}, such as {first}",
                        step.id
                    ))
                    .help(format!(
                        "remove `once` or `shared` at the volume; or delete the StatefulSet, whose claims stay, and mount one of them, `volume {} from claim \"{first}\"`; or give the new volume another name to start empty",
                        step.id.name
                    ))
                })
            }
            Kind::Deployment => {
                let set = ObjectId {
                    kind: Kind::StatefulSet,
                    ..step.id.clone()
                };
                let live = self.live.get(&set)?;
                let volumes = body.pointer("/spec/template/spec/volumes");
                let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
                let mut claims = volumes
                    .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
                let claim = claims.find(|claim| {
                    let number = claim.rsplit_once('-').map(|(front, _)| front);
                    templates(&live).any(|name| number == Some(&format!("{name}-{}", set.name)))
                })?;
                Some(
                    Failure::new(format!("{} would write PersistentVolumeClaim {claim} while {set} does", step.id))
                        .help(format!(
                            "delete the StatefulSet first, its claims stay: `kubectl delete statefulset {} -n {}`; then apply again",
                            set.name,
                            set.namespace.as_deref().unwrap_or_default()
                        )),
                )
            }
            _ => None,
        }
    }

    /// The StatefulSet that the service of a claim had.
    fn set_of(&self, program: &Program<'_>, step: &ObjectChange) -> Option<ObjectId> {
        let service = program.object(&step.id)?.service?;
        let set = ObjectId {
            kind: Kind::StatefulSet,
            name: program.platform[service].workload_name().value.clone(),
            ..step.id.clone()
        };
        self.live.contains(&set).then_some(set)
    }
}

/// The names of the claim templates of a StatefulSet.
fn templates(set: &Value) -> impl Iterator<Item = &str> {
    let templates = set["spec"]["volumeClaimTemplates"].as_array();
    let templates = templates.into_iter().flatten();
    templates.filter_map(|template| template["metadata"]["name"].as_str())
}
