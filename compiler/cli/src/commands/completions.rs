//! `erpc completions SHELL`: a script that asks `erpc` itself at each completion, so that names of
//! namespaces and services complete too. The engine is clap's, which is marked unstable because its
//! interface may change; the version is pinned by the lock file, a test runs the script in bash,
//! and our own would be code in five languages of shells.

use clap::Args;
use clap_complete::env::Shells;

use crate::console::Console;
use crate::{Exit, Failure};

/// Print a completion script for a shell.
///
/// The script calls `erpc` for each completion, so it also completes the names of the nearest platform.
/// It belongs to this version of erpc: load it when the shell starts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(erpc completions bash)  in ~/.bashrc
  source <(erpc completions zsh)   in ~/.zshrc
  erpc completions fish | source   in ~/.config/fish/config.fish")]
pub(crate) struct Arguments {
    /// Shell.
    shell: clap_complete::Shell,
}

/// The variable by which a script asks for completions.
pub(crate) const VARIABLE: &str = "COMPLETE";

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let shell = self.shell.to_string();
        let shells = Shells::builtins();
        let Some(completer) = shells.completer(&shell) else {
            return Err(Failure::Usage(format!(
                "there are no completions for `{shell}`"
            )));
        };
        let mut text = Vec::new();
        completer
            .write_registration(VARIABLE, "erpc", "erpc", "erpc", &mut text)
            .expect("a `Vec` takes every text");
        console.result(&String::from_utf8_lossy(&text));
        Ok(Exit::Done)
    }
}
