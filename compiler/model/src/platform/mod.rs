//! The resolved platform: dense ids into vectors, every reference held, every value with its
//! origin. Resolution makes it, the checks read it, everything that is derived is derived from it.

mod accept;
mod cluster;
mod flow;
mod namespace;
mod profile;
mod rule;
mod service;

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::choice::choices;
use crate::origin::Sourced;
use crate::statements::Spread;

pub use crate::ids::*;
pub use accept::{Accept, AcceptedFile, Move, MovedTo, Subject};
pub use cluster::*;
pub use flow::*;
pub use namespace::*;
pub use profile::{Change, Override, Profile, QuotaPart, ScaleChange, Slot, Target};
pub use rule::{Expectation, Rule, Test};
pub(crate) use rule::{MemberId, PathQuery, Require, Term, TermKind};
pub use service::*;

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
    pub rules: Vec<Rule>,
    /// `test "name"`, in source order.
    pub tests: Vec<Test>,
    /// The profile under which this platform is; `None` for the platform as declared.
    pub profile: Option<ProfileId>,
    /// `accept CODE`, in source order.
    pub accepts: Vec<Accept>,
    /// `accept "PATH"`, in source order.
    pub accepted_files: Vec<AcceptedFile>,
    /// `moved OLD to NEW`, in source order.
    pub moves: Vec<Move>,
}

choices! {
    /// When a node pulls an image.
    PullPolicy {
        /// `Always`
        Always = "always",
        /// `IfNotPresent`
        Missing = "missing",
        /// `Never`
        Never = "never",
    }
    /// What delivers the output of a build.
    DeliveryTarget {
        /// Argo CD.
        ArgoCd = "argocd",
        /// Flux.
        Flux = "flux",
        /// Kustomize.
        Kustomize = "kustomize",
    }
}

impl DeliveryTarget {
    /// Whether it fetches what it delivers from a repository.
    #[must_use]
    pub const fn needs_repository(self) -> bool {
        match self {
            Self::ArgoCd | Self::Flux => true,
            Self::Kustomize => false,
        }
    }
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

/// `secret NAME { keys … }`: a Secret that is created outside of the platform.
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
