//! A deliberately naive evaluator: one pod, one other, one port, on raw values, written from the
//! Kubernetes API reference and sharing nothing with the prover. Random policies must mean the
//! same to both.

use std::collections::BTreeMap;
use std::net::IpAddr;

use erpc_prove::{
    Claims, Class, ClassId, ClusterAddresses, File, Manifests, Matrix, Partition, Protocol, Reading,
};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(super) type Labels = BTreeMap<String, String>;

/// Someone who calls or is called.
#[derive(Clone, Debug)]
pub(super) enum Party {
    Pod {
        namespace: String,
        namespace_labels: Labels,
        labels: Labels,
        /// Name, protocol and number of its ports.
        ports: Vec<(String, String, u16)>,
    },
    Address(IpAddr),
}

/// How lists and ranges are read.
#[derive(Clone, Copy)]
pub(super) struct Naive {
    pub(super) end_port: bool,
    pub(super) empty_is_absent: bool,
}

impl Naive {
    pub(super) const STANDARD: Self = Self {
        end_port: true,
        empty_is_absent: true,
    };

    pub(super) fn allows(
        self,
        policies: &[Value],
        from: &Party,
        to: &Party,
        protocol: &str,
        port: u16,
    ) -> bool {
        self.side(policies, "Egress", from, to, to, protocol, port)
            && self.side(policies, "Ingress", to, from, to, protocol, port)
    }

    /// Whether the policies of `subject` let it talk with `other`; the port is that of `called`.
    #[allow(clippy::too_many_arguments, reason = "it is naive")]
    fn side(
        self,
        policies: &[Value],
        direction: &str,
        subject: &Party,
        other: &Party,
        called: &Party,
        protocol: &str,
        port: u16,
    ) -> bool {
        let Party::Pod {
            namespace, labels, ..
        } = subject
        else {
            return true;
        };
        let mut is_isolated = false;
        let mut is_allowed = false;
        for policy in policies {
            let spec = &policy["spec"];
            if policy["metadata"]["namespace"] != *namespace
                || !selects(&spec["podSelector"], labels)
                || !self.has_type(spec, direction)
            {
                continue;
            }
            is_isolated = true;
            let (rules, peers) = match direction {
                "Ingress" => (&spec["ingress"], "from"),
                _ => (&spec["egress"], "to"),
            };
            for rule in list(rules) {
                is_allowed |= self.peers(&rule[peers], namespace, other)
                    && self.ports(&rule["ports"], called, protocol, port);
            }
        }
        !is_isolated || is_allowed
    }

    /// "If no policyTypes are specified then by default Ingress will always be set and Egress will
    /// be set if the NetworkPolicy has any egress rules."
    fn has_type(self, spec: &Value, direction: &str) -> bool {
        let types = list(&spec["policyTypes"]);
        if !types.is_empty() {
            return types.iter().any(|one| one == direction);
        }
        match direction {
            "Ingress" => true,
            _ if self.empty_is_absent => !list(&spec["egress"]).is_empty(),
            _ => spec["egress"].is_array(),
        }
    }

    /// "If this field is empty or missing, this rule matches all."
    fn peers(self, peers: &Value, namespace: &str, other: &Party) -> bool {
        if peers.is_null() || self.empty_is_absent && list(peers).is_empty() {
            return true;
        }
        list(peers)
            .iter()
            .any(|peer| peer_matches(peer, namespace, other))
    }

    fn ports(self, ports: &Value, called: &Party, protocol: &str, port: u16) -> bool {
        if ports.is_null() || self.empty_is_absent && list(ports).is_empty() {
            return true;
        }
        list(ports).iter().any(|one| {
            let of = one["protocol"].as_str().unwrap_or("TCP");
            of == protocol
                && match &one["port"] {
                    Value::Null => true,
                    Value::String(name) => match called {
                        Party::Pod { ports, .. } => ports
                            .iter()
                            .find(|(other, of, _)| other == name && of == protocol)
                            .is_some_and(|(_, _, number)| *number == port),
                        Party::Address(_) => false,
                    },
                    number => {
                        let first = number.as_u64().expect("a number");
                        let last = one["endPort"].as_u64().filter(|_| self.end_port);
                        (first..=last.unwrap_or(first)).contains(&u64::from(port))
                    }
                }
        })
    }
}

