//! Argo CD: a project that allows exactly what the platform has, and one Application whose objects
//! carry their wave. Waves order the objects of an Application, not Applications.

use std::collections::BTreeSet;

use erpc_model::Repository;
use serde_json::{Value, json};

use super::{SyncWave, Writer, holds_data, path_in};
use crate::{Object, OutputFile};

/// The cluster that Argo CD runs in.
const SERVER: &str = "https://kubernetes.default.svc";

pub(super) fn files(
    writer: &Writer<'_>,
    steps: &[SyncWave],
    last_wave: i64,
    at: &Repository,
) -> Vec<OutputFile> {
    let mut files = vec![
        writer.file("argocd/project.yaml", &project(writer, steps, at)),
        writer.file("argocd/application.yaml", &application(writer, steps, at)),
    ];
    for step in steps {
        let files_of = step.files.iter();
        let workloads = files_of.flat_map(|file| file.objects.iter().map(move |o| (file, o)));
        let idle: BTreeSet<&str> = workloads
            .filter(|(_, object)| is_idle(object))
            .map(|(file, _)| file.name.as_str())
            .collect();
        for file in &step.files {
            let is_idle = idle.contains(file.name.as_str());
            files.push(Writer::copy("argocd/objects", file, |object| {
                let is_late = waits_for_others(object, is_idle);
                marks(object, if is_late { last_wave } else { step.number })
            }));
        }
    }
    files
}

/// Whether Argo CD may wait for an object without end, or for long: the next wave starts when each object
/// of this one is healthy, and no annotation exempts an object. A load balancer is healthy when it has an
/// address, a claim when it is bound, which it may be no sooner than a pod uses it.
fn waits_for_others(object: &Object, is_idle: bool) -> bool {
    match object {
        Object::Service(service) => {
            let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
            kind == Some("LoadBalancer")
        }
        Object::PersistentVolumeClaim(_) => is_idle,
        _ => false,
    }
}

/// Whether an object is a workload that starts no pod when it is applied.
fn is_idle(object: &Object) -> bool {
    let replicas = match object {
        Object::CronJob(_) => return true,
        Object::Job(job) => {
            return job
                .spec
                .as_ref()
                .is_some_and(|spec| spec.suspend == Some(true));
        }
        Object::Deployment(deployment) => deployment.spec.as_ref().and_then(|spec| spec.replicas),
        Object::StatefulSet(set) => set.spec.as_ref().and_then(|spec| spec.replicas),
        _ => None,
    };
    replicas == Some(0)
}

fn marks(object: &Object, wave: i64) -> Vec<(&'static str, String)> {
    let mut marks = vec![("argocd.argoproj.io/sync-wave", wave.to_string())];
    if holds_data(object) {
        let options = "Prune=false,Delete=false".to_owned();
        marks.push(("argocd.argoproj.io/sync-options", options));
    }
    marks
}

fn objects(steps: &[SyncWave]) -> impl Iterator<Item = &Object> {
    let files = steps.iter().flat_map(|step| &step.files);
    files.flat_map(|file| &file.objects)
}

fn project(writer: &Writer<'_>, steps: &[SyncWave], at: &Repository) -> Value {
    let mut of_cluster: BTreeSet<(String, &str)> = BTreeSet::new();
    let mut of_namespaces: BTreeSet<(String, &str)> = BTreeSet::new();
    for object in objects(steps) {
        let api = serde_json::to_value(object).unwrap_or_default();
        let api = api["apiVersion"].as_str().unwrap_or_default();
        let group = api.split_once('/').map_or("", |(group, _)| group);
        let kinds = match object.metadata().namespace {
            Some(_) => &mut of_namespaces,
            None => &mut of_cluster,
        };
        kinds.insert((group.to_owned(), object.kind()));
    }
    let list = |kinds: BTreeSet<(String, &str)>| -> Value {
        let kinds = kinds.into_iter();
        kinds
            .map(|(group, kind)| json!({"group": group, "kind": kind}))
            .collect()
    };
    let destinations = writer.platform.namespaces().map(
        |(_, namespace)| json!({"server": SERVER, "namespace": namespace.name.value.as_str()}),
    );
    let name = writer.platform.name.value.as_str();
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "description": title(writer),
            "sourceRepos": [at.url],
            "destinations": destinations.collect::<Value>(),
            "clusterResourceWhitelist": list(of_cluster),
            "namespaceResourceWhitelist": list(of_namespaces),
        },
    })
}

fn title(writer: &Writer<'_>) -> String {
    let platform = writer.platform;
    let title = platform.title.as_ref().map(|title| title.value.clone());
    title.unwrap_or_else(|| platform.name.value.to_string())
}

fn application(writer: &Writer<'_>, steps: &[SyncWave], at: &Repository) -> Value {
    let name = writer.platform.name.value.as_str();
    let mut spec = json!({
        "project": name,
        "destination": {"server": SERVER},
        "source": {
            "repoURL": at.url,
            "targetRevision": at.revision,
            "path": path_in(&at.folder, "argocd/objects"),
            "directory": {"recurse": true},
        },
        "syncPolicy": {
            "automated": {"prune": true, "selfHeal": true},
            "syncOptions": [
                "ServerSideApply=true",
                "RespectIgnoreDifferences=true",
                "PruneLast=true",
            ],
            "retry": {
                "limit": 5,
                "backoff": {"duration": "10s", "factor": 2, "maxDuration": "5m"},
            },
        },
    });
    // An autoscaler owns the number of replicas of its workload.
    let scaled: Vec<Value> = objects(steps)
        .filter_map(|object| {
            let Object::HorizontalPodAutoscaler(hpa) = object else {
                return None;
            };
            let of = &hpa.spec.as_ref()?.scale_target_ref;
            Some(json!({
                "group": "apps",
                "kind": of.kind,
                "name": of.name,
                "namespace": hpa.metadata.namespace,
                "jsonPointers": ["/spec/replicas"],
            }))
        })
        .collect();
    if !scaled.is_empty() {
        spec["ignoreDifferences"] = json!(scaled);
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": spec,
    })
}
