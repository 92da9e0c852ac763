//! What a platform promises and what it needs: the arithmetic of availability, recovery and latency
//! over the graph of what is required, and of requests, limits and claims against the cluster.
//! Pure; the checks judge by these figures, and reports show the same ones.

pub mod capacity;
pub mod cold_start;
pub mod latency;
pub mod placement;
pub mod promise;
