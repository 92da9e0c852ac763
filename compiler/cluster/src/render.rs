//! A plan as text for people, as JSON, and as Markdown for a pull request.

mod additions;
mod json;
mod markdown;
mod unenforced;
mod value;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::change::{Action, ObjectChange};
use crate::diff::FieldChange;
use crate::paint::{Detail, Paint};
use crate::plan::Plan;
use crate::program::Program;
use erpc_emit::Kind;
use serde_json::Value;

pub use json::to_json;
pub use markdown::markdown;
use value::Shown;

/// Steps up to this many are listed one by one without `--verbose`.
const MOST_STEPS: usize = 40;
/// More objects than that which only get labels of the platform are counted.
const MOST_LABELLED: usize = 5;
/// The prefix of the platform's own labels.
const LABELS: &str = "app.kubernetes.io/";
/// Steps that change, block or warn about something: up to this many have a line each.
const MOST_LINES: usize = 200;

/// A plan for people: the summary first, then a line for each object, below it each field with its own source line.
#[must_use]
pub fn human(plan: &Plan, program: &Program<'_>, paint: Paint, detail: Detail) -> String {
    let mut out = paint.with("1", &summary(plan));
    out.push('\n');
    let before = out.len();
    let is_cut = write_steps(&mut out, plan, program, paint, detail);
    additions::write(&mut out, plan, program, paint, detail);
    write_flows(&mut out, plan, paint, detail);
    unenforced::write(&mut out, program, paint, detail);
    write_secrets(&mut out, plan, paint);
    for failure in &plan.refused {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} {failure}", paint.with("31", "!"));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "{} {note}", paint.with("2", "note:"));
    }
    if out.len() > before {
        out.insert(before, '\n');
    }
    if is_cut {
        let hint = "--verbose lists every object, field and line";
        let _ = writeln!(out, "{}", paint.with("2", hint));
    }
    out
}

/// Whether something was left out.
fn write_steps(
    out: &mut String,
    plan: &Plan,
    program: &Program<'_>,
    paint: Paint,
    detail: Detail,
) -> bool {
    let mut steps: Vec<&ObjectChange> = plan.steps.iter().collect();
    if detail == Detail::Full {
        return write_in_full(out, &steps, program, paint, detail);
    }
    let labelled: Vec<&ObjectChange> = steps
        .extract_if(.., |step| is_labelled_only(step))
        .collect();
    let is_cut = if labelled.len() <= MOST_LABELLED {
        steps = plan.steps.iter().collect();
        false
    } else {
        let what = ": labels of the platform, nothing else";
        write_groups(out, &labelled, what, paint);
        true
    };
    if steps.len() <= MOST_STEPS {
        return write_in_full(out, &steps, program, paint, detail) || is_cut;
    }
    let (mut particular, mut plain): (Vec<&ObjectChange>, Vec<&ObjectChange>) =
        steps.into_iter().partition(|step| is_particular(step));
    if particular.len() <= MOST_STEPS {
        write_in_full(out, &particular, program, paint, detail);
    } else {
        // What blocks the plan must be among the lines that are shown.
        particular.sort_by_key(|step| step.blocked.is_none());
        let left_out = particular.split_off(particular.len().min(MOST_LINES));
        let width = width_of(&particular);
        for step in particular {
            write_headline(out, step, program, width, paint);
        }
        plain.extend(left_out);
    }
    write_groups(out, &plain, "", paint);
    true
}

/// How many objects of each kind, a line for each action and namespace.
fn write_groups(out: &mut String, steps: &[&ObjectChange], what: &str, paint: Paint) {
    for ((action, namespace), kinds) in grouped(steps) {
        let counts: Vec<String> = kinds
            .iter()
            .map(|(kind, count)| counted(*kind, *count))
            .collect();
        let namespace = namespace.unwrap_or("(cluster)");
        let _ = writeln!(
            out,
            "{} {namespace}: {}{what}",
            paint.sign(action),
            counts.join(", ")
        );
    }
}

/// Whether an object only gets the labels by which the platform knows it, as every object that another tool applied
/// does.
fn is_labelled_only(step: &ObjectChange) -> bool {
    let is_ours = |key: &str| key.starts_with(LABELS);
    let is_label = |change: &FieldChange| {
        let names = change.path.segments();
        change.old.is_none()
            && change.path.starts_with(&["metadata", "labels"])
            && match (names.get(2), &change.new) {
                (Some(key), Some(_)) => key.as_field().is_some_and(is_ours),
                (None, Some(Value::Object(labels))) => labels.keys().all(|key| is_ours(key)),
                _ => false,
            }
    };
    step.action == Action::Update
        && step.blocked.is_none()
        && step.consequences.is_empty()
        && step.warnings.is_empty()
        && !step.changes.is_empty()
        && step.changes.iter().all(is_label)
}

/// Whether a step is more than the name of its object.
fn is_particular(step: &ObjectChange) -> bool {
    step.blocked.is_some()
        || step.moved.is_some()
        || !step.changes.is_empty()
        || !step.consequences.is_empty()
        || !step.warnings.is_empty()
}

type Group<'p> = (Action, Option<&'p str>);

