//! What services and jobs run as: one table of the kinds of workloads. Code asks it, and does not name kinds.

use crate::origin::Sourced;

/// What kind of workload a service or job is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Workload {
    /// A service without a volume of its own.
    #[default]
    Deployment,
    /// A service with one, a claim for each replica, or with `stateful`.
    StatefulSet,
    /// A service with `replicas per node`.
    DaemonSet,
    /// `job NAME`.
    Job,
    /// `job NAME every "cron"`.
    CronJob(Sourced<String>),
}

/// What all workloads of a kind have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct WorkloadKind {
    /// As Kubernetes writes it.
    pub name: &'static str,
    /// As rules and file names write it.
    pub word: &'static str,
    /// How its pods are counted.
    pub pods: PodCount,
    /// Whether each pod has a name and claims of its own.
    pub has_own_claims: bool,
    /// What pictures call a service that runs as it; empty where that goes without saying.
    pub label: &'static str,
    /// What it writes behind its name somewhere, so that the name has to be shorter.
    pub suffix: Option<&'static str>,
}

/// How the pods of a workload are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCount {
    /// So many, or as many as an autoscaler wants.
    Replicas,
    /// One on each node.
    PerNode,
    /// As many as it takes to end well.
    ToCompletion,
}

impl WorkloadKind {
    /// All kinds.
    pub const ALL: [&'static Self; 5] = [&DEPLOYMENT, &STATEFUL_SET, &DAEMON_SET, &JOB, &CRON_JOB];
}

const DEPLOYMENT: WorkloadKind = WorkloadKind {
    name: "Deployment",
    word: "deployment",
    pods: PodCount::Replicas,
    has_own_claims: false,
    label: "",
    suffix: None,
};

const STATEFUL_SET: WorkloadKind = WorkloadKind {
    name: "StatefulSet",
    word: "statefulset",
    has_own_claims: true,
    suffix: Some("its pods carry the name with a hash behind it in a label"),
    ..DEPLOYMENT
};

const DAEMON_SET: WorkloadKind = WorkloadKind {
    name: "DaemonSet",
    word: "daemonset",
    pods: PodCount::PerNode,
    label: "per node",
    ..DEPLOYMENT
};

const JOB: WorkloadKind = WorkloadKind {
    name: "Job",
    word: "job",
    pods: PodCount::ToCompletion,
    label: "job",
    suffix: Some("the Job carries the name with a hash of its spec behind it"),
    ..DEPLOYMENT
};

const CRON_JOB: WorkloadKind = WorkloadKind {
    name: "CronJob",
    word: "cronjob",
    label: "cron job",
    suffix: Some("its Jobs carry the name with the time behind it"),
    ..JOB
};

impl Workload {
    /// Its row of the table.
    #[must_use]
    pub const fn kind(&self) -> &'static WorkloadKind {
        match self {
            Self::Deployment => &DEPLOYMENT,
            Self::StatefulSet => &STATEFUL_SET,
            Self::DaemonSet => &DAEMON_SET,
            Self::Job => &JOB,
            Self::CronJob(_) => &CRON_JOB,
        }
    }
}
