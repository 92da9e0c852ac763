//! What the search for unmanaged objects knows of the platform.

use std::collections::{BTreeSet, HashSet};

use super::sight::Sight;
use crate::claims::Claims;
use crate::live::Live;
use crate::program::Program;

/// What the search knows of the platform.
pub(super) struct Own<'p> {
    pub(super) program: &'p Program<'p>,
    pub(super) live: &'p Live,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) secrets: HashSet<(String, String)>,
    pub(super) claims: Claims,
    pub(super) sight: Sight,
}
