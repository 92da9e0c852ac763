//! `erpc drift`: what in the cluster differs from the source, in the source's terms.

use erpc_cluster::Cluster;

use super::cluster::{HUMAN_OR_JSON, about, access, block_on, paint};
use super::count;
use crate::Exit;
use crate::arguments::{Common, Drift, Format};
use crate::console::Console;

pub(crate) fn run(command: &Drift, common: &Common, console: &mut Console<'_>) -> Exit {
    let path = command.path.as_deref();
    about(
        "drift",
        HUMAN_OR_JSON,
        path,
        common,
        console,
        |program, console| {
            let (cluster, drifts) = block_on(async {
                let cluster = Cluster::connect(&access("drift", &command.access)).await?;
                let drifts = erpc_cluster::drift(&cluster, program).await?;
                Ok((cluster, drifts))
            })?;
            if common.format == Format::Json {
                console.result(&format!("{}\n", erpc_cluster::drift_json(&drifts)));
            } else {
                console.note(&format!("{} on {}", program.name(), cluster.describe()));
                console.result(&erpc_cluster::drift_text(&drifts, paint(console)));
                for unchecked in &drifts.unchecked {
                    console.note(&format!("note: {unchecked}"));
                }
                console.note(&match drifts.found.len() {
                    0 => "the cluster is as the source says".to_owned(),
                    more => count(more, "difference"),
                });
            }
            Ok(if drifts.found.is_empty() {
                Exit::Done
            } else {
                Exit::Differs
            })
        },
    )
}
