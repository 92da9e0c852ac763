//! Existing manifests as a program: what is written means what was read.

use erpc_cli::project::compile;
use erpc_cluster::{KNOWN, Usual};
use erpc_diagnostics::{Severity, codes};
use std::path::Path;

use erpc_import::{
    Compiler, Files, FindingKind, Imported, Input, Options, Problem, compare, import, import_all,
    read,
};
use erpc_tests::{Memory, examples, folders_below, repository};
use serde_json::{Value, json};

/// Compiles programs in memory.
pub(crate) struct InMemory;

impl Compiler for InMemory {
    fn format(&self, source: &str) -> String {
        let parsed = erpc_syntax::parse(erpc_diagnostics::FileId(0), source);
        erpc_syntax::format(source, &parsed.file)
    }

    fn build(&self, files: &Files) -> Result<Vec<Value>, Vec<Problem>> {
        built(files, None)
    }

    fn build_under(&self, files: &Files, profile: &str) -> Result<Vec<Value>, Vec<Problem>> {
        built(files, Some(profile))
    }
}

fn built(files: &Files, profile: Option<&str>) -> Result<Vec<Value>, Vec<Problem>> {
    let memory = Memory::default();
    let memory = files.iter().fold(memory, |memory, (path, text)| {
        memory.with(path, text.as_bytes())
    });
    let compiled = compile("platform.erp", &memory, profile);
    let Some((platform, derived)) = &compiled.result else {
        let found = compiled.diagnostics.as_slice().iter();
        let errors = found.filter(|found| found.severity() == Severity::Error);
        return Err(errors
            .map(|error| {
                let span = error.span();
                let source = compiled.sources.get(span.file);
                let line = source.map(|source| source.line_column(span.start).line);
                Problem {
                    file: source.map_or_else(String::new, |source| source.path.clone()),
                    line: line.unwrap_or_default(),
                    message: format!("{} {}", error.code.id, error.message),
                }
            })
            .collect());
    };
    let files = erpc_emit::objects(platform, derived, &compiled.sources);
    let objects = files.iter().flat_map(|file| &file.objects);
    Ok(objects.map(|object| json!(object)).collect())
}

/// What [`compare`] takes for a default is what the table of `drift` knows as one.
#[test]
fn the_defaults_of_the_server_are_those_of_the_table() {
    let mut rows = 0;
    for known in KNOWN {
        let Usual::Is(value) = known.value else {
            continue;
        };
        // Each of these has its default together with another field.
        let is_alone = |path: &&str| !known.path.ends_with(path);
        let together = [
            "spec.completions",
            "spec.parallelism",
            "spec.sessionAffinityConfig",
        ];
        // What controllers and the server write into metadata is not a default.
        if !together.iter().all(is_alone)
            || known.path.contains("metadata")
            || known.path == "spec.finalizers"
        {
            continue;
        }
        let value: Value = serde_json::from_str(value).expect("JSON");
        for kind in known.kinds {
            let pod = kind
                .pod_path()
                .map_or_else(String::new, |path| path[..path.len() - 1].join("."));
            let path = known
                .path
                .replace("CONTAINER", "POD.spec.containers[]")
                .replace("POD", &pod);
            let object = |value: Option<&Value>| {
                let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.as_str(), "metadata": {"name": "a"}});
                set(&mut object, &path, value);
                object
            };
            let found = compare(&[object(Some(&value))], &[object(None)]);
            assert_eq!(found, [], "{kind} {path}");
            rows += 1;
        }
    }
    assert!(rows > 50, "{rows}");
}

/// Sets the field at the end of a path, or only what is around it.
fn set(object: &mut Value, path: &str, value: Option<&Value>) {
    let mut at = object;
    let names: Vec<&str> = path.split('.').collect();
    let (last, parents) = names.split_last().expect("a path");
    for name in parents {
        at = match name.strip_suffix("[]") {
            Some(list) => {
                if at[list].is_null() {
                    at[list] =
                        json!([{"name": "a", "containerPort": 1, "port": 1, "image": "a:1"}]);
                }
                &mut at[list][0]
            }
            None => &mut at[*name],
        };
        if at.is_null() {
            *at = json!({});
        }
    }
    if let Some(value) = value {
        at[*last] = value.clone();
    }
}

