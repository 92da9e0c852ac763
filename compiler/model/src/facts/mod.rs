//! The resolved platform as people ask about it: facts under the words of the language, each with
//! its value and its origin, in a tree that dotted paths lead through
//! (`erp-apps.hl7-health.memory`). What shows the model reads it here, so that every value that
//! the model holds is shown under one name.

mod chain;
mod find;
mod place;
mod service;

use crate::origin::Sourced;

pub use crate::fact::{Fact, Plain};
pub use chain::{Step, chain};
pub use find::{Found, Missing, Subject, find};
pub use place::{of_cluster, of_external, of_namespace, of_platform, of_secret};
pub use service::of_service;

/// Several values of one word, each with its origin.
fn several<T: ToString>(name: &str, values: &[Sourced<T>]) -> Option<Fact> {
    let first = values.first()?;
    let all = values.iter().map(|v| Plain::Text(v.value.to_string()));
    let parts = values.iter().enumerate();
    Some(
        Fact::of(name, Plain::List(all.collect()), first.origin).with(if values.len() > 1 {
            parts
                .map(|(at, value)| Fact::shown(at.to_string(), value))
                .collect()
        } else {
            Vec::new()
        }),
    )
}

/// A word with its keys; nothing if there are none.
fn keyed(name: &str, children: Vec<Fact>) -> Option<Fact> {
    (!children.is_empty()).then(|| Fact::group(name, children))
}
