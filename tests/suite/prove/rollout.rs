//! The order of application, replayed object by object: by the prover, and pair by pair with the
//! naive evaluator. Orders that are wrong are found to be.

use std::collections::BTreeMap;

use erpc_prove::{Action, ClusterAddresses, Manifests, Rollout, RolloutStep};
use erpc_tests::repository;
use serde_json::{Value, json};

use super::naive::{Labels, Naive, Party};
use super::{committed, read};

fn erp1() -> Manifests {
    read(&committed(&repository()))
}

fn cluster() -> ClusterAddresses {
    ClusterAddresses {
        pods: vec!["10.244.0.0/16".parse().expect("a CIDR")],
        ..ClusterAddresses::default()
    }
}

/// The same pods without policies, and no pods at all.
fn open_and_empty(manifests: &Manifests) -> (Manifests, Manifests) {
    let mut open = manifests.clone();
    open.policies.clear();
    let empty = Manifests {
        namespaces: manifests.namespaces.clone(),
        ..Manifests::default()
    };
    (open, empty)
}

/// ERP/1 with each third egress rule gone and each fourth policy's ports moved: another version.
fn changed(manifests: &Manifests) -> Manifests {
    let mut changed = manifests.clone();
    for (at, policy) in changed.policies.iter_mut().enumerate() {
        if at % 3 == 0
            && let Some(rules) = &mut policy.egress
        {
            rules.pop();
        }
        if at % 4 == 0 {
            for rule in policy.ingress.iter_mut().flatten() {
                rule.ports = None;
            }
        }
    }
    changed
}

/// An order that loses and opens nothing: policies of single workloads, those that deny by default,
/// workloads; what goes, goes in the opposite order.
fn plan(old: &Manifests, new: &Manifests) -> Vec<RolloutStep> {
    let policies = |manifests: &Manifests| -> Vec<(bool, String, String)> {
        let all = manifests.policies.iter();
        let mut all: Vec<_> = all
            .map(|one| {
                (
                    one.selector.is_empty(),
                    one.namespace.to_string(),
                    one.name.to_string(),
                )
            })
            .collect();
        all.sort_unstable();
        all
    };
    let workloads = |manifests: &Manifests| -> Vec<[String; 3]> {
        let all = manifests.workloads.iter();
        let mut all: Vec<_> = all
            .map(|one| [&one.kind, &one.namespace, &one.name].map(ToString::to_string))
            .collect();
        all.sort_unstable();
        all
    };
    let step = |action, kind: &str, namespace: &str, name: &str| RolloutStep {
        action,
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        version: 1,
    };
    let (put, kept) = (policies(new), workloads(new));
    let mut steps = Vec::new();
    for (_, namespace, name) in &put {
        steps.push(step(Action::Put, "NetworkPolicy", namespace, name));
    }
    for [kind, namespace, name] in &kept {
        steps.push(step(Action::Put, kind, namespace, name));
        steps.push(step(Action::Settle, kind, namespace, name));
    }
    for [kind, namespace, name] in workloads(old) {
        if !kept.contains(&[kind.clone(), namespace.clone(), name.clone()]) {
            steps.push(step(Action::Delete, &kind, &namespace, &name));
        }
    }
    for (_, namespace, name) in policies(old) {
        if !put
            .iter()
            .any(|(_, ns, of)| (ns, of) == (&namespace, &name))
        {
            steps.push(step(Action::Delete, "NetworkPolicy", &namespace, &name));
        }
    }
    steps
}

#[test]
fn no_order_of_ours_opens_or_loses_anything_on_the_way() {
    let new = erp1();
    let (open, empty) = open_and_empty(&new);
    let other = changed(&new);
    for (what, from, to) in [
        ("empty cluster", &empty, &new),
        ("running open cluster", &open, &new),
        ("removal", &new, &empty),
        ("the same again", &new, &new),
        ("from another version", &other, &new),
        ("to another version", &new, &other),
    ] {
        let steps = plan(from, to);
        let found = Rollout::of(&[from, to], &steps, &cluster());
        println!(
            "{what}: {} steps, {} pairs compared",
            found.steps, found.compared
        );
        assert!(
            found.holds(),
            "{what}: {:?}",
            &found.violations[..found.violations.len().min(5)]
        );
        assert!(found.compared > 1000);
    }
}

