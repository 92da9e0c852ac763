//! Profiles: the environments of a platform.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::ids::ProfileId;
use crate::origin::Sourced;
use crate::platform::Platform;
use crate::platform::accept::Accept;

/// `profile NAME [is OTHER] { }`.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// `is OTHER`: what that one says lies below.
    pub base: Option<Sourced<ProfileId>>,
    /// `accept CODE` that counts under this profile only.
    pub accepts: Vec<Accept>,
    /// The platform under it, without the list of profiles; `None` where its resolution has errors.
    pub(crate) platform: Option<Arc<Platform>>,
}
