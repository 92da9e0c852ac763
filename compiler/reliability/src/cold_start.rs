//! A start of everything from nothing: what each tier and namespace needs before it, and the chain
//! of services that takes longest, by the earliest moment at which their probes may answer.

use std::collections::BTreeSet;

use erpc_model::units::Duration;
use erpc_model::{NamespaceId, Platform, Service, ServiceId, TierId};
use erpc_policy::{Condition, Derived, critical_path};

use crate::promise::required;

/// A service on the critical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CriticalService {
    /// Which one.
    pub service: ServiceId,
    /// The least time from its start until it is ready.
    pub takes: Duration,
    /// The least time from the start of everything until it is ready.
    pub ready_at: Duration,
    /// Why it waits for the one before.
    pub because: Option<Condition>,
}

/// What must be ready before a namespace, or before some of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Which namespace.
    pub namespace: NamespaceId,
    /// All of these tiers: those right below its own.
    pub tiers: Vec<TierId>,
    /// All of these namespaces, which it names with `after`.
    pub after: Vec<NamespaceId>,
    /// Single services of other namespaces, none of which comes first as a whole, for those of its
    /// own that require them or name them with `after`; sorted.
    pub services: Vec<ServiceId>,
}

/// The least time from the start of a service until its probes can say that it is ready; images and
/// the work of its containers come on top.
#[must_use]
pub fn earliest(service: &Service) -> Duration {
    let probes = service
        .containers()
        .flat_map(|container| [&container.probes.ready, &container.probes.startup]);
    let after = probes.flatten().map(|probe| probe.value.after.value);
    after.max().unwrap_or_default()
}

/// The cold-start critical path, first to last.
#[must_use]
pub fn critical(platform: &Platform, derived: &Derived) -> Vec<CriticalService> {
    let path = critical_path(platform, &derived.edges, |id| earliest(&platform[id]).0);
    let mut ready_at = Duration(0);
    path.into_iter()
        .map(|(service, because)| {
            let takes = earliest(&platform[service]);
            ready_at.0 = ready_at.0.saturating_add(takes.0);
            CriticalService {
                service,
                takes,
                ready_at,
                because,
            }
        })
        .collect()
}

/// What each namespace needs before it, by name of the namespace.
#[must_use]
pub fn before(platform: &Platform, derived: &Derived) -> Vec<Before> {
    platform
        .namespaces()
        .map(|(id, namespace)| {
            let after: Vec<NamespaceId> = namespace.after.iter().map(|after| after.value).collect();
            let below = &platform.tiers[namespace.tier.value.index()].below;
            let is_alone = |other: &ServiceId| {
                let tier = platform.tier_of(&platform[*other]).value;
                let other = platform[*other].namespace;
                other != id && !after.contains(&other) && !below.contains(&tier)
            };
            let mut services = BTreeSet::new();
            for service in &namespace.services {
                let needs = required(derived, *service).map(|(other, _)| other);
                let named = platform[*service].after.iter().map(|after| after.value);
                services.extend(needs.chain(named).filter(is_alone));
            }
            Before {
                namespace: id,
                tiers: right_below(platform, namespace.tier.value),
                after,
                services: services.into_iter().collect(),
            }
        })
        .collect()
}

/// The tiers below one that are below no other that is.
#[must_use]
pub fn right_below(platform: &Platform, tier: TierId) -> Vec<TierId> {
    let below = &platform.tiers[tier.index()].below;
    let is_further = |id: &TierId| {
        let between = below.iter().map(|other| &platform.tiers[other.index()]);
        between.into_iter().any(|other| other.below.contains(id))
    };
    below.iter().filter(|id| !is_further(id)).copied().collect()
}
