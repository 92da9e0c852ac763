//! Plain statements, one declaration each. A declaration says how a statement is written and read; from it follow
//! the field of its owner, its entry among the words of the language, its row in `show` and `diff`, its members in
//! rules and tests, and how a profile overrides it. Apart from the checks and emitters that use a statement,
//! nothing else names it.
//!
//! A statement is plain if it stands once in its block and its value depends on no other statement. The others
//! (ports, probes, flows, volumes, …) are read in `resolve/`.

mod reader;
mod service;

use crate::choice::Shown;
use crate::fact::Fact;
use crate::origin::Sourced;
use crate::ty::Ty;
use crate::value::{Type, Value};
use crate::word::Word;

pub(crate) use reader::Reader;
pub use service::{Access, History, RunAs, ServiceProperties, Spread};

/// A declared statement of an owner `O`, the struct of all its statements.
pub(crate) struct Statement<O: 'static> {
    /// Its entry in the table of words.
    pub(crate) word: Word,
    /// What rules and tests read of it.
    pub(crate) members: &'static [StatementMember<O>],
    /// Sets the field from what stands behind the word; leaves it unset after an error.
    pub(crate) read: fn(&mut O, &mut Reader<'_, '_>),
    /// Its row in `show`, if it is set.
    pub(crate) fact: fn(&O) -> Option<Fact>,
    /// Whether both owners have the same value.
    pub(crate) is_equal: fn(&O, &O) -> bool,
    /// Copies the field from another owner.
    pub(crate) copy: fn(&mut O, &O),
}

/// A member of rules and tests that reads a statement.
pub(crate) struct StatementMember<O> {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) ty: fn() -> Ty,
    pub(crate) get: fn(&O) -> Value,
}

/// The struct of the statements of a block.
pub(crate) trait Statements: Default + 'static {
    /// Every statement, in the order in which `show` lists them.
    const ALL: &'static [Statement<Self>];

    /// The rows of `show`.
    fn facts(&self) -> impl Iterator<Item = Fact> {
        Self::ALL
            .iter()
            .filter_map(|statement| (statement.fact)(self))
    }

    /// The words that start them.
    fn words() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|statement| statement.word.name)
    }

    /// The statement that a word starts.
    fn statement(word: &str) -> Option<&'static Statement<Self>> {
        Self::ALL
            .iter()
            .find(|statement| statement.word.name == word)
    }
}

/// Reads a value as its declaration says.
pub(crate) fn read_with<T>(
    reader: &mut Reader<'_, '_>,
    read: fn(&mut Reader<'_, '_>) -> Option<Sourced<T>>,
) -> Option<Sourced<T>> {
    read(reader)
}

/// The word that a form starts with.
const fn first_word(form: &'static str) -> &'static str {
    let bytes = form.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b' ' {
        end += 1;
    }
    form.split_at(end).0
}

/// Declares the statements of a block and the struct that holds them. A declaration is
///
/// ```text
/// field: Type = "how it is written" [the blocks in which it may stand]
///     "What it does."
///     read |reader| …;
/// ```
///
/// `show |value| …` before the `;` replaces how `show` writes the value, `members { … }` replaces the one member
/// with the name of the field.
macro_rules! statements {
    (
        $(#[$doc:meta])*
        $owner:ident:
        $($field:ident: $ty:ty = $form:literal [$($place:ident)*] $text:literal
            read $read:expr
            $(, show $show:expr)?
            $(, members { $($member:ident: $member_ty:ty, $member_doc:literal => $get:expr),* $(,)? })?;
        )*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $owner {
            $(
                #[doc = concat!("`", $form, "`: ", $text)]
                pub $field: Option<$crate::origin::Sourced<$ty>>,
            )*
        }

        /// Equal values, wherever they are set.
        impl PartialEq for $owner {
            fn eq(&self, other: &Self) -> bool {
                let all = <Self as $crate::statements::Statements>::ALL;
                all.iter().all(|statement| (statement.is_equal)(self, other))
            }
        }

        impl $crate::statements::Statements for $owner {
            const ALL: &'static [$crate::statements::Statement<Self>] = &[$(
                $crate::statements::Statement {
                    word: $crate::word::Word {
                        name: $crate::statements::first_word($form),
                        form: $form,
                        doc: $text,
                        parts: &[],
                        merge: $crate::word::Merge::Replace,
                        places: &[$($crate::word::Place::$place),*],
                    },
                    members: $crate::statements::statements!(
                        @members $owner $field $ty, $text $(, { $($member: $member_ty, $member_doc => $get),* })?
                    ),
                    read: |owner, reader| {
                        owner.$field = $crate::statements::read_with::<$ty>(reader, $read);
                    },
                    fact: |owner| {
                        let set = owner.$field.as_ref()?;
                        let show: fn(&$ty) -> String = $crate::statements::statements!(@show $ty $(, $show)?);
                        Some($crate::fact::Fact::of(
                            $crate::statements::first_word($form),
                            $crate::fact::Plain::Text(show(&set.value)),
                            set.origin,
                        ))
                    },
                    is_equal: |one, other| {
                        one.$field.as_ref().map(|set| &set.value) == other.$field.as_ref().map(|set| &set.value)
                    },
                    copy: |owner, from| owner.$field.clone_from(&from.$field),
                }
            ),*];
        }
    };
    (@show $ty:ty) => { <$ty as $crate::choice::Shown>::show };
    (@show $ty:ty, $show:expr) => { $show };
    (@members $owner:ident $field:ident $ty:ty, $text:literal) => {
        &[$crate::statements::StatementMember::<$owner> {
            name: stringify!($field),
            doc: $text,
            ty: || $crate::ty::Ty::optional(<$ty as $crate::choice::Shown>::ty()),
            get: |owner| owner.$field.as_ref().map_or($crate::value::Value::Off, |set| {
                $crate::choice::Shown::value(&set.value)
            }),
        }]
    };
    (@members $owner:ident $field:ident $ty:ty, $text:literal, {
        $($member:ident: $member_ty:ty, $member_doc:literal => $get:expr),*
    }) => {
        &[$($crate::statements::StatementMember::<$owner> {
            name: stringify!($member),
            doc: $member_doc,
            ty: <$member_ty as $crate::statements::Member>::ty,
            get: |owner| {
                let get: fn(Option<&$ty>) -> $member_ty = $get;
                $crate::statements::Member::value(get(owner.$field.as_ref().map(|set| &set.value)))
            },
        }),*]
    };
}

pub(crate) use statements;

/// What a member of its own declaration gives: a value, or one that may be missing.
pub(crate) trait Member {
    fn ty() -> Ty;
    fn value(self) -> Value;
}

impl Member for bool {
    fn ty() -> Ty {
        Ty::Plain(Type::Bool)
    }

    fn value(self) -> Value {
        Value::Bool(self)
    }
}

impl<T: Shown> Member for Option<T> {
    fn ty() -> Ty {
        Ty::optional(T::ty())
    }

    fn value(self) -> Value {
        self.map_or(Value::Off, |set| set.value())
    }
}
