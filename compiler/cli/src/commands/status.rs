//! `erpc status`: every service against its declaration.

use std::sync::Arc;
use std::time::Duration;

use erpc_cluster::{Cluster, Failure, Program, Status as Look};

use super::cluster::{HUMAN_OR_JSON, about, access, block_on, paint};
use crate::Exit;
use crate::arguments::{Common, Format, Status};
use crate::console::Console;

const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(command: &Status, common: &Common, console: &mut Console<'_>) -> Exit {
    let path = command.path.as_deref();
    about(
        "status",
        HUMAN_OR_JSON,
        path,
        common,
        console,
        |program, console| {
            let is_healthy = block_on(async {
                let cluster = Arc::new(Cluster::connect(&access("status", &command.access)).await?);
                show(&cluster, program, command, common, console).await
            })?;
            Ok(if is_healthy {
                Exit::Done
            } else {
                Exit::NotReady
            })
        },
    )
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

/// Waits a while; whether the user asked to stop meanwhile.
async fn tokio_sleep(stop: &mut erpc_cluster::Stop) -> bool {
    stop.asked_within(LOOKED_AT_EVERY).await
}
