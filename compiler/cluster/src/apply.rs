//! Makes a cluster what the platform says: lock, inventory, then the objects in the order of their
//! needs. Namespaces and accounts first; then, before anything of a service is written, the server
//! judges all the rest; then policies, configuration, workloads along the flows, and last what
//! closes or removes something.

mod batch;
mod closing;
mod ending;
mod engine;
mod growth;
mod judged;
mod look;
mod neighbours;
mod outcome;
mod phase;
mod record;
mod revert;
mod revoke;
mod rollout;
mod run;
mod steps;
mod turn;
mod volumes;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;

use crate::client::Cluster;
use crate::failure::Failure;
use crate::history::NewRelease;
use crate::inventory::{self, Inventory};
use crate::lock::Lock;
use crate::plan::Plan;
use crate::program::Program;
use crate::progress::{Event, Progress};
use crate::stop::Stop;

use engine::{Ending, Engine};
pub use judged::changes;
pub use outcome::{ApplyOptions, ApplyResult, NotDone, OnFailure, Outcome};

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
