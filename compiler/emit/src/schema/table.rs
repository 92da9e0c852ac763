//! The table of schemas as it is read: types by their place, fields by their names.

use std::collections::HashMap;

use super::Version;

/// All that the table says.
pub(super) struct Table {
    types: Vec<Type>,
    /// By name: several groups may have one of the same.
    kinds: HashMap<&'static str, Vec<Kind>>,
}

/// An object of fields, which are sorted by name.
pub(super) struct Type {
    pub(super) name: TypeName,
    fields: Vec<Field>,
}

/// A type by its package and its name: `core.v1` and `Container`.
pub type TypeName = (&'static str, &'static str);

/// A field, in some versions.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) shape: Shape,
    /// The only values that it has; none if it has any.
    pub(super) values: Vec<&'static str>,
    versions: Versions,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Any,
    Bool,
    Bytes,
    Int32,
    Int64,
    IntOrText,
    Number,
    Quantity,
    Text,
    Time,
    Map(Box<Self>),
    List(Box<Self>, Elements),
    /// The type at this place.
    Object(usize),
}

/// What tells the elements of a list apart.
#[derive(Clone, Debug)]
pub(super) enum Elements {
    /// Nothing: they may be the same.
    Free,
    /// Their values.
    Values,
    /// These fields, with what they are by default.
    Keys(Vec<(&'static str, Option<&'static str>)>),
}

/// A kind of object.
#[derive(Debug)]
pub struct Kind {
    /// Its group and version: `apps/v1`, `v1`.
    pub api_version: &'static str,
    /// Its name: `Deployment`.
    pub name: &'static str,
    /// The name of the resource in paths and RBAC rules: `deployments`.
    pub plural: &'static str,
    /// Whether its objects are in namespaces.
    pub scope: Scope,
    pub(super) type_at: usize,
    versions: Versions,
}

/// Where the objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each in a namespace.
    Namespaced,
    /// In no namespace.
    Cluster,
}

/// From one version to another, both included.
#[derive(Clone, Copy, Debug)]
struct Versions(u8, u8);

impl Versions {
    const fn has(self, version: Version) -> bool {
        self.0 <= version.0 && version.0 <= self.1
    }

    /// The versions at the end of a line, and what is before them.
    fn behind(line: &'static str) -> (&'static str, Self) {
        let Some((line, versions)) = line.rsplit_once(" @") else {
            return (line, Self(0, u8::MAX));
        };
        let (first, last) = versions.split_once("..").expect(WRITTEN);
        let number = |text: &str, default| match text {
            "" => default,
            text => text.parse().expect(WRITTEN),
        };
        (line, Self(number(first, 0), number(last, u8::MAX)))
    }
}

/// Why reading cannot fail: the table is part of the program, and a test reads all of it.
const WRITTEN: &str = "the table is as its generator writes it";

/// Places of types by their package and name.
type Places = HashMap<(&'static str, &'static str), usize>;

impl Table {
    pub(super) fn read(text: &'static str) -> Self {
        let lines = || {
            text.lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        let mut places = Places::new();
        let mut package = "";
        for line in lines() {
            match Line::of(line) {
                Line::Package(name) => package = name,
                Line::Type(name) => {
                    places.insert((package, name), places.len());
                }
                Line::Kind(_) | Line::Field(_) | Line::Releases => {}
            }
        }
        let mut table = Self {
            types: Vec::with_capacity(places.len()),
            kinds: HashMap::new(),
        };
        for line in lines() {
            match Line::of(line) {
                Line::Package(name) => package = name,
                Line::Type(name) => table.types.push(Type {
                    name: (package, name),
                    fields: Vec::new(),
                }),
                Line::Kind(rest) => {
                    let kind = read_kind(rest, &places);
                    table.kinds.entry(kind.name).or_default().push(kind);
                }
                Line::Field(rest) => {
                    let of = table.types.last_mut().expect(WRITTEN);
                    of.fields.push(read_field(rest, package, &places));
                }
                Line::Releases => {}
            }
        }
        for of in &mut table.types {
            of.fields.sort_by_key(|field| field.name);
        }
        table
    }

    pub(super) fn kind(&self, version: Version, api_version: &str, name: &str) -> Option<&Kind> {
        let mut kinds = self.kinds.get(name)?.iter();
        kinds.find(|kind| kind.api_version == api_version && kind.versions.has(version))
    }

    /// Whether a kind is of this group.
    pub(super) fn has_group(&self, group: &str) -> bool {
        let of = |kind: &Kind| {
            kind.api_version
                .rsplit_once('/')
                .map_or("", |(group, _)| group)
        };
        self.kinds.values().flatten().any(|kind| of(kind) == group)
    }

    /// The versions of the API in which a kind is served.
    pub(super) fn api_versions(
        &self,
        version: Version,
        name: &str,
    ) -> impl Iterator<Item = &'static str> {
        let kinds = self.kinds.get(name).into_iter().flatten();
        let served = kinds.filter(move |kind| kind.versions.has(version));
        served.map(|kind| kind.api_version)
    }

