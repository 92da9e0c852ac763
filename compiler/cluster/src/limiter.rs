//! How many calls run at once: eight, half of that when the server suffers, a few more while it
//! does not. Measured on a real API server, eight writers are as fast as thirty-two.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::mutex::held;

const START: usize = 8;
const MOST: usize = 16;
/// So many good calls earn one more.
const GOOD_CALLS: usize = 20;
/// A call that takes longer is no good call, and several of them mean a slow server.
const SLOW: Duration = Duration::from_secs(1);

pub(crate) struct Limiter {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: usize,
    most: usize,
    in_flight: usize,
    good: usize,
    halved: Option<Instant>,
}

/// A place among the calls that run.
pub(crate) struct Slot<'l> {
    limiter: &'l Limiter,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                limit: START,
                most: MOST,
                in_flight: 0,
                good: 0,
                halved: None,
            }),
            freed: Notify::new(),
        }
    }

    /// At most this many at once, whatever the server bears.
    pub(crate) fn cap(&self, most: usize) {
        let mut state = held(&self.state);
        state.most = most.max(1);
        state.limit = state.limit.min(state.most);
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        held(&self.state).limit
    }

    pub(crate) async fn slot(&self) -> Slot<'_> {
        loop {
            let freed = self.freed.notified();
            if self.take() {
                return Slot { limiter: self };
            }
            freed.await;
        }
    }

    fn take(&self) -> bool {
        let mut state = held(&self.state);
        let is_free = state.in_flight < state.limit;
        if is_free {
            state.in_flight += 1;
        }
        is_free
    }

    /// What a call that has ended says of the server.
    pub(crate) fn learn(&self, took: Duration, suffers: bool) {
        let mut state = held(&self.state);
        if suffers || took > SLOW {
            state.good = 0;
            // One burst of answers is one sign.
            let is_new = state.halved.is_none_or(|at| at.elapsed() > SLOW);
            if is_new {
                state.limit = (state.limit / 2).max(1);
                state.halved = Some(Instant::now());
            }
            return;
        }
        state.good += 1;
        if state.good >= GOOD_CALLS && state.limit < state.most {
            state.good = 0;
            state.limit += 1;
            drop(state);
            self.freed.notify_one();
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        held(&self.limiter.state).in_flight -= 1;
        self.limiter.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{GOOD_CALLS, Limiter, MOST, START};
    use std::time::Duration;

    #[test]
    fn a_server_that_suffers_gets_half_once_for_a_burst() {
        let limiter = Limiter::new();
        for _ in 0..10 {
            limiter.learn(Duration::ZERO, true);
        }
        assert_eq!(limiter.limit(), START / 2);
    }

    #[test]
    fn good_calls_earn_more_up_to_the_most() {
        let limiter = Limiter::new();
        for _ in 0..GOOD_CALLS * 100 {
            limiter.learn(Duration::ZERO, false);
        }
        assert_eq!(limiter.limit(), MOST);
    }
}
