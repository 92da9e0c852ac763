//! A service depends on its own tier or a lower one.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{End, Mode, Platform};
use erpc_policy::Edges;
use rustc_hash::FxHashSet;

/// Required and optional flows to a higher tier, once for each flow and called namespace.
pub(crate) fn violations(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    let mut reported = FxHashSet::default();
    for edge in edges.as_slice() {
        let (End::Service(client), End::Service(server)) = (edge.from, edge.to) else {
            continue;
        };
        if edge.mode == Mode::Observes {
            continue;
        }
        let low = &platform[platform[client].namespace];
        let high = &platform[platform[server].namespace];
        let above = &platform.tiers[high.tier.value.index()];
        if !above.below.contains(&low.tier.value)
            || !reported.insert((edge.flow, platform[server].namespace))
        {
            continue;
        }
        let flow = &platform.flows[edge.flow.index()];
        let below = &platform.tiers[low.tier.value.index()];
        let verb = if edge.mode == Mode::Requires {
            "requires"
        } else {
            "uses"
        };
        out.push(
            Diagnostic::new(
                &codes::TIER_VIOLATION,
                format!(
                    "`{}` may not call `{}`: a service never {verb} a higher tier",
                    platform.path(client),
                    platform.path(server)
                ),
            )
            .at(
                flow.to.span,
                format!("tier `{}`, above `{}`", above.name.value, below.name.value),
            )
            .also(above.name.span(), "the order is declared here")
            .help("if this is monitoring or a callback, say so: `observes` behind the port"),
        );
    }
}
