//! `--take-from`: whose fields an apply takes over, and where. What such a manager added besides is
//! handed to our entry in `managedFields`, so that the apply that follows, which does not have it,
//! removes it in the same write as all else.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::additions::Addition;
use crate::managed::is_step;
use crate::manager::{FieldManager, merged};
use crate::object::ObjectId;
use crate::path::{FieldPath, Segment};
use erpc_emit::Kind;

/// No field is ever taken from these: they would take it back, and the two would fight.
pub(crate) const CONTROLLERS: [&str; 5] = [
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "horizontal-pod-autoscaler",
    "vpa",
];

/// `MANAGER`, or `MANAGER=OBJECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// The field manager.
    pub manager: String,
    /// The objects whose fields are taken; all by default.
    pub of: Scope,
}

/// Which objects are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    kind: Option<Kind>,
    namespace: Option<String>,
    name: Option<String>,
}

impl FromStr for Scope {
    type Err = String;

    /// `NAMESPACE`, `NAMESPACE/NAME`, `KIND/NAMESPACE/NAME`, or `KIND/NAME` of an object without a
    /// namespace. Kinds begin with a capital letter, and nothing else does.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts: Vec<&str> = text.split('/').collect();
        let mut scope = Self::default();
        let is_kind = |part: &str| part.starts_with(|first: char| first.is_ascii_uppercase());
        if let Some(kind) = parts.first().copied().filter(|part| is_kind(part)) {
            let known = Kind::named(kind).ok_or_else(|| unknown_kind(kind))?;
            scope.kind = Some(known);
            parts.remove(0);
            if parts.is_empty() {
                return Err(format!(
                    "expected {kind}/NAME or {kind}/NAMESPACE/NAME, found {text}"
                ));
            }
            if !known.is_namespaced() {
                parts.insert(0, "");
            }
        }
        let (namespace, name) = match parts.as_slice() {
            [namespace] => (*namespace, None),
            [namespace, name] => (*namespace, Some(*name)),
            _ => {
                return Err(format!(
                    "expected NAMESPACE, NAMESPACE/NAME or KIND/NAMESPACE/NAME, found {text}"
                ));
            }
        };
        if text.ends_with('/') || namespace.is_empty() && scope.kind.is_none() {
            return Err(format!("expected a name, found {text}"));
        }
        scope.namespace = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
        scope.name = name.map(str::to_owned);
        Ok(scope)
    }
}

fn unknown_kind(kind: &str) -> String {
    let is_near = |known: &&Kind| known.as_str().eq_ignore_ascii_case(kind);
    match Kind::ALL.iter().find(is_near) {
        Some(near) => format!("unknown kind {kind}: did you mean {near}?"),
        None => format!("unknown kind {kind}"),
    }
}

impl Scope {
    /// Whether an object is meant.
    #[must_use]
    pub fn covers(&self, id: &ObjectId) -> bool {
        let is_namespace = match &self.namespace {
            // A namespace is meant with what is in it.
            Some(namespace) => {
                id.namespace.as_deref() == Some(namespace)
                    || self.name.is_none() && id.kind == Kind::Namespace && id.name == *namespace
            }
            None => self.name.is_none() || id.namespace.is_none(),
        };
        is_namespace
            && self.kind.is_none_or(|kind| kind == id.kind)
            && self.name.as_ref().is_none_or(|name| id.name == *name)
    }

    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.map(Kind::as_str);
        let parts = [kind, self.namespace.as_deref(), self.name.as_deref()];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join("/"))
    }
}

impl FromStr for Taking {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (manager, of) = match text.rsplit_once('=') {
            Some((manager, of)) => (manager, of.parse()?),
            None => (text, Scope::default()),
        };
        if manager.is_empty() {
            return Err("expected a field manager, found nothing".to_owned());
        }
        if CONTROLLERS.contains(&manager) {
            return Err(format!(
                "nothing is taken from {manager}: it would write the fields again"
            ));
        }
        Ok(Self {
            manager: manager.to_owned(),
            of,
        })
    }
}

impl fmt::Display for Taking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of.is_all() {
            true => f.write_str(&self.manager),
            false => write!(f, "{}={}", self.manager, self.of),
        }
    }
}

/// Whether the user said that the fields of this manager may be taken of this object.
pub(crate) fn may_take(takings: &[Taking], id: &ObjectId, manager: &str) -> bool {
    let mut takings = takings.iter();
    !CONTROLLERS.contains(&manager)
        && takings.any(|taking| taking.manager == manager && taking.of.covers(id))
}

/// Whether an addition goes: all that own it must be taken from.
pub(crate) fn takes(takings: &[Taking], id: &ObjectId, addition: &Addition) -> bool {
    let mut owners = addition.owners.iter();
    !addition.owners.is_empty() && owners.all(|owner| may_take(takings, id, &owner.manager))
}

/// The entries of a live object in which we own these fields instead of whoever added them.
pub(crate) fn handed_over(
    manager: &FieldManager,
    live: &Value,
    paths: &[FieldPath],
) -> Option<Value> {
    let own = manager.entry(live)?;
    let mut fields = own["fieldsV1"].clone();
    let mut entries = Vec::new();
    let all = live["metadata"]["managedFields"].as_array()?;
    for entry in all.iter().filter(|entry| *entry != own) {
        let mut entry = entry.clone();
        let is_ours = manager.is_of(live, &entry);
        let is_controllers = entry["manager"]
            .as_str()
            .is_some_and(|name| CONTROLLERS.contains(&name));
        if !is_ours && !is_controllers {
            for path in paths {
                if let Some(taken) = split(&mut entry["fieldsV1"], live, path.segments()) {
                    fields = merged(&fields, &taken);
                }
            }
        }
        if entry["fieldsV1"]
            .as_object()
            .is_none_or(|fields| !fields.is_empty())
        {
            entries.push(entry);
        }
    }
    let mut own = own.clone();
    own["fieldsV1"] = fields;
    entries.push(own);
    Some(json!(entries))
}

