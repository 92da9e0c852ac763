//! Words of which a statement takes one.

/// An enum whose variants are words of the language.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every variant.
    const ALL: &'static [Self];
    /// The word of every variant, in the same order.
    const WORDS: &'static [&'static str];

    /// As the language writes it.
    fn as_str(self) -> &'static str {
        let at = Self::ALL.iter().position(|one| *one == self);
        at.map_or("", |at| Self::WORDS[at])
    }

    /// The variant of a word.
    #[must_use]
    fn from_word(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|one| *one == word)?;
        Some(Self::ALL[at])
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

        impl $crate::statements::Choice for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::statements::Choice::as_str(*self))
            }
        }

        impl $crate::statements::Shown for $name {
            fn show(&self) -> String {
                self.to_string()
            }

            fn ty() -> $crate::rules::Ty {
                $crate::rules::Ty::Word(<Self as $crate::statements::Choice>::WORDS)
            }

            fn value(&self) -> $crate::value::Value {
                $crate::value::Value::Text($crate::statements::Choice::as_str(*self).into())
            }
        }
    )*};
}

pub(crate) use choices;
