//! What a probe works with, and what it finds.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::client::Cluster;
use crate::failure::Failure;
use crate::live::Live;
use crate::program::Program;
use crate::verdict::Verdict;

/// The cluster that is examined, and the platform that is to run there.
pub(super) struct Context<'c> {
    pub(super) cluster: &'c Arc<Cluster>,
    pub(super) program: &'c Program<'c>,
    /// The image of the pods that try whether policies are enforced; `None` if that is not tried.
    pub(super) image: Option<&'c str>,
    /// What is there of the platform. Several probes need it, and it is read once.
    live: OnceCell<Result<Live, Failure>>,
}

impl<'c> Context<'c> {
    pub(super) fn new(
        cluster: &'c Arc<Cluster>,
        program: &'c Program<'c>,
        image: Option<&'c str>,
    ) -> Self {
        Self {
            cluster,
            program,
            image,
            live: OnceCell::new(),
        }
    }

    /// What the cluster has of the platform.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(super) async fn live(&self) -> Result<&Live, Failure> {
        let read = || Live::read(self.cluster, self.program);
        let live = self.live.get_or_init(read).await;
        live.as_ref().map_err(Clone::clone)
    }
}

/// What a probe found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) found: String,
    pub(super) fix: Option<String>,
}

fn finding(verdict: Verdict, found: impl Into<String>) -> Finding {
    Finding {
        verdict,
        found: found.into(),
        fix: None,
    }
}

pub(super) fn good(found: impl Into<String>) -> Finding {
    finding(Verdict::Good, found)
}

pub(super) fn warning(found: impl Into<String>) -> Finding {
    finding(Verdict::Warning, found)
}

pub(super) fn bad(found: impl Into<String>) -> Finding {
    finding(Verdict::Bad, found)
}

pub(super) fn unknown(found: impl Into<String>) -> Finding {
    finding(Verdict::Unknown, found)
}

impl Finding {
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// With the next step of a failure, if it names one.
    pub(super) fn help_of(self, failure: &Failure) -> Self {
        Self {
            fix: failure.help.clone(),
            ..self
        }
    }
}
