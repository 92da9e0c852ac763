//! What a run writes into the inventory and the history: before its first write all that is and will be, at its
//! end what exists.

use std::collections::BTreeSet;

use super::engine::Engine;
use super::outcome::Outcome;
use crate::change::Action;
use crate::failure::Failure;
use crate::history::HistoryResult;
use crate::inventory::Meta;
use crate::object::ObjectId;
use crate::progress::Event;
use erpc_emit::{DEFAULT_DENY, Kind};

impl Engine<'_, '_> {
    /// Writes into the history how the run ended; a run that ended well has done so.
    pub(super) async fn record(&mut self, outcome: &Outcome) {
        let result = match outcome {
            Outcome::Nothing | Outcome::Done => return,
            Outcome::Refused(_) => HistoryResult::Refused,
            Outcome::NotReady => HistoryResult::NotReady,
            Outcome::Partly(_) => HistoryResult::Partly,
            Outcome::Reverted(_) => HistoryResult::Reverted,
            Outcome::Interrupted => HistoryResult::Interrupted,
        };
        // A release that is not listed yet was not begun; and without the lock the list may be another's.
        if self.release.is_some() || !self.lock.is_ours() {
            return;
        }
        self.end_release(result);
        if let Err(failure) = self.inventory.write(self.cluster).await {
            let note = format!("the history does not show how this run ended: {failure}");
            self.progress.say(&Event::Note(note));
        }
    }

    pub(super) fn end_release(&mut self, result: HistoryResult) {
        let moved = self.plan.work().filter_map(|step| {
            let moved = step.moved.as_ref()?;
            let is_gone = self.wrote.contains(&step.id) && !moved.volumes.is_empty();
            is_gone.then(|| format!("{} to {}", step.id.place(), moved.to))
        });
        let moved = moved.collect();
        self.inventory.history.end(result, self.written, moved);
    }

    /// Lists the run as a release, with its content.
    pub(super) async fn begin_release(&mut self) {
        let Some(mut release) = self.release.take() else {
            return;
        };
        release.entry.planned = self.plan.work().count();
        release.entry.rollback_to = self.options.rollback_to;
        let history = &mut self.inventory.history;
        let note = history
            .begin(self.cluster, self.program.name(), release)
            .await;
        if let Some(note) = note {
            self.progress.say(&Event::Note(note));
        }
    }

    /// Writes the inventory with all that is and all that will be: whatever happens from here on,
    /// the next run knows of it.
    pub(super) async fn announce(&mut self) -> Result<(), Failure> {
        let mut objects: BTreeSet<ObjectId> = self.inventory.objects.clone();
        objects.extend(self.program.objects.iter().map(|object| object.id.clone()));
        let made = self
            .plan
            .steps
            .iter()
            .filter(|step| step.id.kind == Kind::Namespace && step.action == Action::Create)
            .map(|step| step.id.name.to_string());
        let mut namespaces = self.inventory.meta.namespaces.clone();
        namespaces.extend(made);
        let meta = Meta {
            namespaces,
            unclosed: self.unclosed(),
            is_complete: false,
            ..self.meta()
        };
        self.begin_release().await;
        self.inventory = self.inventory.with(meta, objects);
        self.inventory.write(self.cluster).await?;
        self.finish_intents().await
    }

    /// Namespaces that this run is the first to close. Until it has, a missing `default-deny` was not
    /// deleted by another.
    fn unclosed(&self) -> BTreeSet<String> {
        let denies =
            self.steps(|step| step.id.name == DEFAULT_DENY && step.action == Action::Create);
        let new = denies
            .iter()
            .filter(|step| !self.inventory.objects.contains(&step.id));
        let new = new.filter_map(|step| step.id.namespace.as_ref().map(ToString::to_string));
        new.chain(self.inventory.meta.unclosed.iter().cloned())
            .collect()
    }

    pub(super) fn meta(&self) -> Meta {
        Meta {
            platform: self.program.name().to_owned(),
            id: match self.program.source_id() {
                Some(id) => Some(id.to_owned()),
                None => self.inventory.meta.id.clone(),
            },
            cluster: self.cluster.uid.clone(),
            profile: match (self.program.only(), &self.plan.live.inventory) {
                ([], _) | (_, None) => self.program.profile.clone(),
                (_, Some(before)) => before.meta.profile.clone(),
            },
            digest: self.program.digest(),
            namespaces: self.inventory.meta.namespaces.clone(),
            intents: self.inventory.meta.intents.clone(),
            ..Meta::default()
        }
    }

    /// Writes the inventory with exactly what exists.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let blocked = self
            .plan
            .steps
            .iter()
            .filter(|s| s.action == Action::Blocked);
        let left_out = self.plan.left_out.iter().map(|left| &left.id);
        let unwritten: BTreeSet<&ObjectId> = blocked.map(|step| &step.id).chain(left_out).collect();
        let mut objects: BTreeSet<ObjectId> = self
            .program
            .objects
            .iter()
            .filter(|object| !unwritten.contains(&object.id) || self.plan.live.contains(&object.id))
            .map(|object| object.id.clone())
            .collect();
        // What is not in the source any more and was not deleted is still there.
        let prunes = self.options.allowed.prune;
        let gone = self.plan.steps.iter().filter(|step| match step.action {
            Action::Prune => prunes,
            action => action == Action::Move,
        });
        let gone: BTreeSet<&ObjectId> = gone.map(|step| &step.id).collect();
        let stays = |id: &&ObjectId| {
            self.program.is_outside(id) || self.plan.live.contains(id) && !gone.contains(*id)
        };
        objects.extend(self.inventory.objects.iter().filter(stays).cloned());
        // A run about a part has nothing of the rest.
        let before = self.plan.live.inventory.as_ref();
        let was_complete = before.is_some_and(|before| before.meta.is_complete);
        let meta = Meta {
            is_complete: self.program.only().is_empty() || was_complete,
            ..self.meta()
        };
        self.end_release(HistoryResult::Done);
        self.inventory = self.inventory.with(meta, objects);
        self.inventory.write(self.cluster).await
    }
}
