//! `erpc unlock`: frees the lock of a run that is gone.

use std::io::IsTerminal;

use clap::Args;
use erpc_cluster::Program;
use serde_json::json;

use super::apply::typed;
use super::cluster::{Access, about, block_on};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, json_line};
use crate::{Exit, Failure};

/// Release the lock of a run that no longer exists.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc unlock                      show the holder, confirm, release")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| {
            let message = block_on(self.work(program))?;
            self.output.write_with(
                console,
                || json_line(&json!({ "version": 1, "message": message })),
                |_| format!("{message}\n"),
            );
            Ok(Exit::Done)
        })
    }

    async fn work(&self, program: &Program<'_>) -> Result<String, Failure> {
        let cluster = self.access.connect("unlock").await?;
        let Some(holder) = erpc_cluster::holder(&cluster, program.name()).await? else {
            return Ok(format!("no run holds the lock of `{}`", program.name()));
        };
        let who = format!(
            "{} holds the lock since {}, renewed {}",
            holder.name, holder.since, holder.renewed
        );
        if !self.yes {
            if !std::io::stdin().is_terminal() {
                return Err(erpc_cluster::Failure::new(format!("{who}; --yes is required"))
                    .help("make sure that this run is gone: two at once would undo each other's work")
                    .into());
            }
            typed(
                &format!("{who}.\nIs that run gone for certain? Only `yes` will do: "),
                "yes",
            )?;
        }
        erpc_cluster::unlock(&cluster, program.name()).await?;
        Ok(format!("unlocked; {who}"))
    }
}
