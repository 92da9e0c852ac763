//! What is declared and used by nothing: ports, components, secrets, externals, storage classes,
//! empty configurations. A profile that switches services off makes nothing dead, so that only the
//! platform as declared is asked.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{
    ComponentId, FlowId, IngressController, Mode, PatchValue, Peer, Platform, PortId, ProbeCheck,
    Resource, Service, ServiceId, Via,
};
use erpc_policy::{Derived, EdgePort};
use erpc_reliability::capacity::claims;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::of_service;

/// How many services of one port of a component are named.
const SHOWN: usize = 3;

/// Everything that nothing uses.
pub(crate) fn parts(
    platform: &Platform,
    derived: &Derived,
    reached: &Reached,
    out: &mut Diagnostics,
) {
    if platform.profile.is_some() {
        return;
    }
    ports(platform, derived, &reached.is_reached, out);
    components(platform, out);
    secrets(platform, out);
    externals(platform, out);
    storage_classes(platform, out);
    unmounted(platform, out);
    configs(platform, out);
    grants(platform, derived, out);
}

/// Rights on the API of a service that cannot reach it. Those on what kubelets serve are asked of the
/// nodes themselves.
fn grants(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        let is_of_kubelet =
            |resource: &Resource| resource.group.is_empty() && resource.name.starts_with("nodes/");
        let mut grants = service.grants.iter();
        let Some(grant) = grants.find(|grant| !grant.resources.iter().all(is_of_kubelet)) else {
            continue;
        };
        let mut edges = derived.edges.from(id).iter();
        if edges.any(|edge| edge.to == Peer::ClusterApi) {
            continue;
        }
        out.push(
            Diagnostic::new(
                &codes::UNREACHABLE_API,
                format!(
                    "`{}` has permissions for the Kubernetes API, but no flow to `cluster.api`",
                    platform.path(id)
                ),
            )
            .at(service.name.span(), "no flow to `cluster.api`")
            .also(grant.origin.span, "what it may ask")
            .help("add `calls cluster.api observes because \"…\"`"),
        );
    }
}

/// Ports with no flow, route, probe or node. A port of the library is for whoever wants it; one of a
/// component of the program is dead where it is dead in every service.
fn ports(platform: &Platform, derived: &Derived, is_reached: &[bool], out: &mut Diagnostics) {
    let used = used_ports(platform, derived);
    let mut by_place: FxHashMap<Span, Vec<(PortId, bool)>> = FxHashMap::default();
    let mut places = Vec::new();
    for (id, service) in platform.services() {
        for (index, port) in (0..).zip(&service.ports) {
            if is_of_library(platform, port.name.origin.via) {
                continue;
            }
            let id = PortId { service: id, index };
            let span = port.name.span();
            let same = by_place.entry(span).or_insert_with(|| {
                places.push(span);
                Vec::new()
            });
            // What nothing reaches at all is a finding of its own.
            let is_used = service.properties.access.is_some()
                || port.host
                || used.contains(&id)
                || !is_reached[id.service.index()];
            same.push((id, is_used));
        }
    }
    let mut dead: Vec<Vec<PortId>> = Vec::new();
    for span in places {
        let same = &by_place[&span];
        if same.iter().any(|(_, is_used)| *is_used) {
            continue;
        }
        let ids: Vec<PortId> = same.iter().map(|(id, _)| *id).collect();
        // The ports that one service itself declares are one finding.
        match (dead.last_mut(), ids.as_slice()) {
            (Some(last), [one]) if last[0].service == one.service => last.push(*one),
            _ => dead.push(ids),
        }
    }
    for ids in dead {
        out.push(unused_ports(platform, &ids));
    }
}

fn unused_ports(platform: &Platform, ids: &[PortId]) -> Diagnostic {
    let first = ids[0];
    let name = platform.path(first.service);
    let port = &platform[first];
    let is_one_service = ids.iter().all(|id| id.service == first.service);
    let message = if !is_one_service {
        format!(
            "unused port `{}` of `{name}`, and {} more",
            port.name.value,
            ids.len() - 1
        )
    } else if ids.len() == 1 {
        format!("unused port `{}` of `{name}`", port.name.value)
    } else {
        let names = ids
            .iter()
            .map(|id| format!("`{}`", platform[*id].name.value));
        format!(
            "unused ports {} of `{name}`",
            names.collect::<Vec<_>>().join(", ")
        )
    };
    let mut diagnostic = Diagnostic::new(&codes::UNUSED_PORT, message)
        .at(port.name.span(), "no flow, route, probe or node");
    for id in ids.iter().skip(1).take(SHOWN) {
        diagnostic = if is_one_service {
            diagnostic.at(platform[*id].name.span(), "neither")
        } else {
            diagnostic.also(platform[id.service].name.span(), "has it")
        };
    }
    if matches!(port.name.origin.via, Via::Component(_)) {
        diagnostic = diagnostic.also(platform[first.service].name.span(), "in this service");
    }
    diagnostic
        .about(name)
        .help("no flow leads to it: add a flow to it or an `expose`, or remove it")
}

