//! Statements, one declaration each. A declaration says how a statement is written and read; from it follow
//! the field of its owner, its entry among the words of the language, its row in `show` and `diff`, its members in
//! rules and tests, and how a profile overrides it. Apart from the checks and emitters that use a statement,
//! nothing else names it.
//!
//! Flows and exposures have semantics of their own and implement the trait [`Statements`] by hand. What declares
//! something with a name (`service`, `component`, `profile`, …) is read in `resolve/`.

mod cluster;
mod container;
mod exposure;
mod external;
mod field;
mod flow;
mod grant;
mod health;
mod ingress;
mod mounts;
mod namespace;
mod patch;
mod probe;
mod reader;
mod resources;
mod scaling;
mod secret;
mod service;
pub(crate) mod slo;

use crate::fact::Fact;
use crate::origin::Origin;
use crate::shown::Names;
use crate::ty::Ty;
use crate::value::Value;
use crate::word::Word;

pub(crate) use field::{Field, Keyed, Values, group, keyed};
pub(crate) use reader::{Lookup, Reader, duration, each_text, name, text};

pub use cluster::{
    ApiServer, Cluster, Cni, CniAbility, Dns, DnsFlavour, Mesh, Nodes, StorageClass,
    StorageProvision,
};
pub use container::{Container, EnvValue, EnvVar, Image};
pub use exposure::{Address, AddressKind, Route};
pub(crate) use exposure::{Exposures, rows as exposure_rows};
pub use external::{External, ExternalPort};
pub use flow::{Assertion, Flow, FlowPort, Mode, Peers};
pub use grant::{Grant, Resource};
pub(crate) use health::Drafts;
pub use ingress::{Ingress, IngressController};
pub(crate) use mounts::port_numbers;
pub use mounts::{Config, Port, SecretMount, Volume};
pub use namespace::{ContainerDefaults, Namespace, Quota};
pub use patch::{Patch, PatchField, PatchValue};
pub use probe::{CheckKind, Probe, ProbeCheck, Probes};
pub use scaling::{Autoscale, Scaling};
pub use secret::Secret;
pub use service::{Access, History, RunAs, ServiceProperties, ServiceStatements, Spread};
pub use slo::{Availability, Latency};

/// A declared statement of an owner `O`, the struct of all its statements.
pub(crate) struct Statement<O: 'static> {
    /// Its entry in the table of words.
    pub(crate) word: Word,
    /// What rules and tests read of it.
    pub(crate) members: &'static [Member<O>],
    /// Sets the field from what stands behind the word; leaves it as it is after an error. `None` for a statement
    /// that is read in `resolve/`.
    pub(crate) read: Option<fn(&mut O, &mut Reader<'_, '_>)>,
    /// Of which layers it is read.
    pub(crate) of: Layers,
    /// Its rows in `show`.
    pub(crate) facts: fn(&O, &dyn Names) -> Vec<Fact>,
    /// Where it is set.
    pub(crate) origin: fn(&O) -> Option<Origin>,
}

/// Which layers of a statement are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    /// The highest, as the word merges.
    Highest,
    /// The highest statement, and then the paths of profiles above it, which change parts of it.
    HighestAndPaths,
    /// Each over those below it.
    All,
}

/// How a member of an owner is read.
pub(crate) type Get<O> = fn(&O, &dyn Names) -> Value;

/// A member of rules and tests that reads a statement, or a part of an element.
pub(crate) struct Member<O> {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) ty: fn() -> Ty,
    pub(crate) get: Get<O>,
}

/// The struct of the statements of a block.
pub(crate) trait Statements: Sized + 'static {
    /// Every statement, in the order in which `show` lists them.
    const ALL: &'static [Statement<Self>];

    /// The rows of `show`.
    fn facts(&self, names: &dyn Names) -> Vec<Fact> {
        let all = Self::ALL.iter();
        all.flat_map(|statement| (statement.facts)(self, names))
            .collect()
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

/// What a statement declares and consists of parts, which rules and tests read.
pub(crate) trait Element: Sized + 'static {
    const PARTS: &'static [Member<Self>];
}

