//! What the account that asks may do, as the API server's own authorizers say it.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::mutex::held;
use crate::object::ObjectId;
use crate::permissions::{Reach, Right, Rules, covers};

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

/// How many reviews are under way at once.
const AT_ONCE: usize = 16;

impl Cluster {
    /// Whether this account may apply an object, so that it may ask for dry runs. One that is not there
    /// takes the permission to create it, too.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn may_apply(&self, id: &ObjectId, is_new: bool) -> Result<bool, ApiError> {
        if self.reach().await? == Reach::All {
            return Ok(true);
        }
        let right = Right {
            namespace: id.namespace.as_ref().map(ToString::to_string),
            group: id.kind.group().to_owned(),
            resource: id.kind.plural().to_owned(),
            names: vec![id.name.to_string()],
            verbs: if is_new {
                vec!["create", "patch"]
            } else {
                vec!["patch"]
            },
        };
        Ok(self.missing(&[right]).await?.is_empty())
    }

    /// Those of these permissions that this account lacks, one for each verb. Its rules in a namespace
    /// are read once; only what they leave open is asked.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn missing(&self, wanted: &[Right]) -> Result<Vec<Right>, ApiError> {
        if self.reach().await? == Reach::All {
            return Ok(Vec::new());
        }
        let (mut open, mut missing) = (Vec::new(), Vec::new());
        for right in wanted {
            let known = match &right.namespace {
                Some(namespace) => self.rules(namespace).await?,
                None => Arc::default(),
            };
            for verb in &right.verbs {
                let one = Right {
                    verbs: vec![*verb],
                    ..right.clone()
                };
                match covers(&known.rules, &one) {
                    true => {}
                    false if known.are_complete => missing.push(one),
                    false => open.push(one),
                }
            }
        }
        let mut answers = stream::iter(open)
            .map(|right| async move {
                let is_allowed = self.may_all(&right).await;
                (right, is_allowed)
            })
            .buffered(AT_ONCE);
        while let Some((right, is_allowed)) = answers.next().await {
            if !is_allowed? {
                missing.push(right);
            }
        }
        Ok(missing)
    }

    /// Refuses before the first write what this account may not do.
    ///
    /// # Errors
    ///
    /// The permissions that are missing; the cluster's.
    pub(crate) async fn require(&self, wanted: &[Right]) -> Result<(), Failure> {
        const SHOWN: usize = 8;
        let missing = self.missing(wanted).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut shown: Vec<String> = missing
            .iter()
            .take(SHOWN)
            .map(ToString::to_string)
            .collect();
        if missing.len() > SHOWN {
            shown.push(format!("{} more", missing.len() - SHOWN));
        }
        Err(Failure::new(format!(
            "nothing was written: this account may not {}",
            shown.join("; ")
        ))
        .help(
            "have an administrator apply what `erpc rbac` prints, which also makes the namespaces",
        ))
    }

    /// The rules of this account in a namespace.
    async fn rules(&self, namespace: &str) -> Result<Arc<Rules>, ApiError> {
        let known = held(&self.rules).get(namespace).cloned();
        if let Some(rules) = known {
            return Ok(rules);
        }
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": { "namespace": namespace },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
        let mut answer = self.call(Call::review(path, &body)).await?.body;
        let are_complete = answer["status"]["incomplete"] == false;
        let rules = match answer["status"]["resourceRules"].take() {
            Value::Array(rules) => rules,
            _ => Vec::new(),
        };
        let rules = Arc::new(Rules {
            rules,
            are_complete,
        });
        held(&self.rules).insert(namespace.to_owned(), Arc::clone(&rules));
        Ok(rules)
    }

    /// Whether this account may do one verb to all that a permission names.
    async fn may_all(&self, right: &Right) -> Result<bool, ApiError> {
        if right.names.len() < 2 {
            return self.may(right).await;
        }
        let unnamed = Right {
            names: Vec::new(),
            ..right.clone()
        };
        if self.may(&unnamed).await? {
            return Ok(true);
        }
        for name in &right.names {
            let named = Right {
                names: vec![name.clone()],
                ..right.clone()
            };
            if !self.may(&named).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
