//! What the platform promises and what it costs: SLO and error budgets, RTO and RPO, capacity.

use erpc_model::units::Memory;
use erpc_model::{Nodes, ServiceId};
use erpc_reliability::capacity::{Fit, Need, Scale, Sum, claims};
use erpc_reliability::promise::{Promise, budget_ms, minutes, seconds, tenths};

use super::{Chapter, Source, Table, shown};

pub(super) fn chapters(source: &Source<'_>) -> Vec<Chapter> {
    vec![promises(source), recovery(source), capacity(source)]
}

fn promises(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let namespaces = source.namespaces().into_iter().filter_map(|namespace| {
        let slo = namespace.slo.as_ref()?.value;
        Some(vec![
            namespace.name.value.to_string(),
            slo.share.to_string(),
            slo.over.to_string(),
            minutes(budget_ms(slo)),
        ])
    });
    let head = [
        ("namespace", "простір імен"),
        ("SLO", "SLO"),
        ("window", "вікно"),
        ("error budget, min", "бюджет помилок, хв"),
    ];
    let by_namespace = source.table(&head, namespaces.collect());
    let of = |id: ServiceId| Promise::of(platform, source.derived, id);
    let own = platform.services().filter_map(|(id, service)| {
        let promise = of(id)?;
        let inherited = platform[service.namespace]
            .slo
            .as_ref()
            .map(|slo| slo.value);
        (inherited != Some(promise.availability)).then(|| {
            vec![
                platform.path(id),
                promise.availability.share.to_string(),
                promise.availability.over.to_string(),
                minutes(promise.budget_ms()),
            ]
        })
    });
    let head = [("component", "компонент"), head[1], head[2], head[3]];
    let own = source.table(&head, own.collect());
    let bounds = platform.services().filter_map(|(id, _)| {
        let promise = of(id).filter(|promise| !promise.requires.is_empty())?;
        let names = promise
            .requires
            .iter()
            .map(|term| format!("{} {}", platform[term.service].name.value, term.share));
        Some(vec![
            platform.path(id),
            promise.availability.share.to_string(),
            names.collect::<Vec<_>>().join(" × "),
            promise.bound(),
            seconds(promise.slack_ms()),
        ])
    });
    let head = [
        ("component", "компонент"),
        ("promises", "обіцяє"),
        ("requires", "потребує"),
        ("can give", "може дати"),
        ("slack, s in the window", "запас, с за вікно"),
    ];
    let bounds = source.table(&head, bounds.collect());
    let latency = platform.services().flat_map(|(id, service)| {
        service.latency.iter().map(move |latency| {
            vec![
                platform.path(id),
                format!(
                    "p{}",
                    latency.value.quantile.to_string().trim_end_matches('%')
                ),
                latency.value.below.to_string(),
            ]
        })
    });
    let head = [
        ("component", "компонент"),
        ("quantile", "квантиль"),
        ("below", "менше ніж"),
    ];
    let latency = source.table(&head, latency.collect());
    let text = source.say(
        "What a component can give is the product over what it requires directly.",
        "Те, що компонент може дати, є добутком того, чого він потребує безпосередньо.",
    );
    let tables = vec![
        source.captioned(("Namespaces", "Простори імен"), by_namespace),
        source.captioned(
            (
                "Components with a promise of their own",
                "Компоненти з власною обіцянкою",
            ),
            own,
        ),
        source.captioned(
            ("What promises stand on", "На чому тримаються обіцянки"),
            bounds,
        ),
        source.captioned(("Latency", "Затримка"), latency),
    ];
    let title = ("SLO and error budgets", "SLO та бюджети помилок");
    source.chapter("slo", title, vec![text], tables)
}

