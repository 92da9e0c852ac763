//! Values of statements: how `show` and rules see them, and words of which a statement takes one.

use crate::ty::Ty;
use crate::units::Duration;
use crate::value::{Type, Value};
use erpc_diagnostics::alternatives;

/// An enum whose variants are words of the language.
pub(crate) trait Choice: Copy + 'static {
    /// Every variant with its word.
    const ALL: &'static [(Self, &'static str)];

    /// The variant of a word.
    fn from_word(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(choice, _)| *choice)
    }

    /// The words, as messages list what they expect.
    fn expected() -> String {
        alternatives(Self::ALL.iter().map(|(_, word)| *word))
    }
}

/// A value of a plain statement, as `show` and rules see it.
pub(crate) trait Shown {
    /// As the language writes it.
    fn show(&self) -> String;
    /// The type of its member.
    fn ty() -> Ty {
        Ty::Plain(Type::String)
    }
    /// The value of its member.
    fn value(&self) -> Value {
        Value::Text(self.show().into())
    }
}

impl Shown for String {
    fn show(&self) -> String {
        self.clone()
    }
}

impl Shown for u32 {
    fn show(&self) -> String {
        self.to_string()
    }

    fn ty() -> Ty {
        Ty::Plain(Type::Int)
    }

    fn value(&self) -> Value {
        Value::Int((*self).into())
    }
}

impl Shown for Duration {
    fn show(&self) -> String {
        self.to_string()
    }

    fn ty() -> Ty {
        Ty::Plain(Type::Duration)
    }

    fn value(&self) -> Value {
        Value::Duration(*self)
    }
}

/// Declares enums whose variants are words of the language: `Node = "node"`.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The words, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// As the language writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The variant of a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                <Self as $crate::choice::Choice>::from_word(word)
            }
        }

        impl $crate::choice::Choice for $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $word)),*];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::choice::Shown for $name {
            fn show(&self) -> String {
                self.to_string()
            }

            fn ty() -> $crate::ty::Ty {
                $crate::ty::Ty::Word(Self::WORDS)
            }
        }
    )*};
}

pub(crate) use choices;
