//! What a build writes for Argo CD, Flux and Kustomize: valid field by field against the published
//! schemas, the objects of `lib/` and `share/` each once, in the waves of `erpc order`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use erpc_cli::Exit;
use erpc_tests::objects::{ObjectKey, Objects, assert_same_objects, by_key, object_key};
use erpc_tests::{erpc, files_below, platforms, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

const REPOSITORY: &str = "https://git.example/platform.git";

/// Everything that a build with all three targets writes.
fn built(platform: &Path) -> TempDir {
    let out = TempDir::new().expect("a folder");
    let mut arguments = vec!["build".as_ref(), platform.as_os_str()];
    for target in ["argocd", "flux", "kustomize"] {
        arguments.extend(["--target".as_ref(), std::ffi::OsStr::new(target)]);
    }
    arguments.extend(["--repository".as_ref(), std::ffi::OsStr::new(REPOSITORY)]);
    arguments.extend(["--out".as_ref(), out.path().as_os_str()]);
    let ran = erpc(&arguments);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    out
}

fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (path, bytes) in files_below(folder) {
        let text = String::from_utf8(bytes).expect("UTF-8");
        let read: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
        all.extend(read.into_iter().map(|document| (path.clone(), document)));
    }
    all
}

/// The objects of `lib/` and `share/`.
fn objects(out: &Path) -> Objects {
    let both = ["lib", "share"]
        .into_iter()
        .flat_map(|part| documents(&out.join(part)));
    by_key(both.map(|(_, object)| object))
}

/// Objects of a target without the annotations that begin like this, which are the target's own.
fn without_marks(objects: Vec<(String, Value)>, prefix: &str) -> Objects {
    let objects = objects.into_iter().map(|(_, mut object)| {
        let annotations = object.pointer_mut("/metadata/annotations");
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !name.starts_with(prefix));
            if annotations.is_empty() {
                let metadata = object["metadata"].as_object_mut().expect("metadata");
                metadata.remove("annotations");
            }
        }
        object
    });
    by_key(objects)
}

/// A published schema, closed: the API server drops what it does not name.
fn closed(schema: &mut Value) {
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    if let Some(map) = schema.as_object_mut() {
        // An integer or a text; JSON Schema has no word for it.
        if map.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
            map.remove("type");
        }
        if map.contains_key("properties") && !map.contains_key("additionalProperties") && !is_open {
            map.insert("additionalProperties".to_owned(), json!(false));
        }
        for (name, inner) in map.iter_mut() {
            match name.as_str() {
                "properties" => {
                    let properties = inner.as_object_mut().expect("properties");
                    properties.values_mut().for_each(closed);
                }
                "items" | "additionalProperties" => closed(inner),
                _ => {}
            }
        }
    } else if let Some(list) = schema.as_array_mut() {
        list.iter_mut().for_each(closed);
    }
}

fn schemas() -> BTreeMap<(String, String), jsonschema::Validator> {
    let mut out = BTreeMap::new();
    for (name, bytes) in files_below(&repository().join("tests/data/crds")) {
        if !name.ends_with(".json") {
            continue;
        }
        let mut crd: Value = serde_json::from_slice(&bytes).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let kind = (text(&crd["apiVersion"]), text(&crd["kind"]));
        let mut schema = crd["schema"].take();
        closed(&mut schema);
        // The API server knows metadata itself.
        schema["properties"]["metadata"] = json!({
            "type": "object",
            "required": ["name", "namespace"],
            "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}},
            "additionalProperties": false,
        });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        out.insert(kind, validator);
    }
    out
}

