//! Namespaces with their Pod Security, quotas and limits.

use std::collections::BTreeMap;

use erpc_model::{ContainerDefaults, Namespace, NamespaceId, Platform, Quota};
use erpc_policy::PodSecurity;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::metadata;
use crate::Object;

/// One Namespace each. What Pod Security forbids is also warned of and audited.
pub(super) fn namespaces(platform: &Platform) -> Vec<Object> {
    platform
        .namespaces()
        .map(|(id, namespace)| {
            let mut labels = metadata::platform_labels(platform);
            let level = PodSecurity::of_namespace(platform, id).as_str();
            for mode in ["audit", "enforce", "warn"] {
                labels.insert(
                    format!("pod-security.kubernetes.io/{mode}"),
                    level.to_owned(),
                );
            }
            for (key, value) in &namespace.labels {
                labels.insert(key.to_string(), value.value.clone());
            }
            Object::from(core::Namespace {
                metadata: ObjectMeta {
                    name: Some(namespace.name.value.to_string()),
                    labels: Some(labels),
                    annotations: metadata::description(
                        namespace.doc.as_deref(),
                        namespace.title.as_ref().map(|title| title.value.as_str()),
                    ),
                    ..ObjectMeta::default()
                },
                ..core::Namespace::default()
            })
        })
        .collect()
}

/// The metadata of an object that a namespace has as a whole.
pub(super) fn meta_in(platform: &Platform, id: NamespaceId, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(platform[id].name.value.to_string()),
        labels: Some(metadata::platform_labels(platform)),
        ..ObjectMeta::default()
    }
}

/// A ResourceQuota and a LimitRange for each namespace that says so.
pub(crate) fn quotas(platform: &Platform) -> Vec<Object> {
    let mut objects = Vec::new();
    for (id, namespace) in platform.namespaces() {
        let Namespace { quota, limits, .. } = namespace;
        if let Some(quota) = quota {
            objects.push(Object::from(core::ResourceQuota {
                metadata: meta_in(platform, id, "quota"),
                spec: Some(core::ResourceQuotaSpec {
                    hard: Some(hard(&quota.value)),
                    ..core::ResourceQuotaSpec::default()
                }),
                status: None,
            }));
        }
        if let Some(limits) = limits {
            objects.push(Object::from(core::LimitRange {
                metadata: meta_in(platform, id, "limits"),
                spec: Some(core::LimitRangeSpec {
                    limits: vec![defaults(&limits.value)],
                }),
            }));
        }
    }
    objects
}

pub(crate) fn hard(quota: &Quota) -> BTreeMap<String, Quantity> {
    let mut hard = BTreeMap::new();
    let mut set = |key: &str, value: String| {
        hard.insert(key.to_owned(), Quantity(value));
    };
    if let Some(cpu) = quota.cpu {
        set("requests.cpu", cpu.min.to_string());
        set("limits.cpu", cpu.max.to_string());
    }
    if let Some(memory) = quota.memory {
        set("requests.memory", memory.min.to_string());
        set("limits.memory", memory.max.to_string());
    }
    if let Some(pods) = quota.pods {
        set("pods", pods.to_string());
    }
    if let Some(storage) = quota.storage {
        set("requests.storage", storage.to_string());
    }
    hard
}

fn defaults(limits: &ContainerDefaults) -> core::LimitRangeItem {
    let mut requests = BTreeMap::new();
    let mut most = BTreeMap::new();
    if let Some(cpu) = limits.cpu {
        requests.insert("cpu".to_owned(), Quantity(cpu.min.to_string()));
        most.insert("cpu".to_owned(), Quantity(cpu.max.to_string()));
    }
    if let Some(memory) = limits.memory {
        requests.insert("memory".to_owned(), Quantity(memory.min.to_string()));
        most.insert("memory".to_owned(), Quantity(memory.max.to_string()));
    }
    core::LimitRangeItem {
        type_: "Container".to_owned(),
        default: Some(most),
        default_request: Some(requests),
        ..core::LimitRangeItem::default()
    }
}
