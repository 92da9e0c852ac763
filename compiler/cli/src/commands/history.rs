//! `erpc history`: the releases of a platform.

use erpc_cluster::{Cluster, HistoryEntry, HistoryResult, Inventory};
use serde_json::json;

use super::cluster::{HUMAN_OR_JSON, access, block_on, fail, platform_name};
use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Format, History};
use crate::console::Console;
use crate::table::Table;

/// As many digits of a commit as Git shows of it at the least in large repositories.
const COMMIT_DIGITS: usize = 12;

pub(crate) fn run(command: &History, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("history", HUMAN_OR_JSON, common, console) {
        return Exit::Usage;
    }
    let Some(platform) = platform_name(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let read = block_on(async {
        let cluster = Cluster::connect(&access("history", &command.access)).await?;
        let inventory = Inventory::read(&cluster, &platform).await?;
        Ok((cluster, inventory.unwrap_or_default().history))
    });
    let (cluster, history) = match read {
        Ok(read) => read,
        Err(failure) => return fail(&failure, common, console),
    };
    if common.format == Format::Json {
        let releases: Vec<_> = history.releases.iter().rev().map(json_of).collect();
        let text = json!({ "version": 1, "platform": platform, "releases": releases });
        console.result(&super::json(&text));
        return Exit::Done;
    }
    console.note(&format!("{platform} on {}", cluster.describe()));
    if history.releases.is_empty() {
        console.result(&format!("`{platform}` has no releases in this cluster\n"));
        return Exit::Done;
    }
    let head = ["release", "when", "who", "erpc", "revision", "result", ""];
    let mut table = Table::new(head);
    for entry in history.releases.iter().rev() {
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
    console.result(&table.aligned());
    Exit::Done
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
