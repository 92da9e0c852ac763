//! Waiting for claims that were asked to grow, before their StatefulSets are replaced.

use std::time::Duration;

use tokio::time::sleep;

use super::engine::Engine;
use crate::call::Call;
use crate::change::Action;
use crate::claims::has_grown;
use crate::progress::Event;

/// A driver that takes longer goes on by itself, and `erpc status` shows how far it is.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

impl Engine<'_, '_> {
    /// Waits until the volumes have their new sizes. Whether the run goes on.
    pub(super) async fn await_growth(&mut self) -> bool {
        let mut claims = self.steps(|step| step.action == Action::Grow);
        if claims.is_empty() {
            return true;
        }
        self.progress
            .say(&Event::Phase("waiting for volumes to grow".to_owned()));
        let started = self.cluster.clock.now();
        while let Some(step) = claims.last() {
            let growing = match self.cluster.call(Call::get(step.id.path())).await {
                Ok(answer) => !has_grown(&answer.body),
                // It was deleted meanwhile: nothing is left to grow.
                Err(error) if error.is_not_found() => false,
                Err(error) => {
                    self.note(&step.clone(), Err(Some(error.into())));
                    return false;
                }
            };
            if !growing {
                claims.pop();
                continue;
            }
            if self.stop.is_asked() || !self.lock.is_ours() {
                return false;
            }
            if self.cluster.clock.since(started) > PATIENCE {
                break;
            }
            self.progress.tick();
            sleep(LOOKED_AT_EVERY).await;
        }
        for step in claims {
            self.progress.say(&Event::Note(format!(
                "{} is still being resized; `erpc status` shows it",
                step.id
            )));
        }
        true
    }
}
