//! Runs the pods of a probe, reads what they write, and takes them away again, whatever happened.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Attempt, Expects, MARK, PROBE_LABEL, Probe, Prober, manifest};
use crate::call::Call;
use crate::client::Cluster;
use crate::explain::explain;
use crate::failure::{ApiError, Failure};
use crate::inventory::line;
use crate::live::list;
use crate::manager::FieldManager;
use crate::object::{ObjectId, uid};
use crate::paint::Paint;
use crate::program::Program;
use crate::progress::Progress;
use crate::ready;
use crate::stop::Stop;
use crate::verdict::Verdict;
use erpc_emit::Kind;

const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);
/// So many pods at once: a namespace's quota may not admit more.
const AT_ONCE: usize = 16;
/// An image that does not come in this time does not come.
const PULL: Duration = Duration::from_secs(90);

/// What a pod saw of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It came about.
    Connected,
    /// No answer.
    TimedOut,
    /// The host answered that no process listens.
    Refused,
    /// The name has no address, or the pod may not ask for it.
    NoName,
    /// Something else, as the tool says it.
    Other(String),
    /// Nothing was tried; why.
    Untried(String),
}

impl Seen {
    fn from_word(word: &str) -> Self {
        match word.split([' ', ':']).next().unwrap_or_default() {
            "CONNECTED" => Self::Connected,
            "TIMEOUT" => Self::TimedOut,
            "REFUSED" => Self::Refused,
            "DNS" => Self::NoName,
            _ => Self::Other(word.to_owned()),
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Connected => "connected".to_owned(),
            Self::TimedOut => "no answer".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::NoName => "its name has no address there".to_owned(),
            Self::Other(text) => text.clone(),
            Self::Untried(why) => format!("not tried: {why}"),
        }
    }
}

/// One connection and what came of it.
#[derive(Clone, Debug)]
pub struct Probed {
    /// Who tried.
    pub who: String,
    /// What was tried.
    pub attempt: Attempt,
    /// What was seen.
    pub seen: Seen,
}

impl Probed {
    /// Whether the network does what the source says.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match (self.attempt.expects, &self.seen) {
            (Expects::Open, Seen::Connected) | (Expects::Closed, Seen::TimedOut) => Verdict::Good,
            (_, Seen::Untried(_) | Seen::Other(_))
            | (Expects::Closed, Seen::Refused | Seen::NoName) => Verdict::Unknown,
            (Expects::Open, Seen::TimedOut | Seen::Refused | Seen::NoName)
            | (Expects::Closed, Seen::Connected) => Verdict::Bad,
        }
    }

    fn meaning(&self) -> &'static str {
        match (self.attempt.expects, &self.seen) {
            (Expects::Open, Seen::Connected) => "as declared",
            (Expects::Closed, Seen::TimedOut) => "closed, as it must be",
            (Expects::Open, Seen::TimedOut) => {
                "declared, and it does not come through: is the service ready? `erpc status`, then `erpc drift`"
            }
            (Expects::Open, Seen::Refused) => {
                "it comes through and no process listens on that port: `erpc status`"
            }
            (Expects::Open, Seen::NoName) => {
                "its pods may not look up names, or there is no such Service: `erpc status`"
            }
            (Expects::Closed, Seen::Connected) => {
                "forbidden, and it comes through: the network plugin does not enforce the policies, or one of the cluster's own opens it: `erpc drift`"
            }
            (Expects::Closed, Seen::Refused) => {
                "refused by the network, or it came through and no process listened: cannot be told apart"
            }
            (Expects::Closed, Seen::NoName) => "the name was not found, so nothing was tried",
            (_, Seen::Other(_) | Seen::Untried(_)) => "cannot be told",
        }
    }
}

/// What came of a probe.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Every connection, in the order of the probers.
    pub probed: Vec<Probed>,
    /// What was not tried, and why.
    pub untried: Vec<String>,
    /// Whether the user asked to stop.
    pub is_interrupted: bool,
}

impl Outcome {
    /// How many came to this.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let verdicts = self.probed.iter().map(Probed::verdict);
        verdicts.filter(|of| *of == verdict).count()
    }
}

