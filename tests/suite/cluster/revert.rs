//! `erpc apply --on-failure revert`: a rollout that stalls goes back to what was there before it.

use serde_json::Value;

use super::apply::declared;
use super::server::{Cluster, Program};

const REVERT: [&str; 7] = [
    "apply",
    "--verbose",
    "--yes",
    "--timeout",
    "5m",
    "--on-failure",
    "revert",
];

/// What is declared of the services; policies stay as the new version has them.
fn services(cluster: &Cluster) -> Vec<String> {
    let mut lines = declared(cluster, "shop");
    lines.retain(|line| !line.starts_with("\"NetworkPolicy\""));
    lines
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_rollout_that_stalls_goes_back_to_what_was_there_before() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = services(&cluster);
    let earlier = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a file");
    let images = |name: &str, kind: &str| {
        let object = cluster.get(&[kind, name, "-n", "shop-back"]);
        object["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };

    // One that gets well, one that does not and whose port moves, and one that is never begun.
    shop.edit("shop/db:1", "shop/db:2");
    shop.edit(
        "shop/api:1\"\n    port http 8080",
        "shop/fault-image:9\"\n    port http 8081",
    );
    shop.edit("shop/web:1", "shop/web:2");
    let ran = cluster.erpc(&REVERT, shop.path()).exits(4).says(&[
        "shop-back.api: image docker.io/shop/fault-image:9 does not exist",
        "going back to what was there before (--on-failure=revert)",
        "shop-back.api did not become ready; as before the run again: shop-back.api, shop-back.db",
        "help: fix what is named above, then apply again; namespaces, accounts and policies of the new version stay",
        "the changed services are as before; `erpc plan` shows what is still to come",
    ]);
    // What needs a service goes back before it.
    let back = ran
        .err
        .split("going back to what")
        .nth(1)
        .expect("the way back");
    let at = |text: &str| back.find(text).unwrap_or_else(|| panic!("{text}: {back}"));
    assert!(
        at("✓ shop-back.api ready") < at("~ StatefulSet shop-back/db"),
        "{back}"
    );
    assert_eq!(services(&cluster), before);
    assert_eq!(images("db", "statefulset"), "docker.io/shop/db:1");
    assert_eq!(images("api", "deployment"), "docker.io/shop/api:1");

    // By the earlier source all services are as they were, and it closes what the new one opened.
    let later = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a file");
    shop.write(&earlier);
    cluster.erpc(&["status"], shop.path()).exits(0);
    let plan = cluster
        .erpc(&["plan", "--format", "json"], shop.path())
        .exits(2)
        .json();
    let kinds = plan["steps"].as_array().expect("a list").iter();
    for kind in kinds.map(|step| &step["kind"]) {
        assert_eq!(*kind, "NetworkPolicy");
    }
    cluster.applied(shop.path());

    // A program hears the same.
    shop.write(&later);
    let ran = cluster
        .erpc(&[&REVERT[..], &["--format", "json"]].concat(), shop.path())
        .exits(4);
    let last: Value = serde_json::from_str(ran.out.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["outcome"], "reverted", "{last}");
    assert!(
        last["help"]
            .as_str()
            .is_some_and(|help| help.contains("apply again"))
    );
    assert_eq!(services(&cluster), before);

    // Mended, it goes forwards.
    shop.edit("shop/fault-image:9", "shop/api:2");
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
    assert_eq!(cluster.listed("shop").len(), cluster.versions("shop").len());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_was_scaled_goes_back_with_its_autoscaler() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = services(&cluster);
    let scalers = || {
        cluster.get(&["hpa", "-n", "shop-back"])["items"]
            .as_array()
            .map(Vec::len)
    };

    // An autoscaler that the run made goes.
    shop.edit("shop/api:1\"", "shop/api:1\"\n    scale 2..4 on cpu 70%");
    shop.edit("shop/web:1", "shop/fault-image:9");
    cluster.erpc(&REVERT, shop.path()).exits(4).says(&[
        "HorizontalPodAutoscaler shop-back/api",
        "as before the run again: shop-back.api, shop-front.web",
    ]);
    assert_eq!(scalers(), Some(0));
    assert_eq!(services(&cluster), before);

    // One that it removed comes back, and the number of replicas is never reset.
    shop.edit("shop/fault-image:9", "shop/web:1");
    cluster.applied(shop.path());
    let scaled = services(&cluster);
    shop.edit("scale 2..4 on cpu 70%", "replicas 3");
    shop.edit("shop/web:1", "shop/fault-image:9");
    let prune = [&REVERT[..], &["--prune"]].concat();
    cluster
        .erpc(&prune, shop.path())
        .exits(4)
        .says(&["as before the run again"]);
    assert_eq!(scalers(), Some(1));
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    assert!(
        api["spec"]["replicas"].as_i64() >= Some(2),
        "{}",
        api["spec"]
    );
    let without_replicas = |lines: &[String]| -> Vec<String> {
        let number = regex::Regex::new(r#""replicas":[0-9]+,"#).expect("a pattern");
        lines
            .iter()
            .map(|line| number.replace(line, "").into_owned())
            .collect()
    };
    assert_eq!(
        without_replicas(&services(&cluster)),
        without_replicas(&scaled)
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_is_new_stays_where_the_rest_goes_back() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let extra = "  service extra {\n    image \"shop/fault-crash:1\"\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    run as 1000\n  }\n\n  service web {";
    shop.edit("  service web {", extra);
    // Alone it takes nothing back, and stays with its log.
    cluster.erpc(&REVERT, shop.path()).exits(3).says(&[
        "container extra has ended 3 times",
        "nothing goes back: no service that was there before has changed",
        "applied, but not ready",
    ]);
    cluster.kubectl(&["get", "deployment", "extra", "-n", "shop-front"]);

    // Beside others it stays, too, and they go back.
    cluster.kubectl(&["delete", "deployment", "extra", "-n", "shop-front"]);
    shop.edit("shop/api:1", "shop/api:2");
    cluster.erpc(&REVERT, shop.path()).exits(4).says(&[
        "Deployment shop-front/extra stays: it is new, so there is nothing to go back to",
        "shop-front.extra did not become ready; as before the run again: shop-back.api",
    ]);
    cluster.kubectl(&["get", "deployment", "extra", "-n", "shop-front"]);
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    let image = &api["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "docker.io/shop/api:1");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn configuration_and_routes_go_back_with_their_service() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit(
        "  storage standard default",
        "  storage standard default\n  ingress nginx by pods ingress-nginx \"app=ingress-nginx\"",
    );
    shop.edit(
        "    image \"shop/api:1\"",
        "    image \"shop/api:1\"\n    config settings { \"settings.json\" = \"one\" } at \"/etc/api\"\n    expose http at \"one.shop.example/\"",
    );
    cluster.applied(shop.path());
    let state = || {
        let settings = cluster.get(&["configmap", "settings", "-n", "shop-back"]);
        let routes = cluster.get(&["ingress", "-n", "shop-back"]);
        let hosts = routes["items"].as_array().expect("a list").iter();
        let hosts: Vec<Value> = hosts
            .map(|route| route["spec"]["rules"][0]["host"].clone())
            .collect();
        (settings["data"]["settings.json"].clone(), hosts)
    };
    let before = (services(&cluster), state());
    assert_eq!(before.1, ("one".into(), vec!["one.shop.example".into()]));

    shop.edit("\"one\"", "\"two\"");
    shop.edit("one.shop.example", "two.shop.example");
    shop.edit("shop/web:1", "shop/fault-image:9");
    cluster.erpc(&REVERT, shop.path()).exits(4).says(&[
        "~ ConfigMap shop-back/settings",
        "~ Ingress shop-back/api",
        "shop-front.web did not become ready; as before the run again: shop-back.api, shop-front.web",
    ]);
    assert_eq!((services(&cluster), state()), before);
}
