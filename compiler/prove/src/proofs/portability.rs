//! Portability: the matrix under every reading of the API that a network plugin may have. What
//! differs is listed with the plugins that read it so.

use crate::classes::{ClassId, ClusterAddresses, Partition};
use crate::manifest::{Direction, TargetPort};
use crate::matrix::{Cell, Matrix, Reading};
use crate::ports::{PortSet, Ports};

/// A reading of policies that is not the API's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// An `ipBlock` means pods too, by their addresses.
    BlocksMatchPods,
    /// `endPort` is not known: a range is its first port.
    NoEndPort,
    /// An empty list is no absent one.
    EmptyIsNothing,
    /// Traffic is judged before a Service's address and port are translated.
    BeforeTranslation,
}

impl Deviation {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::BlocksMatchPods,
        Self::NoEndPort,
        Self::EmptyIsNothing,
        Self::BeforeTranslation,
    ];

    /// What it does.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::BlocksMatchPods => "an ipBlock matches pods by their addresses",
            Self::NoEndPort => "endPort is not honoured",
            Self::EmptyIsNothing => "`[]` is not read as absent",
            Self::BeforeTranslation => "judged before the Service's port is translated",
        }
    }

    /// Network plugins that read policies so, as `cni` of a cluster names them.
    #[must_use]
    pub const fn plugins(self) -> &'static [&'static str] {
        match self {
            Self::BlocksMatchPods => &[
                "antrea",
                "aws-vpc",
                "calico",
                "canal",
                "kindnet",
                "kube-network-policies",
                "kube-router",
                "ovn-kubernetes",
            ],
            Self::NoEndPort => &["weave"],
            Self::EmptyIsNothing => &[],
            Self::BeforeTranslation => &["aws-vpc"],
        }
    }

    const fn reading(self) -> Reading {
        match self {
            Self::BlocksMatchPods => Reading {
                blocks_match_pods: true,
                ..Reading::STANDARD
            },
            Self::NoEndPort => Reading {
                end_port: false,
                ..Reading::STANDARD
            },
            Self::EmptyIsNothing => Reading {
                empty_is_absent: false,
                ..Reading::STANDARD
            },
            Self::BeforeTranslation => Reading::STANDARD,
        }
    }
}

/// Two classes that may talk differently under a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// Who calls.
    pub from: ClassId,
    /// Who is called.
    pub to: ClassId,
    /// Ports that are open only so.
    pub opened: Vec<Ports>,
    /// Ports that are closed only so.
    pub closed: Vec<Ports>,
}

/// The matrix under a reading, compared with that of the API.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The reading.
    pub deviation: Deviation,
    /// Where it differs, sorted.
    pub differs: Vec<Differs>,
    /// How many sides are open to all peers only so, or no longer.
    pub sides: usize,
}

/// The comparison of all readings.
#[derive(Clone, Debug, Default)]
pub struct Portability {
    /// One for each reading.
    pub readings: Vec<Compared>,
}

impl Portability {
    /// Whether every reading gives the same matrix.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.readings.iter().all(Compared::is_same)
    }

    /// Whether a plugin's reading gives the same matrix as the API's.
    #[must_use]
    pub fn holds_on(&self, plugin: &str) -> bool {
        let of_plugin = |one: &&Compared| one.deviation.plugins().contains(&plugin);
        self.readings
            .iter()
            .filter(of_plugin)
            .all(Compared::is_same)
    }

    /// Evaluates under every reading.
    #[must_use]
    pub fn of(partition: &Partition<'_>, matrix: &mut Matrix, cluster: &ClusterAddresses) -> Self {
        let standard = matrix.cells();
        let readings = Deviation::ALL
            .into_iter()
            .map(|deviation| match deviation {
                Deviation::BeforeTranslation => before_translation(partition, matrix),
                Deviation::BlocksMatchPods | Deviation::NoEndPort | Deviation::EmptyIsNothing => {
                    let mut other = Matrix::of(partition, deviation.reading(), cluster);
                    compare(partition, deviation, matrix, &standard, &mut other)
                }
            })
            .collect();
        Self { readings }
    }
}

