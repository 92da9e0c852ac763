//! The fields that objects of a type may have, for who sets them.

use super::Version;
use super::table::{Shape, Table};

/// The fields of a type in a version.
#[derive(Clone, Copy)]
pub struct Fields {
    table: &'static Table,
    version: Version,
    type_at: usize,
}

/// What a field takes.
#[derive(Clone)]
pub enum Takes {
    /// A value of any form.
    Any,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A whole number or a text.
    IntOrText,
    /// A number.
    Number,
    /// A quantity.
    Quantity,
    /// A text; one of these, unless there are none.
    Text(&'static [&'static str]),
    /// Keys with values.
    Map(Box<Self>),
    /// Elements.
    List(Box<Self>),
    /// Fields of its own.
    Object(Fields),
}

impl Fields {
    pub(super) const fn new(table: &'static Table, version: Version, type_at: usize) -> Self {
        Self {
            table,
            version,
            type_at,
        }
    }

    /// Each with what it takes, by name.
    pub fn iter(self) -> impl Iterator<Item = (&'static str, Takes)> {
        let fields = self.table.type_at(self.type_at).fields(self.version);
        fields.map(move |field| (field.name, self.takes(&field.shape, &field.values)))
    }

    fn takes(self, shape: &Shape, values: &'static [&'static str]) -> Takes {
        match shape {
            Shape::Any => Takes::Any,
            Shape::Bool => Takes::Bool,
            Shape::Int32 | Shape::Int64 => Takes::Int,
            Shape::IntOrText => Takes::IntOrText,
            Shape::Number => Takes::Number,
            Shape::Quantity => Takes::Quantity,
            Shape::Bytes | Shape::Text | Shape::Time => Takes::Text(values),
            Shape::Map(of) => Takes::Map(Box::new(self.takes(of, values))),
            Shape::List(of, _) => Takes::List(Box::new(self.takes(of, values))),
            Shape::Object(type_at) => Takes::Object(Self::new(self.table, self.version, *type_at)),
        }
    }
}
