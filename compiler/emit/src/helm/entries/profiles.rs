//! What differs under a profile in more than values: objects whose service, or whose namespace, has other statements
//! there stand beside the declared ones, each with the profiles that it is for. What exists under profiles only is
//! off by its values.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Sources;
use erpc_model::facts::plain_statements;
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;

use super::entry::Entry;
use super::{Fixed, Gatherer, List};
use crate::helm::Variants;
use crate::helm::values::Shape;

/// The plain statements for which the chart has a value.
const VALUES: [&str; 1] = ["disruption"];

/// Whether a service, or the platform as a whole, differs under a profile in more than the chart's values.
pub(in crate::helm) fn is_reshaped(platform: &Platform, under: &Platform) -> bool {
    under.has_statements_of_profile || !reshaped_paths(platform, under).is_empty()
}

/// The paths of services that a path of a profile makes differ in more than the chart's values: in their volumes, or
/// in a plain statement that the chart has no value for.
fn reshaped_paths(platform: &Platform, under: &Platform) -> BTreeSet<String> {
    let shapes = |platform: &Platform| -> BTreeMap<String, _> {
        let services = platform.services();
        services
            .map(|(id, service)| {
                let fixed = plain_statements(platform, id, &VALUES);
                (platform.path(id), (service.volumes.len(), fixed))
            })
            .collect()
    };
    let declared = shapes(platform);
    let left = shapes(under).into_iter();
    left.filter(|(path, shape)| declared.get(path).is_some_and(|one| one != shape))
        .map(|(path, _)| path)
        .collect()
}

/// Kinds of which the declared objects are for the clusters that are declared outside of profiles.
const OF_CLUSTERS: [&str; 4] = [
    "ingressclasses",
    "ingresses",
    "networkpolicies",
    "storageclasses",
];

type Entries = Vec<(&'static str, Entry)>;

/// Entries that one profile changes.
struct Change<'p> {
    profile: &'p str,
    /// Those that it changes or takes away, by kind and head.
    heads: BTreeSet<(&'static str, String)>,
    /// What they are under it.
    there: Entries,
}

impl<'p> Change<'p> {
    /// What differs between the entries without and with what a profile says; `None` if nothing does.
    fn between(profile: &'p str, before: &Entries, there: Entries) -> Option<Self> {
        let (old, new) = (by_head(before), by_head(&there));
        let heads = old.keys().chain(new.keys());
        let heads = heads.filter(|head| old.get(*head) != new.get(*head));
        let heads: BTreeSet<(&str, String)> = heads
            .map(|(kind, head)| (*kind, (*head).to_owned()))
            .collect();
        let is_changed = |(kind, entry): &(&'static str, Entry)| {
            heads.contains(&(*kind, entry.head().to_owned()))
        };
        let there: Entries = there.into_iter().filter(is_changed).collect();
        (!heads.is_empty()).then_some(Self {
            profile,
            heads,
            there,
        })
    }

    /// Puts what it changes beside what is declared.
    fn stand_beside(&self, declared: &mut Entries) {
        for (kind, entry) in declared.iter_mut() {
            let is_changed = self.heads.contains(&(*kind, entry.head().to_owned()));
            if is_changed && entry.under.is_empty() {
                entry.not_under.push(self.profile.to_owned());
            }
        }
        for (kind, entry) in &self.there {
            let mut known = declared.iter_mut();
            let same = known.find(|(other, known)| {
                other == kind && known.is_like(entry) && !known.under.is_empty()
            });
            if let Some((_, same)) = same {
                same.under.push(self.profile.to_owned());
                continue;
            }
            let mut entry = entry.clone();
            entry.under.push(self.profile.to_owned());
            declared.push((kind, entry));
        }
    }
}

fn by_head(entries: &Entries) -> BTreeMap<(&'static str, &str), Vec<&Entry>> {
    let mut by_head: BTreeMap<(&'static str, &str), Vec<&Entry>> = BTreeMap::new();
    for (kind, entry) in entries {
        by_head.entry((kind, entry.head())).or_default().push(entry);
    }
    by_head
}

/// What all profiles change.
#[derive(Default)]
pub(super) struct Reshaped<'p> {
    of_services: BTreeMap<String, Vec<Change<'p>>>,
    of_platform: Vec<Change<'p>>,
    /// What exists under profiles only: namespaces with their objects, and services.
    added: BTreeMap<String, Entries>,
    pub(super) fixed: Fixed,
    /// What the added services cannot work without.
    pub(super) requirements: String,
}

impl Reshaped<'_> {
    /// Adds what a service is under profiles to what it is without one.
    pub(super) fn lay_over_service(&self, path: &str, declared: &mut List) {
        for change in self.of_services.get(path).into_iter().flatten() {
            change.stand_beside(&mut declared.entries);
        }
    }

    /// Adds what belongs to no declared service.
    pub(super) fn lay_over_platform(&self, declared: &mut List) {
        for change in &self.of_platform {
            change.stand_beside(&mut declared.entries);
        }
        let added = self.added.values().flatten();
        declared.entries.extend(added.cloned());
    }
}

