//! What a declared object has besides what the source declares, although no client has added it:
//! defaults of the API server, and what known controllers write. One table, from which the page
//! `docs/defaults.md` is made; whatever it does not have is an addition.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde_json::Value;

use crate::path::{Segment, plain};
use erpc_emit::Kind;

/// One row of the table.
#[derive(Debug)]
pub struct Known {
    /// The kinds of object that have the field.
    pub kinds: &'static [Kind],
    /// The field. `[]` is any item of a list, `[NAME]` a key with dots or a member of a set,
    /// `POD` the pod template, `CONTAINER` any container of it.
    pub path: &'static str,
    /// What the field is then.
    pub value: Usual,
    /// Who writes it.
    pub by: By,
    /// Why a fresh platform in the tests does not show that the row is needed; empty if it does.
    pub unseen: &'static str,
}

/// The value of a field that the source does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usual {
    /// This one, as JSON.
    Is(&'static str),
    /// A map, whose own fields are looked up in turn.
    Map,
    /// The value of the field beside it.
    SameAs(&'static str),
    /// The name of the object.
    Name,
    /// Whatever was chosen when the object was made.
    Chosen,
    /// `Always` for an image with the tag `latest` or without a version, else `IfNotPresent`.
    PullPolicy,
}

/// Who writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The API server, by defaulting or admission. It owns nothing in `managedFields`.
    Server,
    /// One of these field managers.
    Controller(&'static [&'static str]),
    /// Any: the source leaves the field to whoever writes it.
    Anyone,
}

const PODS: &[Kind] = &[
    Kind::CronJob,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::Job,
    Kind::StatefulSet,
];
const SCALED: &[Kind] = &[Kind::Deployment, Kind::StatefulSet];
const CLAIM: &[Kind] = &[Kind::PersistentVolumeClaim];
const SERVICE: &[Kind] = &[Kind::Service];
const JOB: &[Kind] = &[Kind::Job];
const CRON_JOB: &[Kind] = &[Kind::CronJob];
const DAEMON_SET: &[Kind] = &[Kind::DaemonSet];
const DEPLOYMENT: &[Kind] = &[Kind::Deployment];
const STATEFUL_SET: &[Kind] = &[Kind::StatefulSet];
const NAMESPACE: &[Kind] = &[Kind::Namespace];

const DEFINITION: &[Kind] = &[Kind::DEFINITION];
const PRIORITY_CLASS: &[Kind] = &[Kind::PRIORITY_CLASS];

const CONTROLLERS: By = By::Controller(&["kube-controller-manager"]);
const BINDERS: By = By::Controller(&["kube-controller-manager", "kube-scheduler"]);
const BALANCERS: By = By::Controller(&["kube-controller-manager", "cloud-controller-manager"]);

/// Why a row of a map that has no fields by default cannot be tried.
const EMPTY: &str = "the map is empty by default, and an empty map is not reported";

const NOT_EMITTED: &str =
    "erpc emits the field itself; it is left out only if a `patch` removes it";
const PATCHED: &str = "erpc emits no object with such a field; a `patch` can add one";
const NO_CLOUD: &str = "the tests have no cloud provider that makes load balancers";

const NO_MANIFESTS: &str = "only manifests of the source are of this kind";

macro_rules! known {
    ($($kinds:ident $path:literal $value:expr, $by:expr $(, $unseen:expr)?;)*) => {
        /// The table, in the order of its page.
        pub const KNOWN: &[Known] = &[$(Known {
            kinds: $kinds, path: $path, value: $value, by: $by, unseen: known!(@ $($unseen)?),
        },)*];
    };
    (@) => { "" };
    (@ $unseen:expr) => { $unseen };
}

use By::{Anyone, Server};
use Usual::{Chosen, Is, Map, Name, PullPolicy, SameAs};

