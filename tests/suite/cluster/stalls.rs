//! A service that will not start by itself is found within seconds, with its reason, the line of
//! the source and the next step: a test for each row of the table in `docs/apply.md`.

use std::time::{Duration, Instant};

use super::server::{Cluster, Program, Ran};

/// A stall ends the wait long before the five minutes that a service has at least.
const BEFORE_PATIENCE: Duration = Duration::from_secs(240);

/// Applies a program that cannot become ready; the words of the stall, and how long it took.
fn stall(cluster: &Cluster, program: &Program) -> (Ran, Duration) {
    let started = Instant::now();
    let ran = cluster.erpc(&["apply", "--yes", "--timeout", "5m"], program.path());
    (ran, started.elapsed())
}

/// The shop with another image for `api`; what needs it must not be begun.
fn with_image(image: &str) -> (Cluster, Program) {
    let shop = Program::shop();
    shop.edit("shop/api:1", image);
    (Cluster::start(), shop)
}

/// The events of a run as programs read them.
fn reason(cluster: &Cluster, program: &Program) -> String {
    let ran = cluster.erpc(
        &["apply", "--yes", "--format", "json", "--timeout", "5m"],
        program.path(),
    );
    let lines = ran
        .out
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let stalled = lines.filter(|event| event["state"] == "stalled");
    let reasons: Vec<String> = stalled
        .map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
        .collect();
    reasons.join(" ")
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_image_that_is_not_in_its_registry() {
    let (cluster, shop) = with_image("shop/fault-image:9");
    let (ran, took) = stall(&cluster, &shop);
    ran.exits(4).says(&[
        "shop-back.api: image docker.io/shop/fault-image:9 does not exist  platform.erp:34",
        "help: correct the image or its tag, or push it",
        "shop-front.web waits for shop-back.api",
        "1 service was not begun",
    ]);
    assert!(took < BEFORE_PATIENCE, "{took:?}");
    cluster.kubectl(&["get", "statefulset", "db", "-n", "shop-back"]);
    let web = cluster.kubectl_in(
        &["get", "deployment", "web", "-n", "shop-front"],
        shop.path(),
    );
    assert!(!web.status.success());
    // The way back is the right image.
    shop.edit("shop/fault-image:9", "shop/api:1");
    cluster.applied(shop.path());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_container_that_crashes_shows_its_last_words() {
    let (cluster, shop) = with_image("shop/fault-crash:1");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4).says(&[
        "shop-back.api: container api has ended 3 times, last with exit code 1",
        "│ cannot reach the database: connection refused",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_container_that_is_killed_for_memory_names_its_limit() {
    let (cluster, shop) = with_image("shop/fault-oom:1");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4).says(&[
        "container api was killed 3 times for more memory than 64Mi  platform.erp:37",
        "raise the memory in the source",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_image_that_runs_as_root() {
    let (cluster, shop) = with_image("shop/fault-root:1");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4)
        .says(&["shop-back.api: the image runs as root", "run as UID"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_secret_that_is_not_there_when_the_container_starts() {
    let (cluster, shop) = with_image("shop/fault-config:1");
    let (ran, took) = stall(&cluster, &shop);
    ran.exits(4).says(&[
        "shop-back.api: secret \"database\" not found",
        "kubectl -n shop-back create secret generic database",
    ]);
    assert!(took < BEFORE_PATIENCE, "{took:?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_that_never_becomes_ready_is_told_with_its_probe() {
    let (cluster, shop) = with_image("shop/fault-unready:1");
    let ran = cluster.erpc(&["apply", "--yes", "--timeout", "20s"], shop.path());
    ran.exits(4).says(&[
        "shop-back.api: 0/1 ready",
        "readiness probe failed: HTTP probe failed with statuscode: 503",
        "not ready within --timeout 20s: shop-back.api (0/1 ready, pod api-",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_pod_that_no_node_takes() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit(
        "image \"shop/api:1\"\n    port http 8080\n    cpu 10m..100m",
        "image \"shop/api:1\"\n    port http 8080\n    cpu 60..60",
    );
    cluster.apply_yaml(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: full, namespace: default}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - {name: full, image: full, resources: {requests: {cpu: '32'}}}\n",
    );
    cluster.kubectl(&["rollout", "status", "daemonset/full", "--timeout=120s"]);
    let (ran, took) = stall(&cluster, &shop);
    ran.exits(4)
        .says(&["shop-back.api: no node takes pod api-", "Insufficient cpu"]);
    assert!(took < BEFORE_PATIENCE, "{took:?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_claim_of_a_class_that_is_not_there() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("storage standard default", "storage moon default");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4).says(&[
        "shop-back.db: claim data-db-0 gets no volume: storageclass",
        "moon",
        "not found",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_quota_that_has_no_room_for_a_pod_more() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    // Room for the two that run, and none for the third that a rollout starts first.
    let quota = [
        "create",
        "quota",
        "small",
        "-n",
        "shop-front",
        "--hard=pods=2",
    ];
    cluster.kubectl(&quota);
    shop.edit("shop/web:1", "shop/web:2");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(3).says(&[
        "shop-front.web: no pod can be made: exceeded quota: small",
        "limited: pods=2",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_admission_webhook_that_does_not_answer() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.apply_yaml(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: guard}\nwebhooks:\n- name: guard.example.com\n  clientConfig: {url: 'https://127.0.0.1:9/'}\n  rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]\n  sideEffects: None\n  admissionReviewVersions: [v1]\n  failurePolicy: Fail\n",
    );
    assert_eq!(reason(&cluster, &shop), "WebhookDown");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_account_that_was_deleted() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let account = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    let account = account["spec"]["template"]["spec"]["serviceAccountName"].clone();
    shop.edit(
        "shop/api:1",
        "shop/api:2\"\n    patch deployment { spec.template.spec.serviceAccountName = \"gone\" }\n    env A = \"b",
    );
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(3).says(&[
        "no pod can be made: error looking up service account shop-back/gone",
        "not found",
    ]);
    assert!(account.is_string());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_pod_security_level_that_forbids_the_pod() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit(
        "image \"shop/api:1\"",
        "image \"shop/api:1\"\n    patch deployment { spec.template.spec.hostPID = true }",
    );
    assert_eq!(reason(&cluster, &shop), "PodSecurity");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_deadline_that_has_passed_is_told_with_what_was_seen() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/api:1", "shop/fault-unready:1\"\n    patch deployment { spec.progressDeadlineSeconds = 5 }\n    env A = \"b");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4)
        .says(&["shop-back.api: 0/1 ready, pod api-", "runs, "]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_namespace_that_is_being_deleted() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.kubectl(&["create", "namespace", "shop-front"]);
    cluster.apply_yaml(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, namespace: shop-front, finalizers: [example.com/hold]}\n",
    );
    cluster.kubectl(&["delete", "namespace", "shop-front", "--wait=false"]);
    let ran = cluster.erpc(&["apply", "--yes"], shop.path());
    ran.exits(1).says(&[
        "Namespace shop-front is being deleted",
        "nothing was written",
    ]);
}
