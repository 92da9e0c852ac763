//! The chart's `files/`: for each kind a list of its objects, less what the templates write and
//! what is a value. A template adds the two together; it names no object. What is otherwise on
//! another cluster, or only there under a profile, says so.

mod entry;
mod network;
mod objects;
pub(super) mod profiles;
mod scaling;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::{Defaults, Mode, Peer, Platform, ServiceId};
use erpc_policy::{Derived, PodSecurity};
use rayon::prelude::*;

use self::entry::Entry;
use self::network::Sites;
use super::Variants;
use super::values::Shape;
use crate::kind::{Kind, Stage};
use crate::kubernetes::{classes, namespaces};
use crate::tree::Field;
use crate::{Object, ObjectFile, kubernetes};

/// What would be values, but is set by a patch: `erp-apps.hl7-health.resources`.
#[derive(Default)]
pub(super) struct Fixed(BTreeSet<String>);

impl Fixed {
    pub(super) fn has(&self, service: &str, value: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&format!("{service}.{value}"))
    }
}

/// The entries of a chart, and what else is made of the same objects.
pub(super) struct Gathered<T> {
    /// The text of each file in parts, by the name of its kind.
    pub(super) files: BTreeMap<&'static str, Vec<String>>,
    /// What is no value.
    pub(super) fixed: Fixed,
    /// The definitions among the manifests of the source: Helm installs them before it looks at anything else.
    pub(super) definitions: Vec<Object>,
    /// Of the objects of the whole platform first, then of those of each service.
    pub(super) also: Vec<T>,
}

/// How many services are gathered at once.
const SERVICES_AT_ONCE: usize = 16;

/// The entries of a chart, and what `also` makes of the objects that they are made of.
pub(super) fn collect<T: Send>(
    variants: &Variants<'_>,
    sources: &Sources,
    shape: &Shape,
    also: impl Fn(&[ObjectFile]) -> T + Sync,
) -> Gathered<T> {
    let Variants {
        platform, derived, ..
    } = variants;
    let gatherer = Gatherer::of(variants, shape);
    let shared = kubernetes::shared(platform, derived, sources);
    let reshaped = profiles::reshaped(variants, sources, shape);
    let mut list = List::default();
    gatherer.shared(&shared, &mut list);
    reshaped.lay_over_platform(&mut list);
    let mut gathered = Gathered {
        files: list.texts(),
        fixed: Fixed(list.fixed),
        definitions: definitions(variants),
        also: vec![also(&shared)],
    };
    gathered.fixed.0.extend(reshaped.fixed.0.iter().cloned());
    let services: Vec<ServiceId> = platform.services().map(|(id, _)| id).collect();
    let parts: Vec<Gathered<T>> = services
        .par_chunks(SERVICES_AT_ONCE)
        .map(|services| {
            let mut all = List::default();
            let also = services.iter().map(|id| {
                let (files, _) = kubernetes::service(platform, derived, sources, *id);
                let mut list = List::default();
                gatherer.service(&files, *id, &mut list);
                if !variants.profiles.is_empty() {
                    reshaped.lay_over_service(&platform.path(*id), &mut list);
                }
                all.entries.append(&mut list.entries);
                all.fixed.append(&mut list.fixed);
                also(&files)
            });
            let also = also.collect();
            Gathered {
                files: all.texts(),
                fixed: Fixed(all.fixed),
                definitions: Vec::new(),
                also,
            }
        })
        .collect();
    for part in parts {
        for (kind, mut texts) in part.files {
            gathered.files.entry(kind).or_default().append(&mut texts);
        }
        gathered.fixed.0.extend(part.fixed.0);
        gathered.also.extend(part.also);
    }
    let requirements = gatherer.requirements() + &reshaped.requirements;
    if !requirements.is_empty() {
        gathered.files.insert("requirements", vec![requirements]);
    }
    gathered
}

/// The file of the manifests of the source.
const MANIFESTS: &str = "manifests";

fn is_definition(object: &Object) -> bool {
    object.kind().stage() == Stage::Definitions
}

