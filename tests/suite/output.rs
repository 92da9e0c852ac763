//! The output that is committed, and facts about all of it.

use std::collections::BTreeSet;

use erpc_model::Service;
use erpc_tests::{compile_folder, platforms, repository};
use serde_json::Value;

/// Every object of a platform as JSON, with the path of its file.
fn objects(folder: &std::path::Path) -> Vec<(String, Value)> {
    let compiled = compile_folder(folder);
    let Some((platform, derived)) = &compiled.result else {
        panic!("{} has errors", folder.display());
    };
    let files = erpc_emit::objects(platform, derived, &compiled.sources);
    let texts = erpc_emit::files(platform, derived, &compiled.sources);
    let mut all = Vec::new();
    for (file, text) in files.iter().zip(texts) {
        let read: Vec<Value> = serde_saphyr::from_multiple(&text.text).expect("YAML");
        assert_eq!(read.len(), file.objects.len(), "{}", file.path);
        for (object, read) in file.objects.iter().zip(read) {
            let typed = serde_json::to_value(object).expect("JSON");
            assert_eq!(typed, read, "{} says something else as YAML", file.path);
            all.push((file.path.clone(), read));
        }
    }
    all
}

/// Those that the compiler decides about: not the manifests that the source takes as they are.
fn emitted(folder: &std::path::Path) -> Vec<(String, Value)> {
    let mut all = objects(folder);
    all.retain(|(path, _)| !path.contains("/manifest-"));
    all
}

/// Of the test platforms only the manifests are committed, without the chart.
#[test]
fn the_committed_output_is_what_a_build_writes() {
    let examples = erpc_tests::examples();
    for folder in examples.into_iter().chain([repository()]) {
        let arguments = ["build".as_ref(), "--check".as_ref(), folder.as_os_str()];
        let ran = erpc_tests::erpc(&arguments);
        assert_eq!(ran.exit, erpc_cli::Exit::Done, "{}{}", ran.out, ran.err);
    }
}

#[test]
fn yaml_says_what_the_objects_say() {
    for folder in platforms() {
        assert!(!objects(&folder).is_empty());
    }
}

#[test]
fn no_two_objects_have_one_name() {
    for folder in platforms() {
        let mut names = BTreeSet::new();
        for (path, object) in objects(&folder) {
            let name = format!(
                "{} {} {}",
                object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]
            );
            assert!(names.insert(name.clone()), "{path}: {name} twice");
        }
    }
}

