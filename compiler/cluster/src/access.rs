//! What the account that asks may do, as the API server's own authorizers see it. Answers to reviews are
//! the only source: rules are not interpreted where the server can be asked.

use serde_json::json;

use crate::client::Cluster;
use crate::failure::ApiError;
use crate::rbac::Right;
use crate::request::Call;

/// How much of a cluster an account may see at once. It is asked once: an account of one namespace
/// would be refused once for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It may do everything.
    All,
    /// It may list pods in the whole cluster, and so perhaps other kinds.
    Pods,
    /// What is in namespaces it may see in some of them at most.
    Namespaces,
}

impl Cluster {
    /// Whether one list for the whole cluster may be tried instead of one for each namespace.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn lists_everywhere(&self) -> Result<bool, ApiError> {
        Ok(self.reach().await? != Reach::Namespaces)
    }

    /// How much this account may see.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn reach(&self) -> Result<Reach, ApiError> {
        let everywhere = |verb, group: &str, resource: &str| Right {
            namespace: None,
            group: group.to_owned(),
            resource: resource.to_owned(),
            names: Vec::new(),
            verbs: vec![verb],
        };
        let ask = || async {
            if self.may(&everywhere("*", "*", "*")).await? {
                Ok(Reach::All)
            } else if self.may(&everywhere("list", "", "pods")).await? {
                Ok(Reach::Pods)
            } else {
                Ok(Reach::Namespaces)
            }
        };
        self.reach.get_or_try_init(ask).await.copied()
    }

    /// Whether this account may do the first verb of a right to the first of its names.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn may(&self, right: &Right) -> Result<bool, ApiError> {
        let (resource, subresource) = right
            .resource
            .split_once('/')
            .unwrap_or((right.resource.as_str(), ""));
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": right.namespace.as_deref().unwrap_or_default(),
                "verb": right.verbs.first(),
                "group": right.group,
                "resource": resource,
                "subresource": subresource,
                "name": right.names.first().map_or("", String::as_str),
            } },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = self.call(Call::review(path, &body)).await?;
        Ok(answer.body["status"]["allowed"] == true)
    }
}
