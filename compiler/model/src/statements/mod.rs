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
mod identity;
mod ingress;
mod labels;
mod manifests;
mod mounts;
mod namespace;
mod patch;
mod peers;
mod probe;
mod reader;
mod resources;
mod scaling;
mod secret;
mod service;
pub(crate) mod slo;
mod yaml;

use crate::fact::Fact;
use crate::origin::Origin;
use crate::shown::Names;
use crate::ty::Ty;
use crate::value::Value;
use crate::word::Word;

pub(crate) use field::{Field, Keyed, Values, group, keyed};
pub(crate) use reader::{DeclaredPort, Lookup, Reader, duration, each_text, name, text};

pub use cluster::{
    ApiServer, Cluster, Cni, CniAbility, Dns, DnsFlavour, DnsPods, Mesh, Nodes, StorageClass,
    StorageProvision,
};
pub use container::{Container, EnvValue, EnvVar, Image};
pub use exposure::{Address, AddressKind, Route};
pub(crate) use exposure::{Exposures, rows as exposure_rows};
pub use external::{External, ExternalPort};
pub use flow::{Assertion, Flow, Mode};
pub use grant::{Grant, Resource};
pub(crate) use health::Drafts;
pub use identity::{AccountName, Identity, ServiceName};
pub use ingress::{Ingress, IngressController};
pub use manifests::Manifest;
pub(crate) use manifests::{Manifests, RawObject, objects_of};
pub(crate) use mounts::port_numbers;
pub use mounts::{ClaimMount, Config, FileOptions, Mount, Port, Scratch, SecretMount, Volume};
pub use namespace::{ContainerDefaults, Namespace, Network, Quota};
pub use patch::{Patch, PatchField, PatchValue};
pub use peers::{FlowPort, Peers};
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

#[cfg(test)]
#[expect(unreachable_pub, reason = "what the macros declare is public")]
pub(crate) mod tests {
    use erpc_diagnostics::Span;
    use erpc_syntax::tree::{Expr, Ident, PathPort};
    use smol_str::SmolStr;

    use super::{DeclaredPort, Element, Layers, Lookup, Peers, Reader, Statements, text};
    use crate::args::Args;
    use crate::eval::{Evaluator, Scope, Standpoint};
    use crate::ids::{NamespaceId, PortId, SecretId, ServiceId, TierId};
    use crate::origin::{Sourced, Via};
    use crate::program::{Files, Loaded, ReadError};
    use crate::shown::Names;
    use crate::units::Percent;
    use crate::value::Value;

    /// Of values that name nothing.
    pub(crate) struct NoNames;

    impl Names for NoNames {
        fn namespace(&self, _: NamespaceId) -> &str {
            ""
        }
        fn service(&self, _: ServiceId) -> String {
            String::new()
        }
        fn secret(&self, _: SecretId) -> &str {
            ""
        }
        fn port(&self, _: PortId) -> &str {
            ""
        }
        fn tier(&self, _: TierId) -> &str {
            ""
        }
    }

