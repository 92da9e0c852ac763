//! Whether a cluster is fit for a platform: each check says what it found and what to do. Needs no
//! other tool and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use erpc_model::{DnsFlavour, IngressController, Scaling};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::client::Cluster;
use crate::failure::Failure;
use crate::inventory::STATE_NAMESPACE;
use crate::kind::root;
use crate::lock;
use crate::object::Program;
use crate::quantity;
use crate::rbac::{Powers, Right, rights};
use crate::render::Paint;
use crate::request::Call;

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the platform needs it.
    Good,
    /// It works, and something is worth a look.
    Warning,
    /// The platform cannot run so.
    Bad,
    /// It could not be found out.
    Unknown,
}

impl Verdict {
    /// As JSON says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Bad => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// The sign before it, and its colour.
    pub(crate) const fn sign(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("✓", "32"),
            Self::Warning => ("!", "33"),
            Self::Bad => ("✗", "31"),
            Self::Unknown => ("?", "36"),
        }
    }
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do.
    pub fix: Option<String>,
}

fn check(name: &'static str, verdict: Verdict, found: impl Into<String>) -> Check {
    Check {
        name,
        verdict,
        found: found.into(),
        fix: None,
    }
}

impl Check {
    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Runs every check.
///
/// # Errors
///
/// The cluster does not answer at all; everything else is in a check.
pub async fn doctor(cluster: &Cluster, program: &Program<'_>) -> Result<Vec<Check>, Failure> {
    let mut checks = vec![server(cluster, program).await];
    let (refused, _) = crate::identity::check(cluster, program).await;
    for failure in refused {
        let fix = failure.help.clone().unwrap_or_default();
        checks.push(check("identity", Verdict::Bad, failure.message).fix(fix));
    }
    checks.push(apis(cluster, program).await);
    checks.push(allowed(cluster, program).await);
    checks.push(capacity(cluster, program).await);
    checks.push(storage(cluster, program).await);
    checks.extend(ingress(cluster, program).await);
    checks.push(dns(cluster, program).await);
    checks.push(network(cluster, program).await);
    checks.push(pod_security(cluster, program).await);
    checks.extend(metrics(cluster, program).await);
    checks.push(webhooks(cluster).await);
    checks.push(leftovers(cluster, program).await);
    checks.push(secrets(cluster, program).await);
    checks.push(registry(program));
    Ok(checks)
}

async fn server(cluster: &Cluster, program: &Program<'_>) -> Check {
    const MOST_SECONDS: i64 = 60;
    let answer = cluster.call(Call::get("/version")).await;
    let found = format!("Kubernetes {} at {}", cluster.version, cluster.url);
    let date = answer.ok().and_then(|answer| answer.date);
    let server = date.and_then(|date| {
        jiff::fmt::rfc2822::parse(&date)
            .ok()
            .map(|time| time.timestamp())
    });
    if let Some(server) = server {
        let apart = (jiff::Timestamp::now().as_second() - server.as_second()).abs();
        if apart > MOST_SECONDS {
            return check(
                "API server",
                Verdict::Warning,
                format!("{found}; its clock and this one are {apart} s apart"),
            )
            .fix("set the clocks by NTP: certificates and tokens depend on them");
        }
    }
    if let Some(version) = &program.platform.cluster().kubernetes
        && !cluster.version.starts_with(&format!("v{}.", version.value))
    {
        return check(
            "API server",
            Verdict::Warning,
            format!("{found}; the cluster block says {}", version.value),
        )
        .fix("say in the cluster block what runs");
    }
    check("API server", Verdict::Good, found)
}

async fn apis(cluster: &Cluster, program: &Program<'_>) -> Check {
    let mut missing = Vec::new();
    let mut served: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in program.kinds() {
        let path = kind.root();
        if !served.contains_key(&path) {
            let list = cluster.call(Call::get(&path)).await;
            let resources = list.map(|answer| {
                let resources = answer.body["resources"].as_array().cloned();
                resources
                    .into_iter()
                    .flatten()
                    .filter_map(|resource| resource["name"].as_str().map(str::to_owned))
                    .collect()
            });
            served.insert(path.clone(), resources.unwrap_or_default());
        }
        if !served[&path].contains(kind.plural()) {
            missing.push(format!("{} of {}", kind.plural(), kind.api_version()));
        }
    }
    if missing.is_empty() {
        return check(
            "APIs",
            Verdict::Good,
            format!("all {} kinds are served", program.kinds().len()),
        );
    }
    check(
        "APIs",
        Verdict::Bad,
        format!("not served: {}", missing.join(", ")),
    )
    .fix("use a version of Kubernetes that serves them, or switch the API on")
}

/// Asks the server about each right, and gives back those that are missing.
pub(crate) async fn missing_rights(
    cluster: &Cluster,
    program: &Program<'_>,
) -> Result<Vec<Right>, Failure> {
    let questions: Vec<Right> = rights(program, Powers::default())
        .into_iter()
        .flat_map(|right| {
            let verbs = right.verbs.clone();
            verbs.into_iter().map(move |verb| Right {
                verbs: vec![verb],
                ..right.clone()
            })
        })
        .collect();
    let mut answers = stream::iter(questions)
        .map(|right| async move {
            let answer = is_allowed(cluster, &right).await;
            (right, answer)
        })
        .buffered(16);
    let mut missing = Vec::new();
    while let Some((right, answer)) = answers.next().await {
        if !answer? {
            missing.push(right);
        }
    }
    Ok(missing)
}

async fn is_allowed(cluster: &Cluster, right: &Right) -> Result<bool, Failure> {
    let (resource, subresource) = right
        .resource
        .split_once('/')
        .map_or((right.resource.as_str(), ""), |(resource, sub)| {
            (resource, sub)
        });
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "namespace": right.namespace.clone().unwrap_or_default(),
            "verb": right.verbs.first(),
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "name": right.names.first().cloned().unwrap_or_default(),
        } },
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = cluster.call(Call::review(path, &body)).await?;
    Ok(answer.body["status"]["allowed"] == true)
}

