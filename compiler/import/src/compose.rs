//! Services of Docker Compose as objects of Kubernetes: a Deployment each, a Service for those with ports, a claim for
//! each named volume. What Compose says and Kubernetes has no form for is a finding.

mod fields;

use serde_json::{Map, Value, json};

use crate::facts::items;
use crate::flows::Hint;
use crate::read::{FieldLines, Finding, FindingKind, Input, Object, Place, Reading, document};
use fields::{amounts, environment, mounts, ports, probe, words};

/// What is read from a file of Compose: objects, and the flows that `depends_on` and `links` propose.
#[must_use]
pub fn compose(input: Input<'_>, namespace: &str) -> (Reading, Vec<Hint>) {
    let mut reader = Reader {
        file: input.path,
        namespace,
        reading: Reading::default(),
        hints: Vec::new(),
        lines: FieldLines::default(),
    };
    match document(input) {
        Ok((value, lines)) => {
            reader.lines = lines;
            reader.file_of(&value);
        }
        Err((line, message)) => reader.report(FindingKind::Broken, line, message),
    }
    (reader.reading, reader.hints)
}

/// Keys of a service that are read.
const READ: [&str; 18] = [
    "image",
    "build",
    "command",
    "entrypoint",
    "environment",
    "ports",
    "expose",
    "volumes",
    "tmpfs",
    "depends_on",
    "links",
    "healthcheck",
    "deploy",
    "user",
    "working_dir",
    "container_name",
    "labels",
    "stop_grace_period",
];
/// Keys that say what Kubernetes does anyway, or what is about one machine.
const NOISE: [&str; 6] = [
    "restart", "networks", "hostname", "logging", "platform", "init",
];

struct Reader<'r> {
    file: &'r str,
    namespace: &'r str,
    reading: Reading,
    hints: Vec<Hint>,
    lines: FieldLines,
}

