//! The chart as a release on a real control plane: installed, upgraded, rolled back, uninstalled;
//! and what erpc applied, taken over by Helm and back.

use std::path::Path;
use std::process::Command;

use erpc_tests::repository;
use serde_json::{Value, json};

use super::server::{Cluster, Program, Ran};
use crate::helm::checks::QUANTITIES;

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
            .says(&["STATUS: deployed", "Helm creates all workloads at once"]);
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

const WITH_CLAIMS: &str = "erp 1

platform p { version \"1\"; cluster c }
tiers t
cluster c { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns; storage fast default }
namespace n {
  tier t
  service db { image \"a/b:1.0\"; cpu 100m; memory 64Mi; replicas 2; volume data 1Gi at \"/d\"; volume all 2Gi at \"/a\" shared }
  job load { image \"a/l:1.0\"; cpu 100m; memory 64Mi; deadline 5m }
}
";

#[test]
#[ignore = "needs the server that tests/cluster/build makes and Helm; tests/run runs it"]
fn an_upgrade_that_would_change_a_claim_is_refused_before_it_writes() {
    for variable in [HELM4, HELM3] {
        let cluster = Cluster::start();
        let program = Program::of(WITH_CLAIMS);
        cluster.erpc(&["build"], program.path()).exits(0);
        let run = |arguments: &[&str]| helm(variable, &cluster, arguments, program.path());
        let release = ["upgrade", "--install", "p", "helm", "-n", "default"];
        let upgrade = |more: &[&str]| run(&[&release[..], more].concat());
        // Before there is a claim, it may have another size than in the source.
        let size = |size: &str| format!("services.n.db.persistence.data.size={size}");
        upgrade(&["--set", &size("2Gi")]).exits(0);
        // The same size in another unit.
        upgrade(&["--set", &size("2048Mi")]).exits(0);
        let versions = cluster.versions("p");

        let reason = "services.n.db.persistence.data.size: 3Gi, but the StatefulSet db has 2Gi, and Kubernetes allows no other size in its volumeClaimTemplates";
        upgrade(&["--set", &size("3Gi"), "--set", "services.n.db.replicas=3"])
            .exits(1)
            .says(&[
                reason,
                "kubectl delete statefulset db --namespace n --cascade=orphan",
            ]);
        upgrade(&["--set", "services.n.db.persistence.data.storageClass=slow"])
            .exits(1)
            .says(&["services.n.db.persistence.data.storageClass: slow, but the claims of the StatefulSet db are of fast, which cannot change"]);
        upgrade(&["--set", "services.n.db.persistence.all.size=1Gi"])
            .exits(1)
            .says(&["services.n.db.persistence.all.size: 1Gi, but the claim all in n has 2Gi, and no claim shrinks"]);
        assert_eq!(cluster.versions("p"), versions, "nothing was written");

        // What the message says to do.
        cluster.kubectl(&["delete", "statefulset", "db", "-n", "n", "--cascade=orphan"]);
        upgrade(&["--set", &size("3Gi")]).exits(0);
        let set = cluster.get(&["statefulset", "db", "-n", "n"]);
        let claim = &set["spec"]["volumeClaimTemplates"][0]["spec"];
        assert_eq!(claim["resources"]["requests"]["storage"], "3Gi");
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes and Helm; tests/run runs it"]
fn an_install_that_waits_does_not_wait_for_jobs_that_services_need() {
    for variable in [HELM4, HELM3] {
        let cluster = Cluster::start();
        let program = Program::of(&WITH_CLAIMS.replace("volume data 1Gi at \"/d\"; ", ""));
        program.edit("volume all 2Gi at \"/a\" shared", "port tcp 5000");
        cluster.erpc(&["build"], program.path()).exits(0);
        let install = ["install", "p", "helm", "-n", "default", "--wait"];
        helm(variable, &cluster, &install, program.path()).exits(0);
        let jobs = cluster.get(&["jobs", "-n", "n"]);
        let jobs = jobs["items"].as_array().expect("a list");
        assert_eq!(jobs.len(), 1);
        let annotations = jobs[0]["metadata"]["annotations"].to_string();
        assert!(!annotations.contains("helm.sh/hook"), "{annotations}");
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_chart_takes_no_quantity_that_the_server_refuses() {
    let cluster = Cluster::start();
    let pod = |what: &str, amount: &str| {
        let text = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": "q", "namespace": "default" },
            "spec": { "containers": [{
                "name": "c",
                "image": "a/b:1",
                "resources": { "requests": { what: amount } },
            }] },
        });
        let path = cluster.folder.path().join("quantity.json");
        std::fs::write(&path, text.to_string()).expect("a file");
        let file = path.to_string_lossy();
        let arguments = ["create", "--dry-run=server", "-f", &*file];
        let output = cluster.kubectl_in(&arguments, cluster.folder.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    // What the server reads, and the chart refuses as a mistake.
    let mut mistakes = Vec::new();
    for (text, as_cpu, as_memory) in QUANTITIES {
        for (what, is_taken) in [("cpu", *as_cpu), ("memory", *as_memory)] {
            let (is_read, said) = pod(what, text);
            assert!(is_read || !is_taken, "{what} {text:?}: {said}");
            // Of so many bytes the server cannot count the thousandths, and calls them a fraction.
            let is_countable = !text.ends_with('E') && !text.ends_with("Ei");
            if is_taken {
                assert!(
                    !is_countable || !said.contains("fractional byte value"),
                    "{what} {text:?}: {said}"
                );
            } else if is_read {
                mistakes.push(format!("{what} {text}"));
            }
        }
    }
    // No memory, fractions of bytes, cores by the thousand, and what the grammar of quantities does not have,
    // which the server reads as 0.
    let expected = [
        "memory 0",
        "memory 1.5",
        "memory 0.5",
        "memory .5",
        "memory 1.",
        "memory 100m",
        "memory 0.1",
        "memory 1e-1",
        "memory 500u",
        "cpu 1k",
        "cpu 512M",
        "cpu 1.5G",
        "cpu 1Ki",
        "cpu 1Gi",
        "cpu 1.5Gi",
        "cpu 0.5Gi",
        "cpu .5Gi",
        "cpu 1Ei",
        "cpu 1E",
        "cpu e3",
        "memory e3",
        "cpu .",
        "memory .",
    ];
    assert_eq!(mistakes, expected);
}
