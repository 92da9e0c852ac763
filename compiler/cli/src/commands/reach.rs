//! `erpc reach`: which peers a service reaches, or which reach it, directly and through others.

use erpc_answers::AskedEnd;
use erpc_answers::reach::{self, Reached};
use erpc_diagnostics::Sources;
use erpc_model::Platform;
use erpc_policy::{Connection, Connections, Party};
use serde::Serialize;

use super::{compiled, count, has_format, json};
use crate::Exit;
use crate::arguments::{Common, Format, Reach};
use crate::console::Console;
use crate::table::Table;

pub(crate) fn run(command: &Reach, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Json, Format::Markdown];
    if !has_format("reach", &formats, common, console) {
        return Exit::Usage;
    }
    let path = command.path.as_deref();
    let Some((platform, derived, sources)) = compiled(path, common, console) else {
        return Exit::Failed;
    };
    let asked = match AskedEnd::read(&platform, &command.name) {
        Ok(asked) if asked.port.is_none() => asked,
        Ok(_) => {
            console.fail("`reach` is about services, not about one port; `erpc why` takes a port");
            return Exit::Usage;
        }
        Err(message) => {
            console.fail(&message);
            return Exit::Usage;
        }
    };
    let connections = Connections::of(&platform, &derived);
    let reached = if command.to {
        reach::to(&platform, &connections, &asked)
    } else {
        reach::from(&platform, &derived, &connections, &asked)
    };
    let answer = answer(&platform, &sources, &asked, command.to, &reached);
    console.result(&match common.format {
        Format::Json => json(&answer),
        Format::Markdown => answer.table().markdown(),
        _ => format!("{}\n{}", answer.headline(), answer.table().aligned()),
    });
    Exit::Done
}

#[derive(Serialize)]
struct Answer {
    version: u32,
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
) -> Answer {
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
    Answer {
        version: 1,
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

impl Answer {
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
