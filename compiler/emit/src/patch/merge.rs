//! A strategic merge patch as a list of changes, as `k8s.io/apimachinery/pkg/util/strategicpatch` defines it: maps merge
//! field by field, `null` removes a field, lists merge by the keys of the schema, and all other lists are replaced.
//! `$patch: delete` removes a map or an element, `$patch: replace` puts a map or a list in the place of the old one.

use std::borrow::Cow;

use erpc_diagnostics::Span;
use erpc_model::{PatchValue, Sourced};
use smol_str::SmolStr;

use super::fields::scalar;
use super::{Action, Change, Fault, Step};
use crate::Object;
use crate::schema::{Merging, Typed};

const DIRECTIVE: &str = "$patch";
/// Directives of clients that compute patches; what they order or keep can be written out.
const REFUSED: [(&str, &str); 3] = [
    (
        "$setElementOrder/",
        "the order of a list cannot be set by a merge: elements keep theirs, and new ones are behind them",
    ),
    (
        "$retainKeys",
        "write `$patch: replace` with all fields that stay, or remove each of the others with `null`",
    ),
    (
        "$deleteFromPrimitiveList/",
        "write the list with `patch KIND { path = [ … ] }`, which replaces it",
    ),
];

/// The changes that a patch makes of an object, in the order in which they are written.
pub(super) fn changes<'p>(
    patch: &'p Sourced<PatchValue>,
    typed: Option<Typed>,
    object: &Object,
) -> Result<Vec<Change<'p>>, (Fault, Span)> {
    let mut walk = Walk {
        object,
        path: Vec::new(),
        changes: Vec::new(),
    };
    if let PatchValue::Map(entries) = &patch.value {
        if let Some(directive) = patch.value.get(DIRECTIVE) {
            let fault = Fault::new("`$patch` is not allowed for the whole object");
            return Err((fault, directive.span()));
        }
        walk.entries(entries, typed)?;
    }
    Ok(walk.changes)
}

type Done = Result<(), (Fault, Span)>;
type Entries = [(SmolStr, Sourced<PatchValue>)];

/// What `$patch` demands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

struct Walk<'o, 'p> {
    object: &'o Object,
    path: Vec<Step<'p>>,
    changes: Vec<Change<'p>>,
}

