//! One change of an object: the walk to its field, which makes maps that are missing, and what becomes of the field.
//! In a list the source names an element by its number, by its merge key if the schema has one, or by `+`, which is
//! behind the last.

use std::borrow::Cow;

use erpc_diagnostics::{listed, nearest};
use erpc_model::{Origin, PatchValue, Sourced};
use serde_json::Number;
use smol_str::SmolStr;

use super::{Action, Change, Fault, Step, written_path};
use crate::cause::Cause;
use crate::schema::{Merging, Typed};
use crate::tree::{Field, Map, Node};
use crate::view::View;

/// Behind the last element of a list.
const BEHIND: &str = "+";

/// The merge keys of a list, each with what it is by default.
type Keys = [(&'static str, Option<&'static str>)];

/// Makes a change. `root` is unusable if it cannot be made.
pub(super) fn change(
    root: &mut Field,
    typed: Option<Typed>,
    change: &Change<'_>,
) -> Result<(), Fault> {
    let cause = Cause::patch_at(change.origin);
    let (mut at, mut typed) = (root, typed);
    let mut before: &str = "";
    let Some((last, parents)) = change.path.split_last() else {
        return Err(Fault::new("the path of the field is empty"));
    };
    for step in parents {
        let below = typed_below(typed, step, &at.node);
        at = match (&mut at.node, step) {
            (Node::Map(fields), Step::Name(name)) => {
                let is_list = below.is_some_and(Typed::is_list);
                fields.get_or_insert(name, || match is_list {
                    true => Node::List(Vec::new()),
                    false => Map::new().into(),
                })
            }
            (Node::List(items), Step::Name(name)) => {
                let place = element(items, typed, before, name, change)?;
                &mut items[place]
            }
            (Node::List(items), Step::Element(keys)) => {
                let place = ensured(items, typed, keys, cause);
                &mut items[place]
            }
            _ => return Err(Fault::new(format!("`{before}` has no fields"))),
        };
        typed = below;
        if let Step::Name(name) = step {
            before = name;
        }
    }
    let below = typed_below(typed, last, &at.node);
    match (&mut at.node, last) {
        (Node::Map(fields), Step::Name(name)) => change_of_map(fields, name, below, change, cause)?,
        (Node::List(items), Step::Element(keys)) => match &change.action {
            Action::Drop | Action::Remove => {
                if let Some(place) = keyed(items, typed, keys) {
                    items.remove(place);
                }
            }
            Action::Ensure | Action::Set(_) | Action::Add(_) => {
                ensured(items, typed, keys, cause);
            }
        },
        (Node::List(items), Step::Name(name)) => {
            change_of_list(items, name, (typed, below), before, change, cause)?;
        }
        _ => return Err(Fault::new(format!("`{before}` has no fields"))),
    }
    let is_removed = matches!(change.action, Action::Remove | Action::Drop);
    if is_removed {
        at.causes = at.causes.with(cause);
    }
    Ok(())
}

fn typed_below(typed: Option<Typed>, step: &Step<'_>, node: &Node) -> Option<Typed> {
    match (step, node) {
        (_, Node::List(_)) => typed?.element(),
        (Step::Name(name), _) => typed?.field(name),
        (Step::Element(_), _) => None,
    }
}

/// What becomes of a field of a map.
fn change_of_map(
    fields: &mut Map,
    name: &SmolStr,
    typed: Option<Typed>,
    change: &Change<'_>,
    cause: Cause,
) -> Result<(), Fault> {
    match &change.action {
        Action::Set(value) => {
            let node = node(value, typed, change.origin, Cause::patch_at);
            fields.insert(name.clone(), Field::new(node, cause));
        }
        Action::Remove => {
            if fields.remove(name).is_none() {
                return Err(Fault::new(format!(
                    "no `{}` to remove",
                    written_path(&shown_names(&change.path))
                )));
            }
        }
        Action::Drop => drop(fields.remove(name)),
        Action::Ensure => {
            if fields.get(name).is_none() {
                fields.insert(name.clone(), Field::new(Map::new(), cause));
            }
        }
        Action::Add(values) => {
            if fields.get(name).is_none() {
                fields.insert(name.clone(), Field::new(Vec::new(), cause));
            }
            let list = fields.get_mut(name).map(|field| &mut field.node);
            let Some(Node::List(items)) = list else {
                return Err(Fault::new(format!("`{name}` is not a list")));
            };
            for value in *values {
                let of_list = typed.and_then(Typed::element);
                let field = field_of(value, of_list, change.origin, Cause::patch_at);
                if items.iter().all(|item| item.node != field.node) {
                    items.push(Field::new(field.node, Cause::patch_at(value.origin)));
                }
            }
        }
    }
    Ok(())
}

