//! Latency along what is required. An objective is what a client sees, the time of what stands
//! behind it included, so that none can be below that of a service which it waits for. Services
//! without an objective are looked through: the path leads on to those that they require.

use erpc_model::units::Percent;
use erpc_model::{FlowId, Latency, Platform, ServiceId};
use erpc_policy::Derived;

use crate::promise::required;

/// An objective that is below one on the path of what is required.
#[derive(Clone, Debug)]
pub struct Slower {
    /// Whose.
    pub client: ServiceId,
    /// Which of its objectives, by its place.
    pub objective: usize,
    /// The path from it to the slowest, each hop with the flow that requires it.
    pub path: Vec<(ServiceId, FlowId)>,
    /// The objective at the end of the path, by its place there.
    pub slowest: usize,
}

/// The slowest objective that a service stands on, and the first step of the path to it.
#[derive(Clone, Copy)]
struct Behind {
    below: Latency,
    next: (ServiceId, FlowId),
    objective: (ServiceId, usize),
}

/// Every objective that what is required cannot keep, by service. Takes a pass over the services for
/// each quantile that has an objective.
#[must_use]
pub fn slower(platform: &Platform, derived: &Derived) -> Vec<Slower> {
    let objectives = platform.services.iter().flat_map(|s| &s.latency);
    let mut quantiles: Vec<Percent> = objectives.map(|o| o.value.quantile).collect();
    quantiles.sort_unstable();
    quantiles.dedup();
    let mut found = Vec::new();
    for quantile in quantiles {
        at_quantile(platform, derived, quantile, &mut found);
    }
    found.sort_by_key(|slower| (slower.client, slower.objective));
    found
}

fn at_quantile(platform: &Platform, derived: &Derived, quantile: Percent, found: &mut Vec<Slower>) {
    let mut behind: Vec<Option<Behind>> = vec![None; platform.services.len()];
    // What is required starts in an earlier wave.
    for id in derived.order.waves.iter().flatten() {
        let mut slowest: Option<Behind> = None;
        for next in required(derived, *id) {
            let candidate = own(platform, next.0, quantile).map_or_else(
                || behind[next.0.index()].map(|further| Behind { next, ..further }),
                |(objective, below)| {
                    Some(Behind {
                        below,
                        next,
                        objective: (next.0, objective),
                    })
                },
            );
            if let Some(candidate) = candidate
                && slowest.is_none_or(|known| candidate.below.below > known.below.below)
            {
                slowest = Some(candidate);
            }
        }
        behind[id.index()] = slowest;
        let Some(slowest) = slowest else { continue };
        for (at, objective) in platform[*id].latency.iter().enumerate() {
            if objective.value.quantile == quantile && objective.value.below < slowest.below.below {
                found.push(Slower {
                    client: *id,
                    objective: at,
                    path: path(&behind, *id, slowest.objective.0),
                    slowest: slowest.objective.1,
                });
            }
        }
    }
}

/// The slowest objective of a service that says something about this quantile: that of the same
/// share of requests, or of a smaller one, which is among them.
fn own(platform: &Platform, id: ServiceId, quantile: Percent) -> Option<(usize, Latency)> {
    let objectives = platform[id].latency.iter().enumerate();
    objectives
        .map(|(at, objective)| (at, objective.value))
        .filter(|(_, objective)| objective.quantile <= quantile)
        .max_by_key(|(at, objective)| (objective.below, std::cmp::Reverse(*at)))
}

fn path(behind: &[Option<Behind>], from: ServiceId, to: ServiceId) -> Vec<(ServiceId, FlowId)> {
    let mut path = Vec::new();
    let mut at = from;
    while at != to
        && let Some(step) = behind[at.index()]
    {
        path.push(step.next);
        at = step.next.0;
    }
    path
}
