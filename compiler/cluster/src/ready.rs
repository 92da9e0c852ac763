//! Whether a service runs as it was applied, and when not, why not and what to do.
//!
//! Everything here is a pure function of what was observed and of how long each symptom has been
//! seen. Only pods of the new revision count: those of the old one are ending.

mod containers;
mod creation;
mod daemon_set;
mod deployment;
mod job;
mod look;
mod nodes;
mod pods;
mod state;
mod stateful_set;
mod target;

use erpc_emit::Kind;
use serde_json::Value;

use crate::watch::{Observed, Watched};
use crate::workload;
use look::{Look, number};

pub(crate) use pods::{has_ended, is_ready, statuses};
pub(crate) use state::Symptoms;
pub use state::{Stall, State};
pub(crate) use target::{Target, workload_of};

/// How a service is, from what was observed.
pub(crate) fn assess(target: &Target, observed: &Observed, symptoms: &mut Symptoms) -> State {
    let Some(what) = target.watched() else {
        // A CronJob is accepted or not; its runs are `status`'s.
        return State::Ready;
    };
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let found = observed.get(what, namespace, &target.id.name);
    if let Some(stall) = deleted(target, what, found.as_ref(), observed) {
        return State::Stalled(stall);
    }
    let Some(live) = found else {
        return State::Waiting("not seen yet".to_owned());
    };
    let mut look = Look {
        target,
        observed,
        symptoms,
        namespace,
        live: &live,
    };
    if let Some(state) = look.unobserved() {
        return state;
    }
    match target.id.kind {
        Kind::StatefulSet => look.stateful_set(),
        Kind::DaemonSet => look.daemon_set(),
        Kind::Job => look.job(),
        _ => look.deployment(),
    }
}

/// The pods of earlier revisions, those that are ending included.
pub(crate) fn old_pods(target: &Target, observed: &Observed) -> Vec<Value> {
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let live = target
        .watched()
        .and_then(|what| observed.get(what, namespace, &target.id.name));
    let Some(live) = live else {
        return Vec::new();
    };
    match workload::of_kind(target.id.kind) {
        Some(kind) => kind.old_pods(observed, namespace, &live),
        None => Vec::new(),
    }
}

/// Whether what was written has been deleted by another since: the watch saw it go, or another object
/// has its name.
fn deleted(
    target: &Target,
    what: Watched,
    found: Option<&Value>,
    observed: &Observed,
) -> Option<Stall> {
    let uid = target.uid.as_str();
    if uid.is_empty() {
        return None;
    }
    let is_gone = observed.saw_deleted(what, uid);
    let is_ending = found.is_some_and(|live| {
        live["metadata"]["uid"] == uid && !live["metadata"]["deletionTimestamp"].is_null()
    });
    let how = match (is_gone, is_ending, found) {
        (true, _, Some(_)) => "was deleted and made anew by another client",
        (true, _, None) => "was deleted by another client",
        (false, true, _) => "is being deleted by another client",
        (false, false, _) => return None,
    };
    Some(Stall::new(
        "Deleted",
        format!("{} {how} after it was written", target.id),
        "find out who deletes it (the audit log of the API server names the client), then apply again",
    ))
}

/// A pod of a revision that never came up and blocks a StatefulSet: the controller replaces pods in
/// order, and waits for this one to become ready although the set has another revision by now
/// (kubernetes/kubernetes#67250). `is_back` if that revision was taken back.
pub(crate) fn blocking_pod(target: &Target, observed: &Observed, is_back: bool) -> Option<Value> {
    if target.id.kind != Kind::StatefulSet {
        return None;
    }
    let namespace = target.id.namespace.as_deref().unwrap_or_default();
    let live = observed.get(Watched::StatefulSet, namespace, &target.id.name)?;
    let generation = number(&live["metadata"]["generation"]);
    let is_seen = generation >= target.generation
        && number(&live["status"]["observedGeneration"]) >= generation;
    if !is_seen {
        return None;
    }
    let pods = old_pods(target, observed);
    pods.into_iter().find(|pod| {
        pod["metadata"]["deletionTimestamp"].is_null()
            && pods::was_never_ready(pod)
            && (is_back || pods::has_failed(pod))
    })
}
