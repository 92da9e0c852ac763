//! The proof of a build: its output is read back as bytes, evaluated, and compared with the
//! connections that the platform declares. A build whose output is not exact, or leaves a pod open,
//! writes nothing.

use std::collections::HashSet;

use erpc_diagnostics::{Diagnostic, Diagnostics, Sources, Span, codes};
use erpc_emit::OutputFile;
use erpc_model::{Manifest, Platform, Sourced};
use erpc_policy::Derived;
use erpc_prove::{
    Basis, Certificate, ClassId, Coverage, Difference, Direction, Exactness, File, HalfOpen,
    LabelId, Manifests, Matrix, Partition, Policy, Reading, TierOrder, Uncovered,
};

use smol_str::SmolStr;

use crate::claims::{self, Claimed};
use crate::output::Unmanaged;

/// How many findings of a kind are worth reading.
const MAX_FINDINGS: usize = 20;

/// Proves exactness and coverage of an output; what fails are errors.
#[must_use]
pub fn check(platform: &Platform, files: &[OutputFile]) -> Diagnostics {
    let manifests = read(files);
    let claimed = claims::of_platform(platform);
    let cluster = claims::cluster_addresses(platform);
    let partition = Partition::of(&manifests, &claimed.claims, &cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
    let exactness = Exactness::of(&partition, &mut matrix, &claimed.claims);
    let coverage = Coverage::of(&partition, &matrix, &claimed.claims);
    if manifests.problems.is_empty() && exactness.holds() && coverage.holds() {
        drop(partition);
        // Freeing what was read takes a tenth of the proof, so it is done in the background.
        rayon::spawn(move || drop((matrix, manifests, claimed)));
        return Diagnostics::new();
    }
    Findings {
        platform,
        claimed: &claimed,
        partition: &partition,
        matrix: &matrix,
        rules: HashSet::new(),
        out: Diagnostics::new(),
    }
    .all(&exactness, &coverage)
}

/// Proves all statements about manifests as the output of a platform.
#[must_use]
pub fn certificate(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    manifests: &Manifests,
) -> Certificate {
    let claimed = claims::of_platform(platform);
    let tiers = TierOrder {
        names: platform
            .tiers
            .iter()
            .map(|tier| tier.name.value.clone())
            .collect(),
        below: platform
            .tiers
            .iter()
            .map(|tier| tier.below.iter().map(|below| below.index()).collect())
            .collect(),
        of_namespace: platform
            .namespaces()
            .map(|(_, one)| (one.name.value.clone(), one.tier.value.index()))
            .collect(),
        of_workload: platform
            .services()
            .filter_map(|(_, service)| {
                let tier = service.properties.tier.as_ref()?.value.index();
                let namespace = platform[service.namespace].name.value.clone();
                Some(((namespace, service.workload_name().value.clone()), tier))
            })
            .collect(),
    };
    let taken: HashSet<(&SmolStr, &SmolStr)> = raw_policies(platform)
        .filter_map(|manifest| Some((&manifest.namespace()?.value, &manifest.name.value)))
        .collect();
    let plugin = platform
        .cluster()
        .cni
        .as_ref()
        .map(|cni| cni.value.name.as_str());
    Certificate::of(
        manifests,
        &Basis {
            claims: &claimed.claims,
            is_taken: &|policy| taken.contains(&(&policy.namespace, &policy.name)),
            binds: &|label| claimed.binds.get(label.index()).copied().unwrap_or(false),
            cluster: &claims::cluster_addresses(platform),
            tiers: &tiers,
            plugin,
            changes: &erpc_cluster::changes(platform, derived, sources),
        },
    )
}

/// Reads an output as manifests.
#[must_use]
pub fn read(files: &[OutputFile]) -> Manifests {
    let files: Vec<File<'_>> = files
        .iter()
        .map(|file| File {
            path: &file.path,
            bytes: file.text.as_bytes(),
        })
        .collect();
    Manifests::read_ours(&files)
}

/// Reads an output with manifests that stand beside it.
#[must_use]
pub(crate) fn read_with(files: &[OutputFile], others: &[&Unmanaged]) -> Manifests {
    if others.is_empty() {
        return read(files);
    }
    let generated = files.iter().map(|file| File {
        path: &file.path,
        bytes: file.text.as_bytes(),
    });
    let others = others.iter().map(|file| File {
        path: &file.path,
        bytes: &file.bytes,
    });
    let all: Vec<File<'_>> = generated.chain(others).collect();
    Manifests::read(&all)
}

/// The NetworkPolicies that the platform takes as they are written.
fn raw_policies(platform: &Platform) -> impl Iterator<Item = &Manifest> {
    let manifests = platform.manifests.iter();
    manifests.filter(|manifest| manifest.kind == "NetworkPolicy")
}

/// The manifest that a policy of the output is, if the platform takes it as it is written.
fn raw_policy<'p>(platform: &'p Platform, policy: &Policy) -> Option<&'p Manifest> {
    raw_policies(platform).find(|manifest| {
        let namespace = manifest.namespace();
        manifest.name.value == policy.name
            && namespace.is_some_and(|namespace| namespace.value == policy.namespace)
    })
}

