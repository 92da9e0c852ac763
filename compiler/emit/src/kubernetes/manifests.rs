//! Objects that the source takes as they are written (`manifests`): the same fields, the label of the platform on the
//! object alone, and without what only a server writes.

use std::collections::{BTreeMap, HashMap};

use erpc_model::kubernetes::PART_OF_LABEL;
use erpc_model::{Manifest, PatchValue, Platform, Sourced};
use smol_str::SmolStr;

use super::metadata::platform_labels;
use crate::cause::Cause;
use crate::kind::Kind;
use crate::patch::value_node;
use crate::schema::{self, Scope, Version};
use crate::tree::{Field, Map, Node};
use crate::{Object, ObjectFile};

/// What a server writes into the metadata of an object, and what kubectl keeps there.
const OF_SERVER: [&str; 7] = [
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The files of a platform's manifests: one for each file of the source and each namespace, or `share/`, that objects
/// of it are in.
pub(super) fn files(platform: &Platform) -> Vec<ObjectFile> {
    if platform.manifests.is_empty() {
        return Vec::new();
    }
    let mut files: BTreeMap<String, ObjectFile> = BTreeMap::new();
    for (manifest, object) in objects(platform) {
        let Some(object) = object else { continue };
        let folder = match object.namespace() {
            Some(namespace) => format!("lib/{namespace}"),
            None => "share".to_owned(),
        };
        let path = format!("{folder}/{}", file_name(&manifest.file));
        let file = files.entry(path.clone()).or_insert_with(|| ObjectFile {
            path,
            name: platform.name.value.to_string(),
            source: manifest.file.to_string(),
            objects: Vec::new(),
            is_raw: true,
        });
        file.objects.push(object);
    }
    for file in files.values_mut() {
        // Definitions before what is of their kind, namespaces before what is in them.
        file.objects.sort_by_key(|object| object.kind().stage());
    }
    files.into_values().collect()
}

/// The name of a file of the output: the path of the source file, with dashes in place of folders. `manifest-` stands
/// before it, so that it is never that of a file of the compiler's own.
fn file_name(path: &str) -> String {
    let path = path.rsplit_once('.').map_or(path, |(path, _)| path);
    let path = path.strip_prefix("manifests/").unwrap_or(path);
    let parts = path.split('/').filter(|part| *part != "..");
    format!("manifest-{}.yaml", parts.collect::<Vec<_>>().join("-"))
}

/// Each manifest with its object; `None` for one whose kind the cluster does not serve, which is reported.
pub(crate) fn objects(platform: &Platform) -> impl Iterator<Item = (&Manifest, Option<Object>)> {
    let kinds = Kinds::of(platform);
    let manifests = platform.manifests.iter();
    manifests.map(move |manifest| {
        let served = kinds.find(manifest);
        (
            manifest,
            served
                .kind()
                .map(|kind| object(platform, &kinds, manifest, kind)),
        )
    })
}

/// What is known of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Served<'d, 'p> {
    /// Kubernetes itself serves it.
    Builtin(Kind),
    /// A definition among the manifests makes the server serve it.
    Defined(Kind, &'d Definition<'p>),
    /// It is a custom resource whose definition is elsewhere.
    Elsewhere(Kind),
    /// The definition, which stands here, does not have this version.
    OtherVersions(&'d Definition<'p>),
    /// Kubernetes has no such kind in this version of its own.
    Unknown,
}

impl Served<'_, '_> {
    pub(crate) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Builtin(kind) | Self::Defined(kind, _) | Self::Elsewhere(kind) => Some(*kind),
            Self::OtherVersions(_) | Self::Unknown => None,
        }
    }
}

/// A CustomResourceDefinition among the manifests.
#[derive(Debug)]
pub(crate) struct Definition<'p> {
    pub(crate) manifest: &'p Manifest,
    plural: &'p str,
    is_namespaced: bool,
    /// Those that are served.
    versions: Vec<(&'p str, &'p PatchValue)>,
}

impl<'p> Definition<'p> {
    /// The group and the name of the kind that a manifest defines.
    fn of(manifest: &'p Manifest) -> Option<((&'p str, &'p str), Self)> {
        if manifest.kind != "CustomResourceDefinition"
            || manifest.api_version != "apiextensions.k8s.io/v1"
        {
            return None;
        }
        let spec = &manifest.fields.value.get("spec")?.value;
        let text = |value: &'p PatchValue, name: &str| value.get(name)?.value.as_text();
        let names = &spec.get("names")?.value;
        let versions = match &spec.get("versions")?.value {
            PatchValue::List(versions) => versions.iter().filter_map(|version| {
                let served = version.value.get("served")?;
                let name = text(&version.value, "name")?;
                (served.value == PatchValue::Bool(true)).then_some((name, &version.value))
            }),
            _ => return None,
        };
        let definition = Self {
            manifest,
            plural: text(names, "plural")?,
            is_namespaced: text(spec, "scope")? == "Namespaced",
            versions: versions.collect(),
        };
        Some(((text(spec, "group")?, text(names, "kind")?), definition))
    }

