//! The tree of an emitted object: fields with their values and the reasons for them. The emitter builds it once;
//! the YAML, the source of each line, the body of an apply and the chart are walks over it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Number, Value};
use smol_str::SmolStr;

use crate::cause::{Cause, Causes};

/// A value with its causes.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it is.
    pub node: Node,
    /// Why it is there, and why it is so. A field without causes of its own has those of the block that it is
    /// in, or, if it is a block itself, those of what is in it.
    pub causes: Causes,
}

/// What a field is.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing; only values that are written by hand have it.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(SmolStr),
    /// A list.
    List(Vec<Field>),
    /// A map, or an object with fields.
    Map(Map),
}

/// Fields by their names, in the order in which they are written: that of their bytes, except that an object
/// begins with its `apiVersion` and its `kind`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    fields: Vec<(SmolStr, Field)>,
    /// How many of the fields come first, whatever their names.
    first: usize,
}

/// One step of a path into a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// A field, or a key of a map.
    Key(SmolStr),
    /// An element of a list.
    Item(usize),
}

impl Field {
    /// A value with its causes.
    pub fn new(value: impl Into<Node>, causes: impl Into<Causes>) -> Self {
        Self {
            node: value.into(),
            causes: causes.into(),
        }
    }

    /// A value that has the causes of the block that it is in.
    pub fn plain(value: impl Into<Node>) -> Self {
        Self::new(value, Causes::None)
    }

    /// The field at the end of a path of names; a number is the place of an element of a list.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |field, name| match &field.node {
            Node::Map(map) => map.get(name),
            Node::List(items) => items.get(name.parse::<usize>().ok()?),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => None,
        })
    }

    /// Its text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its elements, if it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.node {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// Its fields, if it is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.node {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// As [`Field::as_map`], to be changed.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.node {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The fields directly below.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.steps().map(|(_, child)| child)
    }

    /// The fields directly below, with the step to each.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (PathSegment, &Self)> {
        let (fields, items): (&[(SmolStr, Self)], &[Self]) = match &self.node {
            Node::Map(map) => (&map.fields, &[]),
            Node::List(items) => (&[], items),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => (&[], &[]),
        };
        let fields = fields.iter();
        let fields = fields.map(|(key, field)| (PathSegment::Key(key.clone()), field));
        let items = items.iter().enumerate();
        fields.chain(items.map(|(place, field)| (PathSegment::Item(place), field)))
    }

    /// The field one step below.
    pub(crate) fn child(&self, step: &PathSegment) -> Option<&Self> {
        match (&self.node, step) {
            (Node::Map(map), PathSegment::Key(key)) => map.get(key),
            (Node::List(items), PathSegment::Item(place)) => items.get(*place),
            _ => None,
        }
    }

    /// Whether a patch has set it or something in it, or has taken something out of it.
    #[must_use]
    pub(crate) fn is_patched(&self) -> bool {
        self.lacks_patched_field() || self.children().any(Self::is_patched)
    }

    /// Whether a patch has taken a field out of it, or has set it.
    pub(crate) fn lacks_patched_field(&self) -> bool {
        self.causes.as_slice().iter().any(Cause::is_patch)
    }
}

impl Node {
    /// A list of texts.
    pub fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts = texts.into_iter();
        Self::List(texts.map(|text| Field::plain(text.as_ref())).collect())
    }

    /// Whether it has no parts.
    #[must_use]
    pub const fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }
}

impl Map {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fields: Vec::new(),
            first: 0,
        }
    }

    /// The start of an object inside of another.
    #[must_use]
    pub(crate) fn of_kind(
        api_version: &'static str,
        kind: &'static str,
        causes: impl Into<Causes>,
    ) -> Self {
        let causes = causes.into();
        let mut map = Self::new();
        map.set("apiVersion", api_version, causes.clone());
        map.set("kind", kind, causes);
        map.first = 2;
        map
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        let (first, rest) = self.fields.split_at(self.first);
        if let Some(at) = first.iter().position(|(known, _)| known == key) {
            return Ok(at);
        }
        // Emitters go through the fields mostly in their order.
        let last = rest.last().is_none_or(|(last, _)| last.as_str() < key);
        if last {
            return Err(self.fields.len());
        }
        let found = rest.binary_search_by(|(known, _)| known.as_str().cmp(key));
        found
            .map(|at| at + self.first)
            .map_err(|at| at + self.first)
    }

    /// Sets a field that Kubernetes names.
    pub fn set(
        &mut self,
        key: &'static str,
        value: impl Into<Node>,
        causes: impl Into<Causes>,
    ) -> &mut Self {
        self.insert(SmolStr::new_static(key), Field::new(value, causes))
    }

    /// Sets a field that has its causes in what is in it, or from the block around it.
    pub fn block(&mut self, key: &'static str, value: impl Into<Node>) -> &mut Self {
        self.set(key, value, Causes::None)
    }

    /// Sets a field by any name.
    pub fn insert(&mut self, key: impl Into<SmolStr>, field: Field) -> &mut Self {
        let key = key.into();
        match self.find(&key) {
            Ok(at) => self.fields[at].1 = field,
            Err(at) => self.fields.insert(at, (key, field)),
        }
        self
    }

    /// Takes a field out.
    pub fn remove(&mut self, key: &str) -> Option<Field> {
        let at = self.find(key).ok()?;
        Some(self.fields.remove(at).1)
    }

    /// Leaves out the fields whose names are not wanted.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.fields.retain(|(key, _)| is_wanted(key));
    }

    /// A field by its name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Field> {
        let at = self.find(key).ok()?;
        Some(&self.fields[at].1)
    }

    /// As [`Map::get`], to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Field> {
        let at = self.find(key).ok()?;
        Some(&mut self.fields[at].1)
    }

    /// The field below a name, which is made if there is none.
    pub(crate) fn get_or_insert(
        &mut self,
        key: &SmolStr,
        new: impl FnOnce() -> Node,
    ) -> &mut Field {
        let at = self.find(key).unwrap_or_else(|at| {
            self.fields.insert(at, (key.clone(), Field::plain(new())));
            at
        });
        &mut self.fields[at].1
    }

    /// The map below a name, which is made if there is none.
    pub(crate) fn map_mut(&mut self, key: &'static str) -> Option<&mut Self> {
        let field = self.get_or_insert(&SmolStr::new_static(key), || Self::new().into());
        field.as_map_mut()
    }

    /// The fields in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&SmolStr, &Field)> {
        self.fields.iter().map(|(key, field)| (key, field))
    }

    /// Whether it has no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// A map less some of its fields.
