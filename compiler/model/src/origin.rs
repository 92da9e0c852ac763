//! Where a value came from.

use erpc_diagnostics::Span;

use crate::ids::{ProfileId, UseId};

/// A value with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// The place of a value in the source, and the way on which it reached its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The literal or property; [`Span::NONE`] for a default of the language.
    pub span: Span,
    /// Through what.
    pub via: Via,
}

/// How a value reached its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The owner's own block says it.
    Declared,
    /// A component that the owner `is` says it.
    Component(UseId),
    /// The owner's namespace says it.
    Namespace,
    /// The platform block says it.
    Platform,
    /// A profile overrides it.
    Profile(ProfileId),
    /// A default of the language.
    Default,
}

impl<T> Sourced<T> {
    /// A value that the owner's own block says at `span`.
    pub const fn declared(value: T, span: Span) -> Self {
        Self {
            value,
            origin: Origin {
                span,
                via: Via::Declared,
            },
        }
    }

    /// A default of the language.
    pub const fn default_of_language(value: T) -> Self {
        Self {
            value,
            origin: Origin {
                span: Span::NONE,
                via: Via::Default,
            },
        }
    }

    /// Where the value stands in the source.
    pub const fn span(&self) -> Span {
        self.origin.span
    }

    /// Another value of the same origin.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: f(self.value),
            origin: self.origin,
        }
    }
}

impl Origin {
    /// Of a default value.
    #[must_use]
    pub const fn of_language() -> Self {
        Self {
            span: Span::NONE,
            via: Via::Default,
        }
    }
}