impl Reader<'_> {
    fn place(&self, line: usize) -> Place {
        Place {
            file: self.file.to_owned(),
            line,
        }
    }

    fn report(&mut self, kind: FindingKind, line: usize, message: String) {
        let place = self.place(line);
        self.reading.findings.push(Finding {
            kind,
            place,
            message,
        });
    }

    fn file_of(&mut self, file: &Value) {
        let Some(services) = file["services"].as_object() else {
            let message = "a file of Compose has `services`".to_owned();
            return self.report(FindingKind::NotAnObject, 1, message);
        };
        for (name, service) in services {
            let line = self.lines.line_of(&["services", name]);
            self.service(name, service, line);
        }
        for (name, _) in file["volumes"].as_object().into_iter().flatten() {
            let line = self.lines.line_of(&["volumes", name]);
            let message =
                format!("Compose sets no size for the volume `{name}`: the claim asks for 1Gi");
            self.report(FindingKind::NotInKubernetes, line, message);
            let claim = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": self.metadata(name),
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": { "requests": { "storage": "1Gi" } }
                }
            });
            self.object(claim, line);
        }
    }

    fn metadata(&self, name: &str) -> Value {
        json!({ "name": plain(name), "namespace": self.namespace })
    }

    fn object(&mut self, value: Value, line: usize) {
        let place = self.place(line);
        self.reading.objects.push(Object {
            value,
            place,
            lines: FieldLines::default(),
            comment: Vec::new(),
        });
    }

    fn service(&mut self, name: &str, service: &Value, line: usize) {
        let Some(fields) = service.as_object() else {
            let message = format!("expected the fields of the service `{name}`");
            return self.report(FindingKind::NotAnObject, line, message);
        };
        for key in fields.keys() {
            let at = self.lines.line_of(&["services", name, key]);
            if !READ.contains(&key.as_str())
                && !NOISE.contains(&key.as_str())
                && !key.starts_with("x-")
            {
                let message = format!("`{key}` of the service `{name}` is not imported");
                self.report(FindingKind::NotInKubernetes, at, message);
            }
        }
        let image = match (service["image"].as_str(), service.get("build")) {
            (Some(image), _) => image.to_owned(),
            (None, Some(_)) => {
                let message = format!(
                    "`{name}` is built from source: push its image, and set its name and version"
                );
                self.report(FindingKind::NotInKubernetes, line, message);
                format!("{}:latest", plain(name))
            }
            (None, None) => {
                let message = format!("the service `{name}` has no image");
                return self.report(FindingKind::NotAnObject, line, message);
            }
        };
        let Some(image) = fields::resolved(&image) else {
            let message = format!(
                "the image of `{name}` contains a variable: run `docker compose config` first"
            );
            return self.report(FindingKind::Template, line, message);
        };
        let mut container = json!({ "name": plain(name), "image": image });
        let mut pod = Map::new();
        let labels = json!({ "app": plain(name) });
        self.container(name, service, &mut container, &mut pod);
        let ports = ports(service);
        if !ports.is_empty() {
            container["ports"] = Value::Array(
                ports
                    .iter()
                    .map(|(number, protocol)| json!({ "containerPort": number, "protocol": protocol }))
                    .collect(),
            );
        }
        pod.insert("containers".to_owned(), json!([container]));
        let mut spec = json!({
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod }
        });
        if let Some(replicas) = service["deploy"]["replicas"].as_u64() {
            spec["replicas"] = replicas.into();
        }
        let metadata = self.metadata(name);
        let object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec });
        self.object(object, line);
        if !ports.is_empty() {
            let is_one = ports.len() == 1;
            let ports = ports.iter().map(|(number, protocol)| match is_one {
                true => json!({ "port": number, "protocol": protocol }),
                false => json!({ "name": format!("{}-{number}", protocol.to_ascii_lowercase()), "port": number, "protocol": protocol }),
            });
            let ports: Vec<Value> = ports.collect();
            let metadata = self.metadata(name);
            let spec = json!({ "selector": labels, "ports": ports });
            let object = json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec });
            self.object(object, line);
        }
        self.published(name, service);
        self.needs(name, service);
    }

    /// What is in the container and around it.
    fn container(
        &mut self,
        name: &str,
        service: &Value,
        container: &mut Value,
        pod: &mut Map<String, Value>,
    ) {
        for (key, field) in [("entrypoint", "command"), ("command", "args")] {
            let words = words(&service[key]);
            if !words.is_empty() {
                container[field] = words.into();
            }
        }
        let (variables, unknown) = environment(&service["environment"]);
        for variable in unknown {
            let line = self.lines.line_of(&["services", name, "environment"]);
            let message = format!(
                "the value of `{variable}` of `{name}` comes from the environment of Compose: set it"
            );
            self.report(FindingKind::Template, line, message);
        }
        if !variables.is_empty() {
            container["env"] = variables.into();
        }
        if let Some(folder) = service["working_dir"].as_str() {
            container["workingDir"] = folder.into();
        }
        if let Some(probe) = probe(&service["healthcheck"]) {
            container["readinessProbe"] = probe;
        }
        if let Some(resources) = amounts(&service["deploy"]["resources"]) {
            container["resources"] = resources;
        }
        let user = match &service["user"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let mut ids = user.split(':').map(str::parse::<u32>);
        if let Some(Ok(uid)) = ids.next() {
            container["securityContext"] = json!({ "runAsUser": uid });
            if let Some(Ok(gid)) = ids.next() {
                container["securityContext"]["runAsGroup"] = gid.into();
            }
        }
        let (volumes, in_container, left_out) = mounts(service);
        for path in left_out {
            let line = self.lines.line_of(&["services", name, "volumes"]);
            let message = format!(
                "`{name}` mounts {path} of the machine: put its files into a ConfigMap or an image"
            );
            self.report(FindingKind::NotInKubernetes, line, message);
        }
        if !volumes.is_empty() {
            pod.insert("volumes".to_owned(), volumes.into());
            container["volumeMounts"] = in_container.into();
        }
    }

    /// Ports of the machine are no ports of a cluster.
    fn published(&mut self, name: &str, service: &Value) {
        let published = items(&service["ports"]).iter();
        let published: Vec<String> = published.filter_map(fields::published).collect();
        if !published.is_empty() {
            let line = self.lines.line_of(&["services", name, "ports"]);
            let message = format!(
                "`{name}` is published on {} of the machine: `expose` opens it in a cluster",
                published.join(", ")
            );
            self.report(FindingKind::NotInKubernetes, line, message);
        }
    }

    /// The flows that an order of starting and links propose.
    fn needs(&mut self, name: &str, service: &Value) {
        for key in ["depends_on", "links"] {
            let names: Vec<String> = match &service[key] {
                Value::Object(map) => map.keys().cloned().collect(),
                list => items(list)
                    .iter()
                    .filter_map(|one| Some(one.as_str()?.split(':').next()?.to_owned()))
                    .collect(),
            };
            let line = self.lines.line_of(&["services", name, key]);
            for to in names {
                let hint = Hint {
                    namespace: self.namespace.to_owned(),
                    from: plain(name),
                    to: plain(&to),
                    evidence: key.to_owned(),
                    place: self.place(line),
                };
                self.hints.push(hint);
            }
        }
    }
}

/// A name that Kubernetes takes.
fn plain(name: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let name: String = name.chars().map(letter).take(60).collect();
    name.trim_matches('-').to_owned()
}
