//! The services in the order of their needs: each takes its turn when what it needs is ready, with its
//! Services and ConfigMaps first, then its workload, then its autoscaler and Ingress.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use erpc_model::ServiceId;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;

use super::closing::Moment;
use super::engine::Engine;
use super::outcome::OnFailure;
use super::steps::{Closing, Steps, Turn, Write};
use super::write::Written;
use crate::call::Call;
use crate::change::{Action, ObjectChange};
use crate::dataflow::Dataflow;
use crate::object::{ObjectId, name};
use crate::plan::has_ended;
use crate::progress::Event;
use crate::ready::{Stall, State, Symptoms, Target, assess, blocking_pod, old_pods};
use crate::secrets;
use crate::watch::Observed;
use erpc_emit::{DEFAULT_DENY, Kind};

/// Time passes, too: a look is due without news.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// At most so many services roll out at the same time. The controllers of a cluster make some twenty calls a
/// second: what waits in their queue for minutes would look like a service that does not start.
const MOST_IN_PROGRESS: usize = 200;
/// News come in bursts.
const LOOKED_APART: Duration = Duration::from_millis(30);
/// How long the calls in progress may take after an interrupt.
const LAST_CALLS: Duration = Duration::from_secs(10);
const LOG_LINES: usize = 20;
/// Pods of the earlier revision get so long to end beyond their own grace period.
const LEAVING: Duration = Duration::from_secs(60);

/// How far the rollout of a service is.
enum Stage {
    /// So many of the objects that change before its workload are being written.
    Preparing(usize),
    /// Its workload is being written.
    Writing,
    /// It is written, and not ready yet.
    Waiting(Target),
    /// It is ready, and what depends on that is being written.
    Following(usize, Target),
    /// It is ready, and pods of its earlier revision still end, which need what is closed afterwards.
    Leaving(Target),
    /// It will not get there.
    Stalled,
    Done,
}

struct Rollout {
    flow: Dataflow,
    turns: BTreeMap<ServiceId, Turn>,
    /// The services whose old pods must have ended before something closes.
    awaited: BTreeSet<ServiceId>,
    /// Pods of failed revisions that were deleted, by uid.
    unblocked: BTreeSet<String>,
    /// Services that may start, in their order, and wait until fewer roll out.
    queue: VecDeque<ServiceId>,
    stages: BTreeMap<ServiceId, (Stage, Instant)>,
    symptoms: Symptoms,
    observed: Observed,
}

impl Rollout {
    fn in_progress(&self) -> usize {
        let is_in_progress = |stage: &&(Stage, Instant)| {
            matches!(
                stage.0,
                Stage::Preparing(_) | Stage::Writing | Stage::Waiting(_)
            )
        };
        self.stages.values().filter(is_in_progress).count()
    }
}

impl Rollout {
    /// How many services are where they are to be.
    fn settled(&self) -> usize {
        let stages = self.stages.values();
        stages
            .filter(|(stage, _)| matches!(stage, Stage::Done))
            .count()
    }

    /// The services that are not, with those that are left out.
    fn unsettled(
        &self,
        changed: &BTreeSet<ServiceId>,
        steady: &BTreeSet<ServiceId>,
        held: &BTreeSet<ServiceId>,
    ) -> BTreeSet<ServiceId> {
        let is_done = |id: &ServiceId| matches!(self.stages.get(id), Some((Stage::Done, _)));
        let changed = changed.difference(steady).filter(|id| !is_done(id));
        changed.chain(held).copied().collect()
    }

    /// A service is ready with all that follows from that: what waits for it goes on.
    fn is_well(&mut self, service: ServiceId, target: Target) {
        let stage = match self.awaited.contains(&service) {
            true => Stage::Leaving(target),
            false => Stage::Done,
        };
        self.stages.insert(service, (stage, self.symptoms.now()));
        self.flow.done(service);
    }
}

