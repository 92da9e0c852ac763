//! What the account may list. An account of some namespaces would be refused once for each kind and
//! namespace; it is asked once for each namespace instead.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::call::Call;
use crate::client::Cluster;
use crate::discovery::Resource;
use crate::failure::ApiError;
use crate::permissions::Reach;

/// What may be tried.
pub(super) enum Sight {
    /// Everything; the server says what is refused.
    Everything,
    /// In each namespace, what these rules allow.
    Rules(BTreeMap<String, Vec<Value>>),
}

impl Sight {
    pub(super) async fn query(
        cluster: &Cluster,
        namespaces: &BTreeSet<String>,
    ) -> Result<Self, ApiError> {
        if cluster.reach().await? != Reach::Namespaces {
            return Ok(Self::Everything);
        }
        let mut all = BTreeMap::new();
        for namespace in namespaces {
            let body = json!({
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectRulesReview",
                "spec": { "namespace": namespace },
            });
            let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
            let status = &cluster.call(Call::review(path, &body)).await?.body["status"];
            // An authorizer that cannot list its rules may allow more than these.
            if status["incomplete"] == true {
                return Ok(Self::Everything);
            }
            let rules = status["resourceRules"].as_array().cloned();
            all.insert(namespace.clone(), rules.unwrap_or_default());
        }
        Ok(Self::Rules(all))
    }

    /// Whether one list for the whole cluster may be tried.
    pub(super) fn everywhere(&self, resource: &Resource) -> bool {
        match self {
            Self::Everything => true,
            // The rules of any namespace have those of the whole cluster.
            Self::Rules(all) => {
                !resource.is_namespaced && all.values().flatten().any(|rule| allows(rule, resource))
            }
        }
    }

    /// Whether a list in a namespace may be tried.
    pub(super) fn within(&self, namespace: &str, resource: &Resource) -> bool {
        match self {
            Self::Everything => true,
            Self::Rules(all) => all
                .get(namespace)
                .is_some_and(|rules| rules.iter().any(|rule| allows(rule, resource))),
        }
    }
}

/// Whether a rule allows to list all objects of a kind.
fn allows(rule: &Value, resource: &Resource) -> bool {
    let has = |key: &str, wanted: &str| {
        let mut values = rule[key].as_array().into_iter().flatten();
        values.any(|value| value == "*" || value == wanted)
    };
    let names = rule["resourceNames"].as_array();
    has("verbs", "list")
        && has("apiGroups", &resource.group)
        && has("resources", &resource.plural)
        && names.is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::Sight;
    use crate::discovery::Resource;
    use serde_json::json;

    #[test]
    fn a_rule_with_names_or_for_another_kind_allows_no_list() {
        let rules = vec![
            json!({ "verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"] }),
            json!({ "verbs": ["list"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"] }),
            json!({ "verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"] }),
        ];
        let sight = Sight::Rules([("n".to_owned(), rules)].into());
        let may = |namespace: &str, group: &str, plural: &str| {
            sight.within(namespace, &Resource::namespaced(group, plural))
        };
        assert!(may("n", "", "pods") && may("n", "apps", "deployments"));
        assert!(!may("m", "", "pods") && !may("n", "", "secrets") && !may("n", "batch", "jobs"));
    }
}
