//! `erpc diff`: what changes in who may talk to whom between an older version of the source and this
//! one; or, in `profiles`, what differs between two profiles.

mod profiles;

use std::fmt::Write;
use std::path::Path;

use erpc_answers::{AskedEnd, Changes, Pair, Version};
use serde::Serialize;

use crate::Exit;
use crate::arguments::{Common, Diff, Format};
use crate::commands::{count, find, has_format, json, show_findings};
use crate::console::Console;
use crate::project::{Compiled, Project};
use crate::revision::Revision;

pub(crate) fn run(command: &Diff, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Json, Format::Markdown];
    if !has_format("diff", &formats, common, console) {
        return Exit::Usage;
    }
    let old = match (&command.old, common.profile.len()) {
        (Some(old), 0 | 1) => old.as_str(),
        (None, 0) => {
            console.fail(
                "what to compare with is missing: a folder, a revision of Git, or `--profile NAME`",
            );
            return Exit::Usage;
        }
        _ => return profiles::run(command, common, console),
    };
    let Some(project) = find(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let (old_name, old) = match older(&project, old) {
        Ok(compiled) => (old, compiled),
        Err(message) => {
            console.fail(&message);
            return Exit::Failed;
        }
    };
    let new = project.compile();
    let mut versions = Vec::new();
    for (compiled, name) in [(&old, old_name), (&new, "this version")] {
        match version(compiled) {
            Some(version) => versions.push(version),
            None => {
                let (found, sources) = (&compiled.diagnostics, &compiled.sources);
                show_findings(found, sources, None, common, console);
                console.fail(&format!("{name} has errors, so it cannot be compared"));
                return Exit::Failed;
            }
        }
    }
    let [old, new] = versions[..] else {
        return Exit::Failed;
    };
    let changes = Changes::between(old, new);
    let forbidden = match forbidden(command, new, &changes.opened) {
        Ok(forbidden) => forbidden,
        Err(message) => {
            console.fail(&message);
            return Exit::Usage;
        }
    };
    console.result(&match common.format {
        Format::Json => json(&Answer {
            version: 1,
            changes: &changes,
            forbidden,
        }),
        Format::Markdown => markdown(&changes),
        _ => human(&changes),
    });
    closing(forbidden, console)
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

fn version(compiled: &Compiled) -> Option<Version<'_>> {
    let (platform, derived) = compiled.result.as_ref()?;
    Some(Version {
        platform,
        derived,
        sources: &compiled.sources,
    })
}

/// How many of the opened pairs are guarded.
fn forbidden(command: &Diff, new: Version<'_>, opened: &[Pair]) -> Result<usize, String> {
    let Some(to) = &command.forbid_open else {
        return Ok(0);
    };
    if to.is_empty() {
        return Ok(opened.len());
    }
    let guarded = AskedEnd::read(new.platform, to)?;
    let opened = opened.iter();
    let guarded = opened.filter(|pair| {
        AskedEnd::read(new.platform, &pair.to)
            .ok()
            .and_then(|end| end.single())
            .is_some_and(|party| guarded.means(new.platform, party))
    });
    Ok(guarded.count())
}

#[derive(Serialize)]
struct Answer<'c> {
    version: u32,
    #[serde(flatten)]
    changes: &'c Changes,
    /// How many of the opened pairs `--forbid-open` guards.
    forbidden: usize,
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
    // Writing to a string cannot fail.
    for (sign, pairs) in [('+', &changes.opened), ('-', &changes.closed)] {
        for pair in pairs {
            let _ = writeln!(out, "{sign} {}", line(pair));
            if let (Some(place), Some(statement)) = (&pair.place, &pair.statement) {
                let _ = writeln!(out, "    {place}: {statement}");
            }
        }
    }
    for grown in &changes.grown {
        let _ = writeln!(
            out,
            "! {} reaches {}, before {}: {}",
            grown.service,
            count(grown.after, "service"),
            grown.before,
            grown.new.join(", ")
        );
    }
    for (old, new) in &changes.moved {
        let _ = writeln!(out, "> {old} is {new} now");
    }
    if changes.is_empty() {
        out.push_str("nothing opens and nothing closes\n");
    } else {
        let _ = writeln!(
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
        let _ = writeln!(
            out,
            "**{title}**\n\n| from | to | ports | line |\n|---|---|---|---|"
        );
        for pair in pairs {
            let _ = writeln!(
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
            let _ = writeln!(
                out,
                "| {} | {} | {} | {new} |",
                grown.service, grown.before, grown.after
            );
        }
        out.push('\n');
    }
    for (old, new) in &changes.moved {
        let _ = writeln!(out, "`{old}` is `{new}` now.");
    }
    out
}
