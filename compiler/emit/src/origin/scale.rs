//! Fields of HorizontalPodAutoscalers and PodDisruptionBudgets.

use erpc_model::Scaling;

use super::{Answer, Cause, Context, Part::Key as K, Path, always, by_name, one, workload};

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    let service = context.of_service()?;
    let why = match &service.scaling {
        Scaling::Auto(_) if context.object.kind() == "HorizontalPodAutoscaler" => {
            "a service that scales has an autoscaler"
        }
        Scaling::Auto(_) | Scaling::Fixed(_) => "a service of two replicas or more has a budget",
    };
    let origin = workload::replicas(service).origin;
    one(Cause::at(why, origin))
}

pub(super) fn of_autoscaler(context: &Context<'_>, path: Path<'_>) -> Answer {
    let service = context.of_service()?;
    let Scaling::Auto(scale) = &service.scaling else {
        return None;
    };
    match path {
        [K("spec"), K("minReplicas")] => one(Cause::said("the lower end of `scale`", scale)),
        [K("spec"), K("maxReplicas")] => one(Cause::said("the upper end of `scale`", scale)),
        [K("spec"), K("metrics"), ..] => one(Cause::said("`on` of `scale`", scale)),
        [K("spec"), K("scaleTargetRef"), K("name")] => one(by_name(service)),
        [K("spec"), K("scaleTargetRef"), K(_)] => workload::of_object(context),
        _ => None,
    }
}

pub(super) fn of_budget(context: &Context<'_>, path: Path<'_>) -> Answer {
    let service = context.of_service()?;
    match path {
        [K("spec"), K("minAvailable")] => one(Cause::said(
            "`disruption min`",
            service.properties.disruption.as_ref()?,
        )),
        [K("spec"), K("maxUnavailable")] => {
            always("one replica at a time where `disruption` is not said")
        }
        [K("spec"), K("selector"), ..] => one(by_name(service)),
        [K("spec"), K("unhealthyPodEvictionPolicy")] => {
            always("a pod that is not healthy protects nobody (KEP-3017)")
        }
        _ => None,
    }
}
