//! `--on-failure=revert`: the way back of a rollout that cannot end well. The services that the run
//! has changed get the fields again that they had before it, as our own entry in `managedFields`
//! names them, in the opposite order: what needs a service goes back before it, so that every state
//! on the way is one that the rollout itself went through.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::Engine;
use super::outcome::{OnFailure, Outcome};
use super::steps::Write;
use crate::change::{Action, ObjectChange};
use crate::equal::owned;
use crate::failure::Failure;
use crate::object::{ObjectId, Packed};
use crate::progress::Event;
use erpc_emit::{Kind, Stage};

/// Whether something belongs to a service and goes back with it. Namespaces, quotas, accounts and roles stay, and
/// so do policies: until a rollout has ended they allow the flows of both versions. A claim does not shrink.
fn goes_back(kind: Kind) -> bool {
    let stage = kind.stage();
    (stage == Stage::Configuration || stage.follows_workload()) && !kind.holds_data()
}

/// What there is to do on the way back.
#[derive(Default)]
struct WayBack {
    /// What gets its earlier fields again.
    steps: Vec<ObjectChange>,
    bodies: BTreeMap<ObjectId, Packed>,
    /// Autoscalers and routes that the run made for services that were there before.
    added: Vec<ObjectChange>,
    /// Autoscalers that the run removed, with their bodies.
    removed: Vec<Write>,
    /// Workloads that stay as the run left them, and why.
    stays: Vec<String>,
}

impl WayBack {
    fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }
}

impl Engine<'_, '_> {
    /// Takes back what the run has changed of the services; `None` where that is not asked for, or
    /// there is nothing to be taken back.
    pub(super) async fn go_back(&mut self) -> Option<Outcome> {
        let why = self.why_back().filter(|_| self.written > 0)?;
        let way = self.way_back();
        if way.is_empty() {
            let note = "nothing goes back: no service that was there before has changed";
            self.progress.say(&Event::Note(note.to_owned()));
            return None;
        }
        self.progress.say(&Event::Phase(
            "going back to what was there before (--on-failure=revert)".to_owned(),
        ));
        for stays in &way.stays {
            self.progress.say(&Event::Note(stays.clone()));
        }
        let forwards = self.written;
        let is_back = self.walk_back(way).await;
        self.written = forwards;
        if self.stop.is_asked() {
            return Some(Outcome::Interrupted);
        }
        if let Some(lost) = self.ended() {
            return Some(lost);
        }
        Some(match is_back {
            Ok(names) => Outcome::Reverted(
                Failure::new(format!("{why}; as before the run again: {}", names.join(", ")))
                    .help("fix what is named above, then apply again; namespaces, accounts and policies of the new version stay, and the policies allow the flows of both"),
            ),
            Err(names) => Outcome::Partly(
                Failure::new(format!("{why}, and not everything came back: {}", names.join(", ")))
                    .help("see `erpc status`; an apply of the earlier source is the way back"),
            ),
        })
    }

    /// Why the run goes back, if it does.
    pub(super) fn why_back(&self) -> Option<String> {
        if self.options.on_failure != OnFailure::Revert || self.is_rolled_out || self.back.is_some()
        {
            return None;
        }
        if let Some(first) = self.failures.first() {
            return Some(first.message.clone());
        }
        match self.unready.as_slice() {
            [] => self.not_begun().map(|failure| failure.message),
            [one] => Some(format!("{one} did not become ready")),
            many => Some(format!("{} did not become ready", many.join(", "))),
        }
    }

