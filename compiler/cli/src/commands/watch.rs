//! `erpc check --watch`: checks again after each save. Files are looked at a few times a second, which
//! works on every file system and costs nothing beside a compilation.

use std::collections::BTreeMap;
use std::path::PathBuf;
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
    loop {
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
        let seen = stamps(project, &compiled);
        while stamps(project, &compiled) == seen {
            std::thread::sleep(PAUSE);
        }
    }
}

/// When each file of the program was written last, and how long it is.
fn stamps(project: &Project, compiled: &Compiled) -> BTreeMap<PathBuf, Option<(SystemTime, u64)>> {
    let sources = compiled
        .sources
        .iter()
        .map(|(_, source)| source.path.as_str());
    std::iter::once(project.root.as_str())
        .chain(sources)
        .map(|path| {
            let path = project.folder.join(path);
            let metadata = std::fs::metadata(&path).ok();
            let stamp = metadata.and_then(|m| Some((m.modified().ok()?, m.len())));
            (path, stamp)
        })
        .collect()
}
