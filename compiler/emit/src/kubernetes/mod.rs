//! Kubernetes objects, one file for each kind or family of kinds.

mod accounts;
pub(crate) mod autoscaler;
pub(crate) mod budget;
pub(crate) mod classes;
pub(crate) mod configs;
pub(crate) mod container;
mod ingress;
mod job;
pub(crate) mod manifests;
mod metadata;
pub(crate) mod namespaces;
pub(crate) mod network_policy;
pub(crate) mod pod;
mod policy_causes;
pub(crate) mod services;
mod workload;

use erpc_diagnostics::{Diagnostics, Sources, Span};
use erpc_model::{Peer, Platform, ServiceId};
use erpc_policy::{Derived, Edge};

use self::policy_causes::Reasons;
use crate::cause::Cause;
use crate::kind::Kind;
use crate::tree::Field;
use crate::{Object, ObjectFile, patch};

pub(crate) use metadata::{annotate, is_found_by};

/// Whether the causes are wanted that cost more than the objects: those of the rules of network policies, of which
/// each follows from many flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracing {
    /// Rules have none.
    Off,
    /// Rules have theirs.
    On,
}

/// The files of `share/`, what the whole platform has, and those of manifests that the source takes as they are.
pub(crate) fn shared(platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<ObjectFile> {
    // Nothing that is in a namespace may sort before `namespaces`: kubectl applies files in the
    // order of their names.
    let ingress_class = classes::ingress_class(platform);
    let kinds: [(&str, Vec<Object>); 6] = [
        ("ingress-class", ingress_class.into_iter().collect()),
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
            is_raw: false,
        })
        .chain(manifests::files(platform))
        .chain(platform.raw_workloads().filter_map(|(id, _)| {
            let policies = network_policy::of_workload(platform, derived, id, None);
            raw_policies(platform, sources, id, policies)
        }))
        .collect()
}

/// The file of the policies of a workload among the manifests, if it has any: it is all that the compiler adds to it.
fn raw_policies(
    platform: &Platform,
    sources: &Sources,
    id: ServiceId,
    objects: Vec<Object>,
) -> Option<ObjectFile> {
    let service = &platform[id];
    let namespace = &platform[service.namespace].name.value;
    let file = ObjectFile {
        path: format!("lib/{namespace}/{}/networkpolicy.yaml", service.name.value),
        name: platform.path(id),
        source: source_of(sources, service.name.span()),
        objects,
        is_raw: false,
    };
    (!file.objects.is_empty()).then_some(file)
}

/// The files of one service.
pub(crate) fn service(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    id: ServiceId,
) -> (Vec<ObjectFile>, Diagnostics) {
    traced_service(platform, derived, sources, id, Tracing::Off)
}

/// The objects of a service in which a server may refuse what the source names, beyond what other checks hold: its
/// workload and its Services.
pub(crate) fn named_parts(platform: &Platform, derived: &Derived, id: ServiceId) -> Vec<Object> {
    let mut objects = services::services(platform, derived, id, &[]);
    objects.push(workload::workload(platform, id));
    objects
}

/// The files of one service, with the causes that are wanted.
pub(crate) fn traced_service(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    id: ServiceId,
    tracing: Tracing,
) -> (Vec<ObjectFile>, Diagnostics) {
    let service = &platform[id];
    let edges_in: Vec<Edge> = match tracing {
        Tracing::Off => Vec::new(),
        Tracing::On => {
            let edges = derived.edges.as_slice().iter().copied();
            edges.filter(|edge| edge.to == Peer::Service(id)).collect()
        }
    };
    let reasons = (tracing == Tracing::On).then(|| Reasons::new(platform, derived, id, &edges_in));
    if service.raw.is_some() {
        let policies = network_policy::of_workload(platform, derived, id, reasons.as_ref());
        let file = raw_policies(platform, sources, id, policies);
        return (file.into_iter().collect(), Diagnostics::new());
    }
    let workload = workload::workload(platform, id);
    let of_workload = service.workload.kind().word;
    let list = |object: Option<Object>| object.into_iter().collect();
    let kinds: [(&str, Vec<Object>); 9] = [
        ("account", accounts::of_service(platform, id)),
        ("configmap", configs::config_maps(platform, id)),
        (of_workload, vec![workload]),
        ("hpa", list(autoscaler::autoscaler(platform, id))),
        ("ingress", list(ingress::ingress(platform, id))),
        (
            "networkpolicy",
            network_policy::of_workload(platform, derived, id, reasons.as_ref()),
        ),
        ("pdb", list(budget::budget(platform, id))),
        ("pvc", configs::claims(platform, id)),
        (
            "service",
            services::services(platform, derived, id, &edges_in),
        ),
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
            is_raw: false,
        })
        .collect();
    let mut diagnostics = Diagnostics::new();
    if !service.patches.is_empty() {
        patch::apply(platform, id, &mut files, &mut diagnostics);
    }
    // Last, because the name of a Job follows from its whole spec.
    for object in files.iter_mut().flat_map(|file| &mut file.objects) {
        if object.kind() == Kind::Job
            && service.has_hashed_name()
            && let Some(spec) = object.at(&["spec"])
        {
            let name = job::name(&service.name.value, &spec.node);
            let cause = Cause::said("the name of the job, and a hash of its spec", &service.name);
            if let Some(metadata) = object.fields_mut().map_mut("metadata") {
                metadata.insert("name", Field::new(name, cause));
            }
        }
    }
    (files, diagnostics)
}

pub(crate) fn source_of(sources: &Sources, span: Span) -> String {
    sources
        .get(span.file)
        .map_or_else(|| "platform.erp".to_owned(), |source| source.path.clone())
}
