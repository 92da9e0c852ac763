//! Images: what runs is pinned, and comes from where it may.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{Platform, listed};
use rustc_hash::FxHashSet;

use crate::of_service;

/// Every image has a tag or digest other than `latest` and comes from a registry of the platform.
pub(crate) fn references(platform: &Platform, out: &mut Diagnostics) {
    let registries: FxHashSet<&str> = platform
        .registries
        .iter()
        .map(|registry| registry.value.as_str())
        .collect();
    for (_, service) in platform.services() {
        for container in service.containers() {
            let image = &container.image;
            let fact = match (&image.value.tag, &image.value.digest) {
                (None, None) => Some("it has no tag, and `latest` is whatever is newest today"),
                (Some(tag), None) if tag == "latest" => {
                    Some("`latest` is whatever is newest today")
                }
                _ => None,
            };
            if let Some(fact) = fact {
                let diagnostic = Diagnostic::new(
                    &codes::BAD_IMAGE,
                    format!(
                        "`{}` does not say what runs: {fact}",
                        image.value.repository
                    ),
                )
                .at(image.span(), "not pinned")
                .help("write a version behind `:`, or a digest behind `@`");
                out.push(of_service(diagnostic, image.origin, service));
            }
            if !registries.contains(image.value.registry.as_str()) {
                let diagnostic = Diagnostic::new(
                    &codes::UNKNOWN_REGISTRY,
                    format!("images may not come from `{}`", image.value.registry),
                )
                .at(image.span(), "from there")
                .also(platform.registry.span(), "the platform's registry")
                .help(format!(
                    "allowed: {}; add to `registries` of the platform what else is trusted",
                    listed(registries_sorted(platform), 12)
                ));
                out.push(of_service(diagnostic, image.origin, service));
            }
        }
    }
}

fn registries_sorted(platform: &Platform) -> Vec<&str> {
    let mut all: Vec<&str> = platform
        .registries
        .iter()
        .map(|registry| registry.value.as_str())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
