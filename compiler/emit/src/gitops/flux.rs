//! Flux: the repository, a Kustomization for each service and for what services share, and one
//! Kustomization that applies all of these.
//!
//! A Kustomization deletes what it applied before and no longer finds in its folder, unless another one has
//! applied the object since. An object that moves to the folder of a Kustomization which waits for this one
//! is therefore deleted before the other applies it. So folders follow from names, never from waves: a wave
//! changes `dependsOn` alone.

use std::collections::BTreeMap;

use erpc_model::Repository;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{SyncWave, Writer, path_in};
use crate::{Kind, Object, ObjectFile, OutputFile};

/// Where Flux runs.
const NAMESPACE: &str = "flux-system";
/// The name of a Kustomization is the value of a label of its objects.
const LONGEST_NAME: usize = 63;
/// The hexadecimal digits that tell shortened names apart.
const HASH: usize = 10;

/// A Kustomization: the objects of a folder, and what must be ready before.
struct Unit<'a> {
    /// Its own file, below `flux/`.
    path: String,
    name: String,
    /// What it applies, below `flux/objects/`.
    folder: String,
    /// Where the paths of `files` start, below `flux/objects/`.
    root: &'static str,
    files: Vec<&'a ObjectFile>,
    depends_on: Vec<String>,
}

pub(super) fn files(writer: &Writer<'_>, steps: &[SyncWave], at: &Repository) -> Vec<OutputFile> {
    let platform = writer.platform.name.value.as_str();
    let mut files = vec![
        writer.file("flux/repository.yaml", &repository(platform, at)),
        writer.file("flux/platform.yaml", &whole(platform, at)),
    ];
    let mut resources = vec!["platform.yaml".to_owned(), "repository.yaml".to_owned()];
    for unit in units(platform, steps) {
        let path = format!("flux/{}", unit.path);
        files.push(writer.file(&path, &kustomization(platform, &unit, at)));
        if unit.files.is_empty() {
            let path = format!("flux/objects/{}/kustomization.yaml", unit.folder);
            files.push(writer.file(&path, &list(&[])));
        }
        for file in &unit.files {
            let folder = format!("flux/objects/{}", unit.root);
            files.push(Writer::copy(&folder, file, marks));
        }
        resources.push(unit.path);
    }
    files.push(writer.file("flux/kustomization.yaml", &list(&resources)));
    files
}

/// The Kustomizations of a platform. Each wave ends in a gate, which applies nothing: it is ready when all
/// services of the wave are, so that the next wave waits for one and not for each.
fn units<'a>(platform: &str, steps: &'a [SyncWave]) -> Vec<Unit<'a>> {
    let mut units = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for step in steps {
        let Some(root) = step.shared() else {
            let mut of_services: BTreeMap<&str, Vec<&ObjectFile>> = BTreeMap::new();
            for file in &step.files {
                of_services.entry(&file.name).or_default().push(file);
            }
            let first = units.len();
            for (service, files) in of_services {
                units.push(Unit {
                    path: format!("services/{service}.yaml"),
                    name: name_of_service(platform, service),
                    folder: format!("services/lib/{}", service.replacen('.', "/", 1)),
                    root: "services",
                    files,
                    depends_on: before.clone(),
                });
            }
            let gate = format!("gate-{}", step.number);
            let name = format!("{platform}-{gate}");
            units.push(Unit {
                path: format!("{gate}.yaml"),
                name: name.clone(),
                folder: gate,
                root: "",
                files: Vec::new(),
                depends_on: units[first..]
                    .iter()
                    .map(|unit| unit.name.clone())
                    .collect(),
            });
            before = vec![name];
            continue;
        };
        let name = format!("{platform}-{root}");
        units.push(Unit {
            path: format!("{root}.yaml"),
            name: name.clone(),
            folder: root.to_owned(),
            root,
            files: step.files.iter().collect(),
            depends_on: std::mem::replace(&mut before, vec![name]),
        });
    }
    units
}

/// The name of the Kustomization of a service, which never changes: `PLATFORM.NAMESPACE.SERVICE`, shortened
/// and with a hash where that is too long.
fn name_of_service(platform: &str, service: &str) -> String {
    let name = format!("{platform}.{service}");
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let digest = Sha256::digest(name.as_bytes());
    let mut hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hash.truncate(HASH);
    // Names are DNS labels with dots between them.
    let start = name.get(..LONGEST_NAME - HASH - 1).unwrap_or(&name);
    format!("{}-{hash}", start.trim_end_matches(['.', '-']))
}

fn marks(object: &Object) -> Vec<(&'static str, String)> {
    if object.kind().holds_data() {
        vec![("kustomize.toolkit.fluxcd.io/prune", "disabled".to_owned())]
    } else {
        Vec::new()
    }
}

fn repository(name: &str, at: &Repository) -> Value {
    let revision = at.revision.as_str();
    let is_commit = revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
    let how = if revision.starts_with("refs/") {
        "name"
    } else if is_commit {
        "commit"
    } else {
        "branch"
    };
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"interval": "1m", "url": at.url, "ref": {how: revision}},
    })
}

/// What Kustomize reads in a folder.
fn list(resources: &[String]) -> Value {
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    })
}

/// The Kustomization that applies all others, itself too, and deletes those that are no longer there.
fn whole(platform: &str, at: &Repository) -> Value {
    applied(platform, platform, &path_in(&at.folder, "flux"))
}

fn applied(platform: &str, name: &str, path: &str) -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "interval": "10m",
            "retryInterval": "1m",
            "timeout": "10m",
            "prune": true,
            "path": format!("./{path}"),
            "sourceRef": {"kind": "GitRepository", "name": platform},
        },
    })
}

fn kustomization(platform: &str, unit: &Unit<'_>, at: &Repository) -> Value {
    let path = path_in(&at.folder, &format!("flux/objects/{}", unit.folder));
    let mut kustomization = applied(platform, &unit.name, &path);
    let spec = &mut kustomization["spec"];
    if !unit.depends_on.is_empty() {
        let names = unit.depends_on.iter();
        spec["dependsOn"] = names.map(|name| json!({"name": name})).collect();
    }
    // Of workloads only: a claim may wait for its first pod, a load balancer for an address.
    let objects = unit.files.iter().flat_map(|file| &file.objects);
    let checks: Vec<Value> = objects
        .filter(|object| object.kind().is_workload() && object.kind() != Kind::CronJob)
        .map(|object| {
            json!({
                "apiVersion": object.kind().api_version(),
                "kind": object.kind().as_str(),
                "name": object.name(),
                "namespace": object.namespace(),
            })
        })
        .collect();
    if !checks.is_empty() {
        spec["healthChecks"] = json!(checks);
    }
    kustomization
}
