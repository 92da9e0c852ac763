//! `erpc check`: all checks, nothing written.

use erpc_diagnostics::render_json;

use super::{count, find};
use crate::Exit;
use crate::arguments::{Check, Common, Format};
use crate::console::Console;

pub(crate) fn run(command: &Check, common: &Common, console: &mut Console<'_>) -> Exit {
    if common.format == Format::Mermaid {
        console.fail("`check` has no diagram; `--format` is human or json here");
        return Exit::Usage;
    }
    let Some(project) = find(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let compiled = project.compile();
    if common.format == Format::Json {
        console.result(&render_json(&compiled.diagnostics, &compiled.sources));
    } else {
        console.diagnostics(&compiled.diagnostics, &compiled.sources, command.max_errors);
    }
    let Some((platform, derived)) = &compiled.result else {
        return Exit::Failed;
    };
    if common.format == Format::Human {
        console.result(&format!(
            "{}: {}, {}, {} as {}, {}; no errors\n",
            platform.name.value,
            count(platform.namespaces.len(), "namespace"),
            count(platform.services.len(), "service"),
            count(platform.flows.len(), "flow"),
            count(derived.edges.as_slice().len(), "edge"),
            count(platform.routes.len(), "route"),
        ));
    }
    Exit::Done
}