/// What becomes of an element that the source names.
fn change_of_list(
    items: &mut Vec<Field>,
    name: &SmolStr,
    (list, typed): (Option<Typed>, Option<Typed>),
    before: &str,
    change: &Change<'_>,
    cause: Cause,
) -> Result<(), Fault> {
    let Action::Set(value) = &change.action else {
        let place = element(items, list, before, name, change)?;
        items.remove(place);
        return Ok(());
    };
    let value = Field::new(node(value, typed, change.origin, Cause::patch_at), cause);
    if name == BEHIND {
        items.push(value);
        return Ok(());
    }
    let keys = list.and_then(single_key);
    let place = place_of(items, list, name)?;
    let is_number = |place: &usize| name.parse() == Ok(*place);
    match (place, keys) {
        (Some(place), _) if is_number(&place) => items[place] = value,
        (place, Some(key)) => {
            let value = with_key(value, key, name, typed, cause)?;
            match place {
                Some(place) => items[place] = value,
                None => items.push(value),
            }
        }
        (Some(place), None) => items[place] = value,
        (None, None) => return Err(missing(items, list, before, name, change)),
    }
    Ok(())
}

/// An element as a map that has its merge key.
fn with_key(
    mut value: Field,
    key: &'static str,
    name: &SmolStr,
    typed: Option<Typed>,
    cause: Cause,
) -> Result<Field, Fault> {
    let Some(fields) = value.as_map_mut() else {
        return Err(Fault::new(format!(
            "the element `{name}` has fields of its own: write `{{ … }}`"
        )));
    };
    let typed = typed.and_then(|typed| typed.field(key));
    let number = typed.filter(|typed| !typed.is_text());
    let wanted = match number.and_then(|_| name.parse::<i64>().ok()) {
        Some(number) => Node::from(number),
        None => Node::from(name),
    };
    match fields.get(key) {
        Some(field) if field.node != wanted => Err(Fault::new(format!(
            "`{key}` differs from `{name}`, the element's name in the path"
        ))),
        Some(_) => Ok(value),
        None => {
            fields.insert(SmolStr::new_static(key), Field::new(wanted, cause));
            Ok(value)
        }
    }
}

/// The only merge key of a list, or the only one without a default.
fn single_key(list: Typed) -> Option<&'static str> {
    let Merging::Keys(keys) = list.merging() else {
        return None;
    };
    let mut open = keys.iter().filter(|(_, default)| default.is_none());
    match (open.next(), open.next()) {
        (Some((key, _)), None) => Some(key),
        _ => None,
    }
}

/// The place of the element that the source names: its number, or its merge key.
fn place_of(items: &[Field], list: Option<Typed>, name: &str) -> Result<Option<usize>, Fault> {
    if let Some(place) = name.parse::<usize>().ok().filter(|at| *at < items.len()) {
        return Ok(Some(place));
    }
    let Some(key) = list.and_then(single_key) else {
        return Ok(None);
    };
    let has_key = |item: &Field| item.field(key).and_then(View::scalar).as_deref() == Some(name);
    let mut places = items.iter().enumerate().filter(|(_, item)| has_key(item));
    let first = places.next().map(|(place, _)| place);
    if places.next().is_some() {
        return Err(
            Fault::new(format!("several elements have the {key} `{name}`"))
                .help("name the element by its number, which starts at 0"),
        );
    }
    Ok(first)
}

/// The place of an element that must be there.
fn element(
    items: &[Field],
    list: Option<Typed>,
    before: &str,
    name: &SmolStr,
    change: &Change<'_>,
) -> Result<usize, Fault> {
    place_of(items, list, name)?.ok_or_else(|| missing(items, list, before, name, change))
}

/// That a list has no element of this name.
fn missing(
    items: &[Field],
    list: Option<Typed>,
    before: &str,
    name: &SmolStr,
    change: &Change<'_>,
) -> Fault {
    let fault = Fault::new(format!("the list `{before}` has no element `{name}`"));
    let Some(key) = list.and_then(single_key) else {
        return fault.help(match items.len().checked_sub(1) {
            Some(0) => {
                format!("elements are numbered: the only one is `{before}.\"0\"`; `{before}.\"+\"` adds one")
            }
            Some(last) => format!(
                "elements are numbered: `{before}.\"0\"` to `{before}.\"{last}\"`; `{before}.\"+\"` adds one"
            ),
            None => format!("the list is empty; `{before}.\"+\"` adds an element"),
        });
    };
    let keys = items.iter().filter_map(|item| item.field(key)?.scalar());
    let keys: Vec<String> = keys.collect();
    let known = || keys.iter().map(String::as_str);
    if let Some(near) = nearest(name, known()) {
        let near = written_path(&[near.into()]);
        return fault.help(format!("did you mean `{before}.{near}`?"));
    }
    let is_below = !matches!(change.path.last(), Some(Step::Name(last)) if last == name);
    let add = match is_below {
        true => format!(
            "; `{before}.{} = {{ … }}` adds it",
            written_path(std::slice::from_ref(name))
        ),
        false => String::new(),
    };
    fault.help(match keys.is_empty() {
        true => format!("the list is empty{add}"),
        false => format!("it has {}{add}", listed(known(), 8)),
    })
}

