//! The checks of a resolved platform. Each is a pure function that adds diagnostics and changes
//! nothing; each family has a file.

mod addresses;
mod arguments;
mod assertions;
mod capacity;
mod configs;
mod dead;
mod defaults;
mod identity;
mod images;
mod names;
mod paths;
mod ports;
mod promises;
mod quota;
mod recovery;
mod resilience;
mod routes;
mod rules;
mod secrets;
mod security;
mod storage;
mod tests;
mod tiers;

use erpc_diagnostics::{Diagnostic, Diagnostics};
use erpc_model::{Origin, Platform, Service, Via};
use erpc_policy::Derived;

pub use assertions::forbidding;
pub use secrets::PlainText;
pub use tests::{Failure, TestRun, run_tests};

/// Runs every check. `is_whole` says whether earlier stages understood the whole program: what is
/// missing in one that they did not proves nothing.
#[must_use]
pub fn check(platform: &Platform, derived: &Derived, is_whole: bool) -> Diagnostics {
    let mut out = Diagnostics::new();
    names::derived_names(platform, &derived.edges, &mut out);
    names::port_names(platform, &mut out);
    names::shared_by_environments(platform, &mut out);
    identity::overlaps(platform, derived, &mut out);
    identity::labels_against_selectors(platform, &mut out);
    identity::without_selector(platform, &derived.edges, &mut out);
    identity::unselectable(platform, derived, &mut out);
    identity::names_of_sets(platform, &mut out);
    identity::routes(platform, &mut out);
    identity::accounts(platform, &mut out);
    ports::collisions(platform, &mut out);
    ports::headless(platform, &mut out);
    ports::node_ports(platform, &mut out);
    paths::mounts(platform, &mut out);
    storage::classes(platform, &mut out);
    storage::once(platform, &mut out);
    images::references(platform, &mut out);
    arguments::words(platform, &mut out);
    secrets::plain_text(platform, &mut out);
    configs::sizes_and_names(platform, &mut out);
    security::labels(platform, &mut out);
    security::labels_of_services(platform, &mut out);
    security::lowered_pod_security(platform, &mut out);
    routes::routes(platform, &mut out);
    tiers::violations(platform, &derived.edges, &mut out);
    addresses::without_flow(platform, &derived.edges, &mut out);
    if is_whole {
        defaults::not_strict(platform, &mut out);
        defaults::open_networks(platform, &mut out);
        identity::cut_off(platform, derived, &mut out);
    }
    if is_whole && !out.has_errors() {
        out.extend(whole_graph(platform, derived));
        assertions::assertions(platform, derived, &mut out);
        rules::broken(platform, derived, &mut out);
    }
    out
}

/// The checks of the platform as a graph: what it promises, what it needs, what breaks what, what
/// nothing uses. Each is a pass over the services and edges, or sorts them.
#[must_use]
pub fn whole_graph(platform: &Platform, derived: &Derived) -> Diagnostics {
    let mut out = Diagnostics::new();
    let reached = dead::reached(platform, derived);
    dead::unreachable(platform, &reached, &mut out);
    dead::parts(platform, derived, &reached, &mut out);
    promises::inversions(platform, derived, &mut out);
    promises::recoveries(platform, derived, &mut out);
    promises::latencies(platform, derived, &mut out);
    recovery::inversions(platform, derived, &mut out);
    recovery::nothing_to_lose(platform, &mut out);
    capacity::nodes(platform, &mut out);
    let mut quotas = Diagnostics::new();
    quota::quotas(platform, &mut quotas);
    // The quota of a namespace with a pod that no node holds is exceeded by that pod.
    let too_large: Vec<String> = out
        .as_slice()
        .iter()
        .filter(|found| found.code.id == erpc_diagnostics::codes::POD_TOO_LARGE.id)
        .filter_map(|found| Some(found.subject.as_ref()?.split_once('.')?.0.to_owned()))
        .collect();
    quotas.retain(|found| {
        !found
            .subject
            .as_ref()
            .is_some_and(|name| too_large.contains(name))
    });
    out.extend(quotas);
    quota::storage(platform, &mut out);
    resilience::single_points(platform, derived, &mut out);
    resilience::budgets(platform, &mut out);
    resilience::spreads(platform, &mut out);
    resilience::autoscalers(platform, &mut out);
    out
}

/// Adds the service that a value of a component belongs to: the value stands elsewhere.
fn of_service(diagnostic: Diagnostic, origin: Origin, service: &Service) -> Diagnostic {
    match origin.via {
        Via::Component(_) | Via::Default => diagnostic.also(service.name.span(), "in this service"),
        Via::Declared | Via::Namespace | Via::Platform | Via::Profile(_) => diagnostic,
    }
}
