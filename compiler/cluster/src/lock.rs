//! One run at a time: a Lease in `erpc-system`. Whether its holder is alive is judged by our own
//! clock alone: a Lease that nobody renews for its whole duration is free. A holder that could not
//! renew stops writing before others may think it dead.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::inventory::{STATE_NAMESPACE, name};
use crate::kind::root;
use crate::object::{MANAGED_BY, TOOL};
use crate::request::Call;

/// How long a lease lasts that nobody renews.
const DURATION: Duration = Duration::from_secs(30);
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// Without a renewal for so long nothing is written any more.
const SAFE_FOR: Duration = Duration::from_secs(20);
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// Nobody waits longer for the end of a run.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(10);
/// On the Lease, by which a holder on the same machine can be seen to be dead at once.
const PROCESS: &str = "erpc.dev/process";

/// A lock that is held. It is renewed until it is released or dropped.
pub struct Lock {
    cluster: Arc<Cluster>,
    platform: String,
    state: Arc<State>,
    renewal: JoinHandle<()>,
}

struct State {
    lease: Mutex<Value>,
    renewed: Mutex<Instant>,
    is_lost: AtomicBool,
}

/// Whether a lock is still ours.
#[derive(Clone)]
pub(crate) struct Gauge {
    state: Arc<State>,
}

impl Gauge {
    /// Asked before each write: a process that was frozen finds that its time is over.
    pub(crate) fn is_ours(&self) -> bool {
        let is_fresh = self
            .state
            .renewed
            .lock()
            .is_ok_and(|renewed| renewed.elapsed() < SAFE_FOR);
        is_fresh && !self.state.is_lost.load(Ordering::Relaxed)
    }
}

/// Who holds a lock.
#[derive(Clone, Debug)]
pub struct Holder {
    /// `user@host/pid/nonce`.
    pub name: String,
    /// When it was taken, as the server's object says.
    pub since: String,
    /// When it was renewed last.
    pub renewed: String,
}

fn collection() -> String {
    format!(
        "{}/namespaces/{STATE_NAMESPACE}/leases",
        root("coordination.k8s.io", "v1")
    )
}

fn path(platform: &str) -> String {
    format!("{}/{}", collection(), name(platform))
}

fn now() -> String {
    let now = jiff::Timestamp::now();
    format!("{now:.6}")
}

/// The local user and machine: `user@host`.
pub(crate) fn local_user() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => std::env::var("HOSTNAME").unwrap_or_else(|_| "unknown".to_owned()),
        host => host.to_owned(),
    };
    format!("{user}@{host}")
}

fn identity() -> String {
    format!(
        "{}/{}/{:08x}",
        local_user(),
        std::process::id(),
        fastrand::u32(..)
    )
}

/// Machine, table of processes and process; `None` where the system does not say.
fn process() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let table = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!(
        "{}/{}/{}",
        boot.trim(),
        table.display(),
        std::process::id()
    ))
}

/// Whether the process that took a lease is on this machine and has ended.
fn is_surely_dead(lease: &Value) -> bool {
    let Some(holder) = lease["metadata"]["annotations"][PROCESS].as_str() else {
        return false;
    };
    let Some(own) = process() else { return false };
    let (Some((place, pid)), Some((own_place, _))) =
        (holder.rsplit_once('/'), own.rsplit_once('/'))
    else {
        return false;
    };
    place == own_place && !std::path::Path::new("/proc").join(pid).exists()
}

fn holder_of(lease: &Value) -> Option<Holder> {
    let text = |key: &str| lease["spec"][key].as_str().unwrap_or_default().to_owned();
    let name = text("holderIdentity");
    (!name.is_empty()).then(|| Holder {
        name,
        since: text("acquireTime"),
        renewed: text("renewTime"),
    })
}

fn spec(holder: &str, before: &Value) -> Value {
    let transitions = before["spec"]["leaseTransitions"].as_u64().unwrap_or(0);
    json!({
        "holderIdentity": holder,
        "leaseDurationSeconds": DURATION.as_secs(),
        "acquireTime": now(),
        "renewTime": now(),
        "leaseTransitions": transitions + 1,
    })
}

