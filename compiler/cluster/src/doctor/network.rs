//! Ingress, DNS, addresses, and whether policies are enforced.

use erpc_model::{DnsFlavour, IngressController};
use erpc_policy::dns_pods;
use serde_json::Value;

use super::check::{Check, check};
use crate::call::Call;
use crate::client::Cluster;
use crate::program::Program;
use crate::verdict::Verdict;

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
    let (namespace, key, value) = dns_pods(program.platform);
    let selector = format!("{key}={value}");
    if let Some(wrong) = node_local(cluster, program).await {
        return wrong;
    }
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    match cluster.list(&path, &selector).await {
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
const ENFORCING: [&str; 11] = [
    "cilium",
    "calico-node",
    "canal",
    "antrea-agent",
    "kube-router",
    "weave-net",
    "kindnet",
    "kube-network-policies",
    "ovnkube-node",
    "aws-node",
    "azure-npm",
];

pub(super) async fn network(cluster: &Cluster) -> Check {
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
    .fix("`erpc doctor --probe` tries it; or ask who runs the cluster which network plugin it has")
}

/// Whether the cache on each node is there exactly when the cluster block says so: where it is, names are
/// asked of the node, which no rule about pods lets through.
async fn node_local(cluster: &Cluster, program: &Program<'_>) -> Option<Check> {
    let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/node-local-dns";
    let is_there = match cluster.call(Call::get(path)).await {
        Ok(_) => true,
        Err(error) if error.is_not_found() => false,
        Err(_) => return None,
    };
    let flavour = program.platform.cluster().dns_flavour();
    let is_said = flavour == Some(DnsFlavour::NodeLocal);
    match (is_there, is_said) {
        (true, false) => Some(
            check(
                "DNS",
                Verdict::Bad,
                "node-local-dns runs on the nodes, and the cluster block does not say so: no policy lets its address through",
            )
            .fix("say `dns node-local` in the cluster block"),
        ),
        (false, true) => Some(
            check(
                "DNS",
                Verdict::Bad,
                "the cluster block says `dns node-local`, and there is no DaemonSet node-local-dns",
            )
            .fix("say `dns kube-dns` in the cluster block, or install the cache"),
        ),
        (true, true) | (false, false) => None,
    }
}

/// Whether nodes and pods have the addresses that the policies are made of.
pub(super) async fn addresses(cluster: &Cluster, program: &Program<'_>) -> Check {
    let declared = program.platform.cluster();
    let nodes = match cluster.list("/api/v1/nodes", "").await {
        Ok(nodes) => nodes,
        Err(error) => return check("addresses", Verdict::Unknown, error.to_string()),
    };
    let name = |node: &Value| {
        node["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let of_nodes: &[ipnet::IpNet] = declared
        .nodes
        .as_ref()
        .map_or(&[], |nodes| &nodes.value.cidrs);
    let (mut pods_elsewhere, mut nodes_elsewhere) = (Vec::new(), Vec::new());
    for node in &nodes {
        let ranges = node["spec"]["podCIDRs"].as_array().into_iter().flatten();
        let ranges = ranges.filter_map(|range| range.as_str()?.parse::<ipnet::IpNet>().ok());
        for range in ranges {
            let is_declared = |cidr: &ipnet::IpNet| cidr.contains(&range);
            if !declared
                .pod_cidrs
                .iter()
                .any(|cidr| is_declared(&cidr.value))
            {
                pods_elsewhere.push(format!("{} has {range}", name(node)));
            }
        }
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let internal = addresses
            .filter(|address| address["type"] == "InternalIP")
            .filter_map(|address| {
                address["address"]
                    .as_str()?
                    .parse::<std::net::IpAddr>()
                    .ok()
            });
        for address in internal {
            if !of_nodes.is_empty() && !of_nodes.iter().any(|cidr| cidr.contains(&address)) {
                nodes_elsewhere.push(format!("{} is at {address}", name(node)));
            }
        }
    }
    let first = |list: &[String]| match list {
        [one] => one.clone(),
        [one, rest @ ..] => format!("{one}, and {} more", rest.len()),
        [] => String::new(),
    };
    if !declared.pod_cidrs.is_empty() && !pods_elsewhere.is_empty() {
        return check(
            "addresses",
            Verdict::Bad,
            format!("pods lie outside `pods` of the cluster block: {}", first(&pods_elsewhere)),
        )
        .fix("correct `pods` in the cluster block: policies about the internet leave these addresses out");
    }
    if !nodes_elsewhere.is_empty() {
        return check(
            "addresses",
            Verdict::Warning,
            format!(
                "nodes lie outside those of the cluster block: {}",
                first(&nodes_elsewhere)
            ),
        )
        .fix(
            "correct `nodes … in CIDR` in the cluster block: probes and node ports come from there",
        );
    }
    check(
        "addresses",
        Verdict::Good,
        format!(
            "{} nodes and their pods are where the cluster block says",
            nodes.len()
        ),
    )
}
