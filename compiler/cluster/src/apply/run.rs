//! A run: all parts in their order, and what its end means.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use erpc_emit::{Kind, Stage};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::closing::Moment;
use super::engine::Engine;
use super::outcome::{NotDone, Outcome};
use super::steps::{Basis, Steps};
use crate::call::Call;
use crate::change::ObjectChange;
use crate::explain::explain;
use crate::failure::{ApiError, Failure};
use crate::node_ports;
use crate::object::{ObjectId, Packed};
use crate::progress::Event;

const QUOTA_COUNTED_WITHIN: Duration = Duration::from_secs(15);

const ESTABLISHED_WITHIN: Duration = Duration::from_secs(60);

/// Above so many objects the second look is not worth its calls.
const MOST_JUDGED: usize = 2000;

impl Engine<'_, '_> {
    pub(super) async fn run(&mut self) -> Outcome {
        let outcome = self.run_to_end().await;
        self.record(&outcome).await;
        outcome
    }

    async fn run_to_end(&mut self) -> Outcome {
        self.progress.expect(self.plan.work().count(), 0);
        let outcome = self.work().await;
        if let Some(outcome) = outcome {
            return outcome;
        }
        if self.stop.is_asked() {
            return Outcome::Interrupted;
        }
        if let Some(lost) = self.ended() {
            return lost;
        }
        if let Some(reverted) = self.go_back().await {
            return reverted;
        }
        self.note_unwritten();
        if let Some(first) = self.failures.first() {
            return self.partly(first.clone());
        }
        if !self.not_done.is_empty() {
            return Outcome::Partly(self.rest());
        }
        if !self.unready.is_empty() {
            return Outcome::NotReady;
        }
        if let Err(failure) = self.finish().await {
            return self.partly(failure);
        }
        match self.plan.blocked_part() {
            Some(failure) => Outcome::Partly(failure),
            None => Outcome::Done,
        }
    }

    pub(super) fn not_begun(&self) -> Option<Failure> {
        let services = match self.skipped {
            0 => return None,
            1 => "1 service was".to_owned(),
            many => format!("{many} services were"),
        };
        Some(
            Failure::new(format!(
                "{services} not begun, because what it needs is not ready"
            ))
            .help("fix what is named above, then apply again: it goes on from here"),
        )
    }

    /// Objects that no service's turn came for.
    fn note_unwritten(&mut self) {
        let listed: BTreeSet<ObjectId> = self.not_done.iter().map(|n| n.id.clone()).collect();
        let steps = self.plan.work().filter(|step| !step.action.deletes());
        let unwritten = steps.filter(|s| !self.wrote.contains(&s.id) && !listed.contains(&s.id));
        let unwritten: Vec<NotDone> = unwritten
            .map(|step| {
                let service = self.desired(&step.id).and_then(|object| object.service);
                let reason = service.and_then(|id| self.unsettled.get(&id)).cloned();
                NotDone {
                    id: step.id.clone(),
                    what: "written",
                    reason: reason.unwrap_or_else(|| "the run ended before".to_owned()),
                }
            })
            .collect();
        self.not_done.extend(unwritten);
    }

    /// What is left to do, for people.
    fn rest(&self) -> Failure {
        const MOST_LISTED: usize = 20;
        let listed = self.not_done.iter().take(MOST_LISTED);
        let mut lines: Vec<String> = listed.map(|rest| format!("\n  {rest}")).collect();
        if self.not_done.len() > MOST_LISTED {
            lines.push(format!(
                "\n  and {} more",
                self.not_done.len() - MOST_LISTED
            ));
        }
        let changes = match self.not_done.len() {
            1 => "1 change is".to_owned(),
            many => format!("{many} changes are"),
        };
        Failure::new(format!("{changes} not done:{}", lines.concat())).help(
            "fix what is named above, then apply again: it goes on from here; `--revoke` closes flows without waiting",
        )
    }

