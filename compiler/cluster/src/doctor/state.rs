//! What is in the cluster already: leftovers, Secrets, other tools, images.

use super::{Check, Verdict, check};
use crate::client::Cluster;
use crate::inventory::STATE_NAMESPACE;
use crate::lock;
use crate::object::Program;
use crate::request::Call;

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
            "no namespace is being deleted, nobody holds the lock",
        );
    }
    check("leftovers", Verdict::Warning, found.join("; ")).fix(
        "wait, or find out who removes the finalizers; `erpc unlock` is for a holder that is gone",
    )
}

pub(super) async fn secrets(cluster: &Cluster, program: &Program<'_>) -> Check {
    let live = match crate::live::Live::read(cluster, program).await {
        Ok(live) => live,
        Err(failure) => return check("secrets", Verdict::Unknown, failure.message),
    };
    let (missing, unchecked) = crate::live::missing_secrets(cluster, program, &live).await;
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

pub(super) fn registry(program: &Program<'_>) -> Check {
    check(
        "registry",
        Verdict::Unknown,
        format!(
            "images come from {}; whether the nodes reach it shows only when one pulls",
            program.platform.registry.value
        ),
    )
}
