//! `erpc diff --profile A --profile B`: what differs between a platform under two profiles; under one
//! and without, where one is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use erpc_answers::{Changed, Differences, Pair, Part, Said};
use serde::Serialize;

use super::{Arguments, closing, comparable, line, version};
use crate::console::Console;
use crate::format::{Answer, WithMarkdown};
use crate::text::{count, push_line};
use crate::{Exit, Failure};

#[derive(Serialize)]
struct ProfilesAnswer<'d> {
    /// The first profile; nothing for the platform without one.
    first: Option<&'d str>,
    /// The second profile.
    second: Option<&'d str>,
    #[serde(flatten)]
    differences: &'d Differences,
    /// How many of the opened pairs `--forbid-open` guards.
    forbidden: usize,
}

impl Answer for ProfilesAnswer<'_> {
    type Format = WithMarkdown;

    fn text(&self, format: WithMarkdown) -> String {
        let profiles = [self.first, self.second];
        match format {
            WithMarkdown::Human => human(self.differences, profiles),
            WithMarkdown::Markdown => markdown(self.differences, profiles),
        }
    }
}

pub(super) fn run(
    command: &Arguments,
    profiles: &[String],
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let path = match (&command.old, &command.path) {
        (Some(old), Some(_)) => {
            return Err(Failure::Usage(format!(
                "`{old}` and two profiles: either two versions are compared or two profiles"
            )));
        }
        (Some(path), None) => Some(Path::new(path)),
        (None, path) => path.as_deref(),
    };
    let mut project = command.library.find(path)?;
    let (first, second) = match profiles {
        [first, second, ..] => (Some(first.as_str()), Some(second.as_str())),
        named => (None, named.first().map(String::as_str)),
    };
    let mut under = |profile: Option<&str>| {
        project.profile = profile.map(ToOwned::to_owned);
        project.compile()
    };
    let (old, new) = (under(first), under(second));
    let mut old = comparable(old, &name(first), console)?;
    let mut new = comparable(new, &name(second), console)?;
    for side in [&mut old, &mut new] {
        // Two environments of one cluster have the same services.
        side.platform = side.platform.clone().with_declared_names();
    }
    let differences = Differences::between(version(&old), version(&new));
    let forbidden = command.forbidden(&new, &differences.opened)?;
    let answer = ProfilesAnswer {
        first,
        second,
        differences: &differences,
        forbidden,
    };
    command.output.write(&answer, console);
    Ok(closing(forbidden, console))
}

fn name(profile: Option<&str>) -> String {
    profile.map_or_else(
        || "the platform without a profile".to_owned(),
        |profile| format!("`{profile}`"),
    )
}

/// What is shown of parts that only one side has: a namespace stands for its services, whose number it
/// is shown with.
fn shown(parts: &[Part]) -> Vec<(&Part, String)> {
    let owner = |part: &Part| part.name.split_once('.').map(|(owner, _)| owner.to_owned());
    let mut members: BTreeMap<String, usize> = BTreeMap::new();
    let namespaces = parts.iter().filter(|part| part.kind == "namespace");
    members.extend(namespaces.map(|part| (part.name.clone(), 0)));
    for part in parts
        .iter()
        .filter(|part| matches!(part.kind, "service" | "job"))
    {
        if let Some(number) = owner(part).and_then(|owner| members.get_mut(&owner)) {
            *number += 1;
        }
    }
    let is_shown = |part: &&Part| owner(part).is_none_or(|owner| !members.contains_key(&owner));
    let described = |part: &Part| match members.get(&part.name) {
        Some(number) if part.kind == "namespace" => {
            format!("namespace {} with {}", part.name, count(*number, "service"))
        }
        _ => format!("{} {}", part.kind, part.name),
    };
    let parts = parts.iter().filter(is_shown);
    parts.map(|part| (part, described(part))).collect()
}

/// Connections of what both have; the others go or come with one of their ends.
fn between_both<'d>(pairs: &'d [Pair], only: &'d [Part]) -> (Vec<&'d Pair>, usize) {
    let gone: BTreeSet<&str> = only.iter().map(|part| part.name.as_str()).collect();
    let is_gone = |end: &str| gone.contains(end);
    let own: Vec<&Pair> = pairs
        .iter()
        .filter(|pair| !is_gone(&pair.from) && !is_gone(&pair.to))
        .collect();
    let others = pairs.len() - own.len();
    (own, others)
}

