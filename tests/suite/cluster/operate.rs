//! Status, drift, destroy, doctor, rights and the lock, against a real control plane.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use erpc_tests::repository;
use serde_json::Value;

use super::apply::{make_secrets_of_erp1, wait_for};
use super::server::{Cluster, Program};

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn status_shows_every_service_and_why_one_is_not_ready() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster
        .erpc(&["status"], shop.path())
        .exits(3)
        .says(&["there is no Deployment api", "`erpc apply` makes it"]);
    cluster.applied(shop.path());
    cluster.erpc(&["status"], shop.path()).exits(0).says(&[
        "shop-back  2/2 pods running",
        "shop-front  2/2 pods running",
        "data-db-0 1Gi Bound",
        "all 3 services are ready",
    ]);
    shop.edit("shop/api:1", "shop/fault-crash:1");
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(3);
    let status = cluster
        .erpc(&["status", "--format", "json"], shop.path())
        .exits(3);
    let services = status.json()["services"]
        .as_array()
        .expect("a list")
        .clone();
    let api = services
        .iter()
        .find(|row| row["service"] == "api")
        .expect("the service");
    assert_eq!(api["condition"], "stalled");
    assert!(
        api["why"]
            .as_str()
            .is_some_and(|why| why.contains("last with exit code 1")),
        "{api}"
    );
    assert_eq!(api["source"], "platform.erp:33");
    cluster
        .erpc(&["status"], shop.path())
        .exits(3)
        .says(&["1 of 3 services is not ready"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn drift_is_told_in_the_sources_terms() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    cluster
        .erpc(&["drift"], shop.path())
        .exits(0)
        .says(&["the cluster is as the source says"]);
    cluster.kubectl(&[
        "set",
        "resources",
        "deployment/api",
        "-n",
        "shop-back",
        "--limits=memory=2Gi",
    ]);
    cluster.kubectl(&["delete", "networkpolicy", "web", "-n", "shop-front"]);
    cluster.apply_yaml(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: shop-back}\nspec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress: [{}]\n",
    );
    cluster.kubectl(&[
        "create",
        "deployment",
        "stranger",
        "-n",
        "shop-front",
        "--image=x",
    ]);
    cluster.erpc(&["drift"], shop.path()).exits(2).says(&[
        "~ warning Deployment shop-back/api  platform.erp:37",
        "spec.template.spec.containers[api].resources.limits.memory: the source declares \"64Mi\", the cluster has \"2Gi\", changed by kubectl",
        "- error[opens-network] NetworkPolicy shop-front/web",
        "it does not exist in the cluster",
        "+ error[opens-network] NetworkPolicy shop-back/open",
        "policies are unions: it opens 1 ingress and 0 egress rules for every pod of the namespace",
        "+ warning Deployment shop-front/stranger",
        "flow anybody → shop-back",
        "the cluster lets it through, the source does not declare it",
        "the source declares it, the cluster does not let it through",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn destroy_keeps_volumes_and_what_is_not_ours() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0)
        .says(&["nothing of `shop` is in the cluster"]);
    cluster.applied(shop.path());
    let claim = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    cluster.erpc(&["destroy"], shop.path()).exits(1).says(&[
        "- Deployment shop-front/web",
        "add --confirm shop",
        "nothing was deleted",
    ]);
    cluster
        .erpc(&["destroy", "--confirm", "hop"], shop.path())
        .exits(1);
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0)
        .says(&["data is deleted with --delete-data only"]);
    let kept = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(kept["metadata"]["uid"], claim["metadata"]["uid"]);
    let left = cluster.get(&[
        "deployments,statefulsets,services,networkpolicies",
        "-n",
        "shop-back",
    ]);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(0), "{left}");
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(namespaces.contains("shop-back") && !namespaces.contains("shop-front"));
    let state = cluster.kubectl(&[
        "get",
        "configmaps,leases",
        "-n",
        "erpc-system",
        "-o",
        "name",
    ]);
    assert!(!state.contains("erpc-shop"), "{state}");

    // What was kept is found again.
    cluster.applied(shop.path());
    let again = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(again["metadata"]["uid"], claim["metadata"]["uid"]);
    cluster
        .erpc(
            &[
                "destroy",
                "--confirm",
                "shop",
                "--delete-data",
                "--namespace",
                "shop-back",
            ],
            shop.path(),
        )
        .exits(0);
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop-back"), "{namespaces}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_least_rights_apply_erp1_and_no_rule_is_too_much() {
    let cluster = Cluster::start();
    let platform = repository();
    make_secrets_of_erp1(&cluster);
    let rights = cluster
        .erpc(&["rbac", "--user", "nobody", "--quiet"], &platform)
        .exits(0);
    assert!(!rights.out.contains("'*'") && !rights.out.contains("\"*\""));
    cluster.apply_yaml(&rights.out);
    let nobody = cluster
        .folder
        .path()
        .join("kubeconfig-nobody")
        .display()
        .to_string();
    let as_nobody = |command: &[&str]| {
        let mut arguments = command.to_vec();
        arguments.extend(["--kubeconfig", &nobody]);
        cluster.erpc(&arguments, &platform)
    };
    as_nobody(&["apply", "--yes"]).exits(0);
    as_nobody(&["apply", "--yes"])
        .exits(0)
        .says(&["nothing to do"]);
    as_nobody(&["status"]).exits(0);
    as_nobody(&["drift"]).exits(0);
    let doctor = as_nobody(&["doctor", "--format", "json"]).json();
    let checks = doctor["checks"].as_array().expect("a list").clone();
    let rights = checks
        .iter()
        .find(|check| check["check"] == "rights")
        .expect("the check");
    assert_eq!(rights["verdict"], "ok", "{rights}");

    // Without one of them, it is named before anything is written.
    cluster.kubectl(&["delete", "rolebinding", "erpc-erp-uno", "-n", "erp-ai"]);
    let doctor = as_nobody(&["doctor", "--format", "json"]).exits(1).json();
    let checks = doctor["checks"].as_array().expect("a list").clone();
    let rights = checks
        .iter()
        .find(|check| check["check"] == "rights")
        .expect("the check");
    assert_eq!(rights["verdict"], "failure");
    assert!(
        rights["found"]
            .as_str()
            .is_some_and(|found| found.contains("in erp-ai")),
        "{rights}"
    );
    as_nobody(&["apply", "--yes"])
        .exits(1)
        .says(&["may not be listed", "erpc rbac"]);
}

