//! Namespaces, what they promise and limit, and the permissions of ServiceAccounts.

use smol_str::SmolStr;

use crate::ids::{NamespaceId, SecretId, ServiceId, TierId};
use crate::origin::{Origin, Sourced};
use crate::units::{Cpu, Duration, Memory, Percent, Range};

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
    /// The window [default: 30 days].
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
