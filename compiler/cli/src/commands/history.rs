//! `erpc history`: the releases of a platform.

use std::path::PathBuf;

use clap::Args;
use erpc_cluster::{HistoryEntry, HistoryResult, Inventory};
use serde_json::json;

use super::cluster::{Access, block_on, platform_name};
use crate::arguments::Library;
use crate::console::Console;
use crate::format::Output;
use crate::table::Table;
use crate::{Exit, Failure};

/// List the releases of a platform: who applied what, when, and the result.
///
/// A release is a run of `apply` or `rollback` that wrote something, with any profile. The last 50 are
/// listed; `erpc rollback` can restore the last 10. Reads only the name of the platform from the source,
/// so errors in the source do not matter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc history                     newest first
  erpc history --format json       for scripts")]
pub(crate) struct Arguments {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    output: Output,
}

/// As many digits of a commit as Git shows of it at the least in large repositories.
const COMMIT_DIGITS: usize = 12;

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let platform = platform_name(self.path.as_deref(), &self.library)?;
        let (cluster, history) = block_on(async {
            let cluster = self.access.connect("history").await?;
            let inventory = Inventory::read(&cluster, &platform).await?;
            // A platform that was never applied has no releases.
            Ok((cluster, inventory.unwrap_or_default().history))
        })?;
        if self.output.is_human() {
            console.note(&format!("{platform} on {}", cluster.describe()));
        }
        self.output.write_with(
            console,
            || {
                let releases: Vec<_> = history.releases.iter().rev().map(json_of).collect();
                let answer = json!({ "version": 1, "platform": platform, "releases": releases });
                crate::format::json(&answer)
            },
            |_| {
                if history.releases.is_empty() {
                    format!("`{platform}` has no releases in this cluster\n")
                } else {
                    table(&history.releases)
                }
            },
        );
        Ok(Exit::Done)
    }
}

/// The newest first.
fn table(releases: &[HistoryEntry]) -> String {
    let head = ["release", "when", "who", "erpc", "revision", "result", ""];
    let mut table = Table::new(head);
    for entry in releases.iter().rev() {
        table.push([
            entry.release.to_string(),
            entry.started.clone(),
            entry.user.clone(),
            entry.erpc.clone(),
            revision(entry),
            result(entry),
            remarks(entry),
        ]);
    }
    table.aligned()
}

fn revision(entry: &HistoryEntry) -> String {
    entry.revision.as_ref().map_or_else(
        || "-".to_owned(),
        |revision| {
            let short: String = revision.commit.chars().take(COMMIT_DIGITS).collect();
            let modified = if revision.is_modified { "+changes" } else { "" };
            format!("{short}{modified}")
        },
    )
}

fn result(entry: &HistoryEntry) -> String {
    match entry.result {
        HistoryResult::Done => "done".to_owned(),
        HistoryResult::NotReady => "applied, not ready".to_owned(),
        HistoryResult::Partly => {
            format!("partly: {} of {} written", entry.written, entry.planned)
        }
        result => result.as_str().to_owned(),
    }
}

fn remarks(entry: &HistoryEntry) -> String {
    let mut remarks = Vec::new();
    if let Some(release) = entry.rollback_to {
        remarks.push(format!("rollback to {release}"));
    }
    if let Some(profile) = &entry.profile {
        remarks.push(format!("profile {profile}"));
    }
    if !entry.only.is_empty() {
        remarks.push(format!("only {}", entry.only.join(", ")));
    }
    if !entry.is_kept() {
        remarks.push("not kept".to_owned());
    }
    remarks.join(", ")
}

fn json_of(entry: &HistoryEntry) -> serde_json::Value {
    json!({
        "release": entry.release,
        "started": entry.started,
        "ended": entry.ended,
        "user": entry.user,
        "host": entry.host,
        "erpc": entry.erpc,
        "revision": entry.revision.as_ref().map(|revision| json!({
            "commit": revision.commit, "modified": revision.is_modified,
        })),
        "profile": entry.profile,
        "only": entry.only,
        "rollbackTo": entry.rollback_to,
        "digest": entry.digest,
        "result": entry.result.as_str(),
        "written": entry.written,
        "planned": entry.planned,
        "kept": entry.is_kept(),
    })
}
