//! The objects of a platform as they are to be: the emitted ones, each with its identity, its
//! owner and the labels that only an applied object has.

use std::collections::HashMap;
use std::fmt;

use erpc_diagnostics::{Sources, Span};
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::manager::FieldManager;
use crate::origin;
use crate::selection::Selection;
use erpc_emit::Kind;

/// The value of [`MANAGED_BY`], and the field manager of erpc's own state: inventories, leases and their
/// namespace. A platform's objects have a [`FieldManager`] of their own.
pub const TOOL: &str = "erpc";
/// By it all objects of a platform are found.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The service that an object belongs to.
pub(crate) const NAME: &str = "app.kubernetes.io/name";
/// On the object's own metadata only: on a pod template it would restart what Helm installed.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its namespace; `None` for the whole cluster's.
    pub namespace: Option<SmolStr>,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: SmolStr,
}

impl ObjectId {
    /// The path of the object in the API.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "{}/{}",
            self.kind.collection(self.namespace.as_deref()),
            self.name
        )
    }

    /// Its namespace, or that of the service that a cluster-wide object belongs to: such an object is named
    /// `namespace.service`.
    #[must_use]
    pub(crate) fn home(&self) -> Option<&str> {
        let of_name = || self.name.split_once('.').map(|(namespace, _)| namespace);
        self.namespace.as_deref().or_else(of_name)
    }

    /// What a live object is.
    #[must_use]
    pub fn of(kind: Kind, live: &Value) -> Self {
        Self {
            namespace: live["metadata"]["namespace"].as_str().map(SmolStr::new),
            kind,
            name: live["metadata"]["name"].as_str().unwrap_or_default().into(),
        }
    }

    /// As flags name it: `Deployment/erp-apps/hl7-health`.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("{}/{}", self.kind, self.place())
    }

    /// `erp-apps/hl7-health`, or the name alone.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.to_string(),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.place())
    }
}

/// An object as its JSON text. As a tree of maps it takes twenty times the memory, so that of many
/// objects each is a tree only while it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Box<str>);

impl Packed {
    /// Packs an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self(object.to_string().into_boxed_str())
    }

    /// No object, as what is deleted has no body.
    pub(crate) fn nothing() -> Self {
        Self::of(&Value::Null)
    }

    /// The object.
    #[must_use]
    pub fn value(&self) -> Value {
        // It was written from a value, so it can be read as one.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// An object as the platform says it.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Which.
    pub id: ObjectId,
    /// The body that is applied.
    pub body: Packed,
    /// Whose it is; `None` for the whole platform's or a namespace's.
    pub service: Option<ServiceId>,
    /// What declares it in the source; [`Span::NONE`] for one that only an older source has.
    pub declaration: Span,
}

/// A platform with its objects.
#[derive(Debug)]
pub struct Program<'p> {
    /// The model.
    pub platform: &'p Platform,
    /// What follows from it.
    pub derived: &'p Derived,
    /// The texts, for lines.
    pub sources: &'p Sources,
    /// All objects, sorted by id.
    pub objects: Vec<Desired>,
    /// The profile that was chosen.
    pub profile: Option<String>,
    pub(crate) manager: FieldManager,
    pub(crate) source_id: Option<String>,
    /// The place of each service's workload among the objects.
    pub(crate) workloads: HashMap<ServiceId, usize>,
    /// The part of the platform that the run is about.
    pub(crate) selection: Option<Selection>,
}

