//! The clock of everything that waits for a cluster. It stands still while the API server is away: until
//! it is back nothing can become ready, and nothing that is seen meanwhile is news.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::mutex::held;

/// After an outage, controllers and watches need a while until they are at work again: their backoff
/// doubles, so that it is about as long as the outage was.
const SHORTEST_GRACE: Duration = Duration::from_secs(5);
const LONGEST_GRACE: Duration = Duration::from_secs(15);
/// A run hears from the server at least every ten seconds, when it renews its lock. Without a word for
/// longer, the server is away and that has not been noticed yet, or this process was frozen.
const MOST_SILENT: Duration = Duration::from_secs(15);

/// A clock that its clones share.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// When the server answered last.
    heard: Instant,
    /// When it began to be away, while it is.
    away: Option<Instant>,
    /// Until when it stands still although the server is back.
    back: Option<Instant>,
    /// How long it has stood still, without what is under way.
    stood: Duration,
}

impl State {
    /// Begins the pause that was not noticed, and ends the one that is over.
    fn settle(&mut self, now: Instant) {
        if self.away.is_none() && now.saturating_duration_since(self.heard) > MOST_SILENT {
            self.away = Some(self.heard);
        }
        if let (Some(away), Some(back)) = (self.away, self.back)
            && now >= back
        {
            self.stood += back - away;
            self.away = None;
            self.back = None;
        }
    }
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            heard: Instant::now(),
            away: None,
            back: None,
            stood: Duration::ZERO,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        held(&self.0)
    }

    /// The time, less all that the server was away.
    pub(crate) fn now(&self) -> Instant {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Instant {
        let mut state = self.state();
        state.settle(now);
        let time = state.away.unwrap_or(now);
        time.checked_sub(state.stood).unwrap_or(time)
    }

    /// How long ago a moment of this clock was.
    pub(crate) fn since(&self, moment: Instant) -> Duration {
        self.now().saturating_duration_since(moment)
    }

    /// The server has answered, whatever it said.
    pub(crate) fn heard(&self) {
        self.heard_at(Instant::now());
    }

    fn heard_at(&self, now: Instant) {
        let mut state = self.state();
        state.settle(now);
        state.heard = now;
        if let (Some(away), None) = (state.away, state.back) {
            let outage = now.saturating_duration_since(away);
            state.back = Some(now + outage.clamp(SHORTEST_GRACE, LONGEST_GRACE));
        }
    }

    /// The server did not answer, or ended a connection: it has been away since it answered last.
    pub(crate) fn missed(&self) {
        self.missed_at(Instant::now());
    }

    fn missed_at(&self, now: Instant) {
        let mut state = self.state();
        state.settle(now);
        state.back = None;
        if state.away.is_none() {
            state.away = Some(state.heard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use std::time::{Duration, Instant};

    #[test]
    fn it_stands_still_from_the_last_answer_until_a_while_after_the_next() {
        let clock = Clock::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        clock.heard_at(at(10));
        assert_eq!(clock.at(at(12)), at(12));
        clock.missed_at(at(14));
        assert_eq!(clock.at(at(17)), at(10));
        clock.missed_at(at(17));
        // Eight seconds after the last answer, so that the grace is eight seconds.
        clock.heard_at(at(18));
        assert_eq!(clock.at(at(19)), at(10));
        assert_eq!(clock.at(at(26)), at(10));
        assert_eq!(clock.at(at(31)), at(15));
    }

    #[test]
    fn it_does_not_run_on_when_nothing_is_heard() {
        let clock = Clock::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        clock.heard_at(at(10));
        assert_eq!(clock.at(at(20)), at(20));
        // The process was frozen.
        clock.heard_at(at(100));
        assert_eq!(clock.at(at(100)), at(10));
        clock.heard_at(at(110));
        assert_eq!(clock.at(at(120)), at(15));
    }

    #[test]
    fn an_outage_that_follows_another_at_once_is_one() {
        let clock = Clock::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        clock.heard_at(at(1));
        clock.missed_at(at(2));
        clock.heard_at(at(3));
        clock.missed_at(at(4));
        assert_eq!(clock.at(at(60)), at(1));
        clock.heard_at(at(60));
        clock.heard_at(at(70));
        assert_eq!(clock.at(at(76)), at(2));
    }
}
