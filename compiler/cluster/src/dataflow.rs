//! What may start when: services and the joints of namespaces and tiers, each with the number of
//! things that it still waits for. Independent services of one tier never wait for each other.

use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;

/// The services that have not started yet, and why.
pub(crate) struct Dataflow {
    services: usize,
    /// How many predecessors are not done.
    left: Vec<usize>,
    successors: Vec<Vec<usize>>,
    predecessors: Vec<Vec<usize>>,
    is_done: Vec<bool>,
    runnable: Vec<ServiceId>,
}

/// The same edges, each from its other end.
fn turned(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut turned = vec![Vec::new(); edges.len()];
    for (at, others) in edges.iter().enumerate() {
        for other in others {
            turned[*other].push(at);
        }
    }
    turned
}

impl Dataflow {
    pub(crate) fn of(platform: &Platform, derived: &Derived) -> Self {
        let predecessors = erpc_policy::predecessors(platform, &derived.edges);
        let successors = turned(&predecessors);
        Self::with(platform, predecessors, successors)
    }

    /// The same the other way round: what needs a service comes before it.
    pub(crate) fn backwards(platform: &Platform, derived: &Derived) -> Self {
        let successors = erpc_policy::predecessors(platform, &derived.edges);
        let predecessors = turned(&successors);
        Self::with(platform, predecessors, successors)
    }

    fn with(
        platform: &Platform,
        predecessors: Vec<Vec<usize>>,
        successors: Vec<Vec<usize>>,
    ) -> Self {
        let left: Vec<usize> = predecessors.iter().map(Vec::len).collect();
        let mut flow = Self {
            services: platform.services.len(),
            is_done: vec![false; left.len()],
            left,
            successors,
            predecessors,
            runnable: Vec::new(),
        };
        let roots: Vec<usize> = (0..flow.left.len())
            .filter(|at| flow.left[*at] == 0)
            .collect();
        for at in roots {
            flow.start(at);
        }
        flow
    }

    /// A service starts when it may; a joint is done at once.
    fn start(&mut self, at: usize) {
        if at < self.services {
            self.runnable
                .push(ServiceId(u32::try_from(at).unwrap_or(u32::MAX)));
        } else {
            self.finish(at);
        }
    }

    fn finish(&mut self, at: usize) {
        let mut done = vec![at];
        while let Some(at) = done.pop() {
            if std::mem::replace(&mut self.is_done[at], true) {
                continue;
            }
            for next in std::mem::take(&mut self.successors[at]) {
                self.left[next] -= 1;
                if self.left[next] > 0 {
                    continue;
                }
                if next < self.services {
                    self.start(next);
                } else {
                    done.push(next);
                }
            }
        }
    }

    /// The services that may start now; each is given once.
    pub(crate) fn take_runnable(&mut self) -> Vec<ServiceId> {
        let mut runnable = std::mem::take(&mut self.runnable);
        runnable.sort_unstable();
        runnable
    }

    /// Whether a service may start that was not given yet.
    pub(crate) fn has_runnable(&self) -> bool {
        !self.runnable.is_empty()
    }

    /// What waits for a service may go on.
    pub(crate) fn done(&mut self, service: ServiceId) {
        self.finish(service.index());
    }

    /// A service that this one waits for and that is not done, over any number of joints.
    pub(crate) fn waits_for(&self, service: ServiceId) -> Option<ServiceId> {
        let mut seen = vec![false; self.predecessors.len()];
        let mut stack = vec![service.index()];
        while let Some(at) = stack.pop() {
            for before in &self.predecessors[at] {
                if self.is_done[*before] || std::mem::replace(&mut seen[*before], true) {
                    continue;
                }
                if *before < self.services {
                    return u32::try_from(*before).ok().map(ServiceId);
                }
                stack.push(*before);
            }
        }
        None
    }
}
