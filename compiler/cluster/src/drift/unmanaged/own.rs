//! What the search for unmanaged objects knows of the platform.

use std::collections::{BTreeSet, HashSet};

use super::sight::Sight;
use crate::claims::Claims;
use crate::live::Live;
use crate::program::Program;
use erpc_emit::Kind;

/// What the search knows of the platform.
pub(super) struct Own<'p> {
    pub(super) program: &'p Program<'p>,
    pub(super) live: &'p Live,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) secrets: HashSet<(String, String)>,
    /// What services mount and the platform does not make, by kind, namespace and name.
    pub(super) mounted: HashSet<(Kind, String, String)>,
    pub(super) claims: Claims,
    pub(super) sight: Sight,
}
