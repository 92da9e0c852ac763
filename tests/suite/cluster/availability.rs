//! Where the plan says "no downtime", there is none: watches keep every version of every Service,
//! `EndpointSlice` and pod, and each moment of a change is judged by what kube-proxy would do. A port
//! of a Service that had an endpoint keeps one until it leaves the Service, and an endpoint is always a
//! container port of its pod.

use std::collections::{BTreeMap, BTreeSet};

use erpc_tests::objects::{ObjectKey, object_key};
use serde_json::Value;

use super::server::{Cluster, Program, Ran, SHOP, Watch, until};

type State = BTreeMap<ObjectKey, Value>;
/// Namespace and name of a service.
type Service = (String, String);
/// A port of a Service: its number and protocol.
type Port = (u64, String);

/// The watches of what decides whether a Service answers.
struct Recorder {
    watches: Vec<Watch>,
}

/// What was seen: the version, whether it is a deletion, and the object.
type Seen = (u64, bool, ObjectKey, Value);

impl Recorder {
    fn start(cluster: &Cluster) -> Self {
        let kinds = ["services", "endpointslices", "pods"];
        let recorder = Self {
            watches: kinds
                .map(|kind| Watch::start(cluster, &[kind, "-A", "--output-watch-events"]))
                .into(),
        };
        recorder.caught_up(cluster);
        recorder
    }

    fn events(&self) -> Vec<Seen> {
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
        let version = |object: &Value| {
            let metadata = &object["metadata"];
            let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
            [text("namespace"), text("name"), text("resourceVersion")]
        };
        until("the last change", || {
            let list = cluster.get(&["services,endpointslices,pods", "-A"]);
            let items = list["items"].as_array().expect("a list").iter();
            let wanted: BTreeSet<[String; 3]> = items.map(version).collect();
            let state = replayed(&self.events(), u64::MAX);
            wanted == state.values().map(version).collect()
        });
        self.events().last().map_or(0, |(version, ..)| *version)
    }
}

fn put(state: &mut State, event: &Seen) {
    let (_, is_gone, key, object) = event;
    if *is_gone {
        state.remove(key);
    } else {
        state.insert(key.clone(), object.clone());
    }
}

/// The state after all changes up to this one.
fn replayed(events: &[Seen], last: u64) -> State {
    let mut state = State::new();
    for event in events.iter().filter(|(version, ..)| *version <= last) {
        put(&mut state, event);
    }
    state
}

/// The same, with pods that were deleted: for their grace period they go on to serve whoever still has
/// them as an endpoint. The pods of the tests have none.
fn put_with_ending_pods(state: &mut State, event: &Seen) {
    let is_end = event.1 && event.2.0 == "Pod";
    if !is_end {
        put(state, event);
    }
}

/// The numbers that the containers of a pod listen on.
fn container_ports(pod: &Value) -> BTreeSet<Port> {
    let containers = |key: &str| pod["spec"][key].as_array().into_iter().flatten();
    containers("containers")
        .chain(containers("initContainers"))
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
        .map(|port| {
            (
                port["containerPort"].as_u64().expect("a number"),
                port["protocol"].as_str().unwrap_or("TCP").to_owned(),
            )
        })
        .collect()
}

/// What the Services of the platform answer in a state.
#[derive(Default)]
struct Answers {
    /// The ports that have an endpoint on which its pod listens.
    served: BTreeMap<Service, BTreeSet<Port>>,
    /// Endpoints on which their pods do not listen.
    deaf: Vec<String>,
}

fn answers(state: &State) -> Answers {
    let mut out = Answers::default();
    let of_kind = |kind: &'static str| {
        let is_one = move |key: &&ObjectKey| key.0 == kind && key.1.starts_with("shop-");
        state.keys().filter(is_one)
    };
    for key in of_kind("Service") {
        let service = (key.1.clone(), key.2.clone());
        out.served.insert(service, BTreeSet::new());
    }
    for key in of_kind("EndpointSlice") {
        let slice = &state[key];
        let name = slice["metadata"]["labels"]["kubernetes.io/service-name"].as_str();
        let service = (key.1.clone(), name.unwrap_or_default().to_owned());
        let Some(object) = state.get(&("Service".to_owned(), key.1.clone(), service.1.clone()))
        else {
            continue;
        };
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            let pod = endpoint["targetRef"]["name"].as_str().unwrap_or_default();
            let pod = state.get(&("Pod".to_owned(), key.1.clone(), pod.to_owned()));
            let Some(pod) = pod.filter(|_| endpoint["conditions"]["ready"] == true) else {
                continue;
            };
            let listens = container_ports(pod);
            for port in slice["ports"].as_array().into_iter().flatten() {
                let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
                let number = port["port"].as_u64().unwrap_or(0);
                if !listens.contains(&(number, protocol.clone())) {
                    out.deaf.push(format!("{service:?} at {number}"));
                    continue;
                }
                // kube-proxy finds the endpoints of a port by its name.
                let entries = object["spec"]["ports"].as_array().into_iter().flatten();
                for entry in entries.filter(|entry| entry["name"] == port["name"]) {
                    let number = entry["port"].as_u64().expect("a number");
                    let served = out.served.entry(service.clone()).or_default();
                    served.insert((number, protocol.clone()));
                }
            }
        }
    }
    out
}

