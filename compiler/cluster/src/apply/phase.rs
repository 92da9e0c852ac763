//! How far each service of a rollout is, and what leads from one phase to the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use erpc_model::ServiceId;

use super::steps::Turn;
use crate::dataflow::Dataflow;
use crate::ready::{Symptoms, Target};
use crate::watch::Observed;

/// How far the rollout of a service is. The phases follow each other in this order, without those that have
/// nothing to do; up to `Following`, a service may stall instead.
pub(super) enum Phase {
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
    /// It is where it is to be.
    Done,
    /// It will not get there.
    Stalled,
}

/// What a rollout knows of its services.
pub(super) struct Rollout {
    pub(super) flow: Dataflow,
    pub(super) turns: BTreeMap<ServiceId, Turn>,
    /// Pods of failed revisions that were deleted, by uid.
    pub(super) unblocked: BTreeSet<String>,
    /// Services that may start, in their order, and wait until fewer roll out.
    pub(super) queue: VecDeque<ServiceId>,
    /// The phase of each service that was begun, and since when it is in it.
    pub(super) phases: BTreeMap<ServiceId, (Phase, Instant)>,
    pub(super) symptoms: Symptoms,
    pub(super) observed: Observed,
    /// The services whose old pods must have ended before something closes.
    awaited: BTreeSet<ServiceId>,
    /// On the way back nothing is held up by a service that does not come back.
    is_back: bool,
}

impl Rollout {
    pub(super) fn new(
        flow: Dataflow,
        turns: BTreeMap<ServiceId, Turn>,
        awaited: BTreeSet<ServiceId>,
        symptoms: Symptoms,
        observed: Observed,
        is_back: bool,
    ) -> Self {
        Self {
            flow,
            turns,
            unblocked: BTreeSet::new(),
            queue: VecDeque::new(),
            phases: BTreeMap::new(),
            symptoms,
            observed,
            awaited,
            is_back,
        }
    }

    /// How many services are neither ready nor stalled.
    pub(super) fn in_progress(&self) -> usize {
        self.count(|phase| {
            matches!(
                phase,
                Phase::Preparing(_) | Phase::Writing | Phase::Waiting(_)
            )
        })
    }

    /// How many services are where they are to be.
    pub(super) fn settled(&self) -> usize {
        self.count(|phase| matches!(phase, Phase::Done))
    }

    /// Whether something is looked for that no write of the run brings about.
    pub(super) fn is_watching(&self) -> bool {
        self.count(|phase| matches!(phase, Phase::Waiting(_) | Phase::Leaving(_))) > 0
    }

    fn count(&self, wanted: impl Fn(&Phase) -> bool) -> usize {
        let phases = self.phases.values();
        phases.filter(|(phase, _)| wanted(phase)).count()
    }

    /// The services that are not settled, with those that are left out.
    pub(super) fn unsettled(
        &self,
        changed: &BTreeSet<ServiceId>,
        steady: &BTreeSet<ServiceId>,
        held: &BTreeSet<ServiceId>,
    ) -> BTreeSet<ServiceId> {
        let is_done = |id: &ServiceId| matches!(self.phases.get(id), Some((Phase::Done, _)));
        let changed = changed.difference(steady).filter(|id| !is_done(id));
        changed.chain(held).copied().collect()
    }

    /// A phase begins.
    pub(super) fn enter(&mut self, service: ServiceId, phase: Phase) {
        self.phases.insert(service, (phase, self.symptoms.now()));
    }

    /// One of the writes of a service has been done, which gives its workload this target. Whether its workload
    /// is next.
    pub(super) fn wrote(&mut self, service: ServiceId, target: impl FnOnce() -> Target) -> bool {
        let Some((phase, _)) = self.phases.get_mut(&service) else {
            return false;
        };
        match phase {
            Phase::Preparing(left) => {
                *left = left.saturating_sub(1);
                return *left == 0;
            }
            // How long it takes to become ready counts from when its write began.
            Phase::Writing => *phase = Phase::Waiting(target()),
            Phase::Following(left, _) if *left > 1 => *left -= 1,
            Phase::Following(_, target) => {
                let target = target.clone();
                self.settle(service, target);
            }
            Phase::Waiting(_) | Phase::Leaving(_) | Phase::Done | Phase::Stalled => {}
        }
        false
    }

    /// A service is ready, and so many writes follow from that.
    pub(super) fn became_ready(&mut self, service: ServiceId, target: Target, following: usize) {
        match following {
            0 => self.settle(service, target),
            more => self.enter(service, Phase::Following(more, target)),
        }
    }

    /// A service is ready with all that follows from that: what waits for it goes on.
    fn settle(&mut self, service: ServiceId, target: Target) {
        let phase = match self.awaited.contains(&service) {
            true => Phase::Leaving(target),
            false => Phase::Done,
        };
        self.enter(service, phase);
        self.flow.done(service);
    }

    /// A service will not get there.
    pub(super) fn stall(&mut self, service: ServiceId) {
        self.enter(service, Phase::Stalled);
        if self.is_back {
            self.flow.done(service);
        }
    }
}
