//! What a check came to.

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the platform needs it.
    Good,
    /// It works, and something is worth a look.
    Warning,
    /// The platform cannot run so.
    Bad,
    /// It could not be found out.
    Unknown,
}

impl Verdict {
    /// As JSON says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Bad => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// The sign before it, and its colour.
    pub(crate) const fn sign(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("✓", "32"),
            Self::Warning => ("!", "33"),
            Self::Bad => ("✗", "31"),
            Self::Unknown => ("?", "36"),
        }
    }
}
