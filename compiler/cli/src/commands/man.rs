//! `erpc man DIR`: a manual page for the command and one for each of its commands.

use clap::CommandFactory;

use crate::Exit;
use crate::arguments::{Arguments, Man};
use crate::console::Console;
use crate::project::describe;

pub(crate) fn run(command: &Man, console: &mut Console<'_>) -> Exit {
    match write(command, console) {
        Ok(()) => Exit::Done,
        Err(error) => {
            console.fail(&format!("{}: {}", command.dir.display(), describe(&error)));
            Exit::Failed
        }
    }
}

fn write(command: &Man, console: &mut Console<'_>) -> std::io::Result<()> {
    std::fs::create_dir_all(&command.dir)?;
    let mut root = Arguments::command();
    root.build();
    // The page of `help` would say what `--help` says.
    let commands = root.get_subcommands().filter(|c| c.get_name() != "help");
    for page in std::iter::once(&root).chain(commands) {
        let page = clap_mangen::Man::new(page.clone());
        let path = command.dir.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)?;
        std::fs::write(&path, text)?;
        console.result(&format!("create {}\n", path.display()));
    }
    Ok(())
}
