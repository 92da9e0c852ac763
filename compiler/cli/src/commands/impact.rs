//! `erpc impact`: what the failure of a service or of an external costs.

use std::fmt::Write;

use erpc_answers::AskedEnd;
use erpc_model::{Peer, Platform};
use erpc_policy::Party;
use erpc_report::impact::Impact;

use super::{compiled, count, has_format, versioned_json};
use crate::Exit;
use crate::arguments::{self, Common, Format};
use crate::console::Console;
use crate::table::Table;

pub(crate) fn run(command: &arguments::Impact, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("impact", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some((platform, derived, _)) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let failed = match failed(&platform, &command.name) {
        Ok(failed) => failed,
        Err(message) => {
            console.fail(&message);
            return Exit::Usage;
        }
    };
    let impact = Impact::of(&platform, &derived, failed);
    let text = match common.format {
        Format::Json => versioned_json(&impact),
        _ => human(&impact),
    };
    console.result(&text);
    Exit::Done
}

/// What a name means: one service, an external, or another end that services call.
fn failed(platform: &Platform, name: &str) -> Result<Peer, String> {
    match AskedEnd::read(platform, name)?.single() {
        Some(Party::Peer(end)) => Ok(end),
        _ => Err(format!("`{name}` is neither one service nor one external")),
    }
}

// Writing to a string cannot fail, here and below.
fn human(impact: &Impact) -> String {
    let mut out = format!("If {} fails:\n", impact.service);
    let _ = writeln!(
        out,
        "\n{} cannot work without it{}",
        count(impact.lost.len(), "service"),
        if impact.lost.is_empty() { "" } else { ":" }
    );
    for lost in &impact.lost {
        let _ = writeln!(out, "  {}", lost.through.join(" → "));
    }
    let _ = writeln!(
        out,
        "\n{} work{} worse{}",
        count(impact.degraded.len(), "service"),
        if impact.degraded.len() == 1 { "s" } else { "" },
        if impact.degraded.is_empty() { "" } else { ":" }
    );
    for degraded in &impact.degraded {
        let _ = writeln!(
            out,
            "  {}, without {}",
            degraded.service,
            degraded.misses.join(", ")
        );
    }
    for (title, names) in [
        ("no longer see what they observe", &impact.blind),
        ("do not answer from outside", &impact.unreachable),
    ] {
        if !names.is_empty() {
            let _ = writeln!(out, "\nThese {title}:\n  {}", names.join("\n  "));
        }
    }
    if let Some(data) = &impact.data {
        let rpo = data.rpo.as_deref().map_or_else(
            || "it does not say how much of the latest data that may cost".to_owned(),
            |rpo| format!("the latest {rpo} of data may be lost"),
        );
        let _ = writeln!(out, "\nIts data is on {}; {rpo}", data.volumes.join(", "));
    }
    if !impact.budgets.is_empty() {
        let mut table = Table::new([
            "budget of",
            "promise",
            "minutes",
            "over",
            "one failure costs",
        ]);
        for budget in &impact.budgets {
            table.push([
                budget.service.clone(),
                budget.promise.clone(),
                budget.minutes.clone(),
                budget.over.clone(),
                budget.spent_by_one_failure.clone().unwrap_or_default(),
            ]);
        }
        let _ = write!(out, "\n{}", table.aligned());
    }
    out
}
