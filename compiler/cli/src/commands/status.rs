//! `erpc status`: every service against its declaration.

use std::sync::Arc;
use std::time::Duration;

use erpc_cluster::{Cluster, Failure, Program, Status as Look, block_on};

use super::cluster::{access, compiled, fail, paint, program};
use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Format, Status};
use crate::console::Console;

const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(command: &Status, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("status", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let shown = block_on(async {
        let cluster = Arc::new(Cluster::connect(&access(&command.access)).await?);
        show(&cluster, &program, command, common, console).await
    });
    match shown.and_then(|shown| shown) {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::NotReady,
        Err(failure) => {
            fail(&failure, common, console);
            Exit::Failed
        }
    }
}

/// Shows it once, or again and again; whether all was well at the end.
async fn show(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    command: &Status,
    common: &Common,
    console: &mut Console<'_>,
) -> Result<bool, Failure> {
    if common.format != Format::Json {
        console.note(&format!("{} on {}", program.name(), cluster.describe()));
    }
    let mut look = Look::start(cluster, program, !command.watch).await?;
    let mut before = None;
    let mut stop = erpc_cluster::Stop::on_signals(cluster);
    loop {
        let rows = look.rows().await?;
        let is_healthy = erpc_cluster::is_healthy(&rows);
        if before.as_ref() != Some(&rows) {
            if command.watch {
                console.clear();
            }
            let text = if common.format == Format::Json {
                erpc_cluster::status_json(&rows).to_string() + "\n"
            } else {
                erpc_cluster::status_text(&rows, paint(console))
            };
            console.result(&text);
            if command.watch && console.flush().is_err() {
                return Ok(is_healthy);
            }
            before = Some(rows);
        }
        if !command.watch {
            return Ok(is_healthy);
        }
        if tokio_sleep(&mut stop).await {
            return Ok(is_healthy);
        }
    }
}

/// Waits a while; whether somebody asked to stop meanwhile.
async fn tokio_sleep(stop: &mut erpc_cluster::Stop) -> bool {
    stop.asked_within(LOOKED_AT_EVERY).await
}
