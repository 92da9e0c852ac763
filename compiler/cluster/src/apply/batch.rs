//! Objects that do not need each other, written at the same time, and how each write went.

use futures_util::{StreamExt, stream};

use super::engine::Engine;
use super::steps::{Batch, Write};
use super::write::Writer;
use crate::call::Answer;
use crate::change::{Action, ObjectChange};
use crate::failure::Failure;
use crate::object::ObjectId;
use crate::progress::Event;

impl Engine<'_, '_> {
    /// Writes one batch after the other. Whether all went well.
    pub(super) async fn batches(&mut self, batches: Vec<Batch>) -> bool {
        for Batch { name, writes } in batches {
            if !self.batch(name, writes).await {
                return false;
            }
        }
        true
    }

    /// Writes objects that do not need each other. Whether all went well.
    pub(super) async fn batch(&mut self, name: &str, steps: Vec<Write>) -> bool {
        if steps.is_empty() {
            return true;
        }
        self.progress.say(&Event::Phase(name.to_owned()));
        let (replaced, steps): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|write| write.step.action == Action::Replace);
        for Write { step, body } in replaced {
            let result = self.replace(&step, &body.value()).await;
            self.note(&step, result);
        }
        let writer = self.writer();
        let writer = &writer;
        let mut results = stream::iter(steps)
            .map(|Write { step, body }| async move {
                let result = writer.write(&step, &body).await;
                (step, result)
            })
            .buffer_unordered(16);
        let mut is_well = self.failures.is_empty();
        let mut notes = Vec::new();
        while let Some((step, result)) = results.next().await {
            match &result {
                Ok(_) => {
                    self.count(&step);
                    self.progress.say(&Event::Wrote {
                        object: step.id.to_string(),
                        action: step.action,
                    });
                }
                Err(_) => {
                    is_well = false;
                    notes.push((step, result));
                }
            }
            while let Ok(trouble) = self.trouble.try_recv() {
                self.progress.say(&Event::Trouble(trouble));
            }
            self.progress.tick();
        }
        drop(results);
        for (step, result) in notes {
            self.note(&step, result);
        }
        is_well && !self.stop.is_asked() && self.lock.is_ours()
    }

    /// Makes the entries in `managedFields` the platform's that an earlier version of erpc or a platform
    /// that is taken over has left. Applied under the new name alone, a field that left the source would
    /// stay, and one with another value would be a conflict.
    pub(super) async fn rename_managers(&mut self) -> bool {
        let inherited = self.plan.inherited();
        if inherited.is_empty() {
            return true;
        }
        self.progress
            .say(&Event::Phase("renaming field managers".to_owned()));
        let writer = self.writer();
        let writer = &writer;
        let mut results = stream::iter(inherited)
            .map(|(id, from)| async move {
                let result = writer.rename(&id, &from).await;
                (id, result)
            })
            .buffer_unordered(16);
        let mut failed = Vec::new();
        while let Some((id, result)) = results.next().await {
            if let Err(failure) = result {
                failed.push((id, failure));
            }
            self.progress.tick();
        }
        drop(results);
        let is_well = failed.is_empty();
        for (id, failure) in failed {
            self.note_failure(&id, failure);
        }
        is_well
    }

    pub(super) fn writer(&self) -> Writer {
        Writer::new(
            self.cluster,
            self.program.manager(),
            self.stop.clone(),
            self.lock.gauge(),
        )
    }

    /// An object that is written twice, first for both revisions and then for the new one, counts once.
    pub(super) fn count(&mut self, step: &ObjectChange) {
        if self.wrote.insert(step.id.clone()) {
            self.written += 1;
        }
    }

    /// Takes note of how a write went.
    pub(super) fn note(
        &mut self,
        step: &ObjectChange,
        result: Result<Option<Answer>, Option<Failure>>,
    ) {
        let failure = match result {
            Ok(_) => {
                self.count(step);
                self.progress.say(&Event::Wrote {
                    object: step.id.to_string(),
                    action: step.action,
                });
                return;
            }
            Err(failure) => failure,
        };
        self.note_failure(&step.id, failure);
    }

    pub(super) fn note_failure(&mut self, id: &ObjectId, failure: Option<Failure>) {
        let Some(failure) = failure else {
            // It was not begun: the run is to stop, or has lost its lock. Both stay so.
            return;
        };
        let source = self
            .desired(id)
            .and_then(|object| self.program.place_of(object));
        self.progress.say(&Event::Refused {
            object: id.to_string(),
            source,
            message: failure.message.clone(),
            help: failure.help.clone(),
        });
        self.failures
            .push(Failure::new(format!("{id}: {}", failure.message)));
    }
}