pub(crate) struct Without<'m>(&'m Map, &'m [&'m str]);

impl Map {
    /// The map less these fields.
    pub(crate) const fn without<'m>(&'m self, keys: &'m [&'m str]) -> Without<'m> {
        Without(self, keys)
    }
}

impl Serialize for Without<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(map, keys) = self;
        let left = map.iter();
        let left = left.map(|(key, field)| (key.as_str(), field));
        serializer.collect_map(left.filter(|(key, _)| !keys.contains(key)))
    }
}

impl<K: Into<SmolStr>> FromIterator<(K, Field)> for Map {
    fn from_iter<T: IntoIterator<Item = (K, Field)>>(fields: T) -> Self {
        let mut map = Self::new();
        for (key, field) in fields {
            map.insert(key, field);
        }
        map
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl From<$type> for Node {
            fn from(number: $type) -> Self {
                Self::Number(number.into())
            }
        }
    )*};
}

numbers! { u16 u32 u64 i32 i64 }

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Node {
    fn from(text: &String) -> Self {
        Self::Text(text.into())
    }
}

impl From<SmolStr> for Node {
    fn from(text: SmolStr) -> Self {
        Self::Text(text)
    }
}

impl From<&SmolStr> for Node {
    fn from(text: &SmolStr) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Field>> for Node {
    fn from(items: Vec<Field>) -> Self {
        Self::List(items)
    }
}

/// A value as JSON has it, with sorted keys.
impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => text.into(),
            Value::Array(items) => Self::List(items.iter().map(Field::plain).collect()),
            Value::Object(fields) => {
                let fields = fields.iter();
                Self::Map(
                    fields
                        .map(|(key, value)| (key, Field::plain(value)))
                        .collect(),
                )
            }
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.node.serialize(serializer)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (key, field) in &self.fields {
            map.serialize_entry(key.as_str(), field)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Map, Node};
    use crate::cause::{Cause, Causes};
    use serde_json::json;

    fn map(fields: &[(&'static str, i64)]) -> Map {
        let mut map = Map::new();
        for (key, value) in fields {
            map.block(key, *value);
        }
        map
    }

    #[test]
    fn fields_are_in_the_order_of_their_names_whatever_the_order_in_which_they_are_set() {
        let sorted = map(&[("a", 1), ("b", 2), ("c", 3)]);
        for fields in [
            [("a", 1), ("b", 2), ("c", 3)],
            [("c", 3), ("b", 2), ("a", 1)],
            [("b", 2), ("c", 3), ("a", 1)],
        ] {
            assert_eq!(map(&fields), sorted);
        }
    }

    #[test]
    fn an_object_begins_with_its_api_version_and_its_kind() {
        let mut object = Map::of_kind("v1", "ConfigMap", Causes::None);
        object.block("data", Map::new());
        object.block("allowed", 1);
        let keys: Vec<&str> = object.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["apiVersion", "kind", "allowed", "data"]);
        for key in keys {
            assert!(object.get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn a_field_that_is_set_again_has_the_last_value() {
        let mut map = map(&[("a", 1), ("b", 2)]);
        map.block("a", 3);
        assert_eq!(json!(map), json!({"a": 3, "b": 2}));
        assert!(map.remove("a").is_some());
        assert!(map.remove("a").is_none());
        assert_eq!(json!(map), json!({"b": 2}));
    }

    #[test]
    fn a_map_without_fields_is_written_without_them() {
        let map = map(&[("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(json!(map.without(&["b", "x"])), json!({"a": 1, "c": 3}));
    }

    #[test]
    fn a_value_of_json_stays_the_same_value() {
        let value = json!({"n": null, "b": true, "i": -1, "f": 1.5, "t": "x", "l": [1, {"k": []}]});
        assert_eq!(json!(Node::from(&value)), value);
    }

    #[test]
    fn what_a_patch_sets_or_takes_away_is_patched() {
        let cause = Cause::patch_at(erpc_model::Origin::of_language());
        let mut inner = map(&[("cpu", 1)]);
        let plain = Field::plain(inner.clone());
        assert!(!plain.is_patched());
        inner.insert("memory", Field::new(1, cause));
        assert!(Field::plain(inner).is_patched());
        let lacks = Field::new(Map::new(), plain.causes.with(cause));
        assert!(lacks.is_patched());
    }

    #[test]
    fn a_path_leads_through_maps_and_lists() {
        let field = Field::plain(&json!({"spec": {"items": [{"name": "a"}, {"name": "b"}]}}));
        let text = |path: &[&str]| field.at(path).and_then(Field::as_text);
        assert_eq!(text(&["spec", "items", "1", "name"]), Some("b"));
        for path in [
            &["spec", "items", "2", "name"] as &[&str],
            &["spec", "items", "x"],
            &["spec", "items", "0", "name", "more"],
            &["status"],
        ] {
            assert_eq!(text(path), None, "{path:?}");
        }
    }
}