/// Judges every moment of a change. Services in `down` may be down, since the plan says so; those that
/// are gone afterwards may lose their pods first. How many moments there were.
#[track_caller]
fn judge(what: &str, events: &[Seen], [first, last]: [u64; 2], down: &BTreeSet<Service>) -> usize {
    let mut state = replayed(events, first);
    let end: BTreeSet<Service> = answers(&replayed(events, last))
        .served
        .into_keys()
        .collect();
    let mut before = answers(&state).served;
    let mut moments = 0;
    for event in events {
        if event.0 <= first || event.0 > last {
            continue;
        }
        put_with_ending_pods(&mut state, event);
        moments += 1;
        let now = answers(&state);
        for (service, ports) in &now.served {
            if down.contains(service) || !end.contains(service) {
                continue;
            }
            let key = ("Service".to_owned(), service.0.clone(), service.1.clone());
            let declared: BTreeSet<Port> = state[&key]["spec"]["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|port| {
                    let protocol = port["protocol"].as_str().unwrap_or("TCP");
                    (
                        port["port"].as_u64().expect("a number"),
                        protocol.to_owned(),
                    )
                })
                .collect();
            let earlier = before.get(service).cloned().unwrap_or_default();
            assert!(
                earlier.is_empty() || !ports.is_empty(),
                "{what}: nothing serves {service:?} after {:?} {}",
                event.2,
                event.3
            );
            for port in earlier.intersection(&declared) {
                assert!(
                    ports.contains(port),
                    "{what}: {service:?} loses {port:?} after {:?} {}",
                    event.2,
                    event.3
                );
            }
        }
        let deaf: Vec<&String> = now
            .deaf
            .iter()
            .filter(|text| {
                !down
                    .iter()
                    .any(|service| text.starts_with(&format!("{service:?}")))
            })
            .collect();
        assert!(deaf.is_empty(), "{what}: {deaf:?} after {:?}", event.2);
        before = now.served;
    }
    moments
}

/// A shop whose changes are watched.
struct Watched {
    cluster: Cluster,
    shop: Program,
    recorder: Recorder,
}

impl Watched {
    fn start(shop: Program) -> Self {
        let cluster = Cluster::start();
        cluster.applied(shop.path());
        let recorder = Recorder::start(&cluster);
        Self {
            cluster,
            shop,
            recorder,
        }
    }

    /// The services that the plan says are down for some time, and what it says of the others.
    fn planned(&self, arguments: &[&str]) -> (BTreeSet<Service>, String) {
        let of_plans = |argument: &&&str| **argument == "--prune";
        let mut all = vec!["plan", "--format", "json"];
        all.extend(arguments.iter().filter(of_plans));
        let plan = self.cluster.erpc(&all, self.shop.path()).exits(2).json();
        let (mut down, mut said) = (BTreeSet::new(), String::new());
        for step in plan["steps"].as_array().expect("a list") {
            let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
            for consequence in step["consequences"].as_array().expect("a list") {
                let consequence = consequence.as_str().expect("text");
                said.push_str(&format!(
                    "{}/{}: {consequence}\n",
                    text("kind"),
                    text("name")
                ));
                if consequence.contains("down") && !consequence.contains("no downtime") {
                    down.insert((text("namespace"), text("name")));
                }
            }
        }
        (down, said)
    }

