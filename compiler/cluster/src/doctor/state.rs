//! What is in the cluster already: leftovers, Secrets, other tools, images.

use std::collections::BTreeSet;

use super::check::{Check, check};
use crate::call::Call;
use crate::client::Cluster;
use crate::live::{Live, missing_secrets};
use crate::program::Program;
use crate::state::STATE_NAMESPACE;
use crate::verdict::Verdict;
use crate::{lock, masters};

pub(super) async fn leftovers(cluster: &Cluster, program: &Program<'_>) -> Check {
    let mut found = Vec::new();
    for (_, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        let path = format!("/api/v1/namespaces/{name}");
        let Ok(answer) = cluster.call(Call::get(path)).await else {
            continue;
        };
        if answer.body["metadata"]["deletionTimestamp"].is_null() {
            continue;
        }
        let conditions = answer.body["status"]["conditions"].as_array().cloned();
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
    if let Ok(Some(holder)) = lock::holder(cluster, program.name()).await {
        found.push(format!(
            "{STATE_NAMESPACE}: {} holds the lock, renewed {}",
            holder.name, holder.renewed
        ));
    }
    if found.is_empty() {
        return check(
            "leftovers",
            Verdict::Good,
            "no namespace is being deleted, and no run holds the lock",
        );
    }
    check("leftovers", Verdict::Warning, found.join("; ")).fix(
        "wait, or find out who removes the finalizers; `erpc unlock` is for a holder that is gone",
    )
}

pub(super) async fn secrets(cluster: &Cluster, program: &Program<'_>, live: &Live) -> Check {
    let (missing, unchecked) = missing_secrets(cluster, program, live).await;
    if let Some(first) = missing.first() {
        let names: Vec<String> = missing
            .iter()
            .map(|secret| format!("{}/{}", secret.namespace, secret.name))
            .collect();
        return check(
            "secrets",
            Verdict::Bad,
            format!("missing: {}", names.join(", ")),
        )
        .fix(first.commands.join("; "));
    }
    if let Some(first) = unchecked.first() {
        return check("secrets", Verdict::Unknown, first.clone());
    }
    check(
        "secrets",
        Verdict::Good,
        "every Secret that the platform declares is there",
    )
}

/// Only a pod shows whether an image can be pulled: what runs, and what does not come.
pub(super) async fn registry(cluster: &Cluster, program: &Program<'_>) -> Check {
    let registry = &program.platform.registry.value;
    let names: Vec<String> = program
        .platform
        .namespaces()
        .map(|(_, namespace)| namespace.name.value.to_string())
        .collect();
    let (mut running, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for namespace in &names {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let pods = cluster.list(&path, &program.selector()).await;
        for pod in pods.unwrap_or_default() {
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
        return check(
            "registry",
            Verdict::Bad,
            format!(
                "{} cannot be pulled, {first} first",
                count(refused.len(), "image")
            ),
        )
        .fix("`erpc status` says why of each");
    }
    if running.is_empty() {
        return check(
            "registry",
            Verdict::Unknown,
            format!(
                "images come from {registry}; whether the nodes reach it shows only when one pulls"
            ),
        );
    }
    check(
        "registry",
        Verdict::Good,
        format!("{} of the platform run here", count(running.len(), "image")),
    )
}

/// Others that write the same objects: two masters undo each other's work.
pub(super) fn other_tools(program: &Program<'_>, live: &Live) -> Check {
    if let Some(failure) = masters::refusal(program, live) {
        return check("other tools", Verdict::Bad, failure.message)
            .fix(failure.help.unwrap_or_default());
    }
    let tools = masters::tools(live);
    if tools.is_empty() {
        return check(
            "other tools",
            Verdict::Good,
            "no other tool has applied these objects",
        );
    }
    let said: Vec<String> = tools
        .iter()
        .map(|(tool, objects)| format!("{tool} has fields of {}", count(*objects, "object")))
        .collect();
    check("other tools", Verdict::Warning, said.join(", "))
        .fix("`erpc adopt` makes them erpc's, without a restart")
}

fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        more => format!("{more} {one}s"),
    }
}
