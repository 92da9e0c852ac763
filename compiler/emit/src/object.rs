//! One Kubernetes object of any kind that a platform is made of.

use serde::ser::{Serialize, Serializer};

use crate::cause::Causes;
use crate::kind::Kind;
use crate::tree::{Field, Map};

/// A Kubernetes object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    kind: Kind,
    /// Its fields, and why the object is there.
    root: Field,
}

impl Object {
    /// An object that has its metadata alone.
    #[must_use]
    pub(crate) fn new(kind: Kind, metadata: Map, causes: impl Into<Causes>) -> Self {
        let mut fields = Map::of_kind(kind.api_version(), kind.as_str(), Causes::None);
        fields.block("metadata", metadata);
        Self {
            kind,
            root: Field::new(fields, causes),
        }
    }

    /// An object that has all its fields, which begin with its version and its kind.
    #[must_use]
    pub(crate) fn whole(kind: Kind, fields: &Map, causes: impl Into<Causes>) -> Self {
        let mut whole = Map::of_kind(kind.api_version(), kind.as_str(), Causes::None);
        for (key, field) in fields.iter().filter(|(key, _)| !is_kind(key)) {
            whole.insert(key.clone(), field.clone());
        }
        Self {
            kind,
            root: Field::new(whole, causes),
        }
    }

    /// The same object with a specification.
    #[must_use]
    pub(crate) fn with_spec(mut self, spec: Map) -> Self {
        self.fields_mut().block("spec", spec);
        self
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The tree of its fields, with the causes for which the object is there.
    #[must_use]
    pub const fn root(&self) -> &Field {
        &self.root
    }

    pub(crate) const fn root_mut(&mut self) -> &mut Field {
        &mut self.root
    }

    /// Its fields.
    #[must_use]
    pub fn fields(&self) -> &Map {
        const NONE: &Map = &Map::new();
        self.root.as_map().unwrap_or(NONE)
    }

    pub(crate) fn fields_mut(&mut self) -> &mut Map {
        self.root
            .as_map_mut()
            .expect("`new` makes a map, and a patch sets what is in it")
    }

    /// The field at the end of a path of names; a number is the place of an element of a list.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Field> {
        self.root.at(path)
    }

    /// The text at the end of a path.
    #[must_use]
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_text()
    }

    /// Its name; every object has one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text_at(&["metadata", "name"]).unwrap_or_default()
    }

    /// Its namespace, where it is in one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.text_at(&["metadata", "namespace"])
    }
}

fn is_kind(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind")
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root.serialize(serializer)
    }
}
