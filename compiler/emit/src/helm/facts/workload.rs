//! Workloads: the pod without what is a value. What a patch has changed of that stays a fact.

use erpc_model::{Scaling, ServiceId, Spread};
use k8s_openapi::api::batch::v1::JobSpec;
use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec, PodTemplateSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::entry::{self, Entry};
use super::{Facts, List, place};
use crate::Object;
use crate::helm::values::pull;
use crate::kubernetes::{configs, container, pod};

/// What a container has that the template writes.
const OF_CONTAINER: &[&str] = &["name", "image", "imagePullPolicy", "resources"];

impl Facts<'_> {
    pub(super) fn workload(&self, id: ServiceId, object: &Object, list: &mut List) -> Entry {
        let mut entry = match object {
            Object::Job(job) => self.job(id, &job.metadata),
            _ => self.owned(id, object, &[]),
        };
        match object {
            Object::Deployment(deployment) => {
                if let Some(spec) = &deployment.spec {
                    self.replicated(id, spec.replicas, spec, &mut entry, list);
                    self.pod(id, &spec.template, &mut entry, list);
                }
            }
            Object::StatefulSet(set) => {
                if let Some(spec) = &set.spec {
                    self.replicated(id, spec.replicas, spec, &mut entry, list);
                    let claims = spec.volume_claim_templates.as_deref().unwrap_or_default();
                    self.claims(id, claims, &mut entry, list);
                    self.pod(id, &spec.template, &mut entry, list);
                }
            }
            Object::Job(job) => {
                if let Some(spec) = &job.spec {
                    entry.block("spec", spec, &["template"]);
                    self.pod(id, &spec.template, &mut entry, list);
                }
            }
            Object::CronJob(job) => {
                if let Some(spec) = &job.spec {
                    entry.block("spec", spec, &["jobTemplate"]);
                    entry.lines("  jobTemplate:\n");
                    let lines = entry.body();
                    let of_jobs = &spec.job_template;
                    if let Some(metadata) = &of_jobs.metadata {
                        entry::block(lines, 4, "metadata", metadata, &[]);
                    }
                    if let Some(JobSpec { template, .. }) = &of_jobs.spec {
                        entry::block(lines, 4, "spec", &of_jobs.spec, &["template"]);
                        self.pod(id, template, &mut entry, list);
                    }
                }
            }
            _ => {}
        }
        entry
    }

    /// A Job under the name of its service: the template adds the hash of what the values make of it.
    fn job(&self, id: ServiceId, metadata: &ObjectMeta) -> Entry {
        let (namespace, service) = place(self.platform, id);
        let metadata = ObjectMeta {
            name: Some(service.to_owned()),
            ..metadata.clone()
        };
        Entry::of(&metadata, Some((namespace, Some(service))))
    }

    /// The specification of pods that are counted.
    fn replicated(
        &self,
        id: ServiceId,
        replicas: Option<i32>,
        spec: &impl Serialize,
        entry: &mut Entry,
        list: &mut List,
    ) {
        let declared = match &self.platform[id].scaling {
            Scaling::Fixed(count) => i32::try_from(count.value).ok(),
            Scaling::Auto(_) => None,
        };
        if self.is_derived(id, || replicas == declared) {
            let values = &["replicas", "template", "volumeClaimTemplates"];
            entry.block("spec", spec, values);
        } else {
            self.fix(id, "replicas", list);
            entry.block("spec", spec, &["template", "volumeClaimTemplates"]);
        }
    }

    fn claims(
        &self,
        id: ServiceId,
        claims: &[PersistentVolumeClaim],
        entry: &mut Entry,
        list: &mut List,
    ) {
        if claims.is_empty() {
            return;
        }
        entry.lines("  claims:\n");
        for claim in claims {
            let name = claim.metadata.name.as_deref().unwrap_or_default();
            let lines = entry.body();
            lines.push_str("  - ");
            entry::line(lines, 0, "name", name);
            entry::block(lines, 4, "metadata", &claim.metadata, &[]);
            if let Some(spec) = &claim.spec {
                let values = self.claim_values(id, name, spec, list);
                entry::block(lines, 4, "spec", spec, values);
            }
        }
    }

    /// What of a claim is a value: its size and its class, unless a patch has set them.
    pub(super) fn claim_values(
        &self,
        id: ServiceId,
        name: &str,
        spec: &PersistentVolumeClaimSpec,
        list: &mut List,
    ) -> &'static [&'static str] {
        let mut volumes = self.platform[id].volumes.iter();
        let Some(volume) = volumes.find(|volume| volume.name.value == name) else {
            return &[];
        };
        let is_derived = self.is_derived(id, || {
            let derived = configs::claim_spec(self.platform, volume);
            spec.resources == derived.resources
                && spec.storage_class_name == derived.storage_class_name
        });
        if is_derived {
            return &["resources", "storageClassName"];
        }
        self.fix(id, &format!("persistence.{name}"), list);
        &[]
    }

    fn pod(&self, id: ServiceId, template: &PodTemplateSpec, entry: &mut Entry, list: &mut List) {
        let lines = entry.body();
        lines.push_str("  pod:\n");
        if let Some(metadata) = &template.metadata {
            entry::block(lines, 4, "metadata", metadata, &[]);
        }
        let Some(spec) = &template.spec else {
            return;
        };
        let is_spread = self.spread(id, spec, lines);
        let written: &'static [&'static str] = if is_spread {
            &["containers", "initContainers", "topologySpreadConstraints"]
        } else {
            &["containers", "initContainers"]
        };
        entry::block(lines, 4, "spec", spec, written);
        if let [main, ..] = spec.containers.as_slice() {
            lines.push_str("    container:\n");
            self.container(id, main, "      ", lines, list);
        }
        let before = spec.init_containers.as_deref().unwrap_or_default();
        if !before.is_empty() {
            lines.push_str("    initContainers:\n");
        }
        for container in before {
            self.container(id, container, "    - ", lines, list);
        }
    }

    /// How pods are spread, where that is what follows from how many there are.
    fn spread(&self, id: ServiceId, spec: &PodSpec, lines: &mut String) -> bool {
        let service = &self.platform[id];
        if service.is_job() {
            return false;
        }
        let derived = pod::with_replicas(self.platform, service);
        let is_derived = self.is_derived(id, || {
            let said = spec.topology_spread_constraints.as_deref();
            let is_one = service.scaling.bounds().max > 1;
            said == is_one.then(|| std::slice::from_ref(&derived))
        });
        if is_derived {
            let over = service.properties.spread.as_ref().map(|over| over.value);
            let by_node = over.is_none_or(|over| over == Spread::Node);
            lines.push_str("    spread:\n      byNode: ");
            lines.push_str(if by_node { "true\n" } else { "false\n" });
            entry::block(lines, 6, "constraint", &derived, &["whenUnsatisfiable"]);
        }
        is_derived
    }

    /// A container without what is a value; its fields are six columns in.
    fn container(
        &self,
        id: ServiceId,
        container: &Container,
        before: &str,
        lines: &mut String,
        list: &mut List,
    ) {
        let service = &self.platform[id];
        let name = container.name.as_str();
        lines.push_str(before);
        entry::line(lines, 0, "name", name);
        let has_pull = || {
            let declared = pull(self.platform.pull.value);
            container.image_pull_policy.as_deref() == Some(declared)
        };
        if !self.is_derived(id, has_pull) {
            let policy = container.image_pull_policy.as_deref().unwrap_or_default();
            entry::line(lines, 6, "imagePullPolicy", policy);
        }
        let declared = service.containers().find(|known| known.name.value == name);
        let below = if name == service.main.name.value {
            String::new()
        } else {
            format!("containers.{name}.")
        };
        let has_image = || {
            let image = declared.map(|declared| declared.image.value.to_string());
            container.image == image
        };
        if !self.is_derived(id, has_image) {
            self.fix(id, &format!("{below}image"), list);
            let image = container.image.as_deref().unwrap_or_default();
            entry::line(lines, 6, "image", image);
        }
        let has_resources = || {
            let resources = declared.map(container::resources);
            container.resources == resources
        };
        if !self.is_derived(id, has_resources) {
            self.fix(id, &format!("{below}resources"), list);
            entry::block(lines, 6, "resources", &container.resources, &[]);
        }
        entry::block(lines, 6, "fields", container, OF_CONTAINER);
    }
}