#[test]
fn every_container_is_restricted_and_bounded() {
    for folder in platforms() {
        let (platform, _) = compile_folder(&folder).result.expect("no errors");
        let folder_of = |service: &Service| {
            let namespace = &platform[service.namespace].name.value;
            format!("lib/{namespace}/{}/", service.name.value)
        };
        let services = platform.services.iter();
        let loose = services.clone().filter(|service| !service.is_strict());
        let loose: Vec<String> = loose.map(folder_of).collect();
        let with_grants = services.filter(|service| !service.grants.is_empty());
        let with_grants: Vec<String> = with_grants.map(folder_of).collect();
        for (path, object) in emitted(&folder) {
            if loose.iter().any(|folder| path.starts_with(folder)) {
                continue;
            }
            let pod = match object["kind"].as_str() {
                Some("Deployment" | "StatefulSet" | "Job") => &object["spec"]["template"]["spec"],
                Some("CronJob") => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
                _ => continue,
            };
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{path}");
            assert_eq!(
                pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault",
                "{path}"
            );
            assert_eq!(pod["enableServiceLinks"], false, "{path}");
            assert_eq!(
                pod["automountServiceAccountToken"],
                with_grants.iter().any(|folder| path.starts_with(folder)),
                "{path}: a token for a service with `grants`, and for no other"
            );
            for containers in ["containers", "initContainers"] {
                for container in pod[containers].as_array().into_iter().flatten() {
                    let context = &container["securityContext"];
                    assert_eq!(context["allowPrivilegeEscalation"], false, "{path}");
                    assert_eq!(context["readOnlyRootFilesystem"], true, "{path}");
                    assert_eq!(context["capabilities"]["drop"][0], "ALL", "{path}");
                    for bound in ["requests", "limits"] {
                        for resource in ["cpu", "memory"] {
                            let value = &container["resources"][bound][resource];
                            assert!(value.is_string(), "{path}: {bound}.{resource}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_namespaced_sorts_before_the_namespaces() {
    for folder in platforms() {
        for (path, object) in objects(&folder) {
            if path.starts_with("share/") && path.as_str() < "share/namespaces.yaml" {
                assert!(object["metadata"]["namespace"].is_null(), "{path}");
            }
        }
    }
}

#[test]
fn selectors_are_the_one_label_that_never_changes() {
    for folder in platforms() {
        for (path, object) in emitted(&folder) {
            let selector = match object["kind"].as_str() {
                Some("Deployment" | "StatefulSet") => &object["spec"]["selector"]["matchLabels"],
                Some("Service") => &object["spec"]["selector"],
                _ => continue,
            };
            let keys: Vec<&str> = selector
                .as_object()
                .map(|map| map.keys().map(String::as_str).collect())
                .unwrap_or_default();
            // With an identity, the selector is that of the source.
            if !path.starts_with("lib/pay/") {
                assert_eq!(keys, ["app.kubernetes.io/name"], "{path}");
            }
        }
    }
}

#[test]
fn every_namespace_denies_first_and_every_workload_has_its_contract() {
    for folder in platforms() {
        let all = emitted(&folder);
        let of_kind = |kind: &str| {
            all.iter()
                .filter(|(_, object)| object["kind"] == kind)
                .map(|(_, object)| object)
                .collect::<Vec<_>>()
        };
        let policies = of_kind("NetworkPolicy");
        // The namespace with `network open` has no policies.
        let is_open = |namespace: &Value| namespace == "legacy";
        for namespace in of_kind("Namespace") {
            if is_open(&namespace["metadata"]["name"]) {
                continue;
            }
            let deny = policies.iter().find(|policy| {
                policy["metadata"]["namespace"] == namespace["metadata"]["name"]
                    && policy["metadata"]["name"] == "default-deny"
            });
            let deny = deny.expect("a default-deny");
            assert_eq!(deny["spec"]["podSelector"], serde_json::json!({}));
            assert!(deny["spec"]["ingress"].is_null() && deny["spec"]["egress"].is_null());
        }
        for kind in ["Deployment", "StatefulSet", "Job", "CronJob"] {
            for workload in of_kind(kind) {
                let template = match kind {
                    "CronJob" => &workload["spec"]["jobTemplate"]["spec"]["template"],
                    _ => &workload["spec"]["template"],
                };
                // Pods without a label (`selector off`) are denied with their namespace.
                let has_labels = !template["metadata"]["labels"].is_null();
                if !has_labels || is_open(&workload["metadata"]["namespace"]) {
                    continue;
                }
                assert!(policies.iter().any(|policy| {
                    policy["metadata"]["namespace"] == workload["metadata"]["namespace"]
                        && policy["metadata"]["name"]
                            == workload["metadata"]["labels"]["app.kubernetes.io/name"]
                }));
            }
        }
        for policy in policies {
            assert_eq!(
                policy["spec"]["policyTypes"],
                serde_json::json!(["Ingress", "Egress"])
            );
            assert_ne!(policy["spec"]["ingress"], serde_json::json!([]));
            assert_ne!(policy["spec"]["egress"], serde_json::json!([]));
        }
    }
}

#[test]
fn no_output_holds_the_value_of_a_secret() {
    for folder in platforms() {
        for (path, object) in objects(&folder) {
            assert_ne!(object["kind"], "Secret", "{path}");
        }
    }
}

/// Names that a ConfigMap of ERP/1 mentions as `service.namespace.svc` are Services that exist, on
/// ports that they have.
#[test]
fn configuration_files_name_services_that_exist() {
    let all = objects(&repository());
    let services: BTreeSet<String> = all
        .iter()
        .filter(|(_, object)| object["kind"] == "Service")
        .map(|(_, object)| {
            let text = |key: &str| {
                object["metadata"][key]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            format!("{}.{}", text("name"), text("namespace"))
        })
        .collect();
    let mut seen = 0;
    for (path, object) in &all {
        if object["kind"] != "ConfigMap" {
            continue;
        }
        for (file, content) in object["data"].as_object().into_iter().flatten() {
            let content = content.as_str().unwrap_or_default();
            for (at, _) in content.match_indices(".svc") {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
                let start = content[..at].rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
                let name = &content[start..at];
                // A pattern that matches names is none.
                if content[at..].starts_with(".svc'") {
                    continue;
                }
                assert!(services.contains(name), "{path}: {file} names `{name}`");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen} names");
}
