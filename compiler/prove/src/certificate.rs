//! All statements about a set of manifests in one place, as words and numbers: what a certificate
//! prints and what tools read.

use serde::Serialize;

use crate::claims::{Claims, Enforcement, LabelId};
use crate::classes::{ClusterAddresses, Partition};
use crate::manifest::{Manifests, Policy};
use crate::matrix::{Matrix, Reading};
use crate::ports::Ports;
use crate::proofs::{
    BlastRadius, Coverage, Exactness, Exposure, Minimality, Portability, Rollout, RolloutStep,
    TierOrder, Tiers, Uncovered,
};

/// What no NetworkPolicy can promise, whoever wrote it.
pub const NOT_PROMISED: [&str; 7] = [
    "traffic between a node and the pods on it: no network plugin polices it",
    "pods on the network of their node (hostNetwork): to policies they are the node",
    "ICMP and what is neither TCP, UDP nor SCTP",
    "connections that were open before a policy changed: most plugins let them live",
    "who may label pods: a pod with a service's labels is that service to every policy",
    "what a name resolves to: policies know addresses, not names",
    "anything on a cluster whose network plugin enforces no policies",
];

/// How many witnesses of a failure are kept.
const MAX_WITNESSES: usize = 20;

/// One statement, proven or not.
#[derive(Clone, Debug, Serialize)]
pub struct Statement {
    /// Its name.
    pub statement: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What was compared, in a line.
    pub compared: String,
    /// What stands against it, or, where it holds, what is worth knowing.
    pub witnesses: Vec<String>,
}

/// Everything that is proven about an output.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// How many workloads there are.
    pub workloads: usize,
    /// How many policies.
    pub policies: usize,
    /// How many other pods the policies or claims can tell apart.
    pub other_pods: usize,
    /// How many classes of addresses.
    pub address_classes: usize,
    /// How many claims were made.
    pub claims: usize,
    /// How many pairs may talk.
    pub connections: usize,
    /// The statements.
    pub statements: Vec<Statement>,
    /// For each workload how many others it reaches, through whatever many.
    pub blast_radius: Vec<Radius>,
    /// What no policy can promise.
    pub not_promised: [&'static str; 7],
}

/// How far a workload reaches.
#[derive(Clone, Debug, Serialize)]
pub struct Radius {
    /// The workload.
    pub workload: String,
    /// How many other workloads it reaches.
    pub reaches: usize,
    /// Whether it reaches addresses outside the pods.
    pub leaves: bool,
}

/// What a certificate is made from beside the manifests.
pub struct Basis<'b> {
    /// What is claimed.
    pub claims: &'b Claims,
    /// Which claims are dependencies, by label.
    pub binds: &'b dyn Fn(LabelId) -> bool,
    /// Which policies are manifests that the platform takes as they are written.
    pub is_taken: &'b dyn Fn(&Policy) -> bool,
    /// The addresses of the cluster.
    pub cluster: &'b ClusterAddresses,
    /// The tiers.
    pub tiers: &'b TierOrder,
    /// The network plugin, where it is known.
    pub plugin: Option<&'b str>,
    /// The changes whose steps are replayed.
    pub changes: &'b [Change],
}

/// A change of a cluster, with the list of steps that makes it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it is, in a few words.
    pub name: &'static str,
    /// What there is before, on the way, and afterwards.
    pub versions: Vec<Manifests>,
    /// The steps, in their order.
    pub steps: Vec<RolloutStep>,
}

impl Certificate {
    /// Whether every statement holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.statements.iter().all(|one| one.holds)
    }

    /// Proves all statements about manifests.
    #[must_use]
    pub fn of(manifests: &Manifests, basis: &Basis<'_>) -> Self {
        let partition = Partition::of(manifests, basis.claims, basis.cluster);
        let mut matrix = Matrix::of(&partition, Reading::STANDARD, basis.cluster);
        let mut proving = Proving {
            manifests,
            basis,
            partition: &partition,
            matrix: &mut matrix,
        };
        let exactness = Exactness::of(&partition, proving.matrix, basis.claims);
        let connections = exactness.allowed;
        let (blast, radii) = proving.blast_radius();
        let statements = vec![
            proving.exactness(&exactness),
            proving.coverage(),
            proving.minimality(),
            proving.portability(),
            proving.exposure(),
            proving.tiers(),
            blast,
            proving.rollout(),
        ];
        Self {
            workloads: manifests.workloads.len(),
            policies: manifests.policies.len(),
            other_pods: partition.pods() - partition.workload_classes().count(),
            address_classes: partition.len() - partition.pods(),
            claims: basis.claims.as_slice().len(),
            connections,
            statements,
            blast_radius: radii,
            not_promised: NOT_PROMISED,
        }
    }
}

