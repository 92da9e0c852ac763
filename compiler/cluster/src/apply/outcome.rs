//! What an apply is asked to do, and how it ended.

use std::time::Duration;

use serde_json::Value;

use crate::allowed::Allowed;
use crate::failure::Failure;
use crate::history::SourceSnapshot;
use crate::object::ObjectId;

/// How an apply works.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// What it may do.
    pub allowed: Allowed,
    /// How long all of it may take.
    pub timeout: Duration,
    /// How long to wait for another run that is alive.
    pub wait_lock: Duration,
    /// How long a call is tried again where that may help.
    pub retry_for: Duration,
    /// The most calls at once.
    pub concurrency: Option<usize>,
    /// A saved plan, which is done exactly or not at all.
    pub saved: Option<Value>,
    /// What becomes of changed services when one of them does not become ready.
    pub on_failure: OnFailure,
    /// The source, to be kept with the release.
    pub source: SourceSnapshot,
    /// The release that a rollback brings back.
    pub rollback_to: Option<u64>,
    /// `--yes`: whatever the plan is under the lock, it is confirmed as the one before was. Otherwise a plan
    /// that differs from the one shown is not carried out.
    pub replans: bool,
}

/// What becomes of the services that a run has changed when it cannot end well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They stay, so that it can be seen what is wrong.
    #[default]
    Keep,
    /// They go back to what they were before the run.
    Revert,
}

/// How an apply ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// There was nothing to do.
    Nothing,
    /// All is written and ready.
    Done,
    /// The user said no, or something must be decided first. Nothing was written.
    Refused(Failure),
    /// All is written, not all is ready.
    NotReady,
    /// Some of it is written.
    Partly(Failure),
    /// What the run had changed of the services is as before again; the failure says why.
    Reverted(Failure),
    /// Stopped by a signal.
    Interrupted,
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct ApplyResult {
    /// How it ended.
    pub outcome: Outcome,
    /// How many objects were written.
    pub written: usize,
    /// How many were to be written.
    pub planned: usize,
    /// How many requests it took.
    pub requests: u64,
    /// What was to be done and was not.
    pub not_done: Vec<NotDone>,
}

/// Something that the run was to do and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDone {
    /// The object.
    pub id: ObjectId,
    /// What was to be done: `written`, `closed` or `deleted`.
    pub what: &'static str,
    /// Why it was not.
    pub reason: String,
}

impl std::fmt::Display for NotDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was not {}: {}", self.id, self.what, self.reason)
    }
}
