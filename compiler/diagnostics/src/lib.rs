//! What the compiler says about a program, and how it is shown.
//!
//! Every stage hands its findings over as [`Diagnostic`] values with [`Span`]s into the [`Sources`];
//! this crate also holds the one registry of [`codes`] and the only renderers.

pub mod codes;
mod diagnostic;
mod names;
mod render;
mod sources;
mod span;

pub use codes::Code;
pub use diagnostic::{
    Diagnostic, Diagnostics, Edit, Fix, Label, MAX_FINDINGS, MAX_PLACES, Severity,
};
pub use names::{alternatives, chained, listed, nearest};
pub use render::{
    Style, percent_encoded, render_github, render_human, render_json, render_json_with,
    render_sarif, summary,
};
pub use sources::{LineColumn, Located, Source, Sources};
pub use span::{FileId, Span};
