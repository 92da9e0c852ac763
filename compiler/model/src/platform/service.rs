//! Services and jobs with their containers, ports, probes and files.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::ids::{NamespaceId, ServiceId, UseId};
use crate::origin::Sourced;
use crate::platform::Defaults;
use crate::platform::workload::{PodCount, Workload};
use crate::statements::{Container, ServiceProperties, ServiceStatements, Volume};

/// `service NAME` or `job NAME`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// The container that carries the service's name.
    pub main: Container,
    /// Whether every component that it `is` could be read: if not, what it seems not to have is not missing.
    pub is_whole: bool,
    /// `##` above it.
    pub doc: Option<String>,
    /// What it runs as.
    pub workload: Workload,
    /// The components it `is`, left to right.
    pub components: Vec<UseId>,
    /// The addresses of other services that its texts name with `host` and `address`, in the order of the source.
    pub addresses: Vec<AddressUse>,
    /// Its plain statements.
    pub properties: ServiceProperties,
    /// Its other statements.
    pub statements: ServiceStatements,
}

/// A service has the statements of its block as fields.
impl std::ops::Deref for Service {
    type Target = ServiceStatements;

    fn deref(&self) -> &ServiceStatements {
        &self.statements
    }
}

impl Service {
    /// A service without statements.
    pub(crate) fn new(name: Sourced<SmolStr>, namespace: NamespaceId, main: Container) -> Self {
        Self {
            name,
            namespace,
            main,
            is_whole: false,
            doc: None,
            workload: Workload::Deployment,
            components: Vec::new(),
            addresses: Vec::new(),
            properties: ServiceProperties::new(),
            statements: ServiceStatements::new(),
        }
    }

    /// Whether the compiler decides what the source does not set, and hardens its pods.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.properties.defaults.value == Defaults::Strict
    }

    /// The position of a port by its name.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<u32> {
        self.ports
            .iter()
            .position(|p| p.name.value == name)
            .and_then(|i| u32::try_from(i).ok())
    }

    /// All containers: inits, sidecars, then the main one.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.inits
            .iter()
            .chain(&self.sidecars)
            .chain(std::iter::once(&self.main))
    }

    /// Whether replicas have names and claims of their own.
    #[must_use]
    pub fn is_stateful(&self) -> bool {
        self.workload.kind().has_own_claims
    }

    /// Whether a number says how many pods it has, so that an autoscaler, a budget and a spread over nodes have a
    /// meaning.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.workload.kind().pods == PodCount::Replicas
    }

    /// Whether a volume is one claim, with the name of the volume: replicas share it, or a job has it, of which one
    /// run at a time goes on. Any other is a claim of each replica.
    #[must_use]
    pub fn has_one_claim(&self, volume: &Volume) -> bool {
        volume.shared || self.is_job()
    }

    /// Whether it runs to its end instead of serving.
    #[must_use]
    pub fn is_job(&self) -> bool {
        self.workload.kind().pods == PodCount::ToCompletion
    }
}

/// `host(SERVICE)` or `address(SERVICE:PORT)` in a text of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressUse {
    /// Whose address.
    pub to: ServiceId,
    /// The port by its name; `None` for `host`.
    pub port: Option<SmolStr>,
    /// The call.
    pub span: Span,
}
