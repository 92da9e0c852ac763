//! Storage and ingress classes that the platform makes.

use erpc_model::{IngressController, Platform, StorageClass};
use smol_str::SmolStr;

use super::metadata;
use crate::cause::Cause;
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map};

/// Controllers by the class that they serve out of the box.
const CONTROLLERS: [(&str, &str); 4] = [
    ("haproxy", "haproxy.org/ingress-controller"),
    ("kong", "ingress-controllers.konghq.com/kong"),
    ("nginx", "k8s.io/ingress-nginx"),
    ("traefik", "traefik.io/ingress-controller"),
];

fn meta(platform: &Platform, name: &SmolStr, cause: Cause) -> Map {
    let mut metadata = Map::new();
    metadata.block("labels", metadata::platform_labels(platform));
    metadata.set("name", name, cause);
    metadata
}

/// The class of a controller that is a service of the platform.
pub(crate) fn ingress_class(platform: &Platform) -> Option<Object> {
    let ingress = platform.cluster().ingress.as_ref()?;
    match &ingress.controller {
        IngressController::Service(..) => {}
        IngressController::Pods { .. } | IngressController::Nodes => return None,
    }
    let class = &ingress.class.value;
    let known = CONTROLLERS.iter().find(|(name, _)| name == class);
    let controller = known.map_or_else(
        || format!("{class}/ingress-controller"),
        |(_, controller)| (*controller).to_owned(),
    );
    let why = "a class that a service of the platform serves";
    let cause = Cause::said(why, &ingress.class);
    let mut spec = Map::new();
    spec.set("controller", controller, cause);
    let metadata = meta(platform, class, cause);
    Some(Object::new(Kind::IngressClass, metadata, cause).with_spec(spec))
}

/// The classes that the cluster block marks `create`.
pub(crate) fn storage_classes(platform: &Platform) -> Vec<Object> {
    let mut classes: Vec<_> = platform.cluster().storage.iter().collect();
    classes.sort_unstable_by(|a, b| a.name.value.cmp(&b.name.value));
    classes
        .into_iter()
        .filter_map(|class| {
            let create = class.create.as_ref()?;
            let said = |why| Cause::said(why, &class.name);
            let cause = said("the cluster says `create`");
            let mut metadata = meta(platform, &class.name.value, cause);
            if class.is_default {
                metadata::annotate(
                    &mut metadata,
                    "storageclass.kubernetes.io/is-default-class",
                    Field::new("true", said("the cluster calls it `default`")),
                );
            }
            let mut object = Object::new(Kind::StorageClass, metadata, cause);
            let fields = object.fields_mut();
            // Only what makes volumes that can grow may say so: elsewhere a claim that is
            // enlarged would wait for good.
            if grows(&create.provisioner) {
                let why = "volumes of this provisioner can grow";
                fields.set("allowVolumeExpansion", true, said(why));
            }
            let provisioner = said("`provisioner`");
            fields.set("provisioner", &create.provisioner, provisioner);
            let reclaim = if create.retain { "Retain" } else { "Delete" };
            let why = "`reclaim`, by default `retain`";
            fields.set("reclaimPolicy", reclaim, said(why));
            let mode = if create.wait {
                "WaitForFirstConsumer"
            } else {
                "Immediate"
            };
            let why = "`wait`, at once where it is not said";
            fields.set("volumeBindingMode", mode, said(why));
            Some(object)
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
pub(crate) fn default_storage_class(platform: &Platform) -> Option<&StorageClass> {
    let mut classes = platform.cluster().storage.iter();
    classes.find(|class| class.is_default)
}
