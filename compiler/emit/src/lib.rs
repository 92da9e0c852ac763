//! From a checked platform to files: Kubernetes objects as typed structures, then their bytes.
//!
//! Pure and deterministic: nothing here reads or writes a disk, and the same platform gives the
//! same bytes. The folders are `share/`, what the whole platform has, and `lib/`, a folder for
//! each namespace and in it one for each service.

mod file;
pub mod kubernetes;
mod object;
mod patch;

use erpc_diagnostics::{Diagnostics, Sources};
use erpc_model::Platform;
use erpc_policy::Derived;
use rayon::prelude::*;

pub use file::{Header, OutputFile, read_header};
pub use object::Object;

/// The folders that a build owns.
pub const FOLDERS: [&str; 2] = ["lib", "share"];

/// A file before it is text.
#[derive(Clone, Debug)]
pub struct ObjectFile {
    /// Its path below the output folder, with `/`.
    pub path: String,
    /// What it is generated from, as the source names it: `erp-apps.hl7-health`.
    pub name: String,
    /// The source file that says so.
    pub source: String,
    /// Its objects, in their order.
    pub objects: Vec<Object>,
}

/// All objects of a platform in their files, sorted by path. Patches that fit no object are
/// diagnostics.
#[must_use]
pub fn objects(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
) -> (Vec<ObjectFile>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut files = kubernetes::shared(platform, derived, sources);
    let services: Vec<_> = platform.services().collect();
    let of_services: Vec<(Vec<ObjectFile>, Diagnostics)> = services
        .into_par_iter()
        .map(|(id, _)| kubernetes::service(platform, derived, sources, id))
        .collect();
    for (of_service, found) in of_services {
        files.extend(of_service);
        diagnostics.extend(found);
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    (files, diagnostics)
}

/// The text of each file, made in parallel, in the order of `files`.
#[must_use]
pub fn render(files: &[ObjectFile]) -> Vec<OutputFile> {
    files.par_iter().map(OutputFile::of).collect()
}
