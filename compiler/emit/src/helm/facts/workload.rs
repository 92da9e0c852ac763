//! Workloads: the pod without what is a value. What a patch has changed of that stays a fact.

use erpc_model::{Scaling, ServiceId, Spread};
use serde_json::{Map, Value, json};

use super::{Facts, List, is_empty, json_of, put, take};
use crate::helm::values::{pull, resources};
use crate::kubernetes::{configs, pod};

impl Facts<'_> {
    pub(super) fn workload(
        &self,
        id: ServiceId,
        entry: &mut Map<String, Value>,
        object: &Value,
        list: &mut List,
    ) {
        let mut spec = object["spec"].clone();
        let template = match take(&mut spec, "jobTemplate") {
            Some(mut job) => {
                let mut inner = take(&mut job, "spec").unwrap_or_default();
                let template = take(&mut inner, "template").unwrap_or_default();
                if !is_empty(&inner) {
                    put(&mut job, "spec", inner);
                }
                entry.insert("jobTemplate".to_owned(), job);
                template
            }
            None => take(&mut spec, "template").unwrap_or_default(),
        };
        let declared = match &self.platform[id].scaling {
            Scaling::Fixed(count) => json!(count.value),
            Scaling::Auto(_) => Value::Null,
        };
        if spec["replicas"] == declared {
            take(&mut spec, "replicas");
        } else {
            self.fix(id, "replicas", list);
        }
        if let Some(mut claims) = take(&mut spec, "volumeClaimTemplates") {
            for claim in claims.as_array_mut().into_iter().flatten() {
                let name = claim["metadata"]["name"].as_str().unwrap_or_default();
                let name = name.to_owned();
                self.claim(id, &name, claim, list);
                // Written by the template.
                take(claim, "apiVersion");
                take(claim, "kind");
            }
            entry.insert("claims".to_owned(), claims);
        }
        entry.insert("pod".to_owned(), self.pod(id, &template, list));
        if !is_empty(&spec) {
            entry.insert("spec".to_owned(), spec);
        }
    }

    /// A claim without its size and its class, unless a patch has set them.
    pub(super) fn claim(&self, id: ServiceId, name: &str, claim: &mut Value, list: &mut List) {
        let mut volumes = self.platform[id].volumes.iter();
        let Some(volume) = volumes.find(|volume| volume.name.value == name) else {
            return;
        };
        let derived = json_of(&configs::claim_spec(self.platform, volume));
        let values = ["resources", "storageClassName"];
        let spec = &mut claim["spec"];
        if values.iter().all(|key| spec[key] == derived[key]) {
            for key in values {
                take(spec, key);
            }
        } else {
            self.fix(id, &format!("persistence.{name}"), list);
        }
    }

    fn pod(&self, id: ServiceId, template: &Value, list: &mut List) -> Value {
        let service = &self.platform[id];
        let mut spec = template["spec"].clone();
        let mut pod = json!({"metadata": template["metadata"]});
        let containers = take(&mut spec, "containers").unwrap_or_default();
        let main = self.container(id, &containers[0], list);
        put(&mut pod, "container", main);
        if let Some(inner) = take(&mut spec, "initContainers") {
            let inner = inner.as_array().into_iter().flatten();
            let inner: Vec<Value> = inner.map(|one| self.container(id, one, list)).collect();
            put(&mut pod, "initContainers", json!(inner));
        }
        let mut derived = json_of(&pod::with_replicas(self.platform, service));
        let expected = if service.scaling.bounds().max > 1 {
            json!([derived])
        } else {
            Value::Null
        };
        if !service.is_job() && spec["topologySpreadConstraints"] == expected {
            take(&mut spec, "topologySpreadConstraints");
            take(&mut derived, "whenUnsatisfiable");
            let by_node = service
                .spread
                .as_ref()
                .is_none_or(|over| over.value == Spread::Node);
            put(
                &mut pod,
                "spread",
                json!({"byNode": by_node, "constraint": derived}),
            );
        }
        put(&mut pod, "spec", spec);
        pod
    }

    /// A container without what is a value.
    fn container(&self, id: ServiceId, container: &Value, list: &mut List) -> Value {
        let mut container = container.clone();
        let service = &self.platform[id];
        let name = container["name"].as_str().unwrap_or_default().to_owned();
        if container["imagePullPolicy"] == json!(pull(self.platform.pull.value)) {
            take(&mut container, "imagePullPolicy");
        }
        let Some(declared) = service.containers().find(|known| known.name.value == name) else {
            return container;
        };
        let below = if declared.name.value == service.main.name.value {
            String::new()
        } else {
            format!("containers.{name}.")
        };
        if container["image"] == json!(declared.image.value.to_string()) {
            take(&mut container, "image");
        } else {
            self.fix(id, &format!("{below}image"), list);
        }
        if container["resources"] == resources(declared) {
            take(&mut container, "resources");
        } else {
            self.fix(id, &format!("{below}resources"), list);
        }
        container
    }
}