impl<'p> Program<'p> {
    /// The objects of a platform.
    #[must_use]
    pub fn of(
        platform: &'p Platform,
        derived: &'p Derived,
        sources: &'p Sources,
        profile: Option<&str>,
    ) -> Self {
        let services: HashMap<String, ServiceId> = platform
            .services()
            .map(|(id, _)| (platform.path(id), id))
            .collect();
        let of_file = |file: &erpc_emit::ObjectFile| -> Vec<Desired> {
            let service = file
                .path
                .starts_with("lib/")
                .then(|| services.get(&file.name).copied())
                .flatten();
            let objects = file.objects.iter();
            objects.map(|object| desired(object, service)).collect()
        };
        let files = erpc_emit::map_objects(platform, derived, sources, of_file);
        let mut objects: Vec<Desired> = files.into_iter().flatten().collect();
        objects.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let program = Self {
            platform,
            derived,
            sources,
            objects: Vec::new(),
            profile: profile.map(str::to_owned),
            manager: FieldManager::of(&platform.name.value),
            source_id: platform.id.as_ref().map(|id| id.value.clone()),
            workloads: HashMap::new(),
            selection: None,
        };
        program.with_objects(objects)
    }

    /// The same platform with other objects, sorted by id.
    pub(crate) fn with_objects(self, objects: Vec<Desired>) -> Self {
        let workloads = objects
            .iter()
            .enumerate()
            .filter(|(_, object)| object.id.kind.is_workload())
            .filter_map(|(at, object)| Some((object.service?, at)))
            .collect();
        Self {
            objects,
            workloads,
            ..self
        }
    }

    /// Who writes the platform's objects, as `managedFields` names it.
    #[must_use]
    pub fn manager(&self) -> &FieldManager {
        &self.manager
    }

    /// The platform's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.platform.name.value
    }

    /// The `id` of the source.
    #[must_use]
    pub fn source_id(&self) -> Option<&str> {
        self.source_id.as_deref()
    }

    /// The same, of the source that the cluster knows: a release that is brought back may be older than the
    /// `id` of its platform.
    #[must_use]
    pub fn of_source(mut self, id: Option<String>) -> Self {
        self.source_id = id;
        self
    }

    /// The selector of everything that is the platform's.
    #[must_use]
    pub fn selector(&self) -> String {
        format!("{PART_OF}={}", self.name())
    }

    /// The object with this id.
    #[must_use]
    pub fn object(&self, id: &ObjectId) -> Option<&Desired> {
        self.objects
            .binary_search_by(|object| object.id.cmp(id))
            .ok()
            .map(|at| &self.objects[at])
    }

    /// The workload of a service. That of a job has a name that changes with its template.
    #[must_use]
    pub fn workload(&self, service: ServiceId) -> Option<&Desired> {
        let at = self.workloads.get(&service)?;
        self.objects.get(*at)
    }

    /// The kinds that occur, sorted.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.objects.iter().map(|object| object.id.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// A digest of everything that the platform declares.
    #[must_use]
    pub fn digest(&self) -> String {
        if let Some(selection) = &self.selection {
            return selection.digest().to_owned();
        }
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for object in &self.objects {
            hash.update(object.id.to_string().as_bytes());
            hash.update([0]);
            hash.update(object.body.text().as_bytes());
            hash.update([0]);
        }
        hex(&hash.finalize())
    }
}

/// An emitted object as it is applied.
fn desired(object: &erpc_emit::Object, service: Option<ServiceId>) -> Desired {
    let mut body = serde_json::to_value(object).expect("a tree has string keys only");
    body["metadata"]["labels"][MANAGED_BY] = json!(TOOL);
    complete_claims(&mut body);
    Desired {
        id: ObjectId::of(object.kind(), &body),
        body: Packed::of(&body),
        service,
        declaration: origin::declaration(object),
    }
}

/// Writes into claim templates what the server would: they are one atomic value, and one that lacks
/// the defaults conflicts with whoever applied the same before.
fn complete_claims(body: &mut Value) {
    let claims = body
        .pointer_mut("/spec/volumeClaimTemplates")
        .and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten() {
        claim["apiVersion"] = json!("v1");
        claim["kind"] = json!("PersistentVolumeClaim");
        claim["spec"]["volumeMode"] = json!("Filesystem");
        claim["status"] = json!({ "phase": "Pending" });
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