struct Findings<'f> {
    platform: &'f Platform,
    claimed: &'f Claimed,
    partition: &'f Partition<'f>,
    matrix: &'f Matrix,
    /// The rules of manifests that were reported: each once, with the first that it opens.
    rules: HashSet<Span>,
    out: Diagnostics,
}

impl<'f> Findings<'f> {
    fn all(mut self, exactness: &Exactness, coverage: &Coverage) -> Diagnostics {
        // Every problem of our own output is a missing object.
        for problem in self
            .partition
            .manifests()
            .problems
            .iter()
            .take(MAX_FINDINGS)
        {
            let message = format!("the output has an object that no cluster takes: {problem}");
            self.out.push(
                Diagnostic::new(&codes::FLOW_NOT_OPENED, message)
                    .at(self.platform.name.span(), "of this platform"),
            );
        }
        for (end, label) in exactness.nowhere.iter().take(MAX_FINDINGS) {
            let message = format!(
                "{} is nowhere in the output",
                show_end(self.claimed.claims.peer_of(*end))
            );
            let diagnostic = Diagnostic::new(&codes::FLOW_NOT_OPENED, message);
            let diagnostic = diagnostic.at(self.span(*label), "needed here");
            self.out.push(diagnostic);
        }
        for difference in exactness.missing.iter().take(MAX_FINDINGS) {
            self.missing(difference);
        }
        for difference in exactness.extra.iter().take(MAX_FINDINGS) {
            self.extra(difference);
        }
        for half in exactness.half_open.iter().take(MAX_FINDINGS) {
            self.half_open(half);
        }
        for uncovered in coverage.uncovered.iter().take(MAX_FINDINGS) {
            self.uncovered(uncovered);
        }
        if !self.out.has_errors() {
            for (class, direction) in exactness.open.iter().take(MAX_FINDINGS) {
                let message = format!(
                    "{} is open to all ({})",
                    self.partition.show(*class),
                    direction.field()
                );
                self.out.push(
                    Diagnostic::new(&codes::OPENED_WITHOUT_FLOW, message)
                        .at(self.platform.name.span(), "no flow says so"),
                );
            }
        }
        self.out.sorted()
    }

    fn span(&self, label: LabelId) -> Span {
        let spans = &self.claimed.spans;
        spans.get(label.index()).copied().unwrap_or(Span::NONE)
    }

    fn pair(&self, difference: &Difference) -> (String, String, String) {
        let show = |class| self.partition.show(class);
        (
            show(difference.from),
            difference.to.map_or_else(|| "all".to_owned(), show),
            self.matrix.sets().show(difference.ports),
        )
    }

    fn missing(&mut self, difference: &Difference) {
        let (from, to, ports) = self.pair(difference);
        let mut closed = Vec::new();
        if difference.egress != difference.ports {
            closed.push(format!("leave {from}"));
        }
        if difference.ingress != difference.ports {
            closed.push(format!("enter {to}"));
        }
        let mut diagnostic = Diagnostic::new(
            &codes::FLOW_NOT_OPENED,
            format!("the output does not let {from} reach {to} on {ports}"),
        );
        let labels = difference.labels.iter();
        for (at, label) in labels.take(3).enumerate() {
            let text = self.claimed.claims.label_of(*label);
            let span = self.span(*label);
            diagnostic = if at == 0 {
                diagnostic.at(span, text)
            } else {
                diagnostic.also(span, text)
            };
        }
        let closed = format!(
            "its policies do not let it {}",
            closed.join(" and do not let it ")
        );
        self.out.push(diagnostic.help(closed));
    }

    fn extra(&mut self, difference: &Difference) {
        let (from, to, ports) = self.pair(difference);
        let message =
            format!("the output lets {from} reach {to} on {ports}, which nothing declares");
        let mut diagnostic = Diagnostic::new(&codes::OPENED_WITHOUT_FLOW, message);
        let place = difference.labels.first().map(|label| self.span(*label));
        let sides = [
            (Some(difference.from), Direction::Egress, difference.to),
            (difference.to, Direction::Ingress, Some(difference.from)),
        ];
        let raw = sides
            .into_iter()
            .find_map(|(class, direction, other)| self.raw_rule((class?, direction), other));
        if let Some((rule, manifest)) = raw {
            self.out
                .push(of_manifest(diagnostic, rule, manifest, (&from, &to)));
            return;
        }
        diagnostic = match place {
            Some(span) => diagnostic.at(span, "what is declared between the two"),
            None => diagnostic.at(self.place_of(&[&from, &to]), "of this one"),
        };
        self.out.push(diagnostic);
    }

