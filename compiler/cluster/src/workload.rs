//! The kinds of workloads as a cluster shows them: what their controllers count, and where their pods are. The model
//! has the other half (`erpc_model::WorkloadKind`).

use erpc_emit::Kind;
use serde_json::Value;

use crate::watch::{Observed, Watched};

/// A row of the table.
#[derive(Debug)]
pub(crate) struct WorkloadKind {
    kind: Kind,
    /// How it is watched; a CronJob is accepted or not, and then has runs.
    pub(crate) watched: Option<Watched>,
    /// Whether its pods serve for as long as it is there.
    pub(crate) is_serving: bool,
    /// How many pods there are to be; `None` if runs come and go.
    wanted: Option<&'static str>,
    /// How many there are, and how many of those are of the newest revision.
    total: &'static str,
    updated: &'static str,
    /// How its pods tell their revision.
    revision: Revision,
}

/// How the pods of a workload tell their revision.
#[derive(Debug)]
enum Revision {
    /// By the ReplicaSet that owns them, which has this annotation, as the workload has.
    OfReplicaSet(&'static str),
    /// By the value of a label, which the workload has at this place.
    Label(&'static str, &'static str),
    /// They have none.
    None,
}

/// Where a Deployment and its ReplicaSets say which revision they are.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";

const TABLE: [WorkloadKind; 5] = [
    WorkloadKind {
        kind: Kind::Deployment,
        watched: Some(Watched::Deployment),
        is_serving: true,
        wanted: Some("/spec/replicas"),
        total: "/status/replicas",
        updated: "/status/updatedReplicas",
        revision: Revision::OfReplicaSet(REVISION),
    },
    WorkloadKind {
        kind: Kind::StatefulSet,
        watched: Some(Watched::StatefulSet),
        is_serving: true,
        wanted: Some("/spec/replicas"),
        total: "/status/replicas",
        updated: "/status/updatedReplicas",
        revision: Revision::Label("controller-revision-hash", "/status/updateRevision"),
    },
    WorkloadKind {
        kind: Kind::DaemonSet,
        watched: Some(Watched::DaemonSet),
        is_serving: true,
        wanted: Some("/status/desiredNumberScheduled"),
        total: "/status/desiredNumberScheduled",
        updated: "/status/updatedNumberScheduled",
        revision: Revision::Label(
            "pod-template-generation",
            "/metadata/annotations/deprecated.daemonset.template.generation",
        ),
    },
    WorkloadKind {
        kind: Kind::Job,
        watched: Some(Watched::Job),
        is_serving: false,
        wanted: Some("/spec/completions"),
        total: "/status/active",
        updated: "/status/active",
        revision: Revision::None,
    },
    WorkloadKind {
        kind: Kind::CronJob,
        watched: None,
        is_serving: false,
        wanted: None,
        total: "/status/active",
        updated: "/status/active",
        revision: Revision::None,
    },
];

/// The row of a kind, if it is one of workloads.
pub(crate) fn of_kind(kind: Kind) -> Option<&'static WorkloadKind> {
    TABLE.iter().find(|row| row.kind == kind)
}

/// Whether the pods of a kind serve for as long as its object is there.
pub(crate) fn is_serving(kind: Kind) -> bool {
    of_kind(kind).is_some_and(|row| row.is_serving)
}

impl WorkloadKind {
    /// How many pods there are to be.
    pub(crate) fn wanted(&self, live: &Value) -> i64 {
        let Some(wanted) = self.wanted else { return 0 };
        live.pointer(wanted).and_then(Value::as_i64).unwrap_or(1)
    }

    /// Whether no pod of an earlier revision is left, as the controller counts them.
    pub(crate) fn is_of_one_revision(&self, live: &Value) -> bool {
        if !self.is_serving {
            return true;
        }
        let status = &live["status"];
        let is_seen =
            status["observedGeneration"].as_u64() >= live["metadata"]["generation"].as_u64();
        let count = |pointer| live.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        is_seen && count(self.updated) == count(self.total)
    }

    /// The kind of what owns its pods.
    pub(crate) const fn pod_owner(&self) -> &'static str {
        match (self.kind, &self.revision) {
            (_, Revision::OfReplicaSet(_)) => "ReplicaSet",
            (Kind::CronJob, _) => "Job",
            (kind, _) => kind.as_str(),
        }
    }

    /// Its pods.
    pub(crate) fn pods(&self, observed: &Observed, namespace: &str, name: &str) -> Vec<Value> {
        self.pods_of(observed, namespace, name, |_| true)
    }

    /// Its pods that are not of the newest revision, those that are ending included.
    pub(crate) fn old_pods(
        &self,
        observed: &Observed,
        namespace: &str,
        live: &Value,
    ) -> Vec<Value> {
        let name = live["metadata"]["name"].as_str().unwrap_or_default();
        match self.revision {
            Revision::OfReplicaSet(annotation) => {
                let revision = &live["metadata"]["annotations"][annotation];
                self.pods_of(observed, namespace, name, |set| {
                    set["metadata"]["annotations"][annotation] != *revision
                })
            }
            Revision::Label(label, pointer) => {
                let revision = live.pointer(pointer).unwrap_or(&Value::Null);
                let mut pods = self.pods(observed, namespace, name);
                pods.retain(|pod| pod["metadata"]["labels"][label] != *revision);
                pods
            }
            Revision::None => Vec::new(),
        }
    }

    /// Its pods, of the ReplicaSets that are wanted where those own them.
    fn pods_of(
        &self,
        observed: &Observed,
        namespace: &str,
        name: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        let owner = format!("{}/{name}", self.kind);
        let Revision::OfReplicaSet(_) = self.revision else {
            return observed.owned(Watched::Pod, namespace, &owner);
        };
        let sets = observed.owned(Watched::ReplicaSet, namespace, &owner);
        let sets = sets.iter().filter(|set| is_wanted(set));
        sets.flat_map(|set| {
            let owner = format!("ReplicaSet/{}", crate::object::name(set));
            observed.owned(Watched::Pod, namespace, &owner)
        })
        .collect()
    }
}

/// Whether its controller deletes the claims of a `StatefulSet` with it.
pub(crate) fn takes_claims_along(object: &Value) -> bool {
    object["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
}
