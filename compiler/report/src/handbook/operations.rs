//! How the platform is brought up and looked after: the order of deployment, severities by tier,
//! the organisation's rules and assertions.

use erpc_model::{FlowPort, IngressController, Peer, Platform};
use erpc_policy::Condition;
use erpc_reliability::cold_start;

use super::{Chapter, Source, Table, shown};

pub(super) fn chapters(source: &Source<'_>) -> Vec<Chapter> {
    vec![
        order(source),
        severities(source),
        rules(source),
        clusters(source),
    ]
}

fn order(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let order = &source.derived.order;
    let rows = (1..).zip(&order.waves).flat_map(|(wave, services)| {
        services.iter().map(move |id| {
            let last = order.waits_for.get(id.index()).copied().flatten();
            vec![
                wave.to_string(),
                platform.path(*id),
                shown(last.map(|(before, _)| platform.path(before))),
                shown(last.map(|(_, condition)| why(source, condition))),
            ]
        })
    });
    let head = [
        ("wave", "хвиля"),
        ("component", "компонент"),
        ("waits for", "чекає на"),
        ("because", "бо"),
    ];
    let table = source.table(&head, rows.collect());
    let tables = vec![
        table,
        source.captioned(
            ("Before each namespace", "Перед кожним простором імен"),
            before(source),
        ),
        source.captioned(
            (
                "The cold-start critical path",
                "Найдовший ланцюг холодного старту",
            ),
            longest(source),
        ),
    ];
    let title = ("Order of deployment", "Порядок розгортання");
    let text = source.say(
        "The times are the least that the probes allow; images and the work of a start come on top.",
        "Час є найменшим, який дозволяють проби; завантаження образів і сам запуск додаються до нього.",
    );
    source.chapter("order", title, vec![text], tables)
}

/// What each namespace needs before it.
fn before(source: &Source<'_>) -> Table {
    let platform = source.platform;
    let rows = cold_start::before(platform, source.derived);
    let rows = rows.into_iter().map(|before| {
        let list = |names: Vec<String>| shown((!names.is_empty()).then(|| names.join(", ")));
        let tiers = before.tiers.iter();
        let tiers = tiers.map(|id| platform.tiers[id.index()].name.value.to_string());
        let after = before.after.iter();
        let after = after.map(|id| platform[*id].name.value.to_string());
        let services = before.services.iter().map(|id| platform.path(*id));
        vec![
            platform[before.namespace].name.value.to_string(),
            list(tiers.collect()),
            list(after.collect()),
            list(services.collect()),
        ]
    });
    let head = [
        ("namespace", "простір імен"),
        ("all of the tier", "увесь рівень"),
        ("all of the namespace", "увесь простір імен"),
        ("single components", "окремі компоненти"),
    ];
    source.table(&head, rows.collect())
}

fn longest(source: &Source<'_>) -> Table {
    let steps = cold_start::critical(source.platform, source.derived);
    let rows = steps.into_iter().map(|step| {
        vec![
            source.platform.path(step.service),
            step.takes.to_string(),
            step.ready_at.to_string(),
            shown(step.because.map(|condition| why(source, condition))),
        ]
    });
    let head = [
        ("component", "компонент"),
        ("takes", "триває"),
        ("ready after", "готовий через"),
        ("waits because", "чекає, бо"),
    ];
    source.table(&head, rows.collect())
}

fn why(source: &Source<'_>, condition: Condition) -> String {
    let platform = source.platform;
    match condition {
        Condition::Requires(flow) => {
            let reason = platform.flows[flow.index()].because.as_ref();
            let requires = source.say("requires it", "потребує його");
            reason.map_or(requires.clone(), |reason| format!("{requires}: {reason}"))
        }
        Condition::After(_) => source.say("says `after`", "вказано `after`"),
        Condition::NamespaceAfter(id, _) => format!(
            "{} {}",
            source.say(
                "the namespace says `after`:",
                "простір імен вказує `after`:"
            ),
            platform[id].name.value
        ),
        Condition::Tier(tier) => format!(
            "{} {}",
            source.say("a lower tier:", "нижчий рівень:"),
            platform.tiers[tier.index()].name.value
        ),
    }
}

