//! The PodDisruptionBudget of a service with two pods or more.

use erpc_model::{Platform, ServiceId};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::Object;

/// A budget on a single pod would block every drain, so it needs a least count of two.
pub(super) fn budget(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let service = &platform[id];
    if service.scaling.bounds().min < 2 || service.is_job() {
        return Vec::new();
    }
    vec![with_replicas(platform, id)]
}

/// The budget that the service has as soon as it has two pods.
pub(crate) fn with_replicas(platform: &Platform, id: ServiceId) -> Object {
    let service = &platform[id];
    let declared = service
        .properties
        .disruption
        .as_ref()
        .and_then(|min| i32::try_from(min.value).ok());
    Object::from(PodDisruptionBudget {
        metadata: metadata::of_service(platform, id),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(metadata::selector(service)),
            min_available: declared.map(IntOrString::Int),
            max_unavailable: declared.is_none().then_some(IntOrString::Int(1)),
            // A pod that is not healthy protects nobody (KEP-3017).
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
        }),
        status: None,
    })
}