known! {
    PODS "POD.spec.dnsPolicy" Is("\"ClusterFirst\""), Server;
    PODS "POD.spec.restartPolicy" Is("\"Always\""), Server;
    PODS "POD.spec.schedulerName" Is("\"default-scheduler\""), Server;
    PODS "POD.spec.serviceAccount" SameAs("serviceAccountName"), Server;
    PODS "POD.spec.terminationGracePeriodSeconds" Is("30"), Server;
    PODS "POD.spec.securityContext" Map, Server, EMPTY;
    PODS "CONTAINER.imagePullPolicy" PullPolicy, Server;
    PODS "CONTAINER.terminationMessagePath" Is("\"/dev/termination-log\""), Server;
    PODS "CONTAINER.terminationMessagePolicy" Is("\"File\""), Server;
    PODS "CONTAINER.resources" Map, Server, EMPTY;
    PODS "CONTAINER.ports[].protocol" Is("\"TCP\""), Server, NOT_EMITTED;
    PODS "CONTAINER.env[].valueFrom.fieldRef.apiVersion" Is("\"v1\""), Server, PATCHED;
    PODS "CONTAINER.env[].valueFrom.resourceFieldRef.divisor" Is("\"0\""), Server, PATCHED;
    PODS "CONTAINER.livenessProbe.failureThreshold" Is("3"), Server, NOT_EMITTED;
    PODS "CONTAINER.livenessProbe.periodSeconds" Is("10"), Server, NOT_EMITTED;
    PODS "CONTAINER.livenessProbe.successThreshold" Is("1"), Server;
    PODS "CONTAINER.livenessProbe.timeoutSeconds" Is("1"), Server, NOT_EMITTED;
    PODS "CONTAINER.livenessProbe.httpGet.scheme" Is("\"HTTP\""), Server;
    PODS "CONTAINER.livenessProbe.grpc.service" Is("\"\""), Server, PATCHED;
    PODS "CONTAINER.readinessProbe.failureThreshold" Is("3"), Server, NOT_EMITTED;
    PODS "CONTAINER.readinessProbe.periodSeconds" Is("10"), Server, NOT_EMITTED;
    PODS "CONTAINER.readinessProbe.successThreshold" Is("1"), Server;
    PODS "CONTAINER.readinessProbe.timeoutSeconds" Is("1"), Server, NOT_EMITTED;
    PODS "CONTAINER.readinessProbe.httpGet.scheme" Is("\"HTTP\""), Server;
    PODS "CONTAINER.readinessProbe.grpc.service" Is("\"\""), Server, PATCHED;
    PODS "CONTAINER.startupProbe.failureThreshold" Is("3"), Server, NOT_EMITTED;
    PODS "CONTAINER.startupProbe.periodSeconds" Is("10"), Server, NOT_EMITTED;
    PODS "CONTAINER.startupProbe.successThreshold" Is("1"), Server;
    PODS "CONTAINER.startupProbe.timeoutSeconds" Is("1"), Server, NOT_EMITTED;
    PODS "CONTAINER.startupProbe.httpGet.scheme" Is("\"HTTP\""), Server;
    PODS "CONTAINER.startupProbe.grpc.service" Is("\"\""), Server, PATCHED;
    PODS "CONTAINER.lifecycle.preStop.httpGet.scheme" Is("\"HTTP\""), Server, PATCHED;
    PODS "CONTAINER.lifecycle.postStart.httpGet.scheme" Is("\"HTTP\""), Server, PATCHED;
    PODS "POD.spec.volumes[].configMap.defaultMode" Is("420"), Server;
    PODS "POD.spec.volumes[].secret.defaultMode" Is("420"), Server;
    PODS "POD.spec.volumes[].projected.defaultMode" Is("420"), Server, NOT_EMITTED;
    PODS "POD.spec.volumes[].downwardAPI.defaultMode" Is("420"), Server, PATCHED;
    PODS "POD.spec.volumes[].hostPath.type" Is("\"\""), Server, PATCHED;
    DEPLOYMENT "metadata.annotations[deployment.kubernetes.io/revision]" Chosen, CONTROLLERS;
    SCALED "spec.replicas" Chosen, Anyone;
    SCALED "spec.revisionHistoryLimit" Is("10"), Server;
    DAEMON_SET "spec.revisionHistoryLimit" Is("10"), Server;
    DAEMON_SET "metadata.annotations.[deprecated.daemonset.template.generation]" Chosen, Server;
    DEPLOYMENT "spec.progressDeadlineSeconds" Is("600"), Server;
    DEPLOYMENT "spec.strategy" Map, Server;
    DEPLOYMENT "spec.strategy.type" Is("\"RollingUpdate\""), Server;
    DEPLOYMENT "spec.strategy.rollingUpdate" Map, Server;
    DEPLOYMENT "spec.strategy.rollingUpdate.maxSurge" Is("\"25%\""), Server;
    DEPLOYMENT "spec.strategy.rollingUpdate.maxUnavailable" Is("\"25%\""), Server;
    STATEFUL_SET "spec.podManagementPolicy" Is("\"OrderedReady\""), Server;
    STATEFUL_SET "spec.updateStrategy" Map, Server;
    STATEFUL_SET "spec.updateStrategy.type" Is("\"RollingUpdate\""), Server;
    STATEFUL_SET "spec.updateStrategy.rollingUpdate" Map, Server;
    STATEFUL_SET "spec.updateStrategy.rollingUpdate.partition" Is("0"), Server;
    STATEFUL_SET "spec.updateStrategy.rollingUpdate.maxUnavailable" Is("1"), Server;
    DAEMON_SET "spec.updateStrategy" Map, Server;
    DAEMON_SET "spec.updateStrategy.type" Is("\"RollingUpdate\""), Server;
    DAEMON_SET "spec.updateStrategy.rollingUpdate" Map, Server;
    DAEMON_SET "spec.updateStrategy.rollingUpdate.maxSurge" Is("0"), Server;
    DAEMON_SET "spec.updateStrategy.rollingUpdate.maxUnavailable" Is("1"), Server;
    STATEFUL_SET "spec.persistentVolumeClaimRetentionPolicy" Map, Server;
    STATEFUL_SET "spec.persistentVolumeClaimRetentionPolicy.whenDeleted" Is("\"Retain\""), Server;
    STATEFUL_SET "spec.persistentVolumeClaimRetentionPolicy.whenScaled" Is("\"Retain\""), Server;
    JOB "spec.backoffLimit" Is("6"), Server;
    JOB "spec.completionMode" Is("\"NonIndexed\""), Server;
    JOB "spec.completions" Is("1"), Server;
    JOB "spec.manualSelector" Is("false"), Server;
    JOB "spec.parallelism" Is("1"), Server;
    JOB "spec.podReplacementPolicy" Is("\"TerminatingOrFailed\""), Server;
    JOB "spec.selector" Chosen, Server;
    JOB "spec.suspend" Is("false"), Server;
    JOB "POD.metadata.labels[batch.kubernetes.io/controller-uid]" Chosen, Server;
    JOB "POD.metadata.labels[batch.kubernetes.io/job-name]" Name, Server;
    JOB "POD.metadata.labels[controller-uid]" Chosen, Server;
    JOB "POD.metadata.labels[job-name]" Name, Server;
    CRON_JOB "spec.concurrencyPolicy" Is("\"Allow\""), Server;
    CRON_JOB "spec.failedJobsHistoryLimit" Is("1"), Server;
    CRON_JOB "spec.successfulJobsHistoryLimit" Is("3"), Server;
    CRON_JOB "spec.suspend" Is("false"), Server;
    SERVICE "metadata.finalizers[service.kubernetes.io/load-balancer-cleanup]" Chosen, BALANCERS, NO_CLOUD;
    SERVICE "spec.allocateLoadBalancerNodePorts" Is("true"), Server;
    SERVICE "spec.clusterIP" Chosen, Server;
    SERVICE "spec.clusterIPs" Chosen, Server;
    SERVICE "spec.externalTrafficPolicy" Is("\"Cluster\""), Server, NOT_EMITTED;
    SERVICE "spec.healthCheckNodePort" Chosen, Server;
    SERVICE "spec.internalTrafficPolicy" Is("\"Cluster\""), Server;
    SERVICE "spec.ipFamilies" Chosen, Server;
    SERVICE "spec.ipFamilyPolicy" Is("\"SingleStack\""), Server;
    SERVICE "spec.ports[].nodePort" Chosen, Server;
    SERVICE "spec.ports[].protocol" Is("\"TCP\""), Server, NOT_EMITTED;
    SERVICE "spec.ports[].targetPort" SameAs("port"), Server, NOT_EMITTED;
    SERVICE "spec.sessionAffinity" Is("\"None\""), Server;
    SERVICE "spec.sessionAffinityConfig" Is("{\"clientIP\":{\"timeoutSeconds\":10800}}"), Server, PATCHED;
    SERVICE "spec.type" Is("\"ClusterIP\""), Server;
    CLAIM "metadata.annotations[pv.kubernetes.io/bind-completed]" Is("\"yes\""), BINDERS;
    CLAIM "metadata.annotations[pv.kubernetes.io/bound-by-controller]" Is("\"yes\""), BINDERS;
    CLAIM "metadata.annotations[volume.beta.kubernetes.io/storage-provisioner]" Chosen, BINDERS;
    CLAIM "metadata.annotations[volume.kubernetes.io/selected-node]" Chosen, BINDERS, "the class of the tests binds a claim before its pod has a node";
    CLAIM "metadata.annotations[volume.kubernetes.io/storage-provisioner]" Chosen, BINDERS;
    CLAIM "metadata.annotations[volume.kubernetes.io/storage-resizer]" Chosen, BINDERS, "the tests' provisioner resizes a volume by itself";
    CLAIM "metadata.finalizers[kubernetes.io/pvc-protection]" Chosen, Server;
    CLAIM "spec.storageClassName" Chosen, Server;
    CLAIM "spec.volumeMode" Is("\"Filesystem\""), Server;
    CLAIM "spec.volumeName" Chosen, BINDERS;
    NAMESPACE "metadata.labels[kubernetes.io/metadata.name]" Name, Server;
    NAMESPACE "metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]" Chosen, By::Controller(&["kubectl-client-side-apply"]), "only a namespace that `kubectl apply` created has it, such as those that `erpc rbac` prints";
    NAMESPACE "spec" Map, Server;
    PRIORITY_CLASS "preemptionPolicy" Is("\"PreemptLowerPriority\""), Server;
    DEFINITION "spec.conversion" Is("{\"strategy\":\"None\"}"), Server;
    DEFINITION "spec.names.listKind" Chosen, Server;
    DEFINITION "spec.names.singular" Chosen, Server, NO_MANIFESTS;
    NAMESPACE "spec.finalizers" Is("[\"kubernetes\"]"), Server;
}

