//! Names, labels and annotations.

use erpc_model::kubernetes::{self, COMPONENT_LABEL, NAME_LABEL, PART_OF_LABEL};
use erpc_model::{Namespace, Platform, Service, ServiceId, Sourced, Workload};
use smol_str::SmolStr;

use crate::cause::{Cause, Causes};
use crate::tree::{Field, Map};

/// Shown by `kubectl describe` and by dashboards.
const DESCRIPTION: &str = "kubernetes.io/description";

/// The labels that select a service's pods.
pub(super) fn identity(service: &Service) -> Map {
    let of_identity = "the selector of the service";
    let selector = service.selector().into_iter();
    selector
        .map(|(key, value)| {
            let cause = match service.has_own_selector() {
                true => Cause::said(of_identity, &value),
                false => Cause::name(service),
            };
            (key, Field::new(value.value, cause))
        })
        .collect()
}

/// Why the selector of a service's pods is as it is.
pub(super) fn selector_cause(service: &Service) -> Cause {
    let identity = service.properties.identity.as_ref();
    let selector = identity.and_then(|identity| identity.selector.as_ref());
    match selector.and_then(|selector| selector.first()) {
        Some((_, first)) => Cause::said("the selector of the service", first),
        None => Cause::name(service),
    }
}

/// The selector of a service's pods.
pub(super) fn selector(service: &Service) -> Map {
    let mut selector = Map::new();
    selector.set("matchLabels", identity(service), selector_cause(service));
    selector
}

/// Why an object has a name that the source sets, or that of its service.
pub(super) fn name_cause(service: &Service, name: &Sourced<SmolStr>) -> Cause {
    match name.origin == service.name.origin {
        true => Cause::name(service),
        false => Cause::said("its name in `identity`", name),
    }
}

/// The labels of a service's pods: with an `identity`, none that the source does not set.
pub(super) fn of_pods(platform: &Platform, service: &Service) -> Map {
    match &service.properties.identity {
        Some(_) => identity(service),
        None => labels(platform, service),
    }
}

/// The labels of a service's objects, and of its pods unless it has an `identity`; none of them changes with a release.
pub(super) fn labels(platform: &Platform, service: &Service) -> Map {
    let tier = platform.tier_of(service);
    let why = match service.properties.tier {
        Some(_) => "the tier of the service",
        None => "the tier of the namespace",
    };
    let name = &platform.tiers[tier.value.index()].name.value;
    let mut labels = platform_labels(platform);
    labels.set(COMPONENT_LABEL, name, Cause::said(why, tier));
    // The name of a manifest may be longer than a label.
    if kubernetes::not_a_value(&service.name.value).is_none() {
        labels.set(NAME_LABEL, &service.name.value, Cause::name(service));
    }
    labels
}

/// The labels of an object that is the whole platform's.
pub(super) fn platform_labels(platform: &Platform) -> Map {
    let mut labels = Map::new();
    let why = "the name of the platform";
    let name = &platform.name;
    labels.set(PART_OF_LABEL, &name.value, Cause::said(why, name));
    labels
}

/// The metadata of an object that belongs to a service and carries its name.
pub(super) fn of_service(platform: &Platform, id: ServiceId) -> Map {
    let service = &platform[id];
    named(
        platform,
        id,
        service.name.value.clone(),
        Cause::name(service),
    )
}

/// The metadata of an object that belongs to a service and has a name of its own.
pub(super) fn named(
    platform: &Platform,
    id: ServiceId,
    name: impl Into<SmolStr>,
    causes: impl Into<Causes>,
) -> Map {
    let service = &platform[id];
    let mut metadata = in_namespace(&platform[service.namespace], name, causes);
    metadata.block("labels", labels(platform, service));
    metadata
}

/// The name of an object and its namespace.
pub(super) fn in_namespace(
    namespace: &Namespace,
    name: impl Into<SmolStr>,
    causes: impl Into<Causes>,
) -> Map {
    let mut metadata = Map::new();
    let why = "the name of the namespace";
    metadata.set("name", name.into(), causes);
    metadata.set(
        "namespace",
        &namespace.name.value,
        Cause::said(why, &namespace.name),
    );
    metadata
}

/// Whether erpc finds the workload of a service by this label: the platform of each, and the service of a Job, which
/// may have another name with each change.
pub(crate) fn is_found_by(service: &Service, label: &str) -> bool {
    label == PART_OF_LABEL || label == NAME_LABEL && service.workload == Workload::Job
}

/// Whose labels are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Labelled {
    Object,
    Pods,
}

/// Adds the labels and annotations that the source sets for a workload and its pods. The workload keeps the labels by
/// which the objects of the platform are found.
pub(super) fn add_declared(metadata: &mut Map, service: &Service, owner: Labelled) {
    let properties = &service.properties;
    for (key, pairs, why) in [
        ("labels", &properties.labels, "a label of the service"),
        (
            "annotations",
            &properties.annotations,
            "an annotation of the service",
        ),
    ] {
        if pairs.is_empty() {
            continue;
        }
        if let Some(fields) = metadata.map_mut(key) {
            for (name, value) in pairs {
                if owner == Labelled::Object && is_found_by(service, name) {
                    continue;
                }
                let cause = Cause::said(why, value);
                fields.insert(name.clone(), Field::new(&value.value, cause));
            }
        }
    }
}

/// Adds labels or annotations that `identity` sets for an object. The label by which the platform finds it stays.
pub(super) fn add_pairs(
    metadata: &mut Map,
    key: &'static str,
    pairs: &[(SmolStr, Sourced<String>)],
) {
    if pairs.is_empty() {
        return;
    }
    if let Some(fields) = metadata.map_mut(key) {
        for (name, value) in pairs.iter().filter(|(name, _)| name != PART_OF_LABEL) {
            let cause = Cause::said("set in `identity`", value);
            fields.insert(name.clone(), Field::new(&value.value, cause));
        }
    }
}

/// Adds an annotation with the documentation of a declaration, or with its title.
pub(super) fn describe<T>(
    metadata: &mut Map,
    name: &erpc_model::Sourced<T>,
    doc: Option<&str>,
    title: Option<&erpc_model::Sourced<String>>,
) {
    let (text, cause) = match (doc, title) {
        (Some(doc), _) => (doc, Cause::said("the `##` above this declaration", name)),
        (None, Some(title)) => (
            title.value.as_str(),
            Cause::said("its title, as it has no `##`", title),
        ),
        (None, None) => return,
    };
    annotate(metadata, DESCRIPTION, Field::new(text, cause));
}

/// Adds the annotations that the source sets for a namespace.
pub(super) fn add_annotations(metadata: &mut Map, pairs: &[(SmolStr, Sourced<String>)]) {
    if pairs.is_empty() {
        return;
    }
    if let Some(annotations) = metadata.map_mut("annotations") {
        for (key, value) in pairs {
            let cause = Cause::said("an annotation of the namespace", value);
            annotations.insert(key.clone(), Field::new(&value.value, cause));
        }
    }
}

/// Adds an annotation.
pub(crate) fn annotate(metadata: &mut Map, key: &'static str, field: Field) {
    if let Some(annotations) = metadata.map_mut("annotations") {
        annotations.insert(SmolStr::new_static(key), field);
    }
}
