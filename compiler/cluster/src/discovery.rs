//! Every kind that the API server serves, in two requests (aggregated discovery).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::ApiError;
use erpc_emit::root;

/// A kind that the API server serves, in the version that it prefers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// API group, empty for the core.
    pub(crate) group: String,
    /// `v1`.
    pub(crate) version: String,
    /// `Deployment`.
    pub(crate) kind: String,
    /// The resource's name in paths: `deployments`.
    pub(crate) plural: String,
    /// Whether its objects are in namespaces.
    pub(crate) is_namespaced: bool,
    verbs: Vec<String>,
}

impl Resource {
    #[cfg(test)]
    pub(crate) fn new(
        group: &str,
        version: &str,
        kind: &str,
        is_namespaced: bool,
        verbs: &[&str],
    ) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
            is_namespaced,
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        }
    }

    /// The path of all objects, in one namespace or everywhere.
    pub(crate) fn collection(&self, namespace: Option<&str>) -> String {
        let (root, plural) = (root(&self.group, &self.version), &self.plural);
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }

    /// A namespaced kind, for tests.
    #[cfg(test)]
    pub(crate) fn namespaced(group: &str, plural: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: String::new(),
            plural: plural.to_owned(),
            is_namespaced: true,
            verbs: Vec::new(),
        }
    }

    /// Whether this can be done with it.
    pub(crate) fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|can| can == verb)
    }
}

/// What the server serves.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// Each kind once, sorted by group and name.
    pub(crate) resources: Vec<Resource>,
    /// Groups whose own server did not answer lately, so that what is listed may be old.
    pub(crate) stale: Vec<String>,
}

impl Discovery {
    /// Asks the server.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub(crate) async fn read(cluster: &Cluster) -> Result<Self, ApiError> {
        const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
            application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        let ask = |path: &str| cluster.call(Call::get(path).accepting(AGGREGATED));
        let (core, groups) = futures_util::try_join!(ask("/api"), ask("/apis"))?;
        let mut discovery = Self::default();
        for answer in [core.body, groups.body] {
            for group in answer["items"].as_array().into_iter().flatten() {
                discovery.add(group);
            }
        }
        Ok(discovery)
    }

    fn add(&mut self, group: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = text(&group["metadata"]["name"]);
        // The first version that has a resource is the preferred one.
        let mut found: BTreeMap<String, Resource> = BTreeMap::new();
        for version in group["versions"].as_array().into_iter().flatten() {
            if version["freshness"] == "Stale" && !self.stale.contains(&name) {
                self.stale.push(name.clone());
            }
            for resource in version["resources"].as_array().into_iter().flatten() {
                let plural = text(&resource["resource"]);
                found.entry(plural.clone()).or_insert_with(|| Resource {
                    group: name.clone(),
                    version: text(&version["version"]),
                    kind: text(&resource["responseKind"]["kind"]),
                    plural,
                    is_namespaced: resource["scope"] == "Namespaced",
                    verbs: resource["verbs"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(text)
                        .collect(),
                });
            }
        }
        self.resources.extend(found.into_values());
    }
}

#[cfg(test)]
mod tests {
    use super::Discovery;
    use serde_json::json;

    #[test]
    fn each_kind_is_there_once_in_its_preferred_version() {
        let resource = |plural: &str, kind: &str, scope: &str| json!({ "resource": plural, "responseKind": { "kind": kind }, "scope": scope, "verbs": ["get", "list"] });
        let mut discovery = Discovery::default();
        discovery.add(&json!({ "metadata": { "name": "autoscaling" }, "versions": [
            { "version": "v2", "resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "Namespaced")] },
            { "version": "v1", "resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "Namespaced")] },
        ] }));
        discovery.add(&json!({ "metadata": { "name": "x.io" }, "versions": [
            { "version": "v1alpha1", "freshness": "Stale", "resources": [resource("things", "Thing", "Cluster")] },
        ] }));
        let paths: Vec<String> = discovery
            .resources
            .iter()
            .map(|resource| resource.collection(resource.is_namespaced.then_some("n")))
            .collect();
        assert_eq!(
            paths,
            [
                "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers",
                "/apis/x.io/v1alpha1/things",
            ]
        );
        assert_eq!(discovery.stale, ["x.io"]);
        assert!(discovery.resources[0].can("list") && !discovery.resources[0].can("delete"));
    }
}
