//! `erpc graph`: the platform as a picture, or as the explorer.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_answers::AskedEnd;
use erpc_model::{Peer, Platform, ServiceId};
use erpc_policy::Party;
use erpc_report::picture::{self, View};

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, formats, json};
use crate::{Exit, Failure, names};

formats!(Formats: Human, Svg, Dot, Mermaid, Html);

/// Draw the platform: namespaces as boxes, tiers from bottom to top, flows by mode.
///
/// `--format html` writes the explorer: a single self-contained page with search, filters and the
/// details of every service.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc graph > platform.svg                    the whole platform
  erpc graph --focus hl7-health                a service, its callers and its callees
  erpc graph --focus kvs-database --depth 2    up to two hops away
  erpc graph --format html > platform.html     the explorer
  erpc graph --format mermaid                  for Markdown")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Show only this service, its callers and its callees.
    #[arg(long, value_name = "SERVICE", add = ArgValueCompleter::new(names::services_and_namespaces))]
    focus: Option<String>,
    /// Maximum number of hops from the focus.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "focus")]
    depth: usize,
    #[command(flatten)]
    output: Output<Formats>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (platform, derived, sources) = self.input.model()?;
        let view = match &self.focus {
            None => View::whole(&platform, &derived),
            Some(name) => {
                let focus = service(&platform, name).map_err(Failure::Usage)?;
                View::around(&platform, &derived, focus, self.depth)
            }
        };
        self.output.write_with(
            console,
            || json(&picture::json(&view, &sources)),
            |format| match format {
                Formats::Human | Formats::Svg => picture::svg(&view),
                Formats::Dot => picture::dot(&view),
                Formats::Mermaid => picture::mermaid(&view),
                Formats::Html => picture::explorer(&view, &sources),
            },
        );
        Ok(Exit::Done)
    }
}

/// The one service that a name means.
fn service(platform: &Platform, name: &str) -> Result<ServiceId, String> {
    match AskedEnd::read(platform, name)?.single() {
        Some(Party::Peer(Peer::Service(id))) => Ok(id),
        _ => Err(format!("`{name}` is not one service")),
    }
}
