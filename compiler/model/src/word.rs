//! Words that start statements: how each is written, where it may stand, how layers merge.

/// A block that holds statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// The file itself.
    Program,
    /// `platform NAME { }`.
    Platform,
    /// `namespaces { }` in the platform: what every namespace gets.
    NamespaceDefaults,
    /// `cluster NAME { }`.
    Cluster,
    /// `namespace NAME { }`.
    Namespace,
    /// `service NAME { }` and a component.
    Service,
    /// `job NAME { }`.
    Job,
    /// `sidecar NAME { }`.
    Sidecar,
    /// `init NAME { }`.
    Init,
    /// `external NAME { }`.
    External,
    /// `secret NAME { }`.
    Secret,
    /// `profile NAME { }`, which holds statements of the program and of the platform.
    Profile,
}

impl BlockKind {
    /// As messages call it: "in a service".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "at the top of a file",
            Self::Platform => "in the platform",
            Self::NamespaceDefaults => "in `namespaces`",
            Self::Cluster => "in a cluster",
            Self::Namespace => "in a namespace",
            Self::Service => "in a service",
            Self::Job => "in a job",
            Self::Sidecar => "in a sidecar",
            Self::Init => "in an init container",
            Self::External => "in an external",
            Self::Secret => "in a secret",
            Self::Profile => "in a profile",
        }
    }
}

/// How a higher layer (a service over its component, a profile over a service) changes a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The higher one replaces the lower one.
    Replace,
    /// As `Replace`, for each key (the first argument) of its own.
    ByKey,
    /// As `ByKey`, for each pair `KEY = VALUE` of the statement.
    ByPair,
    /// As `ByKey`, and what is inside merges too.
    Inside,
    /// All count.
    Append,
}

/// A word that starts a statement.
#[derive(Debug)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// How the statement is written.
    pub form: &'static str,
    /// What it says, in a sentence.
    pub doc: &'static str,
    /// The parts that stand in its block or repeat, each as it is written, with what it does.
    pub parts: &'static [(&'static str, &'static str)],
    /// How layers merge.
    pub merge: Merge,
    /// Where it may stand.
    pub places: &'static [BlockKind],
}

/// Statements of the program that describe it as a whole, so that no environment has its own.
const PROGRAM_ONLY: [&str; 8] = [
    "erp", "use", "root", "platform", "tiers", "profile", "moved", "test",
];

impl Word {
    /// Whether the statement may stand in a block.
    #[must_use]
    pub fn stands_in(&self, place: BlockKind) -> bool {
        match place {
            BlockKind::Profile => {
                let is_of_program = self.places.contains(&BlockKind::Program);
                self.places.contains(&BlockKind::Platform)
                    || (is_of_program && !PROGRAM_ONLY.contains(&self.name))
            }
            place => self.places.contains(&place),
        }
    }
}

/// The words of a statement's written form: of `scale MIN..MAX on cpu PERCENT` `scale`, `on` and `cpu`.
pub(crate) fn form_words(form: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    form.split(move |c: char| !is_part(c))
        .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}
