//! Address blocks of policies: what the world and the internet are, and which block holds which.

use erpc_model::{IngressController, Platform};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// An `ipBlock`: a CIDR without some smaller ones of its family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Block {
    pub(crate) cidr: IpNet,
    /// Sorted, none inside another, each strictly inside `cidr`.
    pub(crate) except: Vec<IpNet>,
}

impl Block {
    pub(crate) fn whole(cidr: IpNet) -> Self {
        Self {
            cidr: cidr.trunc(),
            except: Vec::new(),
        }
    }

    /// Whether every address of `other` is one of this block.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        is_inside(other.cidr, self.cidr)
            && self.except.iter().all(|hole| {
                let is_apart = !is_inside(*hole, other.cidr) && !is_inside(other.cidr, *hole);
                is_apart || other.except.iter().any(|also| is_inside(*hole, *also))
            })
    }

    /// Whether an address is in both blocks.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let common = if is_inside(self.cidr, other.cidr) {
            self.cidr
        } else if is_inside(other.cidr, self.cidr) {
            other.cidr
        } else {
            return false;
        };
        !is_covered(common, self.except.iter().chain(&other.except))
    }
}

/// Whether some blocks together hold all addresses of another.
fn is_covered<'b>(block: IpNet, by: impl Iterator<Item = &'b IpNet>) -> bool {
    let mut holes: Vec<IpNet> = by
        .filter(|hole| is_inside(**hole, block) || is_inside(block, **hole))
        .copied()
        .collect();
    if holes.iter().any(|hole| is_inside(block, *hole)) {
        return true;
    }
    holes = widest(holes);
    // Holes that are apart and strictly inside: their shares of the block, counted in parts
    // of 2⁻¹²⁸, sum up to the whole, which wraps to nothing, only where no address is left.
    let depth = |hole: &IpNet| u32::from(hole.prefix_len() - block.prefix_len());
    let sum: u128 = holes
        .iter()
        .map(|hole| 1u128 << (127 - (depth(hole) - 1)))
        .fold(0, u128::wrapping_add);
    !holes.is_empty() && sum == 0
}

/// The blocks that are inside no other one, sorted.
fn widest(mut blocks: Vec<IpNet>) -> Vec<IpNet> {
    // The wider first, so that those inside another follow it.
    blocks.sort_unstable_by_key(|block| (block.prefix_len(), *block));
    blocks.dedup();
    let mut kept: Vec<IpNet> = Vec::with_capacity(blocks.len());
    for block in blocks {
        if !kept.iter().any(|wider| is_inside(block, *wider)) {
            kept.push(block);
        }
    }
    kept.sort_unstable();
    kept
}

fn is_inside(inner: IpNet, outer: IpNet) -> bool {
    match (inner, outer) {
        (IpNet::V4(inner), IpNet::V4(outer)) => outer.contains(&inner),
        (IpNet::V6(inner), IpNet::V6(outer)) => outer.contains(&inner),
        (IpNet::V4(_), IpNet::V6(_)) | (IpNet::V6(_), IpNet::V4(_)) => false,
    }
}

fn everything() -> [IpNet; 2] {
    [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
    ]
}

fn v4(a: u8, b: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), length))
}

fn v6(first: u16, length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0),
        length,
    ))
}

/// Addresses that are not of the internet: private (RFC 1918, RFC 4193), shared (RFC 6598) and
/// link-local (RFC 3927, RFC 4291 §2.5.6).
fn not_internet() -> [IpNet; 7] {
    [
        v4(10, 0, 8),
        v4(100, 64, 10),
        v4(169, 254, 16),
        v4(172, 16, 12),
        v4(192, 168, 16),
        v6(0xfc00, 7),
        v6(0xfe80, 10),
    ]
}

/// Everything of both families without `holes`.
fn without(holes: &[IpNet]) -> Vec<Block> {
    let kept = widest(holes.iter().map(IpNet::trunc).collect());
    everything()
        .into_iter()
        .filter(|all| !kept.contains(all))
        .map(|all| Block {
            cidr: all,
            except: kept
                .iter()
                .copied()
                .filter(|hole| is_inside(*hole, all))
                .collect(),
        })
        .collect()
}

/// `internet` as a target.
pub(crate) fn internet(platform: &Platform) -> Vec<Block> {
    let cluster = platform.cluster();
    let mut holes = not_internet().to_vec();
    holes.extend(cluster.pod_cidrs.iter().map(|cidr| cidr.value));
    holes.extend(cluster.service_cidrs.iter().map(|cidr| cidr.value));
    holes.extend(nodes(platform));
    without(&holes)
}

/// The world as a source: every address outside the cluster's pods.
pub(crate) fn world(platform: &Platform) -> Vec<Block> {
    let cluster = platform.cluster();
    let holes: Vec<IpNet> = cluster.pod_cidrs.iter().map(|cidr| cidr.value).collect();
    without(&holes)
}

/// The addresses of a CIDR that are outside the cluster: without those of pods and Services, which
/// plugins disagree about.
pub(crate) fn outside(platform: &Platform, cidr: IpNet) -> Block {
    let cluster = platform.cluster();
    let holes = cluster
        .pod_cidrs
        .iter()
        .chain(&cluster.service_cidrs)
        .map(|own| own.value)
        .filter(|own| *own != cidr && is_inside(*own, cidr));
    Block {
        cidr: cidr.trunc(),
        except: widest(holes.collect()),
    }
}

/// The addresses of the nodes.
pub(crate) fn nodes(platform: &Platform) -> Vec<IpNet> {
    let nodes = platform.cluster().nodes.as_ref();
    nodes.map_or_else(Vec::new, |nodes| nodes.value.cidrs.clone())
}

/// Whether the ingress controller runs on the nodes' own network.
pub(crate) fn controller_is_on_nodes(platform: &Platform) -> bool {
    matches!(
        platform.cluster().ingress.as_ref().map(|i| &i.controller),
        Some(IngressController::Nodes)
    )
}
