//! A read-only view of the value of an object or of a part of it, for what judges objects: schemas and validation.

use std::fmt;

use serde_json::{Number, Value};
use smol_str::SmolStr;

use crate::tree::{Field, Map, Node, PathSegment};

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

    /// The value at the end of a path of names.
    fn at(&self, path: &[&str]) -> Option<&Self> {
        let mut names = path.iter();
        names.try_fold(self, |value, name| value.field(name))
    }

    /// The number, if it is a whole one.
    fn int(&self) -> Option<i64> {
        match self.look() {
            Look::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Whether it is `true`.
    fn is_true(&self) -> bool {
        matches!(self.look(), Look::Bool(true))
    }

    /// Whether a server takes it for a field that is set.
    fn is_set(&self) -> bool {
        match self.look() {
            Look::Null => false,
            Look::Text(text) => !text.is_empty(),
            Look::Bool(_) | Look::Number(_) | Look::List(_) | Look::Map => true,
        }
    }

    /// Any value but a list, a map and nothing, as text.
    fn scalar(&self) -> Option<String> {
        match self.look() {
            Look::Bool(value) => Some(value.to_string()),
            Look::Number(number) => Some(number.to_string()),
            Look::Text(text) => Some(text.to_owned()),
            Look::Null | Look::List(_) | Look::Map => None,
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

impl View for Field {
    fn look(&self) -> Look<'_, Self> {
        match &self.node {
            Node::Null => Look::Null,
            Node::Bool(value) => Look::Bool(*value),
            Node::Number(number) => Look::Number(number),
            Node::Text(text) => Look::Text(text),
            Node::List(items) => Look::List(items),
            Node::Map(_) => Look::Map,
        }
    }

    fn field(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        let fields = self.as_map().into_iter().flat_map(Map::iter);
        fields.map(|(name, field)| (name.as_str(), field))
    }
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

/// Where a value is in its object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(pub Vec<PathSegment>);

impl FieldPath {
    /// The path of a field below.
    #[must_use]
    pub fn field(&self, name: impl Into<SmolStr>) -> Self {
        self.with(PathSegment::Key(name.into()))
    }

    /// The path of an element of the list.
    #[must_use]
    pub fn item(&self, place: usize) -> Self {
        self.with(PathSegment::Item(place))
    }

    /// The path of a field that is some levels below.
    #[must_use]
    pub fn fields(&self, names: &[&str]) -> Self {
        names
            .iter()
            .fold(self.clone(), |path, name| path.field(*name))
    }

    fn with(&self, step: PathSegment) -> Self {
        let mut path = self.clone();
        path.0.push(step);
        path
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                PathSegment::Key(name) if at == 0 => f.write_str(name)?,
                PathSegment::Key(name) if name.contains(['.', '/']) => write!(f, "[\"{name}\"]")?,
                PathSegment::Key(name) => write!(f, ".{name}")?,
                PathSegment::Item(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}
