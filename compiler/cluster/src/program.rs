//! The objects of a platform as they are to be: the emitted ones, each with its identity, its
//! owner and the labels that only an applied object has.

use std::collections::{BTreeSet, HashMap};

use erpc_diagnostics::{Sources, Span};
use erpc_emit::{Field, Kind};
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::manager::FieldManager;
use crate::object::{MANAGED_BY, ObjectId, PART_OF, Packed, TOOL, hex};
use crate::selection::Selection;

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
    /// The services by the labels of their pods.
    pub(crate) pods: PodIndex,
    /// The kinds beyond the table that occur.
    pub(crate) others: Vec<Kind>,
    /// The part of the platform that the run is about.
    pub(crate) selection: Option<Selection>,
}

/// The services of a platform by the labels that select their pods.
#[derive(Debug, Default)]
pub(crate) struct PodIndex {
    /// By the namespace and the first label of the selector: the whole selector of each service.
    by_label: HashMap<(SmolStr, SmolStr, SmolStr), Vec<(ServiceId, Labels)>>,
}

type Labels = Vec<(SmolStr, SmolStr)>;

impl PodIndex {
    pub(crate) fn of(platform: &Platform) -> Self {
        let mut index = Self::default();
        for (id, service) in platform.services() {
            let namespace = platform[service.namespace].name.value.clone();
            let selector: Labels = service.selector_labels().collect();
            if let Some((key, value)) = selector.first().cloned() {
                let of_label = index.by_label.entry((namespace, key, value)).or_default();
                of_label.push((id, selector));
            }
        }
        index
    }

    fn service_of(&self, namespace: &str, labels: &Value) -> Option<ServiceId> {
        let has = |(key, value): &(SmolStr, SmolStr)| labels[key.as_str()] == value.as_str();
        labels.as_object()?.iter().find_map(|(key, value)| {
            let label = (namespace.into(), key.into(), value.as_str()?.into());
            let mut services = self.by_label.get(&label)?.iter();
            let (id, _) = services.find(|(_, selector)| selector.iter().all(has))?;
            Some(*id)
        })
    }
}

impl<'p> Program<'p> {
    /// Whether the source leaves the namespace of an object without policies.
    pub(crate) fn leaves_open(&self, id: &ObjectId) -> bool {
        let mut namespaces = self.platform.namespaces();
        namespaces.any(|(_, namespace)| {
            namespace.is_open() && Some(&namespace.name.value) == id.namespace.as_ref()
        })
    }

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
            pods: PodIndex::of(platform),
            others: Vec::new(),
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
        let kinds = objects.iter().map(|object| object.id.kind);
        let others: BTreeSet<Kind> = kinds
            .filter(|kind| matches!(kind, Kind::Other(_)))
            .collect();
        Self {
            objects,
            workloads,
            others: others.into_iter().collect(),
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

    /// The selector of the platform's pods and of what owns them: none if some service has an `identity`, since its pods
    /// have no label of the platform.
    #[must_use]
    pub fn selector_of_pods(&self) -> String {
        let mut services = self.platform.services.iter();
        match services.any(|service| service.properties.identity.is_some()) {
            true => String::new(),
            false => self.selector(),
        }
    }

    /// The service whose pods have these labels.
    #[must_use]
    pub fn service_of_pod(&self, namespace: &str, labels: &Value) -> Option<ServiceId> {
        self.pods.service_of(namespace, labels)
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

    /// The kind of a group with this name: one of the table, or of the platform's manifests.
    #[must_use]
    pub(crate) fn kind(&self, group: &str, name: &str) -> Option<Kind> {
        let is_it = |kind: &Kind| kind.as_str() == name && kind.group() == group;
        let mut table = Kind::ALL.iter().copied();
        table
            .find(is_it)
            .or_else(|| self.others.iter().copied().find(is_it))
    }

    /// The namespaces that objects of the platform are in.
    pub(crate) fn namespaces_of_objects(&self) -> impl Iterator<Item = &str> {
        let objects = self.objects.iter();
        objects.filter_map(|object| object.id.namespace.as_deref())
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
        declaration: declaration(object),
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

/// The first line of the source that an object is there for.
fn declaration(object: &erpc_emit::Object) -> Span {
    own_span(object.root()).unwrap_or(Span::NONE)
}

/// The first line of the source among a field's own causes.
pub(crate) fn own_span(field: &Field) -> Option<Span> {
    let causes = field.causes.as_slice().iter();
    let mut spans = causes.map(|cause| cause.origin.span);
    spans.find(|span| !span.is_none())
}
