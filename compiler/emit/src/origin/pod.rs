//! Fields of pods.

use erpc_model::{Container, Service};

use super::{
    Answer, Cause, Context,
    Part::{Item as I, Key as K},
    Path, account, always, by_name, container, metadata, one, workload,
};
use crate::kubernetes::FIRST_UNPRIVILEGED_PORT;

/// Behind the template of a workload; `at` is the path to it.
pub(super) fn of(context: &Context<'_>, service: &Service, at: Path<'_>, path: Path<'_>) -> Answer {
    match path {
        [K("metadata"), K("labels"), K(key)] => metadata::label(context, key),
        [K("metadata"), K("annotations"), K(key)] => metadata::annotation(context, key),
        [
            K("spec"),
            K(list @ ("containers" | "initContainers")),
            I(place),
            rest @ ..,
        ] => {
            let list = [at, &[K("spec"), K(list), I(*place)]].concat();
            let name = context.text_at(&list, "name")?;
            let found = containers(service).find(|(found, _)| found.name.value == name)?;
            container::of(context, service, found, &list, rest)
        }
        [K("spec"), K("volumes"), I(place), ..] => {
            let volume = [at, &[K("spec"), K("volumes"), I(*place)]].concat();
            container::volume(context, service, context.text_at(&volume, "name")?)
        }
        [
            K("spec"),
            K("serviceAccountName" | "automountServiceAccountToken"),
        ] => Some(account::of_pods(context, service)),
        [K("spec"), K("imagePullSecrets"), I(place), ..] => {
            let secrets = &context.platform[service.namespace].pull_secrets;
            one(Cause::said(
                "with what nodes fetch its images",
                secrets.get(*place)?,
            ))
        }
        [K("spec"), K("enableServiceLinks")] => {
            always("services are found by name; variables for each would grow with the namespace")
        }
        [K("spec"), K("restartPolicy")] => one(Cause::said(
            "a job that fails is tried again in its pod",
            &service.name,
        )),
        [K("spec"), K("securityContext"), rest @ ..] => security(service, rest),
        [K("spec"), K("topologySpreadConstraints"), I(_), rest @ ..] => {
            spread(context, service, rest)
        }
        _ => None,
    }
}

/// The containers of a service, with the place of a sidecar.
fn containers(service: &Service) -> impl Iterator<Item = (&Container, Option<u32>)> {
    let sidecars = service.sidecars.iter().zip((0..).map(Some));
    let others = std::iter::once(&service.main).chain(&service.inits);
    others.map(|container| (container, None)).chain(sidecars)
}

fn security(service: &Service, path: Path<'_>) -> Answer {
    match path {
        [K("runAsNonRoot")] => always("Pod Security `restricted` asks for it"),
        [K("seccompProfile"), ..] => always("Pod Security `restricted` asks for a seccomp profile"),
        [K("runAsUser" | "runAsGroup")] => one(Cause::said(
            "the user and the group",
            service.properties.run.as_ref()?,
        )),
        [K("fsGroup" | "fsGroupChangePolicy")] => {
            let mut causes = vec![Cause::said(
                "the group that mounted files belong to",
                service.properties.run.as_ref()?,
            )];
            let volumes = service.volumes.iter();
            causes.extend(volumes.map(|volume| Cause::said("it is mounted", &volume.name)));
            let secrets = service.secret_mounts.iter();
            causes.extend(secrets.map(|secret| Cause::said("it is mounted", &secret.at)));
            Some(causes)
        }
        [K("sysctls"), ..] => {
            let low = service.ports.iter();
            let low = low.filter(|port| port.container < FIRST_UNPRIVILEGED_PORT);
            let why = "a port below 1024, which a user without rights may bind only so";
            Some(low.map(|port| Cause::said(why, &port.number)).collect())
        }
        _ => None,
    }
}

fn spread(context: &Context<'_>, service: &Service, path: Path<'_>) -> Answer {
    let over = match &service.properties.spread {
        Some(spread) => Cause::said("over what replicas are spread", spread),
        None => Cause::always("several replicas are spread over nodes"),
    };
    match path {
        [K("labelSelector"), ..] => one(by_name(service)),
        [K("matchLabelKeys"), ..] => always(
            "pods of the revision that goes do not count against the one that comes (KEP-3243)",
        ),
        [K("nodeTaintsPolicy")] => always("a drained node is no place to wait for (KEP-3094)"),
        [K("maxSkew" | "topologyKey")] => Some(vec![over, workload::replicas(service)]),
        [K("whenUnsatisfiable")] => {
            let mut causes = vec![over, workload::replicas(service)];
            let nodes = context.platform.cluster().nodes.as_ref();
            causes.extend(nodes.map(|n| Cause::said("how many nodes the cluster has", n)));
            Some(causes)
        }
        _ => None,
    }
}
