//! What the commands against a cluster share: the program with its objects, the way to the cluster,
//! and how failures are said.

use std::path::Path;

use erpc_cluster::{Allowed, Failure, Paint, Program, SourceSnapshot};

use super::{find, has_format, show_findings};
use crate::Exit;
use crate::arguments::{Access, Common, Format, Permit};
use crate::console::Console;
use crate::project::Compiled;

/// The formats of most of these commands.
pub(super) const HUMAN_OR_JSON: &[Format] = &[Format::Human, Format::Json];

/// A command about the program at a path: what it is about is compiled first, and what stops it is
/// said.
pub(super) fn about(
    name: &str,
    formats: &[Format],
    path: Option<&Path>,
    common: &Common,
    console: &mut Console<'_>,
    work: impl FnOnce(&Program<'_>, &mut Console<'_>) -> Result<Exit, Failure>,
) -> Exit {
    if !has_format(name, formats, common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(path, common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let exit = work(&program, console).unwrap_or_else(|failure| fail(&failure, common, console));
    mention_warnings(&compiled, console);
    exit
}

/// The answer of the command comes first; warnings about the source are one line after it.
pub(super) fn mention_warnings(compiled: &Compiled, console: &mut Console<'_>) {
    let warnings = compiled
        .diagnostics
        .count(erpc_diagnostics::Severity::Warning);
    if warnings > 0 {
        let warnings = super::count(warnings, "warning");
        console.note(&format!("{warnings} about the source: see `erpc check`"));
    }
}

/// Runs what waits for a cluster to its end.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    erpc_cluster::block_on(future)?
}

/// Compiles the program that a command is about; `None` after its errors were shown.
pub(super) fn compiled(
    path: Option<&Path>,
    common: &Common,
    console: &mut Console<'_>,
) -> Option<Compiled> {
    let compiled = find(path, common, console)?.compile();
    shown(compiled, common, console)
}

/// The same, with everything that was read for it.
pub(super) fn compiled_recorded(
    path: Option<&Path>,
    common: &Common,
    console: &mut Console<'_>,
) -> Option<(Compiled, SourceSnapshot)> {
    let (compiled, source) = find(path, common, console)?.compile_recorded();
    Some((shown(compiled, common, console)?, source))
}

fn shown(compiled: Compiled, common: &Common, console: &mut Console<'_>) -> Option<Compiled> {
    if compiled.result.is_none() {
        show_findings(
            &compiled.diagnostics,
            &compiled.sources,
            None,
            common,
            console,
        );
    }
    compiled.result.is_some().then_some(compiled)
}

/// The name of the platform at a path. A program with errors has one, too, so that an earlier release can
/// be looked at and brought back whatever state the source is in.
pub(super) fn platform_name(
    path: Option<&Path>,
    common: &Common,
    console: &mut Console<'_>,
) -> Option<String> {
    let project = find(path, common, console)?;
    let (loaded, mut found) = erpc_model::load(&project.root, &project);
    let resolved = erpc_model::resolve(&loaded, &project);
    if let Some(platform) = resolved.platform {
        return Some(platform.name.value.to_string());
    }
    found.extend(resolved.diagnostics);
    super::show_findings(&found.sorted(), &loaded.sources, None, common, console);
    None
}

/// The objects of a program that compiled.
pub(super) fn program(compiled: &Compiled) -> Option<Program<'_>> {
    let (platform, derived) = compiled.result.as_ref()?;
    let profile = platform.profile.map(|id| platform[id].name.value.as_str());
    Some(Program::of(platform, derived, &compiled.sources, profile))
}

/// The way to a cluster, for the command of this name.
pub(super) fn access(command: &'static str, access: &Access) -> erpc_cluster::Access {
    erpc_cluster::Access {
        kubeconfig: access.kubeconfig.clone(),
        context: access.context.clone(),
        command,
    }
}

pub(super) fn allowed(permit: &Permit) -> Allowed {
    Allowed {
        only: permit.only.clone(),
        prune: permit.prune,
        revoke: permit.revoke,
        take_from: permit.take_from.clone(),
        replace: permit.replace.clone(),
        move_volumes: permit.move_volumes,
        take_over: permit.take_over,
        even_if_gitops: permit.even_if_gitops,
        wait_for_secrets: permit.wait_for_secrets,
    }
}

pub(super) fn detail(detail: &crate::arguments::Detail) -> erpc_cluster::Detail {
    if detail.verbose {
        erpc_cluster::Detail::Full
    } else {
        erpc_cluster::Detail::Short
    }
}

/// The part of a program that `--only` selects, if it does.
pub(super) fn selected<'p>(program: &Program<'p>, allowed: &Allowed) -> Option<Program<'p>> {
    (!allowed.only.is_empty()).then(|| program.narrowed(&allowed.only))
}

pub(super) fn paint(console: &Console<'_>) -> Paint {
    if console.has_color() {
        Paint::Ansi
    } else {
        Paint::Plain
    }
}

/// Says why a command ended, in the chosen format; its exit code.
pub(super) fn fail(failure: &Failure, common: &Common, console: &mut Console<'_>) -> Exit {
    let exit = match failure.is_usage {
        true => Exit::Usage,
        false => Exit::Failed,
    };
    if common.format == Format::Json {
        let text = serde_json::json!({
            "version": 1,
            "error": { "message": failure.message, "help": failure.help },
        });
        console.result(&format!("{text}\n"));
        return exit;
    }
    console.fail(&failure.message);
    if let Some(help) = &failure.help {
        console.error(&format!("  help: {help}"));
    }
    exit
}

/// Objects as YAML documents, or as one list in JSON.
pub(super) fn manifests(objects: &[serde_json::Value], common: &Common) -> String {
    if common.format == Format::Json {
        let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        return list.to_string() + "\n";
    }
    let documents: Vec<String> = objects
        .iter()
        // A value cannot fail to be written.
        .map(|object| serde_saphyr::to_string(object).unwrap_or_default())
        .collect();
    documents.join("---\n")
}
