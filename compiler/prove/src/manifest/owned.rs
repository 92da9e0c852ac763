//! Objects that a controller made, as `kubectl get -o yaml` prints them: the pods of one owner are one
//! workload. What has other labels than its owner, as pods of an earlier revision may, stays apart.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{Manifests, NamedPort, Workload};
use crate::controllers::is_set_by_controller;
use crate::selector::Labels;

/// What policies can tell apart of the pods of an owner.
#[derive(PartialEq, Eq, Hash)]
struct Kept {
    namespace: SmolStr,
    kind: SmolStr,
    owner: SmolStr,
    labels: Labels,
    ports: Vec<(SmolStr, u16, &'static str)>,
    is_on_host: bool,
}

impl Manifests {
    pub(super) fn fold_owned(&mut self) {
        if self
            .workloads
            .iter()
            .all(|workload| workload.owner.is_none())
        {
            return;
        }
        let owners: FxHashMap<(SmolStr, SmolStr, SmolStr), (Labels, bool)> = self
            .workloads
            .iter()
            .map(|one| {
                let key = (one.namespace.clone(), one.kind.clone(), one.name.clone());
                (key, (own_labels(&one.labels), one.is_on_host))
            })
            .collect();
        let mut seen: FxHashMap<Kept, ()> = FxHashMap::default();
        let workloads = std::mem::take(&mut self.workloads);
        self.workloads = workloads
            .into_iter()
            .filter_map(|workload| fold(workload, &owners, &mut seen))
            .collect();
    }
}

fn own_labels(labels: &Labels) -> Labels {
    let labels = labels.iter().filter(|(key, _)| !is_set_by_controller(key));
    labels.cloned().collect()
}

/// A workload as it stays in the list; `None` where its owner, or another pod of it, stands for it.
fn fold(
    mut workload: Workload,
    owners: &FxHashMap<(SmolStr, SmolStr, SmolStr), (Labels, bool)>,
    seen: &mut FxHashMap<Kept, ()>,
) -> Option<Workload> {
    let Some(owner) = workload.owner.clone() else {
        return Some(workload);
    };
    // An earlier revision has no pods any more.
    if workload.kind == "ReplicaSet" && workload.is_scaled_to_zero {
        return None;
    }
    let labels = own_labels(&workload.labels);
    let key = (
        workload.namespace.clone(),
        owner.kind.clone(),
        owner.name.clone(),
    );
    if let Some((of_owner, is_on_host)) = owners.get(&key) {
        let is_alike = *of_owner == labels && *is_on_host == workload.is_on_host;
        return (!is_alike).then_some(workload);
    }
    let port = |port: &NamedPort| (port.name.clone(), port.number, port.protocol.as_str());
    let kept = Kept {
        namespace: workload.namespace.clone(),
        kind: owner.kind.clone(),
        owner: owner.name.clone(),
        labels: labels.clone(),
        ports: workload.ports.iter().map(port).collect(),
        is_on_host: workload.is_on_host,
    };
    if seen.insert(kept, ()).is_some() {
        return None;
    }
    workload.labels = labels;
    workload.kind = owner.kind;
    workload.name = owner.name;
    workload.owner = None;
    Some(workload)
}
