//! The reference of the command line, from the definitions that it is parsed by.

use crate::arguments::CommandLine;
use crate::text::push_line;

/// Every command with its `--help`, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "# The command line\n\n\
         Generated from the definitions in `compiler/cli/src/commands`.\n",
    );
    let root = CommandLine::definition().term_width(100);
    let mut built = root.clone();
    built.build();
    push_line!(text, "\n## erpc\n\n```text\n{}```", plain(root));
    for command in built.get_subcommands().filter(|c| c.get_name() != "help") {
        let name = command.get_name();
        // What every command takes stands once, with `erpc` itself.
        let command = command.clone().mut_args(|arg| {
            let is_global = arg.is_global_set();
            arg.hide(is_global)
        });
        push_line!(text, "\n## erpc {name}\n\n```text\n{}```", plain(command));
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
