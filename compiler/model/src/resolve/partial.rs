//! What stands for a part that could not be resolved, so that the checks of all others still run:
//! every mistake is reported in one run. A program with such a part has errors, so that nothing is
//! ever emitted from it.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::ids::Id;
use crate::origin::Sourced;
use crate::platform::{
    Cluster, Container, Flow, IngressController, Namespace, NamespaceId, Peer, Service, ServiceId,
    Tier, TierId,
};

/// All services, with a bare one in the place of each that could not be resolved; and which those
/// are.
pub(super) fn services(
    resolved: Vec<Option<Service>>,
    names: &[(NamespaceId, Sourced<SmolStr>)],
    registry: &str,
) -> (Vec<Service>, FxHashSet<ServiceId>) {
    let mut missing = FxHashSet::default();
    let services = (0..)
        .map(ServiceId)
        .zip(resolved)
        .zip(names)
        .map(|((id, service), (namespace, name))| {
            service.unwrap_or_else(|| {
                missing.insert(id);
                bare(*namespace, name.clone(), registry)
            })
        })
        .collect();
    (services, missing)
}

/// Takes what could not be resolved out of everything that refers to it: of a service whose ports
/// are unknown nothing is known that a flow could break.
pub(super) fn detach(
    missing: &FxHashSet<ServiceId>,
    namespaces: &mut [Namespace],
    services: &mut [Service],
    flows: &mut Vec<Flow>,
    clusters: &mut [Cluster],
) {
    if missing.is_empty() {
        return;
    }
    for namespace in namespaces {
        namespace.services.retain(|id| !missing.contains(id));
    }
    for service in services {
        service
            .after
            .retain(|after| !missing.contains(&after.value));
    }
    for flow in &mut *flows {
        for peers in [&mut flow.from, &mut flow.to] {
            peers
                .peers
                .retain(|end| !matches!(end, Peer::Service(id) if missing.contains(id)));
        }
    }
    flows.retain(|flow| !flow.from.peers.is_empty() && !flow.to.peers.is_empty());
    for cluster in clusters {
        let is_missing = |ingress: &crate::platform::Ingress| matches!(ingress.controller, IngressController::Service(id, _) if missing.contains(&id));
        if cluster.ingress.as_ref().is_some_and(is_missing) {
            cluster.ingress = None;
            cluster.is_whole = false;
        }
    }
}

/// A tier that is comparable with none, for namespaces whose tier is not known. It has no name, so that
/// nobody means it.
pub(super) fn add_unknown_tier(tiers: &mut Vec<Tier>, namespaces: &[Namespace]) {
    let unknown = unknown_tier(tiers);
    if let Some(namespace) = namespaces.iter().find(|n| n.tier.value == unknown) {
        tiers.push(Tier {
            name: namespace.tier.clone().map(|_| SmolStr::default()),
            below: Vec::new(),
            rank: 0,
        });
    }
}

/// The id of that tier.
pub(super) fn unknown_tier(tiers: &[Tier]) -> TierId {
    TierId::from_index(tiers.len())
}

fn bare(namespace: NamespaceId, name: Sourced<SmolStr>, registry: &str) -> Service {
    let mut main = Container::new(name.clone());
    main.image.value.registry = registry.into();
    Service::new(name, namespace, main)
}
