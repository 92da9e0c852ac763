//! What is refused before anything is written: each is one message with the next step and exit 1, and
//! of all requests that reach the server none changes anything.

use serde_json::{Value, json};

use super::proxy::Proxy;
use super::server::{Cluster, Program, Ran};

/// Runs a command through a proxy with rules; it must be refused without a write.
#[track_caller]
fn refused(cluster: &Cluster, shop: &Program, rules: &Value, arguments: &[&str]) -> Ran {
    let proxy = Proxy::start(cluster, rules);
    let output = proxy.command(arguments, shop.path()).output();
    let ran = Ran::of(&output.expect("erpc runs")).exits(1);
    let (_, all) = proxy.log();
    assert!(!all.is_empty(), "it asked the server: {ran:?}");
    assert_eq!(proxy.writes(), Vec::<String>::new(), "{ran:?}");
    ran
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_api_server_that_is_too_old_is_told_its_version() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let version = |major: &str, minor: &str| {
        json!([{ "method": "GET", "path": "^/version", "answer": {
            "major": major, "minor": minor, "gitVersion": format!("v{major}.{minor}.9-eks-abc"),
        } }])
    };
    for minor in ["28", "28+", "9"] {
        let old = version("1", minor);
        for command in [&["apply", "--yes"][..], &["plan"], &["status"], &["drift"]] {
            refused(&cluster, &shop, &old, command).says(&[
                &format!("the cluster runs Kubernetes v1.{minor}.9-eks-abc"),
                "older than 1.29",
                "help: upgrade the cluster",
            ]);
        }
    }
    let json = refused(
        &cluster,
        &shop,
        &version("1", "28"),
        &["apply", "--yes", "--format", "json"],
    );
    let error = &json.json()["error"];
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("older than 1.29"))
    );
    assert!(
        error["help"]
            .as_str()
            .is_some_and(|text| text.contains("upgrade the cluster"))
    );
    // Something else altogether.
    let page = json!([{ "path": "^/version", "answer": { "hello": "world" } }]);
    refused(&cluster, &shop, &page, &["apply", "--yes"]).says(&[
        "is not a Kubernetes API server",
        "see which server the context names",
    ]);
    // The oldest that will do, by the same way, is planned.
    let proxy = Proxy::start(&cluster, &version("1", "29"));
    let output = proxy.command(&["plan"], shop.path()).output();
    Ran::of(&output.expect("erpc runs")).exits(2).says(&[
        "cluster `main` says kubernetes 1.37",
        "v1.29.9-eks-abc runs",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_plan_file_of_something_else_is_refused_with_what_it_is_of() {
    let (cluster, other) = (Cluster::start(), Cluster::start());
    let shop = Program::shop();
    shop.edit("platform shop", "platform market");
    let none = json!([]);
    cluster
        .erpc(&["plan", "--out", "plan.json"], shop.path())
        .exits(2);
    let saved = std::fs::read_to_string(shop.path().join("plan.json")).expect("the plan");
    let apply = ["apply", "--yes", "plan.json"];

    // Of another platform, whatever else is different, too.
    shop.edit("platform market", "platform shop");
    refused(&cluster, &shop, &none, &apply).says(&[
        "the saved plan is of platform `market`, and this is `shop`",
        "help: plan again: `erpc plan --out plan.json`",
    ]);
    shop.edit("platform shop", "platform market");

    // Of another cluster, even where that one cannot be planned for.
    other.kubectl(&["create", "namespace", "shop-back"]);
    refused(&other, &shop, &none, &apply).says(&[
        "the saved plan is for another cluster (https://127.0.0.1:",
        "choose the right one with --context, or plan again",
    ]);
    shop.edit("services 10.96.0.0/16", "services 10.97.0.0/16");
    refused(&other, &shop, &none, &apply).says(&["the saved plan is for another cluster"]);
    shop.edit("services 10.97.0.0/16", "services 10.96.0.0/16");

    // Of another format or version: these are told before any cluster is asked.
    let write = |from: &str, to: &str| {
        assert!(saved.contains(from), "{from}: {saved}");
        std::fs::write(shop.path().join("plan.json"), saved.replacen(from, to, 1)).expect("a file");
    };
    for (from, to, said) in [
        (
            "\"erpcPlan\": 1",
            "\"erpcPlan\": 2",
            "plan.json has format 2 of plans, and this erpc",
        ),
        ("\"erpcPlan\": 1", "\"erpcPlan\": 0", "reads format 1"),
        (
            "\"erpc\": \"",
            "\"erpc\": \"9.",
            "plan.json was saved by another version of erpc (9.",
        ),
    ] {
        write(from, to);
        let proxy = Proxy::start(&cluster, &none);
        let output = proxy.command(&apply, shop.path()).output();
        Ran::of(&output.expect("erpc runs")).exits(1).says(&[
            said,
            "help: plan again with this one: `erpc plan --out plan.json`",
        ]);
        assert_eq!(proxy.log().1, Vec::<String>::new());
    }
    for cluster in [&cluster, &other] {
        let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
        assert!(!namespaces.contains("erpc-system") && !namespaces.contains("shop-front"));
    }
    // As it was saved it is applied.
    std::fs::write(shop.path().join("plan.json"), &saved).expect("a file");
    cluster.erpc(&apply, shop.path()).exits(0);
}
