//! What must stay with its owner: the values of Secrets, and credentials.

use std::process::{Command, Stdio};

use super::server::{Cluster, Program, Ran, SHOP, until};

const MARKER: &str = "bW9zdC1zZWNyZXQ-marker-5f3a";

/// Every file below a folder.
fn files(folder: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_value_of_a_secret_is_in_nothing_that_erpc_says_or_writes() {
    use base64::Engine;
    let cluster = Cluster::start();
    let text = SHOP
        .replace(
            "namespace shop-back {",
            "secret pass {\n  keys \"password\"\n}\n\nnamespace shop-back {",
        )
        .replace(
            "image \"shop/api:1\"",
            "image \"shop/api:1\"\n    env PASSWORD from secret pass.password",
        );
    let shop = Program::of(&text);
    cluster
        .erpc(&["plan"], shop.path())
        .exits(1)
        .says(&["create secret generic pass --from-literal=password=…"]);
    cluster.kubectl(&["create", "namespace", "shop-back"]);
    let literal = format!("--from-literal=password={MARKER}");
    cluster.kubectl(&[
        "create",
        "secret",
        "generic",
        "pass",
        "-n",
        "shop-back",
        &literal,
    ]);
    // It is the platform's by its label, too, as a chart would make it.
    cluster.kubectl(&[
        "label",
        "secret",
        "pass",
        "-n",
        "shop-back",
        "app.kubernetes.io/part-of=shop",
    ]);

    let encoded = base64::engine::general_purpose::STANDARD.encode(MARKER);
    let mut said = String::new();
    let mut run = |arguments: &[&str]| {
        let ran = cluster.erpc(arguments, shop.path());
        said += &format!("$ {arguments:?} {}\n{}\n{}\n", ran.code, ran.out, ran.err);
    };
    run(&["plan", "-v"]);
    run(&["plan", "--format", "json", "--out", "plan.json"]);
    run(&["plan", "--format", "markdown"]);
    run(&["apply", "--yes", "--format", "json", "plan.json"]);
    run(&["status", "--format", "json"]);
    run(&["drift", "--format", "json"]);
    run(&["doctor", "--format", "json"]);
    run(&["adopt", "--yes", "--format", "json"]);
    run(&["probe"]);
    run(&["rbac"]);
    shop.edit("shop/api:1", "shop/fault-crash:1");
    run(&["apply", "--yes", "-v"]);
    run(&["status"]);
    shop.edit("shop/fault-crash:1", "shop/api:1");
    run(&["apply", "--yes"]);
    run(&["destroy", "--confirm", "shop", "--format", "json"]);
    assert!(said.contains("\"outcome\":\"done\""), "{said}");
    for secret in [MARKER, &encoded] {
        assert!(!said.contains(secret), "{said}");
    }
    // Nor in a file: the saved plan beside the source.
    let mut all = Vec::new();
    files(shop.path(), &mut all);
    assert!(all.iter().any(|file| file.ends_with("plan.json")));
    for file in all {
        let bytes = std::fs::read(&file).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(MARKER) && !text.contains(&encoded),
            "{}",
            file.display()
        );
    }
    // Nor in the cluster, but in the Secret itself.
    let kinds = "configmaps,leases,events,deployments,statefulsets,pods,services,namespaces,jobs";
    let everything = cluster.kubectl(&["get", kinds, "-A", "-o", "json", "--show-managed-fields"]);
    assert!(!everything.contains(MARKER) && !everything.contains(&encoded));
    let kept = cluster.kubectl(&["get", "secret", "pass", "-n", "shop-back", "-o", "json"]);
    assert!(kept.contains(&encoded), "erpc does not touch it");
}

/// The login of a registry is asked for before anything is written, with the command that makes it; it is in
/// every pod then. The server takes all that a job with a schedule can say.
#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_pull_secret_is_required_and_is_in_every_pod_of_its_namespace() {
    let cluster = Cluster::start();
    let nightly = "  pull-secret login
  job nightly every \"30 3 * * *\" {
    image \"shop/nightly:1\"
    cpu 10m..100m
    memory 16Mi..64Mi
    run as 1000
    deadline 10m
    retries 2
    time-zone \"Europe/Kyiv\"
    history succeeded 1, failed 5
  }
";
    let text = SHOP.replace(
        "namespace shop-back {\n",
        &format!(
            "secret login {{\n  keys \".dockerconfigjson\"\n}}\n\nnamespace shop-back {{\n{nightly}"
        ),
    );
    let shop = Program::of(&text);
    let plan = cluster.erpc(&["plan"], shop.path()).exits(1);
    let login = "create secret docker-registry login --docker-server=";
    plan.says(&["kubectl -n shop-back ", login]);
    cluster.kubectl(&["create", "namespace", "shop-back"]);
    cluster.kubectl(&[
        "create",
        "secret",
        "docker-registry",
        "login",
        "-n",
        "shop-back",
        "--docker-server=registry.example",
        "--docker-username=reader",
        "--docker-password=none",
    ]);
    cluster.applied(shop.path());
    let secrets = "-o=jsonpath={..imagePullSecrets[*].name}";
    let of =
        |kind: &str, namespace: &str| cluster.kubectl(&["get", kind, "-n", namespace, secrets]);
    assert_eq!(
        of("deployments,statefulsets,cronjobs", "shop-back").trim(),
        "login login login"
    );
    assert_eq!(of("deployments,statefulsets", "shop-front").trim(), "");
    let job = cluster.get(&["cronjob", "nightly", "-n", "shop-back"]);
    let spec = &job["spec"];
    assert_eq!(spec["timeZone"], "Europe/Kyiv");
    assert_eq!(spec["successfulJobsHistoryLimit"], 1);
    assert_eq!(spec["failedJobsHistoryLimit"], 5);
    assert_eq!(spec["jobTemplate"]["spec"]["activeDeadlineSeconds"], 600);
    assert_eq!(spec["jobTemplate"]["spec"]["backoffLimit"], 2);
    cluster.erpc(&["plan"], shop.path()).exits(0);
}

