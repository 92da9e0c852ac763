//! Services that nothing can reach.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{End, Platform};
use erpc_policy::{Derived, EdgePort};

/// A service with ports that no flow, route or address leads to. A scrape by a wildcard is no use
/// of a service, except of one whose first port is the one that is scraped.
pub(crate) fn unreachable(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    let mut is_reached: Vec<bool> = platform
        .services
        .iter()
        .map(|service| service.ports.is_empty() || service.is_accessed || service.is_job())
        .collect();
    for edge in derived.edges.as_slice() {
        let End::Service(target) = edge.to else {
            continue;
        };
        let by_wildcard = platform.flows[edge.flow.index()].to.is_pattern;
        if edge.from != edge.to && (!by_wildcard || edge.port == EdgePort::Declared(0)) {
            is_reached[target.index()] = true;
        }
    }
    let exposed = derived
        .implied
        .controller
        .iter()
        .chain(&derived.implied.world);
    for routed in exposed {
        is_reached[routed.port.service.index()] = true;
    }
    for (id, service) in platform.services() {
        if !is_reached[id.index()] {
            out.push(
                Diagnostic::new(
                    &codes::UNREACHABLE_SERVICE,
                    format!("nothing can reach `{}`", platform.path(id)),
                )
                .at(service.name.span(), "no flow, route or address leads here")
                .help("add a flow or an `expose`; say `access by port-forward` where operators alone use it"),
            );
        }
    }
}
