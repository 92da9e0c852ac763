//! The resolved model of a platform.
//!
//! [`resolve`] takes the parsed files of a program and gives a [`Platform`] in which every name
//! is an id and every value knows its [`Origin`], together with the diagnostics of names, types,
//! units and property sets. After it nothing is looked up by string.

mod accept;
mod args;
mod consequences;
mod digest;
mod eval;
pub mod facts;
pub mod glossary;
pub mod kubernetes;
mod literals;
mod load;
mod mend;
mod names;
mod origin;
pub mod platform;
mod profile;
pub mod properties;
mod resolve;
pub mod rules;
mod statements;
mod stdlib;
mod strange;
pub mod units;
mod value;

pub use accept::{Accept, AcceptedFile, Move, Place as MovedPlace, accepted};
pub use consequences::without_consequences;
pub use load::{Files, Import, Loaded, LoadedFile, MAX_SOURCE_BYTES, ReadError, load};
pub use names::{chained, listed, nearest};
pub use origin::{Origin, Sourced, Via};
pub use platform::*;
pub use profile::{Change, Override, Profile, QuotaPart, ScaleChange, Slot, Target};
pub use resolve::{Resolved, resolve};
pub use statements::{Access, Choice, History, RunAs, ServiceProperties, Spread};
pub use stdlib::{modules, stdlib};
pub use strange::strange;
pub use value::types;