fn recovery(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = platform.services().filter_map(|(id, service)| {
        if service.properties.rto.is_none() && service.properties.rpo.is_none() {
            return None;
        }
        let promise = Promise::of(platform, source.derived, id);
        let share = |promise: &Promise| {
            let rto = service.properties.rto.as_ref()?.value;
            promise.share_of_budget(rto).map(tenths)
        };
        Some(vec![
            platform.path(id),
            shown(service.properties.rto.as_ref().map(|rto| rto.value)),
            shown(service.properties.rpo.as_ref().map(|rpo| rpo.value)),
            shown(promise.as_ref().map(|promise| minutes(promise.budget_ms()))),
            shown(promise.as_ref().and_then(share)),
        ])
    });
    let head = [
        ("component", "компонент"),
        ("RTO", "RTO"),
        ("RPO", "RPO"),
        ("error budget, min", "бюджет помилок, хв"),
        ("one recovery costs", "одне відновлення коштує"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter(
        "recovery",
        ("RTO and RPO", "RTO та RPO"),
        Vec::new(),
        vec![table],
    )
}

fn capacity(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let all = Need::of_all(platform);
    let needs: Vec<(String, Need)> = source
        .namespaces()
        .into_iter()
        .map(|namespace| {
            let services = namespace.services.iter().copied();
            (
                namespace.name.value.to_string(),
                Need::of(platform, services),
            )
        })
        .chain([(source.say("sum", "разом"), all)])
        .collect();
    let mut tables = vec![
        source.captioned(
            ("At the least scale", "За мінімального масштабу"),
            sums(source, &needs, Scale::Least),
        ),
        source.captioned(
            ("At the greatest scale", "За максимального масштабу"),
            sums(source, &needs, Scale::Greatest),
        ),
    ];
    if let Some(nodes) = &platform.cluster().nodes {
        let fit = fit(source, &nodes.value, &all);
        tables.push(source.captioned(("Against the cluster", "Проти кластера"), fit));
    }
    let quotas = quotas(source);
    if !quotas.rows.is_empty() {
        tables.push(source.captioned(("Against quotas", "Проти квот"), quotas));
    }
    let storage = storage(source);
    if !storage.rows.is_empty() {
        tables.push(source.captioned(("Storage classes", "Класи сховища"), storage));
    }
    source.chapter("capacity", ("Capacity", "Ресурси"), Vec::new(), tables)
}

fn sums(source: &Source<'_>, needs: &[(String, Need)], scale: Scale) -> Table {
    let rows = needs.iter().map(|(name, need)| {
        let sum = need.at(scale);
        vec![
            name.clone(),
            need.services.to_string(),
            sum.pods.to_string(),
            sum.cpu.to_string(),
            sum.cpu_limit.to_string(),
            mebibytes(sum.memory),
            mebibytes(sum.memory_limit),
            gibibytes(sum.volumes),
        ]
    });
    let head = [
        ("namespace", "простір імен"),
        ("services", "сервісів"),
        ("pods", "подів"),
        ("CPU requests", "запити CPU"),
        ("CPU limits", "ліміти CPU"),
        ("memory requests", "запити пам'яті"),
        ("memory limits", "ліміти пам'яті"),
        ("volumes", "томи"),
    ];
    source.table(&head, rows.collect())
}

/// All nodes, and one gone: what is requested against what is there, whether each pod finds a node,
/// and what the limits come to, which no scheduler holds to.
fn fit(source: &Source<'_>, nodes: &Nodes, all: &Need) -> Table {
    let cases = [
        (source.say("all nodes", "усі вузли"), nodes.count),
        (
            source.say("one node gone", "без одного вузла"),
            nodes.count.saturating_sub(1),
        ),
    ];
    let scales = [
        (source.say("least", "мінімум"), Scale::Least),
        (source.say("greatest", "максимум"), Scale::Greatest),
    ];
    let mut rows = Vec::new();
    for (case, count) in &cases {
        for (name, scale) in &scales {
            let fit = Fit::of(source.platform, nodes, *count, all, *scale);
            let (cpu, memory) = (fit.cpu, mebibytes(fit.memory));
            rows.push(vec![
                case.clone(),
                name.clone(),
                format!("{} / {cpu}", fit.need.cpu),
                format!("{} / {memory}", mebibytes(fit.need.memory)),
                if fit.is_enough() {
                    source.yes()
                } else {
                    source.say("no", "ні")
                },
                without_place(source, &fit),
                format!("{} / {cpu}", fit.need.cpu_limit),
                format!("{} / {memory}", mebibytes(fit.need.memory_limit)),
            ]);
        }
    }
    let head = [
        ("cluster", "кластер"),
        ("scale", "масштаб"),
        ("CPU requested / there", "CPU: запит / є"),
        ("memory requested / there", "пам'ять: запит / є"),
        ("fits", "вміщується"),
        ("pods without a node", "поди без вузла"),
        ("CPU limits / there", "CPU: ліміти / є"),
        ("memory limits / there", "пам'ять: ліміти / є"),
    ];
    source.table(&head, rows)
}

fn without_place(source: &Source<'_>, fit: &Fit) -> String {
    if fit.is_short() {
        return source.say("more is requested than there is", "запити більші за наявне");
    }
    let pods = fit.packing.without_place.iter();
    let names: Vec<String> = pods
        .map(|pods| format!("{} × {}", pods.pods, source.platform.path(pods.service)))
        .collect();
    shown((!names.is_empty()).then(|| names.join(", ")))
}

/// What is needed of each quota, at the least and at the greatest scale.
fn quotas(source: &Source<'_>) -> Table {
    let platform = source.platform;
    let mut rows = Vec::new();
    for namespace in source.namespaces() {
        let Some(quota) = namespace.quota.as_ref().map(|quota| &quota.value) else {
            continue;
        };
        let need = Need::of(platform, namespace.services.iter().copied());
        let mut row = |what: (&str, &str), of: &dyn Fn(&Sum) -> String, allowed: Option<String>| {
            if let Some(allowed) = allowed {
                rows.push(vec![
                    namespace.name.value.to_string(),
                    source.say(what.0, what.1),
                    of(&need.min),
                    of(&need.max),
                    allowed,
                ]);
            }
        };
        let cpu = quota.cpu.as_ref();
        let memory = quota.memory.as_ref();
        let requests = ("CPU requests", "запити CPU");
        row(
            requests,
            &|sum| sum.cpu.to_string(),
            cpu.map(|r| r.min.to_string()),
        );
        let limits = ("CPU limits", "ліміти CPU");
        row(
            limits,
            &|sum| sum.cpu_limit.to_string(),
            cpu.map(|r| r.max.to_string()),
        );
        let requests = ("memory requests", "запити пам'яті");
        row(
            requests,
            &|sum| mebibytes(sum.memory),
            memory.map(|r| mebibytes(r.min)),
        );
        let limits = ("memory limits", "ліміти пам'яті");
        row(
            limits,
            &|sum| mebibytes(sum.memory_limit),
            memory.map(|r| mebibytes(r.max)),
        );
        let pods = quota.pods.map(|pods| pods.to_string());
        row(("pods", "подів"), &|sum| sum.pods.to_string(), pods);
        row(
            ("volumes", "томи"),
            &|sum| gibibytes(sum.volumes),
            quota.storage.map(gibibytes),
        );
    }
    let head = [
        ("namespace", "простір імен"),
        ("of", "чого"),
        ("least", "мінімум"),
        ("greatest", "максимум"),
        ("allowed", "дозволено"),
    ];
    source.table(&head, rows)
}

/// The claims of each storage class.
fn storage(source: &Source<'_>) -> Table {
    let claims = claims(source.platform);
    let rows = claims
        .iter()
        .filter(|claims| !claims.volumes.is_empty())
        .map(|claims| {
            let size = claims.declared.and_then(|class| class.size.as_ref());
            let none = || source.say("the cluster's own", "типовий для кластера");
            vec![
                claims.class.map_or_else(none, ToOwned::to_owned),
                claims.volumes.len().to_string(),
                gibibytes(claims.min),
                gibibytes(claims.max),
                shown(size.map(|size| gibibytes(size.value))),
            ]
        });
    let head = [
        ("storage class", "клас сховища"),
        ("volumes", "томів"),
        ("least", "мінімум"),
        ("greatest", "максимум"),
        ("holds", "місткість"),
    ];
    source.table(&head, rows.collect())
}

/// One unit for a whole column: `5632Mi`.
fn mebibytes(memory: Memory) -> String {
    format!("{}Mi", memory.0.div_ceil(1 << 20))
}

fn gibibytes(memory: Memory) -> String {
    match memory.0 {
        0 => "-".to_owned(),
        bytes => format!("{}Gi", bytes.div_ceil(1 << 30)),
    }
}
