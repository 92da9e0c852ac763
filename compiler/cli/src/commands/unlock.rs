//! `erpc unlock`: frees the lock of a run that is gone.

use std::io::IsTerminal;

use erpc_cluster::{Cluster, Failure, Program, block_on};

use super::apply::typed;
use super::cluster::{access, compiled, fail, program};
use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Format, Unlock};
use crate::console::Console;

pub(crate) fn run(command: &Unlock, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("unlock", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let done = block_on(work(command, &program));
    match done.and_then(|done| done) {
        Ok(said) => {
            let text = if common.format == Format::Json {
                serde_json::json!({ "version": 1, "message": said }).to_string()
            } else {
                said
            };
            console.result(&format!("{text}\n"));
            Exit::Done
        }
        Err(failure) => {
            fail(&failure, common, console);
            Exit::Failed
        }
    }
}

async fn work(command: &Unlock, program: &Program<'_>) -> Result<String, Failure> {
    let cluster = Cluster::connect(&access(&command.access)).await?;
    let Some(holder) = erpc_cluster::holder(&cluster, program.name()).await? else {
        return Ok(format!("nobody holds the lock of `{}`", program.name()));
    };
    let who = format!(
        "{} holds the lock since {}, renewed {}",
        holder.name, holder.since, holder.renewed
    );
    if !command.yes {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(format!("{who}; nobody said --yes")).help(
                "make sure that this run is gone: two at once would undo each other's work",
            ));
        }
        typed(
            &format!("{who}.\nIs that run gone for certain? Only `yes` will do: "),
            "yes",
        )?;
    }
    erpc_cluster::unlock(&cluster, program.name()).await?;
    Ok(format!("unlocked; {who}"))
}
