//! Sets of ports: canonical sorted lists of closed intervals over (protocol, port), each set kept
//! once, so that equal sets have equal ids and unions are looked up instead of made.

use std::fmt;

use rustc_hash::FxHashMap;

/// A transport protocol that policies know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `TCP`
    Tcp,
    /// `UDP`
    Udp,
    /// `SCTP`
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// The protocol that Kubernetes calls so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// As Kubernetes writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    const fn base(self) -> u32 {
        (self as u32) << 16
    }
}

impl serde::Serialize for Protocol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Ports of one protocol in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Ports {
    /// The protocol.
    pub protocol: Protocol,
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl Ports {
    /// From the first to the last.
    #[must_use]
    pub const fn range(protocol: Protocol, first: u16, last: u16) -> Self {
        Self {
            protocol,
            first,
            last,
        }
    }

    /// One port.
    #[must_use]
    pub const fn one(protocol: Protocol, port: u16) -> Self {
        Self::range(protocol, port, port)
    }

    /// All ports of a protocol.
    #[must_use]
    pub const fn all(protocol: Protocol) -> Self {
        Self::range(protocol, 1, u16::MAX)
    }

    const fn interval(self) -> (u32, u32) {
        let base = self.protocol.base();
        (base + self.first as u32, base + self.last as u32)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.as_str();
        if self.first == 1 && self.last == u16::MAX {
            write!(f, "every {protocol}")
        } else if self.first == self.last {
            write!(f, "{}/{protocol}", self.first)
        } else {
            write!(f, "{}-{}/{protocol}", self.first, self.last)
        }
    }
}

/// A set of ports, by its number in a [`PortSets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet(u32);

impl PortSet {
    /// No port.
    pub const NONE: Self = Self(0);
    /// Every port of every protocol.
    pub const ALL: Self = Self(1);

    /// Whether there is no port in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

type Intervals = Box<[(u32, u32)]>;

/// All sets of ports that occur.
#[derive(Clone, Debug)]
pub struct PortSets {
    sets: Vec<Intervals>,
    index: FxHashMap<Intervals, PortSet>,
    unions: FxHashMap<(PortSet, PortSet), PortSet>,
    intersections: FxHashMap<(PortSet, PortSet), PortSet>,
    differences: FxHashMap<(PortSet, PortSet), PortSet>,
}

impl Default for PortSets {
    fn default() -> Self {
        let mut sets = Self {
            sets: Vec::new(),
            index: FxHashMap::default(),
            unions: FxHashMap::default(),
            intersections: FxHashMap::default(),
            differences: FxHashMap::default(),
        };
        // Their numbers are the constants of `PortSet`.
        sets.keep(Vec::new());
        sets.keep(Protocol::ALL.map(|p| Ports::all(p).interval()).to_vec());
        sets
    }
}

impl PortSets {
    /// The set of these ports.
    pub fn intern(&mut self, ports: &[Ports]) -> PortSet {
        self.keep(canonical(ports.iter().map(|p| p.interval()).collect()))
    }

    /// The ports of a set, sorted.
    #[must_use]
    pub fn list(&self, set: PortSet) -> Vec<Ports> {
        self.intervals(set)
            .iter()
            .map(|(first, last)| {
                let protocol = Protocol::ALL[(first >> 16) as usize];
                let port = |key: u32| u16::try_from(key & 0xffff).unwrap_or(u16::MAX);
                Ports::range(protocol, port(*first), port(*last))
            })
            .collect()
    }

    /// As people read it: `8080/TCP, 53/UDP`.
    #[must_use]
    pub fn show(&self, set: PortSet) -> String {
        if set == PortSet::ALL {
            return "every port".to_owned();
        }
        let list: Vec<String> = self.list(set).iter().map(ToString::to_string).collect();
        list.join(", ")
    }

    /// Whether a port is in a set.
    #[must_use]
    pub fn contains(&self, set: PortSet, protocol: Protocol, port: u16) -> bool {
        let key = protocol.base() + u32::from(port);
        let intervals = self.intervals(set);
        let after = intervals.partition_point(|(first, _)| *first <= key);
        after > 0 && intervals[after - 1].1 >= key
    }

