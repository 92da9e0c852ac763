//! Whether a service runs as it was applied, and when not, why not and what to do.
//!
//! Everything here is a pure function of what was observed and of how long each symptom has been
//! seen. Only pods of the new revision count: those of the old one are on their way out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kind::Kind;
use crate::object::ObjectId;
use crate::watch::{Observed, Watched};

/// What is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The workload.
    pub id: ObjectId,
    /// The generation that our write gave it; older news are of before.
    pub generation: i64,
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
    /// On its way; the text says how far.
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
    pub field: Option<String>,
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
#[derive(Debug, Default)]
pub(crate) struct Symptoms {
    since: HashMap<String, (Instant, String)>,
    /// There is but one look: what is wrong counts as wrong for long.
    is_one_look: bool,
}

/// Longer than any symptom is borne.
const LONG: Duration = Duration::from_secs(3600);

impl Symptoms {
    /// For a command that looks once.
    pub(crate) fn of_one_look() -> Self {
        Self {
            is_one_look: true,
            ..Self::default()
        }
    }

    /// Since when a symptom has been seen, if it has.
    fn known(&self, symptom: &str) -> Option<(Duration, &str)> {
        if self.is_one_look {
            return Some((LONG, ""));
        }
        let (since, text) = self.since.get(symptom)?;
        Some((since.elapsed(), text))
    }

    fn seen(&mut self, symptom: &str, text: &str) -> (Duration, String) {
        // How long a pod has been starting cannot be seen in one look, and need not be a fault.
        let may_pass = ["unready", "unobserved", "unschedulable", "claims"];
        if self.is_one_look && !may_pass.iter().any(|end| symptom.ends_with(end)) {
            return (LONG, text.to_owned());
        }
        let entry = self
            .since
            .entry(symptom.to_owned())
            .or_insert_with(|| (Instant::now(), text.to_owned()));
        if text.len() > entry.1.len() {
            text.clone_into(&mut entry.1);
        }
        (entry.0.elapsed(), entry.1.clone())
    }
}

const TRANSIENT_IMAGE: Duration = Duration::from_secs(120);
const MISSING_CONFIG: Duration = Duration::from_secs(10);
const UNSCHEDULABLE: Duration = Duration::from_secs(15);
const UNPROVISIONED: Duration = Duration::from_secs(60);
const FAILED_CREATE: Duration = Duration::from_secs(5);
const UNREADY_TOLD: Duration = Duration::from_secs(20);
const MOUNT: Duration = Duration::from_secs(90);
const EVICTED: Duration = Duration::from_secs(40);
/// A node that only restarts its kubelet is back by then.
const NODE_LOST: Duration = Duration::from_secs(40);
/// So long a pod may take before somebody asks about its node.
const NODE_ASKED: Duration = Duration::from_secs(4);
const OLD_POD: Duration = Duration::from_secs(30);
const NO_CONTROLLER: Duration = Duration::from_secs(20);
const CRASHES: i64 = 3;
const KILLS: i64 = 2;
/// A pull, and a little more, beside what a service says of its own start.
const PULL: Duration = Duration::from_secs(150);
const LEAST_PATIENCE: Duration = Duration::from_secs(300);

impl Target {
    /// How long it is waited for.
    #[must_use]
    pub(crate) fn patience(&self) -> Duration {
        (self.startup + PULL).max(LEAST_PATIENCE)
    }

    fn watched(&self) -> Option<Watched> {
        match self.id.kind {
            Kind::Deployment => Some(Watched::Deployment),
            Kind::StatefulSet => Some(Watched::StatefulSet),
            Kind::Job => Some(Watched::Job),
            _ => None,
        }
    }
}

