//! What network plugins make of a NetworkPolicy, where they differ: what each can express, and on
//! which side of a Service's translation it judges. What is not known of one is asked of the
//! cluster block.

use erpc_model::{Cluster, CniAbility};

/// What is known of a plugin.
#[derive(Clone, Copy, Debug)]
struct Plugin {
    name: &'static str,
    /// `endPort`.
    ranges: Option<bool>,
    /// SCTP.
    sctp: Option<bool>,
    /// Whether an `ipBlock` means the nodes too.
    nodes: Option<bool>,
    /// Whether it judges behind the translation of a Service, on the pod's own port.
    translation: Option<bool>,
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

impl Plugin {
    const fn complete(name: &'static str) -> Self {
        Self {
            name,
            ranges: YES,
            sctp: YES,
            nodes: YES,
            translation: YES,
        }
    }
}

/// Sorted by name.
///
/// - aws-vpc: "the service port must be the container port" (EKS user guide, "Considerations" of
///   NetworkPolicies).
/// - cilium, dataplane-v2: SCTP and blocks that mean nodes are both off unless told otherwise
///   (`sctp.enabled`, `policy-cidr-match-mode`).
/// - kube-router: SCTP is not documented.
const PLUGINS: [Plugin; 9] = [
    Plugin::complete("antrea"),
    Plugin {
        translation: NO,
        ..Plugin::complete("aws-vpc")
    },
    Plugin::complete("calico"),
    Plugin::complete("canal"),
    Plugin {
        sctp: NO,
        nodes: NO,
        ..Plugin::complete("cilium")
    },
    Plugin {
        sctp: NO,
        nodes: NO,
        ..Plugin::complete("dataplane-v2")
    },
    Plugin::complete("kindnet"),
    Plugin {
        sctp: None,
        ..Plugin::complete("kube-router")
    },
    Plugin::complete("ovn-kubernetes"),
];

/// Plugins that connect pods and enforce no policy at all.
const ENFORCES_NOTHING: [&str; 2] = ["bridge", "flannel"];

/// Whether a cluster's plugin can do something; `None` where nobody says so.
pub(crate) fn can(cluster: &Cluster, ability: CniAbility) -> Option<bool> {
    if cluster.cni_with.iter().any(|with| with.value == ability) {
        return Some(true);
    }
    let name = cluster.cni.as_ref()?.value.as_str();
    let plugin = PLUGINS.iter().find(|plugin| plugin.name == name)?;
    match ability {
        CniAbility::Ranges => plugin.ranges,
        CniAbility::Sctp => plugin.sctp,
        CniAbility::Nodes => plugin.nodes,
        CniAbility::Translation => plugin.translation,
    }
}

/// Whether a cluster's plugin is known to enforce nothing.
pub(crate) fn enforces_nothing(cluster: &Cluster) -> bool {
    let name = cluster.cni.as_ref().map(|cni| cni.value.as_str());
    name.is_some_and(|name| ENFORCES_NOTHING.contains(&name))
}
