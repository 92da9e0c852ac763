//! What network plugins make of a NetworkPolicy, where they differ: what each can express, which
//! addresses the nodes have to it, and on which side of a Service's translation it judges. What is
//! not known of one is asked of the cluster block.

use erpc_model::{Cluster, CniAbility};

/// What a flow may need of the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// `endPort`.
    Ranges,
    /// Rules for SCTP.
    Sctp,
    /// That an `ipBlock` means the nodes as what is called.
    ToNodes,
    /// That an `ipBlock` means the nodes as callers: what a node sends to a pod has the node's own
    /// address, and not that of a tunnel.
    FromNodes,
    /// That it judges behind the translation of a Service, on the pod's own port.
    Translation,
}

impl Need {
    /// The word by which a cluster block says that its plugin can.
    pub(crate) const fn ability(self) -> CniAbility {
        match self {
            Self::Ranges => CniAbility::Ranges,
            Self::Sctp => CniAbility::Sctp,
            Self::ToNodes | Self::FromNodes => CniAbility::Nodes,
            Self::Translation => CniAbility::Translation,
        }
    }
}

/// What is known of a plugin; `None` where its documentation does not say, or where it depends on how
/// it was set up.
#[derive(Clone, Copy, Debug)]
struct Plugin {
    name: &'static str,
    ranges: Option<bool>,
    sctp: Option<bool>,
    to_nodes: Option<bool>,
    from_nodes: Option<bool>,
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
            to_nodes: YES,
            from_nodes: YES,
            translation: YES,
        }
    }

    /// Cilium as a cloud provides it: what is off by default cannot be switched on everywhere.
    const fn cilium(name: &'static str) -> Self {
        Self {
            sctp: NO,
            to_nodes: NO,
            from_nodes: NO,
            ..Self::complete(name)
        }
    }
}

/// Sorted by name. `docs/network-policies.md` shows it, and a test holds the two together.
///
/// - antrea: SCTP needs the kernel's datapath, which is the default
///   (<https://github.com/antrea-io/antrea/issues/2033>); in its default mode of encapsulation a node
///   talks to pods through its gateway `antrea-gw0`, whose address is one of the pods'
///   (<https://github.com/antrea-io/antrea/blob/main/docs/design/architecture.md>).
/// - aws-vpc: "the service port must be the same as the container port"
///   (<https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html>).
/// - azure-cilium: an `ipBlock` means neither nodes nor pods
///   (<https://learn.microsoft.com/azure/aks/azure-cni-powered-by-cilium>).
/// - azure-npm: the manual names the limits on Windows only, and does not mention ranges, SCTP and
///   nodes on Linux (<https://learn.microsoft.com/azure/aks/use-network-policies>).
/// - calico: `endPort` (<https://github.com/projectcalico/calico/issues/4249>), SCTP
///   (<https://docs.tigera.io/calico/latest/reference/resources/networkpolicy>); whether a node's traffic
///   has the address of a tunnel depends on the encapsulation
///   (<https://docs.tigera.io/calico/latest/networking/configuring/vxlan-ipip>).
/// - canal: Calico's policies over flannel's VXLAN, whose device has an address of the pods' range
///   (<https://github.com/flannel-io/flannel/blob/master/Documentation/backends.md>).
/// - cilium: ranges since 1.16 (<https://github.com/cilium/cilium/pull/32807>); SCTP is off unless
///   `sctp.enabled` (<https://docs.cilium.io/en/stable/configuration/sctp/>); blocks mean no node unless
///   `policyCIDRMatchMode: nodes` (<https://docs.cilium.io/en/stable/security/policy/language/>).
/// - dataplane-v2: is Cilium (<https://cloud.google.com/kubernetes-engine/docs/concepts/dataplane-v2>).
/// - kindnet: evaluates with kube-network-policies and routes between nodes without a tunnel
///   (<https://github.com/kubernetes-sigs/kind/blob/main/images/kindnetd/README.md>).
/// - kube-network-policies: beside a plugin that only connects, so that the tunnel is that one's
///   (<https://github.com/kubernetes-sigs/kube-network-policies>).
/// - kube-router: SCTP is an open request and not documented
///   (<https://github.com/cloudnativelabs/kube-router/issues/1019>); whether it tunnels depends on `--overlay-type`
///   (<https://github.com/cloudnativelabs/kube-router/blob/master/docs/tunnels.md>).
/// - ovn-kubernetes: SCTP (<https://github.com/ovn-kubernetes/ovn-kubernetes/pull/1122>); a node talks to
///   pods from its management port, whose address is one of the pods'
///   (<https://github.com/ovn-org/ovn-kubernetes/blob/master/docs/design/topology.md>).
/// - weave: ended before there was `endPort`; what a node sends has the address of its bridge, so that
///   blocks mean no caller but one (<https://github.com/weaveworks/weave/blob/master/site/kubernetes/kube-addon.md>).
const PLUGINS: [Plugin; 13] = [
    Plugin {
        from_nodes: NO,
        ..Plugin::complete("antrea")
    },
    Plugin {
        translation: NO,
        ..Plugin::complete("aws-vpc")
    },
    Plugin::cilium("azure-cilium"),
    Plugin {
        ranges: None,
        sctp: None,
        to_nodes: None,
        from_nodes: None,
        ..Plugin::complete("azure-npm")
    },
    Plugin {
        from_nodes: None,
        ..Plugin::complete("calico")
    },
    Plugin {
        from_nodes: NO,
        ..Plugin::complete("canal")
    },
    Plugin::cilium("cilium"),
    Plugin::cilium("dataplane-v2"),
    Plugin::complete("kindnet"),
    Plugin {
        from_nodes: None,
        ..Plugin::complete("kube-network-policies")
    },
    Plugin {
        sctp: None,
        from_nodes: None,
        ..Plugin::complete("kube-router")
    },
    Plugin {
        from_nodes: NO,
        ..Plugin::complete("ovn-kubernetes")
    },
    Plugin {
        ranges: NO,
        sctp: None,
        from_nodes: NO,
        ..Plugin::complete("weave")
    },
];

/// Plugins that connect pods and enforce no policy at all. Flannel does not unless a second container is
/// deployed with it, which is a plugin of its own here
/// (<https://github.com/flannel-io/flannel/blob/master/Documentation/netpol.md>).
const ENFORCES_NOTHING: [&str; 2] = ["bridge", "flannel"];

/// Whether a cluster's plugin can do something; `None` if it is not documented.
pub(crate) fn can(cluster: &Cluster, need: Need) -> Option<bool> {
    let ability = need.ability();
    if cluster.cni_with().iter().any(|with| with.value == ability) {
        return Some(true);
    }
    let name = cluster.cni.as_ref()?.value.name.as_str();
    let plugin = PLUGINS.iter().find(|plugin| plugin.name == name)?;
    match need {
        Need::Ranges => plugin.ranges,
        Need::Sctp => plugin.sctp,
        Need::ToNodes => plugin.to_nodes,
        Need::FromNodes => plugin.from_nodes,
        Need::Translation => plugin.translation,
    }
}

/// Whether a cluster's plugin is known to enforce nothing.
pub(crate) fn enforces_nothing(cluster: &Cluster) -> bool {
    let name = cluster.cni.as_ref().map(|cni| cni.value.name.as_str());
    name.is_some_and(|name| ENFORCES_NOTHING.contains(&name))
}
