//! What would change: lists first, the walk through `managedFields` next, and a dry run of
//! server-side apply for what is left. The dry run is the judge; the fields shown are those in
//! which its answer differs from the live object.

use std::collections::{BTreeSet, HashSet};

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};

use crate::client::Cluster;
use crate::diff::{FieldChange, differences};
use crate::equal::{is_certainly_equal, own_entry};
use crate::failure::{ApiError, Cause, Failure, Refusal};
use crate::identity;
use crate::inventory::is_labelled;
use crate::kind::Kind;
use crate::live::{Live, MissingSecret, missing_secrets};
use crate::object::{Desired, ObjectId, Program};
use crate::request::{Answer, Call};

/// How many calls a plan has under way; the limiter may allow fewer.
const IN_FLIGHT: usize = 16;
/// No field is ever taken from these: they would take it back, and the two would fight.
const CONTROLLERS: [&str; 5] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "horizontal-pod-autoscaler",
    "vpa",
];

/// What the user allows.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// `--prune`: delete what is not in the source any more.
    pub prune: bool,
    /// `--take-from MANAGER`: take the fields that this one owns.
    pub take_from: Vec<String>,
    /// `--replace NAME`: delete and make anew the objects of this name.
    pub replace: Vec<String>,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Create,
    /// Fields of it change.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// It is deleted.
    Prune,
    /// Its fields become ours, with the values that they have.
    Adopt,
    /// It cannot be done.
    Blocked,
}

impl Action {
    /// As plans show it.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Replace => '±',
            Self::Prune => '-',
            Self::Adopt => '=',
            Self::Blocked => '!',
        }
    }

    /// As JSON says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Prune => "prune",
            Self::Adopt => "adopt",
            Self::Blocked => "blocked",
        }
    }
}

/// One object that does not stay as it is.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which.
    pub id: ObjectId,
    /// What happens.
    pub action: Action,
    /// The fields, for what is there already.
    pub changes: Vec<FieldChange>,
    /// What follows: restarts, time without service.
    pub consequences: Vec<String>,
    /// Why it is blocked, and the way out.
    pub blocked: Option<Failure>,
    /// The API server's warnings.
    pub warnings: Vec<String>,
    /// The uid of the live object.
    pub uid: Option<String>,
    /// Whether nothing but the schema judged it, because its namespace is not there yet.
    pub is_unjudged: bool,
    /// Whether fields are taken from other managers, as the user said.
    pub is_forced: bool,
    /// Of the live object: what it was when it was planned.
    pub fingerprint: Option<String>,
}

/// A plan.
#[derive(Debug)]
pub struct Plan {
    /// What changes, sorted by namespace, name and kind.
    pub steps: Vec<Step>,
    /// How many objects stay as they are.
    pub unchanged: usize,
    /// Secrets that somebody must make first.
    pub missing_secrets: Vec<MissingSecret>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The connections that open and close; `None` where nothing has a say in them.
    pub flows: Option<crate::flows::FlowChanges>,
    /// Why nothing of it may be done.
    pub refused: Vec<Failure>,
    /// What the cluster holds.
    pub live: Live,
    /// What the user allowed.
    pub allowed: Allowed,
}

impl Plan {
    /// Reads the cluster and compares. Changes nothing.
    ///
    /// # Errors
    ///
    /// The cluster's. What blocks an object is in the plan.
    pub async fn of(
        cluster: &Cluster,
        program: &Program<'_>,
        allowed: &Allowed,
    ) -> Result<Self, Failure> {
        let live = Live::read(cluster, program).await?;
        let (identity, secrets) = futures_util::join!(
            identity::check(cluster, program),
            missing_secrets(cluster, program, &live)
        );
        let (mut refused, mut notes) = identity;
        let (missing_secrets, unchecked) = secrets;
        notes.extend(unchecked);
        refused.extend(wrong_inventory(cluster, program, &live));
        let (steps, unchanged) = judge_all(cluster, program, &live, allowed).await?;
        let mut plan = Self {
            steps,
            unchanged,
            missing_secrets,
            notes,
            flows: None,
            refused,
            live,
            allowed: allowed.clone(),
        };
        if let Some([before, after]) = plan.switched_profile(program) {
            plan.notes.push(format!(
                "{before} was applied last, and this is {after}: what that one had besides is pruned only with --prune and --confirm"
            ));
        }
        plan.find_leftovers(program);
        plan.find_flows(cluster, program).await?;
        plan.steps.sort_by(|a, b| order(&a.id).cmp(&order(&b.id)));
        Ok(plan)
    }

