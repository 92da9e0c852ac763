//! The chart as a release on a real control plane: installed, upgraded, rolled back, uninstalled;
//! and what erpc applied, taken over by Helm and back.

use std::path::Path;
use std::process::Command;

use erpc_tests::repository;
use serde_json::{Value, json};

use super::server::{Cluster, Ran};

const HELM4: &str = "ERPC_TEST_HELM4";
const HELM3: &str = "ERPC_TEST_HELM3";

/// Runs Helm against the cluster.
fn helm(variable: &str, cluster: &Cluster, arguments: &[&str], folder: &Path) -> Ran {
    let binary = std::env::var_os(variable).expect("what tests/helm/build prints");
    let output = Command::new(binary)
        .args(arguments)
        .current_dir(folder)
        .env("KUBECONFIG", cluster.kubeconfig())
        .env("HOME", cluster.folder.path())
        .output();
    Ran::of(&output.expect("helm runs"))
}

/// One field of every object of a kind in a namespace, by its name.
fn fields(cluster: &Cluster, kind: &str, namespace: &str, pointer: &str) -> Vec<(String, Value)> {
    let list = cluster.get(&[kind, "-n", namespace]);
    let items = list["items"].as_array().expect("a list").iter();
    items
        .map(|item| {
            let name = item["metadata"]["name"].as_str().expect("a name");
            (
                name.to_owned(),
                item.pointer(pointer).cloned().unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes and Helm; tests/run runs it"]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_but_keeps_its_data() {
    for variable in [HELM4, HELM3] {
        let cluster = Cluster::start();
        let folder = repository().join("examples/shop");
        let run = |arguments: &[&str]| helm(variable, &cluster, arguments, &folder);
        run(&["lint", "--strict", "helm"]).exits(0);
        let install = ["install", "shop", "helm", "-n", "default"];
        let dry = [&install[..], &["--dry-run=server"]].concat();
        run(&dry).exits(0).says(&["STATUS: pending-install"]);
        let nothing = cluster.get(&["namespaces", "-l", "app.kubernetes.io/part-of=shop"]);
        assert_eq!(nothing["items"], json!([]), "a dry run writes nothing");

        let out = cluster.folder.path().display().to_string();
        run(&["package", "helm", "-d", &out]).exits(0);
        run(&install)
            .exits(0)
            .says(&["STATUS: deployed", "Helm has no order of tiers"]);
        let before = fields(&cluster, "deployments", "shop-edge", "/spec/replicas");
        assert!(!before.is_empty());

        let change = "services.shop-edge.storefront.image.tag=9.9";
        let upgrade = ["upgrade", "shop", "helm", "-n", "default", "--set", change];
        run(&upgrade).exits(0).says(&["REVISION: 2"]);
        let image = "/spec/template/spec/containers/0/image";
        let images = fields(&cluster, "deployments", "shop-edge", image);
        let is_changed = |(name, image): &(String, Value)| {
            let image = image.as_str().expect("an image");
            assert_eq!(
                name == "storefront",
                image.ends_with(":9.9"),
                "{name}: {image}"
            );
            name == "storefront"
        };
        assert_eq!(images.iter().filter(|one| is_changed(one)).count(), 1);

        run(&["rollback", "shop", "1", "-n", "default"]).exits(0);
        let images = fields(&cluster, "deployments", "shop-edge", image);
        assert!(
            images
                .iter()
                .all(|(_, image)| !image.to_string().contains(":9.9"))
        );
        assert_eq!(
            fields(&cluster, "deployments", "shop-edge", "/spec/replicas"),
            before
        );

        let database = [
            "rollout",
            "status",
            "statefulset/orders-db",
            "-n",
            "shop-data",
        ];
        cluster.kubectl(&[&database[..], &["--timeout=120s"]].concat());
        let claims = || {
            fields(
                &cluster,
                "persistentvolumeclaims",
                "shop-data",
                "/metadata/uid",
            )
        };
        let data = claims();
        assert_eq!(data.len(), 1);
        run(&["uninstall", "shop", "-n", "default"]).exits(0);
        let left = cluster.get(&["deployments", "-A", "-l", "app.kubernetes.io/part-of=shop"]);
        assert_eq!(left["items"], json!([]));
        let kept = cluster.get(&["namespaces", "-l", "app.kubernetes.io/part-of=shop"]);
        assert!(!kept["items"].as_array().expect("a list").is_empty());
        assert_eq!(claims(), data);
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes and Helm; tests/run runs it"]
fn erp1_is_one_release_and_a_wrong_value_stops_before_the_cluster() {
    let cluster = Cluster::start();
    let run = |arguments: &[&str]| helm(HELM4, &cluster, arguments, &repository());
    let install = ["install", "erp-uno", "helm", "-n", "default"];
    let wrong = [
        &install[..],
        &["--set", "services.erp-apps.hl7-health.hpa.minReplicas=many"],
    ];
    run(&wrong.concat())
        .exits(1)
        .says(&["at '/services/erp-apps/hl7-health/hpa/minReplicas': got string, want integer"]);
    let small = [&install[..], &["--values", "helm/values-kind.yaml"]].concat();
    run(&small).exits(0).says(&["STATUS: deployed"]);
    let policies = cluster.get(&[
        "networkpolicies",
        "-A",
        "-l",
        "app.kubernetes.io/managed-by=Helm",
    ]);
    assert!(policies["items"].as_array().expect("a list").len() > 20);
    // Without it Helm takes the values of the release before.
    let back = [
        "upgrade",
        "erp-uno",
        "helm",
        "-n",
        "default",
        "--reset-values",
    ];
    run(&back).exits(0);
    cluster.get(&["statefulset", "ldap-directory", "-n", "erp-security"]);
}
