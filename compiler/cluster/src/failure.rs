//! What goes wrong with a cluster, in words for people: the fact, and the next step.

use std::fmt;

use serde_json::Value;

/// Why a command ended, and what to do.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The fact.
    pub message: String,
    /// The next step.
    pub help: Option<String>,
    /// Whether the command was called with a name that does not exist.
    pub is_usage: bool,
}

impl Failure {
    /// A fact alone.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            is_usage: false,
        }
    }

    /// The command was called with a name that does not exist.
    #[must_use]
    pub fn usage(mut self) -> Self {
        self.is_usage = true;
        self
    }

    /// With the next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// An answer of the API server that is no success, or none at all.
#[derive(Clone, Debug)]
pub enum ApiError {
    /// No answer, after all tries.
    Unreachable(String),
    /// The answer with its status.
    Refused(Box<Refusal>),
}

/// What the API server says when it refuses.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// `Conflict`, `NotFound`, …; empty where the server gives none.
    pub reason: String,
    /// The message.
    pub message: String,
    /// One entry for each field.
    pub causes: Vec<Cause>,
}

/// A field that a refusal is about.
#[derive(Clone, Debug)]
pub struct Cause {
    /// `FieldManagerConflict`, `FieldValueInvalid`, …
    pub reason: String,
    /// What is said of it.
    pub message: String,
    /// `.spec.replicas`.
    pub field: String,
}

impl Refusal {
    /// Reads a `Status` object.
    #[must_use]
    pub fn from_response(code: u16, body: &[u8]) -> Self {
        let status: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = status["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cause| Cause {
                reason: text(&cause["reason"]),
                message: text(&cause["message"]),
                field: text(&cause["field"]),
            })
            .collect();
        let mut message = text(&status["message"]);
        if message.is_empty() {
            let body = String::from_utf8_lossy(body);
            message = body.trim().chars().take(300).collect();
        }
        Self {
            code,
            reason: text(&status["reason"]),
            message,
            causes,
        }
    }

    /// Whether fields belong to another manager.
    #[must_use]
    pub fn is_field_conflict(&self) -> bool {
        self.code == 409
            && self
                .causes
                .iter()
                .any(|cause| cause.reason == "FieldManagerConflict")
    }

    /// Whether the object that was meant is another or none by now.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.code == 422 && self.causes.iter().any(|c| c.field == "metadata.uid")
            || self.code == 409 && self.message.to_lowercase().contains("uid mismatch")
    }

    /// Whether it was changed since it was read.
    #[must_use]
    pub fn is_modified(&self) -> bool {
        self.code == 409 && self.message.contains("has been modified")
    }

    /// Whether its namespace is being deleted.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.code == 403
            && (self
                .causes
                .iter()
                .any(|cause| cause.reason == "NamespaceTerminating")
                || self.message.contains("being terminated"))
    }

    /// Whether the account lacks a right, not the object a virtue.
    #[must_use]
    pub fn is_rbac(&self) -> bool {
        let text = &self.message;
        let lacks = text.contains("cannot ") && text.contains("User ");
        // Of a role or a binding: it would give what the account does not have itself.
        let grants = text.contains("attempting to grant RBAC permissions not currently held");
        self.code == 403 && (lacks || grants) && !text.contains("exceeded quota")
    }

    /// The admission webhook that did not answer.
    #[must_use]
    pub fn dead_webhook(&self) -> Option<&str> {
        if self.code != 500 {
            return None;
        }
        let rest = self.message.split("failed calling webhook \"").nth(1)?;
        rest.split('"').next()
    }
}

impl ApiError {
    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unreachable(_) => None,
        }
    }

    /// Its HTTP status.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.code)
    }

    /// A refusal whose reason is known from elsewhere, too.
    pub(crate) fn because(self, why: &Failure) -> Self {
        match self {
            Self::Refused(mut refusal) => {
                refusal.message = format!("{}: {}", refusal.message.trim(), why.message);
                Self::Refused(refusal)
            }
            Self::Unreachable(message) => Self::Unreachable(format!("{message}: {}", why.message)),
        }
    }

    /// Whether there is no such object.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(message) => f.write_str(message),
            Self::Refused(refusal) => {
                let message = refusal.message.trim();
                if message.is_empty() {
                    write!(f, "HTTP {} {}", refusal.code, refusal.reason)
                } else {
                    f.write_str(message)
                }
            }
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let help = match &error {
            ApiError::Unreachable(_) => {
                Some("see that the API server runs and can be reached from here: `erpc doctor`")
            }
            ApiError::Refused(refusal) if refusal.code == 401 => Some(
                "the credentials of the kubeconfig have expired or are not this cluster's; log in again",
            ),
            ApiError::Refused(refusal) if refusal.is_rbac() => {
                Some("`erpc rbac` prints the permissions that this platform needs")
            }
            ApiError::Refused(_) => None,
        };
        let failure = Self::new(error.to_string());
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
