//! Random platforms of every kind of flow: for comparing what their policies mean with what others
//! read in them. The same seed gives the same program.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Numbers that look random (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

const HEAD: &str = r#"erp 1

platform random { version "1.0"; domain "random.example"; registry "docker.io"; cluster main }

tiers one

external bank   { cidr 203.0.113.0/24, 198.51.100.16/28; port https 443; port odd 7000..7010/udp }
external office { cidr 10.200.0.0/16; dns "office.example"; port ldap 389 }
external both   { cidr 2001:db8:7::/48, 192.0.2.0/24; port web 8443; port sip 5060/sctp }

component Small() {
  image  "docker.io/random/${service.name}:1.0"
  cpu    10m..20m
  memory 16Mi..32Mi
  access by port-forward
}
"#;

/// Ends outside the platform with a port each.
const OUTSIDE: [&str; 8] = [
    "bank:https",
    "bank:odd",
    "office:ldap",
    "both:web",
    "both:sip",
    "internet:25",
    "cluster.api",
    "cluster.nodes:10250",
];

/// A platform of `services` services in a few namespaces, with about three flows for each.
#[must_use]
pub fn random_platform(seed: u64, services: usize) -> String {
    let mut random = Random(seed);
    let namespaces = 1 + random.below(services.div_ceil(3).min(6));
    let mut text = HEAD.to_owned();
    cluster(&mut text, &mut random);
    let mut of_namespace: Vec<Vec<usize>> = vec![Vec::new(); namespaces];
    for service in 0..services {
        let namespace = if service < namespaces {
            service
        } else {
            random.below(namespaces)
        };
        of_namespace[namespace].push(service);
    }
    let mut names = vec![String::new(); services];
    let mut ports: Vec<Vec<&str>> = vec![Vec::new(); services];
    for (number, members) in of_namespace.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\nnamespace ns-{number} {{\n  tier one");
        for member in members {
            names[*member] = format!("ns-{number}.s-{member}");
            ports[*member] = service(&mut text, &mut random, *member);
        }
        text.push_str("}\n");
    }
    flows(&mut text, &mut random, &names, &ports, namespaces);
    text
}

fn cluster(text: &mut String, random: &mut Random) {
    let dns = ["kube-dns", "kube-dns", "openshift", "node-local"][random.below(4)];
    let controller = ["pods outer \"app=outer\"", "nodes"][random.below(2)];
    let dual = random.one_in(3);
    let (pods, services) = if dual {
        (", fd00:10::/48", ", fd00:20::/112")
    } else {
        ("", "")
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "\ncluster main {{\n  kubernetes 1.36\n  nodes 9 of cpu 64, memory 256Gi, in 172.18.0.0/16\n  pods 10.244.0.0/16{pods}\n  services 10.96.0.0/16{services}\n  api 172.18.0.2:6443, 172.18.0.3:6443\n  dns {dns}\n  cni calico with nodes\n  storage local default\n  ingress edge by {controller}\n}}"
    );
}

/// Writes a service; the names of its ports.
fn service(text: &mut String, random: &mut Random, number: usize) -> Vec<&'static str> {
    let port = 8000 + number;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  service s-{number} is Small {{");
    let mut ports = vec!["http"];
    let container = if random.one_in(3) {
        format!(" -> {}", port + 1000)
    } else {
        String::new()
    };
    let _ = writeln!(text, "    port http {port}{container}");
    if random.one_in(3) {
        ports.push("metrics");
        let _ = writeln!(text, "    port metrics 9100");
    }
    if random.one_in(4) {
        ports.push("media");
        let _ = writeln!(
            text,
            "    port media {}..{}/udp",
            20_000 + 10 * number,
            20_005 + 10 * number
        );
    }
    if random.one_in(6) {
        ports.push("sig");
        let _ = writeln!(text, "    port sig 3868/sctp");
    }
    if random.one_in(5) && container.is_empty() {
        let _ = writeln!(text, "    volume data 1Gi at \"/data\"");
    }
    if random.one_in(6) {
        let _ = writeln!(text, "    expose http at \"s-{number}.random.example\"");
    }
    if random.one_in(8) {
        let from = ["", " from 192.0.2.0/24", " from 192.0.2.0/25, 10.1.0.0/16"][random.below(3)];
        let _ = writeln!(text, "    expose http as loadbalancer{from}");
    }
    text.push_str("  }\n");
    ports
}

fn flows(
    text: &mut String,
    random: &mut Random,
    names: &[String],
    ports: &[Vec<&str>],
    namespaces: usize,
) {
    text.push('\n');
    let mut seen = BTreeSet::new();
    let mut write = |from: &str, to: &str| {
        if seen.insert((from.to_owned(), to.to_owned())) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "allow {from} -> {to} observes");
        }
    };
    for from in names {
        for _ in 0..1 + random.below(4) {
            let to = random.below(names.len());
            let port = ports[to][random.below(ports[to].len())];
            write(from, &format!("{}:{port}", names[to]));
        }
        if random.one_in(4) {
            write(from, OUTSIDE[random.below(OUTSIDE.len())]);
        }
    }
    // Callers from outside, and wildcards on ports that single flows do not use.
    let to = random.below(names.len());
    for from in ["office", "both", "cluster.nodes", "cluster.dns"] {
        if random.one_in(3) {
            write(from, &format!("{}:http", names[to]));
        }
    }
    let has_metrics = ports
        .iter()
        .filter(|ports| ports.contains(&"metrics"))
        .count();
    if random.one_in(2) && has_metrics > 1 {
        let from = &names[random.below(names.len())];
        write(from, "*.*:metrics");
    }
    let _ = namespaces;
}