/// The codes that an import of a text finds.
fn found_in(text: &str) -> Vec<&'static str> {
    let reading = read(&[Input {
        path: "k8s/app.yaml",
        bytes: text.as_bytes(),
    }]);
    let options = Options {
        platform: "shop".to_owned(),
        default_namespace: "shop".to_owned(),
        harden: false,
        namespaces: Vec::new(),
        cluster: Vec::new(),
    };
    let imported = import(reading, &[], &options, &InMemory);
    let findings = imported.report.findings.iter();
    findings
        .filter_map(|finding| Some(finding.kind.code()?.id))
        .collect()
}

#[test]
fn every_code_of_an_import_has_a_page_whose_examples_are_wrong_and_right() {
    // Folders, and files of another tool.
    let without = ["W0908", "W0921", "W0934"];
    let of_import = |code: &&&codes::Code| code.id[1..].starts_with("09");
    for code in codes::ALL.iter().filter(of_import) {
        if without.contains(&code.id) {
            continue;
        }
        let example = |heading: &str| {
            let (_, rest) = code.page.split_once(heading).expect("an example");
            let (_, rest) = rest.split_once("```yaml\n").expect("YAML");
            rest.split_once("```").expect("its end").0
        };
        let ids = found_in(example("## Wrong"));
        assert!(ids.contains(&code.id), "{}: wrong gives {ids:?}", code.id);
        let ids = found_in(example("## Right"));
        assert!(ids.is_empty(), "{}: right gives {ids:?}", code.id);
    }
}

/// Labels of a Namespace may be words of the language, also at the start of a line.
#[test]
fn long_labels_of_a_namespace_are_written_and_read() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: erp-infra\n  labels: { app.kubernetes.io/managed-by: Helm, environment: production, name: erp-infra, tier: infrastructure }\n";
    let imported = imported_file(text, "default");
    assert!(imported.report.is_lossless());
    assert_eq!(imported.report.raw_because, [] as [&str; 0]);
    let source = &imported.files["platform.erp"];
    assert!(source.contains("tier = \"infrastructure\""), "{source}");
}

/// A Service that is taken as it is has another number than the port of its pods; evidence without a port leads to each.
#[test]
fn flows_lead_to_the_ports_behind_services() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: web, image: \"web:1\", env: [{ name: STORE_URL, value: \"http://store\" }, { name: QUEUE_HOST, value: queue }] }] }\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: store }\nspec:\n  selector: { matchLabels: { app: store } }\n  template:\n    metadata: { labels: { app: store } }\n    spec: { containers: [{ name: store, image: \"store:1\", ports: [{ name: http, containerPort: 8080 }] }] }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: store }\nspec: { type: LoadBalancer, selector: { app: store }, ports: [{ port: 80, targetPort: http }] }\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: queue }\nspec:\n  selector: { matchLabels: { app: queue } }\n  template:\n    metadata: { labels: { app: queue } }\n    spec: { containers: [{ name: queue, image: \"queue:1\", ports: [{ name: amqp, containerPort: 5672 }, { name: admin, containerPort: 15672 }] }] }\n---\napiVersion: v1\nkind: Service\nmetadata: { name: queue }\nspec: { selector: { app: queue }, ports: [{ name: amqp, port: 5672 }, { name: admin, port: 15672 }] }\n";
    let imported = imported_file(text, "shop");
    let source = &imported.files["platform.erp"];
    for wanted in [
        "store:http optional",
        "queue:amqp optional",
        "queue:admin optional",
    ] {
        assert!(source.contains(wanted), "{wanted}: {source}");
    }
}