fn peer_matches(peer: &Value, namespace: &str, other: &Party) -> bool {
    match other {
        Party::Address(address) => {
            let block = &peer["ipBlock"];
            block.is_object()
                && contains(&block["cidr"], *address)
                && !list(&block["except"])
                    .iter()
                    .any(|hole| contains(hole, *address))
        }
        Party::Pod {
            namespace: of_pod,
            namespace_labels,
            labels,
            ..
        } => {
            if peer["ipBlock"].is_object() {
                return false;
            }
            let is_in_namespace = match &peer["namespaceSelector"] {
                Value::Null => of_pod == namespace,
                selector => selects(selector, namespace_labels),
            };
            is_in_namespace && selects(&peer["podSelector"], labels)
        }
    }
}

/// A missing selector selects everything here, as an empty one does.
fn selects(selector: &Value, labels: &Labels) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let has = |key: &str| labels.get(key);
    equal
        .into_iter()
        .all(|(key, value)| has(key).map(String::as_str) == value.as_str())
        && list(&selector["matchExpressions"]).iter().all(|one| {
            let value = has(one["key"].as_str().unwrap_or_default());
            let is_among = |value: &String| list(&one["values"]).iter().any(|other| other == value);
            match one["operator"].as_str() {
                Some("In") => value.is_some_and(is_among),
                Some("NotIn") => !value.is_some_and(is_among),
                Some("Exists") => value.is_some(),
                _ => value.is_none(),
            }
        })
}

fn contains(cidr: &Value, address: IpAddr) -> bool {
    let (network, length) = cidr
        .as_str()
        .and_then(|cidr| cidr.split_once('/'))
        .expect("a CIDR");
    let length: u32 = length.parse().expect("a length");
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, true),
        IpAddr::V6(ip) => (u128::from(ip), false),
    };
    let (network, of_v4) = bits(network.parse().expect("an address"));
    let (address, is_v4) = bits(address);
    of_v4 == is_v4 && (length == 0 || (network ^ address) >> (128 - length) == 0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Few keys and values, so that selectors and labels meet.
fn labels() -> impl Strategy<Value = Value> {
    let value = prop::sample::select(vec!["x", "y", "z"]);
    prop::collection::btree_map(
        prop::sample::select(vec!["app", "tier", "env"]),
        value,
        0..3,
    )
    .prop_map(|map| json!(map))
}

fn selector() -> impl Strategy<Value = Value> {
    let values = || prop::collection::vec(prop::sample::select(vec!["x", "y", "z"]), 1..3);
    let key = || prop::sample::select(vec!["app", "tier", "env"]);
    let expression = prop_oneof![
        (key(), values())
            .prop_map(|(key, values)| json!({"key": key, "operator": "In", "values": values})),
        (key(), values())
            .prop_map(|(key, values)| json!({"key": key, "operator": "NotIn", "values": values})),
        key().prop_map(|key| json!({"key": key, "operator": "Exists"})),
        key().prop_map(|key| json!({"key": key, "operator": "DoesNotExist"})),
    ];
    prop_oneof![
        1 => Just(json!({})),
        3 => labels().prop_map(|labels| json!({"matchLabels": labels})),
        2 => prop::collection::vec(expression.clone(), 1..3).prop_map(|list| json!({"matchExpressions": list})),
        1 => (labels(), expression).prop_map(|(labels, one)| json!({"matchLabels": labels, "matchExpressions": [one]})),
    ]
}

fn namespace_selector() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => selector(),
        2 => prop::sample::select(vec!["a", "b", "elsewhere"])
            .prop_map(|name| json!({"matchLabels": {"kubernetes.io/metadata.name": name}})),
        1 => prop::collection::vec(prop::sample::select(vec!["a", "b", "elsewhere"]), 1..3).prop_map(|names| json!({
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names}]
        })),
    ]
}

const BLOCKS: [(&str, &[&str]); 7] = [
    ("0.0.0.0/0", &[]),
    ("0.0.0.0/0", &["10.0.0.0/8", "192.168.0.0/16"]),
    ("10.0.0.0/8", &["10.1.0.0/16"]),
    ("10.1.2.0/24", &["10.1.2.128/25", "10.1.2.0/32"]),
    ("::/0", &["fc00::/7"]),
    ("2001:db8::/32", &[]),
    ("203.0.113.7/32", &[]),
];

