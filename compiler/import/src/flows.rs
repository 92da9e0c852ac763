//! Who calls whom, by the evidence in manifests: addresses in variables, arguments and files that a workload reads, and
//! policies for exactly one pair. A connection that only a wide policy allows is not evidence of a call.

mod address;
mod policies;
mod texts;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use crate::compare::Key;
use crate::facts::{Facts, Service, text};
use crate::read::Place;
use address::{Address, addresses};
pub(crate) use policies::{is_empty, peer_pods, selects_namespace};
use texts::Text;

/// How sure it is that a flow exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// An address that only this caller reads, or a policy for exactly this pair.
    Certain,
    /// An address in a file that several workloads read, an order of starting, or a name.
    Proposed,
    /// A Service that no manifest names.
    UnknownCaller,
}

/// A flow with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// The workload that calls; a namespace alone if the caller is unknown.
    pub from: Key,
    /// The workload that is called.
    pub to: Key,
    /// The name of the Service through which it is called; empty without one.
    pub service: String,
    /// The port of the Service, or of the pods without one; `None` if the evidence has none and there are several.
    pub port: Option<u64>,
    /// How sure it is.
    pub grade: Grade,
    /// What shows it: `env ORDERS_URL`.
    pub evidence: String,
    /// Where it is.
    pub place: Place,
}

/// The flows that manifests show, by caller and callee. What `proposed` has are further pairs of callers and names of
/// Services, each with its evidence.
pub(crate) fn flows(facts: &Facts<'_>, proposed: &[Hint]) -> Vec<Flow> {
    let mut found = Found::new(facts);
    let readers = texts::readers(facts);
    for caller in 0..facts.pods.len() {
        for text in texts::of(facts, caller, &readers) {
            found.in_text(caller, &text);
        }
    }
    policies::flows(facts, &mut found);
    for hint in proposed {
        found.hint(hint);
    }
    found.unknown_callers();
    let mut flows: Vec<Flow> = found.flows.into_values().collect();
    flows.sort_by(|a, b| (a.grade, &a.from, &a.to, a.port).cmp(&(b.grade, &b.from, &b.to, b.port)));
    flows
}

/// A pair that something besides the manifests shows, such as `depends_on` in a file of Compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The namespace of both.
    pub namespace: String,
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// What shows it.
    pub evidence: String,
    /// Where it is.
    pub place: Place,
}

/// The place of a workload, the place of another, a port.
type Pair = (usize, usize, Option<u64>);

struct Found<'f, 'o> {
    facts: &'f Facts<'o>,
    flows: BTreeMap<Pair, Flow>,
    /// The Services of each namespace that an address names.
    named: BTreeSet<Key>,
    by_image: HashMap<(&'o str, &'o str), Vec<usize>>,
}

impl<'f, 'o> Found<'f, 'o> {
    fn new(facts: &'f Facts<'o>) -> Self {
        let mut by_image: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (place, pods) in facts.pods.iter().enumerate() {
            let image = text(&pods.spec["containers"][0]["image"]);
            let namespace = text(&pods.object.value["metadata"]["namespace"]);
            by_image
                .entry((namespace, base_name(image)))
                .or_default()
                .push(place);
        }
        Self {
            facts,
            flows: BTreeMap::new(),
            named: BTreeSet::new(),
            by_image,
        }
    }

    /// Flows to the Services whose addresses are in a text.
    fn in_text(&mut self, caller: usize, text: &Text<'_>) {
        let namespace = self.facts.pods[caller].key.namespace.clone();
        let mut has_address = false;
        for address in addresses(&text.text, text.is_file) {
            let Some((service, is_sure)) = self.service(&namespace, &address, text) else {
                continue;
            };
            has_address = true;
            let grade = match is_sure && !text.is_shared {
                true => Grade::Certain,
                false => Grade::Proposed,
            };
            let place = Place {
                file: text.file.to_owned(),
                line: text.line,
            };
            let port = address.port.or(text.port);
            self.call(caller, service, port, grade, &text.what, &place);
        }
        if !has_address {
            self.by_name(caller, text);
        }
    }

