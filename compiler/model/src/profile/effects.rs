//! What of a profile takes effect: the layers of a profile folded, the more exact path before the
//! less exact one, and what is wrong with it. Linear in the services that each path means.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes, listed, nearest};
use smol_str::SmolStr;

use crate::origin::{Origin, Via};
use crate::platform::{
    Autoscale, End, FlowPort, IngressController, Mode, NamespaceId, Platform, ProfileId, Scaling,
    Service, ServiceId, Workload,
};
use crate::platform::{Change, Override, QuotaPart, ScaleChange, Slot, Target};
use crate::properties::Place;
use crate::statements::{ServiceProperties, Statements};

/// Whose property is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Platform,
    Namespace(NamespaceId),
    Service(ServiceId),
}

/// A property that a profile sets on one owner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effect<'p> {
    pub(super) change: &'p Change,
    pub(super) origin: Origin,
    path: Span,
    stars: u8,
    /// The place of the override in its profile.
    number: usize,
}

/// All that a profile sets, its lower layers included.
pub(super) struct Effects<'p> {
    pub(super) map: BTreeMap<(Owner, Slot), Effect<'p>>,
}

/// Checks all profiles: each of their own overrides once.
pub(crate) fn check_profiles(platform: &Platform) -> Diagnostics {
    let mut out = Diagnostics::new();
    for (id, _) in platform.profiles() {
        let (effects, found) = Effects::of(platform, id);
        out.extend(found);
        needed_and_off(platform, &effects, &mut out);
    }
    out
}

impl<'p> Effects<'p> {
    /// The effects of a profile, with what is wrong with its own overrides.
    pub(super) fn of(platform: &'p Platform, id: ProfileId) -> (Self, Diagnostics) {
        let mut effects = Self {
            map: BTreeMap::new(),
        };
        let mut diagnostics = Diagnostics::new();
        for layer in platform.layers(id) {
            let mut found = Diagnostics::new();
            effects.add(platform, layer, &mut found);
            if layer == id {
                diagnostics = found;
            }
        }
        (effects, diagnostics)
    }

    /// The services that are off, by themselves or with their namespace, and through which path.
    pub(super) fn off(&self, platform: &Platform) -> BTreeMap<ServiceId, Span> {
        let mut off = BTreeMap::new();
        for ((owner, slot), effect) in &self.map {
            match (owner, slot) {
                (Owner::Service(id), Slot::Whole) => {
                    off.insert(*id, effect.path);
                }
                (Owner::Namespace(id), Slot::Whole) => {
                    let services = &platform[*id].services;
                    off.extend(services.iter().map(|service| (*service, effect.path)));
                }
                _ => {}
            }
        }
        off
    }

    /// Puts a layer over what is there.
    fn add(&mut self, platform: &'p Platform, id: ProfileId, out: &mut Diagnostics) {
        let overrides = &platform[id].overrides;
        let mut own: BTreeMap<(Owner, Slot), Effect<'p>> = BTreeMap::new();
        let mut is_useful = vec![false; overrides.len()];
        for (number, this) in overrides.iter().enumerate() {
            if let Target::Services(ids) = &this.target
                && ids.iter().any(|id| !platform[*id].is_whole)
            {
                // What it changes may be in what could not be read.
                is_useful[number] = true;
                continue;
            }
            let mut is_applicable = false;
            for owner in owners(&this.target) {
                if !self.is_applicable(platform, owner, this) {
                    continue;
                }
                is_applicable = true;
                let effect = Effect {
                    change: &this.change.value,
                    origin: Origin {
                        span: this.change.span(),
                        via: Via::Profile(id),
                    },
                    path: this.path,
                    stars: this.stars,
                    number,
                };
                compete(
                    &mut own,
                    (owner, this.slot.clone()),
                    effect,
                    &mut is_useful,
                    out,
                );
            }
            if !is_applicable && let Some(diagnostic) = missing(platform, this) {
                // It is said already, and better than that nothing changes.
                is_useful[number] = true;
                out.push(diagnostic);
            }
        }
        replicas_or_scale(&mut own, &mut is_useful, out);
        // All are held against what lies below before the first of them changes it.
        own.retain(|(owner, slot), effect| self.changes(platform, *owner, slot, effect.change));
        for ((owner, slot), effect) in own {
            is_useful[effect.number] = true;
            self.insert(owner, slot, effect);
        }
        for (this, _) in overrides
            .iter()
            .zip(is_useful)
            .filter(|(_, useful)| !useful)
        {
            out.push(
                Diagnostic::new(
                    &codes::PROFILE_CHANGES_NOTHING,
                    format!(
                        "the profile `{}` changes nothing here",
                        platform[id].name.value
                    ),
                )
                .at(this.path, "it is so without this line")
                .help("remove the line, or set another value"),
            );
        }
    }

