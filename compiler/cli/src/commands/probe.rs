//! `erpc probe`: the declared flows and the `never`s tried from inside the cluster, as Jobs that the user
//! applies, or run and read.

use std::io::IsTerminal;
use std::sync::Arc;

use erpc_cluster::{Cluster, Failure, Probe, Progress, Show};

use super::apply::typed;
use super::cluster::{about, access, block_on, manifests, paint};
use super::count;
use crate::Exit;
use crate::arguments::{Common, Format, Probe as Arguments};
use crate::console::Console;

pub(crate) fn run(command: &Arguments, common: &Common, console: &mut Console<'_>) -> Exit {
    let path = command.path.as_deref();
    let formats = match command.run {
        true => &[Format::Human, Format::Json][..],
        false => &[Format::Human, Format::Yaml, Format::Json],
    };
    about(
        "probe",
        formats,
        path,
        common,
        console,
        |program, console| {
            let probe = Probe::of(program, &command.image);
            if probe.is_empty() {
                return Err(Failure::new(
                    "the platform has no connection between services to try",
                ));
            }
            if !command.run {
                console.result(&manifests(&probe.manifests(), common));
                for untried in &probe.untried {
                    console.note(&format!("not tried: {untried}"));
                }
                return Ok(Exit::Done);
            }
            let outcome = block_on(async {
                let cluster = Arc::new(Cluster::connect(&access("probe", &command.access)).await?);
                let is_json = common.format == Format::Json;
                if !is_json {
                    console.note(&format!("{} on {}", program.name(), cluster.describe()));
                }
                confirm(command, &probe, is_json)?;
                let show = if is_json || console.is_quiet() {
                    Show::Quiet
                } else {
                    Show::Lines
                };
                let (paint, width) = (paint(console), console.width());
                let mut progress = Progress::new(show, paint, width, console.error_stream());
                erpc_cluster::run_probe(&cluster, program, &probe, &mut progress).await
            })?;
            console.result(&match common.format {
                Format::Json => super::json(&erpc_cluster::probe_json(&outcome)),
                _ => erpc_cluster::probe_text(&outcome, paint(console)),
            });
            Ok(if outcome.is_interrupted {
                Exit::Interrupted
            } else if outcome.count(erpc_cluster::Verdict::Bad) > 0 {
                Exit::Failed
            } else {
                Exit::Done
            })
        },
    )
}

fn confirm(command: &Arguments, probe: &Probe, is_json: bool) -> Result<(), Failure> {
    if command.yes {
        return Ok(());
    }
    let what = format!(
        "{} will try {} and go again",
        count(probe.probers.len(), "pod"),
        count(probe.len(), "connection")
    );
    if is_json || !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!(
            "{what}: --yes is required; nothing was written"
        )));
    }
    typed(&format!("{what}. Only `yes` will do: "), "yes")
}