/// Makes the Jobs of a probe, reads what they say, and deletes them.
///
/// # Errors
///
/// The cluster's, or that a namespace of the platform is not there.
pub async fn run(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    probe: &Probe,
    progress: &mut Progress<'_>,
) -> Result<Outcome, Failure> {
    let mut stop = Stop::on_signals(cluster);
    let names: Vec<String> = program
        .platform
        .namespaces()
        .map(|(_, namespace)| namespace.name.value.to_string())
        .collect();
    let selector = program.selector();
    let services = list(cluster, Kind::Service, &selector, &names).await?;
    let addresses: BTreeMap<(String, String), String> = services
        .iter()
        .filter_map(|service| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let address = text(&service["spec"]["clusterIP"]).filter(|ip| ip != "None")?;
            let metadata = &service["metadata"];
            Some((
                (text(&metadata["namespace"])?, text(&metadata["name"])?),
                address,
            ))
        })
        .collect();
    if services.is_empty() {
        return Err(Failure::new(format!(
            "no Service of `{}` is in the cluster",
            program.name()
        ))
        .help("`erpc apply` first: what is not there cannot be called"));
    }
    let mut probers = probe.probers.clone();
    for attempt in probers.iter_mut().flat_map(|prober| &mut prober.attempts) {
        // An address needs no name server, which not every service may ask.
        let address = attempt.service.as_ref().and_then(|of| addresses.get(of));
        if let Some(address) = address {
            attempt.host.clone_from(address);
        }
    }
    let run = Run {
        platform: &probe.platform,
        image: &probe.image,
        namespaces: &names,
    };
    let probed = run_jobs(cluster, &run, &probers, &mut stop, progress).await?;
    Ok(Outcome {
        probed,
        untried: probe.untried.clone(),
        is_interrupted: stop.is_asked(),
    })
}

/// What all pods of a run share.
pub(crate) struct Run<'r> {
    pub(crate) platform: &'r str,
    pub(crate) image: &'r str,
    pub(crate) namespaces: &'r [String],
}

impl Run<'_> {
    fn selector(&self) -> String {
        format!("{PROBE_LABEL}={}", self.platform)
    }
}

/// Makes Jobs, some at a time, and reads them. None is left, not even of a run that was killed.
pub(crate) async fn run_jobs(
    cluster: &Arc<Cluster>,
    run: &Run<'_>,
    probers: &[Prober],
    stop: &mut Stop,
    progress: &mut Progress<'_>,
) -> Result<Vec<Probed>, Failure> {
    clean(cluster, run, stop).await?;
    let mut probed = Vec::new();
    for some in probers.chunks(AT_ONCE) {
        if stop.is_asked() {
            break;
        }
        let done = batch(cluster, run, some, stop, progress).await;
        // Whatever happened, the pods go.
        let cleaned = clean(cluster, run, stop).await;
        probed.extend(done?);
        cleaned?;
    }
    progress.clear();
    Ok(probed)
}

async fn batch(
    cluster: &Arc<Cluster>,
    run: &Run<'_>,
    probers: &[Prober],
    stop: &mut Stop,
    progress: &mut Progress<'_>,
) -> Result<Vec<Probed>, Failure> {
    let mut made = stream::iter(probers)
        .map(|prober| async move {
            let body = manifest(prober, run.platform, run.image);
            let manager = FieldManager::of(run.platform);
            let call = Call::apply(&prober.id, &body, manager.name());
            (prober, cluster.call(call).await)
        })
        .buffer_unordered(8);
    let mut waiting = Vec::new();
    while let Some((prober, answer)) = made.next().await {
        match answer {
            Ok(_) => waiting.push(prober),
            Err(ApiError::Refused(refusal)) => {
                let why = explain(&refusal, &prober.id);
                return Err(Failure::new(format!("{}: {}", prober.id, why.message))
                    .help(why.help.unwrap_or_else(|| {
                        "the probe runs in the platform's own namespaces, under their quotas and Pod Security".to_owned()
                    })));
            }
            Err(error) => return Err(error.into()),
        }
    }
    drop(made);
    let started = Instant::now();
    let mut ended: BTreeMap<String, BTreeMap<(String, String), Seen>> = BTreeMap::new();
    let mut failed: BTreeMap<String, String> = BTreeMap::new();
    while ended.len() + failed.len() < waiting.len() && !stop.asked_within(LOOKED_AT_EVERY).await {
        let pods = all(cluster, run, "pods").await?;
        for prober in &waiting {
            let key = key(&prober.id);
            if ended.contains_key(&key) || failed.contains_key(&key) {
                continue;
            }
            let pod = pods.iter().find(|pod| is_of(pod, &prober.id));
            match state(pod, started.elapsed()) {
                Pod::Ended(name) => {
                    let report = read(cluster, &prober.id, &name).await?;
                    ended.insert(key, report);
                }
                Pod::Stuck(why) => {
                    failed.insert(key, why);
                }
                Pod::Waits(what) => progress.waiting(&prober.who, &what),
            }
        }
        progress.tick();
    }
    Ok(waiting
        .iter()
        .flat_map(|prober| {
            let (ended, failed) = (ended.get(&key(&prober.id)), failed.get(&key(&prober.id)));
            prober.attempts.iter().map(move |attempt| Probed {
                who: prober.who.clone(),
                attempt: attempt.clone(),
                seen: seen(attempt, ended, failed),
            })
        })
        .collect())
}

