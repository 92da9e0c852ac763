//! The volume claims of the platform and their sizes. A claim of a StatefulSet is made once from its
//! template and never follows it: a volume that is larger in the source is grown claim by claim, where
//! its StorageClass allows that, and the driver does it in its own time.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::call::Call;
use crate::client::Cluster;
use crate::diff::FieldChange;
use crate::failure::{ApiError, Failure};
use crate::live::{self, Live};
use crate::object::{ObjectId, uid};
use crate::path::FieldPath;
use crate::program::{Desired, Program};
use crate::quantity;
use erpc_emit::Kind;

/// Where a claim has the size that it asks for.
pub(crate) const SIZE: [&str; 4] = ["spec", "resources", "requests", "storage"];

/// The claims that the platform's `StatefulSet`s have or had, by their names.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// By namespace and `TEMPLATE-SET`.
    templates: HashMap<(String, String), Template>,
}

/// A claim template of a `StatefulSet`.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The `StatefulSet` that it stands in.
    pub(crate) set: ObjectId,
    size: String,
    source: Option<String>,
}

impl Claims {
    pub(crate) fn of(program: &Program<'_>) -> Self {
        let mut templates = HashMap::new();
        let sets = program.objects.iter();
        for desired in sets.filter(|object| object.id.kind == Kind::StatefulSet) {
            let body = desired.body.value();
            for claim in body["spec"]["volumeClaimTemplates"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let (Some(name), Some(size)) = (claim["metadata"]["name"].as_str(), asked(claim))
                else {
                    continue;
                };
                let namespace = desired.id.namespace.as_deref().unwrap_or_default();
                let template = Template {
                    set: desired.id.clone(),
                    size: size.to_owned(),
                    source: program.place(
                        desired,
                        &FieldPath::from_names(&["spec", "volumeClaimTemplates"]),
                    ),
                };
                let prefix = format!("{name}-{}", desired.id.name);
                templates.insert((namespace.to_owned(), prefix), template);
            }
        }
        Self { templates }
    }

    /// The template that a claim is made from: `data-db-0` is of `data` in the set `db`, whatever the
    /// number of replicas is now.
    pub(crate) fn template_of(&self, namespace: &str, name: &str) -> Option<&Template> {
        let (prefix, number) = name.rsplit_once('-')?;
        number.parse::<u32>().ok()?;
        self.templates
            .get(&(namespace.to_owned(), prefix.to_owned()))
    }
}

fn asked(claim: &Value) -> Option<&str> {
    claim["spec"]["resources"]["requests"]["storage"].as_str()
}

/// A claim that is smaller than the source declares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Growing {
    /// The claim.
    pub(crate) id: ObjectId,
    /// The line of its volume.
    pub(crate) source: Option<String>,
    /// The uid of the claim.
    pub(crate) uid: Option<String>,
    /// What the source declares.
    wanted: String,
    /// What the claim asks for.
    asked: String,
    /// What the volume has.
    has: Option<String>,
    /// How far it is.
    pub(crate) state: Growth,
}

/// How far a claim has grown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Growth {
    /// Nothing has asked for it yet.
    ToAsk,
    /// The size was asked for; what the driver says of it.
    Resizing(Option<String>),
    /// It has no volume yet, and only a bound claim can change.
    Unbound,
    /// Its class does not allow it.
    NotAllowed(String),
}

impl Growing {
    /// What is known of it, and the fix.
    pub(crate) fn why(&self) -> String {
        let has = self.has.as_deref().unwrap_or("no volume");
        let sizes = format!("the source declares {}, the volume has {has}", self.wanted);
        match &self.state {
            Growth::ToAsk => format!("{sizes}: `erpc apply` grows it"),
            Growth::Resizing(None) => {
                format!(
                    "{sizes}: resizing; {} is requested, and the driver has not reported it yet",
                    self.asked
                )
            }
            Growth::Resizing(Some(text)) => format!("{sizes}: resizing; {text}"),
            Growth::Unbound => format!(
                "{sizes}: pending; only a bound claim can be resized. Wait until it is bound, or delete the claim, which has no data, so that it is created with the new size"
            ),
            Growth::NotAllowed(class) => format!(
                "{sizes}: {class} does not allow expansion. If its driver can resize volumes, set `allowVolumeExpansion: true` on the class; otherwise declare a new volume, copy the data, and remove the old one"
            ),
        }
    }

