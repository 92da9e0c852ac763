//! Kustomize: a `kustomization.yaml` for each folder, which names what is in it. Kustomize knows no
//! waves; the root lists the services in their order and keeps it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{SyncWave, Writer};
use crate::OutputFile;

pub(super) fn files(writer: &Writer<'_>, steps: &[SyncWave]) -> Vec<OutputFile> {
    let mut files = Vec::new();
    // The files of each folder, and the folders in the order of their waves.
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut order: Vec<&str> = vec!["share"];
    let mut seen = BTreeSet::new();
    // Manifests of the source, by their folders and all together.
    let mut raw_files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut raw: Vec<&str> = Vec::new();
    let by_wave = steps.iter().filter(|step| step.number > 0);
    for step in steps.iter().filter(|step| step.number <= 0).chain(by_wave) {
        for file in &step.files {
            files.push(Writer::copy("kustomize", file, |_| Vec::new()));
            let Some((folder, name)) = file.path.rsplit_once('/') else {
                continue;
            };
            if file.is_raw && folder != "share" {
                // Its folder has those of services, which are listed in the order of their waves.
                raw.push(file.path.as_str());
                raw_files.entry(folder).or_default().push(name);
                continue;
            }
            folders.entry(folder).or_default().push(name);
            // A contract comes with its service, whose wave says when.
            if step.number > 0 && seen.insert(folder) {
                order.push(folder);
            }
        }
    }
    let mut of_namespaces: BTreeMap<&str, Vec<&str>> = raw_files;
    for folder in &order {
        if let Some((namespace, service)) = folder.rsplit_once('/') {
            of_namespaces.entry(namespace).or_default().push(service);
        }
    }
    let mut write = |folder: &str, resources: Value| {
        let path = if folder.is_empty() {
            "kustomize/kustomization.yaml".to_owned()
        } else {
            format!("kustomize/{folder}/kustomization.yaml")
        };
        let mut kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": resources,
        });
        if folder.is_empty() {
            kustomization["sortOptions"] = json!({"order": "fifo"});
        }
        files.push(writer.file(&path, &kustomization));
    };
    for (folder, names) in folders {
        write(folder, json!(names));
    }
    for (namespace, services) in of_namespaces {
        write(namespace, json!(services));
    }
    order.splice(1..1, raw);
    write("", json!(order));
    files
}
