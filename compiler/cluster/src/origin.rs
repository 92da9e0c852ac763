//! The line of the source that a field of an emitted object comes from: that of the field, else that of the block
//! around it, else that of its object.

use erpc_diagnostics::Span;
use erpc_emit::view::View;
use erpc_emit::{Field, Kind, Object};
use erpc_model::{Platform, ServiceId};

use crate::path::{FieldPath, Segment};
use crate::program::{Desired, Program, own_span};

impl Program<'_> {
    /// `platform.erp:41`, for a field of an object.
    #[must_use]
    pub fn place(&self, object: &Desired, path: &FieldPath) -> Option<String> {
        let emitted = erpc_emit::traced_object(
            self.platform,
            self.derived,
            self.sources,
            object.service,
            object.id.kind,
            |emitted| is_same(emitted, object),
        );
        let of_field = emitted.and_then(|emitted| span_at(emitted.root(), path));
        self.sources
            .place(of_field.unwrap_or_else(|| self.declaration(object)))
    }

    /// Where an object is declared.
    #[must_use]
    pub fn place_of(&self, object: &Desired) -> Option<String> {
        self.sources.place(self.declaration(object))
    }

    /// Where a service is declared.
    #[must_use]
    pub fn place_of_service(&self, service: ServiceId) -> Option<String> {
        self.sources.place(self.platform[service].name.span())
    }

    /// What declares an object; of one that only an older source has, its owner.
    fn declaration(&self, object: &Desired) -> Span {
        if !object.declaration.is_none() {
            return object.declaration;
        }
        match object.service {
            Some(id) => self.platform[id].name.span(),
            None => {
                namespace_span(self.platform, object).unwrap_or_else(|| self.platform.name.span())
            }
        }
    }
}

fn is_same(emitted: &Object, object: &Desired) -> bool {
    emitted.name() == object.id.name && emitted.namespace() == object.id.namespace.as_deref()
}

fn namespace_span(platform: &Platform, object: &Desired) -> Option<Span> {
    let name = match object.id.kind {
        Kind::Namespace => &object.id.name,
        _ => object.id.namespace.as_ref()?,
    };
    let mut namespaces = platform.namespaces();
    let (_, namespace) = namespaces.find(|(_, namespace)| namespace.name.value == *name)?;
    Some(namespace.name.span())
}

/// The line of the field at the end of a path. The root of an object is not a block around its fields.
fn span_at(root: &Field, path: &FieldPath) -> Option<Span> {
    let mut field = root;
    let mut found = None;
    for segment in path.segments() {
        match below(field, segment) {
            Some(next) => field = next,
            // The object does not have the field; what is around it is the nearest.
            None => return found,
        }
        found = own_span(field).or(found);
    }
    found.or_else(|| span_below(field))
}

/// The first line of the source that something in a block comes from.
fn span_below(field: &Field) -> Option<Span> {
    let mut children = field.children();
    children.find_map(|child| own_span(child).or_else(|| span_below(child)))
}

/// The field one step below.
fn below<'f>(field: &'f Field, segment: &Segment) -> Option<&'f Field> {
    let items = || field.as_list().unwrap_or_default().iter();
    match segment {
        Segment::Field(name) => field.as_map()?.get(name),
        Segment::Item(keys) => items().find(|item| {
            keys.iter().all(|(key, wanted)| {
                let path: Vec<&str> = key.split('/').collect();
                item.at(&path)
                    .is_some_and(|value| is_written(value, wanted))
            })
        }),
        Segment::Member(member) => items().find(|item| is_written(item, member)),
        Segment::Index(index) => items().nth(*index),
        Segment::Order => Some(field),
    }
}

/// Whether a value is written like this.
fn is_written(field: &Field, wanted: &str) -> bool {
    field.scalar().is_some_and(|text| text == wanted)
}
