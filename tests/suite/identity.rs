//! `identity`: objects keep their names and selectors, pods have no label that the source does not set, and everything
//! that refers to them uses what is there.

use std::collections::BTreeMap;

use erpc_tests::Memory;
use serde_json::{Value, json};

const HEAD: &str = r#"erp 1
platform shop { version "1.0"; cluster main; defaults kubernetes }
tiers logic
cluster main { kubernetes 1.36; nodes 3 of cpu 8, memory 16Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns; cni calico; storage fast default }
"#;

/// The objects of a program by `Kind name`.
fn objects(rest: &str) -> BTreeMap<String, Value> {
    let all = Memory::of(format!("{HEAD}{rest}")).objects().into_iter();
    all.map(|object| {
        let value = serde_json::to_value(object.root()).expect("an object is JSON");
        (format!("{} {}", object.kind(), object.name()), value)
    })
    .collect()
}

/// A service of the image `a/b:1`, in a namespace of its own.
fn service(statements: &str) -> BTreeMap<String, Value> {
    objects(&format!(
        "namespace shop {{\ntier logic\nservice web {{\nimage \"a/b:1\"\naccess by port-forward\n{statements}\n}}\n}}\n"
    ))
}

#[test]
fn pods_have_the_labels_of_the_source_and_no_others() {
    for (statements, selector, labels) in [
        (
            "identity { selector app = \"front\" }",
            json!({ "app": "front" }),
            json!({ "app": "front" }),
        ),
        (
            "identity { selector app = \"front\", \"app.kubernetes.io/name\" = \"x\" }\nlabels \"app.kubernetes.io/part-of\" = \"old\", team = \"a\"",
            json!({ "app": "front", "app.kubernetes.io/name": "x" }),
            json!({ "app": "front", "app.kubernetes.io/name": "x", "app.kubernetes.io/part-of": "old", "team": "a" }),
        ),
        // Without a selector, the label with the name of the service is the only one that is added.
        (
            "identity { workload \"front\" }",
            json!({ "app.kubernetes.io/name": "web" }),
            json!({ "app.kubernetes.io/name": "web" }),
        ),
    ] {
        let objects = service(statements);
        let mut workloads = objects.values().filter(|it| it["kind"] == "Deployment");
        let spec = &workloads.next().expect("a Deployment")["spec"];
        assert_eq!(spec["selector"]["matchLabels"], selector, "{statements}");
        assert_eq!(
            spec["template"]["metadata"],
            json!({ "labels": labels }),
            "{statements}"
        );
    }
}

#[test]
fn objects_are_found_by_the_name_of_the_platform_whatever_labels_it_sets() {
    let objects = service(
        "identity { selector app = \"a\" }\nlabels \"app.kubernetes.io/part-of\" = \"old\", \"app.kubernetes.io/name\" = \"old\"",
    );
    let labels = &objects["Deployment web"]["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/part-of"], "shop");
    assert_eq!(labels["app.kubernetes.io/name"], "old");
}

#[test]
fn what_refers_to_a_service_uses_its_names() {
    let objects = service(
        "identity { workload \"front\"; container \"server\"; selector app = \"front\"; service \"main\" for http; service \"extra\" for metrics; account \"robot\" }
        port http 80 -> 8080\nport metrics 9100\nscale 2..4 on cpu 50%\ncpu 100m\ndisruption min 1\nspread by zone\nexpose metrics as nodeport 30001",
    );
    let selector = json!({ "app": "front" });
    let deployment = &objects["Deployment front"];
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["name"], "server");
    assert_eq!(pod["serviceAccountName"], "robot");
    assert!(objects.contains_key("ServiceAccount robot"));
    let spread = &pod["topologySpreadConstraints"][0]["labelSelector"];
    assert_eq!(spread["matchLabels"], selector);
    for service in ["main", "extra", "web-nodeport"] {
        let object = &objects[&format!("Service {service}")];
        assert_eq!(object["spec"]["selector"], selector, "{service}");
        assert_eq!(object["spec"]["ports"].as_array().map(Vec::len), Some(1));
    }
    let target = &objects["HorizontalPodAutoscaler web"]["spec"]["scaleTargetRef"];
    assert_eq!(target["name"], "front");
    for (object, path) in [
        ("PodDisruptionBudget web", "/spec/selector/matchLabels"),
        ("NetworkPolicy web", "/spec/podSelector/matchLabels"),
    ] {
        assert_eq!(objects[object].pointer(path), Some(&selector), "{object}");
    }
}

