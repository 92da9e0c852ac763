//! Addresses: the space of both families, cut at every boundary of a block, and the pieces that no
//! block tells apart put together again. However many blocks there are, each such class is one class.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rustc_hash::FxHashMap;

/// A CIDR without some smaller ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// All of these addresses,
    pub cidr: IpNet,
    /// without these, sorted.
    pub except: Vec<IpNet>,
}

impl Block {
    /// A block in its canonical form.
    #[must_use]
    pub fn of(cidr: IpNet, except: &[IpNet]) -> Self {
        let mut except: Vec<IpNet> = except.iter().map(IpNet::trunc).collect();
        except.sort_unstable();
        except.dedup();
        Self {
            cidr: cidr.trunc(),
            except,
        }
    }

    fn ranges(&self) -> Vec<Range> {
        let whole = Range::of(self.cidr);
        let mut holes: Vec<Range> = self.except.iter().map(|hole| Range::of(*hole)).collect();
        holes.sort_unstable();
        let mut out = Vec::with_capacity(holes.len() + 1);
        let mut start = Some(whole.first);
        for hole in holes {
            let Some(at) = start else { break };
            if hole.is_v6 != whole.is_v6 || hole.last < at || hole.first > whole.last {
                continue;
            }
            if hole.first > at {
                out.push(Range {
                    first: at,
                    last: hole.first - 1,
                    ..whole
                });
            }
            start = hole.last.checked_add(1).filter(|next| *next <= whole.last);
        }
        if let Some(first) = start {
            out.push(Range { first, ..whole });
        }
        out
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cidr)?;
        match self.except.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " without {one}"),
            more => write!(f, " without {} others", more.len()),
        }
    }
}

/// Addresses of one family in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl Range {
    fn of(cidr: IpNet) -> Self {
        let key = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(u32::from(ip)),
            IpAddr::V6(ip) => u128::from(ip),
        };
        Self {
            is_v6: matches!(cidr, IpNet::V6(_)),
            first: key(cidr.network()),
            last: key(cidr.broadcast()),
        }
    }

    fn address(self, key: u128) -> IpAddr {
        if self.is_v6 {
            IpAddr::V6(Ipv6Addr::from(key))
        } else {
            IpAddr::V4(Ipv4Addr::from(u32::try_from(key).unwrap_or(u32::MAX)))
        }
    }

    /// The first address.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.address(self.first)
    }

    /// Sorted ranges with those that touch put together.
    pub(crate) fn joined(ranges: Vec<Self>) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match out.last_mut() {
                Some(before)
                    if before.is_v6 == range.is_v6
                        && range.first <= before.last.saturating_add(1) =>
                {
                    before.last = before.last.max(range.last);
                }
                _ => out.push(range),
            }
        }
        out
    }

    /// The last address.
    #[must_use]
    pub fn last(self) -> IpAddr {
        self.address(self.last)
    }
}

impl fmt::Display for Range {
    /// A CIDR where the range is one, else its two ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.last - self.first;
        let bits = if self.is_v6 { 128 } else { 32 };
        let is_cidr = size & size.wrapping_add(1) == 0 && self.first & size == 0;
        if is_cidr {
            write!(f, "{}/{}", self.first(), bits - size.count_ones())
        } else {
            write!(f, "{}-{}", self.first(), self.last())
        }
    }
}

/// A block among [`Addresses`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockId(u32);

/// The address space, cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    ids: FxHashMap<Block, BlockId>,
    blocks: Vec<Block>,
    /// The ranges of each class.
    classes: Vec<Vec<Range>>,
    /// The classes of each block, sorted.
    of_block: Vec<Vec<u32>>,
}

impl Addresses {
    /// Cuts the space at the ends of these blocks, as far as so many steps go: for each range a step for each
    /// block that it is in. Gives how many it took.
    pub(crate) fn within(blocks: impl IntoIterator<Item = Block>, steps: usize) -> (Self, usize) {
        let mut out = Self::default();
        for all in ["0.0.0.0/0", "::/0"] {
            // Both are literals that parse.
            out.blocks
                .extend(all.parse().map(|cidr| Block::of(cidr, &[])));
        }
        for block in blocks {
            if !out.ids.contains_key(&block) {
                let id = BlockId(u32::try_from(out.blocks.len()).unwrap_or(u32::MAX));
                out.ids.insert(block.clone(), id);
                out.blocks.push(block);
            }
        }
        let taken = out.cut(steps);
        (out, taken)
    }

