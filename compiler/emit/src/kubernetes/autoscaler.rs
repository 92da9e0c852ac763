//! The HorizontalPodAutoscaler of a service that scales.

use erpc_model::{Platform, Scaling, ServiceId};
use k8s_openapi::api::autoscaling::v2 as autoscaling;

use super::metadata;
use crate::Object;

pub(crate) fn autoscaler(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let service = &platform[id];
    let Scaling::Auto(scale) = &service.scaling else {
        return Vec::new();
    };
    let scale = &scale.value;
    let kind = if service.is_stateful() {
        "StatefulSet"
    } else {
        "Deployment"
    };
    let metrics = [("cpu", scale.cpu), ("memory", scale.memory)]
        .into_iter()
        .filter_map(|(name, percent)| {
            let percent = i32::try_from(percent?).ok()?;
            Some(autoscaling::MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(autoscaling::ResourceMetricSource {
                    name: name.to_owned(),
                    target: autoscaling::MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(percent),
                        ..autoscaling::MetricTarget::default()
                    },
                }),
                ..autoscaling::MetricSpec::default()
            })
        })
        .collect();
    vec![Object::from(autoscaling::HorizontalPodAutoscaler {
        metadata: metadata::of_service(platform, id),
        spec: Some(autoscaling::HorizontalPodAutoscalerSpec {
            scale_target_ref: autoscaling::CrossVersionObjectReference {
                api_version: Some("apps/v1".to_owned()),
                kind: kind.to_owned(),
                name: service.name.value.to_string(),
            },
            min_replicas: i32::try_from(scale.replicas.min).ok(),
            max_replicas: i32::try_from(scale.replicas.max).unwrap_or(i32::MAX),
            metrics: Some(metrics),
            behavior: None,
        }),
        status: None,
    })]
}
