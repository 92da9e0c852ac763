//! The types of the terms of rules and tests.

use std::fmt;

use crate::elements::Kind;
use crate::value::{Type, Value};

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

    /// The type of a known value. A list of values that have different types is one of anything.
    pub(crate) fn of_value(value: &Value) -> Self {
        let plain = match value {
            Value::Number(_) => return Self::Number,
            Value::Range(min, _) => return Self::Range(Box::new(Self::of_value(min))),
            Value::List(items) => {
                let first = items.first().map_or(Self::Never, Self::of_value);
                let kind = items.first().map(std::mem::discriminant);
                let is_one = |item| Some(std::mem::discriminant(item)) == kind;
                let all_one = items.iter().all(is_one);
                return Self::list(if all_one { first } else { Self::Never });
            }
            Value::Off => return Self::Off,
            Value::Element(element) => return Self::Element(element.kind()),
            // It fits everywhere.
            Value::Unknown => return Self::Never,
            Value::Int(_) => Type::Int,
            Value::Bool(_) => Type::Bool,
            Value::Text(_) => Type::String,
            Value::Port(..) => Type::Port,
            Value::Cpu(_) => Type::Cpu,
            Value::Memory(_) => Type::Memory,
            Value::Duration(_) => Type::Duration,
            Value::Percent(_) => Type::Percent,
            Value::Cidr(_) => Type::Cidr,
            Value::Address(..) => Type::Address,
        };
        Self::Plain(plain)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Word(_) | Self::Plain(Type::String | Type::Name | Type::Version | Type::Image)
        )
    }

    /// Whether it is numbers whose unit is not decided yet.
    pub(crate) fn is_undecided(&self) -> bool {
        match self {
            Self::Number => true,
            Self::Range(inner) | Self::List(inner) => inner.is_undecided(),
            _ => false,
        }
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

impl From<&Type> for Ty {
    fn from(declared: &Type) -> Self {
        match declared {
            Type::Range(inner) => Self::Range(Box::new(Self::from(&**inner))),
            Type::List(inner) => Self::list(Self::from(&**inner)),
            other => Self::Plain(other.clone()),
        }
    }
}

/// A type as the plural of a list's elements.
struct Many<'t>(&'t Ty);

impl fmt::Display for Many<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ty::Element(Kind::Peer) => f.write_str("peers of flows"),
            Ty::Element(kind) => write!(f, "{}s", kind.name()),
            Ty::Plain(Type::String) | Ty::Word(_) => f.write_str("texts"),
            Ty::Plain(Type::Int) => f.write_str("whole numbers"),
            other => write!(f, "{other}"),
        }
    }
}
