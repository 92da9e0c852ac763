//! The fields of a live object that the source does not declare and that are neither a default of
//! the API server nor a known controller's (`known.rs`): what others added.
//!
//! The declared object, the live one and our own entry in `managedFields` are walked together; the
//! entry tells which lists have keys, so that no schema is needed. What is declared and differs is
//! not an addition: a dry run of the server judges it.

use serde_json::{Map, Value};

use crate::client::Cluster;
use crate::diff::SERVERS_METADATA;
use crate::dry_run::new_body;
use crate::failure::{ApiError, Failure};
use crate::known::{By, Known, Node, Table, Usual};
use crate::managed::{Owner, owners};
use crate::manager::FieldManager;
use crate::path::{FieldPath, Segment, plain};
use crate::permissions::Right;
use crate::program::Desired;
use crate::severity::Severity;
use erpc_emit::Kind;

/// A field that others added to a declared object.
#[derive(Clone, Debug, PartialEq)]
pub struct Addition {
    /// The field. Of something that is added as a whole, the topmost field.
    pub path: FieldPath,
    /// What it is.
    pub value: Value,
    /// The default that it would be otherwise.
    pub usual: Option<Value>,
    /// Who wrote it, the latest first; empty if no manager owns it.
    pub owners: Vec<Owner>,
    /// What it means.
    pub severity: Severity,
}

/// Maps whose keys are reported one by one, even if the source declares none of them.
const KEYED: [&str; 5] = ["annotations", "binaryData", "data", "finalizers", "labels"];

/// What others added to a live object.
#[must_use]
pub fn additions(
    manager: &FieldManager,
    kind: Kind,
    desired: &Value,
    live: &Value,
    table: &Table,
) -> Vec<Addition> {
    let (Value::Object(root), Value::Object(declared)) = (live, desired) else {
        return Vec::new();
    };
    let fields = manager.entry(live).map(|entry| &entry["fieldsV1"]);
    let mut walk = Walk {
        manager,
        kind,
        live,
        path: FieldPath::default(),
        found: Vec::new(),
    };
    walk.map(root, live, Some(declared), fields, table.root(kind));
    walk.found
}

struct Walk<'l> {
    manager: &'l FieldManager,
    kind: Kind,
    live: &'l Value,
    path: FieldPath,
    found: Vec<Addition>,
}

