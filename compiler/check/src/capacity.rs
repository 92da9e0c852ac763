//! What pods request and may use against what the cluster has: a node, all nodes, all but one, at the
//! least and at the greatest scale.

use erpc_diagnostics::{Code, Diagnostic, Diagnostics, codes};
use erpc_model::{Nodes, Platform, Service, ServiceId, Sourced};
use erpc_reliability::capacity::{Fit, Need, Pod, Scale, Sum, allocatable};
use erpc_reliability::placement::{Obstacle, WithoutPlace};

use crate::of_service;

/// How many services that find no node are named.
const SHOWN: usize = 3;
/// How many namespaces of a sum are named.
const TERMS: usize = 8;

/// Everything that is held against the nodes; nothing where the cluster does not say what they are.
pub(crate) fn nodes(platform: &Platform, out: &mut Diagnostics) {
    let Some(nodes) = &platform.cluster().nodes else {
        return;
    };
    let is_whole = pods(platform, nodes, out);
    if is_whole {
        all(platform, nodes, out);
    }
}

/// Each pod against one node. Whether all of them fit on one.
fn pods(platform: &Platform, nodes: &Sourced<Nodes>, out: &mut Diagnostics) -> bool {
    let memory = allocatable(&nodes.value);
    let mut is_whole = true;
    for (id, service) in platform.services() {
        let pod = Pod::of(service);
        let cases = [
            ("CPU", pod.cpu.0, pod.cpu_limit.0, nodes.value.cpu.0),
            ("memory", pod.memory.0, pod.memory_limit.0, memory.0),
        ];
        for (what, request, limit, has) in cases {
            let (code, amount) = if request > has {
                is_whole = false;
                (&codes::POD_TOO_LARGE, request)
            } else if limit > has {
                (&codes::LIMIT_ABOVE_NODE, limit)
            } else {
                continue;
            };
            out.push(pod_above_node(
                platform,
                nodes,
                id,
                (what, amount, has),
                code,
            ));
        }
    }
    is_whole
}

fn pod_above_node(
    platform: &Platform,
    nodes: &Sourced<Nodes>,
    id: ServiceId,
    (what, amount, has): (&str, u64, u64),
    code: &'static Code,
) -> Diagnostic {
    let service = &platform[id];
    let shown = |amount: u64| shown(what, amount);
    let verb = if code.id == codes::POD_TOO_LARGE.id {
        "requests"
    } else {
        "may use"
    };
    let main = &service.main;
    let set = if what == "CPU" {
        main.cpu.as_ref().map(|cpu| cpu.origin)
    } else {
        main.memory.as_ref().map(|memory| memory.origin)
    };
    let origin = set.unwrap_or(main.name.origin);
    let name = platform.path(id);
    let diagnostic = Diagnostic::new(
        code,
        format!(
            "a pod of `{name}` {verb} {} of {what}, and a node of `{}` has {}",
            shown(amount),
            platform.cluster().name.value,
            shown(has)
        ),
    )
    .at(origin.span, format!("{verb} {}", shown(amount)))
    .also(nodes.span(), format!("{} for pods", shown(has)))
    .about(name);
    let diagnostic = if service.sidecars.is_empty() && service.inits.is_empty() {
        diagnostic
    } else {
        diagnostic.help("a pod has the sum of its containers")
    };
    let diagnostic = of_service(diagnostic, origin, service);
    // A node has some hundred cores; whoever writes more forgot the unit.
    if what == "CPU" && amount % 1000 == 0 && amount / 1000 >= 10 {
        let cores = amount / 1000;
        return diagnostic.help(format!(
            "a number without a unit is whole cores: write `{cores}m` for {cores} thousandths of a core"
        ));
    }
    diagnostic.help(format!("request at most {}", shown(has)))
}

fn shown(what: &str, amount: u64) -> String {
    if what == "CPU" {
        erpc_model::units::Cpu(amount).to_string()
    } else {
        erpc_model::units::Memory(amount).to_string()
    }
}

/// All pods against all nodes, and against all but one.
fn all(platform: &Platform, nodes: &Sourced<Nodes>, out: &mut Diagnostics) {
    let need = Need::of_all(platform);
    let count = nodes.value.count;
    let fit = |count, scale| Fit::of(platform, &nodes.value, count, &need, scale);
    let least = fit(count, Scale::Least);
    if !least.is_enough() {
        let code = if least.is_short() {
            &codes::CLUSTER_TOO_SMALL
        } else {
            &codes::NO_PLACE
        };
        out.push(too_small(platform, nodes, &least, Scale::Least, code));
        return;
    }
    let greatest = fit(count, Scale::Greatest);
    if !greatest.is_enough() {
        let code = &codes::SCALE_TOO_LARGE;
        out.push(too_small(platform, nodes, &greatest, Scale::Greatest, code));
    }
    // Nothing replaces the only node.
    if count < 2 {
        return;
    }
    let left = fit(count - 1, Scale::Least);
    let code = &codes::NODE_TO_SPARE;
    if !left.is_enough() {
        out.push(too_small(platform, nodes, &left, Scale::Least, code));
    } else if greatest.is_enough() {
        let left = fit(count - 1, Scale::Greatest);
        if !left.is_enough() {
            out.push(too_small(platform, nodes, &left, Scale::Greatest, code));
        }
    }
}