fn used_ports(platform: &Platform, derived: &Derived) -> FxHashSet<PortId> {
    let mut used = FxHashSet::default();
    for edge in derived.edges.as_slice() {
        if let (Peer::Service(service), EdgePort::Declared(index)) = (edge.to, edge.port) {
            used.insert(PortId { service, index });
        }
    }
    let implied = &derived.implied;
    let routed = implied.controller.iter().chain(&implied.world);
    used.extend(routed.map(|routed| routed.port));
    let ingress = platform
        .clusters
        .iter()
        .filter_map(|cluster| cluster.ingress.as_ref());
    for ingress in ingress {
        if let IngressController::Service(_, ports) = &ingress.controller {
            used.extend(ports);
        }
    }
    for service in &platform.services {
        used.extend(probed(service));
    }
    used
}

fn probed(service: &Service) -> impl Iterator<Item = PortId> {
    let probes = service.containers().flat_map(|container| {
        let probes = &container.probes;
        [&probes.ready, &probes.live, &probes.startup]
    });
    probes
        .flatten()
        .filter_map(|probe| match &probe.value.check.value {
            ProbeCheck::Http(_, port) | ProbeCheck::Tcp(port) => Some(*port),
            ProbeCheck::Exec(_) => None,
        })
}

/// Whether a component of the library says it.
fn is_of_library(platform: &Platform, via: Via) -> bool {
    let Via::Component(of_use) = via else {
        return false;
    };
    let component = platform.uses[of_use.index()].component;
    is_library(&platform.components[component.index()].name)
}

/// Names of the library have a path, those of the program have none.
fn is_library(name: &str) -> bool {
    name.contains('.')
}

/// Components of the program that no service is, directly or through others.
fn components(platform: &Platform, out: &mut Diagnostics) {
    let used: FxHashSet<ComponentId> = platform.uses.iter().map(|u| u.component).collect();
    for (id, component) in (0..).map(ComponentId).zip(&platform.components) {
        if is_library(&component.name) || used.contains(&id) {
            continue;
        }
        out.push(
            Diagnostic::new(
                &codes::UNUSED_COMPONENT,
                format!("unused component `{}`", component.name),
            )
            .at(component.span, "not used")
            .help("remove it"),
        );
    }
}

fn unused(what: &str, name: &str, span: Span, help: &str) -> Diagnostic {
    Diagnostic::new(
        &codes::UNUSED_DECLARATION,
        format!("unused {what} `{name}`"),
    )
    .at(span, "not used")
    .help(help)
}

fn secrets(platform: &Platform, out: &mut Diagnostics) {
    let patches = platform
        .services
        .iter()
        .flat_map(|service| &service.patches);
    let mut values: Vec<&PatchValue> = patches
        .flat_map(|patch| {
            let fields = patch.fields.iter();
            let fields = fields.filter_map(|field| field.value.value.as_ref());
            fields.chain(patch.merge.iter().map(|merge| &merge.value))
        })
        .collect();
    let mut in_patches: FxHashSet<&str> = FxHashSet::default();
    while let Some(value) = values.pop() {
        if let PatchValue::Text(text) = value {
            in_patches.insert(text);
        }
        values.extend(value.parts().map(|part| &part.value));
    }
    let secrets = platform.secrets.iter();
    for secret in secrets.filter(|secret| {
        secret.used_in.is_empty() && !in_patches.contains(secret.name.value.as_str())
    }) {
        out.push(unused(
            "secret",
            &secret.name.value,
            secret.name.span(),
            "mount it, take an `env` from it, name it behind `tls`, or remove it",
        ));
    }
}

fn externals(platform: &Platform, out: &mut Diagnostics) {
    let flows = platform
        .flows
        .iter()
        .flat_map(|flow| [&flow.from, &flow.to]);
    let assertions = platform.assertions.iter();
    let assertions = assertions.flat_map(|assertion| [&assertion.from, &assertion.to]);
    let peers = flows.chain(assertions).flat_map(|peers| &peers.peers);
    let used: FxHashSet<Peer> = peers.copied().collect();
    for (id, external) in (0..).map(erpc_model::ExternalId).zip(&platform.externals) {
        if !used.contains(&Peer::External(id)) {
            out.push(unused(
                "external",
                &external.name.value,
                external.name.span(),
                "add a flow to it, or remove it",
            ));
        }
    }
}

/// Storage classes that the platform makes and no claim is on; the default one serves whoever comes.
fn storage_classes(platform: &Platform, out: &mut Diagnostics) {
    for claims in claims(platform) {
        let Some(class) = claims.declared else {
            continue;
        };
        if class.create.is_some() && !class.is_default && claims.volumes.is_empty() {
            out.push(unused(
                "storage class",
                &class.name.value,
                class.name.span(),
                "name it at a volume, or remove it",
            ));
        }
    }
}

