//! The peers and the port of a flow, as statements, rules and tests name them.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

use crate::ids::Peer;
use crate::units::Protocol;

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