/// A platform of one namespace with something of each kind that services bring: `NAME` is its name.
const SMALL: &str = r#"erp 1

platform NAME {
  version "1.0.0"
  cluster main
}

tiers back

cluster main {
  kubernetes 1.37
  nodes 3 of cpu 64, memory 256Gi, in 10.0.0.0/16
  pods 10.244.0.0/16
  services 10.96.0.0/16
  api 10.0.0.1:6443
  dns kube-dns
  cni calico
  storage standard default
}

secret NAME-pass {
  keys "password"
}

namespace NAME {
  tier back
  quota cpu 4..8, memory 4Gi..8Gi, pods 40

  service db {
    image "shop/db:1"
    port sql 5432
    cpu 10m..100m
    memory 16Mi..64Mi
    health tcp on sql
    run as 1000
    volume data 1Gi at "/data"
    env PASSWORD from secret NAME-pass.password
  }

  service api {
    image "shop/api:1"
    scale 2..4 on cpu 70%
    disruption min 1
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    config settings { "a.toml" = "x = 1" } at "/etc/api"
    grants get, list on pods because "finds its peers"
    calls db:sql
    calls cluster.api observes because "finds its peers"
  }

  service old {
    image "shop/old:1"
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    access by port-forward
    calls api:http
  }
}
"#;

/// Everything that an operator does with a platform, and what came of each step, up to the first that
/// is not as it was with all rights.
fn a_life(
    cluster: &Cluster,
    program: &Program,
    text: &str,
    kubeconfig: &str,
    wanted: Option<&[String]>,
) -> Vec<String> {
    let name = program_name(text);
    let mut out: Vec<String> = Vec::new();
    let mut run = |arguments: &[&str]| {
        // What is not as before is enough: the rest would only be slow.
        let is_as_before =
            |at: usize, line: &String| wanted.is_none_or(|wanted| wanted[at] == *line);
        if !out
            .iter()
            .enumerate()
            .all(|(at, line)| is_as_before(at, line))
        {
            return;
        }
        let all = [arguments, &["--kubeconfig", kubeconfig]].concat();
        let ran = cluster.erpc(&all, program.path());
        let said = format!("{}{}", ran.out, ran.err);
        let said = match serde_json::from_str::<Value>(&ran.out) {
            // The rights themselves are what doctor asks about; the other checks use them.
            Ok(doctor) => {
                let checks = doctor["checks"].as_array().cloned().unwrap_or_default();
                let checks = checks.iter().filter(|check| check["check"] != "rights");
                checks
                    .map(|check| format!("{} {}", check["check"], check["verdict"]))
                    .collect()
            }
            Err(_) => {
                let words = ["unchecked", "forbidden", "cannot", "may not", "│"];
                let complaints = said
                    .lines()
                    .filter(|line| words.iter().any(|word| line.contains(word)));
                complaints.map(str::to_owned).collect::<Vec<String>>()
            }
        };
        out.push(format!("{arguments:?} {} {said:?}", ran.code).replace(name, "NAME"));
    };
    program.write(text);
    run(&["plan"]);
    run(&["apply", "--yes", "--timeout", "20s"]);
    run(&["status"]);
    run(&["drift"]);
    // A crash shows its last words, which are in the pod's log; then a change, and something goes.
    program.write(&text.replace("shop/api:1", "shop/fault-crash:1"));
    run(&["apply", "--yes", "--timeout", "20s"]);
    let (head, _) = text.split_once("  service old {").expect("the last one");
    program.write(&format!("{head}}}\n"));
    run(&[
        "apply",
        "--yes",
        "--prune",
        "--confirm",
        name,
        "--timeout",
        "20s",
    ]);
    run(&["doctor", "--format", "json"]);
    out
}

