//! The kinds of object that a platform is made of, and where the API serves each. Everything that is the same for
//! all objects of a kind is in this table.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use erpc_model::Workload;

use crate::schema;

/// When objects are written: one stage after the other, in this order. `apply` carries the stages out, Argo CD,
/// Flux and Kustomize number them, and the prover replays what `apply` would write. What belongs to a service,
/// from its configuration to its routes, is written at the service's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Definitions of kinds: nothing of such a kind exists before the server has established it.
    Definitions,
    /// Namespaces, and the classes of storage and routes.
    Namespaces,
    /// Quotas, accounts and roles.
    Accounts,
    /// What gives roles to accounts.
    Bindings,
    /// Which connections are open. [`DEFAULT_DENY`] closes a namespace that runs open at the very end.
    Policies,
    /// What a workload reads, and what leads to it: right before it.
    Configuration,
    /// What runs pods.
    Workloads,
    /// What counts pods, once they are ready.
    Autoscalers,
    /// What opens a service to the outside, once it is ready.
    Routes,
    /// Custom resources: what serves them may be a workload.
    Custom,
    /// What the server asks before it takes other objects: from then on it needs its workload.
    Admission,
}

/// The name of the policy that closes a namespace.
pub const DEFAULT_DENY: &str = "default-deny";

impl Stage {
    /// What is written before anything of a service, and without which the server cannot judge the rest.
    pub const FOUNDATION: [Self; 4] = [
        Self::Definitions,
        Self::Namespaces,
        Self::Accounts,
        Self::Bindings,
    ];

    /// Whether it is written before anything of a service.
    #[must_use]
    pub const fn is_foundation(self) -> bool {
        matches!(
            self,
            Self::Definitions | Self::Namespaces | Self::Accounts | Self::Bindings
        )
    }

    /// Whether it waits until the workload of its service is ready.
    #[must_use]
    pub const fn follows_workload(self) -> bool {
        matches!(self, Self::Autoscalers | Self::Routes)
    }

    /// As a run names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Definitions => "definitions",
            Self::Namespaces => "namespaces and classes",
            Self::Accounts => "quotas, accounts and roles",
            Self::Bindings => "bindings",
            Self::Policies => "policies",
            Self::Configuration => "configuration",
            Self::Workloads => "workloads",
            Self::Autoscalers => "autoscalers",
            Self::Routes => "routes",
            Self::Custom => "custom resources",
            Self::Admission => "admission",
        }
    }

    /// Its place among what goes: what would refuse the rest, custom resources while something acts on their end,
    /// autoscalers before the workloads that they would scale, then what leads to
    /// their pods, then what kept them apart, and what all of it stands on at the end.
    #[must_use]
    pub const fn removal(self) -> u8 {
        match self {
            Self::Admission | Self::Custom | Self::Autoscalers => 0,
            Self::Workloads => 1,
            Self::Routes => 2,
            Self::Configuration => 3,
            Self::Policies => 4,
            Self::Bindings => 5,
            Self::Accounts => 6,
            Self::Namespaces => 7,
            Self::Definitions => 8,
        }
    }
}

macro_rules! kinds {
    ($($name:ident $group:literal $version:literal $plural:literal $scope:ident $stage:ident;)*) => {
        /// A kind that erpc applies, in the order of their names.
        #[derive(Clone, Copy, Debug)]
        pub enum Kind {
            $(
                #[doc = concat!("A ", stringify!($name), ".")]
                $name,
            )*
            /// Any other, which only manifests of the source have.
            Other(&'static Resource),
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As Kubernetes writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Other(resource) => resource.name,
                }
            }

            /// The API group, empty for the core.
            #[must_use]
            pub const fn group(self) -> &'static str {
                match self {
                    $(Self::$name => $group,)*
                    Self::Other(resource) => resource.group,
                }
            }

            /// The version that is emitted.
            #[must_use]
            pub const fn version(self) -> &'static str {
                match self {
                    $(Self::$name => $version,)*
                    Self::Other(resource) => resource.version,
                }
            }

            /// The group and version as objects name them: `apps/v1`, `v1`.
            #[must_use]
            pub const fn api_version(self) -> &'static str {
                match self {
                    $(Self::$name => match $group.as_bytes() {
                        [] => $version,
                        _ => concat!($group, "/", $version),
                    },)*
                    Self::Other(resource) => resource.api_version,
                }
            }

            /// The resource's name in paths and in RBAC rules.
            #[must_use]
            pub const fn plural(self) -> &'static str {
                match self {
                    $(Self::$name => $plural,)*
                    Self::Other(resource) => resource.plural,
                }
            }

            /// Whether its objects are in a namespace.
            #[must_use]
            pub const fn is_namespaced(self) -> bool {
                match self {
                    $(Self::$name => scope!($scope),)*
                    Self::Other(resource) => resource.is_namespaced,
                }
            }

            /// When its objects are written.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self {
                    $(Self::$name => Stage::$stage,)*
                    Self::Other(resource) => resource.stage(),
                }
            }
        }
    };
}

