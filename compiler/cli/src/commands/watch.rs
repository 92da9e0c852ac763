//! `erpc check --watch`: checks again after each change of a file that the program reads, or looks for:
//! sources, `file`, `template` and the modules of `--stdlib`. Files are looked at a few times a second,
//! which works on every file system and costs nothing beside a compilation.

use std::time::{Duration, Instant};

use super::check::{self, Arguments};
use crate::Exit;
use crate::console::Console;
use crate::project::{Project, Watched, stamp};

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Checks until the process is interrupted.
pub(super) fn run(command: &Arguments, project: &Project, console: &mut Console<'_>) -> ! {
    loop {
        let start = Instant::now();
        let watched = Watched::of(project);
        let compiled = watched.compile();
        let files = watched.into_files();
        let time = start.elapsed();
        console.clear();
        let max = Some(command.max_errors);
        console.findings(&compiled.diagnostics, &compiled.sources, max);
        check::summarise(&compiled, console);
        console.note(&format!(
            "checked in {} ms; waiting for a change",
            time.as_millis()
        ));
        if console.flush().is_err() {
            // What cannot be shown needs no further check, and there is no stream left to say so on.
            std::process::exit(Exit::Failed as i32);
        }
        while files.iter().all(|(path, seen)| stamp(path) == *seen) {
            std::thread::sleep(PAUSE);
        }
    }
}
