//! How values merge: what a field of a type holds, and what tells the elements of a list apart.

use super::Version;
use super::table::{Elements, Kind, Shape, Table, TypeName};

/// The type of a value in a version.
#[derive(Clone, Copy)]
pub struct Typed {
    table: &'static Table,
    version: Version,
    shape: Of,
}

#[derive(Clone, Copy)]
enum Of {
    Object(usize),
    Shape(&'static Shape),
}

/// How a list merges with another.
#[derive(Clone, Copy)]
pub enum Merging {
    /// It is replaced.
    Atomic,
    /// Its values are added.
    Set,
    /// Elements with the same keys merge. Each key has the value that it is by default.
    Keys(&'static [(&'static str, Option<&'static str>)]),
}

impl Typed {
    pub(super) const fn of_kind(table: &'static Table, version: Version, kind: &Kind) -> Self {
        Self {
            table,
            version,
            shape: Of::Object(kind.type_at),
        }
    }

    const fn with(self, shape: &'static Shape) -> Self {
        Self {
            shape: Of::Shape(shape),
            ..self
        }
    }

    /// The name of the type, if it is an object of fields.
    #[must_use]
    pub fn name(self) -> Option<TypeName> {
        match self.shape {
            Of::Object(type_at) | Of::Shape(&Shape::Object(type_at)) => {
                Some(self.table.type_at(type_at).name)
            }
            Of::Shape(_) => None,
        }
    }

    /// Whether it is a list.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self.shape, Of::Shape(Shape::List(..)))
    }

    /// Whether it is a list or a map by keys that are not fields.
    #[must_use]
    pub const fn is_collection(self) -> bool {
        matches!(self.shape, Of::Shape(Shape::List(..) | Shape::Map(_)))
    }

    /// What a field holds, or the value of a key; `None` if there is no such field.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Self> {
        let type_at = match self.shape {
            Of::Object(type_at) | Of::Shape(&Shape::Object(type_at)) => type_at,
            Of::Shape(Shape::Map(of)) => return Some(self.with(of)),
            Of::Shape(_) => return None,
        };
        let field = self.table.type_at(type_at).field(self.version, name)?;
        Some(self.with(&field.shape))
    }

    /// What the elements of a list are.
    #[must_use]
    pub const fn element(self) -> Option<Self> {
        match self.shape {
            Of::Shape(Shape::List(of, _)) => Some(self.with(of)),
            Of::Object(_) | Of::Shape(_) => None,
        }
    }

    /// How the list merges.
    #[must_use]
    pub fn merging(self) -> Merging {
        match self.shape {
            Of::Shape(Shape::List(_, Elements::Keys(keys))) => Merging::Keys(keys),
            Of::Shape(Shape::List(_, Elements::Values)) => Merging::Set,
            Of::Object(_) | Of::Shape(_) => Merging::Atomic,
        }
    }

    /// Whether it is a text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self.shape, Of::Shape(Shape::Text))
    }

    /// Whether it is a quantity, which may be written as a number.
    #[must_use]
    pub const fn is_quantity(self) -> bool {
        matches!(self.shape, Of::Shape(Shape::Quantity))
    }
}
