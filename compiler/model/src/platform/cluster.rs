//! Clusters: the facts that a platform must fit.

use ipnet::IpNet;
use smol_str::SmolStr;

use crate::choice::choices;
use crate::ids::{PortId, ServiceId};
use crate::origin::Sourced;
use crate::units::{Cpu, Memory};

/// `cluster NAME`: the facts that the platform must fit.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// Whether all that is said of it could be read: if not, what it seems not to say is not missing.
    pub is_whole: bool,
    /// `kubernetes 1.36`.
    pub kubernetes: Option<Sourced<SmolStr>>,
    /// `nodes N of cpu C, memory M, …`.
    pub nodes: Option<Sourced<Nodes>>,
    /// `pods CIDR, …`.
    pub pod_cidrs: Vec<Sourced<IpNet>>,
    /// `services CIDR, …`.
    pub service_cidrs: Vec<Sourced<IpNet>>,
    /// `api ADDRESS[:PORT], …`.
    pub api: Vec<Sourced<ApiServer>>,
    /// `dns kube-dns|openshift|node-local`.
    pub dns: Option<Sourced<DnsFlavour>>,
    /// `dns node-local at ADDRESS, …`: the ClusterIPs of kube-dns, which the cache takes over.
    pub dns_at: Vec<Sourced<std::net::IpAddr>>,
    /// `cni NAME [with …]`.
    pub cni: Option<Sourced<SmolStr>>,
    /// `cni NAME with …`: what it can do beyond what is known of it.
    pub cni_with: Vec<Sourced<CniAbility>>,
    /// `mesh istio-ambient`.
    pub mesh: Option<Sourced<Mesh>>,
    /// `storage NAME …`.
    pub storage: Vec<StorageClass>,
    /// `ingress CLASS by …`.
    pub ingress: Option<Ingress>,
}

/// The nodes of a cluster, all alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes {
    /// How many.
    pub count: u32,
    /// CPU of each.
    pub cpu: Cpu,
    /// Memory of each.
    pub memory: Memory,
    /// Memory of each that the system keeps.
    pub reserved: Memory,
    /// Architecture: `arm64`.
    pub arch: Option<SmolStr>,
    /// Their addresses.
    pub cidrs: Vec<IpNet>,
}

/// An address of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// The address.
    pub ip: std::net::IpAddr,
    /// The port [default: 6443].
    pub port: u16,
}

choices! {
    /// Who answers DNS in a cluster.
    DnsFlavour {
        /// Pods `k8s-app: kube-dns` in `kube-system`, port 53.
        KubeDns = "kube-dns",
        /// Pods in `openshift-dns`, port 5353.
        OpenShift = "openshift",
        /// kube-dns behind a cache on each node, 169.254.20.10.
        NodeLocal = "node-local",
    }
    /// What network plugins differ in.
    CniAbility {
        /// Several ports in one rule (`endPort`).
        Ranges = "ranges",
        /// Rules for SCTP.
        Sctp = "sctp",
        /// Blocks of addresses include the nodes of the cluster.
        Nodes = "nodes",
        /// Rules apply to the port of the pod, after a Service's translation.
        Translation = "translation",
    }
    /// A service mesh that carries connections between pods through a tunnel of its own.
    Mesh {
        /// Every TCP connection between meshed pods (HBONE).
        IstioAmbient = "istio-ambient",
        /// TCP connections to ports that it treats as opaque.
        Linkerd = "linkerd",
    }
}

impl Mesh {
    /// The TCP port of the callee's pod at which the tunnel ends: <https://istio.io/latest/docs/ambient/usage/networkpolicy/>,
    /// <https://linkerd.io/2/reference/architecture/> (the proxy's inbound port).
    #[must_use]
    pub const fn tunnel(self) -> u16 {
        match self {
            Self::IstioAmbient => 15_008,
            Self::Linkerd => 4_143,
        }
    }
}

/// `storage NAME [default] [of SIZE] [create provisioner P [wait] [reclaim retain|delete]]`.
#[derive(Clone, Debug)]
pub struct StorageClass {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Whether claims without a class get it.
    pub is_default: bool,
    /// `of SIZE`: how much all claims may take together.
    pub size: Option<Sourced<Memory>>,
    /// How it is made, where the platform makes it.
    pub create: Option<StorageProvision>,
}

/// How a storage class that the platform makes is made.
#[derive(Clone, Debug)]
pub struct StorageProvision {
    /// `provisioner "…"`.
    pub provisioner: String,
    /// `wait`: bind when the first pod needs it.
    pub wait: bool,
    /// `reclaim retain`, the default, or `reclaim delete`.
    pub retain: bool,
}

/// `ingress CLASS by …`.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// The ingress class.
    pub class: Sourced<SmolStr>,
    /// Who serves it.
    pub controller: IngressController,
}

/// Who serves an ingress class.
#[derive(Clone, Debug)]
pub enum IngressController {
    /// A service of the platform, on these ports; the platform makes the `IngressClass`.
    Service(ServiceId, Vec<PortId>),
    /// Pods outside the platform: `pods NAMESPACE "key=value", …`.
    Pods {
        /// Their namespace.
        namespace: SmolStr,
        /// Their labels.
        labels: Vec<(SmolStr, SmolStr)>,
    },
    /// On the host network of the nodes: `nodes`.
    Nodes,
}

impl IngressController {
    /// The service of the platform that serves, if one does.
    #[must_use]
    pub fn service(&self) -> Option<ServiceId> {
        match self {
            Self::Service(id, _) => Some(*id),
            Self::Pods { .. } | Self::Nodes => None,
        }
    }
}
