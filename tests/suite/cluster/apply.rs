//! What `erpc apply` does to a real control plane.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use erpc_tests::repository;

use super::erp1::autoscalers_are_done;
use super::server::{Cluster, Program, Ran, until};

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn erp1_is_applied_until_all_is_ready_and_a_second_time_nothing_is_written() {
    let cluster = Cluster::start_audited();
    let platform = repository();
    make_secrets_of_erp1(&cluster);
    cluster
        .applied(&platform)
        .says(&["every changed service is ready"]);
    // How often the lease is renewed depends on the machine; nothing else does.
    let requests = cluster.audited("admin").into_iter().filter(|entry| {
        let is_of_apply = entry["userAgent"]
            .as_str()
            .is_some_and(|agent| agent.contains("apply"));
        is_of_apply
            && entry["stage"] == "ResponseComplete"
            && entry["objectRef"]["resource"] != "leases"
    });
    let requests = requests.count();
    println!("{requests} requests");
    assert!((300..=500).contains(&requests), "{requests} requests");
    autoscalers_are_done(&cluster);
    let pods = cluster.get(&["pods", "-A"]);
    let pods = pods["items"].as_array().expect("a list");
    assert!(pods.len() >= 33);
    for pod in pods {
        assert_eq!(
            pod["status"]["phase"], "Running",
            "{}",
            pod["metadata"]["name"]
        );
    }
    let before = cluster.versions("erp-uno");
    assert!(before.len() > 170, "{}", before.len());
    assert_eq!(cluster.listed("erp-uno").len(), before.len());
    let inventory = cluster.get(&["configmap", "erpc-erp-uno", "-n", "erpc-system"]);
    cluster
        .applied(&platform)
        .says(&["nothing to do", "nothing was written"]);
    assert_eq!(cluster.versions("erp-uno"), before);
    let again = cluster.get(&["configmap", "erpc-erp-uno", "-n", "erpc-system"]);
    assert_eq!(
        again["metadata"]["resourceVersion"],
        inventory["metadata"]["resourceVersion"]
    );
}

/// The Secrets that ERP/1 declares, made as its plan says.
pub(super) fn make_secrets_of_erp1(cluster: &Cluster) {
    make_secrets(cluster, &repository());
}

