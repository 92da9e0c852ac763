//! A workload as statements of the language, as far as they say exactly what the workload has. What they leave out, a
//! patch says.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::pods::{self, Secrets};
use super::{Files, companions};
use crate::compare::Key;
use crate::facts::{self, at, items};
use crate::normal;
use crate::read::Object;

/// A port of the pods as the language declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) name: String,
    /// The number at which clients find it.
    pub(super) number: u64,
    /// The number of the container.
    pub(super) container: u64,
    /// `/udp`, `/sctp`, or nothing.
    protocol: &'static str,
}

/// A workload that is to be a service or a job.
pub(super) struct Workload<'o> {
    pub(super) original: &'o Object,
    /// In the version that is served, in its namespace.
    pub(super) object: Value,
    /// Its name in the source.
    pub(super) name: String,
    /// The Services that it takes with it.
    pub(super) services: Vec<&'o Object>,
    pub(super) ports: Vec<Port>,
    /// The ServiceAccount of its pods, if it takes that with it.
    pub(super) account: Option<&'o Object>,
    /// What else its statements make: its autoscaler, budget, claims and ConfigMaps.
    pub(super) companions: Vec<&'o Object>,
    /// How much of it statements say.
    pub(super) level: Level,
    pub(super) hardening: Hardening,
}

/// Whether the compiler adds to a workload what it adds by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hardening {
    /// It adds nothing to all of the platform.
    Off,
    On,
    /// A server or the compiler would refuse what it makes.
    Refused,
}

/// How much of a workload statements say. A build that refuses a statement leads to the next level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As much as there are statements for.
    Full,
    /// No other objects.
    Alone,
    /// What every workload has; a patch says the rest.
    Plain,
}

impl<'o> Workload<'o> {
    pub(super) fn new(original: &'o Object, name: String) -> Self {
        let object = normal::current(&original.value);
        let mut workload = Self {
            original,
            object,
            name,
            services: Vec::new(),
            ports: Vec::new(),
            account: None,
            companions: Vec::new(),
            level: Level::Full,
            hardening: Hardening::Off,
        };
        workload.ports = workload.ports(&[]);
        workload
    }

