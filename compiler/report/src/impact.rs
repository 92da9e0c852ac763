//! What the failure of a service, or of what is outside, costs: who cannot work without it, directly or through others, who
//! works worse, who no longer sees it, and whose error budget burns meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use erpc_model::{Mode, Peer, Platform, ServiceId};
use erpc_policy::Derived;
use erpc_reliability::promise::{self, Promise};
use serde::Serialize;

/// The cost of a failure.
#[derive(Clone, Debug, Serialize)]
pub struct Impact {
    /// What fails.
    pub service: String,
    /// Who cannot work without it, nearest first.
    pub lost: Vec<Lost>,
    /// Who works without something that is lost.
    pub degraded: Vec<Degraded>,
    /// Who observes it or something that is lost, and sees nothing.
    pub blind: Vec<String>,
    /// Hosts and addresses that no longer answer.
    pub unreachable: Vec<String>,
    /// The budgets that burn, the smallest first.
    pub budgets: Vec<Budget>,
    /// What may be lost of its data, where it keeps some.
    pub data: Option<Data>,
}

/// A service that cannot work.
#[derive(Clone, Debug, Serialize)]
pub struct Lost {
    /// Its name.
    pub service: String,
    /// The chain of requirements, from it to what fails.
    pub through: Vec<String>,
}

/// A service that works worse.
#[derive(Clone, Debug, Serialize)]
pub struct Degraded {
    /// Its name.
    pub service: String,
    /// What it misses.
    pub misses: Vec<String>,
}

/// An error budget that burns while the failure lasts.
#[derive(Clone, Debug, Serialize)]
pub struct Budget {
    /// Whose.
    pub service: String,
    /// The promise.
    pub promise: String,
    /// What it may be away in its window, in minutes.
    pub minutes: String,
    /// The window.
    pub over: String,
    /// What one failure costs of it, where what fails says how long it may take to be back.
    pub spent_by_one_failure: Option<String>,
}

/// The data of what fails.
#[derive(Clone, Debug, Serialize)]
pub struct Data {
    /// Its claims.
    pub volumes: Vec<String>,
    /// How much of the latest data may be lost, where it says so.
    pub rpo: Option<String>,
}

impl Impact {
    /// The cost of the failure of a service, or of what is outside. Linear in the edges.
    #[must_use]
    pub fn of(platform: &Platform, derived: &Derived, failed: Peer) -> Self {
        let callers = Callers::of_all(derived);
        let lost = callers.lost(failed);
        let mut gone: BTreeSet<Peer> = lost.iter().map(|(id, _)| Peer::Service(*id)).collect();
        gone.insert(failed);
        let (mut degraded, mut blind) = (BTreeMap::<_, BTreeSet<Peer>>::new(), BTreeSet::new());
        for end in &gone {
            for (caller, mode) in callers.callers_of(*end) {
                if gone.contains(&Peer::Service(*caller)) {
                    continue;
                }
                match mode {
                    Mode::Optional => {
                        degraded.entry(*caller).or_default().insert(*end);
                    }
                    Mode::Observes => {
                        blind.insert(*caller);
                    }
                    Mode::Requires => {}
                }
            }
        }
        let gone: BTreeSet<ServiceId> = gone.into_iter().filter_map(service_of).collect();
        let name = |id: ServiceId| platform.path(id);
        let names = |peers: &[Peer]| peers.iter().map(|end| platform.peer_name(*end)).collect();
        Self {
            service: platform.peer_name(failed),
            lost: lost
                .iter()
                .map(|(id, through)| Lost {
                    service: name(*id),
                    through: names(through),
                })
                .collect(),
            degraded: degraded
                .into_iter()
                .map(|(id, misses)| Degraded {
                    service: name(id),
                    misses: names(&misses.into_iter().collect::<Vec<Peer>>()),
                })
                .collect(),
            blind: blind.into_iter().map(name).collect(),
            unreachable: unreachable(platform, &gone),
            budgets: budgets(platform, derived, &gone, failed),
            data: service_of(failed).and_then(|id| data(platform, id)),
        }
    }
}