/// Reads a statement into its field.
pub(crate) fn read_into<F: Field>(
    field: &mut F,
    reader: &mut Reader<'_, '_>,
    read: fn(&mut Reader<'_, '_>) -> Option<F::Read>,
) {
    if let Some(read) = read(reader) {
        field.set(read);
    }
}

/// The word that a form starts with.
pub(crate) const fn first_word(form: &'static str) -> &'static str {
    let bytes = form.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b' ' {
        end += 1;
    }
    form.split_at(end).0
}

/// Declares the statements of a block and the struct that holds them:
///
/// ```text
/// Owner(fields that a new owner is given) with (values of statements that it is given) { fields that are no statements }
/// field: Type = "how it is written" How layers merge, unless one replaces the other [the blocks in which it may stand]
///     "What it does.",
///     default …,
///     read |reader| …;
/// ```
///
/// `from VALUE` instead of `default` takes what a new owner is given. `show |value| …` replaces how `show` writes a value, `rows |owner, names| …` the rows of `show`, `members { … }` the
/// one member with the name of the field. `update` instead of `read` changes the owner as lower layers set it. Without either, the
/// statement is read in `resolve/`.
macro_rules! statements {
    (
        $(#[$doc:meta])*
        $owner:ident($($(#[$given_doc:meta])* $given:ident: $given_ty:ty),*)
        $(with ($($with:ident: $with_ty:ty),*))?
        { $($(#[$other_doc:meta])* $other:ident: $other_ty:ty),* $(,)? }
        $($field:ident: $ty:ty = $form:literal $($merge:ident)? [$($place:ident)*] $text:literal
            $(, parts { $($part:literal $part_doc:literal)* })?
            $(, default $default:expr)?
            $(, from $from:expr)?
            $(, read $read:expr)?
            $(, update $update:expr)?
            $(, layers $layers:expr)?
            $(, show $show:expr)?
            $(, rows $rows:expr)?
            $(, members { $($member:ident: $member_ty:ty, $member_doc:literal => $get:expr),* $(,)? })?
            $(, also $also:literal [$($also_place:ident)*] $also_text:literal update $also_update:expr)?;
        )*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $owner {
            $($(#[$given_doc])* pub $given: $given_ty,)*
            $($(#[$other_doc])* pub $other: $other_ty,)*
            $(
                #[doc = concat!("`", $form, "`: ", $text)]
                pub $field: $ty,
            )*
        }

        impl $owner {
            /// With the defaults of the language.
            pub(crate) fn new($($given: $given_ty,)* $($($with: $with_ty),*)?) -> Self {
                Self {
                    $($given,)*
                    $($other: Default::default(),)*
                    $($field: $crate::statements::statements!(@default $($default)? $(, $from)?),)*
                }
            }
        }

        impl $crate::statements::Statements for $owner {
            const ALL: &'static [$crate::statements::Statement<Self>] = &[$(
                $crate::statements::Statement {
                    word: $crate::word::Word {
                        name: $crate::statements::first_word($form),
                        form: $form,
                        doc: $text,
                        parts: &[$($(($part, $part_doc)),*)?],
                        merge: $crate::statements::statements!(@merge $($merge)?),
                        places: &[$($crate::word::BlockKind::$place),*],
                    },
                    members: $crate::statements::statements!(
                        @members $owner $field $ty, $text $(, { $($member: $member_ty, $member_doc => $get),* })?
                    ),
                    read: $crate::statements::statements!(@read $owner $field $(, $read)? $(, change $update)? $(, change $layers)?),
                    of: $crate::statements::statements!(@of $(update $update)? $(layers $layers)?),
                    facts: $crate::statements::statements!(@facts $field $ty, $form $(, show $show)? $(, rows $rows)?),
                    origin: $crate::statements::statements!(@origin $field $(, $rows)?),
                },
                $($crate::statements::Statement {
                    word: $crate::word::Word {
                        name: $crate::statements::first_word($also),
                        form: $also,
                        doc: $also_text,
                        parts: &[],
                        merge: $crate::word::Merge::Replace,
                        places: &[$($crate::word::BlockKind::$also_place),*],
                    },
                    members: &[],
                    read: Some($also_update),
                    of: $crate::statements::Layers::HighestAndPaths,
                    facts: |_, _| Vec::new(),
                    origin: |_| None,
                },)?
            )*];
        }
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $crate::origin::Sourced::default_of_language($default) };
    (@default , $from:expr) => { $from };
    (@merge) => { $crate::word::Merge::Replace };
    (@merge $merge:ident) => { $crate::word::Merge::$merge };
    (@read $owner:ident $field:ident) => { None };
    (@read $owner:ident $field:ident, $read:expr) => {
        Some(|owner, reader| $crate::statements::read_into(&mut owner.$field, reader, $read))
    };
    (@read $owner:ident $field:ident, change $update:expr) => {
        Some($update)
    };
    (@of) => { $crate::statements::Layers::Highest };
    (@of update $update:expr) => { $crate::statements::Layers::HighestAndPaths };
    (@of layers $layers:expr) => { $crate::statements::Layers::All };
    (@facts $field:ident $ty:ty, $form:literal) => {
        |owner, names| {
            let word = $crate::statements::first_word($form);
            $crate::statements::Field::facts(&owner.$field, word, names)
        }
    };
    (@facts $field:ident $ty:ty, $form:literal, show $show:expr) => {
        |owner, names| {
            let word = $crate::statements::first_word($form);
            Vec::from_iter($crate::statements::Values::row(&owner.$field, word, names, |value, _| {
                let show: fn(&<$ty as $crate::statements::Values>::Item) -> String = $show;
                $crate::fact::Plain::Text(show(value))
            }))
        }
    };
    (@facts $field:ident $ty:ty, $form:literal, rows $rows:expr) => { $rows };
    (@origin $field:ident) => { |owner| $crate::statements::Field::origin(&owner.$field) };
    (@origin $field:ident, $rows:expr) => { |_| None };
    (@members $owner:ident $field:ident $ty:ty, $text:literal) => {
        &[$crate::statements::Member::<$owner> {
            name: stringify!($field),
            doc: $text,
            ty: <$ty as $crate::shown::Shown>::ty,
            get: |owner, names| $crate::shown::Shown::value(&owner.$field, names),
        }]
    };
    (@members $owner:ident $field:ident $ty:ty, $text:literal, {
        $($member:ident: $member_ty:ty, $member_doc:literal => $get:expr),*
    }) => {
        &[$($crate::statements::Member::<$owner> {
            name: stringify!($member),
            doc: $member_doc,
            ty: <$member_ty as $crate::shown::Shown>::ty,
            get: |owner, names| {
                let get: fn(&$ty) -> $member_ty = $get;
                $crate::shown::Shown::value(&get(&owner.$field), names)
            },
        }),*]
    };
}

pub(crate) use statements;

/// Declares an element with its parts, its other fields, and members that are computed from it.
macro_rules! element {
    (
        $(#[$doc:meta])*
        $element:ident { $($part:ident: $ty:ty = $text:literal,)* }
        $(besides { $($(#[$other_doc:meta])* $other:ident: $other_ty:ty,)* })?
        $(computed { $($member:ident: $member_ty:ty = $member_text:literal => $get:expr,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $element {
            $(#[doc = $text] pub $part: $ty,)*
            $($($(#[$other_doc])* pub $other: $other_ty,)*)?
        }

        impl $crate::statements::Element for $element {
            const PARTS: &'static [$crate::statements::Member<Self>] = &[
                $($crate::statements::Member {
                    name: stringify!($part),
                    doc: $text,
                    ty: <$ty as $crate::shown::Shown>::ty,
                    get: |element, names| $crate::shown::Shown::value(&element.$part, names),
                },)*
                $($($crate::statements::Member {
                    name: stringify!($member),
                    doc: $member_text,
                    ty: <$member_ty as $crate::shown::Shown>::ty,
                    get: |element, names| {
                        let get: fn(&Self) -> $member_ty = $get;
                        $crate::shown::Shown::value(&get(element), names)
                    },
                },)*)?
            ];
        }
    };
}

pub(crate) use element;
