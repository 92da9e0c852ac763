//! What the platform consists of: its overview, namespaces, components, ports, scaling, volumes,
//! images, repositories.

use std::collections::BTreeMap;

use erpc_model::{NamespaceId, Port, Probe, ProbeCheck, Scaling, ServiceId, Spread};
use erpc_reliability::capacity::Need;

use super::{Chapter, Source, shown};

pub(super) fn chapters(source: &Source<'_>) -> Vec<Chapter> {
    vec![
        overview(source),
        namespaces(source),
        components(source),
        ports(source),
        scaling(source),
        volumes(source),
        health(source),
        images(source),
        repositories(source),
    ]
}

fn overview(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let cluster = platform.cluster();
    let mut rows = vec![
        vec![
            source.say("platform", "платформа"),
            platform.name.value.to_string(),
        ],
        vec![
            source.say("version", "версія"),
            platform.version.value.clone(),
        ],
    ];
    let mut row = |english: &str, ukrainian: &str, value: Option<String>| {
        rows.extend(value.map(|value| vec![source.say(english, ukrainian), value]));
    };
    row(
        "domain",
        "домен",
        platform.domain.as_ref().map(|d| d.value.clone()),
    );
    row(
        "registry",
        "реєстр образів",
        Some(platform.registry.value.clone()),
    );
    row("cluster", "кластер", Some(cluster.name.value.to_string()));
    row(
        "Kubernetes",
        "Kubernetes",
        cluster.kubernetes.as_ref().map(|k| k.value.to_string()),
    );
    row(
        "nodes",
        "вузли",
        cluster.nodes.as_ref().map(|nodes| {
            let nodes = &nodes.value;
            format!("{} × {} CPU, {}", nodes.count, nodes.cpu, nodes.memory)
        }),
    );
    row(
        "namespaces",
        "простори імен",
        Some(platform.namespaces.len().to_string()),
    );
    row(
        "components",
        "компоненти",
        Some(platform.services().count().to_string()),
    );
    let flows = source.derived.edges.as_slice().len();
    row("flows", "мережеві потоки", Some(flows.to_string()));
    row(
        "routes",
        "маршрути",
        Some(platform.routes.len().to_string()),
    );
    let table = source.table(&[("fact", "показник"), ("value", "значення")], rows);
    source.chapter(
        "overview",
        ("Overview", "Огляд платформи"),
        Vec::new(),
        vec![table],
    )
}

