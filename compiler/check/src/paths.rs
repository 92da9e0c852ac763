//! Paths inside containers.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{Container, Platform, Service, Sourced};
use rustc_hash::FxHashMap;

use crate::of_service;

/// Every mount has a path of its own, and the path can be one.
pub(crate) fn mounts(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let volumes = service.volumes.iter().map(|volume| ("volume", &volume.at));
        let claims = service.claims.iter().map(|claim| ("volume", &claim.at));
        let scratch = service.scratch.iter().map(|one| ("scratch space", &one.at));
        let configs = service.configs.iter().map(|config| ("config", &config.at));
        let secrets = service.secret_mounts.iter().map(|one| ("secret", &one.at));
        let of_main = volumes
            .chain(claims)
            .chain(scratch)
            .chain(configs)
            .chain(secrets);
        let of_main = of_main.filter_map(|(what, at)| Some((what, at.as_ref()?)));
        let of_main: Vec<(&str, &Sourced<String>)> = of_main.collect();
        names(service, out);
        for (container, is_main) in containers(service) {
            let mut taken: FxHashMap<&str, (&str, &Sourced<String>)> = FxHashMap::default();
            let own = container.writable.iter().map(|at| ("writable folder", at));
            let mounts = container.mounts.iter().map(|mount| ("volume", &mount.at));
            let mounted = of_main.iter().copied().filter(|_| is_main);
            for (what, at) in mounted.chain(mounts).chain(own) {
                shape(service, at, out);
                let path = trimmed(&at.value);
                if let Some((first_what, first)) = taken.insert(path, (what, at)) {
                    let diagnostic = Diagnostic::new(
                        &codes::PATH_COLLISION,
                        if first_what == what {
                            format!("two {what}s are mounted at `{path}`")
                        } else {
                            format!("conflicting mounts at `{path}`: a {first_what} and a {what}")
                        },
                    )
                    .at(at.span(), "the same path")
                    .also(first.span(), "mounted here already");
                    out.push(of_service(diagnostic, at.origin, service));
                }
            }
        }
    }
}

/// The containers of a service, each with whether it is the main one.
fn containers(service: &Service) -> impl Iterator<Item = (&Container, bool)> {
    let others = service.inits.iter().chain(&service.sidecars);
    others
        .map(|container| (container, false))
        .chain(std::iter::once((&service.main, true)))
}

/// What is mounted is there, and a part of it is below it.
fn names(service: &Service, out: &mut Diagnostics) {
    let known: Vec<&str> = service
        .mountable()
        .map(|name| name.value.as_str())
        .collect();
    let mounts = containers(service).flat_map(|(container, _)| &container.mounts);
    for mount in mounts {
        let name = &mount.name;
        if !known.contains(&name.value.as_str()) {
            let message = format!(
                "`{}` has no volume `{}` to mount",
                service.name.value, name.value
            );
            let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, message)
                .at(name.span(), "declared nowhere in the service")
                .did_you_mean(
                    &name.value,
                    name.span(),
                    known.iter().copied(),
                    |diagnostic| {
                        diagnostic.help(
                            "declare it in the service: `volume`, `scratch`, `config` or `secret`",
                        )
                    },
                );
            out.push(of_service(diagnostic, name.origin, service));
        }
        if let Some(part) = &mount.sub_path
            && (part.value.is_empty()
                || part.value.starts_with('/')
                || part.value.split('/').any(|part| part == ".."))
        {
            let message = format!(
                "invalid sub-path `{}`: must be relative, without `..`",
                part.value.escape_debug()
            );
            let diagnostic =
                Diagnostic::new(&codes::BAD_PATH, message).at(part.span(), "not below the volume");
            out.push(of_service(diagnostic, part.origin, service));
        }
    }
}

fn trimmed(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { path } else { trimmed }
}

/// A mount path is absolute and plain; `:` is what a container runtime separates with.
fn shape(service: &Service, at: &Sourced<String>, out: &mut Diagnostics) {
    let path = at.value.as_str();
    let strange_fact;
    let fact = if !path.starts_with('/') {
        "it does not start with `/`"
    } else if trimmed(path) == "/" {
        "it is the root of the container"
    } else if path.split('/').any(|part| part == "..") {
        "it has a `..`"
    } else if let Some(strange) =
        erpc_model::strange(path).filter(|_| !path.contains(' ') || path != path.trim())
    {
        strange_fact = strange;
        &strange_fact
    } else if path.contains(':') {
        "it has a character that a path may not have"
    } else {
        return;
    };
    let diagnostic = Diagnostic::new(
        &codes::BAD_PATH,
        format!(
            "nothing can be mounted at `{}`: {fact}",
            path.escape_debug()
        ),
    )
    .at(at.span(), "this path");
    let diagnostic = if path.starts_with('/') {
        diagnostic
    } else {
        diagnostic.help(format!("paths in a container start at its root: `/{path}`"))
    };
    out.push(of_service(diagnostic, at.origin, service));
}
