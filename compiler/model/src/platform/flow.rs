//! Flows, what is reached from outside, and assertions about both.

use erpc_diagnostics::Span;
use ipnet::IpNet;
use smol_str::SmolStr;

use crate::choice::choices;
use crate::ids::{Peer, PortId, SecretId, ServiceId};
use crate::origin::Sourced;
use crate::statements::element;
use crate::units::Protocol;

choices! {
    /// What a flow means beside the network.
    Mode {
        /// The client cannot work without it: orders deployment, counts in SLOs, tier rule, no cycle.
        Requires = "requires",
        /// The client works without it: tier rule only.
        Optional = "optional",
        /// Monitoring or callbacks: network only.
        Observes = "observes",
    }
}

/// A peer of a flow as written, with what it matches.
#[derive(Clone, Debug)]
pub struct Peers {
    /// What it matches, sorted, without duplicates.
    pub peers: Vec<Peer>,
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
    /// A number, for a peer without declared ports.
    Number(u16, Protocol, Span),
    /// None, for `cluster.api` and `cluster.dns`.
    Implied,
}

/// `allow FROM -> TO:PORT [mode] [because "…"]`, or `calls TO:PORT` of a service.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The callers.
    pub from: Peers,
    /// The callees.
    pub to: Peers,
    /// The port.
    pub port: FlowPort,
    /// The mode [default: `requires`].
    pub mode: Mode,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub span: Span,
}

element! {
    /// `expose SERVICE:PORT at "host[/path]" [tls SECRET] [from CIDR, …]`.
    Route {
        port: PortId = "To which port.",
        host: Sourced<String> = "Its host.",
        path: String = "Its path [default: `/`].",
        tls: Option<Sourced<SecretId>> = "The Secret of its certificate.",
        from: Vec<Sourced<IpNet>> = "From where; everywhere if empty.",
    }
    besides {
        /// The statement.
        span: Span,
    }
    computed {
        service: ServiceId = "Where it leads." => |route| route.port.service,
    }
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
    pub from: Peers,
    /// To.
    pub to: Peers,
    /// The port, any where `None`.
    pub port: Option<FlowPort>,
    /// `because`.
    pub because: Option<String>,
    /// The statement.
    pub span: Span,
}
