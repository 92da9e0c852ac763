//! The rule of an emitted policy that opens a connection. It is looked for in the emitted text: an object may be split
//! or patched, so that only the text says which rule of which file it is.

use erpc_model::units::Protocol;
use erpc_model::{IngressController, Peer, ServiceId};
use erpc_policy::{Addresses, Connection, Party, PolicyPort, dns_pods};
use erpc_prove::{Direction, File, Manifests, PolicyPeer, PortRange, Rule};
use serde::Serialize;
use smol_str::SmolStr;

use super::Asking;

/// The labels of a namespace and of pods.
type LabelsOf = [Vec<(SmolStr, SmolStr)>; 2];

/// A rule of a policy in the output.
#[derive(Serialize)]
pub(super) struct RuleOrigin {
    pub(super) file: String,
    pub(super) direction: &'static str,
    /// From 1.
    pub(super) rule: usize,
}

impl Asking<'_> {
    /// The first rule of a service's emitted policy that has the other side and the port.
    pub(super) fn rule(
        &self,
        own: ServiceId,
        other: Party,
        connection: &Connection,
        direction: Direction,
    ) -> Option<RuleOrigin> {
        let files = erpc_emit::files_of(self.platform, self.derived, self.sources, own);
        let texts: Vec<File<'_>> = files
            .iter()
            .map(|file| File {
                path: &file.path,
                bytes: file.text.as_bytes(),
            })
            .collect();
        let manifests = Manifests::read_ours(&texts);
        let addresses = match direction {
            Direction::Ingress => connection.sources(self.platform, self.derived),
            Direction::Egress => other.addresses(self.platform),
        };
        let labels = self.labels(other);
        manifests.policies.iter().find_map(|policy| {
            let rules = policy.rules(direction)?;
            let at = rules.iter().position(|rule| {
                has_port(rule, &connection.port)
                    && has_peer(rule, labels.as_ref(), addresses.as_ref())
            })?;
            Some(RuleOrigin {
                file: manifests.files[policy.place.file as usize].clone(),
                direction: direction.field(),
                rule: at + 1,
            })
        })
    }

    /// The labels of the namespace and of the pods of a party that is pods.
    fn labels(&self, party: Party) -> Option<LabelsOf> {
        let of_namespace =
            |name: &str| vec![("kubernetes.io/metadata.name".into(), SmolStr::from(name))];
        match party {
            Party::Peer(Peer::Service(id)) => {
                let service = &self.platform[id];
                let namespace = &self.platform[service.namespace].name.value;
                let mut labels = Vec::from_iter(service.selector_labels());
                labels.sort_unstable();
                Some([of_namespace(namespace), labels])
            }
            Party::Peer(Peer::ClusterDns) => {
                let (namespace, labels) = dns_pods(self.platform);
                Some([of_namespace(&namespace), labels])
            }
            Party::Controller => match &self.platform.cluster().ingress.as_ref()?.controller {
                IngressController::Pods { namespace, labels } => {
                    let mut labels = labels.clone();
                    labels.sort_unstable();
                    Some([of_namespace(namespace), labels])
                }
                _ => None,
            },
            Party::Peer(_) => None,
        }
    }
}

fn has_port(rule: &Rule, port: &PolicyPort) -> bool {
    let Some(ports) = &rule.ports else {
        return true;
    };
    let protocol = match port.protocol {
        Protocol::Tcp => erpc_prove::Protocol::Tcp,
        Protocol::Udp => erpc_prove::Protocol::Udp,
        Protocol::Sctp => erpc_prove::Protocol::Sctp,
    };
    ports.iter().any(|of_rule| {
        of_rule.protocol == protocol
            && match of_rule.port {
                PortRange::All => true,
                PortRange::Numbers(first, last) => first <= port.port && port.last <= last,
                PortRange::Named(_) => false,
            }
    })
}

fn has_peer(rule: &Rule, labels: Option<&LabelsOf>, addresses: Option<&Addresses>) -> bool {
    let Some(peers) = &rule.peers else {
        return true;
    };
    peers.iter().any(|peer| match peer {
        PolicyPeer::Pods { namespaces, pods } => labels.is_some_and(|[of_namespace, of_pods]| {
            namespaces
                .as_ref()
                .is_some_and(|of| of.matches(of_namespace))
                && pods.as_ref().is_none_or(|of| of.matches(of_pods))
        }),
        PolicyPeer::Block { cidr, .. } => {
            addresses.is_some_and(|all| all.meets(&Addresses::cidr(*cidr)))
        }
    })
}
