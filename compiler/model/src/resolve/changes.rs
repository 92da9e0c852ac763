//! What a profile changes: lines that match nothing or change nothing, and what is off although something needs it.

use std::collections::BTreeSet;

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};
use rustc_hash::{FxHashMap, FxHashSet};

use super::overrides::{useless, why_not};
use super::state::Resolver;
use super::under::{Applied, Line, Meant, Override, Owner, Under};
use crate::facts::{Fact, of_namespace, of_platform, of_service};
use crate::platform::{
    FlowPort, IngressController, Mode, NamespaceId, Peer, Platform, Service, ServiceId, Workload,
};
use crate::properties::BlockKind;

impl Resolver<'_> {
    /// Reports the lines of the profile that match or change nothing. `platform` is the one under it, with what is
    /// off; `below` the one without it.
    pub(super) fn check_profile(&mut self, platform: &Platform, below: &Platform) {
        let mut facts = Compared::of(platform, below);
        let applied = std::mem::take(&mut self.profile.applied);
        let mut overrides = std::mem::take(&mut self.profile.overrides);
        for one in &applied {
            let is_useful = facts.is_changed(one);
            match one.line {
                Line::Path(number) => overrides[number].is_useful |= is_useful,
                Line::Statement(span) if !is_useful => self.report_useless(span),
                Line::Statement(_) => {}
            }
        }
        for line in overrides.iter_mut().filter(|line| line.is_own) {
            if let Meant::Whole = line.meant {
                // Of a layer below it may be off already.
                line.is_useful &= line.owners.iter().any(|owner| facts.is_below(*owner));
            }
            if is_partial(platform, line) {
                continue;
            }
            if !line.is_matched
                && let Some(diagnostic) = missing(platform, line)
            {
                self.report(diagnostic);
            } else if !line.is_useful {
                let diagnostic = useless(&self.profile.name, line.path);
                self.report(diagnostic);
            }
        }
        self.report_needed_and_off(platform);
    }

    /// What is off and needed by something that is not: a required service, the ingress controller.
    fn report_needed_and_off(&mut self, platform: &Platform) {
        let Under {
            namespaces_off,
            services_off,
            externals_off,
            ..
        } = &self.profile;
        if self.profile.is_all_on() {
            return;
        }
        let off = |id: ServiceId| {
            let home = platform[id].namespace;
            let span = services_off.get(&id).or_else(|| namespaces_off.get(&home));
            span.copied()
        };
        let mut found = Vec::new();
        for flow in platform.flows.iter().filter(|f| f.mode == Mode::Requires) {
            let client = flow.from.peers.iter().find_map(|end| match end {
                Peer::Service(id) if off(*id).is_none() => Some(*id),
                _ => None,
            });
            let has_port = |id: ServiceId| match &flow.port {
                FlowPort::Named(name, _) => platform[id].port(name).is_some(),
                FlowPort::Number(..) | FlowPort::Implied => true,
            };
            let target = flow.to.peers.iter().find_map(|end| match end {
                Peer::Service(id) if has_port(*id) => Some((*end, off(*id)?)),
                Peer::External(id) => Some((*end, *externals_off.get(id)?)),
                _ => None,
            });
            if let (Some(client), Some((target, line))) = (client, target) {
                let (client, target) = (platform.path(client), platform.peer_name(target));
                found.push(
                    Diagnostic::new(
                        &codes::NEEDED_AND_OFF,
                        format!("`{client}` requires `{target}`, which is off"),
                    )
                    .at(line, "switched off here")
                    .also(flow.span, "required here")
                    .help(format!(
                        "switch `{client}` off too, leave `{target}` on, or make the flow `optional`"
                    )),
                );
            }
        }
        let ingress = platform.cluster().ingress.as_ref();
        let controller = ingress.and_then(|ingress| match &ingress.controller {
            IngressController::Service(id, _) => Some((*id, off(*id)?)),
            IngressController::Pods { .. } | IngressController::Nodes => None,
        });
        let mut routes = platform.routes.iter();
        let routed = routes.find(|route| off(route.port.service).is_none());
        if let (Some((controller, line)), Some(route)) = (controller, routed) {
            found.push(
                Diagnostic::new(
                    &codes::NEEDED_AND_OFF,
                    format!(
                        "`{}` serves the routes, but is off",
                        platform.path(controller)
                    ),
                )
                .at(line, "switched off here")
                .also(route.span, "a route that needs it")
                .help("leave it on, or choose a cluster whose ingress controller is another one"),
            );
        }
        for diagnostic in found {
            self.report(diagnostic);
        }
    }
}

