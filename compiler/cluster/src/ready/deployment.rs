//! Deployments: as many pods of the new revision as are wanted, and none of an old one.

use serde_json::Value;

use super::creation::{FAILED_CREATE, no_pod};
use super::look::{Look, condition, number, text};
use super::state::{Stall, State};
use crate::object::name;
use crate::watch::Watched;
use crate::workload::REVISION;

impl Look<'_> {
    pub(super) fn deployment(&mut self) -> State {
        let status = &self.live["status"];
        let wanted = self.replicas();
        let updated = number(&status["updatedReplicas"]);
        let available = number(&status["availableReplicas"]);
        let total = number(&status["replicas"]);
        if updated >= wanted && total == updated && available >= wanted {
            return self.endpoints(wanted);
        }
        let pods = self.new_pods_of_deployment();
        if let Some(stall) = self.pods_stall(&pods, wanted) {
            return State::Stalled(stall);
        }
        if let Some(failure) =
            condition(self.live, "ReplicaFailure").filter(|c| c["status"] == "True")
        {
            let message = text(&failure["message"]).to_owned();
            let (since, message) = self.seen("ReplicaFailure", &message);
            if since >= FAILED_CREATE {
                return State::Stalled(no_pod(&message));
            }
        }
        let is_over = condition(self.live, "Progressing")
            .is_some_and(|c| c["status"] == "False" && c["reason"] == "ProgressDeadlineExceeded");
        if is_over {
            return State::Stalled(Stall::new(
                "ProgressDeadlineExceeded",
                self.last_words(&pods, available, wanted),
                "see the pods: `erpc status`; raise the deadline if the start just takes long",
            ));
        }
        State::Waiting(self.last_words(&pods, available.min(updated), wanted))
    }

    fn new_pods_of_deployment(&self) -> Vec<Value> {
        let revision = &self.live["metadata"]["annotations"][REVISION];
        let owner = format!("Deployment/{}", self.target.id.name);
        let sets = self
            .observed
            .owned(Watched::ReplicaSet, self.namespace, &owner);
        let current = sets
            .iter()
            .find(|set| set["metadata"]["annotations"][REVISION] == *revision);
        let Some(set) = current else {
            return Vec::new();
        };
        let owner = format!("ReplicaSet/{}", name(set));
        self.observed.owned(Watched::Pod, self.namespace, &owner)
    }
}
