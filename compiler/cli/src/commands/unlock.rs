//! `erpc unlock`: frees the lock of a run that is gone.

use std::io::IsTerminal;

use erpc_cluster::{Cluster, Failure, Program};

use super::apply::typed;
use super::cluster::{HUMAN_OR_JSON, about, access, block_on};
use crate::Exit;
use crate::arguments::{Common, Format, Unlock};
use crate::console::Console;

pub(crate) fn run(command: &Unlock, common: &Common, console: &mut Console<'_>) -> Exit {
    let path = command.path.as_deref();
    about(
        "unlock",
        HUMAN_OR_JSON,
        path,
        common,
        console,
        |program, console| {
            let said = block_on(work(command, program))?;
            let text = if common.format == Format::Json {
                serde_json::json!({ "version": 1, "message": said }).to_string()
            } else {
                said
            };
            console.result(&format!("{text}\n"));
            Ok(Exit::Done)
        },
    )
}

async fn work(command: &Unlock, program: &Program<'_>) -> Result<String, Failure> {
    let cluster = Cluster::connect(&access("unlock", &command.access)).await?;
    let Some(holder) = erpc_cluster::holder(&cluster, program.name()).await? else {
        return Ok(format!("no run holds the lock of `{}`", program.name()));
    };
    let who = format!(
        "{} holds the lock since {}, renewed {}",
        holder.name, holder.since, holder.renewed
    );
    if !command.yes {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(format!("{who}; --yes is required")).help(
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
