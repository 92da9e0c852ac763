//! The resolved platform: dense ids into vectors, every reference held, every value with its
//! origin. Resolution makes it, the checks read it, everything that is derived is derived from it.

mod accept;
mod output;
mod profile;
mod raw;
mod rule;
mod service;
mod workload;

use erpc_diagnostics::{Diagnostic, Span, codes};
use smol_str::SmolStr;

use crate::choice::choices;
use crate::kubernetes;
use crate::origin::Sourced;
use crate::shown::Names;
use crate::statements::{Reader, Spread, each_text, name, statements, text};

pub use crate::ids::*;
pub use crate::statements::{
    AccountName, Address, AddressKind, ApiServer, Assertion, Autoscale, Availability, CheckKind,
    ClaimMount, Cluster, Cni, CniAbility, Config, Container, ContainerDefaults, Dns, DnsFlavour,
    DnsPods, EnvValue, EnvVar, External, ExternalPort, FileOptions, Flow, FlowPort, Grant,
    Identity, Image, Ingress, IngressController, Latency, Manifest, Mesh, Mode, Mount, Namespace,
    Network, Nodes, Patch, PatchField, PatchValue, Peers, Port, Probe, ProbeCheck, Probes, Quota,
    Resource, Route, Scaling, Scratch, Secret, SecretMount, ServiceName, ServiceProperties,
    ServiceStatements, StorageClass, StorageProvision, Volume,
};
pub use accept::{Accept, AcceptedFile, Move, MovedTo, Subject};
pub use output::{Delivery, DeliveryTarget, Environment, Output, Repository};
pub use profile::Profile;
pub use raw::RawWorkload;
pub(crate) use raw::workloads as raw_workloads;
pub use rule::{Expectation, Rule, Test};
pub(crate) use rule::{MemberId, PathQuery, Require, Term, TermKind};
pub use service::*;
pub use workload::*;

/// A whole program, resolved.
#[derive(Clone, Debug)]
pub struct Platform {
    /// `platform NAME`, with the suffix behind it.
    pub name: Sourced<SmolStr>,
    /// What its name and those of its namespaces end in: `namespaces { suffix "-dev" }`.
    pub suffix: Option<Sourced<SmolStr>>,
    /// The chosen cluster.
    pub cluster: ClusterId,
    /// `##` above it.
    pub doc: Option<String>,
    /// All clusters, in source order.
    pub clusters: Vec<Cluster>,
    /// All tiers, lowest first where they are comparable.
    pub tiers: Vec<Tier>,
    /// By name.
    pub namespaces: Vec<Namespace>,
    /// The declared ones by namespace, then by name; then the workloads among the manifests, likewise.
    pub services: Vec<Service>,
    /// By name.
    pub externals: Vec<External>,
    /// `allow`s and `calls`, sorted by place.
    pub flows: Vec<Flow>,
    /// `expose … at`, by service.
    pub routes: Vec<Route>,
    /// `expose … as`, by service.
    pub addresses: Vec<Address>,
    /// By namespace, then by name; a secret of the whole program comes first.
    pub secrets: Vec<Secret>,
    /// Objects that the source takes as they are written, by the path of their file, then as they stand in it.
    pub manifests: Vec<Manifest>,
    /// Components of the program and those of the library that it uses.
    pub components: Vec<Component>,
    /// Uses of components, outer before inner.
    pub uses: Vec<ComponentUse>,
    /// `never` and `always`, sorted by place.
    pub assertions: Vec<Assertion>,
    /// `profile NAME`, by name.
    pub profiles: Vec<Profile>,
    /// The rules that are on, in source order.
    pub rules: Vec<Rule>,
    /// `test "name"`, in source order.
    pub tests: Vec<Test>,
    /// The profile under which this platform is; `None` for the platform as declared.
    pub profile: Option<ProfileId>,
    /// The namespaces and services that the profile switches off, by their paths, with the line that does.
    pub switched_off: Vec<(String, Span)>,
    /// Whether the profile, or one that it `is`, holds statements, beside paths.
    pub has_statements_of_profile: bool,
    /// `accept CODE`, in source order.
    pub accepts: Vec<Accept>,
    /// `accept "PATH"`, in source order.
    pub accepted_files: Vec<AcceptedFile>,
    /// `moved OLD to NEW`, in source order.
    pub moves: Vec<Move>,
    /// The statements of the platform block.
    pub statements: PlatformStatements,
}

