//! Whether a cluster is fit for a platform: each check says what it found and what to do. Needs no
//! other tool and writes nothing.

mod admission;
mod capacity;
mod enforcement;
mod finding;
pub(crate) mod network;
mod server;
mod state;
mod storage;

use std::fmt::Write;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

use crate::client::Cluster;
use crate::failure::Failure;
use crate::paint::Paint;
use crate::program::Program;
use crate::verdict::Verdict;
use finding::{Context, Finding, unknown};

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do.
    pub fix: Option<String>,
}

/// A row of the table of probes.
struct Probe {
    name: &'static str,
    /// Whether the platform has what is looked at.
    applies: fn(&Context<'_>) -> bool,
    /// Looks and judges; what cannot be read is unknown.
    look: for<'c> fn(&'c Context<'c>) -> LocalBoxFuture<'c, Result<Finding, Failure>>,
}

macro_rules! probes {
    ($($name:literal $(if $applies:path)? => $look:path;)*) => {
        &[$(Probe {
            name: $name,
            applies: probes!(@ $($applies)?),
            look: |context| $look(context).boxed_local(),
        },)*]
    };
    (@) => { |_| true };
    (@ $applies:path) => { $applies };
}

/// All probes, in the order in which they are shown. A function has what it reads, since in half of them one
/// answer says what to read next, and its findings, each with its fix.
const PROBES: &[Probe] = probes! {
    "API server" => server::server;
    "identity" => server::identity;
    "APIs" => server::apis;
    "dry runs" => server::dry_run;
    "rights" => server::allowed;
    "capacity" => capacity::capacity;
    "storage" => storage::storage;
    "ingress" if network::has_routes => network::ingress;
    "DNS" => network::dns;
    "addresses" => network::addresses;
    "network policies" => network::network;
    "enforcement" if enforcement::is_wanted => enforcement::enforcement;
    "Pod Security" => admission::pod_security;
    "metrics" if capacity::has_autoscalers => capacity::metrics;
    "webhooks" => admission::webhooks;
    "leftovers" => state::leftovers;
    "quotas" => admission::quotas;
    "secrets" => state::secrets;
    "other tools" => state::other_tools;
    "registry" => state::registry;
};

/// Runs every probe; with an image for the pods also whether policies are enforced, in a namespace of
/// its own.
pub async fn doctor(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    image: Option<&str>,
) -> Vec<Check> {
    let context = Context::new(cluster, program, image);
    let mut checks = Vec::new();
    for probe in PROBES.iter().filter(|probe| (probe.applies)(&context)) {
        let found = (probe.look)(&context).await;
        let Finding {
            verdict,
            found,
            fix,
        } = found.unwrap_or_else(|failure| unknown(failure.message));
        checks.push(Check {
            name: probe.name,
            verdict,
            found,
            fix,
        });
    }
    checks
}

/// Whether nothing fails.
#[must_use]
pub fn is_fit(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict != Verdict::Bad)
}

/// For people.
#[must_use]
pub fn doctor_text(checks: &[Check], paint: Paint) -> String {
    let mut out = String::new();
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    for check in checks {
        let (sign, code) = check.verdict.sign();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{} {:width$}  {}",
            paint.with(code, sign),
            check.name,
            check.found
        );
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "  {:width$}  → {fix}", "");
        }
    }
    out
}

/// For programs.
#[must_use]
pub fn doctor_json(checks: &[Check]) -> Value {
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "check": check.name, "verdict": check.verdict.as_str(),
                "found": check.found, "fix": check.fix,
            })
        })
        .collect();
    json!({ "version": 1, "checks": checks })
}
