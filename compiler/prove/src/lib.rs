//! Proofs about the network of a cluster from the bytes of its manifests.
//!
//! An evaluator of NetworkPolicies that knows nothing of the compiler: it reads manifests of any
//! origin, finds out who may reach whom on which ports, and compares that with the expected
//! connections. It does no I/O.
//!
//! ```
//! use erpc_prove::{Claims, ClusterAddresses, File, Manifests, Matrix, Reading, Partition};
//!
//! let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: a}}\nspec: {}\n";
//! let manifests = Manifests::read(&[File { path: "a.yaml", bytes: yaml.as_bytes() }]);
//! let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
//! let partition = Partition::of(&manifests, &claims, &cluster);
//! let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
//! let pod = partition.workload_classes().next().expect("the pod");
//! assert_eq!(matrix.get(pod, pod), erpc_prove::PortSet::ALL);
//! ```

mod address;
mod certificate;
mod claims;
mod classes;
mod controllers;
mod fast;
mod limits;
mod manifest;
mod matrix;
mod ports;
mod proofs;
mod selector;
mod survey;

pub use address::{Block, Range};
pub use certificate::{Basis, Certificate, Change, NOT_PROMISED, Radius, Statement, digest};
pub use claims::{Claim, Claims, EndId, Enforcement, LabelId, Peer};
pub use classes::{Class, ClassId, ClusterAddresses, Partition};
pub use manifest::{
    Direction, Effect, File, Manifests, NamedPort, Namespace, Note, Ordinals, Origin, Policy,
    PolicyPeer, PolicyPort, PortRange, Problem, Rule, Service, ServicePort, TargetPort,
    Unevaluated, Workload,
};
pub use matrix::{Cell, Matrix, Reading, Side};
pub use ports::{PortSet, PortSets, Ports, Protocol};
pub use proofs::{
    Action, BlastRadius, Compared, Coverage, Deviation, Difference, Differs, Exactness, Exposed,
    Exposure, HalfOpen, Minimality, Portability, Redundant, Rollout, RolloutStep, TierOrder, Tiers,
    Uncovered, Upwards, Violation,
};
pub use selector::{Labels, Operator, Requirement, Selector};
pub use survey::{
    Connection, Everywhere, NotEvaluated, Open, Reached, Survey, Surveyed, not_evaluated,
};
