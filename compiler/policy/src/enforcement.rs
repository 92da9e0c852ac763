//! What no policy enforces: the connections between pods of namespaces with `network open` and whatever else no policy
//! binds, and what would be left of them with policies.

use std::collections::BTreeSet;

use erpc_model::{NamespaceId, Platform, ServiceId};

use crate::connections::{Connection, Connections, Party};

/// The namespace whose `network open` leaves everything open between two parties. A policy of one side is enough to
/// enforce flows.
#[must_use]
pub fn unenforced(platform: &Platform, from: Party, to: Party) -> Option<NamespaceId> {
    let [from, to] = [from, to].map(|party| {
        let service = party.service()?;
        Some(platform[service].namespace)
    });
    let is_bound = |namespace: &NamespaceId| !platform[*namespace].is_open();
    if from.as_ref().is_some_and(is_bound) || to.as_ref().is_some_and(is_bound) {
        return None;
    }
    from.or(to)
}

/// What a service would be left with if policies enforced its flows: everything else would close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Which.
    pub service: ServiceId,
    /// By whom it would be reached: `shop.web on http`. Sorted.
    pub reached_by: BTreeSet<String>,
    /// Whom it would reach: `shop.db:pg`. Sorted.
    pub reaches: BTreeSet<String>,
}

/// For each namespace with `network open` what its services would be left with.
#[must_use]
pub fn left_with_policies(
    platform: &Platform,
    connections: &Connections,
) -> Vec<(NamespaceId, Vec<Left>)> {
    let open = platform
        .namespaces()
        .filter(|(_, namespace)| namespace.is_open());
    let left = |id: &ServiceId| {
        let party = Party::Peer(erpc_model::Peer::Service(*id));
        let caller =
            |c: &Connection| format!("{} on {}", c.from.name(platform), c.port_name(platform));
        Left {
            service: *id,
            reached_by: connections.to(party).map(caller).collect(),
            reaches: connections
                .from(party)
                .iter()
                .map(|c| c.called(platform))
                .collect(),
        }
    };
    open.map(|(id, namespace)| (id, namespace.services.iter().map(left).collect()))
        .collect()
}
