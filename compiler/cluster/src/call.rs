//! One call to the API server before it is sent, and its answer.

use std::time::Duration;

use http::Request;
use kube::client::Body;
use serde_json::Value;

use crate::failure::ApiError;
use crate::object::{ObjectId, TOOL};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET of one thing.
    Get,
    /// GET of many.
    List,
    /// Server-side apply: the same call again gives the same object.
    Apply,
    /// A patch that carries the version that it changes.
    Patch,
    /// POST. Not repeated where the first may have arrived.
    Create,
    /// POST of a question, such as an access review: changes nothing.
    Review,
    /// PUT with the version that it replaces.
    Replace,
    /// DELETE with the uid that it deletes.
    Delete,
}

impl Verb {
    pub(crate) const fn changes(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Review)
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Get | Self::List => "GET",
            Self::Apply | Self::Patch => "PATCH",
            Self::Create | Self::Review => "POST",
            Self::Replace => "PUT",
            Self::Delete => "DELETE",
        }
    }

    const fn limit(self) -> Duration {
        match self {
            Self::List => Duration::from_secs(60),
            _ => Duration::from_secs(30),
        }
    }
}

/// A lock is renewed every ten seconds and safe for twenty, so that a renewal may fail once.
const URGENT_LIMIT: Duration = Duration::from_secs(8);

/// A call before it is sent.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) verb: Verb,
    path: String,
    query: Vec<(&'static str, String)>,
    content_type: &'static str,
    /// What is accepted instead of plain JSON.
    accept: Option<&'static str>,
    body: Option<Vec<u8>>,
    pub(crate) is_dry_run: bool,
    /// Whether the answer is plain text, such as a log.
    pub(crate) is_text: bool,
    /// Whether it goes past all that wait for their turn, and past the lock, which it renews.
    pub(crate) is_urgent: bool,
    /// Whether the caller recognizes what an earlier try has made.
    is_recognized: bool,
}

/// A successful answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether something was made (201).
    pub is_created: bool,
    /// The object.
    pub body: Value,
    /// The server's warnings.
    pub warnings: Vec<String>,
    /// The server's clock.
    pub date: Option<String>,
}

impl Call {
    pub(crate) fn new(verb: Verb, path: impl Into<String>) -> Self {
        Self {
            verb,
            path: path.into(),
            query: Vec::new(),
            content_type: "application/json",
            accept: None,
            body: None,
            is_dry_run: false,
            is_text: false,
            is_urgent: false,
            is_recognized: false,
        }
    }

    /// Goes past all that wait for their turn: a lock that is not renewed in time may become another's.
    #[must_use]
    pub(crate) fn urgent(mut self) -> Self {
        self.is_urgent = true;
        self
    }

    /// Reads a representation of a thing other than plain JSON of its own kind.
    #[must_use]
    pub(crate) fn accepting(mut self, types: &'static str) -> Self {
        self.accept = Some(types);
        self
    }

    /// Reads plain text: the body of the answer is one string.
    pub fn text(path: impl Into<String>) -> Self {
        let mut call = Self::new(Verb::Get, path);
        call.is_text = true;
        call
    }

