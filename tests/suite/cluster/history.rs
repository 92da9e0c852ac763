//! `erpc history` and `erpc rollback`: what a run leaves behind, and the way back to it.

use std::process::Command;

use serde_json::Value;

use super::apply::wait_for;
use super::server::{Cluster, Program};

fn releases(cluster: &Cluster, program: &Program) -> Vec<Value> {
    let json = cluster
        .erpc(&["history", "--format", "json"], program.path())
        .exits(0)
        .json();
    json["releases"].as_array().expect("a list").clone()
}

fn image(cluster: &Cluster, namespace: &str, kind: &str, name: &str) -> Value {
    let workload = cluster.get(&[kind, name, "-n", namespace]);
    workload["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

fn git(program: &Program, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    let output = Command::new("git")
        .current_dir(program.path())
        .args(identity)
        .args(arguments)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn each_release_is_listed_with_who_when_revision_and_result() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster
        .erpc(&["history"], shop.path())
        .exits(0)
        .says(&["`shop` has no releases in this cluster"]);
    cluster
        .erpc(&["rollback", "--yes"], shop.path())
        .exits(1)
        .says(&["`shop` has no earlier release"]);
    git(&shop, &["init", "--quiet"]);
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "--quiet", "-m", "first"]);
    let commit = git(&shop, &["rev-parse", "HEAD"]);
    cluster.applied(shop.path());
    // Nothing to do is no release.
    cluster.applied(shop.path());
    shop.edit("shop/api:1", "shop/fault-crash:1");
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(3);

    let listed = releases(&cluster, &shop);
    assert_eq!(listed.len(), 2, "{listed:?}");
    let [failed, first] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(first["release"], 1);
    assert_eq!(first["result"], "done");
    assert_eq!(first["user"], "admin");
    assert_eq!(first["revision"]["commit"], commit.as_str());
    assert_eq!(first["revision"]["modified"], false);
    assert_eq!(failed["result"], "not-ready");
    assert_eq!(failed["revision"]["modified"], true);
    assert_eq!(failed["kept"], true);
    cluster.erpc(&["history"], shop.path()).exits(0).says(&[
        "RELEASE",
        &format!("{}+changes", &commit[..12]),
        "applied, not ready",
    ]);
    // The same source again goes on with the same release.
    cluster.erpc(&["apply", "--yes"], shop.path());
    assert_eq!(releases(&cluster, &shop).len(), 2);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_rollback_brings_back_the_objects_of_a_release_and_needs_no_source() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/db:1", "shop/db:2");
    shop.edit("  service api {", "  service cache {\n    image \"shop/cache:1\"\n    port http 8080\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n  }\n\n  service api {");
    cluster.applied(shop.path());
    let whole = std::fs::read_to_string(shop.path().join("platform.erp")).expect("the source");

    // Whatever state the source is in: only the platform's name is read.
    shop.edit("calls db:sql", "calls nothing-like-that:sql");
    cluster.erpc(&["check"], shop.path()).exits(1);
    cluster
        .erpc(&["rollback", "--yes"], shop.path())
        .exits(0)
        .says(&[
            "back to release 1",
            "not in the source any more (deleted with --prune)",
            "every changed service is ready",
        ]);
    assert_eq!(
        image(&cluster, "shop-back", "statefulset", "db"),
        "docker.io/shop/db:1"
    );
    cluster.kubectl(&["get", "deployment", "cache", "-n", "shop-back"]);
    let listed = releases(&cluster, &shop);
    assert_eq!(listed[0]["release"], 3);
    assert_eq!(listed[0]["rollbackTo"], 1);

    cluster
        .erpc(
            &["rollback", "1", "--yes", "--prune", "--confirm", "shop"],
            shop.path(),
        )
        .exits(0);
    let left = cluster.get(&["deployment", "-n", "shop-back"]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1));
    cluster
        .erpc(&["rollback", "1", "--yes"], shop.path())
        .exits(0)
        .says(&["nothing to do"]);

    // The source is as it was, and the next plan says so.
    std::fs::write(shop.path().join("platform.erp"), whole).expect("a file");
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "shop/db:1",
        "shop/db:2",
        "+ shop-back/cache",
    ]);
    cluster
        .erpc(&["rollback", "17"], shop.path())
        .exits(1)
        .says(&["`shop` has no release 17: expected 1 to 4"]);
    cluster
        .erpc(&["rollback", "first"], shop.path())
        .exits(64)
        .says(&["expected the number of a release, found `first`"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn ten_releases_are_kept_without_a_secret_and_destroy_removes_them() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    for number in 2..=13 {
        shop.edit(
            &format!("shop/web:{}\"", number - 1),
            &format!("shop/web:{number}\""),
        );
        cluster.applied(shop.path());
    }
    let listed = releases(&cluster, &shop);
    assert_eq!(listed.len(), 13);
    let kept = listed.iter().filter(|entry| entry["kept"] == true).count();
    assert_eq!(kept, 10);
    cluster
        .erpc(&["rollback", "3", "--yes"], shop.path())
        .exits(1)
        .says(&["the content of release 3 is not kept"]);
    cluster
        .erpc(&["rollback", "4", "--yes"], shop.path())
        .exits(0);
    assert_eq!(
        image(&cluster, "shop-front", "deployment", "web"),
        "docker.io/shop/web:4"
    );
    let maps = cluster.get(&[
        "configmaps",
        "-n",
        "erpc-system",
        "-l",
        "erpc.dev/history=shop",
    ]);
    let maps = maps["items"].as_array().expect("a list").len();
    assert!((10..=12).contains(&maps), "{maps} ConfigMaps");

    // A part that another has written is not taken for what was stored.
    cluster.kubectl(&[
        "patch",
        "configmap",
        "erpc-shop.history-3",
        "-n",
        "erpc-system",
        "-p",
        r#"{"binaryData":{"content":"bm90aGluZw=="}}"#,
    ]);
    // Release 4 and the rollback to it share one.
    let damaged = (4..=14).filter(|release| {
        let release = release.to_string();
        let ran = cluster.erpc(&["rollback", &release], shop.path());
        ran.err.contains("is damaged: its digest differs")
    });
    assert_eq!(damaged.count(), 2);

    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0);
    let maps = cluster.kubectl(&["get", "configmaps", "-n", "erpc-system", "-o", "name"]);
    assert!(!maps.contains("erpc-shop"), "{maps}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_that_is_killed_is_listed_and_a_rollback_undoes_it() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/db:1", "shop/slow-db:2");
    shop.edit("shop/web:1", "shop/web:2");
    let mut run = cluster.spawn(&["apply", "--yes"], shop.path());
    super::server::until("the new image of db", || {
        image(&cluster, "shop-back", "statefulset", "db") == "docker.io/shop/slow-db:2"
    });
    run.kill().expect("it runs");
    run.wait().expect("it ended");
    assert_eq!(releases(&cluster, &shop)[0]["result"], "unfinished");
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    cluster.erpc(&["rollback", "--yes"], shop.path()).exits(0);
    assert_eq!(
        image(&cluster, "shop-back", "statefulset", "db"),
        "docker.io/shop/db:1"
    );
    assert_eq!(
        image(&cluster, "shop-front", "deployment", "web"),
        "docker.io/shop/web:1"
    );
    shop.edit("shop/slow-db:2", "shop/db:1");
    shop.edit("shop/web:2", "shop/web:1");
    cluster.applied(shop.path()).says(&["nothing to do"]);
}
