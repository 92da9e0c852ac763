//! The way to a cluster: kubeconfig and context, the first words with the API server, and its
//! identity. What is wrong on the way is said with the next step.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc::UnboundedSender;

use crate::access::{Reach, Rules};
use crate::clock::Clock;
use crate::failure::{ApiError, Failure};
use crate::kubeconfig::{Target, target};
use crate::limiter::Limiter;
use crate::lock::Gauge;
use crate::request::{Call, Verb};
use crate::transport;

/// How the user names a cluster.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `--kubeconfig FILE`; else `$KUBECONFIG`, `~/.kube/config`, the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context NAME`; else the current one.
    pub context: Option<String>,
    /// The command that asks, for the User-Agent header: `apply`.
    pub command: &'static str,
}

/// How long calls are tried again until a cluster has answered once.
const FIRST_PATIENCE: Duration = Duration::from_secs(4);
/// How long a chain of tries may take afterwards.
const PATIENCE: Duration = Duration::from_secs(120);
/// The oldest minor version with everything that is emitted: `matchLabelKeys` of spread
/// constraints, native sidecars and the retention policy of claims are on by default there.
const OLDEST_MINOR: u32 = 29;

/// A cluster that has answered.
pub struct Cluster {
    client: Mutex<Client>,
    pub(crate) access: Access,
    /// The context's name, or `in-cluster`.
    pub context: String,
    /// The address of the API server.
    pub url: String,
    /// The proxy that leads to it, without credentials.
    proxy: Option<String>,
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
    /// Finds the cluster and asks who it is.
    ///
    /// # Errors
    ///
    /// The kubeconfig is missing or invalid, the context does not exist, or the server does not answer.
    pub async fn connect(access: &Access) -> Result<Self, Failure> {
        let Target {
            config,
            context,
            proxy,
        } = target(access).await?;
        let url = config.cluster_url.to_string();
        let client = transport::client(config, proxy.as_ref(), access.command)?;
        let mut cluster = Self {
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
        };
        cluster.greet().await?;
        cluster.be_patient(PATIENCE);
        Ok(cluster)
    }

    async fn greet(&mut self) -> Result<(), Failure> {
        let version = match self.call(Call::get("/version")).await {
            Ok(answer) => answer.body,
            Err(error) => return Err(self.no_greeting(&error)),
        };
        let text = |key: &str| version[key].as_str().unwrap_or_default().to_owned();
        self.version = text("gitVersion");
        let digits = |text: String| -> Option<u32> {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let (Some(major), Some(minor)) = (digits(text("major")), digits(text("minor"))) else {
            return Err(Failure::new(format!(
                "what answers at {} is not a Kubernetes API server",
                self.url
            ))
            .help("see which server the context names: `kubectl config view --minify`"));
        };
        if major == 1 && minor < OLDEST_MINOR {
            return Err(Failure::new(format!(
                "the cluster runs Kubernetes {}, which is older than 1.{OLDEST_MINOR}",
                self.version
            ))
            .help("upgrade the cluster; what erpc emits needs fields of later versions"));
        }
        let system = self
            .call(Call::get("/api/v1/namespaces/kube-system"))
            .await
            .map_err(|error| self.no_greeting(&error))?;
        self.uid = system.body["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(())
    }

    fn no_greeting(&self, error: &ApiError) -> Failure {
        let through = self.proxy.as_ref();
        let through = through.map_or_else(String::new, |proxy| format!(" through {proxy}"));
        let place = format!("context `{}` at {}{through}", self.context, self.url);
        match error {
            ApiError::Unreachable(message) => {
                let low = message.to_lowercase();
                let help = if low.contains("not valid yet") || low.contains("notvalidyet") {
                    "the certificate begins later than this machine's clock says: compare `date` with the cluster's"
                } else if low.contains("certificate expired") || low.contains("expired certificate") {
                    "renew the cluster's certificates, unless this machine's clock is ahead: compare `date`"
                } else if self.proxy.is_some() {
                    "check the proxy, or exempt the API server from it with NO_PROXY; `proxy-url` of the kubeconfig always applies"
                } else {
                    "start the cluster, or name another with --context or --kubeconfig; a proxy is named by HTTPS_PROXY (ALL_PROXY is not read, as in kubectl)"
                };
                Failure::new(format!("no cluster answers for {place}: {message}")).help(help)
            }
            ApiError::Refused(refusal) if refusal.code == 401 => {
                Failure::new(format!("{place} does not accept the credentials of the kubeconfig"))
                    .help("they have expired or are another cluster's: log in again, or name another context with --context")
            }
            ApiError::Refused(refusal) if refusal.code == 403 => {
                Failure::new(format!("{place}: {}", refusal.message.trim()))
                    .help("ask who runs the cluster for the rights that `erpc rbac` prints")
            }
            ApiError::Refused(_) => Failure::new(format!("{place}: {error}")),
        }
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

/// What a mutex holds. Each of ours is valid after every statement that changes it, so that a panic of
/// another task leaves nothing half done, and is no reason to do without.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
