//! The elements of a platform that rules and tests ask about, and their kinds.

use crate::ids::{NamespaceId, Peer, PortId, ServiceId};

/// The kinds of element that a platform consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Platform,
    Namespace,
    Service,
    Container,
    Image,
    Env,
    Probe,
    Port,
    Volume,
    Config,
    Route,
    Grant,
    Flow,
    Peer,
}

impl Kind {
    /// Every kind, outer before inner.
    pub const ALL: [Self; 14] = [
        Self::Platform,
        Self::Namespace,
        Self::Service,
        Self::Container,
        Self::Image,
        Self::Env,
        Self::Probe,
        Self::Port,
        Self::Volume,
        Self::Config,
        Self::Route,
        Self::Grant,
        Self::Flow,
        Self::Peer,
    ];

    /// What rules may be about.
    pub(crate) const OF_RULES: [Self; 5] = [
        Self::Service,
        Self::Flow,
        Self::Namespace,
        Self::Volume,
        Self::Container,
    ];

    /// As the language and messages name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Namespace => "namespace",
            Self::Service => "service",
            Self::Container => "container",
            Self::Image => "image",
            Self::Env => "environment variable",
            Self::Probe => "probe",
            Self::Port => "port",
            Self::Volume => "volume",
            Self::Config => "config",
            Self::Route => "route",
            Self::Grant => "grant",
            Self::Flow => "flow",
            Self::Peer => "peer of a flow",
        }
    }
}

impl Kind {
    pub(crate) fn with_article(self) -> String {
        let name = self.name();
        let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {name}")
    }
}

/// An element of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Element {
    Platform,
    Namespace(NamespaceId),
    Service(ServiceId),
    /// By its place among the service's containers: inits, sidecars, the main one.
    Container(ServiceId, u32),
    Image(ServiceId, u32),
    Env(ServiceId, u32, u32),
    Probe(ServiceId, u32, ProbeKind),
    Port(PortId),
    Volume(ServiceId, u32),
    Config(ServiceId, u32),
    Route(u32),
    Grant(GrantOwner, u32),
    /// By its place among the edges.
    Flow(u32),
    Peer(Peer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ProbeKind {
    Ready,
    Live,
    Startup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum GrantOwner {
    Namespace(NamespaceId),
    Service(ServiceId),
}

impl Element {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Platform => Kind::Platform,
            Self::Namespace(_) => Kind::Namespace,
            Self::Service(_) => Kind::Service,
            Self::Container(..) => Kind::Container,
            Self::Image(..) => Kind::Image,
            Self::Env(..) => Kind::Env,
            Self::Probe(..) => Kind::Probe,
            Self::Port(_) => Kind::Port,
            Self::Volume(..) => Kind::Volume,
            Self::Config(..) => Kind::Config,
            Self::Route(_) => Kind::Route,
            Self::Grant(..) => Kind::Grant,
            Self::Flow(_) => Kind::Flow,
            Self::Peer(_) => Kind::Peer,
        }
    }
}