fn peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => selector().prop_map(|pods| json!({"podSelector": pods})),
        2 => namespace_selector().prop_map(|one| json!({"namespaceSelector": one})),
        3 => (namespace_selector(), selector())
            .prop_map(|(one, pods)| json!({"namespaceSelector": one, "podSelector": pods})),
        2 => prop::sample::select(BLOCKS.to_vec()).prop_map(|(cidr, except)| {
            if except.is_empty() {
                json!({"ipBlock": {"cidr": cidr}})
            } else {
                json!({"ipBlock": {"cidr": cidr, "except": except}})
            }
        }),
    ]
}

fn port() -> impl Strategy<Value = Value> {
    let protocol = || prop::sample::select(vec!["TCP", "UDP", "SCTP"]);
    prop_oneof![
        1 => protocol().prop_map(|protocol| json!({"protocol": protocol})),
        3 => (protocol(), prop::sample::select(vec![53, 80, 8080])).prop_map(|(protocol, port)| json!({"protocol": protocol, "port": port})),
        2 => (protocol(), 79u16..82, 0u16..4).prop_map(|(protocol, port, more)| json!({"protocol": protocol, "port": port, "endPort": port + more})),
        2 => (protocol(), prop::sample::select(vec!["http", "dns", "other"])).prop_map(|(protocol, name)| json!({"protocol": protocol, "port": name})),
        1 => Just(json!({"port": 80})),
    ]
}

fn optional(
    key: &'static str,
    list: impl Strategy<Value = Vec<Value>>,
) -> impl Strategy<Value = Option<(String, Value)>> {
    prop::option::weighted(
        0.8,
        list.prop_map(move |list| (key.to_owned(), json!(list))),
    )
}

fn rule(peers: &'static str) -> impl Strategy<Value = Value> {
    let peers = optional(peers, prop::collection::vec(peer(), 0..3));
    let ports = optional("ports", prop::collection::vec(port(), 0..3));
    (peers, ports)
        .prop_map(|(peers, ports)| Value::Object(peers.into_iter().chain(ports).collect()))
}

fn policy() -> impl Strategy<Value = Value> {
    let types = prop::sample::subsequence(vec![json!("Ingress"), json!("Egress")], 0..=2);
    let spec = (
        prop::option::of(selector()),
        optional("policyTypes", types),
        optional("ingress", prop::collection::vec(rule("from"), 0..3)),
        optional("egress", prop::collection::vec(rule("to"), 0..3)),
    );
    (prop::sample::select(vec!["a", "b"]), spec).prop_map(
        |(namespace, (pods, types, ingress, egress))| {
            let mut spec: serde_json::Map<String, Value> =
                [types, ingress, egress].into_iter().flatten().collect();
            spec.extend(pods.map(|pods| ("podSelector".to_owned(), pods)));
            json!({
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"namespace": namespace},
                "spec": spec,
            })
        },
    )
}

fn pod() -> impl Strategy<Value = Value> {
    let port = (
        prop::sample::select(vec!["http", "dns"]),
        prop::sample::select(vec!["TCP", "UDP", "SCTP"]),
        prop::sample::select(vec![53, 80, 81, 8080]),
    )
        .prop_map(|(name, protocol, number)| json!({"name": name, "protocol": protocol, "containerPort": number}));
    (
        prop::sample::select(vec!["a", "b"]),
        labels(),
        prop::collection::vec(port, 0..3),
    )
        .prop_map(|(namespace, labels, ports)| {
            json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": namespace, "labels": labels},
                "spec": {"containers": [{"name": "main", "ports": ports}]},
            })
        })
}

fn named(mut objects: Vec<Value>) -> Vec<Value> {
    for (at, object) in objects.iter_mut().enumerate() {
        object["metadata"]["name"] = json!(format!("object-{at}"));
    }
    objects
}