#[test]
fn values_that_differ_from_manifests_are_found() {
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\nspec:\n  replicas: 2\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec:\n      volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]\n      containers:\n      - name: web\n        image: \"ghcr.io/acme/web:1.4\"\n        ports: [{ containerPort: 8080 }]\n        volumeMounts: [{ name: data, mountPath: /data }]\n        resources: { limits: { memory: 1Gi } }\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data, namespace: shop }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 5Gi } } }\n";
    // The same in other words; a namespace above the name; a file in the folder of the workload.
    let same = "services:\n  shop:\n    web:\n      replicas: 2\n      image: acme/web\n      tag: \"1.4\"\n      port: 8080\n      resources: { limits: { memory: 1024Mi } }\n      persistence: { enabled: true, size: 5120Mi, mountPath: /data }\n";
    let other = "replicaCount: 3\nimage: { repository: acme/web, tag: \"1.5\" }\nport: 80\nresources:\n  limits: { memory: 512Mi }\npersistence: { size: 10Gi, mountPath: /var }\n";
    let inputs = [
        ("k8s/web.yaml", manifest),
        ("helm/values.yaml", same),
        ("k8s/web/values-prod.yaml", other),
    ];
    let inputs = inputs.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let report = imported_of(&inputs, "shop").report;
    let found = report.findings.iter();
    let found: Vec<String> = found
        .filter(|finding| finding.kind == FindingKind::ValueDiffers)
        .map(|finding| format!("{}: {}", finding.place, finding.message))
        .collect();
    assert_eq!(
        found,
        [
            "k8s/web/values-prod.yaml:1: `replicaCount` is 3, and Deployment shop/web has `replicas: 2`",
            "k8s/web/values-prod.yaml:2: `image.tag` is `1.5`, and Deployment shop/web has the image `ghcr.io/acme/web:1.4`",
            "k8s/web/values-prod.yaml:3: `port` is 80, and Deployment shop/web has port 8080",
            "k8s/web/values-prod.yaml:5: `resources.limits.memory` is `512Mi`, and Deployment shop/web has `limits.memory: 1Gi`",
            "k8s/web/values-prod.yaml:6: `persistence.mountPath` is `/var`, and Deployment shop/web has no volume mounted there",
            "k8s/web/values-prod.yaml:6: `persistence.size` is `10Gi`, and Deployment shop/web has a claim of 5Gi",
        ]
    );
}

#[test]
fn an_object_in_the_folder_of_another_namespace_is_found() {
    let config = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {namespace}-c, namespace: {namespace} }}\n"
        )
    };
    let (shop, bank) = (config("shop"), config("bank"));
    let inputs = [
        ("k8s/shop/a.yaml", &bank),
        ("k8s/bank/b.yaml", &bank),
        ("k8s/shop/c.yaml", &shop),
    ];
    let inputs = inputs.map(|(path, text)| Input {
        path,
        bytes: text.as_bytes(),
    });
    let options = Options {
        platform: "shop".to_owned(),
        default_namespace: "shop".to_owned(),
        harden: false,
        namespaces: Vec::new(),
        cluster: Vec::new(),
    };
    let report = import(read(&inputs), &[], &options, &InMemory).report;
    let found = report.findings.iter();
    let found: Vec<String> = found
        .filter(|finding| finding.kind == FindingKind::NamespaceOfAnotherFolder)
        .map(|finding| format!("{}:{}", finding.place.file, finding.place.line))
        .collect();
    assert_eq!(found, ["k8s/shop/a.yaml:3"]);
}

/// The files of a folder as inputs, by their names.
fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = erpc_tests::files_below(folder).into_iter();
    files.collect()
}

fn imported_file(text: &str, namespace: &str) -> Imported {
    imported_of(
        &[("a.yaml".to_owned(), text.as_bytes().to_vec())],
        namespace,
    )
}

fn imported_of(files: &[(String, Vec<u8>)], namespace: &str) -> Imported {
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(path, bytes)| Input { path, bytes })
        .collect();
    let options = Options {
        platform: "imported".to_owned(),
        default_namespace: namespace.to_owned(),
        harden: false,
        namespaces: Vec::new(),
        cluster: Vec::new(),
    };
    import(read(&inputs), &[], &options, &InMemory)
}

