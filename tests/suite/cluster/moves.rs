//! `moved`: what was renamed in the source takes its data along, and serves until its successor is ready.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::server::{Cluster, Program, Ran, SHOP, until};
use super::stalls::make_ready;

/// The shop whose database is called `store`, and says so.
fn renamed() -> String {
    let text = SHOP
        .replace("service db {", "service store {")
        .replace("calls db:sql", "calls store:sql");
    format!("{text}\nmoved shop-back.db to shop-back.store\n")
}

/// The one volume of the cluster.
fn volume(cluster: &Cluster) -> Value {
    let volumes = cluster.get(&["pv"]);
    assert_eq!(volumes["items"].as_array().map(Vec::len), Some(1));
    volumes["items"][0].clone()
}

/// The volume is the one that it was, bound to the claim under the new name.
#[track_caller]
fn went_over(cluster: &Cluster, before: &Value, namespace: &str, claim: &str) {
    let after = volume(cluster);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["status"]["phase"], "Bound");
    assert_eq!(after["spec"]["claimRef"]["name"], claim);
    assert_eq!(after["spec"]["claimRef"]["namespace"], namespace);
    assert_eq!(
        after["spec"]["persistentVolumeReclaimPolicy"],
        before["spec"]["persistentVolumeReclaimPolicy"]
    );
    let claim = cluster.get(&["pvc", claim, "-n", namespace]);
    assert_eq!(claim["status"]["phase"], "Bound");
    assert_eq!(claim["spec"]["volumeName"], after["metadata"]["name"]);
}