impl<'p> Walk<'_, 'p> {
    fn push(&mut self, value: &'p Sourced<PatchValue>, action: Action<'p>) {
        self.changes.push(Change {
            path: self.path.clone(),
            path_span: value.span(),
            origin: value.origin,
            action,
        });
    }

    fn entries(&mut self, entries: &'p Entries, typed: Option<Typed>) -> Done {
        for (name, value) in entries {
            if name == DIRECTIVE {
                continue;
            }
            let refused = REFUSED
                .iter()
                .find(|(directive, _)| name.starts_with(directive));
            if let Some((_, help)) = refused {
                let fault = Fault::new(format!("`{name}` is not supported")).help(*help);
                return Err((fault, value.span()));
            }
            self.path.push(Step::Name(name.clone()));
            // What tells which object is meant may be repeated.
            if !self.is_identity(value) {
                self.value(value, typed.and_then(|typed| typed.field(name)))?;
            }
            self.path.pop();
        }
        Ok(())
    }

    /// Whether a value is what the object is called, which stays.
    fn is_identity(&self, value: &Sourced<PatchValue>) -> bool {
        let names: Option<Vec<&str>> = self
            .path
            .iter()
            .map(|step| match step {
                Step::Name(name) => Some(name.as_str()),
                Step::Element(_) => None,
            })
            .collect();
        let is_known = matches!(
            names.as_deref(),
            Some(["apiVersion" | "kind"] | ["metadata", "name" | "namespace"])
        );
        is_known
            && value.value.as_text().is_some()
            && names.and_then(|names| self.object.text_at(&names)) == value.value.as_text()
    }

    fn value(&mut self, value: &'p Sourced<PatchValue>, typed: Option<Typed>) -> Done {
        match &value.value {
            PatchValue::Null => self.push(value, Action::Drop),
            PatchValue::Map(entries) => match directive(&value.value)? {
                Directive::Merge => {
                    // A map that sets nothing is there nevertheless: `emptyDir: {}`.
                    if entries.is_empty() {
                        self.push(value, Action::Ensure);
                    }
                    self.entries(entries, typed)?;
                }
                Directive::Replace => {
                    let map = Cow::Owned(without_directive(entries));
                    self.push(value, Action::Set(map));
                }
                Directive::Delete => self.push(value, Action::Drop),
            },
            PatchValue::List(items) => self.list(value, items, typed)?,
            PatchValue::Bool(_)
            | PatchValue::Int(_)
            | PatchValue::Float(_)
            | PatchValue::Text(_) => self.push(value, Action::Set(Cow::Borrowed(&value.value))),
        }
        Ok(())
    }

    fn list(
        &mut self,
        value: &'p Sourced<PatchValue>,
        items: &'p [Sourced<PatchValue>],
        typed: Option<Typed>,
    ) -> Done {
        let merging = typed.map_or(Merging::Atomic, Typed::merging);
        for item in items {
            if directive(&item.value)? == Directive::Replace {
                // The others are the new list.
                let others = items
                    .iter()
                    .filter(|item| item.value.get(DIRECTIVE).is_none());
                let list = PatchValue::List(others.cloned().collect());
                self.push(value, Action::Set(Cow::Owned(list)));
                return Ok(());
            }
        }
        match merging {
            Merging::Atomic => {
                if let Some(directive) = items.iter().find_map(|item| item.value.get(DIRECTIVE)) {
                    let fault = Fault::new(
                        "this list has no merge key: it can only be replaced as a whole",
                    )
                    .help("write all elements that it has to have");
                    return Err((fault, directive.span()));
                }
                self.push(value, Action::Set(Cow::Borrowed(&value.value)));
            }
            Merging::Set => self.push(value, Action::Add(items)),
            Merging::Keys(keys) => {
                let element = typed.and_then(Typed::element);
                // A missing list is made, and elements are merged into one that exists.
                self.push(value, Action::Add(&[]));
                for item in items {
                    self.element(item, keys, element)?;
                }
            }
        }
        Ok(())
    }

    /// An element of a list that merges by keys.
    fn element(
        &mut self,
        item: &'p Sourced<PatchValue>,
        keys: &'static [(&'static str, Option<&'static str>)],
        typed: Option<Typed>,
    ) -> Done {
        let PatchValue::Map(entries) = &item.value else {
            let keys = keys.iter().map(|(key, _)| *key);
            let fault = Fault::new(format!(
                "elements of `{}` are maps with {}",
                self.here(),
                erpc_model::listed(keys, usize::MAX)
            ));
            return Err((fault, item.span()));
        };
        let mut found = Vec::new();
        for (key, default) in keys {
            let value = item.value.get(key).map(|value| &value.value);
            match (value, default) {
                (Some(value), _) if scalar(value).is_some() => {
                    found.push((*key, Cow::Borrowed(value)));
                }
                (None, Some(default)) => {
                    let value = PatchValue::Text((*default).to_owned());
                    found.push((*key, Cow::Owned(value)));
                }
                (Some(_), _) | (None, None) => {
                    let fault = Fault::new(format!(
                        "an element of `{}` has no merge key: `{key}` is required",
                        self.here()
                    ));
                    return Err((fault, item.span()));
                }
            }
        }
        self.path.push(Step::Element(found));
        match directive(&item.value)? {
            Directive::Delete => self.push(item, Action::Drop),
            Directive::Merge | Directive::Replace => {
                self.push(item, Action::Ensure);
                let is_key = |name: &str| keys.iter().any(|(key, _)| *key == name);
                for entry in entries.iter().filter(|(name, _)| !is_key(name)) {
                    self.entries(std::slice::from_ref(entry), typed)?;
                }
            }
        }
        self.path.pop();
        Ok(())
    }

    /// The name of the list at hand.
    fn here(&self) -> &str {
        match self.path.last() {
            Some(Step::Name(name)) => name,
            Some(Step::Element(_)) | None => "the list",
        }
    }
}

fn directive(value: &PatchValue) -> Result<Directive, (Fault, Span)> {
    let Some(found) = value.get(DIRECTIVE) else {
        return Ok(Directive::Merge);
    };
    match found.value.as_text() {
        Some("merge") => Ok(Directive::Merge),
        Some("replace") => Ok(Directive::Replace),
        Some("delete") => Ok(Directive::Delete),
        _ => {
            let fault = Fault::new("invalid `$patch`: expected `merge`, `replace` or `delete`");
            Err((fault, found.span()))
        }
    }
}

fn without_directive(entries: &Entries) -> PatchValue {
    let kept = entries.iter().filter(|(name, _)| name != DIRECTIVE);
    PatchValue::Map(kept.cloned().collect())
}