    /// Takes those of the Services that the language can express, in their order.
    pub(super) fn take_services(&mut self, services: &[&'o Object]) {
        let selector = self.selector().cloned();
        let selector = selector.filter(|selector| !selector.is_empty());
        for service in services {
            let spec = &service.value["spec"];
            let is_same = selector.is_some() && spec["selector"].as_object() == selector.as_ref();
            if !is_same || !is_plain(spec) {
                continue;
            }
            let mut with = self.services.clone();
            with.push(service);
            let ports = self.ports(&with);
            if with
                .iter()
                .all(|service| names_of(service, &ports).is_some())
            {
                (self.services, self.ports) = (with, ports);
            }
        }
    }

    /// The name of the ServiceAccount of its pods.
    pub(super) fn account_name(&self) -> Option<&str> {
        self.template()["spec"]["serviceAccountName"].as_str()
    }

    /// Says less by statements; whether that is possible.
    pub(super) fn say_less(&mut self) -> bool {
        if self.hardening == Hardening::On {
            self.hardening = Hardening::Refused;
            return true;
        }
        self.level = match self.level {
            Level::Full if !self.companions.is_empty() => Level::Alone,
            Level::Full | Level::Alone => Level::Plain,
            Level::Plain => return false,
        };
        self.companions.clear();
        true
    }

    /// Leaves its Services to others.
    pub(super) fn drop_service(&mut self, key: &Key) {
        self.services
            .retain(|service| Key::of(&service.value) != *key);
        self.ports = self.ports(&self.services.clone());
    }

    pub(super) fn text<'v>(&'v self, path: &[&str]) -> Option<&'v str> {
        at(&self.object, path).and_then(Value::as_str)
    }

    pub(super) fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }

    pub(super) fn is_job(&self) -> bool {
        matches!(self.kind(), "Job" | "CronJob")
    }

    /// The template of its pods.
    pub(super) fn template(&self) -> &Value {
        let path = facts::template_path(self.kind()).unwrap_or_default();
        at(&self.object, path).unwrap_or(&Value::Null)
    }

    /// The container that the statements of the service are about: the first.
    pub(super) fn main(&self) -> &Value {
        &self.template()["spec"]["containers"][0]
    }

    /// The labels by which its pods are selected; of a job, those that its pods have.
    pub(super) fn selector(&self) -> Option<&Map<String, Value>> {
        match self.is_job() {
            true => self.template()["metadata"]["labels"].as_object(),
            false => at(&self.object, &["spec", "selector", "matchLabels"])?.as_object(),
        }
    }

    /// `service NAME` or `job NAME …`.
    pub(super) fn head(&self) -> String {
        match self.kind() {
            "CronJob" => {
                let schedule = self.text(&["spec", "schedule"]).unwrap_or_default();
                let schedule = quoted(schedule).unwrap_or_else(|| "\"\"".to_owned());
                format!("job {} every {schedule}", self.name)
            }
            "Job" => format!("job {}", self.name),
            _ => format!("service {}", self.name),
        }
    }

    /// The statements of its block. `secrets` are those of its namespace, with their keys; texts of several lines go to
    /// `files`.
    pub(super) fn lines(&self, secrets: &Secrets, files: &mut Files) -> Vec<String> {
        let mut lines = vec![self.identity()];
        if self.hardening == Hardening::Refused {
            lines.push("defaults kubernetes".to_owned());
        }
        self.pairs(&mut lines);
        self.container(secrets, &mut lines);
        self.health(self.main(), &mut lines);
        let is_plain = self.level == Level::Plain;
        if !is_plain {
            self.security(&mut lines);
        }
        self.scaling(&mut lines);
        self.files(secrets, files, &mut lines);
        if self.kind() == "StatefulSet" {
            let claims = at(&self.object, &["spec", "volumeClaimTemplates"]);
            if claims.is_none_or(|claims| items(claims).is_empty()) {
                lines.push("stateful".to_owned());
            }
        }
        if !is_plain {
            self.before_main(secrets, &mut lines);
            self.runs(&mut lines);
        }
        if let Some(zone) = self.text(&["spec", "timeZone"]).and_then(quoted) {
            lines.push(format!("time-zone {zone}"));
        }
        lines
    }

    /// The names and the selector of its objects.
    fn identity(&self) -> String {
        let mut block = String::from("identity {\n");
        let name = self.text(&["metadata", "name"]).unwrap_or_default();
        let mut line = |word: &str, text: &str| {
            if let Some(text) = quoted(text) {
                block.push_str(&format!("{word} {text}\n"));
            }
        };
        if name != self.name || self.kind() == "Job" {
            line("workload", name);
        }
        let container = self.main()["name"].as_str().unwrap_or_default();
        if container != self.name {
            line("container", container);
        }
        if let Some(governing) = self.text(&["spec", "serviceName"]) {
            line("governing", governing);
        }
        if let Some(account) = self.account {
            let metadata = &account.value["metadata"];
            let annotations = metadata["annotations"].as_object().into_iter().flatten();
            let annotations = pairs(annotations).filter(|pairs| !pairs.is_empty());
            if let Some(name) = metadata["name"].as_str().and_then(quoted) {
                block.push_str(&match annotations {
                    Some(annotations) => {
                        format!("account {name} {{ annotations {annotations} }}\n")
                    }
                    None => format!("account {name}\n"),
                });
            }
        } else if let Some(name) = self.account_name().and_then(quoted) {
            block.push_str(&format!("account from {name}\n"));
        }
        let selector = self.selector().and_then(|labels| pairs(labels.iter()));
        match selector.filter(|pairs| !pairs.is_empty()) {
            Some(pairs) => block.push_str(&format!("selector {pairs}\n")),
            // Its pods have no label, and get none.
            None if self.is_job() => block.push_str("selector off\n"),
            None => {}
        }
        for service in &self.services {
            block.push_str(&self.service(service));
        }
        if self.services.is_empty() && !self.ports.is_empty() {
            block.push_str("service off\n");
        }
        let declared = items(&self.main()["ports"]);
        if !declared.is_empty() && declared.iter().all(|port| port["name"].is_null()) {
            block.push_str("ports unnamed\n");
        }
        block.push('}');
        block
    }

    /// `service "NAME" [for PORT, …] [headless]`.
    fn service(&self, service: &Object) -> String {
        let name = service.value["metadata"]["name"].as_str();
        let Some(name) = name.and_then(quoted) else {
            return String::new();
        };
        let names = names_of(service, &self.ports).unwrap_or_default();
        let ports = match names.len() == self.ports.len() {
            true => String::new(),
            false => format!(" for {}", names.join(", ")),
        };
        let headless = match service.value["spec"]["clusterIP"].as_str() {
            Some("None") => " headless",
            _ => "",
        };
        let unnamed = match items(&service.value["spec"]["ports"]) {
            [only] if only["name"].is_null() => " unnamed",
            _ => "",
        };
        let metadata = &service.value["metadata"];
        let mut block = String::new();
        for word in ["labels", "annotations"] {
            let own = metadata[word].as_object().into_iter().flatten();
            let own = own.filter(|(key, _)| !is_written_by_others(key));
            if let Some(pairs) = pairs(own).filter(|pairs| !pairs.is_empty()) {
                block.push_str(&format!("{word} {pairs}\n"));
            }
        }
        let block = match block.as_str() {
            "" => block,
            lines => format!(" {{\n{lines}}}"),
        };
        format!("service {name}{ports}{headless}{unnamed}{block}\n")
    }

    /// Labels and annotations that the workload and its pods have with one value.
    fn pairs(&self, lines: &mut Vec<String>) {
        for word in ["labels", "annotations"] {
            let own = at(&self.object, &["metadata", word]).and_then(Value::as_object);
            let of_pods = at(self.template(), &["metadata", word]);
            let (Some(own), Some(of_pods)) = (own, of_pods) else {
                continue;
            };
            let both = own
                .iter()
                .filter(|(key, value)| of_pods[key.as_str()] == **value);
            if let Some(pairs) = pairs(both).filter(|pairs| !pairs.is_empty()) {
                lines.push(format!("{word} {pairs}"));
            }
        }
    }

    fn container(&self, secrets: &Secrets, lines: &mut Vec<String>) {
        let container = self.main();
        lines.extend(pods::program(container));
        for port in &self.ports {
            let (name, number, protocol) = (&port.name, port.number, port.protocol);
            let target = match port.container == number {
                true => String::new(),
                false => format!(" -> {}", port.container),
            };
            lines.push(format!("port {name} {number}{protocol}{target}"));
        }
        let secrets = (self.level != Level::Plain).then_some(secrets);
        lines.extend(pods::environment(container, secrets));
        lines.extend(pods::resources(container));
    }

    /// The ports of the first container, each with the number at which the first Service that has it is called.
    fn ports(&self, services: &[&Object]) -> Vec<Port> {
        let mut ports: Vec<Port> = Vec::new();
        let mut numbers: BTreeSet<(u64, &'static str)> = BTreeSet::new();
        for declared in items(&self.main()["ports"]) {
            let Some(container) = declared["containerPort"].as_u64() else {
                continue;
            };
            let protocol = protocol_of(declared);
            let of_service = services
                .iter()
                .flat_map(|service| items(&service.value["spec"]["ports"]))
                .find(|port| protocol_of(port) == protocol && leads_to(port, declared));
            let number = of_service.and_then(|port| port["port"].as_u64());
            let number = number.unwrap_or(container);
            let of_service = of_service.and_then(|port| port["name"].as_str());
            let is_free =
                |name: &&str| is_name(name) && ports.iter().all(|port| port.name != **name);
            let name = [declared["name"].as_str(), of_service, usual_name(container)]
                .into_iter()
                .flatten()
                .find(is_free);
            let name = name.map_or_else(|| format!("port-{container}"), str::to_owned);
            if numbers.insert((number, protocol)) {
                ports.push(Port {
                    name,
                    number,
                    container,
                    protocol,
                });
            }
        }
        ports
    }

    /// Probes that the language has a form for.
    pub(super) fn health(&self, container: &Value, lines: &mut Vec<String>) {
        let mut probes = String::new();
        for (word, field) in [
            ("ready", "readinessProbe"),
            ("live", "livenessProbe"),
            ("startup", "startupProbe"),
        ] {
            if let Some(probe) = self.probe(&container[field]) {
                probes.push_str(&format!("{word} {probe}\n"));
            }
        }
        if !probes.is_empty() {
            lines.push(format!("health {{\n{probes}}}"));
        }
    }

    fn probe(&self, probe: &Value) -> Option<String> {
        let fields = probe.as_object()?;
        let known = [
            "httpGet",
            "tcpSocket",
            "exec",
            "initialDelaySeconds",
            "periodSeconds",
            "failureThreshold",
            "timeoutSeconds",
            "successThreshold",
        ];
        if fields.keys().any(|key| !known.contains(&key.as_str()))
            || fields
                .get("successThreshold")
                .is_some_and(|times| *times != 1)
        {
            return None;
        }
        let port = |check: &Value, allowed: &[&str]| -> Option<String> {
            let fields = check.as_object()?;
            let number = check["port"].as_u64()?;
            let is_plain = fields.keys().all(|key| allowed.contains(&key.as_str()));
            let port = self
                .ports
                .iter()
                .find(|port| port.container == number && port.protocol.is_empty());
            port.filter(|_| is_plain).map(|port| port.name.clone())
        };
        let check = if let Some(get) = fields.get("httpGet") {
            let path = get["path"].as_str().unwrap_or("/");
            let is_http = matches!(get["scheme"].as_str(), None | Some("HTTP"));
            let on = port(get, &["path", "port", "scheme"]).filter(|_| is_http)?;
            format!("http {} on {on}", quoted(path)?)
        } else if let Some(socket) = fields.get("tcpSocket") {
            format!("tcp on {}", port(socket, &["port"])?)
        } else {
            let command = items(&fields.get("exec")?["command"]);
            let command: Option<Vec<String>> =
                command.iter().map(|word| quoted(word.as_str()?)).collect();
            format!(
                "exec {}",
                command.filter(|words| !words.is_empty())?.join(", ")
            )
        };
        let mut out = check;
        for (field, word, unit, usual) in [
            ("initialDelaySeconds", "after", "s", 0),
            ("periodSeconds", "every", "s", 10),
            ("failureThreshold", "fails", "", 3),
            ("timeoutSeconds", "within", "s", 1),
        ] {
            let value = match fields.get(field) {
                None => usual,
                Some(value) => value.as_u64()?,
            };
            if value != usual {
                out.push_str(&format!(" {word} {value}{unit}"));
            }
        }
        Some(out)
    }

    fn scaling(&self, lines: &mut Vec<String>) {
        if let Some(scale) = self
            .companion("HorizontalPodAutoscaler")
            .and_then(companions::scale)
        {
            lines.push(scale);
        } else if self.kind() == "DaemonSet" {
            lines.push("replicas per node".to_owned());
        } else if let Some(replicas) =
            at(&self.object, &["spec", "replicas"]).and_then(Value::as_u64)
        {
            lines.push(format!("replicas {replicas}"));
        }
        let budget = self.companion("PodDisruptionBudget");
        lines.extend(budget.and_then(companions::disruption));
    }

    /// The storage classes that its claims name.
    pub(super) fn storage_classes(&self) -> impl Iterator<Item = &str> {
        let claims = at(&self.object, &["spec", "volumeClaimTemplates"]);
        let claims = claims.and_then(Value::as_array).into_iter().flatten();
        let classes = claims.filter_map(|claim| claim["spec"]["storageClassName"].as_str());
        classes.filter(|class| is_name(class))
    }
}

