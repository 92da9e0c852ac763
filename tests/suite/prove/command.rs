//! `erpc prove` as its users see it: certificates, anybody's manifests, manifests that no cluster
//! would take.

use erpc_cli::Exit;
use erpc_tests::{Ran, erpc, folders_below, repository};
use serde_json::Value;

#[test]
fn every_platform_carries_a_clean_certificate() {
    let mut platforms = folders_below("examples");
    platforms.extend(folders_below("tests/platforms"));
    platforms.push(repository());
    for platform in platforms {
        let ran = erpc(&[
            "prove".as_ref(),
            platform.as_os_str(),
            "--format".as_ref(),
            "json".as_ref(),
        ]);
        assert_eq!(
            ran.exit,
            Exit::Done,
            "{}: {}{}",
            platform.display(),
            ran.out,
            ran.err
        );
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(report["holds"], true);
        let statements = report["statements"].as_array().expect("statements");
        let names: Vec<&str> = statements
            .iter()
            .filter_map(|one| one["statement"].as_str())
            .collect();
        assert_eq!(
            names,
            [
                "exactness",
                "coverage",
                "minimality",
                "portability",
                "exposure",
                "tiers",
                "blast radius",
                "rollout"
            ]
        );
        for digest in ["source", "output"] {
            assert_eq!(report[digest]["sha256"].as_str().map(str::len), Some(64));
        }
        assert!(
            report["not_promised"]
                .as_array()
                .is_some_and(|list| list.len() > 4)
        );
    }
}

#[test]
fn a_certificate_for_people_names_every_statement_and_what_is_not_promised() {
    let ran = erpc(&["prove".as_ref(), repository().as_os_str()]);
    for text in [
        "exactness     holds",
        "rollout       holds",
        "sha256:",
        "what no NetworkPolicy can promise",
        "ICMP",
    ] {
        assert!(ran.out.contains(text), "{text}\n{}", ran.out);
    }
}

/// Runs `erpc prove --manifests` on files of a folder.
fn prove(files: &[(&str, &str)], format: &str) -> Ran {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    erpc(&[
        "prove".as_ref(),
        "--manifests".as_ref(),
        folder.path().as_os_str(),
        "--format".as_ref(),
        format.as_ref(),
    ])
}

const ANYBODYS: &str = r#"
apiVersion: v1
kind: List
items:
- kind: Namespace
  apiVersion: v1
  metadata: {name: shop, labels: {team: red}}
- kind: Deployment
  apiVersion: apps/v1
  metadata: {name: web, namespace: shop}
  spec:
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
- kind: CronJob
  apiVersion: batch/v1
  metadata: {name: nightly, namespace: shop}
  spec: {schedule: "0 1 * * *", jobTemplate: {spec: {template: {metadata: {labels: {app: nightly}}, spec: {containers: []}}}}}
- kind: DaemonSet
  apiVersion: apps/v1
  metadata: {name: agent, namespace: shop}
  spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: []}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: nightly}}
    - ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.7/32]}
    ports: [{port: http}]
"#;

#[test]
fn anybodys_manifests_are_evaluated() {
    let ran = prove(&[("all.yaml", ANYBODYS)], "human");
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    for text in [
        "1 file, 2 documents: 3 workloads, 1 policy evaluated",
        "shop.nightly -> shop.web",
        "8080/TCP",
        "shop.web <- 203.0.113.0-203.0.113.6, 203.0.113.8-203.0.113.255",
        "shop.nightly <- every pod",
        "shop.agent: on the network of its node",
        "shop.nightly: nothing isolates it (ingress)",
        "shop: no policy denies by default (egress)",
    ] {
        assert!(ran.out.contains(text), "{text}\n{}", ran.out);
    }
    let ran = prove(&[("all.yaml", ANYBODYS)], "json");
    let survey: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(survey["workloads"][2]["workload"], "shop.web");
    assert_eq!(survey["workloads"][2]["ingress_isolated"], true);
    assert_eq!(survey["workloads"][2]["egress_isolated"], false);
    let connections = survey["connections"].as_array().expect("connections");
    assert!(connections.iter().any(|one| {
        one["from"] == "shop.nightly" && one["to"] == "shop.web" && one["ports"][0]["first"] == 8080
    }));
}

/// A policy with this as a rule, as the second document of its file.
fn with(rule: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: a}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p, namespace: a}}
spec: {{podSelector: {{}}, ingress: [{rule}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: still-read, namespace: a}}
spec: {{}}
"
    )
}