#[test]
fn what_others_read_is_valid_by_their_published_schemas() {
    let schemas = schemas();
    let check = |path: &str, document: &Value| {
        let text = |key: &str| document[key].as_str().expect("a text").to_owned();
        let schema = &schemas[&(text("apiVersion"), text("kind"))];
        let errors: Vec<String> = schema
            .iter_errors(document)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
    };
    for platform in platforms() {
        let out = built(&platform);
        for target in ["argocd", "flux"] {
            let all = documents(&out.path().join(target));
            let own = all.iter().filter(|(path, document)| {
                let is_list = document["apiVersion"] == "kustomize.config.k8s.io/v1beta1";
                !path.starts_with("objects/") && !is_list
            });
            let mut seen = 0;
            for (path, document) in own {
                check(path, document);
                seen += 1;
            }
            assert!(seen >= 2, "{target}");
        }
    }
    // The schemas do refuse: a field too many, a wrong type.
    let out = built(&repository().join("examples/hello"));
    let application = documents(&out.path().join("argocd"));
    let (_, application) = application
        .into_iter()
        .find(|(path, _)| path == "application.yaml")
        .expect("an Application");
    let schema = &schemas[&("argoproj.io/v1alpha1".to_owned(), "Application".to_owned())];
    for (pointer, value) in [
        ("/spec/source/dirctory", json!({})),
        ("/spec/syncPolicy/retry/limit", json!("five")),
    ] {
        let mut broken = application.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = broken.pointer_mut(parent).expect("a part");
        parent
            .as_object_mut()
            .expect("an object")
            .insert(name.to_owned(), value);
        assert!(schema.validate(&broken).is_err(), "{pointer}");
    }
}

