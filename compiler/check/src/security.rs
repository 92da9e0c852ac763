//! What takes a namespace out of Pod Security `restricted`, and labels of namespaces that set its level.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::Platform;

use erpc_policy::PodSecurity;

use crate::of_service;

/// Prefixes of labels that `erpc` or Kubernetes sets itself: owners, policies and the API server read them.
const RESERVED: [&str; 3] = ["app.kubernetes.io/", "erpc/", "kubernetes.io/metadata.name"];

/// Labels of namespaces: none of those that are set by others, and levels of Pod Security that there are.
pub(crate) fn labels(platform: &Platform, out: &mut Diagnostics) {
    for (_, namespace) in platform.namespaces() {
        for (key, value) in &namespace.labels {
            if RESERVED.iter().any(|reserved| key.starts_with(reserved)) {
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

/// Ports on the node and capabilities.
pub(crate) fn lowered_pod_security(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let namespace = &platform[service.namespace].name;
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
