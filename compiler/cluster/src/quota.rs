//! What the quotas and limit ranges of the platform's namespaces admit. A quota refuses pods one by
//! one, long after the Deployment that wants them was taken; the sum tells before anything is written.

use std::collections::BTreeMap;

use erpc_model::Platform;
use futures_util::future::join_all;
use serde_json::Value;

use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::live::list;
use crate::object::{ObjectId, is_labelled};
use crate::program::Program;
use crate::quantity::{self, Amount, pod_template};
use crate::ready;
use erpc_emit::Kind;

/// How what a quota counts is read from a pod.
type Count = fn(&Value) -> i128;
/// How a sum of it is shown.
type Show = fn(i128) -> String;

const COUNTED: [(&str, Count, Show); 7] = [
    ("pods", |pod| Amount::requests(pod).pods, whole),
    ("cpu", |pod| Amount::requests(pod).cpu, quantity::cpu),
    (
        "requests.cpu",
        |pod| Amount::requests(pod).cpu,
        quantity::cpu,
    ),
    ("limits.cpu", |pod| Amount::limits(pod).cpu, quantity::cpu),
    (
        "memory",
        |pod| Amount::requests(pod).memory,
        quantity::bytes,
    ),
    (
        "requests.memory",
        |pod| Amount::requests(pod).memory,
        quantity::bytes,
    ),
    (
        "limits.memory",
        |pod| Amount::limits(pod).memory,
        quantity::bytes,
    ),
];

fn whole(milli: i128) -> String {
    (milli / 1000).to_string()
}

/// Where the platform at its least does not fit into a quota, beside what others use.
///
/// # Errors
///
/// The cluster's, or that quotas may not be seen.
pub(crate) async fn shortages(
    cluster: &Cluster,
    program: &Program<'_>,
    namespaces: &[String],
) -> Result<Vec<Failure>, ApiError> {
    let quotas = list(cluster, Kind::ResourceQuota, "", namespaces).await?;
    let mut by_namespace: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut quota in quotas {
        let id = ObjectId::of(Kind::ResourceQuota, &quota);
        let namespace = id.namespace.as_deref().unwrap_or_default().to_owned();
        // A quota with a scope counts some pods only, by rules of its own.
        let has_scope =
            !quota["spec"]["scopes"].is_null() || !quota["spec"]["scopeSelector"].is_null();
        if has_scope || !namespaces.contains(&namespace) {
            continue;
        }
        if let Some(desired) = program.object(&id) {
            quota["spec"] = desired.body.value()["spec"].take();
        }
        by_namespace.entry(namespace).or_default().push(quota);
    }
    let pods = by_namespace.keys().map(|namespace| async move {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        cluster.list(&path, "").await
    });
    let pods = join_all(pods).await;
    let mut out = Vec::new();
    for ((namespace, quotas), pods) in by_namespace.iter().zip(pods) {
        let pods = pods?;
        for quota in quotas {
            out.extend(shortages_of(program, namespace, quota, &pods));
        }
    }
    Ok(out)
}

fn shortages_of(
    program: &Program<'_>,
    namespace: &str,
    quota: &Value,
    pods: &[Value],
) -> Vec<Failure> {
    let mut out = Vec::new();
    for (key, count, show) in COUNTED {
        let Some(hard) = quota["spec"]["hard"][key]
            .as_str()
            .and_then(quantity::parse)
        else {
            continue;
        };
        let others: i128 = pods
            .iter()
            .filter(|pod| !is_labelled(pod, program.name()))
            .filter(|pod| !ready::has_ended(pod))
            .map(|pod| count(&pod["spec"]))
            .sum();
        let own = at_least(program, namespace, count);
        if own + others > hard {
            let name = quota["metadata"]["name"].as_str().unwrap_or_default();
            out.push(
                Failure::new(format!(
                    "quota {namespace}/{name} allows {key} {}, and the platform needs {} there{}",
                    show(hard),
                    show(own),
                    match others {
                        0 => String::new(),
                        others => format!(", beside the {} of others", show(others)),
                    }
                ))
                .help("raise the quota, or ask for less in the source"),
            );
        }
    }
    out
}

/// What the workloads of a namespace count at their least, without what runs on a schedule.
fn at_least(program: &Program<'_>, namespace: &str, count: Count) -> i128 {
    program
        .objects
        .iter()
        .filter(|object| object.id.namespace.as_deref() == Some(namespace))
        .filter(|object| object.id.kind.is_workload() && object.id.kind != Kind::CronJob)
        .map(|object| {
            let replicas = object.service.map_or(1, |service| {
                least_replicas(program.platform, service, object.id.kind)
            });
            count(pod_template(&object.body.value())) * replicas
        })
        .sum()
}

fn least_replicas(platform: &Platform, service: erpc_model::ServiceId, kind: Kind) -> i128 {
    match kind {
        Kind::Job => 1,
        _ => i128::from(platform[service].scaling.bounds().min),
    }
}

/// Containers that the limit range of another does not let in.
///
/// # Errors
///
/// The cluster's, or that limit ranges may not be seen.
pub(crate) async fn too_large(
    cluster: &Cluster,
    program: &Program<'_>,
    namespaces: &[String],
) -> Result<Vec<String>, ApiError> {
    let ranges = list(cluster, Kind::LimitRange, "", namespaces).await?;
    let mut out = Vec::new();
    for range in &ranges {
        let id = ObjectId::of(Kind::LimitRange, range);
        if program.object(&id).is_some() {
            continue;
        }
        let rules = range["spec"]["limits"].as_array().into_iter().flatten();
        for rule in rules.filter(|rule| rule["type"] == "Container") {
            let (most, least) = (
                Amount::of_resources(&rule["max"]),
                Amount::of_resources(&rule["min"]),
            );
            let in_namespace = program.objects.iter().filter(|object| {
                object.id.kind.is_workload() && object.id.namespace == id.namespace
            });
            for object in in_namespace {
                let body = object.body.value();
                let containers = pod_template(&body)["containers"].as_array();
                for container in containers.into_iter().flatten() {
                    let limits = Amount::of_resources(&container["resources"]["limits"]);
                    let requests = Amount::of_resources(&container["resources"]["requests"]);
                    let is_over = |asked: i128, most: i128| most > 0 && asked > most;
                    if is_over(limits.cpu, most.cpu)
                        || is_over(limits.memory, most.memory)
                        || requests.cpu < least.cpu
                        || requests.memory < least.memory
                    {
                        out.push(format!(
                            "{} of {}",
                            container["name"].as_str().unwrap_or_default(),
                            object.id.place()
                        ));
                    }
                }
            }
        }
    }
    Ok(out)
}
