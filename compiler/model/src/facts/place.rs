//! The facts of the platform itself, its clusters, namespaces, externals and secrets.

use super::service::port_numbers;
use super::{Fact, Plain, grants, keyed, several};
use crate::origin::Sourced;
use crate::platform::{
    Cluster, External, IngressController, NamespaceId, Nodes, Platform, Secret, StorageClass,
};

/// What the platform block says, and what is counted.
#[must_use]
pub fn of_platform(platform: &Platform) -> Vec<Fact> {
    let mut facts = vec![Fact::shown("name", &platform.name)];
    facts.extend(platform.title.as_ref().map(|v| Fact::shown("title", v)));
    facts.extend(platform.id.as_ref().map(|v| Fact::shown("id", v)));
    facts.push(Fact::shown("version", &platform.version));
    facts.extend(platform.domain.as_ref().map(|v| Fact::shown("domain", v)));
    facts.push(Fact::shown("environment", &platform.environment));
    facts.push(Fact::shown("registry", &platform.registry));
    facts.extend(several("registries", &platform.registries));
    facts.push(Fact::shown("pull", &platform.pull));
    let outputs = platform.outputs.iter();
    let outputs: Vec<Sourced<&str>> = outputs
        .map(|output| Sourced {
            value: output.value.target.as_str(),
            origin: output.origin,
        })
        .collect();
    facts.extend(several("output", &outputs));
    facts.push(Fact::shown("cluster", &platform.cluster().name));
    let tiers: Vec<Sourced<&str>> = platform
        .tiers
        .iter()
        .map(|tier| Sourced {
            value: tier.name.value.as_str(),
            origin: tier.name.origin,
        })
        .collect();
    facts.extend(several("tiers", &tiers));
    let volumes = platform
        .services
        .iter()
        .map(|service| service.volumes.len());
    let ports = platform.services.iter().map(|service| service.ports.len());
    facts.extend([
        Fact::counted("namespaces", platform.namespaces.len()),
        Fact::counted("services", platform.services.len()),
        Fact::counted("ports", ports.sum()),
        Fact::counted("volumes", volumes.sum()),
        Fact::counted("flows", platform.flows.len()),
        Fact::counted("routes", platform.routes.len()),
        Fact::counted("externals", platform.externals.len()),
        Fact::counted("secrets", platform.secrets.len()),
    ]);
    facts
}

/// What a namespace says or gets.
#[must_use]
pub fn of_namespace(platform: &Platform, id: NamespaceId) -> Vec<Fact> {
    let namespace = &platform[id];
    let mut facts = Vec::new();
    facts.extend(namespace.title.as_ref().map(|v| Fact::shown("title", v)));
    let tier = namespace.tier.clone();
    facts.push(Fact::shown(
        "tier",
        &tier.map(|tier| platform.tiers[tier.index()].name.value.clone()),
    ));
    facts.extend(namespace.slo.as_ref().map(|slo| {
        let text = format!("{} over {}", slo.value.share, slo.value.over);
        let child = Fact::of("availability", Plain::Text(text), slo.origin);
        Fact::group("slo", vec![child])
    }));
    let after: Vec<Sourced<String>> = namespace
        .after
        .iter()
        .map(|after| after.clone().map(|id| platform[id].name.value.to_string()))
        .collect();
    facts.extend(several("after", &after));
    facts.extend(namespace.quota.as_ref().map(|quota| {
        let parts = [
            quota.value.cpu.map(|v| format!("cpu {v}")),
            quota.value.memory.map(|v| format!("memory {v}")),
            quota.value.pods.map(|v| format!("pods {v}")),
            quota.value.storage.map(|v| format!("storage {v}")),
        ];
        Fact::of("quota", joined(parts), quota.origin)
    }));
    facts.extend(namespace.limits.as_ref().map(|limits| {
        let parts = [
            limits.value.cpu.map(|v| format!("cpu {v}")),
            limits.value.memory.map(|v| format!("memory {v}")),
        ];
        Fact::of("limits", joined(parts), limits.origin)
    }));
    let secrets: Vec<Sourced<String>> = namespace
        .pull_secrets
        .iter()
        .map(|secret| secret.clone().map(|id| platform[id].name.value.to_string()))
        .collect();
    facts.extend(several("pull-secret", &secrets));
    let labels = namespace.labels.iter();
    let labels = labels.map(|(key, value)| Fact::shown(key.as_str(), value));
    facts.extend(keyed("labels", labels.collect()));
    facts.extend(grants(&namespace.grants));
    facts
}

/// The parts that are said, as the language writes them.
fn joined<const N: usize>(parts: [Option<String>; N]) -> Plain {
    let said: Vec<String> = parts.into_iter().flatten().collect();
    Plain::Text(said.join(", "))
}