/// Whether a label or an annotation is written by clients or by the compiler.
fn is_written_by_others(key: &str) -> bool {
    key == "app.kubernetes.io/part-of" || normal::NOISE.contains(&key)
}

/// Whether a Service has nothing that the language cannot say.
fn is_plain(spec: &Value) -> bool {
    let known = [
        "ports",
        "selector",
        "clusterIP",
        "type",
        "publishNotReadyAddresses",
        "sessionAffinity",
        "internalTrafficPolicy",
        "ipFamilyPolicy",
        "ipFamilies",
        "clusterIPs",
    ];
    let fields = spec.as_object();
    fields.is_some_and(|fields| fields.keys().all(|key| known.contains(&key.as_str())))
        && matches!(spec["type"].as_str(), None | Some("ClusterIP"))
        && matches!(spec["clusterIP"].as_str(), None | Some("None" | ""))
        && !items(&spec["ports"]).is_empty()
}

/// The names that the ports of a Service have in the source; `None` if one is not among them.
fn names_of<'p>(service: &Object, ports: &'p [Port]) -> Option<Vec<&'p str>> {
    let own = items(&service.value["spec"]["ports"]);
    let is_headless = service.value["spec"]["clusterIP"] == "None";
    let names = own.iter().map(|own| {
        let found = ports.iter().find(|port| {
            own["port"] == port.number
                && protocol_of(own) == port.protocol
                // A name of a port of the pods is compared with what the language makes of it later.
                && (own["targetPort"].is_null() && port.container == port.number
                    || own["targetPort"] == port.container
                    || own["targetPort"].is_string())
        });
        found.map(|port| port.name.as_str())
    });
    let names: Vec<&str> = names.collect::<Option<_>>()?;
    let is_moved = |name: &&str| {
        let mut ports = ports.iter();
        ports.any(|port| port.name == **name && port.container != port.number)
    };
    (!is_headless || !names.iter().any(is_moved)).then_some(names)
}