/// The pods of a service that are on a node and not ready.
fn unready(cluster: &Cluster, namespace: &str, service: &str) -> Vec<String> {
    let selector = format!("app.kubernetes.io/name={service}");
    let pods = cluster.get(&["pods", "-n", namespace, "-l", &selector]);
    let pods = pods["items"].as_array().expect("a list").iter();
    let is_ready = |pod: &Value| {
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    pods.filter(|pod| !pod["spec"]["nodeName"].is_null() && !is_ready(pod))
        .filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
        .collect()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_that_was_renamed_serves_until_its_successor_is_ready() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    // No kubelet makes these pods ready: the test does.
    let text = SHOP
        .replace("service api {", "service server {")
        .replace("shop/api:1", "shop/fault-hand:1")
        .replace("shop/web:1", "shop/fault-hand:1")
        .replace("shop-back.api:http", "shop-back.server:http");
    shop.write(&format!(
        "{text}\nmoved shop-back.api to shop-back.server\n"
    ));
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "> shop-back/api     Deployment",
        "goes when shop-back/server is ready",
        "+ shop-back/server  Deployment",
        "3 to move",
    ]);
    let mut run = cluster.spawn(&["apply", "--yes"], shop.path());
    let serves = || {
        let old = cluster.get(&["deployment", "api", "-n", "shop-back"]);
        assert!(old["metadata"]["deletionTimestamp"].is_null());
        cluster.kubectl(&["get", "service,networkpolicy", "api", "-n", "shop-back"]);
        let policy = cluster.get(&["networkpolicy", "db", "-n", "shop-back"]);
        let policy = policy.to_string();
        assert!(policy.contains("\"api\"") && policy.contains("\"server\""));
    };
    // The old one serves, and the database lets both in, until the new one is ready …
    until("a pod of the new one", || {
        !unready(&cluster, "shop-back", "server").is_empty()
    });
    serves();
    // … and until no pod calls the old one.
    until("a new pod of its caller", || {
        for pod in unready(&cluster, "shop-back", "server") {
            make_ready(&cluster, "shop-back", &pod);
        }
        !unready(&cluster, "shop-front", "web").is_empty()
    });
    serves();
    until("the end of the run", || {
        for pod in unready(&cluster, "shop-front", "web") {
            make_ready(&cluster, "shop-front", &pod);
        }
        run.try_wait().expect("it runs").is_some()
    });
    Ran::of(&run.wait_with_output().expect("it ended")).exits(0);

    let left = cluster.get(&["deployment,service,networkpolicy", "-n", "shop-back"]);
    let left = left["items"].as_array().expect("a list").iter();
    let names: Vec<&str> = left
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect();
    assert!(!names.contains(&"api"), "{names:?}");
    assert!(names.contains(&"server"), "{names:?}");
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(cluster.listed("shop").len(), cluster.versions("shop").len());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_renamed_with_moved_keeps_its_volume() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = volume(&cluster);
    let listed = cluster.listed("shop");
    shop.write(&renamed());

    // Data is never moved without a word.
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "! shop-back/db",
            "its data goes over with its volumes: data-db-0 (1Gi) → data-store-0",
            "allow it with --move-volumes, or drop the `moved`",
            "nothing was written",
        ]);
    assert_eq!(cluster.listed("shop"), listed);
    cluster.kubectl(&["get", "pod", "db-0", "-n", "shop-back"]);

    let plan = cluster
        .erpc(&["plan", "--move-volumes", "--format", "json"], shop.path())
        .exits(2)
        .json();
    let steps = plan["steps"].as_array().expect("a list").clone();
    let step = steps
        .iter()
        .find(|step| step["kind"] == "StatefulSet" && step["name"] == "db")
        .expect("the old one");
    assert_eq!(step["action"], "move");
    assert_eq!(step["movedTo"], "shop-back/store");
    assert_eq!(
        step["consequences"],
        serde_json::json!([
            "down until shop-back/store is ready",
            "volumes go over: data-db-0 (1Gi) → data-store-0"
        ])
    );
    cluster
        .erpc(&["apply", "--yes", "--move-volumes"], shop.path())
        .exits(0)
        .says(&["moved data-db-0 (1Gi) → data-store-0"]);
    went_over(&cluster, &before, "shop-back", "data-store-0");
    let claims = cluster.get(&["pvc", "-n", "shop-back"]);
    assert_eq!(claims["items"].as_array().map(Vec::len), Some(1));
    let sets = cluster.kubectl(&["get", "statefulset", "-n", "shop-back", "-o", "name"]);
    assert_eq!(sets.trim(), "statefulset.apps/store");
    // The `moved` may stay in the source.
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_namespace_that_was_renamed_takes_its_volumes_along() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = volume(&cluster);
    let text = SHOP.replace("shop-back", "shop-core");
    shop.write(&format!("{text}\nmoved shop-back to shop-core\n"));
    cluster
        .erpc(&["apply", "--yes", "--move-volumes"], shop.path())
        .exits(0)
        .says(&["data-db-0 (1Gi) → shop-core/data-db-0"]);
    went_over(&cluster, &before, "shop-core", "data-db-0");
    let left = cluster.get(&[
        "deployments,statefulsets,services,networkpolicies,pvc,serviceaccounts",
        "-n",
        "shop-back",
        "-l",
        "app.kubernetes.io/part-of=shop",
    ]);
    assert_eq!(left["items"], serde_json::json!([]));
    // The namespace itself may hold what others made.
    cluster.kubectl(&["get", "namespace", "shop-back"]);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_move_of_volumes_that_is_killed_again_and_again_loses_nothing() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = volume(&cluster);
    shop.write(&renamed());
    let mut killed = 0;
    for moment in 1..=12_u64 {
        let mut run = cluster
            .command(&["apply", "--yes", "--move-volumes"], shop.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("erpc runs");
        // Each run is killed a little later than the one before, which it goes on from.
        std::thread::sleep(Duration::from_millis(150 + 60 * moment));
        if run.try_wait().expect("a child").is_none() {
            run.kill().expect("it runs");
            killed += 1;
        }
        run.wait().expect("it ended");
        assert_eq!(
            volume(&cluster)["metadata"]["uid"],
            before["metadata"]["uid"]
        );
    }
    assert!(killed >= 3, "{killed} runs were killed");
    cluster
        .erpc(&["apply", "--yes", "--move-volumes"], shop.path())
        .exits(0);
    went_over(&cluster, &before, "shop-back", "data-store-0");
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(cluster.listed("shop").len(), cluster.versions("shop").len());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_volume_that_cannot_go_over_is_said_before_anything_is_written() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.write(&renamed());
    cluster.apply_yaml(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data-store-0, namespace: shop-back}\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n",
    );
    cluster
        .erpc(&["apply", "--yes", "--move-volumes"], shop.path())
        .exits(1)
        .says(&[
            "the volume of shop-back/data-db-0 cannot go over to shop-back/data-store-0: there is such a claim already",
            "delete the claim that is not wanted, or drop the `moved`",
            "nothing was written",
        ]);
    cluster.kubectl(&["get", "pod", "db-0", "-n", "shop-back"]);
}
