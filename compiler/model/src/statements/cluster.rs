//! The statements of clusters: the facts that a platform must fit.

use std::net::{IpAddr, SocketAddr};

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::Expr;
use ipnet::IpNet;
use smol_str::SmolStr;

use super::ingress::pods_outside;
use super::reader::cidrs;
use super::{Ingress, Reader, Values, keyed, statements};
use crate::choice::choices;
use crate::eval::{Evaluator, Scope};
use crate::kubernetes;
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::units::{Cpu, Memory};
use crate::value::{Type, Value};

/// The most nodes that Kubernetes supports ("Considerations for large clusters").
const MAX_NODES: u32 = 5000;

statements! {
    /// `cluster NAME`: the facts that the platform must fit.
    Cluster(
        /// Its name.
        name: Sourced<SmolStr>
    ) {
        /// `##` above it.
        doc: Option<String>,
        /// Whether all of it could be read: if not, what it seems to lack is not missing.
        is_whole: bool,
    }

    kubernetes: Option<Sourced<SmolStr>> = "kubernetes VERSION" [Cluster]
        "The version of the API server.",
        read version;
    nodes: Option<Sourced<Nodes>> = "nodes N of cpu C, memory M, [reserved M,] [arch NAME,] in CIDR, …" [Cluster]
        "How many nodes there are, their size and addresses.",
        layers |cluster, reader| Nodes::update(&mut cluster.nodes, reader);
    pod_cidrs: Vec<Sourced<IpNet>> = "pods CIDR, …" [Cluster]
        "The addresses of pods.",
        read cidrs;
    service_cidrs: Vec<Sourced<IpNet>> = "services CIDR, …" [Cluster]
        "The addresses of Services.",
        read cidrs;
    api: Vec<Sourced<ApiServer>> = "api ADDRESS[:PORT], …" [Cluster]
        "Where the API server listens [default port: 6443].",
        read ApiServer::read;
    dns: Option<Sourced<Dns>> = "dns kube-dns|openshift|node-local [at ADDRESS, …] | dns by pods NAMESPACE \"key=value\", … [port N]" [Cluster]
        "What answers DNS in the cluster; behind `at`, the ClusterIPs of kube-dns, which the cache on each node takes over; behind `by pods`, the pods that answer, and their port [default: 53].",
        read Dns::read,
        rows |cluster, names| {
            let dns = cluster.dns.row("dns", names, Shown::plain);
            let at = cluster.dns_at().row("dns at", names, Shown::plain);
            dns.into_iter().chain(at).collect()
        };
    cni: Option<Sourced<Cni>> = "cni NAME [with ranges, sctp, nodes, translation]" [Cluster]
        "What enforces NetworkPolicies, and what it can do beyond what is known of it.",
        read Cni::read,
        rows |cluster, names| {
            let cni = cluster.cni.row("cni", names, Shown::plain);
            let with = cluster.cni_with().row("cni with", names, Shown::plain);
            cni.into_iter().chain(with).collect()
        };
    mesh: Option<Sourced<Mesh>> = "mesh istio-ambient|linkerd" [Cluster]
        "The service mesh, whose tunnel the policies must let through.",
        read |reader| {
            let mesh = reader.choice_of("a service mesh");
            reader.finish();
            mesh
        };
    storage: Vec<StorageClass> = "storage NAME [default] [of SIZE] [create provisioner \"P\" [wait] [reclaim retain|delete]]" ByKey [Cluster]
        "A storage class that exists, or that the platform makes, and how much it holds.",
        read StorageClass::read;
    ingress: Option<Ingress> = "ingress CLASS by SERVICE:PORT, … | by pods NAMESPACE \"key=value\", … | by nodes" [Cluster]
        "The ingress class and what serves it.",
        read Ingress::read;
}

impl Cluster {
    /// What answers DNS.
    #[must_use]
    pub fn dns_flavour(&self) -> Option<DnsFlavour> {
        self.dns.as_ref().map(|dns| dns.value.flavour)
    }

    /// The pods that answer DNS, if they are other than those of the flavour.
    #[must_use]
    pub fn dns_pods(&self) -> Option<&DnsPods> {
        self.dns.as_ref()?.value.pods.as_ref()
    }

    /// The ClusterIPs of kube-dns that the cache on each node takes over.
    #[must_use]
    pub fn dns_at(&self) -> &[Sourced<IpAddr>] {
        self.dns.as_ref().map_or(&[], |dns| &dns.value.at)
    }

    /// What the network plugin can do beyond what is known of it.
    #[must_use]
    pub fn cni_with(&self) -> &[Sourced<CniAbility>] {
        self.cni.as_ref().map_or(&[], |cni| &cni.value.with)
    }
}