struct Proving<'p, 'm> {
    manifests: &'m Manifests,
    basis: &'p Basis<'p>,
    partition: &'p Partition<'m>,
    matrix: &'p mut Matrix,
}

impl Proving<'_, '_> {
    fn exactness(&self, found: &Exactness) -> Statement {
        let show = |from, to, ports| {
            let ports = self.matrix.sets().show(ports);
            format!(
                "{} -> {} on {ports}",
                self.partition.show(from),
                self.partition.show(to)
            )
        };
        let mut witnesses = Vec::new();
        for (kind, list) in [("missing", &found.missing), ("extra", &found.extra)] {
            let shown = list
                .iter()
                .map(|d| (d.from, d.to.unwrap_or(d.from), d.ports));
            witnesses.extend(
                shown.map(|(from, to, ports)| format!("{kind}: {}", show(from, to, ports))),
            );
        }
        witnesses.extend(found.half_open.iter().map(|half| {
            let direction = half.direction.field();
            format!(
                "half open ({direction}): {}",
                show(half.class, half.other, half.ports)
            )
        }));
        witnesses.extend(found.open.iter().map(|(class, direction)| {
            format!(
                "open to all ({}): {}",
                direction.field(),
                self.partition.show(*class)
            )
        }));
        witnesses.extend(found.nowhere.iter().map(|(end, _)| {
            format!(
                "nowhere in the output: {:?}",
                self.basis.claims.peer_of(*end)
            )
        }));
        statement(
            "exactness",
            found.holds(),
            format!(
                "{} declared, {} allowed; each side alone allows no more",
                number(found.claimed, "connection"),
                found.allowed
            ),
            witnesses,
        )
    }

    fn coverage(&self) -> Statement {
        let found = Coverage::of(self.partition, self.matrix, self.basis.claims);
        let mut witnesses: Vec<String> = found.uncovered.iter().map(Uncovered::show).collect();
        witnesses.extend(
            found
                .exempt
                .iter()
                .map(|(name, enforcement)| match enforcement {
                    Enforcement::Nothing => {
                        format!("{name}: not enforced, no policies (`network open`)")
                    }
                    Enforcement::Workloads | Enforcement::Whole => {
                        format!("{name}: reserved, pods of others are not denied by default")
                    }
                }),
        );
        statement(
            "coverage",
            found.holds(),
            format!(
                "{} isolated both ways, {} denied by default",
                number(found.workloads, "workload"),
                number(found.namespaces, "namespace")
            ),
            witnesses,
        )
    }

    fn minimality(&self) -> Statement {
        let found = Minimality::of(self.partition, self.basis.is_taken);
        let show = |policy: usize, field: &str| {
            let policy = &self.manifests.policies[policy];
            format!(
                "{}.{}: {field} can be dropped",
                policy.namespace, policy.name
            )
        };
        let witnesses = found
            .redundant
            .iter()
            .map(|one| show(one.policy, &one.field));
        statement(
            "minimality",
            found.holds(),
            format!(
                "{} rules, peers, names and ports, none of which can be dropped",
                found.tried
            ),
            witnesses.collect(),
        )
    }

    fn portability(&mut self) -> Statement {
        let found = Portability::of(self.partition, self.matrix, self.basis.cluster);
        let mut witnesses = Vec::new();
        for one in found.readings.iter().filter(|one| !one.is_same()) {
            let plugins = one.deviation.plugins().join(", ");
            let of = if plugins.is_empty() {
                String::new()
            } else {
                format!(" ({plugins})")
            };
            let pairs = one.differs.len() + one.sides;
            witnesses.push(format!("{}{of}: {pairs} differ", one.deviation.describe()));
            for differs in one.differs.iter().take(3) {
                let pair = format!(
                    "{} -> {}",
                    self.partition.show(differs.from),
                    self.partition.show(differs.to)
                );
                witnesses.push(format!(
                    "  {pair}: opens {}, closes {}",
                    ports(&differs.opened),
                    ports(&differs.closed)
                ));
            }
        }
        let holds = self
            .basis
            .plugin
            .is_none_or(|plugin| found.holds_on(plugin));
        let same = found.readings.iter().filter(|one| one.is_same()).count();
        statement(
            "portability",
            holds,
            format!(
                "the same matrix under {same} of {} other readings",
                found.readings.len()
            ),
            witnesses,
        )
    }

