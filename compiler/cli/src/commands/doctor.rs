//! `erpc doctor`: whether a cluster is fit for the platform.

use std::sync::Arc;

use erpc_cluster::Cluster;

use super::cluster::{HUMAN_OR_JSON, about, access, block_on, paint};
use crate::Exit;
use crate::arguments::{Common, Doctor, Format};
use crate::console::Console;

pub(crate) fn run(command: &Doctor, common: &Common, console: &mut Console<'_>) -> Exit {
    let path = command.path.as_deref();
    about(
        "doctor",
        HUMAN_OR_JSON,
        path,
        common,
        console,
        |program, console| {
            let checks = block_on(async {
                let cluster = Arc::new(Cluster::connect(&access("doctor", &command.access)).await?);
                let probe = command.probe.then_some(command.image.as_str());
                Ok(erpc_cluster::doctor(&cluster, program, probe).await)
            })?;
            let text = if common.format == Format::Json {
                erpc_cluster::doctor_json(&checks).to_string() + "\n"
            } else {
                erpc_cluster::doctor_text(&checks, paint(console))
            };
            console.result(&text);
            Ok(if erpc_cluster::is_fit(&checks) {
                Exit::Done
            } else {
                Exit::Failed
            })
        },
    )
}
