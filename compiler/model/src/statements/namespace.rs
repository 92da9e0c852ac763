//! The statements of namespaces.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{Expr, Ident};
use smol_str::SmolStr;

use super::labels::{self, Pairs};
use super::reader::{cpu_range, memory_range, text};
use super::{Availability, Grant, Reader, slo, statements};
use crate::eval::Evaluator;
use crate::ids::{NamespaceId, SecretId, ServiceId, TierId};
use crate::kubernetes;
use crate::origin::Sourced;
use crate::platform::Defaults;
use crate::shown::{Names, Shown};
use crate::units::{Cpu, Memory, Range};

statements! {
    /// `namespace NAME`.
    Namespace(
        /// Its name.
        name: Sourced<SmolStr>
    ) with (tier: Sourced<TierId>) {
        /// `##` above it.
        doc: Option<String>,
        /// Its services, by name.
        services: Vec<ServiceId>,
    }

    title: Option<Sourced<String>> = "title \"…\"" [Namespace]
        "A short name for people.",
        read text;
    tier: Sourced<TierId> = "tier NAME" [Namespace]
        "The tier of the namespace's services.",
        from tier,
        read |reader| {
            let name = reader.name("the tier's name")?;
            reader.finish();
            reader.refer_at(name.span, |names, _| names.tier(&name))
        },
        members { tier: TierId, "Its tier." => |tier| tier.value };
    defaults: Sourced<Defaults> = "defaults strict|kubernetes" [Namespace]
        "What decides where the source sets nothing, for the namespace and its services [default: as in the platform].",
        default Defaults::Strict,
        read Defaults::read;
    network: Option<Sourced<Network>> = "network isolated | network open because \"…\"" [Namespace NamespaceDefaults]
        "Whether network policies enforce the flows of the namespace's services. `open` emits none: flows are declared and checked, and nothing else is denied [default: `isolated`].",
        read Network::read,
        members {
            network_open: bool, "Whether it has no network policies."
                => |network| network.as_ref().is_some_and(|network| network.value.is_open()),
        };
    slo: Option<Sourced<Availability>> = "slo availability PERCENT [over TIME]" ByKey [Namespace NamespaceDefaults]
        "The availability that each of its services promises to its clients.",
        read Availability::read_default,
        rows |namespace, _| slo::facts(namespace.slo.as_ref(), &[]),
        members {
            availability: Option<crate::units::Percent>, "What each of its services promises."
                => |slo| slo.as_ref().map(|slo| slo.value.share),
        };
    after: Vec<Sourced<NamespaceId>> = "after NAMESPACE, …" Append [Namespace]
        "The namespaces that it starts after.",
        read |reader| {
            let after = reader.list(|reader| {
                let name = reader.name("a namespace")?;
                reader.refer_at(name.span, |names, _| names.namespace(&name))
            });
            reader.finish();
            Some(after)
        };
    quota: Option<Sourced<Quota>> = "quota cpu A..B, memory A..B, pods N, storage SIZE" [Namespace NamespaceDefaults]
        "What the namespace's pods may request and use in sum.",
        update |namespace, reader| Quota::update(&mut namespace.quota, reader),
        members {};
    limits: Option<Sourced<ContainerDefaults>> = "limits cpu A..B, memory A..B" [Namespace NamespaceDefaults]
        "The request and limit of a container that sets none.",
        read ContainerDefaults::read,
        members {};
    pull_secrets: Vec<Sourced<SecretId>> = "pull-secret NAME, …" [Namespace NamespaceDefaults]
        "The Secrets with which nodes fetch the images of the namespace's pods; each declared with the key `.dockerconfigjson`.",
        read pull_secrets;
    labels: Pairs = "labels KEY = \"value\", …" ByPair [Namespace NamespaceDefaults]
        "Labels of the Namespace object.",
        read labels::labels;
    annotations: Pairs = "annotations KEY = \"value\", …" ByPair [Namespace NamespaceDefaults]
        "Annotations of the Namespace object.",
        read labels::annotations;
    grants: Vec<Grant> = "grants VERB, … on RESOURCE, … [in cluster] [because \"…\"]" Append [Namespace NamespaceDefaults]
        "What the ServiceAccount of the namespace may do at the Kubernetes API.",
        read Grant::read,
        members {};
}

