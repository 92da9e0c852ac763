//! `erpc status`: every service against its declaration.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use erpc_cluster::{Cluster, Program, Status};

use super::cluster::{Access, about, block_on, paint};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, json_line};
use crate::{Exit, Failure};

/// Show the state of every service against its declaration.
///
/// Exits 0 if all services are ready, 3 if one is not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc status                      once
  erpc status --watch              refresh on every change
  erpc status --format json        for scripts")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Refresh on every change, until interrupted.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    output: Output,
}

const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| {
            let is_healthy = block_on(async {
                let cluster = self.access.connect("status").await?;
                self.show(&cluster, program, console).await
            })?;
            Ok(if is_healthy {
                Exit::Done
            } else {
                Exit::NotReady
            })
        })
    }

    /// Shows it once, or again and again; whether all was well at the end.
    async fn show(
        &self,
        cluster: &Arc<Cluster>,
        program: &Program<'_>,
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        if self.output.is_human() {
            console.note(&format!("{} on {}", program.name(), cluster.describe()));
        }
        let mut look = Status::start(cluster, program, !self.watch).await?;
        let mut before = None;
        let mut stop = erpc_cluster::Stop::on_signals(cluster);
        loop {
            let rows = look.rows().await?;
            let is_healthy = erpc_cluster::is_healthy(&rows);
            if before.as_ref() != Some(&rows) {
                if self.watch {
                    console.clear();
                }
                let paint = paint(console);
                self.output.write_with(
                    console,
                    || json_line(&erpc_cluster::status_json(&rows)),
                    |_| erpc_cluster::status_text(&rows, paint),
                );
                if self.watch && console.flush().is_err() {
                    return Ok(is_healthy);
                }
                before = Some(rows);
            }
            if !self.watch || stop.asked_within(LOOKED_AT_EVERY).await {
                return Ok(is_healthy);
            }
        }
    }
}