    fn insert(&mut self, owner: Owner, slot: Slot, effect: Effect<'p>) {
        // The higher layer decides between a fixed number and an autoscaler.
        match (&slot, effect.change) {
            (Slot::Replicas, _) => self.map.remove(&(owner, Slot::Scale)),
            (Slot::Scale, Change::Scale(_)) => self.map.remove(&(owner, Slot::Replicas)),
            _ => None,
        };
        self.map.insert((owner, slot), effect);
    }

    /// Whether an owner has the property that an override sets.
    fn is_applicable(&self, platform: &Platform, owner: Owner, this: &Override) -> bool {
        let Owner::Service(id) = owner else {
            return true;
        };
        let service = &platform[id];
        match &this.slot {
            Slot::Whole => true,
            Slot::Replicas => !service.is_job(),
            Slot::Statement(word) => why_not(service, word).is_none(),
            Slot::Scale => match &this.change.value {
                Change::Scale(ScaleChange { measures: None, .. }) => {
                    matches!(self.scaling(platform, id), Current::Auto(_))
                }
                _ => !service.is_job(),
            },
            Slot::Cpu(name) | Slot::Memory(name) | Slot::Image(name) => {
                container(service, name.as_ref()).is_some()
            }
            Slot::Volume(name) => service.volumes.iter().any(|v| v.name.value == *name),
            Slot::Host(Some(name)) => platform
                .routes_to(id)
                .iter()
                .any(|route| route.host.value == name.as_str()),
            Slot::Host(None) => hosts(platform, id).len() == 1,
            Slot::Cluster | Slot::Quota | Slot::QuotaPart(_) => false,
        }
    }

    /// Whether the property is another one without the change.
    fn changes(&self, platform: &Platform, owner: Owner, slot: &Slot, change: &Change) -> bool {
        if let Some(below) = self.map.get(&(owner, slot.clone()))
            && *slot != Slot::Scale
        {
            return below.change != change;
        }
        match owner {
            Owner::Platform => *change != Change::Cluster(platform.cluster),
            Owner::Namespace(id) => changes_namespace(platform, id, slot, change),
            Owner::Service(id) => {
                let is_off = self.map.contains_key(&(owner, Slot::Whole))
                    || self
                        .map
                        .contains_key(&(Owner::Namespace(platform[id].namespace), Slot::Whole));
                !is_off && self.changes_service(platform, id, slot, change)
            }
        }
    }

    fn changes_service(
        &self,
        platform: &Platform,
        id: ServiceId,
        slot: &Slot,
        change: &Change,
    ) -> bool {
        let service = &platform[id];
        match (slot, change) {
            (Slot::Replicas, Change::Count(n)) => self.scaling(platform, id) != Current::Fixed(*n),
            (Slot::Replicas, _) => {
                matches!(self.scaling(platform, id), Current::Fixed(n) if n != 1)
            }
            (Slot::Scale, Change::Scale(scale)) => match self.scaling(platform, id) {
                Current::Fixed(_) => true,
                Current::Auto(auto) => scaled(&auto, scale) != auto,
            },
            (Slot::Scale, _) => matches!(self.scaling(platform, id), Current::Auto(_)),
            (Slot::Cpu(name), Change::Cpu(cpu)) => {
                container(service, name.as_ref()).is_some_and(|c| c.cpu.value != *cpu)
            }
            (Slot::Memory(name), Change::Memory(memory)) => {
                container(service, name.as_ref()).is_some_and(|c| c.memory.value != *memory)
            }
            (Slot::Image(name), Change::Image(image)) => {
                container(service, name.as_ref()).is_some_and(|c| c.image.value != *image)
            }
            (Slot::Volume(name), Change::Size(size)) => service
                .volumes
                .iter()
                .any(|v| v.name.value == *name && v.size.value != *size),
            (Slot::Statement(word), change) => {
                ServiceProperties::statement(word).is_some_and(|statement| match change {
                    Change::Statement(layer) => !(statement.is_equal)(&service.properties, layer),
                    _ => (statement.origin)(&service.properties).is_some(),
                })
            }
            (Slot::Host(_), Change::Host(host)) => {
                hosts(platform, id).iter().any(|old| *old != host.as_str())
            }
            _ => true,
        }
    }

