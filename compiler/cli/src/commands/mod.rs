//! One file for each command.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod init;
pub(crate) mod order;
pub(crate) mod show;

mod fix;
mod watch;

use std::path::Path;

use erpc_diagnostics::{Diagnostics, Sources, render_github, render_json, render_sarif};

use crate::arguments::{Common, Format};
use crate::console::Console;
use crate::project::Project;

/// The program that a command is about; says why where there is none.
fn find(path: Option<&Path>, common: &Common, console: &mut Console<'_>) -> Option<Project> {
    match Project::find(path) {
        Ok(mut project) => {
            project.stdlib.clone_from(&common.stdlib);
            Some(project)
        }
        Err(message) => {
            console.fail(&message);
            None
        }
    }
}

/// Whether a command has the format that is asked for; says so where it has not.
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

/// Findings in the format that is asked for: for people on standard error, for tools as the result.
fn show_findings(
    diagnostics: &Diagnostics,
    sources: &Sources,
    max: Option<usize>,
    common: &Common,
    console: &mut Console<'_>,
) {
    match common.format {
        Format::Human | Format::Mermaid | Format::Yaml | Format::Markdown => {
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

/// `1 service`, `2 services`.
fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
