//! Emitted objects of small programs, field by field.

use erpc_tests::Memory;
use serde_json::Value;

const HEAD: &str = r#"erp 1
platform p { version "1"; cluster main }
tiers logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns; cni calico; storage fast default }
"#;

/// The objects of a kind of a program without errors.
fn objects(statements: &str, kind: &str) -> Vec<Value> {
    let program = format!("{HEAD}namespace n {{\n  tier logic\n{statements}\n}}\n");
    let compiled = Memory::of(program).compile();
    let found = compiled.diagnostics.as_slice();
    let found: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    let (platform, derived) = compiled
        .result
        .as_ref()
        .unwrap_or_else(|| panic!("{found:?}"));
    let files = erpc_emit::objects(platform, derived, &compiled.sources);
    let objects = files.into_iter().flat_map(|file| file.objects);
    let objects = objects.map(|object| serde_json::to_value(object).expect("JSON"));
    objects.filter(|object| object["kind"] == kind).collect()
}

/// The name of each object with the keys of its annotations.
fn annotations(objects: &[Value]) -> Vec<(&str, Vec<&str>)> {
    objects
        .iter()
        .map(|object| {
            let metadata = &object["metadata"];
            let keys = metadata["annotations"].as_object().into_iter().flatten();
            let keys = keys.map(|(key, _)| key.as_str()).collect();
            (metadata["name"].as_str().unwrap_or_default(), keys)
        })
        .collect()
}

/// `labels` of a namespace and of the platform's defaults are one layer over the other for each key, whichever key comes
/// first in a statement.
#[test]
fn a_label_of_a_namespace_wins_over_the_default_of_the_platform() {
    let program = r#"erp 1
platform p { version "1"; cluster main; namespaces { labels "team" = "default", "zone" = "a" } }
tiers logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }
namespace n {
  tier logic
  labels "owner" = "x", "team" = "own"
  service web { image "a/b:1"; port http 8080; cpu 10m; memory 16Mi; access by port-forward }
}
"#;
    let objects = Memory::of(program).objects();
    let mut objects = objects.iter();
    let namespace = objects.find(|object| object.kind() == erpc_emit::Kind::Namespace);
    let labels = serde_json::to_value(namespace.expect("a namespace")).expect("JSON");
    let labels = &labels["metadata"]["labels"];
    let of = |key: &str| labels[key].as_str().unwrap_or_default().to_owned();
    assert_eq!([of("team"), of("zone"), of("owner")], ["own", "a", "x"]);
}

/// `annotations` of a namespace are layers for each key, and one that the source sets wins over the `##` of the namespace.
/// A namespace that exists already keeps its labels, those of Pod Security included.
#[test]
fn a_namespace_keeps_the_labels_and_annotations_that_it_has() {
    let program = r#"erp 1
platform p {
  version "1"; cluster main; defaults kubernetes
  namespaces { annotations "owner" = "platform", "zone" = "a"; labels "team" = "x" }
}
tiers logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }
## Its documentation.
namespace n {
  tier logic
  labels "app.kubernetes.io/name" = "n", "pod-security.kubernetes.io/enforce" = "baseline", "pod-security.kubernetes.io/enforce-version" = "v1.30"
  annotations "owner" = "team: {x}", "kubernetes.io/description" = "as it was"
  annotations "zone" off
  service web { image "a/b:1"; port http 8080; access by port-forward }
}
"#;
    let objects = Memory::of(program).objects();
    let mut objects = objects.iter();
    let namespace = objects.find(|object| object.kind() == erpc_emit::Kind::Namespace);
    let namespace = serde_json::to_value(namespace.expect("a namespace")).expect("JSON");
    assert_eq!(
        namespace["metadata"],
        serde_json::json!({
            "name": "n",
            "labels": {
                "app.kubernetes.io/name": "n",
                "app.kubernetes.io/part-of": "p",
                "pod-security.kubernetes.io/enforce": "baseline",
                "pod-security.kubernetes.io/enforce-version": "v1.30",
                "team": "x",
            },
            "annotations": { "kubernetes.io/description": "as it was", "owner": "team: {x}" },
        })
    );
}

