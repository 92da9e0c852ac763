//! The turn of a service: its Services and ConfigMaps first, then its workload, then its autoscaler and Ingress.

use erpc_emit::Kind;
use erpc_model::ServiceId;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use super::engine::Engine;
use super::phase::{Phase, Rollout};
use super::steps::Write;
use super::write::Written;
use crate::change::{Action, ObjectChange};
use crate::plan::has_ended;
use crate::progress::Event;
use crate::ready::Target;
use crate::secrets;

/// A write under way, with the service that it belongs to.
pub(super) type Pending = BoxFuture<'static, (ServiceId, ObjectChange, Written)>;

impl Engine<'_, '_> {
    /// Begins the turn of a service: what its pods and callers see changes right before its workload.
    pub(super) async fn start(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        writes: &FuturesUnordered<Pending>,
    ) {
        let turn = rollout.turns.get_mut(&service);
        let before = turn.map_or_else(Vec::new, |turn| std::mem::take(&mut turn.before));
        rollout.enter(service, Phase::Preparing(before.len()));
        let mut is_prepared = before.is_empty();
        for write in before {
            if write.step.action == Action::Replace {
                let replaced = self.replace(&write.step, &write.body.value()).await;
                is_prepared = self.written_one(rollout, service, &write.step, replaced);
            } else {
                self.write_later(service, write, writes);
            }
        }
        if is_prepared {
            self.start_workload(rollout, service, writes).await;
        }
    }

    /// Writes the workload of a service.
    pub(super) async fn start_workload(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        writes: &FuturesUnordered<Pending>,
    ) {
        let turn = rollout.turns.get_mut(&service);
        let Some(write) = turn.and_then(|turn| turn.workload.take()) else {
            rollout.enter(service, Phase::Waiting(self.target(service, &Value::Null)));
            return;
        };
        rollout.enter(service, Phase::Writing);
        if !self.take_over(rollout, service).await {
            return;
        }
        if write.step.action == Action::Replace {
            let replaced = self.replace(&write.step, &write.body.value()).await;
            self.written_one(rollout, service, &write.step, replaced);
        } else {
            self.write_later(service, write, writes);
        }
    }

    /// Before a service starts under a new name, the volumes of the old one become its own; before a Job
    /// starts, the one that it supersedes has stopped. Whether it may start.
    async fn take_over(&mut self, rollout: &mut Rollout, service: ServiceId) -> bool {
        if let Err(()) = self.stop_superseded(service).await {
            rollout.stall(service);
            return false;
        }
        let is_its = |step: &&ObjectChange| {
            let moved = step.moved.as_ref();
            moved.is_some_and(|m| m.service == Some(service) && !m.volumes.is_empty())
        };
        let steps: Vec<ObjectChange> = self.plan.work().filter(is_its).cloned().collect();
        for step in steps {
            if let Err(failure) = self.move_volumes(&step).await {
                self.note(&step, Err(failure));
                rollout.stall(service);
                return false;
            }
        }
        true
    }

    /// Deletes the Jobs that a new one supersedes and that have not run to their end, and waits until their
    /// pods are gone, so that two runs never meet.
    async fn stop_superseded(&mut self, service: ServiceId) -> Result<(), ()> {
        let is_its = |step: &&ObjectChange| {
            let moved = step.moved.as_ref();
            step.id.kind == Kind::Job && moved.is_some_and(|m| m.service == Some(service))
        };
        let has_ended = |step: &&ObjectChange| {
            let live = self.plan.live.get(&step.id);
            live.is_none_or(|live| has_ended(&live))
        };
        let steps = self.plan.work().filter(is_its);
        let steps: Vec<ObjectChange> = steps.filter(|step| !has_ended(step)).cloned().collect();
        for step in steps {
            let stopped = self.writer().delete_and_wait(&step).await;
            let is_well = stopped.is_ok();
            self.note(&step, stopped);
            if !is_well {
                return Err(());
            }
        }
        Ok(())
    }

    pub(super) fn write_later(
        &mut self,
        service: ServiceId,
        write: Write,
        writes: &FuturesUnordered<Pending>,
    ) {
        let writer = self.writer();
        let wait = self.options.allowed.wait_for_secrets;
        let missing = &self.plan.missing_secrets;
        let lacks = secrets::needed(missing, write.step.id.namespace.as_deref(), &write.body);
        for secret in &lacks {
            let name = self.program.platform.path(service);
            let (namespace, secret) = (&secret.namespace, &secret.name);
            let note = format!("{name} waits for Secret {namespace}/{secret}");
            self.progress.say(&Event::Note(note));
        }
        let stop = self.stop.clone();
        writes.push(
            async move {
                let waited = match wait.filter(|_| !lacks.is_empty()) {
                    Some(limit) => secrets::wait(&writer.cluster, &stop, &lacks, limit).await,
                    None => Ok(()),
                };
                let written = match waited {
                    Ok(()) => writer.write(&write.step, &write.body).await,
                    Err(why) => Err(why),
                };
                (service, write.step, written)
            }
            .boxed(),
        );
    }

    /// What is waited for of a service, after a write that was answered with this metadata.
    fn target(&self, service: ServiceId, metadata: &Value) -> Target {
        let generation = metadata["generation"].as_i64().unwrap_or(0);
        Target {
            uid: metadata["uid"].as_str().unwrap_or_default().to_owned(),
            ..Target::of(self.program, service, generation)
        }
    }

    /// Takes note of a write of a service. Whether its workload is next.
    pub(super) fn written_one(
        &mut self,
        rollout: &mut Rollout,
        service: ServiceId,
        step: &ObjectChange,
        written: Written,
    ) -> bool {
        let metadata = match &written {
            Ok(Some(answer)) => answer.body["metadata"].clone(),
            _ => Value::Null,
        };
        let is_well = written.is_ok();
        self.note(step, written);
        if !is_well {
            rollout.stall(service);
            return false;
        }
        rollout.wrote(service, || self.target(service, &metadata))
    }
}
