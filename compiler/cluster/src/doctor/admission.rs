//! What may keep the API server from taking a pod: Pod Security and webhooks.

use super::finding::{Context, Finding, bad, good};
use crate::failure::Failure;
use crate::quota;
use erpc_emit::root;

pub(super) async fn pod_security(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let mut denied = Vec::new();
    for (id, namespace) in program.platform.namespaces() {
        let name = namespace.name.value.as_str();
        let path = format!("/api/v1/namespaces/{name}");
        let Some(live) = cluster.find(path).await? else {
            continue;
        };
        let label = &live["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        let needs = erpc_policy::PodSecurity::of_namespace(program.platform, id).as_str();
        let Some(has) = label.as_str() else { continue };
        let rank = |level: &str| match level {
            "privileged" => 0,
            "baseline" => 1,
            _ => 2,
        };
        if rank(has) > rank(needs) {
            denied.push(format!(
                "{name} enforces {has}, and its services need {needs}"
            ));
        }
    }
    if denied.is_empty() {
        return Ok(good("no namespace forbids what its services need"));
    }
    Ok(bad(denied.join("; ")).fix(
        "`erpc apply` sets the level that the source needs; make sure that no other client sets it back",
    ))
}

pub(super) async fn webhooks(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context { cluster, .. } = context;
    let mut dead = Vec::new();
    for plural in [
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    ] {
        let path = format!("{}/{plural}", root("admissionregistration.k8s.io", "v1"));
        let configurations = cluster.list(&path, "").await?;
        for configuration in configurations {
            let hooks = configuration["webhooks"].as_array().cloned();
            for hook in hooks.into_iter().flatten() {
                let service = &hook["clientConfig"]["service"];
                if hook["failurePolicy"] == "Ignore" || service.is_null() {
                    continue;
                }
                let text = |key: &str| service[key].as_str().unwrap_or_default().to_owned();
                let path = format!(
                    "{}/namespaces/{}/endpointslices",
                    root("discovery.k8s.io", "v1"),
                    text("namespace")
                );
                let selector = format!("kubernetes.io/service-name={}", text("name"));
                let slices = cluster.list(&path, &selector).await?;
                let has_endpoint = slices
                    .iter()
                    .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
                    .any(|endpoint| endpoint["conditions"]["ready"] != false);
                if !has_endpoint {
                    dead.push(hook["name"].as_str().unwrap_or_default().to_owned());
                }
            }
        }
    }
    if dead.is_empty() {
        return Ok(good("every admission webhook that may block has a backend"));
    }
    Ok(bad(format!(
        "no server answers for {}, and no object is accepted without them",
        dead.join(", ")
    ))
    .fix("bring their services back, or remove their configurations"))
}

/// Quotas and limit ranges that others set, against what the platform asks for at its least.
pub(super) async fn quotas(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let names = context.live().await?.namespaces_of(program);
    let shortages = quota::shortages(cluster, program, &names).await?;
    if let Some(first) = shortages.first() {
        let all: Vec<&str> = shortages.iter().map(|one| one.message.as_str()).collect();
        return Ok(bad(all.join("; ")).help_of(first));
    }
    let containers = quota::too_large(cluster, program, &names).await?;
    if containers.is_empty() {
        return Ok(good(
            "every quota and limit range admits the minimum of the platform",
        ));
    }
    let containers = containers.join(", ");
    Ok(bad(format!("a limit range does not let in {containers}"))
        .fix("change the limit range, or `cpu` and `memory` in the source"))
}
