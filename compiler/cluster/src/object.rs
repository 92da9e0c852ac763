//! Objects of a cluster: which they are, the labels by which they are found, and their text.

use std::fmt;

use erpc_emit::Kind;
use serde_json::Value;
use smol_str::SmolStr;

/// The value of [`MANAGED_BY`], and the field manager of erpc's own state: inventories, leases and their
/// namespace. A platform's objects have a [`FieldManager`] of their own.
pub const TOOL: &str = "erpc";
/// By it all objects of a platform are found.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The service that an object belongs to.
pub(crate) const NAME: &str = "app.kubernetes.io/name";
/// On the object's own metadata only: on a pod template it would restart what Helm installed.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its namespace; `None` for the whole cluster's.
    pub namespace: Option<SmolStr>,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: SmolStr,
}

impl ObjectId {
    /// The path of the object in the API.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "{}/{}",
            self.kind.collection(self.namespace.as_deref()),
            self.name
        )
    }

    /// Its namespace, or that of the service that a cluster-wide object belongs to: such an object is named
    /// `namespace.service`.
    #[must_use]
    pub(crate) fn home(&self) -> Option<&str> {
        let of_name = || self.name.split_once('.').map(|(namespace, _)| namespace);
        self.namespace.as_deref().or_else(of_name)
    }

    /// What a live object is.
    #[must_use]
    pub fn of(kind: Kind, live: &Value) -> Self {
        Self {
            namespace: live["metadata"]["namespace"].as_str().map(SmolStr::new),
            kind,
            name: live["metadata"]["name"].as_str().unwrap_or_default().into(),
        }
    }

    /// As flags name it: `Deployment/erp-apps/hl7-health`.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("{}/{}", self.kind, self.place())
    }

    /// `erp-apps/hl7-health`, or the name alone.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.to_string(),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.place())
    }
}

/// An object as its JSON text. As a tree of maps it takes twenty times the memory, so that of many
/// objects each is a tree only while it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed(Box<str>);

impl Packed {
    /// Packs an object.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self(object.to_string().into_boxed_str())
    }

    /// No object, as what is deleted has no body.
    pub(crate) fn nothing() -> Self {
        Self::of(&Value::Null)
    }

    /// The object.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0)
            .expect("it was written from a value, so it can be read as one")
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The uid of a live object.
pub(crate) fn uid(live: &Value) -> Option<String> {
    live["metadata"]["uid"].as_str().map(str::to_owned)
}

/// The name of an object.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether a live object says that it is this platform's.
pub(crate) fn is_labelled(live: &Value, platform: &str) -> bool {
    live["metadata"]["labels"][PART_OF] == platform
}
