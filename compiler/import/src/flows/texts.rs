//! The texts that the pods of a workload read: variables, arguments, and the files and variables of ConfigMaps and
//! Secrets.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::facts::{Facts, Pods, items, references, text};

/// A text that a workload reads.
pub(super) struct Text<'o> {
    pub(super) text: Cow<'o, str>,
    /// What it is, as evidence names it: `env ORDERS_URL`.
    pub(super) what: String,
    pub(super) file: &'o str,
    pub(super) line: usize,
    /// The name of the variable or flag that has it.
    pub(super) name: Option<&'o str>,
    pub(super) is_file: bool,
    /// Whether several workloads read it.
    pub(super) is_shared: bool,
    /// Whether its name says that it is a host.
    pub(super) names_a_host: bool,
    /// Whether its name says that it is something that may be called as a host is.
    pub(super) names_a_thing: bool,
    /// The number beside it: `ORDERS_PORT` of `ORDERS_HOST`.
    pub(super) port: Option<u64>,
}

const HOSTS: [&str; 19] = [
    "host",
    "hostname",
    "addr",
    "url",
    "uri",
    "endpoint",
    "server",
    "service",
    "broker",
    "upstream",
    "backend",
    "peer",
    "node",
    "target",
    "domain",
    "dns",
    "bootstrap",
    "dsn",
    "connection",
];
const THINGS: [&str; 12] = [
    "name", "user", "database", "schema", "topic", "queue", "password", "role", "label", "bucket",
    "group", "type",
];

/// Whether a name says that its value is a host: the last word does, of `--redis-host` and `ORDERS_SERVICE_HOST`.
pub(super) fn is_host_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let last = words.rfind(|word| !word.is_empty());
    last.is_some_and(|last| {
        HOSTS
            .iter()
            .any(|host| last.trim_end_matches('s').ends_with(host))
    })
}

fn is_thing_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    THINGS.iter().any(|thing| name.ends_with(thing)) || name.ends_with("_db")
}

impl<'o> Text<'o> {
    fn new(
        text: Cow<'o, str>,
        what: String,
        name: Option<&'o str>,
        (file, line): (&'o str, usize),
    ) -> Self {
        Self {
            names_a_host: name.is_some_and(is_host_name),
            names_a_thing: name.is_some_and(is_thing_name),
            text,
            what,
            file,
            line,
            name,
            is_file: false,
            is_shared: false,
            port: None,
        }
    }

    /// The text with the port that stands beside it under a name of the same prefix.
    fn beside<'v>(mut self, value: impl Fn(&str) -> Option<&'v str>) -> Self {
        let name = self.name.filter(|_| self.names_a_host);
        let parts = name.and_then(|name| Some((name, name.rfind(['_', '-', '.'])?)));
        self.port = parts.and_then(|(name, end)| {
            let (prefix, last) = name.split_at(end + 1);
            let port = match last.bytes().any(|byte| byte.is_ascii_lowercase()) {
                true => "port",
                false => "PORT",
            };
            // A value that is not a number is not a port.
            value(&format!("{prefix}{port}"))?.parse().ok()
        });
        self
    }

    /// What a variable such as `REDIS_URL` is named after: `redis`.
    pub(super) fn named_after(&self) -> Option<String> {
        let name = self.name.filter(|name| is_host_name(name))?;
        let name = name.to_ascii_lowercase();
        let (of, _) = name.rsplit_once('_')?;
        Some(of.trim_end_matches("_service").replace('_', "-"))
    }
}

/// How many workloads read each ConfigMap and Secret: kind, namespace, name.
pub(super) type Readers<'o> = HashMap<(&'static str, &'o str, &'o str), usize>;

pub(super) fn readers<'o>(facts: &Facts<'o>) -> Readers<'o> {
    let mut readers = Readers::new();
    for pods in &facts.pods {
        let namespace = namespace_of(pods);
        let read = references(pods).into_iter();
        let read: BTreeSet<_> = read
            .map(|reference| (reference.kind, namespace, reference.name))
            .collect();
        for one in read {
            *readers.entry(one).or_default() += 1;
        }
    }
    readers
}

fn namespace_of<'o>(pods: &Pods<'o>) -> &'o str {
    text(&pods.object.value["metadata"]["namespace"])
}

