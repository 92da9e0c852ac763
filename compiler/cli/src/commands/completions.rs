//! `erpc completions SHELL`.

use clap::CommandFactory;

use crate::Exit;
use crate::arguments::{Arguments, Completions};
use crate::console::Console;

pub(crate) fn run(command: &Completions, console: &mut Console<'_>) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "erpc", &mut text);
    console.result(&String::from_utf8_lossy(&text));
    Exit::Done
}