/// A platform has the statements of its block as fields.
impl std::ops::Deref for Platform {
    type Target = PlatformStatements;

    fn deref(&self) -> &PlatformStatements {
        &self.statements
    }
}

statements! {
    /// The statements of the platform block.
    PlatformStatements() {}

    title: Option<Sourced<String>> = "title \"…\"" [Platform]
        "A short name for people.",
        read text;
    id: Option<Sourced<String>> = "id \"…\"" [Platform]
        "What tells this platform from another of the same name; `erpc init` writes a random one. `erpc apply` records it in the cluster, and refuses a source with another.",
        read id;
    version: Sourced<String> = "version \"…\"" [Platform]
        "The version of the platform, which its own images carry.",
        default String::new(),
        read text;
    domain: Option<Sourced<String>> = "domain \"…\"" [Platform]
        "The domain under which the platform is reached.",
        read text;
    environment: Sourced<SmolStr> = "environment NAME" [Platform]
        "What the platform is for [default: `production`].",
        default SmolStr::new_static("production"),
        read |reader| name(reader, "the environment's name");
    registry: Sourced<String> = "registry \"host\"" [Platform]
        "The registry of images that name none: a host such as `ghcr.io`, or one with a path, `ghcr.io/acme` [default: `docker.io`].",
        default "docker.io".to_owned(),
        read text;
    registries: Vec<Sourced<String>> = "registries \"host\", …" [Platform]
        "The registries that images may come from beside `registry`; one with a path allows what is below it.",
        read |reader| each_text(reader, "a registry in quotes");
    pull: Sourced<PullPolicy> = "pull always|missing|never" [Platform]
        "When a node pulls an image [default: `missing`].",
        default PullPolicy::Missing,
        read |reader| {
            let policy = reader.choice_of("`pull`");
            reader.finish();
            policy
        };
    defaults: Sourced<Defaults> = "defaults strict|kubernetes" [Platform]
        "What decides where the source sets nothing: the compiler, which hardens pods, or Kubernetes [default: `strict`].",
        default Defaults::Strict,
        read Defaults::read;
    outputs: Vec<Sourced<Output>> = "output argocd|flux|kustomize [\"repository\" at \"revision\" [in \"folder\"]] | output lib for PROFILE in \"folder\"" ByKey [Platform]
        "What a build also writes: for others who deliver it, with the repository that it is in and its revision; or `lib/` and `share/` under a profile, in a folder.",
        read Output::read;
}

/// It is compared as it is written, in an object of the cluster.
fn id(reader: &mut Reader<'_, '_>) -> Option<Sourced<String>> {
    let id = text(reader)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=63).contains(&id.value.len()) && id.value.chars().all(is_allowed) {
        return Some(id);
    }
    let message = format!("invalid platform id `{}`", id.value);
    let expected = "expected 1 to 63 letters, digits, `-`, `_` or `.`";
    reader.refuse(Diagnostic::new(&codes::WRONG_TYPE, message).at(id.span(), expected))
}

choices! {
    /// Who decides what the source does not set.
    Defaults {
        /// The compiler: pods are hardened, replaced without a gap and spread over nodes.
        Strict = "strict",
        /// Kubernetes: the compiler adds nothing.
        Kubernetes = "kubernetes",
    }
    /// When a node pulls an image.
    PullPolicy {
        /// `Always`
        Always = "always",
        /// `IfNotPresent`
        Missing = "missing",
        /// `Never`
        Never = "never",
    }
}

impl Defaults {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let defaults = reader.choice_of("`defaults`");
        reader.finish();
        defaults
    }
}

/// A tier.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// All tiers strictly below it, sorted.
    pub below: Vec<TierId>,
    /// How many tiers stand below it on the longest chain: 0 is a lowest one.
    pub rank: u32,
}

/// `component NAME`.
#[derive(Clone, Debug)]
pub struct Component {
    /// With its library path: `std.beam.Release`, or the plain name of the program's own.
    pub name: SmolStr,
    /// Where its name stands.
    pub span: Span,
    /// `##` above it.
    pub doc: Option<String>,
}

/// `is NAME(args)` of a service, or of a component under it.
#[derive(Clone, Copy, Debug)]
pub struct ComponentUse {
    /// Which one.
    pub component: ComponentId,
    /// `NAME(args)`.
    pub span: Span,
    /// The use that this one is inside of, for `component A is B`.
    pub outer: Option<UseId>,
}

impl std::ops::Index<ServiceId> for Platform {
    type Output = Service;