    /// All parts in their order; an outcome where it ends before its end.
    async fn work(&mut self) -> Option<Outcome> {
        if let Err(failure) = self.announce().await {
            return Some(Outcome::Refused(failure));
        }
        if !self.rename_managers().await {
            return self.ended();
        }
        if self.options.allowed.revoke {
            self.revoke().await;
            if self.stop.is_asked() || !self.lock.is_ours() {
                return self.ended();
            }
        }
        let open = self.open_namespaces().await;
        let mut steps = self.ordered(&open).await;
        let services = self.changed_services(&steps).len();
        self.progress.expect_more(0, services);
        let mut definitions = std::mem::take(&mut steps.foundation);
        let foundation = definitions.split_off(1.min(definitions.len()));
        if !self.batches(definitions).await
            || !self.await_definitions().await
            || !self.batches(foundation).await
        {
            return self.ended();
        }
        if !self.await_quotas().await || !self.judge_rest().await {
            return self.ended();
        }
        if !self.batches(std::mem::take(&mut steps.opening)).await || !self.await_growth().await {
            return self.ended();
        }
        let mut closing = std::mem::take(&mut steps.closing);
        let held = self.plan.held.clone();
        self.steady = self.steady_services(&steps, &closing).await;
        let changed = self.changed_services(&steps);
        let changed = changed.difference(&self.steady).copied();
        let unsettled = changed.chain(held.iter().copied()).collect();
        if !self
            .close_due(&mut closing, &unsettled, Moment::Before)
            .await
        {
            return self.ended();
        }
        self.roll_out(&mut steps, &mut closing).await;
        let has_ended = self.stop.is_asked() || !self.lock.is_ours();
        if has_ended || self.why_back().is_some() {
            return self.ended();
        }
        self.is_rolled_out = self.unsettled.is_empty();
        for service in held {
            let reason = format!("{} is blocked", self.program.platform.path(service));
            self.unsettled.entry(service).or_insert(reason);
        }
        let unsettled = self.unsettled.keys().copied().collect();
        if !self.close_due(&mut closing, &unsettled, Moment::End).await {
            return self.ended();
        }
        self.keep_open(closing);
        None
    }

    /// The list of all that is written.
    pub(super) async fn ordered(&mut self, open: &BTreeSet<String>) -> Steps {
        let steps = self
            .plan
            .work()
            .filter(|step| !self.revoked.contains(&step.id));
        let steps: Vec<ObjectChange> = steps.cloned().collect();
        let current = self.current_services(&steps).await;
        let live = |id: &ObjectId| current.get(id).cloned().or_else(|| self.plan.live.get(id));
        Steps::of(&Basis {
            program: self.program,
            steps,
            body: &|id| self.body(id),
            live: &live,
            open,
            lost: &self.lost(),
        })
    }

    /// What an earlier run has applied and another deleted.
    fn lost(&self) -> BTreeSet<ObjectId> {
        if self.back.is_some() {
            return BTreeSet::new();
        }
        let before = self.plan.live.inventory.iter().flat_map(|i| &i.objects);
        let lost = before.filter(|id| self.program.object(id).is_some());
        lost.filter(|id| !self.plan.live.contains(id))
            .cloned()
            .collect()
    }

    /// The Services as they are now, where that is not in the plan: on the way back, and of those that
    /// lacked the platform's label.
    async fn current_services(&mut self, steps: &[ObjectChange]) -> BTreeMap<ObjectId, Value> {
        let unknown = steps.iter().filter(|step| {
            step.id.kind == Kind::Service
                && step.uid.is_some()
                && (self.back.is_some() || !self.plan.live.contains(&step.id))
        });
        let mut current = BTreeMap::new();
        for step in unknown {
            match self.cluster.find(step.id.path()).await {
                Ok(live) => current.extend(live.map(|live| (step.id.clone(), live))),
                Err(error) => self.progress.say(&Event::Note(format!(
                    "{} is taken as the plan has it, because it cannot be read: {error}",
                    step.id
                ))),
            }
        }
        current
    }

    /// The object of a step as it is now; what cannot be read is noted.
    async fn read(&mut self, step: &ObjectChange) -> Option<Value> {
        match self.cluster.call(Call::get(step.id.path())).await {
            Ok(answer) => Some(answer.body),
            Err(error) => {
                self.note(step, Err(Some(error.into())));
                None
            }
        }
    }

