//! Pods, whoever made them: what they are doing, and whether they show that more time will not help.

use std::time::Duration;

use serde_json::Value;

use super::look::{Look, condition, number, text};
use super::nodes::EVICTED;
use super::state::Stall;
use crate::object::name;
use crate::path::FieldPath;

const UNREADY_TOLD: Duration = Duration::from_secs(20);
const MOUNT: Duration = Duration::from_secs(90);
const KILLS: i64 = 2;

/// A pod's `Ready` condition has not changed since the kubelet took the pod up: it is set once then, and
/// once more when the pod becomes ready.
pub(super) fn was_never_ready(pod: &Value) -> bool {
    let Some(ready) = condition(pod, "Ready") else {
        return true;
    };
    let started = text(&pod["status"]["startTime"]);
    let changed = text(&ready["lastTransitionTime"]);
    // RFC 3339 in UTC without fractions, as the API server writes times: they compare as text.
    ready["status"] != "True" && !changed.is_empty() && changed <= started
}

/// Whether a pod shows by itself that it does not come up: it cannot be scheduled, a container of it
/// cannot start, or has ended and was started again.
pub(super) fn has_failed(pod: &Value) -> bool {
    let starts = ["ContainerCreating", "PodInitializing"];
    let is_unschedulable =
        condition(pod, "PodScheduled").is_some_and(|one| one["reason"] == "Unschedulable");
    is_unschedulable
        || statuses(pod).any(|status| {
            let waits_for = text(&status["state"]["waiting"]["reason"]);
            let is_stuck = !waits_for.is_empty() && !starts.contains(&waits_for);
            is_stuck || number(&status["restartCount"]) > 0
        })
}

impl Look<'_> {
    pub(super) fn last_words(&self, pods: &[Value], ready: i64, wanted: i64) -> String {
        let count = format!("{ready}/{wanted} ready");
        let waiting = pods.iter().find(|pod| !is_ready(pod));
        match waiting {
            Some(pod) => format!("{count}, pod {}: {}", name(pod), self.doing(pod)),
            None => count,
        }
    }

    /// What a pod that is not ready is doing.
    fn doing(&self, pod: &Value) -> String {
        if let Some(node) = self.lost_node(pod) {
            return node;
        }
        for status in statuses(pod) {
            let waiting = &status["state"]["waiting"];
            if let Some(reason) = waiting["reason"].as_str() {
                return match reason {
                    "ContainerCreating" => "pulling or creating".to_owned(),
                    reason => reason.to_owned(),
                };
            }
        }
        let is_scheduled = condition(pod, "PodScheduled").is_some_and(|c| c["status"] == "True");
        if !is_scheduled && text(&pod["spec"]["nodeName"]).is_empty() {
            return "waits for a node".to_owned();
        }
        if phase(pod) == "Running" {
            let events = self.warnings_of(name(pod));
            let probe = events
                .iter()
                .rev()
                .find(|event| event["reason"] == "Unhealthy");
            return match probe {
                Some(event) => format!("runs, {}", lower(text(&event["message"]))),
                None => "runs, not ready yet".to_owned(),
            };
        }
        "pulling or creating".to_owned()
    }

    /// Whether the pods show that more time will not help.
    pub(super) fn pods_stall(&mut self, pods: &[Value], _wanted: i64) -> Option<Stall> {
        for pod in pods {
            if let Some(mut stall) = self.pod_stall(pod) {
                stall.pod = Some(name(pod).to_owned());
                return Some(stall);
            }
        }
        None
    }

    fn pod_stall(&mut self, pod: &Value) -> Option<Stall> {
        if is_ready(pod) || !pod["metadata"]["deletionTimestamp"].is_null() {
            return None;
        }
        let inits = pod["status"]["initContainerStatuses"].as_array();
        for status in inits.into_iter().flatten() {
            if let Some(stall) = self.container_stall(pod, status, "initContainers") {
                return Some(stall);
            }
        }
        let containers = pod["status"]["containerStatuses"].as_array();
        for status in containers.into_iter().flatten() {
            if let Some(stall) = self.container_stall(pod, status, "containers") {
                return Some(stall);
            }
        }
        self.lost_node_stall(pod)
            .or_else(|| self.node_stall(pod))
            .or_else(|| self.event_stall(pod))
            .or_else(|| self.unready(pod))
    }

    fn event_stall(&mut self, pod: &Value) -> Option<Stall> {
        let pod_name = name(pod).to_owned();
        let events = self.warnings_of(&pod_name);
        let last = |reason: &str| {
            let mut events = events.iter().rev();
            events.find(|event| event["reason"] == reason).cloned()
        };
        if let Some(event) = last("FailedMount").or_else(|| last("FailedAttachVolume")) {
            let message = text(&event["message"]).to_owned();
            let (since, _) = self.seen(&format!("{pod_name} mount"), &message);
            if since > MOUNT {
                return Some(Stall::new(
                    "FailedMount",
                    format!("pod {pod_name} cannot mount a volume: {message}"),
                    "see which node holds it: `kubectl get volumeattachments`",
                ));
            }
        }
        if let Some(event) = last("FailedCreatePodSandBox") {
            let message = text(&event["message"]).to_owned();
            let (since, _) = self.seen(&format!("{pod_name} sandbox"), &message);
            if since > EVICTED {
                return Some(Stall::new(
                    "FailedCreatePodSandBox",
                    format!(
                        "node {} cannot start pod {pod_name}: {message}",
                        text(&pod["spec"]["nodeName"])
                    ),
                    "see the network plugin of that node",
                ));
            }
        }
        // The kubelet tells of the kill in an event that is no warning; the probe's failure is one.
        let is_killed = events.iter().any(|event| {
            event["reason"] == "Unhealthy"
                && text(&event["message"]).starts_with("Liveness probe failed")
        });
        let restarts = statuses(pod).map(|status| number(&status["restartCount"]));
        let restarts = restarts.max().unwrap_or(0);
        (is_killed && restarts >= KILLS).then(|| {
            Stall::new(
                "LivenessKills",
                format!(
                    "pod {pod_name} was restarted {restarts} times because its liveness probe failed"
                ),
                "give it more time to start: `health startup …`",
            )
        })
    }

    /// A container that runs and does not become ready, after as long as its service may take.
    fn unready(&mut self, pod: &Value) -> Option<Stall> {
        if phase(pod) != "Running" {
            return None;
        }
        let pod_name = name(pod).to_owned();
        let (since, _) = self.seen(&format!("{pod_name} unready"), "");
        let budget = self.target.patience();
        // The warnings are asked for from now on, so that they are there when they are told.
        let doing = (since > UNREADY_TOLD / 4).then(|| self.doing(pod));
        (since > budget).then(|| {
            let mut stall = Stall::new(
                "Unready",
                format!(
                    "pod {pod_name} {} for {} s",
                    doing.unwrap_or_default(),
                    since.as_secs()
                ),
                "see what the probe asks and what the service answers",
            );
            let container = &self.target.container;
            let probe = FieldPath::of_container("containers", container, "readinessProbe");
            stall.field = Some(probe);
            stall
        })
    }
}

