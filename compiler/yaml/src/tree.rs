//! A document as a tree of values, and the place of a value in it as Kubernetes writes it.

use std::fmt;

use rustc_hash::FxHashMap;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use smol_str::SmolStr;

/// A value of YAML or JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A string.
    Text(SmolStr),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, whose keys are different.
    Map(Vec<(SmolStr, Node)>),
}

impl Node {
    /// What it is, for messages.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a Boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// The value of a key; `None` where this is no mapping, has no such key, or holds nothing.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(name, value)| name == key && *value != Self::Null)
            .map(|(_, value)| value)
    }

    /// Its text, if it is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&SmolStr> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key.as_str(), value)))
            }
        }
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        #[allow(clippy::cast_precision_loss, reason = "as in Kubernetes")]
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Int))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(SmolStr::new(value)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Entries::default();
        while let Some((key, value)) = entries.next_entry::<String, Node>()? {
            map.set(key.into(), value);
        }
        Ok(map.into())
    }
}

/// The entries of a mapping while it is read: in the order in which their keys first appear, each
/// with the last value of its key, which is the one that kubectl sends.
#[derive(Default)]
pub(crate) struct Entries {
    list: Vec<(SmolStr, Node)>,
    places: FxHashMap<SmolStr, usize>,
}

impl Entries {
    pub(crate) fn set(&mut self, key: SmolStr, value: Node) {
        match self.places.get(&key) {
            Some(place) => self.list[*place].1 = value,
            None => {
                self.places.insert(key.clone(), self.list.len());
                self.list.push((key, value));
            }
        }
    }
}

impl From<Entries> for Node {
    fn from(entries: Entries) -> Self {
        Self::Map(entries.list)
    }
}

/// The path to a value: `spec.ingress[0].from[1].ipBlock.cidr`. It lives on the stack of its reader,
/// so that it costs nothing until a message needs it.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    segment: Segment<'p>,
}

/// A step of a path.
#[derive(Clone, Copy, Debug)]
pub enum Segment<'p> {
    /// The start of every path.
    Root,
    /// The value of a key.
    Key(&'p str),
    /// An element of a list.
    Index(usize),
}

impl<'p> Path<'p> {
    /// The value of the whole document.
    pub const ROOT: Path<'static> = Path {
        parent: None,
        segment: Segment::Root,
    };

    /// Its segments from the root.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment<'p>> {
        let mut segments = Vec::new();
        let mut path = self;
        while let Some(parent) = path.parent {
            segments.push(path.segment);
            path = parent;
        }
        segments.reverse();
        segments
    }

    /// The path to the value of a key.
    #[must_use]
    pub fn key(&'p self, key: &'p str) -> Self {
        Self {
            parent: Some(self),
            segment: Segment::Key(key),
        }
    }

    /// The path to an element.
    #[must_use]
    pub fn index(&'p self, index: usize) -> Self {
        Self {
            parent: Some(self),
            segment: Segment::Index(index),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else {
            return Ok(());
        };
        parent.fmt(f)?;
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Index(index) => write!(f, "[{index}]"),
            Segment::Key(key) if key.contains(['.', '/', ' ']) => write!(f, "[{key:?}]"),
            Segment::Key(key) if parent.parent.is_none() => f.write_str(key),
            Segment::Key(key) => write!(f, ".{key}"),
        }
    }
}
