//! The platform under a profile: a copy with the effects written into it, and without what is off.

use super::effects::{Current, Effect, Effects, Owner};
use super::without::without;
use crate::origin::{Origin, Sourced};
use crate::platform::{Change, QuotaPart, Slot};
use crate::platform::{
    Container, NamespaceId, Platform, ProfileId, Quota, Scaling, Service, ServiceId, Workload,
};
use crate::statements::{ServiceProperties, Statements};

impl Platform {
    /// The platform under one of its profiles. What is wrong with the profile was reported when
    /// the program was resolved; a flow or route whose end is off is gone with it.
    #[must_use]
    pub fn under(&self, id: ProfileId) -> Self {
        let (effects, _) = Effects::of(self, id);
        let mut out = self.clone();
        out.profile = Some(id);
        for ((owner, slot), effect) in &effects.map {
            match owner {
                Owner::Platform => {
                    if let Change::Cluster(cluster) = effect.change {
                        out.cluster = *cluster;
                    }
                }
                Owner::Namespace(namespace) => set_quota(&mut out, *namespace, slot, effect),
                Owner::Service(service) => {
                    if let Slot::Replicas | Slot::Scale = slot {
                        let now = effects.scaling(self, *service);
                        out.services[service.index()].scaling = scaling(now, effect.origin);
                    } else if let Slot::Host(old) = slot {
                        set_host(&mut out, *service, old.as_deref(), effect);
                    } else {
                        set(&mut out.services[service.index()], slot, effect);
                    }
                }
            }
        }
        for service in &mut out.services {
            settle_workload(service);
        }
        let off = effects.off(self);
        let namespaces: Vec<bool> = self
            .namespaces()
            .map(|(id, _)| {
                !effects
                    .map
                    .contains_key(&(Owner::Namespace(id), Slot::Whole))
            })
            .collect();
        let services: Vec<bool> = self
            .services()
            .map(|(id, _)| !off.contains_key(&id))
            .collect();
        if services.iter().chain(&namespaces).all(|kept| *kept) {
            return out;
        }
        without(out, &namespaces, &services)
    }
}

fn scaling(now: Current, origin: Origin) -> Scaling {
    match now {
        Current::Fixed(value) => Scaling::Fixed(Sourced { value, origin }),
        Current::Auto(value) => Scaling::Auto(Sourced { value, origin }),
    }
}

fn set(service: &mut Service, slot: &Slot, effect: &Effect<'_>) {
    let origin = effect.origin;
    match (slot, effect.change) {
        (Slot::Cpu(name), Change::Cpu(value)) => {
            if let Some(container) = container_mut(service, name.as_deref()) {
                container.cpu = Sourced {
                    value: *value,
                    origin,
                };
            }
        }
        (Slot::Memory(name), Change::Memory(value)) => {
            if let Some(container) = container_mut(service, name.as_deref()) {
                container.memory = Sourced {
                    value: *value,
                    origin,
                };
            }
        }
        (Slot::Image(name), Change::Image(value)) => {
            if let Some(container) = container_mut(service, name.as_deref()) {
                container.image = Sourced {
                    value: value.clone(),
                    origin,
                };
            }
        }
        (Slot::Volume(name), Change::Off) => service.volumes.retain(|v| v.name.value != *name),
        (Slot::Volume(name), Change::Size(value)) => {
            for volume in service.volumes.iter_mut().filter(|v| v.name.value == *name) {
                volume.size = Sourced {
                    value: *value,
                    origin,
                };
            }
        }
        (Slot::Statement(word), change) => {
            if let Some(statement) = ServiceProperties::statement(word) {
                let unset = ServiceProperties::default();
                let layer = match change {
                    Change::Statement(layer) => layer,
                    _ => &unset,
                };
                (statement.copy)(&mut service.properties, layer);
            }
        }
        _ => {}
    }
}

fn container_mut<'s>(service: &'s mut Service, name: Option<&str>) -> Option<&'s mut Container> {
    let Some(name) = name else {
        return Some(&mut service.main);
    };
    let inner = service.sidecars.iter_mut().chain(&mut service.inits);
    inner.into_iter().find(|c| c.name.value == name)
}

fn set_host(platform: &mut Platform, id: ServiceId, old: Option<&str>, effect: &Effect<'_>) {
    let Change::Host(host) = effect.change else {
        return;
    };
    let routes = platform.routes.iter_mut();
    for route in routes.filter(|r| r.port.service == id) {
        if old.is_none_or(|old| route.host.value == old) {
            route.host = Sourced {
                value: host.to_string(),
                origin: effect.origin,
            };
        }
    }
}

fn set_quota(platform: &mut Platform, id: NamespaceId, slot: &Slot, effect: &Effect<'_>) {
    let quota = &mut platform.namespaces[id.index()].quota;
    let Slot::QuotaPart(part) = slot else {
        if *slot == Slot::Quota {
            *quota = None;
        }
        return;
    };
    let whole = quota.get_or_insert_with(|| Sourced {
        value: Quota::default(),
        origin: effect.origin,
    });
    whole.origin = effect.origin;
    let whole = &mut whole.value;
    match (part, effect.change) {
        (QuotaPart::Cpu, Change::Cpu(value)) => whole.cpu = Some(*value),
        (QuotaPart::Memory, Change::Memory(value)) => whole.memory = Some(*value),
        (QuotaPart::Pods, Change::Count(value)) => whole.pods = Some(*value),
        (QuotaPart::Storage, Change::Size(value)) => whole.storage = Some(*value),
        (QuotaPart::Cpu, _) => whole.cpu = None,
        (QuotaPart::Memory, _) => whole.memory = None,
        (QuotaPart::Pods, _) => whole.pods = None,
        (QuotaPart::Storage, _) => whole.storage = None,
    }
    if *whole == Quota::default() {
        *quota = None;
    }
}

/// A service whose own volumes are off is no longer stateful.
fn settle_workload(service: &mut Service) {
    if service.is_stateful() && service.volumes.iter().all(|v| v.shared) {
        service.workload = Workload::Deployment;
    }
}
