//! `erpc destroy`: shows what would go and what stays, asks for the platform's name, takes it off.

use std::io::IsTerminal;
use std::sync::Arc;

use erpc_cluster::{Cluster, DestroyOptions, Destruction, Failure, Paint, Program, Progress, Show};

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
            let said = block_on(async {
                let cluster =
                    Arc::new(Cluster::connect(&access("destroy", &command.access)).await?);
                work(&cluster, program, command, common, console).await
            })?;
            if common.format == Format::Human {
                console.note(&said);
            }
            Ok(Exit::Done)
        },
    )
}

async fn work(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    command: &Destroy,
    common: &Common,
    console: &mut Console<'_>,
) -> Result<String, Failure> {
    let options = DestroyOptions {
        data: command.delete_data,
        take_over: command.take_over,
        namespaces: command.namespace.clone(),
    };
    let destruction = Destruction::plan(cluster, program, &options).await?;
    if destruction.is_empty() {
        return Ok(format!("nothing of `{}` is in the cluster", program.name()));
    }
    let is_json = common.format == Format::Json;
    if !is_json {
        console.note(&format!("{} on {}", program.name(), cluster.describe()));
        console.error(&list(&destruction, &options, program, paint(console)));
    }
    confirm(program, command, is_json)?;
    let show = match (is_json, console.is_quiet()) {
        (true, _) => Show::Json,
        (_, true) => Show::Quiet,
        _ => Show::Lines,
    };
    let (paint, width) = (paint(console), console.width());
    let out = if is_json {
        console.result_stream()
    } else {
        console.error_stream()
    };
    let mut progress = Progress::new(show, paint, width, out);
    erpc_cluster::destroy(cluster, program, &destruction, &options, &mut progress).await?;
    progress.summary(serde_json::json!({ "version": 1, "outcome": "destroyed" }));
    Ok(format!(
        "destroyed {}; {} stay",
        count(destruction.len(), "object"),
        destruction.kept.len()
    ))
}

fn list(
    destruction: &Destruction,
    options: &DestroyOptions,
    program: &Program<'_>,
    _paint: Paint,
) -> String {
    let mut lines = Vec::new();
    for (id, _) in destruction.groups.iter().flatten() {
        lines.push(format!("- {id}"));
    }
    if options.data {
        for (id, size, _) in &destruction.volumes {
            lines.push(format!("- {id}, {size}, with its data"));
        }
    }
    for namespace in &destruction.namespaces {
        lines.push(format!("- Namespace {namespace}, with all that is in it"));
    }
    for route in &program.platform.routes {
        lines.push(format!(
            "  {} will not be served any more",
            route.host.value
        ));
    }
    for kept in &destruction.kept {
        lines.push(format!("= {kept}"));
    }
    lines.dedup();
    lines.join("\n")
}

fn confirm(program: &Program<'_>, command: &Destroy, is_json: bool) -> Result<(), Failure> {
    let name = program.name();
    if let Some(said) = &command.confirm {
        return if said == name {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "--confirm says `{said}`, and the platform is `{name}`; nothing was deleted"
            )))
        };
    }
    if is_json || !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!(
            "there is no terminal to ask on, and nobody said --confirm {name}; nothing was deleted"
        )));
    }
    let what = if command.delete_data {
        " and its data"
    } else {
        ""
    };
    typed(
        &format!("This deletes the platform{what}. Type its name to go on: "),
        name,
    )
}
