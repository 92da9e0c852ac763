//! `erpc diff`: what changes in who may talk to whom between an older version of the source and this
//! one; or, in `profiles`, what differs between two profiles, and in `manifests` from a folder of manifests.

mod manifests;
mod profiles;

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_answers::{AskedEnd, Changes, Pair, Version};
use serde::Serialize;

use crate::arguments::Library;
use crate::console::Console;
use crate::format::{Answer, Output, WithMarkdown};
use crate::project::{Checked, Compiled, Project};
use crate::revision::Revision;
use crate::text::{count, push_line};
use crate::{Exit, Failure, names};

/// Show which connections a change opens and closes, or how two profiles differ.
///
/// OLD is a directory or a Git revision. Between two versions, effective connectivity is compared and
/// not the text: a refactoring without effect shows nothing, and `moved` services are followed. Between
/// two profiles, or one profile and none, everything is compared: services that exist, values with
/// their lines, and connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc diff HEAD                       what the working tree opens and closes since HEAD
  erpc diff origin/main --format markdown
                                       as a comment for a pull request
  erpc diff ../before                  against another directory
  erpc diff HEAD~1 --forbid-open       exit 2 if anything opens (for CI)
  erpc diff HEAD --forbid-open 'erp-security.*'
                                       exit 2 if anything opens to these
  erpc diff --profile dev --profile production
                                       how two profiles differ
  erpc diff --profile dev              how a profile differs from the platform without one
  erpc diff --manifests k8s            semantic differences from existing manifests")]
pub(crate) struct Arguments {
    /// Older version: a directory or a Git revision. With two profiles: the project, instead of PATH.
    old: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    /// Exit 2 if a connection opens; with TO, only if it opens to one of these peers.
    #[arg(long, value_name = "TO", num_args = 0..=1, default_missing_value = "")]
    forbid_open: Option<String>,
    /// Compare with this profile; given twice, compare two profiles.
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(names::profiles))]
    profile: Vec<String>,
    /// Compare with the manifests in this directory or file: objects and fields by meaning, and connections.
    #[arg(long, value_name = "DIR", conflicts_with = "forbid_open")]
    manifests: Option<PathBuf>,
    /// Namespace of manifests that do not set one.
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = "default",
        requires = "manifests"
    )]
    default_namespace: String,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    output: Output<WithMarkdown>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        if let Some(folder) = &self.manifests {
            return manifests::run(self, folder, console);
        }
        let old_name = match (&self.old, self.profile.as_slice()) {
            (_, [_, _, third, ..]) => {
                return Err(Failure::Usage(format!(
                    "two profiles are compared: `--profile {third}` is the third"
                )));
            }
            (Some(old), [] | [_]) => old.as_str(),
            (None, []) => {
                return Err(Failure::Usage(
                    "what to compare with is missing: a folder, a revision of Git, or `--profile NAME`"
                        .to_owned(),
                ));
            }
            (_, profiles) => return profiles::run(self, profiles, console),
        };
        let mut project = self.library.find(self.path.as_deref())?;
        project.profile = self.profile.first().cloned();
        let old = comparable(older(&project, old_name)?, old_name, console)?;
        let new = comparable(project.compile(), "this version", console)?;
        let changes = Changes::between(version(&old), version(&new));
        let forbidden = self.forbidden(&new, &changes.opened)?;
        let answer = DiffAnswer {
            changes: &changes,
            forbidden,
        };
        self.output.write(&answer, console);
        Ok(closing(forbidden, console))
    }

    /// The project, where nothing else is compared with it.
    fn project(&self) -> Option<&Path> {
        self.old.as_deref().map(Path::new).or(self.path.as_deref())
    }

    /// How many of the opened pairs are guarded.
    fn forbidden(&self, new: &Checked, opened: &[Pair]) -> Result<usize, Failure> {
        let Some(to) = &self.forbid_open else {
            return Ok(0);
        };
        if to.is_empty() {
            return Ok(opened.len());
        }
        let platform = &new.platform;
        let guarded = AskedEnd::read(platform, to).map_err(Failure::Usage)?;
        let opened = opened.iter();
        let guarded = opened.filter(|pair| {
            // Every peer of a connection has a name by which it can be asked for, but for groups of addresses.
            AskedEnd::read(platform, &pair.to)
                .ok()
                .and_then(|end| end.single())
                .is_some_and(|party| guarded.means(platform, party))
        });
        Ok(guarded.count())
    }
}

