//! What may be changed through values: sizes, replicas, images, hosts, what is on. Nothing here
//! moves a port, a flow or an identity, so every set of values keeps what the proof says.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::units::{Cpu, Memory, Range};
use erpc_model::{
    ComponentUse, Container, Image, Origin, Platform, Scaling, ServiceId, Sourced, Via, Volume,
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::Variants;
use super::entries::{self, Fixed};
use crate::kubernetes::container::pull_policy;
use crate::kubernetes::{classes, namespaces};
use crate::tree;

/// The values of a chart by their sections.
pub(super) struct Settings {
    /// `global`, `cluster`, `rbac`, `networkPolicy`, `ingress`: fields with what they say.
    pub(super) sections: Vec<(&'static str, Vec<Field>)>,
    /// By name.
    pub(super) namespaces: Vec<NamespaceValues>,
}

/// One value.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) default: Value,
    /// What it does and its unit.
    pub(super) says: &'static str,
    /// The greatest number of items that it has under a profile, of a list.
    pub(super) most: usize,
}

/// The values of one namespace.
pub(super) struct NamespaceValues {
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    /// By name.
    pub(super) services: Vec<ServiceValues>,
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
        most: 0,
    }
}

impl Settings {
    /// Adds what is there under a profile only: its namespaces and services are off.
    pub(super) fn add_missing(&mut self, under: &Self) {
        for there in &under.namespaces {
            let names = self
                .namespaces
                .binary_search_by(|known| known.name.cmp(&there.name));
            let at = names.unwrap_or_else(|at| {
                let namespace = NamespaceValues {
                    name: there.name.clone(),
                    fields: switched_off(&there.fields),
                    services: Vec::new(),
                };
                self.namespaces.insert(at, namespace);
                at
            });
            let services = &mut self.namespaces[at].services;
            for there in &there.services {
                match services.binary_search_by(|known| known.name.cmp(&there.name)) {
                    Ok(at) => services[at].add_missing(there),
                    Err(at) => services.insert(
                        at,
                        ServiceValues {
                            name: there.name.clone(),
                            title: there.title.clone(),
                            fields: switched_off(&there.fields),
                        },
                    ),
                }
            }
        }
    }
}