/// Whether a line means a service that could not be read: what it changes may be in that.
fn is_partial(platform: &Platform, line: &Override<'_>) -> bool {
    line.owners.iter().any(|owner| match owner {
        Owner::Service(id) => !platform[*id].is_whole,
        Owner::Platform | Owner::Namespace(_) => false,
    })
}

/// The facts of owners with and without a profile, looked up once for each.
struct Compared<'p> {
    platform: &'p Platform,
    below: &'p Platform,
    namespaces_below: FxHashMap<&'p str, NamespaceId>,
    services_below: FxHashMap<(&'p str, &'p str), ServiceId>,
    off_below: FxHashSet<String>,
    facts: FxHashMap<Owner, (Vec<Fact>, Option<Vec<Fact>>)>,
}

impl<'p> Compared<'p> {
    fn of(platform: &'p Platform, below: &'p Platform) -> Self {
        let services = below.services().map(|(id, service)| {
            let namespace = below.without_suffix(&below[service.namespace].name.value);
            ((namespace, service.name.value.as_str()), id)
        });
        let namespaces = below.namespaces();
        let namespaces =
            namespaces.map(|(id, namespace)| (below.without_suffix(&namespace.name.value), id));
        Self {
            platform,
            below,
            namespaces_below: namespaces.collect(),
            services_below: services.collect(),
            off_below: below.switched_off().map(|(name, _)| name).collect(),
            facts: FxHashMap::default(),
        }
    }

    fn namespace_below(&self, id: NamespaceId) -> Option<NamespaceId> {
        let name = &self.platform[id].name.value;
        let name = self.platform.without_suffix(name);
        self.namespaces_below.get(name).copied()
    }

    fn service_below(&self, id: ServiceId) -> Option<ServiceId> {
        let service = &self.platform[id];
        let namespace = &self.platform[service.namespace].name.value;
        let namespace = self.platform.without_suffix(namespace);
        let key = (namespace, service.name.value.as_str());
        self.services_below.get(&key).copied()
    }

    /// Whether an owner is there without the profile.
    fn is_below(&self, owner: Owner) -> bool {
        match owner {
            Owner::Platform => true,
            Owner::Namespace(id) => self.namespace_below(id).is_some(),
            Owner::Service(id) => self.service_below(id).is_some(),
        }
    }

    /// Whether an owner that is not there without the profile is declared by it, and not off below it.
    fn is_new(&self, owner: Owner) -> bool {
        let path = match owner {
            Owner::Platform => return false,
            Owner::Namespace(id) => {
                let name = &self.platform[id].name.value;
                self.platform.without_suffix(name).to_owned()
            }
            Owner::Service(id) => self.platform.declared_path(id),
        };
        !self.off_below.contains(path.as_str())
    }

