//! One look at a workload and its pods.

use std::time::Duration;

use erpc_emit::Kind;
use serde_json::Value;

use super::state::{NO_CONTROLLER, Stall, State, Symptoms};
use super::target::Target;
use crate::watch::{Observed, Watched};

pub(super) struct Look<'l> {
    pub(super) target: &'l Target,
    pub(super) observed: &'l Observed,
    pub(super) symptoms: &'l mut Symptoms,
    pub(super) namespace: &'l str,
    pub(super) live: &'l Value,
}

pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

pub(super) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Look<'_> {
    pub(super) fn key(&self, symptom: &str) -> String {
        format!("{} {symptom}", self.target.id)
    }

    pub(super) fn seen(&mut self, symptom: &str, text: &str) -> (Duration, String) {
        let key = self.key(symptom);
        self.symptoms.seen(&key, text)
    }

    /// Before the controller has looked at what was written.
    pub(super) fn unobserved(&mut self) -> Option<State> {
        if number(&self.live["metadata"]["generation"]) < self.target.generation {
            return Some(State::Waiting("not seen yet".to_owned()));
        }
        let is_job = self.target.id.kind == Kind::Job;
        let observed = number(&self.live["status"]["observedGeneration"]);
        let is_behind = !is_job && observed < number(&self.live["metadata"]["generation"]);
        if !is_behind {
            let what = self.key(&format!("observed {}", self.target.generation));
            self.symptoms.observed(self.target.id.kind, &what);
            return None;
        }
        let (since, _) = self.seen("unobserved", "");
        if since > NO_CONTROLLER && !self.symptoms.is_at_work(self.target.id.kind) {
            return Some(State::Stalled(Stall::new(
                "NoController",
                format!(
                    "no controller has looked at {} for {} s",
                    self.target.id,
                    since.as_secs()
                ),
                "see that kube-controller-manager runs",
            )));
        }
        Some(State::Waiting(
            "its controller has not seen it yet".to_owned(),
        ))
    }

    pub(super) fn replicas(&self) -> i64 {
        self.live["spec"]["replicas"].as_i64().unwrap_or(1)
    }

    /// Clients come through the Service: at least one address has to be behind it.
    pub(super) fn endpoints(&mut self, wanted: i64) -> State {
        let Some(service) = &self.target.service else {
            return State::Ready;
        };
        if wanted == 0 {
            return State::Ready;
        }
        let slices = self
            .observed
            .owned(Watched::EndpointSlice, self.namespace, service);
        let has_address = slices
            .iter()
            .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
            .any(|endpoint| endpoint["conditions"]["ready"] != false);
        if has_address {
            State::Ready
        } else {
            State::Waiting(format!("Service {service} has no ready address yet"))
        }
    }

    pub(super) fn own_pods(&self) -> Vec<Value> {
        let owner = format!("{}/{}", self.target.id.kind, self.target.id.name);
        self.observed.owned(Watched::Pod, self.namespace, &owner)
    }

    pub(super) fn warnings_of(&self, name: &str) -> Vec<Value> {
        let mut events = self.observed.warnings(self.namespace);
        events.retain(|event| event["involvedObject"]["name"] == name);
        events
    }
}