    fn cut(&mut self, steps: usize) -> usize {
        let mut taken = 0;
        // At a point of the space: which blocks start and which end there.
        let mut events: Vec<(bool, u128, bool, u32)> = Vec::new();
        for (id, block) in (0..).zip(&self.blocks) {
            for range in block.ranges() {
                events.push((range.is_v6, range.first, true, id));
                if let Some(after) = range.last.checked_add(1) {
                    events.push((range.is_v6, after, false, id));
                }
            }
        }
        events.sort_unstable();
        self.of_block = vec![Vec::new(); self.blocks.len()];
        let mut classes: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
        let mut open: BTreeSet<u32> = BTreeSet::new();
        let mut at = 0;
        while at < events.len() {
            let (is_v6, first, ..) = events[at];
            if at > 0 && events[at - 1].0 != is_v6 {
                open.clear();
            }
            while let Some((_, _, starts, id)) =
                events.get(at).filter(|e| (e.0, e.1) == (is_v6, first))
            {
                if *starts {
                    open.insert(*id);
                } else {
                    open.remove(id);
                }
                at += 1;
            }
            if open.is_empty() {
                continue;
            }
            taken += open.len();
            if taken > steps {
                return taken;
            }
            let last = match events.get(at).filter(|e| e.0 == is_v6) {
                Some(next) => next.1 - 1,
                None if is_v6 => u128::MAX,
                None => u128::from(u32::MAX),
            };
            let signature: Vec<u32> = open.iter().copied().collect();
            let class = *classes.entry(signature.clone()).or_insert_with(|| {
                self.classes.push(Vec::new());
                let class = self.classes.len() - 1;
                for id in signature {
                    self.of_block[id as usize].push(u32::try_from(class).unwrap_or(u32::MAX));
                }
                class
            });
            self.classes[class].push(Range { is_v6, first, last });
        }
        taken
    }

    /// How many classes there are.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// The ranges of a class.
    pub(crate) fn ranges(&self, class: usize) -> &[Range] {
        &self.classes[class]
    }

    /// The classes of a block that the space was cut at.
    pub(crate) fn classes(&self, block: &Block) -> &[u32] {
        self.ids
            .get(block)
            .map_or(&[], |id| self.of_block[id.0 as usize].as_slice())
    }
}

/// Whether two blocks have an address in common.
pub(crate) fn overlap(a: &Block, b: &Block) -> bool {
    let other = b.ranges();
    a.ranges().iter().any(|x| {
        other
            .iter()
            .any(|y| x.is_v6 == y.is_v6 && x.first <= y.last && y.first <= x.last)
    })
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Block, overlap};

    impl Addresses {
        fn uncounted(blocks: impl IntoIterator<Item = Block>) -> Self {
            Self::within(blocks, usize::MAX).0
        }
    }

    fn block(cidr: &str, except: &[&str]) -> Block {
        let parse = |text: &&str| text.parse().expect("a CIDR");
        let except: Vec<_> = except.iter().map(parse).collect();
        Block::of(parse(&cidr), &except)
    }

    #[test]
    fn the_space_is_cut_at_every_boundary_and_no_finer() {
        let internet = block("0.0.0.0/0", &["10.0.0.0/8", "192.168.0.0/16"]);
        let bank = block("203.0.113.0/24", &[]);
        let v6 = block("::/0", &["fc00::/7"]);
        let addresses = Addresses::uncounted([internet.clone(), bank.clone(), v6.clone()]);
        // The bank, the rest of the internet, the private ranges, and two classes of IPv6.
        assert_eq!(addresses.len(), 5);
        assert_eq!(addresses.classes(&internet).len(), 2);
        assert_eq!(addresses.classes(&bank).len(), 1);
        let of_bank = addresses.classes(&bank)[0] as usize;
        assert_eq!(addresses.ranges(of_bank)[0].to_string(), "203.0.113.0/24");
        assert_eq!(addresses.classes(&v6).len(), 1);
    }

    #[test]
    fn the_last_addresses_of_a_family_belong_to_it() {
        let end = block("255.255.255.0/24", &["255.255.255.255/32"]);
        let six = block("ff00::/8", &[]);
        let addresses = Addresses::uncounted([end.clone(), six.clone()]);
        let class = addresses.classes(&end)[0] as usize;
        assert_eq!(addresses.ranges(class).len(), 1);
        assert_eq!(
            addresses.ranges(class)[0].last().to_string(),
            "255.255.255.254"
        );
        let class = addresses.classes(&six)[0] as usize;
        assert_eq!(addresses.ranges(class)[0].to_string(), "ff00::/8");
        assert!(!overlap(&end, &six));
        assert!(overlap(&end, &block("255.0.0.0/8", &[])));
    }
}
