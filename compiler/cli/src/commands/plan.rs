//! `erpc plan`: what an apply would do, and nothing of it.

use std::io::Write;
use std::path::Path;

use erpc_cluster::{Cluster, Failure};

use super::cluster::{about, access, allowed, block_on, detail, paint, selected};
use crate::Exit;
use crate::arguments::{Common, Format, Plan};
use crate::console::Console;

pub(crate) fn run(command: &Plan, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Json, Format::Markdown];
    let path = command.path.as_deref();
    about(
        "plan",
        &formats,
        path,
        common,
        console,
        |program, console| {
            let allowed = allowed(&command.permit);
            let part = selected(program, &allowed);
            let program = part.as_ref().unwrap_or(program);
            let (cluster, plan) = block_on(async {
                let cluster = Cluster::connect(&access("plan", &command.access)).await?;
                let plan = erpc_cluster::Plan::compute(&cluster, program, &allowed).await?;
                Ok((cluster, plan))
            })?;
            if let Some(out) = &command.out {
                let text = erpc_cluster::save(&plan, program, &cluster);
                write_private(out, &text).map_err(|error| {
                    let why = crate::project::describe(&error);
                    Failure::new(format!("{}: {why}", out.display()))
                })?;
            }
            match common.format {
                Format::Json => {
                    let json = erpc_cluster::to_json(&plan, program, &cluster);
                    console.result(&super::json(&json));
                }
                Format::Markdown => {
                    console.result(&erpc_cluster::markdown(&plan, program, &cluster));
                }
                _ => {
                    console.note(&format!("{} → {}", program.name(), cluster.describe()));
                    console.result(&erpc_cluster::human(
                        &plan,
                        program,
                        paint(console),
                        detail(&command.detail),
                    ));
                }
            }
            Ok(if plan.is_blocked() || plan.is_partly_blocked() {
                Exit::Failed
            } else if plan.steps.is_empty() {
                Exit::Done
            } else {
                Exit::Differs
            })
        },
    )
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
