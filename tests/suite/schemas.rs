//! The table of Kubernetes' schemas is what Kubernetes publishes, and every emitted object fits it.

use erpc_emit::schema;
use erpc_tests::{compile_folder, platforms, repository, schemas};
use serde_json::json;

#[test]
#[ignore = "downloads Kubernetes' Go module, four releases of 30 MB; tests/run runs it"]
fn the_table_of_schemas_is_what_kubernetes_publishes() {
    let path = repository().join("compiler/emit/src/schema/kubernetes.txt");
    let made = schemas::table(&schemas::modules());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &made).expect("the table can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the table");
    assert!(
        committed == made,
        "{} is old: UPDATE_SCHEMAS=1 cargo test -p erpc-tests --test suite -- --ignored schemas",
        path.display()
    );
}

/// Every object that is emitted for a platform of the repository fits the schema of its kind in every version that a
/// cluster may have.
#[test]
fn every_emitted_object_fits_the_schema_of_its_kind() {
    let mut objects = 0;
    for folder in platforms() {
        let compiled = compile_folder(&folder);
        let (platform, derived) = compiled.result.as_ref().expect("a platform without errors");
        for file in erpc_emit::objects(platform, derived, &compiled.sources) {
            for object in &file.objects {
                let value = serde_json::to_value(object).expect("an object is JSON");
                for version in schema::versions() {
                    let problems = schema::check(version, &value).expect("a kind of Kubernetes");
                    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                    let place = format!("{}/{}", folder.display(), file.path);
                    assert_eq!(problems, [""; 0], "{place} in {version}");
                }
                objects += 1;
            }
        }
    }
    assert!(objects > 350, "{objects} objects");
}

/// The problems of an object, as `path: what`.
fn problems(yaml: &str) -> Vec<String> {
    let value: serde_json::Value = serde_saphyr::from_str(yaml).expect("YAML");
    let version = schema::Version::named("1.34").expect("a known version");
    let problems = schema::check(version, &value).expect("a kind of Kubernetes");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_schema_does_not_allow_is_found_where_it_is() {
    let deployment = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: a, labels: { x: 1 } }
spec:
  replica: 2
  minReadySeconds: 5000000000
  selector: { matchLabels: { a: b } }
  template:
    metadata: { labels: { a: b } }
    spec:
      terminationGracePeriodSeconds: 30s
      containers:
      - image: a
        name: a
        imagePullPolicy: always
        ports: [{ containerPort: 80 }, { containerPort: 80, protocol: TCP }, { containerPort: 80, protocol: UDP }]
        resources: { limits: { cpu: 1.5, memory: 1GB } }
        readinessProbe: { tcpSocket: { port: true } }
      - command: sh
";
    assert_eq!(
        problems(deployment),
        [
            "metadata.labels.x: expected a string, found an integer",
            "spec.minReadySeconds: the number is out of range",
            "spec.replica: unknown field",
            "spec.template.spec.containers[0].imagePullPolicy: expected `Always`, `IfNotPresent` or `Never`, found `always`",
            "spec.template.spec.containers[0].ports[1]: an earlier element has the same `containerPort` and `protocol`",
            "spec.template.spec.containers[0].readinessProbe.tcpSocket.port: expected an integer or a string, found true or false",
            "spec.template.spec.containers[0].resources.limits.memory: expected a quantity such as `500m` or `1Gi`, found `1GB`",
            "spec.template.spec.containers[1]: the field `name` is required",
            "spec.template.spec.containers[1].command: expected a list, found a string",
            "spec.template.spec.terminationGracePeriodSeconds: expected an integer, found a string",
        ]
    );
}

/// Fields and kinds come and go: `workloadRef` of a pod was in 1.35 alone.
#[test]
fn a_version_has_its_own_fields_and_kinds() {
    let version = |text| schema::Version::named(text).expect("a known version");
    let has = |text, api, kind| schema::kind(version(text), api, kind).is_some();
    assert!(has("1.31", "apps/v1", "Deployment") && has("1.37", "apps/v1", "Deployment"));
    let policy = "MutatingAdmissionPolicy";
    assert!(!has("1.35", "admissionregistration.k8s.io/v1", policy));
    assert!(has("1.36", "admissionregistration.k8s.io/v1", policy));
    assert!(
        schema::kind(
            version("1.37"),
            "monitoring.coreos.com/v1",
            "PrometheusRule"
        )
        .is_none()
    );
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "containers": [{ "name": "a" }],
            "workloadRef": { "name": "w", "podGroup": "g" },
        },
    });
    let accepts = |text| schema::check(version(text), &pod).is_some_and(|found| found.is_empty());
    assert_eq!(["1.34", "1.35", "1.36"].map(accepts), [false, true, false]);
    assert_eq!(schema::Version::named("1.30"), None);
    assert_eq!(
        schema::Version::named("1.34.7"),
        schema::Version::named("1.34")
    );
}
