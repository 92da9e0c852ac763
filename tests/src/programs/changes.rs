//! Random changes of single fields of objects, as patches make them: any field that the schema has, with a value
//! that fits, is at a limit, or is wrong.

use erpc_emit::schema::{Fields, Takes};
use serde_json::{Value, json};

use crate::random::Random;

/// A change of a field.
#[derive(Clone, Debug)]
pub struct Change {
    /// The names of the field's path; a number is the place of an element.
    pub path: Vec<String>,
    /// Its new value; `None` removes it.
    pub value: Option<Value>,
}

/// Lists whose merge key is the name of an element.
const NAMED: &[&str] = &["containers", "initContainers", "volumes", "env"];

/// Chooses changes.
pub struct Changes(Random);

/// Fields that hold whole subtrees, which a walk would mostly end in.
const DEEP: &[&str] = &[
    "status",
    "managedFields",
    "ephemeralContainers",
    "volumeClaimTemplates",
];

impl Changes {
    /// The same seed gives the same changes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Random(seed))
    }

    /// A change of one field of an object.
    pub fn change(&mut self, object: &Value, fields: Fields) -> Change {
        let mut path = Vec::new();
        let value = self.within(object, fields, &mut path);
        Change { path, value }
    }

    fn within(&mut self, at: &Value, fields: Fields, path: &mut Vec<String>) -> Option<Value> {
        let all: Vec<(&str, Takes)> = fields
            .iter()
            .filter(|(name, _)| !DEEP.contains(name))
            .collect();
        let (name, takes) = &all[self.0.below(all.len())];
        // What is there is as interesting as all that is not.
        let present: Vec<&(&str, Takes)> = all
            .iter()
            .filter(|(name, _)| !at[*name].is_null())
            .collect();
        let (name, takes) = if present.is_empty() || self.0.one_in(3) {
            (name, takes)
        } else {
            let (name, takes) = present[self.0.below(present.len())];
            (name, takes)
        };
        path.push((*name).to_owned());
        self.of(&at[*name], takes, path)
    }

    fn of(&mut self, at: &Value, takes: &Takes, path: &mut Vec<String>) -> Option<Value> {
        if !at.is_null() && self.0.one_in(12) {
            return None;
        }
        match takes {
            Takes::Object(fields) => {
                // An object without fields is removed or left.
                if fields.iter().next().is_none() {
                    return Some(json!("a"));
                }
                self.within(at, *fields, path)
            }
            Takes::List(of) => match at.as_array() {
                Some(items) if !items.is_empty() => {
                    let place = self.0.below(items.len());
                    path.push(place.to_string());
                    self.of(&items[place], of, path)
                }
                _ => match **of {
                    Takes::Object(fields) if !self.0.one_in(6) => {
                        let elements = 1 + self.0.below(2);
                        Some((0..elements).map(|_| self.object(fields)).collect())
                    }
                    Takes::Object(_) => Some(json!(["a"])),
                    _ => Some((0..1 + self.0.below(2)).map(|_| self.scalar(of)).collect()),
                },
            },
            Takes::Map(of) => {
                let keys = [
                    "a",
                    "example.com/x",
                    "A_b",
                    "a b",
                    "x/y/z",
                    "cpu",
                    "memory",
                    "nvidia.com/gpu",
                ];
                path.push(keys[self.0.below(keys.len())].to_owned());
                Some(self.scalar(of))
            }
            _ => Some(self.scalar(takes)),
        }
    }

    /// An element of a list: some of its fields that have no fields of their own.
    fn object(&mut self, fields: Fields) -> Value {
        let flat = |takes: &Takes| {
            let is_nested = matches!(takes, Takes::Object(_) | Takes::List(_) | Takes::Map(_));
            !is_nested
        };
        let all: Vec<(&str, Takes)> = fields.iter().filter(|(_, takes)| flat(takes)).collect();
        let mut object = json!({});
        if all.is_empty() {
            return object;
        }
        for _ in 0..1 + self.0.below(3) {
            let (name, takes) = &all[self.0.below(all.len())];
            object[*name] = self.scalar(takes);
        }
        object
    }

    fn scalar(&mut self, takes: &Takes) -> Value {
        if self.0.one_in(12) {
            let wrong = [
                json!("text"),
                json!(7),
                json!(true),
                json!(["a"]),
                json!(-1),
            ];
            return wrong[self.0.below(wrong.len())].clone();
        }
        match takes {
            Takes::Bool => json!(self.0.one_in(2)),
            Takes::Int => {
                let all = [
                    -1,
                    0,
                    1,
                    2,
                    30,
                    80,
                    600,
                    3600,
                    65_535,
                    65_536,
                    2_147_483_647,
                    2_147_483_648_i64,
                ];
                json!(all[self.0.below(all.len())])
            }
            Takes::IntOrText => {
                let all = [
                    json!(0),
                    json!(1),
                    json!(8080),
                    json!("25%"),
                    json!("http"),
                    json!("101%"),
                    json!("-1"),
                ];
                all[self.0.below(all.len())].clone()
            }
            Takes::Number => json!(0.5),
            Takes::Quantity => {
                let all = ["1", "100m", "1Gi", "1GB", "-1", "0", "10", "1e3"];
                json!(all[self.0.below(all.len())])
            }
            Takes::Text(values) if !values.is_empty() && !self.0.one_in(6) => {
                json!(values[self.0.below(values.len())])
            }
            _ => {
                let all = [
                    "a",
                    "x",
                    "",
                    "A",
                    "a.b",
                    "a/b",
                    "/a",
                    "../a",
                    "10.0.0.1",
                    "Never",
                    "UTC",
                    "a b",
                    "0",
                    "web",
                    "fifteen-letters",
                    "sixteen-letters-",
                    "Unmasked",
                ];
                json!(all[self.0.below(all.len())])
            }
        }
    }
}

