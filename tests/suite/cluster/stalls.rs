//! A service that will not start by itself is found within seconds, with its reason, the line of
//! the source and the next step: a test for each row of the table in `docs/apply.md`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Cluster, Program, Ran, SHOP, until};

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
    let ran = cluster.erpc(&AS_JSON, program.path());
    reasons(&ran)
}

const AS_JSON: [&str; 6] = ["apply", "--yes", "--format", "json", "--timeout", "5m"];

fn reasons(ran: &Ran) -> String {
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
        "Deployment shop-front/web was not written: shop-front.web waits for shop-back.api",
    ]);
    assert!(took < BEFORE_PATIENCE, "{took:?}");
    // One look says the same, whichever state the pull is in.
    cluster
        .erpc(&["status"], shop.path())
        .exits(3)
        .says(&["image docker.io/shop/fault-image:9 does not exist"]);
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
fn a_quota_that_is_too_small_for_another_pod() {
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
    shop.edit("  tier back\n", "  tier back\n  defaults kubernetes\n");
    // A level that the source does not know of: one that it sets itself is refused by `check`.
    cluster.apply_yaml(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop-back, labels: {pod-security.kubernetes.io/enforce: restricted}}\n",
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
    // What lies in other namespaces does not wait for it.
    ran.exits(4).says(&[
        "! shop-front              Namespace",
        "Namespace shop-front is being deleted: it waits for",
        "left out with it: NetworkPolicy shop-front/default-deny, ServiceAccount shop-front/shop-front-sa, shop-front.web",
        "✓ shop-back.api ready",
        "blocked: Namespace shop-front; 6 objects that need it were left out",
    ]);
}

/// The pods of `shop-back/NAME`, which no kubelet touches: their image says `fault-hand`.
pub(super) fn pod_of(cluster: &Cluster, service: &str) -> String {
    let mut found = String::new();
    let selector = format!("app.kubernetes.io/name={service}");
    until("a pod on a node", || {
        let pods = cluster.get(&["pods", "-n", "shop-back", "-l", &selector]);
        let pod = &pods["items"][0];
        found = pod["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        !pod["spec"]["nodeName"].is_null()
    });
    found
}

pub(super) fn set_status(cluster: &Cluster, namespace: &str, pod: &str, status: &Value) {
    let patch = json!({ "status": status }).to_string();
    cluster.kubectl(&[
        "patch",
        "pod",
        pod,
        "-n",
        namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ]);
}

/// Makes a pod ready whose image no kubelet runs.
pub(super) fn make_ready(cluster: &Cluster, namespace: &str, pod: &str) {
    let conditions: Vec<Value> = ["Initialized", "Ready", "ContainersReady"]
        .iter()
        .map(|kind| json!({ "type": kind, "status": "True" }))
        .collect();
    set_status(
        cluster,
        namespace,
        pod,
        &json!({
            "phase": "Running", "podIP": "10.244.9.9", "podIPs": [{ "ip": "10.244.9.9" }],
            "conditions": conditions,
        }),
    );
}

/// A warning about a pod, as the kubelet would write it.
fn warn(cluster: &Cluster, pod: &str, reason: &str, message: &str, kind: &str) {
    let now = "2026-01-01T00:00:00Z";
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "type": kind, "reason": reason, "message": message, "count": 1,
        "metadata": { "name": format!("{pod}.{}", reason.to_lowercase()), "namespace": "shop-back" },
        "involvedObject": { "kind": "Pod", "name": pod, "namespace": "shop-back" },
        "firstTimestamp": now, "lastTimestamp": now,
    });
    cluster.apply_yaml(&event.to_string());
}

/// What a container that waits shows.
fn waiting(reason: &str, message: &str) -> Value {
    json!({
        "phase": "Pending",
        "containerStatuses": [{
            "name": "api", "image": "docker.io/shop/fault-hand:1", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason, "message": message } },
        }],
    })
}