    /// Whether something that the profile sets is otherwise without it.
    fn is_changed(&mut self, applied: &Applied) -> bool {
        let owner = applied.owner;
        if let (Owner::Namespace(id), "quota", Some(part)) = (owner, applied.word, &applied.part) {
            return self.is_quota_changed(id, part);
        }
        if owner == Owner::Platform && ["namespaces", "services"].contains(&applied.word) {
            return self.is_any_changed(applied.word == "namespaces");
        }
        if !self.facts.contains_key(&owner) {
            let facts = self.facts_of(owner);
            self.facts.insert(owner, facts);
        }
        let Some((now, before)) = self.facts.get(&owner) else {
            return true;
        };
        let Some(before) = before else {
            return self.is_new(owner);
        };
        let words: &[&str] = match applied.word {
            "replicas" | "scale" => &["replicas", "scale"],
            "host" => &["expose"],
            word => &[word],
        };
        words.iter().any(|word| {
            let [now, before] = [now, before].map(|facts| {
                let mut facts = facts.iter();
                facts.find(|fact| fact.name == *word)
            });
            let keyed = |fact: Option<&Fact>| {
                let fact = fact?.child(&applied.key)?;
                match &applied.part {
                    Some(part) => fact.child(part).cloned(),
                    None => Some(fact.clone()),
                }
            };
            match (keyed(now), keyed(before)) {
                // It is nothing that facts show.
                (None, None) if now.is_none() && before.is_none() => words.len() == 1,
                (None, None) => !is_same(now, before),
                (now, before) => !is_same(now.as_ref(), before.as_ref()),
            }
        })
    }

    /// Whether any namespace, or any service, is otherwise without the profile.
    fn is_any_changed(&self, of_namespaces: bool) -> bool {
        let suffix = |platform: &Platform| platform.suffix.as_ref().map(|it| it.value.clone());
        let is_changed = |owner| {
            let (now, before) = self.facts_of(owner);
            let same = |before: Vec<Fact>| {
                let mut pairs = now.iter().zip(&before);
                now.len() == before.len()
                    && pairs.all(|(a, b)| a.name == b.name && is_same(Some(a), Some(b)))
            };
            !before.is_some_and(same)
        };
        if of_namespaces {
            let mut all = self.platform.namespaces();
            return suffix(self.platform) != suffix(self.below)
                || all.any(|(id, _)| is_changed(Owner::Namespace(id)));
        }
        let mut all = self.platform.services();
        all.any(|(id, _)| is_changed(Owner::Service(id)))
    }

    fn facts_of(&self, owner: Owner) -> (Vec<Fact>, Option<Vec<Fact>>) {
        match owner {
            Owner::Platform => (of_platform(self.platform), Some(of_platform(self.below))),
            Owner::Namespace(id) => {
                let below = self.namespace_below(id);
                let below = below.map(|id| of_namespace(self.below, id));
                (of_namespace(self.platform, id), below)
            }
            Owner::Service(id) => {
                let below = self.service_below(id);
                let below = below.map(|id| of_service(self.below, id));
                (of_service(self.platform, id), below)
            }
        }
    }

    fn is_quota_changed(&self, id: NamespaceId, part: &str) -> bool {
        let shown = |platform: &Platform, id: NamespaceId| {
            let quota = platform[id].quota.as_ref()?.value.clone();
            match part {
                "cpu" => quota.cpu.map(|cpu| cpu.to_string()),
                "memory" => quota.memory.map(|memory| memory.to_string()),
                "pods" => quota.pods.map(|pods| pods.to_string()),
                _ => quota.storage.map(|storage| storage.to_string()),
            }
        };
        let below = self.namespace_below(id);
        let below = below.and_then(|id| shown(self.below, id));
        shown(self.platform, id) != below
    }
}

/// Whether two facts say the same, wherever it is set.
fn is_same(a: Option<&Fact>, b: Option<&Fact>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.value == b.value
                && a.children.len() == b.children.len()
                && a.children
                    .iter()
                    .zip(&b.children)
                    .all(|(a, b)| a.name == b.name && is_same(Some(a), Some(b)))
        }
        (None, None) => true,
        _ => false,
    }
}

