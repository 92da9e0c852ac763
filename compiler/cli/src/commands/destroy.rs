//! `erpc destroy`: lists what would be deleted and what stays, asks for the platform's name, and deletes.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use erpc_cluster::{
    Cluster, DestroyOptions, Destroyed, Destruction, Failure, Program, Progress, Show,
};
use erpc_model::nearest;
use serde_json::json;

use super::apply::typed;
use super::cluster::{HUMAN_OR_JSON, about, access, block_on, paint};
use super::count;
use crate::Exit;
use crate::arguments::{Common, Destroy, Format};
use crate::console::Console;

pub(crate) fn run(command: &Destroy, common: &Common, console: &mut Console<'_>) -> Exit {
    let path = command.path.as_deref();
    about(
        "destroy",
        HUMAN_OR_JSON,
        path,
        common,
        console,
        |program, console| {
            block_on(async {
                let cluster =
                    Arc::new(Cluster::connect(&access("destroy", &command.access)).await?);
                if let Some(problem) = unknown_namespace(&cluster, program, command).await? {
                    console.fail(&problem);
                    return Ok(Exit::Usage);
                }
                work(&cluster, program, command, common, console).await
            })
        },
    )
}

async fn unknown_namespace(
    cluster: &Cluster,
    program: &Program<'_>,
    command: &Destroy,
) -> Result<Option<String>, Failure> {
    if command.namespace.is_empty() {
        return Ok(None);
    }
    let known = erpc_cluster::known_namespaces(cluster, program).await?;
    let unknown = command.namespace.iter().find(|name| !known.contains(*name));
    Ok(unknown.map(|name| {
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                format!("expected one of {}", known.join(", "))
            }
        };
        format!("`{}` has no namespace `{name}`; {hint}", program.name())
    }))
}

async fn work(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    command: &Destroy,
    common: &Common,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let options = DestroyOptions {
        data: command.delete_data,
        take_over: command.take_over,
        namespaces: command.namespace.clone(),
        timeout: command.timeout,
    };
    let is_json = common.format == Format::Json;
    if !is_json {
        console.note(&format!("{} on {}", program.name(), cluster.describe()));
    }
    let show = match (is_json, console.is_quiet()) {
        (true, _) => Show::Json,
        (_, true) => Show::Quiet,
        _ => Show::Lines,
    };
    let (paint, width) = (paint(console), console.width());
    let (results, errors) = console.streams();
    let (mut lists, stream) = match is_json {
        true => (None, results),
        false => (Some(results), errors),
    };
    let mut progress = Progress::new(show, paint, width, stream);
    let mut confirm = |destruction: &Destruction, has_changed: bool| {
        if let Some(lists) = &mut lists {
            let text = list(destruction, &options, program);
            let written = lists
                .write_all(text.as_bytes())
                .and_then(|()| lists.flush());
            written.map_err(|error| {
                let why = crate::project::describe(&error);
                Failure::new(format!("cannot show the list: {why}; nothing was deleted"))
            })?;
        }
        confirmed(program, command, is_json, has_changed)
    };
    let destroyed =
        erpc_cluster::destroy(cluster, program, &options, &mut progress, &mut confirm).await?;
    progress.summary(summary(&destroyed));
    drop(progress);
    Ok(end(&destroyed, program, is_json, console))
}

fn summary(destroyed: &Destroyed) -> serde_json::Value {
    let nothing = Vec::new();
    let (outcome, deleted, kept, left) = match destroyed {
        Destroyed::Nothing => ("nothing", 0, &nothing, &nothing),
        Destroyed::Done { deleted, kept } => ("destroyed", *deleted, kept, &nothing),
        Destroyed::Partly { deleted, left } => ("partly", *deleted, &nothing, left),
        Destroyed::Interrupted { deleted } => ("interrupted", *deleted, &nothing, &nothing),
    };
    json!({ "version": 1, "outcome": outcome, "deleted": deleted, "kept": kept, "left": left })
}

fn end(
    destroyed: &Destroyed,
    program: &Program<'_>,
    is_json: bool,
    console: &mut Console<'_>,
) -> Exit {
    let (exit, text) = match destroyed {
        Destroyed::Nothing => (
            Exit::Done,
            format!("nothing of `{}` is in the cluster", program.name()),
        ),
        Destroyed::Done { deleted, kept } => (
            Exit::Done,
            format!(
                "destroyed {}; {} stay",
                count(*deleted, "object"),
                kept.len()
            ),
        ),
        Destroyed::Partly { deleted, left } => {
            if !is_json {
                for one in left {
                    console.error(&format!("! {one}"));
                }
            }
            let text = format!(
                "partly destroyed: {} deleted, the above is left; `erpc destroy` goes on from here",
                count(*deleted, "object")
            );
            (Exit::Partly, text)
        }
        Destroyed::Interrupted { deleted } => (
            Exit::Interrupted,
            format!(
                "stopped: {} deleted; `erpc destroy` goes on from here",
                count(*deleted, "object")
            ),
        ),
    };
    if !is_json {
        console.note(&text);
    }
    exit
}

fn list(destruction: &Destruction, options: &DestroyOptions, program: &Program<'_>) -> String {
    let mut lines = Vec::new();
    let mut namespaced = destruction.waves.iter().flatten().collect::<Vec<_>>();
    namespaced.extend(destruction.rest.values().flatten().flatten());
    namespaced.extend(&destruction.cluster_wide);
    lines.extend(namespaced.iter().map(|target| format!("- {}", target.id)));
    if options.data {
        let volumes = destruction.volumes.iter();
        lines.extend(
            volumes.map(|volume| format!("- {}, {}, with its data", volume.target.id, volume.size)),
        );
    }
    for namespace in &destruction.namespaces {
        lines.push(format!("- {}", namespace.target.id));
        let along = namespace.along.iter();
        lines.extend(along.map(|foreign| format!("- {}, not the platform's", foreign.what)));
        let unlisted = namespace.unlisted.iter();
        lines.extend(unlisted.map(|kind| {
            format!(
                "- each {kind} in {}, which cannot be listed",
                namespace.target.id.name
            )
        }));
    }
    let routes = program.platform.routes.iter();
    lines.extend(routes.map(|route| format!("  {} will not be served any more", route.host.value)));
    lines.extend(destruction.kept.iter().map(|kept| format!("= {kept}")));
    lines.dedup();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn confirmed(
    program: &Program<'_>,
    command: &Destroy,
    is_json: bool,
    has_changed: bool,
) -> Result<(), Failure> {
    let name = program.name();
    let can_ask = !is_json && std::io::stdin().is_terminal();
    let what = if command.delete_data {
        " and its data"
    } else {
        ""
    };
    let question = format!("This deletes the platform{what}. Type its name to go on: ");
    match &command.confirm {
        _ if has_changed && !can_ask => Err(Failure::new(
            "the cluster has changed since this was confirmed; nothing was deleted",
        )
        .help("run the command again: it plans anew")),
        _ if has_changed => typed(
            &format!("The cluster has changed meanwhile. {question}"),
            name,
        ),
        Some(said) if said == name => Ok(()),
        Some(said) => Err(Failure::new(format!(
            "--confirm says `{said}`, and the platform is `{name}`; nothing was deleted"
        ))),
        None if can_ask => typed(&question, name),
        None => Err(Failure::new(
            "not confirmed: there is no terminal to ask on; nothing was deleted",
        )
        .help(format!("look at the list, then add --confirm {name}"))),
    }
}
