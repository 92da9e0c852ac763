//! A workload as statements of the language, as far as they say exactly what the workload has. What they leave out, a
//! patch says.

use serde_json::Value;

/// Labels that the language sets itself.
pub(super) const RESERVED: &str = "app.kubernetes.io/";

/// A workload that is to be a service or a job.
pub(super) struct Workload {
    pub(super) object: Value,
    /// Its name in the source.
    pub(super) name: String,
}

impl Workload {
    fn text<'v>(&'v self, path: &[&str]) -> Option<&'v str> {
        at(&self.object, path).and_then(Value::as_str)
    }

    pub(super) fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }

    /// The template of its pods.
    fn template(&self) -> &Value {
        let path: &[&str] = match self.kind() {
            "CronJob" => &["spec", "jobTemplate", "spec", "template"],
            _ => &["spec", "template"],
        };
        at(&self.object, path).unwrap_or(&Value::Null)
    }

    /// The container that the statements of the service are about: the first.
    fn main(&self) -> &Value {
        &self.template()["spec"]["containers"][0]
    }

    /// The statement with its block.
    pub(super) fn write(&self, patch: Option<&str>, out: &mut String) {
        let head = match self.kind() {
            "CronJob" => {
                let schedule = self.text(&["spec", "schedule"]).unwrap_or_default();
                let schedule = quoted(schedule).unwrap_or_else(|| "\"\"".to_owned());
                format!("job {} every {schedule}", self.name)
            }
            "Job" => format!("job {}", self.name),
            _ => format!("service {}", self.name),
        };
        let mut lines = Vec::new();
        self.identity(&mut lines);
        self.pairs(&mut lines);
        self.container(&mut lines);
        self.scaling(&mut lines);
        if self.kind() == "StatefulSet" {
            self.volumes(&mut lines);
            let path = ["spec", "volumeClaimTemplates"];
            let claims = at(&self.object, &path).and_then(Value::as_array);
            if claims.is_none_or(Vec::is_empty) {
                lines.push("stateful".to_owned());
            }
        }
        if let Some(zone) = self.text(&["spec", "timeZone"]).and_then(quoted) {
            lines.push(format!("time-zone {zone}"));
        }
        out.push_str(&head);
        out.push_str(" {\n");
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
        if let Some(patch) = patch {
            out.push_str(patch);
        }
        out.push_str("}\n");
    }

    /// What the workload, its pods and its first container are called. The pods of a job are known by all their labels.
    fn identity(&self, lines: &mut Vec<String>) {
        let name = |word: &str, name: Option<&str>| {
            let name = name.and_then(quoted)?;
            Some(format!("{word} {name}"))
        };
        let selector = match self.kind() {
            "Job" | "CronJob" => at(self.template(), &["metadata", "labels"]),
            _ => at(&self.object, &["spec", "selector", "matchLabels"]),
        };
        let selector = selector.and_then(Value::as_object);
        let selector = selector.and_then(|selector| pairs(selector.iter()));
        let selector = selector.filter(|pairs| !pairs.is_empty());
        let account = self.template()["spec"]["serviceAccountName"].as_str();
        let parts: Vec<String> = [
            name("workload", self.text(&["metadata", "name"])),
            name("container", self.main()["name"].as_str()),
            selector.map(|pairs| format!("selector {pairs}")),
            name("governing", self.text(&["spec", "serviceName"])),
            name("account", account),
        ]
        .into_iter()
        .flatten()
        .collect();
        lines.push(format!("identity {{\n{}\n}}", parts.join("\n")));
    }

    /// Labels and annotations that the workload and its pods have with one value.
    fn pairs(&self, lines: &mut Vec<String>) {
        for word in ["labels", "annotations"] {
            let own = at(&self.object, &["metadata", word]).and_then(Value::as_object);
            let of_pods = at(self.template(), &["metadata", word]);
            let (Some(own), Some(of_pods)) = (own, of_pods) else {
                continue;
            };
            let both = own.iter();
            let both = both.filter(|(key, value)| of_pods[key.as_str()] == **value);
            if let Some(pairs) = pairs(both).filter(|pairs| !pairs.is_empty()) {
                lines.push(format!("{word} {pairs}"));
            }
        }
    }

    fn container(&self, lines: &mut Vec<String>) {
        let container = self.main();
        let image = container["image"].as_str().unwrap_or_default();
        if let Some(image) = quoted(image) {
            lines.push(format!("image {image}"));
        }
        for word in ["command", "args"] {
            let texts = container[word].as_array();
            let texts = texts.filter(|texts| !texts.is_empty());
            let quoted: Option<Vec<String>> = texts
                .into_iter()
                .flatten()
                .map(|text| quoted(text.as_str()?))
                .collect();
            if let Some(quoted) = quoted.filter(|quoted| !quoted.is_empty()) {
                lines.push(format!("{word} {}", quoted.join(", ")));
            }
        }
        self.ports(lines);
        self.environment(lines);
        for resource in ["cpu", "memory"] {
            let amount = |which: &str| container["resources"][which][resource].as_str();
            let (Some(request), Some(limit)) = (amount("requests"), amount("limits")) else {
                continue;
            };
            if is_amount(resource, request) && is_amount(resource, limit) {
                lines.push(match request == limit {
                    true => format!("{resource} {request}"),
                    false => format!("{resource} {request}..{limit}"),
                });
            }
        }
    }

    fn ports(&self, lines: &mut Vec<String>) {
        for port in self.main()["ports"].as_array().into_iter().flatten() {
            let name = port["name"].as_str().filter(|name| is_name(name));
            let number = port["containerPort"].as_u64();
            let (Some(name), Some(number)) = (name, number) else {
                continue;
            };
            let protocol = match port["protocol"].as_str() {
                Some("UDP") => "/udp",
                Some("SCTP") => "/sctp",
                _ => "",
            };
            lines.push(format!("port {name} {number}{protocol}"));
        }
    }

    /// Variables with a value. Where one refers to another, their order matters, and a patch has all of them.
    fn environment(&self, lines: &mut Vec<String>) {
        let variables = self.main()["env"].as_array();
        let variables: &[Value] = variables.map_or(&[], Vec::as_slice);
        let refers = |variable: &Value| {
            variable["value"]
                .as_str()
                .is_some_and(|text| text.contains("$("))
        };
        if variables.iter().any(refers) {
            return;
        }
        for variable in variables {
            let name = variable["name"].as_str().filter(|name| is_variable(name));
            let value = variable["value"].as_str().and_then(quoted);
            if let (Some(name), Some(value), true) = (name, value, variable["valueFrom"].is_null())
            {
                lines.push(format!("env {name} = {value}"));
            }
        }
    }

    fn scaling(&self, lines: &mut Vec<String>) {
        if self.kind() == "DaemonSet" {
            lines.push("replicas per node".to_owned());
        } else if let Some(replicas) =
            at(&self.object, &["spec", "replicas"]).and_then(Value::as_u64)
        {
            lines.push(format!("replicas {replicas}"));
        }
    }

    /// The storage classes that its claims name.
    pub(super) fn storage_classes(&self) -> impl Iterator<Item = &str> {
        let claims = at(&self.object, &["spec", "volumeClaimTemplates"]);
        let claims = claims.and_then(Value::as_array).into_iter().flatten();
        let classes = claims.filter_map(|claim| claim["spec"]["storageClassName"].as_str());
        classes.filter(|class| is_name(class))
    }

    /// The claims of a StatefulSet, each with the path at which the first container has it.
    fn volumes(&self, lines: &mut Vec<String>) {
        let claims = at(&self.object, &["spec", "volumeClaimTemplates"]);
        for claim in claims.and_then(Value::as_array).into_iter().flatten() {
            let name = claim["metadata"]["name"]
                .as_str()
                .filter(|name| is_name(name));
            let size = claim["spec"]["resources"]["requests"]["storage"].as_str();
            let mounts = self.main()["volumeMounts"].as_array();
            let mut mounts = mounts.into_iter().flatten();
            let mount = mounts.find(|mount| mount["name"].as_str() == name);
            let path = mount
                .and_then(|mount| mount["mountPath"].as_str())
                .and_then(quoted);
            let (Some(name), Some(size), Some(path)) = (name, size, path) else {
                continue;
            };
            let class = claim["spec"]["storageClassName"].as_str();
            let class = class.filter(|class| is_name(class));
            let class = class.map_or_else(String::new, |class| format!(" class {class}"));
            if is_amount("memory", size) {
                lines.push(format!("volume {name} {size} at {path}{class}"));
            }
        }
    }
}

pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(*name))
}

/// `KEY = "value", …`; `None` if one cannot be written.
fn pairs<'v>(pairs: impl Iterator<Item = (&'v String, &'v Value)>) -> Option<String> {
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

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the language writes an amount as Kubernetes does.
fn is_amount(resource: &str, text: &str) -> bool {
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