    fn exposure(&mut self) -> Statement {
        let found = Exposure::of(self.partition, self.matrix, self.basis.claims);
        let left_open = found.left_open.iter();
        let left_open = left_open.map(|class| {
            let of = self.partition.show(*class);
            format!("{of} from everywhere (`network open`)")
        });
        let left_open: Vec<String> = left_open.collect();
        let witnesses = if found.holds() {
            let shown = found.exposed.iter().map(|one| {
                let mut from: Vec<String> =
                    one.from.iter().take(4).map(ToString::to_string).collect();
                if one.from.len() > 4 {
                    from.push(format!("{} more", one.from.len() - 4));
                }
                let of = self.partition.show(one.class);
                format!("{of} on {} from {}", ports(&one.ports), from.join(", "))
            });
            shown.chain(left_open).collect()
        } else {
            let differs = found
                .differs
                .iter()
                .map(|class| self.partition.show(*class));
            differs
                .map(|of| format!("{of} is reached from other addresses than declared"))
                .collect()
        };
        let mut classes: Vec<_> = found.exposed.iter().map(|one| one.class).collect();
        classes.dedup();
        let compared = format!(
            "{} reached from outside, as declared",
            number(classes.len(), "workload")
        );
        statement("exposure", found.holds(), compared, witnesses)
    }

    fn tiers(&mut self) -> Statement {
        let basis = self.basis;
        let found = Tiers::of(
            self.partition,
            self.matrix,
            basis.claims,
            basis.tiers,
            basis.binds,
        );
        let witnesses = found.upwards.iter().map(|one| {
            let who = match one.label {
                Some(label) => basis.claims.label_of(label),
                None => "only the policies",
            };
            let pair = format!(
                "{} -> {}",
                self.partition.show(one.from),
                self.partition.show(one.to)
            );
            format!("{pair} on {} points upwards ({who})", ports(&one.ports))
        });
        let compared = format!(
            "{} of workloads, no dependency points upwards",
            number(found.pairs, "pair")
        );
        statement("tiers", found.holds(), compared, witnesses.collect())
    }

    fn blast_radius(&mut self) -> (Statement, Vec<Radius>) {
        let found = BlastRadius::of(self.partition, self.matrix);
        let mut radii: Vec<Radius> = self
            .partition
            .workload_classes()
            .map(|class| Radius {
                workload: self.partition.show(class),
                reaches: found.workloads[class.index()],
                leaves: found.leaves[class.index()],
            })
            .collect();
        let leaving = radii.iter().filter(|one| one.leaves).count();
        let most = radii.iter().map(|one| one.reaches).max().unwrap_or(0);
        let widest = radii.iter().filter(|one| one.reaches == most && most > 0);
        let witnesses = widest
            .map(|one| format!("{} reaches {most}", one.workload))
            .collect();
        radii.sort_by(|a, b| {
            b.reaches
                .cmp(&a.reaches)
                .then_with(|| a.workload.cmp(&b.workload))
        });
        let compared = format!(
            "a workload reaches at most {most} of {} others, {leaving} reach outside",
            radii.len().saturating_sub(1)
        );
        (statement("blast radius", true, compared, witnesses), radii)
    }

    fn rollout(&self) -> Statement {
        let (mut steps, mut compared, mut witnesses) = (0, 0, Vec::new());
        for change in self.basis.changes {
            let what = change.name;
            let versions: Vec<&Manifests> = change.versions.iter().collect();
            let found = Rollout::of(&versions, &change.steps, self.basis.cluster);
            steps += found.steps;
            compared += found.compared;
            witnesses.extend(found.violations.iter().map(|one| {
                let state = if one.is_open { "is open" } else { "is closed" };
                format!(
                    "{what}, after step {}: {} -> {} {state} on {}",
                    one.after,
                    one.from,
                    one.to,
                    ports(&one.ports)
                )
            }));
            let endpoints = found.endpoints.iter();
            witnesses.extend(endpoints.map(|one| format!("{what}, {one}")));
            let unknown = found.unknown.iter();
            witnesses.extend(unknown.map(|step| format!("{what}: {step:?} is about nothing")));
        }
        let names: Vec<&str> = self.basis.changes.iter().map(|one| one.name).collect();
        statement(
            "rollout",
            witnesses.is_empty(),
            format!("{steps} steps: {}; {compared} pairs", names.join(", ")),
            witnesses,
        )
    }
}

fn statement(
    name: &'static str,
    holds: bool,
    compared: String,
    mut witnesses: Vec<String>,
) -> Statement {
    let more = witnesses.len().saturating_sub(MAX_WITNESSES);
    witnesses.truncate(MAX_WITNESSES);
    if more > 0 {
        witnesses.push(format!("and {more} more"));
    }
    Statement {
        statement: name,
        holds,
        compared,
        witnesses,
    }
}

/// `1 pair`, `2 pairs`.
fn number(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

fn ports(list: &[Ports]) -> String {
    if list.is_empty() {
        return "nothing".to_owned();
    }
    let list: Vec<String> = list.iter().map(ToString::to_string).collect();
    list.join(", ")
}

/// The SHA-256 of files, each with its path, in the order in which they are given.
#[must_use]
pub fn digest<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;

    let mut hash = Sha256::new();
    for (path, bytes) in files {
        // Lengths keep the end of one part from being read as the start of the next.
        for part in [path.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}
