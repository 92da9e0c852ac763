//! What is seen of the services that roll out, and what follows from it.

use std::time::{Duration, Instant};

use erpc_model::ServiceId;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use super::engine::Engine;
use super::phase::{Phase, Rollout};
use super::turn::Pending;
use crate::call::Call;
use crate::object::{ObjectId, name};
use crate::progress::Event;
use crate::ready::{Stall, State, Target, assess, blocking_pod, old_pods};

/// News come in bursts.
const LOOKED_APART: Duration = Duration::from_millis(30);

const LOG_LINES: usize = 20;

/// Pods of the earlier revision get so long to end beyond their own grace period.
const LEAVING: Duration = Duration::from_secs(60);

impl Engine<'_, '_> {
    /// Looks, and says when the next look is due at the earliest: a look at many services takes its time,
    /// and most of the time is for other work.
    pub(super) async fn look_now(
        &mut self,
        rollout: &mut Rollout,
        writes: &FuturesUnordered<Pending>,
    ) -> Instant {
        let started = Instant::now();
        self.look(rollout, writes).await;
        Instant::now() + (started.elapsed() * 4).max(LOOKED_APART)
    }

    /// Looks at every service that rolls out.
    async fn look(&mut self, rollout: &mut Rollout, writes: &FuturesUnordered<Pending>) {
        let observed = &rollout.observed;
        if !observed.is_read() {
            return;
        }
        let (mut seen, mut left, mut blocking) = (Vec::new(), Vec::new(), Vec::new());
        for (service, (phase, since)) in &rollout.phases {
            match phase {
                Phase::Waiting(target) => {
                    let pod = blocking_pod(target, observed, self.back.is_some());
                    blocking.extend(pod.map(|pod| (target.id.clone(), pod)));
                    let state = assess(target, observed, &mut rollout.symptoms);
                    seen.push((*service, target.clone(), *since, state));
                }
                Phase::Leaving(target) => {
                    let pods = old_pods(target, observed);
                    let waited = self.cluster.clock.since(*since);
                    let is_late = waited > grace_of(&pods) + LEAVING;
                    if is_late && let Some(pod) = pods.first() {
                        self.progress.say(&Event::Note(format!(
                            "pod {} of the earlier revision of {} has not ended after {} s; what only it needs is closed",
                            name(pod),
                            target.id.place(),
                            waited.as_secs()
                        )));
                    }
                    if is_late || pods.is_empty() {
                        left.push(*service);
                    }
                }
                _ => {}
            }
        }
        for (workload, pod) in blocking {
            self.unblock(rollout, &workload, &pod).await;
        }
        for service in left {
            rollout.enter(service, Phase::Done);
        }
        for (service, target, since, state) in seen {
            let name = self.program.platform.path(service);
            match state {
                State::Ready => {
                    self.progress.say(&Event::Ready {
                        service: name,
                        after: self.cluster.clock.since(since),
                    });
                    let turn = rollout.turns.get_mut(&service);
                    let next = turn.map_or_else(Vec::new, |turn| std::mem::take(&mut turn.after));
                    rollout.became_ready(service, target, next.len());
                    for write in next {
                        self.write_later(service, write, writes);
                    }
                }
                State::Waiting(text) if self.cluster.clock.since(since) > target.patience() => {
                    let seconds = self.cluster.clock.since(since).as_secs();
                    let text = format!("not ready after {seconds} s: {text}");
                    let event = Event::Waiting {
                        service: name.clone(),
                        text,
                    };
                    self.progress.say(&event);
                    self.unready.push(name);
                    rollout.stall(service);
                }
                State::Waiting(text) => self.progress.waiting(&name, &text),
                State::Stalled(stall) => {
                    self.say_stall(service, &target, &stall).await;
                    self.unready.push(name);
                    rollout.stall(service);
                }
            }
        }
    }

    /// Deletes the pod of a failed revision that its StatefulSet waits for: that one, by its uid, and once.
    async fn unblock(&mut self, rollout: &mut Rollout, workload: &ObjectId, pod: &Value) {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        if uid.is_empty() || !self.writer().may_write() || !rollout.unblocked.insert(uid.to_owned())
        {
            return;
        }
        let namespace = workload.namespace.as_deref().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/pods/{}", name(pod));
        let call = Call::delete(&path, uid, "Background");
        let said = match self.cluster.call(call).await {
            Ok(_) => format!(
                "pod {namespace}/{} of a revision that never became ready was deleted: {workload} waited for it",
                name(pod)
            ),
            // It is gone, or another pod has its name.
            Err(error) if error.is_not_found() || error.code() == Some(409) => return,
            Err(error) => format!(
                "pod {namespace}/{} of a revision that never became ready blocks {workload}, and could not be deleted: {error}",
                name(pod)
            ),
        };
        self.progress.say(&Event::Note(said));
    }

    async fn say_stall(&mut self, service: ServiceId, target: &Target, stall: &Stall) {
        let log = match (&stall.pod, &stall.container) {
            (Some(pod), Some(container)) => self.last_log(target, pod, container).await,
            _ => Vec::new(),
        };
        let field = stall.field.clone().unwrap_or_default();
        let source = self
            .desired(&target.id)
            .and_then(|object| self.program.place(object, &field));
        self.progress.say(&Event::Stalled {
            service: self.program.platform.path(service),
            source,
            reason: stall.reason.to_owned(),
            message: stall.message.clone(),
            help: stall.help.clone(),
            log,
        });
    }

    /// The last words of the container that ended before this one.
    async fn last_log(&self, target: &Target, pod: &str, container: &str) -> Vec<String> {
        let namespace = target.id.namespace.as_deref().unwrap_or_default();
        let call = Call::text(format!("/api/v1/namespaces/{namespace}/pods/{pod}/log"))
            .query("container", container)
            .query("previous", "true")
            .query("tailLines", LOG_LINES.to_string());
        // A log that cannot be read explains nothing; what was seen of the pod is reported all the same.
        let Ok(answer) = self.cluster.call(call).await else {
            return Vec::new();
        };
        let log = answer.body.as_str().unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

/// How long the slowest of these pods may take to end.
fn grace_of(pods: &[Value]) -> Duration {
    let seconds = pods
        .iter()
        .filter_map(|pod| pod["spec"]["terminationGracePeriodSeconds"].as_u64());
    Duration::from_secs(seconds.max().unwrap_or(0))
}
