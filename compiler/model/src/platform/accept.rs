//! Accepted warnings and files, and renames.

use erpc_diagnostics::{Code, Span};
use smol_str::SmolStr;

use crate::ids::{NamespaceId, ServiceId};

/// `accept CODE [for NAME] because "…"`.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The code of a warning.
    pub code: &'static Code,
    /// What it is about [default: the only place with such a warning].
    pub subject: Option<Subject>,
    /// Why the platform lives with it.
    pub because: String,
    /// The statement.
    pub span: Span,
}

/// `accept "lib/shop/extra.yaml" because "…"`: a manifest beside the generated ones that stays.
#[derive(Clone, Debug)]
pub struct AcceptedFile {
    /// Its path from the output folder, with `/`.
    pub path: SmolStr,
    /// Why the platform has it.
    pub because: String,
    /// The statement.
    pub span: Span,
}

/// What an `accept` is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its full name: `erp-telemetry.prometheus`.
    pub name: SmolStr,
    /// Its declaration, and what profiles lay over it.
    pub within: Vec<Span>,
    /// Declarations inside of it that are subjects themselves.
    pub except: Vec<Span>,
}

/// `moved OLD to NEW`.
#[derive(Clone, Debug)]
pub struct Move {
    /// The name that it had: `namespace` or `namespace.service`.
    pub old: SmolStr,
    /// What it is now; of a chain of moves, the end.
    pub new: MovedTo,
    /// The statement.
    pub span: Span,
}

/// A namespace or a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedTo {
    /// A namespace.
    Namespace(NamespaceId),
    /// A service.
    Service(ServiceId),
}
