//! Compares an object with the schema of its kind.

use std::collections::HashSet;
use std::fmt;

use erpc_diagnostics::{alternatives, listed, nearest};
use smol_str::SmolStr;

use super::Version;
use super::table::{Elements, Field, Kind, Shape, Table, TypeName};
use crate::quantity::is_quantity;
use crate::tree::PathSegment;
use crate::view::{FieldPath, Look, View};

/// Something that the schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is. A missing field is at the object that lacks it.
    pub path: FieldPath,
    /// What it is.
    pub what: What,
}

/// What a schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A field that objects of this type do not have.
    UnknownField {
        /// The field that was probably meant.
        meant: Option<SmolStr>,
    },
    /// A required field is missing.
    Missing(SmolStr),
    /// A value of another type.
    WrongType {
        /// What the field takes.
        expected: &'static str,
        /// What it has.
        found: &'static str,
    },
    /// A number that the field cannot hold.
    OutOfRange,
    /// A text that is not in the form that the field requires.
    BadForm {
        /// The form.
        expected: &'static str,
        /// What it is.
        found: SmolStr,
    },
    /// A text that is not one of the values.
    NotOneOf {
        /// What it is.
        found: SmolStr,
        /// What it may be.
        values: Vec<&'static str>,
    },
    /// An element of a list that has the keys of an earlier one.
    Duplicate(String),
    /// Nested deeper than any object.
    TooDeep,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownField { .. } => f.write_str("unknown field"),
            Self::Missing(name) => write!(f, "the field `{name}` is required"),
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::OutOfRange => f.write_str("the number is out of range"),
            Self::BadForm { expected, found } => {
                write!(f, "expected {expected}, found `{}`", found.escape_debug())
            }
            Self::NotOneOf { found, values } => {
                let values = alternatives(values.iter().copied());
                write!(f, "expected {values}, found `{}`", found.escape_debug())
            }
            Self::Duplicate(keys) => write!(f, "an earlier element has the same {keys}"),
            Self::TooDeep => f.write_str("it is nested too deep"),
        }
    }
}

/// The depth of the deepest object that is looked at; those of Kubernetes have some twenty levels.
const MAX_DEPTH: usize = 64;

/// All problems of an object, in the order of its fields. Each value that is an object of fields is given to `each`,
/// with its type and where it is.
pub(super) fn problems<V: View>(
    table: &Table,
    version: Version,
    kind: &Kind,
    object: &V,
    each: &mut Each<'_, V>,
) -> Vec<Problem> {
    let mut walk = Walk {
        table,
        version,
        path: FieldPath::default(),
        found: Vec::new(),
        each,
    };
    walk.object(object, kind.type_at);
    walk.found
}

/// What sees each value that is an object of fields.
pub(crate) type Each<'e, V> = dyn FnMut(TypeName, &V, &FieldPath) + 'e;

struct Walk<'t, 'e, V> {
    table: &'t Table,
    version: Version,
    path: FieldPath,
    found: Vec<Problem>,
    each: &'e mut Each<'e, V>,
}

impl<V: View> Walk<'_, '_, V> {
    fn report(&mut self, what: What) {
        let path = self.path.clone();
        self.found.push(Problem { path, what });
    }

    /// Looks at a part of the value at hand.
    fn below(&mut self, step: PathSegment, look: impl FnOnce(&mut Self)) {
        self.path.0.push(step);
        look(self);
        self.path.0.pop();
    }

    fn object(&mut self, value: &V, type_at: usize) {
        let of = self.table.type_at(type_at);
        (self.each)(of.name, value, &self.path);
        let is_set = |field: &Field| {
            let value = value.field(field.name);
            value.is_some_and(|value| !matches!(value.look(), Look::Null))
        };
        let missing = of
            .fields(self.version)
            .filter(|field| field.is_required && !is_set(field));
        for field in missing {
            self.report(What::Missing(SmolStr::new_static(field.name)));
        }
        for (name, value) in value.fields() {
            let field = of.field(self.version, name);
            self.below(PathSegment::Key(name.into()), |walk| match field {
                Some(field) => walk.value(value, &field.shape, &field.values),
                None => {
                    let names = of.fields(walk.version).map(|field| field.name);
                    let meant = nearest(name, names).map(SmolStr::from);
                    walk.report(What::UnknownField { meant });
                }
            });
        }
    }

