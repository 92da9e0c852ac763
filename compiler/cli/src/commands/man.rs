//! `erpc man DIR`: a manual page for the command and one for each of its commands.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::CommandLine;
use crate::console::Console;
use crate::{Exit, Failure};

/// Write manual pages, one for each command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc man ~/.local/share/man/man1
                                   then `man erpc-build`")]
pub(crate) struct Arguments {
    /// Output directory, created if missing.
    dir: PathBuf,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let written = self.write(console);
        written.map_err(|error| Failure::io(&self.dir, &error))?;
        Ok(Exit::Done)
    }

    fn write(&self, console: &mut Console<'_>) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let mut root = CommandLine::definition();
        root.build();
        // The page of `help` would say what `--help` says.
        let commands = root.get_subcommands().filter(|c| c.get_name() != "help");
        for page in std::iter::once(&root).chain(commands) {
            let page = clap_mangen::Man::new(page.clone());
            let path = self.dir.join(page.get_filename());
            let mut text = Vec::new();
            page.render(&mut text)?;
            std::fs::write(&path, text)?;
            console.result(&format!("create {}\n", path.display()));
        }
        Ok(())
    }
}