    /// The type at a place.
    pub(super) fn type_at(&self, place: usize) -> &Type {
        &self.types[place]
    }
}

impl Type {
    /// The field of this name.
    pub(super) fn field(&self, version: Version, name: &str) -> Option<&Field> {
        let start = self.fields.partition_point(|field| field.name < name);
        let mut same = self.fields[start..]
            .iter()
            .take_while(|field| field.name == name);
        same.find(|field| field.versions.has(version))
    }

    /// Its fields in a version.
    pub(super) fn fields(&self, version: Version) -> impl Iterator<Item = &Field> {
        let fields = self.fields.iter();
        fields.filter(move |field| field.versions.has(version))
    }
}

/// A line of the table.
enum Line {
    Releases,
    Kind(&'static str),
    Package(&'static str),
    Type(&'static str),
    Field(&'static str),
}

impl Line {
    fn of(line: &'static str) -> Self {
        match line.split_once(' ') {
            Some(("", rest)) => Self::Field(rest),
            Some(("kind", rest)) => Self::Kind(rest),
            Some(("package", rest)) => Self::Package(rest),
            Some(_) => Self::Releases,
            None => Self::Type(line),
        }
    }
}

fn read_kind(line: &'static str, places: &Places) -> Kind {
    let (line, versions) = Versions::behind(line);
    let mut words = line.split(' ');
    let mut word = || words.next().expect(WRITTEN);
    Kind {
        api_version: word(),
        name: word(),
        plural: word(),
        scope: match word() {
            "namespaced" => Scope::Namespaced,
            _ => Scope::Cluster,
        },
        type_at: place_of(word(), "", places),
        versions,
    }
}

fn read_field(line: &'static str, package: &'static str, places: &Places) -> Field {
    let (line, versions) = Versions::behind(line);
    let (line, values) = match line.split_once(" |") {
        Some((line, values)) => (line, values.split('|').collect()),
        None => (line, Vec::new()),
    };
    let (name, shape) = line.split_once(' ').expect(WRITTEN);
    Field {
        name: name.strip_suffix('!').unwrap_or(name),
        is_required: name.ends_with('!'),
        shape: read_shape(shape, package, places),
        values,
        versions,
    }
}

fn read_shape(text: &'static str, package: &'static str, places: &Places) -> Shape {
    if let Some(rest) = text.strip_prefix('{') {
        let of = rest.strip_suffix('}').expect(WRITTEN);
        return Shape::Map(Box::new(read_shape(of, package, places)));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (of, keys) = rest.rsplit_once(']').expect(WRITTEN);
        let elements = match keys {
            "" => Elements::Free,
            "=" => Elements::Values,
            keys => Elements::Keys(
                keys.split(',')
                    .map(|key| match key.split_once('=') {
                        Some((key, default)) => (key, Some(default)),
                        None => (key, None),
                    })
                    .collect(),
            ),
        };
        return Shape::List(Box::new(read_shape(of, package, places)), elements);
    }
    match text {
        "any" => Shape::Any,
        "bool" => Shape::Bool,
        "bytes" => Shape::Bytes,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "int-or-string" => Shape::IntOrText,
        "number" => Shape::Number,
        "quantity" => Shape::Quantity,
        "string" => Shape::Text,
        "time" => Shape::Time,
        name => Shape::Object(place_of(name, package, places)),
    }
}

/// The place of a type of this package, or of the one that its name names.
fn place_of(name: &'static str, package: &'static str, places: &Places) -> usize {
    let key = name.rsplit_once('.').unwrap_or((package, name));
    *places.get(&key).expect(WRITTEN)
}
