//! The matrix of ERP/1's committed output against the catalogue's own 133 edges and implied rows:
//! neither side has seen the compiler's model.

use erpc_prove::{
    Claims, ClusterAddresses, EndId, Exactness, Matrix, Partition, Peer, Ports, Protocol, Reading,
};
use erpc_tests::repository;
use serde_json::Value;

use super::{committed, prove, read};

/// Claims out of `tests/data/erp1.json`.
pub(crate) struct Catalogue {
    pub(crate) claims: Claims,
    pub(crate) cluster: ClusterAddresses,
    data: Value,
    /// How many edges and implied rows were taken in.
    pub(crate) rows: usize,
}

impl Catalogue {
    pub(crate) fn read() -> Self {
        let path = repository().join("tests/data/erp1.json");
        let text = std::fs::read_to_string(path).expect("the data");
        let data: Value = serde_json::from_str(&text).expect("JSON");
        let cluster = &data["clusters"][text_of(&data["default_cluster"])];
        let cidr = |key: &str| vec![text_of(&cluster[key]).parse().expect("a CIDR")];
        let api = text_of(&cluster["api_server"])
            .split(':')
            .next()
            .unwrap_or_default();
        let cluster = ClusterAddresses {
            pods: cidr("pod_cidr"),
            services: cidr("service_cidr"),
            nodes: cidr("node_cidr"),
            api: vec![format!("{api}/32").parse().expect("a CIDR")],
        };
        let mut catalogue = Self {
            claims: Claims::new(),
            cluster,
            data,
            rows: 0,
        };
        catalogue.edges();
        catalogue.implied();
        catalogue
    }

    fn edges(&mut self) {
        for edge in list(&self.data["expected"]["edges"].clone()) {
            let ports = if edge["container_port"].is_null() {
                let (number, protocol) = text_of(&edge["port"]).split_once('/').expect("a port");
                let protocol = Protocol::from_name(&protocol.to_uppercase()).expect("a protocol");
                Ports::one(protocol, number.parse().expect("a number"))
            } else {
                self.port(text_of(&edge["to"]), text_of(&edge["port"]))
            };
            let from = self.peers(text_of(&edge["from"]));
            let to = self.peers(text_of(&edge["to"]));
            self.claim(&from, &to, ports);
        }
    }

    fn implied(&mut self) {
        let implied = self.data["expected"]["implied"].clone();
        let dns = self.peers("cluster.dns");
        for service in list(&implied["dns"]) {
            let from = self.peers(text_of(&service));
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                self.claim(&from, &dns, Ports::one(protocol, 53));
            }
        }
        let default = text_of(&self.data["default_cluster"]).to_owned();
        let controller = text_of(&self.data["clusters"][&default]["ingress"]["service"]).to_owned();
        let controller = self.peers(&controller);
        let world = self.peers("world");
        for (rows, from) in [("controller", controller), ("world", world)] {
            for row in list(&implied[rows]) {
                let ports = self.port(text_of(&row[0]), text_of(&row[1]));
                let to = self.peers(text_of(&row[0]));
                self.claim(&from, &to, ports);
            }
        }
    }

    fn claim(&mut self, from: &[EndId], to: &[EndId], ports: Ports) {
        let label = self.claims.label("erp1.json");
        self.rows += 1;
        for from in from {
            for to in to {
                self.claims.add(*from, *to, ports, label);
            }
        }
    }

    /// A port of a service inside its pod.
    fn port(&self, path: &str, name: &str) -> Ports {
        let (namespace, service) = path.split_once('.').expect("a path");
        let found = list(&self.data["services"])
            .into_iter()
            .find(|one| one["namespace"] == namespace && one["name"] == service)
            .expect("a service");
        let port = list(&found["ports"])
            .into_iter()
            .find(|port| port["name"] == name)
            .expect("a port");
        let protocol = Protocol::from_name(text_of(&port["protocol"])).expect("a protocol");
        let number = port["container"].as_u64().expect("a number");
        Ports::one(protocol, u16::try_from(number).expect("a port"))
    }

    fn peers(&mut self, name: &str) -> Vec<EndId> {
        let private = [
            "10.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
        ];
        let of_v6 = ["fc00::/7", "fe80::/10"];
        let parse = |cidrs: &[&str]| {
            cidrs
                .iter()
                .map(|c| c.parse().expect("a CIDR"))
                .collect::<Vec<_>>()
        };
        let all = |v4: &[ipnet::IpNet], v6: &[ipnet::IpNet]| {
            vec![
                Peer::addresses("0.0.0.0/0".parse().expect("a CIDR"), v4),
                Peer::addresses("::/0".parse().expect("a CIDR"), v6),
            ]
        };
        let peers = match name {
            "cluster.dns" => vec![Peer::pods("kube-system", [("k8s-app", "kube-dns")])],
            "cluster.api" => vec![Peer::addresses(self.cluster.api[0], &[])],
            "cluster.nodes" => vec![Peer::addresses(self.cluster.nodes[0], &[])],
            "internet" => {
                let mut holes = parse(&private);
                holes.extend(
                    [
                        &self.cluster.pods,
                        &self.cluster.services,
                        &self.cluster.nodes,
                    ]
                    .into_iter()
                    .flatten(),
                );
                all(&holes, &parse(&of_v6))
            }
            "world" => all(&self.cluster.pods, &[]),
            path => {
                let (namespace, service) = path.split_once('.').expect("a path");
                vec![Peer::workload(namespace, service)]
            }
        };
        peers.into_iter().map(|end| self.claims.end(end)).collect()
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_matrix_of_erp1_is_the_catalogue() {
    let catalogue = Catalogue::read();
    // 133 edges; DNS for 30 services on two protocols, 16 routes, 3 ports open to the world.
    assert_eq!(catalogue.rows, 133 + 2 * 30 + 16 + 3);
    let manifests = read(&committed(&repository()));
    assert_eq!(manifests.workloads.len(), 33);
    assert_eq!(manifests.policies.len(), 33 + 6);
    if let Err(found) = prove(&manifests, &catalogue.claims, &catalogue.cluster) {
        panic!("{found}");
    }
}

/// Each row of the catalogue is needed: without it, exactness fails.
#[test]
fn no_row_of_the_catalogue_can_be_missing() {
    let catalogue = Catalogue::read();
    let manifests = read(&committed(&repository()));
    let partition = Partition::of(&manifests, &catalogue.claims, &catalogue.cluster);
    let matrix = Matrix::of(&partition, Reading::STANDARD, &catalogue.cluster);
    for without in catalogue.claims.as_slice() {
        let mut fewer = catalogue.claims.clone();
        fewer.retain(|claim| claim.label != without.label);
        // The same ends make the same partition.
        let exactness = Exactness::of(&partition, &mut matrix.clone(), &fewer);
        assert!(!exactness.extra.is_empty(), "{without:?}");
        assert!(exactness.missing.is_empty());
    }
}
