//! What anybody's manifests allow, in words: who may talk to whom, what is open, from where it can be
//! reached, what other readings of the same policies would change.

use serde::Serialize;

use crate::claims::Claims;
use crate::manifest::{Direction, Manifests, Problem};
use crate::matrix::{Matrix, Reading};
use crate::ports::Ports;
use crate::proofs::{Coverage, Exposure, Portability, Uncovered};
use crate::world::{Facts, World};

/// What manifests allow.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// The version of this form.
    pub version: u32,
    /// How many files were read.
    pub files: usize,
    /// How many documents are in them.
    pub documents: usize,
    /// How many policies were evaluated.
    pub policies: usize,
    /// The workloads.
    pub workloads: Vec<Surveyed>,
    /// Pairs that some rule names.
    pub connections: Vec<Connection>,
    /// Sides that are open to every pod or address alike.
    pub everywhere: Vec<Everywhere>,
    /// From which addresses workloads can be reached, where a rule says so.
    pub exposed: Vec<Reached>,
    /// What no policy isolates.
    pub uncovered: Vec<String>,
    /// Policies that select none of the workloads.
    pub idle: Vec<String>,
    /// Other readings under which something differs.
    pub readings: Vec<Difference>,
    /// What cannot be read or would be refused.
    pub problems: Vec<Problem>,
}

/// A workload.
#[derive(Clone, Debug, Serialize)]
pub struct Surveyed {
    /// `namespace.name`.
    pub workload: String,
    /// Its kind.
    pub kind: String,
    /// Whether a policy isolates it from callers.
    pub ingress_isolated: bool,
    /// Whether a policy isolates it from the called.
    pub egress_isolated: bool,
    /// Whether it is on the network of its node.
    pub on_host: bool,
}

/// Two that may talk.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// On which ports.
    pub ports: Vec<Ports>,
}

/// A side that is open to all.
#[derive(Clone, Debug, Serialize)]
pub struct Everywhere {
    /// Whose.
    pub workload: String,
    /// Which of its two.
    pub direction: Direction,
    /// To or from every pod.
    pub pods: Vec<Ports>,
    /// To or from every address.
    pub addresses: Vec<Ports>,
}

/// Addresses that reach a workload.
#[derive(Clone, Debug, Serialize)]
pub struct Reached {
    /// The workload.
    pub workload: String,
    /// From where.
    pub from: Vec<String>,
    /// On which ports.
    pub ports: Vec<Ports>,
}

/// A reading that gives another matrix.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The reading.
    pub reading: &'static str,
    /// Network plugins that have it.
    pub plugins: &'static [&'static str],
    /// How many pairs and open sides differ.
    pub differ: usize,
    /// Some of them.
    pub examples: Vec<String>,
}

impl Survey {
    /// Evaluates manifests.
    #[must_use]
    pub fn of(manifests: &Manifests) -> Self {
        let (claims, facts) = (Claims::new(), Facts::default());
        let world = World::of(manifests, &claims, &facts);
        let mut matrix = Matrix::of(&world, Reading::STANDARD, &facts);
        let coverage = Coverage::of(&world, &matrix);
        let mut survey = Self {
            version: 1,
            files: manifests.files.len(),
            documents: manifests.documents,
            policies: manifests.policies.len(),
            workloads: workloads(&world, &matrix),
            connections: Vec::new(),
            everywhere: everywhere(&world, &matrix),
            exposed: Vec::new(),
            uncovered: coverage.uncovered.iter().map(Uncovered::show).collect(),
            idle: idle(&world),
            readings: readings(&world, &mut matrix, &facts),
            problems: manifests.problems.clone(),
        };
        for cell in matrix.cells() {
            // What only passes between others and addresses is not these manifests' to say.
            if world.is_known(cell.from) || world.is_known(cell.to) {
                survey.connections.push(Connection {
                    from: world.show(cell.from),
                    to: world.show(cell.to),
                    ports: matrix.sets().list(cell.ports),
                });
            }
        }
        for one in Exposure::of(&world, &mut matrix, &claims).exposed {
            let (_, open) = matrix.side(one.atom, Direction::Ingress).everywhere();
            if open.is_empty() {
                survey.exposed.push(Reached {
                    workload: world.show(one.atom),
                    from: one.from.iter().map(ToString::to_string).collect(),
                    ports: one.ports,
                });
            }
        }
        survey
    }
}

fn workloads(world: &World<'_>, matrix: &Matrix) -> Vec<Surveyed> {
    let mut isolated = vec![[false; 2]; world.manifests().workloads.len()];
    for atom in world.workload_atoms() {
        if let Some(index) = world.workload_index(atom) {
            isolated[index] = Direction::BOTH.map(|side| matrix.side(atom, side).isolated);
        }
    }
    let all = world.manifests().workloads.iter().zip(isolated);
    let mut list: Vec<Surveyed> = all
        .map(|(workload, [ingress_isolated, egress_isolated])| Surveyed {
            workload: format!("{}.{}", workload.namespace, workload.name),
            kind: workload.kind.to_string(),
            ingress_isolated,
            egress_isolated,
            on_host: workload.is_on_host,
        })
        .collect();
    list.sort_by(|a, b| (&a.workload, &a.kind).cmp(&(&b.workload, &b.kind)));
    list
}

fn everywhere(world: &World<'_>, matrix: &Matrix) -> Vec<Everywhere> {
    let mut list = Vec::new();
    for atom in world.workload_atoms() {
        for direction in Direction::BOTH {
            let (pods, addresses) = matrix.side(atom, direction).everywhere();
            if !pods.is_empty() || !addresses.is_empty() {
                list.push(Everywhere {
                    workload: world.show(atom),
                    direction,
                    pods: matrix.sets().list(pods),
                    addresses: matrix.sets().list(addresses),
                });
            }
        }
    }
    list
}

fn idle(world: &World<'_>) -> Vec<String> {
    let policies = world.manifests().policies.iter();
    policies
        .filter(|policy| {
            let selected = world.selected(policy);
            !policy.selector.is_empty()
                && selected.iter().all(|atom| world.workload(*atom).is_none())
        })
        .map(|policy| format!("{}.{}", policy.namespace, policy.name))
        .collect()
}

fn readings(world: &World<'_>, matrix: &mut Matrix, facts: &Facts) -> Vec<Difference> {
    let found = Portability::of(world, matrix, facts);
    let differing = found.readings.iter().filter(|one| !one.is_same());
    differing
        .map(|one| Difference {
            reading: one.deviation.describe(),
            plugins: one.deviation.plugins(),
            differ: one.differs.len() + one.sides,
            examples: one
                .differs
                .iter()
                .take(10)
                .map(|pair| {
                    let list = |ports: &[Ports]| {
                        let list: Vec<String> = ports.iter().map(ToString::to_string).collect();
                        list.join(", ")
                    };
                    let mut what = Vec::new();
                    if !pair.opened.is_empty() {
                        what.push(format!("opens {}", list(&pair.opened)));
                    }
                    if !pair.closed.is_empty() {
                        what.push(format!("closes {}", list(&pair.closed)));
                    }
                    let (from, to) = (world.show(pair.from), world.show(pair.to));
                    format!("{from} -> {to}: {}", what.join(", "))
                })
                .collect(),
        })
        .collect()
}