/// `patch deployments.apps in erp-apps`.
pub(crate) fn right_text(right: &Right) -> String {
    let mut text = format!("{} {}", right.verbs.join(","), right.resource);
    if !right.group.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{}", right.group);
    }
    if let Some(namespace) = &right.namespace {
        let _ = write!(text, " in {namespace}");
    }
    text
}

async fn allowed(cluster: &Cluster, program: &Program<'_>) -> Check {
    const SHOWN: usize = 6;
    match missing_rights(cluster, program).await {
        Err(failure) => check("rights", Verdict::Unknown, failure.message),
        Ok(missing) if missing.is_empty() => check(
            "rights",
            Verdict::Good,
            "this account may do all that the platform needs",
        ),
        Ok(missing) => {
            let shown: Vec<String> = missing.iter().take(SHOWN).map(right_text).collect();
            let more = match missing.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            check(
                "rights",
                Verdict::Bad,
                format!("this account may not {}{more}", shown.join("; ")),
            )
            .fix("let who may apply what `erpc rbac` prints")
        }
    }
}

/// CPU and memory, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Amount {
    cpu: i128,
    memory: i128,
    pods: i128,
}

impl Amount {
    fn of_resources(resources: &Value) -> Self {
        let amount = |key: &str| {
            let text = resources[key].as_str();
            text.and_then(quantity::parse).unwrap_or(0)
        };
        Self {
            cpu: amount("cpu"),
            memory: amount("memory"),
            pods: amount("pods"),
        }
    }

    fn add(&mut self, other: Self, times: i128) {
        self.cpu += other.cpu * times;
        self.memory += other.memory * times;
        self.pods += other.pods * times;
    }

    fn fits(self, other: Self) -> bool {
        self.cpu <= other.cpu && self.memory <= other.memory && self.pods <= other.pods
    }

    fn text(self) -> String {
        format!(
            "{} CPU, {}",
            quantity::cpu(self.cpu),
            quantity::bytes(self.memory)
        )
    }
}

