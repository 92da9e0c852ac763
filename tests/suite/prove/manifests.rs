//! Manifests of any origin, read as kubectl reads them: every form of a file, numbers, ends of lines,
//! labels of controllers, kinds that are not evaluated.

use erpc_cli::Exit;
use serde_json::Value;

use super::command::prove;

/// The problems, as `line: message`, and the notes of a survey.
fn found(files: &[(&str, &str)]) -> (Exit, Value, Vec<String>, Vec<String>) {
    let ran = prove(files, "json");
    let survey: Value = serde_json::from_str(&ran.out).expect("JSON");
    let list = |key: &str| -> Vec<String> {
        let list = survey[key].as_array().expect("a list").iter();
        list.map(|one| {
            format!(
                "{}: {}",
                one["line"],
                one["message"].as_str().unwrap_or_default()
            )
        })
        .collect()
    };
    let (problems, notes) = (list("problems"), list("notes"));
    (ran.exit, survey, problems, notes)
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
    )
}

const WEB: &str = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: }}\nspec: {containers: [{name: c, image: x}]}\n";

/// The ports on which every pod may call `shop.web` under a policy.
fn open_ports(policy: &str) -> (Exit, Value) {
    let (exit, survey, problems, notes) = found(&[("a.yaml", &format!("{policy}{WEB}"))]);
    assert!(
        problems.is_empty() && notes.is_empty(),
        "{policy}: {problems:?} {notes:?}"
    );
    let open = survey["everywhere"].as_array().expect("a list").iter();
    let ingress = open.filter(|one| one["direction"] == "ingress");
    let ports = ingress.map(|one| one["pods"].clone()).next();
    (exit, ports.unwrap_or(Value::Null))
}

#[test]
fn a_line_ends_where_it_ends_for_kubectl() {
    for end in ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'] {
        let open = policy(&format!(
            "\n  podSelector: {{}}\n  # closed{end}  ingress: [{{}}]\n  policyTypes: [Ingress]"
        ));
        let (_, ports) = open_ports(&open);
        assert!(ports.is_array(), "{end:?}");
    }
    let closed = policy("\n  podSelector: {}\n  # closed  ingress: [{}]\n  policyTypes: [Ingress]");
    assert_eq!(open_ports(&closed).1, Value::Null);
}

#[test]
fn a_number_is_what_it_is_to_kubectl() {
    for (text, number) in [
        ("010", 8),
        ("0o10", 8),
        ("0x50", 80),
        ("0b1010000", 80),
        ("1e3", 1000),
        ("80.0", 80),
        ("8_0", 80),
        ("+80", 80),
        ("08", 8),
        ("!!int \"80\"", 80),
    ] {
        let (exit, ports) = open_ports(&policy(&format!(
            "{{podSelector: {{}}, ingress: [{{ports: [{{port: {text}}}]}}]}}"
        )));
        assert_eq!(exit, Exit::Done, "{text}");
        assert_eq!(ports[0]["first"], number, "{text}");
        assert_eq!(ports[0]["last"], number, "{text}");
    }
    for text in ["80.5", "\"80\"", "!!str 80", "-80", "yes", "1e9", "12:30"] {
        let text = policy(&format!(
            "{{podSelector: {{}}, ingress: [{{ports: [{{port: {text}}}]}}]}}"
        ));
        let (exit, _, problems, _) = found(&[("a.yaml", &text)]);
        assert_eq!((exit, problems.len()), (Exit::Failed, 1), "{text}");
    }
}

#[test]
fn null_is_the_empty_string_in_a_label_and_an_entry_without_fields_in_a_list() {
    let (exit, survey, problems, _) = found(&[(
        "a.yaml",
        &format!(
            "{}{WEB}",
            policy("{podSelector: {matchLabels: {app: \"\"}}, policyTypes: [Ingress]}")
        ),
    )]);
    assert_eq!((exit, problems.len()), (Exit::Done, 0));
    assert_eq!(survey["workloads"][0]["ingress_isolated"], true);
    assert_eq!(survey["idle"], serde_json::json!([]));
    let (_, ports) = open_ports(&policy("{podSelector: {}, ingress: [{ports: [null]}]}"));
    assert_eq!(ports.as_array().map(Vec::len), Some(1));
    assert_eq!(ports[0]["protocol"], "TCP");
}