    /// The Service of an address, and whether the address can be nothing else.
    fn service(
        &self,
        namespace: &str,
        address: &Address<'_>,
        text: &Text<'_>,
    ) -> Option<(&'f Service<'o>, bool)> {
        let facts = self.facts;
        let labels: Vec<&str> = address.host.split('.').collect();
        let service = match labels.as_slice() {
            [name] => {
                let service = facts.service(namespace, name)?;
                let has_port = |port: u64| {
                    let mut ports = service.ports().iter();
                    ports.any(|of| of["port"] == port || of["targetPort"] == port)
                };
                let is_port = address.port.is_some_and(has_port);
                let is_sure = is_port
                    || address.is_url && address.port.is_none()
                    || address.is_whole && text.names_a_host;
                let is_likely =
                    is_sure || address.is_url || address.is_whole && !text.names_a_thing;
                return is_likely.then(|| (resolved(facts, service), is_sure));
            }
            [name, second] => facts.service(second, name).or_else(|| {
                // One pod of a StatefulSet: `store-0.store`.
                is_replica(name).then(|| facts.service(namespace, second))?
            }),
            [name, second, "svc", ..] => facts.service(second, name),
            [pod, name, second, ..] if is_replica(pod) => facts.service(second, name),
            _ => None,
        };
        let service = service?;
        Some((resolved(facts, service), true))
    }

    /// Adds a call of all workloads behind a Service.
    fn call(
        &mut self,
        caller: usize,
        service: &Service<'o>,
        port: Option<u64>,
        grade: Grade,
        evidence: &str,
        place: &Place,
    ) {
        if grade == Grade::Certain || grade == Grade::Proposed {
            self.named.insert(service.key.clone());
        }
        let ports = service.ports();
        let numbers = || ports.iter().filter_map(|port| port["port"].as_u64());
        let by_target = |wanted: u64| {
            let mut ports = ports.iter();
            let found = ports.find(|port| port["targetPort"] == wanted)?;
            found["port"].as_u64()
        };
        let known = match port {
            Some(port) if numbers().any(|number| number == port) => Some(port),
            Some(port) => by_target(port).or_else(|| single(numbers())),
            None => single(numbers()),
        };
        // Without evidence of a port, the call may be of any.
        let (ports, grade): (Vec<Option<u64>>, Grade) = match known {
            None if numbers().next().is_some() => {
                (numbers().map(Some).collect(), grade.max(Grade::Proposed))
            }
            known => (vec![known], grade),
        };
        for callee in service.pods.clone() {
            for port in &ports {
                let pair = (caller, callee, *port);
                self.add(pair, service.key.name.clone(), grade, evidence, place);
            }
        }
    }

    fn add(&mut self, pair: Pair, service: String, grade: Grade, evidence: &str, place: &Place) {
        let (caller, callee, port) = pair;
        let callee_kind = &self.facts.pods[callee].key.kind;
        // A workload that names itself says where it is; replicas of a StatefulSet find each other by it.
        if caller == callee && callee_kind != "StatefulSet" {
            return;
        }
        let flow = Flow {
            from: self.facts.pods[caller].key.clone(),
            to: self.facts.pods[callee].key.clone(),
            service,
            port,
            grade,
            evidence: evidence.to_owned(),
            place: place.clone(),
        };
        // The first of the surest.
        match self.flows.get_mut(&pair) {
            Some(known) if known.grade <= grade => {}
            Some(known) => *known = flow,
            None => {
                self.flows.insert(pair, flow);
            }
        }
    }

    /// A variable such as `REDIS_URL` whose value is not known, and the one workload whose image has that name.
    fn by_name(&mut self, caller: usize, text: &Text<'_>) {
        let Some(name) = text.named_after() else {
            return;
        };
        let namespace = text_of(&self.facts.pods[caller].object.value);
        let callees = self.by_image.get(&(namespace, name.as_str()));
        let Some([callee]) = callees.map(Vec::as_slice) else {
            return;
        };
        let callee = *callee;
        let place = Place {
            file: text.file.to_owned(),
            line: text.line,
        };
        let Some(service) = self.facts.service_of(callee) else {
            return;
        };
        if !self.is_known(caller, callee) && caller != callee {
            self.call(caller, service, None, Grade::Proposed, &text.what, &place);
        }
    }

