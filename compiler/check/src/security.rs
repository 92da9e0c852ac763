//! What takes a namespace out of Pod Security `restricted`.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::Platform;

use erpc_policy::PodSecurity;

use crate::of_service;

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
