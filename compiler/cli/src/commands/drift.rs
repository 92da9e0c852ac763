//! `erpc drift`: what in the cluster differs from the source, in the source's terms.

use clap::Args;

use super::cluster::{Access, about, block_on, paint};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, json_line};
use crate::text::count;
use crate::{Exit, Failure};

/// Show how a cluster differs from the source, and who changed it.
///
/// Changes nothing. Reports declared fields with other values, fields and objects that were added or are missing, pods
/// that match a service without belonging to it, connections that differ from the source, and volumes
/// smaller than declared. Each difference has a severity: opens-network, changes-permissions and
/// changes-security-context are errors, other is a warning.
///
/// Exits 0 if nothing differs, 2 if something does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc drift                       for the current context
  erpc drift --format json         for an alert")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| {
            let (cluster, drifts) = block_on(async {
                let cluster = self.access.connect("drift").await?;
                let drifts = erpc_cluster::drift(&cluster, program).await?;
                Ok((cluster, drifts))
            })?;
            if self.output.is_human() {
                console.note(&format!("{} on {}", program.name(), cluster.describe()));
            }
            let paint = paint(console);
            self.output.write_with(
                console,
                || json_line(&erpc_cluster::drift_json(&drifts)),
                |_| erpc_cluster::drift_text(&drifts, paint),
            );
            if self.output.is_human() {
                for unchecked in &drifts.unchecked {
                    console.note(&format!("note: {unchecked}"));
                }
                console.note(&match drifts.found.len() {
                    0 => "the cluster is as the source says".to_owned(),
                    more => count(more, "difference"),
                });
            }
            Ok(if drifts.found.is_empty() {
                Exit::Done
            } else {
                Exit::Differs
            })
        })
    }
}
