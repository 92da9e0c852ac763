//! Namespaces with their Pod Security, quotas and limits.

use erpc_model::{ContainerDefaults, Defaults, NamespaceId, Platform, Quota};
use erpc_policy::PodSecurity;

use super::metadata;
use crate::cause::{Cause, Causes};
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map};

/// The modes in which Pod Security judges pods; what it forbids is also warned of and audited.
const MODES: [&str; 3] = [
    "pod-security.kubernetes.io/audit",
    "pod-security.kubernetes.io/enforce",
    "pod-security.kubernetes.io/warn",
];

/// One Namespace each, but for those that every cluster has.
pub(super) fn namespaces(platform: &Platform) -> Vec<Object> {
    platform
        .namespaces()
        .filter(|(_, namespace)| !namespace.is_of_cluster())
        .map(|(id, namespace)| {
            let mut labels = metadata::platform_labels(platform);
            if namespace.defaults.value == Defaults::Strict {
                let level = PodSecurity::of_namespace(platform, id);
                let causes = level_causes(platform, id, level);
                for mode in MODES {
                    labels.set(mode, level.as_str(), causes.clone());
                }
            }
            for (key, value) in &namespace.labels {
                let cause = Cause::said("a label of the namespace", value);
                labels.insert(key.clone(), Field::new(&value.value, cause));
            }
            let cause = Cause::said("a namespace", &namespace.name);
            let mut metadata = Map::new();
            metadata.set("name", &namespace.name.value, cause);
            metadata.block("labels", labels);
            let (doc, title) = (namespace.doc.as_deref(), namespace.title.as_ref());
            metadata::describe(&mut metadata, &namespace.name, doc, title);
            metadata::add_annotations(&mut metadata, &namespace.annotations);
            Object::new(Kind::Namespace, metadata, cause)
        })
        .collect()
}

/// What lowers the level of a namespace, or that nothing does.
fn level_causes(platform: &Platform, id: NamespaceId, level: PodSecurity) -> Causes {
    if level == PodSecurity::Restricted {
        let why = "every pod keeps to `restricted` unless its service asks for more";
        return Cause::always(why).into();
    }
    let services = platform[id].services.iter().map(|id| &platform[*id]);
    services
        .flat_map(|service| {
            let ports = service.ports.iter().filter(|port| port.host);
            let ports = ports.filter(|_| level == PodSecurity::Privileged);
            let ports = ports.map(|port| Cause::said("a port on the node needs it", &port.number));
            let containers = service.containers();
            let capabilities = containers.flat_map(|container| &container.capabilities);
            let capabilities =
                capabilities.filter(|c| PodSecurity::of_capability(&c.value) == level);
            let capabilities = capabilities.map(|c| Cause::said("a capability needs it", c));
            let defaults = Some(&service.properties.defaults);
            let defaults =
                defaults.filter(|_| !service.is_strict() && level == PodSecurity::Baseline);
            let why = "with `defaults kubernetes` a pod is not hardened";
            let defaults = defaults.map(|defaults| Cause::said(why, defaults));
            ports
                .chain(capabilities)
                .chain(defaults)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The metadata of an object that a namespace has as a whole.
pub(super) fn meta_in(
    platform: &Platform,
    id: NamespaceId,
    name: &'static str,
    cause: Cause,
) -> Map {
    let mut metadata = metadata::in_namespace(&platform[id], name, cause);
    metadata.block("labels", metadata::platform_labels(platform));
    metadata
}

/// A ResourceQuota and a LimitRange for each namespace that says so.
pub(crate) fn quotas(platform: &Platform) -> Vec<Object> {
    let mut objects = Vec::new();
    for (id, namespace) in platform.namespaces() {
        let mut push = |kind, name, spec: Map, cause: Cause| {
            let mut object = Object::new(kind, meta_in(platform, id, name, cause), cause);
            object.fields_mut().set("spec", spec, cause);
            objects.push(object);
        };
        if let Some(quota) = &namespace.quota {
            let mut spec = Map::new();
            spec.block("hard", hard(&quota.value));
            let cause = Cause::said("`quota` of the namespace", quota);
            push(Kind::ResourceQuota, "quota", spec, cause);
        }
        if let Some(limits) = &namespace.limits {
            let mut spec = Map::new();
            spec.block("limits", vec![Field::plain(defaults(&limits.value))]);
            let cause = Cause::said("`limits` of the namespace", limits);
            push(Kind::LimitRange, "limits", spec, cause);
        }
    }
    objects
}

/// What a quota limits, by the names of Kubernetes.
pub(crate) fn hard(quota: &Quota) -> Map {
    let mut hard = Map::new();
    if let Some(cpu) = quota.cpu {
        hard.block("limits.cpu", cpu.max.to_string());
        hard.block("requests.cpu", cpu.min.to_string());
    }
    if let Some(memory) = quota.memory {
        hard.block("limits.memory", memory.max.to_string());
        hard.block("requests.memory", memory.min.to_string());
    }
    if let Some(pods) = quota.pods {
        hard.block("pods", pods.to_string());
    }
    if let Some(storage) = quota.storage {
        hard.block("requests.storage", storage.to_string());
    }
    hard
}

fn defaults(limits: &ContainerDefaults) -> Map {
    let mut requests = Map::new();
    let mut most = Map::new();
    if let Some(cpu) = limits.cpu {
        requests.block("cpu", cpu.min.to_string());
        most.block("cpu", cpu.max.to_string());
    }
    if let Some(memory) = limits.memory {
        requests.block("memory", memory.min.to_string());
        most.block("memory", memory.max.to_string());
    }
    let mut item = Map::new();
    item.block("default", most);
    item.block("defaultRequest", requests);
    item.block("type", "Container");
    item
}
