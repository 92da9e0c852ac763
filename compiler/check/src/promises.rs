//! Promises that cannot be kept: above what is required gives, a recovery that is longer than the
//! error budget, an objective of latency below one that it stands on.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{Availability, Platform, ServiceId, Sourced, Via};
use erpc_policy::Derived;
use erpc_reliability::latency::{Slower, slower};
use erpc_reliability::promise::{Promise, Term, minutes, tenths};
use rustc_hash::FxHashMap;

use crate::of_service;

/// How many terms of a product are shown at their lines.
const SHOWN: usize = 6;

/// Each promise above the product over what is required directly. Services that promise by one line
/// and require the same are one finding.
pub(crate) fn inversions(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    let mut groups: FxHashMap<(Span, Vec<ServiceId>), usize> = FxHashMap::default();
    let mut found: Vec<(Promise, Vec<ServiceId>)> = Vec::new();
    for (id, service) in platform.services() {
        let Some(promise) = Promise::of(platform, derived, id).filter(Promise::is_broken) else {
            continue;
        };
        let span = service
            .availability
            .as_ref()
            .map_or(Span::NONE, Sourced::span);
        let terms = promise.requires.iter().map(|term| term.service).collect();
        let at = *groups.entry((span, terms)).or_insert(found.len());
        match found.get_mut(at) {
            Some((_, services)) => services.push(id),
            None => found.push((promise, vec![id])),
        }
    }
    for (promise, services) in &found {
        out.push(inversion(platform, promise, services));
    }
}

fn inversion(platform: &Platform, promise: &Promise, services: &[ServiceId]) -> Diagnostic {
    let first = services[0];
    let service = &platform[first];
    let short = u64::try_from(promise.slack_ms().unsigned_abs()).unwrap_or(u64::MAX);
    let over = promise.availability.over;
    let who = match services.len() - 1 {
        0 => format!("`{}` promises", platform.path(first)),
        more => format!("`{}` and {more} more promise", platform.path(first)),
    };
    let message = format!(
        "{who} {}: what {} gives {}",
        promise.availability.share,
        if services.len() == 1 {
            "it requires"
        } else {
            "they require"
        },
        promise.bound()
    );
    let mut diagnostic = Diagnostic::new(&codes::SLO_INVERSION, message);
    if let Some(availability) = &service.availability {
        let label = format!("short by {} min in {over}", minutes_exactly(short));
        diagnostic = diagnostic.at(availability.span(), label);
        diagnostic = in_service(diagnostic, availability, platform, first);
    }
    // Several may promise by the line of one namespace.
    let mut lines: Vec<(Span, Vec<String>)> = Vec::new();
    for term in promise.requires.iter().take(SHOWN) {
        let name = format!("`{}`", platform.path(term.service));
        let flow = platform.flows[term.flow.index()].span;
        diagnostic = diagnostic.also(flow, format!("× {} of {name}", term.share));
        let promised = platform[term.service].availability.as_ref();
        let span = promised.map_or(Span::NONE, Sourced::span);
        match lines.iter_mut().find(|(line, _)| *line == span) {
            Some((_, names)) => names.push(name),
            None => lines.push((span, vec![name])),
        }
    }
    for (span, names) in lines {
        let verb = if names.len() == 1 {
            "promises"
        } else {
            "promise"
        };
        diagnostic = diagnostic.also(span, format!("{} {verb} it here", names.join(", ")));
    }
    let about = if services.len() == 1 {
        platform.path(first)
    } else {
        platform[service.namespace].name.value.to_string()
    };
    diagnostic = diagnostic.about(about).help(format!(
        "{}; in {over} that leaves out {} min, and the promise {} min",
        promise.product(),
        minutes_exactly(promise.budget_ms().saturating_add(short)),
        minutes_exactly(promise.budget_ms())
    ));
    diagnostic.help(ways_out(platform, promise))
}

fn ways_out(platform: &Platform, promise: &Promise) -> String {
    let lower = promise
        .keepable()
        .map(|share| format!("promise at most {share}"));
    let culprits: Vec<&Term> = promise.culprits().take(3).collect();
    let optional = if culprits.is_empty() {
        "make flows `optional` where the client works without them".to_owned()
    } else {
        let names = culprits
            .iter()
            .map(|term| format!("`{}`", platform.path(term.service)));
        format!(
            "say `optional` where the client works without {}",
            names.collect::<Vec<_>>().join(" or ")
        )
    };
    match lower {
        Some(lower) => format!("{lower}, or {optional}"),
        None => optional,
    }
}

