//! Paths inside containers.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{Platform, Service, Sourced};
use rustc_hash::FxHashMap;

use crate::of_service;

/// Every mount has a path of its own, and the path can be one.
pub(crate) fn mounts(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let shared: Vec<(&str, &Sourced<String>)> = service
            .volumes
            .iter()
            .map(|volume| ("volume", &volume.at))
            .chain(service.configs.iter().map(|config| ("config", &config.at)))
            .chain(service.secret_mounts.iter().map(|s| ("secret", &s.at)))
            .collect();
        for (_, at) in &shared {
            shape(service, at, out);
        }
        for container in service.containers() {
            let is_main = container.name.value == service.main.name.value;
            let mut taken: FxHashMap<&str, (&str, &Sourced<String>)> = FxHashMap::default();
            let own = container.writable.iter().map(|at| ("writable folder", at));
            let mounted = shared.iter().copied().filter(|_| is_main);
            for (what, at) in mounted.chain(own) {
                if what == "writable folder" {
                    shape(service, at, out);
                }
                let path = trimmed(&at.value);
                if let Some((first_what, first)) = taken.insert(path, (what, at)) {
                    let diagnostic = Diagnostic::new(
                        &codes::PATH_COLLISION,
                        if first_what == what {
                            format!("two {what}s are mounted at `{path}`")
                        } else {
                            format!("a {first_what} and a {what} are both mounted at `{path}`")
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
