//! Whether a cluster is fit for a platform: each check says what it found and what to do. Needs no
//! other tool and writes nothing.

mod admission;
mod capacity;
mod check;
mod enforcement;
mod network;
mod server;
mod state;
mod storage;

use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::Cluster;
use crate::failure::Failure;
use crate::live::Live;
use crate::paint::Paint;
use crate::program::Program;
use crate::verdict::Verdict;
pub use check::Check;
use check::check;

/// Runs every check; with an image for the pods also whether policies are enforced, in a namespace of
/// its own.
///
/// # Errors
///
/// The cluster does not answer at all; everything else is in a check.
pub async fn doctor(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    probe: Option<&str>,
) -> Result<Vec<Check>, Failure> {
    let mut checks = vec![server::server(cluster, program).await];
    checks.push(server::identity(cluster, program).await);
    checks.push(server::apis(cluster, program).await);
    checks.push(server::dry_run(cluster, program).await);
    checks.push(server::allowed(cluster, program).await);
    checks.push(capacity::capacity(cluster, program).await);
    checks.push(storage::storage(cluster, program).await);
    checks.extend(network::ingress(cluster, program).await);
    checks.push(network::dns(cluster, program).await);
    checks.push(network::addresses(cluster, program).await);
    checks.push(network::network(cluster).await);
    if let Some(image) = probe {
        checks.push(enforcement::enforcement(cluster, image).await);
    }
    checks.push(admission::pod_security(cluster, program).await);
    checks.extend(capacity::metrics(cluster, program).await);
    checks.push(admission::webhooks(cluster).await);
    checks.push(state::leftovers(cluster, program).await);
    match Live::read(cluster, program).await {
        Ok(live) => {
            checks.push(admission::quotas(cluster, program, &live).await);
            checks.push(state::secrets(cluster, program, &live).await);
            checks.push(state::other_tools(program, &live));
        }
        Err(failure) => {
            for name in ["quotas", "secrets", "other tools"] {
                checks.push(check(name, Verdict::Unknown, failure.message.clone()));
            }
        }
    }
    checks.push(state::registry(cluster, program).await);
    Ok(checks)
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