    /// An evaluator without declarations.
    struct NoDeclarations<'a>(Evaluator<'a>);

    impl<'a> std::ops::Deref for NoDeclarations<'a> {
        type Target = Evaluator<'a>;

        fn deref(&self) -> &Evaluator<'a> {
            &self.0
        }
    }

    impl std::ops::DerefMut for NoDeclarations<'_> {
        fn deref_mut(&mut self) -> &mut Self::Target {
            &mut self.0
        }
    }

    impl<'a> Lookup<'a> for NoDeclarations<'a> {
        fn tier(&mut self, _: &Ident) -> Option<TierId> {
            None
        }
        fn namespace(&mut self, _: &Ident) -> Option<NamespaceId> {
            None
        }
        fn name_of_namespace(&self, _: NamespaceId) -> Option<SmolStr> {
            None
        }
        fn service(&mut self, _: &Expr, _: Standpoint) -> Option<ServiceId> {
            None
        }
        fn service_and_port(&mut self, _: &Expr, _: Standpoint) -> Option<(ServiceId, Ident)> {
            None
        }
        fn port(&mut self, _: ServiceId, _: &Ident) -> Option<PortId> {
            None
        }
        fn secret(&mut self, _: &Ident, _: Standpoint) -> Option<SecretId> {
            None
        }
        fn secret_key(&mut self, _: &Expr, _: Standpoint) -> Option<(SecretId, SmolStr)> {
            None
        }
        fn peers(&mut self, _: &'a Expr, _: Standpoint) -> Option<(Peers, Option<&'a PathPort>)> {
            None
        }
        fn home(&self, _: ServiceId) -> Option<NamespaceId> {
            None
        }
        fn ports(&self, _: ServiceId) -> Option<(Span, Vec<DeclaredPort<'_>>)> {
            None
        }
        fn keys(&self, _: SecretId) -> (Span, &[Sourced<SmolStr>]) {
            (Span::NONE, &[])
        }
    }

    struct Text(String);

    impl Files for Text {
        fn read(&self, _: &str) -> Result<Vec<u8>, ReadError> {
            Ok(self.0.clone().into_bytes())
        }
    }

    statements! {
        /// A block with a statement of each kind of field.
        Block(
            /// Given.
            name: SmolStr
        ) with (start: u32) {
            /// No statement.
            doc: Option<String>,
        }

        title: Option<Sourced<String>> = "title \"…\"" [Service]
            "A title.",
            read text;
        retries: Sourced<u32> = "retries N" [Service]
            "A number with a default.",
            default 6,
            read |reader| reader.count("a number", 0..=9),
            show |count| format!("{count} times"),
            members { retried: bool, "Whether there is any." => |count| count.value > 0 };
        weight: Sourced<u32> = "weight N" [Service]
            "A number that a new block is given.",
            from Sourced::default_of_language(start),
            read |reader| reader.count("a number", 0..=9);
        tags: Vec<Sourced<String>> = "tags \"…\", …" Append [Service]
            "Several values.",
            read |reader| reader.each_of_texts("a tag in quotes");
        share: Option<Sourced<Percent>> = "share PERCENT" [Service]
            "A value that another word of its own takes away.",
            update |block, reader| {
                let expr = reader.last("a percentage");
                block.share = expr.and_then(|expr| reader.value(expr, Evaluator::percent));
            },
            members {},
            also "shareless" [Service]
                "Takes it away."
                update |block, _| block.share = None;
    }

    element! {
        /// A thing in parts.
        Thing {
            size: u32 = "Its size.",
            note: Option<String> = "What is noted.",
        }
        besides {
            hidden: bool,
        }
        computed {
            double: u32 = "Twice its size." => |thing| 2 * thing.size,
        }
    }

    /// A block after statements are read in turn, and what was reported.
    fn block(lines: &str) -> (Block, Vec<String>) {
        let program = Text(format!("erp 1\n{lines}\n"));
        let parsed = erpc_syntax::parse(erpc_diagnostics::FileId(0), &program.0);
        let loaded = Loaded::default();
        let scope = Scope::default();
        let mut names = NoDeclarations(Evaluator::new(&loaded, &program));
        let mut block = Block::new("b".into(), 2);
        for line in &parsed.file.statements[1..] {
            let word = line.head().map_or("", |(word, _)| word.as_str());
            let statement = Block::statement(word).expect("a statement of the block");
            let read = statement.read.expect("a reader");
            let mut args = Args::new(&line.args[1..], line.span, statement.word.form);
            let via = Via::Declared;
            read(
                &mut block,
                &mut Reader::new(&mut names, &mut args, line.span, &scope, via),
            );
        }
        let found = names.0.diagnostics.as_slice().iter();
        (block, found.map(|found| found.message.clone()).collect())
    }

    #[test]
    fn a_statement_is_read_and_shown_by_its_declaration() {
        for (lines, rows) in [
            ("", "retries 6 times, weight 2"),
            ("title \"A\"", "title A, retries 6 times, weight 2"),
            (
                "title \"A\"\ntitle \"B\"",
                "title B, retries 6 times, weight 2",
            ),
            ("retries 0\nweight 7", "retries 0 times, weight 7"),
            (
                "tags \"x\", \"y\"\ntags \"z\"",
                "retries 6 times, weight 2, tags x, y, z",
            ),
            ("share 50%", "retries 6 times, weight 2, share 50%"),
            ("share 50%\nshareless", "retries 6 times, weight 2"),
        ] {
            let (block, found) = block(lines);
            let facts = block.facts(&NoNames).into_iter();
            let shown = facts.map(|fact| {
                let value = fact
                    .value
                    .map_or_else(String::new, |value| value.to_string());
                format!("{} {value}", fact.name)
            });
            assert_eq!(Vec::from_iter(shown).join(", "), rows, "{lines}");
            assert!(found.is_empty(), "{lines}: {found:?}");
            assert_eq!((block.name.as_str(), block.doc), ("b", None));
        }
    }

    #[test]
    fn a_statement_that_cannot_be_read_is_reported_and_leaves_its_field() {
        for (line, message) in [
            ("retries", "expected a number"),
            ("retries 10", "10 is out of range: must be between 0 and 9"),
            ("title A", "unknown name `A`"),
        ] {
            let (block, found) = block(line);
            assert_eq!(block.retries.value, 6, "{line}");
            assert!(block.title.is_none(), "{line}");
            assert_eq!(found, [message], "{line}");
        }
    }

    #[test]
    fn members_and_words_are_those_of_the_declaration() {
        let members = Block::ALL.iter().flat_map(|statement| statement.members);
        let (block, _) = block("retries 0\ntags \"x\"");
        let values = members.map(|member| (member.name, (member.get)(&block, &NoNames)));
        let tags = Value::List(vec![Value::Text("x".into())]);
        assert_eq!(
            Vec::from_iter(values),
            [
                ("title", Value::Off),
                ("retried", Value::Bool(false)),
                ("weight", Value::Int(2)),
                ("tags", tags),
            ]
        );
        let words = Vec::from_iter(Block::words());
        assert_eq!(
            words,
            ["title", "retries", "weight", "tags", "share", "shareless"]
        );
        let of = |word| Block::statement(word).map(|statement| statement.of);
        assert_eq!(of("tags"), Some(Layers::Highest));
        assert_eq!(of("share"), Some(Layers::HighestAndPaths));
        assert_eq!(of("nothing"), None);
    }

    #[test]
    fn an_element_has_its_parts_and_what_is_computed_from_them() {
        let thing = Thing {
            size: 4,
            note: None,
            hidden: true,
        };
        let parts = Thing::PARTS.iter();
        let values = parts.map(|part| (part.name, part.doc, (part.get)(&thing, &NoNames)));
        assert_eq!(
            Vec::from_iter(values),
            [
                ("size", "Its size.", Value::Int(4)),
                ("note", "What is noted.", Value::Off),
                ("double", "Twice its size.", Value::Int(8)),
            ]
        );
        assert!(thing.hidden);
    }
}
