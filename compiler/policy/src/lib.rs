//! What follows from the flows: the edges between services, the order of deployment, the flows
//! that others imply, and the contract of each workload with the network.
//!
//! Everything here is a pure function of the [`Platform`]; nothing knows of YAML.

mod blocks;
mod cluster_facts;
mod cni;
mod connections;
mod edges;
mod enforcement;
mod flow_index;
mod implied;
mod mesh;
mod order;
mod policies;
mod search;
mod security;

use erpc_diagnostics::Diagnostics;
use erpc_model::Platform;

pub use connections::{Addresses, Connection, Connections, Overlaps, Party, Reason};
pub use edges::{Edge, EdgePort, Edges, MAX_EDGES, dns_ports};
pub use enforcement::{Left, left_with_policies, unenforced};
pub use flow_index::FlowIndex;
pub use implied::{Implied, RoutedPort, needs_dns, needs_names};
pub use order::{Condition, Order, critical_path, predecessors};
pub use policies::{
    EgressRule, IngressRule, PodSelector, PolicyPeer, PolicyPort, Selected, WorkloadPolicy,
    dns_pods, policies,
};
pub use search::{Arrival, Search};
pub use security::PodSecurity;

/// All that is derived from a platform.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The declared flows, wildcards expanded.
    pub edges: Edges,
    /// The flows that others imply.
    pub implied: Implied,
    /// When each service starts.
    pub order: Order,
    /// What each workload may do on the network, in the order of the services.
    pub policies: Vec<WorkloadPolicy>,
}

impl Derived {
    /// Derives everything; what is found on the way are diagnostics.
    #[must_use]
    pub fn of(platform: &Platform) -> (Self, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let edges = Edges::of(platform, &mut diagnostics);
        let implied = Implied::of(platform, &edges, &mut diagnostics);
        mesh::check(platform, &edges, &mut diagnostics);
        let order = Order::of(platform, &edges, &mut diagnostics);
        let policies = if diagnostics.has_errors() {
            Vec::new()
        } else {
            policies(platform, &edges, &implied)
        };
        (
            Self {
                edges,
                implied,
                order,
                policies,
            },
            diagnostics,
        )
    }
}
