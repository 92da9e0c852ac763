//! `erpc doctor`: whether a cluster is fit for the platform.

use clap::Args;

use super::cluster::{Access, about, block_on, paint};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, json_line};
use crate::{Exit, Failure};

/// Check whether a cluster meets the requirements of a platform.
///
/// Checks versions, identity, APIs, permissions, capacity, quotas, storage, ingress, DNS, addresses,
/// network policies, Pod Security, metrics, webhooks, Secrets, other tools, images and leftovers, and
/// reports each result with what to do. Writes nothing without --probe.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc doctor                      before the first apply
  erpc doctor --probe              also test whether network policies are enforced
  erpc doctor --format json        for scripts")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Test in a temporary namespace whether the network plugin enforces network policies.
    #[arg(long)]
    probe: bool,
    /// Image for --probe, with a shell and `/agnhost`.
    #[arg(long, value_name = "IMAGE", default_value = erpc_cluster::PROBE_IMAGE)]
    image: String,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| {
            let checks = block_on(async {
                let cluster = self.access.connect("doctor").await?;
                let probe = self.probe.then_some(self.image.as_str());
                Ok(erpc_cluster::doctor(&cluster, program, probe).await)
            })?;
            let paint = paint(console);
            self.output.write_with(
                console,
                || json_line(&erpc_cluster::doctor_json(&checks)),
                |_| erpc_cluster::doctor_text(&checks, paint),
            );
            Ok(if erpc_cluster::is_fit(&checks) {
                Exit::Done
            } else {
                Exit::Failed
            })
        })
    }
}
