//! Storage classes: a claim of a class that the cluster does not have waits for ever.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{Platform, listed};

use crate::of_service;

/// Every class that a volume names is one of the cluster.
pub(crate) fn classes(platform: &Platform, out: &mut Diagnostics) {
    let cluster = platform.cluster();
    let known: Vec<&str> = cluster
        .storage
        .iter()
        .map(|class| class.name.value.as_str())
        .collect();
    for (_, service) in platform.services() {
        for class in service
            .volumes
            .iter()
            .filter_map(|volume| volume.class.as_ref())
        {
            if known.contains(&class.value.as_str()) {
                continue;
            }
            let diagnostic = Diagnostic::new(
                &codes::UNKNOWN_NAME,
                format!(
                    "the cluster `{}` has no storage class `{}`",
                    cluster.name.value, class.value
                ),
            )
            .at(class.span(), "no such class")
            .also(
                cluster.name.span(),
                format!("its storage classes: {}", listed(known.iter().copied(), 9)),
            )
            .unless_said(cluster.name.span(), "storage");
            let diagnostic = diagnostic.did_you_mean(
                &class.value,
                class.span(),
                known.iter().copied(),
                |diagnostic| {
                    diagnostic.help(format!(
                        "declare it in the cluster: `storage {}`",
                        class.value
                    ))
                },
            );
            out.push(of_service(diagnostic, class.origin, service));
        }
    }
}

/// A volume that one node mounts serves one pod at a time.
pub(crate) fn once(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        // With `defaults kubernetes`, whoever runs it knows where its pods are.
        let has_several = service.scaling.bounds().max > 1 && !service.is_job();
        if !service.is_strict() || !has_several {
            continue;
        }
        for volume in service.volumes.iter().filter(|volume| volume.once) {
            let diagnostic = Diagnostic::new(
                &codes::CONTRADICTION,
                format!(
                    "one node at a time mounts `{}`, and `{}` has several pods",
                    volume.name.value, service.name.value
                ),
            )
            .at(volume.name.span(), "`once`")
            .also(service.scaling.origin().span, "more than one pod")
            .help("write `shared` if the storage can be mounted by several nodes, or remove `once` to give each replica a claim of its own");
            out.push(of_service(diagnostic, volume.name.origin, service));
        }
    }
}