    fn index(&self, id: ServiceId) -> &Service {
        &self.services[id.index()]
    }
}

impl std::ops::Index<NamespaceId> for Platform {
    type Output = Namespace;

    fn index(&self, id: NamespaceId) -> &Namespace {
        &self.namespaces[id.index()]
    }
}

impl std::ops::Index<PortId> for Platform {
    type Output = Port;

    fn index(&self, id: PortId) -> &Port {
        &self.services[id.service.index()].ports[id.index as usize]
    }
}

impl std::ops::Index<SecretId> for Platform {
    type Output = Secret;

    fn index(&self, id: SecretId) -> &Secret {
        &self.secrets[id.index()]
    }
}

impl std::ops::Index<ExternalId> for Platform {
    type Output = External;

    fn index(&self, id: ExternalId) -> &External {
        &self.externals[id.index()]
    }
}

impl Names for Platform {
    fn namespace(&self, id: NamespaceId) -> &str {
        &self[id].name.value
    }

    fn service(&self, id: ServiceId) -> String {
        self.path(id)
    }

    fn secret(&self, id: SecretId) -> &str {
        &self[id].name.value
    }

    fn port(&self, id: PortId) -> &str {
        &self[id].name.value
    }

    fn tier(&self, id: TierId) -> &str {
        &self.tiers[id.index()].name.value
    }
}