#[test]
fn every_form_of_a_file_is_read() {
    let list = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [
        {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"podSelector": {}}}]}"#;
    let stream = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}
{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"b","namespace":"shop"},"spec":{"podSelector":{}}}"#;
    let anchored = format!(
        "x: &all {{podSelector: {{}}}}\n{}",
        policy("{<<: *all, policyTypes: [Ingress]}").replace("name: p", "name: c")
    );
    let (exit, survey, problems, _) = found(&[
        ("list.JSON", list),
        ("stream.json", stream),
        ("mark.YAML", &format!("\u{feff}{anchored}")),
        (
            "upper.YML",
            &policy("{podSelector: {}}").replace('\n', "\r\n"),
        ),
        ("ignored.txt", "a: ["),
    ]);
    assert_eq!((exit, problems), (Exit::Done, Vec::new()));
    assert_eq!(survey["policies"], 4);
    assert_eq!(survey["files"], 4);
}

#[test]
fn what_kubectl_drops_is_a_note() {
    let (exit, survey, _, notes) = found(&[(
        "a.yaml",
        &format!(
            "{}...\nspec: {{podSelector: {{}}, ingress: [{{}}]}}\n",
            policy("{podSelector: {}, ingress: [{}], ingress: []}")
        ),
    )]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(survey["policies"], 1);
    assert_eq!(
        notes,
        [
            "4: `ingress` is set twice in this mapping: kubectl takes the last",
            "6: kubectl ignores the rest of this document: separate documents with `---`",
        ]
    );
}

#[test]
fn files_that_are_no_manifests_are_notes() {
    let chart = "apiVersion: v2\nname: shop\nversion: 1.0.0\n";
    let template =
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n{{- if .x }}\n";
    let (exit, survey, problems, notes) = found(&[
        ("Chart.yaml", chart),
        ("kustomization.yaml", "resources:\n- np.yaml\n"),
        ("np.yaml", &policy("{podSelector: {}}")),
        ("package.json", "{\"name\": \"x\"}"),
        ("tasks.yml", "- hosts: all\n"),
        ("template.yaml", template),
        ("tsconfig.json", "{ // comment\n  \"a\": [1,\n"),
        ("values.yaml", "replicas: 3\n"),
    ]);
    assert_eq!((exit, problems), (Exit::Done, Vec::new()));
    assert_eq!(survey["policies"], 1);
    assert_eq!(notes.len(), 7, "{notes:?}");
    assert!(
        notes.iter().all(|note| note.contains("not read")),
        "{notes:?}"
    );
}

#[test]
fn half_an_object_is_an_error() {
    for (text, message) in [
        (
            "apiVersion: v1\nmetadata: {name: a}\n",
            "this object has no `kind`",
        ),
        (
            "kind: Pod\nmetadata: {name: a}\nspec: {}\n",
            "this object has no `apiVersion`",
        ),
        (
            "apiVersion: v1\nkind: Pod\nspec: {}\n",
            "this object has no `metadata.name`",
        ),
        (
            "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n",
            "use `apps/v1`",
        ),
        (
            "apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: a}\n",
            "use `networking.k8s.io/v1`",
        ),
        (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolcy\nmetadata: {name: a}\n",
            "no NetworkPolcy",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [{metadata: {name: a}}]\n",
            "expected an `apiVersion` and a `kind`",
        ),
    ] {
        let (exit, _, problems, _) = found(&[("a.yaml", text)]);
        assert_eq!(
            (exit, problems.len()),
            (Exit::Failed, 1),
            "{text}: {problems:?}"
        );
        assert!(problems[0].contains(message), "{text}: {problems:?}");
    }
}

#[test]
fn cidrs_that_new_servers_reject_are_errors_and_are_evaluated() {
    for (cidr, right) in [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("010.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/08", "10.0.0.0/8"),
        ("fd00::1/8", "fd00::/8"),
        ("\"::ffff:10.0.0.0/104\"", "10.0.0.0/8"),
    ] {
        let text = policy(&format!(
            "{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}"
        ));
        let (exit, survey, problems, _) = found(&[("a.yaml", &text)]);
        assert_eq!(
            (exit, problems.len()),
            (Exit::Failed, 1),
            "{cidr}: {problems:?}"
        );
        assert!(
            problems[0].ends_with(&format!("use `{right}`")),
            "{cidr}: {problems:?}"
        );
        assert_eq!(survey["policies"], 1, "{cidr}");
    }
    let except = policy(
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.2.3/16]}}]}]}",
    );
    let (_, _, problems, _) = found(&[("a.yaml", &except)]);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn policies_select_pods_by_labels_of_their_controllers() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: shop}\nspec: {serviceName: s, replicas: 3, selector: {matchLabels: {app: s}}, template: {metadata: {labels: {app: s}}, spec: {containers: []}}}\n---\n";
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: shop}\nspec: {template: {spec: {containers: []}}}\n---\n";
    let isolated = |object: &str, labels: &str| {
        let selector = format!("{{podSelector: {{{labels}}}, policyTypes: [Ingress]}}");
        let (exit, survey, problems, notes) =
            found(&[("a.yaml", &format!("{object}{}", policy(&selector)))]);
        assert_eq!((exit, problems.len()), (Exit::Done, 0), "{labels}");
        assert_eq!(
            survey["workloads"].as_array().map(Vec::len),
            Some(1),
            "{labels}"
        );
        let is_idle = survey["idle"] != serde_json::json!([]);
        (is_idle, survey, notes)
    };
    for key in ["job-name", "batch.kubernetes.io/job-name"] {
        let (is_idle, survey, _) = isolated(job, &format!("matchLabels: {{{key}: j}}"));
        assert!(!is_idle, "{key}");
        assert_eq!(survey["workloads"][0]["ingress_isolated"], true, "{key}");
        assert!(
            isolated(job, &format!("matchLabels: {{{key}: other}}")).0,
            "{key}"
        );
    }
    let exists = "matchExpressions: [{key: controller-uid, operator: Exists}]";
    assert!(!isolated(job, exists).0);
    assert!(isolated(set, exists).0);
    for labels in [
        "matchLabels: {statefulset.kubernetes.io/pod-name: s-0}",
        "matchLabels: {apps.kubernetes.io/pod-index: \"0\", app: s}",
    ] {
        let (is_idle, survey, _) = isolated(set, labels);
        assert!(!is_idle, "{labels}");
        assert_eq!(
            survey["workloads"][0]["ingress_isolated"], false,
            "{labels}"
        );
        let uncovered = survey["uncovered"].to_string();
        assert!(
            uncovered.contains("shop.s (other pods): nothing isolates it (ingress)"),
            "{uncovered}"
        );
        // Both groups are open to the outside alike: one row.
        assert!(
            uncovered.contains("\"shop.s: nothing isolates it (egress)\""),
            "{uncovered}"
        );
    }
    // There are three pods: 0, 1 and 2.
    assert!(
        isolated(
            set,
            "matchLabels: {statefulset.kubernetes.io/pod-name: s-3}"
        )
        .0
    );
    let all = "matchExpressions: [{key: apps.kubernetes.io/pod-index, operator: In, values: [\"0\", \"1\", \"2\"]}]";
    assert_eq!(
        isolated(set, all).1["workloads"][0]["ingress_isolated"],
        true
    );
    let (_, _, notes) = isolated(set, "matchLabels: {controller-revision-hash: abc}");
    assert!(
        notes[0].contains("whose values Kubernetes generates"),
        "{notes:?}"
    );
}

