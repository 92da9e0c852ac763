//! What changes in effective connectivity between two versions of a platform: pairs that open or
//! close, pairs whose ports change, and how far each service reaches. A rename that the newer version
//! tells of (`moved`) is no change.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::{MovedTo, Peer, Platform, ServiceId};
use erpc_policy::{Connections, Derived, Party, Reason};
use serde::Serialize;

use crate::{Radius, statement};

/// A version of a platform.
#[derive(Clone, Copy, Debug)]
pub struct Version<'v> {
    /// The platform.
    pub platform: &'v Platform,
    /// What follows from it.
    pub derived: &'v Derived,
    /// Its texts.
    pub sources: &'v Sources,
}

/// A pair of peers on some ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// The ports that open or close, as the callee's pods see them.
    pub ports: Vec<String>,
    /// From which addresses, where an exposure is narrowed.
    pub only_from: Vec<String>,
    /// The line that says so, in the version that has it.
    pub place: Option<String>,
    /// The statement.
    pub statement: Option<String>,
}

/// How far a service reaches, in services, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grown {
    /// The service.
    pub service: String,
    /// How many services it reached.
    pub before: usize,
    /// How many it reaches now.
    pub after: usize,
    /// Those that are new.
    pub new: Vec<String>,
}

/// What changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What is open now and was not.
    pub opened: Vec<Pair>,
    /// What was open and is not.
    pub closed: Vec<Pair>,
    /// Renames that the newer version tells of: old and new name.
    pub moved: Vec<(String, String)>,
    /// Services that reach more services than before.
    pub grown: Vec<Grown>,
}

/// What a cell of the matrix is known by: both peers, the addresses that it is narrowed to, a port.
type Key = (String, String, Vec<String>, String);
type Cells = BTreeMap<Key, (Option<String>, Option<String>)>;

impl Changes {
    /// Compares two versions.
    #[must_use]
    pub fn between(old: Version<'_>, new: Version<'_>) -> Self {
        let renames = renames(new.platform);
        let before = cells(old, &renames);
        let after = cells(new, &BTreeMap::new());
        let missing = |from: &Cells, of: &Cells| {
            from.iter()
                .filter(|(key, _)| !of.contains_key(*key))
                .map(|(key, place)| (key.clone(), place.clone()))
                .collect::<Cells>()
        };
        Self {
            opened: pairs(missing(&after, &before)),
            closed: pairs(missing(&before, &after)),
            moved: renames
                .iter()
                .map(|(a, b)| (a.clone(), b.clone()))
                .collect(),
            grown: grown(old, new, &renames),
        }
    }

    /// Whether nothing that is open changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty()
    }
}

/// New names by old ones, of services; a namespace that moved takes its services along.
fn renames(new: &Platform) -> BTreeMap<String, String> {
    let mut renames = BTreeMap::new();
    for (id, namespace) in new.namespaces() {
        for old in new.old_names(MovedTo::Namespace(id)) {
            for service in &namespace.services {
                let name = &new[*service].name.value;
                renames.insert(format!("{old}.{name}"), new.path(*service));
            }
        }
    }
    for (id, _) in new.services() {
        for old in new.old_names(MovedTo::Service(id)) {
            renames.insert(old.to_string(), new.path(id));
        }
    }
    renames
}

fn cells(version: Version<'_>, renames: &BTreeMap<String, String>) -> Cells {
    let Version {
        platform,
        derived,
        sources,
    } = version;
    let name = |party: Party| {
        let name = party.name(platform);
        renames.get(&name).cloned().unwrap_or(name)
    };
    let connections = Connections::of(platform, derived);
    let mut cells = Cells::new();
    for connection in connections.as_slice() {
        let only_from = match connection.reason {
            Reason::Exposure(Some(at), _) => {
                let from = derived.implied.world[at as usize].from.iter();
                from.map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        };
        let span = connection.reason.span(platform);
        cells.insert(
            (
                name(connection.from),
                name(connection.to),
                only_from,
                connection.port.to_string(),
            ),
            (sources.place(span), statement(sources, span)),
        );
    }
    cells
}

/// The cells of each pair for one statement together.
fn pairs(cells: Cells) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for ((from, to, only_from, port), (place, statement)) in cells {
        match pairs.last_mut() {
            Some(last)
                if last.from == from
                    && last.to == to
                    && last.only_from == only_from
                    && last.place == place =>
            {
                last.ports.push(port);
            }
            _ => pairs.push(Pair {
                from,
                to,
                ports: vec![port],
                only_from,
                place,
                statement,
            }),
        }
    }
    pairs
}

/// The services of both versions that reach more services than before.
fn grown(old: Version<'_>, new: Version<'_>, renames: &BTreeMap<String, String>) -> Vec<Grown> {
    let before = reached(old, renames);
    let after = reached(new, &BTreeMap::new());
    let nothing = BTreeSet::new();
    after
        .iter()
        .filter_map(|(service, now)| {
            let then = before.get(service).unwrap_or(&nothing);
            let more: Vec<String> = now.difference(then).cloned().collect();
            (!more.is_empty() && before.contains_key(service)).then(|| Grown {
                service: service.clone(),
                before: then.len(),
                after: now.len(),
                new: more,
            })
        })
        .collect()
}

fn reached(
    version: Version<'_>,
    renames: &BTreeMap<String, String>,
) -> BTreeMap<String, BTreeSet<String>> {
    let platform = version.platform;
    let connections = Connections::of(platform, version.derived);
    let name = |id: ServiceId| {
        let path = platform.path(id);
        renames.get(&path).cloned().unwrap_or(path)
    };
    let radius = Radius::of(&connections);
    platform
        .services()
        .map(|(id, _)| {
            let reached = radius.reached_by(Party::Peer(Peer::Service(id)));
            let services = reached.filter_map(Party::service);
            (name(id), services.map(name).collect())
        })
        .collect()
}
