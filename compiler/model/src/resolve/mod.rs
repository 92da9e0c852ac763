//! Resolution: from the trees of a program to its [`Platform`]. In order: declarations are indexed, the platform's
//! facts and constants become known, clusters, namespaces and services are built layer by layer, and the flows
//! between them become ids. A program is resolved once without a profile and once under each.

mod addresses;
mod changes;
mod cluster;
mod components;
mod conditions;
mod container;
mod exposures;
mod flows;
mod index;
mod inner;
mod job;
mod lookup;
mod missing_use;
mod moved;
mod names;
mod namespace;
mod outputs;
mod overrides;
mod paths;
mod peers;
mod platform;
mod profile;
mod rules;
mod service;
mod settings;
mod state;
mod suffix;
mod tiers;
mod under;

use std::collections::BTreeMap;
use std::sync::Arc;

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use rustc_hash::FxHashSet;

use crate::eval::Evaluator;
use crate::ids::Id;
use crate::platform::{Platform, ProfileId};
use crate::program::{Files, Loaded};

use profile::Profiles;
use state::{Index, Layers, Names, Parts, Resolver};
use under::Under;

/// What a program means.
pub struct Resolved {
    /// The platform; `None` if it has none.
    pub platform: Option<Platform>,
    /// What was found.
    pub diagnostics: Diagnostics,
    /// Paths and texts of the templates that were evaluated. Their ids follow those of the sources, to
    /// which they are to be added in this order.
    pub templates: Vec<(String, String)>,
}

/// Resolves a program.
pub fn resolve(loaded: &Loaded, files: &dyn Files) -> Resolved {
    let mut resolver = Resolver::new(Evaluator::new(loaded, files), Under::default());
    resolver.collect();
    resolver.assign_ids();
    let mut profiles = resolver.profiles();
    let mut platform = resolver.platform();
    let (mut evaluator, mut found) = resolver.finish();
    if let Some(platform) = &mut platform {
        outputs::check(platform, &profiles.models, &mut found);
        found = resolve_profiles(&mut profiles, platform, &mut evaluator, found);
        platform.profiles = profiles.models;
    }
    let templates = std::mem::take(&mut evaluator.templates).into_iter();
    let templates = templates.map(|template| (template.path, template.text.to_string()));
    Resolved {
        platform,
        diagnostics: found,
        templates: templates.collect(),
    }
}

/// Resolves the program under each profile, those that others extend first.
fn resolve_profiles<'a>(
    profiles: &mut Profiles<'a>,
    platform: &Platform,
    evaluator: &mut Evaluator<'a>,
    found: Diagnostics,
) -> Diagnostics {
    if profiles.models.is_empty() {
        return found;
    }
    let mut findings = Findings::of(found);
    let layers = (0..profiles.models.len()).map(|at| profiles.layers(ProfileId::from_index(at)));
    let mut order: Vec<Vec<ProfileId>> = layers.collect();
    order.sort_by_key(|layers| (layers.len(), layers.last().copied()));
    for layers in order {
        let Some((id, below)) = layers.split_last() else {
            continue;
        };
        let below = below.last().map(|below| &profiles.models[below.index()]);
        let below = below.and_then(|below| below.platform.clone());
        let model = &profiles.models[id.index()];
        let under = Under {
            name: model.name.value.clone(),
            layers: layers.clone(),
            ..Under::default()
        };
        let mut resolver = Resolver::new(evaluator.again(), under);
        resolver.collect();
        resolver.collect_profiles(profiles);
        resolver.assign_ids();
        resolver.collect_overrides(profiles);
        let resolved = resolver.platform();
        if let Some(resolved) = &resolved {
            resolver.check_profile(resolved, below.as_deref().unwrap_or(platform));
        }
        let resolved = resolved.map(|resolved| resolver.without_off(resolved));
        let accepts = std::mem::take(&mut resolver.profile.accepts);
        let (own, of_profile) = resolver.finish();
        findings.add(
            of_profile,
            profiles.span(*id),
            &profiles.models[id.index()].name.value,
        );
        *evaluator = own;
        let model = &mut profiles.models[id.index()];
        model.accepts = accepts;
        model.platform = resolved.map(Arc::new);
    }
    findings.found
}

/// What is found without a profile and under each, every finding once.
struct Findings {
    found: Diagnostics,
    known: FxHashSet<Diagnostic>,
}

/// What a profile may use although the platform without it does not.
fn is_about_use(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == &codes::UNUSED_LET || diagnostic.code == &codes::UNUSED_IMPORT
}

impl Findings {
    /// What is found without a profile.
    fn of(found: Diagnostics) -> Self {
        let known = found.as_slice().iter().cloned();
        Self {
            known: known.collect(),
            found,
        }
    }

    /// Adds what is found under a profile, which stands at `span`.
    fn add(&mut self, found: Diagnostics, span: Span, name: &str) {
        if self.found.as_slice().iter().any(is_about_use) && !found.has_errors() {
            let unused = found.as_slice().iter().filter(|found| is_about_use(found));
            let unused: FxHashSet<&Diagnostic> = unused.collect();
            self.found
                .retain(|one| !is_about_use(one) || unused.contains(one));
        }
        for diagnostic in found {
            if is_about_use(&diagnostic) || !self.known.insert(diagnostic.clone()) {
                continue;
            }
            let at = diagnostic.span();
            let is_in_profile =
                at.file == span.file && span.start <= at.start && at.end <= span.end;
            self.found.push(if is_in_profile {
                diagnostic
            } else {
                diagnostic.help(format!("under the profile `{name}`"))
            });
        }
    }
}

impl<'a> Resolver<'a> {
    fn new(evaluator: Evaluator<'a>, profile: Under<'a>) -> Self {
        Self {
            names: Names::imported(evaluator.loaded),
            evaluator,
            index: Index::default(),
            layers: Layers::default(),
            profile,
            missing_uses: BTreeMap::default(),
            unknown_tiers: FxHashSet::default(),
            parts: Parts::default(),
        }
    }

    /// What is left of it: what was found, and what another resolution can use.
    fn finish(mut self) -> (Evaluator<'a>, Diagnostics) {
        self.report_missing_uses();
        let found = std::mem::take(&mut self.diagnostics);
        (self.evaluator, found)
    }
}
