//! The line of the source that a field of an emitted object comes from. The most exact that is
//! known: the property, else the service or namespace, else nothing.

use erpc_diagnostics::Span;
use erpc_model::{Container, Namespace, NamespaceId, Platform, Scaling, Service, ServiceId};

use crate::kind::Kind;
use crate::object::{Desired, Program};
use crate::path::FieldPath;

impl Program<'_> {
    /// `platform.erp:41`, for a field of an object.
    #[must_use]
    pub fn place(&self, object: &Desired, path: &FieldPath) -> Option<String> {
        let span = self.span(object, path);
        self.sources.place(span)
    }

    /// Where an object is declared.
    #[must_use]
    pub fn place_of(&self, object: &Desired) -> Option<String> {
        self.place(object, &FieldPath::default())
    }

    /// Where a service is declared.
    #[must_use]
    pub fn place_of_service(&self, service: ServiceId) -> Option<String> {
        self.sources.place(self.platform[service].name.span())
    }

    fn span(&self, object: &Desired, path: &FieldPath) -> Span {
        match object.service {
            Some(id) => {
                let service = &self.platform[id];
                patched(service, object.id.kind, path)
                    .or_else(|| of_service(self.platform, id, object, path))
                    .filter(|span| !span.is_none())
                    .unwrap_or(service.name.span())
            }
            None => of_platform(self.platform, object),
        }
    }
}

fn namespace_of<'p>(platform: &'p Platform, object: &Desired) -> Option<&'p Namespace> {
    let name = match object.id.kind {
        Kind::Namespace => &object.id.name,
        _ => object.id.namespace.as_ref()?,
    };
    let (id, _): (NamespaceId, _) = platform.namespaces().find(|(_, n)| n.name.value == *name)?;
    Some(&platform[id])
}

fn of_platform(platform: &Platform, object: &Desired) -> Span {
    let namespace = namespace_of(platform, object);
    let exact = match object.id.kind {
        Kind::ResourceQuota => namespace
            .and_then(|n| n.quota.as_ref())
            .map(erpc_model::Sourced::span),
        Kind::LimitRange => namespace
            .and_then(|n| n.limits.as_ref())
            .map(erpc_model::Sourced::span),
        Kind::IngressClass => platform.cluster().ingress.as_ref().map(|i| i.class.span()),
        Kind::StorageClass => {
            let mut classes = platform.cluster().storage.iter();
            classes
                .find(|class| class.name.value == object.id.name)
                .map(|class| class.name.span())
        }
        _ => None,
    };
    exact
        .or_else(|| namespace.map(|namespace| namespace.name.span()))
        .unwrap_or(platform.name.span())
}

/// A field that the escape hatch sets.
fn patched(service: &Service, kind: Kind, path: &FieldPath) -> Option<Span> {
    let lower = kind.as_str().to_lowercase();
    service
        .patches
        .iter()
        .filter(|patch| patch.kind.value == lower)
        .flat_map(|patch| &patch.fields)
        .find(|field| {
            let set: Vec<&str> = field.path.iter().map(smol_str::SmolStr::as_str).collect();
            path.starts_with(&set)
        })
        .map(|field| field.value.span())
}

fn of_service(
    platform: &Platform,
    id: ServiceId,
    object: &Desired,
    path: &FieldPath,
) -> Option<Span> {
    let service = &platform[id];
    match object.id.kind {
        Kind::Deployment | Kind::StatefulSet | Kind::Job | Kind::CronJob => {
            of_workload(service, path)
        }
        Kind::HorizontalPodAutoscaler => Some(scaling(service)),
        Kind::Service => {
            let name = path.item_of("ports")?;
            let mut ports = service.ports.iter();
            ports
                .find(|port| port.name.value == name || port.number.value.to_string() == name)
                .map(|port| port.number.span())
        }
        Kind::Ingress => platform.routes_to(id).first().map(|route| route.span),
        Kind::PodDisruptionBudget => service
            .properties
            .disruption
            .as_ref()
            .map(erpc_model::Sourced::span),
        Kind::ConfigMap => {
            let mut configs = service.configs.iter();
            let config = configs.find(|config| config.name.value == object.id.name)?;
            let file = config
                .files
                .iter()
                .find(|(name, _)| path.has(name.as_str()));
            Some(file.map_or(config.name.span(), |(_, content)| content.span()))
        }
        Kind::PersistentVolumeClaim => {
            let mut volumes = service.volumes.iter();
            volumes
                .find(|volume| volume.name.value == object.id.name)
                .map(|volume| volume.size.span())
        }
        Kind::ServiceAccount
        | Kind::Role
        | Kind::RoleBinding
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding => service.grants.first().map(|grant| grant.origin.span),
        Kind::NetworkPolicy
        | Kind::IngressClass
        | Kind::LimitRange
        | Kind::Namespace
        | Kind::ResourceQuota
        | Kind::StorageClass => None,
    }
}

