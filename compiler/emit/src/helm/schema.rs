//! `values.schema.json`: closed objects with types, ranges and patterns, so that `helm install`
//! refuses a wrong value with its path. Services of one shape share a definition.

use std::collections::{BTreeMap, BTreeSet};

use erpc_model::{Platform, Service};
use serde_json::{Map, Value, json};

use super::Variants;
use super::values::{Field, ServiceValues, Settings, Shape};

/// Quantities as Kubernetes reads them (`resource.Quantity`), of cores: no sign but `+`, and no unit above a
/// core, which is always a mistake.
const CPU: &str = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([num]|[eE][+-]?[0-9]{1,2})?$";
/// Of bytes: more than none, and a fraction only of a unit.
const BYTES: &str = concat!(
    r"^\+?(0*[1-9][0-9]*|([0-9]*[1-9][0-9]*(\.[0-9]*)?|[0-9]*\.[0-9]*[1-9][0-9]*)",
    r"([kMGTPE]|[KMGTPE]i|[eE]\+?[0-9]{1,2}))$"
);
/// Of any kind, or nothing.
const LIMIT: &str = concat!(
    r"^(\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)",
    r"([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?)?$"
);
/// RFC 1123, a star as the first label, a dot at the end for a whole name.
const HOST: &str =
    r"^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?$";
/// RFC 1123, a name of several labels, or nothing.
const NAME: &str = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$";

/// The body of the schema: what follows its two lines of header.
pub(super) fn render(variants: &Variants<'_>, settings: &Settings, shape: &Shape) -> String {
    let mut shapes = Shapes::default();
    let namespaces = settings.namespaces.iter();
    let services: Map<String, Value> = namespaces
        .clone()
        .map(|namespace| {
            let services = namespace.services.iter();
            let services = services.map(|service| {
                let path = format!("{}.{}", namespace.name, service.name);
                let is_single = shape.single.contains(&path);
                (service.name.clone(), shapes.reference(service, is_single))
            });
            (namespace.name.clone(), closed(services.collect()))
        })
        .collect();
    let namespaces = namespaces.map(|namespace| {
        let fields = namespace.fields.iter();
        let fields = fields.map(|field| (field.name.to_owned(), of_field(field)));
        (namespace.name.clone(), closed(fields.collect()))
    });
    let mut properties: Map<String, Value> = settings
        .sections
        .iter()
        .map(|(section, fields)| ((*section).to_owned(), section_of(section, fields, shape)))
        .collect();
    properties.insert("namespaces".to_owned(), closed(namespaces.collect()));
    properties.insert("services".to_owned(), closed(services));
    let mut definitions = definitions(variants);
    definitions.extend(shapes.by_name);
    let mut root = closed(properties);
    root["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    root["definitions"] = Value::Object(definitions);
    let conditions = shape.clusters_of_profiles.iter();
    let conditions: Vec<Value> = conditions.map(|(name, of)| on_cluster(name, of)).collect();
    if !conditions.is_empty() {
        root["allOf"] = Value::from(conditions);
    }
    let text = serde_json::to_string_pretty(&root).unwrap_or_default();
    // The header has opened the object.
    text.trim_start_matches('{')
        .trim_start_matches('\n')
        .to_owned()
        + "\n"
}

/// That the objects on a cluster are those of the profiles that declare it.
fn on_cluster(cluster: &str, profiles: &BTreeSet<String>) -> Value {
    let with = |section: &str, field: &str, value: Value| json!({"properties": {section: {"properties": {field: value}}}});
    json!({
        "if": with("cluster", "name", json!({"const": cluster})),
        "then": with("global", "profile", json!({"enum": profiles})),
    })
}

/// An object with exactly these members.
fn closed(properties: Map<String, Value>) -> Value {
    let required = properties.keys().cloned().collect();
    object(properties, required)
}

/// An object that may lack members.
fn open_ended<const N: usize>(properties: [(&str, Value); N], required: &str) -> Value {
    let properties = properties.map(|(name, schema)| (name.to_owned(), schema));
    object(properties.into_iter().collect(), vec![required.to_owned()])
}

fn object(properties: Map<String, Value>, required: Vec<String>) -> Value {
    Value::Object(Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("additionalProperties".to_owned(), json!(false)),
        ("required".to_owned(), Value::from(required)),
        ("properties".to_owned(), Value::Object(properties)),
    ]))
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

