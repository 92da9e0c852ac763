//! What closes or goes: policies that lose a rule, Services that lose a port, and objects that the source
//! does not have any more. Each waits for the rollouts of the services that may still need it, and for
//! nothing else: a service that is not ready holds up no revocation that is not its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use erpc_model::{Peer, ServiceId};
use serde_json::Value;
use smol_str::SmolStr;

use super::Engine;
use super::steps::{Closing, Steps, Write, rank, workload_of};
use crate::moves::Moves;
use crate::object::{NAME, ObjectId, Program};
use crate::plan::ObjectChange;
use crate::request::Call;
use crate::selection::namespace_of;
use crate::workload;
use erpc_emit::Kind;

const NAMESPACE: &str = "kubernetes.io/metadata.name";

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

/// When something closes: in the course of a run, or at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    End,
}

/// The rank of workloads among what goes.
const WORKLOADS: u8 = 1;

/// The services of a program by namespace and name, and who calls each. A service that was renamed is
/// known by its old name too: its old pods serve until everything that calls it uses the new name.
pub(super) struct Neighbours {
    /// By namespace, then name: the services whose pods may have this name in their labels.
    services: HashMap<SmolStr, HashMap<SmolStr, BTreeSet<ServiceId>>>,
    callers: BTreeMap<ServiceId, BTreeSet<ServiceId>>,
}

impl Neighbours {
    pub(super) fn of(program: &Program<'_>) -> Self {
        let platform = program.platform;
        let mut callers: BTreeMap<ServiceId, BTreeSet<ServiceId>> = BTreeMap::new();
        for edge in program.derived.edges.as_slice() {
            if let (Peer::Service(from), Peer::Service(to)) = (edge.from, edge.to) {
                callers.entry(to).or_default().insert(from);
            }
        }
        let mut neighbours = Self {
            services: HashMap::new(),
            callers,
        };
        for (id, service) in platform.services() {
            let namespace = &platform[service.namespace].name.value;
            neighbours.insert(namespace, &service.name.value, [id]);
        }
        for (namespace, name, id) in Moves::of(program).services() {
            let served = neighbours.with_callers(id);
            neighbours.insert(namespace, name, served);
        }
        neighbours
    }

    fn insert(
        &mut self,
        namespace: &str,
        name: &str,
        services: impl IntoIterator<Item = ServiceId>,
    ) {
        let names = self.services.entry(namespace.into()).or_default();
        names.entry(name.into()).or_default().extend(services);
    }

    pub(super) fn with_callers(&self, service: ServiceId) -> BTreeSet<ServiceId> {
        let calling = self.callers.get(&service).into_iter().flatten();
        calling.copied().chain([service]).collect()
    }

    fn of_namespace(&self, name: &str) -> BTreeSet<ServiceId> {
        let names = self.services.get(name).into_iter().flatten();
        names.flat_map(|(_, ids)| ids.iter().copied()).collect()
    }

    fn named(&self, namespace: &str, name: &str) -> Option<&BTreeSet<ServiceId>> {
        self.services.get(namespace)?.get(name)
    }

    /// The services of a namespace and all that call one of them.
    pub(super) fn around(&self, namespace: &str) -> BTreeSet<ServiceId> {
        let services = self.of_namespace(namespace);
        services
            .into_iter()
            .flat_map(|id| self.with_callers(id))
            .collect()
    }

    /// The services on the other side of the rules that a policy has and `desired` lacks.
    pub(super) fn lost(&self, live: &Value, desired: &Value) -> BTreeSet<ServiceId> {
        let mut lost = BTreeSet::new();
        let own = live["metadata"]["namespace"].as_str().unwrap_or_default();
        for (direction, side) in [("ingress", "from"), ("egress", "to")] {
            let kept = desired["spec"][direction].as_array();
            let kept = kept.map_or(&[][..], Vec::as_slice);
            let rules = live["spec"][direction].as_array().into_iter().flatten();
            for rule in rules.filter(|rule| !kept.contains(rule)) {
                // A peer that another rule lets through on the same ports loses nothing.
                let is_kept = |peer: &&Value| {
                    kept.iter().any(|other| {
                        other["ports"] == rule["ports"]
                            && other[side].as_array().is_some_and(|of| of.contains(peer))
                    })
                };
                match rule[side].as_array() {
                    Some(peers) => {
                        let peers = peers.iter().filter(|peer| !is_kept(peer));
                        lost.extend(peers.flat_map(|peer| self.peers(own, peer)));
                    }
                    // A rule without peers is about all pods.
                    None => lost.extend(self.all()),
                }
            }
        }
        lost
    }