impl Namespace {
    /// Whether it has no network policies.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opened().is_some()
    }

    /// The statement that leaves it without network policies.
    #[must_use]
    pub fn opened(&self) -> Option<&Sourced<Network>> {
        self.network
            .as_ref()
            .filter(|network| network.value.is_open())
    }

    /// Why a platform cannot have it to itself, if its name is reserved.
    #[must_use]
    pub fn reserved(&self) -> Option<&'static str> {
        kubernetes::reserved_namespace(&self.name.value)
    }

    /// Whether a pod in it that no other policy selects has no connections: not where policies are not wanted, nor
    /// where pods of others are.
    #[must_use]
    pub fn denies_by_default(&self) -> bool {
        !self.is_open() && self.reserved().is_none()
    }

    /// Whether the cluster makes it, so that no Namespace object is emitted.
    #[must_use]
    pub fn is_of_cluster(&self) -> bool {
        kubernetes::is_system_namespace(&self.name.value)
    }
}

/// Whether network policies enforce the flows of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// What no flow needs is denied.
    Isolated,
    /// Nothing is denied, for this reason.
    Open(String),
}

impl Network {
    /// Whether nothing is denied.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let start = reader.here();
        if reader.word("isolated") {
            reader.finish();
            return Some(reader.sourced(Self::Isolated, reader.statement()));
        }
        if !reader.word("open") {
            reader.expected("`isolated` or `open`");
            return None;
        }
        let reason = reader.because();
        reader.finish();
        match reason {
            Some(reason) => Some(reader.sourced(Self::Open(reason), reader.statement())),
            None => reader.refuse(
                Diagnostic::new(&codes::MISSING_PROPERTY, "`network open` needs a reason")
                    .at(start, "no `because`")
                    .help("write why nothing enforces the flows: `network open because \"…\"`"),
            ),
        }
    }
}

impl Shown for Network {
    fn show(&self, _: &dyn Names) -> String {
        match self {
            Self::Isolated => "isolated".to_owned(),
            Self::Open(reason) => format!("open because \"{reason}\""),
        }
    }
}

/// Sums that a namespace may not pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quota {
    /// Sum of requests and of limits.
    pub cpu: Option<Range<Cpu>>,
    /// Sum of requests and of limits.
    pub memory: Option<Range<Memory>>,
    /// Number of pods.
    pub pods: Option<u32>,
    /// Sum of claims.
    pub storage: Option<Memory>,
}

impl Quota {
    /// Its parts.
    pub(crate) const PARTS: [&'static str; 4] = ["cpu", "memory", "pods", "storage"];

    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let mut quota = Self::default();
        reader.parts("a quota", &Self::PARTS, |reader, part, expr| {
            quota.set(reader, part, expr);
        });
        Some(reader.sourced(quota, reader.statement()))
    }

    fn set(&mut self, reader: &mut Reader<'_, '_>, part: &str, expr: &Expr) {
        match part {
            "cpu" => self.cpu = reader.get(expr, cpu_range),
            "memory" => self.memory = reader.get(expr, memory_range),
            "pods" => self.pods = reader.count_of(expr, &(1..=1_000_000)),
            _ => self.storage = reader.get(expr, Evaluator::memory),
        }
    }

    /// Reads a quota, or the part of one that a path of a profile sets.
    fn update(quota: &mut Option<Sourced<Self>>, reader: &mut Reader<'_, '_>) {
        match reader.path_part() {
            None | Some("") => *quota = Self::read(reader),
            Some(part) => {
                let below = quota.take().map(|below| below.value);
                let set = below.unwrap_or_default().with_part(reader, part);
                *quota = Some(set).filter(|set| set.value != Self::default());
            }
        }
    }

