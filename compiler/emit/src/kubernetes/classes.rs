//! Storage and ingress classes that the platform makes.

use std::collections::BTreeMap;

use erpc_model::{IngressController, Platform};
use k8s_openapi::api::networking::v1::{IngressClass, IngressClassSpec};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::metadata;
use crate::Object;

/// Controllers by the class that they serve out of the box.
const CONTROLLERS: [(&str, &str); 4] = [
    ("haproxy", "haproxy.org/ingress-controller"),
    ("kong", "ingress-controllers.konghq.com/kong"),
    ("nginx", "k8s.io/ingress-nginx"),
    ("traefik", "traefik.io/ingress-controller"),
];

fn meta(platform: &Platform, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(metadata::platform_labels(platform)),
        ..ObjectMeta::default()
    }
}

/// The class of a controller that is a service of the platform.
pub(crate) fn ingress_class(platform: &Platform) -> Vec<Object> {
    let Some(ingress) = &platform.cluster().ingress else {
        return Vec::new();
    };
    match &ingress.controller {
        IngressController::Service(..) => {}
        IngressController::Pods { .. } | IngressController::Nodes => return Vec::new(),
    }
    let class = ingress.class.value.as_str();
    let controller = CONTROLLERS
        .iter()
        .find(|(name, _)| *name == class)
        .map_or_else(
            || format!("{class}/ingress-controller"),
            |(_, controller)| (*controller).to_owned(),
        );
    vec![Object::from(IngressClass {
        metadata: meta(platform, class),
        spec: Some(IngressClassSpec {
            controller: Some(controller),
            parameters: None,
        }),
    })]
}

/// The classes that the cluster block marks `create`.
pub(crate) fn storage_classes(platform: &Platform) -> Vec<Object> {
    let mut classes: Vec<_> = platform.cluster().storage.iter().collect();
    classes.sort_unstable_by(|a, b| a.name.value.cmp(&b.name.value));
    classes
        .into_iter()
        .filter_map(|class| {
            let create = class.create.as_ref()?;
            let mut metadata = meta(platform, &class.name.value);
            if class.is_default {
                metadata.annotations = Some(BTreeMap::from([(
                    "storageclass.kubernetes.io/is-default-class".to_owned(),
                    "true".to_owned(),
                )]));
            }
            Some(Object::from(StorageClass {
                metadata,
                provisioner: create.provisioner.clone(),
                reclaim_policy: Some(if create.retain { "Retain" } else { "Delete" }.to_owned()),
                volume_binding_mode: Some(
                    if create.wait {
                        "WaitForFirstConsumer"
                    } else {
                        "Immediate"
                    }
                    .to_owned(),
                ),
                // Only what makes volumes that can grow may say so: elsewhere a claim that is
                // enlarged would wait for good.
                allow_volume_expansion: grows(&create.provisioner).then_some(true),
                ..StorageClass::default()
            }))
        })
        .collect()
}

/// Provisioners whose volumes are folders or disks of one node and never grow.
const OF_ONE_SIZE: [&str; 4] = [
    "k8s.io/minikube-hostpath",
    "kubernetes.io/no-provisioner",
    "microk8s.io/hostpath",
    "rancher.io/local-path",
];

/// Whether the volumes of a provisioner can grow.
pub(crate) fn grows(provisioner: &str) -> bool {
    !OF_ONE_SIZE.contains(&provisioner)
}

/// The class of a volume that names none: the cluster's default.
pub(crate) fn default_storage_class(platform: &Platform) -> Option<String> {
    let mut classes = platform.cluster().storage.iter();
    classes
        .find(|class| class.is_default)
        .map(|class| class.name.value.to_string())
}
