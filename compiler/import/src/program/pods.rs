//! The pods of a workload as statements: what its containers run, what they mount, and the containers that start first.
//! A patch adds to a list behind what is there, so that each list is said up to the first element without a statement.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::statements::{Level, Workload, is_amount, is_name, is_variable, quoted};
use super::{Files, companions};
use crate::facts::{at, items, text};

/// The Secrets of a namespace that are declared, with their keys.
pub(super) type Secrets = BTreeMap<String, BTreeSet<String>>;

/// Image, command and arguments.
pub(super) fn program(container: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(image) = quoted(text(&container["image"])) {
        lines.push(format!("image {image}"));
    }
    for word in ["command", "args"] {
        let texts = items(&container[word]).iter();
        let quoted: Option<Vec<String>> = texts.map(|text| quoted(text.as_str()?)).collect();
        if let Some(quoted) = quoted.filter(|quoted| !quoted.is_empty()) {
            lines.push(format!("{word} {}", quoted.join(", ")));
        }
    }
    lines
}

/// Variables, with those from Secrets if these are known.
pub(super) fn environment(container: &Value, secrets: Option<&Secrets>) -> Vec<String> {
    let variables = items(&container["env"]).iter();
    variables
        .map_while(|variable| {
            let name = variable["name"].as_str().filter(|name| is_variable(name))?;
            let source = &variable["valueFrom"];
            if !source.is_null() {
                let from = secret_and_key(source, secrets?)?;
                return Some(format!("env {name} from secret {from}"));
            }
            let value = match &variable["value"] {
                Value::Null => "\"\"".to_owned(),
                value => quoted(value.as_str()?)?,
            };
            Some(format!("env {name} = {value}"))
        })
        .collect()
}

/// `S.key` or `S."key"`.
fn secret_and_key(source: &Value, secrets: &Secrets) -> Option<String> {
    let reference = source["secretKeyRef"].as_object()?;
    let is_only = source.as_object().is_some_and(|fields| fields.len() == 1);
    let is_known = |key: &String| key == "name" || key == "key";
    if !is_only || !reference.keys().all(is_known) {
        return None;
    }
    let (name, key) = (reference["name"].as_str()?, reference.get("key")?.as_str()?);
    if !secrets.get(name)?.contains(key) {
        return None;
    }
    let key = match is_name(key) {
        true => key.to_owned(),
        false => quoted(key)?,
    };
    Some(format!("{name}.{key}"))
}

/// CPU and memory, if both the request and the limit are set.
pub(super) fn resources(container: &Value) -> Vec<String> {
    let lines = ["cpu", "memory"].into_iter().filter_map(|resource| {
        let amount = |which: &str| amount_of(resource, &container["resources"][which][resource]);
        let (request, limit) = (amount("requests")?, amount("limits")?);
        Some(match request == limit {
            true => format!("{resource} {request}"),
            false => format!("{resource} {request}..{limit}"),
        })
    });
    lines.collect()
}

/// An amount as the language writes it: the server knows `0.5` as `500m` too.
fn amount_of(resource: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    if is_amount(resource, &text) {
        return Some(text);
    }
    let milli = erpc_emit::quantity::parse(&text)?;
    match resource {
        "cpu" if milli > 0 => Some(format!("{milli}m")),
        _ => None,
    }
}

/// A volume of the pods as a statement without the path at which it is mounted.
struct Volume<'v> {
    name: &'v str,
    /// What stands before `at`.
    head: String,
    /// What stands behind it.
    tail: String,
    at: Option<String>,
}

