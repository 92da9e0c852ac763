//! The workload of a service: Deployment, StatefulSet, Job or CronJob.

use erpc_model::{Platform, Scaling, Service, ServiceId, Volume, Workload};

use super::metadata::Labelled;
use super::{configs, metadata, pod};
use crate::cause::{Cause, Causes};
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map, Node};

pub(super) fn workload(platform: &Platform, id: ServiceId) -> Object {
    let service = &platform[id];
    let kind = Kind::of_workload(&service.workload);
    let spec = match &service.workload {
        Workload::Deployment => deployment(platform, id),
        Workload::StatefulSet => stateful_set(platform, id),
        Workload::DaemonSet => daemon_set(platform, id),
        Workload::Job => job(platform, id),
        Workload::CronJob(_) => cron_job(platform, id),
    };
    // The workload alone carries the documentation of the source.
    let name = service.workload_name();
    let cause = metadata::name_cause(service, name);
    let mut metadata = metadata::named(platform, id, name.value.clone(), cause);
    let title = service.properties.title.as_ref();
    metadata::describe(&mut metadata, &service.name, service.doc.as_deref(), title);
    metadata::add_declared(&mut metadata, service, Labelled::Object);
    Object::new(kind, metadata, self::cause(service)).with_spec(spec)
}

/// Why the workload of a service is of its kind.
pub(super) fn cause(service: &Service) -> Cause {
    let own = || service.volumes.iter().find(|volume| !volume.is_single());
    match &service.workload {
        Workload::Deployment => Cause::said(
            "a service without a volume of its own is a Deployment",
            &service.name,
        ),
        Workload::StatefulSet => match (own(), &service.stateful) {
            (None, Some(stateful)) => Cause::said("`stateful` is a StatefulSet", stateful),
            (own, _) => Cause::said(
                "a service with a volume is a StatefulSet",
                own.map_or(&service.name, |own| &own.name),
            ),
        },
        Workload::DaemonSet => {
            let why = "a service with `replicas per node` is a DaemonSet";
            Cause::at(why, service.scaling.origin())
        }
        Workload::Job => Cause::said("a job", &service.name),
        Workload::CronJob(schedule) => Cause::said("a job with `every` is a CronJob", schedule),
    }
}

/// What says how many replicas there are.
pub(super) fn replicas(service: &Service) -> Cause {
    let why = match &service.scaling {
        Scaling::Fixed(_) | Scaling::PerNode(_) => "how many replicas there are",
        Scaling::Auto(_) => "how many replicas there may be",
    };
    Cause::at(why, service.scaling.origin())
}

/// What all workloads have in common whose pods serve.
fn serving(platform: &Platform, id: ServiceId) -> Map {
    let mut spec = Map::new();
    spec.block("selector", metadata::selector(&platform[id]));
    spec.block("template", pod::template(platform, id));
    spec
}

/// What a Deployment and a StatefulSet have in common.
fn replicated(platform: &Platform, id: ServiceId) -> Map {
    let service = &platform[id];
    let mut spec = serving(platform, id);
    // With an autoscaler, that owns the number.
    if let Scaling::Fixed(count) = &service.scaling {
        spec.set("replicas", count.value, replicas(service));
    }
    spec
}

/// The ports that a pod opens on its node, of which there can be one each.
fn ports_on_node(service: &Service) -> Causes {
    let ports = service.ports.iter().filter(|port| port.host);
    ports
        .map(|port| Cause::said("two pods cannot have one port of a node", &port.number))
        .collect()
}

/// What an old pod and a new one cannot have at the same time: ports of the node, and volumes that one node mounts.
fn one_at_a_time(service: &Service) -> Causes {
    let ports = service.ports.iter().filter(|port| port.host);
    let ports =
        ports.map(|port| Cause::said("two pods cannot have one port of a node", &port.number));
    let volumes = service.volumes.iter().filter(|volume| volume.once);
    let volumes = volumes.map(|volume| {
        Cause::said(
            "two pods on two nodes cannot mount this volume",
            &volume.name,
        )
    });
    ports.chain(volumes).collect()
}

/// How many pods of an update there may be too many, and how many too few.
fn rolling_update(max_surge: i32, max_unavailable: i32) -> Map {
    let mut rolling = Map::new();
    rolling.block("maxSurge", max_surge);
    rolling.block("maxUnavailable", max_unavailable);
    let mut strategy = Map::new();
    strategy.block("rollingUpdate", rolling);
    strategy.block("type", "RollingUpdate");
    strategy
}

