//! StatefulSets: all pods of one revision. They are replaced in order, so that a broken one blocks the
//! rest.

use std::time::Duration;

use serde_json::Value;

use super::look::{Look, number, text};
use super::pods::is_ready;
use super::state::{Stall, State};
use crate::object::name;

const OLD_POD: Duration = Duration::from_secs(30);

impl Look<'_> {
    pub(super) fn stateful_set(&mut self) -> State {
        let status = &self.live["status"];
        let wanted = self.replicas();
        let updated = number(&status["updatedReplicas"]);
        let ready = number(&status["readyReplicas"]);
        let available = number(&status["availableReplicas"]);
        let is_one_revision = status["updateRevision"] == status["currentRevision"];
        let is_updated =
            updated >= wanted || is_one_revision && number(&status["currentReplicas"]) >= wanted;
        if ready >= wanted && available >= wanted && is_updated && (is_one_revision || wanted == 0)
        {
            return self.endpoints(wanted);
        }
        let revision = text(&status["updateRevision"]).to_owned();
        let mut pods = self.own_pods();
        let mut old = Vec::new();
        pods.retain(|pod| {
            let is_new = pod["metadata"]["labels"]["controller-revision-hash"] == revision.as_str();
            if !is_new {
                old.push(pod.clone());
            }
            is_new
        });
        if let Some(stall) = self.pods_stall(&pods, wanted) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.broken_old_pod(&old) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.failed_create(pods.len() + old.len(), wanted) {
            return State::Stalled(stall);
        }
        State::Waiting(self.last_words(&pods, ready.min(updated), wanted))
    }

    /// A StatefulSet replaces pods in order, and never one that comes after a broken one
    /// (kubernetes/kubernetes#67250).
    fn broken_old_pod(&mut self, old: &[Value]) -> Option<Stall> {
        let broken = old.iter().find(|pod| !is_ready(pod))?;
        if let Some(stall) = self.lost_node_stall(broken) {
            return Some(stall);
        }
        if self.lost_node(broken).is_some() {
            return None;
        }
        let name = name(broken).to_owned();
        let (since, _) = self.seen("old pod", "");
        (since > OLD_POD).then(|| {
            let mut stall = Stall::new(
                "BrokenOldPod",
                format!(
                    "pod {name} of the old revision is not ready, and the new one waits for it"
                ),
                format!("kubectl -n {} delete pod {name}", self.namespace),
            );
            stall.pod = Some(name);
            stall
        })
    }
}
