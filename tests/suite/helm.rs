//! The chart with the real Helm 4 and 3: what it prints is `lib/` and `share/`, what its schema
//! refuses, what is left when something is off. `tests/run` builds both and runs these.

pub(crate) mod checks;
mod import;
mod random;

use std::path::Path;
use std::process::{Command, Output};

use erpc_cli::Exit;
use erpc_tests::objects::{Objects, assert_same_objects, by_key};
use erpc_tests::{erpc, files_below, platforms, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Both, by the variables that name what `tests/helm/build` has built.
const HELMS: [&str; 2] = ["ERPC_TEST_HELM4", "ERPC_TEST_HELM3"];

fn helm(variable: &str, arguments: &[&str], folder: &Path) -> Output {
    let binary = std::env::var_os(variable).expect("what tests/helm/build prints");
    let home = TempDir::new().expect("a folder");
    Command::new(binary)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", home.path())
        .env_remove("KUBECONFIG")
        .output()
        .expect("helm runs")
}

/// Objects by kind, namespace and name; each once.
fn by_name(texts: impl IntoIterator<Item = String>) -> Objects {
    let documents = texts
        .into_iter()
        .flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).expect("YAML"));
    by_key(documents.filter(|object| !object.is_null()))
}

fn built(folder: &Path) -> Objects {
    written(folder, &|_| true)
}

/// The manifests of the source, which a chart prints as they are.
fn raw(folder: &Path) -> Objects {
    written(folder, &|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("manifest-"))
    })
}

