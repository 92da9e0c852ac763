//! One run at a time: a Lease in `erpc-system`. Whether its holder is alive is judged by our own clock
//! alone: a Lease that is not renewed for its whole duration, while the API server answers, is free. A holder
//! that could not renew changes nothing until it has: the server may have been away, and then the Lease is
//! still its own, or another may have taken it, and then the run ends.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::hold::{Gauge, Hold, Moment};
use crate::mutex::held;
use crate::object::{MANAGED_BY, TOOL};
use crate::state::{STATE_NAMESPACE, name};
use erpc_emit::root;

/// How long a lease lasts that is not renewed.
const DURATION: Duration = Duration::from_secs(30);
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// Between two tries of a renewal that fails.
const RENEWED_AGAIN: Duration = Duration::from_millis(500);
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// Two looks at a lease that are further apart say nothing of its holder: the server was away.
const LOOKS_APART: Duration = Duration::from_secs(4);
/// The longest wait for the end of a run.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(10);
/// On the Lease, by which a holder on the same machine can be seen to be dead at once.
const PROCESS: &str = "erpc.dev/process";

/// A lock that is held. It is renewed until it is released or dropped.
pub struct Lock {
    cluster: Arc<Cluster>,
    platform: String,
    lease: Arc<Mutex<Value>>,
    gauge: Gauge,
    renewal: JoinHandle<()>,
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
    /// Another run holds it and is alive, or the cluster's.
    pub async fn take(
        cluster: &Arc<Cluster>,
        platform: &str,
        wait: Duration,
        mut say: impl FnMut(String),
    ) -> Result<Self, Failure> {
        let identity = identity();
        let started = Instant::now();
        let mut seen: Option<Quiet> = None;
        let mut is_alive = false;
        loop {
            let (holder, lease) = match try_take(cluster, platform, &identity).await? {
                Taken::Ours(lease) => return Ok(Self::hold(cluster, platform, lease)),
                Taken::Lost => continue,
                Taken::Held(holder, lease) => (holder, lease),
            };
            let version = lease["metadata"]["resourceVersion"].as_str().unwrap_or("");
            match &mut seen {
                Some(quiet) if quiet.version == version => {
                    if quiet.look() >= DURATION {
                        force_free(cluster, platform, &lease).await?;
                        continue;
                    }
                }
                Some(_) => {
                    is_alive = true;
                    seen = Some(Quiet::of(version));
                }
                None => {
                    say(format!(
                        "{} holds the lock since {}; waiting to see whether it is alive",
                        holder.name, holder.since
                    ));
                    seen = Some(Quiet::of(version));
                }
            }
            if is_alive && started.elapsed() >= wait {
                return Err(Failure::new(format!(
                    "another run is at work on `{platform}`: {} since {}",
                    holder.name, holder.since
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
        let (say, hold) = watch::channel(Hold::Ours(Moment::now()));
        let gauge = Gauge {
            hold,
            hurry: Arc::new(Notify::new()),
        };
        let lease = Arc::new(Mutex::new(lease));
        let renewal = Renewal {
            cluster: Arc::clone(cluster),
            platform: platform.to_owned(),
            lease: Arc::clone(&lease),
            hurry: Arc::clone(&gauge.hurry),
            say,
        };
        cluster.guard_by(Some(gauge.clone()));
        Self {
            cluster: Arc::clone(cluster),
            platform: platform.to_owned(),
            lease,
            gauge,
            renewal: tokio::spawn(renewal.run()),
        }
    }

    /// Whether it is not known to be lost. What changes something waits until it is surely ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.lost().is_none()
    }

    /// Why it is lost for good, if it is.
    #[must_use]
    pub fn lost(&self) -> Option<String> {
        self.gauge.lost()
    }

    /// What each write looks at.
    pub(crate) fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }

    /// Gives it back. One that cannot be given back runs out by itself.
    pub async fn release(self) {
        self.renewal.abort();
        if !self.is_ours() {
            return;
        }
        let mut lease = held(&self.lease).clone();
        lease["spec"]["holderIdentity"] = json!("");
        let path = path(&self.platform);
        let given = self.cluster.call(Call::replace(&path, &lease).urgent());
        match tokio::time::timeout(GIVEN_BACK_WITHIN, given).await {
            // Whoever waits for it sees in 30 s that it is not renewed.
            Ok(Ok(_) | Err(_)) | Err(_) => {}
        }
    }
}

/// How long a lease has stayed as it is.
struct Quiet {
    version: String,
    /// What was seen of it; time in which the server did not answer does not count, because then the holder
    /// could not renew either.
    lasted: Duration,
    looked: Instant,
}

impl Quiet {
    fn of(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            lasted: Duration::ZERO,
            looked: Instant::now(),
        }
    }

    /// A look that finds the same version.
    fn look(&mut self) -> Duration {
        let passed = self.looked.elapsed();
        self.looked = Instant::now();
        if passed <= LOOKS_APART {
            self.lasted += passed;
        } else {
            // It gets its whole time again.
            self.lasted = Duration::ZERO;
        }
        self.lasted
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
        self.cluster.guard_by(None);
    }
}

enum Taken {
    Ours(Value),
    Held(Holder, Value),
    /// Another run was faster: look again.
    Lost,
}

async fn try_take(cluster: &Cluster, platform: &str, identity: &str) -> Result<Taken, Failure> {
    let annotations = process().map(|process| json!({ PROCESS: process }));
    let found = cluster.find(path(platform)).await?;
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
        )
        .recognized(),
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

/// Takes the holder's name off a lease, if no client has written it since.
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

/// Renews a lease until it is lost.
struct Renewal {
    cluster: Arc<Cluster>,
    platform: String,
    lease: Arc<Mutex<Value>>,
    hurry: Arc<Notify>,
    say: watch::Sender<Hold>,
}

/// How a renewal ended.
enum Renewed {
    /// It is ours with this version; surely so at this moment.
    Ours(Value, Moment),
    /// It is ours with this version, whose age is unknown: to be renewed from there.
    Stale(Value),
    /// It is another's.
    Lost(String),
    /// Unknown; the server may be away.
    Unknown(ApiError),
}

impl Renewal {
    async fn run(self) {
        // Since when nothing is known.
        let mut failing: Option<Instant> = None;
        let mut pause = RENEWED_EVERY;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.hurry.notified(), if failing.is_none() => {}
            }
            pause = RENEWED_EVERY;
            let started = Instant::now();
            match self.renew().await {
                Renewed::Ours(lease, moment) => {
                    *held(&self.lease) = lease;
                    failing = None;
                    self.say.send_replace(Hold::Ours(moment));
                }
                Renewed::Stale(lease) => {
                    *held(&self.lease) = lease;
                    pause = Duration::ZERO;
                }
                Renewed::Lost(why) => {
                    self.say.send_replace(Hold::Lost(why));
                    return;
                }
                Renewed::Unknown(error) => {
                    pause = RENEWED_AGAIN;
                    let since = *failing.get_or_insert(started);
                    // A call is given up after its patience, and this must not be sooner: calls that began
                    // with the outage wait for the lock when they get through.
                    if since.elapsed() > self.cluster.patience() + RENEWED_EVERY {
                        let seconds = since.elapsed().as_secs();
                        self.say.send_replace(Hold::Lost(format!(
                            "it could not be renewed for {seconds} s: {error}"
                        )));
                        return;
                    }
                }
            }
        }
    }

