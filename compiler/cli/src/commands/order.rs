//! `erpc order`: the waves, and why each service is where it is.

use std::fmt::Write;

use erpc_model::{Platform, ServiceId};
use erpc_policy::{Condition, Derived};
use serde::Serialize;

use super::{count, find, has_format};
use crate::Exit;
use crate::arguments::{Common, Format, Order};
use crate::console::Console;

pub(crate) fn run(command: &Order, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Json, Format::Mermaid];
    if !has_format("order", &formats, common, console) {
        return Exit::Usage;
    }
    let Some(project) = find(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let compiled = project.compile();
    let Some((platform, derived)) = &compiled.result else {
        console.diagnostics(&compiled.diagnostics, &compiled.sources, None);
        return Exit::Failed;
    };
    let waves = waves(platform, derived);
    let text = match common.format {
        Format::Json => json(&waves),
        Format::Mermaid => mermaid(&waves),
        _ => human(&waves),
    };
    console.result(&text);
    Exit::Done
}

#[derive(Serialize)]
struct Waves {
    version: u32,
    waves: Vec<Wave>,
}

#[derive(Serialize)]
struct Wave {
    wave: usize,
    services: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    service: String,
    /// The last service that it waits for.
    waits_for: Option<String>,
    /// Why.
    because: Option<String>,
}

fn waves(platform: &Platform, derived: &Derived) -> Waves {
    let order = &derived.order;
    let member = |id: &ServiceId| {
        let last = order.waits_for[id.index()];
        Member {
            service: platform.path(*id),
            waits_for: last.map(|(before, _)| platform.path(before)),
            because: last.map(|(_, condition)| reason(platform, condition)),
        }
    };
    Waves {
        version: 1,
        waves: order
            .waves
            .iter()
            .enumerate()
            .map(|(index, services)| Wave {
                wave: index + 1,
                services: services.iter().map(member).collect(),
            })
            .collect(),
    }
}

fn reason(platform: &Platform, condition: Condition) -> String {
    match condition {
        Condition::Requires(flow) => match &platform.flows[flow.index()].because {
            Some(because) => format!("requires it: {because}"),
            None => "requires it".to_owned(),
        },
        Condition::After(_) => "says `after`".to_owned(),
        Condition::NamespaceAfter(namespace, _) => {
            format!("`{}` says `after`", platform[namespace].name.value)
        }
        Condition::Tier(tier) => {
            format!(
                "tier `{}` comes first",
                platform.tiers[tier.index()].name.value
            )
        }
    }
}

fn human(waves: &Waves) -> String {
    let mut out = String::new();
    let services: usize = waves.waves.iter().map(|wave| wave.services.len()).sum();
    let members = || waves.waves.iter().flat_map(|wave| &wave.services);
    let name = members().map(|m| m.service.len()).max().unwrap_or(0);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{} in {}",
        count(services, "service"),
        count(waves.waves.len(), "wave")
    );
    for wave in &waves.waves {
        let _ = writeln!(out, "\nwave {}", wave.wave);
        for member in &wave.services {
            match (&member.waits_for, &member.because) {
                (Some(before), Some(because)) => {
                    let _ = writeln!(
                        out,
                        "  {:name$}  after {before} ({because})",
                        member.service
                    );
                }
                _ => {
                    let _ = writeln!(out, "  {}", member.service);
                }
            }
        }
    }
    out
}

fn json(waves: &Waves) -> String {
    // A struct of strings and numbers cannot fail to be written.
    serde_json::to_string_pretty(waves).unwrap_or_default() + "\n"
}

fn mermaid(waves: &Waves) -> String {
    let mut out = String::from("flowchart LR\n");
    for wave in &waves.waves {
        let _ = writeln!(out, "  subgraph w{0}[\"wave {0}\"]", wave.wave);
        for member in &wave.services {
            let _ = writeln!(out, "    {}[\"{}\"]", id(&member.service), member.service);
        }
        out.push_str("  end\n");
    }
    for member in waves.waves.iter().flat_map(|wave| &wave.services) {
        if let Some(before) = &member.waits_for {
            let _ = writeln!(out, "  {} --> {}", id(before), id(&member.service));
        }
    }
    out
}

/// Mermaid takes letters, digits and `_` in the id of a node; names have no `_`.
fn id(service: &str) -> String {
    service.replace('-', "_").replace('.', "__")
}