    /// How many pods there are under the layers so far.
    pub(super) fn scaling(&self, platform: &Platform, id: ServiceId) -> Current {
        let owner = Owner::Service(id);
        let service = &platform[id];
        if let Some(Change::Count(n)) = self.change(owner, Slot::Replicas) {
            return Current::Fixed(*n);
        }
        match (self.change(owner, Slot::Scale), &service.scaling) {
            (Some(Change::Scale(scale)), Scaling::Auto(auto)) => {
                Current::Auto(scaled(&auto.value, scale))
            }
            (Some(Change::Scale(scale)), Scaling::Fixed(_)) => {
                Current::Auto(scaled(&NO_MEASURES, scale))
            }
            (Some(_), Scaling::Auto(_)) => {
                let below = service.replicas_below.as_ref();
                Current::Fixed(below.map_or(1, |below| below.value))
            }
            (None, Scaling::Auto(auto)) => Current::Auto(auto.value.clone()),
            (_, Scaling::Fixed(n)) => match self.change(owner, Slot::Replicas) {
                Some(_) => Current::Fixed(1),
                None => Current::Fixed(n.value),
            },
        }
    }

    fn change(&self, owner: Owner, slot: Slot) -> Option<&'p Change> {
        self.map.get(&(owner, slot)).map(|effect| effect.change)
    }
}

/// A number of pods, or an autoscaler.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Current {
    Fixed(u32),
    Auto(Autoscale),
}

const NO_MEASURES: Autoscale = Autoscale {
    replicas: crate::units::Range { min: 1, max: 1 },
    cpu: None,
    memory: None,
};

/// An autoscaler under a change, which keeps its measures where the change says none.
fn scaled(below: &Autoscale, change: &ScaleChange) -> Autoscale {
    let measures = change.measures.as_ref().unwrap_or(below);
    Autoscale {
        replicas: change.replicas,
        cpu: measures.cpu,
        memory: measures.memory,
    }
}

fn changes_namespace(platform: &Platform, id: NamespaceId, slot: &Slot, change: &Change) -> bool {
    let quota = platform[id].quota.as_ref().map(|quota| &quota.value);
    match (slot, change) {
        (Slot::Quota, _) => quota.is_some(),
        (Slot::QuotaPart(part), change) => {
            let now = quota.and_then(|quota| match part {
                QuotaPart::Cpu => quota.cpu.map(Change::Cpu),
                QuotaPart::Memory => quota.memory.map(Change::Memory),
                QuotaPart::Pods => quota.pods.map(Change::Count),
                QuotaPart::Storage => quota.storage.map(Change::Size),
            });
            now.unwrap_or(Change::Off) != *change
        }
        _ => true,
    }
}

/// Puts an effect among those of its layer: the path with fewer `*` wins.
fn compete<'p>(
    own: &mut BTreeMap<(Owner, Slot), Effect<'p>>,
    key: (Owner, Slot),
    effect: Effect<'p>,
    is_useful: &mut [bool],
    out: &mut Diagnostics,
) {
    let Some(other) = own.get(&key).copied() else {
        own.insert(key, effect);
        return;
    };
    let differ = other.change != effect.change;
    if other.stars == effect.stars {
        if differ || other.stars == 0 {
            out.push(conflict(&other, &effect));
        }
        // Both were looked at: that one of them changes nothing is no news.
        is_useful[effect.number] = true;
        return;
    }
    let winner = if other.stars < effect.stars {
        other
    } else {
        effect
    };
    is_useful[winner.number] |= differ;
    own.insert(key, winner);
}

fn conflict(first: &Effect<'_>, second: &Effect<'_>) -> Diagnostic {
    Diagnostic::new(
        &codes::PROFILE_CONFLICT,
        "two lines of the profile set one property, and none says it more exactly",
    )
    .at(second.path, "set here")
    .also(first.path, "and here")
    .help("keep one of the two; a path with fewer `*` wins over one with more")
}

