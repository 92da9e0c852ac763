//! Who may talk to whom and who may do what: the network matrix, routes, accounts, the audit.

use std::collections::{BTreeMap, BTreeSet};

use erpc_answers::{Flows, NamespaceCell, Row, by_namespace};
use erpc_model::units::Protocol;
use erpc_model::{
    AddressKind, EnvValue, Grant, IngressController, Network, Peer, Service, Sourced,
};
use erpc_policy::Party;

use super::raw_rbac;
use super::{Chapter, Source, shown};

pub(super) fn chapters(source: &Source<'_>) -> Vec<Chapter> {
    let rows = |implied: bool| {
        let question = Flows {
            implied,
            ..Flows::default()
        };
        question.rows(source.platform, source.derived, source.sources)
    };
    let all = rows(true);
    vec![
        routes(source),
        by_namespaces(source, &rows(false)),
        matrix(source, &all),
        accounts(source),
        secrets(source),
        audit(source, &all),
    ]
}

fn routes(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let mut rows: Vec<Vec<String>> = platform
        .routes
        .iter()
        .map(|route| {
            vec![
                format!("{}{}", route.host.value, route.path),
                format!(
                    "{}:{}",
                    platform.path(route.port.service),
                    platform[route.port].name.value
                ),
                shown(
                    route
                        .tls
                        .as_ref()
                        .map(|tls| &platform[tls.value].name.value),
                ),
                listed(&route.from),
                shown(source.sources.place(route.span)),
            ]
        })
        .collect();
    rows.extend(platform.addresses.iter().map(|address| {
        let how = match address.kind {
            AddressKind::LoadBalancer => "loadbalancer".to_owned(),
            AddressKind::NodePort(Some(number)) => format!("nodeport {number}"),
            AddressKind::NodePort(None) => "nodeport".to_owned(),
        };
        vec![
            how,
            format!(
                "{}:{}",
                platform.path(address.port.service),
                platform[address.port].name.value
            ),
            String::new(),
            listed(&address.from),
            shown(source.sources.place(address.span)),
        ]
    }));
    let head = [
        ("address", "адреса"),
        ("leads to", "веде до"),
        ("TLS", "TLS"),
        ("only from", "лише з"),
        ("declared", "оголошено"),
    ];
    let routes = source.table(&head, rows);
    let forwarded = platform
        .services()
        .filter(|(_, service)| service.properties.access.is_some());
    let forwarded = forwarded.flat_map(|(id, service)| {
        let namespace = source.namespace_of(service);
        let name = &service.name.value;
        let ports = service
            .ports
            .iter()
            .filter(|port| port.name.value != "metrics");
        let ports = ports.filter(|port| port.protocol == Protocol::Tcp);
        ports
            .map(|port| {
                let number = port.number.value;
                vec![
                    format!("{}:{}", platform.path(id), port.name.value),
                    format!("kubectl --namespace {namespace} port-forward service/{name} {number}"),
                ]
            })
            .collect::<Vec<_>>()
    });
    let head = [("port", "порт"), ("command", "команда")];
    let forwarded = source.table(&head, forwarded.collect());
    let tables = vec![
        source.captioned(("Routes and addresses", "Маршрути та адреси"), routes),
        source.captioned(("By port-forward", "Через port-forward"), forwarded),
    ];
    let title = ("Reached from outside", "Доступ ззовні");
    source.chapter("routes", title, Vec::new(), tables)
}

fn listed<T: ToString>(values: &[Sourced<T>]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.value.to_string()).collect();
    values.join(", ")
}

fn by_namespaces(source: &Source<'_>, rows: &[Row]) -> Chapter {
    let cells = |cells: &[NamespaceCell]| {
        let cells = cells
            .iter()
            .map(|cell| format!("{} ({})", cell.with, cell.ports.join(", ")));
        cells.collect::<Vec<_>>().join("; ")
    };
    let rows = by_namespace(source.platform, rows)
        .into_iter()
        .map(|row| {
            vec![
                row.namespace.clone(),
                cells(&row.egress),
                cells(&row.ingress),
            ]
        })
        .collect();
    let head = [
        ("namespace", "простір імен"),
        ("calls (egress)", "вихідні (egress)"),
        ("is called by (ingress)", "вхідні (ingress)"),
    ];
    let text = source.say(
        "Everything else is denied in both directions.",
        "Усе інше заборонено в обох напрямках.",
    );
    let table = source.table(&head, rows);
    let title = ("Network by namespace", "Мережа за просторами імен");
    source.chapter("network", title, vec![text], vec![table])
}

