//! Which connections are expected on the network, in words of manifests: the other side of a proof.

use ipnet::IpNet;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::address::Block;
use crate::ports::{Ports, Protocol};
use crate::selector::Labels;

/// One end of a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// The pods of a workload.
    Workload {
        /// Its namespace.
        namespace: SmolStr,
        /// Its name.
        name: SmolStr,
    },
    /// Pods of a namespace that carry these labels, sorted by key.
    Pods {
        /// Their namespace.
        namespace: SmolStr,
        /// Their labels.
        labels: Labels,
    },
    /// Addresses outside the pods.
    Addresses(Block),
}

impl Peer {
    /// A workload.
    pub fn workload(namespace: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        Self::Workload {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Pods with labels.
    pub fn pods<K: Into<SmolStr>, V: Into<SmolStr>>(
        namespace: impl Into<SmolStr>,
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut labels: Labels = labels
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        labels.sort_unstable();
        Self::Pods {
            namespace: namespace.into(),
            labels,
        }
    }

    /// Addresses.
    #[must_use]
    pub fn addresses(cidr: IpNet, except: &[IpNet]) -> Self {
        Self::Addresses(Block::of(cidr, except))
    }
}

/// An end, by its number in [`Claims`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndId(u32);

/// Why something is claimed, by its number in [`Claims`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(u32);

impl LabelId {
    /// The number: labels are numbered in the order in which they were given.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One claim: `from` may speak to `to` on ports of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// Who calls.
    pub from: EndId,
    /// Who is called.
    pub to: EndId,
    /// The protocol.
    pub protocol: Protocol,
    /// The first and the last port, as the pod of the callee sees them.
    pub ports: (u16, u16),
    /// Who says so.
    pub label: LabelId,
}

impl Claim {
    /// Its ports with their protocol.
    #[must_use]
    pub const fn range(&self) -> Ports {
        Ports::range(self.protocol, self.ports.0, self.ports.1)
    }
}

/// All that is claimed. Ends and labels are kept once, so that a claim is a few numbers.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    peers: Vec<Peer>,
    index: FxHashMap<Peer, EndId>,
    labels: Vec<String>,
    list: Vec<Claim>,
    enforcement: FxHashMap<SmolStr, Enforcement>,
}

/// How far policies bind the pods of a namespace, by declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// All pods: what nothing claims is denied.
    #[default]
    Whole,
    /// The declared workloads: other pods of the namespace are not the platform's.
    Workloads,
    /// No pods: the namespace has no policies.
    Nothing,
}

impl Claims {
    /// Says how far policies bind the pods of a namespace.
    pub fn enforce(&mut self, namespace: impl Into<SmolStr>, enforcement: Enforcement) {
        self.enforcement.insert(namespace.into(), enforcement);
    }

    /// How far policies bind the pods of a namespace.
    #[must_use]
    pub fn enforcement(&self, namespace: &str) -> Enforcement {
        self.enforcement.get(namespace).copied().unwrap_or_default()
    }

    /// No claims.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of an end.
    pub fn end(&mut self, end: Peer) -> EndId {
        if let Some(known) = self.index.get(&end) {
            return *known;
        }
        let id = EndId(u32::try_from(self.peers.len()).unwrap_or(u32::MAX));
        self.peers.push(end.clone());
        self.index.insert(end, id);
        id
    }

    /// A label: what messages say of the claims that carry it.
    pub fn label(&mut self, text: impl Into<String>) -> LabelId {
        self.labels.push(text.into());
        LabelId(u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds a claim.
    pub fn add(&mut self, from: EndId, to: EndId, ports: Ports, label: LabelId) {
        self.list.push(Claim {
            from,
            to,
            protocol: ports.protocol,
            ports: (ports.first, ports.last),
            label,
        });
    }

    /// The claims, in the order in which they were added.
    #[must_use]
    pub fn as_slice(&self) -> &[Claim] {
        &self.list
    }

    /// Takes out the claims that a condition does not hold for; ends and labels stay.
    pub fn retain(&mut self, condition: impl FnMut(&Claim) -> bool) {
        self.list.retain(condition);
    }

    /// The ends, by their numbers.
    #[must_use]
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// What an end is.
    #[must_use]
    pub fn peer_of(&self, id: EndId) -> &Peer {
        &self.peers[id.0 as usize]
    }

    /// What a label says.
    #[must_use]
    pub fn label_of(&self, id: LabelId) -> &str {
        &self.labels[id.0 as usize]
    }
}

impl EndId {
    /// The number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
