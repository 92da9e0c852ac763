//! The resolved platform: dense ids into vectors, every reference held, every value with its
//! origin. Resolution makes it, the checks read it, everything that is derived is derived from it.

use erpc_diagnostics::Span;
use ipnet::IpNet;
use smol_str::SmolStr;

use crate::accept::{Accept, AcceptedFile, Move};
use crate::origin::{Origin, Sourced};
use crate::profile::Profile;
use crate::statements::{ServiceProperties, Spread};
use crate::units::{Cpu, Duration, Memory, Percent, Protocol, Range};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the platform's vector.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A namespace: `Platform::namespaces`.
    NamespaceId;
    /// A service or job: `Platform::services`.
    ServiceId;
    /// A cluster: `Platform::clusters`.
    ClusterId;
    /// A tier: `Platform::tiers`.
    TierId;
    /// An external: `Platform::externals`.
    ExternalId;
    /// A flow: `Platform::flows`.
    FlowId;
    /// A secret: `Platform::secrets`.
    SecretId;
    /// A component: `Platform::components`.
    ComponentId;
    /// A use of a component: `Platform::uses`.
    UseId;
    /// A profile: `Platform::profiles`.
    ProfileId;
}

/// A port of a service, by its place in `Service::ports`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId {
    /// The service.
    pub service: ServiceId,
    /// The position in its list.
    pub index: u32,
}

/// A whole program, resolved.
#[derive(Clone, Debug)]
pub struct Platform {
    /// `platform NAME`.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// `title`.
    pub title: Option<Sourced<String>>,
    /// `id`: which source this is, whatever it is called.
    pub id: Option<Sourced<String>>,
    /// `version`.
    pub version: Sourced<String>,
    /// `domain`.
    pub domain: Option<Sourced<String>>,
    /// `environment`, default `production`.
    pub environment: Sourced<SmolStr>,
    /// `registry`: put before images without a registry of their own.
    pub registry: Sourced<String>,
    /// `registries`: those that images may come from, `registry` included.
    pub registries: Vec<Sourced<String>>,
    /// `pull always|missing|never`, default `missing` (`IfNotPresent`).
    pub pull: Sourced<PullPolicy>,
    /// `output`, in source order: what a build also writes.
    pub outputs: Vec<Sourced<Output>>,
    /// The chosen cluster.
    pub cluster: ClusterId,
    /// All clusters, in source order.
    pub clusters: Vec<Cluster>,
    /// All tiers, lowest first where they are comparable.
    pub tiers: Vec<Tier>,
    /// By name.
    pub namespaces: Vec<Namespace>,
    /// By namespace, then by name.
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
    /// Components of the program and those of the library that it uses.
    pub components: Vec<Component>,
    /// Uses of components, outer before inner.
    pub uses: Vec<ComponentUse>,
    /// `never` and `always`, sorted by place.
    pub assertions: Vec<Assertion>,
    /// `profile NAME`, by name.
    pub profiles: Vec<Profile>,
    /// The rules that are on, in source order.
    pub rules: Vec<crate::rules::Rule>,
    /// `test "name"`, in source order.
    pub tests: Vec<crate::rules::Test>,
    /// The profile under which this platform is; `None` for the platform as declared.
    pub profile: Option<ProfileId>,
    /// `accept CODE`, in source order.
    pub accepts: Vec<Accept>,
    /// `accept "PATH"`, in source order.
    pub accepted_files: Vec<AcceptedFile>,
    /// `moved OLD to NEW`, in source order.
    pub moves: Vec<Move>,
}

/// When the node fetches an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// `Always`
    Always,
    /// `IfNotPresent`
    Missing,
    /// `Never`
    Never,
}

/// `output TARGET ["repository" at "revision" [in "folder"]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// For whom.
    pub target: DeliveryTarget,
    /// Where they find what a build writes; kustomize needs none.
    pub repository: Option<Repository>,
}

