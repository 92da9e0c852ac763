//! Coverage: every declared pod is isolated in both directions, and every namespace that has pods
//! or is declared denies by default, so that an undeclared pod has no connections.

use crate::claims::{Claims, Enforcement};
use crate::classes::{ClassId, Partition};
use crate::manifest::{Direction, Manifests, Origin, Policy};
use crate::matrix::Matrix;

/// Something that no policy isolates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncovered {
    /// A workload's pods, in a direction.
    Workload {
        /// `namespace.name`.
        name: String,
        /// Where it stands.
        place: Origin,
        /// The direction.
        direction: Direction,
    },
    /// Pods on the network of their node, where no policy is in force.
    OnHost {
        /// `namespace.name`.
        name: String,
        /// Where it stands.
        place: Origin,
    },
    /// A namespace in which a new pod would be open in a direction.
    Namespace {
        /// Its name.
        name: String,
        /// The direction.
        direction: Direction,
    },
}

impl Uncovered {
    /// In words.
    #[must_use]
    pub fn show(&self) -> String {
        match self {
            Self::Workload {
                name, direction, ..
            } => format!("{name}: nothing isolates it ({})", direction.field()),
            Self::OnHost { name, .. } => {
                format!("{name}: on the network of its node, where no policy is in force")
            }
            Self::Namespace { name, direction } => {
                format!(
                    "{name}: no policy denies by default ({})",
                    direction.field()
                )
            }
        }
    }
}

/// What is isolated and what is not.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// How many workloads there are.
    pub workloads: usize,
    /// How many namespaces there are.
    pub namespaces: usize,
    /// What is open.
    pub uncovered: Vec<Uncovered>,
    /// The namespaces that are open by declaration, with how far policies bind their pods.
    pub exempt: Vec<(String, Enforcement)>,
}

impl Coverage {
    /// Whether everything is isolated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.uncovered.is_empty()
    }

    /// Looks at every workload and namespace.
    #[must_use]
    pub fn of(partition: &Partition<'_>, matrix: &Matrix, claims: &Claims) -> Self {
        let manifests = partition.manifests();
        let is_bound = |namespace: &str| claims.enforcement(namespace) != Enforcement::Nothing;
        let bound = manifests.workloads.iter();
        let bound = bound.filter(|workload| is_bound(&workload.namespace));
        let mut out = Self {
            workloads: bound.clone().count(),
            ..Self::default()
        };
        for workload in bound.filter(|one| one.is_on_host) {
            out.uncovered.push(Uncovered::OnHost {
                name: format!("{}.{}", workload.namespace, workload.name),
                place: workload.place,
            });
        }
        // The classes of a workload stand together.
        let classes: Vec<_> = partition
            .workload_classes()
            .filter(|class| !partition.is_left_open(*class, claims))
            .collect();
        let workloads =
            classes.chunk_by(|a, b| partition.workload_index(*a) == partition.workload_index(*b));
        for pods in workloads {
            for direction in Direction::BOTH {
                let is_open = |class: &&ClassId| !matrix.side(**class, direction).isolated;
                let open: Vec<ClassId> = pods.iter().filter(is_open).copied().collect();
                let is_whole = open.len() == pods.len();
                for class in open.iter().take(if is_whole { 1 } else { open.len() }) {
                    let Some(workload) = partition.workload(*class) else {
                        continue;
                    };
                    out.uncovered.push(Uncovered::Workload {
                        name: if is_whole {
                            partition.show_owner(*class)
                        } else {
                            partition.show(*class)
                        },
                        place: workload.place,
                        direction,
                    });
                }
            }
        }
        let (names, exempt): (Vec<&str>, Vec<&str>) = namespaces(manifests)
            .into_iter()
            .partition(|name| claims.enforcement(name) == Enforcement::Whole);
        out.namespaces = names.len();
        let exempt = exempt.into_iter();
        out.exempt = exempt
            .map(|name| (name.to_owned(), claims.enforcement(name)))
            .collect();
        let mut denied: Vec<(&str, Direction)> = Vec::new();
        for policy in manifests.policies.iter().filter(|p| p.selector.is_empty()) {
            for direction in Direction::BOTH {
                if denies(policy, direction) {
                    denied.push((&policy.namespace, direction));
                }
            }
        }
        denied.sort_unstable();
        for name in names {
            for direction in Direction::BOTH {
                if denied.binary_search(&(name, direction)).is_err() {
                    out.uncovered.push(Uncovered::Namespace {
                        name: name.to_owned(),
                        direction,
                    });
                }
            }
        }
        out
    }
}

fn denies(policy: &Policy, direction: Direction) -> bool {
    policy.isolates(direction) && policy.rules(direction).is_none_or(<[_]>::is_empty)
}

fn namespaces(manifests: &Manifests) -> Vec<&str> {
    let declared = manifests.namespaces.iter().map(|one| one.name.as_str());
    let used = manifests.workloads.iter().map(|one| one.namespace.as_str());
    let mut names: Vec<&str> = declared.chain(used).collect();
    names.sort_unstable();
    names.dedup();
    names
}
