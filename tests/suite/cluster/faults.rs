//! Faults between erpc and the API server: a test for each row of the table in `docs/faults.md`. A
//! proxy stands between the two and does what its rules say.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::apply::{declared, wait_for};
use super::proxy::{Proxy, is_write};
use super::server::{Cluster, Program, Ran, SHOP, send, until};
use super::stalls::{make_ready, pod_of};

/// An apply of the shop under rules ends well, some requests met a rule, and the cluster is as after
/// one without: nothing is left to do, and the inventory lists what there is.
fn survives(rules: &Value) -> (Duration, Vec<String>) {
    survives_with(&Program::shop(), rules)
}

fn survives_with(shop: &Program, rules: &Value) -> (Duration, Vec<String>) {
    let cluster = Cluster::start();
    let proxy = Proxy::start(&cluster, rules);
    let started = Instant::now();
    proxy.apply(shop.path()).exits(0);
    let took = started.elapsed();
    let (met, _) = proxy.log();
    assert!(!met.is_empty(), "no request met a rule");
    drop(proxy);
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(cluster.listed("shop").len(), cluster.versions("shop").len());
    cluster.erpc(&["status"], shop.path()).exits(0);
    (took, met)
}

const WRITES: &str = "^/(api|apis)/.*fieldManager=erpc";

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn connections_that_are_reset_before_the_request_arrives() {
    survives(&json!([{ "path": "", "every": 7, "drop": "before" }]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn answers_that_are_lost_after_the_write() {
    survives(&json!([{ "method": "PATCH", "path": WRITES, "every": 5, "drop": "after" }]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn answers_that_are_lost_of_lock_and_inventory() {
    survives(&json!([
        { "method": "POST", "path": "erpc-system", "to": 2, "drop": "after" },
        { "method": "PUT", "path": "erpc-system", "to": 1, "drop": "after" },
    ]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn too_many_requests_with_retry_after() {
    let (took, met) = survives(&json!([
        { "method": "PATCH", "path": WRITES, "from": 3, "every": 3, "to": 12, "status": 429, "retryAfter": "2", "body": "slow down" }
    ]));
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(met.len() <= 12, "{met:?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_etcd_that_changes_its_leader() {
    survives(&json!([
        { "path": WRITES, "every": 6, "status": 500, "body": "etcdserver: leader changed" }
    ]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_that_is_unavailable() {
    survives(&json!([
        { "path": "", "every": 9, "status": 503, "body": "apiserver not ready" }
    ]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_field_that_the_schema_does_not_know_is_tried_once() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PATCH", "path": "deployments/api.*fieldManager=erpc", "status": 500,
                  "body": "failed to create typed patch object: .spec.replica: field not declared in schema" }]),
    );
    proxy
        .apply(shop.path())
        .exits(4)
        .says(&["Deployment shop-back/api: failed to create typed patch object"]);
    let (met, _) = proxy.log();
    assert_eq!(met.len(), 1, "{met:?}");
    // The second look found it: of the services nothing was written.
    let left = cluster.get(&[
        "deployments,statefulsets,services,networkpolicies",
        "-A",
        "-l",
        "app.kubernetes.io/part-of=shop",
    ]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(0), "{left}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_slow_server() {
    survives(&json!([{ "method": "PATCH", "path": WRITES, "from": 20, "delayMs": 1200 }]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn watches_that_are_cut() {
    survives(&json!([{ "path": "watch=", "cutMs": 700 }]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn watches_that_are_too_old() {
    survives(
        &json!([{ "path": "watch=", "every": 2, "status": 410, "body": "too old resource version" }]),
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn credentials_that_expire_in_the_middle() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "path": WRITES, "from": 23, "status": 401, "body": "Unauthorized" }]),
    );
    proxy
        .apply(shop.path())
        .exits(4)
        .says(&["Unauthorized", "goes on from here"]);
    drop(proxy);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn credentials_that_are_renewed() {
    survives(
        &json!([{ "path": WRITES, "from": 20, "to": 20, "status": 401, "body": "Unauthorized" }]),
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn one_kind_that_is_forbidden() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PATCH", "path": "networkpolicies", "status": 403,
                  "body": "networkpolicies.networking.k8s.io \"web\" is forbidden: User \"x\" cannot patch resource" }]),
    );
    proxy
        .apply(shop.path())
        .exits(4)
        .says(&["User \"x\" cannot patch", "erpc rbac"]);
    let left = cluster.get(&[
        "deployments,statefulsets",
        "-A",
        "-l",
        "app.kubernetes.io/part-of=shop",
    ]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(0));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_partition_that_heals() {
    let (took, _) = survives(&json!([
        { "path": "", "start": "^PATCH .*/services/", "untilMs": 8000, "drop": "before" }
    ]));
    assert!(took > Duration::from_secs(7), "{took:?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_killed_and_comes_back() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    cluster.kill();
    std::thread::sleep(Duration::from_secs(2));
    // Its ports may be somebody's for a moment.
    until("the server", || cluster.serve());
    Ran::end_of(run).exits(0);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_gone_at_the_start_is_told_within_seconds() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.kill();
    let started = Instant::now();
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["no cluster answers", "refused"]);
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_admission_policy_that_denies_leaves_empty_namespaces() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.apply_yaml(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: closed}\nspec:\n  failurePolicy: Fail\n  matchConstraints:\n    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]\n  validations: [{expression: 'false', message: not on a Friday}]\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: closed}\nspec: {policyName: closed, validationActions: [Deny]}\n",
    );
    // The server looks at new policies every few hundred milliseconds.
    let probe = [
        "create",
        "deployment",
        "probe",
        "--image=x",
        "--dry-run=server",
    ];
    until("the policy", || {
        let answer = cluster.kubectl_in(&probe, cluster.folder.path());
        !answer.status.success()
    });
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(4)
        .says(&["Deployment shop-back/api", "not on a Friday"]);
    let left = cluster.get(&[
        "services,networkpolicies,statefulsets,deployments",
        "-A",
        "-l",
        "app.kubernetes.io/part-of=shop",
    ]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(0), "{left}");
    cluster.kubectl(&["get", "namespace", "shop-back"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_namespace_that_is_deleted_in_the_middle() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/slow-api:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    wait_for(&cluster, &["deployment", "api", "-n", "shop-back"]);
    cluster.kubectl(&["delete", "namespace", "shop-front", "--wait=false"]);
    let output = run.wait_with_output().expect("it ended");
    let ran = Ran::of(&output);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(
        ran.err.contains("shop-front") && ran.err.contains("delet"),
        "{ran:?}"
    );
    cluster.kubectl(&[
        "wait",
        "--for=delete",
        "namespace/shop-front",
        "--timeout=120s",
    ]);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_object_that_is_deleted_between_plan_and_write_is_not_made_in_silence() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/api:1", "shop/api:2");
    // The write waits for three seconds on its way, and meanwhile the object goes.
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PATCH", "path": "deployments/api.fieldManager=erpc[^&]*&fieldValidation=Strict&force=false$", "delayMs": 3000 }]),
    );
    let run = proxy
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("erpc runs");
    until("the write", || !proxy.log().0.is_empty());
    cluster.kubectl(&["delete", "deployment", "api", "-n", "shop-back"]);
    Ran::end_of(run).says(&["it was deleted by another meanwhile", "apply again"]);
    let gone = cluster.kubectl_in(
        &["get", "deployment", "api", "-n", "shop-back"],
        shop.path(),
    );
    assert!(!gone.status.success());
    drop(proxy);
    cluster.applied(shop.path());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_holder_that_was_frozen_writes_nothing_more() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-registry:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    wait_for(&cluster, &["deployment", "api", "-n", "shop-back"]);
    send("-STOP", &run);
    shop.edit("shop/fault-registry:1", "shop/api:1");
    // The frozen one lives, so its lock is waited for until it has run out.
    cluster.applied(shop.path());
    let before = cluster.versions("shop");
    send("-CONT", &run);
    Ran::end_of(run)
        .exits(4)
        .says(&["the lock could not be renewed"]);
    assert_eq!(cluster.versions("shop"), before);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_quota_that_is_too_small_is_found_before_anything_is_written() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.kubectl(&["create", "namespace", "shop-front"]);
    cluster.kubectl(&[
        "create",
        "quota",
        "small",
        "-n",
        "shop-front",
        "--hard=pods=1",
    ]);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "! quota shop-front/small allows pods 1, and the platform needs 2 there",
            "raise the quota, or ask for less in the source",
            "nothing was written",
        ]);
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop-back"), "{namespaces}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn watches_that_fall_silent_are_begun_anew() {
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    shop.edit("shop/api:1", "shop/slow-api:1");
    // What comes after half a second comes to nobody, and no connection says so.
    survives_with(
        &shop,
        &json!([{ "path": "watch=", "to": 12, "silentMs": 500 }]),
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_webhook_that_is_away_for_a_while() {
    survives(
        &json!([{ "path": WRITES, "from": 12, "to": 16, "status": 500,
        "body": "Internal error occurred: failed calling webhook \"guard.example.com\": connection refused" }]),
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_webhook_that_stays_away_is_named() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/api:1", "shop/api:2");
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PATCH", "path": "deployments/api.*fieldManager=erpc", "status": 500,
                  "body": "Internal error occurred: failed calling webhook \"guard.example.com\": connection refused" }]),
    );
    proxy.apply(shop.path()).exits(1).says(&[
        "the admission webhook `guard.example.com` does not answer",
        "bring its service back, or remove its webhook configuration",
        "nothing was written",
    ]);
    let (met, _) = proxy.log();
    assert!(met.len() > 1, "it was tried again: {met:?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_partition_that_lasts_ends_the_run_and_the_next_one_goes_on() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "path": "", "start": "^PATCH .*/services/", "drop": "before" }]),
    );
    let output = proxy
        .command(&["apply", "--yes", "--retry-for", "8s"], shop.path())
        .output();
    Ran::of(&output.expect("erpc runs"))
        .exits(4)
        .says(&["partly applied", "`erpc apply` goes on from here"]);
    drop(proxy);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(cluster.listed("shop").len(), cluster.versions("shop").len());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_killed_for_good_ends_the_run() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    let run = cluster.spawn(
        &["apply", "--yes", "--retry-for", "6s", "--timeout", "20s"],
        shop.path(),
    );
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    cluster.kill();
    Ran::end_of(run).exits(4).says(&["partly applied"]);
    until("the server", || cluster.serve());
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_stands_still_for_seconds() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    cluster.signal("-STOP");
    std::thread::sleep(Duration::from_secs(5));
    cluster.signal("-CONT");
    Ran::end_of(run).exits(0);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_foreign_controller_that_fights_for_a_field_is_not_fought() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let scale = [
        "scale",
        "deployment",
        "web",
        "-n",
        "shop-front",
        "--replicas=5",
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                cluster.kubectl(&scale);
            }
        });
        until("the controller", || {
            let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
            web["spec"]["replicas"] == 5
        });
        let proxy = Proxy::start(&cluster, &json!([]));
        // It is told whose the field is, and not taken.
        proxy
            .apply(shop.path())
            .exits(1)
            .says(&["spec.replicas is kubectl's", "nothing was written"]);
        // Taken once, as the user said; what comes back is not taken again.
        let output = proxy
            .command(
                &[
                    "apply",
                    "--yes",
                    "--take-from",
                    "kubectl",
                    "--timeout",
                    "30s",
                ],
                shop.path(),
            )
            .output();
        let ran = Ran::of(&output.expect("erpc runs"));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let (_, all) = proxy.log();
        let writes = all
            .iter()
            .filter(|line| line.contains("PATCH") && line.contains("deployments/web"))
            .filter(|line| !line.contains("dryRun"));
        assert!(writes.count() <= 6, "{all:?}");
        assert!([0, 1, 3].contains(&ran.code), "{ran:?}");
    });
    cluster.kubectl(&scale);
    cluster
        .erpc(&["plan"], shop.path())
        .exits(1)
        .says(&["spec.replicas is kubectl's"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_object_that_the_server_does_not_take_leaves_the_live_one() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = cluster.versions("shop");
    // What only the cluster knows: it has addresses of IPv4 alone.
    shop.edit(
        "image \"shop/api:1\"",
        "image \"shop/api:1\"\n    patch service { spec.ipFamilies = [\"IPv6\"] }",
    );
    for arguments in [
        &["apply", "--yes"][..],
        &["apply", "--yes", "--prune"],
        &["apply", "--yes", "--replace", "api"],
    ] {
        cluster.erpc(arguments, shop.path()).exits(1).says(&[
            "ipFamilies",
            "a `patch` in the source is the usual reason",
            "nothing was written",
        ]);
    }
    assert_eq!(cluster.versions("shop"), before);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn of_fifty_starts_at_once_exactly_one_writes() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    let runs: Vec<Child> = (0..50)
        .map(|_| cluster.spawn(&["apply", "--yes"], shop.path()))
        .collect();
    let ran: Vec<Ran> = runs.into_iter().map(Ran::end_of).collect();
    let wrote = ran
        .iter()
        .filter(|ran| (ran.out.clone() + &ran.err).contains("objects written"));
    assert_eq!(wrote.count(), 1, "{ran:?}");
    for ran in &ran {
        let is_refused = ran.code == 1
            && (ran.err.contains("another run is at work")
                || ran.err.contains("has changed since"));
        assert!(is_refused || ran.code == 0, "{ran:?}");
    }
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(cluster.listed("shop").len(), cluster.versions("shop").len());
}

/// A library that shifts the time of day of a process.
fn clock(cluster: &Cluster) -> String {
    let library = cluster.folder.path().join("clock.so");
    let source = erpc_tests::repository().join("tests/suite/cluster/clock.c");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(made.expect("cc runs").success());
    library.display().to_string()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_clock_that_is_a_day_ahead_neither_takes_nor_loses_a_lock() {
    let cluster = Cluster::start();
    let library = clock(&cluster);
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-unready:1");
    let ahead = |arguments: &[&str]| {
        let mut command = cluster.command(arguments, shop.path());
        command
            .env("LD_PRELOAD", &library)
            .env("CLOCK_SHIFT", "86400")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    // A holder by the right clock, and one that thinks that it is tomorrow.
    let holder = cluster.spawn(&["apply", "--yes"], shop.path());
    wait_for(&cluster, &["deployment", "api", "-n", "shop-back"]);
    let output = ahead(&["apply", "--yes"]).output();
    Ran::of(&output.expect("erpc runs"))
        .exits(1)
        .says(&["another run is at work"]);
    send("-INT", &holder);
    Ran::end_of(holder).exits(130);
    // The other way round.
    let holder = ahead(&["apply", "--yes"]).spawn().expect("erpc runs");
    until("the lock", || {
        let lease = cluster.get(&["lease", "erpc-shop", "-n", "erpc-system"]);
        !lease["spec"]["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
    });
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["another run is at work"]);
    send("-INT", &holder);
    Ran::end_of(holder).exits(130);
    shop.edit("shop/fault-unready:1", "shop/api:1");
    let output = ahead(&["apply", "--yes"]).output();
    Ran::of(&output.expect("erpc runs")).exits(0);
    let output = ahead(&["doctor"]).output();
    Ran::of(&output.expect("erpc runs"))
        .says(&["its clock and this one are 86", "set the clocks by NTP"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_clock_that_is_a_day_behind_is_named() {
    let cluster = Cluster::start();
    let library = clock(&cluster);
    let shop = Program::shop();
    let mut behind = cluster.command(&["apply", "--yes"], shop.path());
    behind
        .env("LD_PRELOAD", &library)
        .env("CLOCK_SHIFT", "-86400");
    Ran::of(&behind.output().expect("erpc runs"))
        .exits(1)
        .says(&[
            "no cluster answers for context `test`",
            "the certificate begins later than this machine's clock says: compare `date`",
        ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_second_interrupt_leaves_at_once() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PATCH", "path": "deployments/api.fieldManager=erpc[^&]*&fieldValidation=Strict&force=false$", "drop": "never" }]),
    );
    let run = proxy
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("erpc runs");
    until("the write", || !proxy.log().0.is_empty());
    send("-INT", &run);
    // The first one waits for the call that is under way, which never ends.
    until("the first one", || {
        send("-INT", &run);
        let state = std::fs::read_to_string(format!("/proc/{}/stat", run.id()));
        state.is_ok_and(|state| state.contains(") Z "))
    });
    Ran::end_of(run).exits(130);
    drop(proxy);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

/// The writes of an apply to a fresh cluster, and what it leaves.
fn uninterrupted() -> (usize, Vec<String>, Vec<String>) {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(&cluster, &json!([]));
    proxy.apply(shop.path()).exits(0);
    let (_, all) = proxy.log();
    let writes = all.iter().filter(|line| is_write(line)).count();
    (writes, declared(&cluster, "shop"), cluster.listed("shop"))
}

const CHANGES: &str = "^(PATCH|POST|PUT|DELETE)$";
const HARMLESS: &str = "dryRun=|accessreviews";

/// What happens to a run at one of its writes. It is given back as it ends by itself.
type Fault = fn(&Cluster, Child) -> Option<Child>;

/// The run is killed.
fn kill_the_run(_: &Cluster, mut run: Child) -> Option<Child> {
    run.kill().expect("it runs");
    run.wait().expect("it ended");
    None
}

/// The server is killed and comes back after two seconds.
fn restart_the_server(cluster: &Cluster, run: Child) -> Option<Child> {
    cluster.kill();
    std::thread::sleep(Duration::from_secs(2));
    // Its ports may be another's for a moment.
    until("the server", || cluster.serve());
    Some(run)
}

fn kill_both(cluster: &Cluster, run: Child) -> Option<Child> {
    cluster.kill();
    kill_the_run(cluster, run);
    until("the server", || cluster.serve());
    None
}

/// Whether `tests/run --full` asks for what takes long.
fn is_full() -> bool {
    std::env::var_os("ERPC_TEST_FULL").is_some()
}

/// A run that meets a fault at one of its writes ends in the state of one that meets none: at so many
/// moments, spread over all writes, or at every write under `tests/run --full`. The write meets the fault
/// before it arrives, or when it is done and its answer is lost.
fn ends_like_one_without(moments: u32, drops: [&str; 2], fault: Fault) {
    let (writes, wanted, listed) = uninterrupted();
    assert!(writes > 20, "{writes}");
    let step = match is_full() {
        true => 1.0,
        false => {
            let writes = f64::from(u32::try_from(writes).expect("few"));
            (writes / f64::from(moments)).max(1.0)
        }
    };
    let cluster = Cluster::start();
    let mut met = 0;
    for at in (0..)
        .map(|n| 1 + (f64::from(n) * step) as usize)
        .take_while(|at| *at <= writes)
    {
        // A platform of its own for each moment, so that each begins anew.
        let name = format!("s{at:02}");
        let shop = Program::of(&SHOP.replace("shop", &name));
        let proxy = Proxy::start(
            &cluster,
            &json!([{ "method": CHANGES, "path": "", "except": HARMLESS, "from": at, "to": at, "drop": drops[at % 2] }]),
        );
        let mut run = proxy
            .command(&["apply", "--yes"], shop.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("erpc runs");
        let mut is_met = false;
        until("the write or the end", || {
            is_met = !proxy.log().0.is_empty();
            is_met || run.try_wait().expect("a child").is_some()
        });
        if !is_met {
            // The namespace of the inventory is made once, so that later runs have a write less.
            assert_eq!(at, writes, "{:?}", Ran::end_of(run));
            break;
        }
        if let Some(run) = fault(&cluster, run) {
            Ran::end_of(run).exits(0);
        }
        drop(proxy);
        let next = cluster.applied(shop.path());
        let alike = |lines: Vec<String>| {
            let mut lines: Vec<String> = lines
                .iter()
                .map(|line| line.replace(&name, "shop"))
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(
            alike(declared(&cluster, &name)),
            wanted,
            "at write {at}: {next:?}"
        );
        assert_eq!(alike(cluster.listed(&name)), listed, "at write {at}");
        cluster.applied(shop.path()).says(&["nothing to do"]);
        met += 1;
    }
    assert!(met >= moments, "{met}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_that_is_killed_at_a_write_before_or_after_it_ends_like_one_that_is_not() {
    ends_like_one_without(20, ["never", "hold"], kill_the_run);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_restarted_at_a_write_before_or_after_it() {
    ends_like_one_without(6, ["before", "after"], restart_the_server);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_and_a_server_that_are_killed_at_the_same_write() {
    ends_like_one_without(6, ["never", "hold"], kill_both);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_away_longer_than_a_lock_is_safe_ends_no_run() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-hand:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    let pod = pod_of(&cluster, "api");
    let lease = || cluster.get(&["lease", "erpc-shop", "-n", "erpc-system"]);
    let before = lease();
    cluster.kill();
    // Longer than a lease lasts that nobody renews.
    std::thread::sleep(Duration::from_secs(40));
    until("the server", || cluster.serve());
    until("a renewal", || {
        lease()["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    });
    let after = lease();
    for field in ["holderIdentity", "acquireTime", "leaseTransitions"] {
        assert_eq!(after["spec"][field], before["spec"][field], "{after}");
    }
    make_ready(&cluster, "shop-back", &pod);
    Ran::end_of(run).exits(0);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_away_again_and_again_stalls_nothing() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-hand:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    let pod = pod_of(&cluster, "api");
    let outages = match is_full() {
        true => 10,
        false => 3,
    };
    for seconds in [5, 8, 12].into_iter().cycle().take(outages) {
        cluster.kill();
        std::thread::sleep(Duration::from_secs(seconds));
        until("the server", || cluster.serve());
        // The run has seen that it is back when it has renewed its lock.
        let renewed = || {
            let lease = cluster.get(&["lease", "erpc-shop", "-n", "erpc-system"]);
            lease["spec"]["renewTime"].clone()
        };
        let before = renewed();
        until("a renewal", || renewed() != before);
    }
    make_ready(&cluster, "shop-back", &pod);
    let ran = Ran::end_of(run).exits(0);
    assert!(!ran.err.contains("not ready"), "{}", ran.err);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_watch_that_is_forbidden_is_told_at_once() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "GET", "path": "endpointslices", "status": 403,
                  "body": "endpointslices.discovery.k8s.io is forbidden: User \"x\" cannot list resource" }]),
    );
    proxy.apply(shop.path()).exits(4).says(&[
        "the rollout cannot be followed: endpointslices cannot be watched",
        "cannot list resource",
        "erpc rbac",
    ]);
    let output = proxy.command(&["status"], shop.path()).output();
    Ran::of(&output.expect("erpc runs"))
        .exits(1)
        .says(&["cannot be watched"]);
    drop(proxy);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

/// A shop with a node port.
fn shop_with_node_port() -> Program {
    let shop = Program::shop();
    shop.edit(
        "    access by port-forward\n",
        "    expose http as nodeport 30080\n",
    );
    shop
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_node_port_that_a_cut_request_has_left_is_waited_for() {
    let shop = shop_with_node_port();
    let taken = "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated";
    let (_, met) = survives_with(
        &shop,
        &json!([{ "method": "PATCH", "path": "services/web-nodeport.fieldManager=erpc[^&]*&fieldValidation=Strict&force=false$", "to": 3, "status": 422, "body": taken }]),
    );
    assert_eq!(met.len(), 3, "{met:?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_node_port_that_another_service_has_is_named() {
    let cluster = Cluster::start();
    let shop = shop_with_node_port();
    cluster.kubectl(&["create", "namespace", "shop-front"]);
    cluster.apply_yaml(
        "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: default}\nspec: {type: NodePort, ports: [{port: 80, nodePort: 30080}]}\n",
    );
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(4)
        .says(&[
            "node port 30080 belongs to Service default/other",
            "choose another node port",
        ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_that_waited_for_another_plans_anew_and_goes_on() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-hand:1");
    let first = cluster.spawn(&["apply", "--yes"], shop.path());
    let pod = pod_of(&cluster, "api");
    let next = Program::of(
        &SHOP
            .replace("replicas 2", "replicas 3")
            .replace("shop/api:1", "shop/fault-hand:1"),
    );
    let second = cluster.spawn(&["apply", "--yes", "--wait-lock", "30m"], next.path());
    make_ready(&cluster, "shop-back", &pod);
    Ran::end_of(first).exits(0);
    Ran::end_of(second).exits(0);
    let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
    assert_eq!(web["spec"]["replicas"], 3);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_lock_that_cannot_be_renewed_ends_the_run() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-unready:1");
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PUT", "path": "leases/erpc-shop", "drop": "never" }]),
    );
    let output = proxy
        .command(&["apply", "--yes", "--retry-for", "10s"], shop.path())
        .output();
    Ran::of(&output.expect("erpc runs"))
        .exits(4)
        .says(&["the lock could not be renewed", "goes on from here"]);
    drop(proxy);
    shop.edit("shop/fault-unready:1", "shop/api:1");
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_write_under_way_at_the_end_of_the_time_is_counted() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let proxy = Proxy::start(
        &cluster,
        &json!([{ "method": "PATCH", "path": "statefulsets/db.*fieldManager=erpc", "except": "dryRun", "delayMs": 4000 }]),
    );
    let arguments = ["apply", "--yes", "--verbose", "--timeout", "1s"];
    let output = proxy.command(&arguments, shop.path()).output();
    let ran = Ran::of(&output.expect("erpc runs")).exits(4);
    assert!(
        ran.err.contains("+ StatefulSet shop-back/db"),
        "{}",
        ran.err
    );
    drop(proxy);
    cluster.get(&["statefulset", "db", "-n", "shop-back"]);
    cluster.applied(shop.path());
}
