//! Carries out a [`Destruction`] that was confirmed. Policies outlive pods: what a pod needs stays in its
//! namespace until the pod has ended, and what does not end is named and waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::time::Instant;

use super::{DestroyOptions, Destruction, DoomedNamespace, Target, news, why_stays};
use crate::call::Call;
use crate::change::Action;
use crate::client::Cluster;
use crate::explain::explain;
use crate::failure::{ApiError, Failure};
use crate::inventory::{self, Inventory};
use crate::live::{finalizers, running_pods};
use crate::lock::{self, Lock};
use crate::object::{NAME, uid};
use crate::owner::{self, Deleted};
use crate::program::Program;
use crate::progress::{Event, Progress};
use crate::stop::Stop;
use erpc_emit::Kind;

const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);
/// How many deletions are under way at once.
const AT_ONCE: usize = 8;

/// How a destruction ended.
#[derive(Clone, Debug)]
pub enum Destroyed {
    /// There was nothing to delete.
    Nothing,
    /// All that was to go is gone.
    Done {
        /// How many objects were deleted.
        deleted: usize,
        /// What stays, and why.
        kept: Vec<String>,
    },
    /// Some of it is left.
    Partly {
        /// How many objects were deleted.
        deleted: usize,
        /// What is left, and why.
        left: Vec<String>,
    },
    /// Stopped by a signal.
    Interrupted {
        /// How many objects were deleted.
        deleted: usize,
    },
}

/// Plans, asks, and takes the platform off the cluster. `confirm` gets the plan, and whether it is another than
/// the one that it was asked about before.
///
/// # Errors
///
/// Whatever ends it before the first deletion.
pub async fn destroy(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    options: &DestroyOptions,
    progress: &mut Progress<'_>,
    confirm: &mut dyn FnMut(&Destruction, bool) -> Result<(), Failure>,
) -> Result<Destroyed, Failure> {
    let mut shown = Destruction::plan(cluster, program, options).await?;
    if shown.is_empty() {
        return Ok(Destroyed::Nothing);
    }
    confirm(&shown, false)?;
    inventory::prepare(cluster).await?;
    loop {
        let lock = Lock::take(cluster, program.name(), Duration::ZERO, |text| {
            progress.say(&Event::Note(text));
        })
        .await?;
        let checked = checked(cluster, program, options, &shown).await;
        match checked {
            Ok(None) => return carry_out(cluster, program, options, &shown, lock, progress).await,
            Ok(Some(fresh)) => {
                // A question must not keep other runs waiting.
                lock.release().await;
                confirm(&fresh, true)?;
                shown = fresh;
            }
            Err(failure) => {
                lock.release().await;
                return Err(failure);
            }
        }
    }
}

