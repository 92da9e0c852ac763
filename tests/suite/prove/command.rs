//! `erpc prove` as its users see it: certificates, anybody's manifests, manifests that no cluster
//! would take.

use erpc_cli::Exit;
use erpc_tests::{Ran, erpc, platforms, repository};
use serde_json::Value;

#[test]
fn every_platform_carries_a_clean_certificate() {
    for platform in platforms() {
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
pub(super) fn prove(files: &[(&str, &str)], format: &str) -> Ran {
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

/// Two links that lead upwards make twice as many paths with each level.
#[cfg(unix)]
#[test]
fn links_to_folders_are_not_followed_and_folders_are_32_deep() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let deep = |levels: usize| {
        let path = (0..levels).fold(folder.path().to_owned(), |path, _| path.join("d"));
        std::fs::create_dir_all(&path).expect("folders");
        std::fs::write(path.join("all.yaml"), ANYBODYS).expect("written");
    };
    deep(32);
    for name in ["a", "b"] {
        std::os::unix::fs::symlink("..", folder.path().join("d").join(name)).expect("a link");
    }
    let path = folder.path().as_os_str();
    let ran = erpc(&["prove".as_ref(), "--manifests".as_ref(), path]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(ran.out.contains("1 file"), "{}", ran.out);
    for name in ["d/a", "d/b"] {
        assert!(
            ran.err.contains(&format!("{name}: links to folders")),
            "{}",
            ran.err
        );
    }
    deep(33);
    let ran = erpc(&["prove".as_ref(), "--manifests".as_ref(), path]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("nested more than 32 deep"), "{}", ran.err);
}

#[test]
fn a_manifest_has_64_mib() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = std::fs::File::create(folder.path().join("all.yaml")).expect("a file");
    file.set_len((64 << 20) + 1).expect("a sparse file");
    let path = folder.path().as_os_str();
    let ran = erpc(&["prove".as_ref(), "--manifests".as_ref(), path]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("all.yaml: larger than 64 MiB"),
        "{}",
        ran.err
    );
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

#[test]
fn files_that_cannot_be_read_and_folders_without_any() {
    let ran = prove(&[], "human");
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("there are no .yaml"), "{}", ran.err);
    let ran = erpc(&["prove", "--manifests", "/no/such/folder"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("/no/such/folder"), "{}", ran.err);
}