/// How a service is, from what was observed.
pub(crate) fn assess(target: &Target, observed: &Observed, symptoms: &mut Symptoms) -> State {
    let Some(what) = target.watched() else {
        // A CronJob is accepted or not; its runs are `status`'s.
        return State::Ready;
    };
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let Some(live) = observed.get(what, namespace, &target.id.name) else {
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
        Kind::Job => look.job(),
        _ => look.deployment(),
    }
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
            return None;
        }
        let (since, _) = self.seen("unobserved", "");
        if since > NO_CONTROLLER {
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

    fn deployment(&mut self) -> State {
        let status = &self.live["status"];
        let wanted = self.replicas();
        let updated = number(&status["updatedReplicas"]);
        let available = number(&status["availableReplicas"]);
        let total = number(&status["replicas"]);
        if updated >= wanted && total == updated && available >= wanted {
            return self.endpoints(wanted);
        }
        let pods = self.new_pods_of_deployment();
        if let Some(stall) = self.pods_stall(&pods, wanted) {
            return State::Stalled(stall);
        }
        if let Some(failure) =
            condition(self.live, "ReplicaFailure").filter(|c| c["status"] == "True")
        {
            let message = text(&failure["message"]).to_owned();
            let (since, message) = self.seen("ReplicaFailure", &message);
            if since >= FAILED_CREATE {
                return State::Stalled(no_pod(&message));
            }
        }
        let is_over = condition(self.live, "Progressing")
            .is_some_and(|c| c["status"] == "False" && c["reason"] == "ProgressDeadlineExceeded");
        if is_over {
            return State::Stalled(Stall::new(
                "ProgressDeadlineExceeded",
                self.last_words(&pods, available, wanted),
                "see the pods: `erpc status`; raise the deadline if the start just takes long",
            ));
        }
        State::Waiting(self.last_words(&pods, available.min(updated), wanted))
    }

    fn stateful_set(&mut self) -> State {
        let status = &self.live["status"];
        let wanted = self.replicas();
        let updated = number(&status["updatedReplicas"]);
        let ready = number(&status["readyReplicas"]);
        let available = number(&status["availableReplicas"]);
        let is_one_revision = status["updateRevision"] == status["currentRevision"];
        let is_updated =
            updated >= wanted || is_one_revision && number(&status["currentReplicas"]) >= wanted;
        if ready >= wanted && available >= wanted && is_updated && (is_one_revision || wanted == 0)
        {
            return self.endpoints(wanted);
        }
        let revision = text(&status["updateRevision"]).to_owned();
        let mut pods = self.own_pods();
        let mut old = Vec::new();
        pods.retain(|pod| {
            let is_new = pod["metadata"]["labels"]["controller-revision-hash"] == revision.as_str();
            if !is_new {
                old.push(pod.clone());
            }
            is_new
        });
        if let Some(stall) = self.pods_stall(&pods, wanted) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.broken_old_pod(&old) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.failed_create(pods.len() + old.len(), wanted) {
            return State::Stalled(stall);
        }
        State::Waiting(self.last_words(&pods, ready.min(updated), wanted))
    }

    /// A StatefulSet replaces pods in order, and never one that comes after a broken one
    /// (kubernetes/kubernetes#67250).
    fn broken_old_pod(&mut self, old: &[Value]) -> Option<Stall> {
        let broken = old.iter().find(|pod| !is_ready(pod))?;
        if let Some(stall) = self.lost_node_stall(broken) {
            return Some(stall);
        }
        if self.lost_node(broken).is_some() {
            return None;
        }
        let name = name(broken).to_owned();
        let (since, _) = self.seen("old pod", "");
        (since > OLD_POD).then(|| {
            let mut stall = Stall::new(
                "BrokenOldPod",
                format!(
                    "pod {name} of the old revision is not ready, and the new one waits for it"
                ),
                format!("kubectl -n {} delete pod {name}", self.namespace),
            );
            stall.pod = Some(name);
            stall
        })
    }

    fn job(&mut self) -> State {
        if condition(self.live, "Complete").is_some_and(|c| c["status"] == "True") {
            return State::Ready;
        }
        if self.live["spec"]["suspend"] == true {
            return State::Ready;
        }
        let pods = self.own_pods();
        if let Some(failed) = condition(self.live, "Failed").filter(|c| c["status"] == "True") {
            let cause = self.pods_stall(&pods, 1);
            let reason = text(&failed["reason"]).to_owned();
            return State::Stalled(cause.unwrap_or_else(|| {
                Stall::new(
                    "JobFailed",
                    format!("the job has failed: {reason}: {}", text(&failed["message"])),
                    format!(
                        "kubectl -n {} logs job/{}",
                        self.namespace, self.target.id.name
                    ),
                )
            }));
        }
        if let Some(stall) = self.pods_stall(&pods, 1) {
            return State::Stalled(stall);
        }
        if let Some(stall) = self.failed_create(pods.len(), 1) {
            return State::Stalled(stall);
        }
        State::Waiting(match pods.last() {
            Some(pod) => format!("pod {} is {}", name(pod), phase(pod)),
            None => "no pod yet".to_owned(),
        })
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

    fn new_pods_of_deployment(&self) -> Vec<Value> {
        let revision = &self.live["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        let owner = format!("Deployment/{}", self.target.id.name);
        let sets = self
            .observed
            .owned(Watched::ReplicaSet, self.namespace, &owner);
        let current = sets.iter().find(|set| {
            set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == *revision
        });
        let Some(set) = current else {
            return Vec::new();
        };
        let owner = format!("ReplicaSet/{}", name(set));
        self.observed.owned(Watched::Pod, self.namespace, &owner)
    }

    /// StatefulSets and Jobs that cannot make a pod say so in events alone.
    fn failed_create(&mut self, pods: usize, wanted: i64) -> Option<Stall> {
        if i64::try_from(pods).unwrap_or(i64::MAX) >= wanted {
            return None;
        }
        let events = self.warnings_of(self.target.id.name.as_ref());
        let message = events
            .iter()
            .rev()
            .find(|event| event["reason"] == "FailedCreate")
            .map(|event| text(&event["message"]).to_owned())?;
        let (since, message) = self.seen("FailedCreate", &message);
        (since >= FAILED_CREATE).then(|| no_pod(&message))
    }

    fn warnings_of(&self, name: &str) -> Vec<Value> {
        let mut events = self.observed.warnings(self.namespace);
        events.retain(|event| event["involvedObject"]["name"] == name);
        events
    }

    fn last_words(&self, pods: &[Value], ready: i64, wanted: i64) -> String {
        let count = format!("{ready}/{wanted} ready");
        let waiting = pods.iter().find(|pod| !is_ready(pod));
        match waiting {
            Some(pod) => format!("{count}, pod {}: {}", name(pod), self.doing(pod)),
            None => count,
        }
    }

    /// What a pod that is not ready is doing.
    fn doing(&self, pod: &Value) -> String {
        if let Some(node) = self.lost_node(pod) {
            return node;
        }
        for status in statuses(pod) {
            let waiting = &status["state"]["waiting"];
            if let Some(reason) = waiting["reason"].as_str() {
                return match reason {
                    "ContainerCreating" => "pulling or creating".to_owned(),
                    reason => reason.to_owned(),
                };
            }
        }
        let is_scheduled = condition(pod, "PodScheduled").is_some_and(|c| c["status"] == "True");
        if !is_scheduled && text(&pod["spec"]["nodeName"]).is_empty() {
            return "waits for a node".to_owned();
        }
        if phase(pod) == "Running" {
            let events = self.warnings_of(name(pod));
            let probe = events
                .iter()
                .rev()
                .find(|event| event["reason"] == "Unhealthy");
            return match probe {
                Some(event) => format!("runs, {}", lower(text(&event["message"]))),
                None => "runs, not ready yet".to_owned(),
            };
        }
        "pulling or creating".to_owned()
    }

    /// Whether the pods show that more time will not help.
    fn pods_stall(&mut self, pods: &[Value], _wanted: i64) -> Option<Stall> {
        for pod in pods {
            if let Some(mut stall) = self.pod_stall(pod) {
                stall.pod = Some(name(pod).to_owned());
                return Some(stall);
            }
        }
        None
    }

    fn pod_stall(&mut self, pod: &Value) -> Option<Stall> {
        if is_ready(pod) || !pod["metadata"]["deletionTimestamp"].is_null() {
            return None;
        }
        let inits = pod["status"]["initContainerStatuses"].as_array();
        for status in inits.into_iter().flatten() {
            if let Some(stall) = self.container_stall(pod, status, "initContainers") {
                return Some(stall);
            }
        }
        let containers = pod["status"]["containerStatuses"].as_array();
        for status in containers.into_iter().flatten() {
            if let Some(stall) = self.container_stall(pod, status, "containers") {
                return Some(stall);
            }
        }
        self.lost_node_stall(pod)
            .or_else(|| self.node_stall(pod))
            .or_else(|| self.event_stall(pod))
            .or_else(|| self.unready(pod))
    }

    fn container_stall(&mut self, pod: &Value, status: &Value, list: &str) -> Option<Stall> {
        let container = text(&status["name"]);
        let waiting = &status["state"]["waiting"];
        let reason = text(&waiting["reason"]).to_owned();
        let message = text(&waiting["message"]).to_owned();
        let symptom = format!("{} {container}", name(pod));
        let image = text(&status["image"]);
        let field = |end: &str| Some(format!("spec.template.spec.{list}[{container}]{end}"));
        let stall = match reason.as_str() {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                let (since, first) = self.seen(&format!("{symptom} image"), &message);
                image_stall(
                    &reason,
                    &first,
                    image,
                    since,
                    text(&pod["spec"]["nodeName"]),
                )
                .map(|stall| Stall {
                    field: field(".image"),
                    ..stall
                })
            }
            "CreateContainerConfigError" => {
                let (since, _) = self.seen(&format!("{symptom} config"), &message);
                config_stall(&message, since, self.namespace).map(|stall| Stall {
                    field: field(".env"),
                    ..stall
                })
            }
            "RunContainerError" | "CreateContainerError" => {
                let (since, _) = self.seen(&format!("{symptom} run"), &message);
                (since >= MISSING_CONFIG).then(|| {
                    let mut stall = Stall::new(
                        "ContainerNotStarted",
                        format!("container {container} cannot start: {message}"),
                        "see the command of the service; the file must be in the image",
                    );
                    stall.field = field(".command");
                    stall
                })
            }
            _ => crash_stall(status, container, self.live, list).map(|stall| Stall {
                container: Some(container.to_owned()),
                ..stall
            }),
        };
        if list == "initContainers" {
            return stall.map(|stall| Stall {
                message: format!("init container {container}: {}", stall.message),
                ..stall
            });
        }
        stall
    }

    /// The node of a pod, where it is not ready: `node-2 is not ready: …`.
    fn lost_node(&self, pod: &Value) -> Option<String> {
        let node_name = text(&pod["spec"]["nodeName"]);
        // Asked for in vain, this is not answered before the pod has been seen for a while.
        let (since, _) = self
            .symptoms
            .known(&self.key(&format!("{} node", name(pod))))?;
        if node_name.is_empty() || since < NODE_ASKED {
            return None;
        }
        let node = self.observed.node(node_name)?;
        let ready = condition(&node, "Ready")?;
        if ready["status"] == "True" {
            return None;
        }
        let message = text(&ready["message"]).trim_end_matches('.');
        let reason = text(&ready["reason"]);
        Some(match message.is_empty() {
            true => format!("node {node_name} is not ready ({reason})"),
            false => format!("node {node_name} is not ready: {message} ({reason})"),
        })
    }

    /// The node that has the pod does not answer: nothing on it starts, and a pod that a
    /// StatefulSet would replace stays until somebody says that the node is gone.
    fn lost_node_stall(&mut self, pod: &Value) -> Option<Stall> {
        let pod_name = name(pod).to_owned();
        self.seen(&format!("{pod_name} node"), "");
        let lost = self.lost_node(pod)?;
        let (since, lost) = self.seen(&format!("{pod_name} lost node"), &lost);
        if since < NODE_LOST {
            return None;
        }
        let node = text(&pod["spec"]["nodeName"]);
        let see = format!("see `kubectl describe node {node}` and bring it back");
        let help = match self.target.id.kind {
            Kind::StatefulSet => format!(
                "{see}; if it is gone for good, `kubectl delete node {node}`: until then no other pod takes the place of this one"
            ),
            _ => format!(
                "{see}; another node gets the pod after some minutes, or at once with `kubectl -n {} delete pod {pod_name}`",
                self.namespace
            ),
        };
        let mut stall = Stall::new(
            "NodeNotReady",
            format!("pod {pod_name} is lost with its node: {lost}"),
            help,
        );
        stall.pod = Some(pod_name);
        Some(stall)
    }

    /// No node takes the pod, or the one that had it threw it out.
    fn node_stall(&mut self, pod: &Value) -> Option<Stall> {
        let pod_name = name(pod).to_owned();
        if text(&pod["status"]["reason"]) == "Evicted" {
            let (since, _) = self.seen(&format!("{pod_name} evicted"), "");
            return (since > EVICTED).then(|| {
                Stall::new(
                    "Evicted",
                    format!(
                        "pod {pod_name} was evicted: {}",
                        text(&pod["status"]["message"])
                    ),
                    "the node is short of memory or disk: see `kubectl describe node`",
                )
            });
        }
        let scheduled = condition(pod, "PodScheduled")?;
        if scheduled["status"] == "True" || scheduled["reason"] != "Unschedulable" {
            return None;
        }
        let message = text(&scheduled["message"]).to_owned();
        let is_about_claim =
            message.contains("PersistentVolumeClaim") || message.contains("persistentvolumeclaim");
        if is_about_claim && let Some(stall) = self.claim_stall(pod) {
            return Some(stall);
        }
        let (since, _) = self.seen(&format!("{pod_name} unschedulable"), "");
        if is_about_claim && since < UNPROVISIONED {
            return None;
        }
        let is_scaling_up = self
            .observed
            .warnings(self.namespace)
            .iter()
            .any(|event| event["reason"] == "TriggeredScaleUp");
        (since >= UNSCHEDULABLE && !is_scaling_up).then(|| {
            let mut stall = Stall::new(
                if is_about_claim { "VolumeNotBound" } else { "Unschedulable" },
                format!("no node takes pod {pod_name}: {message}"),
                "ask for less in the source, or give the cluster a node that has it; `erpc doctor` shows what is free",
            );
            stall.field = Some("spec.template.spec.containers".to_owned());
            stall
        })
    }

    /// Why the claims of a pod are not bound.
    fn claim_stall(&mut self, pod: &Value) -> Option<Stall> {
        let volumes = pod["spec"]["volumes"].as_array();
        let claims: Vec<String> = volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
            .map(str::to_owned)
            .collect();
        for claim in claims {
            let events = self.warnings_of(&claim);
            let Some(event) = events
                .iter()
                .rev()
                .find(|e| e["reason"] == "ProvisioningFailed")
            else {
                continue;
            };
            let mut stall = Stall::new(
                "ProvisioningFailed",
                format!("claim {claim} gets no volume: {}", text(&event["message"])),
                "name a storage class that the cluster has: `kubectl get storageclass`",
            );
            stall.field = Some("spec.volumeClaimTemplates".to_owned());
            return Some(stall);
        }
        let (since, _) = self.seen(&format!("{} claims", name(pod)), "");
        (since > UNPROVISIONED).then(|| {
            let mut stall = Stall::new(
                "NothingProvisions",
                format!(
                    "the claims of pod {} are not bound for {} s",
                    name(pod),
                    since.as_secs()
                ),
                "see that the provisioner of the storage class runs",
            );
            stall.field = Some("spec.volumeClaimTemplates".to_owned());
            stall
        })
    }

    fn event_stall(&mut self, pod: &Value) -> Option<Stall> {
        let pod_name = name(pod).to_owned();
        let events = self.warnings_of(&pod_name);
        let last = |reason: &str| {
            let mut events = events.iter().rev();
            events.find(|event| event["reason"] == reason).cloned()
        };
        if let Some(event) = last("FailedMount").or_else(|| last("FailedAttachVolume")) {
            let message = text(&event["message"]).to_owned();
            let (since, _) = self.seen(&format!("{pod_name} mount"), &message);
            if since > MOUNT {
                return Some(Stall::new(
                    "FailedMount",
                    format!("pod {pod_name} cannot mount a volume: {message}"),
                    "see which node holds it: `kubectl get volumeattachments`",
                ));
            }
        }
        if let Some(event) = last("FailedCreatePodSandBox") {
            let message = text(&event["message"]).to_owned();
            let (since, _) = self.seen(&format!("{pod_name} sandbox"), &message);
            if since > EVICTED {
                return Some(Stall::new(
                    "FailedCreatePodSandBox",
                    format!(
                        "node {} cannot start pod {pod_name}: {message}",
                        text(&pod["spec"]["nodeName"])
                    ),
                    "see the network plugin of that node",
                ));
            }
        }
        // The kubelet tells of the kill in an event that is no warning; the probe's failure is one.
        let is_killed = events.iter().any(|event| {
            event["reason"] == "Unhealthy"
                && text(&event["message"]).starts_with("Liveness probe failed")
        });
        let restarts = statuses(pod).map(|status| number(&status["restartCount"]));
        let restarts = restarts.max().unwrap_or(0);
        (is_killed && restarts >= KILLS).then(|| {
            Stall::new(
                "LivenessKills",
                format!(
                    "pod {pod_name} was restarted {restarts} times because its liveness probe failed"
                ),
                "give it more time to start: `health startup …`",
            )
        })
    }

    /// A container that runs and does not become ready, after as long as its service may take.
    fn unready(&mut self, pod: &Value) -> Option<Stall> {
        if phase(pod) != "Running" {
            return None;
        }
        let pod_name = name(pod).to_owned();
        let (since, _) = self.seen(&format!("{pod_name} unready"), "");
        let budget = self.target.patience();
        // The warnings are asked for from now on, so that they are there when they are told.
        let doing = (since > UNREADY_TOLD / 4).then(|| self.doing(pod));
        (since > budget).then(|| {
            let mut stall = Stall::new(
                "Unready",
                format!(
                    "pod {pod_name} {} for {} s",
                    doing.unwrap_or_default(),
                    since.as_secs()
                ),
                "see what the probe asks and what the service answers",
            );
            stall.field = Some(format!(
                "spec.template.spec.containers[{}].readinessProbe",
                self.target.id.name
            ));
            stall
        })
    }
}

fn phase(pod: &Value) -> &str {
    text(&pod["status"]["phase"])
}

/// Whether a pod serves.
pub(crate) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition["status"] == "True")
        || phase(pod) == "Succeeded"
}

