//! Pod Security: the level that a namespace must have for what its services ask for.

use erpc_model::{NamespaceId, Platform, Service};

/// A level of the Pod Security Standards, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodSecurity {
    /// What every service gets that asks for nothing.
    Restricted,
    /// Capabilities that a container runtime gives by default.
    Baseline,
    /// Ports on the node, and every other capability.
    Privileged,
}

/// Capabilities that `restricted` lets a container add.
const RESTRICTED: [&str; 1] = ["NET_BIND_SERVICE"];

/// Capabilities that `baseline` lets a container add (Pod Security Standards, "Capabilities").
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

impl PodSecurity {
    /// The label of a namespace with the level that the API server enforces.
    pub const ENFORCE: &'static str = "pod-security.kubernetes.io/enforce";

    /// As the label of a namespace writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Baseline => "baseline",
            Self::Privileged => "privileged",
        }
    }

    /// The level that a label of a namespace names.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let all = [Self::Restricted, Self::Baseline, Self::Privileged];
        all.into_iter().find(|level| level.as_str() == text)
    }

    /// What a capability needs.
    #[must_use]
    pub fn of_capability(name: &str) -> Self {
        if RESTRICTED.contains(&name) {
            Self::Restricted
        } else if BASELINE.contains(&name) {
            Self::Baseline
        } else {
            Self::Privileged
        }
    }

    /// What a service needs.
    #[must_use]
    pub fn of_service(service: &Service) -> Self {
        let ports = service.ports.iter().any(|port| port.host);
        let capabilities = service
            .containers()
            .flat_map(|container| &container.capabilities)
            .map(|capability| Self::of_capability(&capability.value));
        let level = if ports {
            Self::Privileged
        } else if service.is_strict() {
            Self::Restricted
        } else {
            Self::Baseline
        };
        capabilities.fold(level, Self::max)
    }

    /// What the services of a namespace need.
    #[must_use]
    pub fn of_namespace(platform: &Platform, namespace: NamespaceId) -> Self {
        platform[namespace]
            .services
            .iter()
            .map(|id| Self::of_service(&platform[*id]))
            .fold(Self::Restricted, Self::max)
    }
}
