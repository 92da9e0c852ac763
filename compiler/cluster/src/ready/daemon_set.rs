//! DaemonSets: a pod of the newest revision on each node that may have one.

use super::look::{Look, number, text};
use super::state::State;

impl Look<'_> {
    pub(super) fn daemon_set(&mut self) -> State {
        let status = &self.live["status"];
        let wanted = number(&status["desiredNumberScheduled"]);
        let updated = number(&status["updatedNumberScheduled"]);
        let available = number(&status["numberAvailable"]);
        if updated >= wanted && available >= wanted {
            return self.endpoints(wanted);
        }
        let generation =
            text(&self.live["metadata"]["annotations"]["deprecated.daemonset.template.generation"])
                .to_owned();
        let mut pods = self.own_pods();
        let all = pods.len();
        pods.retain(|pod| {
            pod["metadata"]["labels"]["pod-template-generation"] == generation.as_str()
        });
        if let Some(stall) = self.pods_stall(&pods, wanted) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.failed_create(all, wanted) {
            return State::Stalled(stall);
        }
        State::Waiting(self.last_words(&pods, available.min(updated), wanted))
    }
}
