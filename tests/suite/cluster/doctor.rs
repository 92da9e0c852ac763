//! `erpc doctor`: each row of its table is found where it is so, and not where it is not.

use serde_json::{Value, json};

use super::proxy::Proxy;
use super::server::{Cluster, Program, Ran, until};

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_finds_what_the_platform_lacks() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.erpc(&["doctor"], shop.path()).exits(1).says(&[
        "✓ API server",
        "✓ APIs",
        "✓ rights",
        "✓ capacity",
        "3 nodes with 192 CPU",
        "✗ DNS",
        "no ready pod with k8s-app=kube-dns in kube-system",
        "? network policies",
    ]);
    cluster.apply_yaml(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: coredns, namespace: kube-system}\nspec:\n  selector: {matchLabels: {k8s-app: kube-dns}}\n  template:\n    metadata: {labels: {k8s-app: kube-dns}}\n    spec: {containers: [{name: coredns, image: coredns}]}\n---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: cilium, namespace: kube-system}\nspec:\n  selector: {matchLabels: {k8s-app: cilium}}\n  template:\n    metadata: {labels: {k8s-app: cilium}}\n    spec: {containers: [{name: cilium, image: cilium}]}\n",
    );
    cluster.kubectl(&[
        "rollout",
        "status",
        "deployment/coredns",
        "-n",
        "kube-system",
        "--timeout=120s",
    ]);
    cluster
        .erpc(&["doctor"], shop.path())
        .exits(0)
        .says(&["✓ DNS", "probably enforced: cilium runs"]);
    shop.edit("storage standard default", "storage moon default");
    // As the cluster block has it there is room.
    shop.edit("nodes 3 of cpu 64", "nodes 3 of cpu 400");
    shop.edit("cpu 10m..100m", "cpu 100..200");
    cluster.erpc(&["doctor"], shop.path()).exits(1).says(&[
        "✗ storage",
        "no storage class moon; the cluster has absent, standard",
        "✗ capacity",
    ]);
}

