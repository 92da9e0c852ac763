//! A platform without some of its namespaces and services: ids move together, and what names a
//! thing that is gone goes with it.

use crate::elements::{Element, GrantOwner};
use crate::platform::{
    Address, Cluster, ExternalId, IngressController, Namespace, NamespaceId, Peer, Peers, Platform,
    PortId, ProbeCheck, Route, SecretId, Service, ServiceId, Term, TermKind,
};
use crate::value::Value;
use crate::{EnvValue, Sourced};

/// Where each id goes; `None` for what is gone.
struct Moved {
    namespaces: Vec<Option<NamespaceId>>,
    services: Vec<Option<ServiceId>>,
    secrets: Vec<Option<SecretId>>,
    externals: Vec<Option<ExternalId>>,
}

/// What is left of a platform, by its ids.
pub(crate) struct Kept {
    pub(crate) namespaces: Vec<bool>,
    pub(crate) services: Vec<bool>,
    pub(crate) externals: Vec<bool>,
}

impl Kept {
    /// All of it.
    pub(crate) fn all(platform: &Platform) -> Self {
        Self {
            namespaces: vec![true; platform.namespaces.len()],
            services: vec![true; platform.services.len()],
            externals: vec![true; platform.externals.len()],
        }
    }
}

/// `platform` without what is not kept; a namespace that goes takes its services with it, which the caller has seen to.
pub(crate) fn without(mut platform: Platform, kept: &Kept) -> Platform {
    let Kept {
        namespaces,
        services,
        externals,
    } = kept;
    let after_namespaces = bridged(
        platform.namespaces.iter().map(|n| &n.after),
        namespaces,
        |id: NamespaceId| id.index(),
    );
    let after_services = bridged(
        platform.services.iter().map(|s| &s.after),
        services,
        |id: ServiceId| id.index(),
    );
    for (namespace, after) in platform.namespaces.iter_mut().zip(after_namespaces) {
        namespace.after = after;
    }
    for (service, after) in platform.services.iter_mut().zip(after_services) {
        service.statements.after = after;
    }
    let secrets: Vec<bool> = platform
        .secrets
        .iter()
        .map(|secret| secret.namespace.is_none_or(|n| namespaces[n.index()]))
        .collect();
    let moved = Moved {
        namespaces: numbered(namespaces).map(|n| n.map(NamespaceId)).collect(),
        services: numbered(services).map(|n| n.map(ServiceId)).collect(),
        secrets: numbered(&secrets).map(|n| n.map(SecretId)).collect(),
        externals: numbered(externals).map(|n| n.map(ExternalId)).collect(),
    };
    let gone = platform.namespaces.iter().zip(namespaces);
    let gone: Vec<_> = gone
        .filter(|(_, is_kept)| !**is_kept)
        .map(|(namespace, _)| namespace.name.value.clone())
        .collect();
    platform
        .manifests
        .retain(|manifest| manifest.names().all(|name| !gone.contains(name)));
    keep(&mut platform.externals, externals);
    keep(&mut platform.namespaces, namespaces);
    keep(&mut platform.services, services);
    keep(&mut platform.secrets, &secrets);
    for namespace in &mut platform.namespaces {
        moved.namespace(namespace);
    }
    for service in &mut platform.services {
        moved.service(service);
    }
    platform.routes.retain_mut(|route| moved.route(route));
    platform
        .addresses
        .retain_mut(|address| moved.address(address));
    platform.flows.retain_mut(|flow| {
        let (from, to) = (moved.peers(&mut flow.from), moved.peers(&mut flow.to));
        from && to
    });
    platform.assertions.retain_mut(|assertion| {
        let (from, to) = (
            moved.peers(&mut assertion.from),
            moved.peers(&mut assertion.to),
        );
        from && to
    });
    moved.conditions(&mut platform);
    moved.ingress(&mut platform.clusters);
    count_uses(&mut platform, &moved);
    platform
}

