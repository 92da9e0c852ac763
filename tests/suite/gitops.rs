//! What a build writes for Argo CD, Flux and Kustomize: valid field by field against the published
//! schemas, the objects of `lib/` and `share/` each once, in the waves of `erpc order`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use erpc_cli::Exit;
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

type Key = (String, String, String);

fn key(object: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    (
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"]),
    )
}

/// The objects of `lib/` and `share/`.
fn objects(out: &Path) -> BTreeMap<Key, Value> {
    let both = ["lib", "share"]
        .into_iter()
        .flat_map(|part| documents(&out.join(part)));
    both.map(|(_, object)| (key(&object), object)).collect()
}

/// The same without the marks that begin like this.
fn without_marks(objects: Vec<(String, Value)>, prefix: &str) -> BTreeMap<Key, Value> {
    let mut out = BTreeMap::new();
    for (path, mut object) in objects {
        let annotations = object.pointer_mut("/metadata/annotations");
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !name.starts_with(prefix));
            if annotations.is_empty() {
                let metadata = object["metadata"].as_object_mut().expect("metadata");
                metadata.remove("annotations");
            }
        }
        let key = key(&object);
        assert!(
            out.insert(key.clone(), object).is_none(),
            "{path}: {key:?} twice"
        );
    }
    out
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
            let own = all.iter().filter(|(path, _)| !path.starts_with("objects/"));
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
    ["Deployment", "StatefulSet", "Job", "CronJob"].contains(&kind)
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
    let folder = repository().join("tests/platforms/everything");
    let read = |path: &str| {
        let text = std::fs::read_to_string(folder.join(path)).expect("an output");
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
    let flux = read("flux/objects/wave-2/lib/n/j/job.yaml");
    assert_eq!(flux["metadata"], job["metadata"]);
    let checks = read("flux/wave-2.yaml");
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
            let (kind, _, name) = key(object);
            if is_workload(object) {
                assert_eq!(wave, waves[&service_of(object)], "{path}");
            }
            match kind.as_str() {
                "Namespace" => assert_eq!(wave, -1),
                "NetworkPolicy" => assert_eq!(wave, if name == "default-deny" { 0 } else { -1 }),
                "Ingress" => assert_eq!(wave, last + 1),
                _ => assert!(wave == -1 || (1..=last).contains(&wave), "{path}"),
            }
        }
        let wanted = objects(out.path());
        assert_eq!(without_marks(all, "argocd.argoproj.io/"), wanted);

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

#[test]
fn a_kustomization_for_each_wave_waits_for_the_one_before_and_checks_its_workloads() {
    for platform in platforms() {
        let out = built(&platform);
        let flux = out.path().join("flux");
        let waves = waves(&platform);
        let all = documents(&flux);
        let (copies, own): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(path, _)| path.starts_with("objects/"));
        let mut before: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut paths = BTreeSet::new();
        for (_, document) in own.iter().filter(|(path, _)| path != "repository.yaml") {
            let name = document["metadata"]["name"].as_str().expect("a name");
            let spec = &document["spec"];
            let waits = spec["dependsOn"][0]["name"].as_str().map(str::to_owned);
            before.insert(name.to_owned(), waits);
            let path = spec["path"].as_str().expect("a path").to_owned();
            let folder = path.trim_start_matches("./flux/").to_owned() + "/";
            let workloads: BTreeSet<Key> = copies
                .iter()
                .filter(|(path, object)| path.starts_with(&folder) && is_workload(object))
                .filter(|(_, object)| object["kind"] != "CronJob")
                .map(|(_, object)| key(object))
                .collect();
            let checks = spec["healthChecks"].as_array().into_iter().flatten();
            let checks: BTreeSet<Key> = checks
                .map(|check| key(&json!({"kind": check["kind"], "metadata": check})))
                .collect();
            assert_eq!(checks, workloads, "{name}");
            assert!(paths.insert(path));
        }
        // One chain, without a ring: from the last to the first all of them are met.
        let waited: BTreeSet<&String> = before.values().flatten().collect();
        let mut last = before.keys().filter(|name| !waited.contains(name));
        let mut at = Some(last.next().expect("one that nobody waits for").clone());
        assert!(last.next().is_none());
        let mut met = 0;
        while let Some(name) = at.take() {
            met += 1;
            assert!(met <= before.len(), "a ring");
            at.clone_from(&before[&name]);
        }
        assert_eq!(met, before.len());
        for (path, object) in copies.iter().filter(|(_, object)| is_workload(object)) {
            let wave = waves[&service_of(object)];
            assert!(path.starts_with(&format!("objects/wave-{wave}/")), "{path}");
        }
        let copies = without_marks(copies, "kustomize.toolkit.fluxcd.io/");
        assert_eq!(copies, objects(out.path()));
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
            .filter(|object| is_workload(object))
            .map(|object| waves[&service_of(object)])
            .collect();
        assert!(order.is_sorted(), "{order:?}");
        let all: BTreeMap<Key, Value> = all
            .into_iter()
            .map(|object| (key(&object), object))
            .collect();
        assert_eq!(all, objects(out.path()));
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
