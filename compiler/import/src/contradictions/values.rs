//! Values of charts and other tools that say something else than the manifests beside them.

use std::collections::HashMap;

use erpc_emit::quantity;
use serde_json::Value;

use super::{Findings, title};
use crate::facts::{Facts, Pods, items, text};
use crate::read::{FieldLines, Finding, FindingKind, Place, Values};

/// How deep the values of a service may be.
const MAX_DEPTH: usize = 8;

pub(super) fn find(facts: &Facts<'_>, files: &[Values], found: &mut Findings) {
    let mut by_name: HashMap<&str, Vec<&Pods<'_>>> = HashMap::new();
    for pods in &facts.pods {
        by_name.entry(&pods.key.name).or_default().push(pods);
    }
    for file in files {
        let folder = file
            .place
            .file
            .rsplit(['/', '\\'])
            .nth(1)
            .unwrap_or_default();
        let mut search = Search {
            facts,
            by_name: &by_name,
            file,
            found,
        };
        let path = &mut Vec::new();
        search.of_service(folder, &file.value, path);
        search.below(&file.value, path);
    }
}

struct Search<'s, 'o> {
    facts: &'s Facts<'o>,
    by_name: &'s HashMap<&'s str, Vec<&'s Pods<'o>>>,
    file: &'s Values,
    found: &'s mut Findings,
}

impl<'s, 'o> Search<'s, 'o> {
    fn below(&mut self, value: &'s Value, path: &mut Vec<&'s str>) {
        if path.len() >= MAX_DEPTH {
            return;
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            path.push(key);
            self.of_service(key, value, path);
            self.below(value, path);
            path.pop();
        }
    }

    /// Compares the values of a service with the workload of that name. One below the name of a namespace is in it.
    fn of_service(&mut self, name: &str, values: &Value, path: &[&str]) {
        let Some(workloads) = self.by_name.get(name) else {
            return;
        };
        if !values.is_object() {
            return;
        }
        let namespaces: Vec<&str> = self.facts.namespaces().collect();
        let mut above = path.iter().rev();
        let namespace = above.find(|part| namespaces.contains(part));
        let mut workloads = workloads.iter();
        let of_namespace =
            workloads.find(|one| namespace.is_none_or(|namespace| one.key.namespace == *namespace));
        let Some(pods) = of_namespace else {
            return;
        };
        for (below, value, other) in differences(self.facts, pods, values) {
            let mut at: Vec<&str> = path.to_vec();
            at.extend(below.split('.'));
            let line = line_of(&self.file.lines, &at, self.file.place.line);
            let message = format!(
                "`{}` is {}, and {} has {other}",
                at.join("."),
                shown(value),
                title(pods.object)
            );
            self.found.0.push(Finding {
                kind: FindingKind::ValueDiffers,
                place: Place {
                    file: self.file.place.file.clone(),
                    line,
                },
                message,
            });
        }
    }
}

fn line_of(lines: &FieldLines, path: &[&str], root: usize) -> usize {
    match lines.line_of(path) {
        0 => root,
        line => line,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}

/// The values that say something else than a workload: the path, the value, and what the workload has.
fn differences<'v>(
    facts: &Facts<'_>,
    pods: &Pods<'_>,
    values: &'v Value,
) -> Vec<(&'static str, &'v Value, String)> {
    let containers = items(&pods.spec["containers"]);
    let named = containers
        .iter()
        .find(|container| container["name"] == pods.key.name.as_str());
    let Some(container) = named.or(containers.first()) else {
        return Vec::new();
    };
    let mut differences = Vec::new();
    let own = text(&container["image"]);
    if let Some((path, value)) = image(values, own) {
        differences.push((path, value, format!("the image `{own}`")));
    }
    let has_autoscaler = facts.objects.iter().any(|object| {
        let target = &object.value["spec"]["scaleTargetRef"];
        object.value["kind"] == "HorizontalPodAutoscaler"
            && target["name"] == pods.key.name.as_str()
            && text(&object.value["metadata"]["namespace"]) == pods.key.namespace
    });
    let replicas = pods.object.value["spec"]["replicas"].as_u64().unwrap_or(1);
    let has_replicas = matches!(pods.key.kind.as_str(), "Deployment" | "StatefulSet");
    for path in ["replicas", "replicaCount"] {
        if let Some(number) = values[path].as_u64()
            && number != replicas
            && has_replicas
            && !has_autoscaler
        {
            differences.push((path, &values[path], format!("`replicas: {replicas}`")));
        }
    }
    let ports = items(&container["ports"]);
    if values["port"].is_u64()
        && !ports.is_empty()
        && !ports
            .iter()
            .any(|port| port["containerPort"] == values["port"])
    {
        let numbers: Vec<String> = ports
            .iter()
            .map(|port| port["containerPort"].to_string())
            .collect();
        differences.push((
            "port",
            &values["port"],
            format!("port {}", numbers.join(", ")),
        ));
    }
    for (path, list, resource) in RESOURCES {
        let wanted = &values["resources"][list][resource];
        let own = &container["resources"][list][resource];
        if let (Some(wanted_amount), Some(own_amount)) = (amount(wanted), amount(own))
            && wanted_amount != own_amount
        {
            differences.push((path, wanted, format!("`{list}.{resource}: {}`", plain(own))));
        }
    }
    storage(
        facts,
        pods,
        container,
        &values["persistence"],
        &mut differences,
    );
    differences
}