/// A kind beyond the table: one of Kubernetes that the compiler does not emit, another version of one that it does,
/// or one that a CustomResourceDefinition defines.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    group: &'static str,
    version: &'static str,
    api_version: &'static str,
    name: &'static str,
    plural: &'static str,
    is_namespaced: bool,
    /// Whether Kubernetes itself serves it.
    is_builtin: bool,
}

impl Resource {
    const fn stage(&self) -> Stage {
        match (self.group.as_bytes(), self.name.as_bytes()) {
            (b"apiextensions.k8s.io", _) => Stage::Definitions,
            (b"admissionregistration.k8s.io" | b"apiregistration.k8s.io", _) => Stage::Admission,
            (b"", b"Pod" | b"ReplicationController") | (b"apps", b"ReplicaSet") => Stage::Workloads,
            (b"autoscaling", _) => Stage::Autoscalers,
            (b"networking.k8s.io", b"Ingress") => Stage::Routes,
            (b"scheduling.k8s.io" | b"node.k8s.io" | b"storage.k8s.io", _)
            | (b"", b"PersistentVolume") => Stage::Namespaces,
            _ if self.is_builtin => Stage::Configuration,
            _ => Stage::Custom,
        }
    }
}

macro_rules! scope {
    (Namespaced) => {
        true
    };
    (Cluster) => {
        false
    };
}

kinds! {
    ClusterRole "rbac.authorization.k8s.io" "v1" "clusterroles" Cluster Accounts;
    ClusterRoleBinding "rbac.authorization.k8s.io" "v1" "clusterrolebindings" Cluster Bindings;
    ConfigMap "" "v1" "configmaps" Namespaced Configuration;
    CronJob "batch" "v1" "cronjobs" Namespaced Workloads;
    DaemonSet "apps" "v1" "daemonsets" Namespaced Workloads;
    Deployment "apps" "v1" "deployments" Namespaced Workloads;
    HorizontalPodAutoscaler "autoscaling" "v2" "horizontalpodautoscalers" Namespaced Autoscalers;
    Ingress "networking.k8s.io" "v1" "ingresses" Namespaced Routes;
    IngressClass "networking.k8s.io" "v1" "ingressclasses" Cluster Namespaces;
    Job "batch" "v1" "jobs" Namespaced Workloads;
    LimitRange "" "v1" "limitranges" Namespaced Accounts;
    Namespace "" "v1" "namespaces" Cluster Namespaces;
    NetworkPolicy "networking.k8s.io" "v1" "networkpolicies" Namespaced Policies;
    PersistentVolumeClaim "" "v1" "persistentvolumeclaims" Namespaced Configuration;
    PodDisruptionBudget "policy" "v1" "poddisruptionbudgets" Namespaced Configuration;
    ResourceQuota "" "v1" "resourcequotas" Namespaced Accounts;
    Role "rbac.authorization.k8s.io" "v1" "roles" Namespaced Accounts;
    RoleBinding "rbac.authorization.k8s.io" "v1" "rolebindings" Namespaced Bindings;
    Service "" "v1" "services" Namespaced Configuration;
    ServiceAccount "" "v1" "serviceaccounts" Namespaced Accounts;
    StatefulSet "apps" "v1" "statefulsets" Namespaced Workloads;
    StorageClass "storage.k8s.io" "v1" "storageclasses" Cluster Namespaces;
}

/// A kind is its group and name: one object is served in all versions of its kind.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(_), _) | (_, Self::Other(_)) => {
                (self.as_str(), self.group()) == (other.as_str(), other.group())
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        let name = self.as_str().cmp(other.as_str());
        name.then_with(|| self.group().cmp(other.group()))
    }
}

/// The kinds beyond the table that have occurred. A process meets few, and each is kept to its end, so that a kind
/// stays a small value.
static OTHERS: Mutex<Option<HashMap<String, &'static Resource>>> = Mutex::new(None);