/// What follows from how many of the opened pairs are guarded.
fn closing(forbidden: usize, console: &mut Console<'_>) -> Exit {
    if forbidden == 0 {
        return Exit::Done;
    }
    let pairs = if forbidden == 1 { "pair" } else { "pairs" };
    console.note(&format!(
        "{forbidden} {pairs} opened that --forbid-open guards"
    ));
    Exit::Differs
}

/// The older version: a folder or file, else a revision.
fn older(project: &Project, name: &str) -> Result<Compiled, String> {
    if Path::new(name).exists() {
        let mut old = Project::find(Some(Path::new(name)))?;
        old.stdlib.clone_from(&project.stdlib);
        old.profile.clone_from(&project.profile);
        return Ok(old.compile());
    }
    Ok(Revision::open(project, name)?.compile())
}

/// A side of the comparison, if it has no errors.
fn comparable(
    compiled: Compiled,
    name: &str,
    console: &mut Console<'_>,
) -> Result<Checked, Failure> {
    compiled.checked().map_err(|compiled| {
        if compiled.has_unknown_profile {
            return Failure::Errors(compiled);
        }
        console.findings(&compiled.diagnostics, &compiled.sources, None);
        Failure::Failed(format!("{name} has errors, so it cannot be compared"))
    })
}

fn version(checked: &Checked) -> Version<'_> {
    Version {
        platform: &checked.platform,
        derived: &checked.derived,
        sources: &checked.sources,
    }
}

#[derive(Serialize)]
struct DiffAnswer<'c> {
    #[serde(flatten)]
    changes: &'c Changes,
    /// How many of the opened pairs `--forbid-open` guards.
    forbidden: usize,
}

impl Answer for DiffAnswer<'_> {
    type Format = WithMarkdown;

    fn text(&self, format: WithMarkdown) -> String {
        match format {
            WithMarkdown::Human => human(self.changes),
            WithMarkdown::Markdown => markdown(self.changes),
        }
    }
}

fn line(pair: &Pair) -> String {
    let from = match pair.only_from.as_slice() {
        [] => String::new(),
        cidrs => format!(" from {}", cidrs.join(", ")),
    };
    format!(
        "{} → {} on {}{from}",
        pair.from,
        pair.to,
        pair.ports.join(", ")
    )
}

fn human(changes: &Changes) -> String {
    let mut out = String::new();
    for (sign, pairs) in [('+', &changes.opened), ('-', &changes.closed)] {
        for pair in pairs {
            push_line!(out, "{sign} {}", line(pair));
            if let (Some(place), Some(statement)) = (&pair.place, &pair.statement) {
                push_line!(out, "    {place}: {statement}");
            }
        }
    }
    for grown in &changes.grown {
        push_line!(
            out,
            "! {} reaches {}, before {}: {}",
            grown.service,
            count(grown.after, "service"),
            grown.before,
            grown.new.join(", ")
        );
    }
    for (old, new) in &changes.moved {
        push_line!(out, "> {old} is {new} now");
    }
    if changes.is_empty() {
        out.push_str("nothing opens and nothing closes\n");
    } else {
        push_line!(
            out,
            "{} opened, {} closed, {} with a larger reach",
            changes.opened.len(),
            changes.closed.len(),
            count(changes.grown.len(), "service")
        );
    }
    out
}

fn markdown(changes: &Changes) -> String {
    let mut out = String::from("### Who may talk to whom\n\n");
    if changes.is_empty() {
        out.push_str("Nothing opens and nothing closes.\n");
        return out;
    }
    for (title, pairs) in [("Opened", &changes.opened), ("Closed", &changes.closed)] {
        if pairs.is_empty() {
            continue;
        }
        push_line!(
            out,
            "**{title}**\n\n| from | to | ports | line |\n|---|---|---|---|"
        );
        for pair in pairs {
            push_line!(
                out,
                "| {} | {} | {} | {} |",
                pair.from,
                pair.to,
                pair.ports.join(", "),
                pair.place.as_deref().unwrap_or_default()
            );
        }
        out.push('\n');
    }
    if !changes.grown.is_empty() {
        out.push_str("**Larger reach**\n\n| service | before | now | new |\n|---|---|---|---|\n");
        for grown in &changes.grown {
            let new = grown.new.join(", ");
            push_line!(
                out,
                "| {} | {} | {} | {new} |",
                grown.service,
                grown.before,
                grown.after
            );
        }
        out.push('\n');
    }
    for (old, new) in &changes.moved {
        push_line!(out, "`{old}` is `{new}` now.");
    }
    out
}
