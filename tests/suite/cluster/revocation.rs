//! What may go on when something else cannot: parts of a platform with `--only`, plans of which one object
//! is blocked, and what closes or goes although a service is not ready.

use serde_json::Value;

use super::server::{Cluster, Program, SHOP, until};

fn image(cluster: &Cluster, namespace: &str, kind: &str, name: &str) -> Value {
    let workload = cluster.get(&[kind, name, "-n", namespace]);
    workload["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().into_iter().flatten();
    items
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect()
}

/// A service that needs nothing and that nothing needs.
const LONER: &str = r#"
namespace shop-side {
  tier back

  service loner {
    image "shop/loner:1"
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
  }
}
"#;

fn shop_with_loner() -> Program {
    Program::of(&format!("{SHOP}{LONER}"))
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn only_plans_applies_and_prunes_within_the_selection() {
    let cluster = Cluster::start();
    let shop = shop_with_loner();
    // Of a cluster without anything: the service, and what it shares with others because it is missing.
    cluster
        .erpc(
            &["apply", "--yes", "--only", "shop-side.loner"],
            shop.path(),
        )
        .exits(0)
        .says(&["every changed service is ready"]);
    cluster.kubectl(&["get", "networkpolicy", "default-deny", "-n", "shop-side"]);
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop-back"), "{namespaces}");
    cluster
        .erpc(&["plan", "--only", "shop-side"], shop.path())
        .exits(0);
    cluster.applied(shop.path());

    shop.edit("shop/api:1", "shop/api:2");
    shop.edit("shop/loner:1", "shop/loner:2");
    shop.edit("shop/web:1", "shop/web:2");
    let plan = cluster
        .erpc(
            &[
                "plan",
                "--only",
                "shop-back.api",
                "--only",
                "shop-front",
                "--format",
                "json",
            ],
            shop.path(),
        )
        .exits(2)
        .json();
    let steps = plan["steps"].as_array().expect("a list");
    let named: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["name"].as_str())
        .collect();
    assert_eq!(named, ["api", "web"]);
    cluster
        .erpc(&["apply", "--yes", "--only", "shop-back.api"], shop.path())
        .exits(0)
        .says(&["1 of 1 object written"]);
    assert_eq!(
        image(&cluster, "shop-back", "deployment", "api"),
        "docker.io/shop/api:2"
    );
    assert_eq!(
        image(&cluster, "shop-side", "deployment", "loner"),
        "docker.io/shop/loner:1"
    );

    // A saved plan knows what it is about.
    cluster
        .erpc(
            &["plan", "--only", "shop-side", "--out", "plan.json"],
            shop.path(),
        )
        .exits(2);
    cluster
        .erpc(
            &["apply", "--yes", "plan.json", "--only", "shop-back"],
            shop.path(),
        )
        .exits(64)
        .says(&["--only has no effect here"]);
    cluster
        .erpc(&["apply", "--yes", "plan.json"], shop.path())
        .exits(0)
        .says(&["1 of 1 object written"]);
    assert_eq!(
        image(&cluster, "shop-front", "deployment", "web"),
        "docker.io/shop/web:1"
    );

    // A service that left the source can be named, and nothing else is pruned.
    let text = SHOP
        .replace("shop/api:1", "shop/api:2")
        .replace("shop/web:1", "shop/web:2");
    let front = text.find("namespace shop-front").expect("it is there");
    shop.write(&text[..front]);
    cluster
        .erpc(
            &[
                "apply",
                "--yes",
                "--prune",
                "--confirm",
                "shop",
                "--only",
                "shop-side.loner",
            ],
            shop.path(),
        )
        .exits(0);
    let left = cluster.get(&["deployments", "-A", "-l", "app.kubernetes.io/part-of=shop"]);
    assert_eq!(names(&left), ["api", "web"]);
    let history = cluster.erpc(&["history"], shop.path()).exits(0);
    assert!(
        history.out.contains("only shop-side.loner"),
        "{}",
        history.out
    );

    // The whole platform afterwards: what was outside of the selection is still known.
    shop.write(&text);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_misspelt_name_ends_the_command_with_the_nearest_one() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("shop/api:1", "shop/api:2");
    for (arguments, near) in [
        (&["plan", "--only", "shop-bakc"][..], "`shop-back`"),
        (&["plan", "--only", "shop-back.apj"], "`shop-back.api`"),
        (
            &["apply", "--yes", "--only", "shop-front.wbe"],
            "`shop-front.web`",
        ),
        (&["apply", "--yes", "--replace", "dbb"], "`db`"),
        (
            &["plan", "--take-from", "kube-controler-manager"],
            "`kube-controller-manager`",
        ),
        (
            &["destroy", "--confirm", "shop", "--namespace", "shop-bck"],
            "`shop-back`",
        ),
        (&["rollback", "--yes", "--only", "shop-bakc"], "`shop-back`"),
    ] {
        let ran = cluster.erpc(arguments, shop.path());
        if arguments[0] == "rollback" && ran.code == 1 {
            // There is one release only.
            continue;
        }
        ran.exits(64).says(&["did you mean", near]);
    }
    assert_eq!(
        image(&cluster, "shop-back", "deployment", "api"),
        "docker.io/shop/api:1"
    );
    cluster.kubectl(&["get", "namespace", "shop-back"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn one_conflict_holds_up_its_service_and_what_requires_it_and_nothing_else() {
    let cluster = Cluster::start();
    let shop = shop_with_loner();
    cluster.applied(shop.path());
    cluster.kubectl(&[
        "scale",
        "deployment",
        "api",
        "-n",
        "shop-back",
        "--replicas=3",
    ]);

    // Other pods of `api` are blocked, so `web`, which requires it, waits; `db` and `loner` do not.
    for name in ["db", "api", "web", "loner"] {
        shop.edit(&format!("shop/{name}:1"), &format!("shop/{name}:2"));
    }
    cluster.erpc(&["plan"], shop.path()).exits(1).says(&[
        "! shop-back/api",
        "spec.replicas is kubectl's",
        "left out with it: shop-front.web",
        "2 to change, 1 blocked",
    ]);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(4)
        .says(&[
            "2 of 2 objects written",
            "blocked: Deployment shop-back/api; 1 object that needs it was left out",
        ]);
    assert_eq!(
        image(&cluster, "shop-back", "statefulset", "db"),
        "docker.io/shop/db:2"
    );
    assert_eq!(
        image(&cluster, "shop-side", "deployment", "loner"),
        "docker.io/shop/loner:2"
    );
    assert_eq!(
        image(&cluster, "shop-back", "deployment", "api"),
        "docker.io/shop/api:1"
    );
    assert_eq!(
        image(&cluster, "shop-front", "deployment", "web"),
        "docker.io/shop/web:1"
    );
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    assert_eq!(api["spec"]["replicas"], 3);

    // Where nothing but the number differs, no revision changes, and `web` goes on.
    shop.edit("shop/api:2", "shop/api:1");
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(4);
    assert_eq!(
        image(&cluster, "shop-front", "deployment", "web"),
        "docker.io/shop/web:2"
    );
    // Nothing is left but what is blocked.
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["nothing was written"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn one_namespace_that_is_being_deleted_is_one_line_and_the_rest_goes_on() {
    let cluster = Cluster::start();
    let shop = shop_with_loner();
    cluster.applied(shop.path());
    cluster.apply_yaml(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: holds\n  namespace: shop-side\n  finalizers: [example.org/holds]\n",
    );
    cluster.kubectl(&["delete", "namespace", "shop-side", "--wait=false"]);
    until("the end of the deployment", || {
        let left = cluster.get(&["deployments", "-n", "shop-side"]);
        names(&left).is_empty()
    });
    shop.edit("shop/web:1", "shop/web:2");
    let plan = cluster.erpc(&["plan"], shop.path()).exits(1).says(&[
        "Namespace shop-side is being deleted",
        "left out with it: ",
        "shop-side.loner",
    ]);
    let blocked = plan.out.lines().filter(|line| line.starts_with('!'));
    assert_eq!(blocked.count(), 1, "{}", plan.out);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(4)
        .says(&["blocked: Namespace shop-side"]);
    assert_eq!(
        image(&cluster, "shop-front", "deployment", "web"),
        "docker.io/shop/web:2"
    );
    cluster.kubectl(&[
        "patch",
        "configmap",
        "holds",
        "-n",
        "shop-side",
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/metadata/finalizers"}]"#,
    ]);
    until("the end of the namespace", || {
        let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
        !namespaces.contains("shop-side")
    });
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

/// What the policy of `db` lets in.
fn callers_of_db(cluster: &Cluster) -> String {
    let policy = cluster.get(&["networkpolicy", "db", "-n", "shop-back"]);
    policy["spec"]["ingress"].to_string()
}

/// `web` calls `db` as well, `api` does not become ready, and `loner` stands alone.
fn shop_with_a_broken_service(cluster: &Cluster) -> Program {
    let shop = shop_with_loner();
    shop.edit(
        "calls shop-back.api:http",
        "calls shop-back.api:http\n    calls shop-back.db:sql",
    );
    cluster.applied(shop.path());
    shop.edit("shop/api:1", "shop/fault-crash:1");
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(3);
    shop
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_with_nothing_to_write_and_a_service_that_is_not_ready_exits_3() {
    let cluster = Cluster::start();
    let shop = shop_with_a_broken_service(&cluster);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(3)
        .says(&["applied, but not ready"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_service_that_is_not_ready_holds_up_no_revocation_that_is_not_its_own() {
    let cluster = Cluster::start();
    let shop = shop_with_a_broken_service(&cluster);
    assert!(callers_of_db(&cluster).contains("web"));
    // Neither end of the flow changes, and nothing needs `loner`; `api` stays as broken as it is.
    shop.edit("\n    calls shop-back.db:sql", "");
    let text = std::fs::read_to_string(shop.path().join("platform.erp")).expect("the source");
    let side = text.find("namespace shop-side").expect("it is there");
    shop.write(&text[..side]);
    cluster
        .erpc(
            &["apply", "--yes", "--prune", "--confirm", "shop"],
            shop.path(),
        )
        .exits(3)
        .says(&["applied, but not ready"]);
    assert!(!callers_of_db(&cluster).contains("web"));
    let left = cluster.get(&["deployments", "-n", "shop-side"]);
    assert_eq!(names(&left), Vec::<&str>::new());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_stays_open_is_listed_with_the_reason_and_revoke_closes_it_at_once() {
    let cluster = Cluster::start();
    let shop = shop_with_a_broken_service(&cluster);
    // `api` may not call `db` any more, and its new revision does not get ready: the old one may need it.
    shop.edit("    calls db:sql\n", "");
    shop.edit("shop/fault-crash:1", "shop/fault-crash:2");
    let ran = cluster
        .erpc(&["apply", "--yes", "--format", "json"], shop.path())
        .exits(4);
    let last = ran.out.lines().last().expect("a summary");
    let summary: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(summary["outcome"], "partly");
    let rest = summary["notDone"].as_array().expect("a list");
    assert!(
        rest.iter()
            .any(|rest| rest["object"] == "NetworkPolicy shop-back/db"
                && rest["what"] == "closed"
                && rest["reason"] == "shop-back.api is not ready"),
        "{summary}"
    );
    assert!(callers_of_db(&cluster).contains("api"));

    cluster
        .erpc(&["plan", "--revoke"], shop.path())
        .says(&["--revoke: what closes does so before the rollouts"]);
    let mut run = cluster.spawn(&["apply", "--yes", "--revoke"], shop.path());
    until("the closed flow", || {
        !callers_of_db(&cluster).contains("api")
    });
    let end = run.wait().expect("it ended");
    assert_eq!(end.code(), Some(3));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_another_deleted_comes_back_although_a_service_is_not_ready() {
    let cluster = Cluster::start();
    let shop = shop_with_a_broken_service(&cluster);
    cluster.kubectl(&[
        "delete",
        "networkpolicy",
        "default-deny",
        "-n",
        "shop-front",
    ]);
    cluster.kubectl(&["delete", "service", "web", "-n", "shop-front"]);
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(3);
    cluster.kubectl(&["get", "networkpolicy", "default-deny", "-n", "shop-front"]);
    cluster.kubectl(&["get", "service", "web", "-n", "shop-front"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn policies_of_a_removed_service_outlive_its_pods() {
    let cluster = Cluster::start();
    let shop = shop_with_loner();
    cluster.applied(shop.path());
    let pods = cluster.get(&["pods", "-n", "shop-side"]);
    let pod = names(&pods)[0].to_owned();
    let hold = |finalizers: &str| {
        let patch = format!(r#"{{"metadata":{{"finalizers":{finalizers}}}}}"#);
        let patch = [
            "patch",
            "pod",
            &pod,
            "-n",
            "shop-side",
            "--type=merge",
            "-p",
            &patch,
        ];
        cluster.kubectl(&patch);
    };
    hold(r#"["example.com/hold"]"#);
    shop.edit("service loner", "service other");
    let prune = ["apply", "--yes", "--prune", "--timeout", "5s"];
    cluster.erpc(&prune, shop.path()).exits(4).says(&[
        "NetworkPolicy shop-side/loner was not deleted: pod loner-",
        "Service shop-side/loner was not deleted",
        "is held by the finalizer example.com/hold",
    ]);
    let workloads = cluster.get(&["deployments", "-n", "shop-side"]);
    assert_eq!(names(&workloads), ["other"]);
    cluster.kubectl(&["get", "service,networkpolicy", "loner", "-n", "shop-side"]);

    hold("[]");
    cluster.erpc(&prune, shop.path()).exits(0);
    let left = cluster.get(&["services,networkpolicies", "-n", "shop-side"]);
    assert!(!names(&left).contains(&"loner"), "{left}");
}
