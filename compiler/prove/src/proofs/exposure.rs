//! Exposure: from which addresses outside the pods each workload can be reached, and on which ports,
//! beside what is claimed of it.

use crate::address::Range;
use crate::claims::Claims;
use crate::classes::{Class, ClassId, Partition};
use crate::manifest::Direction;
use crate::matrix::Matrix;
use crate::ports::{PortSet, Ports};

/// The addresses that reach a workload on the same ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The workload.
    pub class: ClassId,
    /// From where, sorted.
    pub from: Vec<Range>,
    /// On which ports.
    pub ports: Vec<Ports>,
}

/// Which workloads addresses reach.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    /// By workload.
    pub exposed: Vec<Exposed>,
    /// Workloads for which that is not what is claimed.
    pub differs: Vec<ClassId>,
    /// Workloads that the claims leave without policies.
    pub left_open: Vec<ClassId>,
}

impl Exposure {
    /// Whether everything is as claimed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.differs.is_empty()
    }

    /// Looks at every workload.
    #[must_use]
    pub fn of(partition: &Partition<'_>, matrix: &mut Matrix, claims: &Claims) -> Self {
        let mut claimed: Vec<Vec<(ClassId, PortSet)>> = vec![Vec::new(); partition.pods()];
        for claim in claims.as_slice() {
            for from in partition.of_end(claim.from) {
                if partition.is_pod(*from) {
                    continue;
                }
                let ports = matrix.sets_mut().intern(&[claim.range()]);
                for to in partition
                    .of_end(claim.to)
                    .iter()
                    .filter(|to| partition.is_pod(**to))
                {
                    claimed[to.index()].push((*from, ports));
                }
            }
        }
        let mut out = Self::default();
        for class in partition.workload_classes() {
            if partition.is_left_open(class, claims) {
                out.left_open.push(class);
                continue;
            }
            let mut wanted = std::mem::take(&mut claimed[class.index()]);
            wanted.sort_unstable();
            wanted.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1 = matrix.sets_mut().union(kept.1, next.1);
                }
                is_same
            });
            let found = from_addresses(partition, matrix, class);
            if found != wanted {
                out.differs.push(class);
            }
            out.group(partition, matrix, class, found);
        }
        out
    }

    /// Looks at the workloads that are not open to every address: what their rules name.
    pub(crate) fn by_rules(partition: &Partition<'_>, matrix: &mut Matrix) -> Vec<Exposed> {
        let mut out = Self::default();
        for class in partition.workload_classes() {
            let (_, everywhere) = matrix.side(class, Direction::Ingress).everywhere();
            if everywhere.is_empty() {
                let found = from_addresses(partition, matrix, class);
                out.group(partition, matrix, class, found);
            }
        }
        out.exposed
    }

    fn group(
        &mut self,
        partition: &Partition<'_>,
        matrix: &Matrix,
        class: ClassId,
        mut found: Vec<(ClassId, PortSet)>,
    ) {
        found.sort_unstable_by_key(|(from, ports)| (*ports, *from));
        for same in found.chunk_by(|a, b| a.1 == b.1) {
            let mut from: Vec<Range> = same
                .iter()
                .filter_map(|(class, _)| match partition.class(*class) {
                    Class::Addresses(ranges) => Some(ranges),
                    Class::Workload(_) | Class::OtherPod { .. } => None,
                })
                .flatten()
                .copied()
                .collect();
            from.sort_unstable();
            self.exposed.push(Exposed {
                class,
                from: Range::joined(from),
                ports: matrix.sets().list(same[0].1),
            });
        }
    }
}

fn from_addresses(
    partition: &Partition<'_>,
    matrix: &mut Matrix,
    class: ClassId,
) -> Vec<(ClassId, PortSet)> {
    let (_, everywhere) = matrix.side(class, Direction::Ingress).everywhere();
    if everywhere.is_empty() {
        // Only what is named, which is little.
        let named = matrix.side(class, Direction::Ingress).named();
        return named
            .iter()
            .copied()
            .filter(|(from, _)| !partition.is_pod(*from))
            .collect();
    }
    let classes = partition.classes().skip(partition.pods());
    classes
        .map(|class| (class, matrix.of_side(class, Direction::Ingress, class)))
        .collect()
}
