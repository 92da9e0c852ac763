//! A document as a tree of values, and the place of a value in it as Kubernetes writes it.

use std::fmt;

use rustc_hash::FxHashMap;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use smol_str::SmolStr;

/// A value of YAML or JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(SmolStr),
    List(Vec<Node>),
    Map(Vec<(SmolStr, Node)>),
}

impl Node {
    /// What it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
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
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(name, value)| name == key && *value != Self::Null)
            .map(|(_, value)| value)
    }

    pub(crate) fn as_text(&self) -> Option<&SmolStr> {
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
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    segment: Segment<'p>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Segment<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub(crate) const ROOT: Path<'static> = Path {
        parent: None,
        segment: Segment::Root,
    };

    /// Its segments from the root.
    pub(crate) fn segments(&self) -> Vec<Segment<'p>> {
        let mut segments = Vec::new();
        let mut path = self;
        while let Some(parent) = path.parent {
            segments.push(path.segment);
            path = parent;
        }
        segments.reverse();
        segments
    }

    pub(crate) fn key(&'p self, key: &'p str) -> Self {
        Self {
            parent: Some(self),
            segment: Segment::Key(key),
        }
    }

    pub(crate) fn index(&'p self, index: usize) -> Self {
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
