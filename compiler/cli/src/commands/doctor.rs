//! `erpc doctor`: whether a cluster is fit for the platform.

use erpc_cluster::{Cluster, Failure, block_on};

use super::cluster::{access, compiled, fail, paint, program};
use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Doctor, Format};
use crate::console::Console;

pub(crate) fn run(command: &Doctor, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("doctor", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let checks = block_on(async {
        let cluster = Cluster::connect(&access(&command.access)).await?;
        erpc_cluster::doctor(&cluster, &program).await
    });
    match checks.and_then(|checks: Result<_, Failure>| checks) {
        Ok(checks) => {
            let text = if common.format == Format::Json {
                erpc_cluster::doctor_json(&checks).to_string() + "\n"
            } else {
                erpc_cluster::doctor_text(&checks, paint(console))
            };
            console.result(&text);
            if erpc_cluster::is_fit(&checks) {
                Exit::Done
            } else {
                Exit::Failed
            }
        }
        Err(failure) => {
            fail(&failure, common, console);
            Exit::Failed
        }
    }
}