    /// In a few words: `data-db-0 1Gi of 5Gi resizing`.
    pub(crate) fn brief(&self) -> String {
        let state = match &self.state {
            Growth::ToAsk => "to be grown",
            Growth::Resizing(_) => "resizing",
            Growth::Unbound => "pending",
            Growth::NotAllowed(_) => "its class does not allow expansion",
        };
        let has = self.has.as_deref().unwrap_or("nothing");
        format!("{} {has} of {} {state}", self.id.name, self.wanted)
    }

    /// The change of the claim.
    pub(crate) fn change(&self) -> FieldChange {
        FieldChange {
            path: FieldPath::from_names(&SIZE),
            old: Some(json!(self.asked)),
            new: Some(json!(self.wanted)),
        }
    }
}

/// The claims that are smaller than declared, in the order of their names.
///
/// # Errors
///
/// The cluster's.
pub(crate) async fn growing(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<Vec<Growing>, Failure> {
    let claims = Claims::of(program);
    let has_shared = program.kinds().contains(&Kind::PersistentVolumeClaim);
    let namespaces = live.namespaces_of(program);
    if claims.templates.is_empty() && !has_shared || namespaces.is_empty() {
        return Ok(Vec::new());
    }
    let found = match live::list(cluster, Kind::PersistentVolumeClaim, "", &namespaces).await {
        Ok(found) => found,
        Err(error) if error.code() == Some(403) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    growing_of(cluster, program, &found).await
}

/// Those of these claims that are smaller than declared.
///
/// # Errors
///
/// The cluster's.
pub(crate) async fn growing_of(
    cluster: &Cluster,
    program: &Program<'_>,
    found: &[Value],
) -> Result<Vec<Growing>, Failure> {
    let claims = Claims::of(program);
    let mut behind: Vec<(&Value, Growing)> = found
        .iter()
        .filter_map(|claim| behind(&claims, program, claim).map(|growing| (claim, growing)))
        .collect();
    if behind
        .iter()
        .any(|(_, growing)| growing.state == Growth::ToAsk)
    {
        let classes = classes(cluster).await?;
        for (claim, growing) in &mut behind {
            if growing.state == Growth::ToAsk {
                growing.state = allowed(&classes, claim);
            }
        }
    }
    let mut growing: Vec<Growing> = behind.into_iter().map(|(_, growing)| growing).collect();
    growing.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(growing)
}

/// What is to be said of a claim that has not the declared size.
fn behind(claims: &Claims, program: &Program<'_>, claim: &Value) -> Option<Growing> {
    let id = ObjectId::of(Kind::PersistentVolumeClaim, claim);
    let (wanted, source, is_shared) = match program.object(&id) {
        Some(desired) => (shared_size(desired)?, program.place_of(desired), true),
        None => {
            let namespace = id.namespace.as_deref().unwrap_or_default();
            let template = claims.template_of(namespace, &id.name)?;
            (template.size.clone(), template.source.clone(), false)
        }
    };
    let asked = asked(claim)?.to_owned();
    let has = claim["status"]["capacity"]["storage"]
        .as_str()
        .map(str::to_owned);
    let amount = |text: &str| quantity::parse(text);
    let is_bound = claim["status"]["phase"] == "Bound";
    let is_asked = amount(&asked)? >= amount(&wanted)?;
    let is_there = has.as_deref().and_then(amount) >= amount(&wanted);
    let state = match (is_asked, is_bound) {
        (true, _) if is_there => return None,
        // Nothing grows: a new claim waits for its volume.
        (true, false) => return None,
        (true, true) => Growth::Resizing(told(claim)),
        // The apply of a shared claim asks for its size itself.
        (false, _) if is_shared => return None,
        (false, true) => Growth::ToAsk,
        (false, false) => Growth::Unbound,
    };
    Some(Growing {
        uid: uid(claim),
        id,
        source,
        wanted,
        asked,
        has,
        state,
    })
}

fn shared_size(desired: &Desired) -> Option<String> {
    asked(&desired.body.value()).map(str::to_owned)
}

/// What the driver and the node say of a resize.
fn told(claim: &Value) -> Option<String> {
    let conditions = claim["status"]["conditions"].as_array();
    let told = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition["status"] == "True")
        .find_map(|condition| {
            let message = condition["message"].as_str().unwrap_or_default();
            match condition["type"].as_str()? {
                "FileSystemResizePending" => Some(
                    "the file system grows when its pod starts on the node the next time"
                        .to_owned(),
                ),
                "Resizing" if message.is_empty() => None,
                kind => Some(format!("{kind}: {message}")),
            }
        });
    let failed = claim["status"]["allocatedResourceStatuses"]["storage"].as_str();
    told.or_else(|| failed.map(|status| format!("the driver reports {status}")))
}

/// Whether each class allows volumes to grow; `None` if the account may not see classes.
async fn classes(cluster: &Cluster) -> Result<Option<BTreeMap<String, bool>>, Failure> {
    let classes = match cluster.list_kind(Kind::StorageClass, "").await {
        Ok(classes) => classes,
        Err(ApiError::Refused(refusal)) if refusal.code == 403 => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let allows = classes.iter().map(|class| {
        let name = class["metadata"]["name"].as_str().unwrap_or_default();
        (name.to_owned(), class["allowVolumeExpansion"] == true)
    });
    Ok(Some(allows.collect()))
}

fn allowed(classes: &Option<BTreeMap<String, bool>>, claim: &Value) -> Growth {
    let Some(classes) = classes else {
        // The server will say.
        return Growth::ToAsk;
    };
    match claim["spec"]["storageClassName"].as_str() {
        Some(name) if classes.get(name).is_some_and(|allows| *allows) => Growth::ToAsk,
        Some("") | None => Growth::NotAllowed("a claim without a StorageClass".to_owned()),
        Some(name) => Growth::NotAllowed(format!("the StorageClass {name}")),
    }
}

/// The patch that asks for a larger size; of the claim with this uid and no other.
pub(crate) fn grow(id: &ObjectId, uid: &str, size: &Value, manager: &str) -> Call {
    let operations = json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "replace", "path": format!("/{}", SIZE.join("/")), "value": size },
    ]);
    Call::json_patch(&id.path(), &operations, manager)
}

