//! The pod template of a workload.

use std::collections::BTreeMap;

use erpc_model::{Platform, Service, ServiceId, Spread};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::container::{Role, container, tmp_volume, writable_volume};
use super::{accounts, configs, metadata};

/// The annotation that changes with the files of the mounted ConfigMaps.
pub(crate) const CONFIG_DIGEST: &str = "erpc/config-sha256";

/// Ports below it are for root alone, where a sysctl does not say otherwise.
pub(crate) const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

pub(super) fn template(platform: &Platform, id: ServiceId) -> core::PodTemplateSpec {
    let service = &platform[id];
    core::PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(metadata::labels(platform, service)),
            annotations: configs::digest(service)
                .map(|digest| BTreeMap::from([(CONFIG_DIGEST.to_owned(), digest)])),
            ..ObjectMeta::default()
        }),
        spec: Some(spec(platform, id)),
    }
}

fn spec(platform: &Platform, id: ServiceId) -> core::PodSpec {
    let service = &platform[id];
    let (account, has_token) = accounts::account_of(platform, id);
    // Sidecars come first, so that what an init container needs of them is there.
    let sidecars = (0..)
        .zip(&service.sidecars)
        .map(|(index, sidecar)| container(platform, service, sidecar, Role::Sidecar(index)));
    let inits = service
        .inits
        .iter()
        .map(|init| container(platform, service, init, Role::Init));
    let before: Vec<core::Container> = sidecars.chain(inits).collect();
    core::PodSpec {
        service_account_name: Some(account),
        automount_service_account_token: Some(has_token),
        enable_service_links: Some(false),
        security_context: Some(security(service)),
        init_containers: (!before.is_empty()).then_some(before),
        containers: vec![container(platform, service, &service.main, Role::Main)],
        topology_spread_constraints: spread(platform, service),
        volumes: Some(volumes(platform, service)),
        image_pull_secrets: pull_secrets(platform, service),
        restart_policy: service.is_job().then(|| "OnFailure".to_owned()),
        ..core::PodSpec::default()
    }
}

/// With what nodes fetch its images. It stands in the pod and not in the account: the account's list is
/// copied into a pod when that is made, so that a change of it would reach no pod that runs.
fn pull_secrets(platform: &Platform, service: &Service) -> Option<Vec<core::LocalObjectReference>> {
    let secrets = platform[service.namespace].pull_secrets.iter();
    let names: Vec<core::LocalObjectReference> = secrets
        .map(|secret| core::LocalObjectReference {
            name: platform[secret.value].name.value.to_string(),
        })
        .collect();
    (!names.is_empty()).then_some(names)
}

fn security(service: &Service) -> core::PodSecurityContext {
    let run_as = service.properties.run.as_ref().map(|run_as| run_as.value);
    let has_mounts = !service.volumes.is_empty() || !service.secret_mounts.is_empty();
    let group = run_as
        .filter(|_| has_mounts)
        .map(|run_as| i64::from(run_as.gid));
    let binds_low = service
        .ports
        .iter()
        .any(|port| port.container < FIRST_UNPRIVILEGED_PORT);
    core::PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: run_as.map(|run_as| i64::from(run_as.uid)),
        run_as_group: run_as.map(|run_as| i64::from(run_as.gid)),
        fs_group: group,
        fs_group_change_policy: group.map(|_| "OnRootMismatch".to_owned()),
        seccomp_profile: Some(core::SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        // One of the sysctls that `restricted` allows.
        sysctls: binds_low.then(|| {
            vec![core::Sysctl {
                name: "net.ipv4.ip_unprivileged_port_start".to_owned(),
                value: "0".to_owned(),
            }]
        }),
        ..core::PodSecurityContext::default()
    }
}

/// Spreads more than one replica. A pod stays pending rather than share a node only where the
/// cluster has a node for each of the least number.
fn spread(platform: &Platform, service: &Service) -> Option<Vec<core::TopologySpreadConstraint>> {
    let bounds = service.scaling.bounds();
    if bounds.max < 2 || service.is_job() {
        return None;
    }
    Some(vec![with_replicas(platform, service)])
}

/// How the pods of a service are spread as soon as there are two.
pub(crate) fn with_replicas(
    platform: &Platform,
    service: &Service,
) -> core::TopologySpreadConstraint {
    let over = service
        .properties
        .spread
        .as_ref()
        .map_or(Spread::Node, |s| s.value);
    let key = match over {
        Spread::Node => "kubernetes.io/hostname",
        Spread::Zone => "topology.kubernetes.io/zone",
    };
    core::TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: if platform.is_kept_apart(service) {
            "DoNotSchedule"
        } else {
            "ScheduleAnyway"
        }
        .to_owned(),
        label_selector: Some(metadata::selector(service)),
        // Pods of the revision that goes do not count against the one that comes (KEP-3243).
        match_label_keys: (!service.is_stateful()).then(|| vec!["pod-template-hash".to_owned()]),
        // A drained node is no place to wait for (KEP-3094).
        node_taints_policy: Some("Honor".to_owned()),
        ..core::TopologySpreadConstraint::default()
    }
}

fn volumes(platform: &Platform, service: &Service) -> Vec<core::Volume> {
    let mut volumes: Vec<core::Volume> = Vec::new();
    for volume in service.volumes.iter().filter(|volume| volume.shared) {
        volumes.push(core::Volume {
            name: volume.name.value.to_string(),
            persistent_volume_claim: Some(core::PersistentVolumeClaimVolumeSource {
                claim_name: volume.name.value.to_string(),
                read_only: None,
            }),
            ..core::Volume::default()
        });
    }
    for config in &service.configs {
        volumes.push(core::Volume {
            name: config.name.value.to_string(),
            config_map: Some(core::ConfigMapVolumeSource {
                name: config.name.value.to_string(),
                ..core::ConfigMapVolumeSource::default()
            }),
            ..core::Volume::default()
        });
    }
    for secret in &service.secret_mounts {
        let name = platform[secret.secret].name.value.to_string();
        volumes.push(core::Volume {
            name: name.clone(),
            secret: Some(core::SecretVolumeSource {
                secret_name: Some(name),
                // The files belong to the group of `run as`, and to nobody else.
                default_mode: service.properties.run.as_ref().map(|_| 0o440),
                ..core::SecretVolumeSource::default()
            }),
            ..core::Volume::default()
        });
    }
    let sidecars = (0..)
        .zip(&service.sidecars)
        .map(|(index, sidecar)| (sidecar, Role::Sidecar(index)));
    let inits = service.inits.iter().map(|init| (init, Role::Init));
    let all = std::iter::once((&service.main, Role::Main))
        .chain(sidecars)
        .chain(inits);
    for (container, role) in all {
        let folders = container
            .writable
            .iter()
            .map(|path| writable_volume(container, role, &path.value));
        let mounts_tmp = role == Role::Main
            && service
                .volumes
                .iter()
                .map(|volume| &volume.at)
                .chain(service.configs.iter().map(|config| &config.at))
                .chain(service.secret_mounts.iter().map(|secret| &secret.at))
                .any(|at| at.value.trim_end_matches('/') == "/tmp")
            || container
                .writable
                .iter()
                .any(|path| path.value.trim_end_matches('/') == "/tmp");
        let tmp = (!mounts_tmp).then(|| tmp_volume(container, role));
        for name in folders.chain(tmp) {
            volumes.push(core::Volume {
                name,
                empty_dir: Some(core::EmptyDirVolumeSource::default()),
                ..core::Volume::default()
            });
        }
    }
    volumes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    volumes
}
