//! What the user allows a plan to do.

use std::time::Duration;

use crate::taking::Taking;

/// What the user allows.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// `--only NAMESPACE[.SERVICE]`: what the run is about; everything where empty.
    pub only: Vec<String>,
    /// `--prune`: delete what is not in the source any more.
    pub prune: bool,
    /// `--revoke`: close what the source no longer allows first, whatever still uses it.
    pub revoke: bool,
    /// `--take-from`: whose fields are taken, and where.
    pub take_from: Vec<Taking>,
    /// `--replace NAME`: delete and make anew the objects of this name.
    pub replace: Vec<String>,
    /// `--move-volumes`: stop what was renamed while its volumes go over to its new name.
    pub move_volumes: bool,
    /// `--take-over`: write what another platform owns, and a platform that another source has applied.
    pub take_over: bool,
    /// `--even-if-gitops`: write what Argo CD or Flux writes, too.
    pub even_if_gitops: bool,
    /// `--wait-for-secrets`: a missing Secret blocks nothing; the service that needs it waits so long for it.
    pub wait_for_secrets: Option<Duration>,
}
