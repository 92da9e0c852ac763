//! `patch KIND { path = value }`: fields that the language has no word for, set on one object and
//! checked against the shape of its kind.

mod owned;
mod types;
mod values;

use erpc_diagnostics::{Diagnostic, Diagnostics, Severity, codes};
use erpc_model::{Patch, PatchField, PatchValue, Service, Via, listed, nearest};
use serde_json::Value;
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

/// Applies the patches of a service to its objects.
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
        let mut known: Vec<String> = objects
            .iter()
            .map(|object| object.kind().as_str().to_ascii_lowercase())
            .filter(|kind| !UNTOUCHABLE.contains(&kind.as_str()))
            .collect();
        known.sort_unstable();
        known.dedup();
        // Where a service has several objects of a kind, the one that carries its name is meant.
        let wanted = objects
            .iter_mut()
            .filter(|object| object.kind().as_str().eq_ignore_ascii_case(kind))
            .min_by_key(|object| object.name() != service.name.value);
        match wanted {
            Some(object) => apply_to(service, patch, object, out),
            None => out.push(
                Diagnostic::new(
                    &codes::NOTHING_TO_PATCH,
                    format!("`{}` has no {kind}", service.name.value),
                )
                .at(patch.kind.span(), "no such object")
                .help(format!(
                    "it has {}",
                    listed(known.iter().map(String::as_str), 12)
                )),
            ),
        }
    }
}

fn apply_to(service: &Service, patch: &Patch, object: &mut Object, out: &mut Diagnostics) {
    let mut patched = object.clone();
    let mut is_set = true;
    for field in &patch.fields {
        if let Some(finding) = owned::finding(service, patch, field) {
            is_set &= finding.severity() != Severity::Error;
            out.push(finding);
        }
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
    if !is_set {
        return;
    }
    match types::typed(&patched) {
        // What the kind does not have is dropped on the way through its type.
        Ok(kept) => {
            for field in &patch.fields {
                if field.value.value.is_some() && get(&kept, field).is_none() {
                    let diagnostic = Diagnostic::new(
                        &codes::BAD_PATCH,
                        format!("a {} has no field `{}`", object.kind(), path_of(field)),
                    )
                    .at(field.path_span, "no such field");
                    let diagnostic = in_patch(diagnostic, service, patch);
                    out.push(match near(&kept, field) {
                        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                        None => diagnostic,
                    });
                } else if let Some(wrong) = values::wrong(field) {
                    out.push(in_patch(refused(field, wrong), service, patch));
                }
            }
            *object = patched;
        }
        Err(error) => {
            let type_error = |field: &&PatchField| {
                let mut alone = object.clone();
                match set(alone.root_mut(), field) {
                    Ok(()) => types::typed(&alone).err(),
                    // One of the fields before makes the block that this one is in.
                    Err(_) => None,
                }
            };
            let mut wrong = patch.fields.iter();
            let wrong = wrong.find_map(|field| Some((field, type_error(&field)?)));
            let diagnostic = match wrong {
                Some((field, error)) => wrong_type(field, &error),
                None => Diagnostic::new(
                    &codes::BAD_PATCH,
                    format!(
                        "these fields together make no {}: {}",
                        object.kind(),
                        types::mismatch(&error)
                    ),
                )
                .at(patch.kind.span(), "this patch"),
            };
            out.push(in_patch(diagnostic, service, patch));
        }
    }
}

/// Adds the patch, and the service if the patch is a component's.
fn in_patch(diagnostic: Diagnostic, service: &Service, patch: &Patch) -> Diagnostic {
    let diagnostic = diagnostic.also(patch.kind.span(), "in this patch");
    match patch.kind.origin.via {
        Via::Component(_) => diagnostic.also(service.name.span(), "of this service"),
        Via::Declared | Via::Default | Via::Namespace | Via::Platform | Via::Profile(_) => {
            diagnostic
        }
    }
}

/// A value that a server would refuse.
fn refused(field: &PatchField, wrong: values::Wrong) -> Diagnostic {
    let place = if wrong.is_key {
        field.path_span
    } else {
        field.value.span()
    };
    let diagnostic = Diagnostic::new(&codes::BAD_PATCH, wrong.message)
        .at(place, format!("`{}`", path_of(field)));
    match wrong.meant {
        Some(meant) => diagnostic.help(format!("did you mean `\"{meant}\"`?")),
        None => diagnostic,
    }
}

/// A value of a type that the field does not have.
fn wrong_type(field: &PatchField, error: &serde_json::Error) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &codes::BAD_PATCH,
        format!(
            "invalid value of `{}`: {}",
            path_of(field),
            types::mismatch(error)
        ),
    )
    .at(field.value.span(), "set here");
    match types::help(field, error) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The path that resembles a field's most, among what the object says.
fn near(object: &Value, field: &PatchField) -> Option<String> {
    let mut at = object;
    for (depth, name) in field.path.iter().enumerate() {
        let next = match at {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => at.get(name.as_str()),
        };
        if let Some(next) = next {
            at = next;
            continue;
        }
        let keys = at.as_object()?.keys().map(String::as_str);
        let mut path: Vec<&str> = field.path.iter().map(AsRef::as_ref).collect();
        path[depth] = nearest(name, keys)?;
        return Some(path.join("."));
    }
    None
}

/// A path as it is written.
fn path_of(field: &PatchField) -> String {
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

/// A number names an element of a list.
fn get<'v>(value: &'v Value, field: &PatchField) -> Option<&'v Value> {
    field
        .path
        .iter()
        .try_fold(value, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => value.get(name.as_str()),
        })
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
        PatchValue::Int(number) if values::is_quantity_field(field) => number.to_string().into(),
        PatchValue::Bool(value) => (*value).into(),
        PatchValue::Int(value) => (*value).into(),
        PatchValue::Text(value) => value.into(),
        PatchValue::List(items) => {
            let items = items.iter();
            Node::List(items.map(|item| Field::plain(node(field, item))).collect())
        }
    }
}