/// A Git repository that holds what a build writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// `https://…` or `ssh://…`
    pub url: String,
    /// A branch, `refs/…` or a commit.
    pub revision: String,
    /// The folder of the platform in it; empty for its root.
    pub folder: String,
}

/// Others who deliver what a build writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryTarget {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// Kustomize.
    Kustomize,
}

impl DeliveryTarget {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ArgoCd, Self::Flux, Self::Kustomize];

    /// As the language, the command line and the folder of a build write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ArgoCd => "argocd",
            Self::Flux => "flux",
            Self::Kustomize => "kustomize",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == name)
    }

    /// Whether it fetches what it delivers from a repository.
    #[must_use]
    pub const fn needs_repository(self) -> bool {
        match self {
            Self::ArgoCd | Self::Flux => true,
            Self::Kustomize => false,
        }
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

/// `cluster NAME`: the facts that the platform must fit.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// Whether all that is said of it could be read: if not, what it seems not to say is not missing.
    pub is_whole: bool,
    /// `kubernetes 1.36`.
    pub kubernetes: Option<Sourced<SmolStr>>,
    /// `nodes N of cpu C, memory M, …`.
    pub nodes: Option<Sourced<Nodes>>,
    /// `pods CIDR, …`.
    pub pod_cidrs: Vec<Sourced<IpNet>>,
    /// `services CIDR, …`.
    pub service_cidrs: Vec<Sourced<IpNet>>,
    /// `api ADDRESS[:PORT], …`.
    pub api: Vec<Sourced<ApiServer>>,
    /// `dns kube-dns|openshift|node-local`.
    pub dns: Option<Sourced<DnsFlavour>>,
    /// `dns node-local at ADDRESS, …`: the ClusterIPs of kube-dns, which the cache takes over.
    pub dns_at: Vec<Sourced<std::net::IpAddr>>,
    /// `cni NAME [with …]`.
    pub cni: Option<Sourced<SmolStr>>,
    /// `cni NAME with …`: what it can do beyond what is known of it.
    pub cni_with: Vec<Sourced<CniAbility>>,
    /// `mesh istio-ambient`.
    pub mesh: Option<Sourced<Mesh>>,
    /// `storage NAME …`.
    pub storage: Vec<StorageClass>,
    /// `ingress CLASS by …`.
    pub ingress: Option<Ingress>,
}

/// The nodes of a cluster, all alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes {
    /// How many.
    pub count: u32,
    /// CPU of each.
    pub cpu: Cpu,
    /// Memory of each.
    pub memory: Memory,
    /// Memory of each that the system keeps.
    pub reserved: Memory,
    /// Architecture: `arm64`.
    pub arch: Option<SmolStr>,
    /// Their addresses.
    pub cidrs: Vec<IpNet>,
}

/// An address of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// The address.
    pub ip: std::net::IpAddr,
    /// The port, 6443 where nothing is said.
    pub port: u16,
}

/// Who answers DNS in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsFlavour {
    /// Pods `k8s-app: kube-dns` in `kube-system`, port 53.
    KubeDns,
    /// Pods in `openshift-dns`, port 5353.
    OpenShift,
    /// kube-dns behind a cache on each node, 169.254.20.10.
    NodeLocal,
}

/// What network plugins differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CniAbility {
    /// `ranges`: several ports in one rule (`endPort`).
    Ranges,
    /// `sctp`: rules for SCTP.
    Sctp,
    /// `nodes`: blocks of addresses mean the nodes of the cluster too.
    Nodes,
    /// `translation`: it judges on the pod's port, behind a Service's translation.
    Translation,
}

impl CniAbility {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ranges, Self::Sctp, Self::Nodes, Self::Translation];

    /// As the language writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ranges => "ranges",
            Self::Sctp => "sctp",
            Self::Nodes => "nodes",
            Self::Translation => "translation",
        }
    }
}

impl std::fmt::Display for CniAbility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A service mesh that carries connections between pods through a tunnel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mesh {
    /// `istio-ambient`: every TCP connection between meshed pods (HBONE).
    IstioAmbient,
    /// `linkerd`: TCP connections to ports that it takes for opaque.
    Linkerd,
}

