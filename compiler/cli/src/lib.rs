//! The command line: one file for each command, and what they share.
//!
//! Everything that a command prints goes through [`Console`], so that tests run commands in their
//! own process and read what users would.

mod arguments;
pub mod claims;
mod commands;
mod console;
mod failure;
mod format;
mod manifests;
mod names;
mod output;
pub mod project;
pub mod proof;
mod reference;
mod revision;
mod table;
mod text;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap_complete::CompleteEnv;

use arguments::{Color, CommandLine, SHARED_FLAGS, with_flags_after_command};
pub use console::Console;
use failure::Failure;
use format::Format;
pub use reference::reference;

/// For everything that links this crate, so that what is measured and tested is what users run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command's exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing differs.
    Done = 0,
    /// The program has errors, or something could not be done.
    Failed = 1,
    /// Differences were found.
    Differs = 2,
    /// Applied or running, and not ready.
    NotReady = 3,
    /// Some of it was applied.
    Partly = 4,
    /// Wrong usage, or a name that the program does not have.
    Usage = 64,
    /// The user or the system asked to stop.
    Interrupted = 130,
}

/// The whole program: arguments of the process, its streams, its exit code.
#[must_use]
pub fn main() -> ExitCode {
    // Answers a shell that asks for completions, and ends the process then.
    CompleteEnv::with_factory(CommandLine::definition)
        .var(commands::completions::VARIABLE)
        .bin("erpc")
        .complete();
    let mut console = Console::of_process();
    let exit = run(std::env::args_os(), &mut console);
    let exit = if console.flush().is_err() {
        Exit::Failed
    } else {
        exit
    };
    ExitCode::from(exit as u8)
}

/// Runs one command.
pub fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    console: &mut Console<'_>,
) -> Exit {
    let (arguments, format) = match parsed(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return explain(error, console),
    };
    match arguments.streams.color {
        Color::Auto => {}
        Color::Always => console.set_color(true),
        Color::Never => console.set_color(false),
    }
    console.set_quiet(arguments.streams.quiet);
    console.set_format(format);
    let result = arguments.command.run(console);
    result.unwrap_or_else(|failure| failure.report(console))
}

/// The arguments, and the format that they choose: a command without `--format` writes for people.
fn parsed(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<(CommandLine, Format), clap::Error> {
    let arguments = with_flags_after_command(arguments);
    let mut matches = CommandLine::definition().try_get_matches_from(arguments)?;
    let of_command = matches.subcommand().map(|(_, of_command)| of_command);
    let format = of_command.and_then(format::chosen).unwrap_or(Format::Human);
    Ok((CommandLine::from_arg_matches_mut(&mut matches)?, format))
}

/// Shows the help that was asked for, or what is wrong with the arguments.
fn explain(error: clap::Error, console: &mut Console<'_>) -> Exit {
    let mut error = without_destructive_suggestions(error);
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && SHARED_FLAGS.contains(&flag.as_str())
    {
        // A flag of other commands is not meant as a value: do not suggest `-- --profile`.
        error.remove(ContextKind::Suggested);
    }
    let text = if console.has_color() {
        error.render().ansi().to_string()
    } else {
        error.render().to_string()
    };
    if error.use_stderr() {
        console.error(&text);
        Exit::Usage
    } else {
        console.result(&text);
        Exit::Done
    }
}

/// Commands and flags that delete what cannot be brought back, or free the lock of a run that is alive.
const DESTRUCTIVE: [&str; 3] = ["destroy", "unlock", "--delete-data"];

/// An error about a typo without the suggestion of something destructive.
fn without_destructive_suggestions(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg] {
        let suggested = match error.remove(kind) {
            Some(ContextValue::String(name)) => vec![name],
            Some(ContextValue::Strings(names)) => names,
            Some(other) => {
                error.insert(kind, other);
                continue;
            }
            None => continue,
        };
        let is_harmless = |name: &String| !DESTRUCTIVE.contains(&name.as_str());
        let harmless: Vec<String> = suggested.into_iter().filter(is_harmless).collect();
        match harmless.as_slice() {
            [] => {}
            [one] => drop(error.insert(kind, ContextValue::String(one.clone()))),
            _ => drop(error.insert(kind, ContextValue::Strings(harmless))),
        }
    }
    error
}

/// Whether colours suit the error stream: a terminal, and no setting against it
/// (<https://no-color.org>).
fn wants_color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal()
}
