//! `erpc rollback`: brings back the objects of an earlier release, through the engine of `apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use erpc_cluster::{
    Cluster, Failure as ClusterFailure, History, HistoryEntry, Inventory, StoredRelease,
};
use erpc_diagnostics::{Diagnostics, Severity};

use super::apply::{self, Run};
use super::cluster::{Access, Permit, block_on, platform_name, program, selected};
use super::is_path;
use crate::arguments::Library;
use crate::console::Console;
use crate::format::Output;
use crate::project::{Stored, compile};
use crate::{Exit, Failure};

/// Restore the objects of an earlier release.
///
/// Works like `apply`: shows the plan, asks for confirmation, and changes services in the order of their
/// requirements. The objects come from the cluster, as that release applied them, with the profile of
/// that release. The source does not change: revert it too, or the next `apply` restores the newer
/// objects. Objects that were added since are deleted only with --prune. Data is never rolled back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc rollback                    to the last successful release with other objects
  erpc rollback 12                 to release 12 of `erpc history`
  erpc rollback 12 --prune         and delete objects that were added since
  erpc rollback 12 --yes           without confirmation")]
pub(crate) struct Arguments {
    /// Number of the release [default: the last successful release before the newest that applied the
    /// whole platform and had other objects].
    release: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    permit: Permit,
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (release, path) = self.release_and_path().map_err(Failure::Usage)?;
        let platform = platform_name(path, &self.library)?;
        block_on(async {
            let cluster = self.access.connect("rollback").await?;
            let (entry, stored, id) = load(&cluster, &platform, release).await?;
            // Compiled for the order of the services and the lines of the plan.
            let source = Stored(&stored.source);
            let compiled = compile(&stored.source.root, &source, entry.profile.as_deref());
            let compiled = compiled.checked();
            let checked =
                compiled.map_err(|errors| does_not_compile(&entry, &errors.diagnostics))?;
            let program = stored.restore(program(&checked))?.of_source(id);
            let mut options = self.run.options(self.permit.allowed());
            options.allowed.only = only(&entry, options.allowed.only)?;
            let part = selected(&program, &options.allowed);
            let program = part.unwrap_or(program);
            options.source = stored.source.clone();
            options.rollback_to = Some(entry.release);
            console.note(&format!(
                "back to release {} of {}, applied by {}",
                entry.release, entry.started, entry.user
            ));
            apply::work(
                &cluster,
                &program,
                &options,
                &self.run,
                &self.output,
                console,
            )
            .await
        })
    }

    /// The number of a release and the path of a project, of which the path may stand alone.
    fn release_and_path(&self) -> Result<(Option<u64>, Option<&Path>), String> {
        let path = self.path.as_deref();
        let Some(text) = &self.release else {
            return Ok((None, path));
        };
        match text.parse() {
            Ok(number) => Ok((Some(number), path)),
            Err(_) if path.is_none() && is_path(text) => Ok((None, Some(Path::new(text)))),
            Err(_) => Err(format!(
                "expected the number of a release, found `{text}`; `erpc history` lists them"
            )),
        }
    }
}

async fn load(
    cluster: &Cluster,
    platform: &str,
    release: Option<u64>,
) -> Result<(HistoryEntry, StoredRelease, Option<String>), ClusterFailure> {
    // A platform that was never applied has no releases.
    let inventory = Inventory::read(cluster, platform)
        .await?
        .unwrap_or_default();
    let history = inventory.history;
    let entry = chosen(&history, platform, release)?;
    let moved = history.moved_since(entry.release);
    if !moved.is_empty() {
        return Err(ClusterFailure::new(format!(
            "volumes have moved since release {}: {}; a rollback would start the old names with empty volumes",
            entry.release,
            moved.join(", ")
        ))
        .help("rename back in the source with `moved` in the opposite direction, then `erpc apply`"));
    }
    let stored = history.load(cluster, platform, entry).await?;
    Ok((entry.clone(), stored, inventory.meta.id))
}

fn chosen<'h>(
    history: &'h History,
    platform: &str,
    release: Option<u64>,
) -> Result<&'h HistoryEntry, ClusterFailure> {
    let see = "`erpc history` lists the releases";
    let Some(number) = release else {
        return history.previous().ok_or_else(|| {
            ClusterFailure::new(format!(
                "`{platform}` has no earlier release with other objects that ended well"
            ))
            .help(see)
        });
    };
    history.release(number).ok_or_else(|| {
        let known: Vec<u64> = history.releases.iter().map(|entry| entry.release).collect();
        let message = match (known.first(), known.last()) {
            (Some(first), Some(last)) => {
                format!("`{platform}` has no release {number}: expected {first} to {last}")
            }
            _ => format!("`{platform}` has no releases in this cluster"),
        };
        ClusterFailure::new(message).help(see)
    })
}

/// What a rollback is about: a release of a part of the platform has nothing of the rest.
fn only(entry: &HistoryEntry, asked: Vec<String>) -> Result<Vec<String>, ClusterFailure> {
    if entry.only.is_empty() {
        return Ok(asked);
    }
    if asked.is_empty() {
        return Ok(entry.only.clone());
    }
    let is_part = |name: &String| {
        let namespace = name.split_once('.').map(|(namespace, _)| namespace);
        let mut names = entry.only.iter();
        names.any(|of| of == name || Some(of.as_str()) == namespace)
    };
    match asked.iter().find(|name| !is_part(name)) {
        None => Ok(asked),
        Some(name) => Err(ClusterFailure::new(format!(
            "release {} was applied with --only {}, and `{name}` is not part of it",
            entry.release,
            entry.only.join(" --only ")
        ))
        .usage()),
    }
}

fn does_not_compile(entry: &HistoryEntry, found: &Diagnostics) -> ClusterFailure {
    let mut found = found.as_slice().iter();
    let first = found.find(|finding| finding.severity() == Severity::Error);
    let first = first.map_or_else(String::new, |finding| format!(": {}", finding.message));
    ClusterFailure::new(format!(
        "the source of release {} does not compile with this version of erpc{first}",
        entry.release
    ))
    .help(format!(
        "roll back with erpc {}, which applied it",
        entry.erpc
    ))
}