    /// The services whose pods, of whatever revision, may need an object that goes.
    pub(super) fn needing(
        &self,
        step: &ObjectChange,
        live: &dyn Fn(&ObjectId) -> Option<Value>,
    ) -> BTreeSet<ServiceId> {
        if let Some(moved) = &step.moved {
            return match moved.service {
                Some(service) => self.with_callers(service),
                // What was a namespace's own serves until everything has moved to the new one.
                None => self.around(&moved.to),
            };
        }
        let id = &step.id;
        if id.kind == Kind::HorizontalPodAutoscaler {
            // It must not write the number of replicas once more.
            return BTreeSet::new();
        }
        let object = live(id).unwrap_or_default();
        let Some(namespace) = id.home() else {
            return BTreeSet::new();
        };
        let Some(name) = object["metadata"]["labels"][NAME].as_str() else {
            return self.around(namespace);
        };
        if let Some(services) = self.named(namespace, name) {
            let is_seen_by_callers =
                matches!(id.kind, Kind::Service | Kind::NetworkPolicy | Kind::Ingress);
            return match is_seen_by_callers {
                true => services
                    .iter()
                    .flat_map(|service| self.with_callers(*service))
                    .collect(),
                false => services.clone(),
            };
        }
        // A service that is gone: whom its policy lets in may still call it.
        let policy = ObjectId {
            namespace: Some(namespace.into()),
            kind: Kind::NetworkPolicy,
            name: name.into(),
        };
        let policy = live(&policy).unwrap_or_default();
        let inwards = serde_json::json!({ "spec": { "egress": policy["spec"]["egress"] } });
        self.lost(&policy, &inwards)
    }

