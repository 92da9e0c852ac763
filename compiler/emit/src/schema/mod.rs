//! The schemas of Kubernetes' own kinds: which fields an object has, of which types, which of them are required, and
//! which values there are. They are those that each supported version publishes, in one table (`kubernetes.txt`,
//! which `tests/src/schemas.rs` writes). In: an object as any [`View`], and a version. Out: its [`Problem`]s.

mod check;
pub(crate) mod custom;
mod fields;
mod merge;
mod table;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use erpc_model::Platform;

pub(crate) use check::Each;
pub use check::{Problem, What};
pub use fields::{Fields, Takes};
pub use merge::{Merging, Typed};
use table::Table;
pub use table::TypeName;
pub use table::{Kind, Scope};

use crate::view::View;

/// The versions of which the table knows, the minor versions of Kubernetes 1.
const VERSIONS: RangeInclusive<u8> = 31..=37;

/// A version of Kubernetes, by its minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

impl Version {
    /// The newest one.
    pub const NEWEST: Self = Self(*VERSIONS.end());

    /// The one that a text such as `1.36` names, if its schemas are known.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let minor = text.strip_prefix("1.")?.split('.').next()?;
        let minor = minor.parse().ok()?;
        VERSIONS.contains(&minor).then_some(Self(minor))
    }

    /// That of a platform's cluster; the newest by default.
    #[must_use]
    pub fn of(platform: &Platform) -> Self {
        let version = platform.cluster().kubernetes.as_ref();
        version
            .and_then(|version| Self::named(&version.value))
            .unwrap_or(Self::NEWEST)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// All versions whose schemas are known, the oldest first.
pub fn versions() -> impl Iterator<Item = Version> {
    VERSIONS.map(Version)
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("kubernetes.txt")));

/// The kind with this name, if Kubernetes itself serves it in this version.
#[must_use]
pub fn kind(version: Version, api_version: &str, kind: &str) -> Option<&'static Kind> {
    TABLE.kind(version, api_version, kind)
}

/// Whether Kubernetes itself serves a kind, in any version.
#[must_use]
pub fn is_builtin(api_version: &str, name: &str) -> bool {
    versions().any(|version| kind(version, api_version, name).is_some())
}

/// Whether a group is one of Kubernetes itself, which serves no custom resources.
#[must_use]
pub fn is_builtin_group(group: &str) -> bool {
    TABLE.has_group(group)
}

/// The versions of the API in which a kind is served.
pub fn api_versions(version: Version, name: &str) -> impl Iterator<Item = &'static str> {
    TABLE.api_versions(version, name)
}

/// What a server of this version would refuse of an object, by its schema alone. `None` if the kind is not one of
/// Kubernetes itself.
#[must_use]
pub fn check(version: Version, object: &impl View) -> Option<Vec<Problem>> {
    check_each(version, object, &mut |_, _, _| {})
}

/// As [`check`]; each value that is an object of fields is given to `each`, with its type and where it is.
pub(crate) fn check_each<V: View>(
    version: Version,
    object: &V,
    each: &mut Each<'_, V>,
) -> Option<Vec<Problem>> {
    let text = |name| object.field(name).and_then(View::text);
    let kind = kind(version, text("apiVersion")?, text("kind")?)?;
    Some(check::problems(&TABLE, version, kind, object, each))
}

/// The type of the objects of a kind, to merge others into them. `None` if the kind is not one of Kubernetes itself.
#[must_use]
pub fn typed(version: Version, api_version: &str, name: &str) -> Option<Typed> {
    let kind = kind(version, api_version, name)?;
    Some(Typed::of_kind(&TABLE, version, kind))
}

/// The fields of the objects of a kind.
#[must_use]
pub fn fields(version: Version, kind: &Kind) -> Fields {
    Fields::new(&TABLE, version, kind.type_at)
}
