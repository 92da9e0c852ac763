//! `--revoke`: what the source no longer allows is closed before anything else, and waits for no rollout.
//! Pods of the earlier revision lose it at once; that is what the flag is for.

use std::time::Instant;

use super::engine::Engine;
use super::steps::{Write, rank, union};
use crate::change::{Action, ObjectChange};
use crate::object::Packed;
use crate::progress::Event;
use erpc_emit::{DEFAULT_DENY, Kind};

impl Engine<'_, '_> {
    /// Narrows policies and roles, then deletes what grants something that the source no longer grants;
    /// with `--prune`, the workloads of removed services before it.
    pub(super) async fn revoke(&mut self) {
        let started = Instant::now();
        let (gone, changed): (Vec<ObjectChange>, Vec<ObjectChange>) = self
            .plan
            .work()
            .cloned()
            .partition(|step| step.action.deletes());
        let narrowed: Vec<Write> = changed
            .into_iter()
            .filter(|step| self.narrows(step))
            .map(|step| Write {
                body: self.body(&step.id),
                step,
            })
            .collect();
        let mut gone: Vec<ObjectChange> = gone
            .into_iter()
            .filter(|step| step.action == Action::Prune)
            .filter(|step| step.id.kind.is_workload() || self.plan.grants(step))
            .collect();
        gone.sort_by_key(rank);
        let before = self.wrote.len();
        self.batch("revoking", narrowed).await;
        let narrowed = self.wrote.len() - before;
        while let Some(first) = gone.first() {
            let at = rank(first);
            let end = gone.partition_point(|step| rank(step) == at);
            let writes = gone.drain(..end).map(|step| Write {
                step,
                body: Packed::nothing(),
            });
            let writes = writes.collect();
            self.batch("revoking", writes).await;
            if self.stop.is_asked() || !self.lock.is_ours() {
                return;
            }
        }
        self.revoked = self.wrote.clone();
        let deleted = self.wrote.len() - before - narrowed;
        self.progress.say(&Event::Note(format!(
            "revoked in {:.1} s: {narrowed} narrowed, {deleted} deleted",
            started.elapsed().as_secs_f64()
        )));
    }

    /// Whether a write takes something away that pods or accounts may use.
    fn narrows(&self, step: &ObjectChange) -> bool {
        let id = &step.id;
        match (id.kind, step.action) {
            (Kind::NetworkPolicy, _) if id.name == DEFAULT_DENY => {
                let namespace = id.namespace.as_deref().unwrap_or_default();
                self.plan.live.has_namespace(namespace)
            }
            (Kind::NetworkPolicy, Action::Update | Action::Adopt) => {
                let live = self.plan.live.get(id).unwrap_or_default();
                union(&live, &self.body(id).value()).is_some()
            }
            (
                Kind::Role | Kind::ClusterRole | Kind::RoleBinding | Kind::ClusterRoleBinding,
                Action::Update,
            ) => true,
            _ => false,
        }
    }
}