    /// Whether anything would be written: leftovers only where pruning is allowed.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.work().next().is_some()
    }

    /// The steps that an apply takes.
    pub fn work(&self) -> impl Iterator<Item = &Step> {
        let prunes = self.allowed.prune;
        self.steps
            .iter()
            .filter(move |step| step.action != Action::Prune || prunes)
    }

    /// Whether something must be decided or made before anything is written.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.missing_secrets.is_empty()
            || !self.refused.is_empty()
            || self.steps.iter().any(|step| step.action == Action::Blocked)
    }

    /// The profiles before and after, where another one was applied last: what is missing from the
    /// program then may only be off.
    #[must_use]
    pub fn switched_profile(&self, program: &Program<'_>) -> Option<[String; 2]> {
        let before = &self.live.inventory.as_ref()?.meta.profile;
        let name = |profile: &Option<String>| match profile {
            Some(name) => format!("the profile `{name}`"),
            None => "no profile".to_owned(),
        };
        (*before != program.profile).then(|| [name(before), name(&program.profile)])
    }

    /// How many steps of a kind there are.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|s| s.action == action).count()
    }

    /// Finds out which connections the plan opens and closes.
    async fn find_flows(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
    ) -> Result<(), Failure> {
        if !self.work().any(|step| crate::flows::matters(step.id.kind)) {
            return Ok(());
        }
        let pruned: BTreeSet<ObjectId> = self
            .work()
            .filter(|step| step.action == Action::Prune)
            .map(|step| step.id.clone())
            .collect();
        let flows = crate::flows::of_plan(cluster, program, &self.live, &pruned).await?;
        self.flows = Some(flows);
        Ok(())
    }

    /// Adds what the inventory lists and the program does not.
    fn find_leftovers(&mut self, program: &Program<'_>) {
        let Some(inventory) = &self.live.inventory else {
            return;
        };
        if program.objects.is_empty() {
            return;
        }
        let mut kept = Vec::new();
        for id in &inventory.objects {
            if program.object(id).is_some() {
                continue;
            }
            let Some(live) = self.live.objects.get(id) else {
                continue;
            };
            match why_kept(id, live, program.name()) {
                Some(why) => kept.push(format!(
                    "{id} is not in the source any more and stays: {why}"
                )),
                None => self.steps.push(Step {
                    uid: uid(live),
                    fingerprint: Some(fingerprint(live)),
                    ..step(id, Action::Prune)
                }),
            }
        }
        self.notes.extend(kept);
    }
}

/// By namespace and name, so that the objects of a service stand together.
fn order(id: &ObjectId) -> (Option<&str>, &str, Kind) {
    (id.namespace.as_deref(), &id.name, id.kind)
}

fn step(id: &ObjectId, action: Action) -> Step {
    Step {
        id: id.clone(),
        action,
        changes: Vec::new(),
        consequences: Vec::new(),
        blocked: None,
        warnings: Vec::new(),
        uid: None,
        is_unjudged: false,
        is_forced: false,
        fingerprint: None,
    }
}

fn blocked(id: &ObjectId, failure: Failure) -> Step {
    Step {
        blocked: Some(failure),
        ..step(id, Action::Blocked)
    }
}