/// The definitions among the manifests of the source, with those that only a profile has.
fn definitions(variants: &Variants<'_>) -> Vec<Object> {
    let mut all: BTreeMap<String, Object> = BTreeMap::new();
    for platform in variants.all() {
        let objects = kubernetes::manifests::objects(platform);
        for object in objects.filter_map(|(_, object)| object) {
            if is_definition(&object) {
                all.entry(object.name().to_owned()).or_insert(object);
            }
        }
    }
    all.into_values().collect()
}

/// What is gathered, in its order.
#[derive(Default)]
struct List {
    entries: Vec<(&'static str, Entry)>,
    fixed: BTreeSet<String>,
}

impl List {
    /// The entries of each kind as text.
    fn texts(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut texts: BTreeMap<&'static str, String> = BTreeMap::new();
        for (kind, entry) in &self.entries {
            entry.write(texts.entry(kind).or_default());
        }
        let texts = texts.into_iter();
        texts.map(|(kind, text)| (kind, vec![text])).collect()
    }

    fn push(&mut self, kind: Kind, entry: Entry) {
        self.entries.push((kind.plural(), entry));
    }
}

/// A service by its namespace and its name.
type Place<'p> = (&'p str, &'p str);

fn place(platform: &Platform, id: ServiceId) -> Place<'_> {
    let service = &platform[id];
    (&platform[service.namespace].name.value, &service.name.value)
}

/// Appends services to an entry, below their key.
fn push_places<'p>(entry: &mut Entry, key: &str, places: impl IntoIterator<Item = Place<'p>>) {
    let mut lines = format!("  {key}:\n");
    for (namespace, service) in places {
        lines.push_str("  - ");
        entry::line(&mut lines, 0, "namespace", namespace);
        entry::line(&mut lines, 4, "service", service);
    }
    entry.lines(&lines);
}

struct Gatherer<'p> {
    variants: &'p Variants<'p>,
    platform: &'p Platform,
    derived: &'p Derived,
    shape: &'p Shape,
    sites: Sites<'p>,
    /// Who observes each service; `None` where an observer is never off.
    observers: Vec<Option<BTreeSet<ServiceId>>>,
}

impl<'p> Gatherer<'p> {
    fn of(variants: &'p Variants<'p>, shape: &'p Shape) -> Self {
        let Variants {
            platform, derived, ..
        } = variants;
        let mut observers = vec![Some(BTreeSet::new()); platform.services.len()];
        for edge in derived.edges.as_slice() {
            if let (Peer::Service(id), Mode::Observes) = (edge.to, edge.mode) {
                let known = &mut observers[id.index()];
                match (edge.from, known.as_mut()) {
                    (Peer::Service(from), Some(list)) if platform[from].raw.is_none() => {
                        list.insert(from);
                    }
                    (Peer::Service(_), None) => {}
                    _ => *known = None,
                }
            }
        }
        Self {
            variants,
            platform,
            derived,
            shape,
            sites: Sites::of(variants),
            observers,
        }
    }

    /// All that a service has.
    fn entries_of_service(&self, sources: &Sources, id: ServiceId) -> List {
        let mut list = List::default();
        let (files, _) = kubernetes::service(self.platform, self.derived, sources, id);
        self.service(&files, id, &mut list);
        list
    }

    /// What the platform has as a whole.
    fn entries_of_platform(&self, sources: &Sources) -> Vec<(&'static str, Entry)> {
        let mut list = List::default();
        let shared = kubernetes::shared(self.platform, self.derived, sources);
        self.shared(&shared, &mut list);
        list.entries
    }

    /// Adds the objects that the platform has as a whole.
    fn shared(&self, files: &[ObjectFile], list: &mut List) {
        let (raw, own): (Vec<&ObjectFile>, Vec<&ObjectFile>) =
            files.iter().partition(|file| file.is_raw);
        for object in raw.into_iter().flat_map(|file| &file.objects) {
            if !is_definition(object) {
                list.entries.push((MANIFESTS, self.raw(object)));
            }
        }
        // Those of raw workloads follow from their contracts, on each cluster.
        let own = own
            .into_iter()
            .filter(|file| file.path.starts_with("share/"));
        for object in own.flat_map(|file| &file.objects) {
            let entry = match object.kind() {
                // Of each cluster, below.
                Kind::IngressClass | Kind::StorageClass | Kind::ResourceQuota => continue,
                Kind::Namespace => self.namespace(object),
                Kind::ClusterRole | Kind::ClusterRoleBinding => {
                    // Of a namespace's account; both are named `<namespace>-role`.
                    let name = object.name();
                    let namespace = name.strip_suffix("-role").unwrap_or(name);
                    objects::whole(Entry::of(object, Some((namespace, None))), object)
                }
                _ => objects::whole(Entry::of(object, None), object),
            };
            list.push(object.kind(), entry);
        }
        self.quotas(list);
        self.classes(list);
        for (id, _) in self.platform.raw_workloads() {
            self.policies(id, list);
        }
    }

