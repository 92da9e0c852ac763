//! Makes a cluster what the platform says: lock, inventory, then the objects in the order of their
//! needs. Namespaces and accounts first; then, before anything of a service is written, the server
//! judges all the rest; then policies, configuration, workloads along the flows, and last what
//! closes or removes something.

mod batch;
mod closing;
mod ending;
mod growth;
mod judged;
mod record;
mod revert;
mod revoke;
mod rollout;
mod steps;
mod volumes;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use erpc_model::ServiceId;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::history::{NewRelease, SourceSnapshot};
use crate::inventory::{self, Inventory};
use crate::lock::Lock;
use crate::node_ports;
use crate::object::{Desired, ObjectId, Packed, Program};
use crate::plan::{Allowed, ObjectChange, Plan, explain};
use crate::progress::{Event, Progress};
use crate::request::Call;
use crate::stop::Stop;
use erpc_emit::Kind;

use closing::Moment;
pub use closing::NotDone;
use ending::Ending;
pub use judged::changes;
pub(crate) use steps::DEFAULT_DENY;
pub(crate) use steps::workload_of;
use steps::{Basis, Steps, is_foundation};

/// How an apply works.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// What it may do.
    pub allowed: Allowed,
    /// How long all of it may take.
    pub timeout: Duration,
    /// How long to wait for another run that is alive.
    pub wait_lock: Duration,
    /// How long a call is tried again where that may help.
    pub retry_for: Duration,
    /// The most calls at once.
    pub concurrency: Option<usize>,
    /// A saved plan, which is done exactly or not at all.
    pub saved: Option<Value>,
    /// What becomes of changed services when one of them does not become ready.
    pub on_failure: OnFailure,
    /// The source, to be kept with the release.
    pub source: SourceSnapshot,
    /// The release that a rollback brings back.
    pub rollback_to: Option<u64>,
    /// `--yes`: whatever the plan is under the lock, it is confirmed as the one before was. Otherwise a plan
    /// that differs from the one shown is not carried out.
    pub replans: bool,
}

/// What becomes of the services that a run has changed when it cannot end well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They stay, so that it can be seen what is wrong.
    #[default]
    Keep,
    /// They go back to what they were before the run.
    Revert,
}

/// How an apply ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// There was nothing to do.
    Nothing,
    /// All is written and ready.
    Done,
    /// The user said no, or something must be decided first. Nothing was written.
    Refused(Failure),
    /// All is written, not all is ready.
    NotReady,
    /// Some of it is written.
    Partly(Failure),
    /// What the run had changed of the services is as before again; the failure says why.
    Reverted(Failure),
    /// Stopped by a signal.
    Interrupted,
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct ApplyResult {
    /// How it ended.
    pub outcome: Outcome,
    /// How many objects were written.
    pub written: usize,
    /// How many were to be written.
    pub planned: usize,
    /// How many requests it took.
    pub requests: u64,
    /// What was to be done and was not.
    pub not_done: Vec<NotDone>,
}

/// Plans, asks, and makes the cluster what the platform says.
///
/// # Errors
///
/// The cluster's, before anything was written.
pub async fn apply(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    options: &ApplyOptions,
    progress: &mut Progress<'_>,
    confirm: &mut dyn FnMut(&Plan) -> Result<(), Failure>,
) -> Result<ApplyResult, Failure> {
    if let Some(most) = options.concurrency {
        cluster.limiter.cap(most);
    }
    if let Some(saved) = &options.saved {
        crate::saved::check_origin(saved, program, cluster)?;
    }
    let plan = Plan::compute(cluster, program, &options.allowed).await?;
    if let Some(saved) = &options.saved {
        crate::saved::check(saved, &plan, program, cluster)?;
    }
    let refused = |failure| ApplyResult {
        outcome: Outcome::Refused(failure),
        written: 0,
        planned: plan.work().count(),
        requests: cluster.counts().0,
        not_done: Vec::new(),
    };
    let has_work = plan.has_work() || !plan.inherited().is_empty();
    if !plan.is_blocked() && !has_work && is_complete(&plan, program) {
        return Ok(ApplyResult {
            outcome: Outcome::Nothing,
            ..refused(Failure::new(""))
        });
    }
    if let Err(failure) = confirm(&plan) {
        return Ok(refused(failure));
    }
    if plan.is_blocked() {
        return Ok(refused(is_blocked()));
    }
    // Until here a signal just ends the process: nothing is written, and a question can be left.
    let stop = Stop::on_signals(cluster);
    cluster.be_patient(options.retry_for);
    cluster
        .require(&crate::rbac::of_plan(&plan, program))
        .await?;
    inventory::prepare(cluster).await?;
    // Before the lock is taken: to compress a large platform takes longer than a renewal may wait.
    let release = NewRelease::prepare(cluster, program, &options.source).await?;
    let lock = Lock::take(cluster, program.name(), options.wait_lock, |text| {
        progress.say(&Event::Note(text));
    })
    .await?;
    let run = Run {
        cluster,
        program,
        options,
        progress,
        lock: &lock,
        stop,
    };
    let outcome = run.locked(plan, release, confirm).await;
    progress.clear();
    lock.release().await;
    outcome
}