/// The Secrets that a program declares, made as its plan says.
pub(super) fn make_secrets(cluster: &Cluster, folder: &Path) {
    let plan = cluster.erpc(&["plan", "--format", "json"], folder).json();
    let key = cluster.folder.path().join("keys/admin.key");
    let certificate = cluster.folder.path().join("keys/admin.crt");
    for secret in plan["missingSecrets"].as_array().expect("a list") {
        for command in secret["commands"].as_array().expect("a list") {
            let command = command
                .as_str()
                .expect("text")
                .replace("tls.key", &key.display().to_string())
                .replace("tls.crt", &certificate.display().to_string());
            let arguments: Vec<&str> = command.split(' ').skip(1).collect();
            // Two Secrets of one namespace both begin with it.
            let made = cluster.kubectl_in(&arguments, folder);
            let said = String::from_utf8_lossy(&made.stderr);
            assert!(
                made.status.success() || said.contains("AlreadyExists"),
                "{command}: {said}"
            );
        }
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_change_writes_what_changed_and_nothing_else() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let before = cluster.versions("shop");

    shop.edit("shop/api:1", "shop/api:2");
    cluster
        .erpc(&["plan"], shop.path())
        .exits(2)
        .says(&[
            "~ shop-back/api  Deployment",
            "spec.template.spec.containers[api].image \"docker.io/shop/api:1\" → \"docker.io/shop/api:2\"  platform.erp:34",
            "restarts 1 pod, no downtime",
            "1 to change",
        ]);
    cluster
        .applied(shop.path())
        .says(&["1 of 1 object written"]);
    let after = cluster.versions("shop");
    let changed: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(changed[0].contains("api"));

    shop.edit("port http 8080\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n    calls db:sql", "port http 8081\n    cpu 10m..100m\n    memory 16Mi..64Mi\n    health http \"/\"\n    run as 1000\n    calls db:sql");
    cluster.applied(shop.path());
    let service = cluster.get(&["service", "api", "-n", "shop-back"]);
    assert_eq!(service["spec"]["ports"][0]["port"], 8081);
    let policy = cluster.get(&["networkpolicy", "api", "-n", "shop-back"]);
    assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], 8081);
    assert_eq!(policy["spec"]["ingress"].as_array().map(Vec::len), Some(1));

    shop.edit("replicas 2", "scale 3..5 on cpu 70%");
    cluster.applied(shop.path());
    let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
    assert!(
        web["spec"]["replicas"].as_i64() >= Some(2),
        "never reset to one"
    );
    shop.edit("scale 3..5 on cpu 70%", "replicas 4");
    cluster
        .erpc(&["apply", "--yes", "--prune"], shop.path())
        .exits(0);
    let web = cluster.get(&["deployment", "web", "-n", "shop-front"]);
    assert_eq!(web["spec"]["replicas"], 4);
    let scalers = cluster.get(&["hpa", "-n", "shop-front"]);
    assert_eq!(scalers["items"].as_array().map(Vec::len), Some(0));
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_left_the_source_is_pruned_only_when_somebody_says_so() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let claim = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    let text = super::server::SHOP;
    let (head, rest) = text.split_once("  service db {").expect("the database");
    let (_, tail) = rest.split_once("  service api {").expect("the server");
    shop.write(&format!("{head}  service api {{{tail}").replace("    calls db:sql\n", ""));

    cluster
        .applied(shop.path())
        .says(&["not in the source any more (deleted with --prune)"]);
    cluster.kubectl(&["get", "statefulset", "db", "-n", "shop-back"]);
    cluster
        .erpc(&["apply", "--yes", "--prune"], shop.path())
        .exits(1)
        .says(&["--confirm shop is required"]);
    cluster
        .erpc(
            &["apply", "--yes", "--prune", "--confirm", "shop"],
            shop.path(),
        )
        .exits(0);
    let left = cluster.get(&["statefulset,service,networkpolicy", "-n", "shop-back"]);
    let left: Vec<String> = left["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["metadata"]["name"].to_string())
        .collect();
    assert!(!left.contains(&"\"db\"".to_owned()), "{left:?}");
    let kept = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(kept["metadata"]["uid"], claim["metadata"]["uid"]);
    assert!(
        !cluster
            .listed("shop")
            .iter()
            .any(|line| line.contains("StatefulSet"))
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn another_profile_changes_what_it_says_and_prunes_only_when_the_name_is_said() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let text = super::server::SHOP;
    shop.write(&format!(
        "{text}\nprofile small {{ shop-front.web = off }}\n"
    ));
    cluster.applied(shop.path());
    let small = ["apply", "--yes", "--profile", "small"];
    cluster.erpc(&small, shop.path()).exits(0).says(&[
        "no profile was applied last, and this is the profile `small`",
        "not in the source any more (deleted with --prune)",
    ]);
    cluster.kubectl(&["get", "deployment", "web", "-n", "shop-front"]);
    let prune = [&small[..], &["--prune"]].concat();
    cluster
        .erpc(&prune, shop.path())
        .exits(1)
        .says(&["--confirm shop is required"]);
    let confirmed = [&prune[..], &["--confirm", "shop"]].concat();
    cluster.erpc(&confirmed, shop.path()).exits(0);
    let left = cluster.get(&["deployment", "-n", "shop-front"]);
    assert_eq!(left["items"], serde_json::json!([]));
    // Back again: what is off there is made anew.
    cluster.applied(shop.path());
    cluster.kubectl(&["get", "deployment", "web", "-n", "shop-front"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_run_that_is_killed_at_any_moment_ends_like_one_that_is_not() {
    let whole = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    whole.applied(shop.path());
    let wanted = declared(&whole, "shop");

    let cluster = Cluster::start();
    let mut killed = 0;
    for moment in 1..=20_u64 {
        let mut run = cluster
            .command(&["apply", "--yes"], shop.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("erpc runs");
        // The moments lie close together where objects are written, and reach into the wait.
        std::thread::sleep(Duration::from_millis(60 * moment));
        if run.try_wait().expect("a child").is_none() {
            run.kill().expect("it runs");
            killed += 1;
        }
        run.wait().expect("it ended");
    }
    assert!(killed >= 10, "{killed} runs were killed");
    cluster.applied(shop.path());
    assert_eq!(declared(&cluster, "shop"), wanted);
    assert_eq!(cluster.listed("shop"), whole.listed("shop"));
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

/// What erpc declares of each object of a platform, without what differs from cluster to cluster.
pub(super) fn declared(cluster: &Cluster, platform: &str) -> Vec<String> {
    let selector =
        format!("app.kubernetes.io/part-of={platform},app.kubernetes.io/managed-by=erpc");
    let kinds = "namespaces,services,networkpolicies,deployments,statefulsets,serviceaccounts";
    let list = cluster.get(&[kinds, "-A", "-l", &selector, "--show-managed-fields"]);
    let mut out: Vec<String> = list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|item| item["metadata"]["name"] != "erpc-system")
        .map(|item| {
            let fields = item["metadata"]["managedFields"]
                .as_array()
                .expect("fields");
            let ours = fields
                .iter()
                .find(|f| f["manager"] == format!("erpc:{platform}"))
                .expect("ours");
            let mut spec = item["spec"].clone();
            if let Some(spec) = spec.as_object_mut() {
                spec.remove("clusterIP");
                spec.remove("clusterIPs");
            }
            format!(
                "{} {} {} {} {}",
                item["kind"],
                item["metadata"]["namespace"],
                item["metadata"]["name"],
                spec,
                ours["fieldsV1"]
            )
        })
        .collect();
    out.sort();
    out
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn of_two_runs_at_once_one_works_and_the_other_names_it() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    shop.edit("shop/api:1", "shop/slow-api:1");
    shop.edit("shop/web:1", "shop/slow-web:1");
    let spawn = || cluster.spawn(&["apply", "--yes"], shop.path());
    let runs = [spawn(), spawn()];
    let mut ran: Vec<Ran> = runs
        .into_iter()
        .map(|run| Ran::of(&run.wait_with_output().expect("it ended")))
        .collect();
    ran.sort_by_key(|ran| ran.code);
    // The second finds either a holder that is alive, or, once that is done, another cluster than
    // the one that its plan was made for, or nothing left to do.
    assert_eq!(ran[0].code, 0, "{ran:?}");
    let second = &ran[1];
    let is_refused = second.code == 1
        && (second.err.contains("another run is at work")
            || second.err.contains("has changed since"));
    assert!(is_refused || second.code == 0, "{second:?}");
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_interrupt_stops_cleanly_and_the_next_run_goes_on() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    // The database takes three seconds, so that the run is waiting for it now.
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    let sent = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
    Ran::end_of(run)
        .exits(130)
        .says(&["stopped: ", "`erpc apply` goes on from here"]);
    let lease = cluster.get(&["lease", "erpc-shop", "-n", "erpc-system"]);
    assert_eq!(
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default(),
        ""
    );
    // The policies are there and their pods are not: no connection closes because they come.
    let plan = cluster.erpc(&["plan"], shop.path()).exits(2);
    assert!(!plan.out.contains("- flow"), "{}", plan.out);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

/// Waits until an object is there.
pub(super) fn wait_for(cluster: &Cluster, object: &[&str]) {
    let mut arguments = vec!["get"];
    arguments.extend(object);
    until(&object.join(" "), || {
        let output = cluster.kubectl_in(&arguments, cluster.folder.path());
        output.status.success()
    });
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_claim_template_is_replaced_without_touching_pods_or_claims() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let pod = cluster.get(&["pod", "db-0", "-n", "shop-back"]);
    let claim = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    shop.edit("volume data 1Gi", "volume data 2Gi");
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "volumeClaimTemplates cannot be changed",
            "allow it with --replace db",
        ]);
    cluster
        .erpc(&["apply", "--yes", "--replace", "db"], shop.path())
        .exits(0);
    let set = cluster.get(&["statefulset", "db", "-n", "shop-back"]);
    let size = &set["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"];
    assert_eq!(size, "2Gi");
    let after = cluster.get(&["pod", "db-0", "-n", "shop-back"]);
    assert_eq!(after["metadata"]["uid"], pod["metadata"]["uid"]);
    let kept = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(kept["metadata"]["uid"], claim["metadata"]["uid"]);
    shop.edit("volume data 2Gi", "volume data 1Gi");
    cluster
        .erpc(&["apply", "--yes", "--replace", "db"], shop.path())
        .exits(1)
        .says(&["a volume cannot become smaller"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn every_example_is_applied_until_ready() {
    for folder in erpc_tests::examples() {
        let cluster = Cluster::start();
        make_secrets(&cluster, &folder);
        cluster
            .applied(&folder)
            .says(&["every changed service is ready"]);
        cluster.applied(&folder).says(&["nothing to do"]);
        cluster.erpc(&["status"], &folder).exits(0);
    }
}
