//! One-off jobs: each version runs once, under a name of its own, and the one before it goes.

use serde_json::{Value, json};

use super::server::{Cluster, Program, SHOP, until};

/// The shop with a migration that `api` needs.
fn shop() -> Program {
    let job = "  job migrate {\n    image \"shop/migrate:1\"\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    run as 1000\n    calls db:sql\n  }\n\n  service api {";
    Program::of(&SHOP.replace("  service api {", job))
}

fn jobs(cluster: &Cluster) -> Vec<Value> {
    let list = cluster.get(&["jobs", "-n", "shop-back"]);
    list["items"].as_array().expect("a list").clone()
}

fn name(job: &Value) -> String {
    job["metadata"]["name"].as_str().expect("a name").to_owned()
}

/// The plan as JSON.
fn plan(cluster: &Cluster, shop: &Program) -> Value {
    let ran = cluster.erpc(&["plan", "--format", "json"], shop.path());
    ran.json()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_release_runs_its_migration_once() {
    let cluster = Cluster::start();
    let shop = shop();
    cluster.applied(shop.path());
    let [first] = jobs(&cluster).try_into().expect("one Job");
    assert!(name(&first).starts_with("migrate-"), "{first}");
    assert_eq!(
        first["metadata"]["labels"]["app.kubernetes.io/name"],
        "migrate"
    );
    cluster
        .erpc(&["status"], shop.path())
        .exits(0)
        .says(&["migrate"]);
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(
        jobs(&cluster)[0]["metadata"]["uid"],
        first["metadata"]["uid"]
    );

    // The next version is another Job; the former one goes without --prune, once it is complete.
    shop.edit("shop/migrate:1", "shop/migrate:2");
    let planned = plan(&cluster, &shop);
    let steps = planned["steps"].as_array().expect("steps");
    let of = |action: &str| steps.iter().filter(|s| s["action"] == action).count();
    assert_eq!(
        (steps.len(), of("create"), of("move")),
        (2, 1, 1),
        "{planned}"
    );
    assert_eq!(planned["flows"]["opened"], json!([]), "{planned}");
    assert_eq!(planned["flows"]["closed"], json!([]), "{planned}");
    cluster.applied(shop.path());
    until("the former Job is gone", || jobs(&cluster).len() == 1);
    let [second] = jobs(&cluster).try_into().expect("one Job");
    assert_ne!(name(&second), name(&first));
    let listed = cluster.listed("shop");
    let of_job: Vec<&String> = listed
        .iter()
        .filter(|line| line.contains("/Job/"))
        .collect();
    assert_eq!(of_job, [&format!("shop-back batch/Job/{}", name(&second))]);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_job_that_is_at_work_is_never_met_by_its_successor() {
    let cluster = Cluster::start();
    let shop = shop();
    // KWOK leaves the pods of this image running.
    shop.edit("shop/migrate:1", "shop/fault-hand:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    until("the pod", || {
        let pods = cluster.get(&[
            "pods",
            "-n",
            "shop-back",
            "-l",
            "app.kubernetes.io/name=migrate",
        ]);
        pods["items"]
            .as_array()
            .is_some_and(|pods| !pods.is_empty())
    });
    super::server::send("-INT", &run);
    super::server::Ran::end_of(run).exits(130);
    let before = name(&jobs(&cluster)[0]);

    // It never became ready, so it is stopped before the next one starts.
    shop.edit("shop/fault-hand:1", "shop/migrate:2");
    cluster.applied(shop.path());
    let left: Vec<String> = jobs(&cluster).iter().map(name).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_ne!(left[0], before);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_finished_job_is_no_change_of_flows() {
    let cluster = Cluster::start();
    let shop = shop();
    cluster.applied(shop.path());
    shop.edit("replicas 2", "replicas 3");
    let planned = plan(&cluster, &shop);
    assert_eq!(planned["steps"].as_array().map(Vec::len), Some(1));
    assert_eq!(planned["flows"]["opened"], json!([]), "{planned}");
    assert_eq!(planned["flows"]["closed"], json!([]), "{planned}");
    // Nor is one that is gone.
    cluster.kubectl(&["delete", "jobs", "--all", "-n", "shop-back"]);
    let planned = plan(&cluster, &shop);
    assert_eq!(planned["flows"]["opened"], json!([]), "{planned}");
    assert_eq!(planned["flows"]["closed"], json!([]), "{planned}");
}
