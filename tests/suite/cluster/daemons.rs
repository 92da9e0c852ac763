//! Services with a pod on each node, through all commands that know of pods.

use serde_json::Value;

use super::server::{Cluster, Program};

/// The shop with `web` on each of the three nodes.
fn shop() -> Program {
    let shop = Program::shop();
    shop.edit("replicas 2", "replicas per node");
    shop
}

fn generation(cluster: &Cluster) -> Value {
    let set = cluster.get(&["daemonset", "web", "-n", "shop-front"]);
    set["status"]["observedGeneration"].clone()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_runs_on_each_node() {
    let cluster = Cluster::start();
    let shop = shop();
    cluster
        .erpc(&["plan"], shop.path())
        .exits(2)
        .says(&["DaemonSet"]);
    cluster.applied(shop.path());
    cluster
        .erpc(&["status"], shop.path())
        .exits(0)
        .says(&["shop-front  3/3 pods running"]);
    let set = cluster.get(&["daemonset", "web", "-n", "shop-front"]);
    assert_eq!(set["status"]["numberReady"], 3, "{set}");

    // What the server and the controller write is no drift, and a second plan has nothing to do.
    cluster.erpc(&["drift"], shop.path()).exits(0);
    cluster.erpc(&["plan"], shop.path()).exits(0);

    // A new image reaches every node, and the plan says how.
    shop.edit("shop/web:1", "shop/web:2");
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "restarts 3 pods, no downtime: on each node the new one is ready before the old one goes",
    ]);
    let before = generation(&cluster);
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(0);
    assert_ne!(generation(&cluster), before);
    let pods = cluster.get(&["pods", "-n", "shop-front"]);
    let pods = pods["items"].as_array().expect("a list");
    let images = pods
        .iter()
        .map(|pod| &pod["spec"]["containers"][0]["image"]);
    let images: Vec<&Value> = images.collect();
    assert_eq!(images, ["docker.io/shop/web:2"; 3]);

    // An image that crashes is seen, and says why.
    shop.edit("shop/web:2", "shop/fault-crash:1");
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(3)
        .says(&["last with exit code 1"]);
}

/// A Deployment becomes a DaemonSet, and the other way round, while one of both serves.
#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_moves_onto_each_node_and_back() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("replicas 2", "replicas per node");
    cluster
        .erpc(&["apply", "--yes", "--prune"], shop.path())
        .exits(0);
    let kinds = |kind: &str| {
        let list = cluster.get(&[kind, "-n", "shop-front"]);
        list["items"].as_array().expect("a list").len()
    };
    assert_eq!((kinds("deployments"), kinds("daemonsets")), (0, 1));
    shop.edit("replicas per node", "replicas 2");
    cluster
        .erpc(&["apply", "--yes", "--prune"], shop.path())
        .exits(0);
    assert_eq!((kinds("deployments"), kinds("daemonsets")), (1, 0));
}
