//! The other statements: what each says of ERP/1, and that each can fail.

use erpc_prove::{
    BlastRadius, Claims, ClusterAddresses, Deviation, Exposure, File, LabelId, Manifests, Matrix,
    Minimality, Partition, Peer, Portability, Ports, Protocol, Reading, TierOrder, Tiers,
};
use erpc_tests::repository;

use super::erp1::Catalogue;
use super::{committed, read};

/// Two namespaces with a pod each, and these policies.
fn manifests(policies: &str) -> Manifests {
    let text = format!(
        "{}---\n{}---\n{policies}",
        pod("low", "a", 80),
        pod("high", "b", 80)
    );
    let manifests = Manifests::read(&[File {
        path: "all.yaml",
        bytes: text.as_bytes(),
    }]);
    assert_eq!(manifests.problems, []);
    manifests
}

fn pod(namespace: &str, name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec: {{containers: [{{name: main, ports: [{{name: http, containerPort: {port}}}]}}]}}
"
    )
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: a, namespace: low}}
spec: {{podSelector: {{matchLabels: {{app: a}}}}, policyTypes: [Ingress, Egress], {spec}}}
"
    )
}

const TO_B: &str = "to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: high}}, podSelector: {matchLabels: {app: b}}}]";

#[test]
fn what_can_be_dropped_is_found() {
    let redundant = |spec: &str| -> Vec<String> {
        let manifests = manifests(&policy(spec));
        let partition = Partition::of(&manifests, &Claims::new(), &ClusterAddresses::default());
        let found = Minimality::of(&partition, &|_| false);
        found.redundant.into_iter().map(|one| one.field).collect()
    };
    assert_eq!(
        redundant(&format!("egress: [{{{TO_B}, ports: [{{port: 80}}]}}]")),
        Vec::<String>::new()
    );
    // A port inside a range, a rule inside another, a peer inside another, a name twice.
    assert_eq!(
        redundant(&format!(
            "egress: [{{{TO_B}, ports: [{{port: 80}}, {{port: 79, endPort: 81}}]}}]"
        )),
        ["spec.egress[0].ports[0]"]
    );
    assert_eq!(
        redundant(&format!(
            "egress: [{{{TO_B}, ports: [{{port: 80}}]}}, {{{TO_B}}}]"
        )),
        [
            "spec.egress[0]",
            "spec.egress[0].to[0]",
            "spec.egress[0].ports[0]"
        ]
    );
    assert_eq!(
        redundant(
            "ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}, {ipBlock: {cidr: 10.0.0.0/8}}]}]"
        ),
        ["spec.ingress[0].from[0]"]
    );
    assert_eq!(
        redundant(
            "ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [c, d]}]}}, {podSelector: {matchLabels: {app: c}}}]}]"
        ),
        [
            "spec.ingress[0].from[0].podSelector (c)",
            "spec.ingress[0].from[1]"
        ]
    );
}

#[test]
fn readings_that_differ_are_found() {
    let deviations = |spec: &str, cluster: &ClusterAddresses| -> Vec<Deviation> {
        let mut text = policy(spec);
        text.push_str(
            "---\napiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: high}\nspec: {selector: {app: b}, ports: [{port: 8080, targetPort: http}]}\n",
        );
        let manifests = manifests(&text);
        let partition = Partition::of(&manifests, &Claims::new(), cluster);
        let mut matrix = Matrix::of(&partition, Reading::STANDARD, cluster);
        let found = Portability::of(&partition, &mut matrix, cluster);
        let differing = found.readings.iter().filter(|one| !one.is_same());
        differing.map(|one| one.deviation).collect()
    };
    let cluster = ClusterAddresses {
        pods: vec!["10.244.0.0/16".parse().expect("a CIDR")],
        ..ClusterAddresses::default()
    };
    let ports = |ports: &str| format!("egress: [{{{TO_B}, ports: [{ports}]}}]");
    assert_eq!(deviations(&ports("{port: 80}, {port: 8080}"), &cluster), []);
    assert_eq!(
        deviations(&ports("{port: 80}"), &cluster),
        [Deviation::BeforeTranslation]
    );
    assert_eq!(
        deviations(&ports("{port: 80, endPort: 8080}"), &cluster),
        [Deviation::NoEndPort]
    );
    let block = |cidr: &str| format!("ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]");
    assert_eq!(
        deviations(&block("10.0.0.0/8"), &cluster),
        [Deviation::BlocksMatchPods]
    );
    assert_eq!(deviations(&block("192.0.2.0/24"), &cluster), []);
    assert_eq!(
        deviations("ingress: [{from: []}]", &cluster),
        [Deviation::EmptyIsNothing]
    );
}