/// The table as a tree for each kind, so that an object is looked up on one walk.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<Kind, Node>);

#[derive(Debug, Default)]
pub(crate) struct Node {
    below: HashMap<&'static str, Node>,
    items: Option<Box<Node>>,
    row: Option<&'static Known>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::from_rows(KNOWN.iter()));

impl Table {
    /// The whole table.
    #[must_use]
    pub fn whole() -> &'static Self {
        &TABLE
    }

    /// The table of these rows.
    pub fn from_rows(rows: impl Iterator<Item = &'static Known>) -> Self {
        let mut table = Self::default();
        for row in rows {
            for kind in row.kinds {
                for path in expanded(*kind, row.path) {
                    let root = table.0.entry(*kind).or_default();
                    let end = path.iter().fold(root, |node, name| match *name {
                        "" => node.items.get_or_insert_default(),
                        name => node.below.entry(name).or_default(),
                    });
                    end.row = Some(row);
                }
            }
        }
        table
    }

    pub(crate) fn root(&self, kind: Kind) -> Option<&Node> {
        self.0.get(&kind)
    }
}

impl Node {
    /// What the table has one step further.
    pub(crate) fn step(&self, segment: &Segment) -> Option<&Self> {
        match segment {
            Segment::Field(name) | Segment::Member(name) => self.below.get(name.as_str()),
            Segment::Item(_) | Segment::Index(_) => self.items.as_deref(),
            Segment::Order => None,
        }
    }

