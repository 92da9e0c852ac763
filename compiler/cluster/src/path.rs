//! Where a field is in an object: a list of names and keys, never one text, because the keys of
//! maps (`data`, `labels`, `annotations`) contain dots and slashes.

use std::fmt;

use serde_json::{Map, Value};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The item of a list whose fields have these values; a field may be a pointer (`metadata/name`).
    Item(Vec<(String, String)>),
    /// A member of a set.
    Member(String),
    /// The item at this index of a list without keys.
    Index(usize),
    /// The order of a list's items.
    Order,
}

/// The path of a field from the root of its object. It is written
/// `spec.template.spec.containers[api].image`; keys with dots or slashes are in brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The path of a field by the names of its ancestors.
    #[must_use]
    pub fn from_names(names: &[&str]) -> Self {
        let fields = names.iter().map(|name| Segment::Field((*name).to_owned()));
        Self(fields.collect())
    }

    /// The path of a container's field in a workload with a pod template.
    #[must_use]
    pub(crate) fn of_container(list: &str, name: &str, field: &str) -> Self {
        let mut path = Self::from_names(&["spec", "template", "spec", list]);
        path.push(Segment::Item(vec![("name".to_owned(), name.to_owned())]));
        path.push(Segment::Field(field.to_owned()));
        path
    }

    /// Reads a path as the API server writes it in a conflict, `.spec.containers[name="a"].image`.
    /// Keys of maps are not quoted there, so that the objects decide where a key with dots ends.
    #[must_use]
    pub(crate) fn of_server(text: &str, objects: &[&Value]) -> Self {
        let mut path = Self::default();
        let mut rest = text;
        if !rest.starts_with(['.', '[']) {
            rest = path.read_field(rest, objects);
        }
        while !rest.is_empty() {
            rest = match rest.strip_prefix('[') {
                Some(inner) => path.read_item(inner),
                None => path.read_field(rest.strip_prefix('.').unwrap_or(rest), objects),
            };
        }
        path
    }

    /// Reads the name at the start of `rest`, and gives what follows it.
    fn read_field<'t>(&mut self, rest: &'t str, objects: &[&Value]) -> &'t str {
        let ends = |name: &str| {
            let after = rest.strip_prefix(name);
            after.is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
        };
        let maps = objects.iter().filter_map(|object| self.get(object));
        let keys = maps.filter_map(Value::as_object).flat_map(Map::keys);
        let longest = keys.filter(|key| ends(key)).map(String::len).max();
        let end = longest.unwrap_or_else(|| rest.find(['.', '[']).unwrap_or(rest.len()));
        let (name, after) = rest.split_at(end);
        self.push(Segment::Field(name.to_owned()));
        after
    }

    /// Reads the keys of an item up to the closing bracket, and gives what follows it.
    fn read_item<'t>(&mut self, rest: &'t str) -> &'t str {
        let (mut end, mut is_quoted, mut is_escaped) = (rest.len(), false, false);
        let mut pairs = vec![String::new()];
        for (at, character) in rest.char_indices() {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                ']' if !is_quoted => {
                    end = at;
                    break;
                }
                ',' if !is_quoted => {
                    pairs.push(String::new());
                    continue;
                }
                _ => {}
            }
            if let Some(pair) = pairs.last_mut() {
                pair.push(character);
            }
        }
        let value = |text: &str| {
            let parsed = serde_json::from_str::<Value>(text);
            parsed.map_or_else(|_| text.to_owned(), |value| plain(&value))
        };
        let first = pairs[0].as_str();
        self.push(match (first.strip_prefix('='), first.parse::<usize>()) {
            (Some(member), _) => Segment::Member(value(member)),
            (None, Ok(index)) => Segment::Index(index),
            (None, Err(_)) => {
                let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
                Segment::Item(pairs.map(|(key, of)| (key.to_owned(), value(of))).collect())
            }
        });
        rest.get(end + 1..).unwrap_or_default()
    }

    /// Goes one step down.
    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Goes one step up.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// The steps from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether these are the first names of the path.
    #[must_use]
    pub fn starts_with(&self, names: &[&str]) -> bool {
        self.0.len() >= names.len()
            && names
                .iter()
                .zip(&self.0)
                .all(|(name, segment)| segment.is(name))
    }

    /// Whether these names are the whole path.
    #[must_use]
    pub fn is(&self, names: &[&str]) -> bool {
        self.0.len() == names.len() && self.starts_with(names)
    }

    /// Whether a field of this name is on the path.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|segment| segment.is(name))
    }

    /// The value of the field in an object that has it.
    #[must_use]
    pub fn get<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        let mut segments = self.0.iter();
        segments.try_fold(object, |value, segment| segment.step(value))
    }
}

