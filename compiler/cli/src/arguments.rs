//! The command line: what stands before a command, and the flags that several commands share. Everything else
//! is declared in the file of its command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use erpc_diagnostics::Sources;
use erpc_model::Platform;
use erpc_policy::Derived;

use crate::commands::Command;
use crate::project::{Checked, Project};
use crate::{Failure, names};

const EXIT_CODES: &str = "\
Exit codes:
  0    done, nothing differs
  1    errors, or refused before anything was written
  2    differences found
  3    applied or running, but not ready
  4    partly applied
  64   wrong usage, or a name that the program does not have
  130  interrupted";

/// Compiles platform.erp, a whole Kubernetes platform in one typed file.
#[derive(Debug, Parser)]
#[command(name = "erpc", version, max_term_width = 100, after_help = EXIT_CODES, after_long_help = "\
Examples:
  erpc init shop --template shop
                                start a platform from a template
  erpc check                    check the nearest platform.erp
  erpc build                    write lib/ and share/ beside it
  erpc build --check            fail if they are not what it says (for CI)
  kubectl apply --server-side -R -f share -f lib

Exit codes:
  0    done, nothing differs
  1    errors, or refused before anything was written
  2    differences found
  3    applied or running, but not ready
  4    partly applied
  64   wrong usage, or a name that the program does not have
  130  interrupted")]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How every command writes to its streams.
#[derive(Debug, Args)]
pub(crate) struct Streams {
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
    /// Say nothing but results and errors.
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
    /// A folder whose modules replace those of the library: `DIR/beam.erp` for `std.beam`.
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
    /// Take the platform under a profile that it declares.
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
