//! `erpc man DIR`: a manual page for the command and one for each of its commands.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::arguments::CommandLine;
use crate::console::Console;
use crate::{Exit, Failure};

/// Writes manual pages: one for erpc and one for each of its commands.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc man ~/.local/share/man/man1
                                   then `man erpc-build`")]
pub(crate) struct Arguments {
    /// The folder that they are written to; it is made if there is none.
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
        let mut root = CommandLine::command();
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
