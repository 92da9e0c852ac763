//! The tables of `show`: namespaces, services, repositories, images.

use std::collections::BTreeSet;

use erpc_model::units::{Memory, Protocol};
use erpc_model::{Container, Platform, Port, Service};
use serde::Serialize;

use super::Formats;
use crate::console::Console;
use crate::format::{Output, Versioned, json, yaml};
use crate::table::Table;

/// A table of `show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Namespaces,
    Services,
    Repos,
    Images,
}

impl List {
    pub(crate) const NAMES: [&str; 4] = ["namespaces", "services", "repos", "images"];

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "namespaces" => Self::Namespaces,
            "services" => Self::Services,
            "repos" => Self::Repos,
            "images" => Self::Images,
            _ => return None,
        })
    }

    /// Writes the list.
    pub(super) fn show(
        self,
        platform: &Platform,
        output: &Output<Formats>,
        console: &mut Console<'_>,
    ) {
        match self {
            Self::Namespaces => write(&namespaces(platform), output, console),
            Self::Services => write(&services(platform), output, console),
            Self::Repos => write(&repos(platform), output, console),
            Self::Images => write(&images(platform), output, console),
        }
    }
}

/// Writes a list: the table for people, the rows as data.
fn write<const N: usize>(
    (table, rows): &(Table<N>, impl Serialize),
    output: &Output<Formats>,
    console: &mut Console<'_>,
) {
    output.write_with(
        console,
        || json(&Versioned::new(rows)),
        |format| match format {
            Formats::Human => table.aligned(),
            Formats::Yaml => yaml(&Versioned::new(rows)),
            Formats::Markdown => table.markdown(),
        },
    );
}

#[derive(Serialize)]
struct Namespaces {
    namespaces: Vec<NamespaceRow>,
}

#[derive(Serialize)]
struct NamespaceRow {
    name: String,
    tier: String,
    purpose: Option<String>,
    services: usize,
    ports: Vec<String>,
    claims: u64,
    claimed: String,
}

fn namespaces(platform: &Platform) -> (Table<6>, Namespaces) {
    let mut table = Table::new([
        "namespace",
        "tier",
        "purpose",
        "services",
        "ports",
        "claims",
    ]);
    let mut rows = Vec::new();
    for namespace in &platform.namespaces {
        let services = namespace.services.iter().map(|id| &platform[*id]);
        let mut numbers: BTreeSet<(u16, Protocol, u16)> = BTreeSet::new();
        let (mut claims, mut claimed) = (0, 0);
        for service in services {
            numbers.extend(
                service
                    .ports
                    .iter()
                    .map(|port| (port.number.value, port.protocol, port.last)),
            );
            for volume in &service.volumes {
                let copies = if volume.is_single() {
                    1
                } else {
                    service.scaling.bounds().min
                };
                claims += u64::from(copies);
                claimed += u64::from(copies) * volume.size.value.0;
            }
        }
        let row = NamespaceRow {
            name: namespace.name.value.to_string(),
            tier: platform.tiers[namespace.tier.value.index()]
                .name
                .value
                .to_string(),
            purpose: namespace.title.as_ref().map(|title| title.value.clone()),
            services: namespace.services.len(),
            ports: numbers
                .into_iter()
                .map(|(first, protocol, last)| numbers_of(first, last, protocol))
                .collect(),
            claims,
            claimed: Memory(claimed).to_string(),
        };
        table.push([
            row.name.clone(),
            row.tier.clone(),
            row.purpose.clone().unwrap_or_default(),
            row.services.to_string(),
            row.ports.join(", "),
            if claims == 0 {
                "-".to_owned()
            } else {
                format!("{claims}, {}", row.claimed)
            },
        ]);
        rows.push(row);
    }
    let rows = Namespaces { namespaces: rows };
    (table, rows)
}

fn numbers_of(first: u16, last: u16, protocol: Protocol) -> String {
    let range = if last > first {
        format!("{first}..{last}")
    } else {
        first.to_string()
    };
    match protocol {
        Protocol::Tcp => range,
        Protocol::Udp | Protocol::Sctp => format!("{range}/{}", protocol.as_suffix()),
    }
}

#[derive(Serialize)]
struct Services {
    services: Vec<ServiceRow>,
}

#[derive(Serialize)]
struct ServiceRow {
    namespace: String,
    name: String,
    kind: String,
    ports: Vec<String>,
    cpu: Option<String>,
    memory: Option<String>,
    replicas: String,
    purpose: Option<String>,
}

