//! A service depends on its own tier or a lower one.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{Mode, Peer, Platform, ServiceId, TierId};
use erpc_policy::{Edge, Edges};
use rustc_hash::FxHashSet;

/// From how many flows on it is said once that the order of the tiers is the wrong way round.
const MANY: usize = 3;
/// How many of them are shown then.
const SHOWN: usize = 3;

/// Required and optional flows to a higher tier, once for each flow and called namespace. Where they are
/// by far more than those to a lower one, the order of the tiers is wrong, and not each of them.
pub(crate) fn violations(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    let mut seen = FxHashSet::default();
    let mut upward = Vec::new();
    let mut downward = 0usize;
    for edge in edges.as_slice() {
        let Some((client, server)) = tiers_of(platform, edge) else {
            continue;
        };
        let (Peer::Service(_), Peer::Service(service)) = (edge.from, edge.to) else {
            continue;
        };
        let is_above =
            |high: TierId, low: TierId| platform.tiers[high.index()].below.contains(&low);
        let is_upward = is_above(server, client);
        if (is_upward || is_above(client, server))
            && seen.insert((edge.flow, platform[service].namespace, is_upward))
        {
            if is_upward {
                upward.push(edge);
            } else {
                downward += 1;
            }
        }
    }
    if upward.len() >= MANY && upward.len() > 2 * downward {
        out.push(reversed(platform, &upward, downward));
    } else {
        let found = upward.iter().filter_map(|edge| violation(platform, edge));
        found.for_each(|violation| out.push(violation));
    }
}

/// The tiers of the client and the server of a flow that the order of the tiers is about.
fn tiers_of(platform: &Platform, edge: &Edge) -> Option<(TierId, TierId)> {
    let (Peer::Service(client), Peer::Service(server)) = (edge.from, edge.to) else {
        return None;
    };
    let tier = |service: ServiceId| platform.tier_of(&platform[service]).value;
    (edge.mode != Mode::Observes).then(|| (tier(client), tier(server)))
}

fn violation(platform: &Platform, edge: &Edge) -> Option<Diagnostic> {
    let (low, high) = tiers_of(platform, edge)?;
    let (Peer::Service(client), Peer::Service(server)) = (edge.from, edge.to) else {
        return None;
    };
    let (below, above) = (&platform.tiers[low.index()], &platform.tiers[high.index()]);
    let verb = if edge.mode == Mode::Requires {
        "requires"
    } else {
        "uses"
    };
    Some(
        Diagnostic::new(
            &codes::TIER_VIOLATION,
            format!(
                "`{}` may not call `{}`: a service never {verb} a higher tier",
                platform.path(client),
                platform.path(server)
            ),
        )
        .at(
            platform.flows[edge.flow.index()].to.span,
            format!("tier `{}`, above `{}`", above.name.value, below.name.value),
        )
        .also(above.name.span(), "the order is declared here")
        .help("if this is monitoring or a callback, say so: `observes` behind the port"),
    )
}

/// One finding for an order that nearly every flow is against.
fn reversed(platform: &Platform, upward: &[&Edge], downward: usize) -> Diagnostic {
    let names = platform.tiers.iter().map(|tier| tier.name.span());
    let line = names
        .clone()
        .filter(|span| Some(span.file) == names.clone().next().map(|first| first.file))
        .fold(None, |line: Option<Span>, span| match line {
            Some(line) => Some(Span::new(
                line.file,
                line.start.min(span.start),
                line.end.max(span.end),
            )),
            None => Some(span),
        });
    let count = upward.len();
    let message = match downward {
        0 => format!("all {count} flows between tiers lead to a higher one"),
        1 => format!("{count} flows lead to a higher tier, and one to a lower one"),
        _ => format!("{count} flows lead to a higher tier, and {downward} to a lower one"),
    };
    let mut diagnostic = Diagnostic::new(
        &codes::TIER_VIOLATION,
        format!("{message}: the order of the tiers seems to be the wrong way round"),
    )
    .at(line.unwrap_or(Span::NONE), "the lowest tier stands first");
    for edge in upward.iter().take(SHOWN) {
        let Some((low, high)) = tiers_of(platform, edge) else {
            continue;
        };
        let name = |tier: TierId| &platform.tiers[tier.index()].name.value;
        diagnostic = diagnostic.also(
            platform.flows[edge.flow.index()].to.span,
            format!("tier `{}`, above `{}`", name(high), name(low)),
        );
    }
    let is_chain = (0..)
        .zip(&platform.tiers)
        .all(|(at, tier)| tier.below.len() == at);
    let names: Vec<&str> = platform
        .tiers
        .iter()
        .rev()
        .map(|tier| tier.name.value.as_str())
        .collect();
    let rest = "what the others rest on is the lowest: a service uses its own tier and lower ones";
    if is_chain {
        diagnostic.help(format!("write `tiers {}`, if {rest}", names.join(" < ")))
    } else {
        diagnostic.help(rest)
    }
}
