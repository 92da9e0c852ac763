//! Which connections a change of policies opens and closes, as the prover's evaluator has it: what the
//! cluster holds against what it is to hold, other people's policies included on both sides.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use erpc_prove::{
    Claims, Class, ClassId, ClusterAddresses, Direction, File, Manifests, Matrix, Partition,
    PortSet, PortSets, Ports, Reading,
};
use serde_json::Value;
use smol_str::SmolStr;

use crate::client::Cluster;
use crate::failure::ApiError;
use crate::live::Live;
use crate::object::{NAME, ObjectId, Packed};
use crate::program::{Desired, Program};
use erpc_emit::Kind;

/// What opens, what closes, and how much stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowChanges {
    /// `shop-front.web → shop-back.api:8080/TCP`
    pub opened: Vec<String>,
    /// The same, of those that close.
    pub closed: Vec<String>,
    /// How many stay.
    pub same: usize,
}

/// The difference between two sets of namespaces, workloads and policies.
pub(crate) fn compare(before: &[Packed], after: &[Packed]) -> FlowChanges {
    let manifests = [before, after].map(manifests_of);
    let [mut before, mut after] = manifests.each_ref().map(World::of);
    let sets = &mut PortSets::default();
    let opened = after.beyond(&mut before, sets);
    let closed = before.beyond(&mut after, sets);
    FlowChanges {
        opened: opened.lines,
        closed: closed.lines,
        same: opened.shared,
    }
}

fn manifests_of(objects: &[Packed]) -> Manifests {
    let files: Vec<File<'_>> = objects
        .iter()
        .map(|object| File {
            path: "object",
            bytes: object.text().as_bytes(),
        })
        .collect();
    Manifests::read(&files)
}

/// What a set of objects allows.
struct World<'m> {
    partition: Partition<'m>,
    matrix: Matrix,
    names: HashMap<String, ClassId>,
}

/// What one set of objects allows beyond another.
#[derive(Default)]
struct Beyond {
    lines: Vec<String>,
    /// How many connections both allow.
    shared: usize,
}

impl<'m> World<'m> {
    fn of(manifests: &'m Manifests) -> Self {
        let cluster = ClusterAddresses::default();
        let partition = Partition::of(manifests, &Claims::new(), &cluster);
        let matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
        let classes = partition.classes();
        let names = classes.map(|class| (partition.show(class), class));
        Self {
            names: names.collect(),
            partition,
            matrix,
        }
    }

    /// The connections here that another set of objects does not allow: those that a rule names, and the sides that are
    /// open to all.
    fn beyond(&mut self, other: &mut World<'_>, sets: &mut PortSets) -> Beyond {
        let mut beyond = Beyond::default();
        for cell in self.matrix.cells() {
            if !self.partition.is_known(cell.from) && !self.partition.is_known(cell.to) {
                continue;
            }
            let here = self.matrix.sets().list(cell.ports);
            let there = self.there(cell.from, cell.to, other);
            let from = self.partition.show(cell.from);
            beyond.add(&from, &self.partition.show(cell.to), &here, &there, sets);
        }
        for class in self.partition.workload_classes() {
            for direction in [Direction::Ingress, Direction::Egress] {
                self.sides(class, direction, other, &mut beyond, sets);
            }
        }
        beyond.lines.sort();
        beyond
    }