/// Why an update starts new pods before it stops old ones.
const READY_FIRST: Cause = Cause::always("a new replica is ready before an old one goes");

fn daemon_set(platform: &Platform, id: ServiceId) -> Map {
    let on_node = ports_on_node(&platform[id]);
    let mut spec = serving(platform, id);
    if !platform[id].is_strict() {
        return spec;
    }
    if on_node == Causes::None {
        spec.set("updateStrategy", rolling_update(1, 0), READY_FIRST);
    } else {
        spec.set("updateStrategy", rolling_update(0, 1), on_node);
    }
    spec
}

fn deployment(platform: &Platform, id: ServiceId) -> Map {
    let mut spec = replicated(platform, id);
    if !platform[id].is_strict() {
        return spec;
    }
    let alone = one_at_a_time(&platform[id]);
    let (strategy, causes) = if alone == Causes::None {
        (rolling_update(1, 0), READY_FIRST.into())
    } else {
        let mut recreate = Map::new();
        recreate.block("type", "Recreate");
        (recreate, alone)
    };
    spec.set("strategy", strategy, causes);
    spec
}

fn stateful_set(platform: &Platform, id: ServiceId) -> Map {
    let service = &platform[id];
    let own = service.volumes.iter().filter(|volume| !volume.is_single());
    let claims: Vec<Field> = own
        .map(|volume| Field::plain(claim(platform, service, volume)))
        .collect();
    let mut spec = replicated(platform, id);
    if service.is_strict() {
        let mut retention = Map::new();
        retention.block("whenDeleted", "Retain");
        retention.block("whenScaled", "Retain");
        let cause = Cause::always("a volume outlives its service and its replicas");
        spec.set("persistentVolumeClaimRetentionPolicy", retention, cause);
    }
    if let Some(governing) = service.governing_service() {
        let why = "replicas have names under the Service of this name";
        let cause = Cause::said(why, &governing);
        spec.set("serviceName", governing.value.clone(), cause);
    }
    if !claims.is_empty() {
        spec.block("volumeClaimTemplates", claims);
    }
    spec
}

/// The claim of each replica.
fn claim(platform: &Platform, service: &Service, volume: &Volume) -> Map {
    let cause = Cause::said("a claim of each replica", &volume.name);
    let kind = Kind::PersistentVolumeClaim;
    let mut claim = Map::of_kind(kind.api_version(), kind.as_str(), cause);
    let mut metadata = Map::new();
    if service.properties.identity.is_none() {
        metadata.set("labels", metadata::identity(service), Cause::name(service));
    }
    metadata.set("name", &volume.name.value, cause);
    claim.block("metadata", metadata);
    claim.block("spec", configs::claim_spec(platform, volume));
    claim
}

fn cron_job(platform: &Platform, id: ServiceId) -> Map {
    let service = &platform[id];
    let properties = &service.properties;
    let mut template = Map::new();
    if service.properties.identity.is_none() {
        let mut labels = Map::new();
        labels.block("labels", metadata::labels(platform, service));
        template.block("metadata", labels);
    }
    template.block("spec", job(platform, id));
    let mut spec = Map::new();
    if service.is_strict() {
        let cause = Cause::always("a run that is late does not meet the next one");
        spec.set("concurrencyPolicy", "Forbid", cause);
    }
    if let Some(history) = &properties.history {
        let cause = Cause::said("how many runs are kept", history);
        let kept = [
            ("failedJobsHistoryLimit", history.value.failed),
            ("successfulJobsHistoryLimit", history.value.succeeded),
        ];
        for (field, count) in kept {
            if let Some(count) = count {
                spec.set(field, count, cause);
            }
        }
    }
    spec.block("jobTemplate", template);
    if let Workload::CronJob(schedule) = &service.workload {
        let cause = Cause::said("when the job runs", schedule);
        spec.set("schedule", &schedule.value, cause);
    }
    if let Some(zone) = &properties.time_zone {
        let cause = Cause::said("the time zone of the schedule", zone);
        spec.set("timeZone", &zone.value, cause);
    }
    spec
}

fn job(platform: &Platform, id: ServiceId) -> Map {
    let runs = &platform[id].properties;
    let mut spec = Map::new();
    if let Some(deadline) = &runs.deadline {
        let cause = Cause::said("how long a run may take", deadline);
        spec.set("activeDeadlineSeconds", deadline.value.0 / 1000, cause);
    }
    if let Some(retries) = &runs.retries {
        let cause = Cause::said("how often it is tried again", retries);
        spec.set("backoffLimit", Node::from(retries.value), cause);
    }
    spec.block("template", pod::template(platform, id));
    spec
}