/// Whether the port of a Service leads to one that a container declares.
fn leads_to(port: &Value, declared: &Value) -> bool {
    match &port["targetPort"] {
        Value::Null => port["port"] == declared["containerPort"],
        Value::String(name) => declared["name"] == name.as_str(),
        number => *number == declared["containerPort"],
    }
}

fn protocol_of(port: &Value) -> &'static str {
    match port["protocol"].as_str() {
        Some("UDP") => "/udp",
        Some("SCTP") => "/sctp",
        _ => "",
    }
}

const fn usual_name(port: u64) -> Option<&'static str> {
    match port {
        80 | 8080 | 8000 | 3000 => Some("http"),
        443 | 8443 => Some("https"),
        5432 => Some("postgres"),
        3306 => Some("mysql"),
        6379 => Some("redis"),
        27017 => Some("mongo"),
        5672 => Some("amqp"),
        9090 => Some("metrics"),
        50051 => Some("grpc"),
        _ => None,
    }
}

/// `KEY = "value", …`; `None` if one cannot be written.
pub(super) fn pairs<'v>(pairs: impl Iterator<Item = (&'v String, &'v Value)>) -> Option<String> {
    let pair = |(key, value): (&String, &Value)| {
        let value = quoted(value.as_str()?)?;
        let key = if is_name(key) {
            key.clone()
        } else {
            quoted(key)?
        };
        Some(format!("{key} = {value}"))
    };
    let pairs: Option<Vec<String>> = pairs.map(pair).collect();
    Some(pairs?.join(", "))
}

/// Whether a text is a name as the language writes one, and one that Kubernetes takes.
pub(super) fn is_name(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || c == '-')
        && text.len() <= 63
}

pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the language writes an amount as Kubernetes does.
pub(super) fn is_amount(resource: &str, text: &str) -> bool {
    let units: &[&str] = match resource {
        "cpu" => &["m", ""],
        _ => &["Ki", "Mi", "Gi", "Ti"],
    };
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    !digits.is_empty() && !digits.starts_with('0') && digits.len() < 10 && units.contains(&unit)
}

/// A text in quotes; `None` if the language cannot write one of its characters.
pub(super) fn quoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => return None,
            c => out.push(c),
        }
    }
    out.push('"');
    Some(out.replace("${", "$${"))
}