    /// What a side leaves open to every pod and every address.
    fn sides(
        &self,
        class: ClassId,
        direction: Direction,
        other: &World<'_>,
        beyond: &mut Beyond,
        sets: &mut PortSets,
    ) {
        let open = |world: &World<'_>, class| {
            let (pods, addresses) = world.matrix.side(class, direction).everywhere();
            [pods, addresses].map(|ports| world.matrix.sets().list(ports))
        };
        let name = self.partition.show(class);
        let [pods, addresses] = open(self, class);
        let there = other.names.get(&name).map(|class| open(other, *class));
        let [pods_there, addresses_there] = there.unwrap_or_default();
        let mut add = |peers: &str, here: &[Ports], there: &[Ports]| match direction {
            Direction::Ingress => beyond.add(peers, &name, here, there, sets),
            Direction::Egress => beyond.add(&name, peers, here, there, sets),
        };
        if (&pods, &pods_there) == (&addresses, &addresses_there) {
            add("all", &pods, &pods_there);
        } else {
            add("every pod", &pods, &pods_there);
            add("every address", &addresses, &addresses_there);
        }
    }

    /// The ports that another set of objects allows from one class to another. A label or an address that only a policy
    /// of this one names is a class of its own here, and in the other like all that nothing names.
    fn there(&self, from: ClassId, to: ClassId, other: &mut World<'_>) -> Vec<Ports> {
        let everywhere = |class, direction, peer| {
            let (pods, addresses) = other.matrix.side(class, direction).everywhere();
            if self.partition.is_pod(peer) {
                pods
            } else {
                addresses
            }
        };
        let ports = match (self.like(from, other), self.like(to, other)) {
            (Like::Class(from), Like::Class(to)) => other.matrix.get(from, to),
            (Like::Class(like), Like::Unnamed) => everywhere(like, Direction::Egress, to),
            (Like::Unnamed, Like::Class(like)) => everywhere(like, Direction::Ingress, from),
            _ => PortSet::NONE,
        };
        other.matrix.sets().list(ports)
    }

    fn like(&self, class: ClassId, other: &World<'_>) -> Like {
        let find = |name: &str| other.names.get(name).copied();
        let found = find(&self.partition.show(class));
        let found = found.or_else(|| match self.partition.class(class) {
            Class::OtherPod { namespace, .. } => find(&format!("other pods of {}", namespace?)),
            _ => None,
        });
        match (found, self.partition.class(class)) {
            (Some(class), _) => Like::Class(class),
            (None, Class::Workload(_)) => Like::Absent,
            (None, _) => Like::Unnamed,
        }
    }
}

/// What stands for a class in another set of objects.
enum Like {
    Class(ClassId),
    /// Pods or addresses that nothing there names.
    Unnamed,
    /// A workload that is not there.
    Absent,
}

impl Beyond {
    fn add(&mut self, from: &str, to: &str, here: &[Ports], there: &[Ports], sets: &mut PortSets) {
        let (here, there) = (sets.intern(here), sets.intern(there));
        let shared = sets.intersection(here, there);
        self.shared += sets.list(shared).len();
        let only = sets.difference(here, there);
        if only == PortSet::ALL {
            self.lines.push(format!("{from} → {to}:every port"));
            return;
        }
        let ports = sets.list(only);
        self.lines.extend(
            ports
                .iter()
                .map(|port| format!("{from} → {to}:{}", show(*port))),
        );
    }
}

fn show(ports: Ports) -> String {
    let protocol = ports.protocol.as_str();
    match (ports.first, ports.last) {
        (0 | 1, u16::MAX) => format!("every port/{protocol}"),
        (first, last) if first == last => format!("{first}/{protocol}"),
        (first, last) => format!("{first}..{last}/{protocol}"),
    }
}

/// An object of a kind without what the server keeps, which is most of its bytes. Lists leave out of
/// each item what it is.
pub(crate) fn declared(kind: Kind, mut object: Value) -> Packed {
    object["apiVersion"] = Value::from(kind.api_version());
    object["kind"] = Value::from(kind.as_str());
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels"));
        }
    }
    if kind == Kind::Job {
        as_its_service(&mut object);
    }
    Packed::of(&object)
}

/// An object of the platform, as [`declared`] leaves a live one.
pub(crate) fn desired(object: &Desired) -> Packed {
    match object.id.kind {
        Kind::Job => declared(Kind::Job, object.body.value()),
        _ => object.body.clone(),
    }
}

/// Objects that have a say in who reaches whom; of the Jobs of a service there is one.
#[derive(Default)]
struct Peers {
    all: Vec<Packed>,
    jobs: BTreeSet<(Option<SmolStr>, String)>,
}

