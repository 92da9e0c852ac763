//! Status, drift, destroy, doctor, rights and the lock, against a real control plane.

use std::process::Stdio;

use erpc_tests::repository;

use super::apply::{make_secrets_of_erp1, wait_for};
use super::erp1::autoscalers_are_done;
use super::server::{Cluster, Program};

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn status_shows_every_service_and_why_one_is_not_ready() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster
        .erpc(&["status"], shop.path())
        .exits(3)
        .says(&["there is no Deployment api", "`erpc apply` makes it"]);
    cluster.applied(shop.path());
    cluster.erpc(&["status"], shop.path()).exits(0).says(&[
        "shop-back  2/2 pods running",
        "shop-front  2/2 pods running",
        "data-db-0 1Gi Bound",
        "all 3 services are ready",
    ]);
    shop.edit("shop/api:1", "shop/fault-crash:1");
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(3);
    let status = cluster
        .erpc(&["status", "--format", "json"], shop.path())
        .exits(3);
    let services = status.json()["services"]
        .as_array()
        .expect("a list")
        .clone();
    let api = services
        .iter()
        .find(|row| row["service"] == "api")
        .expect("the service");
    assert_eq!(api["condition"], "stalled");
    assert!(
        api["why"]
            .as_str()
            .is_some_and(|why| why.contains("last with exit code 1")),
        "{api}"
    );
    assert_eq!(api["source"], "platform.erp:33");
    cluster
        .erpc(&["status"], shop.path())
        .exits(3)
        .says(&["1 of 3 services is not ready"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn drift_is_told_in_the_sources_terms() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    cluster
        .erpc(&["drift"], shop.path())
        .exits(0)
        .says(&["the cluster is as the source says"]);
    cluster.kubectl(&[
        "set",
        "resources",
        "deployment/api",
        "-n",
        "shop-back",
        "--limits=memory=2Gi",
    ]);
    cluster.kubectl(&["delete", "networkpolicy", "web", "-n", "shop-front"]);
    cluster.apply_yaml(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: shop-back}\nspec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{}]\n",
    );
    cluster.kubectl(&[
        "create",
        "deployment",
        "stranger",
        "-n",
        "shop-front",
        "--image=x",
    ]);
    cluster.erpc(&["drift"], shop.path()).exits(2).says(&[
        "~ warning Deployment shop-back/api  platform.erp:37",
        "spec.template.spec.containers[api].resources.limits.memory: the source declares \"64Mi\", the cluster has \"2Gi\", changed by kubectl",
        "- error[opens-network] NetworkPolicy shop-front/web",
        "it does not exist in the cluster",
        "+ error[opens-network] NetworkPolicy shop-back/open",
        "policies are unions: it opens 1 ingress and 0 egress rules for every pod of the namespace",
        "+ warning Deployment shop-front/stranger",
        "flow all → shop-back",
        "the cluster lets it through, the source does not declare it",
        "the source declares it, the cluster does not let it through",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn destroy_keeps_volumes_and_what_is_not_ours() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0)
        .says(&["nothing of `shop` is in the cluster"]);
    cluster.applied(shop.path());
    let claim = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    cluster.erpc(&["destroy"], shop.path()).exits(1).says(&[
        "- Deployment shop-front/web",
        "add --confirm shop",
        "nothing was deleted",
    ]);
    cluster
        .erpc(&["destroy", "--confirm", "hop"], shop.path())
        .exits(1);
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0)
        .says(&["data is deleted with --delete-data only"]);
    let kept = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(kept["metadata"]["uid"], claim["metadata"]["uid"]);
    let left = cluster.get(&[
        "deployments,statefulsets,services,networkpolicies",
        "-n",
        "shop-back",
    ]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(0), "{left}");
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(namespaces.contains("shop-back") && !namespaces.contains("shop-front"));
    let state = cluster.kubectl(&[
        "get",
        "configmaps,leases",
        "-n",
        "erpc-system",
        "-o",
        "name",
    ]);
    assert!(!state.contains("erpc-shop"), "{state}");

    // What was kept is found again.
    cluster.applied(shop.path());
    let again = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(again["metadata"]["uid"], claim["metadata"]["uid"]);
    cluster
        .erpc(
            &[
                "destroy",
                "--confirm",
                "shop",
                "--delete-data",
                "--namespace",
                "shop-back",
            ],
            shop.path(),
        )
        .exits(0);
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop-back"), "{namespaces}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_least_rights_apply_erp1_and_no_rule_is_too_much() {
    let cluster = Cluster::start();
    let platform = repository();
    make_secrets_of_erp1(&cluster);
    let rights = cluster
        .erpc(&["rbac", "--user", "nobody", "--quiet"], &platform)
        .exits(0);
    assert!(!rights.out.contains("'*'") && !rights.out.contains("\"*\""));
    cluster.apply_yaml(&rights.out);
    let nobody = cluster
        .folder
        .path()
        .join("kubeconfig-nobody")
        .display()
        .to_string();
    let as_nobody = |command: &[&str]| {
        let mut arguments = command.to_vec();
        arguments.extend(["--kubeconfig", &nobody]);
        cluster.erpc(&arguments, &platform)
    };
    as_nobody(&["apply", "--yes"]).exits(0);
    as_nobody(&["apply", "--yes"])
        .exits(0)
        .says(&["nothing to do"]);
    autoscalers_are_done(&cluster);
    as_nobody(&["status"]).exits(0);
    as_nobody(&["drift"]).exits(0);
    let doctor = as_nobody(&["doctor", "--format", "json"]).json();
    let checks = doctor["checks"].as_array().expect("a list").clone();
    let rights = checks
        .iter()
        .find(|check| check["check"] == "rights")
        .expect("the check");
    assert_eq!(rights["verdict"], "ok", "{rights}");

    // Without one of them, it is named before anything is written.
    cluster.kubectl(&["delete", "rolebinding", "erpc-erp-uno", "-n", "erp-ai"]);
    let doctor = as_nobody(&["doctor", "--format", "json"]).exits(1).json();
    let checks = doctor["checks"].as_array().expect("a list").clone();
    let rights = checks
        .iter()
        .find(|check| check["check"] == "rights")
        .expect("the check");
    assert_eq!(rights["verdict"], "failure");
    assert!(
        rights["found"]
            .as_str()
            .is_some_and(|found| found.contains("in erp-ai")),
        "{rights}"
    );
    as_nobody(&["apply", "--yes"])
        .exits(1)
        .says(&["may not be listed", "erpc rbac"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_lock_of_a_run_that_is_gone_is_freed_by_hand() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    cluster
        .erpc(&["unlock"], shop.path())
        .exits(0)
        .says(&["no run holds the lock of `shop`"]);
    let mut run = cluster
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("erpc runs");
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    run.kill().expect("it runs");
    run.wait().expect("it ended");
    cluster
        .erpc(&["unlock"], shop.path())
        .exits(1)
        .says(&["holds the lock since", "--yes is required"]);
    cluster
        .erpc(&["unlock", "--yes"], shop.path())
        .exits(0)
        .says(&["unlocked"]);
    cluster.applied(shop.path());
}
