//! The resolved platform as people ask about it: facts under the words of the language, each with
//! its value and its origin, in a tree that dotted paths lead through
//! (`erp-apps.hl7-health.memory`). What shows the model reads it here, so that every value that
//! the model holds is shown under one name.

mod chain;
mod find;
mod place;
mod service;

use crate::origin::{Origin, Sourced};
use crate::platform::Grant;

pub use chain::{Step, chain};
pub use find::{Found, Missing, Subject, find};
pub use place::{of_cluster, of_external, of_namespace, of_platform, of_secret};
pub use service::of_service;

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
    pub(crate) fn of(name: impl Into<String>, value: Plain, origin: Origin) -> Self {
        Self {
            name: name.into(),
            value: Some(value),
            origin: Some(origin),
            children: Vec::new(),
        }
    }

    /// A value as the language writes it.
    fn shown<T: ToString>(name: impl Into<String>, value: &Sourced<T>) -> Self {
        Self::of(name, Plain::Text(value.value.to_string()), value.origin)
    }

    /// A number that nobody writes: it is counted.
    fn counted(name: &str, number: usize) -> Self {
        Self {
            name: name.to_owned(),
            value: Some(Plain::Number(number as u64)),
            origin: None,
            children: Vec::new(),
        }
    }

    /// Facts under one word.
    fn group(name: &str, children: Vec<Self>) -> Self {
        Self {
            name: name.to_owned(),
            value: None,
            origin: None,
            children,
        }
    }

    fn with(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    /// The child with this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Several values of one word, each with its origin.
fn several<T: ToString>(name: &str, values: &[Sourced<T>]) -> Option<Fact> {
    let first = values.first()?;
    let all = values.iter().map(|v| Plain::Text(v.value.to_string()));
    let parts = values.iter().enumerate();
    Some(
        Fact::of(name, Plain::List(all.collect()), first.origin).with(if values.len() > 1 {
            parts
                .map(|(at, value)| Fact::shown(at.to_string(), value))
                .collect()
        } else {
            Vec::new()
        }),
    )
}

/// A word with its keys; nothing where there are none.
fn keyed(name: &str, children: Vec<Fact>) -> Option<Fact> {
    (!children.is_empty()).then(|| Fact::group(name, children))
}

fn grants(grants: &[Grant]) -> Option<Fact> {
    let children = grants.iter().enumerate().map(|(at, grant)| {
        let resources: Vec<String> = grant
            .resources
            .iter()
            .map(|resource| match resource.name.split_once('/') {
                _ if resource.group.is_empty() => resource.name.to_string(),
                Some((name, sub)) => format!("{name}.{}/{sub}", resource.group),
                None => format!("{}.{}", resource.name, resource.group),
            })
            .collect();
        let verbs: Vec<&str> = grant.verbs.iter().map(smol_str::SmolStr::as_str).collect();
        let text = format!(
            "{} on {}{}",
            verbs.join(", "),
            resources.join(", "),
            if grant.in_cluster { " in cluster" } else { "" }
        );
        Fact::of(at.to_string(), Plain::Text(text), grant.origin)
    });
    keyed("grants", children.collect())
}