impl Lock {
    /// Takes the lock of a platform. A holder that is alive is waited for as long as `wait` says;
    /// `say` hears once what is waited for.
    ///
    /// # Errors
    ///
    /// Somebody else holds it and is alive, or the cluster's.
    pub async fn take(
        cluster: &Arc<Cluster>,
        platform: &str,
        wait: Duration,
        mut say: impl FnMut(String),
    ) -> Result<Self, Failure> {
        let identity = identity();
        let started = Instant::now();
        // The version of the lease, and since when it has been that one.
        let mut seen: Option<(String, Instant)> = None;
        let mut is_alive = false;
        loop {
            let (held, lease) = match try_take(cluster, platform, &identity).await? {
                Taken::Ours(lease) => return Ok(Self::hold(cluster, platform, lease)),
                Taken::Lost => continue,
                Taken::Held(held, lease) => (held, lease),
            };
            let version = lease["metadata"]["resourceVersion"].as_str().unwrap_or("");
            match &seen {
                Some((before, since)) if before == version => {
                    if since.elapsed() >= DURATION {
                        force_free(cluster, platform, &lease).await?;
                        continue;
                    }
                }
                Some(_) => {
                    is_alive = true;
                    seen = Some((version.to_owned(), Instant::now()));
                }
                None => {
                    say(format!(
                        "{} holds the lock since {}; waiting to see whether it is alive",
                        held.name, held.since
                    ));
                    seen = Some((version.to_owned(), Instant::now()));
                }
            }
            if is_alive && started.elapsed() >= wait {
                return Err(Failure::new(format!(
                    "another run is at work on `{platform}`: {} since {}",
                    held.name, held.since
                ))
                .help("wait for it with --wait-lock 10m, or end it; `erpc unlock` is for one that is gone"));
            }
            if cluster.is_stopping() {
                return Err(Failure::new("stopped while waiting for the lock"));
            }
            tokio::time::sleep(LOOKED_AT_EVERY).await;
        }
    }

    fn hold(cluster: &Arc<Cluster>, platform: &str, lease: Value) -> Self {
        let state = Arc::new(State {
            lease: Mutex::new(lease),
            renewed: Mutex::new(Instant::now()),
            is_lost: AtomicBool::new(false),
        });
        let renewal = tokio::spawn(renew(
            Arc::clone(cluster),
            platform.to_owned(),
            Arc::clone(&state),
        ));
        Self {
            cluster: Arc::clone(cluster),
            platform: platform.to_owned(),
            state,
            renewal,
        }
    }

    /// Whether it is still ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.gauge().is_ours()
    }

    /// What each write looks at.
    pub(crate) fn gauge(&self) -> Gauge {
        Gauge {
            state: Arc::clone(&self.state),
        }
    }

    /// Gives it back.
    pub async fn release(self) {
        self.renewal.abort();
        let Ok(mut lease) = self.state.lease.lock().map(|lease| lease.clone()) else {
            return;
        };
        lease["spec"]["holderIdentity"] = json!("");
        // A lock that cannot be given back runs out by itself.
        let call = Call::replace(&path(&self.platform), &lease).urgent();
        let _ = tokio::time::timeout(GIVEN_BACK_WITHIN, self.cluster.call(call)).await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

enum Taken {
    Ours(Value),
    Held(Holder, Value),
    /// Somebody was faster: look again.
    Lost,
}

async fn try_take(cluster: &Cluster, platform: &str, identity: &str) -> Result<Taken, Failure> {
    let annotations = process().map(|process| json!({ PROCESS: process }));
    let found = match cluster.call(Call::get(path(platform))).await {
        Ok(answer) => Some(answer.body),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let call = match found {
        None => Call::create(
            &collection(),
            &json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {
                    "name": name(platform),
                    "namespace": STATE_NAMESPACE,
                    "labels": { MANAGED_BY: TOOL },
                    "annotations": annotations,
                },
                "spec": spec(identity, &Value::Null),
            }),
        ),
        Some(mut lease) => {
            if let Some(holder) = holder_of(&lease)
                && holder.name != identity
                && !is_surely_dead(&lease)
            {
                return Ok(Taken::Held(holder, lease));
            }
            lease["spec"] = spec(identity, &lease);
            lease["metadata"]["annotations"] = annotations.unwrap_or(Value::Null);
            Call::replace(&path(platform), &lease)
        }
    };
    match cluster.call(call).await {
        Ok(answer) => Ok(Taken::Ours(answer.body)),
        Err(error) if error.code() == Some(409) => Ok(Taken::Lost),
        // The answer may be lost: the next look finds our own name.
        Err(ApiError::Unreachable(_)) if !cluster.is_stopping() => Ok(Taken::Lost),
        Err(error) => Err(error.into()),
    }
}