    fn value(&mut self, value: &V, shape: &Shape, values: &[&'static str]) {
        if self.path.0.len() > MAX_DEPTH {
            return self.report(What::TooDeep);
        }
        match (shape, value.look()) {
            // A server takes it for a field that is not set.
            (Shape::Any, _) | (_, Look::Null) => {}
            (Shape::Bool, Look::Bool(_)) | (Shape::Number | Shape::Quantity, Look::Number(_)) => {}
            (Shape::Int64, Look::Number(number)) if number.is_i64() => {}
            (Shape::Int32 | Shape::IntOrText, Look::Number(number)) if number.is_i64() => {
                let fits = number.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
                if !fits {
                    self.report(What::OutOfRange);
                }
            }
            (Shape::Int32 | Shape::Int64 | Shape::IntOrText, Look::Number(number))
                if number.is_u64() =>
            {
                self.report(What::OutOfRange);
            }
            (
                Shape::Text | Shape::Time | Shape::IntOrText | Shape::Quantity | Shape::Bytes,
                Look::Text(text),
            ) => {
                self.text(text, shape, values);
            }
            (Shape::Map(of), Look::Map) => {
                for (name, value) in value.fields() {
                    self.below(PathSegment::Key(name.into()), |walk| {
                        walk.value(value, of, values);
                    });
                }
            }
            (Shape::List(of, elements), Look::List(items)) => {
                for (place, item) in items.iter().enumerate() {
                    self.below(PathSegment::Item(place), |walk| {
                        walk.value(item, of, values);
                    });
                }
                self.duplicates(items, elements);
            }
            (Shape::Object(of), Look::Map) => self.object(value, *of),
            (_, found) => self.report(What::WrongType {
                expected: expected(shape),
                found: kind_of(&found),
            }),
        }
    }

    fn text(&mut self, text: &str, shape: &Shape, values: &[&'static str]) {
        let fits = match shape {
            Shape::Quantity => is_quantity(text),
            Shape::Bytes => is_base64(text),
            Shape::Time => is_time(text),
            _ => true,
        };
        if !fits {
            return self.report(What::BadForm {
                expected: expected(shape),
                found: text.into(),
            });
        }
        // An empty text is taken for a field that is not set.
        if !values.is_empty() && !text.is_empty() && !values.contains(&text) {
            self.report(What::NotOneOf {
                found: text.into(),
                values: values.to_vec(),
            });
        }
    }

    /// Elements of a list that a server could not tell apart.
    fn duplicates(&mut self, items: &[V], elements: &Elements) {
        let key_of = |item: &V| match elements {
            Elements::Free => None,
            Elements::Values => item.scalar(),
            Elements::Keys(keys) => keys
                .iter()
                .map(|(key, default)| {
                    let value = item.field(key).and_then(View::scalar);
                    value.or_else(|| default.map(str::to_owned))
                })
                .collect::<Option<Vec<_>>>()
                .map(|keys| keys.join("\n")),
        };
        if matches!(elements, Elements::Free) || items.len() < 2 {
            return;
        }
        let mut seen = HashSet::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            if key_of(item).is_some_and(|key| !seen.insert(key)) {
                let keys = match elements {
                    Elements::Keys(keys) => listed(keys.iter().map(|(key, _)| *key), usize::MAX),
                    Elements::Free | Elements::Values => "value".to_owned(),
                };
                self.below(PathSegment::Item(place), |walk| {
                    walk.report(What::Duplicate(keys));
                });
            }
        }
    }
}

const fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Any => "any value",
        Shape::Bool => "true or false",
        Shape::Bytes => "bytes in Base64",
        Shape::Int32 | Shape::Int64 => "an integer",
        Shape::IntOrText => "an integer or a string",
        Shape::Number => "a number",
        Shape::Quantity => "a quantity such as `500m` or `1Gi`",
        Shape::Text => "a string",
        Shape::Time => "a time such as `2026-01-31T12:00:00Z`",
        Shape::List(..) => "a list",
        Shape::Map(_) | Shape::Object(_) => "fields of its own",
    }
}

fn kind_of<V>(look: &Look<'_, V>) -> &'static str {
    match look {
        Look::Null => "nothing",
        Look::Bool(_) => "true or false",
        Look::Number(number) if number.is_f64() => "a number with a fraction",
        Look::Number(_) => "an integer",
        Look::Text(_) => "a string",
        Look::List(_) => "a list",
        Look::Map => "fields",
    }
}

/// Whether a text is a time of RFC 3339, as far as its form shows.
fn is_time(text: &str) -> bool {
    let form = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == form,
    };
    bytes.len() > form.len()
        && bytes.iter().zip(form).all(fits)
        && (text.ends_with('Z') || bytes[form.len()..].iter().any(|b| matches!(b, b'+' | b'-')))
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