/// A fixed number and an autoscaler exclude each other: the path with fewer `*` wins.
fn replicas_or_scale(
    own: &mut BTreeMap<(Owner, Slot), Effect<'_>>,
    is_useful: &mut [bool],
    out: &mut Diagnostics,
) {
    let scaled: Vec<Owner> = own
        .iter()
        .filter(|((_, slot), e)| *slot == Slot::Scale && matches!(e.change, Change::Scale(_)))
        .map(|((owner, _), _)| *owner)
        .collect();
    let mut reported = BTreeSet::new();
    for owner in scaled {
        let (fixed, auto) = ((owner, Slot::Replicas), (owner, Slot::Scale));
        let (Some(a), Some(b)) = (own.get(&fixed).copied(), own.get(&auto).copied()) else {
            continue;
        };
        if a.stars == b.stars && reported.insert((a.number, b.number)) {
            out.push(
                Diagnostic::new(
                    &codes::PROFILE_CONFLICT,
                    "`replicas` and `scale` exclude each other",
                )
                .at(a.path, "a fixed number")
                .also(b.path, "an autoscaler owns the number")
                .help("keep one of the two"),
            );
        }
        is_useful[a.number] |= a.stars <= b.stars;
        is_useful[b.number] |= b.stars <= a.stars;
        own.remove(if a.stars <= b.stars { &auto } else { &fixed });
    }
}

fn owners(target: &Target) -> Vec<Owner> {
    match target {
        Target::Platform => vec![Owner::Platform],
        Target::Namespaces(ids) => ids.iter().copied().map(Owner::Namespace).collect(),
        Target::Services(ids) => ids.iter().copied().map(Owner::Service).collect(),
    }
}

/// The hosts under which a service is reached, each once.
pub(super) fn hosts(platform: &Platform, id: ServiceId) -> BTreeSet<&str> {
    let routes = platform.routes_to(id).iter();
    routes.map(|route| route.host.value.as_str()).collect()
}

/// The main container, or the sidecar or init container of a name.
pub(super) fn container<'s>(
    service: &'s Service,
    name: Option<&SmolStr>,
) -> Option<&'s crate::platform::Container> {
    let Some(name) = name else {
        return Some(&service.main);
    };
    let inner = service.sidecars.iter().chain(&service.inits);
    inner.into_iter().find(|c| c.name.value == *name)
}

/// Why a plain statement cannot stand in a service; `None` if it can.
fn why_not(service: &Service, word: &str) -> Option<&'static str> {
    let statement = ServiceProperties::statement(word)?;
    let (place, other) = match service.workload {
        Workload::Deployment | Workload::StatefulSet => (Place::Service, "it is a service"),
        Workload::Job | Workload::CronJob(_) => (Place::Job, "it is a job"),
    };
    if !statement.word.places.contains(&place) {
        return Some(other);
    }
    let needs_schedule = ServiceProperties::OF_SCHEDULES.contains(&word);
    (needs_schedule && service.workload == Workload::Job).then_some("it has no schedule")
}

