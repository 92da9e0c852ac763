//! Fields of Deployments, StatefulSets, Jobs and CronJobs around their pods.

use erpc_model::{Scaling, Service, Workload};

use super::{
    Answer, Cause, Context,
    Part::{Item as I, Key as K},
    Path, always, by_name, one, pod, storage,
};

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    let service = context.of_service()?;
    one(match &service.workload {
        Workload::Deployment => Cause::said(
            "a service without a volume of its own is a Deployment",
            &service.name,
        ),
        Workload::StatefulSet => {
            let own = service.volumes.iter().find(|volume| !volume.shared)?;
            Cause::said("a service with a volume is a StatefulSet", &own.name)
        }
        Workload::Job => Cause::said("a job", &service.name),
        Workload::CronJob(schedule) => Cause::said("a job with `every` is a CronJob", schedule),
    })
}

pub(super) fn of(context: &Context<'_>, path: Path<'_>) -> Answer {
    let service = context.of_service()?;
    match path {
        [
            K("spec"),
            K("jobTemplate"),
            K("metadata"),
            K("labels"),
            K(key),
        ] => super::metadata::label(context, key),
        [
            K("spec"),
            K("jobTemplate"),
            K("spec"),
            K("template"),
            rest @ ..,
        ] => pod::of(context, service, &path[..path.len() - rest.len()], rest),
        [K("spec"), K("template"), rest @ ..] => pod::of(context, service, &path[..2], rest),
        [K("spec"), K("schedule")] => match &service.workload {
            Workload::CronJob(schedule) => one(Cause::said("when the job runs", schedule)),
            Workload::Deployment | Workload::StatefulSet | Workload::Job => None,
        },
        [K("spec"), K("concurrencyPolicy")] => {
            always("a run that is late does not meet the next one")
        }
        [K("spec"), K("timeZone")] => one(Cause::said(
            "the time zone of the schedule",
            service.properties.time_zone.as_ref()?,
        )),
        [
            K("spec"),
            K("successfulJobsHistoryLimit" | "failedJobsHistoryLimit"),
        ] => one(Cause::said(
            "how many runs are kept",
            service.properties.history.as_ref()?,
        )),
        [K("spec"), rest @ ..] | [K("spec"), K("jobTemplate"), K("spec"), rest @ ..]
            if rest == [K("activeDeadlineSeconds")] =>
        {
            one(Cause::said(
                "how long a run may take",
                service.properties.deadline.as_ref()?,
            ))
        }
        [K("spec"), rest @ ..] | [K("spec"), K("jobTemplate"), K("spec"), rest @ ..]
            if rest == [K("backoffLimit")] =>
        {
            one(Cause::said(
                "how often it is tried again",
                service.properties.retries.as_ref()?,
            ))
        }
        [K("spec"), K("replicas")] => one(replicas(service)),
        [K("spec"), K("selector"), K("matchLabels"), ..] => one(by_name(service)),
        [K("spec"), K("serviceName")] => one(Cause::said(
            "replicas have names under the Service of this name",
            &service.name,
        )),
        [K("spec"), K("strategy"), ..] => Some(strategy(service)),
        [K("spec"), K("persistentVolumeClaimRetentionPolicy"), ..] => {
            always("a volume outlives its service and its replicas")
        }
        [K("spec"), K("volumeClaimTemplates"), I(_), rest @ ..] => {
            let at = &path[..3];
            let name = context.value_at(at)?.pointer("/metadata/name")?.as_str()?;
            let volume = service
                .volumes
                .iter()
                .find(|volume| volume.name.value == name)?;
            match rest {
                [K("metadata"), K("labels"), ..] => one(by_name(service)),
                [K("apiVersion" | "kind")] | [K("metadata"), K("name")] => {
                    one(Cause::said("a claim of each replica", &volume.name))
                }
                [K("spec"), rest @ ..] => storage::claim(context, volume, rest),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What says how many replicas there are.
pub(super) fn replicas(service: &Service) -> Cause {
    match &service.scaling {
        Scaling::Fixed(count) => Cause::said("how many replicas there are", count),
        Scaling::Auto(auto) => Cause::said("how many replicas there may be", auto),
    }
}

fn strategy(service: &Service) -> Vec<Cause> {
    let on_node = service.ports.iter().filter(|port| port.host);
    let causes: Vec<Cause> = on_node
        .map(|port| Cause::said("two pods cannot have one port of a node", &port.number))
        .collect();
    if causes.is_empty() {
        vec![Cause::always(
            "a new replica is ready before an old one goes",
        )]
    } else {
        causes
    }
}
