//! Asked to stop: by Ctrl-C, by the system, or because the terminal went away. The first time
//! nothing new is begun; the second time the process ends at once, and the lock runs out by itself.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::client::Cluster;

/// Whether the user has asked.
#[derive(Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
}

impl Stop {
    /// Listens to the signals of the process from now on; a cluster's calls are not tried again
    /// once one has come.
    #[must_use]
    pub fn on_signals(cluster: &Arc<Cluster>) -> Self {
        let (say, asked) = watch::channel(false);
        let cluster = Arc::clone(cluster);
        tokio::spawn(async move {
            next_signal().await;
            cluster.stop();
            // No task may be waiting any more.
            let _ = say.send(true);
            next_signal().await;
            std::process::exit(130);
        });
        Self { asked }
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits a while; whether the user asked meanwhile.
    pub async fn asked_within(&mut self, time: std::time::Duration) -> bool {
        tokio::time::timeout(time, self.asked()).await.is_ok()
    }

    /// Waits until it is.
    pub async fn asked(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            // No task can ask any more.
            std::future::pending::<()>().await;
        }
    }
}

async fn next_signal() {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let mut signals: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    if signals.is_empty() {
        // A system that gives no signals asks for nothing.
        std::future::pending::<()>().await;
    }
    let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(any).await;
}