/// The states of all containers of a pod, the init ones first.
pub(crate) fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|list| pod["status"][list].as_array().into_iter().flatten())
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}

fn image_stall(
    reason: &str,
    message: &str,
    image: &str,
    since: Duration,
    node: &str,
) -> Option<Stall> {
    let low = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let is_second_try = reason != "ErrImagePull";
    if reason == "InvalidImageName" {
        return Some(Stall::new(
            "InvalidImageName",
            format!("`{image}` is not the name of an image"),
            "correct the image in the source",
        ));
    }
    if reason == "ErrImageNeverPull" {
        return Some(Stall::new(
            "ImageNotOnNode",
            format!("image {image} is not on node {node}, and `pull never` forbids to fetch it"),
            "load it onto the node, or say `pull missing`",
        ));
    }
    if has(&[
        "unauthorized",
        "denied",
        "authentication required",
        "forbidden",
    ]) && is_second_try
    {
        return Some(Stall::new(
            "ImageRefused",
            format!("the registry does not give image {image}"),
            "correct the name, or give the namespace's account a pull secret",
        ));
    }
    if has(&[
        "not found",
        "manifest unknown",
        "does not exist",
        "name unknown",
    ]) && !has(&["no such host", "lookup"])
        && is_second_try
    {
        return Some(Stall::new(
            "ImageNotFound",
            format!("image {image} does not exist"),
            "correct the image or its tag, or push it",
        ));
    }
    (since > TRANSIENT_IMAGE).then(|| {
        Stall::new(
            "RegistryUnreachable",
            format!("node {node} cannot reach the registry of {image}: {message}"),
            "see the node's way to the registry; the pull goes on by itself when it is back",
        )
    })
}