fn section_of(section: &str, fields: &[Field], shape: &Shape) -> Value {
    let of_fields = fields.iter().map(|field| {
        let value = match field.name {
            // The policies are proven for the facts of these.
            "name" if section == "cluster" => json!({"enum": shape.clusters}),
            "profile" => {
                let names = shape.reshaping.iter().map(String::as_str);
                json!({"enum": std::iter::once("").chain(names).collect::<Vec<_>>()})
            }
            "imagePullPolicy" => json!({"enum": ["Always", "IfNotPresent", "Never"]}),
            "registry" => reference("registry"),
            "version" => reference("tag"),
            "domain" | "storageClass" => json!({"type": "string", "pattern": NAME}),
            "nodes" => json!({"type": "integer", "minimum": 0, "maximum": 100_000}),
            _ if field.default.is_boolean() => json!({"type": "boolean"}),
            _ => json!({"type": "string", "minLength": 1}),
        };
        let mut value = value;
        // A keyword beside `$ref` means nothing in this draft.
        if value.get("$ref").is_none() {
            value["description"] = json!(field.says);
        }
        (field.name.to_owned(), value)
    });
    closed(of_fields.collect())
}

fn definitions(variants: &Variants<'_>) -> Map<String, Value> {
    let mut registries: BTreeSet<&str> = BTreeSet::new();
    for platform in variants.all() {
        registries.extend(platform.registries.iter().map(|r| r.value.as_str()));
        registries.insert(&platform.registry.value);
        registries.extend(platform.services().flat_map(|(_, service)| {
            let containers = service.containers();
            containers.map(|container| container.image.value.registry.as_str())
        }));
    }
    let of_image: Vec<&str> = std::iter::once("")
        .chain(registries.iter().copied())
        .collect();
    let amounts = closed(Map::from_iter([
        ("cpu".to_owned(), reference("cpu")),
        ("memory".to_owned(), reference("bytes")),
    ]));
    let mut tag = Map::from_iter([
        ("type".to_owned(), json!("string")),
        (
            "pattern".to_owned(),
            json!(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"),
        ),
    ]);
    let mut services = variants
        .all()
        .flat_map(Platform::services)
        .map(|(_, service)| service);
    if services.all(Service::is_strict) {
        tag.insert("not".to_owned(), json!({"const": "latest"}));
    }
    let entries = [
        ("registry", json!({"enum": registries})),
        ("tag", Value::Object(tag)),
        (
            "cpu",
            json!({"type": ["string", "number"], "pattern": CPU, "minimum": 0}),
        ),
        (
            "bytes",
            json!({"type": ["string", "integer"], "pattern": BYTES, "minimum": 1}),
        ),
        (
            "replicas",
            json!({"type": "integer", "minimum": 0, "maximum": 1000}),
        ),
        (
            "minAvailable",
            json!({"type": "integer", "minimum": 0, "maximum": 1000}),
        ),
        (
            "percent",
            json!({"type": "integer", "minimum": 0, "maximum": 1000}),
        ),
        (
            "limit",
            json!({"type": ["string", "number"], "pattern": LIMIT, "minimum": 0}),
        ),
        (
            "hosts",
            json!({"type": "string", "pattern": HOST, "maxLength": 253}),
        ),
        (
            "resources",
            closed(Map::from_iter([
                ("requests".to_owned(), amounts.clone()),
                ("limits".to_owned(), amounts),
            ])),
        ),
        (
            "image",
            open_ended(
                [
                    ("registry", json!({"enum": of_image})),
                    (
                        "repository",
                        json!({"type": "string", "pattern": r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$"}),
                    ),
                    ("tag", json!({"anyOf": [{"const": ""}, reference("tag")]})),
                    (
                        "digest",
                        json!({"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"}),
                    ),
                ],
                "repository",
            ),
        ),
        (
            "volume",
            open_ended(
                [
                    ("size", reference("bytes")),
                    ("storageClass", json!({"type": "string", "pattern": NAME})),
                ],
                "size",
            ),
        ),
        (
            "container",
            object(
                Map::from_iter([
                    ("image".to_owned(), reference("image")),
                    ("resources".to_owned(), reference("resources")),
                ]),
                Vec::new(),
            ),
        ),
    ];
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What of a value its schema depends on: its name, and the names or the number of its members.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Form<'s> {
    name: &'static str,
    members: Vec<&'s str>,
    count: usize,
    most: usize,
    is_single: bool,
}

impl<'s> Form<'s> {
    fn new(field: &'s Field, is_single: bool) -> Self {
        let named = match field.name {
            "containers" | "persistence" => Some(&field.default),
            "hpa" => field.default.get("targetUtilization"),
            _ => None,
        };
        let members = named.and_then(Value::as_object);
        Self {
            name: field.name,
            members: members
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
                .collect(),
            count: field.default.as_array().map_or(0, Vec::len),
            most: field.most,
            is_single: is_single && field.name == "replicas",
        }
    }
}

/// The shapes of services, numbered by the first that has each.
#[derive(Default)]
struct Shapes<'s> {
    by_form: BTreeMap<Vec<Form<'s>>, String>,
    by_name: Map<String, Value>,
}

impl<'s> Shapes<'s> {
    fn reference(&mut self, service: &'s ServiceValues, is_single: bool) -> Value {
        let fields = service.fields.iter();
        let form = fields.map(|field| Form::new(field, is_single)).collect();
        let next = format!("service{}", self.by_form.len() + 1);
        let name = self.by_form.entry(form).or_insert_with(|| {
            let fields = service.fields.iter().map(|field| {
                let schema = match field.name {
                    "replicas" if is_single => {
                        json!({"type": "integer", "minimum": 0, "maximum": 1})
                    }
                    _ => of_field(field),
                };
                (field.name.to_owned(), schema)
            });
            self.by_name.insert(next.clone(), closed(fields.collect()));
            next
        });
        reference(name)
    }
}

fn of_field(field: &Field) -> Value {
    let keys = || field.default.as_object().into_iter().flat_map(Map::keys);
    let each = |definition: &str| {
        closed(
            keys()
                .map(|key| (key.clone(), reference(definition)))
                .collect(),
        )
    };
    match field.name {
        "enabled" => json!({"type": "boolean"}),
        "persistence" => each("volume"),
        "quota" => {
            let hard = field.default["hard"].as_object();
            let hard = hard.into_iter().flat_map(Map::keys);
            let hard = hard.map(|key| (key.clone(), reference("limit")));
            closed(Map::from_iter([
                ("enabled".to_owned(), json!({"type": "boolean"})),
                ("hard".to_owned(), closed(hard.collect())),
            ]))
        }
        "containers" => each("container"),
        "hosts" => {
            // As many as there are routes: another one would be another flow.
            let count = field.default.as_array().map_or(0, Vec::len);
            let most = count.max(field.most);
            json!({"type": "array", "minItems": count, "maxItems": most, "items": reference("hosts")})
        }
        "hpa" => {
            let targets = field.default["targetUtilization"].as_object();
            let targets = targets.into_iter().flat_map(Map::keys);
            let targets = targets.map(|key| (key.clone(), reference("percent")));
            let least = json!({"type": "integer", "minimum": 1, "maximum": 1000});
            closed(Map::from_iter([
                ("enabled".to_owned(), json!({"type": "boolean"})),
                ("minReplicas".to_owned(), least.clone()),
                ("maxReplicas".to_owned(), least),
                ("targetUtilization".to_owned(), closed(targets.collect())),
            ]))
        }
        same => reference(same),
    }
}