impl ServiceValues {
    /// Adds the values that a service has under a profile only: of a container, a volume, hosts.
    fn add_missing(&mut self, under: &Self) {
        for there in &under.fields {
            let Some(known) = self
                .fields
                .iter_mut()
                .find(|field| field.name == there.name)
            else {
                let mut field = there.clone();
                if let Value::Array(items) = &mut field.default {
                    field.most = items.len();
                    items.clear();
                }
                self.fields.push(field);
                continue;
            };
            let is_by_name = ["containers", "persistence"].contains(&known.name);
            match (&mut known.default, &there.default) {
                (Value::Array(_), Value::Array(there)) => known.most = known.most.max(there.len()),
                (Value::Object(known), Value::Object(there)) if is_by_name => {
                    for (name, value) in there {
                        if !known.contains_key(name) {
                            known.insert(name.clone(), value.clone());
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// The values of what is off.
fn switched_off(fields: &[Field]) -> Vec<Field> {
    let mut fields = fields.to_vec();
    for field in fields.iter_mut().filter(|field| field.name == "enabled") {
        field.default = json!(false);
    }
    fields
}

/// Which values there are: what the platform, or a profile of it, says anywhere.
#[derive(Default)]
pub(super) struct Shape {
    /// Services that an autoscaler may own, with what it may measure.
    pub(super) scaled: BTreeMap<String, BTreeSet<&'static str>>,
    /// Services that say how many pods a drain must leave.
    pub(super) drained: BTreeSet<String>,
    /// Those of them that let no pod go, as a warning of the check says.
    pub(super) blocked: BTreeSet<String>,
    /// Namespaces with a quota, with what it may limit.
    pub(super) quotas: BTreeMap<String, BTreeSet<String>>,
    /// Clusters that the platform may be on.
    pub(super) clusters: BTreeSet<String>,
    /// Those that only profiles declare, with these.
    pub(super) clusters_of_profiles: BTreeMap<String, BTreeSet<String>>,
    /// Profiles under which a service is another workload.
    pub(super) reshaping: BTreeSet<String>,
    /// Services that stay one pod: with two they would have a Service of the name that a
    /// neighbour has.
    pub(super) single: BTreeSet<String>,
}

impl Shape {
    pub(super) fn of(variants: &Variants<'_>) -> Self {
        let profiles = variants.profiles.iter();
        let reshaping =
            profiles.filter(|(_, under)| entries::profiles::is_reshaped(variants.platform, under));
        let mut shape = Self {
            reshaping: reshaping.map(|(name, _)| (*name).to_owned()).collect(),
            single: single(variants),
            ..Self::default()
        };
        for (profile, under) in &variants.profiles {
            if under.cluster.index() >= variants.platform.clusters.len() {
                let cluster = under.cluster().name.value.to_string();
                let profiles = shape.clusters_of_profiles.entry(cluster).or_default();
                profiles.insert((*profile).to_owned());
            }
        }
        for platform in variants.all() {
            let cluster = &platform.cluster().name.value;
            shape.clusters.insert(cluster.to_string());
            for (id, service) in platform.services() {
                if let Scaling::Auto(scale) = &service.scaling {
                    let measures = shape.scaled.entry(platform.path(id)).or_default();
                    let scale = &scale.value;
                    measures.extend(scale.cpu.map(|_| "cpu"));
                    measures.extend(scale.memory.map(|_| "memory"));
                }
                if let Some(least) = &service.properties.disruption {
                    shape.drained.insert(platform.path(id));
                    let pods = service.scaling.bounds().min;
                    // A single pod has no budget.
                    if pods > 1 && least.value >= pods {
                        shape.blocked.insert(platform.path(id));
                    }
                }
            }
            for (_, namespace) in platform.namespaces() {
                if let Some(quota) = &namespace.quota {
                    let limits = shape.quotas.entry(namespace.name.value.to_string());
                    let hard = namespaces::hard(&quota.value);
                    let names = hard.iter().map(|(name, _)| name.to_string());
                    limits.or_default().extend(names);
                }
            }
        }
        shape
    }
}

/// The services whose `NAME-pods` is another service.
fn single(variants: &Variants<'_>) -> BTreeSet<String> {
    let Variants {
        platform, derived, ..
    } = variants;
    let services = platform.services();
    let paths: BTreeSet<String> = services.map(|(id, _)| platform.path(id)).collect();
    let services = platform.services();
    services
        .filter(|(id, _)| derived.edges.would_be_found_by_replica(platform, *id))
        .map(|(id, _)| platform.path(id))
        .filter(|path| paths.contains(&format!("{path}-pods")))
        .collect()
}

/// The values that say what a platform says.
pub(super) fn settings(
    platform: &Platform,
    sources: &Sources,
    shape: &Shape,
    fixed: &Fixed,
) -> Settings {
    let of = Values {
        platform,
        sources,
        shape,
        fixed,
        class: classes::default_storage_class(platform).map(|class| class.name.value.to_string()),
    };
    Settings {
        sections: of.sections(),
        namespaces: of.namespaces(),
    }
}

struct Values<'p> {
    platform: &'p Platform,
    sources: &'p Sources,
    shape: &'p Shape,
    fixed: &'p Fixed,
    /// The class of a claim that names none.
    class: Option<String>,
}

impl Values<'_> {
    fn sections(&self) -> Vec<(&'static str, Vec<Field>)> {
        let platform = self.platform;
        let domain = platform.domain.as_ref().map_or("", |domain| &domain.value);
        let mut global = vec![
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
                json!(pull_policy(platform.pull.value)),
                "Always, IfNotPresent or Never",
            ),
            field(
                "version",
                json!(platform.version.value),
                "tag of every image that names none",
            ),
        ];
        if !self.shape.reshaping.is_empty() {
            let profile = platform.profile.map(|id| platform[id].name.value.as_str());
            let profile = profile.filter(|name| self.shape.reshaping.contains(*name));
            global.push(field(
                "profile",
                json!(profile.unwrap_or_default()),
                "under which objects differ in more than values, or none",
            ));
        }
        let enabled = |says| vec![field("enabled", json!(true), says)];
        vec![
            ("global", global),
            ("cluster", self.cluster()),
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
                enabled("false installs no NetworkPolicy; nothing is proven then"),
            ),
            (
                "ingress",
                enabled("false installs no Ingress, and no policy rule lets its traffic in"),
            ),
        ]
    }

    fn cluster(&self) -> Vec<Field> {
        let cluster = self.platform.cluster();
        let nodes = cluster.nodes.as_ref().map_or(0, |nodes| nodes.value.count);
        vec![
            field(
                "name",
                json!(cluster.name.value.as_str()),
                "whose addresses, DNS and ingress controller the policies are for",
            ),
            field(
                "nodes",
                json!(nodes),
                "count; with fewer than a service's replicas, its pods may share a node",
            ),
            field(
                "storageClass",
                json!(self.class.as_deref().unwrap_or_default()),
                "of every claim that names none; empty: the cluster's default",
            ),
            field(
                "createStorageClasses",
                json!(true),
                "`false` if the StorageClasses are created outside of this chart",
            ),
        ]
    }

    fn namespaces(&self) -> Vec<NamespaceValues> {
        let mut namespaces: Vec<_> = self.platform.namespaces().collect();
        // A suffix may change their order.
        namespaces.sort_unstable_by_key(|(_, namespace)| &namespace.name.value);
        let namespaces = namespaces.into_par_iter().map(|(_, namespace)| {
            let name = namespace.name.value.to_string();
            let mut fields = vec![field(
                "enabled",
                json!(true),
                "false removes all its objects and every policy rule that names them",
            )];
            if let Some(limits) = self.shape.quotas.get(&name) {
                let quota = namespace.quota.as_ref();
                let hard = quota.map(|quota| namespaces::hard(&quota.value));
                let hard = hard.unwrap_or_default();
                let limits = limits.iter().map(|limit| {
                    let most = hard.get(limit).and_then(tree::Field::as_text);
                    (limit.clone(), json!(most.unwrap_or_default()))
                });
                fields.push(field(
                    "quota",
                    json!({
                        "enabled": quota.is_some(),
                        "hard": Value::Object(limits.collect()),
                    }),
                    "what its pods may ask for together; empty: no limit",
                ));
            }
            let services = namespace.services.iter();
            NamespaceValues {
                name,
                fields,
                services: services.map(|id| self.service(*id)).collect(),
            }
        });
        namespaces.collect()
    }

    fn service(&self, id: ServiceId) -> ServiceValues {
        let service = &self.platform[id];
        let path = self.platform.path(id);
        let mut fields = vec![field(
            "enabled",
            json!(true),
            "false removes its objects and every policy rule that names it",
        )];
        if service.has_replicas() {
            self.pods(id, &mut fields);
        }
        fields.push(field(
            "image",
            self.image(&service.main.image),
            "no registry, empty tag: those of global",
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
                let name = &container.name.value;
                let mut values = json!({
                    "image": self.image(&container.image),
                    "resources": resources(container),
                });
                if let Some(values) = values.as_object_mut() {
                    let is_value =
                        |value: &str| !self.fixed.has(&path, &format!("containers.{name}.{value}"));
                    values.retain(|value, _| is_value(value));
                }
                (name.to_string(), values)
            })
            .collect();
        if !others.is_empty() {
            fields.push(field(
                "containers",
                Value::Object(others),
                "sidecars and init containers",
            ));
        }
        let volumes: Map<String, Value> = service
            .volumes
            .iter()
            .map(|volume| (volume.name.value.to_string(), self.volume(volume)))
            .filter(|(name, _)| !self.fixed.has(&path, &format!("persistence.{name}")))
            .collect();
        if !volumes.is_empty() {
            fields.push(field(
                "persistence",
                Value::Object(volumes),
                "size in bytes; after the install only a shared claim can grow, and none shrinks",
            ));
        }
        let hosts = hosts(self.platform, id);
        if !hosts.is_empty() {
            let hosts = hosts.iter().map(|host| relative(self.platform, host));
            fields.push(field(
                "hosts",
                hosts.collect(),
                "below global.domain where without a dot",
            ));
        }
        fields.retain(|field| !self.fixed.has(&path, field.name));
        let doc = service.doc.as_deref().and_then(|doc| doc.lines().next());
        let title = service
            .properties
            .title
            .as_ref()
            .map(|title| title.value.as_str());
        ServiceValues {
            name: service.name.value.to_string(),
            title: title.or(doc).map(str::to_owned),
            fields,
        }
    }

    /// How many pods there are.
    fn pods(&self, id: ServiceId, fields: &mut Vec<Field>) {
        let service = &self.platform[id];
        let path = self.platform.path(id);
        let bounds = service.scaling.bounds();
        let measures = self.shape.scaled.get(&path);
        let says = if measures.is_some() {
            "pods, where hpa is off"
        } else {
            "pods"
        };
        fields.push(field("replicas", json!(bounds.min), says));
        if let Some(measures) = measures {
            let scale = match &service.scaling {
                Scaling::Auto(scale) => Some(&scale.value),
                Scaling::Fixed(_) | Scaling::PerNode(_) => None,
            };
            let target = |measure: &str| match measure {
                "cpu" => scale.and_then(|scale| scale.cpu),
                _ => scale.and_then(|scale| scale.memory),
            };
            let targets = measures.iter().map(|measure| {
                let percent = target(measure).unwrap_or(0);
                ((*measure).to_owned(), json!(percent))
            });
            fields.push(field(
                "hpa",
                json!({
                    "enabled": scale.is_some(),
                    "minReplicas": bounds.min,
                    "maxReplicas": bounds.max,
                    "targetUtilization": Value::Object(targets.collect()),
                }),
                "pods; targets in percent of the request, 0 is not measured",
            ));
        }
        if self.shape.drained.contains(&path) {
            let least = service
                .properties
                .disruption
                .as_ref()
                .map_or(0, |min| min.value);
            fields.push(field(
                "minAvailable",
                json!(least),
                "pods that a drain leaves; 0: one goes at a time",
            ));
        }
    }

    fn volume(&self, volume: &Volume) -> Value {
        let class = volume.class.as_ref().map(|class| class.value.to_string());
        let class = class.filter(|class| Some(class) != self.class.as_ref());
        json!({
            "size": volume.size.value.to_string(),
            "storageClass": class.unwrap_or_default(),
        })
    }

    fn image(&self, image: &Sourced<Image>) -> Value {
        let tag = image.value.tag.as_deref().unwrap_or_default();
        let follows = image.value.digest.is_none()
            && tag == self.platform.version.value
            && self.follows_version(image.origin);
        let image = &image.value;
        let mut values = Map::new();
        if image.registry_is_written {
            values.insert("registry".to_owned(), json!(image.registry.as_str()));
        }
        values.insert("repository".to_owned(), json!(image.repository.as_str()));
        values.insert("tag".to_owned(), json!(if follows { "" } else { tag }));
        if let Some(digest) = &image.digest {
            values.insert("digest".to_owned(), json!(digest.as_str()));
        }
        Value::Object(values)
    }

    /// Whether the source says that an image has the platform's version, where another happens to
    /// have the same tag: in its own text, or, where that is a parameter, in the argument for it or
    /// in its default.
    fn follows_version(&self, origin: Origin) -> bool {
        let says = |text: &str| text.contains("platform.version");
        let text = self.sources.text(origin.span);
        if says(text) {
            return true;
        }
        let is_plain = text.starts_with('"') && !text.contains("${");
        let mut at = match origin.via {
            Via::Component(at) if !is_plain => Some(at),
            _ => None,
        };
        while let Some(id) = at {
            let ComponentUse {
                component,
                span,
                outer,
            } = self.platform.uses[id.index()];
            let declared = self.platform.components[component.index()].span;
            let file = self.sources.get(declared.file);
            let head = file.and_then(|file| file.text.get(declared.start as usize..));
            // The block of the component opens at the end of a line.
            let parameters = head.and_then(|head| head.split("{\n").next());
            if says(self.sources.text(span)) || parameters.is_some_and(says) {
                return true;
            }
            at = outer;
        }
        false
    }
}

/// The hosts of a service, in the order of its routes.
pub(super) fn hosts(platform: &Platform, id: ServiceId) -> Vec<&str> {
    let mut hosts: Vec<&str> = Vec::new();
    for route in platform.routes_to(id) {
        if !hosts.contains(&route.host.value.as_str()) {
            hosts.push(&route.host.value);
        }
    }
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

/// The amounts of a container, which are values of the chart if it sets both.
pub(super) fn amounts(container: &Container) -> Option<(Range<Cpu>, Range<Memory>)> {
    let (cpu, memory) = (container.cpu.as_ref()?, container.memory.as_ref()?);
    Some((cpu.value, memory.value))
}

pub(super) fn resources(container: &Container) -> Value {
    let Some((cpu, memory)) = amounts(container) else {
        return Value::Null;
    };
    json!({
        "requests": {"cpu": cpu.min.to_string(), "memory": memory.min.to_string()},
        "limits": {"cpu": cpu.max.to_string(), "memory": memory.max.to_string()},
    })
}
