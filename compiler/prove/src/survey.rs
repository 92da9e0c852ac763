//! What manifests of any origin allow, in words: who may talk to whom, what is open, from where it can
//! be reached, what other readings of the same policies would change, and what was not evaluated.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::claims::Claims;
use crate::classes::{ClassId, ClusterAddresses, Partition};
use crate::controllers::{is_generated, selectors_of};
use crate::limits::{Exceeded, Limits, measure};
use crate::manifest::{Direction, Effect, Manifests, Note, Origin, Problem};
use crate::matrix::{Matrix, Reading};
use crate::ports::{PortSets, Ports};
use crate::proofs::{Coverage, Exposure, Portability, Uncovered};
use crate::selector::Selector;

/// How many places of objects that are not evaluated are kept.
const MAX_PLACES: usize = 3;

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
    /// Kinds of objects that are not evaluated and may change the answer.
    pub not_evaluated: Vec<NotEvaluated>,
    /// What is no manifest, what kubectl drops, what cannot be known.
    pub notes: Vec<Note>,
    /// What cannot be read or would be rejected.
    pub problems: Vec<Problem>,
}

/// The objects of a kind that is not evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotEvaluated {
    /// `cilium.io/v2`
    pub api_version: String,
    /// `CiliumNetworkPolicy`
    pub kind: String,
    /// What they may change.
    pub effect: Effect,
    /// How many there are.
    pub count: usize,
    /// The places of some of them.
    pub places: Vec<String>,
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
    /// Whether a policy isolates it from the callee.
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
        let limits = Limits::MANIFESTS;
        let partition = Partition::within(manifests, limits)
            .and_then(|partition| measure(&partition, limits).map(|()| partition));
        match partition {
            Ok(partition) => Self::of_partition(&partition),
            Err((exceeded, place)) => Self::too_large(manifests, exceeded, place),
        }
    }

    /// What is left of an answer that would be too large.
    fn too_large(manifests: &Manifests, exceeded: Exceeded, place: Origin) -> Self {
        let mut problems = manifests.problems.clone();
        problems.push(Problem {
            file: manifests
                .files
                .get(place.file as usize)
                .cloned()
                .unwrap_or_default(),
            line: place.line as usize,
            document: place.document as usize,
            field: "spec".to_owned(),
            message: exceeded.message().to_owned(),
        });
        Self {
            version: 1,
            files: manifests.files.len(),
            documents: manifests.documents,
            policies: 0,
            workloads: Vec::new(),
            connections: Vec::new(),
            everywhere: Vec::new(),
            exposed: Vec::new(),
            uncovered: Vec::new(),
            idle: Vec::new(),
            readings: Vec::new(),
            not_evaluated: not_evaluated(manifests),
            notes: notes(manifests),
            problems,
        }
    }

    fn of_partition(partition: &Partition<'_>) -> Self {
        let manifests = partition.manifests();
        let cluster = ClusterAddresses::default();
        let mut matrix = Matrix::of(partition, Reading::STANDARD, &cluster);
        let coverage = Coverage::of(partition, &matrix, &Claims::new());
        let groups = Groups::of(partition);
        let mut survey = Self {
            version: 1,
            files: manifests.files.len(),
            documents: manifests.documents,
            policies: manifests.policies.len(),
            workloads: workloads(partition, &matrix),
            connections: Vec::new(),
            everywhere: everywhere(&groups, &matrix),
            exposed: Vec::new(),
            uncovered: coverage.uncovered.iter().map(Uncovered::show).collect(),
            idle: idle(partition),
            readings: readings(partition, &mut matrix, &cluster),
            not_evaluated: not_evaluated(manifests),
            notes: notes(manifests),
            problems: manifests.problems.clone(),
        };
        let mut cells = Vec::new();
        for cell in matrix.cells() {
            // What only passes between others and addresses is not these manifests' to decide.
            if partition.is_known(cell.from) || partition.is_known(cell.to) {
                cells.push((cell.from, (cell.to, matrix.sets().list(cell.ports))));
            }
        }
        let by_called = groups.named(cells).into_iter();
        let by_called = by_called.map(|(from, (to, ports))| (to, (from, ports)));
        survey.connections = groups
            .named(by_called.collect())
            .into_iter()
            .map(|(to, (from, ports))| Connection { from, to, ports })
            .collect();
        let mut exposed = Vec::new();
        for one in Exposure::by_rules(partition, &mut matrix) {
            let from: Vec<String> = one.from.iter().map(ToString::to_string).collect();
            exposed.push((one.class, (from, one.ports)));
        }
        survey.exposed = groups
            .named(exposed)
            .into_iter()
            .map(|(workload, (from, ports))| Reached {
                workload,
                from,
                ports,
            })
            .collect();
        survey
    }
}

