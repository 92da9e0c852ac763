//! Ids of what a platform consists of, dense, so that they index its lists.

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

        impl Id for $name {
            fn from_index(index: usize) -> Self {
                Self(number(index))
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

/// A peer of a flow: its caller or its callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
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

/// Something that a position in a list of the platform identifies.
pub(crate) trait Id {
    /// The id of a position.
    fn from_index(index: usize) -> Self;
}

/// A position as ids hold it.
pub(crate) fn number(index: usize) -> u32 {
    // Sources are limited to far fewer bytes than 2^32, and every element has a place in them.
    u32::try_from(index).expect("fewer than 2^32 elements")
}
