//! Existing manifests, as teams have them in their repositories: [`read`] takes the objects out of files, [`compare`]
//! says in which fields two sets of objects differ in meaning. Pure: nothing here reads or writes a disk.

mod compare;
mod defaults;
mod normal;
mod read;
mod write;

pub use compare::{Difference, Key, compare};
pub use read::{Finding, FindingKind, Input, Object, Place, Reading, read};
pub use write::{Built, DEFAULT_NAMESPACE, Written, is_whole, lost, write};