/// What differs under the profiles of a platform in more than values.
pub(super) fn reshaped<'p>(
    variants: &'p Variants<'_>,
    sources: &Sources,
    shape: &Shape,
) -> Reshaped<'p> {
    let mut reshaped = Reshaped::default();
    for (profile, under) in &variants.profiles {
        if shape.reshaping.contains(*profile) {
            reshaped.add(profile, variants.platform, under, sources, shape);
        }
    }
    reshaped
}

impl<'p> Reshaped<'p> {
    fn add(
        &mut self,
        profile: &'p str,
        declared: &Platform,
        under: &Platform,
        sources: &Sources,
        shape: &Shape,
    ) {
        // What is off, and the cluster, are values: only the rest makes a difference here.
        let before = declared.limited_to(under);
        let is_elsewhere = before.cluster().name.value != under.cluster().name.value;
        let has_statements = under.has_statements_of_profile;
        let paths = if has_statements {
            BTreeSet::new()
        } else {
            reshaped_paths(declared, under)
        };
        let (derived_before, _) = Derived::of(&before);
        let (derived, _) = Derived::of(under);
        let variants_before = Variants::alone(&before, &derived_before);
        let variants = Variants::alone(under, &derived);
        let gatherer_before = Gatherer::of(&variants_before, shape);
        let gatherer = Gatherer::of(&variants, shape);
        let ids: BTreeMap<String, ServiceId> = before
            .services()
            .map(|(id, _)| (before.path(id), id))
            .collect();
        for (id, _) in under.services() {
            let path = under.path(id);
            let known = ids.get(&path).copied();
            if known.is_some() && !has_statements && !paths.contains(&path) {
                continue;
            }
            let mut there = gatherer.entries_of_service(sources, id);
            let Some(known) = known else {
                gatherer.requirement(id, &mut self.requirements);
                self.fixed.0.append(&mut there.fixed);
                self.add_new(profile, path, there.entries);
                continue;
            };
            let mut before = gatherer_before.entries_of_service(sources, known).entries;
            before.retain(|(kind, _)| !is_elsewhere || !OF_CLUSTERS.contains(kind));
            if let Some(change) = Change::between(profile, &before, there.entries) {
                self.of_services.entry(path).or_default().push(change);
            }
        }
        if has_statements {
            let mut before = gatherer_before.entries_of_platform(sources);
            // Every policy of the platform is one that denies, on each cluster.
            before.retain(|(kind, _)| {
                !is_elsewhere || !OF_CLUSTERS.contains(kind) || *kind == "networkpolicies"
            });
            self.add_shared(
                profile,
                declared,
                &before,
                gatherer.entries_of_platform(sources),
            );
        }
    }

    /// Objects that belong to no service, of which those of a new namespace are off by its values.
    fn add_shared(
        &mut self,
        profile: &'p str,
        declared: &Platform,
        before: &Entries,
        there: Entries,
    ) {
        let namespaces = declared.namespaces();
        let known: BTreeSet<&str> = namespaces
            .map(|(_, namespace)| namespace.name.value.as_str())
            .collect();
        let is_new = |(_, entry): &(&'static str, Entry)| {
            let home = entry.home.as_deref();
            home.is_some_and(|home| !known.contains(home))
        };
        let (new, there): (Entries, Entries) = there.into_iter().partition(is_new);
        let mut by_namespace: BTreeMap<String, Entries> = BTreeMap::new();
        for (kind, entry) in new {
            let home = entry.home.clone().unwrap_or_default();
            by_namespace.entry(home).or_default().push((kind, entry));
        }
        for (namespace, entries) in by_namespace {
            self.add_new(profile, namespace, entries);
        }
        self.of_platform
            .extend(Change::between(profile, before, there));
    }

    /// What no declared object stands for; a second profile may have it otherwise.
    fn add_new(&mut self, profile: &'p str, path: String, there: Entries) {
        match self.added.entry(path) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(there);
            }
            std::collections::btree_map::Entry::Occupied(mut known) => {
                if let Some(change) = Change::between(profile, known.get(), there) {
                    change.stand_beside(known.get_mut());
                }
            }
        }
    }
}