/// Whether a claim has the size that it asks for, or gets it with the next start of its pod.
pub(crate) fn has_grown(claim: &Value) -> bool {
    let amount = |value: &Value| value.as_str().and_then(quantity::parse);
    let conditions = claim["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    amount(&claim["status"]["capacity"]["storage"])
        >= amount(&claim["spec"]["resources"]["requests"]["storage"])
        || conditions.any(|one| one["type"] == "FileSystemResizePending" && one["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::{Claims, Kind, ObjectId, Template, has_grown};
    use serde_json::json;

    #[test]
    fn a_claim_of_any_ordinal_is_its_templates() {
        let template = Template {
            set: ObjectId {
                namespace: Some("shop".into()),
                kind: Kind::StatefulSet,
                name: "db".into(),
            },
            size: "5Gi".to_owned(),
            source: None,
        };
        let key = ("n".to_owned(), "data-db-1".to_owned());
        let claims = Claims {
            templates: [(key, template)].into(),
        };
        let is_one = |namespace: &str, name: &str| claims.template_of(namespace, name).is_some();
        assert!(is_one("n", "data-db-1-0") && is_one("n", "data-db-1-17"));
        assert!(!is_one("m", "data-db-1-0"));
        assert!(
            !is_one("n", "data-db-1") && !is_one("n", "data-db-1-x") && !is_one("n", "log-db-1-0")
        );
    }

    #[test]
    fn a_claim_has_grown_when_its_volume_has_or_waits_for_its_pod() {
        let claim = |asked: &str, has: &str, condition: &str| {
            json!({
                "spec": { "resources": { "requests": { "storage": asked } } },
                "status": { "capacity": { "storage": has }, "conditions": [{ "type": condition, "status": "True" }] },
            })
        };
        assert!(has_grown(&claim("5Gi", "5Gi", "")));
        assert!(has_grown(&claim("5Gi", "6Gi", "")));
        assert!(has_grown(&claim("1024Mi", "1Gi", "")));
        assert!(!has_grown(&claim("5Gi", "1Gi", "Resizing")));
        assert!(has_grown(&claim("5Gi", "1Gi", "FileSystemResizePending")));
    }
}
