//! The syntax of the language `erp`: a source goes in, a tree and diagnostics come out.
//!
//! [`parse`] is total: any text gives a tree. A broken statement costs that statement, never the
//! file. The tree is uniform (a file is a list of statements, a statement is a list of arguments,
//! an argument may be a block of statements); which words mean something is the model's business.

mod grammar;
mod normalize;
mod parser;
mod printer;
mod scan;
pub mod tree;

pub use normalize::latin_twin;
pub use parser::{Parsed, parse, parse_template};
pub use printer::format;
