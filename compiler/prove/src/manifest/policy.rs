//! NetworkPolicies, validated as the API server validates them: one with a problem is reported and
//! left out, since no cluster would have it.

use std::net::IpAddr;

use ipnet::IpNet;
use smol_str::SmolStr;

use super::reader::Reader;
use super::{Direction, GENERATED_NAME, Policy, PolicyPeer, PolicyPort, PortRange, Rule};
use crate::ports::Protocol;
use crate::selector::{Selector, dns_subdomain};
use erpc_yaml::{Node, Path};

impl Reader<'_> {
    pub(super) fn network_policy(&mut self, node: &Node, path: Path<'_>) {
        let before = self.fatal();
        let Some(metadata) = self.metadata(node, path) else {
            return;
        };
        let name = metadata.name.strip_suffix(GENERATED_NAME);
        let name = name.map_or(metadata.name.as_str(), |prefix| {
            prefix.trim_end_matches('-')
        });
        if let Err(message) = dns_subdomain(name) {
            let path = path.key("metadata");
            self.problem(path.key("name"), message);
        }
        let path = path.key("spec");
        // Without a spec a policy isolates all pods of its namespace from callers, as with an empty one.
        let empty = Node::Map(Vec::new());
        let spec = node.get("spec").unwrap_or(&empty);
        if !matches!(spec, Node::Map(_)) {
            self.problem(path, format!("expected a mapping, found {}", spec.what()));
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
        if self.fatal() > before {
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
                _ => self.problem(
                    path.index(index),
                    "invalid policy type: expected Ingress or Egress",
                ),
            }
        }
        if list.len() > 2 {
            self.problem(
                path,
                "expected at most two policy types, Ingress and Egress",
            );
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
                other => self.problem(path, format!("expected a rule, found {}", other.what())),
            }
        }
        Some(rules)
    }

    fn peers(&mut self, rule: &Node, key: &str, path: Path<'_>) -> Option<Vec<PolicyPeer>> {
        let list = self.list(rule, key, path)?;
        let path = path.key(key);
        let mut peers = Vec::with_capacity(list.len());
        for (index, node) in list.iter().enumerate() {
            peers.extend(self.peer(node, path.index(index)));
        }
        Some(peers)
    }

    fn peer(&mut self, node: &Node, path: Path<'_>) -> Option<PolicyPeer> {
        if !matches!(node, Node::Map(_) | Node::Null) {
            self.problem(path, format!("expected a peer, found {}", node.what()));
            return None;
        }
        self.knows(node, &["podSelector", "namespaceSelector", "ipBlock"], path);
        let pods = node.get("podSelector");
        let namespaces = node.get("namespaceSelector");
        if let Some(block) = node.get("ipBlock") {
            if pods.is_some() || namespaces.is_some() {
                self.problem(
                    path,
                    "an ipBlock cannot be combined with selectors: make them two peers",
                );
                return None;
            }
            return self.block(block, path.key("ipBlock"));
        }
        if pods.is_none() && namespaces.is_none() {
            self.problem(
                path,
                "expected a podSelector, a namespaceSelector or an ipBlock; an empty selector (`{}`) matches everything",
            );
            return None;
        }
        let mut selector = |node: Option<&Node>, key| match node {
            Some(node) => self.selector(node, path.key(key)).map(Some),
            None => Some(None),
        };
        let namespaces = selector(namespaces, "namespaceSelector");
        let pods = selector(pods, "podSelector");
        Some(PolicyPeer::Pods {
            namespaces: namespaces?,
            pods: pods?,
        })
    }

    fn block(&mut self, node: &Node, path: Path<'_>) -> Option<PolicyPeer> {
        self.knows(node, &["cidr", "except"], path);
        let Some(cidr) = self.text(node, "cidr", path) else {
            self.problem(path.key("cidr"), "this ipBlock has no cidr");
            return None;
        };
        let cidr = self.cidr(cidr, path.key("cidr"))?;
        let mut except = Vec::new();
        let holes = self.list(node, "except", path).unwrap_or_default();
        let path = path.key("except");
        for (index, hole) in holes.iter().enumerate() {
            let path = path.index(index);
            let Some(text) = hole.as_text() else {
                self.problem(path, format!("expected a string, found {}", hole.what()));
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
                    format!("invalid exception `{text}`: it must be a strict subset of `{cidr}`"),
                );
            }
        }
        Some(PolicyPeer::Block { cidr, except })
    }

    /// A CIDR. What servers before 1.36 took and later ones reject (`StrictIPCIDRValidation`,
    /// KEP-4858) is reported and read as the earlier ones read it, since clusters have such policies.
    fn cidr(&mut self, text: &SmolStr, path: Path<'_>) -> Option<IpNet> {
        let strict = text.parse::<IpNet>().ok();
        let Some(cidr) = strict.or_else(|| sloppy(text)) else {
            let message =
                format!("invalid CIDR `{text}`: expected one such as `10.0.0.0/8` or `fd00::/8`");
            self.problem(path, message);
            return None;
        };
        let right = canonical(cidr);
        let has_host_bits = cidr.trunc() != cidr;
        let is_mapped = matches!(cidr, IpNet::V6(cidr) if cidr.addr().to_ipv4_mapped().is_some());
        let is_padded = strict.is_none() || has_leading_zero(text);
        let reason = if is_mapped {
            "an IPv4 address must not be written as IPv6"
        } else if is_padded {
            "numbers must not have leading zeros"
        } else if has_host_bits {
            "no bits may be set beyond the prefix length"
        } else {
            return Some(cidr);
        };
        let message = format!(
            "invalid CIDR `{text}`: {reason} (rejected by Kubernetes 1.36 and later): use `{right}`"
        );
        self.tolerated(path, message);
        Some(right)
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
        // JSON null is an entry without fields: every port of TCP.
        if !matches!(node, Node::Map(_) | Node::Null) {
            self.problem(path, format!("expected a port, found {}", node.what()));
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
                    self.problem(
                        path.key("endPort"),
                        "an endPort requires a port, the start of the range",
                    );
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
                        format!("an endPort requires a port number, found the name `{name}`"),
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
                        format!("the endPort {last} is less than the port {first}"),
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

    /// A number from 1 to 65535. JSON knows no difference between `80` and `80.0`.
    pub(super) fn port_number(&mut self, node: &Node, path: Path<'_>) -> Option<u16> {
        let number = match node {
            Node::Int(number) => u16::try_from(*number).ok(),
            Node::Float(number) => whole(*number),
            other => {
                self.problem(
                    path,
                    format!("expected a port number, found {}", other.what()),
                );
                return None;
            }
        };
        let number = number.filter(|number| *number > 0);
        if number.is_none() {
            self.problem(path, "invalid port: must be from 1 to 65535");
        }
        number
    }

    /// TCP by default.
    pub(super) fn protocol(&mut self, node: &Node, path: Path<'_>) -> Option<Protocol> {
        match node.get("protocol") {
            None => Some(Protocol::Tcp),
            Some(Node::Text(name)) => match Protocol::from_name(name) {
                Some(protocol) => Some(protocol),
                None => {
                    let message = format!("invalid protocol `{name}`: expected TCP, UDP or SCTP");
                    self.problem(path.key("protocol"), message);
                    None
                }
            },
            Some(other) => {
                let message = format!("expected a string, found {}", other.what());
                self.problem(path.key("protocol"), message);
                None
            }
        }
    }
}

fn whole(number: f64) -> Option<u16> {
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&number);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and in range"
    )]
    is_whole.then_some(number as u16)
}