/// The waves that `erpc order` prints, from 1.
fn waves(platform: &Path) -> BTreeMap<String, i64> {
    let ran = erpc(&[
        "order".as_ref(),
        platform.as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let said: Value = serde_json::from_str(&ran.out).expect("JSON");
    let mut waves = BTreeMap::new();
    for wave in said["waves"].as_array().expect("waves") {
        for service in wave["services"].as_array().expect("services") {
            let name = service["service"].as_str().expect("a name");
            waves.insert(name.to_owned(), wave["wave"].as_i64().expect("a number"));
        }
    }
    waves
}

fn is_workload(object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    ["DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob"].contains(&kind)
}

/// Whether a workload is that of a service; one of a manifest has the labels of the manifest.
fn is_of_service(object: &Value) -> bool {
    is_workload(object) && object["metadata"]["labels"]["app.kubernetes.io/name"].is_string()
}

/// `namespace.name` of the service of a workload; a Job has a name of its own.
fn service_of(object: &Value) -> String {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    format!(
        "{}.{}",
        text(&metadata["namespace"]),
        text(&metadata["labels"]["app.kubernetes.io/name"])
    )
}

#[test]
fn a_job_is_applied_like_any_other_object_and_never_replaced() {
    let out = built(&repository().join("tests/platforms/everything"));
    let read = |path: &str| {
        let text = std::fs::read_to_string(out.path().join(path)).expect("an output");
        serde_saphyr::from_str::<Value>(&text).expect("YAML")
    };
    let job = read("lib/n/j/job.yaml");
    let name = job["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("j-") && name.len() == 12, "{name}");
    assert_eq!(job["metadata"]["labels"]["app.kubernetes.io/name"], "j");
    // Replace and Force would run it again at every sync.
    let argo = read("argocd/objects/lib/n/j/job.yaml");
    assert_eq!(
        argo["metadata"]["annotations"],
        json!({"argocd.argoproj.io/sync-wave": "2"})
    );
    let flux = read("flux/objects/services/lib/n/j/job.yaml");
    assert_eq!(flux["metadata"], job["metadata"]);
    let checks = read("flux/services/n.j.yaml");
    assert_eq!(checks["spec"]["healthChecks"][0]["name"], name);
}

#[test]
fn an_application_has_every_object_once_in_the_wave_of_its_service() {
    for platform in platforms() {
        let out = built(&platform);
        let all = documents(&out.path().join("argocd/objects"));
        let waves = waves(&platform);
        let last = waves.values().max().copied().unwrap_or(0);
        for (path, object) in &all {
            let mark = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
            let wave: i64 = mark.as_str().expect("a wave").parse().expect("a number");
            let (kind, _, name) = object_key(object);
            if is_of_service(object) {
                assert_eq!(wave, waves[&service_of(object)], "{path}");
            }
            match kind.as_str() {
                "Namespace" => assert_eq!(wave, -1),
                "NetworkPolicy" => assert_eq!(wave, if name == "default-deny" { 0 } else { -1 }),
                "Ingress" => assert_eq!(wave, last + 1),
                "Service" if object["spec"]["type"] == "LoadBalancer" => assert_eq!(wave, last + 1),
                "PersistentVolumeClaim" => assert!(wave >= 1, "{path}"),
                _ => assert!(wave == -1 || (1..=last).contains(&wave), "{path}"),
            }
        }
        let wanted = objects(out.path());
        let copies = without_marks(all, "argocd.argoproj.io/");
        assert_same_objects(
            &format!("argocd of {}", platform.display()),
            &wanted,
            &copies,
        );

        let own = documents(&out.path().join("argocd"));
        let of = |file: &str| {
            own.iter()
                .find(|(path, _)| path == file)
                .expect("a file")
                .1
                .clone()
        };
        let project = of("project.yaml");
        let list = |kind: &str| -> BTreeSet<String> {
            let kinds = project["spec"][kind].as_array().into_iter().flatten();
            kinds
                .map(|one| one["kind"].as_str().expect("a kind").to_owned())
                .collect()
        };
        let kinds = |is_of_cluster: bool| -> BTreeSet<String> {
            let keys = wanted
                .keys()
                .filter(|key| key.1.is_empty() == is_of_cluster);
            keys.map(|key| key.0.clone()).collect()
        };
        assert_eq!(list("clusterResourceWhitelist"), kinds(true));
        assert_eq!(list("namespaceResourceWhitelist"), kinds(false));
        let scaled = wanted
            .keys()
            .filter(|key| key.0 == "HorizontalPodAutoscaler");
        let scaled: BTreeSet<(String, String)> =
            scaled.map(|key| (key.1.clone(), key.2.clone())).collect();
        let application = of("application.yaml");
        let ignored = application["spec"]["ignoreDifferences"].as_array();
        let ignored: BTreeSet<(String, String)> = ignored
            .into_iter()
            .flatten()
            .map(|one| {
                assert_eq!(one["jsonPointers"], json!(["/spec/replicas"]));
                let text = |key: &str| one[key].as_str().expect("a text").to_owned();
                (text("namespace"), text("name"))
            })
            .collect();
        assert_eq!(ignored, scaled);
    }
}

/// Kustomizations of Flux by name, with those that each waits for.
fn kustomizations(flux: &Path) -> BTreeMap<String, Value> {
    let own = documents(flux).into_iter().map(|(_, document)| document);
    let own = own.filter(|document| {
        document["apiVersion"] == "kustomize.toolkit.fluxcd.io/v1"
            && document["kind"] == "Kustomization"
    });
    own.map(|document| {
        let name = document["metadata"]["name"].as_str().expect("a name");
        (name.to_owned(), document)
    })
    .collect()
}

fn depends_on(kustomization: &Value) -> BTreeSet<String> {
    let names = kustomization["spec"]["dependsOn"].as_array();
    let names = names.into_iter().flatten();
    names
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn a_kustomization_for_each_service_waits_for_the_wave_before_and_checks_its_workloads() {
    for platform in platforms() {
        let out = built(&platform);
        let flux = out.path().join("flux");
        let waves = waves(&platform);
        let all = kustomizations(&flux);
        let copies = documents(&flux.join("objects"));
        let copies: Vec<(String, Value)> = copies
            .into_iter()
            .filter(|(_, object)| object["apiVersion"] != "kustomize.config.k8s.io/v1beta1")
            .collect();
        let list = std::fs::read_to_string(flux.join("kustomization.yaml")).expect("a list");
        let list: Value = serde_saphyr::from_str(&list).expect("YAML");
        let resources = list["resources"].as_array().expect("resources");
        // Each object and each of Flux's own is there, and once.
        assert_eq!(resources.len(), all.len() + 1);
        for path in resources {
            assert!(flux.join(path.as_str().expect("a path")).exists(), "{path}");
        }
        let mut applied = BTreeSet::new();
        let mut of_wave: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for (name, document) in &all {
            assert!(name.len() <= 63, "{name}");
            let path = document["spec"]["path"].as_str().expect("a path");
            let Some(folder) = path.strip_prefix("./flux/objects/") else {
                assert_eq!(path, "./flux");
                continue;
            };
            assert!(flux.join("objects").join(folder).is_dir(), "{path}");
            let folder = format!("{folder}/");
            let own = copies.iter().filter(|(path, _)| path.starts_with(&folder));
            let own: Vec<&Value> = own.map(|(_, object)| object).collect();
            for object in &own {
                assert!(
                    applied.insert(object_key(object)),
                    "{:?} twice",
                    object_key(object)
                );
            }
            let workloads = own.iter().filter(|object| is_workload(object));
            let workloads = workloads.clone().filter(|o| o["kind"] != "CronJob");
            let workloads: BTreeSet<ObjectKey> =
                workloads.map(|object| object_key(object)).collect();
            let checks = document["spec"]["healthChecks"].as_array();
            let checks = checks.into_iter().flatten();
            let checks: BTreeSet<ObjectKey> = checks
                .map(|check| object_key(&json!({"kind": check["kind"], "metadata": check})))
                .collect();
            assert_eq!(checks, workloads, "{name}");
            if let Some(object) = own.iter().find(|object| is_of_service(object)) {
                let wave = waves[&service_of(object)];
                of_wave.entry(wave).or_default().insert(name.clone());
            }
        }
        assert_eq!(applied.len(), copies.len());
        let gate = |wave: i64| format!("{}-gate-{wave}", name_of(&all));
        for (wave, services) in &of_wave {
            assert_eq!(&depends_on(&all[&gate(*wave)]), services, "wave {wave}");
            for service in services {
                let waits = depends_on(&all[service]);
                if *wave > 1 {
                    assert_eq!(waits, BTreeSet::from([gate(wave - 1)]), "{service}");
                } else {
                    let first = waits.first().expect("what services share");
                    assert!(!first.contains("gate") && waits.len() == 1, "{service}");
                }
            }
        }
        let copies = without_marks(copies, "kustomize.toolkit.fluxcd.io/");
        let what = format!("flux of {}", platform.display());
        assert_same_objects(&what, &objects(out.path()), &copies);
    }
}

/// The name of the platform: the Kustomization that applies all others has it.
fn name_of(all: &BTreeMap<String, Value>) -> String {
    let whole = all.iter().find(|(_, one)| one["spec"]["path"] == "./flux");
    whole.expect("the Kustomization of the platform").0.clone()
}

/// A platform in a folder of its own.
fn written(text: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("platform.erp"), text).expect("a file");
    folder
}

const CLUSTER: &str = "cluster main {
  kubernetes 1.36
  nodes      3 of cpu 4, memory 16Gi, in 10.0.0.0/24
  pods       10.244.0.0/16
  services   10.96.0.0/16
  dns        kube-dns
  storage    fast default create provisioner \"disk.csi.example\" wait
}
";

#[test]
fn a_service_that_changes_its_wave_stays_in_its_kustomization() {
    let source = |flow: &str| {
        written(&format!(
            "erp 1\nplatform p {{ version \"1\"; cluster main }}\ntiers t\n{CLUSTER}namespace n {{
  tier t
  service api {{ image \"a/b:1\"; port http 8080; cpu 10m; memory 16Mi; access by port-forward }}
  service web {{ image \"a/b:1\"; port http 8080; cpu 10m; memory 16Mi; access by port-forward; {flow} }}
}}
"
        ))
    };
    let (before, after) = (source(""), source("calls api:http"));
    let wave = |folder: &TempDir| waves(folder.path())["n.web"];
    assert_eq!((wave(&before), wave(&after)), (1, 2));
    let objects_of_web = |folder: &TempDir| {
        let out = built(folder.path());
        let flux = out.path().join("flux");
        let all = kustomizations(&flux);
        let web = all["p.n.web"].clone();
        let path = web["spec"]["path"].as_str().expect("a path");
        let objects = documents(&out.path().join(path));
        let keys: Vec<ObjectKey> = objects
            .iter()
            .map(|(_, object)| object_key(object))
            .collect();
        (path.to_owned(), keys, depends_on(&web))
    };
    let (path, keys, waits) = objects_of_web(&before);
    assert!(keys.iter().any(|key| key.0 == "Deployment"));
    assert_eq!(waits, BTreeSet::from(["p-isolation".to_owned()]));
    assert_eq!(
        objects_of_web(&after),
        (path, keys, BTreeSet::from(["p-gate-1".to_owned()]))
    );
}

#[test]
fn long_names_of_services_stay_apart_in_the_label_of_their_kustomization() {
    let name = "a".repeat(50);
    let services: String = ["x", "y"]
        .map(|last| format!("  service {name}{last} {{ image \"a/b:1\"; cpu 10m; memory 16Mi }}\n"))
        .concat();
    let folder = written(&format!(
        "erp 1\nplatform p {{ version \"1\"; cluster main }}\ntiers t\n{CLUSTER}namespace a-namespace {{\n  tier t\n{services}}}\n"
    ));
    let out = built(folder.path());
    let all = kustomizations(&out.path().join("flux"));
    let long = all.keys().filter(|name| name.starts_with("p.a-namespace."));
    let long: Vec<&String> = long.collect();
    assert_eq!(long.len(), 2);
    assert!(long.iter().all(|name| name.len() == 63), "{long:?}");
}

#[test]
fn what_waits_for_an_address_or_a_first_pod_holds_up_no_wave() {
    let folder = written(&format!(
        "erp 1\nplatform p {{ version \"1\"; cluster main }}\ntiers data < logic\n{CLUSTER}namespace dat {{
  tier data
  job nightly every \"30 3 * * *\" {{ image \"a/b:1\"; cpu 10m; memory 16Mi; deadline 10m; volume dump 1Gi at \"/dump\" shared }}
  job once {{ image \"a/b:1\"; cpu 10m; memory 16Mi; deadline 10m; volume cache 1Gi at \"/c\" shared }}
  service none {{ image \"a/b:1\"; cpu 10m; memory 16Mi; replicas 0; volume kept 1Gi at \"/k\" shared }}
  service gate {{ image \"a/b:1\"; port tcp 5000; cpu 10m; memory 16Mi; expose tcp as loadbalancer; volume own 1Gi at \"/o\" shared }}
}}
namespace app {{
  tier logic
  service web {{ image \"a/b:1\"; port http 8080; cpu 10m; memory 16Mi; access by port-forward; calls dat.gate:tcp }}
}}
"
    ));
    let out = built(folder.path());
    let objects = documents(&out.path().join("argocd/objects"));
    let wave = |kind: &str, name: &str| {
        let (_, object) = objects
            .iter()
            .find(|(_, object)| object["kind"] == kind && object["metadata"]["name"] == name)
            .expect("an object");
        let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
        wave.as_str().expect("a wave").to_owned()
    };
    for (kind, name, expected) in [
        // What callers look up is there before they are; only its address outside comes last.
        ("Service", "gate", "1"),
        ("Deployment", "gate", "1"),
        ("Service", "gate-loadbalancer", "3"),
        // No pod uses these before the sync ends.
        ("PersistentVolumeClaim", "dump", "3"),
        ("PersistentVolumeClaim", "kept", "3"),
        // Pods of the same wave use these.
        ("PersistentVolumeClaim", "cache", "1"),
        ("PersistentVolumeClaim", "own", "1"),
        ("CronJob", "nightly", "1"),
        ("Deployment", "web", "2"),
    ] {
        assert_eq!(wave(kind, name), expected, "{kind} {name}");
    }
    // Flux checks what is listed, and that is workloads alone.
    for (name, one) in kustomizations(&out.path().join("flux")) {
        assert!(one["spec"]["wait"].is_null(), "{name}");
        for check in one["spec"]["healthChecks"].as_array().into_iter().flatten() {
            let kind = check["kind"].as_str().expect("a kind");
            assert!(["Deployment", "Job"].contains(&kind), "{name}: {kind}");
        }
    }
}

#[test]
#[ignore = "needs the kubectl in what tests/cluster/build makes; tests/run runs it"]
fn kustomize_builds_every_object_in_the_order_of_the_waves() {
    let binary = std::env::var_os("ERPC_TEST_CLUSTER").expect("what tests/cluster/build prints");
    for platform in platforms() {
        let out = built(&platform);
        let build = |folder: &str| {
            let output = Command::new(&binary)
                .args(["kubectl", "kustomize", folder])
                .current_dir(out.path())
                .output();
            let output = output.expect("kubectl runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{folder}: {said}");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            serde_saphyr::from_multiple::<Value>(&text).expect("YAML")
        };
        let all = build("kustomize");
        let waves = waves(&platform);
        let order: Vec<i64> = all
            .iter()
            .filter(|object| is_of_service(object))
            .map(|object| waves[&service_of(object)])
            .collect();
        assert!(order.is_sorted(), "{order:?}");
        let what = format!("kustomize of {}", platform.display());
        assert_same_objects(&what, &objects(out.path()), &by_key(all));
        for (path, _) in files_below(&out.path().join("kustomize")) {
            if let Some(folder) = path.strip_suffix("/kustomization.yaml") {
                assert!(
                    !build(&format!("kustomize/{folder}")).is_empty(),
                    "{folder}"
                );
            }
        }
    }
}

#[test]
fn outputs_of_the_source_are_written_by_every_build() {
    let hello = repository().join("examples/hello");
    let folder = TempDir::new().expect("a folder");
    for (path, bytes) in files_below(&hello) {
        if !path.contains('/') {
            let mut text = String::from_utf8(bytes).expect("UTF-8");
            text = text.replacen(
                "platform hello {",
                "platform hello {\n  output argocd \"https://git.example/p.git\" at \"refs/tags/v1\" in \"sites/a\"\n  output kustomize",
                1,
            );
            std::fs::write(folder.path().join(path), text).expect("a file");
        }
    }
    let build = |more: &[&str]| {
        let mut arguments = vec!["build".to_owned(), folder.path().display().to_string()];
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        erpc(&arguments)
    };
    assert_eq!(build(&[]).exit, Exit::Done);
    let own = documents(&folder.path().join("argocd"));
    let (_, application) = own
        .iter()
        .find(|(path, _)| path == "application.yaml")
        .expect("an Application");
    let source = &application["spec"]["source"];
    assert_eq!(source["path"], "sites/a/argocd/objects");
    assert_eq!(source["targetRevision"], "refs/tags/v1");
    assert!(folder.path().join("kustomize/kustomization.yaml").exists());
    assert!(!folder.path().join("flux").exists());
    assert_eq!(build(&["--check"]).exit, Exit::Done);
    let ran = build(&["--target", "flux"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(
        ran.err.contains("`--repository URL`, or `output flux"),
        "{}",
        ran.err
    );
    assert_eq!(
        build(&["--target", "flux", "--repository", REPOSITORY]).exit,
        Exit::Done
    );
    // What one build was asked for, another that is not asked leaves alone.
    assert_eq!(build(&["--check"]).exit, Exit::Done);
    assert!(folder.path().join("flux/base.yaml").exists());
}