impl Survey {
    /// What is open: connections, sides that are open to all, what nothing isolates. Two sets of manifests
    /// that allow the same are equal in it.
    #[must_use]
    pub fn open(&self) -> Open {
        let mut open = Open::default();
        for one in &self.connections {
            open.add(&one.from, &one.to, &one.ports);
        }
        for one in &self.everywhere {
            for (other, ports) in [("every pod", &one.pods), ("every address", &one.addresses)] {
                match one.direction {
                    Direction::Ingress => open.add(other, &one.workload, ports),
                    Direction::Egress => open.add(&one.workload, other, ports),
                }
            }
        }
        for one in &self.exposed {
            open.add(&one.from.join(", "), &one.workload, &one.ports);
        }
        open.uncovered.extend(self.uncovered.iter().cloned());
        open
    }
}

/// What manifests leave open.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// The ports of each pair.
    pairs: BTreeMap<String, Vec<Ports>>,
    uncovered: BTreeSet<String>,
}

impl Open {
    fn add(&mut self, from: &str, to: &str, ports: &[Ports]) {
        if !ports.is_empty() {
            let pair = self.pairs.entry(format!("{from} -> {to}"));
            pair.or_default().extend(ports);
        }
    }

    /// What is open here and not in another, a line each.
    #[must_use]
    pub fn without(&self, other: &Self) -> Vec<String> {
        let mut sets = PortSets::default();
        let mut lines = Vec::new();
        for (pair, ports) in &self.pairs {
            let ports = sets.intern(ports);
            let others = sets.intern(other.pairs.get(pair).map_or(&[][..], Vec::as_slice));
            let rest = sets.difference(ports, others);
            let rest: Vec<String> = sets.list(rest).iter().map(ToString::to_string).collect();
            if !rest.is_empty() {
                lines.push(format!("{pair} on {}", rest.join(", ")));
            }
        }
        lines.extend(self.uncovered.difference(&other.uncovered).cloned());
        lines
    }
}

/// How the pods of workloads are named: a workload whose pods are all alike is one row.
struct Groups<'w, 'm> {
    partition: &'w Partition<'m>,
    /// How many classes each workload has.
    sizes: Vec<usize>,
}

impl<'w, 'm> Groups<'w, 'm> {
    fn of(partition: &'w Partition<'m>) -> Self {
        let mut sizes = vec![0; partition.manifests().workloads.len()];
        for class in partition.workload_classes() {
            if let Some(index) = partition.workload_index(class) {
                sizes[index] += 1;
            }
        }
        Self { partition, sizes }
    }

    /// Counts of classes as counts of workloads, where all pods of one have the same.
    fn named<T: Ord + Clone>(&self, counted: Vec<(ClassId, T)>) -> Vec<(String, T)> {
        let owner = |class: ClassId| {
            let index = self.partition.workload_index(class)?;
            (self.sizes[index] > 1).then_some(index)
        };
        let mut counts: BTreeMap<(usize, &T), usize> = BTreeMap::new();
        for (class, fact) in &counted {
            if let Some(index) = owner(*class) {
                *counts.entry((index, fact)).or_default() += 1;
            }
        }
        let mut whole: BTreeMap<(usize, T), bool> = counts
            .into_iter()
            .filter(|((index, _), count)| *count == self.sizes[*index])
            .map(|((index, fact), _)| ((index, fact.clone()), false))
            .collect();
        let mut out = Vec::with_capacity(counted.len());
        for (class, fact) in counted {
            let of_whole = owner(class).map(|index| (index, fact.clone()));
            match of_whole.and_then(|key| whole.get_mut(&key)) {
                Some(is_written) => {
                    if !std::mem::replace(is_written, true) {
                        out.push((self.partition.show_owner(class), fact));
                    }
                }
                None => out.push((self.partition.show(class), fact)),
            }
        }
        out
    }
}