/// Each folder of `tests/imports` has manifests and what becomes of them. `UPDATE_IMPORTS=1` writes the latter.
#[test]
fn imports_of_folders_are_as_expected() {
    for case in folders_below("tests/imports") {
        let imported = imported_of(&files_in(&case.join("input")), "default");
        let mut made = imported.files.clone();
        made.insert("report.md".to_owned(), imported.report.markdown());
        let expected = case.join("expected");
        if std::env::var_os("UPDATE_IMPORTS").is_some() {
            for (path, text) in &made {
                let path = expected.join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                std::fs::write(path, text).expect("written");
            }
            continue;
        }
        let known: Files = files_in(&expected)
            .into_iter()
            .map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()))
            .collect();
        assert_eq!(made, known, "{}", case.display());
    }
}

/// What the committed import of a public application consists of, besides the original and the words about it.
fn written_below(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = erpc_tests::files_below(folder);
    files.retain(|path, _| {
        ["lib/", "share/", "manifests/"]
            .iter()
            .any(|part| path.starts_with(part))
            || path == "platform.erp"
    });
    files
}

/// `examples/imported/` has a public application with what `erpc import` and `erpc build` write of it. `UPDATE_IMPORTS=1` writes
/// it anew.
#[test]
fn the_imported_application_is_what_an_import_writes() {
    let committed = repository().join("examples/imported/aks-store");
    let folder = tempfile::TempDir::new().expect("a folder");
    let original = folder.path().join("original");
    std::fs::create_dir(&original).expect("a folder");
    for (path, bytes) in erpc_tests::files_below(&committed.join("original")) {
        std::fs::write(original.join(path), bytes).expect("written");
    }
    let run = |arguments: &[&str]| {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_erpc-under-test"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("erpc runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{arguments:?}: {said}");
    };
    run(&[
        "import",
        "original",
        "--default-namespace",
        "pets",
        "--name",
        "pets",
    ]);
    run(&["build"]);
    let made = written_below(folder.path());
    if std::env::var_os("UPDATE_IMPORTS").is_some() {
        for path in written_below(&committed).into_keys() {
            std::fs::remove_file(committed.join(path)).expect("removed");
        }
        for (path, bytes) in &made {
            let path = committed.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, bytes).expect("written");
        }
    }
    let known = written_below(&committed);
    let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
        files.keys().cloned().collect::<Vec<String>>()
    };
    assert_eq!(names(&made), names(&known), "UPDATE_IMPORTS=1 writes them");
    for (path, bytes) in &made {
        let text = String::from_utf8_lossy(bytes);
        let committed = String::from_utf8_lossy(&known[path]);
        assert_eq!(text, committed, "{path}: UPDATE_IMPORTS=1 writes it");
    }
}

#[test]
fn what_an_import_makes_is_imported_as_the_same_program() {
    for case in folders_below("tests/imports") {
        let first = imported_of(&files_in(&case.join("input")), "default");
        assert!(first.report.is_lossless(), "{:?}", first.report.differences);
        let objects = InMemory.build(&first.files).expect("it builds");
        let files: Vec<(String, Vec<u8>)> = objects
            .iter()
            .enumerate()
            .map(|(number, object)| (format!("{number:03}.json"), object.to_string().into_bytes()))
            .collect();
        let second = imported_of(&files, "default");
        assert!(
            second.report.is_lossless(),
            "{:?}",
            second.report.differences
        );
        let again = InMemory.build(&second.files).expect("it builds");
        assert_eq!(compare(&objects, &again), [], "{}", case.display());
    }
}

/// Hardened pods in namespaces with labels of Pod Security, policies, quotas, routes and permissions.
#[test]
fn the_output_of_each_example_is_imported_without_loss() {
    for example in examples() {
        let mut files = Vec::new();
        for folder in ["lib", "share"] {
            files.extend(files_in(&example.join(folder)));
        }
        let report = imported_of(&files, "default").report;
        let (name, reasons) = (example.display(), &report.raw_because);
        assert!(report.is_lossless(), "{name}: {:?}", report.differences);
        assert!(
            !reasons.iter().any(|reason| reason.contains("E0328")),
            "{name}: {reasons:?}"
        );
    }
}