    /// Any item of the list.
    pub(crate) fn item(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// The row of this field.
    pub(crate) fn row(&self) -> Option<&'static Known> {
        self.row
    }
}

/// The paths that a row means, in steps; an item of a list is an empty one.
fn expanded(kind: Kind, path: &'static str) -> Vec<Vec<&'static str>> {
    // `POD` is the template, which has metadata beside the specification.
    let template = kind.pod_path().and_then(|path| path.split_last());
    let pod = template.map_or(&[][..], |(_, template)| template);
    if let Some(rest) = path.strip_prefix("CONTAINER") {
        let lists = ["containers", "initContainers"];
        return lists
            .map(|list| [pod, &["spec", list, ""], &steps(rest)].concat())
            .into();
    }
    match path.strip_prefix("POD") {
        Some(rest) => vec![[pod, &steps(rest)].concat()],
        None => vec![steps(path)],
    }
}

fn steps(path: &'static str) -> Vec<&'static str> {
    let mut steps = Vec::new();
    for part in path.split_inclusive(']') {
        let (names, key) = match part.split_once('[') {
            Some((names, key)) => (names, Some(key.trim_end_matches(']'))),
            None => (part, None),
        };
        steps.extend(names.split('.').filter(|name| !name.is_empty()));
        steps.extend(key);
    }
    steps
}

impl Usual {
    /// Whether a value is the usual one; `beside` is the map that it is in.
    pub(crate) fn is(self, value: &Value, beside: &Value, name: &str) -> bool {
        match self {
            Self::Is(text) => {
                serde_json::from_str::<Value>(text).is_ok_and(|usual| usual == *value)
            }
            Self::Map => false,
            Self::SameAs(field) => beside[field] == *value,
            Self::Name => plain(value) == name,
            Self::Chosen => true,
            Self::PullPolicy => {
                *value
                    == erpc_model::kubernetes::usual_pull_policy(
                        beside["image"].as_str().unwrap_or_default(),
                    )
            }
        }
    }

    /// The value, if it is the same for every object.
    #[must_use]
    pub fn fixed(self) -> Option<Value> {
        match self {
            Self::Is(text) => serde_json::from_str(text).ok(),
            Self::Map | Self::SameAs(_) | Self::Name | Self::Chosen | Self::PullPolicy => None,
        }
    }
}

/// The page of the documentation that is made from the table.
#[must_use]
pub fn known_page() -> String {
    use std::fmt::Write;
    let mut out = String::from(
        "# Fields that are not drift\n\n\
         Made from the table in `compiler/cluster/src/known.rs`; a test compares the two.\n\n\
         `erpc drift` and `erpc plan` report every field of a declared object that the source does not declare, except\n\
         the fields of this table: the defaults that the API server writes, and what Kubernetes' own controllers write.\n\
         A field with another value than the one below is reported, and so is a field that another manager than the\n\
         one below wrote. If a field has no owner in `managedFields` and is not in this table, it is a default of a newer\n\
         API server or comes from an admission webhook: erpc then asks the server, by a dry run that creates a copy\n\
         of the object, whether every new object gets the field, and reports it only if not.\n\n\
         `POD` is the pod template of the kind, `CONTAINER` any of its containers and init containers, `[]` any item of a list.\n\n\
         A test applies the examples and a platform of every kind to a real API server, waits for its controllers, and expects no\n\
         report. It then leaves out one row after the other and expects one. The last column gives the reason why a row cannot be\n\
         tried in this way.\n\n\
         | kinds | field | value | written by | not tried because |\n|---|---|---|---|---|\n",
    );
    for row in KNOWN {
        let kinds: Vec<&str> = row.kinds.iter().map(|kind| kind.as_str()).collect();
        let value = match row.value {
            Usual::Is(text) => format!("`{text}`"),
            Usual::Map => "a map of the fields below".to_owned(),
            Usual::SameAs(field) => format!("that of `{field}`"),
            Usual::Name => "the name of the object".to_owned(),
            Usual::Chosen => "any".to_owned(),
            Usual::PullPolicy => {
                "`Always` for an image without a version, else `IfNotPresent`".to_owned()
            }
        };
        let by = match row.by {
            By::Server => "API server".to_owned(),
            By::Controller(managers) => managers.join(", "),
            By::Anyone => "any manager, if the source leaves it to an autoscaler".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | `{}` | {value} | {by} | {} |",
            kinds.join(", "),
            row.path,
            row.unseen
        );
    }
    out
}
