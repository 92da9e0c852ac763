//! `erpc plan`: what an apply would do, and nothing of it.

use erpc_cluster::{Cluster, Failure, block_on};

use super::cluster::{access, allowed, compiled, fail, paint, program};
use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Format, Plan};
use crate::console::Console;

pub(crate) fn run(command: &Plan, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Json, Format::Markdown];
    if !has_format("plan", &formats, common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let planned = block_on(async {
        let cluster = Cluster::connect(&access(&command.access)).await?;
        let plan = erpc_cluster::Plan::of(&cluster, &program, &allowed(&command.permit)).await?;
        Ok::<_, Failure>((cluster, plan))
    });
    let (cluster, plan) = match planned.and_then(|planned| planned) {
        Ok(planned) => planned,
        Err(failure) => {
            fail(&failure, common, console);
            return Exit::Failed;
        }
    };
    if let Some(out) = &command.out {
        let text = erpc_cluster::save(&plan, &program, &cluster);
        if let Err(error) = std::fs::write(out, text) {
            let why = crate::project::describe(&error);
            console.fail(&format!("{}: {why}", out.display()));
            return Exit::Failed;
        }
    }
    match common.format {
        Format::Json => {
            let json = erpc_cluster::to_json(&plan, &program, &cluster);
            // A value cannot fail to be written.
            let text = serde_json::to_string_pretty(&json).unwrap_or_default();
            console.result(&format!("{text}\n"));
        }
        Format::Markdown => {
            console.result(&erpc_cluster::markdown(&plan, &program, &cluster));
        }
        _ => {
            console.note(&format!("{} → {}", program.name(), cluster.describe()));
            console.result(&erpc_cluster::human(&plan, &program, paint(console)));
        }
    }
    if plan.is_blocked() {
        Exit::Failed
    } else if plan.steps.is_empty() {
        Exit::Done
    } else {
        Exit::Differs
    }
}