/// The place of the element with these merge keys.
fn keyed(
    items: &[Field],
    list: Option<Typed>,
    keys: &[(&'static str, Cow<'_, PatchValue>)],
) -> Option<usize> {
    let defaults: &Keys = match list.map(Typed::merging) {
        Some(Merging::Keys(defaults)) => defaults,
        _ => &[],
    };
    let has = |item: &Field, key: &str, wanted: &PatchValue| {
        let default = defaults.iter().find(|(known, _)| *known == key);
        let default = default.and_then(|(_, default)| *default);
        let value = item.field(key).and_then(View::scalar);
        value.as_deref().or(default) == scalar(wanted).as_deref()
    };
    items
        .iter()
        .position(|item| keys.iter().all(|(key, wanted)| has(item, key, wanted)))
}

/// The place of the element with these merge keys, which is added if it is missing.
fn ensured(
    items: &mut Vec<Field>,
    list: Option<Typed>,
    keys: &[(&'static str, Cow<'_, PatchValue>)],
    cause: Cause,
) -> usize {
    keyed(items, list, keys).unwrap_or_else(|| {
        let element = list.and_then(Typed::element);
        let fields = keys.iter().map(|(key, value)| {
            let typed = element.and_then(|element| element.field(key));
            let node = node(value, typed, cause.origin, Cause::patch_at);
            (SmolStr::new_static(key), Field::new(node, cause))
        });
        items.push(Field::plain(fields.collect::<Map>()));
        items.len() - 1
    })
}

/// A value of a patch as text, if it is one that can be a merge key.
pub(super) fn scalar(value: &PatchValue) -> Option<String> {
    match value {
        PatchValue::Bool(value) => Some(value.to_string()),
        PatchValue::Int(value) => Some(value.to_string()),
        PatchValue::Text(text) => Some(text.clone()),
        PatchValue::Null | PatchValue::Float(_) | PatchValue::List(_) | PatchValue::Map(_) => None,
    }
}

/// A value of a patch, or of a manifest, as one of an object. Quantities may be written as numbers, and are texts; a map has no field
/// that is null.
pub(crate) fn node(
    value: &PatchValue,
    typed: Option<Typed>,
    origin: Origin,
    cause: fn(Origin) -> Cause,
) -> Node {
    match value {
        PatchValue::Int(number) if typed.is_some_and(Typed::is_quantity) => {
            number.to_string().into()
        }
        PatchValue::Null => Node::Null,
        PatchValue::Bool(value) => (*value).into(),
        PatchValue::Int(value) => (*value).into(),
        PatchValue::Float(value) => match Number::from_f64(*value) {
            Some(number) => Node::Number(number),
            None => value.to_string().into(),
        },
        PatchValue::Text(value) => value.into(),
        PatchValue::List(items) => {
            let typed = typed.and_then(Typed::element);
            let items = items.iter();
            let field = |item| field_of(item, typed, origin, cause);
            Node::List(items.map(field).collect())
        }
        PatchValue::Map(entries) => {
            let set = entries
                .iter()
                .filter(|(_, value)| value.value != PatchValue::Null);
            let entry = |(name, value): &(SmolStr, Sourced<PatchValue>)| {
                let typed = typed.and_then(|typed| typed.field(name));
                (name.clone(), field_of(value, typed, origin, cause))
            };
            Node::Map(set.map(entry).collect())
        }
    }
}

/// A part of a value, with a cause of its own if it stands elsewhere than the value around it.
fn field_of(
    value: &Sourced<PatchValue>,
    typed: Option<Typed>,
    around: Origin,
    cause: fn(Origin) -> Cause,
) -> Field {
    let node = node(&value.value, typed, value.origin, cause);
    if value.origin == around {
        return Field::plain(node);
    }
    Field::new(node, cause(value.origin))
}

/// The field at the end of a path, if it is there.
pub(super) fn find<'o>(
    root: &'o Field,
    mut typed: Option<Typed>,
    path: &[Step<'_>],
) -> Option<&'o Field> {
    let mut at = root;
    for step in path {
        let below = typed_below(typed, step, &at.node);
        at = match (&at.node, step) {
            (Node::Map(fields), Step::Name(name)) => fields.get(name)?,
            // An element that cannot be told is reported when it is changed.
            (Node::List(items), Step::Name(name)) => {
                &items[place_of(items, typed, name).ok()??]
            }
            (Node::List(items), Step::Element(keys)) => &items[keyed(items, typed, keys)?],
            _ => return None,
        };
        typed = below;
    }
    Some(at)
}

/// The type of the field at the end of a path from a type. Names of elements are those behind a list.
pub(super) fn typed_at(typed: Option<Typed>, path: &[Step<'_>]) -> Option<Typed> {
    path.iter().try_fold(typed?, |typed, step| match step {
        Step::Name(name) => typed.element().or_else(|| typed.field(name)),
        Step::Element(_) => typed.element(),
    })
}

/// The names of a path for messages.
pub(super) fn shown_names(path: &[Step<'_>]) -> Vec<SmolStr> {
    let names = path.iter().map(|step| match step {
        Step::Name(name) => name.clone(),
        Step::Element(keys) => {
            let keys = keys.iter().filter_map(|(_, value)| scalar(value));
            keys.collect::<Vec<_>>().join(",").into()
        }
    });
    names.collect()
}