impl Mesh {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::IstioAmbient, Self::Linkerd];

    /// As the language writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IstioAmbient => "istio-ambient",
            Self::Linkerd => "linkerd",
        }
    }

    /// The TCP port of the called pod at which the tunnel ends: <https://istio.io/latest/docs/ambient/usage/networkpolicy/>,
    /// <https://linkerd.io/2/reference/architecture/> (the proxy's inbound port).
    #[must_use]
    pub const fn tunnel(self) -> u16 {
        match self {
            Self::IstioAmbient => 15_008,
            Self::Linkerd => 4_143,
        }
    }
}

impl std::fmt::Display for Mesh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `storage NAME [default] [of SIZE] [create provisioner P [wait] [reclaim retain|delete]]`.
#[derive(Clone, Debug)]
pub struct StorageClass {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Whether claims without a class get it.
    pub is_default: bool,
    /// `of SIZE`: how much all claims may take together.
    pub size: Option<Sourced<Memory>>,
    /// How it is made, where the platform makes it.
    pub create: Option<StorageProvision>,
}

/// How a storage class that the platform makes is made.
#[derive(Clone, Debug)]
pub struct StorageProvision {
    /// `provisioner "…"`.
    pub provisioner: String,
    /// `wait`: bind when the first pod needs it.
    pub wait: bool,
    /// `reclaim retain`, the default, or `reclaim delete`.
    pub retain: bool,
}

/// `ingress CLASS by …`.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// The ingress class.
    pub class: Sourced<SmolStr>,
    /// Who serves it.
    pub controller: IngressController,
}

/// Who serves an ingress class.
#[derive(Clone, Debug)]
pub enum IngressController {
    /// A service of the platform, on these ports; the platform makes the `IngressClass`.
    Service(ServiceId, Vec<PortId>),
    /// Pods outside the platform: `pods NAMESPACE "key=value", …`.
    Pods {
        /// Their namespace.
        namespace: SmolStr,
        /// Their labels.
        labels: Vec<(SmolStr, SmolStr)>,
    },
    /// On the host network of the nodes: `nodes`.
    Nodes,
}

/// `namespace NAME`.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// `title`.
    pub title: Option<Sourced<String>>,
    /// `tier`.
    pub tier: Sourced<TierId>,
    /// `slo availability P [over D]`: what each of its services promises.
    pub slo: Option<Sourced<Availability>>,
    /// `after NAMESPACE, …`.
    pub after: Vec<Sourced<NamespaceId>>,
    /// `quota cpu A..B, memory A..B, pods N, storage S`.
    pub quota: Option<Sourced<Quota>>,
    /// `limits cpu A..B, memory A..B`: defaults for containers that are not ours (a `LimitRange`).
    pub limits: Option<Sourced<ContainerDefaults>>,
    /// `pull-secret NAME, …`: with what nodes fetch the images of its pods.
    pub pull_secrets: Vec<Sourced<SecretId>>,
    /// `labels KEY = "value"`.
    pub labels: Vec<(SmolStr, Sourced<String>)>,
    /// `grants` of the namespace's account.
    pub grants: Vec<Grant>,
    /// Its services, by name.
    pub services: Vec<ServiceId>,
}

/// Sums that a namespace may not pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quota {
    /// Sum of requests and of limits.
    pub cpu: Option<Range<Cpu>>,
    /// Sum of requests and of limits.
    pub memory: Option<Range<Memory>>,
    /// Number of pods.
    pub pods: Option<u32>,
    /// Sum of claims.
    pub storage: Option<Memory>,
}

/// What a container without its own numbers gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerDefaults {
    /// Request and limit.
    pub cpu: Option<Range<Cpu>>,
    /// Request and limit.
    pub memory: Option<Range<Memory>>,
}

/// A promise of availability over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    /// The share of good time.
    pub share: Percent,
    /// The window, 30 days where nothing is said.
    pub over: Duration,
}

