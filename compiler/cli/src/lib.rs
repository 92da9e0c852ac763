//! The command line: arguments, one file for each command, and nothing but glue.
//!
//! Everything that a command prints goes through [`Console`], so that tests run commands in their
//! own process and read what users would.

mod arguments;
pub mod claims;
mod commands;
mod console;
mod manifests;
mod names;
mod output;
pub mod project;
pub mod proof;
mod reference;
mod revision;
mod table;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use arguments::{Arguments, Color, Command};
pub use console::Console;
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
    /// The arguments make no sense.
    Usage = 64,
    /// The user or the system asked to stop.
    Interrupted = 130,
}

/// The whole program: arguments of the process, its streams, its exit code.
#[must_use]
pub fn main() -> ExitCode {
    // Answers a shell that asks for completions, and ends the process then.
    CompleteEnv::with_factory(Arguments::command)
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
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let error = without_destructive_suggestions(error);
            let text = if console.has_color() {
                error.render().ansi().to_string()
            } else {
                error.render().to_string()
            };
            return if error.use_stderr() {
                console.error(&text);
                Exit::Usage
            } else {
                console.result(&text);
                Exit::Done
            };
        }
    };
    match arguments.common.color {
        Color::Auto => {}
        Color::Always => console.set_color(true),
        Color::Never => console.set_color(false),
    }
    console.set_quiet(arguments.common.quiet);
    if let Some(problem) = profile_problem(&arguments) {
        console.fail(&problem);
        return Exit::Usage;
    }
    match &arguments.command {
        Command::Check(command) => commands::check::run(command, &arguments.common, console),
        Command::Build(command) => commands::build::run(command, &arguments.common, console),
        Command::Order(command) => commands::order::run(command, &arguments.common, console),
        Command::Show(command) => commands::show::run(command, &arguments.common, console),
        Command::Flows(command) => commands::flows::run(command, &arguments.common, console),
        Command::Why(command) => commands::why::run(command, &arguments.common, console),
        Command::Diff(command) => commands::diff::run(command, &arguments.common, console),
        Command::Reach(command) => commands::reach::run(command, &arguments.common, console),
        Command::Graph(command) => commands::graph::run(command, &arguments.common, console),
        Command::Impact(command) => commands::impact::run(command, &arguments.common, console),
        Command::Prove(command) => commands::prove::run(command, &arguments.common, console),
        Command::Report(command) => commands::report::run(command, &arguments.common, console),
        Command::Test(command) => commands::test::run(command, &arguments.common, console),
        Command::Fmt(command) => commands::fmt::run(command, &arguments.common, console),
        Command::Explain(command) => commands::explain::run(command, &arguments.common, console),
        Command::Plan(command) => commands::plan::run(command, &arguments.common, console),
        Command::Status(command) => commands::status::run(command, &arguments.common, console),
        Command::Drift(command) => commands::drift::run(command, &arguments.common, console),
        Command::Destroy(command) => commands::destroy::run(command, &arguments.common, console),
        Command::Probe(command) => commands::probe::run(command, &arguments.common, console),
        Command::Doctor(command) => commands::doctor::run(command, &arguments.common, console),
        Command::Rbac(command) => commands::rbac::run(command, &arguments.common, console),
        Command::Adopt(command) => commands::adopt::run(command, &arguments.common, console),
        Command::Unlock(command) => commands::unlock::run(command, &arguments.common, console),
        Command::Apply(command) => commands::apply::run(command, &arguments.common, console),
        Command::History(command) => commands::history::run(command, &arguments.common, console),
        Command::Rollback(command) => commands::rollback::run(command, &arguments.common, console),
        Command::Init(command) => commands::init::run(command, &arguments.common, console),
        Command::Man(command) => commands::man::run(command, console),
        Command::Completions(command) => commands::completions::run(command, console),
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

/// What is wrong with `--profile`: a second one where one is taken, or one where no platform is looked at.
fn profile_problem(arguments: &Arguments) -> Option<String> {
    let profiles = arguments.common.profile.as_slice();
    let first = profiles.first()?;
    let no_platform = |name: &str| {
        Some(format!(
            "`{name}` reads no platform, so `--profile {first}` has no effect"
        ))
    };
    match (&arguments.command, profiles) {
        (Command::Fmt(_), _) => no_platform("fmt"),
        (Command::Init(_), _) => no_platform("init"),
        (Command::Man(_), _) => no_platform("man"),
        (Command::History(_), _) => Some(format!(
            "`--profile {first}` has no effect on `history`: it lists the releases of every profile"
        )),
        (Command::Rollback(_), _) => Some(format!(
            "`--profile {first}` has no effect on `rollback`: a release is brought back under its own profile"
        )),
        (Command::Completions(_), _) => no_platform("completions"),
        (Command::Explain(command), _) if !commands::explain::is_of_platform(command) => {
            no_platform("explain")
        }
        (Command::Prove(command), _) if command.manifests.is_some() => {
            no_platform("prove --manifests")
        }
        (Command::Diff(_), [_, _, third, ..]) => Some(format!(
            "two profiles are compared: `--profile {third}` is the third"
        )),
        (Command::Diff(_), _) => None,
        (_, [_, second, ..]) => Some(format!(
            "one profile at a time: `--profile {second}` is the second"
        )),
        _ => None,
    }
}

/// Whether colours suit the error stream: a terminal, and no setting against it
/// (<https://no-color.org>).
fn wants_color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal()
}
