//! Workloads among the manifests. Flows name them as they name services, so each is a [`Service`] of its namespace that
//! knows its labels, its ports and the Services that lead to it, and has no other statement.

use erpc_diagnostics::Span;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{
    Container, Defaults, Identity, Manifest, NamespaceId, PatchValue, Port, Service, ServiceName,
    Workload,
};
use crate::origin::Sourced;
use crate::units::Protocol;

/// What a [`Service`] knows of the manifest that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawWorkload {
    /// `Deployment`, `Pod`, `ReplicaSet`, …
    pub kind: SmolStr,
    /// The name of the object.
    pub name: SmolStr,
    /// The statement that takes the manifest.
    pub statement: Span,
    /// Whether its pods are on the network of their node, where no policy is in force.
    pub is_on_host: bool,
}

/// The kinds that have pods. Of several workloads with one name, the one whose kind comes first has the name to itself.
const KINDS: [(&str, &str, &[&str]); 8] = [
    ("Deployment", "apps/v1", OF_TEMPLATE),
    ("StatefulSet", "apps/v1", OF_TEMPLATE),
    ("DaemonSet", "apps/v1", OF_TEMPLATE),
    ("ReplicaSet", "apps/v1", OF_TEMPLATE),
    ("ReplicationController", "v1", OF_TEMPLATE),
    ("Job", "batch/v1", OF_TEMPLATE),
    (
        "CronJob",
        "batch/v1",
        &["spec", "jobTemplate", "spec", "template"],
    ),
    ("Pod", "v1", &[]),
];
const OF_TEMPLATE: &[&str] = &["spec", "template"];

type Labels = Vec<(SmolStr, Sourced<String>)>;

/// A Service among the manifests with its selector.
type Selecting<'m> = (&'m Manifest, Labels);

/// A value below others.
fn at<'m>(value: &'m PatchValue, path: &[&str]) -> Option<&'m Sourced<PatchValue>> {
    let (last, above) = path.split_last()?;
    let mut value = value;
    for name in above {
        value = &value.get(name)?.value;
    }
    value.get(last)
}

fn items(value: Option<&Sourced<PatchValue>>) -> &[Sourced<PatchValue>] {
    match value.map(|value| &value.value) {
        Some(PatchValue::List(items)) => items,
        _ => &[],
    }
}

/// The entries of a map of texts.
fn labels_of(value: Option<&Sourced<PatchValue>>) -> Labels {
    let Some(PatchValue::Map(entries)) = value.map(|value| &value.value) else {
        return Vec::new();
    };
    let entries = entries.iter().filter_map(|(key, value)| {
        let text = value.value.as_text()?.to_owned();
        let origin = value.origin;
        Some((
            key.clone(),
            Sourced {
                value: text,
                origin,
            },
        ))
    });
    entries.collect()
}

fn number(value: Option<&Sourced<PatchValue>>) -> Option<Sourced<u16>> {
    let value = value?;
    match value.value {
        PatchValue::Int(number) => Some(Sourced {
            value: u16::try_from(number).ok()?,
            origin: value.origin,
        }),
        _ => None,
    }
}