fn matrix(source: &Source<'_>, rows: &[Row]) -> Chapter {
    let rows = rows
        .iter()
        .map(|row| {
            vec![
                row.from.clone(),
                row.to.clone(),
                row.port.clone(),
                row.numbers.join(", "),
                row.mode.unwrap_or(row.kind).to_owned(),
                row.because.clone().unwrap_or_default(),
                row.place.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = [
        ("from", "від"),
        ("to", "до"),
        ("port", "порт"),
        ("numbers", "номери"),
        ("mode", "режим"),
        ("reason", "підстава"),
        ("declared", "оголошено"),
    ];
    let text = source.say(
        "Connections that follow from other statements have the mode `dns`, `route` or `exposure`.",
        "Потоки, яких ніхто не пише, мають режим `dns`, `route` або `exposure`.",
    );
    let table = source.table(&head, rows);
    source.chapter(
        "matrix",
        ("Network matrix", "Мережева матриця"),
        vec![text],
        vec![table],
    )
}

fn accounts(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let mut rows = Vec::new();
    let mut add = |account: String, users: String, grants: &[Grant]| {
        if grants.is_empty() {
            rows.push(vec![
                account.clone(),
                users.clone(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
        for grant in grants {
            let resources = grant
                .resources
                .iter()
                .map(|resource| match resource.group.as_str() {
                    "" => resource.name.to_string(),
                    group => format!("{}.{group}", resource.name),
                });
            rows.push(vec![
                account.clone(),
                users.clone(),
                grant.verbs.join(", "),
                resources.collect::<Vec<_>>().join(", "),
                if grant.in_cluster {
                    source.say("cluster", "кластер")
                } else {
                    source.say("namespace", "простір імен")
                },
                grant.because.clone().unwrap_or_default(),
            ]);
        }
    };
    for namespace in source.namespaces() {
        let name = &namespace.name.value;
        let plain = namespace
            .services
            .iter()
            .filter(|id| platform[**id].grants.is_empty());
        add(
            format!("{name}/{name}-sa"),
            plain.count().to_string(),
            &namespace.grants,
        );
        for id in &namespace.services {
            let service = &platform[*id];
            if !service.grants.is_empty() {
                add(
                    format!("{name}/{}", service.name.value),
                    "1".to_owned(),
                    &service.grants,
                );
            }
        }
    }
    let head = [
        ("account", "обліковий запис"),
        ("components", "компонентів"),
        ("may", "дозволено"),
        ("on", "над"),
        ("in", "у межах"),
        ("reason", "підстава"),
    ];
    let text = source.say(
        "A token is mounted only into components with an account of their own.",
        "Токен монтується лише компонентам із власним обліковим записом.",
    );
    let table = source.table(&head, rows);
    source.chapter(
        "rbac",
        ("Accounts and rights", "Облікові записи та права"),
        vec![text],
        std::iter::once(table)
            .chain(raw_rbac::table(source))
            .collect(),
    )
}

fn secrets(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = platform.secrets.iter().map(|secret| {
        let used: Vec<&str> = secret
            .used_in
            .iter()
            .map(|id| platform[*id].name.value.as_str())
            .collect();
        let keys: Vec<&str> = secret.keys.iter().map(|key| key.value.as_str()).collect();
        vec![
            secret.name.value.to_string(),
            used.join(", "),
            keys.join(", "),
            secret
                .because
                .as_ref()
                .map(|because| because.value.clone())
                .unwrap_or_default(),
        ]
    });
    let head = [
        ("Secret", "Secret"),
        ("needed in", "потрібен у"),
        ("keys", "ключі"),
        ("reason", "підстава"),
    ];
    let text = source.say(
        "These are created separately, before the platform is deployed.",
        "Їх створюють окремо до розгортання платформи.",
    );
    let table = source.table(&head, rows.collect());
    source.chapter("secrets", ("Secrets", "Секрети"), vec![text], vec![table])
}

/// Who may call a component, what it may call and read, and as whom it runs: every connection of the
/// matrix, those that nothing but a route, an exposure or DNS opens included.
fn audit(source: &Source<'_>, matrix: &[Row]) -> Chapter {
    let platform = source.platform;
    let mut callers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut called: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in matrix {
        let of_called = callers.entry(&row.to).or_default();
        if row.only_from.is_empty() {
            of_called.extend(named_callers(source, &row.from));
        } else {
            of_called.insert(format!("{} ({})", row.from, row.only_from.join(", ")));
        }
        called.entry(&row.from).or_default().insert(row.to.clone());
    }
    let names = |of: &BTreeMap<&str, BTreeSet<String>>, path: &str| {
        let names = of.get(path).into_iter().flatten();
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let rows = platform.workloads().map(|(id, service)| {
        let path = platform.path(id);
        let mut by = names(&callers, &path);
        if service.properties.access.is_some() {
            by.push_str(if by.is_empty() { "" } else { ", " });
            by.push_str("kubectl port-forward");
        }
        vec![
            path.clone(),
            by,
            names(&called, &path),
            reads(source, service),
            shown(service.properties.run.as_ref().map(|run| run.value.ids())),
            match &service.raw {
                Some(raw) => raw.kind.to_string(),
                None => service.main.image.value.to_string(),
            },
        ]
    });
    let head = [
        ("component", "компонент"),
        ("may be called by", "хто може викликати"),
        ("may call", "кого може викликати"),
        ("reads", "що читає"),
        ("runs as", "користувач"),
        ("image", "образ"),
    ];
    let table = source.table(&head, rows.collect());
    let text = source.say(
        "Denied unless listed: each component has exactly the connections, secrets and rights of its row. The node that a pod runs on always reaches it, for its health checks: no NetworkPolicy governs that.",
        "Заборонено все, чого немає в рядку: кожен компонент має рівно ці з'єднання, секрети та права. Вузол, на якому працює под, завжди має до нього доступ для перевірок стану: жодна NetworkPolicy цього не обмежує.",
    );
    let mut texts = vec![text];
    texts.extend(deviations(source));
    source.chapter(
        "audit",
        ("Security audit", "Аудит безпеки (КСЗІ)"),
        texts,
        vec![table],
    )
}

/// The namespaces to which the audit does not apply as a whole.
fn deviations(source: &Source<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    for (_, namespace) in source.platform.namespaces() {
        let name = &namespace.name.value;
        if let Some(Network::Open(reason)) = namespace.opened().map(|opened| &opened.value) {
            texts.push(source.say(
                &format!("`{name}` has no network policies (`network open`: {reason}). Its rows are what is declared; pods in it may also connect to each other, to pods of other such namespaces and to addresses."),
                &format!("`{name}` не має мережевих політик (`network open`: {reason}). Його рядки показують оголошене; його поди можуть також з'єднуватися між собою, з подами інших таких просторів та з адресами."),
            ));
        } else if namespace.reserved().is_some() {
            texts.push(source.say(
                &format!("`{name}` is shared with the cluster: policies bind the platform's pods in it, and no policy denies by default."),
                &format!("`{name}` належить кластеру: політики обмежують у ньому лише поди платформи, усталеної заборони немає."),
            ));
        }
    }
    texts
}

/// A caller as the audit names it: where nodes serve the routes, policies know the controller by their
/// addresses.
fn named_callers(source: &Source<'_>, name: &str) -> Vec<String> {
    let platform = source.platform;
    let serves_from_nodes = platform
        .cluster()
        .ingress
        .as_ref()
        .is_some_and(|ingress| matches!(ingress.controller, IngressController::Nodes));
    let is_controller =
        Party::controller(platform).is_some_and(|party| party.name(platform) == name);
    let mut callers = vec![name.to_owned()];
    if serves_from_nodes && is_controller {
        callers.push(platform.peer_name(Peer::ClusterNodes));
    }
    callers
}

fn reads(source: &Source<'_>, service: &Service) -> String {
    let platform = source.platform;
    let mut reads: BTreeSet<String> = BTreeSet::new();
    for container in service.containers() {
        for env in &container.env {
            if let EnvValue::Secret(id, key) = &env.value.value {
                reads.insert(format!("secret {}.{key}", platform[*id].name.value));
            }
        }
    }
    let mounts = service.secret_mounts.iter();
    reads.extend(mounts.map(|mount| format!("secret {}", platform[mount.secret].name.value)));
    reads.extend(
        service
            .configs
            .iter()
            .map(|config| format!("config {}", config.name.value)),
    );
    reads.into_iter().collect::<Vec<_>>().join(", ")
}