fn services(platform: &Platform) -> (Table<8>, Services) {
    let mut table = Table::new([
        "namespace",
        "service",
        "kind",
        "ports",
        "cpu",
        "memory",
        "replicas",
        "purpose",
    ]);
    let mut rows = Vec::new();
    for service in &platform.services {
        let port = |port: &Port| {
            let number = numbers_of(port.number.value, port.last, port.protocol);
            format!("{} {number}", port.name.value)
        };
        let row = ServiceRow {
            namespace: platform[service.namespace].name.value.to_string(),
            name: service.name.value.to_string(),
            kind: service.kind().to_owned(),
            ports: service.ports.iter().map(port).collect(),
            cpu: service.main.cpu.as_ref().map(|cpu| cpu.value.to_string()),
            memory: service
                .main
                .memory
                .as_ref()
                .map(|memory| memory.value.to_string()),
            replicas: match &service.raw {
                Some(_) => String::new(),
                None => service.scaling.bounds().to_string(),
            },
            purpose: service
                .properties
                .title
                .as_ref()
                .map(|title| title.value.clone()),
        };
        table.push([
            row.namespace.clone(),
            row.name.clone(),
            row.kind.clone(),
            row.ports.join(", "),
            row.cpu.clone().unwrap_or_default(),
            row.memory.clone().unwrap_or_default(),
            row.replicas.clone(),
            row.purpose.clone().unwrap_or_default(),
        ]);
        rows.push(row);
    }
    let rows = Services { services: rows };
    (table, rows)
}

#[derive(Serialize)]
struct Repos {
    repos: Vec<RepoRow>,
    without: Vec<String>,
}

#[derive(Serialize)]
struct RepoRow {
    repo: String,
    service: String,
}

fn repos(platform: &Platform) -> (Table<2>, Repos) {
    let mut table = Table::new(["repository", "service"]);
    let mut repos = Vec::new();
    let mut without = Vec::new();
    for (id, service) in platform.services() {
        match &service.properties.repo {
            Some(repo) => {
                table.push([repo.value.clone(), platform.path(id)]);
                repos.push(RepoRow {
                    repo: repo.value.clone(),
                    service: platform.path(id),
                });
            }
            None => without.push(platform.path(id)),
        }
    }
    for service in &without {
        table.push(["-".to_owned(), service.clone()]);
    }
    let rows = Repos { repos, without };
    (table, rows)
}

#[derive(Serialize)]
struct Images {
    images: Vec<ImageRow>,
}

#[derive(Serialize)]
struct ImageRow {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
    service: String,
    container: String,
    repo: Option<String>,
}

fn images(platform: &Platform) -> (Table<6>, Images) {
    let mut table = Table::new(["registry", "image", "tag", "digest", "owner", "used by"]);
    let mut rows = Vec::new();
    for (id, service) in platform.services() {
        for container in std::iter::once(&service.main)
            .chain(&service.sidecars)
            .chain(&service.inits)
        {
            let row = image_row(platform.path(id), service, container);
            let is_main = container.name.value == service.main.name.value;
            table.push([
                row.registry.clone(),
                row.repository.clone(),
                row.tag.clone().unwrap_or_else(|| "-".to_owned()),
                // Twelve digits tell digests apart, as container tools show them.
                row.digest.as_deref().map_or_else(
                    || "not pinned".to_owned(),
                    |digest| digest.chars().take("sha256:".len() + 12).collect(),
                ),
                row.repo.clone().unwrap_or_else(|| "-".to_owned()),
                if is_main {
                    row.service.clone()
                } else {
                    format!("{} ({})", row.service, row.container)
                },
            ]);
            rows.push(row);
        }
    }
    let rows = Images { images: rows };
    (table, rows)
}

fn image_row(path: String, service: &Service, container: &Container) -> ImageRow {
    let image = &container.image.value;
    // The repository is that of the service's own image; a sidecar's is somebody else's.
    let is_main = container.name.value == service.main.name.value;
    let repo = service.properties.repo.as_ref().filter(|_| is_main);
    ImageRow {
        registry: image.registry.to_string(),
        repository: image.repository.to_string(),
        tag: image.tag.as_ref().map(ToString::to_string),
        digest: image.digest.as_ref().map(ToString::to_string),
        service: path,
        container: container.name.value.to_string(),
        repo: repo.map(|repo| repo.value.clone()),
    }
}
