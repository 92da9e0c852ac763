//! Containers: image, environment, resources, probes, security, mounts.

use erpc_model::units::Duration;
use erpc_model::{
    Container, EnvValue, Platform, Port, Probe, ProbeCheck, PullPolicy, Service, Sourced, Via,
};

use super::pod::{Place, place_of};
use crate::cause::{Cause, Causes};
use crate::tree::{Field, Map, Node};

/// What a container is in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    /// By its place among the sidecars.
    Sidecar(u32),
    Init,
}

/// Why a container has a folder for temporary files.
pub(super) const OWN_TMP: Cause = Cause::always(
    "the root file system is read-only, so that every container gets a `/tmp` of its own",
);

/// Why a container has a folder that it may write.
pub(super) const fn writes<T>(path: &Sourced<T>) -> Cause {
    Cause::said("a folder that the container writes", path)
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
) -> Map {
    let name = &container.name;
    let mut fields = Map::new();
    set_words(&mut fields, "args", "the arguments", &container.args);
    set_words(&mut fields, "command", "the command", &container.command);
    if !container.env.is_empty() {
        fields.block("env", environment(platform, container));
    }
    set_image(&mut fields, platform, service, container);
    set_probe(
        &mut fields,
        "livenessProbe",
        service,
        &container.probes.live,
    );
    let why = match role {
        Role::Main => "the main container has the service's name",
        Role::Sidecar(_) | Role::Init => "the name of the container",
    };
    fields.set("name", &name.value, Cause::said(why, name));
    let ports: Vec<Field> = service
        .ports
        .iter()
        .filter(|port| match role {
            Role::Main => port.sidecar.is_none(),
            Role::Sidecar(index) => port.sidecar == Some(index),
            Role::Init => false,
        })
        .flat_map(|port| container_ports(service, port))
        .collect();
    if !ports.is_empty() {
        fields.block("ports", ports);
    }
    set_probe(
        &mut fields,
        "readinessProbe",
        service,
        &container.probes.ready,
    );
    let resources = resources(container);
    if !resources.is_empty() {
        fields.block("resources", resources);
    }
    if matches!(role, Role::Sidecar(_)) {
        let why = "a sidecar is an init container that keeps running (KEP-753)";
        fields.set("restartPolicy", "Always", Cause::said(why, name));
    }
    let security = security(service, container);
    if !security.is_empty() {
        fields.block("securityContext", security);
    }
    set_probe(
        &mut fields,
        "startupProbe",
        service,
        &container.probes.startup,
    );
    let mounts = mounts(platform, service, container, role);
    if !mounts.is_empty() {
        fields.block("volumeMounts", mounts);
    }
    fields
}

/// The image and when a node fetches it. With `defaults kubernetes`, an image that names no registry keeps none unless
/// the platform sets one, and what Kubernetes would do is written out: it fetches `latest` whenever a pod starts.
fn set_image(fields: &mut Map, platform: &Platform, service: &Service, container: &Container) {
    let image = &container.image.value;
    let mut causes = Causes::from(Cause::said("the image", &container.image));
    let is_set = platform.registry.origin.via != Via::Default;
    let reference = if image.registry_is_written {
        image.to_string()
    } else if service.is_strict() || is_set {
        let why = "the registry of images that name none";
        causes = causes.with(Cause::said(why, &platform.registry));
        image.to_string()
    } else {
        image.without_registry()
    };
    fields.set("image", reference, causes);
    let is_set = platform.pull.origin.via != Via::Default;
    if service.is_strict() || is_set || image.is_pinned() {
        let cause = Cause::said("when a node fetches an image", &platform.pull);
        fields.set("imagePullPolicy", pull_policy(platform.pull.value), cause);
    } else {
        let why = "Kubernetes fetches an image without a version whenever a pod starts";
        let cause = Cause::said(why, &container.image);
        fields.set("imagePullPolicy", pull_policy(PullPolicy::Always), cause);
    }
}

/// As Kubernetes calls it.
pub(crate) const fn pull_policy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "Always",
        PullPolicy::Missing => "IfNotPresent",
        PullPolicy::Never => "Never",
    }
}

fn set_words(
    fields: &mut Map,
    key: &'static str,
    why: &'static str,
    words: &Option<Sourced<Vec<String>>>,
) {
    if let Some(words) = words.as_ref().filter(|words| !words.value.is_empty()) {
        fields.set(key, Node::texts(&words.value), Cause::said(why, words));
    }
}

fn container_ports(service: &Service, port: &Port) -> impl Iterator<Item = Field> {
    let width = port.last - port.number.value;
    let is_named = width == 0 && service.unnamed_ports().is_none();
    let cause = Cause::said("a port of the service", &port.number);
    (0..=width).map(move |step| {
        let number = port.container + step;
        let mut entry = Map::new();
        entry.block("containerPort", number);
        if port.host {
            let why = "`host` opens it on the node too";
            entry.set("hostPort", number, Cause::said(why, &port.number));
        }
        if is_named {
            entry.block("name", &port.name.value);
        }
        entry.block("protocol", port.protocol.as_str());
        Field::new(entry, cause)
    })
}