fn map_of(value: &Value) -> Labels {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// What a class stands for, as the naive evaluator knows it: a pod, or addresses of its ranges.
fn parties(
    partition: &Partition<'_>,
    class: ClassId,
    namespaces: &BTreeMap<String, Labels>,
    pods: &[Value],
) -> Vec<Party> {
    match partition.class(class) {
        Class::Workload(workload) => {
            let pod = pods
                .iter()
                .find(|pod| pod["metadata"]["name"] == workload.name.as_str())
                .expect("a pod");
            let ports = list(&pod["spec"]["containers"][0]["ports"]);
            vec![Party::Pod {
                namespace: workload.namespace.to_string(),
                namespace_labels: namespaces[workload.namespace.as_str()].clone(),
                labels: map_of(&pod["metadata"]["labels"]),
                ports: ports
                    .iter()
                    .map(|port| {
                        let text = |key: &str| port[key].as_str().unwrap_or_default().to_owned();
                        let number = port["containerPort"]
                            .as_u64()
                            .and_then(|n| u16::try_from(n).ok());
                        (text("name"), text("protocol"), number.expect("a port"))
                    })
                    .collect(),
            }]
        }
        Class::OtherPod {
            namespace, labels, ..
        } => {
            let collect = |labels: &[(_, _)]| -> Labels {
                labels
                    .iter()
                    .map(|(key, value): &(_, _)| {
                        (ToString::to_string(key), ToString::to_string(value))
                    })
                    .collect()
            };
            let namespace_labels = namespace.and_then(|name| namespaces.get(name).cloned());
            vec![Party::Pod {
                namespace: namespace.unwrap_or("a namespace without a name").to_owned(),
                namespace_labels: namespace_labels
                    .unwrap_or_else(|| collect(world_labels(partition, class))),
                labels: collect(labels),
                ports: Vec::new(),
            }]
        }
        Class::Addresses(ranges) => ranges
            .iter()
            .flat_map(|range| [range.first(), range.last()])
            .map(Party::Address)
            .collect(),
    }
}

fn world_labels<'w>(
    partition: &'w Partition<'_>,
    class: ClassId,
) -> &'w [(smol_str::SmolStr, smol_str::SmolStr)] {
    match partition.class(class) {
        Class::OtherPod {
            namespace_labels, ..
        } => namespace_labels,
        Class::Workload(_) | Class::Addresses(_) => &[],
    }
}

const PORTS: [u16; 9] = [1, 53, 79, 80, 81, 82, 84, 8080, 65535];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_policies_mean_the_same_to_both(
        pods in prop::collection::vec(pod(), 1..5).prop_map(named),
        policies in prop::collection::vec(policy(), 0..5).prop_map(named),
        of_namespaces in (labels(), labels()),
        end_port in any::<bool>(),
        empty_is_absent in prop::bool::weighted(0.8),
    ) {
        let mut namespaces = BTreeMap::new();
        let mut documents = Vec::new();
        for (name, labels) in [("a", of_namespaces.0), ("b", of_namespaces.1)] {
            documents.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}));
            let mut labels = map_of(&labels);
            labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
            namespaces.insert(name.to_owned(), labels);
        }
        documents.extend(pods.iter().chain(&policies).cloned());
        let text = serde_saphyr::to_string(&json!({"apiVersion": "v1", "kind": "List", "items": documents})).expect("YAML");
        let manifests = Manifests::read(&[File { path: "all.yaml", bytes: text.as_bytes() }]);
        prop_assert_eq!(&manifests.problems, &Vec::new(), "{}", text);
        let cluster = ClusterAddresses::default();
        let partition = Partition::of(&manifests, &Claims::new(), &cluster);
        let reading = Reading { end_port, empty_is_absent, ..Reading::STANDARD };
        let mut matrix = Matrix::of(&partition, reading, &cluster);
        let naive = Naive { end_port, empty_is_absent };
        let classes: Vec<(ClassId, Vec<Party>)> = partition
            .classes()
            .map(|class| (class, parties(&partition, class, &namespaces, &pods)))
            .collect();
        for (from, callers) in &classes {
            for (to, called) in &classes {
                if !partition.is_pod(*from) && !partition.is_pod(*to) {
                    continue;
                }
                let ports = matrix.get(*from, *to);
                for caller in callers {
                    for called in called {
                        for protocol in Protocol::ALL {
                            for port in PORTS {
                                let ours = matrix.sets().contains(ports, protocol, port);
                                let theirs = naive.allows(&policies, caller, called, protocol.as_str(), port);
                                prop_assert_eq!(
                                    ours, theirs,
                                    "{} -> {} on {}/{}\n{}", partition.show(*from), partition.show(*to), port, protocol.as_str(), text
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