/// How many objects of each kind, by action and namespace.
fn grouped<'p>(steps: &[&'p ObjectChange]) -> BTreeMap<Group<'p>, BTreeMap<Kind, usize>> {
    let mut groups: BTreeMap<Group<'_>, BTreeMap<Kind, usize>> = BTreeMap::new();
    for step in steps {
        let group = (step.action, step.id.namespace.as_deref());
        *groups
            .entry(group)
            .or_default()
            .entry(step.id.kind)
            .or_default() += 1;
    }
    groups
}

/// `1 Ingress`, `3 NetworkPolicies`.
fn counted(kind: Kind, count: usize) -> String {
    let name = kind.as_str();
    match (count, name.strip_suffix('y')) {
        (1, _) => format!("1 {name}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ if name.ends_with('s') => format!("{count} {name}es"),
        _ => format!("{count} {name}s"),
    }
}

fn width_of(steps: &[&ObjectChange]) -> usize {
    let widths = steps.iter().map(|step| step.id.place().chars().count());
    widths.max().unwrap_or(0)
}

fn write_headline(
    out: &mut String,
    step: &ObjectChange,
    program: &Program<'_>,
    width: usize,
    paint: Paint,
) {
    const MOST_FIELDS: usize = 3;
    let place = program
        .object(&step.id)
        .and_then(|object| program.place_of(object))
        .unwrap_or_default();
    let mut what: Vec<String> = step
        .changes
        .iter()
        .take(MOST_FIELDS)
        .map(|change| change.path.to_string())
        .collect();
    if step.changes.len() > MOST_FIELDS {
        what.push(format!("{} more fields", step.changes.len() - MOST_FIELDS));
    }
    what.extend(step.consequences.iter().cloned());
    what.extend(step.blocked.iter().map(|failure| failure.message.clone()));
    what.extend(
        step.warnings
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    let _ = writeln!(
        out,
        "{} {:width$}  {}  {}  {}",
        paint.sign(step.action),
        step.id.place(),
        step.id.kind,
        what.join(", "),
        paint.with("2", &place)
    );
}

/// Whether something was left out.
fn write_in_full(
    out: &mut String,
    steps: &[&ObjectChange],
    program: &Program<'_>,
    paint: Paint,
    detail: Detail,
) -> bool {
    let width = width_of(steps);
    let mut is_cut = false;
    for step in steps {
        is_cut |= write_step(out, step, program, width, paint, detail);
    }
    is_cut
}

/// Whether something was left out.
fn write_step(
    out: &mut String,
    step: &ObjectChange,
    program: &Program<'_>,
    width: usize,
    paint: Paint,
    detail: Detail,
) -> bool {
    let object = program.object(&step.id);
    let place = object
        .and_then(|object| program.place_of(object))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "{} {:width$}  {:24} {}",
        paint.sign(step.action),
        step.id.place(),
        step.id.kind,
        paint.with("2", &place)
    );
    let mut is_cut = false;
    for change in &step.changes {
        let own = object.and_then(|object| program.place(object, &change.path));
        let own = own.filter(|own| *own != place).unwrap_or_default();
        let own = paint.with("2", &own);
        match value::shown(change, detail) {
            Shown::Inline(text) => {
                let _ = writeln!(out, "    {} {}  {own}", change.path, paint.with("1", &text));
            }
            Shown::Below(lines, left_out) => {
                let _ = writeln!(out, "    {}  {own}", change.path);
                for line in lines {
                    let text = format!("{}{}", line.sign, line.text);
                    let _ = writeln!(out, "      {}", paint.diff(line.sign, &text));
                }
                if left_out > 0 {
                    is_cut = true;
                    let more = format!("… {left_out} more lines");
                    let _ = writeln!(out, "      {}", paint.with("2", &more));
                }
            }
        }
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
    is_cut
}

fn write_secrets(out: &mut String, plan: &Plan, paint: Paint) {
    for secret in &plan.missing_secrets {
        let what = if secret.is_there {
            format!("has no {}", secret.keys.join(", "))
        } else {
            "does not exist".to_owned()
        };
        let place = secret.place.as_deref().unwrap_or_default();
        let (sign, what) = match plan.allowed.wait_for_secrets {
            None => (paint.with("31", "!"), format!("{what}; make it first:")),
            Some(_) => (
                paint.with("33", "…"),
                format!("{what}; what needs it waits for it. To make it by hand:"),
            ),
        };
        let _ = writeln!(
            out,
            "{sign} {}/{} Secret  {}\n    {what}",
            secret.namespace,
            secret.name,
            paint.with("2", place)
        );
        for command in &secret.commands {
            let _ = writeln!(out, "      {command}");
        }
    }
}

/// More flows than that are counted, not listed.
const MOST_FLOWS: usize = 40;

fn write_flows(out: &mut String, plan: &Plan, paint: Paint, detail: Detail) {
    let Some(flows) = &plan.flows else { return };
    if detail == Detail::Full || flows.opened.len() + flows.closed.len() <= MOST_FLOWS {
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
    add(Action::Grow, "to grow");
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
        0 if !parts.is_empty() => return parts.join(", "),
        1 => "1 object is as the platform says".to_owned(),
        count => format!("{count} objects are as the platform says"),
    };
    if parts.is_empty() {
        return format!("nothing to do: {unchanged}");
    }
    format!("{}; {unchanged}", parts.join(", "))
}