impl Peers {
    fn add(&mut self, id: &ObjectId, object: Value) {
        if id.kind == Kind::Job {
            let service = object["metadata"]["labels"][NAME].as_str();
            let service = service.unwrap_or(&id.name).to_owned();
            if !self.jobs.insert((id.namespace.clone(), service)) {
                return;
            }
        }
        self.all.push(declared(id.kind, object));
    }
}

/// Makes each Job of a service the same peer: without the hash in its name, and without the selector and
/// the labels by which the Job controller tells the pods of two Jobs apart. No policy selects by them, and
/// the flows of a service do not depend on which of its Jobs has run.
fn as_its_service(job: &mut Value) {
    if let Some(labels) = job
        .pointer_mut("/spec/template/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.retain(|key, _| {
            !key.starts_with("batch.kubernetes.io/")
                && !matches!(key.as_str(), "controller-uid" | "job-name")
        });
    }
    if let Some(spec) = job["spec"].as_object_mut() {
        spec.remove("selector");
    }
    if let Some(name) = job["metadata"]["labels"][NAME].as_str().map(str::to_owned) {
        job["metadata"]["name"] = Value::from(name);
    }
}

/// All policies in the existing namespaces of the platform, whosever they are.
pub(crate) async fn live_policies(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<Vec<(ObjectId, Packed)>, ApiError> {
    let mut out = Vec::new();
    for (_, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        if !live.has_namespace(name) {
            continue;
        }
        let path = Kind::NetworkPolicy.collection(Some(name));
        let policies = cluster.list_as(&path, "", |policy| {
            let id = ObjectId::of(Kind::NetworkPolicy, &policy);
            (id, declared(Kind::NetworkPolicy, policy))
        });
        out.extend(policies.await?);
    }
    Ok(out)
}

/// Whether a kind has a say in who reaches whom.
pub(crate) const fn matters(kind: Kind) -> bool {
    matches!(kind, Kind::Namespace | Kind::NetworkPolicy) || kind.is_workload()
}

/// What a plan starts from.
pub(crate) struct Start<'p> {
    pub(crate) live: &'p Live,
    /// Workloads of the source that run without the platform's label.
    pub(crate) unlabelled: &'p BTreeMap<ObjectId, Packed>,
}

