//! `erpc diff --manifests DIR`: in which objects and fields a platform differs in meaning from a folder of manifests.

use std::path::Path;

use erpc_import::{Difference, Input, Report};
use serde::Serialize;
use serde_json::Value;

use super::Arguments;
use crate::commands::import::{findings, objects_of};
use crate::console::Console;
use crate::format::{Answer, WithMarkdown};
use crate::text::{count, push_line};
use crate::{Exit, Failure, manifests};

/// Compares a platform with manifests.
pub(super) fn run(
    arguments: &Arguments,
    folder: &Path,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let mut project = arguments.library.find(arguments.project())?;
    project.profile = arguments.profile.first().cloned();
    let checked = project.compile().checked()?;
    let found = manifests::read(folder);
    if let Some(failure) = found.failures.first() {
        return Err(Failure::Failed(failure.clone()));
    }
    let inputs: Vec<Input<'_>> = found
        .files
        .iter()
        .map(|(path, bytes)| Input { path, bytes })
        .collect();
    let reading = erpc_import::read(&inputs);
    if reading.objects.is_empty() {
        let message = format!("{}: no objects found", folder.display());
        return Err(Failure::Failed(message));
    }
    let made = objects_of(&checked.platform, &checked.derived, &checked.sources);
    let report = erpc_import::check(reading, &arguments.default_namespace, &made);
    if arguments.output.is_human() {
        findings(&report.findings, console);
    }
    let has_errors = report.has_errors();
    let answer = Differences { report: &report };
    arguments.output.write(&answer, console);
    Ok(match (has_errors, answer.count()) {
        (true, _) => Exit::Failed,
        (false, 0) => Exit::Done,
        (false, _) => Exit::Differs,
    })
}

#[derive(Serialize)]
struct Differences<'r> {
    #[serde(flatten)]
    report: &'r Report,
}

impl Differences<'_> {
    fn count(&self) -> usize {
        let report = self.report;
        report.differences.len() + report.added.len() + report.closed.len() + report.opened.len()
    }
}

/// How long a value is shown.
const MAX_VALUE: usize = 60;

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn line_of(difference: &Difference) -> String {
    let object = &difference.object;
    match difference.path.as_str() {
        "" => format!("- {object}: only in the manifests"),
        path => format!(
            "~ {object} {path}: {} in the manifests, {} in the platform",
            shown(difference.original.as_ref()),
            shown(difference.ours.as_ref())
        ),
    }
}

impl Answer for Differences<'_> {
    type Format = WithMarkdown;

    fn text(&self, format: WithMarkdown) -> String {
        let report = self.report;
        let mut text = String::new();
        let bullet = match format {
            WithMarkdown::Human => "",
            WithMarkdown::Markdown => "- ",
        };
        for difference in &report.differences {
            push_line!(text, "{bullet}{}", line_of(difference));
        }
        for object in &report.added {
            push_line!(text, "{bullet}+ {object}: only in the platform");
        }
        for pair in &report.closed {
            push_line!(text, "{bullet}closed: {pair}");
        }
        for pair in &report.opened {
            push_line!(text, "{bullet}opened: {pair}");
        }
        match self.count() {
            0 => push_line!(text, "the platform means what the manifests mean"),
            number => push_line!(text, "{}", count(number, "difference")),
        }
        text
    }
}