/// An apply during which the pod of `api` gets this status; why it stalled.
fn stalled_by(status: &Value, more: impl Fn(&Cluster, &str)) -> (String, Ran) {
    let (cluster, shop) = with_image("shop/fault-hand:1");
    let run = cluster.spawn(&AS_JSON, shop.path());
    let pod = pod_of(&cluster, "api");
    set_status(&cluster, "shop-back", &pod, status);
    more(&cluster, &pod);
    let ran = Ran::end_of(run).exits(4);
    (reasons(&ran), ran)
}

/// What `erpc status` says of such a pod: there is one look, so what lasts long in an apply is told at once.
fn status_of(status: &Value, more: impl Fn(&Cluster, &str)) -> Ran {
    let (cluster, shop) = with_image("shop/fault-hand:1");
    cluster.erpc(&["apply", "--yes", "--timeout", "4s"], shop.path());
    let pod = pod_of(&cluster, "api");
    set_status(&cluster, "shop-back", &pod, status);
    more(&cluster, &pod);
    cluster.erpc(&["status"], shop.path()).exits(3)
}

fn nothing(_: &Cluster, _: &str) {}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_image_that_its_registry_refuses() {
    let status = waiting(
        "ImagePullBackOff",
        "pull access denied, repository does not exist or may require authorization",
    );
    let (reason, ran) = stalled_by(&status, nothing);
    assert_eq!(reason, "ImageRefused");
    ran.says(&["give the namespace's account a pull secret"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_name_that_no_image_can_have() {
    let status = waiting("InvalidImageName", "invalid reference format");
    assert_eq!(stalled_by(&status, nothing).0, "InvalidImageName");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_registry_that_cannot_be_reached() {
    let status = waiting("ErrImagePull", "dial tcp: lookup registry: i/o timeout");
    status_of(&status, nothing).says(&[
        "cannot reach the registry of docker.io/shop/fault-hand:1: dial tcp: lookup registry: i/o timeout",
        "see the node's way to the registry",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_container_that_cannot_be_started() {
    let status = waiting(
        "RunContainerError",
        "exec: \"/app\": no such file or directory",
    );
    let (reason, ran) = stalled_by(&status, nothing);
    assert_eq!(reason, "ContainerNotStarted");
    ran.says(&[
        "no such file or directory",
        "see the command of the service",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_command_that_is_not_in_the_image() {
    let ended = json!({ "exitCode": 127, "reason": "Error" });
    let status = json!({
        "phase": "Running",
        "containerStatuses": [{
            "name": "api", "image": "a", "imageID": "", "ready": false, "restartCount": 3,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": ended },
        }],
    });
    let (reason, ran) = stalled_by(&status, nothing);
    assert_eq!(reason, "CrashLoop");
    ran.says(&["exit code 127", "the command is not in the image"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_init_container_that_fails_is_named() {
    let status = json!({
        "phase": "Pending",
        "initContainerStatuses": [{
            "name": "migrate", "image": "a", "imageID": "", "ready": false, "restartCount": 4,
            "state": { "waiting": { "reason": "CrashLoopBackOff" } },
            "lastState": { "terminated": { "exitCode": 2, "reason": "Error" } },
        }],
    });
    let (reason, ran) = stalled_by(&status, nothing);
    assert_eq!(reason, "CrashLoop");
    ran.says(&[
        "init container migrate: container migrate has ended 4 times, last with exit code 2",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_container_that_its_liveness_probe_kills() {
    let status = json!({
        "phase": "Running",
        "conditions": [{ "type": "Ready", "status": "False" }, { "type": "PodScheduled", "status": "True" }],
        "containerStatuses": [{
            "name": "api", "image": "a", "imageID": "", "ready": false, "restartCount": 2,
            "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
        }],
    });
    let (reason, ran) = stalled_by(&status, |cluster, pod| {
        warn(
            cluster,
            pod,
            "Unhealthy",
            "Liveness probe failed: HTTP probe failed with statuscode: 500",
            "Warning",
        );
    });
    assert_eq!(reason, "LivenessKills");
    ran.says(&[
        "was restarted 2 times because its liveness probe failed",
        "health startup",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_volume_that_cannot_be_mounted() {
    status_of(&json!({ "phase": "Pending" }), |cluster, pod| {
        warn(
            cluster,
            pod,
            "FailedAttachVolume",
            "Multi-Attach error for volume \"pvc-1\": used by pod x on node-2",
            "Warning",
        );
    })
    .says(&[
        "cannot mount a volume: Multi-Attach error",
        "kubectl get volumeattachments",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_node_that_cannot_give_a_pod_its_network() {
    status_of(&json!({ "phase": "Pending" }), |cluster, pod| {
        warn(
            cluster,
            pod,
            "FailedCreatePodSandBox",
            "plugin type=\"cni\" failed: no addresses left",
            "Warning",
        );
    })
    .says(&[
        "cannot start pod api-",
        "no addresses left",
        "see the network plugin of that node",
    ]);
}

/// The kubelet of a node falls silent, as its controller writes it down.
fn lose(cluster: &Cluster, node: &str) {
    cluster.kubectl(&["annotate", "node", node, "lost=yes"]);
    let ready = json!({ "status": { "conditions": [{
        "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }] } });
    cluster.kubectl(&[
        "patch",
        "node",
        node,
        "--subresource=status",
        "--type=strategic",
        "-p",
        &ready.to_string(),
    ]);
}

fn node_of(cluster: &Cluster, pod: &str) -> String {
    let mut node = String::new();
    until("the node", || {
        let pod = cluster.get(&["pod", pod, "-n", "shop-back"]);
        node = pod["spec"]["nodeName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        !node.is_empty()
    });
    node
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_node_that_is_not_ready() {
    let (cluster, shop) = with_image("shop/fault-hand:1");
    let run = cluster.spawn(&AS_JSON, shop.path());
    let pod = pod_of(&cluster, "api");
    let node = node_of(&cluster, &pod);
    lose(&cluster, &node);
    let ran = Ran::end_of(run).exits(4);
    assert_eq!(reasons(&ran), "NodeNotReady", "{}", ran.out);
    // It is said with the pod long before it counts as lost.
    let fact =
        format!("{node} is not ready: Kubelet stopped posting node status (NodeStatusUnknown)");
    let events = ran
        .out
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told: Vec<Value> = events
        .filter(|event| {
            event["message"]
                .as_str()
                .is_some_and(|text| text.contains(&fact))
        })
        .collect();
    assert_eq!(told[0]["state"], "waiting", "{told:?}");
    let ran = ran.says(&[
        &format!("pod {pod} is lost with its node: node {fact}"),
        &format!("see `kubectl describe node {node}` and bring it back; another node gets the pod"),
        &format!("kubectl -n shop-back delete pod {pod}"),
    ]);
    drop(ran);
    // One look tells the same, and of a pod that was ready, too.
    cluster
        .erpc(&["status"], shop.path())
        .exits(3)
        .says(&[&fact]);
    shop.edit("shop/fault-hand:1", "shop/api:1");
    cluster.applied(shop.path());
    let node = node_of(&cluster, "db-0");
    lose(&cluster, &node);
    // As the controller of nodes takes the pods of such a node out of their Services.
    let not_ready = json!({ "conditions": [
        { "type": "Ready", "status": "False" }, { "type": "ContainersReady", "status": "False" },
        { "type": "PodScheduled", "status": "True" },
    ] });
    set_status(&cluster, "shop-back", "db-0", &not_ready);
    cluster.erpc(&["status"], shop.path()).exits(3).says(&[
        &format!("pod db-0 is lost with its node: node {node} is not ready"),
        &format!("if it is gone for good, `kubectl delete node {node}`"),
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_pod_that_was_evicted() {
    let status = json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory." });
    status_of(&status, nothing).says(&["was evicted: The node was low on resource: memory."]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_pod_for_which_nodes_are_on_their_way_is_waited_for() {
    let (cluster, shop) = with_image("shop/fault-hand:1");
    // As the cluster block has it there is room.
    shop.edit("nodes 3 of cpu 64", "nodes 3 of cpu 400");
    shop.edit("cpu 10m..100m", "cpu 60..60");
    cluster.apply_yaml(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: full, namespace: default}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - {name: full, image: full, resources: {requests: {cpu: '32'}}}\n",
    );
    cluster.kubectl(&["rollout", "status", "daemonset/full", "--timeout=120s"]);
    let run = cluster.spawn(
        &["apply", "--yes", "--format", "json", "--timeout", "25s"],
        shop.path(),
    );
    let mut pod = String::new();
    until("the pod", || {
        let pods = cluster.get(&["pods", "-n", "shop-back", "-l", "app.kubernetes.io/name=db"]);
        pod = pods["items"][0]["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        !pod.is_empty()
    });
    // As the autoscaler of nodes says it: no warning, but news.
    warn(
        &cluster,
        &pod,
        "TriggeredScaleUp",
        "pod triggered scale-up: [{pool 3->4 (max: 9)}]",
        "Normal",
    );
    let ran = Ran::end_of(run).exits(4);
    assert_eq!(reasons(&ran), "", "{}", ran.out);
    ran.says(&["not ready within --timeout 25s"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_claim_for_which_nothing_provisions() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("storage standard default", "storage absent default");
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4).says(&[
        "shop-back.db: the claims of pod db-0 are not bound for 6",
        "see that the provisioner of the storage class runs",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_stateful_set_that_may_make_no_pod() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.kubectl(&["create", "namespace", "shop-back"]);
    // A quota with a scope counts by rules of its own, so the plan does not add it up.
    cluster.apply_yaml(
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: shop-back}\nspec: {hard: {pods: '0'}, scopes: [NotTerminating]}\n",
    );
    let (ran, _) = stall(&cluster, &shop);
    ran.exits(4)
        .says(&["shop-back.db: no pod can be made: exceeded quota: none"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_job_that_has_failed() {
    let cluster = Cluster::start();
    let seed = "  job seed {\n    image \"shop/fault-hand:1\"\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    run as 1000\n    patch job { spec.backoffLimit = 0 }\n    calls db:sql\n  }\n\n  service api {";
    let shop = Program::of(&SHOP.replace("  service api {", seed));
    let run = cluster.spawn(&AS_JSON, shop.path());
    let pod = pod_of(&cluster, "seed");
    let ended = json!({ "exitCode": 3, "reason": "Error", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z" });
    set_status(
        &cluster,
        "shop-back",
        &pod,
        &json!({
            "phase": "Failed",
            "containerStatuses": [{
                "name": "seed", "image": "a", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "terminated": ended },
            }],
        }),
    );
    let ran = Ran::end_of(run);
    assert_eq!(reasons(&ran), "JobFailed", "{}", ran.out);
    ran.says(&["the job has failed: BackoffLimitExceeded", "logs job/seed"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_old_pod_that_is_broken_and_blocks_the_new_one() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let not_ready = json!({ "conditions": [
        { "type": "Ready", "status": "False" }, { "type": "ContainersReady", "status": "False" },
        { "type": "PodScheduled", "status": "True" },
    ] });
    set_status(&cluster, "shop-back", "db-0", &not_ready);
    shop.edit("shop/db:1", "shop/db:2");
    let ran = cluster.erpc(&AS_JSON, shop.path());
    assert_eq!(reasons(&ran), "BrokenOldPod", "{}", ran.out);
    ran.says(&["kubectl -n shop-back delete pod db-0"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_controller_that_does_not_run() {
    let cluster = Cluster::start_with(&[("CLUSTER_WITHOUT", "deployment-controller")]);
    let shop = Program::shop();
    let ran = cluster.erpc(&AS_JSON, shop.path());
    assert_eq!(reasons(&ran), "NoController", "{}", ran.out);
    ran.says(&[
        "no controller has looked at Deployment shop-back/api",
        "kube-controller-manager",
    ]);
}
