//! What rules and tests ask of the flows: each with its peers and port, the wave of a service, and
//! paths through services. Made once, before the first rule; linear in the edges.

use std::ops::Range;

use erpc_model::rules::{FlowEdge, FlowGraph};
use erpc_model::{FlowPort, Peer, Platform, ServiceId};
use smol_str::SmolStr;

use crate::{Connection, Connections, Derived, Party, PolicyPort, Search};

/// The flows of a platform, as rules and tests ask for them.
#[derive(Debug)]
pub struct FlowIndex<'p> {
    platform: &'p Platform,
    connections: Connections,
    flows: Vec<FlowEdge>,
    /// By service: the places of the flows that it makes.
    from: Vec<Range<usize>>,
    /// By service: the places of the flows that lead to it.
    to: Vec<Vec<u32>>,
    waves: &'p [u32],
}

impl<'p> FlowIndex<'p> {
    /// The index of a platform.
    #[must_use]
    pub fn new(platform: &'p Platform, derived: &'p Derived) -> Self {
        let count = platform.services.len();
        let mut flows = Vec::with_capacity(derived.edges.as_slice().len());
        let mut from = vec![0..0; count];
        let mut to = vec![Vec::new(); count];
        for (place, edge) in derived.edges.as_slice().iter().enumerate() {
            if let Peer::Service(id) = edge.from {
                let range: &mut Range<usize> = &mut from[id.index()];
                if range.start == range.end {
                    range.start = place;
                }
                range.end = place + 1;
            }
            if let Peer::Service(id) = edge.to {
                to[id.index()].extend(u32::try_from(place));
            }
            flows.push(FlowEdge {
                from: edge.from,
                to: edge.to,
                port: SmolStr::from(edge.port_name(platform)),
                mode: edge.mode,
                flow: edge.flow,
            });
        }
        Self {
            platform,
            connections: Connections::of(platform, derived),
            flows,
            from,
            to,
            waves: &derived.order.wave,
        }
    }

    fn is_on(&self, connection: &Connection, port: Option<&FlowPort>) -> bool {
        match port {
            Some(FlowPort::Named(name, _)) => connection.port_name(self.platform) == name.as_str(),
            Some(FlowPort::Number(number, protocol, _)) => {
                connection.port == PolicyPort::single(*protocol, *number)
            }
            Some(FlowPort::Implied) | None => true,
        }
    }
}

impl FlowGraph for FlowIndex<'_> {
    fn edges(&self) -> &[FlowEdge] {
        &self.flows
    }

    fn edges_from(&self, service: ServiceId) -> Range<usize> {
        self.from[service.index()].clone()
    }

    fn edges_to(&self, service: ServiceId) -> &[u32] {
        &self.to[service.index()]
    }

    fn wave(&self, service: ServiceId) -> u32 {
        // Waves are counted from 1 wherever people see them.
        self.waves.get(service.index()).map_or(0, |wave| wave + 1)
    }

    fn path(
        &self,
        from: &[Peer],
        to: &[Peer],
        port: Option<&FlowPort>,
        is_direct: bool,
    ) -> Option<Vec<String>> {
        let mut first = Vec::new();
        for end in from {
            let origin = Party::Peer(*end);
            let hops = self.connections.from(origin).iter();
            first.extend(hops.map(|connection| (origin, connection)));
        }
        let search = if is_direct {
            Search::direct(first)
        } else {
            Search::run(&self.connections, first)
        };
        let arrives = search.arrivals().iter().position(|arrival| {
            let Party::Peer(end) = arrival.connection.to else {
                return false;
            };
            // What a service says to itself is no path to somebody; `to` is sorted.
            arrival.origin != arrival.connection.to
                && to.binary_search(&end).is_ok()
                && self.is_on(arrival.connection, port)
        })?;
        let path = search.path(arrives);
        let start = path.first().map(|hop| hop.from.name(self.platform));
        let hops = path.iter().map(|hop| hop.called(self.platform));
        Some(start.into_iter().chain(hops).collect())
    }
}
