//! The facts of the platform itself, its clusters, namespaces, externals and secrets.

use super::{Fact, Plain};
use crate::platform::{Cluster, External, NamespaceId, Platform, Secret};
use crate::statements::{Field, Statements};

/// The statements of the platform block, and what is counted.
#[must_use]
pub fn of_platform(platform: &Platform) -> Vec<Fact> {
    let mut facts = vec![Fact::shown("name", &platform.name)];
    if let Some(suffix) = &platform.suffix {
        facts.push(Fact::shown("suffix", suffix));
    }
    facts.extend(platform.statements.facts(platform));
    facts.push(Fact::shown("cluster", &platform.cluster().name));
    let tiers = platform.tiers.iter().map(|tier| tier.name.clone());
    facts.extend(Vec::from_iter(tiers).facts("tiers", platform));
    let volumes = platform
        .services
        .iter()
        .map(|service| service.volumes.len());
    let ports = platform.services().map(|(_, service)| service.ports.len());
    facts.extend([
        Fact::counted("namespaces", platform.namespaces.len()),
        Fact::counted("services", platform.services().count()),
        Fact::counted("ports", ports.sum()),
        Fact::counted("volumes", volumes.sum()),
        Fact::counted("flows", platform.flows.len()),
        Fact::counted("routes", platform.routes.len()),
        Fact::counted("externals", platform.externals.len()),
        Fact::counted("secrets", platform.secrets.len()),
    ]);
    facts
}

/// The statements of a namespace, its own and those of the platform.
#[must_use]
pub fn of_namespace(platform: &Platform, id: NamespaceId) -> Vec<Fact> {
    platform[id].facts(platform)
}

/// The statements of a cluster block.
#[must_use]
pub fn of_cluster(platform: &Platform, cluster: &Cluster) -> Vec<Fact> {
    cluster.facts(platform)
}

/// What an external says.
#[must_use]
pub fn of_external(platform: &Platform, external: &External) -> Vec<Fact> {
    external.facts(platform)
}

/// What a secret says, and which namespaces refer to it.
#[must_use]
pub fn of_secret(platform: &Platform, secret: &Secret) -> Vec<Fact> {
    let mut facts = secret.facts(platform);
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