fn config_stall(message: &str, since: Duration, namespace: &str) -> Option<Stall> {
    if message.contains("runAsNonRoot") {
        return Some(Stall::new(
            "RunsAsRoot",
            "the image runs as root, and no container of the platform may",
            "say `run as UID` with a user that the image has",
        ));
    }
    if since < MISSING_CONFIG {
        return None;
    }
    let name = message.split('"').nth(1).unwrap_or_default();
    let help = if message.starts_with("secret") {
        format!("make it: kubectl -n {namespace} create secret generic {name} --from-literal=KEY=…")
    } else {
        "see what the container's environment refers to".to_owned()
    };
    Some(Stall::new("MissingConfig", message.to_owned(), help))
}

fn crash_stall(status: &Value, container: &str, live: &Value, list: &str) -> Option<Stall> {
    let restarts = number(&status["restartCount"]);
    if restarts < CRASHES {
        return None;
    }
    let is_backing_off = status["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let terminated = [
        &status["lastState"]["terminated"],
        &status["state"]["terminated"],
    ];
    let last = terminated.into_iter().find(|state| !state.is_null())?;
    let code = number(&last["exitCode"]);
    if !is_backing_off && code == 0 {
        return None;
    }
    if last["reason"] == "OOMKilled" {
        let containers = live["spec"]["template"]["spec"][list].as_array();
        let limit = containers
            .into_iter()
            .flatten()
            .find(|of| of["name"] == container)
            .and_then(|of| of["resources"]["limits"]["memory"].as_str())
            .unwrap_or("its limit");
        let mut stall = Stall::new(
            "OutOfMemory",
            format!(
                "container {container} was killed {restarts} times for more memory than {limit}"
            ),
            "raise the memory in the source, or find the leak",
        );
        stall.field = Some(format!(
            "spec.template.spec.{list}[{container}].resources.limits.memory"
        ));
        return Some(stall);
    }
    let help = match code {
        126 => "the command may not be executed: see the file's mode in the image",
        127 => "the command is not in the image: correct it in the source",
        _ => "the last lines of its log say why",
    };
    let mut stall = Stall::new(
        "CrashLoop",
        format!("container {container} has ended {restarts} times, last with exit code {code}"),
        help,
    );
    stall.field = Some(format!("spec.template.spec.{list}[{container}].command"));
    Some(stall)
}

