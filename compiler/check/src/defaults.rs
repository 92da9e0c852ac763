//! What separates services from `defaults strict`, in one list for each namespace, and namespaces whose flows nothing
//! enforces.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{Defaults, Platform, Service, listed};

use crate::images::is_allowed;

/// How many services are named.
const SHOWN: usize = 6;

/// What a service lacks, and how a list calls it.
type Lack = (fn(&Platform, &Service) -> bool, &'static str);

/// What `defaults strict` would ask of a service that has `defaults kubernetes`.
const LACKS: [Lack; 4] = [
    (
        |_, service| {
            service
                .containers()
                .any(|container| container.cpu.is_none() || container.memory.is_none())
        },
        "without `cpu` or without `memory`",
    ),
    (
        |_, service| {
            service
                .containers()
                .any(|container| !container.image.value.is_pinned())
        },
        "image without a version",
    ),
    (
        |platform, service| {
            service
                .containers()
                .any(|container| !is_allowed(platform, &container.image.value))
        },
        "image from a registry that is not in `registries`",
    ),
    (
        |_, service| service.properties.run.is_none(),
        "without `run as`, so that the image decides whether it runs as root",
    ),
];

/// The namespaces without network policies.
pub(crate) fn open_networks(platform: &Platform, out: &mut Diagnostics) {
    for (id, namespace) in platform.namespaces() {
        let Some(opened) = namespace.opened() else {
            continue;
        };
        let name = &namespace.name.value;
        let raw = platform.raw_workloads();
        let raw = raw.filter(|(_, raw)| raw.namespace == id).count();
        let services = match (namespace.services.len(), raw) {
            (1, 0) => "its service".to_owned(),
            (many, 0) => format!("its {many} services"),
            (0, 1) => "its workload".to_owned(),
            (many, raw) => format!("its {} workloads", many + raw),
        };
        out.push(
            Diagnostic::new(
                &codes::NETWORK_OPEN,
                format!("no network policy enforces the flows of `{name}`"),
            )
            .at(
                opened.span(),
                format!("{services} may connect to anything that no other policy closes"),
            )
            .about(name.to_string())
            .help("`erpc plan` lists which connections would be left without this line"),
        );
    }
}

/// The services of each namespace that are not strict.
pub(crate) fn not_strict(platform: &Platform, out: &mut Diagnostics) {
    for (_, namespace) in platform.namespaces() {
        let services = namespace.services.iter().map(|id| &platform[*id]);
        let all = services.clone().count();
        let loose: Vec<&Service> = services.filter(|service| !service.is_strict()).collect();
        let Some(first) = loose.first() else {
            continue;
        };
        let name = &namespace.name.value;
        let is_whole = namespace.defaults.value == Defaults::Kubernetes;
        let at: Span = match is_whole {
            true => namespace.defaults.span(),
            false => first.properties.defaults.span(),
        };
        let mut found = Diagnostic::new(
            &codes::NOT_STRICT,
            match (loose.len(), all) {
                (1, 1) => format!("the only service of `{name}` is not hardened"),
                (one, all) if one == all => {
                    format!("the {all} services of `{name}` are not hardened")
                }
                (1, all) => format!("1 of the {all} services of `{name}` is not hardened"),
                (some, all) => format!("{some} of the {all} services of `{name}` are not hardened"),
            },
        )
        .at(at, "nothing is added to their pods")
        .about(name.to_string());
        if !is_whole && loose.len() > 1 {
            let names = loose.iter().map(|service| service.name.value.as_str());
            found = found.help(format!("they are {}", listed(names, SHOWN)));
        }
        for (lacks, what) in LACKS {
            let lacking = loose.iter().filter(|service| lacks(platform, service));
            let names: Vec<&str> = lacking.map(|service| service.name.value.as_str()).collect();
            if !names.is_empty() {
                found = found.help(format!("{what}: {}", listed(names, SHOWN)));
            }
        }
        out.push(found.help("harden one service at a time: write `defaults strict` in it, build, and read the difference"));
    }
}