impl Segment {
    fn is(&self, name: &str) -> bool {
        self.as_field() == Some(name)
    }

    pub(crate) fn as_field(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Item(_) | Self::Member(_) | Self::Index(_) | Self::Order => None,
        }
    }

    /// What is one step below a value.
    pub(crate) fn step<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Field(name) => value.get(name),
            Self::Item(keys) => value.as_array()?.iter().find(|item| has_keys(item, keys)),
            Self::Member(member) => value.as_array()?.iter().find(|item| plain(item) == *member),
            Self::Index(index) => value.get(index),
            Self::Order => Some(value),
        }
    }
}

fn has_keys(item: &Value, keys: &[(String, String)]) -> bool {
    keys.iter().all(|(key, wanted)| {
        let value = item.pointer(&format!("/{key}"));
        value.is_some_and(|value| plain(value) == *wanted)
    })
}

/// A value on one line, text without quotes.
#[must_use]
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if name.contains(['.', '/', '[', ' ']) => {
                    write!(f, "[{name}]")?;
                }
                Segment::Field(name) if at == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Item(keys) => {
                    let values: Vec<&str> = keys.iter().map(|(_, value)| value.as_str()).collect();
                    write!(f, "[{}]", values.join("/"))?;
                }
                Segment::Member(member) => write!(f, "[{member}]")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Order => f.write_str(" (order)")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::FieldPath;
    use serde_json::json;

    #[test]
    fn a_key_with_dots_is_one_step() {
        let object = json!({ "data": { "app.yml": "a: 1", "app": { "yml": "not this one" } } });
        let path = FieldPath::of_server(".data.app.yml", &[&object]);
        assert_eq!(path, FieldPath::from_names(&["data", "app.yml"]));
        assert_eq!(path.to_string(), "data[app.yml]");
        assert_eq!(path.get(&object), Some(&json!("a: 1")));
    }

    #[test]
    fn the_key_may_be_in_one_of_the_objects_only() {
        let (ours, theirs) = (json!({ "data": {} }), json!({ "data": { "a.b/c.d": "1" } }));
        let path = FieldPath::of_server(".data.a.b/c.d", &[&ours, &theirs]);
        assert_eq!(path, FieldPath::from_names(&["data", "a.b/c.d"]));
        assert_eq!(path.get(&ours), None);
    }

    #[test]
    fn items_have_keys_and_their_values_may_contain_anything() {
        let object = json!({ "spec": {
            "containers": [{ "name": "a", "image": "x:1" }],
            "ports": [{ "port": 80, "protocol": "UDP" }, { "port": 80, "protocol": "TCP", "name": "http" }],
            "hosts": [{ "host": "a].b,\"c\"", "x": 1 }],
            "set": ["one.two"],
        } });
        let get = |text: &str| {
            let path = FieldPath::of_server(text, &[&object]);
            (path.to_string(), path.get(&object).cloned())
        };
        assert_eq!(
            get(".spec.containers[name=\"a\"].image"),
            ("spec.containers[a].image".to_owned(), Some(json!("x:1")))
        );
        assert_eq!(
            get(".spec.ports[port=80,protocol=\"TCP\"].name"),
            ("spec.ports[80/TCP].name".to_owned(), Some(json!("http")))
        );
        assert_eq!(
            get(".spec.hosts[host=\"a].b,\\\"c\\\"\"].x").1,
            Some(json!(1))
        );
        assert_eq!(get(".spec.set[=\"one.two\"]").1, Some(json!("one.two")));
        assert_eq!(get(".spec.ports[1].name").1, Some(json!("http")));
        assert_eq!(get("spec.absent").1, None);
    }

    #[test]
    fn a_path_that_is_cut_short_ends_where_it_is_cut() {
        for text in ["", ".", ".a[", ".a[b", ".a[b=\"", "]", "[=", "[]", ".a..b"] {
            // Whatever it is read as, reading ends, and the path can be written.
            let _: String = FieldPath::of_server(text, &[]).to_string();
        }
    }
}
