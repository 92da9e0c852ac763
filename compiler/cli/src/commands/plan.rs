//! `erpc plan`: what an apply would do, and nothing of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::cluster::{Access, Detail, Permit, about, block_on, paint, selected};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, WithMarkdown, json};
use crate::project::describe;
use crate::{Exit, Failure};

/// Show what `apply` would change in a cluster, field by field.
///
/// Changes nothing. The API server validates every change in a dry run. Each change is shown with the source line that it
/// comes from. Exits 0 if nothing would change, 2 if something would, 1 if the plan is blocked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc plan                        for the current context
  erpc plan --context production   for another context
  erpc plan --prune                include deletions
  erpc plan --only shop-back.api   one service
  erpc plan --out plan.json        save it for `erpc apply plan.json`
  erpc plan --format markdown      for a pull request")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    permit: Permit,
    #[command(flatten)]
    detail: Detail,
    /// Save the plan, so that `apply` performs exactly this plan or fails.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output<WithMarkdown>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| {
            let allowed = self.permit.allowed();
            let part = selected(program, &allowed);
            let program = part.as_ref().unwrap_or(program);
            let (cluster, plan) = block_on(async {
                let cluster = self.access.connect("plan").await?;
                let plan = erpc_cluster::Plan::compute(&cluster, program, &allowed).await?;
                Ok((cluster, plan))
            })?;
            if let Some(out) = &self.out {
                let text = erpc_cluster::save(&plan, program, &cluster);
                write_private(out, &text).map_err(|error| {
                    erpc_cluster::Failure::new(format!("{}: {}", out.display(), describe(&error)))
                })?;
            }
            if self.output.is_human() {
                console.note(&format!("{} → {}", program.name(), cluster.describe()));
            }
            let (paint, detail) = (paint(console), self.detail.of_plan());
            self.output.write_with(
                console,
                || json(&erpc_cluster::to_json(&plan, program, &cluster)),
                |format| match format {
                    WithMarkdown::Human => erpc_cluster::human(&plan, program, paint, detail),
                    WithMarkdown::Markdown => erpc_cluster::markdown(&plan, program, &cluster),
                },
            );
            Ok(if plan.is_blocked() || plan.is_partly_blocked() {
                Exit::Failed
            } else if plan.steps.is_empty() {
                Exit::Done
            } else {
                Exit::Differs
            })
        })
    }
}

/// Writes a file that only its owner may read: a plan holds the configuration of every service that it
/// changes. A file that is there already loses the permissions of others first.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    if file.metadata()?.is_file() {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    file.write_all(text.as_bytes())
}