impl Workload<'_> {
    /// `run as`, capabilities and the priority.
    pub(super) fn security(&self, lines: &mut Vec<String>) {
        let pod = &self.template()["spec"];
        let context = &pod["securityContext"];
        let id = |field: &str| context[field].as_u64().filter(|id| *id > 0);
        if let (Some(user), Some(group)) = (id("runAsUser"), id("runAsGroup")) {
            lines.push(format!("run as {user}:{group}"));
        }
        if let Some(class) = pod["priorityClassName"]
            .as_str()
            .filter(|class| is_name(class))
        {
            lines.push(format!("priority {class}"));
        }
        lines.extend(capabilities(self.main()));
    }

    /// Volumes with what the main container mounts of them.
    pub(super) fn files(&self, secrets: &Secrets, files: &mut Files, lines: &mut Vec<String>) {
        let mut volumes: Vec<Volume<'_>> = Vec::new();
        let claims = at(&self.object, &["spec", "volumeClaimTemplates"]);
        let claims = claims.map_or(&[][..], items).iter().map(claim_of_each);
        volumes.extend(claims.take_while(Option::is_some).flatten());
        if self.level != Level::Plain {
            for volume in items(&self.template()["spec"]["volumes"]) {
                let known = |name: &str| volumes.iter().any(|volume| volume.name == name);
                let Some(volume) = self.volume(volume, secrets, files) else {
                    break;
                };
                if known(volume.name) {
                    break;
                }
                volumes.push(volume);
            }
        }
        let mounts = self.mounts(&mut volumes);
        for volume in &volumes {
            let at = volume.at.as_deref();
            let at = at.map_or_else(String::new, |at| format!(" at {at}"));
            lines.push(format!("{}{at}{}", volume.head, volume.tail));
        }
        lines.extend(mounts);
    }

    /// What the main container mounts besides the paths of the volumes themselves, which it sets.
    fn mounts(&self, volumes: &mut [Volume<'_>]) -> Vec<String> {
        let names: Vec<String> = volumes.iter().map(|one| one.name.to_owned()).collect();
        let mut mounts = Vec::new();
        let mut next = 0;
        for mount in items(&self.main()["volumeMounts"]) {
            let Some(line) = mount_line(mount, &names) else {
                break;
            };
            let place = names.iter().position(|name| mount["name"] == name.as_str());
            let is_plain = mount["subPath"].is_null() && mount["readOnly"] != true;
            match (place, quoted(text(&mount["mountPath"]))) {
                // Volumes stand before mounts, in their own order.
                (Some(place), Some(path)) if is_plain && mounts.is_empty() && place >= next => {
                    volumes[place].at = Some(path);
                    next = place + 1;
                }
                _ => mounts.push(line),
            }
        }
        mounts
    }

    /// A volume of the pods.
    fn volume<'v>(
        &self,
        volume: &'v Value,
        secrets: &Secrets,
        files: &mut Files,
    ) -> Option<Volume<'v>> {
        let name = volume["name"].as_str().filter(|name| is_name(name))?;
        let fields = volume.as_object().filter(|fields| fields.len() == 2)?;
        let (kind, source) = fields.iter().find(|(key, _)| *key != "name")?;
        let (head, tail) = match kind.as_str() {
            "emptyDir" => (scratch(name, source)?, String::new()),
            "persistentVolumeClaim" => {
                let claim = only(source, &["claimName"])?["claimName"].as_str()?;
                let made = self.companion_named("PersistentVolumeClaim", claim);
                match made.filter(|_| claim == name).and_then(companions::claim) {
                    Some((size, how)) => (format!("volume {name} {size}"), format!(" {how}")),
                    None => {
                        let claim = quoted(claim)?;
                        (format!("volume {name} from claim {claim}"), String::new())
                    }
                }
            }
            "configMap" => {
                let map = source["name"].as_str()?;
                let options = options(source, &["name"])?;
                let made = self.companion_named("ConfigMap", map);
                match made.filter(|_| map == name) {
                    Some(made) => (companions::config(made, files)?, options),
                    None => (format!("config {name} from {}", quoted(map)?), options),
                }
            }
            "secret" => {
                let secret = source["secretName"]
                    .as_str()
                    .filter(|secret| *secret == name)?;
                secrets.get(secret)?;
                (format!("secret {name}"), options(source, &["secretName"])?)
            }
            _ => return None,
        };
        Some(Volume {
            name,
            head,
            tail,
            at: None,
        })
    }

    /// Sidecars and init containers, in their order: sidecars start first.
    pub(super) fn before_main(&self, secrets: &Secrets, lines: &mut Vec<String>) {
        let pod = &self.template()["spec"];
        let volumes = items(&pod["volumes"]).iter();
        let claims = at(&self.object, &["spec", "volumeClaimTemplates"]);
        let claims = claims.map_or(&[][..], items).iter();
        let claims = claims.filter_map(|claim| claim["metadata"]["name"].as_str());
        let volumes =
            volumes.take_while(|volume| self.volume(volume, secrets, &mut Files::new()).is_some());
        let names = volumes
            .filter_map(|volume| volume["name"].as_str())
            .chain(claims);
        let names: Vec<String> = names.map(str::to_owned).collect();
        let mut has_inits = false;
        for container in items(&pod["initContainers"]) {
            let is_sidecar = container["restartPolicy"] == "Always";
            let name = text(&container["name"]);
            if !is_name(name) || name == self.name || is_sidecar && has_inits {
                return;
            }
            has_inits |= !is_sidecar;
            let word = if is_sidecar { "sidecar" } else { "init" };
            let mut block = program(container);
            block.extend(environment(container, Some(secrets)));
            block.extend(resources(container));
            if is_sidecar {
                self.health(container, &mut block);
            }
            block.extend(capabilities(container));
            let mounts = items(&container["volumeMounts"]).iter();
            block.extend(mounts.map_while(|mount| mount_line(mount, &names)));
            lines.push(format!("{word} {name} {{\n{}\n}}", block.join("\n")));
        }
    }

    /// How long and how often a job runs.
    pub(super) fn runs(&self, lines: &mut Vec<String>) {
        let job: &[&str] = match self.kind() {
            "Job" => &["spec"],
            "CronJob" => &["spec", "jobTemplate", "spec"],
            _ => return,
        };
        let Some(job) = at(&self.object, job) else {
            return;
        };
        if let Some(deadline) = job["activeDeadlineSeconds"]
            .as_u64()
            .filter(|time| *time > 0)
        {
            lines.push(format!("deadline {deadline}s"));
        }
        if let Some(retries) = job["backoffLimit"].as_u64() {
            lines.push(format!("retries {retries}"));
        }
        if self.kind() == "CronJob" {
            let kept = |field: &str, word: &str| {
                let count = at(&self.object, &["spec", field])?.as_u64()?;
                Some(format!("{word} {count}"))
            };
            let kept = [
                kept("successfulJobsHistoryLimit", "succeeded"),
                kept("failedJobsHistoryLimit", "failed"),
            ];
            let kept: Vec<String> = kept.into_iter().flatten().collect();
            if !kept.is_empty() {
                lines.push(format!("history {}", kept.join(", ")));
            }
        }
    }
}

