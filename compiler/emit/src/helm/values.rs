//! What may be changed through values: sizes, replicas, images, hosts, what is on. Nothing here
//! moves a port, a flow or an identity, so every set of values keeps what the proof says.

use std::fmt::Write;

use erpc_model::{Container, Image, Platform, PullPolicy, Scaling, ServiceId};
use erpc_policy::Derived;
use serde_json::{Map, Value, json};

use crate::kubernetes::classes;
use crate::yaml;

/// The values of a chart by their sections.
pub(super) struct Settings {
    /// `global`, `cluster`, `rbac`, `networkPolicy`, `ingress`: fields with what they say.
    pub(super) sections: Vec<(&'static str, Vec<Field>)>,
    /// By namespace, in the order of the platform.
    pub(super) namespaces: Vec<(String, Vec<ServiceValues>)>,
}

/// One value.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) default: Value,
    /// What it does and its unit.
    pub(super) says: &'static str,
}

/// The values of one service.
pub(super) struct ServiceValues {
    pub(super) name: String,
    /// What the service is, in a line.
    pub(super) title: Option<String>,
    pub(super) fields: Vec<Field>,
}

const fn field(name: &'static str, default: Value, says: &'static str) -> Field {
    Field {
        name,
        default,
        says,
    }
}

pub(super) fn of(platform: &Platform, _derived: &Derived) -> Settings {
    let namespaces = platform
        .namespaces()
        .map(|(_, namespace)| {
            let services = namespace.services.iter();
            (
                namespace.name.value.to_string(),
                services.map(|id| service(platform, *id)).collect(),
            )
        })
        .collect();
    Settings {
        sections: sections(platform),
        namespaces,
    }
}

fn sections(platform: &Platform) -> Vec<(&'static str, Vec<Field>)> {
    let cluster = platform.cluster();
    let nodes = cluster.nodes.as_ref().map_or(0, |nodes| nodes.value.count);
    let domain = platform.domain.as_ref().map_or("", |domain| &domain.value);
    let class = classes::default_storage_class(platform).unwrap_or_default();
    vec![
        (
            "global",
            vec![
                field(
                    "domain",
                    json!(domain),
                    "below which hosts without a dot are",
                ),
                field(
                    "environment",
                    json!(platform.environment.value.as_str()),
                    "shown after a release; changes no object",
                ),
                field(
                    "registry",
                    json!(platform.registry.value),
                    "of every image that names none",
                ),
                field(
                    "imagePullPolicy",
                    json!(pull(platform.pull.value)),
                    "Always, IfNotPresent or Never",
                ),
                field(
                    "version",
                    json!(platform.version.value),
                    "tag of every image that names none",
                ),
            ],
        ),
        (
            "cluster",
            vec![
                field(
                    "name",
                    json!(cluster.name.value.as_str()),
                    "shown after a release; changes no object",
                ),
                field(
                    "nodes",
                    json!(nodes),
                    "count; with fewer than a service's replicas, its pods may share a node",
                ),
                field(
                    "storageClass",
                    json!(class),
                    "of every claim that names none; empty: the cluster's default",
                ),
                field(
                    "createStorageClasses",
                    json!(true),
                    "false where somebody else makes the StorageClasses",
                ),
            ],
        ),
        (
            "rbac",
            vec![field(
                "create",
                json!(true),
                "false installs no Roles and no bindings, only accounts",
            )],
        ),
        (
            "networkPolicy",
            vec![field(
                "enabled",
                json!(true),
                "false installs no NetworkPolicy; nothing is proven then",
            )],
        ),
        (
            "ingress",
            vec![field(
                "enabled",
                json!(true),
                "false installs no Ingress, and no policy rule lets its traffic in",
            )],
        ),
    ]
}

fn service(platform: &Platform, id: ServiceId) -> ServiceValues {
    let service = &platform[id];
    let mut fields = vec![field(
        "enabled",
        json!(true),
        "false removes its objects and every policy rule that names it",
    )];
    if !service.is_job() {
        match &service.scaling {
            Scaling::Fixed(count) => fields.push(field("replicas", json!(count.value), "pods")),
            Scaling::Auto(scale) => {
                let scale = &scale.value;
                let mut target = Map::new();
                for (name, percent) in [("cpu", scale.cpu), ("memory", scale.memory)] {
                    if let Some(percent) = percent {
                        target.insert(name.to_owned(), json!(percent));
                    }
                }
                fields.push(field(
                    "hpa",
                    json!({
                        "minReplicas": scale.replicas.min,
                        "maxReplicas": scale.replicas.max,
                        "targetUtilization": target,
                    }),
                    "pods; targets in percent of the request",
                ));
            }
        }
    }
    fields.push(field(
        "image",
        image(platform, &service.main.image.value),
        "empty registry and tag: those of global",
    ));
    fields.push(field(
        "resources",
        resources(&service.main),
        "cpu in cores, m is a thousandth; memory in bytes",
    ));
    let others: Map<String, Value> = service
        .sidecars
        .iter()
        .chain(&service.inits)
        .map(|container| {
            let values = json!({
                "image": image(platform, &container.image.value),
                "resources": resources(container),
            });
            (container.name.value.to_string(), values)
        })
        .collect();
    if !others.is_empty() {
        fields.push(field(
            "containers",
            Value::Object(others),
            "sidecars and init containers",
        ));
    }
    let default_class = classes::default_storage_class(platform);
    let volumes: Map<String, Value> = service
        .volumes
        .iter()
        .map(|volume| {
            let class = volume.class.as_ref().map(|class| class.value.to_string());
            let class = class.filter(|class| Some(class) != default_class.as_ref());
            let values = json!({
                "size": volume.size.value.to_string(),
                "storageClass": class.unwrap_or_default(),
            });
            (volume.name.value.to_string(), values)
        })
        .collect();
    if !volumes.is_empty() {
        fields.push(field(
            "persistence",
            Value::Object(volumes),
            "size in bytes; a claim grows, but never shrinks",
        ));
    }
    let hosts = hosts(platform, id);
    if !hosts.is_empty() {
        let hosts: Vec<String> = hosts.iter().map(|host| relative(platform, host)).collect();
        fields.push(field(
            "hosts",
            json!(hosts),
            "below global.domain where without a dot",
        ));
    }
    let doc = service.doc.as_deref().and_then(|doc| doc.lines().next());
    let title = service.title.as_ref().map(|title| title.value.as_str());
    ServiceValues {
        name: service.name.value.to_string(),
        title: title.or(doc).map(str::to_owned),
        fields,
    }
}