/// The texts of a workload.
pub(super) fn of<'o>(facts: &Facts<'o>, caller: usize, readers: &Readers<'o>) -> Vec<Text<'o>> {
    let pods = &facts.pods[caller];
    let mut texts = Vec::new();
    for (list, place, container) in pods.containers() {
        let place = place.to_string();
        let variables = variables(facts, pods, container);
        let number_of =
            |field: &str, number: usize| pods.line(&[list, &place, field, &number.to_string()]);
        for (number, variable) in items(&container["env"]).iter().enumerate() {
            let name = text(&variable["name"]);
            let line = number_of("env", number);
            let at = (pods.object.place.file.as_str(), line);
            let value = variable["value"].as_str();
            // A value of which only the name is known.
            let value = value.map_or(Cow::Borrowed(""), |value| expanded(value, &variables));
            let text = Text::new(value, format!("env {name}"), Some(name), at);
            texts.push(text.beside(|name| variables.get(name).map(AsRef::as_ref)));
        }
        for field in ["command", "args"] {
            for (number, argument) in items(&container[field]).iter().enumerate() {
                let argument = text(argument);
                let at = (pods.object.place.file.as_str(), number_of(field, number));
                let value = expanded(argument, &variables);
                let name = argument.split('=').next();
                let is_script = argument.contains('\n');
                let what = match name.filter(|name| name.starts_with('-') && name.len() < 60) {
                    Some(name) => format!("{field} {name}"),
                    None => field.to_owned(),
                };
                let mut text = Text::new(value, what, name, at);
                text.is_file = is_script;
                texts.push(text);
            }
        }
    }
    files(facts, pods, readers, &mut texts);
    texts
}

/// The texts of the ConfigMaps and Secrets that the pods read.
fn files<'o>(facts: &Facts<'o>, pods: &Pods<'o>, readers: &Readers<'o>, into: &mut Vec<Text<'o>>) {
    let namespace = namespace_of(pods);
    let mut seen = BTreeSet::new();
    for reference in references(pods) {
        let Some(object) = facts.find(reference.kind, namespace, reference.name) else {
            continue;
        };
        let readers = readers.get(&(reference.kind, namespace, reference.name));
        // The values of `data` of a Secret are in base64.
        let fields = match reference.kind {
            "ConfigMap" => "data",
            _ => "stringData",
        };
        for (key, value) in object.value[fields].as_object().into_iter().flatten() {
            if reference.key.is_some_and(|wanted| wanted != key)
                || !seen.insert((reference.kind, reference.name, key))
            {
                continue;
            }
            let Some(value) = value.as_str() else {
                continue;
            };
            let what = format!("{} {} key {key}", reference.kind, reference.name);
            let at = (object.place.file.as_str(), object.line_of(&[fields, key]));
            let name = reference.variable.unwrap_or(key);
            let text = Text::new(Cow::Borrowed(value), what, Some(name), at);
            let mut text = text.beside(|name| object.value[fields][name].as_str());
            text.is_file = value.contains('\n');
            text.is_shared = readers.is_some_and(|readers| *readers > 1) && reference.key.is_none();
            into.push(text);
        }
    }
}

/// The values of a container's variables that manifests have.
fn variables<'o>(
    facts: &Facts<'o>,
    pods: &Pods<'o>,
    container: &'o Value,
) -> BTreeMap<&'o str, Cow<'o, str>> {
    let namespace = namespace_of(pods);
    let mut known: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for source in items(&container["envFrom"]) {
        let name = text(&source["configMapRef"]["name"]);
        if let Some(object) = facts.find("ConfigMap", namespace, name) {
            for (key, value) in object.value["data"].as_object().into_iter().flatten() {
                known.insert(key, Cow::Borrowed(text(value)));
            }
        }
    }
    for variable in items(&container["env"]) {
        let name = text(&variable["name"]);
        let value = match variable["value"].as_str() {
            Some(value) => Some(expanded(value, &known)),
            None => {
                let of = &variable["valueFrom"]["configMapKeyRef"];
                let object = facts.find("ConfigMap", namespace, text(&of["name"]));
                let value =
                    object.and_then(|object| object.value["data"][text(&of["key"])].as_str());
                value.map(Cow::Borrowed)
            }
        };
        if let Some(value) = value {
            known.insert(name, value);
        }
    }
    known
}

/// How long an expanded text may get: each variable may name one before it twice.
const MAX_EXPANDED: usize = 64 * 1024;

/// A text with the values of the variables that it names as `$(NAME)`.
fn expanded<'o>(value: &'o str, variables: &BTreeMap<&str, Cow<'o, str>>) -> Cow<'o, str> {
    if !value.contains("$(") {
        return Cow::Borrowed(value);
    }
    let mut out = String::new();
    let mut rest = value;
    while let Some(start) = rest.find("$(") {
        let (before, reference) = rest.split_at(start);
        out.push_str(before);
        let end = reference.find(')');
        let name = end.map(|end| &reference[2..end]);
        let known = name.and_then(|name| variables.get(name));
        match (known, end) {
            (Some(known), Some(end)) if out.len() + known.len() < MAX_EXPANDED => {
                out.push_str(known);
                rest = &reference[end + 1..];
            }
            _ => {
                out.push_str("$(");
                rest = &reference[2..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}