/// Takes a field with all that is below it out of a tree of fields; what is left has none that is
/// empty, which would mean the whole value.
fn split(fields: &mut Value, live: &Value, path: &[Segment]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    let map = fields.as_object_mut()?;
    let key = map.keys().find(|key| is_step(key, first, live))?.clone();
    if rest.is_empty() {
        return map.remove(&key).map(|below| json!({ key: below }));
    }
    let below = map.get_mut(&key)?;
    if below.as_object().is_some_and(Map::is_empty) {
        // The value is owned as a whole, and only as a whole it can be taken.
        return map.remove(&key).map(|below| json!({ key: below }));
    }
    let taken = split(below, first.step(live).unwrap_or(&Value::Null), rest)?;
    if below.as_object().is_some_and(Map::is_empty) {
        map.remove(&key);
    }
    Some(json!({ key: taken }))
}

#[cfg(test)]
mod tests {
    use super::{Taking, handed_over, may_take};
    use crate::manager::FieldManager;
    use crate::object::ObjectId;
    use crate::path::FieldPath;
    use erpc_emit::Kind;
    use serde_json::json;

    fn id(kind: Kind, namespace: Option<&str>, name: &str) -> ObjectId {
        ObjectId {
            namespace: namespace.map(Into::into),
            kind,
            name: name.into(),
        }
    }

    #[test]
    fn a_manager_may_be_named_for_some_objects_only() {
        let api = id(Kind::Deployment, Some("shop"), "api");
        let service = id(Kind::Service, Some("shop"), "api");
        let other = id(Kind::Deployment, Some("other"), "api");
        let namespace = id(Kind::Namespace, None, "shop");
        let role = id(Kind::ClusterRole, None, "shop.api");
        let covered = |text: &str| {
            let taking: Taking = text.parse().expect(text);
            assert_eq!(taking.to_string(), text);
            [&api, &service, &other, &namespace, &role]
                .map(|id| may_take(std::slice::from_ref(&taking), id, "kubectl-edit"))
        };
        assert_eq!(covered("kubectl-edit"), [true; 5]);
        assert_eq!(
            covered("kubectl-edit=shop"),
            [true, true, false, true, false]
        );
        assert_eq!(
            covered("kubectl-edit=shop/api"),
            [true, true, false, false, false]
        );
        assert_eq!(
            covered("kubectl-edit=Deployment/shop/api"),
            [true, false, false, false, false]
        );
        assert_eq!(
            covered("kubectl-edit=Namespace/shop"),
            [false, false, false, true, false]
        );
        assert_eq!(
            covered("kubectl-edit=ClusterRole/shop.api"),
            [false, false, false, false, true]
        );
        assert_eq!(covered("other=shop/api"), [false; 5]);
    }

    #[test]
    fn what_names_no_manager_or_no_object_is_refused() {
        for (text, wanted) in [
            ("", "expected a field manager"),
            ("=shop", "expected a field manager"),
            ("a=", "expected a name"),
            ("a=shop/", "expected a name"),
            ("a=/api", "expected a name"),
            ("a=Deployment", "expected Deployment/NAME"),
            ("a=Deploymint/shop/api", "unknown kind Deploymint"),
            ("a=DEPLOYMENT/shop/api", "did you mean Deployment?"),
            ("a=b/c/d", "expected NAMESPACE"),
            ("kube-controller-manager", "nothing is taken from"),
        ] {
            let error = text.parse::<Taking>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn only_the_named_fields_change_hands() {
        let live = json!({
            "spec": { "containers": [{ "name": "a" }, { "name": "b", "image": "x" }], "hostNetwork": true },
            "metadata": { "managedFields": [
                { "manager": "erpc:p", "operation": "Apply", "fieldsV1": { "f:spec": { "f:containers": {
                    "k:{\"name\":\"a\"}": { ".": {}, "f:name": {} } } } } },
                { "manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
                { "manager": "kubectl-patch", "operation": "Update", "fieldsV1": { "f:spec": {
                    "f:containers": { "k:{\"name\":\"b\"}": { ".": {}, "f:name": {}, "f:image": {} } },
                    "f:hostNetwork": {},
                } } },
            ] },
        });
        let paths = [
            FieldPath::of_server(".spec.containers[name=\"b\"]", &[&live]),
            FieldPath::from_names(&["spec", "hostNetwork"]),
        ];
        let entries = handed_over(&FieldManager::of("p"), &live, &paths).expect("we have an entry");
        assert_eq!(entries.as_array().map(Vec::len), Some(2));
        assert_eq!(entries[0]["manager"], "kubectl");
        assert_eq!(
            entries[1]["fieldsV1"],
            json!({ "f:spec": {
                "f:containers": {
                    "k:{\"name\":\"a\"}": { ".": {}, "f:name": {} },
                    "k:{\"name\":\"b\"}": { ".": {}, "f:name": {}, "f:image": {} },
                },
                "f:hostNetwork": {},
            } })
        );
    }
}
