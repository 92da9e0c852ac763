//! Which connections a change of policies opens and closes, as the prover's evaluator has it: what the
//! cluster holds against what it is to hold, other people's policies included on both sides.

use std::collections::BTreeSet;

use erpc_prove::{
    Claims, ClusterAddresses, Direction, File, Manifests, Matrix, Partition, Ports, Reading,
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
    changes(&connections(before), &connections(after))
}

fn changes(before: &BTreeSet<String>, after: &BTreeSet<String>) -> FlowChanges {
    FlowChanges {
        opened: after.difference(before).cloned().collect(),
        closed: before.difference(after).cloned().collect(),
        same: before.intersection(after).count(),
    }
}

fn connections(objects: &[Packed]) -> BTreeSet<String> {
    let files: Vec<File<'_>> = objects
        .iter()
        .map(|object| File {
            path: "object",
            bytes: object.text().as_bytes(),
        })
        .collect();
    let manifests = Manifests::read(&files);
    let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
    let partition = Partition::of(&manifests, &claims, &cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
    let mut out = BTreeSet::new();
    for cell in matrix.cells() {
        if partition.is_known(cell.from) || partition.is_known(cell.to) {
            let (from, to) = (partition.show(cell.from), partition.show(cell.to));
            let ports = matrix.sets().list(cell.ports);
            out.extend(
                ports
                    .iter()
                    .map(|port| format!("{from} → {to}:{}", show(*port))),
            );
        }
    }
    for class in partition.workload_classes() {
        let name = partition.show(class);
        for direction in [Direction::Ingress, Direction::Egress] {
            let (pods, _) = matrix.side(class, direction).everywhere();
            for port in matrix.sets().list(pods) {
                out.insert(match direction {
                    Direction::Ingress => format!("all → {name}:{}", show(port)),
                    Direction::Egress => format!("{name} → all:{}", show(port)),
                });
            }
        }
    }
    out
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

/// What a plan opens and closes. `left_out` is declared and stays as it is all the same.
pub(crate) async fn of_plan(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
    pruned: &BTreeSet<ObjectId>,
    left_out: &BTreeSet<ObjectId>,
) -> Result<FlowChanges, ApiError> {
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
            && policy.is_some_and(|name| closed.contains(&(&id.namespace, name)))
    });
    let others: Vec<(&ObjectId, Value)> = live
        .objects()
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
    let (before, after) = (connections(&before.all), connections(&after.all));
    Ok(changes(&before, &after))
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
}
