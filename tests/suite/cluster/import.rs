//! A public application that runs becomes a platform: nothing is replaced, no pod restarts, and what closes is what the
//! plan said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use erpc_prove::{File, Manifests, Survey};
use erpc_tests::repository;
use serde_json::Value;
use tempfile::TempDir;

use super::server::{Cluster, Ran, until};

const APPLICATION: &str = "examples/imported/aks-store/original";
/// What has pods, and what they come from.
const RUNNING: &str = "deployments,statefulsets,replicasets,pods,services,secrets,configmaps";

/// Applies the application as its users do, with kubectl into a namespace, and waits for its pods.
fn running() -> Cluster {
    let cluster = Cluster::start();
    cluster.kubectl(&["create", "namespace", "pets"]);
    let original = repository().join(APPLICATION).display().to_string();
    cluster.kubectl(&["apply", "-n", "pets", "-f", &original]);
    until("all pods run", || {
        let pods = cluster.get(&["pods", "-n", "pets"]);
        let pods = pods["items"].as_array().expect("a list").iter();
        pods.filter(|pod| pod["status"]["phase"] == "Running")
            .count()
            == 9
    });
    cluster
}

/// The uid of everything of the application, with the specification of what has one. That of a pod has no changes.
fn identities(cluster: &Cluster) -> BTreeMap<String, String> {
    let list = cluster.get(&[RUNNING, "-n", "pets"]);
    let items = list["items"].as_array().expect("a list").iter();
    items
        .map(|item| {
            let metadata = &item["metadata"];
            let identity = format!("{} {} {}", metadata["uid"], item["spec"], item["data"]);
            (format!("{} {}", item["kind"], metadata["name"]), identity)
        })
        .collect()
}

fn import(cluster: &Cluster, folder: &Path, arguments: &[&str]) {
    let mut all = vec!["import"];
    all.extend(arguments);
    all.extend(["--default-namespace", "pets", "--name", "pets"]);
    cluster.erpc(&all, folder).exits(0);
}

/// Who reaches whom among the services, by the policies of the cluster.
fn connections(cluster: &Cluster) -> BTreeSet<(String, String)> {
    let list = cluster.kubectl(&[
        "get",
        "deployments,statefulsets,networkpolicies",
        "-n",
        "pets",
        "-o",
        "yaml",
    ]);
    let file = File {
        path: "live.yaml",
        bytes: list.as_bytes(),
    };
    let survey = Survey::of(&Manifests::read(&[file]));
    assert!(survey.everywhere.is_empty(), "{:?}", survey.everywhere);
    let pairs = survey.connections.into_iter().map(|one| (one.from, one.to));
    pairs
        .filter(|(_, to)| !to.starts_with("other pods"))
        .collect()
}

