//! Whether a service runs as it was applied, and when not, why not and what to do.
//!
//! Everything here is a pure function of what was observed and of how long each symptom has been
//! seen. Only pods of the new revision count: those of the old one are ending.

mod containers;
mod creation;
mod daemon_set;
mod deployment;
mod job;
mod nodes;
mod pods;
mod stateful_set;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use erpc_model::{Probes, ServiceId};
use serde_json::Value;

use crate::clock::Clock;
use crate::object::{ObjectId, Program};
use crate::path::FieldPath;
use crate::watch::{Observed, Watched};
use crate::workload;
use erpc_emit::Kind;

pub(crate) use pods::{has_ended, is_ready, statuses};

/// What is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The workload.
    pub id: ObjectId,
    /// The generation that our write gave it; older news are of before.
    pub generation: i64,
    /// The uid of what was written; empty if nothing of it was.
    pub uid: String,
    /// The Service whose endpoints its clients need, if it has ports.
    pub service: Option<String>,
    /// How long it may take to start, by its own probes.
    pub startup: Duration,
}

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As declared.
    Ready,
    /// In progress; the text says how far.
    Waiting(String),
    /// It will not get there by itself.
    Stalled(Stall),
}

/// Why a service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// A word for machines: `ImageNotFound`.
    pub reason: &'static str,
    /// What was seen.
    pub message: String,
    /// The next step.
    pub help: String,
    /// The pod, where one shows it.
    pub pod: Option<String>,
    /// The field of the workload that it is about, for the source line.
    pub field: Option<FieldPath>,
    /// The container whose last words help.
    pub container: Option<String>,
}

impl Stall {
    fn new(reason: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            help: help.into(),
            pod: None,
            field: None,
            container: None,
        }
    }
}

/// Since when each symptom has been seen, and the first words about it: a pause between two tries
/// of an image repeats less than the first try said.
#[derive(Debug)]
pub(crate) struct Symptoms {
    clock: Clock,
    since: HashMap<String, (Instant, String)>,
    /// There is but one look: what is wrong counts as wrong for long.
    is_one_look: bool,
    /// When the controller of a kind was last seen to take up something new.
    at_work: HashMap<Kind, Instant>,
}

/// Longer than any symptom is borne.
const LONG: Duration = Duration::from_secs(3600);

impl Symptoms {
    /// For a command that looks once.
    pub(crate) fn of_one_look(clock: Clock) -> Self {
        Self {
            is_one_look: true,
            ..Self::new(clock)
        }
    }

    /// The time by which symptoms count.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// For a command that looks again and again.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            since: HashMap::new(),
            is_one_look: false,
            at_work: HashMap::new(),
        }
    }

    /// A controller has looked at what was written; whether that is news tells that it is at work.
    fn observed(&mut self, kind: Kind, what: &str) {
        if !self.since.contains_key(what) {
            let now = self.clock.now();
            self.since.insert(what.to_owned(), (now, String::new()));
            self.at_work.insert(kind, now);
        }
    }

    /// Whether a controller has just taken up something else: then others wait for their turn.
    fn is_at_work(&self, kind: Kind) -> bool {
        let last = self.at_work.get(&kind);
        last.is_some_and(|at| self.clock.since(*at) < NO_CONTROLLER)
    }

    /// Since when a symptom has been seen, if it has.
    fn known(&self, symptom: &str) -> Option<(Duration, &str)> {
        if self.is_one_look {
            return Some((LONG, ""));
        }
        let (since, text) = self.since.get(symptom)?;
        Some((self.clock.since(*since), text))
    }

    fn seen(&mut self, symptom: &str, text: &str) -> (Duration, String) {
        // How long a pod has been starting cannot be seen in one look, and need not be a fault.
        let may_pass = ["unready", "unobserved", "unschedulable", "claims"];
        if self.is_one_look && !may_pass.iter().any(|end| symptom.ends_with(end)) {
            return (LONG, text.to_owned());
        }
        let now = self.clock.now();
        let entry = self
            .since
            .entry(symptom.to_owned())
            .or_insert_with(|| (now, text.to_owned()));
        if text.len() > entry.1.len() {
            text.clone_into(&mut entry.1);
        }
        (now.saturating_duration_since(entry.0), entry.1.clone())
    }
}

