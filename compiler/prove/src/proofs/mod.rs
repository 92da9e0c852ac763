//! The statements that are proven, one file each.

mod coverage;
mod exactness;

pub use coverage::{Coverage, Uncovered};
pub use exactness::{Difference, Exactness, HalfOpen};
