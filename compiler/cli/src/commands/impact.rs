//! `erpc impact`: what the failure of a service or of an external costs.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_answers::AskedEnd;
use erpc_model::{Peer, Platform};
use erpc_policy::Party;
use erpc_report::impact::Impact;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Answer, Output, Plain};
use crate::table::Table;
use crate::text::{count, push_line, push_text};
use crate::{Exit, Failure, names};

/// Show what the failure of a service or an external affects.
///
/// Lists the services that fail, those that degrade, and the error budgets that are spent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc impact kvs-database                 the failure of a store
  erpc impact bank                         the failure of an external
  erpc impact ca-pki --format json         for scripts")]
pub(crate) struct Arguments {
    /// Service or external that fails.
    #[arg(add = ArgValueCompleter::new(names::services_and_externals))]
    name: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (platform, derived, _) = self.input.model()?;
        let failed = failed(&platform, &self.name).map_err(Failure::Usage)?;
        let impact = Impact::of(&platform, &derived, failed);
        self.output.write(&impact, console);
        Ok(Exit::Done)
    }
}

/// What a name means: one service, an external, or another end that services call.
fn failed(platform: &Platform, name: &str) -> Result<Peer, String> {
    match AskedEnd::read(platform, name)?.single() {
        Some(Party::Peer(end)) => Ok(end),
        _ => Err(format!("`{name}` is neither one service nor one external")),
    }
}

impl Answer for Impact {
    type Format = Plain;

    fn text(&self, _: Plain) -> String {
        human(self)
    }
}

fn human(impact: &Impact) -> String {
    let mut out = format!("If {} fails:\n", impact.service);
    push_line!(
        out,
        "\n{} cannot work without it{}",
        count(impact.lost.len(), "service"),
        if impact.lost.is_empty() { "" } else { ":" }
    );
    for lost in &impact.lost {
        push_line!(out, "  {}", lost.through.join(" → "));
    }
    push_line!(
        out,
        "\n{} work{} worse{}",
        count(impact.degraded.len(), "service"),
        if impact.degraded.len() == 1 { "s" } else { "" },
        if impact.degraded.is_empty() { "" } else { ":" }
    );
    for degraded in &impact.degraded {
        push_line!(
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
            push_line!(out, "\nThese {title}:\n  {}", names.join("\n  "));
        }
    }
    if let Some(data) = &impact.data {
        let rpo = data.rpo.as_deref().map_or_else(
            || "it does not say how much of the latest data that may cost".to_owned(),
            |rpo| format!("the latest {rpo} of data may be lost"),
        );
        push_line!(out, "\nIts data is on {}; {rpo}", data.volumes.join(", "));
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
        push_text!(out, "\n{}", table.aligned());
    }
    out
}
