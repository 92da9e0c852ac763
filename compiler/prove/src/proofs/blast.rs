//! Blast radius: how many others each workload can reach, through whatever many of them. Workloads
//! that reach each other share one set, so all counts together cost one pass over the cells.

use rustc_hash::FxHashMap;

use crate::classes::{ClassId, Partition};
use crate::matrix::Matrix;

/// How far each workload reaches.
#[derive(Clone, Debug, Default)]
pub struct BlastRadius {
    /// For each workload's class: how many other workloads it reaches.
    pub workloads: Vec<usize>,
    /// For each workload's class: whether it reaches addresses outside the pods.
    pub leaves: Vec<bool>,
    next: Vec<Vec<u32>>,
}

impl BlastRadius {
    /// Counts for all workloads.
    #[must_use]
    pub fn of(partition: &Partition<'_>, matrix: &mut Matrix) -> Self {
        let count = partition.workload_classes().count();
        let mut next: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut leaves = vec![false; count];
        for cell in matrix.cells() {
            let (from, to) = (cell.from.index(), cell.to.index());
            if from >= count || from == to {
                continue;
            }
            if to < count {
                next[from].push(cell.to.0);
            } else if !partition.is_pod(cell.to) {
                leaves[from] = true;
            }
        }
        // What is open to everybody is no cell: such workloads reach all that let them in.
        for class in partition.workload_classes() {
            let (pods, addresses) = matrix
                .side(class, crate::manifest::Direction::Egress)
                .everywhere();
            leaves[class.index()] |= !addresses.is_empty();
            if !pods.is_empty() {
                for other in partition.workload_classes().filter(|other| *other != class) {
                    if !matrix.get(class, other).is_empty() {
                        next[class.index()].push(other.0);
                    }
                }
            }
        }
        let components = components(&next);
        let mut out = Self {
            workloads: vec![0; count],
            leaves,
            next,
        };
        out.count(&components);
        out
    }

    /// The workloads that one reaches, sorted.
    #[must_use]
    pub fn reached(&self, from: ClassId) -> Vec<ClassId> {
        let mut seen = vec![false; self.next.len()];
        let mut stack = vec![from.0];
        while let Some(at) = stack.pop() {
            for to in &self.next[at as usize] {
                if !std::mem::replace(&mut seen[*to as usize], true) {
                    stack.push(*to);
                }
            }
        }
        let all = (0..).map(ClassId).zip(seen);
        all.filter_map(|(class, is_seen)| (is_seen && class != from).then_some(class))
            .collect()
    }

    /// Components come callee first, so the sets of all that a component calls are made already.
    fn count(&mut self, components: &[Vec<u32>]) {
        let words = self.next.len().div_ceil(64);
        let mut of: FxHashMap<u32, usize> = FxHashMap::default();
        let mut sets: Vec<Vec<u64>> = Vec::with_capacity(components.len());
        for (number, component) in components.iter().enumerate() {
            let mut set = vec![0u64; words];
            let mut leaves = false;
            for member in component {
                of.insert(*member, number);
                set[*member as usize / 64] |= 1 << (member % 64);
                leaves |= self.leaves[*member as usize];
            }
            for member in component {
                for to in &self.next[*member as usize] {
                    leaves |= self.leaves[*to as usize];
                    if let Some(other) = of.get(to).filter(|other| **other != number) {
                        for (mine, theirs) in set.iter_mut().zip(&sets[*other]) {
                            *mine |= theirs;
                        }
                    }
                }
            }
            let reached: u32 = set.iter().map(|word| word.count_ones()).sum();
            for member in component {
                // A workload does not count among those that it reaches.
                self.workloads[*member as usize] = (reached as usize).saturating_sub(1);
                self.leaves[*member as usize] = leaves;
            }
            sets.push(set);
        }
    }
}

/// Strongly connected components, callee before caller (Tarjan), without recursion.
fn components(next: &[Vec<u32>]) -> Vec<Vec<u32>> {
    const UNSEEN: u32 = u32::MAX;
    let mut index = vec![UNSEEN; next.len()];
    let mut low = vec![0u32; next.len()];
    let mut is_open = vec![false; next.len()];
    let mut open: Vec<u32> = Vec::new();
    let mut out = Vec::new();
    let mut counter = 0;
    for root in (0..).take(next.len()) {
        if index[root as usize] != UNSEEN {
            continue;
        }
        let mut work: Vec<(u32, usize)> = vec![(root, 0)];
        while let Some((at, child)) = work.pop() {
            let here = at as usize;
            if child == 0 {
                index[here] = counter;
                low[here] = counter;
                counter += 1;
                open.push(at);
                is_open[here] = true;
            } else {
                let before = next[here][child - 1] as usize;
                low[here] = low[here].min(low[before]);
            }
            let mut descends = false;
            for (number, to) in next[here].iter().enumerate().skip(child) {
                let there = *to as usize;
                if index[there] == UNSEEN {
                    work.push((at, number + 1));
                    work.push((*to, 0));
                    descends = true;
                    break;
                }
                if is_open[there] {
                    low[here] = low[here].min(index[there]);
                }
            }
            if descends || low[here] != index[here] {
                continue;
            }
            let mut component = Vec::new();
            while let Some(member) = open.pop() {
                is_open[member as usize] = false;
                component.push(member);
                if member == at {
                    break;
                }
            }
            out.push(component);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn knots_are_components_and_callees_come_first() {
        // 0 -> 1 <-> 2 -> 3, 4 alone.
        let found = components(&[vec![1], vec![2], vec![1, 3], vec![], vec![]]);
        let sorted: Vec<Vec<u32>> = found
            .into_iter()
            .map(|mut one| {
                one.sort_unstable();
                one
            })
            .collect();
        assert_eq!(sorted, [vec![3], vec![1, 2], vec![0], vec![4]]);
    }
}
