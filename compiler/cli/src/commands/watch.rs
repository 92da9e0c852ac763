//! `erpc check --watch`: checks again after each save. Files are looked at a few times a second, which
//! works on every file system and costs nothing beside a compilation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::{check, show_findings};
use crate::arguments::{Check, Common};
use crate::console::Console;
use crate::project::{Compiled, Project};

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Checks until the process is interrupted.
pub(super) fn run(
    command: &Check,
    project: &Project,
    common: &Common,
    console: &mut Console<'_>,
) -> ! {
    let mut seen: BTreeMap<PathBuf, _> = BTreeMap::new();
    loop {
        // What is saved while the program is read counts: the stamps are those from before.
        for (path, seen) in &mut seen {
            *seen = stamp(path);
        }
        let start = Instant::now();
        let compiled = project.compile();
        let time = start.elapsed();
        console.clear();
        show_findings(
            &compiled.diagnostics,
            &compiled.sources,
            Some(command.max_errors),
            common,
            console,
        );
        check::summarise(&compiled, console);
        console.note(&format!(
            "checked in {} ms; waiting for a change",
            time.as_millis()
        ));
        // A closed stream ends a watch with the next signal; there is nobody to tell before.
        let _ = console.flush();
        for path in paths(project, &compiled) {
            let stamp = stamp(&path);
            seen.entry(path).or_insert(stamp);
        }
        while seen.iter().all(|(path, seen)| stamp(path) == *seen) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// The files of the program.
fn paths(project: &Project, compiled: &Compiled) -> Vec<PathBuf> {
    let sources = compiled.sources.iter().map(|(_, source)| &source.path);
    std::iter::once(&project.root)
        .chain(sources)
        .map(|path| project.folder.join(path))
        .collect()
}

/// When a file was written last, and how long it is; `None` where it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
