//! The chart as a release on a real control plane: installed, upgraded, rolled back, uninstalled;
//! and what erpc applied, taken over by Helm and back.

use std::path::Path;
use std::process::Command;

use erpc_tests::repository;
use serde_json::{Value, json};

use super::server::{Cluster, Program, Ran};

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

#[test]
#[ignore = "needs the server that tests/cluster/build makes and Helm; tests/run runs it"]
fn what_erpc_applied_goes_to_a_release_and_back_without_a_restart() {
    for variable in [HELM4, HELM3] {
        let cluster = Cluster::start();
        let shop = Program::shop();
        cluster.applied(shop.path());
        cluster.erpc(&["build"], shop.path()).exits(0);
        let run = |arguments: &[&str]| helm(variable, &cluster, arguments, shop.path());
        let install = ["upgrade", "--install", "shop", "helm", "-n", "default"];
        run(&install)
            .exits(1)
            .says(&["cannot be imported into the current release"]);
        let pods = || {
            let pods = cluster.get(&["pods", "-A", "-l", "app.kubernetes.io/part-of=shop"]);
            let pods = pods["items"].as_array().expect("a list").iter();
            let mut uids: Vec<String> =
                pods.map(|pod| pod["metadata"]["uid"].to_string()).collect();
            uids.sort();
            uids
        };
        let before = pods();
        assert_eq!(before.len(), 4);
        let versions = cluster.versions("shop");

        let adopt = ["adopt", "--helm", "shop", "--release-namespace", "default"];
        let adopt = |more: &[&str]| cluster.erpc(&[&adopt[..], more].concat(), shop.path());
        adopt(&[]).exits(2).says(&[
            "~ Deployment shop-back/api",
            "app.kubernetes.io/managed-by: erpc -> Helm",
            "meta.helm.sh/release-name: nothing -> shop",
            "meta.helm.sh/release-namespace: nothing -> default",
        ]);
        assert_eq!(cluster.versions("shop"), versions, "it only prints");
        adopt(&["--apply"])
            .exits(0)
            .says(&["helm upgrade --install shop"]);
        adopt(&[]).exits(0).says(&["nothing to change"]);
        let other = ["adopt", "--helm", "other", "--release-namespace", "default"];
        let refused = cluster.erpc(&other, shop.path()).exits(1);
        refused.says(&["belongs to the release `shop`"]);
        run(&install).exits(0).says(&["STATUS: deployed"]);
        assert_eq!(pods(), before, "no pod was restarted");
        run(&[
            &install[..],
            &["--set", "services.shop-front.web.replicas=3"],
        ]
        .concat())
        .exits(0);
        let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
        assert_eq!(web["spec"]["replicas"], 3);
        run(&[&install[..], &["--reset-values"]].concat()).exits(0);

        adopt(&["--back", "--apply"])
            .exits(0)
            .says(&["owner=helm,name=shop"]);
        cluster.kubectl(&[
            "delete",
            "secret",
            "-n",
            "default",
            "-l",
            "owner=helm,name=shop",
        ]);
        cluster.erpc(&["adopt", "--yes"], shop.path()).exits(0);
        cluster.applied(shop.path());
        cluster.erpc(&["plan"], shop.path()).exits(0);
        let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
        assert_eq!(
            api["metadata"]["labels"]["app.kubernetes.io/managed-by"],
            "erpc"
        );
        assert!(api["metadata"]["annotations"]["meta.helm.sh/release-name"].is_null());
        assert!(api["metadata"]["labels"]["helm.sh/chart"].is_null());
        assert!(api["metadata"]["labels"]["app.kubernetes.io/instance"].is_null());
        let left: Vec<String> = pods()
            .into_iter()
            .filter(|uid| before.contains(uid))
            .collect();
        assert!(
            left.len() >= 3,
            "only pods that came with the third replica may differ"
        );
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes and Helm; tests/run runs it"]
fn what_the_readme_of_a_chart_says_installs_it() {
    for example in ["examples/hello", "examples/shop"] {
        let cluster = Cluster::start();
        let folder = repository().join(example);
        let readme = std::fs::read_to_string(folder.join("helm/README.md")).expect("a README");
        let line = readme
            .lines()
            .find_map(|line| line.strip_prefix("helm install "));
        let arguments = line.expect("the command").split_whitespace();
        let arguments: Vec<&str> = ["install"].into_iter().chain(arguments).collect();
        helm(HELM4, &cluster, &arguments, &folder)
            .exits(0)
            .says(&["STATUS: deployed"]);
    }
}