/// A version of Kubernetes for which there is output.
fn version(reader: &mut Reader<'_, '_>) -> Option<Sourced<SmolStr>> {
    let expr = reader.last("a version such as `1.36`")?;
    let version = reader.value(expr, |evaluator, expr, scope| {
        match evaluator.eval(expr, scope, &Type::Version)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    })?;
    let minor = version.value.strip_prefix("1.");
    let minor = minor.and_then(|minor| minor.split('.').next()?.parse::<u32>().ok());
    let text = &version.value;
    let wrong = match minor {
        Some(31..=37) => return Some(version),
        Some(_) => Diagnostic::new(
            &codes::OUT_OF_RANGE,
            format!("the output is for Kubernetes 1.31 to 1.37, not {text}"),
        )
        .at(expr.span, "not supported"),
        None => Diagnostic::new(
            &codes::WRONG_TYPE,
            format!("invalid version of Kubernetes `{text}`"),
        )
        .at(expr.span, "expected a version such as `1.36`"),
    };
    reader.report(wrong);
    Some(version)
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

impl Nodes {
    /// Reads a layer: what it leaves out stays as it is below.
    fn update(nodes: &mut Option<Sourced<Self>>, reader: &mut Reader<'_, '_>) {
        let Some(expr) = reader.expr("the number of nodes") else {
            return;
        };
        let Some(count) = reader.count_of(expr, &(1..=MAX_NODES)) else {
            return;
        };
        let mut value = nodes.take().map_or_else(Self::default, |below| below.value);
        value.count = count;
        if reader.word("of") {
            value.read_fields(reader);
        }
        reader.finish();
        *nodes = Some(reader.sourced(value, reader.statement()));
    }

    fn read_fields(&mut self, reader: &mut Reader<'_, '_>) -> Option<()> {
        loop {
            if reader.word("in") {
                let cidrs = reader.list(|reader| {
                    let expr = reader.expr("a block of addresses")?;
                    reader.get(expr, Evaluator::cidr)
                });
                self.cidrs = cidrs;
                return None;
            }
            let name = reader.name("`cpu`, `memory`, `reserved`, `arch` or `in`")?;
            let expr = reader.expr(&format!("the value of `{}`", name.text))?;
            match name.text.as_str() {
                "cpu" => self.cpu = reader.get(expr, Evaluator::cpu).unwrap_or(self.cpu),
                "memory" => {
                    self.memory = reader.get(expr, Evaluator::memory).unwrap_or(self.memory);
                }
                "reserved" => {
                    let reserved = reader.get(expr, Evaluator::memory);
                    self.reserved = reserved.unwrap_or(self.reserved);
                }
                "arch" => self.arch = expr.as_word().cloned(),
                _ => {
                    let parts = ["cpu", "memory", "reserved", "arch", "in"];
                    reader.report_not_in("a node", &name, &parts);
                }
            }
            if !reader.comma() {
                return None;
            }
        }
    }
}

impl Shown for Nodes {
    fn show(&self, _: &dyn Names) -> String {
        let mut text = format!("{} of cpu {}, memory {}", self.count, self.cpu, self.memory);
        if self.reserved.0 > 0 {
            text.push_str(&format!(", reserved {}", self.reserved));
        }
        if let Some(arch) = &self.arch {
            text.push_str(&format!(", arch {arch}"));
        }
        for (at, cidr) in self.cidrs.iter().enumerate() {
            text.push_str(&format!(", {}{cidr}", if at == 0 { "in " } else { "" }));
        }
        text
    }
}

/// An address of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// The address.
    pub ip: std::net::IpAddr,
    /// The port [default: 6443].
    pub port: u16,
}

impl ApiServer {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<Sourced<Self>>> {
        let address = |evaluator: &mut Evaluator<'_>, expr: &Expr, scope: &Scope| {
            let (ip, port) = evaluator.socket(expr, scope)?;
            let port = port.unwrap_or(6443);
            Some(Self { ip, port })
        };
        let all = reader.list(|reader| {
            let expr = reader.expr("an address such as `172.18.0.2:6443`")?;
            reader.value(expr, address)
        });
        reader.finish();
        Some(all)
    }
}

impl Shown for ApiServer {
    fn show(&self, _: &dyn Names) -> String {
        SocketAddr::new(self.ip, self.port).to_string()
    }
}

/// What answers DNS in a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Dns {
    /// Which pods, on which port.
    pub flavour: DnsFlavour,
    /// `node-local at ADDRESS, …`: the ClusterIPs of kube-dns, which the cache takes over.
    pub at: Vec<Sourced<IpAddr>>,
    /// `by pods NAMESPACE "key=value", … [port N]`: other pods than those of the flavour.
    pub pods: Option<DnsPods>,
}

/// Pods that answer DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPods {
    /// Their namespace.
    pub namespace: SmolStr,
    /// Their labels, sorted.
    pub labels: Vec<(SmolStr, SmolStr)>,
    /// The port on which they answer.
    pub port: u16,
}

impl DnsPods {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let (namespace, labels) = pods_outside(reader, "the namespace of the pods that answer")?;
        let mut port = 53;
        if reader.word("port") {
            let expr = reader.expr("the number of the port")?;
            let number = reader.count_of(expr, &(1..=65_535))?;
            port = u16::try_from(number).unwrap_or(port);
        }
        Some(Self {
            namespace,
            labels,
            port,
        })
    }
}

