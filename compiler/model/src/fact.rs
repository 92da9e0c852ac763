//! A row of `show`: a word of the language, its value and its origin.

use crate::origin::{Origin, Sourced};

/// A word of the language, what it says here, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The word or the key: `memory`; `http` among the children of `port`.
    pub name: String,
    /// What it says; `None` for a group.
    pub value: Option<Plain>,
    /// Where it came from; `None` for a group and for what is counted.
    pub origin: Option<Origin>,
    /// The members of a group, or the parts of a value.
    pub children: Vec<Fact>,
}

/// A value without its types, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Text, a name, or a quantity as the language writes it.
    Text(String),
    /// A whole number.
    Number(u64),
    /// A truth value.
    Bool(bool),
    /// Several of them.
    List(Vec<Plain>),
}

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{item}")?;
                }
                Ok(())
            }
        }
    }
}

impl Fact {
    /// A value with its origin.
    pub(crate) fn new(name: impl Into<String>, value: Plain, origin: Origin) -> Self {
        Self {
            name: name.into(),
            value: Some(value),
            origin: Some(origin),
            children: Vec::new(),
        }
    }

    /// A value as the language writes it.
    pub(crate) fn shown<T: ToString>(name: impl Into<String>, value: &Sourced<T>) -> Self {
        Self::new(name, Plain::Text(value.value.to_string()), value.origin)
    }

    /// A number that is counted, not written.
    pub(crate) fn counted(name: &str, number: usize) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(Plain::Number(number as u64)),
            origin: None,
            children: Vec::new(),
        }
    }

    /// Facts under one word.
    pub(crate) fn group(name: &str, children: Vec<Self>) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
            origin: None,
            children,
        }
    }

    pub(crate) fn with(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    /// The child with this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}
