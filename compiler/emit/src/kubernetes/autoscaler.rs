//! The HorizontalPodAutoscaler of a service that scales.

use erpc_model::{Platform, Scaling, ServiceId};

use super::{metadata, workload};
use crate::cause::Cause;
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map};

pub(crate) fn autoscaler(platform: &Platform, id: ServiceId) -> Option<Object> {
    let service = &platform[id];
    let Scaling::Auto(scale) = &service.scaling else {
        return None;
    };
    let kind = Kind::of_workload(&service.workload);
    let replicas = &scale.value.replicas;
    let mut spec = Map::new();
    let upper = Cause::said("the upper end of `scale`", scale);
    spec.set("maxReplicas", replicas.max, upper);
    let metrics: Vec<Field> = [("cpu", scale.value.cpu), ("memory", scale.value.memory)]
        .into_iter()
        .filter_map(|(name, percent)| Some(Field::plain(metric(name, percent?))))
        .collect();
    spec.set("metrics", metrics, Cause::said("`on` of `scale`", scale));
    let lower = Cause::said("the lower end of `scale`", scale);
    spec.set("minReplicas", replicas.min, lower);
    let mut target = Map::new();
    let cause = workload::cause(service);
    target.set("apiVersion", kind.api_version(), cause);
    target.set("kind", kind.as_str(), cause);
    let workload = service.workload_name();
    let by_name = metadata::name_cause(service, workload);
    target.set("name", &workload.value, by_name);
    spec.block("scaleTargetRef", target);
    let why = "a service that scales has an autoscaler";
    let cause = Cause::said(why, scale);
    let metadata = metadata::of_service(platform, id);
    Some(Object::new(Kind::HorizontalPodAutoscaler, metadata, cause).with_spec(spec))
}

/// The share of its request that a resource may be used at.
fn metric(name: &'static str, percent: u32) -> Map {
    let mut target = Map::new();
    target.block("averageUtilization", percent);
    target.block("type", "Utilization");
    let mut resource = Map::new();
    resource.block("name", name);
    resource.block("target", target);
    let mut metric = Map::new();
    metric.block("resource", resource);
    metric.block("type", "Resource");
    metric
}
