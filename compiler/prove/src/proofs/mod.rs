//! The statements that are proven, one file each.

mod blast;
mod coverage;
mod exactness;
mod exposure;
mod minimality;
mod portability;
mod rollout;
mod tiers;

pub use blast::BlastRadius;
pub use coverage::{Coverage, Uncovered};
pub use exactness::{Difference, Exactness, HalfOpen};
pub use exposure::{Exposed, Exposure};
pub use minimality::{Minimality, Redundant};
pub use portability::{Compared, Deviation, Differs, Portability};
pub use rollout::{Action, Rollout, RolloutStep, Violation};
pub use tiers::{TierOrder, Tiers, Upwards};
