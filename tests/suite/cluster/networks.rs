//! Namespaces that a platform does not close, on a cluster: those that every cluster has, and those with
//! `network open`.

use serde_json::Value;

use super::server::{Cluster, Program};

/// The shop with `web` in the namespace `default`.
fn in_default() -> Program {
    let shop = Program::shop();
    shop.edit(
        "namespace shop-front {\n  tier front\n",
        "namespace default {\n  tier front\n  defaults kubernetes\n",
    );
    shop
}

/// The names of the objects of a kind in a namespace.
fn names(cluster: &Cluster, kind: &str, namespace: &str) -> Vec<String> {
    let list = cluster.get(&[kind, "-n", namespace]);
    let items = list["items"].as_array().expect("a list").iter();
    let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
    items.filter_map(name).collect()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_namespace_that_every_cluster_has_survives_the_platform() {
    let cluster = Cluster::start();
    cluster.apply_yaml(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs, namespace: default}\ndata: {a: b}\n",
    );
    let before = cluster.get(&["namespace", "default"]);
    let shop = in_default();
    cluster.applied(shop.path());

    // The platform's own objects are there, what others have is untouched, and the namespace is as it was.
    assert_eq!(names(&cluster, "networkpolicies", "default"), ["web"]);
    assert_eq!(names(&cluster, "deployments", "default"), ["web"]);
    assert_eq!(cluster.get(&["namespace", "default"]), before);
    cluster.erpc(&["drift"], shop.path()).exits(0);
    cluster.erpc(&["plan"], shop.path()).exits(0);

    // Nothing deletes the namespace, not even by name.
    cluster
        .erpc(
            &["destroy", "--confirm", "shop", "--namespace", "default"],
            shop.path(),
        )
        .exits(64)
        .says(&["every cluster has this namespace"]);
    cluster
        .erpc(
            &["destroy", "--confirm", "shop", "--delete-data"],
            shop.path(),
        )
        .exits(0)
        .says(&["every cluster has it"]);
    assert_eq!(cluster.get(&["namespace", "default"]), before);
    let left = cluster.get(&["configmap", "theirs", "-n", "default"]);
    assert_eq!(left["data"]["a"], "b");
    for kind in ["networkpolicies", "deployments"] {
        assert!(names(&cluster, kind, "default").is_empty());
    }
    for name in ["kube-system", "kube-public", "kube-node-lease"] {
        let namespace = cluster.get(&["namespace", name]);
        assert_eq!(namespace["status"]["phase"], "Active", "{name}");
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_open_namespace_has_no_policies_and_closes_when_the_line_goes() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let open = "tier back\n  network open because \"not all flows are known yet\"\n";
    shop.edit("tier back\n", open);
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "`shop-back` has no network policies",
        "shop-back.db: reached by shop-back.api on sql; reaches nothing",
    ]);
    cluster
        .erpc(&["plan", "--format", "markdown"], shop.path())
        .exits(2)
        .says(&[
            "**`shop-back` has no network policies** (`network open`: not all flows are known yet)",
            "| `shop-back.db` | shop-back.api on sql | nothing |",
        ]);
    cluster.applied(shop.path());
    assert!(names(&cluster, "networkpolicies", "shop-back").is_empty());
    assert_eq!(
        names(&cluster, "networkpolicies", "shop-front"),
        ["default-deny", "web"]
    );
    cluster.erpc(&["drift"], shop.path()).exits(0);

    shop.edit(open, "tier back\n");
    cluster
        .erpc(&["plan"], shop.path())
        .exits(2)
        .says(&["- flow all → shop-back.db"]);
    cluster.applied(shop.path());
    assert_eq!(
        names(&cluster, "networkpolicies", "shop-back"),
        ["api", "db", "default-deny"]
    );

    // Back again: what closes the namespace goes first, so that nothing is cut on the way.
    shop.edit("tier back\n", open);
    cluster
        .erpc(
            &["apply", "--yes", "--prune", "--confirm", "shop"],
            shop.path(),
        )
        .exits(0);
    assert!(names(&cluster, "networkpolicies", "shop-back").is_empty());
}
