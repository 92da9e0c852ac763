//! Exposure: from which addresses outside the pods each workload can be reached, and on which ports,
//! beside what is claimed of it.

use crate::address::Range;
use crate::claims::Claims;
use crate::manifest::Direction;
use crate::matrix::Matrix;
use crate::ports::{PortSet, Ports};
use crate::world::{Atom, AtomId, World};

/// The addresses that reach a workload on the same ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The workload.
    pub atom: AtomId,
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
    pub differs: Vec<AtomId>,
}

impl Exposure {
    /// Whether everything is as claimed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.differs.is_empty()
    }

    /// Looks at every workload.
    #[must_use]
    pub fn of(world: &World<'_>, matrix: &mut Matrix, claims: &Claims) -> Self {
        let mut claimed: Vec<Vec<(AtomId, PortSet)>> = vec![Vec::new(); world.pods()];
        for claim in claims.as_slice() {
            for from in world.of_end(claim.from) {
                if world.is_pod(*from) {
                    continue;
                }
                let ports = matrix.sets_mut().of(&[claim.range()]);
                for to in world
                    .of_end(claim.to)
                    .iter()
                    .filter(|to| world.is_pod(**to))
                {
                    claimed[to.index()].push((*from, ports));
                }
            }
        }
        let mut out = Self::default();
        for atom in world.workload_atoms() {
            let mut wanted = std::mem::take(&mut claimed[atom.index()]);
            wanted.sort_unstable();
            wanted.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                if is_same {
                    kept.1 = matrix.sets_mut().union(kept.1, next.1);
                }
                is_same
            });
            let found = from_addresses(world, matrix, atom);
            if found != wanted {
                out.differs.push(atom);
            }
            out.group(world, matrix, atom, found);
        }
        out
    }

    fn group(
        &mut self,
        world: &World<'_>,
        matrix: &Matrix,
        atom: AtomId,
        mut found: Vec<(AtomId, PortSet)>,
    ) {
        found.sort_unstable_by_key(|(from, ports)| (*ports, *from));
        for same in found.chunk_by(|a, b| a.1 == b.1) {
            let mut from: Vec<Range> = same
                .iter()
                .filter_map(|(class, _)| match world.atom(*class) {
                    Atom::Addresses(ranges) => Some(ranges),
                    Atom::Workload(_) | Atom::OtherPod { .. } => None,
                })
                .flatten()
                .copied()
                .collect();
            from.sort_unstable();
            self.exposed.push(Exposed {
                atom,
                from: Range::joined(from),
                ports: matrix.sets().list(same[0].1),
            });
        }
    }
}

fn from_addresses(world: &World<'_>, matrix: &mut Matrix, atom: AtomId) -> Vec<(AtomId, PortSet)> {
    let (_, everywhere) = matrix.side(atom, Direction::Ingress).everywhere();
    if everywhere.is_empty() {
        // Only what is named, which is little.
        let named = matrix.side(atom, Direction::Ingress).named();
        return named
            .iter()
            .copied()
            .filter(|(from, _)| !world.is_pod(*from))
            .collect();
    }
    let classes = world.atoms().skip(world.pods());
    classes
        .map(|class| (class, matrix.of_side(atom, Direction::Ingress, class)))
        .collect()
}