/// Takes the holder's name off a lease, if nobody has touched it since.
async fn force_free(cluster: &Cluster, platform: &str, lease: &Value) -> Result<(), Failure> {
    let mut lease = lease.clone();
    lease["spec"]["holderIdentity"] = json!("");
    match cluster.call(Call::replace(&path(platform), &lease)).await {
        Ok(_) => Ok(()),
        // It was renewed after all, or another was faster: the next look tells.
        Err(error) if error.code() == Some(409) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn renew(cluster: Arc<Cluster>, platform: String, state: Arc<State>) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        let Ok(mut lease) = state.lease.lock().map(|lease| lease.clone()) else {
            return;
        };
        lease["spec"]["renewTime"] = json!(now());
        let started = Instant::now();
        let call = Call::replace(&path(&platform), &lease).urgent();
        match cluster.call(call).await {
            Ok(answer) => {
                if let Ok(mut lease) = state.lease.lock() {
                    *lease = answer.body;
                }
                // From when it was asked: that is the latest that the server can count from.
                if let Ok(mut renewed) = state.renewed.lock() {
                    *renewed = started;
                }
            }
            Err(error) if matches!(error.code(), Some(404 | 409)) => {
                if !is_own_renewal(&cluster, &platform, &state).await {
                    state.is_lost.store(true, Ordering::Relaxed);
                    return;
                }
            }
            // `is_ours` counts the time.
            Err(_) => {}
        }
    }
}

/// A renewal whose answer was lost conflicts with itself.
async fn is_own_renewal(cluster: &Cluster, platform: &str, state: &State) -> bool {
    let Ok(answer) = cluster.call(Call::get(path(platform))).await else {
        return false;
    };
    let Ok(mut lease) = state.lease.lock() else {
        return false;
    };
    let is_ours = answer.body["spec"]["holderIdentity"] == lease["spec"]["holderIdentity"];
    if is_ours {
        *lease = answer.body;
    }
    is_ours
}

/// Who holds the lock of a platform.
///
/// # Errors
///
/// The cluster's.
pub async fn holder(cluster: &Cluster, platform: &str) -> Result<Option<Holder>, Failure> {
    match cluster.call(Call::get(path(platform))).await {
        Ok(answer) => Ok(holder_of(&answer.body)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Frees the lock of a platform, whoever holds it.
///
/// # Errors
///
/// The cluster's.
pub async fn unlock(cluster: &Cluster, platform: &str) -> Result<(), Failure> {
    let lease = match cluster.call(Call::get(path(platform))).await {
        Ok(answer) => answer.body,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    force_free(cluster, platform, &lease).await
}

/// Deletes the lock of a platform that is gone.
pub(crate) async fn delete(cluster: &Cluster, lock: Lock) {
    let lease = lock.state.lease.lock().map(|lease| lease.clone());
    lock.renewal.abort();
    if let Ok(lease) = lease {
        let uid = lease["metadata"]["uid"].as_str().unwrap_or_default();
        // What is left is a lease without a holder's renewal: free in 30 s.
        let _ = cluster
            .call(Call::delete(&path(&lock.platform), uid, "Background"))
            .await;
    }
}