/// What each still waits for: where that is gone, what that waited for.
fn bridged<'p, T: Copy + PartialEq + 'p>(
    after: impl Iterator<Item = &'p Vec<Sourced<T>>>,
    kept: &[bool],
    index: impl Fn(T) -> usize,
) -> Vec<Vec<Sourced<T>>> {
    let after: Vec<&Vec<Sourced<T>>> = after.collect();
    after
        .iter()
        .map(|direct| {
            let mut out: Vec<Sourced<T>> = Vec::new();
            let mut seen = Vec::new();
            let mut open: Vec<Sourced<T>> = direct.iter().rev().cloned().collect();
            while let Some(next) = open.pop() {
                let at = index(next.value);
                if kept[at] {
                    if out.iter().all(|known| known.value != next.value) {
                        out.push(next);
                    }
                } else if !seen.contains(&at) {
                    seen.push(at);
                    // The place is that of the statement which still holds.
                    open.extend(after[at].iter().rev().map(|further| Sourced {
                        value: further.value,
                        origin: next.origin,
                    }));
                }
            }
            out
        })
        .collect()
}

fn numbered(kept: &[bool]) -> impl Iterator<Item = Option<u32>> {
    let mut next = 0;
    kept.iter().map(move |kept| {
        kept.then(|| {
            next += 1;
            next - 1
        })
    })
}

fn keep<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    list.retain(|_| kept.next().copied().unwrap_or(true));
}

impl Moved {
    /// Rules and tests, without the conditions that name what is gone.
    fn conditions(&self, platform: &mut Platform) {
        for rule in &mut platform.rules {
            rule.requires.retain_mut(|require| {
                self.term(&mut require.condition) && self.term(&mut require.message)
            });
        }
        for test in &mut platform.tests {
            let before = test.expectations.len();
            test.expectations
                .retain_mut(|expectation| self.term(&mut expectation.condition));
            test.left_out += before - test.expectations.len();
        }
    }

    fn ingress(&self, clusters: &mut [Cluster]) {
        for cluster in clusters {
            let is_kept =
                cluster
                    .ingress
                    .as_mut()
                    .is_none_or(|ingress| match &mut ingress.controller {
                        IngressController::Service(id, ports) => {
                            self.move_service(id) && ports.iter_mut().all(|port| self.port(port))
                        }
                        IngressController::Pods { .. } | IngressController::Nodes => true,
                    });
            if !is_kept {
                cluster.ingress = None;
            }
        }
    }

    fn move_namespace(&self, id: &mut NamespaceId) -> bool {
        move_to(id, self.namespaces[id.index()])
    }

    fn move_service(&self, id: &mut ServiceId) -> bool {
        move_to(id, self.services[id.index()])
    }

    fn move_secret(&self, id: &mut SecretId) -> bool {
        move_to(id, self.secrets[id.index()])
    }

    fn port(&self, port: &mut PortId) -> bool {
        self.move_service(&mut port.service)
    }

    fn peers(&self, peers: &mut Peers) -> bool {
        peers.peers.retain_mut(|end| match end {
            Peer::Service(id) => self.move_service(id),
            Peer::External(id) => move_to(id, self.externals[id.index()]),
            Peer::Internet | Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => true,
        });
        !peers.peers.is_empty()
    }