impl Compared {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differs.is_empty() && self.sides == 0
    }
}

fn compare(
    partition: &Partition<'_>,
    deviation: Deviation,
    matrix: &mut Matrix,
    standard: &[Cell],
    other: &mut Matrix,
) -> Compared {
    let mut sides = 0;
    for class in partition.classes().take(partition.pods()) {
        for direction in Direction::BOTH {
            let list = |matrix: &Matrix| {
                let (pods, addresses) = matrix.side(class, direction).everywhere();
                (matrix.sets().list(pods), matrix.sets().list(addresses))
            };
            sides += usize::from(list(matrix) != list(other));
        }
    }
    let cells = other.cells();
    let mut pairs: Vec<(ClassId, ClassId)> = standard
        .iter()
        .chain(&cells)
        .map(|cell| (cell.from, cell.to))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut differs = Vec::new();
    for (from, to) in pairs {
        let ours = matrix.get(from, to);
        let ours = matrix.sets().list(ours);
        let theirs = other.get(from, to);
        let theirs = other.sets().list(theirs);
        if ours == theirs {
            continue;
        }
        // The two matrices number their sets differently.
        let theirs = matrix.sets_mut().intern(&theirs);
        let ours = matrix.sets_mut().intern(&ours);
        let opened = matrix.sets_mut().difference(theirs, ours);
        let closed = matrix.sets_mut().difference(ours, theirs);
        differs.push(Differs {
            from,
            to,
            opened: matrix.sets().list(opened),
            closed: matrix.sets().list(closed),
        });
    }
    Compared {
        deviation,
        differs,
        sides,
    }
}

/// A caller that speaks to a Service is judged by the Service's port there: where that differs
/// from the container's, the caller's side must allow it too.
fn before_translation(partition: &Partition<'_>, matrix: &mut Matrix) -> Compared {
    let manifests = partition.manifests();
    let mut cells = matrix.cells();
    cells.sort_unstable_by_key(|cell| cell.to);
    let mut differs = Vec::new();
    for service in manifests.services.iter().filter(|one| !one.is_headless) {
        let Some(selector) = &service.selector else {
            continue;
        };
        for class in partition.pods_of(&service.namespace, selector) {
            let Some(workload) = partition.workload(class) else {
                continue;
            };
            for port in &service.ports {
                let inside = match &port.target {
                    TargetPort::Number(number) => Some(*number),
                    TargetPort::Name(name) => workload
                        .ports
                        .iter()
                        .find(|one| one.name == *name && one.protocol == port.protocol)
                        .map(|one| one.number),
                };
                let Some(inside) = inside.filter(|inside| *inside != port.port) else {
                    continue;
                };
                let first = cells.partition_point(|cell| cell.to < class);
                for cell in cells[first..].iter().take_while(|cell| cell.to == class) {
                    let is_called = matrix.sets().contains(cell.ports, port.protocol, inside);
                    if !is_called || !partition.is_pod(cell.from) {
                        continue;
                    }
                    let side = matrix.of_side(cell.from, Direction::Egress, class);
                    if side != PortSet::ALL
                        && !matrix.sets().contains(side, port.protocol, port.port)
                    {
                        differs.push(Differs {
                            from: cell.from,
                            to: class,
                            opened: Vec::new(),
                            closed: vec![Ports::one(port.protocol, inside)],
                        });
                    }
                }
            }
        }
    }
    differs.sort_by(|a, b| (a.from, a.to, &a.closed).cmp(&(b.from, b.to, &b.closed)));
    // A headless Service beside another one says the same.
    differs.dedup();
    Compared {
        deviation: Deviation::BeforeTranslation,
        differs,
        sides: 0,
    }
}