fn too_small(
    platform: &Platform,
    nodes: &Sourced<Nodes>,
    fit: &Fit,
    scale: Scale,
    code: &'static Code,
) -> Diagnostic {
    let cluster = &platform.cluster().name.value;
    let at = match scale {
        Scale::Least => "at the least scale",
        Scale::Greatest => "at the greatest scale",
    };
    let where_ = if fit.nodes == nodes.value.count {
        format!("`{cluster}`")
    } else {
        format!("`{cluster}` with one node gone")
    };
    let size = node_arithmetic(&nodes.value, fit);
    if !fit.is_short() {
        let without = &fit.packing.without_place;
        let pods: u64 = without.iter().map(|pods| pods.pods).sum();
        let (noun, verb) = if pods == 1 {
            ("pod", "finds")
        } else {
            ("pods", "find")
        };
        let mut diagnostic = Diagnostic::new(
            code,
            format!("{pods} {noun} {verb} no node on {where_} {at}, though the sums would fit"),
        )
        .at(nodes.span(), size)
        .about(cluster.as_str());
        for pods in without.iter().take(SHOWN) {
            let service = &platform[pods.service];
            diagnostic = diagnostic
                .also(replicas_span(service), obstacle(platform, pods))
                .help(format!(
                    "{} of {} pods of `{}` ({} of CPU, {} of memory each): {}",
                    pods.pods,
                    pods.of,
                    platform.path(pods.service),
                    pods.each.cpu,
                    pods.each.memory,
                    in_the_way(pods)
                ));
        }
        if without.len() > SHOWN {
            diagnostic = diagnostic.help(format!("and of {} services more", without.len() - SHOWN));
        }
        return diagnostic;
    }
    let (what, need, has) = if fit.need.memory > fit.memory {
        (
            "memory",
            fit.need.memory.to_string(),
            fit.memory.to_string(),
        )
    } else {
        ("CPU", fit.need.cpu.to_string(), fit.cpu.to_string())
    };
    let diagnostic = Diagnostic::new(
        code,
        format!("the platform requests {need} of {what} {at}, and {where_} has {has}"),
    )
    .at(nodes.span(), size)
    .about(cluster.as_str());
    terms(platform, diagnostic, what, scale).help(
        "take larger nodes or more of them, request less, or switch services off in a profile",
    )
}

/// `3 × (16Gi - 320Mi) = 47Gi`, both of CPU and of memory.
fn node_arithmetic(nodes: &Nodes, fit: &Fit) -> String {
    let memory = if nodes.reserved.0 == 0 {
        nodes.memory.to_string()
    } else {
        format!("({} - {})", nodes.memory, nodes.reserved)
    };
    let count = fit.nodes;
    format!(
        "{count} × {} = {} of CPU, {count} × {memory} = {} of memory",
        nodes.cpu, fit.cpu, fit.memory
    )
}

/// The sum by namespace, at the lines of the largest.
fn terms(platform: &Platform, diagnostic: Diagnostic, what: &str, scale: Scale) -> Diagnostic {
    let of = |sum: &Sum| {
        if what == "CPU" {
            sum.cpu.0
        } else {
            sum.memory.0
        }
    };
    let mut sums: Vec<(u64, &erpc_model::Namespace)> = platform
        .namespaces
        .iter()
        .map(|namespace| {
            let need = Need::of(platform, namespace.services.iter().copied());
            (of(need.at(scale)), namespace)
        })
        .filter(|(sum, _)| *sum > 0)
        .collect();
    sums.sort_by_key(|(sum, namespace)| (std::cmp::Reverse(*sum), &namespace.name.value));
    let all = sums
        .iter()
        .fold(0, |all: u64, (sum, _)| all.saturating_add(*sum));
    let mut diagnostic = diagnostic;
    for (sum, namespace) in sums.iter().take(SHOWN) {
        let label = format!("{} of {what}", shown(what, *sum));
        diagnostic = diagnostic.also(namespace.name.span(), label);
    }
    let named = sums.iter().take(TERMS);
    let mut text: Vec<String> = named
        .map(|(sum, namespace)| format!("{} {}", namespace.name.value, shown(what, *sum)))
        .collect();
    if sums.len() > TERMS {
        let rest = sums[TERMS..]
            .iter()
            .fold(0, |rest: u64, (sum, _)| rest.saturating_add(*sum));
        text.push(format!(
            "{} others {}",
            sums.len() - TERMS,
            shown(what, rest)
        ));
    }
    match text.as_slice() {
        [_] => diagnostic,
        several => diagnostic.help(format!("{} = {}", several.join(" + "), shown(what, all))),
    }
}

fn replicas_span(service: &Service) -> erpc_diagnostics::Span {
    let span = service.scaling.origin().span;
    if span.is_none() {
        service.name.span()
    } else {
        span
    }
}

fn obstacle(platform: &Platform, pods: &WithoutPlace) -> String {
    format!(
        "{} of `{}` without a node",
        pods.pods,
        platform.path(pods.service)
    )
}

fn in_the_way(pods: &WithoutPlace) -> String {
    match pods.why {
        Obstacle::Cpu(most) => format!("no node has more than {most} of CPU left"),
        Obstacle::Memory(most) => format!("no node has more than {most} of memory left"),
        Obstacle::Both => "no node has enough of both left".to_owned(),
        Obstacle::Apart => {
            "its replicas are kept apart, and the nodes with enough capacity have one more already"
                .to_owned()
        }
        Obstacle::Port(port) => {
            format!("the port {port} of every node with enough capacity is taken")
        }
    }
}
