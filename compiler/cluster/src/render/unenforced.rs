//! What removing `network open` from a namespace would close: everything but what its services are left with.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use erpc_model::{NamespaceId, Network, Platform, Sourced};
use erpc_policy::{Connections, Left, left_with_policies};
use serde_json::{Value, json};

use crate::paint::{Detail, Paint};
use crate::program::Program;

/// More services of a namespace than that are counted.
const MOST_SERVICES: usize = 20;
/// More peers of a service than that are counted.
const MOST_PEERS: usize = 6;

fn all(program: &Program<'_>) -> Vec<(NamespaceId, Vec<Left>)> {
    let platform = program.platform;
    let is_open = platform
        .namespaces()
        .any(|(_, namespace)| namespace.is_open());
    match is_open {
        true => left_with_policies(platform, &Connections::of(platform, program.derived)),
        false => Vec::new(),
    }
}

fn reason(platform: &Platform, id: NamespaceId) -> &str {
    match platform[id].opened().map(|opened| &opened.value) {
        Some(Network::Open(reason)) => reason,
        Some(Network::Isolated) | None => "",
    }
}

pub(super) fn write(out: &mut String, program: &Program<'_>, paint: Paint, detail: Detail) {
    let platform = program.platform;
    for (id, services) in all(program) {
        let name = &platform[id].name.value;
        let place = platform[id].opened().map(Sourced::span);
        let place = place.and_then(|span| program.sources.place(span));
        let place = place.map_or_else(String::new, |place| format!(", {place}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{} `{name}` has no network policies (`network open`{place}: {}); without this line, these connections would be left:",
            paint.with("33", "!"),
            reason(platform, id)
        );
        let shown = match detail {
            Detail::Full => services.len(),
            Detail::Short => MOST_SERVICES,
        };
        for left in services.iter().take(shown) {
            let path = platform.path(left.service);
            let by = listed(&left.reached_by, detail, "nothing");
            let reaches = listed(&left.reaches, detail, "nothing");
            let _ = writeln!(out, "    {path}: reached by {by}; reaches {reaches}");
        }
        if services.len() > shown {
            let _ = writeln!(out, "    and {} more services", services.len() - shown);
        }
        let _ = writeln!(
            out,
            "    pods of `{name}` that the platform does not declare: none"
        );
    }
}

/// As [`write`], as a table for each namespace.
pub(super) fn markdown(out: &mut String, program: &Program<'_>) {
    let platform = program.platform;
    for (id, services) in all(program) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "\n**`{}` has no network policies** (`network open`: {}). Without this line, these connections would be left:\n\n| service | reached by | reaches |\n|---|---|---|",
            platform[id].name.value,
            reason(platform, id)
        );
        for left in services.iter().take(MOST_SERVICES) {
            let by = listed(&left.reached_by, Detail::Short, "nothing");
            let reaches = listed(&left.reaches, Detail::Short, "nothing");
            let _ = writeln!(
                out,
                "| `{}` | {by} | {reaches} |",
                platform.path(left.service)
            );
        }
        if services.len() > MOST_SERVICES {
            let _ = writeln!(
                out,
                "| {} more services | | |",
                services.len() - MOST_SERVICES
            );
        }
    }
}

fn listed(names: &BTreeSet<String>, detail: Detail, none: &str) -> String {
    if names.is_empty() {
        return none.to_owned();
    }
    let shown = match detail {
        Detail::Full => names.len(),
        Detail::Short => MOST_PEERS,
    };
    let mut text: Vec<&str> = names.iter().take(shown).map(String::as_str).collect();
    let more = names.len().saturating_sub(shown);
    let counted = format!("{more} more");
    if more > 0 {
        text.push(&counted);
    }
    text.join(", ")
}

pub(super) fn json(program: &Program<'_>) -> Value {
    let platform = program.platform;
    let namespaces = all(program).into_iter().map(|(id, services)| {
        let services = services.iter().map(|left| {
            json!({
                "service": platform.path(left.service),
                "reached_by": left.reached_by,
                "reaches": left.reaches,
            })
        });
        json!({
            "namespace": platform[id].name.value.as_str(),
            "because": reason(platform, id),
            "left": services.collect::<Vec<_>>(),
        })
    });
    namespaces.collect()
}
