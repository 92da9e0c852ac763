//! What depends on how many pods a service has: how many is a value, so what there is only from two
//! on is in the chart in any case, and the templates say when.

use erpc_model::{Scaling, ServiceId};
use serde_json::{Map, Value, json};

use super::{Facts, List, json_of, take};
use crate::kubernetes::{autoscaler, budget, services};

impl Facts<'_> {
    /// `NAME-pods` is there for whoever looks for each of several pods.
    pub(super) fn when_replicated(&self, id: ServiceId, entry: &mut Map<String, Value>) {
        let name = format!("{}-pods", self.platform[id].name.value);
        let edges = &self.derived.edges;
        if entry.get("name") != Some(&json!(name))
            || !edges.would_be_found_by_replica(self.platform, id)
        {
            return;
        }
        entry.insert("whenReplicated".to_owned(), json!(true));
        if let Some(observers) = &self.observers[id.index()]
            && !edges.finds_itself(id)
        {
            let observers: Vec<_> = observers.iter().map(|id| self.place(*id)).collect();
            entry.insert("for".to_owned(), json!(observers));
        }
    }

    /// What there is only from two pods on, or under a profile, of a service that has it not.
    pub(super) fn what_replicas_make(&self, id: ServiceId, list: &mut List) {
        let service = &self.platform[id];
        if service.is_job() {
            return;
        }
        let bounds = service.scaling.bounds();
        if bounds.min < 2 {
            self.object(id, &budget::with_replicas(self.platform, id), list);
        }
        if bounds.max < 2
            && self
                .derived
                .edges
                .would_be_found_by_replica(self.platform, id)
        {
            let object = services::every_pod(self.platform, self.derived, id);
            self.object(id, &object, list);
        }
        let path = self.platform.path(id);
        if matches!(service.scaling, Scaling::Fixed(_)) && self.shape.scaled.contains_key(&path) {
            let objects = self.variants.all().find_map(|platform| {
                let mut services = platform.services();
                let (id, _) = services.find(|(id, _)| platform.path(*id) == path)?;
                let objects = autoscaler::autoscaler(platform, id);
                (!objects.is_empty()).then_some(objects)
            });
            for object in objects.into_iter().flatten() {
                let mut value = json_of(&object);
                let mut entry = self.owned(id, &mut value);
                let mut spec = value["spec"].take();
                for key in ["minReplicas", "maxReplicas", "metrics"] {
                    take(&mut spec, key);
                }
                entry.insert("spec".to_owned(), spec);
                list.push(object.kind(), entry);
            }
        }
    }

    pub(super) fn autoscaler(
        &self,
        id: ServiceId,
        entry: &mut Map<String, Value>,
        object: &Value,
        list: &mut List,
    ) {
        let mut spec = object["spec"].clone();
        // A patch may have put others there.
        let derived = autoscaler::autoscaler(self.platform, id);
        let derived = derived.first().map(json_of).unwrap_or_default();
        let values = ["minReplicas", "maxReplicas", "metrics"];
        if values.iter().all(|key| spec[key] == derived["spec"][key]) {
            for key in values {
                take(&mut spec, key);
            }
        } else {
            self.fix(id, "hpa", list);
        }
        entry.insert("spec".to_owned(), spec);
    }

    pub(super) fn budget(
        &self,
        id: ServiceId,
        entry: &mut Map<String, Value>,
        object: Value,
        list: &mut List,
    ) {
        let mut object = object;
        let mut spec = object["spec"].take();
        if self.shape.drained.contains(&self.platform.path(id)) {
            let derived = json_of(&budget::with_replicas(self.platform, id));
            let values = ["minAvailable", "maxUnavailable"];
            if values.iter().all(|key| spec[key] == derived["spec"][key]) {
                for key in values {
                    take(&mut spec, key);
                }
            } else {
                self.fix(id, "minAvailable", list);
            }
        }
        entry.insert("spec".to_owned(), spec);
    }
}