#[test]
fn replicas_have_names_under_the_governing_service() {
    let rest = "port db 5432\nvolume data 1Gi at \"/data\"";
    for (identity, governing, headless) in [
        ("", "web", vec!["web"]),
        ("identity { service \"db\" }", "db", vec![]),
        (
            "identity { service \"db\"; service \"db-pods\" headless }",
            "db-pods",
            vec!["db-pods"],
        ),
        (
            "identity { service off; governing \"elsewhere\" }",
            "elsewhere",
            vec![],
        ),
    ] {
        let objects = service(&format!("{identity}\n{rest}"));
        let set = &objects["StatefulSet web"]["spec"];
        assert_eq!(set["serviceName"], governing, "{identity}");
        let services = objects.values().filter(|it| it["kind"] == "Service");
        let found = services.filter(|it| it["spec"]["clusterIP"] == "None");
        let found: Vec<&str> = found
            .filter_map(|it| it["metadata"]["name"].as_str())
            .collect();
        assert_eq!(found, headless, "{identity}");
        // Claims cannot be changed, and their controller gives them the labels of the selector.
        let labels = &set["volumeClaimTemplates"][0]["metadata"]["labels"];
        assert_eq!(labels.is_null(), !identity.is_empty(), "{identity}");
    }
}

#[test]
fn addresses_are_those_of_the_service_that_has_the_port() {
    let objects = objects(
        r#"namespace shop {
  tier logic
  service api {
    image    "a/api:1"
    port     http 80 -> 8080
    port     admin 9000
    identity { service "api-v1" for http; service "api-admin" for admin }
  }
  service web {
    image  "a/web:1"
    env    ANY = host(api)
    env    HTTP = "http://${address(api:http)}/x"
    env    ADMIN = address(api:admin)
    calls  api:http
    calls  api:admin
    access by port-forward
  }
}
"#,
    );
    let pod = &objects["Deployment web"]["spec"]["template"]["spec"];
    let values = pod["containers"][0]["env"].as_array().expect("variables");
    let values: Vec<&Value> = values.iter().map(|variable| &variable["value"]).collect();
    assert_eq!(
        values,
        [
            "api-v1.shop.svc",
            "http://api-v1.shop.svc:80/x",
            "api-admin.shop.svc:9000"
        ]
    );
}

#[test]
fn layers_of_an_identity_replace_each_other_by_statement() {
    let objects = objects(
        r#"component Old(name: String) {
  image    "a/b:1"
  port     http 8080
  access   by port-forward
  identity { workload "old-${name}"; container "main"; selector app = name; service "old" }
}
namespace shop {
  tier logic
  service web is Old("web") {
    identity { workload "kept"; service "new"; service "newer" }
  }
}
"#,
    );
    let deployment = &objects["Deployment kept"]["spec"];
    assert_eq!(
        deployment["selector"]["matchLabels"],
        json!({ "app": "web" })
    );
    let pod = &deployment["template"]["spec"];
    assert_eq!(pod["containers"][0]["name"], "main");
    let services = objects.keys().filter(|key| key.starts_with("Service "));
    assert_eq!(Vec::from_iter(services), ["Service new", "Service newer"]);
}

/// Each pair of a statement is a layer of its own, whatever stands beside it.
#[test]
fn labels_and_annotations_merge_by_key() {
    for (lower, higher, expected) in [
        (
            "labels a = \"1\", b = \"2\"",
            "labels a = \"3\"",
            json!({ "a": "3", "b": "2" }),
        ),
        (
            "labels a = \"1\", b = \"2\"",
            "labels b = \"3\"",
            json!({ "a": "1", "b": "3" }),
        ),
        (
            "labels a = \"1\", b = \"2\"",
            "labels b = \"3\", c = \"4\"",
            json!({ "a": "1", "b": "3", "c": "4" }),
        ),
        (
            "labels a = \"1\", b = \"2\"",
            "labels b off",
            json!({ "a": "1" }),
        ),
        (
            "labels a = \"1\", b = \"2\"",
            "labels a off, c = \"4\"",
            json!({ "b": "2", "c": "4" }),
        ),
        ("labels a = \"1\", b = \"2\"", "labels off", json!({})),
    ] {
        let objects = objects(&format!(
            "component Base {{\nimage \"a/b:1\"\naccess by port-forward\nidentity {{ selector app = \"web\" }}\n{lower}\n}}\nnamespace shop {{\ntier logic\nservice web is Base {{\n{higher}\n}}\n}}\n"
        ));
        let template = &objects["Deployment web"]["spec"]["template"];
        let mut labels = template["metadata"]["labels"].clone();
        labels.as_object_mut().expect("labels").remove("app");
        assert_eq!(labels, expected, "{lower} below {higher}");
    }
}
