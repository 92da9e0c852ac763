//! `erpc drift`: what in the cluster differs from the source, in the source's terms.

use erpc_cluster::{Cluster, Failure, block_on};

use super::cluster::{access, compiled, fail, paint, program};
use super::{count, has_format};
use crate::Exit;
use crate::arguments::{Common, Drift, Format};
use crate::console::Console;

pub(crate) fn run(command: &Drift, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("drift", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let found = block_on(async {
        let cluster = Cluster::connect(&access(&command.access)).await?;
        let found = erpc_cluster::drift(&cluster, &program).await?;
        Ok::<_, Failure>((cluster, found))
    });
    let (cluster, found) = match found.and_then(|found| found) {
        Ok(found) => found,
        Err(failure) => {
            fail(&failure, common, console);
            return Exit::Failed;
        }
    };
    if common.format == Format::Json {
        console.result(&format!("{}\n", erpc_cluster::drift_json(&found)));
    } else {
        console.note(&format!("{} on {}", program.name(), cluster.describe()));
        console.result(&erpc_cluster::drift_text(&found, paint(console)));
        console.note(&match found.len() {
            0 => "the cluster is as the source says".to_owned(),
            more => count(more, "difference"),
        });
    }
    if found.is_empty() {
        Exit::Done
    } else {
        Exit::Differs
    }
}
