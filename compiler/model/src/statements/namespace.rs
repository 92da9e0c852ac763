//! The statements of namespaces.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{Expr, Ident};
use smol_str::SmolStr;

use super::labels::{self, Pairs};
use super::reader::{cpu_range, memory_range, text};
use super::{Availability, Grant, Reader, slo, statements};
use crate::eval::Evaluator;
use crate::ids::{NamespaceId, SecretId, ServiceId, TierId};
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
    labels: Pairs = "labels KEY = \"value\", …" ByKey [Namespace NamespaceDefaults]
        "Labels of the Namespace object.",
        read labels::labels;
    grants: Vec<Grant> = "grants VERB, … on RESOURCE, … [in cluster] [because \"…\"]" Append [Namespace NamespaceDefaults]
        "What the ServiceAccount of the namespace may do at the Kubernetes API.",
        read Grant::read,
        members {};
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
