//! Manifests that could exhaust their reader: what is at a bound is read, what is beyond it is an error
//! with the bound in the message, and aliases cannot make a small text a large one.

use erpc_cli::Exit;
use serde_json::Value;

use super::command::prove;

/// How `prove --manifests` ends for one file, and its problems.
fn read(path: &str, text: &str) -> (Exit, Vec<String>) {
    let ran = prove(&[(path, text)], "json");
    let survey: Value = serde_json::from_str(&ran.out).expect("JSON");
    let problems = survey["problems"].as_array().expect("a list").iter();
    let messages = problems.map(|one| one["message"].as_str().unwrap_or_default().to_owned());
    (ran.exit, messages.collect())
}

/// A ConfigMap with a value beside its data, which nothing looks at.
fn object(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\nvalue: {value}\n")
}

fn assert_read(text: &str) {
    let (exit, problems) = read("a.yaml", text);
    assert_eq!(exit, Exit::Done, "{problems:?}");
}

fn assert_refused(text: &str, bound: &str) {
    let (exit, problems) = read("a.yaml", text);
    assert_eq!(exit, Exit::Failed);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains(bound), "{problems:?}");
}

#[test]
fn values_nest_200_deep() {
    let list = |depth: usize| object(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    let mapping = |depth: usize| object(&format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth)));
    let blocks = |depth: usize| {
        let lines = (1..=depth).map(|level| format!("\n{}a:", "  ".repeat(level)));
        object(&lines.collect::<String>())
    };
    // The object is one level, and a scalar is the last of them.
    assert_read(&list(199));
    assert_refused(&list(200), "200 deep");
    assert_read(&mapping(198));
    assert_refused(&mapping(199), "200 deep");
    assert_read(&blocks(198));
    assert_refused(&blocks(199), "200 deep");
    assert_refused(&list(900), "200 deep");
    assert_refused(&list(100_000), "1000 deep");
    assert_refused(&blocks(2_000), "200 deep");
}

/// JSON is read to the same depth as YAML that is written so.
#[test]
fn json_nests_100_deep_and_more_is_an_error() {
    let json = |depth: usize| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"c\"}}, \"value\": {}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let (exit, problems) = read("a.json", &json(100));
    assert_eq!(exit, Exit::Done, "{problems:?}");
    for depth in [1_000, 100_000] {
        let (exit, problems) = read("a.json", &json(depth));
        assert_eq!(exit, Exit::Failed, "{depth}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

/// What an alias stands for counts where the alias stands, in depth and in size.
#[test]
fn aliases_count_as_what_they_stand_for() {
    let chain = |count: usize, levels: usize| {
        let mut text = object("x") + "a0: &a0 x\n";
        for n in 1..count {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            text += &format!("a{n}: &a{n} {open}*a{}{close}\n", n - 1);
        }
        text
    };
    assert_read(&chain(100, 1));
    assert_refused(&chain(1_000, 1), "200 deep");
    assert_refused(&chain(200, 150), "200 deep");
    // Each value is ten of the one before: 10¹⁰.
    let mut laughs = object("x") + "a0: &a0 x\n";
    for n in 1..10 {
        let all = vec![format!("*a{}", n - 1); 10].join(", ");
        laughs += &format!("a{n}: &a{n} [{all}]\n");
    }
    assert_refused(&laughs, "2,000,000 values");
    // Merges of nothing.
    let mut merges = object("x") + "a0: &a0 {}\n";
    for n in 1..40 {
        let all = vec![format!("*a{}", n - 1); 10].join(", ");
        merges += &format!("a{n}: &a{n} {{<<: [{all}]}}\n");
    }
    assert_refused(&merges, "2,000,000 values");
    let mut merged = object("x") + "a0: &a0 {}\n";
    for n in 1..1_000 {
        merged += &format!("a{n}: &a{n} {{<<: *a{}}}\n", n - 1);
    }
    assert_refused(&merged, "200 deep");
    // A long text, again and again.
    let long = "x".repeat(1 << 20);
    let aliases = vec!["*t"; 1_000].join(", ");
    assert_refused(
        &format!("{}t: &t {long}\nall: [{aliases}]\n", object("x")),
        "2,000,000 values",
    );
}

#[test]
fn lists_of_lists_nest_8_deep() {
    let lists = |depth: usize| {
        let mut text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}".to_owned();
        for _ in 0..depth {
            text = format!("{{apiVersion: v1, kind: List, items: [{text}]}}");
        }
        format!("---\n{text}\n")
    };
    assert_read(&lists(8));
    assert_refused(&lists(9), "8 deep");
}

/// Each problem has the line of its field, which is a pass over the mapping that it is in, as long as there
/// are not thousands of them.
#[test]
fn thousands_of_problems_are_all_reported() {
    let labels: String = (0..20_000).map(|n| format!("    l{n}: 1\n")).collect();
    let text =
        format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n{labels}");
    let ran = prove(&[("a.yaml", &text)], "json");
    let survey: Value = serde_json::from_str(&ran.out).expect("JSON");
    let lines: Vec<u64> = survey["problems"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|problem| problem["line"].as_u64())
        .collect();
    assert_eq!(lines.len(), 20_000);
    assert!(lines.contains(&6) && lines.contains(&1_005));
    assert!(!lines.contains(&1_006));
}

/// Numbers of any length, in any base, are texts or numbers, never a panic.
#[test]
fn huge_numbers_are_read() {
    let digits = "9".repeat(100_000);
    for number in [
        digits.clone(),
        format!("-{digits}"),
        format!("0x{}", "f".repeat(100_000)),
        format!("1e{digits}"),
        format!("0.{digits}"),
        format!("1{}", "_".repeat(100_000)),
    ] {
        assert_read(&object(&number));
    }
}

/// Pods that a policy selects by their numbers are told apart up to a limit; beyond it the answer is an error.
#[test]
fn pods_are_told_apart_by_10_000_numbers() {
    let manifests = |count: usize| {
        let numbers = (0..count).map(|n| format!("\"{n}\"")).collect::<Vec<_>>();
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db, namespace: shop}}\nspec:\n  replicas: 100000\n  serviceName: db\n  selector: {{matchLabels: {{app: db}}}}\n  template: {{metadata: {{labels: {{app: db}}}}, spec: {{containers: [{{name: c, image: x}}]}}}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec:\n  podSelector:\n    matchExpressions: [{{key: apps.kubernetes.io/pod-index, operator: In, values: [{}]}}]\n  policyTypes: [Ingress]\n",
            numbers.join(", ")
        )
    };
    assert_read(&manifests(10_000));
    assert_refused(&manifests(10_001), "10000 pods");
}

