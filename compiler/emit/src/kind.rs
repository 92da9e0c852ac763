//! The kinds of object that a platform is made of, and where the API serves each. Everything that is the same for
//! all objects of a kind is in this table.

use std::fmt;

use erpc_model::Workload;

macro_rules! kinds {
    ($($name:ident $group:literal $version:literal $plural:literal $scope:ident;)*) => {
        /// A kind that erpc applies, in the order of their names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(
                #[doc = concat!("A ", stringify!($name), ".")]
                $name,
            )*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As Kubernetes writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The API group, empty for the core.
            #[must_use]
            pub const fn group(self) -> &'static str {
                match self { $(Self::$name => $group,)* }
            }

            /// The version that is emitted.
            #[must_use]
            pub const fn version(self) -> &'static str {
                match self { $(Self::$name => $version,)* }
            }

            /// The group and version as objects name them: `apps/v1`, `v1`.
            #[must_use]
            pub const fn api_version(self) -> &'static str {
                match self {
                    $(Self::$name => match $group.as_bytes() {
                        [] => $version,
                        _ => concat!($group, "/", $version),
                    },)*
                }
            }

            /// The resource's name in paths and in RBAC rules.
            #[must_use]
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$name => $plural,)* }
            }

            /// Whether its objects are in a namespace.
            #[must_use]
            pub const fn is_namespaced(self) -> bool {
                match self { $(Self::$name => scope!($scope),)* }
            }
        }
    };
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
    ClusterRole "rbac.authorization.k8s.io" "v1" "clusterroles" Cluster;
    ClusterRoleBinding "rbac.authorization.k8s.io" "v1" "clusterrolebindings" Cluster;
    ConfigMap "" "v1" "configmaps" Namespaced;
    CronJob "batch" "v1" "cronjobs" Namespaced;
    DaemonSet "apps" "v1" "daemonsets" Namespaced;
    Deployment "apps" "v1" "deployments" Namespaced;
    HorizontalPodAutoscaler "autoscaling" "v2" "horizontalpodautoscalers" Namespaced;
    Ingress "networking.k8s.io" "v1" "ingresses" Namespaced;
    IngressClass "networking.k8s.io" "v1" "ingressclasses" Cluster;
    Job "batch" "v1" "jobs" Namespaced;
    LimitRange "" "v1" "limitranges" Namespaced;
    Namespace "" "v1" "namespaces" Cluster;
    NetworkPolicy "networking.k8s.io" "v1" "networkpolicies" Namespaced;
    PersistentVolumeClaim "" "v1" "persistentvolumeclaims" Namespaced;
    PodDisruptionBudget "policy" "v1" "poddisruptionbudgets" Namespaced;
    ResourceQuota "" "v1" "resourcequotas" Namespaced;
    Role "rbac.authorization.k8s.io" "v1" "roles" Namespaced;
    RoleBinding "rbac.authorization.k8s.io" "v1" "rolebindings" Namespaced;
    Service "" "v1" "services" Namespaced;
    ServiceAccount "" "v1" "serviceaccounts" Namespaced;
    StatefulSet "apps" "v1" "statefulsets" Namespaced;
    StorageClass "storage.k8s.io" "v1" "storageclasses" Cluster;
}

impl Kind {
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
        matches!(self, Self::Namespace | Self::PersistentVolumeClaim)
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

    use super::Kind;

    #[test]
    fn every_kind_of_workload_is_in_the_table() {
        for workload in WorkloadKind::ALL {
            let kind = Kind::named(workload.name);
            assert!(kind.is_some_and(Kind::is_workload), "{}", workload.name);
        }
    }
}