    /// Whether all that a term names is still there.
    fn term(&self, term: &mut Term) -> bool {
        match &mut term.kind {
            TermKind::Value(value) => self.value(value),
            TermKind::Variable(_) | TermKind::Violations(_) => true,
            TermKind::Member(of, _)
            | TermKind::RangeEnd(of, _)
            | TermKind::Not(of)
            | TermKind::Negate(of)
            | TermKind::Wave(of) => self.term(of),
            TermKind::List(parts) | TermKind::Text(parts) | TermKind::Call(_, parts) => {
                parts.iter_mut().all(|part| self.term(part))
            }
            TermKind::And(a, b)
            | TermKind::Or(a, b)
            | TermKind::Compare(_, a, b)
            | TermKind::In(a, b)
            | TermKind::Arithmetic(_, a, b) => self.term(a) && self.term(b),
            TermKind::If(parts) => parts.iter_mut().all(|part| self.term(part)),
            TermKind::Quantified {
                collection,
                predicate,
                ..
            } => self.term(collection) && self.term(predicate),
            TermKind::Comprehension {
                element,
                collection,
                condition,
            } => {
                self.term(element)
                    && self.term(collection)
                    && condition.as_mut().is_none_or(|of| self.term(of))
            }
            TermKind::Path(query) => self.peers(&mut query.from) && self.peers(&mut query.to),
            TermKind::Holds(_, of) => of.as_mut().is_none_or(|of| self.term(of)),
        }
    }

    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::Element(element) => self.element(element),
            Value::List(values) => values.iter_mut().all(|value| self.value(value)),
            _ => true,
        }
    }

    fn element(&self, element: &mut Element) -> bool {
        match element {
            Element::Namespace(id) | Element::Grant(GrantOwner::Namespace(id), _) => {
                self.move_namespace(id)
            }
            Element::Service(id)
            | Element::Container(id, _)
            | Element::Image(id, _)
            | Element::Env(id, ..)
            | Element::Probe(id, ..)
            | Element::Volume(id, _)
            | Element::Config(id, _)
            | Element::Grant(GrantOwner::Service(id), _)
            | Element::Peer(Peer::Service(id)) => self.move_service(id),
            Element::Port(port) => self.port(port),
            Element::Peer(Peer::External(id)) => move_to(id, self.externals[id.index()]),
            // A program cannot name a route or an edge, so no term holds one.
            Element::Platform | Element::Route(_) | Element::Flow(_) | Element::Peer(_) => true,
        }
    }

    fn namespace(&self, namespace: &mut Namespace) {
        namespace
            .after
            .retain_mut(|after| self.move_namespace(&mut after.value));
        namespace.services.retain_mut(|id| self.move_service(id));
        namespace
            .pull_secrets
            .retain_mut(|secret| self.move_secret(&mut secret.value));
    }

    fn service(&self, service: &mut Service) {
        self.move_namespace(&mut service.namespace);
        let statements = &mut service.statements;
        statements
            .after
            .retain_mut(|after| self.move_service(&mut after.value));
        service
            .addresses
            .retain_mut(|used| self.move_service(&mut used.to));
        statements
            .secret_mounts
            .retain_mut(|mount| self.move_secret(&mut mount.secret));
        let containers = statements.sidecars.iter_mut().chain(&mut statements.inits);
        for container in containers.chain(std::iter::once(&mut service.main)) {
            for variable in &mut container.env {
                if let EnvValue::Secret(id, _) = &mut variable.value.value {
                    self.move_secret(id);
                }
            }
            let probes = &mut container.probes;
            for probe in [&mut probes.ready, &mut probes.live, &mut probes.startup] {
                match probe.as_mut().map(|probe| &mut probe.value.check.value) {
                    Some(ProbeCheck::Http(_, port) | ProbeCheck::Tcp(port)) => {
                        self.port(port);
                    }
                    Some(ProbeCheck::Exec(_)) | None => {}
                }
            }
        }
    }

    fn route(&self, route: &mut Route) -> bool {
        if let Some(tls) = &mut route.tls {
            self.move_secret(&mut tls.value);
        }
        self.port(&mut route.port)
    }

    fn address(&self, address: &mut Address) -> bool {
        self.port(&mut address.port)
    }
}

fn move_to<T: Copy>(id: &mut T, to: Option<T>) -> bool {
    if let Some(to) = to {
        *id = to;
    }
    to.is_some()
}

/// Where each secret is used by what is left.
fn count_uses(platform: &mut Platform, moved: &Moved) {
    let mut used: Vec<Vec<NamespaceId>> = vec![Vec::new(); platform.secrets.len()];
    for service in &platform.services {
        let variables = service.containers().flat_map(|container| &container.env);
        let variables = variables.filter_map(|variable| match &variable.value.value {
            EnvValue::Secret(id, _) => Some(*id),
            EnvValue::Text(_) => None,
        });
        let mounts = service.secret_mounts.iter().map(|mount| mount.secret);
        for secret in variables.chain(mounts) {
            used[secret.index()].push(service.namespace);
        }
    }
    for (id, namespace) in (0..).map(NamespaceId).zip(&platform.namespaces) {
        for secret in &namespace.pull_secrets {
            used[secret.value.index()].push(id);
        }
    }
    for route in &platform.routes {
        if let Some(tls) = &route.tls {
            used[tls.value.index()].push(platform.services[route.port.service.index()].namespace);
        }
    }
    for (secret, mut namespaces) in platform.secrets.iter_mut().zip(used) {
        namespaces.sort_unstable();
        namespaces.dedup();
        secret.used_in = namespaces;
        if let Some(namespace) = &mut secret.namespace {
            moved.move_namespace(namespace);
        }
    }
    // A secret of the whole program that nothing uses any more is needed nowhere.
    platform.moves.retain_mut(|this| match &mut this.new {
        crate::platform::MovedTo::Service(id) => moved.move_service(id),
        crate::platform::MovedTo::Namespace(id) => moved.move_namespace(id),
    });
}
