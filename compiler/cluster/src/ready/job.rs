//! Jobs: complete, or failed with what its pods show.

use super::look::{Look, condition, text};
use super::pods::phase;
use super::state::{Stall, State};
use crate::object::name;

impl Look<'_> {
    pub(super) fn job(&mut self) -> State {
        if condition(self.live, "Complete").is_some_and(|c| c["status"] == "True") {
            return State::Ready;
        }
        if self.live["spec"]["suspend"] == true {
            return State::Ready;
        }
        let pods = self.own_pods();
        if let Some(failed) = condition(self.live, "Failed").filter(|c| c["status"] == "True") {
            let cause = self.pods_stall(&pods, 1);
            let reason = text(&failed["reason"]).to_owned();
            return State::Stalled(cause.unwrap_or_else(|| {
                Stall::new(
                    "JobFailed",
                    format!("the job has failed: {reason}: {}", text(&failed["message"])),
                    format!(
                        "kubectl -n {0} logs job/{1}; it runs again after `kubectl -n {0} delete job {1}` and another apply",
                        self.namespace, self.target.id.name
                    ),
                )
            }));
        }
        if let Some(stall) = self.pods_stall(&pods, 1) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.failed_create(pods.len(), 1) {
            return State::Stalled(stall);
        }
        State::Waiting(match pods.last() {
            Some(pod) => format!("pod {} is {}", name(pod), phase(pod)),
            None => "no pod yet".to_owned(),
        })
    }
}