    /// A manifest of the source. What holds data stays when the release goes.
    fn raw(&self, object: &Object) -> Entry {
        let mut namespaces = self.platform.namespaces();
        let home = object
            .namespace()
            .filter(|home| namespaces.any(|(_, namespace)| namespace.name.value == *home));
        if !object.kind().holds_data() {
            return Entry::raw(object, home);
        }
        let mut kept = object.clone();
        if let Some(metadata) = kept.fields_mut().map_mut("metadata") {
            kubernetes::annotate(metadata, objects::KEEP, Field::plain("keep"));
        }
        Entry::raw(&kept, home)
    }

    /// A namespace, with the services for which it has its level of Pod Security: without them it
    /// has a stricter one.
    fn namespace(&self, object: &Object) -> Entry {
        let metadata = object.at(&["metadata"]).and_then(Field::as_map);
        let mut metadata = metadata.cloned().unwrap_or_default();
        let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut namespaces = self.platform.namespaces();
        let found = namespaces.find(|(_, namespace)| namespace.name.value == object.name());
        if let Some((id, namespace)) = found {
            let level = PodSecurity::of_namespace(self.platform, id);
            let is_said = |label: &str| label.starts_with("pod-security.kubernetes.io/");
            let by_hand = namespace.labels.iter().any(|(label, _)| is_said(label));
            let is_strict = namespace.defaults.value == Defaults::Strict;
            if level > PodSecurity::Restricted && is_strict && !by_hand {
                for id in &namespace.services {
                    let service = &self.platform[*id];
                    let needs = PodSecurity::of_service(service);
                    if needs > PodSecurity::Restricted {
                        let of_level = services.entry(needs.as_str()).or_default();
                        of_level.push(&service.name.value);
                    }
                }
                if let Some(labels) = metadata.map_mut("labels") {
                    labels.retain(|label| !is_said(label));
                }
            }
        }
        let name = (object.name(), None);
        let mut entry = Entry::of_metadata(name, &metadata, None, &[objects::KEEP]);
        entry.home = Some(object.name().to_owned());
        if !services.is_empty() {
            entry.lines("  podSecurity:\n");
            for (level, names) in services {
                entry::list(entry.body(), 4, level, &names);
            }
        }
        entry
    }

    /// The quotas that the platform or a profile says; how much is a value.
    fn quotas(&self, list: &mut List) {
        if self.shape.quotas.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        let apart = self.counted_apart();
        for platform in self.variants.all() {
            for object in namespaces::quotas(platform) {
                let namespace = object.namespace().map(str::to_owned);
                if object.kind() == Kind::ResourceQuota && seen.insert(namespace.clone()) {
                    let mut entry = Entry::of(&object, None);
                    let of_namespace = namespace.and_then(|name| apart.get(name.as_str()));
                    for (key, names) in ["inits", "shared"]
                        .into_iter()
                        .zip(of_namespace.into_iter().flatten())
                    {
                        if !names.is_empty() {
                            entry::list(entry.body(), 2, key, &Vec::from_iter(names));
                        }
                    }
                    list.push(object.kind(), entry);
                }
            }
        }
    }

    /// What the sum that a quota is checked against counts apart, by namespace: init containers, which a
    /// pod needs instead of its main container, and claims that a service has once.
    fn counted_apart(&self) -> BTreeMap<&str, [BTreeSet<String>; 2]> {
        let mut apart: BTreeMap<&str, [BTreeSet<String>; 2]> = BTreeMap::new();
        for platform in self.variants.all() {
            for (id, service) in platform.services() {
                let [inits, shared] = apart.entry(place(platform, id).0).or_default();
                let path = |name: &str| format!("{}/{name}", service.name.value);
                inits.extend(service.inits.iter().map(|init| path(&init.name.value)));
                let volumes = service.volumes.iter().filter(|volume| volume.is_single());
                shared.extend(volumes.map(|volume| path(&volume.name.value)));
            }
        }
        apart
    }

