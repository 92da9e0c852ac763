//! A plan in a file: what was looked at is what is done, or nothing is. It names the cluster, the
//! digest of all objects, and each step with what the live object was.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Cluster;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::program::Program;
use crate::render::to_json;
use crate::taking::Taking;

const FORMAT: u32 = 1;

/// The text of a plan file.
#[must_use]
pub fn save(plan: &Plan, program: &Program<'_>, cluster: &Cluster) -> String {
    let file = json!({
        "erpcPlan": FORMAT,
        "erpc": env!("CARGO_PKG_VERSION"),
        "only": plan.allowed.only,
        "revoke": plan.allowed.revoke,
        "prune": plan.allowed.prune,
        "takeFrom": plan.allowed.take_from.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "replace": plan.allowed.replace,
        "moveVolumes": plan.allowed.move_volumes,
        "takeOver": plan.allowed.take_over,
        "evenIfGitops": plan.allowed.even_if_gitops,
        "waitForSecretsSeconds": plan.allowed.wait_for_secrets.map(|time| time.as_secs()),
        "plan": to_json(plan, program, cluster),
    });
    format!("{file:#}\n")
}

/// Reads a plan file.
///
/// # Errors
///
/// It is none, or another version's.
pub fn read(text: &str, name: &str) -> Result<(Value, crate::allowed::Allowed), Failure> {
    let not_one = |why: &str| {
        Failure::new(format!("{name} is not a plan of erpc: {why}"))
            .help("`erpc plan --out plan.json` saves one")
    };
    let file: Value = serde_json::from_str(text).map_err(|error| not_one(&error.to_string()))?;
    let Some(format) = file["erpcPlan"].as_u64() else {
        return Err(not_one("it has no `erpcPlan`"));
    };
    let again = "plan again with this one: `erpc plan --out plan.json`";
    let saved_by = file["erpc"].as_str().unwrap_or("unknown");
    let this = env!("CARGO_PKG_VERSION");
    if format != u64::from(FORMAT) {
        return Err(Failure::new(format!(
            "{name} has format {format} of plans, and this erpc ({this}) reads format {FORMAT}; it was saved by erpc {saved_by}"
        ))
        .help(again));
    }
    if saved_by != this {
        return Err(Failure::new(format!(
            "{name} was saved by another version of erpc ({saved_by}); this is {this}"
        ))
        .help(again));
    }
    let strings = |key: &str| -> Vec<String> {
        let values = file[key].as_array().into_iter().flatten();
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let take_from: Result<Vec<Taking>, String> = strings("takeFrom")
        .iter()
        .map(|text| text.parse())
        .collect();
    let take_from = take_from
        .map_err(|error| Failure::new(format!("{name}: takeFrom: {error}")).help(again))?;
    let allowed = crate::allowed::Allowed {
        only: strings("only"),
        revoke: file["revoke"] == true,
        prune: file["prune"] == true,
        take_from,
        replace: strings("replace"),
        move_volumes: file["moveVolumes"] == true,
        take_over: file["takeOver"] == true,
        even_if_gitops: file["evenIfGitops"] == true,
        wait_for_secrets: file["waitForSecretsSeconds"]
            .as_u64()
            .map(Duration::from_secs),
    };
    Ok((file["plan"].clone(), allowed))
}

const AGAIN: &str = "plan again: `erpc plan --out plan.json`";

/// Whether a saved plan is of this platform, this cluster and this source: what can be told before
/// the cluster is asked anything, so that another cluster's troubles do not hide it.
pub(crate) fn check_origin(
    saved: &Value,
    program: &Program<'_>,
    cluster: &Cluster,
) -> Result<(), Failure> {
    if saved["platform"] != program.name() {
        return Err(Failure::new(format!(
            "the saved plan is of platform `{}`, and this is `{}`",
            saved["platform"].as_str().unwrap_or_default(),
            program.name()
        ))
        .help(AGAIN));
    }
    if saved["cluster"]["uid"] != cluster.uid.as_str() {
        return Err(Failure::new(format!(
            "the saved plan is for another cluster ({}), and this is {}",
            saved["cluster"]["url"].as_str().unwrap_or_default(),
            cluster.url
        ))
        .help("choose the right one with --context, or plan again: `erpc plan --out plan.json`"));
    }
    if saved["digest"] != program.digest() {
        return Err(Failure::new("the source has changed since the plan was saved").help(AGAIN));
    }
    Ok(())
}

/// Whether a saved plan is still the plan.
pub(crate) fn check(
    saved: &Value,
    plan: &Plan,
    program: &Program<'_>,
    cluster: &Cluster,
) -> Result<(), Failure> {
    let now = to_json(plan, program, cluster);
    let (old, new) = (steps(saved), steps(&now));
    for step in old.iter().chain(&new) {
        let same = |other: &&&Value| {
            ["kind", "namespace", "name"]
                .iter()
                .all(|key| other[*key] == step[*key])
        };
        let (before, after) = (old.iter().find(same), new.iter().find(same));
        let is_same = match (before, after) {
            (Some(before), Some(after)) => ["action", "uid", "fingerprint", "changes"]
                .iter()
                .all(|key| before[*key] == after[*key]),
            _ => false,
        };
        if !is_same {
            return Err(Failure::new(format!(
                "{} {}/{} has changed in the cluster since the plan was saved",
                step["kind"].as_str().unwrap_or_default(),
                step["namespace"].as_str().unwrap_or_default(),
                step["name"].as_str().unwrap_or_default()
            ))
            .help(AGAIN));
        }
    }
    Ok(())
}

fn steps(plan: &Value) -> Vec<&Value> {
    plan["steps"].as_array().into_iter().flatten().collect()
}
