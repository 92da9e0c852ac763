//! The reference of the command line, from the definitions that it is parsed by.

use std::fmt::Write;

use clap::CommandFactory;

use crate::arguments::Arguments;

/// Every command with its `--help`, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "# The command line\n\n\
         Made from the definitions in `compiler/cli/src/arguments.rs`; a test holds it to them.\n",
    );
    let root = Arguments::command().term_width(100);
    // Options that every command takes stand once, with `erpc` itself: a command that is not built
    // under its parent does not have them.
    let commands: Vec<clap::Command> = root.get_subcommands().cloned().collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n## erpc\n\n```text\n{}```", plain(root));
    for command in commands {
        let name = format!("erpc {}", command.get_name());
        let command = command.bin_name(name.clone()).term_width(100);
        let _ = writeln!(text, "\n## {name}\n\n```text\n{}```", plain(command));
    }
    text
}

fn plain(mut command: clap::Command) -> String {
    let help = command.render_long_help().to_string();
    let mut text = String::with_capacity(help.len());
    for line in help.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
