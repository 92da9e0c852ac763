//! Questions about who may talk to whom, answered from a compiled platform: the matrix of flows,
//! why two ends may or may not talk, what is reached, what changed between two versions.
//!
//! Pure: a question is data, its answer is data that a command writes in the form that is asked
//! for.

mod asked;
mod changes;
mod differences;
mod flows;
mod opening;
pub mod reach;
mod why;

use erpc_diagnostics::{Sources, Span};

pub use asked::{Asked, AskedEnd, AskedPort};
pub use changes::{Changes, Grown, Pair, Version};
pub use differences::{Changed, Differences, Part, Said};
pub use flows::{Flows, NamespaceCell, NamespaceRow, Row, by_namespace};
pub use opening::{Opening, opening};
pub use reach::{ConnectionPath, Radius, Reached};
pub use why::Why;

/// The statement at a place, on one line.
#[must_use]
pub fn statement(sources: &Sources, span: Span) -> Option<String> {
    let text = sources.text(span);
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}
