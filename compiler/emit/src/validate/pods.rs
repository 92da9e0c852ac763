//! Pods: what concerns several of their parts. Names of containers and volumes are unique, every mount has its
//! volume, and what a workload of a kind, an init container or a privileged container may not have.

use std::collections::HashMap;

use erpc_model::kubernetes;

use super::{Fault, FaultKind};
use crate::quantity;
use crate::view::{FieldPath, Look, View};

/// Looks at the pod template of a workload.
pub(super) fn of_workload(kind: &str, names: &[&str], object: &impl View, faults: &mut Vec<Fault>) {
    jobs(kind, object, faults);
    name(kind, object, faults);
    let Some(spec) = object.at(names) else {
        let message = format!("a {kind} needs the containers of its pods");
        faults.push(Fault::new(FieldPath::default().fields(names), message));
        return;
    };
    let claims = object.at(&["spec", "volumeClaimTemplates"]);
    let mut pod = Pod {
        path: FieldPath::default().fields(names),
        spec,
        faults,
    };
    pod.restarts(kind);
    let before = pod.faults.len();
    pod.containers();
    // Containers of one name have volumes of one name, because of that.
    if pod.faults[before..]
        .iter()
        .all(|fault| fault.kind != FaultKind::Name)
    {
        pod.volumes(claims.map_or(&[][..], View::items));
    }
    pod.host_namespaces();
    pod.claims();
    pod.sleeps();
}

/// A StatefulSet has no dots in its name, which the names of its pods begin with.
fn name(kind: &str, object: &impl View, faults: &mut Vec<Fault>) {
    let name = object.at(&["metadata", "name"]).and_then(View::text);
    if kind == "StatefulSet"
        && let Some(name) = name
        && let Some(problem) = kubernetes::not_a_label(name)
    {
        let path = FieldPath::default().fields(&["metadata", "name"]);
        let message = format!("invalid name of a StatefulSet `{name}`: {problem}");
        faults.push(Fault::new(path, message));
    }
}

/// What jobs may not have: a selector of others' pods, and an unknown number of indexes.
fn jobs(kind: &str, object: &impl View, faults: &mut Vec<Fault>) {
    let names: &[&str] = match kind {
        "Job" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec"],
        _ => return,
    };
    let Some(spec) = object.at(names) else {
        return;
    };
    let path = FieldPath::default().fields(names);
    if spec.field("manualSelector").is_some_and(View::is_true) {
        let message = "a job finds its pods by a label that Kubernetes gives it";
        faults.push(Fault::new(path.field("manualSelector"), message));
    }
    let restarts = spec.at(&["template", "spec", "restartPolicy"]);
    if spec.field("podFailurePolicy").is_some_and(View::is_set)
        && restarts.and_then(View::text) != Some("Never")
    {
        let message = "`podFailurePolicy` requires the `restartPolicy` `Never`";
        faults.push(Fault::new(path.field("podFailurePolicy"), message));
    }
    let mode = spec.field("completionMode").and_then(View::text);
    // The number of a job is 1 by default, that of a template has no default.
    let has_number = kind == "Job" || spec.field("completions").is_some_and(View::is_set);
    if mode == Some("Indexed") && !has_number {
        let message = "`completionMode` `Indexed` requires `completions`";
        faults.push(Fault::new(path.field("completionMode"), message));
    }
}

struct Pod<'p, V> {
    path: FieldPath,
    spec: &'p V,
    faults: &'p mut Vec<Fault>,
}

/// Fields of containers that run beside the main one, and not to their end.
const OF_RUNNING: [&str; 4] = [
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
];

