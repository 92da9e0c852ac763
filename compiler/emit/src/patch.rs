//! Patches: fields that the language has no statement for, set on emitted objects. A patch is a list of fields
//! (`patch/fields.rs` sets one) or a strategic merge patch, which becomes such a list (`patch/merge.rs`). What a patch
//! makes of an object is judged by [`crate::validate`].

mod fields;
mod merge;
mod owned;
mod place;

use std::borrow::Cow;
use std::collections::HashSet;

use erpc_diagnostics::{Diagnostic, Diagnostics, Severity, Span, codes};
use erpc_model::facts::origins_of_plain_statements;
use erpc_model::{
    Origin, Patch, PatchField, PatchValue, Platform, Service, ServiceId, Via, listed,
};
use smol_str::SmolStr;

use crate::schema::{self, Version};
use crate::{Object, ObjectFile};

pub(crate) use fields::node as value_node;
pub(crate) use place::{Place, place_of};

/// Kinds that no patch may touch: what they contain is derived, proven and relied upon.
const UNTOUCHABLE: [&str; 6] = [
    "networkpolicy",
    "clusterrole",
    "clusterrolebinding",
    "role",
    "rolebinding",
    "serviceaccount",
];

/// What a patch does at one place of an object.
struct Change<'p> {
    path: Vec<Step<'p>>,
    /// Where the path stands in the source.
    path_span: Span,
    /// The value in the source.
    origin: Origin,
    action: Action<'p>,
}

/// A step of a path.
#[derive(Clone)]
enum Step<'p> {
    /// A field, or an element of a list as the source names it.
    Name(SmolStr),
    /// The element with these merge keys, which is added if it is missing.
    Element(Vec<(&'static str, Cow<'p, PatchValue>)>),
}

