//! One Kubernetes object of any kind that a platform is made of.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Serialize, Serializer};

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// A Kubernetes object.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(
                #[doc = concat!("A ", stringify!($kind), ".")]
                $kind(Box<$kind>),
            )*
        }

        $(
            impl From<$kind> for Object {
                fn from(object: $kind) -> Self {
                    Self::$kind(Box::new(object))
                }
            }
        )*

        impl Object {
            /// Its kind as Kubernetes writes it.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($kind),)*
                }
            }

            /// What it is called and how it is labelled.
            #[must_use]
            pub fn metadata(&self) -> &ObjectMeta {
                match self {
                    $(Self::$kind(object) => &object.metadata,)*
                }
            }

            /// The object of the same kind that a JSON value describes.
            ///
            /// # Errors
            ///
            /// What is wrong with the value, as serde says it.
            pub fn like(&self, value: serde_json::Value) -> Result<Self, serde_json::Error> {
                Ok(match self {
                    $(Self::$kind(_) => Self::$kind(Box::new(serde_json::from_value(value)?)),)*
                })
            }
        }

        impl Serialize for Object {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$kind(object) => object.serialize(serializer),)*
                }
            }
        }
    };
}

kinds! {
    ClusterRole ClusterRoleBinding ConfigMap CronJob Deployment HorizontalPodAutoscaler Ingress
    IngressClass Job LimitRange Namespace NetworkPolicy PersistentVolumeClaim PodDisruptionBudget
    ResourceQuota Role RoleBinding Service ServiceAccount StatefulSet StorageClass
}

impl Object {
    /// Its name; every object has one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Its namespace, where it is in one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.metadata().namespace.as_deref()
    }
}