/// When nodes pull images, if it is the same for all containers and not what Kubernetes does by itself.
pub(super) fn pull<'w, 'o: 'w>(
    workloads: impl Iterator<Item = &'w Workload<'o>>,
) -> Option<&'static str> {
    let mut found = BTreeSet::new();
    let mut is_usual = true;
    for workload in workloads {
        let pod = &workload.template()["spec"];
        let lists = ["initContainers", "containers"].into_iter();
        for container in lists.flat_map(|list| items(&pod[list])) {
            let usual = erpc_model::kubernetes::usual_pull_policy(text(&container["image"]));
            let own = container["imagePullPolicy"].as_str().unwrap_or(usual);
            is_usual &= own == usual;
            found.insert(own);
        }
    }
    match found.into_iter().collect::<Vec<_>>()[..] {
        [_] if is_usual => None,
        ["Always"] => Some("always"),
        ["IfNotPresent"] => Some("missing"),
        ["Never"] => Some("never"),
        _ => None,
    }
}

/// The registries that images of strict services may come from, as a line of the platform.
pub(super) fn registries<'w, 'o: 'w>(workloads: impl Iterator<Item = &'w Workload<'o>>) -> String {
    let mut found = BTreeSet::new();
    for workload in workloads {
        let pod = &workload.template()["spec"];
        let lists = ["initContainers", "containers"].into_iter();
        for container in lists.flat_map(|list| items(&pod[list])) {
            let host = text(&container["image"])
                .split_once('/')
                .map(|(host, _)| host);
            let is_host = |host: &&str| host.contains(['.', ':']) || *host == "localhost";
            let host = host.filter(is_host).filter(|host| *host != "docker.io");
            found.extend(host.and_then(quoted));
        }
    }
    match found.is_empty() {
        true => String::new(),
        false => format!("registries {}\n", Vec::from_iter(found).join(", ")),
    }
}