    fn half_open(&mut self, half: &HalfOpen) {
        let class = self.partition.show(half.class);
        let other = self.partition.show(half.other);
        let ports = self.matrix.sets().show(half.ports);
        let what = match half.direction {
            Direction::Ingress => format!("lets {other} in"),
            Direction::Egress => format!("lets it out to {other}"),
        };
        let message = format!("the policy of {class} {what} on {ports}, which nothing declares");
        let diagnostic = Diagnostic::new(&codes::OPENED_WITHOUT_FLOW, message);
        if let Some((rule, manifest)) =
            self.raw_rule((half.class, half.direction), Some(half.other))
        {
            let ends = match half.direction {
                Direction::Ingress => (other.as_str(), class.as_str()),
                Direction::Egress => (class.as_str(), other.as_str()),
            };
            if self.rules.insert(rule) {
                self.out.push(of_manifest(diagnostic, rule, manifest, ends));
            }
            return;
        }
        self.out.push(
            diagnostic
                .at(self.place_of(&[&class]), "of this one")
                .help("the other side forbids it so far; a change there alone would open it"),
        );
    }

    /// The rule of a NetworkPolicy among the manifests that opens a side of a class to another one, by its line.
    fn raw_rule(
        &self,
        side: (ClassId, Direction),
        other: Option<ClassId>,
    ) -> Option<(Span, &'f Manifest)> {
        let policies = self.partition.manifests().policies.iter();
        policies.into_iter().find_map(|policy| {
            let manifest = raw_policy(self.platform, policy)?;
            let rule = self.partition.opening_rule(policy, side, other)?;
            let rules = manifest
                .fields
                .value
                .get("spec")?
                .value
                .get(side.1.field())?;
            let rule = rules.value.parts().nth(rule);
            Some((rule.map_or(manifest.name.span(), Sourced::span), manifest))
        })
    }

    fn uncovered(&mut self, uncovered: &Uncovered) {
        let (message, name, help) = match uncovered {
            Uncovered::Workload {
                name, direction, ..
            } => (
                format!("no policy isolates {name} ({})", direction.field()),
                name.as_str(),
                "a patch that changes the labels of its pods takes them out of their policy",
            ),
            Uncovered::OnHost { name, .. } => (
                format!("{name} is on the network of its node, where no policy is in force"),
                name.as_str(),
                "take `hostNetwork` out of the patch, or run it outside the platform as an `external`",
            ),
            Uncovered::Namespace { name, direction } => (
                format!(
                    "{name} has no policy that denies by default ({})",
                    direction.field()
                ),
                name.as_str(),
                "this is a fault of the compiler; please report it",
            ),
        };
        let place = self.place_of(&[name]);
        self.out.push(
            Diagnostic::new(&codes::NOT_ISOLATED, message)
                .at(place, "declared here")
                .help(help),
        );
    }

    /// The first service or namespace of these names.
    fn place_of(&self, names: &[&str]) -> Span {
        let platform = self.platform;
        for name in names {
            for (id, service) in platform.workloads() {
                if platform.path(id) == *name {
                    return service.name.span();
                }
            }
            for (_, namespace) in platform.namespaces() {
                if namespace.name.value == *name {
                    return namespace.name.span();
                }
            }
        }
        platform.name.span()
    }
}

/// What a NetworkPolicy among the manifests opens beyond the flows.
fn of_manifest(
    found: Diagnostic,
    rule: Span,
    manifest: &Manifest,
    (from, to): (&str, &str),
) -> Diagnostic {
    found
        .at(rule, format!("opened by this rule of {}", manifest.title()))
        .also(manifest.statement, "taken by this statement")
        .help(format!(
            "declare the flow from `{from}` to `{to}`, or remove the rule: the compiler writes the policies of declared flows"
        ))
}

fn show_end(end: &erpc_prove::Peer) -> String {
    match end {
        erpc_prove::Peer::Workload { namespace, name } => format!("{namespace}.{name}"),
        erpc_prove::Peer::Pods { namespace, labels } => {
            let list: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("pods of {namespace} with {}", list.join(","))
        }
        erpc_prove::Peer::Addresses(block) => block.to_string(),
    }
}