/// A CIDR with leading zeros, which are no sign of octal numbers: Kubernetes has always read them as
/// decimal.
fn sloppy(text: &str) -> Option<IpNet> {
    let trim = |part: &str| {
        let trimmed = part.trim_start_matches('0');
        if trimmed.is_empty() && !part.is_empty() {
            "0".to_owned()
        } else {
            trimmed.to_owned()
        }
    };
    let (address, length) = text.split_once('/')?;
    let address = if address.contains(':') {
        address.to_owned()
    } else {
        let parts: Vec<String> = address.split('.').map(trim).collect();
        parts.join(".")
    };
    format!("{address}/{}", trim(length)).parse().ok()
}

fn has_leading_zero(text: &str) -> bool {
    let is_padded = |part: &str| part.len() > 1 && part.starts_with('0');
    match text.split_once('/') {
        Some((address, length)) => {
            is_padded(length) || !address.contains(':') && address.split('.').any(is_padded)
        }
        None => false,
    }
}

/// The block as servers from 1.36 take it.
fn canonical(cidr: IpNet) -> IpNet {
    let IpNet::V6(six) = cidr else {
        return cidr.trunc();
    };
    let mapped = six
        .addr()
        .to_ipv4_mapped()
        .zip(six.prefix_len().checked_sub(96));
    let four = mapped.and_then(|(address, length)| IpNet::new(IpAddr::V4(address), length).ok());
    four.unwrap_or(cidr).trunc()
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
            "invalid port name `{name}`: expected at most 15 lower-case letters, digits and single hyphens, with at least one letter"
        ))
    }
}
