//! A plan as Markdown, for a comment on a pull request.

use std::fmt::Write;

use super::{summary, value};
use crate::change::ObjectChange;
use crate::client::Cluster;
use crate::plan::Plan;
use crate::program::Program;

/// A plan for a pull request.
#[must_use]
pub fn markdown(plan: &Plan, program: &Program<'_>, cluster: &Cluster) -> String {
    let mut out = format!(
        "### `{}` on {}\n\n{}\n",
        program.name(),
        cluster.describe(),
        summary(plan)
    );
    if !plan.steps.is_empty() {
        out.push_str("\n| | object | kind | source |\n|---|---|---|---|\n");
    }
    for step in &plan.steps {
        let object = program.object(&step.id);
        let place = object.and_then(|object| program.place_of(object));
        let _ = writeln!(
            out,
            "| `{}` | `{}` | {} | {} |",
            step.action.sign(),
            step.id.place(),
            step.id.kind,
            place.unwrap_or_default()
        );
    }
    for step in plan.steps.iter().filter(|step| {
        !step.changes.is_empty() || step.blocked.is_some() || !step.consequences.is_empty()
    }) {
        let lines = changed(step);
        let fence = fence_around(&lines);
        let _ = writeln!(out, "\n**{}**\n\n{fence}diff", step.id);
        for line in &lines {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(out, "{fence}");
        for consequence in &step.consequences {
            let _ = writeln!(out, "\n{consequence}");
        }
        if let Some(failure) = &step.blocked {
            let _ = writeln!(out, "\nblocked: {failure}");
        }
    }
    super::additions::markdown(&mut out, plan);
    super::unenforced::markdown(&mut out, program);
    for secret in &plan.missing_secrets {
        let _ = writeln!(
            out,
            "\nSecret `{}/{}` is missing:\n\n```sh\n{}\n```",
            secret.namespace,
            secret.name,
            secret.commands.join("\n")
        );
    }
    out
}

/// The changes of an object as the lines of a diff.
fn changed(step: &ObjectChange) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &step.changes {
        lines.push(format!("  {}", change.path));
        let diff = value::diff(change).into_iter();
        lines.extend(diff.map(|line| format!("{} {}", line.sign, line.text)));
    }
    lines
}

/// A fence that no line of the code contains.
fn fence_around(lines: &[String]) -> String {
    let runs = lines
        .iter()
        .flat_map(|line| line.split(|character| character != '`'));
    let longest = runs.map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}
