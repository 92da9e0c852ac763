//! Names, labels and annotations.

use std::collections::BTreeMap;

use erpc_model::{Platform, Service, ServiceId};
use erpc_policy::NAME_LABEL;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>
pub(crate) const PART_OF_LABEL: &str = "app.kubernetes.io/part-of";
pub(crate) const COMPONENT_LABEL: &str = "app.kubernetes.io/component";

/// Shown by `kubectl describe` and by dashboards.
pub(crate) const DESCRIPTION: &str = "kubernetes.io/description";

pub(super) type Strings = BTreeMap<String, String>;

/// The one label that selects a service's pods.
pub(super) fn identity(service: &Service) -> Strings {
    BTreeMap::from([(NAME_LABEL.to_owned(), service.name.value.to_string())])
}

/// The selector of a service's pods.
pub(super) fn selector(service: &Service) -> LabelSelector {
    LabelSelector {
        match_labels: Some(identity(service)),
        match_expressions: None,
    }
}

/// The labels of a service's objects and pods; none of them changes with a release.
pub(super) fn labels(platform: &Platform, service: &Service) -> Strings {
    let mut labels = identity(service);
    let tier = platform[service.namespace].tier.value;
    labels.insert(PART_OF_LABEL.to_owned(), platform.name.value.to_string());
    labels.insert(
        COMPONENT_LABEL.to_owned(),
        platform.tiers[tier.index()].name.value.to_string(),
    );
    labels
}

/// The labels of an object that is the whole platform's.
pub(super) fn platform_labels(platform: &Platform) -> Strings {
    BTreeMap::from([(PART_OF_LABEL.to_owned(), platform.name.value.to_string())])
}

/// The metadata of an object that belongs to a service and carries its name.
pub(super) fn of_service(platform: &Platform, id: ServiceId) -> ObjectMeta {
    named(platform, id, &platform[id].name.value)
}

/// The metadata of an object that belongs to a service and has a name of its own.
pub(super) fn named(platform: &Platform, id: ServiceId, name: &str) -> ObjectMeta {
    let service = &platform[id];
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(platform[service.namespace].name.value.to_string()),
        labels: Some(labels(platform, service)),
        ..ObjectMeta::default()
    }
}

/// An annotation with the documentation, where there is one.
pub(super) fn description(doc: Option<&str>, title: Option<&str>) -> Option<Strings> {
    let text = match (doc, title) {
        (Some(doc), _) => doc,
        (None, Some(title)) => title,
        (None, None) => return None,
    };
    Some(BTreeMap::from([(DESCRIPTION.to_owned(), text.to_owned())]))
}