impl Change {
    /// The change as a patch of the object of this kind, or of this name.
    #[must_use]
    pub fn patch(&self, kind: &str, name: Option<&str>) -> String {
        let path: Vec<String> = self.path.iter().map(|name| format!("\"{name}\"")).collect();
        let value = self
            .value
            .as_ref()
            .map_or_else(|| "off".to_owned(), written);
        let kind = kind.to_ascii_lowercase();
        // The first name is written without quotes, as every path starts.
        let path = path.join(".").replacen('"', "", 2);
        let name = name.map_or_else(String::new, |name| format!(" {name}"));
        format!("patch {kind}{name} {{ {path} = {value} }}")
    }

    /// The change as a strategic merge patch of the object of this kind, or of this name; `None` if it changes an
    /// element of a list without merge keys, which such a patch replaces as a whole, or more than one value.
    #[must_use]
    pub fn merge(&self, kind: &str, name: Option<&str>, object: &Value) -> Option<String> {
        let value = self.value.as_ref()?;
        if value.is_array() || value.is_object() {
            return None;
        }
        let mut at = object;
        let mut steps = Vec::new();
        for name in &self.path {
            at = match name.parse::<usize>() {
                Ok(place) if at.is_array() => {
                    steps.push(None);
                    &at[place]
                }
                _ => {
                    steps.push(Some(name));
                    &at[name.as_str()]
                }
            };
            let is_keyed = match steps.as_slice() {
                [.., Some(list), None] => NAMED.contains(&list.as_str()),
                [.., None] => false,
                _ => true,
            };
            if !is_keyed {
                return None;
            }
        }
        // From the value outwards.
        let mut value = value.clone();
        for (depth, step) in steps.iter().enumerate().rev() {
            value = match step {
                Some(name) => json!({ name.as_str(): value }),
                None => {
                    let places = self.path[..=depth].iter();
                    let element = places.fold(object, |at, name| match name.parse::<usize>() {
                        Ok(place) if at.is_array() => &at[place],
                        _ => &at[name.as_str()],
                    });
                    // A whole element and its key are what this form cannot replace.
                    let fields = value.as_object_mut()?;
                    if fields.contains_key("name") {
                        return None;
                    }
                    fields.insert("name".to_owned(), element["name"].clone());
                    json!([value])
                }
            };
        }
        let kind = kind.to_ascii_lowercase();
        // JSON is YAML; `$` starts an expression in a text of the language.
        let text = value.to_string().replace("${", "$${");
        let name = name.map_or_else(String::new, |name| format!(" {name}"));
        Some(format!("patch {kind}{name} \"\"\"{text}\"\"\""))
    }
}

/// A value as the language writes it.
fn written(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let field =
                |(name, value): (&String, &Value)| format!("\"{name}\" = {}", written(value));
            let fields: Vec<String> = fields.map(field).collect();
            format!("{{ {} }}", fields.join("; "))
        }
        Value::Number(number) if number.is_f64() => format!("\"{number}\""),
        other => other.to_string(),
    }
}