fn namespaces(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = source.namespaces().into_iter().map(|namespace| {
        let services = namespace.services.iter().map(|id| &platform[*id]);
        let mut numbers: Vec<u16> = services
            .clone()
            .flat_map(|service| &service.ports)
            .map(|port| port.number.value)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let claims: Vec<String> = services
            .flat_map(|service| {
                let name = &service.name.value;
                service
                    .volumes
                    .iter()
                    .map(move |v| format!("{name} {}", v.size.value))
            })
            .collect();
        vec![
            namespace.name.value.to_string(),
            platform.tiers[namespace.tier.value.index()]
                .name
                .value
                .to_string(),
            shown(namespace.title.as_ref().map(|title| &title.value)),
            namespace.services.len().to_string(),
            joined(numbers),
            claims.join(", "),
        ]
    });
    let head = [
        ("namespace", "простір імен"),
        ("tier", "рівень"),
        ("purpose", "призначення"),
        ("services", "сервісів"),
        ("ports", "порти"),
        ("claims", "томи"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter(
        "namespaces",
        ("Namespaces", "Простори імен"),
        Vec::new(),
        vec![table],
    )
}

fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(", ")
}

fn components(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let head = [
        ("component", "компонент"),
        ("purpose", "призначення"),
        ("kind", "тип"),
        ("ports", "порти"),
        ("CPU", "CPU"),
        ("memory", "пам'ять"),
        ("replicas", "репліки"),
        ("storage", "сховище"),
        ("declared", "оголошено"),
    ];
    let of = |id: &ServiceId| {
        let service = &platform[*id];
        let purpose = match (&service.properties.title, &service.doc) {
            (Some(title), Some(doc)) => format!("{}. {}", title.value, doc.replace('\n', " ")),
            (Some(title), None) => title.value.clone(),
            (None, Some(doc)) => doc.replace('\n', " "),
            (None, None) => String::new(),
        };
        vec![
            service.name.value.to_string(),
            purpose,
            service.kind().to_owned(),
            joined(
                service
                    .ports
                    .iter()
                    .map(|port| format!("{} {}", port.name.value, number(port))),
            ),
            joined(service.main.cpu.iter().map(|cpu| cpu.value)),
            joined(service.main.memory.iter().map(|memory| memory.value)),
            match &service.raw {
                Some(_) => String::new(),
                None => service.scaling.bounds().to_string(),
            },
            joined(service.volumes.iter().map(|volume| volume.size.value)),
            shown(source.sources.place(service.name.span())),
        ]
    };
    let mut raw: BTreeMap<NamespaceId, Vec<ServiceId>> = BTreeMap::new();
    for (id, service) in platform.raw_workloads() {
        raw.entry(service.namespace).or_default().push(id);
    }
    let ids: BTreeMap<&str, NamespaceId> = platform
        .namespaces()
        .map(|(id, namespace)| (namespace.name.value.as_str(), id))
        .collect();
    let tables = source.namespaces().into_iter().map(|namespace| {
        let raw = ids
            .get(namespace.name.value.as_str())
            .and_then(|id| raw.get(id));
        let all = namespace.services.iter().chain(raw.into_iter().flatten());
        let rows = all.map(of).collect();
        let table = source.table(&head, rows);
        let title = namespace.title.as_ref().map(|t| format!(": {}", t.value));
        let caption = format!("{}{}", namespace.name.value, title.unwrap_or_default());
        source.captioned((&caption, &caption), table)
    });
    let title = ("Components", "Каталог компонентів");
    source.chapter("components", title, Vec::new(), tables.collect())
}

/// `53/udp`, `9100..9115`, `80 -> 8000`.
fn number(port: &Port) -> String {
    let mut text = port.number.value.to_string();
    if port.last != port.number.value {
        text = format!("{text}..{}", port.last);
    }
    if port.protocol != erpc_model::units::Protocol::Tcp {
        text = format!("{text}/{}", port.protocol.as_suffix());
    }
    if port.container != port.number.value {
        text = format!("{text} -> {}", port.container);
    }
    text
}

fn ports(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = platform.services().flat_map(|(id, service)| {
        service.ports.iter().map(move |port| {
            vec![
                platform.path(id),
                port.name.value.to_string(),
                port.number.value.to_string(),
                port.protocol.as_str().to_owned(),
                port.container.to_string(),
                shown(source.sources.place(port.name.span())),
            ]
        })
    });
    let head = [
        ("component", "компонент"),
        ("port", "порт"),
        ("number", "номер"),
        ("protocol", "протокол"),
        ("in the container", "у контейнері"),
        ("declared", "оголошено"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter("ports", ("Ports", "Порти"), Vec::new(), vec![table])
}

fn scaling(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = platform.services().filter_map(|(id, service)| {
        let (bounds, cpu, memory) = match &service.scaling {
            Scaling::Auto(auto) => (auto.value.replicas, auto.value.cpu, auto.value.memory),
            Scaling::Fixed(n) if n.value > 1 => {
                (erpc_model::units::Range::single(n.value), None, None)
            }
            Scaling::Fixed(_) | Scaling::PerNode(_) => return None,
        };
        let percent = |value: Option<u32>| shown(value.map(|value| format!("{value}%")));
        Some(vec![
            platform.path(id),
            bounds.min.to_string(),
            bounds.max.to_string(),
            percent(cpu),
            percent(memory),
            shown(service.properties.disruption.as_ref().map(|min| min.value)),
            shown(
                service
                    .properties
                    .spread
                    .as_ref()
                    .map(|spread| match spread.value {
                        Spread::Node => source.say("nodes", "вузли"),
                        Spread::Zone => source.say("zones", "зони"),
                    }),
            ),
        ])
    });
    let head = [
        ("component", "компонент"),
        ("least", "мінімум"),
        ("most", "максимум"),
        ("CPU target", "ціль CPU"),
        ("memory target", "ціль пам'яті"),
        ("kept in a drain", "лишається при евакуації"),
        ("spread over", "розподіл"),
    ];
    let scaled = source.table(&head, rows.collect());
    let pods = platform.services().filter(|(_, service)| !service.is_job());
    let mut rows: Vec<Vec<String>> = pods
        .map(|(id, service)| {
            let bounds = service.scaling.bounds();
            vec![
                platform.path(id),
                service.workload.kind().name.to_owned(),
                bounds.min.to_string(),
                bounds.max.to_string(),
            ]
        })
        .collect();
    let all = Need::of(platform, platform.services().map(|(id, _)| id));
    rows.push(vec![
        source.say("sum", "разом"),
        String::new(),
        all.min.pods.to_string(),
        all.max.pods.to_string(),
    ]);
    let head = [
        ("component", "компонент"),
        ("kind", "тип"),
        head[1],
        head[2],
    ];
    let pods = source.table(&head, rows);
    let tables = vec![
        source.captioned(("More than one pod", "Більше одного пода"), scaled),
        source.captioned(("Pods that are wanted", "Очікувані поди"), pods),
    ];
    source.chapter("scaling", ("Scaling", "Масштабування"), Vec::new(), tables)
}

fn volumes(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let default = platform
        .cluster()
        .storage
        .iter()
        .find(|class| class.is_default);
    let rows = platform.services().flat_map(|(id, service)| {
        service.volumes.iter().map(move |volume| {
            let class = volume.class.as_ref().map(|class| class.value.clone());
            let class = class.or_else(|| default.map(|class| class.name.value.clone()));
            vec![
                platform.path(id),
                volume.name.value.to_string(),
                volume.size.value.to_string(),
                shown(volume.at.as_ref().map(|at| at.value.clone())),
                shown(class),
                if volume.shared {
                    "ReadWriteMany"
                } else {
                    "ReadWriteOnce"
                }
                .to_owned(),
            ]
        })
    });
    let head = [
        ("component", "компонент"),
        ("volume", "том"),
        ("size", "розмір"),
        ("mounted at", "шлях"),
        ("class", "клас"),
        ("access", "доступ"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter("volumes", ("Volumes", "Томи"), Vec::new(), vec![table])
}

fn health(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let probe = |probe: Option<&erpc_model::Sourced<Probe>>| {
        shown(probe.map(|probe| {
            let probe = &probe.value;
            let asked = match &probe.check.value {
                ProbeCheck::Http(path, port) => {
                    format!("http {path} :{}", platform[*port].name.value)
                }
                ProbeCheck::Tcp(port) => format!("tcp :{}", platform[*port].name.value),
                ProbeCheck::Exec(command) => format!("exec {}", command.join(" ")),
            };
            format!(
                "{asked} · {} / {} × {}",
                probe.after.value, probe.every.value, probe.fails.value
            )
        }))
    };
    let rows = platform.services().filter_map(|(id, service)| {
        let probes = &service.main.probes;
        (probes.ready.is_some() || probes.live.is_some()).then(|| {
            vec![
                platform.path(id),
                probe(probes.ready.as_ref()),
                probe(probes.live.as_ref()),
                probe(probes.startup.as_ref()),
            ]
        })
    });
    let head = [
        ("component", "компонент"),
        (
            "ready: after / every × failures",
            "готовність: після / кожні × відмов",
        ),
        ("live", "живучість"),
        ("startup", "запуск"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter(
        "health",
        ("Health checks", "Перевірки стану"),
        Vec::new(),
        vec![table],
    )
}

fn images(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let registries = platform
        .registries
        .iter()
        .map(|registry| registry.value.as_str());
    let text = format!(
        "{}: {}.",
        source.say("Images may come from", "Образи дозволено брати з"),
        registries.collect::<Vec<_>>().join(", ")
    );
    let rows = platform.services().flat_map(|(id, service)| {
        service.containers().map(move |container| {
            let image = &container.image.value;
            vec![
                platform.path(id),
                container.name.value.to_string(),
                image.registry.to_string(),
                image.repository.to_string(),
                shown(image.tag.as_ref()),
                shown(image.digest.as_ref()),
            ]
        })
    });
    let head = [
        ("component", "компонент"),
        ("container", "контейнер"),
        ("registry", "реєстр"),
        ("repository", "образ"),
        ("tag", "тег"),
        ("digest", "дайджест"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter(
        "images",
        ("Images", "Базові образи"),
        vec![text],
        vec![table],
    )
}

fn repositories(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = platform.services().filter_map(|(id, service)| {
        let repo = service.properties.repo.as_ref()?;
        Some(vec![repo.value.clone(), platform.path(id)])
    });
    let without: Vec<String> = platform
        .services()
        .filter(|(_, service)| service.properties.repo.is_none())
        .map(|(_, service)| service.name.value.to_string())
        .collect();
    let text = if without.is_empty() {
        Vec::new()
    } else {
        vec![format!(
            "{}: {}.",
            source.say("Without a repository", "Без репозиторію"),
            without.join(", ")
        )]
    };
    let head = [("repository", "репозиторій"), ("component", "компонент")];
    let table = source.table(&head, rows.collect());
    source.chapter(
        "repositories",
        ("Repositories", "Репозиторії"),
        text,
        vec![table],
    )
}