/// A platform finds its objects by `app.kubernetes.io/part-of`, so that it writes its own name there.
#[test]
fn the_label_of_another_platform_is_reported_and_is_no_loss() {
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: { app.kubernetes.io/part-of: argocd }\nspec: { selector: { app: a }, ports: [{ port: 80 }] }\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  labels: { app.kubernetes.io/part-of: argocd, app.kubernetes.io/name: b, team: x }\nspec:\n  selector: { matchLabels: { app: a } }\n  template:\n    metadata: { labels: { app: a, app.kubernetes.io/part-of: argocd } }\n    spec: { containers: [{ name: a, image: \"a:1\", ports: [{ containerPort: 80 }] }] }\n";
    let imported = imported_file(text, "default");
    assert!(imported.report.is_lossless());
    let objects = imported.report.objects.iter();
    let rewritten = objects.flat_map(|one| {
        let fields = one.fields.iter();
        let fields = fields.filter(|field| field.class == erpc_import::Class::Rewritten);
        fields.map(|field| format!("{} {}:{}", one.object.kind, field.path, field.line))
    });
    assert_eq!(
        rewritten.collect::<Vec<String>>(),
        [
            "Service metadata.labels.\"app.kubernetes.io/part-of\":5",
            "Deployment metadata.labels.\"app.kubernetes.io/part-of\":12"
        ]
    );
}

#[test]
fn values_of_secrets_are_written_nowhere() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: NAME, namespace: shop }\nstringData: { a: hunter2 }\ndata: { b: aHVudGVyMg== }\n";
    let files: Vec<(String, Vec<u8>)> = ["login", "with.dots"]
        .map(|name| {
            (
                format!("{name}.yaml"),
                secret.replace("NAME", name).into_bytes(),
            )
        })
        .to_vec();
    let imported = imported_of(&files, "default");
    let report = serde_json::to_string(&imported.report).expect("JSON");
    let texts = imported.files.values().map(String::as_str);
    for text in texts.chain([report.as_str(), &imported.report.markdown()]) {
        assert!(
            !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
            "{text}"
        );
    }
}

/// An import of one file with the objects of an application in `default`.
fn imported_text(text: &str, harden: bool) -> Imported {
    let inputs = [Input {
        path: "k8s/app.yaml",
        bytes: text.as_bytes(),
    }];
    let options = Options {
        platform: "shop".to_owned(),
        default_namespace: "default".to_owned(),
        harden,
        namespaces: Vec::new(),
        cluster: Vec::new(),
    };
    import(read(&inputs), &[], &options, &InMemory)
}

/// What the objects of the input became: `Deployment default/web` and `service default.web`.
fn becomes(imported: &Imported) -> Vec<(String, String)> {
    let objects = imported.report.objects.iter();
    objects
        .map(|one| (one.object.to_string(), one.becomes.clone()))
        .collect()
}

/// What has a statement: volumes and where they are mounted, an autoscaler, a budget, a claim, a ConfigMap, Secrets.
const APPLICATION: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      priorityClassName: high
      initContainers:
      - name: wait
        image: "busybox:1.36"
        command: ["sh", "-c", "until nslookup db; do sleep 1; done"]
        volumeMounts: [{ name: spool, mountPath: /spool }]
      containers:
      - name: web
        image: "ghcr.io/acme/web:1.4.0"
        ports: [{ containerPort: 8080 }]
        resources: { requests: { cpu: 100m, memory: 64Mi }, limits: { cpu: "1", memory: 64Mi } }
        env:
        - { name: PASSWORD, valueFrom: { secretKeyRef: { name: db, key: password } } }
        - { name: TOKEN, valueFrom: { secretKeyRef: { name: elsewhere, key: TOKEN } } }
        volumeMounts:
        - { name: spool, mountPath: /spool }
        - { name: settings, mountPath: /etc/web, readOnly: true }
        - { name: data, mountPath: /data, subPath: web }
      volumes:
      - { name: spool, emptyDir: { medium: Memory, sizeLimit: 64Mi } }
      - { name: settings, configMap: { name: settings, items: [{ key: a.conf, path: b.conf }], defaultMode: 256, optional: true } }
      - { name: data, persistentVolumeClaim: { claimName: data } }
      - { name: old, persistentVolumeClaim: { claimName: other } }
---
apiVersion: v1
kind: Service
metadata: { name: web, labels: { app: web }, annotations: { "prometheus.io/scrape": "true" } }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 2
  maxReplicas: 5
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec: { minAvailable: 1, selector: { matchLabels: { app: web } } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data:
  a.conf: "listen 80"
  b.conf: |
    first ${line}
    second line
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ReadWriteMany], resources: { requests: { storage: 1Gi } } }
---
apiVersion: v1
kind: Secret
metadata: { name: db }
stringData: { password: hunter2 }
"#;

