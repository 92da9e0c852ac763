//! Services and jobs with their containers, ports, probes and files.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::ids::{NamespaceId, ServiceId, UseId};
use crate::origin::Sourced;
use crate::statements::{
    Availability, Config, Container, Grant, Latency, Patch, Port, SecretMount, ServiceProperties,
    Volume,
};
use crate::units::Range;

/// What kind of workload a service or job is.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// A service without a volume of its own.
    Deployment,
    /// A service with one: a claim for each replica.
    StatefulSet,
    /// `job NAME`.
    Job,
    /// `job NAME every "cron"`.
    CronJob(Sourced<String>),
}

/// `service NAME` or `job NAME`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Whether every component that it `is` could be read: if not, what it seems not to have is not
    /// missing.
    pub is_whole: bool,
    /// `##` above it.
    pub doc: Option<String>,
    /// What it runs as.
    pub workload: Workload,
    /// The components it `is`, left to right.
    pub components: Vec<UseId>,
    /// Its plain statements.
    pub properties: ServiceProperties,
    /// The container that carries the service's name.
    pub main: Container,
    /// `sidecar NAME { }`, by name: native sidecars, which start before the main container.
    pub sidecars: Vec<Container>,
    /// `init NAME { }`, in source order.
    pub inits: Vec<Container>,
    /// `port …`, in source order, a sidecar's too.
    pub ports: Vec<Port>,
    /// `replicas`, `scale`.
    pub scaling: Scaling,
    /// `volume …`, in source order.
    pub volumes: Vec<Volume>,
    /// `config NAME { } at "dir"`, in source order.
    pub configs: Vec<Config>,
    /// The addresses of other services that its texts name with `host` and `address`, in the order of the
    /// source.
    pub addresses: Vec<AddressUse>,
    /// `secret NAME at "dir"`.
    pub secret_mounts: Vec<SecretMount>,
    /// `slo availability`, else the namespace's.
    pub availability: Option<Sourced<Availability>>,
    /// `slo latency`.
    pub latency: Vec<Sourced<Latency>>,
    /// `after SERVICE, …`.
    pub after: Vec<Sourced<ServiceId>>,
    /// `grants …` of the service's own account.
    pub grants: Vec<Grant>,
    /// `patch KIND { }`.
    pub patches: Vec<Patch>,
}

impl Service {
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
        matches!(self.workload, Workload::StatefulSet)
    }

    /// Whether it runs to its end instead of serving.
    #[must_use]
    pub fn is_job(&self) -> bool {
        matches!(self.workload, Workload::Job | Workload::CronJob(_))
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

/// How many replicas there are.
#[derive(Clone, Debug)]
pub enum Scaling {
    /// `replicas N`, default 1.
    Fixed(Sourced<u32>),
    /// `scale A..B on cpu P, memory P`: a HorizontalPodAutoscaler owns the number.
    Auto(Sourced<Autoscale>),
}

impl Scaling {
    /// The least and the greatest number of replicas.
    #[must_use]
    pub fn bounds(&self) -> Range<u32> {
        match self {
            Self::Fixed(n) => Range::single(n.value),
            Self::Auto(auto) => auto.value.replicas,
        }
    }
}

/// `scale A..B on cpu P, memory P`; at least one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscale {
    /// Least and greatest.
    pub replicas: Range<u32>,
    /// Target of CPU use, in percent of the request.
    pub cpu: Option<u32>,
    /// Target of memory use, in percent of the request.
    pub memory: Option<u32>,
}