    /// Runs a change and judges every moment of it.
    #[track_caller]
    fn change(&self, what: &str, arguments: &[&str], code: i32) -> Ran {
        let (down, said) = self.planned(arguments);
        let allowed: BTreeSet<Service> = [("shop-back".to_owned(), "db".to_owned())].into();
        assert!(down.is_subset(&allowed), "{what}: {said}");
        self.run(what, arguments, code, &down)
    }

    #[track_caller]
    fn run(&self, what: &str, arguments: &[&str], code: i32, down: &BTreeSet<Service>) -> Ran {
        let first = self.recorder.caught_up(&self.cluster);
        let arguments = [&["apply", "--yes"][..], arguments].concat();
        let ran = self.cluster.erpc(&arguments, self.shop.path()).exits(code);
        let last = self.recorder.caught_up(&self.cluster);
        let moments = judge(what, &self.recorder.events(), [first, last], down);
        println!("{what}: {moments} moments");
        ran
    }

    /// The numbers of a Service.
    fn numbers(&self, name: &str) -> Vec<i64> {
        let service = self.cluster.get(&["service", name, "-n", "shop-back"]);
        let ports = service["spec"]["ports"].as_array().expect("a list").iter();
        ports.filter_map(|port| port["port"].as_i64()).collect()
    }
}

