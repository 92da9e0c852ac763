//! Existing manifests, as teams have them in their repositories, as a program of the language. [`read`] takes the objects
//! out of files, [`import`] writes a program that means the same and reports what became of every field, [`compare`]
//! says in which fields two sets of objects differ in meaning. Pure: nothing here reads or writes a disk.

mod closing;
mod compare;
mod compose;
mod contradictions;
mod defaults;
mod facts;
mod flows;
mod import;
mod normal;
mod program;
mod read;
mod report;

pub use closing::Closing;
pub use compare::{Difference, Key, compare};
pub use compose::compose;
pub use flows::{Flow, Grade, Hint};
pub use import::{Imported, check, flows_of, import, import_all};
pub use program::{Compiler, Files, Options, Problem, is_whole};
pub use read::{FieldLines, Finding, FindingKind, Input, Object, Place, Reading, Values, read};
pub use report::{Class, Field, ObjectReport, ProfileReport, Report};
