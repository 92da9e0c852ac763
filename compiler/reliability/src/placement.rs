//! Whether every pod finds a node: first-fit decreasing over nodes that are all alike, with what the
//! scheduler holds to. Replicas that are kept apart stand at most one more on a node than on another,
//! and two pods never have one port of a node.

use std::collections::{BTreeMap, BTreeSet};

use erpc_model::units::{Cpu, Memory};
use erpc_model::{Nodes, Platform, Scaling, ServiceId};

use crate::capacity::{Pod, Scale, allocatable};

/// Pods on nodes.
#[derive(Clone, Debug, Default)]
pub struct Packing {
    /// Pods for which no node was found, in the order in which they were tried.
    pub without_place: Vec<WithoutPlace>,
}

/// Pods of one service for which no node was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithoutPlace {
    /// Whose.
    pub service: ServiceId,
    /// How many.
    pub pods: u64,
    /// Of how many.
    pub of: u64,
    /// What each requests.
    pub each: Pod,
    /// What is in the way.
    pub why: Obstacle,
}

/// Why a pod finds no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No node has more CPU left than this.
    Cpu(Cpu),
    /// No node has more memory left than this.
    Memory(Memory),
    /// No node has enough of both left.
    Both,
    /// The nodes with enough capacity have a replica more than others already.
    Apart,
    /// Where there is enough capacity, its port of the node is taken.
    Port(u16),
}

/// The pods of a service that are to be placed.
struct Batch {
    service: ServiceId,
    pods: u64,
    each: Pod,
    is_apart: bool,
    ports: Vec<u16>,
}

/// Places every pod of the platform on `count` nodes.
#[must_use]
pub fn pack(platform: &Platform, nodes: &Nodes, count: u32, scale: Scale) -> Packing {
    let size = Capacity {
        cpu: nodes.cpu.0,
        memory: allocatable(nodes).0,
    };
    let mut batches: Vec<Batch> = platform
        .services()
        .filter(|(_, service)| !service.is_job())
        .map(|(id, service)| Batch {
            service: id,
            pods: match service.scaling {
                Scaling::PerNode(_) => u64::from(count),
                Scaling::Fixed(_) | Scaling::Auto(_) => scale.replicas(service),
            },
            each: Pod::of(service),
            is_apart: platform.is_kept_apart(service)
                || matches!(service.scaling, Scaling::PerNode(_)),
            ports: {
                let ports = service.ports.iter().filter(|port| port.host);
                ports
                    .flat_map(|port| port.number.value..=port.last)
                    .collect()
            },
        })
        .collect();
    // The larger share of a node, of CPU or of memory.
    let share = |batch: &Batch| {
        let cpu = u128::from(batch.each.cpu.0) * u128::from(size.memory);
        let memory = u128::from(batch.each.memory.0) * u128::from(size.cpu);
        std::cmp::Reverse(cpu.max(memory))
    };
    batches.sort_by_key(|batch| (share(batch), batch.service));
    let packing = place(&batches, size, count);
    if packing.without_place.is_empty() {
        return packing;
    }
    // Those with the fewest choices first may leave capacity for all.
    batches.sort_by_key(|batch| !batch.is_apart && batch.ports.is_empty());
    let other = place(&batches, size, count);
    if other.without_place.is_empty() {
        other
    } else {
        packing
    }
}

fn place(batches: &[Batch], size: Capacity, count: u32) -> Packing {
    let mut free = Free::of(size, count as usize);
    let mut taken: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
    let mut packing = Packing::default();
    for batch in batches {
        let placed = if !batch.ports.is_empty() {
            free.place_by_port(batch, &mut taken)
        } else if batch.is_apart {
            free.place_apart(batch)
        } else {
            free.place_anywhere(batch)
        };
        if placed < batch.pods {
            packing.without_place.push(WithoutPlace {
                service: batch.service,
                pods: batch.pods - placed,
                of: batch.pods,
                each: batch.each,
                why: free.obstacle(batch),
            });
        }
    }
    packing
}

/// What is left on a node, or at most on one of several.
#[derive(Clone, Copy, Debug, Default)]
struct Capacity {
    cpu: u64,
    memory: u64,
}

impl Capacity {
    fn holds(self, each: &Pod) -> bool {
        self.cpu >= each.cpu.0 && self.memory >= each.memory.0
    }

    /// How many pods of this size it holds; any number of those that request nothing.
    fn times(self, each: &Pod) -> u64 {
        let cpu = self.cpu.checked_div(each.cpu.0).unwrap_or(u64::MAX);
        let memory = self.memory.checked_div(each.memory.0).unwrap_or(u64::MAX);
        cpu.min(memory)
    }
}