/// To open a pipe waits for its other end, and a device has no end.
#[test]
fn pipes_and_devices_in_a_folder_are_refused() {
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe.yaml"))
        .status();
    assert!(made.expect("mkfifo starts").success());
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.yaml")).expect("linked");
    std::fs::write(folder.path().join("web.yaml"), WEB).expect("written");
    let path = folder.path().as_os_str();
    let ran = erpc_tests::erpc(&["prove".as_ref(), "--manifests".as_ref(), path]);
    assert_eq!(ran.exit, Exit::Failed);
    for text in [
        "pipe.yaml: expected a regular file, found a named pipe",
        "zero.yaml: expected a regular file, found a device",
    ] {
        assert!(ran.err.contains(text), "{text}\n{}", ran.err);
    }
    assert!(ran.out.contains("1 workload"), "{}", ran.out);
}

#[test]
fn kinds_that_are_not_evaluated_are_named() {
    let others = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: {}\n---\napiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: y}\nspec: {}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r, namespace: shop}\nspec: {template: {spec: {containers: []}}}\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: k, namespace: shop}\nspec: {template: {spec: {containers: []}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let (exit, survey, problems, _) = found(&[("a.yaml", others)]);
    assert_eq!((exit, problems), (Exit::Done, Vec::new()));
    let kinds: Vec<String> = survey["not_evaluated"]
        .as_array()
        .expect("kinds")
        .iter()
        .map(|kind| {
            format!(
                "{} {} {}",
                kind["effect"].as_str().unwrap_or_default(),
                kind["kind"].as_str().unwrap_or_default(),
                kind["count"]
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "policy CiliumNetworkPolicy 1",
            "policy NetworkPolicy 1",
            "pods Rollout 1",
            "pods Service 1"
        ]
    );
    let human = prove(&[("a.yaml", others)], "human");
    for text in [
        "not evaluated: policies of other APIs",
        "1 CiliumNetworkPolicy (cilium.io/v2):",
        "kinds that create pods",
        "a.yaml:10",
    ] {
        assert!(human.out.contains(text), "{text}\n{}", human.out);
    }
}

#[test]
fn pods_of_one_owner_are_one_row() {
    let pod = |name: &str, owner: &str, label: &str| {
        format!(
            "- apiVersion: v1\n  kind: Pod\n  metadata: {{name: {name}, namespace: shop, labels: {{app: {label}, pod-template-hash: abc}}, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: {owner}, controller: true}}]}}\n  spec: {{containers: []}}\n"
        )
    };
    let set = "- apiVersion: apps/v1\n  kind: ReplicaSet\n  metadata: {name: web-abc, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}\n  spec: {template: {metadata: {labels: {app: web, pod-template-hash: abc}}, spec: {containers: []}}}\n";
    let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    let rows = |text: &str| -> Vec<String> {
        let (_, survey, problems, _) = found(&[("a.yaml", text)]);
        assert_eq!(problems, Vec::<String>::new());
        let rows = survey["workloads"].as_array().expect("rows").iter();
        rows.map(|row| {
            format!(
                "{} {}",
                row["kind"].as_str().unwrap_or_default(),
                row["workload"].as_str().unwrap_or_default()
            )
        })
        .collect()
    };
    let pods = pod("web-abc-1", "web-abc", "web") + &pod("web-abc-2", "web-abc", "web");
    assert_eq!(
        rows(&list(&format!("{set}{pods}"))),
        ["Deployment shop.web"]
    );
    assert_eq!(rows(&list(&pods)), ["ReplicaSet shop.web-abc"]);
    let relabelled = pods + &pod("web-abc-3", "web-abc", "quarantine");
    assert_eq!(
        rows(&list(&format!("{set}{relabelled}"))),
        ["Deployment shop.web", "Pod shop.web-abc-3"]
    );
}

/// A policy without a spec isolates all pods of its namespace from callers, as the server fills it in.
#[test]
fn a_policy_without_a_spec_isolates_its_namespace() {
    for spec in ["", "null", "{}"] {
        let (exit, ports) = open_ports(&policy(spec));
        assert_eq!((exit, ports), (Exit::Done, Value::Null), "{spec:?}");
    }
}

/// What is created from `generateName` has a name of its own each time.
#[test]
fn generated_names_are_no_duplicates() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: load-, namespace: shop}\nspec: {template: {spec: {containers: [{name: c, image: x}]}}}\n---\n";
    let named = policy("{podSelector: {matchLabels: {job-name: load-x}}}");
    let generated = policy("{podSelector: {}}").replace("name: p", "generateName: p-");
    let text = format!("{job}{job}{generated}---\n{generated}---\n{named}");
    let (exit, survey, problems, _) = found(&[("a.yaml", &text)]);
    assert_eq!((exit, problems), (Exit::Done, Vec::new()));
    let workloads = survey["workloads"].as_array().expect("a list").iter();
    let names: Vec<&str> = workloads
        .filter_map(|one| one["workload"].as_str())
        .collect();
    assert_eq!(names, ["shop.load-*", "shop.load-*"]);
    assert_eq!(survey["idle"], serde_json::json!(["shop.p"]));
    let wrong = policy("{podSelector: {}}").replace("name: p", "generateName: P-");
    let (exit, ..) = found(&[("a.yaml", &wrong)]);
    assert_eq!(exit, Exit::Failed);
}
