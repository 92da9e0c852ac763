//! A read-only view of the value of an object or of a part of it, for what judges objects: schemas and validation.

use std::fmt;

use serde_json::{Number, Value};
use smol_str::SmolStr;

/// A value whose parts can be looked at.
pub trait View: Sized {
    /// What it is.
    fn look(&self) -> Look<'_, Self>;

    /// The field of this name, if the value is a map that has it.
    fn field(&self, name: &str) -> Option<&Self>;

    /// The fields of a map, in their order; of any other value none.
    fn fields(&self) -> impl Iterator<Item = (&str, &Self)>;

    /// The elements of a list; of any other value none.
    fn items(&self) -> &[Self] {
        match self.look() {
            Look::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is one.
    fn text(&self) -> Option<&str> {
        match self.look() {
            Look::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What a value is.
#[derive(Debug)]
pub enum Look<'v, V> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(&'v Number),
    /// A text.
    Text(&'v str),
    /// A list.
    List(&'v [V]),
    /// A map.
    Map,
}

impl View for Value {
    fn look(&self) -> Look<'_, Self> {
        match self {
            Self::Null => Look::Null,
            Self::Bool(value) => Look::Bool(*value),
            Self::Number(number) => Look::Number(number),
            Self::String(text) => Look::Text(text),
            Self::Array(items) => Look::List(items),
            Self::Object(_) => Look::Map,
        }
    }

    fn field(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        let fields = self.as_object().into_iter().flatten();
        fields.map(|(name, value)| (name.as_str(), value))
    }
}

/// One step of a path into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field, or a key of a map.
    Field(SmolStr),
    /// An element of a list.
    Item(usize),
}

/// Where a value is in its object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(pub Vec<Step>);

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if at == 0 => f.write_str(name)?,
                Step::Field(name) if name.contains(['.', '/']) => write!(f, "[\"{name}\"]")?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}
