//! What others applied becomes erpc's, and what a change opens and closes on the way.

use erpc_tests::erpc;
use serde_json::Value;

use super::server::{Cluster, Program, Watch};

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_kubectl_applied_is_adopted_without_a_restart() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit(
        "image \"shop/api:1\"",
        "image \"shop/api:1\"\n    env OLD = \"1\"",
    );
    let out = shop.path().join("out");
    let built = erpc(&[
        "build".as_ref(),
        shop.path().as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!(built.exit, erpc_cli::Exit::Done, "{}", built.err);
    let applied = cluster.kubectl_in(&["apply", "-R", "-f", "share", "-f", "lib"], &out);
    assert!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );
    cluster.kubectl(&[
        "rollout",
        "status",
        "deployment/web",
        "-n",
        "shop-front",
        "--timeout=120s",
    ]);
    cluster.kubectl(&[
        "rollout",
        "status",
        "statefulset/db",
        "-n",
        "shop-back",
        "--timeout=120s",
    ]);
    let pods = || {
        let pods = cluster.get(&["pods", "-A", "-l", "app.kubernetes.io/part-of=shop"]);
        let pods = pods["items"].as_array().expect("a list").iter();
        let mut uids: Vec<String> = pods.map(|pod| pod["metadata"]["uid"].to_string()).collect();
        uids.sort();
        uids
    };
    let before = pods();
    assert_eq!(before.len(), 4);

    cluster.erpc(&["adopt"], shop.path()).exits(1).says(&[
        "= Deployment shop-back/api from kubectl-client-side-apply",
        "--yes is required",
    ]);
    cluster
        .erpc(&["adopt", "--yes"], shop.path())
        .exits(0)
        .says(&["adopted 1"]);
    cluster
        .erpc(&["adopt", "--yes"], shop.path())
        .exits(0)
        .says(&["nothing to adopt"]);
    cluster.applied(shop.path());
    assert_eq!(pods(), before, "no pod was restarted");
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    let annotations = &api["metadata"]["annotations"];
    assert!(annotations["kubectl.kubernetes.io/last-applied-configuration"].is_null());

    // A field that leaves the source leaves the cluster, though kubectl had set it.
    shop.edit("\n    env OLD = \"1\"", "");
    cluster.applied(shop.path());
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    assert!(
        api["spec"]["template"]["spec"]["containers"][0]["env"].is_null(),
        "{api}"
    );
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn no_flow_of_both_versions_is_closed_while_a_port_moves() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let text = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a file");
    let (head, tail) = text.split_once("service api {").expect("the server");
    let tail = tail.replacen("port http 8080", "port http 8081", 1);
    shop.write(&format!("{head}service api {{{tail}"));
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "+ flow shop-front",
        ":8081/TCP",
        "- flow shop-front",
        ":8080/TCP",
        "1 flow opens, 1 flow closes",
    ]);

    let watch = Watch::start(&cluster, &["networkpolicy", "-n", "shop-back"]);
    // What is there comes first.
    watch.until(|seen| seen.len() >= 3);
    cluster.applied(shop.path());
    let is_last = |policy: &Value| {
        policy["metadata"]["name"] == "api"
            && policy["spec"]["ingress"][0]["ports"][0]["port"] == 8081
            && policy["spec"]["ingress"].as_array().map(Vec::len) == Some(1)
    };
    let versions = watch.until(|seen| seen.iter().any(is_last));

    let ports = |policy: &Value, direction: &str| -> Vec<i64> {
        let rules = policy["spec"][direction].as_array().cloned();
        let ports = rules.into_iter().flatten().flat_map(|rule| {
            let ports = rule["ports"].as_array().cloned();
            ports.into_iter().flatten()
        });
        ports.filter_map(|port| port["port"].as_i64()).collect()
    };
    let of = |name: &str| {
        let name = name.to_owned();
        versions
            .iter()
            .filter(move |policy| policy["metadata"]["name"] == name.as_str())
    };
    assert!(
        of("api").count() >= 3,
        "before, between and after: {}",
        of("api").count()
    );
    for policy in of("api") {
        assert!(ports(policy, "egress").contains(&5432), "{policy}");
    }
    for policy in of("db") {
        assert!(ports(policy, "ingress").contains(&5432), "{policy}");
    }
    let has_both = of("api").any(|policy| {
        let ports = ports(policy, "ingress");
        ports.contains(&8080) && ports.contains(&8081)
    });
    assert!(
        has_both,
        "the old pods keep their port until the new ones are ready"
    );
    let last = of("api").next_back().expect("a version");
    assert_eq!(ports(last, "ingress"), [8081]);
}