/// A promise of latency: `slo latency p95 < 300ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The share of requests.
    pub quantile: Percent,
    /// The bound.
    pub below: Duration,
}

/// `grants VERBS on RESOURCES [in cluster]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// `get`, `list`, …, as written.
    pub verbs: Vec<SmolStr>,
    /// What they may be done to.
    pub resources: Vec<Resource>,
    /// Whether in the whole cluster.
    pub in_cluster: bool,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub origin: Origin,
}

/// A resource as kubectl writes it: `ingresses.networking.k8s.io/status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Plural name with a subresource: `ingresses/status`.
    pub name: SmolStr,
}

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
    /// `replicas` of a layer under the `scale`: what is left where a profile takes that away.
    pub replicas_below: Option<Sourced<u32>>,
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

/// A container of a service.
#[derive(Clone, Debug)]
pub struct Container {
    /// The service's name for the main one.
    pub name: Sourced<SmolStr>,
    /// `image`.
    pub image: Sourced<Image>,
    /// `command`.
    pub command: Option<Sourced<Vec<String>>>,
    /// `args`.
    pub args: Option<Sourced<Vec<String>>>,
    /// `env`, by name.
    pub env: Vec<EnvVar>,
    /// `cpu A..B`: request and limit.
    pub cpu: Sourced<Range<Cpu>>,
    /// `memory A..B`: request and limit.
    pub memory: Sourced<Range<Memory>>,
    /// `health`.
    pub probes: Probes,
    /// `writable "/path"`: an emptyDir.
    pub writable: Vec<Sourced<String>>,
    /// `capability NAME`.
    pub capabilities: Vec<Sourced<SmolStr>>,
}

/// An image reference in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `docker.io`; the platform's where the reference names none.
    pub registry: SmolStr,
    /// `erpuno/ns`.
    pub repository: SmolStr,
    /// Behind `:`.
    pub tag: Option<SmolStr>,
    /// Behind `@`: `sha256:…`.
    pub digest: Option<SmolStr>,
    /// Whether the source names the registry.
    pub registry_is_written: bool,
}

impl std::fmt::Display for Image {
    /// The whole reference, registry included.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// `env NAME = …`.
#[derive(Clone, Debug)]
pub struct EnvVar {
    /// The variable's name.
    pub name: SmolStr,
    /// What it holds.
    pub value: Sourced<EnvValue>,
}

/// What an environment variable holds.
#[derive(Clone, Debug, PartialEq)]
pub enum EnvValue {
    /// Text.
    Text(String),
    /// `from secret S.key`.
    Secret(SecretId, SmolStr),
}

/// The three probes of a container.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// `ready`.
    pub ready: Option<Sourced<Probe>>,
    /// `live`.
    pub live: Option<Sourced<Probe>>,
    /// `startup`.
    pub startup: Option<Sourced<Probe>>,
}

/// A probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is asked.
    pub check: Sourced<ProbeCheck>,
    /// Where its port is chosen; `None` where nobody says and the rule of the language does.
    pub on: Option<Origin>,
    /// `after D`, default 0 s.
    pub after: Sourced<Duration>,
    /// `every D`, default 10 s.
    pub every: Sourced<Duration>,
    /// `fails N`, default 3.
    pub fails: Sourced<u32>,
    /// `within D`, default 1 s.
    pub within: Sourced<Duration>,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeCheck {
    /// `http "/path" on PORT`.
    Http(String, PortId),
    /// `tcp on PORT`.
    Tcp(PortId),
    /// `exec "cmd", "arg"`.
    Exec(Vec<String>),
}

/// `port NAME NUMBER[..NUMBER][/proto] [-> CONTAINERPORT] [host]`.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// The number that clients use: the Service's.
    pub number: Sourced<u16>,
    /// The last number of a range; equal to `number` for a single port.
    pub last: u16,
    /// The number that the container listens on.
    pub container: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether the node opens it too.
    pub host: bool,
    /// Which sidecar listens; the main container where `None`.
    pub sidecar: Option<u32>,
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

