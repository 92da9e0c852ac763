//! The resolved model of a platform.
//!
//! [`resolve`] takes the parsed files of a program and gives a [`Platform`] in which every name
//! is an id and every value knows its [`Origin`], together with the diagnostics of names, types,
//! units and property sets. After it nothing is looked up by string.

mod accept;
mod args;
mod choice;
mod consequences;
mod digest;
mod elements;
mod eval;
mod fact;
pub mod facts;
mod functions;
pub mod glossary;
mod ids;
pub mod kubernetes;
mod literals;
mod load;
mod normalize;
mod origin;
pub mod platform;
mod profile;
mod program;
pub mod properties;
mod resolve;
pub mod rules;
mod schedule;
mod shown;
mod statements;
mod stdlib;
mod strange;
mod ty;
pub mod units;
mod value;
mod word;

pub use accept::accepted;
pub use consequences::without_consequences;
pub use erpc_diagnostics::{chained, listed, nearest};
pub use functions::functions;
pub use load::load;
pub use origin::{Origin, Sourced, Via};
pub use platform::*;
pub use program::{
    Files, Import, Loaded, LoadedFile, MAX_FILES, MAX_SOURCE_BYTES, ReadError, paths_below,
};
pub use resolve::{Resolved, resolve};
pub use statements::{Access, History, RunAs, ServiceProperties, Spread};
pub use stdlib::{modules, stdlib};
pub use strange::strange;
pub use value::types;