/// What a run under the lock needs.
struct Run<'r, 'w> {
    cluster: &'r Arc<Cluster>,
    program: &'r Program<'r>,
    options: &'r ApplyOptions,
    progress: &'r mut Progress<'w>,
    lock: &'r Lock,
    stop: Stop,
}

impl Run<'_, '_> {
    /// With the lock: plans again, since the cluster may have moved, and works.
    async fn locked(
        self,
        shown: Plan,
        release: NewRelease,
        confirm: &mut dyn FnMut(&Plan) -> Result<(), Failure>,
    ) -> Result<ApplyResult, Failure> {
        let Self {
            cluster, program, ..
        } = self;
        let plan = shown.again(cluster, program).await?;
        let is_as_shown = signature(&plan) == signature(&shown);
        // Two plans of a large platform are a lot of memory.
        drop(shown);
        let planned = plan.work().count();
        let ended = |outcome| ApplyResult {
            outcome,
            written: 0,
            planned,
            requests: cluster.counts().0,
            not_done: Vec::new(),
        };
        if !is_as_shown {
            if !self.options.replans || self.options.saved.is_some() {
                return Ok(ended(Outcome::Refused(
                    Failure::new(
                        "the cluster has changed since the plan was shown; nothing was written",
                    )
                    .help("run the command again: it plans anew"),
                )));
            }
            let note = "the cluster has changed since the plan was made; this is the plan now";
            self.progress.say(&Event::Note(note.to_owned()));
            if let Err(failure) = confirm(&plan) {
                return Ok(ended(Outcome::Refused(failure)));
            }
        }
        if plan.is_blocked() {
            return Ok(ended(Outcome::Refused(is_blocked())));
        }
        let has_work = plan.has_work() || !plan.inherited().is_empty();
        if !has_work && is_complete(&plan, program) {
            return Ok(ended(Outcome::Nothing));
        }
        let (to, trouble) = unbounded_channel();
        cluster.report_trouble(to);
        let mut engine = Engine {
            cluster,
            program,
            options: self.options,
            progress: self.progress,
            lock: self.lock,
            stop: self.stop,
            trouble,
            release: Some(release),
            inventory: plan.live.inventory.clone().unwrap_or_default(),
            plan,
            written: 0,
            failures: Vec::new(),
            unready: Vec::new(),
            skipped: 0,
            unsettled: BTreeMap::new(),
            steady: BTreeSet::new(),
            revoked: BTreeSet::new(),
            not_done: Vec::new(),
            ending: Ending::new(),
            wrote: BTreeSet::new(),
            is_rolled_out: false,
            back: None,
        };
        let outcome = engine.run().await;
        Ok(ApplyResult {
            outcome,
            written: engine.written,
            planned,
            requests: cluster.counts().0,
            not_done: engine.not_done,
        })
    }
}

fn is_blocked() -> Failure {
    Failure::new("nothing was written: the plan is blocked")
        .help("the lines with `!` say what must be decided or made first")
}

/// Whether the last run came to its end and listed what there is.
fn is_complete(plan: &Plan, program: &Program<'_>) -> bool {
    plan.live.inventory.as_ref().is_some_and(|inventory| {
        inventory.meta.is_complete
            && has_id(inventory, program)
            && program
                .objects
                .iter()
                .all(|object| inventory.objects.contains(&object.id))
    })
}

/// Whether the inventory names the source, where that has an id: one that does not adopts it.
fn has_id(inventory: &Inventory, program: &Program<'_>) -> bool {
    let id = program.source_id();
    id.is_none() || inventory.meta.id.as_deref() == id
}

/// What a plan does, to be compared with another.
pub(crate) fn signature(plan: &Plan) -> Vec<String> {
    plan.work()
        .map(|step| {
            format!(
                "{} {} {:?} {:?} {:?} {:?}",
                step.action.sign(),
                step.id,
                step.uid,
                step.changes,
                step.inherits,
                step.moved
            )
        })
        .collect()
}