/// Why a controller cannot make a pod at all.
fn no_pod(message: &str) -> Stall {
    let clean = message
        .split_once(" is forbidden: ")
        .map_or(message, |(_, rest)| rest);
    if message.contains("exceeded quota") {
        return Stall::new(
            "QuotaExceeded",
            format!("no pod can be made: {clean}"),
            "raise the namespace's quota in the source, or ask for less",
        );
    }
    if message.contains("violates PodSecurity") {
        return Stall::new(
            "PodSecurity",
            format!("no pod can be made: {clean}"),
            "change the workload, or the level of the namespace",
        );
    }
    if message.contains("serviceaccount") && message.contains("not found") {
        return Stall::new(
            "MissingAccount",
            format!("no pod can be made: {clean}"),
            "apply again: the account is part of the platform, unless a patch names another",
        );
    }
    if message.contains("failed calling webhook") {
        let webhook = message.split('"').nth(1).unwrap_or("a webhook");
        return Stall::new(
            "WebhookDown",
            format!("no pod can be made: the admission webhook `{webhook}` does not answer"),
            "bring its service back, or remove its webhook configuration",
        );
    }
    if message.contains("admission webhook") || message.contains("denied") {
        return Stall::new(
            "AdmissionDenied",
            format!("no pod can be made: {message}"),
            "an admission policy of the cluster forbids it: change the source, or ask who owns the policy",
        );
    }
    Stall::new(
        "FailedCreate",
        format!("no pod can be made: {message}"),
        "see the events of the workload",
    )
}