/// `services { … }` of the platform is below that of a namespace, which is below components and the service itself. Jobs get
/// what can stand in a job.
#[test]
fn services_have_the_defaults_of_their_namespace_and_of_the_platform() {
    let program = r#"erp 1
platform p {
  version "1"; cluster main
  services { env LEVEL = "info"; env HOME_OF = "${service.namespace}.${service.name}"; annotations a = "platform", b = "platform"; replicas 2; cpu 10m }
}
tiers logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns; cni calico }
component Loud { env LEVEL = "debug" }
namespace n {
  tier logic
  services { annotations a = "namespace"; memory 16Mi }
  service api is Loud { image "a/b:1"; port http 80; access by port-forward; scale 3..4 on cpu 70% }
  service web { image "a/b:1"; port http 80; access by port-forward; env HOME_OF off; annotations b off; cpu 20m }
  job once { image "a/b:1"; deadline 5m }
}
"#;
    let compiled = Memory::of(program).compile();
    let found: Vec<_> = compiled.diagnostics.as_slice().iter().collect();
    let (platform, derived) = compiled
        .result
        .as_ref()
        .unwrap_or_else(|| panic!("{found:?}"));
    let files = erpc_emit::objects(platform, derived, &compiled.sources);
    let objects = files.into_iter().flat_map(|file| file.objects);
    let objects: Vec<Value> = objects
        .map(|object| serde_json::to_value(object).expect("JSON"))
        .collect();
    let seen = |kind: &str, name: &str| {
        let is_meant = |object: &&Value| {
            let found = object["metadata"]["name"].as_str().unwrap_or_default();
            object["kind"] == kind && found.starts_with(name)
        };
        let object = objects.iter().find(is_meant).expect("an object");
        let container = &object["spec"]["template"]["spec"]["containers"][0];
        let env = container["env"].as_array().into_iter().flatten();
        let env: Vec<String> = env
            .map(|var| format!("{}={}", var["name"], var["value"]).replace('"', ""))
            .collect();
        let annotations = &object["metadata"]["annotations"];
        format!(
            "{} replicas {} cpu {} a {} b {}",
            env.join(" "),
            object["spec"]["replicas"],
            container["resources"]["requests"]["cpu"],
            annotations["a"],
            annotations["b"]
        )
    };
    assert_eq!(
        seen("Deployment", "api"),
        r#"LEVEL=debug HOME_OF=n.api replicas null cpu "10m" a "namespace" b "platform""#
    );
    assert_eq!(
        seen("Deployment", "web"),
        r#"LEVEL=info replicas 2 cpu "20m" a "namespace" b null"#
    );
    assert_eq!(
        seen("Job", "once"),
        r#"LEVEL=info HOME_OF=n.once replicas null cpu "10m" a "namespace" b "platform""#
    );
}

#[test]
fn a_patch_reaches_every_object_of_its_kind_or_the_one_that_it_names() {
    let program = r#"
  service web {
    image  "a/b:1.0"
    port   http 8080
    cpu    100m
    memory 64Mi
    expose http as loadbalancer
    config one { "x" = "1" } at "/etc/one"
    config two { "y" = "2" } at "/etc/two"
    patch  service web-loadbalancer { metadata.annotations.scheme = "internal" }
    patch  service   { metadata.annotations.all = "true" }
    patch  configmap { metadata.annotations.match = "true" }
  }"#;
    assert_eq!(
        annotations(&objects(program, "Service")),
        [
            ("web", vec!["all"]),
            ("web-loadbalancer", vec!["all", "scheme"])
        ]
    );
    assert_eq!(
        annotations(&objects(program, "ConfigMap")),
        [("one", vec!["match"]), ("two", vec!["match"])]
    );
}

#[test]
fn the_volume_of_a_job_is_a_claim_that_its_pods_mount() {
    for head in ["job dump", "job dump every \"30 3 * * *\""] {
        let program = format!(
            "  {head} {{ image \"a/b:1.0\"; cpu 100m; memory 64Mi; volume data 10Gi at \"/data\" }}"
        );
        let claims = objects(&program, "PersistentVolumeClaim");
        let [claim] = claims.as_slice() else {
            panic!("{claims:?}");
        };
        assert_eq!(claim["metadata"]["name"], "data");
        assert_eq!(claim["spec"]["accessModes"][0], "ReadWriteOnce");
        let jobs = [objects(&program, "Job"), objects(&program, "CronJob")].concat();
        let template = match jobs[0]["kind"].as_str() {
            Some("CronJob") => &jobs[0]["spec"]["jobTemplate"]["spec"]["template"],
            _ => &jobs[0]["spec"]["template"],
        };
        let volumes = template["spec"]["volumes"].as_array().expect("volumes");
        let volume = volumes.iter().find(|volume| volume["name"] == "data");
        let volume = volume.expect("the volume");
        assert_eq!(volume["persistentVolumeClaim"]["claimName"], "data");
    }
}
