//! What takes a namespace out of Pod Security `restricted`, and labels of namespaces that set its level.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{Defaults, NamespaceId, Origin, Platform, Service};

use erpc_policy::PodSecurity;

use crate::of_service;

/// Prefixes of labels that `erpc` or Kubernetes sets itself: owners, policies and the API server read them.
const RESERVED: [&str; 3] = ["app.kubernetes.io/", "erpc/", "kubernetes.io/metadata.name"];

/// Labels and annotations of namespaces: none of those that are set by others, and levels of Pod Security that there are.
pub(crate) fn labels(platform: &Platform, out: &mut Diagnostics) {
    for (id, namespace) in platform.namespaces() {
        if let Some(found) = stricter_than_needed(platform, id) {
            out.push(found);
        }
        for (key, value) in &namespace.annotations {
            if key.starts_with("erpc/") {
                let message = format!("the annotation `{key}` is reserved: `erpc` sets it");
                let found = Diagnostic::new(&codes::RESERVED_NAME, message);
                out.push(found.at(value.span(), "set here"));
            }
        }
        for (key, value) in &namespace.labels {
            // A namespace that exists already may have labels such as `app.kubernetes.io/name`.
            let is_own = !key.starts_with("app.kubernetes.io/")
                || key == "app.kubernetes.io/part-of"
                || namespace.defaults.value == Defaults::Strict;
            if is_own && RESERVED.iter().any(|reserved| key.starts_with(reserved)) {
                let message =
                    format!("the label `{key}` is reserved: `erpc` or Kubernetes sets it");
                let found = Diagnostic::new(&codes::RESERVED_NAME, message);
                out.push(found.at(value.span(), "set here"));
            }
            let Some(mode) = key.strip_prefix("pod-security.kubernetes.io/") else {
                continue;
            };
            let is_version = |text: &str| {
                let minor = text.strip_prefix("v1.");
                text == "latest" || minor.is_some_and(|minor| minor.parse::<u16>().is_ok())
            };
            let text = value.value.as_str();
            let expected = match mode {
                "enforce" | "audit" | "warn" if PodSecurity::named(text).is_none() => {
                    "`restricted`, `baseline` or `privileged`"
                }
                "enforce-version" | "audit-version" | "warn-version" if !is_version(text) => {
                    "`latest` or a version such as `v1.36`"
                }
                _ => continue,
            };
            let message = format!(
                "invalid value of the label `{key}`: expected {expected}, found `{}`",
                text.escape_debug()
            );
            let found = Diagnostic::new(&codes::INVALID_OBJECT, message);
            out.push(found.at(value.span(), "set here"));
        }
    }
}

/// That a label enforces a stricter level than the services of a namespace need: the API server would refuse their pods.
/// What patches need is checked with the patched objects.
fn stricter_than_needed(platform: &Platform, id: NamespaceId) -> Option<Diagnostic> {
    let namespace = &platform[id];
    let mut labels = namespace.labels.iter();
    let (_, label) = labels.find(|(key, _)| key == PodSecurity::ENFORCE)?;
    let enforced = PodSecurity::named(&label.value)?;
    let needed = PodSecurity::of_namespace(platform, id);
    if needed <= enforced {
        return None;
    }
    let services = namespace.services.iter().map(|id| &platform[*id]);
    let mut needs = services.filter_map(|service| Some((service, need(service, needed)?)));
    let (service, (origin, what)) = needs.next()?;
    let message = format!(
        "`{}` needs Pod Security `{}`; the namespace `{}` enforces `{}`",
        service.name.value,
        needed.as_str(),
        namespace.name.value,
        enforced.as_str()
    );
    let found = Diagnostic::new(&codes::FORBIDDEN_POD, message)
        .at(label.span(), "no pod of the service would be created")
        .also(origin.span, what)
        .help(format!(
            "write `\"{}\" = \"{}\"`, or move the service to a namespace of its own",
            PodSecurity::ENFORCE,
            needed.as_str()
        ));
    Some(of_service(found, origin, service))
}

/// The statement of a service that needs a level.
fn need(service: &Service, level: PodSecurity) -> Option<(Origin, &'static str)> {
    let mut ports = service.ports.iter();
    let port = ports.find(|port| port.host && level == PodSecurity::Privileged);
    let containers = service.containers();
    let mut capabilities = containers.flat_map(|container| &container.capabilities);
    let mut capability = || capabilities.find(|it| PodSecurity::of_capability(&it.value) == level);
    // A patch may harden what `defaults` leaves open, or open more: the patched object is judged.
    let is_loose = !service.is_strict() && service.patches.is_empty();
    let is_loose = is_loose && level == PodSecurity::Baseline;
    match port {
        Some(port) => Some((port.name.origin, "a port on the node")),
        None => capability()
            .map(|it| (it.origin, "this capability"))
            .or_else(|| {
                is_loose.then_some((service.properties.defaults.origin, "pods are not hardened"))
            }),
    }
}

/// Keys that `erpc` sets itself on workloads and pods: selectors, policies and owners are read from them.
const RESERVED_OF_SERVICES: [&str; 4] = [
    "app.kubernetes.io/component",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "erpc/",
];

/// Labels and annotations of services: none of those that `erpc` sets.
pub(crate) fn labels_of_services(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let properties = &service.properties;
        let labels = properties.labels.iter().map(|pair| ("label", pair));
        let annotations = properties.annotations.iter();
        let annotations = annotations.map(|pair| ("annotation", pair));
        for (what, (key, value)) in labels.chain(annotations) {
            // With an identity, the labels of the pods are those of the source.
            let has_identity = properties.identity.is_some();
            let is_reserved = RESERVED_OF_SERVICES.iter().any(|reserved| {
                let is_prefix = reserved.ends_with('/');
                key == reserved && !has_identity || is_prefix && key.starts_with(reserved)
            });
            if is_reserved {
                let message = format!("the {what} `{key}` is reserved: `erpc` sets it");
                let found = Diagnostic::new(&codes::RESERVED_NAME, message);
                let found = found.at(value.span(), "set here");
                out.push(of_service(found, value.origin, service));
            }
        }
    }
}

/// Ports on the node and capabilities.
pub(crate) fn lowered_pod_security(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let namespace = &platform[service.namespace];
        // It has no level that anything could lower.
        if namespace.defaults.value == Defaults::Kubernetes {
            continue;
        }
        let namespace = &namespace.name;
        for port in service.ports.iter().filter(|port| port.host) {
            let diagnostic = Diagnostic::new(
                &codes::HOST_PORT,
                format!(
                    "the port `{}` on the node makes all of `{}` privileged",
                    port.name.value, namespace.value
                ),
            )
            .at(port.name.span(), "also on the node")
            .also(namespace.span(), "Pod Security of this namespace")
            .help("a node port needs no such right: `expose … as nodeport`");
            out.push(of_service(diagnostic, port.name.origin, service));
        }
        for container in service.containers() {
            for capability in &container.capabilities {
                let level = PodSecurity::of_capability(&capability.value);
                if level == PodSecurity::Restricted {
                    continue;
                }
                let diagnostic = Diagnostic::new(
                    &codes::CAPABILITY,
                    format!(
                        "the capability `{}` lowers Pod Security of all of `{}` to `{}`",
                        capability.value,
                        namespace.value,
                        level.as_str()
                    ),
                )
                .at(capability.span(), "outside `restricted`")
                .also(namespace.span(), "Pod Security of this namespace")
                .help("move the service to a namespace of its own");
                out.push(of_service(diagnostic, capability.origin, service));
            }
        }
    }
}