const NO_CONTROLLER: Duration = Duration::from_secs(20);
/// A pull, and a little more, beside what a service says of its own start.
const PULL: Duration = Duration::from_secs(150);
const LEAST_PATIENCE: Duration = Duration::from_secs(300);

impl Target {
    /// What is waited for of a service.
    pub(crate) fn of(program: &Program<'_>, service: ServiceId, generation: i64) -> Self {
        let model = &program.platform[service];
        let kind = Kind::of_workload(&model.workload);
        // A service has its workload; without one, this is the name that it would have.
        let name = program.workload(service).map(|object| &object.id.name);
        Self {
            id: ObjectId {
                namespace: Some(program.platform[model.namespace].name.value.clone()),
                kind,
                name: name.unwrap_or(&model.name.value).clone(),
            },
            generation,
            uid: String::new(),
            service: (!model.ports.is_empty() && !model.is_job())
                .then(|| model.name.value.to_string()),
            startup: startup(&model.main.probes),
        }
    }

    /// How long it is waited for.
    #[must_use]
    pub(crate) fn patience(&self) -> Duration {
        (self.startup + PULL).max(LEAST_PATIENCE)
    }

    pub(crate) fn watched(&self) -> Option<Watched> {
        workload::of_kind(self.id.kind)?.watched
    }
}

/// How long the probes give a container to start.
fn startup(probes: &Probes) -> Duration {
    let of = |probe: &Option<erpc_model::Sourced<erpc_model::Probe>>| {
        probe.as_ref().map_or(0, |probe| {
            let probe = &probe.value;
            probe.after.value.0 + probe.every.value.0 * u64::from(probe.fails.value)
        })
    };
    Duration::from_millis(of(&probes.startup) + of(&probes.ready))
}

/// How a service is, from what was observed.
pub(crate) fn assess(target: &Target, observed: &Observed, symptoms: &mut Symptoms) -> State {
    let Some(what) = target.watched() else {
        // A CronJob is accepted or not; its runs are `status`'s.
        return State::Ready;
    };
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let found = observed.get(what, namespace, &target.id.name);
    if let Some(stall) = deleted(target, what, found.as_ref(), observed) {
        return State::Stalled(stall);
    }
    let Some(live) = found else {
        return State::Waiting("not seen yet".to_owned());
    };
    let mut look = Look {
        target,
        observed,
        symptoms,
        namespace,
        live: &live,
    };
    if let Some(state) = look.unobserved() {
        return state;
    }
    match target.id.kind {
        Kind::StatefulSet => look.stateful_set(),
        Kind::DaemonSet => look.daemon_set(),
        Kind::Job => look.job(),
        _ => look.deployment(),
    }
}

/// The pods of earlier revisions, those that are ending included.
pub(crate) fn old_pods(target: &Target, observed: &Observed) -> Vec<Value> {
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let live = target
        .watched()
        .and_then(|what| observed.get(what, namespace, &target.id.name));
    let Some(live) = live else {
        return Vec::new();
    };
    match workload::of_kind(target.id.kind) {
        Some(kind) => kind.old_pods(observed, namespace, &live),
        None => Vec::new(),
    }
}

/// Whether what was written has been deleted by another since: the watch saw it go, or another object
/// has its name.
fn deleted(
    target: &Target,
    what: Watched,
    found: Option<&Value>,
    observed: &Observed,
) -> Option<Stall> {
    let uid = target.uid.as_str();
    if uid.is_empty() {
        return None;
    }
    let is_gone = observed.saw_deleted(what, uid);
    let is_ending = found.is_some_and(|live| {
        live["metadata"]["uid"] == uid && !live["metadata"]["deletionTimestamp"].is_null()
    });
    let how = match (is_gone, is_ending, found) {
        (true, _, Some(_)) => "was deleted and made anew by another client",
        (true, _, None) => "was deleted by another client",
        (false, true, _) => "is being deleted by another client",
        (false, false, _) => return None,
    };
    Some(Stall::new(
        "Deleted",
        format!("{} {how} after it was written", target.id),
        "find out who deletes it (the audit log of the API server names the client), then apply again",
    ))
}

