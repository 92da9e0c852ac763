//! What the platform promises and what it costs: SLO and error budgets, RTO and RPO, capacity.

use erpc_model::units::{Cpu, Memory};
use erpc_model::{Nodes, ServiceId};
use erpc_reliability::capacity::{Need, Sum};
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
        if service.rto.is_none() && service.rpo.is_none() {
            return None;
        }
        let promise = Promise::of(platform, source.derived, id);
        let share = |promise: &Promise| {
            let rto = service.rto.as_ref()?.value;
            promise.share_of_budget(rto).map(tenths)
        };
        Some(vec![
            platform.path(id),
            shown(service.rto.as_ref().map(|rto| rto.value)),
            shown(service.rpo.as_ref().map(|rpo| rpo.value)),
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
    let all = Need::of(platform, platform.services().map(|(id, _)| id));
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
    let table = |of: fn(&Need) -> Sum| -> Table {
        let rows = needs.iter().map(|(name, need)| {
            let sum = of(need);
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
    };
    let mut tables = vec![
        source.captioned(
            ("At the least scale", "За мінімального масштабу"),
            table(|need| need.min),
        ),
        source.captioned(
            ("At the greatest scale", "За максимального масштабу"),
            table(|need| need.max),
        ),
    ];
    if let Some(nodes) = &platform.cluster().nodes {
        let fit = fit(source, &nodes.value, &all);
        tables.push(source.captioned(("Against the cluster", "Проти кластера"), fit));
    }
    source.chapter("capacity", ("Capacity", "Ресурси"), Vec::new(), tables)
}

/// Sums of requests against all nodes, and with one node gone. Whether every pod also finds a node
/// is more than a sum, and a check of its own.
fn fit(source: &Source<'_>, nodes: &Nodes, all: &Need) -> Table {
    let cases = [
        (source.say("all nodes", "усі вузли"), nodes.count),
        (
            source.say("one node gone", "без одного вузла"),
            nodes.count.saturating_sub(1),
        ),
    ];
    let scales = [
        (source.say("least", "мінімум"), all.min),
        (source.say("greatest", "максимум"), all.max),
    ];
    let mut rows = Vec::new();
    for (case, count) in &cases {
        let cpu = Cpu(nodes.cpu.0.saturating_mul(u64::from(*count)));
        let each = nodes.memory.0.saturating_sub(nodes.reserved.0);
        let memory = Memory(each.saturating_mul(u64::from(*count)));
        for (scale, sum) in &scales {
            let fits = sum.cpu <= cpu && sum.memory <= memory;
            rows.push(vec![
                case.clone(),
                scale.clone(),
                format!("{} / {cpu}", sum.cpu),
                format!("{} / {}", mebibytes(sum.memory), mebibytes(memory)),
                if fits {
                    source.yes()
                } else {
                    source.say("no", "ні")
                },
            ]);
        }
    }
    let head = [
        ("cluster", "кластер"),
        ("scale", "масштаб"),
        ("CPU requested / there", "CPU: запит / є"),
        ("memory requested / there", "пам'ять: запит / є"),
        ("fits", "вміщується"),
    ];
    source.table(&head, rows)
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