const RESOURCES: [(&str, &str, &str); 4] = [
    ("resources.requests.cpu", "requests", "cpu"),
    ("resources.requests.memory", "requests", "memory"),
    ("resources.limits.cpu", "limits", "cpu"),
    ("resources.limits.memory", "limits", "memory"),
];

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn amount(value: &Value) -> Option<i128> {
    quantity::parse(&plain(value))
}

/// The value of an image that is another one: `image: name:tag`, with a `tag` beside it, or as a map of both.
fn image<'v>(values: &'v Value, own: &str) -> Option<(&'static str, &'v Value)> {
    let (path, name, tag) = match &values["image"] {
        Value::String(_) => ("image", &values["image"], &values["tag"]),
        Value::Object(image) => (
            "image.repository",
            image.get("repository")?,
            &values["image"]["tag"],
        ),
        _ => return None,
    };
    let name_text = name.as_str()?;
    let (own_name, own_tag) = split(own);
    let (known, known_tag) = split(name_text);
    let is_name = own_name == known
        || own_name
            .strip_suffix(known)
            .is_some_and(|rest| rest.ends_with('/'));
    if !is_name {
        return Some((path, name));
    }
    let wanted = known_tag.map(str::to_owned).or(match tag {
        Value::Null => None,
        tag => Some(plain(tag)),
    })?;
    let is_same = own_tag.unwrap_or("latest") == wanted;
    let at = match (known_tag, path) {
        (Some(_), _) => (path, name),
        (None, "image") => ("tag", tag),
        (None, _) => ("image.tag", tag),
    };
    (!is_same && !wanted.is_empty()).then_some(at)
}

/// A name and the tag behind it; a port of a registry is none.
fn split(image: &str) -> (&str, Option<&str>) {
    let image = image.split('@').next().unwrap_or(image);
    let file = image.rfind('/').map_or(0, |at| at + 1);
    match image[file..].find(':') {
        Some(at) => (&image[..file + at], Some(&image[file + at + 1..])),
        None => (image, None),
    }
}

/// What is said of a volume against the claims that the pods use.
fn storage<'v>(
    facts: &Facts<'_>,
    pods: &Pods<'_>,
    container: &Value,
    values: &'v Value,
    differences: &mut Vec<(&'static str, &'v Value, String)>,
) {
    let names = items(&pods.spec["volumes"]).iter();
    let names = names.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    let claims =
        names.filter_map(|name| facts.find("PersistentVolumeClaim", &pods.key.namespace, name));
    let claims: Vec<&Value> = claims.map(|claim| &claim.value).collect();
    let templates = items(&pods.object.value["spec"]["volumeClaimTemplates"]);
    let all: Vec<&Value> = claims.into_iter().chain(templates).collect();
    let enabled = &values["enabled"];
    match (enabled.as_bool(), all.as_slice()) {
        (Some(false), [_, ..]) => {
            differences.push(("persistence.enabled", enabled, "a claim".to_owned()));
        }
        (Some(true), []) => {
            differences.push(("persistence.enabled", enabled, "no claim".to_owned()));
        }
        _ => {}
    }
    let [claim] = all[..] else {
        return;
    };
    let spec = &claim["spec"];
    let size = &spec["resources"]["requests"]["storage"];
    if let (Some(wanted), Some(own)) = (amount(&values["size"]), amount(size))
        && wanted != own
    {
        let other = format!("a claim of {}", plain(size));
        differences.push(("persistence.size", &values["size"], other));
    }
    for (path, key) in [
        ("persistence.storageClassName", "storageClassName"),
        ("persistence.storageClass", "storageClass"),
    ] {
        let (wanted, own) = (text(&values[key]), text(&spec["storageClassName"]));
        if !wanted.is_empty() && !own.is_empty() && wanted != own {
            let other = format!("a claim of the class `{own}`");
            differences.push((path, &values[key], other));
        }
    }
    let mounts = items(&container["volumeMounts"]);
    let wanted = &values["mountPath"];
    if wanted.is_string() && !mounts.iter().any(|mount| mount["mountPath"] == *wanted) {
        let other = "no volume mounted there".to_owned();
        differences.push(("persistence.mountPath", wanted, other));
    }
}