fn scaling(service: &Service) -> Span {
    match &service.scaling {
        Scaling::Fixed(count) => count.span(),
        Scaling::Auto(auto) => auto.span(),
    }
}

fn of_workload(service: &Service, path: &FieldPath) -> Option<Span> {
    if path.is(&["spec", "replicas"]) {
        return Some(scaling(service));
    }
    if path.has("volumeClaimTemplates") {
        return service.volumes.first().map(|volume| volume.size.span());
    }
    let containers = path
        .item_of("containers")
        .or_else(|| path.item_of("initContainers"));
    if let Some(name) = containers {
        let mut all = service.containers();
        let container = all.find(|container| container.name.value == name)?;
        return of_container(service, container, path);
    }
    if path.has("securityContext") {
        return service
            .properties
            .run
            .as_ref()
            .map(erpc_model::Sourced::span);
    }
    if path.has("topologySpreadConstraints") {
        let spread = service
            .properties
            .spread
            .as_ref()
            .map(erpc_model::Sourced::span);
        return Some(spread.unwrap_or_else(|| scaling(service)));
    }
    if let Some(name) = path.item_of("volumes") {
        return volume(service, name);
    }
    let is_digest = |name: &str| name.contains("config-sha256");
    if path.last_field().is_some_and(is_digest) {
        return service.configs.first().map(|config| config.name.span());
    }
    None
}

fn volume(service: &Service, name: &str) -> Option<Span> {
    let volumes = service.volumes.iter();
    let configs = service.configs.iter();
    volumes
        .map(|volume| &volume.name)
        .chain(configs.map(|config| &config.name))
        .find(|found| found.value == name)
        .map(erpc_model::Sourced::span)
}

fn of_container(service: &Service, container: &Container, path: &FieldPath) -> Option<Span> {
    let probe = |probe: &Option<erpc_model::Sourced<erpc_model::Probe>>| {
        probe.as_ref().map(erpc_model::Sourced::span)
    };
    let lists = ["containers", "initContainers"].into_iter();
    let below = lists.filter_map(|list| path.below(list)).next();
    let field = below.and_then(|below| below.get(1)?.as_field());
    match field.unwrap_or_default() {
        "image" | "imagePullPolicy" => Some(container.image.span()),
        "command" => container.command.as_ref().map(erpc_model::Sourced::span),
        "args" => container.args.as_ref().map(erpc_model::Sourced::span),
        "env" => {
            let name = path.item_of("env")?;
            let mut env = container.env.iter();
            env.find(|variable| variable.name == name)
                .map(|variable| variable.value.span())
        }
        "resources" if path.last_field() == Some("cpu") => Some(container.cpu.span()),
        "resources" => Some(container.memory.span()),
        "readinessProbe" => probe(&container.probes.ready),
        "livenessProbe" => probe(&container.probes.live),
        "startupProbe" => probe(&container.probes.startup),
        "ports" => {
            let name = path.item_of("ports")?;
            let mut ports = service.ports.iter();
            ports
                .find(|port| port.name.value == name || port.container.to_string() == name)
                .map(|port| port.number.span())
        }
        "volumeMounts" => {
            let at = path.item_of("volumeMounts")?;
            let mut volumes = service.volumes.iter();
            volumes
                .find(|volume| volume.at.value == at || volume.name.value == at)
                .map(|volume| volume.at.span())
        }
        _ => None,
    }
}
