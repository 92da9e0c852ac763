//! The types of the terms of rules and tests.

use std::fmt;

use crate::elements::Kind;
use crate::value::Type;

/// The type of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    /// A type of the language, never a range or a list.
    Plain(Type),
    /// One of these words, as text.
    Word(&'static [&'static str]),
    Range(Box<Ty>),
    List(Box<Ty>),
    /// A value, or `off` if it is not set.
    Optional(Box<Ty>),
    Element(Kind),
    /// `off` itself.
    Off,
    /// A number whose unit is not decided yet.
    Number,
    /// The element of an empty list.
    Never,
}

impl Ty {
    pub(crate) fn list(inner: Self) -> Self {
        Self::List(Box::new(inner))
    }

    pub(crate) fn optional(inner: Self) -> Self {
        Self::Optional(Box::new(inner))
    }

    /// The type that a component's parameter of this type has.
    pub(crate) fn of(declared: &Type) -> Self {
        match declared {
            Type::Range(inner) => Self::Range(Box::new(Self::of(inner))),
            Type::List(inner) => Self::list(Self::of(inner)),
            other => Self::Plain(other.clone()),
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Word(_) | Self::Plain(Type::String | Type::Name | Type::Version | Type::Image)
        )
    }

    /// Whether a value of one may be compared with a value of the other.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Optional(a), b) => matches!(b, Self::Off) || a.meets(b),
            (a, Self::Optional(b)) => matches!(a, Self::Off) || a.meets(b),
            (Self::List(a), Self::List(b)) | (Self::Range(a), Self::Range(b)) => a.meets(b),
            (Self::Never, _) | (_, Self::Never) => true,
            (a, b) => a == b || (a.is_text() && b.is_text()),
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(Type::String) | Self::Word(_) => f.write_str("text"),
            Self::Plain(Type::Bool) => f.write_str("a truth value"),
            Self::Plain(plain) => write!(f, "{plain}"),
            Self::Range(inner) => write!(f, "a range of {}", Many(inner)),
            Self::List(inner) if **inner == Self::Never => f.write_str("an empty list"),
            Self::List(inner) => write!(f, "a list of {}", Many(inner)),
            Self::Optional(inner) => write!(f, "{inner} or `off`"),
            Self::Element(kind) => write!(f, "{}", kind.with_article()),
            Self::Off => f.write_str("`off`"),
            Self::Number => f.write_str("a number"),
            Self::Never => f.write_str("nothing"),
        }
    }
}

/// A type as the plural of a list's elements.
struct Many<'t>(&'t Ty);

impl fmt::Display for Many<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ty::Element(Kind::End) => f.write_str("ends of flows"),
            Ty::Element(kind) => write!(f, "{}s", kind.name()),
            Ty::Plain(Type::String) | Ty::Word(_) => f.write_str("texts"),
            Ty::Plain(Type::Int) => f.write_str("whole numbers"),
            other => write!(f, "{other}"),
        }
    }
}