fn environment(platform: &Platform, container: &Container) -> Vec<Field> {
    let variables = container.env.iter();
    variables
        .map(|variable| {
            let mut entry = Map::new();
            entry.block("name", &variable.name);
            let why = match &variable.value.value {
                EnvValue::Text(text) => {
                    entry.block("value", text);
                    "a variable"
                }
                EnvValue::Secret(secret, key) => {
                    let mut reference = Map::new();
                    reference.block("key", key);
                    reference.block("name", &platform[*secret].name.value);
                    let mut source = Map::new();
                    source.block("secretKeyRef", reference);
                    entry.block("valueFrom", source);
                    "a variable from a secret"
                }
            };
            Field::new(entry, Cause::said(why, &variable.value))
        })
        .collect()
}

fn resources(container: &Container) -> Map {
    let mut limits = Map::new();
    let mut requests = Map::new();
    if let Some(cpu) = &container.cpu {
        let cause = |why| Cause::said(why, cpu);
        let (least, most) = (cpu.value.min.to_string(), cpu.value.max.to_string());
        requests.set("cpu", least, cause("the lower end of `cpu` is the request"));
        limits.set("cpu", most, cause("the upper end of `cpu` is the limit"));
    }
    if let Some(memory) = &container.memory {
        let cause = |why| Cause::said(why, memory);
        let (least, most) = (memory.value.min.to_string(), memory.value.max.to_string());
        let why = "the lower end of `memory` is the request";
        requests.set("memory", least, cause(why));
        let why = "the upper end of `memory` is the limit";
        limits.set("memory", most, cause(why));
    }
    let mut resources = Map::new();
    if !limits.is_empty() {
        resources.block("limits", limits);
        resources.block("requests", requests);
    }
    resources
}

/// What every container gets with `defaults strict`: Pod Security `restricted`, and a read-only file system.
fn security(service: &Service, container: &Container) -> Map {
    let asked = Cause::always("Pod Security `restricted` asks for it");
    let mut capabilities = Map::new();
    let added = container.capabilities.iter();
    let added: Vec<Field> = added
        .map(|added| Field::new(&added.value, Cause::said("a capability", added)))
        .collect();
    if !added.is_empty() {
        capabilities.block("add", added);
    }
    let mut security = Map::new();
    if !service.is_strict() {
        if !capabilities.is_empty() {
            security.block("capabilities", capabilities);
        }
        return security;
    }
    capabilities.set("drop", Node::texts(["ALL"]), asked);
    security.set("allowPrivilegeEscalation", false, asked);
    security.block("capabilities", capabilities);
    security.set(
        "readOnlyRootFilesystem",
        true,
        Cause::always("what a container writes is said with `writable` or `volume`"),
    );
    security
}

/// A volume of the pod in a container.
struct Mounted<'p> {
    volume: &'p str,
    at: &'p str,
    sub_path: Option<&'p Sourced<String>>,
    read_only: bool,
    cause: Cause,
}

impl<'p> Mounted<'p> {
    fn whole(volume: &'p str, at: &'p Sourced<String>, read_only: bool, cause: Cause) -> Self {
        Self {
            volume,
            at: &at.value,
            sub_path: None,
            read_only,
            cause,
        }
    }
}

/// What the service mounts into a container.
fn mounted<'p>(
    platform: &'p Platform,
    service: &'p Service,
    container: &'p Container,
    role: Role,
) -> Vec<Mounted<'p>> {
    // What a ConfigMap or a Secret holds is read-only in any case; strict pods say so.
    let of_files = service.is_strict();
    let mut out = Vec::new();
    if role == Role::Main {
        let volumes = service.volumes.iter();
        out.extend(volumes.filter_map(|volume| {
            let cause = Cause::said("a volume", &volume.name);
            Some(Mounted::whole(
                &volume.name.value,
                volume.at.as_ref()?,
                false,
                cause,
            ))
        }));
        let claims = service.claims.iter();
        out.extend(claims.filter_map(|claim| {
            let cause = Cause::said("a claim that exists", &claim.name);
            Some(Mounted::whole(
                &claim.name.value,
                claim.at.as_ref()?,
                false,
                cause,
            ))
        }));
        let scratch = service.scratch.iter();
        out.extend(scratch.filter_map(|scratch| {
            let cause = Cause::said("space that ends with the pod", &scratch.name);
            Some(Mounted::whole(
                &scratch.name.value,
                scratch.at.as_ref()?,
                false,
                cause,
            ))
        }));
        let configs = service.configs.iter();
        out.extend(configs.filter_map(|config| {
            let cause = Cause::said("files from a ConfigMap", &config.name);
            Some(Mounted::whole(
                &config.name.value,
                config.at.as_ref()?,
                of_files,
                cause,
            ))
        }));
        let secrets = service.secret_mounts.iter();
        out.extend(secrets.filter_map(|mount| {
            let cause = Cause::said("files from a Secret", &mount.name);
            let name = &platform[mount.secret].name.value;
            Some(Mounted::whole(name, mount.at.as_ref()?, of_files, cause))
        }));
    }
    let is_files = |name: &str| {
        service
            .configs
            .iter()
            .any(|config| config.name.value == name)
            || service
                .secret_mounts
                .iter()
                .any(|secret| secret.name.value == name)
    };
    out.extend(container.mounts.iter().map(|mount| Mounted {
        volume: &mount.name.value,
        at: &mount.at.value,
        sub_path: mount.sub_path.as_ref(),
        read_only: mount.read_only || of_files && is_files(&mount.name.value),
        cause: Cause::said("a `mount` of the container", &mount.at),
    }));
    out
}

