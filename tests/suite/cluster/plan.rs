//! What `erpc plan` says of a real control plane, and what stops it before anything is written.

use super::server::{Cluster, Program};

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_plan_shows_every_object_and_changes_nothing() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let plan = cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "+ shop-back/db",
        "StatefulSet",
        "platform.erp:23",
        "16 to create",
    ]);
    assert!(plan.err.contains("shop → context test (https://127.0.0.1:"));
    let json = cluster
        .erpc(&["plan", "--format", "json"], shop.path())
        .exits(2)
        .json();
    assert_eq!(
        json["summary"]["create"].as_u64(),
        Some(json["steps"].as_array().map_or(0, Vec::len) as u64)
    );
    cluster
        .erpc(&["plan", "--format", "markdown"], shop.path())
        .exits(2)
        .says(&["| `+` | `shop-back/db` | StatefulSet |"]);
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop") && !namespaces.contains("erpc-system"));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_field_that_somebody_took_is_shown_and_taken_only_when_said() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    cluster.kubectl(&[
        "scale",
        "deployment",
        "web",
        "-n",
        "shop-front",
        "--replicas=5",
    ]);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "! shop-front/web",
            "spec.replicas is kubectl's",
            "the cluster has 5, the source says 2 (platform.erp:",
            "take it with --take-from kubectl",
            "nothing was written",
        ]);
    cluster
        .erpc(&["apply", "--yes", "--take-from", "kubectll"], shop.path())
        .exits(64)
        .says(&[
            "there is no field manager `kubectll`",
            "did you mean `kubectl`?",
        ]);
    cluster
        .erpc(&["apply", "--yes", "--take-from", "kubectl"], shop.path())
        .exits(0);
    let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
    assert_eq!(web["spec"]["replicas"], 2);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_saved_plan_is_done_exactly_or_not_at_all() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/api:1", "shop/api:2");
    cluster
        .erpc(&["plan", "--out", "plan.json"], shop.path())
        .exits(2);

    // A change by hand of what the source says matters.
    cluster.kubectl(&[
        "set",
        "image",
        "deployment/api",
        "-n",
        "shop-back",
        "api=docker.io/shop/api:3",
    ]);
    cluster
        .erpc(&["apply", "--yes", "plan.json"], shop.path())
        .exits(1)
        .says(&["Deployment shop-back/api has changed in the cluster since the plan was saved"]);

    let take = ["plan", "--take-from", "kubectl-set", "--out", "plan.json"];
    cluster.erpc(&take, shop.path()).exits(2);
    shop.edit("shop/web:1", "shop/web:2");
    cluster
        .erpc(&["apply", "--yes", "plan.json"], shop.path())
        .exits(1)
        .says(&["the source has changed since the plan was saved"]);
    shop.edit("shop/web:2", "shop/web:1");
    cluster
        .erpc(&["apply", "--yes", "plan.json"], shop.path())
        .exits(0)
        .says(&["1 of 1 object written"]);

    std::fs::write(shop.path().join("other.json"), "{}").expect("a file");
    cluster
        .erpc(&["apply", "--yes", "other.json"], shop.path())
        .exits(1)
        .says(&["other.json is not a plan of erpc"]);
    let text = std::fs::read_to_string(shop.path().join("plan.json")).expect("the plan");
    let old = text.replace("\"erpc\": \"", "\"erpc\": \"0.0.");
    std::fs::write(shop.path().join("old.json"), old).expect("a file");
    cluster
        .erpc(&["apply", "--yes", "old.json"], shop.path())
        .exits(1)
        .says(&["was saved by another version of erpc"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_saved_plan_outlives_what_autoscalers_and_others_write() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("replicas 2", "scale 2..5 on cpu 80%");
    cluster.applied(shop.path());
    shop.edit("shop/web:1", "shop/web:2");
    cluster
        .erpc(&["plan", "--out", "plan.json"], shop.path())
        .exits(2);
    let web = ["deployment", "web", "-n", "shop-front"];
    cluster.kubectl(&[&["scale", "--replicas=4"], &web[..]].concat());
    cluster.kubectl(&[&["annotate"], &web[..], &["touched=yes"]].concat());
    cluster
        .erpc(&["apply", "--yes", "plan.json"], shop.path())
        .exits(0)
        .says(&["1 of 1 object written"]);
    let live = cluster.get(&web);
    assert_eq!(live["spec"]["replicas"], 4);
    assert_eq!(live["metadata"]["annotations"]["touched"], "yes");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn whatever_is_wrong_with_the_way_to_the_cluster_is_said_and_nothing_written() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let folder = cluster.folder.path();
    let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).expect("a file");
        folder.join(name).display().to_string()
    };
    let apply = |kubeconfig: &str| {
        cluster
            .erpc(&["apply", "--yes", "--kubeconfig", kubeconfig], shop.path())
            .exits(1)
    };
    apply("/nowhere/at-all").says(&["there is no kubeconfig at /nowhere/at-all", "--kubeconfig"]);
    apply(&write("broken", "{{{".to_owned())).says(&["is not a kubeconfig"]);
    cluster
        .erpc(&["plan", "--context", "moon"], shop.path())
        .exits(1)
        .says(&["has no context `moon`", "it has test"]);
    let elsewhere: String = kubeconfig
        .lines()
        .map(|line| match line.trim().starts_with("server:") {
            true => "    server: https://127.0.0.1:9\n".to_owned(),
            false => format!("{line}\n"),
        })
        .collect();
    apply(&write("nobody-there", elsewhere))
        .says(&["no cluster answers for context `test`", "refused"]);
    let nobody = folder.join("kubeconfig-nobody").display().to_string();
    apply(&nobody).says(&["nobody", "erpc rbac"]);
    let strange: String = kubeconfig
        .lines()
        .filter(|line| {
            !line.contains("client-key-data") && !line.contains("client-certificate-data")
        })
        .map(|line| format!("{line}\n"))
        .collect();
    apply(&write(
        "expired",
        strange.replace("  user:\n", "  user: {token: expired}\n"),
    ))
    .says(&["does not accept the credentials", "log in again"]);

    shop.edit("services 10.96.0.0/16", "services 10.97.0.0/16");
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "this is not cluster `main`",
            "outside `services 10.97.0.0/16`",
        ]);
    shop.edit("services 10.97.0.0/16", "services 10.96.0.0/16");
    cluster
        .erpc(&["apply"], shop.path())
        .exits(1)
        .says(&["--yes is required"]);
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop") && !namespaces.contains("erpc-system"));
}
