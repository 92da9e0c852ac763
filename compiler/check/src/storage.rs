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