/// The connections between services that a plan leaves of an open namespace.
fn left(plan: &Value) -> BTreeSet<(String, String)> {
    let services = plan["unenforced"][0]["left"].as_array().expect("services");
    let of_service = |service: &Value| {
        let to = service["service"].as_str().expect("a name").to_owned();
        let callers = service["reached_by"].as_array().expect("callers").iter();
        let callers = callers.map(|caller| {
            let caller = caller.as_str().expect("a caller on a port");
            let (from, _) = caller.split_once(" on ").expect("a port");
            from.to_owned()
        });
        callers
            .map(|from| (from, to.clone()))
            .collect::<Vec<(String, String)>>()
    };
    services.iter().flat_map(of_service).collect()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_public_application_is_adopted_isolated_and_changed() {
    let cluster = running();
    let before = identities(&cluster);
    let folder = TempDir::new().expect("a folder");
    let pets = folder.path();
    let original = repository().join(APPLICATION).display().to_string();
    import(&cluster, pets, &[&original]);

    // It gets labels, and says how to take over what kubectl has.
    cluster.erpc(&["plan"], pets).exits(2).says(&[
        "7 Deployments, 7 Services, 2 StatefulSets: labels of the platform, nothing else",
        "`erpc adopt` removes it",
    ]);
    let plan = cluster.erpc(&["plan", "--format", "json"], pets).json();
    assert_eq!(plan["flows"]["opened"], serde_json::json!([]));
    assert_eq!(plan["flows"]["closed"], serde_json::json!([]));
    cluster
        .erpc(&["adopt", "--yes"], pets)
        .exits(0)
        .says(&["adopted"]);
    cluster.applied(pets);
    assert_eq!(identities(&cluster), before);
    cluster.applied(pets).says(&["nothing to do"]);
    cluster.erpc(&["drift"], pets).exits(0);
    let left = left(&cluster.erpc(&["plan", "--format", "json"], pets).json());
    assert!(left.len() >= 4, "{left:?}");

    // Without `network open` there remains what the plan named.
    let source = pets.join("platform.erp");
    let text = std::fs::read_to_string(&source).expect("the platform");
    let isolated = text.replace("  network open because \"as imported\"\n", "");
    assert_ne!(isolated, text);
    std::fs::write(&source, &isolated).expect("written");
    let plan = cluster.erpc(&["plan", "--format", "json"], pets).json();
    assert_eq!(plan["flows"]["opened"], serde_json::json!([]));
    let closed = plan["flows"]["closed"].as_array().expect("flows");
    // Nine services, in both directions.
    assert_eq!(closed.len(), 18, "{closed:?}");
    cluster.applied(pets);
    assert_eq!(connections(&cluster), left);
    let after = identities(&cluster);
    assert_eq!(after, before, "policies restart nothing");
    cluster.erpc(&["drift"], pets).exits(0);

    // A change is made in the platform.
    let released = isolated.replace("product-service:2.2.0", "product-service:2.3.0");
    let released = released.replace("let release = \"2.2.0\"", "let release = \"2.3.0\"");
    assert_ne!(released, isolated);
    std::fs::write(&source, &released).expect("written");
    cluster.applied(pets);
    let product = cluster.get(&["deployment", "product-service", "-n", "pets"]);
    let image = &product["spec"]["template"]["spec"]["containers"][0]["image"];
    let image = image.as_str().expect("an image");
    assert!(image.ends_with("product-service:2.3.0"), "{image}");
    let kept = ["StatefulSet", "Service", "Secret", "ConfigMap"];
    let after = identities(&cluster);
    for (object, identity) in &before {
        if kept
            .iter()
            .any(|kind| object.contains(&format!("\"{kind}\"")))
        {
            assert_eq!(after.get(object), Some(identity), "{object}");
        }
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_runs_is_imported_without_what_the_server_and_controllers_wrote() {
    let cluster = running();
    let before = identities(&cluster);
    let folder = TempDir::new().expect("a folder");
    let pets = folder.path();
    cluster
        .erpc(&["import", "--cluster", "--namespace", "pest"], pets)
        .exits(64)
        .says(&["namespace `pest` does not exist", "did you mean `pets`?"]);
    import(
        &cluster,
        pets,
        &[
            "--cluster",
            "--namespace",
            "pets",
            "--report",
            "report.json",
        ],
    );

    // It means what was applied, but for the ports of nodes, which are in use. Nothing of other namespaces is in it.
    let original = repository().join(APPLICATION).display().to_string();
    let compared = cluster.erpc(
        &[
            "import",
            &original,
            "--default-namespace",
            "pets",
            "--check",
            ".",
        ],
        pets,
    );
    let differ = compared.exits(2).err;
    let lines: Vec<&str> = differ
        .lines()
        .filter(|line| line.contains("differs"))
        .collect();
    assert!(!lines.is_empty(), "{differ}");
    for line in lines {
        assert!(line.contains("nodePort"), "{line}");
    }
    let files = erpc_tests::files_below(pets);
    for (path, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        // What the original has in its Secrets, and what only servers, kubectl and other namespaces write.
        for unwanted in [
            "dXNlcm5hbWU=",
            "cGFzc3dvcmQ=",
            "last-applied-configuration",
            "managedFields",
            "resourceVersion",
            "clusterIP",
            "kube-root-ca",
            "kube-system/",
        ] {
            assert!(!text.contains(unwanted), "{path}: {unwanted}");
        }
    }
    let source = String::from_utf8_lossy(&files["platform.erp"]);
    for wanted in [
        "services   10.96.0.0/",
        "import: env ORDER_DB_URI, Deployment pets/makeline-service",
        "keys    \"RABBITMQ_DEFAULT_PASS\", \"RABBITMQ_DEFAULT_USER\"",
    ] {
        assert!(source.contains(wanted), "{wanted}: {source}");
    }

    cluster.erpc(&["adopt", "--yes"], pets).exits(0);
    cluster.applied(pets);
    assert_eq!(identities(&cluster), before);

    // What erpc applied is imported as a program that makes the same.
    let again = TempDir::new().expect("a folder");
    import(
        &cluster,
        again.path(),
        &["--cluster", "--namespace", "pets"],
    );
    let [first, second] = [pets, again.path()].map(|folder| {
        cluster.erpc(&["build"], folder).exits(0);
        let files = erpc_tests::files_below(folder).into_iter();
        let files =
            files.filter(|(path, _)| path.starts_with("lib/") || path.starts_with("share/"));
        let without_comments = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("UTF-8");
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        files
            .map(|(path, bytes)| (path, without_comments(bytes)))
            .collect::<BTreeMap<String, String>>()
    });
    assert_eq!(first, second);
    cluster.erpc(&["plan"], again.path()).exits(0);
}

/// An overlay with what Kustomize alone knows: names with a prefix, a generated ConfigMap, another image, a patch.
fn write_overlay(folder: &Path) {
    let files = [
        (
            "base/kustomization.yaml",
            "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [LEDGER_URL=http://ledger:8080]\n",
        ),
        (
            "base/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec:\n      containers:\n      - name: web\n        image: \"shop/web:1\"\n        envFrom: [{ configMapRef: { name: settings } }]\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: ledger }\nspec:\n  selector: { matchLabels: { app: ledger } }\n  template:\n    metadata: { labels: { app: ledger } }\n    spec: { containers: [{ name: ledger, image: \"shop/ledger:1\", ports: [{ containerPort: 8080 }] }] }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: ledger }\nspec: { selector: { app: ledger }, ports: [{ port: 8080 }] }\n",
        ),
        (
            "prod/kustomization.yaml",
            "namespace: pay\nresources: [../base]\nimages: [{ name: shop/web, newTag: \"2\" }]\nreplicas: [{ name: web, count: 3 }]\n",
        ),
        ("broken/kustomization.yaml", "resources: [missing.yaml]\n"),
    ];
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn kubectl_renders_an_overlay_for_an_import() {
    let folder = TempDir::new().expect("a folder");
    write_overlay(folder.path());
    // The binary of the tests is a real kubectl behind one argument.
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).expect("a folder");
    let kubectl = programs.join("kubectl");
    let binary = std::env::var("ERPC_TEST_CLUSTER").expect("ERPC_TEST_CLUSTER names the server");
    let script = format!("#!/bin/sh\nexec '{binary}' kubectl \"$@\"\n");
    std::fs::write(&kubectl, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&kubectl, mode).expect("executable");
    let run = |arguments: &[&str], path: &Path| {
        let mut command = super::server::erpc(arguments, folder.path());
        Ran::of(&command.env("PATH", path).output().expect("erpc runs"))
    };

    run(
        &["import", "--kustomize", "prod", "--out", "made"],
        &programs,
    )
    .exits(0);
    let source = std::fs::read_to_string(folder.path().join("made/platform.erp"));
    let source = source.expect("the platform");
    for wanted in [
        "namespace pay {",
        "shop/web:2",
        "replicas 3",
        "because \"import: ConfigMap settings-",
    ] {
        assert!(source.contains(wanted), "{wanted}: {source}");
    }
    let made = || std::fs::exists(folder.path().join("not")).expect("a folder");
    run(
        &["import", "--kustomize", "broken", "--out", "not"],
        &programs,
    )
    .exits(1)
    .says(&["kustomize cannot render broken", "missing.yaml"]);
    run(&["import", "prod", "--out", "not"], &programs)
        .exits(64)
        .says(&["`erpc import --kustomize prod`"]);
    let nothing = folder.path().join("base");
    run(&["import", "--kustomize", "prod", "--out", "not"], &nothing)
        .exits(1)
        .says(&["neither `kustomize` nor `kubectl` is installed"]);
    assert!(!made());
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_guide_from_a_running_cluster_is_what_it_shows() {
    let cluster = Cluster::start();
    let binary = cluster.binary().display().to_string();
    let kubeconfig = cluster.kubeconfig();
    crate::sessions::plays_with(
        "docs/import-cluster.md",
        &crate::sessions::Tools {
            scripts: &[("kubectl", format!("'{binary}' kubectl"))],
            variables: &[("KUBECONFIG", &kubeconfig), ("HOME", cluster.folder.path())],
        },
    );
}
