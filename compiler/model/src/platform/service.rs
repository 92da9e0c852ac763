//! Services and jobs with their containers, ports, probes and files.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::ids::{NamespaceId, ServiceId, UseId};
use crate::kubernetes::NAME_LABEL;
use crate::origin::Sourced;
use crate::platform::workload::{PodCount, Workload};
use crate::platform::{Defaults, RawWorkload};
use crate::statements::{
    AccountName, Container, ServiceName, ServiceProperties, ServiceStatements, Volume,
};

/// `service NAME` or `job NAME`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// The container that carries the service's name.
    pub main: Container,
    /// The manifest that it is, if it is one: flows can name it, and it has no other statements.
    pub raw: Option<RawWorkload>,
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
            raw: None,
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

    /// The name of its workload.
    #[must_use]
    pub fn workload_name(&self) -> &Sourced<SmolStr> {
        let identity = self.properties.identity.as_ref();
        let name = identity.and_then(|identity| identity.workload.as_ref());
        name.unwrap_or(&self.name)
    }

    /// The kind of its workload.
    #[must_use]
    pub fn kind(&self) -> &str {
        match &self.raw {
            Some(raw) => &raw.kind,
            None => self.workload.kind().name,
        }
    }

    /// Whether its workload is a Job whose name says what it runs, so that each change makes a new one.
    #[must_use]
    pub fn has_hashed_name(&self) -> bool {
        let identity = self.properties.identity.as_ref();
        self.workload == Workload::Job && identity.is_none_or(|it| it.workload.is_none())
    }

    /// The labels by which its pods are known, in the order of the source; none with `selector off`.
    #[must_use]
    pub fn selector(&self) -> Vec<(SmolStr, Sourced<SmolStr>)> {
        let identity = self.properties.identity.as_ref();
        match identity.and_then(|identity| identity.selector.as_ref()) {
            Some(pairs) => {
                let pairs = pairs.iter().cloned();
                pairs
                    .map(|(key, value)| (key, value.map(SmolStr::from)))
                    .collect()
            }
            None => vec![(SmolStr::new_static(NAME_LABEL), self.name.clone())],
        }
    }

    /// The keys and values of its selector, in the order of the source.
    pub fn selector_labels(&self) -> impl Iterator<Item = (SmolStr, SmolStr)> {
        let selector = self.selector().into_iter();
        selector.map(|(key, value)| (key, value.value))
    }

    /// Whether its pods are selected by other labels than the one with its name.
    #[must_use]
    pub fn has_own_selector(&self) -> bool {
        let identity = self.properties.identity.as_ref();
        identity.is_some_and(|identity| identity.selector.is_some())
    }

    /// Whether nothing can select its pods, so that no policy of its own applies to them.
    #[must_use]
    pub fn has_no_selector(&self) -> bool {
        let identity = self.properties.identity.as_ref();
        let selector = identity.and_then(|identity| identity.selector.as_ref());
        selector.is_some_and(Vec::is_empty)
    }

    /// Its Services but for those of its exposures, the one that clients use first.
    #[must_use]
    pub fn service_names(&self) -> Vec<ServiceName> {
        let identity = self.properties.identity.as_ref();
        match identity.and_then(|identity| identity.services.as_ref()) {
            Some(services) => services.clone(),
            None if self.ports.is_empty() => Vec::new(),
            None => vec![ServiceName {
                name: self.name.clone(),
                ports: Vec::new(),
                is_headless: self.is_stateful(),
                is_unnamed: false,
                labels: Vec::new(),
                annotations: Vec::new(),
            }],
        }
    }

    /// Whether clients of a port reach the pods themselves, since the Service that they use has no address.
    #[must_use]
    pub fn is_reached_itself(&self, port: &str) -> bool {
        let mut services = self.service_names().into_iter();
        let used = services.find(|service| service.has_port(port));
        used.is_some_and(|service| service.is_headless)
    }

    /// Where the source says that the ports of the containers have no names.
    #[must_use]
    pub fn unnamed_ports(&self) -> Option<&Sourced<()>> {
        self.properties.identity.as_ref()?.unnamed_ports.as_ref()
    }

    /// The ServiceAccount that its `identity` names.
    #[must_use]
    pub fn account(&self) -> Option<&AccountName> {
        self.properties.identity.as_ref()?.account.as_ref()
    }

    /// The Service under whose name the replicas of a StatefulSet have theirs.
    #[must_use]
    pub fn governing_service(&self) -> Option<Sourced<SmolStr>> {
        let identity = self.properties.identity.as_ref();
        if let Some(governing) = identity.and_then(|identity| identity.governing.as_ref()) {
            return Some(governing.clone());
        }
        match identity.and_then(|identity| identity.services.as_ref()) {
            Some(services) => {
                let headless = services.iter().find(|service| service.is_headless);
                let first = headless.or(services.first());
                first.map(|service| service.name.clone())
            }
            None => Some(self.name.clone()),
        }
    }

    /// The name of the Service that clients use, of one with a port if they ask for it.
    #[must_use]
    pub fn service_name(&self, port: Option<&str>) -> Option<SmolStr> {
        let services = self.service_names();
        let mut services = services.into_iter();
        let found = services.find(|service| port.is_none_or(|port| service.has_port(port)));
        found.map(|service| service.name.value)
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

    /// Whether a volume is one claim, with the name of the volume: the statement says so, or a job has it, of which
    /// one run at a time goes on. Any other is a claim of each replica.
    #[must_use]
    pub fn has_one_claim(&self, volume: &Volume) -> bool {
        volume.is_single() || self.is_job()
    }

    /// Whether its pods are replaced with a gap, because one node at a time mounts a volume of it.
    #[must_use]
    pub fn is_mounted_once(&self) -> bool {
        self.workload == Workload::Deployment && self.volumes.iter().any(|volume| volume.once)
    }

    /// What the pods have to mount, by the names of their volumes, each with where that is declared.
    pub fn mountable(&self) -> impl Iterator<Item = &Sourced<SmolStr>> {
        let volumes = self.volumes.iter().map(|volume| &volume.name);
        let claims = self.claims.iter().map(|claim| &claim.name);
        let scratch = self.scratch.iter().map(|scratch| &scratch.name);
        let configs = self.configs.iter().map(|config| &config.name);
        let secrets = self.secret_mounts.iter().map(|secret| &secret.name);
        let of_pods = volumes.chain(claims).chain(scratch);
        of_pods.chain(configs).chain(secrets)
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
