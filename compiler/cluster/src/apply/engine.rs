//! The state of a run: what it works with, what it has done, and what it could not do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use erpc_model::ServiceId;
use smol_str::SmolStr;
use tokio::sync::mpsc::UnboundedReceiver;

use super::outcome::{ApplyOptions, NotDone, Outcome};
use crate::change::ObjectChange;
use crate::client::Cluster;
use crate::failure::Failure;
use crate::history::NewRelease;
use crate::inventory::Inventory;
use crate::lock::Lock;
use crate::object::{ObjectId, Packed};
use crate::plan::Plan;
use crate::program::{Desired, Program};
use crate::progress::Progress;
use crate::stop::Stop;

/// The pods of deleted workloads in each namespace: the name of the service, as they are labelled, and the kind of
/// what owns them. A service that is another kind of workload now has pods of the same name that stay.
pub(super) type Ending = BTreeMap<SmolStr, BTreeSet<EndingPods>>;

/// The labels by which a workload knows its pods, and the kind of what owns them.
pub(super) type EndingPods = (BTreeMap<String, String>, &'static str);

pub(crate) struct Engine<'e, 'w> {
    pub(super) cluster: &'e Arc<Cluster>,
    pub(super) program: &'e Program<'e>,
    pub(super) options: &'e ApplyOptions,
    pub(super) progress: &'e mut Progress<'w>,
    pub(super) lock: &'e Lock,
    pub(super) stop: Stop,
    pub(super) trouble: UnboundedReceiver<String>,
    /// Until it is part of the history.
    pub(super) release: Option<NewRelease>,
    pub(super) inventory: Inventory,
    pub(super) plan: Plan,
    pub(super) written: usize,
    pub(super) failures: Vec<Failure>,
    /// Services that were written and did not become ready.
    pub(super) unready: Vec<String>,
    /// Services that were not begun, because what they need is not ready.
    pub(super) skipped: usize,
    /// The services that did not get where the run was to bring them, each with the reason.
    pub(super) unsettled: BTreeMap<ServiceId, String>,
    /// Services that this run does not change and whose pods are all of one revision.
    pub(super) steady: BTreeSet<ServiceId>,
    /// What `--revoke` has done.
    pub(super) revoked: BTreeSet<ObjectId>,
    /// What was to be done and was not.
    pub(super) not_done: Vec<NotDone>,
    /// The services whose workloads were deleted and whose pods may not have ended.
    pub(super) ending: Ending,
    /// What was written so far.
    pub(super) wrote: BTreeSet<ObjectId>,
    /// Whether every service is as the source says, and only what closes or goes is left.
    pub(super) is_rolled_out: bool,
    /// On the way back: the bodies as they were.
    pub(super) back: Option<BTreeMap<ObjectId, Packed>>,
}

impl Engine<'_, '_> {
    pub(super) fn partly(&self, failure: Failure) -> Outcome {
        if self.written == 0 {
            Outcome::Refused(failure)
        } else {
            Outcome::Partly(failure)
        }
    }

    /// What is not known to be over falls through to the judgement of `run`.
    pub(super) fn ended(&self) -> Option<Outcome> {
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

    pub(super) fn steps(&self, wanted: impl Fn(&ObjectChange) -> bool) -> Vec<ObjectChange> {
        let steps = self.plan.work();
        steps
            .filter(|step| !step.action.deletes() && wanted(step))
            .cloned()
            .collect()
    }

    pub(super) fn desired(&self, id: &ObjectId) -> Option<&Desired> {
        self.program.object(id)
    }

    /// What is written of an object: as the source says it, or as it was where the run goes back.
    pub(super) fn body(&self, id: &ObjectId) -> Packed {
        let as_it_was = self.back.as_ref().and_then(|bodies| bodies.get(id));
        let body = as_it_was.or_else(|| self.desired(id).map(|object| &object.body));
        body.cloned().unwrap_or_else(Packed::nothing)
    }
}