    /// It with another value, or none, for a part.
    fn with_part(mut self, reader: &mut Reader<'_, '_>, part: &str) -> Sourced<Self> {
        let origin = reader.statement();
        if reader.word("off") {
            match part {
                "cpu" => self.cpu = None,
                "memory" => self.memory = None,
                "pods" => self.pods = None,
                _ => self.storage = None,
            }
        } else if let Some(expr) = reader.last("a value, or `off`") {
            self.set(reader, part, expr);
        }
        reader.sourced(self, origin)
    }
}

impl Shown for Quota {
    fn show(&self, _: &dyn Names) -> String {
        let parts = [
            self.cpu.map(|cpu| format!("cpu {cpu}")),
            self.memory.map(|memory| format!("memory {memory}")),
            self.pods.map(|pods| format!("pods {pods}")),
            self.storage.map(|storage| format!("storage {storage}")),
        ];
        Vec::from_iter(parts.into_iter().flatten()).join(", ")
    }
}

/// What a container without its own numbers gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerDefaults {
    /// Request and limit.
    pub cpu: Option<Range<Cpu>>,
    /// Request and limit.
    pub memory: Option<Range<Memory>>,
}

impl ContainerDefaults {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let mut limits = Self::default();
        reader.parts(
            "limits",
            &["cpu", "memory"],
            |reader, part, expr| match part {
                "cpu" => limits.cpu = reader.get(expr, cpu_range),
                _ => limits.memory = reader.get(expr, memory_range),
            },
        );
        Some(reader.sourced(limits, reader.statement()))
    }
}

impl Shown for ContainerDefaults {
    fn show(&self, _: &dyn Names) -> String {
        let parts = [
            self.cpu.map(|cpu| format!("cpu {cpu}")),
            self.memory.map(|memory| format!("memory {memory}")),
        ];
        Vec::from_iter(parts.into_iter().flatten()).join(", ")
    }
}

/// The key of a Secret of the type `kubernetes.io/dockerconfigjson`, the only one that nodes log in to a
/// registry with.
const PULL_KEY: &str = ".dockerconfigjson";

/// `NAME, …`: each a Secret that a node can log in to a registry with.
fn pull_secrets(reader: &mut Reader<'_, '_>) -> Option<Vec<Sourced<SecretId>>> {
    let mut secrets: Vec<Sourced<SecretId>> = Vec::new();
    reader.list(|reader| {
        let name = reader.name("the secret's name")?;
        // What the platform sets for all namespaces is wrong once.
        if reader.is_reported(name.span) {
            return None;
        }
        let secret = pull_secret(&name, reader)?;
        if let Some(first) = secrets.iter().find(|known| known.value == secret.value) {
            let message = format!("the secret `{}` is named twice", name.text);
            return reader.refuse(
                Diagnostic::new(&codes::REPEATED_PROPERTY, message)
                    .at(name.span, "again")
                    .also(first.span(), "the first"),
            );
        }
        secrets.push(secret);
        Some(())
    });
    reader.finish();
    Some(secrets)
}

fn pull_secret(name: &Ident, reader: &mut Reader<'_, '_>) -> Option<Sourced<SecretId>> {
    let id = reader.refer_at(name.span, |names, at| names.secret(name, at))?;
    let (declared, keys) = reader.keys(id.value);
    if keys.iter().any(|key| key.value == PULL_KEY) {
        return Some(id);
    }
    reader.refuse(
        Diagnostic::new(
            &codes::UNKNOWN_SECRET_KEY,
            format!("the secret `{}` has no key `{PULL_KEY}`", name.text),
        )
        .at(name.span, "nodes log in to a registry with it")
        .also(declared, "declared here")
        .help(format!("declare it: `keys \"{PULL_KEY}\"`, which is what `kubectl create secret docker-registry` makes")),
    )
}
