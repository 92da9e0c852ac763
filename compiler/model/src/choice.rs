//! Values of statements that are one of several words.

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

        impl $crate::shown::Shown for $name {
            fn show(&self, _: &dyn $crate::shown::Names) -> String {
                self.to_string()
            }

            fn ty() -> $crate::ty::Ty {
                $crate::ty::Ty::Word(Self::WORDS)
            }
        }
    )*};
}

pub(crate) use choices;