/// Minutes with three decimals: differences of budgets are small.
fn minutes_exactly(ms: u64) -> String {
    let thousandths = (u128::from(ms) + 30) / 60;
    let digits = format!("{:03}", thousandths % 1000);
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{}{point}{digits}", thousandths / 1000)
}

/// Names the service where its promise is said elsewhere.
fn in_service(
    diagnostic: Diagnostic,
    availability: &Sourced<Availability>,
    platform: &Platform,
    id: ServiceId,
) -> Diagnostic {
    let service = &platform[id];
    if availability.origin.via == Via::Namespace {
        diagnostic.also(service.name.span(), "its namespace promises it")
    } else {
        of_service(diagnostic, availability.origin, service)
    }
}

/// A recovery that takes more than the error budget of its window.
pub(crate) fn recoveries(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        let (Some(rto), Some(availability)) = (&service.properties.rto, &service.availability)
        else {
            continue;
        };
        let Some(promise) = Promise::of(platform, derived, id) else {
            continue;
        };
        if rto.value.0 <= promise.budget_ms() {
            continue;
        }
        // Of a budget below a millisecond nothing is a share.
        let share = promise
            .share_of_budget(rto.value)
            .map_or_else(|| "more than the whole".to_owned(), tenths);
        let over = promise.availability.over;
        let diagnostic = Diagnostic::new(
            &codes::RECOVERY_PAST_BUDGET,
            format!(
                "one recovery of `{}` may take {}: {share} of its error budget",
                platform.path(id),
                rto.value,
            ),
        )
        .at(rto.span(), format!("up to {}", rto.value))
        .also(
            availability.span(),
            format!(
                "{} leaves {} min in {over}",
                promise.availability.share,
                minutes(promise.budget_ms())
            ),
        )
        .about(platform.path(id));
        let within = format!("be back within {} min", minutes(promise.budget_ms()));
        let diagnostic = diagnostic.help(match promise.affordable(rto.value) {
            Some(share) => format!("{within}, or promise at most {share}"),
            None => within,
        });
        out.push(of_service(diagnostic, rto.origin, service));
    }
}

/// An objective of latency below one that the service waits for.
pub(crate) fn latencies(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    for found in slower(platform, derived) {
        out.push(latency(platform, &found));
    }
}

fn latency(platform: &Platform, found: &Slower) -> Diagnostic {
    let client = &platform[found.client];
    let objective = &client.latency[found.objective];
    // The path has at least one hop: the service that is slower is another one.
    let end = found.path.last().map_or(found.client, |hop| hop.0);
    let slowest = &platform[end].latency[found.slowest];
    let shown = |latency: &erpc_model::Latency| {
        let quantile = latency.quantile.to_string();
        format!("p{} < {}", quantile.trim_end_matches('%'), latency.below)
    };
    let mut names = vec![platform.path(found.client)];
    names.extend(found.path.iter().map(|hop| platform.path(hop.0)));
    let mut diagnostic = Diagnostic::new(
        &codes::LATENCY_INVERSION,
        format!(
            "`{}` promises {}, and waits for `{}`, which promises {}",
            platform.path(found.client),
            shown(&objective.value),
            platform.path(end),
            shown(&slowest.value)
        ),
    )
    .at(objective.span(), "less than what it waits for")
    .also(slowest.span(), format!("up to {}", slowest.value.below));
    for (name, (_, flow)) in names.iter().skip(1).zip(&found.path).take(SHOWN) {
        let flow = platform.flows[flow.index()].span;
        diagnostic = diagnostic.also(flow, format!("requires `{name}`"));
    }
    if names.len() > 2 {
        diagnostic = diagnostic.help(format!("the path: {}", names.join(" → ")));
    }
    let diagnostic = diagnostic.about(platform.path(found.client)).help(format!(
        "promise {} or more, or make `{}` faster",
        slowest.value.below,
        platform.path(end)
    ));
    of_service(diagnostic, objective.origin, client)
}