/// The shop with a file that `api` has mounted, on a network whose translation of ports is known.
fn shop_with_settings() -> Program {
    let shop = SHOP.replace("  dns kube-dns", "  dns kube-dns\n  cni calico");
    Program::of(&shop.replace(
        "image \"shop/api:1\"",
        "image \"shop/api:1\"\n    config settings { \"settings.json\" = \"one\" } at \"/etc/api\"",
    ))
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn no_change_that_the_plan_calls_free_of_downtime_has_any() {
    let watched = Watched::start(shop_with_settings());
    let shop = &watched.shop;
    shop.edit("shop/api:1", "shop/api:2");
    watched.change("an image", &[], 0);
    shop.edit(
        "port http 8080\n    cpu",
        "port http 8080\n    env STAGE = \"b\"\n    cpu",
    );
    watched.change("a variable", &[], 0);
    shop.edit(
        "    port http 8080\n    env STAGE = \"b\"\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n    calls db:sql",
        "    port http 8090\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n    calls db:sql",
    );
    watched.change("a port moves", &[], 0);
    assert_eq!(watched.numbers("api"), [8090]);
    shop.edit("port http 8090", "port http 8090 -> 9090");
    watched.change("the container's port moves", &[], 0);
    shop.edit("port http 8090 -> 9090", "port web 8090 -> 9090");
    shop.edit("calls shop-back.api:http", "calls shop-back.api:web");
    watched.change("a port is renamed", &[], 0);
    assert_eq!(watched.numbers("api"), [8090]);
    shop.edit(
        "port web 8090 -> 9090",
        "port web 8090 -> 9090\n    port admin 9100",
    );
    watched.change("a port is added", &[], 0);
    shop.edit("\"one\"", "\"two\"");
    watched.change("a file", &[], 0);
    shop.edit("replicas 2", "replicas 3");
    watched.change("more replicas", &[], 0);
    shop.edit("replicas 3", "scale 2..4 on cpu 70%");
    watched.change("an autoscaler", &[], 0);
    shop.edit("scale 2..4 on cpu 70%", "replicas 2");
    watched.change("no autoscaler", &["--prune"], 0);
    shop.edit("service api {", "service server {");
    shop.edit("shop-back.api:web", "shop-back.server:web");
    let text = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a file");
    shop.write(&format!(
        "{text}\nmoved shop-back.api to shop-back.server\n"
    ));
    watched.change("another name", &[], 0);
    assert_eq!(watched.numbers("server"), [8090, 9100]);
    watched
        .cluster
        .applied(shop.path())
        .says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_fault_below_leaves_a_service_whose_port_moves_as_it_was() {
    let watched = Watched::start(Program::shop());
    let shop = &watched.shop;
    let earlier = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a file");
    let moved = "port http 8090\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n    calls db:sql";
    let port = &moved.replace("8090", "8080");

    // The database crashes: `api` does not begin, and answers as before.
    shop.edit("shop/db:1", "shop/fault-crash:2");
    shop.edit(port, moved);
    watched
        .change("a crash below", &[], 4)
        .says(&["shop-back.api waits for shop-back.db"]);
    assert_eq!(watched.numbers("api"), [8080]);

    // The earlier source brings the database back without anybody's help.
    shop.write(&earlier);
    watched
        .change("back by the source", &[], 0)
        .says(&["pod shop-back/db-0 of a revision that never became ready was deleted"]);
    assert_eq!(watched.numbers("api"), [8080]);

    // So does the run itself.
    shop.edit("shop/db:1", "shop/fault-crash:2");
    let revert = ["--on-failure", "revert"];
    watched
        .change("back by itself", &revert, 4)
        .says(&["as before the run again: shop-back.db"]);
    let pod = watched.cluster.get(&["pod", "db-0", "-n", "shop-back"]);
    assert_eq!(pod["spec"]["containers"][0]["image"], "docker.io/shop/db:1");

    // And a repaired image.
    watched.change("the crash again", &[], 3);
    shop.edit("shop/fault-crash:2", "shop/db:3");
    watched
        .change("forwards", &[], 0)
        .says(&["pod shop-back/db-0 of a revision that never became ready was deleted"]);

    // A port that moves and a caller that fails: both numbers answer until all is back.
    shop.edit(port, moved);
    shop.edit("shop/web:1", "shop/fault-image:9");
    watched
        .change("a port comes back", &revert, 4)
        .says(&["as before the run again: shop-back.api, shop-front.web"]);
    assert_eq!(watched.numbers("api"), [8080]);
    // Without it, both stay until the caller is repaired.
    watched
        .change("a caller fails", &[], 4)
        .says(&["Service shop-back/api was not closed: shop-front.web is not ready"]);
    assert_eq!(watched.numbers("api"), [8080, 8090]);
    shop.edit("shop/fault-image:9", "shop/web:2");
    watched.change("a caller is repaired", &[], 0);
    assert_eq!(watched.numbers("api"), [8090]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_that_is_killed_while_a_port_moves_leaves_both_numbers() {
    let watched = Watched::start(Program::shop());
    let shop = &watched.shop;
    let moved = "port http 8090\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n    calls db:sql";
    shop.edit(&moved.replace("8090", "8080"), moved);
    shop.edit("shop/api:1", "shop/slow-api:2");
    shop.edit("shop/web:1", "shop/web:2");
    let (down, said) = watched.planned(&[]);
    assert!(down.is_empty(), "{said}");
    assert!(said.contains("Service/api: no downtime"), "{said}");
    let first = watched.recorder.caught_up(&watched.cluster);
    let mut run = watched.cluster.spawn(&["apply", "--yes"], shop.path());
    until("the workload is written", || {
        let api = watched
            .cluster
            .get(&["deployment", "api", "-n", "shop-back"]);
        api["metadata"]["generation"].as_i64() > Some(1)
    });
    run.kill().expect("it runs");
    run.wait().expect("it ended");
    assert_eq!(watched.numbers("api"), [8080, 8090]);
    watched.cluster.applied(shop.path());
    assert_eq!(watched.numbers("api"), [8090]);
    let last = watched.recorder.caught_up(&watched.cluster);
    let moments = judge("a kill", &watched.recorder.events(), [first, last], &down);
    assert!(moments > 0);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_workload_that_is_deleted_meanwhile_is_said_at_once() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/web:1", "shop/slow-web:2");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    until("the workload is written", || {
        let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
        web["metadata"]["generation"].as_i64() > Some(1)
    });
    cluster.kubectl(&["delete", "deployment", "web", "-n", "shop-front"]);
    Ran::end_of(run)
        .exits(3)
        .says(&["Deployment shop-front/web was deleted by another client after it was written"]);
    cluster.applied(shop.path());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_moment_without_an_endpoint_is_seen() {
    let watched = Watched::start(Program::shop());
    let first = watched.recorder.caught_up(&watched.cluster);
    watched.cluster.kubectl(&[
        "patch",
        "service",
        "api",
        "-n",
        "shop-back",
        "--type",
        "json",
        "-p",
        r#"[{"op":"replace","path":"/spec/ports/0/targetPort","value":8090}]"#,
    ]);
    until("the endpoints follow", || {
        let slices = watched.cluster.get(&["endpointslices", "-n", "shop-back"]);
        slices.to_string().contains("8090")
    });
    let last = watched.recorder.caught_up(&watched.cluster);
    let state = replayed(&watched.recorder.events(), last);
    let answers = answers(&state);
    assert_eq!(answers.deaf.len(), 1, "{:?}", answers.deaf);
    let api = ("shop-back".to_owned(), "api".to_owned());
    assert!(answers.served[&api].is_empty());
    assert!(last > first);
}
