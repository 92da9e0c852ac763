//! `erpc check`: all checks, nothing written but fixes that are asked for.

use super::{count, find, fix, has_format, show_findings, watch};
use crate::Exit;
use crate::arguments::{Check, Common, Format};
use crate::console::Console;
use crate::project::Compiled;

/// The formats of findings.
pub(super) const FORMATS: [Format; 4] =
    [Format::Human, Format::Json, Format::Sarif, Format::Github];

pub(crate) fn run(command: &Check, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("check", &FORMATS, common, console) {
        return Exit::Usage;
    }
    let Some(project) = find(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    if command.fix {
        return fix::run(command, &project, common, console);
    }
    if command.watch {
        watch::run(command, &project, common, console);
    }
    let compiled = if command.all_profiles {
        project.compile_all()
    } else {
        project.compile()
    };
    let max = Some(command.max_errors);
    show_findings(
        &compiled.diagnostics,
        &compiled.sources,
        max,
        common,
        console,
    );
    if common.format == Format::Human {
        summarise(&compiled, console);
    }
    if compiled.result.is_some() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

/// A line with what there is, where there are no errors.
pub(super) fn summarise(compiled: &Compiled, console: &mut Console<'_>) {
    let Some((platform, derived)) = &compiled.result else {
        return;
    };
    let profile = platform.profile.map_or_else(String::new, |id| {
        format!(" under `{}`", platform[id].name.value)
    });
    let accepted = match compiled.accepted.len() {
        0 => String::new(),
        n => format!(", {} accepted", count(n, "warning")),
    };
    console.result(&format!(
        "{}{profile}: {}, {}, {} as {}, {}; no errors{accepted}\n",
        platform.name.value,
        count(platform.namespaces.len(), "namespace"),
        count(platform.services.len(), "service"),
        count(platform.flows.len(), "flow"),
        count(derived.edges.as_slice().len(), "edge"),
        count(platform.routes.len(), "route"),
    ));
}
