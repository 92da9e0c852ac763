//! Evaluation of expressions: strict, total, without side effects beyond reading files of the
//! program. The expected type travels down, so that `5m` is a time where a time is expected.

mod address;
mod arithmetic;
mod budget;
mod calls;
mod constants;
mod convert;
mod evaluate;
mod evaluator;
mod files;
mod lowering;
mod names;
mod operators;
mod pattern;
mod show;
mod sink;
mod typed;
mod values;

pub(crate) use address::{END, START};
pub use arithmetic::Stop;
pub(crate) use arithmetic::decided;
pub(crate) use budget::{Budget, OF_CONDITIONS, Resource};
pub(crate) use evaluate::{Machine, Subject};
pub(crate) use evaluator::{Asked, Constant, Evaluator, Scope, Standpoint};
pub(crate) use lowering::{Binding, Context, Lowering, Typed, known};
pub(crate) use show::show;
pub(crate) use sink::Sink;