impl Kind {
    /// A CustomResourceDefinition.
    pub const DEFINITION: Self = Self::Other(&Resource {
        group: "apiextensions.k8s.io",
        version: "v1",
        api_version: "apiextensions.k8s.io/v1",
        name: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        is_namespaced: false,
        is_builtin: true,
    });

    /// A PriorityClass.
    pub const PRIORITY_CLASS: Self = Self::Other(&Resource {
        group: "scheduling.k8s.io",
        version: "v1",
        api_version: "scheduling.k8s.io/v1",
        name: "PriorityClass",
        plural: "priorityclasses",
        is_namespaced: false,
        is_builtin: true,
    });

    /// The kind of Kubernetes itself, or of a definition, with these names.
    #[must_use]
    pub fn of_resource(
        group: &str,
        version: &str,
        name: &str,
        plural: &str,
        is_namespaced: bool,
    ) -> Self {
        let mut table = Self::ALL.iter().copied();
        let known = table
            .find(|kind| (kind.as_str(), kind.group(), kind.version()) == (name, group, version));
        known.unwrap_or_else(|| Self::Other(other(group, version, name, plural, is_namespaced)))
    }

    /// Whether Kubernetes itself serves it.
    #[must_use]
    pub const fn is_builtin(self) -> bool {
        match self {
            Self::Other(resource) => resource.is_builtin,
            _ => true,
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The kind of a workload.
    #[must_use]
    pub fn of_workload(workload: &Workload) -> Self {
        let name = workload.kind().name;
        Self::named(name).expect("every kind of workload is in the table of kinds")
    }

    /// The path to the specification of its pods, if it runs pods.
    #[must_use]
    pub const fn pod_path(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::Job => {
                Some(&["spec", "template", "spec"])
            }
            Self::CronJob => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
            Self::Other(resource) => match (resource.group.as_bytes(), resource.name.as_bytes()) {
                (b"", b"Pod") => Some(&["spec"]),
                (b"", b"ReplicationController") | (b"apps", b"ReplicaSet") => {
                    Some(&["spec", "template", "spec"])
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it runs pods.
    #[must_use]
    pub const fn is_workload(self) -> bool {
        self.pod_path().is_some()
    }

    /// Whether an object of the kind holds data, or what does: no switch and no mistake may delete it.
    #[must_use]
    pub const fn holds_data(self) -> bool {
        match self {
            Self::Namespace | Self::PersistentVolumeClaim => true,
            Self::Other(resource) => matches!(
                (resource.group.as_bytes(), resource.name.as_bytes()),
                (b"", b"PersistentVolume" | b"Secret")
                    | (b"apiextensions.k8s.io", b"CustomResourceDefinition")
            ),
            _ => false,
        }
    }

    /// Where the API serves the kind: `/apis/apps/v1`.
    #[must_use]
    pub fn root(self) -> String {
        root(self.group(), self.version())
    }

    /// The path of all objects of the kind, in one namespace or everywhere.
    #[must_use]
    pub fn collection(self, namespace: Option<&str>) -> String {
        let (root, plural) = (self.root(), self.plural());
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }
}

fn other(
    group: &str,
    version: &str,
    name: &str,
    plural: &str,
    is_namespaced: bool,
) -> &'static Resource {
    let api_version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    // A thread that panicked has left whole entries.
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = format!("{api_version}/{name}/{plural}/{is_namespaced}");
    let others = others.get_or_insert_with(HashMap::new);
    others.entry(key).or_insert_with(|| {
        let keep = |text: &str| -> &'static str { Box::leak(text.into()) };
        let api_version = keep(&api_version);
        Box::leak(Box::new(Resource {
            group: keep(group),
            version: keep(version),
            api_version,
            name: keep(name),
            plural: keep(plural),
            is_namespaced,
            is_builtin: schema::is_builtin(api_version, name),
        }))
    })
}

/// Where the API serves a group.
#[must_use]
pub fn root(group: &str, version: &str) -> String {
    match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use erpc_model::WorkloadKind;

    use super::{Kind, Stage};

    #[test]
    fn what_runs_pods_is_written_with_the_workloads() {
        for kind in Kind::ALL {
            let runs_pods = kind.stage() == Stage::Workloads;
            assert_eq!(kind.is_workload(), runs_pods, "{kind}");
        }
    }

    #[test]
    fn every_kind_of_workload_is_in_the_table() {
        for workload in WorkloadKind::ALL {
            let kind = Kind::named(workload.name);
            assert!(kind.is_some_and(Kind::is_workload), "{}", workload.name);
        }
    }
}
