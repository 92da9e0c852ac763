//! Fields of containers, and the volumes that they mount.

use erpc_model::kubernetes::writable_volume;
use erpc_model::{Container, EnvValue, Port, Probe, ProbeCheck, Service, Sourced};

use super::{
    Answer, Cause, Context,
    Part::{Item as I, Key as K},
    Path, always, one,
};

/// Behind a container of a pod; `at` is the path to it.
pub(super) fn of(
    context: &Context<'_>,
    service: &Service,
    (container, sidecar): (&Container, Option<u32>),
    at: Path<'_>,
    path: Path<'_>,
) -> Answer {
    let is_main = container.name.value == service.name.value;
    match path {
        [K("name")] if is_main => one(Cause::said(
            "the main container has the service's name",
            &container.name,
        )),
        [K("name")] => one(Cause::said("the name of the container", &container.name)),
        [K("image")] => {
            let mut causes = vec![Cause::said("the image", &container.image)];
            if !container.image.value.registry_is_written {
                causes.push(Cause::said(
                    "the registry of images that name none",
                    &context.platform.registry,
                ));
            }
            Some(causes)
        }
        [K("imagePullPolicy")] => one(Cause::said(
            "when a node fetches an image",
            &context.platform.pull,
        )),
        [K("command"), ..] => one(Cause::said("the command", container.command.as_ref()?)),
        [K("args"), ..] => one(Cause::said("the arguments", container.args.as_ref()?)),
        [K("env"), I(place), ..] => {
            let variable = [at, &[K("env"), I(*place)]].concat();
            let name = context.text_at(&variable, "name")?;
            let variable = container
                .env
                .iter()
                .find(|variable| variable.name == name)?;
            let why = match variable.value.value {
                EnvValue::Text(_) => "a variable",
                EnvValue::Secret(..) => "a variable from a secret",
            };
            one(Cause::said(why, &variable.value))
        }
        [K("ports"), I(place), rest @ ..] => {
            let entry = [at, &[K("ports"), I(*place)]].concat();
            let number = context.number_at(&entry, "containerPort")?;
            let protocol = context.text_at(&entry, "protocol")?;
            let mine = service.ports.iter().filter(|port| port.sidecar == sidecar);
            let port = listening(mine, number, protocol)?;
            let why = match rest {
                [K("hostPort")] => "`host` opens it on the node too",
                _ => "a port of the service",
            };
            one(Cause::said(why, &port.number))
        }
        [K("resources"), K(end), K(what)] => one(resource(container, end, what)?),
        [
            K(kind @ ("readinessProbe" | "livenessProbe" | "startupProbe")),
            rest @ ..,
        ] => {
            let probes = &container.probes;
            let found = match *kind {
                "readinessProbe" => &probes.ready,
                "livenessProbe" => &probes.live,
                _ => &probes.startup,
            };
            probe(service, found.as_ref()?, rest)
        }
        [K("securityContext"), K("capabilities"), K("add"), I(place)] => one(Cause::said(
            "a capability",
            container.capabilities.get(*place)?,
        )),
        [K("securityContext"), K("readOnlyRootFilesystem")] => {
            always("what a container writes is said with `writable` or `volume`")
        }
        [K("securityContext"), K("allowPrivilegeEscalation")]
        | [K("securityContext"), K("capabilities"), K("drop"), ..] => {
            always("Pod Security `restricted` asks for it")
        }
        [K("volumeMounts"), I(place), ..] => {
            let mount = [at, &[K("volumeMounts"), I(*place)]].concat();
            self::volume(context, service, context.text_at(&mount, "name")?)
        }
        [K("restartPolicy")] => one(Cause::said(
            "a sidecar is an init container that keeps running (KEP-753)",
            &container.name,
        )),
        _ => None,
    }
}

/// The port that listens on this number in its pod.
pub(super) fn listening<'s>(
    mut ports: impl Iterator<Item = &'s Port>,
    number: u64,
    protocol: &str,
) -> Option<&'s Port> {
    ports.find(|port| {
        let first = u64::from(port.container);
        let width = u64::from(port.last - port.number.value);
        port.protocol.as_str() == protocol && (first..=first + width).contains(&number)
    })
}

fn resource(container: &Container, end: &str, what: &str) -> Option<Cause> {
    let (of_cpu, of_memory) = match end {
        "requests" => (
            "the lower end of `cpu` is the request",
            "the lower end of `memory` is the request",
        ),
        _ => (
            "the upper end of `cpu` is the limit",
            "the upper end of `memory` is the limit",
        ),
    };
    match what {
        "cpu" => Some(Cause::said(of_cpu, &container.cpu)),
        "memory" => Some(Cause::said(of_memory, &container.memory)),
        _ => None,
    }
}

fn probe(service: &Service, probe: &Sourced<Probe>, path: Path<'_>) -> Answer {
    let of = &probe.value;
    match path {
        [K("initialDelaySeconds")] => one(Cause::said("`after`", &of.after)),
        [K("periodSeconds")] => one(Cause::said("`every`", &of.every)),
        [K("failureThreshold")] => one(Cause::said("`fails`", &of.fails)),
        [K("timeoutSeconds")] => one(Cause::said("`within`", &of.within)),
        [K("httpGet"), K("path")] => one(Cause::said("the path that is asked", &of.check)),
        [K("httpGet" | "tcpSocket"), K("port")] => {
            let (ProbeCheck::Http(_, port) | ProbeCheck::Tcp(port)) = &of.check.value else {
                return None;
            };
            let chosen = match of.on {
                Some(origin) => Cause::at("the port that is asked", origin),
                None => Cause::said(
                    "no port is named: `http` is asked, else the first",
                    &of.check,
                ),
            };
            let port = service.ports.get(port.index as usize)?;
            Some(vec![chosen, Cause::said("its number", &port.number)])
        }
        [K("exec"), ..] => one(Cause::said("the command that is run", &of.check)),
        _ => None,
    }
}

/// What a volume of a pod, or its mount in a container, follows from.
pub(super) fn volume(context: &Context<'_>, service: &Service, name: &str) -> Answer {
    if let Some(volume) = service
        .volumes
        .iter()
        .find(|volume| volume.name.value == name)
    {
        return one(Cause::said("a volume", &volume.name));
    }
    if let Some(config) = service
        .configs
        .iter()
        .find(|config| config.name.value == name)
    {
        return one(Cause::said("files from a ConfigMap", &config.name));
    }
    let mut mounts = service.secret_mounts.iter();
    let mount = mounts.find(|mount| context.platform[mount.secret].name.value == name);
    if let Some(mount) = mount {
        return one(Cause::said("files from a Secret", &mount.at));
    }
    for container in service.containers() {
        let is_main = container.name.value == service.name.value;
        for path in &container.writable {
            if writable_volume(&container.name.value, is_main, &path.value) == name {
                return one(Cause::said("a folder that the container writes", path));
            }
        }
    }
    always("the root file system is read-only, so that every container gets a `/tmp` of its own")
}
