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
        for (path, text) in files(project, &compiled) {
            seen.entry(path.clone())
                .or_insert_with(|| first_stamp(&path, text));
        }
        while seen.iter().all(|(path, seen)| stamp(path) == *seen) {
            std::thread::sleep(PAUSE);
        }
    }
}

/// The files of the program with the texts that were read of them.
fn files<'c>(project: &Project, compiled: &'c Compiled) -> Vec<(PathBuf, Option<&'c str>)> {
    let sources = compiled.sources.iter().map(|(_, source)| source);
    let mut files: Vec<_> = sources
        .map(|source| (project.folder.join(&source.path), Some(&*source.text)))
        .collect();
    // Where it cannot be read there is no text of it, and its coming back is a change.
    files.push((project.folder.join(&project.root), None));
    files
}

/// The stamp of a file that is seen for the first time; `None`, which is no stamp of a file that is
/// there, where it was saved since it was read.
fn first_stamp(path: &Path, text: Option<&str>) -> Option<(SystemTime, u64)> {
    let stamp = stamp(path);
    let is_as_read =
        text.is_some_and(|text| std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()));
    stamp.filter(|_| is_as_read)
}

/// When a file was written last, and how long it is; `None` where it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
