//! The resolved platform as people ask about it: facts under the words of the language, each with
//! its value and its origin, in a tree that dotted paths lead through
//! (`erp-apps.hl7-health.memory`). What shows the model reads it here, so that every value that
//! the model holds is shown under one name.

mod chain;
mod find;
mod place;
mod service;

pub use crate::fact::{Fact, Plain};
pub use chain::{OriginStep, chain};
pub use find::{Found, Missing, Subject, find};
pub use place::{of_cluster, of_external, of_namespace, of_platform, of_secret};
pub use service::{of_service, origins_of_plain_statements, plain_statements};