/// What a line means in services that have none, and the names of what they have of the kind; `None` where that is only
/// worth a warning.
fn wanted<'p>(
    platform: &'p Platform,
    line: &Override<'_>,
    ids: &[ServiceId],
) -> Option<(String, Vec<&'p str>)> {
    let Meant::Statement(word, key, rest) = &line.meant else {
        return None;
    };
    let is_exact = line.stars == 0;
    let services = ids.iter().map(|id| &platform[*id]);
    Some(match (word.name, rest.is_empty()) {
        ("volume", _) => {
            let volumes = services.flat_map(|service| &service.volumes);
            let names = volumes.map(|volume| volume.name.value.as_str());
            (format!("volume `{key}`"), names.collect())
        }
        ("sidecar" | "init", _) => {
            let inner = services.flat_map(|service| service.sidecars.iter().chain(&service.inits));
            let names = inner.map(|container| container.name.value.as_str());
            (format!("container `{key}`"), names.collect())
        }
        ("host", _) => {
            let what = if key.is_empty() {
                "single host".to_owned()
            } else {
                format!("host `{key}`")
            };
            (
                what,
                ids.iter().flat_map(|id| hosts(platform, *id)).collect(),
            )
        }
        ("scale", _) if is_exact && services.clone().all(Service::has_replicas) => {
            ("scale whose bounds could be changed".to_owned(), Vec::new())
        }
        ("replicas" | "scale", _) if is_exact => {
            ("number of pods: it is a job".to_owned(), Vec::new())
        }
        (word, _) if is_exact => {
            let why = services.clone().find_map(|service| {
                let has_schedule = matches!(service.workload, Workload::CronJob(_));
                let place = if service.is_job() {
                    BlockKind::Job
                } else {
                    BlockKind::Service
                };
                why_not(word, place, has_schedule)
            })?;
            (format!("`{word}`: {why}"), Vec::new())
        }
        _ => return None,
    })
}

/// Why a line means nothing that exists; `None` where that is only worth a warning.
fn missing(platform: &Platform, line: &Override<'_>) -> Option<Diagnostic> {
    let Meant::Statement(word, key, _) = &line.meant else {
        return None;
    };
    let services = line.owners.iter().filter_map(|owner| match owner {
        Owner::Service(id) => Some(*id),
        Owner::Platform | Owner::Namespace(_) => None,
    });
    let ids: Vec<ServiceId> = services.collect();
    let is_exact = line.stars == 0;
    let whom = match ids.as_slice() {
        [] => return None,
        [one] if is_exact => format!("`{}` has", platform.path(*one)),
        _ => "none of these services has".to_owned(),
    };
    let (what, known) = wanted(platform, line, &ids)?;
    let no = if is_exact { "no" } else { "a" };
    let diagnostic = Diagnostic::new(
        &codes::PROFILE_MATCHES_NOTHING,
        format!("{whom} {no} {what}"),
    )
    .at(line.path, "matches nothing");
    let known: BTreeSet<&str> = known.into_iter().collect();
    Some(match word.name {
        "scale" if what.starts_with("scale") => {
            diagnostic.help("say what it scales on too: `… .scale = 2..3 on cpu 75%`")
        }
        "host" if key.is_empty() && known.len() > 1 => diagnostic.help(format!(
            "say which one: `… .host.\"{}\" = …`; there are {}",
            known.iter().next().unwrap_or(&""),
            listed(known.iter().copied(), 12)
        )),
        "volume" | "sidecar" | "init" => near(diagnostic, key, &known),
        "host" if !key.is_empty() => near(diagnostic, key, &known),
        _ => diagnostic,
    })
}

fn near(diagnostic: Diagnostic, name: &str, known: &BTreeSet<&str>) -> Diagnostic {
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("there is {}", listed(known.iter().copied(), 12))),
    }
}

/// The hosts under which a service is reached, each once.
fn hosts(platform: &Platform, id: ServiceId) -> BTreeSet<&str> {
    let routes = platform.routes_to(id).iter();
    routes.map(|route| route.host.value.as_str()).collect()
}
