//! One file for each command.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod fmt;
pub(crate) mod init;
pub(crate) mod order;

use std::path::Path;

use crate::arguments::Common;
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

/// `1 service`, `2 services`.
fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
