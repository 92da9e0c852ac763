//! `erpc reach`: which peers a service reaches, or which reach it, directly and through others.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_answers::AskedEnd;
use erpc_answers::reach::{self, Reached};
use erpc_diagnostics::Sources;
use erpc_model::Platform;
use erpc_policy::{Connection, Connections, Party};
use serde::Serialize;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Answer, Output, WithMarkdown};
use crate::table::Table;
use crate::text::count;
use crate::{Exit, Failure, names};

/// List the peers that a service reaches, directly and through others.
///
/// Each peer is listed with a shortest path.
///
/// Paths lead through services and the ingress controller only; internet, externals and cluster.* end a
/// path. NAME is a service, several (ns.*), an external, internet, cluster.nodes or an IP address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc reach internet                  what is reachable from the internet
  erpc reach hl7-health                the blast radius of a service
  erpc reach --to kvs-database         what reaches a service
  erpc reach 203.0.113.7               what an IP address reaches")]
pub(crate) struct Arguments {
    /// Start of the paths.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    name: String,
    #[command(flatten)]
    input: Input,
    /// Reverse: list the peers that reach NAME.
    #[arg(long)]
    to: bool,
    #[command(flatten)]
    output: Output<WithMarkdown>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (platform, derived, sources) = self.input.model()?;
        let asked = AskedEnd::read(&platform, &self.name).map_err(Failure::Usage)?;
        if asked.port.is_some() {
            return Err(Failure::Usage(
                "`reach` is about services, not about one port; `erpc why` takes a port".to_owned(),
            ));
        }
        let connections = Connections::of(&platform, &derived);
        let reached = if self.to {
            reach::to(&platform, &connections, &asked)
        } else {
            reach::from(&platform, &derived, &connections, &asked)
        };
        let answer = answer(&platform, &sources, &asked, self.to, &reached);
        self.output.write(&answer, console);
        Ok(Exit::Done)
    }
}

#[derive(Serialize)]
struct ReachAnswer {
    name: String,
    /// `reaches` or `is_reached_by`.
    direction: &'static str,
    services: usize,
    of_services: usize,
    ends_outside: usize,
    ways: Vec<PathAnswer>,
}

#[derive(Serialize)]
struct PathAnswer {
    name: String,
    hops: Vec<Hop>,
}

#[derive(Serialize)]
struct Hop {
    from: String,
    to: String,
    port: String,
    place: Option<String>,
}

fn answer(
    platform: &Platform,
    sources: &Sources,
    asked: &AskedEnd,
    is_to: bool,
    reached: &[Reached<'_>],
) -> ReachAnswer {
    let services = reached.iter().filter(|r| r.party.service().is_some());
    let services = services.count();
    let hop = |c: &&Connection| Hop {
        from: c.from.name(platform),
        to: c.to.name(platform),
        port: c.port_name(platform),
        place: sources.place(c.reason.span(platform)),
    };
    let name = asked
        .single()
        .map_or_else(|| asked.text.clone(), |party: Party| party.name(platform));
    ReachAnswer {
        name,
        direction: if is_to { "is_reached_by" } else { "reaches" },
        services,
        of_services: platform.services.len(),
        ends_outside: reached.len() - services,
        ways: reached
            .iter()
            .map(|r| PathAnswer {
                name: r.party.name(platform),
                hops: r.path.iter().map(hop).collect(),
            })
            .collect(),
    }
}

impl Answer for ReachAnswer {
    type Format = WithMarkdown;

    fn text(&self, format: WithMarkdown) -> String {
        match format {
            WithMarkdown::Human => format!("{}\n{}", self.headline(), self.table().aligned()),
            WithMarkdown::Markdown => self.table().markdown(),
        }
    }
}

impl ReachAnswer {
    fn headline(&self) -> String {
        let verb = if self.direction == "reaches" {
            "reaches"
        } else {
            "is reached by"
        };
        let outside = match self.ends_outside {
            0 => String::new(),
            1 => " and 1 peer outside".to_owned(),
            n => format!(" and {n} peers outside"),
        };
        format!(
            "{} {verb} {} of {}{outside}\n",
            self.name,
            self.services,
            count(self.of_services, "service"),
        )
    }

    fn table(&self) -> Table<4> {
        let mut table = Table::new(["who", "hops", "shortest path", "lines"]);
        for path in &self.ways {
            let mut text = path.hops.first().map_or(String::new(), |h| h.from.clone());
            for hop in &path.hops {
                text.push_str(&format!(" → {}:{}", hop.to, hop.port));
            }
            let places: Vec<&str> = path
                .hops
                .iter()
                .filter_map(|hop| hop.place.as_deref())
                .collect();
            table.push([
                path.name.clone(),
                path.hops.len().to_string(),
                text,
                places.join(", "),
            ]);
        }
        table
    }
}