/// What a service declares for its containers, and none of them mounts.
fn unmounted(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let volumes = service.volumes.iter().map(|one| (&one.name, &one.at));
        let claims = service.claims.iter().map(|one| (&one.name, &one.at));
        let scratch = service.scratch.iter().map(|one| (&one.name, &one.at));
        let configs = service.configs.iter().map(|one| (&one.name, &one.at));
        let secrets = service.secret_mounts.iter().map(|one| (&one.name, &one.at));
        let of_pods = volumes.chain(claims).chain(scratch);
        let all = of_pods.chain(configs).chain(secrets);
        for (name, _) in all.filter(|(_, at)| at.is_none()) {
            let mut mounts = service.containers().flat_map(|container| &container.mounts);
            if mounts.any(|mount| mount.name.value == name.value) {
                continue;
            }
            let message = format!(
                "no container of `{}` mounts `{}`",
                service.name.value, name.value
            );
            let found = Diagnostic::new(&codes::UNUSED_DECLARATION, message)
                .at(name.span(), "mounted nowhere")
                .help("add `at \"path\"` for the main container, or `mount` in a container");
            out.push(of_service(found, name.origin, service));
        }
    }
}

fn configs(platform: &Platform, out: &mut Diagnostics) {
    let all = platform
        .services
        .iter()
        .flat_map(|service| &service.configs);
    for config in all.filter(|config| config.files.is_empty() && config.existing.is_none()) {
        out.push(
            Diagnostic::new(
                &codes::UNUSED_DECLARATION,
                format!("the configuration `{}` has no files", config.name.value),
            )
            .at(config.name.span(), "mounts an empty folder")
            .help("give it a file, or remove it"),
        );
    }
}

/// From how many services that it observes a service is one that scrapes; who observes one or two
/// calls back.
const SCRAPED: u32 = 3;
/// The name of ports that are there to be scraped.
const METRICS: &str = "metrics";

/// By service: what leads to it.
pub(crate) struct Reached {
    /// Whether something does that is a use of it.
    is_reached: Vec<bool>,
    /// A flow that leads to it and is no use.
    scraped: Vec<Option<FlowId>>,
}

/// For each service whether something leads to it. A scrape is no use of a service, except of one
/// whose first port is for its metrics: it is there to be scraped.
pub(crate) fn reached(platform: &Platform, derived: &Derived) -> Reached {
    let mut scraped = vec![None; platform.services.len()];
    let mut is_reached: Vec<bool> = platform
        .services
        .iter()
        .map(|service| {
            service.ports.is_empty() || service.properties.access.is_some() || service.is_job()
        })
        .collect();
    let observed = observed_by(platform, derived);
    for edge in derived.edges.as_slice() {
        let Peer::Service(target) = edge.to else {
            continue;
        };
        let is_first = edge.port == EdgePort::Declared(0);
        let is_used = match (edge.from, edge.mode) {
            // Of what a service observes, the first port may be for a callback.
            (Peer::Service(from), Mode::Observes) => {
                let first = &platform[target].ports[0].name.value;
                is_first && (observed[from.index()] < SCRAPED || first == METRICS)
            }
            _ => !platform.flows[edge.flow.index()].to.is_pattern || is_first,
        };
        if edge.from == edge.to {
            continue;
        }
        if is_used {
            is_reached[target.index()] = true;
        } else {
            scraped[target.index()] = Some(edge.flow);
        }
    }
    let exposed = derived
        .implied
        .controller
        .iter()
        .chain(&derived.implied.world);
    for routed in exposed {
        is_reached[routed.port.service.index()] = true;
    }
    Reached {
        is_reached,
        scraped,
    }
}

/// How many services each service observes.
fn observed_by(platform: &Platform, derived: &Derived) -> Vec<u32> {
    let mut observed = vec![0; platform.services.len()];
    let mut last = None;
    // Edges are sorted by caller and called, so that several ports of one stand together.
    for edge in derived.edges.as_slice() {
        if let (Peer::Service(from), Peer::Service(_), Mode::Observes) =
            (edge.from, edge.to, edge.mode)
            && last.replace((edge.from, edge.to)) != Some((edge.from, edge.to))
        {
            observed[from.index()] += 1;
        }
    }
    observed
}

/// A service with ports that no flow, route or address leads to.
pub(crate) fn unreachable(platform: &Platform, reached: &Reached, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        if !reached.is_reached[id.index()] {
            out.push(unreached(
                platform,
                id,
                service,
                reached.scraped[id.index()],
            ));
        }
    }
}

fn unreached(
    platform: &Platform,
    id: ServiceId,
    service: &Service,
    scraped: Option<FlowId>,
) -> Diagnostic {
    let path = platform.path(id);
    let (message, label) = match scraped {
        Some(_) => (
            format!("no flow or route reaches `{path}`: it is only scraped"),
            "no other flow, route or address leads here",
        ),
        None => (
            format!("no flow or route reaches `{path}`"),
            "no flow, route or address leads here",
        ),
    };
    let scrape = scraped.map_or(Span::NONE, |flow| platform.flows[flow.index()].span);
    Diagnostic::new(&codes::UNREACHABLE_SERVICE, message)
        .at(service.name.span(), label)
        .also(scrape, "scraping does not count as use")
        .help(
            "add a flow or an `expose`; say `access by port-forward` where operators alone use it",
        )
}