    /// What is in one or the other.
    pub fn union(&mut self, a: PortSet, b: PortSet) -> PortSet {
        if a == b || b == PortSet::NONE || a == PortSet::ALL {
            return a;
        }
        if a == PortSet::NONE || b == PortSet::ALL {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.unions.get(&key) {
            return *known;
        }
        let both = [self.intervals(a), self.intervals(b)].concat();
        let set = self.keep(canonical(both));
        self.unions.insert(key, set);
        set
    }

    /// What is in both.
    pub fn intersection(&mut self, a: PortSet, b: PortSet) -> PortSet {
        if a == b || a == PortSet::NONE || b == PortSet::ALL {
            return a;
        }
        if b == PortSet::NONE || a == PortSet::ALL {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(known) = self.intersections.get(&key) {
            return *known;
        }
        let mut common = Vec::new();
        let (left, right) = (self.intervals(a), self.intervals(b));
        let (mut i, mut j) = (0, 0);
        while let (Some(x), Some(y)) = (left.get(i), right.get(j)) {
            let (first, last) = (x.0.max(y.0), x.1.min(y.1));
            if first <= last {
                common.push((first, last));
            }
            if x.1 < y.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        let set = self.keep(common);
        self.intersections.insert(key, set);
        set
    }

    /// What is in the first and not in the second.
    pub fn difference(&mut self, a: PortSet, b: PortSet) -> PortSet {
        if a == b || a == PortSet::NONE || b == PortSet::ALL {
            return PortSet::NONE;
        }
        if b == PortSet::NONE {
            return a;
        }
        if let Some(known) = self.differences.get(&(a, b)) {
            return *known;
        }
        let mut left = Vec::new();
        for (first, last) in self.intervals(a) {
            let mut start = *first;
            for (from, to) in self.intervals(b) {
                if *to < start || *from > *last {
                    continue;
                }
                if *from > start {
                    left.push((start, from - 1));
                }
                start = to + 1;
            }
            if start <= *last {
                left.push((start, *last));
            }
        }
        let set = self.keep(left);
        self.differences.insert((a, b), set);
        set
    }

    fn intervals(&self, set: PortSet) -> &[(u32, u32)] {
        &self.sets[set.0 as usize]
    }

    fn keep(&mut self, intervals: Vec<(u32, u32)>) -> PortSet {
        let intervals = intervals.into_boxed_slice();
        if let Some(known) = self.index.get(&intervals) {
            return *known;
        }
        let set = PortSet(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.sets.push(intervals.clone());
        self.index.insert(intervals, set);
        set
    }
}

/// Sorted, and none touching the next one of its protocol.
fn canonical(mut intervals: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    intervals.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(intervals.len());
    for (first, last) in intervals {
        match out.last_mut() {
            // No port is 0, so intervals of two protocols never touch.
            Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{PortSet, PortSets, Ports, Protocol};

    #[test]
    fn sets_are_canonical_and_kept_once() {
        let mut sets = PortSets::default();
        let tcp = |first, last| Ports::range(Protocol::Tcp, first, last);
        let a = sets.intern(&[tcp(10, 20), tcp(21, 30), tcp(5, 12)]);
        let b = sets.intern(&[tcp(5, 30)]);
        assert_eq!(a, b);
        let c = sets.intern(&[tcp(10, 12), Ports::one(Protocol::Udp, 53)]);
        let left = sets.difference(a, c);
        assert_eq!(sets.list(left), [tcp(5, 9), tcp(13, 30)]);
        let common = sets.intersection(a, c);
        assert_eq!(sets.list(common), [tcp(10, 12)]);
        assert_eq!(sets.union(left, common), a);
        assert!(sets.contains(c, Protocol::Udp, 53));
        assert!(!sets.contains(c, Protocol::Tcp, 53));
        let all = Protocol::ALL.map(Ports::all);
        assert_eq!(sets.intern(&all), PortSet::ALL);
        assert_eq!(sets.difference(b, PortSet::ALL), PortSet::NONE);
    }
}
