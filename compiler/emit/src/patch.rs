//! `patch KIND [NAME] { path = value }`: fields that the language has no word for, set on emitted objects.

mod owned;

use erpc_diagnostics::{Diagnostic, Diagnostics, Severity, codes};
use erpc_model::{Patch, PatchField, PatchValue, Service, Via, listed};
use smol_str::SmolStr;

use crate::cause::Cause;
use crate::tree::{Field, Map, Node};
use crate::{Object, ObjectFile};

/// Kinds that no patch may touch: what they say is derived, proven and relied upon.
const UNTOUCHABLE: [&str; 6] = [
    "networkpolicy",
    "clusterrole",
    "clusterrolebinding",
    "role",
    "rolebinding",
    "serviceaccount",
];

/// Applies the patches of a service to its objects: each to all objects of its kind, or to the one that it names. What
/// they make of the objects is judged by [`crate::validate`].
pub(crate) fn apply(service: &Service, files: &mut [ObjectFile], out: &mut Diagnostics) {
    for patch in &service.patches {
        let kind = patch.kind.value.as_str();
        if UNTOUCHABLE.contains(&kind) {
            out.push(
                Diagnostic::new(
                    &codes::NOTHING_TO_PATCH,
                    format!("a {kind} cannot be patched: flows and grants say what it says"),
                )
                .at(patch.kind.span(), "not this kind"),
            );
            continue;
        }
        let mut objects: Vec<&mut Object> = files
            .iter_mut()
            .flat_map(|file| &mut file.objects)
            .collect();
        let is_of_kind = |object: &Object| object.kind().as_str().eq_ignore_ascii_case(kind);
        let is_meant = |object: &Object| match &patch.name {
            Some(name) => object.name() == name.value,
            None => true,
        };
        if !objects
            .iter()
            .any(|object| is_of_kind(object) && is_meant(object))
        {
            out.push(no_object(service, patch, &objects));
            continue;
        }
        let mut is_allowed = true;
        for finding in owned::findings(service, patch) {
            is_allowed &= finding.severity() != Severity::Error;
            out.push(finding);
        }
        if !is_allowed {
            continue;
        }
        for object in objects
            .iter_mut()
            .filter(|object| is_of_kind(object) && is_meant(object))
        {
            apply_to(service, patch, object, out);
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

fn apply_to(service: &Service, patch: &Patch, object: &mut Object, out: &mut Diagnostics) {
    let mut patched = object.clone();
    let mut is_set = true;
    for field in &patch.fields {
        if let Err(fact) = set(patched.root_mut(), field) {
            is_set = false;
            let diagnostic =
                Diagnostic::new(&codes::BAD_PATCH, fact.message).at(field.path_span, "this field");
            let diagnostic = match fact.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            };
            out.push(in_patch(diagnostic, service, patch));
        }
    }
    if is_set {
        *object = patched;
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
pub(crate) fn path_of(field: &PatchField) -> String {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let names = field.path.iter().map(|name| {
        if is_name(name) {
            name.to_string()
        } else {
            format!("\"{name}\"")
        }
    });
    names.collect::<Vec<_>>().join(".")
}

/// Why a field cannot be set.
struct Unset {
    message: String,
    help: Option<String>,
}

impl Unset {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    /// A list has no element of this name.
    fn element(list: &str, items: &[Field], name: &str) -> Self {
        let named = items
            .iter()
            .position(|item| item.at(&["name"]).and_then(Field::as_text) == Some(name));
        Self {
            message: format!("the list `{list}` has no element `{name}`"),
            help: Some(match (named, items.len().checked_sub(1)) {
                (Some(at), _) => format!("elements are numbered: write `{list}.\"{at}\"`"),
                (None, Some(0)) => format!("elements are numbered: the only one is `{list}.\"0\"`"),
                (None, Some(last)) => {
                    format!("elements are numbered: `{list}.\"0\"` to `{list}.\"{last}\"`")
                }
                (None, None) => "the list is empty".to_owned(),
            }),
        }
    }
}

fn set(root: &mut Field, field: &PatchField) -> Result<(), Unset> {
    let Some((last, parents)) = field.path.split_last() else {
        return Err(Unset::new("the path of the field is empty"));
    };
    let mut at = root;
    let mut before = "";
    for name in parents {
        at = step(at, before, name)?;
        before = name;
    }
    let cause = Cause::patch(&field.value);
    let value = field.value.value.as_ref();
    let value = value.map(|value| Field::new(node(field, value), cause));
    let is_removed = value.is_none();
    match (&mut at.node, value) {
        (Node::Map(fields), Some(value)) => {
            fields.insert(last.clone(), value);
        }
        (Node::Map(fields), None) => {
            if fields.remove(last).is_none() {
                return Err(Unset::new(format!(
                    "there is no `{}` to remove",
                    path_of(field)
                )));
            }
        }
        (Node::List(items), value) => {
            let index = index_of(items, before, last)?;
            match value {
                Some(value) => items[index] = value,
                None => drop(items.remove(index)),
            }
        }
        (Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_), _) => {
            return Err(Unset::new(format!("`{before}` has no fields")));
        }
    }
    if is_removed {
        at.causes = at.causes.with(cause);
    }
    Ok(())
}

/// The field below a name, which is made if it is missing.
fn step<'v>(at: &'v mut Field, before: &str, name: &SmolStr) -> Result<&'v mut Field, Unset> {
    match &mut at.node {
        Node::List(items) => {
            let index = index_of(items, before, name)?;
            Ok(&mut items[index])
        }
        Node::Map(fields) => Ok(fields.get_or_insert(name, Map::new)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => {
            Err(Unset::new(format!("`{before}` has no fields")))
        }
    }
}

fn index_of(items: &[Field], list: &str, name: &str) -> Result<usize, Unset> {
    let index = name.parse::<usize>().ok();
    let index = index.filter(|index| *index < items.len());
    index.ok_or_else(|| Unset::element(list, items, name))
}

/// A value of a patch. Quantities may be written as numbers, and are texts.
fn node(field: &PatchField, value: &PatchValue) -> Node {
    match value {
        PatchValue::Int(number) if is_quantity(field) => number.to_string().into(),
        PatchValue::Bool(value) => (*value).into(),
        PatchValue::Int(value) => (*value).into(),
        PatchValue::Text(value) => value.into(),
        PatchValue::List(items) => {
            let items = items.iter();
            Node::List(items.map(|item| Field::plain(node(field, item))).collect())
        }
    }
}

/// Whether a field is a quantity, which may be written as a number.
fn is_quantity(field: &PatchField) -> bool {
    const MAPS: [&str; 3] = ["limits", "requests", "overhead"];
    const FIELDS: [&str; 3] = ["averageValue", "divisor", "sizeLimit"];
    match field.path.as_slice() {
        [.., map, _] if MAPS.contains(&map.as_str()) => true,
        [.., name] => FIELDS.contains(&name.as_str()),
        [] => false,
    }
}
