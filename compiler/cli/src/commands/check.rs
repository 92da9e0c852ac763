//! `erpc check`: all checks, nothing written but fixes that are asked for.

use clap::Args;

use super::{fix, watch};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Findings, Output};
use crate::project::Compiled;
use crate::text::count;
use crate::{Exit, Failure};

/// Check a platform without writing any files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc check                       the nearest platform.erp, in this or a parent directory
  erpc check examples/shop         the platform in a directory
  erpc check --fix                 apply every unambiguous fix
  erpc check --fix --diff          show those fixes without writing them
  erpc check --watch               check again after each save
  erpc check --profile dev         the platform with the profile `dev`
  erpc check --all-profiles        without a profile, then with each one
  erpc check --format sarif        diagnostics for code scanning")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Maximum number of diagnostics to print.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) max_errors: usize,
    /// Apply every unambiguous fix, then check again.
    #[arg(long)]
    fix: bool,
    /// With --fix: print the changes without writing them; exit 2 if there are any.
    #[arg(long, requires = "fix")]
    pub(super) diff: bool,
    /// Check again after every save, until interrupted.
    #[arg(long, conflicts_with = "fix")]
    watch: bool,
    /// Check without a profile and with each profile; diagnostics name the profiles that they occur in.
    #[arg(long, conflicts_with_all = ["fix", "watch", "profile"])]
    all_profiles: bool,
    #[command(flatten)]
    output: Output<Findings>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let project = self.input.find()?;
        if self.fix {
            return fix::run(self, &project, console);
        }
        if self.watch {
            watch::run(self, &project, console);
        }
        let compiled = if self.all_profiles {
            project.compile_all()
        } else {
            project.compile()
        };
        let max = Some(self.max_errors);
        console.findings(&compiled.diagnostics, &compiled.sources, max);
        if self.output.is_human() {
            summarise(&compiled, console);
        }
        Ok(compiled.exit())
    }
}

/// A line with what there is, where there are no errors.
pub(super) fn summarise(compiled: &Compiled, console: &mut Console<'_>) {
    let Some((platform, derived)) = &compiled.result else {
        return;
    };
    let profile = platform.profile.map_or_else(String::new, |id| {
        format!(" under `{}`", platform[id].name.value)
    });
    let accepted = match compiled.accepted.len() {
        0 => String::new(),
        n => format!(", {} accepted", count(n, "warning")),
    };
    console.result(&format!(
        "{}{profile}: {}, {}, {} as {}, {}; no errors{accepted}\n",
        platform.name.value,
        count(platform.namespaces.len(), "namespace"),
        count(platform.services().count(), "service"),
        count(platform.flows.len(), "flow"),
        count(derived.edges.as_slice().len(), "edge"),
        count(platform.routes.len(), "route"),
    ));
}