/// The free capacity of every node, as a tree of the most CPU and the most memory below each branch, so that
/// the first node that holds a pod is found without looking at those before it.
struct Free {
    /// The root is at 1, the nodes from `leaves` on.
    tree: Vec<Capacity>,
    leaves: usize,
    count: usize,
}

impl Free {
    fn of(size: Capacity, count: usize) -> Self {
        let leaves = count.next_power_of_two().max(1);
        let mut tree = vec![Capacity::default(); 2 * leaves];
        tree[leaves..leaves + count].fill(size);
        for at in (1..leaves).rev() {
            tree[at] = most(tree[2 * at], tree[2 * at + 1]);
        }
        Self {
            tree,
            leaves,
            count,
        }
    }

    fn take(&mut self, node: usize, each: &Pod, pods: u64) {
        let mut at = self.leaves + node;
        let free = &mut self.tree[at];
        free.cpu = free.cpu.saturating_sub(each.cpu.0.saturating_mul(pods));
        free.memory = free
            .memory
            .saturating_sub(each.memory.0.saturating_mul(pods));
        while at > 1 {
            at /= 2;
            self.tree[at] = most(self.tree[2 * at], self.tree[2 * at + 1]);
        }
    }

    /// The first node from `from` on that holds a pod.
    fn first(&self, from: usize, each: &Pod) -> Option<usize> {
        self.first_below(1, 0, self.leaves, from, each)
            .filter(|node| *node < self.count)
    }

    fn first_below(
        &self,
        at: usize,
        start: usize,
        width: usize,
        from: usize,
        each: &Pod,
    ) -> Option<usize> {
        if start + width <= from || !self.tree[at].holds(each) {
            return None;
        }
        if width == 1 {
            return Some(start);
        }
        let half = width / 2;
        self.first_below(2 * at, start, half, from, each)
            .or_else(|| self.first_below(2 * at + 1, start + half, half, from, each))
    }

    /// As many on each node as it holds, from the first one on.
    fn place_anywhere(&mut self, batch: &Batch) -> u64 {
        let mut placed = 0;
        let mut from = 0;
        while placed < batch.pods
            && let Some(node) = self.first(from, &batch.each)
        {
            let free = self.tree[self.leaves + node].times(&batch.each);
            let pods = free.min(batch.pods - placed);
            self.take(node, &batch.each, pods);
            placed += pods;
            from = node + 1;
        }
        placed
    }

    /// The same number on each node, and one more on the first ones.
    fn place_apart(&mut self, batch: &Batch) -> u64 {
        let nodes = self.count as u64;
        let whole = batch.pods.checked_div(nodes).unwrap_or(0);
        let even = if whole == 0 {
            0
        } else {
            let nodes_free = &self.tree[self.leaves..self.leaves + self.count];
            let least = nodes_free.iter().map(|free| free.times(&batch.each)).min();
            least.unwrap_or(0).min(whole)
        };
        if even > 0 {
            for node in 0..self.count {
                self.take(node, &batch.each, even);
            }
        }
        let mut placed = even * nodes;
        let mut from = 0;
        while placed < batch.pods
            && let Some(node) = self.first(from, &batch.each)
        {
            self.take(node, &batch.each, 1);
            placed += 1;
            from = node + 1;
        }
        placed
    }

    /// One on a node, where none of its ports is taken.
    fn place_by_port(&mut self, batch: &Batch, taken: &mut BTreeMap<u16, BTreeSet<usize>>) -> u64 {
        let mut placed = 0;
        let mut from = 0;
        while placed < batch.pods
            && let Some(node) = self.first(from, &batch.each)
        {
            from = node + 1;
            let is_taken = |port: &u16| taken.get(port).is_some_and(|nodes| nodes.contains(&node));
            if batch.ports.iter().any(is_taken) {
                continue;
            }
            for port in &batch.ports {
                taken.entry(*port).or_default().insert(node);
            }
            self.take(node, &batch.each, 1);
            placed += 1;
        }
        placed
    }

    fn obstacle(&self, batch: &Batch) -> Obstacle {
        let most = self.tree[1];
        if most.cpu < batch.each.cpu.0 {
            Obstacle::Cpu(Cpu(most.cpu))
        } else if most.memory < batch.each.memory.0 {
            Obstacle::Memory(Memory(most.memory))
        } else if self.first(0, &batch.each).is_none() {
            Obstacle::Both
        } else if let Some(port) = batch.ports.first() {
            Obstacle::Port(*port)
        } else {
            Obstacle::Apart
        }
    }
}