#[cfg(test)]
mod tests {
    use super::{config_stall, crash_stall, image_stall, no_pod};
    use serde_json::json;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTES: Duration = Duration::from_secs(300);

    fn image(reason: &str, message: &str, since: Duration) -> Option<&'static str> {
        image_stall(reason, message, "a/b:1", since, "node").map(|stall| stall.reason)
    }

    #[test]
    fn an_image_that_is_not_there_is_told_after_the_second_try() {
        assert_eq!(image("ErrImagePull", "not found", SECOND), None);
        assert_eq!(
            image("ImagePullBackOff", "not found", SECOND),
            Some("ImageNotFound")
        );
        assert_eq!(
            image("ImagePullBackOff", "pull access denied", SECOND),
            Some("ImageRefused")
        );
        assert_eq!(
            image("InvalidImageName", "", SECOND),
            Some("InvalidImageName")
        );
    }

    #[test]
    fn a_registry_that_cannot_be_reached_gets_two_minutes() {
        let message = "lookup registry: i/o timeout";
        assert_eq!(image("ImagePullBackOff", message, SECOND), None);
        assert_eq!(
            image("ImagePullBackOff", message, MINUTES),
            Some("RegistryUnreachable")
        );
    }

    #[test]
    fn a_root_image_is_told_at_once_and_a_missing_secret_after_a_while() {
        let root = config_stall(
            "container has runAsNonRoot and image will run as root",
            SECOND,
            "n",
        );
        assert_eq!(root.map(|stall| stall.reason), Some("RunsAsRoot"));
        assert_eq!(config_stall("secret \"s\" not found", SECOND, "n"), None);
        let missing = config_stall("secret \"s\" not found", MINUTES, "n");
        assert!(missing.is_some_and(|stall| stall.help.contains("create secret generic s")));
    }

    #[test]
    fn three_crashes_are_a_loop_and_the_kernels_kill_names_the_limit() {
        let status = |restarts: i64, reason: &str, code: i64| {
            json!({
                "restartCount": restarts,
                "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                "lastState": { "terminated": { "reason": reason, "exitCode": code } },
            })
        };
        let live = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "a", "resources": { "limits": { "memory": "256Mi" } } }
        ] } } } });
        assert_eq!(
            crash_stall(&status(2, "Error", 1), "a", &live, "containers"),
            None
        );
        let crash = crash_stall(&status(3, "Error", 127), "a", &live, "containers");
        assert!(crash.is_some_and(|stall| stall.help.contains("not in the image")));
        let killed = crash_stall(&status(3, "OOMKilled", 137), "a", &live, "containers");
        assert!(killed.is_some_and(|stall| stall.message.contains("256Mi")));
    }

    #[test]
    fn what_keeps_a_controller_from_making_pods_has_a_name_each() {
        let reasons = [
            (
                "pods \"a\" is forbidden: exceeded quota: quota, requested: cpu=1",
                "QuotaExceeded",
            ),
            (
                "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"",
                "PodSecurity",
            ),
            (
                "pods \"a\" is forbidden: error looking up service account n/a: serviceaccount \"a\" not found",
                "MissingAccount",
            ),
            (
                "Internal error occurred: failed calling webhook \"w.example\": no endpoints",
                "WebhookDown",
            ),
            (
                "admission webhook \"w\" denied the request",
                "AdmissionDenied",
            ),
        ];
        for (message, reason) in reasons {
            assert_eq!(no_pod(message).reason, reason, "{message}");
        }
    }
}
