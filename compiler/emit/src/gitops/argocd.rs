//! Argo CD: a project that allows exactly what the platform has, and one Application whose objects
//! carry their wave. Waves order the objects of an Application, not Applications.

use std::collections::BTreeSet;

use erpc_model::Repository;
use serde_json::{Value, json};

use super::{SyncWave, Writer, path_in};
use crate::{Kind, Node, Object, OutputFile};

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
    match object.kind() {
        Kind::Service => object.text_at(&["spec", "type"]) == Some("LoadBalancer"),
        Kind::PersistentVolumeClaim => is_idle,
        _ => false,
    }
}

/// Whether an object is a workload that starts no pod when it is applied.
fn is_idle(object: &Object) -> bool {
    let is = |field: &str, value: Node| {
        let field = object.at(&["spec", field]);
        field.is_some_and(|field| field.node == value)
    };
    match object.kind() {
        Kind::CronJob => true,
        Kind::Job => is("suspend", true.into()),
        Kind::Deployment | Kind::StatefulSet => is("replicas", 0.into()),
        _ => false,
    }
}

fn marks(object: &Object, wave: i64) -> Vec<(&'static str, String)> {
    let mut marks = vec![("argocd.argoproj.io/sync-wave", wave.to_string())];
    if object.kind().holds_data() {
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
    let kinds: BTreeSet<Kind> = objects(steps).map(Object::kind).collect();
    let list = |is_namespaced: bool| -> Value {
        let kinds = kinds
            .iter()
            .filter(|kind| kind.is_namespaced() == is_namespaced);
        let mut kinds: Vec<_> = kinds.map(|kind| (kind.group(), kind.as_str())).collect();
        kinds.sort_unstable();
        let kinds = kinds.into_iter();
        kinds
            .map(|(group, kind)| json!({"group": group, "kind": kind}))
            .collect()
    };
    let namespaces = writer.platform.namespaces();
    let namespaces = namespaces.map(|(_, namespace)| namespace.name.value.as_str());
    // Manifests of the source may be in namespaces of others.
    let of_objects = objects(steps).filter_map(Object::namespace);
    let namespaces: BTreeSet<&str> = namespaces.chain(of_objects).collect();
    let destinations = namespaces
        .into_iter()
        .map(|namespace| json!({"server": SERVER, "namespace": namespace}));
    let name = writer.platform.name.value.as_str();
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "description": title(writer),
            "sourceRepos": [at.url],
            "destinations": destinations.collect::<Value>(),
            "clusterResourceWhitelist": list(false),
            "namespaceResourceWhitelist": list(true),
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
            let target = |key| object.text_at(&["spec", "scaleTargetRef", key]);
            if object.kind() != Kind::HorizontalPodAutoscaler {
                return None;
            }
            Some(json!({
                "group": "apps",
                "kind": target("kind")?,
                "name": target("name")?,
                "namespace": object.namespace(),
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
