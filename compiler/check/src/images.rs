//! Images: what runs is pinned, and comes from where it may.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::kubernetes::not_a_registry;
use erpc_model::{Image, Platform, Sourced, Via, listed};

use crate::of_service;

/// Every image has a tag or digest other than `latest` and comes from a registry of the platform.
pub(crate) fn references(platform: &Platform, out: &mut Diagnostics) {
    for registry in &platform.registries {
        if let Some(why) = not_a_registry(&registry.value) {
            let shown = registry.value.escape_debug();
            let diagnostic = Diagnostic::new(
                &codes::BAD_NAME,
                format!("invalid registry `{shown}`: {why}"),
            )
            .at(registry.span(), "not a registry");
            let address = registry.value.split_once("://");
            out.push(
                match address.filter(|(_, host)| not_a_registry(host).is_none()) {
                    Some((_, host)) => diagnostic.help(format!("write `\"{host}\"`")),
                    None => diagnostic,
                },
            );
        }
    }
    for (_, service) in platform.services() {
        for container in service.containers() {
            let image = &container.image;
            // With `defaults kubernetes` both are in the list of what separates services from strict.
            if !service.is_strict() {
                of_docker_hub(platform, image, out);
                continue;
            }
            let fact = match &image.value.tag {
                _ if image.value.is_pinned() => None,
                None => Some("it has no tag, and `latest` is whatever is newest today"),
                Some(_) => Some("`latest` is whatever is newest today"),
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
            } else {
                of_docker_hub(platform, image, out);
            }
            if !is_allowed(platform, &image.value) {
                let diagnostic = Diagnostic::new(
                    &codes::UNKNOWN_REGISTRY,
                    format!("registry `{}` is not allowed", image.value.registry),
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

/// Whether an image comes from a registry of the platform, or from below the path of one.
pub(crate) fn is_allowed(platform: &Platform, image: &Image) -> bool {
    let name = format!("{}/{}", image.registry, image.repository);
    platform.registries.iter().any(|registry| {
        let registry = registry.value.as_str();
        let below = name.strip_prefix(registry);
        image.registry == registry || below.is_some_and(|below| below.starts_with('/'))
    })
}

/// Names of Docker Official Images, which stand for an image of Docker Hub everywhere else.
fn of_docker_hub(platform: &Platform, image: &Sourced<Image>, out: &mut Diagnostics) {
    let Image {
        registry,
        repository,
        ..
    } = &image.value;
    let is_short = !image.value.registry_is_written && registry != "docker.io";
    let is_official = || {
        include_str!("official_images.txt")
            .lines()
            .any(|name| name == repository)
    };
    if !is_short || image.origin.via != Via::Declared || !is_official() {
        return;
    }
    let reference = image.value.to_string();
    let name = reference.strip_prefix(registry.as_str());
    let name = name.unwrap_or_default().trim_start_matches('/').to_owned();
    let hub = if platform
        .registries
        .iter()
        .any(|one| one.value == "docker.io")
    {
        ""
    } else {
        ", with `registries \"docker.io\"` in the platform"
    };
    out.push(
        Diagnostic::new(
            &codes::IMAGE_OF_DOCKER_HUB,
            format!("`{name}` is an image of Docker Hub, but will be pulled from `{registry}`"),
        )
        .at(image.span(), format!("`{reference}`"))
        .also(
            platform.registry.span(),
            "the registry of images that name none",
        )
        .help(format!(
            "for the image of Docker Hub: `image \"docker.io/library/{name}\"`{hub}"
        ))
        .help(format!(
            "for a copy in `{registry}`: `image \"{reference}\"`"
        )),
    );
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
