//! `--wait-for-secrets`: Secrets that are made after the first apply, as cert-manager and External
//! Secrets do. They do not block the plan; each service waits for its own before it is written, so that
//! what runs keeps running meanwhile, and the others go on.

use std::time::Duration;

use serde_json::Value;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::Failure;
use crate::live::{MissingSecret, keys_of};
use crate::object::Packed;
use crate::stop::Stop;

const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);
/// How deep a pod template is searched: containers, variables, their sources.
const MOST_DEPTH: usize = 16;

/// The missing Secrets that a workload needs: those that its pods name.
pub(crate) fn needed(
    missing: &[MissingSecret],
    namespace: Option<&str>,
    workload: &Packed,
) -> Vec<MissingSecret> {
    if missing.is_empty() {
        return Vec::new();
    }
    let mut names = Vec::new();
    collect(&workload.value()["spec"], 0, &mut names);
    missing
        .iter()
        .filter(|secret| Some(secret.namespace.as_str()) == namespace)
        .filter(|secret| names.contains(&secret.name))
        .cloned()
        .collect()
}

/// The names of Secrets in a part of a workload.
fn collect(value: &Value, depth: usize, names: &mut Vec<String>) {
    if depth > MOST_DEPTH {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let named = match key.as_str() {
                    "secretKeyRef" | "secretRef" => value["name"].as_str(),
                    "secret" => value["secretName"].as_str().or(value["name"].as_str()),
                    _ => None,
                };
                names.extend(named.map(str::to_owned));
                if key == "imagePullSecrets" {
                    let secrets = value.as_array().into_iter().flatten();
                    names.extend(secrets.filter_map(|s| s["name"].as_str().map(str::to_owned)));
                }
                collect(value, depth + 1, names);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect(item, depth + 1, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Waits until all of these Secrets are there with their keys.
///
/// # Errors
///
/// What is still missing after `limit`, or why it cannot be read; nothing where the run was asked to stop.
pub(crate) async fn wait(
    cluster: &Cluster,
    stop: &Stop,
    secrets: &[MissingSecret],
    limit: Duration,
) -> Result<(), Option<Failure>> {
    let started = cluster.clock.now();
    for secret in secrets {
        let path = format!(
            "/api/v1/namespaces/{}/secrets/{}",
            secret.namespace, secret.name
        );
        loop {
            if stop.is_asked() {
                return Err(None);
            }
            let missing = match cluster.call(Call::get(&path)).await {
                Ok(answer) => {
                    let has = keys_of(&answer.body);
                    let keys = secret.keys.iter().filter(|key| !has.contains(*key));
                    keys.cloned().collect()
                }
                Err(error) if error.is_not_found() => secret.keys.clone(),
                Err(error) => return Err(Some(error.into())),
            };
            if missing.is_empty() {
                break;
            }
            if cluster.clock.since(started) > limit {
                return Err(Some(still_missing(secret, &missing, limit)));
            }
            tokio::time::sleep(LOOKED_AT_EVERY).await;
        }
    }
    Ok(())
}

fn still_missing(secret: &MissingSecret, keys: &[String], limit: Duration) -> Failure {
    Failure::new(format!(
        "Secret {}/{} lacks {} after {} s, so the service was not written",
        secret.namespace,
        secret.name,
        keys.join(", "),
        limit.as_secs()
    ))
    .help(format!(
        "look at what makes it (`kubectl -n {} get certificates,externalsecrets`), or make it: {}",
        secret.namespace,
        secret.commands.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::collect;
    use serde_json::json;

    #[test]
    fn every_way_to_name_a_secret_is_found() {
        let spec = json!({ "template": { "spec": {
            "imagePullSecrets": [{ "name": "login" }],
            "containers": [{
                "env": [{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "env", "key": "a" } } }],
                "envFrom": [{ "secretRef": { "name": "all" } }],
            }],
            "volumes": [
                { "name": "v", "secret": { "secretName": "mounted" } },
                { "name": "p", "projected": { "sources": [{ "secret": { "name": "projected" } }] } },
            ],
        } } });
        let mut names = Vec::new();
        collect(&spec, 0, &mut names);
        names.sort();
        assert_eq!(names, ["all", "env", "login", "mounted", "projected"]);
    }
}
