//! Faults between erpc and the API server: a test for each row of the table in `docs/faults.md`. A
//! proxy stands between the two and does what its rules say.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Cluster, Program, Ran, until};

/// A proxy with rules; it stops with its standard input.
struct Proxy<'c> {
    cluster: &'c Cluster,
    process: Child,
}

impl<'c> Proxy<'c> {
    fn start(cluster: &'c Cluster, rules: &Value) -> Self {
        let file = cluster.folder.path().join("rules.json");
        std::fs::write(&file, rules.to_string()).expect("a file");
        let mut process = Command::new(cluster.binary())
            .arg("proxy")
            .arg(cluster.folder.path())
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the proxy starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self { cluster, process }
    }

    fn command(&self, arguments: &[&str], folder: &Path) -> Command {
        let kubeconfig = self.cluster.folder.path().join("kubeconfig-proxy");
        let mut command = self.cluster.command(arguments, folder);
        command.env("KUBECONFIG", kubeconfig);
        command
    }

    fn apply(&self, folder: &Path) -> Ran {
        let output = self.command(&["apply", "--yes"], folder).output();
        Ran::of(&output.expect("erpc runs"))
    }

    /// The requests that met a rule, and all of them.
    fn log(&self) -> (Vec<String>, Vec<String>) {
        let file = self.cluster.folder.path().join("proxy.log");
        let text = std::fs::read_to_string(file).expect("the log");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let met = lines
            .iter()
            .filter(|line| line.starts_with("met "))
            .cloned()
            .collect();
        (met, lines)
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// An apply of the shop under rules ends well, some requests met a rule, and the cluster is as after
/// one without: nothing is left to do, and the inventory lists what there is.
fn survives(rules: &Value) -> (Duration, Vec<String>) {
    let cluster = Cluster::start();
    let shop = Program::shop();
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
    let mut cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    let run = cluster
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("erpc runs");
    super::apply::wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    cluster.kill();
    std::thread::sleep(Duration::from_secs(2));
    // Its ports may be somebody's for a moment.
    until("the server", || cluster.serve());
    let output = run.wait_with_output().expect("it ended");
    Ran::of(&output).exits(0);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_that_is_gone_at_the_start_is_told_within_seconds() {
    let mut cluster = Cluster::start();
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
    let run = cluster
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("erpc runs");
    super::apply::wait_for(&cluster, &["deployment", "api", "-n", "shop-back"]);
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
        &json!([{ "method": "PATCH", "path": "deployments/api.fieldManager=erpc&fieldValidation=Strict&force=false$", "delayMs": 3000 }]),
    );
    let run = proxy
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("erpc runs");
    until("the write", || !proxy.log().0.is_empty());
    cluster.kubectl(&["delete", "deployment", "api", "-n", "shop-back"]);
    let output = run.wait_with_output().expect("it ended");
    Ran::of(&output).says(&["it was deleted by another meanwhile", "apply again"]);
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
    let run = cluster
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("erpc runs");
    super::apply::wait_for(&cluster, &["deployment", "api", "-n", "shop-back"]);
    let signal = |name: &str| {
        let sent = Command::new("kill")
            .args([name, &run.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    };
    signal("-STOP");
    shop.edit("shop/fault-registry:1", "shop/api:1");
    // The frozen one lives, so its lock is waited for until it has run out.
    cluster.applied(shop.path());
    let before = cluster.versions("shop");
    signal("-CONT");
    let output = run.wait_with_output().expect("it ended");
    Ran::of(&output)
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
