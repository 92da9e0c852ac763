//! The PodDisruptionBudget of a service with two pods or more.

use erpc_model::{Platform, Service, ServiceId};

use super::{metadata, workload};
use crate::cause::Cause;
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::Map;

/// A budget on a single pod would block every drain, so it needs a least count of two.
pub(super) fn budget(platform: &Platform, id: ServiceId) -> Option<Object> {
    let service = &platform[id];
    let has_several = service.scaling.bounds().min >= 2 && can_have_one(service);
    has_several.then(|| with_replicas(platform, id))
}

/// Whether the service has a budget as soon as it has two pods.
pub(crate) fn can_have_one(service: &Service) -> bool {
    service.has_replicas() && (service.is_strict() || service.properties.disruption.is_some())
}

/// The budget that the service has as soon as it has two pods.
pub(crate) fn with_replicas(platform: &Platform, id: ServiceId) -> Object {
    let service = &platform[id];
    let mut spec = Map::new();
    match &service.properties.disruption {
        Some(least) => spec.set(
            "minAvailable",
            least.value,
            Cause::said("`disruption min`", least),
        ),
        None => spec.set(
            "maxUnavailable",
            1,
            Cause::always("one replica at a time where `disruption` is not said"),
        ),
    };
    let by_name = metadata::selector_cause(service);
    spec.set("selector", metadata::selector(service), by_name);
    spec.set(
        "unhealthyPodEvictionPolicy",
        "AlwaysAllow",
        Cause::always("a pod that is not healthy serves no client (KEP-3017)"),
    );
    let why = "a service of two replicas or more has a budget";
    let cause = Cause::at(why, workload::replicas(service).origin);
    let metadata = metadata::of_service(platform, id);
    Object::new(Kind::PodDisruptionBudget, metadata, cause).with_spec(spec)
}
