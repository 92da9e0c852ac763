//! NetworkPolicies, held to all that the API server holds them to: one with a problem is reported
//! and left out, since no cluster would have it.

use ipnet::IpNet;
use smol_str::SmolStr;

use super::reader::Reader;
use super::{Direction, Peer, Policy, PolicyPort, PortRange, Rule};
use crate::ports::Protocol;
use crate::selector::{Selector, dns_subdomain};
use crate::yaml::{Node, Path};

impl Reader<'_> {
    pub(super) fn network_policy(&mut self, node: &Node, path: Path<'_>) {
        let before = self.out.problems.len();
        if let Some(version) = self.text(node, "apiVersion", path)
            && version != "networking.k8s.io/v1"
        {
            self.problem(
                path.key("apiVersion"),
                format!(
                    "a NetworkPolicy is of `networking.k8s.io/v1`; no server takes `{version}`"
                ),
            );
        }
        let Some(metadata) = self.metadata(node, path) else {
            return;
        };
        if let Err(message) = dns_subdomain(&metadata.name) {
            let path = path.key("metadata");
            self.problem(path.key("name"), message);
        }
        let path = path.key("spec");
        let Some(spec) = node.get("spec") else {
            self.problem(path, "a NetworkPolicy needs a spec");
            return;
        };
        if !matches!(spec, Node::Map(_)) {
            self.problem(
                path,
                format!("a spec is a mapping; this is {}", spec.what()),
            );
            return;
        }
        self.knows(
            spec,
            &["podSelector", "policyTypes", "ingress", "egress"],
            path,
        );
        // Without a selector a policy is about all pods of its namespace, as with an empty one.
        let selector = match spec.get("podSelector") {
            Some(selector) => self.selector(selector, path.key("podSelector")),
            None => Some(Selector::default()),
        };
        let types = self.policy_types(spec, path);
        let ingress = self.rules(spec, Direction::Ingress, path);
        let egress = self.rules(spec, Direction::Egress, path);
        if self.out.problems.len() > before {
            return;
        }
        self.out.policies.push(Policy {
            place: self.place,
            namespace: metadata.namespace,
            name: metadata.name,
            selector: selector.unwrap_or_default(),
            types,
            ingress,
            egress,
        });
    }

    fn policy_types(&mut self, spec: &Node, path: Path<'_>) -> Option<Vec<Direction>> {
        let list = self.list(spec, "policyTypes", path)?;
        let path = path.key("policyTypes");
        let mut types = Vec::with_capacity(2);
        for (index, node) in list.iter().enumerate() {
            match node.as_text().map(SmolStr::as_str) {
                Some("Ingress") => types.push(Direction::Ingress),
                Some("Egress") => types.push(Direction::Egress),
                _ => self.problem(path.index(index), "a policy type is Ingress or Egress"),
            }
        }
        if list.len() > 2 {
            self.problem(path, "there are only two policy types, Ingress and Egress");
        }
        Some(types)
    }

    fn rules(&mut self, spec: &Node, direction: Direction, path: Path<'_>) -> Option<Vec<Rule>> {
        let key = direction.field();
        let peers = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let list = self.list(spec, key, path)?;
        let path = path.key(key);
        let mut rules = Vec::with_capacity(list.len());
        for (index, node) in list.iter().enumerate() {
            let path = path.index(index);
            match node {
                Node::Map(_) => {
                    self.knows(node, &[peers, "ports"], path);
                    rules.push(Rule {
                        peers: self.peers(node, peers, path),
                        ports: self.policy_ports(node, path),
                    });
                }
                // `- ` with nothing behind it is a rule without conditions.
                Node::Null => rules.push(Rule::default()),
                other => self.problem(
                    path,
                    format!("a rule is a mapping; this is {}", other.what()),
                ),
            }
        }
        Some(rules)
    }

    fn peers(&mut self, rule: &Node, key: &str, path: Path<'_>) -> Option<Vec<Peer>> {
        let list = self.list(rule, key, path)?;
        let path = path.key(key);
        let mut peers = Vec::with_capacity(list.len());
        for (index, node) in list.iter().enumerate() {
            peers.extend(self.peer(node, path.index(index)));
        }
        Some(peers)
    }

    fn peer(&mut self, node: &Node, path: Path<'_>) -> Option<Peer> {
        if !matches!(node, Node::Map(_)) {
            self.problem(
                path,
                format!("a peer is a mapping; this is {}", node.what()),
            );
            return None;
        }
        self.knows(node, &["podSelector", "namespaceSelector", "ipBlock"], path);
        let pods = node.get("podSelector");
        let namespaces = node.get("namespaceSelector");
        if let Some(block) = node.get("ipBlock") {
            if pods.is_some() || namespaces.is_some() {
                self.problem(
                    path,
                    "an ipBlock stands alone; the selectors are another peer",
                );
                return None;
            }
            return self.block(block, path.key("ipBlock"));
        }
        if pods.is_none() && namespaces.is_none() {
            self.problem(
                path,
                "a peer needs a podSelector, a namespaceSelector or an ipBlock; `{}` in one of the first two means all",
            );
            return None;
        }
        let mut selector = |node: Option<&Node>, key| match node {
            Some(node) => self.selector(node, path.key(key)).map(Some),
            None => Some(None),
        };
        let namespaces = selector(namespaces, "namespaceSelector");
        let pods = selector(pods, "podSelector");
        Some(Peer::Pods {
            namespaces: namespaces?,
            pods: pods?,
        })
    }

    fn block(&mut self, node: &Node, path: Path<'_>) -> Option<Peer> {
        self.knows(node, &["cidr", "except"], path);
        let Some(cidr) = self.text(node, "cidr", path) else {
            self.problem(path.key("cidr"), "an ipBlock needs a cidr");
            return None;
        };
        let cidr = self.cidr(cidr, path.key("cidr"))?;
        let mut except = Vec::new();
        let holes = self.list(node, "except", path).unwrap_or_default();
        let path = path.key("except");
        for (index, hole) in holes.iter().enumerate() {
            let path = path.index(index);
            let Some(text) = hole.as_text() else {
                self.problem(path, format!("a CIDR is text; this is {}", hole.what()));
                continue;
            };
            let Some(hole) = self.cidr(text, path) else {
                continue;
            };
            let is_inside = match (cidr, hole) {
                (IpNet::V4(cidr), IpNet::V4(hole)) => cidr.contains(&hole),
                (IpNet::V6(cidr), IpNet::V6(hole)) => cidr.contains(&hole),
                (IpNet::V4(_), IpNet::V6(_)) | (IpNet::V6(_), IpNet::V4(_)) => false,
            };
            if is_inside && hole != cidr {
                except.push(hole);
            } else {
                self.problem(
                    path,
                    format!("`{text}` is not a part of `{cidr}`, so it cannot be taken out of it"),
                );
            }
        }
        Some(Peer::Block { cidr, except })
    }

    fn cidr(&mut self, text: &SmolStr, path: Path<'_>) -> Option<IpNet> {
        match text.parse::<IpNet>() {
            Ok(cidr) => Some(cidr.trunc()),
            Err(_) => {
                self.problem(
                    path,
                    format!("`{text}` is no CIDR; one is `10.0.0.0/8` or `fd00::/8`"),
                );
                None
            }
        }
    }

    fn policy_ports(&mut self, rule: &Node, path: Path<'_>) -> Option<Vec<PolicyPort>> {
        let list = self.list(rule, "ports", path)?;
        let path = path.key("ports");
        let mut ports = Vec::with_capacity(list.len());
        for (index, node) in list.iter().enumerate() {
            ports.extend(self.policy_port(node, path.index(index)));
        }
        Some(ports)
    }

    fn policy_port(&mut self, node: &Node, path: Path<'_>) -> Option<PolicyPort> {
        if !matches!(node, Node::Map(_)) {
            self.problem(
                path,
                format!("a port is a mapping; this is {}", node.what()),
            );
            return None;
        }
        self.knows(node, &["port", "protocol", "endPort"], path);
        let protocol = self.protocol(node, path);
        let end = node
            .get("endPort")
            .map(|node| self.port_number(node, path.key("endPort")));
        let port = match node.get("port") {
            None => {
                if end.is_some() {
                    self.problem(path.key("endPort"), "an endPort needs a port to start from");
                    return None;
                }
                PortRange::All
            }
            Some(Node::Text(name)) => {
                if let Err(message) = port_name(name) {
                    self.problem(path.key("port"), message);
                }
                if end.is_some() {
                    self.problem(
                        path.key("endPort"),
                        format!("a range starts at a number, not at the name `{name}`"),
                    );
                    return None;
                }
                PortRange::Named(name.clone())
            }
            Some(number) => {
                let first = self.port_number(number, path.key("port"))?;
                let last = match end {
                    None => first,
                    Some(last) => last?,
                };
                if last < first {
                    self.problem(
                        path.key("endPort"),
                        format!("the range ends at {last}, below its start {first}"),
                    );
                    return None;
                }
                PortRange::Numbers(first, last)
            }
        };
        Some(PolicyPort {
            protocol: protocol?,
            port,
        })
    }

    /// A number from 1 to 65535.
    pub(super) fn port_number(&mut self, node: &Node, path: Path<'_>) -> Option<u16> {
        let number = match node {
            Node::Int(number) => u16::try_from(*number).ok().filter(|number| *number > 0),
            Node::Float(_) => None,
            other => {
                self.problem(
                    path,
                    format!("a port is a number; this is {}", other.what()),
                );
                return None;
            }
        };
        if number.is_none() {
            self.problem(path, "a port is from 1 to 65535");
        }
        number
    }

    /// TCP where nothing is said.
    pub(super) fn protocol(&mut self, node: &Node, path: Path<'_>) -> Option<Protocol> {
        match node.get("protocol") {
            None => Some(Protocol::Tcp),
            Some(Node::Text(name)) => match Protocol::of(name) {
                Some(protocol) => Some(protocol),
                None => {
                    self.problem(
                        path.key("protocol"),
                        format!("`{name}` is no protocol; there are TCP, UDP and SCTP"),
                    );
                    None
                }
            },
            Some(other) => {
                self.problem(
                    path.key("protocol"),
                    format!("a protocol is text; this is {}", other.what()),
                );
                None
            }
        }
    }
}

/// A name of a port (an IANA service name, RFC 6335 section 5.1).
fn port_name(name: &str) -> Result<(), String> {
    let is_right = (1..=15).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_right {
        Ok(())
    } else {
        Err(format!(
            "`{name}` is no name of a port: at most 15 lower-case letters, digits and single hyphens, one of them a letter"
        ))
    }
}
