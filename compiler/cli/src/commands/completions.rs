//! `erpc completions SHELL`: a script that asks `erpc` itself at each completion, so that names of
//! namespaces and services complete too. The engine is clap's, which is marked unstable because its
//! interface may change; the version is pinned by the lock file, a test runs the script in bash,
//! and our own would be code in five languages of shells.

use clap_complete::env::Shells;

use crate::Exit;
use crate::arguments::Completions;
use crate::console::Console;

/// The variable by which a script asks for completions.
pub(crate) const VARIABLE: &str = "COMPLETE";

pub(crate) fn run(command: &Completions, console: &mut Console<'_>) -> Exit {
    let shell = command.shell.to_string();
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&shell) else {
        console.fail(&format!("there are no completions for `{shell}`"));
        return Exit::Usage;
    };
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = completer.write_registration(VARIABLE, "erpc", "erpc", "erpc", &mut text);
    console.result(&String::from_utf8_lossy(&text));
    Exit::Done
}