    /// What this run wrote of services that were there before it.
    fn way_back(&self) -> WayBack {
        let mut way = WayBack::default();
        let mut made = BTreeSet::new();
        let place = |id: &ObjectId| (id.namespace.clone(), id.name.clone());
        for step in self
            .plan
            .work()
            .filter(|step| self.wrote.contains(&step.id))
        {
            let kind = step.id.kind;
            let live = || self.plan.live.get(&step.id);
            match step.action {
                Action::Update if kind.is_workload() || goes_back(kind) => {
                    match live().and_then(|live| owned(self.program.manager(), kind, &live)) {
                        Some(body) => {
                            way.bodies.insert(step.id.clone(), Packed::of(&body));
                            way.steps.push(step.clone());
                        }
                        None => way.stays.push(format!(
                            "{} stays: before the run it was not erpc's",
                            step.id
                        )),
                    }
                }
                Action::Create if kind.is_workload() => {
                    made.insert(place(&step.id));
                    way.stays.push(format!(
                        "{} stays: it is new, so there is nothing to go back to",
                        step.id
                    ));
                }
                Action::Replace if kind.is_workload() => way.stays.push(format!(
                    "{} stays: it was made anew, which is not undone by itself",
                    step.id
                )),
                Action::Prune if kind == Kind::HorizontalPodAutoscaler => {
                    if let Some(body) =
                        live().and_then(|live| owned(self.program.manager(), kind, &live))
                    {
                        let step = ObjectChange {
                            action: Action::Create,
                            uid: None,
                            ..step.clone()
                        };
                        way.removed.push(Write {
                            step,
                            body: Packed::of(&body),
                        });
                    }
                }
                _ => {}
            }
        }
        way.added = self
            .plan
            .work()
            .filter(|step| self.wrote.contains(&step.id) && step.action == Action::Create)
            .filter(|step| step.id.kind.stage().follows_workload())
            .filter(|step| !made.contains(&self.workload_of(step)))
            .cloned()
            .collect();
        // The number that an autoscaler wrote has no owner once that is gone.
        let left: BTreeSet<_> = way
            .added
            .iter()
            .filter(|step| step.id.kind == Kind::HorizontalPodAutoscaler)
            .map(|step| self.workload_of(step))
            .collect();
        for step in &mut way.steps {
            step.is_forced |= step.id.kind.is_workload() && left.contains(&place(&step.id));
        }
        way
    }

    /// Namespace and name of the workload that an object belongs to.
    fn workload_of(&self, step: &ObjectChange) -> (Option<smol_str::SmolStr>, smol_str::SmolStr) {
        let service = self.desired(&step.id).and_then(|object| object.service);
        let name = service.map(|id| self.program.platform[id].name.value.clone());
        (
            step.id.namespace.clone(),
            name.unwrap_or_else(|| step.id.name.clone()),
        )
    }

    /// Writes all of it. The services that are as before; or, where not all are, those that are not.
    async fn walk_back(&mut self, way: WayBack) -> Result<Vec<String>, Vec<String>> {
        let WayBack {
            steps,
            bodies,
            added,
            removed,
            ..
        } = way;
        let added = self.delete_steps(added).await;
        self.failures.clear();
        self.unready.clear();
        self.skipped = 0;
        self.unsettled.clear();
        self.plan.steps = steps;
        self.back = Some(bodies);
        let mut list = self.ordered(&BTreeSet::new()).await;
        let services = self.changed_services(&list);
        let objects = self.plan.steps.len() + added.len() + removed.len();
        self.progress.expect_more(objects, services.len());
        self.batch("going back: autoscalers and routes", added)
            .await;
        self.batches(std::mem::take(&mut list.opening)).await;
        let mut closing = std::mem::take(&mut list.closing);
        self.roll_out(&mut list, &mut closing).await;
        if self.unready.is_empty() && self.failures.is_empty() && !self.stop.is_asked() {
            let closing = closing.into_iter().map(|closing| closing.write);
            self.batch("going back: Services", closing.collect()).await;
        }
        if !self.stop.is_asked() {
            self.batch("going back: autoscalers", removed).await;
        }
        let mut wrong: Vec<String> = self.unready.clone();
        wrong.extend(self.failures.iter().map(|failure| failure.message.clone()));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let platform = self.program.platform;
        let mut names: Vec<String> = self
            .plan
            .steps
            .iter()
            .map(|step| self.shown(step))
            .collect();
        names.extend(services.iter().map(|id| platform.path(*id)));
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The service of a step, or its object.
    fn shown(&self, step: &ObjectChange) -> String {
        let service = self.desired(&step.id).and_then(|object| object.service);
        service.map_or_else(
            || step.id.to_string(),
            |service| self.program.platform.path(service),
        )
    }

    /// The steps that delete what was made, by the uids that it got.
    async fn delete_steps(&mut self, made: Vec<ObjectChange>) -> Vec<Write> {
        let mut steps = Vec::new();
        for step in made {
            let live = match self.cluster.find(step.id.path()).await {
                Ok(Some(live)) => live,
                Ok(None) => continue,
                Err(error) => {
                    self.note(&step, Err(Some(error.into())));
                    continue;
                }
            };
            let step = ObjectChange {
                action: Action::Prune,
                uid: crate::object::uid(&live),
                ..step
            };
            steps.push(Write {
                step,
                body: Packed::nothing(),
            });
        }
        steps
    }
}
