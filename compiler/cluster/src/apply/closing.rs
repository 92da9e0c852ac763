//! What closes or goes: policies that lose a rule, Services that lose a port, and objects that the source
//! does not have any more. Each waits for the rollouts of the services that may still need it, and for
//! nothing else: a service that is not ready holds up no revocation that is not its own.

use std::collections::BTreeSet;

use erpc_model::ServiceId;

use super::engine::Engine;
use super::outcome::NotDone;
use super::steps::{Closing, Steps, Write, rank};
use crate::call::Call;
use crate::object::ObjectId;
use crate::ready::workload_of;
use crate::selection::namespace_of;
use crate::workload;
use erpc_emit::Stage;

/// When something closes: in the course of a run, or at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    End,
}

/// The rank of workloads among what goes.
const WORKLOADS: u8 = Stage::Workloads.removal();

impl Engine<'_, '_> {
    /// Of the services that something waits for, and that an earlier run may have left half done, those
    /// whose pods are all of one revision: ready or not, none of them needs what the source has dropped.
    pub(super) async fn steady_services(
        &self,
        steps: &Steps,
        closing: &[Closing],
    ) -> BTreeSet<ServiceId> {
        let changed = self.changed_services(steps);
        let awaited: BTreeSet<ServiceId> = closing
            .iter()
            .flat_map(|closing| closing.waits_for.iter().copied())
            .collect();
        let mut steady = BTreeSet::new();
        for service in awaited {
            if !changed.contains(&service) || steps.turns.contains_key(&service) {
                continue;
            }
            let id = workload_of(self.program, service);
            match self.cluster.call(Call::get(id.path())).await {
                Ok(answer)
                    if !workload::of_kind(id.kind)
                        .is_none_or(|kind| kind.is_of_one_revision(&answer.body)) => {}
                Ok(_) => drop(steady.insert(service)),
                Err(error) if error.is_not_found() => drop(steady.insert(service)),
                // What cannot be looked at is waited for.
                Err(_) => {}
            }
        }
        steady
    }

    /// Closes and removes what no service needs any more that is not settled. What pods of removed workloads
    /// need goes after them: at the `end` of the run they are waited for, before it stays for later.
    pub(super) async fn close_due(
        &mut self,
        closing: &mut Vec<Closing>,
        unsettled: &BTreeSet<ServiceId>,
        at: Moment,
    ) -> bool {
        // A Job that a new one supersedes went before that one started.
        let is_gone =
            |write: &Write| write.step.action.deletes() && self.wrote.contains(&write.step.id);
        closing.retain(|closing| !is_gone(&closing.write));
        let is_due = |closing: &Closing| closing.waits_for.is_disjoint(unsettled);
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(closing).into_iter().partition(is_due);
        *closing = later;
        due.sort_by_key(|closing| order(&closing.write));
        while let Some(first) = due.first() {
            let rank = order(&first.write);
            if rank > WORKLOADS {
                self.hold_for_pods(&mut due, closing, at).await;
                if due.is_empty() {
                    break;
                }
            }
            let end = due.partition_point(|closing| order(&closing.write) == rank);
            let batch: Vec<Write> = due.drain(..end).map(|closing| closing.write).collect();
            let name = if rank == 0 { "closing" } else { "removing" };
            let ids: Vec<ObjectId> = batch.iter().map(|write| write.step.id.clone()).collect();
            let failures = self.failures.len();
            self.batch(name, batch).await;
            if self.stop.is_asked() || !self.lock.is_ours() {
                return false;
            }
            if rank == WORKLOADS {
                self.note_ending(&ids);
            }
            if rank > 0 && self.failures.len() > failures {
                self.keep_after_failure(&mut due, &ids);
            }
        }
        true
    }

    /// Takes out what stays for the pods of deleted workloads.
    async fn hold_for_pods(
        &mut self,
        due: &mut Vec<Closing>,
        closing: &mut Vec<Closing>,
        at: Moment,
    ) {
        let left = match at {
            Moment::End => self.await_ended().await,
            Moment::Before => self.not_ended().await,
        };
        let (held, free): (Vec<_>, Vec<_>) = std::mem::take(due).into_iter().partition(|closing| {
            namespace_of(&closing.write.step.id).is_some_and(|name| left.contains_key(name))
        });
        *due = free;
        for held in held {
            let reason = namespace_of(&held.write.step.id).and_then(|name| left.get(name));
            match (at, reason) {
                (Moment::End, Some(reason)) => self.not_done.push(NotDone {
                    reason: reason.clone(),
                    id: held.write.step.id,
                    what: "deleted",
                }),
                _ => closing.push(held),
            }
        }
    }

    /// What a workload needs that could not be deleted stays with it.
    fn keep_after_failure(&mut self, due: &mut Vec<Closing>, ids: &[ObjectId]) {
        let failed: Vec<&ObjectId> = ids.iter().filter(|id| !self.wrote.contains(*id)).collect();
        due.retain(|closing| {
            let of = |id: &&&ObjectId| id.namespace == closing.write.step.id.namespace;
            let Some(kept) = failed.iter().find(of) else {
                return true;
            };
            self.not_done.push(NotDone {
                id: closing.write.step.id.clone(),
                what: "deleted",
                reason: format!("{kept} could not be deleted"),
            });
            false
        });
    }

    /// What stays open or is not deleted, with the service that it waits for.
    pub(super) fn keep_open(&mut self, closing: Vec<Closing>) {
        for closing in closing {
            let mut waits = closing.waits_for.iter();
            let reason = waits.find_map(|id| self.unsettled.get(id));
            let what = match closing.write.step.action.deletes() {
                true => "deleted",
                false => "closed",
            };
            self.not_done.push(NotDone {
                id: closing.write.step.id,
                what,
                reason: reason
                    .cloned()
                    .unwrap_or_else(|| "the run ended before".to_owned()),
            });
        }
    }
}

/// What closes comes first, then what goes, in its order.
fn order(write: &Write) -> u8 {
    match write.step.action.deletes() {
        true => rank(&write.step).max(1),
        false => 0,
    }
}