/// One version lets the caller out and the called not in, the other the reverse: neither opens the
/// connection, and a mixture does.
#[test]
fn a_mixture_of_two_versions_that_is_open_is_found() {
    let version = |out: u16, into: u16| {
        let mut text = String::new();
        for name in ["a", "b"] {
            text.push_str(&format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec: {{}}\n---\n"
            ));
        }
        for (name, other, rule, port) in [
            ("a", "b", "egress: [{to", out),
            ("b", "a", "ingress: [{from", into),
        ] {
            text.push_str(&format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}}}\nspec: {{podSelector: {{matchLabels: {{app: {name}}}}}, policyTypes: [Ingress, Egress], {rule}: [{{podSelector: {{matchLabels: {{app: {other}}}}}}}], ports: [{{port: {port}}}]}}]}}\n---\n"
            ));
        }
        let manifests = read(&vec![("all.yaml".to_owned(), text)]);
        assert_eq!(manifests.problems, []);
        manifests
    };
    let (old, new) = (version(80, 81), version(81, 80));
    let found = Rollout::of(&[&old, &new], &plan(&old, &new), &cluster());
    assert_eq!(found.violations.len(), 1, "{found:?}");
    assert!(found.violations[0].is_open && found.violations[0].after == 1);
    assert!(Rollout::of(&[&old, &old], &plan(&old, &old), &cluster()).holds());
}

#[test]
fn wrong_orders_are_found() {
    let new = erp1();
    let (open, empty) = open_and_empty(&new);
    // Denying first loses what is declared.
    let mut steps = plan(&open, &new);
    steps.sort_by_key(|step| step.name != "default-deny");
    let found = Rollout::of(&[&open, &new], &steps, &cluster());
    assert!(found.violations.iter().any(|one| !one.is_open), "{found:?}");
    // Workloads before policies are open for a while.
    let mut steps = plan(&empty, &new);
    steps.sort_by_key(|step| step.kind == "NetworkPolicy");
    let found = Rollout::of(&[&empty, &new], &steps, &cluster());
    assert!(found.violations.iter().any(|one| one.is_open), "{found:?}");
    // Policies removed before their workloads open them.
    let mut steps = plan(&new, &empty);
    steps.reverse();
    assert!(!Rollout::of(&[&new, &empty], &steps, &cluster()).holds());
    // A step about nothing is said to be.
    let step = RolloutStep {
        action: Action::Put,
        kind: "NetworkPolicy".to_owned(),
        namespace: "nowhere".to_owned(),
        name: "nothing".to_owned(),
        version: 1,
    };
    assert_eq!(
        Rollout::of(&[&new, &new], std::slice::from_ref(&step), &cluster()).unknown,
        [step]
    );
}

/// Two versions of a pod and its Service, whose port moves, and the Service on the way.
fn moved_port(target: &str) -> [Manifests; 3] {
    let version = |number: u16, target: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: api, namespace: shop}}\nspec: {{selector: {{app: api}}, ports: [{{name: http, port: 80, targetPort: {target}}}]}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: api, namespace: shop}}\nspec: {{selector: {{matchLabels: {{app: api}}}}, template: {{metadata: {{labels: {{app: api}}}}, spec: {{containers: [{{name: api, ports: [{{name: http, containerPort: {number}}}]}}]}}}}}}\n"
        );
        let manifests = read(&vec![("all.yaml".to_owned(), text)]);
        assert_eq!(manifests.problems, []);
        manifests
    };
    [
        version(8080, "8080"),
        version(8090, target),
        version(8090, "8090"),
    ]
}

fn of_api(action: Action, kind: &str, version: usize) -> RolloutStep {
    RolloutStep {
        action,
        kind: kind.to_owned(),
        namespace: "shop".to_owned(),
        name: "api".to_owned(),
        version,
    }
}

#[test]
fn a_service_on_the_way_has_endpoints_in_pods_of_both_versions() {
    let [before, between, after] = &moved_port("http");
    let versions = [before, between, after];
    let named = [
        of_api(Action::Put, "Service", 1),
        of_api(Action::Put, "Deployment", 2),
        of_api(Action::Settle, "Deployment", 2),
        of_api(Action::Put, "Service", 2),
    ];
    let found = Rollout::of(&versions, &named, &cluster());
    assert!(found.holds(), "{found:?}");

    // With the number of the new version at once, the old pods are lost.
    let at_once = [
        of_api(Action::Put, "Service", 2),
        of_api(Action::Put, "Deployment", 2),
        of_api(Action::Settle, "Deployment", 2),
    ];
    let found = Rollout::of(&versions, &at_once, &cluster());
    assert_eq!(
        found.endpoints[0],
        "after step 1: Service shop.api on 80/TCP leads to shop.api at 8090, which it does not declare"
    );

    // So are the new ones with the number of the old version.
    let late = [
        of_api(Action::Put, "Deployment", 2),
        of_api(Action::Settle, "Deployment", 2),
        of_api(Action::Put, "Service", 2),
    ];
    assert!(!Rollout::of(&versions, &late, &cluster()).holds());

    // A name that no pod has leaves the Service without endpoints.
    let [before, between, after] = &moved_port("web");
    let found = Rollout::of(&[before, between, after], &named, &cluster());
    assert!(
        found
            .endpoints
            .contains(&"after step 1: Service shop.api on 80/TCP has no endpoint left".to_owned()),
        "{found:?}"
    );
}