/// What becomes of the field at the end of a path.
enum Action<'p> {
    /// It has this value.
    Set(Cow<'p, PatchValue>),
    /// It is removed, and must be there.
    Remove,
    /// It is removed if it is there.
    Drop,
    /// It is there: an empty map, or an element with its merge keys.
    Ensure,
    /// These values are added to a list that has each once.
    Add(&'p [erpc_model::Sourced<PatchValue>]),
}

/// Applies the patches of a service to its objects: each to all objects of its kind, or to the one that it names.
pub(crate) fn apply(
    platform: &Platform,
    id: ServiceId,
    files: &mut [ObjectFile],
    out: &mut Diagnostics,
) {
    let service = &platform[id];
    let version = Version::of(platform);
    let statements = origins_of_plain_statements(platform, id);
    for patch in &service.patches {
        let kind = patch.kind.value.as_str();
        if UNTOUCHABLE.contains(&kind) {
            out.push(
                Diagnostic::new(
                    &codes::NOTHING_TO_PATCH,
                    format!("a {kind} cannot be patched: it follows from flows and grants"),
                )
                .at(patch.kind.span(), "not this kind"),
            );
            continue;
        }
        let mut objects: Vec<&mut Object> = files
            .iter_mut()
            .flat_map(|file| &mut file.objects)
            .collect();
        let is_meant = |object: &Object| {
            let is_of_kind = object.kind().as_str().eq_ignore_ascii_case(kind);
            is_of_kind
                && match &patch.name {
                    Some(name) => object.name() == name.value,
                    None => true,
                }
        };
        if !objects.iter().any(|object| is_meant(object)) {
            out.push(no_object(service, patch, &objects));
            continue;
        }
        // A patch of several objects has the same fault in each.
        let mut seen = HashSet::new();
        for object in objects.iter_mut().filter(|object| is_meant(object)) {
            let found = apply_to(version, service, &statements, patch, object);
            for one in found {
                if seen.insert((one.message.clone(), one.span())) {
                    out.push(one);
                }
            }
        }
    }
}

/// That the service has no object of the kind, or none of the name.
fn no_object(service: &Service, patch: &Patch, objects: &[&mut Object]) -> Diagnostic {
    let kind = patch.kind.value.as_str();
    let kinds = objects
        .iter()
        .map(|object| object.kind().as_str().to_ascii_lowercase());
    let of_kind: Vec<&str> = objects
        .iter()
        .filter(|object| object.kind().as_str().eq_ignore_ascii_case(kind))
        .map(|object| object.name())
        .collect();
    if let (Some(name), false) = (&patch.name, of_kind.is_empty()) {
        return Diagnostic::unknown(
            &codes::NOTHING_TO_PATCH,
            kind,
            &name.value,
            name.span(),
            of_kind,
        );
    }
    let mut known: Vec<String> = kinds
        .filter(|kind| !UNTOUCHABLE.contains(&kind.as_str()))
        .collect();
    known.sort_unstable();
    known.dedup();
    Diagnostic::new(
        &codes::NOTHING_TO_PATCH,
        format!("`{}` has no {kind}", service.name.value),
    )
    .at(patch.kind.span(), "no such object")
    .help(format!(
        "it has {}",
        listed(known.iter().map(String::as_str), 12)
    ))
}

/// Applies a patch to an object, which it leaves as it is if a part of the patch cannot be applied. What there is to
/// report of it.
fn apply_to(
    version: Version,
    service: &Service,
    statements: &[(String, Origin)],
    patch: &Patch,
    object: &mut Object,
) -> Vec<Diagnostic> {
    let kind = object.kind();
    let typed = schema::typed(version, kind.api_version(), kind.as_str());
    let bad = |fault: Fault, path_span: Span| {
        let diagnostic =
            Diagnostic::new(&codes::BAD_PATCH, fault.message).at(path_span, fault.label);
        let diagnostic = match fault.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        };
        in_patch(diagnostic, service, patch)
    };
    let changes = match &patch.merge {
        None => patch.fields.iter().map(Change::of_field).collect(),
        Some(merge) => match merge::changes(merge, typed, object) {
            Ok(changes) => changes,
            Err((fault, span)) => return vec![bad(fault, span)],
        },
    };
    let mut found: Vec<Diagnostic> = changes
        .iter()
        .filter_map(|change| owned::finding((service, statements), patch, change, object, typed))
        .collect();
    if found.iter().any(|one| one.severity() == Severity::Error) {
        return found;
    }
    let mut patched = object.clone();
    let mut is_applied = true;
    for change in &changes {
        if let Err(fault) = fields::change(patched.root_mut(), typed, change) {
            is_applied = false;
            found.push(bad(fault, change.path_span));
        }
    }
    if is_applied {
        *object = patched;
    }
    found
}

impl<'p> Change<'p> {
    fn of_field(field: &'p PatchField) -> Self {
        Self {
            path: field.path.iter().cloned().map(Step::Name).collect(),
            path_span: field.path_span,
            origin: field.value.origin,
            action: match &field.value.value {
                Some(value) => Action::Set(Cow::Borrowed(value)),
                None => Action::Remove,
            },
        }
    }
}

/// Why a change cannot be made.
struct Fault {
    message: String,
    label: &'static str,
    help: Option<String>,
}

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            label: "this field",
            help: None,
        }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

/// Adds the patch, and the service if the patch is a component's.
pub(crate) fn in_patch(diagnostic: Diagnostic, service: &Service, patch: &Patch) -> Diagnostic {
    let diagnostic = diagnostic.also(patch.kind.span(), "in this patch");
    match patch.kind.origin.via {
        Via::Component(_) => diagnostic.also(service.name.span(), "of this service"),
        Via::Declared | Via::Default | Via::Namespace | Via::Platform | Via::Profile(_) => {
            diagnostic
        }
    }
}

/// A path as it is written.
fn written_path(names: &[SmolStr]) -> String {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let names = names.iter().map(|name| {
        if is_name(name) {
            name.to_string()
        } else {
            format!("\"{name}\"")
        }
    });
    names.collect::<Vec<_>>().join(".")
}
