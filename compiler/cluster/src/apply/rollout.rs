//! The services in the order of their needs: each takes its turn when what it needs is ready.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use erpc_emit::{DEFAULT_DENY, Kind};
use erpc_model::ServiceId;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::closing::Moment;
use super::engine::Engine;
use super::outcome::OnFailure;
use super::phase::{Phase, Rollout};
use super::steps::{Closing, Steps};
use super::turn::Pending;
use crate::call::Call;
use crate::change::ObjectChange;
use crate::dataflow::Dataflow;
use crate::progress::Event;
use crate::ready::Symptoms;
use crate::watch::Observed;

/// Time passes, too: a look is due without news.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// At most so many services roll out at the same time. The controllers of a cluster make some twenty calls a
/// second: what waits in their queue for minutes would look like a service that does not start.
const MOST_IN_PROGRESS: usize = 200;
/// How long the calls in progress may take after an interrupt.
const LAST_CALLS: Duration = Duration::from_secs(10);

impl Engine<'_, '_> {
    /// The namespaces that have pods and no `default-deny`, which closes them last.
    pub(super) async fn open_namespaces(&self) -> BTreeSet<String> {
        let denies = self.steps(|step| {
            step.id.kind == Kind::NetworkPolicy
                && step.id.name == DEFAULT_DENY
                && !self.plan.live.contains(&step.id)
        });
        // One that an earlier run has written and another deleted comes back at once.
        let before = self.plan.live.inventory.as_ref();
        let was_closed = |step: &ObjectChange, namespace: &str| {
            before.is_some_and(|before| {
                before.objects.contains(&step.id) && !before.meta.unclosed.contains(namespace)
            })
        };
        let mut open = BTreeSet::new();
        for step in denies {
            let namespace = step.id.namespace.as_deref().unwrap_or_default();
            if self.plan.live.has_namespace(namespace)
                && !was_closed(&step, namespace)
                && self.has_pods(namespace).await
            {
                open.insert(namespace.to_owned());
            }
        }
        open
    }

    async fn has_pods(&self, namespace: &str) -> bool {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let call = Call::get(path).query("limit", "1");
        match self.cluster.call(call).await {
            Ok(answer) => answer.body["items"]
                .as_array()
                .is_some_and(|items| !items.is_empty()),
            // A namespace that cannot be looked into is treated as one with pods.
            Err(error) => !error.is_not_found(),
        }
    }

    /// Whether what closes does so as soon as it may. A run that may go back waits for all services.
    fn closes_early(&self) -> bool {
        self.back.is_none() && self.options.on_failure == OnFailure::Keep
    }

    /// The services of which something changes, or that an earlier run may have left half done.
    pub(super) fn changed_services(&self, steps: &Steps) -> BTreeSet<ServiceId> {
        let was_cut = self.back.is_none()
            && self
                .plan
                .live
                .inventory
                .as_ref()
                .is_some_and(|inventory| !inventory.meta.is_complete);
        let mut services: BTreeSet<ServiceId> = steps.turns.keys().copied().collect();
        if was_cut {
            let all = self.program.platform.services().map(|(id, _)| id);
            let is_held = |id: &ServiceId| self.plan.held.contains(id);
            services.extend(all.filter(|id| self.program.selects(*id) && !is_held(id)));
        }
        services
    }

    /// Gives each service its turn when what it needs is ready.
    pub(super) async fn roll_out(&mut self, steps: &mut Steps, closing: &mut Vec<Closing>) {
        let changed = self.changed_services(steps);
        if changed.is_empty() {
            return;
        }
        self.progress.say(&Event::Phase("services".to_owned()));
        let names: Vec<String> = self
            .program
            .platform
            .namespaces()
            .map(|(_, namespace)| namespace.name.value.to_string())
            .collect();
        let selector = self.program.selector();
        let observed = match Observed::start(self.cluster, self.program, &selector, &names).await {
            Ok(observed) => observed,
            Err(failure) => {
                self.failures.push(failure);
                return;
            }
        };
        let clock = self.cluster.clock.clone();
        let awaited = closing
            .iter()
            .flat_map(|closing| closing.waits_for.iter().copied());
        let (platform, derived) = (self.program.platform, self.program.derived);
        let flow = match self.back {
            None => Dataflow::of(platform, derived),
            Some(_) => Dataflow::backwards(platform, derived),
        };
        let mut rollout = Rollout::new(
            flow,
            std::mem::take(&mut steps.turns),
            awaited.collect(),
            Symptoms::new(clock.clone()),
            observed,
            self.back.is_some(),
        );
        let started = clock.now();
        let mut writes: FuturesUnordered<Pending> = FuturesUnordered::new();
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut due = Instant::now();
        let mut settled = 0;
        loop {
            self.begin(&mut rollout, &changed, &writes).await;
            if self.closes_early() && rollout.settled() > settled {
                settled = rollout.settled();
                let unsettled = rollout.unsettled(&changed, &self.steady, &self.plan.held);
                if !self.close_due(closing, &unsettled, Moment::Before).await {
                    break;
                }
            }
            if writes.is_empty() && !rollout.is_watching() || !self.lock.is_ours() {
                break;
            }
            if let Some(failure) = rollout.observed.trouble() {
                // Nothing can be said to be ready any more.
                self.failures.push(failure);
                break;
            }
            let mut stop = self.stop.clone();
            tokio::select! {
                Some((service, step, written)) = writes.next(), if !writes.is_empty() => {
                    if self.written_one(&mut rollout, service, &step, written) {
                        self.start_workload(&mut rollout, service, &writes).await;
                    }
                }
                Some(trouble) = self.trouble.recv() => {
                    self.progress.say(&Event::Trouble(trouble));
                }
                () = stop.asked() => break,
                () = news(&rollout, due) => {
                    due = self.look_now(&mut rollout, &writes).await;
                }
                _ = tick.tick() => {
                    self.progress.tick();
                    due = self.look_now(&mut rollout, &writes).await;
                    if clock.since(started) > self.options.timeout {
                        self.give_up(&rollout);
                        break;
                    }
                }
            }
        }
        self.last_calls(&mut writes).await;
        self.count_skipped(&mut rollout, &changed);
    }