/// Plans again; the new plan where it is another than the one shown. Then asks the server whether it would
/// take every deletion, before the first.
async fn checked(
    cluster: &Cluster,
    program: &Program<'_>,
    options: &DestroyOptions,
    shown: &Destruction,
) -> Result<Option<Destruction>, Failure> {
    let fresh = Destruction::plan(cluster, program, options).await?;
    if !fresh.is_same(shown) {
        return Ok(Some(fresh));
    }
    let mut paths: Vec<String> = fresh.targets().map(|target| target.id.path()).collect();
    paths.push(inventory::path(program.name()));
    let mut answers = stream::iter(paths)
        .map(|path| cluster.call(Call::dry_delete(&path)))
        .buffer_unordered(2 * AT_ONCE);
    let mut denied = BTreeSet::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(ApiError::Refused(refusal)) => {
                denied.insert(refusal.message.trim().to_owned());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let Some(first) = denied.first() else {
        return Ok(None);
    };
    let more = match denied.len() {
        1 => String::new(),
        many => format!(" (and {} more refusals)", many - 1),
    };
    Err(
        Failure::new(format!("nothing was deleted: {first}{more}")).help(
            "`erpc rbac --destroy` prints the permissions that this needs; an admission webhook may refuse it, too",
        ),
    )
}

/// A run with the lock.
struct Run<'r, 'w> {
    cluster: &'r Arc<Cluster>,
    program: &'r Program<'r>,
    options: &'r DestroyOptions,
    plan: &'r Destruction,
    lock: &'r Lock,
    stop: Stop,
    progress: &'r mut Progress<'w>,
    deleted: usize,
    /// What is left, and why, by the namespace that it holds; empty for the whole cluster.
    left: BTreeMap<String, Vec<String>>,
    /// What was waited for in vain, so that it is not waited for again.
    given_up: BTreeSet<String>,
}

/// Why a run ends early.
enum Abort {
    Stopped,
    Failed(Failure),
}

impl From<ApiError> for Abort {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Failure> for Abort {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

async fn carry_out(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    options: &DestroyOptions,
    plan: &Destruction,
    lock: Lock,
    progress: &mut Progress<'_>,
) -> Result<Destroyed, Failure> {
    progress.expect(plan.len(), 0);
    let mut run = Run {
        cluster,
        program,
        options,
        plan,
        lock: &lock,
        stop: Stop::on_signals(cluster),
        progress,
        deleted: 0,
        left: BTreeMap::new(),
        given_up: BTreeSet::new(),
    };
    let ended = run.all().await;
    run.progress.clear();
    let (deleted, left) = (run.deleted, std::mem::take(&mut run.left));
    let left: Vec<String> = left.into_values().flatten().collect();
    match ended {
        Ok(()) if left.is_empty() => {
            lock::delete(cluster, lock).await;
            Ok(Destroyed::Done {
                deleted,
                kept: plan.kept.clone(),
            })
        }
        Ok(()) => {
            lock.release().await;
            Ok(Destroyed::Partly { deleted, left })
        }
        Err(Abort::Stopped) => {
            lock.release().await;
            Ok(Destroyed::Interrupted { deleted })
        }
        Err(Abort::Failed(failure)) => {
            lock.release().await;
            if deleted == 0 {
                return Err(failure);
            }
            let left = left.into_iter().chain([failure.to_string()]).collect();
            Ok(Destroyed::Partly { deleted, left })
        }
    }
}

impl Run<'_, '_> {
    async fn all(&mut self) -> Result<(), Abort> {
        let plan = self.plan;
        for wave in &plan.waves {
            self.delete_all(wave).await?;
            self.await_wave(wave).await?;
        }
        for name in self.namespaces() {
            self.empty_namespace(&name).await?;
        }
        for namespace in &plan.namespaces {
            self.delete_namespace(namespace).await?;
        }
        self.await_namespaces().await?;
        if !self.left.is_empty() {
            return Ok(());
        }
        self.delete_all(&plan.cluster_wide).await?;
        if self.left.is_empty() {
            Inventory::delete(self.cluster, self.program.name()).await?;
        }
        Ok(())
    }

    /// The namespaces in which something is deleted after the workloads.
    fn namespaces(&self) -> BTreeSet<String> {
        let volumes = self.plan.volumes.iter();
        let of_volumes = volumes.filter_map(|volume| volume.target.id.namespace.as_ref());
        let of_volumes = of_volumes.map(ToString::to_string);
        let rest = self.plan.rest.keys().cloned();
        rest.chain(of_volumes.filter(|_| self.options.data))
            .collect()
    }

    fn may_go_on(&self) -> Result<(), Abort> {
        if self.stop.is_asked() {
            return Err(Abort::Stopped);
        }
        if !self.lock.is_ours() {
            let failure = Failure::new("the lock could not be renewed; nothing more was deleted")
                .help("run `erpc destroy` again: it goes on from here");
            return Err(failure.into());
        }
        Ok(())
    }

    fn leave(&mut self, namespace: Option<&str>, why: String) {
        let namespace = namespace.unwrap_or_default().to_owned();
        self.left.entry(namespace).or_default().push(why);
    }

    async fn delete_all(&mut self, targets: &[Target]) -> Result<(), Abort> {
        self.may_go_on()?;
        let (cluster, manager) = (self.cluster, self.program.manager());
        let (stop, lock) = (self.stop.clone(), self.lock);
        let is_over = &|| stop.is_asked() || !lock.is_ours();
        let mut answers = stream::iter(targets)
            .map(|target| async move {
                if is_over() {
                    return (target, None);
                }
                let answer = owner::delete(cluster, manager, &target.id, &target.uid).await;
                (target, Some(answer))
            })
            .buffer_unordered(AT_ONCE);
        let mut left = Vec::new();
        while let Some((target, answer)) = answers.next().await {
            let id = &target.id;
            let why = match answer {
                Some(Ok(Deleted::Now(_))) => {
                    self.deleted += 1;
                    self.progress.say(&Event::Wrote {
                        object: id.to_string(),
                        action: Action::Prune,
                    });
                    self.progress.tick();
                    continue;
                }
                None | Some(Ok(Deleted::Before)) => continue,
                Some(Ok(Deleted::Others(owner))) => {
                    format!("{id}: it belongs to platform `{}` by now", owner.platform)
                }
                Some(Err(ApiError::Refused(refusal))) => {
                    format!("{id}: {}", explain(&refusal, id).message)
                }
                Some(Err(error)) => return Err(error.into()),
            };
            left.push((id.namespace.clone(), why));
        }
        drop(answers);
        for (namespace, why) in left {
            self.leave(namespace.as_deref(), why);
        }
        self.may_go_on()
    }

    /// Waits until the workloads of a wave and their pods have ended: what they need goes after them.
    async fn await_wave(&mut self, wave: &[Target]) -> Result<(), Abort> {
        let workloads: Vec<&Target> = wave
            .iter()
            .filter(|target| target.id.kind.is_workload() && target.id.kind != Kind::CronJob)
            .collect();
        let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for target in &workloads {
            let namespace = target.id.namespace.as_deref().unwrap_or_default();
            names
                .entry(namespace)
                .or_default()
                .insert(self.label(target).to_owned());
        }
        let mut patience = Patience::new(self.options.timeout);
        let mut gone: BTreeSet<&str> = BTreeSet::new();
        loop {
            let mut waits = Vec::new();
            for (namespace, names) in &names {
                for pod in self.pods(namespace, &mut patience).await? {
                    if self.is_of_one(namespace, &pod, names) {
                        waits.push(((*namespace).to_owned(), ending("Pod", &pod)));
                    }
                }
            }
            // A workload that is held by a finalizer runs on.
            for target in &workloads {
                if gone.contains(target.uid.as_str()) {
                    continue;
                }
                let live = self
                    .cluster
                    .find(target.id.path())
                    .await?
                    .unwrap_or_default();
                if uid(&live).as_deref() == Some(&target.uid) {
                    let namespace = target.id.namespace.as_deref().unwrap_or_default();
                    let kind = target.id.kind.as_str();
                    waits.push((namespace.to_owned(), ending(kind, &live)));
                } else {
                    gone.insert(&target.uid);
                }
            }
            if self.is_over(waits, &patience).await? {
                return Ok(());
            }
        }
    }

    /// Whether a pod is of one of these services: by its labels, or, of a service that is gone, by the label with its
    /// name.
    fn is_of_one(&self, namespace: &str, pod: &Value, names: &BTreeSet<String>) -> bool {
        let labels = &pod["metadata"]["labels"];
        match self.program.service_of_pod(namespace, labels) {
            Some(id) => names.contains(self.program.platform[id].name.value.as_str()),
            None => labels[NAME]
                .as_str()
                .is_some_and(|name| names.contains(name)),
        }
    }

    /// The service of a workload, by its name; of one that is gone, the name of the workload.
    fn label<'t>(&'t self, target: &'t Target) -> &'t str {
        let object = self.program.object(&target.id);
        match object.and_then(|object| object.service) {
            Some(service) => &self.program.platform[service].name.value,
            None => &target.id.name,
        }
    }

    /// The pods of the platform that have not ended.
    async fn pods(&self, namespace: &str, patience: &mut Patience) -> Result<Vec<Value>, Abort> {
        let running = running_pods(self.cluster, self.program, namespace).await?;
        for pod in &running {
            patience.extend(pod);
        }
        Ok(running)
    }

    /// Whether nothing is waited for any more; what does not end in time is left.
    async fn is_over(
        &mut self,
        mut waits: Vec<(String, Ending)>,
        patience: &Patience,
    ) -> Result<bool, Abort> {
        waits.retain(|(_, ending)| !self.given_up.contains(&ending.what));
        let waiting: BTreeSet<&str> = waits
            .iter()
            .map(|(_, ending)| ending.what.as_str())
            .collect();
        self.progress.wait_only_for(&waiting);
        if waits.is_empty() {
            return Ok(true);
        }
        for (_, ending) in &waits {
            self.progress.waiting(&ending.what, &ending.why);
        }
        self.progress.tick();
        if patience.is_over() {
            self.progress.wait_only_for(&BTreeSet::new());
            for (namespace, ending) in waits {
                let why = format!("{}: {}", ending.what, ending.why);
                self.progress.say(&Event::Refused {
                    object: ending.what.clone(),
                    source: None,
                    message: ending.why.clone(),
                    help: Some(
                        "what it needs stays: Services, policies, accounts and the namespace"
                            .to_owned(),
                    ),
                });
                self.given_up.insert(ending.what);
                self.leave(Some(&namespace), why);
            }
            return Ok(true);
        }
        if self.stop.asked_within(LOOKED_AT_EVERY).await {
            return Err(Abort::Stopped);
        }
        self.may_go_on()?;
        Ok(false)
    }

    /// Deletes what pods need, as soon as no pod of the platform is left in the namespace.
    async fn empty_namespace(&mut self, name: &str) -> Result<(), Abort> {
        let mut patience = Patience::new(self.options.timeout);
        loop {
            let pods = self.pods(name, &mut patience).await?;
            let waits = pods.iter().map(|pod| (name.to_owned(), ending("Pod", pod)));
            if self.is_over(waits.collect(), &patience).await? {
                break;
            }
        }
        if self.left.contains_key(name) {
            return Ok(());
        }
        let plan = self.plan;
        for group in plan.rest.get(name).into_iter().flatten() {
            self.delete_all(group).await?;
        }
        if !self.options.data {
            return Ok(());
        }
        let volumes = plan.volumes.iter().map(|volume| &volume.target);
        let own: Vec<Target> = volumes
            .filter(|target| target.id.namespace.as_deref() == Some(name))
            .cloned()
            .collect();
        self.delete_all(&own).await
    }

    /// Deletes a namespace, if nothing has come into it since that was confirmed.
    async fn delete_namespace(&mut self, namespace: &DoomedNamespace) -> Result<(), Abort> {
        self.may_go_on()?;
        let id = &namespace.target.id;
        let name = id.name.as_str();
        if self.left.contains_key(name) {
            return Ok(());
        }
        let (_, found) = self.plan.survey(self.cluster, name).await?;
        let news = news(&found, namespace);
        let why = match why_stays(&found, namespace.is_named, self.options.data) {
            Some(why) => Some(why),
            None if news.is_empty() => None,
            None => Some(format!(
                "{} is in it since this was confirmed",
                super::survey::listed(&news)
            )),
        };
        if let Some(why) = why {
            self.leave(Some(name), format!("{id}: {why}"));
            return Ok(());
        }
        self.delete_all(std::slice::from_ref(&namespace.target))
            .await
    }

    /// A namespace takes a quarter of a minute to go; one that does not go says what holds it.
    async fn await_namespaces(&mut self) -> Result<(), Abort> {
        let patience = Patience::new(self.options.timeout);
        loop {
            let mut waits = Vec::new();
            for namespace in &self.plan.namespaces {
                let name = namespace.target.id.name.as_str();
                if self.left.contains_key(name) {
                    continue;
                }
                match self
                    .cluster
                    .call(Call::get(namespace.target.id.path()))
                    .await
                {
                    Ok(answer) if uid(&answer.body).as_deref() == Some(&namespace.target.uid) => {
                        waits.push((name.to_owned(), ending("Namespace", &answer.body)));
                    }
                    Ok(_) => {}
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if self.is_over(waits, &patience).await? {
                return Ok(());
            }
        }
    }
}

/// Something that is waited for.
struct Ending {
    /// `Pod shop/web-0`.
    what: String,
    /// What keeps it.
    why: String,
}

fn ending(kind: &str, live: &Value) -> Ending {
    let metadata = &live["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let what = match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    let finalizers = finalizers(live);
    let conditions = live["status"]["conditions"].as_array();
    let mut held = conditions
        .into_iter()
        .flatten()
        .filter(|condition| kind == "Namespace" && condition["status"] == "True")
        .filter_map(|condition| condition["message"].as_str());
    let why = match (held.next(), finalizers.is_empty()) {
        (Some(held), _) => held.to_owned(),
        (None, false) => format!("waits for the finalizer {}", finalizers.join(", ")),
        (None, true) if metadata["deletionTimestamp"].is_null() => "runs".to_owned(),
        (None, true) => "is ending".to_owned(),
    };
    Ending { what, why }
}

/// How long something is waited for: as long as the user says, and the longest grace period of a pod.
struct Patience {
    since: Instant,
    timeout: Duration,
    grace: Duration,
}

impl Patience {
    fn new(timeout: Duration) -> Self {
        Self {
            since: Instant::now(),
            timeout,
            grace: Duration::ZERO,
        }
    }

    fn extend(&mut self, pod: &Value) {
        let of_deletion = pod["metadata"]["deletionGracePeriodSeconds"].as_u64();
        let seconds = of_deletion.or(pod["spec"]["terminationGracePeriodSeconds"].as_u64());
        self.grace = self.grace.max(Duration::from_secs(seconds.unwrap_or(0)));
    }

    fn is_over(&self) -> bool {
        self.since.elapsed() > self.timeout.saturating_add(self.grace)
    }
}