/// What a plan opens and closes. `left_out` is declared and stays as it is all the same.
pub(crate) async fn of_plan(
    cluster: &Cluster,
    program: &Program<'_>,
    start: &Start<'_>,
    pruned: &BTreeSet<ObjectId>,
    left_out: &BTreeSet<ObjectId>,
) -> Result<FlowChanges, ApiError> {
    let live = start.live;
    let policies = live_policies(cluster, program, live).await?;
    let wanted: BTreeSet<&str> = program
        .platform
        .namespaces()
        .map(|(_, namespace)| namespace.name.value.as_str())
        .collect();
    let closed: BTreeSet<(&Option<SmolStr>, &SmolStr)> = policies
        .iter()
        .map(|(id, _)| (&id.namespace, &id.name))
        .collect();
    // A run that was cut left policies whose pods are yet to come: their flows are open already.
    let announced = program.objects.iter().filter(|object| {
        let id = &object.id;
        let policy = object.service.map(|id| &program.platform[id].name.value);
        id.kind.is_workload()
            && !live.contains(id)
            && !start.unlabelled.contains_key(id)
            && policy.is_some_and(|name| closed.contains(&(&id.namespace, name)))
    });
    let unlabelled = start.unlabelled.iter();
    let others: Vec<(&ObjectId, Value)> = live
        .objects()
        .chain(unlabelled.map(|(id, object)| (id, object.value())))
        .filter(|(id, _)| matters(id.kind) && id.kind != Kind::NetworkPolicy)
        .filter(|(id, _)| match &id.namespace {
            Some(namespace) => wanted.contains(namespace.as_str()),
            None => wanted.contains(id.name.as_str()),
        })
        .collect();
    let mut before = Peers::default();
    for (id, object) in &others {
        before.add(id, object.clone());
    }
    for object in announced {
        before.add(&object.id, object.body.value());
    }
    before
        .all
        .extend(policies.iter().map(|(_, policy)| policy.clone()));
    let changes_by_plan = |id: &ObjectId| {
        let is_kept = program.is_shared(id) && live.contains(id) || left_out.contains(id);
        program.object(id).is_some() && !is_kept
    };
    let stays = |id: &ObjectId| !changes_by_plan(id) && !pruned.contains(id);
    let desired = program.objects.iter().filter(|o| matters(o.id.kind));
    let mut after = Peers::default();
    for object in desired.filter(|object| changes_by_plan(&object.id)) {
        after.add(&object.id, object.body.value());
    }
    for (id, object) in others.into_iter().filter(|(id, _)| stays(id)) {
        after.add(id, object);
    }
    let kept = policies.into_iter().filter(|(id, _)| stays(id));
    after.all.extend(kept.map(|(_, policy)| policy));
    Ok(compare(&before.all, &after.all))
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::object::Packed;
    use serde_json::json;

    fn deployment(name: &str) -> Packed {
        Packed::of(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": "n" },
            "spec": {
                "selector": { "matchLabels": { "app": name } },
                "template": { "metadata": { "labels": { "app": name } }, "spec": { "containers": [] } },
            },
        }))
    }

    fn policy(of: &str, from: &str, port: u16) -> Packed {
        Packed::of(&json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": of, "namespace": "n" },
            "spec": {
                "podSelector": { "matchLabels": { "app": of } },
                "policyTypes": ["Ingress"],
                "ingress": [{
                    "from": [{ "podSelector": { "matchLabels": { "app": from } } }],
                    "ports": [{ "protocol": "TCP", "port": port }],
                }],
            },
        }))
    }

    #[test]
    fn a_port_that_moves_closes_one_flow_and_opens_another() {
        let (a, b) = (deployment("a"), deployment("b"));
        let (old, new) = (policy("b", "a", 80), policy("b", "a", 81));
        let changes = compare(
            &[a.clone(), b.clone(), old.clone()],
            &[a.clone(), b.clone(), new],
        );
        assert_eq!(changes.opened.len(), 1, "{changes:?}");
        assert_eq!(changes.closed.len(), 1, "{changes:?}");
        assert!(changes.opened[0].ends_with(":81/TCP"), "{changes:?}");
        assert!(changes.closed[0].ends_with(":80/TCP"), "{changes:?}");
        let same = compare(&[a.clone(), b.clone(), old.clone()], &[a, b, old]);
        assert!(same.opened.is_empty() && same.closed.is_empty() && same.same > 0);
    }

    #[test]
    fn what_an_open_namespace_let_through_stays_when_a_policy_names_it() {
        let pods = [deployment("a"), deployment("b")];
        let mut isolated = pods.to_vec();
        isolated.push(policy("b", "a", 80));
        let closing = compare(&pods, &isolated);
        assert_eq!(closing.opened, [] as [&str; 0]);
        assert_eq!(closing.closed, ["all → n.b:every port"]);
        let opening = compare(&isolated, &pods);
        assert_eq!(opening.opened, ["all → n.b:every port"]);
        assert_eq!(opening.closed, [] as [&str; 0]);
    }

    #[test]
    fn a_flow_to_pods_that_only_a_policy_names_stays() {
        let dns = Packed::of(&json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": { "name": "a", "namespace": "n" },
            "spec": {
                "podSelector": {}, "policyTypes": ["Egress"],
                "egress": [{ "to": [{
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
                    "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
                }] }],
            },
        }));
        let a = deployment("a");
        let changes = compare(std::slice::from_ref(&a), &[a.clone(), dns]);
        assert_eq!(changes.opened, [] as [&str; 0]);
        assert_eq!(changes.closed, ["n.a → all:every port"]);
        assert!(changes.same > 0);
    }

    #[test]
    fn a_new_workload_opens_what_is_open_to_all() {
        let (a, b) = (deployment("a"), deployment("b"));
        let changes = compare(std::slice::from_ref(&a), &[a.clone(), b]);
        assert_eq!(
            changes.opened,
            ["all → n.b:every port", "n.b → all:every port"]
        );
    }
}
