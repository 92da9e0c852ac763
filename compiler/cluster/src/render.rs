//! A plan as text for people, as JSON, and as Markdown for a pull request.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::client::Cluster;
use crate::diff::{FieldChange, shown};
use crate::object::Program;
use crate::plan::{Action, Plan, Step};

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Letters only.
    Plain,
    /// With the escape codes of a terminal.
    Ansi,
}

impl Paint {
    pub(crate) fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    fn sign(self, action: Action) -> String {
        let code = match action {
            Action::Create => "32",
            Action::Update | Action::Replace => "33",
            Action::Prune | Action::Blocked => "31",
            Action::Adopt | Action::Move => "36",
        };
        self.with(code, &action.sign().to_string())
    }
}

/// A plan for people: a line for each object, below it each field with its own source line.
#[must_use]
pub fn human(plan: &Plan, program: &Program<'_>, paint: Paint) -> String {
    let mut out = String::new();
    let width = plan
        .steps
        .iter()
        .map(|step| step.id.place().chars().count())
        .max()
        .unwrap_or(0);
    for step in &plan.steps {
        write_step(&mut out, step, program, width, paint);
    }
    write_flows(&mut out, plan, paint);
    for secret in &plan.missing_secrets {
        let what = if secret.is_there {
            format!("has no {}", secret.keys.join(", "))
        } else {
            "does not exist".to_owned()
        };
        let place = secret.place.as_deref().unwrap_or_default();
        let sign = paint.with("31", "!");
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{sign} {}/{} Secret  {}\n    {what}; make it first:",
            secret.namespace,
            secret.name,
            paint.with("2", place)
        );
        for command in &secret.commands {
            let _ = writeln!(out, "      {command}");
        }
    }
    for failure in &plan.refused {
        let _ = writeln!(out, "{} {failure}", paint.with("31", "!"));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "{} {note}", paint.with("2", "note:"));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", summary(plan));
    out
}

/// More flows than that are counted, not listed.
const MOST_FLOWS: usize = 40;

fn write_flows(out: &mut String, plan: &Plan, paint: Paint) {
    let Some(flows) = &plan.flows else { return };
    if flows.opened.len() + flows.closed.len() <= MOST_FLOWS {
        for flow in &flows.opened {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{} flow {flow}", paint.with("32", "+"));
        }
        for flow in &flows.closed {
            let _ = writeln!(out, "{} flow {flow}", paint.with("31", "-"));
        }
    }
    if flows.opened.is_empty() && flows.closed.is_empty() {
        return;
    }
    let count = |number: usize, verb: &str| match number {
        1 => format!("1 flow {verb}s"),
        more => format!("{more} flows {verb}"),
    };
    let _ = writeln!(
        out,
        "{}, {}, {} stay",
        count(flows.opened.len(), "open"),
        count(flows.closed.len(), "close"),
        flows.same
    );
}

fn write_step(out: &mut String, step: &Step, program: &Program<'_>, width: usize, paint: Paint) {
    let object = program.object(&step.id);
    let place = object
        .and_then(|object| program.place(object, ""))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "{} {:width$}  {:24} {}",
        paint.sign(step.action),
        step.id.place(),
        step.id.kind,
        paint.with("2", &place)
    );
    for change in &step.changes {
        let own = object.and_then(|object| program.place(object, &change.path));
        let own = own.filter(|own| *own != place).unwrap_or_default();
        let _ = writeln!(
            out,
            "    {}  {}",
            change_text(change, paint),
            paint.with("2", &own)
        );
    }
    if let Some(moved) = &step.moved {
        let _ = writeln!(out, "    goes when {} is ready", moved.to);
    }
    if step.action == Action::Adopt {
        let _ = writeln!(out, "    becomes erpc's as it is");
    }
    for consequence in &step.consequences {
        let _ = writeln!(out, "    {}", paint.with("1", consequence));
    }
    if let Some(failure) = &step.blocked {
        let _ = writeln!(out, "    {}", failure.to_string().replace('\n', "\n  "));
    }
    for warning in &step.warnings {
        let _ = writeln!(out, "    {} {warning}", paint.with("33", "warning:"));
    }
}

fn change_text(change: &FieldChange, paint: Paint) -> String {
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            format!(
                "{} {} → {}",
                change.path,
                shown(old),
                paint.with("1", &shown(new))
            )
        }
        (None, Some(new)) => format!("{} + {}", change.path, paint.with("1", &shown(new))),
        (Some(old), None) => format!("{} - {}", change.path, shown(old)),
        (None, None) => change.path.clone(),
    }
}