pub(crate) struct Engine<'e, 'w> {
    cluster: &'e Arc<Cluster>,
    program: &'e Program<'e>,
    options: &'e ApplyOptions,
    progress: &'e mut Progress<'w>,
    lock: &'e Lock,
    stop: Stop,
    trouble: UnboundedReceiver<String>,
    /// Until it is part of the history.
    release: Option<NewRelease>,
    inventory: Inventory,
    plan: Plan,
    written: usize,
    failures: Vec<Failure>,
    /// Services that were written and did not become ready.
    unready: Vec<String>,
    /// Services that were not begun, because what they need is not ready.
    skipped: usize,
    /// The services that did not get where the run was to bring them, each with the reason.
    unsettled: BTreeMap<ServiceId, String>,
    /// Services that this run does not change and whose pods are all of one revision.
    steady: BTreeSet<ServiceId>,
    /// What `--revoke` has done.
    revoked: BTreeSet<ObjectId>,
    /// What was to be done and was not.
    not_done: Vec<NotDone>,
    /// The services whose workloads were deleted and whose pods may not have ended.
    ending: Ending,
    /// What was written so far.
    wrote: BTreeSet<ObjectId>,
    /// Whether every service is as the source says, and only what closes or goes is left.
    is_rolled_out: bool,
    /// On the way back: the bodies as they were.
    back: Option<BTreeMap<ObjectId, Packed>>,
}

const QUOTA_COUNTED_WITHIN: Duration = Duration::from_secs(15);

/// Above so many objects the second look is not worth its calls.
const MOST_JUDGED: usize = 2000;

impl Engine<'_, '_> {
    async fn run(&mut self) -> Outcome {
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

    fn not_begun(&self) -> Option<Failure> {
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

    fn partly(&self, failure: Failure) -> Outcome {
        if self.written == 0 {
            Outcome::Refused(failure)
        } else {
            Outcome::Partly(failure)
        }
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
        if !self.batches(std::mem::take(&mut steps.foundation)).await {
            return self.ended();
        }
        if !self.await_quotas().await || !self.judge_rest().await {
            return self.ended();
        }
        if !self.batches(std::mem::take(&mut steps.opening)).await || !self.await_growth().await {
            return self.ended();
        }
        let mut closing = std::mem::take(&mut steps.closing);
        closing.extend(std::mem::take(&mut steps.removals));
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

    /// What is not known to be over falls through to the judgement of `run`.
    fn ended(&self) -> Option<Outcome> {
        let lost = self.lock.lost()?;
        Some(
            self.partly(
                Failure::new(format!(
                    "the lock could not be renewed: {lost}; nothing more was written"
                ))
                .help("apply again: it goes on from here"),
            ),
        )
    }

    fn steps(&self, wanted: impl Fn(&ObjectChange) -> bool) -> Vec<ObjectChange> {
        let steps = self.plan.work();
        steps
            .filter(|step| !step.action.deletes() && wanted(step))
            .cloned()
            .collect()
    }

    /// The list of all that is written.
    async fn ordered(&self, open: &BTreeSet<String>) -> Steps {
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
    async fn current_services(&self, steps: &[ObjectChange]) -> BTreeMap<ObjectId, Value> {
        let unknown = steps.iter().filter(|step| {
            step.id.kind == Kind::Service
                && step.uid.is_some()
                && (self.back.is_some() || !self.plan.live.contains(&step.id))
        });
        let mut current = BTreeMap::new();
        for step in unknown {
            // A Service that cannot be read is taken as the plan has it.
            if let Ok(answer) = self.cluster.call(Call::get(step.id.path())).await {
                current.insert(step.id.clone(), answer.body);
            }
        }
        current
    }

    fn desired(&self, id: &ObjectId) -> Option<&Desired> {
        self.program.object(id)
    }

    /// What is written of an object: as the source says it, or as it was where the run goes back.
    fn body(&self, id: &ObjectId) -> Packed {
        let as_it_was = self.back.as_ref().and_then(|bodies| bodies.get(id));
        let body = as_it_was.or_else(|| self.desired(id).map(|object| &object.body));
        body.cloned().unwrap_or_else(Packed::nothing)
    }

    /// A quota counts only after its controller has seen it; before that every pod is refused.
    async fn await_quotas(&mut self) -> bool {
        let quotas = self.steps(|step| step.id.kind == Kind::ResourceQuota);
        let started = self.cluster.clock.now();
        for step in quotas {
            loop {
                let live = match self.cluster.call(Call::get(step.id.path())).await {
                    Ok(answer) => answer.body,
                    Err(error) => {
                        self.note(&step, Err(Some(error.into())));
                        return false;
                    }
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
        let unjudged = self.steps(|step| step.is_unjudged && !is_foundation(step.id.kind));
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
