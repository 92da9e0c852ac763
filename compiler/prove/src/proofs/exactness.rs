//! Exactness: what the manifests allow is what is claimed, no more and no less, port by port; and so
//! does each side alone, so that no grant waits for a change elsewhere to become a connection.

use crate::claims::{Claims, EndId, LabelId};
use crate::classes::{ClassId, Partition};
use crate::manifest::Direction;
use crate::matrix::{Cell, Matrix};
use crate::ports::PortSet;

/// A pair of classes for which claims and manifests differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Who calls.
    pub from: ClassId,
    /// Who is called; `None` where a side of the caller is open to all peers.
    pub to: Option<ClassId>,
    /// The ports in question.
    pub ports: PortSet,
    /// What the caller's side allows of them.
    pub egress: PortSet,
    /// What the side of the callee allows of them.
    pub ingress: PortSet,
    /// The claims that the pair has, by their labels.
    pub labels: Vec<LabelId>,
}

/// A side that allows what nothing claims, and that the other side forbids: no connection yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfOpen {
    /// Whose side.
    pub class: ClassId,
    /// Which of its two.
    pub direction: Direction,
    /// To or from whom.
    pub other: ClassId,
    /// On which ports.
    pub ports: PortSet,
}

/// The result of the comparison.
#[derive(Clone, Debug, Default)]
pub struct Exactness {
    /// How many cells were claimed.
    pub claimed: usize,
    /// How many cells the manifests allow.
    pub allowed: usize,
    /// Claimed and not allowed.
    pub missing: Vec<Difference>,
    /// Allowed and not claimed.
    pub extra: Vec<Difference>,
    /// Allowed by one side, and not claimed.
    pub half_open: Vec<HalfOpen>,
    /// Classes of which a direction is open to all peers.
    pub open: Vec<(ClassId, Direction)>,
    /// Claims with an end that is nowhere in the manifests.
    pub nowhere: Vec<(EndId, LabelId)>,
}