/// `3 to create, 1 to change; 265 objects are as the platform says`.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let mut parts = Vec::new();
    let mut add = |action, what: &str| match plan.count(action) {
        0 => {}
        count => parts.push(format!("{count} {what}")),
    };
    add(Action::Create, "to create");
    add(Action::Update, "to change");
    add(Action::Replace, "to replace");
    add(Action::Adopt, "to adopt");
    add(Action::Move, "to move");
    add(
        Action::Prune,
        if plan.allowed.prune {
            "to prune"
        } else {
            "not in the source any more (deleted with --prune)"
        },
    );
    add(Action::Blocked, "blocked");
    match plan.missing_secrets.len() {
        0 => {}
        1 => parts.push("1 Secret is missing".to_owned()),
        count => parts.push(format!("{count} Secrets are missing")),
    }
    let unchanged = match plan.unchanged {
        1 => "1 object is as the platform says".to_owned(),
        count => format!("{count} objects are as the platform says"),
    };
    if parts.is_empty() {
        return format!("nothing to do: {unchanged}");
    }
    format!("{}; {unchanged}", parts.join(", "))
}

/// A plan as one JSON document, in the order of the text.
#[must_use]
pub fn to_json(plan: &Plan, program: &Program<'_>, cluster: &Cluster) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| step_json(step, program))
        .collect();
    let secrets: Vec<Value> = plan
        .missing_secrets
        .iter()
        .map(|secret| {
            json!({
                "namespace": secret.namespace,
                "name": secret.name,
                "missing": secret.keys,
                "exists": secret.is_there,
                "source": secret.place,
                "commands": secret.commands,
            })
        })
        .collect();
    json!({
        "version": 1,
        "platform": program.name(),
        "profile": program.profile,
        "cluster": { "uid": cluster.uid, "context": cluster.context, "url": cluster.url, "version": cluster.version },
        "digest": program.digest(),
        "steps": steps,
        "missingSecrets": secrets,
        "refused": plan.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "notes": plan.notes,
        "flows": plan.flows.as_ref().map(|flows| json!({
            "opened": flows.opened, "closed": flows.closed, "same": flows.same,
        })),
        "unchanged": plan.unchanged,
        "summary": {
            "create": plan.count(Action::Create),
            "update": plan.count(Action::Update),
            "replace": plan.count(Action::Replace),
            "adopt": plan.count(Action::Adopt),
            "move": plan.count(Action::Move),
            "prune": plan.count(Action::Prune),
            "blocked": plan.count(Action::Blocked),
        },
    })
}

pub(crate) fn step_json(step: &Step, program: &Program<'_>) -> Value {
    let object = program.object(&step.id);
    let changes: Vec<Value> = step
        .changes
        .iter()
        .map(|change| {
            json!({
                "field": change.path,
                "old": change.old,
                "new": change.new,
                "source": object.and_then(|object| program.place(object, &change.path)),
            })
        })
        .collect();
    json!({
        "action": step.action.as_str(),
        "kind": step.id.kind.as_str(),
        "namespace": step.id.namespace.as_deref(),
        "name": step.id.name.as_str(),
        "source": object.and_then(|object| program.place(object, "")),
        "service": object.and_then(|object| object.service).map(|id| program.platform.path(id)),
        "uid": step.uid,
        "fingerprint": step.fingerprint,
        "changes": changes,
        "consequences": step.consequences,
        "movedTo": step.moved.as_ref().map(|moved| moved.to.clone()),
        "blocked": step.blocked.as_ref().map(|failure| json!({ "message": failure.message, "help": failure.help })),
        "warnings": step.warnings,
        "judged": if step.is_unjudged { "schema" } else { "server" },
    })
}

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
        let place = object.and_then(|object| program.place(object, ""));
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
        let _ = writeln!(out, "\n**{}**\n\n```diff", step.id);
        for change in &step.changes {
            if let Some(old) = &change.old {
                let _ = writeln!(out, "- {}: {}", change.path, shown(old));
            }
            if let Some(new) = &change.new {
                let _ = writeln!(out, "+ {}: {}", change.path, shown(new));
            }
        }
        out.push_str("```\n");
        for consequence in &step.consequences {
            let _ = writeln!(out, "\n{consequence}");
        }
        if let Some(failure) = &step.blocked {
            let _ = writeln!(out, "\nblocked: {failure}");
        }
    }
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