type Pending = BoxFuture<'static, (ServiceId, ObjectChange, Written)>;

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
        let mut rollout = Rollout {
            flow: match self.back {
                None => Dataflow::of(self.program.platform, self.program.derived),
                Some(_) => Dataflow::backwards(self.program.platform, self.program.derived),
            },
            turns: std::mem::take(&mut steps.turns),
            awaited: closing
                .iter()
                .flat_map(|closing| closing.waits_for.iter().copied())
                .collect(),
            unblocked: BTreeSet::new(),
            queue: VecDeque::new(),
            stages: BTreeMap::new(),
            symptoms: Symptoms::new(clock.clone()),
            observed,
        };
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
            let is_waiting = rollout
                .stages
                .values()
                .any(|(stage, _)| matches!(stage, Stage::Waiting(_) | Stage::Leaving(_)));
            if writes.is_empty() && !is_waiting || !self.lock.is_ours() {
                break;
            }
            if let Some(failure) = rollout.observed.trouble() {
                // Nothing can be said to be ready any more.
                self.failures.push(failure);
                self.last_calls(&mut writes).await;
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
                    if clock.since(started) > self.options.timeout {
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

    /// Begins the turn of a service: what its pods and callers see changes right before its workload.
    async fn start(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        writes: &FuturesUnordered<Pending>,
    ) {
        let turn = rollout.turns.get_mut(&service);
        let before = turn.map_or_else(Vec::new, |turn| std::mem::take(&mut turn.before));
        let stage = Stage::Preparing(before.len());
        rollout
            .stages
            .insert(service, (stage, self.cluster.clock.now()));
        let mut is_prepared = before.is_empty();
        for write in before {
            if write.step.action == Action::Replace {
                let replaced = self.replace(&write.step, &write.body.value()).await;
                is_prepared = self.written_one(rollout, service, &write.step, replaced);
            } else {
                self.write_later(service, write, writes);
            }
        }
        if is_prepared {
            self.start_workload(rollout, service, writes).await;
        }
    }

    /// Writes the workload of a service.
    async fn start_workload(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        writes: &FuturesUnordered<Pending>,
    ) {
        let turn = rollout.turns.get_mut(&service);
        let Some(write) = turn.and_then(|turn| turn.workload.take()) else {
            let stage = Stage::Waiting(self.target(service, 0, ""));
            rollout
                .stages
                .insert(service, (stage, self.cluster.clock.now()));
            return;
        };
        rollout
            .stages
            .insert(service, (Stage::Writing, self.cluster.clock.now()));
        if !self.take_over(rollout, service).await {
            return;
        }
        if write.step.action == Action::Replace {
            let replaced = self.replace(&write.step, &write.body.value()).await;
            self.written_one(rollout, service, &write.step, replaced);
        } else {
            self.write_later(service, write, writes);
        }
    }

    /// Before a service starts under a new name, the volumes of the old one become its own; before a Job
    /// starts, the one that it supersedes has stopped. Whether it may start.
    async fn take_over(&mut self, rollout: &mut Rollout, service: ServiceId) -> bool {
        if let Err(()) = self.stop_superseded(service).await {
            rollout
                .stages
                .insert(service, (Stage::Stalled, self.cluster.clock.now()));
            return false;
        }
        let is_its = |step: &&ObjectChange| {
            let moved = step.moved.as_ref();
            moved.is_some_and(|m| m.service == Some(service) && !m.volumes.is_empty())
        };
        let steps: Vec<ObjectChange> = self.plan.work().filter(is_its).cloned().collect();
        for step in steps {
            if let Err(failure) = self.move_volumes(&step).await {
                self.note(&step, Err(failure));
                rollout
                    .stages
                    .insert(service, (Stage::Stalled, self.cluster.clock.now()));
                return false;
            }
        }
        true
    }

    /// Deletes the Jobs that a new one supersedes and that have not run to their end, and waits until their
    /// pods are gone, so that two runs never meet.
    async fn stop_superseded(&mut self, service: ServiceId) -> Result<(), ()> {
        let is_its = |step: &&ObjectChange| {
            let moved = step.moved.as_ref();
            step.id.kind == Kind::Job && moved.is_some_and(|m| m.service == Some(service))
        };
        let has_ended = |step: &&ObjectChange| {
            let live = self.plan.live.get(&step.id);
            live.is_none_or(|live| has_ended(&live))
        };
        let steps = self.plan.work().filter(is_its);
        let steps: Vec<ObjectChange> = steps.filter(|step| !has_ended(step)).cloned().collect();
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

    fn write_later(
        &mut self,
        service: ServiceId,
        write: Write,
        writes: &FuturesUnordered<Pending>,
    ) {
        let writer = self.writer();
        let wait = self.options.allowed.wait_for_secrets;
        let missing = &self.plan.missing_secrets;
        let lacks = secrets::needed(missing, write.step.id.namespace.as_deref(), &write.body);
        for secret in &lacks {
            let name = self.program.platform.path(service);
            let (namespace, secret) = (&secret.namespace, &secret.name);
            let note = format!("{name} waits for Secret {namespace}/{secret}");
            self.progress.say(&Event::Note(note));
        }
        let stop = self.stop.clone();
        writes.push(
            async move {
                let waited = match wait.filter(|_| !lacks.is_empty()) {
                    Some(limit) => secrets::wait(&writer.cluster, &stop, &lacks, limit).await,
                    None => Ok(()),
                };
                let written = match waited {
                    Ok(()) => writer.write(&write.step, &write.body).await,
                    Err(why) => Err(why),
                };
                (service, write.step, written)
            }
            .boxed(),
        );
    }

    /// What is waited for of a service.
    fn target(&self, service: ServiceId, generation: i64, uid: &str) -> Target {
        Target {
            uid: uid.to_owned(),
            ..Target::of(self.program, service, generation)
        }
    }

    /// Takes note of a write of a service. Whether its workload is next.
    fn written_one(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        step: &ObjectChange,
        written: Written,
    ) -> bool {
        let metadata = match &written {
            Ok(Some(answer)) => answer.body["metadata"].clone(),
            _ => Value::Null,
        };
        let is_well = written.is_ok();
        self.note(step, written);
        let Some((stage, since)) = rollout.stages.get_mut(&service) else {
            return false;
        };
        let since = *since;
        if !is_well {
            *stage = Stage::Stalled;
            self.release(rollout, service);
            return false;
        }
        match stage {
            Stage::Preparing(left) => {
                *left = left.saturating_sub(1);
                return *left == 0;
            }
            Stage::Writing => {
                let generation = metadata["generation"].as_i64().unwrap_or(0);
                let uid = metadata["uid"].as_str().unwrap_or_default();
                let target = self.target(service, generation, uid);
                rollout
                    .stages
                    .insert(service, (Stage::Waiting(target), since));
            }
            Stage::Following(left, _) if *left > 1 => *left -= 1,
            Stage::Following(_, target) => {
                let target = target.clone();
                rollout.is_well(service, target);
            }
            Stage::Waiting(_) | Stage::Leaving(_) | Stage::Stalled | Stage::Done => {}
        }
        false
    }

    /// Looks, and says when the next look is due at the earliest: a look at many services takes its time,
    /// and most of the time is for other work.
    async fn look_now(
        &mut self,
        rollout: &mut Rollout,
        writes: &FuturesUnordered<Pending>,
    ) -> Instant {
        let started = Instant::now();
        self.look(rollout, writes).await;
        Instant::now() + (started.elapsed() * 4).max(LOOKED_APART)
    }

    /// Looks at every service that rolls out.
    async fn look(&mut self, rollout: &mut Rollout, writes: &FuturesUnordered<Pending>) {
        let observed = &rollout.observed;
        if !observed.is_read() {
            return;
        }
        let (mut seen, mut left, mut blocking) = (Vec::new(), Vec::new(), Vec::new());
        for (service, (stage, since)) in &rollout.stages {
            match stage {
                Stage::Waiting(target) => {
                    let pod = blocking_pod(target, observed, self.back.is_some());
                    blocking.extend(pod.map(|pod| (target.id.clone(), pod)));
                    let state = assess(target, observed, &mut rollout.symptoms);
                    seen.push((*service, target.clone(), *since, state));
                }
                Stage::Leaving(target) => {
                    let pods = old_pods(target, observed);
                    let waited = self.cluster.clock.since(*since);
                    let is_late = waited > grace_of(&pods) + LEAVING;
                    if is_late && let Some(pod) = pods.first() {
                        self.progress.say(&Event::Note(format!(
                            "pod {} of the earlier revision of {} has not ended after {} s; what only it needs is closed",
                            name(pod),
                            target.id.place(),
                            waited.as_secs()
                        )));
                    }
                    if is_late || pods.is_empty() {
                        left.push(*service);
                    }
                }
                _ => {}
            }
        }
        for (workload, pod) in blocking {
            self.unblock(rollout, &workload, &pod).await;
        }
        for service in left {
            rollout
                .stages
                .insert(service, (Stage::Done, self.cluster.clock.now()));
        }
        for (service, target, since, state) in seen {
            let name = self.program.platform.path(service);
            match state {
                State::Ready => {
                    self.progress.say(&Event::Ready {
                        service: name,
                        after: self.cluster.clock.since(since),
                    });
                    let turn = rollout.turns.get_mut(&service);
                    let next = turn.map_or_else(Vec::new, |turn| std::mem::take(&mut turn.after));
                    if next.is_empty() {
                        rollout.is_well(service, target);
                    } else {
                        let stage = Stage::Following(next.len(), target);
                        rollout.stages.insert(service, (stage, since));
                    }
                    for write in next {
                        self.write_later(service, write, writes);
                    }
                }
                State::Waiting(text) if self.cluster.clock.since(since) > target.patience() => {
                    let seconds = self.cluster.clock.since(since).as_secs();
                    let text = format!("not ready after {seconds} s: {text}");
                    let event = Event::Waiting {
                        service: name.clone(),
                        text,
                    };
                    self.progress.say(&event);
                    self.unready.push(name);
                    rollout.stages.insert(service, (Stage::Stalled, since));
                    self.release(rollout, service);
                }
                State::Waiting(text) => self.progress.waiting(&name, &text),
                State::Stalled(stall) => {
                    self.say_stall(service, &target, &stall).await;
                    self.unready.push(name);
                    rollout.stages.insert(service, (Stage::Stalled, since));
                    self.release(rollout, service);
                }
            }
        }
    }

    /// Deletes the pod of a failed revision that its StatefulSet waits for: that one, by its uid, and once.
    async fn unblock(&mut self, rollout: &mut Rollout, workload: &ObjectId, pod: &Value) {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        if uid.is_empty() || !self.writer().may_write() || !rollout.unblocked.insert(uid.to_owned())
        {
            return;
        }
        let namespace = workload.namespace.as_deref().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/pods/{}", name(pod));
        let call = Call::delete(&path, uid, "Background");
        let said = match self.cluster.call(call).await {
            Ok(_) => format!(
                "pod {namespace}/{} of a revision that never became ready was deleted: {workload} waited for it",
                name(pod)
            ),
            // It is gone, or another pod has its name.
            Err(error) if error.is_not_found() || error.code() == Some(409) => return,
            Err(error) => format!(
                "pod {namespace}/{} of a revision that never became ready blocks {workload}, and could not be deleted: {error}",
                name(pod)
            ),
        };
        self.progress.say(&Event::Note(said));
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
        // A log that cannot be read explains nothing; what was seen of the pod is reported all the same.
        let Ok(answer) = self.cluster.call(call).await else {
            return Vec::new();
        };
        let log = answer.body.as_str().unwrap_or_default();
        log.lines().map(str::to_owned).collect()
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
        for (service, (stage, _)) in &rollout.stages {
            if matches!(stage, Stage::Waiting(_)) {
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
            match rollout.stages.get(service) {
                Some((Stage::Done, _)) => continue,
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
                if rollout.stages.contains_key(&before) {
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

/// How long the slowest of these pods may take to end.
fn grace_of(pods: &[Value]) -> Duration {
    let seconds = pods
        .iter()
        .filter_map(|pod| pod["spec"]["terminationGracePeriodSeconds"].as_u64());
    Duration::from_secs(seconds.max().unwrap_or(0))
}