impl<V: View> Pod<'_, V> {
    /// What a controller restarts, its pods must restart; jobs end.
    fn restarts(&mut self, kind: &str) {
        let policy = self.spec.field("restartPolicy").and_then(View::text);
        // An empty text is taken for a field that is not set.
        let policy = policy.filter(|policy| !policy.is_empty());
        let path = self.path.field("restartPolicy");
        let (is_job, found) = (
            matches!(kind, "Job" | "CronJob"),
            policy.unwrap_or("Always"),
        );
        if is_job && found == "Always" {
            let message = format!("the pods of a {kind} restart `OnFailure` or `Never`");
            self.faults.push(Fault::new(path, message));
        } else if !is_job && found != "Always" {
            let message = format!("the pods of a {kind} restart `Always`, found `{found}`");
            self.faults.push(Fault::new(path, message));
        }
        let deadline = self.path.field("activeDeadlineSeconds");
        if !is_job
            && self
                .spec
                .field("activeDeadlineSeconds")
                .is_some_and(View::is_set)
        {
            let message = format!("the pods of a {kind} have no deadline");
            self.faults.push(Fault::new(deadline, message));
        }
    }

    /// A hook that sleeps ends before its container is killed.
    fn sleeps(&mut self) {
        let number = |value: &V| match value.look() {
            Look::Number(number) => number.as_i64(),
            _ => None,
        };
        let grace = self.spec.field("terminationGracePeriodSeconds");
        let grace = grace.and_then(number).unwrap_or(30);
        for (list, place, container) in all_containers(self.spec) {
            for hook in ["postStart", "preStop"] {
                let names = ["lifecycle", hook, "sleep", "seconds"];
                let seconds = container.at(&names).and_then(number);
                if let Some(seconds) = seconds.filter(|seconds| !(0..=grace).contains(seconds)) {
                    let path = self.path.field(list).item(place).fields(&names);
                    let message = format!(
                        "invalid sleep of {seconds} s: expected at most the `terminationGracePeriodSeconds` of {grace}"
                    );
                    self.faults.push(Fault::new(path, message));
                }
            }
        }
    }

    /// Claims of devices: containers have them, and the pod says what they are.
    fn claims(&mut self) {
        let count = |of: &V| {
            of.at(&["resources", "claims"])
                .map_or(0, |at| at.items().len())
        };
        if count(self.spec) > 0 {
            let path = self.path.fields(&["resources", "claims"]);
            let message = "`claims` are resources of containers, not of the whole pod";
            self.faults.push(Fault::new(path, message));
        }
        let declared = self.spec.field("resourceClaims");
        let declared = declared.map_or(&[][..], View::items);
        let name_of = |claim: &V| claim.field("name").and_then(View::text).map(str::to_owned);
        let declared: Vec<String> = declared.iter().filter_map(name_of).collect();
        for (list, place, container) in all_containers(self.spec) {
            let claims = container.at(&["resources", "claims"]);
            let path = self.path.field(list).item(place);
            let path = path.fields(&["resources", "claims"]);
            for (place, claim) in claims.map_or(&[][..], View::items).iter().enumerate() {
                if let Some(name) = name_of(claim).filter(|name| !declared.contains(name)) {
                    let message = format!("the pod has no resource claim `{name}`");
                    let at = path.item(place).field("name");
                    self.faults.push(Fault::new(at, message));
                }
            }
        }
    }

    /// Names of volumes, and the volumes of mounts.
    fn volumes(&mut self, claims: &[V]) {
        let volumes = self.spec.field("volumes").map_or(&[][..], View::items);
        let path = self.path.field("volumes");
        let mut known: HashMap<&str, FieldPath> = HashMap::with_capacity(volumes.len());
        for (place, volume) in volumes.iter().enumerate() {
            let Some(name) = volume.field("name").and_then(View::text) else {
                continue;
            };
            let at = path.item(place).field("name");
            if let Some(first) = known.insert(name, at.clone()) {
                let message = format!("two volumes of the pod have the name `{name}`");
                self.faults
                    .push(Fault::of_kind(FaultKind::Name, at, message).with(first));
            }
        }
        // A claim of each replica takes the place of a volume of its name.
        let template = FieldPath::default().fields(&["spec", "volumeClaimTemplates"]);
        for (place, claim) in claims.iter().enumerate() {
            let Some(name) = claim.at(&["metadata", "name"]).and_then(View::text) else {
                continue;
            };
            // The StatefulSet controller puts the claim in the place of a volume of this name.
            let at = template.item(place).fields(&["metadata", "name"]);
            known.entry(name).or_insert(at);
        }
        for (list, place, container) in all_containers(self.spec) {
            let path = self.path.field(list).item(place);
            self.mounts(container, &path, &known);
        }
    }

    fn mounts(&mut self, container: &V, path: &FieldPath, known: &HashMap<&str, FieldPath>) {
        let mounts = container.field("volumeMounts").map_or(&[][..], View::items);
        let path = path.field("volumeMounts");
        let mut taken: HashMap<&str, usize> = HashMap::with_capacity(mounts.len());
        for (place, mount) in mounts.iter().enumerate() {
            let text = |name| mount.field(name).and_then(View::text);
            if let Some(name) = text("name")
                && !known.contains_key(name)
            {
                let message = format!("the pod has no volume `{name}` to mount");
                self.faults
                    .push(Fault::new(path.item(place).field("name"), message));
            }
            if let Some(at) = text("mountPath")
                && let Some(first) = taken.insert(at, place)
            {
                let message = format!("two volumes are mounted at `{at}`");
                let at = path.item(place).field("mountPath");
                let fault = Fault::of_kind(FaultKind::Mount, at, message);
                self.faults
                    .push(fault.with(path.item(first).field("mountPath")));
            }
        }
    }

    /// Names of containers, and what an init container may not have.
    fn containers(&mut self) {
        let mut names: HashMap<&str, FieldPath> = HashMap::new();
        for (list, place, container) in all_containers(self.spec) {
            let path = self.path.field(list).item(place);
            if let Some(name) = container.field("name").and_then(View::text) {
                let at = path.field("name");
                if let Some(first) = names.insert(name, at.clone()) {
                    let message = format!("two containers of the pod have the name `{name}`");
                    self.faults
                        .push(Fault::of_kind(FaultKind::Name, at, message).with(first));
                }
            }
            let restarts = container.field("restartPolicy").and_then(View::text);
            if list == "initContainers" && restarts != Some("Always") {
                let has = |name: &&&str| container.field(name).is_some_and(View::is_set);
                for name in OF_RUNNING.iter().filter(has) {
                    let message = format!("an init container runs to its end: it has no `{name}`");
                    self.faults.push(Fault::new(path.field(*name), message));
                }
            }
            self.ports(container, &path);
            self.privileges(container, &path);
            self.resources(container, &path);
        }
    }

    fn ports(&mut self, container: &V, path: &FieldPath) {
        let ports = container.field("ports").map_or(&[][..], View::items);
        let path = path.field("ports");
        let mut names: HashMap<&str, usize> = HashMap::with_capacity(ports.len());
        for (place, port) in ports.iter().enumerate() {
            let Some(name) = port.field("name").and_then(View::text) else {
                continue;
            };
            if let Some(first) = names.insert(name, place) {
                let message = format!("two ports of the container have the name `{name}`");
                let at = path.item(place).field("name");
                let fault = Fault::of_kind(FaultKind::Name, at, message);
                self.faults.push(fault.with(path.item(first).field("name")));
            }
        }
    }

    fn privileges(&mut self, container: &V, path: &FieldPath) {
        let Some(context) = container.field("securityContext") else {
            return;
        };
        let path = path.field("securityContext");
        let is = |name| context.field(name).is_some_and(View::is_true);
        let escalation = context.field("allowPrivilegeEscalation");
        let is_forbidden = escalation.is_some_and(|it| matches!(it.look(), Look::Bool(false)));
        if is("privileged") && is_forbidden {
            let message = "a privileged container can escalate privileges, so `allowPrivilegeEscalation` cannot be `false`";
            let fault = Fault::new(path.field("privileged"), message);
            self.faults
                .push(fault.with(path.field("allowPrivilegeEscalation")));
        }
        let mounts = container.field("volumeMounts").map_or(&[][..], View::items);
        for (place, mount) in mounts.iter().enumerate() {
            let propagation = mount.field("mountPropagation").and_then(View::text);
            if propagation == Some("Bidirectional") && !is("privileged") {
                let mounts = FieldPath(path.0[..path.0.len() - 1].to_vec()).field("volumeMounts");
                let message = "only a privileged container may mount with `Bidirectional`";
                let at = mounts.item(place).field("mountPropagation");
                self.faults.push(Fault::new(at, message));
            }
        }
        let is_unmasked = context.field("procMount").and_then(View::text) == Some("Unmasked");
        let host_users = self.spec.field("hostUsers");
        let has_own_users = host_users.is_some_and(|it| matches!(it.look(), Look::Bool(false)));
        if is_unmasked && !has_own_users {
            let message = "`Unmasked` requires a pod with `hostUsers = false`";
            self.faults
                .push(Fault::new(path.field("procMount"), message));
        }
    }

    /// A request is at most its limit. Of a resource that cannot be shared, such as a GPU, it is the limit.
    fn resources(&mut self, container: &V, path: &FieldPath) {
        let path = path.field("resources");
        for list in ["limits", "requests"] {
            let amounts = container.at(&["resources", list]);
            for (name, value) in amounts.into_iter().flat_map(View::fields) {
                if let Some(message) = amount(value).and_then(|amount| indivisible(name, amount)) {
                    let at = path.field(list).field(name);
                    self.faults.push(Fault::new(at, message));
                }
            }
        }
        let Some(requests) = container.at(&["resources", "requests"]) else {
            return;
        };
        let limits = container.at(&["resources", "limits"]);
        for (name, request) in requests.fields() {
            let is_shared = ["cpu", "memory", "ephemeral-storage"].contains(&name);
            let at = path.field("requests").field(name);
            let limit = limits.and_then(|limits| limits.field(name));
            let amounts = limit.and_then(|limit| amount(request).zip(amount(limit)));
            match (limit, amounts) {
                (None, _) if !is_shared => {
                    let message = format!("`{name}` cannot be shared: it needs a limit");
                    self.faults.push(Fault::new(at, message));
                }
                (_, Some((request, limit))) if request > limit || !is_shared && request < limit => {
                    let message = if is_shared {
                        format!("the request of `{name}` is greater than its limit")
                    } else {
                        format!("`{name}` cannot be shared: its request must be its limit")
                    };
                    let fault = Fault::new(at, message);
                    self.faults
                        .push(fault.with(path.field("limits").field(name)));
                }
                _ => {}
            }
        }
    }

    fn host_namespaces(&mut self) {
        let is = |name| self.spec.field(name).is_some_and(View::is_true);
        if is("shareProcessNamespace") && is("hostPID") {
            let message = "a pod with the processes of its node has none to share";
            let fault = Fault::new(self.path.field("shareProcessNamespace"), message);
            self.faults.push(fault.with(self.path.field("hostPID")));
        }
    }
}

