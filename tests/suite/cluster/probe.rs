//! `erpc probe`. No container runs here: KWOK ends the pods of Jobs, and what they would have written is
//! a file that the test writes, in the format of the container runtimes. What is real is everything
//! else: the Jobs are accepted under the namespaces' Pod Security, the pods get their labels and no
//! Service takes them, their logs are read over the API, and nothing is left.

use super::server::{Cluster, Program, SHOP, Watch};

/// The shop, in which the front may never call the database.
fn guarded() -> Program {
    Program::of(&format!(
        "{SHOP}\nnever shop-front.web -> shop-back.db because \"only the server\"\n"
    ))
}

/// What every container of the cluster has written from now on.
fn write_log(cluster: &Cluster, lines: &[&str]) {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("2026-01-01T00:00:00.000000000Z stdout F {line}\n"))
        .collect();
    let file = cluster.folder.path().join("container.log");
    std::fs::write(file, lines.concat()).expect("a file");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_jobs_of_a_probe_are_accepted_and_no_service_takes_their_pods() {
    let cluster = Cluster::start();
    let shop = guarded();
    cluster.applied(shop.path());
    let slices = Watch::start(
        &cluster,
        &[
            "endpointslices",
            "-n",
            "shop-back",
            "-l",
            "kubernetes.io/service-name=api",
        ],
    );
    let printed = cluster.erpc(&["probe"], shop.path()).exits(0);
    let file = shop.path().join("probe.yaml");
    std::fs::write(&file, &printed.out).expect("a file");
    let applied = cluster.kubectl_in(
        &[
            "apply",
            "--server-side",
            "--validate=strict",
            "-f",
            "probe.yaml",
        ],
        shop.path(),
    );
    let said = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{said}");
    assert_eq!(said, "", "no warning of Pod Security or of the schema");
    let jobs = cluster.get(&["jobs", "-A", "-l", "erpc.dev/probe=shop"]);
    let jobs = jobs["items"].as_array().expect("a list");
    let names: Vec<String> = jobs
        .iter()
        .map(|job| {
            let text = |key: &str| job["metadata"][key].as_str().expect("text").to_owned();
            format!("{}/{}", text("namespace"), text("name"))
        })
        .collect();
    // The database may call nobody, so there is nothing to try from it.
    assert_eq!(
        names,
        [
            "shop-back/erpc-probe-a-stranger",
            "shop-back/erpc-probe-api",
            "shop-front/erpc-probe-a-stranger",
            "shop-front/erpc-probe-web",
        ]
    );
    for (namespace, name) in names.iter().filter_map(|name| name.split_once('/')) {
        let job = format!("job/{name}");
        cluster.kubectl(&[
            "wait",
            "--for=create",
            "pod",
            "-l",
            &format!("job-name={name}"),
            "-n",
            namespace,
        ]);
        cluster.kubectl(&[
            "wait",
            "--for=condition=complete",
            &job,
            "-n",
            namespace,
            "--timeout=120s",
        ]);
    }
    let pods = cluster.get(&[
        "pods",
        "-n",
        "shop-back",
        "-l",
        "erpc.dev/probe=shop,app.kubernetes.io/name=api",
    ]);
    assert_eq!(pods["items"].as_array().map(Vec::len), Some(1), "{pods}");
    for slice in slices.until(|seen| seen.len() > 1) {
        let endpoints = slice["endpoints"].as_array().cloned();
        for endpoint in endpoints.into_iter().flatten() {
            let is_probe = endpoint["targetRef"]["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("erpc-probe"));
            assert!(
                !is_probe || endpoint["conditions"]["ready"] == false,
                "{slice}"
            );
        }
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_probe_reads_what_the_pods_saw_and_leaves_nothing() {
    let cluster = Cluster::start();
    let shop = guarded();
    cluster
        .erpc(&["probe", "--run", "--yes"], shop.path())
        .exits(1)
        .says(&[
            "no Service of `shop` is in the cluster",
            "`erpc apply` first",
        ]);
    cluster.applied(shop.path());
    cluster
        .erpc(&["probe", "--run"], shop.path())
        .exits(1)
        .says(&["4 pods will try", "--yes is required"]);

    let api = cluster.get(&["service", "api", "-n", "shop-back"]);
    let api = api["spec"]["clusterIP"].as_str().expect("an address");
    let good = [
        "erpc-probe open shop-back.db:sql db.shop-back.svc:5432 CONNECTED",
        &format!("erpc-probe open shop-back.api:http {api}:8080 CONNECTED"),
        "erpc-probe closed shop-back.db:sql db.shop-back.svc:5432 TIMEOUT",
        &format!("erpc-probe closed shop-back.api:http {api}:8080 TIMEOUT"),
        "erpc-probe closed shop-front.web:http 10.96.0.99:8080 REFUSED",
    ];
    write_log(&cluster, &good);
    let jobs = Watch::start(&cluster, &["jobs", "-A", "-l", "erpc.dev/probe=shop"]);
    let ran = cluster
        .erpc(&["probe", "--run", "--yes"], shop.path())
        .exits(0)
        .says(&[
            "✓ shop-back.api → shop-back.db:sql  connected  platform.erp:",
            "✓ shop-front.web → shop-back.api:http  connected",
            "✓ shop-front.web → shop-back.db:sql  no answer",
            "✓ a stranger in shop-back → shop-back.api:http  no answer",
            "? a stranger in shop-front → shop-front.web:http  refused",
            "cannot be told apart",
            "0 are not, 1 cannot be told",
        ]);
    assert!(ran.err.contains("shop on context test"), "{}", ran.err);
    let seen = jobs.until(|seen| seen.len() >= 4);
    // The Service's address is called, so that no name has to be looked up.
    let web = seen
        .iter()
        .find(|job| job["metadata"]["name"] == "erpc-probe-web")
        .expect("the Job")
        .to_string();
    assert!(web.contains(&format!("{api}:8080")), "{web}");

    write_log(
        &cluster,
        &[
            "erpc-probe open shop-back.db:sql db.shop-back.svc:5432 TIMEOUT",
            &format!("erpc-probe open shop-back.api:http {api}:8080 CONNECTED"),
            "erpc-probe closed shop-back.db:sql db.shop-back.svc:5432 CONNECTED",
        ],
    );
    let json = cluster
        .erpc(
            &["probe", "--run", "--yes", "--format", "json"],
            shop.path(),
        )
        .exits(1)
        .json();
    let verdict = |from: &str, to: &str| {
        let attempts = json["attempts"].as_array().expect("a list");
        let attempt = attempts
            .iter()
            .find(|attempt| attempt["from"] == from && attempt["to"] == to)
            .expect("the attempt");
        (attempt["verdict"].clone(), attempt["meaning"].to_string())
    };
    let (open, why) = verdict("shop-front.web", "shop-back.db:sql");
    assert_eq!(open, "failure");
    assert!(why.contains("does not enforce the policies"), "{why}");
    let (closed, why) = verdict("shop-back.api", "shop-back.db:sql");
    assert_eq!(closed, "failure");
    assert!(why.contains("it does not come through"), "{why}");
    // A pod that wrote nothing of it has not tried it.
    assert_eq!(
        verdict("a stranger in shop-front", "shop-front.web:http").0,
        "unknown"
    );

    let left = cluster.get(&["jobs,pods", "-A", "-l", "erpc.dev/probe=shop"]);
    assert_eq!(left["items"], serde_json::json!([]));
    cluster.applied(shop.path()).says(&["nothing to do"]);
    cluster.erpc(&["drift"], shop.path()).exits(0);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_probe_whose_image_does_not_come_says_so_and_an_interrupt_leaves_nothing() {
    let cluster = Cluster::start();
    let shop = guarded();
    cluster.applied(shop.path());
    let run = cluster
        .command(
            &[
                "probe",
                "--run",
                "--yes",
                "--image",
                "registry.invalid/fault-image:1",
            ],
            shop.path(),
        )
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("erpc runs");
    super::server::until("the pod", || {
        let pods = cluster.get(&["pods", "-A", "-l", "erpc.dev/probe=shop"]);
        pods.to_string().contains("ImagePullBackOff")
    });
    let sent = std::process::Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    let output = run.wait_with_output().expect("it ended");
    super::server::Ran::of(&output)
        .exits(130)
        .says(&["not tried: stopped"]);
    let left = cluster.get(&["jobs", "-A", "-l", "erpc.dev/probe=shop"]);
    assert_eq!(left["items"], serde_json::json!([]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_least_rights_of_a_probe_are_enough() {
    let cluster = Cluster::start();
    let shop = guarded();
    cluster.applied(shop.path());
    let nobody = cluster.folder.path().join("kubeconfig-nobody");
    let nobody = nobody.display().to_string();
    let probe = ["probe", "--run", "--yes", "--kubeconfig", &nobody];
    let grant = |arguments: &[&str]| {
        let rights = cluster.erpc(arguments, shop.path()).exits(0);
        cluster.apply_yaml(&rights.out);
    };
    grant(&["rbac", "--user", "nobody", "--quiet"]);
    cluster
        .erpc(&probe, shop.path())
        .exits(1)
        .says(&["cannot", "jobs"]);
    grant(&["rbac", "--user", "nobody", "--probe", "--quiet"]);
    cluster
        .erpc(&probe, shop.path())
        .exits(0)
        .says(&["cannot be told"]);
}
