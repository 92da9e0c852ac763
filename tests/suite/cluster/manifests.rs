//! Manifests that the source takes as they are: their order, their drift, and what stays when they leave the source.

use super::server::{Cluster, Program};

const DEFINITION: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crontabs.stable.example.com
spec:
  group: stable.example.com
  scope: Namespaced
  names: { plural: crontabs, singular: crontab, kind: CronTab }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {} }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [schedule]
              properties:
                schedule: { type: string }
                replicas: { type: integer, default: 1 }
            status:
              type: object
              properties: { phase: { type: string } }
"#;

const OBJECTS: &str = r#"
apiVersion: stable.example.com/v1
kind: CronTab
metadata: { name: nightly }
spec: { schedule: "0 3 * * *" }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { greeting: "{{ hello }}" }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: redis
  labels: { app: redis }
spec:
  selector: { matchLabels: { app: redis } }
  template:
    metadata: { labels: { app: redis } }
    spec:
      securityContext: { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: redis
          image: redis:7.4
          ports: [{ containerPort: 6379 }]
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
"#;

const CLASS: &str = r#"
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: shop-low }
value: 10
"#;

fn program() -> Program {
    let shop = Program::shop();
    let folder = shop.path().join("manifests");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in [
        ("objects.yaml", OBJECTS),
        ("x-definition.yaml", DEFINITION),
        ("class.yaml", CLASS),
    ] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let text = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a file");
    shop.write(&format!(
        "{text}\nmanifests \"manifests\" in shop-back because \"written by hand\"\n"
    ));
    shop
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn manifests_are_applied_in_order_compared_and_pruned() {
    let cluster = Cluster::start();
    let shop = program();
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "CustomResourceDefinition",
        "+ shop-back/nightly            CronTab                  manifests/objects.yaml:4",
        "+ shop-back/redis              Deployment               manifests/objects.yaml:15",
        "PriorityClass",
    ]);
    cluster.applied(shop.path());
    let redis = cluster.get(&["deployment", "redis", "-n", "shop-back"]);
    let labels = &redis["metadata"]["labels"];
    assert_eq!(labels["app"], "redis");
    assert_eq!(labels["app.kubernetes.io/part-of"], "shop");
    let of_pods = &redis["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*of_pods, serde_json::json!({ "app": "redis" }));
    let settings = cluster.get(&["configmap", "settings", "-n", "shop-back"]);
    assert_eq!(settings["data"]["greeting"], "{{ hello }}");

    // Nothing of it is a change the second time, defaults and status of the server included.
    cluster.applied(shop.path()).says(&["nothing to do"]);
    cluster.erpc(&["drift"], shop.path()).exits(0);

    // A change by another is drift, and goes with the next apply.
    let patch = r#"{"spec":{"schedule":"0 4 * * *"}}"#;
    cluster.kubectl(&[
        "patch",
        "crontab",
        "nightly",
        "-n",
        "shop-back",
        "--type=merge",
        "-p",
        patch,
    ]);
    cluster
        .erpc(&["drift"], shop.path())
        .exits(2)
        .says(&["CronTab shop-back/nightly", "spec.schedule"]);

    // What leaves the source goes, except the definition.
    std::fs::remove_dir_all(shop.path().join("manifests")).expect("the folder");
    shop.edit(
        "\nmanifests \"manifests\" in shop-back because \"written by hand\"\n",
        "",
    );
    cluster
        .erpc(
            &["apply", "--yes", "--prune", "--confirm", "shop"],
            shop.path(),
        )
        .exits(0)
        .says(&["definitions are never pruned"]);
    let left = |kind: &str, place: &[&str]| {
        let mut arguments = vec![kind, "-l", "app.kubernetes.io/part-of=shop"];
        arguments.extend(place);
        let found = cluster.get(&arguments);
        found["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(left("crontabs", &["-n", "shop-back"]), 0);
    assert_eq!(left("priorityclasses", &[]), 0);
    assert_eq!(left("customresourcedefinitions", &[]), 1);
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_custom_resource_without_a_definition_is_blocked_with_its_reason() {
    let cluster = Cluster::start();
    let shop = program();
    let folder = shop.path().join("manifests");
    std::fs::remove_file(folder.join("x-definition.yaml")).expect("the definition");
    cluster.erpc(&["plan"], shop.path()).says(&[
        "the cluster does not serve `crontabs` of stable.example.com/v1",
        "take the definition with `manifests`",
    ]);
    // With the definition, which another installs, the same source is applied whole.
    let file = shop.path().join("definition.yaml");
    std::fs::write(&file, DEFINITION).expect("a file");
    cluster.kubectl(&["apply", "-f", file.to_str().expect("a path")]);
    cluster.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd/crontabs.stable.example.com",
    ]);
    cluster.applied(shop.path());
    let crontab = cluster.get(&["crontab", "nightly", "-n", "shop-back"]);
    assert_eq!(crontab["spec"]["replicas"], 1);
    cluster.applied(shop.path()).says(&["nothing to do"]);
    let destroy = ["destroy", "--confirm", "shop"];
    cluster.erpc(&destroy, shop.path()).exits(0);
    let all = cluster.get(&["crontabs", "-A"]);
    assert_eq!(all["items"], serde_json::json!([]));
}
