//! Profiles as written: overrides by path.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::ids::{ClusterId, NamespaceId, ProfileId, ServiceId};
use crate::origin::Sourced;
use crate::platform::accept::Accept;
use crate::platform::service::Autoscale;
use crate::statements::{Image, ServiceProperties};
use crate::units::{Cpu, Memory, Range};

/// `profile NAME [is OTHER] { }`.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// `is OTHER`: what that one says lies below.
    pub base: Option<Sourced<ProfileId>>,
    /// What it says, in source order.
    pub overrides: Vec<Override>,
    /// `accept CODE` that counts under this profile only.
    pub accepts: Vec<Accept>,
}

/// `PATH = VALUE` of a profile.
#[derive(Clone, Debug)]
pub struct Override {
    /// Whom it is about.
    pub target: Target,
    /// Which property of theirs.
    pub slot: Slot,
    /// What it becomes.
    pub change: Sourced<Change>,
    /// The path.
    pub path: Span,
    /// How many `*` are in the path: a path with fewer says it more exactly, and wins.
    pub stars: u8,
}

/// Whom an override is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The platform itself.
    Platform,
    /// Namespaces, sorted.
    Namespaces(Vec<NamespaceId>),
    /// Services, sorted.
    Services(Vec<ServiceId>),
}

/// A property that a profile may set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `cluster` of the platform.
    Cluster,
    /// The namespace or service as such: only `off`.
    Whole,
    /// `replicas`.
    Replicas,
    /// `scale`.
    Scale,
    /// `cpu` of the main container, or of a sidecar or init container by name.
    Cpu(Option<SmolStr>),
    /// `memory`, likewise.
    Memory(Option<SmolStr>),
    /// `image`, likewise.
    Image(Option<SmolStr>),
    /// `volume.NAME`: its size.
    Volume(SmolStr),
    /// A plain statement, by its word.
    Statement(&'static str),
    /// `host`, or `host."NAME"` where a service has several.
    Host(Option<SmolStr>),
    /// `quota` of a namespace as a whole: only `off`.
    Quota,
    /// `quota.PART` of a namespace.
    QuotaPart(QuotaPart),
}

/// A part of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaPart {
    /// `cpu`
    Cpu,
    /// `memory`
    Memory,
    /// `pods`
    Pods,
    /// `storage`
    Storage,
}

/// What a property becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Removed, or back to the default of the language.
    Off,
    /// Another cluster.
    Cluster(ClusterId),
    /// A number: of replicas, of pods in a quota.
    Count(u32),
    /// Another scale.
    Scale(ScaleChange),
    /// Request and limit.
    Cpu(Range<Cpu>),
    /// Request and limit.
    Memory(Range<Memory>),
    /// Another image.
    Image(Image),
    /// A size of storage.
    Size(Memory),
    /// A host of a route.
    Host(SmolStr),
    /// A layer that sets one plain statement.
    Statement(Box<ServiceProperties>),
}

/// `A..B [on cpu P, memory P]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleChange {
    /// Least and greatest.
    pub replicas: Range<u32>,
    /// What it scales on, where it is said; what the service says, where not.
    pub measures: Option<Autoscale>,
}