#[test]
fn what_a_server_would_reject_is_named_with_its_file_line_and_field() {
    let cases = [
        (
            "{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}",
            "spec.ingress[0].from[0].ipBlock.cidr",
            "invalid CIDR",
        ),
        (
            "{from: [{ipBlock: {cidr: 10.0.0.300/8}}]}",
            "spec.ingress[0].from[0].ipBlock.cidr",
            "invalid CIDR",
        ),
        (
            "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [192.168.0.0/16]}}]}",
            "ipBlock.except[0]",
            "strict subset",
        ),
        (
            "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}",
            "ipBlock.except[0]",
            "strict subset",
        ),
        (
            "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: ['fd00::/9']}}]}",
            "ipBlock.except[0]",
            "strict subset",
        ),
        (
            "{ports: [{port: 0}]}",
            "spec.ingress[0].ports[0].port",
            "1 to 65535",
        ),
        (
            "{ports: [{port: 70000}]}",
            "spec.ingress[0].ports[0].port",
            "1 to 65535",
        ),
        (
            "{ports: [{port: 80, endPort: 79}]}",
            "spec.ingress[0].ports[0].endPort",
            "less than the port",
        ),
        (
            "{ports: [{port: http, endPort: 90}]}",
            "spec.ingress[0].ports[0].endPort",
            "requires a port number",
        ),
        (
            "{ports: [{endPort: 90}]}",
            "spec.ingress[0].ports[0].endPort",
            "requires a port",
        ),
        (
            "{ports: [{port: HTTP_port}]}",
            "spec.ingress[0].ports[0].port",
            "invalid port name",
        ),
        (
            "{ports: [{port: 80, protocol: ICMP}]}",
            "spec.ingress[0].ports[0].protocol",
            "invalid protocol",
        ),
        (
            "{ports: [{port: true}]}",
            "spec.ingress[0].ports[0].port",
            "expected a port number",
        ),
        ("{ports: 80}", "spec.ingress[0].ports", "expected a list"),
        (
            "{from: [{podSelector: {matchExpressions: [{key: a, operator: Near, values: [b]}]}}]}",
            "matchExpressions[0].operator",
            "invalid operator `Near`",
        ),
        (
            "{from: [{podSelector: {matchExpressions: [{key: a, operator: In}]}}]}",
            "matchExpressions[0].values",
            "at least one value",
        ),
        (
            "{from: [{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}]}",
            "matchExpressions[0].values",
            "cannot have values",
        ),
        (
            "{from: [{podSelector: {matchLabels: {'-a': b}}}]}",
            "podSelector.matchLabels.-a",
            "invalid label key",
        ),
        (
            "{from: [{podSelector: {matchLabels: {a: 'b c'}}}]}",
            "podSelector.matchLabels.a",
            "invalid label value",
        ),
        (
            "{from: [{podSelector: {matchLabels: {a: 1}}}]}",
            "podSelector.matchLabels.a",
            "expected a string",
        ),
        (
            "{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}",
            "spec.ingress[0].from[0]",
            "cannot be combined",
        ),
        (
            "{from: [{}]}",
            "spec.ingress[0].from[0]",
            "expected a podSelector",
        ),
        ("{form: []}", "spec.ingress[0].form", "unknown field `form`"),
    ];
    for (rule, field, message) in cases {
        let ran = prove(&[("bad.yaml", &with(rule))], "json");
        assert_eq!(ran.exit, Exit::Failed, "{rule}");
        let survey: Value = serde_json::from_str(&ran.out).expect("JSON");
        let problems = survey["problems"].as_array().expect("problems");
        assert_eq!(problems.len(), 1, "{rule}: {problems:?}");
        let text = |key: &str| problems[0][key].as_str().unwrap_or_default().to_owned();
        assert!(text("file").ends_with("bad.yaml"));
        assert_eq!(problems[0]["document"], 2);
        assert_eq!(problems[0]["line"], 8);
        assert!(text("field").ends_with(field), "{rule}: {}", text("field"));
        assert!(
            text("message").contains(message),
            "{rule}: {}",
            text("message")
        );
        // The documents beside it are read all the same.
        assert_eq!(survey["workloads"][0]["workload"], "a.still-read");
    }
}

#[test]
fn broken_yaml_ends_in_a_message_and_hides_nothing() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: still-read}\nspec: {}\n";
    let bomb: String = (1..30).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, n| {
            let list = vec![format!("*a{}", n - 1); 10].join(", ");
            format!("{text}a{n}: &a{n} [{list}]\n")
        },
    );
    let aliases = format!(
        "a: &a [x, x, x]\nb: [{}]\n",
        vec!["*a"; 1_000_000].join(", ")
    );
    let nested = format!("a: {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let deep: String = (0..10_000)
        .map(|n| format!("{}a:\n", " ".repeat(n)))
        .collect();
    for (what, broken) in [
        ("tabs", "a:\n\tb: c\n"),
        ("an unclosed quote", "a: \"b\n"),
        ("an unknown anchor", "a: *missing\n"),
        ("an anchor within itself", "a: &a [*a]\n"),
        ("a control character", "a: \u{1}\n"),
        ("no kind", "metadata: {}\n"),
        ("a kind that is no text", "kind: 7\n"),
        ("a name that is no text", "kind: Pod\nmetadata: {name: 7}\n"),
        ("aliases of aliases", &bomb),
        ("a million aliases", &aliases),
        ("brackets", &nested),
        ("blocks", &deep),
    ] {
        let text = format!("apiVersion: v1\n{broken}# kind\n---\n{pod}");
        let ran = prove(&[("broken.yaml", &text)], "json");
        assert_eq!(ran.exit, Exit::Failed, "{what}");
        let survey: Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(
            survey["problems"].as_array().map(Vec::len),
            Some(1),
            "{what}: {}",
            survey["problems"]
        );
        assert_eq!(
            survey["workloads"][0]["workload"], "default.still-read",
            "{what}"
        );
        let human = prove(&[("broken.yaml", &text)], "human");
        assert!(human.err.contains("broken.yaml:"), "{what}: {}", human.err);
        for foreign in ["serde", "saphyr", "granit", "line 1 column"] {
            assert!(!human.err.contains(foreign), "{what}: {}", human.err);
        }
    }
}

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

#[test]
fn files_that_cannot_be_read_and_folders_without_any() {
    let ran = prove(&[], "human");
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("there are no .yaml"), "{}", ran.err);
    let ran = erpc(&["prove", "--manifests", "/no/such/folder"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("/no/such/folder"), "{}", ran.err);
}