impl Walk<'_> {
    fn map(
        &mut self,
        live: &Map<String, Value>,
        beside: &Value,
        desired: Option<&Map<String, Value>>,
        fields: Option<&Value>,
        node: Option<&Node>,
    ) {
        for (name, value) in live {
            if value.is_null() || self.is_servers(name) {
                continue;
            }
            let segment = Segment::Field(name.clone());
            let node = node.and_then(|node| node.step(&segment));
            self.path.push(segment);
            match desired.and_then(|desired| desired.get(name)) {
                Some(desired) => {
                    let fields = fields.and_then(|fields| fields.get(format!("f:{name}")));
                    self.declared(value, desired, fields, node);
                }
                None => self.undeclared(value, beside, node),
            }
            self.path.pop();
        }
    }

    /// Whether the server keeps a field of the object, which the source does not declare.
    fn is_servers(&self, name: &str) -> bool {
        match self.path.segments() {
            [] => matches!(name, "apiVersion" | "kind" | "status"),
            [Segment::Field(parent)] if parent == "metadata" => {
                SERVERS_METADATA.contains(&name) || matches!(name, "name" | "namespace")
            }
            _ => false,
        }
    }

    fn declared(
        &mut self,
        live: &Value,
        desired: &Value,
        fields: Option<&Value>,
        node: Option<&Node>,
    ) {
        match (live, desired) {
            (Value::Object(map), Value::Object(declared)) => {
                let is_leaf = fields.and_then(Value::as_object).is_some_and(Map::is_empty);
                // What is owned as a whole is compared as a whole. Of a map that is declared
                // without fields, the map itself is owned, and not what others put into it.
                if !is_leaf || declared.is_empty() {
                    self.map(map, live, Some(declared), fields, node);
                }
            }
            (Value::Array(items), Value::Array(declared)) => {
                if let Some(Value::Object(fields)) = fields {
                    self.list(items, declared, fields, node);
                }
            }
            _ => {}
        }
    }

    /// The items of a list with keys, or the members of a set.
    fn list(
        &mut self,
        live: &[Value],
        desired: &[Value],
        fields: &Map<String, Value>,
        node: Option<&Node>,
    ) {
        let Some(schema) = fields.keys().find(|key| *key != ".") else {
            return;
        };
        let names: Option<Map<String, Value>> = schema
            .strip_prefix("k:")
            .and_then(|keys| serde_json::from_str(keys).ok());
        let key_of = |item: &Value| match &names {
            // The text of an entry's key has the names in their order, as a map has them here.
            Some(names) => {
                let keys = names.keys().map(|name| (name.clone(), item[name].clone()));
                format!("k:{}", Value::Object(keys.collect()))
            }
            None => format!("v:{item}"),
        };
        let declared: std::collections::HashMap<String, &Value> =
            desired.iter().map(|item| (key_of(item), item)).collect();
        for item in live {
            let key = key_of(item);
            let segment = match &names {
                Some(names) => {
                    let keys = names.keys().map(|name| (name.clone(), plain(&item[name])));
                    Segment::Item(keys.collect())
                }
                None => Segment::Member(plain(item)),
            };
            let node = node.and_then(|node| node.step(&segment));
            self.path.push(segment);
            match (fields.get(&key), declared.get(&key)) {
                (Some(fields), Some(desired)) => self.declared(item, desired, Some(fields), node),
                // We own it and the source has it no more: it goes with the next apply.
                (Some(_), None) => {}
                (None, _) => self.undeclared(item, &Value::Null, node),
            }
            self.path.pop();
        }
    }

    fn undeclared(&mut self, value: &Value, beside: &Value, node: Option<&Node>) {
        let row = node.and_then(Node::row);
        if row.is_some_and(|row| self.is_known(row, value, beside)) {
            return;
        }
        let last = self.path.segments().last().and_then(Segment::as_field);
        let is_looked_into = row.is_some_and(|row| row.value == Usual::Map)
            || last.is_some_and(|name| KEYED.contains(&name));
        match value {
            Value::Object(map) if map.is_empty() => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(map) if is_looked_into => self.map(map, value, None, None, node),
            Value::Array(items) if is_looked_into => {
                for item in items {
                    let member = Segment::Member(plain(item));
                    let node = node.and_then(|node| node.step(&member));
                    self.path.push(member);
                    self.undeclared(item, value, node);
                    self.path.pop();
                }
            }
            value => self.found.push(Addition {
                owners: owners(self.manager, self.live, &self.path),
                severity: Severity::of_field(self.kind, &self.path, Some(value)),
                path: self.path.clone(),
                value: value.clone(),
                usual: row.and_then(|row| row.value.fixed()),
            }),
        }
    }

    fn is_known(&self, row: &Known, value: &Value, beside: &Value) -> bool {
        let name = self.live["metadata"]["name"].as_str().unwrap_or_default();
        if !row.value.is(value, beside, name) {
            return false;
        }
        if row.value != Usual::Chosen {
            // Written out by another, a default is a default still.
            return true;
        }
        match row.by {
            By::Anyone => true,
            By::Server => owners(self.manager, self.live, &self.path).is_empty(),
            By::Controller(managers) => owners(self.manager, self.live, &self.path)
                .iter()
                .all(|owner| managers.contains(&owner.manager.as_str())),
        }
    }
}

/// Leaves out what this server gives to every new object of this sort: a default that the table does
/// not have, or what an admission webhook adds. Only what no manager owns can be such.
///
/// # Errors
///
/// No answer from the server. If it refuses the question, all is kept.
pub(crate) async fn without_defaults(
    cluster: &Cluster,
    desired: &Desired,
    found: Vec<Addition>,
) -> Result<Vec<Addition>, Failure> {
    if found.iter().all(|addition| !addition.owners.is_empty()) {
        return Ok(found);
    }
    let namespace = desired.id.namespace.as_deref();
    let create = Right::of_kind(namespace, desired.id.kind, "create");
    if !cluster.missing(&[create]).await?.is_empty() {
        // Without the dry run of a new object its defaults are unknown: what no manager owns may be one.
        let is_owned = |addition: &Addition| !addition.owners.is_empty();
        return Ok(found.into_iter().filter(is_owned).collect());
    }
    let fresh = match new_body(cluster, desired).await {
        Ok(answer) => answer.body,
        Err(ApiError::Refused(_)) => return Ok(found),
        Err(error) => return Err(error.into()),
    };
    let is_given = |addition: &Addition| {
        addition.owners.is_empty() && addition.path.get(&fresh) == Some(&addition.value)
    };
    Ok(found.into_iter().filter(|one| !is_given(one)).collect())
}

#[cfg(test)]
mod tests {
    use super::additions;
    use crate::known::Table;
    use crate::manager::FieldManager;
    use erpc_emit::Kind;
    use serde_json::{Value, json};