/// The objects of the files that are wanted.
fn written(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Objects {
    let texts = ["lib", "share"].into_iter().flat_map(|part| {
        let files = files_below(&folder.join(part)).into_iter();
        files
            .filter(|(path, _)| is_wanted(Path::new(path)))
            .map(|(_, bytes)| String::from_utf8(bytes).expect("UTF-8"))
            .collect::<Vec<_>>()
    });
    by_name(texts)
}

fn render(variable: &str, folder: &Path, settings: &[&str]) -> Result<Objects, String> {
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    render_with(variable, folder, &settings.collect::<Vec<_>>())
}

fn render_with(variable: &str, folder: &Path, more: &[&str]) -> Result<Objects, String> {
    let mut arguments = vec!["template", "release", "helm", "--include-crds"];
    arguments.extend(more);
    let output = helm(variable, &arguments, folder);
    if output.status.success() {
        Ok(by_name([String::from_utf8(output.stdout).expect("UTF-8")]))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Takes away what the chart has beside the objects, which is exactly what `docs/helm.md` lists.
fn without_helm(key: &(String, String, String), object: &mut Value) {
    let metadata = &mut object["metadata"];
    let labels = metadata["labels"].as_object_mut().expect("labels");
    assert_eq!(
        labels.remove("app.kubernetes.io/managed-by"),
        Some(json!("Helm"))
    );
    assert!(labels.remove("helm.sh/chart").is_some());
    assert_eq!(
        labels.remove("app.kubernetes.io/instance"),
        Some(json!("release"))
    );
    let mut expected: Vec<&str> = Vec::new();
    if key.0 == "Namespace" || key.0 == "PersistentVolumeClaim" {
        expected.push("helm.sh/resource-policy");
    }
    if expected.is_empty() {
        return;
    }
    let annotations = metadata["annotations"]
        .as_object_mut()
        .expect("annotations");
    for name in expected {
        assert!(annotations.remove(name).is_some(), "{key:?}: {name}");
    }
    if annotations.is_empty() {
        metadata
            .as_object_mut()
            .expect("metadata")
            .remove("annotations");
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn the_default_values_print_what_is_built_object_for_object() {
    for variable in HELMS {
        for folder in platforms() {
            let out = build(&folder, &[]);
            let printed = render(variable, out.path(), &[]).expect("it renders");
            assert_same(out.path(), printed, &folder.display().to_string());
        }
    }
}

/// Whether a chart prints what a build writes.
fn assert_same(out: &Path, printed: Objects, what: &str) {
    let raw = raw(out);
    let mut printed = printed;
    for (key, object) in &mut printed {
        if !raw.contains_key(key) {
            without_helm(key, object);
        }
    }
    assert_same_objects(&format!("the chart of {what}"), &built(out), &printed);
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn a_job_has_the_name_that_a_build_with_the_same_values_gives_it() {
    let job = |objects: &Objects| {
        let mut jobs = objects.keys().filter(|(kind, _, _)| kind == "Job");
        jobs.next().expect("a job").2.clone()
    };
    let copy = copy_of(&repository().join("tests/platforms/everything"));
    let before = job(&built(copy.path()));
    let source = copy.path().join("platform.erp");
    let text = std::fs::read_to_string(&source).expect("a platform");
    assert!(text.contains("\"a/j:1\""), "{text}");
    // Characters that Go escapes in JSON, over several lines.
    let changed = text.replace(
        "\"a/j:1\"",
        "\"a/j:2\"; args \"<a> & 'b' \\\"c\\\"\\\\\", \"é\"",
    );
    std::fs::write(&source, changed).expect("a platform");
    let ran = erpc(&["build".as_ref(), copy.path().as_os_str()]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let wanted = built(copy.path());
    assert_ne!(job(&wanted), before);
    for variable in HELMS {
        let printed = render(variable, copy.path(), &[]).expect("it renders");
        assert_eq!(job(&printed), job(&wanted));
        let other = render(variable, copy.path(), &["services.n.j.image.tag=v3"]);
        assert_ne!(job(&other.expect("it renders")), job(&wanted));
    }
}

/// A copy of a platform with its chart.
fn copy_of(folder: &Path) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    for (name, bytes) in files_below(folder) {
        let path = copy.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a copy");
    }
    let ran = erpc(&["build".as_ref(), copy.path().as_os_str()]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    copy
}

/// What a build of a platform writes.
fn build(folder: &Path, more: &[&str]) -> TempDir {
    let out = TempDir::new().expect("a folder");
    let mut arguments = vec!["build".as_ref(), folder.as_os_str()];
    arguments.extend(["--out".as_ref(), out.path().as_os_str()]);
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    let ran = erpc(&arguments);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    out
}

/// The profiles that a chart has values for.
fn profiles_of(folder: &Path) -> Vec<String> {
    let files = files_below(&folder.join("helm"));
    let names = files.keys().filter_map(|path| {
        let name = path.strip_prefix("values-")?.strip_suffix(".yaml")?;
        Some(name.to_owned())
    });
    names.collect()
}

/// Compares the chart with each profile's values to what is built under that profile.
fn each_profile_prints_what_is_built(variable: &str, folder: &Path) -> Vec<String> {
    let chart = build(folder, &[]);
    let profiles = profiles_of(chart.path());
    for profile in &profiles {
        let out = build(folder, &["--profile", profile]);
        let values = format!("helm/values-{profile}.yaml");
        let printed = render_with(variable, chart.path(), &["--values", &values]);
        let printed = printed.expect("it renders");
        let what = format!("{} under {profile}", folder.display());
        assert_same(out.path(), printed, &what);
    }
    profiles
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn the_values_of_a_profile_print_what_is_built_under_it() {
    for variable in HELMS {
        let mut seen = Vec::new();
        for folder in platforms() {
            seen.extend(each_profile_prints_what_is_built(variable, &folder));
        }
        assert_eq!(
            seen,
            [
                "staging",
                "laptop",
                "dev",
                "season",
                "dev",
                "dev",
                "production",
                "test",
                "dev",
                "kind",
                "production"
            ]
        );
        // One that changes all that a profile may; `wide` takes a volume away, so that a service
        // is another workload, and `plain` sets statements that the chart has no values for.
        let case = repository().join("tests/ui/a-profile-takes-effect");
        let seen = each_profile_prints_what_is_built(variable, &case);
        assert_eq!(seen, ["base", "dev", "plain", "wide"]);
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn every_chart_is_free_of_lint_and_packs() {
    for variable in HELMS {
        for folder in platforms() {
            let chart = build(&folder, &[]);
            let linted = helm(variable, &["lint", "--strict", "helm"], chart.path());
            let said = String::from_utf8_lossy(&linted.stdout).into_owned();
            assert!(linted.status.success(), "{}: {said}", folder.display());
            assert!(!said.contains("[WARNING]"), "{}: {said}", folder.display());
            let out = TempDir::new().expect("a folder");
            let to = out.path().to_string_lossy().into_owned();
            let packed = helm(variable, &["package", "helm", "-d", &to], chart.path());
            assert!(packed.status.success());
            assert_eq!(files_below(out.path()).len(), 1);
        }
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn the_schema_refuses_a_wrong_value_with_its_path() {
    let cases = [
        (
            "services.hello.web.replicas=two",
            "services/hello/web/replicas",
            "want integer",
        ),
        (
            "services.hello.web.replicas=-1",
            "services/hello/web/replicas",
            "want 0",
        ),
        (
            "services.hello.web.port=80",
            "services/hello/web",
            "'port' not allowed",
        ),
        (
            "services.hello.web.resources.requests.cpu=1k",
            "services/hello/web/resources/requests/cpu",
            "'1k' does not match",
        ),
        (
            "services.hello.web.resources.limits.memory=64m",
            "services/hello/web/resources/limits/memory",
            "'64m' does not match",
        ),
        (
            "services.hello.wob.enabled=true",
            "services/hello",
            "'wob' not allowed",
        ),
        (
            "services.hello.web.image.tag=latest",
            "services/hello/web/image/tag",
            "failed",
        ),
        (
            "networkPolicy.enabled=1",
            "networkPolicy/enabled",
            "want boolean",
        ),
        (
            "global.imagePullPolicy=Sometimes",
            "global/imagePullPolicy",
            "one of",
        ),
        ("global.registry=evil.example", "global/registry", "must be"),
        ("cluster.name=elsewhere", "cluster/name", ""),
        (
            "services.hello.web.hosts={a,b}",
            "services/hello/web/hosts",
            "got 2",
        ),
    ];
    let folder = repository().join("examples/hello");
    for variable in HELMS {
        for (setting, path, why) in cases {
            let said = render(variable, &folder, &[setting]).expect_err(setting);
            assert!(
                said.contains(&format!("at '/{path}': ")),
                "{setting}: {said}"
            );
            assert!(said.contains(why), "{setting}: {said}");
        }
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn a_service_stays_one_pod_where_two_would_need_the_name_of_a_neighbour() {
    let watched = "erp 1\n\nplatform p { version \"1\"; cluster c }\ntiers t\ncluster c { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }\nnamespace n {\n  tier t\n  service web { image \"a/b:1.0\"; port http 8080; cpu 10m; memory 16Mi }\n  service web-pods { image \"a/b:1.0\"; cpu 10m; memory 16Mi; calls web:http observes }\n}\n";
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("platform.erp"), watched).expect("a file");
    let copy = copy_of(folder.path());
    render(HELMS[0], copy.path(), &[]).expect("it renders");
    let two = "services.n.web.replicas=2";
    let said = render(HELMS[0], copy.path(), &[two]).expect_err("the name is taken");
    assert!(
        said.contains("at '/services/n/web/replicas': maximum: got 2, want 1"),
        "{said}"
    );
}

/// Whether an object says the name of a service as a peer.
fn names_as_peer(object: &Value, service: &str) -> bool {
    let spec = object["spec"].to_string();
    object["kind"] == "NetworkPolicy" && spec.contains(&format!("\"{service}\""))
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn a_service_that_is_off_leaves_no_object_and_no_rule() {
    let folder = repository();
    for variable in HELMS {
        let off = ["services.erp-apps.hl7-health.enabled=false"];
        let printed = render(variable, &folder, &off).expect("nobody requires it");
        assert!(!printed.is_empty());
        for (key, object) in &printed {
            assert!(!(key.1 == "erp-apps" && key.2 == "hl7-health"), "{key:?}");
            assert!(!names_as_peer(object, "hl7-health"), "{key:?}");
            for direction in ["ingress", "egress"] {
                let rules = object["spec"][direction].as_array();
                for rule in rules.into_iter().flatten() {
                    let side = if direction == "ingress" { "from" } else { "to" };
                    assert_ne!(rule[side], json!([]), "{key:?} would let everybody in");
                    assert!(!rule[side].is_null(), "{key:?} would let everybody in");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn what_somebody_requires_cannot_be_off_and_the_message_says_who_does() {
    let folder = repository();
    for variable in HELMS {
        let off = ["services.erp-services.kvs-database.enabled=false"];
        let said = render(variable, &folder, &off).expect_err("it is required");
        assert!(
            said.contains("services.erp-services.kvs-database is off, but services.erp-"),
            "{said}"
        );
        let off = ["services.erp-infra.traefik-ingress.enabled=false"];
        let said = render(variable, &folder, &off).expect_err("routes lead through it");
        assert!(said.contains("switch ingress.enabled off"), "{said}");
        let off = [
            "services.erp-infra.traefik-ingress.enabled=false",
            "ingress.enabled=false",
        ];
        let printed = render(variable, &folder, &off).expect("no route is left");
        assert!(printed.keys().all(|key| !key.0.starts_with("Ingress")));
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn the_toggles_and_the_globals_change_what_they_say() {
    let folder = repository();
    let variable = HELMS[0];
    let none_of = |setting: &str, kinds: &[&str]| {
        let printed = render(variable, &folder, &[setting]).expect("it renders");
        let has = printed.keys().any(|key| kinds.contains(&key.0.as_str()));
        assert!(!has && !printed.is_empty(), "{setting}");
    };
    none_of("networkPolicy.enabled=false", &["NetworkPolicy"]);
    let notes = |setting: &str| {
        // Helm 3 asks a cluster even for this.
        let arguments = ["install", "r", "helm", "--dry-run=client", "--set", setting];
        let output = helm(variable, &arguments, &folder);
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let notes = said.split_once("NOTES:").expect("notes").1;
        notes.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(
        notes("networkPolicy.enabled=false").contains("the guarantees of `erpc prove` do not hold")
    );
    assert!(!notes("networkPolicy.enabled=true").contains("erpc prove"));
    none_of(
        "rbac.create=false",
        &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
    );
    none_of("ingress.enabled=false", &["Ingress", "IngressClass"]);
    none_of("cluster.createStorageClasses=false", &["StorageClass"]);

    let text = |settings: &[&str]| {
        let printed = render(variable, &folder, settings).expect("it renders");
        json!(printed.into_values().collect::<Vec<_>>()).to_string()
    };
    assert!(text(&["global.domain=erp.example"]).contains(".erp.example\""));
    assert!(!text(&["global.domain=erp.example"]).contains("\"host\":\"acc.erp.uno\""));
    let moved = text(&["global.version=2024.7.1"]);
    assert!(moved.contains("erpuno/acc-accounting:2024.7.1") && moved.contains("traefik:v3.3"));
    assert!(text(&["global.registry=registry.erp.uno"]).contains("registry.erp.uno/erpuno/"));
    assert!(text(&["global.imagePullPolicy=Always"]).contains("\"Always\""));
    assert!(text(&["cluster.storageClass=fast"]).contains("\"storageClassName\":\"fast\""));
    // Two pods have a budget and are spread; one has neither.
    let key = |kind: &str| {
        (
            kind.to_owned(),
            "erp-apps".to_owned(),
            "acc-accounting".to_owned(),
        )
    };
    let one = render(variable, &folder, &[]).expect("it renders");
    assert!(!one.contains_key(&key("PodDisruptionBudget")));
    let setting = "services.erp-apps.acc-accounting.replicas=2";
    let two = render(variable, &folder, &[setting]).expect("it renders");
    assert!(two.contains_key(&key("PodDisruptionBudget")));
    let spec = &two[&key("Deployment")]["spec"];
    assert_eq!(spec["replicas"], 2);
    let spread = &spec["template"]["spec"]["topologySpreadConstraints"][0];
    assert_eq!(spread["whenUnsatisfiable"], "DoNotSchedule");
}

#[test]
fn no_service_has_more_than_25_lines_of_values() {
    for folder in platforms() {
        let chart = build(&folder, &[]);
        let values = chart.path().join("helm/values.yaml");
        let text = std::fs::read_to_string(values).expect("values");
        let services = text.split_once("\nservices:\n").expect("services").1;
        let mut lines = 0;
        for line in services.lines() {
            let is_inner = line.starts_with("      ");
            lines = if is_inner { lines + 1 } else { 1 };
            assert!(lines <= 25, "{}: {line}", folder.display());
        }
    }
}
