//! How a service is, why it stands, and since when each symptom has been seen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use erpc_emit::Kind;

use crate::clock::Clock;
use crate::path::FieldPath;

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As declared.
    Ready,
    /// In progress; the text says how far.
    Waiting(String),
    /// It will not get there by itself.
    Stalled(Stall),
}

/// Why a service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// A word for machines: `ImageNotFound`.
    pub reason: &'static str,
    /// What was seen.
    pub message: String,
    /// The next step.
    pub help: String,
    /// The pod, where one shows it.
    pub pod: Option<String>,
    /// The field of the workload that it is about, for the source line.
    pub field: Option<FieldPath>,
    /// The container whose last words help.
    pub container: Option<String>,
}

impl Stall {
    pub(super) fn new(
        reason: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            message: message.into(),
            help: help.into(),
            pod: None,
            field: None,
            container: None,
        }
    }
}

/// Since when each symptom has been seen, and the first words about it: a pause between two tries
/// of an image repeats less than the first try said.
#[derive(Debug)]
pub(crate) struct Symptoms {
    clock: Clock,
    since: HashMap<String, (Instant, String)>,
    /// There is but one look: what is wrong counts as wrong for long.
    is_one_look: bool,
    /// When the controller of a kind was last seen to take up something new.
    at_work: HashMap<Kind, Instant>,
}

/// Longer than any symptom is borne.
const LONG: Duration = Duration::from_secs(3600);

impl Symptoms {
    /// For a command that looks once.
    pub(crate) fn of_one_look(clock: Clock) -> Self {
        Self {
            is_one_look: true,
            ..Self::new(clock)
        }
    }

    /// The time by which symptoms count.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// For a command that looks again and again.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            since: HashMap::new(),
            is_one_look: false,
            at_work: HashMap::new(),
        }
    }

    /// A controller has looked at what was written; whether that is news tells that it is at work.
    pub(super) fn observed(&mut self, kind: Kind, what: &str) {
        if !self.since.contains_key(what) {
            let now = self.clock.now();
            self.since.insert(what.to_owned(), (now, String::new()));
            self.at_work.insert(kind, now);
        }
    }

    /// Whether a controller has just taken up something else: then others wait for their turn.
    pub(super) fn is_at_work(&self, kind: Kind) -> bool {
        let last = self.at_work.get(&kind);
        last.is_some_and(|at| self.clock.since(*at) < NO_CONTROLLER)
    }

    /// Since when a symptom has been seen, if it has.
    pub(super) fn known(&self, symptom: &str) -> Option<(Duration, &str)> {
        if self.is_one_look {
            return Some((LONG, ""));
        }
        let (since, text) = self.since.get(symptom)?;
        Some((self.clock.since(*since), text))
    }

    pub(super) fn seen(&mut self, symptom: &str, text: &str) -> (Duration, String) {
        // How long a pod has been starting cannot be seen in one look, and need not be a fault.
        let may_pass = ["unready", "unobserved", "unschedulable", "claims"];
        if self.is_one_look && !may_pass.iter().any(|end| symptom.ends_with(end)) {
            return (LONG, text.to_owned());
        }
        let now = self.clock.now();
        let entry = self
            .since
            .entry(symptom.to_owned())
            .or_insert_with(|| (now, text.to_owned()));
        if text.len() > entry.1.len() {
            text.clone_into(&mut entry.1);
        }
        (now.saturating_duration_since(entry.0), entry.1.clone())
    }
}

pub(super) const NO_CONTROLLER: Duration = Duration::from_secs(20);