fn key(id: &ObjectId) -> String {
    format!("{} {}", id.place(), line(id))
}

fn seen(
    attempt: &Attempt,
    ended: Option<&BTreeMap<(String, String), Seen>>,
    failed: Option<&String>,
) -> Seen {
    let expects = attempt.expects.as_str().to_owned();
    match (ended, failed) {
        (Some(report), _) => report
            .get(&(expects, attempt.to.clone()))
            .cloned()
            .unwrap_or_else(|| Seen::Untried("the pod ended before".to_owned())),
        (None, Some(why)) => Seen::Untried(why.clone()),
        (None, None) => Seen::Untried("stopped".to_owned()),
    }
}

enum Pod {
    Ended(String),
    Stuck(String),
    Waits(String),
}

fn state(pod: Option<&Value>, waited: Duration) -> Pod {
    let is_late = waited > PULL;
    let Some(pod) = pod else {
        return match is_late {
            true => Pod::Stuck("no pod could be made: see the events of its Job".to_owned()),
            false => Pod::Waits("no pod yet".to_owned()),
        };
    };
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    if ready::has_ended(pod) {
        return Pod::Ended(name.to_owned());
    }
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    let reason = waiting["reason"].as_str().unwrap_or_default();
    let is_lasting = matches!(
        reason,
        "ImagePullBackOff" | "InvalidImageName" | "CreateContainerConfigError"
    );
    let message = waiting["message"].as_str().unwrap_or_default();
    if is_lasting && is_late || reason == "InvalidImageName" {
        return Pod::Stuck(format!("{reason}: {message}; --image names another"));
    }
    if is_late && reason.is_empty() && pod["status"]["phase"] == "Pending" {
        return Pod::Stuck("no node takes its pod".to_owned());
    }
    Pod::Waits(match reason {
        "" => "runs".to_owned(),
        reason => reason.to_owned(),
    })
}

fn is_of(pod: &Value, job: &ObjectId) -> bool {
    let labels = &pod["metadata"]["labels"];
    pod["metadata"]["namespace"].as_str() == job.namespace.as_deref()
        && labels["batch.kubernetes.io/job-name"] == job.name.as_str()
}

/// What a pod wrote, by expectation and target.
async fn read(
    cluster: &Cluster,
    job: &ObjectId,
    pod: &str,
) -> Result<BTreeMap<(String, String), Seen>, Failure> {
    let namespace = job.namespace.as_deref().unwrap_or_default();
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log");
    let answer = cluster.call(Call::text(path)).await.map_err(|error| {
        Failure::new(format!(
            "the log of pod {namespace}/{pod} cannot be read: {error}"
        ))
        .help("`erpc rbac --probe` prints the rights that a probe needs")
    })?;
    let text = answer.body.as_str().unwrap_or_default().to_owned();
    Ok(report(&text))
}

fn report(log: &str) -> BTreeMap<(String, String), Seen> {
    let mut out = BTreeMap::new();
    for line in log.lines() {
        let Some(rest) = line.strip_prefix(MARK) else {
            continue;
        };
        let mut words = rest.trim_start().splitn(4, ' ');
        if let (Some(expects), Some(to), Some(_), Some(said)) =
            (words.next(), words.next(), words.next(), words.next())
        {
            out.insert((expects.to_owned(), to.to_owned()), Seen::from_word(said));
        }
    }
    out
}