fn protocol(value: Option<&Sourced<PatchValue>>) -> Protocol {
    match value.and_then(|value| value.value.as_text()) {
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

/// The name of a port that has none: `port-6379`, `port-53-udp`.
fn unnamed(number: u16, protocol: Protocol) -> SmolStr {
    match protocol {
        Protocol::Tcp => format!("port-{number}").into(),
        Protocol::Udp | Protocol::Sctp => format!("port-{number}-{}", protocol.as_suffix()).into(),
    }
}

/// What the name of a port that has none says of it.
fn numbered(name: &str) -> Option<(u16, Protocol)> {
    let rest = name.strip_prefix("port-")?;
    let (number, protocol) = match rest.split_once('-') {
        Some((number, "udp")) => (number, Protocol::Udp),
        Some((number, "sctp")) => (number, Protocol::Sctp),
        Some(_) => return None,
        None => (rest, Protocol::Tcp),
    };
    let number = number.parse().ok().filter(|number| *number > 0)?;
    (unnamed(number, protocol) == name).then_some((number, protocol))
}

impl Manifest {
    /// The place of its kind among those that have pods, and where the template of the pods is.
    fn pods(&self) -> Option<(usize, &'static [&'static str])> {
        let mut kinds = KINDS.iter().enumerate();
        let found = kinds
            .find(|(_, (kind, version, _))| self.kind == *kind && self.api_version == *version);
        found.map(|(order, (_, _, template))| (order, *template))
    }

    /// The workload that it is.
    fn workload(&self, namespace: NamespaceId, name: SmolStr) -> Option<Service> {
        let (_, path) = self.pods()?;
        let root = &self.fields.value;
        let template = match path {
            [] => root,
            path => &at(root, path)?.value,
        };
        let name = Sourced {
            value: name,
            origin: self.name.origin,
        };
        let mut service = Service::new(name.clone(), namespace, Container::new(name));
        service.workload = match self.kind.as_str() {
            "StatefulSet" => Workload::StatefulSet,
            "DaemonSet" => Workload::DaemonSet,
            "Job" | "CronJob" => Workload::Job,
            _ => Workload::Deployment,
        };
        service.is_whole = true;
        service.properties.defaults.value = Defaults::Kubernetes;
        service.statements.ports = ports_of(template);
        let mut identity = Identity::new(self.name.origin);
        identity.workload = Some(self.name.clone());
        identity.selector = Some(self.selector(template));
        identity.services = Some(Vec::new());
        service.properties.identity = Some(identity);
        service.properties.labels = labels_of(at(template, &["metadata", "labels"]));
        let on_host = at(template, &["spec", "hostNetwork"]);
        service.raw = Some(RawWorkload {
            kind: self.kind.clone(),
            name: self.name.value.clone(),
            statement: self.statement,
            is_on_host: on_host.is_some_and(|on| on.value == PatchValue::Bool(true)),
        });
        Some(service)
    }

    /// The labels by which policies know its pods: those of its own selector, which never change, so that the pods of
    /// every revision have them; else those of its template.
    fn selector(&self, template: &PatchValue) -> Labels {
        let root = &self.fields.value;
        let has_template = self.pods().is_some_and(|(_, path)| path == OF_TEMPLATE);
        let is_job = self.kind == "Job";
        if has_template && !is_job {
            let selector = match self.kind.as_str() {
                "ReplicationController" => at(root, &["spec", "selector"]),
                _ => at(root, &["spec", "selector", "matchLabels"]),
            };
            let labels = labels_of(selector);
            let is_whole = at(root, &["spec", "selector", "matchExpressions"]).is_none();
            if is_whole && !labels.is_empty() {
                return labels;
            }
        }
        labels_of(at(template, &["metadata", "labels"]))
    }

    /// The labels that a Service among the manifests selects pods by; none of one that selects no pods.
    fn selected(&self) -> Labels {
        match (self.kind.as_str(), self.api_version.as_str()) {
            ("Service", "v1") => labels_of(at(&self.fields.value, &["spec", "selector"])),
            _ => Vec::new(),
        }
    }
}

/// The ports that the containers of a pod declare, without numbers that only a Service or a flow uses.
fn ports_of(pod: &PatchValue) -> Vec<Port> {
    let containers = ["containers", "initContainers"].into_iter();
    let containers = containers.flat_map(|list| items(at(pod, &["spec", list])));
    let mut ports: Vec<Port> = Vec::new();
    for port in containers.flat_map(|container| items(container.value.get("ports"))) {
        let Some(number) = number(port.value.get("containerPort")) else {
            continue;
        };
        let protocol = protocol(port.value.get("protocol"));
        let name = port.value.get("name").and_then(|name| {
            let text = name.value.as_text().filter(|name| !name.is_empty())?;
            Some(Sourced {
                value: SmolStr::from(text),
                origin: name.origin,
            })
        });
        let is_taken = |name: &SmolStr| ports.iter().any(|port| port.name.value == *name);
        let name = name
            .filter(|name| !is_taken(&name.value))
            .unwrap_or(Sourced {
                value: unnamed(number.value, protocol),
                origin: number.origin,
            });
        if !is_taken(&name.value) {
            ports.push(port_of(name, number, protocol));
        }
    }
    ports
}

fn port_of(name: Sourced<SmolStr>, number: Sourced<u16>, protocol: Protocol) -> Port {
    Port {
        last: number.value,
        container: number.value,
        name,
        number,
        protocol,
        host: false,
        sidecar: None,
    }
}

impl Service {
    /// Adds a port of a raw workload that a flow names by its number, `port-6379`: containers need not declare the
    /// ports that they listen on.
    pub(crate) fn add_numbered_port(&mut self, name: &SmolStr, span: Span) {
        if self.raw.is_none() || self.port(name).is_some() {
            return;
        }
        if let Some((number, protocol)) = numbered(name) {
            let name = Sourced::declared(name.clone(), span);
            let number = Sourced::declared(number, span);
            let port = port_of(name, number, protocol);
            self.statements.ports.push(port);
        }
    }

    /// Takes in a Service among the manifests that selects its pods: the names and numbers by which clients know its
    /// ports.
    fn take_service(&mut self, manifest: &Manifest) {
        let spec = &manifest.fields.value;
        let mut names = Vec::new();
        for port in items(at(spec, &["spec", "ports"])) {
            let Some(client) = number(port.value.get("port")) else {
                continue;
            };
            let protocol = protocol(port.value.get("protocol"));
            let target = port.value.get("targetPort");
            let by_name = target.and_then(|target| target.value.as_text());
            let by_number = number(target).unwrap_or(client.clone());
            let found = self.statements.ports.iter_mut().find(|port| {
                port.protocol == protocol
                    && match by_name {
                        Some(name) => port.name.value == name,
                        None => port.container == by_number.value,
                    }
            });
            let port = match (found, by_name) {
                (Some(port), _) => port,
                (None, Some(_)) => continue,
                (None, None) => {
                    let name = Sourced {
                        value: unnamed(by_number.value, protocol),
                        origin: by_number.origin,
                    };
                    let ports = &mut self.statements.ports;
                    ports.push(port_of(name, by_number, protocol));
                    // It was pushed just now.
                    let Some(port) = ports.last_mut() else {
                        continue;
                    };
                    port
                }
            };
            let is_known = |service: &ServiceName| service.has_port(&port.name.value);
            let services = self.properties.identity.as_ref();
            let services = services.and_then(|identity| identity.services.as_ref());
            if !services.is_some_and(|services| services.iter().any(is_known)) {
                port.number = client.clone();
                port.last = client.value;
            }
            names.push(port.name.clone());
        }
        let cluster_ip = at(spec, &["spec", "clusterIP"]);
        let cluster_ip = cluster_ip.and_then(|ip| ip.value.as_text());
        let identity = self.properties.identity.as_mut();
        let services = identity.and_then(|identity| identity.services.as_mut());
        if let Some(services) = services.filter(|_| !names.is_empty()) {
            services.push(ServiceName {
                name: manifest.name.clone(),
                ports: names,
                is_headless: cluster_ip == Some("None"),
                is_unnamed: false,
                labels: Vec::new(),
                annotations: Vec::new(),
            });
        }
    }
}

/// The workloads among manifests, sorted by namespace and name, each with the manifest that it is. Where several have one
/// name, all but the first have their kind behind it: `backup-cronjob`. `namespace_named` knows the
/// declared namespaces.
pub(crate) fn workloads(
    manifests: &[Manifest],
    namespace_named: impl Fn(&str) -> Option<NamespaceId>,
) -> Vec<(Service, &Manifest)> {
    let home = |manifest: &Manifest| namespace_named(&manifest.namespace()?.value);
    let mut found: Vec<(NamespaceId, &SmolStr, usize, &Manifest)> = manifests
        .iter()
        .filter_map(|manifest| {
            let (order, _) = manifest.pods()?;
            Some((home(manifest)?, &manifest.name.value, order, manifest))
        })
        .collect();
    found.sort_by_key(|(namespace, name, order, _)| (*namespace, *name, *order));
    // An object that two statements take is reported as one of two.
    found.dedup_by_key(|(namespace, name, order, _)| (*namespace, *name, *order));
    // By the first label of its selector, so that the labels of a pod find the Services that may select it.
    let mut services: FxHashMap<(NamespaceId, SmolStr, String), Vec<Selecting<'_>>> =
        FxHashMap::default();
    for manifest in manifests {
        let selected = manifest.selected();
        if let (Some(namespace), Some((key, value))) = (home(manifest), selected.first()) {
            let first = (namespace, key.clone(), value.value.clone());
            let of_label = services.entry(first).or_default();
            of_label.push((manifest, selected));
        }
    }
    let mut workloads: Vec<(Service, &Manifest)> = Vec::with_capacity(found.len());
    for (namespace, name, _, manifest) in found {
        let is_taken = workloads
            .last()
            .is_some_and(|(_, last)| last.name.value == *name && home(last) == Some(namespace));
        let name: SmolStr = match is_taken {
            true => format!("{name}-{}", manifest.kind.to_lowercase()).into(),
            false => name.clone(),
        };
        let Some(mut service) = manifest.workload(namespace, name) else {
            continue;
        };
        let labels = service.properties.labels.clone();
        let has = |(key, value): &(SmolStr, Sourced<String>)| {
            let mut labels = labels.iter();
            labels.any(|(known, own)| known == key && own.value == value.value)
        };
        for (key, value) in &labels {
            let first = (namespace, key.clone(), value.value.clone());
            for (of_service, selected) in services.get(&first).into_iter().flatten() {
                if selected.iter().all(has) {
                    service.take_service(of_service);
                }
            }
        }
        workloads.push((service, manifest));
    }
    workloads
        .sort_by(|(a, _), (b, _)| (a.namespace, &a.name.value).cmp(&(b.namespace, &b.name.value)));
    workloads
}

#[cfg(test)]
mod tests {
    use super::numbered;
    use crate::units::Protocol;

    #[test]
    fn the_name_of_a_port_without_a_name_is_its_number() {
        assert_eq!(numbered("port-6379"), Some((6379, Protocol::Tcp)));
        assert_eq!(numbered("port-53-udp"), Some((53, Protocol::Udp)));
        for other in [
            "port-",
            "port-0",
            "port-065",
            "port-70000",
            "port-53-tcp",
            "6379",
        ] {
            assert_eq!(numbered(other), None, "{other}");
        }
    }
}
