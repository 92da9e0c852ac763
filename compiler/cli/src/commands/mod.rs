//! One file for each command.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod destroy;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod flows;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod impact;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod order;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod prove;
pub(crate) mod rbac;
pub(crate) mod reach;
pub(crate) mod report;
pub(crate) mod rollback;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod unlock;
pub(crate) mod why;

mod cluster;
mod fix;
mod watch;

use std::path::Path;

use erpc_diagnostics::{Diagnostics, Sources, render_github, render_json, render_sarif};
use erpc_model::Platform;
use erpc_policy::Derived;
use serde::Serialize;

use crate::arguments::{Common, Format};
use crate::console::Console;
use crate::project::{Project, ROOT_FILE};

/// The program that a command is about; says why where there is none.
fn find(path: Option<&Path>, common: &Common, console: &mut Console<'_>) -> Option<Project> {
    match Project::find(path) {
        Ok(mut project) => {
            project.profile = common.profile.first().cloned();
            project.stdlib.clone_from(&common.stdlib);
            Some(project)
        }
        Err(message) => {
            console.fail(&message);
            None
        }
    }
}

/// Whether a command supports the chosen format; says so where it has not.
fn has_format(name: &str, allowed: &[Format], common: &Common, console: &mut Console<'_>) -> bool {
    let is_allowed = allowed.contains(&common.format);
    if !is_allowed {
        let formats: Vec<String> = allowed
            .iter()
            .map(|format| format!("{format:?}").to_lowercase())
            .collect();
        console.fail(&format!(
            "the format of `{name}` is one of {}",
            formats.join(", ")
        ));
    }
    is_allowed
}

/// Findings in the chosen format: for people on standard error, for tools as the result.
fn show_findings(
    diagnostics: &Diagnostics,
    sources: &Sources,
    max: Option<usize>,
    common: &Common,
    console: &mut Console<'_>,
) {
    match common.format {
        Format::Human
        | Format::Junit
        | Format::Mermaid
        | Format::Dot
        | Format::Svg
        | Format::Html
        | Format::Csv
        | Format::Yaml
        | Format::Markdown => {
            console.diagnostics(diagnostics, sources, max);
        }
        Format::Json => console.result(&render_json(diagnostics, sources)),
        Format::Sarif => {
            console.result(&render_sarif(
                diagnostics,
                sources,
                env!("CARGO_PKG_VERSION"),
            ));
        }
        Format::Github => console.result(&render_github(diagnostics, sources)),
    }
}

/// A program without errors; says what its errors are where it has some.
fn compiled(
    path: Option<&Path>,
    common: &Common,
    console: &mut Console<'_>,
) -> Option<(Platform, Derived, Sources)> {
    let compiled = find(path, common, console)?.compile();
    match compiled.result {
        Some((platform, derived)) => Some((platform, derived, compiled.sources)),
        None => {
            let (found, sources) = (&compiled.diagnostics, &compiled.sources);
            show_findings(found, sources, None, common, console);
            None
        }
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

/// An answer as one JSON object that says which version of its form it has.
fn versioned_json(answer: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        version: u8,
        #[serde(flatten)]
        answer: &'a T,
    }
    json(&Versioned { version: 1, answer })
}

/// An answer as one JSON object.
fn json(answer: &impl Serialize) -> String {
    // Strings, numbers and lists of them cannot fail to be written.
    serde_json::to_string_pretty(answer).unwrap_or_default() + "\n"
}

/// `1 service`, `2 services`.
fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