/// All Jobs or pods of probes of this platform, whole or by namespace, as the account may.
async fn all(cluster: &Cluster, run: &Run<'_>, what: &str) -> Result<Vec<Value>, ApiError> {
    let path = |namespace: &str| match what {
        "pods" => format!("/api/v1/namespaces/{namespace}/pods"),
        _ => Kind::Job.collection(Some(namespace)),
    };
    let mut out = Vec::new();
    for namespace in run.namespaces {
        match cluster.list(&path(namespace), &run.selector()).await {
            Ok(found) => out.extend(found),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(out)
}

/// Deletes every Job of a probe of this platform, with its pods, and waits until they are gone.
async fn clean(cluster: &Cluster, run: &Run<'_>, stop: &Stop) -> Result<(), Failure> {
    let deadline = Instant::now() + PULL;
    loop {
        let jobs = all(cluster, run, "jobs").await?;
        for job in &jobs {
            let id = ObjectId::of(Kind::Job, job);
            let call = Call::delete(&id.path(), &uid(job).unwrap_or_default(), "Background");
            match cluster.call(call).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() || error.code() == Some(409) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let pods = all(cluster, run, "pods").await?;
        // Who asks to stop need not wait for pods that are ending.
        if jobs.is_empty() && pods.is_empty() || stop.is_asked() && jobs.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new("the pods of a probe do not end")
                .help(format!("kubectl delete jobs,pods -A -l {}", run.selector())));
        }
        tokio::time::sleep(LOOKED_AT_EVERY).await;
    }
}

/// Above so many lines only those that are not as declared are shown.
const MOST_LINES: usize = 40;

/// What came of a probe, for people.
#[must_use]
pub fn probe_text(outcome: &Outcome, paint: Paint) -> String {
    let mut out = String::new();
    let is_short = outcome.probed.len() > MOST_LINES;
    for probed in &outcome.probed {
        let verdict = probed.verdict();
        if is_short && verdict == Verdict::Good {
            continue;
        }
        let (sign, code) = verdict.sign();
        let place = probed.attempt.place.as_deref().unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{} {} → {}  {}  {}",
            paint.with(code, sign),
            probed.who,
            probed.attempt.to,
            probed.seen.describe(),
            paint.with("2", place)
        );
        if verdict != Verdict::Good {
            let _ = writeln!(out, "    {}", probed.meaning());
        }
    }
    for untried in &outcome.untried {
        let _ = writeln!(out, "{} not tried: {untried}", paint.with("2", "note:"));
    }
    let _ = writeln!(
        out,
        "{} of {} connections are as the source says; {} are not, {} cannot be told",
        outcome.count(Verdict::Good),
        outcome.probed.len(),
        outcome.count(Verdict::Bad),
        outcome.count(Verdict::Unknown)
    );
    out
}

/// For programs.
#[must_use]
pub fn probe_json(outcome: &Outcome) -> Value {
    let attempts: Vec<Value> = outcome
        .probed
        .iter()
        .map(|probed| {
            json!({
                "from": probed.who,
                "to": probed.attempt.to,
                "host": probed.attempt.host,
                "port": probed.attempt.port,
                "expected": probed.attempt.expects.as_str(),
                "seen": probed.seen.describe(),
                "verdict": probed.verdict().as_str(),
                "meaning": probed.meaning(),
                "source": probed.attempt.place,
            })
        })
        .collect();
    json!({
        "version": 1,
        "attempts": attempts,
        "untried": outcome.untried,
        "summary": {
            "ok": outcome.count(Verdict::Good),
            "failure": outcome.count(Verdict::Bad),
            "unknown": outcome.count(Verdict::Unknown),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{Probed, Seen, report};
    use crate::probe::{Attempt, Expects};
    use crate::verdict::Verdict;

    fn verdict(expects: Expects, seen: Seen) -> Verdict {
        let attempt = Attempt::new(expects, "a.b:c", "a", 1);
        let who = String::new();
        Probed { who, attempt, seen }.verdict()
    }

    #[test]
    fn a_line_of_a_report_is_read() {
        let read = report(
            "starting\nerpc-probe open a.b:c 10.0.0.1:80 CONNECTED\nerpc-probe closed a.d:e d.a.svc:80 DNS: lookup d.a.svc: no such host\nerpc-probe torn",
        );
        let of = |expects: &str, to: &str| read.get(&(expects.to_owned(), to.to_owned()));
        assert_eq!(of("open", "a.b:c"), Some(&Seen::Connected));
        assert_eq!(of("closed", "a.d:e"), Some(&Seen::NoName));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn only_what_was_surely_seen_is_a_verdict() {
        assert_eq!(verdict(Expects::Open, Seen::Connected), Verdict::Good);
        assert_eq!(verdict(Expects::Open, Seen::TimedOut), Verdict::Bad);
        assert_eq!(verdict(Expects::Open, Seen::Refused), Verdict::Bad);
        assert_eq!(verdict(Expects::Closed, Seen::TimedOut), Verdict::Good);
        assert_eq!(verdict(Expects::Closed, Seen::Connected), Verdict::Bad);
        assert_eq!(verdict(Expects::Closed, Seen::Refused), Verdict::Unknown);
        assert_eq!(verdict(Expects::Closed, Seen::NoName), Verdict::Unknown);
    }
}