/// A pod of a revision that never came up and blocks a StatefulSet: the controller replaces pods in
/// order, and waits for this one to become ready although the set has another revision by now
/// (kubernetes/kubernetes#67250). `is_back` if that revision was taken back.
pub(crate) fn blocking_pod(target: &Target, observed: &Observed, is_back: bool) -> Option<Value> {
    if target.id.kind != Kind::StatefulSet {
        return None;
    }
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let live = observed.get(Watched::StatefulSet, namespace, &target.id.name)?;
    let generation = number(&live["metadata"]["generation"]);
    let is_seen = generation >= target.generation
        && number(&live["status"]["observedGeneration"]) >= generation;
    if !is_seen {
        return None;
    }
    let pods = old_pods(target, observed);
    pods.into_iter().find(|pod| {
        pod["metadata"]["deletionTimestamp"].is_null()
            && pods::was_never_ready(pod)
            && (is_back || pods::has_failed(pod))
    })
}

struct Look<'l> {
    target: &'l Target,
    observed: &'l Observed,
    symptoms: &'l mut Symptoms,
    namespace: &'l str,
    live: &'l Value,
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

impl Look<'_> {
    fn key(&self, symptom: &str) -> String {
        format!("{} {symptom}", self.target.id)
    }

    fn seen(&mut self, symptom: &str, text: &str) -> (Duration, String) {
        let key = self.key(symptom);
        self.symptoms.seen(&key, text)
    }

    /// Before the controller has looked at what was written.
    fn unobserved(&mut self) -> Option<State> {
        if number(&self.live["metadata"]["generation"]) < self.target.generation {
            return Some(State::Waiting("not seen yet".to_owned()));
        }
        let is_job = self.target.id.kind == Kind::Job;
        let observed = number(&self.live["status"]["observedGeneration"]);
        let is_behind = !is_job && observed < number(&self.live["metadata"]["generation"]);
        if !is_behind {
            let what = self.key(&format!("observed {}", self.target.generation));
            self.symptoms.observed(self.target.id.kind, &what);
            return None;
        }
        let (since, _) = self.seen("unobserved", "");
        if since > NO_CONTROLLER && !self.symptoms.is_at_work(self.target.id.kind) {
            return Some(State::Stalled(Stall::new(
                "NoController",
                format!(
                    "no controller has looked at {} for {} s",
                    self.target.id,
                    since.as_secs()
                ),
                "see that kube-controller-manager runs",
            )));
        }
        Some(State::Waiting(
            "its controller has not seen it yet".to_owned(),
        ))
    }

    fn replicas(&self) -> i64 {
        self.live["spec"]["replicas"].as_i64().unwrap_or(1)
    }

    /// Clients come through the Service: at least one address has to be behind it.
    fn endpoints(&mut self, wanted: i64) -> State {
        let Some(service) = &self.target.service else {
            return State::Ready;
        };
        if wanted == 0 {
            return State::Ready;
        }
        let slices = self
            .observed
            .owned(Watched::EndpointSlice, self.namespace, service);
        let has_address = slices
            .iter()
            .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
            .any(|endpoint| endpoint["conditions"]["ready"] != false);
        if has_address {
            State::Ready
        } else {
            State::Waiting(format!("Service {service} has no ready address yet"))
        }
    }

    fn own_pods(&self) -> Vec<Value> {
        let owner = format!("{}/{}", self.target.id.kind, self.target.id.name);
        self.observed.owned(Watched::Pod, self.namespace, &owner)
    }

    fn warnings_of(&self, name: &str) -> Vec<Value> {
        let mut events = self.observed.warnings(self.namespace);
        events.retain(|event| event["involvedObject"]["name"] == name);
        events
    }
}