impl Platform {
    /// The chosen cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.clusters[self.cluster.index()]
    }

    /// What a build delivers through other tools.
    pub fn deliveries(&self) -> impl Iterator<Item = &Sourced<Output>> {
        let outputs = self.outputs.iter();
        outputs.filter(|output| matches!(output.value, Output::Delivery(_)))
    }

    /// The profiles whose objects a build writes too.
    pub fn environments(&self) -> impl Iterator<Item = &Environment> {
        self.outputs
            .iter()
            .filter_map(|output| match &output.value {
                Output::Environment(environment) => Some(environment),
                Output::Delivery(_) => None,
            })
    }

    /// The declared services with their ids.
    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        self.workloads()
            .take_while(|(_, service)| service.raw.is_none())
    }

    /// The declared services and, behind them, the workloads among the manifests: all that flows can name.
    pub fn workloads(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        (0..).map(ServiceId).zip(&self.services)
    }

    /// The workloads among the manifests, with their ids.
    pub fn raw_workloads(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        self.workloads()
            .skip_while(|(_, service)| service.raw.is_none())
    }

    /// The services of a namespace, then its workloads among the manifests.
    #[must_use]
    pub fn workloads_in(&self, id: NamespaceId) -> Vec<ServiceId> {
        let raw = self.raw_workloads();
        let raw = raw.filter(|(_, service)| service.namespace == id);
        let declared = self[id].services.iter().copied();
        declared.chain(raw.map(|(id, _)| id)).collect()
    }

    /// All namespaces with their ids.
    pub fn namespaces(&self) -> impl Iterator<Item = (NamespaceId, &Namespace)> {
        (0..).map(NamespaceId).zip(&self.namespaces)
    }

    /// The routes to a service.
    #[must_use]
    pub fn routes_to(&self, id: ServiceId) -> &[Route] {
        let start = self.routes.partition_point(|r| r.port.service < id);
        let end = self.routes.partition_point(|r| r.port.service <= id);
        &self.routes[start..end]
    }

    /// The layer-4 addresses of a service.
    #[must_use]
    pub fn addresses_of(&self, id: ServiceId) -> &[Address] {
        let start = self.addresses.partition_point(|a| a.port.service < id);
        let end = self.addresses.partition_point(|a| a.port.service <= id);
        &self.addresses[start..end]
    }

    /// Whether a pod of a service waits rather than stand where its replicas are less evenly over the
    /// nodes: only where the cluster has a node for each of the least number.
    #[must_use]
    pub fn is_kept_apart(&self, service: &Service) -> bool {
        let bounds = service.scaling.bounds();
        let over = service
            .properties
            .spread
            .as_ref()
            .map_or(Spread::Node, |s| s.value);
        let nodes = self.cluster().nodes.as_ref().map_or(0, |n| n.value.count);
        service.has_replicas()
            && bounds.max > 1
            && over == Spread::Node
            && nodes > 1
            && nodes >= bounds.min
    }

    /// Whether a namespace has an account for its pods: with `defaults kubernetes`, only if it has `grants` or if a strict
    /// service in it has no account of its own.
    #[must_use]
    pub fn has_account(&self, id: NamespaceId) -> bool {
        let namespace = &self[id];
        let mut services = namespace.services.iter().map(|id| &self[*id]);
        namespace.defaults.value == Defaults::Strict
            || !namespace.grants.is_empty()
            || services.any(|service| {
                service.is_strict() && service.grants.is_empty() && service.account().is_none()
            })
    }

    /// The labels of the pods of a service. With an `identity`, none that the source does not set.
    #[must_use]
    pub fn pod_labels(&self, id: ServiceId) -> Vec<(SmolStr, SmolStr)> {
        let service = &self[id];
        let tier = self.tier_of(service).value;
        let ours = [
            (
                kubernetes::COMPONENT_LABEL,
                &self.tiers[tier.index()].name.value,
            ),
            (kubernetes::PART_OF_LABEL, &self.name.value),
        ];
        let ours = ours.into_iter();
        let ours = ours.filter(|_| service.properties.identity.is_none());
        let ours = ours.map(|(key, value)| (SmolStr::new_static(key), value.clone()));
        let declared = service.properties.labels.iter();
        let declared = declared.map(|(key, value)| (key.clone(), value.value.as_str().into()));
        ours.chain(service.selector_labels())
            .chain(declared)
            .collect()
    }

    /// The tier of a service: its own, or that of its namespace.
    #[must_use]
    pub fn tier_of<'p>(&'p self, service: &'p Service) -> &'p Sourced<TierId> {
        let own = service.properties.tier.as_ref();
        own.unwrap_or(&self[service.namespace].tier)
    }

    /// A name of a namespace, or of the platform, as it is declared: without the suffix.
    #[must_use]
    pub fn without_suffix<'n>(&self, name: &'n str) -> &'n str {
        let suffix = self.suffix.as_ref().map_or("", |suffix| &suffix.value);
        name.strip_suffix(suffix).unwrap_or(name)
    }

    /// `namespace.service` as declared: without the suffix.
    #[must_use]
    pub fn declared_path(&self, id: ServiceId) -> String {
        let service = &self[id];
        let namespace = self.without_suffix(&self[service.namespace].name.value);
        format!("{namespace}.{}", service.name.value)
    }

    /// What the profile switches off, by the paths that the source declares, with the line that does.
    pub fn switched_off(&self) -> impl Iterator<Item = (String, Span)> {
        self.switched_off.iter().map(|(name, line)| {
            let (namespace, service) = name.split_once('.').unwrap_or((name, ""));
            let dot = if service.is_empty() { "" } else { "." };
            (
                format!("{}{dot}{service}", self.without_suffix(namespace)),
                *line,
            )
        })
    }

    /// The platform with the names that its source declares, to compare it with another environment.
    #[must_use]
    pub fn with_declared_names(mut self) -> Self {
        let Some(suffix) = self.suffix.clone() else {
            return self;
        };
        let cut = |name: &mut SmolStr| {
            if let Some(short) = name.strip_suffix(suffix.value.as_str()) {
                *name = short.into();
            }
        };
        cut(&mut self.name.value);
        for namespace in &mut self.namespaces {
            cut(&mut namespace.name.value);
        }
        self.switched_off = self.switched_off().collect();
        self
    }

    /// `namespace.service`.
    #[must_use]
    pub fn path(&self, id: ServiceId) -> String {
        let service = &self[id];
        format!(
            "{}.{}",
            self[service.namespace].name.value, service.name.value
        )
    }

    /// The names of the ports that a peer declares; none of one that has only numbers.
    #[must_use]
    pub fn port_names(&self, end: Peer) -> Vec<&str> {
        match end {
            Peer::Service(id) => {
                let ports = self[id].ports.iter();
                ports.map(|port| port.name.value.as_str()).collect()
            }
            Peer::External(id) => {
                let ports = self[id].ports.iter();
                ports.map(|port| port.name.value.as_str()).collect()
            }
            Peer::Internet | Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => Vec::new(),
        }
    }

    /// A peer as the language writes it.
    #[must_use]
    pub fn peer_name(&self, end: Peer) -> String {
        match end {
            Peer::Service(id) => self.path(id),
            Peer::External(id) => self[id].name.value.to_string(),
            Peer::Internet => "internet".to_owned(),
            Peer::ClusterDns => "cluster.dns".to_owned(),
            Peer::ClusterApi => "cluster.api".to_owned(),
            Peer::ClusterNodes => "cluster.nodes".to_owned(),
        }
    }
}