/// The capabilities that a container adds.
fn capabilities(container: &Value) -> Vec<String> {
    let added = items(&container["securityContext"]["capabilities"]["add"]).iter();
    let is_plain = |name: &&str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let lines = added.map(|name| name.as_str().filter(is_plain));
    let lines: Option<Vec<&str>> = lines.collect();
    let lines = lines.unwrap_or_default().into_iter();
    lines.map(|name| format!("capability {name}")).collect()
}

/// The claim that each replica of a StatefulSet has.
fn claim_of_each(claim: &Value) -> Option<Volume<'_>> {
    let name = claim["metadata"]["name"].as_str();
    let name = name.filter(|name| is_name(name))?;
    let size = text(&claim["spec"]["resources"]["requests"]["storage"]);
    let class = claim["spec"]["storageClassName"].as_str();
    let class = class.filter(|class| is_name(class));
    is_amount("memory", size).then(|| Volume {
        name,
        head: format!("volume {name} {size}"),
        tail: class.map_or_else(String::new, |class| format!(" class {class}")),
        at: None,
    })
}

/// A map that has no other fields than these.
fn only<'v>(value: &'v Value, known: &[&str]) -> Option<&'v Value> {
    let fields = value.as_object()?;
    let is_known = |key: &String| known.contains(&key.as_str());
    fields.keys().all(is_known).then_some(value)
}

fn scratch(name: &str, source: &Value) -> Option<String> {
    let source = match source {
        Value::Null => &Value::Null,
        source => only(source, &["medium", "sizeLimit"])?,
    };
    let size = match source["sizeLimit"].as_str() {
        Some(size) if is_amount("memory", size) => format!(" {size}"),
        Some(_) => return None,
        None if source["sizeLimit"].is_null() => String::new(),
        None => return None,
    };
    let memory = match text(&source["medium"]) {
        "" => "",
        "Memory" => " in memory",
        _ => return None,
    };
    Some(format!("scratch {name}{size}{memory}"))
}

/// `only …`, `mode …`, `optional`; `None` if something else is set.
fn options(source: &Value, names: &[&str]) -> Option<String> {
    let known = [names, &["items", "defaultMode", "optional"]].concat();
    only(source, &known)?;
    let mut out = String::new();
    let keys: Option<Vec<String>> = items(&source["items"]).iter().map(item).collect();
    let keys = keys?;
    if !keys.is_empty() {
        out.push_str(&format!(" only {}", keys.join(", ")));
    }
    match &source["defaultMode"] {
        Value::Null => {}
        mode => {
            let mode = mode.as_u64().filter(|mode| *mode <= 0o777)?;
            out.push_str(&format!(" mode {mode:04o}"));
        }
    }
    if source["optional"] == true {
        out.push_str(" optional");
    }
    Some(out)
}

/// `"key" as "file"`.
fn item(item: &Value) -> Option<String> {
    let item = only(item, &["key", "path"])?;
    let (key, path) = (item["key"].as_str()?, item["path"].as_str()?);
    let quoted_key = quoted(key)?;
    Some(match key == path {
        true => quoted_key,
        false => format!("{quoted_key} as {}", quoted(path)?),
    })
}

/// `mount NAME at "path" …`, of a volume that the source declares.
fn mount_line(mount: &Value, volumes: &[String]) -> Option<String> {
    let mount = only(mount, &["name", "mountPath", "subPath", "readOnly"])?;
    let name = mount["name"].as_str()?;
    let path = quoted(mount["mountPath"].as_str()?)?;
    if !volumes.iter().any(|volume| volume == name) {
        return None;
    }
    let mut line = format!("mount {name} at {path}");
    if let Some(sub_path) = mount["subPath"].as_str() {
        line.push_str(&format!(" sub-path {}", quoted(sub_path)?));
    }
    if mount["readOnly"] == true {
        line.push_str(" read-only");
    }
    Some(line)
}