/// Why an override means nothing that exists; `None` where that is only worth a warning.
fn missing(platform: &Platform, this: &Override) -> Option<Diagnostic> {
    let Target::Services(ids) = &this.target else {
        return None;
    };
    let whom = match ids.as_slice() {
        [one] if this.stars == 0 => format!("`{}` has", platform.path(*one)),
        _ => "none of these services has".to_owned(),
    };
    let no = if this.stars == 0 { "no" } else { "a" };
    let services = ids.iter().map(|id| &platform[*id]);
    let (what, known): (String, Vec<&str>) = match &this.slot {
        Slot::Volume(name) => (
            format!("volume `{name}`"),
            services
                .flat_map(|s| s.volumes.iter().map(|v| v.name.value.as_str()))
                .collect(),
        ),
        Slot::Cpu(Some(name)) | Slot::Memory(Some(name)) | Slot::Image(Some(name)) => (
            format!("container `{name}`"),
            services
                .flat_map(|s| s.sidecars.iter().chain(&s.inits))
                .map(|c| c.name.value.as_str())
                .collect(),
        ),
        Slot::Host(name) => (
            name.as_ref()
                .map_or_else(|| "single host".to_owned(), |name| format!("host `{name}`")),
            ids.iter().flat_map(|id| hosts(platform, *id)).collect(),
        ),
        Slot::Scale if this.stars == 0 => {
            ("scale whose bounds could be changed".to_owned(), Vec::new())
        }
        Slot::Replicas | Slot::Scale if this.stars == 0 => {
            ("number of pods: it is a job".to_owned(), Vec::new())
        }
        Slot::Statement(word) if this.stars == 0 => {
            let why = ids.iter().find_map(|id| why_not(&platform[*id], word))?;
            (format!("`{word}`: {why}"), Vec::new())
        }
        _ => return None,
    };
    let diagnostic = Diagnostic::new(
        &codes::PROFILE_MATCHES_NOTHING,
        format!("{whom} {no} {what}"),
    )
    .at(this.path, "matches nothing");
    let known: BTreeSet<&str> = known.into_iter().collect();
    Some(match &this.slot {
        Slot::Scale => diagnostic.help("say what it scales on too: `… .scale = 2..3 on cpu 75%`"),
        Slot::Host(None) if known.len() > 1 => diagnostic.help(format!(
            "say which one: `… .host.\"{}\" = …`; there are {}",
            known.iter().next().unwrap_or(&""),
            listed(known.iter().copied(), 12)
        )),
        Slot::Volume(name) | Slot::Host(Some(name)) => near(diagnostic, name, &known),
        Slot::Cpu(Some(name)) | Slot::Memory(Some(name)) | Slot::Image(Some(name)) => {
            near(diagnostic, name, &known)
        }
        _ => diagnostic,
    })
}

fn near(diagnostic: Diagnostic, name: &str, known: &BTreeSet<&str>) -> Diagnostic {
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("there is {}", listed(known.iter().copied(), 12))),
    }
}

/// What is off and needed by something that is not: a required service, the ingress controller.
fn needed_and_off(platform: &Platform, effects: &Effects<'_>, out: &mut Diagnostics) {
    let off = effects.off(platform);
    if off.is_empty() {
        return;
    }
    for flow in platform.flows.iter().filter(|f| f.mode == Mode::Requires) {
        let client = flow.from.ends.iter().find_map(|end| match end {
            End::Service(id) if !off.contains_key(id) => Some(*id),
            _ => None,
        });
        let has_port = |id: ServiceId| match &flow.port {
            FlowPort::Named(name, _) => platform[id].port(name).is_some(),
            FlowPort::Number(..) | FlowPort::Implied => true,
        };
        let target = flow.to.ends.iter().find_map(|end| match end {
            End::Service(id) if has_port(*id) => off.get(id).map(|path| (*id, *path)),
            _ => None,
        });
        if let (Some(client), Some((target, path))) = (client, target) {
            let (client, target) = (platform.path(client), platform.path(target));
            out.push(
                Diagnostic::new(
                    &codes::NEEDED_AND_OFF,
                    format!("`{client}` requires `{target}`, which is off"),
                )
                .at(path, "switched off here")
                .also(flow.span, "required here")
                .help(format!(
                    "switch `{client}` off too, leave `{target}` on, or make the flow `optional`"
                )),
            );
        }
    }
    let cluster = match effects.change(Owner::Platform, Slot::Cluster) {
        Some(Change::Cluster(id)) => *id,
        _ => platform.cluster,
    };
    let ingress = platform.clusters[cluster.index()].ingress.as_ref();
    let controller = ingress.and_then(|ingress| match &ingress.controller {
        IngressController::Service(id, _) => off.get(id).map(|path| (*id, *path)),
        IngressController::Pods { .. } | IngressController::Nodes => None,
    });
    let routed = platform
        .routes
        .iter()
        .find(|r| !off.contains_key(&r.port.service));
    if let (Some((controller, path)), Some(route)) = (controller, routed) {
        out.push(
            Diagnostic::new(
                &codes::NEEDED_AND_OFF,
                format!(
                    "`{}` serves the routes, and it is off",
                    platform.path(controller)
                ),
            )
            .at(path, "switched off here")
            .also(route.span, "a route that needs it")
            .help("leave it on, or choose a cluster whose ingress controller is another one"),
        );
    }
}