pub(crate) fn uid(live: &Value) -> Option<String> {
    live["metadata"]["uid"].as_str().map(str::to_owned)
}

/// Why something that is not in the source any more is not pruned.
pub(crate) fn why_kept(id: &ObjectId, live: &Value, platform: &str) -> Option<&'static str> {
    match id.kind {
        Kind::Namespace => return Some("namespaces are never pruned; `erpc destroy` removes them"),
        Kind::PersistentVolumeClaim => return Some("volumes are never pruned"),
        Kind::StorageClass => return Some("storage classes are never pruned"),
        _ => {}
    }
    if !is_labelled(live, platform) {
        return Some("it does not carry the platform's label any more");
    }
    if own_entry(live).is_none() {
        return Some("no field of it is erpc's any more");
    }
    if live["metadata"]["ownerReferences"]
        .as_array()
        .is_some_and(|owners| !owners.is_empty())
    {
        return Some("another object owns it");
    }
    if !live["metadata"]["annotations"]["erpc.dev/keep"].is_null() {
        return Some("it is annotated `erpc.dev/keep`");
    }
    None
}

fn wrong_inventory(cluster: &Cluster, program: &Program<'_>, live: &Live) -> Option<Failure> {
    let meta = &live.inventory.as_ref()?.meta;
    if meta.cluster != cluster.uid {
        return Some(
            Failure::new(format!(
                "the inventory of `{}` was written for another cluster (kube-system is {}, it names {})",
                program.name(),
                cluster.uid,
                meta.cluster
            ))
            .help("the state of one cluster was restored into another: delete the ConfigMap in erpc-system, then plan again"),
        );
    }
    None
}

async fn judge_all(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
    allowed: &Allowed,
) -> Result<(Vec<Step>, usize), Failure> {
    let mut unchanged = 0;
    let mut doubtful = Vec::new();
    let mut steps = Vec::new();
    for desired in &program.objects {
        let found = live.objects.get(&desired.id);
        if found.is_some_and(|found| is_certainly_equal(&desired.body, found)) {
            unchanged += 1;
            continue;
        }
        if let Some(namespace) = &desired.id.namespace
            && live.namespace(namespace).is_none()
        {
            steps.push(Step {
                is_unjudged: true,
                ..step(&desired.id, Action::Create)
            });
            continue;
        }
        doubtful.push((desired, found));
    }
    let autoscalers = Autoscalers::of(program, live, allowed);
    let autoscalers = &autoscalers;
    let mut judged = stream::iter(doubtful)
        .map(|(desired, found)| judge(cluster, program, desired, found, allowed, autoscalers))
        .buffer_unordered(IN_FLIGHT);
    while let Some(judged) = judged.next().await {
        match judged? {
            Some(step) => steps.push(step),
            None => unchanged += 1,
        }
    }
    Ok((steps, unchanged))
}

/// The workloads whose number of replicas is an autoscaler's, by namespace and name.
struct Autoscalers {
    /// As the platform says it.
    desired: HashSet<(String, String)>,
    /// In the cluster, and still there when this plan is done.
    staying: HashSet<(String, String)>,
}

fn workload(id: &ObjectId) -> (String, String) {
    let namespace = id.namespace.as_deref().unwrap_or_default();
    (namespace.to_owned(), id.name.to_string())
}

fn scaled_by(id: &ObjectId, autoscaler: &Value) -> (String, String) {
    let target = autoscaler["spec"]["scaleTargetRef"]["name"].as_str();
    (workload(id).0, target.unwrap_or_default().to_owned())
}

impl Autoscalers {
    fn of(program: &Program<'_>, live: &Live, allowed: &Allowed) -> Self {
        let is_one = |id: &ObjectId| id.kind == Kind::HorizontalPodAutoscaler;
        let desired = program.objects.iter().filter(|object| is_one(&object.id));
        let found = live.objects.iter().filter(|(id, _)| is_one(id));
        Self {
            desired: desired
                .map(|object| scaled_by(&object.id, &object.body))
                .collect(),
            staying: found
                .filter(|(id, _)| !(allowed.prune && program.object(id).is_none()))
                .map(|(id, live)| scaled_by(id, live))
                .collect(),
        }
    }
}

