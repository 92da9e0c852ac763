//! The services in the order of their needs, and the policies around them: what opens comes before
//! the pods that need it, what closes comes after the pods that no longer do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use erpc_model::ServiceId;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::Engine;
use super::write::Written;
use crate::dataflow::Dataflow;
use crate::kind::Kind;
use crate::object::Packed;
use crate::plan::{Action, Step, has_ended};
use crate::progress::Event;
use crate::ready::{Stall, State, Symptoms, Target, assess};
use crate::request::Call;
use crate::watch::Observed;

/// The name of the policy that closes a namespace.
const DEFAULT_DENY: &str = "default-deny";
/// Time passes, too: a look is due without news.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// So many services may be on their way at once. The controllers of a cluster work off some twenty calls a
/// second: what stands in their queue for minutes would look like a service that does not start.
const MOST_UNDER_WAY: usize = 200;
/// News come in bursts.
const LOOKED_APART: Duration = Duration::from_millis(30);
/// What is on its way when somebody asks to stop gets so long to arrive.
const LAST_CALLS: Duration = Duration::from_secs(10);
const LOG_LINES: usize = 20;

/// Where a service is on its way.
enum Way {
    /// Its workload is being written.
    Writing,
    /// It is written, and not ready yet.
    Waiting(Target),
    /// It is ready, and what depends on that is being written.
    Following(usize),
    /// It will not get there.
    Stalled,
    Done,
}

struct Rollout {
    flow: Dataflow,
    /// Services that may start, in their order, and wait for others that are on their way.
    queue: VecDeque<ServiceId>,
    ways: BTreeMap<ServiceId, (Way, Instant)>,
    symptoms: Symptoms,
    observed: Option<Observed>,
}

impl Rollout {
    fn under_way(&self) -> usize {
        let is_under_way = |way: &&(Way, Instant)| matches!(way.0, Way::Writing | Way::Waiting(_));
        self.ways.values().filter(is_under_way).count()
    }
}

type Write = BoxFuture<'static, (ServiceId, Step, Written)>;

