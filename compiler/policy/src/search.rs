//! Shortest paths over connections, breadth first, from many callers at once. A party is entered
//! at most twice, for two different origins, so that a search is linear in the connections and
//! still knows a path from another peer to each caller.

use rustc_hash::FxHashMap;

use crate::connections::{Connection, Connections, Party};

/// One arrival at a party.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'c> {
    /// Whose path it is.
    pub origin: Party,
    /// The connection that led here.
    pub connection: &'c Connection,
    /// The arrival before; `None` at the first hop.
    pub before: Option<usize>,
}

/// What a search found, in the order of distance.
#[derive(Clone, Debug, Default)]
pub struct Search<'c> {
    arrivals: Vec<Arrival<'c>>,
    /// By party: the origins that it was entered for.
    entered: FxHashMap<Party, [Option<Party>; 2]>,
}

impl<'c> Search<'c> {
    /// Follows the connections from these first hops, each with its origin.
    #[must_use]
    pub fn run(connections: &'c Connections, first: Vec<(Party, &'c Connection)>) -> Self {
        let mut search = Self::direct(first);
        let mut at = 0;
        while let Some(arrival) = search.arrivals.get(at).copied() {
            let here = arrival.connection.to;
            if search.enters(here, arrival.origin) {
                let next = connections.from(here).iter().map(|connection| Arrival {
                    origin: arrival.origin,
                    connection,
                    before: Some(at),
                });
                search.arrivals.extend(next);
            }
            at += 1;
        }
        search
    }

    /// The first hops alone.
    #[must_use]
    pub fn direct(first: Vec<(Party, &'c Connection)>) -> Self {
        let arrivals = first.into_iter().map(|(origin, connection)| Arrival {
            origin,
            connection,
            before: None,
        });
        Self {
            arrivals: arrivals.collect(),
            entered: FxHashMap::default(),
        }
    }

    /// Whether a party is passed through for this origin: it is transit, and was not before, nor
    /// for two others.
    fn enters(&mut self, party: Party, origin: Party) -> bool {
        if !party.is_transit() {
            return false;
        }
        let origins = self.entered.entry(party).or_default();
        if origins.contains(&Some(origin)) {
            return false;
        }
        match origins.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(origin);
                true
            }
            None => false,
        }
    }

    /// The arrivals, nearest first.
    #[must_use]
    pub fn arrivals(&self) -> &[Arrival<'c>] {
        &self.arrivals
    }

    /// The connections of the path that ends with this arrival, first hop first.
    #[must_use]
    pub fn path(&self, arrival: usize) -> Vec<&'c Connection> {
        let mut path = Vec::new();
        let mut next = Some(arrival);
        while let Some(at) = next {
            let arrival = &self.arrivals[at];
            path.push(arrival.connection);
            next = arrival.before;
        }
        path.reverse();
        path
    }
}