    async fn renew(&self) -> Renewed {
        let mut lease = held(&self.lease).clone();
        lease["spec"]["renewTime"] = json!(now());
        // From when it was asked: that is the latest that the server can count from.
        let moment = Moment::now();
        let path = path(&self.platform);
        let call = Call::replace(&path, &lease).urgent();
        match self.cluster.attempt(&call).await {
            Ok(answer) => Renewed::Ours(answer.body, moment),
            Err(error) if matches!(error.code(), Some(404 | 409)) => self.look(&lease).await,
            Err(error) => Renewed::Unknown(error),
        }
    }

    /// A renewal whose answer was lost conflicts with itself: the holder tells.
    async fn look(&self, own: &Value) -> Renewed {
        let call = Call::get(path(&self.platform)).urgent();
        match self.cluster.attempt(&call).await {
            Ok(answer) => {
                let holder = &answer.body["spec"]["holderIdentity"];
                if *holder == own["spec"]["holderIdentity"] {
                    return Renewed::Stale(answer.body);
                }
                Renewed::Lost(match holder.as_str().filter(|name| !name.is_empty()) {
                    Some(name) => format!("{name} has it now"),
                    None => "another run has had it meanwhile, or freed it".to_owned(),
                })
            }
            Err(error) if error.is_not_found() => Renewed::Lost("it is gone".to_owned()),
            Err(error) => Renewed::Unknown(error),
        }
    }
}

/// Who holds the lock of a platform.
///
/// # Errors
///
/// The cluster's.
pub async fn holder(cluster: &Cluster, platform: &str) -> Result<Option<Holder>, Failure> {
    let lease = cluster.find(path(platform)).await?;
    Ok(lease.as_ref().and_then(holder_of))
}

/// Frees the lock of a platform, whoever holds it.
///
/// # Errors
///
/// The cluster's.
pub async fn unlock(cluster: &Cluster, platform: &str) -> Result<(), Failure> {
    let Some(lease) = cluster.find(path(platform)).await? else {
        return Ok(());
    };
    force_free(cluster, platform, &lease).await
}

/// Deletes the lock of a platform that is gone.
pub(crate) async fn delete(cluster: &Cluster, lock: Lock) {
    lock.renewal.abort();
    let lease = held(&lock.lease).clone();
    let uid = lease["metadata"]["uid"].as_str().unwrap_or_default();
    let call = Call::delete(&path(&lock.platform), uid, "Background").urgent();
    match cluster.call(call).await {
        // What is left is a lease without a holder's renewal: free in 30 s.
        Ok(_) | Err(_) => {}
    }
}