/// Whether the only conflict is about the number that an autoscaler wrote, and it is or will be
/// gone.
fn is_left_by_autoscaler(
    desired: &Desired,
    found: Option<&Value>,
    refusal: &Refusal,
    autoscalers: &Autoscalers,
) -> bool {
    let is_scale_of = |manager: &str| {
        let entries = found.and_then(|live| live["metadata"]["managedFields"].as_array());
        let mut entries = entries.into_iter().flatten();
        entries.any(|entry| entry["manager"] == manager && entry["subresource"] == "scale")
    };
    let target = workload(&desired.id);
    !autoscalers.desired.contains(&target)
        && !autoscalers.staying.contains(&target)
        && conflicts(refusal).all(|cause| {
            cause.field == ".spec.replicas"
                && CONTROLLERS.contains(&manager_of(cause))
                && is_scale_of(manager_of(cause))
        })
}

/// The step for one object; `None` where it stays as it is.
async fn judge(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    found: Option<&Value>,
    allowed: &Allowed,
    autoscalers: &Autoscalers,
) -> Result<Option<Step>, Failure> {
    let id = &desired.id;
    if let Some(failure) = found.and_then(|live| terminating(id, live)) {
        return Ok(Some(blocked(id, failure)));
    }
    let (answer, is_forced) = match dry_run(cluster, desired, found, allowed, autoscalers).await {
        Ok(judged) => judged,
        Err(ApiError::Unreachable(message)) => {
            return Err(ApiError::Unreachable(message).into());
        }
        Err(ApiError::Refused(refusal)) => {
            let step = refused(cluster, program, desired, found, &refusal, allowed).await?;
            return Ok(Some(step));
        }
    };
    if answer.is_created {
        return Ok(Some(Step {
            warnings: answer.warnings,
            ..step(id, Action::Create)
        }));
    }
    let live = match found {
        Some(live) => live.clone(),
        // It is there without the platform's label.
        None => cluster.call(Call::get(id.path())).await?.body,
    };
    if let Some(failure) = terminating(id, &live) {
        return Ok(Some(blocked(id, failure)));
    }
    let mut changes = differences(&live, &answer.body);
    if id.kind.is_workload() && autoscalers.desired.contains(&workload(id)) {
        // The number is handed over, not reset.
        changes.retain(|change| change.path != "spec.replicas");
    }
    let is_ours = own_entry(&live).is_some();
    if changes.is_empty() {
        if is_ours && own_fields(&live) == own_fields(&answer.body) {
            return Ok(None);
        }
        return Ok(Some(Step {
            uid: uid(&live),
            is_forced,
            fingerprint: Some(fingerprint(&live)),
            ..step(
                id,
                if is_ours {
                    Action::Update
                } else {
                    Action::Adopt
                },
            )
        }));
    }
    Ok(Some(Step {
        consequences: consequences(id, &live, &answer.body, &changes),
        changes,
        warnings: answer.warnings,
        uid: uid(&live),
        is_forced,
        fingerprint: Some(fingerprint(&live)),
        ..step(id, Action::Update)
    }))
}

fn own_fields(live: &Value) -> Option<&Value> {
    own_entry(live).map(|entry| &entry["fieldsV1"])
}

