//! What outside of the platform's namespaces refers to its accounts, Services and classes.

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::own::Own;
use super::{IN_FLIGHT, permitted, writers};
use crate::client::Cluster;
use crate::discovery::{Discovery, Resource};
use crate::drift::{Difference, Drift};
use crate::failure::{ApiError, Failure};
use crate::object::{MANAGED_BY, ObjectId};
use crate::path::plain;
use crate::severity::Severity;
use erpc_emit::Kind;

/// The kinds that can refer to something of the platform from elsewhere.
const REFERRING: [(&str, &str); 7] = [
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    ("apiregistration.k8s.io", "apiservices"),
    ("networking.k8s.io", "ingresses"),
    ("", "persistentvolumeclaims"),
];

impl Own<'_> {
    /// All such objects, and what may not be read.
    pub(super) async fn references(
        &self,
        cluster: &Cluster,
        discovery: &Discovery,
    ) -> Result<(Vec<Drift>, Vec<String>), Failure> {
        let resources = discovery
            .resources
            .iter()
            .filter(|resource| self.may_refer(resource));
        let mut lists = stream::iter(resources)
            .map(|resource| async move {
                if !self.sight.everywhere(resource) {
                    return (resource, Ok(None));
                }
                let of = |object: Value| self.reference(resource, &object);
                let path = resource.collection(None);
                (resource, permitted(cluster.list_as(&path, "", of).await))
            })
            .buffered(IN_FLIGHT);
        let (mut found, mut forbidden) = (Vec::new(), Vec::new());
        while let Some((resource, listed)) = lists.next().await {
            match listed {
                Ok(Some(drifts)) => found.extend(drifts.into_iter().flatten()),
                Ok(None) | Err(ApiError::Refused(_)) => forbidden.push(resource.plural.as_str()),
                Err(error) => return Err(error.into()),
            }
        }
        let mut unchecked = Vec::new();
        if !forbidden.is_empty() {
            unchecked.push(format!(
                "this account may not list {} in the whole cluster: whether they refer to the platform is not checked",
                forbidden.join(", ")
            ));
        }
        Ok((found, unchecked))
    }

    fn may_refer(&self, resource: &Resource) -> bool {
        let name = (resource.group.as_str(), resource.plural.as_str());
        if !resource.can("list") {
            return false;
        }
        match name {
            // They can name a class only, from elsewhere.
            (_, "ingresses") => REFERRING.contains(&name) && self.has_kind(Kind::IngressClass),
            (_, "persistentvolumeclaims") => self.has_kind(Kind::StorageClass),
            ("gateway.networking.k8s.io", _) => super::why::is_route(&resource.kind),
            name => REFERRING.contains(&name),
        }
    }

    fn has_kind(&self, kind: Kind) -> bool {
        self.program
            .objects
            .iter()
            .any(|object| object.id.kind == kind)
    }

    fn is_class(&self, kind: Kind, name: &Value) -> bool {
        let Some(name) = name.as_str() else {
            return false;
        };
        let id = ObjectId {
            namespace: None,
            kind,
            name: name.into(),
        };
        self.program.object(&id).is_some()
    }

    /// What an object refers to, if it is the platform's and the object is not.
    fn reference(&self, resource: &Resource, object: &Value) -> Option<Drift> {
        let metadata = &object["metadata"];
        let namespace = metadata["namespace"].as_str();
        // In the platform's own namespaces all is looked at anyway.
        if namespace.is_some_and(|namespace| self.namespaces.contains(namespace)) {
            return None;
        }
        if let Some(kind) = self.program.kind(&resource.group, &resource.kind)
            && self.program.object(&ObjectId::of(kind, object)).is_some()
        {
            return None;
        }
        let (why, severity) = match resource.kind.as_str() {
            "ClusterRoleBinding" | "RoleBinding" => {
                let mut subjects = object["subjects"].as_array().into_iter().flatten();
                let is_ours = subjects.any(|subject| self.is_account(subject, namespace));
                let is_of_erpc = metadata["name"]
                    == crate::state::name(self.program.name()).as_str()
                    && metadata["labels"][MANAGED_BY] == "erpc";
                if !is_ours || is_of_erpc {
                    return None;
                }
                (self.of_binding(object), Severity::ChangesPermissions)
            }
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
                let mut hooks = object["webhooks"].as_array().into_iter().flatten();
                let to = hooks.find_map(|hook| self.service(&hook["clientConfig"]["service"]))?;
                (
                    format!("the API server calls the Service {to}"),
                    Severity::Other,
                )
            }
            "APIService" => {
                let to = self.service(&object["spec"]["service"])?;
                (
                    format!("the API server sends requests to the Service {to}"),
                    Severity::Other,
                )
            }
            "Ingress" => {
                let class = &object["spec"]["ingressClassName"];
                if !self.is_class(Kind::IngressClass, class) {
                    return None;
                }
                (
                    format!("it uses the IngressClass {}", plain(class)),
                    Severity::Other,
                )
            }
            "PersistentVolumeClaim" => {
                let class = &object["spec"]["storageClassName"];
                if !self.is_class(Kind::StorageClass, class) {
                    return None;
                }
                (
                    format!("it uses the StorageClass {}", plain(class)),
                    Severity::Other,
                )
            }
            _ => {
                let rules = object["spec"]["rules"].as_array().into_iter().flatten();
                let mut backends =
                    rules.flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten());
                let to = backends.find_map(|backend| self.service(backend))?;
                (
                    format!("it routes traffic to the Service {to}"),
                    Severity::OpensNetwork,
                )
            }
        };
        let name = plain(&metadata["name"]);
        let place =
            namespace.map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
        Some(Drift {
            severity,
            source: None,
            by: writers(object),
            what: Difference::Unmanaged {
                object: format!("{} {place}", resource.kind),
                why,
            },
        })
    }

    /// Whether a subject of a binding is an account of the platform, or all of them.
    fn is_account(&self, subject: &Value, namespace: Option<&str>) -> bool {
        let name = subject["name"].as_str().unwrap_or_default();
        let of = match subject["kind"].as_str() {
            Some("ServiceAccount") => subject["namespace"].as_str().or(namespace),
            Some("Group") => name.strip_prefix("system:serviceaccounts:"),
            Some("User") => name
                .strip_prefix("system:serviceaccount:")
                .and_then(|rest| rest.split(':').next()),
            _ => None,
        };
        of.is_some_and(|of| self.namespaces.contains(of))
    }

    /// `shop/api`, if a reference to a Service is to one of the platform's namespaces.
    fn service(&self, reference: &Value) -> Option<String> {
        let namespace = reference["namespace"].as_str()?;
        let name = reference["name"].as_str()?;
        self.namespaces
            .contains(namespace)
            .then(|| format!("{namespace}/{name}"))
    }
}
