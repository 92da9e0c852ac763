//! `erpc probe`: the declared flows and the `never`s tried from inside the cluster, as Jobs that the user
//! applies, or run and read.

use std::io::IsTerminal;

use clap::Args;
use erpc_cluster::{Probe, Program, Progress, Show};

use super::apply::typed;
use super::cluster::{Access, about, block_on, list, manifests, paint};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Chosen, Manifests, Output, json};
use crate::text::count;
use crate::{Exit, Failure};

/// Test the declared flows and the `never` assertions from inside the cluster.
///
/// Starts a pod with the labels of each service, and one unrelated pod in each namespace, that open the
/// declared connections and try the forbidden ones. The pods never become ready, so they receive no
/// traffic. Without --run, prints the Jobs. Exits 1 if a declared connection fails or a forbidden one
/// succeeds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc probe                       print the Jobs as YAML
  erpc probe --run                 confirm, run the Jobs, print the results, delete them
  erpc probe --run --yes --format json
  erpc probe --image registry.internal/agnhost:2.53   an image from another registry")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Run the Jobs, print the results, and delete the Jobs.
    #[arg(long)]
    run: bool,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Image with a shell and `/agnhost`.
    #[arg(long, value_name = "IMAGE", default_value = erpc_cluster::PROBE_IMAGE)]
    image: String,
    #[command(flatten)]
    output: Output<Manifests>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        if self.run && self.output.format == Chosen::Text(Manifests::Yaml) {
            return Err(Failure::Usage(
                "the format of `probe --run` is one of human, json".to_owned(),
            ));
        }
        about(&self.input, console, |program, console| {
            let probe = Probe::of(program, &self.image);
            if probe.is_empty() {
                return Err(erpc_cluster::Failure::new(
                    "the platform has no connection between services to try",
                )
                .into());
            }
            if !self.run {
                let objects = probe.manifests();
                self.output.write_with(
                    console,
                    || list(&objects),
                    |(Manifests::Human | Manifests::Yaml)| manifests(&objects),
                );
                for untried in &probe.untried {
                    console.note(&format!("not tried: {untried}"));
                }
                return Ok(Exit::Done);
            }
            self.try_connections(program, &probe, console)
        })
    }

    /// Runs the Jobs and reads what they saw.
    fn try_connections(
        &self,
        program: &Program<'_>,
        probe: &Probe,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let outcome = block_on(async {
            let cluster = self.access.connect("probe").await?;
            let is_json = self.output.is_json();
            if !is_json {
                console.note(&format!("{} on {}", program.name(), cluster.describe()));
            }
            self.confirm(probe)?;
            let show = if is_json || console.is_quiet() {
                Show::Quiet
            } else {
                Show::Lines
            };
            let (paint, width) = (paint(console), console.width());
            let mut progress = Progress::new(show, paint, width, console.error_stream());
            Ok(erpc_cluster::run_probe(&cluster, program, probe, &mut progress).await?)
        })?;
        let paint = paint(console);
        self.output.write_with(
            console,
            || json(&erpc_cluster::probe_json(&outcome)),
            |(Manifests::Human | Manifests::Yaml)| erpc_cluster::probe_text(&outcome, paint),
        );
        Ok(if outcome.is_interrupted {
            Exit::Interrupted
        } else if outcome.count(erpc_cluster::Verdict::Bad) > 0 {
            Exit::Failed
        } else {
            Exit::Done
        })
    }

    fn confirm(&self, probe: &Probe) -> Result<(), erpc_cluster::Failure> {
        if self.yes {
            return Ok(());
        }
        let what = format!(
            "{} will try {} and go again",
            count(probe.probers.len(), "pod"),
            count(probe.len(), "connection")
        );
        if self.output.is_json() || !std::io::stdin().is_terminal() {
            return Err(erpc_cluster::Failure::new(format!(
                "{what}: --yes is required; nothing was written"
            )));
        }
        typed(&format!("{what}. Only `yes` will do: "), "yes")
    }
}