impl Engine<'_, '_> {
    /// The policies that may be written now; those that must wait until the pods have moved are
    /// given back. `None` where a write failed.
    pub(super) async fn write_policies(&mut self) -> Option<Vec<(Step, Packed)>> {
        let steps = self.steps(|step| step.id.kind == Kind::NetworkPolicy);
        let (denies, policies): (Vec<Step>, Vec<Step>) = steps
            .into_iter()
            .partition(|step| step.id.name == DEFAULT_DENY);
        let mut last = Vec::new();
        let mut first = Vec::new();
        let mut is_open: BTreeMap<String, bool> = BTreeMap::new();
        for step in denies {
            let namespace = step.id.namespace.clone().unwrap_or_default().to_string();
            let open = !self.plan.live.contains(&step.id) && self.has_pods(&namespace).await;
            is_open.insert(namespace, open);
            if open {
                let body = self.body(&step.id);
                last.push((step, body));
            } else {
                first.push(step);
            }
        }
        if !self.batch("closing namespaces", first).await {
            return None;
        }
        let mut now = Vec::new();
        for step in policies {
            let desired = self.body(&step.id);
            let live = self.plan.live.get(&step.id);
            match live.and_then(|live| union(&live, &desired.value())) {
                Some(union) => {
                    now.push((step.clone(), Packed::of(&union)));
                    last.push((step, desired));
                }
                None => now.push((step, desired)),
            }
        }
        self.batch_of("policies", now).await.then_some(last)
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

    /// What closes: policies that lose a flow, and namespaces that were open.
    pub(super) async fn close(&mut self, last: Vec<(Step, Packed)>) -> bool {
        let (denies, policies): (Vec<_>, Vec<_>) = last
            .into_iter()
            .partition(|(step, _)| step.id.name == DEFAULT_DENY);
        // They were counted when their union was written.
        let written = self.written;
        let is_well = self.batch_of("closing flows", policies).await;
        self.written = written;
        is_well && self.batch_of("closing namespaces", denies).await
    }

    /// The services of which something changes, or that an earlier run may have left half done.
    pub(super) fn changed_services(&self) -> BTreeSet<ServiceId> {
        let is_ours = |kind: Kind| {
            kind.is_workload() || matches!(kind, Kind::HorizontalPodAutoscaler | Kind::Ingress)
        };
        let was_cut = self.back.is_none()
            && self
                .plan
                .live
                .inventory
                .as_ref()
                .is_some_and(|inventory| !inventory.meta.is_complete);
        let steps = self.steps(|step| is_ours(step.id.kind));
        let mut services: BTreeSet<ServiceId> = steps
            .iter()
            .filter_map(|step| self.desired(&step.id)?.service)
            .collect();
        if was_cut {
            let all = self.program.platform.services().map(|(id, _)| id);
            services.extend(all);
        }
        services
    }

    /// Writes the workloads, each when what it needs is ready.
    pub(super) async fn roll_out(&mut self) {
        let changed = self.changed_services();
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
        let observed = Observed::start(self.cluster, &self.program.selector(), &names).await;
        let mut rollout = Rollout {
            flow: match self.back {
                None => Dataflow::of(self.program.platform, self.program.derived),
                Some(_) => Dataflow::backwards(self.program.platform, self.program.derived),
            },
            queue: VecDeque::new(),
            ways: BTreeMap::new(),
            symptoms: Symptoms::default(),
            observed: observed.ok(),
        };
        let deadline = Instant::now() + self.options.timeout;
        let mut writes: FuturesUnordered<Write> = FuturesUnordered::new();
        let mut tick = tokio::time::interval(LOOKED_AT_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut due = Instant::now();
        loop {
            self.begin(&mut rollout, &changed, &writes).await;
            let is_waiting = rollout
                .ways
                .values()
                .any(|(way, _)| matches!(way, Way::Waiting(_)));
            let has_lock = self.lock.is_ours() && !self.is_lock_lost;
            if writes.is_empty() && !is_waiting || !has_lock {
                break;
            }
            let observed = rollout.observed.as_ref();
            if let Some(failure) = observed.and_then(Observed::forbidden) {
                self.failures.push(failure);
                self.last_calls(&mut writes).await;
                break;
            }
            let mut stop = self.stop.clone();
            tokio::select! {
                Some((service, step, written)) = writes.next(), if !writes.is_empty() => {
                    self.written_one(&mut rollout, service, &step, written);
                }
                Some(trouble) = self.trouble.recv() => {
                    self.progress.say(&Event::Trouble(trouble));
                }
                () = stop.asked() => {
                    self.last_calls(&mut writes).await;
                    break;
                }
                () = news(&rollout, due) => {
                    due = self.look_now(&mut rollout, &writes).await;
                }
                _ = tick.tick() => {
                    self.progress.tick();
                    due = self.look_now(&mut rollout, &writes).await;
                    if Instant::now() > deadline {
                        self.give_up(&rollout);
                        break;
                    }
                }
            }
        }
        self.count_skipped(&mut rollout, &changed);
    }

    /// Starts every service that may start.
    async fn begin(
        &mut self,
        rollout: &mut Rollout,
        changed: &BTreeSet<ServiceId>,
        writes: &FuturesUnordered<Write>,
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
            let room = MOST_UNDER_WAY.saturating_sub(rollout.under_way());
            let next: Vec<ServiceId> = rollout
                .queue
                .drain(..room.min(rollout.queue.len()))
                .collect();
            if next.is_empty() {
                return;
            }
            for service in next {
                let steps = self.steps_of(service, Kind::is_workload);
                match steps.into_iter().next() {
                    Some(step) => {
                        rollout.ways.insert(service, (Way::Writing, Instant::now()));
                        if !self.take_over(rollout, service).await {
                            continue;
                        }
                        if step.action == Action::Replace {
                            let body = self.body(&step.id);
                            let replaced = self.replace(&step, &body.value()).await;
                            self.written_one(rollout, service, &step, replaced);
                        } else {
                            self.write_later(service, step, writes);
                        }
                    }
                    None => {
                        let target = Target::of(self.program, service, 0);
                        rollout
                            .ways
                            .insert(service, (Way::Waiting(target), Instant::now()));
                    }
                }
            }
        }
    }

    /// Before a service starts under a new name, the volumes of the old one become its own; before a Job
    /// starts, the one that it supersedes has stopped. Whether it may start.
    async fn take_over(&mut self, rollout: &mut Rollout, service: ServiceId) -> bool {
        if let Err(()) = self.stop_superseded(service).await {
            rollout.ways.insert(service, (Way::Stalled, Instant::now()));
            return false;
        }
        let is_its = |step: &&Step| {
            let moved = step.moved.as_ref();
            moved.is_some_and(|m| m.service == Some(service) && !m.volumes.is_empty())
        };
        let steps: Vec<Step> = self.plan.work().filter(is_its).cloned().collect();
        for step in steps {
            if let Err(failure) = self.move_volumes(&step).await {
                self.note(&step, Err(failure));
                rollout.ways.insert(service, (Way::Stalled, Instant::now()));
                return false;
            }
        }
        true
    }

    /// Deletes the Jobs that a new one supersedes and that have not run to their end, and waits until their
    /// pods are gone, so that two runs never meet.
    async fn stop_superseded(&mut self, service: ServiceId) -> Result<(), ()> {
        let is_its = |step: &&Step| {
            let moved = step.moved.as_ref();
            step.id.kind == Kind::Job && moved.is_some_and(|m| m.service == Some(service))
        };
        let has_ended = |step: &&Step| {
            let live = self.plan.live.get(&step.id);
            live.is_none_or(|live| has_ended(&live))
        };
        let steps = self.plan.work().filter(is_its);
        let steps: Vec<Step> = steps.filter(|step| !has_ended(step)).cloned().collect();
        for step in steps {
            let stopped = self.writer().delete_and_wait(&step).await;
            let is_well = stopped.is_ok();
            self.note(&step, stopped);
            if !is_well {
                return Err(());
            }
        }
        Ok(())
    }

    fn steps_of(&self, service: ServiceId, wanted: fn(Kind) -> bool) -> Vec<Step> {
        self.steps(|step| {
            wanted(step.id.kind)
                && self
                    .desired(&step.id)
                    .is_some_and(|object| object.service == Some(service))
        })
    }

    fn write_later(&self, service: ServiceId, step: Step, writes: &FuturesUnordered<Write>) {
        let body = self.body(&step.id);
        let writer = self.writer();
        writes.push(
            async move {
                let written = writer.write(&step, &body).await;
                (service, step, written)
            }
            .boxed(),
        );
    }

    fn written_one(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        step: &Step,
        written: Written,
    ) {
        let generation = match &written {
            Ok(Some(answer)) => answer.body["metadata"]["generation"].as_i64().unwrap_or(0),
            _ => 0,
        };
        let is_well = written.is_ok();
        self.note(step, written);
        let Some((way, since)) = rollout.ways.get_mut(&service) else {
            return;
        };
        let since = *since;
        if !is_well {
            *way = Way::Stalled;
            self.release(rollout, service);
            return;
        }
        match way {
            Way::Writing => {
                let target = Target::of(self.program, service, generation);
                rollout.ways.insert(service, (Way::Waiting(target), since));
            }
            Way::Following(left) if *left > 1 => *left -= 1,
            Way::Following(_) => {
                *way = Way::Done;
                rollout.flow.done(service);
            }
            Way::Waiting(_) | Way::Stalled | Way::Done => {}
        }
    }

    /// Looks, and says when the next look is due at the earliest: a look at many services takes its time,
    /// and most of the time is for other work.
    async fn look_now(
        &mut self,
        rollout: &mut Rollout,
        writes: &FuturesUnordered<Write>,
    ) -> Instant {
        let started = Instant::now();
        self.look(rollout, writes).await;
        Instant::now() + (started.elapsed() * 4).max(LOOKED_APART)
    }

    /// Looks at every service that is on its way.
    async fn look(&mut self, rollout: &mut Rollout, writes: &FuturesUnordered<Write>) {
        let Some(observed) = &rollout.observed else {
            return;
        };
        if !observed.is_read() {
            return;
        }
        let mut seen = Vec::new();
        for (service, (way, since)) in &rollout.ways {
            if let Way::Waiting(target) = way {
                let state = assess(target, observed, &mut rollout.symptoms);
                seen.push((*service, target.clone(), *since, state));
            }
        }
        for (service, target, since, state) in seen {
            let name = self.program.platform.path(service);
            match state {
                State::Ready => {
                    self.progress.say(&Event::Ready {
                        service: name,
                        after: since.elapsed(),
                    });
                    let next = self.steps_of(service, |kind| {
                        matches!(kind, Kind::HorizontalPodAutoscaler | Kind::Ingress)
                    });
                    if next.is_empty() {
                        rollout.ways.insert(service, (Way::Done, since));
                        rollout.flow.done(service);
                    } else {
                        let way = Way::Following(next.len());
                        rollout.ways.insert(service, (way, since));
                    }
                    for step in next {
                        self.write_later(service, step, writes);
                    }
                }
                State::Waiting(text) if since.elapsed() > target.patience() => {
                    let text = format!("not ready after {} s: {text}", since.elapsed().as_secs());
                    let event = Event::Waiting {
                        service: name.clone(),
                        text,
                    };
                    self.progress.say(&event);
                    self.unready.push(name);
                    rollout.ways.insert(service, (Way::Stalled, since));
                    self.release(rollout, service);
                }
                State::Waiting(text) => self.progress.waiting(&name, &text),
                State::Stalled(stall) => {
                    self.say_stall(service, &target, &stall).await;
                    self.unready.push(name);
                    rollout.ways.insert(service, (Way::Stalled, since));
                    self.release(rollout, service);
                }
            }
        }
    }

    /// On the way back nothing is held up by a service that does not come back.
    fn release(&self, rollout: &mut Rollout, service: ServiceId) {
        if self.back.is_some() {
            rollout.flow.done(service);
        }
    }

    async fn say_stall(&mut self, service: ServiceId, target: &Target, stall: &Stall) {
        let log = match (&stall.pod, &stall.container) {
            (Some(pod), Some(container)) => self.last_log(target, pod, container).await,
            _ => Vec::new(),
        };
        let field = stall.field.clone().unwrap_or_default();
        let source = self
            .desired(&target.id)
            .and_then(|object| self.program.place(object, &field));
        self.progress.say(&Event::Stalled {
            service: self.program.platform.path(service),
            source,
            reason: stall.reason.to_owned(),
            message: stall.message.clone(),
            help: stall.help.clone(),
            log,
        });
    }

    /// The last words of the container that ended before this one.
    async fn last_log(&self, target: &Target, pod: &str, container: &str) -> Vec<String> {
        let namespace = target.id.namespace.as_deref().unwrap_or_default();
        let call = Call::text(format!("/api/v1/namespaces/{namespace}/pods/{pod}/log"))
            .query("container", container)
            .query("previous", "true")
            .query("tailLines", LOG_LINES.to_string());
        let Ok(answer) = self.cluster.call(call).await else {
            return Vec::new();
        };
        let log = answer.body.as_str().unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// What is on its way arrives; nothing new begins.
    async fn last_calls(&mut self, writes: &mut FuturesUnordered<Write>) {
        let arrive = async {
            let mut arrived = Vec::new();
            while let Some(written) = writes.next().await {
                arrived.push(written);
            }
            arrived
        };
        if let Ok(arrived) = tokio::time::timeout(LAST_CALLS, arrive).await {
            for (_, step, written) in arrived {
                self.note(&step, written);
            }
        }
    }

    /// The whole apply has taken as long as it may.
    fn give_up(&mut self, rollout: &Rollout) {
        for (service, (way, _)) in &rollout.ways {
            if matches!(way, Way::Waiting(_)) {
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
        if self.stop.is_asked() || self.is_lock_lost || !self.lock.is_ours() {
            return;
        }
        for service in changed {
            if rollout.ways.contains_key(service) {
                continue;
            }
            self.skipped += 1;
            let platform = self.program.platform;
            let mut chain = vec![platform.path(*service)];
            let mut at = *service;
            while let Some(before) = rollout.flow.waits_for(at) {
                chain.push(platform.path(before));
                if rollout.ways.contains_key(&before) {
                    break;
                }
                at = before;
            }
            let note = match chain.as_slice() {
                [alone] => format!("{alone} was not begun"),
                chain => chain.join(" waits for "),
            };
            self.progress.say(&Event::Note(note));
        }
    }
}

/// A look is due, and something has happened that is worth one.
async fn news(rollout: &Rollout, due: Instant) {
    // In this order: news that were heard are not lost while something else comes first.
    tokio::time::sleep_until(due.into()).await;
    match &rollout.observed {
        Some(observed) => observed.news().await,
        None => std::future::pending().await,
    }
}

/// The rules of both, where the new policy lacks a rule of the live one: while pods of both
/// versions run, each keeps the flows that its own version declared.
fn union(live: &Value, desired: &Value) -> Option<Value> {
    if live["spec"]["podSelector"] != desired["spec"]["podSelector"] {
        return None;
    }
    let mut body = desired.clone();
    let mut has_lost = false;
    for direction in ["ingress", "egress"] {
        let rules = |object: &Value| {
            let rules = object["spec"][direction].as_array();
            rules.cloned().unwrap_or_default()
        };
        let mut both = rules(desired);
        for rule in rules(live) {
            if !both.contains(&rule) {
                has_lost = true;
                both.push(rule);
            }
        }
        if !both.is_empty() {
            body["spec"][direction] = json!(both);
        }
    }
    has_lost.then_some(body)
}

#[cfg(test)]
mod tests {
    use super::union;
    use serde_json::json;

    #[test]
    fn a_policy_that_loses_a_rule_keeps_it_until_the_pods_have_moved() {
        let policy =
            |ingress: &[&str]| json!({ "spec": { "podSelector": {}, "ingress": ingress } });
        let both = union(&policy(&["a", "b"]), &policy(&["b", "c"]));
        assert_eq!(
            both.map(|both| both["spec"]["ingress"].clone()),
            Some(json!(["b", "c", "a"]))
        );
        assert_eq!(union(&policy(&["a"]), &policy(&["a", "b"])), None);
    }
}