fn requests(pod: &Value) -> Amount {
    let mut sum = Amount {
        pods: 1000,
        ..Amount::default()
    };
    let containers = pod["containers"].as_array();
    for container in containers.into_iter().flatten() {
        sum.add(Amount::of_resources(&container["resources"]["requests"]), 1);
    }
    let sidecars = pod["initContainers"].as_array();
    for container in sidecars
        .into_iter()
        .flatten()
        .filter(|c| c["restartPolicy"] == "Always")
    {
        sum.add(Amount::of_resources(&container["resources"]["requests"]), 1);
    }
    sum
}

async fn capacity(cluster: &Cluster, program: &Program<'_>) -> Check {
    let nodes = match cluster.list("/api/v1/nodes", "").await {
        Ok(nodes) => nodes,
        Err(error) => return check("capacity", Verdict::Unknown, error.to_string()),
    };
    let usable: Vec<Amount> = nodes
        .iter()
        .filter(|node| node["spec"]["unschedulable"] != true)
        .map(|node| Amount::of_resources(&node["status"]["allocatable"]))
        .collect();
    let mut total = Amount::default();
    for node in &usable {
        total.add(*node, 1);
    }
    let largest = usable.iter().map(|node| node.cpu).max().unwrap_or(0);
    let mut others = Amount::default();
    let mut unseen = "";
    match cluster.list("/api/v1/pods", "").await {
        Ok(pods) => {
            for pod in pods.iter().filter(|pod| {
                !crate::inventory::is_labelled(pod, program.name())
                    && !matches!(
                        pod["status"]["phase"].as_str(),
                        Some("Succeeded" | "Failed")
                    )
            }) {
                others.add(requests(&pod["spec"]), 1);
            }
        }
        Err(_) => unseen = "; what others use may not be seen",
    }
    let (mut least, mut most) = (others, others);
    for object in &program.objects {
        let (Some(service), true) = (object.service, object.id.kind.is_workload()) else {
            continue;
        };
        let template = match object.id.kind {
            crate::kind::Kind::CronJob => &object.body["spec"]["jobTemplate"]["spec"]["template"],
            _ => &object.body["spec"]["template"],
        };
        let each = requests(&template["spec"]);
        let bounds = program.platform[service].scaling.bounds();
        least.add(each, i128::from(bounds.min));
        most.add(each, i128::from(bounds.max));
    }
    let without_one = Amount {
        cpu: total.cpu - largest,
        ..total
    };
    let found = format!(
        "{} nodes with {}; the platform and others ask for {} at least and {} at most{unseen}",
        usable.len(),
        total.text(),
        least.text(),
        most.text()
    );
    if !least.fits(total) {
        return check("capacity", Verdict::Bad, found)
            .fix("add nodes, or ask for less in the source");
    }
    if !most.fits(total) {
        return check(
            "capacity",
            Verdict::Warning,
            format!("{found}: not all autoscalers can reach their most"),
        )
        .fix("add nodes, or lower the upper ends of `scale`");
    }
    if usable.len() > 1 && !least.fits(without_one) {
        return check(
            "capacity",
            Verdict::Warning,
            format!("{found}: not with one node gone"),
        )
        .fix("add a node");
    }
    check("capacity", Verdict::Good, found)
}