/// Pods of the namespace `shop`, each with a label of its own.
fn pods(count: usize) -> String {
    let pod = |n| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}, namespace: shop, labels: {{app: a{n}}}}}\nspec: {{containers: [{{name: c, image: x}}]}}\n---\n"
        )
    };
    (0..count).map(pod).collect()
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n"
    )
}

/// 499 pods and the possible others of the namespace, each with all of them, ten times.
#[test]
fn rules_name_2_500_000_pairs() {
    let manifests = |more: &str| {
        let peers = ["{podSelector: {}}"; 10].join(", ");
        let spec = format!("{{podSelector: {{}}, ingress: [{{from: [{peers}{more}]}}]}}");
        pods(499) + &policy("p", &spec)
    };
    assert_read(&manifests(""));
    assert_refused(
        &manifests(", {podSelector: {matchLabels: {app: a1}}}"),
        "2,500,000 pairs",
    );
}

/// Pods that no manifest has count, for each namespace in which they could be: here `shop` and any other.
#[test]
fn selectors_tell_apart_100_000_groups_of_pods() {
    let manifests = |count: usize| {
        let values: Vec<String> = (0..count).map(|n| format!("v{n}")).collect();
        let spec = format!(
            "{{podSelector: {{matchLabels: {{app: a1}}}}, ingress: [{{from: [{{namespaceSelector: {{}}, podSelector: {{matchExpressions: [{{key: app, operator: In, values: [{}]}}]}}}}]}}]}}",
            values.join(", ")
        );
        pods(2) + &policy("p", &spec)
    };
    assert_read(&manifests(49_998));
    assert_refused(&manifests(49_999), "100,000 groups of pods");
    // A thousand namespaces, of which each names a label of its own in all of them.
    let each = |n: usize| {
        policy("p", &format!(
            "{{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: a{n}}}}}}}]}}]}}"
        ))
        .replace("namespace: shop", &format!("namespace: n{n}"))
    };
    assert_refused(
        &(0..1_000).map(each).collect::<String>(),
        "100,000 groups of pods",
    );
}

/// 4,999 pods and the others of the namespace, with which each policy is compared.
#[test]
fn selectors_are_compared_with_20_000_000_pods() {
    let manifests = |count: usize| {
        let of = |n| {
            let spec = "{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [a1]}]}, policyTypes: [Ingress]}";
            policy(&format!("p{n}"), spec)
        };
        pods(4_999) + &(0..count).map(of).collect::<String>()
    };
    assert_read(&manifests(4_000));
    assert_refused(&manifests(4_001), "20,000,000 pods");
    // Each block without a part of it is in two ranges with every other block.
    let blocks = |n: usize| {
        let except = format!("10.{}.{}.0/24", n / 256, n % 256);
        let spec = format!(
            "{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: 0.0.0.0/0, except: [{except}]}}}}]}}]}}"
        );
        policy(&format!("p{n}"), &spec)
    };
    assert_refused(
        &(0..5_000).map(blocks).collect::<String>(),
        "20,000,000 pods and addresses",
    );
}
