//! One file for each command, and the table of them. A new command is a file with its `Arguments`, their method
//! `run`, and a row here.

mod adopt;
mod apply;
mod build;
mod check;
pub(crate) mod completions;
mod destroy;
mod diff;
mod doctor;
mod drift;
mod explain;
mod flows;
mod fmt;
mod graph;
mod history;
mod impact;
mod import;
mod init;
mod man;
mod order;
mod plan;
mod probe;
mod prove;
mod rbac;
mod reach;
mod report;
mod rollback;
pub(crate) mod show;
mod status;
mod test;
mod unlock;
mod why;

mod cluster;
mod fix;
mod watch;

use std::path::Path;

use clap::Subcommand;

use crate::console::Console;
use crate::project::{Project, ROOT_FILE};
use crate::{Exit, Failure};

macro_rules! commands {
    ($($group:literal { $($module:ident: $name:ident,)+ })+) => {
        /// Every command with its arguments.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($($name($module::Arguments),)+)+
        }

        /// The groups of `erpc --help` with the names of their commands.
        pub(crate) const GROUPS: &[(&str, &[&str])] = &[
            $(($group, &[$(stringify!($module)),+]),)+
        ];

        impl Command {
            pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
                match self {
                    $($(Self::$name(arguments) => arguments.run(console),)+)+
                }
            }
        }
    };
}

// In the order of `erpc --help`.
commands! {
    "Start" {
        import: Import,
        init: Init,
    }
    "Check and build" {
        check: Check,
        build: Build,
        fmt: Fmt,
        test: Test,
        prove: Prove,
        diff: Diff,
    }
    "Understand" {
        explain: Explain,
        show: Show,
        order: Order,
        flows: Flows,
        why: Why,
        reach: Reach,
        impact: Impact,
        graph: Graph,
        report: Report,
    }
    "Operate" {
        plan: Plan,
        apply: Apply,
        status: Status,
        drift: Drift,
        history: History,
        rollback: Rollback,
        destroy: Destroy,
        adopt: Adopt,
        doctor: Doctor,
        probe: Probe,
        rbac: Rbac,
        unlock: Unlock,
    }
    "Tooling" {
        completions: Completions,
        man: Man,
    }
}

/// Whether an argument that may be a name is the path of a project: it exists, and has a `/`, ends
/// with `.erp` or is `.` or `..`; or it is a folder with a platform, where no other platform is near.
fn is_path(text: &str) -> bool {
    let looks_like_one =
        text.contains(['/', '\\']) || text.ends_with(".erp") || matches!(text, "." | "..");
    if looks_like_one {
        return Path::new(text).exists();
    }
    Path::new(text).join(ROOT_FILE).is_file() && Project::find(None).is_err()
}
