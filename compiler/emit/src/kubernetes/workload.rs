//! The workload of a service: Deployment, StatefulSet, Job or CronJob.

use erpc_model::units::Duration;
use erpc_model::{History, Platform, Scaling, Service, ServiceId, Sourced, Workload};
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{configs, metadata, pod};
use crate::Object;

pub(super) fn workload(platform: &Platform, id: ServiceId) -> Object {
    let service = &platform[id];
    match &service.workload {
        Workload::Deployment => deployment(platform, id).into(),
        Workload::StatefulSet => stateful_set(platform, id).into(),
        Workload::Job => batch::Job {
            metadata: described(platform, id),
            spec: Some(job_spec(platform, id)),
            status: None,
        }
        .into(),
        Workload::CronJob(schedule) => batch::CronJob {
            metadata: described(platform, id),
            spec: Some(batch::CronJobSpec {
                schedule: schedule.value.clone(),
                time_zone: service
                    .properties
                    .time_zone
                    .as_ref()
                    .map(|zone| zone.value.clone()),
                successful_jobs_history_limit: kept(service, |history| history.succeeded),
                failed_jobs_history_limit: kept(service, |history| history.failed),
                // A run that is late does not meet the next one.
                concurrency_policy: Some("Forbid".to_owned()),
                job_template: batch::JobTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: Some(metadata::labels(platform, service)),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(job_spec(platform, id)),
                },
                ..batch::CronJobSpec::default()
            }),
            status: None,
        }
        .into(),
    }
}

/// Metadata with the documentation of the source, which the workload alone carries.
fn described(platform: &Platform, id: ServiceId) -> ObjectMeta {
    let service = &platform[id];
    ObjectMeta {
        annotations: metadata::description(
            service.doc.as_deref(),
            service
                .properties
                .title
                .as_ref()
                .map(|title| title.value.as_str()),
        ),
        ..metadata::of_service(platform, id)
    }
}

/// The number of replicas, where no autoscaler owns it.
fn replicas(service: &Service) -> Option<i32> {
    match &service.scaling {
        Scaling::Fixed(count) => i32::try_from(count.value).ok(),
        Scaling::Auto(_) => None,
    }
}

fn deployment(platform: &Platform, id: ServiceId) -> apps::Deployment {
    let service = &platform[id];
    // Two pods cannot have one port of a node.
    let strategy = if service.ports.iter().any(|port| port.host) {
        apps::DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        }
    } else {
        apps::DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(apps::RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(1)),
                max_unavailable: Some(IntOrString::Int(0)),
            }),
        }
    };
    apps::Deployment {
        metadata: described(platform, id),
        spec: Some(apps::DeploymentSpec {
            replicas: replicas(service),
            selector: metadata::selector(service),
            strategy: Some(strategy),
            template: pod::template(platform, id),
            ..apps::DeploymentSpec::default()
        }),
        status: None,
    }
}

fn stateful_set(platform: &Platform, id: ServiceId) -> apps::StatefulSet {
    let service = &platform[id];
    let claims = service
        .volumes
        .iter()
        .filter(|volume| !volume.shared)
        .map(|volume| PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(volume.name.value.to_string()),
                labels: Some(metadata::identity(service)),
                ..ObjectMeta::default()
            },
            spec: Some(configs::claim_spec(platform, volume)),
            status: None,
        })
        .collect();
    apps::StatefulSet {
        metadata: described(platform, id),
        spec: Some(apps::StatefulSetSpec {
            replicas: replicas(service),
            selector: metadata::selector(service),
            service_name: Some(service.name.value.to_string()),
            template: pod::template(platform, id),
            volume_claim_templates: Some(claims),
            persistent_volume_claim_retention_policy: Some(
                apps::StatefulSetPersistentVolumeClaimRetentionPolicy {
                    when_deleted: Some("Retain".to_owned()),
                    when_scaled: Some("Retain".to_owned()),
                },
            ),
            ..apps::StatefulSetSpec::default()
        }),
        status: None,
    }
}

/// How many runs of a kind are kept, where the source says so.
fn kept(service: &Service, of: fn(&History) -> Option<u32>) -> Option<i32> {
    let history = service.properties.history.as_ref()?;
    i32::try_from(of(&history.value)?).ok()
}

fn job_spec(platform: &Platform, id: ServiceId) -> batch::JobSpec {
    let runs = &platform[id].properties;
    let seconds = |deadline: &Sourced<Duration>| i64::try_from(deadline.value.0 / 1000).ok();
    let count = |retries: &Sourced<u32>| i32::try_from(retries.value).ok();
    batch::JobSpec {
        active_deadline_seconds: runs.deadline.as_ref().and_then(seconds),
        backoff_limit: runs.retries.as_ref().and_then(count),
        template: pod::template(platform, id),
        ..batch::JobSpec::default()
    }
}