    /// The services that a peer of a rule selects.
    fn peers(&self, own: &str, peer: &Value) -> BTreeSet<ServiceId> {
        if !peer["ipBlock"].is_null() {
            return BTreeSet::new();
        }
        let namespace = match &peer["namespaceSelector"] {
            Value::Null => Some(own),
            selector => selector["matchLabels"][NAMESPACE].as_str(),
        };
        let name = peer["podSelector"]["matchLabels"][NAME].as_str();
        match (namespace, name) {
            (Some(namespace), Some(name)) => {
                self.named(namespace, name).cloned().unwrap_or_default()
            }
            (Some(namespace), None) => self.of_namespace(namespace),
            (None, Some(name)) => {
                let namespaces = self.services.values();
                let named = namespaces.filter_map(|names| names.get(name));
                named.flatten().copied().collect()
            }
            (None, None) => self.all().collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = ServiceId> {
        let names = self.services.values().flat_map(HashMap::values);
        names.flatten().copied()
    }
}

impl Engine<'_, '_> {
    /// Of the services that something waits for, and that an earlier run may have left half done, those
    /// whose pods are all of one revision: ready or not, none of them needs what the source has dropped.
    pub(super) async fn steady_services(
        &self,
        steps: &Steps,
        closing: &[Closing],
    ) -> BTreeSet<ServiceId> {
        let changed = self.changed_services(steps);
        let awaited: BTreeSet<ServiceId> = closing
            .iter()
            .flat_map(|closing| closing.waits_for.iter().copied())
            .collect();
        let mut steady = BTreeSet::new();
        for service in awaited {
            if !changed.contains(&service) || steps.turns.contains_key(&service) {
                continue;
            }
            let id = workload_of(self.program, service);
            match self.cluster.call(Call::get(id.path())).await {
                Ok(answer)
                    if !workload::of_kind(id.kind)
                        .is_none_or(|kind| kind.is_of_one_revision(&answer.body)) => {}
                Ok(_) => drop(steady.insert(service)),
                Err(error) if error.is_not_found() => drop(steady.insert(service)),
                // What cannot be looked at is waited for.
                Err(_) => {}
            }
        }
        steady
    }

    /// Closes and removes what no service needs any more that is not settled. What pods of removed workloads
    /// need goes after them: at the `end` of the run they are waited for, before it stays for later.
    pub(super) async fn close_due(
        &mut self,
        closing: &mut Vec<Closing>,
        unsettled: &BTreeSet<ServiceId>,
        at: Moment,
    ) -> bool {
        // A Job that a new one supersedes went before that one started.
        let is_gone =
            |write: &Write| write.step.action.deletes() && self.wrote.contains(&write.step.id);
        closing.retain(|closing| !is_gone(&closing.write));
        let is_due = |closing: &Closing| closing.waits_for.is_disjoint(unsettled);
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(closing).into_iter().partition(is_due);
        *closing = later;
        due.sort_by_key(|closing| order(&closing.write));
        while let Some(first) = due.first() {
            let rank = order(&first.write);
            if rank > WORKLOADS {
                self.hold_for_pods(&mut due, closing, at).await;
                if due.is_empty() {
                    break;
                }
            }
            let end = due.partition_point(|closing| order(&closing.write) == rank);
            let batch: Vec<Write> = due.drain(..end).map(|closing| closing.write).collect();
            let name = if rank == 0 { "closing" } else { "removing" };
            let ids: Vec<ObjectId> = batch.iter().map(|write| write.step.id.clone()).collect();
            let failures = self.failures.len();
            self.batch(name, batch).await;
            if self.stop.is_asked() || !self.lock.is_ours() {
                return false;
            }
            if rank == WORKLOADS {
                self.note_ending(&ids);
            }
            if rank > 0 && self.failures.len() > failures {
                self.keep_after_failure(&mut due, &ids);
            }
        }
        true
    }

    /// Takes out what stays for the pods of deleted workloads.
    async fn hold_for_pods(
        &mut self,
        due: &mut Vec<Closing>,
        closing: &mut Vec<Closing>,
        at: Moment,
    ) {
        let left = match at {
            Moment::End => self.await_ended().await,
            Moment::Before => self.not_ended().await,
        };
        let (held, free): (Vec<_>, Vec<_>) = std::mem::take(due).into_iter().partition(|closing| {
            namespace_of(&closing.write.step.id).is_some_and(|name| left.contains_key(name))
        });
        *due = free;
        for held in held {
            let reason = namespace_of(&held.write.step.id).and_then(|name| left.get(name));
            match (at, reason) {
                (Moment::End, Some(reason)) => self.not_done.push(NotDone {
                    reason: reason.clone(),
                    id: held.write.step.id,
                    what: "deleted",
                }),
                _ => closing.push(held),
            }
        }
    }

    /// What a workload needs that could not be deleted stays with it.
    fn keep_after_failure(&mut self, due: &mut Vec<Closing>, ids: &[ObjectId]) {
        let failed: Vec<&ObjectId> = ids.iter().filter(|id| !self.wrote.contains(*id)).collect();
        due.retain(|closing| {
            let of = |id: &&&ObjectId| id.namespace == closing.write.step.id.namespace;
            let Some(kept) = failed.iter().find(of) else {
                return true;
            };
            self.not_done.push(NotDone {
                id: closing.write.step.id.clone(),
                what: "deleted",
                reason: format!("{kept} could not be deleted"),
            });
            false
        });
    }

    /// What stays open or is not deleted, with the service that it waits for.
    pub(super) fn keep_open(&mut self, closing: Vec<Closing>) {
        for closing in closing {
            let mut waits = closing.waits_for.iter();
            let reason = waits.find_map(|id| self.unsettled.get(id));
            let what = match closing.write.step.action.deletes() {
                true => "deleted",
                false => "closed",
            };
            self.not_done.push(NotDone {
                id: closing.write.step.id,
                what,
                reason: reason
                    .cloned()
                    .unwrap_or_else(|| "the run ended before".to_owned()),
            });
        }
    }
}

/// What closes comes first, then what goes, in its order.
fn order(write: &Write) -> u8 {
    match write.step.action.deletes() {
        true => rank(&write.step).max(1),
        false => 0,
    }
}