const fn service_of(end: Peer) -> Option<ServiceId> {
    match end {
        Peer::Service(id) => Some(id),
        Peer::External(_)
        | Peer::Internet
        | Peer::ClusterDns
        | Peer::ClusterApi
        | Peer::ClusterNodes => None,
    }
}

/// The routes to what is gone; all of them where the ingress controller is.
fn unreachable(platform: &Platform, gone: &BTreeSet<ServiceId>) -> Vec<String> {
    let ingress = platform.cluster().ingress.as_ref();
    let controller = ingress.and_then(|ingress| ingress.controller.service());
    let is_closed = controller.is_some_and(|controller| gone.contains(&controller));
    let closed = platform
        .routes
        .iter()
        .filter(|route| is_closed || gone.contains(&route.port.service));
    let hosts: BTreeSet<String> = closed
        .map(|route| {
            let path = if route.path == "/" { "" } else { &route.path };
            format!("{}{path}", route.host.value)
        })
        .collect();
    hosts.into_iter().collect()
}

fn budgets(
    platform: &Platform,
    derived: &Derived,
    gone: &BTreeSet<ServiceId>,
    failed: Peer,
) -> Vec<Budget> {
    let rto = service_of(failed).and_then(|id| platform[id].properties.rto.as_ref());
    let rto = rto.map(|rto| rto.value);
    let mut promises: Vec<(u64, ServiceId, Promise)> = gone
        .iter()
        .filter_map(|id| {
            let promise = Promise::of(platform, derived, *id)?;
            Some((promise.budget_ms(), *id, promise))
        })
        .collect();
    promises.sort_by_key(|(budget, id, _)| (*budget, *id));
    promises
        .into_iter()
        .map(|(budget, id, promise)| Budget {
            service: platform.path(id),
            promise: promise.availability.share.to_string(),
            minutes: promise::minutes(budget),
            over: promise.availability.over.to_string(),
            spent_by_one_failure: rto
                .and_then(|rto| promise.share_of_budget(rto))
                .map(promise::tenths),
        })
        .collect()
}

fn data(platform: &Platform, failed: ServiceId) -> Option<Data> {
    let service = &platform[failed];
    let volumes = service
        .volumes
        .iter()
        .map(|volume| format!("{} {}", volume.name.value, volume.size.value));
    (!service.volumes.is_empty()).then(|| Data {
        volumes: volumes.collect(),
        rpo: service
            .properties
            .rpo
            .as_ref()
            .map(|rpo| rpo.value.to_string()),
    })
}

/// By what is called: which services call it.
struct Callers {
    of: BTreeMap<Peer, Vec<(ServiceId, Mode)>>,
}

impl Callers {
    fn of_all(derived: &Derived) -> Self {
        let mut of: BTreeMap<Peer, Vec<(ServiceId, Mode)>> = BTreeMap::new();
        for edge in derived.edges.as_slice() {
            if let Peer::Service(from) = edge.from
                && edge.from != edge.to
            {
                of.entry(edge.to).or_default().push((from, edge.mode));
            }
        }
        Self { of }
    }

    fn callers_of(&self, called: Peer) -> &[(ServiceId, Mode)] {
        self.of.get(&called).map_or(&[], Vec::as_slice)
    }

    /// Who requires something, directly or through others, each with its chain down to it.
    fn lost(&self, failed: Peer) -> Vec<(ServiceId, Vec<Peer>)> {
        let mut next: BTreeMap<ServiceId, Peer> = BTreeMap::new();
        let mut order = Vec::new();
        let mut queue = VecDeque::from([failed]);
        while let Some(at) = queue.pop_front() {
            for (caller, mode) in self.callers_of(at) {
                let end = Peer::Service(*caller);
                if *mode == Mode::Requires && end != failed && !next.contains_key(caller) {
                    next.insert(*caller, at);
                    order.push(*caller);
                    queue.push_back(end);
                }
            }
        }
        let chain = |id: ServiceId| {
            let mut chain = vec![Peer::Service(id)];
            let mut at = Some(id);
            while let Some(below) = at.and_then(|at| next.get(&at)) {
                chain.push(*below);
                at = service_of(*below);
            }
            chain
        };
        order.into_iter().map(|id| (id, chain(id))).collect()
    }
}