fn said(said: Option<&Said>) -> (String, String) {
    said.map_or_else(
        || ("-".to_owned(), "-".to_owned()),
        |said| {
            let value = said.value.split_whitespace().collect::<Vec<_>>().join(" ");
            let place = said.place.clone().unwrap_or_else(|| "default".to_owned());
            (value, place)
        },
    )
}

fn human(differences: &Differences, [first, second]: [Option<&str>; 2]) -> String {
    let mut out = String::new();
    push_line!(out, "{} → {}", name(first), name(second));
    if differences.is_empty() {
        out.push_str("nothing differs\n");
        return out;
    }
    let sides = [
        ('-', &differences.only_in_first),
        ('+', &differences.only_in_second),
    ];
    for (sign, parts) in sides {
        for (part, described) in shown(parts) {
            let off = part
                .off_at
                .as_ref()
                .map(|place| format!("  off at {place}"));
            let off = off.unwrap_or_default();
            push_line!(out, "{sign} {described}{off}");
        }
    }
    for Changed {
        path,
        first,
        second,
    } in &differences.values
    {
        let ((was, from), (is, to)) = (said(first.as_ref()), said(second.as_ref()));
        push_line!(out, "~ {path}: {was} → {is}\n    {from} → {to}");
    }
    let pairs = [
        (
            '+',
            &differences.opened,
            &differences.only_in_second,
            "to or from what is new",
        ),
        (
            '-',
            &differences.closed,
            &differences.only_in_first,
            "to or from what is off",
        ),
    ];
    for (sign, pairs, only, with) in pairs {
        let (own, others) = between_both(pairs, only);
        for pair in own {
            push_line!(out, "{sign} {}", line(pair));
            if let Some(place) = &pair.place {
                push_line!(out, "    {place}");
            }
        }
        if others > 0 {
            push_line!(out, "{sign} {} {with}", count(others, "connection"));
        }
    }
    push_line!(
        out,
        "{} changed; {} opened, {} closed",
        count(differences.values.len(), "value"),
        differences.opened.len(),
        differences.closed.len()
    );
    out
}

fn markdown(differences: &Differences, [first, second]: [Option<&str>; 2]) -> String {
    let mut out = String::new();
    push_line!(out, "### {} and {}\n", name(first), name(second));
    if differences.is_empty() {
        out.push_str("Nothing differs.\n");
        return out;
    }
    let sides = [
        (first, &differences.only_in_first),
        (second, &differences.only_in_second),
    ];
    for (profile, parts) in sides.into_iter().filter(|(_, parts)| !parts.is_empty()) {
        push_line!(
            out,
            "**Only in {}**\n\n| what | off at |\n|---|---|",
            name(profile)
        );
        for (part, described) in shown(parts) {
            let off = part.off_at.as_deref().unwrap_or_default();
            push_line!(out, "| {described} | {off} |");
        }
        out.push('\n');
    }
    if !differences.values.is_empty() {
        push_line!(
            out,
            "**Values**\n\n| value | {} | {} |\n|---|---|---|",
            name(first),
            name(second)
        );
        for changed in &differences.values {
            let cell = |of: Option<&Said>| {
                let (value, place) = said(of);
                let value = value.replace('|', "\\|");
                if of.is_some() {
                    format!("{value} ({place})")
                } else {
                    value
                }
            };
            let (was, is) = (cell(changed.first.as_ref()), cell(changed.second.as_ref()));
            push_line!(out, "| `{}` | {was} | {is} |", changed.path);
        }
        out.push('\n');
    }
    let pairs = [
        ("Opened", &differences.opened),
        ("Closed", &differences.closed),
    ];
    for (title, pairs) in pairs.into_iter().filter(|(_, pairs)| !pairs.is_empty()) {
        push_line!(
            out,
            "**{title}**\n\n| from | to | ports | line |\n|---|---|---|---|"
        );
        for pair in pairs {
            let place = pair.place.as_deref().unwrap_or_default();
            let ports = pair.ports.join(", ");
            push_line!(out, "| {} | {} | {ports} | {place} |", pair.from, pair.to);
        }
        out.push('\n');
    }
    out
}
