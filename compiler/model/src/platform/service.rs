//! Services and jobs with their containers, ports, probes and files.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::fact::{Fact, Plain};
use crate::ids::{NamespaceId, ServiceId, UseId};
use crate::origin::Sourced;
use crate::statements::{
    Availability, Config, Container, Grant, Latency, Patch, Port, SecretMount, ServiceProperties,
    Volume, slo, statements,
};
use crate::units::{Percent, Range};

/// What kind of workload a service or job is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Workload {
    /// A service without a volume of its own.
    #[default]
    Deployment,
    /// A service with one: a claim for each replica.
    StatefulSet,
    /// `job NAME`.
    Job,
    /// `job NAME every "cron"`.
    CronJob(Sourced<String>),
}

statements! {
    /// `service NAME` or `job NAME`.
    Service(
        /// Its name.
        name: Sourced<SmolStr>,
        /// Its namespace.
        namespace: NamespaceId,
        /// The container that carries the service's name.
        main: Container
    ) {
        /// Whether every component that it `is` could be read: if not, what it seems not to have is not missing.
        is_whole: bool,
        /// `##` above it.
        doc: Option<String>,
        /// What it runs as.
        workload: Workload,
        /// The components it `is`, left to right.
        components: Vec<UseId>,
        /// Its plain statements.
        properties: ServiceProperties,
        /// The addresses of other services that its texts name with `host` and `address`, in the order of the source.
        addresses: Vec<AddressUse>,
        /// `slo latency`.
        latency: Vec<Sourced<Latency>>,
    }

    ports: Vec<Port> = "port NAME NUMBER[..NUMBER][/proto] [-> CONTAINERPORT] [host]" ByKey [Service Job Sidecar]
        "A port by its name, a sidecar's too; flows, probes and routes refer to it.",
        members {};
    scaling: Scaling = "replicas N" [Service]
        "How many pods there are [default: 1].",
        rows |service, _| vec![service.scaling.fact()],
        members {};
    volumes: Vec<Volume> = "volume NAME SIZE at \"path\" [class NAME] [shared]" ByKey [Service Job]
        "Storage that outlives the pod.",
        members {};
    configs: Vec<Config> = "config NAME { \"file\" = TEXT } at \"dir\"" ByKey [Service Job]
        "Files that the container reads, as a ConfigMap.",
        members {};
    secret_mounts: Vec<SecretMount> = "secret NAME at \"dir\"" ByKey [Service Job]
        "Mounts the keys of a Secret as files.",
        members {};
    availability: Option<Sourced<Availability>> = "slo availability PERCENT [over TIME] | slo latency pNN < TIME" ByKey [Service]
        "What clients are promised; the availability is by default that of the namespace.",
        rows |service, _| slo::facts(service.availability.as_ref(), &service.latency),
        members {
            availability: Option<Percent>, "The share of good time that it promises."
                => |slo| slo.as_ref().map(|slo| slo.value.share),
        };
    after: Vec<Sourced<ServiceId>> = "after NAME, …" Append [Service Job]
        "What must be ready before this starts.";
    grants: Vec<Grant> = "grants VERB, … on RESOURCE, … [in cluster] [because \"…\"]" Append [Service Job]
        "What the ServiceAccount of the service may do at the Kubernetes API.",
        members {};
    sidecars: Vec<Container> = "sidecar NAME { … }" Inside [Service Job]
        "A container that runs beside the main one and starts before it.",
        members {};
    inits: Vec<Container> = "init NAME { … }" Inside [Service Job]
        "A container that runs to its end before the others.",
        members {};
    patches: Vec<Patch> = "patch KIND { path = VALUE }" Append [Service Job]
        "Sets fields of one emitted object that the language has no word for.",
        members {};
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

impl Default for Scaling {
    fn default() -> Self {
        Self::Fixed(Sourced::default_of_language(1))
    }
}

impl Scaling {
    /// Its row in `show`.
    fn fact(&self) -> Fact {
        match self {
            Self::Fixed(count) => {
                Fact::new("replicas", Plain::Number(count.value.into()), count.origin)
            }
            Self::Auto(auto) => {
                let measures = [("cpu", auto.value.cpu), ("memory", auto.value.memory)];
                let measures = measures.into_iter();
                let set = measures.filter_map(|(name, share)| Some(format!("{name} {}%", share?)));
                let set = Vec::from_iter(set).join(", ");
                let text = format!("{} on {set}", auto.value.replicas);
                Fact::new("scale", Plain::Text(text), auto.origin)
            }
        }
    }

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
