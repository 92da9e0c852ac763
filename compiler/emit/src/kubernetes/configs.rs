//! ConfigMaps and claims of a service.

use std::fmt::Write;

use erpc_model::{Platform, Service, ServiceId, Volume};
use sha2::{Digest, Sha256};

use super::{classes, metadata};
use crate::cause::Cause;
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map, Node};

/// One for each `config`, sorted by name.
pub(super) fn config_maps(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let configs = platform[id].configs.iter();
    let mut configs: Vec<_> = configs.filter(|config| config.existing.is_none()).collect();
    configs.sort_unstable_by(|a, b| a.name.value.cmp(&b.name.value));
    configs
        .into_iter()
        .map(|config| {
            let files = config.files.iter();
            let data: Map = files
                .map(|(name, content)| {
                    let cause = Cause::said("a file of the `config`", content);
                    (name.clone(), Field::new(&content.value, cause))
                })
                .collect();
            let cause = Cause::said("a `config` is a ConfigMap", &config.name);
            let metadata = metadata::named(platform, id, config.name.value.clone(), cause);
            let mut object = Object::new(Kind::ConfigMap, metadata, cause);
            object.fields_mut().block("data", data);
            object
        })
        .collect()
}

/// A digest of everything in the mounted ConfigMaps; `None` where there is none. On the pod
/// template, so that a changed file restarts its readers.
pub(super) fn digest(service: &Service) -> Option<String> {
    let configs = service.configs.iter();
    let mut configs: Vec<_> = configs.filter(|config| config.existing.is_none()).collect();
    if configs.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    configs.sort_unstable_by(|a, b| a.name.value.cmp(&b.name.value));
    for config in configs {
        let mut files: Vec<_> = config.files.iter().collect();
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (name, content) in files {
            // Lengths between the parts, so that no two lists of files give the same bytes.
            for part in [config.name.value.as_str(), name.as_str(), &content.value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// What a claim asks for.
pub(crate) fn claim_spec(platform: &Platform, volume: &Volume) -> Map {
    let (mode, why) = if volume.shared {
        ("ReadWriteMany", "`shared`: all replicas write it")
    } else {
        ("ReadWriteOnce", "one node at a time writes it")
    };
    let mut spec = Map::new();
    let modes = Node::texts([mode]);
    spec.set("accessModes", modes, Cause::said(why, &volume.name));
    let mut requests = Map::new();
    requests.block("storage", volume.size.value.to_string());
    let mut resources = Map::new();
    resources.block("requests", requests);
    let size = Cause::said("its size", &volume.size);
    spec.set("resources", resources, size);
    let default = classes::default_storage_class(platform);
    let class = match (&volume.class, default) {
        (Some(class), _) => Some((&class.value, Cause::said("its storage class", class))),
        (None, Some(class)) => {
            let why = "the default class of the cluster";
            Some((&class.name.value, Cause::said(why, &class.name)))
        }
        (None, None) => None,
    };
    if let Some((name, cause)) = class {
        spec.set("storageClassName", name, cause);
    }
    spec
}

/// The claims that all replicas share, and those of a job.
pub(super) fn claims(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let service = &platform[id];
    let volumes = service.volumes.iter();
    volumes
        .filter(|volume| service.has_one_claim(volume))
        .map(|volume| {
            let why = match (volume.shared, volume.once) {
                (true, _) => "a shared volume is one claim for all replicas",
                (false, true) => "a volume with `once` is one claim of the service",
                (false, false) => "the volume of a job is one claim for all its runs",
            };
            let cause = Cause::said(why, &volume.name);
            let metadata = metadata::named(platform, id, volume.name.value.clone(), cause);
            Object::new(Kind::PersistentVolumeClaim, metadata, cause)
                .with_spec(claim_spec(platform, volume))
        })
        .collect()
}
