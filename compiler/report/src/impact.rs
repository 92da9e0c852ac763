//! What the failure of a service costs: who cannot work without it, directly or through others, who
//! works worse, who no longer sees it, and whose error budget burns meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use erpc_model::{End, Mode, Platform, ServiceId};
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
    /// The cost of the failure of a service. Linear in the edges.
    #[must_use]
    pub fn of(platform: &Platform, derived: &Derived, failed: ServiceId) -> Self {
        let callers = Callers::of(platform, derived);
        let lost = callers.lost(failed);
        let gone: BTreeSet<ServiceId> = lost.iter().map(|(id, _)| *id).chain([failed]).collect();
        let name = |id: ServiceId| platform.path(id);
        let (mut degraded, mut blind) = (
            BTreeMap::<ServiceId, BTreeSet<ServiceId>>::new(),
            BTreeSet::new(),
        );
        for id in &gone {
            for (caller, mode) in &callers.of[id.index()] {
                match mode {
                    Mode::Optional if !gone.contains(caller) => {
                        degraded.entry(*caller).or_default().insert(*id);
                    }
                    Mode::Observes if !gone.contains(caller) => {
                        blind.insert(*caller);
                    }
                    Mode::Requires | Mode::Optional | Mode::Observes => {}
                }
            }
        }
        let unreachable = unreachable(platform, &gone);
        Self {
            service: name(failed),
            lost: lost
                .iter()
                .map(|(id, through)| Lost {
                    service: name(*id),
                    through: through.iter().copied().map(name).collect(),
                })
                .collect(),
            degraded: degraded
                .into_iter()
                .map(|(id, misses)| Degraded {
                    service: name(id),
                    misses: misses.into_iter().map(name).collect(),
                })
                .collect(),
            blind: blind.into_iter().map(name).collect(),
            unreachable,
            budgets: budgets(platform, derived, &gone, failed),
            data: data(platform, failed),
        }
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
    failed: ServiceId,
) -> Vec<Budget> {
    let rto = platform[failed].rto.as_ref().map(|rto| rto.value);
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
        rpo: service.rpo.as_ref().map(|rpo| rpo.value.to_string()),
    })
}

/// By service: who calls it.
struct Callers {
    of: Vec<Vec<(ServiceId, Mode)>>,
}

impl Callers {
    fn of(platform: &Platform, derived: &Derived) -> Self {
        let mut of = vec![Vec::new(); platform.services.len()];
        for edge in derived.edges.as_slice() {
            if let (End::Service(from), End::Service(to)) = (edge.from, edge.to)
                && from != to
            {
                of[to.index()].push((from, edge.mode));
            }
        }
        Self { of }
    }

    /// Who requires a service, directly or through others, each with its chain down to it.
    fn lost(&self, failed: ServiceId) -> Vec<(ServiceId, Vec<ServiceId>)> {
        let mut next: BTreeMap<ServiceId, ServiceId> = BTreeMap::new();
        let mut order = Vec::new();
        let mut queue = VecDeque::from([failed]);
        while let Some(at) = queue.pop_front() {
            for (caller, mode) in &self.of[at.index()] {
                if *mode == Mode::Requires && *caller != failed && !next.contains_key(caller) {
                    next.insert(*caller, at);
                    order.push(*caller);
                    queue.push_back(*caller);
                }
            }
        }
        let chain = |id: ServiceId| {
            let mut chain = vec![id];
            let mut at = id;
            while let Some(below) = next.get(&at) {
                chain.push(*below);
                at = *below;
            }
            chain
        };
        order.into_iter().map(|id| (id, chain(id))).collect()
    }
}
