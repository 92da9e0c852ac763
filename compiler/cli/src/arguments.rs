//! The command line: what stands before a command, and the flags that several commands share. Everything else
//! is declared in the file of its command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use erpc_diagnostics::Sources;
use erpc_model::Platform;
use erpc_policy::Derived;

use crate::commands::{Command, GROUPS};
use crate::project::{Checked, Project};
use crate::text::push_line;
use crate::{Failure, names};

const EXAMPLES: &str = "\
Examples:
  erpc import k8s --out shop      convert existing manifests
  erpc init shop --template shop  create a platform from a template
  erpc check                      check the nearest platform.erp
  erpc build                      write lib/, share/ and helm/ next to it
  erpc build --check              exit 2 if the committed output is outdated (for CI)
  erpc apply                      plan, confirm, apply to the current context";

const EXIT_CODES: &str = "\
Exit codes:
  0    success, nothing differs
  1    errors, or refused before anything was written
  2    differences found
  3    applied or running, but not ready
  4    partly applied
  64   usage error, or unknown name
  130  interrupted";

/// Compile a Kubernetes platform from one typed, declarative file, platform.erp.
#[derive(Debug, Parser)]
#[command(name = "erpc", version, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl CommandLine {
    /// The definition of the command line, whose help lists the commands by group.
    pub(crate) fn definition() -> clap::Command {
        let root = Self::command();
        let mut commands = String::new();
        for (group, names) in GROUPS {
            push_line!(commands, "{group}:");
            for command in names.iter().filter_map(|name| root.find_subcommand(name)) {
                let about = command.get_about().map(ToString::to_string);
                push_line!(
                    commands,
                    "  {:13}{}",
                    command.get_name(),
                    about.unwrap_or_default()
                );
            }
            commands.push('\n');
        }
        root.help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{commands}\
             Options:\n{{options}}\n\n\
             `erpc COMMAND --help` describes a command and shows examples.{{after-help}}"
        ))
        .after_help(EXIT_CODES)
        .after_long_help(format!("{EXAMPLES}\n\n{EXIT_CODES}"))
    }
}

/// How every command writes to its streams.
#[derive(Debug, Args)]
pub(crate) struct Streams {
    /// When to use colors.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
    /// Print only results and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Flags that several commands declare. They are also accepted before the name of a command.
pub(crate) const SHARED_FLAGS: [&str; 3] = ["--format", "--profile", "--stdlib"];

/// `erpc --profile dev plan` is `erpc plan --profile dev`.
pub(crate) fn with_flags_after_command(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
) -> Vec<OsString> {
    let mut rest = arguments.into_iter().map(Into::into).peekable();
    let mut before: Vec<OsString> = rest.next().into_iter().collect();
    let mut moved = Vec::new();
    while let Some(flag) = rest.next_if(|argument| argument.to_string_lossy().starts_with('-')) {
        let text = flag.to_string_lossy().into_owned();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text.as_str(), None),
        };
        let to = if SHARED_FLAGS.contains(&name) {
            &mut moved
        } else {
            &mut before
        };
        to.push(flag);
        if value.is_none() && (name == "--color" || SHARED_FLAGS.contains(&name)) {
            to.extend(rest.next());
        }
    }
    before.extend(rest.next());
    before.append(&mut moved);
    before.extend(rest);
    before
}

/// The library that a program's modules come from.
#[derive(Clone, Debug, Args)]
pub(crate) struct Library {
    /// Directory whose modules replace those of the standard library: `DIR/beam.erp` for `std.beam`.
    #[arg(long, value_name = "DIR")]
    stdlib: Option<PathBuf>,
}

impl Library {
    /// The program that `path` names, or the nearest one, without a profile.
    pub(crate) fn find(&self, path: Option<&Path>) -> Result<Project, Failure> {
        let mut project = Project::find(path)?;
        project.stdlib.clone_from(&self.stdlib);
        Ok(project)
    }
}

/// How a program is compiled.
#[derive(Clone, Debug, Args)]
pub(crate) struct Source {
    /// Profile of the platform to use.
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(names::profiles))]
    pub(crate) profile: Option<String>,
    #[command(flatten)]
    library: Library,
}

impl Source {
    /// The program that `path` names, or the nearest one.
    pub(crate) fn find(&self, path: Option<&Path>) -> Result<Project, Failure> {
        let mut project = self.library.find(path)?;
        project.profile.clone_from(&self.profile);
        Ok(project)
    }

    /// The same, compiled without errors.
    pub(crate) fn check(&self, path: Option<&Path>) -> Result<Checked, Failure> {
        Ok(self.find(path)?.compile().checked()?)
    }

    /// Its model, what follows from it, and its texts.
    pub(crate) fn model(
        &self,
        path: Option<&Path>,
    ) -> Result<(Platform, Derived, Sources), Failure> {
        let checked = self.check(path)?;
        Ok((checked.platform, checked.derived, checked.sources))
    }
}

/// The program that a command is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct Input {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: Source,
}

impl Input {
    /// The program.
    pub(crate) fn find(&self) -> Result<Project, Failure> {
        self.source.find(self.path.as_deref())
    }

    /// The program, compiled without errors.
    pub(crate) fn check(&self) -> Result<Checked, Failure> {
        self.source.check(self.path.as_deref())
    }

    /// Its model, what follows from it, and its texts.
    pub(crate) fn model(&self) -> Result<(Platform, Derived, Sources), Failure> {
        self.source.model(self.path.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::with_flags_after_command;

    #[test]
    fn flags_of_a_command_may_stand_before_its_name() {
        for (given, expected) in [
            ("erpc", "erpc"),
            ("erpc --format", "erpc --format"),
            ("erpc --help plan", "erpc --help plan"),
            ("erpc plan --format json", "erpc plan --format json"),
            (
                "erpc --format json plan shop",
                "erpc plan --format json shop",
            ),
            (
                "erpc -q --profile=dev --color never plan",
                "erpc -q --color never plan --profile=dev",
            ),
        ] {
            let moved = with_flags_after_command(given.split(' '));
            let expected: Vec<_> = expected.split(' ').map(std::ffi::OsString::from).collect();
            assert_eq!(moved, expected, "{given}");
        }
    }
}