async fn storage(cluster: &Cluster, program: &Program<'_>) -> Check {
    let classes = match cluster
        .list("/apis/storage.k8s.io/v1/storageclasses", "")
        .await
    {
        Ok(classes) => classes,
        Err(error) => return check("storage", Verdict::Unknown, error.to_string()),
    };
    let name = |class: &Value| {
        class["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let has: BTreeSet<String> = classes.iter().map(name).collect();
    let defaults = classes.iter().filter(|class| {
        let annotations = &class["metadata"]["annotations"];
        annotations["storageclass.kubernetes.io/is-default-class"] == "true"
    });
    let defaults: Vec<String> = defaults.map(name).collect();
    let declared = &program.platform.cluster().storage;
    let missing: Vec<String> = declared
        .iter()
        .filter(|class| class.create.is_none() && !has.contains(class.name.value.as_str()))
        .map(|class| class.name.value.to_string())
        .collect();
    let list: Vec<String> = has.into_iter().collect();
    if !missing.is_empty() {
        return check(
            "storage",
            Verdict::Bad,
            format!(
                "no storage class {}; the cluster has {}",
                missing.join(", "),
                list.join(", ")
            ),
        )
        .fix("make the class, or name one that is there in the cluster block");
    }
    let has_volumes = program
        .platform
        .services()
        .any(|(_, service)| !service.volumes.is_empty());
    if has_volumes && declared.is_empty() && defaults.len() != 1 {
        return check(
            "storage",
            Verdict::Bad,
            format!(
                "volumes name no class, and {} classes are the default",
                defaults.len()
            ),
        )
        .fix("make exactly one class the default, or name one in the cluster block");
    }
    if defaults.len() > 1 {
        return check(
            "storage",
            Verdict::Warning,
            format!("several classes are the default: {}", defaults.join(", ")),
        )
        .fix("leave one");
    }
    check(
        "storage",
        Verdict::Good,
        format!("classes {}", list.join(", ")),
    )
}

async fn ingress(cluster: &Cluster, program: &Program<'_>) -> Option<Check> {
    let ingress = program.platform.cluster().ingress.as_ref()?;
    if program.platform.routes.is_empty() {
        return None;
    }
    let class = ingress.class.value.as_str();
    match &ingress.controller {
        IngressController::Service(id, _) => Some(check(
            "ingress",
            Verdict::Good,
            format!(
                "class {class} is served by {} of the platform",
                program.platform.path(*id)
            ),
        )),
        IngressController::Nodes => Some(has_class(cluster, class).await),
        IngressController::Pods { namespace, labels } => {
            let found = has_class(cluster, class).await;
            if found.verdict != Verdict::Good {
                return Some(found);
            }
            let selector: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let path = format!("/api/v1/namespaces/{namespace}/pods");
            Some(match cluster.list(&path, &selector.join(",")).await {
                Err(error) => check("ingress", Verdict::Unknown, error.to_string()),
                Ok(pods) => match pods
                    .iter()
                    .filter(|pod| crate::ready::is_ready(pod))
                    .count()
                {
                    0 => check(
                        "ingress",
                        Verdict::Bad,
                        format!("no ready pod with {} in {namespace}", selector.join(",")),
                    )
                    .fix("install the controller, or correct `ingress` in the cluster block"),
                    ready => check(
                        "ingress",
                        Verdict::Good,
                        format!("class {class}, {ready} ready controller pods"),
                    ),
                },
            })
        }
    }
}

async fn has_class(cluster: &Cluster, class: &str) -> Check {
    let path = format!("/apis/networking.k8s.io/v1/ingressclasses/{class}");
    match cluster.call(Call::get(path)).await {
        Ok(_) => check("ingress", Verdict::Good, format!("class {class}")),
        Err(error) if error.is_not_found() => check(
            "ingress",
            Verdict::Bad,
            format!("there is no ingress class {class}"),
        )
        .fix("install its controller, or name another class in the cluster block"),
        Err(error) => check("ingress", Verdict::Unknown, error.to_string()),
    }
}

async fn dns(cluster: &Cluster, program: &Program<'_>) -> Check {
    let flavour = program.platform.cluster().dns.as_ref().map(|dns| dns.value);
    let (namespace, selector) = match flavour {
        Some(DnsFlavour::OpenShift) => (
            "openshift-dns",
            "dns.operator.openshift.io/daemonset-dns=default",
        ),
        Some(DnsFlavour::KubeDns | DnsFlavour::NodeLocal) | None => {
            ("kube-system", "k8s-app=kube-dns")
        }
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    match cluster.list(&path, selector).await {
        Err(error) => check("DNS", Verdict::Unknown, error.to_string()),
        Ok(pods) => match pods.iter().filter(|pod| crate::ready::is_ready(pod)).count() {
            0 => check(
                "DNS",
                Verdict::Bad,
                format!("no ready pod with {selector} in {namespace}, to which all policies let names be asked"),
            )
            .fix("start the cluster's DNS, or say in the cluster block which one it has"),
            ready => check("DNS", Verdict::Good, format!("{ready} ready pods with {selector}")),
        },
    }
}

/// Agents that are known to enforce NetworkPolicies, by the names of their DaemonSets.
const ENFORCING: [&str; 9] = [
    "cilium",
    "calico-node",
    "canal",
    "antrea-agent",
    "kube-router",
    "weave-net",
    "kindnet",
    "aws-node",
    "azure-npm",
];

async fn network(cluster: &Cluster, _program: &Program<'_>) -> Check {
    let sets = match cluster.list("/apis/apps/v1/daemonsets", "").await {
        Ok(sets) => sets,
        Err(error) => return check("network policies", Verdict::Unknown, error.to_string()),
    };
    let names: Vec<&str> = sets
        .iter()
        .filter_map(|set| set["metadata"]["name"].as_str())
        .collect();
    if let Some(agent) = names.iter().find(|name| ENFORCING.contains(name)) {
        return check(
            "network policies",
            Verdict::Good,
            format!("probably enforced: {agent} runs"),
        );
    }
    if names.iter().any(|name| name.contains("flannel")) {
        return check(
            "network policies",
            Verdict::Bad,
            "flannel alone enforces none",
        )
        .fix("add an agent that does, such as Calico's policy-only mode");
    }
    check(
        "network policies",
        Verdict::Unknown,
        "no agent that is known to enforce them was seen",
    )
    .fix("ask who runs the cluster which network plugin it has")
}

async fn pod_security(cluster: &Cluster, program: &Program<'_>) -> Check {
    let mut denied = Vec::new();
    for (id, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        let path = format!("/api/v1/namespaces/{name}");
        let Ok(answer) = cluster.call(Call::get(path)).await else {
            continue;
        };
        let label = &answer.body["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        let needs = erpc_policy::PodSecurity::of_namespace(program.platform, id).as_str();
        let Some(has) = label.as_str() else { continue };
        let rank = |level: &str| match level {
            "privileged" => 0,
            "baseline" => 1,
            _ => 2,
        };
        if rank(has) > rank(needs) {
            denied.push(format!(
                "{name} enforces {has}, and its services need {needs}"
            ));
        }
    }
    if denied.is_empty() {
        return check(
            "Pod Security",
            Verdict::Good,
            "no namespace forbids what its services need",
        );
    }
    check("Pod Security", Verdict::Bad, denied.join("; "))
        .fix("`erpc apply` sets the level that the source needs; see that nobody sets it back")
}

async fn metrics(cluster: &Cluster, program: &Program<'_>) -> Option<Check> {
    let scaled = program
        .platform
        .services()
        .filter(|(_, service)| matches!(service.scaling, Scaling::Auto(_)))
        .count();
    if scaled == 0 {
        return None;
    }
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io";
    let is_there = match cluster.call(Call::get(path)).await {
        Ok(answer) => {
            let conditions = answer.body["status"]["conditions"].as_array().cloned();
            conditions
                .into_iter()
                .flatten()
                .any(|c| c["type"] == "Available" && c["status"] == "True")
        }
        Err(_) => cluster
            .call(Call::get("/apis/metrics.k8s.io/v1beta1"))
            .await
            .is_ok(),
    };
    Some(if is_there {
        check("metrics", Verdict::Good, "the metrics API answers")
    } else {
        check(
            "metrics",
            Verdict::Warning,
            format!("there is no metrics API, and {scaled} services scale by it: they stay at their least"),
        )
        .fix("install metrics-server")
    })
}

async fn webhooks(cluster: &Cluster) -> Check {
    let mut dead = Vec::new();
    for plural in [
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    ] {
        let path = format!("{}/{plural}", root("admissionregistration.k8s.io", "v1"));
        let configurations = match cluster.list(&path, "").await {
            Ok(configurations) => configurations,
            Err(error) => return check("webhooks", Verdict::Unknown, error.to_string()),
        };
        for configuration in configurations {
            let hooks = configuration["webhooks"].as_array().cloned();
            for hook in hooks.into_iter().flatten() {
                let service = &hook["clientConfig"]["service"];
                if hook["failurePolicy"] == "Ignore" || service.is_null() {
                    continue;
                }
                let text = |key: &str| service[key].as_str().unwrap_or_default().to_owned();
                let path = format!(
                    "{}/namespaces/{}/endpointslices",
                    root("discovery.k8s.io", "v1"),
                    text("namespace")
                );
                let selector = format!("kubernetes.io/service-name={}", text("name"));
                let slices = cluster.list(&path, &selector).await.unwrap_or_default();
                let has_endpoint = slices
                    .iter()
                    .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
                    .any(|endpoint| endpoint["conditions"]["ready"] != false);
                if !has_endpoint {
                    dead.push(hook["name"].as_str().unwrap_or_default().to_owned());
                }
            }
        }
    }
    if dead.is_empty() {
        return check(
            "webhooks",
            Verdict::Good,
            "every admission webhook that may block has a backend",
        );
    }
    check(
        "webhooks",
        Verdict::Bad,
        format!(
            "nobody answers for {}, and nothing is taken without them",
            dead.join(", ")
        ),
    )
    .fix("bring their services back, or remove their configurations")
}

async fn leftovers(cluster: &Cluster, program: &Program<'_>) -> Check {
    let mut found = Vec::new();
    for (_, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        let path = format!("/api/v1/namespaces/{name}");
        let Ok(answer) = cluster.call(Call::get(path)).await else {
            continue;
        };
        if answer.body["metadata"]["deletionTimestamp"].is_null() {
            continue;
        }
        let conditions = answer.body["status"]["conditions"].as_array().cloned();
        let held: Vec<String> = conditions
            .into_iter()
            .flatten()
            .filter(|c| c["status"] == "True")
            .filter_map(|c| c["message"].as_str().map(str::to_owned))
            .collect();
        found.push(format!(
            "namespace {name} is being deleted: {}",
            held.join("; ")
        ));
    }
    if let Ok(Some(holder)) = lock::holder(cluster, program.name()).await {
        found.push(format!(
            "{STATE_NAMESPACE}: {} holds the lock, renewed {}",
            holder.name, holder.renewed
        ));
    }
    if found.is_empty() {
        return check(
            "leftovers",
            Verdict::Good,
            "no namespace is being deleted, nobody holds the lock",
        );
    }
    check("leftovers", Verdict::Warning, found.join("; ")).fix(
        "wait, or find out who removes the finalizers; `erpc unlock` is for a holder that is gone",
    )
}

async fn secrets(cluster: &Cluster, program: &Program<'_>) -> Check {
    let live = match crate::live::Live::read(cluster, program).await {
        Ok(live) => live,
        Err(failure) => return check("secrets", Verdict::Unknown, failure.message),
    };
    let (missing, unchecked) = crate::live::missing_secrets(cluster, program, &live).await;
    if let Some(first) = missing.first() {
        let names: Vec<String> = missing
            .iter()
            .map(|secret| format!("{}/{}", secret.namespace, secret.name))
            .collect();
        return check(
            "secrets",
            Verdict::Bad,
            format!("missing: {}", names.join(", ")),
        )
        .fix(first.commands.join("; "));
    }
    if let Some(first) = unchecked.first() {
        return check("secrets", Verdict::Unknown, first.clone());
    }
    check(
        "secrets",
        Verdict::Good,
        "every Secret that the platform declares is there",
    )
}

fn registry(program: &Program<'_>) -> Check {
    check(
        "registry",
        Verdict::Unknown,
        format!(
            "images come from {}; whether the nodes reach it shows only when one pulls",
            program.platform.registry.value
        ),
    )
}

/// Whether nothing fails.
#[must_use]
pub fn is_fit(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict != Verdict::Bad)
}

/// For people.
#[must_use]
pub fn doctor_text(checks: &[Check], paint: Paint) -> String {
    let mut out = String::new();
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    for check in checks {
        let (sign, code) = check.verdict.sign();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{} {:width$}  {}",
            paint.with(code, sign),
            check.name,
            check.found
        );
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "  {:width$}  → {fix}", "");
        }
    }
    out
}

/// For programs.
#[must_use]
pub fn doctor_json(checks: &[Check]) -> Value {
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.name, "verdict": check.verdict.as_str(),
                "found": check.found, "fix": check.fix,
            })
        })
        .collect();
    json!({ "version": 1, "checks": checks })
}