/// `volume NAME SIZE at "path" [class C] [shared]`.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its size.
    pub size: Sourced<Memory>,
    /// Where it is mounted.
    pub at: Sourced<String>,
    /// `class C`: a storage class by name.
    pub class: Option<Sourced<SmolStr>>,
    /// Whether all replicas share one claim (ReadWriteMany).
    pub shared: bool,
}

/// `config NAME { "file" = … } at "dir"`: a ConfigMap.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name, that of the ConfigMap too.
    pub name: Sourced<SmolStr>,
    /// File names and contents, by name.
    pub files: Vec<(SmolStr, Sourced<String>)>,
    /// Where the names of the files stand, in the same order.
    pub file_spans: Vec<Span>,
    /// The folder in which the files appear.
    pub at: Sourced<String>,
}

/// `secret S at "dir"`.
#[derive(Clone, Debug)]
pub struct SecretMount {
    /// Which one.
    pub secret: SecretId,
    /// The folder in which the keys appear as files.
    pub at: Sourced<String>,
}

/// `secret NAME { keys … }`: one that somebody else creates.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its namespace; `None` for one of the whole program, which must exist in each namespace
    /// of `used_in`.
    pub namespace: Option<NamespaceId>,
    /// The namespaces in which something refers to it, sorted.
    pub used_in: Vec<NamespaceId>,
    /// Its keys.
    pub keys: Vec<Sourced<SmolStr>>,
    /// `because`.
    pub because: Option<String>,
}

/// `patch KIND { path = value }`: a structural patch on one emitted object.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The kind in lower case: `deployment`.
    pub kind: Sourced<SmolStr>,
    /// What is set.
    pub fields: Vec<PatchField>,
}

/// One field of a patch.
#[derive(Clone, Debug)]
pub struct PatchField {
    /// Names of fields from the object's root.
    pub path: Vec<SmolStr>,
    /// Where the path stands.
    pub path_span: Span,
    /// What it becomes; `None` removes it.
    pub value: Sourced<Option<PatchValue>>,
}

/// A value of a patch.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchValue {
    /// `true`
    Bool(bool),
    /// `7`
    Int(i64),
    /// `"x"`, and quantities as Kubernetes writes them.
    Text(String),
    /// `[a, b]`
    List(Vec<PatchValue>),
}

impl Config {
    /// Where the name of a file stands.
    #[must_use]
    pub fn key_span(&self, name: &str) -> Option<Span> {
        let at = self.files.iter().position(|(file, _)| file == name)?;
        self.file_spans.get(at).copied()
    }
}

/// `external NAME { }`: something outside the cluster.
#[derive(Clone, Debug)]
pub struct External {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// `cidr A, …`.
    pub cidrs: Vec<Sourced<IpNet>>,
    /// `dns "name", …`: names by which clients find it; a flow to it then needs DNS.
    pub dns_names: Vec<Sourced<String>>,
    /// `port NAME NUMBER[/proto]`.
    pub ports: Vec<ExternalPort>,
}

/// A port of an external.
#[derive(Clone, Debug)]
pub struct ExternalPort {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its number.
    pub number: u16,
    /// The last number of a range; equal to `number` for a single port.
    pub last: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

/// What a flow's edge means beside the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The client cannot work without it: orders deployment, counts in SLOs, tier rule, no cycle.
    Requires,
    /// The client works without it: tier rule only.
    Optional,
    /// Monitoring or callbacks: network only.
    Observes,
}

impl Mode {
    /// As the language writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requires => "requires",
            Self::Optional => "optional",
            Self::Observes => "observes",
        }
    }
}

/// One end of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// A service.
    Service(ServiceId),
    /// Something outside that is declared.
    External(ExternalId),
    /// Every address outside the cluster and the private ranges.
    Internet,
    /// The cluster's DNS pods.
    ClusterDns,
    /// The API server.
    ClusterApi,
    /// The nodes.
    ClusterNodes,
}