/// The kinds of manifests that are not evaluated.
#[must_use]
pub fn not_evaluated(manifests: &Manifests) -> Vec<NotEvaluated> {
    let mut kinds: BTreeMap<(Effect, &str, &str), NotEvaluated> = BTreeMap::new();
    for object in &manifests.not_evaluated {
        let key = (object.effect, object.kind.as_str(), object.version.as_str());
        let kind = kinds.entry(key).or_insert_with(|| NotEvaluated {
            api_version: object.version.to_string(),
            kind: object.kind.to_string(),
            effect: object.effect,
            count: 0,
            places: Vec::new(),
        });
        kind.count += 1;
        if kind.places.len() < MAX_PLACES {
            kind.places.push(manifests.place(object.place));
        }
    }
    kinds.into_values().collect()
}

/// The notes of reading, and the policies of which it cannot be known whether they select a pod.
fn notes(manifests: &Manifests) -> Vec<Note> {
    let mut notes = manifests.notes.clone();
    for policy in &manifests.policies {
        let key = selectors_of(policy)
            .flat_map(Selector::requirements)
            .find(|one| is_generated(&one.key) && one.names_values())
            .map(|one| &one.key);
        if let Some(key) = key {
            let file = manifests.files.get(policy.place.file as usize);
            notes.push(Note {
                file: file.cloned().unwrap_or_default(),
                line: policy.place.line as usize,
                message: format!(
                    "NetworkPolicy {}.{} selects by `{key}`, whose values Kubernetes generates: evaluated as if no pod had the value",
                    policy.namespace, policy.name
                ),
            });
        }
    }
    notes.sort_unstable();
    notes
}

fn workloads(partition: &Partition<'_>, matrix: &Matrix) -> Vec<Surveyed> {
    let mut isolated = vec![[None; 2]; partition.manifests().workloads.len()];
    for class in partition.workload_classes() {
        if let Some(index) = partition.workload_index(class) {
            for (side, all) in Direction::BOTH.into_iter().zip(&mut isolated[index]) {
                let is_isolated = matrix.side(class, side).isolated;
                *all = Some(all.unwrap_or(true) && is_isolated);
            }
        }
    }
    let isolated = isolated.into_iter();
    let isolated = isolated.map(|sides| sides.map(|side| side.unwrap_or(false)));
    let all = partition.manifests().workloads.iter().zip(isolated);
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

fn everywhere(groups: &Groups<'_, '_>, matrix: &Matrix) -> Vec<Everywhere> {
    let mut list = Vec::new();
    for class in groups.partition.workload_classes() {
        for direction in Direction::BOTH {
            let (pods, addresses) = matrix.side(class, direction).everywhere();
            if !pods.is_empty() || !addresses.is_empty() {
                let open = (matrix.sets().list(pods), matrix.sets().list(addresses));
                list.push((class, (direction, open)));
            }
        }
    }
    let named = groups.named(list).into_iter();
    named
        .map(|(workload, (direction, (pods, addresses)))| Everywhere {
            workload,
            direction,
            pods,
            addresses,
        })
        .collect()
}

fn idle(partition: &Partition<'_>) -> Vec<String> {
    let policies = partition.manifests().policies.iter();
    policies
        .filter(|policy| {
            let selected = partition.selected(policy);
            !policy.selector.is_empty()
                && selected
                    .iter()
                    .all(|class| partition.workload(*class).is_none())
        })
        .map(|policy| format!("{}.{}", policy.namespace, policy.name))
        .collect()
}

fn readings(
    partition: &Partition<'_>,
    matrix: &mut Matrix,
    cluster: &ClusterAddresses,
) -> Vec<Difference> {
    let found = Portability::of(partition, matrix, cluster);
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
                    let (from, to) = (partition.show(pair.from), partition.show(pair.to));
                    format!("{from} -> {to}: {}", what.join(", "))
                })
                .collect(),
        })
        .collect()
}
