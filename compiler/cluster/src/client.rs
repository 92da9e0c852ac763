//! The way to a cluster: kubeconfig and context, the first words with the API server, and its
//! identity. What is wrong on the way is said with the next step.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::mpsc::UnboundedSender;

use crate::failure::{ApiError, Failure};
use crate::limiter::Limiter;
use crate::request::{Call, Verb};

/// How the user names a cluster.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `--kubeconfig FILE`; else `$KUBECONFIG`, `~/.kube/config`, the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context NAME`; else the current one.
    pub context: Option<String>,
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
    pub(crate) client: Mutex<Client>,
    pub(crate) access: Access,
    /// The context's name, or `in-cluster`.
    pub context: String,
    /// The address of the API server.
    pub url: String,
    /// The uid of `kube-system`, which no other cluster has.
    pub uid: String,
    /// `v1.37.2`.
    pub version: String,
    pub(crate) patience: Mutex<Duration>,
    pub(crate) limiter: Limiter,
    /// Set when the user asks to stop: no call is tried again.
    pub(crate) is_stopping: AtomicBool,
    /// How many requests were sent, and how many of them change something.
    pub(crate) requests: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) trouble: Mutex<Option<UnboundedSender<String>>>,
}

impl Cluster {
    /// Finds the cluster and asks who it is.
    ///
    /// # Errors
    ///
    /// There is no kubeconfig, it is broken, it has no such context, or nobody answers.
    pub async fn connect(access: &Access) -> Result<Self, Failure> {
        let (config, context) = config(access).await?;
        let url = config.cluster_url.to_string();
        let client = client(config)?;
        let mut cluster = Self {
            client: Mutex::new(client),
            access: access.clone(),
            context,
            url: url.trim_end_matches('/').to_owned(),
            uid: String::new(),
            version: String::new(),
            patience: Mutex::new(FIRST_PATIENCE),
            limiter: Limiter::new(),
            is_stopping: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            trouble: Mutex::new(None),
        };
        cluster.greet().await?;
        if let Ok(mut patience) = cluster.patience.lock() {
            *patience = PATIENCE;
        }
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
        let place = format!("context `{}` at {}", self.context, self.url);
        match error {
            ApiError::Unreachable(message) => {
                let low = message.to_lowercase();
                let help = if low.contains("not valid yet") || low.contains("notvalidyet") {
                    "the certificate begins later than this machine's clock says: compare `date` with the cluster's"
                } else if low.contains("certificate expired") || low.contains("expired certificate") {
                    "renew the cluster's certificates, unless this machine's clock is ahead: compare `date`"
                } else {
                    "start the cluster, or name another with --context or --kubeconfig"
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
        if let Ok(mut trouble) = self.trouble.lock() {
            *trouble = Some(to);
        }
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
        let (config, _) = config(&self.access).await?;
        let client = client(config)?;
        if let Ok(mut current) = self.client.lock() {
            *current = client;
        }
        Ok(())
    }

    pub(crate) fn client(&self) -> Option<Client> {
        self.client.lock().ok().map(|client| client.clone())
    }

    pub(crate) fn count(&self, verb: Verb, is_dry_run: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if verb.changes() && !is_dry_run {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn client(config: Config) -> Result<Client, Failure> {
    Client::try_from(config).map_err(|error| match error {
        kube::Error::Auth(error) => no_credentials(&error),
        other => Failure::new(format!(
            "the kubeconfig's certificates or keys cannot be used: {other}"
        ))
        .help("write the kubeconfig anew, with the tool that made the cluster"),
    })
}

/// Why the kubeconfig gives no credentials; of a command that it names, what that said last.
fn no_credentials(error: &kube::client::AuthError) -> Failure {
    use kube::client::AuthError as E;
    match error {
        E::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            Failure::new(format!(
                "the command that the kubeconfig names for credentials ended with {}: {}",
                out.status,
                last.unwrap_or("it said nothing").trim()
            ))
            .help("log in with that tool, then try again")
        }
        E::AuthExecStart(error) => Failure::new(format!(
            "the command that the kubeconfig names for credentials cannot be run: {error}"
        ))
        .help("install it, or name another context with --context"),
        E::AuthExecParse(_) | E::ExecPluginFailed => {
            Failure::new("the command that the kubeconfig names for credentials gave none")
                .help("run it by hand: it must print an ExecCredential with a status")
        }
        other => Failure::new(format!("the kubeconfig gives no credentials: {other}"))
            .help("log in again, or name another context with --context"),
    }
}

async fn config(access: &Access) -> Result<(Config, String), Failure> {
    let mut found = read(access).await?;
    // kube's own policy waits in silence, up to 1000 s; ours is in `request.rs`.
    found.0.default_retry = false;
    found.0.connect_timeout = Some(Duration::from_secs(3));
    Ok(found)
}

async fn read(access: &Access) -> Result<(Config, String), Failure> {
    let kubeconfig = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let place = || match &access.kubeconfig {
        Some(path) => path.display().to_string(),
        None => std::env::var("KUBECONFIG").unwrap_or_else(|_| "~/.kube/config".to_owned()),
    };
    let kubeconfig = match kubeconfig {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            let is_in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
            if access.kubeconfig.is_none() && access.context.is_none() && is_in_pod {
                let config = Config::incluster().map_err(|error| {
                    Failure::new(format!("the pod's service account cannot be used: {error}"))
                })?;
                return Ok((config, "in-cluster".to_owned()));
            }
            return Err(unreadable(&place(), &error));
        }
    };
    let context = access
        .context
        .clone()
        .or_else(|| kubeconfig.current_context.clone())
        .filter(|name| !name.is_empty());
    let names: Vec<String> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
    let Some(context) = context else {
        return Err(
            Failure::new(format!("{} names no current context", place()))
                .help(format!("choose one with --context: {}", names.join(", "))),
        );
    };
    if !names.contains(&context) {
        let help = if names.is_empty() {
            "it has no context at all; the tool that makes clusters writes one".to_owned()
        } else {
            format!("it has {}", names.join(", "))
        };
        return Err(Failure::new(format!("{} has no context `{context}`", place())).help(help));
    }
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| {
            Failure::new(format!(
                "context `{context}` of {} cannot be used: {error}",
                place()
            ))
            .help("mend the cluster and user that the context names")
        })?;
    Ok((config, context))
}

fn unreadable(place: &str, error: &kube::config::KubeconfigError) -> Failure {
    use kube::config::KubeconfigError as E;
    match error {
        E::ReadConfig(error, _) if error.kind() == std::io::ErrorKind::NotFound => {
            Failure::new(format!("there is no kubeconfig at {place}"))
                .help("name one with --kubeconfig, or set KUBECONFIG")
        }
        E::ReadConfig(error, _) => Failure::new(format!("{place} cannot be read: {error}")),
        other => Failure::new(format!("{place} is not a kubeconfig: {other}"))
            .help("write it anew, with the tool that made the cluster"),
    }
}