/// What other tiers depend on is the first severity, the highest tiers the second; what is slow or
/// burns slowly comes after. How soon each is to be repaired is not declared in the source.
fn severities(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let is_base = |tier: usize| {
        let tier = u32::try_from(tier).ok();
        platform
            .tiers
            .iter()
            .any(|above| above.below.iter().any(|below| Some(below.0) == tier))
    };
    let mut first: Vec<String> = Vec::new();
    let mut second: Vec<String> = Vec::new();
    for namespace in source.namespaces() {
        let name = namespace.name.value.to_string();
        if is_base(namespace.tier.value.index()) {
            first.push(name);
        } else {
            second.push(name);
        }
    }
    if let Some(controller) = ingress_controller(platform)
        && !first.contains(&source.namespace_of(&platform[controller]))
    {
        first.push(platform.path(controller));
    }
    let down = |names: &[String]| {
        let down = source.say("down", "не працює");
        format!("{}: {down}", names.join(", "))
    };
    let mut rows = Vec::new();
    let mut row = |level: &str, what: String| rows.push(vec![level.to_owned(), what]);
    if !first.is_empty() {
        row("sev1", down(&first));
    }
    if !second.is_empty() {
        row("sev2", down(&second));
    }
    row(
        "sev3",
        source.say("a latency objective is missed", "порушено ціль затримки"),
    );
    row(
        "sev4",
        source.say(
            "an error budget burns slowly",
            "бюджет помилок повільно згорає",
        ),
    );
    let head = [("severity", "рівень інциденту"), ("when", "коли")];
    let table = source.table(&head, rows);
    let title = ("Severities by tier", "Рівні інцидентів");
    source.chapter("severities", title, Vec::new(), vec![table])
}

fn ingress_controller(platform: &Platform) -> Option<erpc_model::ServiceId> {
    platform
        .cluster()
        .ingress
        .as_ref()
        .and_then(|ingress| match ingress.controller {
            IngressController::Service(id, _) => Some(id),
            IngressController::Pods { .. } | IngressController::Nodes => None,
        })
}

fn rules(source: &Source<'_>) -> Chapter {
    let platform = source.platform;
    let rows = platform.rules.iter().map(|rule| {
        vec![
            rule.name.value.to_string(),
            rule.kind.name().to_owned(),
            rule.doc.clone().unwrap_or_default().replace('\n', " "),
            shown(source.sources.place(rule.name.span())),
        ]
    });
    let head = [
        ("rule", "правило"),
        ("about each", "про кожен"),
        ("says", "зміст"),
        ("declared", "оголошено"),
    ];
    let rules = source.table(&head, rows.collect());
    let assertions = platform.assertions.iter().map(|assertion| {
        let peers = |peers: &[Peer]| {
            let names: Vec<String> = peers.iter().map(|end| platform.peer_name(*end)).collect();
            names.join(", ")
        };
        let port = match &assertion.port {
            Some(FlowPort::Named(name, _)) => format!(":{name}"),
            Some(FlowPort::Number(number, ..)) => format!(":{number}"),
            Some(FlowPort::Implied) | None => String::new(),
        };
        vec![
            if assertion.always { "always" } else { "never" }.to_owned(),
            peers(&assertion.from.peers),
            if assertion.transitive { "=>" } else { "->" }.to_owned(),
            format!("{}{port}", peers(&assertion.to.peers)),
            assertion.because.clone().unwrap_or_default(),
        ]
    });
    let head = [
        ("assertion", "твердження"),
        ("from", "від"),
        ("directly ->, in any way =>", "прямо ->, будь-як =>"),
        ("to", "до"),
        ("reason", "підстава"),
    ];
    let assertions = source.table(&head, assertions.collect());
    let text = source.say(
        "Held by the compiler on every build.",
        "Перевіряє компілятор під час кожної збірки.",
    );
    let tables = vec![
        source.captioned(("Rules", "Правила"), rules),
        source.captioned(("Assertions", "Твердження"), assertions),
    ];
    let title = ("Rules of the organisation", "Правила організації");
    source.chapter("rules", title, vec![text], tables)
}

fn clusters(source: &Source<'_>) -> Chapter {
    let rows = source.platform.clusters.iter().map(|cluster| {
        let nodes = cluster.nodes.as_ref().map(|nodes| &nodes.value);
        vec![
            cluster.name.value.to_string(),
            shown(cluster.kubernetes.as_ref().map(|version| &version.value)),
            shown(
                nodes.map(|nodes| format!("{} × {} CPU, {}", nodes.count, nodes.cpu, nodes.memory)),
            ),
            shown(cluster.cni.as_ref().map(|cni| &cni.value.name)),
            shown(cluster.ingress.as_ref().map(|ingress| &ingress.class.value)),
            cluster.doc.clone().unwrap_or_default().replace('\n', " "),
        ]
    });
    let head = [
        ("cluster", "кластер"),
        ("Kubernetes", "Kubernetes"),
        ("nodes", "вузли"),
        ("CNI", "CNI"),
        ("ingress class", "клас ingress"),
        ("what it is", "що це"),
    ];
    let table = source.table(&head, rows.collect());
    source.chapter(
        "clusters",
        ("Clusters", "Кластери"),
        Vec::new(),
        vec![table],
    )
}
