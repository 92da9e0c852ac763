//! No declared flow that exists before a change and after it is ever closed on the way, and no pod of a
//! rollout lacks a flow that its own version declares: after every write of a policy the live
//! policies are evaluated by the prover. Watches keep each version of each object; the server numbers
//! them all, so that every state that the cluster was in can be put together again.

use std::collections::{BTreeMap, BTreeSet};

use erpc_prove::{Claims, ClusterAddresses, File, Manifests, Matrix, Partition, Protocol, Reading};
use erpc_tests::objects::{ObjectKey, object_key};
use serde_json::Value;

use super::apply::make_secrets;
use super::erp1::{change, erp1, remove_mach_ivr, rename_warehouse};
use super::server::{Cluster, Program, Watch, until};

/// What there is at one moment.
type State = BTreeMap<ObjectKey, Value>;

/// The watches of what decides who reaches whom.
struct Recorder {
    watches: Vec<Watch>,
}

impl Recorder {
    fn start(cluster: &Cluster) -> Self {
        let watch = |kind| Watch::start(cluster, &[kind, "-A", "--output-watch-events"]);
        Self {
            watches: [
                "networkpolicies",
                "deployments",
                "statefulsets",
                "namespaces",
            ]
            .map(watch)
            .into(),
        }
    }

    /// Every change so far, in the order in which the server made them.
    fn events(&self) -> Vec<(u64, bool, ObjectKey, Value)> {
        let mut events = Vec::new();
        for watch in &self.watches {
            for event in watch.until(|_| true) {
                let object = &event["object"];
                let version = object["metadata"]["resourceVersion"].as_str();
                let version = version.and_then(|text| text.parse().ok());
                events.push((
                    version.expect("a number"),
                    event["type"] == "DELETED",
                    object_key(object),
                    object.clone(),
                ));
            }
        }
        events.sort_by_key(|(version, ..)| *version);
        events
    }

    /// Waits until the watches have seen all that there is; the number of its last change.
    fn caught_up(&self, cluster: &Cluster) -> u64 {
        let version = |policy: &Value| {
            let metadata = &policy["metadata"];
            format!(
                "{} {} {}",
                metadata["namespace"], metadata["name"], metadata["resourceVersion"]
            )
        };
        until("the last change", || {
            let list = cluster.get(&["networkpolicies", "-A"]);
            let items = list["items"].as_array().expect("a list");
            let wanted: BTreeSet<String> = items.iter().map(version).collect();
            let state = replayed(&self.events(), u64::MAX);
            let seen = state.iter().filter(|(key, _)| key.0 == "NetworkPolicy");
            wanted == seen.map(|(_, policy)| version(policy)).collect()
        });
        self.events().last().map_or(0, |(version, ..)| *version)
    }
}

/// The state after all changes up to this one.
fn replayed(events: &[(u64, bool, ObjectKey, Value)], last: u64) -> State {
    let mut state = State::new();
    for (version, is_gone, key, object) in events {
        if *version <= last {
            put(&mut state, *is_gone, key, object);
        }
    }
    state
}

fn put(state: &mut State, is_gone: bool, key: &ObjectKey, object: &Value) {
    if is_gone {
        state.remove(key);
    } else {
        state.insert(key.clone(), object.clone());
    }
}

/// A declared connection between two services, by namespace and name, and its port.
type Flow = ([String; 2], [String; 2], Protocol, u16);

/// What a program declares between services.
fn declared_flows(cluster: &Cluster, program: &Program, profile: &[&str]) -> BTreeSet<Flow> {
    let arguments = [&["flows", "--format", "json"][..], profile].concat();
    let flows = cluster.erpc(&arguments, program.path()).exits(0).json();
    let mut out = BTreeSet::new();
    for flow in flows["flows"].as_array().expect("a list") {
        let service = |key: &str| {
            let (namespace, name) = flow[key].as_str()?.split_once('.')?;
            (!namespace.starts_with("cluster")).then(|| [namespace.to_owned(), name.to_owned()])
        };
        let (Some(from), Some(to)) = (service("from"), service("to")) else {
            continue;
        };
        // What only shows where a connection comes from opens none.
        if flow["mode"] == "observes" {
            continue;
        }
        for number in flow["numbers"].as_array().expect("a list") {
            let (port, protocol) = number
                .as_str()
                .and_then(|n| n.split_once('/'))
                .expect("port/protocol");
            let protocol = Protocol::from_name(&protocol.to_uppercase()).expect("a protocol");
            out.insert((
                from.clone(),
                to.clone(),
                protocol,
                port.parse().expect("a number"),
            ));
        }
    }
    out
}