fn terminating(id: &ObjectId, live: &Value) -> Option<Failure> {
    if live["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let mut finalizers: Vec<String> = ["metadata", "spec"]
        .into_iter()
        .flat_map(|part| live[part]["finalizers"].as_array().into_iter().flatten())
        .filter_map(|finalizer| finalizer.as_str().map(str::to_owned))
        .collect();
    finalizers.dedup();
    let conditions = live["status"]["conditions"].as_array();
    let mut remaining = conditions
        .into_iter()
        .flatten()
        .filter(|c| c["status"] == "True")
        .filter_map(|c| c["message"].as_str());
    let held = match remaining.find(|text| text.contains("finalizer") || text.contains("remain")) {
        Some(text) => format!(": {text}"),
        None if finalizers.is_empty() => String::new(),
        None => format!(": it waits for {}", finalizers.join(", ")),
    };
    Some(
        Failure::new(format!("{id} is being deleted{held}"))
            .help("wait until it is gone, or find out who removes the finalizer; erpc never does"),
    )
}

/// The server's judgement, by force only where the user said whose fields may be taken.
async fn dry_run(
    cluster: &Cluster,
    desired: &Desired,
    found: Option<&Value>,
    allowed: &Allowed,
    autoscalers: &Autoscalers,
) -> Result<(Answer, bool), ApiError> {
    let body = body_for(&desired.body, found.and_then(uid).as_deref());
    let call = Call::apply(&desired.id, &body).dry_run();
    match cluster.call(call.clone()).await {
        Err(ApiError::Refused(refusal))
            if refusal.is_field_conflict()
                && (may_take(&refusal, &allowed.take_from)
                    || is_left_by_autoscaler(desired, found, &refusal, autoscalers)) =>
        {
            Ok((cluster.call(call.forced()).await?, true))
        }
        Ok(answer) => Ok((answer, false)),
        Err(error) => Err(error),
    }
}

/// The body with the uid that it is meant for: an object that another deleted and made anew is
/// not the planned one.
pub(crate) fn body_for(body: &Value, uid: Option<&str>) -> Value {
    let mut body = body.clone();
    if let Some(uid) = uid {
        body["metadata"]["uid"] = json!(uid);
    }
    body
}

/// `conflict with "kubectl-edit" using apps/v1` gives `kubectl-edit`.
fn manager_of(cause: &Cause) -> &str {
    cause.message.split('"').nth(1).unwrap_or(&cause.message)
}

fn conflicts(refusal: &Refusal) -> impl Iterator<Item = &Cause> {
    let causes = refusal.causes.iter();
    causes.filter(|cause| cause.reason == "FieldManagerConflict")
}

fn may_take(refusal: &Refusal, take_from: &[String]) -> bool {
    conflicts(refusal).all(|cause| {
        let manager = manager_of(cause);
        !CONTROLLERS.contains(&manager) && take_from.iter().any(|taken| taken == manager)
    })
}

/// The step for an object that the server does not take.
async fn refused(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    found: Option<&Value>,
    refusal: &Refusal,
    allowed: &Allowed,
) -> Result<Step, Failure> {
    let id = &desired.id;
    if refusal.is_field_conflict() {
        return Ok(blocked(id, conflict(program, desired, found, refusal)));
    }
    if refusal.code == 422
        && let Some(live) = found
        && let Some(immutable) = immutable(desired, live, refusal)
    {
        return replace(cluster, desired, live, immutable, allowed).await;
    }
    Ok(blocked(id, explain(refusal, id)))
}

fn conflict(
    program: &Program<'_>,
    desired: &Desired,
    found: Option<&Value>,
    refusal: &Refusal,
) -> Failure {
    let mut lines = Vec::new();
    let mut managers = BTreeSet::new();
    for cause in conflicts(refusal) {
        let field = cause.field.trim_start_matches('.');
        let manager = manager_of(cause);
        managers.insert(manager.to_owned());
        let ours = at(&desired.body, field);
        let theirs = found.map_or("?".to_owned(), |live| at(live, field));
        let place = program.place(desired, field).unwrap_or_default();
        let since = found.and_then(|live| since(live, manager));
        let since = since.map_or_else(String::new, |time| format!(" since {time}"));
        lines.push(format!(
            "{field} is {manager}'s{since}: the cluster has {theirs}, the source says {ours} ({place})"
        ));
    }
    let is_controllers = managers.iter().any(|m| CONTROLLERS.contains(&m.as_str()));
    let failure = Failure::new(lines.join("; "));
    if is_controllers {
        return failure.help("a controller keeps it: leave the field out of the source, or remove the controller; an autoscaler that left the source goes with --prune");
    }
    let takes: Vec<String> = managers
        .iter()
        .map(|manager| format!("--take-from {manager}"))
        .collect();
    failure.help(format!(
        "take it with {}, or let the source say what the cluster has",
        takes.join(" ")
    ))
}

/// The value at `spec.template.spec.containers[name="a"].image`, as the server writes paths.
fn at(object: &Value, field: &str) -> String {
    let mut value = object;
    for part in field.split('.') {
        let (name, key) = match part.split_once('[') {
            Some((name, key)) => (name, Some(key.trim_end_matches(']'))),
            None => (part, None),
        };
        value = &value[name];
        if let Some((key, wanted)) = key.and_then(|key| key.split_once('=')) {
            let wanted = wanted.trim_matches('"');
            let items = value.as_array();
            let item = items
                .into_iter()
                .flatten()
                .find(|item| crate::diff::plain(&item[key]) == wanted);
            let Some(item) = item else {
                return "nothing".to_owned();
            };
            value = item;
        }
    }
    match value {
        Value::Null => "nothing".to_owned(),
        value => crate::diff::shown(value),
    }
}

fn since(live: &Value, manager: &str) -> Option<String> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let entry = entries.iter().find(|entry| entry["manager"] == manager)?;
    entry["time"].as_str().map(str::to_owned)
}

