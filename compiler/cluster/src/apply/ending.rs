//! The pods of workloads that the run has deleted. What a pod needs goes after it: while one is still ending,
//! its Services, policies and account stay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use smol_str::SmolStr;

use super::engine::{EndingPods, Engine};
use crate::failure::ApiError;
use crate::live::{finalizers, running_pods};
use crate::object::ObjectId;
use crate::progress::Event;
use crate::workload;
use erpc_emit::Kind;

const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

impl Engine<'_, '_> {
    /// Remembers the workloads among what was just deleted.
    pub(super) fn note_ending(&mut self, deleted: &[ObjectId]) {
        for id in deleted.iter().filter(|id| self.wrote.contains(id)) {
            let Some(kind) = workload::of_kind(id.kind) else {
                continue;
            };
            let live = self.plan.live.get(id).unwrap_or_default();
            let labels = labels_of_pods(id.kind, &live);
            if let (Some(namespace), Some(labels)) = (&id.namespace, labels) {
                let ending = self.ending.entry(namespace.clone()).or_default();
                ending.insert((labels, kind.pod_owner()));
            }
        }
    }

    /// For each namespace in which pods of deleted workloads are left, what is waited for.
    pub(super) async fn not_ended(&mut self) -> BTreeMap<SmolStr, String> {
        let mut left = BTreeMap::new();
        for (namespace, names) in self.ending.clone() {
            match self.pods_of(&namespace, &names).await {
                Ok(pods) => match pods.first() {
                    Some(first) => {
                        left.insert(namespace, waits_for(first, pods.len()));
                    }
                    None => {
                        self.ending.remove(&namespace);
                    }
                },
                Err(error) => {
                    let reason = format!("its pods cannot be listed: {error}");
                    left.insert(namespace, reason);
                }
            }
        }
        left
    }

    /// Waits until the pods of deleted workloads have ended, as long as a service may take to become ready;
    /// what is left then.
    pub(super) async fn await_ended(&mut self) -> BTreeMap<SmolStr, String> {
        let started = self.cluster.clock.now();
        let mut is_said = false;
        loop {
            let left = self.not_ended().await;
            let is_late = self.cluster.clock.since(started) > self.options.timeout;
            if left.is_empty() || is_late || self.stop.is_asked() || !self.lock.is_ours() {
                return left;
            }
            if !is_said {
                is_said = true;
                let phase = "waiting for the pods of what was deleted".to_owned();
                self.progress.say(&Event::Phase(phase));
            }
            self.progress.tick();
            if self.stop.clone().asked_within(LOOKED_AT_EVERY).await {
                return left;
            }
        }
    }

    async fn pods_of(
        &self,
        namespace: &str,
        ending: &BTreeSet<EndingPods>,
    ) -> Result<Vec<Value>, ApiError> {
        let mut pods = running_pods(self.cluster, self.program, namespace).await?;
        pods.retain(|pod| {
            let labels = &pod["metadata"]["labels"];
            let owner = pod["metadata"]["ownerReferences"][0]["kind"].as_str();
            let mut ending = ending.iter();
            ending.any(|(of, by)| {
                let is_selected = of.iter().all(|(key, value)| labels[key] == value.as_str());
                is_selected && owner.is_none_or(|owner| owner == *by)
            })
        });
        Ok(pods)
    }
}

/// The labels by which the pods of a live workload are known; `None` if it has none.
fn labels_of_pods(kind: Kind, live: &Value) -> Option<BTreeMap<String, String>> {
    let spec = &live["spec"];
    let selector = match kind {
        Kind::CronJob => &spec["jobTemplate"]["spec"]["template"]["metadata"]["labels"],
        _ => &spec["selector"]["matchLabels"],
    };
    let labels: BTreeMap<String, String> = selector
        .as_object()?
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    (!labels.is_empty()).then_some(labels)
}

fn waits_for(pod: &Value, count: usize) -> String {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let why = match finalizers(pod).as_slice() {
        [] => "is still ending".to_owned(),
        held => format!("is held by the finalizer {}", held.join(", ")),
    };
    match count {
        1 => format!("pod {name} {why}"),
        more => format!("pod {name} {why}, and {} more have not ended", more - 1),
    }
}