    /// Reads one thing.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Verb::Get, path)
    }

    /// Server-side apply of an object, strict. Conflicts are shown, not won.
    #[must_use]
    pub fn apply(id: &ObjectId, body: &Value, manager: &str) -> Self {
        Self::apply_at(&id.path(), body, manager)
    }

    /// Server-side apply of what has no [`ObjectId`].
    #[must_use]
    pub fn apply_at(path: &str, body: &Value, manager: &str) -> Self {
        let mut call = Self::new(Verb::Apply, path);
        call.content_type = "application/apply-patch+yaml";
        call.body = Some(body.to_string().into_bytes());
        call.query("fieldManager", manager)
            .query("fieldValidation", "Strict")
            .query("force", "false")
    }

    /// A JSON patch (RFC 6902).
    #[must_use]
    pub fn json_patch(path: &str, operations: &Value, manager: &str) -> Self {
        let mut call = Self::new(Verb::Patch, path);
        call.content_type = "application/json-patch+json";
        call.body = Some(operations.to_string().into_bytes());
        call.query("fieldManager", manager)
    }

    /// Makes an object of erpc's own.
    #[must_use]
    pub fn create(path: &str, body: &Value) -> Self {
        let mut call = Self::new(Verb::Create, path);
        call.body = Some(body.to_string().into_bytes());
        call.query("fieldManager", TOOL)
            .query("fieldValidation", "Strict")
    }

    /// Asks a question by POST.
    #[must_use]
    pub fn review(path: &str, body: &Value) -> Self {
        let mut call = Self::new(Verb::Review, path);
        call.body = Some(body.to_string().into_bytes());
        call
    }

    /// Replaces an object of erpc's own, whose body carries the version that it replaces.
    #[must_use]
    pub fn replace(path: &str, body: &Value) -> Self {
        let mut call = Self::new(Verb::Replace, path);
        call.body = Some(body.to_string().into_bytes());
        call.query("fieldManager", TOOL)
    }

    /// Deletes the object with this uid.
    #[must_use]
    pub fn delete(path: &str, uid: &str, propagation: &str) -> Self {
        Self::delete_version(path, uid, None, propagation)
    }

    /// Deletes the object with this uid, if it still has this version.
    #[must_use]
    pub(crate) fn delete_version(
        path: &str,
        uid: &str,
        version: Option<&str>,
        propagation: &str,
    ) -> Self {
        let mut call = Self::new(Verb::Delete, path);
        let mut options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": { "uid": uid },
        });
        if let Some(version) = version {
            options["preconditions"]["resourceVersion"] = Value::from(version);
        }
        call.body = Some(options.to_string().into_bytes());
        call
    }

    /// Whether a deletion would be taken. The server reads `dryRun` from the body, and ignores the query.
    #[must_use]
    pub(crate) fn dry_delete(path: &str) -> Self {
        let mut call = Self::new(Verb::Delete, path);
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "dryRun": ["All"],
        });
        call.body = Some(options.to_string().into_bytes());
        call.is_dry_run = true;
        call
    }

    /// Judges and changes nothing.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.is_dry_run = true;
        self.query("dryRun", "All")
    }

    /// Takes the fields that belong to another manager.
    #[must_use]
    pub fn forced(mut self) -> Self {
        for (key, value) in &mut self.query {
            if *key == "force" {
                "true".clone_into(value);
            }
        }
        self
    }

    /// With a parameter.
    #[must_use]
    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// How long one try may take.
    pub(crate) const fn limit(&self) -> Duration {
        if self.is_urgent {
            URGENT_LIMIT
        } else {
            self.verb.limit()
        }
    }

    /// Whether it may be sent only while the lock of the run is certainly its own.
    pub(crate) const fn needs_lock(&self) -> bool {
        self.verb.changes() && !self.is_dry_run && !self.is_urgent
    }

    /// Tries once more are as good as the first.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.is_dry_run || self.verb != Verb::Create || self.is_recognized
    }

    /// Says that the caller recognizes its own work: a repetition of a POST that arrived after all is answered
    /// with a conflict, and the caller then looks at what is there.
    #[must_use]
    pub(crate) fn recognized(mut self) -> Self {
        self.is_recognized = true;
        self
    }

    pub(crate) fn request(&self) -> Result<Request<Body>, ApiError> {
        let mut uri = self.path.clone();
        for (index, (key, value)) in self.query.iter().enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.push_str(key);
            uri.push('=');
            percent_encode(value, &mut uri);
        }
        Request::builder()
            .method(self.verb.method())
            .uri(uri)
            .header(
                "accept",
                match self.accept {
                    Some(types) => types,
                    None if self.is_text && self.verb != Verb::List => "*/*",
                    None => "application/json",
                },
            )
            .header("content-type", self.content_type)
            .body(self.body.clone().map_or_else(Body::empty, Body::from))
            .map_err(|error| ApiError::Unreachable(error.to_string()))
    }
}

fn percent_encode(text: &str, into: &mut String) {
    use std::fmt::Write;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn a_selector_survives_a_query() {
        let mut text = String::new();
        percent_encode("a/b=c,d é", &mut text);
        assert_eq!(text, "a%2Fb%3Dc%2Cd%20%C3%A9");
    }
}