/// What can only be changed by a new object.
struct Immutable {
    field: &'static str,
    consequence: String,
}

/// Whether a refusal is about a field of the table of immutable fields; a 422 alone says nothing.
fn immutable(desired: &Desired, live: &Value, refusal: &Refusal) -> Option<Immutable> {
    let differs = |path: &str| desired.body.pointer(path) != live.pointer(path);
    let says = |field: &str| refusal.causes.iter().any(|c| c.field.starts_with(field));
    let back_to_back = |field| Immutable {
        field,
        consequence: "deleted and made anew at once".to_owned(),
    };
    match desired.id.kind {
        Kind::StatefulSet if says("spec") => {
            let fields = ["volumeClaimTemplates", "serviceName", "podManagementPolicy"];
            let field = fields
                .into_iter()
                .find(|field| differs(&format!("/spec/{field}")))?;
            Some(Immutable {
                field,
                consequence: "made anew without touching its pods; claims keep their size"
                    .to_owned(),
            })
        }
        Kind::Deployment if says("spec.selector") => Some(Immutable {
            field: "selector",
            consequence: "down until the new pods are ready".to_owned(),
        }),
        Kind::Service if says("spec.clusterIP") => Some(back_to_back("clusterIP")),
        Kind::RoleBinding | Kind::ClusterRoleBinding if says("roleRef") => {
            Some(back_to_back("roleRef"))
        }
        Kind::ConfigMap if says("data") => Some(back_to_back("data")),
        Kind::StorageClass => Some(back_to_back("parameters")),
        Kind::Job if says("spec.template") => Some(back_to_back("template")),
        _ => None,
    }
}