    /// Starts every service that may start.
    async fn begin(
        &mut self,
        rollout: &mut Rollout,
        changed: &BTreeSet<ServiceId>,
        writes: &FuturesUnordered<Pending>,
    ) {
        if self.stop.is_asked() {
            return;
        }
        loop {
            for service in rollout.flow.take_runnable() {
                match changed.contains(&service) {
                    true => rollout.queue.push_back(service),
                    false => rollout.flow.done(service),
                }
            }
            if rollout.flow.has_runnable() {
                continue;
            }
            let free = MOST_IN_PROGRESS.saturating_sub(rollout.in_progress());
            let next: Vec<ServiceId> = rollout
                .queue
                .drain(..free.min(rollout.queue.len()))
                .collect();
            if next.is_empty() {
                return;
            }
            for service in next {
                self.start(rollout, service, writes).await;
            }
        }
    }

    /// Calls in progress are completed; nothing new begins. What arrives is noted at once, so that what has not
    /// arrived by the end is all that is unknown.
    async fn last_calls(&mut self, writes: &mut FuturesUnordered<Pending>) {
        let end = tokio::time::sleep(LAST_CALLS);
        tokio::pin!(end);
        loop {
            tokio::select! {
                written = writes.next() => match written {
                    Some((_, step, written)) => self.note(&step, written),
                    None => return,
                },
                () = &mut end => break,
            }
        }
        // Each of them may have arrived, and what may be written counts as written.
        self.written += writes.len();
        self.progress.say(&Event::Note(format!(
            "no answer yet to {} of the last writes; they may have been done",
            writes.len()
        )));
    }

    /// The whole apply has taken as long as it may.
    fn give_up(&mut self, rollout: &Rollout) {
        for (service, (phase, _)) in &rollout.phases {
            if matches!(phase, Phase::Waiting(_)) {
                self.unready.push(self.program.platform.path(*service));
            }
        }
        let seconds = self.options.timeout.as_secs();
        self.progress.say(&Event::Note(format!(
            "not ready within --timeout {seconds}s: {}",
            self.progress.last_words().join(", ")
        )));
    }

    /// Says of each service that was not begun what it waits for, to the end of the chain.
    fn count_skipped(&mut self, rollout: &mut Rollout, changed: &BTreeSet<ServiceId>) {
        if self.stop.is_asked() || !self.lock.is_ours() {
            return;
        }
        for service in changed {
            let platform = self.program.platform;
            match rollout.phases.get(service) {
                Some((Phase::Done, _)) => continue,
                Some(_) => {
                    let reason = format!("{} is not ready", platform.path(*service));
                    self.unsettle(*service, reason);
                    continue;
                }
                None => {}
            }
            self.skipped += 1;
            let mut chain = vec![platform.path(*service)];
            let mut at = *service;
            while let Some(before) = rollout.flow.waits_for(at) {
                chain.push(platform.path(before));
                if rollout.phases.contains_key(&before) {
                    break;
                }
                at = before;
            }
            let note = match chain.as_slice() {
                [alone] => format!("{alone} was not begun"),
                chain => chain.join(" waits for "),
            };
            self.unsettle(*service, note.clone());
            self.progress.say(&Event::Note(note));
        }
    }

    fn unsettle(&mut self, service: ServiceId, reason: String) {
        if !self.steady.contains(&service) {
            self.unsettled.insert(service, reason);
        }
    }
}

/// A look is due, and something has happened that is worth one.
async fn news(rollout: &Rollout, due: Instant) {
    // In this order: news that were heard are not lost while something else comes first.
    tokio::time::sleep_until(due.into()).await;
    rollout.observed.news().await;
}
