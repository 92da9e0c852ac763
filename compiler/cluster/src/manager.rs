//! The field manager of a platform, by which `managedFields` tells its fields from those of others.
//!
//! Each platform has its own, `erpc:NAME`, so that server-side apply sees a conflict between two
//! platforms that declare the same object. Earlier versions of erpc wrote every platform as `erpc`:
//! such an entry counts as the platform's where the object carries its label, and the next apply
//! renames it. Renaming moves no field, so that nothing is lost and no pod restarts.

use serde_json::{Value, json};

use crate::call::Call;
use crate::object::{ObjectId, TOOL, is_labelled};

/// The name under which a number of replicas is held while an autoscaler takes over.
pub(crate) const SCALE_MANAGER: &str = "erpc-scale";

const PREFIX: &str = "erpc:";

/// Who writes the objects of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldManager {
    name: String,
    platform: String,
}

impl FieldManager {
    /// The manager of a platform. A name of a platform is a DNS label (63 characters), far from the
    /// 128 characters that the API server allows.
    #[must_use]
    pub fn of(platform: &str) -> Self {
        Self {
            name: format!("{PREFIX}{platform}"),
            platform: platform.to_owned(),
        }
    }

    /// `erpc:shop`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The platform.
    pub(crate) fn platform(&self) -> &str {
        &self.platform
    }

    /// The entry of the platform's last apply, under its own name or the former one.
    pub(crate) fn entry<'v>(&self, live: &'v Value) -> Option<&'v Value> {
        let (mut own, mut former) = (None, None);
        for entry in applied(live) {
            let found = match entry["manager"].as_str() {
                Some(name) if name == self.name => &mut own,
                Some(TOOL) if is_labelled(live, &self.platform) => &mut former,
                _ => continue,
            };
            // Two entries differ in their version; which of them counts is the server's business.
            if found.is_some() {
                return None;
            }
            *found = Some(entry);
        }
        match (own, former) {
            (Some(_), Some(_)) => None,
            (own, former) => own.or(former),
        }
    }

    /// Whether an entry of `managedFields` is the platform's, applied or updated.
    pub(crate) fn is_of(&self, live: &Value, entry: &Value) -> bool {
        entry["manager"] == self.name.as_str()
            || entry["manager"] == TOOL && is_labelled(live, &self.platform)
    }

    /// Whether an earlier version of erpc wrote the object for this platform.
    pub(crate) fn is_former(&self, live: &Value) -> bool {
        is_labelled(live, &self.platform) && applied(live).any(|entry| entry["manager"] == TOOL)
    }

    /// The name under which the server judges what an apply would do. It is the former one as long
    /// as the entry has not been renamed: a dry run under the new name would neither take a changed
    /// value from the former one nor remove a field that only the former one has.
    pub(crate) fn acting(&self, live: Option<&Value>) -> &str {
        match live.and_then(|live| self.entry(live)) {
            Some(entry) if entry["manager"] == TOOL => TOOL,
            _ => &self.name,
        }
    }

    /// The patch that renames another manager's entries, guarded by the object's version; `None` where it
    /// has none.
    pub(crate) fn rename(&self, id: &ObjectId, live: &Value, from: &str) -> Option<Call> {
        let entries = self.renamed(live, from)?;
        let operations = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] },
            { "op": "replace", "path": "/metadata/managedFields", "value": entries },
        ]);
        Some(Call::json_patch(&id.path(), &operations, &self.name))
    }

    /// The entries of an object with those of another manager under this name; `None` where it has
    /// none. Two that differ in nothing but the name become one.
    fn renamed(&self, live: &Value, from: &str) -> Option<Vec<Value>> {
        let entries = live["metadata"]["managedFields"].as_array()?;
        if !entries.iter().any(|entry| entry["manager"] == from) {
            return None;
        }
        let mut out: Vec<Value> = Vec::new();
        for entry in entries {
            let mut entry = entry.clone();
            if entry["manager"] == from {
                entry["manager"] = Value::from(self.name.as_str());
            }
            let is_same = |other: &&mut Value| {
                ["manager", "operation", "apiVersion", "subresource"]
                    .iter()
                    .all(|key| other[*key] == entry[*key])
            };
            match out.iter_mut().find(is_same) {
                Some(other) => other["fieldsV1"] = merged(&other["fieldsV1"], &entry["fieldsV1"]),
                None => out.push(entry),
            }
        }
        Some(out)
    }
}