fn most(a: Capacity, b: Capacity) -> Capacity {
    Capacity {
        cpu: a.cpu.max(b.cpu),
        memory: a.memory.max(b.memory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Capacity = Capacity {
        cpu: 1000,
        memory: 1000,
    };

    fn batch(service: u32, pods: u64, cpu: u64, memory: u64) -> Batch {
        Batch {
            service: ServiceId(service),
            pods,
            each: Pod {
                cpu: Cpu(cpu),
                memory: Memory(memory),
                ..Pod::default()
            },
            is_apart: false,
            ports: Vec::new(),
        }
    }

    fn left(batches: &[Batch], nodes: u32) -> Vec<(u32, u64, Obstacle)> {
        let packing = place(batches, NODE, nodes);
        let left = packing.without_place.iter();
        left.map(|pods| (pods.service.0, pods.pods, pods.why))
            .collect()
    }

    #[test]
    fn sums_that_fit_may_have_no_packing() {
        // Three of 600 on two nodes: 1800 of 2000, and no node has two of them.
        assert_eq!(
            left(&[batch(0, 3, 600, 1)], 2),
            [(0, 1, Obstacle::Cpu(Cpu(400)))]
        );
        assert_eq!(
            left(&[batch(0, 3, 1, 600)], 2),
            [(0, 1, Obstacle::Memory(Memory(400)))]
        );
        assert_eq!(left(&[batch(0, 4, 500, 500)], 2), []);
        // One node has the CPU and the other the memory.
        let crossed = [
            batch(0, 1, 900, 200),
            batch(1, 1, 200, 900),
            batch(2, 1, 300, 300),
        ];
        assert_eq!(left(&crossed, 2), [(2, 1, Obstacle::Both)]);
    }

    #[test]
    fn replicas_are_kept_apart() {
        let apart = |pods, cpu| Batch {
            is_apart: true,
            ..batch(1, pods, cpu, 1)
        };
        // The first node is full, so that the second may have one and not two.
        assert_eq!(
            left(&[batch(0, 1, 1000, 1), apart(2, 100)], 2),
            [(1, 1, Obstacle::Apart)]
        );
        assert_eq!(left(&[apart(5, 300)], 2), []);
        assert_eq!(left(&[apart(7, 300)], 2), [(1, 1, Obstacle::Cpu(Cpu(100)))]);
        // Pods that request nothing stand anywhere.
        let nothing = Batch {
            is_apart: true,
            ..batch(1, 10_000, 0, 0)
        };
        assert_eq!(left(&[nothing], 3), []);
        assert_eq!(left(&[batch(0, 10_000, 0, 0)], 1), []);
    }

    #[test]
    fn a_port_of_a_node_is_taken_once() {
        let on = |service, pods, port| Batch {
            ports: vec![port],
            ..batch(service, pods, 1, 1)
        };
        assert_eq!(left(&[on(0, 2, 80), on(1, 1, 80)], 3), []);
        assert_eq!(
            left(&[on(0, 2, 80), on(1, 2, 80), on(2, 3, 81)], 3),
            [(1, 1, Obstacle::Port(80))]
        );
    }

    /// Against every node in turn, one pod at a time.
    #[test]
    fn the_tree_places_as_a_plain_loop_does() {
        let mut state = 7u64;
        let mut next = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let nodes = next(6) + 1;
            let batches: Vec<Batch> = (0..6)
                .map(|service| batch(service, next(9), next(600), next(600)))
                .collect();
            let mut nodes_free = vec![NODE; usize::try_from(nodes).expect("few")];
            let mut expected = Vec::new();
            for batch in &batches {
                let missing = (0..batch.pods).filter(|_| {
                    let free = nodes_free.iter_mut().find(|free| free.holds(&batch.each));
                    let Some(free) = free else { return true };
                    free.cpu -= batch.each.cpu.0;
                    free.memory -= batch.each.memory.0;
                    false
                });
                match missing.count() as u64 {
                    0 => {}
                    pods => expected.push((batch.service.0, pods)),
                }
            }
            let nodes = u32::try_from(nodes).expect("few");
            let found: Vec<(u32, u64)> = left(&batches, nodes)
                .into_iter()
                .map(|(id, pods, _)| (id, pods))
                .collect();
            assert_eq!(found, expected);
        }
    }
}