pub(super) const fn pull(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "Always",
        PullPolicy::Missing => "IfNotPresent",
        PullPolicy::Never => "Never",
    }
}

/// The hosts of a service, sorted: the order of its Ingress's rules.
pub(super) fn hosts(platform: &Platform, id: ServiceId) -> Vec<&str> {
    let routes = platform.routes_to(id).iter();
    let mut hosts: Vec<&str> = routes.map(|route| route.host.value.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// A host of one label below the domain as that label; any other whole, one of a single label
/// with a dot behind it, as DNS writes it.
fn relative(platform: &Platform, host: &str) -> String {
    let domain = platform.domain.as_ref().map(|domain| &domain.value);
    let label = domain.and_then(|domain| host.strip_suffix(domain.as_str())?.strip_suffix('.'));
    match label {
        Some(label) if !label.is_empty() && !label.contains('.') => label.to_owned(),
        _ if domain.is_some() && !host.contains('.') => format!("{host}."),
        _ => host.to_owned(),
    }
}

fn image(platform: &Platform, image: &Image) -> Value {
    let mut values = Map::new();
    if image.registry != platform.registry.value {
        values.insert("registry".to_owned(), json!(image.registry.as_str()));
    }
    values.insert("repository".to_owned(), json!(image.repository.as_str()));
    let tag = image.tag.as_deref().unwrap_or_default();
    let follows = image.digest.is_none() && tag == platform.version.value;
    values.insert("tag".to_owned(), json!(if follows { "" } else { tag }));
    if let Some(digest) = &image.digest {
        values.insert("digest".to_owned(), json!(digest.as_str()));
    }
    Value::Object(values)
}

fn resources(container: &Container) -> Value {
    let (cpu, memory) = (container.cpu.value, container.memory.value);
    json!({
        "requests": {"cpu": cpu.min.to_string(), "memory": memory.min.to_string()},
        "limits": {"cpu": cpu.max.to_string(), "memory": memory.max.to_string()},
    })
}

/// The text of `values.yaml`.
pub(super) fn write(settings: &Settings) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "# Sizes, replicas, images, hosts and what is on. Ports, flows and identity are no values: the\n# network policies are proven for them. README.md says what each value does.\n"
    );
    for (section, fields) in &settings.sections {
        let _ = writeln!(out, "{section}:");
        for one in fields {
            write_field(&mut out, 2, one);
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "# false removes a namespace's objects, its services' and every policy rule that names them."
    );
    let _ = writeln!(out, "namespaces:");
    for (namespace, _) in &settings.namespaces {
        let _ = writeln!(out, "  {}:\n    enabled: true", yaml::scalar(namespace));
    }
    let _ = writeln!(out, "\nservices:");
    for (namespace, services) in &settings.namespaces {
        let name = yaml::scalar(namespace);
        if services.is_empty() {
            let _ = writeln!(out, "  {name}: {{}}");
            continue;
        }
        let _ = writeln!(out, "  {name}:");
        for service in services {
            if let Some(title) = &service.title {
                let _ = writeln!(out, "    # {title}");
            }
            let _ = writeln!(out, "    {}:", yaml::scalar(&service.name));
            for one in &service.fields {
                write_field(&mut out, 6, one);
            }
        }
    }
    out
}

/// A value with its remark: scalars and lists on one line, maps below their name, their inner maps
/// in braces where these are small.
fn write_field(out: &mut String, indent: usize, field: &Field) {
    let pad = " ".repeat(indent);
    match &field.default {
        Value::Object(map) => {
            let _ = writeln!(out, "{pad}{}:  # {}", field.name, field.says);
            for (key, value) in map {
                let _ = writeln!(out, "{pad}  {}: {}", yaml::scalar(key), flow(value));
            }
        }
        value => {
            let _ = writeln!(
                out,
                "{pad}{}: {}  # {}",
                field.name,
                flow(value),
                field.says
            );
        }
    }
}

/// A value on one line; texts as JSON, which YAML reads as the same.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let inner: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", yaml::scalar(key), flow(value)))
                .collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::Array(items) => {
            let inner: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", inner.join(", "))
        }
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text stands for itself inside of braces too.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && yaml::scalar(text) == text
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}
