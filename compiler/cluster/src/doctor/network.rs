//! Ingress, DNS, addresses, and whether policies are enforced.

use erpc_model::{DnsFlavour, IngressController};
use erpc_policy::dns_pods;
use serde_json::Value;

use super::finding::{Context, Finding, bad, good, unknown, warning};
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::program::Program;
use crate::ready::is_ready;

/// The classes of routes, and who serves them.
pub(super) fn has_routes(context: &Context<'_>) -> bool {
    let platform = context.program.platform;
    platform.cluster().ingress.is_some() && !platform.routes.is_empty()
}

pub(super) async fn ingress(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let Some(ingress) = &program.platform.cluster().ingress else {
        return Ok(good("the platform has no routes"));
    };
    let class = ingress.class.value.as_str();
    if let IngressController::Service(id, _) = &ingress.controller {
        let service = program.platform.path(*id);
        return Ok(good(format!(
            "class {class} is served by {service} of the platform"
        )));
    }
    let path = format!("/apis/networking.k8s.io/v1/ingressclasses/{class}");
    if cluster.find(path).await?.is_none() {
        return Ok(bad(format!("there is no ingress class {class}"))
            .fix("install its controller, or name another class in the cluster block"));
    }
    let IngressController::Pods { namespace, labels } = &ingress.controller else {
        return Ok(good(format!("class {class}")));
    };
    let selector: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let selector = selector.join(",");
    Ok(match ready_pods(cluster, namespace, &selector).await? {
        0 => bad(format!("no ready pod with {selector} in {namespace}"))
            .fix("install the controller, or correct `ingress` in the cluster block"),
        ready => good(format!("class {class}, {ready} ready controller pods")),
    })
}

/// How many pods with these labels are ready.
async fn ready_pods(cluster: &Cluster, namespace: &str, selector: &str) -> Result<usize, ApiError> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let pods = cluster.list(&path, selector).await?;
    Ok(pods.iter().filter(|pod| is_ready(pod)).count())
}

pub(super) async fn dns(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let (namespace, labels) = dns_pods(program.platform);
    let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
    let selector = Vec::from_iter(labels).join(",");
    if let Some(wrong) = node_local(cluster, program).await? {
        return Ok(wrong);
    }
    Ok(match ready_pods(cluster, &namespace, &selector).await? {
        0 => bad(format!(
            "no ready pod with {selector} in {namespace}, to which all policies let names be asked"
        ))
        .fix("start the cluster's DNS, or say in the cluster block which one it has"),
        ready => good(format!("{ready} ready pods with {selector}")),
    })
}

/// Agents that are known to enforce NetworkPolicies: the name of the DaemonSet, and of the plugin in a cluster block.
pub(crate) const ENFORCING: [(&str, &str); 11] = [
    ("cilium", "cilium"),
    ("calico-node", "calico"),
    ("canal", "canal"),
    ("antrea-agent", "antrea"),
    ("kube-router", "kube-router"),
    ("weave-net", "weave"),
    ("kindnet", "kindnet"),
    ("kube-network-policies", "kube-network-policies"),
    ("ovnkube-node", "ovn-kubernetes"),
    ("aws-node", "aws-vpc"),
    ("azure-npm", "azure-npm"),
];

pub(super) async fn network(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context { cluster, .. } = context;
    let sets = cluster.list("/apis/apps/v1/daemonsets", "").await?;
    let names: Vec<&str> = sets
        .iter()
        .filter_map(|set| set["metadata"]["name"].as_str())
        .collect();
    let is_agent = |name: &&&str| ENFORCING.iter().any(|(agent, _)| *agent == **name);
    if let Some(agent) = names.iter().find(is_agent) {
        return Ok(good(format!("probably enforced: {agent} runs")));
    }
    if names.iter().any(|name| name.contains("flannel")) {
        return Ok(bad("flannel alone enforces none")
            .fix("add an agent that does, such as Calico's policy-only mode"));
    }
    Ok(unknown("no agent that is known to enforce them was seen").fix(
        "`erpc doctor --probe` tries it; or ask who runs the cluster which network plugin it has",
    ))
}

/// Whether the cache on each node is there exactly when the cluster block says so: where it is, names are
/// asked of the node, which no rule about pods lets through.
async fn node_local(cluster: &Cluster, program: &Program<'_>) -> Result<Option<Finding>, ApiError> {
    let path = "/apis/apps/v1/namespaces/kube-system/daemonsets/node-local-dns";
    let is_there = cluster.find(path).await?.is_some();
    let flavour = program.platform.cluster().dns_flavour();
    let is_said = flavour == Some(DnsFlavour::NodeLocal);
    Ok(match (is_there, is_said) {
        (true, false) => Some(
            bad("node-local-dns runs on the nodes, and the cluster block does not say so: no policy lets its address through")
                .fix("say `dns node-local` in the cluster block"),
        ),
        (false, true) => Some(
            bad("the cluster block says `dns node-local`, and there is no DaemonSet node-local-dns")
                .fix("say `dns kube-dns` in the cluster block, or install the cache"),
        ),
        (true, true) | (false, false) => None,
    })
}

/// Whether nodes and pods have the addresses that the policies are made of.
pub(super) async fn addresses(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let declared = program.platform.cluster();
    let nodes = cluster.list("/api/v1/nodes", "").await?;
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
        let pods = first(&pods_elsewhere);
        return Ok(bad(format!("pods lie outside `pods` of the cluster block: {pods}")).fix(
            "correct `pods` in the cluster block: policies about the internet leave these addresses out",
        ));
    }
    if !nodes_elsewhere.is_empty() {
        let nodes = first(&nodes_elsewhere);
        return Ok(warning(format!(
            "nodes lie outside those of the cluster block: {nodes}"
        ))
        .fix(
            "correct `nodes … in CIDR` in the cluster block: probes and node ports come from there",
        ));
    }
    let nodes = nodes.len();
    Ok(good(format!(
        "{nodes} nodes and their pods are where the cluster block says"
    )))
}
