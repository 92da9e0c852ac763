//! Services that are another workload under a profile, because it takes a volume from them: their
//! objects stand beside the declared ones, each with the profiles that it is for.

use std::collections::BTreeMap;

use erpc_diagnostics::Sources;
use erpc_model::Platform;
use erpc_policy::Derived;

use super::entry::Entry;
use super::{Facts, List};
use crate::helm::Variants;
use crate::helm::values::Shape;
use crate::kubernetes;

/// What a policy or a route of a service says does not depend on its volumes.
const ALIKE: [&str; 2] = ["ingresses", "networkpolicies"];

/// The paths of services that have other volumes under a profile than declared.
pub(in crate::helm) fn with_other_volumes(platform: &Platform, under: &Platform) -> Vec<String> {
    let volumes = |platform: &Platform| -> BTreeMap<String, usize> {
        let services = platform.services();
        services
            .map(|(id, service)| (platform.path(id), service.volumes.len()))
            .collect()
    };
    let declared = volumes(platform);
    let left = volumes(under).into_iter();
    left.filter(|(path, count)| declared.get(path) != Some(count))
        .map(|(path, _)| path)
        .collect()
}

/// What services are under each profile that gives them other volumes, by their paths.
pub(super) fn reshaped<'p>(
    variants: &'p Variants<'_>,
    sources: &Sources,
    shape: &Shape,
) -> BTreeMap<String, Vec<(&'p str, List)>> {
    let mut reshaped: BTreeMap<String, Vec<(&'p str, List)>> = BTreeMap::new();
    for (profile, under) in &variants.profiles {
        let paths = with_other_volumes(variants.platform, under);
        if paths.is_empty() {
            continue;
        }
        let (derived, _) = Derived::of(under);
        let alone = Variants {
            platform: under,
            derived: &derived,
            profiles: Vec::new(),
        };
        let facts = Facts::of(&alone, shape);
        for (id, _) in under.services() {
            let path = under.path(id);
            if !paths.contains(&path) {
                continue;
            }
            let mut there = List::default();
            let (files, _) = kubernetes::service(under, &derived, sources, id);
            facts.service(&files, id, &mut there);
            reshaped.entry(path).or_default().push((profile, there));
        }
    }
    reshaped
}

/// Adds what a service is under profiles to what it is without one.
pub(super) fn stand_beside(declared: &mut List, reshaped: Option<&Vec<(&str, List)>>) {
    for (profile, there) in reshaped.into_iter().flatten() {
        let there = there.entries.iter().cloned();
        let there = there.filter(|(kind, _)| !ALIKE.contains(kind));
        add(declared, there.collect(), profile);
    }
}

fn add(declared: &mut List, there: Vec<(&'static str, Entry)>, profile: &str) {
    let mut there = there;
    for (kind, entry) in &mut declared.entries {
        if ALIKE.contains(kind) || !entry.under.is_empty() {
            continue;
        }
        let same = there
            .iter()
            .position(|(other, there)| other == kind && there.is_like(entry));
        match same {
            Some(same) => {
                there.swap_remove(same);
            }
            None => entry.not_under.push(profile.to_owned()),
        }
    }
    for (kind, mut entry) in there {
        entry.under.push(profile.to_owned());
        declared.entries.push((kind, entry));
    }
}
