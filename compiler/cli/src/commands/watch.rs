//! `erpc check --watch`: checks again after each change of a file that the program reads, or looks for:
//! sources, `file`, `template` and the modules of `--stdlib`. Files are looked at a few times a second,
//! which works on every file system and costs nothing beside a compilation.

use std::time::{Duration, Instant};

use super::{check, show_findings};
use crate::arguments::{Check, Common};
use crate::console::Console;
use crate::project::{Project, Watched, stamp};

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
        let watched = Watched::of(project);
        let compiled = watched.compile();
        let files = watched.into_files();
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
        while files.iter().all(|(path, seen)| stamp(path) == *seen) {
            std::thread::sleep(PAUSE);
        }
    }
}
