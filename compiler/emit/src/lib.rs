//! From a checked platform to files: Kubernetes objects as trees of fields that know where they come from, then
//! their bytes.
//!
//! Pure and deterministic: nothing here reads or writes a disk, and the same platform gives the
//! same bytes. The folders are `share/`, what the whole platform has, and `lib/`, a folder for
//! each namespace and in it one for each service, `helm/`, a chart that prints the same objects, and
//! where the source or the command line asks for them `argocd/`, `flux/` and `kustomize/`.

mod actors;
mod cause;
mod check;
mod file;
mod gitops;
mod helm;
mod kind;
pub mod kubernetes;
mod object;
mod patch;
pub mod quantity;
pub mod schema;
mod strict;
mod trace;
mod tree;
pub mod validate;
pub mod view;
pub mod yaml;

use erpc_diagnostics::Sources;
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;
use rayon::prelude::*;

pub use actors::{Actor, actors};
pub use cause::{Cause, Causes};
pub use check::check_objects;
pub use file::{Header, OutputFile, read_header};
pub use gitops::delivery;
pub use helm::{chart, release_namespace};
pub use kind::{DEFAULT_DENY, Kind, Stage, root};
pub use object::Object;
pub use strict::{ADDED, Added, strict_table};
pub use trace::{EmittedLine, Scope, emitted_lines, traced_object};
pub use tree::{Field, Map, Node, PathSegment};

/// The folders that every build owns.
pub const FOLDERS: [&str; 3] = ["helm", "lib", "share"];

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
    /// Whether they are manifests of the source, which it takes as they are written.
    pub is_raw: bool,
}

/// All objects of a platform in their files, sorted by path. [`check_objects`] has found nothing
/// wrong with it: a patch that fits no object changes none.
#[must_use]
pub fn objects(platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<ObjectFile> {
    let mut files = kubernetes::shared(platform, derived, sources);
    let services: Vec<_> = platform.services().collect();
    let of_services: Vec<Vec<ObjectFile>> = services
        .into_par_iter()
        .map(|(id, _)| kubernetes::service(platform, derived, sources, id).0)
        .collect();
    files.extend(of_services.into_iter().flatten());
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    files
}

/// What becomes of each file of objects, made in parallel, in no order that matters. Objects live only
/// until something has become of them.
pub fn map_objects<T: Send>(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    of: impl Fn(&ObjectFile) -> T + Sync,
) -> Vec<T> {
    let shared = kubernetes::shared(platform, derived, sources);
    let mut all: Vec<T> = shared.par_iter().map(&of).collect();
    let services: Vec<_> = platform.services().map(|(id, _)| id).collect();
    all.par_extend(services.into_par_iter().flat_map_iter(|id| {
        let (of_service, _) = kubernetes::service(platform, derived, sources, id);
        let all: Vec<T> = of_service.iter().map(&of).collect();
        all
    }));
    all
}

/// The files that one service has, and those that the whole platform has.
#[must_use]
pub fn objects_around(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    id: ServiceId,
) -> (Vec<ObjectFile>, Vec<ObjectFile>) {
    let (own, _) = kubernetes::service(platform, derived, sources, id);
    (own, kubernetes::shared(platform, derived, sources))
}

/// The text of all files, made in parallel, sorted by path. Objects live only until they are text.
#[must_use]
pub fn files(platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<OutputFile> {
    let shared = kubernetes::shared(platform, derived, sources);
    let mut files: Vec<OutputFile> = shared.par_iter().map(OutputFile::of).collect();
    let services: Vec<_> = platform.services().map(|(id, _)| id).collect();
    files.par_extend(services.into_par_iter().flat_map_iter(|id| {
        let (of_service, _) = kubernetes::service(platform, derived, sources, id);
        of_service.into_iter().map(|file| OutputFile::of(&file))
    }));
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The text of all files, and the chart of the same objects, both sorted by path.
#[must_use]
pub fn files_and_chart(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
) -> (Vec<OutputFile>, Vec<OutputFile>) {
    let (chart, files) = helm::beside(platform, derived, sources, |files| {
        files.iter().map(OutputFile::of).collect::<Vec<_>>()
    });
    let mut files: Vec<OutputFile> = files.into_iter().flatten().collect();
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    (files, chart)
}

/// The files of one service, sorted by path.
#[must_use]
pub fn files_of(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    service: erpc_model::ServiceId,
) -> Vec<OutputFile> {
    let (files, _) = kubernetes::service(platform, derived, sources, service);
    files.iter().map(OutputFile::of).collect()
}