    /// Whether a flow between two workloads is known.
    fn is_known(&self, caller: usize, callee: usize) -> bool {
        let mut known = self
            .flows
            .range((caller, callee, None)..=(caller, callee, Some(u64::MAX)));
        known.next().is_some()
    }

    fn hint(&mut self, hint: &Hint) {
        let facts = self.facts;
        let mut callers = facts.in_namespace(&hint.namespace).iter().copied();
        let caller = callers.find(|place| facts.pods[*place].key.name == hint.from);
        let callee = facts.service(&hint.namespace, &hint.to);
        let (Some(caller), Some(callee)) = (caller, callee) else {
            return;
        };
        let mut callees = callee.pods.iter();
        if !callees.any(|callee| self.is_known(caller, *callee)) {
            let (evidence, place) = (&hint.evidence, &hint.place);
            self.call(caller, callee, None, Grade::Proposed, evidence, place);
        }
    }

    /// Services that nothing names have callers that are not in the manifests.
    fn unknown_callers(&mut self) {
        let called: BTreeSet<usize> = self.flows.keys().map(|(_, callee, _)| *callee).collect();
        for service in &self.facts.services {
            if self.named.contains(&service.key) {
                continue;
            }
            for callee in service
                .pods
                .iter()
                .filter(|callee| !called.contains(callee))
            {
                for port in service
                    .ports()
                    .iter()
                    .filter_map(|port| port["port"].as_u64())
                {
                    let flow = Flow {
                        from: Key {
                            kind: String::new(),
                            namespace: service.key.namespace.clone(),
                            name: String::new(),
                        },
                        to: self.facts.pods[*callee].key.clone(),
                        service: service.key.name.clone(),
                        port: Some(port),
                        grade: Grade::UnknownCaller,
                        evidence: "caller unknown".to_owned(),
                        place: service.object.place.clone(),
                    };
                    self.flows.insert((usize::MAX, *callee, Some(port)), flow);
                }
            }
        }
    }
}

/// What a policy allows and no flow shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AllowedOnly {
    /// The policy.
    pub policy: Key,
    /// The line that allows it.
    pub place: Place,
    /// From where to where, as the policy selects them.
    pub allows: String,
    /// How many pairs of workloads it is about.
    pub pairs: usize,
    /// For how many of them there is a flow.
    pub shown: usize,
}

impl std::fmt::Display for AllowedOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (file, line) = (&self.place.file, self.place.line);
        let Self {
            policy,
            allows,
            pairs,
            shown,
            ..
        } = self;
        write!(f, "{file}:{line}: {policy} allows {allows}")?;
        match pairs {
            0 => Ok(()),
            pairs => write!(f, ": {shown} of {pairs} pairs have a flow"),
        }
    }
}

pub(crate) use policies::allowed_only;

fn text_of(object: &Value) -> &str {
    text(&object["metadata"]["namespace"])
}

/// The Service that an ExternalName leads to, if it is one of another namespace.
fn resolved<'f, 'o>(facts: &'f Facts<'o>, service: &'f Service<'o>) -> &'f Service<'o> {
    let external = text(&service.object.value["spec"]["externalName"]);
    let labels: Vec<&str> = external.split('.').collect();
    let found = match labels.as_slice() {
        [name, namespace, "svc", ..] => facts.service(namespace, name),
        _ => None,
    };
    found.unwrap_or(service)
}

/// The only number; `None` if there are several.
fn single(mut numbers: impl Iterator<Item = u64>) -> Option<u64> {
    let first = numbers.next()?;
    numbers.next().is_none().then_some(first)
}

/// Whether a name ends with the number of a replica.
fn is_replica(name: &str) -> bool {
    let number = name.rsplit_once('-').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The last part of an image's name, without tag and digest.
pub(crate) fn base_name(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split(':').next().unwrap_or(name)
}