#[test]
fn kinds_that_statements_make_are_statements() {
    let imported = imported_text(APPLICATION, false);
    assert!(
        imported.report.is_lossless(),
        "{:#?}",
        imported.report.differences
    );
    let source = &imported.files["platform.erp"];
    for (object, becomes) in becomes(&imported) {
        assert!(
            !becomes.starts_with("manifests/"),
            "{object}: {becomes}\n{source}"
        );
    }
    let words: Vec<&str> = source.split_whitespace().collect();
    let words = words.join(" ");
    for statement in [
        "scratch spool 64Mi in memory at \"/spool\"",
        "config settings {",
        "\"b.conf\" = file(\"manifests/default/settings/b.conf\")",
        "only \"a.conf\" as \"b.conf\" mode 0400 optional",
        "mount settings at \"/etc/web\" read-only",
        "volume data 1Gi shared",
        "mount data at \"/data\" sub-path \"web\"",
        "volume old from claim \"other\"",
        "init wait {",
        "env PASSWORD from secret db.password",
        "env TOKEN from secret elsewhere.\"TOKEN\"",
        "scale 2..5 on cpu 80%",
        "disruption min 1",
        "priority high",
        "service \"web\" unnamed {",
        "labels app = \"web\"",
        "ports unnamed",
    ] {
        assert!(words.contains(statement), "no `{statement}` in\n{source}");
    }
    assert!(!source.contains("patch deployment"), "{source}");
}

#[test]
fn what_cannot_be_hardened_keeps_its_defaults_and_the_result_builds() {
    // Every cluster has `default`: nothing in it is hardened.
    let imported = imported_text(APPLICATION, true);
    let report = &imported.report;
    assert!(
        report.problems.is_empty() && report.is_lossless(),
        "{report:#?}"
    );
    let source = &imported.files["platform.erp"];
    assert!(source.contains("defaults kubernetes"), "{source}");
    // Another namespace is: what the compiler adds is changed, and nothing is missing.
    let text = APPLICATION.replace("metadata: { name", "metadata: { namespace: shop, name");
    let imported = imported_text(&text, true);
    let report = &imported.report;
    assert!(
        report.problems.is_empty() && report.is_lossless(),
        "{report:#?}"
    );
    let made = InMemory.build(&imported.files).expect("it builds");
    let names: Vec<&str> = made.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert!(names.contains(&"NetworkPolicy"), "{names:?}");
}

#[test]
fn the_report_says_what_closes_without_the_open_network() {
    let text = APPLICATION.replace("metadata: { name", "metadata: { namespace: shop, name");
    let other = "---\napiVersion: v1\nkind: Pod\nmetadata: { name: lone, namespace: shop, labels: { app: lone } }\nspec: { containers: [{ name: lone, image: \"lone:1\" }] }\n";
    let imported = imported_text(&format!("{text}{other}"), false);
    let [closing] = &imported.report.would_close[..] else {
        panic!("{:?}", imported.report.would_close);
    };
    assert_eq!(
        (closing.namespace.as_str(), &closing.refused),
        ("shop", &None)
    );
    // Pods of raw manifests are among what closes.
    let closes = |text: &str| closing.closes.iter().any(|line| line.contains(text));
    assert!(closes("shop.web") && closes("shop.lone"), "{closing:#?}");
}

