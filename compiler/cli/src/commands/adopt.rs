//! `erpc adopt`: makes ours what kubectl, Helm or a script applied, without changing a field.

use std::io::IsTerminal;
use std::sync::Arc;

use erpc_cluster::{
    Adoptable, Cluster, Failure, Handover, Mark, Program, Release, TOOLS, block_on,
};
use serde_json::json;

use super::apply::typed;
use super::cluster::{access, compiled, fail, mention_warnings, program};
use super::{count, has_format};
use crate::Exit;
use crate::arguments::{Adopt, Common, Format};
use crate::console::Console;
use crate::project::Compiled;

pub(crate) fn run(command: &Adopt, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("adopt", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let exit = adopt(&compiled, command, common, console);
    mention_warnings(&compiled, console);
    exit
}

fn adopt(compiled: &Compiled, command: &Adopt, common: &Common, console: &mut Console<'_>) -> Exit {
    let Some(program) = program(compiled) else {
        return Exit::Failed;
    };
    if let Some(release) = &command.helm {
        let release = Release {
            name: release.clone(),
            namespace: command
                .release_namespace
                .clone()
                .unwrap_or_else(|| erpc_emit::release_namespace(program.platform)),
            is_back: command.back,
        };
        return hand_over(&release, &program, command, common, console);
    }
    let done = block_on(async {
        let cluster = Arc::new(Cluster::connect(&access("adopt", &command.access)).await?);
        work(&cluster, &program, command, common, console).await
    });
    match done.and_then(|done| done) {
        Ok((found, adopted)) => {
            if common.format == Format::Json {
                let objects: Vec<_> = found
                    .iter()
                    .map(|one| json!({ "object": one.id.to_string(), "managers": one.managers }))
                    .collect();
                let result = json!({ "version": 1, "adopted": adopted, "objects": objects });
                console.result(&format!("{result}\n"));
            } else if found.is_empty() {
                console.result("nothing to adopt\n");
            } else {
                console.result(&format!(
                    "adopted {}; `erpc plan` shows what differs from the source\n",
                    count(adopted, "object")
                ));
            }
            Exit::Done
        }
        Err(failure) => {
            fail(&failure, common, console);
            Exit::Failed
        }
    }
}

/// The other way round: marks that a release of Helm needs, or that it leaves.
fn hand_over(
    release: &Release,
    program: &Program<'_>,
    command: &Adopt,
    common: &Common,
    console: &mut Console<'_>,
) -> Exit {
    let done = block_on(async {
        let cluster = Arc::new(Cluster::connect(&access("adopt", &command.access)).await?);
        let found = erpc_cluster::handovers(&cluster, program, release).await?;
        if common.format == Format::Human {
            console.note(&format!("{} on {}", program.name(), cluster.describe()));
        }
        let written = if command.apply && !found.is_empty() {
            erpc_cluster::hand_over(&cluster, program, &found, release).await?
        } else {
            0
        };
        Ok((found, written))
    });
    let (found, written) = match done.and_then(|done| done) {
        Ok(done) => done,
        Err(failure) => {
            fail(&failure, common, console);
            return Exit::Failed;
        }
    };
    if common.format == Format::Json {
        let objects: Vec<_> = found
            .iter()
            .map(|one| {
                let marks = one.marks.iter().map(|mark| {
                    json!({ "part": mark.part, "key": mark.key, "from": mark.from, "to": mark.to })
                });
                json!({ "object": one.id.to_string(), "marks": marks.collect::<Vec<_>>() })
            })
            .collect();
        let result = json!({ "version": 1, "written": written, "objects": objects });
        console.result(&format!("{result}\n"));
    } else {
        for one in &found {
            console.result(&format!("~ {}\n", one.id));
            for Mark { key, from, to, .. } in &one.marks {
                let (from, to) = (from.as_deref(), to.as_deref());
                let (from, to) = (from.unwrap_or("nothing"), to.unwrap_or("nothing"));
                console.result(&format!("    {key}: {from} -> {to}\n"));
            }
        }
        console.result(&format!(
            "{}\n",
            said(release, &found, command.apply, written)
        ));
    }
    if found.is_empty() || command.apply {
        Exit::Done
    } else {
        Exit::Differs
    }
}

fn said(release: &Release, found: &[Handover], is_applied: bool, written: usize) -> String {
    if found.is_empty() {
        return "nothing to change".to_owned();
    }
    let objects = count(found.len(), "object");
    match (is_applied, release.is_back) {
        (false, _) => format!("{objects} to change; `--apply` writes them"),
        (true, false) => format!(
            "{} changed; `helm upgrade --install {} ./helm --namespace {}` takes over",
            count(written, "object"),
            release.name,
            release.namespace
        ),
        (true, true) => format!(
            "{} changed; `erpc adopt` takes over their fields, and `kubectl delete secret -n {} -l owner=helm,name={}` makes Helm forget the release",
            count(written, "object"),
            release.namespace,
            release.name
        ),
    }
}

async fn work(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    command: &Adopt,
    common: &Common,
    console: &mut Console<'_>,
) -> Result<(Vec<Adoptable>, usize), Failure> {
    let managers: Vec<String> = if command.from.is_empty() {
        TOOLS.iter().map(|tool| (*tool).to_owned()).collect()
    } else {
        command.from.clone()
    };
    let found = erpc_cluster::adoptable(cluster, program, &managers).await?;
    if common.format == Format::Human {
        console.note(&format!("{} on {}", program.name(), cluster.describe()));
        for one in &found {
            console.result(&format!("= {} from {}\n", one.id, one.managers.join(", ")));
        }
    }
    if found.is_empty() {
        return Ok((found, 0));
    }
    if !command.yes {
        if common.format == Format::Json || !std::io::stdin().is_terminal() {
            return Err(Failure::new(
                "cannot ask for confirmation without a terminal: --yes is required",
            )
            .help("nothing was written"));
        }
        if console.flush().is_err() {
            return Err(Failure::new(
                "the list could not be shown; nothing was written",
            ));
        }
        typed(
            "Their fields become erpc's; no value changes. Only `yes` will do: ",
            "yes",
        )?;
    }
    let adopted = erpc_cluster::adopt(cluster, program, &found, &managers).await?;
    Ok((found, adopted))
}