/// Pods and addresses of ERP/1 as the naive evaluator knows them, with the policies.
struct Values {
    policies: Vec<Value>,
    parties: BTreeMap<String, Party>,
}

impl Values {
    fn of_erp1() -> Self {
        let documents: Vec<Value> = committed(&repository())
            .iter()
            .flat_map(|(_, text)| serde_saphyr::from_multiple::<Value>(text).expect("YAML"))
            .collect();
        let mut values = Self {
            policies: Vec::new(),
            parties: BTreeMap::new(),
        };
        for document in documents {
            let labels: Labels =
                serde_json::from_value(document["spec"]["template"]["metadata"]["labels"].clone())
                    .unwrap_or_default();
            let text = |key: &str| {
                document["metadata"][key]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            match document["kind"].as_str() {
                Some("NetworkPolicy") => values.policies.push(document),
                Some("Deployment" | "StatefulSet" | "CronJob") => {
                    let name = format!("{}/{}", text("namespace"), text("name"));
                    values.parties.insert(name, pod(&text("namespace"), labels));
                }
                _ => {}
            }
        }
        let dns = pod(
            "kube-system",
            Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]),
        );
        values.parties.insert("dns".to_owned(), dns);
        for address in ["198.51.100.7", "172.18.0.2", "10.1.2.3", "2001:db8::1"] {
            values.parties.insert(
                address.to_owned(),
                Party::Address(address.parse().expect("an address")),
            );
        }
        values
    }

    /// The policies that a predicate keeps.
    fn with(&self, keep: impl Fn(&str, &str) -> bool) -> Vec<Value> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let policies = self.policies.iter();
        let kept = policies.filter(|one| {
            keep(
                &text(&one["metadata"]["namespace"]),
                &text(&one["metadata"]["name"]),
            )
        });
        kept.cloned().collect()
    }
}

fn pod(namespace: &str, labels: Labels) -> Party {
    Party::Pod {
        namespace: namespace.to_owned(),
        namespace_labels: Labels::from([(
            "kubernetes.io/metadata.name".to_owned(),
            namespace.to_owned(),
        )]),
        labels,
        ports: Vec::new(),
    }
}

/// On a running open cluster, each prefix of the plan keeps all that the end has, by a reading that
/// shares nothing with the prover's.
#[test]
fn a_naive_replay_of_the_rollout_loses_nothing() {
    let new = erp1();
    let (open, _) = open_and_empty(&new);
    let steps = plan(&open, &new);
    let values = Values::of_erp1();
    let ports = [
        ("TCP", 80),
        ("TCP", 8000),
        ("TCP", 5000),
        ("UDP", 53),
        ("TCP", 9568),
        ("TCP", 25),
        ("TCP", 6443),
    ];
    let mut pairs = Vec::new();
    for (from, caller) in &values.parties {
        for (to, called) in &values.parties {
            for (protocol, port) in ports {
                let is_allowed =
                    Naive::STANDARD.allows(&values.policies, caller, called, protocol, port);
                let is_pod = |party: &Party| matches!(party, Party::Pod { .. });
                if is_allowed && (is_pod(caller) || is_pod(called)) {
                    pairs.push((from, to, caller, called, protocol, port));
                }
            }
        }
    }
    assert!(pairs.len() > 100, "{}", pairs.len());
    for done in (0..=steps.len()).step_by(3) {
        let is_done = |namespace: &str, name: &str| {
            steps[..done].iter().any(|step| {
                step.kind == "NetworkPolicy" && step.namespace == namespace && step.name == name
            })
        };
        let policies = values.with(is_done);
        for (from, to, caller, called, protocol, port) in &pairs {
            assert!(
                Naive::STANDARD.allows(&policies, caller, called, protocol, *port),
                "after {done} steps: {from} -> {to} on {port}/{protocol}"
            );
        }
    }
    // The other order loses some of it at once.
    let denied = values.with(|_, name| name == "default-deny");
    let lost = pairs
        .iter()
        .filter(|(_, _, caller, called, protocol, port)| {
            !Naive::STANDARD.allows(&denied, caller, called, protocol, *port)
        })
        .count();
    assert!(lost > 0);
    assert_eq!(json!(denied.len()), json!(6));
}