/// What an import of a text with other environments makes, of some namespaces or of all.
fn imported_with(base: &str, environments: &[(&str, &str)], namespaces: &[&str]) -> Imported {
    let reading = |text: &str| {
        read(&[Input {
            path: "k8s/app.yaml",
            bytes: text.as_bytes(),
        }])
    };
    let options = Options {
        platform: "shop".to_owned(),
        default_namespace: "shop".to_owned(),
        harden: false,
        namespaces: namespaces.iter().map(ToString::to_string).collect(),
        cluster: Vec::new(),
    };
    let environments = environments.iter();
    let environments = environments.map(|(name, text)| ((*name).to_owned(), reading(text)));
    import_all(
        reading(base),
        &[],
        environments.collect(),
        &options,
        &InMemory,
    )
}

#[test]
fn what_another_environment_has_otherwise_is_a_profile() {
    let lone = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: lone }\nspec: { selector: { matchLabels: { app: lone } }, template: { metadata: { labels: { app: lone } }, spec: { containers: [{ name: lone, image: \"lone:1\" }] } } }\n";
    let config =
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\ndata: { a: b }\n";
    let base = format!("{APPLICATION}{lone}");
    let dev = APPLICATION
        .replace("web:1.4.0", "web:1.5.0-rc1")
        .replace("second line", "another line")
        .replace("maxReplicas: 5", "maxReplicas: 3")
        .replace("      priorityClassName: high\n", "");
    let dev = format!("{dev}{config}");
    let imported = imported_with(&base, &[("dev", &dev)], &[]);
    let report = &imported.report;
    assert!(
        report.is_lossless(),
        "{:?} {:?}",
        report.profiles,
        report.differences
    );
    let source = &imported.files["platform.erp"];
    let words: Vec<&str> = source.split_whitespace().collect();
    let words = words.join(" ");
    let (_, profile) = words.split_once("profile dev {").expect("a profile");
    for statement in [
        "service lone off",
        "image \"ghcr.io/acme/web:1.5.0-rc1\"",
        "scale 2..3 on cpu 80%",
        "priority off",
        "file(\"profiles/dev/shop/settings/b.conf\")",
        "manifests \"profiles/dev/shop/*.yaml\"",
    ] {
        assert!(profile.contains(statement), "no `{statement}` in\n{source}");
    }
    assert!(!profile.contains("cpu 100m"), "{source}");
    // The same input gives the same files.
    let again = imported_with(&base, &[("dev", &dev)], &[]);
    assert_eq!(imported.files, again.files);
    // A raw manifest cannot differ: it is named.
    let other = dev.replace("a: b", "a: c");
    let report = imported_with(&format!("{base}{config}"), &[("dev", &other)], &[]).report;
    assert!(!report.is_lossless());
    assert_eq!(report.profiles[0].differences[0].path, "data.a");
}

#[test]
fn one_namespace_is_imported_without_the_others() {
    let caller = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: teller, namespace: bank }\nspec: { selector: { matchLabels: { app: teller } }, template: { metadata: { labels: { app: teller } }, spec: { containers: [{ name: teller, image: \"teller:1\", env: [{ name: WEB_URL, value: \"http://web.shop/\" }] }] } } }\n";
    let imported = imported_with(&format!("{APPLICATION}{caller}"), &[], &["shop"]);
    let report = &imported.report;
    assert!(report.is_lossless(), "{:?}", report.differences);
    assert_eq!((report.left_out, report.objects.len()), (1, 7));
    let source = &imported.files["platform.erp"];
    assert!(
        source.contains("# Outside of this import: bank.teller calls web:80"),
        "{source}"
    );
    let made = InMemory.build(&imported.files).expect("it builds");
    let is_outside = |one: &Value| one["metadata"]["namespace"] == "bank";
    assert!(!made.iter().any(is_outside));
}

#[test]
fn what_only_a_wide_policy_allows_is_reported_and_not_written() {
    let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: wide }\nspec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }\n";
    let lone = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: lone }\nspec: { selector: { matchLabels: { app: lone } }, template: { metadata: { labels: { app: lone } }, spec: { containers: [{ name: lone, image: \"lone:1\" }] } } }\n";
    let imported = imported_text(&format!("{APPLICATION}{lone}{policy}"), false);
    let report = &imported.report;
    assert!(report.is_lossless(), "{:?}", report.differences);
    let [only] = &report.allowed_only[..] else {
        panic!("{:?}", report.allowed_only);
    };
    assert_eq!((only.pairs, only.shown), (2, 0), "{only}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Bytes of any kind, and valid manifests with some bytes changed, are imported or reported.
    #[test]
    fn any_bytes_are_imported_or_reported(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        places in proptest::collection::vec((0_usize..4000, proptest::prelude::any::<u8>()), 0..6),
    ) {
        let folder = repository().join("tests/imports/shop/input");
        let mut files = files_in(&folder);
        for (at, byte) in places {
            let text = &mut files[at % 2].1;
            let place = at % text.len();
            text[place] = byte;
        }
        files.push(("any.yaml".to_owned(), bytes));
        let inputs: Vec<Input<'_>> = files
            .iter()
            .map(|(path, bytes)| Input { path, bytes })
            .collect();
        let reading = read(&inputs);
        let objects = reading.objects.len();
        let findings = reading.findings.len();
        proptest::prop_assert!(objects + findings > 0);
        drop(erpc_import::flows_of(reading.objects, "default"));
        for (path, bytes) in &files {
            drop(erpc_import::compose(Input { path, bytes }, "default"));
        }
    }
}

/// Two services behind a queue with two ports, and what a caller of it has in its manifest.
fn flows_to_a_queue(caller: &str) -> Vec<String> {
    let manifests = format!(
        "kind: Service
apiVersion: v1
metadata: {{ name: queue }}
spec: {{ selector: {{ app: queue }}, ports: [{{ name: amqp, port: 5672 }}, {{ name: http, port: 15672 }}] }}
---
kind: Deployment
apiVersion: apps/v1
metadata: {{ name: queue }}
spec:
  selector: {{ matchLabels: {{ app: queue }} }}
  template: {{ metadata: {{ labels: {{ app: queue }} }}, spec: {{ containers: [{{ name: queue, image: \"rabbitmq:4\" }}] }} }}
---
kind: ConfigMap
apiVersion: v1
metadata: {{ name: settings }}
data: {{ QUEUE_HOSTNAME: queue, QUEUE_PORT: \"5672\" }}
---
kind: Deployment
apiVersion: apps/v1
metadata: {{ name: orders }}
spec:
  selector: {{ matchLabels: {{ app: orders }} }}
  template:
    metadata: {{ labels: {{ app: orders }} }}
    spec: {{ containers: [{{ name: orders, image: \"orders:1\", {caller} }}] }}
"
    );
    let input = Input {
        path: "k8s.yaml",
        bytes: manifests.as_bytes(),
    };
    let reading = read(&[input]);
    let flows = erpc_import::flows_of(reading.objects, "default");
    let from_orders = flows.iter().filter(|flow| flow.from.name == "orders");
    from_orders
        .map(|flow| format!("{:?} {:?}", flow.port, flow.grade))
        .collect()
}

#[test]
fn a_port_is_read_beside_its_host() {
    for (caller, expected) in [
        (
            "env: [{ name: QUEUE_HOST, value: queue }, { name: QUEUE_PORT, value: \"15672\" }]",
            &["Some(15672) Certain"][..],
        ),
        (
            "envFrom: [{ configMapRef: { name: settings } }]",
            &["Some(5672) Certain"],
        ),
        (
            "command: [sh, -c, \"until nc -z queue 5672; do sleep 1; done\"]",
            &["Some(5672) Certain"],
        ),
        (
            "env: [{ name: QUEUE_HOST, value: queue }]",
            &["Some(5672) Proposed", "Some(15672) Proposed"],
        ),
        ("args: [\"a queue of 7 orders\"]", &[]),
    ] {
        assert_eq!(flows_to_a_queue(caller), expected, "{caller}");
    }
}
