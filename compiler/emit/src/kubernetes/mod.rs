//! Kubernetes objects, one file for each kind or family of kinds.

mod accounts;
pub(crate) mod autoscaler;
pub(crate) mod budget;
pub(crate) mod classes;
pub(crate) mod configs;
pub(crate) mod container;
mod ingress;
mod job;
mod metadata;
pub(crate) mod namespaces;
pub(crate) mod network_policy;
pub(crate) mod pod;
pub(crate) mod services;
mod workload;

pub(crate) use metadata::{COMPONENT_LABEL, DESCRIPTION, PART_OF_LABEL};
pub(crate) use pod::{CONFIG_DIGEST, FIRST_UNPRIVILEGED_PORT};

use erpc_diagnostics::{Diagnostics, Sources, Span};
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;

use crate::{Object, ObjectFile, patch};

/// The files of `share/`: what the whole platform has.
pub(crate) fn shared(
    platform: &Platform,
    _derived: &Derived,
    sources: &Sources,
) -> Vec<ObjectFile> {
    // Nothing that is in a namespace may sort before `namespaces`: kubectl applies files in the
    // order of their names.
    let kinds: [(&str, Vec<Object>); 6] = [
        ("ingress-class", classes::ingress_class(platform)),
        ("namespaces", namespaces::namespaces(platform)),
        ("networkpolicy", network_policy::default_denies(platform)),
        ("quota", namespaces::quotas(platform)),
        ("rbac", accounts::of_namespaces(platform)),
        ("storage-class", classes::storage_classes(platform)),
    ];
    kinds
        .into_iter()
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(kind, objects)| ObjectFile {
            path: format!("share/{kind}.yaml"),
            name: platform.name.value.to_string(),
            source: source_of(sources, platform.name.span()),
            objects,
        })
        .collect()
}

/// The files of one service.
pub(crate) fn service(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    id: ServiceId,
) -> (Vec<ObjectFile>, Diagnostics) {
    let service = &platform[id];
    let workload = workload::workload(platform, id);
    let of_workload = match workload {
        Object::StatefulSet(_) => "statefulset",
        Object::Job(_) => "job",
        Object::CronJob(_) => "cronjob",
        _ => "deployment",
    };
    let kinds: [(&str, Vec<Object>); 9] = [
        ("account", accounts::of_service(platform, id)),
        ("configmap", configs::config_maps(platform, id)),
        (of_workload, vec![workload]),
        ("hpa", autoscaler::autoscaler(platform, id)),
        ("ingress", ingress::ingress(platform, id)),
        (
            "networkpolicy",
            network_policy::of_workload(platform, derived, id),
        ),
        ("pdb", budget::budget(platform, id)),
        ("pvc", configs::shared_claims(platform, id)),
        ("service", services::services(platform, derived, id)),
    ];
    let name = platform.path(id);
    let namespace = &platform[service.namespace].name.value;
    let source = source_of(sources, service.name.span());
    let mut files: Vec<ObjectFile> = kinds
        .into_iter()
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(kind, objects)| ObjectFile {
            path: format!("lib/{namespace}/{}/{kind}.yaml", service.name.value),
            name: name.clone(),
            source: source.clone(),
            objects,
        })
        .collect();
    let mut diagnostics = Diagnostics::new();
    if !service.patches.is_empty() {
        patch::apply(service, &mut files, &mut diagnostics);
    }
    // Last, because the name of a Job follows from its whole spec.
    for object in files.iter_mut().flat_map(|file| &mut file.objects) {
        if let Object::Job(job) = object
            && let Some(spec) = &job.spec
        {
            job.metadata.name = Some(job::name(&service.name.value, spec));
        }
    }
    (files, diagnostics)
}

pub(crate) fn source_of(sources: &Sources, span: Span) -> String {
    sources
        .get(span.file)
        .map_or_else(|| "platform.erp".to_owned(), |source| source.path.clone())
}