    /// The classes, each with the clusters that have it.
    fn classes(&self, list: &mut List) {
        let mut known: Vec<(Kind, Entry, BTreeSet<&str>)> = Vec::new();
        for site in self.sites.all() {
            let platform = site.platform();
            let ingress = classes::ingress_class(platform).into_iter();
            for object in ingress.chain(classes::storage_classes(platform)) {
                let kind = object.kind();
                let owner = match kind {
                    Kind::IngressClass => site.controller(),
                    _ => None,
                };
                let owner = owner.map(|(namespace, service)| (namespace, Some(service)));
                let entry = objects::whole(Entry::of(&object, owner), &object);
                match known.iter_mut().find(|(k, e, _)| *k == kind && *e == entry) {
                    Some((_, _, on)) => {
                        on.insert(site.name());
                    }
                    None => known.push((kind, entry, BTreeSet::from([site.name()]))),
                }
            }
        }
        for (kind, mut entry, on) in known {
            entry.clusters = self.sites.unless_all(&on);
            list.push(kind, entry);
        }
    }

    /// All that one service has, of its objects.
    fn service(&self, files: &[ObjectFile], id: ServiceId, list: &mut List) {
        for object in files.iter().flat_map(|file| &file.objects) {
            self.object(id, object, list);
        }
        self.policies(id, list);
        self.what_replicas_make(id, list);
    }

    fn fix(&self, id: ServiceId, value: &str, list: &mut List) {
        let path = self.platform.path(id);
        list.fixed.insert(format!("{path}.{value}"));
    }

    /// What each service cannot work without: what it requires, and the controller that serves it.
    fn requirements(&self) -> String {
        let mut text = String::new();
        for (id, _) in self.platform.services() {
            self.requirement(id, &mut text);
        }
        text
    }

    /// Adds what a service cannot work without.
    fn requirement(&self, id: ServiceId, text: &mut String) {
        let edges = self.derived.edges.from(id).iter();
        let required: BTreeSet<ServiceId> = edges
            .filter(|edge| edge.mode == Mode::Requires)
            .filter_map(|edge| match edge.to {
                Peer::Service(to) if to != id && self.platform[to].raw.is_none() => Some(to),
                _ => None,
            })
            .collect();
        let own = place(self.platform, id);
        let mut entry = Entry::at(own.0, own.1);
        if !required.is_empty() {
            let required = required.into_iter();
            let required = required.map(|to| place(self.platform, to));
            push_places(&mut entry, "requires", required);
        }
        self.routed_by(id, &mut entry);
        entry.clusters = self.sites.unless_all(&self.sites.possible(id));
        if !entry.is_bare() {
            entry.write(text);
        }
    }

    /// The controllers that serve a service's routes, each with the clusters on which it does.
    fn routed_by(&self, id: ServiceId, entry: &mut Entry) {
        if self.platform.routes_to(id).is_empty() {
            return;
        }
        let own = place(self.platform, id);
        let controllers = self
            .sites
            .all()
            .iter()
            .filter_map(network::Site::controller);
        let controllers: BTreeSet<Place<'_>> = controllers.filter(|by| *by != own).collect();
        if controllers.is_empty() {
            return;
        }
        entry.lines("  routedBy:\n");
        for by in controllers {
            let lines = entry.body();
            lines.push_str("  - ");
            entry::line(lines, 0, "namespace", by.0);
            entry::line(lines, 4, "service", by.1);
            let on = self.sites.unless_all(&self.sites.with_controller(by));
            if !on.is_empty() {
                entry::list(lines, 4, "clusters", &on);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Kind;
    use crate::helm::TEMPLATES;

    #[test]
    fn every_kind_has_its_template() {
        for kind in Kind::ALL {
            let file = kind.plural();
            let path = format!("helm/templates/{file}.yaml");
            let template = TEMPLATES.iter().find(|(known, _)| *known == path);
            let (_, body) = template.expect("its template");
            assert!(body.contains(&format!("\nkind: {kind}\n")), "{path}");
            assert!(body.contains(&format!("\"files/{file}.yaml\"")), "{path}");
        }
    }
}
