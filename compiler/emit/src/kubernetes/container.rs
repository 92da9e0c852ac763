//! Containers: image, environment, resources, probes, security, mounts.

use std::collections::BTreeMap;

use erpc_model::units::Duration;
use erpc_model::{
    Container, EnvValue, Platform, Port, Probe, ProbeCheck, PullPolicy, Service, Sourced,
};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What a container is in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    /// By its place among the sidecars.
    Sidecar(u32),
    Init,
}

/// The volume that a container's `/tmp` is.
pub(super) fn tmp_volume(container: &Container, role: Role) -> String {
    match role {
        Role::Main => "tmp".to_owned(),
        Role::Sidecar(_) | Role::Init => format!("tmp-{}", container.name.value),
    }
}

/// The volume that a writable folder is: `var-run-x` for `/var/run/x`.
pub(super) fn writable_volume(container: &Container, role: Role, path: &str) -> String {
    erpc_model::kubernetes::writable_volume(&container.name.value, role == Role::Main, path)
}

pub(super) fn container(
    platform: &Platform,
    service: &Service,
    container: &Container,
    role: Role,
) -> core::Container {
    let ports: Vec<core::ContainerPort> = service
        .ports
        .iter()
        .filter(|port| match role {
            Role::Main => port.sidecar.is_none(),
            Role::Sidecar(index) => port.sidecar == Some(index),
            Role::Init => false,
        })
        .flat_map(container_ports)
        .collect();
    core::Container {
        name: container.name.value.to_string(),
        image: Some(container.image.value.to_string()),
        image_pull_policy: Some(
            match platform.pull.value {
                PullPolicy::Always => "Always",
                PullPolicy::Missing => "IfNotPresent",
                PullPolicy::Never => "Never",
            }
            .to_owned(),
        ),
        command: words(container.command.as_ref()),
        args: words(container.args.as_ref()),
        env: (!container.env.is_empty()).then(|| environment(platform, container)),
        ports: (!ports.is_empty()).then_some(ports),
        resources: Some(resources(container)),
        readiness_probe: probe(service, container.probes.ready.as_ref()),
        liveness_probe: probe(service, container.probes.live.as_ref()),
        startup_probe: probe(service, container.probes.startup.as_ref()),
        security_context: Some(security(container)),
        volume_mounts: Some(mounts(platform, service, container, role)),
        // A sidecar is an init container that keeps running (KEP-753).
        restart_policy: matches!(role, Role::Sidecar(_)).then(|| "Always".to_owned()),
        ..core::Container::default()
    }
}

fn words(list: Option<&Sourced<Vec<String>>>) -> Option<Vec<String>> {
    list.map(|list| list.value.clone())
        .filter(|list| !list.is_empty())
}

fn container_ports(port: &Port) -> Vec<core::ContainerPort> {
    let width = port.last - port.number.value;
    (0..=width)
        .map(|step| {
            let number = i32::from(port.container) + i32::from(step);
            core::ContainerPort {
                name: (width == 0).then(|| port.name.value.to_string()),
                container_port: number,
                host_port: port.host.then_some(number),
                protocol: Some(port.protocol.as_str().to_owned()),
                host_ip: None,
            }
        })
        .collect()
}

fn environment(platform: &Platform, container: &Container) -> Vec<core::EnvVar> {
    container
        .env
        .iter()
        .map(|variable| match &variable.value.value {
            EnvValue::Text(text) => core::EnvVar {
                name: variable.name.to_string(),
                value: Some(text.clone()),
                value_from: None,
            },
            EnvValue::Secret(secret, key) => core::EnvVar {
                name: variable.name.to_string(),
                value: None,
                value_from: Some(core::EnvVarSource {
                    secret_key_ref: Some(core::SecretKeySelector {
                        name: platform[*secret].name.value.to_string(),
                        key: key.to_string(),
                        optional: None,
                    }),
                    ..core::EnvVarSource::default()
                }),
            },
        })
        .collect()
}

pub(crate) fn resources(container: &Container) -> core::ResourceRequirements {
    let of = |cpu: String, memory: String| {
        BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu)),
            ("memory".to_owned(), Quantity(memory)),
        ])
    };
    let (cpu, memory) = (container.cpu.value, container.memory.value);
    core::ResourceRequirements {
        requests: Some(of(cpu.min.to_string(), memory.min.to_string())),
        limits: Some(of(cpu.max.to_string(), memory.max.to_string())),
        claims: None,
    }
}

/// What every container gets: Pod Security `restricted`, and a read-only file system.
fn security(container: &Container) -> core::SecurityContext {
    let added: Vec<String> = container
        .capabilities
        .iter()
        .map(|capability| capability.value.to_string())
        .collect();
    core::SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(core::Capabilities {
            add: (!added.is_empty()).then_some(added),
            drop: Some(vec!["ALL".to_owned()]),
        }),
        read_only_root_filesystem: Some(true),
        ..core::SecurityContext::default()
    }
}

fn mounts(
    platform: &Platform,
    service: &Service,
    container: &Container,
    role: Role,
) -> Vec<core::VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| core::VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..core::VolumeMount::default()
    };
    let mut mounts = Vec::new();
    if role == Role::Main {
        for volume in &service.volumes {
            mounts.push(mount(&volume.name.value, &volume.at.value, false));
        }
        for config in &service.configs {
            mounts.push(mount(&config.name.value, &config.at.value, true));
        }
        for secret in &service.secret_mounts {
            let name = &platform[secret.secret].name.value;
            mounts.push(mount(name, &secret.at.value, true));
        }
    }
    for path in &container.writable {
        let name = writable_volume(container, role, &path.value);
        mounts.push(mount(&name, &path.value, false));
    }
    if !mounts
        .iter()
        .any(|m| m.mount_path.trim_end_matches('/') == "/tmp")
    {
        mounts.push(mount(&tmp_volume(container, role), "/tmp", false));
    }
    mounts.sort_unstable_by(|a, b| a.mount_path.cmp(&b.mount_path));
    mounts
}

fn probe(service: &Service, probe: Option<&Sourced<Probe>>) -> Option<core::Probe> {
    let probe = &probe?.value;
    let number = |port: erpc_model::PortId| {
        IntOrString::Int(i32::from(service.ports[port.index as usize].container))
    };
    let mut out = core::Probe {
        initial_delay_seconds: (probe.after.value.0 > 0).then(|| seconds(probe.after.value)),
        period_seconds: Some(seconds(probe.every.value)),
        failure_threshold: i32::try_from(probe.fails.value).ok(),
        timeout_seconds: Some(seconds(probe.within.value)),
        ..core::Probe::default()
    };
    match &probe.check.value {
        ProbeCheck::Http(path, port) => {
            out.http_get = Some(core::HTTPGetAction {
                path: Some(path.clone()),
                port: number(*port),
                ..core::HTTPGetAction::default()
            });
        }
        ProbeCheck::Tcp(port) => {
            out.tcp_socket = Some(core::TCPSocketAction {
                port: number(*port),
                host: None,
            });
        }
        ProbeCheck::Exec(command) => {
            out.exec = Some(core::ExecAction {
                command: Some(command.clone()),
            });
        }
    }
    Some(out)
}

/// Whole seconds, which is all that the kubelet knows; resolution refuses a part of one.
pub(super) fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.0 / 1000).unwrap_or(i32::MAX)
}
