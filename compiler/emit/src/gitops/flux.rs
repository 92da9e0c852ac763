//! Flux: the repository, and one Kustomization for each wave, which waits for the one before and is
//! ready when its workloads are.

use erpc_model::Repository;
use serde_json::{Value, json};

use super::{SyncWave, Writer, holds_data, path_in};
use crate::{Object, OutputFile};

/// Where Flux runs.
const NAMESPACE: &str = "flux-system";

pub(super) fn files(writer: &Writer<'_>, steps: &[SyncWave], at: &Repository) -> Vec<OutputFile> {
    let name = writer.platform.name.value.as_str();
    let mut files = vec![writer.file("flux/repository.yaml", &repository(name, at))];
    let mut before: Option<&SyncWave> = None;
    for step in steps {
        let path = format!("flux/{}.yaml", step.name);
        files.push(writer.file(&path, &kustomization(name, step, before, at)));
        let folder = format!("flux/objects/{}", step.name);
        for file in &step.files {
            files.push(Writer::copy(&folder, file, marks));
        }
        before = Some(step);
    }
    files
}

fn marks(object: &Object) -> Vec<(&'static str, String)> {
    if holds_data(object) {
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

fn kustomization(name: &str, step: &SyncWave, before: Option<&SyncWave>, at: &Repository) -> Value {
    let path = path_in(&at.folder, &format!("flux/objects/{}", step.name));
    let mut spec = json!({
        "interval": "10m",
        "retryInterval": "1m",
        "timeout": "10m",
        "prune": true,
        "path": format!("./{path}"),
        "sourceRef": {"kind": "GitRepository", "name": name},
    });
    if let Some(before) = before {
        spec["dependsOn"] = json!([{"name": named(name, before)}]);
    }
    let checks: Vec<Value> = step
        .files
        .iter()
        .flat_map(|file| &file.objects)
        .filter_map(|object| {
            let api = match object {
                Object::Deployment(_) | Object::StatefulSet(_) => "apps/v1",
                Object::Job(_) => "batch/v1",
                _ => return None,
            };
            Some(json!({
                "apiVersion": api,
                "kind": object.kind(),
                "name": object.name(),
                "namespace": object.metadata().namespace,
            }))
        })
        .collect();
    if !checks.is_empty() {
        spec["healthChecks"] = json!(checks);
    }
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": named(name, step), "namespace": NAMESPACE},
        "spec": spec,
    })
}

fn named(name: &str, step: &SyncWave) -> String {
    format!("{name}-{}", step.name)
}