    /// Objects of a kind are refused until the server has established its definition and serves it.
    async fn await_definitions(&mut self) -> bool {
        let definitions = self.steps(|step| step.id.kind.stage() == Stage::Definitions);
        let started = self.cluster.clock.now();
        for step in definitions {
            loop {
                let Some(live) = self.read(&step).await else {
                    return false;
                };
                if let Some(why) = refused_names(&live) {
                    self.note(&step, Err(Some(Failure::new(why))));
                    return false;
                }
                if self.stop.is_asked() || is_established(&live) && self.is_served(&live).await {
                    break;
                }
                if self.cluster.clock.since(started) > ESTABLISHED_WITHIN {
                    let why = "the API server does not serve the kind that it defines";
                    let failure = Failure::new(why).help(
                        "`kubectl describe crd` shows why; apply again once it is established",
                    );
                    self.note(&step, Err(Some(failure)));
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        !self.stop.is_asked()
    }

    /// Whether the server answers for all versions of a definition that it is to serve. An account that may not list
    /// the objects is told so only if it does.
    async fn is_served(&self, definition: &Value) -> bool {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
        let versions = spec["versions"].as_array().into_iter().flatten();
        for version in versions.filter(|version| version["served"] == true) {
            let root = erpc_emit::root(&group, &text(&version["name"]));
            let call = Call::get(format!("{root}/{plural}?limit=1"));
            if self
                .cluster
                .call(call)
                .await
                .is_err_and(|error| error.is_not_found())
            {
                return false;
            }
        }
        true
    }

    /// A quota counts only after its controller has seen it; before that every pod is refused.
    async fn await_quotas(&mut self) -> bool {
        let quotas = self.steps(|step| step.id.kind == Kind::ResourceQuota);
        let started = self.cluster.clock.now();
        for step in quotas {
            loop {
                let Some(live) = self.read(&step).await else {
                    return false;
                };
                if live["status"]["hard"] == live["spec"]["hard"] || self.stop.is_asked() {
                    break;
                }
                if self.cluster.clock.since(started) > QUOTA_COUNTED_WITHIN {
                    // The pods that it refuses say more, with their service.
                    self.progress.say(&Event::Note(format!(
                        "{} is not counted by its controller yet; pods may be refused until it is",
                        step.id
                    )));
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        !self.stop.is_asked()
    }

    /// The second look: what lies in new namespaces could not be judged before they existed. A
    /// denial here leaves empty namespaces, never half a platform.
    async fn judge_rest(&mut self) -> bool {
        let unjudged = self.steps(|step| step.is_unjudged && !step.id.kind.stage().is_foundation());
        if unjudged.is_empty() || unjudged.len() > MOST_JUDGED {
            return true;
        }
        self.progress
            .say(&Event::Phase("judging the rest by a dry run".to_owned()));
        let cluster = self.cluster;
        let manager = self.program.manager();
        let bodies: Vec<(ObjectId, Packed)> = unjudged
            .iter()
            .filter_map(|step| {
                self.desired(&step.id)
                    .map(|o| (o.id.clone(), o.body.clone()))
            })
            .collect();
        let mut judged = stream::iter(bodies)
            .map(|(id, body)| async move {
                let call = Call::apply(&id, &body.value(), manager.name()).dry_run();
                let result = cluster.call(call).await;
                (id, result)
            })
            .buffer_unordered(16);
        let mut denied = Vec::new();
        while let Some((id, result)) = judged.next().await {
            match result {
                Ok(answer) => {
                    for warning in answer.warnings {
                        self.progress.say(&Event::Note(format!("{id}: {warning}")));
                    }
                }
                // Its write waits for the port, or says who has it.
                Err(ApiError::Refused(refusal)) if node_ports::taken(&refusal).is_some() => {}
                Err(ApiError::Refused(refusal)) => denied.push((explain(&refusal, &id), id)),
                Err(error) => denied.push((Failure::new(error.to_string()), id)),
            }
            self.progress.tick();
            if self.stop.is_asked() {
                return false;
            }
        }
        drop(judged);
        for (failure, id) in denied {
            let step = unjudged.iter().find(|step| step.id == id).cloned();
            if let Some(step) = step {
                self.note(&step, Err(Some(failure)));
            }
        }
        self.failures.is_empty()
    }
}

fn condition<'v>(definition: &'v Value, of: &str) -> Option<&'v Value> {
    let conditions = definition["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.find(|condition| condition["type"] == of)
}

fn is_established(definition: &Value) -> bool {
    condition(definition, "Established").is_some_and(|found| found["status"] == "True")
}

/// Why the server does not take the names of a definition: another kind has them.
fn refused_names(definition: &Value) -> Option<String> {
    let accepted = condition(definition, "NamesAccepted")?;
    let message = accepted["message"].as_str().unwrap_or_default();
    (accepted["status"] == "False").then(|| format!("its names are not accepted: {message}"))
}