pub(super) fn phase(pod: &Value) -> &str {
    text(&pod["status"]["phase"])
}

/// Whether no container of a pod runs any more, or ever will.
pub(crate) fn has_ended(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether a pod serves.
pub(crate) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition["status"] == "True")
        || phase(pod) == "Succeeded"
}

/// The states of all containers of a pod, the init ones first.
pub(crate) fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|list| pod["status"][list].as_array().into_iter().flatten())
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::{has_failed, was_never_ready};
    use serde_json::{Value, json};

    fn pod(ready: &Value) -> Value {
        json!({ "status": { "startTime": "2026-01-01T10:00:00Z", "conditions": [ready] } })
    }

    #[test]
    fn a_pod_that_was_ready_once_is_told_from_one_that_never_was() {
        let ready = |status: &str, time: &str| json!({ "type": "Ready", "status": status, "lastTransitionTime": time });
        assert!(was_never_ready(&pod(&ready(
            "False",
            "2026-01-01T10:00:00Z"
        ))));
        assert!(!was_never_ready(&pod(&ready(
            "False",
            "2026-01-01T10:05:00Z"
        ))));
        assert!(!was_never_ready(&pod(&ready(
            "True",
            "2026-01-01T10:00:00Z"
        ))));
        // Without the time of the change nothing is known.
        assert!(!was_never_ready(&pod(
            &json!({ "type": "Ready", "status": "False" })
        )));
        // The kubelet has not taken it up.
        assert!(was_never_ready(&json!({ "status": {} })));
    }

    #[test]
    fn a_pod_that_only_takes_its_time_has_not_failed() {
        let waiting = |reason: &str, restarts: u64| {
            json!({ "status": { "containerStatuses": [
                { "state": { "waiting": { "reason": reason } }, "restartCount": restarts },
            ] } })
        };
        assert!(!has_failed(&waiting("ContainerCreating", 0)));
        assert!(has_failed(&waiting("ImagePullBackOff", 0)));
        assert!(has_failed(&waiting("ContainerCreating", 1)));
    }
}