/// What a cluster block says.
#[must_use]
pub fn of_cluster(platform: &Platform, cluster: &Cluster) -> Vec<Fact> {
    let mut facts = Vec::new();
    let kubernetes = cluster.kubernetes.as_ref();
    facts.extend(kubernetes.map(|v| Fact::shown("kubernetes", v)));
    facts.extend(cluster.nodes.as_ref().map(nodes));
    facts.extend(several("pods", &cluster.pod_cidrs));
    facts.extend(several("services", &cluster.service_cidrs));
    let api: Vec<Sourced<String>> = cluster
        .api
        .iter()
        .map(|api| {
            let shown = std::net::SocketAddr::new(api.value.ip, api.value.port).to_string();
            api.clone().map(|_| shown)
        })
        .collect();
    facts.extend(several("api", &api));
    facts.extend(cluster.dns.as_ref().map(|v| Fact::shown("dns", v)));
    facts.extend(several("dns at", &cluster.dns_at));
    facts.extend(cluster.cni.as_ref().map(|v| Fact::shown("cni", v)));
    facts.extend(several("cni with", &cluster.cni_with));
    facts.extend(cluster.mesh.as_ref().map(|v| Fact::shown("mesh", v)));
    facts.extend(keyed(
        "storage",
        cluster.storage.iter().map(storage).collect(),
    ));
    facts.extend(cluster.ingress.as_ref().map(|ingress| {
        let by = match &ingress.controller {
            IngressController::Service(id, ports) => {
                let names = ports.iter().map(|port| platform[*port].name.value.as_str());
                let names: Vec<&str> = names.collect();
                format!("{}:{}", platform.path(*id), names.join(", "))
            }
            IngressController::Pods { namespace, labels } => {
                let labels = labels
                    .iter()
                    .map(|(key, value)| format!("\"{key}={value}\""));
                let labels: Vec<String> = labels.collect();
                format!("pods {namespace} {}", labels.join(", "))
            }
            IngressController::Nodes => "nodes".to_owned(),
        };
        let text = format!("{} by {by}", ingress.class.value);
        Fact::of("ingress", Plain::Text(text), ingress.class.origin)
    }));
    facts
}

fn nodes(nodes: &Sourced<Nodes>) -> Fact {
    let of = &nodes.value;
    let mut text = format!("{} of cpu {}, memory {}", of.count, of.cpu, of.memory);
    if of.reserved.0 > 0 {
        text.push_str(&format!(", reserved {}", of.reserved));
    }
    if let Some(arch) = &of.arch {
        text.push_str(&format!(", arch {arch}"));
    }
    for (at, cidr) in of.cidrs.iter().enumerate() {
        text.push_str(&format!(", {}{cidr}", if at == 0 { "in " } else { "" }));
    }
    Fact::of("nodes", Plain::Text(text), nodes.origin)
}

fn storage(class: &StorageClass) -> Fact {
    let mut parts: Vec<String> = Vec::new();
    if class.is_default {
        parts.push("default".to_owned());
    }
    if let Some(size) = &class.size {
        parts.push(format!("of {}", size.value));
    }
    if let Some(create) = &class.create {
        parts.push(format!("create provisioner \"{}\"", create.provisioner));
        if create.wait {
            parts.push("wait".to_owned());
        }
        let reclaim = if create.retain { "retain" } else { "delete" };
        parts.push(format!("reclaim {reclaim}"));
    }
    if parts.is_empty() {
        parts.push("exists".to_owned());
    }
    let name = class.name.value.as_str();
    Fact::of(name, Plain::Text(parts.join(" ")), class.name.origin)
}

/// What an external says.
#[must_use]
pub fn of_external(external: &External) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(several("cidr", &external.cidrs));
    facts.extend(several("dns", &external.dns_names));
    let ports = external.ports.iter().map(|port| {
        let text = port_numbers(port.number, port.last, port.protocol);
        let name = port.name.value.as_str();
        Fact::of(name, Plain::Text(text), port.name.origin)
    });
    facts.extend(keyed("port", ports.collect()));
    facts
}

/// What a secret says, and which namespaces refer to it.
#[must_use]
pub fn of_secret(platform: &Platform, secret: &Secret) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(several("keys", &secret.keys));
    facts.extend(secret.because.as_ref().map(|because| {
        let because = Plain::Text(because.clone());
        Fact::of("because", because, secret.name.origin)
    }));
    let used = secret.used_in.iter();
    let used = used.map(|id| Plain::Text(platform[*id].name.value.to_string()));
    facts.push(Fact {
        name: "used in".to_owned(),
        value: Some(Plain::List(used.collect())),
        origin: None,
        children: Vec::new(),
    });
    facts
}
