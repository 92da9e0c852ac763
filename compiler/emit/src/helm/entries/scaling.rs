//! What depends on how many pods a service has: how many is a value, so what there is only from two
//! on is in the chart in any case, and the templates say when.

use erpc_model::{Scaling, ServiceId};

use super::entry::Entry;
use super::{Gatherer, List, place, push_places};
use crate::Object;
use crate::kubernetes::{autoscaler, budget, services};

/// What of an autoscaler is a value.
const OF_AUTOSCALER: &[&str] = &["minReplicas", "maxReplicas", "metrics"];

/// What of a budget is a value, of a service that says how many pods a drain must leave.
const OF_BUDGET: &[&str] = &["minAvailable", "maxUnavailable"];

impl Gatherer<'_> {
    /// `NAME-pods` is there for whoever looks for each of several pods.
    pub(super) fn when_replicated(&self, id: ServiceId, name: &str, entry: &mut Entry) {
        let edges = &self.derived.edges;
        let service = &self.platform[id];
        if !service.has_replicas()
            || name.strip_suffix("-pods") != Some(&service.name.value)
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
        if !service.has_replicas() {
            return;
        }
        let bounds = service.scaling.bounds();
        if bounds.min < 2 && budget::can_have_one(service) {
            self.object(id, &budget::with_replicas(self.platform, id), list);
        }
        let edges = &self.derived.edges;
        if bounds.max < 2 && edges.would_be_found_by_replica(self.platform, id) {
            let object = services::every_pod(self.platform, self.derived, id, &[]);
            self.object(id, &object, list);
        }
        let path = self.platform.path(id);
        if matches!(service.scaling, Scaling::Fixed(_)) && self.shape.scaled.contains_key(&path) {
            let object = self.variants.all().find_map(|platform| {
                let mut services = platform.services();
                let (id, _) = services.find(|(id, _)| platform.path(*id) == path)?;
                autoscaler::autoscaler(platform, id)
            });
            if let Some(object) = object {
                list.push(object.kind(), self.autoscaler(id, &object));
            }
        }
    }

    pub(super) fn autoscaler(&self, id: ServiceId, object: &Object) -> Entry {
        let mut entry = self.owned(id, object, &[]);
        entry.spec(object, OF_AUTOSCALER);
        entry
    }

    pub(super) fn budget(&self, id: ServiceId, object: &Object) -> Entry {
        let mut entry = self.owned(id, object, &[]);
        if self.shape.blocked.contains(&self.platform.path(id)) {
            entry.flag("blocksDrains", true);
        }
        let is_drained = self.shape.drained.contains(&self.platform.path(id));
        entry.spec(object, if is_drained { OF_BUDGET } else { &[] });
        entry
    }
}