#[test]
fn the_exposure_of_erp1_is_declared_and_another_one_is_found() {
    let catalogue = Catalogue::read();
    let manifests = read(&committed(&repository()));
    let exposure = |claims: &Claims| {
        let partition = Partition::of(&manifests, claims, &catalogue.cluster);
        let mut matrix = Matrix::of(&partition, Reading::STANDARD, &catalogue.cluster);
        let found = Exposure::of(&partition, &mut matrix, claims);
        let differs: Vec<String> = found
            .differs
            .iter()
            .map(|class| partition.show(*class))
            .collect();
        (found.exposed.len(), differs)
    };
    assert_eq!(exposure(&catalogue.claims), (3, Vec::new()));
    let mut claims = catalogue.claims.clone();
    let (partition, vpn) = (
        claims.end(Peer::addresses(
            "192.0.2.0/24".parse().expect("a CIDR"),
            &[],
        )),
        claims.end(Peer::workload("erp-telemetry", "loki")),
    );
    let label = claims.label("another");
    claims.add(partition, vpn, Ports::one(Protocol::Tcp, 3100), label);
    assert_eq!(exposure(&claims).1, ["erp-telemetry.loki"]);
}

#[test]
fn a_call_upwards_is_found_in_claims_and_in_policies() {
    let manifests = manifests(&policy(&format!(
        "egress: [{{{TO_B}, ports: [{{port: 80}}]}}]"
    )));
    let mut order = TierOrder {
        names: vec!["low".into(), "high".into()],
        below: vec![vec![], vec![0]],
        of_namespace: [("low".into(), 0), ("high".into(), 1)]
            .into_iter()
            .collect(),
        ..TierOrder::default()
    };
    let witnesses = |order: &TierOrder, port: u16, binds: bool| -> Vec<Option<LabelId>> {
        let mut claims = Claims::new();
        let (from, to) = (
            claims.end(Peer::workload("low", "a")),
            claims.end(Peer::workload("high", "b")),
        );
        let label = claims.label("a flow");
        claims.add(from, to, Ports::one(Protocol::Tcp, port), label);
        let partition = Partition::of(&manifests, &claims, &ClusterAddresses::default());
        let mut matrix = Matrix::of(&partition, Reading::STANDARD, &ClusterAddresses::default());
        let found = Tiers::of(&partition, &mut matrix, &claims, order, |_| binds);
        found.upwards.into_iter().map(|one| one.label).collect()
    };
    // Observing may point upwards; a dependency may not; nor may what nobody declared.
    assert_eq!(witnesses(&order, 80, false), []);
    assert_eq!(witnesses(&order, 80, true).len(), 2);
    assert_eq!(witnesses(&order, 81, false), [None]);
    // A workload may have another tier than its namespace.
    order.of_workload.insert(("high".into(), "b".into()), 0);
    assert_eq!(witnesses(&order, 80, true), []);
}

#[test]
fn the_blast_radius_counts_what_a_walk_finds() {
    let catalogue = Catalogue::read();
    let manifests = read(&committed(&repository()));
    let partition = Partition::of(&manifests, &catalogue.claims, &catalogue.cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, &catalogue.cluster);
    let blast = BlastRadius::of(&partition, &mut matrix);
    let count = |name: &str| {
        let class = partition
            .workload_classes()
            .find(|class| partition.show(*class) == name)
            .expect("there");
        (blast.workloads[class.index()], blast.leaves[class.index()])
    };
    // Prometheus scrapes everybody; nothing calls out of loki.
    assert_eq!(count("erp-telemetry.prometheus"), (32, true));
    assert_eq!(count("erp-telemetry.loki"), (0, false));
    for class in partition.workload_classes() {
        let mut seen = vec![false; partition.len()];
        let mut stack = vec![class];
        while let Some(at) = stack.pop() {
            for to in partition.workload_classes() {
                if !seen[to.index()] && !matrix.get(at, to).is_empty() {
                    seen[to.index()] = true;
                    stack.push(to);
                }
            }
        }
        let walked = partition
            .workload_classes()
            .filter(|to| *to != class && seen[to.index()])
            .count();
        assert_eq!(
            blast.workloads[class.index()],
            walked,
            "{}",
            partition.show(class)
        );
        assert_eq!(blast.reached(class).len(), walked);
    }
}
