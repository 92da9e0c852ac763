//! Resolution: from the trees of a program to its [`Platform`]. In order: declarations are
//! indexed, the platform's facts and constants become known, clusters, namespaces and services
//! are built layer by layer, and the flows between them become ids.

mod addresses;
mod assertions;
mod cluster;
mod conditions;
mod container;
mod ends;
mod exposures;
mod flows;
mod index;
mod job;
mod missing_use;
mod mounts;
mod moved;
mod names;
mod namespace;
mod partial;
mod platform;
mod profile;
mod rules;
mod service;
mod settings;
mod state;

use std::collections::BTreeMap;

use erpc_diagnostics::Diagnostics;
use rustc_hash::FxHashSet;

use crate::eval::Evaluator;
use crate::platform::Platform;
use crate::profile::check_profiles;
use crate::program::{Files, Loaded};

use state::{Index, Layers, Names, Resolver};

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
    let mut resolver = Resolver {
        evaluator: Evaluator::new(loaded, files),
        index: Index::default(),
        names: Names::imported(loaded),
        layers: Layers::default(),
        missing_uses: BTreeMap::default(),
        unknown_tiers: FxHashSet::default(),
        secrets: Vec::new(),
        ingress_ports: Vec::new(),
    };
    resolver.collect();
    let platform = resolver.platform();
    resolver.report_missing_uses();
    let mut diagnostics = std::mem::take(&mut resolver.diagnostics);
    let templates = std::mem::take(&mut resolver.templates).into_iter();
    let templates = templates.map(|template| (template.path, template.text.to_string()));
    let templates = templates.collect();
    if let Some(platform) = &platform
        && !diagnostics.has_errors()
    {
        diagnostics.extend(check_profiles(platform));
    }
    Resolved {
        platform,
        diagnostics,
        templates,
    }
}
