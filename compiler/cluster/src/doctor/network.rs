//! Ingress, DNS, addresses, and whether policies are enforced.

use erpc_model::{DnsFlavour, IngressController};

use super::{Check, Verdict, check};
use crate::client::Cluster;
use crate::object::Program;
use crate::request::Call;

pub(super) async fn ingress(cluster: &Cluster, program: &Program<'_>) -> Option<Check> {
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

pub(super) async fn dns(cluster: &Cluster, program: &Program<'_>) -> Check {
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

pub(super) async fn network(cluster: &Cluster, _program: &Program<'_>) -> Check {
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