fn program_name(text: &str) -> &str {
    let (_, rest) = text.split_once("platform ").expect("a platform");
    rest.split(' ').next().expect("a name")
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn no_rule_of_the_least_rights_can_be_left_out() {
    let cluster = Cluster::start();
    let admin = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    // A platform, its rights for a user of the same name, and that user, whom the administrator plays.
    let prepare = |name: &str| {
        let text = SMALL.replace("NAME", name);
        let program = Program::of(&text);
        let rights = cluster
            .erpc(
                &["rbac", "--user", name, "--format", "json"],
                program.path(),
            )
            .exits(0)
            .json();
        cluster.kubectl(&["create", "namespace", name]);
        let secret = format!("{name}-pass");
        cluster.kubectl(&[
            "create",
            "secret",
            "generic",
            &secret,
            "-n",
            name,
            "--from-literal=password=x",
        ]);
        let kubeconfig = program.path().join("kubeconfig");
        let user = format!("  user:\n    as: {name}\n");
        std::fs::write(&kubeconfig, admin.replace("  user:\n", &user)).expect("a file");
        (text, kubeconfig.display().to_string(), program, rights)
    };
    let grant = |program: &Program, rights: &Value| {
        std::fs::write(program.path().join("rights.json"), rights.to_string()).expect("a file");
        let granted = cluster.kubectl_in(&["apply", "-f", "rights.json"], program.path());
        assert!(
            granted.status.success(),
            "{}",
            String::from_utf8_lossy(&granted.stderr)
        );
    };
    let (text, kubeconfig, program, rights) = prepare("whole");
    grant(&program, &rights);
    let wanted = a_life(&cluster, &program, &text, &kubeconfig, None);
    assert!(wanted[1].ends_with(" 0 []"), "{wanted:#?}");
    assert!(wanted[5].contains("\"] 0 "), "{wanted:#?}");

    // Each rule in turn, on a platform of its own, whose rights are alike.
    let items = rights["items"]
        .as_array()
        .expect("a list")
        .iter()
        .enumerate();
    let places: Vec<(usize, usize)> = items
        .flat_map(|(at, item)| {
            let rules = item["rules"].as_array().map_or(0, Vec::len);
            (0..rules).map(move |rule| (at, rule))
        })
        .collect();
    assert!(places.len() > 25, "{}", places.len());
    let next = AtomicUsize::new(0);
    let idle = Mutex::new(Vec::new());
    // They wait for the server most of the time.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some((at, rule)) = places.get(number)
                {
                    let (text, kubeconfig, program, mut rights) = prepare(&format!("p{number:02}"));
                    let rules = rights["items"][at]["rules"].as_array_mut().expect("rules");
                    let removed = rules.remove(*rule);
                    grant(&program, &rights);
                    if a_life(&cluster, &program, &text, &kubeconfig, Some(&wanted)) == wanted {
                        idle.lock().expect("no thread panics").push(removed);
                    }
                }
            });
        }
    });
    let idle = idle.into_inner().expect("no thread panics");
    assert!(idle.is_empty(), "nobody misses {idle:#?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_lock_of_a_run_that_is_gone_is_freed_by_hand() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("shop/db:1", "shop/slow-db:1");
    cluster
        .erpc(&["unlock"], shop.path())
        .exits(0)
        .says(&["nobody holds the lock of `shop`"]);
    let mut run = cluster
        .command(&["apply", "--yes"], shop.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("erpc runs");
    wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    run.kill().expect("it runs");
    run.wait().expect("it ended");
    cluster
        .erpc(&["unlock"], shop.path())
        .exits(1)
        .says(&["holds the lock since", "nobody said --yes"]);
    cluster
        .erpc(&["unlock", "--yes"], shop.path())
        .exits(0)
        .says(&["unlocked"]);
    cluster.applied(shop.path());
}