/// The platforms that have applied an object under a manager of their own.
pub(crate) fn platforms(live: &Value) -> impl Iterator<Item = &str> {
    applied(live).filter_map(|entry| entry["manager"].as_str()?.strip_prefix(PREFIX))
}

/// The entries of server-side apply, those of subresources left out.
fn applied(live: &Value) -> impl Iterator<Item = &Value> {
    let entries = live["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().filter(|entry| {
        entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
    })
}

/// Both sets of fields.
pub(crate) fn merged(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut out = a.clone();
            for (key, value) in b {
                let old = a.get(key).cloned().unwrap_or_else(|| json!({}));
                out.insert(key.clone(), merged(&old, value));
            }
            Value::Object(out)
        }
        (_, b) => b.clone(),
    }
}

/// Whether our own apply owns the number of replicas, which a body without it would reset to one.
pub(crate) fn hands_over_replicas(manager: &FieldManager, desired: &Value, live: &Value) -> bool {
    let own = manager.entry(live);
    desired["spec"]["replicas"].is_null()
        && own.is_some_and(|e| !e["fieldsV1"]["f:spec"]["f:replicas"].is_null())
}

#[cfg(test)]
mod tests {
    use super::FieldManager;
    use serde_json::{Value, json};

    fn live(platform: &str, managers: &[&str]) -> Value {
        let entries = managers.iter().map(|manager| {
            json!({
                "manager": manager, "operation": "Apply", "apiVersion": "v1",
                "fieldsV1": { "f:data": { (format!("f:{manager}")): {} } },
            })
        });
        json!({ "metadata": {
            "labels": { "app.kubernetes.io/part-of": platform },
            "managedFields": entries.collect::<Vec<_>>(),
        } })
    }

    #[test]
    fn the_former_entry_counts_where_the_label_is_the_platforms() {
        let shop = FieldManager::of("shop");
        let is_own = |live: &Value| shop.entry(live).is_some();
        assert!(is_own(&live("shop", &["erpc:shop", "kubectl"])));
        assert!(is_own(&live("other", &["erpc:shop"])));
        assert!(is_own(&live("shop", &["erpc"])));
        assert!(!is_own(&live("other", &["erpc"])));
        assert!(!is_own(&live("shop", &["erpc:other", "kubectl"])));
        assert_eq!(shop.acting(Some(&live("shop", &["erpc"]))), "erpc");
        assert_eq!(shop.acting(Some(&live("other", &["erpc"]))), "erpc:shop");
        assert_eq!(shop.acting(None), "erpc:shop");
    }

    #[test]
    fn renaming_keeps_every_field_and_everyone_elses_entry() {
        let shop = FieldManager::of("shop");
        let both = live("shop", &["kubectl", "erpc", "erpc:shop"]);
        let renamed = shop
            .renamed(&both, "erpc")
            .expect("it has the former entry");
        assert_eq!(renamed.len(), 2);
        assert_eq!(renamed[0], both["metadata"]["managedFields"][0]);
        assert_eq!(renamed[1]["manager"], "erpc:shop");
        let fields = json!({ "f:data": { "f:erpc": {}, "f:erpc:shop": {} } });
        assert_eq!(renamed[1]["fieldsV1"], fields);
        assert!(
            shop.renamed(&live("shop", &["erpc:shop"]), "erpc")
                .is_none()
        );
    }
}