async fn replace(
    cluster: &Cluster,
    desired: &Desired,
    live: &Value,
    immutable: Immutable,
    allowed: &Allowed,
) -> Result<Step, Failure> {
    let id = &desired.id;
    if let Some(failure) = judge_new_body(cluster, desired).await? {
        return Ok(blocked(id, failure));
    }
    let is_running = id.kind == Kind::Job
        && live["status"]["completionTime"].is_null()
        && live["status"]["active"].as_u64().unwrap_or(0) > 0;
    if is_running {
        return Ok(blocked(
            id,
            Failure::new(format!("{id} runs, and its template cannot be changed"))
                .help("wait until it has ended, then plan again"),
        ));
    }
    if immutable.field == "volumeClaimTemplates" && !grows_only(&desired.body, live) {
        return Ok(blocked(
            id,
            Failure::new("a volume cannot become smaller or change its class or mode").help(
                "make a new volume under another name, copy the data, then remove the old one",
            ),
        ));
    }
    let name = id.name.as_str();
    if !allowed.replace.iter().any(|allowed| allowed == name) {
        return Ok(blocked(
            id,
            Failure::new(format!(
                "{} cannot be changed on a live {}: it must be {}",
                immutable.field, id.kind, immutable.consequence
            ))
            .help(format!("allow it with --replace {name}")),
        ));
    }
    Ok(Step {
        changes: differences(live, &desired.body)
            .into_iter()
            .filter(|change| change.path.contains(immutable.field))
            .collect(),
        consequences: vec![immutable.consequence],
        uid: uid(live),
        fingerprint: Some(fingerprint(live)),
        ..step(id, Action::Replace)
    })
}

/// Whether a kind's replacement leaves what it owns.
pub(crate) fn is_orphaning(kind: Kind) -> bool {
    kind == Kind::StatefulSet
}

fn grows_only(desired: &Value, live: &Value) -> bool {
    let templates = |object: &Value| {
        let templates = object["spec"]["volumeClaimTemplates"].as_array();
        templates.cloned().unwrap_or_default()
    };
    let (desired, live) = (templates(desired), templates(live));
    live.iter().all(|old| {
        let name = &old["metadata"]["name"];
        match desired.iter().find(|new| new["metadata"]["name"] == *name) {
            None => true,
            Some(new) => {
                let same = |key: &str| new["spec"][key] == old["spec"][key];
                let size = |claim: &Value| {
                    crate::quantity::parse(
                        claim["spec"]["resources"]["requests"]["storage"].as_str()?,
                    )
                };
                same("storageClassName")
                    && same("accessModes")
                    && size(new)
                        .zip(size(old))
                        .is_some_and(|(new, old)| new >= old)
            }
        }
    })
}

/// Whether the server would take the new object, asked under a name that nobody has.
async fn judge_new_body(cluster: &Cluster, desired: &Desired) -> Result<Option<Failure>, Failure> {
    let mut body = desired.body.clone();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("name");
        metadata.insert("generateName".to_owned(), json!("erpc-plan-"));
    }
    let collection = desired.id.kind.collection(desired.id.namespace.as_deref());
    match cluster
        .call(Call::create(&collection, &body).dry_run())
        .await
    {
        Ok(_) => Ok(None),
        Err(ApiError::Refused(refusal)) => Ok(Some(explain(&refusal, &desired.id))),
        Err(error) => Err(error.into()),
    }
}

/// A refusal in the words of who must act on it.
pub(crate) fn explain(refusal: &Refusal, id: &ObjectId) -> Failure {
    let message = refusal.message.trim().to_owned();
    if let Some(webhook) = refusal.dead_webhook() {
        return Failure::new(format!(
            "the admission webhook `{webhook}` does not answer, and nothing is taken without it"
        ))
        .help("bring its service back, or remove its webhook configuration");
    }
    if refusal.is_terminating() {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        return Failure::new(format!("namespace {namespace} is being deleted"))
            .help("wait until it is gone, then apply again");
    }
    if refusal.is_rbac() {
        return Failure::new(message)
            .help("`erpc rbac` prints the rights that this platform needs");
    }
    if message.contains("exceeded quota") {
        return Failure::new(message)
            .help("raise the namespace's quota, or ask for less in the source");
    }
    if message.contains("violates PodSecurity") {
        return Failure::new(message)
            .help("the namespace's Pod Security level forbids it: change the workload or the namespace's labels");
    }
    if message.contains("denied") || message.contains("ValidatingAdmissionPolicy") {
        return Failure::new(message)
            .help("an admission policy of the cluster forbids it: change the source, or ask who owns the policy");
    }
    if refusal.code == 422 || message.contains("field not declared") || refusal.code == 400 {
        return Failure::new(message).help(
            "the object is not what the API takes; a `patch` in the source is the usual reason",
        );
    }
    Failure::new(message)
}