fn is_workload(key: &ObjectKey) -> bool {
    key.0 == "Deployment" || key.0 == "StatefulSet"
}

fn workload<'s>(state: &'s State, service: &[String; 2]) -> Option<&'s Value> {
    ["Deployment", "StatefulSet"].iter().find_map(|kind| {
        let key = ((*kind).to_owned(), service[0].clone(), service[1].clone());
        state.get(&key)
    })
}

/// Whether pods of the version that `of` has of a service may run in a state.
fn runs(state: &State, of: &State, service: &[String; 2]) -> bool {
    let (Some(live), Some(version)) = (workload(state, service), workload(of, service)) else {
        return false;
    };
    if live["spec"]["template"] == version["spec"]["template"] {
        return true;
    }
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let status = &live["status"];
    // The pods of the version before stay until those of the next have taken their place.
    let is_unseen = number(&status["observedGeneration"]) < number(&live["metadata"]["generation"]);
    is_unseen || number(&status["updatedReplicas"]) < number(&status["replicas"])
}

/// Whether a change makes a service or gives it other pods. One that it removes loses its flows before
/// its last pods are gone.
fn moves(old: &State, new: &State, service: &[String; 2]) -> bool {
    let template = |state| workload(state, service).map(|w| &w["spec"]["template"]);
    workload(new, service).is_some() && template(old) != template(new)
}

/// Which of these flows the policies of a state close.
fn closed<'f>(state: &State, pods: &State, flows: impl Iterator<Item = &'f Flow>) -> Vec<&'f Flow> {
    let is_of_partition = |key: &&ObjectKey| key.0 == "NetworkPolicy" || key.0 == "Namespace";
    let own = state.iter().filter(|(key, _)| is_of_partition(key));
    let objects = own.chain(pods.iter().filter(|(key, _)| is_workload(key)));
    let texts: Vec<String> = objects.map(|(_, object)| plain(object)).collect();
    let files: Vec<File<'_>> = texts
        .iter()
        .map(|text| File {
            path: "object",
            bytes: text.as_bytes(),
        })
        .collect();
    let manifests = Manifests::read(&files);
    let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
    let partition = Partition::of(&manifests, &claims, &cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
    let classes: BTreeMap<String, _> = partition
        .workload_classes()
        .map(|class| (partition.show(class), class))
        .collect();
    flows
        .filter(|(from, to, protocol, port)| {
            let class = |service: &[String; 2]| classes.get(&service.join("."));
            let (Some(from), Some(to)) = (class(from), class(to)) else {
                return true;
            };
            let ports = matrix.get(*from, *to);
            !matrix.sets().contains(ports, *protocol, *port)
        })
        .collect()
}

/// An object without what only the server needs.
fn plain(object: &Value) -> String {
    let mut object = object.clone();
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
        if let Some(metadata) = root.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels"));
        }
    }
    object.to_string()
}

/// What a change came to.
struct Counted {
    states: usize,
    kept: usize,
}

