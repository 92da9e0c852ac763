//! Rules and tests: what can be asked of each kind of element ([`members`]), and what terms mean over a platform and
//! what is derived from it ([`Evaluation`]).

mod evaluate;
mod members;

use smol_str::SmolStr;

use crate::platform::{FlowId, FlowPort, Mode, Peer, ServiceId};

pub use crate::elements::Kind;
pub use crate::eval::Stop;
pub use crate::platform::{Expectation, Rule, Test};
pub use evaluate::{Broken, Evaluation, Outcome, Side};
pub use members::{MemberRow, members};
pub(crate) use members::{member, member_names, member_of};

/// A flow as rules see it: one caller, one callee, one port.
#[derive(Clone, Debug)]
pub struct FlowEdge {
    /// Who calls.
    pub from: Peer,
    /// Who is called.
    pub to: Peer,
    /// The port as the language names it.
    pub port: SmolStr,
    /// The mode.
    pub mode: Mode,
    /// The statement that says so.
    pub flow: FlowId,
}

/// What rules and tests ask about the flows of a platform.
pub trait FlowGraph {
    /// All flows, sorted by caller.
    fn edges(&self) -> &[FlowEdge];
    /// The indexes in [`FlowGraph::edges`] of the flows that a service makes.
    fn edges_from(&self, service: ServiceId) -> std::ops::Range<usize>;
    /// The indexes in [`FlowGraph::edges`] of the flows that lead to a service.
    fn edges_to(&self, service: ServiceId) -> &[u32];
    /// The wave in which a service starts, from 1.
    fn wave(&self, service: ServiceId) -> u32;
    /// A shortest path from one of `from` to one of `to`, the names of both ends included; `port` is that of
    /// its last step, and a direct path has one step.
    fn path(
        &self,
        from: &[Peer],
        to: &[Peer],
        port: Option<&FlowPort>,
        is_direct: bool,
    ) -> Option<Vec<String>>;
}
