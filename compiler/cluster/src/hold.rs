//! Whether the lock of a run is still its own: asked before each change.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Notify, watch};

/// Without a renewal for so long nothing is changed until there is one.
const SAFE_FOR: Duration = Duration::from_secs(20);

/// What is known of a lock that was taken.
#[derive(Clone, Debug)]
pub(crate) enum Hold {
    /// It was surely ours at this moment.
    Ours(Moment),
    /// It is another's, or may be, and stays so.
    Lost(String),
}

/// A moment by both clocks: the steady one stands still while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Whether it was less than this ago. A wall clock that was set back tells nothing.
    fn is_within(self, time: Duration) -> bool {
        self.steady.elapsed() < time && self.wall.elapsed().is_ok_and(|passed| passed < time)
    }
}

/// Whether a lock is still ours.
#[derive(Clone)]
pub(crate) struct Gauge {
    pub(crate) hold: watch::Receiver<Hold>,
    /// Asks for a renewal at once.
    pub(crate) hurry: Arc<Notify>,
}

impl Gauge {
    /// Why the lock is lost for good, if it is.
    pub(crate) fn lost(&self) -> Option<String> {
        match &*self.hold.borrow() {
            Hold::Ours(_) => None,
            Hold::Lost(why) => Some(why.clone()),
        }
    }

    /// Asked before each change: waits for a renewal where the last one was too long ago, as after an outage
    /// of the server or when the process was frozen.
    ///
    /// # Errors
    ///
    /// Why it is lost for good.
    pub(crate) async fn until_ours(&self) -> Result<(), String> {
        let mut hold = self.hold.clone();
        loop {
            match &*hold.borrow_and_update() {
                Hold::Ours(renewed) if renewed.is_within(SAFE_FOR) => return Ok(()),
                Hold::Ours(_) => {}
                Hold::Lost(why) => return Err(why.clone()),
            }
            self.hurry.notify_one();
            if hold.changed().await.is_err() {
                return Err("the lock was given back".to_owned());
            }
        }
    }
}