/// An end of a flow as written, with what it matches.
#[derive(Clone, Debug)]
pub struct Ends {
    /// What it matches, sorted, without duplicates.
    pub ends: Vec<End>,
    /// Whether a wildcard or set was written: such a target means those that have the port,
    /// never the caller itself.
    pub is_pattern: bool,
    /// Where it is written.
    pub span: Span,
}

/// The port of a flow as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowPort {
    /// A port by its name.
    Named(SmolStr, Span),
    /// A number, for an end without declared ports.
    Number(u16, Protocol, Span),
    /// None, for `cluster.api` and `cluster.dns`.
    Implied,
}

/// `allow FROM -> TO:PORT [mode] [because "…"]`, or `calls TO:PORT` of a service.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The callers.
    pub from: Ends,
    /// The called.
    pub to: Ends,
    /// The port.
    pub port: FlowPort,
    /// The mode, `requires` where nothing is said.
    pub mode: Mode,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub span: Span,
}

/// `expose SERVICE:PORT at "host[/path]" [tls SECRET] [from CIDR, …]`.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where it leads.
    pub port: PortId,
    /// The host.
    pub host: Sourced<String>,
    /// The path, `/` where nothing is said.
    pub path: String,
    /// `tls SECRET`.
    pub tls: Option<Sourced<SecretId>>,
    /// `from CIDR, …`; everywhere where empty.
    pub from: Vec<Sourced<IpNet>>,
    /// The statement.
    pub span: Span,
}

/// `expose SERVICE:PORT as loadbalancer|nodeport [N]`.
#[derive(Clone, Debug)]
pub struct Address {
    /// Where it leads.
    pub port: PortId,
    /// How.
    pub kind: AddressKind,
    /// `from CIDR, …`; everywhere where empty.
    pub from: Vec<Sourced<IpNet>>,
    /// The statement.
    pub span: Span,
}

/// How a port gets an address outside the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// A Service of type LoadBalancer.
    LoadBalancer,
    /// A Service of type NodePort; the cluster picks the number where `None`.
    NodePort(Option<u16>),
}

/// `never FROM => TO[:PORT]`, `never FROM -> TO[:PORT]`, `always FROM -> TO[:PORT]`.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Whether it is `always`.
    pub always: bool,
    /// Whether it is `=>`: through other services too.
    pub transitive: bool,
    /// From.
    pub from: Ends,
    /// To.
    pub to: Ends,
    /// The port, any where `None`.
    pub port: Option<FlowPort>,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub span: Span,
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

impl Platform {
    /// The chosen cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.clusters[self.cluster.index()]
    }

    /// All services with their ids.
    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        (0..).map(ServiceId).zip(&self.services)
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
        !service.is_job()
            && bounds.max > 1
            && over == Spread::Node
            && nodes > 1
            && nodes >= bounds.min
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

    /// The names of the ports that an end declares; none of one that has only numbers.
    #[must_use]
    pub fn port_names(&self, end: End) -> Vec<&str> {
        match end {
            End::Service(id) => {
                let ports = self[id].ports.iter();
                ports.map(|port| port.name.value.as_str()).collect()
            }
            End::External(id) => {
                let ports = self[id].ports.iter();
                ports.map(|port| port.name.value.as_str()).collect()
            }
            End::Internet | End::ClusterDns | End::ClusterApi | End::ClusterNodes => Vec::new(),
        }
    }

    /// An end as the language writes it.
    #[must_use]
    pub fn end_name(&self, end: End) -> String {
        match end {
            End::Service(id) => self.path(id),
            End::External(id) => self[id].name.value.to_string(),
            End::Internet => "internet".to_owned(),
            End::ClusterDns => "cluster.dns".to_owned(),
            End::ClusterApi => "cluster.api".to_owned(),
            End::ClusterNodes => "cluster.nodes".to_owned(),
        }
    }
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

impl IngressController {
    /// The service of the platform that serves, if one does.
    #[must_use]
    pub fn service(&self) -> Option<ServiceId> {
        match self {
            Self::Service(id, _) => Some(*id),
            Self::Pods { .. } | Self::Nodes => None,
        }
    }
}
