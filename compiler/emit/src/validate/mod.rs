//! What a server refuses of an object beyond its schema (`k8s.io/kubernetes`, `pkg/apis/*/validation`). In: objects
//! after patches. Out: [`Fault`]s, each at a field, so that it can be reported at the line of the source that set
//! the field.
//!
//! `rules.rs` is the table of what concerns one value of a type; `pods.rs` has what concerns several parts of a pod,
//! `services.rs` of a Service, `security.rs` the level of Pod Security that a pod needs, `references.rs` the objects.

mod pods;
mod references;
mod rules;
mod security;
mod services;

use smol_str::SmolStr;

use crate::kind::Kind;
use crate::schema::{self, Problem, Version, What};
use crate::view::{FieldPath, View};

pub use references::{Reference, Target, references};
pub use security::{Need, needed_level};

/// Something that a server refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub path: FieldPath,
    /// Another field that it conflicts with.
    pub other: Option<FieldPath>,
    /// What is wrong with it.
    pub message: String,
    /// What kind of fault it is.
    pub kind: FaultKind,
}

/// A kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no such field; another was probably meant.
    UnknownField(Option<SmolStr>),
    /// The key of a map has another form.
    Key,
    /// A value that is refused; another was probably meant.
    Value(Option<String>),
    /// A value of another type than this one.
    WrongType(&'static str),
    /// Two parts of an object have one name.
    Name,
    /// Two volumes are mounted at one path.
    Mount,
    /// Two ports are the same.
    Port,
}

impl Fault {
    pub(crate) fn new(path: FieldPath, message: impl Into<String>) -> Self {
        Self::of_kind(FaultKind::Value(None), path, message)
    }

    pub(crate) fn of_kind(kind: FaultKind, path: FieldPath, message: impl Into<String>) -> Self {
        Self {
            path,
            other: None,
            message: message.into(),
            kind,
        }
    }

    pub(crate) fn with(mut self, other: FieldPath) -> Self {
        self.other = Some(other);
        self
    }
}

impl From<Problem> for Fault {
    fn from(Problem { path, what }: Problem) -> Self {
        let kind = match &what {
            What::UnknownField { meant } => FaultKind::UnknownField(meant.clone()),
            What::WrongType { expected, .. } => FaultKind::WrongType(expected),
            What::NotOneOf { found, values } => {
                let meant = nearest_word(found, values);
                FaultKind::Value(meant.map(str::to_owned))
            }
            What::Missing(_)
            | What::OutOfRange
            | What::BadForm { .. }
            | What::Duplicate(_)
            | What::TooDeep => FaultKind::Value(None),
        };
        let message = match &what {
            What::UnknownField { .. } => format!("unknown field `{path}`"),
            what => what.to_string(),
        };
        Self::of_kind(kind, path, message)
    }
}

/// The word that was probably meant: the same in other letters, or one that is close.
fn nearest_word<'w>(found: &str, words: &[&'w str]) -> Option<&'w str> {
    let same = words.iter().find(|word| word.eq_ignore_ascii_case(found));
    same.copied()
        .or_else(|| erpc_diagnostics::nearest(found, words.iter().copied()))
}

/// Everything that a server of this version would refuse of an object: its schema, the rules of its types, and those
/// that concern several of its parts.
#[must_use]
pub fn object(version: Version, object: &impl View) -> Vec<Fault> {
    let mut of_types = Vec::new();
    let problems = schema::check_each(version, object, &mut |name, value, path| {
        rules::of_type(name, value, path, &mut of_types);
    });
    let mut faults: Vec<Fault> = problems.into_iter().flatten().map(Fault::from).collect();
    // A value of another type breaks rules only because of that.
    let is_reported = |path: &FieldPath, faults: &[Fault]| {
        let mut reported = faults.iter();
        reported.any(|fault| fault.path.0.starts_with(&path.0))
    };
    let more = of_types.into_iter().chain(parts(object));
    let more: Vec<Fault> = more
        .filter(|fault| !is_reported(&fault.path, &faults))
        .collect();
    faults.extend(more);
    faults
}

/// What a server would refuse of the parts of an object together. It is what can be wrong with an object that no
/// patch has changed: names and paths come from the source, everything else from the compiler.
#[must_use]
pub fn parts(object: &impl View) -> Vec<Fault> {
    let mut faults = Vec::new();
    let kind = object.field("kind").and_then(View::text);
    let Some(kind) = kind.and_then(Kind::named) else {
        return faults;
    };
    if let Some(path) = kind.pod_path() {
        pods::of_workload(kind.as_str(), path, object, &mut faults);
    } else if kind == Kind::Service {
        services::ports(object, &mut faults);
    }
    faults
}