impl Exactness {
    /// Whether the two are equal.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.missing.is_empty()
            && self.extra.is_empty()
            && self.half_open.is_empty()
            && self.open.is_empty()
            && self.nowhere.is_empty()
    }

    /// Compares the matrix with the claims that the partition was made with.
    #[must_use]
    pub fn of(partition: &Partition<'_>, matrix: &mut Matrix, claims: &Claims) -> Self {
        let mut out = Self::default();
        let expected = out.expected(partition, matrix, claims);
        let allowed = matrix.cells();
        out.claimed = expected.len();
        out.allowed = allowed.len();
        // Between two ends that no policy of the platform has to bind, everything may be open.
        let is_free = |class| !partition.is_known(class) || partition.is_left_open(class, claims);
        let mut differing: Vec<(ClassId, ClassId, PortSet, bool)> = Vec::new();
        walk(&expected, &allowed, |from, to, wanted, found| {
            if wanted == found {
                return;
            }
            // A cell that no rule names may still be open on a side that is open to all.
            let found = if found.is_empty() {
                matrix.get(from, to)
            } else {
                found
            };
            let missing = matrix.sets_mut().difference(wanted, found);
            if !missing.is_empty() {
                differing.push((from, to, missing, true));
            }
            let extra = matrix.sets_mut().difference(found, wanted);
            let is_excused = is_free(from) && is_free(to);
            if !extra.is_empty() && !is_excused {
                differing.push((from, to, extra, false));
            }
        });
        for (from, to, ports, is_missing) in differing {
            let egress = matrix.of_side(from, Direction::Egress, to);
            let ingress = matrix.of_side(to, Direction::Ingress, from);
            let difference = Difference {
                from,
                to: Some(to),
                ports,
                egress: matrix.sets_mut().intersection(ports, egress),
                ingress: matrix.sets_mut().intersection(ports, ingress),
                labels: Vec::new(),
            };
            if is_missing {
                out.missing.push(difference);
            } else {
                out.extra.push(difference);
            }
        }
        if !out.missing.is_empty() || !out.extra.is_empty() {
            out.name_claims(partition, claims);
        }
        out.half_open(partition, matrix, expected);
        for class in partition
            .classes()
            .filter(|class| partition.is_known(*class) && !partition.is_left_open(*class, claims))
        {
            for direction in Direction::BOTH {
                let (pods, addresses) = matrix.side(class, direction).everywhere();
                if !pods.is_empty() || !addresses.is_empty() {
                    out.open.push((class, direction));
                }
            }
        }
        out
    }

    /// Compares each side with what is claimed, without what is known to be extra already.
    fn half_open(
        &mut self,
        partition: &Partition<'_>,
        matrix: &mut Matrix,
        mut expected: Vec<Cell>,
    ) {
        let mut extra: Vec<Cell> = Vec::with_capacity(self.extra.len());
        for difference in &self.extra {
            if let Some(to) = difference.to {
                let (from, ports) = (difference.from, difference.ports);
                extra.push(Cell { from, to, ports });
            }
        }
        for direction in [Direction::Egress, Direction::Ingress] {
            if direction == Direction::Ingress {
                // From here on `from` is the pod whose side it is.
                for cell in expected.iter_mut().chain(&mut extra) {
                    std::mem::swap(&mut cell.from, &mut cell.to);
                }
                expected.sort_unstable();
                extra.sort_unstable();
            }
            let mut of_side: Vec<Cell> = Vec::with_capacity(expected.len());
            for from in partition
                .classes()
                .filter(|class| partition.is_known(*class))
            {
                let named = matrix.side(from, direction).named();
                of_side.extend(named.iter().map(|(to, ports)| Cell {
                    from,
                    to: *to,
                    ports: *ports,
                }));
            }
            let mut found: Vec<Cell> = Vec::new();
            walk(&expected, &of_side, |from, to, wanted, allowed| {
                let ports = matrix.sets_mut().difference(allowed, wanted);
                if !ports.is_empty() {
                    found.push(Cell { from, to, ports });
                }
            });
            walk(&extra, &found, |class, other, known, found| {
                let ports = matrix.sets_mut().difference(found, known);
                if !ports.is_empty() {
                    self.half_open.push(HalfOpen {
                        class,
                        direction,
                        other,
                        ports,
                    });
                }
            });
        }
    }

    /// The cells that the claims make, sorted.
    fn expected(
        &mut self,
        partition: &Partition<'_>,
        matrix: &mut Matrix,
        claims: &Claims,
    ) -> Vec<Cell> {
        let mut raw: Vec<(ClassId, ClassId, PortSet)> = Vec::with_capacity(claims.as_slice().len());
        let mut last = None;
        for claim in claims.as_slice() {
            // Neighbours mostly have the same ports.
            let range = claim.range();
            let ports = match last {
                Some((known, set)) if known == range => set,
                _ => matrix.sets_mut().intern(&[range]),
            };
            last = Some((range, ports));
            for end in [claim.from, claim.to] {
                if partition.of_end(end).is_empty() {
                    self.nowhere.push((end, claim.label));
                }
            }
            for from in partition.of_end(claim.from) {
                for to in partition.of_end(claim.to) {
                    raw.push((*from, *to, ports));
                }
            }
        }
        self.nowhere.sort_unstable();
        self.nowhere.dedup_by_key(|(end, _)| *end);
        raw.sort_unstable();
        raw.dedup();
        let mut cells: Vec<Cell> = Vec::with_capacity(raw.len());
        for (from, to, ports) in raw {
            match cells.last_mut() {
                Some(cell) if (cell.from, cell.to) == (from, to) => {
                    cell.ports = matrix.sets_mut().union(cell.ports, ports);
                }
                _ => cells.push(Cell { from, to, ports }),
            }
        }
        cells
    }

    /// Writes to each difference the claims of its pair; only where there are some.
    fn name_claims(&mut self, partition: &Partition<'_>, claims: &Claims) {
        let differences = self.missing.iter_mut().chain(&mut self.extra);
        let mut by_pair: rustc_hash::FxHashMap<(ClassId, ClassId), Vec<&mut Vec<LabelId>>> =
            rustc_hash::FxHashMap::default();
        for difference in differences {
            if let Some(to) = difference.to {
                let labels = &mut difference.labels;
                by_pair
                    .entry((difference.from, to))
                    .or_default()
                    .push(labels);
            }
        }
        for claim in claims.as_slice() {
            for from in partition.of_end(claim.from) {
                for to in partition.of_end(claim.to) {
                    for labels in by_pair.get_mut(&(*from, *to)).into_iter().flatten() {
                        if !labels.contains(&claim.label) {
                            labels.push(claim.label);
                        }
                    }
                }
            }
        }
    }
}

/// Goes through two sorted lists of cells side by side.
fn walk(a: &[Cell], b: &[Cell], mut each: impl FnMut(ClassId, ClassId, PortSet, PortSet)) {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let key = |cell: &&Cell| (cell.from, cell.to);
        let next = match (a.peek().map(key), b.peek().map(key)) {
            (None, None) => return,
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) => one.min(other),
        };
        let take = |cell: Option<&Cell>| cell.map_or(PortSet::NONE, |cell| cell.ports);
        let left = take(a.next_if(|cell| key(cell) == next));
        let right = take(b.next_if(|cell| key(cell) == next));
        each(next.0, next.1, left, right);
    }
}
