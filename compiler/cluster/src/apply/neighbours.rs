//! Who may need an object that closes or goes: the services of a platform by name, and who calls each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use erpc_emit::Kind;
use erpc_model::{Peer, ServiceId};
use serde_json::Value;
use smol_str::SmolStr;

use crate::change::ObjectChange;
use crate::moves::Moves;
use crate::object::{NAME, ObjectId};
use crate::program::Program;

type Labels = BTreeMap<SmolStr, SmolStr>;

fn labels_of(object: &Value) -> Labels {
    let labels = object.as_object().into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.into(), value.as_str()?.into())))
        .collect()
}

const NAMESPACE: &str = "kubernetes.io/metadata.name";

/// The services of a program by namespace and name, and who calls each. A service that was renamed is
/// known by its old name too: its old pods serve until everything that calls it uses the new name.
pub(super) struct Neighbours {
    /// By namespace, then name: the services whose pods may have this name in their labels.
    services: HashMap<SmolStr, HashMap<SmolStr, BTreeSet<ServiceId>>>,
    /// By namespace, then selector: the services whose `identity` has one.
    selected: HashMap<(SmolStr, Labels), ServiceId>,
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
            selected: HashMap::new(),
            callers,
        };
        for (id, service) in platform.services() {
            let namespace = &platform[service.namespace].name.value;
            neighbours.insert(namespace, &service.name.value, [id]);
            if service.has_own_selector() {
                let key = (namespace.clone(), service.selector_labels().collect());
                neighbours.selected.insert(key, id);
            }
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
        let of_selector = self.of_selector(namespace, &object);
        let name = object["metadata"]["labels"][NAME].as_str();
        let (Some(name), None) = (name, &of_selector) else {
            return match of_selector {
                Some(service) => self.with_callers(service),
                None => self.around(namespace),
            };
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

    /// The service whose `identity` has the selector of an object, which may have had another name.
    fn of_selector(&self, namespace: &str, object: &Value) -> Option<ServiceId> {
        let selector = &object["spec"]["selector"];
        let labels = match &selector["matchLabels"] {
            Value::Null => selector,
            labels => labels,
        };
        self.selecting(namespace, &labels_of(labels))
    }

    fn selecting(&self, namespace: &str, labels: &Labels) -> Option<ServiceId> {
        let key = (namespace.into(), labels.clone());
        self.selected.get(&key).copied()
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
        let labels = labels_of(&peer["podSelector"]["matchLabels"]);
        let of_selector = namespace.and_then(|namespace| self.selecting(namespace, &labels));
        if let Some(service) = of_selector {
            return BTreeSet::from([service]);
        }
        // A selector of other labels may mean any service of the namespace.
        let name = labels.get(NAME).filter(|_| labels.len() == 1);
        match (namespace, name.map(SmolStr::as_str)) {
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
