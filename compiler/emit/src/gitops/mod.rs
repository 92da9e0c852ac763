//! What others deliver: the same objects for Argo CD, Flux and Kustomize, in a folder of the
//! target's own, in the waves of `erpc order`. The objects are copies, since each of the three
//! reads only what is below its own folder, and marks of theirs have no place in `lib/`.

mod argocd;
mod flux;
mod kustomize;

use erpc_diagnostics::Sources;
use erpc_model::{Delivery, DeliveryTarget, Platform};
use erpc_policy::Derived;
use serde_json::Value;

use crate::file::Remark;
use crate::kind::Stage;
use crate::kubernetes::{annotate, source_of};
use crate::tree::Field;
use crate::{Object, ObjectFile, OutputFile, objects, yaml};

/// What a target needs beside `lib/`, `share/` and `helm/`, sorted by path.
#[must_use]
pub fn delivery(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    output: &Delivery,
) -> Vec<OutputFile> {
    let writer = Writer {
        platform,
        source: source_of(sources, platform.name.span()),
    };
    let steps = steps(platform, derived, sources);
    let mut files = match (output.target, &output.repository) {
        (DeliveryTarget::ArgoCd, Some(repository)) => {
            argocd::files(&writer, &steps, last_wave(derived), repository)
        }
        (DeliveryTarget::Flux, Some(repository)) => flux::files(&writer, &steps, repository),
        // Without a repository there is nothing that they could fetch from.
        (DeliveryTarget::ArgoCd | DeliveryTarget::Flux, None) => Vec::new(),
        (DeliveryTarget::Kustomize, _) => kustomize::files(&writer, &steps),
    };
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    files
}

/// What goes to the cluster together, after the steps before are ready.
struct SyncWave {
    part: Part,
    /// Argo CD's wave: those of `erpc order` from 1, what comes before below that.
    number: i64,
    files: Vec<ObjectFile>,
}

/// What is in a step: a folder of its own for what services share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Namespaces, accounts and the policy of every workload.
    Base,
    /// What denies all other traffic.
    Isolation,
    /// Services that start together.
    Services,
    /// What opens services to the outside.
    Routes,
}

/// Namespaces, accounts and the policy of every workload; then what denies the rest, so that a running
/// platform loses no flow for a moment; then the waves; last the routes, because an Ingress on a cluster
/// without load balancers is never healthy and would hold up the waves after it.
fn steps(platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<SyncWave> {
    let step = |part, number| SyncWave {
        part,
        number,
        files: Vec::new(),
    };
    let mut base = step(Part::Base, -1);
    let mut isolation = step(Part::Isolation, 0);
    let mut waves: Vec<SyncWave> = (1..)
        .zip(&derived.order.waves)
        .map(|(number, _)| step(Part::Services, number))
        .collect();
    let mut routes = step(Part::Routes, last_wave(derived));
    let numbers: std::collections::BTreeMap<String, usize> = platform
        .services()
        .map(|(id, _)| (platform.path(id), derived.order.wave[id.index()] as usize))
        .collect();
    for file in objects(platform, derived, sources) {
        let stage = file.objects.first().map(|object| object.kind().stage());
        let of_service = file.path.starts_with("lib/");
        let wave = numbers.get(&file.name).and_then(|at| waves.get_mut(*at));
        let into = match (stage, wave) {
            (Some(Stage::Policies), _) if of_service => &mut base,
            (Some(Stage::Policies), _) => &mut isolation,
            (Some(Stage::Routes), _) => &mut routes,
            (_, Some(wave)) => wave,
            (_, None) => &mut base,
        };
        into.files.push(file);
    }
    let mut all = vec![base, isolation];
    all.append(&mut waves);
    all.push(routes);
    all.retain(|step| !step.files.is_empty());
    all
}

/// The wave after those of services.
fn last_wave(derived: &Derived) -> i64 {
    let waves = i64::try_from(derived.order.waves.len()).unwrap_or(i64::MAX);
    waves.saturating_add(1)
}

/// Writes files of a target.
struct Writer<'p> {
    platform: &'p Platform,
    source: String,
}

impl SyncWave {
    /// The folder of what services share; `None` for a wave of services.
    const fn shared(&self) -> Option<&'static str> {
        match self.part {
            Part::Base => Some("base"),
            Part::Isolation => Some("isolation"),
            Part::Services => None,
            Part::Routes => Some("routes"),
        }
    }
}

impl Writer<'_> {
    /// A file with one object of the target's own kind.
    fn file(&self, path: &str, object: &Value) -> OutputFile {
        let mut body = String::new();
        // JSON has string keys only, which is all that could fail to be written.
        let _ = yaml::write(&mut body, object);
        let name = &self.platform.name.value;
        OutputFile::with_header(path, Remark::HASH, &self.source, name, &body)
    }

    /// A file of objects below a folder of the target, with its marks.
    fn copy(
        folder: &str,
        file: &ObjectFile,
        marks: impl Fn(&Object) -> Vec<(&'static str, String)>,
    ) -> OutputFile {
        let objects = file.objects.iter();
        OutputFile::of(&ObjectFile {
            path: format!("{folder}/{}", file.path),
            objects: objects
                .map(|object| marked(object, marks(object)))
                .collect(),
            ..file.clone()
        })
    }
}

/// An object with more annotations.
fn marked(object: &Object, marks: Vec<(&'static str, String)>) -> Object {
    let mut object = object.clone();
    if let Some(metadata) = object.fields_mut().map_mut("metadata") {
        for (key, mark) in marks {
            annotate(metadata, key, Field::plain(mark));
        }
    }
    object
}

/// The path of a folder of the output in a repository.
fn path_in(folder: &str, path: &str) -> String {
    if folder.is_empty() {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    }
}
