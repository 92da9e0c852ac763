//! `patch KIND { path = value }`: fields that the language has no word for, set on one object and
//! held to the shape of its kind.

mod owned;

use erpc_diagnostics::{Diagnostic, Diagnostics, Severity, codes};
use erpc_model::{Patch, PatchField, PatchValue, Service, listed, nearest};
use serde_json::{Map, Value};

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
            .map(|object| object.kind().to_ascii_lowercase())
            .filter(|kind| !UNTOUCHABLE.contains(&kind.as_str()))
            .collect();
        known.sort_unstable();
        known.dedup();
        // Where a service has several objects of a kind, the one that carries its name is meant.
        let wanted = objects
            .iter_mut()
            .filter(|object| object.kind().eq_ignore_ascii_case(kind))
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
    let Ok(mut value) = serde_json::to_value(&*object) else {
        return;
    };
    let mut is_set = true;
    for field in &patch.fields {
        if let Some(finding) = owned::finding(service, patch, field) {
            is_set &= finding.severity() != Severity::Error;
            out.push(finding);
        }
        if let Err(fact) = set(&mut value, field) {
            is_set = false;
            out.push(
                Diagnostic::new(&codes::BAD_PATCH, fact)
                    .at(field.path_span, "this field")
                    .also(patch.kind.span(), "in this patch"),
            );
        }
    }
    if !is_set {
        return;
    }
    match object.like(value) {
        Ok(patched) => {
            // What the kind does not have is dropped on the way through its type.
            let kept = serde_json::to_value(&patched).unwrap_or_default();
            for field in &patch.fields {
                if field.value.value.is_some() && get(&kept, field).is_none() {
                    let diagnostic = Diagnostic::new(
                        &codes::BAD_PATCH,
                        format!("a {} has no field `{}`", object.kind(), path_of(field)),
                    )
                    .at(field.path_span, "no such field")
                    .also(patch.kind.span(), "in this patch");
                    out.push(match near(&kept, field) {
                        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                        None => diagnostic,
                    });
                }
            }
            *object = patched;
        }
        Err(error) => {
            let is_wrong_alone = |field: &&PatchField| {
                let alone = serde_json::to_value(&*object).ok();
                alone.is_some_and(|mut alone| {
                    set(&mut alone, field).is_ok() && object.like(alone).is_err()
                })
            };
            let wrong = patch.fields.iter().find(is_wrong_alone);
            let wrong = wrong.or(patch.fields.first());
            out.push(
                Diagnostic::new(
                    &codes::BAD_PATCH,
                    format!("this makes no {}: {error}", object.kind()),
                )
                .at(
                    wrong.map_or(patch.kind.span(), |field| field.value.span()),
                    "set here",
                )
                .also(patch.kind.span(), "in this patch"),
            );
        }
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

fn path_of(field: &PatchField) -> String {
    field.path.join(".")
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

fn set(root: &mut Value, field: &PatchField) -> Result<(), String> {
    let Some((last, parents)) = field.path.split_last() else {
        return Err("the path of the field is empty".to_owned());
    };
    let mut at = root;
    for name in parents {
        at = match at {
            Value::Array(items) => name
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .ok_or_else(|| format!("the list before `{name}` has no such element"))?,
            Value::Object(fields) => fields
                .entry(name.as_str())
                .or_insert_with(|| Value::Object(Map::new())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(format!("what stands before `{name}` has no fields"));
            }
        };
    }
    match (at, &field.value.value) {
        (Value::Object(fields), Some(value)) => {
            fields.insert(last.to_string(), json(value));
            Ok(())
        }
        (Value::Object(fields), None) => match fields.remove(last.as_str()) {
            Some(_) => Ok(()),
            None => Err(format!("there is no `{}` to remove", path_of(field))),
        },
        _ => Err(format!("what stands before `{last}` has no fields")),
    }
}

fn json(value: &PatchValue) -> Value {
    match value {
        PatchValue::Bool(value) => Value::Bool(*value),
        PatchValue::Int(value) => Value::from(*value),
        PatchValue::Text(value) => Value::String(value.clone()),
        PatchValue::List(items) => Value::Array(items.iter().map(json).collect()),
    }
}