/// A quantity, which may be written as a number, in thousandths; `None` if it is not one, which the schema says.
fn amount(value: &impl View) -> Option<i128> {
    match value.look() {
        Look::Text(text) => quantity::parse(text),
        Look::Number(number) => quantity::parse(&number.to_string()),
        Look::Null | Look::Bool(_) | Look::List(_) | Look::Map => None,
    }
}

/// Why a container cannot have so much of a resource, in thousandths: devices are counted, and huge pages have a size.
fn indivisible(name: &str, amount: i128) -> Option<String> {
    if let Some(size) = name.strip_prefix("hugepages-") {
        let size = quantity::parse(size).map(|size| size / 1000);
        let Some(size) = size.filter(|size| *size > 0) else {
            return Some(format!("`{name}` does not name the size of its pages"));
        };
        // A fraction counts as a whole byte.
        let bytes = (amount + 999).div_euclid(1000);
        return (bytes % size != 0)
            .then(|| format!("expected a multiple of the size of the pages of `{name}`"));
    }
    let is_counted = name.contains('/') && !name.contains("kubernetes.io/");
    (is_counted && amount % 1000 != 0).then(|| format!("`{name}` is counted: expected an integer"))
}

/// The containers of a pod with the list that each is in and its place there, those that start first first.
fn all_containers<V: View>(spec: &V) -> impl Iterator<Item = (&'static str, usize, &V)> {
    // The main container comes first, so that a name that is used twice is reported at the other.
    ["containers", "initContainers"]
        .into_iter()
        .flat_map(move |list| {
            let containers = spec.field(list).map_or(&[][..], View::items);
            let numbered = containers.iter().enumerate();
            numbered.map(move |(place, container)| (list, place, container))
        })
}
