//! Services whose objects differ under a profile in more than values, because it takes a volume from them or sets a
//! plain statement: these objects stand beside the declared ones, each with the profiles that it is for.

use std::collections::BTreeMap;

use erpc_diagnostics::Sources;
use erpc_model::{Platform, ServiceProperties};
use erpc_policy::Derived;

use super::entry::Entry;
use super::{Facts, List};
use crate::helm::Variants;
use crate::helm::values::Shape;
use crate::kubernetes;

/// Policies and routes of a service depend on neither.
const ALIKE: [&str; 2] = ["ingresses", "networkpolicies"];

/// The plain statements for which the chart has a value.
const VALUES: [&str; 1] = ["disruption"];

/// The paths of services whose objects differ under a profile in more than the chart's values: in their volumes, or
/// in a plain statement that the chart has no value for.
pub(in crate::helm) fn reshaped_paths(platform: &Platform, under: &Platform) -> Vec<String> {
    let shapes = |platform: &Platform| -> BTreeMap<String, (usize, ServiceProperties)> {
        let services = platform.services();
        services
            .map(|(id, service)| {
                let fixed = service.properties.without(&VALUES);
                (platform.path(id), (service.volumes.len(), fixed))
            })
            .collect()
    };
    let declared = shapes(platform);
    let left = shapes(under).into_iter();
    left.filter(|(path, shape)| declared.get(path) != Some(shape))
        .map(|(path, _)| path)
        .collect()
}

/// What these services are under each profile, by their paths.
pub(super) fn reshaped<'p>(
    variants: &'p Variants<'_>,
    sources: &Sources,
    shape: &Shape,
) -> BTreeMap<String, Vec<(&'p str, List)>> {
    let mut reshaped: BTreeMap<String, Vec<(&'p str, List)>> = BTreeMap::new();
    for (profile, under) in &variants.profiles {
        let paths = reshaped_paths(variants.platform, under);
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
