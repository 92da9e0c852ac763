//! `erpc order`: the waves, and why each service is where it is; what a tier or namespace needs before
//! it, and the chain of a cold start that takes longest.

use clap::Args;
use erpc_model::units::Duration;
use erpc_model::{Platform, ServiceId, TierId};
use erpc_policy::{Condition, Derived};
use erpc_reliability::cold_start::{before, critical, right_below};
use serde::Serialize;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Answer, Output, formats};
use crate::text::{count, push_line};
use crate::{Exit, Failure};

formats!(Formats: Human, Mermaid);

/// Show the start order of the services and its reasons.
///
/// Also lists what each namespace requires before it starts, and the cold-start critical path: the chain
/// of services with the longest probe delay.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc order                       the waves, and what each service waits for
  erpc order --format mermaid      the same as a diagram")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output<Formats>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let checked = self.input.check()?;
        let waves = waves(&checked.platform, &checked.derived);
        self.output.write(&waves, console);
        Ok(Exit::Done)
    }
}

#[derive(Serialize)]
struct Waves {
    waves: Vec<Wave>,
    /// What must be ready before each tier.
    tiers: Vec<Tier>,
    /// What must be ready before each namespace, or some of it.
    namespaces: Vec<Before>,
    /// The cold-start critical path.
    critical_path: Vec<CriticalRow>,
}

impl Answer for Waves {
    type Format = Formats;

    fn text(&self, format: Formats) -> String {
        match format {
            Formats::Human => human(self),
            Formats::Mermaid => mermaid(self),
        }
    }
}

#[derive(Serialize)]
struct Tier {
    tier: String,
    /// Tiers all of which come first.
    after: Vec<String>,
}

#[derive(Serialize)]
struct Before {
    namespace: String,
    /// Tiers all of which come first.
    tiers: Vec<String>,
    /// Namespaces all of which come first.
    after: Vec<String>,
    /// Services elsewhere that some of its own wait for.
    services: Vec<String>,
}

#[derive(Serialize)]
struct CriticalRow {
    service: String,
    /// The least time from its start until its probes may say that it is ready, in milliseconds.
    takes_ms: u64,
    /// The same from the start of everything.
    ready_at_ms: u64,
    /// Why it waits for the one before.
    because: Option<String>,
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
        waves: order
            .waves
            .iter()
            .enumerate()
            .map(|(index, services)| Wave {
                wave: index + 1,
                services: services.iter().map(member).collect(),
            })
            .collect(),
        tiers: tiers(platform),
        namespaces: namespaces(platform, derived),
        critical_path: critical(platform, derived)
            .into_iter()
            .map(|step| CriticalRow {
                service: platform.path(step.service),
                takes_ms: step.takes.0,
                ready_at_ms: step.ready_at.0,
                because: step.because.map(|condition| reason(platform, condition)),
            })
            .collect(),
    }
}

fn tiers(platform: &Platform) -> Vec<Tier> {
    let name = |id: TierId| platform.tiers[id.index()].name.value.to_string();
    let tiers = (0..).map(TierId).zip(&platform.tiers);
    tiers
        .map(|(id, _)| Tier {
            tier: name(id),
            after: right_below(platform, id).into_iter().map(name).collect(),
        })
        .collect()
}

fn namespaces(platform: &Platform, derived: &Derived) -> Vec<Before> {
    let tier = |id: TierId| platform.tiers[id.index()].name.value.to_string();
    before(platform, derived)
        .into_iter()
        .map(|before| Before {
            namespace: platform[before.namespace].name.value.to_string(),
            tiers: before.tiers.into_iter().map(tier).collect(),
            after: {
                let after = before.after.into_iter();
                after
                    .map(|id| platform[id].name.value.to_string())
                    .collect()
            },
            services: before
                .services
                .into_iter()
                .map(|id| platform.path(id))
                .collect(),
        })
        .collect()
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
    push_line!(
        out,
        "{} in {}",
        count(services, "service"),
        count(waves.waves.len(), "wave")
    );
    for wave in &waves.waves {
        push_line!(out, "\nwave {}", wave.wave);
        for member in &wave.services {
            match (&member.waits_for, &member.because) {
                (Some(before), Some(because)) => {
                    push_line!(
                        out,
                        "  {:name$}  after {before} ({because})",
                        member.service
                    );
                }
                _ => {
                    push_line!(out, "  {}", member.service);
                }
            }
        }
    }
    needs(&mut out, waves);
    longest(&mut out, waves);
    out
}

/// What each namespace needs before it.
fn needs(out: &mut String, waves: &Waves) {
    let name = |before: &Before| before.namespace.len();
    let width = waves.namespaces.iter().map(name).max().unwrap_or(0);
    push_line!(out, "\nbefore each namespace");
    for before in &waves.namespaces {
        let mut parts = Vec::new();
        if !before.tiers.is_empty() {
            parts.push(format!("all of tier {}", before.tiers.join(", ")));
        }
        if !before.after.is_empty() {
            parts.push(format!("all of {}", before.after.join(", ")));
        }
        if !before.services.is_empty() {
            parts.push(before.services.join(", "));
        }
        let parts = if parts.is_empty() {
            "nothing".to_owned()
        } else {
            parts.join("; ")
        };
        push_line!(out, "  {:width$}  {parts}", before.namespace);
    }
}

/// Times of probes are whole seconds.
fn time(ms: u64) -> String {
    if ms == 0 {
        "0s".to_owned()
    } else {
        Duration(ms).to_string()
    }
}

/// The cold-start critical path.
fn longest(out: &mut String, waves: &Waves) {
    let Some(last) = waves.critical_path.last() else {
        return;
    };
    let name = waves.critical_path.iter().map(|step| step.service.len());
    let width = name.max().unwrap_or(0);
    push_line!(
        out,
        "\ncold-start critical path: {}, at least {} of probe delay",
        count(waves.critical_path.len(), "service"),
        time(last.ready_at_ms)
    );
    for step in &waves.critical_path {
        let because = step.because.as_ref().map(|because| format!(" ({because})"));
        push_line!(
            out,
            "  {:width$}  {} more, {} in all{}",
            step.service,
            time(step.takes_ms),
            time(step.ready_at_ms),
            because.unwrap_or_default()
        );
    }
}

fn mermaid(waves: &Waves) -> String {
    let mut out = String::from("flowchart LR\n");
    for wave in &waves.waves {
        push_line!(out, "  subgraph w{0}[\"wave {0}\"]", wave.wave);
        for member in &wave.services {
            push_line!(out, "    {}[\"{}\"]", id(&member.service), member.service);
        }
        out.push_str("  end\n");
    }
    for member in waves.waves.iter().flat_map(|wave| &wave.services) {
        if let Some(before) = &member.waits_for {
            push_line!(out, "  {} --> {}", id(before), id(&member.service));
        }
    }
    out
}

/// Mermaid takes letters, digits and `_` in the id of a node; names have no `_`.
fn id(service: &str) -> String {
    service.replace('-', "_").replace('.', "__")
}
