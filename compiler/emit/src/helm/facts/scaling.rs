//! What depends on how many pods a service has: how many is a value, so what there is only from two
//! on is in the chart in any case, and the templates say when.

use erpc_model::{Scaling, ServiceId};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::entry::Entry;
use super::{Facts, List, place, push_places};
use crate::Object;
use crate::kubernetes::{autoscaler, budget, services};

/// What of an autoscaler is a value.
const OF_AUTOSCALER: &[&str] = &["minReplicas", "maxReplicas", "metrics"];

impl Facts<'_> {
    /// `NAME-pods` is there for whoever looks for each of several pods.
    pub(super) fn when_replicated(&self, id: ServiceId, name: &str, entry: &mut Entry) {
        let service = &self.platform[id].name.value;
        let edges = &self.derived.edges;
        if name.strip_suffix("-pods") != Some(service)
            || !edges.would_be_found_by_replica(self.platform, id)
        {
            return;
        }
        entry.flag("whenReplicated", true);
        if let Some(observers) = &self.observers[id.index()]
            && !edges.finds_itself(id)
        {
            let observers = observers.iter();
            let observers = observers.map(|id| place(self.platform, *id));
            push_places(entry, "for", observers);
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
        let edges = &self.derived.edges;
        if bounds.max < 2 && edges.would_be_found_by_replica(self.platform, id) {
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
                let mut entry = self.owned(id, &object, &[]);
                if let Object::HorizontalPodAutoscaler(scaler) = &object {
                    entry.block("spec", &scaler.spec, OF_AUTOSCALER);
                }
                list.push(object.kind(), entry);
            }
        }
    }

    pub(super) fn autoscaler(
        &self,
        id: ServiceId,
        object: &Object,
        scaler: &HorizontalPodAutoscaler,
        list: &mut List,
    ) -> Entry {
        let mut entry = self.owned(id, object, &[]);
        // A patch may have put others there.
        let is_derived = self.is_derived(id, || {
            let derived = autoscaler::autoscaler(self.platform, id);
            derived.first().is_some_and(|derived| {
                let Object::HorizontalPodAutoscaler(derived) = derived else {
                    return false;
                };
                let values = |scaler: &HorizontalPodAutoscaler| {
                    let spec = scaler.spec.as_ref()?;
                    let metrics = spec.metrics.clone();
                    Some((spec.min_replicas, spec.max_replicas, metrics))
                };
                values(derived) == values(scaler)
            })
        });
        if is_derived {
            entry.block("spec", &scaler.spec, OF_AUTOSCALER);
        } else {
            self.fix(id, "hpa", list);
            entry.block("spec", &scaler.spec, &[]);
        }
        entry
    }

    pub(super) fn budget(
        &self,
        id: ServiceId,
        object: &Object,
        budget: &PodDisruptionBudget,
        list: &mut List,
    ) -> Entry {
        let mut entry = self.owned(id, object, &[]);
        let is_drained = || self.shape.drained.contains(&self.platform.path(id));
        if self.shape.drained.is_empty() || !is_drained() {
            entry.block("spec", &budget.spec, &[]);
            return entry;
        }
        let is_derived = self.is_derived(id, || {
            let values = |budget: &PodDisruptionBudget| {
                let spec = budget.spec.clone()?;
                Some((spec.min_available, spec.max_unavailable))
            };
            let derived = budget::with_replicas(self.platform, id);
            matches!(&derived, Object::PodDisruptionBudget(derived) if values(derived) == values(budget))
        });
        if is_derived {
            entry.block("spec", &budget.spec, &["minAvailable", "maxUnavailable"]);
        } else {
            self.fix(id, "minAvailable", list);
            entry.block("spec", &budget.spec, &[]);
        }
        entry
    }
}
