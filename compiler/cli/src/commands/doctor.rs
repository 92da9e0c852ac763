//! `erpc doctor`: whether a cluster is fit for the platform.

use clap::Args;

use super::cluster::{Access, about, block_on, paint};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, json_line};
use crate::{Exit, Failure};

/// Checks whether a cluster is fit for the platform.
///
/// Versions, identity, APIs, rights, capacity, quotas, storage, ingress, DNS, addresses, network policies,
/// Pod Security, metrics, webhooks, Secrets, other tools, images, leftovers: each with what was found and
/// what to do. Writes nothing without --probe; needs no other tool.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc doctor                      before the first apply
  erpc doctor --probe              with a namespace of its own, whether policies are enforced
  erpc doctor --format json        for programs")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Try in a namespace of its own, which goes again, whether the network enforces policies.
    #[arg(long)]
    probe: bool,
    /// For --probe, an image with a shell and `/agnhost`.
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