impl Dns {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        if reader.peek_word("by") {
            let start = reader.here();
            reader.word("by");
            reader.need_keyword("pods")?;
            let pods = DnsPods::read(reader)?;
            reader.finish();
            let dns = Self {
                flavour: DnsFlavour::KubeDns,
                at: Vec::new(),
                pods: Some(pods),
            };
            return Some(reader.sourced(dns, start));
        }
        let flavour = reader.choice_of("cluster DNS")?;
        let mut at = Vec::new();
        if flavour.value == DnsFlavour::NodeLocal && reader.word("at") {
            at = reader.list(|reader| {
                let expr = reader.expr("the ClusterIP of kube-dns")?;
                reader.value(expr, |evaluator, expr, scope| {
                    Some(evaluator.socket(expr, scope)?.0)
                })
            });
        }
        reader.finish();
        Some(flavour.map(|flavour| Self {
            flavour,
            at,
            pods: None,
        }))
    }
}

impl Shown for Dns {
    fn show(&self, names: &dyn Names) -> String {
        let Some(pods) = &self.pods else {
            return self.flavour.show(names);
        };
        let labels = pods.labels.iter();
        let labels = labels.map(|(key, value)| format!("\"{key}={value}\""));
        let labels = Vec::from_iter(labels).join(", ");
        format!("by pods {} {labels} port {}", pods.namespace, pods.port)
    }
}

/// What enforces NetworkPolicies.
#[derive(Clone, Debug, PartialEq)]
pub struct Cni {
    /// Its name.
    pub name: SmolStr,
    /// What it can do beyond what is known of it.
    pub with: Vec<Sourced<CniAbility>>,
}

impl Cni {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let name = reader.name("the name of the network plugin")?;
        let mut with = Vec::new();
        if reader.word("with") && !reader.is_empty() {
            with = reader.list(|reader| reader.choice_of("a network plugin"));
        }
        reader.finish();
        let cni = Self {
            name: name.text,
            with,
        };
        Some(reader.sourced(cni, name.span))
    }
}

impl Shown for Cni {
    fn show(&self, names: &dyn Names) -> String {
        self.name.show(names)
    }
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
#[derive(Clone, Debug, PartialEq)]
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

impl StorageClass {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<Self>> {
        let name = reader.new_name("the storage class's name", "storage class")?;
        let is_default = reader.word("default");
        let mut size = None;
        if reader.word("of") {
            let expr = reader.expr("the size of all claims together")?;
            let set = reader.value(expr, Evaluator::memory)?;
            if set.value == Memory(0) {
                let message = "the size of a storage class must be greater than zero";
                reader.report(
                    Diagnostic::new(&codes::OUT_OF_RANGE, message).at(expr.span, "nothing"),
                );
            }
            size = Some(set);
        }
        let create = if reader.word("create") {
            Some(StorageProvision::read(reader)?)
        } else {
            None
        };
        reader.finish();
        Some(vec![Self {
            name,
            is_default,
            size,
            create,
        }])
    }
}

impl Shown for StorageClass {
    fn show(&self, _: &dyn Names) -> String {
        let mut parts: Vec<String> = Vec::new();
        if self.is_default {
            parts.push("default".to_owned());
        }
        if let Some(size) = &self.size {
            parts.push(format!("of {}", size.value));
        }
        if let Some(create) = &self.create {
            parts.push(format!("create provisioner \"{}\"", create.provisioner));
            if create.wait {
                parts.push("wait".to_owned());
            }
            let reclaim = if create.retain { "retain" } else { "delete" };
            parts.push(format!("reclaim {reclaim}"));
        }
        if parts.is_empty() {
            parts.push("exists".to_owned());
        }
        parts.join(" ")
    }
}

/// How a storage class that the platform makes is made.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageProvision {
    /// `provisioner "…"`.
    pub provisioner: String,
    /// `wait`: bind when the first pod needs it.
    pub wait: bool,
    /// `reclaim retain`, the default, or `reclaim delete`.
    pub retain: bool,
}

impl StorageProvision {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        reader.keyword("provisioner")?;
        let expr = reader.expr("the provisioner in quotes")?;
        let provisioner = reader.get(expr, Evaluator::text);
        if let Some(text) = &provisioner {
            // The API server checks it in lower case.
            let lower = text.to_lowercase();
            reader.check_text("provisioner", &lower, expr.span, kubernetes::not_a_key);
        }
        let (mut wait, mut retain) = (false, true);
        while !reader.is_empty() {
            if reader.word("wait") {
                wait = true;
            } else if reader.word("reclaim") {
                retain = !reader.word("delete");
                if retain {
                    reader.keyword("retain")?;
                }
            } else {
                reader.finish();
            }
        }
        Some(Self {
            provisioner: provisioner?,
            wait,
            retain,
        })
    }
}

keyed! { StorageClass: name at name; }
