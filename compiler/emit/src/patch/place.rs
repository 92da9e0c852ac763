//! The value of a patch that caused a field, for diagnostics of what the patch makes of an object.

use erpc_diagnostics::Span;
use erpc_model::{Origin, Patch, PatchField, PatchValue, Service, Sourced};

use smol_str::SmolStr;

use super::written_path;
use crate::cause::Cause;
use crate::view::FieldPath;

/// A value of a patch.
pub(crate) struct Place<'s> {
    pub(crate) patch: &'s Patch,
    /// The field of the patch that it is, unless it is a part of one or of a strategic merge patch.
    pub(crate) field: Option<&'s PatchField>,
    /// Where the path or the name of the value stands.
    pub(crate) path_span: Span,
    /// Where the value stands.
    pub(crate) span: Span,
}

/// The value that is a cause.
pub(crate) fn place_of<'s>(service: &'s Service, cause: &Cause) -> Option<Place<'s>> {
    if !cause.is_patch() {
        return None;
    }
    let mut patches = service.patches.iter();
    patches.find_map(|patch| in_patch(patch, cause.origin))
}

fn in_patch(patch: &Patch, origin: Origin) -> Option<Place<'_>> {
    if let Some(merge) = &patch.merge {
        return has(merge, origin).then_some(Place {
            patch,
            field: None,
            path_span: origin.span,
            span: origin.span,
        });
    }
    patch.fields.iter().find_map(|field| {
        let is_field = field.value.origin == origin;
        let parts = field.value.value.iter().flat_map(PatchValue::parts);
        let is_part = || parts.into_iter().any(|part| has(part, origin));
        (is_field || is_part()).then_some(Place {
            patch,
            field: is_field.then_some(field),
            path_span: if is_field {
                field.path_span
            } else {
                origin.span
            },
            span: origin.span,
        })
    })
}

fn has(value: &Sourced<PatchValue>, origin: Origin) -> bool {
    value.origin == origin || value.value.parts().any(|part| has(part, origin))
}

impl Place<'_> {
    /// The path to a field at fault, as the source writes it.
    pub(crate) fn path(&self, fault: &FieldPath) -> String {
        match self.field {
            Some(field) => written_path(&field.path),
            None => fault.to_string(),
        }
    }

    /// A path whose name at a place is another.
    pub(crate) fn near(&self, at: usize, name: &SmolStr) -> String {
        let mut path = match self.field {
            Some(field) => field.path.clone(),
            None => return name.to_string(),
        };
        match path.get_mut(at) {
            Some(old) => *old = name.clone(),
            None => return name.to_string(),
        }
        written_path(&path)
    }
}