/// Holds every state between two moments to what is declared before and after.
#[track_caller]
fn judge(
    what: &str,
    events: &[(u64, bool, ObjectKey, Value)],
    [first, last]: [u64; 2],
    [before, after]: [&BTreeSet<Flow>; 2],
) -> Counted {
    let (old, new) = (replayed(events, first), replayed(events, last));
    let mut pods = new.clone();
    pods.extend(
        old.iter()
            .map(|(key, object)| (key.clone(), object.clone())),
    );
    let all: BTreeSet<&Flow> = before.union(after).collect();
    let kept = before.intersection(after).count();
    let mut state = old.clone();
    let mut states = 0;
    for (version, is_gone, key, object) in events {
        if *version <= first || *version > last {
            continue;
        }
        put(&mut state, *is_gone, key, object);
        // What stays is due at every moment. What comes or goes with pods is due while pods run whose
        // version declares it; policies alone may come and go in any order.
        let due = all.iter().copied().filter(|flow| {
            let (from, to, ..) = *flow;
            let speak = |of: &State| runs(&state, of, from) && runs(&state, of, to);
            match (before.contains(*flow), after.contains(*flow)) {
                (true, true) => true,
                _ if !(moves(&old, &new, from) || moves(&old, &new, to)) => false,
                (is_old, _) => speak(if is_old { &old } else { &new }),
            }
        });
        let closed = closed(&state, &pods, due);
        assert!(closed.is_empty(), "{what}: {key:?} closes {closed:?}");
        states += 1;
    }
    Counted { states, kept }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn no_step_of_any_change_closes_a_flow_that_stays() {
    let cluster = Cluster::start();
    let erp1 = erp1();
    make_secrets(&cluster, erp1.path());
    change(&cluster, &erp1, &[]);
    let recorder = Recorder::start(&cluster);
    let mut moment = recorder.caught_up(&cluster);
    let mut flows = declared_flows(&cluster, &erp1, &[]);
    assert!(flows.len() > 60, "{}", flows.len());
    let mut apply = |what: &str, arguments: &[&str], profile: &[&str]| {
        change(&cluster, &erp1, &[arguments, profile].concat());
        let now = recorder.caught_up(&cluster);
        let after = declared_flows(&cluster, &erp1, profile);
        let counted = judge(what, &recorder.events(), [moment, now], [&flows, &after]);
        println!(
            "{what}: {} states, {} flows stay",
            counted.states, counted.kept
        );
        assert!(counted.states > 0, "{what} changed nothing");
        assert!(counted.kept > 30, "{what}: {} flows stay", counted.kept);
        moment = now;
        flows = after;
    };

    let port = "port   http 8505\n";
    let calls =
        "port   http 8505\n    calls  crm-documents:http optional because \"delivery notes\"\n";
    erp1.edit(port, calls);
    apply("a flow is added", &[], &[]);
    erp1.edit(calls, port);
    apply("a flow is removed", &[], &[]);
    erp1.edit(port, "port   http 8515\n");
    apply("a port moves", &[], &[]);

    let extra = "namespace erp-extra {\n  title \"More\"\n  tier  application\n  service notes is Release { title \"Notes\"; repo \"erpuno/notes\"; port http 8599 }\n}\n\nnamespace erp-apps {";
    erp1.edit("namespace erp-apps {", extra);
    apply("a namespace is added", &[], &[]);
    erp1.edit(extra, "namespace erp-apps {");
    apply("a namespace is removed", &["--prune"], &[]);

    rename_warehouse(&erp1);
    apply("a service is renamed", &[], &[]);

    remove_mach_ivr(&erp1);
    apply("a service is removed", &["--prune"], &[]);

    let dev = ["--profile", "dev"];
    apply(
        "another profile",
        &["--prune", "--confirm", "erp-uno"],
        &dev,
    );
    apply("and back", &[], &[]);
    // All at once: what runs open is closed last.
    cluster.kubectl(&[
        "delete",
        "networkpolicies",
        "-A",
        "-l",
        "app.kubernetes.io/part-of=erp-uno",
    ]);
    moment = recorder.caught_up(&cluster);
    change(&cluster, &erp1, &[]);
    let now = recorder.caught_up(&cluster);
    let counted = judge(
        "a cluster that runs open",
        &recorder.events(),
        [moment, now],
        [&flows, &flows],
    );
    assert!(
        counted.states > 30 && counted.kept > 50,
        "{} {}",
        counted.states,
        counted.kept
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_step_that_closes_a_flow_is_seen() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let recorder = Recorder::start(&cluster);
    let flows = declared_flows(&cluster, &shop, &[]);
    let moment = recorder.caught_up(&cluster);
    let before = replayed(&recorder.events(), moment);
    assert_eq!(closed(&before, &before, flows.iter()), Vec::<&Flow>::new());
    // Somebody takes the policy away by which `db` lets `api` in; the namespace stays closed.
    cluster.kubectl(&["delete", "networkpolicy", "db", "-n", "shop-back"]);
    recorder.caught_up(&cluster);
    let after = replayed(&recorder.events(), u64::MAX);
    let closed = closed(&after, &after, flows.iter());
    assert!(!closed.is_empty());
    assert!(closed.iter().all(|(_, to, ..)| to[1] == "db"), "{closed:?}");
}