/// A kubeconfig whose user is a command that prints a token.
fn with_command(cluster: &Cluster, script: &str) -> String {
    let folder = cluster.folder.path();
    let file = folder.join("login.sh");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file");
    let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let (head, _) = text.split_once("users:").expect("its users");
    let users = format!(
        "users:\n- name: admin\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: sh\n      args: ['{}']\n      interactiveMode: Never\n",
        file.display()
    );
    let path = folder.join("kubeconfig-exec");
    std::fs::write(&path, format!("{head}{users}")).expect("a file");
    path.display().to_string()
}

const CREDENTIAL: &str = r#"echo "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"$token\"}}""#;

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn credentials_that_a_command_gives_are_asked_for_again_when_they_have_expired() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.kubectl(&["create", "serviceaccount", "deployer"]);
    cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        "deployer",
        "--clusterrole=cluster-admin",
        "--serviceaccount=default:deployer",
    ]);
    let token = cluster.kubectl(&["create", "token", "deployer"]);
    let token = token.trim();
    let asked = cluster.folder.path().join("asked");
    // The first token is one that no server takes any more.
    let script = format!(
        "echo x >> {0}; if [ $(wc -l < {0}) = 1 ]; then token=expired; else token={token}; fi\n{CREDENTIAL}",
        asked.display()
    );
    let kubeconfig = with_command(&cluster, &script);
    cluster
        .erpc(
            &["apply", "--yes", "--kubeconfig", &kubeconfig],
            shop.path(),
        )
        .exits(0);
    let times = std::fs::read_to_string(&asked)
        .expect("it was asked")
        .lines()
        .count();
    assert!(times >= 2, "{times}");

    let broken = with_command(&cluster, "echo 'no login session' >&2; exit 1");
    let ran = cluster.erpc(&["apply", "--yes", "--kubeconfig", &broken], shop.path());
    assert!(!ran.err.contains("ExecCredential"), "{ran:?}");
    assert!(!ran.err.contains(token) && !ran.out.contains(token));
    ran.exits(1).says(&[
        "the command that the kubeconfig names for credentials ended with exit status: 1: no login session",
        "log in with that tool, then try again",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_terminal_that_goes_away_at_the_question_leaves_nothing() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let log = cluster.folder.path().join("typescript");
    // A terminal of its own; its end is the end of the one who holds it.
    let erpc = env!("CARGO_BIN_EXE_erpc-under-test");
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--command", &format!("{erpc} apply")])
        .arg(&log)
        .current_dir(shop.path())
        .env("KUBECONFIG", cluster.kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("script runs");
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    until("the question", || text().contains("Only `yes` will do"));
    terminal.kill().expect("it runs");
    terminal.wait().expect("it ended");
    let namespaces = cluster.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(!namespaces.contains("shop") && !namespaces.contains("erpc-system"));

    // The same once it works: it stops as at Ctrl-C, and the next run goes on.
    shop.edit("shop/db:1", "shop/slow-db:1");
    let run = cluster.spawn(&["apply", "--yes"], shop.path());
    super::apply::wait_for(&cluster, &["statefulset", "db", "-n", "shop-back"]);
    super::server::send("-HUP", &run);
    Ran::end_of(run)
        .exits(130)
        .says(&["`erpc apply` goes on from here"]);
    cluster.applied(shop.path());
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_secret_that_is_made_after_the_first_apply_is_waited_for() {
    let cluster = Cluster::start();
    let text = SHOP
        .replace(
            "namespace shop-back {",
            "secret pass {\n  keys \"password\"\n}\n\nnamespace shop-back {",
        )
        .replace(
            "image \"shop/api:1\"",
            "image \"shop/api:1\"\n    env PASSWORD from secret pass.password",
        );
    let shop = Program::of(&text);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["pass Secret", "nothing was written"]);
    // Not in time: what does not need it is there, and what is missing is said.
    cluster
        .erpc(&["apply", "--yes", "--wait-for-secrets=1s"], shop.path())
        .exits(4)
        .says(&[
            "shop-back.api waits for Secret shop-back/pass",
            "Secret shop-back/pass lacks password after 1 s",
        ]);
    cluster.kubectl(&["get", "statefulset", "db", "-n", "shop-back"]);
    let api = ["get", "deployment", "api", "-n", "shop-back"];
    assert!(!cluster.kubectl_in(&api, shop.path()).status.success());
    let run = cluster.spawn(&["apply", "--yes", "--wait-for-secrets"], shop.path());
    until("the lock", || {
        let lease = cluster.get(&["lease", "erpc-shop", "-n", "erpc-system"]);
        lease["spec"]["holderIdentity"] != ""
    });
    cluster.kubectl(&[
        "create",
        "secret",
        "generic",
        "pass",
        "-n",
        "shop-back",
        "--from-literal=password=x",
    ]);
    Ran::end_of(run).exits(0);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}
