//! ConfigMaps and claims of a service.

use std::collections::BTreeMap;
use std::fmt::Write;

use erpc_model::{Platform, Service, ServiceId, Volume};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use sha2::{Digest, Sha256};

use super::{classes, metadata};
use crate::Object;

/// One for each `config`, sorted by name.
pub(super) fn config_maps(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let mut configs: Vec<_> = platform[id].configs.iter().collect();
    configs.sort_unstable_by(|a, b| a.name.value.cmp(&b.name.value));
    configs
        .into_iter()
        .map(|config| {
            let data: BTreeMap<String, String> = config
                .files
                .iter()
                .map(|(name, content)| (name.to_string(), content.value.clone()))
                .collect();
            Object::from(ConfigMap {
                metadata: metadata::named(platform, id, &config.name.value),
                data: Some(data),
                ..ConfigMap::default()
            })
        })
        .collect()
}

/// A digest of everything in the mounted ConfigMaps; `None` where there is none. On the pod
/// template, so that a changed file restarts its readers.
pub(super) fn digest(service: &Service) -> Option<String> {
    if service.configs.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    let mut configs: Vec<_> = service.configs.iter().collect();
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
pub(crate) fn claim_spec(platform: &Platform, volume: &Volume) -> PersistentVolumeClaimSpec {
    let mode = if volume.shared {
        "ReadWriteMany"
    } else {
        "ReadWriteOnce"
    };
    let class = volume.class.as_ref().map(|class| class.value.to_string());
    PersistentVolumeClaimSpec {
        access_modes: Some(vec![mode.to_owned()]),
        resources: Some(VolumeResourceRequirements {
            requests: Some(BTreeMap::from([(
                "storage".to_owned(),
                Quantity(volume.size.value.to_string()),
            )])),
            limits: None,
        }),
        storage_class_name: class.or_else(|| classes::default_storage_class(platform)),
        ..PersistentVolumeClaimSpec::default()
    }
}

/// The claims that all replicas share.
pub(super) fn shared_claims(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let volumes = platform[id].volumes.iter().filter(|volume| volume.shared);
    volumes
        .map(|volume| {
            Object::from(PersistentVolumeClaim {
                metadata: metadata::named(platform, id, &volume.name.value),
                spec: Some(claim_spec(platform, volume)),
                status: None,
            })
        })
        .collect()
}
