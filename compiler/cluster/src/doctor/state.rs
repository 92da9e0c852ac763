//! What is in the cluster already: leftovers, Secrets, other tools, images.

use std::collections::BTreeSet;

use super::finding::{Context, Finding, bad, good, unknown, warning};
use crate::failure::Failure;
use crate::live::missing_secrets;
use crate::state::STATE_NAMESPACE;
use crate::{lock, masters};

pub(super) async fn leftovers(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let mut found = Vec::new();
    for (_, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        let path = format!("/api/v1/namespaces/{name}");
        let Some(live) = cluster.find(path).await? else {
            continue;
        };
        if live["metadata"]["deletionTimestamp"].is_null() {
            continue;
        }
        let conditions = live["status"]["conditions"].as_array();
        let held: Vec<String> = conditions
            .into_iter()
            .flatten()
            .filter(|c| c["status"] == "True")
            .filter_map(|c| c["message"].as_str().map(str::to_owned))
            .collect();
        found.push(format!(
            "namespace {name} is being deleted: {}",
            held.join("; ")
        ));
    }
    if let Some(holder) = lock::holder(cluster, program.name()).await? {
        found.push(format!(
            "{STATE_NAMESPACE}: {} holds the lock, renewed {}",
            holder.name, holder.renewed
        ));
    }
    if found.is_empty() {
        return Ok(good(
            "no namespace is being deleted, and no run holds the lock",
        ));
    }
    Ok(warning(found.join("; ")).fix(
        "wait, or find out who removes the finalizers; `erpc unlock` is for a holder that is gone",
    ))
}

pub(super) async fn secrets(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let live = context.live().await?;
    let (missing, unchecked) = missing_secrets(cluster, program, live).await;
    if let Some(first) = missing.first() {
        let names: Vec<String> = missing
            .iter()
            .map(|secret| format!("{}/{}", secret.namespace, secret.name))
            .collect();
        return Ok(bad(format!("missing: {}", names.join(", "))).fix(first.commands.join("; ")));
    }
    if let Some(first) = unchecked.first() {
        return Ok(unknown(first.clone()));
    }
    Ok(good("every Secret that the platform declares is there"))
}

/// Only a pod shows whether an image can be pulled: what runs, and what does not come.
pub(super) async fn registry(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let registry = &program.platform.registry.value;
    let names: Vec<String> = program
        .platform
        .namespaces()
        .map(|(_, namespace)| namespace.name.value.to_string())
        .collect();
    let (mut running, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for namespace in &names {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        for pod in cluster.list(&path, &program.selector_of_pods()).await? {
            for status in crate::ready::statuses(&pod) {
                let image = status["image"].as_str().unwrap_or_default().to_owned();
                let waiting = status["state"]["waiting"]["reason"].as_str();
                if !status["state"]["running"].is_null() {
                    running.insert(image);
                } else if waiting.is_some_and(|reason| reason.contains("ImagePull")) {
                    refused.insert(image);
                }
            }
        }
    }
    if let Some(first) = refused.first() {
        let images = count(refused.len(), "image");
        return Ok(bad(format!("{images} cannot be pulled, {first} first"))
            .fix("`erpc status` says why of each"));
    }
    if running.is_empty() {
        return Ok(unknown(format!(
            "images come from {registry}; whether the nodes reach it shows only when one pulls"
        )));
    }
    let images = count(running.len(), "image");
    Ok(good(format!("{images} of the platform run here")))
}

/// Others that write the same objects: two masters undo each other's work.
pub(super) async fn other_tools(context: &Context<'_>) -> Result<Finding, Failure> {
    let live = context.live().await?;
    if let Some(failure) = masters::refusal(context.program, live) {
        return Ok(bad(failure.message.as_str()).help_of(&failure));
    }
    let tools = masters::tools(live);
    if tools.is_empty() {
        return Ok(good("no other tool has applied these objects"));
    }
    let said: Vec<String> = tools
        .iter()
        .map(|(tool, objects)| format!("{tool} has fields of {}", count(*objects, "object")))
        .collect();
    Ok(warning(said.join(", ")).fix("`erpc adopt` makes them erpc's, without a restart"))
}

fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        more => format!("{more} {one}s"),
    }
}