fn is_tmp(path: &str) -> bool {
    path.trim_end_matches('/') == "/tmp"
}

/// Whether a container has something else at `/tmp` than a folder of its own, or its root file system is writable.
pub(super) fn mounts_tmp(
    platform: &Platform,
    service: &Service,
    container: &Container,
    role: Role,
) -> bool {
    !service.is_strict()
        || mounted(platform, service, container, role)
            .iter()
            .any(|mount| is_tmp(mount.at))
        || container.writable.iter().any(|path| is_tmp(&path.value))
}

fn mounts(platform: &Platform, service: &Service, container: &Container, role: Role) -> Vec<Field> {
    let mut mounts: Vec<(Place, Field)> = Vec::new();
    let mut push = |mounted: &Mounted<'_>| {
        let mut mount = Map::new();
        mount.block("mountPath", mounted.at);
        mount.block("name", mounted.volume);
        if mounted.read_only {
            mount.block("readOnly", true);
        }
        if let Some(sub_path) = mounted.sub_path {
            let cause = Cause::said("what of it is mounted", sub_path);
            mount.set("subPath", &sub_path.value, cause);
        }
        let place = place_of(service, mounted.at, &mounted.cause);
        mounts.push((place, Field::new(mount, mounted.cause)));
    };
    for mounted in mounted(platform, service, container, role) {
        push(&mounted);
    }
    for path in &container.writable {
        let name = writable_volume(container, role, &path.value);
        push(&Mounted::whole(&name, path, false, writes(path)));
    }
    if !mounts_tmp(platform, service, container, role) {
        push(&Mounted {
            volume: &tmp_volume(container, role),
            at: "/tmp",
            sub_path: None,
            read_only: false,
            cause: OWN_TMP,
        });
    }
    mounts.sort_by(|(a, _), (b, _)| a.cmp(b));
    mounts.into_iter().map(|(_, field)| field).collect()
}

fn set_probe(
    fields: &mut Map,
    key: &'static str,
    service: &Service,
    probe: &Option<Sourced<Probe>>,
) {
    if let Some(probe) = probe {
        fields.block(key, self::probe(service, &probe.value));
    }
}

fn probe(service: &Service, probe: &Probe) -> Map {
    let check = &probe.check;
    let mut fields = Map::new();
    let port_of = |port: erpc_model::PortId| {
        let port = &service.ports[port.index as usize];
        let chosen = match probe.on {
            Some(origin) => Cause::at("the port that is asked", origin),
            None => Cause::said("no port is named: `http` is asked, else the first", check),
        };
        let number = Cause::said("its number", &port.number);
        Field::new(port.container, [chosen, number])
    };
    match &check.value {
        ProbeCheck::Http(path, port) => {
            let mut get = Map::new();
            get.set("path", path, Cause::said("the path that is asked", check));
            get.insert("port", port_of(*port));
            fields.block("httpGet", get);
        }
        ProbeCheck::Tcp(port) => {
            let mut socket = Map::new();
            socket.insert("port", port_of(*port));
            fields.block("tcpSocket", socket);
        }
        ProbeCheck::Exec(command) => {
            let mut exec = Map::new();
            exec.block("command", Node::texts(command));
            let cause = Cause::said("the command that is run", check);
            fields.set("exec", exec, cause);
        }
    }
    let fails = Cause::said("`fails`", &probe.fails);
    fields.set("failureThreshold", probe.fails.value, fails);
    if probe.after.value.0 > 0 {
        let after = Cause::said("`after`", &probe.after);
        fields.set("initialDelaySeconds", seconds(probe.after.value), after);
    }
    let every = Cause::said("`every`", &probe.every);
    fields.set("periodSeconds", seconds(probe.every.value), every);
    let within = Cause::said("`within`", &probe.within);
    fields.set("timeoutSeconds", seconds(probe.within.value), within);
    fields
}

/// Whole seconds, which is all that the kubelet knows; resolution refuses a part of one.
const fn seconds(duration: Duration) -> u64 {
    duration.0 / 1000
}