    fn desired() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "a", "namespace": "n", "labels": { "x": "1" } },
            "spec": { "template": { "spec": {
                "containers": [{ "name": "a", "image": "x:1" }],
                "volumes": [{ "name": "tmp", "emptyDir": {} }],
            } } },
        })
    }

    /// As the server keeps it, with its defaults.
    fn live() -> Value {
        let mut live = desired();
        live["metadata"]["uid"] = json!("u");
        live["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "1" });
        live["spec"]["replicas"] = json!(1);
        let pod = &mut live["spec"]["template"]["spec"];
        pod["dnsPolicy"] = json!("ClusterFirst");
        pod["securityContext"] = json!({});
        pod["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
        live["metadata"]["managedFields"] = json!([
            { "manager": "erpc:p", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": {
                "f:metadata": { "f:labels": { "f:x": {} } },
                "f:spec": { "f:template": { "f:spec": {
                    "f:containers": { "k:{\"name\":\"a\"}": { ".": {}, "f:name": {}, "f:image": {} } },
                    "f:volumes": { "k:{\"name\":\"tmp\"}": { ".": {}, "f:name": {}, "f:emptyDir": {} } },
                } } },
            } },
            { "manager": "kube-controller-manager", "operation": "Update", "time": "1", "subresource": "status", "fieldsV1": {
                "f:metadata": { "f:annotations": { ".": {}, "f:deployment.kubernetes.io/revision": {} } },
            } },
        ]);
        live
    }

    fn found(live: &Value) -> Vec<String> {
        additions(
            &FieldManager::of("p"),
            Kind::Deployment,
            &desired(),
            live,
            Table::whole(),
        )
        .iter()
        .map(|one| {
            let by: Vec<String> = one.owners.iter().map(ToString::to_string).collect();
            format!(
                "{} {} [{}] {}",
                one.path,
                one.value,
                by.join(", "),
                one.severity.as_str()
            )
        })
        .collect()
    }

    #[test]
    fn defaults_and_known_controllers_are_no_additions() {
        assert_eq!(found(&live()), [""; 0]);
    }

    #[test]
    fn what_others_add_is_found_at_its_topmost_field() {
        let mut live = live();
        live["metadata"]["labels"]["a.b/c"] = json!("2");
        live["metadata"]["annotations"]["d.e/f"] = json!("3");
        live["metadata"]["finalizers"] = json!(["x.y/z"]);
        let pod = &mut live["spec"]["template"]["spec"];
        pod["hostNetwork"] = json!(true);
        pod["containers"][0]["env"] = json!([{ "name": "A", "value": "1" }]);
        let containers = pod["containers"].as_array_mut().expect("a list");
        containers
            .push(json!({ "name": "b", "image": "y", "securityContext": { "privileged": true } }));
        pod["volumes"][0]["emptyDir"] = json!({ "medium": "Memory" });
        pod["securityContext"] = json!({ "runAsUser": 0 });
        let entries = live["metadata"]["managedFields"]
            .as_array_mut()
            .expect("a list");
        entries.push(
            json!({ "manager": "kubectl-patch", "operation": "Update", "time": "2", "fieldsV1": {
            "f:spec": { "f:template": { "f:spec": { "f:hostNetwork": {}, "f:containers": {
                "k:{\"name\":\"b\"}": { ".": {}, "f:name": {}, "f:image": {} } } } } },
        } }),
        );
        let mut found = found(&live);
        found.sort();
        assert_eq!(
            found,
            [
                "metadata.annotations[d.e/f] \"3\" [] other",
                "metadata.finalizers[x.y/z] \"x.y/z\" [] other",
                "metadata.labels[a.b/c] \"2\" [] other",
                "spec.template.spec.containers[a].env [{\"name\":\"A\",\"value\":\"1\"}] [] other",
                "spec.template.spec.containers[b] {\"image\":\"y\",\"name\":\"b\",\"securityContext\":{\"privileged\":true}} [kubectl-patch at 2] changes-security-context",
                "spec.template.spec.hostNetwork true [kubectl-patch at 2] opens-network",
                "spec.template.spec.securityContext.runAsUser 0 [] changes-security-context",
                "spec.template.spec.volumes[tmp].emptyDir.medium \"Memory\" [] other",
            ]
        );
    }

    #[test]
    fn a_default_with_another_value_and_a_mark_of_another_writer_are_found() {
        let mut live = live();
        live["spec"]["template"]["spec"]["dnsPolicy"] = json!("Default");
        live["metadata"]["managedFields"][1]["manager"] = json!("kubectl-edit");
        let mut found = found(&live);
        found.sort();
        assert_eq!(
            found,
            [
                "metadata.annotations[deployment.kubernetes.io/revision] \"1\" [kubectl-edit at 1] other",
                "spec.template.spec.dnsPolicy \"Default\" [] other",
            ]
        );
    }
}