/// What doctor says of one check: its verdict, what was found, what to do.
#[track_caller]
fn row(cluster: &Cluster, program: &Program, arguments: &[&str], name: &str) -> [String; 3] {
    let all = [&["doctor", "--format", "json"][..], arguments].concat();
    let said = cluster.erpc(&all, program.path()).json();
    let checks = said["checks"].as_array().expect("a list");
    let row = checks
        .iter()
        .find(|check| check["check"] == name)
        .unwrap_or_else(|| panic!("no check {name} in {said}"));
    ["verdict", "found", "fix"].map(|key| row[key].as_str().unwrap_or_default().to_owned())
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_adds_up_what_quotas_and_limit_ranges_have_room_for() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    assert_eq!(row(&cluster, &shop, &[], "quotas")[0], "ok");
    cluster.kubectl(&["create", "namespace", "shop-front"]);
    let quota = ["create", "quota", "small", "-n", "shop-front"];
    cluster.kubectl(&[&quota[..], &["--hard=pods=2,limits.memory=100Mi"]].concat());
    let [verdict, found, fix] = row(&cluster, &shop, &[], "quotas");
    assert_eq!(verdict, "failure", "{found}");
    assert_eq!(
        found,
        "quota shop-front/small allows limits.memory 100Mi, and the platform needs 128Mi there"
    );
    assert_eq!(fix, "raise the quota, or ask for less in the source");
    cluster.kubectl(&["delete", "quota", "small", "-n", "shop-front"]);
    // What others use is not there for the platform.
    cluster.kubectl(&["run", "stranger", "--image=x", "-n", "shop-front"]);
    cluster.kubectl(&[&quota[..], &["--hard=pods=2"]].concat());
    let [verdict, found, _] = row(&cluster, &shop, &[], "quotas");
    assert_eq!(verdict, "failure");
    assert!(
        found.ends_with("allows pods 2, and the platform needs 2 there, beside the 1 of others"),
        "{found}"
    );
    cluster.kubectl(&["delete", "quota", "small", "-n", "shop-front"]);
    cluster.apply_yaml(
        "apiVersion: v1\nkind: LimitRange\nmetadata: {name: tight, namespace: shop-front}\nspec:\n  limits: [{type: Container, max: {cpu: 50m}}]\n",
    );
    let [verdict, found, _] = row(&cluster, &shop, &[], "quotas");
    assert_eq!(verdict, "failure");
    assert_eq!(found, "a limit range does not let in web of shop-front/web");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_says_what_a_storage_class_can_do() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let grows = |yes: bool| {
        let patch = format!("{{\"allowVolumeExpansion\":{yes}}}");
        cluster.kubectl(&["patch", "storageclass", "standard", "-p", &patch]);
    };
    grows(false);
    let [verdict, found, fix] = row(&cluster, &shop, &[], "storage");
    assert_eq!(verdict, "warning", "{found}");
    assert_eq!(
        found,
        "standard: never grows, bound at once, deleted with its claim"
    );
    assert!(fix.contains("allowVolumeExpansion"), "{fix}");
    grows(true);
    let [verdict, found, _] = row(&cluster, &shop, &[], "storage");
    assert_eq!(
        (verdict.as_str(), found.as_str()),
        (
            "ok",
            "standard: grows, bound at once, deleted with its claim"
        )
    );
    // A CSI driver that is installed and runs nowhere.
    cluster.apply_yaml(
        "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: disks.example.com}\nspec: {attachRequired: true}\n---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: disks}\nprovisioner: disks.example.com\nvolumeBindingMode: WaitForFirstConsumer\nallowVolumeExpansion: true\n",
    );
    shop.edit("storage standard default", "storage disks default");
    let [verdict, found, _] = row(&cluster, &shop, &[], "storage");
    assert_eq!(verdict, "failure");
    assert_eq!(
        found,
        "the driver disks.example.com is installed and runs on no node"
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_compares_addresses_and_the_cache_of_names_with_the_cluster_block() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("in 10.0.0.0/16", "in 127.0.0.0/8");
    assert_eq!(row(&cluster, &shop, &[], "addresses")[0], "ok");
    assert_eq!(row(&cluster, &shop, &[], "identity")[0], "ok");
    assert_eq!(row(&cluster, &shop, &[], "dry runs")[0], "ok");
    shop.edit("in 127.0.0.0/8", "in 10.0.0.0/16");
    let [verdict, found, _] = row(&cluster, &shop, &[], "addresses");
    assert_eq!(verdict, "warning");
    assert!(found.contains("is at 127.0.0.1, and 2 more"), "{found}");
    cluster.kubectl(&[
        "patch",
        "node",
        "node-1",
        "-p",
        "{\"spec\":{\"podCIDR\":\"10.42.1.0/24\",\"podCIDRs\":[\"10.42.1.0/24\"]}}",
    ]);
    let [verdict, found, _] = row(&cluster, &shop, &[], "addresses");
    assert_eq!(verdict, "failure");
    assert_eq!(
        found,
        "pods lie outside `pods` of the cluster block: node-1 has 10.42.1.0/24"
    );
    cluster.apply_yaml(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: node-local-dns, namespace: kube-system}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: cache, image: cache}]}\n",
    );
    let [verdict, found, _] = row(&cluster, &shop, &[], "DNS");
    assert_eq!(verdict, "failure");
    assert!(
        found.starts_with("node-local-dns runs on the nodes"),
        "{found}"
    );
    shop.edit("services 10.96.0.0/16", "services 10.97.0.0/16");
    let [verdict, found, _] = row(&cluster, &shop, &[], "identity");
    assert_eq!(verdict, "failure");
    assert!(found.contains("this is not cluster `main`"), "{found}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_and_plan_refuse_a_second_master() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let [verdict, found, _] = row(&cluster, &shop, &[], "registry");
    assert_eq!(verdict, "unknown", "{found}");
    cluster.applied(shop.path());
    assert_eq!(row(&cluster, &shop, &[], "other tools")[0], "ok");
    let [verdict, found, _] = row(&cluster, &shop, &[], "registry");
    assert_eq!(
        (verdict.as_str(), found.as_str()),
        ("ok", "3 images of the platform run here")
    );
    cluster.kubectl(&[
        "annotate",
        "deployment",
        "api",
        "-n",
        "shop-back",
        "argocd.argoproj.io/tracking-id=shop:apps/Deployment:shop-back/api",
        "--field-manager=argocd-controller",
    ]);
    let [verdict, found, _] = row(&cluster, &shop, &[], "other tools");
    assert_eq!(verdict, "failure");
    assert!(
        found.starts_with("Argo CD keeps Deployment shop-back/api"),
        "{found}"
    );
    shop.edit("shop/api:1", "shop/api:2");
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "! Argo CD keeps Deployment shop-back/api, and would set back what is applied",
            "--even-if-gitops",
            "nothing was written",
        ]);
    cluster
        .erpc(&["apply", "--yes", "--even-if-gitops"], shop.path())
        .exits(0);
    // Once its mark is ours, nobody else keeps the object, and the mark goes.
    cluster.erpc(&["adopt", "--yes"], shop.path()).exits(0);
    cluster.applied(shop.path());
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    let mark = &api["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"];
    assert_eq!(mark, &Value::Null);
    assert_eq!(row(&cluster, &shop, &[], "other tools")[0], "ok");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_tries_whether_policies_are_enforced() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let log = cluster.folder.path().join("container.log");
    let write = |lines: &[&str]| {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("2026-01-01T00:00:00.000000000Z stdout F erpc-probe {line}\n"))
            .collect();
        std::fs::write(&log, lines.concat()).expect("a file");
    };
    // KWOK runs no container: what they saw is what the test says.
    write(&[
        "open the-pod 10.244.0.9:8080 CONNECTED",
        "closed the-pod 10.244.0.9:8080 TIMEOUT",
    ]);
    let [verdict, found, _] = row(&cluster, &shop, &["--probe"], "enforcement");
    assert_eq!(
        (verdict.as_str(), found.as_str()),
        ("ok", "a policy that forbids a connection closes it")
    );
    write(&[
        "open the-pod 10.244.0.9:8080 CONNECTED",
        "closed the-pod 10.244.0.9:8080 CONNECTED",
    ]);
    let [verdict, found, _] = row(&cluster, &shop, &["--probe"], "enforcement");
    assert_eq!(verdict, "failure");
    assert!(found.contains("does not enforce policies"), "{found}");
    write(&["open the-pod 10.244.0.9:8080 TIMEOUT"]);
    let [verdict, found, _] = row(&cluster, &shop, &["--probe"], "enforcement");
    assert_eq!(verdict, "unknown");
    assert!(
        found.contains("even without a policy: no answer"),
        "{found}"
    );
    until("the end of the namespaces", || {
        let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
        !namespaces.contains("erpc-probe")
    });
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn doctor_takes_no_refusal_for_an_answer() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.apply_yaml(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: checks}\nwebhooks:\n  - name: checks.example.com\n    admissionReviewVersions: [v1]\n    sideEffects: None\n    failurePolicy: Fail\n    clientConfig: {service: {name: checks, namespace: default}}\n    rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [things]}]\n",
    );
    let refused =
        |path: &str| json!({ "method": "GET", "path": path, "status": 403, "body": "not for you" });
    let proxy = Proxy::start(
        &cluster,
        &json!([
            refused("^/apis/apps/v1$"),
            refused("endpointslices"),
            refused("leases"),
            refused("daemonsets/node-local-dns"),
            refused("^/api/v1/namespaces/[^/]*/pods.*part-of"),
        ]),
    );
    let output = proxy
        .command(&["doctor", "--format", "json"], shop.path())
        .output()
        .expect("erpc runs");
    let said = Ran::of(&output).json();
    let checks = said["checks"].as_array().expect("a list");
    for name in [
        "identity",
        "APIs",
        "DNS",
        "webhooks",
        "leftovers",
        "registry",
    ] {
        let check = checks.iter().find(|check| check["check"] == name);
        let check = check.unwrap_or_else(|| panic!("no check {name} in {said}"));
        assert_eq!(check["verdict"], "unknown", "{check}");
        let found = check["found"].as_str().unwrap_or_default();
        assert!(found.contains("not for you"), "{check}");
    }
}