fn consequences(id: &ObjectId, live: &Value, new: &Value, changes: &[FieldChange]) -> Vec<String> {
    let mut said = Vec::new();
    if !matches!(id.kind, Kind::Deployment | Kind::StatefulSet) {
        return said;
    }
    let replicas = new["spec"]["replicas"].as_u64().unwrap_or(1);
    let old = live["spec"]["replicas"].as_u64().unwrap_or(1);
    if changes.iter().any(|c| c.path.starts_with("spec.template")) {
        let pods = if old == 1 {
            "restarts 1 pod".to_owned()
        } else {
            format!("restarts {old} pods")
        };
        let how = match id.kind {
            Kind::StatefulSet if old > 1 => "one after another, each down while it restarts",
            Kind::StatefulSet => "down while it restarts",
            _ if new["spec"]["strategy"]["type"] == "Recreate" => {
                "down until the new ones are ready"
            }
            _ => "no downtime: each new one is ready before an old one goes",
        };
        said.push(format!("{pods}, {how}"));
    }
    if replicas != old && changes.iter().any(|c| c.path == "spec.replicas") {
        said.push(match replicas.cmp(&old) {
            std::cmp::Ordering::Less => format!("stops {} of {old} pods", old - replicas),
            _ => format!("starts {} more", replicas - old),
        });
    }
    said
}

/// What an object was, without what controllers write all the time.
pub(crate) fn fingerprint(live: &Value) -> String {
    use sha2::{Digest, Sha256};
    let mut declared = live.clone();
    if let Some(root) = declared.as_object_mut() {
        root.remove("status");
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            metadata.remove("resourceVersion");
            if let Some(annotations) = metadata
                .get_mut("annotations")
                .and_then(Value::as_object_mut)
            {
                annotations.remove("deployment.kubernetes.io/revision");
            }
        }
    }
    crate::object::hex(&Sha256::digest(declared.to_string().as_bytes()))
}

/// The name under which a number of replicas is held while an autoscaler takes over.
pub(crate) const SCALE_MANAGER: &str = "erpc-scale";

/// Whether our own apply owns the number of replicas, which a body without it would reset to one.
pub(crate) fn hands_over_replicas(desired: &Value, live: &Value) -> bool {
    desired["spec"]["replicas"].is_null()
        && own_entry(live).is_some_and(|e| !e["fieldsV1"]["f:spec"]["f:replicas"].is_null())
}

#[cfg(test)]
mod tests {
    use super::{at, grows_only};
    use serde_json::json;

    #[test]
    fn a_path_of_the_server_finds_its_value() {
        let object =
            json!({ "spec": { "containers": [{ "name": "a", "image": "x:1" }], "replicas": 3 } });
        assert_eq!(at(&object, "spec.replicas"), "3");
        assert_eq!(at(&object, "spec.containers[name=\"a\"].image"), "\"x:1\"");
        assert_eq!(at(&object, "spec.absent"), "nothing");
    }

    #[test]
    fn a_volume_may_grow_and_nothing_else() {
        let set = |size: &str, class: &str| {
            json!({ "spec": { "volumeClaimTemplates": [{
                "metadata": { "name": "data" },
                "spec": { "storageClassName": class, "resources": { "requests": { "storage": size } } },
            }] } })
        };
        assert!(grows_only(&set("10Gi", "a"), &set("5Gi", "a")));
        assert!(!grows_only(&set("5Gi", "a"), &set("10Gi", "a")));
        assert!(!grows_only(&set("5Gi", "b"), &set("5Gi", "a")));
    }
}
