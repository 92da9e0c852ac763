//! `erpc rollback`: brings back the objects of an earlier release, through the engine of `apply`.

use std::path::Path;
use std::sync::Arc;

use erpc_cluster::{
    Cluster, Failure, History, HistoryEntry, Inventory, SourceSnapshot, StoredRelease,
};
use erpc_diagnostics::Severity;

use super::cluster::{
    HUMAN_OR_JSON, access, allowed, block_on, fail, platform_name, program, selected,
};
use super::{apply, has_format, is_path};
use crate::Exit;
use crate::arguments::{Common, Rollback};
use crate::console::Console;
use crate::project::{Compiled, Stored, compile};

pub(crate) fn run(command: &Rollback, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("rollback", HUMAN_OR_JSON, common, console) {
        return Exit::Usage;
    }
    let (release, path) = match arguments(command) {
        Ok(arguments) => arguments,
        Err(problem) => {
            console.fail(&problem);
            return Exit::Usage;
        }
    };
    let Some(platform) = platform_name(path, common, console) else {
        return Exit::Failed;
    };
    let result = block_on(async {
        let cluster = Arc::new(Cluster::connect(&access("rollback", &command.access)).await?);
        let (entry, stored, id) = load(&cluster, &platform, release).await?;
        let compiled = compiled(&entry, &stored);
        let Some(program) = program(&compiled) else {
            return Err(does_not_compile(&entry, &compiled));
        };
        let program = stored.restore(program)?.of_source(id);
        let mut options = apply::options(allowed(&command.permit), &command.run);
        options.allowed.only = only(&entry, options.allowed.only)?;
        let part = selected(&program, &options.allowed);
        let program = part.unwrap_or(program);
        options.source = stored.source.clone();
        options.rollback_to = Some(entry.release);
        console.note(&format!(
            "back to release {} of {}, applied by {}",
            entry.release, entry.started, entry.user
        ));
        apply::work(&cluster, &program, &options, &command.run, common, console).await
    });
    result.unwrap_or_else(|failure| fail(&failure, common, console))
}

/// The number of a release and the path of a project, of which the path may stand alone.
fn arguments(command: &Rollback) -> Result<(Option<u64>, Option<&Path>), String> {
    let path = command.path.as_deref();
    let Some(text) = &command.release else {
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

async fn load(
    cluster: &Cluster,
    platform: &str,
    release: Option<u64>,
) -> Result<(HistoryEntry, StoredRelease, Option<String>), Failure> {
    let inventory = Inventory::read(cluster, platform)
        .await?
        .unwrap_or_default();
    let history = inventory.history;
    let entry = chosen(&history, platform, release)?;
    let moved = history.moved_since(entry.release);
    if !moved.is_empty() {
        return Err(Failure::new(format!(
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
) -> Result<&'h HistoryEntry, Failure> {
    let see = "`erpc history` lists the releases";
    let Some(number) = release else {
        return history.previous().ok_or_else(|| {
            Failure::new(format!(
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
        Failure::new(message).help(see)
    })
}

/// What a rollback is about: a release of a part of the platform has nothing of the rest.
fn only(entry: &HistoryEntry, asked: Vec<String>) -> Result<Vec<String>, Failure> {
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
        Some(name) => Err(Failure::new(format!(
            "release {} was applied with --only {}, and `{name}` is not part of it",
            entry.release,
            entry.only.join(" --only ")
        ))
        .usage()),
    }
}

/// The stored source, compiled for the order of the services and the lines of the plan.
fn compiled(entry: &HistoryEntry, stored: &StoredRelease) -> Compiled {
    let source: &SourceSnapshot = &stored.source;
    compile(&source.root, &Stored(source), entry.profile.as_deref())
}

fn does_not_compile(entry: &HistoryEntry, compiled: &Compiled) -> Failure {
    let mut found = compiled.diagnostics.as_slice().iter();
    let first = found.find(|finding| finding.severity() == Severity::Error);
    let first = first.map_or_else(String::new, |finding| format!(": {}", finding.message));
    Failure::new(format!(
        "the source of release {} does not compile with this version of erpc{first}",
        entry.release
    ))
    .help(format!(
        "roll back with erpc {}, which applied it",
        entry.erpc
    ))
}