    fn version(&self, name: &str) -> Option<&'p PatchValue> {
        let mut versions = self.versions.iter();
        versions
            .find(|(known, _)| *known == name)
            .map(|(_, version)| *version)
    }

    /// The names of the versions that are served.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'p str> {
        self.versions.iter().map(|(name, _)| *name)
    }

    /// The schema of a version.
    pub(crate) fn schema(&self, version: &str) -> Option<&'p Sourced<PatchValue>> {
        self.version(version)?
            .get("schema")?
            .value
            .get("openAPIV3Schema")
    }

    /// Whether only the server writes the status of objects of a version.
    fn has_status(&self, version: &str) -> bool {
        let status = self.version(version).and_then(|version| {
            let subresources = version.get("subresources")?;
            subresources.value.get("status")
        });
        status.is_some()
    }
}

/// The kinds of a platform's manifests.
pub(crate) struct Kinds<'p> {
    version: Version,
    definitions: HashMap<(&'p str, &'p str), Definition<'p>>,
}

impl<'p> Kinds<'p> {
    pub(crate) fn of(platform: &'p Platform) -> Self {
        Self {
            version: Version::of(platform),
            definitions: platform
                .manifests
                .iter()
                .filter_map(Definition::of)
                .collect(),
        }
    }

    /// What is known of the kind of a manifest.
    pub(crate) fn find(&self, manifest: &'p Manifest) -> Served<'_, 'p> {
        let (api_version, name) = (manifest.api_version.as_str(), manifest.kind.as_str());
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        if let Some(kind) = schema::kind(self.version, api_version, name) {
            let is_namespaced = kind.scope == Scope::Namespaced;
            return Served::Builtin(Kind::of_resource(
                group,
                version,
                name,
                kind.plural,
                is_namespaced,
            ));
        }
        if let Some(definition) = self.definitions.get(&(group, name)) {
            if definition.version(version).is_none() {
                return Served::OtherVersions(definition);
            }
            let (plural, is_namespaced) = (definition.plural, definition.is_namespaced);
            let kind = Kind::of_resource(group, version, name, plural, is_namespaced);
            return Served::Defined(kind, definition);
        }
        // The group of a custom resource is a domain.
        if schema::is_builtin_group(group) || !group.contains('.') {
            return Served::Unknown;
        }
        // Where the definition is not known, the object says whether it is in a namespace, and the plural is guessed as
        // `kubectl` did before it could ask (`UnsafeGuessKindToResource`); `apply` asks the server.
        let is_namespaced = manifest.namespace().is_some();
        let plural = plural(name);
        Served::Elsewhere(Kind::of_resource(
            group,
            version,
            name,
            &plural,
            is_namespaced,
        ))
    }
}

fn plural(kind: &str) -> String {
    let name = kind.to_lowercase();
    match name.as_bytes().last() {
        Some(b's' | b'x') => format!("{name}es"),
        Some(b'y') => format!("{}ies", &name[..name.len() - 1]),
        _ => format!("{name}s"),
    }
}

fn object<'p>(
    platform: &Platform,
    kinds: &Kinds<'p>,
    manifest: &'p Manifest,
    kind: Kind,
) -> Object {
    let cause = Cause::manifest_at;
    let typed = schema::typed(kinds.version, kind.api_version(), kind.as_str());
    let root = &manifest.fields;
    let node = value_node(&root.value, typed, root.origin, cause);
    let fields = match node {
        Node::Map(fields) => fields,
        // A manifest is a map: anything else has been refused when it was read.
        _ => Map::new(),
    };
    let mut object = Object::whole(kind, &fields, cause(manifest.name.origin));
    let fields = object.fields_mut();
    let keeps_status = match kinds.find(manifest) {
        Served::Defined(_, definition) => !definition.has_status(kind.version()),
        _ => false,
    };
    if !keeps_status {
        fields.remove("status");
    }
    let Some(metadata) = fields.map_mut("metadata") else {
        return object;
    };
    for name in OF_SERVER {
        metadata.remove(name);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Field::as_map_mut) {
        annotations.remove(LAST_APPLIED);
    }
    match (kind.is_namespaced(), &manifest.namespace, &manifest.home) {
        (true, None, Some(home)) => {
            let why = "the namespace of manifests that set none";
            metadata.set("namespace", &home.value, Cause::said(why, home));
        }
        (true, Some(own), _) => {
            metadata.set("namespace", &own.value, cause(own.origin));
        }
        (true, None, None) => {}
        (false, _, _) => {
            metadata.remove("namespace");
        }
    }
    let own = platform_labels(platform);
    match metadata.map_mut("labels") {
        Some(labels) => {
            if let Some(label) = own.get(PART_OF_LABEL) {
                labels.insert(SmolStr::new_static(PART_OF_LABEL), label.clone());
            }
        }
        None => {
            metadata.block("labels", own);
        }
    }
    object
}
