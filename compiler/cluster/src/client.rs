//! A cluster: the client for its API server, and what all calls to it share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc::UnboundedSender;

use crate::call::Verb;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::hold::Gauge;
use crate::kubeconfig::{Access, Target, target};
use crate::limiter::Limiter;
use crate::mutex::held;
use crate::permissions::{Reach, Rules};
use crate::transport;

/// How long calls are tried again until a cluster has answered once.
const FIRST_PATIENCE: Duration = Duration::from_secs(4);

/// A cluster that has answered.
pub struct Cluster {
    client: Mutex<Client>,
    pub(crate) access: Access,
    /// The context's name, or `in-cluster`.
    pub context: String,
    /// The address of the API server.
    pub url: String,
    /// The proxy that leads to it, without credentials.
    pub(crate) proxy: Option<String>,
    /// The uid of `kube-system`, which no other cluster has.
    pub uid: String,
    /// `v1.37.2`.
    pub version: String,
    patience: Mutex<Duration>,
    pub(crate) limiter: Limiter,
    /// Set when the user asks to stop: no call is tried again.
    pub(crate) is_stopping: AtomicBool,
    /// How many requests were sent, and how many of them change something.
    pub(crate) requests: AtomicU64,
    pub(crate) writes: AtomicU64,
    /// The rules of this account, by namespace.
    pub(crate) rules: Mutex<BTreeMap<String, Arc<Rules>>>,
    /// How much of it this account may see at once.
    pub(crate) reach: tokio::sync::OnceCell<Reach>,
    trouble: Mutex<Option<UnboundedSender<String>>>,
    /// Stands still while the server is away.
    pub(crate) clock: Clock,
    /// The lock that this run holds: nothing is changed while it may be another's.
    guard: Mutex<Option<Gauge>>,
}

impl Cluster {
    /// A cluster that has not answered yet.
    ///
    /// # Errors
    ///
    /// The kubeconfig is missing or invalid, or the context does not exist.
    pub(crate) async fn of(access: &Access) -> Result<Self, Failure> {
        let Target {
            config,
            context,
            proxy,
        } = target(access).await?;
        let url = config.cluster_url.to_string();
        let client = transport::client(config, proxy.as_ref(), access.command)?;
        Ok(Self {
            client: Mutex::new(client),
            access: access.clone(),
            context,
            url: url.trim_end_matches('/').to_owned(),
            proxy: proxy.map(|proxy| proxy.to_string()),
            uid: String::new(),
            version: String::new(),
            patience: Mutex::new(FIRST_PATIENCE),
            limiter: Limiter::new(),
            is_stopping: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            trouble: Mutex::new(None),
            rules: Mutex::default(),
            reach: tokio::sync::OnceCell::new(),
            clock: Clock::new(),
            guard: Mutex::new(None),
        })
    }

    /// `context test (https://127.0.0.1:6443, Kubernetes v1.37.2)`.
    #[must_use]
    pub fn describe(&self) -> String {
        format!(
            "context {} ({}, Kubernetes {})",
            self.context, self.url, self.version
        )
    }

    /// Says every delay that lasts to this channel.
    pub fn report_trouble(&self, to: UnboundedSender<String>) {
        *self.trouble() = Some(to);
    }

    pub(crate) fn trouble(&self) -> MutexGuard<'_, Option<UnboundedSender<String>>> {
        held(&self.trouble)
    }

    /// How long a call is tried again from now on.
    pub(crate) fn be_patient(&self, patience: Duration) {
        *held(&self.patience) = patience;
    }

    /// How long a call is tried again.
    pub(crate) fn patience(&self) -> Duration {
        *held(&self.patience)
    }

    /// From now on nothing is changed unless this lock is held; `None` once it is given back.
    pub(crate) fn guard_by(&self, guard: Option<Gauge>) {
        *held(&self.guard) = guard;
    }

    pub(crate) fn guard(&self) -> Option<Gauge> {
        held(&self.guard).clone()
    }

    /// No call is tried again from now on.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cluster::stop`] was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Requests so far, and those of them that changed something.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (
            self.requests.load(Ordering::Relaxed),
            self.writes.load(Ordering::Relaxed),
        )
    }

    /// Reads the kubeconfig again, whose credentials may be new.
    pub(crate) async fn renew(&self) -> Result<(), Failure> {
        let target = target(&self.access).await?;
        let proxy = target.proxy.as_ref();
        let client = transport::client(target.config, proxy, self.access.command)?;
        *held(&self.client) = client;
        Ok(())
    }

    pub(crate) fn client(&self) -> Client {
        held(&self.client).clone()
    }

    pub(crate) fn count(&self, verb: Verb, is_dry_run: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if verb.changes() && !is_dry_run {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }
}
